#include "env/positions.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/trace.h"

/* Of a position whatever the forwards. */
typedef struct place {
    double ar_ms;
    int32_t context, distance;
    int16_t match, chain;
} place;

struct ltd_positions {
    ltd_positions_options options;
    int32_t sizes[LTD_POSITIONS_SIZES];
    int32_t views;        /* of a position: forwards + 1 */
    ltd_prompts *prompts; /* that are recorded */
    int32_t texts;        /* of them */
    int32_t *text;        /* [texts] in the trace */
    int64_t *first;       /* [texts + 1] */
    place *place;         /* [total] */
    float *obs;           /* [total, views, LTD_OBS_LTD_DIM] */
    uint8_t *got;         /* [total, views, n_sizes] */
    uint16_t *pool;       /* [total, views] */
};

/* --- compiling --- */

static void look(ltd_positions *p, ltd_cycle *cycle, const ltd_obs_state *state, int64_t index,
                 int32_t forwards, const int32_t *next, int32_t left)
{
    size_t view = (size_t)index * (size_t)p->views + (size_t)forwards;
    int32_t ranks[LTD_TREE_MAX_DEPTH], n_sizes = p->options.n_sizes;
    int32_t most = left - 1 < LTD_TREE_MAX_DEPTH ? left - 1 : LTD_TREE_MAX_DEPTH;
    int32_t depth =
        ltd_tree_true_ranks(ltd_cycle_tree(cycle), next, most, p->sizes[n_sizes - 1], ranks);
    uint8_t *got = p->got + view * (size_t)n_sizes;
    for (int32_t s = 0, d = 0; s < n_sizes; s++) {
        while (d < depth && ranks[d] <= p->sizes[s]) d++;
        got[s] = (uint8_t)(d + 1);
    }
    p->pool[view] = (uint16_t)ltd_tree_count(ltd_cycle_tree(cycle));
    ltd_obs_encode(LTD_CONTRACT_LTD_DEPTH, state, p->obs + view * LTD_OBS_LTD_DIM);
}

static int look_all(ltd_positions *p, ltd_cycle *cycle, int64_t index, const int32_t *next,
                    int32_t left, ltd_err *err)
{
    place *at = &p->place[index];
    ltd_obs_state state = {.tree = ltd_cycle_tree(cycle),
                           .cost = p->options.cost,
                           .sizes = p->sizes,
                           .n_sizes = p->options.n_sizes,
                           .max_forwards = p->views - 1,
                           .rate = p->options.rate};
    int rc = ltd_cycle_begin(cycle, err);
    if (rc < 0) return rc;
    state.context = ltd_cycle_context(cycle);
    state.match = ltd_cycle_match(cycle).length;
    state.distance = ltd_cycle_match(cycle).distance;
    state.chain = ltd_cycle_chain(cycle);
    state.waiting = 1;
    ltd_obs_begin(&state);
    *at = (place){.ar_ms = ltd_cost_ar(p->options.cost, state.context),
                  .context = state.context,
                  .distance = state.distance,
                  .match = (int16_t)state.match,
                  .chain = (int16_t)state.chain};
    for (int32_t n = 0; rc == LTD_OK; n++) {
        look(p, cycle, &state, index, n, next, left);
        if (n + 1 == p->views) break;
        rc = ltd_cycle_draft(cycle, err);
    }
    return rc;
}

static int walk(ltd_positions *p, ltd_cycle *cycle, int32_t text, ltd_err *err)
{
    const ltd_trace_text *t = &p->options.cycle.trace->text[p->text[text]];
    int rc = ltd_cycle_prompt(cycle, t->token, t->prompt, err);
    for (int32_t i = 0; rc == LTD_OK && i < ltd_positions_count(p, text); i++) {
        const ltd_cycle_result *r;
        int32_t root = t->prompt + i;
        rc = look_all(p, cycle, p->first[text] + i, t->token + root + 1, t->n - root - 1, err);
        if (rc == LTD_OK) rc = ltd_cycle_begin(cycle, err);
        if (rc == LTD_OK) rc = ltd_cycle_verify(cycle, 0, &r, err);
    }
    return rc;
}

/* --- opening --- */

static int check(const ltd_positions_options *o, ltd_err *err)
{
    if (!o->cycle.trace || !o->cost)
        return ltd_fail(err, LTD_EINVAL, "positions: need a record and a cost table");
    if (o->n_sizes < 1 || o->n_sizes > LTD_POSITIONS_SIZES)
        return ltd_fail(err, LTD_EINVAL, "positions: %d sizes, expected 1 to %d", o->n_sizes,
                        LTD_POSITIONS_SIZES);
    if (o->max_forwards < 0 || o->max_forwards > o->cycle.trace->max_forwards)
        return ltd_fail(err, LTD_EINVAL, "positions: %d forwards, the record has %d",
                        o->max_forwards, o->cycle.trace->max_forwards);
    return LTD_OK;
}

/* The recorded ones of the prompts, and how long each may be played. */
static int choose_texts(ltd_positions *p, ltd_err *err)
{
    const ltd_trace *trace = p->options.cycle.trace;
    size_t n = ltd_prompts_count(p->options.prompts);
    ltd_prompt *list = ltd_mem_zeros(n, sizeof *list);
    p->text = ltd_mem_zeros(n, sizeof *p->text);
    p->first = ltd_mem_zeros(n + 1, sizeof *p->first);
    for (size_t i = 0; list && p->text && p->first && i < n; i++) {
        const ltd_prompt *prompt = ltd_prompts_at(p->options.prompts, i);
        int32_t text = ltd_trace_find(trace, prompt->ids, prompt->n);
        if (text < 0 || trace->text[text].positions < 1) continue;
        int32_t positions = trace->text[text].positions, most = p->options.max_new - 1;
        list[p->texts] = *prompt;
        p->text[p->texts] = text;
        p->first[p->texts + 1] = p->first[p->texts] + (positions < most ? positions : most);
        p->texts++;
    }
    int rc = LTD_OK;
    if (!list || !p->text || !p->first)
        rc = ltd_fail(err, LTD_ENOMEM, "positions: no memory");
    else if (p->texts == 0 || p->first[p->texts] == 0)
        rc = ltd_fail(err, LTD_EINVAL, "positions: none of %zu prompts is recorded", n);
    else
        rc = ltd_prompts_copy(&p->prompts, list, (size_t)p->texts, err);
    free(list);
    p->options.prompts = p->prompts;
    return rc;
}

static int allocate(ltd_positions *p, ltd_err *err)
{
    size_t total = (size_t)p->first[p->texts], views = total * (size_t)p->views;
    p->place = ltd_mem_zeros(total, sizeof *p->place);
    p->obs = ltd_mem_zeros(views * LTD_OBS_LTD_DIM, sizeof *p->obs);
    p->got = ltd_mem_zeros(views * (size_t)p->options.n_sizes, 1);
    p->pool = ltd_mem_zeros(views, sizeof *p->pool);
    if (p->place && p->obs && p->got && p->pool) return LTD_OK;
    return ltd_fail(err, LTD_ENOMEM, "positions: no memory for %zu views", views);
}

int ltd_positions_new(ltd_positions **ret, const ltd_positions_options *options, ltd_err *err)
{
    *ret = NULL;
    int rc = check(options, err);
    if (rc < 0) return rc;
    ltd_cycle *cycle = NULL;
    ltd_positions *p = ltd_mem_zeros(1, sizeof *p);
    if (!p) return ltd_fail(err, LTD_ENOMEM, "positions: no memory");
    p->options = *options;
    memcpy(p->sizes, options->sizes, (size_t)options->n_sizes * sizeof p->sizes[0]);
    p->options.sizes = p->sizes;
    p->options.cycle.max_forwards = options->max_forwards;
    p->options.cycle.max_size = p->sizes[options->n_sizes - 1];
    p->views = options->max_forwards + 1;
    rc = choose_texts(p, err);
    if (rc == LTD_OK) rc = allocate(p, err);
    if (rc == LTD_OK) rc = ltd_cycle_new(&cycle, &p->options.cycle, err);
    for (int32_t t = 0; rc == LTD_OK && t < p->texts; t++) rc = walk(p, cycle, t, err);
    ltd_cycle_free(cycle);
    if (rc < 0) {
        ltd_positions_free(p);
        return rc;
    }
    *ret = p;
    return LTD_OK;
}

void ltd_positions_free(ltd_positions *p)
{
    if (!p) return;
    ltd_prompts_free(p->prompts);
    free(p->text);
    free(p->first);
    free(p->place);
    free(p->obs);
    free(p->got);
    free(p->pool);
    free(p);
}

/* --- asking --- */

const ltd_positions_options *ltd_positions_get_options(const ltd_positions *p)
{
    return &p->options;
}

int32_t ltd_positions_texts(const ltd_positions *p)
{
    return p->texts;
}

const ltd_trace_text *ltd_positions_text(const ltd_positions *p, int32_t text)
{
    return &p->options.cycle.trace->text[p->text[text]];
}

int32_t ltd_positions_count(const ltd_positions *p, int32_t text)
{
    return (int32_t)(p->first[text + 1] - p->first[text]);
}

int64_t ltd_positions_total(const ltd_positions *p)
{
    return p->first[p->texts];
}

int64_t ltd_positions_index(const ltd_positions *p, int32_t text, int32_t i)
{
    return p->first[text] + i;
}

ltd_position ltd_positions_at(const ltd_positions *p, int64_t index, int32_t forwards)
{
    size_t view = (size_t)index * (size_t)p->views + (size_t)forwards;
    return (ltd_position){p->obs + view * LTD_OBS_LTD_DIM,
                          p->got + view * (size_t)p->options.n_sizes, p->pool[view]};
}

void ltd_positions_legal(const ltd_positions *p, int64_t index, int32_t forwards, uint8_t *legal)
{
    int32_t pool = ltd_positions_at(p, index, forwards).pool;
    for (int32_t i = 0; i < p->options.n_sizes; i++)
        legal[i] = i == 0 || p->sizes[i] <= pool || p->sizes[i - 1] < pool;
}

double ltd_positions_ar_ms(const ltd_positions *p, int64_t index)
{
    return p->place[index].ar_ms;
}

ltd_match ltd_positions_match(const ltd_positions *p, int64_t index)
{
    const place *at = &p->place[index];
    return (ltd_match){.length = at->match, .distance = at->distance, .n = at->chain};
}

double ltd_positions_ms(const ltd_positions *p, int64_t index, const ltd_past *past,
                        int32_t forwards, int32_t size)
{
    ltd_cost_work work = {forwards, p->options.cycle.top_k, size, p->place[index].context,
                          past->waiting};
    return ltd_cost_cycle(p->options.cost, &work);
}

void ltd_positions_obs(const ltd_positions *p, int64_t index, const ltd_past *past,
                       int32_t forwards, float *ret)
{
    memcpy(ret, ltd_positions_at(p, index, forwards).obs, LTD_OBS_LTD_DIM * sizeof *ret);
    float waiting = ltd_obs_waiting(p->options.cost, past->waiting, p->place[index].context);
    ltd_obs_put_past(ret, forwards, past->recent, waiting, p->options.rate);
}

void ltd_past_begin(ltd_past *past)
{
    *past = (ltd_past){.waiting = 1};
}

void ltd_past_add(ltd_past *past, int32_t forwards, int32_t accept_len)
{
    memmove(past->recent + 1, past->recent, (LTD_OBS_RECENT - 1) * sizeof past->recent[0]);
    past->recent[0] = accept_len;
    past->waiting = forwards ? accept_len : past->waiting + accept_len;
}
