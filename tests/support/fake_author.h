/* An author of articles that reads its answers from a table, and remembers what it was asked.
 *
 *     const fake_answer table[] = {{"Plan an", "1. Race"}, {"", "It was so.[1]"}};
 *     fake_author a = {.table = table, .cancel_at = -1};
 *     ltd_wiki_author author = fake_author_of(&a);
 *     ltd_wiki_write(&task, event, &author, &work, &err);
 *     fake_author_fini(&a);
 *
 * A token is four characters, of prompts and of answers.  Static: a test is one file.  Behind
 * <cmocka.h>. */
#ifndef LTD_TESTS_SUPPORT_FAKE_AUTHOR_H
#define LTD_TESTS_SUPPORT_FAKE_AUTHOR_H

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/wiki/write/write.h"

enum { FAKE_CALLS = 32 };

typedef struct fake_answer {
    const char *about; /* a part of the prompt: the first line that has it, answers; "": any */
    const char *text;
} fake_answer;

typedef struct fake_author {
    const fake_answer *table; /* its last line has about "" */
    int32_t cancel_at;        /* this call (0, 1, ...) is refused with LTD_ECANCELED; -1: none */
    double ms;                /* what a cycle takes: figures of speed, not of quality */
    int32_t asked;            /* calls, the refused one not among them */
    char *prompt[FAKE_CALLS]; /* owned */
    int32_t most[FAKE_CALLS];
} fake_author;

static inline int fake_count(void *ctx, const char *prompt, int32_t *ret, ltd_err *err)
{
    (void)ctx, (void)err;
    *ret = (int32_t)((strlen(prompt) + 3) / 4);
    return LTD_OK;
}

/* Bytes of four characters as a number. */
static inline int32_t fake_token(const char *text, size_t n)
{
    int32_t id = 0;
    for (size_t i = 0; i < n; i++) id = id * 128 + (text[i] & 127);
    return id;
}

static inline int fake_tokens(const char *text, int32_t most, ltd_wiki_call *call, ltd_err *err)
{
    size_t n = strlen(text), end = n;
    if ((n + 3) / 4 > (size_t)most) end = 4 * (size_t)most;
    call->stop = end < n ? LTD_WIKI_STOP_LENGTH : LTD_WIKI_STOP_END;
    call->text = ltd_mem_strdup(text);
    assert_non_null(call->text);
    call->text[end] = 0;
    for (size_t i = 0; i < end; i += 4) {
        int rc =
            ltd_tokens_push(&call->tokens, fake_token(text + i, end - i < 4 ? end - i : 4), err);
        if (rc < 0) return rc;
    }
    return LTD_OK;
}

static inline int fake_write(void *ctx, const char *prompt, int32_t most, ltd_wiki_call *call,
                             ltd_err *err)
{
    fake_author *a = ctx;
    const fake_answer *line = a->table;
    if (a->asked == a->cancel_at) return ltd_fail(err, LTD_ECANCELED, "stopped");
    assert_true(a->asked < FAKE_CALLS);
    a->most[a->asked] = most;
    a->prompt[a->asked] = ltd_mem_strdup(prompt);
    assert_non_null(a->prompt[a->asked]);
    a->asked++;
    while (!strstr(prompt, line->about)) line++;
    int rc = fake_count(NULL, prompt, &call->prompt_tokens, err);
    if (rc == LTD_OK) rc = fake_tokens(line->text, most, call, err);
    int64_t n = (int64_t)call->tokens.n;
    call->effort = (ltd_wiki_effort){.cycles = n, .tokens = n, .cycles_ms = a->ms * (double)n};
    call->effort.accepted[1] = (uint32_t)n;
    return rc;
}

static inline ltd_wiki_author fake_author_of(fake_author *a)
{
    return (ltd_wiki_author){.counter = {fake_count, NULL}, .answer = fake_write, .ctx = a};
}

/* Forgets what was asked; the table stays. */
static inline void fake_author_fini(fake_author *a)
{
    for (int32_t i = 0; i < a->asked; i++) free(a->prompt[i]);
    a->asked = 0;
}

#endif
