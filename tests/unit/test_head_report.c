/* The report on a head: its sums are the simulator's, task by task, and what is told of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "tests/support/engine.h"
#include "tests/support/vocab.h"
#include "trainer/distill/head_report.h"

enum { FEATURE = 192, ROOM = 160, MAX_NEW = 60 };

static const char first[] = "{\"question_id\": 1, \"turns\": [\"the quick brown fox\"]}\n"
                            "{\"question_id\": 2, \"turns\": [\"what is it?\"]}\n",
                  second[] = "{\"question_id\": 3, \"turns\": [\"1 2 3 4 5 6 7 8\"]}\n";

static ltd_llama *model;
static ltd_eagle3 *head;
static ltd_tokenizer *tok;
static ltd_prompts *prompts; /* of tasks one, two, and one again */
static ltd_answers *answers;
static ltd_err err;

static void load_prompts(void)
{
    char folder[] = "/tmp/ltd-test-XXXXXX", path[2][64];
    const char *const paths[] = {path[0], path[1], path[0]};
    int rc = mkdtemp(folder) ? LTD_OK : LTD_EIO;
    for (int i = 0; rc == LTD_OK && i < 2; i++) {
        const char *text = i ? second : first;
        snprintf(path[i], sizeof path[i], "%s/%s/question.jsonl", folder, i ? "two" : "one");
        rc = ltd_file_mkdirs_for(path[i], &err);
        if (rc == LTD_OK) rc = ltd_file_write(path[i], text, strlen(text), &err);
    }
    if (rc == LTD_OK) rc = ltd_prompts_load(&prompts, paths, 3, NULL, tok, 0, 0, NULL, &err);
    if (rc < 0) fail_msg("%s", err.msg);
    for (int i = 0; i < 2; i++) {
        unlink(path[i]);
        *strrchr(path[i], '/') = 0;
        rmdir(path[i]);
    }
    rmdir(folder);
}

static int setup(void **state)
{
    (void)state;
    vocab_spec spec = VOCAB_DEFAULT;
    spec.drop = "";
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    head = engine_head("eagle3/session", model, LTD_LOAD_Q8);
    if (vocab_open(&tok, &spec, &err) < 0) return -1;
    load_prompts();
    ltd_answers_options o = {MAX_NEW, 4, true};
    return ltd_answers_new(&answers, model, tok, prompts, &o, NULL, &err);
}

static int teardown(void **state)
{
    (void)state;
    ltd_answers_free(answers);
    ltd_prompts_free(prompts);
    ltd_tokenizer_free(tok);
    ltd_eagle3_close(head);
    ltd_llama_close(model);
    return 0;
}

static ltd_head_report_options usual(void)
{
    return (ltd_head_report_options){
        .simulate = {.chain = 5, .top_k = 4, .n_trees = 2, .tree = {{2, 6}, {4, 20}}},
        .kv_f16 = true};
}

/* --- sums --- */

static void add_text(ltd_simulator *s, ltd_session *session, size_t i, ltd_simulated *sum)
{
    static float features[ROOM * FEATURE];
    ltd_answer a = ltd_answers_at(answers, i);
    assert_int_equal(ltd_session_truncate(session, 0, &err), LTD_OK);
    for (int32_t k = 0; k < a.n; k++) {
        engine_step(session, a.token[k]);
        memcpy(features + (size_t)k * FEATURE, ltd_session_features(session, 0),
               FEATURE * sizeof(float));
    }
    if (ltd_simulator_text(s, a.token, a.n, a.answer, features, sum, &err) < 0)
        fail_msg("%s", err.msg);
}

static void tasks_are_the_sums_of_their_texts(void **state)
{
    (void)state;
    static ltd_head_report r;
    ltd_head_report_options o = usual();
    if (ltd_head_report_make(&r, model, head, answers, &o, &err) < 0) fail_msg("%s", err.msg);
    ltd_simulated want[2] = {{0}};
    ltd_simulator *s;
    ltd_simulator_options so = o.simulate;
    so.context = ROOM;
    if (ltd_simulator_new(&s, head, &so, &err) < 0) fail_msg("%s", err.msg);
    ltd_session *session =
        engine_feature_session(model, &(ltd_session_options){ROOM, 64, true, false, 1});
    static const int task[] = {0, 0, 1, 0, 0};
    for (size_t i = 0; i < 5; i++) add_text(s, session, i, &want[task[i]]);
    assert_int_equal(r.n_tasks, 2);
    assert_string_equal(r.task[0].task, "one");
    assert_string_equal(r.task[1].task, "two");
    for (int i = 0; i < 2; i++) {
        assert_memory_equal(&r.task[i].sum, &want[i], sizeof want[i]);
        assert_true(want[i].positions > 0 && want[i].tree_cycles[1] > 0);
    }
    ltd_session_free(session);
    ltd_simulator_free(s);
}

static bool never(void *ctx, double share, const char *what)
{
    (void)ctx;
    (void)share;
    (void)what;
    return false;
}

static void what_cant_be_reported_is_refused(void **state)
{
    (void)state;
    static ltd_head_report r;
    ltd_head_report_options o = usual();
    o.watch.tell = never;
    assert_int_equal(ltd_head_report_make(&r, model, head, answers, &o, &err), LTD_ECANCELED);
    o = usual();
    o.simulate.chain = -1;
    assert_int_equal(ltd_head_report_make(&r, model, head, answers, &o, &err), LTD_EINVAL);
}

/* --- telling --- */

/* Two tasks of known figures, and one without positions. */
static const ltd_head_report made = {
    .head_hash = "ab",
    .model_hash = "cd",
    .draft_vocab = 200,
    .vocab = 320,
    .extended = true,
    .chain = 3,
    .top_k = 4,
    .n_trees = 1,
    .tree = {{3, 8}},
    .n_tasks = 3,
    .task = {{"one", {2, 100, {100, 50, 20}, {50, 20, 10}, {80, 50, 40}, {25}, 90, 95}},
             {"two", {1, 10, {10, 8}, {8, 0}, {5, 5, 5}, {4}, 5, 10}},
             {"none", {1, 0, {0}, {0}, {0}, {0}, 0, 0}}}};

static void a_table_has_tasks_and_their_mean(void **state)
{
    (void)state;
    ltd_str text = LTD_STR_INIT;
    ltd_head_report_table(&made, &text);
    assert_string_equal(
        ltd_str_text(&text),
        "next tokens in the head's vocabulary (200 of 320), or in the text before them (drafted "
        "too);\ndrafted tokens that are right where all before them are, by depth\n"
        "  task         texts positions  in head or text       1     2     3\n"
        "  one              2       100    0.900   0.950   0.500 0.400 0.500\n"
        "  two              1        10    0.500   1.000   0.800 0.000     -\n"
        "  none             1         0        -       -       -     -     -\n"
        "  mean                            0.700   0.975   0.650 0.200 0.500\n"
        "\naccepted length, bonus token included: chains by forwards; trees (top_k 4) by "
        "forwards/nodes\n"
        "  task            1    2    3     3/8\n"
        "  one          1.25 2.00 2.50    4.00\n"
        "  two          2.00 2.00 2.00    2.50\n"
        "  none            -    -    -       -\n"
        "  mean         1.62 2.00 2.25    3.25\n");
    ltd_str_fini(&text);
}

static void json_has_the_same_figures(void **state)
{
    (void)state;
    ltd_str text = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&text, 2);
    ltd_head_report_json(&made, &w, NULL);
    ltd_json_doc *doc;
    if (ltd_json_parse(&doc, "report", text.data, text.len, &err) < 0) fail_msg("%s", err.msg);
    ltd_json root = ltd_json_root(doc), tasks = engine_get(root, "tasks");
    ltd_json mean = engine_get(root, "mean"), two = ltd_json_at(tasks, 1);
    assert_int_equal(ltd_json_count(tasks), 3);
    assert_int_equal(engine_int(two, "positions"), 10);
    assert_true(engine_f64(two, "covered") == 0.5 && engine_f64(two, "covered_seen") == 1);
    assert_true(engine_number(engine_get(two, "right"), 0) == 0.8);
    assert_true(engine_number(engine_get(two, "chain_len"), 2) == 2);
    assert_true(engine_number(engine_get(two, "tree_len"), 0) == 2.5);
    assert_int_equal(ltd_json_type_of(ltd_json_at(engine_get(two, "right"), 2)), LTD_JSON_NULL);
    assert_false(ltd_json_has(ltd_json_at(tasks, 2), "covered"));
    assert_true(engine_number(engine_get(mean, "chain_len"), 2) == 2.25);
    bool extended = false;
    assert_int_equal(ltd_json_get_bool(root, "extended", &extended, &err), LTD_OK);
    assert_true(extended);
    assert_int_equal(engine_int(ltd_json_at(engine_get(root, "trees"), 0), "size"), 8);
    ltd_json_free(doc);
    ltd_str_fini(&text);
}

static void a_mean_of_nothing_is_not_known(void **state)
{
    (void)state;
    static const ltd_head_report empty = {.chain = 1};
    assert_true(isnan(ltd_head_report_mean(&empty, ltd_simulated_right, 1)));
    assert_true(ltd_head_report_mean(&made, ltd_simulated_tree_len, 0) == 3.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_the_sums_of_their_texts),
        cmocka_unit_test(what_cant_be_reported_is_refused),
        cmocka_unit_test(a_table_has_tasks_and_their_mean),
        cmocka_unit_test(json_has_the_same_figures),
        cmocka_unit_test(a_mean_of_nothing_is_not_known),
    };
    return cmocka_run_group_tests_name("head_report", tests, setup, teardown);
}
