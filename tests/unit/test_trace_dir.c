/* Records on disk: what is read is what was written, part after part; what is damaged, or was
 * recorded otherwise, is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "tests/support/made_trace.h"
#include "trainer/records/trace_dir.h"

static char folder[] = "/tmp/ltd-trace-XXXXXX";
static ltd_trace made, got;
static ltd_err err;

static const char *part(int i)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/part-%06d.h5", folder, i);
    return path;
}

static void clean(void)
{
    ltd_trace_fini(&got);
    for (int i = 0; i < 4; i++) unlink(part(i));
}

static int setup(void **state)
{
    (void)state;
    made_trace(&made, 4, 5, 700, 4);
    strcpy(made.model_hash, "a model's");
    strcpy(made.head_hash, "a head's");
    made.end[made.n_ends++] = 3;
    made.end[made.n_ends++] = 5;
    for (int32_t i = 0; i < made.n; i++) made.text[i].question_id = 100 - i;
    made.text[2].positions = 0; /* an answer of one token */
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    clean();
    ltd_trace_fini(&made);
    return rmdir(folder);
}

static void write_part(int32_t texts, int32_t first, int32_t number)
{
    ltd_trace some = made;
    some.n = texts;
    if (ltd_trace_dir_add(&some, first, folder, "identity", number, &err) < 0)
        fail_msg("%s", err.msg);
}

static void what_is_read_is_what_was_written(void **state)
{
    (void)state;
    int32_t parts = -1;
    assert_int_equal(ltd_trace_dir_load(&got, folder, "identity", &parts, &err), LTD_OK);
    assert_int_equal(parts, 0);
    assert_int_equal(got.n, 0);
    write_part(2, 0, 0);
    write_part(5, 2, 1);
    write_part(5, 5, 2); /* nothing: no part */
    if (ltd_trace_dir_load(&got, folder, "identity", &parts, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(parts, 2);
    assert_int_equal(got.n, made.n);
    assert_int_equal(got.top_k, made.top_k);
    assert_int_equal(got.max_forwards, made.max_forwards);
    assert_int_equal(got.n_ends, 2);
    assert_int_equal(got.end[1], 5);
    assert_string_equal(got.model_hash, made.model_hash);
    assert_string_equal(got.head_hash, made.head_hash);
    for (int32_t i = 0; i < got.n; i++) {
        const ltd_trace_text *a = &got.text[i], *b = &made.text[i];
        size_t rows = (size_t)b->positions * (size_t)ltd_trace_rows(&made);
        assert_string_equal(a->task, b->task);
        assert_int_equal(a->question_id, b->question_id);
        assert_int_equal(a->prompt, b->prompt);
        assert_int_equal(a->positions, b->positions);
        assert_int_equal(a->n, b->n);
        assert_memory_equal(a->token, b->token, (size_t)b->n * sizeof *b->token);
        if (!rows) continue;
        assert_memory_equal(a->draft_token, b->draft_token, rows * sizeof *b->draft_token);
        assert_memory_equal(a->draft_logp, b->draft_logp, rows * sizeof *b->draft_logp);
    }
    clean();
}

static void refused(int code, const char *identity, const char *words)
{
    int32_t parts;
    ltd_trace_fini(&got);
    int rc = ltd_trace_dir_load(&got, folder, identity, &parts, &err);
    if (rc != code || !strstr(err.msg, words) || !strstr(err.msg, folder))
        fail_msg("%s: '%s', expected '%s'", ltd_status_name(rc), err.msg, words);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    ltd_file file;
    write_part(2, 0, 0);
    refused(LTD_EINVAL, "another", "recorded with 'identity', expected 'another'");
    strcpy(made.head_hash, "another head's");
    write_part(3, 2, 1);
    strcpy(made.head_hash, "a head's");
    refused(LTD_EINVAL, "identity", "another model or head than the texts before");
    made.text[3].prompt = 0;
    write_part(4, 3, 1);
    made.text[3].prompt = MADE_TRACE_PROMPT;
    refused(LTD_EFORMAT, "identity", "a text of impossible length");
    write_part(4, 3, 1);
    assert_int_equal(ltd_file_map(&file, part(1), &err), 0);
    char *bytes = malloc(file.size);
    size_t size = file.size;
    memcpy(bytes, file.data, size);
    ltd_file_unmap(&file);
    bytes[size / 2] ^= 1;
    assert_int_equal(ltd_file_write(part(1), bytes, size, &err), 0);
    refused(LTD_EFORMAT, "identity", "damaged");
    free(bytes);
    clean();
}

/* Drafted tokens repeat: compressed they take a fraction of their room. */
static void parts_are_compressed(void **state)
{
    (void)state;
    ltd_file file;
    write_part(5, 0, 0);
    size_t plain = 0;
    for (int32_t i = 0; i < made.n; i++)
        plain += (size_t)made.text[i].positions * (size_t)ltd_trace_rows(&made) * 8;
    assert_int_equal(ltd_file_map(&file, part(0), &err), 0);
    assert_true(file.size < plain * 6 / 10);
    ltd_file_unmap(&file);
    clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_what_was_written),
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
        cmocka_unit_test(parts_are_compressed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
