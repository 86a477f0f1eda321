#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "trainer/wiki/write/prompt.h"

/* A token is four bytes; *ctx counts the questions. */
static int by_fours(void *ctx, const char *prompt, int32_t *ret, ltd_err *err)
{
    (void)err;
    ++*(int *)ctx;
    *ret = (int32_t)((strlen(prompt) + 3) / 4);
    return LTD_OK;
}

static int refuses(void *ctx, const char *prompt, int32_t *ret, ltd_err *err)
{
    (void)ctx, (void)prompt, (void)ret;
    return ltd_fail(err, LTD_EUNSUPPORTED, "cannot count");
}

static const char *const documents[] = {"alpha beta gamma delta epsilon", "one two three four",
                                        "red green blue"};

static ltd_wiki_ask ask_article(int32_t n)
{
    return (ltd_wiki_ask){.stage = LTD_WIKI_STAGE_ARTICLE,
                          .key = "Tidal Race",
                          .document = documents,
                          .n_documents = n};
}

static int prompt(const ltd_wiki_ask *ask, int32_t most, ltd_str *out, ltd_err *err)
{
    int counted = 0;
    const ltd_wiki_counter counter = {by_fours, &counted};
    return ltd_wiki_prompt(ask, most, &counter, out, err);
}

static int32_t tokens_of(const ltd_str *s)
{
    return (int32_t)((s->len + 3) / 4);
}

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static void holds(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("'%s' is not in '%s'", part, text);
}

static void lacks(const char *text, const char *part)
{
    if (strstr(text, part)) fail_msg("'%s' is in '%s'", part, text);
}

static void documents_stand_whole_in_their_order(void **state)
{
    (void)state;
    ltd_str out = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_ask ask = ask_article(3);
    assert_int_equal(prompt(&ask, 10000, &out, &err), LTD_OK);
    holds(out.data, "about \"Tidal Race\". These documents");
    holds(out.data, "\n\nDocument 1: alpha beta gamma delta epsilon\n\nDocument 2: one two three "
                    "four\n\nDocument 3: red green blue\n\nWrite the whole article");
    holds(out.data, "==Name of the section==");
    assert_true(ends_with(out.data, "Say nothing that the documents do not say."));
    assert_int_equal(strlen(out.data), out.len);
    ltd_str_fini(&out);
}

static void each_stage_asks_for_its_own(void **state)
{
    (void)state;
    ltd_str out = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_ask ask = ask_article(2);
    ask.stage = LTD_WIKI_STAGE_PLAN;
    assert_int_equal(prompt(&ask, 10000, &out, &err), LTD_OK);
    holds(out.data, "1. Introduction");
    holds(out.data, "Document 2: one two three four");
    lacks(out.data, "square brackets");
    ask.stage = LTD_WIKI_STAGE_SECTION;
    ask.section = "Route and tides";
    assert_int_equal(prompt(&ask, 10000, &out, &err), LTD_OK);
    holds(out.data, "Write the section \"Route and tides\" of");
    holds(out.data, "square brackets");
    lacks(out.data, "Plan an");
    ask = (ltd_wiki_ask){
        .stage = LTD_WIKI_STAGE_REWRITE, .key = "Tidal Race", .draft = "==A==\nIt was so.[1]"};
    assert_int_equal(prompt(&ask, 10000, &out, &err), LTD_OK);
    holds(out.data, "\"Tidal Race\".\n\n==A==\nIt was so.[1]\n\nWrite it once more");
    lacks(out.data, "documents");
    assert_string_equal(ltd_wiki_stage_name(LTD_WIKI_STAGE_PLAN), "plan");
    assert_string_equal(ltd_wiki_stage_name(LTD_WIKI_STAGE_SECTION), "section");
    assert_string_equal(ltd_wiki_stage_name(LTD_WIKI_STAGE_ARTICLE), "article");
    assert_string_equal(ltd_wiki_stage_name(LTD_WIKI_STAGE_REWRITE), "rewrite");
    ltd_str_fini(&out);
}

static void without_documents_nothing_is_said_of_them(void **state)
{
    (void)state;
    ltd_str out = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_ask ask = ask_article(0);
    for (int stage = LTD_WIKI_STAGE_SECTION; stage <= LTD_WIKI_STAGE_ARTICLE; stage++) {
        ask.stage = (ltd_wiki_stage)stage;
        ask.section = "Race";
        assert_int_equal(prompt(&ask, 10000, &out, &err), LTD_OK);
        lacks(out.data, "ocument");
        lacks(out.data, "\n");
    }
    ltd_str_fini(&out);
}

/* The block of documents of a prompt: what stands between opening and closing. */
static void block_of(const char *text, char *ret, size_t size)
{
    const char *begin = strstr(text, "known about it.\n\n"), *end;
    assert_non_null(begin);
    begin += strlen("known about it.\n\n");
    end = strstr(begin, "\n\nWrite the whole");
    assert_non_null(end);
    assert_true((size_t)(end - begin) < size);
    memcpy(ret, begin, (size_t)(end - begin));
    ret[end - begin] = 0;
}

/* At every length: it fits, no word more would, and only whole words are gone. */
static void words_go_from_the_end(void **state)
{
    (void)state;
    ltd_str whole = LTD_STR_INIT, out = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    char all[256], block[256];
    ltd_wiki_ask ask = ask_article(3);
    assert_int_equal(prompt(&ask, 10000, &whole, &err), LTD_OK);
    block_of(whole.data, all, sizeof all);
    int32_t full = tokens_of(&whole), least = 0;
    const char *closing = strstr(whole.data, "\n\nWrite the whole");
    for (int32_t most = full; most > 0; most--) {
        int rc = prompt(&ask, most, &out, &err);
        if (rc < 0) {
            assert_int_equal(rc, LTD_EINVAL);
            break;
        }
        least = most;
        assert_true(tokens_of(&out) <= most);
        assert_true(ends_with(out.data, closing));
        block_of(out.data, block, sizeof block);
        size_t n = strlen(block);
        assert_memory_equal(block, all, n);
        assert_true(n == 0 || all[n] == 0 || all[n] == ' ' || all[n] == '\n');
        if (most == full) assert_string_equal(block, all);
        if (!all[n]) continue;
        /* One word more is too long. */
        size_t next = n + strspn(all + n, " \n");
        next += strcspn(all + next, " \n");
        assert_true((whole.len - strlen(all) + next + 3) / 4 > (size_t)most);
    }
    /* The least is the prompt without a word of them. */
    assert_int_equal(least, (int32_t)((whole.len - strlen(all) + 3) / 4));
    ltd_str_fini(&whole);
    ltd_str_fini(&out);
}

static void what_does_not_fit_bare_is_refused(void **state)
{
    (void)state;
    ltd_str out = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_ask ask = ask_article(3);
    assert_int_equal(prompt(&ask, 20, &out, &err), LTD_EINVAL);
    holds(err.msg, "Tidal Race");
    holds(err.msg, "20 tokens");
    ask.n_documents = 0;
    assert_int_equal(prompt(&ask, 20, &out, &err), LTD_EINVAL);
    ltd_str_fini(&out);
}

static void a_draft_loses_its_end(void **state)
{
    (void)state;
    ltd_str out = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_ask ask = {.stage = LTD_WIKI_STAGE_REWRITE,
                        .key = "K",
                        .draft =
                            "==One==\nFirst sentence.[1] Second sentence.[2]\n==Two==\nThird."};
    assert_int_equal(prompt(&ask, 10000, &out, &err), LTD_OK);
    int32_t full = tokens_of(&out);
    assert_int_equal(prompt(&ask, full - 3, &out, &err), LTD_OK);
    assert_true(tokens_of(&out) <= full - 3);
    holds(out.data, "==One==\nFirst sentence.[1] Second sentence.[2]\n\nWrite it once more");
    lacks(out.data, "Third");
    ltd_str_fini(&out);
}

static void the_prompt_before_is_replaced_and_few_questions_are_asked(void **state)
{
    (void)state;
    ltd_str out = LTD_STR_INIT, text = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    int counted = 0;
    const ltd_wiki_counter counter = {by_fours, &counted};
    for (int i = 0; i < 1000; i++) ltd_str_printf(&text, "%sword%d", i ? " " : "", i);
    const char *long_one[] = {text.data};
    ltd_wiki_ask ask = {
        .stage = LTD_WIKI_STAGE_PLAN, .key = "K", .document = long_one, .n_documents = 1};
    ltd_str_puts(&out, "left from before");
    assert_int_equal(ltd_wiki_prompt(&ask, 600, &counter, &out, &err), LTD_OK);
    lacks(out.data, "left from before");
    assert_true(tokens_of(&out) <= 600 && tokens_of(&out) > 596);
    assert_in_range(counted, 2, 12); /* halving 1,002 words */
    const ltd_wiki_counter broken = {refuses, NULL};
    assert_int_equal(ltd_wiki_prompt(&ask, 600, &broken, &out, &err), LTD_EUNSUPPORTED);
    ltd_str_fini(&out);
    ltd_str_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_stand_whole_in_their_order),
        cmocka_unit_test(each_stage_asks_for_its_own),
        cmocka_unit_test(without_documents_nothing_is_said_of_them),
        cmocka_unit_test(words_go_from_the_end),
        cmocka_unit_test(what_does_not_fit_bare_is_refused),
        cmocka_unit_test(a_draft_loses_its_end),
        cmocka_unit_test(the_prompt_before_is_replaced_and_few_questions_are_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
