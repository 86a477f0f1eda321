/* A cycle behind an environment. */
#include <stdlib.h>

#include "base/mem.h"
#include "env/ground_priv.h"

typedef struct cycle_ground {
    ltd_ground ground; /* first: the two are cast into each other */
    const ltd_prompts *prompts;
    const ltd_cost *cost;
} cycle_ground;

static int begin_prompt(ltd_ground *g, int32_t index, ltd_err *err)
{
    const ltd_prompt *p = ltd_prompts_at(((cycle_ground *)g)->prompts, (size_t)index);
    int rc = ltd_cycle_prompt(g->cycle, p->ids, p->n, err);
    if (rc < 0) return rc;
    g->root = ltd_cycle_root(g->cycle);
    g->room = ltd_cycle_room(g->cycle);
    return LTD_OK;
}

static void look(ltd_ground *g)
{
    const ltd_tree *tree = ltd_cycle_tree(g->cycle);
    g->forwards = ltd_tree_forwards(tree);
    g->pool = ltd_tree_count(tree);
}

static int begin(ltd_ground *g, ltd_obs_state *state, ltd_err *err)
{
    int rc = ltd_cycle_begin(g->cycle, err);
    if (rc < 0) return rc;
    g->context = ltd_cycle_context(g->cycle);
    look(g);
    state->context = g->context;
    state->match = ltd_cycle_match(g->cycle).length;
    state->distance = ltd_cycle_match(g->cycle).distance;
    state->chain = ltd_cycle_chain(g->cycle);
    state->waiting = ltd_cycle_waiting(g->cycle);
    ltd_obs_begin(state);
    return LTD_OK;
}

static int draft(ltd_ground *g, ltd_err *err)
{
    int rc = ltd_cycle_draft(g->cycle, err);
    look(g);
    return rc;
}

static void observe(const ltd_ground *g, ltd_contract contract, const ltd_obs_state *state,
                    float *ret)
{
    (void)g;
    ltd_obs_encode(contract, state, ret);
}

static int verify(ltd_ground *g, int32_t size, const ltd_cycle_result **ret, ltd_err *err)
{
    return ltd_cycle_verify(g->cycle, size, ret, err);
}

static void times(const ltd_ground *g, const ltd_cost_work *work, double *ar, double *cycle)
{
    const ltd_cost *cost = ((const cycle_ground *)g)->cost;
    *ar = ltd_cost_ar(cost, work->context);
    *cycle = ltd_cost_cycle(cost, work);
}

static bool is_end(const ltd_ground *g, int32_t token)
{
    return ltd_cycle_is_end(g->cycle, token);
}

static void cycle_ground_free(ltd_ground *g)
{
    free(g);
}

int ltd_ground_cycle(ltd_ground **ret, const ltd_env_options *o, ltd_err *err)
{
    cycle_ground *c = ltd_mem_zeros(1, sizeof *c);
    if (!c) return ltd_fail(err, LTD_ENOMEM, "env: no memory");
    c->prompts = o->prompts;
    c->cost = o->cost;
    c->ground = (ltd_ground){.prompt = begin_prompt,
                             .begin = begin,
                             .draft = draft,
                             .observe = observe,
                             .verify = verify,
                             .times = times,
                             .is_end = is_end,
                             .free = cycle_ground_free,
                             .cycle = o->cycle,
                             .phases = ltd_cycle_phases(o->cycle),
                             .has_head = ltd_cycle_has_head(o->cycle),
                             .top_k = ltd_cycle_get_options(o->cycle)->top_k};
    *ret = &c->ground;
    return LTD_OK;
}
