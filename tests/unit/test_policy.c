/* A learner's actors, saved and read back as a policy, decide as before; what doesn't fit is
 * refused. */
#include "tests/support/tiny_env.h"

#include <unistd.h>
#include <sys/stat.h>

#include "agents/policy.h"
#include "models/torch/ltd_torch.h"
#include "trainer/checkpoint/policy_file.h"
#include "trainer/ppo/learner.h"

enum { SIZES = 6, STATES = 200 };

static char root[64];

static int setup(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/ltd-policy-XXXXXX");
    return mkdtemp(root) ? ltd_torch_set_threads(1, NULL) : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command) == 0 && ltd_torch_live() == 0 ? 0 : -1;
}

static ltd_learner *learner(const char *name, ltd_contract contract, int32_t actions,
                            ltd_activation act, int32_t hidden, uint64_t seed)
{
    ltd_actor_critic_options net = {
        ltd_contract_dim(contract), actions, {hidden, 24}, 2, {16}, 1, act};
    ltd_learner *l;
    ltd_rng rng;
    ltd_err err = LTD_ERR_INIT;
    ltd_rng_seed(&rng, seed, LTD_STREAM_INIT);
    if (ltd_learner_new(&l, name, &net, LTD_ROLLOUT_BANDIT, 1, 4, 1e-5, &rng, &err) < 0)
        fail_msg("%s", err.msg);
    /* Weights that tell actions apart; fresh ones are nearly even. */
    float *data = ltd_actor_critic_data(l->ac);
    for (int64_t i = 0; i < ltd_actor_critic_size(l->ac); i++)
        data[i] += 0.3f * ltd_rng_normal(&rng);
    assert_int_equal(ltd_actor_critic_sync(l->ac, &l->actor, &l->critic, &err), 0);
    return l;
}

/* What a checkpoint says besides the nets. */
typedef struct about {
    const char *depth_obs, *size_obs, *activation;
    int64_t sizes[70];
    size_t n_sizes;
    int64_t depth_every; /* 0: not told, as earlier versions did not */
    const char *leave_out;
    const int64_t *fixed; /* forwards, nodes; NULL: no entry */
} about;

static const about good = {.depth_obs = "ltd/depth/v2",
                           .size_obs = "paper/size/1268",
                           .activation = "relu",
                           .sizes = {0, 1, 2, 4, 8, 16},
                           .n_sizes = SIZES,
                           .depth_every = 3};

static void put_text(ltd_checkpoint_writer *w, const about *a, const char *name, const char *text)
{
    if (!a->leave_out || strcmp(a->leave_out, name) != 0) ltd_checkpoint_put_text(w, name, text);
}

static void save(const char *path, const about *a, const ltd_learner *depth,
                 const ltd_learner *size)
{
    ltd_checkpoint_writer *w;
    ltd_err err = LTD_ERR_INIT;
    const int64_t space[4] = {TINY_TOP_K, 1, TINY_FORWARDS, 1};
    const uint64_t step = 7;
    assert_int_equal(ltd_checkpoint_create(&w, path, &err), 0);
    ltd_checkpoint_put_u64(w, LTD_CHECKPOINT_STEP, &step, 1);
    put_text(w, a, "policy/depth_obs", a->depth_obs);
    put_text(w, a, "policy/size_obs", a->size_obs);
    put_text(w, a, "policy/activation", a->activation);
    put_text(w, a, "run/model_sha256", "model");
    put_text(w, a, "run/head_sha256", "head");
    put_text(w, a, "run/machine", "machine");
    ltd_checkpoint_put_i64(w, "policy/sizes", a->sizes, a->n_sizes);
    ltd_checkpoint_put_i64(w, "policy/space", space, 4);
    if (a->depth_every) ltd_checkpoint_put_i64(w, "policy/depth_every", &a->depth_every, 1);
    const double rate = 1.75;
    static float head[LTD_SURVIVAL_KNOTS], chains[LTD_SURVIVAL_MATCHES * LTD_SURVIVAL_CHAIN];
    const int64_t head_dim = LTD_SURVIVAL_KNOTS;
    const int64_t chain_dims[2] = {LTD_SURVIVAL_MATCHES, LTD_SURVIVAL_CHAIN};
    for (int i = 3; i < LTD_SURVIVAL_KNOTS; i++) head[i] = -0.5f;
    for (int i = 1; i < LTD_SURVIVAL_CHAIN; i++) chains[LTD_SURVIVAL_CHAIN + i] = -0.25f;
    ltd_checkpoint_put_f64(w, "policy/rate", &rate, 1);
    ltd_checkpoint_put_f32(w, "policy/survival/head", head, &head_dim, 1);
    ltd_checkpoint_put_f32(w, "policy/survival/lookup", chains, chain_dims, 2);
    ltd_checkpoint_put_f32(w, "policy/survival/both", chains, (int64_t[]){13, 3}, 2);
    if (a->fixed) ltd_checkpoint_put_i64(w, "policy/fixed", a->fixed, 2);
    if (depth) ltd_learner_save(depth, w);
    if (size) ltd_learner_save(size, w);
    if (ltd_checkpoint_finish(w, &err) < 0) fail_msg("%s", err.msg);
}

static const char *in(char ret[128], const char *name)
{
    snprintf(ret, 128, "%s/%s", root, name);
    return ret;
}

/* The same actions on random states with random masks. */
static void same_actions(ltd_agent *agent, ltd_learner *l, ltd_turn turn, ltd_rng *rng)
{
    static float obs[TINY_OBS];
    uint8_t mask[SIZES];
    int32_t taken[SIZES] = {0}, kinds = 0;
    ltd_step step = {.obs = obs, .mask = mask, .turn = turn};
    step.n_obs = ltd_mlp_dim(l->actor, 0);
    step.n_actions = turn == LTD_TURN_DEPTH ? 2 : SIZES;
    for (int i = 0; i < STATES; i++) {
        for (int32_t k = 0; k < step.n_obs; k++) obs[k] = ltd_rng_normal(rng);
        for (int32_t k = 0; k < step.n_actions; k++) mask[k] = k == 0 || ltd_rng_below(rng, 4) > 0;
        float logprob = 1;
        int32_t action = agent->decide(agent, NULL, &step, &logprob);
        assert_int_equal(action, ltd_learner_act_greedy(l, &step));
        assert_true(mask[action] && logprob <= 0);
        taken[action]++;
    }
    for (int32_t k = 0; k < step.n_actions; k++) kinds += taken[k] > 0;
    assert_true(kinds > 1);
}

static void a_saved_policy_decides_as_its_learners(void **state)
{
    (void)state;
    char path[128];
    ltd_err err = LTD_ERR_INIT;
    ltd_learner *depth = learner("depth", LTD_CONTRACT_LTD_DEPTH, 2, LTD_ACT_RELU, 32, 1);
    ltd_learner *size = learner("size", LTD_CONTRACT_PAPER_SIZE, SIZES, LTD_ACT_RELU, 40, 2);
    save(in(path, "good.h5"), &good, depth, size);
    ltd_policy *p;
    if (ltd_policy_load(&p, path, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(p->depth_contract, LTD_CONTRACT_LTD_DEPTH);
    assert_int_equal(p->size_contract, LTD_CONTRACT_PAPER_SIZE);
    assert_int_equal(p->n_sizes, SIZES);
    assert_int_equal(p->sizes[5], 16);
    assert_int_equal(p->top_k, TINY_TOP_K);
    assert_int_equal(p->min_forwards, 1);
    assert_int_equal(p->max_forwards, TINY_FORWARDS);
    assert_int_equal(p->depth_every, 3);
    assert_true(p->lookup);
    assert_true(p->rate == 1.75);
    assert_non_null(p->survival);
    assert_true(p->survival->head[3] == -0.5f && p->survival->lookup[1][1] == -0.25f);
    assert_string_equal(p->model_hash, "model");
    assert_string_equal(p->machine, "machine");
    ltd_agent *agent;
    ltd_rng rng;
    ltd_rng_seed(&rng, 3, LTD_STREAM_TEST);
    assert_int_equal(ltd_agent_policy_new(&agent, "ltd", p, NULL, &err), 0);
    same_actions(agent, depth, LTD_TURN_DEPTH, &rng);
    same_actions(agent, size, LTD_TURN_SIZE, &rng);
    ltd_agent_free(agent);
    ltd_policy_free(p);
    ltd_learner_free(depth);
    ltd_learner_free(size);
}

static void a_saved_learner_comes_back_whole(void **state)
{
    (void)state;
    char path[128];
    ltd_err err = LTD_ERR_INIT;
    ltd_checkpoint *c;
    ltd_learner *a = learner("depth", LTD_CONTRACT_LTD_DEPTH, 2, LTD_ACT_TANH, 32, 4);
    ltd_learner *b = learner("depth", LTD_CONTRACT_LTD_DEPTH, 2, LTD_ACT_TANH, 32, 5);
    ltd_learner *other = learner("depth", LTD_CONTRACT_LTD_DEPTH, 2, LTD_ACT_TANH, 31, 5);
    a->adam->step = 11;
    for (int64_t i = 0; i < a->adam->n; i++) a->adam->m[i] = (float)i, a->adam->v[i] = (float)-i;
    save(in(path, "learner.h5"), &good, a, NULL);
    assert_int_equal(ltd_checkpoint_open(&c, path, &err), 0);
    if (ltd_learner_load(b, c, &err) < 0) fail_msg("%s", err.msg);
    size_t bytes = (size_t)a->adam->n * sizeof(float);
    assert_memory_equal(ltd_actor_critic_data(a->ac), ltd_actor_critic_data(b->ac), bytes);
    assert_memory_equal(a->adam->m, b->adam->m, bytes);
    assert_memory_equal(a->adam->v, b->adam->v, bytes);
    assert_int_equal(b->adam->step, 11);
    float obs[LTD_OBS_LTD_DIM] = {1, 2}, x[2], y[2];
    ltd_mlp_forward(a->actor, obs, x);
    ltd_mlp_forward(b->actor, obs, y);
    assert_memory_equal(x, y, sizeof x);
    assert_int_equal(ltd_learner_load(other, c, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "policy/depth/"));
    b->name = "size";
    assert_int_equal(ltd_learner_load(b, c, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "policy/size/"));
    ltd_checkpoint_close(c);
    ltd_learner_free(a);
    ltd_learner_free(b);
    ltd_learner_free(other);
}

static void refused(const about *a, const ltd_learner *depth, const ltd_learner *size, int code,
                    const char *why)
{
    char path[128];
    ltd_err err = LTD_ERR_INIT;
    ltd_policy *p = (ltd_policy *)root;
    save(in(path, "bad.h5"), a, depth, size);
    int rc = ltd_policy_load(&p, path, &err);
    if (rc != code || !strstr(err.msg, why))
        fail_msg("%d '%s', expected %d with '%s'", rc, err.msg, code, why);
    assert_null(p);
    assert_non_null(strstr(err.msg, "bad.h5"));
}

static void checkpoints_that_are_no_policy_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"policy/depth_obs", "policy/size_obs", "policy/activation",
                                        "run/model_sha256", "run/head_sha256", "run/machine"};
    ltd_learner *depth = learner("depth", LTD_CONTRACT_LTD_DEPTH, 2, LTD_ACT_RELU, 32, 1);
    ltd_learner *size = learner("size", LTD_CONTRACT_PAPER_SIZE, SIZES, LTD_ACT_RELU, 40, 2);
    about a = good;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        a.leave_out = texts[i];
        refused(&a, depth, size, LTD_EFORMAT, texts[i]);
    }
    a = good, a.depth_obs = "ltd/depth/v9";
    refused(&a, depth, size, LTD_EUNSUPPORTED, "'ltd/depth/v9'");
    a = good, a.activation = "gelu";
    refused(&a, depth, size, LTD_EINVAL, "gelu");
    a = good, a.n_sizes = 65;
    refused(&a, depth, size, LTD_EFORMAT, "policy/sizes");
    a = good, a.n_sizes = 0;
    refused(&a, depth, size, LTD_EFORMAT, "policy/sizes");
    a = good, a.sizes[2] = 1;
    refused(&a, depth, size, LTD_EFORMAT, "policy/sizes");
    a = good, a.sizes[0] = -1;
    refused(&a, depth, size, LTD_EFORMAT, "policy/sizes");
    a = good, a.depth_every = -1;
    refused(&a, depth, size, LTD_EFORMAT, "policy/depth_every: is -1, expected 1 to");
    refused(&good, NULL, size, LTD_EFORMAT, "policy/depth/action_net.weight");
    refused(&good, depth, NULL, LTD_EFORMAT, "policy/size/action_net.weight");
    /* Nets of other shapes than their contracts and tables. */
    a = good, a.depth_obs = "paper/depth/128";
    refused(&a, depth, size, LTD_EFORMAT, "takes 56 inputs, expected 128");
    a = good, a.n_sizes = 5;
    refused(&a, depth, size, LTD_EFORMAT, "gives 6 outputs, expected 5");
    ltd_learner_free(depth);
    ltd_learner_free(size);
}

static void one_actor_may_be_missing_where_that_is_said(void **state)
{
    (void)state;
    char path[128];
    ltd_err err = LTD_ERR_INIT;
    ltd_policy *p;
    ltd_learner *depth = learner("depth", LTD_CONTRACT_LTD_DEPTH, 2, LTD_ACT_RELU, 32, 1);
    ltd_learner *size = learner("size", LTD_CONTRACT_PAPER_SIZE, SIZES, LTD_ACT_RELU, 40, 2);
    about a = good;
    a.fixed = (const int64_t[]){3, 9};
    save(in(path, "depth.h5"), &a, depth, NULL);
    if (ltd_policy_load(&p, path, &err) < 0) fail_msg("%s", err.msg);
    assert_true(p->depth && !p->size);
    assert_int_equal(p->fixed_size, 9);
    assert_int_equal(ltd_policy_most_nodes(p), 8); /* of 0 1 2 4 8 16 */
    assert_int_equal(ltd_policy_most_forwards(p), TINY_FORWARDS);
    ltd_policy_free(p);
    save(in(path, "size.h5"), &a, NULL, size);
    if (ltd_policy_load(&p, path, &err) < 0) fail_msg("%s", err.msg);
    assert_true(!p->depth && p->size);
    assert_int_equal(p->fixed_forwards, 3);
    assert_int_equal(ltd_policy_most_nodes(p), 16);
    assert_int_equal(ltd_policy_most_forwards(p), 3);
    ltd_policy_free(p);
    /* Both are there: nothing is fixed, the entry does no harm. */
    save(in(path, "both.h5"), &a, depth, size);
    assert_int_equal(ltd_policy_load(&p, path, &err), 0);
    assert_true(p->depth && p->size);
    ltd_policy_free(p);
    refused(&a, NULL, NULL, LTD_EFORMAT, "neither policy/depth/action_net.weight nor policy/size");
    a.fixed = (const int64_t[]){-1, 9};
    refused(&a, depth, NULL, LTD_EFORMAT, "policy/fixed: -1 forwards, 9 nodes: out of range");
    a.fixed = (const int64_t[]){65, 9};
    refused(&a, depth, NULL, LTD_EFORMAT, "policy/fixed: 65 forwards");
    a.fixed = (const int64_t[]){3, -2};
    refused(&a, depth, NULL, LTD_EFORMAT, "-2 nodes");
    ltd_learner_free(depth);
    ltd_learner_free(size);
}

static ltd_mlp *net_of(int32_t in, int32_t hidden, int32_t out, ltd_activation act, ltd_rng *rng)
{
    const int32_t dims[] = {in, hidden, out};
    static float weight[4096];
    ltd_mlp *net;
    assert_int_equal(ltd_mlp_new(&net, dims, 2, act, NULL), 0);
    for (int32_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < sizeof weight / sizeof *weight; k++) weight[k] = ltd_rng_normal(rng);
        assert_int_equal(ltd_mlp_set(net, i, weight, weight, NULL), 0);
    }
    return net;
}

/* What ltd_policy_put() writes is what is read. */
static void a_policy_that_is_put_comes_back(void **state)
{
    (void)state;
    char path[128];
    ltd_err err = LTD_ERR_INIT;
    ltd_rng rng;
    ltd_rng_seed(&rng, 4, LTD_STREAM_TEST);
    for (int missing = 0; missing < 3; missing++) {
        ltd_policy *p, q = {.depth_contract = LTD_CONTRACT_LTD_DEPTH,
                            .size_contract = LTD_CONTRACT_LTD_SIZE,
                            .fixed_forwards = 2,
                            .fixed_size = 4,
                            .sizes = {1, 3, 7},
                            .n_sizes = 3,
                            .top_k = 5,
                            .min_forwards = 1,
                            .max_forwards = 6,
                            .depth_every = missing, /* 0: each */
                            .lookup = true,
                            .rate = 1.5,
                            .model_hash = "m",
                            .head_hash = "h",
                            .machine = "here"};
        ltd_survival curves = {.head = {-1}};
        for (int k = 1; k < LTD_SURVIVAL_KNOTS; k++) curves.head[k] = -2;
        q.survival = &curves;
        if (missing != 1) q.depth = net_of(LTD_OBS_LTD_DIM, 8, 2, LTD_ACT_TANH, &rng);
        if (missing != 2) q.size = net_of(LTD_OBS_LTD_DIM, 5, 3, LTD_ACT_RELU, &rng);
        ltd_checkpoint_writer *w;
        assert_int_equal(ltd_checkpoint_create(&w, in(path, "put.h5"), &err), 0);
        assert_int_equal(ltd_policy_put(w, &q, &err), 0);
        if (ltd_checkpoint_finish(w, &err) < 0) fail_msg("%s", err.msg);
        if (ltd_policy_load(&p, path, &err) < 0) fail_msg("%s", err.msg);
        float x[LTD_OBS_LTD_DIM] = {1, -2, 3}, a[3], b[3];
        assert_int_equal(!p->depth, missing == 1);
        assert_int_equal(!p->size, missing == 2);
        for (int turn = 0; turn < 2; turn++) {
            ltd_mlp *mine = turn ? q.size : q.depth, *theirs = turn ? p->size : p->depth;
            if (!mine) continue;
            ltd_mlp_forward(mine, x, a);
            ltd_mlp_forward(theirs, x, b);
            assert_memory_equal(a, b, (turn ? 3 : 2) * sizeof *a);
        }
        assert_true(p->lookup && p->rate == 1.5 && p->top_k == 5 && p->min_forwards == 1);
        assert_int_equal(p->max_forwards, 6);
        assert_int_equal(p->depth_every, missing ? missing : 1);
        assert_memory_equal(p->survival, &curves, sizeof curves);
        if (missing == 1) assert_int_equal(p->fixed_forwards, 2);
        if (missing == 2) assert_int_equal(p->fixed_size, 4);
        assert_string_equal(p->head_hash, "h");
        ltd_policy_free(p);
        ltd_mlp_free(q.depth);
        ltd_mlp_free(q.size);
    }
    ltd_policy none = {.n_sizes = 1};
    assert_int_equal(ltd_policy_put(NULL, &none, &err), LTD_EINVAL);
}

/* Logits have room for LTD_MAX_SIZES. */
static void nets_with_too_many_outputs_are_refused(void **state)
{
    (void)state;
    const int32_t small[] = {4, 2}, large[] = {4, LTD_MAX_SIZES + 1};
    ltd_err err = LTD_ERR_INIT;
    ltd_policy p = {.depth_contract = LTD_CONTRACT_LTD_DEPTH,
                    .size_contract = LTD_CONTRACT_LTD_SIZE};
    ltd_agent *agent = (ltd_agent *)root;
    assert_int_equal(ltd_mlp_new(&p.depth, small, 1, LTD_ACT_TANH, &err), 0);
    assert_int_equal(ltd_mlp_new(&p.size, large, 1, LTD_ACT_TANH, &err), 0);
    assert_int_equal(ltd_agent_policy_new(&agent, "ltd", &p, NULL, &err), LTD_EINVAL);
    assert_null(agent);
    assert_non_null(strstr(err.msg, "65 outputs, expected at most 64"));
    ltd_mlp_free(p.depth);
    ltd_mlp_free(p.size);
    ltd_actor_critic_options net = {.obs_dim = 4, .n_actions = LTD_MAX_SIZES + 1};
    ltd_learner *l = (ltd_learner *)root;
    assert_int_equal(ltd_learner_new(&l, "size", &net, LTD_ROLLOUT_BANDIT, 1, 4, 1e-5, NULL, &err),
                     LTD_EINVAL);
    assert_null(l);
}

static void a_run_folder_means_its_best_or_its_newest(void **state)
{
    (void)state;
    char path[128], run[128];
    ltd_err err = LTD_ERR_INIT;
    ltd_policy *p;
    ltd_learner *depth = learner("depth", LTD_CONTRACT_LTD_DEPTH, 2, LTD_ACT_RELU, 32, 1);
    ltd_learner *size = learner("size", LTD_CONTRACT_PAPER_SIZE, SIZES, LTD_ACT_RELU, 40, 2);
    about best = good;
    best.sizes[5] = 9;
    best.depth_every = 0;
    in(run, "run");
    assert_int_equal(mkdir(run, 0777), 0);
    assert_int_equal(mkdir(in(path, "run/checkpoints"), 0777), 0);
    assert_int_equal(ltd_policy_load(&p, run, &err), LTD_EIO);
    save(in(path, "run/checkpoints/step_0000000007.h5"), &good, depth, size);
    assert_int_equal(ltd_policy_load(&p, run, &err), 0);
    assert_int_equal(p->sizes[5], 16);
    ltd_policy_free(p);
    save(in(path, "run/checkpoints/best.h5"), &best, depth, size);
    assert_int_equal(ltd_policy_load(&p, run, &err), 0);
    assert_int_equal(p->sizes[5], 9);
    assert_int_equal(p->depth_every, 1);
    ltd_policy_free(p);
    ltd_learner_free(depth);
    ltd_learner_free(size);
}

/* --- in an environment --- */

static void as_the_policy(ltd_env_options *o)
{
    o->size_contract = LTD_CONTRACT_PAPER_SIZE;
}

static void a_policy_plays_only_where_it_fits(void **state)
{
    (void)state;
    char path[128];
    tiny_env *t = tiny_open();
    ltd_learner *depth = learner("depth", LTD_CONTRACT_LTD_DEPTH, 2, LTD_ACT_RELU, 32, 1);
    ltd_learner *size = learner("size", LTD_CONTRACT_PAPER_SIZE, SIZES, LTD_ACT_RELU, 40, 2);
    save(in(path, "fits.h5"), &good, depth, size);
    ltd_policy *p;
    ltd_agent *agent;
    assert_int_equal(ltd_policy_load(&p, path, &t->err), 0);
    assert_int_equal(ltd_agent_policy_new(&agent, "ltd", p, &t->rng, &t->err), 0);
    tiny_env_open(t, NULL, NULL);
    assert_int_equal(ltd_policy_check(p, t->env, &t->err), LTD_EINVAL);
    assert_non_null(strstr(t->err.msg, "paper/size/1268"));
    tiny_env_open(t, NULL, as_the_policy);
    assert_int_equal(ltd_policy_check(p, t->env, &t->err), 0);
    for (int i = 0; i < 30; i++)
        for (tiny_reset(t, NULL); !t->step.terminated;)
            tiny_step(t, agent->decide(agent, t->env, &t->step, NULL));
    p->sizes[1] = 3;
    assert_int_equal(ltd_policy_check(p, t->env, &t->err), LTD_EINVAL);
    assert_non_null(strstr(t->err.msg, "sizes"));
    ltd_agent_free(agent);
    ltd_policy_free(p);
    ltd_learner_free(depth);
    ltd_learner_free(size);
    tiny_close(t);
}

/* 100 cycles; every one has so many forwards (-1: any, but not always the same) and nodes. */
static void play_fixed(tiny_env *t, const ltd_policy *p, int32_t forwards, int32_t nodes)
{
    ltd_agent *agent;
    bool kinds[2][64] = {{false}};
    assert_int_equal(ltd_policy_check(p, t->env, &t->err), 0);
    assert_int_equal(ltd_agent_policy_new(&agent, "ltd", p, &t->rng, &t->err), 0);
    assert_false(agent->blind);
    for (int i = 0; i < 100; i++) {
        for (tiny_reset(t, NULL); !t->step.terminated;)
            tiny_step(t, agent->decide(agent, t->env, &t->step, NULL));
        const ltd_info *info = &t->step.info;
        if (forwards >= 0) assert_int_equal(info->forwards, forwards);
        if (nodes >= 0) assert_int_equal(info->size, nodes < info->pool ? nodes : info->pool);
        kinds[0][info->forwards] = kinds[1][info->size] = true;
    }
    int n[2] = {0};
    for (int i = 0; i < 64; i++) n[0] += kinds[0][i], n[1] += kinds[1][i];
    if (forwards < 0) assert_true(n[0] > 1);
    if (nodes < 0) assert_true(n[1] > 1);
    ltd_agent_free(agent);
}

static void without_an_actor_every_cycle_is_the_same(void **state)
{
    (void)state;
    char path[128];
    tiny_env *t = tiny_open();
    ltd_learner *depth = learner("depth", LTD_CONTRACT_LTD_DEPTH, 2, LTD_ACT_RELU, 32, 1);
    ltd_learner *size = learner("size", LTD_CONTRACT_PAPER_SIZE, SIZES, LTD_ACT_RELU, 40, 2);
    ltd_policy *p;
    ltd_agent *agent = NULL;
    about a = good;
    a.fixed = (const int64_t[]){3, 5};
    save(in(path, "no_depth.h5"), &a, NULL, size);
    assert_int_equal(ltd_policy_load(&p, path, &t->err), 0);
    tiny_env_open(t, NULL, as_the_policy);
    play_fixed(t, p, 3, -1);
    assert_int_equal(ltd_agent_policy_new(&agent, "ltd", p, NULL, &t->err), 0);
    assert_string_equal(agent->detail, "3 forwards, paper/size/1268");
    ltd_agent_free(agent);
    p->fixed_forwards = 9; /* more than there are */
    play_fixed(t, p, TINY_FORWARDS, -1);
    ltd_policy_free(p);
    save(in(path, "no_size.h5"), &a, depth, NULL);
    assert_int_equal(ltd_policy_load(&p, path, &t->err), 0);
    /* Nobody reads SIZE observations, so any contract will do. */
    for (int i = 0; i < 2; i++) {
        tiny_env_open(t, NULL, i ? as_the_policy : NULL);
        play_fixed(t, p, -1, 4);
    }
    assert_int_equal(ltd_agent_policy_new(&agent, "ltd", p, NULL, &t->err), 0);
    assert_string_equal(agent->detail, "ltd/depth/v2, 4 nodes");
    ltd_agent_free(agent);
    p->depth_contract = LTD_CONTRACT_PAPER_DEPTH;
    assert_int_equal(ltd_policy_check(p, t->env, &t->err), LTD_EINVAL);
    ltd_mlp_free(p->depth);
    p->depth = NULL;
    assert_int_equal(ltd_agent_policy_new(&agent, "ltd", p, NULL, &t->err), LTD_EINVAL);
    assert_non_null(strstr(t->err.msg, "neither a depth nor a size net"));
    assert_null(agent);
    ltd_policy_free(p);
    ltd_learner_free(depth);
    ltd_learner_free(size);
    tiny_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_policy_decides_as_its_learners),
        cmocka_unit_test(a_saved_learner_comes_back_whole),
        cmocka_unit_test(checkpoints_that_are_no_policy_are_refused),
        cmocka_unit_test(one_actor_may_be_missing_where_that_is_said),
        cmocka_unit_test(a_policy_that_is_put_comes_back),
        cmocka_unit_test(nets_with_too_many_outputs_are_refused),
        cmocka_unit_test(a_run_folder_means_its_best_or_its_newest),
        cmocka_unit_test(a_policy_plays_only_where_it_fits),
        cmocka_unit_test(without_an_actor_every_cycle_is_the_same),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
