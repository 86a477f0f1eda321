/* Where messages for people go: a callback, so that the library itself never prints.
 *
 *     ltd_log(log, LTD_LOG_INFO, "model %s: %d layers", path, n);      log may be NULL: silent */
#ifndef LTD_BASE_LOG_H
#define LTD_BASE_LOG_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ltd_log_level { LTD_LOG_DEBUG, LTD_LOG_INFO, LTD_LOG_WARN };

typedef struct ltd_logger {
    void (*write)(void *ctx, int level, const char *line); /* line: no newline, borrowed */
    void *ctx;
    int min_level; /* messages below are dropped */
} ltd_logger;

/* Write one line; cut at 1023 bytes. */
void ltd_log(const ltd_logger *log, int level, const char *fmt, ...) LTD_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif
#endif
