/* Reading JSON.  json-c does the parsing; this file bounds it and says what is wrong where.
 * A value is (json-c object, document name): passing it by value keeps the getters free of
 * allocation, and the name free of a back pointer in every object. */
#include "base/json.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/mem.h"

struct ltd_json_doc {
    struct json_object *root;
    char *name;
};

static const char *const TYPE_NAMES[] = {"null", "boolean", "number", "string", "array", "object"};

static int line_of(const char *text, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < offset; i++) line += text[i] == '\n';
    return line;
}

/* json-c takes an int length and wants to see an end: a number at the end of the text could go on,
 * so that it answers "continue" until it gets a NUL. */
static struct json_object *parse_all(json_tokener *tok, const char *text, size_t size)
{
    struct json_object *root = json_tokener_parse_ex(tok, text, (int)size);
    if (!root && json_tokener_get_error(tok) == json_tokener_continue)
        root = json_tokener_parse_ex(tok, "", 1);
    return root;
}

int ltd_json_parse(ltd_json_doc **ret, const char *name, const void *data, size_t size,
                   ltd_err *err)
{
    *ret = NULL;
    if (size >= INT_MAX)
        return ltd_fail(err, LTD_EFORMAT, "%s: %zu bytes, expected less than 2 GiB", name, size);
    /* A NUL inside would end json-c's text early and hide what follows. */
    const char *nul = size ? memchr(data, 0, size) : NULL;
    if (nul)
        return ltd_fail(err, LTD_EFORMAT, "%s:%d: a NUL byte", name,
                        line_of(data, (size_t)(nul - (const char *)data)));
    ltd_json_doc *doc = ltd_mem_zeros(1, sizeof *doc);
    json_tokener *tok = json_tokener_new_ex(LTD_JSON_MAX_DEPTH);
    int rc = LTD_OK;
    if (!doc || !tok || !(doc->name = ltd_mem_strdup(name))) {
        rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory", name);
        goto out;
    }
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    doc->root = parse_all(tok, size ? data : "", size);
    enum json_tokener_error what = json_tokener_get_error(tok);
    size_t end = json_tokener_get_parse_end(tok);
    if (end > size) end = size;
    if (what == json_tokener_continue || what == json_tokener_error_parse_eof)
        rc =
            ltd_fail(err, LTD_EFORMAT, "%s:%d: the text ends too early", name, line_of(data, size));
    else if (what == json_tokener_error_depth)
        rc = ltd_fail(err, LTD_EFORMAT, "%s:%d: deeper than %d levels", name, line_of(data, end),
                      LTD_JSON_MAX_DEPTH);
    else if (what != json_tokener_success)
        rc = ltd_fail(err, LTD_EFORMAT, "%s:%d: %s", name, line_of(data, end),
                      json_tokener_error_desc(what));
out:
    if (tok) json_tokener_free(tok);
    if (rc < 0) {
        ltd_json_free(doc);
        return rc;
    }
    *ret = doc;
    return LTD_OK;
}

void ltd_json_free(ltd_json_doc *doc)
{
    if (!doc) return;
    json_object_put(doc->root);
    free(doc->name);
    free(doc);
}

ltd_json ltd_json_root(const ltd_json_doc *doc)
{
    return (ltd_json){doc->root, doc->name};
}

ltd_json_type ltd_json_type_of(ltd_json v)
{
    switch (json_object_get_type(v.value)) {
    case json_type_boolean: return LTD_JSON_BOOL;
    case json_type_int:
    case json_type_double: return LTD_JSON_NUMBER;
    case json_type_string: return LTD_JSON_STRING;
    case json_type_array: return LTD_JSON_ARRAY;
    case json_type_object: return LTD_JSON_OBJECT;
    case json_type_null: break;
    }
    return LTD_JSON_NULL;
}

ltd_json ltd_json_member(ltd_json object, const char *key)
{
    struct json_object *v = NULL;
    if (ltd_json_type_of(object) == LTD_JSON_OBJECT)
        json_object_object_get_ex(object.value, key, &v);
    return (ltd_json){v, object.name};
}

bool ltd_json_has_key(ltd_json object, const char *key)
{
    return ltd_json_type_of(object) == LTD_JSON_OBJECT &&
           json_object_object_get_ex(object.value, key, NULL);
}

bool ltd_json_has(ltd_json object, const char *key)
{
    return ltd_json_member(object, key).value != NULL;
}

/* The member `key` of this type, or the message. */
static int member_of(ltd_json object, const char *key, ltd_json_type type, ltd_json *ret,
                     ltd_err *err)
{
    ltd_json_type outer = ltd_json_type_of(object);
    if (outer != LTD_JSON_OBJECT)
        return ltd_fail(err, LTD_EFORMAT, "%s: found %s, expected object with key '%s'",
                        object.name, TYPE_NAMES[outer], key);
    if (!json_object_object_get_ex(object.value, key, NULL))
        return ltd_fail(err, LTD_EFORMAT, "%s: key '%s': missing, expected %s", object.name, key,
                        TYPE_NAMES[type]);
    ltd_json v = ltd_json_member(object, key);
    ltd_json_type found = ltd_json_type_of(v);
    if (found != type)
        return ltd_fail(err, LTD_EFORMAT, "%s: key '%s': found %s, expected %s", object.name, key,
                        TYPE_NAMES[found], TYPE_NAMES[type]);
    *ret = v;
    return LTD_OK;
}

/* A number as an integer: 3 and 3.0 are, 3.5 and 1e30 are not.  json-c clamps integers beyond
 * int64; those beyond are uint64 or saturated and can't be told apart from the limit itself, so the
 * limits themselves are refused by the callers' ranges where it matters. */
static int to_int(ltd_json v, const char *what, int64_t min, int64_t max, int64_t *ret,
                  ltd_err *err)
{
    if (json_object_is_type(v.value, json_type_double)) {
        double d = json_object_get_double(v.value);
        if (!(d == floor(d)) || d < -9007199254740992.0 || d > 9007199254740992.0)
            return ltd_fail(err, LTD_EFORMAT, "%s: %s: is %g, expected an integer", v.name, what,
                            d);
        if (d < (double)min || d > (double)max)
            return ltd_fail(err, LTD_EFORMAT, "%s: %s: is %g, expected %lld to %lld", v.name, what,
                            d, (long long)min, (long long)max);
        *ret = (int64_t)d;
        return LTD_OK;
    }
    int64_t n = json_object_get_int64(v.value);
    if (n < min || n > max)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s: is %lld, expected %lld to %lld", v.name, what,
                        (long long)n, (long long)min, (long long)max);
    *ret = n;
    return LTD_OK;
}

/* json-c reads Python's NaN and Infinity; no number of ours is one. */
static int to_f64(ltd_json v, const char *what, double *ret, ltd_err *err)
{
    double d = json_object_get_double(v.value);
    if (!isfinite(d))
        return ltd_fail(err, LTD_EFORMAT, "%s: %s: is %g, expected a finite number", v.name, what,
                        d);
    *ret = d;
    return LTD_OK;
}

int ltd_json_get_bool(ltd_json object, const char *key, bool *ret, ltd_err *err)
{
    ltd_json v = {NULL, NULL};
    int rc = member_of(object, key, LTD_JSON_BOOL, &v, err);
    if (rc < 0) return rc;
    *ret = json_object_get_boolean(v.value);
    return LTD_OK;
}

int ltd_json_get_int(ltd_json object, const char *key, int64_t min, int64_t max, int64_t *ret,
                     ltd_err *err)
{
    ltd_json v = {NULL, NULL};
    int rc = member_of(object, key, LTD_JSON_NUMBER, &v, err);
    if (rc < 0) return rc;
    char what[160];
    snprintf(what, sizeof what, "key '%.140s'", key);
    return to_int(v, what, min, max, ret, err);
}

int ltd_json_get_f64(ltd_json object, const char *key, double *ret, ltd_err *err)
{
    ltd_json v = {NULL, NULL};
    int rc = member_of(object, key, LTD_JSON_NUMBER, &v, err);
    if (rc < 0) return rc;
    char what[160];
    snprintf(what, sizeof what, "key '%.140s'", key);
    return to_f64(v, what, ret, err);
}

int ltd_json_get_string(ltd_json object, const char *key, const char **ret, ltd_err *err)
{
    ltd_json v = {NULL, NULL};
    int rc = member_of(object, key, LTD_JSON_STRING, &v, err);
    if (rc < 0) return rc;
    *ret = json_object_get_string(v.value);
    return LTD_OK;
}

int ltd_json_get_choice(ltd_json object, const char *key, const char *(*name)(int), int n, int *ret,
                        ltd_err *err)
{
    const char *text;
    int rc = ltd_json_get_string(object, key, &text, err);
    if (rc < 0) return rc;
    for (int i = 0; i < n; i++) {
        if (strcmp(name(i), text) != 0) continue;
        *ret = i;
        return LTD_OK;
    }
    return ltd_fail(err, LTD_EFORMAT, "%s: key '%s': is '%.40s', expected one of %d, such as '%s'",
                    object.name, key, text, n, name(0));
}

int ltd_json_get_object(ltd_json object, const char *key, ltd_json *ret, ltd_err *err)
{
    return member_of(object, key, LTD_JSON_OBJECT, ret, err);
}

int ltd_json_get_array(ltd_json object, const char *key, ltd_json *ret, ltd_err *err)
{
    return member_of(object, key, LTD_JSON_ARRAY, ret, err);
}

static int expect(ltd_json v, const char *what, ltd_json_type type, ltd_err *err)
{
    ltd_json_type found = ltd_json_type_of(v);
    if (found == type) return LTD_OK;
    return ltd_fail(err, LTD_EFORMAT, "%s: %s: found %s, expected %s", v.name, what,
                    TYPE_NAMES[found], TYPE_NAMES[type]);
}

int ltd_json_as_int(ltd_json v, const char *what, int64_t min, int64_t max, int64_t *ret,
                    ltd_err *err)
{
    int rc = expect(v, what, LTD_JSON_NUMBER, err);
    return rc < 0 ? rc : to_int(v, what, min, max, ret, err);
}

int ltd_json_as_f64(ltd_json v, const char *what, double *ret, ltd_err *err)
{
    int rc = expect(v, what, LTD_JSON_NUMBER, err);
    return rc < 0 ? rc : to_f64(v, what, ret, err);
}

int ltd_json_as_string(ltd_json v, const char *what, const char **ret, ltd_err *err)
{
    int rc = expect(v, what, LTD_JSON_STRING, err);
    if (rc < 0) return rc;
    *ret = json_object_get_string(v.value);
    return LTD_OK;
}

const char *ltd_json_text(ltd_json v, size_t *len)
{
    bool is = ltd_json_type_of(v) == LTD_JSON_STRING;
    if (len) *len = is ? (size_t)json_object_get_string_len(v.value) : 0;
    return is ? json_object_get_string(v.value) : "";
}

size_t ltd_json_count(ltd_json v)
{
    switch (ltd_json_type_of(v)) {
    case LTD_JSON_ARRAY: return json_object_array_length(v.value);
    case LTD_JSON_OBJECT: return (size_t)json_object_object_length(v.value);
    default: return 0;
    }
}

ltd_json ltd_json_at(ltd_json array, size_t i)
{
    bool is = ltd_json_type_of(array) == LTD_JSON_ARRAY && i < ltd_json_count(array);
    return (ltd_json){is ? json_object_array_get_idx(array.value, i) : NULL, array.name};
}

ltd_json_iter ltd_json_each(ltd_json object)
{
    ltd_json_iter it = {NULL, {NULL, object.name}, NULL};
    if (ltd_json_type_of(object) == LTD_JSON_OBJECT)
        it.next_ = lh_table_head(json_object_get_object(object.value));
    return it;
}

bool ltd_json_next(ltd_json_iter *it)
{
    if (!it->next_) return false;
    it->key = lh_entry_k(it->next_);
    it->value.value = (struct json_object *)lh_entry_v(it->next_);
    it->next_ = lh_entry_next(it->next_);
    return true;
}
