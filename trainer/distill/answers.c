/* Each text of the session answers one prompt after the other. */
#include "trainer/distill/answers.h"

#include <stdlib.h>

#include "base/mem.h"
#include "models/llm/session.h"
#include "trainer/distill/feed.h"

enum {
    PROMPT_ROWS = 64, /* of a forward, beside a row of each text */
    MAX_TEXTS = 1024 - PROMPT_ROWS
};

struct ltd_answers {
    const ltd_prompts *prompts;
    ltd_tokens *texts; /* [n] */
    size_t n;
};

typedef struct slot {
    ltd_tokens *tokens; /* the prompt's and the answer's; NULL: there are no more prompts */
    int32_t prompt;     /* tokens of it */
} slot;

/* While they are written. */
typedef struct job {
    ltd_answers *a;
    const ltd_llama *model;
    const ltd_tokenizer *tok;
    ltd_answers_options options;
    ltd_session *session;
    slot *slots; /* [texts] */
    ltd_feed feed;
    size_t next, done; /* prompts */
} job;

/* The next prompt goes to a slot, or, when there is none, nothing does. */
static int begin(job *j, int32_t i, ltd_err *err)
{
    slot *s = &j->slots[i];
    *s = (slot){0};
    j->feed.text[i] = (ltd_feed_text){0};
    if (j->next == j->a->n) return LTD_OK;
    const ltd_prompt *p = ltd_prompts_at(j->a->prompts, j->next);
    s->tokens = &j->a->texts[j->next++];
    s->prompt = p->n;
    j->feed.text[i] = (ltd_feed_text){s->tokens, 0};
    int rc = ltd_session_forget(j->session, i, 0, err);
    for (int32_t k = 0; rc == LTD_OK && k < p->n; k++)
        rc = ltd_tokens_push(s->tokens, p->ids[k], err);
    return rc;
}

static int add(job *j, int32_t i, int32_t token, ltd_err *err)
{
    slot *s = &j->slots[i];
    int rc = ltd_tokens_push(s->tokens, token, err);
    bool end = ltd_tokenizer_is_end(j->tok, token);
    if (rc < 0 || (!end && (int32_t)s->tokens->n - s->prompt < j->options.max_new)) return rc;
    j->done++;
    return begin(j, i, err);
}

static int forward(job *j, ltd_err *err)
{
    int rc = ltd_feed_forward(&j->feed, j->session, err);
    for (int32_t k = 0; rc == LTD_OK && k < j->feed.n_out; k++)
        rc = add(j, j->feed.out[k], ltd_session_argmax(j->session, ltd_feed_row(&j->feed, k)), err);
    return rc;
}

/* --- */

static int open_job(job *j, ltd_err *err)
{
    size_t texts = (size_t)j->options.texts;
    int32_t rows = j->options.texts + PROMPT_ROWS, context = 0;
    for (size_t i = 0; i < j->a->n; i++) {
        const ltd_prompt *p = ltd_prompts_at(j->a->prompts, i);
        if (p->n < 1) return ltd_fail(err, LTD_EINVAL, "answers: prompt %zu has no tokens", i);
        if (p->n > context) context = p->n;
    }
    context += j->options.max_new;
    if (context <= rows) context = rows + 1;
    j->slots = ltd_mem_zeros(texts, sizeof *j->slots);
    if (!j->slots) return ltd_fail(err, LTD_ENOMEM, "answers: no memory");
    int rc = ltd_feed_init(&j->feed, j->options.texts, PROMPT_ROWS, err);
    ltd_session_options o = {context, rows, j->options.kv_f16, false, j->options.texts};
    if (rc == LTD_OK) rc = ltd_session_new(&j->session, j->model, &o, err);
    for (int32_t i = 0; rc == LTD_OK && i < o.texts; i++) rc = begin(j, i, err);
    return rc;
}

static int write_all(job *j, const ltd_watch *watch, ltd_err *err)
{
    size_t n = j->a->n;
    if ((size_t)j->options.texts > n) j->options.texts = (int32_t)n;
    int rc = open_job(j, err);
    while (rc == LTD_OK && j->done < n) {
        rc = ltd_watch_tell(watch, (double)j->done / (double)n, "greedy answers", err);
        if (rc == LTD_OK) rc = forward(j, err);
    }
    ltd_session_free(j->session);
    free(j->slots);
    ltd_feed_fini(&j->feed);
    return rc;
}

int ltd_answers_new(ltd_answers **ret, const ltd_llama *model, const ltd_tokenizer *tok,
                    const ltd_prompts *prompts, const ltd_answers_options *options,
                    const ltd_watch *watch, ltd_err *err)
{
    *ret = NULL;
    if (options->max_new < 1 || options->texts < 1 || options->texts > MAX_TEXTS)
        return ltd_fail(err, LTD_EINVAL,
                        "answers of %d tokens, %d side by side: expected 1 or more, 1 to %d",
                        options->max_new, options->texts, MAX_TEXTS);
    ltd_answers *a = ltd_mem_zeros(1, sizeof *a);
    if (!a) return ltd_fail(err, LTD_ENOMEM, "answers: no memory");
    a->prompts = prompts;
    a->n = ltd_prompts_count(prompts);
    a->texts = ltd_mem_zeros(a->n, sizeof *a->texts);
    int rc = a->texts ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "answers: no memory");
    job j = {.a = a, .model = model, .tok = tok, .options = *options};
    if (rc == LTD_OK && a->n) rc = write_all(&j, watch, err);
    if (rc < 0) {
        ltd_answers_free(a);
        return rc;
    }
    *ret = a;
    return LTD_OK;
}

void ltd_answers_free(ltd_answers *a)
{
    if (!a) return;
    for (size_t i = 0; a->texts && i < a->n; i++) ltd_tokens_fini(&a->texts[i]);
    free(a->texts);
    free(a);
}

size_t ltd_answers_count(const ltd_answers *a)
{
    return a->n;
}

ltd_answer ltd_answers_at(const ltd_answers *a, size_t i)
{
    const ltd_prompt *p = ltd_prompts_at(a->prompts, i);
    return (ltd_answer){p->task, a->texts[i].ids, (int32_t)a->texts[i].n, p->n};
}

int32_t ltd_answers_longest(const ltd_answers *a)
{
    int32_t most = 0;
    for (size_t i = 0; i < a->n; i++)
        if ((int32_t)a->texts[i].n > most) most = (int32_t)a->texts[i].n;
    return most;
}
