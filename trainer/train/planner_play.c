/* Policies over positions: what they choose, how fast they are, what a token costs. */
#include <stdlib.h>
#include <string.h>

#include "agents/categorical.h"
#include "base/mem.h"
#include "trainer/train/planner.h"

void ltd_visits_fini(ltd_visits *visits)
{
    free(visits->v);
    *visits = (ltd_visits){0};
}

typedef struct nets {
    ltd_mlp *depth, *size;
} nets;

/* As an environment asks: depth until it stops or must, then a size if there is a choice. */
static void choose(const void *ctx, const ltd_positions *p, ltd_visit *v)
{
    const nets *a = ctx;
    const ltd_positions_options *o = ltd_positions_get_options(p);
    float obs[LTD_OBS_LTD_DIM], logits[LTD_POSITIONS_SIZES];
    uint8_t legal[LTD_POSITIONS_SIZES];
    int32_t n = 0;
    for (;; n++) {
        ltd_positions_obs(p, v->index, &v->past, n, obs);
        if (n == o->max_forwards) break;
        ltd_mlp_forward(a->depth, obs, logits);
        if (ltd_categorical_argmax(logits, (uint8_t[]){1, 1}, 2) == LTD_DEPTH_STOP) break;
    }
    ltd_positions_legal(p, v->index, n, legal);
    ltd_mlp_forward(a->size, obs, logits);
    v->forwards = n;
    v->size = ltd_categorical_argmax(logits, legal, o->n_sizes);
}

static double time_of(const ltd_positions *p, const ltd_visit *v)
{
    int32_t nodes = ltd_positions_get_options(p)->sizes[v->size];
    int32_t pool = ltd_positions_at(p, v->index, v->forwards).pool;
    return ltd_positions_ms(p, v->index, &v->past, v->forwards, nodes < pool ? nodes : pool) /
           ltd_positions_ar_ms(p, v->index);
}

static int32_t got_of(const ltd_positions *p, const ltd_visit *v)
{
    return ltd_positions_at(p, v->index, v->forwards).got[v->size];
}

static int add(ltd_visits *to, const ltd_visit *v, ltd_err *err)
{
    if (to->n == to->room) {
        int64_t room = to->room ? 2 * to->room : 4096;
        ltd_visit *list = ltd_mem_resize(to->v, (size_t)room, sizeof *list);
        if (!list)
            return ltd_fail(err, LTD_ENOMEM, "planner: no memory for %lld cycles", (long long)room);
        to->v = list;
        to->room = room;
    }
    to->v[to->n++] = *v;
    return LTD_OK;
}

int ltd_planner_play_by(const ltd_positions *p, ltd_chooser who, ltd_visits *ret, ltd_err *err)
{
    ret->n = 0;
    ret->tokens = ret->time = 0;
    for (int32_t t = 0; t < ltd_positions_texts(p); t++) {
        int32_t count = ltd_positions_count(p, t), got;
        ltd_visit v = {0};
        ltd_past_begin(&v.past);
        for (int32_t i = 0; i < count; i += got) {
            v.index = ltd_positions_index(p, t, i);
            who.choose(who.ctx, p, &v);
            int rc = add(ret, &v, err);
            if (rc < 0) return rc;
            got = got_of(p, &v);
            ret->tokens += got < count - i ? got : count - i;
            ret->time += time_of(p, &v);
            ltd_past_add(&v.past, v.forwards, got);
        }
    }
    return LTD_OK;
}

/* Time to the end of a text from each of its positions, each after the past of the cycle of the
 * play in which it lies. */
static void to_the_end(const ltd_positions *p, ltd_chooser who, const ltd_visits *visits,
                       int32_t text, int64_t *at, double *left)
{
    int32_t count = ltd_positions_count(p, text);
    int64_t first = ltd_positions_index(p, text, 0), last = *at;
    while (last < visits->n && visits->v[last].index < first + count) last++;
    *at = last;
    left[count] = 0;
    for (int32_t i = count - 1; i >= 0; i--) {
        while (last > 0 && visits->v[last - 1].index > first + i) last--;
        ltd_visit v = visits->v[last - 1];
        if (v.index != first + i) {
            v.index = first + i;
            who.choose(who.ctx, p, &v);
        }
        int32_t next = i + got_of(p, &v);
        left[i] = time_of(p, &v) + left[next < count ? next : count];
    }
}

int ltd_planner_worth_by(const ltd_positions *p, ltd_chooser who, const ltd_visits *visits,
                         int32_t window, float *ret, ltd_err *err)
{
    int32_t most = 0;
    for (int32_t t = 0; t < ltd_positions_texts(p); t++)
        if (ltd_positions_count(p, t) > most) most = ltd_positions_count(p, t);
    double *left = ltd_mem_zeros((size_t)most + 1, sizeof *left);
    if (!left) return ltd_fail(err, LTD_ENOMEM, "planner: no memory");
    int64_t at = 0;
    for (int32_t t = 0; t < ltd_positions_texts(p); t++) {
        int32_t count = ltd_positions_count(p, t);
        to_the_end(p, who, visits, t, &at, left);
        for (int32_t i = 0; i < count; i++) {
            int32_t end = i + window < count ? i + window : count;
            ret[ltd_positions_index(p, t, i)] = (float)((left[i] - left[end]) / (end - i));
        }
    }
    free(left);
    return LTD_OK;
}

/* --- the greedy policies --- */

int ltd_planner_play(const ltd_positions *p, ltd_mlp *depth, ltd_mlp *size, ltd_visits *ret,
                     ltd_err *err)
{
    return ltd_planner_play_by(p, (ltd_chooser){choose, &(nets){depth, size}}, ret, err);
}

int ltd_planner_worth(const ltd_positions *p, ltd_mlp *depth, ltd_mlp *size,
                      const ltd_visits *visits, int32_t window, float *ret, ltd_err *err)
{
    return ltd_planner_worth_by(p, (ltd_chooser){choose, &(nets){depth, size}}, visits, window, ret,
                                err);
}
