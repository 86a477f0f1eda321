/* Numbers for words: a table with open addressing, at most half full. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/wiki/pages/words.h"

enum { FIRST_SLOTS = 256 };

typedef struct entry {
    size_t start; /* in `bytes` */
    int32_t len;
    uint32_t hash;
} entry;

struct ltd_word_ids {
    char *bytes; /* of all words, one after the other */
    size_t used, bytes_room;
    entry *entry; /* [n] */
    size_t n, entry_room;
    int32_t *slot; /* [slots] a number, or -1 */
    size_t slots;  /* a power of two */
};

/* FNV-1a */
static uint32_t hash_of(const char *word, int32_t len)
{
    uint32_t h = 2166136261u;
    for (int32_t i = 0; i < len; i++) h = (h ^ (uint8_t)word[i]) * 16777619u;
    return h;
}

/* The slot that holds the word, or the empty one where it belongs. */
static size_t slot_of(const ltd_word_ids *ids, uint32_t hash, const char *word, int32_t len)
{
    size_t at = hash & (ids->slots - 1);
    for (; ids->slot[at] >= 0; at = (at + 1) & (ids->slots - 1)) {
        const entry *e = &ids->entry[ids->slot[at]];
        if (e->hash == hash && e->len == len &&
            (!len || !memcmp(ids->bytes + e->start, word, (size_t)len)))
            break;
    }
    return at;
}

static bool make_slots(ltd_word_ids *ids, size_t slots)
{
    int32_t *slot = ltd_mem_resize(NULL, slots, sizeof *slot);
    if (!slot) return false;
    for (size_t i = 0; i < slots; i++) slot[i] = -1;
    for (size_t i = 0; i < ids->n; i++) {
        size_t at = ids->entry[i].hash & (slots - 1);
        while (slot[at] >= 0) at = (at + 1) & (slots - 1);
        slot[at] = (int32_t)i;
    }
    free(ids->slot);
    ids->slot = slot;
    ids->slots = slots;
    return true;
}

int ltd_word_ids_new(ltd_word_ids **ret, ltd_err *err)
{
    ltd_word_ids *ids = ltd_mem_zeros(1, sizeof *ids);
    if (!ids || !make_slots(ids, FIRST_SLOTS)) {
        ltd_word_ids_free(ids);
        return ltd_fail(err, LTD_ENOMEM, "words: no memory");
    }
    *ret = ids;
    return LTD_OK;
}

void ltd_word_ids_free(ltd_word_ids *ids)
{
    if (!ids) return;
    free(ids->bytes);
    free(ids->entry);
    free(ids->slot);
    free(ids);
}

int ltd_word_ids_put(ltd_word_ids *ids, const char *word, int32_t len, ltd_err *err)
{
    uint32_t hash = hash_of(word, len);
    size_t at = slot_of(ids, hash, word, len);
    if (ids->slot[at] >= 0) return ids->slot[at];
    if (ids->n >= INT32_MAX / 4)
        return ltd_fail(err, LTD_ENOMEM, "words: more than %d different ones", INT32_MAX / 4);
    bool ok =
        ltd_mem_reserve((void **)&ids->bytes, &ids->bytes_room, ids->used + (size_t)len + 1, 1) &&
        ltd_mem_reserve((void **)&ids->entry, &ids->entry_room, ids->n + 1, sizeof *ids->entry) &&
        (2 * (ids->n + 1) <= ids->slots || make_slots(ids, 2 * ids->slots));
    if (!ok) return ltd_fail(err, LTD_ENOMEM, "words: no memory for %zu of them", ids->n + 1);
    if (len) memcpy(ids->bytes + ids->used, word, (size_t)len);
    ids->entry[ids->n] = (entry){ids->used, len, hash};
    ids->used += (size_t)len;
    ids->slot[slot_of(ids, hash, word, len)] = (int32_t)ids->n; /* the table may be a new one */
    return (int)ids->n++;
}

int32_t ltd_word_ids_find(const ltd_word_ids *ids, const char *word, int32_t len)
{
    return ids->slot[slot_of(ids, hash_of(word, len), word, len)];
}

int32_t ltd_word_ids_count(const ltd_word_ids *ids)
{
    return (int32_t)ids->n;
}
