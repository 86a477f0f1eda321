#include "tests/support/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <utf8proc.h>

void screen_init(screen *s, int width)
{
    memset(s, 0, sizeof *s);
    s->width = width;
}

static void erase_from(screen *s, int row, int column)
{
    for (int c = column; c < SCREEN_COLUMNS; c++) s->cell[row][c][0] = 0;
}

/* ESC [ n X, behind the bracket; returns what follows it. */
static const char *control(screen *s, const char *p)
{
    char *end;
    long n = strtol(p, &end, 10);
    switch (*end) {
    case 'A': s->row = s->row > n ? s->row - (int)n : 0; break;
    case 'K': erase_from(s, s->row, s->column); break;
    case 'J':
        erase_from(s, s->row, s->column);
        for (int r = s->row + 1; r < SCREEN_ROWS; r++) erase_from(s, r, 0);
        break;
    case 'm': s->colored = true; break;
    default: fail_msg("unknown control sequence: %.8s", p);
    }
    return end + 1;
}

static const char *character(screen *s, const char *p)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p, -1, &c);
    assert_true(n > 0 && c >= 0x20);
    int columns = utf8proc_charwidth(c);
    if (columns == 0) { /* onto the one before it */
        assert_true(s->column > 0);
        strncat(s->cell[s->row][s->column - 1], p, (size_t)n);
        return p + n;
    }
    if (s->column + columns > s->width) {
        s->wrapped = true;
        s->row++;
        s->column = 0;
    }
    assert_true(s->row < SCREEN_ROWS && s->column + columns <= SCREEN_COLUMNS);
    memcpy(s->cell[s->row][s->column], p, (size_t)n);
    s->cell[s->row][s->column][n] = 0;
    if (columns == 2) s->cell[s->row][s->column + 1][0] = 0;
    s->column += columns;
    return p + n;
}

void screen_write(screen *s, const char *p)
{
    while (*p) {
        if (*p == '\r') {
            s->column = 0;
            p++;
        } else if (*p == '\n') {
            s->row++;
            s->column = 0;
            assert_true(s->row < SCREEN_ROWS);
            p++;
        } else if (p[0] == '\033' && p[1] == '[') {
            p = control(s, p + 2);
        } else {
            p = character(s, p);
        }
    }
}

int screen_used(const screen *s, int row)
{
    int used = 0;
    for (int c = 0; c < SCREEN_COLUMNS; c++)
        if (s->cell[row][c][0] && strcmp(s->cell[row][c], " ") != 0) used = c + 1;
    return used;
}

const char *screen_line(screen *s, int row)
{
    s->text[0] = 0;
    for (int c = 0, n = screen_used(s, row); c < n; c++) strcat(s->text, s->cell[row][c]);
    return s->text;
}

void screen_narrow(screen *s, int width)
{
    static screen old;
    old = *s;
    screen_init(s, width);
    for (int r = 0, to = 0; r < SCREEN_ROWS && to < SCREEN_ROWS; r++) {
        if (r == old.row) {
            s->row = to;
            s->column = old.column;
        }
        int used = screen_used(&old, r);
        for (int c = 0; c < used; c++) {
            assert_true(to + c / width < SCREEN_ROWS);
            memcpy(s->cell[to + c / width][c % width], old.cell[r][c], sizeof old.cell[r][c]);
        }
        to += used > width ? (used + width - 1) / width : 1;
    }
}
