#include "agents/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/fixed.h"
#include "base/mem.h"

/* Finer where forwards pay or just don't. */
static const float confidences[LTD_TABLE_CONFIDENCES - 1] = {0.02f, 0.05f, 0.1f, 0.2f, 0.3f, 0.4f,
                                                             0.5f,  0.6f,  0.7f, 0.8f, 0.9f};
static const int32_t matches[LTD_TABLE_MATCHES - 1] = {1, 2, 3, 5, 8, 12, 20};

void ltd_table_init(ltd_table *table, int32_t max_forwards)
{
    *table = (ltd_table){.max_forwards = max_forwards};
    memcpy(table->confidence, confidences, sizeof confidences);
    memcpy(table->match, matches, sizeof matches);
}

static int check_classes(const ltd_table *t, ltd_err *err)
{
    for (int32_t i = 0; i < LTD_TABLE_CONFIDENCES - 1; i++)
        if (!(t->confidence[i] > (i ? t->confidence[i - 1] : 0) && t->confidence[i] <= 1))
            return ltd_fail(err, LTD_EFORMAT,
                            "table: confidence %d is %g, expected ascending ones up to 1", i,
                            (double)t->confidence[i]);
    for (int32_t i = 0; i < LTD_TABLE_MATCHES - 1; i++)
        if (t->match[i] <= (i ? t->match[i - 1] : 0))
            return ltd_fail(err, LTD_EFORMAT, "table: match %d is %d, expected ascending ones", i,
                            t->match[i]);
    return LTD_OK;
}

int ltd_table_check(const ltd_table *t, ltd_err *err)
{
    int rc = check_classes(t, err);
    for (int32_t n = 0; rc == LTD_OK && n <= t->max_forwards; n++)
        for (int32_t i = 0; i < LTD_TABLE_CONFIDENCES * LTD_TABLE_MATCHES; i++) {
            const ltd_table_class *k = &t->at[n][i / LTD_TABLE_MATCHES][i % LTD_TABLE_MATCHES];
            if (k->go <= (n < t->max_forwards) && k->nodes >= 0 &&
                k->nodes <= LTD_TABLE_MOST_NODES && k->cycles >= 0)
                continue;
            return ltd_fail(err, LTD_EFORMAT,
                            "table: go %d, %d nodes, %lld cycles after %d forwards: out of range",
                            k->go, k->nodes, (long long)k->cycles, n);
        }
    return rc;
}

int32_t ltd_table_confidence(const ltd_table *table, float confidence)
{
    int32_t c = 0;
    while (c < LTD_TABLE_CONFIDENCES - 1 && confidence >= table->confidence[c]) c++;
    return c;
}

int32_t ltd_table_match(const ltd_table *table, int32_t match)
{
    int32_t m = 0;
    while (m < LTD_TABLE_MATCHES - 1 && match >= table->match[m]) m++;
    return m;
}

const ltd_table_class *ltd_table_at(const ltd_table *table, int32_t forwards, float confidence,
                                    int32_t match)
{
    int32_t n = forwards < table->max_forwards ? forwards : table->max_forwards;
    return &table->at[n][ltd_table_confidence(table, confidence)][ltd_table_match(table, match)];
}

int32_t ltd_table_entries(const ltd_table *table)
{
    int32_t entries = 0;
    for (int32_t n = 0; n <= table->max_forwards; n++)
        for (int32_t c = 0; c < LTD_TABLE_CONFIDENCES; c++)
            for (int32_t m = 0; m < LTD_TABLE_MATCHES; m++)
                entries += table->at[n][c][m].cycles > 0;
    return entries;
}

void ltd_table_csv(const ltd_table *t, ltd_str *out)
{
    ltd_str_puts(out, "forwards,confidence_from,confidence_to,match_from,match_to,action,nodes,"
                      "cycles\n");
    for (int32_t n = 0; n <= t->max_forwards; n++)
        for (int32_t c = 0; c < LTD_TABLE_CONFIDENCES; c++)
            for (int32_t m = 0; m < LTD_TABLE_MATCHES; m++) {
                const ltd_table_class *k = &t->at[n][c][m];
                if (!k->cycles) continue;
                ltd_str_printf(out, "%d,%g,%g,%d,", n, c ? (double)t->confidence[c - 1] : 0,
                               c < LTD_TABLE_CONFIDENCES - 1 ? (double)t->confidence[c] : 1,
                               m ? t->match[m - 1] : 0);
                if (m < LTD_TABLE_MATCHES - 1) ltd_str_printf(out, "%d", t->match[m] - 1);
                ltd_str_printf(out, ",%s,%d,%lld\n", k->go ? "go" : "stop", k->nodes,
                               (long long)k->cycles);
            }
}

float ltd_table_confidence_of(const ltd_tree *tree)
{
    if (ltd_tree_forwards(tree) == 0) return 1;
    return expf(ltd_survival_head(ltd_tree_survival(tree), ltd_tree_beam_score(tree)[0]));
}

/* --- the agent --- */

typedef struct table_agent {
    ltd_agent agent; /* first: the two are cast into each other */
    const ltd_table *table;
} table_agent;

static int32_t decide(ltd_agent *agent, const ltd_env *env, const ltd_step *step, float *logprob)
{
    const ltd_obs_state *s = ltd_env_state(env);
    const ltd_table_class *k =
        ltd_table_at(((const table_agent *)agent)->table, ltd_tree_forwards(s->tree),
                     ltd_table_confidence_of(s->tree), s->match);
    if (logprob) *logprob = 0;
    if (step->turn == LTD_TURN_SIZE) return ltd_agent_size_action(env, step, k->nodes);
    int32_t want = k->go ? LTD_DEPTH_CONTINUE : LTD_DEPTH_STOP;
    return step->mask[want] ? want : !want;
}

static void free_agent(ltd_agent *agent)
{
    free(agent);
}

int ltd_agent_table_new(ltd_agent **ret, const char *name, const ltd_table *table, ltd_err *err)
{
    *ret = NULL;
    if (!name[0]) return ltd_fail(err, LTD_EINVAL, "table: a name is empty");
    table_agent *a = ltd_mem_zeros(1, sizeof *a);
    if (!a) return ltd_fail(err, LTD_ENOMEM, "table '%s': no memory", name);
    snprintf(a->agent.name, sizeof a->agent.name, "%s", name);
    snprintf(a->agent.detail, sizeof a->agent.detail, "table of %d entries",
             ltd_table_entries(table));
    a->agent.decide = decide;
    a->agent.free = free_agent;
    a->agent.blind = true;
    a->table = table;
    *ret = &a->agent;
    return LTD_OK;
}
