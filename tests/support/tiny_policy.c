#include "tests/support/tiny_policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "env/cost_file.h"
#include "env/survival_fit.h"

enum { TOP_K = 4, FORWARDS = 4 };

static ltd_mlp *net(ltd_contract contract, int32_t actions, ltd_activation act, ltd_rng *rng)
{
    const int32_t dims[] = {ltd_contract_dim(contract), 40, 24, actions};
    ltd_mlp *mlp;
    if (ltd_mlp_new(&mlp, dims, 3, act, NULL) < 0) return NULL;
    for (int32_t k = 0; k < 3; k++) {
        size_t n = (size_t)dims[k] * (size_t)dims[k + 1];
        float *v = calloc(n + (size_t)dims[k + 1], sizeof *v);
        if (!v) abort();
        for (size_t i = 0; i < n + (size_t)dims[k + 1]; i++)
            v[i] = ltd_rng_normal(rng) * (dims[k] > 1000 ? 0.05f : 0.4f);
        if (ltd_mlp_set(mlp, k, v, v + n, NULL) < 0) abort();
        free(v);
    }
    return mlp;
}

static ltd_survival *survival(ltd_rng *rng)
{
    ltd_survival_counts *counts = calloc(1, sizeof *counts);
    ltd_survival *s = calloc(1, sizeof *s);
    if (!counts || !s) abort();
    for (int i = 0; i < 4000; i++) {
        float score = -6 * (float)ltd_rng_f64(rng);
        int32_t length = 1 + (int32_t)ltd_rng_below(rng, 20);
        ltd_survival_count_head(counts, score, ltd_rng_f64(rng) < 0.8 / (1 - (double)score));
        ltd_survival_count_lookup(counts, length, (int32_t)ltd_rng_below(rng, 6), 6);
        ltd_survival_count_both(counts, length, score, ltd_rng_f64(rng) < 0.5);
    }
    ltd_survival_fit(counts, s);
    free(counts);
    return s;
}

static void set_space(ltd_policy *p, bool paper)
{
    static const int32_t ours[] = {0, 1, 2, 4, 8, 16}, theirs[] = {4, 8, 12, 16};
    p->n_sizes = paper ? 4 : 6;
    memcpy(p->sizes, paper ? theirs : ours, (size_t)p->n_sizes * sizeof *ours);
    p->top_k = TOP_K;
    p->min_forwards = paper ? 2 : 0;
    p->max_forwards = FORWARDS;
    p->depth_every = 1;
    p->lookup = !paper;
    p->rate = paper ? 0 : 2.125;
    p->depth_contract = paper ? LTD_CONTRACT_PAPER_DEPTH : LTD_CONTRACT_LTD_DEPTH;
    p->size_contract = paper ? LTD_CONTRACT_PAPER_SIZE : LTD_CONTRACT_LTD_SIZE;
}

ltd_policy *tiny_policy(const char *kind)
{
    bool both = strcmp(kind, "both") == 0, paper = strcmp(kind, "paper") == 0;
    bool depth = strcmp(kind, "depth") == 0, size = strcmp(kind, "size") == 0;
    ltd_policy *p = both || paper || depth || size ? calloc(1, sizeof *p) : NULL;
    if (!p) return NULL;
    ltd_rng rng;
    ltd_rng_seed(&rng, 11 + (uint64_t)kind[0], LTD_STREAM_TEST);
    set_space(p, paper);
    p->fixed_forwards = 3;
    p->fixed_size = 5;
    if (size) p->depth_every = 2;
    ltd_activation act = paper ? LTD_ACT_RELU : LTD_ACT_TANH;
    if (!size) p->depth = net(p->depth_contract, 2, act, &rng);
    if (!depth) p->size = net(p->size_contract, p->n_sizes, act, &rng);
    if (both || size) p->survival = survival(&rng);
    strcpy(p->machine, "made up, \"amx\" */ 2");
    memset(p->model_hash, 'a', 64);
    memset(p->head_hash, 'b', 64);
    return p;
}

ltd_cost *tiny_policy_cost(void)
{
    ltd_cost *cost = calloc(1, sizeof *cost);
    if (!cost) return NULL;
    *cost = (ltd_cost){.t_ar_ms = 4,
                       .commit_ms = 0.1f,
                       .decide_ms = 0.05f,
                       .waiting_ms = 0.03f,
                       .n_verify = 4,
                       .verify = {{1, 32, 4, 4}, {17, 32, 8, 8}, {1, 96, 5, 5}, {9, 96, 7, 7}},
                       .n_draft = 2,
                       .draft = {{1, 32, 0.5f, 0.5f}, {TOP_K, 32, 0.75f, 0.75f}},
                       .machine = "made up"};
    if (ltd_cost_finish(cost, NULL) < 0) abort();
    return cost;
}
