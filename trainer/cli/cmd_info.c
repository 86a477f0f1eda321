/* What a file is: models, heads, checkpoints; or what this machine and this environment are. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agents/export/export.h"
#include "base/file.h"
#include "models/files/ptzip.h"
#include "models/files/safetensors.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/import.h"
#include "trainer/cli/cli.h"
#include "trainer/version.h"

static void print_dims(const int64_t *dims, int n)
{
    for (int i = 0; i < n; i++) printf("%s%lld", i ? " x " : "", (long long)dims[i]);
    if (!n) printf("scalar");
}

/* The first 60 bytes, without what a terminal would obey; at least `width` columns. */
static void print_text(ltd_gguf_string s, int width)
{
    int n = s.len < 60 ? (int)s.len : 60;
    for (int i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s.data[i];
        putchar(c < 32 || c == 127 ? ' ' : c);
    }
    printf("%s%*s", s.len > 60 ? "..." : "", n < width ? width - n : 0, "");
}

static void print_value(const ltd_gguf_value *v)
{
    printf("  ");
    print_text(v->key, 45);
    if (v->is_array) {
        printf("[%llu values]\n", (unsigned long long)v->count);
    } else if (v->type == LTD_GGUF_STRING) {
        uint64_t n;
        memcpy(&n, v->data, 8);
        print_text((ltd_gguf_string){(const char *)v->data + 8, (size_t)n}, 0);
        printf("\n");
    } else {
        printf("%g\n", ltd_gguf_number(v, 0));
    }
}

static int info_gguf(const ltd_cli *cli, const char *path, ltd_err *err)
{
    ltd_gguf *f;
    int rc = ltd_gguf_open(&f, path, err);
    if (rc < 0) return rc;
    printf("%s: GGUF model, %zu bytes, %zu tensors\n", path, ltd_gguf_size(f),
           ltd_gguf_tensor_count(f));
    for (size_t i = 0; i < ltd_gguf_value_count(f); i++) print_value(ltd_gguf_value_at(f, i));
    for (size_t i = 0; cli->verbose && i < ltd_gguf_tensor_count(f); i++) {
        const ltd_tensor_view *t = ltd_gguf_tensor_at(f, i);
        printf("  %-40s %-5s ", t->name, ltd_dtype_name(t->dtype));
        print_dims(t->dims, t->n_dims);
        printf("\n");
    }
    if (!cli->verbose) printf("  (--verbose lists the tensors)\n");
    ltd_gguf_close(f);
    return LTD_OK;
}

static void print_tensor(const ltd_tensor_view *t)
{
    printf("  %-44s %-5s ", t->name, ltd_dtype_name(t->dtype));
    print_dims(t->dims, t->n_dims);
    printf("\n");
}

static int info_safetensors(const char *path, ltd_err *err)
{
    ltd_safetensors *f;
    int rc = ltd_safetensors_open(&f, path, err);
    if (rc < 0) return rc;
    printf("%s: safetensors, %zu tensors\n", path, ltd_safetensors_tensor_count(f));
    for (size_t i = 0; i < ltd_safetensors_tensor_count(f); i++)
        print_tensor(ltd_safetensors_tensor_at(f, i));
    ltd_safetensors_close(f);
    return LTD_OK;
}

static int info_ptzip(const char *path, ltd_err *err)
{
    ltd_ptzip *f;
    int rc = ltd_ptzip_open(&f, path, err);
    if (rc < 0) return rc;
    printf("%s: torch zip, %zu tensors\n", path, ltd_ptzip_tensor_count(f));
    for (size_t i = 0; i < ltd_ptzip_tensor_count(f); i++) print_tensor(ltd_ptzip_tensor_at(f, i));
    ltd_ptzip_close(f);
    return LTD_OK;
}

/* Where a policy comes from, and what it does in every cycle for want of an actor. */
static void print_policy(const char *path, const ltd_checkpoint *c)
{
    const char *from;
    int64_t fixed[2];
    if (ltd_checkpoint_get_text(c, LTD_IMPORT_ENTRY, &from, NULL) == LTD_OK)
        printf("%s: imported policy (%s)\n", path, from);
    else
        printf("%s: checkpoint of a training run at %llu cycles\n", path,
               (unsigned long long)ltd_checkpoint_step(c));
    if (ltd_checkpoint_get_i64(c, "policy/fixed", fixed, 2, NULL) < 0) return;
    if (!ltd_checkpoint_find(c, "policy/depth/action_net.weight"))
        printf("no depth policy: %lld draft forwards in every cycle\n", (long long)fixed[0]);
    if (!ltd_checkpoint_find(c, "policy/size/action_net.weight"))
        printf("no size policy: up to %lld nodes in every cycle\n", (long long)fixed[1]);
}

static int info_checkpoint(const char *path, ltd_err *err)
{
    ltd_checkpoint *c;
    int rc = ltd_checkpoint_open(&c, path, err);
    if (rc < 0) return rc;
    if (ltd_checkpoint_find(c, "draft/token"))
        printf("%s: records of answers\n", path);
    else if (ltd_checkpoint_find(c, "number"))
        printf("%s: conversations\n", path);
    else
        print_policy(path, c);
    printf("content sha256 %s\n", ltd_checkpoint_sha256(c));
    for (size_t i = 0; i < ltd_checkpoint_count(c); i++) {
        const ltd_checkpoint_entry *e = ltd_checkpoint_at(c, i);
        printf("  %-48s %-5s ", e->name, ltd_checkpoint_type_name(e->type));
        if (e->type == LTD_CHECKPOINT_TEXT && e->bytes < 80)
            printf("%s", (const char *)e->data);
        else
            print_dims(e->dims, e->n_dims);
        printf("\n");
    }
    ltd_checkpoint_close(c);
    return LTD_OK;
}

static void print_turn(const char *what, ltd_contract contract, const ltd_mlp *actor,
                       const ltd_mlp *critic)
{
    if (!actor) return;
    printf("  %-6s %s: ", what, ltd_contract_name(contract));
    for (int32_t i = 0; i <= ltd_mlp_layers(actor); i++)
        printf("%s%d", i ? " -> " : "", ltd_mlp_dim(actor, i));
    printf(", %s%s\n", ltd_activation_name(ltd_mlp_activation(actor)),
           critic ? ", with its critic" : "");
}

static void print_export(const char *path, const ltd_export_format *f, const ltd_policy *p)
{
    printf("%s: exported policy (%s)\n", path, f->name);
    print_turn("depth", p->depth_contract, p->depth, p->depth_critic);
    print_turn("size", p->size_contract, p->size, p->size_critic);
    if (!p->depth) printf("  depth  no policy: %d forwards in every cycle\n", p->fixed_forwards);
    if (!p->size)
        printf("  size   no policy: up to %d nodes in every cycle\n", ltd_policy_most_nodes(p));
    printf("  space  beam of %d, %d to %d forwards, prompt lookup %s, sizes", p->top_k,
           p->min_forwards, p->max_forwards, p->lookup ? "on" : "off");
    for (int32_t i = 0; i < p->n_sizes; i++) printf(" %d", p->sizes[i]);
    printf("\n  %s%s\n", p->survival ? "with survival curves" : "without survival curves",
           p->table ? ", with a table" : "");
    printf("  model sha256 %s\n  head sha256 %s\n  trained on %s\n", p->model_hash,
           p->head_hash[0] ? p->head_hash : "none", p->machine);
}

/* 1: there is no exported policy.  Models and heads come in some of the same formats. */
static int info_export(const char *path, ltd_err *err)
{
    const ltd_export_format *f = ltd_export_is_at(path);
    ltd_policy *p;
    if (!f) return 1;
    int rc = ltd_export_load(&p, path, err);
    if (rc < 0) return rc;
    print_export(path, f, p);
    ltd_policy_free(p);
    return LTD_OK;
}

static int info_folder(const char *path, ltd_err *err)
{
    char file[LTD_CONFIG_TEXT + 64];
    if (ltd_checkpoint_newest(path, file, sizeof file, NULL) == LTD_OK)
        return info_checkpoint(file, err);
    int rc = info_export(path, err);
    if (rc <= 0) return rc;
    snprintf(file, sizeof file, "%s/model.safetensors", path);
    struct stat st;
    if (stat(file, &st) == 0) return info_safetensors(file, err);
    snprintf(file, sizeof file, "%s/pytorch_model.bin", path);
    if (stat(file, &st) == 0) return info_ptzip(file, err);
    return ltd_fail(
        err, LTD_EFORMAT,
        "%s: holds neither checkpoints (*.h5), an exported policy, model.safetensors nor "
        "pytorch_model.bin",
        path);
}

static bool ends_with(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n > m && strcmp(path + n - m, end) == 0;
}

static int info_file(const ltd_cli *cli, const char *path, ltd_err *err)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return info_folder(path, err);
    ltd_file f;
    int rc = ltd_file_map(&f, path, err);
    if (rc < 0) return rc;
    char head[9] = {0};
    memcpy(head, f.data ? f.data : (const uint8_t *)"", f.size < 8 ? f.size : 8);
    ltd_file_unmap(&f);
    if (memcmp(head, "GGUF", 4) == 0) return info_gguf(cli, path, err);
    if (ends_with(path, ".h5")) return info_checkpoint(path, err);
    ltd_err none = LTD_ERR_INIT;
    rc = info_export(path, &none);
    if (rc == LTD_OK) return LTD_OK;
    if (ends_with(path, ".safetensors")) return info_safetensors(path, err);
    if (memcmp(head, "PK\3\4", 4) == 0 || ends_with(path, ".bin") || ends_with(path, ".pt") ||
        ends_with(path, ".pth"))
        return info_ptzip(path, err);
    if (rc < 0) return ltd_fail(err, rc, "%s", none.msg);
    return ltd_fail(err, LTD_EFORMAT,
                    "%s: found neither GGUF, .safetensors, a torch zip, an exported policy nor a "
                    "checkpoint (.h5)",
                    path);
}

static int print_machine(ltd_err *err)
{
    const ltd_kernels *k;
    int rc = ltd_kernels_choose(&k, err);
    if (rc < 0) return rc;
    printf("ltd %s (%s)\nkernels %s (LTD_ISA chooses others:", ltd_version(), ltd_commit(),
           k->name);
    for (int i = 0; i < LTD_ISA_COUNT; i++)
        if (ltd_kernels_get((ltd_isa)i)) printf(" %s", ltd_isa_name((ltd_isa)i));
    printf(")\n");
    return LTD_OK;
}

static void print_env(const ltd_config *c)
{
    printf("environment: one draft-verify cycle an episode, two kinds of turn\n\n"
           "turn   observation        dim   actions\n"
           "DEPTH  %-17s  %4d   2: stop, continue\n"
           "SIZE   %-17s  %4d   %d: verify",
           ltd_contract_name(c->env.depth_obs), ltd_contract_dim(c->env.depth_obs),
           ltd_contract_name(c->env.size_obs), ltd_contract_dim(c->env.size_obs), c->env.sizes.n);
    for (int32_t i = 0; i < c->env.sizes.n; i++) printf(" %d", c->env.sizes.v[i]);
    printf(" nodes\n\ndraft forwards  %d to %d, beam of %d, prompt lookup %s\n"
           "reward          %s (in the cycle's last step, to both turns)\n"
           "masks           1 = legal; turns with one legal action are not asked but the first\n"
           "autoreset       none\n",
           c->env.min_forwards, c->env.max_forwards, c->env.top_k, c->env.lookup ? "on" : "off",
           ltd_reward_name(c->env.reward));
}

static int run(ltd_cli *cli)
{
    int code = ltd_cli_configure(cli, NULL);
    if (code) return code;
    ltd_err err = LTD_ERR_INIT;
    if (cli->show_env)
        print_env(&cli->config);
    else if (!cli->n_args && print_machine(&err) < 0)
        return ltd_cli_fail(&err);
    for (int i = 0; i < cli->n_args; i++)
        if (info_file(cli, cli->args[i], &err) < 0) return ltd_cli_fail(&err);
    return LTD_EXIT_OK;
}

const ltd_verb ltd_verb_info = {
    .name = "info",
    .summary = "what is in a model, a head, a checkpoint; --env: the environment",
    .args = "[FILE...]",
    .doc = "Describe files: GGUF models, safetensors, torch zips (.bin, .pt), draft heads, "
           "checkpoints, run folders, exported policies.  "
           "Without a file: this "
           "program and this machine.",
    .options = "env",
    .run = run,
};
