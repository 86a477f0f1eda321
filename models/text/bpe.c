/* Byte-pair merging of one word.
 *
 * Symbols are a linked list inside an array; the pairs that may merge are a binary heap of
 * (rank << 32 | position), so that the best merge is taken first and, among equals, the leftmost.
 * Entries are not removed when a neighbour changes: one that no longer describes what stands at its
 * position is skipped.  n symbols cost O(n log n) whatever they are.
 *
 * Which pairs may merge, and how well, is said by a list of merges or by the scores of the tokens;
 * everything else is the same for both. */
#include "models/text/tokenizer_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct ltd_symbol {
    int32_t id;         /* -1: no token */
    int32_t prev, next; /* -1 at the ends */
    int32_t rank;       /* of merging with the next one, -1: does not merge */
    int32_t merged;     /* token of that merge */
    uint32_t at, len;   /* in the word; len 0: merged into its left neighbour */
};

void ltd_bpe_fini(ltd_bpe *bpe)
{
    free(bpe->symbols);
    free(bpe->heap);
    ltd_str_fini(&bpe->text);
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

/* A token that text may become: not one that only stands for itself. */
static int32_t find_plain(const ltd_tokenizer *tok, const char *text, size_t n)
{
    int32_t id = n <= tok->longest ? ltd_vocab_find(tok, text, n, NULL, 0) : -1;
    if (id < 0) return -1;
    int type = tok->type[id];
    return type == LTD_TOKEN_NORMAL || type == LTD_TOKEN_USER ? id : -1;
}

/* Queue the pair that begins at `left`, when it can merge. */
static void propose(ltd_bpe *bpe, const ltd_tokenizer *tok, const char *word, int32_t left)
{
    if (left < 0) return;
    struct ltd_symbol *a = &bpe->symbols[left];
    a->rank = -1;
    if (a->next < 0) return;
    const struct ltd_symbol *b = &bpe->symbols[a->next];
    if (tok->rank) {
        a->merged = find_plain(tok, word + a->at, (size_t)a->len + b->len);
        if (a->merged >= 0) a->rank = tok->rank[a->merged];
    } else if (a->id >= 0 && b->id >= 0) {
        size_t slot;
        uint64_t key = (uint64_t)(uint32_t)a->id << 32 | (uint32_t)b->id;
        a->rank = ltd_map_first(&tok->by_pair, key, &slot);
        if (a->rank >= 0) a->merged = tok->merges[a->rank].id;
    }
    if (a->rank >= 0) heap_push(bpe, (uint64_t)a->rank << 32 | (uint32_t)left);
}

/* Take merges, best first, until none is left. */
static void merge_all(ltd_bpe *bpe, const ltd_tokenizer *tok, const char *word)
{
    struct ltd_symbol *s = bpe->symbols;
    while (bpe->n_heap > 0) {
        uint64_t entry = heap_pop(bpe);
        int32_t left = (int32_t)(uint32_t)entry, right = s[left].next;
        if (s[left].len == 0 || s[left].rank != (int32_t)(entry >> 32)) continue;
        s[left].id = s[left].merged;
        s[left].len += s[right].len;
        s[left].next = s[right].next;
        if (s[right].next >= 0) s[s[right].next].prev = left;
        s[right].len = 0;
        propose(bpe, tok, word, s[left].prev);
        propose(bpe, tok, word, left);
    }
}

/* The token that is this whole word, -1 when there is none. */
static int32_t whole_word(ltd_bpe *bpe, const ltd_tokenizer *tok, const char *word, size_t n)
{
    if (n == 0 || n > tok->longest) return -1;
    if (!tok->bytes) return find_plain(tok, word, n);
    ltd_str_clear(&bpe->text);
    for (size_t i = 0; i < n; i++) {
        char symbol[2];
        size_t len = ltd_symbol_write(symbol, ltd_byte_symbol((uint8_t)word[i]));
        ltd_str_push(&bpe->text, symbol, len);
    }
    return bpe->text.failed ? -1 : find_plain(tok, bpe->text.data, bpe->text.len);
}

/* Whether all bytes of a character have tokens to fall back on. */
static bool has_bytes(const ltd_tokenizer *tok, const char *s, size_t n)
{
    if (!tok->fallback) return false;
    for (size_t i = 0; i < n; i++)
        if (tok->byte_id[(uint8_t)s[i]] < 0) return false;
    return true;
}

/* The symbols that the word begins with; returns their number.  What nothing stands for vanishes
 * before merging: its neighbours may then merge. */
static int32_t cut(ltd_bpe *bpe, const ltd_tokenizer *tok, const char *word, size_t n)
{
    struct ltd_symbol *s = bpe->symbols;
    int32_t count = 0;
    for (size_t i = 0, len; i < n; i += len) {
        int32_t id;
        if (tok->bytes) {
            len = 1;
            id = tok->byte_id[(uint8_t)word[i]];
        } else {
            len = ltd_utf8_length(word + i, n - i);
            if (len == 0) len = 1;
            id = find_plain(tok, word + i, len);
        }
        if (id < 0 && tok->unknown < 0 && !has_bytes(tok, word + i, len)) continue;
        s[count] = (struct ltd_symbol){.id = id,
                                       .prev = count - 1,
                                       .next = count + 1,
                                       .rank = -1,
                                       .at = (uint32_t)i,
                                       .len = (uint32_t)len};
        count++;
    }
    if (count > 0) s[count - 1].next = -1;
    return count;
}

/* Append the tokens of a symbol that has none of its own.  *fused: the last token is the unknown
 * one already. */
static int push_missing(const ltd_tokenizer *tok, const char *s, size_t n, bool *fused,
                        ltd_tokens *ids, ltd_err *err)
{
    int status = LTD_OK;
    if (has_bytes(tok, s, n)) {
        for (size_t i = 0; i < n && status == LTD_OK; i++)
            status = ltd_tokens_push(ids, tok->byte_id[(uint8_t)s[i]], err);
        *fused = false;
        return status;
    }
    if (!*fused) status = ltd_tokens_push(ids, tok->unknown, err);
    *fused = tok->fuse_unknown;
    return status;
}

int ltd_bpe_word(ltd_bpe *bpe, const ltd_tokenizer *tok, const char *word, size_t n,
                 ltd_tokens *ids, ltd_err *err)
{
    if (tok->whole_words) {
        int32_t id = whole_word(bpe, tok, word, n);
        if (id >= 0) return ltd_tokens_push(ids, id, err);
    }
    if (bpe->text.failed) return ltd_fail(err, LTD_ENOMEM, "tokeniser: word of %zu bytes", n);
    int status = reserve(bpe, n, err);
    if (status < 0) return status;
    int32_t count = cut(bpe, tok, word, n);
    if (count == 0) return LTD_OK;

    bpe->n_heap = 0;
    for (int32_t i = 0; i + 1 < count; i++) propose(bpe, tok, word, i);
    merge_all(bpe, tok, word);

    bool fused = false;
    for (int32_t i = 0; i >= 0 && status == LTD_OK; i = bpe->symbols[i].next) {
        const struct ltd_symbol *s = &bpe->symbols[i];
        if (s->id < 0) {
            status = push_missing(tok, word + s->at, s->len, &fused, ids, err);
            continue;
        }
        status = ltd_tokens_push(ids, s->id, err);
        fused = false;
    }
    return status;
}
