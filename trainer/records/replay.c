#include "trainer/records/replay.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/records/record_run.h"

ltd_cycle_options ltd_replay_cycle_options(const ltd_replay *r)
{
    return ltd_setup_record_cycle(r->setup, &r->trace);
}

int ltd_replay_open(ltd_replay *ret, const ltd_setup *s, ltd_err *err)
{
    *ret = (ltd_replay){.setup = s};
    if (!s->cost) return ltd_fail(err, LTD_EINVAL, "replay: needs a calibration");
    if (s->config.bench.max_new > s->config.trace.max_new)
        return ltd_fail(
            err, LTD_EINVAL,
            "replay: bench.max_new is %d, answers are recorded up to trace.max_new = %d",
            s->config.bench.max_new, s->config.trace.max_new);
    int rc = ltd_record_load(s, &ret->trace, err);
    if (rc < 0) return rc;
    ltd_cycle_options o = ltd_replay_cycle_options(ret);
    return ltd_outcomes_new(&ret->outcomes, &o, err);
}

void ltd_replay_close(ltd_replay *r)
{
    ltd_outcomes_free(r->outcomes);
    ltd_trace_fini(&r->trace);
    r->outcomes = NULL;
}

int ltd_replay_prompts(const ltd_replay *r, const ltd_prompts *prompts, ltd_prompts **ret,
                       int32_t *left_out, ltd_err *err)
{
    size_t n = ltd_prompts_count(prompts), kept = 0;
    ltd_prompt *list = ltd_mem_zeros(n, sizeof *list);
    if (!list) return ltd_fail(err, LTD_ENOMEM, "replay: no memory");
    for (size_t i = 0; i < n; i++) {
        const ltd_prompt *p = ltd_prompts_at(prompts, i);
        if (ltd_trace_find(&r->trace, p->ids, p->n) >= 0) list[kept++] = *p;
    }
    *left_out = (int32_t)(n - kept);
    int rc =
        kept ? ltd_prompts_copy(ret, list, kept, err)
             : ltd_fail(err, LTD_EINVAL,
                        "replay: none of %zu prompts is recorded: run `ltd record` with them", n);
    free(list);
    return rc;
}

int ltd_replay_train_prompts(const ltd_replay *r, ltd_prompts **ret, ltd_err *err)
{
    const ltd_config *c = &r->setup->config;
    ltd_prompts *all;
    int32_t left_out;
    int rc = ltd_setup_prompts(r->setup, &c->prompts.train, c->prompts.limit, &all, err);
    if (rc < 0) return rc;
    rc = ltd_replay_prompts(r, all, ret, &left_out, err);
    ltd_prompts_free(all);
    return rc;
}

/* --- static settings --- */

static ltd_oracle_options oracle_options(const ltd_replay *r)
{
    const ltd_config *c = &r->setup->config;
    ltd_cycle_options cycle = ltd_replay_cycle_options(r);
    return (ltd_oracle_options){.cost = r->setup->cost,
                                .max_size = cycle.max_size,
                                .max_forwards = cycle.max_forwards,
                                .lookup = cycle.lookup,
                                .max_new = c->bench.max_new};
}

double ltd_replay_static_ms(const ltd_replay *r, const ltd_prompt *prompt, const ltd_setting *s,
                            int32_t *tokens)
{
    ltd_oracle_options q = oracle_options(r);
    int32_t text = ltd_trace_find(&r->trace, prompt->ids, prompt->n);
    *tokens = text < 0 ? 0 : ltd_oracle_positions(r->outcomes, &q, text);
    if (text < 0) return 0;
    return ltd_oracle_static(r->outcomes, &q, text, s->lookup, s->forwards, s->size).ms;
}

static double total_ms(const ltd_replay *r, const ltd_prompts *prompts, const ltd_setting *s,
                       double *tokens)
{
    double ms = 0;
    int32_t n;
    *tokens = 0;
    for (size_t i = 0; i < ltd_prompts_count(prompts); i++, *tokens += n)
        ms += ltd_replay_static_ms(r, ltd_prompts_at(prompts, i), s, &n);
    return ms;
}

static int by_speed(const void *a, const void *b)
{
    const ltd_candidate *x = a, *y = b;
    double u = x->seconds * y->tokens, v = y->seconds * x->tokens;
    return (u > v) - (u < v);
}

int ltd_replay_tune(const ltd_replay *r, const ltd_prompts *prompts, ltd_tuned *ret, ltd_err *err)
{
    ltd_candidate *c = ltd_mem_zeros(LTD_TUNE_MAX, sizeof *c);
    if (!c) return ltd_fail(err, LTD_ENOMEM, "replay: no memory");
    ltd_cycle_options o = ltd_replay_cycle_options(r);
    int32_t n =
        ltd_tune_grid(&o, &r->setup->config.env.sizes, NULL, o.max_forwards, r->setup->cost, c);
    for (int32_t i = 0; i < n; i++) {
        c[i].seconds = 1e-3 * total_ms(r, prompts, &c[i].setting, &c[i].tokens);
        c[i].prompts = (int32_t)ltd_prompts_count(prompts);
    }
    qsort(c, (size_t)n, sizeof *c, by_speed);
    *ret = (ltd_tuned){.candidates = n, .best = c[0].setting};
    ret->n_finalists = n < LTD_TUNE_FINALISTS ? n : LTD_TUNE_FINALISTS;
    memcpy(ret->finalists, c, (size_t)ret->n_finalists * sizeof *c);
    ret->tok_s = c[0].seconds > 0 ? c[0].tokens / c[0].seconds : 0;
    free(c);
    return LTD_OK;
}

/* --- oracles --- */

const char *ltd_oracle_name(ltd_oracle oracle)
{
    return oracle == LTD_ORACLE_BEST ? "oracle" : "oracle-greedy";
}

const char *ltd_oracle_detail(ltd_oracle oracle)
{
    return oracle == LTD_ORACLE_BEST ? "knows the answer: the least time there is"
                                     : "knows the answer: each cycle's best tokens a millisecond";
}

int ltd_replay_oracle(const ltd_replay *r, ltd_oracle oracle, const ltd_prompt *prompt,
                      ltd_run *ret, ltd_err *err)
{
    ltd_oracle_options q = oracle_options(r);
    ltd_plan s = {0};
    int32_t text = ltd_trace_find(&r->trace, prompt->ids, prompt->n);
    *ret = (ltd_run){.prompts = 1};
    if (text < 0) return ltd_fail(err, LTD_EINVAL, "replay: a prompt that is not recorded");
    int rc = LTD_OK;
    if (oracle == LTD_ORACLE_BEST)
        rc = ltd_oracle_best(r->outcomes, &q, text, &s, err);
    else
        s = ltd_oracle_greedy(r->outcomes, &q, text);
    ret->tokens = ltd_oracle_positions(r->outcomes, &q, text);
    ret->cycles = s.cycles;
    ret->accept_len = s.accepted;
    ret->forwards = s.forwards;
    ret->size = s.nodes;
    ret->ns = (uint64_t)(s.ms * 1e6);
    ret->table_ms = s.ms;
    return rc;
}
