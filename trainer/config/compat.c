/* The table of differences.  Source: paper (arXiv 2603.01639) and released code read side by side;
 * docs/environment.md tells what this project does about each. */
#include "trainer/config/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const ltd_compat table[] = {
    {.name = "size-grid-24",
     .keys = {"env.sizes=10,20,30,40,50,60,70,80,90,100,110,120,130,140,150,160,170,180,190,200,"
              "210,220,230,240"},
     .code = "24 sizes, 10 to 240 by 10",
     .paper = "12 sizes, 20 to 240 by 20"},
    {.name = "depth-every-3",
     .keys = {"env.min_forwards=4", "env.depth_every=3"},
     .code = "in use, and where sizes are trained, the depth policy is asked after expansions 3, 6 "
             "and 9 only (training depths: after each; here the same in both)",
     .paper = "asked after every draft forward"},
    {.name = "tanh",
     .keys = {"policy.activation=tanh"},
     .code = "tanh between hidden layers, as no other was asked for",
     .paper = "ReLU"},
    {.name = "lr-3e-4",
     .keys = {"train.lr=0.0003"},
     .code = "learning rate 3e-4 (default and scripts)",
     .paper = "1e-3"},
    {.name = "rollout-128",
     .keys = {"train.n_steps=128", "train.batch_size=64"},
     .code = "rollouts of 128 decisions in minibatches of 64 (scripts)",
     .paper = "2048 in minibatches of 256"},
    {.name = "epochs-1",
     .keys = {"train.n_epochs=1"},
     .code = "one pass over a rollout, as the scripts set none",
     .paper = "20 passes"},
    {.name = "no-entropy",
     .keys = {"train.ent_coef=0", "train.ent_coef_end=0"},
     .code = "no entropy bonus, as the scripts set none",
     .paper = "weight 0.01"},
    {.name = "gamma-0.99",
     .keys = {"train.gamma_depth=0.99", "train.gamma_size=0.99"},
     .code = "discount 0.99 for both, as the scripts set none",
     .paper = "0.999 for depth, 0.9 for size"},
    {.name = "steps-100k",
     .keys = {"train.stage_decisions=100000,100000,100000,100000,100000"},
     .code = "100,000 steps of the depth policy, too (scripts)",
     .paper = "1,000,000"},
    {.name = "no-validation",
     .keys = {"train.eval_every=0"},
     .code = "nothing is evaluated in training; here once, at the end",
     .paper = "the checkpoint with the best validation speed-up is kept"},

    {.name = "first-tree-fixed",
     .code = "the first tree of every prompt is built with a fixed setting, outside the decisions",
     .paper = "no such exception",
     .why_not = "a cycle that belongs to no episode would be in no speed that is measured"},
    {.name = "context-0.01",
     .code = "in use the depth policy is shown a context of 10 tokens, whatever it is",
     .paper = "the true length",
     .why_not = "a policy is shown what it was trained on, and that is the true length there, too"},
    {.name = "stale-scores",
     .code = "before the first expansion the depth policy sees the scores of the cycle before",
     .paper = "the scores of this one",
     .why_not = "with env.min_forwards 2 or more it is never asked then"},
    {.name = "forced-actions",
     .code = "the first and the last depth action are overruled, but learned from",
     .paper = "not told",
     .why_not = "turns without a choice are masked: they are noise in the gradient"},
    {.name = "size-depth-12",
     .code = "the first size policy is trained on 12 expansions always; a random depth is drawn, "
             "then overwritten",
     .paper = "depths drawn from 1 to 12",
     .why_not = "no key fixes the depths of that stage"},
    {.name = "target-kl-resumed",
     .code = "a target KL of 0.02 for the size policy, when training goes on from a checkpoint",
     .paper = "none",
     .why_not = "train.target_kl holds for both policies and for all of a run"},
    {.name = "drawn-prompts",
     .code = "prompts drawn with replacement, without a seed",
     .paper = "not told",
     .why_not = "runs are reproducible: every prompt once a pass, shuffled by run.seed"},
    {.name = "partial-clock",
     .code = "time.time() without waiting for the device; the deciding policy's own time left out",
     .paper = "T_draft + T_verify",
     .why_not = "the timed window is the whole cycle, decisions included"},
    {.name = "order-of-turns",
     .code = "no order: each script trains one policy, and which ones are trained in turn is up to "
             "its user",
     .paper = "section 4: depth first, with sizes frozen; section 6.1: size, depth, size",
     .why_not = "train.stages takes any order; that of section 6.1 is in configs/paper.yaml"},
    {.name = "reward-scale",
     .code = "L / (100 T), for the size policy L / (100 T + 1e-6)",
     .paper = "L / T",
     .why_not = "env.reward_scale is any number; a constant factor moves no optimum"},
    {.name = "scores",
     .code = "sums of log-probabilities, of float16",
     .paper = "section 4: probabilities; appendix A.2: log-probabilities",
     .why_not = "the paper's contracts have log-probabilities, of float32"},
    {.name = "evaluation-clock",
     .code = "the size policy's time is taken off an evaluation's wall time, the depth policy's is "
             "not",
     .paper = "not told; the overhead of both is reported, 1.2 to 1.5 %",
     .why_not = "all decisions are inside the timed window"},
    {.name = "depth-count",
     .code = "depth is the number of expansions, n_exp, up to 12",
     .paper = "trees of D = n_exp + 2 levels, the root's and the resync's among them",
     .why_not = "a name, not a behaviour: here forwards count, n_exp + 1, 13 at most"},
    {.name = "thinking-in-training",
     .code = "Qwen3's training prompts leave thinking on, evaluation turns it off",
     .paper = "off in evaluation",
     .why_not = "give --prompts.chat=qwen3 to ltd train alone"},
};

const ltd_compat *ltd_compat_at(size_t i)
{
    return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

/* --- laying them over --- */

static int apply_one(ltd_config *config, const ltd_compat *c, ltd_err *err)
{
    int rc = LTD_OK;
    for (int i = 0; rc == LTD_OK && i < LTD_COMPAT_KEYS && c->keys[i]; i++)
        rc = ltd_config_set(config, c->keys[i], err);
    return rc < 0 ? ltd_err_prefix(err, rc, "compat %s", c->name) : rc;
}

static int apply_all(ltd_config *config, ltd_err *err)
{
    int rc = LTD_OK;
    const ltd_compat *c;
    for (size_t i = 0; rc == LTD_OK && (c = ltd_compat_at(i)); i++) rc = apply_one(config, c, err);
    return rc;
}

static int apply_named(ltd_config *config, const char *name, size_t n, ltd_err *err)
{
    const ltd_compat *c;
    if (n == 8 && memcmp(name, "official", n) == 0) return apply_all(config, err);
    for (size_t i = 0; (c = ltd_compat_at(i)); i++) {
        if (strlen(c->name) != n || memcmp(c->name, name, n) != 0) continue;
        if (!c->why_not) return apply_one(config, c, err);
        return ltd_fail(err, LTD_EINVAL, "compat %s: is not offered: %s", c->name, c->why_not);
    }
    return ltd_fail(err, LTD_EINVAL,
                    "compat: no difference called '%.*s', expected official, or names of "
                    "`--compat list`",
                    n < 40 ? (int)n : 40, name);
}

int ltd_compat_apply(ltd_config *config, const char *names, ltd_err *err)
{
    ltd_config *next = ltd_mem_zeros(1, sizeof *next);
    if (!next) return ltd_fail(err, LTD_ENOMEM, "compat: no memory");
    *next = *config;
    int rc = LTD_OK;
    for (const char *at = names; rc == LTD_OK && at; at = strchr(at, ',')) {
        at += *at == ',';
        rc = apply_named(next, at, strcspn(at, ","), err);
    }
    if (rc == LTD_OK) *config = *next;
    free(next);
    return rc;
}

/* --- telling --- */

/* `text` behind `first`, in lines of 96 columns that begin with `margin` and 8 columns more. */
static void put_wrapped(const char *margin, const char *first, const char *text, ltd_str *out)
{
    size_t begin = strlen(margin) + 8, column = begin;
    ltd_str_printf(out, "%s%-8s", margin, first);
    while (*text) {
        size_t word = strcspn(text, " ");
        if (column > begin && column + 1 + word > 96) {
            ltd_str_printf(out, "\n%s%8s", margin, "");
            column = begin;
        }
        if (column > begin) ltd_str_puts(out, " ");
        column += word + (column > begin);
        ltd_str_push(out, text, word);
        text += word + (text[word] == ' ');
    }
    ltd_str_puts(out, "\n");
}

/* Long lists of numbers may break, too. */
static void put_keys(const ltd_compat *c, ltd_str *out)
{
    ltd_str keys = LTD_STR_INIT;
    for (int i = 0; i < LTD_COMPAT_KEYS && c->keys[i]; i++)
        ltd_str_printf(&keys, "%s%.60s%s", i ? ", " : "", c->keys[i],
                       strlen(c->keys[i]) > 60 ? "..." : "");
    put_wrapped("    ", "keys", ltd_str_text(&keys), out);
    ltd_str_fini(&keys);
}

void ltd_compat_list(ltd_str *out)
{
    const ltd_compat *c;
    ltd_str_puts(out, "--compat official switches on what is offered here; NAME,NAME,... some of "
                      "it\n");
    for (size_t i = 0; (c = ltd_compat_at(i)); i++) {
        if (c->why_not && !ltd_compat_at(i - 1)->why_not) ltd_str_puts(out, "\nnot offered:\n");
        ltd_str_printf(out, "  %s\n", c->name);
        if (!c->why_not) put_keys(c, out);
        put_wrapped("    ", "code", c->code, out);
        put_wrapped("    ", "paper", c->paper, out);
        if (c->why_not) put_wrapped("    ", "why not", c->why_not, out);
    }
}

/* "train.lr=0.0003" in the YAML of its section. */
static void put_key(const char *assignment, const char *section, ltd_str *out)
{
    size_t n = strlen(section);
    if (strncmp(assignment, section, n) != 0 || assignment[n] != '.') return;
    const char *key = assignment + n + 1, *value = strchr(key, '=') + 1;
    bool list = strchr(value, ',') != NULL;
    ltd_str_printf(out, "  %.*s: %s", (int)(value - 1 - key), key, list ? "[" : "");
    for (; *value; value++) {
        ltd_str_push(out, value, 1);
        if (*value == ',') ltd_str_puts(out, " ");
    }
    ltd_str_puts(out, list ? "]\n" : "\n");
}

void ltd_compat_yaml(ltd_str *out)
{
    static const char *const sections[] = {"env", "policy", "train"};
    const ltd_compat *c;
    ltd_str_puts(out, "# What the code released with the paper does otherwise than the paper says, "
                      "as far as keys can\n"
                      "# switch it: the same as --compat official.  Printed from "
                      "trainer/config/compat.c; a test compares the two.\n"
                      "# `ltd train --compat list` tells also what is not offered, and why.\n");
    for (size_t s = 0; s < sizeof sections / sizeof *sections; s++) {
        ltd_str_printf(out, "\n%s:\n", sections[s]);
        for (size_t i = 0; (c = ltd_compat_at(i)) && !c->why_not; i++) {
            size_t n = strlen(sections[s]);
            if (strncmp(c->keys[0], sections[s], n) != 0) continue;
            ltd_str_printf(out, "  # %s\n", c->name);
            put_wrapped("  #   ", "code", c->code, out);
            put_wrapped("  #   ", "paper", c->paper, out);
            for (int k = 0; k < LTD_COMPAT_KEYS && c->keys[k]; k++)
                put_key(c->keys[k], sections[s], out);
        }
    }
}
