/* A growing string.  A failed allocation is remembered; the builder then ignores what follows and
 * ltd_str_take() returns NULL, so that callers check once.
 *
 *     ltd_str s = LTD_STR_INIT;
 *     ltd_str_printf(&s, "%d of %d", i, n);
 *     char *text = ltd_str_take(&s);            owned: free() */
#ifndef LTD_BASE_STR_H
#define LTD_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_str {
    char *data; /* NUL-terminated, NULL while empty */
    size_t len, cap;
    bool failed;
} ltd_str;

/* clang-format off */
#define LTD_STR_INIT {0, 0, 0, 0}
/* clang-format on */

void ltd_str_push(ltd_str *s, const char *bytes, size_t n);
void ltd_str_puts(ltd_str *s, const char *text);
void ltd_str_printf(ltd_str *s, const char *fmt, ...) LTD_PRINTF(2, 3);

/* Length of the UTF-8 character at text[0..left), left > 0; 0: there is none (overlong forms,
 * surrogates, beyond U+10FFFF, cut). */
size_t ltd_str_utf8(const char *text, size_t left);
/* What stands for a byte that belongs to none: U+FFFD. */
#define LTD_STR_NO_UTF8 "\xef\xbf\xbd"
/* Like push, with that in place of such bytes: what JSON can hold. */
void ltd_str_push_utf8(ltd_str *s, const char *bytes, size_t n);

/* The text so far, "" while empty; borrowed until the next push. */
const char *ltd_str_text(const ltd_str *s);

/* Hand the text over (owned, never NULL unless memory ran out) and empty the builder. */
char *ltd_str_take(ltd_str *s);

/* Forget the text, keep the room. */
void ltd_str_clear(ltd_str *s);
void ltd_str_fini(ltd_str *s);

#ifdef __cplusplus
}
#endif
#endif
