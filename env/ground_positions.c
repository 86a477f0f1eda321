/* Compiled positions behind an environment: a cycle is a walk from one position of a text to
 * another, and every outcome is looked up. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/ground_priv.h"
#include "env/positions.h"
#include "env/trace.h"

typedef struct seat {
    ltd_ground ground; /* first: the two are cast into each other */
    const ltd_positions *p;
    const ltd_trace_text *text;
    int32_t i, count;     /* position in the text; how many it has */
    int64_t first, index; /* of the text; where the cycle under way or ended last began */
    int32_t waiting;      /* tokens the head has not seen; 0 after a forward */
    ltd_cycle_result result;
} seat;

static int begin_prompt(ltd_ground *g, int32_t index, ltd_err *err)
{
    seat *s = (seat *)g;
    const ltd_positions_options *o = ltd_positions_get_options(s->p);
    (void)err;
    s->text = ltd_positions_text(s->p, index);
    s->first = ltd_positions_index(s->p, index, 0);
    s->count = ltd_positions_count(s->p, index);
    s->i = 0;
    s->waiting = 1;
    g->root = s->text->token[s->text->prompt];
    g->room = o->cycle.context - o->cycle.max_size - 1 - s->text->prompt;
    if (g->room > s->count + 1) g->room = s->count + 1;
    return LTD_OK;
}

static void look(seat *s)
{
    s->ground.pool = ltd_positions_at(s->p, s->index, s->ground.forwards).pool;
}

static int begin(ltd_ground *g, ltd_obs_state *state, ltd_err *err)
{
    seat *s = (seat *)g;
    if (!s->text || s->i >= s->count)
        return ltd_fail(err, LTD_EINVAL, "positions: no text, or none behind its %d positions",
                        s->count);
    s->index = s->first + s->i;
    g->context = s->text->prompt + s->i;
    g->forwards = 0;
    look(s);
    s->result.waiting = s->waiting > 1 ? s->waiting : 1;
    ltd_match match = ltd_positions_match(s->p, s->index);
    state->context = g->context;
    state->match = match.length;
    state->distance = match.distance;
    state->chain = match.n;
    state->waiting = s->result.waiting;
    return LTD_OK;
}

static int draft(ltd_ground *g, ltd_err *err)
{
    seat *s = (seat *)g;
    if (g->forwards == ltd_positions_get_options(s->p)->max_forwards)
        return ltd_fail(err, LTD_EINVAL, "draft: no forward left in this cycle");
    g->forwards++;
    s->waiting = 0;
    look(s);
    return LTD_OK;
}

static void observe(const ltd_ground *g, ltd_contract contract, const ltd_obs_state *state,
                    float *ret)
{
    const seat *s = (const seat *)g;
    (void)contract; /* both are ltd's, which say the same */
    ltd_past past = {.waiting = state->waiting};
    memcpy(past.recent, state->recent, sizeof past.recent);
    ltd_positions_obs(s->p, s->index, &past, g->forwards, ret);
}

static int verify(ltd_ground *g, int32_t size, const ltd_cycle_result **ret, ltd_err *err)
{
    (void)err;
    seat *s = (seat *)g;
    const ltd_positions_options *o = ltd_positions_get_options(s->p);
    ltd_position at = ltd_positions_at(s->p, s->index, g->forwards);
    int32_t got = 1;
    for (int32_t i = 0; size > 0 && i < o->n_sizes && o->sizes[i] <= size; i++) got = at.got[i];
    ltd_cycle_result *r = &s->result;
    r->accept_len = got;
    r->tokens = s->text->token + g->context + 1;
    r->size = size < at.pool ? size : at.pool;
    r->forwards = g->forwards;
    r->pool = at.pool;
    s->waiting += got;
    s->i += got;
    *ret = r;
    return LTD_OK;
}

static void times(const ltd_ground *g, const ltd_cost_work *work, double *ar, double *cycle)
{
    const seat *s = (const seat *)g;
    ltd_past past = {.waiting = work->waiting};
    *ar = ltd_positions_ar_ms(s->p, s->index);
    *cycle = ltd_positions_ms(s->p, s->index, &past, work->forwards, work->size);
}

static bool is_end(const ltd_ground *g, int32_t token)
{
    return ltd_trace_is_end(ltd_positions_get_options(((const seat *)g)->p)->cycle.trace, token);
}

static void seat_free(ltd_ground *g)
{
    free(g);
}

int ltd_ground_positions(ltd_ground **ret, const ltd_env_options *o, ltd_err *err)
{
    seat *s = ltd_mem_zeros(1, sizeof *s);
    if (!s) return ltd_fail(err, LTD_ENOMEM, "env: no memory");
    const ltd_positions_options *p = ltd_positions_get_options(o->positions);
    s->p = o->positions;
    s->ground = (ltd_ground){.prompt = begin_prompt,
                             .begin = begin,
                             .draft = draft,
                             .observe = observe,
                             .verify = verify,
                             .times = times,
                             .is_end = is_end,
                             .free = seat_free,
                             .has_head = p->max_forwards > 0,
                             .top_k = p->cycle.top_k};
    *ret = &s->ground;
    return LTD_OK;
}
