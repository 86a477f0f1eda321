/* What a terminal would show of what was written to it: text, carriage return, newline, cursor up,
 * erase to the end of the line and below, colours.  Narrowed, it wraps its lines as terminals do.
 *
 *     screen s;
 *     screen_init(&s, 80);
 *     screen_write(&s, text);
 *     screen_line(&s, 0)          "train  ...", without trailing blanks; borrowed until the next */
#ifndef LTD_TESTS_SUPPORT_SCREEN_H
#define LTD_TESTS_SUPPORT_SCREEN_H

#include <stdbool.h>

enum { SCREEN_ROWS = 64, SCREEN_COLUMNS = 256 };

typedef struct screen {
    int width, row, column; /* cursor */
    bool wrapped;           /* something was written beyond the last column */
    bool colored;           /* a colour was set */
    /* The bytes of each cell; the second one of a wide character is empty. */
    char cell[SCREEN_ROWS][SCREEN_COLUMNS][8];
    char text[SCREEN_COLUMNS * 8];
} screen;

void screen_init(screen *s, int width);
/* Fails the test on a sequence that it does not know. */
void screen_write(screen *s, const char *bytes);
const char *screen_line(screen *s, int row);
/* The columns of a row that hold text. */
int screen_used(const screen *s, int row);
/* Narrower: lines that no longer fit take several rows, and the cursor moves with its line. */
void screen_narrow(screen *s, int width);

#endif
