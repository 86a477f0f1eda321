#include "trainer/distill/corpus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "models/files/dtype.h"
#include "trainer/distill/batch.h"

enum { SCALE_TEXTS = 200 }; /* from which the scale is taken */

/* The first greedy ones are held out. */
static int split(ltd_corpus *c, const ltd_config *config, ltd_err *err)
{
    size_t n = ltd_data_count(c->data);
    int32_t wanted = config->distill.valid_texts;
    c->train = ltd_mem_zeros(n, sizeof *c->train);
    c->order = ltd_mem_zeros(n, sizeof *c->order);
    c->valid = ltd_mem_zeros((size_t)wanted, sizeof *c->valid);
    if (!c->train || !c->order || !c->valid)
        return ltd_fail(err, LTD_ENOMEM, "conversations: no memory");
    for (size_t i = 0; i < n; i++) {
        ltd_conversation t = ltd_data_at(c->data, i);
        if (t.n > c->longest) c->longest = t.n;
        if (!ltd_batch_anchors(&t)) continue;
        if (t.greedy && c->n_valid < wanted)
            c->valid[c->n_valid++] = (int32_t)i;
        else
            c->train[c->n_train++] = (int32_t)i;
    }
    if (c->n_train >= config->distill.batch_size && c->n_valid == wanted) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL,
                    "%zu conversations: %d of %d are held out, %d are left for batches of %d", n,
                    c->n_valid, wanted, c->n_train, config->distill.batch_size);
}

typedef struct counted {
    int64_t count;
    int32_t token;
} counted;

static int by_count(const void *a, const void *b)
{
    const counted *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return x->token - y->token;
}

static int by_token(const void *a, const void *b)
{
    return *(const int32_t *)a - *(const int32_t *)b;
}

static int choose_vocabulary(ltd_corpus *c, int32_t vocab, int32_t wanted, ltd_err *err)
{
    counted *all = ltd_mem_zeros((size_t)vocab, sizeof *all);
    c->n_draft = wanted < vocab ? wanted : vocab;
    c->draft = ltd_mem_zeros((size_t)c->n_draft, sizeof *c->draft);
    int64_t sum = 0, covered = 0;
    if (!all || !c->draft) {
        free(all);
        return ltd_fail(err, LTD_ENOMEM, "vocabulary: no memory");
    }
    for (int32_t i = 0; i < vocab; i++) all[i].token = i;
    for (int32_t i = 0; i < c->n_train; i++) {
        ltd_conversation t = ltd_data_at(c->data, (size_t)c->train[i]);
        for (int32_t k = t.answer; k < t.n; k++) all[t.token[k]].count++;
        sum += t.n - t.answer;
    }
    qsort(all, (size_t)vocab, sizeof *all, by_count);
    for (int32_t i = 0; i < c->n_draft; i++) {
        c->draft[i] = all[i].token;
        covered += all[i].count;
    }
    qsort(c->draft, (size_t)c->n_draft, sizeof *c->draft, by_token);
    c->covered = (double)covered / (double)sum;
    free(all);
    return LTD_OK;
}

/* 1 / root mean square of each tap, the first token apart: models put very large numbers there. */
static int measure_scale(ltd_corpus *c, int32_t hidden, ltd_err *err)
{
    uint16_t *room = ltd_mem_zeros((size_t)c->longest * c->width, sizeof *room);
    double square[3] = {0}, n = 0;
    int rc = room ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "features: no memory");
    for (int32_t i = 0; rc == LTD_OK && i < c->n_train && i < SCALE_TEXTS; i++) {
        ltd_conversation t = ltd_data_at(c->data, (size_t)c->train[i]);
        const uint16_t *x;
        if ((rc = ltd_corpus_features(c, &t, room, &x, err)) < 0) break;
        for (int32_t p = 1; p < t.n - 1; p++)
            for (int32_t k = 0; k < 3 * hidden; k++) {
                double v = (double)ltd_f16_to_f32(x[(size_t)p * c->width + (size_t)k]);
                if (isfinite(v)) square[k / hidden] += v * v;
            }
        n += (double)(t.n - 2) * hidden;
    }
    for (int tap = 0; tap < 3; tap++) c->scale[tap] = (float)(1 / sqrt(square[tap] / n + 1e-12));
    free(room);
    return rc;
}

int ltd_corpus_init(ltd_corpus *ret, const ltd_data *data, const ltd_llama *model,
                    const ltd_config *config, const int32_t taps[4], ltd_err *err)
{
    const ltd_llm_config *m = ltd_llama_config(model);
    *ret = (ltd_corpus){.data = data, .seed = config->run.seed, .width = 4 * (size_t)m->hidden};
    int rc = split(ret, config, err);
    if (rc == LTD_OK) rc = choose_vocabulary(ret, m->vocab, config->distill.vocabulary, err);
    bool missing = false;
    for (size_t i = 0; rc == LTD_OK && !missing && i < ltd_data_count(data); i++)
        missing = !ltd_data_at(data, i).features;
    if (rc == LTD_OK && missing)
        rc = ltd_features_new(&ret->maker, model, taps, 4, ret->longest, true, err);
    return rc == LTD_OK ? measure_scale(ret, m->hidden, err) : rc;
}

void ltd_corpus_fini(ltd_corpus *c)
{
    ltd_features_free(c->maker);
    free(c->train);
    free(c->order);
    free(c->valid);
    free(c->draft);
    *c = (ltd_corpus){0};
}

void ltd_corpus_shuffle(ltd_corpus *c, uint64_t epoch)
{
    ltd_rng rng;
    ltd_rng_seed(&rng, c->seed + epoch * 0x9e3779b97f4a7c15, LTD_STREAM_MINIBATCH);
    memcpy(c->order, c->train, (size_t)c->n_train * sizeof *c->order);
    ltd_rng_shuffle(&rng, c->order, (size_t)c->n_train);
}

int ltd_corpus_features(const ltd_corpus *c, const ltd_conversation *text, uint16_t *room,
                        const uint16_t **ret, ltd_err *err)
{
    *ret = text->features ? text->features : room;
    if (text->features) return LTD_OK;
    return ltd_features_compute(c->maker, text->token, text->n - 1, room, err);
}

void ltd_corpus_expect(const ltd_corpus *c, const int32_t *place, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        ltd_conversation t = ltd_data_at(c->data, (size_t)place[i]);
        if (t.features)
            ltd_file_expect(t.features, (size_t)(t.n - 1) * c->width * sizeof *t.features);
    }
}
