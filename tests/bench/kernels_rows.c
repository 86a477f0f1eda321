/* Attention over a whole layer's heads, and the operations on one row. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "models/files/dtype.h"
#include "tests/bench/kernels.h"

/* The default model. */
enum { HIDDEN = 576, FFN = 1536, HEADS = 9, KV_HEADS = 3, HEAD_DIM = 64, VOCAB = 49152 };
enum { GROUP = HEADS / KV_HEADS, MAX_ROWS = 64, SLICE = 512, DRAFT_VOCAB = 4096, TOP_K = 10 };
enum { CALL_ROWS = LTD_ATTN_SHARE / GROUP };

static float *floats(size_t n, ltd_rng *rng)
{
    float *x = ltd_mem_aligned(n, sizeof *x);
    if (!x) {
        fprintf(stderr, "bench: no memory for rows\n");
        exit(1);
    }
    for (size_t i = 0; i < n; i++) x[i] = ltd_rng_normal(rng);
    return x;
}

/* --- attention --- */

typedef struct attn_job {
    const ltd_kernels *kernels;
    uint16_t *k, *v; /* [KV_HEADS, slots, HEAD_DIM], as a cache has them */
    float *q, *out, *scores, *work;
    int32_t start[MAX_ROWS + 1], tail[MAX_ROWS * (MAX_ROWS + 1) / 2];
    int32_t slots, n_past, rows;
    size_t lds;
} attn_job;

/* Rows of a chain behind n_past tokens, as many a call as a forward takes. */
static void attend(void *ctx)
{
    attn_job *j = ctx;
    for (int32_t row = 0; row < j->rows; row += CALL_ROWS)
        for (int32_t h = 0; h < KV_HEADS; h++) {
            size_t at = (size_t)h * (size_t)j->slots * HEAD_DIM, first = (size_t)row;
            ltd_attn a = {.k = j->k + at,
                          .v = j->v + at,
                          .f16 = true,
                          .head_dim = HEAD_DIM,
                          .n_past = j->n_past,
                          .rows = j->rows - row < CALL_ROWS ? j->rows - row : CALL_ROWS,
                          .start = j->start + row,
                          .tail = j->tail,
                          .scale = 0.125f,
                          .h0 = h * GROUP,
                          .h1 = h * GROUP + GROUP,
                          .q = j->q + first * HEADS * HEAD_DIM,
                          .out = j->out + first * HEADS * HEAD_DIM,
                          .ldq = HEADS * HEAD_DIM,
                          .ldo = HEADS * HEAD_DIM,
                          .scores = j->scores,
                          .lds = j->lds,
                          .work = j->work};
            j->kernels->attention(&a);
        }
}

static void make_attention(attn_job *j, int32_t context, int32_t rows, ltd_rng *rng)
{
    int32_t blocks = (context + rows + LTD_ATTN_BLOCK - 1) / LTD_ATTN_BLOCK;
    *j = (attn_job){.slots = blocks * LTD_ATTN_BLOCK, .n_past = context, .rows = rows};
    size_t n = (size_t)KV_HEADS * (size_t)j->slots * HEAD_DIM, m = (size_t)rows * HEADS * HEAD_DIM;
    j->lds = (size_t)(blocks | 1) * LTD_ATTN_BLOCK;
    float *wide = floats(n, rng);
    j->k = (uint16_t *)floats(n, rng); /* overwritten with halves */
    j->v = (uint16_t *)floats(n, rng);
    for (size_t i = 0; i < n; i++) j->k[i] = j->v[i] = ltd_f32_to_f16(wide[i]);
    free(wide);
    j->q = floats(m, rng);
    j->out = floats(m, rng);
    j->scores = floats((size_t)CALL_ROWS * GROUP * j->lds, rng);
    j->work = floats((size_t)CALL_ROWS * GROUP * HEAD_DIM, rng);
    int32_t at = 0;
    for (int32_t r = 0; r < rows; r++) {
        j->start[r] = at;
        for (int32_t t = 0; t <= r; t++) j->tail[at++] = context + t;
    }
    j->start[rows] = at;
}

static void free_attention(attn_job *j)
{
    free(j->k);
    free(j->v);
    free(j->q);
    free(j->out);
    free(j->scores);
    free(j->work);
}

void kernel_attention(const kernel_options *o, kernel_results *s)
{
    static const int32_t rows[] = {1, 4, 8, 16};
    static attn_job j;
    ltd_rng rng;
    ltd_rng_seed(&rng, 2, LTD_STREAM_TEST);
    for (int32_t c = 0; c < o->contexts.n; c++)
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
            make_attention(&j, o->contexts.v[c], rows[r], &rng);
            for (int i = 0; (j.kernels = kernel_isa(o, i)); i++) {
                kernel_result k = {.group = "attention",
                                   .name = "F16 K/V, a layer",
                                   .isa = j.kernels->name,
                                   .where = "cache",
                                   .rows = rows[r],
                                   .context = o->contexts.v[c]};
                double seen = 0;
                for (int32_t t = 0; t < rows[r]; t++) seen += o->contexts.v[c] + t + 1;
                kernel_time(o, attend, &j, &k);
                kernel_keep(s, &k, 2 * seen * HEADS * HEAD_DIM,
                            4.0 * KV_HEADS * HEAD_DIM * o->contexts.v[c]);
            }
            free_attention(&j);
        }
}

/* --- one row --- */

typedef struct row_job {
    const ltd_kernels *kernels;
    float *x, *y, *z, *cos, *sin;
    uint16_t *half;
    ltd_acts acts[2]; /* 8 and 16 bits */
    int32_t id[DRAFT_VOCAB], best_id[32];
} row_job;

static void quantize8(void *ctx)
{
    row_job *j = ctx;
    j->kernels->quantize(j->x, 0, 0, HIDDEN, &j->acts[0]);
}
static void quantize16(void *ctx)
{
    row_job *j = ctx;
    j->kernels->quantize(j->x, 0, 0, HIDDEN, &j->acts[1]);
}
static void rmsnorm(void *ctx)
{
    row_job *j = ctx;
    j->kernels->rmsnorm(j->x, j->y, 1e-5f, HIDDEN, j->z);
}
static void rope(void *ctx)
{
    row_job *j = ctx;
    j->kernels->rope(j->z, HEADS + KV_HEADS, HEAD_DIM, j->cos, j->sin);
}
static void silu_mul(void *ctx)
{
    row_job *j = ctx;
    j->kernels->silu_mul(j->x, j->y, FFN, j->z);
}
static void gelu_mul(void *ctx)
{
    row_job *j = ctx;
    j->kernels->gelu_mul(j->x, j->y, FFN, j->z);
}
static void add(void *ctx)
{
    row_job *j = ctx;
    j->kernels->add(j->z, j->y + VOCAB - HIDDEN, HIDDEN);
}
static void store_f16(void *ctx)
{
    row_job *j = ctx;
    j->kernels->store_f16(j->x, KV_HEADS * HEAD_DIM, j->half);
}
static void argmax(void *ctx)
{
    row_job *j = ctx;
    j->kernels->argmax(j->x, SLICE, j->z);
}
static void keep_best(void *ctx)
{
    row_job *j = ctx;
    j->kernels->keep_best(j->x, j->id, DRAFT_VOCAB, 0, TOP_K, j->z, j->best_id);
}
static void sum_exp(void *ctx)
{
    row_job *j = ctx;
    j->kernels->sum_exp(j->x, SLICE, j->z);
}

static const struct {
    const char *name;
    void (*fn)(void *ctx);
} row_calls[] = {{"quantize to 8 bits, 576", quantize8},
                 {"quantize to 16 bits, 576", quantize16},
                 {"rmsnorm, 576", rmsnorm},
                 {"rope, 12 heads of 64", rope},
                 {"silu_mul, 1536", silu_mul},
                 {"gelu_mul, 1536", gelu_mul},
                 {"add, 576", add},
                 {"store_f16, 192", store_f16},
                 {"argmax, 512", argmax},
                 {"keep_best, 10 of 4096", keep_best},
                 {"sum_exp, 512", sum_exp}};

void kernel_rows(const kernel_options *o, kernel_results *s)
{
    ltd_rng rng;
    ltd_rng_seed(&rng, 3, LTD_STREAM_TEST);
    row_job j = {.x = floats(VOCAB, &rng),
                 .y = floats(VOCAB, &rng),
                 .z = floats(VOCAB, &rng),
                 .cos = floats(HIDDEN, &rng),
                 .sin = floats(HIDDEN, &rng)};
    j.half = (uint16_t *)floats(HIDDEN, &rng);
    for (int b = 0; b < 2; b++) {
        ltd_err err = LTD_ERR_INIT;
        if (ltd_acts_init(&j.acts[b], 1, HIDDEN, 8 + 8 * b, &err) < 0) measure_fail(&err);
        j.acts[b].n = HIDDEN;
    }
    for (size_t c = 0; c < sizeof row_calls / sizeof *row_calls; c++) {
        for (int i = 0; (j.kernels = kernel_isa(o, i)); i++) {
            kernel_result k = {.group = "row", .isa = j.kernels->name, .where = "cache", .rows = 1};
            snprintf(k.name, sizeof k.name, "%s", row_calls[c].name);
            /* Repeated rotations and sums must not grow without bound. */
            for (int n = 0; n < HIDDEN; n++) {
                j.cos[n] = 0.6f;
                j.sin[n] = 0.8f;
                j.y[VOCAB - HIDDEN + n] = 0;
            }
            kernel_time(o, row_calls[c].fn, &j, &k);
            kernel_keep(s, &k, 0, 0);
        }
    }
    free(j.x);
    free(j.y);
    free(j.z);
    free(j.cos);
    free(j.sin);
    for (int b = 0; b < 2; b++) ltd_acts_fini(&j.acts[b]);
    free(j.half);
}
