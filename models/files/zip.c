/* libzip goes by the central directory and checks CRC-32 at the end of each entry. */
#include "models/files/zip_priv.h"

#include <stdlib.h>

#include "base/mem.h"

static int zip_failed(const ltd_zip *z, zip_error_t *error, const char *what)
{
    int code = zip_error_code_zip(error);
    int rc = code == ZIP_ER_MEMORY ? LTD_ENOMEM : LTD_EFORMAT;
    if (code == ZIP_ER_COMPNOTSUPP || code == ZIP_ER_ENCRNOTSUPP) rc = LTD_EUNSUPPORTED;
    return ltd_fail(z->err, rc, "%s: %.80s: %s", z->path, what, zip_error_strerror(error));
}

int ltd_zip_no_memory(const ltd_zip *z)
{
    return ltd_fail(z->err, LTD_ENOMEM, "%s: no memory", z->path);
}

int ltd_zip_take(ltd_zip *z, size_t bytes, const char *what)
{
    if (bytes > z->room)
        return ltd_fail(z->err, LTD_EUNSUPPORTED,
                        "%s: %.80s takes %zu bytes: in all more than %zu MiB and %zu times the "
                        "file",
                        z->path, what, bytes, z->spare >> 20, z->times);
    z->room -= bytes;
    return LTD_OK;
}

static int stat_entry(const ltd_zip *z, zip_uint64_t i, const char *name, size_t *size)
{
    const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    zip_stat_t st;
    if (zip_stat_index(z->zip, i, 0, &st) < 0) return zip_failed(z, zip_get_error(z->zip), name);
    if ((st.valid & needed) != needed || st.size > SIZE_MAX / 2)
        return ltd_fail(z->err, LTD_EFORMAT, "%s: %.80s: the zip gives no size", z->path, name);
    if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) && st.encryption_method != ZIP_EM_NONE)
        return ltd_fail(z->err, LTD_EUNSUPPORTED, "%s: %.80s: is encrypted", z->path, name);
    if (st.comp_method != ZIP_CM_STORE && st.comp_method != ZIP_CM_DEFLATE)
        return ltd_fail(z->err, LTD_EUNSUPPORTED,
                        "%s: %.80s: compression method %d, expected stored or deflated", z->path,
                        name, st.comp_method);
    if (st.comp_method == ZIP_CM_STORE && st.comp_size != st.size)
        return ltd_fail(z->err, LTD_EFORMAT, "%s: %.80s: stored in %llu bytes, expected %llu",
                        z->path, name, (unsigned long long)st.comp_size,
                        (unsigned long long)st.size);
    *size = (size_t)st.size;
    return LTD_OK;
}

static int read_bytes(const ltd_zip *z, zip_uint64_t i, const char *name, uint8_t *data,
                      size_t size)
{
    zip_file_t *entry = zip_fopen_index(z->zip, i, 0);
    if (!entry) return zip_failed(z, zip_get_error(z->zip), name);
    size_t at = 0;
    zip_int64_t n = 1;
    /* One byte more than there should be: the CRC is compared when the end is seen. */
    while (n > 0 && at < size && (n = zip_fread(entry, data + at, size - at)) > 0) at += (size_t)n;
    uint8_t more;
    if (n >= 0 && at == size) n = zip_fread(entry, &more, 1);
    int rc = LTD_OK;
    if (n < 0)
        rc = zip_failed(z, zip_file_get_error(entry), name);
    else if (n > 0 || at != size)
        rc = ltd_fail(z->err, LTD_EFORMAT, "%s: %.80s: %s than the %zu bytes it should have",
                      z->path, name, n > 0 ? "more" : "less", size);
    zip_fclose(entry);
    return rc;
}

int ltd_zip_read(ltd_zip *z, zip_uint64_t i, const char *name, uint8_t **data, size_t *size)
{
    size_t bytes = 0;
    int rc = stat_entry(z, i, name, &bytes);
    if (rc == LTD_OK) rc = ltd_zip_take(z, bytes, name);
    if (rc < 0) return rc;
    uint8_t *to = ltd_mem_resize(NULL, bytes, 1);
    if (!to) return ltd_zip_no_memory(z);
    rc = read_bytes(z, i, name, to, bytes);
    if (rc < 0) {
        free(to);
        return rc;
    }
    *data = to;
    *size = bytes;
    return LTD_OK;
}

int ltd_zip_open(ltd_zip *z, const void *data, size_t size, size_t times, size_t spare)
{
    z->times = times;
    z->spare = spare;
    if (__builtin_mul_overflow(size, times, &z->room) ||
        __builtin_add_overflow(z->room, spare, &z->room))
        z->room = SIZE_MAX;
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(data, size, 0, &error);
    if (source) z->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
    int rc = z->zip ? LTD_OK : zip_failed(z, &error, "no zip that can be read");
    if (source && !z->zip) zip_source_free(source);
    zip_error_fini(&error);
    return rc;
}

void ltd_zip_close(ltd_zip *z)
{
    if (z->zip) zip_discard(z->zip);
    z->zip = NULL;
}
