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
#include "tests/support/golden.h"
#include "tests/support/sample.h"
#include "trainer/wiki/pages/stats.h"

static void write_file(const char *root, const char *name, const char *text)
{
    ltd_err err = LTD_ERR_INIT;
    char path[256];
    snprintf(path, sizeof path, "%s/data/%s", root, name);
    if (ltd_file_mkdirs_for(path, &err) < 0 || ltd_file_write(path, text, strlen(text), &err) < 0)
        fail_msg("%s", err.msg);
}

static void remove_all(const char *root)
{
    static const char *const NAMES[] = {"/data/wiki/1.json", "/data/wiki/2.json",
                                        "/data/google/1.json"};
    static const char *const FOLDERS[] = {"/data/wiki", "/data/google", "/data", ""};
    char path[256];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", root, NAMES[i]);
        assert_int_equal(unlink(path), 0);
    }
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", root, FOLDERS[i]);
        assert_int_equal(rmdir(path), 0);
    }
}

static void spread_is(const ltd_wiki_stats *s, ltd_wiki_stat row, int n, double min, double median,
                      double max, double mean)
{
    const ltd_wiki_spread *p = &s->spread[row];
    assert_int_equal(p->n, n);
    const double got[] = {p->min, p->median, p->max, p->mean},
                 expected[] = {min, median, max, mean};
    for (int i = 0; i < 4; i++)
        if (!(fabs(got[i] - expected[i]) < 1e-9))
            fail_msg("row %d, value %d: %.9g, expected %.9g", (int)row, i, got[i], expected[i]);
}

/* Two events: 60 + 10 words by editors and 55 + 3 found, and nothing at all. */
static void make_events(const char *root)
{
    ltd_str one = LTD_STR_INIT, google = LTD_STR_INIT;
    ltd_str_puts(&one,
                 "{\"id\": 1, \"key\": \"k\", \"url\": \"\", \"text\": \"The ferry sank, a "
                 "ferry burned.\", \"outlines\": [\"A\", \"B\", \"See_also\"], \"info_kv\": {}, "
                 "\"reference\": [[\"\", \"\", \"");
    for (int i = 0; i < 60; i++) ltd_str_puts(&one, "ferry ");
    ltd_str_puts(&one, "\"], [\"\", \"\", \"");
    for (int i = 0; i < 10; i++) ltd_str_puts(&one, "burned "); /* too short a page to count */
    ltd_str_puts(&one, "\"]]}");
    ltd_str_puts(&google, "[{\"title\": \"\", \"link\": \"\", \"text\": \"");
    for (int i = 0; i < 55; i++) ltd_str_puts(&google, "sank ");
    ltd_str_puts(&google, "\"}, {\"title\": \"\", \"link\": \"\", \"text\": \"a b c\"}]");
    write_file(root, "wiki/1.json", ltd_str_text(&one));
    write_file(root, "google/1.json", ltd_str_text(&google));
    write_file(root, "wiki/2.json",
               "{\"id\": 2, \"key\": \"k\", \"url\": \"\", \"text\": \"\", "
               "\"outlines\": [], \"info_kv\": {}, \"reference\": []}");
    ltd_str_fini(&one);
    ltd_str_fini(&google);
}

static void events_are_counted(void **state)
{
    (void)state;
    char root[] = "/tmp/ltd-wiki-stats-XXXXXX";
    assert_non_null(mkdtemp(root));
    make_events(root);
    ltd_wiki_stats s;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_wiki_stats_collect(&s, root, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(s.events, 2);
    assert_int_equal(s.searched, 1);
    assert_int_equal(s.human_pages, 2);
    assert_int_equal(s.search_pages, 2);
    assert_int_equal(s.chunks, 2);
    spread_is(&s, LTD_WIKI_REFERENCE_WORDS, 2, 0, 3, 6, 3);
    spread_is(&s, LTD_WIKI_HEADINGS, 2, 0, 1.5, 3, 1.5);
    spread_is(&s, LTD_WIKI_HEADINGS_KEPT, 2, 0, 1, 2, 1);
    spread_is(&s, LTD_WIKI_HUMAN_PAGES, 2, 0, 1, 2, 1);
    spread_is(&s, LTD_WIKI_HUMAN_WORDS, 2, 0, 35, 70, 35);
    spread_is(&s, LTD_WIKI_HUMAN_PAGE_WORDS, 2, 10, 35, 60, 35);
    spread_is(&s, LTD_WIKI_SEARCH_PAGES, 1, 2, 2, 2, 2);
    spread_is(&s, LTD_WIKI_SEARCH_USABLE, 1, 1, 1, 1, 1);
    spread_is(&s, LTD_WIKI_SEARCH_PAGE_WORDS, 2, 3, 29, 55, 29);
    spread_is(&s, LTD_WIKI_CHUNKS, 2, 0, 1, 2, 1);
    assert_true(s.spread[LTD_WIKI_WIKI_BYTES].max > 500);
    assert_int_equal(s.spread[LTD_WIKI_GOOGLE_BYTES].n, 1);
    /* "ferry" twice and "sank" are there, "burned" only on the page that is too short. */
    spread_is(&s, LTD_WIKI_SUPPORT, 1, 0.75, 0.75, 0.75, 0.75);
    remove_all(root);
    assert_int_equal(ltd_wiki_stats_collect(&s, root, &err), LTD_EIO);
    assert_int_equal(s.events, 2);
}

static void they_are_written(void **state)
{
    (void)state;
    ltd_wiki_stats s = {
        .events = 3, .searched = 2, .human_pages = 9, .search_pages = 8, .chunks = 7};
    s.spread[LTD_WIKI_HEADINGS] = (ltd_wiki_spread){3, 1, 2.5, 3, 40.25, 12345.5, 4000000};
    ltd_str text = LTD_STR_INIT, json = LTD_STR_INIT;
    ltd_wiki_stats_table(&s, &text);
    assert_non_null(
        strstr(ltd_str_text(&text),
               "3 events, 2 with search pages; 9 editors' pages, 8 search pages, 7 chunks\n\n"));
    assert_non_null(strstr(ltd_str_text(&text),
                           "\nheadings                                 3       1    2.50       3"
                           "    40.2   12346 4000000\n"));
    assert_non_null(strstr(ltd_str_text(&text),
                           "\nshare of its words in the pages          0       -       -       -"
                           "       -       -       -\n"));
    for (const char *line = ltd_str_text(&text), *end; (end = strchr(line, '\n')); line = end + 1)
        assert_true(end - line <= 100);
    ltd_json_writer w = ltd_json_writing(&json, 0);
    ltd_wiki_stats_json(&s, NULL, &w);
    ltd_json_doc *doc = NULL;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_json_parse(&doc, "stats", json.data, json.len, &err), 0);
    ltd_json spread = ltd_json_member(ltd_json_root(doc), "spread");
    assert_int_equal(ltd_json_count(spread), LTD_WIKI_STATS);
    double v = 0;
    assert_int_equal(ltd_json_get_f64(ltd_json_member(spread, "headings"), "p75", &v, &err), 0);
    assert_true(v == 40.25);
    assert_int_equal(ltd_json_count(ltd_json_member(spread, "support")), 1); /* n alone */
    ltd_json_free(doc);
    ltd_str_fini(&text);
    ltd_str_fini(&json);
}

/* Sums of the manifest that lies beside the events. */
static void the_sample_has_the_manifest_s_sums(void **state)
{
    (void)state;
    char root[1024], path[1100];
    assert_true(source_path(root, sizeof root, "../shared/wikigen/sample"));
    snprintf(path, sizeof path, "%s/manifest.json", root);
    ltd_file file;
    ltd_json_doc *doc = NULL;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_file_map(&file, path, &err), 0);
    assert_int_equal(ltd_json_parse(&doc, path, file.data, file.size, &err), 0);
    static const char *const KEYS[] = {"human_pages",  "search_pages", "chunks256",   "wiki_bytes",
                                       "google_bytes", "ref_words",    "usable_pages"};
    int64_t sum[6] = {0}, n = (int64_t)ltd_json_count(ltd_json_root(doc));
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < 6; k++) {
            int64_t v = 0;
            ltd_json entry = ltd_json_at(ltd_json_root(doc), (size_t)i);
            assert_int_equal(ltd_json_get_int(entry, KEYS[k], 0, INT32_MAX, &v, &err), 0);
            sum[k] += v;
        }
    ltd_json_free(doc);
    ltd_file_unmap(&file);
    ltd_wiki_stats s;
    if (ltd_wiki_stats_collect(&s, root, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(s.events, n);
    assert_int_equal(s.human_pages, sum[0]);
    assert_int_equal(s.search_pages, sum[1]);
    assert_int_equal(s.chunks, sum[2]);
    static const ltd_wiki_stat MEANS[] = {LTD_WIKI_WIKI_BYTES, LTD_WIKI_GOOGLE_BYTES,
                                          LTD_WIKI_REFERENCE_WORDS};
    for (int k = 0; k < 3; k++)
        assert_true(fabs(s.spread[MEANS[k]].mean - (double)sum[3 + k] / (double)n) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_counted),
        cmocka_unit_test(they_are_written),
        cmocka_unit_test(the_sample_has_the_manifest_s_sums),
    };
    return run_with_sample(tests, NULL, NULL);
}
