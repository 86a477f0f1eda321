/* Pieces of the bench's table and JSON, for results that are made of several benches. */
#ifndef LTD_TRAINER_BENCH_PARTS_H
#define LTD_TRAINER_BENCH_PARTS_H

#include "base/json.h"
#include "trainer/bench/bench.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- members of the JSON object, as of docs/formats.md --- */

/* From version to tuned: all that doesn't depend on what was played. */
void ltd_bench_put_scope(ltd_json_writer *w, const ltd_bench *b);
void ltd_bench_put_drift(ltd_json_writer *w, const ltd_drift *d);
/* key NULL: in a list. */
void ltd_bench_put_task(ltd_json_writer *w, const char *key, const ltd_bench *b,
                        const ltd_bench_task *t);
void ltd_bench_put_versus(ltd_json_writer *w, const ltd_bench *b);
void ltd_bench_put_verdict(ltd_json_writer *w, const ltd_bench *b);

/* --- blocks of the table; `color` for terminals --- */

/* Machine, model, drift. */
void ltd_bench_table_scope(const ltd_bench *b, bool color, ltd_str *out);
void ltd_bench_table_task(const ltd_bench *b, const ltd_bench_task *t, const char *title,
                          bool color, ltd_str *out);
/* A line for each row: its setting. */
void ltd_bench_table_details(const ltd_bench *b, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
