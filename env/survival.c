#include "env/survival.h"

#include <math.h>
#include <string.h>

#include "env/survival_priv.h"

static const float step = 1.0f / LTD_SURVIVAL_STEPS; /* between knots */

/* --- without a survival --- */

/* First match length of each class, and how often the first token of such a chain is right; the
 * more tokens are right, the likelier the next. */
static const int32_t first_length[LTD_SURVIVAL_MATCHES] = {1,  2,  3,  4,  5,  6, 8,
                                                           10, 13, 17, 25, 33, 49};
static const float first_rate[LTD_SURVIVAL_MATCHES] = {
    0.40f, 0.54f, 0.63f, 0.73f, 0.75f, 0.78f, 0.83f, 0.88f, 0.91f, 0.94f, 0.96f, 0.97f, 0.99f};
static const float rate_growth = 0.8f; /* of the share that is wrong, a place */

int32_t ltd_survival_class(int32_t length)
{
    int32_t c = LTD_SURVIVAL_MATCHES - 1;
    while (c > 0 && length < first_length[c]) c--;
    return c;
}

float ltd_survival_first_rate(int32_t c)
{
    return first_rate[c];
}

void ltd_survival_estimate(int32_t c, float *score, int32_t n)
{
    float wrong = 1 - first_rate[c], sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += logf(1 - wrong);
        score[i] = sum;
        wrong *= rate_growth;
    }
}

/* --- asking --- */

static bool falls(const float *v, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (!(v[i] <= (i > 0 ? v[i - 1] : 0) && v[i] >= -1e6f)) return false;
    return true;
}

bool ltd_survival_is_sane(const ltd_survival *s)
{
    bool sane = falls(s->head, LTD_SURVIVAL_KNOTS);
    for (int32_t c = 0; c < LTD_SURVIVAL_MATCHES; c++) {
        sane = sane && falls(s->lookup[c], LTD_SURVIVAL_CHAIN);
        for (int32_t i = 0; i < 3; i++) sane = sane && fabsf(s->both[c][i]) <= 1e6f;
    }
    return sane;
}

float ltd_survival_head(const ltd_survival *s, float score)
{
    if (!s) return score;
    float at = -score / step;
    if (!(at > 0)) return s->head[0];
    if (at >= LTD_SURVIVAL_KNOTS - 1) {
        float below = s->head[LTD_SURVIVAL_KNOTS - 1] + score + step * (LTD_SURVIVAL_KNOTS - 1);
        return below > -INFINITY ? below : -INFINITY;
    }
    int32_t i = (int32_t)at;
    return s->head[i] + (at - (float)i) * (s->head[i + 1] - s->head[i]);
}

void ltd_survival_lookup(const ltd_survival *s, int32_t length, float *score, int32_t n)
{
    int32_t c = ltd_survival_class(length);
    if (!s) {
        ltd_survival_estimate(c, score, n);
        return;
    }
    int32_t known = n < LTD_SURVIVAL_CHAIN ? n : LTD_SURVIVAL_CHAIN;
    memcpy(score, s->lookup[c], (size_t)known * sizeof *score);
    for (int32_t i = known; i < n; i++) score[i] = score[i - 1];
}

float ltd_survival_odds(float logp)
{
    float p = expf(logp), rest = 1 - p;
    float x = logf(p > 1e-4f ? p : 1e-4f) - logf(rest > 1e-4f ? rest : 1e-4f);
    return x < -8 ? -8 : x > 8 ? 8 : x;
}

float ltd_survival_both(const ltd_survival *s, int32_t length, float logp)
{
    const float *b = s->both[ltd_survival_class(length)];
    float odds = logp > -INFINITY ? b[0] + b[1] * ltd_survival_odds(logp) : b[2];
    return -log1pf(expf(-odds));
}
