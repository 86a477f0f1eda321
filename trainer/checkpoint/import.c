#include "trainer/checkpoint/import.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/fixed.h"
#include "agents/sb3_nets.h"
#include "base/file.h"
#include "base/mem.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/policy_file.h"
#include "trainer/config/paper_space.h"

enum { DEPTH, SIZE };

/* What the shape of an actor tells. */
typedef struct kind {
    int which; /* DEPTH, SIZE */
    ltd_contract contract;
    int32_t actions;
} kind;

/* --- which policy it is --- */

static int recognise(kind *ret, const char *path, const ltd_mlp *actor, int32_t n_sizes,
                     ltd_err *err)
{
    int32_t in = ltd_mlp_dim(actor, 0), out = ltd_mlp_dim(actor, ltd_mlp_layers(actor));
    const int32_t ltd = ltd_contract_dim(LTD_CONTRACT_LTD_DEPTH);
    const kind kinds[] = {{DEPTH, LTD_CONTRACT_PAPER_DEPTH, 2},
                          {SIZE, LTD_CONTRACT_PAPER_SIZE, LTD_PAPER_SIZES},
                          {SIZE, LTD_CONTRACT_PAPER_SIZE, 2 * LTD_PAPER_SIZES},
                          {DEPTH, LTD_CONTRACT_LTD_DEPTH, 2},
                          {SIZE, LTD_CONTRACT_LTD_SIZE, n_sizes}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (ltd_contract_dim(kinds[i].contract) == in && kinds[i].actions == out) {
            *ret = kinds[i];
            return LTD_OK;
        }
    return ltd_fail(err, LTD_EINVAL,
                    "%s: its actor is %d -> %d, expected 128 -> 2 (paper/depth/128), 1268 -> 12 or "
                    "24 (paper/size/1268), %d -> 2 (ltd/depth/v2) or %d -> %d (ltd/size/v2 over "
                    "env.sizes)",
                    path, in, out, ltd, ltd, n_sizes);
}

/* --- the space --- */

/* `every` is 1 in the paper; the released code asks only behind so many expansions, from those on.
 */
static void paper_space(ltd_policy *p, int32_t n_sizes, int32_t every)
{
    p->depth_contract = LTD_CONTRACT_PAPER_DEPTH;
    p->size_contract = LTD_CONTRACT_PAPER_SIZE;
    p->top_k = LTD_PAPER_TOP_K;
    p->min_forwards = every < LTD_PAPER_MAX_FORWARDS ? 1 + every : LTD_PAPER_MAX_FORWARDS;
    p->max_forwards = LTD_PAPER_MAX_FORWARDS;
    p->depth_every = every;
    p->lookup = false;
    p->n_sizes = n_sizes;
    for (int32_t i = 0; i < n_sizes; i++) p->sizes[i] = (i + 1) * LTD_PAPER_MOST_NODES / n_sizes;
}

static void configured_space(ltd_policy *p, const ltd_config *c)
{
    p->depth_contract = LTD_CONTRACT_LTD_DEPTH;
    p->size_contract = LTD_CONTRACT_LTD_SIZE;
    p->top_k = c->env.top_k;
    p->min_forwards = c->env.min_forwards;
    p->max_forwards = c->env.max_forwards;
    p->depth_every = c->env.depth_every;
    p->lookup = c->env.lookup;
    p->n_sizes = c->env.sizes.n;
    memcpy(p->sizes, c->env.sizes.v, (size_t)p->n_sizes * sizeof *p->sizes);
}

static int set_fixed(ltd_policy *p, const ltd_import_options *o, ltd_err *err)
{
    p->fixed_forwards = LTD_EAGLE_FORWARDS < p->max_forwards ? LTD_EAGLE_FORWARDS : p->max_forwards;
    p->fixed_size = LTD_EAGLE_SIZE;
    if (o->fixed_forwards && p->depth)
        return ltd_fail(err, LTD_EINVAL, "--forwards is for imports without a depth policy");
    if (o->fixed_size && p->size)
        return ltd_fail(err, LTD_EINVAL, "--size is for imports without a size policy");
    if (o->fixed_forwards) p->fixed_forwards = *o->fixed_forwards;
    if (o->fixed_size) p->fixed_size = *o->fixed_size;
    if (p->fixed_forwards < p->min_forwards || p->fixed_forwards > p->max_forwards)
        return ltd_fail(err, LTD_EINVAL, "--forwards: is %d, expected %d to %d", p->fixed_forwards,
                        p->min_forwards, p->max_forwards);
    int32_t most = p->sizes[p->n_sizes - 1];
    if (o->fixed_size && (p->fixed_size < p->sizes[0] || p->fixed_size > most))
        return ltd_fail(err, LTD_EINVAL, "--size: is %d, expected %d to %d", p->fixed_size,
                        p->sizes[0], most);
    return LTD_OK;
}

/* --- what is told --- */

/* What the zips hold, by DEPTH and SIZE. */
typedef struct pair {
    kind kind[2];
    const char *path[2]; /* NULL: none */
    ltd_str line[2], from[2];
} pair;

static void tell_dims(ltd_str *s, const ltd_mlp *net)
{
    for (int32_t i = 0; i <= ltd_mlp_layers(net); i++)
        ltd_str_printf(s, "%s%d", i ? " -> " : "", ltd_mlp_dim(net, i));
}

static void tell_zip(pair *zips, const ltd_sb3 *file, const ltd_sb3_nets *nets, const kind *k)
{
    const char *what = k->which == DEPTH ? "depth" : "size", *path = ltd_sb3_path(file);
    const char *slash = strrchr(path, '/'), *version = ltd_sb3_version(file);
    ltd_str *line = &zips->line[k->which];
    ltd_str_printf(line, "%-6s  %s: ", what, path);
    tell_dims(line, nets->actor);
    ltd_str_printf(line, ", %s, %s (%s)%s\n", ltd_contract_name(k->contract),
                   ltd_activation_name(ltd_mlp_activation(nets->actor)), nets->why,
                   nets->critic ? "; critic kept" : "");
    ltd_str_printf(&zips->from[k->which], "%s: %s, Stable-Baselines3 %s", what,
                   slash ? slash + 1 : path, version[0] ? version : "of unknown version");
}

/* Depth first, in whatever order they came. */
static void tell_zips(ltd_import *in, const pair *zips)
{
    for (int i = DEPTH; i <= SIZE; i++) {
        if (!zips->path[i]) continue;
        ltd_str_puts(&in->report, ltd_str_text(&zips->line[i]));
        ltd_str_printf(&in->from, "%s%s", in->from.len ? "; " : "", ltd_str_text(&zips->from[i]));
        in->from.failed |= zips->line[i].failed || zips->from[i].failed;
    }
}

static void tell_space(ltd_import *in)
{
    const ltd_policy *p = in->policy;
    ltd_str *s = &in->report;
    if (!p->depth)
        ltd_str_printf(s, "depth   no policy: %d forwards in every cycle\n", p->fixed_forwards);
    if (!p->size)
        ltd_str_printf(s, "size    no policy: %d nodes in every cycle\n", ltd_policy_most_nodes(p));
    ltd_str_printf(s, "space   beam of %d, %d to %d forwards, prompt lookup %s, sizes", p->top_k,
                   p->min_forwards, p->max_forwards, p->lookup ? "on" : "off");
    for (int32_t i = 0; i < p->n_sizes; i++) ltd_str_printf(s, " %d", p->sizes[i]);
    ltd_str_puts(s, ltd_contract_is_paper(p->depth_contract) ? " (the paper's)\n"
                                                             : " (as configured)\n");
}

/* --- reading --- */

/* `nets` is taken. */
static int place(ltd_import *in, pair *zips, const char *path, const kind *k, ltd_sb3_nets *nets,
                 ltd_err *err)
{
    ltd_policy *p = in->policy;
    ltd_mlp **actor = k->which == DEPTH ? &p->depth : &p->size;
    ltd_mlp **critic = k->which == DEPTH ? &p->depth_critic : &p->size_critic;
    const char *what = k->which == DEPTH ? "depth" : "size", *other = zips->path[!k->which];
    int rc = LTD_OK;
    if (*actor)
        rc = ltd_fail(err, LTD_EINVAL, "%s and %s are both %s policies, expected one of each kind",
                      zips->path[k->which], path, what);
    else if (other && ltd_contract_is_paper(zips->kind[!k->which].contract) !=
                          ltd_contract_is_paper(k->contract))
        rc = ltd_fail(err, LTD_EINVAL, "%s is for %s, %s for %s: they don't play in the same space",
                      other, ltd_contract_name(zips->kind[!k->which].contract), path,
                      ltd_contract_name(k->contract));
    if (rc < 0) {
        ltd_sb3_nets_fini(nets);
        return rc;
    }
    *actor = nets->actor;
    *critic = nets->critic;
    zips->kind[k->which] = *k;
    zips->path[k->which] = path;
    return LTD_OK;
}

static int read_zip(ltd_import *in, pair *zips, const ltd_config *config, const char *path,
                    const ltd_activation *told, ltd_err *err)
{
    ltd_sb3 *file;
    ltd_sb3_nets nets;
    kind k = {0};
    int rc = ltd_sb3_open(&file, path, err);
    if (rc < 0) return rc;
    rc = ltd_sb3_nets_read(&nets, file, told, err);
    if (rc == LTD_OK) {
        rc = recognise(&k, path, nets.actor, config->env.sizes.n, err);
        if (rc == LTD_OK) {
            if (!zips->path[k.which]) tell_zip(zips, file, &nets, &k);
            rc = place(in, zips, path, &k, &nets, err);
        } else {
            ltd_sb3_nets_fini(&nets);
        }
    }
    ltd_sb3_close(file);
    return rc;
}

/* `zips` is the caller's to free. */
static int read_zips(ltd_import *ret, pair *zips, const ltd_config *config,
                     const ltd_import_options *o, ltd_err *err)
{
    ltd_policy *p = ret->policy;
    for (int32_t i = 0; i < o->n_paths; i++) {
        int rc = read_zip(ret, zips, config, o->paths[i], o->activation, err);
        if (rc < 0) return rc;
    }
    if (ltd_contract_is_paper(zips->kind[p->depth ? DEPTH : SIZE].contract))
        paper_space(p, p->size ? zips->kind[SIZE].actions : LTD_PAPER_SIZES,
                    config->env.depth_every);
    else
        configured_space(p, config);
    p->rate = config->env.rate;
    int rc = set_fixed(p, o, err);
    if (rc < 0) return rc;
    tell_zips(ret, zips);
    tell_space(ret);
    if (ret->from.failed || ret->report.failed)
        return ltd_fail(err, LTD_ENOMEM, "import: no memory");
    return LTD_OK;
}

int ltd_import_sb3(ltd_import *ret, const ltd_config *config, const ltd_import_options *o,
                   ltd_err *err)
{
    *ret = (ltd_import){0};
    if (o->n_paths < 1 || o->n_paths > 2)
        return ltd_fail(err, LTD_EINVAL, "import: %d zips, expected one or two", o->n_paths);
    ret->policy = ltd_mem_zeros(1, sizeof *ret->policy);
    if (!ret->policy) return ltd_fail(err, LTD_ENOMEM, "import: no memory");
    pair zips = {.path = {NULL, NULL}};
    int rc = read_zips(ret, &zips, config, o, err);
    for (int i = DEPTH; i <= SIZE; i++) {
        ltd_str_fini(&zips.line[i]);
        ltd_str_fini(&zips.from[i]);
    }
    if (rc < 0) ltd_import_fini(ret);
    return rc;
}

void ltd_import_fini(ltd_import *in)
{
    ltd_policy_free(in->policy);
    ltd_str_fini(&in->from);
    ltd_str_fini(&in->report);
    *in = (ltd_import){0};
}

/* --- writing --- */

int ltd_import_bind(ltd_import *in, const ltd_setup *s, ltd_err *err)
{
    ltd_policy *p = in->policy;
    if (!s->head && p->min_forwards > 0)
        return ltd_fail(err, LTD_EINVAL,
                        "import: the policy makes %d draft forwards at least, but no draft head is "
                        "configured (head.path)",
                        p->min_forwards);
    /* Scores reach paper contracts as they are. */
    if (s->survival && !ltd_contract_is_paper(p->depth_contract)) {
        p->survival = ltd_mem_zeros(1, sizeof *p->survival);
        if (!p->survival) return ltd_fail(err, LTD_ENOMEM, "import: no memory");
        *p->survival = *s->survival;
    }
    memcpy(p->model_hash, ltd_llama_hash(s->model), sizeof p->model_hash - 1);
    if (s->head) memcpy(p->head_hash, ltd_eagle3_hash(s->head), sizeof p->head_hash - 1);
    memcpy(p->machine, LTD_IMPORT_MACHINE, sizeof LTD_IMPORT_MACHINE);
    return LTD_OK;
}

int ltd_import_save(const ltd_import *in, const char *path, ltd_err *err)
{
    const uint64_t step = 0;
    ltd_checkpoint_writer *w;
    if (access(path, F_OK) == 0) return ltd_fail(err, LTD_EINVAL, "%s: is there already", path);
    int rc = ltd_file_mkdirs_for(path, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_create(&w, path, err);
    if (rc < 0) return rc;
    ltd_checkpoint_put_u64(w, LTD_CHECKPOINT_STEP, &step, 1);
    ltd_checkpoint_put_text(w, LTD_IMPORT_ENTRY, ltd_str_text(&in->from));
    rc = ltd_policy_put(w, in->policy, err);
    if (rc < 0) {
        ltd_checkpoint_abort(w);
        return rc;
    }
    return ltd_checkpoint_finish(w, err);
}
