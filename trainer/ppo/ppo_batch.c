/* A minibatch through the nets: copied into plain arrays of ours, viewed by libtorch; a scope of
 * the shim, which is the caller's, frees everything that is made on the way. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/torch/ltd_torch.h"
#include "trainer/ppo/ppo_priv.h"

#define TRY(call)                                                                                  \
    do {                                                                                           \
        if ((rc = (call)) < 0) goto out;                                                           \
    } while (0)

/* Handles of one forward pass; all belong to the scope. */
struct pass {
    ltd_tensor *logp_all; /* [n, n_actions] */
    ltd_tensor *logp;     /* [n] of the actions taken */
    ltd_tensor *value;    /* [n] */
    ltd_tensor *entropy;  /* [n] */
};

void ltd_ppo_batch_fini(ltd_ppo_batch *b)
{
    free(b->obs);
    free(b->mask);
    free(b->action);
    free(b->logprob);
    *b = (ltd_ppo_batch){0};
}

int ltd_ppo_batch_init(ltd_ppo_batch *b, const ltd_rollout *r, int64_t room, ltd_err *err)
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
        ltd_ppo_batch_fini(b);
        return ltd_fail(err, LTD_ENOMEM, "ppo: no memory for a minibatch of %lld", (long long)room);
    }
    float **field[6] = {&b->advantage, &b->returns, &b->value, &b->logratio, &b->ratio, &b->out};
    for (size_t i = 0; i < 6; i++) *field[i] = b->logprob + (i + 1) * n;
    return LTD_OK;
}

void ltd_ppo_batch_add(ltd_ppo_batch *b, const ltd_rollout *r, int64_t index)
{
    size_t obs_dim = (size_t)b->obs_dim, n_actions = (size_t)b->n_actions;
    size_t to = (size_t)b->n++, from = (size_t)index;
    memcpy(b->obs + to * obs_dim, r->obs + from * obs_dim, obs_dim * sizeof *b->obs);
    uint8_t *mask = b->mask + to * n_actions;
    for (size_t a = 0; a < n_actions; a++) mask[a] = r->mask[from * n_actions + a] != 0;
    b->action[to] = r->action[from];
    b->logprob[to] = r->logprob[from];
    b->advantage[to] = r->advantage[from];
    b->returns[to] = r->returns[from];
    b->value[to] = r->value[from];
}

static int view(ltd_tensor **ret, float *data, int64_t n, ltd_err *err)
{
    return ltd_tensor_view_f32(ret, data, &n, 1, err);
}

/* evaluate_actions: ln pi(a|s), V(s) and the entropy of pi(.|s) for the minibatch. */
static int evaluate(const ltd_actor_critic *ac, ltd_ppo_batch *b, struct pass *p, ltd_err *err)
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
static int policy_loss(ltd_tensor **ret, ltd_ppo_batch *b, const struct pass *p, double clip_coef,
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
static int value_loss(ltd_tensor **ret, ltd_ppo_batch *b, const struct pass *p, double clip_vloss,
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

/* How far the policy has moved from the one that acted. */
static void measure_ratio(const ltd_ppo_batch *b, double clip_coef, ltd_ppo_stats *s)
{
    double kl = 0.0, clipped = 0.0;
    for (int64_t i = 0; i < b->n; i++) {
        kl += (double)b->ratio[i] - 1.0 - (double)b->logratio[i];
        clipped += fabsf(b->ratio[i] - 1.0f) > (float)clip_coef;
    }
    s->approx_kl = kl / (double)b->n;
    s->clip_fraction = clipped / (double)b->n;
}

int ltd_ppo_loss(ltd_tensor **ret, const ltd_actor_critic *ac, ltd_ppo_batch *b,
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
    measure_ratio(b, opt->clip_coef, s);
out:
    return rc;
}

/* --- evaluate_actions of a whole rollout --- */

/* Values of one handle, put where the samples came from. */
static int scatter(float *ret, const ltd_tensor *t, ltd_ppo_batch *b, const int32_t *index,
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
    ltd_ppo_batch b = {0};
    bool grad_mode = ltd_torch_set_grad_mode(false);
    int32_t *index = ltd_ppo_indices(rollout, n, err);
    TRY(index ? LTD_OK : LTD_ENOMEM);
    TRY(ltd_torch_set_threads(1, err));
    TRY(ltd_ppo_batch_init(&b, rollout, ROOM, err));
    for (int64_t at = 0; at < n && rc == LTD_OK; at += ROOM) {
        struct pass p;
        ltd_torch_scope scope;
        ltd_torch_scope_init(&scope);
        b.n = 0;
        for (int64_t i = at; i < n && i < at + ROOM; i++) ltd_ppo_batch_add(&b, rollout, index[i]);
        rc = evaluate(ac, &b, &p, err);
        if (rc == LTD_OK) rc = scatter(value, p.value, &b, index + at, err);
        if (rc == LTD_OK) rc = scatter(logprob, p.logp, &b, index + at, err);
        if (rc == LTD_OK) rc = scatter(entropy, p.entropy, &b, index + at, err);
        ltd_torch_scope_fini(&scope);
    }
out:
    ltd_torch_set_grad_mode(grad_mode);
    ltd_ppo_batch_fini(&b);
    free(index);
    return rc;
}
