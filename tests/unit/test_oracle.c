/* No policy beats the oracle, on any text: random ones, fixed settings, rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agents/fixed.h"
#include "agents/rules/rules.h"
#include "env/cost_file.h"
#include "tests/support/made_positions.h"
#include "trainer/bench/run_prompt.h"
#include "trainer/records/oracle.h"

enum { TEXTS = 6 };

static made_positions m;
static ltd_err err;
static ltd_cycle *cycle;
static ltd_env *env;
static double least[TEXTS]; /* table milliseconds of the oracle */

/* A dent: five nodes are verified faster than none. */
static void dent(ltd_cost *cost)
{
    cost->verify[cost->n_verify++] = (ltd_cost_point){3, 10, 1.45f, 1.45f};
    cost->verify[cost->n_verify++] = (ltd_cost_point){6, 10, 0.9f, 0.9f};
    assert_int_equal(ltd_cost_finish(cost, &err), 0);
}

static int setup(void **state)
{
    (void)state;
    made_positions_open(&m, 21, TEXTS, 1.3f);
    dent(&m.cost);
    ltd_cycle_options co = made_positions_cycle(&m);
    ltd_outcomes *outcomes;
    assert_int_equal(ltd_outcomes_new(&outcomes, &co, &err), 0);
    ltd_oracle_options o = {.cost = &m.cost,
                            .max_size = co.max_size,
                            .max_forwards = co.max_forwards,
                            .lookup = true,
                            .max_new = MADE_MAX_NEW};
    for (int32_t t = 0; t < TEXTS; t++) {
        ltd_plan plan;
        assert_int_equal(ltd_oracle_best(outcomes, &o, t, &plan, &err), 0);
        least[t] = plan.ms;
    }
    ltd_outcomes_free(outcomes);
    assert_int_equal(ltd_cycle_new(&cycle, &co, &err), 0);
    ltd_env_options eo = {.cycle = cycle,
                          .prompts = m.prompts,
                          .cost = &m.cost,
                          .clock_table = true,
                          .max_forwards = 3,
                          .n_sizes = 17,
                          .max_new = MADE_MAX_NEW,
                          .depth_contract = LTD_CONTRACT_LTD_DEPTH,
                          .size_contract = LTD_CONTRACT_LTD_SIZE,
                          .reward_scale = 1};
    for (int32_t i = 0; i < 17; i++) eo.sizes[i] = i;
    assert_int_equal(ltd_env_open(&env, &eo, &err), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ltd_env_close(env);
    ltd_cycle_free(cycle);
    made_positions_close(&m);
    return 0;
}

/* Returns how near the agent came at best: least / its time. */
static double play(ltd_agent *agent)
{
    ltd_player player;
    double nearest = 0;
    assert_int_equal(ltd_player_init(&player, env, agent, &err), 0);
    for (int32_t t = 0; t < TEXTS; t++) {
        ltd_run run;
        assert_int_equal(ltd_run_prompt(&player, t, &run, NULL, &err), 0);
        if (run.table_ms < least[t] * (1 - 1e-9))
            fail_msg("%s needs %g ms for text %d, the oracle %g", agent->name, run.table_ms, t,
                     least[t]);
        if (least[t] / run.table_ms > nearest) nearest = least[t] / run.table_ms;
    }
    ltd_player_fini(&player);
    ltd_agent_free(agent);
    return nearest;
}

static void random_play_is_no_faster(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        ltd_agent *agent;
        assert_int_equal(ltd_agent_random_new(&agent, seed, &err), 0);
        play(agent);
    }
}

static void fixed_settings_are_no_faster(void **state)
{
    (void)state;
    double nearest = 0;
    for (int32_t n = 0; n <= 3; n++)
        for (int32_t v = 0; v <= 16; v++) {
            ltd_agent *agent;
            assert_int_equal(ltd_agent_fixed_new(&agent, "static", n, v, &err), 0);
            double near = play(agent);
            if (near > nearest) nearest = near;
        }
    assert_true(nearest > 0.6); /* or the bound says nothing */
}

static void rules_are_no_faster(void **state)
{
    (void)state;
    for (int32_t r = 0; r < ltd_rule_count(); r++) {
        const ltd_rule *rule = ltd_rule_at(r);
        if (rule->net.inputs) continue; /* needs a net */
        for (int32_t k = 0; k < LTD_RULE_VALUES; k++) {
            float param[LTD_RULE_PARAMS];
            ltd_agent *agent;
            for (int32_t i = 0; i < rule->n_params; i++)
                param[i] = rule->param[i].value[(k * (i + 1)) % rule->param[i].n];
            assert_int_equal(ltd_agent_rule_new(&agent, rule, param, &err), 0);
            play(agent);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_play_is_no_faster),
        cmocka_unit_test(fixed_settings_are_no_faster),
        cmocka_unit_test(rules_are_no_faster),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
