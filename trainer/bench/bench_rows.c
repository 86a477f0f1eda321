#include "trainer/bench/bench_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/fixed.h"
#include "agents/rules/rules.h"
#include "base/mem.h"
#include "trainer/tune/rule_tune.h"

static const char *const default_rows[] = {"ar",     "eagle3",  "static-tuned",
                                           "switch", "goodput", "ltd"};

/* --- who takes part --- */

bool ltd_bench_wants(const ltd_config *c, const char *row)
{
    const ltd_strings *p = &c->bench.policies;
    for (int32_t i = 0; i < p->n; i++)
        if (strcmp(p->v[i], row) == 0) return true;
    for (size_t i = 0; p->n == 0 && i < sizeof default_rows / sizeof default_rows[0]; i++)
        if (strcmp(default_rows[i], row) == 0) return true;
    return false;
}

static const char *const policy_rows[] = {"ltd", "ltd-guard", "ltd-table"};
enum { POLICY_ROWS = sizeof policy_rows / sizeof policy_rows[0] };

static bool is_policy_row(const char *name)
{
    for (int i = 0; i < POLICY_ROWS; i++)
        if (strcmp(policy_rows[i], name) == 0) return true;
    return false;
}

bool ltd_bench_wants_policy(const ltd_config *c)
{
    for (int i = 0; i < POLICY_ROWS; i++)
        if (ltd_bench_wants(c, policy_rows[i])) return true;
    return false;
}

#define NOT_RECORDED "more forwards, or another beam, than were recorded"

static void leave_out(const ltd_setup *s, const char *name, const char *why)
{
    ltd_log(s->log, LTD_LOG_WARN, "row %s is left out: %s", name, why);
}

static int add(ltd_contestants *c, const char *name, ltd_setting setting, int32_t top_k,
               const ltd_policy *policy, ltd_err *err)
{
    for (int32_t i = 0; i < c->n; i++)
        if (strcmp(c->row[i].name, name) == 0) return LTD_OK;
    if (c->n == LTD_BENCH_ROWS)
        return ltd_fail(err, LTD_EINVAL, "bench: more than %d rows", LTD_BENCH_ROWS);
    ltd_contestant *row = &c->row[c->n++];
    *row = (ltd_contestant){.setting = setting, .policy = policy, .top_k = top_k};
    snprintf(row->name, sizeof row->name, "%s", name);
    return LTD_OK;
}

/* Row ltd, ltd-guard or ltd-table. */
static int add_ltd(ltd_contestants *c, const ltd_setup *s, const char *name, const ltd_policy *p,
                   const ltd_trace *record, ltd_err *err)
{
    int32_t before = c->n;
    if (!p) {
        leave_out(s, name, "no trained policy");
        return LTD_OK;
    }
    bool tabled = strcmp(name, "ltd-table") == 0;
    if (tabled && !p->table) {
        leave_out(s, name, "its policy comes without a table: train over records");
        return LTD_OK;
    }
    if (!s->head && p->min_forwards > 0) {
        leave_out(s, name, "its policy needs a draft head");
        return LTD_OK;
    }
    int32_t most = s->head ? p->max_forwards : 0;
    if (record && (p->top_k != record->top_k || most > record->max_forwards)) {
        leave_out(s, name, NOT_RECORDED);
        return LTD_OK;
    }
    if (strcmp(p->model_hash, ltd_llama_hash(s->model)) != 0)
        ltd_log(s->log, LTD_LOG_WARN, "row %s: the policy was trained with another model", name);
    else if (strcmp(p->machine, s->machine) != 0)
        ltd_log(s->log, LTD_LOG_WARN, "row %s: the policy was trained on '%s', this is '%s'", name,
                p->machine, s->machine);
    int rc = add(c, name, (ltd_setting){0, 0, p->lookup, 0}, p->top_k, p, err);
    if (rc < 0 || c->n == before) return rc;
    c->row[before].guarded = strcmp(name, "ltd-guard") == 0;
    c->row[before].tabled = tabled;
    return LTD_OK;
}

static int add_rule(ltd_contestants *c, const ltd_setup *s, const ltd_rule_set *rules,
                    const ltd_rule *rule, ltd_err *err)
{
    const ltd_rule_setting *tuned = rules ? ltd_rules_find(rules, rule->name) : NULL;
    int32_t before = c->n;
    if (rule->net.inputs && !tuned) {
        leave_out(s, rule->name,
                  "its net is not trained: run `ltd record`, then `ltd tune --rules`");
        return LTD_OK;
    }
    int rc = add(c, rule->name, (ltd_setting){0, 0, s->config.env.lookup, 0}, s->config.env.top_k,
                 NULL, err);
    if (rc < 0 || c->n == before) return rc;
    ltd_contestant *row = &c->row[c->n - 1];
    row->rule = rule;
    ltd_rule_defaults(rule, row->param);
    if (tuned) {
        memcpy(row->param, tuned->param, sizeof row->param);
        row->net = tuned->net;
    } else {
        ltd_log(s->log, LTD_LOG_WARN,
                "row %s plays with default parameters: run `ltd record`, then `ltd tune --rules`",
                rule->name);
    }
    return LTD_OK;
}

/* What ltd_bench_run() knows besides the rules. */
static int no_such_row(const char *name, ltd_err *err)
{
    char list[256] = "";
    size_t at = 0;
    for (int32_t i = 0; i < ltd_rule_count() && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s, ", ltd_rule_at(i)->name);
    return ltd_fail(err, LTD_EINVAL,
                    "bench: no row called '%s', expected ar, eagle3, static-tuned, "
                    "static-N-V[-kK][-lookup], %sltd, ltd-guard or ltd-table",
                    name, list);
}

/* "static-3-12", "static-3-12-lookup", "static-3-12-k4-lookup". */
static bool parse_static(const char *name, ltd_setting *ret)
{
    char rest[16] = "", *at = rest;
    int n = sscanf(name, "static-%d-%d%15s", &ret->forwards, &ret->size, rest);
    if (strncmp(at, "-k", 2) == 0) {
        long k = strtol(at + 2, &at, 10);
        if (k < 1 || k > LTD_TREE_MAX_TOP_K) return false;
        ret->top_k = (int32_t)k;
    }
    ret->lookup = strcmp(at, "-lookup") == 0;
    return n >= 2 && (at[0] == 0 || ret->lookup) && ret->forwards >= 0 &&
           ret->forwards <= LTD_TREE_MAX_DEPTH && ret->size >= 0 && ret->size <= 1000;
}

/* A fixed setting.  A beam like everyone's needs no mention. */
static int add_fixed(ltd_contestants *c, const ltd_setup *s, const char *name, ltd_setting setting,
                     ltd_err *err)
{
    int32_t top_k = s->config.env.top_k;
    if (setting.top_k == top_k) setting.top_k = 0;
    return add(c, name, setting, setting.top_k ? setting.top_k : top_k, NULL, err);
}

static int add_named(ltd_contestants *c, const ltd_setup *s, const ltd_bench_options *options,
                     const char *name, ltd_err *err)
{
    ltd_setting setting = {0};
    const ltd_trace *record = options->replay ? &options->replay->trace : NULL;
    if (strcmp(name, "ar") == 0) return LTD_OK; /* it is there already */
    if (is_policy_row(name)) return add_ltd(c, s, name, options->policy, record, err);
    if (strcmp(name, "static-tuned") == 0) {
        if (options->tuned) return add_fixed(c, s, name, options->tuned->best, err);
        leave_out(s, name, "no tuned setting");
        return LTD_OK;
    }
    if (strcmp(name, "eagle3") == 0) {
        setting = (ltd_setting){LTD_EAGLE_FORWARDS, LTD_EAGLE_SIZE, false, LTD_EAGLE_TOP_K};
    } else if (ltd_rule_find(name)) {
        return add_rule(c, s, options->rules, ltd_rule_find(name), err);
    } else if (!parse_static(name, &setting)) {
        return no_such_row(name, err);
    }
    if (setting.forwards && !s->head) {
        leave_out(s, name, "no draft head");
        return LTD_OK;
    }
    bool other_beam = record && setting.top_k && setting.top_k != record->top_k;
    if (other_beam || (record && setting.forwards > record->max_forwards)) {
        leave_out(s, name, NOT_RECORDED);
        return LTD_OK;
    }
    return add_fixed(c, s, name, setting, err);
}

/* A row of a suite; policies and heads that are missing leave rows out as they do elsewhere. */
static int add_preset(ltd_contestants *c, const ltd_setup *s, const ltd_bench_options *options,
                      const ltd_preset *p, ltd_err *err)
{
    int32_t before = c->n;
    int rc = LTD_OK;
    if (p->kind == LTD_PRESET_NAMED) return add_named(c, s, options, p->name, err);
    if (p->kind == LTD_PRESET_POLICY) {
        rc = add_ltd(c, s, p->name, p->policy, options->replay ? &options->replay->trace : NULL,
                     err);
    } else if (!s->head) {
        leave_out(s, p->name, "no draft head");
    } else if (p->kind == LTD_PRESET_FIXED) {
        rc = add_fixed(c, s, p->name, p->setting, err);
    } else {
        rc = add(c, p->name, (ltd_setting){0, 0, p->lookup, 0}, p->top_k, NULL, err);
    }
    if (rc < 0 || c->n == before) return rc;
    ltd_contestant *row = &c->row[before];
    row->preset = p;
    if (p->kind != LTD_PRESET_RULE) return LTD_OK;
    row->rule = p->rule;
    row->net = p->net;
    memcpy(row->param, p->param, sizeof row->param);
    return LTD_OK;
}

static int list_presets(ltd_contestants *ret, const ltd_setup *s, const ltd_bench_options *options,
                        ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < options->n_presets; i++)
        rc = add_preset(ret, s, options, &options->presets[i], err);
    return rc;
}

static int list_names(ltd_contestants *ret, const ltd_setup *s, const ltd_bench_options *options,
                      ltd_err *err)
{
    const ltd_strings *names = &s->config.bench.policies;
    const int32_t n_default = (int32_t)(sizeof default_rows / sizeof default_rows[0]);
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < (names->n ? names->n : n_default); i++)
        rc = add_named(ret, s, options, names->n ? names->v[i] : default_rows[i], err);
    return rc;
}

int ltd_contestants_list(ltd_contestants *ret, const ltd_setup *s, const ltd_bench_options *options,
                         ltd_err *err)
{
    memset(ret, 0, sizeof *ret);
    int rc = add(ret, "ar", (ltd_setting){0, 0, false, 0}, s->config.env.top_k, NULL, err);
    if (rc == LTD_OK)
        rc = options->presets ? list_presets(ret, s, options, err)
                              : list_names(ret, s, options, err);
    ret->ar = 0;
    ret->tuned = -1;
    for (int32_t i = 0; i < ret->n; i++)
        if (strcmp(ret->row[i].name, "static-tuned") == 0) ret->tuned = i;
    return rc;
}

int ltd_bench_check_rows(const ltd_setup *s, ltd_err *err)
{
    ltd_setup *quiet = ltd_mem_zeros(1, sizeof *quiet);
    ltd_contestants *rows = ltd_mem_zeros(1, sizeof *rows);
    int rc = quiet && rows ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "bench: no memory");
    if (rc == LTD_OK) {
        *quiet = *s; /* what isn't there yet is no news */
        quiet->log = NULL;
        rc = ltd_contestants_list(rows, quiet, &(ltd_bench_options){0}, err);
    }
    free(rows);
    free(quiet);
    return rc;
}

/* --- what they play with --- */

static int32_t max_size(const ltd_setup *s, const ltd_contestant *r)
{
    if (r->rule && r->preset) return r->preset->sizes[r->preset->n_sizes - 1];
    if (r->rule) return ltd_setup_cycle_options(s).max_size;
    return r->policy ? r->policy->sizes[r->policy->n_sizes - 1] : r->setting.size;
}

static int32_t max_forwards(const ltd_setup *s, const ltd_contestant *r)
{
    if (r->rule && r->preset) return r->preset->max_forwards;
    if (r->rule) return ltd_setup_cycle_options(s).max_forwards;
    return r->policy ? r->policy->max_forwards : r->setting.forwards;
}

/* A cycle that holds just what the row needs: without forwards no head, so no features are kept. */
static int open_cycle(ltd_contestant *r, const ltd_setup *s, const ltd_replay *replay, int32_t room,
                      ltd_err *err)
{
    ltd_cycle_options o = replay ? ltd_replay_cycle_options(replay) : ltd_setup_cycle_options(s);
    o.max_size = max_size(s, r);
    o.max_forwards = s->head ? max_forwards(s, r) : 0;
    o.context = room + o.max_size;
    o.top_k = r->top_k;
    o.lookup = r->setting.lookup;
    if (r->preset && r->preset->plain_head) {
        o.vocabulary = LTD_VOCABULARY_STATIC;
        o.survival = NULL;
    }
    if (r->policy) o.survival = r->policy->survival;
    if (o.max_forwards == 0) o.head = NULL;
    return ltd_cycle_new(&r->cycle, &o, err);
}

/* The limits of a rule of a suite. */
static void preset_env_options(const ltd_preset *p, ltd_env_options *ret)
{
    ret->min_forwards = p->min_forwards;
    ret->max_forwards = p->max_forwards;
    ret->n_sizes = p->n_sizes;
    memcpy(ret->sizes, p->sizes, sizeof ret->sizes);
}

static int open_env(ltd_contestant *r, const ltd_setup *s, const ltd_prompts *prompts,
                    const ltd_replay *replay, ltd_err *err)
{
    ltd_env_options o = ltd_setup_env_options(s, r->cycle, prompts);
    o.clock_table = replay != NULL;
    o.max_new = s->config.bench.max_new;
    o.min_forwards = 0;
    o.depth_every = 1;
    o.max_forwards = r->setting.forwards;
    o.reward = LTD_REWARD_RATIO; /* nobody reads it, and it needs no calibration */
    o.reward_scale = 1;
    o.n_sizes = 1;
    o.sizes[0] = r->setting.size;
    if (r->policy) ltd_policy_env_options(r->policy, &o);
    if (r->rule && r->preset)
        preset_env_options(r->preset, &o);
    else if (r->rule)
        ltd_rule_env_options(s, &o);
    o.max_forwards = s->head ? o.max_forwards : 0;
    return ltd_env_open(&r->env, &o, err);
}

static int guard_agent(ltd_contestant *r, ltd_err *err)
{
    ltd_agent *inner = r->agent;
    ltd_guard_init(&r->guard, NULL);
    return ltd_agent_guard_new(&r->agent, r->name, inner, &r->guard, err);
}

/* The limits of a rule of a suite, before its parameters. */
static void describe_preset(const ltd_preset *p, ltd_agent *agent)
{
    char param[sizeof agent->detail];
    snprintf(param, sizeof param, "%s", agent->detail);
    snprintf(agent->detail, sizeof agent->detail, "beam %d, up to %d forwards, %d nodes: %.84s",
             p->top_k, p->max_forwards, p->sizes[p->n_sizes - 1], param);
}

/* "policy, up to 8 forwards, 60 nodes, lookup"; "size policy, 9 forwards, up to 240 nodes". */
static void describe_policy(ltd_contestant *r)
{
    const ltd_policy *p = r->policy;
    char what[48];
    const char *name = r->tabled ? r->agent->detail : !p->depth ? "size policy" : "policy";
    snprintf(what, sizeof what, "%.40s", !r->tabled && !p->size ? "depth policy" : name);
    snprintf(r->agent->detail, sizeof r->agent->detail, "%s, %s%d forwards, %s%d nodes%s", what,
             p->depth ? "up to " : "", ltd_policy_most_forwards(p), p->depth ? "" : "up to ",
             ltd_policy_most_nodes(p), p->lookup ? ", lookup" : "");
}

static int open_agent(ltd_contestant *r, ltd_err *err)
{
    int rc;
    if (r->rule) {
        rc = ltd_agent_trained_new(&r->agent, r->rule, r->param, r->net, err);
        if (rc < 0) return rc;
        if (r->preset) describe_preset(r->preset, r->agent);
    } else if (!r->policy) {
        rc = ltd_agent_fixed_new(&r->agent, r->name, r->setting.forwards, r->setting.size, err);
        if (rc < 0) return rc;
        ltd_setting_text(&r->setting, r->agent->detail, sizeof r->agent->detail);
    } else {
        rc = ltd_policy_check(r->policy, r->env, err);
        if (rc == LTD_OK && r->tabled)
            rc = ltd_agent_table_new(&r->agent, r->name, r->policy->table, err);
        else if (rc == LTD_OK)
            rc = ltd_agent_policy_new(&r->agent, r->name, r->policy, NULL, err);
        if (rc < 0) return rc;
        describe_policy(r);
    }
    rc = r->guarded ? guard_agent(r, err) : LTD_OK;
    return rc == LTD_OK ? ltd_player_init(&r->player, r->env, r->agent, err) : rc;
}

static void watch_stops(ltd_contestant *r, const ltd_replay *replay)
{
    r->stops.trace = &replay->trace;
    r->player.witness = (ltd_witness){.saw = ltd_stop_log_saw, .ctx = &r->stops};
}

int ltd_contestants_open(ltd_contestants *c, const ltd_setup *s, const ltd_prompts *prompts,
                         const ltd_replay *replay, ltd_err *err)
{
    int32_t most = 0;
    for (int32_t i = 0; i < c->n; i++)
        if (max_size(s, &c->row[i]) > most) most = max_size(s, &c->row[i]);
    int32_t room = ltd_setup_cycle_options(s).context - most;
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < c->n; i++) {
        rc = open_cycle(&c->row[i], s, replay, room, err);
        if (rc == LTD_OK) rc = open_env(&c->row[i], s, prompts, replay, err);
        if (rc == LTD_OK) rc = open_agent(&c->row[i], err);
        if (rc == LTD_OK && replay) watch_stops(&c->row[i], replay);
        if (rc < 0) ltd_err_prefix(err, rc, "row %s", c->row[i].name);
    }
    return rc;
}

void ltd_contestants_close(ltd_contestants *c)
{
    for (int32_t i = 0; i < c->n; i++) {
        ltd_player_fini(&c->row[i].player);
        ltd_stop_log_fini(&c->row[i].stops);
        ltd_agent_free(c->row[i].agent);
        ltd_env_close(c->row[i].env);
        ltd_cycle_free(c->row[i].cycle);
    }
    c->n = 0;
}
