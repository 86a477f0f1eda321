/* Reading the metadata of a GGUF file: the cursor that knows how many bytes remain, and values.
 *
 * Nothing is allocated on the word of a count: tables grow as entries are really read, so a damaged
 * count costs at most a small multiple of the file's own size.  Arrays are stepped over, not
 * copied; only strings of an array are indexed, because their places can't be computed. */
#include "models/files/gguf_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_KEY = 65535, MAX_NESTING = 8 };

static size_t remaining(const ltd_gguf_cursor *c)
{
    return c->file->size - c->at;
}

static int ends_inside(const ltd_gguf_cursor *c, const char *what, uint64_t need)
{
    return ltd_fail(c->err, LTD_EFORMAT,
                    "%s: %s needs %llu bytes at offset %zu, %zu are left of the file",
                    c->file->path, what, (unsigned long long)need, c->at, remaining(c));
}

int ltd_gguf_take_u32(ltd_gguf_cursor *c, const char *what, uint32_t *ret)
{
    if (remaining(c) < sizeof *ret) return ends_inside(c, what, sizeof *ret);
    memcpy(ret, c->file->data + c->at, sizeof *ret);
    c->at += sizeof *ret;
    return LTD_OK;
}

int ltd_gguf_take_u64(ltd_gguf_cursor *c, const char *what, uint64_t *ret)
{
    if (remaining(c) < sizeof *ret) return ends_inside(c, what, sizeof *ret);
    memcpy(ret, c->file->data + c->at, sizeof *ret);
    c->at += sizeof *ret;
    return LTD_OK;
}

int ltd_gguf_take_string(ltd_gguf_cursor *c, const char *what, ltd_gguf_string *ret)
{
    uint64_t len = 0;
    int rc = ltd_gguf_take_u64(c, what, &len);
    if (rc < 0) return rc;
    if (len > remaining(c)) return ends_inside(c, what, len);
    *ret = (ltd_gguf_string){(const char *)c->file->data + c->at, (size_t)len};
    c->at += (size_t)len;
    return LTD_OK;
}

void *ltd_gguf_room(void *table, size_t n, size_t size)
{
    if (n && (n & (n - 1))) return table;
    return ltd_mem_resize(table, n ? 2 * n : 1, size);
}

static int read_type(ltd_gguf_cursor *c, ltd_gguf_label key, const char *what, ltd_gguf_type *ret)
{
    uint32_t type = 0;
    int rc = ltd_gguf_take_u32(c, what, &type);
    if (rc < 0) return rc;
    if (type >= LTD_GGUF_TYPE_COUNT)
        return ltd_fail(c->err, LTD_EFORMAT, "%s: %s of %s is %u, expected 0 to %d", c->file->path,
                        what, key.text, type, LTD_GGUF_TYPE_COUNT - 1);
    *ret = (ltd_gguf_type)type;
    return LTD_OK;
}

/* Step over `count` elements of `type`; arrays of arrays go deeper, MAX_NESTING at most. */
static int skip_elements(ltd_gguf_cursor *c, ltd_gguf_label key, ltd_gguf_type type, uint64_t count,
                         int depth)
{
    size_t size = ltd_gguf_type_size(type);
    int rc = LTD_OK;
    if (size) {
        if (count > remaining(c) / size)
            return ltd_fail(c->err, LTD_EFORMAT,
                            "%s: %s holds %llu values of type %s, the file has %zu bytes left",
                            c->file->path, key.text, (unsigned long long)count,
                            ltd_gguf_type_name(type), remaining(c));
        c->at += (size_t)count * size;
        return LTD_OK;
    }
    if (depth > MAX_NESTING)
        return ltd_fail(c->err, LTD_EFORMAT, "%s: %s nests arrays deeper than %d", c->file->path,
                        key.text, MAX_NESTING);
    for (uint64_t i = 0; i < count && rc == LTD_OK; i++) {
        if (type == LTD_GGUF_STRING) {
            ltd_gguf_string s;
            rc = ltd_gguf_take_string(c, "a string of the metadata", &s);
            continue;
        }
        ltd_gguf_type inner = LTD_GGUF_U8;
        uint64_t n = 0;
        if ((rc = read_type(c, key, "element type", &inner)) < 0) break;
        if ((rc = ltd_gguf_take_u64(c, "an array count", &n)) < 0) break;
        rc = skip_elements(c, key, inner, n, depth + 1);
    }
    return rc;
}

/* Where the strings of an array that has been stepped over begin: so that one is read in O(1). */
static int index_strings(ltd_gguf_cursor *c, ltd_gguf_value *value)
{
    ltd_gguf_string *strings = ltd_mem_zeros((size_t)value->count, sizeof *strings);
    if (!strings)
        return ltd_fail(c->err, LTD_ENOMEM, "%s: no memory for %llu strings", c->file->path,
                        (unsigned long long)value->count);
    const uint8_t *p = value->data;
    for (uint64_t i = 0; i < value->count; i++) {
        uint64_t len;
        memcpy(&len, p, sizeof len);
        strings[i] = (ltd_gguf_string){(const char *)p + 8, (size_t)len};
        p += 8 + len;
    }
    value->strings = strings;
    return LTD_OK;
}

static int read_value(ltd_gguf_cursor *c, ltd_gguf_value *ret)
{
    int rc = ltd_gguf_take_string(c, "a metadata key", &ret->key);
    if (rc < 0) return rc;
    ltd_gguf_label key = ltd_gguf_label_of(ret->key);
    if (ret->key.len > MAX_KEY || memchr(ret->key.data, 0, ret->key.len))
        return ltd_fail(c->err, LTD_EFORMAT,
                        "%s: metadata key '%s' has %zu bytes or a NUL, expected at most %d without",
                        c->file->path, key.text, ret->key.len, MAX_KEY);
    if ((rc = read_type(c, key, "value type", &ret->type)) < 0) return rc;
    ret->count = 1;
    if (ret->type == LTD_GGUF_ARRAY) {
        ret->is_array = true;
        if ((rc = read_type(c, key, "element type", &ret->type)) < 0) return rc;
        if ((rc = ltd_gguf_take_u64(c, "an array count", &ret->count)) < 0) return rc;
    }
    ret->data = c->file->data + c->at;
    if ((rc = skip_elements(c, key, ret->type, ret->count, 1)) < 0) return rc;
    return ret->is_array && ret->type == LTD_GGUF_STRING ? index_strings(c, ret) : LTD_OK;
}

static int by_key(const void *a, const void *b)
{
    const ltd_gguf_value *const *x = a, *const *y = b;
    return ltd_gguf_string_compare((*x)->key, (*y)->key);
}

static int sort_values(ltd_gguf_cursor *c)
{
    ltd_gguf *file = c->file;
    file->by_key = ltd_mem_zeros(file->n_values, sizeof *file->by_key);
    if (!file->by_key) return ltd_fail(c->err, LTD_ENOMEM, "%s: no memory", file->path);
    for (size_t i = 0; i < file->n_values; i++) file->by_key[i] = &file->values[i];
    qsort(file->by_key, file->n_values, sizeof *file->by_key, by_key);
    for (size_t i = 1; i < file->n_values; i++)
        if (by_key(&file->by_key[i - 1], &file->by_key[i]) == 0)
            return ltd_fail(c->err, LTD_EFORMAT, "%s: metadata key %s is there twice", file->path,
                            ltd_gguf_label_of(file->by_key[i]->key).text);
    return LTD_OK;
}

int ltd_gguf_read_values(ltd_gguf_cursor *c, uint64_t n)
{
    ltd_gguf *file = c->file;
    for (uint64_t i = 0; i < n; i++) {
        void *grown = ltd_gguf_room(file->values, file->n_values, sizeof *file->values);
        if (!grown) return ltd_fail(c->err, LTD_ENOMEM, "%s: no memory", file->path);
        file->values = grown;
        ltd_gguf_value *value = &file->values[file->n_values];
        *value = (ltd_gguf_value){0};
        int rc = read_value(c, value);
        if (rc < 0) return rc;
        file->n_values++;
    }
    return sort_values(c);
}
