/* The update reads as the paper: gather a minibatch, evaluate it, three losses, one step.  With a
 * group a minibatch is drawn from the steps of all processes; each evaluates those of its own, and
 * the gradients are added up: the loss is the mean over the whole minibatch. */
#include "trainer/ppo/ppo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/torch/ltd_torch.h"
#include "trainer/ppo/ppo_priv.h"

/* An update under way. */
typedef struct update {
    ltd_actor_critic *ac;
    ltd_adam *adam;
    const ltd_rollout *rollout; /* of this process */
    const ltd_ppo_options *opt;
    ltd_rng *rng;
    ltd_ppo_whole whole;
    ltd_ppo_batch batch;
    int32_t *index; /* [n] flattened, of the whole */
    int64_t n;
} update;

/* Advantages of the minibatch index[n] to mean 0, standard deviation 1 (unbiased); a lone sample is
 * left as it is. */
static void normalize(update *u, const int32_t *index, int64_t n)
{
    const float *a = u->whole.r.advantage;
    double sum = 0.0, square = 0.0;
    if (n < 2) return;
    for (int64_t i = 0; i < n; i++) sum += (double)a[index[i]];
    double mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        square += ((double)a[index[i]] - mean) * ((double)a[index[i]] - mean);
    double std = sqrt(square / (double)(n - 1));
    float *x = u->batch.advantage;
    for (int64_t i = 0; i < u->batch.n; i++) x[i] = (float)(((double)x[i] - mean) / (std + 1e-8));
}

/* This process's part of the minibatch. */
static void take(update *u, const int32_t *index, int64_t n)
{
    const ltd_ppo_whole *w = &u->whole;
    u->batch.n = 0;
    for (int64_t i = 0; i < n; i++)
        if (index[i] >= w->first && index[i] < w->end)
            ltd_ppo_batch_add(&u->batch, u->rollout, index[i] - w->first);
    if (u->opt->norm_adv) normalize(u, index, n);
}

/* Gradient and figures of that part, weighed by its share of the minibatch. */
static int differentiate(update *u, double share, ltd_ppo_stats *s, ltd_err *err)
{
    ltd_tensor *loss, *weighed;
    ltd_torch_scope scope;
    if (u->batch.n == 0) return LTD_OK;
    ltd_torch_scope_init(&scope);
    int rc = ltd_ppo_loss(&loss, u->ac, &u->batch, u->opt, s, err);
    if (rc == LTD_OK) rc = ltd_tensor_scale(&weighed, loss, share, err);
    if (rc == LTD_OK) rc = ltd_tensor_backward(weighed, err);
    ltd_torch_scope_fini(&scope);
    return rc;
}

/* Over all processes. */
static int add_up(update *u, double share, ltd_ppo_stats *s, ltd_err *err)
{
    double *const field[] = {&s->loss,    &s->policy_loss, &s->value_loss,
                             &s->entropy, &s->approx_kl,   &s->clip_fraction};
    enum { FIELDS = sizeof field / sizeof *field };
    double v[FIELDS];
    for (int i = 0; i < FIELDS; i++) v[i] = share * *field[i];
    int rc = ltd_group_sum(u->opt->group, ltd_actor_critic_grad(u->ac),
                           (size_t)ltd_actor_critic_size(u->ac), v, FIELDS, err);
    for (int i = 0; i < FIELDS; i++) *field[i] = v[i];
    return rc;
}

/* One gradient step on the minibatch index[n]; none, with s->stopped, when target_kl is exceeded.
 */
static int minibatch(update *u, const int32_t *index, int64_t n, ltd_ppo_stats *s, ltd_err *err)
{
    const ltd_ppo_options *opt = u->opt;
    float *grad = ltd_actor_critic_grad(u->ac);
    int64_t size = ltd_actor_critic_size(u->ac);
    memset(grad, 0, (size_t)size * sizeof *grad);
    take(u, index, n);
    double share = (double)u->batch.n / (double)n;
    int rc = differentiate(u, share, s, err);
    if (rc == LTD_OK) rc = add_up(u, share, s, err);
    if (rc < 0) return rc;
    s->n = n;
    s->stopped = opt->target_kl > 0.0 && s->approx_kl > 1.5 * opt->target_kl;
    if (s->stopped) return LTD_OK;
    s->grad_norm = ltd_adam_clip(grad, size, opt->max_grad_norm);
    if (!isfinite(s->loss) || !isfinite(s->grad_norm))
        return ltd_fail(err, LTD_EINVAL, "ppo: loss %g, gradient norm %g: no step taken", s->loss,
                        s->grad_norm);
    ltd_adam_step(u->adam, ltd_actor_critic_data(u->ac), grad, opt->lr);
    return LTD_OK;
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

/* n_epochs passes; `index` is reshuffled for each. */
static int epochs(update *u, ltd_ppo_stats *sum, ltd_err *err)
{
    const ltd_ppo_options *opt = u->opt;
    double seen = 0.0;
    for (int32_t e = 0; e < opt->n_epochs && !sum->stopped; e++) {
        sum->epochs++;
        if (opt->order)
            memcpy(u->index, opt->order + e * u->n, (size_t)u->n * sizeof *u->index);
        else
            ltd_rng_shuffle(u->rng, u->index, (size_t)u->n);
        for (int64_t at = 0; at < u->n && !sum->stopped; at += u->batch.room) {
            ltd_ppo_stats s = {0};
            int64_t n = u->n - at < u->batch.room ? u->n - at : u->batch.room;
            int rc = minibatch(u, u->index + at, n, &s, err);
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

/* The update's parts, then the update. */
static int run(update *u, ltd_ppo_stats *stats, ltd_err *err)
{
    const ltd_rollout *all = &u->whole.r;
    int rc = check(u->ac, u->adam, all, u->opt, u->rng, err);
    if (rc < 0) return rc;
    u->n = ltd_rollout_size(all);
    u->index = ltd_ppo_indices(all, u->n, err);
    if (!u->index) return LTD_ENOMEM;
    ltd_ppo_stats sum = {.n = u->n, .explained_variance = ltd_rollout_explained_variance(all)};
    rc = ltd_torch_set_threads(1, err);
    int64_t room = u->n < u->opt->batch_size ? u->n : u->opt->batch_size;
    if (rc == LTD_OK) rc = ltd_ppo_batch_init(&u->batch, u->rollout, room, err);
    if (rc == LTD_OK) rc = epochs(u, &sum, err);
    if (rc == LTD_OK && stats) *stats = sum;
    return rc;
}

int ltd_ppo_update(ltd_actor_critic *ac, ltd_adam *adam, const ltd_rollout *rollout,
                   const ltd_ppo_options *options, ltd_rng *rng, ltd_ppo_stats *stats, ltd_err *err)
{
    update u = {.ac = ac, .adam = adam, .rollout = rollout, .opt = options, .rng = rng};
    int rc = ltd_ppo_whole_init(&u.whole, rollout, options->group, err);
    if (rc < 0) return rc;
    bool grad_mode = ltd_torch_set_grad_mode(true);
    rc = run(&u, stats, err);
    ltd_torch_set_grad_mode(grad_mode);
    ltd_ppo_batch_fini(&u.batch);
    ltd_ppo_whole_fini(&u.whole);
    free(u.index);
    return rc;
}
