/* Where the search plays: an environment over the records of the training prompts. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/fixed.h"
#include "base/file.h"
#include "base/mem.h"
#include "trainer/tune/rule_train.h"
#include "trainer/tune/rule_tune.h"

typedef struct bed {
    ltd_prompts *prompts;
    int32_t recorded; /* prompts to choose from */
    ltd_cycle *cycle;
    ltd_env *env;
    double plain; /* table milliseconds a token of plain decoding takes */
} bed;

/* Some of the training prompts, evenly from those that are recorded: files are sorted by kind. */
static int choose_prompts(bed *b, const ltd_replay *r, ltd_err *err)
{
    ltd_prompt some[LTD_RULES_PROMPTS];
    ltd_prompts *there;
    int32_t n;
    int rc = ltd_replay_train_prompts(r, &there, err);
    if (rc < 0) return rc;
    b->recorded = (int32_t)ltd_prompts_count(there);
    n = b->recorded < LTD_RULES_PROMPTS ? b->recorded : LTD_RULES_PROMPTS;
    for (int32_t i = 0; i < n; i++)
        some[i] = *ltd_prompts_at(there, (size_t)i * (size_t)b->recorded / (size_t)n);
    rc = ltd_prompts_copy(&b->prompts, some, (size_t)n, err);
    ltd_prompts_free(there);
    return rc;
}

static void close_bed(bed *b)
{
    ltd_env_close(b->env);
    ltd_cycle_free(b->cycle);
    ltd_prompts_free(b->prompts);
}

/* *b is zero; close_bed is legal afterwards whatever happens. */
static int open_bed(bed *b, const ltd_replay *r, ltd_err *err)
{
    const ltd_setup *s = r->setup;
    ltd_agent *plain = NULL;
    int rc = choose_prompts(b, r, err);
    if (rc < 0) return rc;
    ltd_cycle_options c = ltd_replay_cycle_options(r);
    rc = ltd_cycle_new(&b->cycle, &c, err);
    if (rc < 0) return rc;
    ltd_env_options o = ltd_setup_env_options(s, b->cycle, b->prompts);
    ltd_rule_env_options(s, &o);
    o.clock_table = true;
    rc = ltd_env_open(&b->env, &o, err);
    if (rc == LTD_OK) rc = ltd_agent_fixed_new(&plain, "plain", 0, 0, err);
    if (rc == LTD_OK) rc = ltd_rule_pace(b->env, plain, &b->plain, err);
    ltd_agent_free(plain);
    return rc;
}

void ltd_rule_env_options(const ltd_setup *s, ltd_env_options *ret)
{
    const ltd_cycle_options *c = ltd_cycle_get_options(ret->cycle);
    ret->sizes[0] = 0;
    ret->n_sizes = 1 + ltd_tune_sizes(&s->config.env.sizes, c->max_size, ret->sizes + 1);
    ret->min_forwards = 0;
    ret->depth_every = 1;
    ret->max_forwards = c->max_forwards;
    ret->max_new = s->config.bench.max_new;
    ret->reward = LTD_REWARD_RATIO; /* nobody reads it, and it needs no calibration */
    ret->reward_scale = 1;
}

/* Where a rule's setting stands in the set, or a new place. */
static ltd_rule_setting *place(ltd_rule_set *set, const ltd_rule *rule)
{
    for (int32_t i = 0; i < set->n; i++)
        if (set->rule[i].rule == rule) return &set->rule[i];
    set->rule[set->n] = (ltd_rule_setting){.rule = rule};
    return &set->rule[set->n++];
}

/* Its net, with the parameters it comes with. */
static int train_one(ltd_env *env, const ltd_rule *rule, ltd_rule_setting *ret, ltd_err *err)
{
    *ret = (ltd_rule_setting){.rule = rule};
    ltd_rule_defaults(rule, ret->param);
    return ltd_rule_train(&ret->net, env, rule, LTD_RULES_SEED, err);
}

/* What is found for each rule: by a search, or by training alone. */
typedef int (*find_fn)(ltd_env *env, const ltd_rule *rule, ltd_rule_setting *ret, ltd_err *err);

static int tune_all(bed *b, find_fn find, ltd_rule_set *set, const char *const *names, int32_t n,
                    const ltd_watch *watch, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < n; i++) {
        const ltd_rule *rule = ltd_rule_find(names[i]);
        ltd_rule_setting best;
        if (!rule) return ltd_fail(err, LTD_EINVAL, "rules: no rule called '%s'", names[i]);
        rc = ltd_watch_tell(watch, (double)i / n, rule->name, err);
        if (rc == LTD_OK) rc = find(b->env, rule, &best, err);
        if (rc < 0) break;
        best.speedup *= b->plain;
        best.before *= b->plain;
        ltd_rule_setting *at = place(set, rule);
        ltd_mlp_free(at->net);
        *at = best;
    }
    snprintf(set->tuned_on, sizeof set->tuned_on, "%d of %d recorded training prompts",
             (int)ltd_prompts_count(b->prompts), b->recorded);
    return rc;
}

static int find_all(find_fn find, ltd_rule_set *set, const ltd_replay *replay,
                    const char *const *names, int32_t n, const ltd_watch *watch, ltd_err *err)
{
    bed b = {0};
    int rc = open_bed(&b, replay, err);
    if (rc == LTD_OK) rc = tune_all(&b, find, set, names, n, watch, err);
    close_bed(&b);
    return rc;
}

int ltd_rules_tune(ltd_rule_set *set, const ltd_replay *replay, const char *const *names, int32_t n,
                   const ltd_watch *watch, ltd_err *err)
{
    return find_all(ltd_rule_search, set, replay, names, n, watch, err);
}

int ltd_rules_train(ltd_rule_set *set, const ltd_replay *replay, const char *const *names,
                    int32_t n, const ltd_watch *watch, ltd_err *err)
{
    return find_all(train_one, set, replay, names, n, watch, err);
}

/* Those of the names that the set has not. */
static int32_t missing(const ltd_rule_set *set, const char *const *names, int32_t n,
                       const char **ret)
{
    int32_t m = 0;
    for (int32_t i = 0; i < n && m < LTD_RULES_MAX; i++)
        if (!ltd_rules_find(set, names[i])) ret[m++] = names[i];
    return m;
}

int ltd_rules_open(ltd_rule_set *ret, const ltd_setup *s, const ltd_replay *replay,
                   const char *const *names, int32_t n, const ltd_watch *watch, ltd_err *err)
{
    char path[PATH_MAX];
    const char *lack[LTD_RULES_MAX];
    ltd_err why = LTD_ERR_INIT;
    ltd_rules_begin(ret, s);
    int rc = ltd_rules_path(s, path, sizeof path, err);
    if (rc < 0) return rc;
    if (ltd_rules_load(ret, path, &why) < 0) ltd_log(s->log, LTD_LOG_DEBUG, "%s", why.msg);
    int32_t m = missing(ret, names, n, lack);
    if (m == 0 || !replay) return LTD_OK;
    ltd_log(s->log, LTD_LOG_INFO, "tuning %d rules over records", m);
    rc = ltd_rules_tune(ret, replay, lack, m, watch, err);
    if (rc == LTD_OK) rc = ltd_file_mkdirs_for(path, err);
    return rc == LTD_OK ? ltd_rules_save(ret, path, err) : rc;
}
