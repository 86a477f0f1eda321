/* JSON of model files (config.json, the safetensors header and index), strictly: what json-c lets
 * pass silently, and would make two readers disagree about a file, is refused here.
 * Private to models/files. */
#ifndef LTD_MODELS_FILES_JSON_PRIV_H
#define LTD_MODELS_FILES_JSON_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json_object.h>
#include <json-c/linkhash.h> /* for json_object_object_foreach */

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Parse an object of n bytes; spaces may follow it.  LTD_EFORMAT: no JSON, no object, deeper than
 * 32, not UTF-8, a key twice, a NUL or a lone surrogate in a string.  *ret owned (json_object_put);
 * `where` begins messages. */
int ltd_files_json_parse(json_object **ret, const char *text, size_t n, const char *where,
                         ltd_err *err);

/* The same over a file. */
int ltd_files_json_load(json_object **ret, const char *path, ltd_err *err);

/* A whole number in [0, 2^63 - 1); false for any other value. */
bool ltd_files_json_size(const json_object *value, int64_t *ret);

#ifdef __cplusplus
}
#endif
#endif
