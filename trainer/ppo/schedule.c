#include "trainer/ppo/schedule.h"

#include <math.h>

double ltd_schedule_at(const ltd_schedule *s, double progress)
{
    double p = progress > 0.0 ? progress : 0.0; /* NaN too */
    if (p > 1.0) p = 1.0;
    if (p < s->warmup) return s->start * p / s->warmup;
    if (s->kind == LTD_SCHEDULE_CONSTANT || s->warmup >= 1.0) return s->start;
    double left = (1.0 - p) / (1.0 - s->warmup);
    if (s->kind == LTD_SCHEDULE_COSINE) left = 0.5 - 0.5 * cos(3.14159265358979323846 * left);
    return s->end + (s->start - s->end) * left;
}
