/* config.json of a Hugging Face checkpoint: the keys of transformers 4 (rope_theta, rope_scaling)
 * and of transformers 5 (rope_parameters).  Anything that would change the arithmetic and that we
 * don't follow is refused by name. */
#include "models/files/config_priv.h"

#include <math.h>
#include <string.h>

#include "models/files/family_priv.h"
#include "models/files/json_priv.h"

#define PI 3.14159265358979323846

/* A member, NULL when absent or null: both mean "the default" in config.json. */
static const json_object *member(const json_object *object, const char *key)
{
    return json_object_object_get(object, key);
}

/* Whole number; the default stays in *ret when the key is absent. */
static int get_i32(const json_object *object, const char *key, int32_t *ret, const char *where,
                   ltd_err *err)
{
    const json_object *value = member(object, key);
    if (!value) return LTD_OK;
    int64_t v;
    if (!ltd_files_json_size(value, &v) || v > INT32_MAX)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s is %.40s, expected a whole number", where, key,
                        json_object_to_json_string((json_object *)value));
    *ret = (int32_t)v;
    return LTD_OK;
}

static int need_i32(const json_object *object, const char *key, int32_t *ret, const char *where,
                    ltd_err *err)
{
    if (!member(object, key)) return ltd_fail(err, LTD_EFORMAT, "%s: has no key %s", where, key);
    return get_i32(object, key, ret, where, err);
}

static int get_f64(const json_object *object, const char *key, double *ret, const char *where,
                   ltd_err *err)
{
    const json_object *value = member(object, key);
    if (!value) return LTD_OK;
    double v = json_object_get_double(value);
    bool number =
        json_object_is_type(value, json_type_double) || json_object_is_type(value, json_type_int);
    if (!number || !isfinite((float)v) || (float)v <= 0)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s is %.40s, expected a positive number", where, key,
                        json_object_to_json_string((json_object *)value));
    *ret = v;
    return LTD_OK;
}

static int need_f64(const json_object *object, const char *key, double *ret, const char *where,
                    ltd_err *err)
{
    if (!member(object, key)) return ltd_fail(err, LTD_EFORMAT, "%s: has no key %s", where, key);
    return get_f64(object, key, ret, where, err);
}

static const char *get_text(const json_object *object, const char *key)
{
    const json_object *value = member(object, key);
    if (!json_object_is_type(value, json_type_string)) return NULL;
    return json_object_get_string((json_object *)value);
}

/* Llama 3.1's rule: wavelengths beyond the original context are stretched by `factor`, those far
 * inside it are kept, and between the two the frequency is blended. */
static int llama3_rope(ltd_llm_config *c, const json_object *rope, double theta, const char *where,
                       ltd_err *err)
{
    double factor, low, high, original;
    int rc = need_f64(rope, "factor", &factor, where, err);
    if (rc == LTD_OK) rc = need_f64(rope, "low_freq_factor", &low, where, err);
    if (rc == LTD_OK) rc = need_f64(rope, "high_freq_factor", &high, where, err);
    if (rc == LTD_OK)
        rc = need_f64(rope, "original_max_position_embeddings", &original, where, err);
    if (rc < 0) return rc;
    if (high <= low)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: high_freq_factor is %g, expected above low_freq_factor (%g)", where,
                        high, low);
    for (int i = 0; i < c->head_dim / 2; i++) {
        double wavelength = 2 * PI * pow(theta, 2.0 * i / c->head_dim);
        double blend = (original / wavelength - low) / (high - low);
        blend = fmin(fmax(blend, 0), 1);
        c->rope_div[i] = (float)(1 / ((1 - blend) / factor + blend));
    }
    return LTD_OK;
}

/* One set of rotary parameters into rope_theta and rope_div.  `rope` may be NULL; *theta holds what
 * to take when it names none. */
static int read_rope_set(ltd_llm_config *c, const json_object *rope, double theta,
                         const char *where, ltd_err *err)
{
    double factor = 1, partial = 1;
    int rc = get_f64(rope, "rope_theta", &theta, where, err);
    if (rc == LTD_OK) rc = get_f64(rope, "partial_rotary_factor", &partial, where, err);
    if (rc < 0) return rc;
    if (partial != 1)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: partial_rotary_factor is %g, only 1 is handled",
                        where, partial);
    const char *type = get_text(rope, "rope_type");
    if (!type) type = get_text(rope, "type");
    if (!type) type = "default";
    c->rope_theta = (float)theta;
    if (strcmp(type, "llama3") == 0) return llama3_rope(c, rope, theta, where, err);
    if (strcmp(type, "linear") == 0) {
        if ((rc = need_f64(rope, "factor", &factor, where, err)) < 0) return rc;
    } else if (strcmp(type, "default") != 0) {
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: rope type '%.32s' is not handled, only default, linear and llama3",
                        where, type);
    }
    for (int i = 0; i < c->head_dim / 2; i++) c->rope_div[i] = (float)factor;
    return LTD_OK;
}

/* The sliding layers' rotation has a base and nothing else. */
static int read_local_rope(ltd_llm_config *c, const json_object *root, const json_object *rope,
                           const char *where, ltd_err *err)
{
    double theta = LTD_GEMMA_LOCAL_THETA;
    const char *type = get_text(rope, "rope_type");
    if (type && strcmp(type, "default") != 0)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: rope type '%.32s' of sliding layers is not handled, only default",
                        where, type);
    int rc = get_f64(root, "rope_local_base_freq", &theta, where, err);
    if (rc == LTD_OK) rc = get_f64(rope, "rope_theta", &theta, where, err);
    c->rope_local_theta = (float)theta;
    return rc;
}

/* rope_parameters (transformers 5), for each kind of layer where there are two; before it
 * rope_theta and rope_scaling. */
static int read_rope(ltd_llm_config *c, const json_object *root, const ltd_family *family,
                     const char *where, ltd_err *err)
{
    const json_object *rope = member(root, "rope_parameters"), *local = NULL;
    if (!rope) rope = member(root, "rope_scaling");
    if (rope && !json_object_is_type(rope, json_type_object))
        return ltd_fail(err, LTD_EFORMAT, "%s: the rope scaling is no object", where);
    if (member(rope, "full_attention") || member(rope, "sliding_attention")) {
        local = member(rope, "sliding_attention");
        rope = member(rope, "full_attention");
        if (!family->gemma || !json_object_is_type(rope, json_type_object) ||
            !json_object_is_type(local, json_type_object))
            return ltd_fail(err, LTD_EFORMAT,
                            "%s: rope_parameters by kind of layer, expected one object for each of "
                            "full_attention and sliding_attention in a gemma3_text model",
                            where);
    }
    double theta = family->theta, partial = 1;
    int rc = get_f64(root, "rope_theta", &theta, where, err);
    if (rc == LTD_OK) rc = get_f64(root, "partial_rotary_factor", &partial, where, err);
    if (rc < 0) return rc;
    if (partial != 1)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: partial_rotary_factor is %g, only 1 is handled",
                        where, partial);
    if (family->gemma) rc = read_local_rope(c, root, local, where, err);
    return rc < 0 ? rc : read_rope_set(c, rope, theta, where, err);
}

/* layer_types names each layer; of the older keys follows which ones slide.  Only Gemma's do. */
static int read_layers(ltd_llm_config *c, const json_object *root, const ltd_family *family,
                       const char *where, ltd_err *err)
{
    int32_t window = 4096, pattern = LTD_GEMMA_PATTERN;
    if (family->gemma) {
        int rc = get_i32(root, "sliding_window", &window, where, err);
        if (rc == LTD_OK) rc = get_i32(root, "sliding_window_pattern", &pattern, where, err);
        if (rc == LTD_OK) rc = ltd_family_window(c, window, pattern, where, err);
        if (rc < 0) return rc;
    }
    const json_object *types = member(root, "layer_types");
    if (!types) return LTD_OK;
    if (!json_object_is_type(types, json_type_array) ||
        json_object_array_length(types) != (size_t)c->n_layers)
        return ltd_fail(err, LTD_EFORMAT, "%s: layer_types is no list of %d layers", where,
                        c->n_layers);
    for (int32_t i = 0; i < c->n_layers; i++) {
        const char *type = json_object_get_string(json_object_array_get_idx(types, (size_t)i));
        bool slides = type && strcmp(type, "sliding_attention") == 0;
        if ((!slides && (!type || strcmp(type, "full_attention") != 0)) ||
            (slides && !family->gemma))
            return ltd_fail(err, LTD_EUNSUPPORTED,
                            "%s: layer %d is of type %.32s, which is not "
                            "handled in a %s model",
                            where, i, type ? type : "null", family->hf);
        c->slides[i] = slides;
    }
    return LTD_OK;
}

/* Set to something other than null, false and 0. */
static bool is_set(const json_object *value)
{
    bool plain = json_object_is_type(value, json_type_boolean) ||
                 json_object_is_type(value, json_type_int) || !value;
    return !plain || json_object_get_boolean(value);
}

/* Keys that ask for another arithmetic when set to anything but null, false or 0. */
static int refuse_others(const json_object *root, const ltd_family *family, const char *where,
                         ltd_err *err)
{
    static const char *const keys[] = {"attention_bias",
                                       "mlp_bias",
                                       "quantization_config",
                                       "num_local_experts",
                                       "num_experts",
                                       "use_sliding_window",
                                       "use_bidirectional_attention",
                                       "use_mrope",
                                       "attn_logit_softcapping",
                                       "final_logit_softcapping"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (is_set(member(root, keys[i])))
            return ltd_fail(err, LTD_EUNSUPPORTED, "%s: %s is %.60s, which is not handled", where,
                            keys[i],
                            json_object_to_json_string((json_object *)member(root, keys[i])));
    /* Qwen configs give a window that use_sliding_window turns off. */
    const json_object *window = member(root, "sliding_window");
    if (strcmp(family->name, "llama") == 0 && is_set(window))
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: sliding_window is %.60s, which is not handled",
                        where, json_object_to_json_string((json_object *)window));
    const char *key = family->gemma ? "hidden_activation" : "hidden_act";
    const char *want = family->gemma ? "gelu_pytorch_tanh" : "silu", *act = get_text(root, key);
    if (act && strcmp(act, want) != 0)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: %s is '%.32s', only %s is handled", where, key,
                        act, want);
    return LTD_OK;
}

static int find_family(const ltd_family **ret, const json_object *root, const char *where,
                       ltd_err *err)
{
    const char *type = get_text(root, "model_type");
    if (!type)
        return ltd_fail(err, LTD_EFORMAT, "%s: has no model_type: no config of a model", where);
    *ret = ltd_family_find(type, strlen(type), false);
    if (*ret) return LTD_OK;
    return ltd_fail(err, LTD_EUNSUPPORTED,
                    "%s: is a model of the %.32s family, only llama, qwen2, qwen3 and gemma3_text "
                    "are handled",
                    where, type);
}

/* A token id, or the first of a list of them. */
static int get_token(const json_object *root, const char *key, int32_t *ret, const char *where,
                     ltd_err *err)
{
    const json_object *value = member(root, key);
    if (json_object_is_type(value, json_type_array)) {
        int64_t v;
        value = json_object_array_length(value) ? json_object_array_get_idx(value, 0) : NULL;
        if (!value || !ltd_files_json_size(value, &v) || v > INT32_MAX)
            return ltd_fail(err, LTD_EFORMAT, "%s: %s is no list of token ids", where, key);
        *ret = (int32_t)v;
        return LTD_OK;
    }
    /* -1 means "none" in some files. */
    if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) == -1)
        return LTD_OK;
    return get_i32(root, key, ret, where, err);
}

static int read_extents(ltd_llm_config *c, const json_object *root, const ltd_family *family,
                        const char *where, ltd_err *err)
{
    const struct {
        const char *key;
        int32_t *ret;
    } needed[] = {
        {"hidden_size", &c->hidden},         {"intermediate_size", &c->ffn},
        {"num_hidden_layers", &c->n_layers}, {"num_attention_heads", &c->n_heads},
        {"vocab_size", &c->vocab},
    };
    int rc;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if ((rc = need_i32(root, needed[i].key, needed[i].ret, where, err)) < 0) return rc;
    c->n_kv_heads = c->n_heads;
    if ((rc = get_i32(root, "num_key_value_heads", &c->n_kv_heads, where, err)) < 0) return rc;
    c->head_dim = family->head_dim;
    if (!c->head_dim) c->head_dim = c->n_heads > 0 ? c->hidden / c->n_heads : 0;
    c->max_context = family->max_context;
    if ((rc = get_i32(root, "head_dim", &c->head_dim, where, err)) < 0) return rc;
    return get_i32(root, "max_position_embeddings", &c->max_context, where, err);
}

/* Scales that a config may give, and those that follow from the family. */
static int read_scales(ltd_llm_config *c, const json_object *root, const ltd_family *family,
                       const char *where, ltd_err *err)
{
    double eps = 1e-6, scalar = 256;
    int rc = get_f64(root, "rms_norm_eps", &eps, where, err);
    if (rc == LTD_OK) rc = get_f64(root, "query_pre_attn_scalar", &scalar, where, err);
    c->rms_eps = (float)eps;
    if (!family->gemma) return rc;
    c->attn_scale = (float)pow(scalar, -0.5);
    c->norms_less_one = c->embed_rounded = true;
    return rc;
}

static int read_config(ltd_llm_config *c, const json_object *root, const char *where, ltd_err *err)
{
    const ltd_family *family = NULL;
    int rc = find_family(&family, root, where, err);
    if (rc == LTD_OK) rc = refuse_others(root, family, where, err);
    if (rc == LTD_OK) rc = read_extents(c, root, family, where, err);
    if (rc == LTD_OK) rc = ltd_llm_config_check(c, where, err);
    if (rc < 0) return rc;
    ltd_family_apply(family, c);
    rc = read_layers(c, root, family, where, err);
    if (rc == LTD_OK) rc = read_rope(c, root, family, where, err);
    if (rc == LTD_OK) rc = read_scales(c, root, family, where, err);
    if (rc == LTD_OK) rc = get_token(root, "bos_token_id", &c->bos, where, err);
    if (rc == LTD_OK) rc = get_token(root, "eos_token_id", &c->eos, where, err);
    if (rc == LTD_OK) rc = get_token(root, "pad_token_id", &c->pad, where, err);
    const json_object *tied = member(root, "tie_word_embeddings");
    c->tied = tied ? json_object_get_boolean(tied) : family->tied;
    return rc;
}

static int finish(ltd_llm_config *ret, json_object *root, const char *where, ltd_err *err)
{
    ltd_llm_config c = {.bos = -1, .eos = -1, .pad = -1};
    int rc = read_config(&c, root, where, err);
    json_object_put(root);
    if (rc == LTD_OK) *ret = c;
    return rc;
}

int ltd_config_parse_hf(ltd_llm_config *ret, const char *text, size_t n, const char *where,
                        ltd_err *err)
{
    json_object *root;
    int rc = ltd_files_json_parse(&root, text, n, where, err);
    return rc < 0 ? rc : finish(ret, root, where, err);
}

int ltd_config_from_hf(ltd_llm_config *ret, const char *path, ltd_err *err)
{
    json_object *root;
    int rc = ltd_files_json_load(&root, path, err);
    return rc < 0 ? rc : finish(ret, root, path, err);
}
