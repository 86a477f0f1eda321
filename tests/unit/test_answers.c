/* Answers that are written side by side are those of plain decoding, each alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/engine.h"
#include "tests/support/vocab.h"
#include "trainer/distill/answers.h"

enum { PROMPTS = 5, MAX_NEW = 30, ROOM = 256 };

/* One is longer than the rows of a forward; the last is a single token. */
static const char lines[] =
    "{\"question_id\": 1, \"turns\": [\"the quick brown fox\"]}\n"
    "{\"question_id\": 2, \"turns\": [\"what is it?\"]}\n"
    "{\"question_id\": 3, \"turns\": [\"0123456789 0123456789 0123456789 0123456789 0123456789 "
    "0123456789 0123456789 0123456789 0123456789 0123456789\"]}\n"
    "{\"question_id\": 4, \"turns\": [\"1 2 3 4 5 6 7 8\"]}\n"
    "{\"question_id\": 5, \"turns\": [\"x\"]}\n";

static ltd_llama *model;
static ltd_tokenizer *tok;
static ltd_prompts *prompts;
static int32_t plain[PROMPTS][MAX_NEW];
static ltd_err err;

/* The end token is one that an answer has in its middle. */
static int setup(void **state)
{
    (void)state;
    vocab_spec spec = VOCAB_DEFAULT;
    spec.drop = "";
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    if (vocab_open(&tok, &spec, &err) < 0 ||
        ltd_prompts_parse(&prompts, lines, sizeof lines - 1, "tiny.jsonl", NULL, tok, 0, 0, NULL,
                          &err) < 0)
        fail_msg("%s", err.msg);
    ltd_session *s = engine_session(model, &(ltd_session_options){ROOM, 64, true, false, 1});
    for (int i = 0; i < PROMPTS; i++) {
        const ltd_prompt *p = ltd_prompts_at(prompts, (size_t)i);
        ltd_session_truncate(s, 0, &err);
        engine_plain(s, engine_feed(s, p->ids, p->n), plain[i], MAX_NEW);
    }
    ltd_session_free(s);
    ltd_tokenizer_free(tok);
    spec.eos = plain[1][12];
    return vocab_open(&tok, &spec, &err);
}

static int teardown(void **state)
{
    (void)state;
    ltd_prompts_free(prompts);
    ltd_tokenizer_free(tok);
    ltd_llama_close(model);
    return 0;
}

static ltd_answers *write_answers(int32_t texts, int32_t max_new)
{
    ltd_answers *a;
    ltd_answers_options o = {max_new, texts, true};
    if (ltd_answers_new(&a, model, tok, prompts, &o, NULL, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(ltd_answers_count(a), PROMPTS);
    return a;
}

static void check_answer(const ltd_answer *a, int i, int32_t max_new, bool *ended)
{
    const ltd_prompt *p = ltd_prompts_at(prompts, (size_t)i);
    int32_t n = 0;
    for (*ended = false; n < max_new && !*ended; n++)
        *ended = ltd_tokenizer_is_end(tok, plain[i][n]);
    assert_string_equal(a->task, "tiny");
    assert_int_equal(a->answer, p->n);
    assert_int_equal(a->n, p->n + n);
    engine_same_ids("prompt", a->token, p->ids, p->n);
    engine_same_ids("answer", a->token + p->n, plain[i], n);
}

static void answers_are_plain_decoding_up_to_their_end(void **state)
{
    (void)state;
    static const int32_t texts[] = {1, 2, 3, 64}, most[] = {MAX_NEW, 1, 13, 12};
    for (int k = 0; k < 4; k++) {
        ltd_answers *a = write_answers(texts[k], most[k]);
        int32_t ends = 0, longest = 0;
        for (int i = 0; i < PROMPTS; i++) {
            ltd_answer one = ltd_answers_at(a, (size_t)i);
            bool ended;
            check_answer(&one, i, most[k], &ended);
            ends += ended;
            if (one.n > longest) longest = one.n;
        }
        assert_int_equal(ltd_answers_longest(a), longest);
        if (most[k] > 12) assert_in_range(ends, 1, PROMPTS - 1);
        ltd_answers_free(a);
    }
}

static bool twice(void *ctx, double share, const char *what)
{
    assert_true(share >= 0 && share < 1 && what);
    return ++*(int *)ctx < 2;
}

static void who_watches_may_stop_it(void **state)
{
    (void)state;
    int asked = 0;
    ltd_watch watch = {twice, &asked};
    ltd_answers *a = (ltd_answers *)(void *)&asked; /* something that must go */
    ltd_answers_options o = LTD_ANSWERS_DEFAULTS;
    assert_int_equal(ltd_answers_new(&a, model, tok, prompts, &o, &watch, &err), LTD_ECANCELED);
    assert_null(a);
    assert_int_equal(asked, 2);
}

static void options_that_cant_be_are_refused(void **state)
{
    (void)state;
    static const ltd_answers_options bad[] = {
        {0, 1, true}, {1, 0, true}, {1, 961, true}, {600, 1, true} /* the model has 512 */};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ltd_answers *a = (ltd_answers *)(void *)&err;
        assert_int_equal(ltd_answers_new(&a, model, tok, prompts, &bad[i], NULL, &err), LTD_EINVAL);
        assert_null(a);
    }
    ltd_answers_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_plain_decoding_up_to_their_end),
        cmocka_unit_test(who_watches_may_stop_it),
        cmocka_unit_test(options_that_cant_be_are_refused),
    };
    return cmocka_run_group_tests_name("answers", tests, setup, teardown);
}
