/* What a pickle of torch.save says about tensors, read without running anything.
 *
 * A pickle is a program for a stack machine.  This one knows the opcodes of containers, numbers and
 * text, and five names (ltd_pickle_global); anything else ends the reading.  pickle.c runs it into
 * a tree of values, pickle_tensors.c turns the tree into named tensors; what they hold lies in the
 * zip's other entries and is not looked at here.
 *
 * Bounds: time and memory grow with the bytes of the pickle, about 70 bytes a byte at most, and a
 * pickle of more than LTD_PICKLE_MAX bytes is refused. */
#ifndef LTD_MODELS_FILES_PICKLE_PRIV_H
#define LTD_MODELS_FILES_PICKLE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "models/files/dtype.h"

enum {
    LTD_PICKLE_MAX = 8 << 20,         /* bytes of a pickle; 15 tensors take 1.4 KB */
    LTD_PICKLE_MAX_DEPTH = 32,        /* containers inside each other */
    LTD_PICKLE_MAX_NAME = 512,        /* bytes of a tensor's name */
    LTD_PICKLE_MAX_TENSORS = 1 << 16, /* names given to tensors */
};

/* --- the values, for pickle_tensors.c --- */

typedef enum ltd_pickle_kind {
    LTD_PICKLE_MARK, /* begins the items of a container; never part of a value */
    LTD_PICKLE_NONE,
    LTD_PICKLE_BOOL,   /* i */
    LTD_PICKLE_INT,    /* i */
    LTD_PICKLE_OTHER,  /* a float, an integer beyond 64 bits */
    LTD_PICKLE_TEXT,   /* i = place in the pickle, n bytes */
    LTD_PICKLE_GLOBAL, /* i = ltd_pickle_global, n = ltd_dtype of a storage class */
    LTD_PICKLE_TUPLE,  /* n items from cell `first` on */
    LTD_PICKLE_LIST,
    LTD_PICKLE_DICT,    /* the same, with keys */
    LTD_PICKLE_STORAGE, /* first = a tuple: "storage", class, key, device, elements */
    LTD_PICKLE_TENSOR,  /* first = a tuple: storage, offset, sizes, strides, ... */
} ltd_pickle_kind;

typedef enum ltd_pickle_global {
    LTD_PICKLE_ORDERED_DICT,
    LTD_PICKLE_REBUILD_TENSOR,
    LTD_PICKLE_REBUILD_PARAMETER,
    LTD_PICKLE_STORAGE_CLASS,
} ltd_pickle_global;

typedef struct ltd_pickle_value {
    uint32_t kind, n;
    union {
        int64_t i;
        struct {
            uint32_t first, last; /* cells, 0 = none */
        } cells;
    } u;
} ltd_pickle_value;

/* An item of a container. */
typedef struct ltd_pickle_cell {
    uint32_t key, value; /* of values; key 0 outside dicts */
    uint32_t next;       /* 0 ends the container */
} ltd_pickle_cell;

typedef struct ltd_pickle {
    const char *name; /* for messages, borrowed */
    const uint8_t *data;
    size_t size, at; /* bytes, and the opcode being run */
    ltd_pickle_value *values;
    ltd_pickle_cell *cells;
    uint32_t *stack, *memo; /* of values; memo 0 = unset */
    size_t n_values, n_cells, n_stack;
    size_t room_values, room_cells, room_stack, room_memo;
} ltd_pickle;

/* Run the program; its value stays in `ret` (borrowing data) until _fini, which is legal whatever
 * the outcome.  LTD_EFORMAT (broken), LTD_EUNSUPPORTED (opcode, name or class that state dicts
 * don't need), LTD_ENOMEM; messages name the byte. */
int ltd_pickle_run(ltd_pickle *ret, uint32_t *root, const uint8_t *data, size_t size,
                   const char *name, ltd_err *err);
void ltd_pickle_fini(ltd_pickle *p);

/* --- the tensors --- */

/* A tensor as a view of a storage: element (i, j, ...) is number offset + i strides[0] + ... */
typedef struct ltd_pickle_tensor {
    char *name; /* owned by the list */
    ltd_dtype dtype;
    int n_dims;
    int64_t dims[8], strides[8];
    int64_t count;    /* elements of the view */
    int64_t offset;   /* all elements lie in [0, elements), checked */
    int64_t elements; /* of the storage */
    char key[32];     /* of the storage, the last part of its entry's name */
} ltd_pickle_tensor;

typedef struct ltd_pickle_tensors {
    ltd_pickle_tensor *at;
    size_t n, room;
} ltd_pickle_tensors;

/* Tensors of the dict `root`, or of its member state_dict when that is a dict; inner containers
 * join names with dots (a list counts from 0), other values are passed over.  _fini is legal
 * whatever the outcome. */
int ltd_pickle_list(ltd_pickle_tensors *ret, const ltd_pickle *p, uint32_t root, ltd_err *err);
void ltd_pickle_tensors_fini(ltd_pickle_tensors *tensors);

#endif
