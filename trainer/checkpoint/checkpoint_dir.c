/* The checkpoints of a run's folder: which to resume from, which to delete.  The order is by the
 * step counter inside the files, not by their times, which copying a run changes. */
#include "trainer/checkpoint/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

typedef struct search {
    char best[PATH_MAX];
    uint64_t step;
    bool found;
    int seen; /* files tried */
    int rc;   /* of the last damaged one */
    ltd_err err;
} search;

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

static void try_file(search *s, const char *path)
{
    ltd_checkpoint *c;
    s->seen++;
    ltd_err err = LTD_ERR_INIT;
    int rc = ltd_checkpoint_open(&c, path, &err);
    if (rc < 0) {
        s->rc = rc;
        s->err = err;
        return;
    }
    uint64_t step = ltd_checkpoint_step(c);
    ltd_checkpoint_close(c);
    if (s->found && (step < s->step || (step == s->step && strcmp(path, s->best) < 0))) return;
    s->found = true;
    s->step = step;
    snprintf(s->best, sizeof s->best, "%s", path);
}

/* A folder that can't be read holds nothing. */
static void try_folder(search *s, const char *dir)
{
    DIR *d = opendir(dir);
    if (!d) return;
    struct dirent *entry;
    char path[PATH_MAX];
    while ((entry = readdir(d)))
        if (ends_with(entry->d_name, ".h5") &&
            snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) < PATH_MAX)
            try_file(s, path);
    closedir(d);
}

int ltd_checkpoint_newest(const char *dir, char *path, size_t size, ltd_err *err)
{
    search *s = ltd_mem_zeros(1, sizeof *s);
    if (!s) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", dir);
    char inner[PATH_MAX];
    try_folder(s, dir);
    if (snprintf(inner, sizeof inner, "%s/checkpoints", dir) < PATH_MAX) try_folder(s, inner);
    int rc = LTD_OK;
    if (s->found && strlen(s->best) < size) {
        memcpy(path, s->best, strlen(s->best) + 1);
    } else if (s->found) {
        rc = ltd_fail(err, LTD_EINVAL, "%s: the path is too long", s->best);
    } else if (s->seen) {
        if (err) *err = s->err;
        rc = s->rc;
    } else {
        rc = ltd_fail(err, LTD_EIO, "%s: no checkpoint (*.h5) there", dir);
    }
    free(s);
    return rc;
}

int ltd_checkpoint_step_path(char *path, size_t size, const char *dir, uint64_t step, ltd_err *err)
{
    char text[PATH_MAX];
    int n = snprintf(text, sizeof text, "%s/step_%010" PRIu64 ".h5", dir, step);
    if (n >= (int)sizeof text || (size_t)n >= size)
        return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", dir);
    memcpy(path, text, (size_t)n + 1);
    return LTD_OK;
}

/* "step_0000012000.h5" -> 12000, with `end` ".h5" */
static bool parse_step(const char *name, const char *end, uint64_t *ret)
{
    char *at;
    if (strncmp(name, "step_", 5) != 0 || name[5] < '0' || name[5] > '9') return false;
    *ret = strtoull(name + 5, &at, 10);
    return strcmp(at, end) == 0;
}

static int descending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

/* A step's file, or, with `end` ".tmp", what is left of a half-written one. */
static int delete_step(const char *dir, uint64_t step, const char *end, ltd_err *err)
{
    char path[PATH_MAX];
    int rc = ltd_checkpoint_step_path(path, sizeof path - strlen(end), dir, step, err);
    if (rc < 0) return rc;
    memcpy(path + strlen(path), end, strlen(end) + 1);
    if (unlink(path) < 0 && errno != ENOENT)
        return ltd_fail(err, LTD_EIO, "%s: cannot delete: %s", path, strerror(errno));
    return LTD_OK;
}

int ltd_checkpoint_prune(const char *dir, int32_t keep, ltd_err *err)
{
    DIR *d = opendir(dir);
    if (!d) return ltd_fail(err, LTD_EIO, "%s: %s", dir, strerror(errno));
    uint64_t *steps = NULL, step;
    size_t n = 0;
    int rc = LTD_OK;
    struct dirent *entry;
    while (rc == LTD_OK && (entry = readdir(d))) {
        if (parse_step(entry->d_name, ".h5.tmp", &step)) rc = delete_step(dir, step, ".tmp", err);
        if (!parse_step(entry->d_name, ".h5", &step)) continue;
        uint64_t *p = ltd_mem_resize(steps, n + 1, sizeof *p);
        if (!p) {
            rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory", dir);
        } else {
            steps = p;
            steps[n++] = step;
        }
    }
    closedir(d);
    if (n) qsort(steps, n, sizeof *steps, descending);
    for (size_t i = (size_t)keep; keep > 0 && rc == LTD_OK && i < n; i++)
        rc = delete_step(dir, steps[i], "", err);
    free(steps);
    return rc;
}
