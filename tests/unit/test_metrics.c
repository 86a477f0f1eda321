#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "trainer/metrics/metrics.h"
#include "tests/support/temp_dir.h"

static void in_dir(char path[128], const char *name)
{
    snprintf(path, 128, "%s/%s", dir, name);
}

static void holds(const char *name, const char *expected)
{
    char path[128];
    ltd_file f;
    ltd_str s = LTD_STR_INIT;
    in_dir(path, name);
    assert_int_equal(ltd_file_map(&f, path, NULL), 0);
    ltd_str_push(&s, (const char *)f.data, f.size);
    ltd_file_unmap(&f);
    assert_string_equal(ltd_str_text(&s), expected);
    ltd_str_fini(&s);
}

static void write_text(const char *name, const char *text)
{
    char path[128];
    in_dir(path, name);
    assert_int_equal(ltd_file_write(path, text, strlen(text), NULL), 0);
}

static ltd_metrics *open_at(int64_t resume_step)
{
    ltd_metrics *m;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_metrics_open(&m, dir, resume_step, &err) < 0) fail_msg("%s", err.msg);
    return m;
}

static void rows(ltd_metrics *m, int64_t from, int64_t to)
{
    for (int64_t step = from; step <= to; step++) {
        ltd_err err = LTD_ERR_INIT;
        ltd_metrics_set(m, "a", (double)step / 10);
        if (step % 2 == 0) ltd_metrics_set(m, "train/b", 2);
        if (ltd_metrics_write(m, step, &err) < 0) fail_msg("%s", err.msg);
    }
}

static void rows_go_to_both_files(void **state)
{
    (void)state;
    ltd_metrics *m = open_at(-1);
    ltd_metrics_declare(m, "a");
    ltd_metrics_declare(m, "train/b");
    assert_true(isnan(ltd_metrics_get(m, "a")));
    rows(m, 1, 2);
    ltd_metrics_set(m, "a", 5);
    ltd_metrics_set(m, "a", NAN);
    assert_int_equal(ltd_metrics_write(m, 3, NULL), 0);
    assert_true(isnan(ltd_metrics_get(m, "a")));
    assert_true(ltd_metrics_get(m, "train/b") == 2);
    assert_true(isnan(ltd_metrics_get(m, "c")));
    ltd_metrics_close(m);
    holds("metrics.csv", "step,a,train/b\n1,0.1,\n2,0.2,2\n3,nan,\n");
    holds("metrics.jsonl", "{\"step\": 1, \"a\": 0.1}\n{\"step\": 2, \"a\": 0.2, \"train/b\": 2}\n"
                           "{\"step\": 3, \"a\": null}\n");
    ltd_metrics_close(NULL);
}

static void a_key_that_comes_late_widens_the_header(void **state)
{
    (void)state;
    ltd_metrics *m = open_at(-1);
    rows(m, 1, 1);
    ltd_metrics_set(m, "late", 7);
    rows(m, 2, 2);
    rows(m, 3, 3);
    ltd_metrics_close(m);
    holds("metrics.csv", "step,a,late,train/b\n1,0.1,,\n2,0.2,7,2\n3,0.3,,\n");
}

static void a_resumed_run_drops_what_it_does_again(void **state)
{
    (void)state;
    ltd_metrics *m = open_at(-1);
    rows(m, 1, 6);
    ltd_metrics_close(m);
    /* killed in the middle of a line */
    char path[128];
    in_dir(path, "metrics.csv");
    FILE *f = fopen(path, "a");
    fputs("7,0.", f);
    fclose(f);
    m = open_at(4);
    ltd_metrics_set(m, "new", 1); /* another order of keys, and one more */
    ltd_metrics_set(m, "train/b", 9);
    assert_int_equal(ltd_metrics_write(m, 5, NULL), 0);
    rows(m, 6, 6);
    ltd_metrics_close(m);
    holds("metrics.csv", "step,a,train/b,new\n1,0.1,,\n2,0.2,2,\n3,0.3,,\n4,0.4,2,\n5,,9,1\n"
                         "6,0.6,2,\n");
    holds("metrics.jsonl", "{\"step\": 1, \"a\": 0.1}\n{\"step\": 2, \"a\": 0.2, \"train/b\": 2}\n"
                           "{\"step\": 3, \"a\": 0.3}\n{\"step\": 4, \"a\": 0.4, \"train/b\": 2}\n"
                           "{\"step\": 5, \"new\": 1, \"train/b\": 9}\n"
                           "{\"step\": 6, \"train/b\": 2, \"a\": 0.6}\n");
    m = open_at(100); /* nothing to drop */
    rows(m, 101, 101);
    ltd_metrics_close(m);
    m = open_at(0); /* everything */
    ltd_metrics_close(m);
    holds("metrics.csv", "step,a,train/b,new\n");
    holds("metrics.jsonl", "");
    m = open_at(-1);
    ltd_metrics_close(m);
    holds("metrics.csv", "");
}

/* --- event files --- */

static int by_name(const struct dirent *e)
{
    return strncmp(e->d_name, "events.out.tfevents.", 20) == 0;
}

static uint64_t le(const uint8_t *p, int n)
{
    uint64_t v = 0;
    for (int i = n; i-- > 0;) v = v << 8 | p[i];
    return v;
}

/* What the last record of file `i`, of `files` that must be there, holds beyond wall time. */
static size_t last_event(int i, int files, int records, uint8_t ret[256])
{
    struct dirent **e;
    char path[128 + sizeof e[0]->d_name];
    ltd_file f;
    int n = scandir(dir, &e, by_name, alphasort);
    assert_int_equal(n, files);
    snprintf(path, sizeof path, "%s/%s", dir, e[i]->d_name);
    for (int k = 0; k < n; k++) free(e[k]);
    free(e);
    assert_int_equal(ltd_file_map(&f, path, NULL), 0);
    size_t at = 0, size = 0;
    for (; at < f.size; records--) {
        size = le(f.data + at, 8);
        assert_true(f.size - at >= 16 + size && size > 9 && size - 9 <= 256);
        assert_int_equal(f.data[at + 12], 1 << 3 | 1); /* field 1, a double */
        memcpy(ret, f.data + at + 12 + 9, size - 9);
        at += 16 + size;
    }
    assert_int_equal(at, f.size);
    assert_int_equal(records, 0);
    ltd_file_unmap(&f);
    return size - 9;
}

static void event_files_follow_each_other(void **state)
{
    (void)state;
    uint8_t e[256];
    char command[128];
    snprintf(command, sizeof command, "rm -f %s/*", dir);
    assert_int_equal(system(command), 0);
    ltd_metrics *m = open_at(-1);
    static const uint8_t start[] = {2 << 3, 0, 7 << 3 | 2, 2, 1 << 3, 1};
    assert_int_equal(last_event(0, 1, 2, e), sizeof start);
    assert_memory_equal(e, start, sizeof start);
    ltd_metrics_set(m, "a/b", 0.5);
    ltd_metrics_close(m);
    m = open_at(-1);
    ltd_metrics_declare(m, "unset");
    ltd_metrics_set(m, "a/b", 0.5);
    assert_int_equal(ltd_metrics_write(m, 300, NULL), 0);
    ltd_metrics_close(m);
    static const uint8_t row[] = {2 << 3, 0xac, 2,   5 << 3 | 2, 12, 1 << 3 | 2, 10, 1 << 3 | 2, 3,
                                  'a',    '/',  'b', 2 << 3 | 5, 0,  0,          0,  0x3f};
    assert_int_equal(last_event(1, 2, 3, e), sizeof row);
    assert_memory_equal(e, row, sizeof row);
    m = open_at(300); /* takes back 301 and later */
    ltd_metrics_close(m);
    static const uint8_t again[] = {2 << 3, 0xad, 2, 7 << 3 | 2, 2, 1 << 3, 1};
    assert_int_equal(last_event(2, 3, 2, e), sizeof again);
    assert_memory_equal(e, again, sizeof again);
}

static void files_that_are_no_metrics_are_refused(void **state)
{
    (void)state;
    ltd_metrics *m = (ltd_metrics *)1;
    ltd_err err = LTD_ERR_INIT;
    write_text("metrics.csv", "hello\n1,2\n");
    assert_int_equal(ltd_metrics_open(&m, dir, 5, &err), LTD_EFORMAT);
    assert_null(m);
    assert_non_null(strstr(err.msg, "metrics.csv:1: the header doesn't begin with 'step'"));
    write_text("metrics.csv", "step,a\n1,2\nx,3\n");
    assert_int_equal(ltd_metrics_open(&m, dir, 5, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "metrics.csv:3: is no row of metrics"));
    write_text("metrics.csv", "step,a\n1,2\n");
    write_text("metrics.jsonl", "{\"step\": 1}\n[]\n");
    assert_int_equal(ltd_metrics_open(&m, dir, 5, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "metrics.jsonl:2: is no row of metrics"));
    holds("metrics.jsonl", "{\"step\": 1}\n[]\n");
    assert_int_equal(ltd_metrics_open(&m, "/nonexistent", -1, &err), LTD_EIO);
}

static void keys_that_cannot_be_are_reported_by_the_next_write(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a,b", "a b", "step", "a\"b", "a\nb"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ltd_metrics *m;
        ltd_err err = LTD_ERR_INIT;
        assert_int_equal(ltd_metrics_new(&m, &err), 0);
        ltd_metrics_set(m, bad[i], 1);
        assert_int_equal(ltd_metrics_write(m, 1, &err), LTD_EINVAL);
        ltd_metrics_close(m);
    }
    ltd_metrics *m;
    assert_int_equal(ltd_metrics_new(&m, NULL), 0);
    char key[32];
    for (int i = 0; i < LTD_METRICS_MAX_KEYS; i++) {
        snprintf(key, sizeof key, "k%d", i);
        ltd_metrics_set(m, key, i);
    }
    assert_int_equal(ltd_metrics_write(m, 1, NULL), 0);
    assert_int_equal(ltd_metrics_write(m, 0, NULL), LTD_EINVAL); /* backwards */
    ltd_metrics_set(m, "one more", 1);
    assert_int_equal(ltd_metrics_write(m, 2, NULL), LTD_EINVAL);
    ltd_metrics_close(m);
}

typedef struct counter {
    ltd_metrics_sink sink;
    int *written, *freed;
} counter;

static int count_row(ltd_metrics_sink *sink, const ltd_metrics_row *row, ltd_err *err)
{
    (void)err;
    *((counter *)sink)->written += (int)row->n;
    return LTD_OK;
}

static void count_free(ltd_metrics_sink *sink)
{
    ++*((counter *)sink)->freed;
    free(sink);
}

static void sinks_are_taken(void **state)
{
    (void)state;
    ltd_metrics *m;
    int written = 0, freed = 0, rc = 0, added = 0;
    assert_int_equal(ltd_metrics_new(&m, NULL), 0);
    while (rc == 0) {
        counter *c = ltd_mem_zeros(1, sizeof *c);
        *c = (counter){{count_row, count_free}, &written, &freed};
        rc = ltd_metrics_add(m, &c->sink, NULL);
        added++;
    }
    assert_int_equal(rc, LTD_EINVAL);
    assert_int_equal(freed, 1);
    ltd_metrics_set(m, "x", 1);
    assert_int_equal(ltd_metrics_write(m, 1, NULL), 0);
    assert_int_equal(written, added - 1);
    ltd_metrics_close(m);
    assert_int_equal(freed, added);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_go_to_both_files),
        cmocka_unit_test(a_key_that_comes_late_widens_the_header),
        cmocka_unit_test(a_resumed_run_drops_what_it_does_again),
        cmocka_unit_test(event_files_follow_each_other),
        cmocka_unit_test(files_that_are_no_metrics_are_refused),
        cmocka_unit_test(keys_that_cannot_be_are_reported_by_the_next_write),
        cmocka_unit_test(sinks_are_taken),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
