/* Tensors of the reference vectors (*.safetensors), for tests: what is missing or of another type
 * fails the running test with file and name, so that callers need no checks.
 *
 *     ltd_safetensors *want = vec_open("models/llama_gqa_tied/expected.safetensors");
 *     int64_t dims[8];
 *     const float *logits = vec_f32(want, "p1.logits", dims);      [dims[0], dims[1]]
 *     vec_assert_close("p1.logits", got, logits, vec_count(want, "p1.logits"), 2e-4);
 *     ltd_safetensors_close(want);
 *
 * meson: name `vectors` among the dependencies of the test; it brings golden.h with it. */
#ifndef LTD_TESTS_SUPPORT_VECTORS_H
#define LTD_TESTS_SUPPORT_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/files/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Open a file by its golden name; owned. */
ltd_safetensors *vec_open(const char *golden_name);

bool vec_has(const ltd_safetensors *file, const char *name);
size_t vec_count(const ltd_safetensors *file, const char *name);

/* The elements, borrowed from the file; `dims` (may be NULL) gets the shape, unused ones 1. */
const float *vec_f32(const ltd_safetensors *file, const char *name, int64_t dims[8]);
const int32_t *vec_i32(const ltd_safetensors *file, const char *name, int64_t dims[8]);
const int64_t *vec_i64(const ltd_safetensors *file, const char *name, int64_t dims[8]);

/* Any of F32, F16, BF16, F64 widened to f32; owned: free(). */
float *vec_widen(const ltd_safetensors *file, const char *name, int64_t dims[8]);

/* |got - want| <= tol for all n (NaN equals NaN, infinities themselves); else the test fails with
 * the worst place and the first five values of both. */
void vec_assert_close(const char *what, const float *got, const float *want, size_t n, double tol);

/* The same relative to |want|: |got - want| <= tol * |want|. */
void vec_assert_close_rel(const char *what, const float *got, const float *want, size_t n,
                          double tol);

/* Largest |got - want|. */
double vec_max_diff(const float *got, const float *want, size_t n);

#ifdef __cplusplus
}
#endif
#endif
