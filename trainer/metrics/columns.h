/* Text by the columns it takes on a terminal: wide characters take two, combining ones none.
 *
 *     ltd_str line = LTD_STR_INIT;
 *     int used = 0;
 *     ltd_columns_put(&line, path, 40, &used);      what fits in 40 columns of it */
#ifndef LTD_TRAINER_COLUMNS_H
#define LTD_TRAINER_COLUMNS_H

#include <stdbool.h>

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Append as much of a UTF-8 `text` as `room` columns hold, never a part of a character; *used grows
 * by the columns taken.  What is no character, and what would move the cursor, becomes '?'.
 * True: that was all of it. */
bool ltd_columns_put(ltd_str *out, const char *text, int room, int *used);
/* Columns of the whole text. */
int ltd_columns(const char *text);

#ifdef __cplusplus
}
#endif
#endif
