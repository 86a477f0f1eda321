/* Reading safetensors: u64 length of the header, JSON header, data.
 *
 * The parsed header stays alive with the file: names and metadata are borrowed from it.  Tensors
 * are kept in the order of their bytes, which makes the check for holes and overlaps one comparison
 * each; a second table is sorted by name. */
#include "models/files/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "models/files/json_priv.h"

enum { MAX_HEADER = 100000000, MAX_DIMS = 8 };

struct ltd_safetensors {
    char *path;
    ltd_file map; /* data is NULL for ltd_safetensors_parse() */
    size_t size;
    json_object *header;
    ltd_tensor_view *tensors; /* by place */
    size_t n_tensors;
    const ltd_tensor_view **by_name;
};

/* Names of the format; `ours` is LTD_DTYPE_COUNT for those that we don't read. */
static const struct {
    const char *name;
    ltd_dtype ours;
} dtypes[] = {
    {"F64", LTD_DTYPE_F64},       {"F32", LTD_DTYPE_F32},       {"F16", LTD_DTYPE_F16},
    {"BF16", LTD_DTYPE_BF16},     {"I64", LTD_DTYPE_I64},       {"I32", LTD_DTYPE_I32},
    {"I16", LTD_DTYPE_I16},       {"I8", LTD_DTYPE_I8},         {"U64", LTD_DTYPE_U64},
    {"U32", LTD_DTYPE_U32},       {"U16", LTD_DTYPE_U16},       {"U8", LTD_DTYPE_U8},
    {"BOOL", LTD_DTYPE_BOOL},     {"F8_E4M3", LTD_DTYPE_COUNT}, {"F8_E5M2", LTD_DTYPE_COUNT},
    {"F8_E8M0", LTD_DTYPE_COUNT}, {"F6_E2M3", LTD_DTYPE_COUNT}, {"F6_E3M2", LTD_DTYPE_COUNT},
    {"F4", LTD_DTYPE_COUNT},      {"C64", LTD_DTYPE_COUNT},
};

static int read_dtype(const ltd_safetensors *file, ltd_tensor_view *view, const json_object *value,
                      ltd_err *err)
{
    if (!json_object_is_type(value, json_type_string))
        return ltd_fail(err, LTD_EFORMAT, "%s: tensor %s has no dtype", file->path, view->name);
    const char *name = json_object_get_string((json_object *)value);
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(name, dtypes[i].name) != 0) continue;
        if (dtypes[i].ours == LTD_DTYPE_COUNT)
            return ltd_fail(err, LTD_EUNSUPPORTED,
                            "%s: tensor %s has dtype %s, which we don't read", file->path,
                            view->name, name);
        view->dtype = dtypes[i].ours;
        return LTD_OK;
    }
    return ltd_fail(err, LTD_EFORMAT, "%s: tensor %s has dtype '%.16s', expected F32, F16, BF16...",
                    file->path, view->name, name);
}

static int read_shape(const ltd_safetensors *file, ltd_tensor_view *view, const json_object *value,
                      ltd_err *err)
{
    const char *path = file->path, *name = view->name;
    if (!json_object_is_type(value, json_type_array))
        return ltd_fail(err, LTD_EFORMAT, "%s: tensor %s has no shape", path, name);
    size_t n = json_object_array_length(value);
    if (n > MAX_DIMS)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: tensor %s has %zu dimensions, expected 0 to %d",
                        path, name, n, MAX_DIMS);
    for (int i = 0; i < MAX_DIMS; i++) view->dims[i] = 1;
    view->n_dims = (int)n;
    size_t bytes = ltd_dtype_block_bytes(view->dtype);
    bool over = false;
    for (size_t i = 0; i < n; i++) {
        if (!ltd_files_json_size(json_object_array_get_idx(value, i), &view->dims[i]))
            return ltd_fail(err, LTD_EFORMAT,
                            "%s: dimension %zu of tensor %s is no whole number from 0", path, i,
                            name);
        over |= __builtin_mul_overflow(bytes, (uint64_t)view->dims[i], &bytes);
    }
    /* An overflow that a later 0 would hide is refused too: no product of extents may wrap. */
    if (over)
        return ltd_fail(err, LTD_EFORMAT, "%s: the shape of tensor %s exceeds 2^64 bytes", path,
                        name);
    view->bytes = bytes;
    return LTD_OK;
}

static int read_offsets(const ltd_safetensors *file, ltd_tensor_view *view,
                        const json_object *value, const uint8_t *data, size_t room, ltd_err *err)
{
    int64_t begin, end;
    if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) != 2 ||
        !ltd_files_json_size(json_object_array_get_idx(value, 0), &begin) ||
        !ltd_files_json_size(json_object_array_get_idx(value, 1), &end))
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: data_offsets of tensor %s are not two whole numbers from 0",
                        file->path, view->name);
    if (begin > end || (uint64_t)end > room)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: tensor %s lies at [%lld, %lld), the file holds %zu bytes of data",
                        file->path, view->name, (long long)begin, (long long)end, room);
    if ((uint64_t)(end - begin) != view->bytes)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: tensor %s takes %lld bytes, its shape and %s make %zu", file->path,
                        view->name, (long long)(end - begin), ltd_dtype_name(view->dtype),
                        view->bytes);
    view->data = data + begin;
    return LTD_OK;
}

static int check_metadata(const ltd_safetensors *file, const json_object *metadata, ltd_err *err)
{
    bool good = json_object_is_type(metadata, json_type_object);
    if (good) {
        json_object_object_foreach(metadata, key, value)
        {
            (void)key;
            good &= json_object_is_type(value, json_type_string);
        }
    }
    if (good) return LTD_OK;
    return ltd_fail(err, LTD_EFORMAT, "%s: __metadata__ must be an object of strings", file->path);
}

static int read_tensor(const ltd_safetensors *file, ltd_tensor_view *view, const json_object *entry,
                       const uint8_t *data, size_t room, ltd_err *err)
{
    if (!json_object_is_type(entry, json_type_object))
        return ltd_fail(err, LTD_EFORMAT, "%s: the entry of tensor %s is no object", file->path,
                        view->name);
    int rc = read_dtype(file, view, json_object_object_get(entry, "dtype"), err);
    if (rc == LTD_OK) rc = read_shape(file, view, json_object_object_get(entry, "shape"), err);
    if (rc < 0) return rc;
    const json_object *offsets = json_object_object_get(entry, "data_offsets");
    return read_offsets(file, view, offsets, data, room, err);
}

static int by_place(const void *a, const void *b)
{
    const ltd_tensor_view *x = a, *y = b;
    const uint8_t *p = x->data, *q = y->data;
    if (p != q) return p > q ? 1 : -1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int by_name(const void *a, const void *b)
{
    const ltd_tensor_view *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* The data must be covered from the first byte to the last, each byte once. */
static int check_places(ltd_safetensors *file, const uint8_t *data, size_t room, ltd_err *err)
{
    qsort(file->tensors, file->n_tensors, sizeof *file->tensors, by_place);
    size_t at = 0;
    for (size_t i = 0; i < file->n_tensors; i++) {
        const ltd_tensor_view *view = &file->tensors[i];
        size_t begin = (size_t)((const uint8_t *)view->data - data);
        if (begin != at)
            return ltd_fail(
                err, LTD_EFORMAT, "%s: tensor %s begins at byte %zu of the data, %s %zu",
                file->path, view->name, begin,
                begin < at ? "inside another that ends at" : "which leaves a hole: expected", at);
        at += view->bytes;
    }
    if (at != room)
        return ltd_fail(err, LTD_EFORMAT, "%s: %zu bytes follow the last tensor, expected none",
                        file->path, room - at);
    return LTD_OK;
}

static int read_tensors(ltd_safetensors *file, const uint8_t *data, size_t room, ltd_err *err)
{
    size_t n = (size_t)json_object_object_length(file->header);
    file->tensors = ltd_mem_zeros(n, sizeof *file->tensors);
    file->by_name = ltd_mem_zeros(n, sizeof *file->by_name);
    if (!file->tensors || !file->by_name)
        return ltd_fail(err, LTD_ENOMEM, "%s: no memory", file->path);
    json_object_object_foreach(file->header, name, entry)
    {
        int rc;
        if (strcmp(name, "__metadata__") == 0) {
            rc = check_metadata(file, entry, err);
        } else {
            ltd_tensor_view *view = &file->tensors[file->n_tensors++];
            view->name = name;
            rc = read_tensor(file, view, entry, data, room, err);
        }
        if (rc < 0) return rc;
    }
    int rc = check_places(file, data, room, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < file->n_tensors; i++) file->by_name[i] = &file->tensors[i];
    qsort(file->by_name, file->n_tensors, sizeof *file->by_name, by_name);
    return LTD_OK;
}

static int read_file(ltd_safetensors *file, const uint8_t *bytes, size_t size, ltd_err *err)
{
    uint64_t header = 0;
    if (size < sizeof header)
        return ltd_fail(err, LTD_EFORMAT, "%s: has %zu bytes, a safetensors file has 8 or more",
                        file->path, size);
    memcpy(&header, bytes, sizeof header);
    size_t rest = size - sizeof header;
    if (header > MAX_HEADER || header > rest)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: header of %llu bytes, expected at most %d and the %zu that follow: no "
                        "safetensors file, or cut short",
                        file->path, (unsigned long long)header, MAX_HEADER, rest);
    const char *text = (const char *)bytes + sizeof header;
    if (!header || text[0] != '{')
        return ltd_fail(err, LTD_EFORMAT, "%s: the header does not begin with '{'", file->path);
    int rc = ltd_files_json_parse(&file->header, text, (size_t)header, file->path, err);
    if (rc < 0) return rc;
    return read_tensors(file, bytes + sizeof header + header, rest - (size_t)header, err);
}

int ltd_safetensors_parse(ltd_safetensors **ret, const void *data, size_t size, const char *name,
                          ltd_err *err)
{
    *ret = NULL;
    ltd_safetensors *file = ltd_mem_zeros(1, sizeof *file);
    if (!file || !(file->path = ltd_mem_strdup(name))) {
        free(file);
        return ltd_fail(err, LTD_ENOMEM, "%s: no memory", name);
    }
    file->size = size;
    int rc = read_file(file, data, size, err);
    if (rc < 0) {
        ltd_safetensors_close(file);
        return rc;
    }
    *ret = file;
    return LTD_OK;
}

int ltd_safetensors_open(ltd_safetensors **ret, const char *path, ltd_err *err)
{
    *ret = NULL;
    ltd_file map;
    int rc = ltd_file_map(&map, path, err);
    if (rc < 0) return rc;
    rc = ltd_safetensors_parse(ret, map.data, map.size, path, err);
    if (rc < 0)
        ltd_file_unmap(&map);
    else
        (*ret)->map = map;
    return rc;
}

void ltd_safetensors_close(ltd_safetensors *file)
{
    if (!file) return;
    free(file->tensors);
    free(file->by_name);
    json_object_put(file->header);
    ltd_file_unmap(&file->map);
    free(file->path);
    free(file);
}

void ltd_safetensors_forget(const ltd_safetensors *file)
{
    ltd_file_forget(&file->map);
}

const char *ltd_safetensors_path(const ltd_safetensors *file)
{
    return file->path;
}

size_t ltd_safetensors_size(const ltd_safetensors *file)
{
    return file->size;
}

size_t ltd_safetensors_tensor_count(const ltd_safetensors *file)
{
    return file->n_tensors;
}

const ltd_tensor_view *ltd_safetensors_tensor_at(const ltd_safetensors *file, size_t i)
{
    return i < file->n_tensors ? &file->tensors[i] : NULL;
}

static int compare_name(const void *key, const void *item)
{
    const ltd_tensor_view *const *view = item;
    return strcmp(key, (*view)->name);
}

const ltd_tensor_view *ltd_safetensors_tensor(const ltd_safetensors *file, const char *name)
{
    if (!file->n_tensors) return NULL;
    const ltd_tensor_view *const *hit =
        bsearch(name, file->by_name, file->n_tensors, sizeof *file->by_name, compare_name);
    return hit ? *hit : NULL;
}

const char *ltd_safetensors_metadata(const ltd_safetensors *file, const char *key)
{
    const json_object *metadata = json_object_object_get(file->header, "__metadata__");
    json_object *value = metadata ? json_object_object_get(metadata, key) : NULL;
    return value ? json_object_get_string(value) : NULL;
}
