/* One decision: an observation and a net of the configured size. */
#include <stdlib.h>

#include "agents/mlp.h"
#include "base/mem.h"
#include "trainer/calibrate/calibrate_priv.h"

enum { DECISIONS = 200 };

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void ltd_calibrate_sort(double *v, int32_t n)
{
    qsort(v, (size_t)n, sizeof *v, ascending);
}

double ltd_calibrate_mean(double *v, int32_t n)
{
    double sum = 0;
    int32_t i = 0;
    ltd_calibrate_sort(v, n);
    for (; i < n && v[i] <= 4 * v[n / 2]; i++) sum += v[i];
    return i ? sum / i : 0;
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
int ltd_calibrate_decision(const ltd_setup *s, ltd_cycle *cycle, ltd_cost *cost, ltd_err *err)
{
    const ltd_config *c = &s->config;
    ltd_obs_state state = {.tree = ltd_cycle_tree(cycle),
                           .cost = cost,
                           .context = ltd_cycle_context(cycle),
                           .sizes = c->env.sizes.v,
                           .n_sizes = c->env.sizes.n};
    const ltd_contract contracts[2] = {c->env.depth_obs, c->env.size_obs};
    const ltd_ints *hidden[2] = {&c->policy.depth_hidden, &c->policy.size_hidden};
    cost->decide_ms = 0;
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
        float m = (float)ltd_calibrate_mean(ms, DECISIONS);
        if (m > cost->decide_ms) cost->decide_ms = m;
    }
    return LTD_OK;
}
