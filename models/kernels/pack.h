/* Weight matrices in the layout that kernels read: tiles of 16 output rows, streamed from front to
 * back.  The file's integers and scales are kept as they are; nothing is requantised.
 *
 *     ltd_packed w;
 *     if (ltd_pack_init(&w, 960, 576, LTD_PACK_Q4, NULL, &err) < 0) ...
 *     ltd_pack_rows(&w, 0, &view, NULL, &err);      rows of one file tensor
 *     ltd_pack_fini(&w);
 *
 * Thread rule: immutable once packed, but for rows that are copied. */
#ifndef LTD_MODELS_KERNELS_PACK_H
#define LTD_MODELS_KERNELS_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "models/files/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ltd_pool;

enum { LTD_TILE = 16 }; /* rows of a tile */

/* A tile is its scales, group after group of k, padded to 64 bytes; then its weights, group after
 * group.  For rows r = 0..15, one group:
 *   kind    k    scales                    weights
 *   Q4      32   16 halves d, 16 halves m  256 bytes: byte 64 j + 4 r + b holds k = 4 j + b in its
 * low nibble and k = 16 + 4 j + b in its high one; w = d q + m Q4K     32   16 floats d, 16 floats
 * m  as Q4 Q8      32   16 halves d               512 bytes: byte 64 (k / 4) + 4 r + k % 4, signed;
 * w = d q Q8M     32   16 floats d, 16 floats m  as Q8; w = d q + m Q8G16   16   16 floats d 256
 * bytes as Q8 F32, F16, BF16   1   none              16 elements Four k of 16 rows in 64 bytes are
 * what vpdpbusd and a tile of tdpbssd take alike. */
typedef enum ltd_pack_kind {
    LTD_PACK_F32,
    LTD_PACK_F16,
    LTD_PACK_BF16,
    LTD_PACK_Q4,
    LTD_PACK_Q4K,
    LTD_PACK_Q8,
    LTD_PACK_Q8M,
    LTD_PACK_Q8G16,
    LTD_PACK_COUNT
} ltd_pack_kind;

typedef struct ltd_packed {
    ltd_pack_kind kind;
    int32_t out, in;    /* rows, columns */
    int32_t tiles;      /* ceil(out / 16); rows past `out` are zero */
    int32_t width;      /* out rounded up to 8: rows that kernels write */
    size_t scale_bytes; /* of a tile, before its weights */
    size_t tile_bytes;
    uint8_t *data; /* [tiles, tile_bytes], 64-byte aligned */
    bool owned;    /* by this matrix, not by an arena */
} ltd_packed;

/* How a file type is kept; LTD_EUNSUPPORTED names one that we have no kernel for. */
int ltd_pack_kind_of(ltd_dtype dtype, ltd_pack_kind *ret, ltd_err *err);
/* Integers in the activations? */
bool ltd_pack_is_quantized(ltd_pack_kind kind);

/* Room for an [out, in] matrix, from `arena` or, when that is NULL, of its own.  LTD_EINVAL (in not
 * a multiple of 32 for quantised kinds), LTD_ENOMEM. */
int ltd_pack_init(ltd_packed *ret, int32_t out, int32_t in, ltd_pack_kind kind, ltd_arena *arena,
                  ltd_err *err);
void ltd_pack_fini(ltd_packed *w);

/* Put the rows of a 2-D view at row `row0`.  The view's type may be any that packs to w->kind, or
 * any readable type when the kind is F32 (widened), F16, Q8 or Q4 (rounded; Q8 and Q4 as GGUF's
 * Q8_0 and Q4_1 quantisers do).
 *   order   [view rows] source row of each packed row, NULL = as they are */
int ltd_pack_rows(ltd_packed *w, int32_t row0, const ltd_tensor_view *view, const int32_t *order,
                  ltd_err *err);

/* The same, by all threads of `pool`. */
int ltd_pack_rows_pooled(struct ltd_pool *pool, ltd_packed *w, int32_t row0,
                         const ltd_tensor_view *view, const int32_t *order, ltd_err *err);

/* Row `row` widened to f32 [in]: the exact values that the kernels use. */
void ltd_pack_get_row(const ltd_packed *w, int32_t row, float *ret);

/* Make row `row` of `to` a copy of row `source` of `from`, bit for bit: both of one kind and as
 * many columns.  Rows are within the matrices; nothing else of `to` changes. */
void ltd_pack_copy_row(ltd_packed *to, int32_t row, const ltd_packed *from, int32_t source);
/* The first `rows` rows of w (at least 1) as a matrix of their own, w's data borrowed.  Lanes of
 * the last tile behind them are not zero, but what w has there. */
ltd_packed ltd_pack_first(const ltd_packed *w, int32_t rows);

size_t ltd_pack_bytes(const ltd_packed *w);

#ifdef __cplusplus
}
#endif
#endif
