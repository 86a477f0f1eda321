/* The net of mlp.c in plain scalar C: the same operations on each float in the same order, so the
 * same result bit for bit where nothing is contracted.  For exported headers, which carry this
 * text; here for their test. */
#ifndef LTD_AGENTS_MLP_SCALAR_H
#define LTD_AGENTS_MLP_SCALAR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* tanh x as ltd_mlp_tanh() computes it: see mlp_kernels_impl.h. */
static inline float ltd_mlp_scalar_tanh(float x)
{
    float t = fabsf(x), k, r, p, two_k, e;
    uint32_t bits;
    if (t > 10.0f) t = 10.0f;
    t = t + t;
    k = t * 1.44269504f + 12582912.0f; /* 1.5 x 2^23: the sum rounds to an integer */
    memcpy(&bits, &k, sizeof bits);
    bits = (bits - 0x4B400000u + 127u) << 23;
    memcpy(&two_k, &bits, sizeof two_k);
    k = k - 12582912.0f;
    r = t - k * 0.693359375f;
    r = r - k * -2.12194440e-4f;
    p = r * (1.0f / 5040) + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r * r + r;
    e = two_k * p + (two_k - 1.0f);
    return copysignf(e / (e + 2.0f), x);
}

/* y[n_out] = bias[n_out] + w[n_in][n_out] x[n_in]; the loop over outputs is the compiler's to
 * vectorise. */
static inline void ltd_mlp_scalar_layer(const float *w, const float *bias, int32_t n_in,
                                        int32_t n_out, const float *x, float *y)
{
    memcpy(y, bias, (size_t)n_out * sizeof *y);
    for (int32_t i = 0; i < n_in; i++) {
        const float *row = w + (size_t)i * (size_t)n_out;
        const float by = x[i];
        if (by == 0.0f) continue;
        for (int32_t o = 0; o < n_out; o++) y[o] += row[o] * by;
    }
}

/* A layer as its constants lie. */
typedef struct ltd_mlp_scalar_part {
    const float *weight, *bias; /* [n_in][n_out], [n_out] */
    int32_t n_in, n_out;
} ltd_mlp_scalar_part;

/* y = net(x): n layers, between them tanh or ReLU.
 *   side   two rooms for the widest layer's outputs; x, y and these may not overlap */
static inline void ltd_mlp_scalar_net(const ltd_mlp_scalar_part *part, int32_t n, int relu,
                                      const float *x, float *y, float *side0, float *side1)
{
    for (int32_t k = 0; k < n; k++) {
        float *out = k + 1 == n ? y : k % 2 ? side1 : side0;
        ltd_mlp_scalar_layer(part[k].weight, part[k].bias, part[k].n_in, part[k].n_out, x, out);
        for (int32_t i = 0; k + 1 < n && i < part[k].n_out; i++)
            out[i] = !relu ? ltd_mlp_scalar_tanh(out[i]) : out[i] < 0.0f ? 0.0f : out[i];
        x = out;
    }
}

#endif
