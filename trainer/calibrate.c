/* Points are measured in rounds: each round runs every point once, in a shuffled order, so that a
 * slow moment of a shared machine touches all points alike and medians compare.  The text at a
 * point is filler; costs depend only on how many of its tokens the draft head lacks. */
#include "trainer/calibrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "trainer/calibrate_priv.h"

enum { MAX_POINTS = 2 * LTD_COST_MAX_POINTS, WARMUP_ROUNDS = 2 };

/* Rows of a verification that are measured: the tree's sizes + 1, thinned. */
static const int32_t verify_rows[] = {1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 61, 97, 129, 241};

typedef struct point {
    bool draft;
    int32_t rows, context;
    double *ms; /* [reps] */
    int32_t n;
} point;

typedef struct bench {
    const ltd_setup *s;
    ltd_session *session;
    ltd_draft *draft; /* NULL without a head */
    point points[MAX_POINTS];
    int32_t n_points, n_of[2]; /* all; verifications, draft forwards */
    int32_t at;                /* context the sessions hold now */
    int32_t *filler, *identity, *parent, *ancestors;
    float *features;
    double *pool; /* samples of all points */
} bench;

/* A table of costs holds LTD_COST_MAX_POINTS of each kind. */
static int add_point(bench *b, bool draft, int32_t rows, int32_t context, ltd_err *err)
{
    if (b->n_of[draft] == LTD_COST_MAX_POINTS)
        return ltd_fail(err, LTD_EINVAL,
                        "calibration.contexts: %d contexts make more than %d points to measure, "
                        "expected fewer",
                        b->s->config.calibration.contexts.n, LTD_COST_MAX_POINTS);
    b->n_of[draft]++;
    b->points[b->n_points++] = (point){.draft = draft, .rows = rows, .context = context};
    return LTD_OK;
}

static int list_points(bench *b, const ltd_cycle_options *o, ltd_err *err)
{
    const ltd_ints *contexts = &b->s->config.calibration.contexts;
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < contexts->n; i++) {
        int32_t context = contexts->v[i];
        if (context + o->max_size + 2 > o->context) {
            ltd_log(b->s->log, LTD_LOG_WARN,
                    "context %d is left out: with %d rows it needs model.context = %d, which is %d",
                    context, o->max_size + 1, context + o->max_size + 2, o->context);
            continue;
        }
        for (size_t r = 0; rc == LTD_OK && r < sizeof verify_rows / sizeof *verify_rows; r++)
            if (verify_rows[r] <= o->max_size + 1)
                rc = add_point(b, false, verify_rows[r], context, err);
        if (rc == LTD_OK && b->draft) rc = add_point(b, true, 1, context, err);
        if (rc == LTD_OK && b->draft && o->max_forwards > 1 && o->top_k > 1)
            rc = add_point(b, true, o->top_k, context, err);
    }
    if (rc == LTD_OK && b->n_points == 0)
        rc = ltd_fail(err, LTD_EINVAL,
                      "calibrate: no context of calibration.contexts fits model.context = %d",
                      o->context);
    return rc;
}

static int allocate(bench *b, const ltd_cycle_options *o, int32_t reps, ltd_err *err)
{
    size_t context = (size_t)o->context, rows = (size_t)o->max_size + 64;
    size_t feature = 3 * (size_t)ltd_llama_config(b->s->model)->hidden;
    b->filler = ltd_mem_zeros(context, sizeof(int32_t));
    b->identity = ltd_mem_zeros(context, sizeof(int32_t));
    b->parent = ltd_mem_zeros(rows, sizeof(int32_t));
    b->ancestors = ltd_mem_zeros(64, sizeof(int32_t));
    b->features = ltd_mem_zeros(64 * feature, sizeof(float));
    b->pool = ltd_mem_zeros((size_t)MAX_POINTS * (size_t)reps, sizeof(double));
    if (!b->filler || !b->identity || !b->parent || !b->ancestors || !b->features || !b->pool)
        return ltd_fail(err, LTD_ENOMEM, "calibrate: no memory");
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    for (size_t i = 0; i < context; i++) {
        /* Another token for every eight, about as often as a text brings a rare one. */
        uint64_t vocab = (uint64_t)ltd_llama_config(b->s->model)->vocab;
        b->filler[i] = i % 8 ? b->filler[i - 1] : (int32_t)ltd_rng_below(&rng, vocab);
        b->identity[i] = (int32_t)i;
    }
    for (size_t i = 0; i < 64 * feature; i++) b->features[i] = ltd_rng_normal(&rng);
    for (size_t i = 0; i < rows; i++) b->parent[i] = i ? (int32_t)(i - 1) / 2 : -1;
    for (int32_t i = 0; i < b->n_points; i++) b->points[i].ms = b->pool + (size_t)i * (size_t)reps;
    return LTD_OK;
}

/* Bring target and head to `context` committed tokens. */
static int go_to(bench *b, int32_t context, ltd_err *err)
{
    int rc = LTD_OK;
    if (context < b->at) {
        rc = ltd_session_truncate(b->session, context, err);
        if (rc == LTD_OK && b->draft) rc = ltd_draft_truncate(b->draft, context, err);
        b->at = context;
    }
    while (rc == LTD_OK && b->at < context) {
        int32_t n = context - b->at < 32 ? context - b->at : 32;
        ltd_rows rows = {n, b->filler + b->at, NULL, 0};
        rc = ltd_session_forward(b->session, &rows, err);
        if (rc == LTD_OK) rc = ltd_session_commit(b->session, b->identity, n, err);
        if (rc == LTD_OK && b->draft)
            rc = ltd_draft_extend(b->draft, b->features, b->filler + b->at, n, false, err);
        b->at += n;
    }
    return rc;
}

/* One draft forward: a resync of one pair, or an expansion after an untimed resync. */
static int time_draft(bench *b, const point *p, uint64_t *ns, ltd_err *err)
{
    int rc = ltd_draft_truncate(b->draft, p->context - 1, err);
    uint64_t t0 = ltd_clock_now(&b->s->clock);
    if (rc == LTD_OK) rc = ltd_draft_extend(b->draft, b->features, b->filler, 1, true, err);
    if (rc == LTD_OK && p->rows > 1) {
        const int32_t *none[LTD_TREE_MAX_TOP_K];
        int32_t sources[LTD_TREE_MAX_TOP_K] = {0};
        for (int32_t i = 0; i < p->rows; i++) none[i] = b->ancestors;
        ltd_expansion e = {ltd_draft_tokens(b->draft), sources, none, 0};
        t0 = ltd_clock_now(&b->s->clock);
        rc = ltd_draft_expand(b->draft, &e, err);
    }
    *ns = ltd_clock_now(&b->s->clock) - t0;
    return rc;
}

static int time_verify(bench *b, const point *p, uint64_t *ns, ltd_err *err)
{
    ltd_rows rows = {p->rows, b->filler, b->parent, p->rows};
    uint64_t t0 = ltd_clock_now(&b->s->clock);
    int rc = ltd_session_forward(b->session, &rows, err);
    *ns = ltd_clock_now(&b->s->clock) - t0;
    return rc;
}

static int run_round(bench *b, bool keep, ltd_err *err)
{
    for (int32_t i = 0; i < b->n_points; i++) {
        point *p = &b->points[i];
        uint64_t ns = 0;
        int rc = go_to(b, p->context, err);
        if (rc == LTD_OK) rc = p->draft ? time_draft(b, p, &ns, err) : time_verify(b, p, &ns, err);
        if (rc < 0) return rc;
        if (keep) p->ms[p->n++] = (double)ns * 1e-6;
    }
    return LTD_OK;
}

static void fill_table(const bench *b, ltd_cost *cost)
{
    for (int32_t i = 0; i < b->n_points; i++) {
        const point *p = &b->points[i];
        float median = (float)ltd_calibrate_median(p->ms, p->n);
        ltd_cost_point made = {p->rows, p->context, median, (float)p->ms[0]};
        if (p->draft)
            cost->draft[cost->n_draft++] = made;
        else
            cost->verify[cost->n_verify++] = made;
    }
    const ltd_setup *s = b->s;
    snprintf(cost->machine, sizeof cost->machine, "%s", s->machine);
    snprintf(cost->cpu, sizeof cost->cpu, "%.*s", (int)strcspn(s->machine, ","), s->machine);
    snprintf(cost->isa, sizeof cost->isa, "%s", ltd_llama_kernels(s->model)->name);
    cost->threads = ltd_pool_threads(ltd_llama_pool(s->model));
    snprintf(cost->model_hash, sizeof cost->model_hash, "%s", ltd_llama_hash(s->model));
    if (!s->head) return;
    snprintf(cost->head_hash, sizeof cost->head_hash, "%s", ltd_eagle3_hash(s->head));
    cost->top_k = s->config.env.top_k;
}

/* T_ar at the middle context: the plain step, measured like every other point. */
static void set_middle(ltd_cost *cost)
{
    float t = cost->verify[0].ms;
    for (int32_t i = 0; i < cost->n_verify; i++)
        if (cost->verify[i].rows == 1 && cost->verify[i].context == cost->middle_context)
            t = cost->verify[i].ms;
    cost->t_ar_ms = t;
}

static int open_bench(bench *b, const ltd_cycle_options *o, ltd_err *err)
{
    int32_t rows = o->max_size + 1 > 64 ? o->max_size + 1 : 64;
    ltd_session_options so = {o->context, rows, o->kv_f16, false, 1};
    int rc = ltd_session_new(&b->session, b->s->model, &so, err);
    if (rc == LTD_OK && b->s->head)
        rc = ltd_session_set_taps(b->session, ltd_eagle3_get_config(b->s->head)->taps, 3, err);
    ltd_draft_options draft = {o->context, 64, o->top_k, 1, o->vocabulary, false};
    if (rc == LTD_OK && b->s->head) rc = ltd_draft_new(&b->draft, b->s->head, &draft, err);
    if (rc == LTD_OK) rc = list_points(b, o, err);
    if (rc < 0) return rc;
    return allocate(b, o, b->s->config.calibration.reps, err);
}

static void close_bench(bench *b)
{
    ltd_session_free(b->session);
    ltd_draft_free(b->draft);
    free(b->filler);
    free(b->identity);
    free(b->parent);
    free(b->ancestors);
    free(b->features);
    free(b->pool);
    free(b);
}

int ltd_calibrate(const ltd_setup *s, void (*progress)(void *ctx, double share), void *ctx,
                  ltd_cost **ret, ltd_err *err)
{
    *ret = NULL;
    ltd_cost *cost = ltd_mem_zeros(1, sizeof *cost);
    bench *b = ltd_mem_zeros(1, sizeof *b);
    if (!cost || !b) {
        free(cost);
        free(b);
        return ltd_fail(err, LTD_ENOMEM, "calibrate: no memory");
    }
    b->s = s;
    ltd_cycle_options o = ltd_setup_cycle_options(s);
    int rc = open_bench(b, &o, err);
    int32_t rounds = s->config.calibration.reps + WARMUP_ROUNDS;
    for (int32_t r = 0; rc == LTD_OK && r < rounds; r++) {
        rc = run_round(b, r >= WARMUP_ROUNDS, err);
        if (progress) progress(ctx, (double)(r + 1) / rounds);
    }
    if (rc == LTD_OK) {
        fill_table(b, cost);
        cost->t_ar_ms = cost->verify[0].ms;
        rc = ltd_cost_finish(cost, err);
        set_middle(cost);
    }
    if (rc == LTD_OK) rc = ltd_calibrate_small(s, cost, err);
    close_bench(b);
    if (rc < 0) {
        free(cost);
        return rc;
    }
    *ret = cost;
    return LTD_OK;
}
