/* Writing JSON.  The writer keeps no tree: it knows the depth and, per level, whether a comma is
 * due.  Calls that don't nest are the caller's bug and are caught by assert. */
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ltd_json_writer ltd_json_writing(ltd_str *out, int indent)
{
    return (ltd_json_writer){.out = out, .indent = indent};
}

void ltd_json_format_f64(char ret[32], double v)
{
    if (isnan(v)) v = (double)NAN; /* not "-nan" */
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(ret, 32, "%.*g", digits, v);
        if (strtod(ret, NULL) == v) return;
    }
}

static void new_line(ltd_json_writer *w)
{
    if (w->indent <= 0 || w->inline_depth) return;
    ltd_str_push(w->out, "\n", 1);
    for (int i = 0; i < w->depth * w->indent; i++) ltd_str_push(w->out, " ", 1);
}

static void put_quoted(ltd_str *out, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    ltd_str_push(out, "\"", 1);
    for (size_t i = 0; i < len;) {
        unsigned char c = p[i];
        const char *at = c ? strchr("\"\"\\\\\nn\tt\rr\bb\ff", c) : NULL;
        size_t n = ltd_str_utf8(text + i, len - i);
        if (c < 0x20 || c == '"' || c == '\\') {
            /* the pairs above: character, letter of its escape */
            if (at)
                ltd_str_printf(out, "\\%c", at[1]);
            else
                ltd_str_printf(out, "\\u%04x", c);
            i++;
        } else if (n) {
            ltd_str_push(out, text + i, n);
            i += n;
        } else {
            ltd_str_puts(out, LTD_STR_NO_UTF8);
            i++;
        }
    }
    ltd_str_push(out, "\"", 1);
}

/* Comma, line and key before a value. */
static void before(ltd_json_writer *w, const char *key)
{
    if (w->filled[w->depth]) ltd_str_puts(w->out, w->inline_depth && w->indent ? ", " : ",");
    w->filled[w->depth] = true;
    if (w->depth) new_line(w);
    if (!key) return;
    put_quoted(w->out, key, strlen(key));
    ltd_str_puts(w->out, w->indent ? ": " : ":");
}

static void begin(ltd_json_writer *w, const char *key, char bracket, bool one_line)
{
    assert(w->depth < LTD_JSON_MAX_DEPTH);
    before(w, key);
    ltd_str_push(w->out, &bracket, 1);
    w->depth++;
    w->filled[w->depth] = false;
    if (one_line && !w->inline_depth) w->inline_depth = w->depth;
}

static void end(ltd_json_writer *w, char bracket)
{
    assert(w->depth > 0);
    bool filled = w->filled[w->depth];
    bool last_inline = w->inline_depth == w->depth;
    w->depth--;
    if (filled) new_line(w);
    if (last_inline) w->inline_depth = 0;
    ltd_str_push(w->out, &bracket, 1);
}

void ltd_json_begin_object(ltd_json_writer *w, const char *key)
{
    begin(w, key, '{', false);
}

void ltd_json_end_object(ltd_json_writer *w)
{
    end(w, '}');
}

void ltd_json_begin_array(ltd_json_writer *w, const char *key)
{
    begin(w, key, '[', false);
}

void ltd_json_end_array(ltd_json_writer *w)
{
    end(w, ']');
}

void ltd_json_begin_inline_object(ltd_json_writer *w, const char *key)
{
    begin(w, key, '{', true);
}

void ltd_json_begin_inline_array(ltd_json_writer *w, const char *key)
{
    begin(w, key, '[', true);
}

void ltd_json_put_text(ltd_json_writer *w, const char *key, const char *v, size_t len)
{
    before(w, key);
    put_quoted(w->out, v, len);
}

void ltd_json_put_string(ltd_json_writer *w, const char *key, const char *v)
{
    if (v)
        ltd_json_put_text(w, key, v, strlen(v));
    else
        ltd_json_put_null(w, key);
}

void ltd_json_put_int(ltd_json_writer *w, const char *key, int64_t v)
{
    before(w, key);
    ltd_str_printf(w->out, "%" PRId64, v);
}

void ltd_json_put_u64(ltd_json_writer *w, const char *key, uint64_t v)
{
    before(w, key);
    ltd_str_printf(w->out, "%" PRIu64, v);
}

void ltd_json_put_f64(ltd_json_writer *w, const char *key, double v)
{
    char text[32];
    before(w, key);
    ltd_json_format_f64(text, v);
    ltd_str_puts(w->out, isfinite(v) ? text : "null");
    if (v == 0 && signbit(v)) ltd_str_puts(w->out, ".0"); /* readers take -0 for the integer 0 */
}

void ltd_json_put_bool(ltd_json_writer *w, const char *key, bool v)
{
    before(w, key);
    ltd_str_puts(w->out, v ? "true" : "false");
}

void ltd_json_put_null(ltd_json_writer *w, const char *key)
{
    before(w, key);
    ltd_str_puts(w->out, "null");
}
