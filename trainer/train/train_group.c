/* Several processes, one run.
 *
 * Each has a part of the environments, with prompts and actions that follow from their numbers, and
 * the whole of both nets.  Rollouts stay where they are played; what goes over the wire is
 * gradients, a few numbers a step (ppo_whole.c), rewards to be scaled (joint.c), and the state of
 * environments for the checkpoint.  All else is computed by everybody from the same bits, so that
 * every decision about the run falls alike everywhere; what depends on the clock is asked of rank
 * 0.
 *
 * Planning over records is rank 0's alone, with its cost table, and the others take over what came
 * of it: its gradients are exact and seconds away, and nets that were planned in parts would differ
 * in rounding, then in what they choose, then in what they learn from. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "trainer/train/train_priv.h"

bool ltd_train_is_first(const ltd_trainer *t)
{
    return ltd_group_rank(t->options->group) == 0;
}

int64_t ltd_train_first_env(const ltd_trainer *t, int32_t n)
{
    return (int64_t)n * ltd_group_rank(t->options->group);
}

/* --- the same run? --- */

enum { HEX = 65 };

/* What all must have alike. */
static int identify(const ltd_trainer *t, char hex[HEX], ltd_err *err)
{
    const ltd_setup *s = t->setup;
    ltd_str text = LTD_STR_INIT;
    ltd_config_to_yaml(&s->config, &text);
    ltd_str_printf(&text, "%s %s %zu %zu", ltd_llama_hash(s->model),
                   s->head ? ltd_eagle3_hash(s->head) : "", ltd_prompts_count(t->prompts),
                   ltd_prompts_count(t->valid_prompts));
    int rc = text.failed ? ltd_fail(err, LTD_ENOMEM, "train: no memory") : LTD_OK;
    if (rc == LTD_OK) ltd_file_sha256(hex, ltd_str_text(&text), text.len);
    ltd_str_fini(&text);
    return rc;
}

static int check_alike(const ltd_trainer *t, ltd_err *err)
{
    ltd_group *g = t->options->group;
    int32_t size = ltd_group_size(g);
    char hex[HEX] = "", *all = ltd_mem_zeros((size_t)size, HEX);
    int rc = all ? identify(t, hex, err) : ltd_fail(err, LTD_ENOMEM, "train: no memory");
    if (rc == LTD_OK) rc = ltd_group_gather(g, hex, HEX, all, err);
    for (int32_t r = 1; rc == LTD_OK && r < size; r++)
        if (memcmp(all, all + (size_t)r * HEX, HEX) != 0)
            rc = ltd_fail(err, LTD_EINVAL,
                          "processes 0 and %d differ in configuration, model, head or prompts", r);
    free(all);
    return rc;
}

/* They belong to what a policy reads. */
static int share_survival(ltd_setup *s, ltd_group *g, ltd_err *err)
{
    ltd_survival curves = {0};
    uint8_t there = s->survival != NULL;
    if (there) curves = *s->survival;
    int rc = ltd_group_share(g, &there, 1, err);
    if (rc == LTD_OK && there) rc = ltd_group_share(g, &curves, sizeof curves, err);
    if (rc < 0) return rc;
    if (there && !s->survival) s->survival = ltd_mem_zeros(1, sizeof *s->survival);
    if (there && !s->survival) return ltd_fail(err, LTD_ENOMEM, "train: no memory");
    if (there) *s->survival = curves;
    if (there) return LTD_OK;
    free(s->survival);
    s->survival = NULL;
    return LTD_OK;
}

int ltd_train_agree(ltd_trainer *t, ltd_err *err)
{
    if (ltd_group_size(t->options->group) == 1) return LTD_OK;
    int rc = check_alike(t, err);
    return rc == LTD_OK ? share_survival(t->setup, t->options->group, err) : rc;
}

/* --- what one says --- */

int ltd_train_tell_time(ltd_trainer *t, ltd_err *err)
{
    double now = ltd_trainer_seconds(t);
    int rc = ltd_group_share(t->options->group, &now, sizeof now, err);
    if (rc == LTD_OK) t->now_seconds = now;
    return rc;
}

static int share_net(ltd_group *g, ltd_learner *l, ltd_err *err)
{
    int rc =
        ltd_group_share(g, ltd_actor_critic_data(l->ac), (size_t)l->adam->n * sizeof(float), err);
    return rc == LTD_OK ? ltd_actor_critic_sync(l->ac, &l->actor, &l->critic, err) : rc;
}

int ltd_train_share_plan(ltd_trainer *t, ltd_err *err)
{
    ltd_group *g = t->options->group;
    uint8_t planned = t->planned;
    double *rate = &t->setup->config.env.rate;
    int rc = ltd_group_share(g, &planned, 1, err);
    if (rc == LTD_OK) rc = ltd_group_share(g, rate, sizeof *rate, err);
    if (rc == LTD_OK) rc = share_net(g, t->depth, err);
    if (rc == LTD_OK) rc = share_net(g, t->size, err);
    t->planned = planned != 0;
    return rc;
}

/* --- what one hears --- */

int ltd_train_gather_envs(ltd_trainer *t, ltd_err *err)
{
    int32_t n, size = ltd_group_size(t->options->group);
    ltd_env **env = ltd_train_envs(t, &n);
    ltd_train_env *own = ltd_mem_zeros((size_t)n, sizeof *own);
    ltd_train_env *all = ltd_mem_zeros((size_t)n * (size_t)size, sizeof *all);
    int rc = own && all ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "train: no memory");
    for (int32_t e = 0; rc == LTD_OK && e < n; e++) {
        rc = ltd_env_save(env[e], &own[e].state, err);
        own[e].explore = t->explore[e];
    }
    if (rc == LTD_OK)
        rc = ltd_group_gather(t->options->group, own, (size_t)n * sizeof *own, all, err);
    free(own);
    if (rc < 0) {
        free(all);
        return rc;
    }
    free(t->saved);
    t->saved = all;
    t->n_saved = n * size;
    return LTD_OK;
}
