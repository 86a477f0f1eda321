/* GGUF files built in memory, field by field. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "models/files/gguf.h"

/* --- writing the bytes --- */

static void u32(ltd_str *s, uint32_t v)
{
    ltd_str_push(s, (const char *)&v, sizeof v);
}

static void u64(ltd_str *s, uint64_t v)
{
    ltd_str_push(s, (const char *)&v, sizeof v);
}

static void text(ltd_str *s, const char *v)
{
    u64(s, strlen(v));
    ltd_str_puts(s, v);
}

static void header(ltd_str *s, uint64_t n_tensors, uint64_t n_values)
{
    ltd_str_push(s, "GGUF", 4);
    u32(s, 3);
    u64(s, n_tensors);
    u64(s, n_values);
}

static void key(ltd_str *s, const char *name, ltd_gguf_type type)
{
    text(s, name);
    u32(s, type);
}

static void tensor(ltd_str *s, const char *name, uint32_t n_dims, const uint64_t *dims,
                   uint32_t type, uint64_t offset)
{
    text(s, name);
    u32(s, n_dims);
    for (uint32_t i = 0; i < n_dims; i++) u64(s, dims[i]);
    u32(s, type);
    u64(s, offset);
}

static void data(ltd_str *s, size_t bytes)
{
    while (s->len % 32) ltd_str_push(s, "", 1);
    for (size_t i = 0; i < bytes; i++) ltd_str_push(s, "", 1);
}

static int parse(ltd_gguf **file, const ltd_str *s, ltd_err *err)
{
    return ltd_gguf_parse(file, s->data, s->len, "x.gguf", err);
}

/* The bytes must be refused, with `words` in the message. */
static void refused(ltd_str *s, int code, const char *words)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_gguf *file = (ltd_gguf *)s;
    assert_int_equal(parse(&file, s, &err), code);
    assert_null(file);
    if (!strstr(err.msg, words) || !strstr(err.msg, "x.gguf"))
        fail_msg("message is '%s', expected '%s' in it", err.msg, words);
    ltd_str_fini(s);
}

/* --- tests --- */

static void values_are_found_and_typed(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    ltd_gguf *file;
    header(&s, 0, 6);
    key(&s, "z.count", LTD_GGUF_U32);
    u32(&s, 7);
    key(&s, "a.name", LTD_GGUF_STRING);
    text(&s, "smol");
    key(&s, "m.minus", LTD_GGUF_I8);
    ltd_str_push(&s, "\xfe", 1);
    key(&s, "m.flag", LTD_GGUF_BOOL);
    ltd_str_push(&s, "\1", 1);
    key(&s, "m.half", LTD_GGUF_F32);
    float half = 0.5f;
    ltd_str_push(&s, (const char *)&half, sizeof half);
    key(&s, "m.list", LTD_GGUF_ARRAY);
    u32(&s, LTD_GGUF_STRING);
    u64(&s, 2);
    text(&s, "");
    text(&s, "yz");
    assert_int_equal(parse(&file, &s, NULL), LTD_OK);

    int64_t whole = -1;
    double number = 0;
    bool flag = false;
    ltd_gguf_string string;
    assert_int_equal(ltd_gguf_get_i64(file, "z.count", &whole, NULL), LTD_OK);
    assert_int_equal(whole, 7);
    assert_int_equal(ltd_gguf_get_i64(file, "m.minus", &whole, NULL), LTD_OK);
    assert_int_equal(whole, -2);
    assert_int_equal(ltd_gguf_get_f64(file, "m.half", &number, NULL), LTD_OK);
    assert_true(number == 0.5);
    assert_int_equal(ltd_gguf_get_f64(file, "z.count", &number, NULL), LTD_OK);
    assert_true(number == 7);
    assert_int_equal(ltd_gguf_get_bool(file, "m.flag", &flag, NULL), LTD_OK);
    assert_true(flag);
    assert_int_equal(ltd_gguf_get_string(file, "a.name", &string, NULL), LTD_OK);
    assert_true(string.len == 4 && memcmp(string.data, "smol", 4) == 0);
    const ltd_gguf_value *list = ltd_gguf_find(file, "m.list");
    assert_true(list->is_array && list->type == LTD_GGUF_STRING && list->count == 2);
    assert_true(list->strings[0].len == 0 && list->strings[1].len == 2);
    assert_true(isnan(ltd_gguf_number(list, 0)));
    assert_int_equal(ltd_gguf_value_count(file), 6);
    assert_true(ltd_gguf_value_at(file, 0) == ltd_gguf_find(file, "z.count")); /* file order */
    assert_null(ltd_gguf_value_at(file, 6));
    ltd_gguf_close(file);
    ltd_str_fini(&s);
}

static void absent_and_wrong_types_leave_the_output_alone(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    ltd_gguf *file;
    ltd_err err = LTD_ERR_INIT;
    header(&s, 0, 1);
    key(&s, "a.name", LTD_GGUF_STRING);
    text(&s, "smol");
    assert_int_equal(parse(&file, &s, NULL), LTD_OK);
    int64_t whole = 42;
    double number = 42;
    bool flag = true;
    ltd_gguf_string string = {"keep", 4};
    assert_int_equal(ltd_gguf_get_i64(file, "a.nam", &whole, &err), LTD_GGUF_ABSENT);
    assert_int_equal(ltd_gguf_get_string(file, "a.name2", &string, &err), LTD_GGUF_ABSENT);
    assert_int_equal(err.code, 0);
    assert_int_equal(ltd_gguf_get_i64(file, "a.name", &whole, &err), LTD_EFORMAT);
    assert_string_equal(err.msg,
                        "x.gguf: a.name is of type string, expected an integer below 2^63");
    assert_int_equal(ltd_gguf_get_f64(file, "a.name", &number, &err), LTD_EFORMAT);
    assert_int_equal(ltd_gguf_get_bool(file, "a.name", &flag, &err), LTD_EFORMAT);
    assert_true(whole == 42 && number == 42 && flag && string.len == 4);
    ltd_gguf_close(file);
    ltd_str_fini(&s);
}

static void tensors_are_turned_outermost_first(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    ltd_gguf *file;
    header(&s, 2, 0);
    tensor(&s, "w", 2, (const uint64_t[]){64, 3}, 3, 0); /* Q4_1: 3 rows of 2 blocks of 20 bytes */
    tensor(&s, "n", 1, (const uint64_t[]){5}, 0, 128);
    data(&s, 148);
    assert_int_equal(parse(&file, &s, NULL), LTD_OK);
    const ltd_tensor_view *w = ltd_gguf_tensor(file, "w"), *n = ltd_gguf_tensor(file, "n");
    assert_true(w->n_dims == 2 && w->dims[0] == 3 && w->dims[1] == 64 && w->dims[2] == 1);
    assert_int_equal(w->dtype, LTD_DTYPE_Q4_1);
    assert_int_equal(w->bytes, 120);
    assert_true((const char *)n->data - (const char *)w->data == 128);
    assert_true((const char *)n->data + n->bytes == s.data + s.len);
    assert_ptr_equal(ltd_gguf_tensor_at(file, 0), w);
    assert_null(ltd_gguf_tensor(file, "W"));
    assert_null(ltd_gguf_tensor_at(file, 2));
    assert_int_equal(ltd_gguf_size(file), s.len);
    assert_string_equal(ltd_gguf_path(file), "x.gguf");
    ltd_gguf_close(file);
    ltd_str_fini(&s);
}

static void an_empty_file_of_no_entries_is_valid(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    ltd_gguf *file;
    header(&s, 0, 0);
    assert_int_equal(parse(&file, &s, NULL), LTD_OK);
    assert_null(ltd_gguf_find(file, "x"));
    assert_null(ltd_gguf_tensor(file, "x"));
    ltd_gguf_close(file);
    ltd_gguf_close(NULL);
    ltd_str_fini(&s);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    ltd_str_puts(&s, "PK\3\4 a zip");
    refused(&s, LTD_EFORMAT, "', expected 'GGUF'");
    ltd_str_push(&s, "GGUF", 4);
    u32(&s, 2);
    u64(&s, 0);
    u64(&s, 0);
    refused(&s, LTD_EUNSUPPORTED, "version is 2, expected 3");
    ltd_str_push(&s, "GGUF\0\0\0\3", 8);
    refused(&s, LTD_EUNSUPPORTED, "big-endian");
    ltd_gguf *file;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_gguf_open(&file, "/nowhere/x.gguf", &err), LTD_EIO);
    assert_null(file);
    assert_int_equal(ltd_gguf_parse(&file, NULL, 0, "x.gguf", &err), LTD_EFORMAT);
}

static void counts_are_not_believed(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    header(&s, UINT64_MAX, 0);
    refused(&s, LTD_EFORMAT, "a tensor name needs 8 bytes");
    header(&s, 0, UINT64_MAX);
    refused(&s, LTD_EFORMAT, "a metadata key needs 8 bytes");
    header(&s, 0, 1);
    key(&s, "a.list", LTD_GGUF_ARRAY);
    u32(&s, LTD_GGUF_U64);
    u64(&s, UINT64_C(1) << 61); /* x 8 wraps to 0 */
    refused(&s, LTD_EFORMAT, "a.list holds 2305843009213693952 values of type u64");
    header(&s, 0, 1);
    key(&s, "a.list", LTD_GGUF_ARRAY);
    u32(&s, LTD_GGUF_STRING);
    u64(&s, UINT64_MAX);
    text(&s, "one");
    refused(&s, LTD_EFORMAT, "a string of the metadata needs 8 bytes");
}

static void tensors_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *words;
        int code;
        uint32_t n_dims;
        uint64_t dims[5];
        uint32_t type;
        uint64_t offset;
    } cases[] = {
        {"0 dimensions", LTD_EFORMAT, 0, {0}, 0, 0},
        {"5 dimensions", LTD_EFORMAT, 5, {1, 1, 1, 1, 1}, 0, 0},
        {"dimension 1 of tensor t is 0", LTD_EFORMAT, 2, {4, 0}, 0, 0},
        {"is -1, expected 1 or more", LTD_EFORMAT, 1, {UINT64_MAX}, 0, 0},
        {"larger than the file", LTD_EFORMAT, 2, {UINT64_C(1) << 62, 4}, 0, 0},
        {"larger than the file", LTD_EFORMAT, 1, {UINT64_C(1) << 62}, 0, 0},
        {"33 elements, expected a multiple of 32", LTD_EFORMAT, 1, {33}, 8, 0},
        {"element type 4", LTD_EFORMAT, 1, {32}, 4, 0},
        {"element type 4294967295", LTD_EFORMAT, 1, {32}, UINT32_MAX, 0},
        {"IQ4_NL, which we don't read", LTD_EUNSUPPORTED, 1, {32}, 20, 0},
        {"offset 16, expected a multiple of 32", LTD_EFORMAT, 1, {4}, 0, 16},
        {"16 bytes at offset 64", LTD_EFORMAT, 1, {4}, 0, 64},
        {"at offset 18446744073709551584", LTD_EFORMAT, 1, {4}, 0, UINT64_MAX - 31},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ltd_str s = LTD_STR_INIT;
        header(&s, 1, 0);
        tensor(&s, "t", cases[i].n_dims, cases[i].dims, cases[i].type, cases[i].offset);
        data(&s, 64);
        refused(&s, cases[i].code, cases[i].words);
    }
}

static void two_of_one_name_are_refused(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    header(&s, 0, 3);
    for (int i = 0; i < 3; i++) {
        key(&s, i == 1 ? "b" : "a", LTD_GGUF_U8);
        ltd_str_push(&s, "\1", 1);
    }
    refused(&s, LTD_EFORMAT, "key a is there twice");
    header(&s, 2, 0);
    tensor(&s, "t", 1, (const uint64_t[]){8}, 0, 0);
    tensor(&s, "t", 1, (const uint64_t[]){8}, 0, 32);
    data(&s, 64);
    refused(&s, LTD_EFORMAT, "two tensors are named t");
    header(&s, 2, 0);
    tensor(&s, "t", 1, (const uint64_t[]){9}, 0, 0);
    tensor(&s, "u", 1, (const uint64_t[]){8}, 0, 32);
    data(&s, 64);
    refused(&s, LTD_EFORMAT, "tensors t and u overlap");
}

static void names_are_made_fit_for_a_terminal(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    header(&s, 1, 0);
    tensor(&s, "\33[2Jevil", 1, (const uint64_t[]){4}, 0, 0);
    data(&s, 16);
    refused(&s, LTD_EFORMAT, "'?[2Jevil'");
}

static void alignment_is_checked_and_obeyed(void **state)
{
    (void)state;
    const struct {
        uint32_t alignment;
        const char *words; /* NULL: must load */
    } cases[] = {
        {64, NULL}, {1, NULL}, {0, "is 0"}, {48, "is 48"}, {UINT32_C(1) << 31, "bytes of data"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ltd_str s = LTD_STR_INIT;
        header(&s, 1, 1);
        key(&s, "general.alignment", LTD_GGUF_U32);
        u32(&s, cases[i].alignment);
        tensor(&s, "t", 1, (const uint64_t[]){4}, 0, 0);
        size_t begin = s.len;
        data(&s, 256);
        if (cases[i].words) {
            refused(&s, LTD_EFORMAT, cases[i].words);
            continue;
        }
        ltd_gguf *file;
        assert_int_equal(parse(&file, &s, NULL), LTD_OK);
        size_t at = (size_t)((const char *)ltd_gguf_tensor(file, "t")->data - s.data);
        assert_true(at % cases[i].alignment == 0 && at >= begin && at < begin + cases[i].alignment);
        ltd_gguf_close(file);
        ltd_str_fini(&s);
    }
}

static void arrays_nest_to_a_bound(void **state)
{
    (void)state;
    for (int depth = 7; depth <= 9; depth++) {
        ltd_str s = LTD_STR_INIT;
        header(&s, 0, 1);
        key(&s, "a.nest", LTD_GGUF_ARRAY);
        for (int i = 1; i < depth; i++) {
            u32(&s, LTD_GGUF_ARRAY);
            u64(&s, 1);
        }
        u32(&s, LTD_GGUF_STRING);
        u64(&s, 1);
        text(&s, "deep");
        if (depth > 8) {
            refused(&s, LTD_EFORMAT, "nests arrays deeper than 8");
            continue;
        }
        ltd_gguf *file;
        assert_int_equal(parse(&file, &s, NULL), LTD_OK);
        assert_int_equal(ltd_gguf_find(file, "a.nest")->type, LTD_GGUF_ARRAY);
        assert_null(ltd_gguf_find(file, "a.nest")->strings);
        ltd_gguf_close(file);
        ltd_str_fini(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_and_typed),
        cmocka_unit_test(absent_and_wrong_types_leave_the_output_alone),
        cmocka_unit_test(tensors_are_turned_outermost_first),
        cmocka_unit_test(an_empty_file_of_no_entries_is_valid),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(counts_are_not_believed),
        cmocka_unit_test(tensors_that_cannot_be_are_refused),
        cmocka_unit_test(two_of_one_name_are_refused),
        cmocka_unit_test(names_are_made_fit_for_a_terminal),
        cmocka_unit_test(alignment_is_checked_and_obeyed),
        cmocka_unit_test(arrays_nest_to_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
