#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ltd_err_set(ltd_err *err, int code, const char *file, int line, const char *fmt, ...)
{
    if (!err) return code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    err->code = code;
    err->file = file;
    err->line = line;
    return code;
}

int ltd_err_prefix(ltd_err *err, int code, const char *fmt, ...)
{
    if (!err) return code;
    if (err->code == 0) return err->code;
    char head[sizeof err->msg];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(head, sizeof head, fmt, ap);
    va_end(ap);
    size_t n = strlen(head);
    if (n + 3 >= sizeof err->msg) return err->code;
    char tail[sizeof err->msg];
    memcpy(tail, err->msg, sizeof tail);
    snprintf(err->msg, sizeof err->msg, "%s: %.*s", head, (int)(sizeof err->msg - n - 3), tail);
    return err->code;
}

const char *ltd_status_name(int code)
{
    static const char *const names[] = {"OK",           "EINVAL", "ENOMEM", "EIO",      "EFORMAT",
                                        "EUNSUPPORTED", "ETORCH", "EHDF5",  "ECANCELED"};
    int i = -code;
    if (i < 0 || i >= (int)(sizeof names / sizeof *names)) return "unknown";
    return names[i];
}
