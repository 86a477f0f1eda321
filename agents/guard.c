/* States, each left when its plain steps are over or the debt is too large:
 *
 *     warm -> policy -> check -> policy         the debt was plain decoding's measure
 *                         |
 *                         v
 *                       spell -> trial -> spell, a longer one
 *                                  |
 *                                  v
 *                                policy         it held out
 *
 * and now and then a plain step in the middle of policy, to keep the measure fresh. */
#include "agents/guard.h"

#include <stdio.h>
#include <stdlib.h>

#include "agents/fixed.h"
#include "base/mem.h"

enum { MEMORY = 32 }; /* plain steps that the mean goes back */

static void forgive(ltd_guard *g)
{
    g->ns = g->tokens = 0;
}

void ltd_guard_init(ltd_guard *guard, const ltd_guard_options *options)
{
    static const ltd_guard_options defaults = LTD_GUARD_DEFAULTS;
    *guard = (ltd_guard){.options = options ? *options : defaults};
    if (guard->options.warm < 1)
        guard->options.warm = 1; /* without a measure there is no verdict */
    guard->plain_left = guard->options.warm;
    guard->spell = guard->options.spell;
}

bool ltd_guard_plain(const ltd_guard *guard)
{
    return guard->plain_left > 0;
}

double ltd_guard_debt(const ltd_guard *guard)
{
    return guard->plain_ns > 0 ? guard->ns / guard->plain_ns - guard->tokens : 0;
}

/* --- plain steps --- */

/* The slowest of the first ones is left out; later ones count as much as they can without making
 * all policies look fast when something else interrupted them. */
static void measure(ltd_guard *g, double ns)
{
    int32_t n = ++g->plain_seen;
    if (n <= g->options.warm) {
        g->warm_ns += ns;
        if (ns > g->slowest_ns) g->slowest_ns = ns;
        g->plain_ns = n == 1 ? ns : (g->warm_ns - g->slowest_ns) / (n - 1);
        return;
    }
    if (ns > 2 * g->plain_ns) ns = 2 * g->plain_ns;
    g->plain_ns += (ns - g->plain_ns) / (n < MEMORY ? n : MEMORY);
}

static void retire(ltd_guard *g)
{
    int64_t longer = (int64_t)g->spell * g->options.growth;
    g->plain_left = g->spell;
    g->spell = longer < g->options.longest ? (int32_t)longer : g->options.longest;
    g->retired = true;
    g->trying = g->checking = false;
    g->cycles = 0;
    g->retirements++;
    forgive(g);
}

static void tell_plain(ltd_guard *g, double ns)
{
    measure(g, ns);
    if (--g->plain_left > 0) return;
    if (g->checking) {
        g->checking = false;
        if (ltd_guard_debt(g) > g->options.patience) retire(g);
        return;
    }
    g->trying = g->trying || g->retired;
    g->retired = false;
}

/* --- the policy's cycles --- */

static void pass_trial(ltd_guard *g)
{
    int32_t shorter = g->spell / (g->options.growth > 0 ? g->options.growth : 1);
    g->spell = shorter > g->options.spell ? shorter : g->options.spell;
    g->trying = false;
}

static void tell_policy(ltd_guard *g, double ns, int32_t tokens)
{
    const ltd_guard_options *o = &g->options;
    g->ns += ns;
    g->tokens += tokens;
    g->cycles++;
    double debt = ltd_guard_debt(g);
    if (debt <= 0) forgive(g);
    if (g->trying && debt > o->retry) {
        retire(g);
    } else if (debt > o->patience) {
        g->checking = true;
        g->plain_left = o->check > 0 ? o->check : 1;
    } else if (g->trying && g->cycles >= o->trial) {
        pass_trial(g);
    } else if (o->refresh > 0 && g->cycles % o->refresh == 0) {
        g->plain_left = 1;
    }
}

void ltd_guard_tell(ltd_guard *guard, double ns, int32_t tokens)
{
    if (!(ns > 0) || tokens < 1) return;
    if (guard->plain_left > 0)
        tell_plain(guard, ns / tokens);
    else
        tell_policy(guard, ns, tokens);
}

/* --- the agent --- */

typedef struct guard_agent {
    ltd_agent agent; /* first: the two are cast into each other */
    ltd_agent *inner;
    ltd_guard *guard;
    bool begun; /* it has played a cycle before */
    bool plain; /* this one */
} guard_agent;

/* A cycle's first depth turn is the only one with the forwards that nobody is asked for. */
static void begin_cycle(guard_agent *a, const ltd_env *env)
{
    const ltd_info *last = ltd_env_last(env);
    if (a->begun) ltd_guard_tell(a->guard, (double)last->cycle_ns, last->accept_len);
    a->begun = true;
    a->plain = ltd_guard_plain(a->guard);
}

static int32_t decide(ltd_agent *agent, const ltd_env *env, const ltd_step *step, float *logprob)
{
    guard_agent *a = (guard_agent *)agent;
    bool depth = step->turn == LTD_TURN_DEPTH;
    if (depth && ltd_env_forwards(env) == ltd_env_get_options(env)->min_forwards)
        begin_cycle(a, env);
    if (!a->plain) return a->inner->decide(a->inner, env, step, logprob);
    if (logprob) *logprob = 0;
    if (!depth) return ltd_agent_size_action(env, step, 0);
    return step->mask[LTD_DEPTH_STOP] ? LTD_DEPTH_STOP : LTD_DEPTH_CONTINUE;
}

static void free_agent(ltd_agent *agent)
{
    ltd_agent_free(((guard_agent *)agent)->inner);
    free(agent);
}

int ltd_agent_guard_new(ltd_agent **ret, const char *name, ltd_agent *inner, ltd_guard *guard,
                        ltd_err *err)
{
    *ret = NULL;
    guard_agent *a = name[0] ? ltd_mem_zeros(1, sizeof *a) : NULL;
    if (!a) {
        ltd_agent_free(inner);
        return name[0] ? ltd_fail(err, LTD_ENOMEM, "guard of '%s': no memory", name)
                       : ltd_fail(err, LTD_EINVAL, "guard: a name is empty");
    }
    snprintf(a->agent.name, sizeof a->agent.name, "%s", name);
    snprintf(a->agent.detail, sizeof a->agent.detail, "%.100s, guarded", inner->detail);
    a->agent.decide = decide;
    a->agent.free = free_agent;
    a->agent.blind = inner->blind;
    a->inner = inner;
    a->guard = guard;
    *ret = &a->agent;
    return LTD_OK;
}
