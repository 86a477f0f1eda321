#include "env/trace.h"

#include <stdlib.h>
#include <string.h>

int32_t ltd_trace_row(const ltd_trace *trace, int32_t forward)
{
    int32_t k = trace->top_k;
    return forward > 0 ? k + (forward - 1) * k * k : 0;
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

void ltd_trace_fini(ltd_trace *trace)
{
    for (int32_t i = 0; trace->text && i < trace->n; i++) {
        free(trace->text[i].token);
        free(trace->text[i].draft_token);
        free(trace->text[i].draft_logp);
    }
    free(trace->text);
    *trace = (ltd_trace){0};
}
