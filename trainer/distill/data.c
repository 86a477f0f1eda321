#include "trainer/distill/data.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "trainer/distill/store.h"

enum {
    SAVE_EVERY = 64,   /* conversations */
    MOST_LOST = 10000, /* conversations in a row of which none is kept */
};

typedef struct kept {
    size_t at; /* in the store */
    int32_t n;
    bool ended;
} kept;

struct ltd_data {
    ltd_data_options options;
    ltd_store *store;
    ltd_filter *filter;
    kept *kept;
    size_t n_kept, room;
    uint64_t next; /* number to be judged */
    uint64_t answer_tokens, judged_tokens, lost;
    uint64_t judged[LTD_VERDICT_COUNT];
};

/* --- what conversations follow from --- */

static void add_texts(ltd_str *s, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) ltd_str_printf(s, "%zu:%s", strlen(texts[i]), texts[i]);
}

static int identify(const ltd_data_options *o, ltd_str *ret, ltd_err *err)
{
    const ltd_writer_options *w = &o->writer;
    ltd_str texts = LTD_STR_INIT;
    char digest[65];
    add_texts(&texts, w->openers, w->n_openers);
    ltd_str_printf(&texts, "|");
    add_texts(&texts, w->messages, w->n_messages);
    const char *text = ltd_str_text(&texts);
    ltd_file_sha256(digest, text, strlen(text));
    ltd_str_printf(
        ret,
        "model %.12s, chat %s, seed %" PRIu64 ", messages of %d tokens at temperature "
        "%g, answers of %d at %g, %g greedy, %g opened, %zu openers and %zu messages %.8s",
        o->model_hash, o->chat_name, w->seed, w->message_tokens, w->message_temperature,
        w->answer_tokens, w->answer_temperature, w->greedy_share, w->opener_share, w->n_openers,
        w->n_messages, digest);
    bool failed = texts.failed || ret->failed;
    ltd_str_fini(&texts);
    return failed ? ltd_fail(err, LTD_ENOMEM, "conversations: no memory") : LTD_OK;
}

static int open_store(ltd_data *d, const char *folder, int32_t hidden, ltd_err *err)
{
    const ltd_writer_options *w = &d->options.writer;
    ltd_str identity = LTD_STR_INIT, taps = LTD_STR_INIT;
    int32_t width = d->options.keep_features ? w->n_taps * hidden : 0;
    int rc = identify(&d->options, &identity, err);
    for (int32_t t = 0; t < w->n_taps; t++) ltd_str_printf(&taps, "%s%d", t ? " " : "", w->taps[t]);
    if (rc == LTD_OK)
        rc = ltd_store_open(&d->store, folder, ltd_str_text(&identity), ltd_str_text(&taps), width,
                            err);
    ltd_str_fini(&identity);
    ltd_str_fini(&taps);
    return rc;
}

int ltd_data_open(ltd_data **ret, const char *folder, const ltd_data_options *options,
                  int32_t hidden, ltd_err *err)
{
    *ret = NULL;
    ltd_data *d = ltd_mem_zeros(1, sizeof *d);
    if (!d) return ltd_fail(err, LTD_ENOMEM, "conversations: no memory");
    d->options = *options;
    int rc = ltd_filter_new(&d->filter, &options->filter, err);
    if (rc == LTD_OK) rc = open_store(d, folder, hidden, err);
    if (rc < 0) {
        ltd_data_free(d);
        return rc;
    }
    *ret = d;
    return LTD_OK;
}

void ltd_data_free(ltd_data *d)
{
    if (!d) return;
    ltd_store_free(d->store);
    ltd_filter_free(d->filter);
    free(d->kept);
    free(d);
}

int ltd_data_exclude(ltd_data *d, const int32_t *ids, int32_t n, ltd_err *err)
{
    return ltd_filter_exclude(d->filter, ids, n, err);
}

/* --- which are kept --- */

static int judge_next(ltd_data *d, ltd_err *err)
{
    /* All numbers before it are there, so that it is the next in order, too. */
    size_t at = (size_t)d->next++;
    ltd_conversation c = ltd_store_at(d->store, at);
    d->judged_tokens += (uint64_t)(c.n - c.answer);
    int verdict = ltd_filter_judge(d->filter, &c, err);
    if (verdict < 0) return verdict;
    d->judged[verdict]++;
    d->lost++;
    if (verdict != LTD_VERDICT_KEPT) return LTD_OK;
    if (!ltd_mem_reserve((void **)&d->kept, &d->room, d->n_kept + 1, sizeof *d->kept))
        return ltd_fail(err, LTD_ENOMEM, "conversations: no memory");
    d->kept[d->n_kept++] = (kept){at, c.n, c.ended};
    d->answer_tokens += (uint64_t)(c.n - c.answer);
    d->lost = 0;
    return LTD_OK;
}

static bool enough(const ltd_data *d)
{
    return d->answer_tokens >= d->options.answer_tokens;
}

/* Judge what can be judged, as far as it is wanted. */
static int judge(ltd_data *d, ltd_err *err)
{
    int rc = LTD_OK;
    while (rc == LTD_OK && !enough(d) && ltd_store_has(d->store, d->next)) rc = judge_next(d, err);
    if (rc == LTD_OK && d->lost >= MOST_LOST)
        return ltd_fail(err, LTD_EINVAL,
                        "%d conversations in a row: too short, or all said before (%" PRIu64
                        " kept of %" PRIu64 ")",
                        MOST_LOST, (uint64_t)d->n_kept, d->next);
    return rc;
}

/* --- writing --- */

static bool is_there(void *ctx, uint64_t number)
{
    return ltd_store_has(ctx, number);
}

static void tell(const ltd_data *d, const ltd_writer *w, const ltd_data_watch *watch,
                 uint64_t began, uint64_t tokens_before)
{
    if (!watch->tell) return;
    uint64_t written = ltd_store_answer_tokens(d->store), forwards = ltd_writer_forwards(w);
    double seconds = 1e-9 * (double)(ltd_clock_now(&watch->clock) - began) + 1e-9;
    double share = d->judged_tokens ? (double)d->answer_tokens / (double)d->judged_tokens : 1;
    ltd_data_progress p = {.answer_tokens = written,
                           .before = tokens_before,
                           .conversations = ltd_store_count(d->store),
                           .rows_s = (double)ltd_writer_rows(w) / seconds,
                           .answer_tokens_s = (double)(written - tokens_before) / seconds};
    if (forwards) p.rows_per_forward = (double)ltd_writer_rows(w) / (double)forwards;
    p.wanted = (uint64_t)((double)d->options.answer_tokens / (share > 0.01 ? share : 0.01));
    watch->tell(watch->ctx, &p);
}

static int write_on(ltd_data *d, ltd_writer *w, const ltd_data_watch *watch, ltd_err *err)
{
    int rc = LTD_OK;
    uint64_t began = ltd_clock_now(&watch->clock), before = ltd_store_answer_tokens(d->store);
    for (int n = 1; rc == LTD_OK && !enough(d); n++) {
        ltd_conversation c;
        if (watch->stop && *watch->stop) {
            rc = ltd_store_save(d->store, err);
            return rc < 0 ? rc : ltd_fail(err, LTD_ECANCELED, "stopped while the model writes");
        }
        rc = ltd_writer_next(w, &c, err);
        if (rc < 0 || !c.n) break;
        if (!d->options.keep_features) c.features = NULL;
        rc = ltd_store_add(d->store, &c, err);
        if (rc == LTD_OK) rc = judge(d, err);
        if (rc == LTD_OK && n % SAVE_EVERY == 0) rc = ltd_store_save(d->store, err);
        tell(d, w, watch, began, before);
    }
    return rc == LTD_OK ? ltd_store_save(d->store, err) : rc;
}

int ltd_data_write(ltd_data *d, const ltd_llama *model, const ltd_tokenizer *tok,
                   const ltd_chat *chat, const ltd_data_watch *watch, ltd_err *err)
{
    int rc = judge(d, err);
    if (rc < 0 || enough(d)) return rc;
    ltd_writer_options o = d->options.writer;
    o.limit = UINT32_MAX - 1;
    o.skip = is_there;
    o.skip_ctx = d->store;
    if (!d->options.keep_features) o.n_taps = 0;
    ltd_writer *w;
    rc = ltd_writer_new(&w, model, tok, chat, &o, err);
    if (rc == LTD_OK) rc = write_on(d, w, watch, err);
    ltd_writer_free(w);
    return rc;
}

/* --- */

size_t ltd_data_count(const ltd_data *d)
{
    return d->n_kept;
}

ltd_conversation ltd_data_at(const ltd_data *d, size_t i)
{
    ltd_conversation c = ltd_store_at(d->store, d->kept[i].at);
    c.n = d->kept[i].n;
    c.ended = d->kept[i].ended;
    return c;
}

uint64_t ltd_data_answer_tokens(const ltd_data *d)
{
    return d->answer_tokens;
}

uint64_t ltd_data_judged(const ltd_data *d, ltd_verdict verdict)
{
    return d->judged[verdict];
}
