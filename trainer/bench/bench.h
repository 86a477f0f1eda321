/* The comparison: policies on the same prompts, interleaved, with intervals; text checked.
 *
 *     ltd_bench_options opt = {.tuned = &tuned, .policy = policy, .command = "ltd bench"};
 *     ltd_bench *b;
 *     if (ltd_bench_run(&s, &opt, &b, &err) < 0) ...
 *     ltd_bench_table(b, color, &text);
 *     ltd_bench_json(b, &json);
 *     ltd_bench_free(b);
 *
 * Every prompt is played by all rows, one after the other, before the next prompt begins; the order
 * of rows turns from prompt to prompt and from repetition to repetition.  Time is the sum of cycle
 * windows; prefill is reported apart.  Repetitions are added up, none is left out: `seconds` of a
 * row is their mean.  `tokens` are those of one repetition; each has the same text, at a
 * temperature too.  Under env.accept = eagle a sampled text depends on the policy and is not
 * compared.
 *
 * Over a record (replay.h) the same rows are played once, by the cost table, and the oracles beside
 * them.  Thread rule: one thread. */
#ifndef LTD_TRAINER_BENCH_H
#define LTD_TRAINER_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/policy.h"
#include "base/str.h"
#include "trainer/bench/accept_class.h"
#include "trainer/bench/bench_versus.h"
#include "trainer/bench/preset.h"
#include "trainer/bench/run_prompt.h"
#include "trainer/bench/stats.h"
#include "trainer/bench/stop_quality.h"
#include "trainer/calibrate/drift.h"
#include "trainer/config/setup.h"
#include "trainer/records/replay.h"
#include "trainer/tune/tune.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_BENCH_ROWS = LTD_VERSUS_ROWS, LTD_BENCH_TASKS = LTD_VERSUS_TASKS };

/* One policy on one task, or on all.  Figures that don't exist are NaN (null in JSON). */
typedef struct ltd_bench_row {
    char policy[32], detail[128];
    int64_t tokens; /* of one repetition */
    double seconds; /* mean over repetitions */
    double tok_s;
    double speedup; /* over row ar */
    ltd_interval speedup_ci;
    /* As EAGLE and its followers count: mean of the prompts' tok/s over the same mean of row ar. */
    double speedup_mean_of_prompts;
    double vs_tuned; /* over row static-tuned */
    ltd_interval vs_tuned_ci;
    double accept_len, forwards_mean, size_mean;
    double phase[LTD_PHASE_COUNT];             /* shares of the windows */
    double prefill_target_ms, prefill_head_ms; /* a prompt */
    int32_t identical, of; /* answers equal to ar's, token for token; 0 of 0: not compared */
    double regret;         /* 1 - speed / the oracle's; NaN: not known */
    ltd_stop_quality stop; /* over records, of tasks and all; n 0: not known */
    double table_seconds;  /* the same cycles by the cost table; NaN without one */
    uint32_t accept_hist[LTD_RUN_ACCEPT]; /* cycles by accept_len */
    uint32_t depth_hist[LTD_RUN_ACCEPT];  /* by the deepest node verified */
    ltd_accept_by accept_by;              /* not known of oracles, which play no cycles */
} ltd_bench_row;

typedef struct ltd_bench_task {
    char task[64];
    int32_t prompts, n_rows;
    ltd_bench_row rows[LTD_BENCH_ROWS];
} ltd_bench_task;

typedef struct ltd_bench {
    char command[512], commit[64], utc[32];
    uint64_t seed;
    char cpu[96], isa[32];
    int32_t threads;
    char model_path[LTD_CONFIG_TEXT], model_hash[65], model_dtype[16];
    char head_path[LTD_CONFIG_TEXT], head_hash[65]; /* "": none */
    bool lookup;
    bool replayed; /* over a record, by the cost table */
    int32_t max_new, reps;
    ltd_sampling sampling; /* temperature 0: greedy */
    ltd_accept_rule accept;
    ltd_setting tuned; /* forwards -1: no such row */
    ltd_drift drift;   /* live, before the first prompt; speed 0: not known */
    int32_t n_tasks;
    ltd_bench_task tasks[LTD_BENCH_TASKS];
    ltd_bench_task all;           /* over the prompts of all tasks */
    ltd_bench_task ended;         /* over those whose answer ended by itself under ar */
    ltd_versus versus;            /* row ltd against each other one */
    struct ltd_bench_cell *cells; /* [all.n_rows, all.prompts]; NULL when it was read from a file */
} ltd_bench;

/* An answer that was just played; all of it borrowed. */
typedef struct ltd_bench_answer {
    const char *row;
    const ltd_prompt *prompt;
    int32_t prompt_number, rep;
    const ltd_run *run;
    const ltd_tokens *text;
} ltd_bench_answer;

typedef struct ltd_bench_options {
    const ltd_tuned *tuned;           /* NULL: row static-tuned is left out */
    const ltd_policy *policy;         /* NULL: row ltd is left out */
    const struct ltd_rule_set *rules; /* parameters of rules; NULL, or not among them: defaults,
                                         and trained ones are left out */
    const ltd_preset *presets;        /* [n_presets] instead of bench.policies; NULL: those */
    int32_t n_presets;
    const ltd_replay *replay; /* NULL: live */
    const char *command;      /* recorded */
    ltd_watch watch;
    int (*between)(void *ctx, ltd_err *err); /* called before each prompt, outside all windows */
    void *between_ctx;
    /* Told every answer but the warm-up's, outside all windows; NULL: nobody. */
    int (*heard)(void *ctx, const ltd_bench_answer *answer, ltd_err *err);
    void *heard_ctx;
} ltd_bench_options;

/* Does the configuration's bench have this row? */
bool ltd_bench_wants(const ltd_config *c, const char *row);
/* ... one that a trained policy plays? */
bool ltd_bench_wants_policy(const ltd_config *c);
/* Are all rows of config.bench.policies known?  LTD_EINVAL names the one that isn't, and lists
 * them. Looks for nothing that a row needs. */
int ltd_bench_check_rows(const ltd_setup *s, ltd_err *err);
/* Rows of config.bench.policies (empty: ar, eagle3, static-tuned, switch, goodput, ltd; also
 * static-N-V[-kK][-lookup]: N forwards, V nodes, beam K; ltd-guard: ltd, set aside while plain
 * decoding is faster; ltd-table: what is left of it in a table; the rules of agents/rules), or
 * those of options->presets, on config.prompts.bench; ar always runs.  A row that needs what isn't
 * there (head, tuned setting, policy) is left out and the log says so. LTD_EINVAL: an unknown row.
 * *ret owned. */
int ltd_bench_run(const ltd_setup *s, const ltd_bench_options *options, ltd_bench **ret,
                  ltd_err *err);
void ltd_bench_free(ltd_bench *b);

/* Append the table for people; `color` for terminals. */
void ltd_bench_table(const ltd_bench *b, bool color, ltd_str *out);
/* Append the one line that counts: what ltd gains over the best static setting, or what to use
 * instead, and how it stands against the fastest other row; before it, whether the policy's table
 * does as well. */
void ltd_bench_verdict(const ltd_bench *b, ltd_str *out);
/* Append the JSON object of docs/formats.md. */
void ltd_bench_json(const ltd_bench *b, ltd_str *out);
/* Read it back.  LTD_EIO, LTD_EFORMAT.  *ret owned. */
int ltd_bench_load(ltd_bench **ret, const char *path, ltd_err *err);
/* A row by name; NULL when there is none. */
const ltd_bench_row *ltd_bench_find(const ltd_bench_task *task, const char *policy);

/* --- aggregation, apart from what measures --- */

/* One prompt under one row: sums over all repetitions. */
typedef struct ltd_bench_cell {
    ltd_run run;
    ltd_accept_classes classes;
    bool identical; /* in every repetition */
} ltd_bench_cell;

/* Fold cells into the figures of task->rows; names, n_rows and prompts are there already.
 *   cells       row r, prompt p at cells[r * stride + p]
 *   ar, tuned   row numbers, -1 = none
 * LTD_ENOMEM. */
int ltd_bench_fold(ltd_bench_task *task, const ltd_bench_cell *cells, size_t stride, int32_t reps,
                   int32_t ar, int32_t tuned, int32_t resamples, uint64_t seed, ltd_err *err);

/* The cells of the prompts whose answer came to its end token in row ar: *ret [rows, *kept], owned.
 * LTD_ENOMEM. */
int ltd_bench_only_ended(const ltd_bench_cell *cells, int32_t rows, int32_t prompts, int32_t ar,
                         ltd_bench_cell **ret, int32_t *kept, ltd_err *err);
/* What each of n cells gave, a repetition's mean: ret[n]. */
void ltd_bench_rates(const ltd_bench_cell *cell, int32_t n, int32_t reps, ltd_rate *ret);

#ifdef __cplusplus
}
#endif
#endif
