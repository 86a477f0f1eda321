#include "base/edits.h"

#include <stdbool.h>
#include <string.h>

enum { MAX = 63 };

int ltd_edits(const char *a, const char *b)
{
    /* Rows i - 2, i - 1 and i of the table whose entry (i, j) is for the first i and j bytes. */
    int rows[3][MAX + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    int na = (int)strnlen(a, MAX), nb = (int)strnlen(b, MAX);
    for (int j = 0; j <= nb; j++) before[j] = last[j] = j;
    for (int i = 1; i <= na; i++) {
        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            int least = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < least) least = last[j] + 1;
            if (row[j - 1] + 1 < least) least = row[j - 1] + 1;
            bool crossed = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (crossed && before[j - 2] + 1 < least) least = before[j - 2] + 1;
            row[j] = least;
        }
        int *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[nb];
}
