/* Heads in every layout that is read: the same weights under other names, in another container and
 * with another config.json give the same drafts; what would compute something else is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/rng.h"
#include "models/llm/eagle3_priv.h"
#include "tests/support/engine.h"
#include "tests/support/golden.h"
#include "tests/support/torchzip.h"
#include "tests/support/vectors.h"

enum { FEATURE = 192, VOCAB = 320, PAIRS = 9, TOP_K = 4, ROOM = 24 };

static char folder[] = "/tmp/ltd-eagle3-XXXXXX";
static ltd_llama *model;
static ltd_safetensors *golden; /* head_a */
static float features[PAIRS * FEATURE];
static int32_t tokens[PAIRS];
static float want_logp[TOP_K + TOP_K * TOP_K]; /* of head_a: the resync, an expansion */
static int32_t want_tokens[TOP_K + TOP_K * TOP_K];
static ltd_err err;

/* --- writing heads --- */

/* A copy of head_a's tensors that a test may change. */
typedef struct parts {
    ltd_tensor_view at[ROOM];
    char names[ROOM][64];
    void *owned[ROOM];
    size_t n;
} parts;

static parts copy_parts(void)
{
    parts p = {.n = ltd_safetensors_tensor_count(golden)};
    for (size_t i = 0; i < p.n; i++) p.at[i] = *ltd_safetensors_tensor_at(golden, i);
    return p;
}

static void free_parts(parts *p)
{
    for (size_t i = 0; i < ROOM; i++) free(p->owned[i]);
}

static size_t index_of(const parts *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->at[i].name, name) == 0) return i;
    fail_msg("no part %s", name);
    return 0;
}

static void drop(parts *p, const char *name)
{
    size_t i = index_of(p, name);
    free(p->owned[i]);
    p->n--;
    p->at[i] = p->at[p->n];
    p->owned[i] = p->owned[p->n];
    p->owned[p->n] = NULL;
}

/* data owned by p from now on */
static void add(parts *p, const char *name, ltd_dtype dtype, int64_t rows, int64_t cols, void *data)
{
    size_t i = p->n++;
    assert_true(i < ROOM && data);
    p->at[i] = (ltd_tensor_view){name, dtype, cols ? 2 : 1, {rows, cols ? cols : 1}, data, 0};
    p->at[i].bytes = (size_t)ltd_tensor_view_count(&p->at[i]) * ltd_dtype_block_bytes(dtype);
    p->owned[i] = data;
}

/* Another type for the data of a tensor. */
static void replace(parts *p, const char *name, ltd_dtype dtype, void *data)
{
    size_t i = index_of(p, name);
    free(p->owned[i]);
    p->owned[i] = data;
    p->at[i].dtype = dtype;
    p->at[i].data = data;
    p->at[i].bytes = (size_t)ltd_tensor_view_count(&p->at[i]) * ltd_dtype_block_bytes(dtype);
}

static void *copy_of(const parts *p, const char *name)
{
    const ltd_tensor_view *v = &p->at[index_of(p, name)];
    void *data = malloc(v->bytes);
    assert_non_null(data);
    return memcpy(data, v->data, v->bytes);
}

static void name_as_speculators(parts *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strncmp(p->at[i].name, "midlayer.", 9) != 0) continue;
        snprintf(p->names[i], sizeof p->names[i], "layers.0.%s", p->at[i].name + 9);
        p->at[i].name = p->names[i];
    }
}

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void clean(void)
{
    unlink(in_folder("model.safetensors"));
    unlink(in_folder("pytorch_model.bin"));
    unlink(in_folder("config.json"));
}

static void write_text(const char *name, const char *text)
{
    if (ltd_file_write(in_folder(name), text, strlen(text), &err) < 0) fail_msg("%s", err.msg);
}

static void write_head(const parts *p, const char *config, bool zip)
{
    clean();
    write_text("config.json", config);
    if (zip) {
        size_t size;
        void *bytes = torchzip_tensors(&size, p->at, p->n);
        if (ltd_file_write(in_folder("pytorch_model.bin"), bytes, size, &err) < 0)
            fail_msg("%s", err.msg);
        free(bytes);
    } else if (ltd_safetensors_write(in_folder("model.safetensors"), p->at, p->n, NULL, NULL, 0,
                                     &err) < 0) {
        fail_msg("%s", err.msg);
    }
}

#define LAYER                                                                                      \
    "\"hidden_size\": 64, \"intermediate_size\": 112, \"num_attention_heads\": 4, "                \
    "\"num_key_value_heads\": 2, \"vocab_size\": 320, \"rms_norm_eps\": 1e-05, "                   \
    "\"num_hidden_layers\": 1, \"hidden_act\": \"silu\", \"model_type\": \"llama\""
#define EAGLE(more) "{" LAYER ", \"draft_vocab_size\": 128" more "}"
#define SPECULATORS(layer, more)                                                                   \
    "{\"speculators_model_type\": \"eagle3\", \"draft_vocab_size\": 128, "                         \
    "\"transformer_layer_config\": {" LAYER layer "}" more "}"

/* --- drafts --- */

/* The best tokens after a resync of nine pairs, and after an expansion of the best four. */
static void draft(const ltd_eagle3 *head, int32_t *best, float *logp)
{
    static const int32_t sources[TOP_K] = {0};
    const int32_t none = 0, *const ancestors[TOP_K] = {&none, &none, &none, &none};
    ltd_draft *d;
    if (ltd_draft_new(&d, head, &(ltd_draft_options){32, 16, TOP_K, 1, 0, false}, &err) < 0)
        fail_msg("%s", err.msg);
    if (ltd_draft_extend(d, features, tokens, PAIRS, true, &err) < 0) fail_msg("%s", err.msg);
    memcpy(best, ltd_draft_tokens(d), TOP_K * sizeof *best);
    memcpy(logp, ltd_draft_logp(d), TOP_K * sizeof *logp);
    ltd_expansion rows = {best, sources, ancestors, 0};
    if (ltd_draft_expand(d, &rows, &err) < 0) fail_msg("%s", err.msg);
    memcpy(best + TOP_K, ltd_draft_tokens(d), TOP_K * TOP_K * sizeof *best);
    memcpy(logp + TOP_K, ltd_draft_logp(d), TOP_K * TOP_K * sizeof *logp);
    ltd_draft_free(d);
}

static bool drafts_as_golden(const ltd_eagle3 *head)
{
    int32_t best[TOP_K + TOP_K * TOP_K];
    float logp[TOP_K + TOP_K * TOP_K];
    draft(head, best, logp);
    return memcmp(best, want_tokens, sizeof best) == 0 && memcmp(logp, want_logp, sizeof logp) == 0;
}

static ltd_eagle3 *open_written(void)
{
    return engine_head(folder, model, LTD_LOAD_F32);
}

/* In both containers. */
static void same_drafts(const parts *p, const char *config)
{
    for (int zip = 0; zip < 2; zip++) {
        write_head(p, config, zip);
        ltd_eagle3 *head = open_written();
        if (!drafts_as_golden(head)) fail_msg("other drafts (zip %d): %s", zip, config);
        ltd_eagle3_close(head);
    }
}

static void refused(int code, const char *words)
{
    ltd_eagle3 *head = (ltd_eagle3 *)folder;
    ltd_err e = LTD_ERR_INIT;
    int rc = ltd_eagle3_open(&head, folder, model, LTD_LOAD_F32, &e);
    if (rc >= 0) fail_msg("opens, expected '%s'", words);
    assert_null(head);
    if (!strstr(e.msg, words)) fail_msg("message is '%s', expected '%s' in it", e.msg, words);
    if (!strstr(e.msg, folder)) fail_msg("message is '%s': which head?", e.msg);
    if (rc != code) fail_msg("%s: %s", ltd_status_name(rc), e.msg);
}

static int setup(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 5, LTD_STREAM_TEST);
    for (int i = 0; i < PAIRS * FEATURE; i++) features[i] = ltd_rng_normal(&rng);
    for (int i = 0; i < PAIRS; i++) tokens[i] = (int32_t)ltd_rng_below(&rng, VOCAB);
    if (!mkdtemp(folder)) return -1;
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    golden = vec_open("eagle3/head_a/model.safetensors");
    ltd_eagle3 *head = engine_head("eagle3/head_a", model, LTD_LOAD_F32);
    draft(head, want_tokens, want_logp);
    ltd_eagle3_close(head);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clean();
    ltd_safetensors_close(golden);
    ltd_llama_close(model);
    return rmdir(folder);
}

/* --- layouts --- */

static void the_golden_torch_zip_is_the_same_head(void **state)
{
    (void)state;
    char path[1024];
    clean();
    write_text("config.json", EAGLE(""));
    assert_true(golden_path(path, sizeof path, "eagle3/head_a/pytorch_model.bin"));
    assert_int_equal(symlink(path, in_folder("pytorch_model.bin")), 0);
    ltd_eagle3 *head = open_written();
    assert_true(drafts_as_golden(head));
    assert_int_equal(strlen(ltd_eagle3_hash(head)), 64);
    ltd_eagle3_close(head);
    /* A second file, which is none: safetensors goes first. */
    write_text("model.safetensors", "x");
    refused(LTD_EFORMAT, "model.safetensors");
}

static void layouts_of_others_are_the_same_head(void **state)
{
    (void)state;
    parts p = copy_parts();
    same_drafts(&p, EAGLE(""));
    /* As AngelSlim and SpecForge write it. */
    same_drafts(&p, EAGLE(", \"head_dim\": 16, \"torch_dtype\": \"bfloat16\", \"attention_bias\": "
                          "false, \"sliding_window\": 4096, \"use_sliding_window\": false, "
                          "\"rope_scaling\": null, \"rope_theta\": 10000, \"tie_word_embeddings\": "
                          "true, \"norm_before_residual\": false, \"target_hidden_size\": 64"));
    /* EAGLE's code once ignored head_dim. */
    same_drafts(&p, EAGLE(", \"head_dim\": 128"));
    same_drafts(&p, EAGLE(", \"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": "
                          "10000.0}"));
    drop(&p, "t2d");
    same_drafts(&p, EAGLE(""));
    name_as_speculators(&p);
    same_drafts(&p, EAGLE(""));
    const char *config =
        SPECULATORS(", \"head_dim\": 16", ", \"norm_before_residual\": false, "
                                          "\"eagle_aux_hidden_state_layer_ids\": [2, 4, 5], "
                                          "\"target_hidden_size\": null");
    same_drafts(&p, config);
    add(&p, "verifier_norm.weight", LTD_DTYPE_F32, 2, 0, calloc(2, 4));
    same_drafts(&p, config);
    free_parts(&p);
}

static void types_of_the_file_dont_matter(void **state)
{
    (void)state;
    parts p = copy_parts();
    for (size_t i = 0; i < p.n; i++) {
        if (p.at[i].dtype != LTD_DTYPE_F16) continue;
        int64_t n = ltd_tensor_view_count(&p.at[i]);
        float *wide = malloc((size_t)n * sizeof *wide);
        assert_non_null(wide);
        assert_int_equal(ltd_dtype_to_f32(wide, p.at[i].data, LTD_DTYPE_F16, n, NULL), 0);
        replace(&p, p.at[i].name, LTD_DTYPE_F32, wide);
    }
    int32_t *map = malloc(128 * sizeof *map);
    int64_t *offsets = copy_of(&p, "d2t");
    for (int i = 0; i < 128; i++) map[i] = (int32_t)offsets[i];
    free(offsets);
    replace(&p, "d2t", LTD_DTYPE_I32, map);
    same_drafts(&p, EAGLE(""));
    free_parts(&p);
}

static void bf16_weights_load(void **state)
{
    (void)state;
    parts p = copy_parts();
    for (size_t i = 0; i < p.n; i++) {
        if (p.at[i].dtype != LTD_DTYPE_F16) continue;
        size_t n = p.at[i].bytes / 2;
        uint16_t *narrow = malloc(p.at[i].bytes);
        for (size_t k = 0; k < n; k++) {
            uint16_t half;
            uint32_t bits;
            memcpy(&half, (const uint8_t *)p.at[i].data + 2 * k, 2);
            float f = ltd_f16_to_f32(half);
            memcpy(&bits, &f, 4);
            narrow[k] = (uint16_t)(bits >> 16);
        }
        replace(&p, p.at[i].name, LTD_DTYPE_BF16, narrow);
    }
    float logp[2][TOP_K + TOP_K * TOP_K];
    int32_t best[TOP_K + TOP_K * TOP_K];
    for (int zip = 0; zip < 2; zip++) {
        write_head(&p, EAGLE(""), zip);
        ltd_eagle3 *head = engine_head(folder, model, LTD_LOAD_FILE);
        draft(head, best, logp[zip]);
        ltd_eagle3_close(head);
    }
    assert_memory_equal(logp[0], logp[1], sizeof logp[0]);
    assert_true(fabsf(logp[0][0] - want_logp[0]) < 0.05f);
    free_parts(&p);
}

static void an_embedding_of_its_own_is_used(void **state)
{
    (void)state;
    parts p = copy_parts();
    float *embed = malloc(VOCAB * 64 * sizeof *embed);
    for (int32_t i = 0; i < VOCAB; i++) ltd_llama_embed(model, i, embed + (size_t)i * 64);
    add(&p, "embed_tokens.weight", LTD_DTYPE_F32, VOCAB, 64, embed);
    same_drafts(&p, EAGLE(""));
    for (int32_t i = 0; i < VOCAB * 64; i++) embed[i] = -embed[i];
    write_head(&p, EAGLE(""), false);
    ltd_eagle3 *head = open_written();
    assert_false(drafts_as_golden(head));
    ltd_eagle3_close(head);
    p.at[index_of(&p, "embed_tokens.weight")].dims[0] = VOCAB / 2;
    p.at[index_of(&p, "embed_tokens.weight")].dims[1] = 128;
    write_head(&p, EAGLE(""), false);
    refused(LTD_EFORMAT, "tensor embed_tokens.weight: shape 160 x 128, expected 320 x 64");
    free_parts(&p);
}

static void has_taps(const parts *p, const char *config, int32_t a, int32_t b, int32_t c)
{
    write_head(p, config, false);
    ltd_eagle3 *head = open_written();
    const int32_t want[3] = {a, b, c};
    engine_same_ids(config, ltd_eagle3_get_config(head)->taps, want, 3);
    ltd_eagle3_close(head);
}

static void layer_numbers_may_be_inputs_or_outputs(void **state)
{
    (void)state;
#define IDS(ids) "\"eagle_aux_hidden_state_layer_ids\": [" ids "]"
    parts p = copy_parts();
    same_drafts(&p, EAGLE(", " IDS("2, 4, 5")));
    same_drafts(&p,
                EAGLE(", \"eagle_config\": {\"use_aux_hidden_state\": true, " IDS("1, 3, 4") "}"));
    has_taps(&p, EAGLE(""), 2, 4, 5);
    has_taps(&p, EAGLE(", " IDS("0, 8, 3")), 0, 8, 3);
    has_taps(&p, EAGLE(", \"eagle_config\": {" IDS("0, 7, 3") "}"), 1, 8, 4);
    has_taps(&p, EAGLE(", " IDS("1, 2, 3") ", \"eagle_config\": {" IDS("0, 1, 2") "}"), 1, 2, 3);
    static const struct {
        const char *ids, *words;
    } others[] = {
        {"2, 4", "names 2 layers, expected 3"}, {"2, 4, 5, 8", "names 4 layers, expected 3"},
        {"", "names 0 layers, expected 3"},     {"2, 4, \"5\"", "eagle_aux_hidden_state_layer_ids"},
        {"2, 4, 9", "expected 0 to 8"},         {"-1, 4, 5", "expected 0 to 8"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char config[1024];
        snprintf(config, sizeof config, EAGLE(", " IDS("%s")), others[i].ids);
        write_head(&p, config, false);
        refused(i < 3 ? LTD_EUNSUPPORTED : LTD_EFORMAT, others[i].words);
    }
    write_head(&p, EAGLE(", \"eagle_config\": {" IDS("2, 4, 8") "}"), false);
    refused(LTD_EFORMAT, "expected 0 to 7");
    write_head(&p, EAGLE(", " IDS("2, 4, 5") ", \"eagle_config\": {" IDS("2, 4, 5") "}"), false);
    refused(LTD_EFORMAT, "in eagle_config those of 3, 5, 6: expected the same");
    free_parts(&p);
}

/* --- one pair, by hand --- */

typedef struct plain {
    int32_t hidden, heads, kv_heads, head_dim, ffn;
    bool normed; /* residual */
    parts p;
} plain;

static const float *matrix(plain *m, const char *name, int64_t rows, int64_t cols, ltd_rng *rng)
{
    size_t n = (size_t)rows * (size_t)(cols ? cols : 1);
    float *data = malloc(n * sizeof *data);
    assert_non_null(data);
    double scale = cols ? 1 / sqrt((double)cols) : 0.2;
    for (size_t i = 0; i < n; i++) data[i] = (float)(ltd_rng_normal(rng) * scale) + (cols ? 0 : 1);
    add(&m->p, name, LTD_DTYPE_F32, rows, cols, data);
    return data;
}

static void times(const float *w, int32_t rows, int32_t cols, const double *x, double *y)
{
    for (int32_t r = 0; r < rows; r++) {
        y[r] = 0;
        for (int32_t c = 0; c < cols; c++) y[r] += (double)w[r * cols + c] * x[c];
    }
}

static void norm(const float *w, int32_t n, const double *x, double *y)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++) sum += x[i] * x[i];
    for (int32_t i = 0; i < n; i++) y[i] = x[i] / sqrt(sum / n + 1e-5) * (double)w[i];
}

/* Its tensors, and the logits of a text of one pair: a lone row attends to its own value. */
static void make_plain(plain *m, int32_t token, double *logits)
{
    ltd_rng rng;
    ltd_rng_seed(&rng, 77, LTD_STREAM_TEST);
    int32_t h = m->hidden, q = m->heads * m->head_dim, kv = m->kv_heads * m->head_dim, f = m->ffn;
    const float *fc = matrix(m, "fc.weight", h, FEATURE, &rng);
    const float *embed = matrix(m, "embed_tokens.weight", VOCAB, h, &rng);
    const float *in = matrix(m, "layers.0.input_layernorm.weight", h, 0, &rng);
    const float *hn = matrix(m, "layers.0.hidden_norm.weight", h, 0, &rng);
    const float *pn = matrix(m, "layers.0.post_attention_layernorm.weight", h, 0, &rng);
    const float *fn = matrix(m, "norm.weight", h, 0, &rng);
    matrix(m, "layers.0.self_attn.q_proj.weight", q, 2 * h, &rng);
    matrix(m, "layers.0.self_attn.k_proj.weight", kv, 2 * h, &rng);
    const float *wv = matrix(m, "layers.0.self_attn.v_proj.weight", kv, 2 * h, &rng);
    const float *wo = matrix(m, "layers.0.self_attn.o_proj.weight", h, q, &rng);
    const float *gate = matrix(m, "layers.0.mlp.gate_proj.weight", f, h, &rng);
    const float *up = matrix(m, "layers.0.mlp.up_proj.weight", f, h, &rng);
    const float *down = matrix(m, "layers.0.mlp.down_proj.weight", h, f, &rng);
    const float *lm = matrix(m, "lm_head.weight", VOCAB, h, &rng);
    double x[256], e[256], in2[512], v[256], a[256], y[256], g[256], u[256], feature[FEATURE];
    for (int i = 0; i < FEATURE; i++) feature[i] = (double)features[i];
    for (int32_t i = 0; i < h; i++) e[i] = (double)embed[token * h + i];
    times(fc, h, FEATURE, feature, x);
    norm(in, h, e, in2);
    norm(hn, h, x, in2 + h);
    if (m->normed) memcpy(x, in2 + h, (size_t)h * sizeof *x);
    times(wv, kv, 2 * h, in2, v);
    for (int32_t i = 0; i < q; i++)
        a[i] = v[i / m->head_dim / (m->heads / m->kv_heads) * m->head_dim + i % m->head_dim];
    times(wo, h, q, a, y);
    for (int32_t i = 0; i < h; i++) x[i] += y[i];
    norm(pn, h, x, e);
    times(gate, f, h, e, g);
    times(up, f, h, e, u);
    for (int32_t i = 0; i < f; i++) g[i] = g[i] / (1 + exp(-g[i])) * u[i];
    times(down, h, f, g, y);
    for (int32_t i = 0; i < h; i++) x[i] += y[i];
    norm(fn, h, x, e);
    times(lm, VOCAB, h, e, logits);
}

/* hidden size apart from the target's, heads apart from hidden / heads, both kinds of residual. */
static void a_pair_is_what_the_formula_says(void **state)
{
    (void)state;
    for (int normed = 0; normed < 2; normed++) {
        plain m = {.hidden = 32, .heads = 4, .kv_heads = 2, .head_dim = 16, .ffn = 48};
        double want[VOCAB];
        char config[1024];
        m.normed = normed;
        make_plain(&m, tokens[0], want);
        snprintf(config, sizeof config,
                 "{\"transformer_layer_config\": {\"hidden_size\": 32, \"intermediate_size\": 48, "
                 "\"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"head_dim\": 16, "
                 "\"vocab_size\": 320, \"rms_norm_eps\": 1e-5}, \"target_hidden_size\": 64, "
                 "\"draft_vocab_size\": 320, \"norm_before_residual\": %s}",
                 normed ? "true" : "false");
        write_head(&m.p, config, normed);
        ltd_eagle3 *head = open_written();
        ltd_draft *d;
        ltd_draft_options o = {8, 8, TOP_K, 0, LTD_VOCABULARY_AUTO, true};
        assert_int_equal(ltd_draft_new(&d, head, &o, &err), 0);
        assert_int_equal(ltd_draft_extend(d, features, tokens, 1, true, &err), 0);
        for (int i = 0; i < VOCAB; i++)
            if (fabs((double)ltd_draft_logits(d)[i] - want[i]) > 1e-4)
                fail_msg("logit %d is %g, expected %g (normed %d)", i,
                         (double)ltd_draft_logits(d)[i], want[i], normed);
        ltd_draft_free(d);
        /* The target's rows are too wide for it, were there any that it lacks. */
        o.vocabulary = LTD_VOCABULARY_CONTEXT;
        assert_int_equal(ltd_draft_new(&d, head, &o, &err), 0);
        ltd_draft_free(d);
        head->config.draft_vocab = VOCAB - 8;
        assert_false(ltd_eagle3_extends(head, LTD_VOCABULARY_CONTEXT));
        assert_int_equal(ltd_draft_new(&d, head, &o, &err), LTD_EUNSUPPORTED);
        assert_null(d);
        assert_non_null(strstr(err.msg, "64 columns; this head's have 32"));
        ltd_eagle3_close(head);
        drop(&m.p, "embed_tokens.weight");
        write_head(&m.p, config, false);
        refused(LTD_EFORMAT, "embed_tokens.weight: missing; the target's has width 64");
        free_parts(&m.p);
    }
}

static void long_wavelengths_are_stretched_as_the_targets(void **state)
{
    (void)state;
    parts p = copy_parts();
    ltd_llama *scaled = engine_model("models/llama31_rope_scaled", LTD_LOAD_FILE, 16, NULL);
    const ltd_llm_config *t = ltd_llama_config(scaled);
    char config[2048];
    assert_int_equal(t->head_dim, 16);
    ltd_json_doc *doc = engine_json("models/llama31_rope_scaled/config.json");
    ltd_json rope = ltd_json_member(ltd_json_root(doc), "rope_scaling");
    if (ltd_json_type_of(rope) != LTD_JSON_OBJECT)
        rope = ltd_json_member(ltd_json_root(doc), "rope_parameters");
    snprintf(
        config, sizeof config,
        EAGLE(", \"rope_theta\": %g, \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": "
              "%g, \"low_freq_factor\": %g, \"high_freq_factor\": %g, "
              "\"original_max_position_embeddings\": %g}"),
        (double)t->rope_theta, engine_f64(rope, "factor"), engine_f64(rope, "low_freq_factor"),
        engine_f64(rope, "high_freq_factor"), engine_f64(rope, "original_max_position_embeddings"));
    write_head(&p, config, false);
    ltd_eagle3 *head = open_written();
    engine_same_bits("rope", head->rope_div, t->rope_div, 8);
    assert_true(head->rope_div[7] > 1);
    ltd_eagle3_close(head);
    ltd_json_free(doc);
    ltd_llama_close(scaled);
    free_parts(&p);
}

/* --- refusals --- */

static void other_configurations_are_refused_by_key(void **state)
{
    (void)state;
    const struct {
        const char *config, *words;
        int code;
    } cases[] = {
        {"{}", "hidden_size", LTD_EFORMAT},
        {"[]", "hidden_size", LTD_EFORMAT},
        {"{\"transformer_layer_config\": 3}", "transformer_layer_config", LTD_EFORMAT},
        {EAGLE(", \"attention_bias\": true"), "'attention_bias'", LTD_EUNSUPPORTED},
        {EAGLE(", \"mlp_bias\": true"), "'mlp_bias'", LTD_EUNSUPPORTED},
        {EAGLE(", \"quantization_config\": {}"), "'quantization_config'", LTD_EUNSUPPORTED},
        {EAGLE(", \"num_experts\": 8"), "'num_experts'", LTD_EUNSUPPORTED},
        {EAGLE(", \"norm_output\": true"), "'norm_output'", LTD_EUNSUPPORTED},
        {EAGLE(", \"sliding_window\": 128"), "'sliding_window'", LTD_EUNSUPPORTED},
        {EAGLE(", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}"), "type 'linear'",
         LTD_EUNSUPPORTED},
        {EAGLE(", \"rope_scaling\": {\"factor\": 2}"), "'type'", LTD_EFORMAT},
        {EAGLE(", \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 2}"),
         "'low_freq_factor'", LTD_EFORMAT},
        {EAGLE(", \"rope_theta\": 0"), "'rope_theta'", LTD_EFORMAT},
        {EAGLE(", \"eagle_config\": {\"use_aux_hidden_state\": false}"), "'use_aux_hidden_state'",
         LTD_EUNSUPPORTED},
        {EAGLE(", \"target_hidden_size\": 128"), "hidden 128 and vocabulary 320", LTD_EUNSUPPORTED},
        {EAGLE(", \"head_dim\": 8, \"hidden_size\": 72"), "hidden 72", LTD_EUNSUPPORTED},
        {EAGLE(", \"num_key_value_heads\": 3"), "3 kv heads don't divide 4", LTD_EFORMAT},
        {EAGLE(", \"num_attention_heads\": 6"), "64 rows of queries are not 6 heads", LTD_EFORMAT},
        {EAGLE(", \"num_attention_heads\": 16"), "head_dim is 4", LTD_EUNSUPPORTED},
        {EAGLE(", \"num_attention_heads\": 130, \"head_dim\": 8"),
         "130 heads share 2 key/value heads: expected at most 64", LTD_EUNSUPPORTED},
        {EAGLE(", \"vocab_size\": 400"), "vocabulary 400, but model", LTD_EUNSUPPORTED},
        {EAGLE(", \"draft_vocab_size\": 321"), "draft_vocab_size is 321", LTD_EFORMAT},
        {EAGLE(", \"draft_vocab_size\": 64"), "lm_head.weight: shape 128 x 64, expected 64 x 64",
         LTD_EFORMAT},
        {EAGLE(", \"num_hidden_layers\": 2"), "'num_hidden_layers'", LTD_EUNSUPPORTED},
        {EAGLE(", \"hidden_act\": \"gelu\""), "'hidden_act' is 'gelu'", LTD_EUNSUPPORTED},
        {SPECULATORS("", ""), "'norm_before_residual'", LTD_EFORMAT},
        {SPECULATORS("", ", \"norm_before_residual\": false, \"norm_before_fc\": true"),
         "'norm_before_fc'", LTD_EUNSUPPORTED},
        {SPECULATORS(", \"model_type\": \"qwen3\"", ", \"norm_before_residual\": false"),
         "'model_type' is 'qwen3'", LTD_EUNSUPPORTED},
        {SPECULATORS("",
                     ", \"norm_before_residual\": false, \"speculators_model_type\": \"dflash\""),
         "'dflash'", LTD_EUNSUPPORTED},
    };
    parts p = copy_parts();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_head(&p, cases[i].config, false);
        refused(cases[i].code, cases[i].words);
    }
    free_parts(&p);
}

static void a_missing_tensor_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < ltd_safetensors_tensor_count(golden); i++) {
        const char *name = ltd_safetensors_tensor_at(golden, i)->name;
        if (strcmp(name, "t2d") == 0) continue;
        for (int zip = 0; zip < 2; zip++) {
            char words[128];
            parts p = copy_parts();
            drop(&p, name);
            write_head(&p, EAGLE(""), zip);
            snprintf(words, sizeof words, "tensor %s: missing", name);
            refused(LTD_EFORMAT, words);
            free_parts(&p);
        }
    }
}

static void tensors_that_would_be_left_out_are_refused(void **state)
{
    (void)state;
    static const char *const others[] = {"midlayer.self_attn.q_norm.weight",
                                         "midlayer.self_attn.q_proj.bias",
                                         "fc.bias",
                                         "layers.1.mlp.up_proj.weight",
                                         "mask_hidden",
                                         "input_norm.weight"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char words[128];
        parts p = copy_parts();
        add(&p, others[i], LTD_DTYPE_F32, 16, 0, calloc(16, 4));
        write_head(&p, EAGLE(""), false);
        snprintf(words, sizeof words, "tensor %s: is not part", others[i]);
        refused(LTD_EUNSUPPORTED, words);
        free_parts(&p);
    }
    parts p = copy_parts();
    add(&p, "layers.0.mlp.up_proj.weight", LTD_DTYPE_F32, 16, 0, calloc(16, 4));
    write_head(&p, EAGLE(""), false);
    refused(LTD_EFORMAT, "expected one of the two");
    free_parts(&p);
}

static void vocabularies_must_fit(void **state)
{
    (void)state;
    parts p = copy_parts();
    int64_t *map = copy_of(&p, "d2t");
    uint8_t *marks = copy_of(&p, "t2d");
    replace(&p, "d2t", LTD_DTYPE_I64, map);
    replace(&p, "t2d", LTD_DTYPE_BOOL, marks);
    const int64_t last = map[127], first = map[0];
    map[127] = 320 - 127;
    write_head(&p, EAGLE(""), false);
    refused(LTD_EFORMAT, "entry 127 is 193, which leads to no token of 0 to 319");
    map[127] = INT64_MIN;
    write_head(&p, EAGLE(""), true);
    refused(LTD_EFORMAT, "leads to no token");
    map[127] = first - 127;
    write_head(&p, EAGLE(""), false);
    refused(LTD_EFORMAT, "as an earlier one does");
    map[127] = last;
    marks[last + 127] = 0;
    write_head(&p, EAGLE(""), false);
    refused(LTD_EFORMAT, "is not marked, but d2t leads to it");
    marks[last + 127] = 1;
    int32_t unmarked = 0;
    while (marks[unmarked]) unmarked++;
    marks[unmarked] = 1;
    write_head(&p, EAGLE(""), true);
    refused(LTD_EFORMAT, "is marked, but d2t leads not to it");
    replace(&p, "d2t", LTD_DTYPE_F32, calloc(128, 4));
    write_head(&p, EAGLE(""), false);
    refused(LTD_EFORMAT, "d2t: type F32, expected I64 or I32");
    free_parts(&p);
}

/* A file that tells whose rows its lm_head has: they must be the target's. */
static void a_head_of_another_model_is_refused(void **state)
{
    (void)state;
    static const char *const key = "ltd.target_sha256", *const value = "0123456789abcdef";
    parts p = copy_parts();
    write_head(&p, EAGLE(""), false);
    assert_int_equal(
        ltd_safetensors_write(in_folder("model.safetensors"), p.at, p.n, &key, &value, 1, &err),
        LTD_OK);
    refused(LTD_EUNSUPPORTED, "was trained for another model (sha256 0123456789ab) than ");
    /* Its own rows, of the same model in other bytes: nothing is wrong. */
    const ltd_tensor_view *map = &p.at[index_of(&p, "d2t")];
    float *rows = calloc(128 * 64, sizeof *rows);
    for (int32_t i = 0; i < 128; i++)
        ltd_llama_head_row(model, i + (int32_t)((const int64_t *)map->data)[i], rows + 64 * i);
    replace(&p, "lm_head.weight", LTD_DTYPE_F32, rows);
    assert_int_equal(
        ltd_safetensors_write(in_folder("model.safetensors"), p.at, p.n, &key, &value, 1, &err),
        LTD_OK);
    ltd_eagle3 *head;
    if (ltd_eagle3_open(&head, folder, model, LTD_LOAD_F32, &err) < 0) fail_msg("%s", err.msg);
    assert_true(ltd_eagle3_shares_rows(head));
    ltd_eagle3_close(head);
    free_parts(&p);
}

static void what_is_no_head_is_refused(void **state)
{
    (void)state;
    char path[1024];
    clean();
    refused(LTD_EIO, "config.json");
    write_text("config.json", EAGLE(""));
    refused(LTD_EIO, "has neither model.safetensors nor pytorch_model.bin");
    assert_true(golden_path(path, sizeof path, "torchzip/evil_system.pt"));
    assert_int_equal(symlink(path, in_folder("pytorch_model.bin")), 0);
    refused(LTD_EUNSUPPORTED, "asks for os.system");
    unlink(in_folder("pytorch_model.bin"));
    assert_true(golden_path(path, sizeof path, "torchzip/module_state.pt"));
    assert_int_equal(symlink(path, in_folder("pytorch_model.bin")), 0);
    refused(LTD_EUNSUPPORTED, "tensor 0.weight: is not part");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_torch_zip_is_the_same_head),
        cmocka_unit_test(layouts_of_others_are_the_same_head),
        cmocka_unit_test(types_of_the_file_dont_matter),
        cmocka_unit_test(bf16_weights_load),
        cmocka_unit_test(an_embedding_of_its_own_is_used),
        cmocka_unit_test(layer_numbers_may_be_inputs_or_outputs),
        cmocka_unit_test(a_pair_is_what_the_formula_says),
        cmocka_unit_test(long_wavelengths_are_stretched_as_the_targets),
        cmocka_unit_test(other_configurations_are_refused_by_key),
        cmocka_unit_test(a_missing_tensor_is_named),
        cmocka_unit_test(tensors_that_would_be_left_out_are_refused),
        cmocka_unit_test(vocabularies_must_fit),
        cmocka_unit_test(a_head_of_another_model_is_refused),
        cmocka_unit_test(what_is_no_head_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
