#include "agents/export/torch.h"

#include <stdlib.h>
#include <string.h>

#include "agents/export/turns_priv.h"
#include "base/mem.h"
#include "models/files/ptzip.h"

/* The manifest's entry. */
static const char manifest_name[] = LTD_MANIFEST_KEY ".json";

/* A critic of zeros over the observation. */
static size_t add_zeros(ltd_tensor_view *to, const float *zeros, int32_t inputs)
{
    to[0] = (ltd_tensor_view){"value_net.weight",
                              LTD_DTYPE_F32,
                              2,
                              {1, inputs, 1, 1, 1, 1, 1, 1},
                              zeros,
                              (size_t)inputs * sizeof *zeros};
    to[1] = (ltd_tensor_view){"value_net.bias",         LTD_DTYPE_F32, 1,
                              {1, 1, 1, 1, 1, 1, 1, 1}, zeros,         sizeof *zeros};
    return 2;
}

int ltd_export_torch(const ltd_bundle *b, const char *turn, const char *path, ltd_err *err)
{
    ltd_net_shape shapes[2];
    ltd_tensor_view tensors[LTD_BUNDLE_MAX + 2];
    size_t n = 0, skip = strlen(turn);
    int rc = ltd_turn_shapes(shapes, b->manifest, strlen(b->manifest), turn, path, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < b->n_tensors; i++) {
        if (strncmp(b->tensors[i].name, turn, skip) != 0) continue;
        tensors[n] = b->tensors[i];
        tensors[n++].name += skip;
    }
    float *zeros = ltd_mem_zeros((size_t)shapes[0].dims[0], sizeof *zeros);
    if (!zeros) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    if (!shapes[1].n_layers) n += add_zeros(tensors + n, zeros, shapes[0].dims[0]);
    const char *const names[] = {manifest_name}, *const texts[] = {b->manifest};
    rc = ltd_ptzip_write(path, tensors, n, names, texts, 1, err);
    free(zeros);
    return rc;
}

static bool is_critic(const char *name)
{
    return strncmp(name, "value_net.", 10) == 0 ||
           strncmp(name, "mlp_extractor.value_net.", 24) == 0;
}

static int take(ltd_bundle *b, const ltd_ptzip *file, const char *turn, bool critic,
                const char *name, ltd_err *err)
{
    int rc = LTD_OK;
    for (size_t i = 0; rc == LTD_OK && i < ltd_ptzip_tensor_count(file); i++) {
        const ltd_tensor_view *t = ltd_ptzip_tensor_at(file, i);
        if (critic || !is_critic(t->name)) rc = ltd_bundle_add(b, turn, t, err);
    }
    return rc < 0 ? ltd_err_prefix(err, rc, "%s", name) : LTD_OK;
}

int ltd_import_torch(ltd_bundle **io, const char *turn, const void *data, size_t n,
                     const char *name, ltd_err *err)
{
    char *manifest = NULL;
    size_t length = 0;
    ltd_net_shape shapes[2];
    ltd_ptzip *file = NULL;
    int rc = ltd_ptzip_text(&manifest, &length, data, n, manifest_name, name, err);
    if (rc == LTD_OK) rc = ltd_turn_shapes(shapes, manifest, length, turn, name, err);
    if (rc == LTD_OK) rc = ltd_ptzip_parse(&file, data, n, name, err);
    if (rc == LTD_OK) rc = ltd_turn_begin(io, manifest, length, name, err);
    if (rc == LTD_OK) rc = take(*io, file, turn, shapes[1].n_layers > 0, name, err);
    ltd_ptzip_close(file);
    free(manifest);
    return rc;
}
