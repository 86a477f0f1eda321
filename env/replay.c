/* A record behind a cycle (env/trace.h).  The target says what the text says. */
#include <stdlib.h>

#include "base/mem.h"
#include "env/source_priv.h"

typedef struct replay {
    ltd_source source; /* first: the two are cast into each other */
    const ltd_trace *trace;
    const ltd_trace_text *text;
} replay;

static int replay_prompt(ltd_source *source, const int32_t *ids, int32_t n, int32_t *root,
                         ltd_err *err)
{
    replay *r = (replay *)source;
    int32_t i = ltd_trace_find(r->trace, ids, n);
    source->length = 0;
    if (i < 0)
        return ltd_fail(err, LTD_EINVAL, "replay: a prompt of %d tokens that is not recorded", n);
    r->text = &r->trace->text[i];
    if (r->text->n <= n)
        return ltd_fail(err, LTD_EINVAL, "replay: the answer of prompt %d is empty", i);
    *root = r->text->token[n];
    source->length = n;
    return LTD_OK;
}

static int replay_draft(ltd_source *source, ltd_tree *tree, const int32_t **token,
                        const float **logp, ltd_err *err)
{
    const replay *r = (const replay *)source;
    const ltd_trace_text *t = r->text;
    int32_t at = source->length - t->prompt;
    if (at >= t->positions)
        return ltd_fail(err, LTD_EINVAL, "replay: position %d of an answer recorded for %d", at,
                        t->positions);
    size_t first = (size_t)at * (size_t)ltd_trace_rows(r->trace) +
                   (size_t)ltd_trace_row(r->trace, ltd_tree_forwards(tree));
    *token = t->draft_token + first;
    *logp = t->draft_logp + first;
    return LTD_OK;
}

static int replay_verify(ltd_source *source, const ltd_selection *s, ltd_err *err)
{
    (void)source;
    (void)s;
    (void)err;
    return LTD_OK;
}

/* Parents precede children, so one pass meets the nodes of the true continuation in order. */
static int32_t replay_accept(ltd_source *source, const ltd_selection *s, int32_t *path,
                             int32_t *next, ltd_err *err)
{
    const ltd_trace_text *t = ((const replay *)source)->text;
    const int32_t *true_ = t->token + source->length + 1;
    int32_t left = t->n - source->length - 1, n = 1;
    if (left < 1)
        return ltd_fail(err, LTD_EINVAL, "replay: the recorded text ends at %d tokens", t->n);
    path[0] = 0;
    for (int32_t e = 1; e < s->n && n < left; e++)
        if (s->parent[e] == path[n - 1] && s->token[e] == true_[n - 1]) path[n++] = e;
    *next = true_[n - 1];
    return n;
}

static int replay_commit(ltd_source *source, const int32_t *path, const int32_t *tokens, int32_t n,
                         ltd_err *err)
{
    (void)path;
    (void)tokens;
    (void)err;
    source->length += n;
    return LTD_OK;
}

static bool replay_is_end(const ltd_source *source, int32_t token)
{
    return ltd_trace_is_end(((const replay *)source)->trace, token);
}

static void replay_free(ltd_source *source)
{
    free(source);
}

int ltd_source_replay(ltd_source **ret, const ltd_cycle_options *o, ltd_err *err)
{
    const ltd_trace *t = o->trace;
    if (o->top_k != t->top_k || o->max_forwards > t->max_forwards)
        return ltd_fail(err, LTD_EINVAL, "replay: %d forwards of %d rows, the record has %d of %d",
                        o->max_forwards, o->top_k, t->max_forwards, t->top_k);
    if (o->sampling.temperature != 0)
        return ltd_fail(err, LTD_EINVAL, "replay: temperature %g, records are greedy",
                        (double)o->sampling.temperature);
    replay *r = ltd_mem_zeros(1, sizeof *r);
    if (!r) return ltd_fail(err, LTD_ENOMEM, "replay: no memory");
    r->trace = t;
    r->source = (ltd_source){.prompt = replay_prompt,
                             .draft = replay_draft,
                             .verify = replay_verify,
                             .accept = replay_accept,
                             .commit = replay_commit,
                             .is_end = replay_is_end,
                             .free = replay_free,
                             .drafts = t->max_forwards > 0};
    *ret = &r->source;
    return LTD_OK;
}
