#include "trainer/train/planner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/torch/ltd_torch.h"

typedef struct planner {
    ltd_learner *depth, *size;
    const ltd_positions *train, *valid;
    const ltd_planner_options *o;
    ltd_rng *rng;
    ltd_visits visits, others; /* cycles of the last play; of a validation */
    ltd_visit *set;            /* what a pass goes through */
    int32_t *order;
    int64_t n_set, room;
    float *worth; /* [positions] */
    /* a batch */
    float *obs, *logits[2], *grad[2], *value;
    uint8_t *legal;
    float *best[2]; /* parameters that validated best */
} planner;

enum { PLAY_EVERY = 3 }; /* passes */

/* --- what a pass goes through --- */

static int gather_set(planner *g, ltd_err *err)
{
    int64_t n = g->visits.n, all = 2 * n;
    if (all > g->room) {
        free(g->set);
        free(g->order);
        g->set = ltd_mem_zeros((size_t)all, sizeof *g->set);
        g->order = ltd_mem_zeros((size_t)all, sizeof *g->order);
        g->room = g->set && g->order ? all : 0;
        if (!g->room)
            return ltd_fail(err, LTD_ENOMEM, "planner: no memory for %lld cycles", (long long)all);
    }
    memcpy(g->set, g->visits.v, (size_t)n * sizeof *g->set);
    uint64_t total = (uint64_t)ltd_positions_total(g->train);
    for (int64_t i = n; i < all; i++) {
        g->set[i] = g->visits.v[ltd_rng_below(g->rng, (uint64_t)n)];
        g->set[i].index = (int64_t)ltd_rng_below(g->rng, total);
    }
    for (int64_t i = 0; i < all; i++) g->order[i] = (int32_t)i;
    g->n_set = all;
    return LTD_OK;
}

static int play(planner *g, double *speed, ltd_err *err)
{
    int rc = ltd_planner_play(g->train, g->depth->actor, g->size->actor, &g->visits, err);
    if (rc == LTD_OK)
        rc = ltd_planner_worth(g->train, g->depth->actor, g->size->actor, &g->visits, g->o->window,
                               g->worth, err);
    if (rc < 0) return rc;
    *speed = g->visits.tokens / g->visits.time;
    return gather_set(g, err);
}

/* --- a step --- */

/* Everything that could be decided in a cycle. */
static void fill_cycle(planner *g, const ltd_visit *v, size_t first)
{
    const ltd_positions_options *o = ltd_positions_get_options(g->train);
    double ar = ltd_positions_ar_ms(g->train, v->index), c = (double)g->worth[v->index];
    for (int32_t n = 0; n <= o->max_forwards; n++) {
        size_t view = first + (size_t)n;
        ltd_position at = ltd_positions_at(g->train, v->index, n);
        ltd_positions_obs(g->train, v->index, &v->past, n, g->obs + view * LTD_OBS_LTD_DIM);
        uint8_t *legal = g->legal + view * (size_t)o->n_sizes;
        float *value = g->value + view * (size_t)o->n_sizes;
        ltd_positions_legal(g->train, v->index, n, legal);
        for (int32_t s = 0; s < o->n_sizes; s++) {
            int32_t nodes = o->sizes[s] < at.pool ? o->sizes[s] : at.pool;
            if (!legal[s]) continue;
            double time = ltd_positions_ms(g->train, v->index, &v->past, n, nodes) / ar;
            value[s] = (float)((at.got[s] * c - time) * g->o->rate);
        }
    }
}

/* The net's part in the gradient: logits out, then what follows from theirs. */
static int forward(planner *g, ltd_learner *l, int which, int64_t rows, ltd_tensor **logits,
                   ltd_err *err)
{
    ltd_tensor *obs;
    int64_t dims[2] = {rows, LTD_OBS_LTD_DIM};
    int64_t actions = ltd_actor_critic_get_options(l->ac)->n_actions;
    int rc = ltd_tensor_view_f32(&obs, g->obs, dims, 2, err);
    if (rc == LTD_OK) rc = ltd_actor_critic_logits(l->ac, obs, logits, err);
    return rc == LTD_OK ? ltd_tensor_to_f32(*logits, g->logits[which], rows * actions, err) : rc;
}

static int backward(planner *g, ltd_learner *l, int which, int64_t rows, const ltd_tensor *logits,
                    double lr, ltd_err *err)
{
    ltd_tensor *grad, *product, *mean, *loss;
    int64_t dims[2] = {rows, ltd_actor_critic_get_options(l->ac)->n_actions};
    int64_t size = ltd_actor_critic_size(l->ac);
    float *flat = ltd_actor_critic_grad(l->ac);
    memset(flat, 0, (size_t)size * sizeof *flat);
    int rc = ltd_tensor_view_f32(&grad, g->grad[which], dims, 2, err);
    if (rc == LTD_OK) rc = ltd_tensor_mul(&product, logits, grad, err);
    if (rc == LTD_OK) rc = ltd_tensor_mean(&mean, product, err);
    if (rc == LTD_OK) rc = ltd_tensor_scale(&loss, mean, -(double)(dims[0] * dims[1]), err);
    if (rc == LTD_OK) rc = ltd_tensor_backward(loss, err);
    if (rc < 0) return rc;
    double norm = ltd_adam_clip(flat, size, g->o->max_grad_norm);
    if (!isfinite(norm)) return ltd_fail(err, LTD_EINVAL, "planner: gradient norm %g", norm);
    ltd_adam_step(l->adam, ltd_actor_critic_data(l->ac), flat, lr);
    return LTD_OK;
}

static int step(planner *g, const int32_t *order, int32_t n, double lr, double entropy,
                ltd_err *err)
{
    const ltd_positions_options *o = ltd_positions_get_options(g->train);
    int32_t views = o->max_forwards + 1;
    int64_t rows = (int64_t)n * views;
    ltd_tensor *depth, *size;
    ltd_torch_scope scope;
    for (int32_t i = 0; i < n; i++) fill_cycle(g, &g->set[order[i]], (size_t)i * (size_t)views);
    ltd_torch_scope_init(&scope);
    int rc = forward(g, g->depth, 0, rows, &depth, err);
    if (rc == LTD_OK) rc = forward(g, g->size, 1, rows, &size, err);
    ltd_planner_batch b = {n,        o->max_forwards, o->n_sizes, g->logits[0], g->logits[1],
                           g->value, g->legal,        g->grad[0], g->grad[1]};
    if (rc == LTD_OK) ltd_planner_gradient(&b, entropy);
    if (rc == LTD_OK) rc = backward(g, g->depth, 0, rows, depth, lr, err);
    if (rc == LTD_OK) rc = backward(g, g->size, 1, rows, size, lr, err);
    ltd_torch_scope_fini(&scope);
    return rc;
}

static int sync(planner *g, ltd_err *err)
{
    int rc = ltd_actor_critic_sync(g->depth->ac, &g->depth->actor, NULL, err);
    return rc == LTD_OK ? ltd_actor_critic_sync(g->size->ac, &g->size->actor, NULL, err) : rc;
}

static int pass(planner *g, int32_t number, ltd_err *err)
{
    const ltd_planner_options *o = g->o;
    double left = 1 - (double)number / o->passes;
    int rc = LTD_OK;
    ltd_rng_shuffle(g->rng, g->order, (size_t)g->n_set);
    for (int64_t at = 0; rc == LTD_OK && at < g->n_set; at += o->batch_size) {
        int64_t n = g->n_set - at < o->batch_size ? g->n_set - at : o->batch_size;
        rc = step(g, g->order + at, (int32_t)n, o->lr * left, o->entropy * left, err);
    }
    return rc == LTD_OK ? sync(g, err) : rc;
}

/* --- the best --- */

static int validate(planner *g, int32_t number, ltd_planner_progress *p, ltd_planner_result *r,
                    ltd_err *err)
{
    int rc = ltd_planner_play(g->valid, g->depth->actor, g->size->actor, &g->others, err);
    if (rc < 0) return rc;
    p->valid = g->others.tokens / g->others.time;
    if (number < 0) r->before = p->valid;
    if (number >= 0 && !(p->valid > r->valid)) return LTD_OK;
    r->valid = p->best = p->valid;
    r->train = p->train;
    r->best_pass = number + 1;
    ltd_learner *both[2] = {g->depth, g->size};
    for (int i = 0; i < 2; i++)
        memcpy(g->best[i], ltd_actor_critic_data(both[i]->ac),
               (size_t)ltd_actor_critic_size(both[i]->ac) * sizeof(float));
    return LTD_OK;
}

static int put_back_best(planner *g, ltd_err *err)
{
    ltd_learner *both[2] = {g->depth, g->size};
    for (int i = 0; i < 2; i++)
        memcpy(ltd_actor_critic_data(both[i]->ac), g->best[i],
               (size_t)ltd_actor_critic_size(both[i]->ac) * sizeof(float));
    return sync(g, err);
}

/* --- the run --- */

static int allocate(planner *g, ltd_err *err)
{
    const ltd_positions_options *o = ltd_positions_get_options(g->train);
    size_t rows = (size_t)g->o->batch_size * ((size_t)o->max_forwards + 1);
    size_t sizes = rows * (size_t)o->n_sizes;
    g->worth = ltd_mem_zeros((size_t)ltd_positions_total(g->train), sizeof *g->worth);
    g->obs = ltd_mem_aligned(rows, LTD_OBS_LTD_DIM * sizeof *g->obs);
    g->value = ltd_mem_zeros(sizes, sizeof *g->value);
    g->legal = ltd_mem_zeros(sizes, 1);
    bool ok = g->worth && g->obs && g->value && g->legal;
    ltd_learner *both[2] = {g->depth, g->size};
    for (int i = 0; i < 2; i++) {
        g->logits[i] = ltd_mem_zeros(i ? sizes : 2 * rows, sizeof(float));
        g->grad[i] = ltd_mem_aligned(i ? sizes : 2 * rows, sizeof(float));
        g->best[i] = ltd_mem_zeros((size_t)ltd_actor_critic_size(both[i]->ac), sizeof(float));
        ok = ok && g->logits[i] && g->grad[i] && g->best[i];
    }
    return ok ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "planner: no memory");
}

static void free_all(planner *g)
{
    ltd_visits_fini(&g->visits);
    ltd_visits_fini(&g->others);
    free(g->set);
    free(g->order);
    free(g->worth);
    free(g->obs);
    free(g->value);
    free(g->legal);
    for (int i = 0; i < 2; i++) {
        free(g->logits[i]);
        free(g->grad[i]);
        free(g->best[i]);
    }
}

static int check(const planner *g, ltd_err *err)
{
    const ltd_positions_options *o = ltd_positions_get_options(g->train);
    const ltd_actor_critic_options *d = ltd_actor_critic_get_options(g->depth->ac);
    const ltd_actor_critic_options *s = ltd_actor_critic_get_options(g->size->ac);
    if (g->o->passes < 1 || g->o->batch_size < 1 || g->o->window < 1 || g->o->valid_every < 1)
        return ltd_fail(err, LTD_EINVAL, "planner: %d passes, batches of %d, window of %d",
                        g->o->passes, g->o->batch_size, g->o->window);
    if (d->obs_dim != LTD_OBS_LTD_DIM || s->obs_dim != LTD_OBS_LTD_DIM || d->n_actions != 2 ||
        s->n_actions != o->n_sizes)
        return ltd_fail(err, LTD_EINVAL,
                        "planner: nets of %d -> %d and %d -> %d, expected %d -> 2 and %d -> %d",
                        d->obs_dim, d->n_actions, s->obs_dim, s->n_actions, LTD_OBS_LTD_DIM,
                        LTD_OBS_LTD_DIM, o->n_sizes);
    return LTD_OK;
}

static int run(planner *g, ltd_planner_result *ret, ltd_err *err)
{
    const ltd_planner_options *o = g->o;
    ltd_planner_progress p = {.passes = o->passes, .valid = NAN};
    int rc = validate(g, -1, &p, ret, err);
    bool stopped = false;
    for (int32_t i = 0; rc == LTD_OK && i < o->passes && !stopped; i++) {
        if (i % PLAY_EVERY == 0) rc = play(g, &p.train, err);
        if (rc == LTD_OK) rc = pass(g, i, err);
        if (rc == LTD_OK && ((i + 1) % o->valid_every == 0 || i + 1 == o->passes))
            rc = validate(g, i, &p, ret, err);
        p.pass = i + 1;
        if (rc == LTD_OK && o->tell) o->tell(o->ctx, &p);
        stopped = o->stop && *o->stop;
    }
    if (rc == LTD_OK) rc = put_back_best(g, err);
    if (rc == LTD_OK && stopped) rc = ltd_fail(err, LTD_ECANCELED, "stopped");
    return rc;
}

int ltd_planner_run(ltd_learner *depth, ltd_learner *size, const ltd_positions *train,
                    const ltd_positions *valid, const ltd_planner_options *options, ltd_rng *rng,
                    ltd_planner_result *ret, ltd_err *err)
{
    planner g = {
        .depth = depth, .size = size, .train = train, .valid = valid, .o = options, .rng = rng};
    *ret = (ltd_planner_result){0};
    int rc = check(&g, err);
    if (rc < 0) return rc;
    bool grad_mode = ltd_torch_set_grad_mode(true);
    rc = ltd_torch_set_threads(1, err);
    if (rc == LTD_OK) rc = allocate(&g, err);
    if (rc == LTD_OK) rc = run(&g, ret, err);
    ltd_torch_set_grad_mode(grad_mode);
    free_all(&g);
    return rc;
}
