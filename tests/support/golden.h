/* Where the reference vectors are: $LTD_GOLDEN, else tests/golden, else ../shared/golden.
 *
 *     char path[512];
 *     if (!golden_path(path, sizeof path, "eagle3/head_a/p0_k10.json")) skip(); */
#ifndef LTD_TESTS_SUPPORT_GOLDEN_H
#define LTD_TESTS_SUPPORT_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>

/* Path of a golden file or folder; false when it is not there. */
bool golden_path(char *ret, size_t n, const char *name);

/* Path of a file of the source tree (tests, heads, configs); false when it is not there. */
bool source_path(char *ret, size_t n, const char *name);

/* The default model: $LTD_MODEL, else models.cache/ of the source tree, else NULL (tests then skip
 * by name). Static. */
const char *default_model(void);

#endif
