#include "agents/export/manifest.h"

#include "base/json.h"

static void put_floats(ltd_json_writer *w, const char *key, const float *v, int32_t n)
{
    ltd_json_begin_inline_array(w, key);
    for (int32_t i = 0; i < n; i++) ltd_json_put_f64(w, NULL, (double)v[i]);
    ltd_json_end_array(w);
}

static void put_rows(ltd_json_writer *w, const char *key, const float *v, int32_t rows, int32_t n)
{
    ltd_json_begin_array(w, key);
    for (int32_t i = 0; i < rows; i++) put_floats(w, NULL, v + (size_t)i * (size_t)n, n);
    ltd_json_end_array(w);
}

/* --- the turns --- */

static void put_dims(ltd_json_writer *w, const char *key, const ltd_mlp *net)
{
    if (!net) {
        ltd_json_put_null(w, key);
        return;
    }
    ltd_json_begin_inline_array(w, key);
    for (int32_t i = 0; i <= ltd_mlp_layers(net); i++)
        ltd_json_put_int(w, NULL, ltd_mlp_dim(net, i));
    ltd_json_end_array(w);
}

static void put_nets(ltd_json_writer *w, const ltd_mlp *actor, const ltd_mlp *critic)
{
    ltd_json_put_string(w, "activation",
                        actor ? ltd_activation_name(ltd_mlp_activation(actor)) : NULL);
    put_dims(w, "actor", actor);
    put_dims(w, "critic", critic);
}

static void put_turns(ltd_json_writer *w, const ltd_policy *p)
{
    ltd_json_begin_object(w, "depth");
    ltd_json_put_string(w, "obs", ltd_contract_name(p->depth_contract));
    ltd_json_begin_inline_array(w, "actions");
    ltd_json_put_string(w, NULL, "stop");
    ltd_json_put_string(w, NULL, "continue");
    ltd_json_end_array(w);
    put_nets(w, p->depth, p->depth_critic);
    ltd_json_end_object(w);
    ltd_json_begin_object(w, "size");
    ltd_json_put_string(w, "obs", ltd_contract_name(p->size_contract));
    ltd_json_begin_inline_array(w, "actions");
    for (int32_t i = 0; i < p->n_sizes; i++) ltd_json_put_int(w, NULL, p->sizes[i]);
    ltd_json_end_array(w);
    put_nets(w, p->size, p->size_critic);
    ltd_json_end_object(w);
}

/* --- curves and table --- */

static void put_survival(ltd_json_writer *w, const ltd_survival *s)
{
    if (!s) return;
    ltd_json_begin_object(w, "survival");
    put_floats(w, "head", s->head, LTD_SURVIVAL_KNOTS);
    put_rows(w, "lookup", s->lookup[0], LTD_SURVIVAL_MATCHES, LTD_SURVIVAL_CHAIN);
    put_rows(w, "both", s->both[0], LTD_SURVIVAL_MATCHES, 3);
    ltd_json_end_object(w);
}

/* [go, nodes, cycles] of each class: a row a class of confidence, forwards by forwards. */
static void put_table(ltd_json_writer *w, const ltd_table *t)
{
    if (!t) return;
    ltd_json_begin_object(w, "table");
    put_floats(w, "confidence", t->confidence, LTD_TABLE_CONFIDENCES - 1);
    ltd_json_begin_inline_array(w, "match");
    for (int32_t i = 0; i < LTD_TABLE_MATCHES - 1; i++) ltd_json_put_int(w, NULL, t->match[i]);
    ltd_json_end_array(w);
    ltd_json_begin_array(w, "classes");
    for (int32_t n = 0; n <= t->max_forwards; n++)
        for (int32_t c = 0; c < LTD_TABLE_CONFIDENCES; c++) {
            ltd_json_begin_inline_array(w, NULL);
            for (int32_t m = 0; m < LTD_TABLE_MATCHES; m++) {
                const ltd_table_class *k = &t->at[n][c][m];
                ltd_json_put_int(w, NULL, k->go);
                ltd_json_put_int(w, NULL, k->nodes);
                ltd_json_put_int(w, NULL, k->cycles);
            }
            ltd_json_end_array(w);
        }
    ltd_json_end_array(w);
    ltd_json_end_object(w);
}

void ltd_manifest_write(const ltd_policy *p, const char *weights_sha256, ltd_str *out)
{
    ltd_json_writer w = ltd_json_writing(out, 1);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_string(&w, "format", LTD_MANIFEST_KEY);
    ltd_json_put_int(&w, "version", LTD_MANIFEST_VERSION);
    put_turns(&w, p);
    ltd_json_put_int(&w, "top_k", p->top_k);
    ltd_json_put_int(&w, "min_forwards", p->min_forwards);
    ltd_json_put_int(&w, "max_forwards", p->max_forwards);
    ltd_json_put_int(&w, "depth_every", p->depth_every > 0 ? p->depth_every : 1);
    ltd_json_put_bool(&w, "lookup", p->lookup);
    ltd_json_put_f64(&w, "rate", p->rate);
    ltd_json_put_int(&w, "fixed_forwards", p->fixed_forwards);
    ltd_json_put_int(&w, "fixed_size", p->fixed_size);
    put_survival(&w, p->survival);
    put_table(&w, p->table);
    ltd_json_put_string(&w, "weights_sha256", weights_sha256);
    ltd_json_put_string(&w, "model_sha256", p->model_hash);
    ltd_json_put_string(&w, "head_sha256", p->head_hash);
    ltd_json_put_string(&w, "machine", p->machine);
    ltd_json_end_object(&w);
}
