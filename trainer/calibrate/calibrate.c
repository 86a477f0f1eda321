/* What is measured are whole cycles in their own loop, by the phase clock, because that is what is
 * to be predicted: a forward measured apart, or among others, finds another part of the weights in
 * the caches than it does in a loop (25 % of a plain step, on one machine).
 *
 * A point is a setting at a context.  It is played in bursts of cycles, of which the first are not
 * kept.  What decisions go by is how a setting's time compares with a plain step's, and a shared
 * machine changes its speed by more than they differ, for seconds or minutes: so each burst follows
 * a burst of plain steps, and is measured by it.  A burst counts as its median cycle, which no
 * interruption moves; a point as the mean of its bursts, since times add up; small settings, which
 * policies choose most, are played more often.  The text is what the model says after filler: costs
 * depend on how many tokens there are, and on how many of them the draft head lacks. */
#include "trainer/calibrate/calibrate.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "env/tree.h"
#include "trainer/calibrate/calibrate_priv.h"

enum {
    BURST = 8,
    SKIP = 2,  /* cycles of a burst, which still feel the one before */
    SMALL = 8, /* nodes: settings up to this are played OFTEN times a round */
    OFTEN = 3,
    DRIFT = 128 /* tokens that a context may grow before the text is begun again */
};

/* Rows of a verification that are measured: the tree's sizes + 1, thinned. */
static const int32_t verify_rows[] = {2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 61, 97, 129, 241};

/* --- what to measure --- */

/* A table of costs holds LTD_COST_MAX_POINTS of each kind. */
static int add_point(ltd_calibration *c, ltd_calibrate_kind kind, int32_t forwards, int32_t size,
                     int32_t context, ltd_err *err)
{
    if (c->n_points == LTD_COST_MAX_POINTS)
        return ltd_fail(err, LTD_EINVAL,
                        "calibration.contexts: %d contexts make more than %d points to measure, "
                        "expected fewer",
                        c->s->config.calibration.contexts.n, LTD_COST_MAX_POINTS);
    c->points[c->n_points++] = (ltd_calibrate_point){.kind = kind,
                                                     .forwards = forwards,
                                                     .size = size,
                                                     .context = context,
                                                     .min_verify = INFINITY,
                                                     .min_draft = INFINITY};
    return LTD_OK;
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Plain steps; one draft forward, and three, whose difference are two expansions; all sizes, after
 * two forwards or as many as can fill them.  Without a head: what lookup can fill. */
static int list_context(ltd_calibration *c, const ltd_cycle_options *o, int32_t context,
                        ltd_err *err)
{
    bool head = ltd_cycle_has_head(c->cycle);
    int32_t most = head ? o->max_forwards : 0;
    int rc = add_point(c, LTD_CALIBRATE_STEP, 0, 0, context, err);
    int32_t few = least(o->max_size, o->top_k);
    if (rc == LTD_OK && most >= 1) rc = add_point(c, LTD_CALIBRATE_FIRST, 1, few, context, err);
    if (rc == LTD_OK && most >= 3 && o->top_k > 1)
        rc = add_point(c, LTD_CALIBRATE_THREE, 3, few, context, err);
    for (size_t r = 0; rc == LTD_OK && r < sizeof verify_rows / sizeof *verify_rows; r++) {
        int32_t size = verify_rows[r] - 1, forwards = head && most > 1 ? 2 : most;
        while (forwards < most && ltd_tree_pool(forwards, o->top_k) < size) forwards++;
        if (size > o->max_size ||
            size > (head ? ltd_tree_pool(most, o->top_k) : o->lookup_max_chain))
            break;
        rc = add_point(c, LTD_CALIBRATE_VERIFY, forwards, size, context, err);
    }
    return rc;
}

static int list_points(ltd_calibration *c, const ltd_cycle_options *o, ltd_err *err)
{
    const ltd_ints *contexts = &c->s->config.calibration.contexts;
    int32_t more = LTD_CALIBRATE_PLAIN + o->max_size + LTD_TREE_MAX_DEPTH + 2;
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < contexts->n; i++) {
        if (contexts->v[i] + more <= o->context) {
            rc = list_context(c, o, contexts->v[i], err);
            continue;
        }
        ltd_log(c->s->log, LTD_LOG_WARN,
                "context %d is left out: it needs model.context = %d, which is %d", contexts->v[i],
                contexts->v[i] + more, o->context);
    }
    if (rc == LTD_OK && c->n_points == 0)
        rc = ltd_fail(err, LTD_EINVAL,
                      "calibrate: no context of calibration.contexts fits model.context = %d",
                      o->context);
    return rc;
}

/* --- opening --- */

/* Bursts of a round, and the plain ones before them, which are the plain point's. */
static int32_t bursts_of(const ltd_calibrate_point *p)
{
    return p->kind == LTD_CALIBRATE_STEP || p->size > SMALL ? 1 : OFTEN;
}

static int allocate(ltd_calibration *c, const ltd_cycle_options *o, ltd_err *err)
{
    size_t rounds = (size_t)c->rounds, bursts = 0;
    for (int32_t i = 0; i < c->n_points; i++) bursts += 2 * (size_t)bursts_of(&c->points[i]);
    /* A plain point may take all; of each kind; commits come by cycle. */
    size_t each = rounds * bursts, n = (size_t)c->n_points;
    c->filler = ltd_mem_zeros((size_t)o->context, sizeof(int32_t));
    double *at = c->samples = ltd_mem_zeros((2 * n + 1 + BURST) * each, sizeof *at);
    if (!c->filler || !at) return ltd_fail(err, LTD_ENOMEM, "calibrate: no memory");
    for (size_t i = 0; i < n; i++, at += 2 * each) {
        c->points[i].verify.v = at;
        c->points[i].draft.v = at + each;
        c->order[i] = (int32_t)i;
    }
    c->waiting.v = at;
    c->rest.v = at + each;
    ltd_rng_seed(&c->rng, 1, LTD_STREAM_TEST);
    /* Another token for every eight, about as often as a text brings a rare one. */
    for (int32_t i = 0; i < o->context; i++) {
        uint64_t vocab = (uint64_t)ltd_llama_config(c->s->model)->vocab;
        c->filler[i] = i % 8 ? c->filler[i - 1] : (int32_t)ltd_rng_below(&c->rng, vocab);
    }
    return LTD_OK;
}

/* --- measuring --- */

/* A text that is `context` tokens long in the mean, with room for a burst. */
static int go_to(ltd_calibration *c, int32_t context, ltd_err *err)
{
    int32_t length = ltd_cycle_context(c->cycle);
    if (c->begun == context && length < context + DRIFT / 2 &&
        ltd_cycle_room(c->cycle) > LTD_CALIBRATE_PLAIN + LTD_TREE_MAX_DEPTH)
        return LTD_OK;
    c->begun = context;
    return ltd_cycle_prompt(c->cycle, c->filler,
                            context > DRIFT ? context - DRIFT / 2 : (context + 1) / 2, err);
}

static int play(ltd_calibration *c, int32_t forwards, int32_t size, const uint64_t **ns,
                ltd_err *err)
{
    const ltd_cycle_result *r;
    int rc = ltd_cycle_begin(c->cycle, err);
    for (int32_t i = 0; rc == LTD_OK && i < forwards; i++) rc = ltd_cycle_draft(c->cycle, err);
    if (rc == LTD_OK) rc = ltd_cycle_verify(c->cycle, size, &r, err);
    *ns = ltd_cycle_phases(c->cycle)->ns;
    return rc;
}

static void keep(ltd_calibrate_samples *to, double x)
{
    to->v[to->n++] = x;
}

static double ms(uint64_t ns)
{
    return (double)ns * 1e-6;
}

static double median(double *v, int32_t n)
{
    ltd_calibrate_sort(v, n);
    return v[n / 2];
}

/* Cycles of a setting at the point's context: *verify and *draft are medians, each of its own. */
static int burst(ltd_calibration *c, ltd_calibrate_point *p, int32_t n, double *verify,
                 double *draft, bool kept, ltd_err *err)
{
    double verifies[LTD_CALIBRATE_PLAIN], drafts[LTD_CALIBRATE_PLAIN];
    const uint64_t *ns;
    int32_t m = 0;
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < n; i++) {
        rc = play(c, p->forwards, p->size, &ns, err);
        if (rc < 0 || i < SKIP) continue;
        verifies[m] = ms(ns[LTD_PHASE_VERIFY]);
        drafts[m] = ms(ns[LTD_PHASE_DRAFT]);
        if (!kept) continue;
        p->min_verify = fmin(p->min_verify, verifies[m]);
        p->min_draft = fmin(p->min_draft, drafts[m]);
        m++;
        if (p->kind != LTD_CALIBRATE_STEP)
            keep(&c->rest, ms(ns[LTD_PHASE_COMMIT] + ns[LTD_PHASE_OTHER]));
    }
    if (rc < 0 || m == 0) return rc;
    *verify = median(verifies, m);
    *draft = median(drafts, m);
    return LTD_OK;
}

/* Tokens that waited for the head. */
static int waited(ltd_calibration *c, bool kept, ltd_err *err)
{
    const uint64_t *ns;
    if (!ltd_cycle_can_draft(c->cycle)) return LTD_OK;
    int rc = play(c, 1, 1, &ns, err);
    if (rc == LTD_OK && kept) keep(&c->waiting, ms(ns[LTD_PHASE_DRAFT]));
    return rc;
}

/* A burst of plain steps, then one of the point's. */
static int measure(ltd_calibration *c, ltd_calibrate_point *p, ltd_calibrate_point *plain,
                   bool kept, ltd_err *err)
{
    double one = 0, verify = 0, draft = 0;
    int rc = go_to(c, p->context, err);
    if (rc == LTD_OK)
        rc = burst(c, plain, p == plain ? LTD_CALIBRATE_PLAIN : BURST, &one, &draft, kept, err);
    if (rc == LTD_OK && kept) keep(&plain->verify, one);
    if (rc < 0 || p == plain) return rc < 0 ? rc : waited(c, kept, err);
    rc = burst(c, p, BURST, &verify, &draft, kept, err);
    if (rc < 0 || !kept) return rc;
    keep(&p->verify, verify / one);
    keep(&p->draft, draft / one);
    return LTD_OK;
}

/* Points of one context, from the plain one on: shuffled. */
static int run_context(ltd_calibration *c, int32_t first, int32_t end, bool kept, ltd_err *err)
{
    int rc = LTD_OK;
    ltd_rng_shuffle(&c->rng, c->order + first, (size_t)(end - first));
    for (int32_t i = first; rc == LTD_OK && i < end; i++) {
        ltd_calibrate_point *p = &c->points[c->order[i]];
        for (int32_t b = 0; rc == LTD_OK && b < bursts_of(p); b++)
            rc = measure(c, p, &c->points[first], kept, err);
    }
    return rc;
}

static int run_round(ltd_calibration *c, bool kept, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t first = 0, end; rc == LTD_OK && first < c->n_points; first = end) {
        for (end = first + 1; end < c->n_points && c->points[end].kind != LTD_CALIBRATE_STEP;)
            end++;
        rc = run_context(c, first, end, kept, err);
    }
    return rc;
}

/* --- interface --- */

int ltd_calibration_open(ltd_calibration **ret, const ltd_setup *s, int32_t rounds, ltd_err *err)
{
    *ret = NULL;
    ltd_calibration *c = ltd_mem_zeros(1, sizeof *c);
    if (!c) return ltd_fail(err, LTD_ENOMEM, "calibrate: no memory");
    c->s = s;
    c->rounds = rounds;
    ltd_cycle_options o = ltd_setup_cycle_options(s);
    o.sampling.temperature = 0;
    o.lookup = !o.head; /* with a head, pools of known size */
    o.lookup_min_match = 1;
    int rc = ltd_setup_cycle(s, &o, &c->cycle, err);
    if (rc == LTD_OK) rc = list_points(c, &o, err);
    if (rc == LTD_OK) rc = allocate(c, &o, err);
    if (rc == LTD_OK) rc = run_round(c, false, err); /* warms up */
    if (rc < 0) {
        ltd_calibration_close(c);
        return rc;
    }
    *ret = c;
    return LTD_OK;
}

void ltd_calibration_close(ltd_calibration *c)
{
    if (!c) return;
    ltd_cycle_free(c->cycle);
    free(c->filler);
    free(c->samples);
    free(c);
}

int ltd_calibration_round(ltd_calibration *c, ltd_err *err)
{
    if (c->played == c->rounds)
        return ltd_fail(err, LTD_EINVAL, "calibrate: more than %d rounds", c->rounds);
    c->played++;
    return run_round(c, true, err);
}

int ltd_calibrate(const ltd_setup *s, void (*progress)(void *ctx, double share), void *ctx,
                  ltd_cost **ret, ltd_err *err)
{
    ltd_calibration *c;
    int32_t rounds = s->config.calibration.reps;
    *ret = NULL;
    int rc = ltd_calibration_open(&c, s, rounds, err);
    for (int32_t r = 0; rc == LTD_OK && r < rounds; r++) {
        if (progress) progress(ctx, (double)(r + 1) / rounds);
        rc = ltd_calibration_round(c, err);
    }
    if (rc == LTD_OK) rc = ltd_calibration_table(c, ret, err);
    ltd_calibration_close(c);
    return rc;
}
