/* Opening a GGUF file:
 *
 *   magic, version -> counts -> n_kv x (key, type, value) -> n_tensors x (name, dims, type, offset)
 *   -> padding to the alignment -> data
 *
 * Names are sorted after reading, which finds duplicates and serves the lookups. */
#include "models/files/gguf_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_NAME = 255, MAX_TENSOR_DIMS = 4, DEFAULT_ALIGNMENT = 32, VERSION = 3 };

/* The element types of GGUF by number; `ours` is LTD_DTYPE_COUNT for known ones that we don't read,
 * a NULL name for numbers that were never used or are retired. */
static const struct {
    const char *name;
    ltd_dtype ours;
} element_types[] = {
    [0] = {"F32", LTD_DTYPE_F32},        [1] = {"F16", LTD_DTYPE_F16},
    [2] = {"Q4_0", LTD_DTYPE_Q4_0},      [3] = {"Q4_1", LTD_DTYPE_Q4_1},
    [6] = {"Q5_0", LTD_DTYPE_Q5_0},      [7] = {"Q5_1", LTD_DTYPE_Q5_1},
    [8] = {"Q8_0", LTD_DTYPE_Q8_0},      [9] = {"Q8_1", LTD_DTYPE_COUNT},
    [10] = {"Q2_K", LTD_DTYPE_Q2_K},     [11] = {"Q3_K", LTD_DTYPE_Q3_K},
    [12] = {"Q4_K", LTD_DTYPE_Q4_K},     [13] = {"Q5_K", LTD_DTYPE_Q5_K},
    [14] = {"Q6_K", LTD_DTYPE_Q6_K},     [15] = {"Q8_K", LTD_DTYPE_COUNT},
    [16] = {"IQ2_XXS", LTD_DTYPE_COUNT}, [17] = {"IQ2_XS", LTD_DTYPE_COUNT},
    [18] = {"IQ3_XXS", LTD_DTYPE_COUNT}, [19] = {"IQ1_S", LTD_DTYPE_COUNT},
    [20] = {"IQ4_NL", LTD_DTYPE_COUNT},  [21] = {"IQ3_S", LTD_DTYPE_COUNT},
    [22] = {"IQ2_S", LTD_DTYPE_COUNT},   [23] = {"IQ4_XS", LTD_DTYPE_COUNT},
    [24] = {"I8", LTD_DTYPE_I8},         [25] = {"I16", LTD_DTYPE_I16},
    [26] = {"I32", LTD_DTYPE_I32},       [27] = {"I64", LTD_DTYPE_I64},
    [28] = {"F64", LTD_DTYPE_F64},       [29] = {"IQ1_M", LTD_DTYPE_COUNT},
    [30] = {"BF16", LTD_DTYPE_BF16},     [34] = {"TQ1_0", LTD_DTYPE_COUNT},
    [35] = {"TQ2_0", LTD_DTYPE_COUNT},   [39] = {"MXFP4", LTD_DTYPE_COUNT},
};

static int read_element_type(ltd_gguf_cursor *c, const char *name, ltd_dtype *ret)
{
    uint32_t type = 0;
    int rc = ltd_gguf_take_u32(c, "a tensor type", &type);
    if (rc < 0) return rc;
    size_t n = sizeof element_types / sizeof *element_types;
    if (type >= n || !element_types[type].name)
        return ltd_fail(c->err, LTD_EFORMAT, "%s: tensor %s has element type %u, which GGUF lacks",
                        c->file->path, name, type);
    if (element_types[type].ours == LTD_DTYPE_COUNT)
        return ltd_fail(c->err, LTD_EUNSUPPORTED, "%s: tensor %s has type %s, which we don't read",
                        c->file->path, name, element_types[type].name);
    *ret = element_types[type].ours;
    return LTD_OK;
}

/* Dims are stored innermost first; ours are outermost first.  Leaves view->bytes = 0 when the
 * product is no size: rows must be whole blocks, so that bytes = elements / block * block bytes. */
static int read_dims(ltd_gguf_cursor *c, ltd_tensor_view *view)
{
    const char *path = c->file->path, *name = view->name;
    uint32_t n = 0;
    int rc = ltd_gguf_take_u32(c, "a dimension count", &n);
    if (rc < 0) return rc;
    if (n < 1 || n > MAX_TENSOR_DIMS)
        return ltd_fail(c->err, LTD_EFORMAT, "%s: tensor %s has %u dimensions, expected 1 to %d",
                        path, name, n, MAX_TENSOR_DIMS);
    for (int i = 0; i < 8; i++) view->dims[i] = 1;
    view->n_dims = (int)n;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t extent = 0;
        if ((rc = ltd_gguf_take_u64(c, "a dimension", &extent)) < 0) return rc;
        if (extent < 1 || extent > INT64_MAX)
            return ltd_fail(c->err, LTD_EFORMAT,
                            "%s: dimension %u of tensor %s is %lld, expected 1 or more", path, i,
                            name, (long long)extent);
        view->dims[n - 1 - i] = (int64_t)extent;
    }
    if ((rc = read_element_type(c, name, &view->dtype)) < 0) return rc;
    int64_t block = ltd_dtype_block(view->dtype), row = view->dims[n - 1];
    if (row % block)
        return ltd_fail(
            c->err, LTD_EFORMAT,
            "%s: rows of tensor %s have %lld elements, expected a multiple of %lld (%s)", path,
            name, (long long)row, (long long)block, ltd_dtype_name(view->dtype));
    size_t bytes = ltd_dtype_block_bytes(view->dtype);
    bool over = __builtin_mul_overflow(bytes, (uint64_t)(row / block), &bytes);
    for (uint32_t i = 0; i + 1 < n; i++)
        over |= __builtin_mul_overflow(bytes, (uint64_t)view->dims[i], &bytes);
    if (over || bytes > c->file->size)
        return ltd_fail(c->err, LTD_EFORMAT, "%s: tensor %s is larger than the file (%zu bytes)",
                        path, name, c->file->size);
    view->bytes = bytes;
    return LTD_OK;
}

/* One tensor info.  Offsets count from the data, whose start is known only after the last one. */
static int read_tensor(ltd_gguf_cursor *c, ltd_tensor_view *view, uint64_t *offset)
{
    ltd_gguf_string s;
    int rc = ltd_gguf_take_string(c, "a tensor name", &s);
    if (rc < 0) return rc;
    bool bad = s.len < 1 || s.len > MAX_NAME;
    for (size_t i = 0; i < s.len && !bad; i++) bad = (unsigned char)s.data[i] < ' ';
    if (bad)
        return ltd_fail(c->err, LTD_EFORMAT,
                        "%s: tensor name '%s' (%zu bytes), expected 1 to %d printable bytes",
                        c->file->path, ltd_gguf_label_of(s).text, s.len, MAX_NAME);
    char *name = ltd_mem_zeros(s.len + 1, 1);
    if (!name) return ltd_fail(c->err, LTD_ENOMEM, "%s: no memory", c->file->path);
    memcpy(name, s.data, s.len);
    view->name = name; /* freed with the file, from here on */
    c->file->n_tensors++;
    if ((rc = read_dims(c, view)) < 0) return rc;
    return ltd_gguf_take_u64(c, "a tensor offset", offset);
}

static int read_tensors(ltd_gguf_cursor *c, uint64_t n, uint64_t **offsets)
{
    ltd_gguf *file = c->file;
    for (uint64_t i = 0; i < n; i++) {
        void *grown = ltd_gguf_room(file->tensors, (size_t)i, sizeof *file->tensors);
        if (!grown) return ltd_fail(c->err, LTD_ENOMEM, "%s: no memory", file->path);
        file->tensors = grown;
        grown = ltd_gguf_room(*offsets, (size_t)i, sizeof **offsets);
        if (!grown) return ltd_fail(c->err, LTD_ENOMEM, "%s: no memory", file->path);
        *offsets = grown;
        file->tensors[i] = (ltd_tensor_view){0};
        int rc = read_tensor(c, &file->tensors[i], &(*offsets)[i]);
        if (rc < 0) return rc;
    }
    return LTD_OK;
}

static int read_alignment(ltd_gguf_cursor *c, size_t *ret)
{
    static const char key[] = "general.alignment";
    const ltd_gguf_value *value = ltd_gguf_find(c->file, key);
    int64_t alignment = DEFAULT_ALIGNMENT;
    int rc = ltd_gguf_get_i64(c->file, key, &alignment, c->err);
    if (rc < 0) return rc;
    if ((value && value->type != LTD_GGUF_U32) || alignment < 1 || (alignment & (alignment - 1)))
        return ltd_fail(c->err, LTD_EFORMAT, "%s: %s is %lld (%s), expected a power of two (u32)",
                        c->file->path, key, (long long)alignment, ltd_gguf_type_name(value->type));
    *ret = (size_t)alignment;
    return LTD_OK;
}

static int by_place(const void *a, const void *b)
{
    const ltd_tensor_view *const *x = a, *const *y = b;
    const uint8_t *p = (*x)->data, *q = (*y)->data;
    return (p > q) - (p < q);
}

static int by_name(const void *a, const void *b)
{
    const ltd_tensor_view *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Turn offsets into addresses, all inside the data. */
static int place_tensors(ltd_gguf_cursor *c, const uint64_t *offsets, size_t alignment)
{
    ltd_gguf *file = c->file;
    size_t pad = (alignment - c->at % alignment) % alignment;
    size_t begin = pad < file->size - c->at ? c->at + pad : file->size;
    size_t room = file->size - begin;
    for (size_t i = 0; i < file->n_tensors; i++) {
        ltd_tensor_view *view = &file->tensors[i];
        if (offsets[i] % alignment)
            return ltd_fail(c->err, LTD_EFORMAT,
                            "%s: tensor %s is at offset %llu, expected a multiple of %zu",
                            file->path, view->name, (unsigned long long)offsets[i], alignment);
        if (offsets[i] > room || view->bytes > room - offsets[i])
            return ltd_fail(c->err, LTD_EFORMAT,
                            "%s: tensor %s has %zu bytes at offset %llu, the file has %zu bytes of "
                            "data (cut short?)",
                            file->path, view->name, view->bytes, (unsigned long long)offsets[i],
                            room);
        view->data = file->data + begin + offsets[i];
    }
    return LTD_OK;
}

/* Refuse shared bytes and shared names; leaves by_name sorted. */
static int sort_tensors(ltd_gguf_cursor *c)
{
    ltd_gguf *file = c->file;
    size_t n = file->n_tensors;
    const ltd_tensor_view **sorted = ltd_mem_zeros(n, sizeof *sorted);
    if (!sorted) return ltd_fail(c->err, LTD_ENOMEM, "%s: no memory", file->path);
    file->by_name = sorted;
    for (size_t i = 0; i < n; i++) sorted[i] = &file->tensors[i];
    qsort(sorted, n, sizeof *sorted, by_place);
    for (size_t i = 1; i < n; i++) {
        const ltd_tensor_view *a = sorted[i - 1], *b = sorted[i];
        if ((const uint8_t *)b->data - (const uint8_t *)a->data < (ptrdiff_t)a->bytes)
            return ltd_fail(c->err, LTD_EFORMAT, "%s: tensors %s and %s overlap", file->path,
                            a->name, b->name);
    }
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 1; i < n; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            return ltd_fail(c->err, LTD_EFORMAT, "%s: two tensors are named %s", file->path,
                            sorted[i]->name);
    return LTD_OK;
}

static int read_version(ltd_gguf_cursor *c)
{
    const uint8_t *magic = c->file->data;
    if (c->file->size < 4 || memcmp(magic, "GGUF", 4) != 0) {
        size_t n = c->file->size < 4 ? c->file->size : 4;
        ltd_gguf_string found = {(const char *)magic, n};
        return ltd_fail(c->err, LTD_EFORMAT, "%s: begins with '%s', expected 'GGUF'", c->file->path,
                        ltd_gguf_label_of(found).text);
    }
    c->at = 4;
    uint32_t version = 0;
    int rc = ltd_gguf_take_u32(c, "the version", &version);
    if (rc < 0) return rc;
    if (version == (uint32_t)VERSION << 24)
        return ltd_fail(c->err, LTD_EUNSUPPORTED,
                        "%s: is a big-endian GGUF, expected little-endian", c->file->path);
    if (version != VERSION)
        return ltd_fail(c->err, LTD_EUNSUPPORTED, "%s: GGUF version is %u, expected %d",
                        c->file->path, version, VERSION);
    return LTD_OK;
}

static int read_file(ltd_gguf *file, ltd_err *err)
{
    ltd_gguf_cursor c = {file, 0, err};
    uint64_t n_tensors = 0, n_values = 0, *offsets = NULL;
    size_t alignment = DEFAULT_ALIGNMENT;
    int rc = read_version(&c);
    if (rc == LTD_OK) rc = ltd_gguf_take_u64(&c, "the tensor count", &n_tensors);
    if (rc == LTD_OK) rc = ltd_gguf_take_u64(&c, "the metadata count", &n_values);
    if (rc == LTD_OK) rc = ltd_gguf_read_values(&c, n_values);
    if (rc == LTD_OK) rc = read_alignment(&c, &alignment);
    if (rc == LTD_OK) rc = read_tensors(&c, n_tensors, &offsets);
    if (rc == LTD_OK) rc = place_tensors(&c, offsets, alignment);
    if (rc == LTD_OK) rc = sort_tensors(&c);
    free(offsets);
    return rc;
}

int ltd_gguf_parse(ltd_gguf **ret, const void *data, size_t size, const char *name, ltd_err *err)
{
    *ret = NULL;
    ltd_gguf *file = ltd_mem_zeros(1, sizeof *file);
    if (!file || !(file->path = ltd_mem_strdup(name))) {
        free(file);
        return ltd_fail(err, LTD_ENOMEM, "%s: no memory", name);
    }
    file->data = data;
    file->size = size;
    int rc = read_file(file, err);
    if (rc < 0) {
        ltd_gguf_close(file);
        return rc;
    }
    *ret = file;
    return LTD_OK;
}

int ltd_gguf_open(ltd_gguf **ret, const char *path, ltd_err *err)
{
    *ret = NULL;
    ltd_file map;
    int rc = ltd_file_map(&map, path, err);
    if (rc < 0) return rc;
    rc = ltd_gguf_parse(ret, map.data, map.size, path, err);
    if (rc < 0)
        ltd_file_unmap(&map);
    else
        (*ret)->map = map;
    return rc;
}

void ltd_gguf_close(ltd_gguf *file)
{
    if (!file) return;
    for (size_t i = 0; i < file->n_values; i++) free((void *)file->values[i].strings);
    for (size_t i = 0; i < file->n_tensors; i++) free((void *)file->tensors[i].name);
    free(file->values);
    free(file->by_key);
    free(file->tensors);
    free(file->by_name);
    ltd_file_unmap(&file->map);
    free(file->path);
    free(file);
}
