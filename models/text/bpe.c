/* Byte-pair merging of one word.
 *
 * Symbols are a linked list inside an array; the pairs that may merge are a binary heap of
 * (rank << 32 | position), so that the best merge is taken first and, among equals, the leftmost.
 * Entries are not removed when a neighbour changes: one that no longer describes what stands at its
 * position is skipped.  n symbols cost O(n log n) whatever they are. */
#include "models/text/tokenizer_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_WHOLE = 256 };

struct ltd_symbol {
    int32_t id;         /* -1: merged into its left neighbour */
    int32_t prev, next; /* -1 at the ends */
};

void ltd_bpe_fini(ltd_bpe *bpe)
{
    free(bpe->symbols);
    free(bpe->heap);
    *bpe = (ltd_bpe){0};
}

/* Room for a word of n bytes.  At most n - 1 pairs at first and two more per merge. */
static int reserve(ltd_bpe *bpe, size_t n, ltd_err *err)
{
    if (n <= bpe->cap) return LTD_OK;
    size_t cap = n < 256 ? 256 : n + n / 2;
    struct ltd_symbol *symbols = ltd_mem_resize(bpe->symbols, cap, sizeof *symbols);
    if (symbols) bpe->symbols = symbols;
    uint64_t *heap = symbols ? ltd_mem_resize(bpe->heap, cap, 3 * sizeof *heap) : NULL;
    if (!heap) return ltd_fail(err, LTD_ENOMEM, "tokeniser: word of %zu bytes", n);
    bpe->heap = heap;
    bpe->cap = cap;
    return LTD_OK;
}

static void heap_push(ltd_bpe *bpe, uint64_t entry)
{
    uint64_t *heap = bpe->heap;
    size_t i = bpe->n_heap++;
    while (i > 0 && heap[(i - 1) / 2] > entry) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = entry;
}

static uint64_t heap_pop(ltd_bpe *bpe)
{
    uint64_t *heap = bpe->heap;
    uint64_t top = heap[0], last = heap[--bpe->n_heap];
    size_t i = 0, n = bpe->n_heap;
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= n) break;
        if (c + 1 < n && heap[c + 1] < heap[c]) c++;
        if (heap[c] >= last) break;
        heap[i] = heap[c];
        i = c;
    }
    heap[i] = last;
    return top;
}

/* Queue the pair that begins at `left`, when it can merge. */
static void propose(ltd_bpe *bpe, const ltd_tokenizer *tok, int32_t left)
{
    if (left < 0 || bpe->symbols[left].next < 0) return;
    uint64_t a = (uint32_t)bpe->symbols[left].id;
    uint64_t b = (uint32_t)bpe->symbols[bpe->symbols[left].next].id;
    size_t slot;
    int32_t rank = ltd_map_first(&tok->by_pair, a << 32 | b, &slot);
    if (rank >= 0) heap_push(bpe, (uint64_t)rank << 32 | (uint32_t)left);
}

/* Take merges, best first, until none is left. */
static void merge_all(ltd_bpe *bpe, const ltd_tokenizer *tok)
{
    struct ltd_symbol *s = bpe->symbols;
    while (bpe->n_heap > 0) {
        uint64_t entry = heap_pop(bpe);
        const ltd_merge *m = &tok->merges[entry >> 32];
        int32_t left = (int32_t)(uint32_t)entry, right = s[left].next;
        if (s[left].id != m->left || right < 0 || s[right].id != m->right) continue;
        s[left].id = m->id;
        s[left].next = s[right].next;
        if (s[right].next >= 0) s[s[right].next].prev = left;
        s[right].id = -1;
        propose(bpe, tok, s[left].prev);
        propose(bpe, tok, left);
    }
}

/* The token that is this whole word, -1 when there is none. */
static int32_t whole_word(const ltd_tokenizer *tok, const char *word, size_t n)
{
    char text[2 * MAX_WHOLE];
    size_t len = 0;
    if (n == 0 || n > MAX_WHOLE) return -1; /* longer than any token that is a word */
    for (size_t i = 0; i < n; i++)
        len += ltd_symbol_write(text + len, ltd_byte_symbol((uint8_t)word[i]));
    return ltd_vocab_find(tok, text, len, NULL, 0);
}

int ltd_bpe_word(ltd_bpe *bpe, const ltd_tokenizer *tok, const char *word, size_t n,
                 ltd_tokens *ids, ltd_err *err)
{
    if (tok->rule->whole_words) {
        int32_t id = whole_word(tok, word, n);
        if (id >= 0) return ltd_tokens_push(ids, id, err);
    }
    int status = reserve(bpe, n, err);
    if (status < 0) return status;

    /* Bytes without a token vanish before merging: their neighbours may then merge. */
    struct ltd_symbol *s = bpe->symbols;
    int32_t count = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t id = tok->byte_id[(uint8_t)word[i]];
        if (id < 0) continue;
        s[count] = (struct ltd_symbol){.id = id, .prev = count - 1, .next = count + 1};
        count++;
    }
    if (count == 0) return LTD_OK;
    s[count - 1].next = -1;

    bpe->n_heap = 0;
    for (int32_t i = 0; i + 1 < count; i++) propose(bpe, tok, i);
    merge_all(bpe, tok);

    for (int32_t i = 0; i >= 0 && status == LTD_OK; i = s[i].next)
        status = ltd_tokens_push(ids, s[i].id, err);
    return status;
}
