/* Writing torch's zip: the pickle first, then a storage a tensor, all of them stored.  The pickle
 * says {name: _rebuild_tensor_v2((storage, 0, sizes, strides, False, OrderedDict())), ...}. */
#include "models/files/ptzip.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

static const char folder[] = "policy"; /* every entry lies in it, as torch's in its file's name */

/* --- the pickle --- */

static void put_u32(ltd_str *s, uint32_t v)
{
    const uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    ltd_str_push(s, (const char *)b, sizeof b);
}

/* BINUNICODE */
static void put_text(ltd_str *s, const char *text)
{
    ltd_str_puts(s, "X");
    put_u32(s, (uint32_t)strlen(text));
    ltd_str_puts(s, text);
}

/* BININT */
static void put_int(ltd_str *s, int64_t v)
{
    ltd_str_puts(s, "J");
    put_u32(s, (uint32_t)v);
}

/* A persistent id: ("storage", FloatStorage, key, "cpu", elements). */
static void put_storage(ltd_str *s, size_t key, int64_t elements)
{
    char name[24];
    snprintf(name, sizeof name, "%zu", key);
    ltd_str_puts(s, "(");
    put_text(s, "storage");
    ltd_str_puts(s, "ctorch\nFloatStorage\n");
    put_text(s, name);
    put_text(s, "cpu");
    put_int(s, elements);
    ltd_str_puts(s, "tQ");
}

static void put_tensor(ltd_str *s, const ltd_tensor_view *t, size_t key)
{
    put_text(s, t->name);
    ltd_str_puts(s, "ctorch._utils\n_rebuild_tensor_v2\n(");
    put_storage(s, key, ltd_tensor_view_count(t));
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

static void put_dict(ltd_str *s, const ltd_tensor_view *tensors, size_t n)
{
    ltd_str_puts(s, "\x80\x02}(");
    for (size_t i = 0; i < n; i++) put_tensor(s, &tensors[i], i);
    ltd_str_puts(s, "u.");
}

static int check_tensor(const char *path, const ltd_tensor_view *t, ltd_err *err)
{
    int64_t count = 1;
    bool bad = t->dtype != LTD_DTYPE_F32 || t->n_dims < 0 || t->n_dims > 8;
    for (int i = 0; !bad && i < t->n_dims; i++)
        bad = t->dims[i] < 0 || __builtin_mul_overflow(count, t->dims[i], &count);
    if (!bad && count <= INT32_MAX && t->bytes == (size_t)count * sizeof(float)) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL,
                    "%s: tensor %s: %s of %zu bytes, expected F32 with up to 2^31 elements", path,
                    t->name, ltd_dtype_name(t->dtype), t->bytes);
}

/* --- the zip --- */

/* `data` is borrowed until the zip is closed. */
static bool add(zip_t *zip, const char *name, const void *data, size_t size)
{
    char full[256];
    if (snprintf(full, sizeof full, "%s/%s", folder, name) >= (int)sizeof full) return false;
    zip_source_t *source = zip_source_buffer(zip, data, size, 0);
    if (!source) return false;
    zip_int64_t i = zip_file_add(zip, full, source, ZIP_FL_ENC_UTF_8);
    if (i < 0) {
        zip_source_free(source);
        return false;
    }
    /* No times: 1980-01-01, the first that a zip can say. */
    return zip_set_file_compression(zip, (zip_uint64_t)i, ZIP_CM_STORE, 0) == 0 &&
           zip_file_set_dostime(zip, (zip_uint64_t)i, 0, 0x21, 0) == 0;
}

static bool add_all(zip_t *zip, const ltd_str *pickle, const ltd_tensor_view *tensors, size_t n,
                    const char *const *names, const char *const *texts, size_t n_texts)
{
    char name[40];
    bool ok = add(zip, "data.pkl", pickle->data, pickle->len) && add(zip, "byteorder", "little", 6);
    for (size_t i = 0; ok && i < n; i++) {
        snprintf(name, sizeof name, "data/%zu", i);
        ok = add(zip, name, tensors[i].data, tensors[i].bytes);
    }
    for (size_t i = 0; ok && i < n_texts; i++) ok = add(zip, names[i], texts[i], strlen(texts[i]));
    return ok && add(zip, "version", "3\n", 2);
}

/* The bytes of a zip that was closed into a buffer; owned. */
static int take_bytes(zip_source_t *buffer, const char *path, uint8_t **ret, size_t *size,
                      ltd_err *err)
{
    zip_stat_t st;
    if (zip_source_stat(buffer, &st) < 0 || zip_source_open(buffer) < 0)
        return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    uint8_t *bytes = ltd_mem_zeros(st.size, 1);
    bool ok = bytes && zip_source_read(buffer, bytes, st.size) == (zip_int64_t)st.size;
    zip_source_close(buffer);
    if (!ok) {
        free(bytes);
        return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    }
    *ret = bytes;
    *size = st.size;
    return LTD_OK;
}

int ltd_ptzip_write(const char *path, const ltd_tensor_view *tensors, size_t n,
                    const char *const *names, const char *const *texts, size_t n_texts,
                    ltd_err *err)
{
    int rc = LTD_OK;
    for (size_t i = 0; rc == LTD_OK && i < n; i++) rc = check_tensor(path, &tensors[i], err);
    if (rc < 0) return rc;
    ltd_str pickle = LTD_STR_INIT;
    uint8_t *bytes = NULL;
    size_t size = 0;
    put_dict(&pickle, tensors, n);
    zip_source_t *buffer = zip_source_buffer_create(NULL, 0, 0, NULL);
    if (buffer) zip_source_keep(buffer);
    zip_t *zip = buffer ? zip_open_from_source(buffer, ZIP_TRUNCATE, NULL) : NULL;
    bool ok = zip && !pickle.failed && add_all(zip, &pickle, tensors, n, names, texts, n_texts);
    if (zip && !(ok && zip_close(zip) == 0)) {
        zip_discard(zip);
        ok = false;
    }
    rc = ok ? take_bytes(buffer, path, &bytes, &size, err)
            : ltd_fail(err, LTD_ENOMEM, "%s: no memory for the zip", path);
    if (rc == LTD_OK) rc = ltd_file_write(path, bytes, size, err);
    free(bytes);
    ltd_str_fini(&pickle);
    if (buffer) zip_source_free(buffer);
    return rc;
}
