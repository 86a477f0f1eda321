#include "tests/support/sb3zip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>

#include "tests/support/torchzip.h"

float sb3_formula(uint64_t seed, uint64_t i)
{
    uint64_t z = (seed << 32) + i + 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (float)(z >> 40) * 0x1p-23f - 1.0f;
}

float *sb3_tensors_add(sb3_tensors *t, const char *name, const int64_t *dims, int n_dims,
                       const float *data)
{
    assert_true(t->n < SB3_TENSORS);
    size_t i = t->n++, count = 1;
    ltd_tensor_view *v = &t->view[i];
    *v = (ltd_tensor_view){.name = t->name[i], .dtype = LTD_DTYPE_F32, .n_dims = n_dims};
    for (int d = 0; d < 8; d++) v->dims[d] = d < n_dims ? dims[d] : 1;
    for (int d = 0; d < n_dims; d++) count *= (size_t)dims[d];
    snprintf(t->name[i], sizeof t->name[i], "%s", name);
    t->data[i] = calloc(count ? count : 1, sizeof *t->data[i]);
    assert_non_null(t->data[i]);
    if (data) memcpy(t->data[i], data, count * sizeof *data);
    v->data = t->data[i];
    v->bytes = count * sizeof *data;
    return t->data[i];
}

static void add_layer(sb3_tensors *t, const char *module, int32_t in, int32_t out, uint64_t seed)
{
    char name[80];
    const float scale = sqrtf(3.0f / (float)in);
    const int64_t dims[2] = {out, in};
    snprintf(name, sizeof name, "%s.weight", module);
    float *w = sb3_tensors_add(t, name, dims, 2, NULL);
    for (int64_t i = 0; i < (int64_t)in * out; i++) w[i] = scale * sb3_formula(seed, (uint64_t)i);
    snprintf(name, sizeof name, "%s.bias", module);
    float *b = sb3_tensors_add(t, name, dims, 1, NULL);
    for (int64_t i = 0; i < out; i++) b[i] = 0.1f * sb3_formula(seed + 1, (uint64_t)i);
}

static void add_net(sb3_tensors *t, const char *hidden, const char *last, const int32_t *dims,
                    int32_t n, uint64_t seed)
{
    char module[64];
    for (int32_t i = 0; i < n; i++) {
        snprintf(module, sizeof module, "mlp_extractor.%s.%d", hidden, 2 * i);
        add_layer(t, i + 1 == n ? last : module, dims[i], dims[i + 1], seed + 2 * (uint64_t)i);
    }
}

void sb3_tensors_make(sb3_tensors *ret, const int32_t *actor, int32_t n_actor,
                      const int32_t *critic, int32_t n_critic, uint64_t seed)
{
    ret->n = 0;
    add_net(ret, "policy_net", "action_net", actor, n_actor, 1000 * seed);
    add_net(ret, "value_net", "value_net", critic, n_critic, 1000 * seed + 500);
}

void sb3_tensors_free(sb3_tensors *t)
{
    for (size_t i = 0; i < t->n; i++) free(t->data[i]);
    t->n = 0;
}

void *sb3zip(size_t *size, const sb3_tensors *t, const char *data, int method)
{
    size_t inner;
    void *weights = torchzip_tensors(&inner, t->view, t->n);
    torchzip_entry entries[3] = {{"policy.pth", weights, inner, method},
                                 {"_stable_baselines3_version", "2.9.2", 5, method}};
    if (data) entries[2] = (torchzip_entry){"data", data, strlen(data), method};
    void *bytes = torchzip_entries(size, entries, data ? 3 : 2);
    free(weights);
    return bytes;
}
