#include "trainer/metrics/metrics_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static int reopen(ltd_metrics_file *file, int flags, ltd_err *err)
{
    if (file->fd >= 0) close(file->fd);
    file->fd = open(file->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0666);
    if (file->fd < 0) return ltd_fail(err, LTD_EIO, "%s: %s", file->path, strerror(errno));
    return LTD_OK;
}

/* Copy the lines to keep.  A line without its newline is what a killed run left. */
static int keep_lines(const ltd_file *f, int64_t resume_step, bool header,
                      ltd_metrics_step_of step_of, ltd_str *kept, ltd_err *err, const char *path)
{
    const char *p = (const char *)f->data, *end = p + f->size;
    for (int line = 1; p < end; line++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        if (!newline) break;
        size_t n = (size_t)(newline - p);
        char *text = ltd_mem_zeros(n + 1, 1);
        if (!text) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
        memcpy(text, p, n);
        int64_t step = -1;
        bool row = !(header && line == 1), good = !row || step_of(text, &step);
        free(text);
        if (!good) return ltd_fail(err, LTD_EFORMAT, "%s:%d: is no row of metrics", path, line);
        if (row && step > resume_step) break;
        ltd_str_push(kept, p, n + 1);
        p = newline + 1;
    }
    return kept->failed ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", path) : LTD_OK;
}

int ltd_metrics_file_open(ltd_metrics_file *ret, const char *path, int64_t resume_step, bool header,
                          ltd_metrics_step_of step_of, ltd_str *kept, ltd_err *err)
{
    *ret = (ltd_metrics_file){.fd = -1};
    ltd_metrics_file file = {.fd = -1, .path = ltd_mem_strdup(path)};
    if (!file.path) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    int rc = LTD_OK;
    if (resume_step < 0 || access(path, F_OK) < 0) {
        rc = reopen(&file, O_TRUNC, err);
    } else {
        ltd_file f;
        rc = ltd_file_map(&f, path, err);
        if (rc == LTD_OK) rc = keep_lines(&f, resume_step, header, step_of, kept, err, path);
        size_t before = f.size;
        ltd_file_unmap(&f);
        if (rc == LTD_OK && kept->len != before)
            rc = ltd_file_write(path, ltd_str_text(kept), kept->len, err);
        if (rc == LTD_OK) rc = reopen(&file, 0, err);
    }
    if (rc < 0)
        ltd_metrics_file_close(&file);
    else
        *ret = file;
    return rc;
}

void ltd_metrics_file_close(ltd_metrics_file *file)
{
    if (file->fd >= 0) close(file->fd);
    free(file->path);
    *file = (ltd_metrics_file){.fd = -1};
}

int ltd_metrics_file_append(ltd_metrics_file *file, const char *text, size_t len, ltd_err *err)
{
    while (len) {
        ssize_t n = write(file->fd, text, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return ltd_fail(err, LTD_EIO, "%s: cannot write: %s", file->path, strerror(errno));
        text += n;
        len -= (size_t)n;
    }
    return LTD_OK;
}

int ltd_metrics_file_replace(ltd_metrics_file *file, const char *text, size_t len, ltd_err *err)
{
    int rc = ltd_file_write(file->path, text, len, err);
    return rc < 0 ? rc : reopen(file, 0, err);
}
