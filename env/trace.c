#include "env/trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/tree.h"

int32_t ltd_trace_row(const ltd_trace *trace, int32_t forward)
{
    return ltd_tree_pool(forward, trace->top_k);
}

int32_t ltd_trace_rows(const ltd_trace *trace)
{
    return ltd_trace_row(trace, trace->max_forwards);
}

int32_t ltd_trace_find(const ltd_trace *trace, const int32_t *ids, int32_t n)
{
    for (int32_t i = 0; i < trace->n; i++) {
        const ltd_trace_text *t = &trace->text[i];
        if (t->prompt == n && memcmp(t->token, ids, (size_t)n * sizeof *ids) == 0) return i;
    }
    return -1;
}

bool ltd_trace_is_end(const ltd_trace *trace, int32_t token)
{
    for (int32_t i = 0; i < trace->n_ends; i++)
        if (trace->end[i] == token) return true;
    return false;
}

void ltd_trace_text_fini(ltd_trace_text *text)
{
    free(text->token);
    free(text->draft_token);
    free(text->draft_logp);
    *text = (ltd_trace_text){0};
}

int ltd_trace_add(ltd_trace *trace, ltd_trace_text *text, ltd_err *err)
{
    ltd_trace_text *list = ltd_mem_resize(trace->text, (size_t)trace->n + 1, sizeof *list);
    if (!list) {
        ltd_trace_text_fini(text);
        return ltd_fail(err, LTD_ENOMEM, "record: no memory");
    }
    trace->text = list;
    trace->text[trace->n++] = *text;
    return LTD_OK;
}

void ltd_trace_fini(ltd_trace *trace)
{
    for (int32_t i = 0; trace->text && i < trace->n; i++) ltd_trace_text_fini(&trace->text[i]);
    free(trace->text);
    *trace = (ltd_trace){0};
}
