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

size_t ltd_str_utf8(const char *text, size_t left)
{
    const unsigned char *p = (const unsigned char *)text;
    static const struct {
        unsigned char first, last, low, high; /* range of the second byte */
        size_t n;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        if (p[0] < forms[f].first || p[0] > forms[f].last) continue;
        if (forms[f].n > left) return 0;
        if (forms[f].n > 1 && (p[1] < forms[f].low || p[1] > forms[f].high)) return 0;
        for (size_t i = 2; i < forms[f].n; i++)
            if (p[i] < 0x80 || p[i] > 0xbf) return 0;
        return forms[f].n;
    }
    return 0;
}

void ltd_str_push_utf8(ltd_str *s, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t length = ltd_str_utf8(bytes + i, n - i);
        if (length)
            ltd_str_push(s, bytes + i, length);
        else
            ltd_str_puts(s, LTD_STR_NO_UTF8);
        i += length ? length : 1;
    }
}
