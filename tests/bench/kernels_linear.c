/* Linear layers in the shapes of the default model.  "cache": the same matrix again and again;
 * "stream": one copy after the other, so that each comes from beyond the caches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "tests/bench/kernels.h"
#include "tests/support/weights.h"

enum { MAX_COPIES = 512 };

typedef struct shape {
    const char *name;
    int32_t out, in;
} shape;

static const shape shapes[] = {{"gate_up", 3072, 576}, {"down", 576, 1536}};

typedef struct job {
    const ltd_kernels *kernels;
    ltd_packed copies[MAX_COPIES];
    int32_t n_copies, turn; /* turn: copies in use, 1 in the cache */
    int32_t at, m;
    ltd_acts acts;
    float *x, *y;
    size_t ldy;
} job;

static void call(void *ctx)
{
    job *j = ctx;
    const ltd_packed *w = &j->copies[j->at];
    j->kernels->linear(w, &j->acts, j->m, 0, w->tiles, j->y, j->ldy);
    if (++j->at >= j->turn) j->at = 0;
}

static _Noreturn void no_memory(void)
{
    fprintf(stderr, "bench: no memory for weights\n");
    exit(1);
}

static void make_copies(job *j, const shape *s, const weight_form *form, int32_t stream_mb,
                        ltd_rng *rng)
{
    weight_matrix m;
    weight_matrix_make(&m, form, s->out, s->in, rng);
    j->n_copies = 0;
    size_t bytes = 0;
    do {
        weight_matrix_pack(&j->copies[j->n_copies], &m);
        bytes += ltd_pack_bytes(&j->copies[j->n_copies++]);
    } while (bytes < (size_t)stream_mb << 20 && j->n_copies < MAX_COPIES);
    weight_matrix_free(&m);
}

static void make_rows(job *j, const shape *s, int32_t rows, ltd_rng *rng)
{
    size_t n = (size_t)rows * (size_t)s->in;
    j->ldy = (size_t)j->copies[0].width;
    j->x = ltd_mem_aligned(n, sizeof(float));
    j->y = ltd_mem_aligned((size_t)rows * j->ldy, sizeof(float));
    if (!j->x || !j->y) no_memory();
    for (size_t i = 0; i < n; i++) j->x[i] = ltd_rng_normal(rng);
}

static void free_job(job *j)
{
    for (int32_t i = 0; i < j->n_copies; i++) ltd_pack_fini(&j->copies[i]);
    free(j->x);
    free(j->y);
}

/* Activations of `bits`, 0 = floats alone; what an instruction set reads of them is its own. */
static void make_acts(job *j, int32_t rows, int32_t in, int32_t bits)
{
    ltd_err err = LTD_ERR_INIT;
    if (ltd_acts_init(&j->acts, rows, in, bits ? bits : 8, &err) < 0) measure_fail(&err);
    j->acts.x = j->x;
    j->acts.n = in;
    for (int32_t i = 0; bits && i < rows; i++)
        j->kernels->quantize(j->x + (size_t)i * (size_t)in, i, 0, in, &j->acts);
}

static void measure(const kernel_options *o, kernel_results *s, job *j, const shape *sh,
                    const weight_form *form, int32_t bits)
{
    double macs = (double)sh->out * (double)sh->in;
    for (int32_t r = 0; r < o->rows.n; r++) {
        for (int stream = 0; stream < 2; stream++) {
            kernel_result k = {.group = "linear",
                               .isa = j->kernels->name,
                               .where = stream ? "stream" : "cache",
                               .bits = bits,
                               .rows = o->rows.v[r]};
            snprintf(k.name, sizeof k.name, "%s %s %dx%d", form->name, sh->name, sh->out, sh->in);
            j->m = o->rows.v[r];
            j->turn = stream ? j->n_copies : 1;
            j->at = 0;
            kernel_time(o, call, j, &k);
            kernel_keep(s, &k, macs * j->m, (double)ltd_pack_bytes(&j->copies[0]));
        }
    }
}

static void measure_shape(const kernel_options *o, kernel_results *s, const shape *sh,
                          const weight_form *form, job *j, ltd_rng *rng)
{
    int32_t most = 1;
    for (int32_t i = 0; i < o->rows.n; i++)
        if (o->rows.v[i] > most) most = o->rows.v[i];
    *j = (job){0};
    make_copies(j, sh, form, o->stream_mb, rng);
    make_rows(j, sh, most, rng);
    for (int i = 0; (j->kernels = kernel_isa(o, i)); i++) {
        int32_t first = ltd_pack_is_quantized(form->kind) ? 8 : 0;
        for (int32_t bits = first; bits <= 2 * first; bits += 8) {
            make_acts(j, most, sh->in, bits);
            measure(o, s, j, sh, form, bits);
            ltd_acts_fini(&j->acts);
            if (!bits) break;
        }
    }
    free_job(j);
}

void kernel_linear(const kernel_options *o, kernel_results *s)
{
    ltd_rng rng;
    job *j = ltd_mem_zeros(1, sizeof *j);
    if (!j) no_memory();
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    for (int k = 0; k < WEIGHT_FORMS; k++) {
        const weight_form *form = &weight_forms[k];
        /* "F32 rounded to Q8" makes what Q8_0 is already. */
        if (strchr(form->name, ' ') || !kernel_named(o->kinds, form->name)) continue;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            if (shapes[i].in % ltd_dtype_block(form->dtype) == 0)
                measure_shape(o, s, &shapes[i], form, j, &rng);
    }
    free(j);
}
