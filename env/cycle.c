/* State of a text: the session holds committed tokens; `root` is the next one; `pending` are the
 * pairs (feature of x_t, x_t+1) that the draft head has not seen yet.  A cycle adds accept_len
 * pairs; the next resync runs all that wait. */
#include "env/cycle.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "env/lookup.h"

enum { PREFILL_ROWS = 64 };

struct ltd_cycle {
    ltd_cycle_options options;
    ltd_session *session;
    ltd_draft *draft; /* NULL without a head */
    ltd_tree *tree;
    ltd_lookup *lookup; /* NULL when the cycle was made without */
    bool find;          /* lookup is on */
    ltd_phases phases;
    ltd_chance chance; /* sampler NULL: greedy */
    ltd_rng rng;
    int32_t root;
    int32_t match, chain;
    /* pairs the head has not seen */
    float *pending;         /* [context, 3 hidden] */
    int32_t *pending_token; /* [context] */
    int32_t n_pending;
    int32_t feature; /* floats of a feature */
    /* scratch */
    int32_t *chain_token;
    float *chain_score;
    int32_t *path, *tokens;
    double prefill_target_ms, prefill_head_ms;
    ltd_cycle_result result;
};

static int check_options(const ltd_cycle_options *o, ltd_err *err)
{
    if (o->max_size < 0 || o->max_size > 1000)
        return ltd_fail(err, LTD_EINVAL, "max size %d: expected 0 to 1000", o->max_size);
    if (o->max_forwards < 0 || o->max_forwards > LTD_TREE_MAX_DEPTH)
        return ltd_fail(err, LTD_EINVAL, "max forwards %d: expected 0 to %d", o->max_forwards,
                        LTD_TREE_MAX_DEPTH);
    if (o->lookup && (o->lookup_max_chain < 1 || o->lookup_max_chain > LTD_TREE_MAX_DEPTH))
        return ltd_fail(err, LTD_EINVAL, "lookup chain of %d: expected 1 to %d",
                        o->lookup_max_chain, LTD_TREE_MAX_DEPTH);
    return LTD_OK;
}

static int open_parts(ltd_cycle *c, ltd_err *err)
{
    const ltd_cycle_options *o = &c->options;
    int32_t rows = o->max_size + 1 > PREFILL_ROWS ? o->max_size + 1 : PREFILL_ROWS;
    ltd_session_options so = {.context = o->context,
                              .max_rows = rows,
                              .kv_f16 = o->kv_f16,
                              .logits = o->sampling.temperature != 0};
    int rc = ltd_session_new(&c->session, o->model, &so, err);
    if (rc == LTD_OK && o->head)
        rc = ltd_session_set_taps(c->session, ltd_eagle3_get_config(o->head)->taps, 3, err);
    ltd_draft_options draft = {.context = o->context,
                               .max_rows = PREFILL_ROWS,
                               .top_k = o->top_k,
                               .max_expansions = o->max_forwards > 0 ? o->max_forwards - 1 : 0,
                               .vocabulary = o->vocabulary};
    if (rc == LTD_OK && o->head) rc = ltd_draft_new(&c->draft, o->head, &draft, err);
    if (rc == LTD_OK)
        rc = ltd_tree_new(&c->tree, o->top_k, o->max_forwards, o->lookup ? o->lookup_max_chain : 0,
                          o->max_size, err);
    if (rc == LTD_OK && o->lookup)
        rc = ltd_lookup_new(&c->lookup, o->context, o->lookup_min_match, err);
    if (rc == LTD_OK && o->sampling.temperature != 0)
        rc = ltd_sampler_new(&c->chance.sampler, ltd_llama_config(o->model)->vocab, &o->sampling,
                             err);
    return rc;
}

static const float *row_logits(const void *session, int32_t row)
{
    return ltd_session_logits(session, row);
}

static double next_number(void *rng)
{
    return ltd_rng_f64(rng);
}

int ltd_cycle_new(ltd_cycle **ret, const ltd_cycle_options *options, ltd_err *err)
{
    *ret = NULL;
    int rc = check_options(options, err);
    if (rc < 0) return rc;
    ltd_cycle *c = ltd_mem_zeros(1, sizeof *c);
    if (!c) return ltd_fail(err, LTD_ENOMEM, "cycle: no memory");
    c->options = *options;
    c->find = options->lookup;
    rc = open_parts(c, err);
    c->chance = (ltd_chance){c->chance.sampler, row_logits, c->session, next_number, &c->rng};
    size_t context = (size_t)options->context, rows = (size_t)options->max_size + 1;
    if (rc == LTD_OK && c->draft) {
        c->feature = 3 * ltd_llama_config(options->model)->hidden;
        c->pending = ltd_mem_aligned(context * (size_t)c->feature, sizeof(float));
        c->pending_token = ltd_mem_zeros(context, sizeof(int32_t));
        if (!c->pending || !c->pending_token) rc = ltd_fail(err, LTD_ENOMEM, "cycle: no memory");
    }
    if (rc == LTD_OK) {
        c->chain_token = ltd_mem_zeros(LTD_TREE_MAX_DEPTH, sizeof(int32_t));
        c->chain_score = ltd_mem_zeros(LTD_TREE_MAX_DEPTH, sizeof(float));
        c->path = ltd_mem_zeros(rows, sizeof(int32_t));
        c->tokens = ltd_mem_zeros(rows, sizeof(int32_t));
        if (!c->chain_token || !c->chain_score || !c->path || !c->tokens)
            rc = ltd_fail(err, LTD_ENOMEM, "cycle: no memory");
    }
    if (rc < 0) {
        ltd_cycle_free(c);
        return rc;
    }
    *ret = c;
    return LTD_OK;
}

void ltd_cycle_free(ltd_cycle *c)
{
    if (!c) return;
    ltd_session_free(c->session);
    ltd_draft_free(c->draft);
    ltd_tree_free(c->tree);
    ltd_lookup_free(c->lookup);
    ltd_sampler_free(c->chance.sampler);
    free(c->pending);
    free(c->pending_token);
    free(c->chain_token);
    free(c->chain_score);
    free(c->path);
    free(c->tokens);
    free(c);
}

/* --- prompt --- */

/* One chunk of the prompt through the target, its pairs through the head.  The prompt's last pair
 * waits for the first resync, because its next token is the root. */
static int prefill_chunk(ltd_cycle *c, const int32_t *ids, int32_t n, int32_t left, ltd_err *err)
{
    int32_t identity[PREFILL_ROWS];
    for (int32_t i = 0; i < PREFILL_ROWS; i++) identity[i] = i;
    uint64_t t0 = ltd_clock_now(&c->options.clock);
    ltd_rows rows = {n, ids, NULL, left == n ? 1 : 0};
    int rc = ltd_session_forward(c->session, &rows, err);
    if (rc == LTD_OK) rc = ltd_session_commit(c->session, identity, n, err);
    uint64_t t1 = ltd_clock_now(&c->options.clock);
    c->prefill_target_ms += (double)(t1 - t0) * 1e-6;
    if (rc < 0 || !c->draft) return rc;
    int32_t pairs = left == n ? n - 1 : n;
    const float *features = ltd_session_features(c->session, 0);
    if (pairs) rc = ltd_draft_extend(c->draft, features, ids + 1, pairs, false, err);
    if (left == n) {
        memcpy(c->pending, features + (size_t)pairs * (size_t)c->feature,
               (size_t)c->feature * sizeof(float));
        c->n_pending = 1;
    }
    c->prefill_head_ms += (double)(ltd_clock_now(&c->options.clock) - t1) * 1e-6;
    return rc;
}

/* The first token of an answer.  Its prompt chooses the stream of numbers (FNV-1a of the ids), so
 * that a text is the same whatever was played before it. */
static int choose_root(ltd_cycle *c, const int32_t *ids, int32_t n, int32_t row, ltd_err *err)
{
    if (!c->chance.sampler) {
        c->root = ltd_session_argmax(c->session, row);
        return LTD_OK;
    }
    uint64_t hash = 0xcbf29ce484222325u;
    for (int32_t i = 0; i < n; i++) hash = (hash ^ (uint32_t)ids[i]) * 0x100000001b3u;
    ltd_rng_seed(&c->rng, c->options.seed ^ hash, LTD_STREAM_SAMPLE);
    int rc = ltd_sampler_set(c->chance.sampler, ltd_session_logits(c->session, row), err);
    if (rc == LTD_OK) c->root = ltd_sampler_draw(c->chance.sampler, ltd_rng_f64(&c->rng));
    return rc;
}

void ltd_cycle_set_seed(ltd_cycle *c, uint64_t seed)
{
    c->options.seed = seed;
}

int ltd_cycle_prompt(ltd_cycle *c, const int32_t *ids, int32_t n, ltd_err *err)
{
    int32_t most = c->options.context - c->options.max_size - 2;
    if (n < 1 || n > most)
        return ltd_fail(
            err, LTD_EINVAL,
            "prompt of %d tokens: expected 1 to %d (context %d, up to %d nodes verified)", n, most,
            c->options.context, c->options.max_size);
    int rc = ltd_session_truncate(c->session, 0, err);
    if (rc == LTD_OK && c->draft) rc = ltd_draft_begin(c->draft, ids[0], err);
    c->n_pending = 0;
    c->prefill_target_ms = c->prefill_head_ms = 0;
    int32_t last = 0;
    for (int32_t i = 0; rc == LTD_OK && i < n; i += PREFILL_ROWS) {
        last = n - i < PREFILL_ROWS ? n - i : PREFILL_ROWS;
        rc = prefill_chunk(c, ids + i, last, n - i, err);
    }
    if (rc == LTD_OK && c->lookup) {
        ltd_lookup_reset(c->lookup);
        rc = ltd_lookup_append(c->lookup, ids, n, err);
    }
    if (rc == LTD_OK) rc = choose_root(c, ids, n, last - 1, err);
    if (rc < 0) { /* half a prompt is no text */
        ltd_session_truncate(c->session, 0, NULL);
        return rc;
    }
    if (c->draft) c->pending_token[0] = c->root;
    return LTD_OK;
}

int32_t ltd_cycle_root(const ltd_cycle *c)
{
    return c->root;
}

int32_t ltd_cycle_context(const ltd_cycle *c)
{
    return ltd_session_length(c->session);
}

int32_t ltd_cycle_room(const ltd_cycle *c)
{
    return c->options.context - c->options.max_size - 1 - ltd_session_length(c->session);
}

/* --- cycle --- */

int ltd_cycle_begin(ltd_cycle *c, ltd_err *err)
{
    if (ltd_cycle_room(c) < 1 || ltd_cycle_context(c) < 1)
        return ltd_fail(err, LTD_EINVAL, "cycle: no text, or no room behind its %d tokens",
                        ltd_cycle_context(c));
    ltd_phases_start(&c->phases, &c->options.clock);
    ltd_tree_reset(c->tree);
    c->match = c->chain = 0;
    if (!c->find) return LTD_OK;
    ltd_phases_enter(&c->phases, LTD_PHASE_DRAFT);
    c->match =
        ltd_lookup_find(c->lookup, c->root, c->chain_token, c->options.lookup_max_chain, &c->chain);
    if (c->match) {
        ltd_lookup_scores(c->match, c->chain_score, c->chain);
        ltd_tree_add_chain(c->tree, c->chain_token, c->chain_score, c->chain);
    } else {
        c->chain = 0;
    }
    ltd_phases_enter(&c->phases, LTD_PHASE_OTHER);
    return LTD_OK;
}

bool ltd_cycle_can_draft(const ltd_cycle *c)
{
    return c->draft && ltd_tree_forwards(c->tree) < c->options.max_forwards;
}

/* The resync: all pairs that wait, the last of them with its best tokens. */
static int resync(ltd_cycle *c, ltd_err *err)
{
    int rc = LTD_OK;
    int32_t done = 0;
    while (rc == LTD_OK && done < c->n_pending) {
        int32_t n = c->n_pending - done < PREFILL_ROWS ? c->n_pending - done : PREFILL_ROWS;
        rc = ltd_draft_extend(c->draft, c->pending + (size_t)done * (size_t)c->feature,
                              c->pending_token + done, n, done + n == c->n_pending, err);
        done += n;
    }
    if (rc < 0) return rc;
    /* The last pair stays at hand, for a cycle that is begun again on the same root. */
    int32_t last = c->n_pending - 1;
    memmove(c->pending, c->pending + (size_t)last * (size_t)c->feature,
            (size_t)c->feature * sizeof(float));
    c->pending_token[0] = c->pending_token[last];
    c->n_pending = 0;
    return LTD_OK;
}

/* An abandoned cycle has run the resync already: its last pair is run again. */
static int resync_again(ltd_cycle *c, ltd_err *err)
{
    int32_t last = ltd_draft_length(c->draft) - 1;
    int rc = ltd_draft_truncate(c->draft, last, err);
    if (rc == LTD_OK) rc = ltd_draft_extend(c->draft, c->pending, c->pending_token, 1, true, err);
    return rc;
}

static int expand(ltd_cycle *c, ltd_err *err)
{
    const int32_t *ancestors[LTD_TREE_MAX_TOP_K];
    int32_t n = 0;
    for (int32_t j = 0; j < c->options.top_k; j++)
        n = ltd_tree_beam_ancestors(c->tree, j, &ancestors[j]);
    ltd_expansion rows = {ltd_tree_beam_token(c->tree), ltd_tree_beam_source(c->tree), ancestors,
                          n};
    return ltd_draft_expand(c->draft, &rows, err);
}

int ltd_cycle_draft(ltd_cycle *c, ltd_err *err)
{
    if (!ltd_cycle_can_draft(c))
        return ltd_fail(err, LTD_EINVAL, "draft: %s",
                        c->draft ? "no forward left in this cycle" : "there is no draft head");
    ltd_phases_enter(&c->phases, LTD_PHASE_DRAFT);
    int rc;
    if (ltd_tree_forwards(c->tree) > 0)
        rc = expand(c, err);
    else if (c->n_pending > 0)
        rc = resync(c, err);
    else
        rc = resync_again(c, err);
    ltd_phases_enter(&c->phases, LTD_PHASE_OTHER);
    if (rc < 0) return rc;
    return ltd_tree_grow(c->tree, ltd_draft_tokens(c->draft), ltd_draft_logp(c->draft), err);
}

/* Features of the accepted rows and the tokens that follow them wait for the next resync. */
static void keep_pairs(ltd_cycle *c, int32_t n)
{
    if (!c->draft) return;
    for (int32_t i = 0; i < n; i++) {
        memcpy(c->pending + (size_t)c->n_pending * (size_t)c->feature,
               ltd_session_features(c->session, c->path[i]), (size_t)c->feature * sizeof(float));
        c->pending_token[c->n_pending++] = c->tokens[i];
    }
}

static int32_t accept(ltd_cycle *c, const ltd_selection *s, int32_t *next, ltd_err *err)
{
    if (!c->chance.sampler)
        return ltd_accept_greedy(s, ltd_session_argmaxes(c->session), c->path, next);
    if (c->options.accept == LTD_ACCEPT_SAMPLED)
        return ltd_accept_sampled(s, &c->chance, c->path, next, err);
    return ltd_accept_drawn(s, &c->chance, c->path, next, err);
}

static int commit(ltd_cycle *c, const ltd_selection *s, ltd_err *err)
{
    int32_t next, n = accept(c, s, &next, err);
    if (n < 0) return n;
    for (int32_t i = 1; i < n; i++) c->tokens[i - 1] = s->token[c->path[i]];
    c->tokens[n - 1] = next;
    keep_pairs(c, n);
    int rc = ltd_session_commit(c->session, c->path, n, err);
    if (rc == LTD_OK && c->lookup) {
        rc = ltd_lookup_append(c->lookup, &c->root, 1, err);
        if (rc == LTD_OK && n > 1) rc = ltd_lookup_append(c->lookup, c->tokens, n - 1, err);
    }
    c->root = next;
    c->result.accept_len = n;
    return rc;
}

int ltd_cycle_verify(ltd_cycle *c, int32_t size, const ltd_cycle_result **ret, ltd_err *err)
{
    ltd_phases_enter(&c->phases, LTD_PHASE_OTHER);
    if (size < 0 || size > c->options.max_size)
        return ltd_fail(err, LTD_EINVAL, "verify %d nodes: expected 0 to %d", size,
                        c->options.max_size);
    ltd_cycle_result *r = &c->result;
    r->forwards = ltd_tree_forwards(c->tree);
    r->pool = ltd_tree_count(c->tree);
    r->match = c->match;
    const ltd_selection *s = ltd_tree_select(c->tree, c->root, size);
    ltd_phases_enter(&c->phases, LTD_PHASE_VERIFY);
    ltd_rows rows = {s->n, s->token, s->parent, s->n};
    int rc = ltd_session_forward(c->session, &rows, err);
    if (rc < 0) return rc;
    ltd_phases_enter(&c->phases, LTD_PHASE_COMMIT);
    rc = commit(c, s, err);
    r->window_ns = ltd_phases_stop(&c->phases);
    if (rc < 0) return rc;
    r->size = s->n - 1;
    r->selection = s;
    r->path = c->path;
    r->tokens = c->tokens;
    *ret = r;
    return LTD_OK;
}

const ltd_cycle_result *ltd_cycle_last(const ltd_cycle *c)
{
    return &c->result;
}

ltd_tree *ltd_cycle_tree(ltd_cycle *c)
{
    return c->tree;
}
ltd_phases *ltd_cycle_phases(ltd_cycle *c)
{
    return &c->phases;
}
int32_t ltd_cycle_match(const ltd_cycle *c)
{
    return c->match;
}
int32_t ltd_cycle_chain(const ltd_cycle *c)
{
    return c->chain;
}
const ltd_cycle_options *ltd_cycle_get_options(const ltd_cycle *c)
{
    return &c->options;
}

void ltd_cycle_set_lookup(ltd_cycle *c, bool on)
{
    c->find = on && c->lookup;
}

void ltd_cycle_prefill_ms(const ltd_cycle *c, double *target, double *head)
{
    *target = c->prefill_target_ms;
    *head = c->prefill_head_ms;
}
