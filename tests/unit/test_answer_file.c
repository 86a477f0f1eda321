/* Answer files as EAGLE's evaluation writes them: a file for each task and row, a question a line,
 * repetitions as choices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/support/vocab.h"
#include "trainer/bench/answer_file.h"

static ltd_tokenizer *tok;
static ltd_answer_log *answers;
static char dir[] = "/tmp/ltd_test_answers_XXXXXX";
static ltd_err err;

static int setup(void **state)
{
    (void)state;
    vocab_spec spec = VOCAB_DEFAULT;
    return mkdtemp(dir) ? vocab_open(&tok, &spec, NULL) : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[256];
    ltd_tokenizer_free(tok);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static void add(const char *row, const char *task, int32_t prompt, int32_t rep, const char *text)
{
    ltd_prompt p = {.question_id = 100 + prompt, .task = task};
    ltd_run run = {.prompts = 1,
                   .cycles = 3,
                   .tokens = 7 + rep,
                   .ns = 250000000,
                   .prefill_target_ms = 30,
                   .prefill_head_ms = 2};
    ltd_tokens ids = LTD_TOKENS_INIT;
    run.accept_hist[1] = 1;
    run.accept_hist[4] = 2;
    if (ltd_tokenizer_encode(tok, text, strlen(text), LTD_ENCODE_SPECIAL, &ids, &err) < 0)
        fail_msg("%s", err.msg);
    ltd_bench_answer a = {row, &p, prompt, rep, &run, &ids};
    if (ltd_answer_log_add(answers, &a, &err) < 0) fail_msg("%s", err.msg);
    ltd_tokens_fini(&ids);
}

/* Line number `line` of a file of the folder. */
static ltd_json_doc *read_line(const char *name, int line)
{
    char path[256];
    ltd_file f;
    ltd_json_doc *doc = NULL;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (ltd_file_map(&f, path, &err) < 0) fail_msg("%s", err.msg);
    const char *at = (const char *)f.data, *end = at + f.size;
    for (; line > 0; line--) at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (ltd_json_parse(&doc, name, at, (size_t)(stop - at), &err) < 0) fail_msg("%s", err.msg);
    ltd_file_unmap(&f);
    return doc;
}

static ltd_json choice(ltd_json_doc *doc, size_t i)
{
    return ltd_json_at(ltd_json_member(ltd_json_root(doc), "choices"), i);
}

static double number(ltd_json object, const char *key)
{
    double v = NAN;
    ltd_json list = ltd_json_member(object, key);
    if (ltd_json_count(list) != 1) fail_msg("%s: %zu turns", key, ltd_json_count(list));
    if (ltd_json_as_f64(ltd_json_at(list, 0), key, &v, &err) < 0) fail_msg("%s", err.msg);
    return v;
}

static const char *text(ltd_json object, const char *key)
{
    const char *v = NULL;
    if (ltd_json_get_string(object, key, &v, &err) < 0) fail_msg("%s", err.msg);
    return v;
}

static void a_question_a_line_a_repetition_a_choice(void **state)
{
    (void)state;
    assert_int_equal(ltd_answer_log_new(&answers, tok, 0, &err), LTD_OK);
    for (int rep = 0; rep < 2; rep++)
        for (int32_t p = 0; p < 3; p++) {
            const char *task = p < 2 ? "gsm8k" : "..";
            add("ar", task, p, rep, " \n hello \"world\"<|im_end|>hello");
            add("eagle3", task, p, rep, "hello\n");
        }
    assert_int_equal(ltd_answer_log_write(answers, dir, &err), LTD_OK);
    ltd_answer_log_free(answers);
    ltd_json_doc *doc = read_line("gsm8k/ar-temperature-0.0.jsonl", 1);
    ltd_json root = ltd_json_root(doc);
    int64_t id;
    assert_int_equal(ltd_json_get_int(root, "question_id", 0, 1000, &id, &err), LTD_OK);
    assert_int_equal(id, 101);
    assert_string_equal(text(root, "model_id"), "ar-temperature-0.0");
    assert_int_equal(strlen(text(root, "answer_id")), 22);
    assert_true(ltd_json_has(root, "tstamp"));
    assert_int_equal(ltd_json_count(ltd_json_member(root, "choices")), 2);
    for (size_t rep = 0; rep < 2; rep++) {
        ltd_json c = choice(doc, rep);
        assert_int_equal(ltd_json_get_int(c, "index", 0, 9, &id, &err), LTD_OK);
        assert_int_equal(id, rep);
        assert_true(number(c, "new_tokens") == 7 + (double)rep);
        assert_true(number(c, "idxs") == 2 && number(c, "wall_time") == 0.25);
        assert_true(fabs(number(c, "prefill_time") - 0.032) < 1e-12);
        const char *turn;
        ltd_json turns = ltd_json_member(c, "turns"), accepted = ltd_json_member(c, "pre_num");
        assert_int_equal(ltd_json_as_string(ltd_json_at(turns, 0), "turns", &turn, &err), LTD_OK);
        assert_string_equal(turn, "hello \"world\"");
        assert_int_equal(ltd_json_count(accepted), 3); /* 1, 4, 4 */
        double last;
        assert_int_equal(ltd_json_as_f64(ltd_json_at(accepted, 2), "pre_num", &last, &err), LTD_OK);
        assert_true(last == 4);
    }
    ltd_json_doc *other = read_line("gsm8k/eagle3-temperature-0.0.jsonl", 1);
    assert_string_not_equal(text(ltd_json_root(other), "answer_id"), text(root, "answer_id"));
    ltd_json_free(other);
    ltd_json_free(doc);
    /* A folder's name can't lead out of the folder. */
    ltd_json_free(read_line("_./ar-temperature-0.0.jsonl", 0));
}

static void the_temperature_is_in_the_names(void **state)
{
    (void)state;
    static const double t[] = {1, 0.7};
    static const char *const names[] = {"qa/svip-temperature-1.0.jsonl",
                                        "qa/svip-temperature-0.7.jsonl"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ltd_answer_log_new(&answers, tok, t[i], &err), LTD_OK);
        add("svip", "qa", 0, 0, "hello");
        assert_int_equal(ltd_answer_log_write(answers, dir, &err), LTD_OK);
        ltd_answer_log_free(answers);
        ltd_json_free(read_line(names[i], 0));
    }
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
    (void)state;
    assert_int_equal(ltd_answer_log_new(&answers, tok, 0, &err), LTD_OK);
    add("ar", "qa", 0, 0, "hello");
    assert_int_equal(ltd_answer_log_write(answers, "/proc/nowhere", &err), LTD_EIO);
    ltd_answer_log_free(answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_a_line_a_repetition_a_choice),
        cmocka_unit_test(the_temperature_is_in_the_names),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
