#include "models/kernels/gemm.h"

#include <stdlib.h>

#include "base/mem.h"
#include "models/kernels/gemm_priv.h"

/* The part of a that is packed at a time lies in the third-level cache and is read strip by strip,
 * each from the first level; the part of b in the second level, streamed past every strip. */
enum { MAX_M = 1536, MAX_N = 512, MAX_K = 512 };

const char *ltd_gemm_isa_name(ltd_gemm_isa isa)
{
    static const char *const names[LTD_GEMM_ISA_COUNT] = {"plain", "avx512-bf16", "amx-bf16"};
    return isa >= 0 && isa < LTD_GEMM_ISA_COUNT ? names[isa] : "unknown";
}

#if defined(__x86_64__)
static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bf16");
}
#endif

static const ltd_gemm_backend *backend_of(ltd_gemm_isa isa)
{
    switch (isa) {
    case LTD_GEMM_PLAIN: return ltd_gemm_plain();
#if defined(__x86_64__)
    case LTD_GEMM_AVX512: return has_avx512() ? ltd_gemm_avx512() : NULL;
    case LTD_GEMM_AMX: return has_avx512() && ltd_gemm_amx_permitted() ? ltd_gemm_amx() : NULL;
#endif
    default: return NULL;
    }
}

bool ltd_gemm_has(ltd_gemm_isa isa)
{
    return backend_of(isa) != NULL;
}

ltd_gemm_isa ltd_gemm_best(void)
{
    int i = LTD_GEMM_ISA_COUNT - 1;
    while (i > LTD_GEMM_PLAIN && !ltd_gemm_has((ltd_gemm_isa)i)) i--;
    return (ltd_gemm_isa)i;
}

bool ltd_gemm_is_fast(void)
{
    return ltd_gemm_best() != LTD_GEMM_PLAIN;
}

int ltd_gemm_work_init(ltd_gemm_work *ret, ltd_gemm_isa isa, ltd_err *err)
{
    *ret = (ltd_gemm_work){.backend = backend_of(isa)};
    if (!ret->backend)
        return ltd_fail(err, LTD_EUNSUPPORTED, "matrix products with %s: this machine has none",
                        ltd_gemm_isa_name(isa));
    ret->a = ltd_mem_aligned((size_t)MAX_M * MAX_K / 2, sizeof *ret->a);
    ret->b = ltd_mem_aligned((size_t)MAX_N * MAX_K / 2, sizeof *ret->b);
    if (ret->a && ret->b) return LTD_OK;
    ltd_gemm_work_fini(ret);
    return ltd_fail(err, LTD_ENOMEM, "no memory for matrix products");
}

void ltd_gemm_work_fini(ltd_gemm_work *work)
{
    free(work->a);
    free(work->b);
    *work = (ltd_gemm_work){0};
}

static inline int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* The length of parts as even as can be, `most` at most, in whole units. */
static int32_t part(int32_t total, int32_t most, int32_t unit)
{
    int32_t units = (total - 1) / unit + 1, parts = (units - 1) / (most / unit) + 1;
    return ((units - 1) / parts + 1) * unit;
}

/* Lines [line, line + lines) and k [k0, k0 + k) of a factor. */
static ltd_gemm_block block_of(const ltd_gemm_factor *f, bool along, int32_t line, int32_t lines,
                               int32_t k0, int32_t k)
{
    size_t outer = (size_t)(along ? line : k0), inner = (size_t)(along ? k0 : line);
    return (ltd_gemm_block){f->x + outer * f->ld + inner, f->ld, along, lines, k};
}

/* All tiles of a packed part of a and of b: rows i .. i + m and columns j .. j + n of c. */
static void multiply(const ltd_gemm_job *job, const ltd_gemm_work *w, int32_t i, int32_t m,
                     int32_t j, int32_t n, int32_t k, bool add)
{
    const int32_t rows = w->backend->rows;
    const size_t pairs = (size_t)((k - 1) / LTD_GEMM_CHUNK + 1) * LTD_GEMM_PAIRS;
    for (int32_t r = 0; r < m; r += rows) {
        for (int32_t s = 0; s < n; s += LTD_GEMM_COLUMNS) {
            ltd_gemm_tile t = {.a = w->a + (size_t)r * pairs,
                               .b = w->b + (size_t)s * pairs,
                               .k = k,
                               .c = job->c + (size_t)(i + r) * job->ldc + (size_t)(j + s),
                               .ldc = job->ldc,
                               .rows = least(rows, m - r),
                               .columns = least(LTD_GEMM_COLUMNS, n - s),
                               .add = add};
            w->backend->tile(&t);
        }
    }
}

static void clear(const ltd_gemm_job *job)
{
    for (int32_t i = 0; i < job->m; i++)
        for (int32_t j = 0; j < job->n; j++) job->c[(size_t)i * job->ldc + (size_t)j] = 0;
}

void ltd_gemm(const ltd_gemm_job *job, ltd_gemm_work *work)
{
    const ltd_gemm_backend *by = work->backend;
    if (job->m <= 0 || job->n <= 0) return;
    if (job->k <= 0) {
        if (!job->add) clear(job);
        return;
    }
    const int32_t dm = part(job->m, MAX_M / by->rows * by->rows, by->rows);
    const int32_t dn = part(job->n, MAX_N, LTD_GEMM_COLUMNS);
    const int32_t dk = part(job->k, MAX_K, LTD_GEMM_CHUNK);
    if (by->begin) by->begin();
    for (int32_t i = 0; i < job->m; i += dm) {
        const int32_t m = least(dm, job->m - i);
        for (int32_t p = 0; p < job->k; p += dk) {
            const int32_t k = least(dk, job->k - p);
            ltd_gemm_block a = block_of(&job->a, !job->a.transposed, i, m, p, k);
            by->pack_a(&a, work->a);
            for (int32_t j = 0; j < job->n; j += dn) {
                const int32_t n = least(dn, job->n - j);
                ltd_gemm_block b = block_of(&job->b, job->b.transposed, j, n, p, k);
                by->pack_b(&b, work->b);
                multiply(job, work, i, m, j, n, k, job->add || p > 0);
            }
        }
    }
    if (by->end) by->end();
}
