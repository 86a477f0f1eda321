/* YAML for configurations: maps of maps whose leaves are scalars or lists of scalars, read through
 * libyaml into a flat list of (dotted key, text, line, column).
 *
 *     train:
 *       lr: 0.001            -> "train.lr", "0.001", 2:7
 *     env: {sizes: [0, 8]}   -> "env.sizes", list "0", "8"
 *
 * No types here: what a text means is the caller's business.  Anchors, aliases, tags, block lists
 * inside lists, several documents and keys given twice are errors.
 * Thread rule: immutable once parsed. */
#ifndef LTD_BASE_YAML_H
#define LTD_BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_YAML_MAX_BYTES = 1 << 20,
    LTD_YAML_MAX_DEPTH = 8,
    LTD_YAML_MAX_KEY = 128,   /* bytes of a dotted key, NUL included */
    LTD_YAML_MAX_ITEMS = 1024 /* keys; also entries of one list */
};

typedef struct ltd_yaml ltd_yaml;

/* One leaf; borrowed from the document. */
typedef struct ltd_yaml_item {
    const char *key;         /* "train.lr" */
    const char *text;        /* the scalar; "" for a list and for "key:" with nothing behind */
    const char *const *list; /* [n] entries of a list */
    size_t n;
    bool is_list;
    bool quoted;      /* the scalar was quoted, or a block scalar: "~" is then a text */
    int line, column; /* of the value, from 1 */
} ltd_yaml_item;

/* Parse `size` bytes; `name` opens every message.  LTD_EFORMAT "name:line:col: what".  An empty
 * document has no items.  A scalar or list at the top has key "".  *ret owned. */
int ltd_yaml_parse(ltd_yaml **ret, const char *name, const void *data, size_t size, ltd_err *err);
void ltd_yaml_free(ltd_yaml *yaml);

size_t ltd_yaml_count(const ltd_yaml *yaml);
/* Items in file order. */
const ltd_yaml_item *ltd_yaml_at(const ltd_yaml *yaml, size_t i);

#ifdef __cplusplus
}
#endif
#endif
