/* Models on disk: the tiny golden ones as they are, and copies of one with something changed. */
#define _XOPEN_SOURCE 700 /* realpath */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <json-c/json_object.h>
#include <json-c/json_tokener.h>
#include <json-c/json_util.h>
#include <json-c/linkhash.h>

#include "base/file.h"
#include "models/files/model_files.h"
#include "models/files/safetensors.h"
#include "tests/support/golden.h"
#include "tests/support/vectors.h"

static const char *golden(const char *name)
{
    static char path[1024];
    if (!golden_path(path, sizeof path, name)) fail_msg("no golden file %s", name);
    return path;
}

static ltd_model_files *open_model(const char *path)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_model_files *files = NULL;
    if (ltd_model_files_open(&files, path, &err) < 0) fail_msg("%s", err.msg);
    return files;
}

static void refused(const char *path, int code, const char *words)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_model_files *files = (ltd_model_files *)&err;
    int rc = ltd_model_files_open(&files, path, &err);
    if (rc != code)
        fail_msg("%s: code %d (%s), expected %d with '%s'", path, rc, err.msg, code, words);
    assert_null(files);
    if (!strstr(err.msg, words)) fail_msg("message is '%s', expected '%s' in it", err.msg, words);
}

/* --- a folder to change things in --- */

static char folder[] = "/tmp/ltd-model-XXXXXX";

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

static int clear_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"config.json",       "model.safetensors",
                                        "pytorch_model.bin", "model.safetensors.index.json",
                                        "a.safetensors",     "b.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(in_folder(names[i]));
    return 0;
}

static int remove_folder(void **state)
{
    clear_folder(state);
    return rmdir(folder);
}

static void link_golden(const char *name, const char *as)
{
    char real[4096];
    assert_non_null(realpath(golden(name), real));
    assert_int_equal(symlink(real, in_folder(as)), 0);
}

/* The golden config with a few members replaced: `changes` is an object; null stays as null. */
static void put_config(const char *golden_config, const char *changes)
{
    json_object *root = json_object_from_file(golden(golden_config));
    json_object *edits = json_tokener_parse(changes);
    assert_true(root && edits);
    json_object_object_foreach(edits, key, value)
    {
        json_object_object_add(root, key, json_object_get(value));
    }
    assert_int_equal(json_object_to_file(in_folder("config.json"), root), 0);
    json_object_put(root);
    json_object_put(edits);
}

/* --- the golden models --- */

static void same_but_for_the_rotation(const ltd_llm_config *a, const ltd_llm_config *b)
{
    assert_string_equal(a->arch, b->arch);
    assert_true(a->n_layers == b->n_layers && a->hidden == b->hidden && a->ffn == b->ffn);
    assert_true(a->n_heads == b->n_heads && a->n_kv_heads == b->n_kv_heads);
    assert_true(a->head_dim == b->head_dim && a->vocab == b->vocab && a->tied == b->tied);
    assert_true(a->max_context == b->max_context && a->rms_eps == b->rms_eps);
    assert_true(a->rope_theta == b->rope_theta);
    assert_true(a->bos == b->bos && a->eos == b->eos && a->pad == b->pad);
    assert_true(a->qkv_bias == b->qkv_bias && a->qk_norm == b->qk_norm && a->gelu == b->gelu);
    assert_true(a->post_norms == b->post_norms && a->embed_scale == b->embed_scale);
    assert_true(a->attn_scale == b->attn_scale && a->window == b->window);
    assert_true(a->rope_local_theta == b->rope_local_theta);
    assert_memory_equal(a->slides, b->slides, sizeof a->slides);
    vec_assert_close_rel("rope_div", a->rope_div, b->rope_div, (size_t)a->head_dim / 2, 1e-6);
}

static void both_forms_of_a_model_give_one_config(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"models/llama_gqa_tied", "gguf/llama_gqa_tied.Q4_1.gguf"},
        {"models/llama31_rope_scaled", "gguf/llama31_rope_freqs.Q8_0.gguf"},
        {"models/qwen2_bias", "gguf/qwen2_bias.Q8_0.gguf"},
        {"models/qwen3", "gguf/qwen3.Q8_0.gguf"},
    };
    for (size_t i = 0; i < 4; i++) {
        ltd_model_files *hf = open_model(golden(pairs[i][0]));
        ltd_model_files *gguf = open_model(golden(pairs[i][1]));
        const ltd_llm_config *a = ltd_model_files_config(hf), *b = ltd_model_files_config(gguf);
        same_but_for_the_rotation(a, b);
        assert_true(!a->rope_interleaved && b->rope_interleaved == (i < 2));
        assert_true(ltd_model_files_gguf(hf) == NULL && ltd_model_files_gguf(gguf) != NULL);
        ltd_model_files_close(hf);
        ltd_model_files_close(gguf);
    }
}

static void llama3_rope_is_kept_blended_and_stretched(void **state)
{
    (void)state;
    ltd_model_files *files = open_model(golden("models/llama31_rope_scaled"));
    const ltd_llm_config *c = ltd_model_files_config(files);
    assert_int_equal(c->head_dim, 16);
    assert_true(c->rope_theta == 500000);
    assert_true(c->rope_div[0] == 1);
    assert_true(c->rope_div[1] > 1 && c->rope_div[1] < 8); /* wavelength 32.4 of 64 / 4 .. 64 */
    for (int i = 2; i < 8; i++) assert_true(c->rope_div[i] == 8);
    ltd_model_files_close(files);
}

static void gemma_says_which_layers_slide_and_how_it_scales(void **state)
{
    (void)state;
    ltd_model_files *files = open_model(golden("models/gemma3_text"));
    const ltd_llm_config *c = ltd_model_files_config(files);
    assert_true(c->post_norms && c->qk_norm && c->gelu && c->norms_less_one && c->tied);
    assert_true(c->window == 16 && c->rope_theta == 1e6f && c->rope_local_theta == 1e4f);
    assert_true(c->slides[0] && !c->slides[1] && c->slides[2] && !c->slides[3]);
    assert_true(c->rope_div[0] == 8 && c->rope_div[15] == 8 && c->embed_scale == 8);
    assert_true(fabsf(c->attn_scale - 1 / sqrtf(24)) < 1e-7f);
    ltd_model_files_close(files);
    files = open_model(golden("gguf/gemma3_7l.Q8_0.gguf"));
    c = ltd_model_files_config(files);
    assert_true(!c->norms_less_one && !c->embed_rounded && !c->rope_interleaved && c->tied);
    assert_true(c->window == 12 && c->rope_theta == 1e6f && c->rope_local_theta == 1e4f);
    for (int i = 0; i < 7; i++) assert_true(c->slides[i] == (i != 5));
    assert_true(c->rope_div[0] == 8 && c->attn_scale == 1 / sqrtf(32));
    ltd_model_files_close(files);
}

static void keys_of_transformers_4_and_5_mean_the_same(void **state)
{
    static const char *const names[] = {"llama_gqa_tied", "vicuna_mha", "qwen2_bias", "qwen3",
                                        "gemma3_text"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[128];
        snprintf(name, sizeof name, "models/%s", names[i]);
        ltd_model_files *now = open_model(golden(name));
        snprintf(name, sizeof name, "models/%s/config_hub.json", names[i]);
        put_config(name, "{}");
        snprintf(name, sizeof name, "models/%s/model.safetensors", names[i]);
        link_golden(name, "model.safetensors");
        ltd_model_files *then = open_model(folder);
        same_but_for_the_rotation(ltd_model_files_config(now), ltd_model_files_config(then));
        ltd_model_files_close(now);
        ltd_model_files_close(then);
        clear_folder(state);
    }
    ltd_model_files *now = open_model(golden("models/llama31_rope_scaled"));
    put_config("models/llama31_rope_scaled/config_hub.json", "{}");
    link_golden("models/llama31_rope_scaled/model-00001-of-00002.safetensors", "a.safetensors");
    link_golden("models/llama31_rope_scaled/model-00002-of-00002.safetensors", "b.safetensors");
    json_object *index =
        json_object_from_file(golden("models/llama31_rope_scaled/model.safetensors.index.json"));
    json_object *map = json_object_object_get(index, "weight_map");
    json_object_object_foreach(map, key, value)
    {
        bool first = strstr(json_object_get_string(value), "00001") != NULL;
        json_object_set_string(value, first ? "a.safetensors" : "b.safetensors");
        (void)key;
    }
    assert_int_equal(json_object_to_file(in_folder("model.safetensors.index.json"), index), 0);
    ltd_model_files *then = open_model(folder);
    same_but_for_the_rotation(ltd_model_files_config(now), ltd_model_files_config(then));
    ltd_model_files_close(now);
    ltd_model_files_close(then);

    /* An index that tells of another file than the one that holds the tensor. */
    json_object_object_add(map, "model.norm.weight", json_object_new_string("a.safetensors"));
    assert_int_equal(json_object_to_file(in_folder("model.safetensors.index.json"), index), 0);
    refused(folder, LTD_EFORMAT, "model.norm.weight is in file b.safetensors, the index says a");
    json_object_object_add(map, "model.norm.weight", json_object_new_string("../a.safetensors"));
    assert_int_equal(json_object_to_file(in_folder("model.safetensors.index.json"), index), 0);
    refused(folder, LTD_EFORMAT, "'../a.safetensors', expected a plain name");
    json_object_put(index);
}

static void every_weight_has_its_shape_and_bytes(void **state)
{
    (void)state;
    ltd_model_files *hf = open_model(golden("models/llama_gqa_tied"));
    ltd_model_files *gguf = open_model(golden("gguf/llama_gqa_tied.F32.gguf"));
    int n_layers = ltd_model_files_config(hf)->n_layers;
    for (int layer = 0; layer < n_layers; layer++) {
        for (int w = 0; w < LTD_WEIGHT_COUNT; w++) {
            ltd_tensor_view a, b;
            if (w > LTD_WEIGHT_FFN_DOWN) { /* biases and norms that Llama lacks */
                assert_int_equal(ltd_model_files_weight(hf, (ltd_weight)w, layer, &a, NULL),
                                 LTD_WEIGHT_NONE);
                continue;
            }
            assert_int_equal(ltd_model_files_weight(hf, (ltd_weight)w, layer, &a, NULL), LTD_OK);
            assert_int_equal(ltd_model_files_weight(gguf, (ltd_weight)w, layer, &b, NULL), LTD_OK);
            assert_int_equal(a.n_dims, b.n_dims);
            assert_memory_equal(a.dims, b.dims, sizeof a.dims);
            assert_int_equal(a.bytes, b.bytes);
            bool permuted = w == LTD_WEIGHT_ATTN_Q || w == LTD_WEIGHT_ATTN_K;
            assert_int_equal(memcmp(a.data, b.data, a.bytes) == 0, !permuted);
        }
    }
    ltd_tensor_view embed, output, last;
    ltd_err err = LTD_ERR_INIT;
    ltd_model_files_weight(hf, LTD_WEIGHT_EMBED, 0, &embed, NULL);
    ltd_model_files_weight(hf, LTD_WEIGHT_OUTPUT, -1, &output, NULL);
    assert_ptr_equal(embed.data, output.data);
    assert_int_equal(ltd_model_files_weight(hf, LTD_WEIGHT_ATTN_Q, n_layers, &last, &err),
                     LTD_EINVAL);
    assert_int_equal(ltd_model_files_weight(hf, LTD_WEIGHT_ATTN_Q, -1, &last, &err), LTD_EINVAL);
    assert_int_equal(ltd_model_files_weight(hf, LTD_WEIGHT_COUNT, 0, &last, &err), LTD_EINVAL);
    float before = *(const float *)embed.data;
    ltd_model_files_forget(hf);
    ltd_model_files_forget(gguf);
    assert_true(*(const float *)embed.data == before);
    ltd_model_files_close(hf);
    ltd_model_files_close(gguf);
}

static void the_hash_is_that_of_the_file(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"gguf/llama_gqa_tied.Q4_0.gguf", "gguf/llama_gqa_tied.Q4_0.gguf"},
        {"models/vicuna_mha", "models/vicuna_mha/model.safetensors"},
    };
    for (size_t i = 0; i < 2; i++) {
        char hex[65], again[65], expected[65];
        ltd_file map;
        ltd_model_files *files = open_model(golden(names[i][0]));
        assert_int_equal(ltd_model_files_hash(files, hex, NULL), LTD_OK);
        assert_int_equal(ltd_model_files_hash(files, again, NULL), LTD_OK);
        assert_int_equal(ltd_file_map(&map, golden(names[i][1]), NULL), LTD_OK);
        ltd_file_sha256(expected, map.data, map.size);
        assert_string_equal(hex, expected);
        assert_string_equal(again, expected);
        assert_int_equal(ltd_model_files_bytes(files), map.size);
        assert_string_equal(ltd_model_files_path(files), golden(names[i][0]));
        ltd_file_unmap(&map);
        ltd_model_files_close(files);
    }
}

static void the_default_model_opens(void **state)
{
    (void)state;
    if (!default_model()) skip();
    ltd_model_files *files = open_model(default_model());
    const ltd_llm_config *c = ltd_model_files_config(files);
    assert_true(c->n_layers == 30 && c->hidden == 576 && c->ffn == 1536 && c->vocab == 49152);
    assert_true(c->n_heads == 9 && c->n_kv_heads == 3 && c->head_dim == 64 && c->tied);
    assert_true(c->rope_theta == 100000 && c->bos == 1 && c->eos == 2 && c->max_context == 8192);
    ltd_model_files_close(files);
}

/* --- refusals --- */

static void what_is_no_model_is_told_what_it_is(void **state)
{
    (void)state;
    refused("/nowhere/model.gguf", LTD_EIO, "/nowhere/model.gguf: No such file");
    refused("/dev/null", LTD_EIO, "neither a file nor a folder");
    refused(golden("models/vicuna_mha/model.safetensors"), LTD_EFORMAT,
            "is a safetensors file: give the folder");
    refused(golden("models/vicuna_mha/config.json"), LTD_EFORMAT, "is a text file");
    refused(golden("torchzip/dtypes.pt"), LTD_EFORMAT, "is a zip");
    refused(golden("malformed/empty.gguf"), LTD_EFORMAT, "is empty");
    refused(golden("gguf/metadata.gguf"), LTD_EFORMAT, "no metadata key llama.block_count");
    refused(golden("models"), LTD_EFORMAT, "has no config.json");
    put_config("models/vicuna_mha/config.json", "{}");
    refused(folder, LTD_EFORMAT, "neither model.safetensors nor");
    assert_int_equal(ltd_file_write(in_folder("pytorch_model.bin"), "x", 1, NULL), LTD_OK);
    refused(folder, LTD_EFORMAT, "convert it to safetensors");
}

static void configs_that_we_would_run_wrongly_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *changes, *words;
        int code;
    } cases[] = {
        {"{\"attention_bias\":true}", "attention_bias is true", LTD_EUNSUPPORTED},
        {"{\"mlp_bias\":true}", "mlp_bias", LTD_EUNSUPPORTED},
        {"{\"sliding_window\":128}", "sliding_window is 128", LTD_EUNSUPPORTED},
        {"{\"quantization_config\":{\"bits\":4}}", "quantization_config", LTD_EUNSUPPORTED},
        {"{\"hidden_act\":\"gelu\"}", "hidden_act is 'gelu'", LTD_EUNSUPPORTED},
        {"{\"model_type\":\"mixtral\"}", "the mixtral family", LTD_EUNSUPPORTED},
        {"{\"model_type\":null}", "no model_type", LTD_EFORMAT},
        {"{\"hidden_size\":null}", "has no key hidden_size", LTD_EFORMAT},
        {"{\"hidden_size\":64.0}", "hidden_size is 64.0, expected a whole number", LTD_EFORMAT},
        {"{\"hidden_size\":-1}", "hidden_size is -1", LTD_EFORMAT},
        {"{\"num_hidden_layers\":0}", "number of layers is 0", LTD_EFORMAT},
        {"{\"num_hidden_layers\":4}", "no weight model.layers.3.input_layernorm", LTD_EFORMAT},
        {"{\"num_hidden_layers\":2}", "tensor model.layers.2", LTD_EUNSUPPORTED},
        {"{\"num_attention_heads\":0}", "number of heads is 0", LTD_EFORMAT},
        {"{\"num_key_value_heads\":3}", "3 key/value heads do not divide 4", LTD_EFORMAT},
        {"{\"head_dim\":15}", "expected an even number", LTD_EFORMAT},
        {"{\"head_dim\":1024}", "width of a head is 1024", LTD_EFORMAT},
        {"{\"head_dim\":32}", "q_proj.weight is 64 x 64, expected 128 x 64", LTD_EFORMAT},
        {"{\"vocab_size\":321}", "embed_tokens.weight is 320 x 64, expected 321 x 64", LTD_EFORMAT},
        {"{\"tie_word_embeddings\":false}", "no weight lm_head.weight", LTD_EFORMAT},
        {"{\"rms_norm_eps\":0}", "rms_norm_eps is 0", LTD_EFORMAT},
        {"{\"eos_token_id\":[]}", "eos_token_id", LTD_EFORMAT},
        {"{\"rope_parameters\":{\"rope_type\":\"yarn\",\"factor\":4}}", "rope type 'yarn'",
         LTD_EUNSUPPORTED},
        {"{\"rope_parameters\":{\"rope_type\":\"llama3\",\"factor\":8}}", "no key low_freq_factor",
         LTD_EFORMAT},
        {"{\"rope_parameters\":3}", "no object", LTD_EFORMAT},
        {"{\"partial_rotary_factor\":0.5}", "partial_rotary_factor is 0.5", LTD_EUNSUPPORTED},
    };
    link_golden("models/llama_gqa_tied/model.safetensors", "model.safetensors");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_config("models/llama_gqa_tied/config.json", cases[i].changes);
        refused(folder, cases[i].code, cases[i].words);
    }
}

/* The same for what only some families have; `model` is a golden folder of one file. */
static void other_families_are_refused_as_exactly(void **state)
{
    static const struct {
        const char *model, *changes, *words;
        int code;
    } cases[] = {
        {"qwen3", "{\"attention_bias\":true}", "attention_bias is true", LTD_EUNSUPPORTED},
        {"qwen3", "{\"use_sliding_window\":true}", "use_sliding_window", LTD_EUNSUPPORTED},
        {"qwen3", "{\"model_type\":\"qwen3_moe\"}", "the qwen3_moe family", LTD_EUNSUPPORTED},
        {"qwen3", "{\"model_type\":\"qwen2\"}", "no weight model.layers.0.self_attn.q_proj.bias",
         LTD_EFORMAT},
        {"qwen3", "{\"model_type\":\"llama\"}", "k_norm.weight has no place", LTD_EUNSUPPORTED},
        {"qwen3", "{\"head_dim\":null}", "q_proj.weight is 96 x 64, expected 512 x 64",
         LTD_EFORMAT},
        {"qwen3", "{\"layer_types\":[\"full_attention\"]}", "no list of 3 layers", LTD_EFORMAT},
        {"qwen3", "{\"layer_types\":[\"full_attention\",\"sliding_attention\",null]}",
         "layer 1 is of type sliding_attention", LTD_EUNSUPPORTED},
        {"qwen3", "{\"rope_parameters\":{\"full_attention\":{},\"sliding_attention\":{}}}",
         "rope_parameters by kind of layer", LTD_EFORMAT},
        {"qwen2_bias", "{\"use_mrope\":true}", "use_mrope is true", LTD_EUNSUPPORTED},
        {"qwen2_bias", "{\"model_type\":\"llama\"}", "bias has no place", LTD_EUNSUPPORTED},
        {"gemma3_text", "{\"final_logit_softcapping\":30.0}", "softcapping is 30.0",
         LTD_EUNSUPPORTED},
        {"gemma3_text", "{\"attn_logit_softcapping\":50.0}", "softcapping is 50.0",
         LTD_EUNSUPPORTED},
        {"gemma3_text", "{\"use_bidirectional_attention\":true}", "bidirectional",
         LTD_EUNSUPPORTED},
        {"gemma3_text", "{\"hidden_activation\":\"silu\"}", "hidden_activation is 'silu'",
         LTD_EUNSUPPORTED},
        {"gemma3_text", "{\"sliding_window\":0}", "window is 0, expected 1", LTD_EFORMAT},
        {"gemma3_text", "{\"sliding_window_pattern\":0}", "pattern of sliding layers is 0",
         LTD_EFORMAT},
        {"gemma3_text", "{\"query_pre_attn_scalar\":-1}", "query_pre_attn_scalar is -1",
         LTD_EFORMAT},
        {"gemma3_text", "{\"rope_parameters\":{\"full_attention\":{}}}",
         "expected one object for each", LTD_EFORMAT},
        {"gemma3_text",
         "{\"rope_parameters\":{\"full_attention\":{},"
         "\"sliding_attention\":{\"rope_type\":\"linear\",\"factor\":2}}}",
         "'linear' of sliding layers", LTD_EUNSUPPORTED},
        {"gemma3_text", "{\"model_type\":\"gemma3\"}", "the gemma3 family", LTD_EUNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[128];
        snprintf(name, sizeof name, "models/%s/model.safetensors", cases[i].model);
        link_golden(name, "model.safetensors");
        snprintf(name, sizeof name, "models/%s/config.json", cases[i].model);
        put_config(name, cases[i].changes);
        refused(folder, cases[i].code, cases[i].words);
        clear_folder(state);
    }
}

static void harmless_keys_are_followed(void **state)
{
    (void)state;
    link_golden("models/llama_gqa_tied/model.safetensors", "model.safetensors");
    put_config("models/llama_gqa_tied/config.json",
               "{\"eos_token_id\":[7,8],\"pad_token_id\":-1,\"head_dim\":null,"
               "\"max_position_embeddings\":null,\"sliding_window\":null,"
               "\"rope_parameters\":{\"rope_type\":\"linear\",\"factor\":4,\"rope_theta\":5000}}");
    ltd_model_files *files = open_model(folder);
    const ltd_llm_config *c = ltd_model_files_config(files);
    assert_true(c->eos == 7 && c->pad == -1 && c->head_dim == 16 && c->max_context == 2048);
    assert_true(c->rope_theta == 5000 && c->rope_div[0] == 4 && c->rope_div[7] == 4);
    ltd_model_files_close(files);
}

/* The golden model with one tensor left out (`without`), and one more (`extra`). */
static void put_weights(const char *without, const ltd_tensor_view *extra)
{
    ltd_safetensors *file = vec_open("models/llama_gqa_tied/model.safetensors");
    size_t n = 0;
    ltd_tensor_view views[64];
    for (size_t i = 0; i < ltd_safetensors_tensor_count(file); i++) {
        const ltd_tensor_view *view = ltd_safetensors_tensor_at(file, i);
        if (!without || strcmp(view->name, without) != 0) views[n++] = *view;
    }
    if (extra) views[n++] = *extra;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_safetensors_write(in_folder("model.safetensors"), views, n, NULL, NULL, 0, &err) < 0)
        fail_msg("%s", err.msg);
    ltd_safetensors_close(file);
}

static void weights_are_all_there_and_nothing_else(void **state)
{
    (void)state;
    static const float zeros[64 * 64] = {0};
    ltd_tensor_view extra = {
        "model.layers.0.self_attn.q_proj.bias", LTD_DTYPE_F32, 1, {64}, zeros, 256};
    put_config("models/llama_gqa_tied/config.json", "{}");
    put_weights("model.layers.1.mlp.up_proj.weight", NULL);
    refused(folder, LTD_EFORMAT, "no weight model.layers.1.mlp.up_proj.weight");
    put_weights(NULL, &extra);
    refused(folder, LTD_EUNSUPPORTED, "tensor model.layers.0.self_attn.q_proj.bias has no place");
    extra.name = "model.layers.0.self_attn.rotary_emb.inv_freq"; /* old checkpoints have it */
    put_weights(NULL, &extra);
    ltd_model_files_close(open_model(folder));
    extra.name = "model.norm.weight";
    extra.n_dims = 2;
    extra.dims[0] = 8;
    extra.dims[1] = 8;
    put_weights("model.norm.weight", &extra);
    refused(folder, LTD_EFORMAT, "weight model.norm.weight is 8 x 8, expected 64");
    extra = (ltd_tensor_view){"model.norm.weight", LTD_DTYPE_I32, 1, {64}, zeros, 256};
    put_weights("model.norm.weight", &extra);
    refused(folder, LTD_EUNSUPPORTED, "model.norm.weight is of type I32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_of_a_model_give_one_config),
        cmocka_unit_test(llama3_rope_is_kept_blended_and_stretched),
        cmocka_unit_test(gemma_says_which_layers_slide_and_how_it_scales),
        cmocka_unit_test_teardown(keys_of_transformers_4_and_5_mean_the_same, clear_folder),
        cmocka_unit_test(every_weight_has_its_shape_and_bytes),
        cmocka_unit_test(the_hash_is_that_of_the_file),
        cmocka_unit_test(the_default_model_opens),
        cmocka_unit_test_teardown(what_is_no_model_is_told_what_it_is, clear_folder),
        cmocka_unit_test_teardown(configs_that_we_would_run_wrongly_are_refused, clear_folder),
        cmocka_unit_test_teardown(other_families_are_refused_as_exactly, clear_folder),
        cmocka_unit_test_teardown(harmless_keys_are_followed, clear_folder),
        cmocka_unit_test_teardown(weights_are_all_there_and_nothing_else, clear_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
