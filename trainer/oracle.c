#include "trainer/oracle.h"

#include <stdlib.h>

#include "base/mem.h"

int32_t ltd_oracle_positions(const ltd_outcomes *o, const ltd_oracle_options *options, int32_t text)
{
    int32_t n = ltd_outcomes_trace(o)->text[text].positions, most = options->max_new - 1;
    return options->max_new > 0 && most < n ? most : n;
}

/* A cycle as it may be chosen at a position. */
typedef struct choice {
    int32_t got, forwards, nodes;
    double ms;
} choice;

/* The nodes verified are no more than the pool. */
static choice choose(const ltd_outcomes *o, const ltd_cost *cost, int32_t text, int32_t i,
                     bool lookup, int32_t forwards, int32_t size)
{
    int32_t pool = ltd_outcomes_pool(o, text, i, lookup, forwards);
    int32_t nodes = size < pool ? size : pool,
            context = ltd_outcomes_trace(o)->text[text].prompt + i;
    return (choice){ltd_outcomes_len(o, text, i, lookup, forwards, nodes), forwards, nodes,
                    ltd_cost_cycle(cost, forwards, ltd_outcomes_trace(o)->top_k, nodes, context)};
}

static void run_cycle(ltd_plan *s, const choice *c)
{
    s->ms += c->ms;
    s->cycles++;
    s->accepted += c->got;
    s->forwards += c->forwards;
    s->nodes += c->nodes;
}

/* Call take() with every choice at position i. */
static void each_choice(const ltd_outcomes *o, const ltd_oracle_options *q, int32_t text, int32_t i,
                        void (*take)(void *ctx, const choice *c), void *ctx)
{
    for (int on = 0; on <= (q->lookup ? 1 : 0); on++)
        for (int32_t n = 0; n <= q->max_forwards; n++)
            for (int32_t s = 0; s < q->n_sizes; s++) {
                choice c = choose(o, q->cost, text, i, on, n, q->sizes[s]);
                take(ctx, &c);
                if (c.nodes < q->sizes[s]) break; /* larger ones are the same */
            }
}

/* What can still be had from a position on: its best choice, and the time to the end. */
typedef struct ending {
    choice first;
    double ms;
} ending;

typedef struct search {
    ending *from; /* [positions + 1] */
    int32_t i, positions;
} search;

static int32_t next_of(const search *s, int32_t i)
{
    int32_t to = i + s->from[i].first.got;
    return to < s->positions ? to : s->positions;
}

static void take_best(void *ctx, const choice *c)
{
    search *s = ctx;
    int32_t to = s->i + c->got < s->positions ? s->i + c->got : s->positions;
    ending *best = &s->from[s->i];
    double ms = c->ms + s->from[to].ms;
    if (!best->first.got || ms < best->ms) *best = (ending){*c, ms};
}

int ltd_oracle_best(const ltd_outcomes *o, const ltd_oracle_options *options, int32_t text,
                    ltd_plan *ret, ltd_err *err)
{
    search s = {.positions = ltd_oracle_positions(o, options, text)};
    *ret = (ltd_plan){0};
    s.from = ltd_mem_zeros((size_t)s.positions + 1, sizeof *s.from);
    if (!s.from) return ltd_fail(err, LTD_ENOMEM, "oracle: no memory");
    for (s.i = s.positions - 1; s.i >= 0; s.i--) each_choice(o, options, text, s.i, take_best, &s);
    for (int32_t i = 0; i < s.positions; i = next_of(&s, i)) run_cycle(ret, &s.from[i].first);
    free(s.from);
    return LTD_OK;
}

static void take_fastest(void *ctx, const choice *c)
{
    choice *best = ctx;
    if (!best->got || c->got * best->ms > best->got * c->ms) *best = *c;
}

ltd_plan ltd_oracle_greedy(const ltd_outcomes *o, const ltd_oracle_options *options, int32_t text)
{
    ltd_plan s = {0};
    int32_t n = ltd_oracle_positions(o, options, text);
    for (int32_t i = 0; i < n;) {
        choice best = {0};
        each_choice(o, options, text, i, take_fastest, &best);
        run_cycle(&s, &best);
        i += best.got;
    }
    return s;
}

ltd_plan ltd_oracle_static(const ltd_outcomes *o, const ltd_oracle_options *options, int32_t text,
                           bool lookup, int32_t forwards, int32_t size)
{
    ltd_plan s = {0};
    int32_t n = ltd_oracle_positions(o, options, text);
    for (int32_t i = 0; i < n;) {
        choice c = choose(o, options->cost, text, i, lookup, forwards, size);
        run_cycle(&s, &c);
        i += c.got;
    }
    return s;
}
