#include "base/clock.h"

#include <time.h>

static uint64_t monotonic_now(void *ctx)
{
    (void)ctx;
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t scripted_now(void *ctx)
{
    return ((const ltd_clock_script *)ctx)->ns;
}

ltd_clock ltd_clock_monotonic(void)
{
    return (ltd_clock){monotonic_now, 0};
}

ltd_clock ltd_clock_scripted(ltd_clock_script *script)
{
    return (ltd_clock){scripted_now, script};
}
