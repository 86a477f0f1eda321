#include "models/files/sb3.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "models/files/sb3_priv.h"
#include "models/files/zip_priv.h"

/* Stable-Baselines3 stores what it writes, and weights hardly shrink, should someone deflate them.
 * A torch zip may then take 16 times what policy.pth takes.  JSON takes up to 40 times its bytes.
 */
enum { MOST_TIMES = 2, SPARE_BYTES = 1 << 20, DATA_BYTES = 4 << 20, VERSION = 32 };

struct ltd_sb3 {
    char *path;
    char version[VERSION];
    ltd_ptzip *weights;
    ltd_sb3_activation_found activation;
};

/* Member `name`; *data NULL when there is none, else owned. */
static int read_member(ltd_zip *z, const char *name, uint8_t **data, size_t *size)
{
    *data = NULL;
    zip_int64_t i = zip_name_locate(z->zip, name, 0);
    return i < 0 ? LTD_OK : ltd_zip_read(z, (zip_uint64_t)i, name, data, size);
}

/* "FILE: member", for messages; owned. */
static char *member_path(const ltd_sb3 *f, const char *member)
{
    ltd_str s = LTD_STR_INIT;
    ltd_str_printf(&s, "%s: %s", f->path, member);
    return ltd_str_take(&s);
}

static int read_weights(ltd_sb3 *f, ltd_zip *z)
{
    uint8_t *data;
    size_t size = 0;
    int rc = read_member(z, "policy.pth", &data, &size);
    if (rc < 0) return rc;
    if (!data)
        return ltd_fail(z->err, LTD_EFORMAT,
                        "%s: a zip without policy.pth: not of Stable-Baselines3's model.save",
                        f->path);
    char *path = member_path(f, "policy.pth");
    rc = path ? ltd_ptzip_parse(&f->weights, data, size, path, z->err) : ltd_zip_no_memory(z);
    free(path);
    free(data);
    return rc;
}

static int read_activation(ltd_sb3 *f, ltd_zip *z)
{
    uint8_t *data;
    size_t size = 0;
    f->activation = (ltd_sb3_activation_found){"", "the zip has no member `data`"};
    int rc = read_member(z, "data", &data, &size);
    if (rc < 0 || !data) return rc;
    char *path = member_path(f, "data");
    if (!path)
        rc = ltd_zip_no_memory(z);
    else if (size > DATA_BYTES)
        rc = ltd_fail(z->err, LTD_EUNSUPPORTED, "%s: takes %zu bytes, expected %d at most", path,
                      size, DATA_BYTES);
    else
        rc = ltd_sb3_find_activation(&f->activation, (const char *)data, size, path, z->err);
    free(path);
    free(data);
    return rc;
}

/* Digits, dots and letters; anything else is no version. */
static int read_version(ltd_sb3 *f, ltd_zip *z)
{
    uint8_t *data;
    size_t size = 0;
    int rc = read_member(z, "_stable_baselines3_version", &data, &size);
    if (rc < 0 || !data) return rc;
    bool good = size < VERSION;
    for (size_t i = 0; good && i < size; i++)
        good = (data[i] >= '0' && data[i] <= '9') || (data[i] >= 'a' && data[i] <= 'z') ||
               data[i] == '.';
    if (good) memcpy(f->version, data, size);
    free(data);
    return LTD_OK;
}

int ltd_sb3_parse(ltd_sb3 **ret, const void *data, size_t size, const char *name, ltd_err *err)
{
    *ret = NULL;
    ltd_sb3 *f = ltd_mem_zeros(1, sizeof *f);
    if (!f || !(f->path = ltd_mem_strdup(name))) {
        free(f);
        return ltd_fail(err, LTD_ENOMEM, "%s: no memory", name);
    }
    ltd_zip z = {.path = f->path, .err = err};
    int rc = ltd_zip_open(&z, data, size, MOST_TIMES, SPARE_BYTES);
    if (rc == LTD_OK) rc = read_weights(f, &z);
    if (rc == LTD_OK) rc = read_activation(f, &z);
    if (rc == LTD_OK) rc = read_version(f, &z);
    ltd_zip_close(&z);
    if (rc < 0)
        ltd_sb3_close(f);
    else
        *ret = f;
    return rc;
}

int ltd_sb3_open(ltd_sb3 **ret, const char *path, ltd_err *err)
{
    *ret = NULL;
    ltd_file map;
    int rc = ltd_file_map(&map, path, err);
    if (rc < 0) return rc;
    rc = ltd_sb3_parse(ret, map.data, map.size, path, err);
    ltd_file_unmap(&map);
    return rc;
}

void ltd_sb3_close(ltd_sb3 *file)
{
    if (!file) return;
    ltd_ptzip_close(file->weights);
    free(file->path);
    free(file);
}

const char *ltd_sb3_path(const ltd_sb3 *file)
{
    return file->path;
}

const char *ltd_sb3_version(const ltd_sb3 *file)
{
    return file->version;
}

const ltd_ptzip *ltd_sb3_weights(const ltd_sb3 *file)
{
    return file->weights;
}

const char *ltd_sb3_activation(const ltd_sb3 *file)
{
    return file->activation.name;
}

const char *ltd_sb3_activation_source(const ltd_sb3 *file)
{
    return file->activation.source;
}
