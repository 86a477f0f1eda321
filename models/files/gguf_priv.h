/* The body of an open GGUF file, for gguf.c (which fills it) and gguf_value.c (which reads it). */
#ifndef LTD_MODELS_FILES_GGUF_PRIV_H
#define LTD_MODELS_FILES_GGUF_PRIV_H

#include "base/file.h"
#include "models/files/gguf.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ltd_gguf {
    char *path;   /* owned; as given, for messages */
    ltd_file map; /* data is NULL for ltd_gguf_parse() */
    const uint8_t *data;
    size_t size;
    ltd_gguf_value *values; /* in file order */
    size_t n_values;
    const ltd_gguf_value **by_key; /* sorted */
    ltd_tensor_view *tensors;      /* in file order; names owned, NUL-terminated */
    size_t n_tensors;
    const ltd_tensor_view **by_name; /* sorted */
};

/* Where the reader is in the file. */
typedef struct ltd_gguf_cursor {
    ltd_gguf *file;
    size_t at; /* offset of the next byte, never beyond file->size */
    ltd_err *err;
} ltd_gguf_cursor;

/* Take the next field; LTD_EFORMAT, naming `what`, when the file ends before it does. */
int ltd_gguf_take_u32(ltd_gguf_cursor *c, const char *what, uint32_t *ret);
int ltd_gguf_take_u64(ltd_gguf_cursor *c, const char *what, uint64_t *ret);
int ltd_gguf_take_string(ltd_gguf_cursor *c, const char *what, ltd_gguf_string *ret);

/* A table of n elements with room for one more (it doubles), NULL without memory. */
void *ltd_gguf_room(void *table, size_t n, size_t size);

/* Read n key-value pairs and sort them. */
int ltd_gguf_read_values(ltd_gguf_cursor *c, uint64_t n);

/* Bytes of one element, 0 for strings and arrays. */
size_t ltd_gguf_type_size(ltd_gguf_type type);

/* "u32", "string"...; static storage. */
const char *ltd_gguf_type_name(ltd_gguf_type type);

/* Order of two strings by bytes, shorter first among equals. */
int ltd_gguf_string_compare(ltd_gguf_string a, ltd_gguf_string b);

/* A file's string made fit for a message: unprintable bytes are '?', long ones are cut. */
typedef struct ltd_gguf_label {
    char text[68];
} ltd_gguf_label;
ltd_gguf_label ltd_gguf_label_of(ltd_gguf_string s);

#ifdef __cplusplus
}
#endif
#endif
