/* Coefficients that change over a run: learning rate and entropy bonus.
 *
 *     ltd_schedule lr = {LTD_SCHEDULE_LINEAR, 1e-3, 0.0, 0.01};      the paper's
 *     double now = ltd_schedule_at(&lr, (double)steps_done / steps_total);
 *
 * Pure. */
#ifndef LTD_TRAINER_SCHEDULE_H
#define LTD_TRAINER_SCHEDULE_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_schedule_kind {
    LTD_SCHEDULE_CONSTANT, /* start, after the warm-up */
    LTD_SCHEDULE_LINEAR,   /* start -> end, from the end of the warm-up to the end of the run */
    LTD_SCHEDULE_COSINE,   /* the same, along half a cosine */
    LTD_SCHEDULE_COUNT,
} ltd_schedule_kind;

typedef struct ltd_schedule {
    ltd_schedule_kind kind;
    double start, end;
    double warmup; /* share of the run during which it rises from 0 to start; [0, 1) */
} ltd_schedule;

/* The value when the share `progress` of the run is done; clamped to [0, 1].  Evaluate it after
 * collecting, as SB3 does: with a warm-up it is 0 at 0. */
double ltd_schedule_at(const ltd_schedule *schedule, double progress);

#ifdef __cplusplus
}
#endif
#endif
