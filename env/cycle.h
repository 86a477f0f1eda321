/* The engine side of a draft-verify cycle, one text at a time:
 *
 *     prompt -> [ begin -> draft* -> verify ]*        verify: choose, verify, accept, commit
 *
 * begin looks the text's end up in the text (prompt lookup) and opens the timed window; each draft
 * is one forward of the draft head (the first is the resync: it catches up with every token
 * committed since the head last ran); verify closes the window.  With nothing drafted and nothing
 * found, verify is a plain decode step.
 *
 *     ltd_cycle_prompt(c, ids, n, &err);
 *     while (!done) {
 *         ltd_cycle_begin(c, &err);
 *         ltd_cycle_draft(c, &err);
 *         const ltd_cycle_result *r;
 *         ltd_cycle_verify(c, 8, &r, &err);            r->tokens[0 .. accept_len)
 *     }
 *
 * Whatever is drafted and chosen, the tokens are those of plain decoding: of greedy decoding, or,
 * with a temperature, of sampling with the same seed (LTD_ACCEPT_SAMPLED: of the same
 * distribution). Thread rule: one thread.  No allocation after ltd_cycle_new(). */
#ifndef LTD_ENV_CYCLE_H
#define LTD_ENV_CYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"
#include "env/accept.h"
#include "env/lookup.h"
#include "env/survival.h"
#include "env/timing.h"
#include "env/tree.h"
#include "models/llm/eagle3.h"
#include "models/llm/session.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_cycle ltd_cycle;

typedef struct ltd_cycle_options {
    const ltd_llama *model;        /* borrowed */
    const ltd_eagle3 *head;        /* borrowed; NULL: prompt lookup alone */
    const struct ltd_trace *trace; /* borrowed: played instead of model and head, which are NULL */
    ltd_clock clock;
    int32_t context;                 /* tokens of text and tree */
    int32_t top_k;                   /* beam width */
    int32_t max_forwards;            /* draft forwards a cycle, resync included */
    int32_t max_size;                /* draft nodes a verification */
    ltd_draft_vocabulary vocabulary; /* of the draft head */
    bool lookup;                     /* prompt lookup as a second source */
    int32_t lookup_min_match, lookup_max_chain;
    const ltd_survival *survival; /* borrowed; NULL: scores as they come */
    bool kv_f16;
    ltd_sampling sampling; /* temperature 0: greedy, nothing else of it is read */
    ltd_accept_rule accept;
    uint64_t seed; /* of sampled tokens */
} ltd_cycle_options;

/* What a finished cycle did; borrowed until the next call. */
typedef struct ltd_cycle_result {
    int32_t accept_len; /* L_A >= 1: accepted nodes and the root */
    const int32_t
        *tokens;      /* [accept_len] new tokens: accepted drafts, then the target's own next */
    int32_t size;     /* nodes verified */
    int32_t forwards; /* draft forwards */
    int32_t pool;     /* nodes in the pool */
    int32_t match;    /* lookup match length */
    int32_t waiting;  /* tokens the head had not seen when the cycle began */
    uint64_t window_ns;
    const ltd_selection *selection; /* the verified tree */
    const int32_t *path;            /* [accept_len] its accepted entries, root first */
} ltd_cycle_result;

int ltd_cycle_new(ltd_cycle **ret, const ltd_cycle_options *options, ltd_err *err);
void ltd_cycle_free(ltd_cycle *c);

/* Start a text: prefill of target and head, outside any window.  What it shares with the beginning
 * of the text so far is kept, not computed again; nothing but the time tells.  LTD_EINVAL when it
 * doesn't fit. */
int ltd_cycle_prompt(ltd_cycle *c, const int32_t *ids, int32_t n, ltd_err *err);
/* Seed of the texts that begin from now on.  A text's numbers depend on the seed and on its prompt,
 * not on what was played before. */
void ltd_cycle_set_seed(ltd_cycle *c, uint64_t seed);
/* The next token, already chosen by the target but not run through it. */
int32_t ltd_cycle_root(const ltd_cycle *c);
/* Tokens that may still be added so that every later cycle fits, whatever it verifies. */
int32_t ltd_cycle_room(const ltd_cycle *c);
int32_t ltd_cycle_context(const ltd_cycle *c); /* committed tokens, root not counted */
/* Does this token end an answer? */
bool ltd_cycle_is_end(const ltd_cycle *c, int32_t token);

int ltd_cycle_begin(ltd_cycle *c, ltd_err *err);
bool ltd_cycle_has_head(const ltd_cycle *c);
bool ltd_cycle_can_draft(const ltd_cycle *c); /* there is a head, and a forward left */
int ltd_cycle_draft(ltd_cycle *c, ltd_err *err);
/* What the last forward of the head said, as ltd_tree_grow() took it; borrowed until the next. */
void ltd_cycle_drafted(const ltd_cycle *c, const int32_t **token, const float **logp);
/* Verify the `size` best nodes (at most the pool) and commit. */
int ltd_cycle_verify(ltd_cycle *c, int32_t size, const ltd_cycle_result **ret, ltd_err *err);

/* The cycle that ended last. */
const ltd_cycle_result *ltd_cycle_last(const ltd_cycle *c);
ltd_tree *ltd_cycle_tree(ltd_cycle *c);
ltd_phases *ltd_cycle_phases(ltd_cycle *c); /* the caller may enter phases between calls */
ltd_match ltd_cycle_match(const ltd_cycle *c);
int32_t ltd_cycle_chain(const ltd_cycle *c);
/* Tokens the head has not seen, which the next resync runs; 1 after one that was abandoned. */
int32_t ltd_cycle_waiting(const ltd_cycle *c);
const ltd_cycle_options *ltd_cycle_get_options(const ltd_cycle *c);
/* Whether later cycles look the text up.  Only a cycle made with lookup can; its text is kept up
 * to date either way, so that it may be switched at any time between cycles. */
void ltd_cycle_set_lookup(ltd_cycle *c, bool on);
/* Milliseconds that a prefill of the last prompt takes: target, head; of tokens that were kept,
 * what they took when they were computed. */
void ltd_cycle_prefill_ms(const ltd_cycle *c, double *target, double *head);

#ifdef __cplusplus
}
#endif
#endif
