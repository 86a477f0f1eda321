#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "models/files/safetensors.h"

/* A file of this header (its length comes before it) and n bytes of data. */
static int parse(ltd_safetensors **ret, char *bytes, const char *header, size_t n, ltd_err *err)
{
    uint64_t len = strlen(header);
    memcpy(bytes, &len, sizeof len);
    memcpy(bytes + 8, header, len);
    for (size_t i = 0; i < n; i++) bytes[8 + len + i] = (char)i;
    return ltd_safetensors_parse(ret, bytes, 8 + len + n, "x.safetensors", err);
}

static void refused(const char *header, size_t n, int code, const char *words)
{
    char bytes[2048];
    ltd_err err = LTD_ERR_INIT;
    ltd_safetensors *file = (ltd_safetensors *)bytes;
    if (parse(&file, bytes, header, n, &err) != code) fail_msg("%s: '%s'", header, err.msg);
    assert_null(file);
    if (!strstr(err.msg, words) || !strstr(err.msg, "x.safetensors"))
        fail_msg("message is '%s', expected '%s' in it", err.msg, words);
}

static void tensors_are_found_by_name_and_in_order_of_place(void **state)
{
    (void)state;
    char bytes[2048];
    ltd_safetensors *file;
    ltd_err err = LTD_ERR_INIT;
    const char *header = "{\"__metadata__\":{\"format\":\"pt\"},"
                         "\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[2,26]},"
                         "\"a\\u00e9\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[0,2]},"
                         "\"none\":{\"dtype\":\"I64\",\"shape\":[4,0],\"data_offsets\":[2,2]}}  ";
    if (parse(&file, bytes, header, 26, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(ltd_safetensors_tensor_count(file), 3);
    const ltd_tensor_view *first = ltd_safetensors_tensor_at(file, 0);
    assert_string_equal(first->name, "a\xc3\xa9");
    assert_true(first->n_dims == 0 && first->bytes == 2 && first->dims[0] == 1);
    assert_string_equal(ltd_safetensors_tensor_at(file, 1)->name, "none");
    assert_int_equal(ltd_tensor_view_count(ltd_safetensors_tensor(file, "none")), 0);
    const ltd_tensor_view *b = ltd_safetensors_tensor(file, "b");
    assert_true(b->n_dims == 2 && b->dims[0] == 2 && b->dims[1] == 3 && b->bytes == 24);
    assert_int_equal(*(const char *)b->data, 2);
    assert_null(ltd_safetensors_tensor(file, "c"));
    assert_null(ltd_safetensors_tensor_at(file, 3));
    assert_string_equal(ltd_safetensors_metadata(file, "format"), "pt");
    assert_null(ltd_safetensors_metadata(file, "other"));
    ltd_safetensors_close(file);
    ltd_safetensors_close(NULL);
}

static void an_empty_header_is_a_file_of_no_tensors(void **state)
{
    (void)state;
    char bytes[64];
    ltd_safetensors *file;
    assert_int_equal(parse(&file, bytes, "{}", 0, NULL), LTD_OK);
    assert_int_equal(ltd_safetensors_tensor_count(file), 0);
    assert_null(ltd_safetensors_tensor(file, "x"));
    assert_null(ltd_safetensors_metadata(file, "x"));
    ltd_safetensors_close(file);
}

#define ENTRY(name, dtype, shape, offsets)                                                         \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void entries_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *header, *words;
        int code;
    } cases[] = {
        {"{" ENTRY("x", "F32", "[4]", "[0,16]") "," ENTRY("x", "F32", "[4]", "[0,16]") "}",
         "one is there twice", LTD_EFORMAT},
        {"{\"x\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}",
         "one is there twice", LTD_EFORMAT},
        {"{" ENTRY("\\ud800", "F32", "[4]", "[0,16]") "}", "half a surrogate", LTD_EFORMAT},
        {"{" ENTRY("\\udc00", "F32", "[4]", "[0,16]") "}", "half a surrogate", LTD_EFORMAT},
        {"{" ENTRY("x\\u0000y", "F32", "[4]", "[0,16]") "}", "control byte", LTD_EFORMAT},
        {"{" ENTRY("\xff", "F32", "[4]", "[0,16]") "}", "no valid JSON", LTD_EFORMAT},
        {"[1]", "'{'", LTD_EFORMAT},
        {"{\"x\":3}", "no object", LTD_EFORMAT},
        {"{\"x\":{\"shape\":[4],\"data_offsets\":[0,16]}}", "no dtype", LTD_EFORMAT},
        {"{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,16]}}", "no shape", LTD_EFORMAT},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[4]}}", "two whole numbers", LTD_EFORMAT},
        {"{" ENTRY("x", "F33", "[4]", "[0,16]") "}", "dtype 'F33'", LTD_EFORMAT},
        {"{" ENTRY("x", "F8_E4M3", "[16]", "[0,16]") "}", "we don't read", LTD_EUNSUPPORTED},
        {"{" ENTRY("x", "F32", "[5]", "[0,16]") "}", "takes 16 bytes, its shape and F32 make 20",
         LTD_EFORMAT},
        {"{" ENTRY("x", "F32", "[4.0]", "[0,16]") "}", "no whole number", LTD_EFORMAT},
        {"{" ENTRY("x", "F32", "[-4]", "[0,16]") "}", "no whole number", LTD_EFORMAT},
        {"{" ENTRY("x", "F32", "[4294967296,4294967296,4]", "[0,16]") "}", "exceeds 2^64",
         LTD_EFORMAT},
        {"{" ENTRY("x", "F32", "[1,1,1,1,1,1,1,1,4]", "[0,16]") "}", "9 dimensions",
         LTD_EUNSUPPORTED},
        {"{" ENTRY("x", "F32", "[4]", "[16,0]") "}", "lies at [16, 0)", LTD_EFORMAT},
        {"{" ENTRY("x", "F32", "[4]", "[0,99999999999999999999]") "}", "two whole numbers",
         LTD_EFORMAT},
        {"{" ENTRY("x", "F32", "[2]", "[0,8]") "}", "8 bytes follow", LTD_EFORMAT},
        {"{" ENTRY("x", "F32", "[2]", "[8,16]") "}", "hole", LTD_EFORMAT},
        {"{" ENTRY("x", "F32", "[3]", "[0,12]") "," ENTRY("y", "F32", "[2]", "[8,16]") "}",
         "inside another", LTD_EFORMAT},
        {"{\"__metadata__\":{\"a\":1}," ENTRY("x", "F32", "[4]", "[0,16]") "}", "object of strings",
         LTD_EFORMAT},
        {"{} x", "no valid JSON", LTD_EFORMAT},
        {"{\"x\":", "too early", LTD_EFORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].header, 16, cases[i].code, cases[i].words);
}

static void a_nul_does_not_end_the_header(void **state)
{
    (void)state;
    const char bytes[] = "\7\0\0\0\0\0\0\0{} \0{} ";
    ltd_err err = LTD_ERR_INIT;
    ltd_safetensors *file;
    assert_int_equal(ltd_safetensors_parse(&file, bytes, 15, "x", &err), LTD_EFORMAT);
    assert_string_equal(err.msg, "x: byte 3 follows the end of the JSON");
}

static void header_lengths_are_not_believed(void **state)
{
    (void)state;
    const uint64_t lengths[] = {0, 100, 100000001, UINT64_C(1) << 62, UINT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char bytes[64] = "";
        ltd_safetensors *file;
        memcpy(bytes, &lengths[i], sizeof lengths[i]);
        assert_int_equal(ltd_safetensors_parse(&file, bytes, sizeof bytes, "x", NULL), LTD_EFORMAT);
        assert_null(file);
    }
}

/* --- writing --- */

static char folder[] = "/tmp/ltd-safetensors-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    static const float a[] = {1, -2, 0.1f, 4, 5, 6};
    static const uint16_t b[] = {0x3f80, 1, 2};
    static const uint8_t c[] = {9};
    const ltd_tensor_view tensors[] = {
        {"fc.weight", LTD_DTYPE_F32, 2, {2, 3}, a, sizeof a},
        {"naïve \"name\"/\n", LTD_DTYPE_BF16, 1, {3}, b, sizeof b},
        {"empty", LTD_DTYPE_F16, 2, {0, 7}, NULL, 0},
        {"scalar", LTD_DTYPE_BOOL, 0, {0}, c, 1},
    };
    const char *const keys[] = {"format", "note"}, *const values[] = {"pt", "\xc3\xa9\t/"};
    ltd_err err = LTD_ERR_INIT;
    ltd_safetensors *file;
    const char *path = in_folder("a.safetensors");
    if (ltd_safetensors_write(path, tensors, 4, keys, values, 2, &err) < 0) fail_msg("%s", err.msg);
    if (ltd_safetensors_open(&file, path, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(ltd_safetensors_tensor_count(file), 4);
    for (int i = 0; i < 4; i++) {
        const ltd_tensor_view *view = ltd_safetensors_tensor(file, tensors[i].name);
        assert_non_null(view);
        assert_int_equal(view->dtype, tensors[i].dtype);
        assert_int_equal(view->n_dims, tensors[i].n_dims);
        assert_memory_equal(view->dims, tensors[i].dims, (size_t)view->n_dims * sizeof *view->dims);
        assert_int_equal(view->bytes, tensors[i].bytes);
        if (view->bytes) assert_memory_equal(view->data, tensors[i].data, view->bytes);
    }
    assert_int_equal((uintptr_t)ltd_safetensors_tensor(file, "fc.weight")->data % 8, 0);
    assert_string_equal(ltd_safetensors_metadata(file, "note"), "\xc3\xa9\t/");
    assert_int_equal(access(in_folder("a.safetensors.tmp"), F_OK), -1);
    ltd_safetensors_forget(file);
    assert_true(*(const float *)ltd_safetensors_tensor(file, "fc.weight")->data == 1);
    ltd_safetensors_close(file);
    unlink(in_folder("a.safetensors"));
}

static void what_cannot_be_read_is_not_written(void **state)
{
    (void)state;
    static const float a[4] = {0};
    const struct {
        ltd_tensor_view view;
        const char *words;
    } cases[] = {
        {{"x", LTD_DTYPE_F32, 1, {5}, a, 16}, "has 16 bytes, its shape and F32 make 20"},
        {{"x", LTD_DTYPE_F32, 1, {-4}, a, 16}, "has 16 bytes"},
        {{"x", LTD_DTYPE_F32, 9, {4}, a, 16}, "has 16 bytes"},
        {{"x", LTD_DTYPE_Q4_0, 1, {32}, a, 18}, "Q4_0, which safetensors lacks"},
        {{"", LTD_DTYPE_F32, 1, {4}, a, 16}, "can't be the name"},
        {{"__metadata__", LTD_DTYPE_F32, 1, {4}, a, 16}, "can't be the name"},
        {{"\xff", LTD_DTYPE_F32, 1, {4}, a, 16}, "not UTF-8"},
    };
    const char *path = in_folder("b.safetensors");
    ltd_err err = LTD_ERR_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ltd_safetensors_write(path, &cases[i].view, 1, NULL, NULL, 0, &err),
                         LTD_EINVAL);
        if (!strstr(err.msg, cases[i].words)) fail_msg("message is '%s'", err.msg);
        assert_int_equal(access(path, F_OK), -1);
    }
    const ltd_tensor_view twice[] = {{"x", LTD_DTYPE_F32, 1, {4}, a, 16},
                                     {"x", LTD_DTYPE_F32, 1, {4}, a, 16}};
    assert_int_equal(ltd_safetensors_write(path, twice, 2, NULL, NULL, 0, &err), LTD_EINVAL);
    const char *const keys[] = {"k", "k"};
    assert_int_equal(ltd_safetensors_write(path, twice, 1, keys, keys, 2, &err), LTD_EINVAL);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_failed_write_leaves_the_old_file(void **state)
{
    (void)state;
    static const float a[4] = {1, 2, 3, 4};
    const ltd_tensor_view view = {"x", LTD_DTYPE_F32, 1, {4}, a, 16};
    ltd_err err = LTD_ERR_INIT;
    const char *path = in_folder("c.safetensors");
    assert_int_equal(ltd_safetensors_write(path, &view, 1, NULL, NULL, 0, NULL), LTD_OK);
    /* A folder in the way of the temporary file. */
    assert_int_equal(mkdir(in_folder("c.safetensors.tmp"), 0777), 0);
    assert_int_equal(
        ltd_safetensors_write(in_folder("c.safetensors"), &view, 1, NULL, NULL, 0, &err), LTD_EIO);
    assert_non_null(strstr(err.msg, "c.safetensors.tmp"));
    rmdir(in_folder("c.safetensors.tmp"));
    ltd_safetensors *file;
    assert_int_equal(ltd_safetensors_open(&file, in_folder("c.safetensors"), NULL), LTD_OK);
    assert_memory_equal(ltd_safetensors_tensor(file, "x")->data, a, sizeof a);
    ltd_safetensors_close(file);
    unlink(in_folder("c.safetensors"));
    assert_int_equal(ltd_safetensors_write("/nowhere/x", &view, 1, NULL, NULL, 0, &err), LTD_EIO);
    /* A full disk is seen where the system lets us have one. */
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(symlink("/dev/full", in_folder("d.tmp")), 0);
        assert_int_equal(ltd_safetensors_write(in_folder("d"), &view, 1, NULL, NULL, 0, &err),
                         LTD_EIO);
        assert_int_equal(access(in_folder("d"), F_OK), -1);
        assert_int_equal(access(in_folder("d.tmp"), F_OK), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_found_by_name_and_in_order_of_place),
        cmocka_unit_test(an_empty_header_is_a_file_of_no_tensors),
        cmocka_unit_test(entries_that_cannot_be_are_refused),
        cmocka_unit_test(a_nul_does_not_end_the_header),
        cmocka_unit_test(header_lengths_are_not_believed),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(what_cannot_be_read_is_not_written),
        cmocka_unit_test(a_failed_write_leaves_the_old_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
