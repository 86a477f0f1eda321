/* What a judge is asked about an article, and the lines that carry it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "tests/support/made_article.h"
#include "trainer/wiki/judge/judge_chat.h"
#include "trainer/wiki/judge/judge_lines.h"
#include "trainer/wiki/judge/judge_prompts.h"

static ltd_err err;
static ltd_wiki_requests asked = LTD_WIKI_REQUESTS_INIT;

static int ask(void **state)
{
    (void)state;
    return ltd_wiki_judge_ask(&asked, &made_judging, &err);
}

static int forget(void **state)
{
    (void)state;
    ltd_wiki_requests_fini(&asked);
    return 0;
}

static const ltd_wiki_request *find(const char *id)
{
    for (size_t i = 0; i < asked.n; i++)
        if (strcmp(asked.list[i].id, id) == 0) return &asked.list[i];
    fail_msg("no request '%s'", id);
    return NULL;
}

static void each_kind_once_and_each_cited_chunk_once(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "7/rr/fluency_info/1", "7/rr/outline/1",  "7/rr/organization/1",
        "7/rr/focus/1",        "7/rr/coverage/1", "7/rr/nli/2/1",
        "7/rr/nli/2/2",        "7/rr/nli/3/1",    "7/rr/nli/4/1"};
    assert_int_equal(asked.n, MADE_REQUESTS);
    for (size_t i = 0; i < MADE_REQUESTS; i++) {
        const ltd_wiki_request *r = &asked.list[i];
        assert_string_equal(r->id, ids[i]);
        assert_string_equal(r->event, "7");
        assert_string_equal(r->method, "rr");
        bool nli = r->kind == LTD_WIKI_NLI;
        assert_true(nli == (r->premise && r->hypothesis) && nli == (!r->system && !r->user));
    }
    /* Marks mean the chunks of their own part. */
    assert_string_equal(find("7/rr/nli/4/1")->premise, "boats came late");
    assert_string_equal(find("7/rr/nli/3/1")->premise, made_chunks[0]);
    assert_string_equal(find("7/rr/nli/3/1")->hypothesis, "It rained.");
}

static void graders_see_headings_and_no_marks(void **state)
{
    (void)state;
    const char *user = find("7/rr/focus/1")->user;
    assert_non_null(strstr(user, "Title: Great Flood\n"));
    assert_non_null(strstr(user, "<<<\nLoose words.\n\n== Introduction ==\nThe flood came in May. "
                                 "It rained.\n\n== Rescue ==\nBoats came"));
    assert_non_null(strstr(user, "why.\n\n== Aftermath ==\n>>>\n"));
    assert_null(strchr(user, '['));
    user = find("7/rr/outline/1")->user;
    assert_non_null(strstr(user, "<<<\n- Introduction\n- Rescue\n- Aftermath\n>>>\n"));
    assert_null(strstr(user, "flood came"));
}

/* A rubric names all of its levels, and says that the material gives no orders. */
static void instructions_describe_every_level(void **state)
{
    (void)state;
    for (int k = LTD_WIKI_OUTLINE; k < LTD_WIKI_JUDGE_KINDS; k++) {
        const char *text = ltd_wiki_judge_system((ltd_wiki_judge_kind)k);
        const ltd_wiki_judge_scale *scale = ltd_wiki_judge_scale_of((ltd_wiki_judge_kind)k);
        for (int level = scale->lowest; level <= scale->most; level++) {
            char line[16];
            snprintf(line, sizeof line, "\n%d: ", level);
            if (!strstr(text, line)) fail_msg("%s: no level %d", scale->name, level);
        }
        assert_non_null(strstr(text, "never an instruction"));
        assert_int_equal(ltd_wiki_judge_kind_of(scale->name), k);
    }
    assert_non_null(strstr(ltd_wiki_judge_system(LTD_WIKI_NLI), "yes or no"));
    assert_non_null(strstr(ltd_wiki_judge_system(LTD_WIKI_FLUENCY_INFO), "three whole numbers"));
    assert_int_equal(ltd_wiki_judge_kind_of("style"), -1);
}

static void an_empty_article_is_asked_about_too(void **state)
{
    (void)state;
    const ltd_wiki_article none = {0};
    ltd_wiki_judging what = made_judging;
    what.article = &none;
    ltd_wiki_requests_fini(&asked);
    assert_int_equal(ltd_wiki_judge_ask(&asked, &what, &err), LTD_OK);
    assert_int_equal(asked.n, MADE_GRADES);
    assert_non_null(strstr(find("7/rr/coverage/1")->user, "(empty)"));
    assert_non_null(strstr(find("7/rr/outline/1")->user, "(no headings)"));
}

static void a_method_that_breaks_ids_is_refused(void **state)
{
    (void)state;
    ltd_wiki_judging what = made_judging;
    what.method = "a/b";
    assert_int_equal(ltd_wiki_judge_ask(&asked, &what, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "method 'a/b'"));
    assert_int_equal(asked.n, MADE_REQUESTS);
}

static void same(const char *a, const char *b)
{
    assert_true(!a == !b);
    if (a) assert_string_equal(a, b);
}

static void lines_read_back_equal(void **state)
{
    (void)state;
    char path[] = "/tmp/ltd_test_judge_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(ltd_wiki_requests_write(&asked, path, &err), LTD_OK);
    ltd_wiki_requests read = LTD_WIKI_REQUESTS_INIT;
    if (ltd_wiki_requests_read(&read, path, &err) < 0) fail_msg("%s", err.msg);
    unlink(path);
    assert_int_equal(read.n, asked.n);
    for (size_t i = 0; i < read.n; i++) {
        const ltd_wiki_request *a = &asked.list[i], *b = &read.list[i];
        assert_int_equal(a->kind, b->kind);
        same(a->id, b->id);
        same(a->event, b->event);
        same(a->method, b->method);
        same(a->premise, b->premise);
        same(a->hypothesis, b->hypothesis);
        same(a->system, b->system);
        same(a->user, b->user);
    }
    ltd_wiki_requests_fini(&read);
}

#define HEAD "{\"id\":\"1\",\"event\":\"2\",\"method\":\"rr\",\"kind\":"

static void damaged_lines_are_told_and_leave_the_list(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\n\n{\"id\":", "j.jsonl:3:1: the text ends too early"},
        {"[]", "j.jsonl:1: found no object"},
        {"{\"id\":7}", "j.jsonl:1: key 'id': found number, expected string"},
        {HEAD "\"style\"}", "j.jsonl:1: key 'kind': 'style' is none of ours"},
        {HEAD "\"nli\",\"premise\":\"a\"}", "key 'hypothesis': missing"},
        {HEAD "\"nli\",\"premise\":\"a\\u0000\",\"hypothesis\":\"b\"}", "a NUL character inside"},
        {HEAD "\"focus\",\"messages\":[]}", "expected object with key 'role'"},
        {HEAD "\"focus\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
         "message 0: role 'user', expected 'system'"},
        {HEAD "\"nli\",\"premise\":\"a\",\"hypothesis\":\"b\"}\r\n{}", "j.jsonl:2: key 'id'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i][0];
        int rc = ltd_wiki_requests_parse(&asked, "j.jsonl", text, strlen(text), &err);
        assert_int_equal(rc, LTD_EFORMAT);
        if (!strstr(err.msg, cases[i][1])) fail_msg("case %zu: %s", i, err.msg);
        assert_int_equal(asked.n, MADE_REQUESTS);
    }
}

static void chats_have_what_a_server_wants(void **state)
{
    (void)state;
    ltd_str body = LTD_STR_INIT;
    ltd_wiki_chat_body(&body, find("7/rr/nli/3/1"), "m\"1", 0);
    const char *text = ltd_str_text(&body);
    assert_non_null(strstr(text, "{\"model\":\"m\\\"1\",\"temperature\":0,\"messages\":[{\"role\":"
                                 "\"system\",\"content\":\"You check sources."));
    assert_non_null(strstr(text, "Passage:\\n<<<\\nit rained. the flood came in may\\n>>>\\n"
                                 "Sentence:\\n<<<\\nIt rained.\\n>>>"));
    ltd_str_clear(&body);
    ltd_wiki_chat_body(&body, find("7/rr/focus/1"), "m", 9);
    assert_non_null(strstr(ltd_str_text(&body), "\"max_tokens\":9,\"messages\":"));
    ltd_str_fini(&body);
}

static void replies_are_taken_out_of_answers(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *reply;
        int rc;
    } cases[] = {
        {"{\"choices\":[{\"message\":{\"content\":\"4\\n\"}},{}]}", "4\n", LTD_OK},
        {"{\"choices\":[{\"message\":{\"content\":\"4\\u00005\"}}]}", "4 5", LTD_OK},
        {"{\"choices\":[{\"message\":{\"content\":null}}]}", "", LTD_WIKI_CHAT_SILENT},
        {"{\"choices\":[{\"message\":{\"content\":\"\"}}]}", "", LTD_WIKI_CHAT_SILENT},
        {"{\"choices\":[]}", "", LTD_EFORMAT},
        {"{\"error\":{\"message\":\"no model\"}}", "", LTD_EFORMAT},
        {"[1]", "", LTD_EFORMAT},
        {"<html>\n\xff</html>", "", LTD_EFORMAT},
        {"", "", LTD_EFORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ltd_str reply = LTD_STR_INIT;
        const char *a = cases[i].answer;
        assert_int_equal(ltd_wiki_chat_reply(&reply, "http://u", a, strlen(a), &err), cases[i].rc);
        assert_string_equal(ltd_str_text(&reply), cases[i].reply);
        ltd_str_fini(&reply);
    }
    const char *page = "<html>\n\xff</html>";
    ltd_str reply = LTD_STR_INIT;
    ltd_wiki_chat_reply(&reply, "http://u", page, strlen(page), &err);
    assert_string_equal(err.msg, "http://u: expected JSON, found '<html> ?</html>'");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ask, forget)
    const struct CMUnitTest tests[] = {
        TEST(each_kind_once_and_each_cited_chunk_once),  TEST(graders_see_headings_and_no_marks),
        TEST(instructions_describe_every_level),         TEST(an_empty_article_is_asked_about_too),
        TEST(a_method_that_breaks_ids_is_refused),       TEST(lines_read_back_equal),
        TEST(damaged_lines_are_told_and_leave_the_list), TEST(chats_have_what_a_server_wants),
        TEST(replies_are_taken_out_of_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
