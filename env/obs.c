/* Every float of a contract is written on every call, so that an observation never depends on what
 * the buffer held. */
#include "env/obs.h"

#include <math.h>
#include <string.h>

static const float shrink = 0.75f; /* of the frontier's mass, a forward */
enum { LTD_OBS_MAX = 1000 };

typedef struct description {
    const char *name;
    int32_t dim;
} description;

static const description contracts[LTD_CONTRACT_COUNT] = {
    {"paper/depth/128", 128},           {"paper/size/1268", 1268},
    {"ltd/depth/v2", LTD_OBS_LTD_DIM},  {"ltd/size/v2", LTD_OBS_LTD_DIM},
    {"paper/size/1268-no-depth", 1268}, {"paper/size/1268-no-context", 1268},
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

bool ltd_contract_is_paper(ltd_contract contract)
{
    return contract != LTD_CONTRACT_LTD_DEPTH && contract != LTD_CONTRACT_LTD_SIZE;
}

int32_t ltd_contract_dim(ltd_contract contract)
{
    return (unsigned)contract < LTD_CONTRACT_COUNT ? contracts[contract].dim : 0;
}

/* --- the paper's --- */

enum { PAPER_K = 10, PAPER_POOL = 1210 };

static float floored(float score)
{
    return score > (float)LTD_OBS_FLOOR ? score : (float)LTD_OBS_FLOOR;
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

static void encode_paper_size(const ltd_obs_state *s, bool context, bool depth, float *ret)
{
    int32_t n = ltd_tree_count(s->tree);
    const ltd_node *nodes = ltd_tree_nodes(s->tree);
    if (n > PAPER_POOL) n = PAPER_POOL;
    for (int32_t i = 0; i < n; i++) ret[i] = floored(nodes[i].score);
    fill(ret + n, PAPER_POOL - n, 0);
    fill(ret + PAPER_POOL, 29, context ? (float)s->context / 1000.0f : 0);
    fill(ret + PAPER_POOL + 29, 29, depth ? paper_expansions(s) : 0);
}

/* --- ours --- */

static float at_most_1(float x)
{
    return x < 1 ? x : 1;
}

static void encode_frontier(const ltd_obs_state *s, float *ret)
{
    float *beam = ret + LTD_OBS_AT_BEAM;
    ret[LTD_OBS_AT_MASS] = ret[LTD_OBS_AT_DECAY] = 1;
    ret[LTD_OBS_AT_ENTROPY] = 0;
    fill(beam, LTD_OBS_BEAM, 0);
    beam[0] = 1;
    if (ltd_tree_forwards(s->tree) == 0) return;
    int32_t k = ltd_tree_top_k(s->tree);
    const float *score = ltd_tree_beam_score(s->tree);
    const ltd_survival *survival = ltd_tree_survival(s->tree);
    float mass = 0, before = at_most_1(ltd_tree_row_mass(s->tree));
    for (int32_t j = 0; j < k; j++) {
        float p = expf(ltd_survival_head(survival, score[j]));
        mass += p;
        if (j < LTD_OBS_BEAM) beam[j] = p;
    }
    mass = at_most_1(mass);
    ret[LTD_OBS_AT_MASS] = mass;
    ret[LTD_OBS_AT_DECAY] = before > 0 ? at_most_1(mass / before) : 0;
    ret[LTD_OBS_AT_ENTROPY] = ltd_tree_top_entropy(s->tree) / logf(k > 1 ? (float)k : 2.0f);
}

/* Time of verifying `size` nodes: along the size table, beyond it as between its last two. */
static float verify_time(const ltd_obs_state *s, int32_t n, float size)
{
    const float *t = s->costs.verify;
    if (n < 2) return t[0];
    int32_t i = 1;
    while (i < n - 1 && (float)s->sizes[i] < size) i++;
    float from = (float)s->sizes[i - 1], to = (float)s->sizes[i];
    return t[i - 1] + (size - from) / (to - from) * (t[i] - t[i - 1]);
}

/* A level more gives the frontier's mass times `shrink`, and takes a forward and a row: as long as
 * that pays.  What the chain covers is had without. */
static float worth_of_going_on(const ltd_obs_state *s, const float *obs, int32_t n, float size)
{
    int32_t forwards = ltd_tree_forwards(s->tree);
    const ltd_node *first = s->chain > 0 ? ltd_tree_nodes(s->tree) : NULL;
    float mass = obs[LTD_OBS_AT_MASS], best = -10, gain = 0, time = 0;
    if (forwards == 0 && first) mass -= expf(first->score);
    float stays = verify_time(s, n, size);
    for (int32_t m = 1; forwards + m <= s->max_forwards; m++) {
        mass *= shrink;
        gain += mass;
        time += forwards + m == 1 ? s->costs.first : s->costs.next;
        float more = gain - s->rate * (time + verify_time(s, n, size + (float)m) - stays);
        if (more > best) best = more;
    }
    return best;
}

/* Values of the sizes; returns the size that is worth most. */
static int32_t encode_sizes(const ltd_obs_state *s, int32_t n, float *ret)
{
    int32_t count = ltd_tree_count(s->tree), forwards = ltd_tree_forwards(s->tree), done = 0;
    const ltd_node *nodes = ltd_tree_nodes(s->tree);
    fill(ret + LTD_OBS_AT_EXPECTED, 2 * LTD_OBS_SIZES, 0);
    int32_t deepest = 0, best_size = 0;
    for (int32_t i = 0; i < n; i++)
        if (s->sizes[i] > deepest) deepest = s->sizes[i];
    const int32_t *best = ltd_tree_ranked(s->tree, deepest);
    float expected = 1, most = -LTD_OBS_MAX, before = s->costs.rest;
    if (forwards > 0) before += s->costs.first + (float)(forwards - 1) * s->costs.next;
    for (int32_t i = 0; i < n; i++) {
        int32_t size = s->sizes[i] < count ? s->sizes[i] : count;
        for (; done < size; done++) expected += expf(nodes[best[done]].score);
        float time =
            before + (size < s->sizes[i] ? verify_time(s, n, (float)size) : s->costs.verify[i]);
        float worth = expected - s->rate * time;
        ret[LTD_OBS_AT_EXPECTED + i] = expected / 8.0f;
        ret[LTD_OBS_AT_WORTH + i] = worth > -LTD_OBS_MAX ? worth : -LTD_OBS_MAX;
        if (worth <= most) continue;
        most = worth;
        best_size = size;
    }
    ret[LTD_OBS_AT_BEST] = most;
    return best_size;
}

static void encode_ltd(const ltd_obs_state *s, float *ret)
{
    int32_t count = ltd_tree_count(s->tree), forwards = ltd_tree_forwards(s->tree);
    int32_t n = s->n_sizes < LTD_OBS_SIZES ? s->n_sizes : LTD_OBS_SIZES;
    float first;
    ret[LTD_OBS_AT_FORWARDS] = (float)forwards / 8.0f;
    ret[LTD_OBS_AT_CONTEXT] = (float)s->context / 1000.0f;
    ret[LTD_OBS_AT_MATCH] = log2f(1 + (float)s->match) / 6.0f;
    ret[LTD_OBS_AT_DISTANCE] = log2f(1 + (float)s->distance) / 10.0f;
    ret[LTD_OBS_AT_CHAIN] = (float)s->chain / 16.0f;
    ret[LTD_OBS_AT_POOL] = (float)(count < 64 ? count : 64) / 64.0f;
    encode_frontier(s, ret);
    ret[LTD_OBS_AT_AGREED] = (float)ltd_tree_agreed(s->tree, &first) / 8.0f;
    ret[LTD_OBS_AT_FIRST] = expf(first);
    ret[LTD_OBS_AT_DRAFT] = forwards == 0 ? s->costs.first : s->costs.next;
    ret[LTD_OBS_AT_RATE] = s->rate / 4.0f;
    int32_t size = encode_sizes(s, n, ret);
    ret[LTD_OBS_AT_GO] = worth_of_going_on(s, ret, n, (float)size);
    ret[LTD_OBS_AT_WAITING] = 0;
    ltd_obs_put_past(ret, forwards, s->recent, s->costs.waiting, s->rate);
}

void ltd_obs_put_past(float *obs, int32_t forwards, const int32_t recent[LTD_OBS_RECENT],
                      float waiting, float rate)
{
    for (int i = 0; i < LTD_OBS_RECENT; i++) obs[LTD_OBS_AT_RECENT + i] = (float)recent[i] / 8.0f;
    if (forwards > 0) return;
    obs[LTD_OBS_AT_WAITING] = waiting;
    obs[LTD_OBS_AT_GO] -= rate * waiting;
}

float ltd_obs_waiting(const ltd_cost *cost, int32_t waiting, int32_t context)
{
    if (!cost || waiting < 2) return 0;
    return (float)((waiting - 1) * (double)cost->waiting_ms / ltd_cost_ar(cost, context));
}

void ltd_obs_begin(ltd_obs_state *s)
{
    ltd_obs_costs *c = &s->costs;
    int32_t n = s->n_sizes < LTD_OBS_SIZES ? s->n_sizes : LTD_OBS_SIZES;
    if (!s->cost) {
        memset(c, 0, sizeof *c);
        c->first = c->next = 0.15f;
        for (int32_t i = 0; i < n; i++) c->verify[i] = 1.0f + 0.05f * (float)s->sizes[i];
        return;
    }
    const ltd_cost *t = s->cost;
    double unit = 1 / ltd_cost_ar(t, s->context), decide = (double)t->decide_ms;
    for (int32_t i = 0; i < n; i++)
        c->verify[i] = (float)(ltd_cost_verify(t, s->sizes[i] + 1, s->context) * unit);
    c->first = (float)((ltd_cost_draft(t, 1, s->context) + decide) * unit);
    c->next = (float)((ltd_cost_draft(t, ltd_tree_top_k(s->tree), s->context) + decide) * unit);
    c->waiting = ltd_obs_waiting(t, s->waiting, s->context);
    c->rest = (float)(((double)t->commit_ms + 2 * decide) * unit);
}

void ltd_obs_encode(ltd_contract contract, const ltd_obs_state *state, float *ret)
{
    switch (contract) {
    case LTD_CONTRACT_PAPER_DEPTH: encode_paper_depth(state, ret); break;
    case LTD_CONTRACT_PAPER_SIZE: encode_paper_size(state, true, true, ret); break;
    case LTD_CONTRACT_PAPER_SIZE_NO_DEPTH: encode_paper_size(state, true, false, ret); break;
    case LTD_CONTRACT_PAPER_SIZE_NO_CONTEXT: encode_paper_size(state, false, true, ret); break;
    case LTD_CONTRACT_LTD_DEPTH:
    case LTD_CONTRACT_LTD_SIZE: encode_ltd(state, ret); break;
    case LTD_CONTRACT_COUNT: break;
    }
}
