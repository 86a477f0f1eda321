#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "agents/categorical.h"
#include "base/mem.h"
#include "models/torch/ltd_torch.h"
#include "trainer/ppo/ppo.h"

/* A learner with everything it needs. */
struct learner {
    ltd_actor_critic *ac;
    ltd_adam *adam;
    ltd_rollout *rollout;
    ltd_mlp *actor, *critic;
    ltd_rng rng;
};

static void learner_init(struct learner *l, ltd_rollout_kind kind, int32_t obs_dim,
                         int32_t n_actions, int32_t capacity, uint64_t seed)
{
    ltd_actor_critic_options net = {obs_dim, n_actions, {16}, 1, {16}, 1, LTD_ACT_TANH};
    ltd_rollout_options opt = {kind, 1, capacity, obs_dim, n_actions};
    ltd_adam_options adam = LTD_ADAM_DEFAULTS;
    memset(l, 0, sizeof *l);
    ltd_rng_seed(&l->rng, seed, LTD_STREAM_TEST);
    assert_int_equal(ltd_actor_critic_new(&l->ac, &net, &l->rng, NULL), LTD_OK);
    assert_int_equal(ltd_adam_new(&l->adam, ltd_actor_critic_size(l->ac), &adam, NULL), LTD_OK);
    assert_int_equal(ltd_rollout_new(&l->rollout, &opt, NULL), LTD_OK);
    assert_int_equal(ltd_actor_critic_sync(l->ac, &l->actor, &l->critic, NULL), LTD_OK);
}

static void learner_fini(struct learner *l)
{
    ltd_actor_critic_free(l->ac);
    ltd_adam_free(l->adam);
    ltd_rollout_free(l->rollout);
    ltd_mlp_free(l->actor);
    ltd_mlp_free(l->critic);
}

/* One decision on obs and mask that the slot already holds. */
static int32_t act(struct learner *l, const ltd_slot *slot)
{
    float logits[16], value, logprob;
    ltd_mlp_forward(l->actor, slot->obs, logits);
    ltd_mlp_forward(l->critic, slot->obs, &value);
    int32_t a =
        ltd_categorical_sample(logits, slot->mask, l->rollout->opt.n_actions, &l->rng, &logprob);
    assert_in_range(ltd_rollout_push(l->rollout, 0, a, logprob, value), 0, INT32_MAX);
    return a;
}

static ltd_ppo_stats learn(struct learner *l, const ltd_ppo_options *opt, double gamma)
{
    ltd_ppo_stats stats;
    ltd_err err = LTD_ERR_INIT;
    ltd_rollout_finish(l->rollout, gamma, 0.95, NULL);
    assert_int_equal(ltd_ppo_update(l->ac, l->adam, l->rollout, opt, &l->rng, &stats, &err),
                     LTD_OK);
    assert_int_equal(ltd_actor_critic_sync(l->ac, &l->actor, &l->critic, NULL), LTD_OK);
    ltd_rollout_reset(l->rollout);
    return stats;
}

/* The observation names the right action; with masks, one wrong action is illegal each time. */
static void identity_rollout(struct learner *l, int32_t k, bool masked)
{
    ltd_slot slot;
    while (ltd_rollout_slot(l->rollout, 0, &slot)) {
        int32_t right = (int32_t)ltd_rng_below(&l->rng, (uint64_t)k);
        memset(slot.obs, 0, (size_t)k * sizeof *slot.obs);
        slot.obs[right] = 1;
        int32_t illegal = (right + 1 + (int32_t)ltd_rng_below(&l->rng, (uint64_t)k - 1)) % k;
        if (masked) slot.mask[illegal] = 0;
        int32_t a = act(l, &slot);
        if (masked) assert_int_not_equal(a, illegal);
        ltd_rollout_end(l->rollout, 0, a == right ? 1.0f : 0.0f);
    }
}

static void on_first(void *user, const ltd_ppo_stats *s)
{
    if (s->minibatches == 1) *(ltd_ppo_stats *)user = *s;
}

static void the_ratio_is_one_on_the_first_minibatch(void **state)
{
    (void)state;
    struct learner l;
    learner_init(&l, LTD_ROLLOUT_BANDIT, 4, 4, 64, 1);
    identity_rollout(&l, 4, true);
    ltd_ppo_stats first;
    ltd_ppo_options opt = LTD_PPO_DEFAULTS;
    opt.on_minibatch = on_first, opt.user = &first, opt.batch_size = 32;
    learn(&l, &opt, 1);
    assert_true(fabs(first.approx_kl) < 1e-7);
    assert_true(first.clip_fraction == 0);
    assert_true(fabs(first.policy_loss) < 1e-5); /* -mean of normalised advantages */
    assert_int_equal(first.n, 32);
    learner_fini(&l);
}

static double loss_of(struct learner *l, ltd_ppo_options *opt, const int32_t *order)
{
    ltd_ppo_stats stats;
    opt->lr = 0;
    opt->order = order;
    assert_int_equal(ltd_ppo_update(l->ac, l->adam, l->rollout, opt, NULL, &stats, NULL), LTD_OK);
    return stats.loss;
}

static void gradients_match_finite_differences(void **state)
{
    (void)state;
    struct learner l;
    learner_init(&l, LTD_ROLLOUT_BANDIT, 4, 4, 32, 2);
    float *data = ltd_actor_critic_data(l.ac);
    int64_t size = ltd_actor_critic_size(l.ac);
    for (int64_t i = 0; i < size; i++) data[i] += 0.3f * ltd_rng_normal(&l.rng);
    assert_int_equal(ltd_actor_critic_sync(l.ac, &l.actor, &l.critic, NULL), LTD_OK);
    identity_rollout(&l, 4, true);
    int32_t order[32];
    for (int i = 0; i < 32; i++) {
        order[i] = i;
        /* Some ratios far outside the clip range, none near its corners; values clipped likewise.
         */
        l.rollout->logprob[i] += i % 3 == 0 ? 0.5f : i % 3 == 1 ? -0.5f : 0.0f;
        l.rollout->value[i] += i % 2 ? 0.6f : 0.0f;
    }
    ltd_rollout_finish(l.rollout, 1, 0.95, NULL);
    ltd_ppo_options opt = LTD_PPO_DEFAULTS;
    opt.n_epochs = 1, opt.max_grad_norm = 0, opt.clip_vloss = 0.3, opt.ent_coef = 0.1;
    loss_of(&l, &opt, order);
    float *grad = ltd_mem_zeros((size_t)size, sizeof *grad);
    memcpy(grad, ltd_actor_critic_grad(l.ac), (size_t)size * sizeof *grad);
    double biggest = 0;
    for (int64_t i = 0; i < size; i++) {
        float keep = data[i], h = 4e-3f;
        data[i] = keep + h;
        double up = loss_of(&l, &opt, order);
        data[i] = keep - h;
        double down = loss_of(&l, &opt, order);
        data[i] = keep;
        double want = (up - down) / (2 * (double)h);
        assert_true(fabs(want - (double)grad[i]) < 3e-4 + 3e-3 * fabs(want));
        biggest = fmax(biggest, fabs(want));
    }
    assert_true(biggest > 0.05);
    free(grad);
    learner_fini(&l);
}

static double share_right(struct learner *l, int32_t k)
{
    double p = 0;
    for (int32_t right = 0; right < k; right++) {
        float obs[16] = {0}, logits[16], probs[16];
        obs[right] = 1;
        ltd_mlp_forward(l->actor, obs, logits);
        ltd_categorical_probs(probs, logits, NULL, k);
        p += (double)probs[right] / k;
    }
    return p;
}

static void the_identity_environment_is_solved(void **state)
{
    (void)state;
    struct learner l;
    learner_init(&l, LTD_ROLLOUT_BANDIT, 5, 5, 256, 3);
    ltd_ppo_options opt = LTD_PPO_DEFAULTS;
    opt.lr = 3e-3, opt.n_epochs = 5, opt.batch_size = 64, opt.ent_coef = 0;
    assert_true(share_right(&l, 5) < 0.3);
    ltd_ppo_stats stats = {0};
    for (int i = 0; i < 25; i++) {
        identity_rollout(&l, 5, false);
        stats = learn(&l, &opt, 1);
    }
    assert_true(share_right(&l, 5) > 0.95);
    assert_true(stats.entropy < 0.3 && stats.n == 256 && stats.minibatches == 20);
    learner_fini(&l);
}

/* A cycle in small: going on costs, stopping at step t pays pay[t]; step 4 stops by itself. */
static void the_best_depth_is_found(void **state)
{
    (void)state;
    static const float pay[5] = {0.2f, 0.5f, 1.0f, 0.6f, 0.1f};
    struct learner l;
    learner_init(&l, LTD_ROLLOUT_EPISODES, 5, 2, 512, 4);
    ltd_ppo_options opt = LTD_PPO_DEFAULTS;
    opt.lr = 3e-3, opt.n_epochs = 10, opt.batch_size = 128;
    for (int i = 0; i < 30; i++) {
        while (l.rollout->fill[0] + 5 <= l.rollout->opt.capacity) {
            for (int t = 0;; t++) {
                ltd_slot slot;
                assert_true(ltd_rollout_slot(l.rollout, 0, &slot));
                for (int j = 0; j < 5; j++) slot.obs[j] = j == t;
                if (t == 4) slot.mask[1] = 0;
                if (act(&l, &slot) == 1) continue;
                ltd_rollout_end(l.rollout, 0, pay[t]);
                break;
            }
        }
        learn(&l, &opt, 0.999);
    }
    for (int t = 0; t < 3; t++) {
        float obs[5] = {0}, logits[2], p[2];
        obs[t] = 1;
        ltd_mlp_forward(l.actor, obs, logits);
        ltd_categorical_probs(p, logits, NULL, 2);
        assert_true(t < 2 ? p[1] > 0.9f : p[0] > 0.9f);
    }
    learner_fini(&l);
}

static void masked_actions_never_get_probability(void **state)
{
    (void)state;
    struct learner l;
    learner_init(&l, LTD_ROLLOUT_BANDIT, 4, 4, 128, 5);
    ltd_ppo_options opt = LTD_PPO_DEFAULTS;
    opt.n_epochs = 4, opt.batch_size = 32;
    for (int i = 0; i < 5; i++) {
        identity_rollout(&l, 4, true); /* asserts it while acting */
        /* The entropy that the loss sees is the one over the legal actions. */
        float entropy[128], logprob[128], logits[4];
        assert_int_equal(ltd_ppo_evaluate(l.ac, l.rollout, NULL, logprob, entropy, NULL), LTD_OK);
        for (int k = 0; k < 128; k++) {
            const uint8_t *mask = l.rollout->mask + 4 * k;
            ltd_mlp_forward(l.actor, l.rollout->obs + 4 * k, logits);
            assert_true(fabsf(entropy[k] - ltd_categorical_entropy(logits, mask, 4)) < 1e-5f);
            assert_true(fabsf(logprob[k] - l.rollout->logprob[k]) < 1e-5f);
        }
        learn(&l, &opt, 1);
    }
    learner_fini(&l);
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    struct learner a, b;
    learner_init(&a, LTD_ROLLOUT_BANDIT, 4, 4, 100, 6);
    learner_init(&b, LTD_ROLLOUT_BANDIT, 4, 4, 100, 6);
    ltd_ppo_options opt = LTD_PPO_DEFAULTS;
    opt.batch_size = 32, opt.n_epochs = 3;
    for (int i = 0; i < 3; i++) {
        identity_rollout(&a, 4, true);
        identity_rollout(&b, 4, true);
        learn(&a, &opt, 1);
        learn(&b, &opt, 1);
    }
    assert_memory_equal(ltd_actor_critic_data(a.ac), ltd_actor_critic_data(b.ac),
                        (size_t)ltd_actor_critic_size(a.ac) * sizeof(float));
    learner_fini(&a);
    learner_fini(&b);
}

static void target_kl_stops_before_the_step(void **state)
{
    (void)state;
    struct learner l;
    learner_init(&l, LTD_ROLLOUT_BANDIT, 4, 4, 64, 7);
    identity_rollout(&l, 4, false);
    ltd_ppo_options opt = LTD_PPO_DEFAULTS;
    opt.lr = 0.05, opt.batch_size = 64, opt.target_kl = 0.01, opt.n_epochs = 50;
    ltd_ppo_stats stats = learn(&l, &opt, 1);
    assert_true(stats.stopped);
    assert_true(stats.minibatches >= 1 && stats.minibatches < 50);
    assert_int_equal(stats.minibatches, l.adam->step);
    assert_int_equal(stats.epochs, stats.minibatches + 1);
    learner_fini(&l);
}

static void what_cannot_be_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct learner l;
    ltd_err err = LTD_ERR_INIT;
    learner_init(&l, LTD_ROLLOUT_BANDIT, 4, 4, 8, 8);
    ltd_ppo_options opt = LTD_PPO_DEFAULTS;
    assert_int_equal(ltd_ppo_update(l.ac, l.adam, l.rollout, &opt, &l.rng, NULL, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "ppo: the rollout is empty");
    identity_rollout(&l, 4, false);
    ltd_rollout_finish(l.rollout, 1, 1, NULL);
    opt.batch_size = 0;
    assert_int_equal(ltd_ppo_update(l.ac, l.adam, l.rollout, &opt, &l.rng, NULL, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "ppo: batch_size is 0");
    opt.batch_size = 8, opt.n_epochs = 1;
    assert_int_equal(ltd_ppo_update(l.ac, l.adam, l.rollout, &opt, NULL, NULL, &err), LTD_EINVAL);
    int32_t order[8] = {0, 1, 2, 3, 4, 5, 6, 8};
    opt.order = order;
    assert_int_equal(ltd_ppo_update(l.ac, l.adam, l.rollout, &opt, NULL, NULL, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "ppo: order[7] is 8, which is no step");
    opt.order = NULL;
    size_t bytes = (size_t)ltd_actor_critic_size(l.ac) * sizeof(float);
    float *before = ltd_mem_zeros(bytes, 1);
    memcpy(before, ltd_actor_critic_data(l.ac), bytes);
    l.rollout->returns[3] = NAN;
    assert_int_equal(ltd_ppo_update(l.ac, l.adam, l.rollout, &opt, &l.rng, NULL, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "no step taken"));
    assert_memory_equal(before, ltd_actor_critic_data(l.ac), bytes);
    assert_int_equal(l.adam->step, 0);
    free(before);
    learner_fini(&l);
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
        cmocka_unit_test(the_ratio_is_one_on_the_first_minibatch),
        cmocka_unit_test(gradients_match_finite_differences),
        cmocka_unit_test(the_identity_environment_is_solved),
        cmocka_unit_test(the_best_depth_is_found),
        cmocka_unit_test(masked_actions_never_get_probability),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(target_kl_stops_before_the_step),
        cmocka_unit_test(what_cannot_be_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
