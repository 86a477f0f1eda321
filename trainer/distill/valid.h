/* Accepted length of a head in training on the conversations that are held out: the head as files,
 * through the path that drafts in `ltd generate`.
 *
 *     ltd_valid_head(corpus, model, "runs/a/candidate", &sum, &err);
 *     ltd_simulated_tree_len(&sum, 0)                             tree of 3 forwards, 8 nodes
 */
#ifndef LTD_TRAINER_DISTILL_VALID_H
#define LTD_TRAINER_DISTILL_VALID_H

#include "base/status.h"
#include "trainer/distill/corpus.h"
#include "trainer/distill/simulate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Errors of ltd_eagle3_open, ltd_simulator_text and ltd_corpus_features. */
int ltd_valid_head(const ltd_corpus *corpus, const ltd_llama *model, const char *folder,
                   ltd_simulated *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
