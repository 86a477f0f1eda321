#define _DEFAULT_SOURCE /* madvise */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/sha2.h>

int ltd_file_map(ltd_file *ret, const char *path, ltd_err *err)
{
    *ret = (ltd_file){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ltd_fail(err, LTD_EIO, "%s: %s", path, strerror(errno));
    int rc = LTD_OK;
    struct stat st;
    if (fstat(fd, &st) < 0) {
        rc = ltd_fail(err, LTD_EIO, "%s: %s", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        rc = ltd_fail(err, LTD_EIO, "%s: is no regular file", path);
        goto out;
    }
    if (st.st_size == 0) goto out;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
        rc = ltd_fail(err, LTD_EIO, "%s: cannot map %lld bytes: %s", path, (long long)st.st_size,
                      strerror(errno));
        goto out;
    }
    ret->data = p;
    ret->size = (size_t)st.st_size;
out:
    close(fd);
    return rc;
}

void ltd_file_unmap(ltd_file *file)
{
    if (file->data) munmap((void *)file->data, file->size);
    *file = (ltd_file){0};
}

void ltd_file_forget(const ltd_file *file)
{
    if (file->data) madvise((void *)file->data, file->size, MADV_DONTNEED);
}

void ltd_file_expect(const void *data, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)data / page * page;
    madvise((void *)first, (uintptr_t)data + size - first, MADV_WILLNEED);
}

static int sync_folder(const char *path)
{
    char copy[PATH_MAX];
    if (strlen(path) >= sizeof copy) return -1;
    strcpy(copy, path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    int rc = fsync(fd);
    close(fd);
    return rc;
}

int ltd_file_commit(const char *tmp, const char *path, ltd_err *err)
{
    int fd = open(tmp, O_RDWR | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0) close(fd);
    if (rc < 0) return ltd_fail(err, LTD_EIO, "%s: cannot sync: %s", tmp, strerror(errno));
    if (rename(tmp, path) < 0) {
        rc = ltd_fail(err, LTD_EIO, "%s: cannot rename from %s: %s", path, tmp, strerror(errno));
        unlink(tmp);
        return rc;
    }
    if (sync_folder(path) < 0)
        return ltd_fail(err, LTD_EIO, "%s: cannot sync its folder: %s", path, strerror(errno));
    return LTD_OK;
}

int ltd_file_write(const char *path, const void *data, size_t size, ltd_err *err)
{
    char tmp[PATH_MAX];
    if (snprintf(tmp, sizeof tmp, "%s.tmp", path) >= (int)sizeof tmp)
        return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", path);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return ltd_fail(err, LTD_EIO, "%s: %s", tmp, strerror(errno));
    const char *p = data;
    while (size) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            int rc = ltd_fail(err, LTD_EIO, "%s: cannot write: %s", tmp, strerror(errno));
            close(fd);
            unlink(tmp);
            return rc;
        }
        p += n;
        size -= (size_t)n;
    }
    if (close(fd) < 0) {
        int rc = ltd_fail(err, LTD_EIO, "%s: cannot close: %s", tmp, strerror(errno));
        unlink(tmp);
        return rc;
    }
    return ltd_file_commit(tmp, path, err);
}

int ltd_file_mkdirs(const char *path, ltd_err *err)
{
    char copy[PATH_MAX];
    if (strlen(path) >= sizeof copy)
        return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", path);
    strcpy(copy, path);
    for (char *p = copy + 1;; p++) {
        if (*p && *p != '/') continue;
        char c = *p;
        *p = 0;
        if (mkdir(copy, 0777) < 0 && errno != EEXIST)
            return ltd_fail(err, LTD_EIO, "%s: cannot make the folder: %s", copy, strerror(errno));
        *p = c;
        if (!c) break;
    }
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return ltd_fail(err, LTD_EIO, "%s: is no folder", path);
    return LTD_OK;
}

int ltd_file_mkdirs_for(const char *path, ltd_err *err)
{
    char copy[PATH_MAX];
    if (strlen(path) >= sizeof copy)
        return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", path);
    strcpy(copy, path);
    return ltd_file_mkdirs(dirname(copy), err);
}

void ltd_file_sha256(char hex[65], const void *data, size_t size)
{
    struct sha256_ctx ctx;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&ctx);
    sha256_update(&ctx, size, data);
    sha256_digest(&ctx, sizeof digest, digest);
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}
