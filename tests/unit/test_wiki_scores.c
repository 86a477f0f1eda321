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
#include "trainer/wiki/score/metrics_json.h"

static const fake_answer answers[] = {
    {"Glass Orchard",
     "==Introduction==\nGlass Orchard is a game.[1] It was made by Petra Voss.[2]"},
    {"", "==Introduction==\nThe race was held in 2031.[1]\n==Race==\nGrey Heron won it.[2][1]"}};
static const int64_t all[] = {900000001, 900000002, 900000003};
enum { EVENTS = 3 };

static char *in_dir(const char *name)
{
    static char path[16][160];
    static int at;
    char *ret = path[at++ % 16];
    snprintf(ret, sizeof path[0], "%s/%s", dir, name);
    return ret;
}

static void run_into(const char *name, const char *decoder, double ms)
{
    fake_author a = {.table = answers, .cancel_at = -1, .ms = ms};
    ltd_wiki_run_options o = {
        .made = {.task = {.method = LTD_WIKI_RR, .profile = ltd_wiki_profile_find("2k")}},
        .out = in_dir(name),
        .ids = {.id = (int64_t *)(uintptr_t)all, .n = EVENTS},
        .author = fake_author_of(&a)};
    ltd_wiki_run_sum sum;
    ltd_err err = LTD_ERR_INIT;
    strcpy(o.made.decoder, decoder);
    snprintf(o.made.root, sizeof o.made.root, "%s", in_dir("data-set"));
    if (ltd_wiki_run(&o, &sum, &err) < 0) fail_msg("%s", err.msg);
    fake_author_fini(&a);
}

static ltd_wiki_scores *score(const char *name)
{
    ltd_wiki_scores *s;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_wiki_scores_new(&s, in_dir(name), in_dir("data-set"), NULL, &err) < 0)
        fail_msg("%s", err.msg);
    return s;
}

static int32_t fresh(const char *name)
{
    ltd_wiki_scores *s = score(name);
    int32_t n = s->fresh;
    assert_int_equal(s->n, EVENTS);
    ltd_wiki_scores_free(s);
    return n;
}

/* Figures are numbers without room between them: NaN, where there is none, is the same NaN. */
static void same_bits(const ltd_wiki_quality *a, const ltd_wiki_quality *b)
{
    size_t n;
    const ltd_wiki_figure *list = ltd_wiki_figure_list(&n);
    assert_true(n > 20);
    for (size_t i = 0; i < n; i++) {
        double x, y;
        memcpy(&x, (const char *)a + list[i].offset, sizeof x);
        memcpy(&y, (const char *)b + list[i].offset, sizeof y);
        if (!(x == y || (x != x && y != y))) fail_msg("%s: %.17g, kept %.17g", list[i].name, x, y);
    }
}

static void an_article_is_scored_once(void **state)
{
    (void)state;
    run_into("ar", "ar", 2);
    ltd_wiki_scores *first = score("ar"), *second = score("ar");
    assert_int_equal(first->n, EVENTS);
    assert_int_equal(first->fresh, EVENTS);
    assert_int_equal(second->fresh, 0);
    assert_int_equal(first->incomplete, 0);
    assert_int_equal(first->sum.calls, EVENTS);
    assert_true(first->mean.rouge1 > 0 && first->mean.rouge1 < 1);
    for (int i = 0; i < EVENTS; i++) {
        assert_int_equal(first->event[i].id, all[i]);
        assert_string_equal(first->event[i].key, second->event[i].key);
        same_bits(&first->event[i].quality, &second->event[i].quality);
    }
    same_bits(&first->mean, &second->mean);
    ltd_wiki_scores_free(first);
    ltd_wiki_scores_free(second);
}

static void what_changed_is_scored_anew(void **state)
{
    (void)state;
    assert_int_equal(fresh("ar"), 0);
    copy_folder(in_dir("ar"), in_dir("changed"));
    assert_int_equal(fresh("changed"), 0);
    change_text(in_dir("changed"), "articles/900000002.json", "Glass Orchard is", "Orchard is");
    assert_int_equal(fresh("changed"), 1);
    assert_int_equal(fresh("changed"), 0);
    /* The event, either half of it. */
    change_text(in_dir("data-set"), "data/wiki/900000003.json", "valley", "dale");
    assert_int_equal(fresh("changed"), 1);
    change_text(in_dir("data-set"), "data/google/900000001.json", "race", "run");
    assert_int_equal(fresh("changed"), 1);
    assert_int_equal(fresh("changed"), 0);
    /* Without it the article shows chunks that the event hasn't got. */
    remove_file(in_dir("data-set"), "data/google/900000001.json");
    ltd_wiki_scores *s;
    ltd_err err = LTD_ERR_INIT;
    assert_true(ltd_wiki_scores_new(&s, in_dir("changed"), in_dir("data-set"), NULL, &err) < 0);
    assert_non_null(strstr(err.msg, "chunk 6, expected 0 to 4"));
    copy_folder(in_dir("untouched"), in_dir("data-set"));
    assert_int_equal(fresh("ar"), 0);
}

/* A kept file in which something is wrong is none. */
static void a_damaged_file_is_scored_anew(void **state)
{
    (void)state;
    static const char *const changes[][2] = {{"{", "["},
                                             {"\"of\": \"", "\"of\": \"x"},
                                             {"\"of\"", "\"off\""},
                                             {"\"rouge1\": ", "\"rouge1\": \"x\", \"other\": "},
                                             {"\"rouge1\"", "\"other\""},
                                             {"\"quality\"", "\"other\""},
                                             {"\"citation_lex\"", "\"other\""}};
    char *whole = read_text(in_dir("ar"), "scores/900000002.json");
    assert_non_null(whole);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        change_text(in_dir("ar"), "scores/900000002.json", changes[i][0], changes[i][1]);
        if (fresh("ar") != 1) fail_msg("'%s' was not found", changes[i][1]);
        char *again = read_text(in_dir("ar"), "scores/900000002.json");
        assert_string_equal(whole, again);
        free(again);
    }
    write_text(in_dir("ar"), "scores/900000002.json", "");
    assert_int_equal(fresh("ar"), 1);
    free(whole);
}

static void incomplete_articles_are_left_out(void **state)
{
    (void)state;
    ltd_wiki_scores *s;
    ltd_err err = LTD_ERR_INIT;
    copy_folder(in_dir("ar"), in_dir("part"));
    for (int i = 0; i < EVENTS; i++) {
        char name[64];
        snprintf(name, sizeof name, "articles/%lld.json", (long long)all[i]);
        change_text(in_dir("part"), name, "\"complete\": true", "\"complete\": false");
        if (i < EVENTS - 1) {
            s = score("part");
            assert_int_equal(s->n, EVENTS - 1 - i);
            assert_int_equal(s->incomplete, i + 1);
            assert_int_equal(s->event[0].id, all[i + 1]);
            assert_int_equal(s->sum.calls, EVENTS - 1 - i);
            ltd_wiki_scores_free(s);
        }
    }
    s = NULL;
    assert_int_equal(ltd_wiki_scores_new(&s, in_dir("part"), in_dir("data-set"), NULL, &err),
                     LTD_EIO);
    assert_non_null(strstr(err.msg, "none of its articles is complete"));
    assert_int_equal(ltd_wiki_scores_new(&s, in_dir("none"), in_dir("data-set"), NULL, &err),
                     LTD_EIO);
    assert_int_equal(ltd_wiki_scores_new(&s, in_dir("ar"), in_dir("none"), NULL, &err), LTD_EIO);
    assert_null(s);
}

/* --- two decoders --- */

static void metrics(const ltd_wiki_scores *s, ltd_str *out)
{
    ltd_wiki_metrics m = {.scores = s};
    ltd_wiki_metrics_json(&m, out);
    assert_false(out->failed);
}

/* What stands from key `from` to before key `to`. */
static char *part_of(const char *text, const char *from, const char *to)
{
    const char *begin = strstr(text, from), *end = begin ? strstr(begin, to) : NULL;
    if (!end) fail_msg("%s ... %s: not there", from, to);
    char *ret = ltd_mem_zeros((size_t)(end - begin) + 1, 1);
    memcpy(ret, begin, (size_t)(end - begin));
    return ret;
}

static void equal_texts_have_equal_figures_of_quality(void **state)
{
    (void)state;
    run_into("fast", "static-2-4", 1);
    ltd_wiki_scores *a = score("ar"), *b = score("fast");
    ltd_str x = LTD_STR_INIT, y = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    bool same = false;
    metrics(a, &x);
    metrics(b, &y);
    char *p = part_of(x.data, "\"quality\"", "\"judge\""),
         *q = part_of(y.data, "\"quality\"", "\"judge\"");
    assert_string_equal(p, q);
    assert_non_null(strstr(p, "\"per_event\""));
    assert_non_null(strstr(p, "\"citation_lex_strict\""));
    free(p);
    free(q);
    p = part_of(x.data, "\"speed\"", "\"lossless\"");
    q = part_of(y.data, "\"speed\"", "\"lossless\"");
    assert_string_not_equal(p, q);
    assert_float_equal(ltd_wiki_tok_s(&a->sum.effort), 500, 1e-9);
    assert_float_equal(ltd_wiki_tok_s(&b->sum.effort), 1000, 1e-9);
    free(p);
    free(q);
    assert_non_null(strstr(y.data, "\"decoder\": \"static-2-4\""));
    assert_non_null(strstr(y.data, "\"lossless\": null"));
    assert_int_equal(ltd_wiki_scores_same(a, b, &same, &err), LTD_OK);
    assert_true(same);
    ltd_str_fini(&x);
    ltd_str_fini(&y);
    ltd_wiki_scores_free(a);
    ltd_wiki_scores_free(b);
}

/* The last digit of any figure, of the mean or of an event. */
static void a_changed_figure_is_found(void **state)
{
    (void)state;
    ltd_wiki_scores *a = score("ar"), *b = score("fast");
    size_t n;
    const ltd_wiki_figure *list = ltd_wiki_figure_list(&n);
    ltd_err err = LTD_ERR_INIT;
    for (int where = -1; where < EVENTS; where++) {
        ltd_wiki_quality *q = where < 0 ? &b->mean : &b->event[where].quality;
        for (size_t i = 0; i < n; i++) {
            bool same = true;
            int64_t bits, was;
            memcpy(&was, (char *)q + list[i].offset, sizeof was);
            double v;
            memcpy(&v, &was, sizeof v);
            bits = was ^ 1;
            if (v != v) v = 0, memcpy(&bits, &v, sizeof bits);
            memcpy((char *)q + list[i].offset, &bits, sizeof bits);
            assert_int_equal(ltd_wiki_scores_same(a, b, &same, &err), LTD_OK);
            if (same) fail_msg("%s was not found", list[i].name);
            memcpy((char *)q + list[i].offset, &was, sizeof was);
        }
    }
    ltd_wiki_scores_free(a);
    ltd_wiki_scores_free(b);
}

static void a_comparison_is_told(void **state)
{
    (void)state;
    ltd_wiki_scores *a = score("ar"), *b = score("fast");
    ltd_wiki_verdict v;
    ltd_str json = LTD_STR_INIT, text = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_wiki_verify(in_dir("ar"), in_dir("fast"), &v, &err), LTD_OK);
    ltd_wiki_metrics m = {.scores = b, .plain = a, .verdict = &v, .same_quality = true};
    ltd_wiki_metrics_json(&m, &json);
    ltd_wiki_metrics_text(&m, &text);
    assert_non_null(strstr(json.data, "\"speedup_vs_ar\": 2"));
    assert_non_null(strstr(json.data, "\"differences\": 0, \"same_quality\": true"));
    assert_non_null(strstr(text.data, "x 2.00 of plain decoding"));
    assert_non_null(strstr(text.data, "3 articles, 3 calls"));
    ltd_str_fini(&json);
    ltd_str_fini(&text);
    ltd_wiki_scores_free(a);
    ltd_wiki_scores_free(b);
}

static int begin(void **state)
{
    char root[512];
    if (!source_path(root, sizeof root, "configs/wiki") || make_dir(state) != 0) return -1;
    copy_folder(root, in_dir("untouched"));
    copy_folder(root, in_dir("data-set"));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_article_is_scored_once), /* which those behind it go on with */
        cmocka_unit_test(what_changed_is_scored_anew),
        cmocka_unit_test(a_damaged_file_is_scored_anew),
        cmocka_unit_test(incomplete_articles_are_left_out),
        cmocka_unit_test(equal_texts_have_equal_figures_of_quality),
        cmocka_unit_test(a_changed_figure_is_found),
        cmocka_unit_test(a_comparison_is_told),
    };
    return cmocka_run_group_tests(tests, begin, remove_dir);
}
