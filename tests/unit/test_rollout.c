#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>

#include "trainer/ppo/rollout.h"

static ltd_rollout *make(ltd_rollout_kind kind, int32_t n_envs, int32_t capacity)
{
    ltd_rollout *r;
    ltd_rollout_options opt = {kind, n_envs, capacity, 3, 2};
    assert_int_equal(ltd_rollout_new(&r, &opt, NULL), LTD_OK);
    return r;
}

static void episodes_carry_their_reward_at_the_end(void **state)
{
    (void)state;
    ltd_rollout *r = make(LTD_ROLLOUT_EPISODES, 1, 8);
    ltd_slot slot;
    assert_true(ltd_rollout_slot(r, 0, &slot));
    slot.obs[2] = 5;
    slot.mask[0] = 0;
    assert_int_equal(ltd_rollout_push(r, 0, 1, -0.5f, 2), 0);
    assert_int_equal(ltd_rollout_push(r, 0, 0, -0.25f, 1), 1);
    ltd_rollout_end(r, 0, 4);
    ltd_rollout_end(r, 0, 100); /* no episode is under way */
    assert_int_equal(ltd_rollout_push(r, 0, 1, -1, 3), 2);
    assert_true(r->obs[2] == 5 && r->mask[0] == 0 && r->mask[1] == 1);
    assert_true(r->reward[0] == 0 && r->reward[1] == 4);
    assert_memory_equal(r->episode_start, ((uint8_t[]){1, 0, 1}), 3);
    float last = 8;
    ltd_rollout_finish(r, 0.5, 0.5, &last);
    /* delta: 0 + 0.5 - 2; 4 - 1; 0 + 4 - 3 */
    assert_float_equal(r->advantage[2], 1, 0);
    assert_float_equal(r->advantage[1], 3, 0);
    assert_float_equal(r->advantage[0], -1.5 + 0.25 * 3, 0);
    assert_float_equal(r->returns[1], 4, 0);
    assert_true(r->reward[1] == 4);
    ltd_rollout_free(r);
}

static void a_bandits_advantage_is_reward_minus_value(void **state)
{
    (void)state;
    ltd_rollout *r = make(LTD_ROLLOUT_BANDIT, 1, 4);
    for (int i = 0; i < 4; i++) {
        ltd_rollout_push(r, 0, 0, 0, (float)i);
        ltd_rollout_end(r, 0, (float)(10 * i));
    }
    assert_true(ltd_rollout_full(r));
    ltd_rollout_finish(r, 0.9, 0.95, (float[]){1000});
    for (int i = 0; i < 4; i++) {
        assert_int_equal(r->episode_start[i], 1);
        assert_float_equal(r->advantage[i], 9 * i, 0);
        assert_float_equal(r->returns[i], 10 * i, 0);
    }
    ltd_rollout_free(r);
}

static void environments_fill_unevenly(void **state)
{
    (void)state;
    ltd_rollout *r = make(LTD_ROLLOUT_EPISODES, 2, 3);
    assert_int_equal(ltd_rollout_push(r, 1, 0, 0, 0), 3);
    assert_int_equal(ltd_rollout_push(r, 1, 0, 0, 0), 4);
    assert_int_equal(ltd_rollout_push(r, 0, 0, 0, 0), 0);
    assert_int_equal(ltd_rollout_size(r), 3);
    assert_false(ltd_rollout_full(r));
    int32_t index[3];
    ltd_rollout_indices(r, index);
    assert_memory_equal(index, ((int32_t[]){0, 3, 4}), sizeof index);
    assert_int_equal(ltd_rollout_push(r, 1, 0, 0, 0), 5);
    assert_int_equal(ltd_rollout_push(r, 1, 0, 0, 0), -1);
    ltd_slot slot;
    assert_false(ltd_rollout_slot(r, 1, &slot));
    ltd_rollout_free(r);
}

static void episodes_can_be_forgotten(void **state)
{
    (void)state;
    ltd_rollout *r = make(LTD_ROLLOUT_EPISODES, 1, 8);
    ltd_rollout_push(r, 0, 0, 0, 0);
    ltd_rollout_end(r, 0, 1);
    ltd_rollout_drop(r, 0); /* none is under way */
    assert_int_equal(r->fill[0], 1);
    ltd_rollout_push(r, 0, 0, 0, 0);
    ltd_rollout_push(r, 0, 0, 0, 0);
    ltd_rollout_drop(r, 0);
    assert_int_equal(r->fill[0], 1);
    ltd_rollout_push(r, 0, 0, 0, 0);
    assert_int_equal(r->episode_start[1], 1);
    ltd_rollout_end(r, 0, 1);
    ltd_rollout_drop_last(r, 0);
    ltd_rollout_drop_last(r, 0);
    assert_int_equal(r->fill[0], 1);
    assert_true(r->reward[0] == 1);
    ltd_rollout_free(r);
}

static void an_episode_outlives_a_reset_but_not_a_clear(void **state)
{
    (void)state;
    ltd_rollout *r = make(LTD_ROLLOUT_EPISODES, 1, 2);
    ltd_rollout_push(r, 0, 0, 0, 0);
    ltd_rollout_push(r, 0, 0, 0, 0);
    ltd_rollout_reset(r);
    ltd_rollout_push(r, 0, 0, 0, 0);
    assert_int_equal(r->episode_start[0], 0);
    ltd_rollout_clear(r);
    ltd_rollout_push(r, 0, 0, 0, 0);
    assert_int_equal(r->episode_start[0], 1);
    ltd_rollout_free(r);
}

static void truncated_steps_keep_their_future(void **state)
{
    (void)state;
    ltd_rollout *r = make(LTD_ROLLOUT_EPISODES, 1, 2);
    ltd_rollout_push(r, 0, 0, 0, 8);
    ltd_rollout_truncate(r, 0, 1, 6);
    ltd_rollout_push(r, 0, 0, 0, 4);
    ltd_rollout_end(r, 0, 2);
    ltd_rollout_finish(r, 0.5, 0.5, NULL);
    assert_float_equal(r->advantage[0], 1 + 3 - 8, 0);
    assert_float_equal(r->advantage[1], 2 - 4, 0);
    assert_true(r->reward[0] == 1);
    ltd_rollout_free(r);
}

static void explained_variance_is_one_for_a_perfect_critic(void **state)
{
    (void)state;
    ltd_rollout *r = make(LTD_ROLLOUT_BANDIT, 1, 4);
    for (int i = 0; i < 4; i++) {
        ltd_rollout_push(r, 0, 0, 0, (float)i);
        ltd_rollout_end(r, 0, (float)i);
    }
    ltd_rollout_finish(r, 1, 1, NULL);
    assert_float_equal(ltd_rollout_explained_variance(r), 1, 0);
    for (int i = 0; i < 4; i++) r->value[i] = 0;
    assert_float_equal(ltd_rollout_explained_variance(r), 0, 0);
    for (int i = 0; i < 4; i++) r->returns[i] = 1;
    assert_true(isnan(ltd_rollout_explained_variance(r)));
    ltd_rollout_free(r);
}

static void buffers_that_cannot_be_are_refused(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_rollout *r = (ltd_rollout *)&err;
    ltd_rollout_options opt = {LTD_ROLLOUT_EPISODES, 0, 8, 3, 2};
    assert_int_equal(ltd_rollout_new(&r, &opt, &err), LTD_EINVAL);
    assert_null(r);
    opt = (ltd_rollout_options){LTD_ROLLOUT_BANDIT, 1 << 20, 1 << 20, 1, 1};
    assert_int_equal(ltd_rollout_new(&r, &opt, &err), LTD_EINVAL);
    opt = (ltd_rollout_options){LTD_ROLLOUT_COUNT, 1, 1, 1, 1};
    assert_int_equal(ltd_rollout_new(&r, &opt, &err), LTD_EINVAL);
    ltd_rollout_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(episodes_carry_their_reward_at_the_end),
        cmocka_unit_test(a_bandits_advantage_is_reward_minus_value),
        cmocka_unit_test(environments_fill_unevenly),
        cmocka_unit_test(episodes_can_be_forgotten),
        cmocka_unit_test(an_episode_outlives_a_reset_but_not_a_clear),
        cmocka_unit_test(truncated_steps_keep_their_future),
        cmocka_unit_test(explained_variance_is_one_for_a_perfect_critic),
        cmocka_unit_test(buffers_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
