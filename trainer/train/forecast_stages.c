/* The schedule, counted: the only part of the forecast that knows of it. */
#include <math.h>

#include "env/tree.h"
#include "trainer/train/forecast.h"

/* --- a cycle of policies that choose at random --- */

/* What follows when drafting ends after n forwards, which it does with probability p: any legal
 * size, each as likely (env.c: those that the pool fills, and the first that takes all of it). */
static void end_after(ltd_forecast_pace *r, const ltd_config *c, const ltd_cost *cost, int32_t n,
                      double p)
{
    int32_t pool = ltd_tree_pool(n, c->env.top_k), legal = 0;
    double nodes = 0, ms = 0;
    for (int32_t i = 0; i < c->env.sizes.n; i++) {
        int32_t v = c->env.sizes.v[i];
        if (v > pool && i > 0 && c->env.sizes.v[i - 1] >= pool) break;
        ltd_cost_work work = {n, c->env.top_k, v < pool ? v : pool, 0, 0};
        legal++;
        nodes += work.size;
        if (!cost) continue;
        work.context = cost->middle_context;
        ms += ltd_cost_cycle(cost, &work);
    }
    r->forwards += p * n;
    r->nodes += p * nodes / legal;
    r->ms += p * ms / legal;
    r->decisions[LTD_FORECAST_SIZE] += pool > 0 && legal > 1 ? p : 0;
}

ltd_forecast_pace ltd_forecast_pace_of(const ltd_config *c, const ltd_cost *cost, bool head)
{
    ltd_forecast_pace r = {0};
    int32_t most = head ? c->env.max_forwards : 0;
    double p = 1; /* that the question after n forwards comes up */
    for (int32_t n = head ? c->env.min_forwards : 0;; n += c->env.depth_every) {
        bool asked = n < most || r.decisions[LTD_FORECAST_DEPTH] == 0;
        if (asked) r.decisions[LTD_FORECAST_DEPTH] += p;
        double stops = n < most ? p / 2 : p;
        end_after(&r, c, cost, n < most ? n : most, stops);
        p -= stops;
        if (n >= most) return r;
    }
}

/* --- stages --- */

static int64_t round_up(double x)
{
    return (int64_t)ceil(x - 1e-9);
}

/* `cycles` of rollouts until one is full (joint.c), each followed by an update of those that learn.
 * In stages only they fill theirs, in a joint run both do. */
static ltd_forecast_stage count(const ltd_config *c, const ltd_forecast_pace *pace,
                                const char *name, double cycles, bool depth, bool size, bool live)
{
    ltd_forecast_stage s = {.name = name, .live = live, .cycles = (int64_t)(cycles + 0.5)};
    if (s.cycles == 0) return s;
    const double *d = pace->decisions;
    const bool learns[LTD_FORECAST_POLICIES] = {depth, size};
    double each = 0;
    for (int p = 0; p < LTD_FORECAST_POLICIES; p++)
        if ((learns[p] || c->train.mode != LTD_TRAIN_STAGES) && d[p] > each) each = d[p];
    double rollout = c->train.n_steps / each; /* cycles, of each environment */
    if (rollout > 4.0 * c->train.n_steps) rollout = 4.0 * c->train.n_steps;
    if (!live) rollout *= c->train.record_envs;
    if (rollout > cycles) rollout = cycles;
    s.decisions = cycles * (d[LTD_FORECAST_DEPTH] + d[LTD_FORECAST_SIZE]);
    s.updates = round_up(cycles / rollout);
    for (int p = 0; p < LTD_FORECAST_POLICIES; p++)
        if (learns[p])
            s.gradient_steps[p] =
                s.updates * c->train.n_epochs * round_up(rollout * d[p] / c->train.batch_size);
    return s;
}

/* Size alone for the first share of the run, then both. */
static int32_t joint(const ltd_config *c, const ltd_forecast_pace *pace, ltd_forecast_stage *ret)
{
    double cycles = c->train.total_cycles, alone = c->train.size_first * cycles;
    int32_t n = 0;
    if (alone >= 1)
        ret[n++] = count(c, pace, "size, under random depths", alone, false, true, true);
    if (cycles - alone >= 1)
        ret[n++] = count(c, pace, "depth and size", cycles - alone, true, true, true);
    return n;
}

/* Each as long as its learner's decisions, and a rollout at the end is whole. */
static int32_t stages(const ltd_config *c, const ltd_forecast_pace *pace, ltd_forecast_stage *ret)
{
    bool live = c->train.stages_on == LTD_TRAIN_LIVE;
    for (int32_t i = 0; i < c->train.stages.n; i++) {
        const char *name = c->train.stages.v[i];
        bool depth = ltd_stage_kind_find(name)->depth;
        double each = pace->decisions[depth ? LTD_FORECAST_DEPTH : LTD_FORECAST_SIZE];
        double cycles = each > 0 ? c->train.stage_decisions.v[i] / each : 0;
        ret[i] = count(c, pace, name, cycles, depth, !depth, live);
    }
    return c->train.stages.n;
}

int32_t ltd_forecast_stages(const ltd_config *c, const ltd_forecast_pace *pace,
                            ltd_forecast_stage ret[LTD_FORECAST_STAGES])
{
    int32_t n = 0;
    if (c->train.plan_passes > 0)
        ret[n++] = (ltd_forecast_stage){.name = "plan over records, if recorded",
                                        .passes = c->train.plan_passes};
    if (c->train.mode == LTD_TRAIN_STAGES) return n + stages(c, pace, ret + n);
    if (c->train.record_cycles > 0)
        ret[n++] = count(c, pace, "depth and size, over records", c->train.record_cycles, true,
                         true, false);
    return n + joint(c, pace, ret + n);
}
