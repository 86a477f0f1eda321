/* Transfer from records: the planner is trained once under each cost table, then every policy plays
 * the bench prompts under all of them.  Beside it the static setting that is best on each machine,
 * and the rule goodput with its default parameters (row goodput-free), which is told costs but
 * tuned on no machine.
 *
 *     ltd_transfer_options o = {.table = paths, .n = 4};
 *     ltd_transfer_run(&setup, &o, &transfer, &err);
 *
 * Nothing here reads a clock: equal seeds, records and tables give equal bytes.
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_TRANSFER_RUN_H
#define LTD_TRAINER_TRANSFER_RUN_H

#include "trainer/bench/run_prompt.h"
#include "trainer/config/setup.h"
#include "trainer/suites/transfer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_transfer_options {
    const char *const *table; /* [n] calibrations of any machines; their names without folder and
                                 ending name the machines */
    int32_t n;
    const volatile int *stop; /* set by a signal; may be NULL */
    ltd_watch watch;
} ltd_transfer_options;

/* LTD_EIO: a table or records are missing; LTD_EFORMAT: a table is none; LTD_EINVAL: one of another
 * model or head, prompts that are not recorded, a configuration that can't be planned with, or what
 * ltd_transfer_new() says; LTD_ECANCELED.  *ret owned: ltd_transfer_free(). */
int ltd_transfer_run(const ltd_setup *s, const ltd_transfer_options *options, ltd_transfer **ret,
                     ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
