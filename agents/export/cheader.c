/* A header = doc, the environment's code (scripts/amalgamate), the policy's constants, and the
 * functions that join the two (header_api.c).  Weights lie input by input, so that a compiler
 * vectorises over outputs. */
#include "agents/export/cheader.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/export/cheader_priv.h"
#include "base/file.h"
#include "base/mem.h"
#include "env/tree_new.h"

/* Made by scripts/amalgamate; `@` stands for the name, `@@` for it in capitals. */
extern const char ltd_header_core[], ltd_header_api[];

typedef struct writer {
    const ltd_policy *policy;
    const ltd_cheader_options *options;
    ltd_str *out;
    char name[64], capitals[64];
    bool odd; /* a number wasn't finite */
} writer;

void ltd_cheader_name(char ret[64], const char *path)
{
    const char *base = strrchr(path, '/');
    size_t n = 0;
    for (const char *p = base ? base + 1 : path; *p && *p != '.' && n < 60; p++) {
        unsigned char c = (unsigned char)*p;
        if (!isalnum(c) || c > 126) c = '_';
        if (n == 0 && !isalpha(c)) continue;
        ret[n++] = (char)tolower(c);
    }
    ret[n] = 0;
    if (n == 0) strcpy(ret, "ltd_policy");
}

static bool is_identifier(const char *s)
{
    if (!islower((unsigned char)s[0]) || strlen(s) > 60) return false;
    for (; *s; s++)
        if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '_') return false;
    return true;
}

/* Text in which `@` and `@@` are the name. */
static void put(const writer *w, const char *text)
{
    for (const char *at; (at = strchr(text, '@')); text = at + 1) {
        ltd_str_push(w->out, text, (size_t)(at - text));
        bool capitals = at[1] == '@';
        ltd_str_puts(w->out, capitals ? w->capitals : w->name);
        at += capitals;
    }
    ltd_str_puts(w->out, text);
}

/* --- numbers --- */

/* The fewest digits that read back as this float; C wants a point or an exponent in it. */
static void put_float(writer *w, float x)
{
    char text[32];
    if (!isfinite(x)) w->odd = true;
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x) break;
    }
    ltd_str_puts(w->out, text);
    ltd_str_puts(w->out, strpbrk(text, ".e") ? "f" : ".0f");
}

static void put_floats(writer *w, const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ltd_str_puts(w->out, i % 8 ? " " : "\n    ");
        put_float(w, v[i]);
        if (i + 1 < n) ltd_str_puts(w->out, ",");
    }
}

/* --- nets --- */

static int put_layer(writer *w, const char *turn, const ltd_mlp *net, int32_t layer, ltd_err *err)
{
    int32_t in = ltd_mlp_dim(net, layer), out = ltd_mlp_dim(net, layer + 1);
    size_t n = (size_t)in * (size_t)out;
    float *weight = ltd_mem_zeros(2 * n, sizeof *weight), *turned = weight ? weight + n : NULL;
    float *bias = ltd_mem_zeros((size_t)out, sizeof *bias);
    int rc = weight && bias ? ltd_mlp_get(net, layer, weight, bias, err)
                            : ltd_fail(err, LTD_ENOMEM, "C header: no memory");
    if (rc == LTD_OK) {
        for (int32_t o = 0; o < out; o++)
            for (int32_t i = 0; i < in; i++) turned[i * out + o] = weight[o * in + i];
        put(w, "static const float @_");
        ltd_str_printf(w->out, "%s_weight_%d[%d * %d] = {", turn, layer, in, out);
        put_floats(w, turned, n);
        put(w, "};\nstatic const float @_");
        ltd_str_printf(w->out, "%s_bias_%d[%d] = {", turn, layer, out);
        put_floats(w, bias, (size_t)out);
        put(w, "};\n");
    }
    free(weight);
    free(bias);
    return rc;
}

static int put_net(writer *w, const char *turn, const ltd_mlp *net, ltd_err *err)
{
    int rc = LTD_OK;
    int32_t n = net ? ltd_mlp_layers(net) : 0;
    for (int32_t k = 0; rc == LTD_OK && k < n; k++) rc = put_layer(w, turn, net, k, err);
    if (rc < 0 || n == 0) return rc;
    put(w, "static const @_mlp_scalar_part @_");
    ltd_str_printf(w->out, "%s_parts[%d] = {", turn, n);
    for (int32_t k = 0; k < n; k++) {
        put(w, k ? ",\n    {@_" : "\n    {@_");
        ltd_str_printf(w->out, "%s_weight_%d, ", turn, k);
        put(w, "@_");
        ltd_str_printf(w->out, "%s_bias_%d, %d, %d}", turn, k, ltd_mlp_dim(net, k),
                       ltd_mlp_dim(net, k + 1));
    }
    put(w, "};\n\n");
    return LTD_OK;
}

/* --- constants --- */

static void put_define(const writer *w, const char *name, int64_t value)
{
    put(w, "#define @@_");
    ltd_str_printf(w->out, "%s %lld\n", name, (long long)value);
}

static const char *contract_symbol(ltd_contract contract)
{
    static const char *const symbols[LTD_CONTRACT_COUNT] = {
        [LTD_CONTRACT_PAPER_DEPTH] = "PAPER_DEPTH",
        [LTD_CONTRACT_PAPER_SIZE] = "PAPER_SIZE",
        [LTD_CONTRACT_LTD_DEPTH] = "LTD_DEPTH",
        [LTD_CONTRACT_LTD_SIZE] = "LTD_SIZE",
        [LTD_CONTRACT_PAPER_SIZE_NO_DEPTH] = "PAPER_SIZE_NO_DEPTH",
        [LTD_CONTRACT_PAPER_SIZE_NO_CONTEXT] = "PAPER_SIZE_NO_CONTEXT",
    };
    return symbols[contract];
}

static void put_net_defines(const writer *w, const char *turn, const ltd_mlp *net,
                            ltd_contract contract)
{
    char name[32];
    snprintf(name, sizeof name, "HAS_%s", turn);
    put_define(w, name, net != NULL);
    if (!net) return;
    snprintf(name, sizeof name, "%s_LAYERS", turn);
    put_define(w, name, ltd_mlp_layers(net));
    snprintf(name, sizeof name, "%s_RELU", turn);
    put_define(w, name, ltd_mlp_activation(net) == LTD_ACT_RELU);
    snprintf(name, sizeof name, "%s_OBS", turn);
    put_define(w, name, ltd_contract_dim(contract));
    put(w, "#define @@_");
    ltd_str_printf(w->out, "%s_CONTRACT ", turn);
    put(w, "@@_CONTRACT_");
    ltd_str_printf(w->out, "%s /* %s */\n", contract_symbol(contract), ltd_contract_name(contract));
}

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static int32_t widest(const ltd_mlp *net)
{
    int32_t most = 1;
    for (int32_t i = 1; net && i <= ltd_mlp_layers(net); i++)
        most = larger(most, ltd_mlp_dim(net, i));
    return most;
}

static void put_constants(writer *w)
{
    const ltd_policy *p = w->policy;
    int32_t chain = p->lookup ? w->options->max_chain : 0;
    int32_t obs = larger(p->depth ? ltd_contract_dim(p->depth_contract) : 1,
                         p->size ? ltd_contract_dim(p->size_contract) : 1);
    put(w, "/* --- the policy --- */\n\n");
    put_net_defines(w, "DEPTH", p->depth, p->depth_contract);
    put_net_defines(w, "SIZE", p->size, p->size_contract);
    put_define(w, "TOP_K", p->top_k);
    put_define(w, "MIN_FORWARDS", p->min_forwards);
    put_define(w, "MAX_FORWARDS", p->max_forwards);
    put_define(w, "DEPTH_EVERY", larger(p->depth_every, 1));
    if (!p->depth) put_define(w, "FIXED_FORWARDS", p->fixed_forwards);
    if (!p->size) put_define(w, "FIXED_SIZE", p->fixed_size);
    put_define(w, "MAX_CHAIN", chain);
    put_define(w, "SIZES", p->n_sizes);
    put_define(w, "MOST_OBS", obs);
    put_define(w, "MOST_ACTIONS", larger(p->n_sizes, 2));
    put_define(w, "WIDEST", larger(widest(p->depth), widest(p->size)));
    put_define(
        w, "STORAGE",
        (int64_t)ltd_tree_storage(p->top_k, p->max_forwards, chain, p->sizes[p->n_sizes - 1]));
    put(w, p->survival ? "#define @@_SURVIVAL (&@_survival_curves)\n\n"
                       : "#define @@_SURVIVAL NULL\n\n");
    put(w, "/* Nodes that may be verified: the actions of the size turn. */\n"
           "static const int32_t @_sizes[@@_SIZES] = {");
    for (int32_t i = 0; i < p->n_sizes; i++) ltd_str_printf(w->out, i ? ", %d" : "%d", p->sizes[i]);
    put(w, "};\n/* Tokens that the time of a plain decode step is worth. */\nstatic const float "
           "@_rate = ");
    put_float(w, (float)p->rate);
    put(w, ";\n\n");
}

static void put_survival(writer *w)
{
    const ltd_survival *s = w->policy->survival;
    if (!s) return;
    put(w, "/* What scores mean: counted over records of the model and head above. */\n"
           "static const @_survival @_survival_curves = {\n    {");
    put_floats(w, s->head, LTD_SURVIVAL_KNOTS);
    put(w, "},\n    {");
    for (int32_t c = 0; c < LTD_SURVIVAL_MATCHES; c++) {
        put(w, c ? ",\n     {" : "{");
        put_floats(w, s->lookup[c], LTD_SURVIVAL_CHAIN);
        put(w, "}");
    }
    put(w, "},\n    {");
    for (int32_t c = 0; c < LTD_SURVIVAL_MATCHES; c++) {
        put(w, c ? ",\n     {" : "{");
        put_floats(w, s->both[c], 3);
        put(w, "}");
    }
    ltd_str_printf(w->out, "},\n    %lld, %lld, \"\", \"\"};\n\n", (long long)s->nodes,
                   (long long)s->matches);
}

static void put_points(writer *w, const ltd_cost_point *p, int32_t n)
{
    put(w, "    {");
    for (int32_t i = 0; i < n; i++) {
        ltd_str_printf(w->out, "%s{%d, %d, ",
                       i == 0  ? ""
                       : i % 3 ? ", "
                               : ",\n     ",
                       p[i].rows, p[i].context);
        put_float(w, p[i].ms);
        put(w, ", ");
        put_float(w, p[i].ms_min);
        put(w, "}");
    }
    put(w, n ? "},\n" : "{0, 0, 0, 0}},\n");
}

/* A text of ours inside a C string. */
static void put_text(const writer *w, const char *text)
{
    ltd_str_puts(w->out, "\"");
    for (; *text; text++)
        if ((unsigned char)*text >= 32 && *text != '"' && *text != '\\' && *text != '?')
            ltd_str_push(w->out, text, 1);
    ltd_str_puts(w->out, "\"");
}

static void put_cost(writer *w)
{
    const ltd_cost *c = w->options->cost;
    const float ms[4] = {c->t_ar_ms, c->commit_ms, c->decide_ms, c->waiting_ms};
    put(w, "/* What a cycle's parts take on the machine that is named at its end.  Give\n"
           " * @_init() one of your own where yours is another. */\n"
           "static const @_cost @_cost_table = {\n    ");
    for (int i = 0; i < 4; i++) {
        put_float(w, ms[i]);
        put(w, ", ");
    }
    ltd_str_printf(w->out, "%d, %d,\n", c->n_verify, c->n_draft);
    put_points(w, c->verify, c->n_verify);
    put_points(w, c->draft, c->n_draft);
    ltd_str_printf(w->out, "    %d,\n    ", c->middle_context);
    put_text(w, c->machine);
    put(w, ",\n    ");
    put_text(w, c->cpu);
    put(w, ", ");
    put_text(w, c->isa);
    ltd_str_printf(w->out, ", %d,\n    ", c->threads);
    put_text(w, c->model_hash);
    put(w, ",\n    ");
    put_text(w, c->head_hash);
    ltd_str_printf(w->out, ", %d};\n\n", c->top_k);
}

/* --- the whole --- */

/* The manifest inside a comment: a slash may stand behind a backslash in JSON. */
static void put_manifest(const writer *w, const char *text)
{
    put(w, "/* Manifest:\n");
    for (const char *p = text; *p; p++) {
        if (p[0] == '/' && p > text && p[-1] == '*') ltd_str_puts(w->out, "\\");
        ltd_str_push(w->out, p, 1);
    }
    put(w, "\n*/\n");
}

static void put_doc(const writer *w)
{
    put(w, "/* When to stop drafting and how much to verify: a policy that ltd trained, in one "
           "header of\n"
           " * C99 (and C++17) that needs nothing but the C library and allocates nothing.\n"
           " *\n"
           " *     static @ policy;\n"
           " *     @_init(&policy, NULL);\n"
           " *     @_begin_text(&policy);                         for each text\n"
           " *     for (;;) {                                     for each cycle\n"
           " *         @_begin(&policy, context, waiting, chain, n_chain, match, distance);\n"
           " *         while (@_more(&policy))\n"
           " *             ... one forward of the draft head over the beam:\n"
           " *             @_grow(&policy, token, logp);\n"
           " *         const @_selection *s = @_choose(&policy, root_token);\n"
           " *         ... the target verifies s->token[s->n], each behind s->parent\n"
           " *         @_end(&policy, accept_len);\n"
           " *     }\n"
           " *\n"
           " * Its results are those of ltd itself, to the bit, when it is compiled with\n"
           " * -ffp-contract=off; otherwise up to rounding.  Don't edit it: `ltd generate "
           "--policy` reads\n"
           " * it, too. */\n");
}

static int check(const ltd_policy *p, const ltd_cheader_options *o, ltd_err *err)
{
    if (!is_identifier(o->name))
        return ltd_fail(err, LTD_EINVAL,
                        "C header: name '%.70s': expected small letters, digits and _, a letter "
                        "first, at most 60",
                        o->name);
    if (!p->depth && !p->size)
        return ltd_fail(err, LTD_EINVAL, "C header: the policy has neither a depth nor a size net");
    if (o->max_chain < 0 || o->max_chain > LTD_TREE_MAX_DEPTH)
        return ltd_fail(err, LTD_EINVAL, "C header: chain of %d, expected 0 to %d", o->max_chain,
                        LTD_TREE_MAX_DEPTH);
    return LTD_OK;
}

static int put_all(writer *w, const char *manifest, ltd_err *err)
{
    const ltd_policy *p = w->policy;
    put_doc(w);
    put_manifest(w, manifest);
    put(w, "#ifndef @@_H\n#define @@_H\n\n#ifdef __FAST_MATH__\n#error \"@.h: -ffast-math would "
           "change what it computes\"\n#endif\n\n#include <math.h>\n#include <stdbool.h>\n#include "
           "<stddef.h>\n#include <stdint.h>\n#include <string.h>\n\n");
    put(w, ltd_header_core);
    put_constants(w);
    int rc = put_net(w, "depth", p->depth, err);
    if (rc == LTD_OK) rc = put_net(w, "size", p->size, err);
    if (rc < 0) return rc;
    put_survival(w);
    put_cost(w);
    put(w, ltd_header_api);
    put(w, "#endif\n");
    if (w->odd)
        return ltd_fail(err, LTD_EINVAL,
                        "C header: the policy or its cost table holds a number that is not finite");
    return w->out->failed ? ltd_fail(err, LTD_ENOMEM, "C header: no memory") : LTD_OK;
}

int ltd_export_cheader(const ltd_policy *policy, const ltd_cheader_options *options, ltd_str *ret,
                       ltd_err *err)
{
    char sha256[65];
    ltd_str body = LTD_STR_INIT;
    ltd_bundle *b = NULL;
    ltd_policy actors = *policy;
    actors.depth_critic = actors.size_critic = NULL;
    writer w = {.policy = &actors, .options = options, .out = &body};
    int rc = check(policy, options, err);
    if (rc == LTD_OK) rc = ltd_bundle_from_policy(&b, &actors, err);
    if (rc == LTD_OK) {
        snprintf(w.name, sizeof w.name, "%s", options->name);
        for (size_t i = 0; w.name[i]; i++) w.capitals[i] = (char)toupper((unsigned char)w.name[i]);
        rc = put_all(&w, b->manifest, err);
    }
    if (rc == LTD_OK) {
        ltd_file_sha256(sha256, body.data, body.len);
        ltd_str_printf(ret, LTD_CHEADER_DIGEST "%s */\n", sha256);
        ltd_str_push(ret, body.data, body.len);
        if (ret->failed) rc = ltd_fail(err, LTD_ENOMEM, "C header: no memory");
    }
    ltd_bundle_free(b);
    ltd_str_fini(&body);
    return rc;
}
