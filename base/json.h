/* JSON: a bounded reader over json-c with typed getters whose errors name file and key, and a
 * writer over ltd_str.  Knows nothing of what the documents mean.
 *
 *     ltd_json_doc *doc;
 *     if (ltd_json_parse(&doc, "config.json", data, size, &err) < 0) return err.code;
 *     int64_t layers;
 *     rc = ltd_json_get_int(ltd_json_root(doc), "num_hidden_layers", 1, 512, &layers, &err);
 *     ltd_json_free(doc);
 *
 * Thread rule: a document belongs to one thread. */
#ifndef LTD_BASE_JSON_H
#define LTD_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_object;
struct lh_entry;

enum { LTD_JSON_MAX_DEPTH = 64 };

typedef struct ltd_json_doc ltd_json_doc;

/* One value; plain data, borrowed from its document. */
typedef struct ltd_json {
    struct json_object *value; /* NULL: JSON null or no value */
    const char *name;          /* of the document, for messages */
} ltd_json;

typedef enum ltd_json_type {
    LTD_JSON_NULL,
    LTD_JSON_BOOL,
    LTD_JSON_NUMBER, /* integer or not */
    LTD_JSON_STRING,
    LTD_JSON_ARRAY,
    LTD_JSON_OBJECT
} ltd_json_type;

/* --- reading --- */

/* Parse `size` bytes; `name` (copied) opens every message.  LTD_EFORMAT "name:line: what": broken
 * JSON (Python's NaN and Infinity are let in, and refused by the getters), text after it, deeper
 * than LTD_JSON_MAX_DEPTH, 2 GiB or more.  *ret owned. */
int ltd_json_parse(ltd_json_doc **ret, const char *name, const void *data, size_t size,
                   ltd_err *err);
void ltd_json_free(ltd_json_doc *doc);

/* The outermost value. */
ltd_json ltd_json_root(const ltd_json_doc *doc);
ltd_json_type ltd_json_type_of(ltd_json v);

/* Whether `object` is an object that has `key` with something else than null. */
bool ltd_json_has(ltd_json object, const char *key);

/* Whether it has `key`, with null too. */
bool ltd_json_has_key(ltd_json object, const char *key);

/* Typed members of an object.  LTD_EFORMAT "name: key 'x': found string, expected number", "name:
 * key 'x': missing", "... is 7, expected 1 to 4"; *ret is then untouched.  Strings, objects and
 * arrays are borrowed from the document. */
int ltd_json_get_bool(ltd_json object, const char *key, bool *ret, ltd_err *err);
int ltd_json_get_int(ltd_json object, const char *key, int64_t min, int64_t max, int64_t *ret,
                     ltd_err *err);
int ltd_json_get_f64(ltd_json object, const char *key, double *ret, ltd_err *err);
int ltd_json_get_string(ltd_json object, const char *key, const char **ret, ltd_err *err);
/* A string that is one of name(0), ..., name(n - 1): which. */
int ltd_json_get_choice(ltd_json object, const char *key, const char *(*name)(int), int n, int *ret,
                        ltd_err *err);
int ltd_json_get_object(ltd_json object, const char *key, ltd_json *ret, ltd_err *err);
int ltd_json_get_array(ltd_json object, const char *key, ltd_json *ret, ltd_err *err);
/* Any type; a missing key gives a null value. */
ltd_json ltd_json_member(ltd_json object, const char *key);

/* The value itself, `what` names it in messages ("key 'merges', entry 3"). */
int ltd_json_as_int(ltd_json v, const char *what, int64_t min, int64_t max, int64_t *ret,
                    ltd_err *err);
int ltd_json_as_f64(ltd_json v, const char *what, double *ret, ltd_err *err);
int ltd_json_as_string(ltd_json v, const char *what, const char **ret, ltd_err *err);
/* Text of a string and its length, for strings that may hold NUL; "" and 0 for other types. */
const char *ltd_json_text(ltd_json v, size_t *len);

/* Elements of an array or members of an object; 0 for other types. */
size_t ltd_json_count(ltd_json v);
/* Element i of an array; a null value outside. */
ltd_json ltd_json_at(ltd_json array, size_t i);

/* Members of an object in file order:
 *     for (ltd_json_iter it = ltd_json_each(object); ltd_json_next(&it);) use(it.key, it.value); */
typedef struct ltd_json_iter {
    const char *key;
    ltd_json value;
    const struct lh_entry *next_;
} ltd_json_iter;
ltd_json_iter ltd_json_each(ltd_json object);
bool ltd_json_next(ltd_json_iter *it);

/* --- writing ---
 *     ltd_str s = LTD_STR_INIT;
 *     ltd_json_writer w = ltd_json_writing(&s, 2);
 *     ltd_json_begin_object(&w, NULL);
 *     ltd_json_put_string(&w, "policy", "ltd");
 *     ltd_json_end_object(&w);
 *
 * `key` is the member's name inside an object and NULL inside an array or outermost. */
typedef struct ltd_json_writer {
    ltd_str *out; /* borrowed; remembers a failed allocation */
    int indent;   /* spaces a level, 0 = everything on one line */
    int depth;
    int inline_depth;                    /* depth from which values share a line, 0 = none */
    bool filled[LTD_JSON_MAX_DEPTH + 1]; /* the level has a value already */
} ltd_json_writer;

ltd_json_writer ltd_json_writing(ltd_str *out, int indent);
void ltd_json_begin_object(ltd_json_writer *w, const char *key);
void ltd_json_end_object(ltd_json_writer *w);
void ltd_json_begin_array(ltd_json_writer *w, const char *key);
void ltd_json_end_array(ltd_json_writer *w);
/* An object or array whose content stays on one line; ended by the same functions. */
void ltd_json_begin_inline_object(ltd_json_writer *w, const char *key);
void ltd_json_begin_inline_array(ltd_json_writer *w, const char *key);
/* Bytes that are no UTF-8 become U+FFFD; v NULL writes null. */
void ltd_json_put_string(ltd_json_writer *w, const char *key, const char *v);
void ltd_json_put_text(ltd_json_writer *w, const char *key, const char *v, size_t len);
void ltd_json_put_int(ltd_json_writer *w, const char *key, int64_t v);
void ltd_json_put_u64(ltd_json_writer *w, const char *key, uint64_t v);
/* Shortest digits that read back equal; NaN and infinities, which JSON lacks, become null. */
void ltd_json_put_f64(ltd_json_writer *w, const char *key, double v);
void ltd_json_put_bool(ltd_json_writer *w, const char *key, bool v);
void ltd_json_put_null(ltd_json_writer *w, const char *key);

/* The shortest of %.15g, %.16g, %.17g that reads back equal: "0.1", "1e-06", "nan". */
void ltd_json_format_f64(char ret[32], double v);

#ifdef __cplusplus
}
#endif
#endif
