/* Special tokens in a text: one walk down a byte trie from each place whose byte begins a special
 * token.  The cost per byte does not depend on how many special tokens there are. */
#include "models/text/tokenizer_priv.h"

#include <stdlib.h>

#include "base/mem.h"

static bool is_special(const ltd_piece *p, bool normalised)
{
    bool kind =
        p->type == LTD_TOKEN_CONTROL || p->type == LTD_TOKEN_USER || p->type == LTD_TOKEN_UNKNOWN;
    return kind && p->text && p->normalised == normalised;
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

/* Make room for `more` nodes. */
static int reserve(ltd_specials *sp, size_t *cap, size_t more, ltd_err *err)
{
    size_t need = (size_t)sp->n + more;
    if (need <= *cap) return LTD_OK;
    if (need > INT32_MAX / 2)
        return ltd_fail(err, LTD_EFORMAT, "special tokens take %zu bytes, more than 1 GiB", need);
    ltd_special_node *nodes = ltd_mem_resize(sp->nodes, 2 * need, sizeof *nodes);
    if (!nodes) return ltd_fail(err, LTD_ENOMEM, "special tokens of %zu bytes", need);
    sp->nodes = nodes;
    *cap = 2 * need;
    return LTD_OK;
}

int ltd_specials_init(ltd_specials *specials, const ltd_tokenizer *tok, const ltd_piece *pieces,
                      int32_t n, bool normalised, ltd_err *err)
{
    *specials = (ltd_specials){.n = 1};
    size_t cap = 0;
    ltd_str buffers[2] = {LTD_STR_INIT, LTD_STR_INIT};
    int status = LTD_OK;
    for (int32_t id = 0; id < n && status == LTD_OK; id++) {
        const char *text = pieces[id].text;
        size_t len = pieces[id].len;
        if (!is_special(&pieces[id], normalised)) continue;
        if (normalised) status = ltd_norm_text(tok, text, len, buffers, &text, &len, err);
        if (status == LTD_OK && len > 0) status = reserve(specials, &cap, len, err);
        if (status == LTD_OK && len > 0)
            insert(specials, text, len, id, pieces[id].type == LTD_TOKEN_USER);
    }
    ltd_str_fini(&buffers[0]);
    ltd_str_fini(&buffers[1]);
    return status;
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
