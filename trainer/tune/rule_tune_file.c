/* rules.json: what the search found, and what it holds for. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "trainer/records/survival_run.h"
#include "trainer/tune/rule_tune.h"

void ltd_rules_begin(ltd_rule_set *ret, const ltd_setup *s)
{
    const ltd_config *c = &s->config;
    char survival[65];
    ltd_str sizes = LTD_STR_INIT;
    for (int32_t i = 0; i < c->env.sizes.n; i++)
        ltd_str_printf(&sizes, "%s%d", i ? "," : "", c->env.sizes.v[i]);
    *ret = (ltd_rule_set){.n = 0};
    snprintf(ret->identity, sizeof ret->identity,
             "machine %s model %.64s head %.64s (%d x %d) sizes %.200s lookup %d-%d survival %.12s",
             s->machine, ltd_llama_hash(s->model), s->head ? ltd_eagle3_hash(s->head) : "none",
             s->head ? c->env.max_forwards : 0, c->env.top_k, ltd_str_text(&sizes),
             c->env.lookup ? c->env.lookup_min_match : 0,
             c->env.lookup ? c->env.lookup_max_chain : 0, ltd_survival_hash(s, survival));
    ltd_str_fini(&sizes);
}

int ltd_rules_path(const ltd_setup *s, char *ret, size_t size, ltd_err *err)
{
    ltd_rule_set set;
    ltd_rules_begin(&set, s);
    return ltd_setup_beside_cost(s, "rules", set.identity, ret, size, err);
}

/* --- writing --- */

/* As it stands in the table of the rule, not as the nearest float. */
static double written(float v)
{
    return round((double)v * 1e6) / 1e6;
}

/* Nine digits give every float back. */
static double nine_digits(float v)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", (double)v);
    return strtod(text, NULL);
}

static size_t layer_floats(const ltd_mlp *net, int32_t layer)
{
    return (size_t)ltd_mlp_dim(net, layer) * (size_t)ltd_mlp_dim(net, layer + 1);
}

/* A layer's weights and biases as lists; without memory they stay empty, and nobody reads them. */
static void put_layer(ltd_json_writer *w, const ltd_mlp *net, int32_t layer)
{
    size_t n = layer_floats(net, layer), n_bias = (size_t)ltd_mlp_dim(net, layer + 1);
    float *v = ltd_mem_zeros(n + n_bias, sizeof *v);
    bool there = v && ltd_mlp_get(net, layer, v, v + n, NULL) == LTD_OK;
    ltd_json_begin_object(w, NULL);
    ltd_json_begin_inline_array(w, "weight");
    for (size_t i = 0; there && i < n; i++) ltd_json_put_f64(w, NULL, nine_digits(v[i]));
    ltd_json_end_array(w);
    ltd_json_begin_inline_array(w, "bias");
    for (size_t i = 0; there && i < n_bias; i++) ltd_json_put_f64(w, NULL, nine_digits(v[n + i]));
    ltd_json_end_array(w);
    ltd_json_end_object(w);
    free(v);
}

static void put_rule(ltd_json_writer *w, const ltd_rule_setting *s)
{
    ltd_json_begin_inline_object(w, NULL);
    ltd_json_put_string(w, "rule", s->rule->name);
    ltd_json_put_f64(w, "speedup", s->speedup);
    ltd_json_put_f64(w, "before", s->before);
    ltd_json_put_int(w, "tries", s->tries);
    ltd_json_begin_object(w, "param");
    for (int32_t i = 0; i < s->rule->n_params; i++)
        ltd_json_put_f64(w, s->rule->param[i].name, written(s->param[i]));
    ltd_json_end_object(w);
    if (s->net) {
        ltd_json_begin_array(w, "net");
        for (int32_t l = 0; l < ltd_mlp_layers(s->net); l++) put_layer(w, s->net, l);
        ltd_json_end_array(w);
    }
    ltd_json_end_object(w);
}

void ltd_rules_json(const ltd_rule_set *set, ltd_str *out)
{
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "identity", set->identity);
    ltd_json_put_string(&w, "tuned_on", set->tuned_on);
    ltd_json_begin_array(&w, "rules");
    for (int32_t i = 0; i < set->n; i++) put_rule(&w, &set->rule[i]);
    ltd_json_end_array(&w);
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}

int ltd_rules_save(const ltd_rule_set *set, const char *path, ltd_err *err)
{
    ltd_str text = LTD_STR_INIT;
    ltd_rules_json(set, &text);
    int rc = text.failed ? ltd_fail(err, LTD_ENOMEM, "rules: no memory")
                         : ltd_file_write(path, ltd_str_text(&text), text.len, err);
    ltd_str_fini(&text);
    return rc;
}

void ltd_rules_table(const ltd_rule_set *set, ltd_str *out)
{
    char text[160];
    ltd_str_printf(out, "  %-14s %7s %8s  %s\n", "rule", "x plain", "default", "parameters");
    for (int32_t i = 0; i < set->n; i++) {
        const ltd_rule_setting *s = &set->rule[i];
        ltd_str_printf(out, "  %-14s %7.3f %8.3f  %s\n", s->rule->name, s->speedup, s->before,
                       ltd_rule_text(s->rule, s->param, text, sizeof text));
    }
    ltd_str_printf(out, "tuned on %s, by the cost table\n", set->tuned_on);
}

/* --- reading --- */

/* *fits false: the rule is another by now. */
static int get_params(ltd_json o, ltd_rule_setting *s, bool *fits, ltd_err *err)
{
    ltd_json list;
    int rc = ltd_json_get_object(o, "param", &list, err);
    *fits = rc == LTD_OK && ltd_json_count(list) == (size_t)s->rule->n_params;
    for (int32_t i = 0; rc == LTD_OK && *fits && i < s->rule->n_params; i++) {
        double v = 0;
        *fits = ltd_json_has(list, s->rule->param[i].name);
        if (*fits) rc = ltd_json_get_f64(list, s->rule->param[i].name, &v, err);
        s->param[i] = (float)v;
    }
    return rc;
}

static int get_floats(ltd_json o, const char *key, float *ret, size_t n, bool *fits, ltd_err *err)
{
    ltd_json list;
    int rc = ltd_json_get_array(o, key, &list, err);
    if (rc == LTD_OK && ltd_json_count(list) != n) *fits = false;
    for (size_t i = 0; rc == LTD_OK && *fits && i < n; i++) {
        double v = 0;
        rc = ltd_json_as_f64(ltd_json_at(list, i), key, &v, err);
        ret[i] = (float)v;
    }
    return rc;
}

static int get_layer(ltd_json o, ltd_mlp *net, int32_t layer, bool *fits, ltd_err *err)
{
    size_t n = layer_floats(net, layer), n_bias = (size_t)ltd_mlp_dim(net, layer + 1);
    float *v = ltd_mem_zeros(n + n_bias, sizeof *v);
    if (!v) return ltd_fail(err, LTD_ENOMEM, "rules: no memory");
    int rc = get_floats(o, "weight", v, n, fits, err);
    if (rc == LTD_OK) rc = get_floats(o, "bias", v + n, n_bias, fits, err);
    if (rc == LTD_OK && *fits) rc = ltd_mlp_set(net, layer, v, v + n, err);
    free(v);
    return rc;
}

/* *fits false: the rule's net has another shape by now. */
static int get_net(ltd_json o, ltd_rule_setting *s, bool *fits, ltd_err *err)
{
    const ltd_rule_net *shape = &s->rule->net;
    ltd_json list;
    if (!shape->inputs) return LTD_OK;
    *fits = *fits && ltd_json_has(o, "net");
    if (!*fits) return LTD_OK;
    int rc = ltd_json_get_array(o, "net", &list, err);
    if (rc < 0) return rc;
    *fits = ltd_json_count(list) == 2;
    if (*fits)
        rc = ltd_mlp_new(&s->net, (int32_t[]){shape->inputs, shape->hidden, shape->outputs}, 2,
                         LTD_ACT_TANH, err);
    for (int32_t l = 0; rc == LTD_OK && *fits && l < 2; l++)
        rc = get_layer(ltd_json_at(list, (size_t)l), s->net, l, fits, err);
    return rc;
}

static int get_rule(ltd_json o, ltd_rule_set *set, ltd_err *err)
{
    const char *name;
    ltd_rule_setting s = {0};
    int64_t tries = 0;
    bool fits = false;
    int rc = ltd_json_get_string(o, "rule", &name, err);
    if (rc < 0) return rc;
    s.rule = ltd_rule_find(name);
    if (!s.rule || ltd_rules_find(set, name) || set->n == LTD_RULES_MAX) return LTD_OK;
    rc = ltd_json_get_f64(o, "speedup", &s.speedup, err);
    if (rc == LTD_OK) rc = ltd_json_get_f64(o, "before", &s.before, err);
    if (rc == LTD_OK) rc = ltd_json_get_int(o, "tries", 0, INT32_MAX, &tries, err);
    s.tries = (int32_t)tries;
    if (rc == LTD_OK) rc = get_params(o, &s, &fits, err);
    if (rc == LTD_OK) rc = get_net(o, &s, &fits, err);
    if (rc == LTD_OK && fits)
        set->rule[set->n++] = s;
    else
        ltd_mlp_free(s.net);
    return rc;
}

static int get_set(ltd_json root, ltd_rule_set *set, ltd_err *err)
{
    const char *identity, *tuned_on;
    ltd_json list;
    int64_t version;
    int rc = ltd_json_get_int(root, "version", 1, 1, &version, err);
    if (rc == LTD_OK) rc = ltd_json_get_string(root, "identity", &identity, err);
    if (rc == LTD_OK) rc = ltd_json_get_string(root, "tuned_on", &tuned_on, err);
    if (rc == LTD_OK) rc = ltd_json_get_array(root, "rules", &list, err);
    if (rc < 0) return rc;
    if (strcmp(identity, set->identity) != 0)
        return ltd_fail(err, LTD_EINVAL, "%s: tuned for another machine, model or configuration",
                        root.name);
    snprintf(set->tuned_on, sizeof set->tuned_on, "%s", tuned_on);
    for (size_t i = 0; rc == LTD_OK && i < ltd_json_count(list); i++)
        rc = get_rule(ltd_json_at(list, i), set, err);
    return rc;
}

int ltd_rules_load(ltd_rule_set *set, const char *path, ltd_err *err)
{
    ltd_file file;
    ltd_json_doc *doc;
    ltd_rule_set read = *set;
    int rc = ltd_file_map(&file, path, err);
    if (rc < 0) return rc;
    rc = ltd_json_parse(&doc, path, file.data, file.size, err);
    ltd_file_unmap(&file);
    if (rc < 0) return rc;
    read.n = 0;
    rc = get_set(ltd_json_root(doc), &read, err);
    ltd_json_free(doc);
    if (rc == LTD_OK)
        *set = read;
    else
        ltd_rules_fini(&read);
    return rc;
}
