/* Who learns next, where, and for how long.
 *
 * Joint: both learn from every cycle, over records and then live, but for the first share, in which
 * depth only explores.  Stages: one learns, the other is frozen; a stage ends with its learner's
 * decisions, at the end of a rollout.  That is the paper's way: size alone, under random depths;
 * depth alone, with 60 nodes; then both in turns, each with the other one as it has become. */
#include "trainer/train/train_priv.h"

#include <stdio.h>

static bool in_stages(const ltd_trainer *t)
{
    return t->setup->config.train.mode == LTD_TRAIN_STAGES;
}

/* The names were checked with the configuration. */
static const ltd_stage_kind *kind_of(const ltd_trainer *t, int32_t stage)
{
    return ltd_stage_kind_find(t->setup->config.train.stages.v[stage]);
}

/* Has this policy learned in one of the first `stages`? */
static bool learned_in(const ltd_trainer *t, bool depth, int32_t stages)
{
    for (int32_t i = 0; i < stages; i++)
        if (kind_of(t, i)->depth == depth) return true;
    return t->planned;
}

bool ltd_train_has_learned(const ltd_trainer *t, bool depth)
{
    if (!in_stages(t)) return true;
    return learned_in(t, depth, t->stage + (t->stage_decisions > 0));
}

/* --- where --- */

bool ltd_train_uses_records(const ltd_config *c)
{
    if (c->train.mode == LTD_TRAIN_STAGES) return c->train.stages_on == LTD_TRAIN_RECORDS;
    return c->train.record_cycles > 0;
}

bool ltd_train_on_records(const ltd_trainer *t)
{
    const ltd_config *c = &t->setup->config;
    if (in_stages(t)) return c->train.stages_on == LTD_TRAIN_RECORDS;
    return t->cycles < c->train.record_cycles;
}

/* --- how long --- */

int64_t ltd_train_length(const ltd_config *c)
{
    int64_t n = 0;
    if (c->train.mode != LTD_TRAIN_STAGES)
        return (int64_t)c->train.record_cycles + c->train.total_cycles;
    for (int32_t i = 0; i < c->train.stages.n; i++) n += c->train.stage_decisions.v[i];
    return n;
}

int64_t ltd_train_done(const ltd_trainer *t)
{
    const ltd_config *c = &t->setup->config;
    int64_t n = t->stage_decisions;
    if (!in_stages(t)) return t->cycles;
    for (int32_t i = 0; i < t->stage; i++) n += c->train.stage_decisions.v[i];
    return n;
}

bool ltd_train_over(const ltd_trainer *t)
{
    const ltd_config *c = &t->setup->config;
    if (in_stages(t)) return t->stage >= c->train.stages.n;
    return t->cycles >= ltd_train_length(c);
}

double ltd_train_share(const ltd_trainer *t)
{
    const ltd_config *c = &t->setup->config;
    double share;
    if (in_stages(t)) {
        share = (double)t->stage_decisions / c->train.stage_decisions.v[t->stage];
        return share < 1 ? share : 1;
    }
    share = (double)t->cycles / (double)ltd_train_length(c);
    if (c->train.time_limit_s > 0) {
        double by_time = t->now_seconds / c->train.time_limit_s;
        if (by_time > share) share = by_time;
    }
    return share < 1 ? share : 1;
}

/* Not for ever where cycles leave the learner nothing: all too slow to learn from, or a frozen
 * partner that drafts no nodes, so that no size is asked. */
int64_t ltd_train_longest_rollout(const ltd_trainer *t)
{
    const ltd_config *c = &t->setup->config;
    int64_t most =
        (int64_t)4 * c->train.n_steps * t->joint.n_envs * ltd_group_size(t->options->group);
    int64_t end = ltd_train_on_records(t) ? c->train.record_cycles : ltd_train_length(c);
    if (in_stages(t) || end - t->cycles > most) return most;
    return end - t->cycles;
}

/* --- who --- */

static ltd_joint_role partner(const ltd_trainer *t, bool depth)
{
    bool alone = kind_of(t, t->stage)->alone;
    return !alone && learned_in(t, depth, t->stage) ? LTD_ROLE_GREEDY : LTD_ROLE_UNTAUGHT;
}

void ltd_train_choose(ltd_trainer *t)
{
    ltd_joint *j = &t->joint;
    j->depth_role = j->size_role = LTD_ROLE_LEARNS;
    j->fixed_size = t->setup->config.policy.fixed_size;
    t->depth_updates = t->planned || ltd_train_share(t) >= t->setup->config.train.size_first;
    if (!in_stages(t)) return;
    t->depth_updates = kind_of(t, t->stage)->depth;
    if (t->depth_updates)
        j->size_role = partner(t, false);
    else
        j->depth_role = partner(t, true);
}

const char *ltd_train_what(const ltd_trainer *t, char *ret, size_t size)
{
    const char *where = ltd_train_on_records(t) ? "over records" : "live";
    const char *who = !t->depth_updates                       ? "size"
                      : t->joint.size_role == LTD_ROLE_LEARNS ? "both policies"
                                                              : "depth";
    if (in_stages(t))
        snprintf(ret, size, "stage %d of %d: %s, %s", t->stage + 1, t->setup->config.train.stages.n,
                 who, where);
    else
        snprintf(ret, size, "%s, %s", who, where);
    return ret;
}

int64_t ltd_train_rollout_done(const ltd_trainer *t, const ltd_joint_stats *s)
{
    /* The others have done about as much. */
    int64_t processes = ltd_group_size(t->options->group);
    if (!in_stages(t)) return s->cycles * processes;
    return ltd_rollout_size(t->depth_updates ? t->depth->rollout : t->size->rollout) * processes;
}

void ltd_train_count(ltd_trainer *t, const ltd_joint_stats *s)
{
    t->cycles += s->cycles;
    t->decisions += s->decisions;
    if (!in_stages(t)) return;
    int64_t n = t->depth_updates ? s->depth_steps : s->size_steps;
    /* As many cycles as a rollout may have, and nothing was asked: the stage is over. */
    if (n == 0 && s->cycles >= ltd_train_longest_rollout(t))
        n = t->setup->config.train.stage_decisions.v[t->stage];
    t->stage_decisions += n;
}

void ltd_train_next_stage(ltd_trainer *t)
{
    if (!in_stages(t)) return;
    if (t->stage_decisions < t->setup->config.train.stage_decisions.v[t->stage]) return;
    t->stage++;
    t->stage_decisions = 0;
}
