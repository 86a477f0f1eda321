/* Weights are e^((logit - largest) / T), not divided by their sum: the sum is kept beside them, and
 * taking a token out changes one weight and the sum.
 *
 * What is kept is the beginning of the sorted vocabulary, but the vocabulary is not sorted.  Top-k
 * passes a heap of k entries, the last at its root, over the logits.  Top-p adds up the mass in
 * narrow buckets of logits; only the bucket in which it reaches p is sorted. */
#include "models/llm/sample.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { LANES = 8, BLOCK = 64, BUCKETS = 1024, BUCKETS_A_NAT = 32 };

struct ltd_sampler {
    ltd_sampling rule;
    int32_t vocab;
    int32_t n;      /* tokens in the distribution */
    int32_t *token; /* [vocab] the n tokens, ascending; while cutting off, any list */
    int32_t *place; /* [vocab] of a token among them, -1 = none */
    double *weight; /* [vocab] of the n tokens; while cutting off, by token */
    double mass;    /* sum of weight[n] */
    double summed;  /* mass when it was last added up */
    double max;     /* largest logit */
    double inverse; /* 1 / temperature */
};

static int check_rule(int32_t vocab, const ltd_sampling *r, ltd_err *err)
{
    if (vocab < 1)
        return ltd_fail(err, LTD_EINVAL, "sampling: %d tokens, expected 1 or more", vocab);
    if (!(r->temperature > 0) || !isfinite(r->temperature) || !isfinite(1 / r->temperature))
        return ltd_fail(err, LTD_EINVAL, "sampling: temperature %g, expected more than 0",
                        r->temperature);
    if (!(r->top_p > 0) || r->top_p > 1)
        return ltd_fail(err, LTD_EINVAL, "sampling: top_p %g, expected more than 0, up to 1",
                        r->top_p);
    if (r->top_k < 0)
        return ltd_fail(err, LTD_EINVAL, "sampling: top_k %d, expected 0 or more", r->top_k);
    return LTD_OK;
}

int ltd_sampler_new(ltd_sampler **ret, int32_t vocab, const ltd_sampling *rule, ltd_err *err)
{
    *ret = NULL;
    int rc = check_rule(vocab, rule, err);
    if (rc < 0) return rc;
    ltd_sampler *s = ltd_mem_zeros(1, sizeof *s);
    if (!s) return ltd_fail(err, LTD_ENOMEM, "sampling: no memory");
    s->rule = *rule;
    s->vocab = vocab;
    if (rule->top_k > vocab) s->rule.top_k = 0;
    s->inverse = 1 / rule->temperature;
    s->token = ltd_mem_zeros((size_t)vocab, sizeof *s->token);
    s->place = ltd_mem_zeros((size_t)vocab, sizeof *s->place);
    s->weight = ltd_mem_aligned((size_t)vocab, sizeof *s->weight);
    if (!s->token || !s->place || !s->weight) {
        ltd_sampler_free(s);
        return ltd_fail(err, LTD_ENOMEM, "sampling of %d tokens: no memory", vocab);
    }
    for (int32_t i = 0; i < vocab; i++) s->token[i] = s->place[i] = i; /* all, until some are cut */
    *ret = s;
    return LTD_OK;
}

void ltd_sampler_free(ltd_sampler *s)
{
    if (!s) return;
    free(s->token);
    free(s->place);
    free(s->weight);
    free(s);
}

/* --- arithmetic: sums in one fixed shape --- */

/* e^x for x <= 0, to 1e-11 relative; 0 below -700.  Libraries choose their exp by processor, and
 * then the same seed need not give the same text. */
static inline double exp_of(double x)
{
    /* x = k ln 2 + r.  Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits. */
    const double round = 6755399441055744.0, log2e = 1.4426950408889634;
    const double ln2 = 6.93147180369123816490e-01, ln2_rest = 1.90821492927058770002e-10;
    double c = x > -700 ? x : -700, t = c * log2e + round, k = t - round;
    double r = (c - k * ln2) - k * ln2_rest;
    double e = 1.0 / 362880;
    e = e * r + 1.0 / 40320;
    e = e * r + 1.0 / 5040;
    e = e * r + 1.0 / 720;
    e = e * r + 1.0 / 120;
    e = e * r + 1.0 / 24;
    e = e * r + 1.0 / 6;
    e = e * r + 0.5;
    e = e * r + 1;
    e = e * r + 1;
    uint64_t bits, shift;
    memcpy(&bits, &e, sizeof bits);
    memcpy(&shift, &t, sizeof shift);
    bits += shift << 52; /* times 2^k */
    memcpy(&e, &bits, sizeof e);
    return x > -700 ? e : 0;
}

static inline double weigh(const ltd_sampler *s, float logit)
{
    return exp_of(((double)logit - s->max) * s->inverse);
}

/* Of the whole vocabulary. */
static void weigh_all(const ltd_sampler *s, const float *logits)
{
    for (int32_t i = 0; i < s->vocab; i++) s->weight[i] = weigh(s, logits[i]);
}

static double sum_block(const double *v, int32_t n)
{
    double lane[LANES] = {0};
    int32_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int32_t j = 0; j < LANES; j++) lane[j] += v[i + j];
    for (int32_t j = 0; i < n; i++, j++) lane[j] += v[i];
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

/* Blocks of draw(), one after the other, so that both see the same sum. */
static double sum(const double *v, int32_t n)
{
    double all = 0;
    for (int32_t i = 0; i < n; i += BLOCK) all += sum_block(v + i, n - i < BLOCK ? n - i : BLOCK);
    return all;
}

static int largest(const float *x, int32_t n, float *ret, ltd_err *err)
{
    float lane[LANES], max = -INFINITY;
    int32_t bad[LANES] = {0}, any = 0, i = 0;
    for (int32_t j = 0; j < LANES; j++) lane[j] = -INFINITY;
    for (; i + LANES <= n; i += LANES)
        for (int32_t j = 0; j < LANES; j++) {
            lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
            bad[j] |= !(x[i + j] <= FLT_MAX);
        }
    for (; i < n; i++) {
        lane[0] = x[i] > lane[0] ? x[i] : lane[0];
        bad[0] |= !(x[i] <= FLT_MAX);
    }
    for (int32_t j = 0; j < LANES; j++) {
        max = lane[j] > max ? lane[j] : max;
        any |= bad[j];
    }
    for (i = 0; any; i++)
        if (!(x[i] <= FLT_MAX))
            return ltd_fail(err, LTD_EINVAL, "sampling: logit of token %d is %g, expected a number",
                            i, (double)x[i]);
    if (max == -INFINITY)
        return ltd_fail(err, LTD_EINVAL, "sampling: none of %d logits is a number", n);
    *ret = max;
    return LTD_OK;
}

/* --- the beginning of the order, told by its last token --- */

static bool behind(const float *x, int32_t a, int32_t b)
{
    return x[a] < x[b] || (x[a] == x[b] && a > b);
}

/* Let the entry at `at` sink until it is behind both below it: the heap's root is its last. */
static void sift(const float *x, int32_t *heap, int32_t n, int32_t at)
{
    int32_t moving = heap[at];
    for (int32_t below; (below = 2 * at + 1) < n; at = below) {
        if (below + 1 < n && behind(x, heap[below + 1], heap[below])) below++;
        if (behind(x, moving, heap[below])) break;
        heap[at] = heap[below];
    }
    heap[at] = moving;
}

static void make_heap(const float *x, int32_t *list, int32_t n)
{
    for (int32_t i = n / 2; i-- > 0;) sift(x, list, n, i);
}

static void sort_heap(const float *x, int32_t *heap, int32_t n)
{
    for (int32_t m = n - 1; m > 0; m--) {
        int32_t last = heap[0];
        heap[0] = heap[m];
        heap[m] = last;
        sift(x, heap, m, 0);
    }
}

/* Where the sorted list's mass reaches `enough`. */
static int32_t reach(const ltd_sampler *s, int32_t n, double have, double enough)
{
    int32_t i = 0;
    for (; i < n - 1; i++) {
        have += s->weight[s->token[i]];
        if (have >= enough) break;
    }
    return s->token[i];
}

/* Last token of top-k and then, with transformers' order, of top-p. */
static int32_t last_of_k(ltd_sampler *s, const float *logits)
{
    int32_t k = s->rule.top_k, *heap = s->token;
    for (int32_t i = 0; i < k; i++) heap[i] = i;
    make_heap(logits, heap, k);
    for (int32_t i = k; i < s->vocab; i++) {
        if (!(logits[i] > logits[heap[0]])) continue; /* on a tie the older id stays */
        heap[0] = i;
        sift(logits, heap, k, 0);
    }
    if (s->rule.top_p >= 1 || s->rule.top_p_first) return heap[0];
    sort_heap(logits, heap, k);
    double mass = 0;
    for (int32_t i = 0; i < k; i++) {
        s->weight[heap[i]] = weigh(s, logits[heap[i]]);
        mass += s->weight[heap[i]];
    }
    return reach(s, k, 0, s->rule.top_p * mass);
}

static int32_t bucket_of(const ltd_sampler *s, float logit)
{
    double d = (s->max - (double)logit) * s->inverse * BUCKETS_A_NAT;
    return d < BUCKETS - 1 ? (int32_t)d : BUCKETS - 1;
}

/* Last token of top-p over the whole vocabulary. */
static int32_t last_of_p(ltd_sampler *s, const float *logits)
{
    double bucket[BUCKETS] = {0}, mass = 0, have = 0;
    weigh_all(s, logits);
    for (int32_t i = 0; i < s->vocab; i++) bucket[bucket_of(s, logits[i])] += s->weight[i];
    for (int32_t i = 0; i < BUCKETS; i++) mass += bucket[i];
    double enough = s->rule.top_p * mass;
    int32_t b = 0, n = 0;
    while (have + bucket[b] < enough) have += bucket[b++]; /* ends: the same sum reaches mass */
    for (int32_t i = 0; i < s->vocab; i++)
        if (bucket_of(s, logits[i]) == b) s->token[n++] = i;
    make_heap(logits, s->token, n);
    sort_heap(logits, s->token, n);
    return reach(s, n, have, enough);
}

/* Keep the tokens up to `last`, in token order. */
static void keep(ltd_sampler *s, const float *logits, int32_t last)
{
    s->n = 0;
    for (int32_t i = 0; i < s->vocab; i++) {
        s->place[i] = -1;
        if (behind(logits, i, last)) continue;
        s->place[i] = s->n;
        s->token[s->n] = i;
        s->weight[s->n++] = weigh(s, logits[i]);
    }
}

int ltd_sampler_set(ltd_sampler *s, const float *logits, ltd_err *err)
{
    const ltd_sampling *r = &s->rule;
    float max = 0;
    int rc = largest(logits, s->vocab, &max, err);
    if (rc < 0) return rc;
    s->max = (double)max;
    if (r->top_k > 0 || r->top_p < 1) {
        bool k = r->top_k > 0, p = r->top_p < 1 && (!k || r->top_p_first);
        int32_t last = k ? last_of_k(s, logits) : -1;
        if (p) {
            int32_t other = last_of_p(s, logits);
            if (!k || behind(logits, last, other)) last = other;
        }
        keep(s, logits, last);
    } else {
        s->n = s->vocab;
        weigh_all(s, logits);
    }
    s->mass = s->summed = sum(s->weight, s->n);
    return LTD_OK;
}

/* --- the distribution --- */

double ltd_sampler_p(const ltd_sampler *s, int32_t token)
{
    int32_t at = token >= 0 && token < s->vocab ? s->place[token] : -1;
    return at < 0 ? 0 : s->weight[at] / s->mass;
}

int32_t ltd_sampler_draw(const ltd_sampler *s, double u)
{
    double goal = u * s->mass, have = 0;
    int32_t last = -1; /* the last token that can come, should rounding lead past the end */
    for (int32_t b = 0; b < s->n; b += BLOCK) {
        int32_t end = s->n - b < BLOCK ? s->n : b + BLOCK;
        double block = sum_block(s->weight + b, end - b);
        if (have + block <= goal && b + BLOCK < s->n) {
            have += block;
            if (block > 0) last = b + BLOCK - 1;
            continue;
        }
        for (int32_t i = b; i < end; i++) {
            if (!(s->weight[i] > 0)) continue;
            have += s->weight[i];
            last = i;
            if (have > goal) return s->token[i];
        }
    }
    while (last > 0 && !(s->weight[last] > 0)) last--;
    return s->token[last < 0 ? 0 : last];
}

bool ltd_sampler_remove(ltd_sampler *s, int32_t token)
{
    int32_t at = token >= 0 && token < s->vocab ? s->place[token] : -1;
    if (at < 0 || !(s->weight[at] > 0)) return true;
    double weight = s->weight[at], rest = s->mass - weight;
    s->weight[at] = 0;
    /* A small difference of large sums is mostly rounding: add up what is left. */
    if (rest < 1e-4 * s->summed) rest = s->summed = sum(s->weight, s->n);
    if (rest > 0) {
        s->mass = rest;
        return true;
    }
    s->weight[at] = s->summed = weight;
    return false;
}
