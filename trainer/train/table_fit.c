/* Backward induction over draft forwards, for all positions at once.  ahead[i] is what position i
 * is worth from the forwards at hand on, when the table decides there. */
#include "trainer/train/table_fit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { ROUNDS = 8, PLAYS = 3 };

static const double unreached = 0.02; /* weight of forwards that the table doesn't make there */
static const double lean = 4, lean_far = 0.25; /* positions' weight of other matches, of all */

typedef struct fit {
    const ltd_positions *p;
    ltd_table *table;
    int32_t views, sizes;
    int64_t n;
    ltd_past *past;              /* [n] */
    float *worth;                /* [n] */
    float *value;                /* [n, views, sizes] tokens c - time, were it verified then */
    uint8_t *confidence, *match; /* [n, views]; [n] classes */
    int32_t *reach;              /* [n] forwards that the table makes */
    float *ahead;                /* [n] */
} fit;

/* --- the table over positions --- */

static void choose(const void *ctx, const ltd_positions *p, ltd_visit *v)
{
    const ltd_table *table = ctx;
    const ltd_positions_options *o = ltd_positions_get_options(p);
    uint8_t legal[LTD_POSITIONS_SIZES];
    const ltd_table_class *k;
    int32_t n = 0, match = ltd_positions_match(p, v->index).length;
    for (;; n++) {
        const float *obs = ltd_positions_at(p, v->index, n).obs;
        k = ltd_table_at(table, n, obs[LTD_OBS_AT_BEAM], match);
        if (n == o->max_forwards || !k->go) break;
    }
    ltd_positions_legal(p, v->index, n, legal);
    v->forwards = n;
    v->size = 0;
    for (int32_t s = 1; s < o->n_sizes; s++)
        if (legal[s] && o->sizes[s] <= k->nodes) v->size = s;
}

int ltd_table_play(const ltd_positions *p, const ltd_table *table, ltd_visits *ret, ltd_err *err)
{
    return ltd_planner_play_by(p, (ltd_chooser){choose, table}, ret, err);
}

/* --- what there is to decide --- */

/* Each position follows the past of the play's cycle in which it lies; all count the same, whether
 * a cycle of the play begins there or not: other texts meet others. */
static void set_pasts(fit *f, const ltd_visits *play)
{
    for (int64_t i = 0, at = -1; i < f->n; i++) {
        at += at + 1 < play->n && play->v[at + 1].index == i;
        f->past[i] = play->v[at].past;
    }
}

static void set_values(fit *f)
{
    const ltd_positions_options *o = ltd_positions_get_options(f->p);
    float *value = f->value;
    for (int64_t i = 0; i < f->n; i++) {
        double ar = ltd_positions_ar_ms(f->p, i);
        for (int32_t n = 0; n < f->views; n++, value += f->sizes) {
            ltd_position at = ltd_positions_at(f->p, i, n);
            for (int32_t s = 0; s < f->sizes; s++) {
                int32_t nodes = o->sizes[s] < at.pool ? o->sizes[s] : at.pool;
                double ms = ltd_positions_ms(f->p, i, &f->past[i], n, nodes);
                value[s] = (float)(at.got[s] * (double)f->worth[i] - ms / ar);
            }
        }
    }
}

static void set_classes(fit *f)
{
    for (int64_t i = 0; i < f->n; i++) {
        f->match[i] = (uint8_t)ltd_table_match(f->table, ltd_positions_match(f->p, i).length);
        for (int32_t n = 0; n < f->views; n++) {
            const float *obs = ltd_positions_at(f->p, i, n).obs;
            f->confidence[i * f->views + n] =
                (uint8_t)ltd_table_confidence(f->table, obs[LTD_OBS_AT_BEAM]);
        }
    }
}

/* --- deciding --- */

/* Sums over positions of what each size is worth, and going on behind them. */
typedef struct sums {
    double weight, of[LTD_POSITIONS_SIZES + 1];
} sums;

typedef struct level {
    sums class[LTD_TABLE_CONFIDENCES][LTD_TABLE_MATCHES], confidence[LTD_TABLE_CONFIDENCES], all;
    int32_t size[LTD_TABLE_CONFIDENCES][LTD_TABLE_MATCHES];
} level;

static void add_sums(sums *to, const sums *from, double share, int32_t n)
{
    to->weight += share * from->weight;
    for (int32_t s = 0; s < n; s++) to->of[s] += share * from->of[s];
}

static void sum_up(const fit *f, int32_t n, level *l)
{
    memset(l, 0, sizeof *l);
    for (int64_t i = 0; i < f->n; i++) {
        sums *to = &l->class[f->confidence[i * f->views + n]][f->match[i]];
        double w = f->reach[i] >= n ? 1 : unreached;
        const float *value = f->value + (i * f->views + n) * f->sizes;
        for (int32_t s = 0; s < f->sizes; s++) to->of[s] += w * (double)value[s];
        to->of[f->sizes] += w * (double)f->ahead[i];
        to->weight += w;
    }
    for (int32_t c = 0; c < LTD_TABLE_CONFIDENCES; c++) {
        for (int32_t m = 0; m < LTD_TABLE_MATCHES; m++)
            add_sums(&l->confidence[c], &l->class[c][m], 1, f -> sizes + 1);
        add_sums(&l->all, &l->confidence[c], 1, f->sizes + 1);
    }
}

static void decide_class(fit *f, int32_t n, level *l, int32_t c, int32_t m)
{
    ltd_table_class *k = &f->table->at[n][c][m];
    sums s = l->class[c][m];
    const sums *near = &l->confidence[c];
    if (near->weight > 0) add_sums(&s, near, lean / near->weight, f->sizes + 1);
    if (l->all.weight > 0) add_sums(&s, &l->all, lean_far / l->all.weight, f->sizes + 1);
    int32_t best = 0;
    for (int32_t i = 1; i < f->sizes; i++)
        if (s.of[i] > s.of[best]) best = i;
    k->nodes = ltd_positions_get_options(f->p)->sizes[best];
    k->go = n + 1 < f->views && s.of[f->sizes] > s.of[best];
    l->size[c][m] = best;
}

static void decide_level(fit *f, int32_t n, level *l)
{
    sum_up(f, n, l);
    for (int32_t c = 0; c < LTD_TABLE_CONFIDENCES; c++)
        for (int32_t m = 0; m < LTD_TABLE_MATCHES; m++) decide_class(f, n, l, c, m);
    for (int64_t i = 0; i < f->n; i++) {
        int32_t c = f->confidence[i * f->views + n], m = f->match[i];
        if (f->table->at[n][c][m].go) continue;
        f->ahead[i] = f->value[(i * f->views + n) * f->sizes + l->size[c][m]];
    }
}

/* Returns whether any position is left with other forwards than before. */
static bool follow(fit *f)
{
    bool changed = false;
    for (int64_t i = 0; i < f->n; i++) {
        int32_t n = 0;
        while (f->table->at[n][f->confidence[i * f->views + n]][f->match[i]].go) n++;
        changed = changed || n != f->reach[i];
        f->reach[i] = n;
    }
    return changed;
}

static void decide(fit *f, level *l)
{
    bool changed = true;
    for (int64_t i = 0; i < f->n; i++) f->reach[i] = f->views - 1;
    for (int32_t round = 0; changed && round < ROUNDS; round++) {
        memset(f->ahead, 0, (size_t)f->n * sizeof *f->ahead);
        for (int32_t n = f->views - 1; n >= 0; n--) decide_level(f, n, l);
        changed = follow(f);
    }
}

/* --- the whole --- */

static void count_cycles(const ltd_positions *p, const ltd_visits *play, ltd_table *table)
{
    for (int64_t i = 0; i < play->n; i++) {
        int64_t index = play->v[i].index;
        int32_t m = ltd_table_match(table, ltd_positions_match(p, index).length);
        for (int32_t n = 0; n <= play->v[i].forwards; n++) {
            const float *obs = ltd_positions_at(p, index, n).obs;
            table->at[n][ltd_table_confidence(table, obs[LTD_OBS_AT_BEAM])][m].cycles++;
        }
    }
}

static int allocate(fit *f, ltd_err *err)
{
    size_t n = (size_t)f->n, views = n * (size_t)f->views;
    f->past = ltd_mem_zeros(n, sizeof *f->past);
    f->worth = ltd_mem_zeros(n, sizeof *f->worth);
    f->value = ltd_mem_zeros(views * (size_t)f->sizes, sizeof *f->value);
    f->confidence = ltd_mem_zeros(views, 1);
    f->match = ltd_mem_zeros(n, 1);
    f->reach = ltd_mem_zeros(n, sizeof *f->reach);
    f->ahead = ltd_mem_zeros(n, sizeof *f->ahead);
    if (f->past && f->worth && f->value && f->confidence && f->match && f->reach && f->ahead)
        return LTD_OK;
    return ltd_fail(err, LTD_ENOMEM, "table: no memory for %lld positions", (long long)f->n);
}

static void free_all(fit *f)
{
    free(f->past);
    free(f->worth);
    free(f->value);
    free(f->confidence);
    free(f->match);
    free(f->reach);
    free(f->ahead);
}

/* One play by who decides now gives what tokens take; the table that follows is played in turn. */
static int improve(fit *f, level *l, int32_t window, ltd_table *best, double *speed, ltd_mlp *depth,
                   ltd_mlp *size, ltd_err *err)
{
    ltd_visits play = {0};
    int rc = ltd_planner_play(f->p, depth, size, &play, err);
    if (rc == LTD_OK) rc = ltd_planner_worth(f->p, depth, size, &play, window, f->worth, err);
    for (int32_t i = 0; rc == LTD_OK && i < PLAYS; i++) {
        set_pasts(f, &play);
        set_values(f);
        decide(f, l);
        rc = ltd_table_play(f->p, f->table, &play, err);
        if (rc == LTD_OK && play.tokens / play.time > *speed) {
            *speed = play.tokens / play.time;
            *best = *f->table;
            count_cycles(f->p, &play, best);
        }
        if (rc == LTD_OK)
            rc = ltd_planner_worth_by(f->p, (ltd_chooser){choose, f->table}, &play, window,
                                      f->worth, err);
    }
    ltd_visits_fini(&play);
    return rc;
}

int ltd_table_fit(ltd_table *ret, const ltd_positions *p, ltd_mlp *depth, ltd_mlp *size,
                  int32_t window, double *speed, ltd_err *err)
{
    const ltd_positions_options *o = ltd_positions_get_options(p);
    fit f = {
        .p = p, .views = o->max_forwards + 1, .sizes = o->n_sizes, .n = ltd_positions_total(p)};
    level *l = ltd_mem_zeros(1, sizeof *l);
    f.table = ltd_mem_zeros(1, sizeof *f.table);
    int rc = l && f.table ? allocate(&f, err) : ltd_fail(err, LTD_ENOMEM, "table: no memory");
    ltd_table_init(ret, o->max_forwards);
    *speed = 0;
    if (rc == LTD_OK) {
        ltd_table_init(f.table, o->max_forwards);
        set_classes(&f);
        rc = improve(&f, l, window, ret, speed, depth, size, err);
    }
    free_all(&f);
    free(f.table);
    free(l);
    return rc;
}
