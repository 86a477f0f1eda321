/* Settings of engines played over records. */
#include "trainer/tune/serving.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/records/narrow.h"
#include "trainer/records/outcomes.h"
#include "trainer/tune/serving_priv.h"

/* A beam width, with what its trees come to. */
typedef struct beam {
    ltd_trace narrowed; /* empty: the trace as it was recorded */
    ltd_outcomes *outcomes;
} beam;

typedef struct ground {
    const ltd_serving_records *r;
    beam beams[LTD_SERVING_BEAMS + 1];                           /* [top_k] */
    size_t *first;                                               /* [texts] its first position */
    ltd_ngram_hit *hits[LTD_ENGINE_COUNT][LTD_SERVING_GRAM + 1]; /* [positions], once needed */
    ltd_serving_setting *grid;                                   /* [LTD_SERVING_MAX] */
    ltd_rate *rate[3]; /* [n_held] best, preset, plain decoding */
    int32_t top_k;     /* widest beam that is looked at */
    size_t positions;
} ground;

/* --- n-grams --- */

static int look_up(ground *g, ltd_engine engine, int32_t gram, ltd_err *err)
{
    const ltd_trace *trace = g->r->trace;
    ltd_ngram_hit *hit = ltd_mem_zeros(g->positions, sizeof *hit);
    if (!hit) return ltd_fail(err, LTD_ENOMEM, "serving settings: no memory");
    g->hits[engine][gram] = hit;
    for (int32_t t = 0; t < trace->n; t++) {
        const ltd_trace_text *x = &trace->text[t];
        for (int32_t i = 0; i < x->positions; i++) {
            int32_t n = x->prompt + i + 1;
            /* The last token that is known follows what was accepted. */
            *hit++ = ltd_ngram_find(engine, x->token, n, gram, x->token + n, x->n - n - 1);
        }
    }
    return LTD_OK;
}

/* --- playing --- */

static int32_t positions_of(const ground *g, int32_t text)
{
    int32_t n = g->r->trace->text[text].positions, most = g->r->max_new - 1;
    return most < n ? most : n;
}

/* What a cycle at a position does, but for the time; returns the tokens that it adds. */
static int32_t play_cycle(const ground *g, ltd_engine engine, const ltd_serving_setting *s,
                          int32_t text, int32_t i, ltd_cost_work *work)
{
    *work = (ltd_cost_work){.top_k = s->top_k, .context = g->r->trace->text[text].prompt + i};
    if (s->draft) {
        const ltd_ngram_hit *hit = &g->hits[engine][s->match_max][g->first[text] + (size_t)i];
        work->size = ltd_ngram_draft(engine, s, hit, work->context + 1);
        if (work->size) return 1 + (hit->right < work->size ? hit->right : work->size);
    }
    if (!s->steps) return 1;
    const ltd_outcomes *o = g->beams[s->top_k].outcomes;
    int32_t pool = ltd_outcomes_pool(o, text, i, false, s->steps);
    work->forwards = s->steps;
    work->size = s->nodes < pool ? s->nodes : pool;
    return ltd_outcomes_len(o, text, i, false, s->steps, work->size);
}

static ltd_rate play(const ground *g, ltd_engine engine, const ltd_serving_setting *s, int32_t text)
{
    int32_t n = positions_of(g, text), waiting = 1;
    ltd_rate rate = {.tokens = n};
    for (int32_t i = 0; i < n;) {
        ltd_cost_work work;
        int32_t got = play_cycle(g, engine, s, text, i, &work);
        work.waiting = waiting;
        rate.seconds += 1e-3 * ltd_cost_cycle(g->r->cost, &work);
        waiting = work.forwards ? got : waiting + got;
        i += got;
    }
    return rate;
}

static void play_held(const ground *g, ltd_engine engine, const ltd_serving_setting *s,
                      ltd_rate *ret)
{
    for (int32_t i = 0; i < g->r->n_held; i++) ret[i] = play(g, engine, s, g->r->held[i]);
}

static double train_seconds(const ground *g, ltd_engine engine, const ltd_serving_setting *s)
{
    double sum = 0;
    for (int32_t i = 0; i < g->r->n_train; i++) sum += play(g, engine, s, g->r->train[i]).seconds;
    return sum;
}

/* --- the choice --- */

/* Whether the records hold what the engine drafts by itself; else row->why says what makes them. */
static bool has_preset(const ground *g, ltd_serving_row *row)
{
    const ltd_trace *t = g->r->trace;
    const ltd_serving_setting *s = &row->preset;
    int32_t forwards = s->steps > t->max_forwards ? s->steps : t->max_forwards;
    int32_t top_k = s->top_k > t->top_k ? s->top_k : t->top_k;
    if (forwards == t->max_forwards && top_k == t->top_k) return true;
    ltd_serving_row empty = {.tried = 0};
    snprintf(empty.why, sizeof empty.why,
             "its default drafts %d steps with a beam of %d, the records have %d of %d: run `ltd "
             "record --env.max_forwards=%d --env.top_k=%d`, and this with the same",
             s->steps, s->top_k, t->max_forwards, t->top_k, forwards, top_k);
    *row = empty;
    return false;
}

/* The fastest on the training texts; the first of equals. */
static int search(ground *g, ltd_engine engine, ltd_serving_row *row, ltd_err *err)
{
    int32_t n = ltd_serving_grid(engine, g->r->trace->max_forwards, g->top_k, g->grid);
    double least = 0;
    int rc = LTD_OK;
    row->tried = n;
    for (int32_t i = 0; rc == LTD_OK && i < n; i++) {
        const ltd_serving_setting *s = &g->grid[i];
        if (s->draft && !g->hits[engine][s->match_max]) rc = look_up(g, engine, s->match_max, err);
        if (rc < 0) return rc;
        double seconds = train_seconds(g, engine, s);
        if (i > 0 && !(seconds < least)) continue;
        least = seconds;
        row->best = *s;
    }
    return LTD_OK;
}

static int ratio(const ground *g, const ltd_rate *a, const ltd_rate *b, ltd_ratio *ret,
                 ltd_err *err)
{
    size_t n = (size_t)g->r->n_held;
    ret->value = ltd_stats_ratio(a, b, n);
    return ltd_stats_bootstrap(a, b, n, g->r->resamples, g->r->seed, &ret->ci, err);
}

static int choose(ground *g, ltd_engine engine, ltd_serving_row *row, ltd_err *err)
{
    const ltd_serving_setting plain = {0};
    row->preset = ltd_serving_preset(engine, g->r->trace->max_forwards > 0, g->r->llama);
    if (!has_preset(g, row)) return LTD_OK;
    int rc = search(g, engine, row, err);
    if (rc < 0) return rc;
    size_t n = (size_t)g->r->n_held;
    play_held(g, engine, &row->best, g->rate[0]);
    play_held(g, engine, &row->preset, g->rate[1]);
    if (!(ltd_stats_ratio(g->rate[0], g->rate[2], n) > 1)) {
        row->best = plain;
        memcpy(g->rate[0], g->rate[2], n * sizeof *g->rate[0]);
    }
    row->tok_s = ltd_stats_speed(g->rate[0], n);
    row->preset_tok_s = ltd_stats_speed(g->rate[1], n);
    rc = ratio(g, g->rate[0], g->rate[2], &row->speedup, err);
    return rc == LTD_OK ? ratio(g, g->rate[0], g->rate[1], &row->gain, err) : rc;
}

/* --- the ground --- */

static int open_beam(ground *g, int32_t k, ltd_serving *ret, ltd_err *err)
{
    beam *b = &g->beams[k];
    ltd_narrowed told;
    ltd_cycle_options o = g->r->cycle;
    int rc = LTD_OK;
    o.trace = g->r->trace;
    if (k < g->r->trace->top_k) {
        rc = ltd_trace_narrow(&b->narrowed, g->r->trace, k, &told, err);
        o.trace = &b->narrowed;
    }
    if (rc == LTD_OK && k == 1 && b->narrowed.n && told.positions)
        ret->in_doubt = (double)told.in_doubt / (double)told.positions;
    o.top_k = k;
    o.max_forwards = g->r->trace->max_forwards;
    o.context += LTD_SERVING_NODES;
    o.max_size = LTD_SERVING_NODES;
    o.lookup = false;
    o.survival = NULL;
    return rc == LTD_OK ? ltd_outcomes_new(&b->outcomes, &o, err) : rc;
}

static int open_ground(ground *g, ltd_serving *ret, ltd_err *err)
{
    const ltd_trace *trace = g->r->trace;
    g->first = ltd_mem_zeros((size_t)trace->n, sizeof *g->first);
    g->grid = ltd_mem_zeros(LTD_SERVING_MAX, sizeof *g->grid);
    for (int k = 0; k < 3; k++)
        g->rate[k] = ltd_mem_zeros((size_t)g->r->n_held, sizeof *g->rate[k]);
    if (!g->first || !g->grid || !g->rate[0] || !g->rate[1] || !g->rate[2])
        return ltd_fail(err, LTD_ENOMEM, "serving settings: no memory");
    for (int32_t t = 0; t < trace->n; t++) {
        g->first[t] = g->positions;
        g->positions += (size_t)trace->text[t].positions;
    }
    if (trace->max_forwards) g->top_k = trace->top_k;
    if (g->top_k > LTD_SERVING_BEAMS) g->top_k = LTD_SERVING_BEAMS;
    int rc = LTD_OK;
    for (int32_t k = 1; rc == LTD_OK && k <= g->top_k; k++) rc = open_beam(g, k, ret, err);
    return rc;
}

static void close_ground(ground *g)
{
    for (int k = 0; k <= LTD_SERVING_BEAMS; k++) {
        ltd_outcomes_free(g->beams[k].outcomes);
        ltd_trace_fini(&g->beams[k].narrowed);
    }
    for (int e = 0; e < LTD_ENGINE_COUNT; e++)
        for (int k = 0; k <= LTD_SERVING_GRAM; k++) free(g->hits[e][k]);
    for (int k = 0; k < 3; k++) free(g->rate[k]);
    free(g->first);
    free(g->grid);
}

int ltd_serving_choose(const ltd_serving_records *r, ltd_serving *ret, ltd_err *err)
{
    ltd_serving v = {.train = r->n_train,
                     .held = r->n_held,
                     .head = r->trace->max_forwards > 0,
                     .top_k = r->trace->top_k};
    const ltd_serving_setting plain = {0};
    if (r->n_train < 1 || r->n_held < 1)
        return ltd_fail(err, LTD_EINVAL,
                        "serving settings: %d texts to choose on and %d held out, expected both",
                        r->n_train, r->n_held);
    ground *g = ltd_mem_zeros(1, sizeof *g);
    if (!g) return ltd_fail(err, LTD_ENOMEM, "serving settings: no memory");
    g->r = r;
    int rc = open_ground(g, &v, err);
    if (rc == LTD_OK) {
        play_held(g, LTD_ENGINE_SGLANG, &plain, g->rate[2]);
        v.plain_tok_s = ltd_stats_speed(g->rate[2], (size_t)r->n_held);
    }
    for (int e = 0; rc == LTD_OK && e < LTD_ENGINE_COUNT; e++)
        rc = choose(g, (ltd_engine)e, &v.row[e], err);
    close_ground(g);
    free(g);
    if (rc == LTD_OK) *ret = v;
    return rc;
}
