/* The vocabulary: tokens by id and by text, merges and ranks.  Loaders hand in what their file
 * says; it is checked here, once, so that encode and decode can trust it. */
#include "models/text/tokenizer_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* --- bytes as printable characters (GPT-2's byte_encoder) ---
 * Printable Latin-1 stands for itself; the 68 other bytes are U+0100 and on, in byte order. */

static bool printable(uint32_t c)
{
    return (c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xac) || (c >= 0xae && c <= 0xff);
}

uint32_t ltd_byte_symbol(uint8_t b)
{
    if (printable(b)) return b;
    if (b <= 0x20) return 0x100u + b;
    return b == 0xad ? 0x143u : 0x121u + (b - 0x7fu);
}

int ltd_symbol_byte(uint32_t c)
{
    if (c < 0x100) return printable(c) ? (int)c : -1;
    if (c <= 0x120) return (int)(c - 0x100);
    if (c <= 0x142) return (int)(c - 0x121 + 0x7f);
    return c == 0x143 ? 0xad : -1;
}

size_t ltd_symbol_write(char ret[2], uint32_t c)
{
    if (c < 0x80) {
        ret[0] = (char)c;
        return 1;
    }
    ret[0] = (char)(0xc0 | c >> 6);
    ret[1] = (char)(0x80 | (c & 0x3f));
    return 2;
}

/* --- tokens by text --- */
static uint64_t hash(uint64_t h, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ (uint8_t)s[i]) * 0x100000001b3u; /* FNV-1a */
    return h;
}

static uint64_t hash_pair(const char *a, size_t na, const char *b, size_t nb)
{
    return hash(hash(0xcbf29ce484222325u, a, na), b, nb);
}

static bool equal(const char *s, const char *with, size_t n)
{
    return n == 0 || memcmp(s, with, n) == 0;
}

int32_t ltd_vocab_find(const ltd_tokenizer *tok, const char *a, size_t na, const char *b, size_t nb)
{
    uint64_t key = hash_pair(a, na, b, nb);
    size_t slot = 0;
    for (int32_t id = ltd_map_first(&tok->by_text, key, &slot); id >= 0;
         id = ltd_map_next(&tok->by_text, key, &slot)) {
        const char *text = tok->text + tok->text_at[id];
        if (tok->text_at[id + 1] - tok->text_at[id] == na + nb && equal(text, a, na) &&
            equal(text + na, b, nb))
            return id;
    }
    return -1;
}

/* --- building --- */
ltd_tokenizer *ltd_vocab_new(void)
{
    ltd_tokenizer *tok = ltd_mem_zeros(1, sizeof *tok);
    if (tok) tok->bos = tok->eos = tok->pad = tok->unknown = -1;
    return tok;
}

static int add_tokens(ltd_tokenizer *tok, const char *name, const ltd_piece *pieces, int32_t n,
                      ltd_err *err)
{
    size_t bytes = 0;
    for (int32_t i = 0; i < n; i++)
        if (__builtin_add_overflow(bytes, pieces[i].len, &bytes))
            return ltd_fail(err, LTD_ENOMEM, "%s: tokens overflow", name);
    tok->text = ltd_mem_zeros(bytes, 1);
    tok->text_at = ltd_mem_zeros((size_t)n + 1, sizeof *tok->text_at);
    tok->type = ltd_mem_zeros((size_t)n, 1);
    if (!tok->text || !tok->text_at || !tok->type)
        return ltd_fail(err, LTD_ENOMEM, "%s: %" PRId32 " tokens", name, n);
    int status = ltd_map_init(&tok->by_text, (size_t)n, err);
    if (status < 0) return status;

    for (int32_t id = 0; id < n; id++) {
        const ltd_piece *p = &pieces[id];
        char *text = tok->text + tok->text_at[id];
        if (p->len) memcpy(text, p->text, p->len);
        tok->text_at[id + 1] = tok->text_at[id] + p->len;
        tok->type[id] = p->text ? p->type : LTD_TOKEN_UNUSED;
        tok->n = id + 1;
        if (p->len > tok->longest) tok->longest = p->len;
        if (p->text && ltd_vocab_find(tok, text, p->len, NULL, 0) < 0) /* the first one counts */
            ltd_map_put(&tok->by_text, hash_pair(text, p->len, NULL, 0), id);
    }
    return LTD_OK;
}

static void find_bytes(ltd_tokenizer *tok)
{
    for (int b = 0; b < 256; b++) {
        char text[8];
        size_t len = tok->bytes ? ltd_symbol_write(text, ltd_byte_symbol((uint8_t)b))
                                : (size_t)snprintf(text, sizeof text, "<0x%02X>", (unsigned)b);
        tok->byte_id[b] =
            tok->bytes || tok->fallback ? ltd_vocab_find(tok, text, len, NULL, 0) : -1;
    }
}

int ltd_vocab_build(ltd_tokenizer *tok, const char *name, const ltd_piece *pieces, int32_t n,
                    ltd_err *err)
{
    if (n <= 0) return ltd_fail(err, LTD_EFORMAT, "%s: the vocabulary is empty", name);
    int status = add_tokens(tok, name, pieces, n, err);
    if (status < 0) return status;
    find_bytes(tok);
    status = ltd_specials_init(&tok->before, tok, pieces, n, false, err);
    if (status == LTD_OK) status = ltd_specials_init(&tok->after, tok, pieces, n, true, err);
    return status;
}

/* --- ranks --- */
struct scored {
    float score;
    int32_t id;
};

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

int ltd_vocab_rank(ltd_tokenizer *tok, const char *name, const ltd_piece *pieces, ltd_err *err)
{
    struct scored *order = ltd_mem_zeros((size_t)tok->n, sizeof *order);
    tok->rank = ltd_mem_zeros((size_t)tok->n, sizeof *tok->rank);
    if (!order || !tok->rank) {
        free(order);
        return ltd_fail(err, LTD_ENOMEM, "%s: %" PRId32 " scores", name, tok->n);
    }
    for (int32_t id = 0; id < tok->n; id++) order[id] = (struct scored){pieces[id].score, id};
    qsort(order, (size_t)tok->n, sizeof *order, by_score);
    for (int32_t i = 0, rank = 0; i < tok->n; i++) {
        if (i > 0 && order[i].score != order[i - 1].score) rank = i;
        tok->rank[order[i].id] = rank;
    }
    free(order);
    return LTD_OK;
}

/* --- merges --- */
int ltd_vocab_begin_merges(ltd_tokenizer *tok, const char *name, size_t n, ltd_err *err)
{
    if (n >= INT32_MAX)
        return ltd_fail(err, LTD_EFORMAT, "%s: %zu merges, expected below 2^31", name, n);
    tok->merges = ltd_mem_zeros(n, sizeof *tok->merges);
    if (!tok->merges) return ltd_fail(err, LTD_ENOMEM, "%s: %zu merges", name, n);
    return ltd_map_init(&tok->by_pair, n, err);
}

int ltd_vocab_add_merge(ltd_tokenizer *tok, const char *name, const char *what, const char *left,
                        size_t n_left, const char *right, size_t n_right, ltd_err *err)
{
    ltd_merge m = {.left = ltd_vocab_find(tok, left, n_left, NULL, 0),
                   .right = ltd_vocab_find(tok, right, n_right, NULL, 0),
                   .id = ltd_vocab_find(tok, left, n_left, right, n_right)};
    if (m.left < 0 || m.right < 0 || m.id < 0)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s[%" PRId32 "] is '%.*s %.*s': its %s is no token",
                        name, what, tok->n_merges, n_left < 60 ? (int)n_left : 60, left,
                        n_right < 60 ? (int)n_right : 60, right,
                        m.left < 0    ? "left part"
                        : m.right < 0 ? "right part"
                                      : "result");
    uint64_t key = (uint64_t)m.left << 32 | (uint32_t)m.right;
    size_t slot;
    if (ltd_map_first(&tok->by_pair, key, &slot) < 0)
        ltd_map_put(&tok->by_pair, key, tok->n_merges);
    tok->merges[tok->n_merges++] = m;
    return LTD_OK;
}

int ltd_vocab_add_merge_line(ltd_tokenizer *tok, const char *name, const char *what,
                             const char *line, size_t n, ltd_err *err)
{
    const char *space = n > 2 ? memchr(line + 1, ' ', n - 2) : NULL;
    if (!space)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: %s[%" PRId32 "] is '%.*s', expected two tokens with a space between "
                        "them",
                        name, what, tok->n_merges, n < 60 ? (int)n : 60, line);
    size_t n_left = (size_t)(space - line);
    return ltd_vocab_add_merge(tok, name, what, line, n_left, space + 1, n - n_left - 1, err);
}

/* --- ends --- */
void ltd_vocab_add_end(ltd_tokenizer *tok, int32_t id)
{
    if (id < 0 || id >= tok->n || ltd_tokenizer_is_end(tok, id)) return;
    if (tok->n_ends < LTD_TOKENIZER_MAX_ENDS) tok->ends[tok->n_ends++] = id;
}

void ltd_vocab_add_usual_ends(ltd_tokenizer *tok)
{
    static const char *const names[] = {
        "<|im_end|>",
        "<|endoftext|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "<|end_of_text|>",
        "<end_of_turn>",
        "<eos>",
        ("<\xef\xbd\x9c"
         "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>"), /* DeepSeek */
        "</s>",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int32_t id = ltd_tokenizer_find(tok, names[i]);
        /* "</s>" as a plain token is mark-up, not an end. */
        if (id >= 0 && tok->type[id] != LTD_TOKEN_NORMAL) ltd_vocab_add_end(tok, id);
    }
}
