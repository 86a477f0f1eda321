#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/cost_file.h"
#include "env/obs.h"
#include "env/tree_new.h"

static const int32_t sizes[] = {0, 1, 2, 4, 64};

static void near(float a, double b)
{
    if (!(fabs(a - b) <= 1e-5)) fail_msg("%.9g, expected %.9g", (double)a, b);
}

static ltd_tree *small_tree(void)
{
    ltd_tree *tree;
    assert_int_equal(ltd_tree_new(&tree, 2, 4, 8, 64, NULL), 0);
    return tree;
}

static void grow_twice(ltd_tree *tree)
{
    const float l5 = logf(0.5f), l25 = logf(0.25f);
    assert_int_equal(ltd_tree_grow(tree, (int32_t[]){1, 2}, (float[]){l5, l25}), 0);
    /* scores: .25 .125 under the first, .125 .0625 under the second */
    assert_int_equal(ltd_tree_grow(tree, (int32_t[]){3, 4, 5, 6}, (float[]){l5, l25, l5, l25}), 0);
}

static void contracts_have_names_and_sizes(void **state)
{
    (void)state;
    assert_string_equal(ltd_contract_name(LTD_CONTRACT_PAPER_DEPTH), "paper/depth/128");
    assert_int_equal(ltd_contract_find("paper/size/1268"), LTD_CONTRACT_PAPER_SIZE);
    assert_int_equal(ltd_contract_find("ltd/size/v2"), LTD_CONTRACT_LTD_SIZE);
    assert_int_equal(ltd_contract_find("ltd/size/v1"), -1);
    assert_int_equal(ltd_contract_dim(LTD_CONTRACT_PAPER_DEPTH), 128);
    assert_int_equal(ltd_contract_dim(LTD_CONTRACT_PAPER_SIZE), 1268);
    assert_int_equal(ltd_contract_dim(LTD_CONTRACT_LTD_DEPTH), 56);
    assert_string_equal(ltd_contract_name(LTD_CONTRACT_COUNT), "?");
}

/* A(V) and GO by their definitions, over times that are linear in the size. */
static void check_values(const float *obs, const double *expected, const int32_t *verified,
                         double forwards, double mass, double next, double rate, int left)
{
    double best = -1e9, size = 0;
    for (int i = 0; i < 5; i++) {
        double time = 1 + 0.05 * verified[i] + forwards;
        double worth = expected[i] - rate * time;
        near(obs[LTD_OBS_AT_EXPECTED + i], expected[i] / 8);
        near(obs[LTD_OBS_AT_WORTH + i], worth);
        if (worth > best + 1e-9) best = worth, size = verified[i];
    }
    near(obs[LTD_OBS_AT_BEST], best);
    double go = -10, gain = 0;
    (void)size;
    for (int m = 1; m <= left; m++) {
        mass *= 0.75;
        gain += mass;
        go = fmax(go, gain - rate * m * (next + 0.05));
    }
    near(obs[LTD_OBS_AT_GO], go);
}

static void before_any_draft_the_frontier_is_the_root(void **state)
{
    (void)state;
    float obs[LTD_OBS_LTD_DIM];
    ltd_obs_state s = {.tree = small_tree(), .context = 500, .sizes = sizes, .n_sizes = 5};
    s.recent[0] = 4;
    s.rate = 1.5f;
    s.max_forwards = 4;
    ltd_obs_begin(&s);
    memset(obs, 0xff, sizeof obs);
    ltd_obs_encode(LTD_CONTRACT_LTD_DEPTH, &s, obs);
    near(obs[LTD_OBS_AT_FORWARDS], 0);
    near(obs[LTD_OBS_AT_CONTEXT], 0.5);
    near(obs[LTD_OBS_AT_POOL], 0);
    near(obs[LTD_OBS_AT_BEAM], 1);
    near(obs[LTD_OBS_AT_BEAM + 1], 0);
    near(obs[LTD_OBS_AT_MASS], 1);
    near(obs[LTD_OBS_AT_DECAY], 1);
    near(obs[LTD_OBS_AT_ENTROPY], 0);
    near(obs[LTD_OBS_AT_RECENT], 0.5);
    near(obs[LTD_OBS_AT_DRAFT], 0.15);
    near(obs[LTD_OBS_AT_WAITING], 0);
    near(obs[LTD_OBS_AT_FIRST], 0);
    near(obs[LTD_OBS_AT_RATE], 1.5 / 4);
    check_values(obs, (double[]){1, 1, 1, 1, 1}, (int32_t[]){0, 0, 0, 0, 0}, 0, 1, 0.15, 1.5, 4);
    for (int i = 5; i < 16; i++) {
        near(obs[LTD_OBS_AT_EXPECTED + i], 0);
        near(obs[LTD_OBS_AT_WORTH + i], 0);
    }
    ltd_tree_free(s.tree);
}

static void the_compact_contract_says_what_its_table_says(void **state)
{
    (void)state;
    float obs[LTD_OBS_LTD_DIM], twin[LTD_OBS_LTD_DIM];
    ltd_obs_state s = {.tree = small_tree(), .context = 250, .match = 7, .distance = 31};
    s.sizes = sizes, s.n_sizes = 5;
    s.rate = 1.25f;
    s.max_forwards = 4;
    ltd_obs_begin(&s);
    grow_twice(s.tree);
    memset(obs, 0xff, sizeof obs);
    ltd_obs_encode(LTD_CONTRACT_LTD_SIZE, &s, obs);
    near(obs[LTD_OBS_AT_FORWARDS], 2.0 / 8);
    near(obs[LTD_OBS_AT_MATCH], 0.5);
    near(obs[LTD_OBS_AT_DISTANCE], 0.5);
    near(obs[LTD_OBS_AT_POOL], 6.0 / 64);
    near(obs[LTD_OBS_AT_BEAM], 0.25);
    near(obs[LTD_OBS_AT_BEAM + 1], 0.125);
    near(obs[LTD_OBS_AT_MASS], 0.375);
    near(obs[LTD_OBS_AT_DECAY], 0.5);
    near(obs[LTD_OBS_AT_ENTROPY], 1.5); /* 1/2, 1/4, rest 1/4 in units of ln 2 */
    const double expected[] = {1, 1.5, 1.75, 2.125, 1 + .5 + .25 + .25 + .125 + .125 + .0625};
    check_values(obs, expected, (int32_t[]){0, 1, 2, 4, 6}, 0.3, 0.375, 0.15, 1.25, 2);
    ltd_obs_encode(LTD_CONTRACT_LTD_DEPTH, &s, twin);
    assert_memory_equal(obs, twin, sizeof obs);
    ltd_tree_free(s.tree);
}

static void agreement_of_head_and_lookup_is_told(void **state)
{
    (void)state;
    float obs[LTD_OBS_LTD_DIM];
    const float l5 = logf(0.5f), l25 = logf(0.25f), chain[] = {-0.25f, -0.5f, -0.75f};
    ltd_obs_state s = {.tree = small_tree(), .chain = 3, .sizes = sizes, .n_sizes = 5};
    ltd_obs_begin(&s);
    ltd_tree_add_chain(s.tree, 4, (int32_t[]){1, 4, 9}, chain, 3);
    ltd_obs_encode(LTD_CONTRACT_LTD_DEPTH, &s, obs);
    near(obs[LTD_OBS_AT_AGREED], 0);
    near(obs[LTD_OBS_AT_FIRST], 0);
    near(obs[LTD_OBS_AT_CHAIN], 3.0 / 16);
    ltd_tree_grow(s.tree, (int32_t[]){2, 1}, (float[]){l5, l25});
    ltd_obs_encode(LTD_CONTRACT_LTD_DEPTH, &s, obs);
    near(obs[LTD_OBS_AT_AGREED], 1.0 / 8);
    near(obs[LTD_OBS_AT_FIRST], 0.25);
    ltd_tree_grow(s.tree, (int32_t[]){4, 5, 4, 6}, (float[]){l5, l25, l5, l25});
    ltd_obs_encode(LTD_CONTRACT_LTD_DEPTH, &s, obs);
    near(obs[LTD_OBS_AT_AGREED], 2.0 / 8);
    near(obs[LTD_OBS_AT_FIRST], 0.25);
    ltd_tree_free(s.tree);
}

static void the_cost_table_enters(void **state)
{
    (void)state;
    float obs[LTD_OBS_LTD_DIM];
    static ltd_cost cost = {
        .t_ar_ms = 5, .commit_ms = 0.5f, .decide_ms = 0.25f, .waiting_ms = 0.5f, .n_verify = 2};
    cost.verify[0] = (ltd_cost_point){1, 100, 6, 6};
    cost.verify[1] = (ltd_cost_point){7, 100, 12, 12};
    cost.n_draft = 2;
    cost.draft[0] = (ltd_cost_point){1, 100, 1, 1};
    cost.draft[1] = (ltd_cost_point){2, 100, 2, 2};
    assert_int_equal(ltd_cost_finish(&cost, NULL), 0);
    ltd_obs_state s = {.tree = small_tree(), .cost = &cost, .sizes = sizes, .n_sizes = 5};
    s.rate = 1;
    s.waiting = 4;
    ltd_obs_begin(&s);
    ltd_obs_encode(LTD_CONTRACT_LTD_SIZE, &s, obs);
    near(obs[LTD_OBS_AT_DRAFT], 1.25 / 5);
    near(obs[LTD_OBS_AT_WAITING], 1.5 / 5);
    grow_twice(s.tree);
    ltd_obs_encode(LTD_CONTRACT_LTD_SIZE, &s, obs);
    near(obs[LTD_OBS_AT_DRAFT], 2.25 / 5);
    near(obs[LTD_OBS_AT_WAITING], 0);
    near(obs[LTD_OBS_AT_WORTH + 3], 2.125 - (1 + 2 + 10 + 0.5 + 4 * 0.25) / 5);
    ltd_tree_free(s.tree);
}

/* What was encoded after nothing is, with the past put in, what is encoded after it. */
static void the_past_can_be_put_in(void **state)
{
    (void)state;
    float obs[LTD_OBS_LTD_DIM], twin[LTD_OBS_LTD_DIM];
    static ltd_cost cost = {.t_ar_ms = 5, .waiting_ms = 0.3f, .n_verify = 1};
    cost.verify[0] = (ltd_cost_point){1, 100, 6, 6};
    assert_int_equal(ltd_cost_finish(&cost, NULL), 0);
    ltd_obs_state s = {.tree = small_tree(), .cost = &cost, .sizes = sizes, .n_sizes = 5};
    s.rate = 1.7f;
    s.max_forwards = 4;
    for (int f = 0; f < 2; f++) {
        s.waiting = 1;
        memset(s.recent, 0, sizeof s.recent);
        ltd_obs_begin(&s);
        ltd_obs_encode(LTD_CONTRACT_LTD_DEPTH, &s, obs);
        s.waiting = 9;
        for (int i = 0; i < LTD_OBS_RECENT; i++) s.recent[i] = 3 + i;
        ltd_obs_begin(&s);
        ltd_obs_encode(LTD_CONTRACT_LTD_DEPTH, &s, twin);
        assert_memory_not_equal(obs, twin, sizeof obs);
        ltd_obs_put_past(obs, ltd_tree_forwards(s.tree), s.recent,
                         ltd_obs_waiting(&cost, 9, s.context), s.rate);
        assert_memory_equal(obs, twin, sizeof obs);
        if (f == 0) grow_twice(s.tree);
    }
    ltd_tree_free(s.tree);
}

static void the_papers_contracts_stand_where_the_paper_puts_them(void **state)
{
    (void)state;
    static float obs[1268];
    float logp[100];
    int32_t token[100];
    ltd_tree *tree;
    assert_int_equal(ltd_tree_new(&tree, 10, 13, 0, 240, NULL), 0);
    ltd_obs_state s = {.tree = tree, .context = 1500};
    for (int i = 0; i < 100; i++) token[i] = i, logp[i] = -(float)(1 + i % 10) / 16;
    memset(obs, 0xff, sizeof obs);
    ltd_tree_grow(tree, token, logp);
    ltd_obs_encode(LTD_CONTRACT_PAPER_DEPTH, &s, obs);
    for (int i = 0; i < 100; i++) near(obs[i], 0);
    for (int i = 100; i < 114; i++) near(obs[i], 1.5);
    for (int i = 114; i < 128; i++) near(obs[i], 0);
    for (int f = 1; f < 13; f++) ltd_tree_grow(tree, token, logp);
    int32_t n;
    ltd_obs_encode(LTD_CONTRACT_PAPER_DEPTH, &s, obs);
    assert_memory_equal(obs, ltd_tree_last_scores(tree, &n), 400);
    for (int i = 114; i < 128; i++) near(obs[i], 1.2);
    ltd_obs_encode(LTD_CONTRACT_PAPER_SIZE, &s, obs);
    assert_int_equal(ltd_tree_count(tree), 1210);
    for (int i = 0; i < 1210; i++) assert_true(obs[i] == ltd_tree_nodes(tree)[i].score);
    for (int i = 1210; i < 1239; i++) near(obs[i], 1.5);
    for (int i = 1239; i < 1268; i++) near(obs[i], 1.2);
    for (int no_depth = 0; no_depth < 2; no_depth++) {
        float part[1268];
        ltd_obs_encode(no_depth ? LTD_CONTRACT_PAPER_SIZE_NO_DEPTH
                                : LTD_CONTRACT_PAPER_SIZE_NO_CONTEXT,
                       &s, part);
        for (int i = 0; i < 1268; i++)
            assert_true(part[i] == (i < 1210 || (i < 1239) == no_depth ? obs[i] : 0));
    }
    ltd_tree_free(tree);
}

static void observations_are_finite_whatever_the_scores(void **state)
{
    (void)state;
    const float odd[] = {NAN, INFINITY, -INFINITY, 0, -0.0f, 1, -1e30f, -1e-40f, -3};
    static float obs[1268];
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    const int32_t unsorted[] = {9, 2, -4, 300, 0};
    for (int round = 0; round < 400; round++) {
        int32_t k = 1 + (int32_t)ltd_rng_below(&rng, 14), token[14 * 14];
        float logp[14 * 14];
        ltd_tree *tree;
        assert_int_equal(ltd_tree_new(&tree, k, 4, 4, 64, NULL), 0);
        ltd_obs_state s = {.tree = tree, .context = 7, .sizes = unsorted, .n_sizes = 5};
        s.rate = 2;
        s.max_forwards = 4;
        ltd_obs_begin(&s);
        for (int f = 0; f < 4; f++) {
            for (int c = 0; c < LTD_CONTRACT_COUNT; c++) {
                memset(obs, 0xff, sizeof obs);
                ltd_obs_encode((ltd_contract)c, &s, obs);
                for (int32_t i = 0; i < ltd_contract_dim((ltd_contract)c); i++)
                    assert_true(isfinite(obs[i]));
            }
            for (int32_t i = 0; i < k * k; i++) {
                logp[i] = odd[ltd_rng_below(&rng, 9)];
                token[i] = i;
            }
            assert_int_equal(ltd_tree_grow(tree, token, logp), 0);
        }
        ltd_tree_free(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contracts_have_names_and_sizes),
        cmocka_unit_test(before_any_draft_the_frontier_is_the_root),
        cmocka_unit_test(the_compact_contract_says_what_its_table_says),
        cmocka_unit_test(agreement_of_head_and_lookup_is_told),
        cmocka_unit_test(the_cost_table_enters),
        cmocka_unit_test(the_past_can_be_put_in),
        cmocka_unit_test(the_papers_contracts_stand_where_the_paper_puts_them),
        cmocka_unit_test(observations_are_finite_whatever_the_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
