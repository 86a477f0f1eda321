/* Strict JSON over json-c.
 *
 * json-c keeps the last of two equal keys, cuts keys at \u0000 and turns a lone surrogate into
 * U+FFFD, all without a word.  So the text is scanned a second time, once it is known to be JSON:
 * each ':' outside a string is one member, and there must be as many members in the tree. */
#include "models/files/json_priv.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json_tokener.h>

#include "base/file.h"

enum { MAX_DEPTH = 32 };

/* The four digits after \u of valid JSON. */
static unsigned code_unit(const char *digits)
{
    char text[5] = {digits[0], digits[1], digits[2], digits[3], 0};
    return (unsigned)strtoul(text, NULL, 16);
}

/* Step over a string of valid JSON; `i` is behind its opening quote.  Returns the place behind the
 * closing one, or 0 when the string holds a NUL, a raw control byte or half a surrogate pair. */
static size_t skip_string(const char *text, size_t i)
{
    for (; text[i] != '"'; i++) {
        if ((unsigned char)text[i] < ' ') return 0;
        if (text[i] != '\\') continue;
        if (text[++i] != 'u') continue;
        unsigned unit = code_unit(text + i + 1);
        i += 4;
        if (unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff)) return 0;
        if (unit < 0xd800 || unit > 0xdbff) continue;
        if (text[i + 1] != '\\' || text[i + 2] != 'u') return 0;
        unit = code_unit(text + i + 3);
        i += 6;
        if (unit < 0xdc00 || unit > 0xdfff) return 0;
    }
    return i + 1;
}

/* Members of all objects of valid JSON of n bytes; SIZE_MAX when a string is not text, at *bad. */
static size_t count_members(const char *text, size_t n, size_t *bad)
{
    size_t members = 0;
    for (size_t i = 0; i < n;) {
        if (text[i] == '"') {
            *bad = i;
            i = skip_string(text, i + 1);
            if (!i) return SIZE_MAX;
            continue;
        }
        members += text[i++] == ':';
    }
    return members;
}

static size_t count_tree(const json_object *value)
{
    size_t n = 0;
    if (json_object_is_type(value, json_type_array)) {
        size_t length = json_object_array_length(value);
        for (size_t i = 0; i < length; i++) n += count_tree(json_object_array_get_idx(value, i));
    } else if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, member)
        {
            (void)key;
            n += 1 + count_tree(member);
        }
    }
    return n;
}

static int check(const json_object *root, const char *text, size_t n, const char *where,
                 ltd_err *err)
{
    size_t bad = 0, members = count_members(text, n, &bad);
    if (members == SIZE_MAX)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: the JSON string at byte %zu holds a control byte or half a surrogate",
                        where, bad);
    size_t distinct = count_tree(root);
    if (members != distinct)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: the JSON gives %zu names, only %zu of them different: one is there "
                        "twice",
                        where, members, distinct);
    return LTD_OK;
}

int ltd_files_json_parse(json_object **ret, const char *text, size_t n, const char *where,
                         ltd_err *err)
{
    *ret = NULL;
    size_t begin = 0;
    while (begin < n && strchr(" \t\r\n", text[begin]) && text[begin]) begin++;
    if (begin == n || text[begin] != '{')
        return ltd_fail(err, LTD_EFORMAT, "%s: does not begin with '{': no JSON object", where);
    if (n > INT_MAX)
        return ltd_fail(err, LTD_EFORMAT, "%s: %zu bytes of JSON, expected less than 2^31", where,
                        n);
    json_tokener *tok = json_tokener_new_ex(MAX_DEPTH);
    if (!tok) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", where);
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    json_object *root = json_tokener_parse_ex(tok, text, (int)n);
    enum json_tokener_error state = json_tokener_get_error(tok);
    size_t end = json_tokener_get_parse_end(tok);
    json_tokener_free(tok);
    int rc = LTD_OK;
    if (state == json_tokener_continue) {
        rc = ltd_fail(err, LTD_EFORMAT, "%s: the JSON ends too early, after %zu bytes", where, n);
    } else if (state != json_tokener_success) {
        rc = ltd_fail(err, LTD_EFORMAT, "%s: no valid JSON at byte %zu: %s", where, end,
                      json_tokener_error_desc(state));
    } else {
        size_t rest = end;
        while (rest < n && text[rest] && strchr(" \t\r\n", text[rest])) rest++;
        if (rest < n)
            rc =
                ltd_fail(err, LTD_EFORMAT, "%s: byte %zu follows the end of the JSON", where, rest);
        else
            rc = check(root, text, end, where, err);
    }
    if (rc < 0) {
        json_object_put(root);
        return rc;
    }
    *ret = root;
    return LTD_OK;
}

int ltd_files_json_load(json_object **ret, const char *path, ltd_err *err)
{
    *ret = NULL;
    ltd_file map;
    int rc = ltd_file_map(&map, path, err);
    if (rc < 0) return rc;
    rc = ltd_files_json_parse(ret, (const char *)map.data, map.size, path, err);
    ltd_file_unmap(&map);
    return rc;
}

bool ltd_files_json_size(const json_object *value, int64_t *ret)
{
    if (!json_object_is_type(value, json_type_int)) return false;
    int64_t v = json_object_get_int64(value); /* what is larger comes out as INT64_MAX */
    if (v < 0 || v == INT64_MAX) return false;
    *ret = v;
    return true;
}
