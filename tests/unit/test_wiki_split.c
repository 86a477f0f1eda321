#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/golden.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wiki_files.h"
#include "trainer/wiki/pages/split.h"

/* Events are known by the names of their files; nothing of them is read. */
static void make_events(const char *name, int n)
{
    char path[64], root[160];
    snprintf(root, sizeof root, "%s/%s", dir, name);
    for (int i = 1; i <= n; i++) {
        snprintf(path, sizeof path, "data/wiki/%d.json", i);
        write_text(root, path, "{}");
    }
}

static int split_of(const char *name, ltd_wiki_split *s, ltd_err *err)
{
    char root[160];
    snprintf(root, sizeof root, "%s/%s", dir, name);
    return ltd_wiki_split_of(s, root, err);
}

static void part_is(const ltd_wiki_split *s, ltd_wiki_part_of part, const char *expected)
{
    char text[256] = "";
    for (int32_t i = 0; i < s->part[part].n; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%lld", i ? " " : "",
                 (long long)s->part[part].id[i]);
    assert_string_equal(text, expected);
}

/* printf '%d' $i | sha1sum, sorted. */
static void ids_are_ordered_by_their_hash(void **state)
{
    (void)state;
    ltd_wiki_split s;
    ltd_err err = LTD_ERR_INIT;
    make_events("ten", 10);
    assert_int_equal(split_of("ten", &s, &err), LTD_OK);
    /* 9 (0ade), 4 (1b64), 1 (356a), 3 (77de), 7 (902b), 5 (ac34), 10 (b1d5), 6 (c1df), 2 (da4b),
     * 8 (fe5d): of ten 7 to train with, the last of them to validate. */
    part_is(&s, LTD_WIKI_TRAIN, "9 4 1 3 7 5");
    part_is(&s, LTD_WIKI_VALID, "10");
    part_is(&s, LTD_WIKI_EVAL, "6 2 8");
    part_is(&s, LTD_WIKI_FINAL, "");
    ltd_wiki_split_fini(&s);
}

/* However few there are, some are left to test with, and none stands twice. */
static void parts_are_disjoint_and_whole(void **state)
{
    (void)state;
    for (int n = 1; n <= 40; n++) {
        char name[16];
        ltd_wiki_split s;
        ltd_err err = LTD_ERR_INIT;
        int seen[41] = {0}, sum = 0;
        snprintf(name, sizeof name, "n%d", n);
        make_events(name, n);
        assert_int_equal(split_of(name, &s, &err), LTD_OK);
        for (int p = 0; p < LTD_WIKI_SPLITS; p++)
            for (int32_t i = 0; i < s.part[p].n; i++, sum++)
                assert_int_equal(seen[s.part[p].id[i]]++, 0);
        assert_int_equal(sum, n);
        assert_int_equal(s.part[LTD_WIKI_TRAIN].n + s.part[LTD_WIKI_VALID].n, 3 * n / 4);
        int train = 3 * n / 4; /* two are enough to choose by one of them */
        assert_int_equal(s.part[LTD_WIKI_VALID].n, train >= 5 ? train / 5 : train > 1);
        ltd_wiki_split_fini(&s);
    }
}

static void the_sample_has_30_to_train_with(void **state)
{
    (void)state;
    char root[512];
    ltd_wiki_split s;
    ltd_err err = LTD_ERR_INIT;
    assert_true(source_path(root, sizeof root, "../shared/wikigen/sample"));
    assert_int_equal(ltd_wiki_split_of(&s, root, &err), LTD_OK);
    assert_int_equal(s.part[LTD_WIKI_TRAIN].n, 24);
    assert_int_equal(s.part[LTD_WIKI_VALID].n, 6);
    assert_int_equal(s.part[LTD_WIKI_EVAL].n, 10);
    ltd_wiki_split_fini(&s);
}

static void a_file_says_it_itself(void **state)
{
    (void)state;
    char root[160];
    ltd_wiki_split s;
    ltd_err err = LTD_ERR_INIT;
    make_events("file", 10);
    snprintf(root, sizeof root, "%s/file", dir);
    write_text(root, "split.json",
               "{\"train\": [5, 4, 3, 2, 1], \"eval\": [9, 7], \"final\": [10], \"note\": \"x\"}");
    assert_int_equal(split_of("file", &s, &err), LTD_OK);
    part_is(&s, LTD_WIKI_TRAIN, "5 4 3 2");
    part_is(&s, LTD_WIKI_VALID, "1");
    part_is(&s, LTD_WIKI_EVAL, "9 7");
    part_is(&s, LTD_WIKI_FINAL, "10");
    ltd_wiki_split_fini(&s);
    write_text(root, "split.json", "{\"train\": [5, 4, 3, 2, 1], \"valid\": [8], \"eval\": [9]}");
    assert_int_equal(split_of("file", &s, &err), LTD_OK);
    part_is(&s, LTD_WIKI_TRAIN, "5 4 3 2 1");
    part_is(&s, LTD_WIKI_VALID, "8");
    ltd_wiki_split_fini(&s);
}

static void a_broken_file_is_refused(void **state)
{
    (void)state;
    static const char *const broken[][2] = {{"", "split.json"},
                                            {"{\"train\": [1", "split.json"},
                                            {"[1, 2]", "object"},
                                            {"{\"train\": 1}", "'train'"},
                                            {"{\"train\": [\"x\"]}", "train"},
                                            {"{\"eval\": [1, 1]}", "event 1 stands there twice"},
                                            {"{\"train\": [1], \"eval\": [1]}", "twice"},
                                            {"{\"train\": [11]}", "event 11 is not in data/wiki"}};
    char root[160];
    make_events("file", 10);
    snprintf(root, sizeof root, "%s/file", dir);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        ltd_wiki_split s = {0};
        ltd_err err = LTD_ERR_INIT;
        write_text(root, "split.json", broken[i][0]);
        int rc = split_of("file", &s, &err);
        if (rc != LTD_EFORMAT) fail_msg("'%s': %d, expected EFORMAT", broken[i][0], rc);
        if (!strstr(err.msg, broken[i][1])) fail_msg("'%s' is not in '%s'", broken[i][1], err.msg);
        for (int p = 0; p < LTD_WIKI_SPLITS; p++) assert_null(s.part[p].id);
    }
    ltd_wiki_split s;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(split_of("none", &s, &err), LTD_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_ordered_by_their_hash),
        cmocka_unit_test(parts_are_disjoint_and_whole),
        cmocka_unit_test(a_file_says_it_itself),
        cmocka_unit_test(a_broken_file_is_refused),
        cmocka_unit_test(the_sample_has_30_to_train_with),
    };
    return run_with_sample(tests, make_dir, remove_dir);
}
