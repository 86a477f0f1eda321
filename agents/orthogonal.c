/* Gram-Schmidt on Gaussian vectors, in double.  Taken one vector after the other, the result is the
 * Q of a QR whose R has a positive diagonal: the sign convention that makes Q uniform.  Each vector
 * is projected twice ("twice is enough", Kahan), because a square matrix may be badly conditioned.
 */
#include "agents/orthogonal.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

enum { LANES = 8 };

static double dot(const double *a, const double *b, int64_t n)
{
    double part[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) part[j] += a[i + j] * b[i + j];
    double sum = 0.0;
    for (int j = 0; j < LANES; j++) sum += part[j];
    for (; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* v -= its part along each of the `count` orthonormal vectors of q [count, n]. */
static void project_out(double *v, const double *q, int64_t count, int64_t n)
{
    for (int64_t k = 0; k < count; k++) {
        const double *u = q + k * n;
        double d = dot(v, u, n);
        for (int64_t i = 0; i < n; i++) v[i] -= d * u[i];
    }
}

int ltd_orthogonal_fill(float *weight, int64_t rows, int64_t cols, double gain, ltd_rng *rng,
                        ltd_err *err)
{
    int64_t count = rows <= cols ? rows : cols, n = rows <= cols ? cols : rows;
    double *q = ltd_mem_aligned((size_t)count, (size_t)n * sizeof *q);
    if (!q)
        return ltd_fail(err, LTD_ENOMEM, "orthogonal: no memory for %lld x %lld", (long long)rows,
                        (long long)cols);
    for (int64_t k = 0; k < count; k++) {
        double *v = q + k * n;
        double norm;
        do {
            for (int64_t i = 0; i < n; i++) v[i] = (double)ltd_rng_normal(rng);
            project_out(v, q, k, n);
            project_out(v, q, k, n);
            norm = sqrt(dot(v, v, n));
        } while (norm < 1e-8);
        for (int64_t i = 0; i < n; i++) v[i] /= norm;
    }
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++)
            weight[r * cols + c] = (float)(gain * (rows <= cols ? q[r * n + c] : q[c * n + r]));
    free(q);
    return LTD_OK;
}
