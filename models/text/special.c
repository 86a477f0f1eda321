/* Special tokens in a text: one walk down a byte trie from each place whose byte begins a special
 * token.  The cost per byte does not depend on how many special tokens there are. */
#include "models/text/tokenizer_priv.h"

#include <stdlib.h>

#include "base/mem.h"

static bool is_special(const ltd_tokenizer *tok, int32_t id)
{
    int type = tok->type[id];
    return type == LTD_TOKEN_CONTROL || type == LTD_TOKEN_USER || type == LTD_TOKEN_UNKNOWN;
}

/* The child of *link's list with this byte, made when missing. */
static int32_t child_of(ltd_specials *sp, int32_t *link, uint8_t byte)
{
    for (int32_t i = *link; i; i = sp->nodes[i].sibling)
        if (sp->nodes[i].byte == byte) return i;
    int32_t i = sp->n++;
    sp->nodes[i] = (ltd_special_node){.sibling = *link, .id = -1, .byte = byte};
    *link = i;
    return i;
}

static void insert(ltd_specials *sp, const char *text, size_t len, int32_t id, bool always)
{
    uint8_t first = (uint8_t)text[0];
    int32_t node = child_of(sp, &sp->root[first], first);
    for (size_t i = 1; i < len; i++) node = child_of(sp, &sp->nodes[node].child, (uint8_t)text[i]);
    if (sp->nodes[node].id >= 0) return; /* the same text twice: the first one counts */
    sp->nodes[node].id = id;
    sp->nodes[node].always = always;
}

int ltd_specials_init(ltd_specials *specials, const ltd_tokenizer *tok, ltd_err *err)
{
    *specials = (ltd_specials){.n = 1};
    size_t room = 1;
    for (int32_t id = 0; id < tok->n; id++)
        if (is_special(tok, id)) room += tok->text_at[id + 1] - tok->text_at[id];
    if (room > INT32_MAX)
        return ltd_fail(err, LTD_EFORMAT, "special tokens take %zu bytes, more than 2 GiB", room);
    specials->nodes = ltd_mem_zeros(room, sizeof *specials->nodes);
    if (!specials->nodes) return ltd_fail(err, LTD_ENOMEM, "special tokens of %zu bytes", room);
    for (int32_t id = 0; id < tok->n; id++) {
        size_t len = tok->text_at[id + 1] - tok->text_at[id];
        if (is_special(tok, id) && len > 0)
            insert(specials, tok->text + tok->text_at[id], len, id,
                   tok->type[id] == LTD_TOKEN_USER);
    }
    return LTD_OK;
}

void ltd_specials_fini(ltd_specials *specials)
{
    free(specials->nodes);
    specials->nodes = NULL;
    specials->n = 0;
}

/* The longest special token at the beginning of s[0..n); its length, 0 when there is none. */
static size_t longest(const ltd_specials *sp, const char *s, size_t n, int flags, int32_t *id)
{
    size_t best = 0;
    int32_t list = sp->root[(uint8_t)s[0]];
    for (size_t i = 0; i < n; i++) {
        int32_t node = list;
        while (node && sp->nodes[node].byte != (uint8_t)s[i]) node = sp->nodes[node].sibling;
        if (!node) break;
        const ltd_special_node *p = &sp->nodes[node];
        if (p->id >= 0 && (p->always || (flags & LTD_ENCODE_SPECIAL))) {
            best = i + 1;
            *id = p->id;
        }
        list = p->child;
    }
    return best;
}

int32_t ltd_specials_find(const ltd_specials *specials, const char *text, size_t n, size_t from,
                          int flags, size_t *at, size_t *len)
{
    for (size_t i = from; i < n; i++) {
        if (!specials->root[(uint8_t)text[i]]) continue;
        int32_t id = -1;
        size_t found = longest(specials, text + i, n - i, flags, &id);
        if (!found) continue;
        *at = i;
        *len = found;
        return id;
    }
    return -1;
}
