/* Gemma's embedding times sqrt(hidden), as transformers rounds the factor: on a model of one layer
 * that is made here, since the golden ones have a factor of 8. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "models/files/safetensors.h"
#include "tests/support/engine.h"

enum { HIDDEN = 96, HEAD_DIM = 32, FFN = 32, VOCAB = 8, MOST = VOCAB * HIDDEN };

static char folder[] = "/tmp/ltd-gemma-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(in_folder("config.json"));
    unlink(in_folder("model.safetensors"));
    return rmdir(folder);
}

/* Element i of the embedding: 1/8 to 1, a value of every type. */
static float value(int i)
{
    return (float)(1 + i % 8) / 8;
}

/* All weights are zero but the embedding. */
static void put_model(ltd_dtype dtype)
{
    static const struct {
        const char *name;
        int64_t rows, cols;
    } tensors[] = {
        {"model.embed_tokens.weight", VOCAB, HIDDEN},
        {"model.norm.weight", HIDDEN, 0},
        {"model.layers.0.input_layernorm.weight", HIDDEN, 0},
        {"model.layers.0.post_attention_layernorm.weight", HIDDEN, 0},
        {"model.layers.0.pre_feedforward_layernorm.weight", HIDDEN, 0},
        {"model.layers.0.post_feedforward_layernorm.weight", HIDDEN, 0},
        {"model.layers.0.self_attn.q_norm.weight", HEAD_DIM, 0},
        {"model.layers.0.self_attn.k_norm.weight", HEAD_DIM, 0},
        {"model.layers.0.self_attn.q_proj.weight", HEAD_DIM, HIDDEN},
        {"model.layers.0.self_attn.k_proj.weight", HEAD_DIM, HIDDEN},
        {"model.layers.0.self_attn.v_proj.weight", HEAD_DIM, HIDDEN},
        {"model.layers.0.self_attn.o_proj.weight", HIDDEN, HEAD_DIM},
        {"model.layers.0.mlp.gate_proj.weight", FFN, HIDDEN},
        {"model.layers.0.mlp.up_proj.weight", FFN, HIDDEN},
        {"model.layers.0.mlp.down_proj.weight", HIDDEN, FFN},
    };
    enum { N = sizeof tensors / sizeof *tensors };
    static const uint8_t zeros[FFN * HIDDEN * 4];
    static uint8_t embed[MOST * 4];
    static const char config[] =
        "{\"model_type\":\"gemma3_text\",\"hidden_size\":96,\"head_dim\":32,\"num_hidden_layers\":"
        "1,"
        "\"intermediate_size\":32,\"num_attention_heads\":1,\"num_key_value_heads\":1,"
        "\"vocab_size\":8}";
    ltd_tensor_view views[N];
    ltd_err err = LTD_ERR_INIT;
    size_t size = ltd_dtype_block_bytes(dtype);
    for (int i = 0; i < MOST; i++) {
        float f = value(i);
        uint16_t half = ltd_f32_to_f16(f);
        const void *from = dtype == LTD_DTYPE_F16    ? (const void *)&half
                           : dtype == LTD_DTYPE_BF16 ? (const char *)&f + 2
                                                     : (const char *)&f;
        memcpy(embed + (size_t)i * size, from, size);
    }
    for (int i = 0; i < N; i++) {
        int64_t cols = tensors[i].cols ? tensors[i].cols : 1;
        views[i] =
            (ltd_tensor_view){tensors[i].name,         dtype,
                              tensors[i].cols ? 2 : 1, {tensors[i].rows, cols, 1, 1, 1, 1, 1, 1},
                              i ? zeros : embed,       (size_t)(tensors[i].rows * cols) * size};
    }
    if (ltd_safetensors_write(in_folder("model.safetensors"), views, N, NULL, NULL, 0, &err) < 0 ||
        ltd_file_write(in_folder("config.json"), config, sizeof config - 1, &err) < 0)
        fail_msg("%s", err.msg);
}

static void check_scale(ltd_dtype dtype, ltd_load_dtype load, float scale)
{
    ltd_err err = LTD_ERR_INIT;
    put_model(dtype);
    ltd_llama *model = engine_model(folder, load, 16, NULL);
    ltd_session *s = engine_session(model, &(ltd_session_options){16, 8, false, false, 1});
    ltd_rows rows = {1, (int32_t[]){3}, NULL, 0};
    assert_int_equal(ltd_session_set_taps(s, (int32_t[]){0, 1, 0}, 3, &err), 0);
    assert_int_equal(ltd_session_forward(s, &rows, &err), 0);
    const float *x = ltd_session_features(s, 0);
    float raw[HIDDEN];
    ltd_llama_embed(model, 3, raw);
    for (int k = 0; k < HIDDEN; k++) {
        assert_true(raw[k] == value(3 * HIDDEN + k));
        if (x[k] != raw[k] * scale)
            fail_msg("column %d: %.9g, expected %.9g x %.9g", k, (double)x[k], (double)raw[k],
                     (double)scale);
        assert_true(x[HIDDEN + k] == x[k]); /* a layer of zeros adds nothing */
    }
    ltd_session_free(s);
    ltd_llama_close(model);
}

static void the_factor_has_the_type_of_the_embedding(void **state)
{
    (void)state;
    check_scale(LTD_DTYPE_F32, LTD_LOAD_FILE, sqrtf(96)); /* 9.79796 */
    check_scale(LTD_DTYPE_BF16, LTD_LOAD_FILE, 9.8125f);
    check_scale(LTD_DTYPE_F16, LTD_LOAD_FILE, 9.796875f);
    check_scale(LTD_DTYPE_BF16, LTD_LOAD_F32, sqrtf(96));
    check_scale(LTD_DTYPE_BF16, LTD_LOAD_F16, 9.796875f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_factor_has_the_type_of_the_embedding),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
