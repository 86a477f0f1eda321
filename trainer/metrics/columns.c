#include "trainer/metrics/columns.h"

#include <string.h>
#include <utf8proc.h>

/* The next character: its bytes, and the columns it takes; -1 where it can't be shown. */
static size_t next(const char *text, int *columns)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)strnlen(text, 4), &c);
    *columns = -1;
    if (n <= 0) return 1;
    utf8proc_category_t kind = utf8proc_category(c);
    bool moves = kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_CF ||
                 kind == UTF8PROC_CATEGORY_ZL || kind == UTF8PROC_CATEGORY_ZP;
    if (!moves) *columns = utf8proc_charwidth(c);
    return (size_t)n;
}

bool ltd_columns_put(ltd_str *out, const char *text, int room, int *used)
{
    while (*text) {
        int columns;
        size_t n = next(text, &columns);
        int takes = columns < 0 ? 1 : columns;
        if (takes > room) return false;
        if (columns < 0)
            ltd_str_puts(out, "?");
        else
            ltd_str_push(out, text, n);
        room -= takes;
        *used += takes;
        text += n;
    }
    return true;
}

int ltd_columns(const char *text)
{
    int sum = 0;
    while (*text) {
        int columns;
        text += next(text, &columns);
        sum += columns < 0 ? 1 : columns;
    }
    return sum;
}
