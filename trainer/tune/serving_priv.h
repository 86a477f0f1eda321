/* What engines can be told, what they do by themselves, and how they look n-grams up. */
#ifndef LTD_TRAINER_SERVING_PRIV_H
#define LTD_TRAINER_SERVING_PRIV_H

#include "trainer/tune/serving.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_SERVING_STEPS = 12, /* deepest draft that is looked at, */
    LTD_SERVING_BEAMS = 8,  /* widest beam, */
    LTD_SERVING_NODES = 64, /* largest tree, */
    LTD_SERVING_GRAM = 12,  /* longest n-gram: no more than */
    LTD_SERVING_MAX = 4096  /* settings of an engine */
};

/* Settings of an engine, plain decoding first, that heads of so many forwards and beams up to
 * top_k can draft, both up to the limits above.  Returns how many; ret[LTD_SERVING_MAX]. */
int32_t ltd_serving_grid(ltd_engine engine, int32_t forwards, int32_t top_k,
                         ltd_serving_setting *ret);
/* What it does with a head (or none) and no other options about speculation. */
ltd_serving_setting ltd_serving_preset(ltd_engine engine, bool head, bool llama);

/* --- n-gram lookup --- */

/* What an n-gram's earlier occurrence gives. */
typedef struct ltd_ngram_hit {
    int32_t length; /* tokens that agree; 0: none */
    int32_t there;  /* tokens that follow it in the text */
    int32_t right;  /* of these, how many the text goes on with */
} ltd_ngram_hit;

/* In text[0 .. n), root included, which goes on with next[0 .. n_next).  n >= 1; gram: the longest
 * that is looked for (vLLM), or the one length (llama.cpp). */
ltd_ngram_hit ltd_ngram_find(ltd_engine engine, const int32_t *text, int32_t n, int32_t gram,
                             const int32_t *next, int32_t n_next);
/* Tokens that the engine drafts from it, at a text of n tokens, root included. */
int32_t ltd_ngram_draft(ltd_engine engine, const ltd_serving_setting *setting,
                        const ltd_ngram_hit *hit, int32_t n);

#ifdef __cplusplus
}
#endif
#endif
