/* The update reads as the paper: gather a minibatch, evaluate it, three losses, one step.  A
 * minibatch is copied into plain arrays of ours and viewed by libtorch; a scope of the shim frees
 * everything that a step made. */
#include "trainer/ppo/ppo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/torch/ltd_torch.h"

#define TRY(call)                                                                                  \
    do {                                                                                           \
        if ((rc = (call)) < 0) goto out;                                                           \
    } while (0)

/* The samples of one minibatch, and room for its ratios. */
struct batch {
    int64_t n, room;
    int32_t obs_dim, n_actions;
    float *obs;                                   /* [n, obs_dim] */
    uint8_t *mask;                                /* [n, n_actions] */
    int64_t *action;                              /* [n] */
    float *logprob, *advantage, *returns, *value; /* [n], of the rollout */
    float *logratio, *ratio, *out;                /* [n], of the present policy */
};

/* Handles of one forward pass; all belong to the scope. */
struct pass {
    ltd_tensor *logp_all; /* [n, n_actions] */
    ltd_tensor *logp;     /* [n] of the actions taken */
    ltd_tensor *value;    /* [n] */
    ltd_tensor *entropy;  /* [n] */
};

static void batch_fini(struct batch *b)
{
    free(b->obs);
    free(b->mask);
    free(b->action);
    free(b->logprob);
}

static int batch_init(struct batch *b, const ltd_rollout *r, int64_t room, ltd_err *err)
{
    memset(b, 0, sizeof *b);
    b->room = room;
    b->obs_dim = r->opt.obs_dim;
    b->n_actions = r->opt.n_actions;
    size_t n = (size_t)room;
    b->obs = ltd_mem_aligned(n, (size_t)b->obs_dim * sizeof *b->obs);
    b->mask = ltd_mem_aligned(n, (size_t)b->n_actions);
    b->action = ltd_mem_aligned(n, sizeof *b->action);
    b->logprob = ltd_mem_aligned(n, 7 * sizeof *b->logprob);
    if (!b->obs || !b->mask || !b->action || !b->logprob) {
        batch_fini(b);
        return ltd_fail(err, LTD_ENOMEM, "ppo: no memory for a minibatch of %lld", (long long)room);
    }
    float **field[6] = {&b->advantage, &b->returns, &b->value, &b->logratio, &b->ratio, &b->out};
    for (size_t i = 0; i < 6; i++) *field[i] = b->logprob + (i + 1) * n;
    return LTD_OK;
}

static void batch_gather(struct batch *b, const ltd_rollout *r, const int32_t *index, int64_t n)
{
    size_t obs_dim = (size_t)b->obs_dim, n_actions = (size_t)b->n_actions;
    b->n = n;
    for (int64_t i = 0; i < n; i++) {
        size_t to = (size_t)i, from = (size_t)index[i];
        memcpy(b->obs + to * obs_dim, r->obs + from * obs_dim, obs_dim * sizeof *b->obs);
        uint8_t *mask = b->mask + to * n_actions;
        for (size_t a = 0; a < n_actions; a++) mask[a] = r->mask[from * n_actions + a] != 0;
        b->action[i] = r->action[from];
        b->logprob[i] = r->logprob[from];
        b->advantage[i] = r->advantage[from];
        b->returns[i] = r->returns[from];
        b->value[i] = r->value[from];
    }
}

/* Mean 0, standard deviation 1 (unbiased); a lone sample is left as it is. */
static void normalize(float *x, int64_t n)
{
    if (n < 2) return;
    double sum = 0.0, square = 0.0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i];
    double mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++) square += ((double)x[i] - mean) * ((double)x[i] - mean);
    double std = sqrt(square / (double)(n - 1));
    for (int64_t i = 0; i < n; i++) x[i] = (float)(((double)x[i] - mean) / (std + 1e-8));
}

static int view(ltd_tensor **ret, float *data, int64_t n, ltd_err *err)
{
    return ltd_tensor_view_f32(ret, data, &n, 1, err);
}

/* evaluate_actions: ln pi(a|s), V(s) and the entropy of pi(.|s) for the minibatch. */
static int evaluate(const ltd_actor_critic *ac, struct batch *b, struct pass *p, ltd_err *err)
{
    int rc;
    ltd_tensor *obs, *mask, *action, *prob, *plogp, *h;
    int64_t flat = -1;
    TRY(ltd_tensor_view_f32(&obs, b->obs, (int64_t[]){b->n, b->obs_dim}, 2, err));
    TRY(ltd_tensor_view_bool(&mask, b->mask, (int64_t[]){b->n, b->n_actions}, 2, err));
    TRY(ltd_tensor_view_i64(&action, b->action, (int64_t[]){b->n, 1}, 2, err));
    TRY(ltd_actor_critic_forward(ac, obs, mask, &p->logp_all, &p->value, err));
    TRY(ltd_tensor_gather(&p->logp, p->logp_all, 1, action, err));
    TRY(ltd_tensor_reshape(&p->logp, p->logp, &flat, 1, err));
    /* Illegal actions: 0 * -1e8 = 0. */
    TRY(ltd_tensor_exp(&prob, p->logp_all, err));
    TRY(ltd_tensor_mul(&plogp, prob, p->logp_all, err));
    TRY(ltd_tensor_sum(&h, plogp, 1, err));
    TRY(ltd_tensor_scale(&p->entropy, h, -1.0, err));
out:
    return rc;
}

/* -mean(min(A r, A clip(r, 1 - c, 1 + c))), r = pi(a|s) / pi_old(a|s) */
static int policy_loss(ltd_tensor **ret, struct batch *b, const struct pass *p, double clip_coef,
                       ltd_err *err)
{
    int rc;
    ltd_tensor *old, *adv, *logratio, *ratio, *clipped, *surr1, *surr2, *least, *mean;
    TRY(view(&old, b->logprob, b->n, err));
    TRY(view(&adv, b->advantage, b->n, err));
    TRY(ltd_tensor_sub(&logratio, p->logp, old, err));
    TRY(ltd_tensor_exp(&ratio, logratio, err));
    TRY(ltd_tensor_clamp(&clipped, ratio, 1.0 - clip_coef, 1.0 + clip_coef, err));
    TRY(ltd_tensor_mul(&surr1, adv, ratio, err));
    TRY(ltd_tensor_mul(&surr2, adv, clipped, err));
    TRY(ltd_tensor_minimum(&least, surr1, surr2, err));
    TRY(ltd_tensor_mean(&mean, least, err));
    TRY(ltd_tensor_scale(ret, mean, -1.0, err));
    TRY(ltd_tensor_to_f32(logratio, b->logratio, b->n, err));
    TRY(ltd_tensor_to_f32(ratio, b->ratio, b->n, err));
out:
    return rc;
}

/* mean((V - R)^2), with V kept within clip_vloss of its old value if that is > 0 */
static int value_loss(ltd_tensor **ret, struct batch *b, const struct pass *p, double clip_vloss,
                      ltd_err *err)
{
    int rc;
    ltd_tensor *value = p->value, *returns, *old, *move, *error, *square;
    if (clip_vloss > 0.0) {
        TRY(view(&old, b->value, b->n, err));
        TRY(ltd_tensor_sub(&move, value, old, err));
        TRY(ltd_tensor_clamp(&move, move, -clip_vloss, clip_vloss, err));
        TRY(ltd_tensor_add(&value, old, move, err));
    }
    TRY(view(&returns, b->returns, b->n, err));
    TRY(ltd_tensor_sub(&error, value, returns, err));
    TRY(ltd_tensor_mul(&square, error, error, err));
    TRY(ltd_tensor_mean(ret, square, err));
out:
    return rc;
}

/* loss = policy_loss - ent_coef * entropy + vf_coef * value_loss, and its parts in *s */
static int total_loss(ltd_tensor **ret, const ltd_actor_critic *ac, struct batch *b,
                      const ltd_ppo_options *opt, ltd_ppo_stats *s, ltd_err *err)
{
    int rc;
    struct pass p;
    ltd_tensor *pg, *v, *h, *bonus, *weighted, *sum;
    TRY(evaluate(ac, b, &p, err));
    TRY(policy_loss(&pg, b, &p, opt->clip_coef, err));
    TRY(value_loss(&v, b, &p, opt->clip_vloss, err));
    TRY(ltd_tensor_mean(&h, p.entropy, err));
    TRY(ltd_tensor_scale(&bonus, h, opt->ent_coef, err));
    TRY(ltd_tensor_scale(&weighted, v, opt->vf_coef, err));
    TRY(ltd_tensor_sub(&sum, pg, bonus, err));
    TRY(ltd_tensor_add(ret, sum, weighted, err));
    TRY(ltd_tensor_item(*ret, &s->loss, err));
    TRY(ltd_tensor_item(pg, &s->policy_loss, err));
    TRY(ltd_tensor_item(v, &s->value_loss, err));
    TRY(ltd_tensor_item(h, &s->entropy, err));
out:
    return rc;
}

/* How far the policy has moved from the one that acted. */
static void measure_ratio(const struct batch *b, double clip_coef, ltd_ppo_stats *s)
{
    double kl = 0.0, clipped = 0.0;
    for (int64_t i = 0; i < b->n; i++) {
        kl += (double)b->ratio[i] - 1.0 - (double)b->logratio[i];
        clipped += fabsf(b->ratio[i] - 1.0f) > (float)clip_coef;
    }
    s->approx_kl = kl / (double)b->n;
    s->clip_fraction = clipped / (double)b->n;
    s->n = b->n;
}

/* One gradient step on the minibatch; none, with s->stopped, when target_kl is exceeded. */
static int minibatch(ltd_actor_critic *ac, ltd_adam *adam, struct batch *b,
                     const ltd_ppo_options *opt, ltd_ppo_stats *s, ltd_err *err)
{
    int rc;
    ltd_tensor *loss;
    float *grad = ltd_actor_critic_grad(ac);
    int64_t size = ltd_actor_critic_size(ac);
    ltd_torch_scope scope;
    ltd_torch_scope_init(&scope);
    if (opt->norm_adv) normalize(b->advantage, b->n);
    TRY(total_loss(&loss, ac, b, opt, s, err));
    measure_ratio(b, opt->clip_coef, s);
    s->stopped = opt->target_kl > 0.0 && s->approx_kl > 1.5 * opt->target_kl;
    if (s->stopped) goto out;
    memset(grad, 0, (size_t)size * sizeof *grad);
    TRY(ltd_tensor_backward(loss, err));
    s->grad_norm = ltd_adam_clip(grad, size, opt->max_grad_norm);
    if (!isfinite(s->loss) || !isfinite(s->grad_norm)) {
        rc = ltd_fail(err, LTD_EINVAL, "ppo: loss %g, gradient norm %g: no step taken", s->loss,
                      s->grad_norm);
        goto out;
    }
    ltd_adam_step(adam, ltd_actor_critic_data(ac), grad, opt->lr);
out:
    ltd_torch_scope_fini(&scope);
    return rc;
}

static int check_order(const ltd_rollout *r, const int32_t *order, int64_t n, ltd_err *err)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t at = order[i], env = at / r->opt.capacity;
        if (at < 0 || env >= r->opt.n_envs || at % r->opt.capacity >= r->fill[env])
            return ltd_fail(err, LTD_EINVAL, "ppo: order[%lld] is %lld, which is no step",
                            (long long)i, (long long)at);
    }
    return LTD_OK;
}

static int check(const ltd_actor_critic *ac, const ltd_adam *adam, const ltd_rollout *r,
                 const ltd_ppo_options *o, const ltd_rng *rng, ltd_err *err)
{
    const ltd_actor_critic_options *net = ltd_actor_critic_get_options(ac);
    const struct {
        const char *name;
        double value;
        bool ok;
    } numbers[] = {
        {"lr", o->lr, o->lr >= 0},
        {"clip_coef", o->clip_coef, o->clip_coef > 0},
        {"clip_vloss", o->clip_vloss, o->clip_vloss >= 0},
        {"ent_coef", o->ent_coef, true},
        {"vf_coef", o->vf_coef, o->vf_coef >= 0},
        {"max_grad_norm", o->max_grad_norm, o->max_grad_norm >= 0},
        {"target_kl", o->target_kl, o->target_kl >= 0},
        {"n_epochs", o->n_epochs, o->n_epochs >= 1},
        {"batch_size", o->batch_size, o->batch_size >= 1},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!numbers[i].ok || !isfinite(numbers[i].value))
            return ltd_fail(err, LTD_EINVAL, "ppo: %s is %g", numbers[i].name, numbers[i].value);
    if (net->obs_dim != r->opt.obs_dim || net->n_actions != r->opt.n_actions)
        return ltd_fail(err, LTD_EINVAL,
                        "ppo: rollout of %d floats and %d actions, expected %d and %d",
                        r->opt.obs_dim, r->opt.n_actions, net->obs_dim, net->n_actions);
    if (adam->n != ltd_actor_critic_size(ac))
        return ltd_fail(err, LTD_EINVAL, "ppo: adam over %lld floats, expected %lld",
                        (long long)adam->n, (long long)ltd_actor_critic_size(ac));
    int64_t n = ltd_rollout_size(r);
    if (n < 1) return ltd_fail(err, LTD_EINVAL, "ppo: the rollout is empty");
    if (o->order) return check_order(r, o->order, n * o->n_epochs, err);
    if (!rng) return ltd_fail(err, LTD_EINVAL, "ppo: neither rng nor order is given");
    return LTD_OK;
}

static void add_stats(ltd_ppo_stats *sum, const ltd_ppo_stats *s)
{
    sum->loss += s->loss;
    sum->policy_loss += s->policy_loss;
    sum->value_loss += s->value_loss;
    sum->entropy += s->entropy;
    sum->approx_kl += s->approx_kl;
    sum->clip_fraction += s->clip_fraction;
    sum->grad_norm += s->grad_norm;
}

static void mean_stats(ltd_ppo_stats *sum, double seen)
{
    if (seen <= 0.0) return;
    sum->loss /= seen;
    sum->policy_loss /= seen;
    sum->value_loss /= seen;
    sum->entropy /= seen;
    sum->approx_kl /= seen;
    sum->clip_fraction /= seen;
    if (sum->minibatches > 0) sum->grad_norm /= (double)sum->minibatches;
}

/* n_epochs passes; `index` [n] is reshuffled for each. */
static int epochs(ltd_actor_critic *ac, ltd_adam *adam, const ltd_rollout *r,
                  const ltd_ppo_options *opt, ltd_rng *rng, struct batch *b, int32_t *index,
                  int64_t n, ltd_ppo_stats *sum, ltd_err *err)
{
    double seen = 0.0;
    for (int32_t e = 0; e < opt->n_epochs && !sum->stopped; e++) {
        sum->epochs++;
        if (opt->order)
            memcpy(index, opt->order + e * n, (size_t)n * sizeof *index);
        else
            ltd_rng_shuffle(rng, index, (size_t)n);
        for (int64_t at = 0; at < n && !sum->stopped; at += b->room) {
            ltd_ppo_stats s = {0};
            batch_gather(b, r, index + at, n - at < b->room ? n - at : b->room);
            int rc = minibatch(ac, adam, b, opt, &s, err);
            if (rc < 0) return rc;
            s.epochs = sum->epochs;
            sum->stopped = s.stopped;
            seen += 1.0;
            add_stats(sum, &s);
            if (!s.stopped) s.minibatches = ++sum->minibatches;
            if (!s.stopped && opt->on_minibatch) opt->on_minibatch(opt->user, &s);
        }
    }
    mean_stats(sum, seen);
    return LTD_OK;
}

/* Flattened indices of the rollout's n steps; owned, NULL with *err filled. */
static int32_t *make_indices(const ltd_rollout *r, int64_t n, ltd_err *err)
{
    int32_t *index = ltd_mem_zeros((size_t)n, sizeof *index);
    if (index)
        ltd_rollout_indices(r, index);
    else
        ltd_fail(err, LTD_ENOMEM, "ppo: no memory for the order of %lld", (long long)n);
    return index;
}

int ltd_ppo_update(ltd_actor_critic *ac, ltd_adam *adam, const ltd_rollout *rollout,
                   const ltd_ppo_options *options, ltd_rng *rng, ltd_ppo_stats *stats, ltd_err *err)
{
    int rc = check(ac, adam, rollout, options, rng, err);
    if (rc < 0) return rc;
    int64_t n = ltd_rollout_size(rollout);
    ltd_ppo_stats sum = {.n = n, .explained_variance = ltd_rollout_explained_variance(rollout)};
    struct batch b = {0};
    bool grad_mode = ltd_torch_set_grad_mode(true);
    int32_t *index = make_indices(rollout, n, err);
    TRY(index ? LTD_OK : LTD_ENOMEM);
    TRY(ltd_torch_set_threads(1, err));
    TRY(batch_init(&b, rollout, n < options->batch_size ? n : options->batch_size, err));
    TRY(epochs(ac, adam, rollout, options, rng, &b, index, n, &sum, err));
    if (stats) *stats = sum;
out:
    ltd_torch_set_grad_mode(grad_mode);
    batch_fini(&b);
    free(index);
    return rc;
}

/* Values of one handle, put where the samples came from. */
static int scatter(float *ret, const ltd_tensor *t, struct batch *b, const int32_t *index,
                   ltd_err *err)
{
    if (!ret) return LTD_OK;
    int rc = ltd_tensor_to_f32(t, b->out, b->n, err);
    for (int64_t i = 0; i < b->n && rc == LTD_OK; i++) ret[index[i]] = b->out[i];
    return rc;
}

int ltd_ppo_evaluate(const ltd_actor_critic *ac, const ltd_rollout *rollout, float *value,
                     float *logprob, float *entropy, ltd_err *err)
{
    enum { ROOM = 1024 };
    int rc = LTD_OK;
    int64_t n = ltd_rollout_size(rollout);
    struct batch b = {0};
    bool grad_mode = ltd_torch_set_grad_mode(false);
    int32_t *index = make_indices(rollout, n, err);
    TRY(index ? LTD_OK : LTD_ENOMEM);
    TRY(ltd_torch_set_threads(1, err));
    TRY(batch_init(&b, rollout, ROOM, err));
    for (int64_t at = 0; at < n && rc == LTD_OK; at += ROOM) {
        struct pass p;
        ltd_torch_scope scope;
        ltd_torch_scope_init(&scope);
        batch_gather(&b, rollout, index + at, n - at < ROOM ? n - at : ROOM);
        rc = evaluate(ac, &b, &p, err);
        if (rc == LTD_OK) rc = scatter(value, p.value, &b, index + at, err);
        if (rc == LTD_OK) rc = scatter(logprob, p.logp, &b, index + at, err);
        if (rc == LTD_OK) rc = scatter(entropy, p.entropy, &b, index + at, err);
        ltd_torch_scope_fini(&scope);
    }
out:
    ltd_torch_set_grad_mode(grad_mode);
    batch_fini(&b);
    free(index);
    return rc;
}
