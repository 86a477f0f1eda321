/* A tokenizer from a tokenizer.json: model BPE, its added tokens, and the components beside it
 * (json_parts.c). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/text/json_parts_priv.h"

struct source {
    ltd_json root, model;
    ltd_piece *pieces; /* [n], texts borrowed from the document */
    int32_t n;
};

/* --- tokens --- */

/* Make room for ids 0 to the largest one.  Files may leave out ids, but not most of them. */
static int make_room(struct source *s, ltd_json vocab, ltd_json added, ltd_err *err)
{
    int64_t limit = 2 * (int64_t)(ltd_json_count(vocab) + ltd_json_count(added)) + 1024, id, n = 0;
    if (limit >= INT32_MAX)
        return ltd_fail(err, LTD_EFORMAT, "%s: %zu tokens", s->root.name, ltd_json_count(vocab));
    for (ltd_json_iter it = ltd_json_each(vocab); ltd_json_next(&it);) {
        int status = ltd_json_as_int(it.value, "key 'vocab'", 0, limit, &id, err);
        if (status < 0) return status;
        if (id >= n) n = id + 1;
    }
    for (size_t i = 0; i < ltd_json_count(added); i++) {
        int status = ltd_json_get_int(ltd_json_at(added, i), "id", 0, limit, &id, err);
        if (status < 0) return status;
        if (id >= n) n = id + 1;
    }
    s->n = (int32_t)n;
    s->pieces = ltd_mem_zeros((size_t)n, sizeof *s->pieces);
    if (!s->pieces) return ltd_fail(err, LTD_ENOMEM, "%s: %" PRId64 " tokens", s->root.name, n);
    return LTD_OK;
}

static int read_vocab(struct source *s, ltd_json vocab, ltd_err *err)
{
    for (ltd_json_iter it = ltd_json_each(vocab); ltd_json_next(&it);) {
        int64_t id = 0;
        int status = ltd_json_as_int(it.value, "key 'vocab'", 0, s->n - 1, &id, err);
        if (status < 0) return status;
        ltd_piece *p = &s->pieces[id];
        if (p->text)
            return ltd_fail(err, LTD_EFORMAT,
                            "%s: key 'vocab': id %" PRId64 " is both '%.60s' and '%.60s'",
                            s->root.name, id, p->text, it.key);
        *p = (ltd_piece){.text = it.key, .len = strlen(it.key), .type = LTD_TOKEN_NORMAL};
    }
    return LTD_OK;
}

static int read_added(struct source *s, ltd_json added, ltd_err *err)
{
    static const char *const edges[] = {"lstrip", "rstrip", "single_word"};
    const char *content;
    int64_t id;
    bool special, normalised, edge;
    int status = ltd_json_get_int(added, "id", 0, s->n - 1, &id, err);
    if (status == LTD_OK) status = ltd_json_get_string(added, "content", &content, err);
    if (status == LTD_OK) status = ltd_json_read_flag(added, "special", false, &special, err);
    if (status == LTD_OK)
        status = ltd_json_read_flag(added, "normalized", !special, &normalised, err);
    if (status < 0) return status;
    for (int i = 0; i < 3; i++) {
        status = ltd_json_read_flag(added, edges[i], false, &edge, err);
        if (status < 0) return status;
        if (edge)
            return ltd_fail(err, LTD_EUNSUPPORTED,
                            "%s: added token '%.60s' has %s, which is not supported", s->root.name,
                            content, edges[i]);
    }
    ltd_piece *p = &s->pieces[id];
    size_t len;
    content = ltd_json_text(ltd_json_member(added, "content"), &len);
    if (p->text && (p->len != len || memcmp(p->text, content, len) != 0))
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: added token '%.60s' has id %" PRId64 ", which is '%.60s'",
                        s->root.name, content, id, p->text);
    *p = (ltd_piece){.text = content,
                     .len = len,
                     .type = special ? LTD_TOKEN_CONTROL : LTD_TOKEN_USER,
                     .normalised = normalised};
    return LTD_OK;
}

static int read_pieces(struct source *s, ltd_err *err)
{
    ltd_json vocab, added = {NULL, s->root.name};
    int status = ltd_json_get_object(s->model, "vocab", &vocab, err);
    if (status == LTD_OK && ltd_json_has(s->root, "added_tokens"))
        status = ltd_json_get_array(s->root, "added_tokens", &added, err);
    if (status == LTD_OK) status = make_room(s, vocab, added, err);
    if (status == LTD_OK) status = read_vocab(s, vocab, err);
    for (size_t i = 0; status == LTD_OK && i < ltd_json_count(added); i++)
        status = read_added(s, ltd_json_at(added, i), err);
    return status;
}

/* --- model --- */

/* What a model may ask for and we don't do. */
static int check_model(const struct source *s, ltd_err *err)
{
    static const char *const texts[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    const char *type = "BPE";
    int status = LTD_OK;
    if (ltd_json_has(s->model, "type")) status = ltd_json_get_string(s->model, "type", &type, err);
    if (status < 0) return status;
    if (strcmp(type, "BPE") != 0)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: model '%.60s' is not supported, only BPE is",
                        s->root.name, type);
    for (int i = 0; i < 2; i++) {
        const char *text = "";
        if (ltd_json_has(s->model, texts[i]))
            status = ltd_json_get_string(s->model, texts[i], &text, err);
        if (status < 0) return status;
        if (text[0])
            return ltd_fail(err, LTD_EUNSUPPORTED, "%s: BPE with %s '%.60s' is not supported",
                            s->root.name, texts[i], text);
    }
    double dropout = 0;
    if (ltd_json_has(s->model, "dropout"))
        status = ltd_json_get_f64(s->model, "dropout", &dropout, err);
    if (status == LTD_OK && dropout != 0)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: BPE with dropout %g is not supported",
                        s->root.name, dropout);
    return status;
}

static int read_flags(ltd_tokenizer *tok, const struct source *s, ltd_err *err)
{
    int status = ltd_json_read_flag(s->model, "ignore_merges", false, &tok->whole_words, err);
    if (status == LTD_OK)
        status = ltd_json_read_flag(s->model, "byte_fallback", false, &tok->fallback, err);
    if (status == LTD_OK)
        status = ltd_json_read_flag(s->model, "fuse_unk", false, &tok->fuse_unknown, err);
    if (status == LTD_OK && tok->fallback && tok->bytes)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: byte_fallback together with ByteLevel is not supported", s->root.name);
    return status;
}

static int read_unknown(ltd_tokenizer *tok, const struct source *s, ltd_err *err)
{
    const char *text;
    if (!ltd_json_has(s->model, "unk_token")) return LTD_OK;
    int status = ltd_json_get_string(s->model, "unk_token", &text, err);
    if (status < 0) return status;
    tok->unknown = ltd_tokenizer_find(tok, text);
    if (tok->unknown < 0)
        return ltd_fail(err, LTD_EFORMAT, "%s: unk_token '%.60s' is no token", s->root.name, text);
    return LTD_OK;
}

/* "left right", or since 2024 ["left", "right"]. */
static int read_merge(ltd_tokenizer *tok, const struct source *s, ltd_json merge, ltd_err *err)
{
    static const char what[] = "merges";
    size_t n, m;
    if (ltd_json_type_of(merge) == LTD_JSON_STRING) {
        const char *line = ltd_json_text(merge, &n);
        return ltd_vocab_add_merge_line(tok, s->root.name, what, line, n, err);
    }
    const char *unused;
    int status = LTD_OK;
    if (ltd_json_count(merge) != 2)
        return ltd_fail(err, LTD_EFORMAT, "%s: merges[%" PRId32 "]: expected two tokens",
                        s->root.name, tok->n_merges);
    for (size_t i = 0; i < 2 && status == LTD_OK; i++)
        status = ltd_json_as_string(ltd_json_at(merge, i), "key 'merges'", &unused, err);
    if (status < 0) return status;
    const char *left = ltd_json_text(ltd_json_at(merge, 0), &n);
    const char *right = ltd_json_text(ltd_json_at(merge, 1), &m);
    return ltd_vocab_add_merge(tok, s->root.name, what, left, n, right, m, err);
}

static int read_merges(ltd_tokenizer *tok, const struct source *s, ltd_err *err)
{
    ltd_json list;
    int status = ltd_json_get_array(s->model, "merges", &list, err);
    if (status < 0) return status;
    status = ltd_vocab_begin_merges(tok, s->root.name, ltd_json_count(list), err);
    for (size_t i = 0; status == LTD_OK && i < ltd_json_count(list); i++)
        status = read_merge(tok, s, ltd_json_at(list, i), err);
    return status;
}

/* The library takes the vocabulary's id where an added token is in both. */
static int check_added(const ltd_tokenizer *tok, const struct source *s, ltd_err *err)
{
    for (int32_t id = 0; id < s->n; id++) {
        const ltd_piece *p = &s->pieces[id];
        if (!p->text || p->type == LTD_TOKEN_NORMAL) continue;
        int32_t found = ltd_vocab_find(tok, p->text, p->len, NULL, 0);
        if (found != id)
            return ltd_fail(err, LTD_EFORMAT,
                            "%s: added token '%.60s' has id %" PRId32 " and id %" PRId32,
                            s->root.name, p->text, id, found);
    }
    return LTD_OK;
}

static int read_all(ltd_tokenizer *tok, struct source *s, ltd_err *err)
{
    ltd_json root = s->root;
    int status = ltd_json_get_object(root, "model", &s->model, err);
    if (status == LTD_OK) status = check_model(s, err);
    if (status == LTD_OK)
        status = ltd_json_read_normalizer(tok, ltd_json_member(root, "normalizer"), err);
    if (status == LTD_OK)
        status = ltd_json_read_pre_tokenizer(tok, ltd_json_member(root, "pre_tokenizer"), err);
    if (status == LTD_OK)
        status = ltd_json_read_decoder(tok, ltd_json_member(root, "decoder"), err);
    if (status == LTD_OK) status = read_flags(tok, s, err);
    if (status == LTD_OK) status = read_pieces(s, err);
    if (status == LTD_OK) status = ltd_vocab_build(tok, root.name, s->pieces, s->n, err);
    if (status == LTD_OK) status = check_added(tok, s, err);
    if (status == LTD_OK) status = read_unknown(tok, s, err);
    if (status == LTD_OK) status = read_merges(tok, s, err);
    if (status == LTD_OK)
        status = ltd_json_read_post_processor(tok, ltd_json_member(root, "post_processor"), err);
    if (status == LTD_OK) ltd_vocab_add_usual_ends(tok);
    return status;
}

int ltd_tokenizer_from_json(ltd_tokenizer **ret, const char *name, const void *data, size_t size,
                            ltd_err *err)
{
    *ret = NULL;
    ltd_json_doc *doc;
    int status = ltd_json_parse(&doc, name, data, size, err);
    if (status < 0) return status;
    struct source s = {.root = ltd_json_root(doc)};
    ltd_tokenizer *tok = ltd_vocab_new();
    status = tok ? read_all(tok, &s, err) : ltd_fail(err, LTD_ENOMEM, "tokeniser");
    free(s.pieces);
    ltd_json_free(doc);
    if (status < 0) {
        ltd_tokenizer_free(tok);
        return status;
    }
    *ret = tok;
    return LTD_OK;
}
