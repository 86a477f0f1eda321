/* Linear layers over the pool.  A task has a slice of a matrix, all rows of activations, and does
 * what comes next with its columns while they are in its cache: adds them to the residual stream,
 * or passes them through the gate and quantises them. */
#include "models/llm/decoder.h"

#include <stddef.h>

/* Slices of a matrix a thread: small enough to even out, large enough to stream. */
enum { TASKS_A_THREAD = 4 };

ltd_acts *ltd_decoder_input(ltd_acts *acts, const float *x, int32_t n, const ltd_packed *w,
                            int32_t parts)
{
    bool integers = false;
    for (int32_t i = 0; i < parts; i++) integers = integers || ltd_pack_is_quantized(w[i].kind);
    acts->x = x;
    acts->n = n;
    return integers ? acts : NULL;
}

int32_t ltd_decoder_tasks(const ltd_decoder *d, int32_t units)
{
    int32_t threads = ltd_pool_threads(d->pool),
            tasks = threads == 1 ? 1 : threads * TASKS_A_THREAD;
    return tasks < units ? tasks : units;
}

/* Where slice `task` of `tasks` begins, in tiles: they go in twos, as kernels take them. */
static int32_t slice(int32_t tiles, int32_t task, int32_t tasks)
{
    int32_t twos = (tiles + 1) / 2, t = 2 * (int32_t)((int64_t)twos * task / tasks);
    return t < tiles ? t : tiles;
}

static float *thread_room(const ltd_decoder *d, int32_t thread)
{
    return d->columns + (size_t)thread * (size_t)d->shape.max_rows * 2 * LTD_DECODER_COLUMNS;
}

typedef struct linear_job {
    ltd_decoder *d;
    const ltd_packed *w;
    const ltd_acts *acts;
    int32_t m, tasks;
    float *y; /* [m, ldy] */
    size_t ldy;
} linear_job;

static void linear_slice(void *ctx, int32_t task, int32_t thread)
{
    (void)thread;
    const linear_job *j = ctx;
    int32_t t0 = slice(j->w->tiles, task, j->tasks), t1 = slice(j->w->tiles, task + 1, j->tasks);
    j->d->kernels->linear(j->w, j->acts, j->m, t0, t1, j->y + LTD_TILE * (size_t)t0, j->ldy);
}

/* y += w acts, by way of a few columns in the thread's own room. */
static void linear_add_slice(void *ctx, int32_t task, int32_t thread)
{
    const linear_job *j = ctx;
    const ltd_kernels *k = j->d->kernels;
    float *room = thread_room(j->d, thread);
    int32_t end = slice(j->w->tiles, task + 1, j->tasks), step = LTD_DECODER_COLUMNS / LTD_TILE;
    for (int32_t t = slice(j->w->tiles, task, j->tasks); t < end; t += step) {
        int32_t t1 = t + step < end ? t + step : end, from = LTD_TILE * t;
        int32_t to = LTD_TILE * t1 < j->w->width ? LTD_TILE * t1 : j->w->width;
        k->linear(j->w, j->acts, j->m, t, t1, room, LTD_DECODER_COLUMNS);
        for (size_t i = 0; i < (size_t)j->m; i++)
            k->add(j->y + i * j->ldy + from, room + i * LTD_DECODER_COLUMNS, to - from);
    }
}

void ltd_decoder_multiply(ltd_decoder *d, const ltd_packed *w, int32_t n, const ltd_acts *acts,
                          int32_t m, float *y)
{
    size_t ldy = 0;
    for (int32_t i = 0; i < n; i++) ldy += (size_t)w[i].width;
    for (int32_t i = 0; i < n; i++) {
        linear_job job = {.d = d, .w = &w[i], .acts = acts, .m = m, .y = y, .ldy = ldy};
        job.tasks = ltd_decoder_tasks(d, (w[i].tiles + 1) / 2);
        ltd_pool_run(d->pool, linear_slice, &job, job.tasks);
        y += w[i].width;
    }
}

void ltd_decoder_multiply_add(ltd_decoder *d, const ltd_packed *w, const ltd_acts *acts, int32_t m,
                              float *sum)
{
    linear_job job = {.d = d, .w = w, .acts = acts, .m = m, .y = sum, .ldy = (size_t)w->width};
    job.tasks = ltd_decoder_tasks(d, (w->tiles + 1) / 2);
    ltd_pool_run(d->pool, linear_add_slice, &job, job.tasks);
}

/* --- the gate --- */

typedef struct gate_job {
    ltd_decoder *d;
    const ltd_packed *gate, *up;
    int32_t up0; /* first tile of the up rows */
    int32_t m, tasks;
    ltd_acts *ints; /* NULL: floats alone */
} gate_job;

/* Columns [begin, end) of the MLP's inner activations, from those of gate and up. */
static void gate_columns(const gate_job *j, int32_t row, int32_t begin, int32_t end, float *gate,
                         const float *up)
{
    ltd_decoder *d = j->d;
    const ltd_kernels *k = d->kernels;
    float *act = d->act + (size_t)row * (size_t)d->shape.ffn + begin;
    if (j->ints) act = gate;
    (d->shape.gelu ? k->gelu_mul : k->silu_mul)(gate, up, end - begin, act);
    if (j->ints) k->quantize(act, row, begin, end, j->ints);
}

/* The same few columns of gate and up, in the thread's own room. */
static void gate_slice(void *ctx, int32_t task, int32_t thread)
{
    const gate_job *j = ctx;
    const ltd_decoder *d = j->d;
    const size_t ld = 2 * LTD_DECODER_COLUMNS;
    float *gate = thread_room(d, thread), *up = gate + LTD_DECODER_COLUMNS;
    int32_t tiles = d->shape.ffn / LTD_TILE, step = LTD_DECODER_COLUMNS / LTD_TILE;
    int32_t end = slice(tiles, task + 1, j->tasks);
    for (int32_t t = slice(tiles, task, j->tasks); t < end; t += step) {
        int32_t t1 = t + step < end ? t + step : end;
        d->kernels->linear(j->gate, &d->acts, j->m, t, t1, gate, ld);
        d->kernels->linear(j->up, &d->acts, j->m, j->up0 + t, j->up0 + t1, up, ld);
        for (int32_t i = 0; i < j->m; i++)
            gate_columns(j, i, LTD_TILE * t, LTD_TILE * t1, gate + (size_t)i * ld,
                         up + (size_t)i * ld);
    }
}

static void gate_row(void *ctx, int32_t row, int32_t thread)
{
    (void)thread;
    const gate_job *j = ctx;
    int32_t n = j->d->shape.ffn;
    float *gate = j->d->gate_up + 2 * (size_t)row * (size_t)n;
    gate_columns(j, row, 0, n, gate, gate + n);
}

void ltd_decoder_gate(ltd_decoder *d, const ltd_decoder_weights *w, int32_t m)
{
    int32_t n = d->shape.ffn;
    bool split = w->gate_up_parts > 1;
    gate_job job = {.d = d, .gate = w->gate_up, .up = w->gate_up + split, .m = m};
    job.up0 = split ? 0 : n / LTD_TILE;
    job.ints = ltd_decoder_input(&d->gated, d->act, n, w->down, 1);
    if (n % (2 * LTD_TILE) == 0) {
        job.tasks = ltd_decoder_tasks(d, n / (2 * LTD_TILE));
        ltd_pool_run(d->pool, gate_slice, &job, job.tasks);
        return;
    }
    /* Gate and up share a tile. */
    ltd_decoder_multiply(d, w->gate_up, split ? 2 : 1, &d->acts, m, d->gate_up);
    ltd_decoder_rows(d, gate_row, &job, m);
}
