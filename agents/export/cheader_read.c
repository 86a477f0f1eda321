/* A header is read as what we wrote: the manifest's comment, then the arrays by their names.  The
 * code between is not looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/export/cheader.h"
#include "agents/export/cheader_priv.h"
#include "base/file.h"
#include "base/mem.h"

enum { MAX_LAYER = 1 << 28 }; /* weights */

static const char begins[] = "/* Manifest:\n", ends[] = "\n*/";

/* Has anything been changed? */
static int check_digest(const char *text, size_t n, ltd_err *err)
{
    static const char end[] = " */\n";
    const size_t before = sizeof LTD_CHEADER_DIGEST - 1, line = before + 64 + sizeof end - 1;
    char found[65];
    if (n < line || memcmp(text, LTD_CHEADER_DIGEST, before) != 0 ||
        memcmp(text + before + 64, end, sizeof end - 1) != 0)
        return ltd_fail(err, LTD_EFORMAT,
                        "no C header of a policy: its first line gives no digest");
    ltd_file_sha256(found, text + line, n - line);
    if (memcmp(found, text + before, 64) == 0) return LTD_OK;
    return ltd_fail(err, LTD_EFORMAT, "SHA-256 is %.16s..., its first line says %.16s...", found,
                    text + before);
}

static int read_manifest(ltd_bundle **ret, const char *text, ltd_err *err)
{
    const char *from = strstr(text, begins), *to = from ? strstr(from, ends) : NULL;
    if (!to) return ltd_fail(err, LTD_EFORMAT, "no C header of a policy: found no manifest in it");
    from += sizeof begins - 1;
    return ltd_bundle_new(ret, from, (size_t)(to - from), err);
}

/* n numbers between braces. */
static int read_floats(const char *at, const char *what, float *ret, size_t n, ltd_err *err)
{
    for (size_t i = 0; i < n; i++) {
        char *end;
        ret[i] = strtof(at, &end);
        const char *after = end + (end > at && *end == 'f');
        if (end == at || *after != (i + 1 < n ? ',' : '}'))
            return ltd_fail(err, LTD_EFORMAT, "%s: number %zu of %zu can't be read", what, i + 1,
                            n);
        at = after + 1;
    }
    return LTD_OK;
}

/* The array whose name ends so: past its brace, and what stands between the brackets. */
static const char *find_array(const char *text, const char *name, int32_t dims[2])
{
    const char *at = strstr(text, name);
    int used = 0;
    dims[1] = 1;
    if (!at) return NULL;
    at += strlen(name);
    if (sscanf(at, "%d * %d] = {%n", &dims[0], &dims[1], &used) == 2 && used > 0) return at + used;
    if (sscanf(at, "%d] = {%n", &dims[0], &used) == 1 && used > 0) return at + used;
    return NULL;
}

static int add(ltd_bundle *b, const char *turn, int32_t layer, int32_t layers, const char *part,
               const float *data, int64_t rows, int64_t columns, ltd_err *err)
{
    char prefix[16], name[LTD_BUNDLE_NAME];
    snprintf(prefix, sizeof prefix, "%s.", turn);
    ltd_tensor_view t = {.name = ltd_bundle_layer(name, false, layer, layers, part),
                         .dtype = LTD_DTYPE_F32,
                         .n_dims = columns ? 2 : 1,
                         .dims = {rows, columns ? columns : 1, 1, 1, 1, 1, 1, 1},
                         .data = data,
                         .bytes = (size_t)(rows * (columns ? columns : 1)) * sizeof *data};
    return ltd_bundle_add(b, prefix, &t, err);
}

static int read_layer(ltd_bundle *b, const char *text, const char *turn, int32_t layer,
                      int32_t layers, ltd_err *err)
{
    char name[64];
    int32_t dims[2], bias_dims[2];
    snprintf(name, sizeof name, "_%s_weight_%d[", turn, layer);
    const char *weight_at = find_array(text, name, dims);
    snprintf(name, sizeof name, "_%s_bias_%d[", turn, layer);
    const char *bias_at = find_array(text, name, bias_dims);
    if (!weight_at || !bias_at || dims[0] < 1 || dims[1] < 1 || dims[0] > MAX_LAYER / dims[1] ||
        bias_dims[0] != dims[1] || bias_dims[1] != 1)
        return ltd_fail(err, LTD_EFORMAT, "layer %d of %s: weights or bias missing, or of no size",
                        layer, turn);
    size_t in = (size_t)dims[0], out = (size_t)dims[1], n = in * out;
    float *turned = ltd_mem_zeros(2 * n + out, sizeof *turned);
    if (!turned) return ltd_fail(err, LTD_ENOMEM, "C header: no memory");
    float *weight = turned + n, *bias = weight + n;
    int rc = read_floats(weight_at, "weights", turned, n, err);
    if (rc == LTD_OK) rc = read_floats(bias_at, "bias", bias, out, err);
    if (rc < 0) rc = ltd_err_prefix(err, rc, "layer %d of %s", layer, turn);
    for (size_t i = 0; i < in; i++)
        for (size_t o = 0; o < out; o++) weight[o * in + i] = turned[i * out + o];
    if (rc == LTD_OK) rc = add(b, turn, layer, layers, "weight", weight, dims[1], dims[0], err);
    if (rc == LTD_OK) rc = add(b, turn, layer, layers, "bias", bias, dims[1], 0, err);
    free(turned);
    return rc;
}

static int read_net(ltd_bundle *b, const char *text, const char *turn, ltd_err *err)
{
    char name[64];
    int32_t dims[2], layers = 0;
    for (; layers <= LTD_MLP_MAX_LAYERS; layers++) {
        snprintf(name, sizeof name, "_%s_weight_%d[", turn, layers);
        if (!find_array(text, name, dims)) break;
    }
    if (layers > LTD_MLP_MAX_LAYERS)
        return ltd_fail(err, LTD_EFORMAT, "%s has more than %d layers", turn, LTD_MLP_MAX_LAYERS);
    for (int32_t k = 0; k < layers; k++) {
        int rc = read_layer(b, text, turn, k, layers, err);
        if (rc < 0) return rc;
    }
    return LTD_OK;
}

int ltd_import_cheader(ltd_bundle **ret, const char *text, size_t n, ltd_err *err)
{
    *ret = NULL;
    ltd_bundle *b = NULL;
    ltd_str copy = LTD_STR_INIT; /* ends with a NUL */
    ltd_str_push(&copy, text, n);
    int rc = copy.failed ? ltd_fail(err, LTD_ENOMEM, "C header: no memory")
                         : check_digest(ltd_str_text(&copy), n, err);
    if (rc == LTD_OK) rc = read_manifest(&b, copy.data, err);
    if (rc == LTD_OK) rc = read_net(b, copy.data, "depth", err);
    if (rc == LTD_OK) rc = read_net(b, copy.data, "size", err);
    ltd_str_fini(&copy);
    if (rc < 0) {
        ltd_bundle_free(b);
        return rc;
    }
    *ret = b;
    return LTD_OK;
}
