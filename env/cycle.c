/* A cycle knows the text's end (root), the tree and the clock; who drafts and who verifies is a
 * source's business. */
#include "env/cycle.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/lookup.h"
#include "env/source_priv.h"
#include "env/tree_new.h"

struct ltd_cycle {
    ltd_cycle_options options;
    ltd_source *source;
    ltd_tree *tree;
    ltd_lookup *lookup; /* NULL when the cycle was made without */
    bool find;          /* lookup is on */
    ltd_phases phases;
    int32_t root;
    ltd_match match;
    int32_t chain;        /* nodes of it in the tree */
    int32_t waiting;      /* tokens the head has not seen */
    const int32_t *token; /* of the last draft forward */
    const float *logp;
    /* scratch */
    int32_t *chain_token;
    float *chain_score;
    int32_t *path, *tokens;
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
    int rc = o->trace ? ltd_source_replay(&c->source, o, err) : ltd_source_live(&c->source, o, err);
    if (rc == LTD_OK)
        rc = ltd_tree_new(&c->tree, o->top_k, o->max_forwards, o->lookup ? o->lookup_max_chain : 0,
                          o->max_size, err);
    if (rc == LTD_OK) ltd_tree_set_survival(c->tree, o->survival);
    if (rc == LTD_OK && o->lookup)
        rc = ltd_lookup_new(&c->lookup, o->context, o->lookup_min_match, err);
    return rc;
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
    size_t rows = (size_t)options->max_size + 1;
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
    if (c->source) c->source->free(c->source);
    ltd_tree_free(c->tree);
    ltd_lookup_free(c->lookup);
    free(c->chain_token);
    free(c->chain_score);
    free(c->path);
    free(c->tokens);
    free(c);
}

/* --- prompt --- */

void ltd_cycle_set_seed(ltd_cycle *c, uint64_t seed)
{
    c->source->seed = seed;
}

int ltd_cycle_prompt(ltd_cycle *c, const int32_t *ids, int32_t n, ltd_err *err)
{
    int32_t most = c->options.context - c->options.max_size - 2;
    if (n < 1 || n > most)
        return ltd_fail(
            err, LTD_EINVAL,
            "prompt of %d tokens: expected 1 to %d (context %d, up to %d nodes verified)", n, most,
            c->options.context, c->options.max_size);
    int rc = c->source->prompt(c->source, ids, n, &c->root, err);
    c->waiting = 1; /* the root: prefill ran the rest */
    if (rc == LTD_OK && c->lookup) {
        ltd_lookup_reset(c->lookup);
        rc = ltd_lookup_append(c->lookup, ids, n, err);
        if (rc < 0) c->source->length = 0; /* half a prompt is no text */
    }
    return rc;
}

int32_t ltd_cycle_root(const ltd_cycle *c)
{
    return c->root;
}

int32_t ltd_cycle_context(const ltd_cycle *c)
{
    return c->source->length;
}

int32_t ltd_cycle_room(const ltd_cycle *c)
{
    return c->options.context - c->options.max_size - 1 - c->source->length;
}

/* --- cycle --- */

int ltd_cycle_begin(ltd_cycle *c, ltd_err *err)
{
    if (ltd_cycle_room(c) < 1 || ltd_cycle_context(c) < 1)
        return ltd_fail(err, LTD_EINVAL, "cycle: no text, or no room behind its %d tokens",
                        ltd_cycle_context(c));
    ltd_phases_start(&c->phases, &c->options.clock);
    ltd_tree_reset(c->tree);
    c->match = (ltd_match){0};
    c->chain = 0;
    c->result.waiting = ltd_cycle_waiting(c);
    if (!c->find) return LTD_OK;
    ltd_phases_enter(&c->phases, LTD_PHASE_DRAFT);
    c->match = ltd_lookup_find(c->lookup, c->root, c->chain_token, c->options.lookup_max_chain);
    c->chain = c->match.n;
    ltd_survival_lookup(c->options.survival, c->match.length, c->chain_score, c->chain);
    ltd_tree_add_chain(c->tree, c->match.length, c->chain_token, c->chain_score, c->chain);
    ltd_phases_enter(&c->phases, LTD_PHASE_OTHER);
    return LTD_OK;
}

bool ltd_cycle_has_head(const ltd_cycle *c)
{
    return c->source->drafts;
}

bool ltd_cycle_can_draft(const ltd_cycle *c)
{
    return c->source->drafts && ltd_tree_forwards(c->tree) < c->options.max_forwards;
}

int ltd_cycle_draft(ltd_cycle *c, ltd_err *err)
{
    if (!ltd_cycle_can_draft(c))
        return ltd_fail(err, LTD_EINVAL, "draft: %s",
                        c->source->drafts ? "no forward left in this cycle"
                                          : "there is no draft head");
    ltd_phases_enter(&c->phases, LTD_PHASE_DRAFT);
    int rc = c->source->draft(c->source, c->tree, &c->token, &c->logp, err);
    ltd_phases_enter(&c->phases, LTD_PHASE_OTHER);
    c->waiting = 0;
    if (rc == LTD_OK && ltd_tree_grow(c->tree, c->token, c->logp) == LTD_TREE_FULL)
        rc = ltd_fail(err, LTD_EINVAL, "draft: the tree holds no more forwards");
    return rc;
}

void ltd_cycle_drafted(const ltd_cycle *c, const int32_t **token, const float **logp)
{
    *token = c->token;
    *logp = c->logp;
}

static int commit(ltd_cycle *c, const ltd_selection *s, ltd_err *err)
{
    int32_t next, n = c->source->accept(c->source, s, c->path, &next, err);
    if (n < 0) return n;
    for (int32_t i = 1; i < n; i++) c->tokens[i - 1] = s->token[c->path[i]];
    c->tokens[n - 1] = next;
    int rc = c->source->commit(c->source, c->path, c->tokens, n, err);
    if (rc == LTD_OK && c->lookup) {
        rc = ltd_lookup_append(c->lookup, &c->root, 1, err);
        if (rc == LTD_OK && n > 1) rc = ltd_lookup_append(c->lookup, c->tokens, n - 1, err);
    }
    c->root = next;
    c->waiting += n;
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
    r->match = c->match.length;
    const ltd_selection *s = ltd_tree_select(c->tree, c->root, size);
    ltd_phases_enter(&c->phases, LTD_PHASE_VERIFY);
    int rc = c->source->verify(c->source, s, err);
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
ltd_match ltd_cycle_match(const ltd_cycle *c)
{
    return c->match;
}
bool ltd_cycle_is_end(const ltd_cycle *c, int32_t token)
{
    return c->source->is_end(c->source, token);
}
int32_t ltd_cycle_chain(const ltd_cycle *c)
{
    return c->chain;
}
int32_t ltd_cycle_waiting(const ltd_cycle *c)
{
    return c->waiting > 1 ? c->waiting : 1;
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
    *target = c->source->target_ms;
    *head = c->source->head_ms;
}
