#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "agents/fixed.h"

/* The two things these agents ask an environment, without one behind. */
struct ltd_env {
    ltd_env_options options;
    int32_t forwards;
};

int32_t ltd_env_forwards(const ltd_env *env)
{
    return env->forwards;
}

const ltd_env_options *ltd_env_get_options(const ltd_env *env)
{
    return &env->options;
}

static uint8_t mask[8];
static ltd_env env = {.options = {.sizes = {0, 2, 4, 8, 16}, .n_sizes = 5}};

static ltd_step step_of(ltd_turn turn, int32_t n, const char *legal)
{
    for (int32_t i = 0; i < n; i++) mask[i] = legal[i] == '1';
    return (ltd_step){.mask = mask, .turn = turn, .n_actions = n};
}

static int32_t decide(ltd_agent *agent, ltd_turn turn, int32_t n, const char *legal)
{
    ltd_step step = step_of(turn, n, legal);
    float logprob = 9;
    int32_t action = agent->decide(agent, &env, &step, &logprob);
    assert_true(logprob == 0);
    return action;
}

static void fixed_drafts_n_times_and_takes_its_size(void **state)
{
    (void)state;
    ltd_agent *agent;
    env.forwards = 0;
    assert_int_equal(ltd_agent_fixed_new(&agent, "static", 2, 9, NULL), 0);
    assert_string_equal(agent->name, "static");
    assert_string_equal(agent->detail, "2 forwards, 9 nodes");
    assert_int_equal(decide(agent, LTD_TURN_DEPTH, 2, "11"), LTD_DEPTH_CONTINUE);
    assert_int_equal(decide(agent, LTD_TURN_DEPTH, 2, "10"), LTD_DEPTH_STOP);
    env.forwards++;
    assert_int_equal(decide(agent, LTD_TURN_DEPTH, 2, "11"), LTD_DEPTH_CONTINUE);
    env.forwards++;
    assert_int_equal(decide(agent, LTD_TURN_DEPTH, 2, "11"), LTD_DEPTH_STOP);
    assert_int_equal(decide(agent, LTD_TURN_DEPTH, 2, "01"), LTD_DEPTH_CONTINUE);
    assert_int_equal(decide(agent, LTD_TURN_SIZE, 5, "11111"), 3);
    assert_int_equal(decide(agent, LTD_TURN_SIZE, 5, "11100"), 2);
    assert_int_equal(decide(agent, LTD_TURN_SIZE, 5, "00001"), 4);
    ltd_agent_free(agent);
    assert_int_equal(ltd_agent_fixed_new(&agent, "x", -1, 0, NULL), LTD_EINVAL);
    assert_null(agent);
    ltd_agent_free(NULL);
}

static void random_is_uniform_over_what_is_legal_and_repeatable(void **state)
{
    (void)state;
    ltd_agent *a, *b;
    assert_int_equal(ltd_agent_random_new(&a, 7, NULL), 0);
    assert_int_equal(ltd_agent_random_new(&b, 7, NULL), 0);
    int count[5] = {0};
    ltd_step step = step_of(LTD_TURN_SIZE, 5, "01101");
    for (int i = 0; i < 30000; i++) {
        float logprob;
        int32_t action = a->decide(a, &env, &step, &logprob);
        assert_int_equal(b->decide(b, &env, &step, NULL), action);
        assert_in_range(action, 0, 4);
        assert_true(fabsf(logprob + logf(3)) < 1e-6f);
        count[action]++;
    }
    assert_int_equal(count[0] + count[3], 0);
    assert_in_range(count[1], 9500, 10500);
    assert_in_range(count[2], 9500, 10500);
    ltd_agent_free(a);
    ltd_agent_free(b);
}

static void untaught_draws_a_depth_each_cycle(void **state)
{
    (void)state;
    ltd_agent *agent;
    int count[6] = {0};
    assert_int_equal(ltd_agent_untaught_new(&agent, 9, 7, NULL), 0);
    assert_string_equal(agent->detail, "random forwards, 9 nodes");
    env.options.min_forwards = 1;
    env.options.max_forwards = 4;
    for (int i = 0; i < 8000; i++) {
        env.forwards = 1;
        while (env.forwards < 4 && decide(agent, LTD_TURN_DEPTH, 2, "11") == LTD_DEPTH_CONTINUE)
            env.forwards++;
        count[env.forwards]++;
        assert_int_equal(decide(agent, LTD_TURN_SIZE, 5, "11111"), 3);
    }
    for (int n = 1; n <= 4; n++) assert_in_range(count[n], 1800, 2200);
    ltd_agent_free(agent);
    assert_int_equal(ltd_agent_untaught_new(&agent, -1, 7, NULL), LTD_EINVAL);
    assert_null(agent);
}

static void a_depth_is_drawn_where_a_cycle_can_end(void **state)
{
    (void)state;
    ltd_rng rng;
    int count[8] = {0};
    ltd_rng_seed(&rng, 1, LTD_STREAM_EXPLORE);
    env.options.min_forwards = 1;
    env.options.max_forwards = 6;
    env.options.depth_every = 2; /* asked after 1, 3 and 5; over at 6 */
    for (int i = 0; i < 8000; i++) count[ltd_agent_draw_forwards(&env, &rng)]++;
    for (int n = 0; n < 8; n++)
        assert_int_equal(count[n] > 1800, n == 1 || n == 3 || n == 5 || n == 6);
    assert_int_equal(count[1] + count[3] + count[5] + count[6], 8000);
    env.options.depth_every = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_drafts_n_times_and_takes_its_size),
        cmocka_unit_test(untaught_draws_a_depth_each_cycle),
        cmocka_unit_test(a_depth_is_drawn_where_a_cycle_can_end),
        cmocka_unit_test(random_is_uniform_over_what_is_legal_and_repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
