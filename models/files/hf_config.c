/* config.json of a Hugging Face checkpoint: the keys of transformers 4 (rope_theta, rope_scaling)
 * and of transformers 5 (rope_parameters).  Anything that would change the arithmetic and that we
 * don't follow is refused by name. */
#include "models/files/config_priv.h"

#include <math.h>
#include <string.h>

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
    if (!number || !isfinite(v) || v <= 0)
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

static int read_rope(ltd_llm_config *c, const json_object *root, const char *where, ltd_err *err)
{
    const json_object *rope = member(root, "rope_parameters");
    if (!rope) rope = member(root, "rope_scaling");
    double theta = 10000, factor = 1, partial = 1;
    int rc = get_f64(root, "rope_theta", &theta, where, err);
    if (rc == LTD_OK) rc = get_f64(root, "partial_rotary_factor", &partial, where, err);
    if (rc < 0) return rc;
    if (rope && !json_object_is_type(rope, json_type_object))
        return ltd_fail(err, LTD_EFORMAT, "%s: the rope scaling is no object", where);
    if (rope && (rc = get_f64(rope, "rope_theta", &theta, where, err)) < 0) return rc;
    if (rope && (rc = get_f64(rope, "partial_rotary_factor", &partial, where, err)) < 0) return rc;
    if (partial != 1)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: partial_rotary_factor is %g, only 1 is handled",
                        where, partial);
    const char *type = rope ? get_text(rope, "rope_type") : NULL;
    if (rope && !type) type = get_text(rope, "type");
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

/* Set to something other than null, false and 0. */
static bool is_set(const json_object *value)
{
    bool plain = json_object_is_type(value, json_type_boolean) ||
                 json_object_is_type(value, json_type_int) || !value;
    return !plain || json_object_get_boolean(value);
}

/* Keys that ask for another arithmetic when set to anything but null, false or 0. */
static int refuse_others(const json_object *root, const char *where, ltd_err *err)
{
    static const char *const keys[] = {"attention_bias", "mlp_bias", "quantization_config",
                                       "sliding_window", "num_local_experts"};
    const char *type = get_text(root, "model_type");
    if (!type)
        return ltd_fail(err, LTD_EFORMAT, "%s: has no model_type: no config of a model", where);
    if (strcmp(type, "llama") != 0)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: is a model of the %.32s family, only llama is handled", where, type);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (is_set(member(root, keys[i])))
            return ltd_fail(err, LTD_EUNSUPPORTED, "%s: %s is %.60s, which is not handled", where,
                            keys[i],
                            json_object_to_json_string((json_object *)member(root, keys[i])));
    const char *act = get_text(root, "hidden_act");
    if (act && strcmp(act, "silu") != 0)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: hidden_act is '%.32s', only silu is handled",
                        where, act);
    return LTD_OK;
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

static int read_extents(ltd_llm_config *c, const json_object *root, const char *where, ltd_err *err)
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
    c->head_dim = c->n_heads > 0 ? c->hidden / c->n_heads : 0;
    if ((rc = get_i32(root, "head_dim", &c->head_dim, where, err)) < 0) return rc;
    return get_i32(root, "max_position_embeddings", &c->max_context, where, err);
}

static int read_config(ltd_llm_config *c, const json_object *root, const char *where, ltd_err *err)
{
    int rc = refuse_others(root, where, err);
    if (rc == LTD_OK) rc = read_extents(c, root, where, err);
    if (rc == LTD_OK) rc = ltd_llm_config_check(c, where, err);
    if (rc == LTD_OK) rc = read_rope(c, root, where, err);
    double eps = 1e-6;
    if (rc == LTD_OK) rc = get_f64(root, "rms_norm_eps", &eps, where, err);
    if (rc == LTD_OK) rc = get_token(root, "bos_token_id", &c->bos, where, err);
    if (rc == LTD_OK) rc = get_token(root, "eos_token_id", &c->eos, where, err);
    if (rc == LTD_OK) rc = get_token(root, "pad_token_id", &c->pad, where, err);
    c->rms_eps = (float)eps;
    c->tied = json_object_get_boolean(member(root, "tie_word_embeddings"));
    return rc;
}

int ltd_config_from_hf(ltd_llm_config *ret, const char *path, ltd_err *err)
{
    json_object *root;
    int rc = ltd_files_json_load(&root, path, err);
    if (rc < 0) return rc;
    ltd_llm_config c = {.arch = "llama", .max_context = 2048, .bos = -1, .eos = -1, .pad = -1};
    rc = read_config(&c, root, path, err);
    json_object_put(root);
    if (rc == LTD_OK) *ret = c;
    return rc;
}
