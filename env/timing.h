/* Phases of a cycle on the clock.  At any moment exactly one phase is running, so that they sum to
 * the window.
 *
 *     ltd_phases_start(&phases, clock);
 *     ltd_phases_enter(&phases, LTD_PHASE_DRAFT);
 *     ...
 *     uint64_t window = ltd_phases_stop(&phases); */
#ifndef LTD_ENV_TIMING_H
#define LTD_ENV_TIMING_H

#include <stdint.h>

#include "base/clock.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_phase {
    LTD_PHASE_DRAFT,  /* resync and expansions of the head, prompt lookup */
    LTD_PHASE_DECIDE, /* observation and policy, everything between two env calls */
    LTD_PHASE_VERIFY, /* target forward over the chosen nodes */
    LTD_PHASE_COMMIT, /* acceptance, K/V compaction, text */
    LTD_PHASE_OTHER,  /* tree: pool, ranking, selection */
    LTD_PHASE_COUNT
} ltd_phase;

typedef struct ltd_phases {
    const ltd_clock *clock;
    uint64_t since; /* start of the running phase [ns] */
    ltd_phase now;
    uint64_t ns[LTD_PHASE_COUNT];
} ltd_phases;

/* Zero all phases and start the window in LTD_PHASE_OTHER. */
void ltd_phases_start(ltd_phases *phases, const ltd_clock *clock);
/* End the running phase, begin another. */
void ltd_phases_enter(ltd_phases *phases, ltd_phase phase);
/* End the window; returns its length, the sum of the phases [ns]. */
uint64_t ltd_phases_stop(ltd_phases *phases);
/* "draft", "decide", ... */
const char *ltd_phase_name(ltd_phase phase);

#ifdef __cplusplus
}
#endif
#endif
