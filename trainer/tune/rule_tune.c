/* The search, apart from where records come from.  See rule_tune_run.c for that side. */
#include "trainer/tune/rule_tune.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "env/prompts.h"
#include "trainer/tune/rule_train.h"

enum { PASSES = 3, STARTS = 3, DRAWS = 24 };

void ltd_rules_fini(ltd_rule_set *set)
{
    for (int32_t i = 0; i < set->n; i++) ltd_mlp_free(set->rule[i].net);
    set->n = 0;
}

const ltd_rule_setting *ltd_rules_find(const ltd_rule_set *set, const char *name)
{
    for (int32_t i = 0; i < set->n; i++)
        if (strcmp(set->rule[i].rule->name, name) == 0) return &set->rule[i];
    return NULL;
}

int ltd_rule_pace(ltd_env *env, ltd_agent *agent, double *ret, ltd_err *err)
{
    const ltd_env_options *o = ltd_env_get_options(env);
    ltd_player player;
    ltd_run sum = {.prompts = 0};
    if (!o->cost) return ltd_fail(err, LTD_EINVAL, "rules: tuning needs a calibration");
    int rc = ltd_player_init(&player, env, agent, err);
    for (int32_t i = 0; rc == LTD_OK && i < (int32_t)ltd_prompts_count(o->prompts); i++) {
        ltd_run run;
        rc = ltd_run_prompt(&player, i, &run, NULL, err);
        if (rc == LTD_OK) ltd_run_add(&sum, &run);
    }
    ltd_player_fini(&player);
    if (rc < 0) return rc;
    if (sum.tokens == 0) return ltd_fail(err, LTD_EINVAL, "rules: the prompts have empty answers");
    *ret = sum.table_ms / (double)sum.tokens;
    return LTD_OK;
}

static int try(ltd_env *env, ltd_rule_setting *s, double *pace, ltd_err *err)
{
    ltd_agent *agent;
    int rc = ltd_agent_trained_new(&agent, s->rule, s->param, s->net, err);
    if (rc < 0) return rc;
    s->tries++;
    rc = ltd_rule_pace(env, agent, pace, err);
    ltd_agent_free(agent);
    return rc;
}

/* All values of one parameter; the best stays, of equal ones the first. */
static int tune_param(ltd_env *env, ltd_rule_setting *s, int32_t p, double *best, bool *changed,
                      ltd_err *err)
{
    const ltd_rule_param *param = &s->rule->param[p];
    float was = s->param[p], keep = was;
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < param->n; i++) {
        double pace = 0;
        if (param->value[i] == was) continue;
        s->param[p] = param->value[i];
        rc = try(env, s, &pace, err);
        if (rc < 0 || pace >= *best) continue;
        *best = pace;
        keep = param->value[i];
        *changed = true;
    }
    s->param[p] = keep;
    return rc;
}

/* From a setting one parameter at a time, until none changes. */
static int climb(ltd_env *env, ltd_rule_setting *s, double *best, ltd_err *err)
{
    int rc = LTD_OK;
    bool changed = true;
    for (int32_t pass = 0; rc == LTD_OK && changed && pass < PASSES; pass++) {
        changed = false;
        for (int32_t p = 0; rc == LTD_OK && p < s->rule->n_params; p++)
            rc = tune_param(env, s, p, best, &changed, err);
    }
    return rc;
}

/* The fastest of some random settings: parameters hang together, and from the defaults alone the
 * climb may end on a lower hill. */
static int draw_start(ltd_env *env, ltd_rng *rng, ltd_rule_setting *s, double *best, ltd_err *err)
{
    ltd_rule_setting try_this = *s;
    int rc = LTD_OK;
    *best = HUGE_VAL;
    for (int32_t i = 0; rc == LTD_OK && i < DRAWS; i++) {
        double pace = 0;
        for (int32_t p = 0; p < s->rule->n_params; p++) {
            const ltd_rule_param *param = &s->rule->param[p];
            if (param->n > 1)
                try_this.param[p] = param->value[ltd_rng_below(rng, (uint64_t)param->n)];
        }
        rc = try(env, &try_this, &pace, err);
        if (rc < 0 || pace >= *best) continue;
        *best = pace;
        memcpy(s->param, try_this.param, sizeof s->param);
    }
    s->tries = try_this.tries;
    return rc;
}

/* `s` has its net; *ret receives the rest. */
static int search(ltd_env *env, ltd_rule_setting s, ltd_rule_setting *ret, ltd_err *err)
{
    ltd_rule_setting best;
    ltd_rng rng;
    double pace = 0, least, first;
    ltd_rng_seed(&rng, 0, LTD_STREAM_PROMPTS);
    ltd_rule_defaults(s.rule, s.param);
    int rc = try(env, &s, &pace, err);
    first = pace;
    if (rc == LTD_OK) rc = climb(env, &s, &pace, err);
    best = s;
    least = pace;
    for (int32_t start = 1; rc == LTD_OK && start < STARTS; start++) {
        rc = draw_start(env, &rng, &s, &pace, err);
        if (rc == LTD_OK) rc = climb(env, &s, &pace, err);
        if (rc < 0 || pace >= least) continue;
        best = s;
        least = pace;
    }
    if (rc < 0) return rc;
    best.tries = s.tries;
    best.before = 1 / first;
    best.speedup = 1 / least;
    *ret = best;
    return LTD_OK;
}

int ltd_rule_search(ltd_env *env, const ltd_rule *rule, ltd_rule_setting *ret, ltd_err *err)
{
    ltd_rule_setting s = {.rule = rule};
    int rc = rule->net.inputs ? ltd_rule_train(&s.net, env, rule, LTD_RULES_SEED, err) : LTD_OK;
    if (rc == LTD_OK) rc = search(env, s, ret, err);
    if (rc < 0) ltd_mlp_free(s.net);
    return rc;
}
