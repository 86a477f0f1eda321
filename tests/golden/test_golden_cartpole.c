/* CartPole learnt as fast as Stable-Baselines3 learns it (ppo/cartpole.json): its defaults, its 50k
 * steps, its evaluation.  The physics is Gymnasium's CartPole-v1 (Barto, Sutton & Anderson 1983).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>

#include "agents/categorical.h"
#include "models/torch/ltd_torch.h"
#include "tests/support/golden.h"
#include "trainer/ppo/ppo.h"

enum { STEPS = 51200, N_STEPS = 2048, EVAL_EPISODES = 20, MAX_EPISODE = 500 };

struct cart {
    double x, v, angle, spin;
    int steps;
};

static void cart_reset(struct cart *c, ltd_rng *rng)
{
    c->x = ltd_rng_f64(rng) * 0.1 - 0.05;
    c->v = ltd_rng_f64(rng) * 0.1 - 0.05;
    c->angle = ltd_rng_f64(rng) * 0.1 - 0.05;
    c->spin = ltd_rng_f64(rng) * 0.1 - 0.05;
    c->steps = 0;
}

static void cart_obs(const struct cart *c, float *obs)
{
    obs[0] = (float)c->x;
    obs[1] = (float)c->v;
    obs[2] = (float)c->angle;
    obs[3] = (float)c->spin;
}

/* Returns true when the pole has fallen or the cart has left. */
static bool cart_step(struct cart *c, int32_t action)
{
    const double g = 9.8, m_pole = 0.1, m_all = 1.1, half = 0.5, tau = 0.02;
    double force = action == 1 ? 10.0 : -10.0;
    double s = sin(c->angle), k = cos(c->angle);
    double t = (force + m_pole * half * c->spin * c->spin * s) / m_all;
    double turn = (g * s - k * t) / (half * (4.0 / 3.0 - m_pole * k * k / m_all));
    double push = t - m_pole * half * turn * k / m_all;
    c->x += tau * c->v;
    c->v += tau * push;
    c->angle += tau * c->spin;
    c->spin += tau * turn;
    c->steps++;
    return fabs(c->x) > 2.4 || fabs(c->angle) > 12 * 2 * 3.14159265358979323846 / 360;
}

static float value_of(ltd_mlp *critic, const struct cart *c)
{
    float obs[4], v;
    cart_obs(c, obs);
    ltd_mlp_forward(critic, obs, &v);
    return v;
}

static void collect(ltd_rollout *r, ltd_mlp *actor, ltd_mlp *critic, struct cart *c, ltd_rng *rng)
{
    ltd_slot slot;
    ltd_rollout_reset(r);
    while (ltd_rollout_slot(r, 0, &slot)) {
        float logits[2], logprob;
        cart_obs(c, slot.obs);
        ltd_mlp_forward(actor, slot.obs, logits);
        int32_t a = ltd_categorical_sample(logits, NULL, 2, rng, &logprob);
        ltd_rollout_push(r, 0, a, logprob, value_of(critic, c));
        bool fallen = cart_step(c, a), cut = c->steps >= MAX_EPISODE;
        if (fallen)
            ltd_rollout_end(r, 0, 1);
        else if (cut)
            ltd_rollout_truncate(r, 0, 1, value_of(critic, c));
        else
            ltd_rollout_reward(r, 0, 1);
        if (fallen || cut) cart_reset(c, rng);
    }
}

static double evaluate(ltd_mlp *actor, uint64_t seed)
{
    ltd_rng rng;
    ltd_rng_seed(&rng, seed, LTD_STREAM_TEST);
    double sum = 0;
    for (int e = 0; e < EVAL_EPISODES; e++) {
        struct cart c;
        bool fallen = false;
        cart_reset(&c, &rng);
        while (!fallen && c.steps < MAX_EPISODE) {
            float obs[4], logits[2];
            cart_obs(&c, obs);
            ltd_mlp_forward(actor, obs, logits);
            fallen = cart_step(&c, ltd_categorical_argmax(logits, NULL, 2));
        }
        sum += c.steps;
    }
    return sum / EVAL_EPISODES;
}

/* The mean return after 51 200 steps. */
static double train(uint64_t seed)
{
    ltd_rng init, rng, order;
    ltd_rng_seed(&init, seed, LTD_STREAM_INIT);
    ltd_rng_seed(&rng, seed, LTD_STREAM_EXPLORE);
    ltd_rng_seed(&order, seed, LTD_STREAM_MINIBATCH);
    ltd_actor_critic_options net = LTD_ACTOR_CRITIC_DEFAULTS;
    net.obs_dim = 4, net.n_actions = 2;
    ltd_rollout_options buffer = {LTD_ROLLOUT_EPISODES, 1, N_STEPS, 4, 2};
    ltd_adam_options adam_opt = LTD_ADAM_DEFAULTS;
    ltd_ppo_options opt = LTD_PPO_DEFAULTS;
    opt.lr = 3e-4, opt.ent_coef = 0, opt.n_epochs = 10, opt.batch_size = 64;
    ltd_actor_critic *ac;
    ltd_adam *adam;
    ltd_rollout *r;
    ltd_mlp *actor = NULL, *critic = NULL;
    assert_int_equal(ltd_actor_critic_new(&ac, &net, &init, NULL), LTD_OK);
    assert_int_equal(ltd_adam_new(&adam, ltd_actor_critic_size(ac), &adam_opt, NULL), LTD_OK);
    assert_int_equal(ltd_rollout_new(&r, &buffer, NULL), LTD_OK);
    struct cart c;
    cart_reset(&c, &rng);
    for (int done = 0; done < STEPS; done += N_STEPS) {
        assert_int_equal(ltd_actor_critic_sync(ac, &actor, &critic, NULL), LTD_OK);
        collect(r, actor, critic, &c, &rng);
        float last = value_of(critic, &c);
        ltd_rollout_finish(r, 0.99, 0.95, &last);
        assert_int_equal(ltd_ppo_update(ac, adam, r, &opt, &order, NULL, NULL), LTD_OK);
    }
    assert_int_equal(ltd_actor_critic_sync(ac, &actor, NULL, NULL), LTD_OK);
    double score = evaluate(actor, 1000 + seed);
    ltd_mlp_free(actor);
    ltd_mlp_free(critic);
    ltd_rollout_free(r);
    ltd_adam_free(adam);
    ltd_actor_critic_free(ac);
    return score;
}

/* SB3's mean over its seeds at the same number of steps. */
static double bar(void)
{
    char path[512];
    if (!golden_path(path, sizeof path, "ppo/cartpole.json")) skip();
    json_object *root = json_object_from_file(path), *runs, *curve, *mean;
    assert_true(root && json_object_object_get_ex(root, "runs", &runs));
    double sum = 0;
    size_t n = json_object_array_length(runs);
    for (size_t i = 0; i < n; i++) {
        json_object *run = json_object_array_get_idx(runs, i);
        assert_true(json_object_object_get_ex(run, "curve", &curve));
        json_object *last = json_object_array_get_idx(curve, json_object_array_length(curve) - 1);
        assert_true(json_object_object_get_ex(last, "eval_mean", &mean));
        sum += json_object_get_double(mean);
    }
    json_object_put(root);
    return sum / (double)n;
}

static void cartpole_is_learnt_as_by_sb3(void **state)
{
    (void)state;
    enum { SEEDS = 3 };
    double want = bar(), sum = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        double score = train(seed);
        print_message("# seed %d: %.1f (SB3: %.1f)\n", (int)seed, score, want);
        sum += score;
    }
    assert_true(sum / SEEDS >= 0.9 * want);
    assert_int_equal(ltd_torch_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cartpole_is_learnt_as_by_sb3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
