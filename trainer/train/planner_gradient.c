/* With p_n = p(go on after n forwards), reach_n = p_0 ... p_(n-1), Q_n the mean value of stopping
 * there and W_n = p_n W_(n+1) + (1 - p_n) Q_n the value of going by the policy from there:
 *
 *     d W_0 / d logit(go)_n     = reach_n p_n (1 - p_n) (W_(n+1) - Q_n)
 *     d W_0 / d logit(V)_n      = reach_n (1 - p_n) p(V | n) (value_V - Q_n)
 *
 * and the like for the entropies, of which those further on do not count as a reason to go on. */
#include <math.h>
#include <string.h>

#include "trainer/train/planner.h"

enum { MAX_VIEWS = LTD_TREE_MAX_DEPTH + 1 };

/* Probabilities of the legal ones; returns their entropy. */
static double softmax(const float *logit, const uint8_t *legal, int32_t n, double *p)
{
    double most = -INFINITY, sum = 0, entropy = 0;
    for (int32_t i = 0; i < n; i++)
        if (legal[i] && (double)logit[i] > most) most = (double)logit[i];
    for (int32_t i = 0; i < n; i++) {
        p[i] = legal[i] ? exp((double)logit[i] - most) : 0;
        sum += p[i];
    }
    for (int32_t i = 0; i < n; i++) {
        p[i] /= sum;
        if (p[i] > 0) entropy -= p[i] * log(p[i]);
    }
    return entropy;
}

/* Stopping after n forwards: its value, and the sizes' gradient as if it were sure. */
static double stop_value(const ltd_planner_batch *b, size_t view, double entropy, double *grad)
{
    double p[LTD_POSITIONS_SIZES], mean = 0;
    size_t at = view * (size_t)b->sizes;
    double h = softmax(b->size + at, b->legal + at, b->sizes, p);
    for (int32_t i = 0; i < b->sizes; i++)
        if (p[i] > 0) mean += p[i] * (double)b->value[at + (size_t)i];
    for (int32_t i = 0; i < b->sizes; i++)
        grad[i] = p[i] > 0 ? p[i] * ((double)b->value[at + (size_t)i] - mean) -
                                 entropy * p[i] * (log(p[i]) + h)
                           : 0;
    return mean;
}

static double one_cycle(const ltd_planner_batch *b, int32_t cycle, double entropy)
{
    double size_grad[MAX_VIEWS][LTD_POSITIONS_SIZES];
    double q[MAX_VIEWS] = {0}, p[MAX_VIEWS] = {0}, w[MAX_VIEWS] = {0};
    int32_t views = b->forwards + 1;
    size_t first = (size_t)cycle * (size_t)views;
    for (int32_t n = 0; n < views; n++) {
        const float *logit = b->depth + 2 * (first + (size_t)n);
        q[n] = stop_value(b, first + (size_t)n, entropy, size_grad[n]);
        p[n] = n < b->forwards ? 1 / (1 + exp((double)logit[0] - (double)logit[1])) : 0;
    }
    w[b->forwards] = q[b->forwards];
    for (int32_t n = b->forwards - 1; n >= 0; n--) w[n] = p[n] * w[n + 1] + (1 - p[n]) * q[n];
    double reach = 1;
    for (int32_t n = 0; n < views; n++) {
        float *depth = b->depth_grad + 2 * (first + (size_t)n);
        float *size = b->size_grad + (first + (size_t)n) * (size_t)b->sizes;
        double both = reach * p[n] * (1 - p[n]), go = 0;
        if (n < b->forwards) go = both * (w[n + 1] - q[n]);
        if (both > 0) go -= entropy * both * log(p[n] / (1 - p[n]));
        depth[0] = (float)(-go / b->n);
        depth[1] = (float)(go / b->n);
        for (int32_t i = 0; i < b->sizes; i++)
            size[i] = (float)(reach * (1 - p[n]) * size_grad[n][i] / b->n);
        reach *= p[n];
    }
    return w[0];
}

double ltd_planner_gradient(const ltd_planner_batch *b, double entropy)
{
    double sum = 0;
    for (int32_t i = 0; i < b->n; i++) sum += one_cycle(b, i, entropy);
    return sum / b->n;
}
