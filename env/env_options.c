/* What an environment can be opened with. */
#include <string.h>

#include "env/ground_priv.h"
#include "env/positions.h"

static int check_sizes(const ltd_env_options *o, ltd_err *err)
{
    int32_t most = o->positions ? INT32_MAX : ltd_cycle_get_options(o->cycle)->max_size;
    if (o->n_sizes < 1 || o->n_sizes > LTD_MAX_SIZES)
        return ltd_fail(err, LTD_EINVAL, "env: %d sizes, expected 1 to %d", o->n_sizes,
                        LTD_MAX_SIZES);
    for (int32_t i = 0; i < o->n_sizes; i++) {
        if (o->sizes[i] < 0 || o->sizes[i] > most)
            return ltd_fail(err, LTD_EINVAL, "env: size %d, expected 0 to %d", o->sizes[i], most);
        if (i && o->sizes[i] <= o->sizes[i - 1])
            return ltd_fail(err, LTD_EINVAL, "env: size %d after %d, expected ascending sizes",
                            o->sizes[i], o->sizes[i - 1]);
    }
    return LTD_OK;
}

/* What they say for an environment that is compiled: observations, sizes and times are in it. */
static int take_from_positions(ltd_env_options *o, ltd_err *err)
{
    const ltd_positions_options *p = ltd_positions_get_options(o->positions);
    if (o->cycle) return ltd_fail(err, LTD_EINVAL, "env: a cycle and positions, expected one");
    if (o->depth_contract != LTD_CONTRACT_LTD_DEPTH || o->size_contract != LTD_CONTRACT_LTD_SIZE)
        return ltd_fail(err, LTD_EINVAL, "env: positions show %s and %s, not %s and %s",
                        ltd_contract_name(LTD_CONTRACT_LTD_DEPTH),
                        ltd_contract_name(LTD_CONTRACT_LTD_SIZE),
                        ltd_contract_name(o->depth_contract), ltd_contract_name(o->size_contract));
    o->prompts = p->prompts;
    o->cost = p->cost;
    o->clock_table = true;
    o->max_forwards = p->max_forwards;
    o->n_sizes = p->n_sizes;
    memcpy(o->sizes, p->sizes, (size_t)p->n_sizes * sizeof o->sizes[0]);
    o->max_new = p->max_new;
    o->rate = p->rate;
    return LTD_OK;
}

static int check_reward(const ltd_env_options *o, ltd_err *err)
{
    if (o->reward == LTD_REWARD_AVERAGE && !o->cost)
        return ltd_fail(err, LTD_EINVAL, "env: reward 'average' needs a calibration for T_ar");
    if (o->reward == LTD_REWARD_AVERAGE && !(o->reward_floor < 0))
        return ltd_fail(err, LTD_EINVAL, "env: reward_floor %g, expected less than 0",
                        o->reward_floor);
    bool scaled = o->reward == LTD_REWARD_RATIO || o->reward == LTD_REWARD_TIME;
    if (scaled && !(o->reward_scale > 0))
        return ltd_fail(err, LTD_EINVAL, "env: reward_scale %g, expected more than 0",
                        o->reward_scale);
    return LTD_OK;
}

static int check_forwards(const ltd_env_options *o, ltd_err *err)
{
    int32_t most = o->positions ? o->max_forwards : ltd_cycle_get_options(o->cycle)->max_forwards;
    bool head = o->positions ? most > 0 : ltd_cycle_has_head(o->cycle);
    if (o->min_forwards > 0 && !head)
        return ltd_fail(err, LTD_EINVAL, "env: min_forwards is %d, but there is no draft head",
                        o->min_forwards);
    if (o->min_forwards < 0 || o->max_forwards < o->min_forwards || o->max_forwards > most)
        return ltd_fail(err, LTD_EINVAL,
                        "env: %d to %d draft forwards, expected 0 <= min <= max <= %d",
                        o->min_forwards, o->max_forwards, most);
    if (o->depth_every < 0)
        return ltd_fail(err, LTD_EINVAL, "env: depth_every %d, expected 0 or more", o->depth_every);
    return LTD_OK;
}

int ltd_env_check_options(ltd_env_options *o, ltd_err *err)
{
    int rc = o->positions ? take_from_positions(o, err) : LTD_OK;
    if (rc < 0) return rc;
    if ((!o->cycle && !o->positions) || !o->prompts || ltd_prompts_count(o->prompts) < 1)
        return ltd_fail(err, LTD_EINVAL, "env: needs a cycle and at least one prompt");
    if (o->max_new < 1)
        return ltd_fail(err, LTD_EINVAL, "env: max_new %d, expected 1 or more", o->max_new);
    if (o->loop_stop < 0 || o->loop_stop == 1)
        return ltd_fail(err, LTD_EINVAL, "env: loop_stop %d, expected 0, or 2 or more",
                        o->loop_stop);
    if (o->clock_table && !o->cost)
        return ltd_fail(err, LTD_EINVAL, "env: clock 'table' needs a calibration");
    if (o->cycle && ltd_cycle_get_options(o->cycle)->trace && !o->clock_table)
        return ltd_fail(err, LTD_EINVAL, "env: a record takes no time, it needs clock 'table'");
    rc = check_forwards(o, err);
    if (rc == LTD_OK) rc = check_reward(o, err);
    return rc == LTD_OK ? check_sizes(o, err) : rc;
}
