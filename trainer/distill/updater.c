#include "trainer/distill/updater.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/torch/ltd_torch.h"

enum { CHUNK = 1 << 16 }; /* parameters that a task sums */

/* Conversations whose gradient is computed at a time. */
typedef struct few {
    int32_t first, n; /* of the update's */
    int32_t anchors;
    float *grad; /* [net->n] */
    ltd_unroll_stats stats;
    ltd_err err;
    int rc;
} few;

struct ltd_updater {
    ltd_head_net *net;
    const ltd_llama *model;
    const ltd_corpus *corpus;
    ltd_batch_source source;
    ltd_adam *adam;
    double max_norm;
    int32_t batch_size, micro, threads;
    ltd_batch *batch; /* [threads] */
    few *few;         /* [n_few] */
    int32_t n_few;
    int32_t *place;            /* [batch_size] the longest first */
    int32_t *share;            /* [batch_size] whose it is, an index of `few` */
    ltd_conversation *text;    /* [batch_size] one few after the other */
    const uint16_t **features; /* [batch_size] */
    uint16_t *room;            /* [batch_size, longest, width] of those that are not kept */
    const ltd_unroll_options *unroll;
};

static int allocate(ltd_updater *u, ltd_err *err)
{
    size_t n = (size_t)u->batch_size, fews = (size_t)u->n_few, threads = (size_t)u->threads;
    u->few = ltd_mem_zeros(fews, sizeof *u->few);
    u->batch = ltd_mem_zeros(threads, sizeof *u->batch);
    u->place = ltd_mem_zeros(n, sizeof *u->place);
    u->share = ltd_mem_zeros(n, sizeof *u->share);
    u->text = ltd_mem_zeros(n, sizeof *u->text);
    u->features = ltd_mem_zeros(n, sizeof *u->features);
    bool ok = u->few && u->batch && u->place && u->share && u->text && u->features;
    for (size_t i = 0; ok && i < fews; i++)
        ok = (u->few[i].grad = ltd_mem_aligned((size_t)u->net->n, sizeof(float)));
    if (ok && u->corpus->maker)
        ok = (u->room = ltd_mem_zeros(n * (size_t)u->corpus->longest * u->corpus->width,
                                      sizeof *u->room));
    int rc = ok ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "update of %zu conversations: no memory", n);
    for (size_t i = 0; rc == LTD_OK && i < threads; i++)
        rc = ltd_batch_init(&u->batch[i], &u->source, err);
    return rc;
}

int ltd_updater_new(ltd_updater **ret, ltd_head_net *net, const ltd_llama *model,
                    const ltd_corpus *corpus, const ltd_config *config, ltd_err *err)
{
    *ret = NULL;
    ltd_updater *u = ltd_mem_zeros(1, sizeof *u);
    if (!u) return ltd_fail(err, LTD_ENOMEM, "update: no memory");
    u->net = net;
    u->model = model;
    u->corpus = corpus;
    u->max_norm = config->distill.max_grad_norm;
    u->batch_size = config->distill.batch_size;
    u->micro = config->distill.micro_batch;
    if (u->micro > u->batch_size) u->micro = u->batch_size;
    u->n_few = (u->batch_size + u->micro - 1) / u->micro;
    u->threads = ltd_pool_threads(ltd_llama_pool(model));
    const ltd_adam_options adam = {0.9, config->distill.beta2, 1e-8, config->distill.weight_decay};
    /* Batches come and go by the ten megabytes: memory that was given back to the system each time
     * would be cleared by it each time. */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    int rc = ltd_torch_set_threads(1, err);
    if (rc == LTD_OK)
        rc = ltd_batch_source_init(&u->source, model, net->scale, corpus->draft, corpus->n_draft,
                                   err);
    if (rc == LTD_OK) rc = ltd_adam_new(&u->adam, net->n, &adam, err);
    if (rc == LTD_OK) rc = allocate(u, err);
    if (rc < 0) {
        ltd_updater_free(u);
        return rc;
    }
    *ret = u;
    return LTD_OK;
}

void ltd_updater_free(ltd_updater *u)
{
    if (!u) return;
    for (int32_t i = 0; u->few && i < u->n_few; i++) free(u->few[i].grad);
    for (int32_t i = 0; u->batch && i < u->threads; i++) ltd_batch_fini(&u->batch[i]);
    ltd_batch_source_fini(&u->source);
    ltd_adam_free(u->adam);
    free(u->few);
    free(u->batch);
    free(u->place);
    free(u->share);
    free(u->text);
    free(u->features);
    free(u->room);
    free(u);
}

ltd_adam *ltd_updater_adam(ltd_updater *u)
{
    return u->adam;
}

/* --- an update --- */

static void learn_few(void *ctx, int32_t task, int32_t thread)
{
    ltd_updater *u = ctx;
    few *f = &u->few[task];
    ltd_batch *b = &u->batch[thread];
    memset(f->grad, 0, (size_t)u->net->n * sizeof *f->grad);
    f->rc = ltd_torch_set_threads(1, &f->err);
    if (f->rc == LTD_OK)
        f->rc = ltd_batch_fill(b, u->text + f->first, u->features + f->first, f->n, &f->err);
    if (f->rc == LTD_OK) f->rc = ltd_unroll(u->unroll, u->net, b, f->grad, &f->stats, &f->err);
}

/* Into the first one's gradient, a piece of all. */
static void sum_chunk(void *ctx, int32_t task, int32_t thread)
{
    (void)thread;
    const ltd_updater *u = ctx;
    int64_t from = (int64_t)task * CHUNK, to = from + CHUNK < u->net->n ? from + CHUNK : u->net->n;
    float *sum = u->few[0].grad;
    for (int32_t f = 1; f < u->n_few && u->few[f].n; f++)
        for (int64_t i = from; i < to; i++) sum[i] += u->few[f].grad[i];
}

static int32_t anchors_at(const ltd_updater *u, int32_t place)
{
    ltd_conversation text = ltd_data_at(u->corpus->data, (size_t)place);
    return ltd_batch_anchors(&text);
}

static void sort_by_anchors(ltd_updater *u, const int32_t *place, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        int32_t anchors = anchors_at(u, place[i]), j = i;
        for (; j > 0 && anchors_at(u, u->place[j - 1]) < anchors; j--)
            u->place[j] = u->place[j - 1];
        u->place[j] = place[i];
    }
}

/* The longest first, each to the few that have the least to do: threads wait for the slowest.
 * Returns how many have something to do. */
static int32_t deal(ltd_updater *u, const int32_t *place, int32_t n)
{
    int32_t tasks = (n + u->micro - 1) / u->micro, at = 0;
    sort_by_anchors(u, place, n);
    for (int32_t f = 0; f < u->n_few; f++) u->few[f].n = u->few[f].anchors = 0;
    for (int32_t i = 0; i < n; i++) {
        few *least = NULL;
        for (few *f = u->few; f < u->few + tasks; f++)
            if (f->n < u->micro && (!least || f->anchors < least->anchors)) least = f;
        least->n++;
        least->anchors += anchors_at(u, u->place[i]);
        u->share[i] = (int32_t)(least - u->few);
    }
    for (int32_t f = 0; f < tasks; f++) {
        u->few[f].first = at;
        for (int32_t i = 0; i < n; i++)
            if (u->share[i] == f) u->text[at++] = ltd_data_at(u->corpus->data, (size_t)u->place[i]);
    }
    return tasks;
}

static int take_features(ltd_updater *u, int32_t n, double *anchors, ltd_err *err)
{
    int rc = LTD_OK;
    size_t each = (size_t)u->corpus->longest * u->corpus->width;
    *anchors = 0;
    for (int32_t i = 0; rc == LTD_OK && i < n; i++) {
        *anchors += ltd_batch_anchors(&u->text[i]);
        uint16_t *room = u->room ? u->room + (size_t)i * each : NULL;
        rc = ltd_corpus_features(u->corpus, &u->text[i], room, &u->features[i], err);
    }
    return rc;
}

int ltd_updater_step(ltd_updater *u, const int32_t *place, int32_t n,
                     const ltd_unroll_options *unroll, double lr, ltd_unroll_stats *stats,
                     double *norm, ltd_err *err)
{
    ltd_unroll_options o = *unroll;
    int32_t tasks = deal(u, place, n);
    int rc = take_features(u, n, &o.anchors, err);
    if (rc < 0) return rc;
    u->unroll = &o;
    ltd_pool *pool = ltd_llama_pool(u->model);
    ltd_pool_run(pool, learn_few, u, tasks);
    memset(stats, 0, sizeof *stats);
    for (int32_t f = 0; f < tasks; f++) {
        if (u->few[f].rc < 0) {
            if (err) *err = u->few[f].err;
            return u->few[f].rc;
        }
        ltd_unroll_stats_add(stats, &u->few[f].stats);
    }
    ltd_pool_run(pool, sum_chunk, u, (int32_t)((u->net->n + CHUNK - 1) / CHUNK));
    *norm = ltd_adam_clip(u->few[0].grad, u->net->n, u->max_norm);
    ltd_adam_step(u->adam, u->net->data, u->few[0].grad, lr);
    return LTD_OK;
}

/* --- the machine's best --- */

typedef struct peak_job {
    float *x; /* [threads, 1024, 1024] */
    bool bf16;
} peak_job;

enum { PEAK_SIZE = 1024, PEAK_ROUNDS = 8 };

static void peak_task(void *ctx, int32_t task, int32_t thread)
{
    (void)thread;
    const peak_job *j = ctx;
    const int64_t dims[2] = {PEAK_SIZE, PEAK_SIZE};
    ltd_torch_scope scope;
    ltd_tensor *x, *y;
    ltd_torch_scope_init(&scope);
    bool was = ltd_torch_set_grad_mode(false);
    float *data = j->x + (size_t)task * PEAK_SIZE * PEAK_SIZE;
    if (ltd_torch_set_threads(1, NULL) == LTD_OK &&
        ltd_tensor_view_f32(&x, data, dims, 2, NULL) == LTD_OK) {
        int rc = j->bf16 ? ltd_tensor_linear_bf16(&y, x, x, NULL)
                         : ltd_tensor_linear(&y, x, x, NULL, NULL);
        (void)rc; /* nothing can be wrong but memory, and then the time is of no use */
    }
    ltd_torch_set_grad_mode(was);
    ltd_torch_scope_fini(&scope);
}

int ltd_updater_peak(const ltd_updater *u, bool bf16, const ltd_clock *clock, double *ret,
                     ltd_err *err)
{
    size_t n = (size_t)u->threads * PEAK_SIZE * PEAK_SIZE;
    peak_job j = {ltd_mem_aligned(n, sizeof(float)), bf16};
    if (!j.x) return ltd_fail(err, LTD_ENOMEM, "no memory");
    double flop = 2.0 * PEAK_SIZE * PEAK_SIZE * PEAK_SIZE * u->threads;
    *ret = 0;
    for (int r = 0; r < PEAK_ROUNDS; r++) {
        uint64_t began = ltd_clock_now(clock);
        ltd_pool_run(ltd_llama_pool(u->model), peak_task, &j, u->threads);
        double rate = flop / (1e-9 * (double)(ltd_clock_now(clock) - began) + 1e-12);
        if (rate > *ret) *ret = rate;
    }
    free(j.x);
    return LTD_OK;
}
