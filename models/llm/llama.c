/* Loading: every matrix goes from the file into the kernels' layout, q/k/v and gate/up side by side
 * so that one pass of the pool computes them.  Interleaved rotary pairs (llama-arch GGUF) become
 * half-split ones by reordering the rows of q and k: dot products don't change, and one rotary
 * kernel serves both. */
#include "models/llm/llama.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/llm/llama_priv.h"

/* Weights[n] of a layer, vectors one after the other.  *ret stays NULL when the family has none. */
static int load_vectors(const ltd_model_files *files, const ltd_weight *weights, int n, int layer,
                        float **ret, ltd_err *err)
{
    ltd_tensor_view v[3];
    int64_t count = 0;
    int rc = LTD_OK;
    for (int i = 0; i < n; i++) {
        rc = ltd_model_files_weight(files, weights[i], layer, &v[i], err);
        if (rc != LTD_OK) return rc < 0 ? rc : LTD_OK;
        count += ltd_tensor_view_count(&v[i]);
    }
    float *f = ltd_mem_aligned((size_t)count, sizeof *f), *to = f;
    if (!f) return ltd_fail(err, LTD_ENOMEM, "tensor %s: no memory", v[0].name);
    for (int i = 0; rc == LTD_OK && i < n; i++) {
        int64_t m = ltd_tensor_view_count(&v[i]);
        rc = ltd_dtype_to_f32(to, v[i].data, v[i].dtype, m, err);
        if (rc < 0) ltd_err_prefix(err, rc, "tensor %s", v[i].name);
        to += m;
    }
    if (rc < 0)
        free(f);
    else
        *ret = f;
    return rc;
}

static int load_norm(const ltd_model_files *files, ltd_weight weight, int layer, float **ret,
                     ltd_err *err)
{
    int rc = load_vectors(files, &weight, 1, layer, ret, err);
    const ltd_llm_config *c = ltd_model_files_config(files);
    if (rc < 0 || !*ret || !c->norms_less_one) return rc;
    bool of_head = weight == LTD_WEIGHT_ATTN_Q_NORM || weight == LTD_WEIGHT_ATTN_K_NORM;
    for (int32_t i = 0; i < (of_head ? c->head_dim : c->hidden); i++) (*ret)[i] += 1;
    return LTD_OK;
}

/* How a matrix is kept.  Blocks are 32 wide: what doesn't divide into them becomes halves. */
static int kind_for(const ltd_tensor_view *v, ltd_load_dtype load, ltd_pack_kind *ret, ltd_err *err)
{
    bool blocks = v->dims[1] % 32 == 0;
    int rc = LTD_OK;
    switch (load) {
    case LTD_LOAD_F32: *ret = LTD_PACK_F32; break;
    case LTD_LOAD_F16: *ret = LTD_PACK_F16; break;
    case LTD_LOAD_Q8: *ret = blocks ? LTD_PACK_Q8 : LTD_PACK_F16; break;
    case LTD_LOAD_Q4: *ret = blocks ? LTD_PACK_Q4 : LTD_PACK_F16; break;
    default: rc = ltd_pack_kind_of(v->dtype, ret, err); break;
    }
    return rc < 0 ? ltd_err_prefix(err, rc, "tensor %s", v->name) : rc;
}

/* Row order that turns interleaved pairs into half-split ones, [heads * head_dim]. */
static int32_t *half_split_order(int32_t heads, int32_t head_dim)
{
    int32_t *order = ltd_mem_zeros((size_t)heads * (size_t)head_dim, sizeof *order);
    for (int32_t h = 0; order && h < heads; h++)
        for (int32_t i = 0; i < head_dim; i++)
            order[h * head_dim + i] =
                h * head_dim + (i < head_dim / 2 ? 2 * i : 2 * (i - head_dim / 2) + 1);
    return order;
}

/* One tensor's rows from row0 on. */
static int pack_tensor(ltd_pool *pool, ltd_packed *w, int32_t row0, const ltd_tensor_view *v,
                       bool half_split, int32_t head_dim, ltd_err *err)
{
    int32_t *order = NULL;
    if (half_split && !(order = half_split_order((int32_t)v->dims[0] / head_dim, head_dim)))
        return ltd_fail(err, LTD_ENOMEM, "tensor %s: no memory", v->name);
    int rc = ltd_pack_rows_pooled(pool, w, row0, v, order, err);
    free(order);
    return rc;
}

/* Weights[n] of a layer, rows one after the other: one matrix, or one each where their kinds differ
 * (floats where rows don't come in eights then). */
static int load_stack(const ltd_model_files *files, const ltd_weight *weights, int n, int layer,
                      ltd_load_dtype load, const ltd_llama *model, ltd_stack *ret, ltd_err *err)
{
    const ltd_llm_config *c = ltd_model_files_config(files);
    ltd_tensor_view v[3];
    ltd_pack_kind kind[3];
    int64_t out = 0;
    bool same = true, eights = true;
    for (int i = 0; i < n; i++) {
        int rc = ltd_model_files_weight(files, weights[i], layer, &v[i], err);
        if (rc == LTD_OK) rc = kind_for(&v[i], load, &kind[i], err);
        if (rc < 0) return rc;
        same = same && kind[i] == kind[0];
        eights = eights && v[i].dims[0] % 8 == 0;
        out += v[i].dims[0];
    }
    if (out > INT32_MAX || v[0].dims[1] > INT32_MAX)
        return ltd_fail(err, LTD_EUNSUPPORTED, "tensor %s: too large", v[0].name);
    if (!same && !eights) kind[0] = LTD_PACK_F32;
    bool split = !same && eights;
    int32_t row = 0;
    for (int i = 0; i < n; i++) {
        ltd_packed *w = &ret->part[split ? i : 0];
        int rc = LTD_OK;
        if (split || i == 0)
            rc = ltd_pack_init(w, (int32_t)(split ? v[i].dims[0] : out), (int32_t)v[0].dims[1],
                               kind[i], model->arena, err);
        if (rc < 0) return ltd_err_prefix(err, rc, "tensor %s", v[i].name);
        bool rotary = weights[i] == LTD_WEIGHT_ATTN_Q || weights[i] == LTD_WEIGHT_ATTN_K;
        rc = pack_tensor(model->pool, w, split ? 0 : row, &v[i], rotary && c->rope_interleaved,
                         c->head_dim, err);
        if (rc < 0) return rc;
        row += (int32_t)v[i].dims[0];
    }
    ret->parts = split ? n : 1;
    return LTD_OK;
}

static int load_matrix(const ltd_model_files *files, ltd_weight weight, int layer,
                       ltd_load_dtype load, const ltd_llama *model, ltd_packed *ret, ltd_err *err)
{
    ltd_stack stack = {0};
    int rc = load_stack(files, &weight, 1, layer, load, model, &stack, err);
    *ret = stack.part[0];
    return rc;
}

static int load_norms(ltd_llama_layer *l, const ltd_model_files *files, int i, ltd_err *err)
{
    static const ltd_weight bias[] = {LTD_WEIGHT_ATTN_Q_BIAS, LTD_WEIGHT_ATTN_K_BIAS,
                                      LTD_WEIGHT_ATTN_V_BIAS};
    int rc = load_norm(files, LTD_WEIGHT_ATTN_NORM, i, &l->attn_norm, err);
    if (rc == LTD_OK) rc = load_norm(files, LTD_WEIGHT_FFN_NORM, i, &l->ffn_norm, err);
    if (rc == LTD_OK) rc = load_norm(files, LTD_WEIGHT_ATTN_Q_NORM, i, &l->q_norm, err);
    if (rc == LTD_OK) rc = load_norm(files, LTD_WEIGHT_ATTN_K_NORM, i, &l->k_norm, err);
    if (rc == LTD_OK) rc = load_norm(files, LTD_WEIGHT_ATTN_POST_NORM, i, &l->attn_post_norm, err);
    if (rc == LTD_OK) rc = load_norm(files, LTD_WEIGHT_FFN_POST_NORM, i, &l->ffn_post_norm, err);
    if (rc == LTD_OK) rc = load_vectors(files, bias, 3, i, &l->qkv_bias, err);
    return rc;
}

static int load_layer(ltd_llama *model, const ltd_model_files *files, int i, ltd_load_dtype load,
                      ltd_err *err)
{
    static const ltd_weight qkv[] = {LTD_WEIGHT_ATTN_Q, LTD_WEIGHT_ATTN_K, LTD_WEIGHT_ATTN_V};
    static const ltd_weight gate_up[] = {LTD_WEIGHT_FFN_GATE, LTD_WEIGHT_FFN_UP};
    ltd_llama_layer *l = &model->layers[i];
    int rc = load_norms(l, files, i, err);
    if (rc == LTD_OK) rc = load_stack(files, qkv, 3, i, load, model, &l->qkv, err);
    if (rc == LTD_OK) rc = load_matrix(files, LTD_WEIGHT_ATTN_OUT, i, load, model, &l->out, err);
    if (rc == LTD_OK) rc = load_stack(files, gate_up, 2, i, load, model, &l->gate_up, err);
    if (rc == LTD_OK) rc = load_matrix(files, LTD_WEIGHT_FFN_DOWN, i, load, model, &l->down, err);
    return rc;
}

static int check_shape(const ltd_llm_config *c, ltd_err *err)
{
    if (c->hidden % 8 || c->ffn % 4 || c->head_dim % 8 || c->head_dim > LTD_MAX_HEAD_DIM)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "hidden %d, ffn %d, head_dim %d: expected multiples of 8, 4 and 8, and "
                        "head_dim at most %d",
                        c->hidden, c->ffn, c->head_dim, LTD_MAX_HEAD_DIM);
    if (c->n_heads / c->n_kv_heads > LTD_ATTN_GROUP)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%d heads share %d key/value heads: expected at most %d to share one",
                        c->n_heads, c->n_kv_heads, LTD_ATTN_GROUP);
    return LTD_OK;
}

/* The nearest float whose lower half is zero, ties to even. */
static float round_to_bf16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* transformers multiplies in the type of the embedding, and rounds the factor to it first. */
static float embed_scale(const ltd_llm_config *c, ltd_pack_kind kind)
{
    float f = c->embed_scale;
    if (!c->embed_rounded) return f;
    if (kind == LTD_PACK_F16) return ltd_f16_to_f32(ltd_f32_to_f16(f));
    return kind == LTD_PACK_BF16 ? round_to_bf16(f) : f;
}

/* The file's own type, or the one that the weights were rounded to. */
static const char *kind_name(ltd_pack_kind kind, ltd_load_dtype load, const ltd_model_files *files)
{
    ltd_tensor_view v;
    if (load == LTD_LOAD_FILE &&
        ltd_model_files_weight(files, LTD_WEIGHT_ATTN_Q, 0, &v, NULL) == LTD_OK)
        return ltd_dtype_name(v.dtype);
    if (kind == LTD_PACK_Q8) return "Q8_0";
    if (kind == LTD_PACK_Q4) return "Q4_1";
    return kind == LTD_PACK_F16 ? "F16" : "F32";
}

/* Weights serve without a tokenizer: whoever needs one says what was wrong with it. */
static void load_tokenizer(ltd_llama *model, const ltd_model_files *files)
{
    const ltd_gguf *gguf = ltd_model_files_gguf(files);
    if (!gguf)
        ltd_tokenizer_from_folder(&model->tokenizer, model->path, &model->no_tokenizer);
    else if (ltd_gguf_find(gguf, "tokenizer.ggml.tokens"))
        ltd_tokenizer_from_gguf(&model->tokenizer, gguf, &model->no_tokenizer);
    else
        ltd_fail(&model->no_tokenizer, LTD_EUNSUPPORTED, "%s: carries no tokenizer", model->path);
}

static int load(ltd_llama *model, const ltd_model_files *files, const ltd_llama_options *options,
                ltd_err *err)
{
    /* Four bits are too few for embedding and head: a few matrices that cost much when rounded. */
    ltd_load_dtype load = options->dtype, outer = load == LTD_LOAD_Q4 ? LTD_LOAD_Q8 : load;
    model->config = *ltd_model_files_config(files);
    int rc = check_shape(&model->config, err);
    if (rc < 0) return rc;
    model->path = ltd_mem_strdup(ltd_model_files_path(files));
    model->layers = ltd_mem_zeros((size_t)model->config.n_layers, sizeof *model->layers);
    if (!model->path || !model->layers) return ltd_fail(err, LTD_ENOMEM, "no memory");
    rc = ltd_model_files_hash(files, model->hash, err);
    ltd_model_files_forget(
        files); /* else all of the file stands in memory beside what is made of it */
    if (rc == LTD_OK)
        rc = load_matrix(files, LTD_WEIGHT_EMBED, 0, outer, model, &model->embed, err);
    model->embed_scale = embed_scale(&model->config, model->embed.kind);
    model->lm_head = &model->embed;
    if (rc == LTD_OK && !model->config.tied) {
        rc = load_matrix(files, LTD_WEIGHT_OUTPUT, 0, outer, model, &model->head, err);
        model->lm_head = &model->head;
    }
    if (rc == LTD_OK) rc = load_norm(files, LTD_WEIGHT_OUTPUT_NORM, 0, &model->output_norm, err);
    for (int i = 0; rc == LTD_OK && i < model->config.n_layers; i++) {
        rc = load_layer(model, files, i, load, err);
        ltd_model_files_forget(files);
    }
    if (rc < 0) return rc;
    model->dtype_name = kind_name(model->layers[0].qkv.part[0].kind, load, files);
    load_tokenizer(model, files);
    return LTD_OK;
}

int ltd_llama_open(ltd_llama **ret, const char *path, const ltd_llama_options *options,
                   ltd_err *err)
{
    *ret = NULL;
    if (options->activation_bits != 8 && options->activation_bits != 16)
        return ltd_fail(err, LTD_EINVAL, "activations: %d bits, expected 8 or 16",
                        options->activation_bits);
    if ((unsigned)options->dtype >= LTD_LOAD_COUNT)
        return ltd_fail(err, LTD_EINVAL, "model dtype: %d, expected 0 to %d", (int)options->dtype,
                        LTD_LOAD_COUNT - 1);
    const ltd_kernels *kernels = options->kernels;
    int rc = kernels ? LTD_OK : ltd_kernels_choose(&kernels, err);
    if (rc < 0) return rc;
    ltd_model_files *files = NULL;
    ltd_llama *model = ltd_mem_zeros(1, sizeof *model);
    if (!model) return ltd_fail(err, LTD_ENOMEM, "model %s: no memory", path);
    model->kernels = kernels;
    model->activation_bits = options->activation_bits;
    rc = ltd_pool_new(&model->pool, options->threads, err);
    if (rc == LTD_OK) rc = ltd_arena_new(&model->arena, err);
    if (rc == LTD_OK) rc = ltd_model_files_open(&files, path, err);
    if (rc == LTD_OK) {
        rc = load(model, files, options, err);
        if (rc < 0) ltd_err_prefix(err, rc, "model %s", path);
    }
    ltd_model_files_close(files);
    if (rc < 0) {
        ltd_llama_close(model);
        return rc;
    }
    *ret = model;
    return LTD_OK;
}

void ltd_llama_close(ltd_llama *model)
{
    if (!model) return;
    for (int i = 0; model->layers && i < model->config.n_layers; i++) {
        ltd_llama_layer *l = &model->layers[i];
        free(l->attn_norm);
        free(l->ffn_norm);
        free(l->qkv_bias);
        free(l->q_norm);
        free(l->k_norm);
        free(l->attn_post_norm);
        free(l->ffn_post_norm);
    }
    free(model->layers);
    free(model->output_norm);
    free(model->path);
    ltd_arena_free(model->arena);
    ltd_tokenizer_free(model->tokenizer);
    ltd_pool_free(model->pool);
    free(model);
}

const ltd_llm_config *ltd_llama_config(const ltd_llama *model)
{
    return &model->config;
}
const char *ltd_llama_path(const ltd_llama *model)
{
    return model->path;
}
const char *ltd_llama_hash(const ltd_llama *model)
{
    return model->hash;
}
const ltd_tokenizer *ltd_llama_tokenizer(const ltd_llama *model)
{
    return model->tokenizer;
}
const char *ltd_llama_tokenizer_error(const ltd_llama *model)
{
    return model->tokenizer ? "" : model->no_tokenizer.msg;
}
ltd_pool *ltd_llama_pool(const ltd_llama *model)
{
    return model->pool;
}
const ltd_kernels *ltd_llama_kernels(const ltd_llama *model)
{
    return model->kernels;
}
int32_t ltd_llama_activation_bits(const ltd_llama *model)
{
    return model->activation_bits;
}
const char *ltd_llama_dtype_name(const ltd_llama *model)
{
    return model->dtype_name;
}

size_t ltd_llama_bytes(const ltd_llama *model)
{
    size_t n = ltd_pack_bytes(&model->embed) + ltd_pack_bytes(&model->head);
    for (int i = 0; i < model->config.n_layers; i++) {
        const ltd_llama_layer *l = &model->layers[i];
        for (int p = 0; p < 3; p++)
            n += ltd_pack_bytes(&l->qkv.part[p]) + ltd_pack_bytes(&l->gate_up.part[p]);
        n += ltd_pack_bytes(&l->out) + ltd_pack_bytes(&l->down);
    }
    return n;
}

int ltd_llama_taps(const ltd_llama *model, int32_t taps[3])
{
    int32_t n = model->config.n_layers;
    if (n < 7) return 0;
    taps[0] = 2;
    taps[1] = n / 2;
    taps[2] = n - 3;
    return 3;
}

void ltd_llama_embed(const ltd_llama *model, int32_t token, float *ret)
{
    ltd_pack_get_row(&model->embed, token, ret);
}
