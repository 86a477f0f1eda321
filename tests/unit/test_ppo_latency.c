/* Machines in a formula: what a cycle of n draft forwards and V verified nodes yields and takes is
 * known, hence the best setting.  The real collection, learners and PPO must find it.  The
 * environment behind ltd_joint is replaced at link time by the few functions below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "env/reward.h"
#include "models/torch/ltd_torch.h"
#include "trainer/ppo/joint.h"

enum { MAX_FORWARDS = 4, N_SIZES = 5, OBS = MAX_FORWARDS + 1, BEAM = 2, ROLLOUTS = 40 };
static const int32_t SIZES[N_SIZES] = {0, 1, 2, 4, 8};
static const double T_AR_NS = 1e7;

/* Costs in plain decode steps; the draft head names the next token with probability `first`, else
 * with `second` by its second candidate. */
typedef struct machine {
    const char *name;
    double draft, node;   /* a forward, a verified node */
    double first, second; /* acceptance */
    double slow;          /* share of cycles that the clock misjudges */
    int32_t best_n, best_v;
} machine;

static const machine machines[] = {
    {"cheap drafts, dear nodes", 0.05, 0.4, 0.8, 0.1, 0, 2, 2},
    {"dear drafts, cheap nodes", 0.6, 0.01, 0.7, 0.25, 0, 1, 2},
    {"cheap drafts, cheap nodes", 0.03, 0.01, 0.8, 0.15, 0, 4, 8},
    {"dear drafts, dear nodes", 0.5, 0.6, 0.5, 0.2, 0, 0, 0},
    {"a clock that is off at times", 0.05, 0.15, 0.8, 0.15, 0.1, 4, 4},
};

struct ltd_env {
    ltd_env_options options;
    const machine *m;
    ltd_reward reward;
    ltd_rng rng;
    ltd_turn turn;
    int32_t n; /* forwards so far */
};

/* --- the formula --- */

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* 1 + the probabilities of the best v nodes of a chain of n with a sibling to each node. */
static double yield(const machine *m, int32_t n, int32_t v)
{
    double p[BEAM * MAX_FORWARDS], path = 1, sum = 1;
    for (int32_t i = 0; i < n; i++, path *= m->first) {
        p[BEAM * i] = path * m->first;
        p[BEAM * i + 1] = path * m->second;
    }
    qsort(p, (size_t)(BEAM * n), sizeof *p, descending);
    for (int32_t i = 0; i < v && i < BEAM * n; i++) sum += p[i];
    return sum;
}

static double takes(const machine *m, int32_t n, int32_t v)
{
    int32_t nodes = v < BEAM * n ? v : BEAM * n;
    return 1 + m->draft * n + m->node * nodes;
}

static double speed(const machine *m, int32_t n, int32_t v)
{
    return yield(m, n, v) / takes(m, n, v);
}

/* --- the environment, as far as ltd_joint sees it --- */

int32_t ltd_env_obs_max(const ltd_env *env)
{
    (void)env;
    return OBS;
}

int32_t ltd_env_actions_max(const ltd_env *env)
{
    (void)env;
    return N_SIZES;
}

const ltd_env_options *ltd_env_get_options(const ltd_env *env)
{
    return &env->options;
}

int32_t ltd_env_forwards(const ltd_env *env)
{
    return env->n;
}

static void ask(ltd_env *e, ltd_turn turn, ltd_step *io)
{
    e->turn = io->turn = turn;
    io->n_obs = OBS;
    io->n_actions = turn == LTD_TURN_DEPTH ? 2 : N_SIZES;
    for (int32_t i = 0; i < OBS; i++) io->obs[i] = i == e->n;
    for (int32_t i = 0; i < io->n_actions; i++)
        io->mask[i] = turn == LTD_TURN_DEPTH || i == 0 || SIZES[i - 1] < BEAM * e->n;
}

static int finish(ltd_env *e, int32_t v, ltd_step *io)
{
    double length = yield(e->m, e->n, v), whole = floor(length);
    double ns = takes(e->m, e->n, v) * T_AR_NS;
    bool slow = (double)ltd_rng_f32(&e->rng) < e->m->slow;
    if (slow) ns *= 40;
    e->turn = io->turn = LTD_TURN_NONE;
    io->terminated = true;
    io->info =
        (ltd_info){.accept_len = (int32_t)whole + ((double)ltd_rng_f32(&e->rng) < length - whole),
                   .forwards = e->n,
                   .size = v,
                   .slow = slow,
                   .cycle_ns = (uint64_t)ns,
                   .ar_ns = (uint64_t)T_AR_NS};
    ltd_reward copy = e->reward;
    io->reward = ltd_reward_cycle(slow ? &copy : &e->reward, io->info.accept_len, io->info.cycle_ns,
                                  io->info.ar_ns);
    return LTD_OK;
}

int ltd_env_reset(ltd_env *env, const ltd_reset *options, ltd_step *io, ltd_err *err)
{
    (void)options;
    (void)err;
    env->n = 0;
    io->reward = 0;
    io->terminated = false;
    ask(env, LTD_TURN_DEPTH, io);
    return LTD_OK;
}

int ltd_env_step(ltd_env *env, int32_t action, ltd_step *io, ltd_err *err)
{
    (void)err;
    assert_in_range(action, 0, io->n_actions - 1);
    assert_true(io->mask[action]);
    if (env->turn == LTD_TURN_SIZE) return finish(env, SIZES[action], io);
    env->n += action;
    if (action == LTD_DEPTH_CONTINUE && env->n < MAX_FORWARDS)
        ask(env, LTD_TURN_DEPTH, io);
    else if (env->n == 0)
        return finish(env, 0, io);
    else
        ask(env, LTD_TURN_SIZE, io);
    return LTD_OK;
}

/* --- training --- */

typedef struct trained {
    ltd_env env, *envs[1];
    ltd_learner *depth, *size;
    ltd_joint joint;
    ltd_rng explore, minibatch;
} trained;

static void open_trained(trained *t, const machine *m, ltd_reward_kind reward, uint64_t seed)
{
    ltd_actor_critic_options net = {OBS, 2, {16}, 1, {16}, 1, LTD_ACT_TANH};
    ltd_rng init;
    memset(t, 0, sizeof *t);
    t->env.m = m;
    t->env.options.max_forwards = MAX_FORWARDS;
    ltd_reward_init(&t->env.reward, reward, 100, 0.999);
    ltd_rng_seed(&t->env.rng, seed, LTD_STREAM_TEST);
    ltd_rng_seed(&init, seed, LTD_STREAM_INIT);
    ltd_rng_seed(&t->explore, seed, LTD_STREAM_EXPLORE);
    ltd_rng_seed(&t->minibatch, seed, LTD_STREAM_MINIBATCH);
    assert_int_equal(
        ltd_learner_new(&t->depth, "depth", &net, LTD_ROLLOUT_EPISODES, 1, 1024, 1e-5, &init, NULL),
        0);
    net.n_actions = N_SIZES;
    assert_int_equal(
        ltd_learner_new(&t->size, "size", &net, LTD_ROLLOUT_BANDIT, 1, 1024, 1e-5, &init, NULL), 0);
    assert_int_equal(ltd_joint_init(&t->joint, t->depth, t->size, &t->explore, NULL), 0);
    t->envs[0] = &t->env;
    t->joint.env = t->envs;
    t->joint.n_envs = 1;
}

static void close_trained(trained *t)
{
    ltd_joint_fini(&t->joint);
    ltd_learner_free(t->depth);
    ltd_learner_free(t->size);
}

/* One rollout, one update of whoever learns; exploration fades towards the end. */
static void iterate(trained *t, double done)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_ppo_stats stats;
    ltd_ppo_options ppo = LTD_PPO_DEFAULTS;
    ppo.lr = 5e-3 * (1 - 0.9 * done);
    ppo.ent_coef = 0.03 * (1 - done);
    ppo.batch_size = 128;
    ppo.n_epochs = 5;
    if (ltd_joint_collect(&t->joint, 1000, NULL, NULL, NULL, &err) < 0) fail_msg("%s", err.msg);
    assert_true(t->joint.stats.cycles > 100);
    if (t->joint.depth_role == LTD_ROLE_LEARNS)
        assert_int_equal(ltd_learner_update(t->depth, &ppo, 1, 0.95, &t->minibatch, &stats, &err),
                         0);
    if (t->joint.size_role == LTD_ROLE_LEARNS)
        assert_int_equal(ltd_learner_update(t->size, &ppo, 1, 0.95, &t->minibatch, &stats, &err),
                         0);
}

/* What the most probable actions do: one cycle. */
static void play_greedy(trained *t, int32_t *n, int32_t *v)
{
    float obs[OBS];
    uint8_t mask[N_SIZES];
    ltd_step step = {.obs = obs, .mask = mask};
    assert_int_equal(ltd_env_reset(&t->env, NULL, &step, NULL), 0);
    while (!step.terminated) {
        ltd_learner *l = step.turn == LTD_TURN_DEPTH ? t->depth : t->size;
        assert_int_equal(ltd_env_step(&t->env, ltd_learner_act_greedy(l, &step), &step, NULL), 0);
    }
    *n = step.info.forwards;
    *v = step.info.size;
}

static void expect_best(trained *t)
{
    const machine *m = t->env.m;
    int32_t n, v;
    play_greedy(t, &n, &v);
    print_message("# %s: %d forwards, %d nodes: x%.3f of plain decoding, best x%.3f\n", m->name, n,
                  v, speed(m, n, v), speed(m, m->best_n, m->best_v));
    assert_int_equal(n, m->best_n);
    assert_int_equal(v, m->best_v);
}

/* --- tests --- */

static void the_named_settings_are_the_best_by_a_margin(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        const machine *m = &machines[i];
        double best = speed(m, m->best_n, m->best_v), next = 0;
        for (int32_t n = 0; n <= MAX_FORWARDS; n++)
            for (int32_t k = 0; k < N_SIZES; k++) {
                /* The same nodes in another way are no other setting. */
                bool same = n == m->best_n && SIZES[k] == m->best_v;
                bool legal = k == 0 || (n > 0 && SIZES[k - 1] < BEAM * n);
                if (!same && legal && !(n == 0 && m->best_n == 0))
                    next = fmax(next, speed(m, n, SIZES[k]));
            }
        print_message("# %s: best x%.3f, next x%.3f\n", m->name, best, next);
        assert_true(best > 1.01 * next);
    }
}

static void solve_all(ltd_reward_kind reward)
{
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        trained t;
        open_trained(&t, &machines[i], reward, 100 + i);
        for (int k = 0; k < ROLLOUTS; k++) iterate(&t, (double)k / ROLLOUTS);
        expect_best(&t);
        close_trained(&t);
    }
}

static void the_average_reward_finds_the_best_setting(void **state)
{
    (void)state;
    solve_all(LTD_REWARD_AVERAGE);
}

static void the_ratio_reward_finds_the_best_setting(void **state)
{
    (void)state;
    solve_all(LTD_REWARD_RATIO);
}

/* Turns are a search along one axis at a time: it may end on a lower hill, which the joint one
 * leaves.  Here there is one hill. */
static void taking_turns_finds_the_only_hill(void **state)
{
    (void)state;
    for (size_t i = 2; i < 4; i++) {
        trained t;
        open_trained(&t, &machines[i], LTD_REWARD_AVERAGE, 200 + i);
        for (int k = 0; k < 2 * ROLLOUTS; k++) {
            bool depth = k / 5 % 2 == 0;
            t.joint.depth_role = depth ? LTD_ROLE_LEARNS : LTD_ROLE_GREEDY;
            t.joint.size_role = depth ? LTD_ROLE_GREEDY : LTD_ROLE_LEARNS;
            iterate(&t, (double)k / (2 * ROLLOUTS));
        }
        expect_best(&t);
        close_trained(&t);
    }
}

static int setup(void **state)
{
    (void)state;
    return ltd_torch_set_threads(1, NULL);
}

static int teardown(void **state)
{
    (void)state;
    return ltd_torch_live() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_named_settings_are_the_best_by_a_margin),
        cmocka_unit_test(the_average_reward_finds_the_best_setting),
        cmocka_unit_test(the_ratio_reward_finds_the_best_setting),
        cmocka_unit_test(taking_turns_finds_the_only_hill),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
