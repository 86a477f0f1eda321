/* The machine's cost table: what one verification, one draft forward, one commit take, by rows and
 * context.  Made by `ltd calibrate` (cost_file.h), read by the reward (T_ar), the observation (cost
 * entries) and the `table` clock.
 *
 *     double ms = ltd_cost_cycle(cost, &(ltd_cost_work){2, 8, 6, context, 3});
 *
 * Pure functions, no allocation: exports carry this code.  Thread rule: immutable once finished. */
#ifndef LTD_ENV_COST_H
#define LTD_ENV_COST_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_COST_MAX_POINTS = 256 };

/* One measured point: `rows` computed at `context` committed tokens took `ms`. */
typedef struct ltd_cost_point {
    int32_t rows, context;
    float ms;     /* mean */
    float ms_min; /* fastest */
} ltd_cost_point;

typedef struct ltd_cost {
    float t_ar_ms;    /* plain decode step at the middle context */
    float commit_ms;  /* acceptance, compaction, text: once a cycle */
    float decide_ms;  /* one decision: observation and policy */
    float waiting_ms; /* a resync: each token that the head lacks, beyond the first */
    int32_t n_verify, n_draft;
    ltd_cost_point verify[LTD_COST_MAX_POINTS]; /* sorted by (context, rows) */
    ltd_cost_point
        draft[LTD_COST_MAX_POINTS]; /* rows 1 = resync, rows k = expansion; n_draft 0: no head */
    int32_t middle_context;         /* the middle one of the verify contexts, the lower of two */
    char machine[128];              /* fingerprint: cpu, isa, threads */
    char cpu[96], isa[32];
    int32_t threads;
    char model_hash[65];
    char head_hash[65]; /* "" = none, or not told */
    int32_t top_k;      /* rows of an expansion that were measured, 0 = not told */
} ltd_cost;

/* Bilinear in rows and context, held constant outside the measured range; 0 without points. [ms] */
double ltd_cost_verify(const ltd_cost *cost, int32_t rows, int32_t context);
double ltd_cost_draft(const ltd_cost *cost, int32_t rows, int32_t context);
/* Plain decode step at this context: t_ar_ms, grown with the context as one verified row is. */
double ltd_cost_ar(const ltd_cost *cost, int32_t context);
/* What a cycle does. */
typedef struct ltd_cost_work {
    int32_t forwards; /* of the draft head: a resync, then expansions */
    int32_t top_k;    /* rows of an expansion */
    int32_t size;     /* nodes verified */
    int32_t context;  /* committed tokens */
    int32_t waiting;  /* of them, tokens the head has not seen when the cycle begins; 0 counts as
                         1 */
} ltd_cost_work;

/* A whole cycle: resync and expansions, verification of size + 1 rows, commit, forwards + 2
 * decisions (each CONTINUE, the STOP, the size). */
double ltd_cost_cycle(const ltd_cost *cost, const ltd_cost_work *work);

#ifdef __cplusplus
}
#endif
#endif
