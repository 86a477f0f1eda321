/* Figures that a paper printed, from a CSV file (docs/formats.md), to stand beside measured ones.
 *
 *     ltd_published p;
 *     if (ltd_published_load(&p, path, &err) < 0) ...
 *     ltd_published_cell c = ltd_published_find(&p, 1, "llama-3.1-8b", "ddd", "gsm8k");
 *     c.speedup                                            NaN: not printed
 *     ltd_published_fini(&p);
 *
 * Thread rule: immutable once loaded. */
#ifndef LTD_TRAINER_PUBLISHED_H
#define LTD_TRAINER_PUBLISHED_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_published_row {
    int32_t table;
    double temperature;
    char model[48], method[32], task[32]; /* task "mean": of the table's tasks */
    double speedup, tau;                  /* NaN: not printed */
} ltd_published_row;

typedef struct ltd_published {
    int32_t n;
    ltd_published_row *row; /* owned */
} ltd_published;

typedef struct ltd_published_cell {
    double speedup, tau;
} ltd_published_cell;

/* Read a file.  LTD_EIO; LTD_EFORMAT: file and line, what was found and expected; a cell that is
 * there twice.  *ret is zeroed first, so that fini is always legal. */
int ltd_published_load(ltd_published *ret, const char *path, ltd_err *err);
/* The same over bytes; `name` opens messages. */
int ltd_published_parse(ltd_published *ret, const char *name, const char *text, size_t size,
                        ltd_err *err);
void ltd_published_fini(ltd_published *p);

/* A cell; NaN and NaN when there is none. */
ltd_published_cell ltd_published_find(const ltd_published *p, int32_t table, const char *model,
                                      const char *method, const char *task);
/* The model that is meant by its name or by a part that no other one begins with ("deepseek");
 * borrowed.  NULL: none, or several. */
const char *ltd_published_model(const ltd_published *p, const char *name);

#ifdef __cplusplus
}
#endif
#endif
