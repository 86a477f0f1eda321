/* Progress of a long job: one line that redraws itself on a terminal, one plain line per update
 * elsewhere.
 *
 *     ltd_progress p;
 *     ltd_progress_init(&p, stderr, &clock, "train", total);
 *     ltd_progress_update(&p, done, "reward 0.31  kl 0.008");     drawn at most 5 times a second
 *     ltd_progress_finish(&p, done, "reward 0.33");
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_PROGRESS_H
#define LTD_TRAINER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Caller's storage; the settings may be changed after init. */
typedef struct ltd_progress {
    FILE *out;              /* borrowed */
    const ltd_clock *clock; /* borrowed */
    const char *label;      /* borrowed, e.g. "train" */
    uint64_t total;         /* units of work, 0 = unknown */
    bool redraw;            /* out is a terminal that can */
    bool color;             /* ... and NO_COLOR is not set */
    bool quiet;             /* draw nothing at all */
    int width;              /* columns when redrawing */
    uint64_t every_ns;      /* least time between two draws */
    uint64_t start_ns, last_ns;
    uint64_t start_done; /* work that a resumed run brought along: not counted in speed and ETA */
    bool drawn, begun;
} ltd_progress;

/* Look at `out`: a terminal redraws every 0.2 s, a file or pipe gets a line every 5 s.  NO_COLOR
 * and TERM=dumb are honoured. */
void ltd_progress_init(ltd_progress *p, FILE *out, const ltd_clock *clock, const char *label,
                       uint64_t total);

/* `done` units of `total`; `fields` (may be NULL) is put behind the bar and cut at the width. */
void ltd_progress_update(ltd_progress *p, uint64_t done, const char *fields);
/* A line of its own, above the bar. */
void ltd_progress_note(ltd_progress *p, const char *line);
/* Draw the last state and end the line. */
void ltd_progress_finish(ltd_progress *p, uint64_t done, const char *fields);

/* Leave what is drawn as it is, the cursor on a line of its own: before a message of failure. */
void ltd_progress_leave(ltd_progress *p);

/* Append "  37%  7400/20000  2m05s  ETA 12s", in the end "took 2m05s" for the two times; `now` of
 * p->clock. */
void ltd_progress_state(const ltd_progress *p, uint64_t done, uint64_t now, ltd_str *out);
/* "3.12", "205", "12.3k", "14.0M", "?" when negative or not finite. */
void ltd_progress_rate(char ret[16], double rate);
/* "0.4s", "12s", "2m05s", "1h02m", "3d04h", "?" when negative or not finite. */
void ltd_progress_duration(char ret[16], double seconds);

#ifdef __cplusplus
}
#endif
#endif
