/* A trained head as files that other engines read, too. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "models/files/safetensors.h"
#include "trainer/distill/head_net.h"

enum { N_TENSORS = 15 };

typedef struct files {
    ltd_tensor_view view[N_TENSORS];
    void *owned[N_TENSORS];
    size_t n;
} files;

/* A tensor of halves from floats. */
static int add_halves(files *f, const char *name, const float *x, int64_t rows, int64_t cols,
                      ltd_err *err)
{
    int64_t n = rows * (cols ? cols : 1);
    uint16_t *half = ltd_mem_zeros((size_t)n, sizeof *half);
    if (!half) return ltd_fail(err, LTD_ENOMEM, "tensor %s: no memory", name);
    for (int64_t i = 0; i < n; i++) half[i] = ltd_f32_to_f16(x[i]);
    f->owned[f->n] = half;
    f->view[f->n++] = (ltd_tensor_view){.name = name,
                                        .dtype = LTD_DTYPE_F16,
                                        .n_dims = cols ? 2 : 1,
                                        .dims = {rows, cols ? cols : 1},
                                        .data = half,
                                        .bytes = (size_t)n * sizeof *half};
    return LTD_OK;
}

/* fc with the scale of the features in its columns. */
static int add_fc(files *f, const ltd_head_net *net, ltd_err *err)
{
    int64_t h = net->shape.hidden;
    const float *from = net->data + net->offset[LTD_HEAD_FC];
    float *fc = ltd_mem_zeros((size_t)(3 * h * h), sizeof *fc);
    if (!fc) return ltd_fail(err, LTD_ENOMEM, "tensor fc.weight: no memory");
    for (int64_t r = 0; r < h; r++)
        for (int64_t c = 0; c < 3 * h; c++)
            fc[r * 3 * h + c] = from[r * 3 * h + c] * net->scale[c / h];
    int rc = add_halves(f, "fc.weight", fc, h, 3 * h, err);
    free(fc);
    return rc;
}

static int add_layer(files *f, const ltd_head_net *net, ltd_err *err)
{
    const ltd_head_shape *s = &net->shape;
    int64_t kv = (int64_t)s->kv_heads * s->head_dim, ffn = s->ffn;
    const struct {
        const char *name;
        ltd_head_part part;
        int64_t first, rows;
    } pieces[] = {
        {"midlayer.input_layernorm.weight", LTD_HEAD_INPUT_NORM, 0, s->hidden},
        {"midlayer.hidden_norm.weight", LTD_HEAD_HIDDEN_NORM, 0, s->hidden},
        {"midlayer.self_attn.q_proj.weight", LTD_HEAD_Q, 0, net->rows[LTD_HEAD_Q]},
        {"midlayer.self_attn.k_proj.weight", LTD_HEAD_KV, 0, kv},
        {"midlayer.self_attn.v_proj.weight", LTD_HEAD_KV, kv, kv},
        {"midlayer.self_attn.o_proj.weight", LTD_HEAD_OUT, 0, s->hidden},
        {"midlayer.post_attention_layernorm.weight", LTD_HEAD_POST_NORM, 0, s->hidden},
        {"midlayer.mlp.gate_proj.weight", LTD_HEAD_GATE_UP, 0, ffn},
        {"midlayer.mlp.up_proj.weight", LTD_HEAD_GATE_UP, ffn, ffn},
        {"midlayer.mlp.down_proj.weight", LTD_HEAD_DOWN, 0, s->hidden},
        {"norm.weight", LTD_HEAD_NORM, 0, s->hidden},
    };
    int rc = add_fc(f, net, err);
    for (size_t i = 0; rc == LTD_OK && i < sizeof pieces / sizeof *pieces; i++) {
        int64_t cols = net->cols[pieces[i].part];
        const float *x = net->data + net->offset[pieces[i].part] + pieces[i].first * cols;
        rc = add_halves(f, pieces[i].name, x, pieces[i].rows, cols, err);
    }
    return rc;
}

static int add_vocabulary(files *f, const ltd_head_net *net, const ltd_head_files *o, ltd_err *err)
{
    int64_t h = net->shape.hidden, n = o->n_draft, vocab = ltd_llama_config(o->target)->vocab;
    float *rows = ltd_mem_zeros((size_t)(n * h), sizeof *rows);
    int64_t *d2t = ltd_mem_zeros((size_t)n, sizeof *d2t);
    uint8_t *t2d = ltd_mem_zeros((size_t)vocab, 1);
    int rc = rows && d2t && t2d ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "vocabulary: no memory");
    for (int64_t i = 0; rc == LTD_OK && i < n; i++) {
        ltd_llama_head_row(o->target, o->draft[i], rows + i * h);
        d2t[i] = o->draft[i] - i;
        t2d[o->draft[i]] = 1;
    }
    if (rc == LTD_OK) rc = add_halves(f, "lm_head.weight", rows, n, h, err);
    free(rows);
    if (rc < 0) {
        free(d2t);
        free(t2d);
        return rc;
    }
    f->owned[f->n] = d2t;
    f->view[f->n++] = (ltd_tensor_view){.name = "d2t",
                                        .dtype = LTD_DTYPE_I64,
                                        .n_dims = 1,
                                        .dims = {n},
                                        .data = d2t,
                                        .bytes = (size_t)n * sizeof *d2t};
    f->owned[f->n] = t2d;
    f->view[f->n++] = (ltd_tensor_view){.name = "t2d",
                                        .dtype = LTD_DTYPE_BOOL,
                                        .n_dims = 1,
                                        .dims = {vocab},
                                        .data = t2d,
                                        .bytes = (size_t)vocab};
    return LTD_OK;
}

/* A float as short as it was written: 1e-05, not its neighbour among doubles. */
static double shortest(float x)
{
    char text[32];
    snprintf(text, sizeof text, "%.7g", (double)x);
    return strtod(text, NULL);
}

static void put_config(ltd_json_writer *w, const ltd_head_net *net, const ltd_head_files *o)
{
    const ltd_head_shape *s = &net->shape;
    const ltd_llm_config *t = ltd_llama_config(o->target);
    ltd_json_begin_object(w, NULL);
    ltd_json_begin_inline_array(w, "architectures");
    ltd_json_put_string(w, NULL, "LlamaForCausalLMEagle3");
    ltd_json_end_array(w);
    ltd_json_put_string(w, "model_type", "llama");
    ltd_json_put_int(w, "hidden_size", s->hidden);
    ltd_json_put_int(w, "intermediate_size", s->ffn);
    ltd_json_put_int(w, "num_hidden_layers", 1);
    ltd_json_put_int(w, "num_attention_heads", s->heads);
    ltd_json_put_int(w, "num_key_value_heads", s->kv_heads);
    ltd_json_put_int(w, "head_dim", s->head_dim);
    ltd_json_put_string(w, "hidden_act", "silu");
    ltd_json_put_f64(w, "rms_norm_eps", shortest(s->eps));
    ltd_json_put_f64(w, "rope_theta", shortest(s->rope_theta));
    ltd_json_put_int(w, "max_position_embeddings", t->max_context);
    ltd_json_put_int(w, "vocab_size", t->vocab);
    ltd_json_put_int(w, "draft_vocab_size", o->n_draft);
    ltd_json_begin_inline_array(w, "eagle_aux_hidden_state_layer_ids");
    for (int i = 0; i < 3; i++) ltd_json_put_int(w, NULL, o->taps[i]);
    ltd_json_end_array(w);
    ltd_json_put_bool(w, "tie_word_embeddings", false);
    ltd_json_put_string(w, "torch_dtype", "float16");
    ltd_json_end_object(w);
}

static int write_config(const ltd_head_net *net, const char *folder, const ltd_head_files *o,
                        ltd_err *err)
{
    char path[PATH_MAX];
    ltd_str text = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&text, 2);
    put_config(&w, net, o);
    ltd_str_printf(&text, "\n");
    int rc = text.failed ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", folder) : LTD_OK;
    if (rc == LTD_OK && snprintf(path, sizeof path, "%s/config.json", folder) >= (int)sizeof path)
        rc = ltd_fail(err, LTD_EINVAL, "%s: the path is too long", folder);
    const char *bytes = ltd_str_text(&text);
    if (rc == LTD_OK) rc = ltd_file_write(path, bytes, strlen(bytes), err);
    ltd_str_fini(&text);
    return rc;
}

int ltd_head_net_export(const ltd_head_net *net, const char *folder, const ltd_head_files *o,
                        ltd_err *err)
{
    char path[PATH_MAX];
    files f = {.n = 0};
    if (snprintf(path, sizeof path, "%s/model.safetensors", folder) >= (int)sizeof path)
        return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", folder);
    int rc = ltd_file_mkdirs(folder, err);
    if (rc == LTD_OK) rc = add_layer(&f, net, err);
    if (rc == LTD_OK) rc = add_vocabulary(&f, net, o, err);
    if (rc == LTD_OK) rc = write_config(net, folder, o, err);
    if (rc == LTD_OK)
        rc = ltd_safetensors_write(path, f.view, f.n, o->keys, o->values, o->n_notes, err);
    for (size_t i = 0; i < f.n; i++) free(f.owned[i]);
    return rc;
}
