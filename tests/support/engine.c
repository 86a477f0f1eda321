#include "tests/support/engine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "tests/support/golden.h"

static ltd_err err;

/* Golden names first, then the source tree (heads/...), else the path itself. */
static const char *resolve(char *ret, size_t n, const char *path)
{
    if (path[0] == '/') return path;
    if (golden_path(ret, n, path) || source_path(ret, n, path)) return ret;
    return path;
}

ltd_llama *engine_model(const char *path, ltd_load_dtype dtype, int32_t bits,
                        const ltd_kernels *kernels)
{
    char full[1024];
    ltd_llama *model;
    ltd_llama_options options = {dtype, bits, 2, kernels};
    if (ltd_llama_open(&model, resolve(full, sizeof full, path), &options, &err) < 0)
        fail_msg("%s", err.msg);
    return model;
}

ltd_eagle3 *engine_head(const char *path, const ltd_llama *target, ltd_load_dtype dtype)
{
    char full[1024];
    ltd_eagle3 *head;
    if (ltd_eagle3_open(&head, resolve(full, sizeof full, path), target, dtype, &err) < 0)
        fail_msg("%s", err.msg);
    return head;
}

ltd_llama *engine_eagle3_target(void)
{
    ltd_llama *model = engine_model("eagle3/target", LTD_LOAD_F32, 16, NULL);
    ltd_llm_config *c = (ltd_llm_config *)(uintptr_t)ltd_llama_config(model);
    for (int i = 0; i < c->head_dim / 2; i++) {
        float freq = (float)pow((double)c->rope_theta, -2.0 * i / c->head_dim);
        c->rope_div[i] = freq / ltd_f16_to_f32(ltd_f32_to_f16(freq));
    }
    return model;
}

ltd_session *engine_session(const ltd_llama *model, const ltd_session_options *options)
{
    ltd_session *s;
    if (ltd_session_new(&s, model, options, &err) < 0) fail_msg("%s", err.msg);
    return s;
}

ltd_session *engine_feature_session(const ltd_llama *model, const ltd_session_options *options)
{
    int32_t taps[3];
    ltd_session *s = engine_session(model, options);
    if (!ltd_llama_taps(model, taps)) fail_msg("%s: too shallow", ltd_llama_path(model));
    if (ltd_session_set_taps(s, taps, 3, &err) < 0) fail_msg("%s", err.msg);
    return s;
}

static int32_t feed_chunk(ltd_session *s, const int32_t *ids, int32_t n)
{
    static int32_t identity[1024];
    for (int32_t i = 0; i < n; i++) identity[i] = i;
    ltd_rows rows = {n, ids, NULL, 1};
    if (ltd_session_forward(s, &rows, &err) < 0) fail_msg("%s", err.msg);
    if (ltd_session_commit(s, identity, n, &err) < 0) fail_msg("%s", err.msg);
    return ltd_session_argmax(s, n - 1);
}

int32_t engine_feed(ltd_session *s, const int32_t *ids, int32_t n)
{
    int32_t most = ltd_session_max_rows(s), next = -1;
    for (int32_t i = 0; i < n; i += most)
        next = feed_chunk(s, ids + i, n - i < most ? n - i : most);
    return next;
}

int32_t engine_step(ltd_session *s, int32_t token)
{
    return feed_chunk(s, &token, 1);
}

void engine_plain(ltd_session *s, int32_t first, int32_t *ret, int32_t n)
{
    ret[0] = first;
    for (int32_t i = 1; i < n; i++) ret[i] = engine_step(s, ret[i - 1]);
}

ltd_json_doc *engine_json(const char *path)
{
    char full[1024];
    ltd_file file = {0};
    ltd_json_doc *doc = NULL;
    path = resolve(full, sizeof full, path);
    if (ltd_file_map(&file, path, &err) < 0) fail_msg("%s", err.msg);
    if (ltd_json_parse(&doc, path, file.data, file.size, &err) < 0) fail_msg("%s", err.msg);
    ltd_file_unmap(&file);
    return doc;
}

ltd_json engine_get(ltd_json object, const char *key)
{
    if (!ltd_json_has(object, key)) fail_msg("%s: no key '%s'", object.name, key);
    return ltd_json_member(object, key);
}

int32_t engine_int(ltd_json object, const char *key)
{
    int64_t v = 0;
    if (ltd_json_get_int(object, key, INT32_MIN, INT32_MAX, &v, &err) < 0) fail_msg("%s", err.msg);
    return (int32_t)v;
}

double engine_f64(ltd_json object, const char *key)
{
    double v = 0;
    if (ltd_json_get_f64(object, key, &v, &err) < 0) fail_msg("%s", err.msg);
    return v;
}

double engine_number(ltd_json array, size_t i)
{
    double v = 0;
    if (ltd_json_as_f64(ltd_json_at(array, i), "entry", &v, &err) < 0) fail_msg("%s", err.msg);
    return v;
}

int32_t engine_ids(ltd_json object, const char *key, int32_t *ret, int32_t room)
{
    ltd_json array = engine_get(object, key);
    size_t n = ltd_json_count(array);
    if (n > (size_t)room) fail_msg("%s: %zu entries, room for %d", key, n, room);
    for (size_t i = 0; i < n; i++) ret[i] = (int32_t)engine_number(array, i);
    return (int32_t)n;
}

void engine_same_ids(const char *what, const int32_t *got, const int32_t *want, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (got[i] != want[i])
            fail_msg("%s: entry %d of %d is %d, expected %d", what, i, n, got[i], want[i]);
}

void engine_same_bits(const char *what, const float *got, const float *want, size_t n)
{
    if (memcmp(got, want, n * sizeof *got) == 0) return;
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof *got))
            fail_msg("%s: element %zu of %zu is %.9g (%a), expected %.9g (%a)", what, i, n,
                     (double)got[i], (double)got[i], (double)want[i], (double)want[i]);
}
