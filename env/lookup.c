/* One dictionary a match length: n-gram -> the position of its most recent last token.  A slot
 * holds the position and 32 bits of the n-gram's hash; the n-gram itself is in the text, where
 * every candidate is compared, so a collision costs a look and never an answer.  Nothing is ever
 * deleted but all at once, so linear probing needs no tombstones; tables are twice the longest
 * text.
 *
 * The hashes of all lengths that end at a position come from one walk back over the text:
 * hash(m) = step(hash(m - 1), token m places back). */
#include "env/lookup.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX = LTD_LOOKUP_GRAM };

typedef struct slot {
    uint32_t hash;
    int32_t end; /* position of the n-gram's last token, plus 1; 0 = free */
} slot;

struct ltd_lookup {
    int32_t *text; /* [max_context] */
    int32_t n, max_context, min_match;
    uint32_t mask;
    slot *tables[MAX + 1]; /* [m]: n-grams of length m, NULL below min_match */
};

int ltd_lookup_new(ltd_lookup **ret, int32_t max_context, int32_t min_match, ltd_err *err)
{
    *ret = NULL;
    if (max_context < 1 || max_context > (1 << 28))
        return ltd_fail(err, LTD_EINVAL, "lookup: max_context is %d, expected 1 to %d", max_context,
                        1 << 28);
    if (min_match < 1 || min_match > MAX)
        return ltd_fail(err, LTD_EINVAL, "lookup: min_match is %d, expected 1 to %d", min_match,
                        MAX);
    ltd_lookup *lookup = ltd_mem_zeros(1, sizeof *lookup);
    if (!lookup) goto no_memory;
    lookup->max_context = max_context;
    lookup->min_match = min_match;
    uint32_t slots = 16;
    while (slots < 2u * (uint32_t)max_context) slots *= 2;
    lookup->mask = slots - 1;
    lookup->text = ltd_mem_zeros((size_t)max_context, sizeof *lookup->text);
    if (!lookup->text) goto no_memory;
    for (int m = min_match; m <= MAX; m++) {
        lookup->tables[m] = ltd_mem_zeros(slots, sizeof(slot));
        if (!lookup->tables[m]) goto no_memory;
    }
    *ret = lookup;
    return LTD_OK;
no_memory:
    ltd_lookup_free(lookup);
    return ltd_fail(err, LTD_ENOMEM, "lookup: no memory for %d tokens", max_context);
}

void ltd_lookup_free(ltd_lookup *lookup)
{
    if (!lookup) return;
    for (int m = 0; m <= MAX; m++) free(lookup->tables[m]);
    free(lookup->text);
    free(lookup);
}

void ltd_lookup_reset(ltd_lookup *lookup)
{
    if (lookup->n == 0) return;
    lookup->n = 0;
    for (int m = lookup->min_match; m <= MAX; m++)
        memset(lookup->tables[m], 0, ((size_t)lookup->mask + 1) * sizeof(slot));
}

static uint32_t hash_step(uint32_t hash, int32_t token)
{
    hash = (hash ^ (uint32_t)token) * 0x9e3779b1u;
    return hash ^ hash >> 15;
}

/* The m-gram that ends with `last` and, before it, the text up to (not including) position n: is it
 * the one that ends at position `end`? */
static bool same_gram(const int32_t *text, int32_t n, int32_t last, int32_t end, int m)
{
    if (text[end] != last) return false;
    for (int i = 1; i < m; i++)
        if (text[end - i] != text[n - i]) return false;
    return true;
}

/* The slot of that m-gram: its own, or the free one where it belongs. */
static slot *find_slot(const ltd_lookup *lookup, int32_t n, int32_t last, uint32_t hash, int m)
{
    slot *table = lookup->tables[m];
    for (uint32_t i = hash & lookup->mask;; i = (i + 1) & lookup->mask) {
        slot *s = &table[i];
        if (s->end == 0) return s;
        if (s->hash == hash && same_gram(lookup->text, n, last, s->end - 1, m)) return s;
    }
}

int ltd_lookup_append(ltd_lookup *lookup, const int32_t *ids, int32_t n, ltd_err *err)
{
    if (n < 0 || n > lookup->max_context - lookup->n)
        return ltd_fail(err, LTD_EINVAL, "lookup: %d tokens after %d, room for %d", n, lookup->n,
                        lookup->max_context);
    for (int32_t i = 0; i < n; i++) {
        int32_t at = lookup->n;
        lookup->text[at] = ids[i];
        uint32_t hash = 0;
        for (int m = 1; m <= MAX && m <= at + 1; m++) {
            hash = hash_step(hash, lookup->text[at + 1 - m]);
            if (m < lookup->min_match) continue;
            slot *s = find_slot(lookup, at, ids[i], hash, m);
            s->hash = hash;
            s->end = at + 1;
        }
        lookup->n++;
    }
    return LTD_OK;
}

/* The place that ends at `end` agrees for `length` tokens: for how many does it? */
static int32_t extend(const ltd_lookup *lookup, int32_t end, int32_t length)
{
    const int32_t *text = lookup->text;
    while (length < LTD_LOOKUP_LONGEST && length < end &&
           text[end - 1 - length] == text[lookup->n - length])
        length++;
    return length;
}

ltd_match ltd_lookup_find(const ltd_lookup *lookup, int32_t root, int32_t *tokens, int32_t max)
{
    const int32_t *text = lookup->text;
    int32_t n = lookup->n, length = 0, end = 0;
    uint32_t hash = 0;
    /* Each longer match is also a shorter one: stop at the first length that isn't there. */
    for (int m = 1; m <= MAX && m <= n; m++) {
        hash = hash_step(hash, m == 1 ? root : text[n + 1 - m]);
        if (m < lookup->min_match) continue;
        const slot *s = find_slot(lookup, n, root, hash, m);
        if (s->end == 0) break;
        length = m;
        end = s->end;
    }
    if (length == 0) return (ltd_match){0};
    if (length == MAX) length = extend(lookup, end, length);
    /* What followed, in (text + root), then through the continuation itself. */
    for (int32_t i = 0; i < max; i++) {
        int32_t from = end + i;
        tokens[i] = from < n ? text[from] : from == n ? root : tokens[from - n - 1];
    }
    return (ltd_match){length, n + 1 - end, max > 0 ? max : 0};
}
