/* Conversations in a folder: what was saved comes back, what was not is absent, and what is damaged
 * or another's is refused by name. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/rng.h"
#include "trainer/distill/store.h"

enum { MOST = 300 };

static char dir[] = "/tmp/ltd-store-XXXXXX";
static int folders;
static ltd_err err;
static ltd_rng rng;

static int setup(void **state)
{
    (void)state;
    ltd_rng_seed(&rng, 4, LTD_STREAM_TEST);
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static void new_folder(char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%d/data", dir, folders++);
}

/* Of a number: always the same. */
static ltd_conversation make(uint64_t number, int32_t token[MOST])
{
    ltd_rng r;
    ltd_rng_seed(&r, number, LTD_STREAM_TEST);
    ltd_conversation c = {.number = number, .token = token};
    c.n = (int32_t)ltd_rng_below(&r, MOST);
    c.answer = (int32_t)ltd_rng_below(&r, (uint64_t)c.n + 1);
    c.greedy = ltd_rng_below(&r, 2);
    c.ended = ltd_rng_below(&r, 2);
    for (int32_t i = 0; i < c.n; i++) token[i] = (int32_t)ltd_rng_below(&r, 150000);
    return c;
}

static ltd_store *open_store(const char *folder)
{
    ltd_store *s;
    if (ltd_store_open(&s, folder, "model a, seed 1", "", 0, &err) < 0) fail_msg("%s", err.msg);
    return s;
}

static void add(ltd_store *s, uint64_t number)
{
    int32_t token[MOST];
    ltd_conversation c = make(number, token);
    if (ltd_store_add(s, &c, &err) < 0) fail_msg("%s", err.msg);
}

/* Exactly these numbers, ascending, with what belongs to them. */
static void check(const ltd_store *s, const uint64_t *number, size_t n)
{
    uint64_t answers = 0;
    assert_int_equal(ltd_store_count(s), n);
    for (size_t i = 0; i < n; i++) {
        int32_t token[MOST];
        ltd_conversation got = ltd_store_at(s, i), want = make(number[i], token);
        assert_true(ltd_store_has(s, number[i]));
        assert_int_equal(got.number, want.number);
        assert_int_equal(got.n, want.n);
        assert_int_equal(got.answer, want.answer);
        assert_int_equal(got.greedy, want.greedy);
        assert_int_equal(got.ended, want.ended);
        assert_memory_equal(got.token, token, (size_t)want.n * sizeof *token);
        answers += (uint64_t)(want.n - want.answer);
    }
    assert_int_equal(ltd_store_answer_tokens(s), answers);
}

static void what_was_saved_comes_back_in_order(void **state)
{
    (void)state;
    char folder[PATH_MAX];
    uint64_t all[200];
    int32_t shuffled[200];
    new_folder(folder);
    for (int i = 0; i < 200; i++) all[i] = (uint64_t)(shuffled[i] = 3 * i);
    ltd_rng_shuffle(&rng, shuffled, 200);
    for (int part = 0; part < 4; part++) { /* a run each: the last one saves nothing */
        ltd_store *s = open_store(folder);
        assert_int_equal(ltd_store_count(s), 50 * part);
        for (int i = 50 * part; i < 50 * part + 50; i++) {
            assert_false(ltd_store_has(s, (uint64_t)shuffled[i]));
            add(s, (uint64_t)shuffled[i]);
        }
        if (part < 3) {
            assert_int_equal(ltd_store_save(s, &err), LTD_OK);
            assert_int_equal(ltd_store_save(s, &err), LTD_OK); /* nothing new: no part */
        } else {
            check(s, all, 200);
        }
        ltd_store_free(s);
    }
    ltd_store *s = open_store(folder);
    assert_int_equal(ltd_store_count(s), 150);
    for (int i = 150; i < 200; i++) add(s, (uint64_t)shuffled[i]);
    assert_int_equal(ltd_store_save(s, &err), LTD_OK);
    ltd_store_free(s);
    s = open_store(folder);
    check(s, all, 200);
    assert_false(ltd_store_has(s, 1));
    assert_false(ltd_store_has(s, 1u << 30));
    ltd_store_free(s);
}

static void a_number_is_taken_once(void **state)
{
    (void)state;
    char folder[PATH_MAX];
    int32_t token[MOST];
    new_folder(folder);
    ltd_store *s = open_store(folder);
    add(s, 7);
    ltd_conversation c = make(7, token);
    assert_int_equal(ltd_store_add(s, &c, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "conversation 7 is there already");
    c.number = 8;
    c.answer = c.n + 1;
    assert_int_equal(ltd_store_add(s, &c, &err), LTD_EINVAL);
    check(s, (uint64_t[]){7}, 1);
    ltd_store_free(s);
}

static void parts_of_other_settings_are_refused(void **state)
{
    (void)state;
    char folder[PATH_MAX];
    new_folder(folder);
    ltd_store *s = open_store(folder), *other;
    add(s, 0);
    assert_int_equal(ltd_store_save(s, &err), LTD_OK);
    ltd_store_free(s);
    assert_int_equal(ltd_store_open(&other, folder, "model b, seed 1", "", 0, &err), LTD_EINVAL);
    assert_null(other);
    assert_non_null(strstr(err.msg, "part-000000.h5: made with other settings: found model a, "
                                    "seed 1, expected model b, seed 1"));
}

static void damaged_parts_are_named(void **state)
{
    (void)state;
    char folder[PATH_MAX], path[PATH_MAX + 32];
    new_folder(folder);
    ltd_store *s = open_store(folder);
    for (uint64_t i = 0; i < 20; i++) add(s, i);
    assert_int_equal(ltd_store_save(s, &err), LTD_OK);
    ltd_store_free(s);
    snprintf(path, sizeof path, "%s/part-000000.h5", folder);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, 3000, SEEK_SET);
    int c = fgetc(f);
    fseek(f, 3000, SEEK_SET);
    fputc(c ^ 1, f);
    fclose(f);
    assert_int_equal(ltd_store_open(&s, folder, "model a, seed 1", "", 0, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "part-000000.h5"));
}

enum { WIDTH = 24 };

/* Of a number: always the same. */
static void make_features(uint64_t number, uint16_t *ret)
{
    ltd_rng r;
    ltd_rng_seed(&r, number + 1000, LTD_STREAM_TEST);
    for (int i = 0; i < MOST * WIDTH; i++) ret[i] = (uint16_t)ltd_rng_below(&r, 65536);
}

static ltd_store *open_with_features(const char *folder, const char *taps)
{
    ltd_store *s;
    if (ltd_store_open(&s, folder, "model a, seed 1", taps, WIDTH, &err) < 0)
        fail_msg("%s", err.msg);
    return s;
}

static void add_with_features(ltd_store *s, uint64_t number)
{
    static uint16_t features[MOST * WIDTH];
    int32_t token[MOST];
    ltd_conversation c = make(number, token);
    make_features(number, features);
    c.features = features;
    if (ltd_store_add(s, &c, &err) < 0) fail_msg("%s", err.msg);
}

static void check_features(const ltd_store *s, size_t n)
{
    static uint16_t want[MOST * WIDTH];
    assert_int_equal(ltd_store_count(s), n);
    for (size_t i = 0; i < n; i++) {
        ltd_conversation c = ltd_store_at(s, i);
        if (c.n < 2) continue;
        make_features(c.number, want);
        assert_non_null(c.features);
        assert_memory_equal(c.features, want, ((size_t)c.n - 1) * WIDTH * sizeof *want);
    }
}

static void features_lie_beside_their_tokens(void **state)
{
    (void)state;
    char folder[PATH_MAX];
    new_folder(folder);
    ltd_store *s = open_with_features(folder, "2 4 6");
    for (uint64_t i = 0; i < 60; i++) {
        add_with_features(s, i * 7 % 60);
        if (i % 25 == 24) assert_int_equal(ltd_store_save(s, &err), LTD_OK);
    }
    check_features(s, 60);
    assert_int_equal(ltd_store_save(s, &err), LTD_OK);
    check_features(s, 60);
    ltd_store_free(s);
    s = open_with_features(folder, "2 4 6");
    check_features(s, 60);
    int32_t token[MOST];
    ltd_conversation bare = make(61, token);
    assert_int_equal(ltd_store_add(s, &bare, &err), LTD_EINVAL);
    ltd_store_free(s);
    /* Other taps, and none: the tokens alone. */
    s = open_with_features(folder, "2 4 5");
    assert_null(ltd_store_at(s, 1).features);
    ltd_store_free(s);
    s = open_store(folder);
    assert_null(ltd_store_at(s, 1).features);
    ltd_store_free(s);
}

/* A killed run may leave the features of a part that was never written. */
static void features_without_a_part_are_written_over(void **state)
{
    (void)state;
    char folder[PATH_MAX], part[PATH_MAX + 32];
    new_folder(folder);
    ltd_store *s = open_with_features(folder, "2 4 6");
    for (uint64_t i = 0; i < 9; i++) add_with_features(s, i);
    assert_int_equal(ltd_store_save(s, &err), LTD_OK);
    ltd_store_free(s);
    snprintf(part, sizeof part, "%s/part-000000.h5", folder);
    assert_int_equal(unlink(part), 0);
    s = open_with_features(folder, "2 4 6");
    assert_int_equal(ltd_store_count(s), 0);
    for (uint64_t i = 0; i < 5; i++) add_with_features(s, i);
    assert_int_equal(ltd_store_save(s, &err), LTD_OK);
    ltd_store_free(s);
    s = open_with_features(folder, "2 4 6");
    check_features(s, 5);
    ltd_store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_saved_comes_back_in_order),
        cmocka_unit_test(a_number_is_taken_once),
        cmocka_unit_test(parts_of_other_settings_are_refused),
        cmocka_unit_test(damaged_parts_are_named),
        cmocka_unit_test(features_lie_beside_their_tokens),
        cmocka_unit_test(features_without_a_part_are_written_over),
    };
    return cmocka_run_group_tests_name("store", tests, setup, teardown);
}
