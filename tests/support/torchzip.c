#include "tests/support/torchzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <zip.h>

#include "base/str.h"

void *torchzip_entries(size_t *size, const torchzip_entry *entries, size_t n)
{
    zip_error_t error;
    zip_source_t *target = zip_source_buffer_create(NULL, 0, 0, &error);
    assert_non_null(target);
    zip_source_keep(target);
    zip_t *zip = zip_open_from_source(target, ZIP_TRUNCATE, &error);
    assert_non_null(zip);
    for (size_t i = 0; i < n; i++) {
        zip_source_t *s = zip_source_buffer(zip, entries[i].data, entries[i].size, 0);
        zip_int64_t at = zip_file_add(zip, entries[i].name, s, 0);
        if (at < 0) fail_msg("%s: %s", entries[i].name, zip_strerror(zip));
        assert_int_equal(zip_set_file_compression(zip, (zip_uint64_t)at, entries[i].method, 0), 0);
    }
    if (zip_close(zip) < 0) fail_msg("%s", zip_strerror(zip));
    zip_stat_t st;
    assert_int_equal(zip_source_stat(target, &st), 0);
    assert_int_equal(zip_source_open(target), 0);
    void *bytes = malloc(st.size);
    assert_non_null(bytes);
    assert_int_equal(zip_source_read(target, bytes, st.size), st.size);
    zip_source_close(target);
    zip_source_free(target);
    *size = st.size;
    return bytes;
}

/* --- the pickle --- */

static void put_u32(ltd_str *s, uint32_t v)
{
    const char b[4] = {(char)v, (char)(v >> 8), (char)(v >> 16), (char)(v >> 24)};
    ltd_str_push(s, b, 4);
}

static void put_text(ltd_str *s, const char *text)
{
    ltd_str_puts(s, "X");
    put_u32(s, (uint32_t)strlen(text));
    ltd_str_puts(s, text);
}

static void put_int(ltd_str *s, int64_t v)
{
    ltd_str_puts(s, "J");
    put_u32(s, (uint32_t)v);
}

static const char *storage_class(ltd_dtype dtype)
{
    switch (dtype) {
    case LTD_DTYPE_F32: return "FloatStorage";
    case LTD_DTYPE_F16: return "HalfStorage";
    case LTD_DTYPE_BF16: return "BFloat16Storage";
    case LTD_DTYPE_I32: return "IntStorage";
    case LTD_DTYPE_I64: return "LongStorage";
    case LTD_DTYPE_U8: return "ByteStorage";
    case LTD_DTYPE_BOOL: return "BoolStorage";
    default: fail_msg("no storage class for %s", ltd_dtype_name(dtype));
    }
    return NULL;
}

static void put_tensor(ltd_str *s, const ltd_tensor_view *t, const char *key)
{
    put_text(s, t->name);
    ltd_str_puts(s, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(s, "storage");
    ltd_str_printf(s, "ctorch\n%s\n", storage_class(t->dtype));
    put_text(s, key);
    put_text(s, "cpu");
    put_int(s, ltd_tensor_view_count(t));
    ltd_str_puts(s, "tQ");
    put_int(s, 0);
    ltd_str_puts(s, "(");
    for (int i = 0; i < t->n_dims; i++) put_int(s, t->dims[i]);
    ltd_str_puts(s, "t(");
    for (int i = 0; i < t->n_dims; i++) {
        int64_t stride = 1;
        for (int k = i + 1; k < t->n_dims; k++) stride *= t->dims[k];
        put_int(s, stride);
    }
    ltd_str_puts(s, "t\x89"
                    "ccollections\nOrderedDict\n)RtR");
}

void *torchzip_tensors(size_t *size, const ltd_tensor_view *tensors, size_t n)
{
    ltd_str pickle = LTD_STR_INIT;
    torchzip_entry entries[64] = {{0}};
    char names[64][40];
    assert_true(n <= 62);
    ltd_str_puts(&pickle, "\x80\x02}(");
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "pytorch_model/data/%zu", i);
        put_tensor(&pickle, &tensors[i], strrchr(names[i], '/') + 1);
        entries[i + 2] =
            (torchzip_entry){names[i], tensors[i].data ? tensors[i].data : "", tensors[i].bytes, 0};
    }
    ltd_str_puts(&pickle, "u.");
    entries[0] = (torchzip_entry){"pytorch_model/data.pkl", ltd_str_text(&pickle), pickle.len, 0};
    entries[1] = (torchzip_entry){"pytorch_model/byteorder", "little", 6, 0};
    void *bytes = torchzip_entries(size, entries, n + 2);
    ltd_str_fini(&pickle);
    return bytes;
}
