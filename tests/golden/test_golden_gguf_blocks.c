/* blocks.gguf: every block type widened as the reference does; metadata.gguf: every value type. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <json-c/json_object.h>
#include <json-c/json_util.h>
#include <json-c/linkhash.h>

#include "models/files/gguf.h"
#include "models/kernels/pack.h"
#include "models/kernels/quantize_weights.h"
#include "tests/support/golden.h"
#include "tests/support/vectors.h"

static ltd_gguf *open_golden(const char *name)
{
    char path[1024];
    ltd_err err = LTD_ERR_INIT;
    ltd_gguf *file = NULL;
    if (!golden_path(path, sizeof path, name)) fail_msg("no golden file %s", name);
    if (ltd_gguf_open(&file, path, &err) < 0) fail_msg("%s", err.msg);
    return file;
}

static void every_block_type_widens_as_the_reference_does(void **state)
{
    (void)state;
    ltd_gguf *file = open_golden("gguf/blocks.gguf");
    ltd_safetensors *want = vec_open("gguf/blocks.expected.safetensors");
    bool seen[LTD_DTYPE_COUNT] = {false};
    for (size_t i = 0; i < ltd_gguf_tensor_count(file); i++) {
        const ltd_tensor_view *view = ltd_gguf_tensor_at(file, i);
        int64_t n = ltd_tensor_view_count(view), dims[8];
        const float *expected = vec_f32(want, view->name, dims);
        assert_int_equal(n, vec_count(want, view->name));
        assert_memory_equal(dims, view->dims, sizeof dims);
        float *got = calloc((size_t)n, sizeof *got);
        assert_non_null(got);
        ltd_err err = LTD_ERR_INIT;
        if (ltd_dtype_to_f32(got, view->data, view->dtype, n, &err) < 0) fail_msg("%s", err.msg);
        vec_assert_close_rel(view->name, got, expected, (size_t)n, 1e-6);
        seen[view->dtype] = true;
        free(got);
    }
    for (int t = LTD_DTYPE_Q4_0; t <= LTD_DTYPE_Q6_K; t++)
        if (!seen[t]) fail_msg("blocks.gguf has no %s", ltd_dtype_name((ltd_dtype)t));
    ltd_safetensors_close(want);
    ltd_gguf_close(file);
}

/* The reference's floats, rounded here: the bytes of its own blocks, but for the sign of a minimum
 * of zero, which there follows from the order in which its library compares. */
static void floats_round_to_the_references_blocks(void **state)
{
    (void)state;
    ltd_gguf *file = open_golden("gguf/blocks.gguf");
    ltd_safetensors *want = vec_open("gguf/blocks.expected.safetensors");
    int64_t dims[8];
    const float *x = vec_f32(want, "source.Q4_1", dims);
    const ltd_tensor_view *blocks = ltd_gguf_tensor(file, "quantized.Q4_1");
    int32_t n = (int32_t)(dims[0] * dims[1]);
    size_t size = ltd_dtype_block_bytes(LTD_DTYPE_Q4_1);
    assert_non_null(blocks);
    assert_int_equal(blocks->bytes, n / ltd_dtype_block(LTD_DTYPE_Q4_1) * size);
    uint8_t *got = malloc(blocks->bytes);
    assert_non_null(got);
    ltd_quantize_q4_1(x, n, got);
    const uint8_t *own = blocks->data;
    for (size_t i = 0; i < blocks->bytes; i++) {
        size_t at = i % size; /* 2 and 3: the minimum, -0 is 0 0x80 */
        if (at == 3 && got[i - 1] == 0 && (got[i] & 0x7f) == 0 && (own[i] & 0x7f) == 0) continue;
        if (got[i] != own[i])
            fail_msg("block %zu, byte %zu: %d, expected %d", i / size, at, got[i], own[i]);
    }
    free(got);
    ltd_safetensors_close(want);
    ltd_gguf_close(file);
}

/* Packed from the floats or from the blocks: the same matrix, in Q4 and in Q8. */
static void packing_rounds_as_the_reference_does(void **state)
{
    (void)state;
    static const struct {
        const char *source, *blocks;
        ltd_pack_kind kind;
    } cases[] = {{"source.Q4_1", "quantized.Q4_1", LTD_PACK_Q4},
                 {"source.Q8_0", "quantized.Q8_0", LTD_PACK_Q8}};
    ltd_gguf *file = open_golden("gguf/blocks.gguf");
    ltd_safetensors *want = vec_open("gguf/blocks.expected.safetensors");
    for (size_t i = 0; i < 2; i++) {
        ltd_err err = LTD_ERR_INIT;
        ltd_packed a, b;
        const ltd_tensor_view *floats = ltd_safetensors_tensor(want, cases[i].source);
        const ltd_tensor_view *blocks = ltd_gguf_tensor(file, cases[i].blocks);
        assert_true(floats && blocks);
        int32_t out = (int32_t)floats->dims[0], in = (int32_t)floats->dims[1];
        if (ltd_pack_init(&a, out, in, cases[i].kind, NULL, &err) < 0 ||
            ltd_pack_init(&b, out, in, cases[i].kind, NULL, &err) < 0 ||
            ltd_pack_rows(&a, 0, floats, NULL, &err) < 0 ||
            ltd_pack_rows(&b, 0, blocks, NULL, &err) < 0)
            fail_msg("%s", err.msg);
        float x[1024], y[1024];
        assert_true(in <= 1024);
        for (int32_t r = 0; r < out; r++) {
            ltd_pack_get_row(&a, r, x);
            ltd_pack_get_row(&b, r, y);
            for (int32_t k = 0; k < in; k++) assert_true(x[k] == y[k]);
        }
        ltd_pack_fini(&a);
        ltd_pack_fini(&b);
    }
    ltd_safetensors_close(want);
    ltd_gguf_close(file);
}

static void check_number(const char *key, double got, const json_object *want)
{
    double expected = json_object_is_type(want, json_type_boolean) ? json_object_get_boolean(want)
                                                                   : json_object_get_double(want);
    if (!(got == expected)) fail_msg("%s is %.17g, expected %.17g", key, got, expected);
}

static void check_string(const char *key, ltd_gguf_string got, json_object *want)
{
    const char *text = json_object_get_string(want);
    if (got.len != strlen(text) || memcmp(got.data, text, got.len) != 0)
        fail_msg("%s is '%.*s', expected '%s'", key, (int)got.len, got.data, text);
}

static void check_array(const char *key, const ltd_gguf_value *value, json_object *want)
{
    assert_true(value->is_array);
    assert_int_equal(value->count, json_object_array_length(want));
    for (uint64_t i = 0; i < value->count; i++) {
        json_object *item = json_object_array_get_idx(want, (size_t)i);
        if (value->type == LTD_GGUF_STRING)
            check_string(key, value->strings[i], item);
        else if (value->type != LTD_GGUF_ARRAY) /* nested ones are counted, not indexed */
            check_number(key, ltd_gguf_number(value, i), item);
    }
    assert_true(isnan(ltd_gguf_number(value, value->count)));
}

static void every_value_type_is_read(void **state)
{
    (void)state;
    char path[1024];
    ltd_gguf *file = open_golden("gguf/metadata.gguf");
    assert_true(golden_path(path, sizeof path, "gguf/metadata.expected.json"));
    json_object *root = json_object_from_file(path);
    assert_non_null(root);
    json_object *metadata = json_object_object_get(root, "metadata");
    assert_non_null(metadata);
    size_t seen = 0;
    json_object_object_foreach(metadata, key, want)
    {
        const ltd_gguf_value *value = ltd_gguf_find(file, key);
        ltd_gguf_string text;
        /* The writer of the file drops empty strings; its expected.json still lists this one. */
        if (!value && strcmp(key, "t.string_empty") == 0) continue;
        if (!value) fail_msg("no key %s", key);
        seen++;
        if (json_object_is_type(want, json_type_array)) {
            check_array(key, value, want);
        } else if (json_object_is_type(want, json_type_string)) {
            assert_int_equal(ltd_gguf_get_string(file, key, &text, NULL), LTD_OK);
            check_string(key, text, want);
        } else {
            check_number(key, ltd_gguf_number(value, 0), want);
        }
    }
    assert_int_equal(seen, ltd_gguf_value_count(file));
    /* Larger than any i64: json-c and the double above round it, this must not. */
    int64_t whole;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_gguf_get_i64(file, "t.int64", &whole, NULL), LTD_OK);
    assert_true(whole == INT64_C(-4611686018427387904));
    assert_int_equal(ltd_gguf_get_i64(file, "t.uint64", &whole, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "t.uint64"));
    json_object_put(root);
    ltd_gguf_close(file);
}

static double element(const ltd_tensor_view *view, size_t i)
{
    int32_t word;
    float number;
    const uint8_t *p = view->data;
    switch (view->dtype) {
    case LTD_DTYPE_I8: return (int8_t)p[i];
    case LTD_DTYPE_I32: memcpy(&word, p + 4 * i, sizeof word); return word;
    case LTD_DTYPE_F32: memcpy(&number, p + 4 * i, sizeof number); return number;
    default: return NAN;
    }
}

static void tensors_keep_type_shape_and_bytes(void **state)
{
    (void)state;
    char path[1024];
    ltd_gguf *file = open_golden("gguf/metadata.gguf");
    assert_true(golden_path(path, sizeof path, "gguf/metadata.expected.json"));
    json_object *root = json_object_from_file(path);
    json_object *tensors = json_object_object_get(root, "tensors");
    assert_int_equal(ltd_gguf_tensor_count(file), json_object_object_length(tensors));
    json_object_object_foreach(tensors, name, want)
    {
        const ltd_tensor_view *view = ltd_gguf_tensor(file, name);
        if (!view) fail_msg("no tensor %s", name);
        assert_string_equal(ltd_dtype_name(view->dtype),
                            json_object_get_string(json_object_object_get(want, "type")));
        json_object *ne = json_object_object_get(want, "ne"); /* innermost first */
        size_t n = json_object_array_length(ne);
        assert_int_equal(view->n_dims, n);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(view->dims[n - 1 - i],
                             json_object_get_int64(json_object_array_get_idx(ne, i)));
        json_object *values = json_object_object_get(want, "values");
        assert_int_equal(ltd_tensor_view_count(view), json_object_array_length(values));
        for (size_t i = 0; i < json_object_array_length(values); i++)
            check_number(name, element(view, i), json_object_array_get_idx(values, i));
    }
    json_object_put(root);
    ltd_gguf_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_type_widens_as_the_reference_does),
        cmocka_unit_test(floats_round_to_the_references_blocks),
        cmocka_unit_test(packing_rounds_as_the_reference_does),
        cmocka_unit_test(every_value_type_is_read),
        cmocka_unit_test(tensors_keep_type_shape_and_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
