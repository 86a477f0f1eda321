/* Loading a head.  Tensor names are EAGLE's; every shape is checked against config.json, and
 * config.json against the target. */
#include "models/llm/eagle3.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "models/files/safetensors.h"
#include "models/llm/eagle3_priv.h"

static int get_i32(ltd_json root, const char *key, int32_t *ret, ltd_err *err)
{
    int64_t v;
    int rc = ltd_json_get_int(root, key, 1, 1 << 24, &v, err);
    if (rc == LTD_OK) *ret = (int32_t)v;
    return rc;
}

static int read_config(ltd_json root, const char *name, ltd_eagle3_config *c, ltd_err *err)
{
    double eps = 1e-6, theta = 10000;
    int rc = get_i32(root, "hidden_size", &c->hidden, err);
    if (rc == LTD_OK) rc = get_i32(root, "intermediate_size", &c->ffn, err);
    if (rc == LTD_OK) rc = get_i32(root, "num_attention_heads", &c->heads, err);
    c->kv_heads = c->heads;
    if (rc == LTD_OK && ltd_json_has(root, "num_key_value_heads"))
        rc = get_i32(root, "num_key_value_heads", &c->kv_heads, err);
    if (rc == LTD_OK) rc = get_i32(root, "vocab_size", &c->vocab, err);
    c->draft_vocab = c->vocab;
    if (rc == LTD_OK && ltd_json_has(root, "draft_vocab_size"))
        rc = get_i32(root, "draft_vocab_size", &c->draft_vocab, err);
    if (rc == LTD_OK && ltd_json_has(root, "rms_norm_eps"))
        rc = ltd_json_get_f64(root, "rms_norm_eps", &eps, err);
    if (rc == LTD_OK && ltd_json_has(root, "rope_theta"))
        rc = ltd_json_get_f64(root, "rope_theta", &theta, err);
    if (rc < 0) return rc;
    if (ltd_json_has(root, "rope_scaling"))
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: key 'rope_scaling' is set, expected null",
                        name);
    if (c->hidden % c->heads || c->heads % c->kv_heads)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: %d heads over hidden %d and %d kv heads don't divide", name, c->heads,
                        c->hidden, c->kv_heads);
    c->head_dim = c->hidden / c->heads; /* EAGLE ignores a head_dim key */
    c->eps = (float)eps;
    c->rope_theta = (float)theta;
    return LTD_OK;
}

static int check_target(const ltd_eagle3_config *c, const ltd_llama *target, const char *folder,
                        ltd_err *err)
{
    const ltd_llm_config *t = ltd_llama_config(target);
    int32_t taps[3];
    if (c->hidden != t->hidden || c->vocab != t->vocab)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "draft head %s: hidden %d and vocabulary %d, but model %s has %d and %d",
                        folder, c->hidden, c->vocab, ltd_llama_path(target), t->hidden, t->vocab);
    if (!ltd_llama_taps(target, taps))
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "draft head %s: model %s has %d layers, EAGLE-3's features need at least 7",
                        folder, ltd_llama_path(target), t->n_layers);
    if (c->hidden % 8 || c->ffn % 4 || c->head_dim % 8 || c->head_dim > LTD_MAX_HEAD_DIM)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "draft head %s: hidden %d, ffn %d, head_dim %d: expected multiples of 8, 4 "
                        "and 8",
                        folder, c->hidden, c->ffn, c->head_dim);
    return LTD_OK;
}

static int find(const ltd_safetensors *file, const char *name, int64_t rows, int64_t cols,
                const ltd_tensor_view **ret, ltd_err *err)
{
    const ltd_tensor_view *v = ltd_safetensors_tensor(file, name);
    if (!v) return ltd_fail(err, LTD_EFORMAT, "tensor %s: missing", name);
    int64_t found_cols = v->n_dims > 1 ? v->dims[1] : 1;
    if (v->n_dims > 2 || v->n_dims < 1 || v->dims[0] != rows || found_cols != cols)
        return ltd_fail(err, LTD_EFORMAT, "tensor %s: shape %lld x %lld, expected %lld x %lld",
                        name, (long long)v->dims[0], (long long)found_cols, (long long)rows,
                        (long long)cols);
    *ret = v;
    return LTD_OK;
}

static int load_vector(const ltd_safetensors *file, const char *name, int32_t n, float **ret,
                       ltd_err *err)
{
    const ltd_tensor_view *v = NULL;
    int rc = find(file, name, n, 1, &v, err);
    if (rc < 0) return rc;
    if (!(*ret = ltd_mem_aligned((size_t)n, sizeof **ret)))
        return ltd_fail(err, LTD_ENOMEM, "tensor %s: no memory", name);
    rc = ltd_dtype_to_f32(*ret, v->data, v->dtype, n, err);
    return rc < 0 ? ltd_err_prefix(err, rc, "tensor %s", name) : LTD_OK;
}

typedef struct part {
    const char *name;
    int64_t rows;
} part;

/* Tensors one below the other as one matrix. */
static int load_stack(const ltd_safetensors *file, const part *parts, int n, int64_t cols,
                      ltd_load_dtype dtype, ltd_packed *ret, ltd_err *err)
{
    const ltd_tensor_view *v = NULL;
    int64_t rows = 0;
    for (int i = 0; i < n; i++) {
        int rc = find(file, parts[i].name, parts[i].rows, cols, &v, err);
        if (rc < 0) return rc;
        rows += parts[i].rows;
    }
    ltd_pack_kind kind = LTD_PACK_F32;
    int rc = LTD_OK;
    if (dtype == LTD_LOAD_Q8 && cols % 32 == 0)
        kind = LTD_PACK_Q8;
    else if (dtype == LTD_LOAD_F16)
        kind = LTD_PACK_F16;
    else if (dtype == LTD_LOAD_FILE)
        rc = ltd_pack_kind_of(v->dtype, &kind, err);
    if (rc == LTD_OK) rc = ltd_pack_init(ret, (int32_t)rows, (int32_t)cols, kind, err);
    int32_t row = 0;
    for (int i = 0; rc == LTD_OK && i < n; i++) {
        rc = find(file, parts[i].name, parts[i].rows, cols, &v, err);
        if (rc == LTD_OK) rc = ltd_pack_rows(ret, row, v, NULL, err);
        row += (int32_t)parts[i].rows;
    }
    return rc;
}

/* d2t: target id = draft id + offset; without it both vocabularies are the same. */
static int load_map(ltd_eagle3 *head, const ltd_safetensors *file, ltd_err *err)
{
    const ltd_eagle3_config *c = &head->config;
    const ltd_tensor_view *v = NULL;
    head->target_id = ltd_mem_zeros((size_t)c->draft_vocab, sizeof(int32_t));
    if (!head->target_id) return ltd_fail(err, LTD_ENOMEM, "tensor d2t: no memory");
    if (ltd_safetensors_tensor(file, "d2t") || c->draft_vocab != c->vocab) {
        int rc = find(file, "d2t", c->draft_vocab, 1, &v, err);
        if (rc < 0) return rc;
        if (v->dtype != LTD_DTYPE_I64)
            return ltd_fail(err, LTD_EFORMAT, "tensor d2t: type %s, expected I64",
                            ltd_dtype_name(v->dtype));
    }
    for (int32_t i = 0; i < c->draft_vocab; i++) {
        int64_t offset = 0;
        if (v) memcpy(&offset, (const uint8_t *)v->data + 8 * (size_t)i, 8);
        if (offset < -(int64_t)i || offset >= c->vocab - i)
            return ltd_fail(err, LTD_EFORMAT,
                            "tensor d2t: entry %d maps to token %lld, expected 0 to %d", i,
                            (long long)(i + offset), c->vocab - 1);
        head->target_id[i] = (int32_t)(i + offset);
    }
    return LTD_OK;
}

static int load_weights(ltd_eagle3 *head, const ltd_safetensors *file, ltd_load_dtype dtype,
                        ltd_err *err)
{
    const ltd_eagle3_config *c = &head->config;
    int64_t h = c->hidden, kv = (int64_t)c->kv_heads * c->head_dim;
    const part fc[] = {{"fc.weight", h}};
    const part qkv[] = {{"midlayer.self_attn.q_proj.weight", h},
                        {"midlayer.self_attn.k_proj.weight", kv},
                        {"midlayer.self_attn.v_proj.weight", kv}};
    const part out[] = {{"midlayer.self_attn.o_proj.weight", h}};
    const part gate_up[] = {{"midlayer.mlp.gate_proj.weight", c->ffn},
                            {"midlayer.mlp.up_proj.weight", c->ffn}};
    const part down[] = {{"midlayer.mlp.down_proj.weight", h}};
    const part lm_head[] = {{"lm_head.weight", c->draft_vocab}};
    int rc = load_stack(file, fc, 1, 3 * h, dtype, &head->fc, err);
    if (rc == LTD_OK) rc = load_stack(file, qkv, 3, 2 * h, dtype, &head->qkv, err);
    if (rc == LTD_OK) rc = load_stack(file, out, 1, h, dtype, &head->out, err);
    if (rc == LTD_OK) rc = load_stack(file, gate_up, 2, h, dtype, &head->gate_up, err);
    if (rc == LTD_OK) rc = load_stack(file, down, 1, c->ffn, dtype, &head->down, err);
    if (rc == LTD_OK) rc = load_stack(file, lm_head, 1, h, dtype, &head->lm_head, err);
    if (rc == LTD_OK)
        rc =
            load_vector(file, "midlayer.input_layernorm.weight", c->hidden, &head->input_norm, err);
    if (rc == LTD_OK)
        rc = load_vector(file, "midlayer.hidden_norm.weight", c->hidden, &head->hidden_norm, err);
    if (rc == LTD_OK)
        rc = load_vector(file, "midlayer.post_attention_layernorm.weight", c->hidden,
                         &head->post_norm, err);
    if (rc == LTD_OK) rc = load_vector(file, "norm.weight", c->hidden, &head->norm, err);
    if (rc == LTD_OK) rc = load_map(head, file, err);
    return rc;
}

static int open_files(ltd_eagle3 *head, const char *folder, ltd_load_dtype dtype, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_file text = {0}, weights = {0};
    ltd_json_doc *doc = NULL;
    ltd_safetensors *file = NULL;
    if (snprintf(path, sizeof path, "%s/config.json", folder) >= (int)sizeof path)
        return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", folder);
    int rc = ltd_file_map(&text, path, err);
    if (rc == LTD_OK) rc = ltd_json_parse(&doc, path, text.data, text.size, err);
    if (rc == LTD_OK) rc = read_config(ltd_json_root(doc), path, &head->config, err);
    if (rc == LTD_OK) rc = check_target(&head->config, head->target, folder, err);
    if (rc == LTD_OK) {
        snprintf(path, sizeof path, "%s/model.safetensors", folder);
        rc = ltd_file_map(&weights, path, err);
    }
    if (rc == LTD_OK) rc = ltd_safetensors_parse(&file, weights.data, weights.size, path, err);
    if (rc == LTD_OK) {
        ltd_file_sha256(head->hash, weights.data, weights.size);
        rc = load_weights(head, file, dtype, err);
        if (rc < 0) ltd_err_prefix(err, rc, "draft head %s", path);
    }
    ltd_safetensors_close(file);
    ltd_json_free(doc);
    ltd_file_unmap(&weights);
    ltd_file_unmap(&text);
    return rc;
}

int ltd_eagle3_open(ltd_eagle3 **ret, const char *folder, const ltd_llama *target,
                    ltd_load_dtype dtype, ltd_err *err)
{
    *ret = NULL;
    ltd_eagle3 *head = ltd_mem_zeros(1, sizeof *head);
    if (!head || !(head->path = ltd_mem_strdup(folder))) {
        free(head);
        return ltd_fail(err, LTD_ENOMEM, "draft head %s: no memory", folder);
    }
    head->target = target;
    int rc = open_files(head, folder, dtype, err);
    if (rc < 0) {
        ltd_eagle3_close(head);
        return rc;
    }
    *ret = head;
    return LTD_OK;
}

void ltd_eagle3_close(ltd_eagle3 *head)
{
    if (!head) return;
    ltd_packed *packed[] = {&head->fc,      &head->qkv,  &head->out,
                            &head->gate_up, &head->down, &head->lm_head};
    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++) ltd_pack_fini(packed[i]);
    free(head->input_norm);
    free(head->hidden_norm);
    free(head->post_norm);
    free(head->norm);
    free(head->target_id);
    free(head->path);
    free(head);
}

const ltd_eagle3_config *ltd_eagle3_get_config(const ltd_eagle3 *head)
{
    return &head->config;
}
const char *ltd_eagle3_path(const ltd_eagle3 *head)
{
    return head->path;
}
const char *ltd_eagle3_hash(const ltd_eagle3 *head)
{
    return head->hash;
}
