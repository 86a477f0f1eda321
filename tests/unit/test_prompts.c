/* env/prompts: question.jsonl files, good and damaged, and the order over them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "env/prompts.h"
#include "tests/support/vocab.h"

static ltd_tokenizer *tok;

static int setup(void **state)
{
    (void)state;
    vocab_spec spec = VOCAB_DEFAULT;
    return vocab_open(&tok, &spec, NULL);
}

static int teardown(void **state)
{
    (void)state;
    ltd_tokenizer_free(tok);
    return 0;
}

#define GOOD                                                                                       \
    "\xef\xbb\xbf{\"question_id\": 7, \"category\": \"math\", \"turns\": [\"hello\", "             \
    "\"again\"]}\r\n"                                                                              \
    "\n  \n"                                                                                       \
    "{\"question_id\": -1, \"turns\": [\"aa \\u20ac\"], \"reference\": [null]}\n"                  \
    "{\"question_id\": 9, \"category\": null, \"turns\": [\"wor\"]}"

static int parse(ltd_prompts **ret, const char *text, const char *name, int32_t limit, int32_t max,
                 int32_t *skipped, ltd_err *err)
{
    return ltd_prompts_parse(ret, text, strlen(text), name, NULL, tok, limit, max, skipped, err);
}

static void a_good_file_gives_its_first_turns(void **state)
{
    (void)state;
    ltd_prompts *all;
    int32_t skipped = -1;
    ltd_err err = LTD_ERR_INIT;
    if (parse(&all, GOOD, "data/gsm8k/question.jsonl", 0, 0, &skipped, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(ltd_prompts_count(all), 3);
    assert_int_equal(skipped, 0);
    const ltd_prompt *p = ltd_prompts_at(all, 0);
    assert_int_equal(p->question_id, 7);
    assert_string_equal(p->category, "math");
    assert_string_equal(p->task, "gsm8k");
    assert_string_equal(p->text, "hello");
    assert_int_equal(p->n, 1);
    assert_int_equal(p->ids[0], ltd_tokenizer_find(tok, "hello"));
    p = ltd_prompts_at(all, 1);
    assert_int_equal(p->question_id, -1);
    assert_string_equal(p->category, "");
    assert_string_equal(p->text, "aa \xe2\x82\xac");
    ltd_prompts_free(all);
}

static void prompts_go_through_the_chat_template(void **state)
{
    (void)state;
    ltd_prompts *all;
    const char *text = "{\"question_id\": 1, \"turns\": [\"aa\"]}";
    assert_int_equal(ltd_prompts_parse(&all, text, strlen(text), "x", ltd_chat_find("chatml"), tok,
                                       0, 0, NULL, NULL),
                     LTD_OK);
    const ltd_prompt *p = ltd_prompts_at(all, 0);
    assert_string_equal(p->text, "aa");
    assert_int_equal(p->ids[0], ltd_tokenizer_find(tok, "<|im_start|>"));
    assert_true(p->n > 10);
    ltd_prompts_free(all);
}

static void the_task_is_the_folder_or_the_file(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a/gsm8k/question.jsonl", "gsm8k"},
        {"question.jsonl", "question"},
        {"/mine.jsonl", "mine"},
        {"./mine.jsonl", "mine"},
        {"../../mine.v2.jsonl", "mine.v2"},
        {"mt/x", "mt"},
        {".hidden", ".hidden"},
        {"a//x.jsonl", "x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ltd_prompts *all;
        assert_int_equal(parse(&all, GOOD, cases[i][0], 1, 0, NULL, NULL), LTD_OK);
        assert_string_equal(ltd_prompts_at(all, 0)->task, cases[i][1]);
        ltd_prompts_free(all);
    }
}

static void limits_keep_the_first_and_leave_out_the_long(void **state)
{
    (void)state;
    ltd_prompts *all;
    int32_t skipped = 0;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(parse(&all, GOOD, "x", 2, 0, NULL, NULL), LTD_OK);
    assert_int_equal(ltd_prompts_count(all), 2);
    ltd_prompts_free(all);
    assert_int_equal(parse(&all, GOOD, "x", 2, 3, &skipped, NULL), LTD_OK);
    assert_int_equal(ltd_prompts_count(all), 2); /* of those that fit */
    assert_int_equal(ltd_prompts_at(all, 1)->question_id, 9);
    assert_int_equal(skipped, 1);
    ltd_prompts_free(all);
    const char *longer = "{\"question_id\": 1, \"turns\": [\"xyzxyz\"]}\n";
    assert_int_equal(parse(&all, longer, "x", 0, 3, &skipped, &err), LTD_EFORMAT);
    assert_string_equal(err.msg, "x: all 1 prompts are longer than 3 tokens");
}

static void damage_is_told_with_file_and_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "q.jsonl: no prompt in it"},
        {"\n \t\r\n", "q.jsonl: no prompt in it"},
        {"\n{\"question_id\": 1, \"turns\": [\"a\"]", "q.jsonl:2: not a whole JSON object"},
        {"{\"question_id\": 1, \"turns\": [\"a\"]} {}", "q.jsonl:1: "},
        {"{\"question_id\": 1, \"turns\": [\"a\"],}", "q.jsonl:1: not JSON at byte"},
        {"null", "q.jsonl:1: "},
        {"[1]", "q.jsonl:1: the line is array, expected an object"},
        {"{}", "'question_id' is missing"},
        {"{\"question_id\": null}", "'question_id' is null, expected an integer"},
        {"{\"question_id\": \"1\"}", "'question_id' is string, expected an integer"},
        {"{\"question_id\": 1.5}", "'question_id' is double, expected an integer"},
        {"{\"question_id\": 1}", "'turns' is missing"},
        {"{\"question_id\": 1, \"turns\": null}", "'turns' is no array"},
        {"{\"question_id\": 1, \"turns\": []}", "'turns' is no array with a string"},
        {"{\"question_id\": 1, \"turns\": [3]}", "'turns'[0] is int, expected a string"},
        {"{\"question_id\": 1, \"turns\": [null]}", "'turns'[0] is null"},
        {"{\"question_id\": 1, \"turns\": [\"\"]}", "'turns'[0] is empty"},
        {"{\"question_id\": 1, \"turns\": [\"a\\u0000b\"]}", "NUL character"},
        {"{\"question_id\": 1, \"category\": 4, \"turns\": [\"a\"]}", "'category' is int"},
        {"{\"question_id\": 1, \"turns\": [\"\xff\"]}", "q.jsonl:1: not JSON at byte"},
        {"{\"question_id\": 1, \"turns\": [\"\\u0001\"]}", "the prompt has no tokens"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ltd_prompts *all = (ltd_prompts *)1;
        ltd_err err = LTD_ERR_INIT;
        assert_int_equal(parse(&all, cases[i][0], "q.jsonl", 0, 0, NULL, &err), LTD_EFORMAT);
        assert_null(all);
        if (!strstr(err.msg, cases[i][1]))
            fail_msg("case %zu: '%s' does not say '%s'", i, err.msg, cases[i][1]);
    }
}

static void deep_nesting_and_a_nul_byte_are_errors(void **state)
{
    (void)state;
    ltd_prompts *all;
    ltd_err err = LTD_ERR_INIT;
    char deep[4096];
    memset(deep, '[', sizeof deep);
    assert_int_equal(ltd_prompts_parse(&all, deep, sizeof deep, "x", NULL, tok, 0, 0, NULL, &err),
                     LTD_EFORMAT);
    const char nul[] = "{\"question_id\": 1, \"turns\": [\"a\"]}\0rubbish";
    assert_int_equal(ltd_prompts_parse(&all, nul, sizeof nul - 1, "x", NULL, tok, 0, 0, NULL, &err),
                     LTD_EFORMAT);
}

static void files_that_are_not_there_are_errors(void **state)
{
    (void)state;
    ltd_prompts *all;
    const char *path = "no/such/file.jsonl";
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_prompts_load(&all, &path, 1, NULL, tok, 0, 0, NULL, &err), LTD_EIO);
    assert_int_equal(ltd_prompts_load(&all, NULL, 0, NULL, tok, 0, 0, NULL, &err), LTD_EINVAL);
    assert_null(all);
}

static void one_prompt_comes_from_text(void **state)
{
    (void)state;
    ltd_prompts *all;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_prompts_from_text(&all, "<|im_start|>aa", NULL, tok, &err), LTD_OK);
    assert_int_equal(ltd_prompts_count(all), 1);
    assert_int_equal(ltd_prompts_at(all, 0)->n, 2);
    ltd_prompts_free(all);
    assert_int_equal(ltd_prompts_from_text(&all, "", NULL, tok, &err), LTD_EINVAL);
    assert_null(all);
}

static void every_prompt_comes_once_a_pass(void **state)
{
    (void)state;
    enum { N = 50 };
    ltd_prompt_order a, b;
    assert_int_equal(ltd_prompt_order_init(&a, N, 3, NULL), LTD_OK);
    assert_int_equal(ltd_prompt_order_init(&b, N, 3, NULL), LTD_OK);
    int32_t first[N], moved = 0;
    for (int pass = 0; pass < 4; pass++) {
        int seen[N] = {0};
        for (int i = 0; i < N; i++) {
            int32_t p = ltd_prompt_order_next(&a);
            assert_int_equal(p, ltd_prompt_order_next(&b)); /* the same seed, the same order */
            assert_in_range(p, 0, N - 1);
            assert_int_equal(seen[p]++, 0);
            if (pass == 0) first[i] = p;
            if (pass == 1) moved += p != first[i];
        }
    }
    assert_true(moved > N / 2);
    ltd_prompt_order_fini(&a);
    ltd_prompt_order_fini(&b);
    assert_int_equal(ltd_prompt_order_init(&a, 0, 3, NULL), LTD_EINVAL);
    ltd_prompt_order_fini(&a);
}

/* The files that ship: they parse, none is empty, no question stands in two of them. */
static void built_in_prompts_are_whole_and_apart(void **state)
{
    (void)state;
    static const struct {
        const char *task;
        size_t n;
    } files[] = {{"train", 96}, {"valid", 24}, {"chat", 16},
                 {"math", 16},  {"code", 16},  {"rewrite", 16}};
    enum { FILES = 6 };
    const char *root = getenv("LTD_SOURCE_ROOT");
    char path[FILES][1024];
    const char *paths[FILES];
    size_t expected = 0;
    for (size_t i = 0; i < FILES; i++) {
        snprintf(path[i], sizeof path[i], "%s/configs/prompts/%s/question.jsonl", root ? root : ".",
                 files[i].task);
        paths[i] = path[i];
        ltd_prompts *one;
        ltd_err err = LTD_ERR_INIT;
        if (ltd_prompts_load(&one, &paths[i], 1, NULL, tok, 0, 0, NULL, &err) < 0)
            fail_msg("%s", err.msg);
        assert_int_equal(ltd_prompts_count(one), files[i].n);
        assert_string_equal(ltd_prompts_at(one, 0)->task, files[i].task);
        expected += files[i].n;
        ltd_prompts_free(one);
    }
    ltd_prompts *all;
    assert_int_equal(ltd_prompts_load(&all, paths, FILES, NULL, tok, 0, 0, NULL, NULL), LTD_OK);
    assert_int_equal(ltd_prompts_count(all), expected);
    for (size_t i = 0; i < expected; i++)
        for (size_t j = 0; j < i; j++) {
            const ltd_prompt *a = ltd_prompts_at(all, i), *b = ltd_prompts_at(all, j);
            if (strcmp(a->text, b->text) == 0 || a->question_id == b->question_id)
                fail_msg("questions %d (%s) and %d (%s) are the same", (int)a->question_id, a->task,
                         (int)b->question_id, b->task);
        }
    ltd_prompts_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_gives_its_first_turns),
        cmocka_unit_test(prompts_go_through_the_chat_template),
        cmocka_unit_test(the_task_is_the_folder_or_the_file),
        cmocka_unit_test(limits_keep_the_first_and_leave_out_the_long),
        cmocka_unit_test(damage_is_told_with_file_and_line),
        cmocka_unit_test(deep_nesting_and_a_nul_byte_are_errors),
        cmocka_unit_test(files_that_are_not_there_are_errors),
        cmocka_unit_test(one_prompt_comes_from_text),
        cmocka_unit_test(every_prompt_comes_once_a_pass),
        cmocka_unit_test(built_in_prompts_are_whole_and_apart),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
