/* The search, apart from what measures.  See tune_run.c for the live side. */
#include "trainer/tune/tune.h"

#include <stdio.h>
#include <stdlib.h>

#include "env/tree.h"

char *ltd_setting_text(const ltd_setting *setting, char *ret, size_t size)
{
    char beam[24] = "";
    if (setting->top_k) snprintf(beam, sizeof beam, ", beam %d", setting->top_k);
    if (setting->forwards == 0 && setting->size == 0)
        snprintf(ret, size, "plain decoding");
    else
        snprintf(ret, size, "%d forward%s, %d node%s%s%s", setting->forwards,
                 setting->forwards == 1 ? "" : "s", setting->size, setting->size == 1 ? "" : "s",
                 beam, setting->lookup ? ", lookup" : "");
    return ret;
}

/* --- candidates --- */

static int32_t width_of(const ltd_cycle_options *c, const ltd_setting *s)
{
    return s->top_k ? s->top_k : c->top_k;
}

/* Nodes that the pool can hold, and its deepest level. */
static int64_t pool_room(const ltd_cycle_options *c, const ltd_setting *s, int32_t *depth)
{
    int32_t room = ltd_tree_pool(s->forwards, width_of(c, s));
    *depth = s->forwards + (s->lookup ? c->lookup_max_chain : 0);
    return room + (s->lookup ? c->lookup_max_chain : 0);
}

bool ltd_tune_can_pay(const ltd_cycle_options *cycle, const ltd_cost *cost,
                      const ltd_setting *setting)
{
    int32_t depth;
    if (!cost) return true;
    pool_room(cycle, setting, &depth);
    int32_t context = cost->middle_context, most = setting->size < depth ? setting->size : depth;
    ltd_cost_work work = {setting->forwards, width_of(cycle, setting), setting->size, context, 1};
    return (most + 1) * ltd_cost_ar(cost, context) > ltd_cost_cycle(cost, &work);
}

int32_t ltd_tune_sizes(const ltd_ints *sizes, int32_t max_size, int32_t *ret)
{
    static const int32_t common[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32};
    const int32_t n_common = (int32_t)(sizeof common / sizeof common[0]);
    int32_t n = 0, i = 0, j = 0;
    while (n < LTD_MAX_SIZES - 1 && (i < n_common || j < sizes->n)) {
        bool first = j >= sizes->n || (i < n_common && common[i] <= sizes->v[j]);
        int32_t v = first ? common[i++] : sizes->v[j++];
        if (v > 0 && v <= max_size && (n == 0 || ret[n - 1] < v)) ret[n++] = v;
    }
    return n;
}

typedef struct grid {
    const ltd_cycle_options *cycle;
    const ltd_cost *cost;
    int32_t max_forwards;
    int32_t size[LTD_MAX_SIZES], n_size;
    ltd_candidate *c;
    int32_t n;
} grid;

/* Is it a setting of the cycle's own beam over again?  The best V nodes have no ancestor and no
 * elder sibling outside them, so that beams of V or more all draft them, and a wider one just takes
 * longer; a narrower one saves nothing before the first expansion.  (Survival curves score a
 * chain's token otherwise when the beam is wide enough to propose it: that much is left aside.) */
static bool has_twin(const grid *g, const ltd_setting *s)
{
    int32_t k = g->cycle->top_k;
    if (!s->top_k) return false;
    return s->forwards == 0 || (s->top_k > k ? s->size <= k : s->forwards == 1);
}

static void add(grid *g, const ltd_setting *s)
{
    int32_t depth;
    if (s->size > pool_room(g->cycle, s, &depth) || has_twin(g, s) || g->n == LTD_TUNE_MAX) return;
    if (ltd_tune_can_pay(g->cycle, g->cost, s)) g->c[g->n++] = (ltd_candidate){.setting = *s};
}

static void add_beam(grid *g, int32_t top_k)
{
    static const int32_t steps[] = {0, 1, 2, 3, 4, 6, 8};
    int32_t last = 0;
    for (size_t i = 0; i <= sizeof steps / sizeof steps[0]; i++) {
        bool extra = i == sizeof steps / sizeof steps[0]; /* the deepest, when it isn't a step */
        int32_t forwards = extra ? g->max_forwards : steps[i];
        if (forwards > g->max_forwards || (extra && forwards <= last)) continue;
        last = forwards;
        for (int32_t j = 0; j < g->n_size; j++)
            for (int lookup = 0; lookup <= (int)g->cycle->lookup; lookup++)
                add(g, &(ltd_setting){forwards, g->size[j], lookup == 1, top_k});
    }
}

int32_t ltd_tune_grid(const ltd_cycle_options *cycle, const ltd_ints *sizes, const ltd_ints *widths,
                      int32_t max_forwards, const ltd_cost *cost, ltd_candidate *ret)
{
    grid g = {.cycle = cycle, .cost = cost, .max_forwards = max_forwards, .c = ret, .n = 1};
    g.n_size = ltd_tune_sizes(sizes, cycle->max_size, g.size);
    ret[0] = (ltd_candidate){.prompts = 0};
    add_beam(&g, 0);
    for (int32_t i = 0; widths && i < widths->n; i++)
        if (widths->v[i] != cycle->top_k) add_beam(&g, widths->v[i]);
    return g.n;
}

/* Equal ones in the order of their settings, so that every result is one. */
static int in_order(const ltd_setting *x, const ltd_setting *y)
{
    if (x->forwards != y->forwards) return x->forwards < y->forwards ? -1 : 1;
    if (x->size != y->size) return x->size < y->size ? -1 : 1;
    if (x->lookup != y->lookup) return (int)x->lookup - (int)y->lookup;
    return (x->top_k > y->top_k) - (x->top_k < y->top_k);
}

static int by_prediction(const void *a, const void *b)
{
    const ltd_candidate *x = a, *y = b;
    if (x->predicted != y->predicted) return x->predicted > y->predicted ? -1 : 1;
    return in_order(&x->setting, &y->setting);
}

static bool are_twins(const ltd_setting *x, const ltd_setting *y)
{
    return x->forwards == y->forwards && x->size == y->size && x->lookup == y->lookup;
}

int32_t ltd_tune_shortlist(ltd_candidate *c, int32_t n)
{
    const int32_t most_twins = 2;
    int32_t kept = 1;
    qsort(c + 1, (size_t)n - 1, sizeof *c, by_prediction);
    for (int32_t i = 1; i < n && kept <= LTD_TUNE_SHORTLIST; i++) {
        int32_t twins = 0;
        for (int32_t k = 1; k < kept; k++) twins += are_twins(&c[k].setting, &c[i].setting);
        if (twins < most_twins) c[kept++] = c[i];
    }
    return kept;
}

/* --- successive halving --- */

enum { LAST = 4 }; /* candidates of the last round */

typedef struct search {
    ltd_candidate *c;
    int32_t alive;
    const ltd_tune_meter *meter;
    const ltd_watch *watch;
    double budget_s, begin_s;
    int32_t prompt; /* next */
} search;

static double seconds_now(const search *s)
{
    return (double)ltd_clock_now(s->meter->clock) * 1e-9 - s->begin_s;
}

static double speed(const ltd_candidate *c)
{
    return c->seconds > 0 ? c->tokens / c->seconds : 0;
}

static int faster(const void *a, const void *b)
{
    const ltd_candidate *x = a, *y = b;
    double u = speed(x), v = speed(y);
    if (u != v) return u > v ? -1 : 1;
    return in_order(&x->setting, &y->setting);
}

static int play_one(search *s, ltd_candidate *c, ltd_err *err)
{
    char what[64];
    double tokens = 0, seconds = 0, share = seconds_now(s) / s->budget_s;
    ltd_setting_text(&c->setting, what, sizeof what);
    int rc = ltd_watch_tell(s->watch, share < 1 ? share : 1, what, err);
    if (rc == LTD_OK)
        rc = s->meter->play(s->meter->ctx, &c->setting, s->prompt % s->meter->prompts, &tokens,
                            &seconds, err);
    if (rc < 0) return rc;
    c->tokens += tokens;
    c->seconds += seconds;
    c->prompts++;
    return LTD_OK;
}

/* All that are alive play up to `prompts` prompts, at least one, as long as there is time. */
static int play_round(search *s, int32_t prompts, double until_s, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t k = 0; k < prompts && (k == 0 || seconds_now(s) < until_s); k++, s->prompt++)
        for (int32_t i = 0; rc == LTD_OK && i < s->alive; i++)
            rc = play_one(s, &s->c[(i + s->prompt) % s->alive], err);
    qsort(s->c, (size_t)s->alive, sizeof *s->c, faster);
    return rc;
}

static bool is_plain(const ltd_setting *s)
{
    return s->forwards == 0 && s->size == 0;
}

/* Keep the best n, and plain decoding at their end when it isn't among them. */
static void keep_best(search *s, int32_t n)
{
    int32_t at = 0;
    while (at < s->alive && !is_plain(&s->c[at].setting)) at++;
    if (at >= n && at < s->alive) {
        ltd_candidate plain = s->c[at];
        for (; at > n; at--) s->c[at] = s->c[at - 1];
        s->c[n++] = plain;
    }
    s->alive = n;
}

int ltd_tune_search(ltd_candidate *c, int32_t n, const ltd_tune_meter *meter, double budget_s,
                    const ltd_watch *watch, ltd_err *err)
{
    if (n < 1 || meter->prompts < 1)
        return ltd_fail(err, LTD_EINVAL, "tune: %d candidates on %d prompts", n, meter->prompts);
    search s = {c, n, meter, watch, budget_s, 0, 0};
    s.begin_s = seconds_now(&s);
    int32_t rounds = 1, round = 0, prompts = 1;
    for (int32_t k = n; k > LAST + 1; k = (k + 2) / 3 > LAST ? (k + 2) / 3 : LAST) rounds++;
    int rc = LTD_OK;
    for (; rc == LTD_OK && s.alive > LAST + 1; round++, prompts *= 2) {
        rc = play_round(&s, prompts, budget_s * (round + 1) / (rounds + 1), err);
        int32_t third = (s.alive + 2) / 3;
        keep_best(&s, third > LAST ? third : LAST);
    }
    /* The last ones: until the time is over or every prompt was played twice. */
    if (rc == LTD_OK) rc = play_round(&s, 2 * meter->prompts, budget_s, err);
    return rc;
}
