/* The best static setting of this machine: draft forwards, nodes, beam width, lookup on or off;
 * what a learned policy has to beat (row `static-tuned`).
 *
 *     ltd_tuned tuned;
 *     ltd_tune_options opt = LTD_TUNE_DEFAULTS;
 *     ltd_tune_or_load(&s, train_prompts, &opt, &tuned, &err);
 *     ltd_agent_fixed_new(&agent, "static-tuned", tuned.best.forwards, tuned.best.size, &err);
 *
 * Text at temperature 0 doesn't depend on the setting, so candidates are compared on equal text, in
 * two steps: with a calibration, one walk over some answers says how far every candidate would get
 * and the cost table how long that takes (trainer/tune/scout.h), and only the best few go on. Those
 * are measured live by successive halving: all play a prompt, in an order that turns round by
 * round; the best third stays and plays more. Thread rule: one thread. */
#ifndef LTD_TRAINER_TUNE_H
#define LTD_TRAINER_TUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "env/prompts.h"
#include "trainer/bench/run_prompt.h"
#include "trainer/config/setup.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_TUNE_MAX = 2048,
    LTD_TUNE_FINALISTS = 8,
    LTD_TUNE_SHORTLIST = 12, /* settings that go on to the live clock, plain decoding apart */
    LTD_TUNE_WIDTHS = 1 + LTD_CONFIG_WIDTHS
};

typedef struct ltd_setting {
    int32_t forwards, size; /* 0 and 0 without lookup: plain decoding */
    bool lookup;
    int32_t top_k; /* beam width; 0: the configuration's env.top_k */
} ltd_setting;

/* A candidate and what it has been measured at so far. */
typedef struct ltd_candidate {
    ltd_setting setting;
    double tokens, seconds; /* live */
    int32_t prompts;
    double predicted; /* speed-up over plain decoding by the cost table, 0 = not scouted */
} ltd_candidate;

typedef struct ltd_tuned {
    ltd_setting best;
    double tok_s;                                /* of the best, on the training prompts */
    ltd_candidate finalists[LTD_TUNE_FINALISTS]; /* best first; plain decoding is among them */
    int32_t n_finalists;
    int32_t candidates; /* that were looked at */
    int32_t scouted;    /* prompts of the first step, 0 without a calibration */
    double seconds;     /* the search took */
    /* what it holds for */
    char machine[128], model_hash[65], head_hash[65]; /* head "" = none */
    char survival[65];                                /* ltd_survival_hash() */
    int32_t top_k, max_forwards;
    int32_t sizes[LTD_MAX_SIZES], n_sizes;
    int32_t widths[LTD_CONFIG_WIDTHS], n_widths; /* tune.top_k */
    bool lookup;
} ltd_tuned;

typedef struct ltd_tune_options {
    double budget_s; /* the search stops by then, up to one prompt a candidate */
    int32_t max_new; /* tokens an answer */
    ltd_watch watch;
    /* [n_among] what is searched, plain decoding first; NULL: ltd_tune_grid() */
    const ltd_candidate *among;
    int32_t n_among; /* up to LTD_TUNE_MAX */
} ltd_tune_options;

/* clang-format off */
#define LTD_TUNE_DEFAULTS {60.0, 48, {0, 0}, 0, 0}
/* clang-format on */

/* Search on `prompts`.  LTD_ECANCELED when the watcher says so; errors of setup and environment. */
int ltd_tune(const ltd_setup *s, const ltd_prompts *prompts, const ltd_tune_options *options,
             ltd_tuned *ret, ltd_err *err);
/* The kept result when it fits this machine, model, head and configuration, else search and keep.
 */
int ltd_tune_or_load(const ltd_setup *s, const ltd_prompts *prompts,
                     const ltd_tune_options *options, ltd_tuned *ret, ltd_err *err);

/* "2 forwards, 8 nodes, beam 4, lookup", "plain decoding"; the beam only where the setting has one
 * of its own.  Returns ret. */
char *ltd_setting_text(const ltd_setting *setting, char *ret, size_t size);

/* --- kept results --- */

/* "tuned-<12 hex digits>.json" beside the calibration; the digits are a hash of what it holds for
 * but the sizes. */
int ltd_tuned_path(const ltd_setup *s, char *ret, size_t size, ltd_err *err);
int ltd_tuned_save(const ltd_tuned *tuned, const char *path, ltd_err *err);
/* LTD_EIO, LTD_EFORMAT. */
int ltd_tuned_load(ltd_tuned *ret, const char *path, ltd_err *err);
/* LTD_EINVAL names what differs from this machine, model, head or configuration. */
int ltd_tuned_check(const ltd_tuned *tuned, const ltd_setup *s, ltd_err *err);
/* Append the JSON object. */
void ltd_tuned_json(const ltd_tuned *tuned, ltd_str *out);

/* --- the search, apart from what measures --- */

/* Who measures: play prompt `prompt` under `setting`, give tokens and seconds. */
typedef struct ltd_tune_meter {
    int (*play)(void *ctx, const ltd_setting *setting, int32_t prompt, double *tokens,
                double *seconds, ltd_err *err);
    void *ctx;
    const ltd_clock *clock; /* for the budget */
    int32_t prompts;        /* how many there are */
} ltd_tune_meter;

/* The size table and a common grid, merged, ascending, without 0, up to max_size: at most
 * LTD_MAX_SIZES - 1 of them, which are returned. */
int32_t ltd_tune_sizes(const ltd_ints *sizes, int32_t max_size, int32_t *ret);

/* Could it ever be faster than plain decoding: (tokens it can accept at most) / (cycle / T_ar)
 * above 1?  Without a cost table (NULL) nobody knows, and it could. */
bool ltd_tune_can_pay(const ltd_cycle_options *cycle, const ltd_cost *cost,
                      const ltd_setting *setting);

/* Settings worth trying: forwards x nodes x beam width x lookup, what the pool can't hold left out,
 * and with a cost table what can't pay; the first is plain decoding.  Returns how many.
 *   widths  besides the cycle's top_k, which settings leave unnamed; NULL: none.  Left out where
 *           they make no difference: wider ones for no more nodes than the cycle's beam has,
 *           narrower ones before the first expansion
 *   ret     [LTD_TUNE_MAX] */
int32_t ltd_tune_grid(const ltd_cycle_options *cycle, const ltd_ints *sizes, const ltd_ints *widths,
                      int32_t max_forwards, const ltd_cost *cost, ltd_candidate *ret);

/* Keep the LTD_TUNE_SHORTLIST best by prediction, in this order, behind plain decoding, c[0]; of
 * settings that differ in the beam alone no more than two, as these would take all places where
 * beams hardly matter.  Returns how many are left of c[n]. */
int32_t ltd_tune_shortlist(ltd_candidate *c, int32_t n);

/* Successive halving over c[n] within the budget; c[0], plain decoding, is never eliminated.
 * Afterwards all are in order of elimination, best first. */
int ltd_tune_search(ltd_candidate *c, int32_t n, const ltd_tune_meter *meter, double budget_s,
                    const ltd_watch *watch, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
