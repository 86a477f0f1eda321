/* A slot is a text of the session and the conversation that is written there. */
#include "trainer/distill/writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "models/llm/sample.h"
#include "models/llm/session.h"
#include "trainer/distill/feed.h"
#include "trainer/distill/frame.h"

enum {
    TEMPLATE_ROWS = 64, /* of a forward, beside a row of each text */
    MAX_TEXTS = 1024 - TEMPLATE_ROWS,
    MOST_TRIES = 8, /* for a message that is not empty */
};

typedef enum stage { EMPTY, MESSAGE, ANSWER, DONE } stage;

typedef struct slot {
    stage stage;
    ltd_conversation c;
    ltd_tokens tokens;
    int32_t message;    /* where it begins */
    uint16_t *features; /* [context, width] */
    int32_t tries;
    bool opened; /* the message's first words are given */
    ltd_rng rng;
} slot;

struct ltd_writer {
    ltd_writer_options options;
    const ltd_llama *model;
    const ltd_tokenizer *tok;
    ltd_frame frame;
    ltd_session *session;
    ltd_sampler **samplers; /* [threads, 2] of messages and answers */
    slot *slots;            /* [texts] */
    int32_t context;        /* tokens of a slot, at most */
    size_t width;           /* of a token's features */
    ltd_tokens prefix;      /* what all conversations begin with: text `texts` of the session */
    uint16_t *prefix_features;
    int32_t returned; /* slot of the conversation given last; -1 */
    uint64_t number;  /* next */
    uint64_t rows, forwards;
    ltd_feed feed;
    int32_t *chosen; /* [texts] of the forward's outputs */
};

/* --- options --- */

static int check(const ltd_writer_options *o, ltd_err *err)
{
    if (o->texts < 1 || o->texts > MAX_TEXTS)
        return ltd_fail(err, LTD_EINVAL, "texts side by side: %d, expected 1 to %d", o->texts,
                        MAX_TEXTS);
    if (o->message_tokens < 1 || o->answer_tokens < 1)
        return ltd_fail(err, LTD_EINVAL, "messages of %d tokens, answers of %d: expected 1 or more",
                        o->message_tokens, o->answer_tokens);
    if (!(o->greedy_share >= 0 && o->greedy_share <= 1))
        return ltd_fail(err, LTD_EINVAL, "greedy share %g, expected 0 to 1", o->greedy_share);
    if (!(o->opener_share >= 0 && o->opener_share <= 1) || (o->opener_share > 0 && !o->n_openers))
        return ltd_fail(err, LTD_EINVAL, "opener share %g of %zu openers, expected 0 to 1",
                        o->opener_share, o->n_openers);
    return LTD_OK;
}

/* Tokens of the longest conversation. */
static int longest(const ltd_writer *w, int32_t *ret, ltd_err *err)
{
    size_t most = 0;
    int rc = LTD_OK;
    for (size_t i = 0; rc == LTD_OK && i <= w->options.n_openers; i++) {
        ltd_tokens t = LTD_TOKENS_INIT;
        rc = ltd_frame_open(&w->frame, i ? w->options.openers[i - 1] : NULL, &t, err);
        if (t.n > most) most = t.n;
        ltd_tokens_fini(&t);
    }
    size_t written = most + (size_t)w->options.message_tokens;
    for (size_t i = 0; rc == LTD_OK && i < w->options.n_messages; i++) {
        ltd_tokens t = LTD_TOKENS_INIT;
        rc = ltd_frame_open(&w->frame, w->options.messages[i], &t, err);
        if (t.n > written) written = t.n;
        ltd_tokens_fini(&t);
    }
    *ret = (int32_t)(written + w->frame.after.n) + w->options.answer_tokens;
    return rc;
}

static int make_samplers(ltd_writer *w, ltd_err *err)
{
    int32_t threads = ltd_pool_threads(ltd_llama_pool(w->model));
    w->samplers = ltd_mem_zeros((size_t)threads, 2 * sizeof *w->samplers);
    if (!w->samplers) return ltd_fail(err, LTD_ENOMEM, "writer: no memory");
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < 2 * threads; i++) {
        const ltd_writer_options *o = &w->options;
        ltd_sampling rule = {.temperature = i % 2 ? o->answer_temperature : o->message_temperature,
                             .top_p = 1};
        rc = ltd_sampler_new(&w->samplers[i], ltd_llama_config(w->model)->vocab, &rule, err);
    }
    return rc;
}

static int allocate_features(ltd_writer *w, ltd_err *err)
{
    const ltd_writer_options *o = &w->options;
    if (!o->n_taps) return LTD_OK;
    int rc = ltd_session_set_taps(w->session, o->taps, o->n_taps, err);
    if (rc < 0) return rc;
    w->width = (size_t)o->n_taps * (size_t)ltd_llama_config(w->model)->hidden;
    size_t n = (size_t)w->context * w->width;
    bool ok = (w->prefix_features = ltd_mem_zeros(n, sizeof(uint16_t)));
    for (int32_t i = 0; ok && i < o->texts; i++)
        ok = (w->slots[i].features = ltd_mem_zeros(n, sizeof(uint16_t)));
    return ok ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "writer: no memory for features");
}

static int allocate(ltd_writer *w, ltd_err *err)
{
    size_t texts = (size_t)w->options.texts, rows = texts + TEMPLATE_ROWS;
    w->slots = ltd_mem_zeros(texts, sizeof *w->slots);
    w->chosen = ltd_mem_zeros(texts, sizeof *w->chosen);
    if (!w->slots || !w->chosen)
        return ltd_fail(err, LTD_ENOMEM, "writer of %zu texts: no memory", texts);
    int rc = ltd_feed_init(&w->feed, w->options.texts, TEMPLATE_ROWS, err);
    if (rc == LTD_OK) rc = longest(w, &w->context, err);
    ltd_session_options o = {w->context, (int32_t)rows, true, true, w->options.texts + 1};
    if (rc == LTD_OK) rc = ltd_session_new(&w->session, w->model, &o, err);
    if (rc == LTD_OK) rc = allocate_features(w, err);
    return rc == LTD_OK ? make_samplers(w, err) : rc;
}

/* Halves of what the forward left for its rows. */
static void keep_features(const ltd_writer *w, int32_t row, uint16_t *to)
{
    if (!w->width) return;
    ltd_llama_kernels(w->model)->store_f16(ltd_session_features(w->session, row), (int32_t)w->width,
                                           to);
}

/* The template up to the message, once for all conversations. */
static int read_prefix(ltd_writer *w, ltd_err *err)
{
    int rc = ltd_frame_open(&w->frame, NULL, &w->prefix, err);
    int32_t most = ltd_session_max_rows(w->session), n = (int32_t)w->prefix.n;
    for (int32_t i = 0, m; rc == LTD_OK && i < n; i += m) {
        m = n - i < most ? n - i : most;
        for (int32_t k = 0; k < m; k++) w->feed.owner[k] = w->options.texts;
        ltd_rows rows = {m, w->prefix.ids + i, NULL, 0};
        rc = ltd_session_append(w->session, &rows, w->feed.owner, err);
        for (int32_t k = 0; rc == LTD_OK && k < m; k++)
            keep_features(w, k, w->prefix_features + (size_t)(i + k) * w->width);
    }
    return rc;
}

/* --- conversations --- */

/* What a conversation has in common with the prefix is there already. */
static int begin_text(ltd_writer *w, int32_t i, ltd_err *err)
{
    slot *s = &w->slots[i];
    size_t n = 0;
    while (n < w->prefix.n && n + 1 < s->tokens.n && w->prefix.ids[n] == s->tokens.ids[n]) n++;
    int rc = ltd_session_forget(w->session, i, 0, err);
    if (rc == LTD_OK) rc = ltd_session_share(w->session, i, w->options.texts, (int32_t)n, err);
    if (rc < 0) return rc;
    w->feed.text[i] = (ltd_feed_text){&s->tokens, (int32_t)n};
    if (w->width) memcpy(s->features, w->prefix_features, n * w->width * sizeof *s->features);
    return LTD_OK;
}

static int end_message(const ltd_writer *w, slot *s, ltd_err *err)
{
    int rc = LTD_OK;
    for (size_t k = 0; rc == LTD_OK && k < w->frame.after.n; k++)
        rc = ltd_tokens_push(&s->tokens, w->frame.after.ids[k], err);
    s->c.answer = (int32_t)s->tokens.n;
    s->stage = ANSWER;
    return rc;
}

/* The next number goes to a slot, or, when there is none, nothing does. */
static int begin(ltd_writer *w, int32_t i, ltd_err *err)
{
    const ltd_writer_options *o = &w->options;
    slot *s = &w->slots[i];
    s->stage = EMPTY;
    while (w->number < o->limit && o->skip && o->skip(o->skip_ctx, w->number)) w->number++;
    if (w->number >= o->limit) return LTD_OK;
    s->c = (ltd_conversation){.number = w->number++};
    ltd_rng_seed(&s->rng, o->seed + s->c.number * 0x9e3779b97f4a7c15, LTD_STREAM_SAMPLE);
    s->opened = ltd_rng_f64(&s->rng) < o->opener_share;
    const char *words = s->opened ? o->openers[ltd_rng_below(&s->rng, o->n_openers)] : NULL;
    s->c.greedy = ltd_rng_f64(&s->rng) < o->greedy_share;
    s->tokens.n = 0;
    s->tries = 0;
    bool given = s->c.number < o->n_messages;
    int rc = ltd_frame_open(&w->frame, given ? o->messages[s->c.number] : words, &s->tokens, err);
    s->message = (int32_t)s->tokens.n;
    s->stage = MESSAGE;
    if (rc == LTD_OK && given) rc = end_message(w, s, err);
    return rc == LTD_OK ? begin_text(w, i, err) : rc;
}

static int add_to_message(ltd_writer *w, int32_t i, int32_t token, ltd_err *err)
{
    slot *s = &w->slots[i];
    bool end = ltd_frame_ends(&w->frame, token);
    int rc = end ? LTD_OK : ltd_tokens_push(&s->tokens, token, err);
    int32_t n = (int32_t)s->tokens.n - s->message;
    if (n == 0 && !s->opened && ++s->tries < MOST_TRIES) {
        /* Once more from the same place. */
        w->feed.text[i].fed = s->message - 1;
        return ltd_session_forget(w->session, i, s->message - 1, err);
    }
    if (rc < 0 || (!end && n < w->options.message_tokens)) return rc;
    return end_message(w, s, err);
}

static int add_to_answer(ltd_writer *w, int32_t i, int32_t token, ltd_err *err)
{
    slot *s = &w->slots[i];
    int rc = ltd_tokens_push(&s->tokens, token, err);
    s->c.ended = ltd_tokenizer_is_end(w->tok, token);
    s->c.n = (int32_t)s->tokens.n;
    if (s->c.ended || s->c.n - s->c.answer == w->options.answer_tokens) {
        s->stage = DONE;
        w->feed.text[i].tokens = NULL;
    }
    return rc;
}

/* --- a forward --- */

static void choose(void *ctx, int32_t task, int32_t thread)
{
    ltd_writer *w = ctx;
    slot *s = &w->slots[w->feed.out[task]];
    int32_t row = ltd_feed_row(&w->feed, task);
    bool answer = s->stage == ANSWER;
    w->chosen[task] = ltd_session_argmax(w->session, row);
    if (answer && s->c.greedy) return;
    ltd_sampler *sampler = w->samplers[2 * thread + answer];
    double u = ltd_rng_f64(&s->rng);
    /* Logits that are no numbers have no distribution: their argmax stands. */
    if (ltd_sampler_set(sampler, ltd_session_logits(w->session, row), NULL) == LTD_OK)
        w->chosen[task] = ltd_sampler_draw(sampler, u);
}

static void keep_row(void *ctx, int32_t row, int32_t thread)
{
    (void)thread;
    const ltd_writer *w = ctx;
    const slot *s = &w->slots[w->feed.owner[row]];
    keep_features(w, row, s->features + (size_t)w->feed.position[row] * w->width);
}

static int forward(ltd_writer *w, ltd_err *err)
{
    const ltd_feed *f = &w->feed;
    int rc = ltd_feed_forward(&w->feed, w->session, err);
    if (rc < 0) return rc;
    w->rows += (uint64_t)f->n;
    w->forwards++;
    ltd_pool_run(ltd_llama_pool(w->model), keep_row, w, f->n);
    ltd_pool_run(ltd_llama_pool(w->model), choose, w, f->n_out);
    for (int32_t j = 0; rc == LTD_OK && j < f->n_out; j++) {
        int32_t i = f->out[j];
        if (w->slots[i].stage == MESSAGE)
            rc = add_to_message(w, i, w->chosen[j], err);
        else
            rc = add_to_answer(w, i, w->chosen[j], err);
    }
    return rc;
}

/* --- */

int ltd_writer_new(ltd_writer **ret, const ltd_llama *model, const ltd_tokenizer *tok,
                   const ltd_chat *chat, const ltd_writer_options *options, ltd_err *err)
{
    *ret = NULL;
    int rc = check(options, err);
    if (rc < 0) return rc;
    ltd_writer *w = ltd_mem_zeros(1, sizeof *w);
    if (!w) return ltd_fail(err, LTD_ENOMEM, "writer: no memory");
    w->options = *options;
    w->model = model;
    w->tok = tok;
    w->returned = -1;
    rc = ltd_frame_init(&w->frame, tok, chat, err);
    if (rc == LTD_OK) rc = allocate(w, err);
    if (rc == LTD_OK) rc = read_prefix(w, err);
    for (int32_t i = 0; rc == LTD_OK && i < options->texts; i++) rc = begin(w, i, err);
    if (rc < 0) {
        ltd_writer_free(w);
        return rc;
    }
    *ret = w;
    return LTD_OK;
}

void ltd_writer_free(ltd_writer *w)
{
    if (!w) return;
    int32_t threads = ltd_pool_threads(ltd_llama_pool(w->model));
    for (int32_t i = 0; w->samplers && i < 2 * threads; i++) ltd_sampler_free(w->samplers[i]);
    for (int32_t i = 0; w->slots && i < w->options.texts; i++) {
        ltd_tokens_fini(&w->slots[i].tokens);
        free(w->slots[i].features);
    }
    ltd_tokens_fini(&w->prefix);
    free(w->prefix_features);
    ltd_session_free(w->session);
    ltd_frame_fini(&w->frame);
    free(w->samplers);
    free(w->slots);
    ltd_feed_fini(&w->feed);
    free(w->chosen);
    free(w);
}

int ltd_writer_next(ltd_writer *w, ltd_conversation *ret, ltd_err *err)
{
    int rc = w->returned < 0 ? LTD_OK : begin(w, w->returned, err);
    w->returned = -1;
    *ret = (ltd_conversation){0};
    while (rc == LTD_OK) {
        bool busy = false;
        for (int32_t i = 0; i < w->options.texts; i++) {
            slot *s = &w->slots[i];
            busy = busy || s->stage != EMPTY;
            if (s->stage != DONE) continue;
            s->c.token = s->tokens.ids;
            s->c.features = s->features;
            *ret = s->c;
            w->returned = i;
            return LTD_OK;
        }
        if (!busy) return LTD_OK;
        rc = forward(w, err);
    }
    return rc;
}

uint64_t ltd_writer_rows(const ltd_writer *w)
{
    return w->rows;
}

uint64_t ltd_writer_forwards(const ltd_writer *w)
{
    return w->forwards;
}
