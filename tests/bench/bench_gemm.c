/* Matrix products of training, on one thread: each product of a linear layer by each instruction
 * set of this machine but plain C, beside the most that vdpbf16ps and fused float products give
 * when nothing is read.  Time is the thread's own: other programs' does not count, though they do
 * share caches and power.  Each round takes every product once, so that this falls on all of them.
 *
 *     bench_gemm [ROUNDS]      (15) */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/rng.h"
#include "models/kernels/gemm.h"
#include "tests/bench/measure.h"

typedef struct layer {
    int32_t m, n, k; /* y [m, n] = x [m, k] w [n, k]^T */
} layer;

static const layer layers[] = {{700, 576, 576},  {700, 192, 576},   {700, 1536, 576},
                               {700, 576, 1536}, {1400, 1536, 576}, {700, 576, 1728},
                               {700, 1152, 576}, {700, 4096, 576}};

enum { LAYERS = sizeof layers / sizeof *layers, PRODUCTS = 3 };
static const char *const products[PRODUCTS] = {"y = x w'", "dx = dy w", "dw += dy' x"};

static float *normals(int32_t rows, int32_t columns, ltd_rng *rng)
{
    size_t n = (size_t)rows * (size_t)columns;
    float *x = ltd_mem_aligned(n, sizeof *x);
    if (!x) measure_usage("no memory for %d x %d", rows, columns);
    for (size_t i = 0; i < n; i++) x[i] = ltd_rng_normal(rng);
    return x;
}

static ltd_gemm_job job_of(const layer *l, int product, float *x, float *w, float *y)
{
    const size_t n = (size_t)l->n, k = (size_t)l->k;
    switch (product) {
    case 0: return (ltd_gemm_job){l->m, l->n, l->k, {x, k, false}, {w, k, true}, y, n, false};
    case 1: return (ltd_gemm_job){l->m, l->k, l->n, {y, n, false}, {w, k, false}, x, k, false};
    default: return (ltd_gemm_job){l->n, l->k, l->m, {y, n, true}, {x, k, false}, w, k, true};
    }
}

/* Of this thread [ms]. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* [GFLOPS] */
static double rate(const ltd_gemm_job *job, ltd_gemm_work *work)
{
    double t0 = now();
    ltd_gemm(job, work);
    return 2e-6 * job->m * job->n * job->k / (now() - t0);
}

static void bench(const layer *l, ltd_gemm_work *work, measure_series *of)
{
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    float *x = normals(l->m, l->k, &rng), *w = normals(l->n, l->k, &rng);
    float *y = normals(l->m, l->n, &rng);
    for (int p = 0; p < PRODUCTS; p++) {
        ltd_gemm_job job = job_of(l, p, x, w, y);
        rate(&job, work);
        measure_add(&of[p], rate(&job, work));
    }
    free(x);
    free(w);
    free(y);
}

#if defined(__x86_64__)
#define FOUR(ins, i)                                                                               \
    ins " %%zmm30, %%zmm31, %%zmm" i "0\n" ins " %%zmm30, %%zmm31, %%zmm" i "1\n" ins              \
        " %%zmm30, %%zmm31, %%zmm" i "2\n" ins " %%zmm30, %%zmm31, %%zmm" i "3\n"
#define PEAK(ins, flops)                                                                           \
    do {                                                                                           \
        double t0 = now();                                                                         \
        for (int i = 0; i < 100000; i++)                                                           \
            __asm__ volatile(FOUR(ins, "") FOUR(ins, "1") FOUR(ins, "2")::: CLOBBERED);            \
        return 12 * (flops)*1e5 * 1e-6 / (now() - t0);                                             \
    } while (0)
#define CLOBBERED                                                                                  \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm10", "xmm11", "xmm12", "xmm13", "xmm20", "xmm21", "xmm22", \
        "xmm23"
__attribute__((target("avx512f"))) static double peak_bf16(void)
{
    PEAK("vdpbf16ps", 64);
}

__attribute__((target("avx512f"))) static double peak_float(void)
{
    PEAK("vfmadd231ps", 32);
}

static void tell_peak(void)
{
    double bf16 = 0, floats = 0;
    for (int i = 0; i < 20; i++) {
        double a = peak_bf16(), b = peak_float();
        bf16 = a > bf16 ? a : bf16;
        floats = b > floats ? b : floats;
    }
    printf("registers alone: vdpbf16ps %.1f, vfmadd231ps %.1f\n", bf16, floats);
}
#endif

static void bench_isa(ltd_gemm_isa isa, int32_t rounds)
{
    ltd_gemm_work work;
    ltd_err err = LTD_ERR_INIT;
    measure_series of[LAYERS][PRODUCTS] = {{{0}}};
    if (ltd_gemm_work_init(&work, isa, &err) < 0) measure_fail(&err);
    for (int32_t r = 0; r < rounds; r++)
        for (int i = 0; i < LAYERS; i++) bench(&layers[i], &work, of[i]);
    printf("\n%-14s %5s %5s %5s %10s %8s %10s\n", ltd_gemm_isa_name(isa), "m", "n", "k", "", "best",
           "median");
    for (int i = 0; i < LAYERS; i++)
        for (int p = 0; p < PRODUCTS; p++) {
            const layer *l = &layers[i];
            measure_summary s = measure_of(&of[i][p]);
            printf("%-14s %5d %5d %5d %12s %8.1f %8.1f\n", "", l->m, l->n, l->k, products[p],
                   of[i][p].v[s.n - 1], s.median);
            measure_free(&of[i][p]);
        }
    ltd_gemm_work_fini(&work);
}

int main(int argc, char **argv)
{
    int32_t rounds = argc > 1 ? measure_int("ROUNDS", argv[1], 1, 100000) : 15;
    printf("%s, one thread, GFLOPS\n", measure_cpu());
#if defined(__x86_64__)
    if (ltd_gemm_has(LTD_GEMM_AVX512)) tell_peak();
#endif
    for (int isa = ltd_gemm_is_fast(); isa < LTD_GEMM_ISA_COUNT; isa++)
        if (ltd_gemm_has((ltd_gemm_isa)isa)) bench_isa((ltd_gemm_isa)isa, rounds);
    return 0;
}
