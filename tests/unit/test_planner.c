/* The planner: its gradient against finite differences of the expected worth by its definition, its
 * play and worth of tokens against their definitions, and that it learns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agents/categorical.h"
#include "base/rng.h"
#include "tests/support/made_positions.h"
#include "trainer/train/behaviour.h"
#include "trainer/train/planner.h"
#include "trainer/train/prior.h"

enum { CYCLES = 3, FORWARDS = 2, VIEWS = FORWARDS + 1, SIZES = 4 };

static made_positions m, other;
static ltd_err err;

/* --- the gradient --- */

static float depth[CYCLES * VIEWS * 2], size[CYCLES * VIEWS * SIZES];
static float value[CYCLES * VIEWS * SIZES];
static uint8_t legal[CYCLES * VIEWS * SIZES];

/* Mean over cycles of the worth, entropies of the decisions that are reached added; `at` holds how
 * likely each decision is reached: for the entropies it counts as given. */
static double objective(double entropy, const double *at)
{
    double sum = 0;
    for (int c = 0; c < CYCLES; c++) {
        double reach = 1;
        for (int n = 0; n < VIEWS; n++) {
            int view = c * VIEWS + n;
            double go = n < FORWARDS
                            ? 1 / (1 + exp((double)depth[2 * view] - (double)depth[2 * view + 1]))
                            : 0;
            double z = 0, q = 0, h = 0;
            for (int i = 0; i < SIZES; i++)
                if (legal[view * SIZES + i]) z += exp((double)size[view * SIZES + i]);
            for (int i = 0; i < SIZES; i++) {
                if (!legal[view * SIZES + i]) continue;
                double p = exp((double)size[view * SIZES + i]) / z;
                q += p * (double)value[view * SIZES + i];
                h -= p * log(p);
            }
            sum += reach * (1 - go) * q;
            double stops = at[2 * view + 1], asked = at[2 * view];
            sum += entropy * stops * h;
            if (n < FORWARDS) sum -= entropy * asked * (go * log(go) + (1 - go) * log(1 - go));
            reach *= go;
        }
    }
    return sum / CYCLES;
}

static void reached(double *at)
{
    for (int c = 0; c < CYCLES; c++) {
        double reach = 1;
        for (int n = 0; n < VIEWS; n++) {
            int view = c * VIEWS + n;
            double go = n < FORWARDS
                            ? 1 / (1 + exp((double)depth[2 * view] - (double)depth[2 * view + 1]))
                            : 0;
            at[2 * view] = reach;
            at[2 * view + 1] = reach * (1 - go);
            reach *= go;
        }
    }
}

static double slope(float *x, double entropy, const double *at)
{
    float before = *x, h = 1e-2f;
    *x = before + h;
    double up = objective(entropy, at);
    *x = before - h;
    double down = objective(entropy, at);
    *x = before;
    return (up - down) / (2 * (double)h);
}

static void gradients_match_finite_differences(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 2, LTD_STREAM_TEST);
    float dg[CYCLES * VIEWS * 2], sg[CYCLES * VIEWS * SIZES];
    double at[CYCLES * VIEWS * 2];
    for (int round = 0; round < 20; round++) {
        double entropy = round % 2 ? 0.1 : 0;
        for (int i = 0; i < CYCLES * VIEWS * 2; i++) depth[i] = ltd_rng_normal(&rng);
        for (int i = 0; i < CYCLES * VIEWS * SIZES; i++) {
            size[i] = ltd_rng_normal(&rng);
            value[i] = ltd_rng_normal(&rng);
            legal[i] = i % SIZES == 0 || ltd_rng_below(&rng, 2);
        }
        ltd_planner_batch b = {CYCLES, FORWARDS, SIZES, depth, size, value, legal, dg, sg};
        reached(at);
        double worth = ltd_planner_gradient(&b, entropy);
        assert_true(fabs(worth - objective(0, at)) < 1e-6);
        for (int i = 0; i < CYCLES * VIEWS * 2; i++)
            if (fabs(slope(&depth[i], entropy, at) - (double)dg[i]) > 1e-4)
                fail_msg("depth %d: %g, expected %g", i, (double)dg[i],
                         slope(&depth[i], entropy, at));
        for (int i = 0; i < CYCLES * VIEWS * SIZES; i++)
            if (fabs(slope(&size[i], entropy, at) - (double)sg[i]) > 1e-4)
                fail_msg("size %d: %g, expected %g", i, (double)sg[i],
                         slope(&size[i], entropy, at));
    }
}

/* --- nets --- */

static float mean[LTD_OBS_LTD_DIM], spread[LTD_OBS_LTD_DIM];

static void open_nets(ltd_learner **d, ltd_learner **s, uint64_t seed)
{
    ltd_rng rng;
    ltd_rng_seed(&rng, seed, LTD_STREAM_INIT);
    for (int i = 0; i < LTD_OBS_LTD_DIM; i++) mean[i] = 0.1f, spread[i] = 0.5f;
    ltd_actor_critic_options o = {LTD_OBS_LTD_DIM, 2, {24, 24}, 2, {8}, 1, LTD_ACT_RELU};
    assert_int_equal(ltd_learner_new(d, "depth", &o, LTD_ROLLOUT_EPISODES, 1, 8, 1e-5, &rng, &err),
                     0);
    o.n_actions = MADE_SIZES;
    assert_int_equal(ltd_learner_new(s, "size", &o, LTD_ROLLOUT_BANDIT, 1, 8, 1e-5, &rng, &err), 0);
    assert_int_equal(ltd_prior_set_worth((*d)->ac, (*s)->ac, 4, 0.1f, mean, spread, &err), 0);
    assert_int_equal(ltd_actor_critic_sync((*d)->ac, &(*d)->actor, NULL, &err), 0);
    assert_int_equal(ltd_actor_critic_sync((*s)->ac, &(*s)->actor, NULL, &err), 0);
}

/* With the other units silent the nets say what the rule says. */
static void the_prior_is_the_rule(void **state)
{
    (void)state;
    ltd_learner *d, *s;
    made_positions_open(&m, 5, 3, 1.2f);
    open_nets(&d, &s, 1);
    ltd_learner *both[2] = {d, s};
    for (int k = 0; k < 2; k++) {
        const ltd_param *w = ltd_actor_critic_param_named(both[k]->ac, "action_net.weight");
        int32_t paths = k ? MADE_SIZES : 1;
        for (int64_t a = 0; a < w->dims[0]; a++)
            for (int64_t u = 2 * paths; u < w->dims[1]; u++) w->data[a * w->dims[1] + u] = 0;
        assert_int_equal(ltd_actor_critic_sync(both[k]->ac, &both[k]->actor, NULL, &err), 0);
    }
    for (int64_t i = 0; i < ltd_positions_total(m.positions); i++)
        for (int32_t n = 0; n <= 3; n++) {
            float logits[MADE_SIZES];
            const float *obs = ltd_positions_at(m.positions, i, n).obs;
            ltd_mlp_forward(d->actor, obs, logits);
            float go = 4 * (obs[LTD_OBS_AT_GO] - 0.1f);
            assert_true(fabsf(logits[1] - logits[0] - go) < 1e-4f);
            ltd_mlp_forward(s->actor, obs, logits);
            for (int v = 0; v < MADE_SIZES; v++)
                assert_true(fabsf(logits[v] - 4 * obs[LTD_OBS_AT_WORTH + v]) < 1e-3f);
        }
    ltd_actor_critic_options narrow = {LTD_OBS_LTD_DIM, 2, {1}, 1, {8}, 1, LTD_ACT_RELU};
    ltd_actor_critic *ac;
    ltd_prior_path path = {0, 0, 1};
    assert_int_equal(ltd_actor_critic_new(&ac, &narrow, NULL, &err), 0);
    assert_int_equal(ltd_prior_set(ac, &path, 1, mean, spread, &err), LTD_EINVAL);
    ltd_actor_critic_free(ac);
    ltd_learner_free(d);
    ltd_learner_free(s);
}

static void a_token_is_worth_the_time_it_takes(void **state)
{
    (void)state;
    ltd_learner *d, *s;
    ltd_visits v = {0};
    made_positions_open(&m, 6, 4, 1.2f);
    open_nets(&d, &s, 2);
    float *worth = calloc((size_t)ltd_positions_total(m.positions), sizeof *worth);
    assert_int_equal(ltd_planner_play(m.positions, d->actor, s->actor, &v, &err), 0);
    assert_int_equal(
        ltd_planner_worth(m.positions, d->actor, s->actor, &v, MADE_MAX_NEW, worth, &err), 0);
    assert_true(v.tokens == 4 * (MADE_MAX_NEW - 1));
    /* From a text's beginning to its end: the time of the cycles that were played. */
    double time = 0;
    for (int32_t t = 0; t < 4; t++)
        time += (double)worth[ltd_positions_index(m.positions, t, 0)] * (MADE_MAX_NEW - 1);
    assert_true(fabs(time - v.time) < 1e-3 * v.time);
    /* In a window of one the token costs what its cycle does, or what follows it less. */
    assert_int_equal(ltd_planner_worth(m.positions, d->actor, s->actor, &v, 1, worth, &err), 0);
    double sum = 0;
    for (int64_t i = 0; i < ltd_positions_total(m.positions); i++) sum += (double)worth[i];
    assert_true(fabs(sum - v.time) < 1e-3 * v.time);
    ltd_visits_fini(&v);
    free(worth);
    ltd_learner_free(d);
    ltd_learner_free(s);
}

static void what_a_policy_does_is_told(void **state)
{
    (void)state;
    ltd_visit v[200] = {{0}};
    ltd_visits visits = {v, 200, 200, 0, 0};
    ltd_str text = LTD_STR_INIT;
    made_positions_open(&m, 6, 1, 1.2f);
    for (int i = 0; i < 200; i++) {
        v[i].forwards = i < 150 ? 2 : 0;
        v[i].size = i < 100 ? 3 : 1;
    }
    ltd_behaviour b = ltd_behaviour_of(m.positions, &visits);
    ltd_behaviour_text(&b, &text);
    assert_string_equal(ltd_str_text(&text),
                        "forwards 0: 25 %, 2: 75 %; nodes 1: 50 %, 4: 50 %; 1.5 bits");
    assert_false(ltd_behaviour_is_constant(&b));
    assert_true(b.most == 0.5 && b.most_forwards == 2 && b.most_size == 4);
    for (int i = 0; i < 199; i++) v[i] = (ltd_visit){.forwards = 1, .size = 2};
    b = ltd_behaviour_of(m.positions, &visits);
    assert_true(ltd_behaviour_is_constant(&b));
    assert_true(b.most_forwards == 1 && b.most_size == 2);
    ltd_str_fini(&text);
}

static void decisions_are_told_by_confidence(void **state)
{
    (void)state;
    ltd_learner *d, *s;
    ltd_visits v = {0};
    ltd_str text = LTD_STR_INIT;
    made_positions_open(&m, 6, 4, 1.2f);
    open_nets(&d, &s, 2);
    assert_int_equal(ltd_planner_play(m.positions, d->actor, s->actor, &v, &err), 0);
    ltd_behaviour b = ltd_behaviour_of(m.positions, &v);
    int64_t asked = 0, went = 0, forwards = 0;
    double nodes = 0, chosen = 0;
    for (int n = 0; n <= 3; n++)
        for (int c = 0; c < LTD_BEHAVIOUR_COLUMNS; c++) {
            asked += b.cell[n][c].asked;
            went += b.cell[n][c].went_on;
            nodes += b.cell[n][c].nodes;
            if (n == 0 && c < LTD_BEHAVIOUR_COLUMNS - 1) assert_int_equal(b.cell[n][c].asked, 0);
        }
    for (int64_t i = 0; i < v.n; i++) {
        forwards += v.v[i].forwards;
        chosen += m.sizes[v.v[i].size];
    }
    assert_true(asked == v.n + forwards && went == forwards && nodes == chosen);
    ltd_behaviour_table(&b, &text);
    const char *first = strstr(ltd_str_text(&text), "\n       0            .");
    assert_non_null(first);
    assert_non_null(strstr(first, "%"));
    /* A net that cannot tell: ln 2. */
    assert_true(b.depth_entropy == 0);
    const ltd_param *w = ltd_actor_critic_param_named(d->ac, "action_net.weight");
    memset(w->data, 0, (size_t)(w->dims[0] * w->dims[1]) * sizeof *w->data);
    ltd_actor_critic_param_named(d->ac, "action_net.bias")->data[LTD_DEPTH_CONTINUE] = 0;
    assert_int_equal(ltd_actor_critic_sync(d->ac, &d->actor, NULL, &err), 0);
    ltd_behaviour_measure(&b, m.positions, &v, d->actor, s->actor);
    assert_true(fabs(b.depth_entropy - log(2)) < 1e-6);
    assert_true(b.size_entropy > 0 && b.size_entropy < log(MADE_SIZES));
    ltd_str_fini(&text);
    ltd_visits_fini(&v);
    ltd_learner_free(d);
    ltd_learner_free(s);
}

static double learn(uint64_t seed, float *params, int64_t *n, double *before)
{
    ltd_learner *d, *s;
    ltd_rng rng;
    ltd_planner_result r;
    ltd_planner_options o = LTD_PLANNER_DEFAULTS;
    ltd_rng_seed(&rng, seed, LTD_STREAM_MINIBATCH);
    open_nets(&d, &s, seed);
    o.passes = 12;
    o.batch_size = 128;
    o.valid_every = 3;
    o.rate = 1.2;
    int rc = ltd_planner_run(d, s, m.positions, other.positions, &o, &rng, &r, &err);
    if (rc < 0) fail_msg("%s", err.msg);
    *n = ltd_actor_critic_size(s->ac);
    memcpy(params, ltd_actor_critic_data(s->ac), (size_t)*n * sizeof *params);
    ltd_visits v = {0};
    assert_int_equal(ltd_planner_play(other.positions, d->actor, s->actor, &v, &err), 0);
    assert_true(fabs(v.tokens / v.time - r.valid) < 1e-9);
    ltd_visits_fini(&v);
    ltd_learner_free(d);
    ltd_learner_free(s);
    *before = r.before;
    return r.valid;
}

static void it_learns_and_equal_seeds_give_equal_nets(void **state)
{
    (void)state;
    static float a[4096], b[4096];
    int64_t n;
    double before;
    made_positions_open(&m, 7, 24, 1.2f);
    made_positions_open(&other, 8, 12, 1.2f);
    double gained = learn(3, a, &n, &before);
    if (!(gained > 1.01 * before)) fail_msg("from %g to %g", before, gained);
    assert_true(learn(3, b, &n, &before) == gained);
    assert_memory_equal(a, b, (size_t)n * sizeof *a);
}

static int teardown(void **state)
{
    (void)state;
    made_positions_close(&m);
    made_positions_close(&other);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_match_finite_differences),
        cmocka_unit_test(the_prior_is_the_rule),
        cmocka_unit_test(a_token_is_worth_the_time_it_takes),
        cmocka_unit_test(what_a_policy_does_is_told),
        cmocka_unit_test(decisions_are_told_by_confidence),
        cmocka_unit_test(it_learns_and_equal_seeds_give_equal_nets),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
