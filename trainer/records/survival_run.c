#include "trainer/records/survival_run.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "env/survival_file.h"
#include "env/survival_fit.h"

/* --- counting --- */

typedef struct counter {
    ltd_survival_counts counts;
    bool *is_true; /* [pool] */
    int32_t room;
    const int32_t *next; /* what follows the root */
    int32_t left;        /* tokens of it */
} counter;

/* A chain stands first in the pool, before anything is drafted. */
static void count_chain(counter *c, ltd_cycle *cycle)
{
    const ltd_node *nodes = ltd_tree_nodes(ltd_cycle_tree(cycle));
    ltd_match match = ltd_cycle_match(cycle);
    int32_t n = match.n < c->left ? match.n : c->left, accepted = 0;
    while (accepted < n && nodes[accepted].token == c->next[accepted]) accepted++;
    if (match.length) ltd_survival_count_lookup(&c->counts, match.length, accepted, n);
}

/* Parents come before their children. */
static void count_drafts(counter *c, ltd_cycle *cycle)
{
    const ltd_tree *tree = ltd_cycle_tree(cycle);
    const ltd_node *nodes = ltd_tree_nodes(tree);
    int32_t n = ltd_tree_count(tree);
    for (int32_t i = 0; i < n && i < c->room; i++) {
        const ltd_node *node = &nodes[i];
        if (node->depth > c->left) break;
        c->is_true[i] = (node->parent < 0 || c->is_true[node->parent]) &&
                        node->token == c->next[node->depth - 1];
        ltd_survival_count_head(&c->counts, node->score, c->is_true[i]);
    }
}

/* What the head says of the chain's tokens as long as those before them are true. */
static int count_both(counter *c, ltd_cycle *cycle, ltd_err *err)
{
    const ltd_tree *tree = ltd_cycle_tree(cycle);
    const ltd_node *nodes = ltd_tree_nodes(tree);
    ltd_match match = ltd_cycle_match(cycle);
    int32_t k = ltd_tree_top_k(tree), n = match.n < c->left ? match.n : c->left;
    for (int32_t i = 0; i < n && ltd_cycle_can_draft(cycle); i++) {
        const int32_t *beam = ltd_tree_beam_node(tree), *token;
        const float *logp;
        int32_t row = 0;
        while (i > 0 && row < k && beam[row] != i - 1) row++;
        if (row == k) break; /* the head doesn't follow the chain */
        int rc = ltd_cycle_draft(cycle, err);
        if (rc < 0) return rc;
        ltd_cycle_drafted(cycle, &token, &logp);
        float p = -INFINITY;
        for (int32_t j = row * k; j < (row + 1) * k; j++)
            if (token[j] == nodes[i].token) p = logp[j];
        bool is_true = nodes[i].token == c->next[i];
        ltd_survival_count_both(&c->counts, match.length + i, p, is_true);
        if (!is_true) break;
    }
    return LTD_OK;
}

static int count_position(counter *c, ltd_cycle *cycle, ltd_err *err)
{
    const ltd_cycle_result *r;
    ltd_cycle_set_lookup(cycle, true);
    int rc = ltd_cycle_begin(cycle, err);
    if (rc == LTD_OK) count_chain(c, cycle);
    if (rc == LTD_OK) rc = count_both(c, cycle, err);
    ltd_cycle_set_lookup(cycle, false);
    if (rc == LTD_OK) rc = ltd_cycle_begin(cycle, err);
    while (rc == LTD_OK && ltd_cycle_can_draft(cycle)) rc = ltd_cycle_draft(cycle, err);
    if (rc == LTD_OK) count_drafts(c, cycle);
    return rc == LTD_OK ? ltd_cycle_verify(cycle, 0, &r, err) : rc;
}

static int count_text(counter *c, ltd_cycle *cycle, const ltd_trace_text *t, ltd_err *err)
{
    int rc = ltd_cycle_prompt(cycle, t->token, t->prompt, err);
    for (int32_t i = 0; rc == LTD_OK && i < t->positions; i++) {
        c->next = t->token + t->prompt + i + 1;
        c->left = t->n - t->prompt - i - 1;
        rc = count_position(c, cycle, err);
    }
    return rc;
}

/* Raw scores and the longest chains: what is there to be calibrated. */
static int open_cycle(const ltd_setup *s, const ltd_trace *trace, ltd_cycle **ret, ltd_err *err)
{
    ltd_cycle_options o = ltd_setup_record_cycle(s, trace);
    o.survival = NULL;
    o.lookup = true;
    return ltd_cycle_new(ret, &o, err);
}

int ltd_survival_of_records(const ltd_setup *s, const ltd_trace *trace, const ltd_prompts *prompts,
                            ltd_survival *ret, ltd_err *err)
{
    ltd_cycle *cycle = NULL;
    int32_t texts = 0;
    counter *c = ltd_mem_zeros(1, sizeof *c);
    if (!c) return ltd_fail(err, LTD_ENOMEM, "survival: no memory");
    c->room = ltd_trace_rows(trace);
    c->is_true = ltd_mem_zeros((size_t)c->room + 1, sizeof *c->is_true);
    int rc = c->is_true ? open_cycle(s, trace, &cycle, err)
                        : ltd_fail(err, LTD_ENOMEM, "survival: no memory");
    for (size_t i = 0; rc == LTD_OK && i < ltd_prompts_count(prompts); i++) {
        const ltd_prompt *p = ltd_prompts_at(prompts, i);
        int32_t text = ltd_trace_find(trace, p->ids, p->n);
        if (text < 0) continue;
        texts++;
        rc = count_text(c, cycle, &trace->text[text], err);
    }
    if (rc == LTD_OK && !texts)
        rc = ltd_fail(err, LTD_EINVAL, "survival: none of %zu prompts is recorded",
                      ltd_prompts_count(prompts));
    if (rc == LTD_OK) {
        ltd_survival_fit(&c->counts, ret);
        snprintf(ret->model_hash, sizeof ret->model_hash, "%s", trace->model_hash);
        snprintf(ret->head_hash, sizeof ret->head_hash, "%s", trace->head_hash);
    }
    ltd_cycle_free(cycle);
    free(c->is_true);
    free(c);
    return rc;
}

/* --- files --- */

int ltd_survival_path(const ltd_setup *s, char *ret, size_t size, ltd_err *err)
{
    char key[256], hex[65];
    int n;
    if (s->config.env.survival[0]) {
        n = snprintf(ret, size, "%s", s->config.env.survival);
    } else {
        snprintf(key, sizeof key, "%s|%s", ltd_llama_hash(s->model),
                 s->head ? ltd_eagle3_hash(s->head) : "");
        ltd_file_sha256(hex, key, strlen(key));
        n = snprintf(ret, size, "%s/survival-%.12s.json", s->config.run.dir, hex);
    }
    if (n < 0 || (size_t)n >= size)
        return ltd_fail(err, LTD_EINVAL, "survival: the path is too long");
    return LTD_OK;
}

char *ltd_survival_hash(const ltd_setup *s, char ret[65])
{
    if (s->survival)
        ltd_file_sha256(ret, s->survival, sizeof *s->survival);
    else
        snprintf(ret, 65, "none");
    return ret;
}

static bool fits(const ltd_setup *s, const ltd_survival *v)
{
    return strcmp(v->model_hash, ltd_llama_hash(s->model)) == 0 &&
           strcmp(v->head_hash, s->head ? ltd_eagle3_hash(s->head) : "") == 0;
}

int ltd_survival_find(ltd_setup *s, ltd_err *err)
{
    char path[PATH_MAX];
    bool named = s->config.env.survival[0] != 0;
    if (strcmp(s->config.env.survival, "none") == 0) return LTD_OK;
    int rc = ltd_survival_path(s, path, sizeof path, err);
    if (rc < 0) return rc;
    if (!named && access(path, R_OK) != 0) {
        if (!s->head) return LTD_OK;
        snprintf(path, sizeof path, "%.4000s/survival.json", ltd_eagle3_path(s->head));
        if (access(path, R_OK) != 0) return LTD_OK;
    }
    rc = ltd_survival_load(&s->survival, path, err);
    if (rc < 0 || fits(s, s->survival)) return rc;
    free(s->survival);
    s->survival = NULL;
    if (!named) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "%s: survival curves of another model or draft head", path);
}
