/* Typed access to the metadata of a GGUF file.  Values stay as stored (little-endian, unaligned);
 * each call reads the bytes it needs. */
#include "models/files/gguf_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} types[LTD_GGUF_TYPE_COUNT] = {
    [LTD_GGUF_U8] = {"u8", 1},         [LTD_GGUF_I8] = {"i8", 1},
    [LTD_GGUF_U16] = {"u16", 2},       [LTD_GGUF_I16] = {"i16", 2},
    [LTD_GGUF_U32] = {"u32", 4},       [LTD_GGUF_I32] = {"i32", 4},
    [LTD_GGUF_F32] = {"f32", 4},       [LTD_GGUF_BOOL] = {"bool", 1},
    [LTD_GGUF_STRING] = {"string", 0}, [LTD_GGUF_ARRAY] = {"array", 0},
    [LTD_GGUF_U64] = {"u64", 8},       [LTD_GGUF_I64] = {"i64", 8},
    [LTD_GGUF_F64] = {"f64", 8},
};

size_t ltd_gguf_type_size(ltd_gguf_type type)
{
    return types[type].size;
}

const char *ltd_gguf_type_name(ltd_gguf_type type)
{
    return types[type].name;
}

int ltd_gguf_string_compare(ltd_gguf_string a, ltd_gguf_string b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.data, b.data, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

ltd_gguf_label ltd_gguf_label_of(ltd_gguf_string s)
{
    ltd_gguf_label label;
    size_t n = s.len < 64 ? s.len : 64;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s.data[i];
        label.text[i] = c >= 32 && c < 127 ? (char)c : '?';
    }
    strcpy(label.text + n, s.len > n ? "..." : "");
    return label;
}

size_t ltd_gguf_value_count(const ltd_gguf *file)
{
    return file->n_values;
}

const ltd_gguf_value *ltd_gguf_value_at(const ltd_gguf *file, size_t i)
{
    return i < file->n_values ? &file->values[i] : NULL;
}

static int compare_key(const void *key, const void *item)
{
    const ltd_gguf_value *const *value = item;
    return ltd_gguf_string_compare(*(const ltd_gguf_string *)key, (*value)->key);
}

const ltd_gguf_value *ltd_gguf_find(const ltd_gguf *file, const char *key)
{
    ltd_gguf_string wanted = {key, strlen(key)};
    if (!file->n_values) return NULL;
    const ltd_gguf_value *const *hit =
        bsearch(&wanted, file->by_key, file->n_values, sizeof *file->by_key, compare_key);
    return hit ? *hit : NULL;
}

static int wrong_type(const ltd_gguf *file, const ltd_gguf_value *value, const char *expected,
                      ltd_err *err)
{
    return ltd_fail(err, LTD_EFORMAT, "%s: %s is %s%s, expected %s", file->path,
                    ltd_gguf_label_of(value->key).text,
                    value->is_array ? "an array of " : "of type ", ltd_gguf_type_name(value->type),
                    expected);
}

/* An element as a signed 64-bit integer; false for other types and for what does not fit. */
static bool read_integer(const ltd_gguf_value *value, uint64_t i, int64_t *ret)
{
    uint64_t raw = 0;
    size_t size = types[value->type].size;
    if (!size) return false;
    for (size_t k = size; k-- > 0;) raw = raw << 8 | value->data[i * size + k];
    switch (value->type) {
    case LTD_GGUF_I8: *ret = (int8_t)raw; return true;
    case LTD_GGUF_I16: *ret = (int16_t)raw; return true;
    case LTD_GGUF_I32: *ret = (int32_t)raw; return true;
    case LTD_GGUF_U8:
    case LTD_GGUF_U16:
    case LTD_GGUF_U32:
    case LTD_GGUF_I64: *ret = (int64_t)raw; return true;
    case LTD_GGUF_U64: *ret = (int64_t)raw; return raw <= INT64_MAX;
    default: return false;
    }
}

double ltd_gguf_number(const ltd_gguf_value *value, uint64_t i)
{
    int64_t integer;
    if (i >= value->count) return NAN;
    if (read_integer(value, i, &integer)) return (double)integer;
    uint64_t wide;
    double d;
    float f;
    switch (value->type) {
    case LTD_GGUF_BOOL: return value->data[i] != 0;
    case LTD_GGUF_U64: memcpy(&wide, value->data + 8 * i, sizeof wide); return (double)wide;
    case LTD_GGUF_F32: memcpy(&f, value->data + 4 * i, sizeof f); return f;
    case LTD_GGUF_F64: memcpy(&d, value->data + 8 * i, sizeof d); return d;
    default: return NAN;
    }
}

int ltd_gguf_get_i64(const ltd_gguf *file, const char *key, int64_t *ret, ltd_err *err)
{
    const ltd_gguf_value *value = ltd_gguf_find(file, key);
    if (!value) return LTD_GGUF_ABSENT;
    int64_t v;
    if (value->is_array || !read_integer(value, 0, &v))
        return wrong_type(file, value, "an integer below 2^63", err);
    *ret = v;
    return LTD_OK;
}

int ltd_gguf_get_f64(const ltd_gguf *file, const char *key, double *ret, ltd_err *err)
{
    const ltd_gguf_value *value = ltd_gguf_find(file, key);
    if (!value) return LTD_GGUF_ABSENT;
    if (value->is_array || value->type == LTD_GGUF_BOOL || value->type == LTD_GGUF_STRING)
        return wrong_type(file, value, "a number", err);
    *ret = ltd_gguf_number(value, 0);
    return LTD_OK;
}

int ltd_gguf_get_bool(const ltd_gguf *file, const char *key, bool *ret, ltd_err *err)
{
    const ltd_gguf_value *value = ltd_gguf_find(file, key);
    if (!value) return LTD_GGUF_ABSENT;
    if (value->is_array || value->type != LTD_GGUF_BOOL)
        return wrong_type(file, value, "a bool", err);
    *ret = value->data[0] != 0;
    return LTD_OK;
}

int ltd_gguf_get_string(const ltd_gguf *file, const char *key, ltd_gguf_string *ret, ltd_err *err)
{
    const ltd_gguf_value *value = ltd_gguf_find(file, key);
    if (!value) return LTD_GGUF_ABSENT;
    if (value->is_array || value->type != LTD_GGUF_STRING)
        return wrong_type(file, value, "a string", err);
    uint64_t len; /* as stored: the length, then the bytes */
    memcpy(&len, value->data, sizeof len);
    *ret = (ltd_gguf_string){(const char *)value->data + 8, (size_t)len};
    return LTD_OK;
}

size_t ltd_gguf_tensor_count(const ltd_gguf *file)
{
    return file->n_tensors;
}

const ltd_tensor_view *ltd_gguf_tensor_at(const ltd_gguf *file, size_t i)
{
    return i < file->n_tensors ? &file->tensors[i] : NULL;
}

static int compare_name(const void *key, const void *item)
{
    const ltd_tensor_view *const *view = item;
    return strcmp(key, (*view)->name);
}

const ltd_tensor_view *ltd_gguf_tensor(const ltd_gguf *file, const char *name)
{
    if (!file->n_tensors) return NULL;
    const ltd_tensor_view *const *hit =
        bsearch(name, file->by_name, file->n_tensors, sizeof *file->by_name, compare_name);
    return hit ? *hit : NULL;
}

const char *ltd_gguf_path(const ltd_gguf *file)
{
    return file->path;
}

size_t ltd_gguf_size(const ltd_gguf *file)
{
    return file->size;
}

void ltd_gguf_forget(const ltd_gguf *file)
{
    ltd_file_forget(&file->map);
}
