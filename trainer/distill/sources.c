#include "trainer/distill/sources.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/distill/openers.h"

static int choose_taps(ltd_sources *s, const ltd_setup *setup, ltd_err *err)
{
    const ltd_ints *taps = &setup->config.distill.taps;
    int32_t layers = ltd_llama_config(setup->model)->n_layers;
    s->taps[3] = layers;
    if (!taps->n && ltd_llama_taps(setup->model, s->taps)) return LTD_OK;
    if (!taps->n)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "model %s: %d layers, a draft head's three features need at least 7",
                        ltd_llama_path(setup->model), layers);
    for (int i = 0; i < 3; i++) {
        if (taps->v[i] < 0 || taps->v[i] > layers)
            return ltd_fail(err, LTD_EINVAL, "distill.taps: layer %d, expected 0 to %d", taps->v[i],
                            layers);
        s->taps[i] = taps->v[i];
    }
    return LTD_OK;
}

/* Turns as they stand, without a template. */
static int load(const ltd_setup *setup, const ltd_strings *paths, ltd_prompts **ret, ltd_err *err)
{
    char found[LTD_CONFIG_STRINGS][PATH_MAX];
    const char *list[LTD_CONFIG_STRINGS];
    *ret = NULL;
    if (!paths->n) return LTD_OK;
    for (int32_t i = 0; i < paths->n; i++)
        list[i] = ltd_setup_find(found[i], sizeof found[i], paths->v[i]);
    return ltd_prompts_load(ret, list, (size_t)paths->n, NULL, ltd_llama_tokenizer(setup->model), 0,
                            0, NULL, err);
}

static int exclude(const ltd_sources *s, const ltd_setup *setup, ltd_err *err)
{
    ltd_prompts *p;
    int rc = load(setup, &setup->config.distill.exclude, &p, err);
    for (size_t i = 0; rc == LTD_OK && p && i < ltd_prompts_count(p); i++)
        rc = ltd_data_exclude(s->data, ltd_prompts_at(p, i)->ids, ltd_prompts_at(p, i)->n, err);
    ltd_prompts_free(p);
    return rc;
}

static int take_messages(ltd_sources *s, const ltd_setup *setup, ltd_writer_options *w,
                         ltd_err *err)
{
    int rc = load(setup, &setup->config.distill.prompts, &s->given, err);
    if (rc < 0 || !s->given) return rc;
    size_t n = ltd_prompts_count(s->given);
    if (!(s->messages = ltd_mem_zeros(n, sizeof *s->messages)))
        return ltd_fail(err, LTD_ENOMEM, "messages: no memory");
    for (size_t i = 0; i < n; i++) s->messages[i] = ltd_prompts_at(s->given, i)->text;
    w->messages = s->messages;
    w->n_messages = n;
    return LTD_OK;
}

int ltd_sources_open(ltd_sources *ret, const ltd_setup *setup, const char *run, ltd_err *err)
{
    const ltd_config *c = &setup->config;
    *ret = (ltd_sources){0};
    if (!ltd_llama_tokenizer(setup->model))
        return ltd_fail(err, LTD_EINVAL, "model %s: writes no text, %s",
                        ltd_llama_path(setup->model), ltd_llama_tokenizer_error(setup->model));
    if (!setup->chat)
        return ltd_fail(err, LTD_EINVAL,
                        "distill: no chat template, in which the model would write messages; name "
                        "one by prompts.chat");
    ltd_data_options o = {
        .writer = {.texts = c->distill.texts,
                   .message_tokens = c->distill.message_tokens,
                   .answer_tokens = c->distill.answer_tokens,
                   .message_temperature = c->distill.message_temperature,
                   .answer_temperature = c->distill.answer_temperature,
                   .greedy_share = c->distill.greedy_share,
                   .openers = ltd_openers,
                   .n_openers = ltd_openers_count,
                   .opener_share = c->distill.opener_share,
                   .seed = c->run.seed,
                   .n_taps = 4},
        .filter = LTD_FILTER_DEFAULTS,
        .answer_tokens = (uint64_t)c->distill.tokens,
        .keep_features = c->distill.features == LTD_DISTILL_KEEP,
        .model_hash = ltd_llama_hash(setup->model),
        .chat_name = ltd_chat_name(setup->chat),
    };
    char folder[PATH_MAX];
    int n = snprintf(folder, sizeof folder, "%s%s", c->distill.data[0] ? c->distill.data : run,
                     c->distill.data[0] ? "" : "/data");
    if (n < 0 || n >= (int)sizeof folder)
        return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", run);
    int rc = choose_taps(ret, setup, err);
    memcpy(o.writer.taps, ret->taps, sizeof ret->taps);
    if (rc == LTD_OK) rc = take_messages(ret, setup, &o.writer, err);
    if (rc == LTD_OK)
        rc = ltd_data_open(&ret->data, folder, &o, ltd_llama_config(setup->model)->hidden, err);
    return rc == LTD_OK ? exclude(ret, setup, err) : rc;
}

void ltd_sources_close(ltd_sources *s)
{
    ltd_data_free(s->data);
    ltd_prompts_free(s->given);
    free(s->messages);
    *s = (ltd_sources){0};
}
