/* The row operations of ltd_kernels, over eight-lane vectors; attention is in attn_impl.h. Included
 * once by each ops_<isa>.c with OPS(name) giving the function its name; compiled there for that
 * instruction set. */

#include "models/kernels/kernels.h"
#include "models/kernels/simd.h"
#include "models/kernels/attn_impl.h"

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
    for (int32_t k = begin; k < end; k += 32, x += 32) {
        size_t at = (size_t)row * (size_t)acts->n + (size_t)k;
        int16_t t[32];
        v8 a[4], m;
        for (int i = 0; i < 4; i++) a[i] = v8_load(x + 8 * i);
        m = v8_max(v8_max(v8_abs(a[0]), v8_abs(a[1])), v8_max(v8_abs(a[2]), v8_abs(a[3])));
        float amax = v8_hmax(m);
        float s = short_scale(amax / top), inv = amax > 0 ? top / amax : 0;
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
/* ret = f(gate, up), eight lanes at a time, then the rest through a full vector. */
#define OPS_GATE(name, f)                                                                          \
    static void OPS(name)(const float *gate, const float *up, int32_t n, float *ret)               \
    {                                                                                              \
        int32_t i = 0;                                                                             \
        for (; i + 8 <= n; i += 8) v8_store(ret + i, f(v8_load(gate + i), v8_load(up + i)));       \
        if (i == n) return;                                                                        \
        float g[8] = {0}, u[8] = {0};                                                              \
        size_t rest = (size_t)(n - i) * sizeof *g;                                                 \
        memcpy(g, gate + i, rest);                                                                 \
        memcpy(u, up + i, rest);                                                                   \
        v8_store(g, f(v8_load(g), v8_load(u)));                                                    \
        memcpy(ret + i, g, rest);                                                                  \
    }
OPS_GATE(silu_mul, v8_silu)
OPS_GATE(gelu_mul, v8_gelu)
#endif

static void OPS(add)(float *x, const float *y, int32_t n)
{
    for (int32_t i = 0; i < n; i += 8) v8_store(x + i, v8_add(v8_load(x + i), v8_load(y + i)));
}

static void OPS(store_f16)(const float *x, int32_t n, uint16_t *ret)
{
    for (int32_t i = 0; i < n; i += 8) v8_store_f16(ret + i, v8_load(x + i));
}

/* --- choosing among logits --- */

static inline bool OPS(goes_before)(float x, int32_t id, float y, int32_t y_id)
{
    return x > y || (x == y && id < y_id);
}

/* Put one x among the k best so far; see ltd_kernels.keep_best. */
static inline int32_t OPS(keep_one)(float x, int32_t id, int32_t have, int32_t k, float *best,
                                    int32_t *best_id)
{
    if (have == k) {
        if (!OPS(goes_before)(x, id, best[k - 1], best_id[k - 1])) return have;
        have--;
    }
    int32_t i = have;
    for (; i > 0 && OPS(goes_before)(x, id, best[i - 1], best_id[i - 1]); i--) {
        best[i] = best[i - 1];
        best_id[i] = best_id[i - 1];
    }
    best[i] = x;
    best_id[i] = id;
    return have + 1;
}

#ifndef OPS_OWN_ROWS

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

static int32_t OPS(keep_best)(const float *x, const int32_t *id, int32_t n, int32_t have, int32_t k,
                              float *best, int32_t *best_id)
{
    for (int32_t i = 0; i < n; i += 8) {
        if (have == k && !(v8_hmax(v8_load(x + i)) >= best[k - 1])) continue;
        for (int32_t j = i; j < i + 8; j++)
            have = OPS(keep_one)(x[j], id[j], have, k, best, best_id);
    }
    return have;
}

static float OPS(sum_exp)(const float *x, int32_t n, float *largest)
{
    v8 m = v8_load(x), sum = v8_set1(0);
    for (int32_t i = 8; i < n; i += 8) m = v8_max(m, v8_load(x + i));
    *largest = v8_hmax(m);
    m = v8_set1(*largest);
    for (int32_t i = 0; i < n; i += 8) sum = v8_add(sum, v8_exp(v8_sub(v8_load(x + i), m)));
    return v8_sum(sum);
}

#define OPS_ROWS                                                                                   \
    .quantize = OPS(quantize), .silu_mul = OPS(silu_mul), .gelu_mul = OPS(gelu_mul),               \
    .argmax = OPS(argmax), .keep_best = OPS(keep_best), .sum_exp = OPS(sum_exp)
#endif

#define OPS_TABLE                                                                                  \
    OPS_ROWS, .rmsnorm = OPS(rmsnorm), .rope = OPS(rope), .add = OPS(add),                         \
              .store_f16 = OPS(store_f16), .attention = OPS(attention)
