#include "models/llm/decoder.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* Up to so many rows, waking the pool costs more than the row work. */
enum { SERIAL_ROWS = 3 };

static int32_t max2(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

int ltd_decoder_init(ltd_decoder *ret, const ltd_decoder_shape *shape, const ltd_kernels *kernels,
                     ltd_pool *pool, int32_t bits, int32_t slots, int32_t tail_len, ltd_err *err)
{
    ltd_decoder d = {.shape = *shape, .kernels = kernels, .pool = pool};
    size_t m = (size_t)shape->max_rows, hidden = (size_t)shape->hidden, ffn = (size_t)shape->ffn;
    size_t heads = (size_t)shape->heads * (size_t)shape->head_dim;
    size_t kv = (size_t)shape->kv_heads * (size_t)shape->head_dim;
    int32_t widest = max2(max2(shape->max_in, shape->hidden), (int32_t)heads);
    /* A task's rows times heads: ltd_decoder_attend(). */
    int32_t queries = max2(LTD_ATTN_SHARE, shape->heads / shape->kv_heads);
    size_t threads = (size_t)ltd_pool_threads(pool);
    /* Whole blocks; an odd number, lest the rows of scores fall on the same sets of the cache. */
    d.score_len = ((slots + LTD_ATTN_BLOCK) / LTD_ATTN_BLOCK | 1) * LTD_ATTN_BLOCK;
    d.score_room = (size_t)queries * (size_t)d.score_len;
    d.attn_size = (size_t)queries * (((size_t)shape->head_dim + 15) / 16 * 16);
    d.x = ltd_mem_aligned(m * hidden, sizeof(float));
    d.h = ltd_mem_aligned(m * (size_t)max2(shape->max_in, shape->hidden), sizeof(float));
    d.qkv = ltd_mem_aligned(m * (heads + 2 * kv), sizeof(float));
    d.attn = ltd_mem_aligned(m * heads, sizeof(float));
    d.proj = ltd_mem_aligned(m * hidden, sizeof(float));
    d.gate_up = ltd_mem_aligned(m * 2 * ffn, sizeof(float));
    d.act = ltd_mem_aligned(m * ffn, sizeof(float));
    int rc = ltd_acts_init(&d.acts, shape->max_rows, (widest + 31) / 32 * 32, bits, err);
    if (rc == LTD_OK)
        rc = ltd_acts_init(&d.gated, shape->max_rows, (shape->ffn + 31) / 32 * 32, bits, err);
    d.columns = ltd_mem_aligned(threads * m, 2 * LTD_DECODER_COLUMNS * sizeof(float));
    d.scores = ltd_mem_aligned(threads * d.score_room, sizeof(float));
    d.attn_work = ltd_mem_aligned(threads * d.attn_size, sizeof(float));
    d.visible.tail = ltd_mem_aligned((size_t)tail_len, sizeof(int32_t));
    d.visible.start = ltd_mem_aligned(m + 1, sizeof(int32_t));
    d.visible.position = ltd_mem_aligned(m, sizeof(int32_t));
    d.visible.slot = ltd_mem_aligned(m, sizeof(int32_t));
    d.visible.first = ltd_mem_aligned(m, sizeof(int32_t));
    if (d.shape.scale == 0) d.shape.scale = 1.0f / sqrtf((float)shape->head_dim);
    *ret = d;
    if (rc == LTD_OK && d.x && d.h && d.qkv && d.attn && d.proj && d.gate_up && d.act &&
        d.columns && d.scores && d.attn_work && d.visible.tail && d.visible.start &&
        d.visible.position && d.visible.slot && d.visible.first)
        return LTD_OK;
    ltd_decoder_fini(ret);
    return ltd_fail(err, LTD_ENOMEM, "no memory for %d rows of width %d", shape->max_rows,
                    shape->hidden);
}

void ltd_decoder_fini(ltd_decoder *d)
{
    /* clang-format off */
    void *owned[] = {d->x, d->h, d->qkv, d->attn, d->proj, d->gate_up, d->act, d->columns,
                     d->scores, d->attn_work, d->visible.tail, d->visible.start,
                     d->visible.position, d->visible.slot, d->visible.first};
    ltd_acts_fini(&d->acts);
    ltd_acts_fini(&d->gated);
    /* clang-format on */
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    *d = (ltd_decoder){0};
}

/* --- rows one by one --- */

typedef struct row_job {
    ltd_decoder *d;
    const float *x; /* [rows, n] */
    int32_t n;
    const float *norm, *add_norm;
    ltd_acts *acts; /* NULL: floats alone */
} row_job;

void ltd_decoder_rows(ltd_decoder *d, ltd_pool_fn *fn, void *ctx, int32_t m)
{
    if (m > SERIAL_ROWS)
        ltd_pool_run(d->pool, fn, ctx, m);
    else
        for (int32_t i = 0; i < m; i++) fn(ctx, i, 0);
}

static void norm_row(void *ctx, int32_t row, int32_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    const ltd_kernels *k = j->d->kernels;
    size_t at = (size_t)row * (size_t)j->n;
    float *h = j->d->h + at;
    k->rmsnorm(j->x + at, j->norm, j->d->shape.eps, j->n, h);
    if (j->acts) k->quantize(h, row, 0, j->n, j->acts);
}

void ltd_decoder_norm(ltd_decoder *d, const float *x, const float *w, int32_t m,
                      const ltd_packed *next, int32_t parts)
{
    int32_t n = d->shape.hidden;
    row_job job = {.d = d, .x = x, .n = n, .norm = w};
    job.acts = ltd_decoder_input(&d->acts, d->h, n, next, parts);
    ltd_decoder_rows(d, norm_row, &job, m);
}

static void quantize_row(void *ctx, int32_t row, int32_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    j->d->kernels->quantize(j->x + (size_t)row * (size_t)j->n, row, 0, j->n, j->acts);
}

void ltd_decoder_quantize(ltd_decoder *d, ltd_acts *acts, int32_t m)
{
    row_job job = {.d = d, .x = acts->x, .n = acts->n, .acts = acts};
    ltd_decoder_rows(d, quantize_row, &job, m);
}

void ltd_decoder_linear(ltd_decoder *d, const ltd_packed *w, const float *x, int32_t m, float *y)
{
    ltd_acts *integers = ltd_decoder_input(&d->acts, x, w->in, w, 1);
    if (integers) ltd_decoder_quantize(d, integers, m);
    ltd_decoder_multiply(d, w, 1, &d->acts, m, y);
}

/* --- the layer --- */

/* x += norm(proj). */
static void add_normed_row(void *ctx, int32_t row, int32_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    const ltd_kernels *k = j->d->kernels;
    size_t at = (size_t)row * (size_t)j->n;
    float *add = j->d->proj + at;
    k->rmsnorm(add, j->add_norm, j->d->shape.eps, j->n, add);
    k->add(j->d->x + at, add, j->n);
}

/* What the attention gave, unless it is in x already; then the MLP's input. */
static void enter_mlp_row(void *ctx, int32_t row, int32_t thread)
{
    const row_job *j = ctx;
    if (j->add_norm) add_normed_row(ctx, row, thread);
    norm_row(ctx, row, thread);
}

/* Onto the residual stream, or, for a norm, aside. */
static void project(ltd_decoder *d, const ltd_packed *w, const ltd_acts *acts, int32_t m,
                    const float *norm)
{
    if (norm)
        ltd_decoder_multiply(d, w, 1, acts, m, d->proj);
    else
        ltd_decoder_multiply_add(d, w, acts, m, d->x);
}

void ltd_decoder_layer(ltd_decoder *d, const ltd_decoder_weights *w, const ltd_kv *kv,
                       int32_t layer, const ltd_rope *rope, int32_t m)
{
    int32_t n = d->shape.hidden;
    ltd_decoder_heads(d, w, kv, layer, rope, m);
    ltd_decoder_attend(d, w, kv, layer, m);
    project(d, w->out, &d->acts, m, w->attn_post_norm);

    row_job enter = {.d = d, .x = d->x, .n = n, .norm = w->ffn_norm, .add_norm = w->attn_post_norm};
    enter.acts = ltd_decoder_input(&d->acts, d->h, n, w->gate_up, max2(w->gate_up_parts, 1));
    ltd_decoder_rows(d, enter_mlp_row, &enter, m);
    ltd_decoder_gate(d, w, m);
    project(d, w->down, &d->gated, m, w->ffn_post_norm);
    row_job leave = {.d = d, .n = n, .add_norm = w->ffn_post_norm};
    if (w->ffn_post_norm) ltd_decoder_rows(d, add_normed_row, &leave, m);
}
