/* reset or step -> [the partner's and forced turns] -> a turn of the learner's, or the end.  A
 * reset that comes to the end goes on with the next cycle. */
#include "agents/solo.h"

#include <stdlib.h>
#include <string.h>

#include "agents/fixed.h"
#include "base/mem.h"

struct ltd_solo {
    ltd_env *env;
    ltd_agent *partner;
    ltd_turn turn;
    int32_t n_actions;
    uint8_t mask[LTD_MAX_SIZES]; /* of the turn that is asked: the caller's may have changed */
};

int ltd_solo_new(ltd_solo **ret, ltd_env *env, ltd_turn turn, ltd_agent *partner, ltd_err *err)
{
    const ltd_env_options *o = ltd_env_get_options(env);
    *ret = NULL;
    if (turn != LTD_TURN_DEPTH && turn != LTD_TURN_SIZE)
        return ltd_fail(err, LTD_EINVAL, "solo: turn %d, expected depth or size", (int)turn);
    if (turn == LTD_TURN_DEPTH && o->max_forwards <= o->min_forwards)
        return ltd_fail(err, LTD_EINVAL,
                        "solo: no depth is ever asked, all cycles have %d draft forwards",
                        o->min_forwards);
    if (turn == LTD_TURN_SIZE && o->n_sizes < 2)
        return ltd_fail(err, LTD_EINVAL, "solo: no size is ever asked, the table has one");
    ltd_solo *s = ltd_mem_zeros(1, sizeof *s);
    if (!s) return ltd_fail(err, LTD_ENOMEM, "solo: no memory");
    s->env = env;
    s->turn = turn;
    s->partner = partner;
    s->n_actions = ltd_env_actions(env, turn);
    *ret = s;
    return LTD_OK;
}

void ltd_solo_free(ltd_solo *solo)
{
    free(solo);
}

/* The only legal action, -1 when there are more. */
static int32_t forced(const ltd_step *step)
{
    int32_t only = -1;
    for (int32_t i = 0; i < step->n_actions; i++) {
        if (!step->mask[i]) continue;
        if (only >= 0) return -1;
        only = i;
    }
    return only;
}

/* Play what is not the learner's. */
static int go_on(ltd_solo *s, ltd_step *io, ltd_err *err)
{
    while (!io->terminated) {
        int32_t action = forced(io);
        if (action < 0 && io->turn == s->turn) {
            memcpy(s->mask, io->mask, (size_t)io->n_actions);
            return LTD_OK;
        }
        if (action < 0) action = s->partner->decide(s->partner, s->env, io, NULL);
        int rc = ltd_env_step(s->env, action, io, err);
        if (rc < 0) return rc;
    }
    return LTD_OK;
}

int ltd_solo_reset(ltd_solo *solo, const ltd_reset *options, ltd_step *io, ltd_err *err)
{
    for (int32_t i = 0; i < LTD_SOLO_LONGEST; i++) {
        int rc = ltd_env_reset(solo->env, i ? NULL : options, io, err);
        if (rc != LTD_OK) return rc;
        rc = go_on(solo, io, err);
        if (rc < 0 || !io->terminated) return rc;
    }
    return ltd_fail(err, LTD_EINVAL, "solo: no %s was asked in %d cycles beside %s (%s)",
                    solo->turn == LTD_TURN_DEPTH ? "depth" : "size", LTD_SOLO_LONGEST,
                    solo->partner->name, solo->partner->detail);
}

int ltd_solo_step(ltd_solo *solo, int32_t action, ltd_step *io, ltd_err *err)
{
    if (ltd_env_turn(solo->env) != solo->turn)
        return ltd_fail(err, LTD_EINVAL, "solo: step without a turn to take, expected a reset");
    if (action < 0 || action >= solo->n_actions)
        return ltd_fail(err, LTD_EINVAL, "solo: action %d of a space of %d", action,
                        solo->n_actions);
    while (action > 0 && !solo->mask[action]) action--; /* the smallest size is always legal */
    int rc = ltd_env_step(solo->env, action, io, err);
    return rc < 0 ? rc : go_on(solo, io, err);
}
