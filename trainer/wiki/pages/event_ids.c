/* Which events a folder holds. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "trainer/wiki/pages/event.h"

/* "71284256.json" -> 71284256; -1: no such name. */
static int64_t id_of(const char *name)
{
    if (*name < '1' || *name > '9') return -1;
    char *end;
    errno = 0;
    long long id = strtoll(name, &end, 10);
    return errno || strcmp(end, ".json") != 0 ? -1 : id;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int ltd_wiki_event_ids(int64_t **ret, int32_t *n, const char *root, ltd_err *err)
{
    ltd_str path = LTD_STR_INIT;
    ltd_str_printf(&path, "%s/data/wiki", root);
    DIR *dir = path.failed ? NULL : opendir(path.data);
    int64_t *ids = NULL;
    size_t count = 0, room = 0;
    int rc = LTD_OK;
    if (path.failed)
        rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory", root);
    else if (!dir)
        rc = ltd_fail(err, LTD_EIO, "%s: %s", path.data, strerror(errno));
    for (struct dirent *d; rc == LTD_OK && (d = readdir(dir));) {
        int64_t id = id_of(d->d_name);
        if (id < 0) continue;
        if (count == INT32_MAX || !ltd_mem_reserve((void **)&ids, &room, count + 1, sizeof *ids))
            rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory for %zu names", path.data, count + 1);
        else
            ids[count++] = id;
    }
    if (rc == LTD_OK && !count)
        rc = ltd_fail(err, LTD_EIO, "%s: no event, expected files named <number>.json", path.data);
    if (dir) closedir(dir);
    ltd_str_fini(&path);
    if (rc < 0) {
        free(ids);
        return rc;
    }
    qsort(ids, count, sizeof *ids, ascending);
    *ret = ids;
    *n = (int32_t)count;
    return LTD_OK;
}
