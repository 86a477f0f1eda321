/* Every float of a contract is written on every call, so that an observation never depends on what
 * the buffer held. */
#include "env/obs.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    int32_t dim;
} contracts[LTD_CONTRACT_COUNT] = {
    {"paper/depth/128", 128},
    {"paper/size/1268", 1268},
    {"ltd/depth/v1", LTD_OBS_LTD_DIM},
    {"ltd/size/v1", LTD_OBS_LTD_DIM},
};

const char *ltd_contract_name(ltd_contract contract)
{
    return (unsigned)contract < LTD_CONTRACT_COUNT ? contracts[contract].name : "?";
}

int ltd_contract_find(const char *name)
{
    for (int i = 0; i < LTD_CONTRACT_COUNT; i++)
        if (strcmp(contracts[i].name, name) == 0) return i;
    return -1;
}

int32_t ltd_contract_dim(ltd_contract contract)
{
    return (unsigned)contract < LTD_CONTRACT_COUNT ? contracts[contract].dim : 0;
}

/* --- the paper's --- */

enum { PAPER_K = 10, PAPER_POOL = 1210 };

static float floored(float score)
{
    return score > LTD_OBS_FLOOR ? score : LTD_OBS_FLOOR;
}

static void fill(float *ret, int32_t n, float value)
{
    for (int32_t i = 0; i < n; i++) ret[i] = value;
}

static float paper_expansions(const ltd_obs_state *s)
{
    int32_t forwards = ltd_tree_forwards(s->tree);
    return forwards > 1 ? (float)(forwards - 1) / 10.0f : 0;
}

static void encode_paper_depth(const ltd_obs_state *s, float *ret)
{
    int32_t n, k = ltd_tree_top_k(s->tree), side = k < PAPER_K ? k : PAPER_K;
    const float *last = ltd_tree_last_scores(s->tree, &n);
    fill(ret, PAPER_K * PAPER_K, 0);
    if (ltd_tree_forwards(s->tree) > 1)
        for (int32_t r = 0; r < side; r++)
            for (int32_t c = 0; c < side; c++) ret[r * PAPER_K + c] = floored(last[r * k + c]);
    fill(ret + 100, 14, (float)s->context / 1000.0f);
    fill(ret + 114, 14, paper_expansions(s));
}

static void encode_paper_size(const ltd_obs_state *s, float *ret)
{
    int32_t n = ltd_tree_count(s->tree);
    const ltd_node *nodes = ltd_tree_nodes(s->tree);
    if (n > PAPER_POOL) n = PAPER_POOL;
    for (int32_t i = 0; i < n; i++) ret[i] = floored(nodes[i].score);
    fill(ret + n, PAPER_POOL - n, 0);
    fill(ret + PAPER_POOL, 29, (float)s->context / 1000.0f);
    fill(ret + PAPER_POOL + 29, 29, paper_expansions(s));
}

/* --- ours --- */

static float at_most_1(float x)
{
    return x < 1 ? x : 1;
}

/* Entropy of a row of which the k likeliest are known. */
static float row_entropy(const float *logp, int32_t k)
{
    float h = 0, rest = 1;
    for (int32_t i = 0; i < k; i++) {
        if (logp[i] <= LTD_OBS_FLOOR) continue;
        float p = expf(logp[i]);
        h -= p * logp[i];
        rest -= p;
    }
    if (rest > 0) h -= rest * logf(rest);
    return h / logf(k > 1 ? (float)k : 2.0f);
}

static void encode_frontier(const ltd_obs_state *s, float *ret)
{
    ret[LTD_OBS_AT_BEST] = ret[LTD_OBS_AT_MASS] = ret[LTD_OBS_AT_DECAY] = 1;
    ret[LTD_OBS_AT_ENTROPY] = 0;
    if (ltd_tree_forwards(s->tree) == 0) return;
    int32_t k = ltd_tree_top_k(s->tree);
    const float *score = ltd_tree_beam_score(s->tree);
    float mass = 0, before = at_most_1(ltd_tree_row_mass(s->tree));
    for (int32_t j = 0; j < k; j++) mass += expf(score[j]);
    mass = at_most_1(mass);
    ret[LTD_OBS_AT_BEST] = expf(score[0]);
    ret[LTD_OBS_AT_MASS] = mass;
    ret[LTD_OBS_AT_DECAY] = before > 0 ? at_most_1(mass / before) : 0;
    ret[LTD_OBS_AT_ENTROPY] = row_entropy(ltd_tree_top_logp(s->tree), k);
}

/* T(n, V) / T_ar. */
static float relative_cost(const ltd_obs_state *s, double ar_ms, int32_t forwards, int32_t size)
{
    if (!s->cost) return 1.0f + 0.05f * (float)size + 0.15f * (float)forwards;
    ltd_cost_work work = {forwards, ltd_tree_top_k(s->tree), size, s->context, s->waiting};
    return (float)(ltd_cost_cycle(s->cost, &work) / ar_ms);
}

static void encode_sizes(const ltd_obs_state *s, double ar_ms, float *ret)
{
    int32_t count = ltd_tree_count(s->tree), forwards = ltd_tree_forwards(s->tree), done = 0;
    int32_t n = s->n_sizes < LTD_OBS_SIZES ? s->n_sizes : LTD_OBS_SIZES;
    const ltd_node *nodes = ltd_tree_nodes(s->tree);
    fill(ret + LTD_OBS_AT_EXPECTED, 2 * LTD_OBS_SIZES, 0);
    ret[LTD_OBS_AT_SPEEDUP] = 0;
    int32_t deepest = 0;
    for (int32_t i = 0; i < n; i++)
        if (s->sizes[i] > deepest) deepest = s->sizes[i];
    const int32_t *best = ltd_tree_ranked(s->tree, deepest);
    float expected = 1;
    for (int32_t i = 0; i < n; i++) {
        int32_t size = s->sizes[i] < count ? s->sizes[i] : count;
        for (; done < size; done++) expected += expf(nodes[best[done]].score);
        float speedup = expected / relative_cost(s, ar_ms, forwards, size);
        ret[LTD_OBS_AT_EXPECTED + i] = expected / 8.0f;
        ret[LTD_OBS_AT_PREDICTED + i] = speedup;
        if (speedup > ret[LTD_OBS_AT_SPEEDUP]) ret[LTD_OBS_AT_SPEEDUP] = speedup;
    }
}

static void encode_ltd(const ltd_obs_state *s, float *ret)
{
    int32_t count = ltd_tree_count(s->tree), forwards = ltd_tree_forwards(s->tree);
    double ar_ms = s->cost ? ltd_cost_ar(s->cost, s->context) : 1;
    ret[LTD_OBS_AT_FORWARDS] = (float)forwards / 8.0f;
    ret[LTD_OBS_AT_CONTEXT] = (float)s->context / 1000.0f;
    ret[LTD_OBS_AT_MATCH] = (float)(s->match < 8 ? s->match : 8) / 8.0f;
    ret[LTD_OBS_AT_CHAIN] = (float)s->chain / 8.0f;
    ret[LTD_OBS_AT_POOL] = (float)(count < 64 ? count : 64) / 64.0f;
    encode_frontier(s, ret);
    for (int i = 0; i < LTD_OBS_RECENT; i++)
        ret[LTD_OBS_AT_RECENT + i] = (float)s->recent[i] / 8.0f;
    int32_t rows = forwards == 0 ? 1 : ltd_tree_top_k(s->tree);
    ret[LTD_OBS_AT_DRAFT] =
        s->cost ? (float)(ltd_cost_draft(s->cost, rows, s->context) / ar_ms) : 0.15f;
    ret[LTD_OBS_AT_SPARE] = 0;
    encode_sizes(s, ar_ms, ret);
}

void ltd_obs_encode(ltd_contract contract, const ltd_obs_state *state, float *ret)
{
    switch (contract) {
    case LTD_CONTRACT_PAPER_DEPTH: encode_paper_depth(state, ret); break;
    case LTD_CONTRACT_PAPER_SIZE: encode_paper_size(state, ret); break;
    case LTD_CONTRACT_LTD_DEPTH:
    case LTD_CONTRACT_LTD_SIZE: encode_ltd(state, ret); break;
    case LTD_CONTRACT_COUNT: break;
    }
}
