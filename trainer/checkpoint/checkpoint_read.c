/* Reading checkpoints.  The file is mapped and its hash checked before libhdf5 sees it; libhdf5
 * then parses exactly those bytes, from memory, not whatever lies at the path a moment later.
 * Everything is copied into entries and the HDF5 handles are closed: what follows is plain memory.
 */
#include "trainer/checkpoint/checkpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hdf5.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "trainer/checkpoint/checkpoint_priv.h"
#include "trainer/checkpoint/h5.h"

enum { MOST_DEFLATED = 1032 };

struct ltd_checkpoint {
    char *path;
    ltd_checkpoint_entry *entries; /* ascending names; name and data owned */
    size_t n, cap;
    char sha[65];
};

typedef struct walk {
    ltd_checkpoint *c;
    size_t file_size; /* no entry is larger */
    int rc;
    ltd_err *err;
} walk;

/* --- the header --- */

static int check_header(const char *path, const ltd_file *f, ltd_err *err)
{
    char wanted[LTD_CHECKPOINT_HEADER], text[128];
    const char *magic = "ltd checkpoint ";
    if (f->size < 8 || memcmp(f->data, magic, f->size < 15 ? f->size : 15) != 0)
        return ltd_fail(err, LTD_EFORMAT, "checkpoint %s: %s", path,
                        f->size >= 8 && memcmp(f->data, "\x89HDF\r\n\x1a\n", 8) == 0
                            ? "an HDF5 file, but no checkpoint of ltd"
                            : "is no checkpoint of ltd");
    if (f->size <= LTD_CHECKPOINT_HEADER)
        return ltd_fail(err, LTD_EFORMAT, "checkpoint %s: truncated: %zu bytes", path, f->size);
    memcpy(text, f->data, sizeof text - 1);
    text[sizeof text - 1] = 0;
    long version = strtol(text + strlen(magic), NULL, 10);
    if (version != LTD_CHECKPOINT_VERSION)
        return ltd_fail(err, LTD_EUNSUPPORTED, "checkpoint %s: version %ld, expected %d", path,
                        version, LTD_CHECKPOINT_VERSION);
    const char *bytes = strstr(text, "\nbytes ");
    unsigned long long size = bytes ? strtoull(bytes + 7, NULL, 10) : 0;
    if (size > f->size)
        return ltd_fail(err, LTD_EFORMAT, "checkpoint %s: truncated: %zu bytes, expected %llu",
                        path, f->size, size);
    ltd_checkpoint_header(wanted, f->data + LTD_CHECKPOINT_HEADER, f->size);
    if (memcmp(wanted, f->data, sizeof wanted) != 0)
        return ltd_fail(err, LTD_EFORMAT,
                        "checkpoint %s: damaged: SHA-256 is %.12s..., the header says %.12s...",
                        path, strstr(wanted, "sha256 ") + 7,
                        strstr(text, "sha256 ") ? strstr(text, "sha256 ") + 7 : "nothing");
    return LTD_OK;
}

/* --- entries --- */

static int type_of(hid_t type, ltd_checkpoint_type *ret)
{
    static const struct {
        H5T_class_t class;
        size_t size;
        H5T_sign_t sign;
        ltd_checkpoint_type type;
    } known[] = {{H5T_FLOAT, 4, H5T_SGN_ERROR, LTD_CHECKPOINT_F32},
                 {H5T_FLOAT, 8, H5T_SGN_ERROR, LTD_CHECKPOINT_F64},
                 {H5T_INTEGER, 4, H5T_SGN_2, LTD_CHECKPOINT_I32},
                 {H5T_INTEGER, 8, H5T_SGN_2, LTD_CHECKPOINT_I64},
                 {H5T_INTEGER, 8, H5T_SGN_NONE, LTD_CHECKPOINT_U64}};
    H5T_class_t class = H5Tget_class(type);
    *ret = LTD_CHECKPOINT_TEXT;
    if (class == H5T_STRING) return H5Tis_variable_str(type) == 0 ? 0 : -1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].class != class || known[i].size != H5Tget_size(type)) continue;
        if (class == H5T_INTEGER && known[i].sign != H5Tget_sign(type)) continue;
        *ret = known[i].type;
        return 0;
    }
    return -1;
}

/* Shape of a dataset; the bytes are bounded by what the file's could unfold to: deflate makes at
 * most 1,032 of one. */
static int shape_of(const walk *w, hid_t type, hid_t space, ltd_checkpoint_entry *e)
{
    hsize_t dims[H5S_MAX_RANK];
    if (e->type == LTD_CHECKPOINT_TEXT) {
        e->n_dims = 1;
        e->bytes = H5Tget_size(type);
        return H5Sget_simple_extent_type(space) == H5S_SCALAR && e->bytes <= w->file_size ? 0 : -1;
    }
    e->n_dims = H5Sget_simple_extent_dims(space, dims, NULL);
    if (e->n_dims < 1 || e->n_dims > LTD_CHECKPOINT_MAX_DIMS) return -1;
    e->bytes = ltd_checkpoint_element(e->type);
    for (int i = 0; i < e->n_dims; i++) {
        if (__builtin_mul_overflow(e->bytes, (size_t)dims[i], &e->bytes)) return -1;
        e->dims[i] = (int64_t)dims[i];
    }
    return e->bytes / MOST_DEFLATED <= w->file_size ? 0 : -1;
}

static hid_t memory_type(ltd_checkpoint_type type, hid_t stored)
{
    switch (type) {
    case LTD_CHECKPOINT_F32: return H5T_NATIVE_FLOAT;
    case LTD_CHECKPOINT_F64: return H5T_NATIVE_DOUBLE;
    case LTD_CHECKPOINT_I64: return H5T_NATIVE_INT64;
    case LTD_CHECKPOINT_I32: return H5T_NATIVE_INT32;
    case LTD_CHECKPOINT_U64: return H5T_NATIVE_UINT64;
    default: return stored;
    }
}

static int read_dataset(walk *w, const char *name, hid_t set)
{
    hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    ltd_checkpoint_entry e = {0};
    char *data = NULL, *copy = NULL;
    int rc = LTD_EFORMAT;
    if (type < 0 || space < 0 || type_of(type, &e.type) < 0 || shape_of(w, type, space, &e) < 0) {
        ltd_fail(w->err, rc, "%s: neither an array of numbers nor a text", name);
        goto out;
    }
    if (w->c->n == w->c->cap) {
        size_t cap = w->c->cap ? 2 * w->c->cap : 32;
        ltd_checkpoint_entry *p = ltd_mem_resize(w->c->entries, cap, sizeof *p);
        if (p) {
            w->c->entries = p;
            w->c->cap = cap;
        }
    }
    data = ltd_mem_zeros(e.bytes + 1, 1);
    copy = ltd_mem_strdup(name);
    if (w->c->n == w->c->cap || !data || !copy) {
        rc = ltd_fail(w->err, LTD_ENOMEM, "%s: no memory", name);
        goto out;
    }
    if (H5Dread(set, memory_type(e.type, type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
        rc = ltd_h5_fail(w->err, "%s: cannot read", name);
        goto out;
    }
    if (e.type == LTD_CHECKPOINT_TEXT) e.dims[0] = (int64_t)(e.bytes = strlen(data));
    e.name = copy;
    e.data = data;
    w->c->entries[w->c->n++] = e;
    copy = data = NULL;
    rc = LTD_OK;
out:
    free(copy);
    free(data);
    ltd_h5_close(space);
    ltd_h5_close(type);
    return rc;
}

static herr_t visit(hid_t root, const char *name, const H5L_info_t *info, void *ctx)
{
    walk *w = ctx;
    /* Soft and external links lead to bytes that the hash doesn't cover. */
    if (info->type != H5L_TYPE_HARD) {
        w->rc = ltd_fail(w->err, LTD_EFORMAT, "%s: is a link, expected data or a group", name);
        return -1;
    }
    hid_t object = H5Oopen(root, name, H5P_DEFAULT);
    if (object < 0)
        w->rc = ltd_h5_fail(w->err, "%s: cannot open", name);
    else if (strlen(name) >= LTD_CHECKPOINT_MAX_NAME)
        w->rc = ltd_fail(w->err, LTD_EFORMAT, "%.80s...: the name is too long", name);
    else if (H5Iget_type(object) == H5I_DATASET)
        w->rc = read_dataset(w, name, object);
    ltd_h5_close(object);
    return w->rc < 0 ? -1 : 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ltd_checkpoint_entry *)a)->name, ((const ltd_checkpoint_entry *)b)->name);
}

static int check_content(ltd_checkpoint *c, hid_t file, ltd_err *err)
{
    char stored[65] = "";
    hid_t attribute = H5Aopen(file, "sha256", H5P_DEFAULT), type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, 64);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    int rc = LTD_OK;
    if (attribute < 0 || H5Aread(attribute, type, stored) < 0)
        rc = ltd_h5_fail(err, "attribute sha256: cannot read");
    ltd_h5_close(type);
    ltd_h5_close(attribute);
    ltd_checkpoint_leaf *leaves = ltd_mem_zeros(c->n, sizeof *leaves);
    if (rc == LTD_OK && !leaves) rc = ltd_fail(err, LTD_ENOMEM, "no memory");
    if (rc == LTD_OK) {
        if (c->n) qsort(c->entries, c->n, sizeof *c->entries, by_name);
        for (size_t i = 0; i < c->n; i++) ltd_checkpoint_leaf_init(&leaves[i], &c->entries[i]);
        ltd_checkpoint_content(c->sha, leaves, c->n);
        if (strcmp(c->sha, stored) != 0)
            rc = ltd_fail(err, LTD_EFORMAT,
                          "damaged: the content's SHA-256 is %.12s..., expected %.12s...", c->sha,
                          stored);
    }
    free(leaves);
    return rc;
}

/* HDF5 wants a name for an image in memory, and that no file has it: nothing lies below a device.
 */
#define NO_FILE "/dev/null/checkpoint"

static int read_image(ltd_checkpoint *c, const ltd_file *f, ltd_err *err)
{
    walk w = {.c = c, .file_size = f->size, .err = err};
    ltd_h5_quiet quiet = ltd_h5_begin();
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), file = -1;
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    H5Pset_fapl_core(access, 1 << 20, 0);
    if (H5Pset_file_image(access, (void *)f->data, f->size) < 0)
        w.rc = ltd_h5_fail(err, "cannot take the file's image");
    else if ((file = H5Fopen(NO_FILE, H5F_ACC_RDONLY, access)) < 0)
        w.rc = ltd_h5_fail(err, "cannot open");
    else if (H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, visit, &w) < 0 && w.rc == LTD_OK)
        w.rc = ltd_h5_fail(err, "cannot list the entries");
    if (w.rc == LTD_OK) w.rc = check_content(c, file, err);
    if (file >= 0) H5Fclose(file);
    ltd_h5_close(access);
    H5Eclear2(H5E_DEFAULT);
    ltd_h5_end(quiet);
    if (w.rc < 0) ltd_err_prefix(err, w.rc, "checkpoint %s", c->path);
    return w.rc;
}

int ltd_checkpoint_open(ltd_checkpoint **ret, const char *path, ltd_err *err)
{
    *ret = NULL;
    ltd_file f;
    int rc = ltd_file_map(&f, path, err);
    if (rc < 0) return ltd_err_prefix(err, rc, "checkpoint");
    ltd_checkpoint *c = NULL;
    rc = check_header(path, &f, err);
    if (rc < 0) goto out;
    c = ltd_mem_zeros(1, sizeof *c);
    if (!c || !(c->path = ltd_mem_strdup(path))) {
        rc = ltd_fail(err, LTD_ENOMEM, "checkpoint %s: no memory", path);
        goto out;
    }
    rc = read_image(c, &f, err);
out:
    ltd_file_unmap(&f);
    if (rc < 0)
        ltd_checkpoint_close(c);
    else
        *ret = c;
    return rc;
}

void ltd_checkpoint_close(ltd_checkpoint *c)
{
    if (!c) return;
    for (size_t i = 0; i < c->n; i++) {
        free((void *)c->entries[i].name);
        free((void *)c->entries[i].data);
    }
    free(c->entries);
    free(c->path);
    free(c);
}

/* --- getters --- */

const ltd_checkpoint_entry *ltd_checkpoint_find(const ltd_checkpoint *c, const char *name)
{
    ltd_checkpoint_entry key = {.name = name};
    return c->n ? bsearch(&key, c->entries, c->n, sizeof key, by_name) : NULL;
}

static void put_shape(ltd_str *s, const int64_t *dims, int n_dims)
{
    for (int i = 0; i < n_dims; i++) ltd_str_printf(s, "%s%" PRId64, i ? "x" : "", dims[i]);
}

/* The entry of this type and, with dims, of this shape. */
static int want(const ltd_checkpoint *c, const char *name, ltd_checkpoint_type type,
                const int64_t *dims, int n_dims, const ltd_checkpoint_entry **ret, ltd_err *err)
{
    const ltd_checkpoint_entry *e = ltd_checkpoint_find(c, name);
    if (!e) return ltd_fail(err, LTD_EFORMAT, "checkpoint %s: %s: missing", c->path, name);
    if (e->type != type)
        return ltd_fail(err, LTD_EFORMAT, "checkpoint %s: %s: found %s, expected %s", c->path, name,
                        ltd_checkpoint_type_name(e->type), ltd_checkpoint_type_name(type));
    if (dims &&
        (e->n_dims != n_dims || memcmp(e->dims, dims, (size_t)n_dims * sizeof *dims) != 0)) {
        ltd_str found = LTD_STR_INIT, expected = LTD_STR_INIT;
        put_shape(&found, e->dims, e->n_dims);
        put_shape(&expected, dims, n_dims);
        ltd_fail(err, LTD_EFORMAT, "checkpoint %s: %s: shape %s, expected %s", c->path, name,
                 ltd_str_text(&found), ltd_str_text(&expected));
        ltd_str_fini(&found);
        ltd_str_fini(&expected);
        return LTD_EFORMAT;
    }
    *ret = e;
    return LTD_OK;
}

int ltd_checkpoint_get_f32(const ltd_checkpoint *c, const char *name, float *ret,
                           const int64_t *dims, int n_dims, ltd_err *err)
{
    const ltd_checkpoint_entry *e;
    int rc = want(c, name, LTD_CHECKPOINT_F32, dims, n_dims, &e, err);
    if (rc == LTD_OK && e->bytes) memcpy(ret, e->data, e->bytes);
    return rc;
}

int ltd_checkpoint_get_i32(const ltd_checkpoint *c, const char *name, int32_t *ret,
                           const int64_t *dims, int n_dims, ltd_err *err)
{
    const ltd_checkpoint_entry *e;
    int rc = want(c, name, LTD_CHECKPOINT_I32, dims, n_dims, &e, err);
    if (rc == LTD_OK && e->bytes) memcpy(ret, e->data, e->bytes);
    return rc;
}

static int get_list(const ltd_checkpoint *c, const char *name, ltd_checkpoint_type type, void *ret,
                    size_t n, ltd_err *err)
{
    const ltd_checkpoint_entry *e;
    const int64_t dims[1] = {(int64_t)n};
    int rc = want(c, name, type, dims, 1, &e, err);
    if (rc == LTD_OK && e->bytes) memcpy(ret, e->data, e->bytes);
    return rc;
}

int ltd_checkpoint_get_f64(const ltd_checkpoint *c, const char *name, double *ret, size_t n,
                           ltd_err *err)
{
    return get_list(c, name, LTD_CHECKPOINT_F64, ret, n, err);
}

int ltd_checkpoint_get_i64(const ltd_checkpoint *c, const char *name, int64_t *ret, size_t n,
                           ltd_err *err)
{
    return get_list(c, name, LTD_CHECKPOINT_I64, ret, n, err);
}

int ltd_checkpoint_get_u64(const ltd_checkpoint *c, const char *name, uint64_t *ret, size_t n,
                           ltd_err *err)
{
    return get_list(c, name, LTD_CHECKPOINT_U64, ret, n, err);
}

int ltd_checkpoint_get_text(const ltd_checkpoint *c, const char *name, const char **ret,
                            ltd_err *err)
{
    const ltd_checkpoint_entry *e = NULL;
    int rc = want(c, name, LTD_CHECKPOINT_TEXT, NULL, 0, &e, err);
    if (rc == LTD_OK) *ret = e->data;
    return rc;
}

size_t ltd_checkpoint_count(const ltd_checkpoint *c)
{
    return c->n;
}

const ltd_checkpoint_entry *ltd_checkpoint_at(const ltd_checkpoint *c, size_t i)
{
    return i < c->n ? &c->entries[i] : NULL;
}

const char *ltd_checkpoint_sha256(const ltd_checkpoint *c)
{
    return c->sha;
}

uint64_t ltd_checkpoint_step(const ltd_checkpoint *c)
{
    uint64_t step = 0;
    ltd_checkpoint_get_u64(c, LTD_CHECKPOINT_STEP, &step, 1, NULL);
    return step;
}
