/* Writing checkpoints.  libhdf5 writes path.tmp; when it has closed the file, its bytes are hashed,
 * the hash goes into the user block in front of them, and the file is synced and renamed.  So a
 * writer that dies at any moment leaves at most a .tmp. */
#include "trainer/checkpoint/checkpoint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hdf5.h>

#include "base/file.h"
#include "base/mem.h"
#include "trainer/checkpoint/checkpoint_priv.h"
#include "trainer/checkpoint/h5.h"

enum { CHUNK = 1 << 15 }; /* elements */

struct ltd_checkpoint_writer {
    char path[PATH_MAX], tmp[PATH_MAX];
    hid_t file;
    ltd_checkpoint_leaf *leaves;
    size_t n, cap;
    bool compress;
    ltd_err err; /* of the first put that failed */
};

/* --- digests --- */

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are digested as they lie");

size_t ltd_checkpoint_element(ltd_checkpoint_type type)
{
    if (type == LTD_CHECKPOINT_TEXT) return 1;
    return type == LTD_CHECKPOINT_F32 || type == LTD_CHECKPOINT_I32 ? 4 : 8;
}

const char *ltd_checkpoint_type_name(ltd_checkpoint_type type)
{
    static const char *const names[] = {"f32", "f64", "i64", "u64", "text", "i32"};
    return names[type];
}

static void to_hex(char hex[65], const uint8_t sha[SHA256_DIGEST_SIZE])
{
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++) snprintf(hex + 2 * i, 3, "%02x", sha[i]);
}

void ltd_checkpoint_header(char ret[LTD_CHECKPOINT_HEADER], const uint8_t *data, size_t size)
{
    char hex[65];
    ltd_file_sha256(hex, data, size - LTD_CHECKPOINT_HEADER);
    memset(ret, 0, LTD_CHECKPOINT_HEADER);
    snprintf(ret, LTD_CHECKPOINT_HEADER, "ltd checkpoint %d\nsha256 %s\nbytes %zu\n",
             LTD_CHECKPOINT_VERSION, hex, size);
}

void ltd_checkpoint_leaf_init(ltd_checkpoint_leaf *ret, const ltd_checkpoint_entry *entry)
{
    struct sha256_ctx ctx;
    int64_t shape[2 + LTD_CHECKPOINT_MAX_DIMS] = {(int64_t)entry->type, entry->n_dims};
    memcpy(shape + 2, entry->dims, (size_t)entry->n_dims * sizeof *shape);
    memset(ret, 0, sizeof *ret);
    snprintf(ret->name, sizeof ret->name, "%s", entry->name);
    sha256_init(&ctx);
    sha256_update(&ctx, sizeof ret->name, (const uint8_t *)ret->name);
    sha256_update(&ctx, sizeof shape, (const uint8_t *)shape);
    sha256_update(&ctx, entry->bytes, entry->data);
    sha256_digest(&ctx, sizeof ret->sha, ret->sha);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ltd_checkpoint_leaf *)a)->name, ((const ltd_checkpoint_leaf *)b)->name);
}

void ltd_checkpoint_content(char hex[65], ltd_checkpoint_leaf *leaves, size_t n)
{
    struct sha256_ctx ctx;
    uint8_t sha[SHA256_DIGEST_SIZE];
    if (n) qsort(leaves, n, sizeof *leaves, by_name);
    sha256_init(&ctx);
    for (size_t i = 0; i < n; i++) sha256_update(&ctx, sizeof leaves[i].sha, leaves[i].sha);
    sha256_digest(&ctx, sizeof sha, sha);
    to_hex(hex, sha);
}

/* --- writing --- */

/* A property list of a class without times: equal content gives equal files. */
static hid_t timeless(hid_t class)
{
    hid_t list = H5Pcreate(class);
    if (list >= 0) H5Pset_obj_track_times(list, 0);
    return list;
}

int ltd_checkpoint_create(ltd_checkpoint_writer **ret, const char *path, ltd_err *err)
{
    *ret = NULL;
    ltd_checkpoint_writer *w = ltd_mem_zeros(1, sizeof *w);
    if (!w) return ltd_fail(err, LTD_ENOMEM, "checkpoint %s: no memory", path);
    if (snprintf(w->path, sizeof w->path, "%s", path) >= PATH_MAX ||
        snprintf(w->tmp, sizeof w->tmp, "%s.tmp", path) >= PATH_MAX) {
        free(w);
        return ltd_fail(err, LTD_EINVAL, "checkpoint %.80s...: the path is too long", path);
    }
    ltd_h5_quiet quiet = ltd_h5_begin();
    hid_t create = timeless(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_userblock(create, LTD_CHECKPOINT_HEADER);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    /* A killed writer's file could not be opened for writing by HDF5; it is ours to remove. */
    unlink(w->tmp);
    w->file = H5Fcreate(w->tmp, H5F_ACC_TRUNC, create, access);
    int rc = LTD_OK;
    if (w->file < 0) {
        rc = LTD_EIO;
        ltd_h5_fail(err, "checkpoint %s: cannot write", w->tmp);
        if (err) err->code = rc;
        free(w);
    } else {
        *ret = w;
    }
    ltd_h5_close(access);
    ltd_h5_close(create);
    ltd_h5_end(quiet);
    return rc;
}

static int check_name(const ltd_checkpoint_writer *w, const char *name, ltd_err *err)
{
    static const char *const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t n = strlen(name);
    bool good = n > 0 && n < LTD_CHECKPOINT_MAX_NAME && name[0] != '/' && name[n - 1] != '/' &&
                !strstr(name, "//");
    for (const char *p = name; *p && good; p++) {
        bool first = p == name || p[-1] == '/';
        good = strchr(letters, *p) || strchr("0123456789_-/", *p) || (*p == '.' && !first);
    }
    if (!good) return ltd_fail(err, LTD_EINVAL, "'%.140s' can't name an entry", name);
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->leaves[i].name, name) == 0)
            return ltd_fail(err, LTD_EINVAL, "%s: is there twice", name);
    return LTD_OK;
}

/* Make the groups that `name` lies in. */
static int make_groups(ltd_checkpoint_writer *w, const char *name, ltd_err *err)
{
    char part[LTD_CHECKPOINT_MAX_NAME];
    hid_t list = timeless(H5P_GROUP_CREATE);
    int rc = LTD_OK;
    for (const char *p = strchr(name, '/'); p && rc == LTD_OK; p = strchr(p + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(p - name), name);
        if (H5Lexists(w->file, part, H5P_DEFAULT) > 0) continue;
        hid_t group = H5Gcreate2(w->file, part, H5P_DEFAULT, list, H5P_DEFAULT);
        if (group < 0) rc = ltd_h5_fail(err, "%s: cannot make the group %s", name, part);
        ltd_h5_close(group);
    }
    ltd_h5_close(list);
    return rc;
}

static hid_t stored_type(const ltd_checkpoint_entry *e)
{
    switch (e->type) {
    case LTD_CHECKPOINT_F32: return H5Tcopy(H5T_IEEE_F32LE);
    case LTD_CHECKPOINT_F64: return H5Tcopy(H5T_IEEE_F64LE);
    case LTD_CHECKPOINT_I64: return H5Tcopy(H5T_STD_I64LE);
    case LTD_CHECKPOINT_I32: return H5Tcopy(H5T_STD_I32LE);
    case LTD_CHECKPOINT_U64: return H5Tcopy(H5T_STD_U64LE);
    default: break;
    }
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, e->bytes ? e->bytes : 1);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

/* Chunks of whole rows, some ten thousand elements each.  Small arrays stay as they are. */
static void compress(hid_t list, const ltd_checkpoint_entry *e, const hsize_t *dims)
{
    hsize_t chunk[LTD_CHECKPOINT_MAX_DIMS], row = 1;
    for (int i = 1; i < e->n_dims; i++) row *= chunk[i] = dims[i];
    if (row == 0 || row > CHUNK || dims[0] * row <= CHUNK) return;
    chunk[0] = CHUNK / row;
    H5Pset_chunk(list, e->n_dims, chunk);
    H5Pset_shuffle(list);
    H5Pset_deflate(list, 4);
}

static int write_dataset(ltd_checkpoint_writer *w, const ltd_checkpoint_entry *e, ltd_err *err)
{
    hsize_t dims[LTD_CHECKPOINT_MAX_DIMS];
    for (int i = 0; i < e->n_dims; i++) dims[i] = (hsize_t)e->dims[i];
    bool text = e->type == LTD_CHECKPOINT_TEXT;
    hid_t type = stored_type(e), list = timeless(H5P_DATASET_CREATE);
    if (w->compress && !text) compress(list, e, dims);
    hid_t space = text ? H5Screate(H5S_SCALAR) : H5Screate_simple(e->n_dims, dims, NULL);
    hid_t set = -1;
    int rc = LTD_OK;
    if (type < 0 || list < 0 || space < 0) {
        rc = ltd_h5_fail(err, "%s: cannot describe it", e->name);
        goto out;
    }
    set = H5Dcreate2(w->file, e->name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    if (set < 0)
        rc = ltd_h5_fail(err, "%s: cannot make the dataset", e->name);
    else if (H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, e->bytes ? e->data : "") < 0)
        rc = ltd_h5_fail(err, "%s: cannot write the dataset", e->name);
out:
    ltd_h5_close(set);
    ltd_h5_close(space);
    ltd_h5_close(list);
    ltd_h5_close(type);
    return rc;
}

/* Fill in the bytes of an entry from its shape. */
static int measure(ltd_checkpoint_entry *e, ltd_err *err)
{
    if (e->n_dims < 1 || e->n_dims > LTD_CHECKPOINT_MAX_DIMS)
        return ltd_fail(err, LTD_EINVAL, "%s: %d dims, expected 1 to %d", e->name, e->n_dims,
                        LTD_CHECKPOINT_MAX_DIMS);
    e->bytes = ltd_checkpoint_element(e->type);
    for (int i = 0; i < e->n_dims; i++)
        if (e->dims[i] < 0 || __builtin_mul_overflow(e->bytes, (size_t)e->dims[i], &e->bytes))
            return ltd_fail(err, LTD_EINVAL, "%s: dimension %d is %lld", e->name, i,
                            (long long)e->dims[i]);
    return LTD_OK;
}

static void put(ltd_checkpoint_writer *w, ltd_checkpoint_entry *e)
{
    if (w->err.code) return;
    ltd_h5_quiet quiet = ltd_h5_begin();
    int rc = check_name(w, e->name, &w->err);
    if (rc == LTD_OK) rc = measure(e, &w->err);
    if (rc == LTD_OK && w->n == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 32;
        ltd_checkpoint_leaf *p = ltd_mem_resize(w->leaves, cap, sizeof *p);
        if (p) {
            w->leaves = p;
            w->cap = cap;
        } else {
            rc = ltd_fail(&w->err, LTD_ENOMEM, "%s: no memory", e->name);
        }
    }
    if (rc == LTD_OK) rc = make_groups(w, e->name, &w->err);
    if (rc == LTD_OK) rc = write_dataset(w, e, &w->err);
    if (rc == LTD_OK) ltd_checkpoint_leaf_init(&w->leaves[w->n++], e);
    ltd_h5_end(quiet);
}

static void put_array(ltd_checkpoint_writer *w, const char *name, ltd_checkpoint_type type,
                      const void *v, const int64_t *dims, int n_dims)
{
    ltd_checkpoint_entry e = {.name = name, .type = type, .n_dims = n_dims, .data = v};
    for (int i = 0; i < n_dims && i < LTD_CHECKPOINT_MAX_DIMS; i++) e.dims[i] = dims[i];
    put(w, &e);
}

void ltd_checkpoint_put_f32(ltd_checkpoint_writer *w, const char *name, const float *v,
                            const int64_t *dims, int n_dims)
{
    put_array(w, name, LTD_CHECKPOINT_F32, v, dims, n_dims);
}

void ltd_checkpoint_put_i32(ltd_checkpoint_writer *w, const char *name, const int32_t *v,
                            const int64_t *dims, int n_dims)
{
    put_array(w, name, LTD_CHECKPOINT_I32, v, dims, n_dims);
}

void ltd_checkpoint_compress(ltd_checkpoint_writer *w)
{
    w->compress = true;
}

static void put_list(ltd_checkpoint_writer *w, const char *name, ltd_checkpoint_type type,
                     const void *v, size_t n)
{
    ltd_checkpoint_entry e = {
        .name = name, .type = type, .n_dims = 1, .dims = {(int64_t)n}, .data = v};
    put(w, &e);
}

void ltd_checkpoint_put_f64(ltd_checkpoint_writer *w, const char *name, const double *v, size_t n)
{
    put_list(w, name, LTD_CHECKPOINT_F64, v, n);
}

void ltd_checkpoint_put_i64(ltd_checkpoint_writer *w, const char *name, const int64_t *v, size_t n)
{
    put_list(w, name, LTD_CHECKPOINT_I64, v, n);
}

void ltd_checkpoint_put_u64(ltd_checkpoint_writer *w, const char *name, const uint64_t *v, size_t n)
{
    put_list(w, name, LTD_CHECKPOINT_U64, v, n);
}

void ltd_checkpoint_put_text(ltd_checkpoint_writer *w, const char *name, const char *text)
{
    put_list(w, name, LTD_CHECKPOINT_TEXT, text, strlen(text));
}

static int put_attribute(ltd_checkpoint_writer *w, const char *name, const char *text, ltd_err *err)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, strlen(text));
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    hid_t attribute = H5Acreate2(w->file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    int rc = LTD_OK;
    if (attribute < 0 || H5Awrite(attribute, type, text) < 0)
        rc = ltd_h5_fail(err, "attribute %s: cannot write", name);
    ltd_h5_close(attribute);
    ltd_h5_close(space);
    ltd_h5_close(type);
    return rc;
}

/* Hash what HDF5 wrote and put the header in front. */
static int seal(const char *tmp, ltd_err *err)
{
    ltd_file f;
    char header[LTD_CHECKPOINT_HEADER];
    int rc = ltd_file_map(&f, tmp, err);
    if (rc < 0) return rc;
    if (f.size <= LTD_CHECKPOINT_HEADER)
        rc = ltd_fail(err, LTD_EIO, "%s: %zu bytes were written", tmp, f.size);
    else
        ltd_checkpoint_header(header, f.data + LTD_CHECKPOINT_HEADER, f.size);
    ltd_file_unmap(&f);
    if (rc < 0) return rc;
    int fd = open(tmp, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || pwrite(fd, header, sizeof header, 0) != (ssize_t)sizeof header)
        rc = ltd_fail(err, LTD_EIO, "%s: cannot write: %s", tmp, strerror(errno));
    if (fd >= 0 && close(fd) < 0 && rc == LTD_OK)
        rc = ltd_fail(err, LTD_EIO, "%s: cannot close: %s", tmp, strerror(errno));
    return rc;
}

int ltd_checkpoint_finish(ltd_checkpoint_writer *w, ltd_err *err)
{
    char content[65], version[16];
    ltd_h5_quiet quiet = ltd_h5_begin();
    int rc = w->err.code;
    if (rc < 0 && err) *err = w->err;
    ltd_checkpoint_content(content, w->leaves, w->n);
    snprintf(version, sizeof version, "%d", LTD_CHECKPOINT_VERSION);
    if (rc == LTD_OK) rc = put_attribute(w, "kind", "ltd checkpoint", err);
    if (rc == LTD_OK) rc = put_attribute(w, "version", version, err);
    if (rc == LTD_OK) rc = put_attribute(w, "sha256", content, err);
    if (rc == LTD_OK && H5Fflush(w->file, H5F_SCOPE_GLOBAL) < 0)
        rc = ltd_h5_fail(err, "cannot flush");
    if (rc == LTD_OK) {
        herr_t closed = H5Fclose(w->file);
        w->file = -1;
        if (closed < 0) rc = ltd_h5_fail(err, "cannot close");
    }
    ltd_h5_end(quiet);
    if (rc == LTD_OK) rc = seal(w->tmp, err);
    if (rc == LTD_OK) rc = ltd_file_commit(w->tmp, w->path, err);
    if (rc < 0) ltd_err_prefix(err, rc, "checkpoint %s", w->path);
    ltd_checkpoint_abort(w);
    return rc;
}

void ltd_checkpoint_abort(ltd_checkpoint_writer *w)
{
    if (!w) return;
    ltd_h5_quiet quiet = ltd_h5_begin();
    if (w->file >= 0 && H5Fclose(w->file) < 0) H5Eclear2(H5E_DEFAULT);
    ltd_h5_end(quiet);
    unlink(w->tmp); /* gone already after a commit */
    free(w->leaves);
    free(w);
}
