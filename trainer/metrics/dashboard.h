/* A long job at a glance: on a terminal a block of lines that is drawn again in its place, where
 * the terminal is small the one line of progress.h, elsewhere its plain lines.
 *
 *     ltd_dashboard d;
 *     ltd_dashboard_init(&d, stderr, &clock, "train", "runs/a");
 *     ltd_dashboard_begin(&d, 0, total);
 *     ltd_dashboard_what(&d, "both policies, live");
 *     ltd_dashboard_figure_set(&d, "tokens/s", "%.0f", tok_s);
 *     ltd_dashboard_share_set(&d, "verify", 0.52);
 *     ltd_dashboard_point(&d, "reward", reward);
 *     ltd_dashboard_update(&d, done);                  drawn at most 5 times a second
 *     ltd_dashboard_above(&d, "checkpoint saved");     a line that stays
 *     ltd_dashboard_finish(&d, done);
 *
 * The cursor rests below the block, so that whatever ends the program leaves a clean line.  No line
 * is as wide as the terminal, none is drawn below it; its size is asked for at every draw.
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_DASHBOARD_H
#define LTD_TRAINER_DASHBOARD_H

#include "trainer/metrics/progress.h"
#include "trainer/metrics/spark.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_DASHBOARD_FIGURES = 20,
    LTD_DASHBOARD_SHARES = 8,
    LTD_DASHBOARD_LINES = 32, /* most of a block */
    /* of a terminal; in a smaller one it is one line */
    LTD_DASHBOARD_MIN_WIDTH = 40,
    LTD_DASHBOARD_MIN_HEIGHT = 6
};

typedef struct ltd_dashboard_figure {
    const char *name; /* borrowed */
    char text[24];
} ltd_dashboard_figure;

typedef struct ltd_dashboard_share {
    const char *name; /* borrowed */
    double share;     /* [0, 1] */
} ltd_dashboard_share;

/* Caller's storage; line.quiet, line.color, utf8 and, in tests, the size may be changed after
 * init. */
typedef struct ltd_dashboard {
    ltd_progress line; /* the one-line form, and the settings of both */
    const char *title; /* borrowed, e.g. the run folder */
    char what[64];
    bool utf8;         /* the locale's characters */
    bool asks;         /* the size can be asked for */
    int width, height; /* columns and lines of the terminal */
    ltd_dashboard_figure figure[LTD_DASHBOARD_FIGURES];
    int n_figures;
    ltd_dashboard_share share[LTD_DASHBOARD_SHARES];
    int n_shares;
    const char *curve_name;
    ltd_spark curve;
    uint64_t done;
    int drawn[LTD_DASHBOARD_LINES]; /* columns of each line on the screen */
    int n_drawn;                    /* lines of the block on the screen */
} ltd_dashboard;

/* Look at `out` and at the locale of the environment (LC_ALL, LC_CTYPE, LANG).  NO_COLOR and
 * TERM=dumb are honoured.  `label`, `title`: borrowed. */
void ltd_dashboard_init(ltd_dashboard *d, FILE *out, const ltd_clock *clock, const char *label,
                        const char *title);

/* A part of the job begins: `total` units (0: unknown), of which `done` were brought along and
 * don't count in speed and ETA.  Figures, shares and curve begin anew; `what` stays. */
void ltd_dashboard_begin(ltd_dashboard *d, uint64_t done, uint64_t total);
/* What is being done; copied, cut at 63 bytes. */
void ltd_dashboard_what(ltd_dashboard *d, const char *what);
/* Set a figure, in the order of their first setting; the text is cut at 23 bytes.  Those for which
 * there is no room are left out. */
void ltd_dashboard_figure_set(ltd_dashboard *d, const char *name, const char *fmt, ...)
    LTD_PRINTF(3, 4);
void ltd_dashboard_share_set(ltd_dashboard *d, const char *name, double share);
/* A point more of the curve `name`. */
void ltd_dashboard_point(ltd_dashboard *d, const char *name, double value);

/* `done` units; draws when it is time to. */
void ltd_dashboard_update(ltd_dashboard *d, uint64_t done);
/* A line that stays, above the block, which is drawn again; written when quiet, too. */
void ltd_dashboard_above(ltd_dashboard *d, const char *line);
/* Draw the last state, and leave it. */
void ltd_dashboard_finish(ltd_dashboard *d, uint64_t done);
/* Leave what is drawn as it is, the cursor on a line of its own. */
void ltd_dashboard_leave(ltd_dashboard *d);

#ifdef __cplusplus
}
#endif
#endif
