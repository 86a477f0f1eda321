#include "trainer/bench/accept_depth.h"

#include <math.h>

int32_t ltd_accept_depths(const uint32_t *accept_hist, const uint32_t *depth_hist)
{
    int32_t d = LTD_RUN_ACCEPT - 2;
    while (d > 0 && accept_hist[d + 1] == 0 && depth_hist[d] == 0) d--;
    return d;
}

/* Cycles whose value is at least `from`. */
static double reached(const uint32_t *hist, int32_t from)
{
    double n = 0;
    for (int32_t i = from; i < LTD_RUN_ACCEPT; i++) n += hist[i];
    return n;
}

static double share(double n, double of)
{
    return of > 0 ? n / of : NAN;
}

ltd_accept_depth ltd_accept_at(const uint32_t *accept_hist, const uint32_t *depth_hist, int32_t d)
{
    double right = reached(accept_hist, d + 1);
    return (ltd_accept_depth){.verified = share(reached(depth_hist, d), reached(depth_hist, 0)),
                              .accepted = share(right, reached(accept_hist, 0)),
                              .given = share(right, reached(accept_hist, d))};
}
