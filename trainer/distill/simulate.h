/* How much of a text a draft head would have had accepted, without running the target again: the
 * text's own tokens stand for what the target chooses, and its features are there.
 *
 *     ltd_simulator *s;
 *     ltd_simulator_options o = LTD_SIMULATOR_DEFAULTS;
 *     ltd_simulator_new(&s, head, &o, &err);
 *     ltd_simulated sum = {0};
 *     ltd_simulator_text(s, token, n, answer, features, &sum, &err);      text after text
 *     printf("%.3f\n", ltd_simulated_tree_len(&sum, 0));
 *
 * What counts.  The first token of an answer comes from the prefill.  A cycle has a root, a token
 * of the answer that is chosen but not verified, and adds the drafted tokens that are right and the
 * one that the target gives after them (the bonus token): accept_len.  The first root is the
 * answer's first token, the next one lies accept_len further on.  Nothing behind the answer's last
 * token is right, and the last cycle is cut there: an answer of a tokens adds a - 1, and the
 * accepted length L of a setting is the sum of these over the number of its cycles.  A depth counts
 * draft forwards, the resync included.  For a greedy text, cycles are those of env/cycle.h without
 * lookup, one by one.
 *
 * Thread rule: one thread (the model's pool helps). */
#ifndef LTD_TRAINER_DISTILL_SIMULATE_H
#define LTD_TRAINER_DISTILL_SIMULATE_H

#include <stdint.h>

#include "base/status.h"
#include "models/llm/eagle3.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_SIMULATE_CHAIN = 16, LTD_SIMULATE_TREES = 16 };

/* Every cycle drafts `forwards` times and verifies the `size` best nodes. */
typedef struct ltd_simulated_tree {
    int32_t forwards, size;
} ltd_simulated_tree;

/* A cycle of one setting. */
typedef struct ltd_simulated_cycle {
    int32_t chain; /* forwards of a chain; 0: a tree */
    int32_t tree;  /* its number among the options */
    int32_t root;  /* position in the text */
    int32_t accept_len;
} ltd_simulated_cycle;

typedef struct ltd_simulator_options {
    int32_t context; /* tokens of a text, at most */
    int32_t chain;   /* chains of 1, 2, ... so many forwards [0, LTD_SIMULATE_CHAIN] */
    int32_t top_k;   /* of the trees' beams */
    ltd_draft_vocabulary vocabulary;
    int32_t n_trees;
    ltd_simulated_tree tree[LTD_SIMULATE_TREES];
    /* Told of each cycle, those of a root in any order; NULL: nobody. */
    void (*tell)(void *ctx, const ltd_simulated_cycle *cycle);
    void *ctx;
} ltd_simulator_options;

/* clang-format off */
#define LTD_SIMULATOR_DEFAULTS \
    {.context = 2048, .chain = 10, .top_k = 10, .n_trees = 2, .tree = {{3, 8}, {8, 60}}}
/* clang-format on */

/* Sums over texts. */
typedef struct ltd_simulated {
    int64_t texts;
    int64_t positions; /* roots that there can be: answer tokens but the last; also the tokens
                          that the cycles of each setting add */
    /* Greedy chains at every position, [i] for the i + 1st drafted token. */
    int64_t tried[LTD_SIMULATE_CHAIN]; /* those before it are right, and the text has one here */
    int64_t right[LTD_SIMULATE_CHAIN];
    int64_t chain_cycles[LTD_SIMULATE_CHAIN]; /* [i] i + 1 forwards */
    int64_t tree_cycles[LTD_SIMULATE_TREES];
    int64_t covered;      /* positions whose next token is in the head's vocabulary */
    int64_t covered_seen; /* ... or stands in the text before it */
} ltd_simulated;

typedef struct ltd_simulator ltd_simulator;

/* LTD_EINVAL names the option that can't be, LTD_ENOMEM.  *ret owned; head borrowed. */
int ltd_simulator_new(ltd_simulator **ret, const ltd_eagle3 *head,
                      const ltd_simulator_options *options, ltd_err *err);
void ltd_simulator_free(ltd_simulator *s);

/* Add a text.
 *   token     [n] prompt and answer; what follows an answer's end token is not part of it
 *   answer    where the answer begins, [1, n]
 *   features  [n - 2 or more, 3 * target hidden] as of ltd_session_features, from position 0 on
 *   *sum      is added to; untouched when this fails
 * LTD_EINVAL: too long, or a token out of range. */
int ltd_simulator_text(ltd_simulator *s, const int32_t *token, int32_t n, int32_t answer,
                       const float *features, ltd_simulated *sum, ltd_err *err);

void ltd_simulated_add(ltd_simulated *sum, const ltd_simulated *one);
/* Share of the depth-th drafted tokens (1 = the first) that are right where all before them are;
 * NaN where there are none. */
double ltd_simulated_right(const ltd_simulated *r, int32_t depth);
/* Share of next tokens that the head can draft; with `seen`, that it can or the text has had. */
double ltd_simulated_covered(const ltd_simulated *r, int32_t seen);
/* Accepted length of chains of `depth` forwards, of tree number i; NaN without positions. */
double ltd_simulated_chain_len(const ltd_simulated *r, int32_t depth);
double ltd_simulated_tree_len(const ltd_simulated *r, int32_t i);

#ifdef __cplusplus
}
#endif
#endif
