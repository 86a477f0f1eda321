/* agents/solo: one learner's turns over a tiny model, the partner's and forced ones played inside.
 */
#include "agents/fixed.h"
#include "agents/solo.h"
#include "tests/support/tiny_env.h"

enum { CYCLES = 300 };

static tiny_env *t;

static int setup(void **state)
{
    (void)state;
    t = tiny_open();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tiny_close(t);
    return 0;
}

static ltd_agent *partner(int32_t forwards, int32_t size)
{
    ltd_agent *ret;
    if (ltd_agent_fixed_new(&ret, "partner", forwards, size, &t->err) < 0)
        fail_msg("%s", t->err.msg);
    return ret;
}

static ltd_solo *open_solo(ltd_turn turn, ltd_agent *with)
{
    ltd_solo *ret;
    if (ltd_solo_new(&ret, t->env, turn, with, &t->err) < 0) fail_msg("%s", t->err.msg);
    return ret;
}

static int32_t legal(void)
{
    int32_t n = 0;
    for (int32_t i = 0; i < t->step.n_actions; i++) n += t->mask[i];
    return n;
}

static void a_learner_of_sizes_is_asked_once_a_cycle(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, NULL);
    ltd_agent *with = partner(2, 0);
    ltd_solo *solo = open_solo(LTD_TURN_SIZE, with);
    for (int i = 0; i < CYCLES; i++) {
        assert_int_equal(ltd_solo_reset(solo, NULL, &t->step, &t->err), 0);
        assert_int_equal(t->step.turn, LTD_TURN_SIZE);
        assert_int_equal(t->step.reward, 0);
        assert_true(legal() >= 2);
        assert_int_equal(ltd_solo_step(solo, tiny_random(t), &t->step, &t->err), 0);
        assert_true(t->step.terminated);
        assert_int_equal(t->step.info.forwards, 2);
    }
    ltd_solo_free(solo);
    ltd_agent_free(with);
}

/* The environment was begun behind its back: the partner's turn is open. */
static void a_turn_of_the_partners_is_no_turn(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, NULL);
    ltd_agent *with = partner(2, 0);
    ltd_solo *solo = open_solo(LTD_TURN_SIZE, with);
    tiny_reset(t, NULL);
    assert_int_equal(ltd_solo_step(solo, 1, &t->step, &t->err), LTD_EINVAL);
    ltd_solo_free(solo);
    ltd_agent_free(with);
}

static void a_learner_of_depths_is_asked_until_it_stops(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, NULL);
    ltd_agent *with = partner(0, 4);
    ltd_solo *solo = open_solo(LTD_TURN_DEPTH, with);
    for (int i = 0; i < CYCLES; i++) {
        int32_t want = i % (TINY_FORWARDS + 1);
        assert_int_equal(ltd_solo_reset(solo, NULL, &t->step, &t->err), 0);
        for (int32_t n = 0; !t->step.terminated; n++) {
            assert_int_equal(t->step.turn, LTD_TURN_DEPTH);
            assert_int_equal(ltd_env_forwards(t->env), n);
            assert_int_equal(ltd_solo_step(solo, n < want, &t->step, &t->err), 0);
        }
        assert_int_equal(t->step.info.forwards, want);
        if (want) assert_int_equal(t->step.info.size, 4);
    }
    ltd_solo_free(solo);
    ltd_agent_free(with);
}

/* A size that is not legal plays as the largest legal one, whatever the caller's mask says. */
static void any_size_may_be_given(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, NULL);
    ltd_agent *with = partner(1, 0);
    ltd_solo *solo = open_solo(LTD_TURN_SIZE, with);
    int32_t clipped = 0;
    for (int i = 0; i < CYCLES; i++) {
        assert_int_equal(ltd_solo_reset(solo, NULL, &t->step, &t->err), 0);
        int32_t last = t->step.n_actions - 1;
        clipped += !t->mask[last];
        memset(t->mask, 1, LTD_MAX_SIZES);
        assert_int_equal(ltd_solo_step(solo, last, &t->step, &t->err), 0);
        int32_t pool = t->step.info.pool;
        assert_int_equal(t->step.info.size, pool < TINY_SIZE ? pool : TINY_SIZE);
    }
    assert_in_range(clipped, 1, CYCLES);
    assert_int_equal(ltd_solo_reset(solo, NULL, &t->step, &t->err), 0);
    int32_t actions = t->step.n_actions;
    assert_int_equal(ltd_solo_step(solo, -1, &t->step, &t->err), LTD_EINVAL);
    assert_int_equal(ltd_solo_step(solo, actions, &t->step, &t->err), LTD_EINVAL);
    assert_int_equal(ltd_env_turn(t->env), LTD_TURN_SIZE);
    assert_int_equal(ltd_solo_step(solo, 0, &t->step, &t->err), 0);
    assert_int_equal(ltd_solo_step(solo, 0, &t->step, &t->err), LTD_EINVAL);
    ltd_solo_free(solo);
    ltd_agent_free(with);
}

static void no_lookup(ltd_cycle_options *o)
{
    o->lookup = false;
}

static void one_depth(ltd_env_options *o)
{
    o->min_forwards = o->max_forwards;
}

static void one_size(ltd_env_options *o)
{
    o->n_sizes = 1;
}

static void a_turn_that_never_comes_is_an_error(void **state)
{
    (void)state;
    ltd_agent *with = partner(0, 0);
    ltd_solo *solo;
    tiny_env_open(t, no_lookup, NULL);
    solo = open_solo(LTD_TURN_SIZE, with); /* the partner drafts nothing */
    assert_int_equal(ltd_solo_reset(solo, NULL, &t->step, &t->err), LTD_EINVAL);
    assert_non_null(strstr(t->err.msg, "no size was asked in 1000 cycles beside partner"));
    ltd_solo_free(solo);
    tiny_env_open(t, NULL, one_depth);
    assert_int_equal(ltd_solo_new(&solo, t->env, LTD_TURN_DEPTH, with, &t->err), LTD_EINVAL);
    assert_null(solo);
    tiny_env_open(t, NULL, one_size);
    assert_int_equal(ltd_solo_new(&solo, t->env, LTD_TURN_SIZE, with, &t->err), LTD_EINVAL);
    assert_int_equal(ltd_solo_new(&solo, t->env, LTD_TURN_NONE, with, &t->err), LTD_EINVAL);
    ltd_agent_free(with);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_learner_of_sizes_is_asked_once_a_cycle),
        cmocka_unit_test(a_turn_of_the_partners_is_no_turn),
        cmocka_unit_test(a_learner_of_depths_is_asked_until_it_stops),
        cmocka_unit_test(any_size_may_be_given),
        cmocka_unit_test(a_turn_that_never_comes_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
