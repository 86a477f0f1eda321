/* The two loops of the net for one instruction set.  Included once per set, with
 *   NAME(x)   the function's name       TARGET   its target attribute
 *   LANES     floats of a vector
 * All sets do the same operations on each float in the same order: lanes are outputs (dense) or
 * elements (tanh), never parts of one sum. */

typedef float NAME(vf) __attribute__((vector_size(LANES * 4)));
typedef uint32_t NAME(vu) __attribute__((vector_size(LANES * 4)));

/* One panel: y[PANEL] = bias[PANEL] + sum_i x[i] w[at[i]][PANEL], over n inputs. */
TARGET static void NAME(panel)(float *y, const float *w, const float *bias, const float *x,
                               const uint32_t *at, size_t n)
{
    enum { N = PANEL / LANES };
    NAME(vf) acc[N];
    memcpy(acc, bias, sizeof acc);
    for (size_t i = 0; i < n; i++) {
        const NAME(vf) *row = (const NAME(vf) *)(const void *)(w + (size_t)at[i] * PANEL);
        for (int j = 0; j < N; j++) acc[j] += row[j] * x[i];
    }
    memcpy(y, acc, sizeof acc);
}

/* x[n] := tanh(x[n]), n a multiple of TANH_BLOCK.
 * With t = 2 min(|x|, 10) = k ln 2 + r:  e = exp(t) - 1 = 2^k expm1(r) + (2^k - 1),
 * tanh |x| = e / (e + 2).  Near 0 k is 0 and nothing cancels. */
TARGET static void NAME(tanh)(float *x, size_t n)
{
    for (size_t i = 0; i < n; i += LANES) {
        NAME(vf) v;
        memcpy(&v, x + i, sizeof v);
        NAME(vu) sign = (NAME(vu))v & 0x80000000u;
        NAME(vf) t = (NAME(vf))((NAME(vu))v ^ sign);
        NAME(vu) big = (NAME(vu))(t > 10.0f);
        NAME(vf) ten = 10.0f + (NAME(vf)){0};
        t = (NAME(vf))(((NAME(vu))t & ~big) | ((NAME(vu))ten & big));
        t = t + t;
        NAME(vf) k = t * 1.44269504f + 0x1.8p23f; /* the sum rounds to an integer in the low bits */
        NAME(vu) ki = (NAME(vu))k - 0x4B400000u;
        k = k - 0x1.8p23f;
        NAME(vf) r = t - k * 0.693359375f; /* ln 2 in two parts, the first exact times k */
        r = r - k * -2.12194440e-4f;
        NAME(vf) p = r * (1.0f / 5040) + 1.0f / 720;
        p = p * r + 1.0f / 120;
        p = p * r + 1.0f / 24;
        p = p * r + 1.0f / 6;
        p = p * r + 0.5f;
        p = p * r * r + r;
        NAME(vf) two_k = (NAME(vf))((ki + 127u) << 23);
        NAME(vf) e = two_k * p + (two_k - 1.0f);
        NAME(vf) y = e / (e + 2.0f);
        y = (NAME(vf))((NAME(vu))y | sign);
        memcpy(x + i, &y, sizeof y);
    }
}

static const ltd_mlp_isa NAME(isa) = {ISA_NAME, NAME(panel), NAME(tanh)};

#undef NAME
#undef TARGET
#undef LANES
#undef ISA_NAME
