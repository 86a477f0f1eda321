#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/fake_author.h"
#include "tests/support/golden.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wiki_files.h"
#include "trainer/wiki/write/render.h"
#include "trainer/wiki/write/run.h"
#include "trainer/wiki/write/verify.h"

/* Answers of PRR with a rewrite.  One is cut inside a character, as answers are at their length. */
static const fake_answer answers[] = {
    {"List the names", "1. Introduction\n2. Aftermath\n"},
    {"Write only the section \"Introduction\"", "It was in spring.[1] Many came.[2]"},
    {"Write only the section", "It cost 3 \xe2\x82.[1] Then \xff it ended.[3]\xe2\x82"},
    {"Write it once more",
     "==Introduction==\nIt was.[1] And so on.[2]\n==Aftermath==\nIt cost.[3]"},
    {"", "==Introduction==\nIt was.[1]"},
};
static const int64_t all[] = {900000001, 900000002, 900000003};
enum { EVENTS = 3, CALLS = 5 };

static char root[512];

static ltd_wiki_run_options options_of(const char *out, fake_author *a)
{
    ltd_wiki_run_options o = {.made = {.task = {.method = LTD_WIKI_PRR,
                                                .rewrite = true,
                                                .profile = ltd_wiki_profile_find("2k")},
                                       .decoder = "fake",
                                       .identity = "model of paper"},
                              .out = out,
                              .ids = {.id = (int64_t *)(uintptr_t)all, .n = EVENTS},
                              .author = fake_author_of(a)};
    snprintf(o.made.root, sizeof o.made.root, "%s", root);
    return o;
}

static char *in_dir(const char *name)
{
    static char path[16][160];
    static int at;
    char *ret = path[at++ % 16];
    snprintf(ret, sizeof path[0], "%s/%s", dir, name);
    return ret;
}

static ltd_wiki_run_sum run_whole(const char *out)
{
    fake_author a = {.table = answers, .cancel_at = -1};
    ltd_wiki_run_options o = options_of(out, &a);
    ltd_wiki_run_sum sum;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_wiki_run(&o, &sum, &err) < 0) fail_msg("%s", err.msg);
    fake_author_fini(&a);
    return sum;
}

/* Every file of two runs has the same bytes; the author takes no time, so that times are equal. */
static void same_files(const char *a, const char *b)
{
    static const char *const kinds[] = {"json", "md", "wiki"};
    for (int i = 0; i < EVENTS; i++)
        for (int k = 0; k < 3; k++) {
            char name[64];
            snprintf(name, sizeof name, "articles/%lld.%s", (long long)all[i], kinds[k]);
            char *x = read_text(a, name), *y = read_text(b, name);
            assert_non_null(x);
            assert_non_null(y);
            assert_string_equal(x, y);
            free(x);
            free(y);
        }
}

/* --- files --- */

static void a_run_leaves_its_files(void **state)
{
    (void)state;
    const char *out = in_dir("whole");
    ltd_wiki_run_sum sum = run_whole(out);
    assert_int_equal(sum.events, EVENTS);
    assert_int_equal(sum.found, 0);
    assert_int_equal(sum.calls, EVENTS * CALLS);
    assert_int_equal(sum.fresh, EVENTS * CALLS);
    assert_int_equal(sum.stops[LTD_WIKI_STOP_END], EVENTS * CALLS);
    assert_int_equal(sum.effort.tokens, sum.effort.accepted[1]);
    same_files(out, out);
    ltd_wiki_made made;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_wiki_made_load(&made, out, &err), LTD_OK);
    assert_int_equal(made.task.method, LTD_WIKI_PRR);
    assert_true(made.task.rewrite);
    assert_string_equal(made.task.profile->name, "2k");
    assert_string_equal(made.decoder, "fake");
    assert_string_equal(made.identity, "model of paper");
    ltd_wiki_ids ids;
    assert_int_equal(ltd_wiki_article_ids(out, &ids, &err), LTD_OK);
    assert_int_equal(ids.n, EVENTS);
    assert_memory_equal(ids.id, all, sizeof all);
    free(ids.id);
    assert_int_equal(ltd_wiki_article_ids(in_dir("none"), &ids, &err), LTD_EIO);
    assert_int_equal(ltd_wiki_made_load(&made, in_dir("none"), &err), LTD_EIO);
}

static void what_is_there_is_not_asked_again(void **state)
{
    (void)state;
    fake_author a = {.table = answers, .cancel_at = 0};
    const char *out = in_dir("again");
    copy_folder(in_dir("whole"), out);
    ltd_wiki_run_options o = options_of(out, &a);
    ltd_wiki_run_sum sum, before = run_whole(in_dir("whole"));
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_wiki_run(&o, &sum, &err), LTD_OK);
    assert_int_equal(sum.events, EVENTS);
    assert_int_equal(sum.found, EVENTS);
    assert_int_equal(sum.fresh, 0);
    assert_int_equal(sum.calls, EVENTS * CALLS);
    assert_int_equal(before.found, EVENTS);
    assert_memory_equal(&sum.effort, &before.effort, sizeof sum.effort);
    /* One of them is missing: it alone is written. */
    remove_file(out, "articles/900000002.json");
    a.cancel_at = -1;
    assert_int_equal(ltd_wiki_run(&o, &sum, &err), LTD_OK);
    assert_int_equal(sum.found, EVENTS - 1);
    assert_int_equal(sum.fresh, CALLS);
    same_files(in_dir("whole"), out);
    fake_author_fini(&a);
}

static void interrupted_anywhere_it_ends_the_same(void **state)
{
    (void)state;
    for (int32_t k = 0; k < EVENTS * CALLS; k++) {
        fake_author a = {.table = answers, .cancel_at = k}, b = {.table = answers, .cancel_at = -1};
        char name[32];
        snprintf(name, sizeof name, "cut%d", k);
        const char *out = in_dir(name);
        ltd_wiki_run_options o = options_of(out, &a), p = options_of(out, &b);
        ltd_wiki_run_sum sum;
        ltd_err err = LTD_ERR_INIT;
        assert_int_equal(ltd_wiki_run(&o, &sum, &err), LTD_ECANCELED);
        assert_int_equal(sum.fresh, k);
        assert_int_equal(ltd_wiki_run(&p, &sum, &err), LTD_OK);
        assert_int_equal(sum.fresh, EVENTS * CALLS - k);
        assert_int_equal(sum.calls, EVENTS * CALLS);
        assert_int_equal(sum.found, k / CALLS);
        same_files(in_dir("whole"), out);
        fake_author_fini(&a);
        fake_author_fini(&b);
    }
}

static void refused(const ltd_wiki_run_options *o, int code, const char *why)
{
    ltd_wiki_run_sum sum;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_wiki_run(o, &sum, &err), code);
    if (!strstr(err.msg, why)) fail_msg("'%s' is not in '%s'", why, err.msg);
}

static void another_run_is_refused(void **state)
{
    (void)state;
    fake_author a = {.table = answers, .cancel_at = 0};
    const char *out = in_dir("whole");
    for (int i = 0; i < 8; i++) {
        ltd_wiki_run_options o = options_of(out, &a);
        ltd_wiki_made *m = &o.made;
        if (i == 0) m->task.method = LTD_WIKI_RR;
        if (i == 1) m->task.plan = LTD_WIKI_PLAN_REF;
        if (i == 2) m->task.rewrite = false;
        if (i == 3) m->task.profile = ltd_wiki_profile_find("4k");
        if (i == 4) m->task.ranking = LTD_WIKI_TFIDF;
        if (i == 5) m->task.sources = LTD_WIKI_HUMAN;
        if (i == 6) strcpy(m->decoder, "ar");
        if (i == 7) strcpy(m->identity, "another model");
        refused(&o, LTD_EINVAL, "run.json: holds another run");
    }
    same_files(out, out);
}

static void a_damaged_article_is_not_written_over(void **state)
{
    (void)state;
    fake_author a = {.table = answers, .cancel_at = -1};
    const char *out = in_dir("damaged");
    copy_folder(in_dir("whole"), out);
    write_text(out, "articles/900000001.json", "{\"version\": 1, ");
    ltd_wiki_run_options o = options_of(out, &a);
    refused(&o, LTD_EFORMAT, "articles/900000001.json");
    char *text = read_text(out, "articles/900000001.json");
    assert_string_equal(text, "{\"version\": 1, ");
    free(text);
    assert_int_equal(a.asked, 0);
}

static void a_damaged_run_file_is_found(void **state)
{
    (void)state;
    static const char *const changes[][2] = {{"\"prr\"", "\"none\""},
                                             {"\"documents\"", "7"},
                                             {"\"2k\"", "\"3k\""},
                                             {"true", "1"},
                                             {"\"bm25\"", "\"bm26\""},
                                             {"\"mixed\"", "[]"},
                                             {"\"decoder\"", "\"x\""},
                                             {"\"identity\"", "\"x\""},
                                             {"}", ""}};
    const char *out = in_dir("damaged");
    ltd_wiki_made made;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        ltd_err err = LTD_ERR_INIT;
        copy_folder(in_dir("whole"), out);
        change_text(out, "run.json", changes[i][0], changes[i][1]);
        int rc = ltd_wiki_made_load(&made, out, &err);
        if (rc != LTD_EFORMAT) fail_msg("'%s': %d, expected EFORMAT", changes[i][1], rc);
        assert_non_null(strstr(err.msg, "run.json"));
    }
}

/* The event whose search half is missing has nothing to write from, when only that counts. */
static void an_event_without_pages_is_left_out(void **state)
{
    (void)state;
    fake_author a = {.table = answers, .cancel_at = -1};
    ltd_wiki_run_options o = options_of(in_dir("search"), &a);
    ltd_wiki_run_sum sum;
    ltd_err err = LTD_ERR_INIT;
    o.made.task.sources = LTD_WIKI_SEARCH;
    if (ltd_wiki_run(&o, &sum, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(sum.left_out, 1);
    assert_int_equal(sum.events, o.ids.n - 1);
    fake_author_fini(&a);
}

static bool stop_at_the_second(void *ctx, double share, const char *what)
{
    assert_non_null(strstr(what, "event "));
    assert_true(share < 1);
    return ++*(int *)ctx < 2;
}

static void who_watches_may_stop_it_between_events(void **state)
{
    (void)state;
    fake_author a = {.table = answers, .cancel_at = -1};
    int told = 0;
    ltd_wiki_run_options o = options_of(in_dir("watched"), &a);
    o.watch = (ltd_watch){stop_at_the_second, &told};
    refused(&o, LTD_ECANCELED, "");
    assert_int_equal(a.asked, CALLS);
    fake_author_fini(&a);
}

/* --- forms for readers --- */

static ltd_wiki_work small_article(void)
{
    static const char *const texts[] = {"", "", ""};
    static const int32_t first[] = {2, 0, 3}, second[] = {0, 1, 2};
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_work w = {.id = 7, .key = ltd_mem_strdup("A storm")};
    assert_int_equal(ltd_wiki_work_add_piece(&w, "Start", "==Start==\nIt began.[1][3] It grew.[2]",
                                             first, texts, 3, &err),
                     LTD_OK);
    assert_int_equal(ltd_wiki_work_add_piece(&w, "End",
                                             "==End==\nIt went.[1][4][0] It was over.[2] Gone.",
                                             second, texts, 3, &err),
                     LTD_OK);
    return w;
}

/* Chunks 0 and 1 are of page 0; 2 of page 2, 3 of page 1. */
static const ltd_wiki_page pages[] = {{.title = "Zero", .url = "https://example.org/0"},
                                      {.title = "One", .url = "https://example.org/1"},
                                      {.title = "Two [a] <b>", .url = "https://example.org/2"}};
static const ltd_wiki_event event = {.id = 7, .key = "A storm", .pages = pages, .n_pages = 3};
static ltd_wiki_chunk chunk[] = {{.id = 0}, {.id = 1}, {.id = 2, .doc = 2}, {.id = 3, .doc = 1}};
static const ltd_wiki_chunks chunks = {.event = &event, .chunk = chunk, .n = 4};

static void form_is(ltd_wiki_form form, const char *expected)
{
    ltd_wiki_work w = small_article();
    ltd_str out = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_wiki_render(&w, &chunks, form, &out, &err), LTD_OK);
    assert_string_equal(out.data, expected);
    ltd_str_fini(&out);
    ltd_wiki_work_fini(&w);
}

static void forms_number_marks_by_page(void **state)
{
    (void)state;
    form_is(LTD_WIKI_MARKDOWN,
            "# A storm\n\n## Start\n\nIt began.[1][2] It grew.[3]\n\n## End\n\n"
            "It went.[3] It was over.[3] Gone.\n\n## References\n\n"
            "[1] Two [a] <b> - https://example.org/2\n[2] One - https://example.org/1\n"
            "[3] Zero - https://example.org/0\n");
    form_is(LTD_WIKI_WIKITEXT,
            "==Start==\nIt began.<ref name=\"1\">[https://example.org/2 Two [a&#93; &lt;b>]</ref>"
            "<ref name=\"2\">[https://example.org/1 One]</ref> "
            "It grew.<ref name=\"3\">[https://example.org/0 Zero]</ref>\n"
            "==End==\nIt went.<ref name=\"3\" /> It was over.<ref name=\"3\" /> Gone.\n"
            "==References==\n<references />\n");
}

static void an_article_without_marks_has_no_references(void **state)
{
    (void)state;
    ltd_wiki_work w = {.id = 7, .key = ltd_mem_strdup("K")};
    ltd_str out = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(
        ltd_wiki_work_add_piece(&w, NULL, "Before.[3]\n==A==\nText.[9]", NULL, NULL, 0, &err),
        LTD_OK);
    assert_int_equal(ltd_wiki_render(&w, &chunks, LTD_WIKI_MARKDOWN, &out, &err), LTD_OK);
    assert_string_equal(out.data, "# K\n\nBefore.\n\n## A\n\nText.\n\n");
    ltd_str_clear(&out);
    assert_int_equal(ltd_wiki_render(&w, &chunks, LTD_WIKI_WIKITEXT, &out, &err), LTD_OK);
    assert_string_equal(out.data, "Before.\n==A==\nText.\n");
    ltd_str_fini(&out);
    ltd_wiki_work_fini(&w);
}

static void a_chunk_that_is_none_is_refused(void **state)
{
    (void)state;
    static const int32_t beyond[] = {4};
    static const char *const text[] = {""};
    ltd_wiki_work w = {.id = 7, .key = ltd_mem_strdup("K")};
    ltd_str out = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_wiki_work_add_piece(&w, NULL, "A.[1]", beyond, text, 1, &err), LTD_OK);
    assert_int_equal(ltd_wiki_render(&w, &chunks, LTD_WIKI_MARKDOWN, &out, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "article 7: chunk 4, the event has 4"));
    ltd_str_fini(&out);
    ltd_wiki_work_fini(&w);
}

/* --- verified --- */

static ltd_wiki_verdict verify(const char *other)
{
    ltd_wiki_verdict v;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_wiki_verify(in_dir("whole"), other, &v, &err) < 0) fail_msg("%s", err.msg);
    return v;
}

typedef void change(ltd_wiki_work *w);

/* One article of a copy of the run, changed and written anew. */
static const char *changed_run(int64_t id, change *how)
{
    const char *out = in_dir("changed");
    char path[256], name[64];
    ltd_wiki_work w;
    ltd_str text = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    copy_folder(in_dir("whole"), out);
    assert_int_equal(ltd_wiki_article_path(out, id, path, sizeof path, &err), LTD_OK);
    assert_int_equal(ltd_wiki_work_load(&w, path, &err), LTD_OK);
    how(&w);
    ltd_wiki_work_json(&w, &text);
    snprintf(name, sizeof name, "articles/%lld.json", (long long)id);
    write_text(out, name, text.data);
    ltd_str_fini(&text);
    ltd_wiki_work_fini(&w);
    return out;
}

static void one_token_other(ltd_wiki_work *w)
{
    w->call[2].tokens.ids[3] = 99;
}

static void one_token_more(ltd_wiki_work *w)
{
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_tokens_push(&w->call[1].tokens, 5, &err), LTD_OK);
}

static void one_token_less(ltd_wiki_work *w)
{
    w->call[1].tokens.n--;
}

static void another_stop(ltd_wiki_work *w)
{
    w->call[3].stop = LTD_WIKI_STOP_LOOP;
}

static void another_prompt(ltd_wiki_work *w)
{
    w->call[1].prompt_hash[5] = 'x';
}

static void another_plan(ltd_wiki_work *w)
{
    w->call[0].tokens.ids[0] = 1;
    w->call[1].prompt_hash[0] = 'x';
}

static void a_call_less(ltd_wiki_work *w)
{
    ltd_wiki_work_cut_calls(w, 3);
}

static void begun_only(ltd_wiki_work *w)
{
    w->complete = false;
}

static void another_method(ltd_wiki_work *w)
{
    strcpy(w->method, "rr");
}

static void another_key(ltd_wiki_work *w)
{
    w->key[0] ^= 1;
}

static const struct {
    change *how;
    int64_t event;
    int32_t call;
    ltd_wiki_stage stage;
    bool prompt;
    int64_t position; /* -1: the last token's, +1 */
    const char *text;
} changes[] = {
    {one_token_other, 900000001, 2, LTD_WIKI_STAGE_SECTION, false, 3, "other 99 ("},
    {one_token_more, 900000002, 1, LTD_WIKI_STAGE_SECTION, false, -1, "other 5 ("},
    {one_token_less, 900000002, 1, LTD_WIKI_STAGE_SECTION, false, -1, "other -1 ("},
    {another_stop, 900000003, 3, LTD_WIKI_STAGE_REWRITE, false, -1, "call 3 (rewrite)"},
    {another_prompt, 900000003, 1, LTD_WIKI_STAGE_SECTION, true, 0, "another prompt"},
    {another_plan, 900000001, 0, LTD_WIKI_STAGE_PLAN, false, 0, "call 0 (plan), token 0"},
    {a_call_less, 900000001, 3, LTD_WIKI_STAGE_REWRITE, true, 0,
     "call 3 (rewrite): another prompt"},
    {begun_only, 900000002, -1, LTD_WIKI_STAGE_PLAN, false, 0, "not complete"},
    {another_method, 900000002, -1, LTD_WIKI_STAGE_PLAN, false, 0, "another method"},
    {another_key, 900000002, -1, LTD_WIKI_STAGE_PLAN, false, 0, "event 900000002"},
};

static void equal_runs_have_no_difference(void **state)
{
    (void)state;
    ltd_str text = LTD_STR_INIT;
    ltd_wiki_run_sum sum = run_whole(in_dir("whole"));
    ltd_wiki_verdict v = verify(in_dir("whole"));
    char expected[160];
    assert_true(ltd_wiki_unchanged(&v));
    assert_int_equal(v.events, EVENTS);
    assert_int_equal(v.calls, EVENTS * CALLS);
    assert_int_equal(v.tokens, sum.effort.tokens);
    ltd_wiki_verdict_text(&v, true, &text);
    snprintf(expected, sizeof expected,
             "3 articles, 15 calls, %lld tokens, 0 differences\n"
             "figures of quality: the same, byte for byte\n",
             (long long)v.tokens);
    assert_string_equal(text.data, expected);
    ltd_str_fini(&text);
}

static void every_change_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        ltd_str text = LTD_STR_INIT, json = LTD_STR_INIT;
        ltd_wiki_verdict v = verify(changed_run(changes[i].event, changes[i].how));
        const ltd_wiki_difference *d = &v.first;
        assert_false(ltd_wiki_unchanged(&v));
        assert_int_equal(v.events, EVENTS);
        assert_int_equal(v.differences, 1);
        assert_int_equal(d->event, changes[i].event);
        assert_int_equal(d->call, changes[i].call);
        assert_int_equal(d->stage, changes[i].stage);
        assert_int_equal(d->prompt, changes[i].prompt);
        if (changes[i].position >= 0)
            assert_int_equal(d->position, changes[i].position);
        else
            assert_true(d->position > 5 && d->plain != 5);
        ltd_wiki_verdict_text(&v, false, &text);
        ltd_wiki_verdict_json(&v, false, &json);
        if (!strstr(text.data, changes[i].text))
            fail_msg("'%s' is not in '%s'", changes[i].text, text.data);
        assert_non_null(strstr(text.data, "1 difference\n"));
        assert_non_null(strstr(json.data, "\"differences\": 1"));
        ltd_str_fini(&text);
        ltd_str_fini(&json);
    }
}

static void a_missing_article_is_found_on_either_side(void **state)
{
    (void)state;
    const char *out = in_dir("changed"), *plain = in_dir("whole");
    ltd_wiki_verdict v;
    ltd_err err = LTD_ERR_INIT;
    copy_folder(plain, out);
    remove_file(out, "articles/900000002.json");
    for (int swapped = 0; swapped < 2; swapped++) {
        assert_int_equal(ltd_wiki_verify(swapped ? out : plain, swapped ? plain : out, &v, &err),
                         LTD_OK);
        assert_int_equal(v.differences, 1);
        assert_int_equal(v.events, EVENTS);
        assert_int_equal(v.first.event, 900000002);
        assert_int_equal(v.first.call, -1);
    }
    remove_file(out, "articles/900000001.json");
    remove_file(out, "articles/900000003.json");
    assert_int_equal(ltd_wiki_verify(plain, out, &v, &err), LTD_EIO);
    write_text(out, "articles/900000001.json", "{");
    assert_int_equal(ltd_wiki_verify(plain, out, &v, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "changed/articles/900000001.json"));
}

static int begin(void **state)
{
    if (!source_path(root, sizeof root, "tests/golden/wikigen")) return -1;
    return make_dir(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_leaves_its_files), /* which those behind it compare with */
        cmocka_unit_test(what_is_there_is_not_asked_again),
        cmocka_unit_test(interrupted_anywhere_it_ends_the_same),
        cmocka_unit_test(another_run_is_refused),
        cmocka_unit_test(a_damaged_article_is_not_written_over),
        cmocka_unit_test(a_damaged_run_file_is_found),
        cmocka_unit_test(an_event_without_pages_is_left_out),
        cmocka_unit_test(who_watches_may_stop_it_between_events),
        cmocka_unit_test(forms_number_marks_by_page),
        cmocka_unit_test(an_article_without_marks_has_no_references),
        cmocka_unit_test(a_chunk_that_is_none_is_refused),
        cmocka_unit_test(equal_runs_have_no_difference),
        cmocka_unit_test(every_change_is_found),
        cmocka_unit_test(a_missing_article_is_found_on_either_side),
    };
    return cmocka_run_group_tests(tests, begin, remove_dir);
}
