/* Weight matrices in the layout that kernels read: tiles of 8 output rows, streamed from front to
 * back.  The file's integers and scales are kept as they are; nothing is requantised.
 *
 *     ltd_packed w;
 *     if (ltd_pack_init(&w, 960, 576, LTD_PACK_Q4, &err) < 0) ...
 *     ltd_pack_rows(&w, 0, &view, NULL, &err);      rows of one file tensor
 *     ltd_pack_fini(&w);
 *
 * Thread rule: immutable once packed. */
#ifndef LTD_MODELS_KERNELS_PACK_H
#define LTD_MODELS_KERNELS_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "models/files/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A tile is 8 rows.  Bytes of a tile, group after group of k:
 *   Q4     32 k: 4 x 32 bytes, word i of load j holds row i/2, its nibble b is k = 8j + 2b + i%2;
 *          then 8 halves d, 8 halves m (w = d q + m)
 *   Q8     32 k: 16 x 16 bytes, pair j holds k = 2j, 2j+1 of rows 0..7; then 8 halves d (w = d q)
 *   Q8G16  16 k: 8 x 16 bytes as Q8; then 8 floats d
 *   F32, F16, BF16   1 k: 8 elements */
typedef enum ltd_pack_kind {
    LTD_PACK_F32,
    LTD_PACK_F16,
    LTD_PACK_BF16,
    LTD_PACK_Q4,
    LTD_PACK_Q8,
    LTD_PACK_Q8G16,
    LTD_PACK_COUNT
} ltd_pack_kind;

typedef struct ltd_packed {
    ltd_pack_kind kind;
    int32_t out, in; /* rows, columns */
    int32_t tiles;   /* ceil(out / 8); rows past `out` are zero */
    size_t tile_bytes;
    uint8_t *data; /* [tiles, tile_bytes], 64-byte aligned, owned */
} ltd_packed;

/* How a file type is kept; LTD_EUNSUPPORTED names one that we have no kernel for. */
int ltd_pack_kind_of(ltd_dtype dtype, ltd_pack_kind *ret, ltd_err *err);
/* Integers in the activations? */
int ltd_pack_is_quantized(ltd_pack_kind kind);

/* Room for an [out, in] matrix.  LTD_EINVAL (in not a multiple of the group), LTD_ENOMEM. */
int ltd_pack_init(ltd_packed *ret, int32_t out, int32_t in, ltd_pack_kind kind, ltd_err *err);
void ltd_pack_fini(ltd_packed *w);

/* Put the rows of a 2-D view at row `row0`.  The view's type may be any that packs to w->kind, or
 * any readable type when the kind is F32 (widened), F16 or Q8 (rounded; Q8 as GGUF's Q8_0 quantiser
 * does).
 *   order   [view rows] source row of each packed row, NULL = as they are */
int ltd_pack_rows(ltd_packed *w, int32_t row0, const ltd_tensor_view *view, const int32_t *order,
                  ltd_err *err);

/* Row `row` widened to f32 [in]: the exact values that the kernels use. */
void ltd_pack_get_row(const ltd_packed *w, int32_t row, float *ret);

size_t ltd_pack_bytes(const ltd_packed *w);

#ifdef __cplusplus
}
#endif
#endif
