/* Rows of the suite `paper`.  Figures of settings are the paper's (section 6.1, appendix A); where
 * it gives none, those of the method's own paper. */
#include "trainer/suites/suite_paper.h"

#include <stdio.h>
#include <string.h>

#include "trainer/config/paper_space.h"

enum { MOST = LTD_PAPER_MAX_FORWARDS, NODES = LTD_EAGLE_SIZE, EAGLE = LTD_EAGLE_FORWARDS };

static const char *const names[LTD_PAPER_ROWS] = {
    "ar",        "eagle3",     "ddd",       "svip",         "gammatune", "c2t", "disco",
    "specdec++", "gridsearch", "ltd-paper", "static-tuned", "goodput",   "ltd"};

/* --- in the paper --- */

static int32_t table(double temperature)
{
    if (temperature == 0) return 1;
    return temperature == 1 ? 5 : 0;
}

static const char *method(const char *row)
{
    if (strcmp(row, "ltd-paper") == 0) return "ltd";
    for (int i = 1; i < LTD_PAPER_ROWS && strcmp(names[i], "ltd-paper") != 0; i++)
        if (strcmp(names[i], row) == 0) return names[i];
    return NULL;
}

const ltd_suite_kind ltd_suite_paper = {
    .name = "paper", .source = "A100, arXiv 2603.01639", .table = table, .method = method};

bool ltd_paper_wants(const ltd_strings *wanted, const char *row)
{
    for (int32_t i = 0; i < wanted->n; i++)
        if (strcmp(wanted->v[i], row) == 0) return true;
    return wanted->n == 0;
}

int ltd_paper_check(const ltd_strings *wanted, ltd_err *err)
{
    char list[256] = "";
    size_t at = 0;
    for (int i = 0; i < LTD_PAPER_ROWS && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", names[i]);
    for (int32_t w = 0; w < wanted->n; w++) {
        int i = 0;
        while (i < LTD_PAPER_ROWS && strcmp(names[i], wanted->v[w]) != 0) i++;
        if (i == LTD_PAPER_ROWS)
            return ltd_fail(err, LTD_EINVAL, "suite paper: no row called '%s', expected %s",
                            wanted->v[w], list);
    }
    return LTD_OK;
}

/* --- rows --- */

/* Forwards count the resync: expansion i is forward i + 1.  With `all_sizes` the rule chooses up to
 * NODES of them, else that is what is verified. */
typedef struct paper_rule {
    const char *name;
    struct {
        const char *param;
        float value;
    } set[8];
    int32_t min_forwards, max_forwards;
    bool all_sizes;
} paper_rule;

static const paper_rule rules[] = {
    /* checks behind expansions 5, 7 and 9 */
    {"ddd", {{"theta", -0.3f}, {"first", 6}, {"every", 2}, {"last", 10}}, 0, MOST, false},
    {"svip", {{"h", 0.3f}}, 2, MOST, false},
    /* 8 expansions are the default: half of them to one and a half */
    {"gammatune",
     {{"eta", 0.2f}, {"room", 0}, {"start", EAGLE}, {"least", 5}, {"most", MOST}},
     0,
     MOST,
     false},
    {"c2t", {{"keep", 0.5f}, {"depth", EAGLE}, {"least", EAGLE}}, 0, EAGLE, true},
    {"disco", {{"th", 0.5f}}, 2, MOST, false},
    {"specdec++", {{"h", 0.7f}, {"least", 2}}, 0, MOST, false},
};
enum { RULES = sizeof rules / sizeof rules[0] };

static void set_param(ltd_preset *p, const char *name, float value)
{
    int32_t i = 0;
    while (i < p->rule->n_params && strcmp(p->rule->param[i].name, name) != 0) i++;
    if (i < p->rule->n_params) p->param[i] = value; /* a test asks for those of `rules` */
}

static void set_rule(ltd_preset *p, const paper_rule *r)
{
    p->kind = LTD_PRESET_RULE;
    p->rule = ltd_rule_find(r->name);
    p->top_k = LTD_PAPER_TOP_K;
    p->min_forwards = r->min_forwards;
    p->max_forwards = r->max_forwards;
    for (int32_t v = r->all_sizes ? 0 : NODES; v <= NODES; v++) p->sizes[p->n_sizes++] = v;
    ltd_rule_defaults(p->rule, p->param);
    set_param(p, "g", 0); /* there is no lookup */
    set_param(p, "V", NODES);
    set_param(p, "per", NODES); /* where a rule has no V */
    for (int i = 0; i < 8 && r->set[i].param; i++) set_param(p, r->set[i].param, r->set[i].value);
}

static void leave_out(const ltd_paper_parts *parts, const char *row, const char *why)
{
    ltd_log(parts->log, LTD_LOG_WARN, "row %s is left out: %s", row, why);
}

static const char no_net[] =
    "its net is not trained, which needs records of the paper's widths: `ltd record "
    "--env.top_k=10 --env.max_forwards=13 --head.vocabulary=static --env.survival=none`";
static const char no_policy[] =
    "no policy with the paper's observations is trained for this model: `ltd train --config "
    "configs/paper.yaml`, or name one with --paper-policy";

/* A rule of the paper.  False: it can't play. */
static bool rule_row(const ltd_paper_parts *parts, const paper_rule *r, ltd_preset *p)
{
    set_rule(p, r);
    const ltd_rule_setting *net = ltd_rules_find(&parts->learnt->nets, r->name);
    if (net) p->net = net->net;
    if (!p->rule->net.inputs || p->net) return true;
    leave_out(parts, r->name, no_net);
    return false;
}

/* Row `name` of the paper; false: left out. */
static bool paper_row(const ltd_paper_parts *parts, const char *name, ltd_preset *p)
{
    p->plain_head = true;
    if (strcmp(name, "eagle3") == 0) {
        p->kind = LTD_PRESET_FIXED;
        p->setting = (ltd_setting){EAGLE, NODES, false, LTD_PAPER_TOP_K};
    } else if (strcmp(name, "gridsearch") == 0) {
        p->kind = LTD_PRESET_FIXED;
        p->setting = parts->learnt->grid;
        p->setting.top_k = LTD_PAPER_TOP_K;
        if (p->setting.forwards == 0) leave_out(parts, name, "its setting was not searched");
        return p->setting.forwards > 0;
    } else if (strcmp(name, "ltd-paper") == 0) {
        p->kind = LTD_PRESET_POLICY;
        p->policy = parts->policy;
        if (!parts->policy) leave_out(parts, name, no_policy);
        return parts->policy != NULL;
    }
    for (int i = 0; i < RULES; i++)
        if (strcmp(rules[i].name, name) == 0) return rule_row(parts, &rules[i], p);
    return true;
}

void ltd_paper_rows(const ltd_paper_parts *parts, ltd_preset *ret, int32_t *n)
{
    *n = 0;
    for (int i = 0; i < LTD_PAPER_ROWS; i++) {
        if (!ltd_paper_wants(parts->wanted, names[i])) continue;
        ltd_preset *p = &ret[*n];
        *p = (ltd_preset){.kind = LTD_PRESET_NAMED};
        snprintf(p->name, sizeof p->name, "%s", names[i]);
        bool is_paper = method(names[i]) != NULL;
        if (is_paper && !parts->head)
            leave_out(parts, names[i], "no draft head");
        else if (!is_paper || paper_row(parts, names[i], p))
            (*n)++;
    }
}
