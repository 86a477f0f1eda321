#include "trainer/records/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/loop.h"

int ltd_record_begin(ltd_trace *trace, const ltd_cycle *cycle, ltd_err *err)
{
    const ltd_cycle_options *o = ltd_cycle_get_options(cycle);
    *trace = (ltd_trace){.top_k = o->top_k};
    if (o->trace || o->sampling.temperature != 0)
        return ltd_fail(err, LTD_EINVAL, "record: expected an engine that decodes greedily");
    if (ltd_cycle_has_head(cycle)) trace->max_forwards = o->max_forwards;
    int32_t vocab = ltd_llama_config(o->model)->vocab;
    for (int32_t t = 0; t < vocab; t++) {
        if (!ltd_cycle_is_end(cycle, t)) continue;
        if (trace->n_ends == LTD_TRACE_ENDS)
            return ltd_fail(err, LTD_EUNSUPPORTED, "record: more than %d tokens end an answer",
                            LTD_TRACE_ENDS);
        trace->end[trace->n_ends++] = t;
    }
    snprintf(trace->model_hash, sizeof trace->model_hash, "%s", ltd_llama_hash(o->model));
    if (o->head)
        snprintf(trace->head_hash, sizeof trace->head_hash, "%s", ltd_eagle3_hash(o->head));
    return LTD_OK;
}

/* Room for the longest answer; trimmed afterwards. */
static int allocate(const ltd_trace *trace, const ltd_prompt *p, int32_t positions, int32_t more,
                    ltd_trace_text *t, ltd_err *err)
{
    size_t rows = (size_t)positions * (size_t)ltd_trace_rows(trace);
    *t = (ltd_trace_text){.question_id = p->question_id, .prompt = p->n, .n = p->n};
    snprintf(t->task, sizeof t->task, "%s", p->task);
    t->token = ltd_mem_zeros((size_t)(p->n + 1 + positions + more), sizeof *t->token);
    t->draft_token = ltd_mem_zeros(rows, sizeof *t->draft_token);
    t->draft_logp = ltd_mem_zeros(rows, sizeof *t->draft_logp);
    if (!t->token || !t->draft_token || !t->draft_logp)
        return ltd_fail(err, LTD_ENOMEM, "record: no memory for %d positions", positions);
    memcpy(t->token, p->ids, (size_t)p->n * sizeof *t->token);
    return LTD_OK;
}

static int look(const ltd_trace *trace, ltd_cycle *cycle, ltd_trace_text *t, ltd_err *err)
{
    int32_t k = trace->top_k;
    size_t base = (size_t)t->positions * (size_t)ltd_trace_rows(trace);
    for (int32_t f = 0; f < trace->max_forwards; f++) {
        const int32_t *token;
        const float *logp;
        int rc = ltd_cycle_draft(cycle, err);
        if (rc < 0) return rc;
        ltd_cycle_drafted(cycle, &token, &logp);
        size_t n = (size_t)(f ? k * k : k), at = base + (size_t)ltd_trace_row(trace, f);
        memcpy(t->draft_token + at, token, n * sizeof *token);
        memcpy(t->draft_logp + at, logp, n * sizeof *logp);
    }
    t->positions++;
    return LTD_OK;
}

/* A plain decode step. */
static int go_on(ltd_cycle *cycle, ltd_trace_text *t, ltd_err *err)
{
    const ltd_cycle_result *r;
    int rc = ltd_cycle_verify(cycle, 0, &r, err);
    if (rc == LTD_OK) t->token[t->n++] = r->tokens[0];
    return rc;
}

static int walk(const ltd_trace *trace, ltd_cycle *cycle, ltd_trace_text *t, int32_t most,
                int32_t more, ltd_loop *loop, ltd_err *err)
{
    int rc = LTD_OK;
    t->token[t->n++] = ltd_cycle_root(cycle);
    for (int32_t answer = 1; rc == LTD_OK && answer < most; answer++) {
        int32_t last = t->token[t->n - 1];
        if (ltd_cycle_is_end(cycle, last) || (loop && ltd_loop_push(loop, last))) break;
        rc = ltd_cycle_begin(cycle, err);
        if (rc == LTD_OK) rc = look(trace, cycle, t, err);
        if (rc == LTD_OK) rc = go_on(cycle, t, err);
    }
    for (int32_t i = 0; rc == LTD_OK && i < more && ltd_cycle_room(cycle) > 0; i++) {
        rc = ltd_cycle_begin(cycle, err);
        if (rc == LTD_OK) rc = go_on(cycle, t, err);
    }
    return rc;
}

int ltd_record_text(ltd_trace *trace, ltd_cycle *cycle, const ltd_prompt *prompt, int32_t max_new,
                    int32_t loop_stop, ltd_err *err)
{
    const ltd_cycle_options *o = ltd_cycle_get_options(cycle);
    ltd_trace_text t;
    ltd_loop *loop = NULL;
    int32_t more = o->max_forwards > o->lookup_max_chain ? o->max_forwards : o->lookup_max_chain;
    int rc = ltd_cycle_prompt(cycle, prompt->ids, prompt->n, err);
    if (rc < 0) return rc;
    int32_t room = ltd_cycle_room(cycle), most = max_new < room ? max_new : room;
    rc = allocate(trace, prompt, most, ++more, &t, err);
    if (rc == LTD_OK && loop_stop) rc = ltd_loop_new(&loop, most, loop_stop, err);
    if (loop) ltd_loop_begin(loop);
    if (rc == LTD_OK) rc = walk(trace, cycle, &t, most, more, loop, err);
    ltd_loop_free(loop);
    if (rc == LTD_OK) return ltd_trace_add(trace, &t, err);
    ltd_trace_text_fini(&t);
    return rc;
}
