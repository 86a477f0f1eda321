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
#include "base/json.h"
#include "base/str.h"
#include "trainer/wiki/pages/chunks.h"
#include "trainer/wiki/pages/event.h"

/* The smallest wiki half; %s: its pages. */
#define WIKI                                                                                       \
    "{\"id\": 7, \"key\": \"A race\", \"url\": \"u\", \"text\": \"It was.\", "                     \
    "\"outlines\": [\"The_race\", \"See_also\"], \"info_kv\": {\"Date\": \"May\"}, "               \
    "\"reference\": [%s]}"

static ltd_wiki_event *parse(const char *wiki, const char *google)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_event *e = NULL;
    if (ltd_wiki_event_parse(&e, "t", wiki, strlen(wiki), google, google ? strlen(google) : 0,
                             &err) < 0)
        fail_msg("%s", err.msg);
    return e;
}

static ltd_wiki_event *parse_pages(const char *human, const char *google)
{
    ltd_str s = LTD_STR_INIT;
    ltd_str_printf(&s, WIKI, human);
    ltd_wiki_event *e = parse(ltd_str_text(&s), google);
    ltd_str_fini(&s);
    return e;
}

static void refused(const char *wiki, const char *google, const char *expected)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_event *e = NULL;
    int rc = ltd_wiki_event_parse(&e, "t", wiki, strlen(wiki), google, google ? strlen(google) : 0,
                                  &err);
    assert_int_equal(rc, LTD_EFORMAT);
    assert_null(e);
    if (!strstr(err.msg, expected)) fail_msg("'%s' lacks '%s'", err.msg, expected);
}

/* `text` with `from` replaced by `to`, which must be there. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    if (!at) fail_msg("'%s' not in the text", from);
    ltd_str s = LTD_STR_INIT;
    ltd_str_push(&s, text, (size_t)(at - text));
    ltd_str_puts(&s, to);
    ltd_str_puts(&s, at + strlen(from));
    return ltd_str_take(&s);
}

static void refused_change(const char *from, const char *to, const char *expected)
{
    ltd_str s = LTD_STR_INIT;
    ltd_str_printf(&s, WIKI, "");
    char *changed = replaced(ltd_str_text(&s), from, to);
    refused(changed, NULL, expected);
    free(changed);
    ltd_str_fini(&s);
}

static void both_halves_are_read(void **state)
{
    (void)state;
    ltd_wiki_event *e =
        parse_pages("[\"t\", \"u1\", \"some words\"], [\"\", \"\", \"\"]",
                    "[{\"title\": \"g\", \"link\": \"l\", \"text\": \"found\", \"more\": 1}]");
    assert_int_equal(e->id, 7);
    assert_string_equal(e->key, "A race");
    assert_string_equal(e->url, "u");
    assert_string_equal(e->text, "It was.");
    assert_int_equal(e->text_len, 7);
    assert_int_equal(e->n_outline, 2);
    assert_string_equal(e->outline[0], "The race");
    assert_string_equal(e->outline[1], "See also");
    assert_int_equal(e->n_facts, 1);
    assert_string_equal(e->facts[0].name, "Date");
    assert_string_equal(e->facts[0].value, "May");
    assert_int_equal(e->n_pages, 3);
    assert_int_equal(e->n_human, 2);
    assert_true(e->searched);
    assert_true(e->pages[0].human && e->pages[1].human && !e->pages[2].human);
    assert_string_equal(e->pages[0].title, "t");
    assert_string_equal(e->pages[0].url, "u1");
    assert_string_equal(e->pages[0].text, "some words");
    assert_int_equal(e->pages[0].len, 10);
    assert_string_equal(e->pages[2].title, "g");
    assert_string_equal(e->pages[2].url, "l");
    assert_string_equal(e->pages[2].text, "found");
    ltd_wiki_event_free(e);
    ltd_wiki_event_free(NULL);
}

static void a_missing_google_half_is_none(void **state)
{
    (void)state;
    ltd_wiki_event *e = parse_pages("", NULL);
    assert_false(e->searched);
    assert_int_equal(e->n_pages, 0);
    ltd_wiki_event_free(e);
    e = parse_pages("", "[]");
    assert_true(e->searched);
    assert_int_equal(e->n_pages, 0);
    ltd_wiki_event_free(e);
}

static void texts_from_the_web_are_kept(void **state)
{
    (void)state;
    /* NUL, a lone surrogate of either kind, U+FFFD, a pair, a control character. */
    ltd_wiki_event *e = parse_pages(
        "[\"\", \"\", \"a\\u0000b\\ud83d c\\udc00 \\ufffd \\ud83d\\ude00 \\u0001\"]", NULL);
    static const char expected[] =
        "a\0b\xef\xbf\xbd c\xef\xbf\xbd \xef\xbf\xbd \xf0\x9f\x98\x80 \x01";
    assert_int_equal(e->pages[0].len, sizeof expected - 1);
    assert_memory_equal(e->pages[0].text, expected, sizeof expected);
    ltd_wiki_event_free(e);
}

static void megabytes_are_read(void **state)
{
    (void)state;
    enum { WORDS = 240000 }; /* of six bytes: 1.4 MB */
    ltd_str s = LTD_STR_INIT;
    ltd_str_puts(&s, "[\"\", \"\", \"");
    for (int i = 0; i < WORDS; i++) ltd_str_puts(&s, i % 2 ? "w\\u00e9 x " : "abcde ");
    ltd_str_puts(&s, "\"]");
    ltd_wiki_event *e = parse_pages(ltd_str_text(&s), NULL);
    ltd_str_fini(&s);
    assert_int_equal(e->pages[0].len, WORDS * 6);
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_chunks *c = NULL;
    assert_int_equal(ltd_wiki_chunks_new(&c, e, &(ltd_wiki_chunking){.words = 256}, &err), 0);
    assert_int_equal(c->n, (WORDS + WORDS / 2 + 255) / 256);
    ltd_wiki_chunks_free(c);
    ltd_wiki_event_free(e);
}

static void ids_are_numbers_or_strings_of_digits(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    ltd_str_printf(&s, WIKI, "");
    char *text = replaced(ltd_str_text(&s), "\"id\": 7", "\"id\": \"71284256\"");
    ltd_wiki_event *e = parse(text, NULL);
    assert_int_equal(e->id, 71284256);
    ltd_wiki_event_free(e);
    free(text);
    ltd_str_fini(&s);
    refused_change("\"id\": 7", "\"id\": \"7a\"", "key 'id': is '7a', expected a number");
    refused_change("\"id\": 7", "\"id\": \"\"", "key 'id': is ''");
    refused_change("\"id\": 7", "\"id\": \" 7\"", "key 'id': is ' 7'");
    refused_change("\"id\": 7", "\"id\": \"-7\"", "key 'id': is '-7'");
    refused_change("\"id\": 7", "\"id\": \"99999999999999999999\"", "key 'id'");
    refused_change("\"id\": 7", "\"id\": 7.5", "key 'id': is 7.5");
    refused_change("\"id\": 7", "\"id\": null", "key 'id'");
}

static void what_is_missing_or_wrong_is_named(void **state)
{
    (void)state;
    refused("", NULL, "t:1: the text ends too early");
    refused("[]", NULL, "expected object with key 'id'");
    for (const char *const *key = (const char *const[]){"id", "key", "url", "text", "outlines",
                                                        "info_kv", "reference", NULL};
         *key; key++) {
        char from[32], to[32], expected[48];
        snprintf(from, sizeof from, "\"%s\":", *key);
        snprintf(to, sizeof to, "\"x%s\":", *key);
        snprintf(expected, sizeof expected, "t: key '%s': missing", *key);
        refused_change(from, to, expected);
    }
    refused_change("\"A race\"", "7", "t: key 'key': found number, expected string");
    refused_change("\"A race\"", "\"\"", "t: key 'key': is empty");
    refused_change("\"It was.\"", "null", "t: key 'text': found null, expected string");
    refused_change("\"See_also\"", "3", "t: key 'outlines', entry 1: found number");
    refused_change("\"May\"", "[]", "t: key 'info_kv', 'Date': found array, expected string");
    refused_change("{\"Date\": \"May\"}", "[]", "t: key 'info_kv': found array");
}

static void reference_entries_are_three_strings(void **state)
{
    (void)state;
    static const char *const BAD[] = {"[\"a\", \"b\"]",
                                      "[\"a\", \"b\", \"c\", \"d\"]",
                                      "[\"a\", \"b\", null]",
                                      "\"abc\"",
                                      "7",
                                      "{\"a\": \"1\", \"b\": \"2\", \"c\": \"3\"}"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        char to[96];
        snprintf(to, sizeof to, "\"reference\": [[\"a\", \"b\", \"c\"], %s]", BAD[i]);
        refused_change("\"reference\": []", to,
                       "t: key 'reference', entry 1: expected [title, url, text]");
    }
}

static void search_pages_have_three_fields(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    ltd_str_printf(&s, WIKI, "");
    const char *wiki = ltd_str_text(&s);
    refused(wiki, "{}", "t (google): expected an array of pages");
    refused(wiki, "", "t (google):1: the text ends too early");
    refused(wiki, "[7]", "page 0: t (google): found number, expected object with key 'title'");
    refused(wiki, "[{\"title\": \"\", \"link\": \"\"}]",
            "page 0: t (google): key 'text': missing, expected string");
    refused(wiki, "[{\"title\": \"\", \"link\": 1, \"text\": \"\"}]", "key 'link': found number");
    ltd_str_fini(&s);
}

static void fields_that_nobody_uses_may_be_anything(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    ltd_str_printf(&s, WIKI, "");
    char *text = replaced(ltd_str_text(&s), "{\"id\"",
                          "{\"summary\": 3, \"contents\": null, \"unikey\": [], \"source\": {}, "
                          "\"id\"");
    ltd_wiki_event_free(parse(text, NULL));
    free(text);
    ltd_str_fini(&s);
}

/* --- files --- */

static char folder[] = "/tmp/ltd-wiki-event-XXXXXX";

static void write_half(const char *half, const char *name, const char *text)
{
    ltd_err err = LTD_ERR_INIT;
    char path[128];
    snprintf(path, sizeof path, "%s/data/%s/%s", folder, half, name);
    if (ltd_file_mkdirs_for(path, &err) < 0 || ltd_file_write(path, text, strlen(text), &err) < 0)
        fail_msg("%s", err.msg);
}

static int remove_half(const char *half, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/data/%s/%s", folder, half, name);
    return unlink(path);
}

static void events_are_found_and_read_from_files(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    int64_t *ids = NULL;
    int32_t n = 0;
    ltd_wiki_event *e = NULL;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(ltd_wiki_event_ids(&ids, &n, folder, &err), LTD_EIO);
    ltd_str s = LTD_STR_INIT;
    ltd_str_printf(&s, WIKI, "");
    write_half("wiki", "README.json", "");
    assert_int_equal(ltd_wiki_event_ids(&ids, &n, folder, &err), LTD_EIO);
    assert_null(ids);
    write_half("wiki", "70.json", ltd_str_text(&s));
    write_half("wiki", "7.json", ltd_str_text(&s));
    write_half("google", "7.json", "[{\"title\": \"\", \"link\": \"\", \"text\": \"\"}]");
    assert_int_equal(ltd_wiki_event_ids(&ids, &n, folder, &err), 0);
    assert_int_equal(n, 2);
    assert_int_equal(ids[0], 7);
    assert_int_equal(ids[1], 70);
    free(ids);
    assert_int_equal(ltd_wiki_event_load(&e, folder, 7, &err), 0);
    assert_int_equal(e->n_pages, 1);
    ltd_wiki_event_free(e);
    assert_int_equal(remove_half("google", "7.json"), 0);
    assert_int_equal(ltd_wiki_event_load(&e, folder, 7, &err), 0);
    assert_false(e->searched);
    ltd_wiki_event_free(e);
    e = NULL;
    assert_int_equal(ltd_wiki_event_load(&e, folder, 70, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "data/wiki/70.json: key 'id': is 7, expected 70"));
    assert_int_equal(ltd_wiki_event_load(&e, folder, 8, &err), LTD_EIO);
    assert_non_null(strstr(err.msg, "data/wiki/8.json"));
    write_half("google", "7.json", "[");
    assert_int_equal(ltd_wiki_event_load(&e, folder, 7, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "data/google/7.json"));
    assert_null(e);
    ltd_str_fini(&s);
    remove_half("google", "7.json");
    remove_half("wiki", "7.json");
    remove_half("wiki", "70.json");
    remove_half("wiki", "README.json");
    for (const char *const *dir =
             (const char *const[]){"/data/wiki", "/data/google", "/data", "", 0};
         *dir; dir++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", folder, *dir);
        assert_int_equal(rmdir(path), 0);
    }
}

static void back_matter_is_known_in_any_case(void **state)
{
    (void)state;
    static const char *const YES[] = {"References", "Citations",       "see also",
                                      "Notes",      "External Links",  "BIBLIOGRAPHY",
                                      "Sources",    "Further reading", "Gallery"};
    static const char *const NO[] = {"", "Reference", "Notes on the race", "Introduction"};
    for (size_t i = 0; i < sizeof YES / sizeof *YES; i++)
        assert_true(ltd_wiki_is_back_matter(YES[i]));
    for (size_t i = 0; i < sizeof NO / sizeof *NO; i++)
        assert_false(ltd_wiki_is_back_matter(NO[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_halves_are_read),
        cmocka_unit_test(a_missing_google_half_is_none),
        cmocka_unit_test(texts_from_the_web_are_kept),
        cmocka_unit_test(megabytes_are_read),
        cmocka_unit_test(ids_are_numbers_or_strings_of_digits),
        cmocka_unit_test(what_is_missing_or_wrong_is_named),
        cmocka_unit_test(reference_entries_are_three_strings),
        cmocka_unit_test(search_pages_have_three_fields),
        cmocka_unit_test(fields_that_nobody_uses_may_be_anything),
        cmocka_unit_test(events_are_found_and_read_from_files),
        cmocka_unit_test(back_matter_is_known_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
