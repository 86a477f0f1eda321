/* What a run trains on and with: prompts, environments, nets. */
#include "agents/actor_critic.h"
#include "base/mem.h"
#include "trainer/train/train_priv.h"

static ltd_actor_critic_options nets_of(const ltd_config *c, const ltd_ints *hidden, int32_t obs,
                                        int32_t actions)
{
    ltd_actor_critic_options o = LTD_ACTOR_CRITIC_DEFAULTS;
    o.obs_dim = obs;
    o.n_actions = actions;
    o.n_pi = o.n_vf = 0;
    for (; o.n_pi < hidden->n && o.n_pi < LTD_ACTOR_CRITIC_MAX_HIDDEN; o.n_pi++)
        o.pi[o.n_pi] = hidden->v[o.n_pi];
    const ltd_ints *vf = &c->policy.critic_hidden;
    for (; o.n_vf < vf->n && o.n_vf < LTD_ACTOR_CRITIC_MAX_HIDDEN; o.n_vf++)
        o.vf[o.n_vf] = vf->v[o.n_vf];
    o.activation = c->policy.activation;
    return o;
}

int ltd_train_open_prompts(ltd_trainer *t, ltd_err *err)
{
    const ltd_setup *s = t->setup;
    const ltd_config *c = &s->config;
    int rc = ltd_setup_prompts(s, &c->prompts.train, c->prompts.limit, &t->prompts, err);
    if (rc == LTD_OK)
        rc = ltd_setup_prompts(s, &c->prompts.valid, c->prompts.limit, &t->valid_prompts, err);
    return rc;
}

int ltd_train_open_envs(ltd_trainer *t, ltd_err *err)
{
    const ltd_setup *s = t->setup;
    uint64_t seed = s->config.run.seed;
    ltd_cycle_options co = ltd_setup_cycle_options(s);
    co.seed = seed + (uint64_t)ltd_train_first_env(t, 1);
    int rc = ltd_setup_cycle(s, &co, &t->cycle, err);
    if (rc < 0) return rc;
    ltd_env_options o = ltd_setup_env_options(s, t->cycle, t->prompts);
    o.seed = co.seed;
    rc = ltd_env_open(&t->env, &o, err);
    o.seed = seed;
    o.prompts = t->valid_prompts;
    if (rc == LTD_OK) rc = ltd_env_open(&t->valid_env, &o, err);
    /* More prompts than a checkpoint holds: not to be learned at the first one. */
    ltd_env_state_save probe;
    return rc == LTD_OK ? ltd_env_save(t->env, &probe, err) : rc;
}

/* Environments of this process at most. */
static int32_t most_envs(const ltd_config *c)
{
    return ltd_train_uses_records(c) ? c->train.record_envs : 1;
}

int ltd_train_open_streams(ltd_trainer *t, ltd_err *err)
{
    const ltd_config *c = &t->setup->config;
    int32_t envs = most_envs(c);
    uint64_t first = (uint64_t)ltd_train_first_env(t, envs);
    ltd_rng_seed(&t->minibatch, c->run.seed, LTD_STREAM_MINIBATCH);
    t->explore = ltd_mem_zeros((size_t)envs, sizeof *t->explore);
    if (!t->explore) return ltd_fail(err, LTD_ENOMEM, "train: no memory");
    for (int32_t e = 0; e < envs; e++) {
        uint64_t number = first + (uint64_t)e;
        ltd_rng_seed(&t->explore[e], c->run.seed, (number << 32) + LTD_STREAM_EXPLORE);
    }
    return LTD_OK;
}

int ltd_train_open_learners(ltd_trainer *t, ltd_err *err)
{
    const ltd_config *c = &t->setup->config;
    ltd_rng init;
    ltd_rng_seed(&init, c->run.seed, LTD_STREAM_INIT);
    ltd_actor_critic_options depth =
        nets_of(c, &c->policy.depth_hidden, ltd_contract_dim(c->env.depth_obs), 2);
    ltd_actor_critic_options size =
        nets_of(c, &c->policy.size_hidden, ltd_contract_dim(c->env.size_obs), c->env.sizes.n);
    int32_t room = c->env.max_forwards + 1, envs = most_envs(c);
    int rc = ltd_learner_new(&t->depth, "depth", &depth, LTD_ROLLOUT_EPISODES, envs,
                             c->train.n_steps + room, c->train.adam_eps, &init, err);
    if (rc == LTD_OK)
        rc = ltd_learner_new(&t->size, "size", &size, LTD_ROLLOUT_BANDIT, envs,
                             c->train.n_steps + 1, c->train.adam_eps, &init, err);
    return rc;
}
