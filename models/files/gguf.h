/* GGUF v3 files: metadata and tensors of one model, mapped, nothing copied.
 * Every count, length and offset is checked against the file before it is used; a damaged file
 * gives LTD_EFORMAT with what, where, found and expected.
 *
 *     ltd_gguf *file;
 *     if (ltd_gguf_open(&file, "model.gguf", &err) < 0) ...
 *     const ltd_tensor_view *t = ltd_gguf_tensor(file, "token_embd.weight");
 *     ltd_gguf_close(file);
 *
 * Thread rule: immutable once open; any thread may read.
 * Source: the GGUF specification of the ggml project (byte layout). */
#ifndef LTD_MODELS_FILES_GGUF_H
#define LTD_MODELS_FILES_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "models/files/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_gguf ltd_gguf;

typedef enum ltd_gguf_type {
    LTD_GGUF_U8,
    LTD_GGUF_I8,
    LTD_GGUF_U16,
    LTD_GGUF_I16,
    LTD_GGUF_U32,
    LTD_GGUF_I32,
    LTD_GGUF_F32,
    LTD_GGUF_BOOL,
    LTD_GGUF_STRING,
    LTD_GGUF_ARRAY,
    LTD_GGUF_U64,
    LTD_GGUF_I64,
    LTD_GGUF_F64,
    LTD_GGUF_TYPE_COUNT
} ltd_gguf_type;

/* A string inside the file: not NUL-terminated, borrowed until close. */
typedef struct ltd_gguf_string {
    const char *data;
    size_t len;
} ltd_gguf_string;

/* One metadata value; for arrays, `type` is that of the elements. */
typedef struct ltd_gguf_value {
    ltd_gguf_string key;
    ltd_gguf_type type;
    bool is_array;
    uint64_t count; /* elements; 1 for a plain value */
    /* First element as stored (a string: u64 length, then bytes), unaligned; borrowed. */
    const uint8_t *data;
    /* Strings of a string array, indexed at open so that reading one is O(1); else NULL. */
    const ltd_gguf_string *strings;
} ltd_gguf_value;

enum { LTD_GGUF_ABSENT = 1 }; /* condition of the ltd_gguf_get_* calls: no such key */

/* Map and check a file.  LTD_EIO, LTD_EFORMAT, LTD_EUNSUPPORTED (version, big-endian). *ret owned.
 */
int ltd_gguf_open(ltd_gguf **ret, const char *path, ltd_err *err);

/* The same over memory, borrowed until close; `name` is used in messages. */
int ltd_gguf_parse(ltd_gguf **ret, const void *data, size_t size, const char *name, ltd_err *err);

void ltd_gguf_close(ltd_gguf *file);

/* Let the pages of the mapping go (they come back from disk when touched). */
void ltd_gguf_forget(const ltd_gguf *file);

const char *ltd_gguf_path(const ltd_gguf *file);
size_t ltd_gguf_size(const ltd_gguf *file); /* bytes of the file */

size_t ltd_gguf_value_count(const ltd_gguf *file);
const ltd_gguf_value *ltd_gguf_value_at(const ltd_gguf *file, size_t i);
/* NULL when absent. */
const ltd_gguf_value *ltd_gguf_find(const ltd_gguf *file, const char *key);

/* Typed access.  0, LTD_GGUF_ABSENT (output untouched), or LTD_EFORMAT when the value has another
 * type or does not fit.  Any integer type that fits is accepted for i64, any number for f64. */
int ltd_gguf_get_i64(const ltd_gguf *file, const char *key, int64_t *ret, ltd_err *err);
int ltd_gguf_get_f64(const ltd_gguf *file, const char *key, double *ret, ltd_err *err);
int ltd_gguf_get_bool(const ltd_gguf *file, const char *key, bool *ret, ltd_err *err);
int ltd_gguf_get_string(const ltd_gguf *file, const char *key, ltd_gguf_string *ret, ltd_err *err);
/* Element i of an array of integers or floats (or of a plain value, i = 0), widened to double; NAN
 * for strings. */
double ltd_gguf_number(const ltd_gguf_value *value, uint64_t i);

size_t ltd_gguf_tensor_count(const ltd_gguf *file);
const ltd_tensor_view *ltd_gguf_tensor_at(const ltd_gguf *file, size_t i);
/* NULL when absent. */
const ltd_tensor_view *ltd_gguf_tensor(const ltd_gguf *file, const char *name);

#ifdef __cplusplus
}
#endif
#endif
