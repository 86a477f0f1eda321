/* Policies carried over to another machine: made-up texts under two made-up tables, one where rows
 * are nearly free and one where each takes a plain step. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/made_positions.h"
#include "trainer/suites/transfer.h"
#include "trainer/train/prior.h"

enum { TEXTS = 8, FLAT = 0, LINEAR = 1, N = 2 };

static made_positions made[N];
static const char *const names[N] = {"flat", "linear"};
static ltd_err err;

typedef struct nets {
    ltd_learner *depth, *size;
} nets;

/* Trained on a machine for some passes; from its prior with none. */
static void open_nets(nets *ret, int machine, int32_t passes, uint64_t seed)
{
    static float mean[LTD_OBS_LTD_DIM], spread[LTD_OBS_LTD_DIM];
    ltd_rng rng;
    ltd_rng_seed(&rng, seed, LTD_STREAM_INIT);
    for (int i = 0; i < LTD_OBS_LTD_DIM; i++) mean[i] = 0.1f, spread[i] = 0.5f;
    ltd_actor_critic_options o = {LTD_OBS_LTD_DIM, 2, {24, 24}, 2, {8}, 1, LTD_ACT_RELU};
    ltd_learner **d = &ret->depth, **s = &ret->size;
    assert_int_equal(ltd_learner_new(d, "depth", &o, LTD_ROLLOUT_EPISODES, 1, 8, 1e-5, &rng, &err),
                     0);
    o.n_actions = MADE_SIZES;
    assert_int_equal(ltd_learner_new(s, "size", &o, LTD_ROLLOUT_BANDIT, 1, 8, 1e-5, &rng, &err), 0);
    assert_int_equal(ltd_prior_set_worth((*d)->ac, (*s)->ac, 4, 0.1f, mean, spread, &err), 0);
    assert_int_equal(ltd_actor_critic_sync((*d)->ac, &(*d)->actor, NULL, &err), 0);
    assert_int_equal(ltd_actor_critic_sync((*s)->ac, &(*s)->actor, NULL, &err), 0);
    if (!passes) return;
    ltd_planner_result r;
    ltd_planner_options p = LTD_PLANNER_DEFAULTS;
    p.passes = passes;
    p.batch_size = 128;
    p.rate = 1.2;
    const ltd_positions *on = made[machine].positions;
    assert_int_equal(ltd_planner_run(*d, *s, on, on, &p, &rng, &r, &err), 0);
}

static void close_nets(nets *n)
{
    ltd_learner_free(n->depth);
    ltd_learner_free(n->size);
}

static void play(const nets *n, int machine, ltd_visits *ret)
{
    assert_int_equal(
        ltd_planner_play(made[machine].positions, n->depth->actor, n->size->actor, ret, &err), 0);
}

static void put_rates(ltd_transfer *t, int32_t row, int32_t machine, const ltd_visits *visits)
{
    if (ltd_transfer_rates(made[machine].positions, visits, ltd_transfer_at(t, row, machine),
                           &err) < 0)
        fail_msg("%s", err.msg);
}

/* Everything of two machines but rules and settings. */
static ltd_transfer *transfer(int32_t passes, uint64_t seed)
{
    ltd_transfer *t;
    int32_t row[LTD_COSTS_COUNT][N];
    ltd_visits visits = {0};
    if (ltd_transfer_new(&t, names, N, TEXTS, &err) < 0) fail_msg("%s", err.msg);
    for (int c = 0; c < LTD_COSTS_COUNT; c++)
        for (int i = 0; i < N; i++)
            assert_int_equal(ltd_transfer_add(t, "ltd", i, (ltd_transfer_costs)c, &row[c][i], &err),
                             0);
    for (int i = 0; i < N; i++) {
        nets n;
        open_nets(&n, i, passes, seed);
        play(&n, i, &visits);
        for (int j = 0; j < N; j++) put_rates(t, row[LTD_COSTS_HOME][i], j, &visits);
        for (int j = 0; j < N; j++) {
            play(&n, j, &visits);
            put_rates(t, row[LTD_COSTS_HERE][i], j, &visits);
        }
        ltd_transfer_plain(made[i].positions, t->plain + i * TEXTS);
        close_nets(&n);
    }
    if (ltd_transfer_fold(t, 200, seed, &err) < 0) fail_msg("%s", err.msg);
    ltd_visits_fini(&visits);
    return t;
}

static void the_diagonal_is_one(void **state)
{
    (void)state;
    ltd_transfer *t = transfer(0, 1);
    assert_int_equal(t->n_rows, 2 * N);
    for (int32_t r = 0; r < t->n_rows; r++) {
        const ltd_ratio *own = &t->row[r].cell[t->row[r].home];
        assert_true(own->value == 1 && own->ci.lo == 1 && own->ci.hi == 1);
    }
    /* Wide trees, chosen where rows are free, cost more than they bring where they are not. */
    const ltd_transfer_row *home = &t->row[N + FLAT];
    assert_true(home->costs == LTD_COSTS_HOME && home->home == FLAT);
    assert_true(home->cell[LINEAR].value < 0.9 && home->cell[LINEAR].ci.hi < 1);
    /* Told of it, the policy doesn't choose them. */
    assert_true(t->row[FLAT].costs == LTD_COSTS_HERE);
    assert_true(t->row[FLAT].cell[LINEAR].value > 1.1 * home->cell[LINEAR].value);
    /* Where rows are not free it decodes plainly, and pays for committing: 0.01 of a step. */
    assert_true(fabs(t->native[LINEAR].value - 1 / 1.01) < 1e-4);
    ltd_transfer_free(t);
}

/* The cycles of a play, carried out in an environment under the other table. */
static double seconds_in_env(int machine, const ltd_visits *visits, int32_t text)
{
    float obs[LTD_OBS_LTD_DIM];
    uint8_t mask[LTD_MAX_SIZES];
    ltd_step step = {.obs = obs, .mask = mask};
    ltd_env *env;
    ltd_env_options o = {.positions = made[machine].positions,
                         .depth_contract = LTD_CONTRACT_LTD_DEPTH,
                         .size_contract = LTD_CONTRACT_LTD_SIZE,
                         .reward = LTD_REWARD_RATIO,
                         .reward_scale = 1};
    if (ltd_env_open(&env, &o, &err) < 0) fail_msg("%s", err.msg);
    ltd_reset begin = {.new_prompt = true, .prompt = text};
    double ns = 0;
    int64_t at = 0, first = ltd_positions_index(made[machine].positions, text, 0);
    while (visits->v[at].index < first) at++;
    assert_int_equal(ltd_env_reset(env, &begin, &step, &err), 0);
    for (;; at++) {
        const ltd_visit *v = &visits->v[at];
        while (!step.terminated) {
            int32_t action = step.turn == LTD_TURN_SIZE            ? v->size
                             : ltd_env_forwards(env) < v->forwards ? LTD_DEPTH_CONTINUE
                                                                   : LTD_DEPTH_STOP;
            if (ltd_env_step(env, action, &step, &err) < 0) fail_msg("%s", err.msg);
        }
        assert_int_equal(step.info.forwards, v->forwards);
        ns += (double)step.info.cycle_ns;
        if (step.info.prompt_done) break;
        assert_int_equal(ltd_env_reset(env, NULL, &step, &err), 0);
    }
    ltd_env_close(env);
    return ns * 1e-9;
}

static void times_are_those_of_an_environment_under_the_other_table(void **state)
{
    (void)state;
    nets n;
    ltd_visits visits = {0};
    ltd_rate rate[TEXTS], own[TEXTS];
    open_nets(&n, FLAT, 0, 3);
    play(&n, FLAT, &visits);
    assert_int_equal(ltd_transfer_rates(made[FLAT].positions, &visits, own, &err), 0);
    assert_int_equal(ltd_transfer_rates(made[LINEAR].positions, &visits, rate, &err), 0);
    double tokens = 0;
    for (int32_t t = 0; t < TEXTS; t++) {
        double here = seconds_in_env(LINEAR, &visits, t), home = seconds_in_env(FLAT, &visits, t);
        assert_true(fabs(rate[t].seconds / here - 1) < 1e-5);
        assert_true(fabs(own[t].seconds / home - 1) < 1e-5);
        assert_true(rate[t].seconds > 1.1 * own[t].seconds);
        assert_true(rate[t].tokens == own[t].tokens);
        tokens += rate[t].tokens;
    }
    assert_true(tokens == visits.tokens);
    ltd_visits_fini(&visits);
    close_nets(&n);
}

static void plain_decoding_takes_a_step_a_token(void **state)
{
    (void)state;
    ltd_rate rate[TEXTS];
    ltd_transfer_plain(made[LINEAR].positions, rate);
    for (int32_t t = 0; t < TEXTS; t++) {
        double ms = 0;
        const ltd_trace_text *text = ltd_positions_text(made[LINEAR].positions, t);
        for (int32_t i = 0; i < MADE_MAX_NEW - 1; i++)
            ms += ltd_cost_ar(&made[LINEAR].cost, text->prompt + i);
        assert_true(rate[t].tokens == MADE_MAX_NEW - 1);
        assert_true(fabs(rate[t].seconds - 1e-3 * ms) < 1e-9 * ms);
    }
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    ltd_str json[3] = {LTD_STR_INIT, LTD_STR_INIT, LTD_STR_INIT}, table = LTD_STR_INIT;
    for (int i = 0; i < 3; i++) {
        ltd_transfer *t = transfer(2, i == 2 ? 8 : 7);
        ltd_transfer_json(t, "ltd transfer", 7, &json[i]);
        if (i == 0) ltd_transfer_table(t, &table);
        ltd_transfer_free(t);
    }
    assert_string_equal(ltd_str_text(&json[0]), ltd_str_text(&json[1]));
    assert_string_not_equal(ltd_str_text(&json[0]), ltd_str_text(&json[2]));
    assert_non_null(strstr(ltd_str_text(&json[0]), "\"played_on\": \"linear\", \"ratio\": 1, "
                                                   "\"ci\": [1, 1]"));
    assert_non_null(strstr(ltd_str_text(&table), "  ltd          linear         "));
    for (const char *line = ltd_str_text(&table); *line;) {
        size_t length = strcspn(line, "\n");
        assert_true(length <= 100);
        line += length + 1;
    }
    for (int i = 0; i < 3; i++) ltd_str_fini(&json[i]);
    ltd_str_fini(&table);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    ltd_transfer *t;
    int32_t row;
    nets n;
    made_positions others = {0};
    ltd_visits visits = {0};
    ltd_rate rate[TEXTS];
    const char *const twice[] = {"flat", "flat"};
    assert_int_equal(ltd_transfer_new(&t, twice, N, TEXTS, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "'flat'"));
    assert_null(t);
    assert_int_equal(ltd_transfer_new(&t, names, 1, TEXTS, &err), LTD_EINVAL);
    assert_int_equal(ltd_transfer_new(&t, names, N, TEXTS, &err), 0);
    assert_int_equal(ltd_transfer_add(t, "ltd", FLAT, LTD_COSTS_HOME, &row, &err), 0);
    assert_int_equal(ltd_transfer_add(t, "ltd", N, LTD_COSTS_HOME, &row, &err), LTD_EINVAL);
    assert_int_equal(ltd_transfer_fold(t, 10, 1, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "'linear'"));
    ltd_transfer_free(t);
    /* A play of other texts, and one that ends early. */
    open_nets(&n, FLAT, 0, 1);
    made_positions_open(&others, 77, TEXTS, 1.2f);
    assert_int_equal(
        ltd_planner_play(others.positions, n.depth->actor, n.size->actor, &visits, &err), 0);
    assert_int_equal(ltd_transfer_rates(made[FLAT].positions, &visits, rate, &err), LTD_EINVAL);
    play(&n, FLAT, &visits);
    visits.n--;
    assert_int_equal(ltd_transfer_rates(made[FLAT].positions, &visits, rate, &err), LTD_EINVAL);
    made_positions_close(&others);
    ltd_visits_fini(&visits);
    close_nets(&n);
}

static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++) made_positions_open(&made[i], 9, TEXTS, 1.2f);
    made_positions_linear(&made[LINEAR]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++) made_positions_close(&made[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_diagonal_is_one),
        cmocka_unit_test(times_are_those_of_an_environment_under_the_other_table),
        cmocka_unit_test(plain_decoding_takes_a_step_a_token),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
