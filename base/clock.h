/* Time as an input.  Code that measures takes an ltd_clock, so that tests can script it.
 *
 *     ltd_clock clock = ltd_clock_monotonic();
 *     uint64_t t0 = ltd_clock_now(&clock);
 *
 * The scripted clock moves by what the test tells it; see ltd_clock_script. */
#ifndef LTD_BASE_CLOCK_H
#define LTD_BASE_CLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_clock {
    uint64_t (*now)(void *ctx); /* monotonic [ns] */
    void *ctx;
} ltd_clock;

/* CLOCK_MONOTONIC. */
ltd_clock ltd_clock_monotonic(void);

/* A clock that stands still until moved: caller's storage, `ns` is the time it shows. */
typedef struct ltd_clock_script {
    uint64_t ns;
} ltd_clock_script;

/* A clock that shows script->ns.  `script` is borrowed while the clock is in use. */
ltd_clock ltd_clock_scripted(ltd_clock_script *script);

/* Now [ns]. */
static inline uint64_t ltd_clock_now(const ltd_clock *clock)
{
    return clock->now(clock->ctx);
}

#ifdef __cplusplus
}
#endif
#endif
