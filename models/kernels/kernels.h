/* The arithmetic of the engine behind one dispatch table, an entry for each instruction set.
 *
 *     const ltd_kernels *k = ltd_kernels_best();
 *     k->quantize(x, 0, 0, acts.n, &acts);
 *     k->linear(&w, &acts, m, tile0, tile1, y, ldy);
 *
 * Two rules hold for every function, and tests check them bit for bit:
 *   1. A row's result never depends on how many rows are computed beside it.
 *   2. All instruction sets give equal results: integer sums are exact, and each floating-point
 *      operation has one definition (fused where written as fma, lanes summed in one fixed shape).
 *
 * Linear layers with block-quantised weights: activations become integers a_k with one scale s for
 * each 32 (|a| <= 32639 with 16 bits, 127 with 8; |x| < 1e33), the weights keep the file's integers
 * q_k and scales: y = sum over groups of  fma(d, s * (float)(sum q a), y);  y = fma(m, s *
 * (float)(sum a), y) Layers with float weights: y = fma(w_k, x_k, y) for k ascending.
 *
 * Thread rule: pure functions of their arguments. */
#ifndef LTD_MODELS_KERNELS_KERNELS_H
#define LTD_MODELS_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "models/kernels/pack.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In the order of speed. */
typedef enum ltd_isa {
    LTD_ISA_PLAIN,
    LTD_ISA_AVX2,
    LTD_ISA_VNNI, /* AVX-512 with VNNI */
    LTD_ISA_AMX,  /* that, and AMX-int8 for more rows, where it is faster */
    LTD_ISA_COUNT
} ltd_isa;

/* Rows of activations, as floats and, for quantised weights, as integers a = 256 hi + lo. */
typedef struct ltd_acts {
    const float *x;  /* [m, n] borrowed; float weights read these */
    int32_t n;       /* width, and the stride of rows */
    int32_t bits;    /* 8 or 16 */
    int8_t *lo, *hi; /* [m, n]; hi with 16 bits only */
    float *scale;    /* [m, n / 32], of 22 significant bits */
    float *sum;      /* [m, n / 32] scale * (sum of the group's integers) */
    /* Filled by the instruction sets that read them: */
    int16_t *q;                 /* [m, n] a, each four k in the order 0 2 1 3 */
    int32_t *bias_lo, *bias_hi; /* [m, n / 16] -128 * (sum of lo, hi over 16 k) */
    void *room;                 /* owned: the memory of all but x */
} ltd_acts;

/* Room for `rows` rows of up to `width` columns (a multiple of 32).  LTD_ENOMEM. */
int ltd_acts_init(ltd_acts *ret, int32_t rows, int32_t width, int32_t bits, ltd_err *err);
void ltd_acts_fini(ltd_acts *acts);

/* Rows of a problem, and rows times heads; slots of a block of keys.  Problems of about
 * LTD_ATTN_SHARE rows times heads make the most of what they read. */
enum { LTD_ATTN_ROWS = 12, LTD_ATTN_GROUP = 64, LTD_ATTN_BLOCK = 16, LTD_ATTN_SHARE = 12 };

/* One attention problem: heads [h0, h1) of a few rows, all of the same key/value head.  Row r sees
 * slots 0 .. n_past-1, then tail[start[r] .. start[r+1]), its own slot last.  With a sliding window
 * it sees only the last of these, from number first[r] on.  What rows share is read once; each
 * row's arithmetic is that of a problem of its own:
 *     score_j = fma over d ascending of (scale q_d) k_jd, from 0;  p_j = e^(score_j - largest)
 *     out_d = (fma over j ascending of p_j v_jd, from 0) * (1 / sum of p, by lanes j % 16)
 * Keys lie in blocks of 16 slots, dim by dim, so that a vector is a dim of 16 keys.  Blocks are
 * whole: slots that no row sees are computed with, but their values, NaN too, reach no result. */
typedef struct ltd_attn {
    const void *k;    /* [blocks, head_dim, 16] of that key/value head */
    const void *v;    /* [slots, head_dim rounded up to 16] */
    bool f16;         /* K/V are halves, else floats */
    int32_t head_dim; /* multiple of 8, up to 512 */
    int32_t n_past;
    int32_t rows;         /* [1, LTD_ATTN_ROWS] */
    const int32_t *start; /* [rows + 1] */
    const int32_t *tail;
    const int32_t *first; /* [rows] below the row's number of keys; NULL = 0: all are seen */
    float scale;          /* of scores, mostly 1 / sqrt(head_dim) */
    int32_t h0, h1;       /* rows * (h1 - h0) is at most LTD_ATTN_GROUP */
    const float *q;       /* row r at q + r * ldq: [heads, head_dim] */
    float *out;           /* row r at out + r * ldo: [heads, head_dim] */
    size_t ldq, ldo;
    float *scores; /* scratch, rows * (h1 - h0) * lds floats */
    size_t lds;    /* at least n_past + longest tail, rounded up to 16 */
    float *work;   /* scratch, rows * (h1 - h0) * (head_dim rounded up to 16) floats */
} ltd_attn;

typedef struct ltd_kernels {
    ltd_isa isa;
    const char *name;

    /* Quantise x [end - begin] to columns [begin, end) of row `row`, multiples of 32. */
    void (*quantize)(const float *x, int32_t row, int32_t begin, int32_t end, ltd_acts *a);
    /* y[row * ldy + (out - 16 * tile0)] for the output rows of tiles [tile0, tile1), w->width at
     * most, and activation rows 0..m-1. */
    void (*linear)(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0, int32_t tile1,
                   float *y, size_t ldy);
    /* ret = x / rms(x) * w.  n multiple of 8. */
    void (*rmsnorm)(const float *x, const float *w, float eps, int32_t n, float *ret);
    /* Rotate heads [n_heads, head_dim] in place, pairs (i, i + head_dim/2); cos, sin [head_dim /
     * 2]. */
    void (*rope)(float *x, int32_t n_heads, int32_t head_dim, const float *cos, const float *sin);
    /* ret = gate / (1 + e^-gate) * up, any n. */
    void (*silu_mul)(const float *gate, const float *up, int32_t n, float *ret);
    /* ret = gelu(gate) * up with gelu(x) = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), any
     * n. */
    void (*gelu_mul)(const float *gate, const float *up, int32_t n, float *ret);
    /* x += y. */
    void (*add)(float *x, const float *y, int32_t n);
    /* Copy floats to a K/V slot. */
    void (*store_f16)(const float *x, int32_t n, uint16_t *ret);
    void (*attention)(const ltd_attn *a);
    /* Index of the largest of x[n] (lowest on ties), n multiple of 8; *value receives it. */
    int32_t (*argmax)(const float *x, int32_t n, float *value);
    /* Put x[n], whose tokens are id[n], among the k best so far, of which `have` stand in best and
     * best_id by (value descending, id ascending); returns how many then.  n multiple of 8, k <=
     * 32.  Pieces of a row give the same in any order. */
    int32_t (*keep_best)(const float *x, const int32_t *id, int32_t n, int32_t have, int32_t k,
                         float *best, int32_t *best_id);
    /* Sum of e^(x - largest) over x[n], by lanes i % 8; n multiple of 8; *largest receives the
     * largest. */
    float (*sum_exp)(const float *x, int32_t n, float *largest);
} ltd_kernels;

/* The table of an instruction set, NULL when this machine lacks it. */
const ltd_kernels *ltd_kernels_get(ltd_isa isa);
/* The fastest one here. */
const ltd_kernels *ltd_kernels_best(void);
/* That, or the one that LTD_ISA=plain|avx2|avx512-vnni|amx-int8 in the environment names.
 * LTD_EINVAL: no such name; LTD_EUNSUPPORTED: not on this machine. */
int ltd_kernels_choose(const ltd_kernels **ret, ltd_err *err);
const char *ltd_isa_name(ltd_isa isa);

#ifdef __cplusplus
}
#endif
#endif
