/* Turns of the environment over real cycles of a tiny model: spaces, masks, rewards, refusals. */
#include "tests/support/tiny_env.h"

#include <math.h>

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

/* --- options --- */

static void few_forwards(ltd_env_options *o)
{
    o->min_forwards = 3;
    o->max_forwards = 2;
}
static void many_forwards(ltd_env_options *o)
{
    o->max_forwards = TINY_FORWARDS + 1;
}
static void negative_forwards(ltd_env_options *o)
{
    o->min_forwards = -1;
}
static void negative_stride(ltd_env_options *o)
{
    o->depth_every = -1;
}
static void no_sizes(ltd_env_options *o)
{
    o->n_sizes = 0;
}
static void large_size(ltd_env_options *o)
{
    o->sizes[5] = TINY_SIZE + 1;
}
static void same_sizes(ltd_env_options *o)
{
    o->sizes[2] = 1;
}
static void negative_size(ltd_env_options *o)
{
    o->sizes[0] = -1;
}
static void no_tokens(ltd_env_options *o)
{
    o->max_new = 0;
}
static void one_loop(ltd_env_options *o)
{
    o->loop_stop = 1;
}
static void no_prompts(ltd_env_options *o)
{
    o->prompts = NULL;
}
static void no_table(ltd_env_options *o)
{
    o->cost = NULL;
    o->reward = LTD_REWARD_RATIO;
}
static void no_t_ar(ltd_env_options *o)
{
    o->cost = NULL;
    o->clock_table = false;
}
static void no_floor(ltd_env_options *o)
{
    o->reward_floor = 0;
}
static void no_scale(ltd_env_options *o)
{
    o->reward = LTD_REWARD_RATIO;
    o->reward_scale = 0;
}

static void options_that_cannot_be_are_named(void **state)
{
    (void)state;
    static const struct {
        void (*change)(ltd_env_options *o);
        const char *why;
    } bad[] = {{few_forwards, "3 to 2 draft forwards"},
               {many_forwards, "0 to 5 draft forwards"},
               {negative_forwards, "-1 to 4 draft forwards"},
               {negative_stride, "depth_every -1"},
               {no_sizes, "0 sizes"},
               {large_size, "size 17, expected 0 to 16"},
               {same_sizes, "size 1 after 1"},
               {negative_size, "size -1"},
               {no_tokens, "max_new 0"},
               {one_loop, "loop_stop 1"},
               {no_prompts, "at least one prompt"},
               {no_table, "clock 'table' needs a calibration"},
               {no_t_ar, "needs a calibration for T_ar"},
               {no_floor, "reward_floor 0"},
               {no_scale, "reward_scale 0"}};
    tiny_env_open(t, NULL, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ltd_env *env = (ltd_env *)t;
        ltd_env_options o = tiny_options(t);
        ltd_err err = LTD_ERR_INIT;
        bad[i].change(&o);
        assert_int_equal(ltd_env_open(&env, &o, &err), LTD_EINVAL);
        assert_null(env);
        if (!strstr(err.msg, bad[i].why)) fail_msg("'%s' lacks '%s'", err.msg, bad[i].why);
    }
    ltd_env_close(NULL);
}

static void no_head(ltd_cycle_options *o)
{
    o->head = NULL;
    o->max_forwards = 0;
}

static void forced_forwards_need_a_head(void **state)
{
    (void)state;
    ltd_cycle_options co = tiny_cycle_options(t);
    ltd_err err = LTD_ERR_INIT;
    ltd_cycle *c;
    co.head = NULL;
    assert_int_equal(ltd_cycle_new(&c, &co, &err), 0);
    ltd_env_options o = tiny_options(t);
    ltd_env *env;
    o.cycle = c;
    o.min_forwards = 1;
    assert_int_equal(ltd_env_open(&env, &o, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "no draft head"));
    ltd_cycle_free(c);
}

/* --- masks --- */

/* Sizes that the pool fills, and the first that takes all of it. */
static void check_sizes(const ltd_env_options *o, int32_t pool)
{
    int32_t legal = 0;
    for (int32_t i = 0; i < o->n_sizes; i++) {
        bool takes_all = o->sizes[i] > pool && (i == 0 || o->sizes[i - 1] < pool);
        assert_int_equal(t->mask[i], o->sizes[i] <= pool || takes_all);
        legal += t->mask[i];
    }
    assert_true(legal > 1); /* else nobody is asked */
}

static void check_turn(int32_t *n)
{
    const ltd_env_options *o = ltd_env_get_options(t->env);
    const ltd_step *s = &t->step;
    int32_t forwards = ltd_tree_forwards(ltd_cycle_tree(t->cycle));
    assert_int_equal(s->turn, ltd_env_turn(t->env));
    assert_int_equal(s->n_obs, ltd_env_obs_dim(t->env, s->turn));
    assert_int_equal(s->n_actions, ltd_env_actions(t->env, s->turn));
    assert_true(s->reward == 0);
    for (int32_t i = 0; i < s->n_obs; i++) assert_true(isfinite(s->obs[i]));
    if (s->turn == LTD_TURN_DEPTH) {
        assert_int_equal(forwards, *n);
        assert_int_equal(t->mask[LTD_DEPTH_STOP], 1);
        assert_int_equal(t->mask[LTD_DEPTH_CONTINUE], forwards < o->max_forwards);
        /* Asked without a choice only at the beginning. */
        assert_true(forwards == o->min_forwards || t->mask[LTD_DEPTH_CONTINUE]);
    } else {
        check_sizes(o, ltd_tree_count(ltd_cycle_tree(t->cycle)));
    }
    *n += o->depth_every > 1 ? o->depth_every : 1;
}

/* Random cycles with every turn checked; returns how many SIZE turns there were. */
static int32_t check_cycles(int32_t cycles)
{
    const ltd_env_options *o = ltd_env_get_options(t->env);
    int32_t asked = 0;
    for (int32_t i = 0; i < cycles; i++) {
        int32_t n = o->min_forwards;
        tiny_reset(t, NULL);
        assert_int_equal(t->step.turn, LTD_TURN_DEPTH);
        while (!t->step.terminated) {
            check_turn(&n);
            asked += t->step.turn == LTD_TURN_SIZE;
            tiny_step(t, tiny_random(t));
        }
        const ltd_info *f = &t->step.info, *last = ltd_env_last(t->env);
        assert_int_equal(ltd_env_turn(t->env), LTD_TURN_NONE);
        assert_int_equal(last->accept_len, f->accept_len);
        assert_int_equal(last->new_tokens, f->new_tokens);
        assert_true(last->cycle_ns == f->cycle_ns && !last->token);
        assert_in_range(f->forwards, o->min_forwards, o->max_forwards);
        assert_in_range(f->accept_len, 1, f->size + 1);
        assert_in_range(f->tokens, 1, f->accept_len);
        assert_true(f->size <= f->pool);
        assert_int_equal(ltd_cycle_context(t->cycle), f->context + f->accept_len);
    }
    return asked;
}

static void every_state_has_its_mask(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, NULL);
    assert_int_equal(ltd_env_last(t->env)->accept_len, 0); /* none yet */
    assert_true(check_cycles(150) > 50);
}

static void two_forwards(ltd_env_options *o)
{
    o->min_forwards = 2;
}

static void forced_forwards_come_before_the_first_turn(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, two_forwards);
    assert_true(check_cycles(60) > 50);
    /* min = max: one turn, STOP alone. */
    ltd_env_options o = tiny_options(t);
    tiny_env_open(t, NULL, NULL);
    o.cycle = t->cycle;
    o.min_forwards = o.max_forwards = 3;
    ltd_env_close(t->env);
    assert_int_equal(ltd_env_open(&t->env, &o, &t->err), 0);
    check_cycles(20);
}

static void every_second(ltd_env_options *o)
{
    o->min_forwards = 1;
    o->depth_every = 2;
}

static void with_a_stride_the_head_drafts_up_to_the_next_question(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, every_second);
    assert_true(check_cycles(60) > 50);
    for (int asked = 1; asked <= 3; asked++) { /* stop at the first, the second, never */
        static const int32_t reached[] = {1, 3, TINY_FORWARDS};
        tiny_reset(t, NULL);
        for (int i = 1; i < asked && t->step.turn == LTD_TURN_DEPTH; i++)
            tiny_step(t, LTD_DEPTH_CONTINUE);
        assert_int_equal(ltd_env_forwards(t->env), reached[asked - 1]);
        assert_int_equal(t->step.turn, asked < 3 ? LTD_TURN_DEPTH : LTD_TURN_SIZE);
    }
}

static void sizes_from_2(ltd_env_options *o)
{
    const int32_t sizes[] = {2, 5, 9};
    memcpy(o->sizes, sizes, sizeof sizes);
    o->n_sizes = 3;
}

static void a_table_without_0_still_decodes_plainly_on_an_empty_pool(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, sizes_from_2);
    check_cycles(100);
    ltd_cycle_set_lookup(t->cycle, false);
    tiny_reset(t, NULL);
    tiny_step(t, LTD_DEPTH_STOP);
    assert_true(t->step.terminated);
    assert_int_equal(t->step.info.size, 0);
    assert_int_equal(t->step.info.accept_len, 1);
}

static void lookup_only(ltd_env_options *o)
{
    o->max_forwards = 0;
}

static void without_a_head_lookup_alone_is_asked_about(void **state)
{
    (void)state;
    tiny_env_open(t, no_head, lookup_only);
    int32_t asked = check_cycles(80);
    assert_true(asked > 5);
}

static void illegal_actions_change_nothing(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, NULL);
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_env_step(t->env, 0, &t->step, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "expected a reset"));
    for (int i = 0; i < 30; i++) {
        tiny_reset(t, NULL);
        while (!t->step.terminated) {
            ltd_turn turn = t->step.turn;
            for (int32_t a = -1; a <= t->step.n_actions; a++) {
                if (a >= 0 && a < t->step.n_actions && t->mask[a]) continue;
                assert_int_equal(ltd_env_step(t->env, a, &t->step, &err), LTD_EINVAL);
                assert_int_equal(ltd_env_turn(t->env), turn);
                assert_false(t->step.terminated);
            }
            tiny_step(t, tiny_random(t));
        }
        assert_int_equal(ltd_env_step(t->env, 0, &t->step, &err), LTD_EINVAL);
    }
}

/* --- rewards --- */

static void the_table_clock_pays_by_the_formula(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, NULL);
    ltd_reward want;
    int floored = 0, waiting = 1;
    ltd_reward_init(&want, LTD_REWARD_AVERAGE, 100, 0.99);
    for (int i = 0; i < 60; i++) {
        tiny_reset(t, NULL);
        tiny_play(t);
        const ltd_info *f = &t->step.info;
        ltd_cost_work work = {f->forwards, TINY_TOP_K, f->size, f->context, f->waiting};
        double ms = ltd_cost_cycle(&t->cost, &work);
        assert_int_equal(f->waiting, waiting);
        waiting = f->forwards ? f->accept_len : waiting + f->accept_len;
        if (f->prompt_done) waiting = 1;
        assert_int_equal(f->cycle_ns, (uint64_t)(ms * 1e6));
        assert_int_equal(f->ar_ns, (uint64_t)(ltd_cost_ar(&t->cost, f->context) * 1e6));
        assert_false(f->slow);
        float reward = ltd_reward_cycle(&want, f->accept_len, f->cycle_ns, f->ar_ns);
        if (reward < -0.75f) reward = -0.75f; /* the floor */
        floored += reward == -0.75f;
        assert_memory_equal(&reward, &t->step.reward, sizeof reward);
    }
    assert_in_range(floored, 5, 55);
}

static void live_clock(ltd_env_options *o)
{
    o->clock_table = false;
}

static void a_slow_cycle_is_flagged_and_moves_no_average(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, live_clock);
    ltd_env_state_save before, after;
    for (int slow = 0; slow < 2; slow++) {
        tiny_reset(t, NULL);
        assert_int_equal(ltd_env_save(t->env, &before, &t->err), 0);
        t->now.ns += slow ? 900000000 : 4000000; /* the caller thinks */
        tiny_step(t, LTD_DEPTH_STOP);
        if (!t->step.terminated) tiny_step(t, 0);
        const ltd_info *f = &t->step.info;
        assert_int_equal(f->slow, slow);
        assert_int_equal(f->cycle_ns, slow ? 900000000 : 4000000);
        assert_int_equal(f->phase_ns[LTD_PHASE_DECIDE], f->cycle_ns);
        assert_int_equal(ltd_env_save(t->env, &after, &t->err), 0);
        assert_int_equal(memcmp(&before.reward, &after.reward, sizeof after.reward) == 0, slow);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_that_cannot_be_are_named),
        cmocka_unit_test(forced_forwards_need_a_head),
        cmocka_unit_test(every_state_has_its_mask),
        cmocka_unit_test(forced_forwards_come_before_the_first_turn),
        cmocka_unit_test(with_a_stride_the_head_drafts_up_to_the_next_question),
        cmocka_unit_test(a_table_without_0_still_decodes_plainly_on_an_empty_pool),
        cmocka_unit_test(without_a_head_lookup_alone_is_asked_about),
        cmocka_unit_test(illegal_actions_change_nothing),
        cmocka_unit_test(the_table_clock_pays_by_the_formula),
        cmocka_unit_test(a_slow_cycle_is_flagged_and_moves_no_average),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
