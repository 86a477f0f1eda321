#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void ltd_log(const ltd_logger *log, int level, const char *fmt, ...)
{
    if (!log || !log->write || level < log->min_level) return;
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    log->write(log->ctx, level, line);
}
