#include "trainer/checkpoint/export_check.h"

#include <math.h>

#include "agents/categorical.h"

static bool same_shape(const ltd_mlp *a, const ltd_mlp *b)
{
    bool same = b && ltd_mlp_layers(a) == ltd_mlp_layers(b) &&
                ltd_mlp_activation(a) == ltd_mlp_activation(b);
    for (int32_t i = 0; same && i <= ltd_mlp_layers(a); i++)
        same = ltd_mlp_dim(a, i) == ltd_mlp_dim(b, i);
    return same;
}

static int compare_turn(ltd_mlp *a, ltd_mlp *b, const char *what, const struct ltd_observed *met,
                        ltd_export_check *ret, int turn, ltd_err *err)
{
    float x[LTD_MAX_SIZES], y[LTD_MAX_SIZES];
    if (!a && !b) return LTD_OK;
    if (!a || !same_shape(a, b))
        return ltd_fail(err, LTD_EFORMAT, "export: read back, its %s net has another shape", what);
    int32_t actions = ltd_mlp_dim(a, ltd_mlp_layers(a));
    if (met->n == 0 || met->dim != ltd_mlp_dim(a, 0) || actions > LTD_MAX_SIZES)
        return ltd_fail(err, LTD_EINVAL,
                        "export: %d observations of %d floats to compare on, the %s net takes %d",
                        met->n, met->dim, what, ltd_mlp_dim(a, 0));
    for (int32_t i = 0; i < met->n; i++) {
        const float *obs = met->rows + (size_t)i * (size_t)met->dim;
        ltd_mlp_forward(a, obs, x);
        ltd_mlp_forward(b, obs, y);
        for (int32_t k = 0; k < actions; k++) {
            double d = fabs((double)x[k] - (double)y[k]);
            if (!(d <= ret->turn[turn].difference)) ret->turn[turn].difference = d;
        }
        ret->turn[turn].observations++;
        ret->turn[turn].same +=
            ltd_categorical_argmax(x, NULL, actions) == ltd_categorical_argmax(y, NULL, actions);
    }
    if (ret->turn[turn].difference <= LTD_EXPORT_TOLERANCE && ret->turn[turn].same == met->n)
        return LTD_OK;
    return ltd_fail(err, LTD_EFORMAT,
                    "export: read back, its %s net differs by %.3g (expected %g at most), with the "
                    "same action on %d of %d observations",
                    what, ret->turn[turn].difference, LTD_EXPORT_TOLERANCE, ret->turn[turn].same,
                    met->n);
}

int ltd_export_compare(const ltd_policy *a, const ltd_policy *b, const ltd_observations *met,
                       ltd_export_check *ret, ltd_err *err)
{
    *ret = (ltd_export_check){0};
    int rc = compare_turn(a->depth, b->depth, "depth", ltd_observations_of(met, LTD_TURN_DEPTH),
                          ret, 0, err);
    if (rc < 0) return rc;
    return compare_turn(a->size, b->size, "size", ltd_observations_of(met, LTD_TURN_SIZE), ret, 1,
                        err);
}
