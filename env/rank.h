/* The best n of a growing set, sorted only as deep as asked.
 *
 * Keys are 64-bit and unique; smaller is better.  ltd_rank_key() packs a node so that the order of
 * keys is (score descending, index ascending).  What was sorted stays sorted while keys arrive: a
 * new key that belongs to the sorted part is merged into it, the others wait unsorted.
 *
 *     ltd_rank_push(&rank, ltd_rank_key(score, index));
 *     const uint64_t *best = ltd_rank_best(&rank, n);          best[0 .. n) ascending
 *
 * Private to env/.  Thread rule: one thread.  No allocation: storage is the caller's. */
#ifndef LTD_ENV_RANK_H
#define LTD_ENV_RANK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_rank {
    uint64_t *keys;  /* [room] sorted part, waiting part, newcomers */
    uint64_t *spare; /* [room] scratch of the merge */
    int32_t room;    /* keys that fit */
    int32_t sorted;  /* keys[0 .. sorted) ascend and are the best of keys[0 .. settled) */
    int32_t settled; /* keys[settled .. count) were pushed since the last question */
    int32_t count;
} ltd_rank;

/* score must not be NaN; index >= 0. */
uint64_t ltd_rank_key(float score, int32_t index);
static inline int32_t ltd_rank_index(uint64_t key)
{
    return (int32_t)(key & 0xffffffffu);
}

/* Forget all keys. */
void ltd_rank_clear(ltd_rank *rank);
/* Add a key; count < room. */
void ltd_rank_push(ltd_rank *rank, uint64_t key);
/* The best min(n, count) keys in ascending order, borrowed until the next change. */
const uint64_t *ltd_rank_best(ltd_rank *rank, int32_t n);

#ifdef __cplusplus
}
#endif
#endif
