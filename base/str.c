#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(ltd_str *s, size_t more)
{
    if (s->failed) return false;
    size_t need = s->len + more + 1;
    if (need <= s->cap) return true;
    size_t cap = s->cap ? s->cap : 64;
    while (cap < need) cap *= 2;
    char *p = realloc(s->data, cap);
    if (!p) {
        s->failed = true;
        return false;
    }
    s->data = p;
    s->cap = cap;
    return true;
}

void ltd_str_push(ltd_str *s, const char *bytes, size_t n)
{
    if (!reserve(s, n)) return;
    if (n) memcpy(s->data + s->len, bytes, n);
    s->len += n;
    s->data[s->len] = 0;
}

void ltd_str_puts(ltd_str *s, const char *text)
{
    ltd_str_push(s, text, strlen(text));
}

void ltd_str_printf(ltd_str *s, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && reserve(s, (size_t)n)) {
        vsnprintf(s->data + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
}

const char *ltd_str_text(const ltd_str *s)
{
    return s->data ? s->data : "";
}

char *ltd_str_take(ltd_str *s)
{
    if (!s->data) reserve(s, 0);
    if (s->failed) {
        ltd_str_fini(s);
        return NULL;
    }
    s->data[s->len] = 0;
    char *p = s->data;
    *s = (ltd_str)LTD_STR_INIT;
    return p;
}

void ltd_str_clear(ltd_str *s)
{
    s->len = 0;
    if (s->data) s->data[0] = 0;
}

void ltd_str_fini(ltd_str *s)
{
    free(s->data);
    *s = (ltd_str)LTD_STR_INIT;
}
