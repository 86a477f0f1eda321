/* Bar of distributed training: processes with some environments each learn what one process with
 * all of them learns.  Started by mpirun; each process first trains in the group, then alone with
 * all environments, and compares. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/made_positions.h"
#include "trainer/ppo/joint.h"

enum { ENVS = 2, MAX_ENVS = 16, STEPS = 48, ROUNDS = 6, FIGURES = 12 };

static ltd_group *group;
static made_positions made;
static ltd_err err;

static void check(int rc)
{
    if (rc < 0) fail_msg("%s", err.msg);
}

/* A training run over made-up records. */
typedef struct bed {
    ltd_learner *depth, *size;
    ltd_env *env[MAX_ENVS];
    ltd_rng explore[MAX_ENVS], minibatch;
    ltd_joint joint;
    ltd_ppo_options ppo;
} bed;

static ltd_learner *learner(const char *name, ltd_rollout_kind kind, int32_t actions, int32_t envs,
                            ltd_rng *init)
{
    ltd_actor_critic_options o = LTD_ACTOR_CRITIC_DEFAULTS;
    ltd_learner *l;
    o.obs_dim = LTD_OBS_LTD_DIM;
    o.n_actions = actions;
    check(ltd_learner_new(&l, name, &o, kind, envs, STEPS, 1e-5, init, &err));
    return l;
}

static ltd_env_options env_options(void)
{
    return (ltd_env_options){.positions = made.positions,
                             .depth_contract = LTD_CONTRACT_LTD_DEPTH,
                             .size_contract = LTD_CONTRACT_LTD_SIZE,
                             .reward = LTD_REWARD_AVERAGE,
                             .reward_scale = 1,
                             .reward_keep = 0.99,
                             .reward_floor = -1};
}

/* Environments first .. first + n - 1. */
static bed *open_bed(ltd_group *g, int32_t first, int32_t n)
{
    bed *b = calloc(1, sizeof *b);
    ltd_rng init;
    assert_non_null(b);
    ltd_rng_seed(&init, 5, LTD_STREAM_INIT);
    ltd_rng_seed(&b->minibatch, 5, LTD_STREAM_MINIBATCH);
    b->depth = learner("depth", LTD_ROLLOUT_EPISODES, 2, n, &init);
    b->size = learner("size", LTD_ROLLOUT_BANDIT, MADE_SIZES, n, &init);
    for (int32_t e = 0; e < n; e++) {
        ltd_env_options o = env_options();
        o.seed = (uint64_t)(first + e);
        check(ltd_env_open(&b->env[e], &o, &err));
        ltd_rng_seed(&b->explore[e], (uint64_t)(first + e), LTD_STREAM_EXPLORE);
    }
    check(ltd_joint_init(&b->joint, b->depth, b->size, b->explore, &err));
    b->joint.env = b->env;
    b->joint.n_envs = n;
    b->joint.group = g;
    b->joint.norm_reward = true;
    b->ppo = (ltd_ppo_options)LTD_PPO_DEFAULTS;
    b->ppo.n_epochs = 3;
    b->ppo.batch_size = 7; /* some minibatches have nothing of some process */
    b->ppo.group = g;
    return b;
}

static void close_bed(bed *b)
{
    for (int32_t e = 0; e < b->joint.n_envs; e++) ltd_env_close(b->env[e]);
    ltd_joint_fini(&b->joint);
    ltd_learner_free(b->depth);
    ltd_learner_free(b->size);
    free(b);
}

static void add_figures(double *at, const ltd_ppo_stats *s)
{
    const double v[] = {s->loss,      s->policy_loss,        s->value_loss, s->entropy,
                        s->approx_kl, s->explained_variance, s->grad_norm,  (double)s->n};
    memcpy(at, v, sizeof v);
}

static void train(bed *b, int64_t most, double figures[ROUNDS][2][FIGURES])
{
    memset(figures, 0, sizeof(double[ROUNDS][2][FIGURES]));
    for (int i = 0; i < ROUNDS; i++) {
        ltd_ppo_stats depth, size;
        check(ltd_joint_collect(&b->joint, most, NULL, NULL, NULL, &err));
        check(ltd_learner_update(b->depth, &b->ppo, 1, 0.95, &b->minibatch, &depth, &err));
        check(ltd_learner_update(b->size, &b->ppo, 1, 0.95, &b->minibatch, &size, &err));
        add_figures(figures[i][0], &depth);
        add_figures(figures[i][1], &size);
        figures[i][0][10] = b->joint.stats.reward / (double)b->joint.stats.cycles;
        figures[i][1][10] = (double)b->joint.stats.cycles;
        figures[i][0][11] = b->joint.norm.var;
    }
}

static void same_parameters(ltd_learner *a, ltd_learner *b)
{
    const float *x = ltd_actor_critic_data(a->ac), *y = ltd_actor_critic_data(b->ac);
    double most = 0;
    for (int64_t i = 0; i < a->adam->n; i++) {
        double d = fabs((double)x[i] - (double)y[i]);
        if (d > most) most = d;
    }
    print_message("# %s: parameters differ by %.1e at most\n", a->name, most);
    assert_true(most <= 1e-5);
}

static void compare(int64_t most, double target_kl)
{
    int32_t rank = ltd_group_rank(group), size = ltd_group_size(group);
    static double together[ROUNDS][2][FIGURES], alone[ROUNDS][2][FIGURES];
    assert_in_range(size * ENVS, 1, MAX_ENVS);
    bed *a = open_bed(group, rank * ENVS, ENVS), *b = open_bed(NULL, 0, size * ENVS);
    a->ppo.target_kl = b->ppo.target_kl = target_kl;
    train(a, most, together);
    train(b, most, alone);
    for (int i = 0; i < ROUNDS; i++)
        for (int k = 0; k < 2; k++)
            for (int f = 0; f < FIGURES; f++)
                assert_true(fabs(together[i][k][f] - alone[i][k][f]) <=
                            1e-5 * fmax(1, fabs(alone[i][k][f])));
    same_parameters(a->depth, b->depth);
    same_parameters(a->size, b->size);
    assert_memory_equal(&a->minibatch, &b->minibatch, sizeof a->minibatch);
    close_bed(a);
    close_bed(b);
}

static void processes_learn_what_one_learns(void **state)
{
    (void)state;
    compare(INT64_MAX / 2, 0);
}

/* A rollout that the number of cycles ends, in the middle of a round. */
static void so_they_do_where_cycles_run_out(void **state)
{
    (void)state;
    compare(2 * ENVS * ltd_group_size(group) + 3, 0);
}

static void so_they_do_where_updates_stop_early(void **state)
{
    (void)state;
    compare(INT64_MAX / 2, 0.002);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_learn_what_one_learns),
        cmocka_unit_test(so_they_do_where_cycles_run_out),
        cmocka_unit_test(so_they_do_where_updates_stop_early),
    };
    if (ltd_group_open(&group, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    if (ltd_group_rank(group) > 0 && !freopen("/dev/null", "w", stdout)) return 1;
    made_positions_open(&made, 3, 12, 1.2f);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    made_positions_close(&made);
    ltd_group_close(group, failed == 0);
    return failed;
}
