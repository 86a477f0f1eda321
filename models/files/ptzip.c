/* The zip around the pickle: ROOT/data.pkl describes tensors, ROOT/data/KEY holds their storages.
 *
 * A storage is read once, however many tensors are views of it; row-major views borrow from it. */
#include "models/files/ptzip.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "models/files/pickle_priv.h"
#include "models/files/zip_priv.h"

/* What all storages and copies may take: weights hardly shrink when deflated, so that a file
 * beyond this is made to fill memory. */
enum { SPARE_BYTES = 64 << 20, MOST_TIMES = 16 };

typedef struct storage {
    uint8_t *data; /* NULL: not read yet */
    size_t bytes;
} storage;

struct ltd_ptzip {
    char *path;
    ltd_pickle_tensors names; /* of the views */
    ltd_tensor_view *tensors;
    const ltd_tensor_view **by_name;
    size_t n_tensors;
    storage *storages; /* by entry of the zip */
    size_t n_storages;
    void **copies; /* by tensor: views that were not row-major */
};

/* What is needed while reading. */
typedef struct reader {
    ltd_ptzip *file;
    ltd_zip z;
    char *root; /* the folder of data.pkl */
    ltd_err *err;
} reader;

/* --- entries --- */

/* Index of ROOT/name, -1 when there is none; *full gets the whole name (owned). */
static zip_int64_t locate(const reader *r, const char *folder, const char *name, char **full)
{
    ltd_str s = LTD_STR_INIT;
    ltd_str_printf(&s, "%s/%s%s", r->root, folder, name);
    *full = ltd_str_take(&s);
    return *full ? zip_name_locate(r->z.zip, *full, 0) : -1;
}

/* The folder that holds data.pkl; the outermost name in the zip. */
static int find_root(reader *r)
{
    static const char last[] = "/data.pkl";
    zip_int64_t n = zip_get_num_entries(r->z.zip, 0);
    for (zip_int64_t i = 0; i < n; i++) {
        const char *name = zip_get_name(r->z.zip, (zip_uint64_t)i, 0);
        const char *slash = name ? strchr(name, '/') : NULL;
        if (!slash || strcmp(slash, last) != 0) continue;
        if (r->root)
            return ltd_fail(r->err, LTD_EFORMAT, "%s: holds data.pkl twice", r->file->path);
        if (!(r->root = ltd_mem_strdup(name))) return ltd_zip_no_memory(&r->z);
        r->root[slash - name] = 0;
    }
    if (r->root) return LTD_OK;
    return ltd_fail(r->err, LTD_EFORMAT, "%s: a zip without FOLDER/data.pkl: not of torch.save",
                    r->file->path);
}

/* --- tensors --- */

static int check_byte_order(reader *r)
{
    char *name;
    uint8_t *text = NULL;
    size_t n = 0;
    zip_int64_t i = locate(r, "", "byteorder", &name);
    int rc = LTD_OK;
    if (i >= 0) { /* torch before 2.1 wrote none */
        rc = ltd_zip_read(&r->z, (zip_uint64_t)i, name, &text, &n);
        if (rc == LTD_OK && (n != 6 || memcmp(text, "little", 6) != 0))
            rc = ltd_fail(r->err, LTD_EUNSUPPORTED, "%s: %.80s is '%.*s', expected 'little'",
                          r->file->path, name, n < 16 ? (int)n : 16, (const char *)text);
    }
    free(text);
    free(name);
    return rc;
}

static int read_names(reader *r)
{
    char *name;
    uint8_t *pickle = NULL;
    size_t n = 0;
    ltd_pickle p = {0};
    uint32_t root = 0;
    zip_int64_t i = locate(r, "", "data.pkl", &name);
    if (i < 0) {
        free(name);
        return ltd_zip_no_memory(&r->z); /* it was there a moment ago */
    }
    int rc = ltd_zip_read(&r->z, (zip_uint64_t)i, name, &pickle, &n);
    if (rc == LTD_OK) rc = ltd_pickle_run(&p, &root, pickle, n, r->file->path, r->err);
    if (rc == LTD_OK) rc = ltd_pickle_list(&r->file->names, &p, root, r->err);
    ltd_pickle_fini(&p);
    free(pickle);
    free(name);
    return rc;
}

/* The storage of a tensor, read at its first use. */
static int read_storage(reader *r, const ltd_pickle_tensor *t, const storage **ret)
{
    char *name;
    size_t needed;
    zip_int64_t i = locate(r, "data/", t->key, &name);
    int rc = LTD_OK;
    if (!name) return ltd_zip_no_memory(&r->z);
    if (i < 0)
        rc = ltd_fail(r->err, LTD_EFORMAT, "%s: tensor %.100s: the zip lacks its data, %.80s",
                      r->file->path, t->name, name);
    if (rc == LTD_OK) {
        storage *s = &r->file->storages[i];
        if (!s->data) rc = ltd_zip_read(&r->z, (zip_uint64_t)i, name, &s->data, &s->bytes);
        if (rc == LTD_OK && (__builtin_mul_overflow((size_t)t->elements,
                                                    ltd_dtype_block_bytes(t->dtype), &needed) ||
                             needed > s->bytes))
            rc = ltd_fail(r->err, LTD_EFORMAT,
                          "%s: tensor %.100s: %.60s has %zu bytes, expected %lld elements of %s",
                          r->file->path, t->name, name, s->bytes, (long long)t->elements,
                          ltd_dtype_name(t->dtype));
        *ret = s;
    }
    free(name);
    return rc;
}

static bool is_row_major(const ltd_pickle_tensor *t)
{
    int64_t stride = 1;
    for (int i = t->n_dims; i-- > 0;) {
        if (t->dims[i] != 1 && t->strides[i] != stride) return false;
        stride *= t->dims[i]; /* at most count */
    }
    return true;
}

/* Elements in row-major order; the view was checked against its storage, and is not empty. */
static void gather(uint8_t *to, const uint8_t *from, const ltd_pickle_tensor *t, size_t element)
{
    int64_t index[8] = {0}, at = t->offset;
    for (int64_t i = 0; i < t->count; i++, to += element) {
        memcpy(to, from + (size_t)at * element, element);
        for (int d = t->n_dims - 1; d >= 0; d--) {
            at += t->strides[d];
            if (++index[d] < t->dims[d]) break;
            at -= t->strides[d] * t->dims[d];
            index[d] = 0;
        }
    }
}

static int read_tensor(reader *r, size_t i)
{
    const ltd_pickle_tensor *t = &r->file->names.at[i];
    ltd_tensor_view *view = &r->file->tensors[i];
    size_t element = ltd_dtype_block_bytes(t->dtype), bytes;
    const storage *s = NULL;
    int rc = read_storage(r, t, &s);
    if (rc < 0) return rc;
    *view = (ltd_tensor_view){.name = t->name, .dtype = t->dtype, .n_dims = t->n_dims};
    for (int d = 0; d < 8; d++) view->dims[d] = d < t->n_dims ? t->dims[d] : 1;
    if (__builtin_mul_overflow((size_t)t->count, element, &bytes)) bytes = SIZE_MAX;
    view->bytes = bytes;
    view->data = s->data;
    if (!t->count) return LTD_OK;
    if (is_row_major(t)) {
        view->data = s->data + (size_t)t->offset * element;
        return LTD_OK;
    }
    rc = ltd_zip_take(&r->z, bytes, t->name);
    if (rc < 0) return rc;
    uint8_t *copy = ltd_mem_resize(NULL, bytes, 1);
    if (!copy) return ltd_zip_no_memory(&r->z);
    r->file->copies[i] = copy;
    gather(copy, s->data, t, element);
    view->data = copy;
    return LTD_OK;
}

static int by_name(const void *a, const void *b)
{
    const ltd_tensor_view *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int read_tensors(reader *r)
{
    ltd_ptzip *f = r->file;
    size_t n = f->names.n;
    f->n_storages = (size_t)zip_get_num_entries(r->z.zip, 0);
    f->storages = ltd_mem_zeros(f->n_storages, sizeof *f->storages);
    f->tensors = ltd_mem_zeros(n, sizeof *f->tensors);
    f->by_name = ltd_mem_zeros(n, sizeof *f->by_name);
    f->copies = ltd_mem_zeros(n, sizeof *f->copies);
    if (!f->storages || !f->tensors || !f->by_name || !f->copies) return ltd_zip_no_memory(&r->z);
    f->n_tensors = n;
    for (size_t i = 0; i < n; i++) {
        int rc = read_tensor(r, i);
        if (rc < 0) return rc;
        f->by_name[i] = &f->tensors[i];
    }
    qsort(f->by_name, n, sizeof *f->by_name, by_name);
    for (size_t i = 1; i < n; i++)
        if (strcmp(f->by_name[i - 1]->name, f->by_name[i]->name) == 0)
            return ltd_fail(r->err, LTD_EFORMAT, "%s: tensor %.100s is there twice", f->path,
                            f->by_name[i]->name);
    return LTD_OK;
}

/* --- the file --- */

/* The number that opens the format before zips: a pickle of its own. */
static int refuse_legacy(const reader *r, const void *data, size_t size)
{
    static const uint8_t legacy[] = {0x80, 2,    0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                     0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e};
    if (size < sizeof legacy || memcmp(data, legacy, sizeof legacy) != 0) return LTD_OK;
    return ltd_fail(r->err, LTD_EUNSUPPORTED,
                    "%s: is of torch.save's format before 1.6, which is no zip: torch.load it "
                    "and torch.save it again",
                    r->file->path);
}

int ltd_ptzip_parse(ltd_ptzip **ret, const void *data, size_t size, const char *name, ltd_err *err)
{
    *ret = NULL;
    ltd_ptzip *file = ltd_mem_zeros(1, sizeof *file);
    if (!file || !(file->path = ltd_mem_strdup(name))) {
        free(file);
        return ltd_fail(err, LTD_ENOMEM, "%s: no memory", name);
    }
    reader r = {.file = file, .z = {.path = file->path, .err = err}, .err = err};
    int rc = refuse_legacy(&r, data, size);
    if (rc == LTD_OK) rc = ltd_zip_open(&r.z, data, size, MOST_TIMES, SPARE_BYTES);
    if (rc == LTD_OK) rc = find_root(&r);
    if (rc == LTD_OK) rc = check_byte_order(&r);
    if (rc == LTD_OK) rc = read_names(&r);
    if (rc == LTD_OK) rc = read_tensors(&r);
    free(r.root);
    ltd_zip_close(&r.z);
    if (rc < 0) {
        ltd_ptzip_close(file);
        return rc;
    }
    *ret = file;
    return LTD_OK;
}

int ltd_ptzip_text(char **text, size_t *n, const void *data, size_t size, const char *name,
                   const char *file, ltd_err *err)
{
    char *full = NULL;
    uint8_t *bytes = NULL;
    ltd_ptzip f = {.path = (char *)file};
    reader r = {.file = &f, .z = {.path = file, .err = err}, .err = err};
    int rc = ltd_zip_open(&r.z, data, size, MOST_TIMES, SPARE_BYTES);
    if (rc == LTD_OK) rc = find_root(&r);
    if (rc == LTD_OK) {
        zip_int64_t i = locate(&r, "", name, &full);
        if (!full)
            rc = ltd_zip_no_memory(&r.z);
        else if (i < 0)
            rc = ltd_fail(err, LTD_EFORMAT, "%s: holds no %s", file, full);
        else
            rc = ltd_zip_read(&r.z, (zip_uint64_t)i, full, &bytes, n);
    }
    if (rc == LTD_OK) {
        *text = ltd_mem_resize(bytes, *n + 1, 1);
        if (*text) {
            (*text)[*n] = 0;
            bytes = NULL;
        } else {
            rc = ltd_zip_no_memory(&r.z);
        }
    }
    free(bytes);
    free(full);
    free(r.root);
    ltd_zip_close(&r.z);
    return rc;
}

int ltd_ptzip_open(ltd_ptzip **ret, const char *path, ltd_err *err)
{
    *ret = NULL;
    ltd_file map;
    int rc = ltd_file_map(&map, path, err);
    if (rc < 0) return rc;
    rc = ltd_ptzip_parse(ret, map.data, map.size, path, err);
    ltd_file_unmap(&map);
    return rc;
}

void ltd_ptzip_close(ltd_ptzip *file)
{
    if (!file) return;
    for (size_t i = 0; file->storages && i < file->n_storages; i++) free(file->storages[i].data);
    for (size_t i = 0; file->copies && i < file->names.n; i++) free(file->copies[i]);
    ltd_pickle_tensors_fini(&file->names);
    free(file->storages);
    free(file->copies);
    free(file->tensors);
    free(file->by_name);
    free(file->path);
    free(file);
}

const char *ltd_ptzip_path(const ltd_ptzip *file)
{
    return file->path;
}

size_t ltd_ptzip_tensor_count(const ltd_ptzip *file)
{
    return file->n_tensors;
}

const ltd_tensor_view *ltd_ptzip_tensor_at(const ltd_ptzip *file, size_t i)
{
    return i < file->n_tensors ? &file->tensors[i] : NULL;
}

static int compare_name(const void *key, const void *item)
{
    const ltd_tensor_view *const *view = item;
    return strcmp(key, (*view)->name);
}

const ltd_tensor_view *ltd_ptzip_tensor(const ltd_ptzip *file, const char *name)
{
    const ltd_tensor_view *const *hit =
        bsearch(name, file->by_name, file->n_tensors, sizeof *file->by_name, compare_name);
    return hit ? *hit : NULL;
}
