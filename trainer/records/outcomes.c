#include "trainer/records/outcomes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct ltd_outcomes {
    const ltd_trace *trace;
    ltd_cycle_options options;
    int32_t forwards, depth; /* most forwards, deepest true node */
    size_t *first;           /* [texts] its first view */
    int32_t *pool;           /* [views] */
    uint16_t *rank;          /* [views, depth] */
};

static size_t view_of(const ltd_outcomes *o, int32_t text, int32_t i, bool lookup, int32_t forwards)
{
    size_t per = 2 * ((size_t)o->forwards + 1);
    return o->first[text] + (size_t)i * per + (lookup ? per / 2 : 0) + (size_t)forwards;
}

static void look(ltd_outcomes *o, ltd_cycle *cycle, size_t view, const int32_t *true_, int32_t left)
{
    ltd_tree *tree = ltd_cycle_tree(cycle);
    int32_t ranks[LTD_TREE_MAX_DEPTH], most = left - 1 < o->depth ? left - 1 : o->depth;
    int32_t n = ltd_tree_true_ranks(tree, true_, most, o->options.max_size, ranks);
    for (int32_t d = 0; d < n; d++)
        o->rank[view * (size_t)o->depth + (size_t)d] = (uint16_t)ranks[d];
    o->pool[view] = ltd_tree_count(tree);
}

static int look_all(ltd_outcomes *o, ltd_cycle *cycle, int32_t text, int32_t i, bool lookup,
                    ltd_err *err)
{
    const ltd_trace_text *t = &o->trace->text[text];
    int32_t root = t->prompt + i;
    ltd_cycle_set_lookup(cycle, lookup);
    int rc = ltd_cycle_begin(cycle, err);
    for (int32_t n = 0; rc == LTD_OK; n++) {
        look(o, cycle, view_of(o, text, i, lookup, n), t->token + root + 1, t->n - root - 1);
        if (n == o->forwards) break;
        rc = ltd_cycle_draft(cycle, err);
    }
    return rc;
}

static int walk(ltd_outcomes *o, ltd_cycle *cycle, int32_t text, ltd_err *err)
{
    const ltd_trace_text *t = &o->trace->text[text];
    int rc = ltd_cycle_prompt(cycle, t->token, t->prompt, err);
    for (int32_t i = 0; rc == LTD_OK && i < t->positions; i++) {
        const ltd_cycle_result *r;
        for (int on = 0; rc == LTD_OK && on < 2; on++) rc = look_all(o, cycle, text, i, on, err);
        if (rc == LTD_OK) rc = ltd_cycle_begin(cycle, err);
        if (rc == LTD_OK) rc = ltd_cycle_verify(cycle, 0, &r, err);
    }
    return rc;
}

static int allocate(ltd_outcomes *o, ltd_err *err)
{
    const ltd_trace *trace = o->trace;
    size_t views = 0;
    o->first = ltd_mem_zeros((size_t)trace->n, sizeof *o->first);
    for (int32_t t = 0; o->first && t < trace->n; t++) {
        o->first[t] = views;
        views += (size_t)trace->text[t].positions * 2 * ((size_t)o->forwards + 1);
    }
    o->pool = ltd_mem_zeros(views, sizeof *o->pool);
    o->rank = ltd_mem_zeros(views * (size_t)o->depth, sizeof *o->rank);
    if (o->first && o->pool && o->rank) return LTD_OK;
    return ltd_fail(err, LTD_ENOMEM, "outcomes of %zu views: no memory", views);
}

int ltd_outcomes_new(ltd_outcomes **ret, const ltd_cycle_options *options, ltd_err *err)
{
    *ret = NULL;
    ltd_outcomes *o = ltd_mem_zeros(1, sizeof *o);
    if (!o) return ltd_fail(err, LTD_ENOMEM, "outcomes: no memory");
    ltd_cycle *cycle = NULL;
    int32_t chain = options->lookup ? options->lookup_max_chain : 0;
    o->options = *options;
    o->trace = options->trace;
    o->forwards = options->max_forwards;
    o->depth = o->forwards > chain ? o->forwards : chain;
    if (o->depth < 1) o->depth = 1;
    int rc = ltd_cycle_new(&cycle, options, err);
    if (rc == LTD_OK) rc = allocate(o, err);
    for (int32_t t = 0; rc == LTD_OK && t < o->trace->n; t++) rc = walk(o, cycle, t, err);
    ltd_cycle_free(cycle);
    if (rc < 0) {
        ltd_outcomes_free(o);
        return rc;
    }
    *ret = o;
    return LTD_OK;
}

void ltd_outcomes_free(ltd_outcomes *o)
{
    if (!o) return;
    free(o->first);
    free(o->pool);
    free(o->rank);
    free(o);
}

const ltd_trace *ltd_outcomes_trace(const ltd_outcomes *o)
{
    return o->trace;
}

int32_t ltd_outcomes_len(const ltd_outcomes *o, int32_t text, int32_t i, bool lookup,
                         int32_t forwards, int32_t size)
{
    const uint16_t *rank = o->rank + view_of(o, text, i, lookup, forwards) * (size_t)o->depth;
    int32_t n = 0;
    while (n < o->depth && rank[n] && rank[n] <= size) n++;
    return n + 1;
}

int32_t ltd_outcomes_pool(const ltd_outcomes *o, int32_t text, int32_t i, bool lookup,
                          int32_t forwards)
{
    return o->pool[view_of(o, text, i, lookup, forwards)];
}
