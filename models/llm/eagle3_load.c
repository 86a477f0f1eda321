/* Weights of a head: a container (safetensors or a torch zip), the names of the tensors in it, and
 * their way into packed matrices.  Every shape is checked against config.json; a tensor that we
 * would not use is refused, since leaving it out would change what the head computes. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "models/files/ptzip.h"
#include "models/files/safetensors.h"
#include "models/llm/eagle3_priv.h"

/* --- containers --- */

typedef struct container {
    ltd_safetensors *safetensors;
    ltd_ptzip *zip; /* one of the two */
} container;

static size_t tensor_count(const container *c)
{
    return c->zip ? ltd_ptzip_tensor_count(c->zip) : ltd_safetensors_tensor_count(c->safetensors);
}

static const ltd_tensor_view *tensor_at(const container *c, size_t i)
{
    return c->zip ? ltd_ptzip_tensor_at(c->zip, i) : ltd_safetensors_tensor_at(c->safetensors, i);
}

static const ltd_tensor_view *tensor_named(const container *c, const char *name)
{
    return c->zip ? ltd_ptzip_tensor(c->zip, name) : ltd_safetensors_tensor(c->safetensors, name);
}

/* --- names --- */

typedef enum role {
    FC,
    EMBED,
    INPUT_NORM,
    HIDDEN_NORM,
    Q,
    K,
    V,
    OUT,
    POST_NORM,
    GATE,
    UP,
    DOWN,
    NORM,
    LM_HEAD,
    D2T,
    T2D,
    ROLE_COUNT
} role;

/* EAGLE's names, which AngelSlim and SpecForge share, and those of vLLM's speculators. */
static const struct {
    const char *eagle, *speculators;
} names[ROLE_COUNT] = {
    [FC] = {"fc.weight", "fc.weight"},
    [EMBED] = {"embed_tokens.weight", "embed_tokens.weight"},
    [INPUT_NORM] = {"midlayer.input_layernorm.weight", "layers.0.input_layernorm.weight"},
    [HIDDEN_NORM] = {"midlayer.hidden_norm.weight", "layers.0.hidden_norm.weight"},
    [Q] = {"midlayer.self_attn.q_proj.weight", "layers.0.self_attn.q_proj.weight"},
    [K] = {"midlayer.self_attn.k_proj.weight", "layers.0.self_attn.k_proj.weight"},
    [V] = {"midlayer.self_attn.v_proj.weight", "layers.0.self_attn.v_proj.weight"},
    [OUT] = {"midlayer.self_attn.o_proj.weight", "layers.0.self_attn.o_proj.weight"},
    [POST_NORM] = {"midlayer.post_attention_layernorm.weight",
                   "layers.0.post_attention_layernorm.weight"},
    [GATE] = {"midlayer.mlp.gate_proj.weight", "layers.0.mlp.gate_proj.weight"},
    [UP] = {"midlayer.mlp.up_proj.weight", "layers.0.mlp.up_proj.weight"},
    [DOWN] = {"midlayer.mlp.down_proj.weight", "layers.0.mlp.down_proj.weight"},
    [NORM] = {"norm.weight", "norm.weight"},
    [LM_HEAD] = {"lm_head.weight", "lm_head.weight"},
    [D2T] = {"d2t", "d2t"},
    [T2D] = {"t2d", "t2d"},
};

/* Tensors of training, and a table that is computed. */
static const char *const unused[] = {"verifier_norm.weight", "verifier_lm_head.weight",
                                     "midlayer.self_attn.rotary_emb.inv_freq",
                                     "layers.0.self_attn.rotary_emb.inv_freq"};

static bool is_known(const char *name)
{
    for (int i = 0; i < ROLE_COUNT; i++)
        if (strcmp(name, names[i].eagle) == 0 || strcmp(name, names[i].speculators) == 0)
            return true;
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++)
        if (strcmp(name, unused[i]) == 0) return true;
    return false;
}

typedef struct weights {
    container from;
    bool speculators; /* naming */
    ltd_arena *arena; /* for matrices */
    ltd_pool *pool;   /* that packs them */
} weights;

static const char *name_of(const weights *w, role r)
{
    return w->speculators ? names[r].speculators : names[r].eagle;
}

/* One scheme for all tensors of a file, and none that we don't know. */
static int read_names(weights *w, ltd_err *err)
{
    bool eagle = false;
    for (size_t i = 0; i < tensor_count(&w->from); i++) {
        const char *name = tensor_at(&w->from, i)->name;
        if (!is_known(name))
            return ltd_fail(err, LTD_EUNSUPPORTED,
                            "tensor %.80s: is not part of an EAGLE-3 head as it is computed here",
                            name);
        eagle |= strncmp(name, "midlayer.", 9) == 0;
        w->speculators |= strncmp(name, "layers.0.", 9) == 0;
    }
    if (eagle && w->speculators)
        return ltd_fail(err, LTD_EFORMAT,
                        "has tensors named midlayer.* and layers.0.*, expected "
                        "one of the two");
    return LTD_OK;
}

static int find(const weights *w, role r, int64_t rows, int64_t cols, const ltd_tensor_view **ret,
                ltd_err *err)
{
    const char *name = name_of(w, r);
    const ltd_tensor_view *v = tensor_named(&w->from, name);
    if (!v) return ltd_fail(err, LTD_EFORMAT, "tensor %s: missing", name);
    int64_t found_cols = v->n_dims > 1 ? v->dims[1] : 1;
    if (v->n_dims > 2 || v->n_dims < 1 || v->dims[0] != rows || found_cols != cols)
        return ltd_fail(err, LTD_EFORMAT, "tensor %s: shape %lld x %lld, expected %lld x %lld",
                        name, (long long)v->dims[0], (long long)found_cols, (long long)rows,
                        (long long)cols);
    *ret = v;
    return LTD_OK;
}

/* --- matrices --- */

static int load_vector(const weights *w, role r, int32_t n, float **ret, ltd_err *err)
{
    const ltd_tensor_view *v = NULL;
    int rc = find(w, r, n, 1, &v, err);
    if (rc < 0) return rc;
    if (!(*ret = ltd_mem_aligned((size_t)n, sizeof **ret)))
        return ltd_fail(err, LTD_ENOMEM, "tensor %s: no memory", v->name);
    rc = ltd_dtype_to_f32(*ret, v->data, v->dtype, n, err);
    return rc < 0 ? ltd_err_prefix(err, rc, "tensor %s", v->name) : LTD_OK;
}

typedef struct part {
    role role;
    int64_t rows;
} part;

/* Tensors one below the other as one matrix. */
static int load_stack(const weights *w, const part *parts, int n, int64_t cols,
                      ltd_load_dtype dtype, ltd_packed *ret, ltd_err *err)
{
    const ltd_tensor_view *v = NULL;
    int64_t rows = 0;
    for (int i = 0; i < n; i++) {
        int rc = find(w, parts[i].role, parts[i].rows, cols, &v, err);
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
    if (rc == LTD_OK) rc = ltd_pack_init(ret, (int32_t)rows, (int32_t)cols, kind, w->arena, err);
    int32_t row = 0;
    for (int i = 0; rc == LTD_OK && i < n; i++) {
        rc = find(w, parts[i].role, parts[i].rows, cols, &v, err);
        if (rc == LTD_OK) rc = ltd_pack_rows_pooled(w->pool, ret, row, v, NULL, err);
        row += (int32_t)parts[i].rows;
    }
    return rc < 0 ? ltd_err_prefix(err, rc, "tensor %s", name_of(w, parts[0].role)) : rc;
}

/* The head's own embedding goes before the target's, as in EAGLE's and vLLM's code.  Only a lookup:
 * it is kept as in the file. */
static int load_embedding(ltd_eagle3 *head, const weights *w, ltd_err *err)
{
    const ltd_eagle3_config *c = &head->config;
    const part embed = {EMBED, c->vocab};
    if (tensor_named(&w->from, name_of(w, EMBED)))
        return load_stack(w, &embed, 1, c->hidden, LTD_LOAD_FILE, &head->embed, err);
    if (c->hidden == c->target_hidden) return LTD_OK;
    return ltd_fail(err, LTD_EFORMAT,
                    "tensor %s: missing; the target's has width %d, the head's hidden size is %d",
                    name_of(w, EMBED), c->target_hidden, c->hidden);
}

/* --- vocabularies --- */

static int64_t integer_at(const ltd_tensor_view *v, int32_t i)
{
    int64_t wide;
    int32_t narrow;
    if (v->dtype == LTD_DTYPE_I64) {
        memcpy(&wide, (const uint8_t *)v->data + 8 * (size_t)i, 8);
        return wide;
    }
    memcpy(&narrow, (const uint8_t *)v->data + 4 * (size_t)i, 4);
    return narrow;
}

/* t2d, where it is there: marks the tokens that d2t leads to, and no others. */
static int check_marks(const ltd_eagle3 *head, const weights *w, const uint8_t *reached,
                       ltd_err *err)
{
    const ltd_eagle3_config *c = &head->config;
    const ltd_tensor_view *v = NULL;
    if (c->draft_vocab == c->vocab || !tensor_named(&w->from, name_of(w, T2D))) return LTD_OK;
    int rc = find(w, T2D, c->vocab, 1, &v, err);
    if (rc < 0) return rc;
    if (v->dtype != LTD_DTYPE_BOOL && v->dtype != LTD_DTYPE_U8)
        return ltd_fail(err, LTD_EFORMAT, "tensor t2d: type %s, expected BOOL",
                        ltd_dtype_name(v->dtype));
    for (int32_t i = 0; i < c->vocab; i++)
        if (reached[i] != (((const uint8_t *)v->data)[i] != 0))
            return ltd_fail(err, LTD_EFORMAT,
                            "tensor t2d: token %d is %smarked, but d2t leads %sto it", i,
                            reached[i] ? "not " : "", reached[i] ? "" : "not ");
    return LTD_OK;
}

/* d2t: target id = draft id + offset; without it both vocabularies are the same. */
static int load_map(ltd_eagle3 *head, const weights *w, ltd_err *err)
{
    const ltd_eagle3_config *c = &head->config;
    const ltd_tensor_view *v = NULL;
    int rc = LTD_OK;
    head->target_id = ltd_mem_zeros((size_t)c->draft_vocab, sizeof(int32_t));
    uint8_t *reached = ltd_mem_zeros((size_t)c->vocab, 1);
    if (!head->target_id || !reached) rc = ltd_fail(err, LTD_ENOMEM, "tensor d2t: no memory");
    if (rc == LTD_OK && (tensor_named(&w->from, "d2t") || c->draft_vocab != c->vocab))
        rc = find(w, D2T, c->draft_vocab, 1, &v, err);
    if (rc == LTD_OK && v && v->dtype != LTD_DTYPE_I64 && v->dtype != LTD_DTYPE_I32)
        rc = ltd_fail(err, LTD_EFORMAT, "tensor d2t: type %s, expected I64 or I32",
                      ltd_dtype_name(v->dtype));
    for (int32_t i = 0; rc == LTD_OK && i < c->draft_vocab; i++) {
        int64_t offset = v ? integer_at(v, i) : 0;
        if (offset < -(int64_t)i || offset >= c->vocab - i)
            rc = ltd_fail(err, LTD_EFORMAT,
                          "tensor d2t: entry %d is %lld, which leads to no token of 0 to %d", i,
                          (long long)offset, c->vocab - 1);
        else if (reached[i + offset]++)
            rc = ltd_fail(err, LTD_EFORMAT,
                          "tensor d2t: entry %d leads to token %lld, as an earlier one does", i,
                          (long long)(i + offset));
        else
            head->target_id[i] = (int32_t)(i + offset);
    }
    if (rc == LTD_OK) rc = check_marks(head, w, reached, err);
    free(reached);
    return rc;
}

/* --- all of it --- */

static int load_weights(ltd_eagle3 *head, const weights *w, ltd_load_dtype dtype, ltd_err *err)
{
    const ltd_eagle3_config *c = &head->config;
    const ltd_tensor_view *queries = tensor_named(&w->from, name_of(w, Q));
    if (!queries) return ltd_fail(err, LTD_EFORMAT, "tensor %s: missing", name_of(w, Q));
    int rc = ltd_eagle3_settle_heads(head, queries->dims[0], err);
    if (rc < 0) return ltd_err_prefix(err, rc, "tensor %s", queries->name);
    int64_t h = c->hidden, q = (int64_t)c->heads * c->head_dim;
    int64_t kv = (int64_t)c->kv_heads * c->head_dim;
    const part fc[] = {{FC, h}}, qkv[] = {{Q, q}, {K, kv}, {V, kv}}, out[] = {{OUT, h}};
    const part gate_up[] = {{GATE, c->ffn}, {UP, c->ffn}}, down[] = {{DOWN, h}};
    const part lm_head[] = {{LM_HEAD, c->draft_vocab}};
    rc = load_stack(w, fc, 1, 3 * (int64_t)c->target_hidden, dtype, &head->fc, err);
    if (rc == LTD_OK) rc = load_stack(w, qkv, 3, 2 * h, dtype, &head->qkv, err);
    if (rc == LTD_OK) rc = load_stack(w, out, 1, q, dtype, &head->out, err);
    if (rc == LTD_OK) rc = load_stack(w, gate_up, 2, h, dtype, &head->gate_up, err);
    if (rc == LTD_OK) rc = load_stack(w, down, 1, c->ffn, dtype, &head->down, err);
    if (rc == LTD_OK) rc = load_stack(w, lm_head, 1, h, dtype, &head->lm_head, err);
    if (rc == LTD_OK) rc = load_vector(w, INPUT_NORM, c->hidden, &head->input_norm, err);
    if (rc == LTD_OK) rc = load_vector(w, HIDDEN_NORM, c->hidden, &head->hidden_norm, err);
    if (rc == LTD_OK) rc = load_vector(w, POST_NORM, c->hidden, &head->post_norm, err);
    if (rc == LTD_OK) rc = load_vector(w, NORM, c->hidden, &head->norm, err);
    if (rc == LTD_OK) rc = load_embedding(head, w, err);
    if (rc == LTD_OK) rc = load_map(head, w, err);
    return rc;
}

/* `ltd distill` notes whose rows an lm_head has. */
static void read_note(ltd_eagle3 *head, const weights *w)
{
    const char *note = NULL;
    if (w->from.safetensors)
        note = ltd_safetensors_metadata(w->from.safetensors, "ltd.target_sha256");
    if (note) snprintf(head->made_for, sizeof head->made_for, "%s", note);
}

/* model.safetensors goes first: its reader has less to do. */
static int choose_file(char path[PATH_MAX], const char *folder, bool *zip, ltd_err *err)
{
    static const char *const files[] = {"model.safetensors", "pytorch_model.bin"};
    for (int i = 0; i < 2; i++) {
        if (snprintf(path, PATH_MAX, "%s/%s", folder, files[i]) >= PATH_MAX)
            return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", folder);
        *zip = i == 1;
        if (access(path, F_OK) == 0) return LTD_OK;
    }
    return ltd_fail(err, LTD_EIO, "%s: has neither %s nor %s", folder, files[0], files[1]);
}

int ltd_eagle3_load(ltd_eagle3 *head, const char *folder, ltd_load_dtype dtype, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_file map = {0};
    weights w = {.arena = head->arena, .pool = ltd_llama_pool(head->target)};
    bool zip;
    int rc = choose_file(path, folder, &zip, err);
    if (rc == LTD_OK) rc = ltd_file_map(&map, path, err);
    if (rc == LTD_OK && zip)
        rc = ltd_ptzip_parse(&w.from.zip, map.data, map.size, path, err);
    else if (rc == LTD_OK)
        rc = ltd_safetensors_parse(&w.from.safetensors, map.data, map.size, path, err);
    if (rc == LTD_OK) {
        ltd_file_sha256(head->hash, map.data, map.size);
        ltd_file_forget(&map);
        read_note(head, &w);
        rc = read_names(&w, err);
        if (rc == LTD_OK) rc = load_weights(head, &w, dtype, err);
        if (rc < 0) ltd_err_prefix(err, rc, "draft head %s", path);
    }
    ltd_safetensors_close(w.from.safetensors);
    ltd_ptzip_close(w.from.zip);
    ltd_file_unmap(&map);
    return rc;
}
