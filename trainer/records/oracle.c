#include "trainer/records/oracle.h"

#include <stdlib.h>

#include "base/mem.h"

int32_t ltd_oracle_positions(const ltd_outcomes *o, const ltd_oracle_options *options, int32_t text)
{
    int32_t n = ltd_outcomes_trace(o)->text[text].positions, most = options->max_new - 1;
    return options->max_new > 0 && most < n ? most : n;
}

/* A cycle as it may be chosen at a position.  Its time is that of a head which lacks one token. */
typedef struct choice {
    int32_t got, forwards, nodes;
    double ms;
} choice;

/* The nodes verified are no more than the pool. */
static choice choose(const ltd_outcomes *o, const ltd_cost *cost, int32_t text, int32_t i,
                     bool lookup, int32_t forwards, int32_t size)
{
    int32_t pool = ltd_outcomes_pool(o, text, i, lookup, forwards);
    int32_t nodes = size < pool ? size : pool;
    ltd_cost_work work = {forwards, ltd_outcomes_trace(o)->top_k, nodes,
                          ltd_outcomes_trace(o)->text[text].prompt + i, 1};
    return (choice){ltd_outcomes_len(o, text, i, lookup, forwards, nodes), forwards, nodes,
                    ltd_cost_cycle(cost, &work)};
}

/* Time of a choice when `waiting` tokens wait for the head. */
static double with_waiting(const ltd_cost *cost, const choice *c, int32_t waiting)
{
    return c->ms + (c->forwards && waiting > 1 ? (waiting - 1) * (double)cost->waiting_ms : 0);
}

/* Returns how many tokens wait afterwards. */
static int32_t run_cycle(ltd_plan *s, const ltd_cost *cost, const choice *c, int32_t waiting)
{
    s->ms += with_waiting(cost, c, waiting);
    s->cycles++;
    s->accepted += c->got;
    s->forwards += c->forwards;
    s->nodes += c->nodes;
    return c->forwards ? c->got : waiting + c->got;
}

/* Call take() with every choice at position i. */
static void each_choice(const ltd_outcomes *o, const ltd_oracle_options *q, int32_t text, int32_t i,
                        void (*take)(void *ctx, const choice *c), void *ctx)
{
    for (int on = 0; on <= (q->lookup ? 1 : 0); on++)
        for (int32_t n = 0; n <= q->max_forwards; n++)
            for (int32_t size = 0; size <= q->max_size; size++) {
                choice c = choose(o, q->cost, text, i, on, n, size);
                if (c.nodes < size) break;
                take(ctx, &c);
            }
}

/* --- the best --- */

/* What can still be had from a position on: its best choice, and the time to the end.  That depends
 * on how many tokens wait for the head, which matters to one choice only: the best of those that
 * use it, which is the same for any number. */
typedef struct ending {
    choice first;
    double ms;
} ending;

typedef struct search {
    const ltd_cost *cost;
    ending *from; /* [positions + 1, positions + 1]: position, tokens that wait less 1 */
    int32_t i, positions;
    ending drafted; /* at position i */
} search;

/* Cut at the end, where nothing follows. */
static ending *ending_at(const search *s, int32_t i, int32_t waiting)
{
    int32_t most = s->positions + 1;
    if (i > s->positions) i = s->positions;
    return &s->from[(size_t)i * (size_t)most + (size_t)(waiting < most ? waiting : most) - 1];
}

static void take_drafted(void *ctx, const choice *c)
{
    search *s = ctx;
    if (!c->forwards) return;
    double ms = c->ms + ending_at(s, s->i + c->got, c->got)->ms;
    if (!s->drafted.first.got || ms < s->drafted.ms) s->drafted = (ending){*c, ms};
}

/* Before position i at most i tokens have been added to the one that waits at first. */
static void take_undrafted(void *ctx, const choice *c)
{
    search *s = ctx;
    if (c->forwards) return;
    for (int32_t w = 1; w <= s->i + 1; w++) {
        ending *best = ending_at(s, s->i, w);
        double ms = c->ms + ending_at(s, s->i + c->got, w + c->got)->ms;
        if (!best->first.got || ms < best->ms) *best = (ending){*c, ms};
    }
}

static void take_best(search *s)
{
    for (int32_t w = 1; s->drafted.first.got && w <= s->i + 1; w++) {
        ending *best = ending_at(s, s->i, w);
        double ms =
            s->drafted.ms - s->drafted.first.ms + with_waiting(s->cost, &s->drafted.first, w);
        if (!best->first.got || ms < best->ms) *best = (ending){s->drafted.first, ms};
    }
}

int ltd_oracle_best(const ltd_outcomes *o, const ltd_oracle_options *options, int32_t text,
                    ltd_plan *ret, ltd_err *err)
{
    search s = {.cost = options->cost, .positions = ltd_oracle_positions(o, options, text)};
    size_t side = (size_t)s.positions + 1;
    *ret = (ltd_plan){0};
    s.from = ltd_mem_zeros(side * side, sizeof *s.from);
    if (!s.from) return ltd_fail(err, LTD_ENOMEM, "oracle: no memory");
    for (s.i = s.positions - 1; s.i >= 0; s.i--) {
        s.drafted = (ending){0};
        each_choice(o, options, text, s.i, take_drafted, &s);
        each_choice(o, options, text, s.i, take_undrafted, &s);
        take_best(&s);
    }
    for (int32_t i = 0, waiting = 1; i < s.positions;) {
        const choice *c = &ending_at(&s, i, waiting)->first;
        waiting = run_cycle(ret, s.cost, c, waiting);
        i += c->got;
    }
    free(s.from);
    return LTD_OK;
}

/* --- the others --- */

typedef struct fastest {
    const ltd_cost *cost;
    int32_t waiting;
    choice best;
} fastest;

static void take_fastest(void *ctx, const choice *c)
{
    fastest *f = ctx;
    double ms = with_waiting(f->cost, c, f->waiting);
    double best = with_waiting(f->cost, &f->best, f->waiting);
    if (!f->best.got || c->got * best > f->best.got * ms) f->best = *c;
}

ltd_plan ltd_oracle_greedy(const ltd_outcomes *o, const ltd_oracle_options *options, int32_t text)
{
    ltd_plan s = {0};
    int32_t n = ltd_oracle_positions(o, options, text), waiting = 1;
    for (int32_t i = 0; i < n;) {
        fastest f = {options->cost, waiting, {0}};
        each_choice(o, options, text, i, take_fastest, &f);
        waiting = run_cycle(&s, options->cost, &f.best, waiting);
        i += f.best.got;
    }
    return s;
}

ltd_plan ltd_oracle_static(const ltd_outcomes *o, const ltd_oracle_options *options, int32_t text,
                           bool lookup, int32_t forwards, int32_t size)
{
    ltd_plan s = {0};
    int32_t n = ltd_oracle_positions(o, options, text), waiting = 1;
    for (int32_t i = 0; i < n;) {
        choice c = choose(o, options->cost, text, i, lookup, forwards, size);
        waiting = run_cycle(&s, options->cost, &c, waiting);
        i += c.got;
    }
    return s;
}
