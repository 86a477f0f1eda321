/* The engine behind a cycle.  The session holds committed tokens; `pending` are the pairs (feature
 * of x_t, x_t+1) that the draft head has not seen yet.  A cycle adds accept_len pairs; the next
 * resync runs all that wait.  A prompt that begins like the text before it keeps what both have:
 * a row has the same bits whatever stands beside it, so nothing depends on where it was computed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "env/source_priv.h"

enum { PREFILL_ROWS = 64 };

typedef struct live {
    ltd_source source; /* first: the two are cast into each other */
    ltd_cycle_options options;
    ltd_session *session;
    ltd_draft *draft;  /* NULL without a head */
    ltd_chance chance; /* sampler NULL: greedy */
    ltd_rng rng;
    int32_t *text;   /* [context + 1] committed tokens, then the root */
    double (*ms)[2]; /* [context] what a token's prefill took: target, head; 0: it was decoded */
    /* pairs the head has not seen */
    float *pending;         /* [context, 3 hidden] */
    int32_t *pending_token; /* [context] */
    int32_t n_pending;
    int32_t feature; /* floats of a feature */
} live;

/* --- prompt --- */

/* One chunk of the prompt through the target, its pairs through the head.  The prompt's last pair
 * waits for the first resync, because its next token is the root. */
static int prefill_chunk(live *l, const int32_t *ids, int32_t n, int32_t left, ltd_err *err)
{
    int32_t identity[PREFILL_ROWS], at = ltd_session_length(l->session);
    for (int32_t i = 0; i < PREFILL_ROWS; i++) identity[i] = i;
    uint64_t t0 = ltd_clock_now(&l->options.clock);
    ltd_rows rows = {n, ids, NULL, left == n ? 1 : 0};
    int rc = ltd_session_forward(l->session, &rows, err);
    if (rc == LTD_OK) rc = ltd_session_commit(l->session, identity, n, err);
    uint64_t t1 = ltd_clock_now(&l->options.clock);
    if (rc < 0) return rc;
    for (int32_t i = 0; i < n; i++) {
        l->ms[at + i][0] = (double)(t1 - t0) * 1e-6 / n;
        l->ms[at + i][1] = 0;
    }
    if (!l->draft) return rc;
    int32_t pairs = left == n ? n - 1 : n;
    const float *features = ltd_session_features(l->session, 0);
    if (pairs) rc = ltd_draft_extend(l->draft, features, ids + 1, pairs, false, err);
    if (left == n) {
        memcpy(l->pending, features + (size_t)pairs * (size_t)l->feature,
               (size_t)l->feature * sizeof(float));
        l->n_pending = 1;
    }
    double head = (double)(ltd_clock_now(&l->options.clock) - t1) * 1e-6;
    for (int32_t i = 0; i < n; i++) l->ms[at + i][1] = head / n;
    return rc;
}

/* The first token of an answer.  Its prompt chooses the stream of numbers (FNV-1a of the ids), so
 * that a text is the same whatever was played before it. */
static int choose_root(live *l, const int32_t *ids, int32_t n, int32_t row, int32_t *root,
                       ltd_err *err)
{
    if (!l->chance.sampler) {
        *root = ltd_session_argmax(l->session, row);
        return LTD_OK;
    }
    uint64_t hash = 0xcbf29ce484222325u;
    for (int32_t i = 0; i < n; i++) hash = (hash ^ (uint32_t)ids[i]) * 0x100000001b3u;
    ltd_rng_seed(&l->rng, l->source.seed ^ hash, LTD_STREAM_SAMPLE);
    int rc = ltd_sampler_set(l->chance.sampler, ltd_session_logits(l->session, row), err);
    if (rc == LTD_OK) *root = ltd_sampler_draw(l->chance.sampler, ltd_rng_f64(&l->rng));
    return rc;
}

/* Keep what a prompt has in common with the text, but for its last token, whose logits and feature
 * are needed, and for what the head has not seen; *kept tokens. */
static int keep_beginning(live *l, const int32_t *ids, int32_t n, int32_t *kept, ltd_err *err)
{
    int32_t same = 0, most = ltd_session_length(l->session);
    if (most > n) most = n;
    while (same < most && l->text[same] == ids[same]) same++;
    if (same > 0) same--;
    if (l->draft && same > ltd_draft_length(l->draft)) same = ltd_draft_length(l->draft);
    *kept = same;
    int rc = ltd_session_truncate(l->session, same, err);
    if (rc < 0 || !l->draft) return rc;
    return same ? ltd_draft_truncate(l->draft, same, err) : ltd_draft_begin(l->draft, ids[0], err);
}

/* Whoever computed a token for this text: rows of a bench that share a prompt tell the same. */
static void tell_times(live *l, int32_t n)
{
    l->source.target_ms = l->source.head_ms = 0;
    for (int32_t i = 0; i < n; i++) {
        l->source.target_ms += l->ms[i][0];
        l->source.head_ms += l->ms[i][1];
    }
}

static int live_prompt(ltd_source *source, const int32_t *ids, int32_t n, int32_t *root,
                       ltd_err *err)
{
    live *l = (live *)source;
    int32_t kept, last = 0;
    int rc = keep_beginning(l, ids, n, &kept, err);
    l->n_pending = 0;
    for (int32_t i = kept; rc == LTD_OK && i < n; i += PREFILL_ROWS) {
        last = n - i < PREFILL_ROWS ? n - i : PREFILL_ROWS;
        rc = prefill_chunk(l, ids + i, last, n - i, err);
    }
    if (rc == LTD_OK) rc = choose_root(l, ids, n, last - 1, root, err);
    if (rc < 0) ltd_session_truncate(l->session, 0, NULL); /* half a prompt is no text */
    if (rc == LTD_OK) {
        memcpy(l->text, ids, (size_t)n * sizeof *ids);
        l->text[n] = *root;
        if (l->draft) l->pending_token[0] = *root;
        tell_times(l, n);
    }
    l->source.length = ltd_session_length(l->session);
    return rc;
}

/* --- drafting --- */

/* The resync: all pairs that wait, the last of them with its best tokens. */
static int resync(live *l, ltd_err *err)
{
    int rc = LTD_OK;
    int32_t done = 0;
    while (rc == LTD_OK && done < l->n_pending) {
        int32_t n = l->n_pending - done < PREFILL_ROWS ? l->n_pending - done : PREFILL_ROWS;
        rc = ltd_draft_extend(l->draft, l->pending + (size_t)done * (size_t)l->feature,
                              l->pending_token + done, n, done + n == l->n_pending, err);
        done += n;
    }
    if (rc < 0) return rc;
    /* The last pair stays at hand, for a cycle that is begun again on the same root. */
    int32_t last = l->n_pending - 1;
    memmove(l->pending, l->pending + (size_t)last * (size_t)l->feature,
            (size_t)l->feature * sizeof(float));
    l->pending_token[0] = l->pending_token[last];
    l->n_pending = 0;
    return LTD_OK;
}

/* An abandoned cycle has run the resync already: its last pair is run again. */
static int resync_again(live *l, ltd_err *err)
{
    int32_t last = ltd_draft_length(l->draft) - 1;
    int rc = ltd_draft_truncate(l->draft, last, err);
    if (rc == LTD_OK) rc = ltd_draft_extend(l->draft, l->pending, l->pending_token, 1, true, err);
    return rc;
}

static int expand(live *l, const ltd_tree *tree, ltd_err *err)
{
    const int32_t *ancestors[LTD_TREE_MAX_TOP_K];
    int32_t n = 0;
    for (int32_t j = 0; j < l->options.top_k; j++)
        n = ltd_tree_beam_ancestors(tree, j, &ancestors[j]);
    ltd_expansion rows = {ltd_tree_beam_token(tree), ltd_tree_beam_source(tree), ancestors, n};
    return ltd_draft_expand(l->draft, &rows, err);
}

static int live_draft(ltd_source *source, ltd_tree *tree, const int32_t **token, const float **logp,
                      ltd_err *err)
{
    live *l = (live *)source;
    int rc;
    if (ltd_tree_forwards(tree) > 0)
        rc = expand(l, tree, err);
    else if (l->n_pending > 0)
        rc = resync(l, err);
    else
        rc = resync_again(l, err);
    *token = ltd_draft_tokens(l->draft);
    *logp = ltd_draft_logp(l->draft);
    return rc;
}

/* --- verification --- */

static int live_verify(ltd_source *source, const ltd_selection *s, ltd_err *err)
{
    ltd_rows rows = {s->n, s->token, s->parent, s->n};
    return ltd_session_forward(((live *)source)->session, &rows, err);
}

static int32_t live_accept(ltd_source *source, const ltd_selection *s, int32_t *path, int32_t *next,
                           ltd_err *err)
{
    live *l = (live *)source;
    if (l->options.accept == LTD_ACCEPT_ALWAYS)
        return ltd_accept_always(s, ltd_session_argmaxes(l->session), path, next);
    if (!l->chance.sampler)
        return ltd_accept_greedy(s, ltd_session_argmaxes(l->session), path, next);
    if (l->options.accept == LTD_ACCEPT_SAMPLED)
        return ltd_accept_sampled(s, &l->chance, path, next, err);
    return ltd_accept_drawn(s, &l->chance, path, next, err);
}

/* Features of the accepted rows and the tokens that follow them wait for the next resync. */
static int live_commit(ltd_source *source, const int32_t *path, const int32_t *tokens, int32_t n,
                       ltd_err *err)
{
    live *l = (live *)source;
    for (int32_t i = 0; l->draft && i < n; i++) {
        memcpy(l->pending + (size_t)l->n_pending * (size_t)l->feature,
               ltd_session_features(l->session, path[i]), (size_t)l->feature * sizeof(float));
        l->pending_token[l->n_pending++] = tokens[i];
    }
    memcpy(l->text + l->source.length + 1, tokens, (size_t)n * sizeof *tokens);
    memset(l->ms + l->source.length, 0, (size_t)n * sizeof *l->ms);
    int rc = ltd_session_commit(l->session, path, n, err);
    l->source.length = ltd_session_length(l->session);
    return rc;
}

static bool live_is_end(const ltd_source *source, int32_t token)
{
    const ltd_tokenizer *tok = ltd_llama_tokenizer(((const live *)source)->options.model);
    return tok && ltd_tokenizer_is_end(tok, token);
}

/* --- */

static void live_free(ltd_source *source)
{
    live *l = (live *)source;
    ltd_session_free(l->session);
    ltd_draft_free(l->draft);
    ltd_sampler_free(l->chance.sampler);
    free(l->text);
    free(l->ms);
    free(l->pending);
    free(l->pending_token);
    free(l);
}

static const float *row_logits(const void *session, int32_t row)
{
    return ltd_session_logits(session, row);
}

static double next_number(void *rng)
{
    return ltd_rng_f64(rng);
}

static int open_head(live *l, ltd_err *err)
{
    const ltd_cycle_options *o = &l->options;
    ltd_draft_options draft = {.context = o->context,
                               .max_rows = PREFILL_ROWS,
                               .top_k = o->top_k,
                               .max_expansions = o->max_forwards > 0 ? o->max_forwards - 1 : 0,
                               .vocabulary = o->vocabulary};
    int rc = ltd_session_set_taps(l->session, ltd_eagle3_get_config(o->head)->taps, 3, err);
    if (rc == LTD_OK) rc = ltd_draft_new(&l->draft, o->head, &draft, err);
    if (rc < 0) return rc;
    l->feature = 3 * ltd_llama_config(o->model)->hidden;
    l->pending = ltd_mem_aligned((size_t)o->context * (size_t)l->feature, sizeof(float));
    l->pending_token = ltd_mem_zeros((size_t)o->context, sizeof(int32_t));
    if (l->pending && l->pending_token) return LTD_OK;
    return ltd_fail(err, LTD_ENOMEM, "cycle: no memory");
}

static int open_engine(live *l, ltd_err *err)
{
    const ltd_cycle_options *o = &l->options;
    int32_t rows = o->max_size + 1 > PREFILL_ROWS ? o->max_size + 1 : PREFILL_ROWS;
    ltd_session_options so = {.context = o->context,
                              .max_rows = rows,
                              .kv_f16 = o->kv_f16,
                              .logits = o->sampling.temperature != 0};
    l->text = ltd_mem_zeros((size_t)o->context + 1, sizeof *l->text);
    l->ms = ltd_mem_zeros((size_t)o->context, sizeof *l->ms);
    if (!l->text || !l->ms) return ltd_fail(err, LTD_ENOMEM, "cycle: no memory");
    int rc = ltd_session_new(&l->session, o->model, &so, err);
    if (rc == LTD_OK && o->head) rc = open_head(l, err);
    if (rc == LTD_OK && o->sampling.temperature != 0)
        rc = ltd_sampler_new(&l->chance.sampler, ltd_llama_config(o->model)->vocab, &o->sampling,
                             err);
    return rc;
}

int ltd_source_live(ltd_source **ret, const ltd_cycle_options *options, ltd_err *err)
{
    live *l = ltd_mem_zeros(1, sizeof *l);
    if (!l) return ltd_fail(err, LTD_ENOMEM, "cycle: no memory");
    l->options = *options;
    l->source = (ltd_source){.prompt = live_prompt,
                             .draft = live_draft,
                             .verify = live_verify,
                             .accept = live_accept,
                             .commit = live_commit,
                             .is_end = live_is_end,
                             .free = live_free,
                             .drafts = options->head != NULL,
                             .seed = options->seed};
    int rc = open_engine(l, err);
    l->chance = (ltd_chance){l->chance.sampler, row_logits, l->session, next_number, &l->rng};
    if (rc < 0) {
        live_free(&l->source);
        return rc;
    }
    *ret = &l->source;
    return LTD_OK;
}
