#include "trainer/bench/stop_quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/cycle.h"

/* --- what is true --- */

/* Slot of the beam that holds the pool's node, -1 = none.  The resync's only row is the root's. */
static int32_t beam_slot(const ltd_tree *tree, int32_t node)
{
    const int32_t *beam = ltd_tree_beam_node(tree);
    for (int32_t j = 0; j < ltd_tree_top_k(tree); j++)
        if (beam[j] == node) return j;
    return -1;
}

bool ltd_stop_pays(ltd_tree *tree, const ltd_trace *trace, int32_t text, int32_t i, int32_t left)
{
    const ltd_trace_text *t = &trace->text[text];
    const int32_t *next = t->token + t->prompt + i + 1;
    int32_t n = ltd_tree_forwards(tree), pool = ltd_tree_count(tree), k = trace->top_k, slot = 0;
    int32_t rank[LTD_TREE_MAX_DEPTH + 1];
    if (n >= trace->max_forwards || n + 1 > left || i >= t->positions) return false;
    if (ltd_tree_true_ranks(tree, next, n + 1, pool, rank) != n) return false;
    if (n > 0) slot = beam_slot(tree, ltd_tree_ranked(tree, pool)[rank[n - 1] - 1]);
    if (slot < 0) return false;
    const int32_t *row = t->draft_token + (size_t)i * (size_t)ltd_trace_rows(trace) +
                         ltd_trace_row(trace, n) + slot * k;
    for (int32_t c = 0; c < k; c++)
        if (row[c] == next[n]) return true;
    return false;
}

/* --- taking down --- */

static int push(ltd_stop_log *log, ltd_stop_answer answer, ltd_err *err)
{
    if (log->n == log->room) {
        size_t room = log->room ? 2 * log->room : 1024;
        ltd_stop_answer *more = realloc(log->answer, room * sizeof *more);
        if (!more) return ltd_fail(err, LTD_ENOMEM, "replay: no memory for %zu questions", room);
        log->answer = more;
        log->room = room;
    }
    log->answer[log->n++] = answer;
    return LTD_OK;
}

int ltd_stop_log_saw(void *ctx, const ltd_env *env, const ltd_step *step, int32_t action,
                     float logprob, ltd_err *err)
{
    ltd_stop_log *log = ctx;
    if (step->turn != LTD_TURN_DEPTH || !step->mask[LTD_DEPTH_STOP] ||
        !step->mask[LTD_DEPTH_CONTINUE])
        return LTD_OK;
    const ltd_env_options *o = ltd_env_get_options(env);
    if (log->n == 0 || log->prompt != step->info.prompt) {
        const ltd_prompt *p = ltd_prompts_at(o->prompts, (size_t)step->info.prompt);
        log->prompt = step->info.prompt;
        log->text = ltd_trace_find(log->trace, p->ids, p->n);
    }
    if (log->text < 0) return ltd_fail(err, LTD_EINVAL, "replay: a prompt that is not recorded");
    const ltd_trace_text *t = &log->trace->text[log->text];
    ltd_cycle *cycle = ltd_env_cycle(env);
    int32_t i = ltd_cycle_context(cycle) - t->prompt;
    int32_t tokens = t->positions < o->max_new - 1 ? t->positions : o->max_new - 1;
    bool went = action == LTD_DEPTH_CONTINUE;
    ltd_stop_answer answer = {
        .prompt = log->prompt,
        .go = went ? expf(logprob) : -expm1f(logprob),
        .went = went,
        .pays = ltd_stop_pays(ltd_cycle_tree(cycle), log->trace, log->text, i, tokens - i)};
    return push(log, answer, err);
}

void ltd_stop_log_fini(ltd_stop_log *log)
{
    free(log->answer);
    *log = (ltd_stop_log){0};
}

/* --- figures --- */

static int by_go(const void *a, const void *b)
{
    float x = ((const ltd_stop_answer *)a)->go, y = ((const ltd_stop_answer *)b)->go;
    return (x > y) - (x < y);
}

/* Of ascending answers: the Mann-Whitney statistic, as a share of all pairs. */
static double auc_of(const ltd_stop_answer *a, size_t n, double pairs)
{
    double below = 0, wins = 0; /* that don't pay and lie below the present value */
    for (size_t i = 0, end; i < n; i = end) {
        double pay = 0, other = 0;
        for (end = i; end < n && a[end].go == a[i].go; end++) {
            pay += a[end].pays;
            other += !a[end].pays;
        }
        wins += pay * (below + other / 2);
        below += other;
    }
    return pairs > 0 ? wins / pairs : NAN;
}

int ltd_stop_quality_of(const ltd_stop_answer *answer, size_t n, ltd_stop_quality *ret,
                        ltd_err *err)
{
    double pay = 0, went = 0, stopped = 0;
    bool shades = false;
    for (size_t i = 0; i < n; i++) {
        pay += answer[i].pays;
        went += answer[i].pays && answer[i].went;
        stopped += !answer[i].pays && !answer[i].went;
        shades = shades || (answer[i].go > 0 && answer[i].go < 1);
    }
    double other = (double)n - pay;
    *ret = (ltd_stop_quality){.n = (int64_t)n,
                              .tpr = pay > 0 ? went / pay : NAN,
                              .tnr = other > 0 ? stopped / other : NAN,
                              .auc = NAN};
    if (!shades) return LTD_OK;
    ltd_stop_answer *sorted = ltd_mem_zeros(n, sizeof *sorted);
    if (!sorted) return ltd_fail(err, LTD_ENOMEM, "replay: no memory for %zu questions", n);
    memcpy(sorted, answer, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_go);
    ret->auc = auc_of(sorted, n, pay * other);
    free(sorted);
    return LTD_OK;
}

int ltd_stop_log_quality(const ltd_stop_log *log, int32_t begin, int32_t end, ltd_stop_quality *ret,
                         ltd_err *err)
{
    size_t from = 0, to;
    while (from < log->n && log->answer[from].prompt < begin) from++;
    for (to = from; to < log->n && log->answer[to].prompt < end; to++)
        ;
    return ltd_stop_quality_of(log->answer + from, to - from, ret, err);
}
