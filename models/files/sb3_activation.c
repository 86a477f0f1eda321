/* policy_kwargs of `data` is a dict.  One that is plain JSON stands there as it is.  Any other is
 * given as ":type:", ":serialized:" (a pickle, base64) and its members once more, each as JSON or
 * as what Python prints of it: "activation_fn": "<class 'torch.nn.modules.activation.ReLU'>".
 *
 * So the class is read off that text; where the member is missing, off the bytes that must follow
 * the key in the pickle.  They are compared, never run: what isn't the one or two forms that a
 * reference to a class has leaves the activation open. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "models/files/sb3_priv.h"

static const char key[] = "activation_fn";

/* Letters, digits, "_" and "." alone: it will be printed. */
static bool is_name(const char *s, size_t n)
{
    static const char *const good =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
    for (size_t i = 0; i < n; i++)
        if (!s[i] || !strchr(good, s[i])) return false;
    return n > 0;
}

/* "module.Class", without the module where it is torch.nn's. */
static bool take_class(char ret[LTD_SB3_CLASS], const char *name, size_t n)
{
    if (!is_name(name, n)) return false;
    size_t from = n;
    while (from > 0 && name[from - 1] != '.') from--;
    if (n < 9 || memcmp(name, "torch.nn.", 9) != 0) from = 0;
    n -= from;
    if (n == 0 || n >= LTD_SB3_CLASS) return false;
    memcpy(ret, name + from, n);
    ret[n] = 0;
    return true;
}

/* "<class 'torch.nn.modules.activation.ReLU'>" */
static bool read_printed(char ret[LTD_SB3_CLASS], const char *text, size_t n)
{
    static const char begin[] = "<class '", end[] = "'>";
    size_t b = sizeof begin - 1, e = sizeof end - 1;
    return n > b + e && memcmp(text, begin, b) == 0 && memcmp(text + n - e, end, e) == 0 &&
           take_class(ret, text + b, n - b - e);
}

/* --- the pickle --- */

/* Six bits, -1 for what is none. */
static int sextet(char c)
{
    static const char *const digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Bytes of base64 up to its padding, or to what is none; room for 3/4 n. */
static size_t decode(uint8_t *to, const char *text, size_t n)
{
    uint32_t bits = 0;
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        int v = sextet(text[i]);
        if (v < 0) break;
        bits = bits << 6 | (uint32_t)v;
        if (i % 4 == 0) continue;
        to[size++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return size;
}

/* A cursor over the pickle. */
typedef struct bytes {
    const uint8_t *data;
    size_t size, at;
} bytes;

static int peek(const bytes *b)
{
    return b->at < b->size ? b->data[b->at] : -1;
}

/* What only notes the value before it: MEMOIZE, BINPUT. */
static void skip_note(bytes *b)
{
    if (peek(b) == 0x94) b->at += 1;
    if (peek(b) == 'q') b->at += 2;
}

/* A text of SHORT_BINUNICODE. */
static bool read_text(bytes *b, const char **text, size_t *n)
{
    if (peek(b) != 0x8c || b->size - b->at < 2) return false;
    *n = b->data[b->at + 1];
    if (*n > b->size - b->at - 2) return false;
    *text = (const char *)b->data + b->at + 2;
    b->at += 2 + *n;
    return true;
}

/* The rest of a line. */
static bool read_line(bytes *b, const char **text, size_t *n)
{
    const uint8_t *end = b->at < b->size ? memchr(b->data + b->at, '\n', b->size - b->at) : NULL;
    if (!end) return false;
    *text = (const char *)b->data + b->at;
    *n = (size_t)(end - (b->data + b->at));
    b->at += *n + 1;
    return true;
}

/* GLOBAL, or two texts and STACK_GLOBAL. */
static bool read_reference(bytes *b, char ret[LTD_SB3_CLASS])
{
    const char *module, *class;
    size_t n_module, n_class;
    skip_note(b);
    if (peek(b) == 'c') {
        b->at++;
        if (!read_line(b, &module, &n_module) || !read_line(b, &class, &n_class)) return false;
    } else {
        if (!read_text(b, &module, &n_module)) return false;
        skip_note(b);
        if (!read_text(b, &class, &n_class)) return false;
        skip_note(b);
        if (peek(b) != 0x93) return false;
    }
    char name[2 * 256];
    if (n_module > 255 || n_class > 255) return false;
    memcpy(name, module, n_module);
    name[n_module] = '.';
    memcpy(name + n_module + 1, class, n_class);
    return take_class(ret, name, n_module + 1 + n_class);
}

/* Does the pickle hold the key?  Then the class behind it, "" when that can't be told. */
static bool read_pickled(char ret[LTD_SB3_CLASS], const uint8_t *data, size_t size)
{
    const size_t n = sizeof key - 1;
    ret[0] = 0;
    for (size_t i = 0; size >= n && i <= size - n; i++) {
        if (memcmp(data + i, key, n) != 0) continue;
        bytes b = {data, size, i + n};
        if (!read_reference(&b, ret)) ret[0] = 0;
        return true;
    }
    return false;
}

/* --- policy_kwargs --- */

static int look_in_pickle(ltd_sb3_activation_found *ret, ltd_json kwargs, ltd_err *err)
{
    size_t n;
    const char *text = ltd_json_text(ltd_json_member(kwargs, ":serialized:"), &n);
    uint8_t *data = ltd_mem_zeros(n, 1);
    if (!data) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", kwargs.name);
    bool has = read_pickled(ret->name, data, decode(data, text, n));
    free(data);
    if (!has) {
        memcpy(ret->name, "Tanh", 5);
        ret->source = "policy_kwargs names none: the default of Stable-Baselines3";
    } else if (ret->name[0]) {
        ret->source = "as the bytes of its pickled policy_kwargs say";
    } else {
        ret->source = "its pickled policy_kwargs name one that cannot be read off";
    }
    return LTD_OK;
}

static int look_in_kwargs(ltd_sb3_activation_found *ret, ltd_json kwargs, ltd_err *err)
{
    if (!ltd_json_has(kwargs, key)) return look_in_pickle(ret, kwargs, err);
    size_t n;
    const char *text = ltd_json_text(ltd_json_member(kwargs, key), &n);
    bool read = read_printed(ret->name, text, n);
    ret->source = read ? "as its policy_kwargs say"
                       : "activation_fn of its policy_kwargs is no printed class";
    return LTD_OK;
}

int ltd_sb3_find_activation(ltd_sb3_activation_found *ret, const char *text, size_t n,
                            const char *name, ltd_err *err)
{
    *ret = (ltd_sb3_activation_found){"", "its data has no policy_kwargs"};
    ltd_json_doc *doc;
    int rc = ltd_json_parse(&doc, name, text, n, err);
    if (rc < 0) return rc;
    ltd_json root = ltd_json_root(doc), kwargs = ltd_json_member(root, "policy_kwargs");
    if (ltd_json_type_of(root) != LTD_JSON_OBJECT)
        rc = ltd_fail(err, LTD_EFORMAT, "%s: is no JSON object", name);
    else if (ltd_json_type_of(kwargs) == LTD_JSON_OBJECT)
        rc = look_in_kwargs(ret, kwargs, err);
    ltd_json_free(doc);
    return rc;
}
