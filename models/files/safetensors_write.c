/* Writing safetensors: header made by json-c, padded with spaces to 8 bytes, then the tensors one
 * by one, so that nothing is copied.  The file is path.tmp until it is whole. */
#include "models/files/safetensors.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "models/files/json_priv.h"

/* NULL for the types that the format lacks. */
static const char *format_name(ltd_dtype dtype)
{
    if ((unsigned)dtype > LTD_DTYPE_BOOL) return NULL;
    return ltd_dtype_name(dtype); /* ours are the same, block types apart */
}

static int check_tensor(const char *path, const ltd_tensor_view *view, ltd_err *err)
{
    if (!view->name || !*view->name || strcmp(view->name, "__metadata__") == 0)
        return ltd_fail(err, LTD_EINVAL, "%s: '%s' can't be the name of a tensor", path,
                        view->name ? view->name : "");
    if (!format_name(view->dtype))
        return ltd_fail(err, LTD_EINVAL, "%s: tensor %s is of type %s, which safetensors lacks",
                        path, view->name, ltd_dtype_name(view->dtype));
    size_t bytes = ltd_dtype_block_bytes(view->dtype);
    bool bad = view->n_dims < 0 || view->n_dims > 8;
    for (int i = 0; i < view->n_dims && !bad; i++)
        bad = view->dims[i] < 0 || __builtin_mul_overflow(bytes, (size_t)view->dims[i], &bytes);
    if (bad || bytes != view->bytes || (bytes && !view->data))
        return ltd_fail(err, LTD_EINVAL, "%s: tensor %s has %zu bytes, its shape and %s make %zu",
                        path, view->name, view->bytes, ltd_dtype_name(view->dtype), bytes);
    return LTD_OK;
}

/* {"dtype":..., "shape":[...], "data_offsets":[begin, end]}; NULL without memory. */
static json_object *make_entry(const ltd_tensor_view *view, size_t begin)
{
    json_object *entry = json_object_new_object(), *shape = json_object_new_array();
    json_object *offsets = json_object_new_array();
    json_object *dtype = json_object_new_string(format_name(view->dtype));
    bool bad = !entry || !shape || !offsets || !dtype;
    for (int i = 0; i < view->n_dims && !bad; i++)
        bad = json_object_array_add(shape, json_object_new_int64(view->dims[i])) < 0;
    if (!bad)
        bad = json_object_array_add(offsets, json_object_new_int64((int64_t)begin)) < 0 ||
              json_object_array_add(offsets,
                                    json_object_new_int64((int64_t)(begin + view->bytes))) < 0;
    if (bad) {
        json_object_put(entry);
        json_object_put(shape);
        json_object_put(offsets);
        json_object_put(dtype);
        return NULL;
    }
    json_object_object_add(entry, "dtype", dtype);
    json_object_object_add(entry, "shape", shape);
    json_object_object_add(entry, "data_offsets", offsets);
    return entry;
}

static int add_metadata(json_object *root, const char *path, const char *const *keys,
                        const char *const *values, size_t n, ltd_err *err)
{
    if (!n) return LTD_OK;
    json_object *metadata = json_object_new_object();
    if (!metadata || json_object_object_add(root, "__metadata__", metadata) < 0)
        return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    for (size_t i = 0; i < n; i++) {
        if (json_object_object_get_ex(metadata, keys[i], NULL))
            return ltd_fail(err, LTD_EINVAL, "%s: metadata key %s is given twice", path, keys[i]);
        json_object *value = json_object_new_string(values[i]);
        if (!value || json_object_object_add(metadata, keys[i], value) < 0)
            return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    }
    return LTD_OK;
}

static int add_tensors(json_object *root, const char *path, const ltd_tensor_view *tensors,
                       size_t n, ltd_err *err)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const ltd_tensor_view *view = &tensors[i];
        int rc = check_tensor(path, view, err);
        if (rc < 0) return rc;
        if (json_object_object_get_ex(root, view->name, NULL))
            return ltd_fail(err, LTD_EINVAL, "%s: two tensors are named %s", path, view->name);
        json_object *entry = make_entry(view, at);
        if (!entry || json_object_object_add(root, view->name, entry) < 0) {
            json_object_put(entry);
            return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
        }
        at += view->bytes;
    }
    return LTD_OK;
}

static bool write_all(FILE *f, const char *text, size_t len, const ltd_tensor_view *tensors,
                      size_t n)
{
    static const char spaces[] = "        ";
    uint64_t padded = (len + 7) / 8 * 8;
    bool ok = fwrite(&padded, sizeof padded, 1, f) == 1 && fwrite(text, 1, len, f) == len &&
              fwrite(spaces, 1, padded - len, f) == padded - len;
    for (size_t i = 0; i < n && ok; i++)
        if (tensors[i].bytes) ok = fwrite(tensors[i].data, tensors[i].bytes, 1, f) == 1;
    return ok;
}

static int write_file(const char *path, const char *text, size_t len,
                      const ltd_tensor_view *tensors, size_t n, ltd_err *err)
{
    char tmp[PATH_MAX];
    if (snprintf(tmp, sizeof tmp, "%s.tmp", path) >= (int)sizeof tmp)
        return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", path);
    FILE *f = fopen(tmp, "wb");
    if (!f) return ltd_fail(err, LTD_EIO, "%s: %s", tmp, strerror(errno));
    bool ok = write_all(f, text, len, tensors, n);
    int why = ok ? 0 : errno;
    if (fclose(f) != 0 && ok) {
        ok = false;
        why = errno;
    }
    if (!ok) {
        unlink(tmp);
        return ltd_fail(err, LTD_EIO, "%s: cannot write: %s", tmp, strerror(why));
    }
    return ltd_file_commit(tmp, path, err);
}

int ltd_safetensors_write(const char *path, const ltd_tensor_view *tensors, size_t n,
                          const char *const *keys, const char *const *values, size_t n_metadata,
                          ltd_err *err)
{
    json_object *again = NULL, *root = json_object_new_object();
    if (!root) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    const char *text = NULL;
    int rc = add_metadata(root, path, keys, values, n_metadata, err);
    if (rc == LTD_OK) rc = add_tensors(root, path, tensors, n, err);
    if (rc < 0) goto out;
    text = json_object_to_json_string_ext(root,
                                          JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (!text) {
        rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
        goto out;
    }
    /* Names come from the caller: what our reader would refuse (no UTF-8) is not written. */
    if (ltd_files_json_parse(&again, text, strlen(text), path, NULL) < 0)
        rc = ltd_fail(err, LTD_EINVAL, "%s: a name or a metadata string is not UTF-8 text", path);
    else
        rc = write_file(path, text, strlen(text), tensors, n, err);
out:
    json_object_put(again);
    json_object_put(root);
    return rc;
}
