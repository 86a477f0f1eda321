#include "agents/export/safetensors.h"

#include <string.h>

#include "agents/export/manifest.h"
#include "models/files/safetensors.h"

int ltd_export_safetensors(const ltd_bundle *b, const char *path, ltd_err *err)
{
    /* "pt" is what loaders of torch tensors look for. */
    static const char *const keys[] = {"format", LTD_MANIFEST_KEY};
    const char *const values[] = {"pt", b->manifest};
    return ltd_safetensors_write(path, b->tensors, b->n_tensors, keys, values, 2, err);
}

static int take(ltd_bundle **ret, const ltd_safetensors *file, const char *name, ltd_err *err)
{
    const char *manifest = ltd_safetensors_metadata(file, LTD_MANIFEST_KEY);
    if (!manifest)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: no exported policy: its __metadata__ has no '" LTD_MANIFEST_KEY "'",
                        name);
    ltd_bundle *b;
    int rc = ltd_bundle_new(&b, manifest, strlen(manifest), err);
    for (size_t i = 0; rc == LTD_OK && i < ltd_safetensors_tensor_count(file); i++) {
        rc = ltd_bundle_add(b, "", ltd_safetensors_tensor_at(file, i), err);
        if (rc < 0) ltd_err_prefix(err, rc, "%s", name);
    }
    if (rc < 0)
        ltd_bundle_free(b);
    else
        *ret = b;
    return rc;
}

int ltd_import_safetensors(ltd_bundle **ret, const void *data, size_t n, const char *name,
                           ltd_err *err)
{
    *ret = NULL;
    ltd_safetensors *file;
    int rc = ltd_safetensors_parse(&file, data, n, name, err);
    if (rc < 0) return rc;
    rc = take(ret, file, name, err);
    ltd_safetensors_close(file);
    return rc;
}
