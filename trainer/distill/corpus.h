/* The conversations as training takes them: some held out, the others in a new order each pass; the
 * static vocabulary and the scale of the features that follow from them.
 *
 *     ltd_corpus_init(&c, data, model, &setup->config, taps, &err);
 *     ltd_corpus_shuffle(&c, epoch);
 *     ltd_conversation text = ltd_data_at(data, (size_t)c.order[i]);
 *     ltd_corpus_features(&c, &text, room, &features, &err);
 *
 * Everything follows from data and configuration; the order also from the number of the pass.
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_DISTILL_CORPUS_H
#define LTD_TRAINER_DISTILL_CORPUS_H

#include "base/status.h"
#include "trainer/config/config.h"
#include "trainer/distill/data.h"
#include "trainer/distill/features.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_corpus {
    const ltd_data *data;
    ltd_features *maker; /* of features that are not kept; NULL */
    uint64_t seed;
    int32_t *train, *order; /* [n_train] places in data, ascending; in the pass's order */
    int32_t n_train;
    int32_t *valid; /* [n_valid] greedy ones */
    int32_t n_valid;
    int32_t longest; /* tokens of a conversation, at most */
    int32_t *draft;  /* [n_draft] most frequent tokens of the answers, ascending */
    int32_t n_draft;
    double covered; /* share of the answers' tokens that are among them */
    float scale[3];
    size_t width; /* of a token's features */
} ltd_corpus;

/* LTD_EINVAL: fewer conversations than are to be held out and a batch beside them; LTD_ENOMEM.
 * *ret is to be freed in any case; data and model are borrowed. */
int ltd_corpus_init(ltd_corpus *ret, const ltd_data *data, const ltd_llama *model,
                    const ltd_config *config, const int32_t taps[4], ltd_err *err);
void ltd_corpus_fini(ltd_corpus *c);

void ltd_corpus_shuffle(ltd_corpus *c, uint64_t epoch);

/* A conversation's features [n - 1, width]: those that are kept, or computed into room [longest,
 * width].  Errors of ltd_features_compute. */
int ltd_corpus_features(const ltd_corpus *c, const ltd_conversation *text, uint16_t *room,
                        const uint16_t **ret, ltd_err *err);

/* Features of the conversations at place[n] will be asked for soon: those on disk are fetched. */
void ltd_corpus_expect(const ltd_corpus *c, const int32_t *place, int32_t n);

#ifdef __cplusplus
}
#endif
#endif
