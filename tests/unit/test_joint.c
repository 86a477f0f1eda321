/* Who plays what while policies learn: roles of a collection over a tiny model. */
#include "tests/support/tiny_env.h"
#include "trainer/ppo/joint.h"

enum { CYCLES = 400, CAPACITY = 4096 };

typedef struct bed {
    tiny_env *t;
    ltd_learner *depth, *size;
    ltd_joint joint;
    ltd_rng explore;
    int32_t forwards[TINY_FORWARDS + 1]; /* how often */
    int32_t most;
} bed;

static ltd_learner *learner(bed *b, const char *name, ltd_rollout_kind kind, int32_t actions)
{
    ltd_actor_critic_options o = LTD_ACTOR_CRITIC_DEFAULTS;
    ltd_learner *l;
    o.obs_dim = ltd_contract_dim(LTD_CONTRACT_LTD_DEPTH);
    o.n_actions = actions;
    if (ltd_learner_new(&l, name, &o, kind, 1, CAPACITY, 1e-5, &b->explore, &b->t->err) < 0)
        fail_msg("%s", b->t->err.msg);
    return l;
}

static void at_least_one_forward(ltd_env_options *o)
{
    o->min_forwards = 1;
}

static int setup(void **state)
{
    bed *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->t = tiny_open();
    tiny_env_open(b->t, NULL, at_least_one_forward);
    ltd_rng_seed(&b->explore, 3, LTD_STREAM_EXPLORE);
    b->depth = learner(b, "depth", LTD_ROLLOUT_EPISODES, 2);
    b->size = learner(b, "size", LTD_ROLLOUT_BANDIT, ltd_env_actions(b->t->env, LTD_TURN_SIZE));
    if (ltd_joint_init(&b->joint, b->depth, b->size, &b->explore, &b->t->err) < 0)
        fail_msg("%s", b->t->err.msg);
    b->joint.env = &b->t->env;
    b->joint.n_envs = 1;
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    bed *b = *state;
    ltd_joint_fini(&b->joint);
    ltd_learner_free(b->depth);
    ltd_learner_free(b->size);
    tiny_close(b->t);
    free(b);
    return 0;
}

static void look(void *ctx, const ltd_joint_stats *stats)
{
    bed *b = ctx;
    (void)stats;
    const ltd_info *last = ltd_env_last(b->t->env);
    b->forwards[last->forwards]++;
    if (last->size > b->most) b->most = last->size;
}

static void collect(bed *b)
{
    memset(b->forwards, 0, sizeof b->forwards);
    b->most = 0;
    if (ltd_joint_collect(&b->joint, CYCLES, NULL, look, b, &b->t->err) < 0)
        fail_msg("%s", b->t->err.msg);
    const ltd_joint_stats *s = &b->joint.stats;
    assert_int_equal(s->cycles, CYCLES);
    for (int i = 0; i <= TINY_FORWARDS; i++) assert_int_equal(s->forwards_hist[i], b->forwards[i]);
    int64_t cycles = 0, accepted = 0, nodes = 0;
    for (int i = 0; i < LTD_RUN_ACCEPT; i++) cycles += s->accept_hist[i];
    for (int i = 0; i < LTD_RUN_ACCEPT; i++) accepted += i * (int64_t)s->accept_hist[i];
    for (int i = 0; i < LTD_RUN_SIZES; i++) nodes += i * (int64_t)s->size_hist[i];
    assert_int_equal(cycles, CYCLES);
    assert_int_equal(accepted, s->accept_len);
    assert_int_equal(nodes, s->size);
}

/* The paper's first stage. */
static void an_untaught_depth_draws_every_number_of_forwards_alike(void **state)
{
    bed *b = *state;
    b->joint.depth_role = LTD_ROLE_UNTAUGHT;
    b->joint.size_role = LTD_ROLE_LEARNS;
    collect(b);
    assert_int_equal(b->forwards[0], 0);
    double expected = (double)CYCLES / TINY_FORWARDS, chi2 = 0;
    for (int i = 1; i <= TINY_FORWARDS; i++)
        chi2 += (b->forwards[i] - expected) * (b->forwards[i] - expected) / expected;
    assert_true(chi2 < 16.27); /* 3 degrees of freedom, p = 0.001 */
    assert_int_equal(ltd_rollout_size(b->depth->rollout), 0);
    assert_int_equal(ltd_rollout_size(b->size->rollout), CYCLES);
}

/* And its second. */
static void an_untaught_size_is_the_fixed_one(void **state)
{
    bed *b = *state;
    b->joint.depth_role = LTD_ROLE_LEARNS;
    b->joint.size_role = LTD_ROLE_UNTAUGHT;
    b->joint.fixed_size = 7; /* of 0, 1, 2, 4, 8, 16 */
    collect(b);
    assert_int_equal(b->most, 4);
    assert_true(ltd_rollout_size(b->depth->rollout) >= CYCLES);
    assert_int_equal(ltd_rollout_size(b->size->rollout), 0);
}

static void a_frozen_policy_records_nothing_and_draws_nothing(void **state)
{
    bed *b = *state;
    b->joint.depth_role = b->joint.size_role = LTD_ROLE_GREEDY;
    ltd_rng before = b->explore;
    collect(b);
    assert_memory_equal(&before, &b->explore, sizeof before);
    assert_int_equal(ltd_rollout_size(b->depth->rollout), 0);
    assert_int_equal(ltd_rollout_size(b->size->rollout), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_untaught_depth_draws_every_number_of_forwards_alike,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_untaught_size_is_the_fixed_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frozen_policy_records_nothing_and_draws_nothing, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
