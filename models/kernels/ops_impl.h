/* The row operations of ltd_kernels, over eight-lane vectors.  Included once by each ops_<isa>.c
 * with OPS(name) giving the function its name; compiled there for that instruction set. */

#include "models/kernels/kernels.h"
#include "models/kernels/simd.h"

#if !defined OPS_OWN_QUANTIZE && !defined OPS_OWN_ROWS
/* The integers of 32 values as the kernels read them. */
static inline void OPS(put_ints)(const int16_t *t, ltd_acts *a, size_t at)
{
    for (int i = 0; i < 32; i++) {
        int hi = a->bits == 8 ? 0 : (t[i] + 128) >> 8;
        a->lo[at + (size_t)i] = (int8_t)(t[i] - 256 * hi);
        if (a->bits != 8) a->hi[at + (size_t)i] = (int8_t)hi;
        a->q[at + (size_t)(i / 4 * 4 + "\0\2\1\3"[i % 4])] = t[i];
    }
}

static void OPS(quantize)(const float *x, int32_t row, int32_t begin, int32_t end, ltd_acts *acts)
{
    /* 32639 = 127 * 257: two signed bytes hi*256 + lo hold every value, for byte kernels. */
    const float top = acts->bits == 8 ? 127.0f : 32639.0f;
    for (int32_t k = begin; k < end; k += 32) {
        size_t at = (size_t)row * (size_t)acts->n + (size_t)k;
        int16_t t[32];
        v8 a[4], m;
        for (int i = 0; i < 4; i++) a[i] = v8_load(x + k + 8 * i);
        m = v8_max(v8_max(v8_abs(a[0]), v8_abs(a[1])), v8_max(v8_abs(a[2]), v8_abs(a[3])));
        float amax = v8_hmax(m);
        float s = amax / top, inv = amax > 0 ? top / amax : 0;
        /* A huge quotient would overflow the integers: only denormals get there, and they are zero
         * to us. */
        if (!(inv <= 3.0e38f)) s = inv = 0;
        for (int i = 0; i < 4; i++) v8_store_i16(t + 8 * i, v8_mul(a[i], v8_set1(inv)));
        int32_t total = 0;
        for (int i = 0; i < 32; i++) total += t[i];
        OPS(put_ints)(t, acts, at);
        acts->scale[at / 32] = s;
        acts->sum[at / 32] = s * (float)total;
    }
}
#endif

static void OPS(rmsnorm)(const float *x, const float *w, float eps, int32_t n, float *ret)
{
    v8 s = v8_set1(0);
    for (int32_t i = 0; i < n; i += 8) {
        v8 a = v8_load(x + i);
        s = v8_fma(a, a, s);
    }
    v8 r = v8_set1(1.0f / sqrtf(v8_sum(s) / (float)n + eps));
    for (int32_t i = 0; i < n; i += 8)
        v8_store(ret + i, v8_mul(v8_mul(v8_load(x + i), r), v8_load(w + i)));
}

static void OPS(rope)(float *x, int32_t n_heads, int32_t head_dim, const float *cosv,
                      const float *sinv)
{
    int32_t half = head_dim / 2;
    for (int32_t h = 0; h < n_heads; h++, x += head_dim) {
        int32_t i = 0;
        for (; i + 8 <= half; i += 8) {
            v8 a = v8_load(x + i), b = v8_load(x + half + i);
            v8 c = v8_load(cosv + i), s = v8_load(sinv + i);
            v8_store(x + i, v8_sub(v8_mul(a, c), v8_mul(b, s)));
            v8_store(x + half + i, v8_add(v8_mul(b, c), v8_mul(a, s)));
        }
        for (; i < half; i++) {
            float a = x[i], b = x[half + i];
            x[i] = a * cosv[i] - b * sinv[i];
            x[half + i] = b * cosv[i] + a * sinv[i];
        }
    }
}

#ifndef OPS_OWN_ROWS
static inline v8 OPS(silu8)(v8 gate, v8 up)
{
    v8 d = v8_add(v8_set1(1.0f), v8_exp(v8_sub(v8_set1(0), gate)));
    return v8_mul(v8_div(gate, d), up);
}

/* (1 + tanh u) / 2 = 1 / (1 + e^-2u): no difference of near numbers, so small results stay exact.
 */
static inline v8 OPS(gelu8)(v8 gate, v8 up)
{
    v8 c = v8_fma(v8_mul(gate, gate), v8_set1(-0.0713548162726f), v8_set1(-1.5957691216057f));
    v8 d = v8_add(v8_set1(1.0f), v8_exp(v8_mul(gate, c)));
    return v8_mul(v8_div(gate, d), up);
}

/* ret = f(gate, up), eight lanes at a time, then the rest through a full vector. */
#define OPS_GATE(name, f)                                                                          \
    static void OPS(name)(const float *gate, const float *up, int32_t n, float *ret)               \
    {                                                                                              \
        int32_t i = 0;                                                                             \
        for (; i + 8 <= n; i += 8) v8_store(ret + i, OPS(f)(v8_load(gate + i), v8_load(up + i)));  \
        if (i == n) return;                                                                        \
        float g[8] = {0}, u[8] = {0};                                                              \
        size_t rest = (size_t)(n - i) * sizeof *g;                                                 \
        memcpy(g, gate + i, rest);                                                                 \
        memcpy(u, up + i, rest);                                                                   \
        v8_store(g, OPS(f)(v8_load(g), v8_load(u)));                                               \
        memcpy(ret + i, g, rest);                                                                  \
    }
OPS_GATE(silu_mul, silu8)
OPS_GATE(gelu_mul, gelu8)
#endif

static void OPS(add)(float *x, const float *y, int32_t n)
{
    for (int32_t i = 0; i < n; i += 8) v8_store(x + i, v8_add(v8_load(x + i), v8_load(y + i)));
}

static void OPS(store_f16)(const float *x, int32_t n, uint16_t *ret)
{
    for (int32_t i = 0; i < n; i += 8) v8_store_f16(ret + i, v8_load(x + i));
}

/* --- attention --- */

/* Keys are taken in logical order: slots 0 .. n_past-1, then the tail.  A row that sees the same
 * keys in the same order gets the same bits wherever they lie, which is what makes a tree node
 * equal to its plain decode step.  That holds with windows too: a key's lane is its number in the
 * whole order, and keys before the window are left out of sums, whoever else reads their block. */

/* Number of the first key that row r sees. */
static inline int32_t OPS(attn_first)(const ltd_attn *a, int32_t r)
{
    return a->first ? a->first[r] : 0;
}

/* Keys at the front of a block of m, beginning at number j0, that row r does not see. */
static inline int32_t OPS(attn_unseen)(const ltd_attn *a, int32_t r, int32_t j0, int32_t m)
{
    int32_t n = OPS(attn_first)(a, r) - j0;
    return n < 0 ? 0 : n < m ? n : m;
}

/* The first block of the past that any row sees. */
static inline int32_t OPS(attn_begin)(const ltd_attn *a)
{
    int32_t least = OPS(attn_first)(a, 0);
    for (int32_t r = 1; r < a->rows; r++)
        if (OPS(attn_first)(a, r) < least) least = OPS(attn_first)(a, r);
    return least / LTD_ATTN_BLOCK * LTD_ATTN_BLOCK;
}

static inline v8 OPS(kv)(const void *base, bool f16, size_t at)
{
    return f16 ? v8_load_f16((const uint16_t *)base + at) : v8_load((const float *)base + at);
}

/* Widen `n` slots to floats in a->block.  `slots` NULL: slot0, slot0 + 1, ... */
static inline void OPS(attn_widen)(const ltd_attn *a, const void *base, const int32_t *slots,
                                   int32_t slot0, int32_t n)
{
    int32_t hd = a->head_dim;
    for (int32_t j = 0; j < n; j++) {
        size_t from = (size_t)(slots ? slots[j] : slot0 + j) * (size_t)hd;
        float *to = a->block + (size_t)j * (size_t)hd;
        for (int32_t d = 0; d < hd; d += 8)
            v8_store(to + d, OPS(kv)(base, a->f16, from + (size_t)d));
    }
}

/* scores[0 .. n) = q . k_j over the block, eight keys at a time; writes whole groups of eight. */
static inline void OPS(attn_dots)(const float *block, const float *q, int32_t hd, int32_t n,
                                  float *scores)
{
    for (int32_t j0 = 0; j0 < n; j0 += 8) {
        const float *k[8];
        v8 acc[8];
        /* Past the end the last key is taken again; nobody reads its score. */
        for (int j = 0; j < 8; j++)
            k[j] = block + (size_t)(j0 + j < n ? j0 + j : n - 1) * (size_t)hd;
        v8 x = v8_load(q);
        for (int j = 0; j < 8; j++) acc[j] = v8_mul(x, v8_load(k[j]));
        for (int32_t d = 8; d < hd; d += 8) {
            x = v8_load(q + d);
            for (int j = 0; j < 8; j++) acc[j] = v8_fma(x, v8_load(k[j] + d), acc[j]);
        }
        v8_store(scores + j0, v8_sum8(acc));
    }
}

/* out += sum over the block of p_j v_j, j ascending, 32 dims at a time. */
static inline void OPS(attn_sums)(const float *block, const float *p, int32_t hd, int32_t n,
                                  float *out)
{
    int32_t d = 0;
    for (; d + 32 <= hd; d += 32) {
        v8 s0 = v8_load(out + d), s1 = v8_load(out + d + 8);
        v8 s2 = v8_load(out + d + 16), s3 = v8_load(out + d + 24);
        const float *v = block + d;
        for (int32_t j = 0; j < n; j++, v += hd) {
            v8 w = v8_set1(p[j]);
            s0 = v8_fma(w, v8_load(v), s0);
            s1 = v8_fma(w, v8_load(v + 8), s1);
            s2 = v8_fma(w, v8_load(v + 16), s2);
            s3 = v8_fma(w, v8_load(v + 24), s3);
        }
        v8_store(out + d, s0);
        v8_store(out + d + 8, s1);
        v8_store(out + d + 16, s2);
        v8_store(out + d + 24, s3);
    }
    for (; d < hd; d += 8) {
        v8 s = v8_load(out + d);
        for (int32_t j = 0; j < n; j++)
            s = v8_fma(v8_set1(p[j]), v8_load(block + (size_t)j * (size_t)hd + d), s);
        v8_store(out + d, s);
    }
}

/* scores[first .. n) -> weights e^(s - max); returns their sum.  The other lanes of their groups of
 * eight become zero. */
static inline float OPS(attn_softmax)(float *scores, int32_t first, int32_t n)
{
    int32_t j0 = first / 8 * 8;
    for (int32_t i = j0; i < first; i++) scores[i] = scores[first];
    for (int32_t i = n; i % 8; i++) scores[i] = scores[first];
    v8 most = v8_load(scores + j0);
    for (int32_t j = j0 + 8; j < n; j += 8) most = v8_max(most, v8_load(scores + j));
    v8 m = v8_set1(v8_hmax(most)), sum = v8_set1(0);
    for (int32_t j = j0; j < n; j += 8) {
        v8_store(scores + j, v8_exp(v8_sub(v8_load(scores + j), m)));
        for (int32_t i = j; i < first; i++) scores[i] = 0;
        for (int32_t i = n; i < j + 8; i++) scores[i] = 0;
        sum = v8_add(sum, v8_load(scores + j));
    }
    return v8_sum(sum);
}

/* Scores of one row's tail, behind its scores of the shared part. */
static inline void OPS(attn_tail_dots)(const ltd_attn *a, int32_t r, const float *q)
{
    const int32_t *tail = a->tail + a->start[r];
    int32_t n = a->start[r + 1] - a->start[r], heads = a->h1 - a->h0, hd = a->head_dim;
    for (int32_t j0 = OPS(attn_unseen)(a, r, a->n_past, n); j0 < n; j0 += LTD_ATTN_BLOCK) {
        int32_t m = n - j0 < LTD_ATTN_BLOCK ? n - j0 : LTD_ATTN_BLOCK;
        float dots[LTD_ATTN_BLOCK];
        OPS(attn_widen)(a, a->k, tail + j0, 0, m);
        for (int32_t h = 0; h < heads; h++) {
            int32_t i = r * heads + h;
            OPS(attn_dots)(a->block, q + (size_t)i * (size_t)hd, hd, m, dots);
            memcpy(a->scores + (size_t)i * a->lds + a->n_past + j0, dots, (size_t)m * sizeof *dots);
        }
    }
}

static inline void OPS(attn_tail_sums)(const ltd_attn *a, int32_t r)
{
    const int32_t *tail = a->tail + a->start[r];
    int32_t n = a->start[r + 1] - a->start[r], heads = a->h1 - a->h0, hd = a->head_dim;
    for (int32_t j0 = OPS(attn_unseen)(a, r, a->n_past, n); j0 < n; j0 += LTD_ATTN_BLOCK) {
        int32_t m = n - j0 < LTD_ATTN_BLOCK ? n - j0 : LTD_ATTN_BLOCK;
        OPS(attn_widen)(a, a->v, tail + j0, 0, m);
        for (int32_t h = 0; h < heads; h++) OPS(attn_sums)
        (a->block, a->scores + (size_t)(r * heads + h) * a->lds + a->n_past + j0, hd, m,
         a->out + (size_t)r * a->ldo + (size_t)(a->h0 + h) * (size_t)hd);
    }
}

/* Scores of the shared part, for all rows and heads. */
static inline void OPS(attn_past_dots)(const ltd_attn *a, const float *q)
{
    int32_t hd = a->head_dim, heads = a->h1 - a->h0;
    for (int32_t j0 = OPS(attn_begin)(a); j0 < a->n_past; j0 += LTD_ATTN_BLOCK) {
        int32_t m = a->n_past - j0 < LTD_ATTN_BLOCK ? a->n_past - j0 : LTD_ATTN_BLOCK;
        OPS(attn_widen)(a, a->k, NULL, j0, m);
        for (int32_t i = 0; i < a->rows * heads; i++) {
            int32_t skip = OPS(attn_unseen)(a, i / heads, j0, m);
            if (skip == m) continue;
            skip = skip / 8 * 8; /* whole groups are written: from elsewhere they'd pass the end */
            OPS(attn_dots)
            (a->block + (size_t)skip * (size_t)hd, q + (size_t)i * (size_t)hd, hd, m - skip,
             a->scores + (size_t)i * a->lds + j0 + skip);
        }
    }
}

static inline void OPS(attn_past_sums)(const ltd_attn *a)
{
    int32_t hd = a->head_dim, heads = a->h1 - a->h0;
    for (int32_t j0 = OPS(attn_begin)(a); j0 < a->n_past; j0 += LTD_ATTN_BLOCK) {
        int32_t m = a->n_past - j0 < LTD_ATTN_BLOCK ? a->n_past - j0 : LTD_ATTN_BLOCK;
        OPS(attn_widen)(a, a->v, NULL, j0, m);
        for (int32_t i = 0; i < a->rows * heads; i++) {
            int32_t skip = OPS(attn_unseen)(a, i / heads, j0, m);
            OPS(attn_sums)
            (a->block + (size_t)skip * (size_t)hd, a->scores + (size_t)i * a->lds + j0 + skip, hd,
             m - skip,
             a->out + (size_t)(i / heads) * a->ldo + (size_t)(a->h0 + i % heads) * (size_t)hd);
        }
    }
}

static void OPS(attention)(const ltd_attn *a)
{
    int32_t hd = a->head_dim, heads = a->h1 - a->h0;
    float *q = a->block + (size_t)LTD_ATTN_BLOCK * (size_t)hd; /* scaled queries */
    for (int32_t r = 0; r < a->rows; r++)
        for (int32_t i = 0; i < heads * hd; i += 8)
            v8_store(q + (size_t)r * (size_t)(heads * hd) + i,
                     v8_mul(v8_load(a->q + (size_t)r * a->ldq + (size_t)(a->h0 * hd + i)),
                            v8_set1(a->scale)));
    OPS(attn_past_dots)(a, q);
    float total[LTD_ATTN_ROWS * LTD_ATTN_GROUP];
    for (int32_t r = 0; r < a->rows; r++) {
        OPS(attn_tail_dots)(a, r, q);
        int32_t first = OPS(attn_first)(a, r), n = a->n_past + a->start[r + 1] - a->start[r];
        for (int32_t h = 0; h < heads; h++) {
            int32_t i = r * heads + h;
            total[i] = OPS(attn_softmax)(a->scores + (size_t)i * a->lds, first, n);
            memset(a->out + (size_t)r * a->ldo + (size_t)(a->h0 + h) * (size_t)hd, 0,
                   (size_t)hd * sizeof(float));
        }
    }
    OPS(attn_past_sums)(a);
    for (int32_t r = 0; r < a->rows; r++) {
        OPS(attn_tail_sums)(a, r);
        for (int32_t h = 0; h < heads; h++) {
            float *out = a->out + (size_t)r * a->ldo + (size_t)(a->h0 + h) * (size_t)hd;
            v8 inv = v8_set1(1.0f / total[r * heads + h]);
            for (int32_t d = 0; d < hd; d += 8) v8_store(out + d, v8_mul(v8_load(out + d), inv));
        }
    }
}

#ifndef OPS_OWN_ROWS
/* --- choosing among logits --- */

static int32_t OPS(argmax)(const float *x, int32_t n, float *value)
{
    v8 m = v8_load(x);
    for (int32_t i = 8; i < n; i += 8) m = v8_max(m, v8_load(x + i));
    float top = v8_hmax(m);
    int32_t at = 0;
    while (at < n && !(x[at] == top)) at++;
    *value = top;
    return at < n ? at : 0;
}

static void OPS(top_k)(const float *x, int32_t n, int32_t k, int32_t *index, float *logp)
{
    int32_t have = 0;
    for (int32_t i = 0; i < n; i += 8) {
        if (have == k && !(v8_hmax(v8_load(x + i)) > logp[k - 1])) continue;
        for (int32_t j = i; j < i + 8; j++) {
            if (have == k && !(x[j] > logp[k - 1])) continue;
            int32_t at = have < k ? have++ : k - 1;
            for (; at > 0 && x[j] > logp[at - 1]; at--) {
                logp[at] = logp[at - 1];
                index[at] = index[at - 1];
            }
            logp[at] = x[j];
            index[at] = j;
        }
    }
    v8 m = v8_set1(logp[0]), sum = v8_set1(0);
    for (int32_t i = 0; i < n; i += 8) sum = v8_add(sum, v8_exp(v8_sub(v8_load(x + i), m)));
    float lse = logp[0] + logf(v8_sum(sum));
    for (int32_t i = 0; i < k; i++) logp[i] -= lse;
}

#define OPS_ROWS                                                                                   \
    .quantize = OPS(quantize), .silu_mul = OPS(silu_mul), .gelu_mul = OPS(gelu_mul),               \
    .argmax = OPS(argmax), .top_k = OPS(top_k)
#endif

#define OPS_TABLE                                                                                  \
    OPS_ROWS, .rmsnorm = OPS(rmsnorm), .rope = OPS(rope), .add = OPS(add),                         \
              .store_f16 = OPS(store_f16), .attention = OPS(attention)
