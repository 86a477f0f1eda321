/* Positions, and an environment over them, against the environment over the same record: under any
 * decisions the same observations bit for bit, the same legal sizes, lengths and times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/ltd_env.h"
#include "env/positions.h"
#include "tests/support/made_positions.h"

static made_positions m;
static ltd_err err;

static ltd_env *open_env(ltd_cycle **cycle)
{
    ltd_cycle_options co = made_positions_cycle(&m);
    ltd_env *env;
    assert_int_equal(ltd_cycle_new(cycle, &co, &err), 0);
    ltd_env_options o = {.cycle = *cycle,
                         .prompts = m.prompts,
                         .cost = &m.cost,
                         .clock_table = true,
                         .max_forwards = 3,
                         .n_sizes = MADE_SIZES,
                         .max_new = MADE_MAX_NEW,
                         .depth_contract = LTD_CONTRACT_LTD_DEPTH,
                         .size_contract = LTD_CONTRACT_LTD_SIZE,
                         .reward = LTD_REWARD_RATIO,
                         .reward_scale = 1,
                         .rate = 1.3f};
    memcpy(o.sizes, m.sizes, sizeof m.sizes);
    assert_int_equal(ltd_env_open(&env, &o, &err), 0);
    return env;
}

/* The same over what is compiled. */
static ltd_env *open_compiled(void)
{
    ltd_env *env;
    ltd_env_options o = {.positions = m.positions,
                         .depth_contract = LTD_CONTRACT_LTD_DEPTH,
                         .size_contract = LTD_CONTRACT_LTD_SIZE,
                         .reward = LTD_REWARD_RATIO,
                         .reward_scale = 1};
    assert_int_equal(ltd_env_open(&env, &o, &err), 0);
    return env;
}

static int32_t random_legal(ltd_rng *rng, const ltd_step *step)
{
    int32_t a;
    do a = (int32_t)ltd_rng_below(rng, (uint64_t)step->n_actions);
    while (!step->mask[a]);
    return a;
}

/* One cycle in both; returns the tokens it got. */
static int32_t compare_cycle(ltd_env *env, ltd_step *step, int64_t index, ltd_past *past,
                             ltd_rng *rng)
{
    float obs[LTD_OBS_LTD_DIM];
    uint8_t legal[LTD_POSITIONS_SIZES];
    int32_t n = 0, size = -1;
    while (!step->terminated) {
        ltd_positions_obs(m.positions, index, past, n, obs);
        assert_memory_equal(obs, step->obs, sizeof obs);
        int32_t a = random_legal(rng, step);
        if (step->turn == LTD_TURN_SIZE) {
            ltd_positions_legal(m.positions, index, n, legal);
            assert_memory_equal(legal, step->mask, MADE_SIZES);
            size = a;
        } else {
            n += a == LTD_DEPTH_CONTINUE;
        }
        assert_int_equal(ltd_env_step(env, a, step, &err), 0);
    }
    ltd_position at = ltd_positions_at(m.positions, index, n);
    const ltd_info *info = &step->info;
    assert_int_equal(info->forwards, n);
    if (size >= 0) {
        assert_int_equal(at.got[size], info->accept_len);
        assert_int_equal(at.pool, info->pool);
    }
    double ms = ltd_positions_ms(m.positions, index, past, n, info->size);
    assert_int_equal((uint64_t)(ms * 1e6), info->cycle_ns);
    ltd_past_add(past, n, info->accept_len);
    return info->accept_len;
}

static void positions_are_what_the_environment_shows(void **state)
{
    (void)state;
    float obs[LTD_OBS_LTD_DIM];
    uint8_t mask[16];
    ltd_rng rng;
    ltd_rng_seed(&rng, 9, LTD_STREAM_TEST);
    made_positions_open(&m, 3, 5, 1.3f);
    ltd_cycle *cycle;
    ltd_env *env = open_env(&cycle);
    ltd_step step = {.obs = obs, .mask = mask};
    int cycles = 0;
    assert_int_equal(ltd_positions_texts(m.positions), 5);
    assert_int_equal(ltd_positions_total(m.positions), 5 * (MADE_MAX_NEW - 1));
    for (int round = 0; round < 12; round++)
        for (int32_t t = 0; t < 5; t++) {
            ltd_past past;
            ltd_past_begin(&past);
            ltd_reset reset = {.new_prompt = true, .prompt = t};
            assert_int_equal(ltd_env_reset(env, &reset, &step, &err), 0);
            for (int32_t i = 0; i < ltd_positions_count(m.positions, t); cycles++) {
                if (i) assert_int_equal(ltd_env_reset(env, NULL, &step, &err), 0);
                i += compare_cycle(env, &step, ltd_positions_index(m.positions, t, i), &past, &rng);
            }
            assert_true(step.info.prompt_done);
        }
    assert_true(cycles > 1000);
    ltd_env_close(env);
    ltd_cycle_free(cycle);
}

static void same_step(const ltd_step *a, const ltd_step *b)
{
    assert_int_equal(a->turn, b->turn);
    assert_int_equal(a->n_obs, b->n_obs);
    assert_int_equal(a->n_actions, b->n_actions);
    assert_memory_equal(a->obs, b->obs, (size_t)a->n_obs * sizeof(float));
    if (a->n_actions) assert_memory_equal(a->mask, b->mask, (size_t)a->n_actions);
    assert_true(a->reward == b->reward);
    assert_int_equal(a->terminated, b->terminated);
    assert_int_equal(a->truncated, b->truncated);
}

static void same_info(const ltd_info *a, const ltd_info *b)
{
    assert_memory_equal(a->token, b->token, (size_t)a->accept_len * sizeof(int32_t));
    ltd_info x = *a, y = *b;
    x.token = y.token = NULL;
    memset(x.phase_ns, 0, sizeof x.phase_ns); /* only a cycle has a clock */
    memset(y.phase_ns, 0, sizeof y.phase_ns);
    assert_int_equal(x.accept_len, y.accept_len);
    assert_int_equal(x.tokens, y.tokens);
    assert_int_equal(x.forwards, y.forwards);
    assert_int_equal(x.size, y.size);
    assert_int_equal(x.pool, y.pool);
    assert_int_equal(x.match, y.match);
    assert_int_equal(x.waiting, y.waiting);
    assert_int_equal(x.context, y.context);
    assert_int_equal(x.prompt, y.prompt);
    assert_int_equal(x.new_tokens, y.new_tokens);
    assert_int_equal(x.prompt_done, y.prompt_done);
    assert_int_equal(x.cycle_ns, y.cycle_ns);
    assert_int_equal(x.ar_ns, y.ar_ns);
}

/* An environment over positions is the one over the record: any actions, cycles that are given up,
 * prompts asked for and the stream's own. */
static void a_compiled_environment_is_the_environment(void **state)
{
    (void)state;
    float obs[2][LTD_OBS_LTD_DIM];
    uint8_t mask[2][16];
    ltd_rng rng;
    ltd_rng_seed(&rng, 19, LTD_STREAM_TEST);
    made_positions_open(&m, 4, 6, 1.3f);
    ltd_cycle *cycle;
    ltd_env *env[2] = {open_env(&cycle), open_compiled()};
    ltd_step step[2] = {{.obs = obs[0], .mask = mask[0]}, {.obs = obs[1], .mask = mask[1]}};
    assert_int_equal(ltd_env_obs_max(env[1]), LTD_OBS_LTD_DIM);
    assert_null(ltd_env_cycle(env[1]));
    int done = 0;
    for (int n = 0; n < 4000; n++) {
        ltd_reset reset = {.new_prompt = ltd_rng_below(&rng, 40) == 0,
                           .prompt = (int32_t)ltd_rng_below(&rng, 7) - 1};
        bool given_up = ltd_rng_below(&rng, 20) == 0;
        for (int e = 0; e < 2; e++)
            assert_int_equal(ltd_env_reset(env[e], &reset, &step[e], &err), 0);
        assert_int_equal(ltd_env_root(env[0]), ltd_env_root(env[1]));
        while (!step[0].terminated) {
            same_step(&step[0], &step[1]);
            assert_int_equal(ltd_env_forwards(env[0]), ltd_env_forwards(env[1]));
            if (given_up && ltd_rng_below(&rng, 2) == 0) break;
            int32_t a = random_legal(&rng, &step[0]);
            for (int e = 0; e < 2; e++)
                assert_int_equal(ltd_env_step(env[e], a, &step[e], &err), 0);
        }
        same_step(&step[0], &step[1]);
        if (!step[0].terminated) continue;
        same_info(&step[0].info, &step[1].info);
        done += step[0].info.prompt_done;
    }
    assert_true(done > 30);
    ltd_env_close(env[0]);
    ltd_env_close(env[1]);
    ltd_cycle_free(cycle);
}

static void a_compiled_environment_needs_its_observations(void **state)
{
    (void)state;
    ltd_env *env;
    made_positions_open(&m, 3, 1, 1);
    ltd_env_options o = {.positions = m.positions,
                         .depth_contract = LTD_CONTRACT_PAPER_DEPTH,
                         .size_contract = LTD_CONTRACT_LTD_SIZE,
                         .reward_scale = 1};
    assert_int_equal(ltd_env_open(&env, &o, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "env: positions show ltd/depth/v2 and ltd/size/v2, not "
                                 "paper/depth/128 and ltd/size/v2");
    assert_null(env);
}

static void what_can_not_be_is_refused(void **state)
{
    (void)state;
    ltd_positions *p;
    made_positions_open(&m, 3, 1, 1);
    ltd_positions_options o = *ltd_positions_get_options(m.positions);
    o.max_forwards = 4;
    assert_int_equal(ltd_positions_new(&p, &o, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "positions: 4 forwards, the record has 3");
    o.max_forwards = 3;
    o.cost = NULL;
    assert_int_equal(ltd_positions_new(&p, &o, &err), LTD_EINVAL);
    o.cost = &m.cost;
    ltd_trace none = {.top_k = 3, .max_forwards = 3};
    o.cycle.trace = &none;
    assert_int_equal(ltd_positions_new(&p, &o, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "positions: none of 1 prompts is recorded");
    assert_null(p);
}

static int teardown(void **state)
{
    (void)state;
    made_positions_close(&m);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_what_the_environment_shows),
        cmocka_unit_test(a_compiled_environment_is_the_environment),
        cmocka_unit_test(a_compiled_environment_needs_its_observations),
        cmocka_unit_test(what_can_not_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
