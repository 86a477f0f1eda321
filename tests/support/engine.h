/* Opening and stepping the engine in tests: whatever fails ends the running test with its message,
 * so that callers need no checks.
 *
 *     ltd_llama *model = engine_model(path, LTD_LOAD_F32, 16, NULL);
 *     ltd_session_options o = {128, 64, false, true, 1};
 *     ltd_session *s = engine_session(model, &o);
 *     int32_t next = engine_feed(s, ids, n);
 *     engine_plain(s, next, greedy, 48);
 *
 * meson: name `engine` among the dependencies; it brings vectors.h and golden.h with it. */
#ifndef LTD_TESTS_SUPPORT_ENGINE_H
#define LTD_TESTS_SUPPORT_ENGINE_H

#include <stdint.h>

#include "base/json.h"
#include "models/llm/eagle3.h"
#include "models/llm/session.h"

/* A model of a golden name or a full path, on two threads; kernels NULL = the best here.  Owned. */
ltd_llama *engine_model(const char *path, ltd_load_dtype dtype, int32_t bits,
                        const ltd_kernels *kernels);
ltd_eagle3 *engine_head(const char *path, const ltd_llama *target, ltd_load_dtype dtype);
/* eagle3/target in floats, as the reference of heads and verification had it: rounded to halves as
 * a whole, its table of rotary frequencies included.  (Those of the whole sessions were not; the
 * checkpoint and our loader keep them in floats.  Features differ by 1e-3.) */
ltd_llama *engine_eagle3_target(void);
ltd_session *engine_session(const ltd_llama *model, const ltd_session_options *options);
/* The same, keeping EAGLE-3's features. */
ltd_session *engine_feature_session(const ltd_llama *model, const ltd_session_options *options);

/* Commit ids as chunks of max_rows; returns the argmax after the last one. */
int32_t engine_feed(ltd_session *s, const int32_t *ids, int32_t n);
/* One plain decode step: commits `token`, returns its argmax; logits are those of row 0. */
int32_t engine_step(ltd_session *s, int32_t token);
/* ret[0] = first, then the argmax of each step; ret[n-1] is not committed. */
void engine_plain(ltd_session *s, int32_t first, int32_t *ret, int32_t n);

/* A JSON file of a golden name or full path; owned. */
ltd_json_doc *engine_json(const char *path);
ltd_json engine_get(ltd_json object, const char *key);
int32_t engine_int(ltd_json object, const char *key);
double engine_f64(ltd_json object, const char *key);
double engine_number(ltd_json array, size_t i);
/* Numbers of the array `key`; at most `room`.  Returns their count. */
int32_t engine_ids(ltd_json object, const char *key, int32_t *ret, int32_t room);

/* Fails with the first index that differs. */
void engine_same_ids(const char *what, const int32_t *got, const int32_t *want, int32_t n);
/* Fails with the first element whose bits differ. */
void engine_same_bits(const char *what, const float *got, const float *want, size_t n);

#endif
