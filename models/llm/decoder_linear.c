/* Linear layers over the pool.  A task has a slice of a matrix, all rows of activations, and does
 * what comes next with its columns while they are in its cache: adds them to the residual stream,
 * or passes them through the gate and quantises them. */
#include "models/llm/decoder.h"

#include <stddef.h>

/* Slices of a matrix a thread: small enough to even out, large enough to stream.  With many rows,
 * work and not memory takes the time, and threads may differ in speed. */
enum { TASKS_A_THREAD = 4, TASKS_OF_ROWS = 12, MANY_ROWS = 6 };

ltd_acts *ltd_decoder_input(ltd_acts *acts, const float *x, int32_t n, const ltd_packed *w,
                            int32_t parts)
{
    bool integers = false;
    for (int32_t i = 0; i < parts; i++) integers = integers || ltd_pack_is_quantized(w[i].kind);
    acts->x = x;
    acts->n = n;
    return integers ? acts : NULL;
}

typedef struct linear_job {
    ltd_decoder *d;
    const ltd_packed *w;
    const ltd_acts *acts;
    int32_t m, tasks;
    float *y;
    size_t ldy;
    float *sum; /* [m, ldy] to which the result is added; NULL: none */
} linear_job;

int32_t ltd_decoder_tasks(const ltd_decoder *d, int32_t units, int32_t m)
{
    int32_t threads = ltd_pool_threads(d->pool);
    int32_t tasks = threads == 1 ? 1 : threads * (m < MANY_ROWS ? TASKS_A_THREAD : TASKS_OF_ROWS);
    return tasks < units ? tasks : units;
}

/* Where unit `task` of `tasks` begins, in tiles: they go in twos, as kernels take them. */
static int32_t slice(int32_t tiles, int32_t task, int32_t tasks)
{
    int32_t twos = (tiles + 1) / 2, t = 2 * (int32_t)((int64_t)twos * task / tasks);
    return t < tiles ? t : tiles;
}

static void linear_slice(void *ctx, int32_t task, int32_t thread)
{
    (void)thread;
    const linear_job *j = ctx;
    const ltd_kernels *k = j->d->kernels;
    int32_t t0 = slice(j->w->tiles, task, j->tasks), t1 = slice(j->w->tiles, task + 1, j->tasks);
    int32_t from = LTD_TILE * t0, n = LTD_TILE * t1 < j->w->width ? LTD_TILE * t1 : j->w->width;
    k->linear(j->w, j->acts, j->m, t0, t1, j->y + from, j->ldy);
    for (size_t i = 0; j->sum && i < (size_t)j->m; i++)
        k->add(j->sum + i * j->ldy + from, j->y + i * j->ldy + from, n - from);
}

void ltd_decoder_multiply(ltd_decoder *d, const ltd_packed *w, int32_t n, const ltd_acts *acts,
                          int32_t m, float *y)
{
    size_t ldy = 0;
    for (int32_t i = 0; i < n; i++) ldy += (size_t)w[i].width;
    for (int32_t i = 0; i < n; i++) {
        linear_job job = {.d = d, .w = &w[i], .acts = acts, .m = m, .y = y, .ldy = ldy};
        job.tasks = ltd_decoder_tasks(d, (w[i].tiles + 1) / 2, m);
        ltd_pool_run(d->pool, linear_slice, &job, job.tasks);
        y += w[i].width;
    }
}

void ltd_decoder_multiply_add(ltd_decoder *d, const ltd_packed *w, const ltd_acts *acts, int32_t m,
                              float *sum)
{
    linear_job job = {.d = d, .w = w, .acts = acts, .m = m, .y = d->proj, .sum = sum};
    job.ldy = (size_t)w->width;
    job.tasks = ltd_decoder_tasks(d, (w->tiles + 1) / 2, m);
    ltd_pool_run(d->pool, linear_slice, &job, job.tasks);
}

/* --- the gate --- */

/* Columns [begin, end) of gate and up become those of the MLP's inner activations. */
static void gate_columns(ltd_decoder *d, int32_t row, int32_t begin, int32_t end, ltd_acts *ints)
{
    const ltd_kernels *k = d->kernels;
    size_t n = (size_t)d->shape.ffn, r = (size_t)row, at = (size_t)begin;
    const float *gate = d->gate_up + 2 * r * n + at;
    float *act = d->act + r * n;
    (d->shape.gelu ? k->gelu_mul : k->silu_mul)(gate, gate + n, end - begin, act + at);
    if (ints) k->quantize(act, row, begin, end, ints);
}

typedef struct gate_job {
    ltd_decoder *d;
    const ltd_packed *gate, *up;
    int32_t up0; /* first tile of the up rows */
    int32_t m, tasks;
    ltd_acts *ints; /* NULL: floats alone */
} gate_job;

/* The same tiles of gate and up. */
static void gate_slice(void *ctx, int32_t task, int32_t thread)
{
    (void)thread;
    const gate_job *j = ctx;
    ltd_decoder *d = j->d;
    const ltd_kernels *k = d->kernels;
    int32_t n = d->shape.ffn, tiles = n / LTD_TILE;
    int32_t t0 = slice(tiles, task, j->tasks), t1 = slice(tiles, task + 1, j->tasks);
    float *y = d->gate_up + LTD_TILE * (size_t)t0;
    k->linear(j->gate, &d->acts, j->m, t0, t1, y, 2 * (size_t)n);
    k->linear(j->up, &d->acts, j->m, j->up0 + t0, j->up0 + t1, y + n, 2 * (size_t)n);
    for (int32_t i = 0; i < j->m; i++) gate_columns(d, i, LTD_TILE * t0, LTD_TILE * t1, j->ints);
}

static void gate_row(void *ctx, int32_t row, int32_t thread)
{
    (void)thread;
    const gate_job *j = ctx;
    gate_columns(j->d, row, 0, j->d->shape.ffn, j->ints);
}

void ltd_decoder_gate(ltd_decoder *d, const ltd_decoder_weights *w, int32_t m)
{
    int32_t n = d->shape.ffn;
    bool split = w->gate_up_parts > 1;
    gate_job job = {.d = d, .gate = w->gate_up, .up = w->gate_up + split, .m = m};
    job.up0 = split ? 0 : n / LTD_TILE;
    job.ints = ltd_decoder_input(&d->gated, d->act, n, w->down, 1);
    if (n % (2 * LTD_TILE) == 0) {
        job.tasks = ltd_decoder_tasks(d, n / (2 * LTD_TILE), m);
        ltd_pool_run(d->pool, gate_slice, &job, job.tasks);
        return;
    }
    /* Gate and up share a tile. */
    ltd_decoder_multiply(d, w->gate_up, split ? 2 : 1, &d->acts, m, d->gate_up);
    ltd_decoder_rows(d, gate_row, &job, m);
}
