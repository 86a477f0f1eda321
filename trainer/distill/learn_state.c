/* What a checkpoint of a training run holds; docs/formats.md lists it. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/distill/learn_priv.h"

enum { KEEP = 2 }; /* checkpoints */

/* Which run: what its numbers follow from, beside its configuration. */
static void identify(const ltd_learner_state *s, ltd_str *ret)
{
    const ltd_corpus *c = s->o->corpus;
    ltd_str_printf(ret,
                   "model %.12s, %d conversations of %" PRIu64 " answer tokens, %" PRId64
                   " updates of %d, %" PRId64 " parameters, %d draft tokens, taps %d %d %d",
                   ltd_llama_hash(s->o->model), c->n_train, ltd_data_answer_tokens(c->data),
                   s->updates, s->o->config->distill.batch_size, s->net.n, c->n_draft,
                   s->o->taps[0], s->o->taps[1], s->o->taps[2]);
}

static void put_net(const ltd_head_net *net, ltd_checkpoint_writer *w)
{
    char name[LTD_CHECKPOINT_MAX_NAME];
    for (int p = 0; p < LTD_HEAD_PARTS; p++) {
        const int64_t dims[2] = {net->rows[p], net->cols[p]};
        snprintf(name, sizeof name, "head/%s", ltd_head_part_name((ltd_head_part)p));
        ltd_checkpoint_put_f32(w, name, net->data + net->offset[p], dims, net->cols[p] ? 2 : 1);
    }
}

static int get_net(ltd_head_net *net, const ltd_checkpoint *c, ltd_err *err)
{
    char name[LTD_CHECKPOINT_MAX_NAME];
    int rc = LTD_OK;
    for (int p = 0; rc == LTD_OK && p < LTD_HEAD_PARTS; p++) {
        const int64_t dims[2] = {net->rows[p], net->cols[p]};
        snprintf(name, sizeof name, "head/%s", ltd_head_part_name((ltd_head_part)p));
        rc = ltd_checkpoint_get_f32(c, name, net->data + net->offset[p], dims, net->cols[p] ? 2 : 1,
                                    err);
    }
    return rc;
}

static void put_state(const ltd_learner_state *s, ltd_checkpoint_writer *w, const char *identity,
                      const char *config)
{
    const ltd_adam *adam = ltd_updater_adam(s->updater);
    uint64_t update = (uint64_t)s->update, step = (uint64_t)adam->step;
    const int64_t counters[2] = {s->validated, s->best_update};
    const double values[2] = {s->valid, s->best};
    ltd_checkpoint_put_u64(w, LTD_CHECKPOINT_STEP, &update, 1);
    ltd_checkpoint_put_text(w, "run/config", config);
    ltd_checkpoint_put_text(w, "run/identity", identity);
    ltd_checkpoint_put_i64(w, "counters/validated_best", counters, 2);
    ltd_checkpoint_put_f64(w, "counters/valid_best", values, 2);
    put_net(&s->net, w);
    ltd_checkpoint_put_f32(w, "adam/m", adam->m, &adam->n, 1);
    ltd_checkpoint_put_f32(w, "adam/v", adam->v, &adam->n, 1);
    ltd_checkpoint_put_u64(w, "adam/step", &step, 1);
}

int ltd_learner_state_save(const ltd_learner_state *s, ltd_err *err)
{
    char dir[PATH_MAX], path[PATH_MAX];
    ltd_str identity = LTD_STR_INIT, config = LTD_STR_INIT;
    ltd_checkpoint_writer *w;
    int rc = LTD_OK;
    if (snprintf(dir, sizeof dir, "%s/checkpoints", s->o->dir) >= (int)sizeof dir)
        rc = ltd_fail(err, LTD_EINVAL, "%s: the path is too long", s->o->dir);
    if (rc == LTD_OK) rc = ltd_file_mkdirs(dir, err);
    if (rc == LTD_OK)
        rc = ltd_checkpoint_step_path(path, sizeof path, dir, (uint64_t)s->update, err);
    identify(s, &identity);
    ltd_config_to_yaml(s->o->config, &config);
    if (rc == LTD_OK && (identity.failed || config.failed))
        rc = ltd_fail(err, LTD_ENOMEM, "checkpoint: no memory");
    if (rc == LTD_OK) rc = ltd_checkpoint_create(&w, path, err);
    if (rc == LTD_OK) {
        put_state(s, w, ltd_str_text(&identity), ltd_str_text(&config));
        rc = ltd_checkpoint_finish(w, err);
    }
    ltd_str_fini(&identity);
    ltd_str_fini(&config);
    return rc == LTD_OK ? ltd_checkpoint_prune(dir, KEEP, err) : rc;
}

static int check_identity(const ltd_learner_state *s, const ltd_checkpoint *c, ltd_err *err)
{
    const char *found;
    ltd_str here = LTD_STR_INIT;
    int rc = ltd_checkpoint_get_text(c, "run/identity", &found, err);
    identify(s, &here);
    if (rc == LTD_OK && strcmp(found, ltd_str_text(&here)) != 0)
        rc = ltd_fail(err, LTD_EINVAL, "begun with other data or settings: found %s, here %s",
                      found, ltd_str_text(&here));
    ltd_str_fini(&here);
    return rc;
}

static int get_state(ltd_learner_state *s, const ltd_checkpoint *c, ltd_err *err)
{
    ltd_adam *adam = ltd_updater_adam(s->updater);
    uint64_t update = 0, step = 0;
    int64_t counters[2] = {0};
    double values[2] = {0};
    int rc = ltd_checkpoint_get_u64(c, LTD_CHECKPOINT_STEP, &update, 1, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_i64(c, "counters/validated_best", counters, 2, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_f64(c, "counters/valid_best", values, 2, err);
    if (rc == LTD_OK) rc = get_net(&s->net, c, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_f32(c, "adam/m", adam->m, &adam->n, 1, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_f32(c, "adam/v", adam->v, &adam->n, 1, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_u64(c, "adam/step", &step, 1, err);
    if (rc < 0) return rc;
    adam->step = (int64_t)step;
    s->update = s->saved = (int64_t)update;
    s->validated = counters[0];
    s->best_update = counters[1];
    s->valid = values[0];
    s->best = values[1];
    return LTD_OK;
}

int ltd_learner_state_load(ltd_learner_state *s, const char *path, ltd_err *err)
{
    ltd_checkpoint *c;
    int rc = ltd_checkpoint_open(&c, path, err);
    if (rc < 0) return rc;
    rc = check_identity(s, c, err);
    if (rc == LTD_OK) rc = get_state(s, c, err);
    ltd_checkpoint_close(c);
    return rc < 0 ? ltd_err_prefix(err, rc, "cannot go on from %s", path) : LTD_OK;
}

int ltd_learner_state_export(const ltd_learner_state *s, const char *folder, ltd_err *err)
{
    const ltd_corpus *c = s->o->corpus;
    char tokens[24], seed[24], update[24], valid[24];
    snprintf(tokens, sizeof tokens, "%" PRIu64, ltd_data_answer_tokens(c->data));
    snprintf(seed, sizeof seed, "%" PRIu64, s->o->config->run.seed);
    snprintf(update, sizeof update, "%" PRId64, s->update);
    snprintf(valid, sizeof valid, "%.4f", s->valid);
    const char *keys[] = {"ltd.target_sha256", "ltd.answer_tokens", "ltd.seed", "ltd.updates",
                          "ltd.accepted_length"};
    const char *values[] = {ltd_llama_hash(s->o->model), tokens, seed, update, valid};
    ltd_head_files files = {.target = s->o->model,
                            .draft = c->draft,
                            .n_draft = c->n_draft,
                            .taps = s->o->taps,
                            .keys = keys,
                            .values = values,
                            .n_notes = sizeof keys / sizeof *keys};
    return ltd_head_net_export(&s->net, folder, &files, err);
}
