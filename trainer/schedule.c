#include "trainer/schedule.h"

#include <stddef.h>
#include <string.h>

static const char *const names[LTD_SCHEDULE_COUNT] = {"constant", "linear"};

const char *ltd_schedule_name(ltd_schedule_kind kind)
{
    return (unsigned)kind < LTD_SCHEDULE_COUNT ? names[kind] : NULL;
}

int ltd_schedule_parse(ltd_schedule_kind *ret, const char *name, ltd_err *err)
{
    for (int i = 0; i < LTD_SCHEDULE_COUNT; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *ret = (ltd_schedule_kind)i;
        return LTD_OK;
    }
    return ltd_fail(err, LTD_EINVAL, "schedule: found '%s', expected constant or linear", name);
}

double ltd_schedule_at(const ltd_schedule *s, double progress)
{
    double p = progress > 0.0 ? progress : 0.0; /* NaN too */
    if (p > 1.0) p = 1.0;
    if (p < s->warmup) return s->start * p / s->warmup;
    if (s->kind == LTD_SCHEDULE_CONSTANT || s->warmup >= 1.0) return s->start;
    double left = (1.0 - p) / (1.0 - s->warmup);
    return s->end + (s->start - s->end) * left;
}
