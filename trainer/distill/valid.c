#include "trainer/distill/valid.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/files/dtype.h"

enum { DEPTH = 3, SIZE = 8, TOP_K = 10 };

/* The three taps of features [rows, 4 hidden]. */
static void widen(const uint16_t *from, int32_t rows, int32_t hidden, float *to)
{
    for (int32_t p = 0; p < rows; p++, from += 4 * hidden)
        for (int32_t k = 0; k < 3 * hidden; k++) *to++ = ltd_f16_to_f32(from[k]);
}

static int simulate(const ltd_corpus *c, ltd_simulator *s, int32_t hidden, ltd_simulated *ret,
                    ltd_err *err)
{
    uint16_t *room = ltd_mem_zeros((size_t)c->longest * c->width, sizeof *room);
    float *features = ltd_mem_zeros((size_t)c->longest * 3 * (size_t)hidden, sizeof *features);
    int rc = room && features ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "validation: no memory");
    for (int32_t i = 0; rc == LTD_OK && i < c->n_valid; i++) {
        ltd_conversation t = ltd_data_at(c->data, (size_t)c->valid[i]);
        const uint16_t *halves;
        if ((rc = ltd_corpus_features(c, &t, room, &halves, err)) < 0) break;
        widen(halves, t.n - 1, hidden, features);
        rc = ltd_simulator_text(s, t.token, t.n, t.answer, features, ret, err);
    }
    free(room);
    free(features);
    return rc;
}

int ltd_valid_head(const ltd_corpus *corpus, const ltd_llama *model, const char *folder,
                   ltd_simulated *ret, ltd_err *err)
{
    ltd_eagle3 *head = NULL;
    ltd_simulator *s = NULL;
    ltd_simulator_options o = {.context = corpus->longest,
                               .chain = DEPTH,
                               .top_k = TOP_K < corpus->n_draft ? TOP_K : corpus->n_draft,
                               .n_trees = 1,
                               .tree = {{DEPTH, SIZE}}};
    memset(ret, 0, sizeof *ret);
    int rc = ltd_eagle3_open(&head, folder, model, LTD_LOAD_Q8, err);
    if (rc == LTD_OK) rc = ltd_simulator_new(&s, head, &o, err);
    if (rc == LTD_OK) rc = simulate(corpus, s, ltd_llama_config(model)->hidden, ret, err);
    ltd_simulator_free(s);
    ltd_eagle3_close(head);
    return rc;
}
