/* The small parts of a cycle, from real cycles: commit (with tree and ranking), and one decision
 * (observation and a net of the configured size). */
#include <stdlib.h>

#include "agents/mlp.h"
#include "base/mem.h"
#include "trainer/calibrate_priv.h"

enum { CYCLES = 40, DECISIONS = 200 };

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double ltd_calibrate_median(double *v, int32_t n)
{
    qsort(v, (size_t)n, sizeof *v, ascending);
    return n ? v[n / 2] : 0;
}

/* Cycles over a made-up prompt: what they verify doesn't matter, how much does. */
static int time_commits(const ltd_setup *s, ltd_cycle *cycle, double *ret, ltd_err *err)
{
    double ms[CYCLES];
    int32_t ids[32], n = 0;
    int32_t vocab = ltd_llama_config(s->model)->vocab;
    for (int32_t i = 0; i < 32; i++) ids[i] = (int32_t)((int64_t)(i + 1) * 7919 % vocab);
    int rc = ltd_cycle_prompt(cycle, ids, 32, err);
    const ltd_cycle_options *o = ltd_cycle_get_options(cycle);
    while (rc == LTD_OK && n < CYCLES && ltd_cycle_room(cycle) > 0) {
        const ltd_cycle_result *r;
        rc = ltd_cycle_begin(cycle, err);
        for (int32_t i = 0; rc == LTD_OK && i < 3 && ltd_cycle_can_draft(cycle); i++)
            rc = ltd_cycle_draft(cycle, err);
        if (rc == LTD_OK) rc = ltd_cycle_verify(cycle, o->max_size < 8 ? o->max_size : 8, &r, err);
        const uint64_t *ns = ltd_cycle_phases(cycle)->ns;
        ms[n++] = (double)(ns[LTD_PHASE_COMMIT] + ns[LTD_PHASE_OTHER]) * 1e-6;
    }
    if (rc == LTD_OK) *ret = ltd_calibrate_median(ms, n);
    return rc;
}

static int make_net(const ltd_ints *hidden, int32_t in, int32_t out, ltd_mlp **ret, ltd_err *err)
{
    int32_t dims[LTD_MLP_MAX_LAYERS + 1] = {in};
    int32_t n = 0;
    for (; n < hidden->n && n + 1 < LTD_MLP_MAX_LAYERS; n++) dims[n + 1] = hidden->v[n];
    dims[n + 1] = out;
    return ltd_mlp_new(ret, dims, n + 1, LTD_ACT_TANH, err);
}

/* A decision on the tree that the last cycle left: the dearer of the two policies. */
static int time_decision(const ltd_setup *s, ltd_cycle *cycle, const ltd_cost *cost, double *ret,
                         ltd_err *err)
{
    const ltd_config *c = &s->config;
    ltd_obs_state state = {.tree = ltd_cycle_tree(cycle),
                           .cost = cost,
                           .context = ltd_cycle_context(cycle),
                           .sizes = c->env.sizes.v,
                           .n_sizes = c->env.sizes.n};
    const ltd_contract contracts[2] = {c->env.depth_obs, c->env.size_obs};
    const ltd_ints *hidden[2] = {&c->policy.depth_hidden, &c->policy.size_hidden};
    *ret = 0;
    for (int p = 0; p < 2; p++) {
        double ms[DECISIONS];
        int32_t dim = ltd_contract_dim(contracts[p]), out = p ? c->env.sizes.n : 2;
        ltd_mlp *net = NULL;
        float *obs = ltd_mem_zeros((size_t)dim, sizeof *obs), logits[LTD_CONFIG_INTS];
        int rc = obs ? make_net(hidden[p], dim, out, &net, err)
                     : ltd_fail(err, LTD_ENOMEM, "calibrate: no memory");
        for (int32_t i = 0; rc == LTD_OK && i < DECISIONS; i++) {
            uint64_t t0 = ltd_clock_now(&s->clock);
            ltd_obs_encode(contracts[p], &state, obs);
            ltd_mlp_forward(net, obs, logits);
            ms[i] = (double)(ltd_clock_now(&s->clock) - t0) * 1e-6;
        }
        ltd_mlp_free(net);
        free(obs);
        if (rc < 0) return rc;
        double m = ltd_calibrate_median(ms, DECISIONS);
        if (m > *ret) *ret = m;
    }
    return LTD_OK;
}

int ltd_calibrate_small(const ltd_setup *s, ltd_cost *cost, ltd_err *err)
{
    ltd_cycle *cycle = NULL;
    double commit = 0, decide = 0;
    int rc = ltd_setup_cycle(s, NULL, &cycle, err);
    if (rc == LTD_OK) rc = time_commits(s, cycle, &commit, err);
    if (rc == LTD_OK) rc = time_decision(s, cycle, cost, &decide, err);
    ltd_cycle_free(cycle);
    if (rc < 0) return rc;
    cost->commit_ms = (float)commit;
    cost->decide_ms = (float)decide;
    return LTD_OK;
}
