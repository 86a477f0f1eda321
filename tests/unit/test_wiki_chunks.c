#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "trainer/wiki/pages/chunks.h"

/* `n` times `text` with a blank behind each; owned. */
static char *times(int n, const char *text)
{
    ltd_str s = LTD_STR_INIT;
    for (int i = 0; i < n; i++) ltd_str_printf(&s, "%s ", text);
    char *p = ltd_str_take(&s);
    assert_non_null(p);
    return p;
}

static ltd_wiki_chunks *cut(const ltd_wiki_event *event, ltd_wiki_chunking how)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_chunks *c = NULL;
    if (ltd_wiki_chunks_new(&c, event, &how, &err) < 0) fail_msg("%s", err.msg);
    return c;
}

/* Usable pages of one page. */
static int usable(const char *text, size_t len)
{
    ltd_wiki_page page = {.text = text, .len = len};
    ltd_wiki_event event = {.pages = &page, .n_pages = 1};
    ltd_wiki_chunks *c = cut(&event, (ltd_wiki_chunking){.words = 256});
    int n = c->usable;
    assert_int_equal(c->n > 0, n > 0);
    ltd_wiki_chunks_free(c);
    return n;
}

static void pages_are_cut_by_words(void **state)
{
    (void)state;
    char *a = times(60, "a\xc3\xa9"), *b = times(50, "bb");
    ltd_wiki_page pages[] = {{.text = a, .len = strlen(a)},
                             {.text = "too short", .len = 9},
                             {.text = b, .len = strlen(b)}};
    ltd_wiki_event event = {.pages = pages, .n_pages = 3};
    ltd_wiki_chunks *c = cut(&event, (ltd_wiki_chunking){.words = 25});
    static const int DOC[] = {0, 0, 0, 2, 2}, WORDS[] = {25, 25, 10, 25, 25};
    assert_int_equal(c->n, 5);
    assert_int_equal(c->usable, 2);
    assert_ptr_equal(c->event, &event);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(c->chunk[i].id, i);
        assert_int_equal(c->chunk[i].doc, DOC[i]);
        assert_int_equal(c->chunk[i].words, WORDS[i]);
    }
    char *ten = times(10, "a\xc3\xa9");
    ten[strlen(ten) - 1] = 0;
    assert_string_equal(c->chunk[2].text, ten);
    ltd_wiki_chunks_free(c);
    free(a);
    free(b);
    free(ten);
}

static void sources_are_chosen(void **state)
{
    (void)state;
    char *a = times(60, "a"), *b = times(50, "b");
    ltd_wiki_page pages[] = {{.human = true, .text = a, .len = strlen(a)},
                             {.text = b, .len = strlen(b)}};
    ltd_wiki_event event = {.pages = pages, .n_pages = 2, .n_human = 1};
    static const struct {
        ltd_wiki_sources sources;
        int n;
        char first;
    } CASES[] = {{LTD_WIKI_MIXED, 2, 'a'}, {LTD_WIKI_HUMAN, 1, 'a'}, {LTD_WIKI_SEARCH, 1, 'b'}};
    for (int i = 0; i < 3; i++) {
        ltd_wiki_chunks *c =
            cut(&event, (ltd_wiki_chunking){.words = 256, .sources = CASES[i].sources});
        assert_int_equal(c->n, CASES[i].n);
        assert_int_equal(c->chunk[0].text[0], CASES[i].first);
        ltd_wiki_chunks_free(c);
    }
    free(a);
    free(b);
}

static void rubbish_is_left_out(void **state)
{
    (void)state;
    char *text = times(50, "word");
    assert_int_equal(usable(text, strlen(text)), 1);
    assert_int_equal(usable(text, strlen(text) - 5), 0); /* 49 words */
    /* 250 characters: 5 are 2 %, 6 are more. */
    for (int i = 0; i < 5; i++) text[10 * i] = '\x01';
    assert_int_equal(usable(text, strlen(text)), 1);
    text[60] = 0; /* NUL is a control character like any other */
    assert_int_equal(usable(text, 250), 0);
    free(text);
    assert_int_equal(usable("", 0), 0);
    assert_int_equal(usable("Access Denied", 13), 0);
    char *binary = times(100, "\xef\xbf\xbd\x01 \xef\xbf\xbd");
    assert_int_equal(usable(binary, strlen(binary)), 0);
    free(binary);
    char *lines = times(100, "a\tb\r\n");
    assert_int_equal(usable(lines, strlen(lines)), 1); /* white space is no rubbish */
    free(lines);
    char *bytes = times(100, "\xff\xfe");
    assert_int_equal(usable(bytes, strlen(bytes)), 0); /* neither is it UTF-8 */
    free(bytes);
}

static void a_chunk_is_a_string_without_nul(void **state)
{
    (void)state;
    char *text = times(100, "word");
    text[1] = 0;
    ltd_wiki_page page = {.text = text, .len = 500};
    ltd_wiki_event event = {.pages = &page, .n_pages = 1};
    ltd_wiki_chunks *c = cut(&event, (ltd_wiki_chunking){.words = 2});
    assert_string_equal(c->chunk[0].text, "w\xef\xbf\xbdrd word");
    ltd_wiki_chunks_free(c);
    c = cut(&event, (ltd_wiki_chunking){.words = 2, .ascii = true});
    assert_string_equal(c->chunk[0].text, "wrd word");
    ltd_wiki_chunks_free(c);
    free(text);
}

static void all_but_ascii_is_left_out_when_asked(void **state)
{
    (void)state;
    char *text = times(50, "caf\xc3\xa9\xc2\xa0\xe2\x80\x94 d\x7f");
    ltd_wiki_page page = {.text = text, .len = strlen(text)};
    ltd_wiki_event event = {.pages = &page, .n_pages = 1};
    ltd_wiki_chunks *c = cut(&event, (ltd_wiki_chunking){.words = 2, .ascii = true});
    assert_int_equal(c->n, 50);
    for (int i = 0; i < c->n; i++) assert_string_equal(c->chunk[i].text, "caf d");
    ltd_wiki_chunks_free(c);
    free(text);
}

/* A script without spaces: characters are not cut, nothing is lost, no chunk is too long. */
static void bytes_bound_a_chunk(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    for (int i = 0; i < 50; i++) ltd_str_puts(&s, "w ");
    for (int i = 0; i < 1000; i++) ltd_str_puts(&s, "\xe6\xb0\xb4");
    ltd_wiki_page page = {.text = ltd_str_text(&s), .len = s.len};
    ltd_wiki_event event = {.pages = &page, .n_pages = 1};
    ltd_wiki_chunks *c = cut(&event, (ltd_wiki_chunking){.words = 256, .bytes = 100});
    size_t water = 0, w = 0;
    for (int i = 0; i < c->n; i++) {
        const char *text = c->chunk[i].text;
        assert_true(strlen(text) <= 100 && strlen(text) > 0);
        for (const char *p = text; *p; p += *p == '\xe6' ? 3 : 1) {
            water += *p == '\xe6';
            w += *p == 'w';
            assert_true(*p == 'w' || *p == ' ' || !memcmp(p, "\xe6\xb0\xb4", 3));
        }
    }
    assert_int_equal(water, 1000);
    assert_int_equal(w, 50);
    assert_int_equal(c->n, 1 + 31); /* 50 words are 99 bytes; 33 characters a piece of the rest */
    ltd_wiki_chunks_free(c);
    c = cut(&event, (ltd_wiki_chunking){.words = 256, .bytes = 2}); /* not even a character */
    assert_int_equal(c->n, 50 + 1000);
    assert_string_equal(c->chunk[1049].text, "\xe6\xb0\xb4");
    ltd_wiki_chunks_free(c);
    ltd_str_fini(&s);
}

static void glued_text_stays_one_word(void **state)
{
    (void)state;
    char *text = times(50, "app.SkipTo");
    ltd_wiki_page page = {.text = text, .len = strlen(text)};
    ltd_wiki_event event = {.pages = &page, .n_pages = 1};
    ltd_wiki_chunks *c = cut(&event, (ltd_wiki_chunking){.words = 256, .bytes = 21});
    assert_int_equal(c->n, 25);
    assert_string_equal(c->chunk[24].text, "app.SkipTo app.SkipTo");
    ltd_wiki_chunks_free(c);
    free(text);
}

static void no_pages_give_no_chunks(void **state)
{
    (void)state;
    ltd_wiki_event event = {0};
    ltd_wiki_chunks *c = cut(&event, (ltd_wiki_chunking){.words = 1});
    assert_int_equal(c->n, 0);
    assert_int_equal(c->usable, 0);
    ltd_wiki_chunks_free(c);
    ltd_wiki_chunks_free(NULL);
    ltd_err err = LTD_ERR_INIT;
    c = NULL;
    assert_int_equal(ltd_wiki_chunks_new(&c, &event, &(ltd_wiki_chunking){0}, &err), LTD_EINVAL);
    assert_int_equal(
        ltd_wiki_chunks_new(&c, &event, &(ltd_wiki_chunking){.words = 1, .bytes = -1}, &err),
        LTD_EINVAL);
    assert_null(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_cut_by_words),
        cmocka_unit_test(sources_are_chosen),
        cmocka_unit_test(rubbish_is_left_out),
        cmocka_unit_test(a_chunk_is_a_string_without_nul),
        cmocka_unit_test(all_but_ascii_is_left_out_when_asked),
        cmocka_unit_test(bytes_bound_a_chunk),
        cmocka_unit_test(glued_text_stays_one_word),
        cmocka_unit_test(no_pages_give_no_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
