#include "env/timing.h"

#include <string.h>

void ltd_phases_start(ltd_phases *phases, const ltd_clock *clock)
{
    memset(phases->ns, 0, sizeof phases->ns);
    phases->clock = clock;
    phases->now = LTD_PHASE_OTHER;
    phases->since = ltd_clock_now(clock);
}

void ltd_phases_enter(ltd_phases *phases, ltd_phase phase)
{
    uint64_t now = ltd_clock_now(phases->clock);
    phases->ns[phases->now] += now - phases->since;
    phases->since = now;
    phases->now = phase;
}

uint64_t ltd_phases_stop(ltd_phases *phases)
{
    ltd_phases_enter(phases, LTD_PHASE_OTHER);
    uint64_t sum = 0;
    for (int i = 0; i < LTD_PHASE_COUNT; i++) sum += phases->ns[i];
    return sum;
}

const char *ltd_phase_name(ltd_phase phase)
{
    static const char *const names[LTD_PHASE_COUNT] = {"draft", "decide", "verify", "commit",
                                                       "other"};
    return (unsigned)phase < LTD_PHASE_COUNT ? names[phase] : "?";
}
