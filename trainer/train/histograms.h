/* histograms.csv of a run: what cycles were like, step by step.
 *
 *     step,value,accept_len,forwards,size,valid_accept_len,valid_forwards,valid_size
 *
 * A line for each value that any cycle took: cycles of the rollout with this accept_len, this
 * number of forwards, this number of nodes; then the same of a validation, empty where none took
 * place.  The last values hold all that are larger.
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_HISTOGRAMS_H
#define LTD_TRAINER_HISTOGRAMS_H

#include "trainer/bench/run_prompt.h"
#include "trainer/ppo/joint.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_histograms ltd_histograms;

/* dir/histograms.csv; resume_step as of ltd_metrics_open().  LTD_EIO, LTD_EFORMAT, LTD_ENOMEM.
 * *ret owned. */
int ltd_histograms_open(ltd_histograms **ret, const char *dir, int64_t resume_step, ltd_err *err);
void ltd_histograms_close(ltd_histograms *h);
/* The lines of one step; either may be NULL. */
int ltd_histograms_write(ltd_histograms *h, int64_t step, const ltd_joint_stats *rollout,
                         const ltd_run *valid, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
