/* articles/<id>.json: written whole, read back for scores, checks and to go on. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "trainer/wiki/write/work.h"

/* --- writing --- */

static void put_texts(ltd_json_writer *w, const char *key, char *const *text, int32_t n)
{
    ltd_json_begin_array(w, key);
    for (int32_t i = 0; i < n; i++) ltd_json_put_string(w, NULL, text[i]);
    ltd_json_end_array(w);
}

/* Sums, so that runs can be added up. */
static void put_classes(ltd_json_writer *w, const ltd_accept_classes *c)
{
    ltd_json_begin_object(w, "classes");
    for (int i = 0; i < LTD_TOKEN_CLASSES; i++) {
        ltd_json_begin_inline_array(w, ltd_token_class_name((ltd_token_class)i));
        ltd_json_put_int(w, NULL, c->tokens[i]);
        ltd_json_put_f64(w, NULL, c->cycles[i]);
        ltd_json_end_array(w);
    }
    ltd_json_begin_inline_array(w, "quarters");
    for (int i = 0; i < LTD_QUARTERS; i++) {
        ltd_json_put_int(w, NULL, c->quarter_tokens[i]);
        ltd_json_put_f64(w, NULL, c->quarter_cycles[i]);
    }
    ltd_json_end_array(w);
    ltd_json_end_object(w);
}

static void put_effort(ltd_json_writer *w, const ltd_wiki_effort *e)
{
    int n = LTD_WIKI_ACCEPT;
    ltd_json_put_int(w, "cycles", e->cycles);
    ltd_json_put_int(w, "cycle_tokens", e->tokens);
    while (n > 0 && e->accepted[n - 1] == 0) n--;
    ltd_json_begin_inline_array(w, "accepted_hist");
    for (int i = 0; i < n; i++) ltd_json_put_int(w, NULL, e->accepted[i]);
    ltd_json_end_array(w);
    ltd_json_put_f64(w, "t_cycles_ms", e->cycles_ms);
    ltd_json_put_f64(w, "t_draft_ms", e->draft_ms);
    ltd_json_put_f64(w, "t_verify_ms", e->verify_ms);
    ltd_json_put_f64(w, "t_policy_ms", e->policy_ms);
    ltd_json_put_f64(w, "t_prefill_ms", e->prefill_ms);
    put_classes(w, &e->classes);
}

static void hash_tokens(char hex[65], const ltd_tokens *tokens)
{
    ltd_file_sha256(hex, tokens->ids, tokens->n * sizeof tokens->ids[0]);
}

static void put_call(ltd_json_writer *w, const ltd_wiki_call *c)
{
    char hash[65];
    hash_tokens(hash, &c->tokens);
    ltd_json_begin_object(w, NULL);
    ltd_json_put_string(w, "stage", ltd_wiki_stage_name(c->stage));
    ltd_json_put_string(w, "section", c->section);
    ltd_json_put_string(w, "sha256_prompt", c->prompt_hash);
    ltd_json_put_int(w, "prompt_tokens", c->prompt_tokens);
    ltd_json_put_int(w, "new_tokens", (int64_t)c->tokens.n);
    ltd_json_put_string(w, "stop", ltd_wiki_stop_name(c->stop));
    ltd_json_put_string(w, "sha256_tokens", hash);
    ltd_json_begin_inline_array(w, "tokens");
    for (size_t i = 0; i < c->tokens.n; i++) ltd_json_put_int(w, NULL, c->tokens.ids[i]);
    ltd_json_end_array(w);
    ltd_json_put_string(w, "answer", c->text);
    put_effort(w, &c->effort);
    ltd_json_end_object(w);
}

static void put_pieces(ltd_json_writer *w, const ltd_wiki_work *k)
{
    bool one = k->n_pieces == 1 && !k->piece[0].title;
    if (one) {
        ltd_json_put_string(w, "text", k->piece[0].text);
        put_texts(w, "retrieve", k->piece[0].chunk_text, k->piece[0].n_chunks);
    } else {
        ltd_json_begin_array(w, "text");
        for (int32_t i = 0; i < k->n_pieces; i++) ltd_json_put_string(w, NULL, k->piece[i].text);
        ltd_json_end_array(w);
        ltd_json_begin_array(w, "retrieve");
        for (int32_t i = 0; i < k->n_pieces; i++)
            put_texts(w, NULL, k->piece[i].chunk_text, k->piece[i].n_chunks);
        ltd_json_end_array(w);
    }
    ltd_json_begin_array(w, "chunks");
    for (int32_t i = 0; i < k->n_pieces; i++) {
        ltd_json_begin_inline_array(w, NULL);
        for (int32_t j = 0; j < k->piece[i].n_chunks; j++)
            ltd_json_put_int(w, NULL, k->piece[i].chunk[j]);
        ltd_json_end_array(w);
    }
    ltd_json_end_array(w);
    ltd_json_begin_array(w, "outline");
    for (int32_t i = 0; i < k->n_pieces; i++)
        if (k->piece[i].title) ltd_json_put_string(w, NULL, k->piece[i].title);
    ltd_json_end_array(w);
}

void ltd_wiki_work_json(const ltd_wiki_work *k, ltd_str *out)
{
    ltd_json_writer w = ltd_json_writing(out, 1);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_int(&w, "id", k->id);
    ltd_json_put_string(&w, "key", k->key);
    ltd_json_put_string(&w, "method", k->method);
    ltd_json_put_string(&w, "decoder", k->decoder);
    ltd_json_put_bool(&w, "complete", k->complete);
    put_pieces(&w, k);
    ltd_json_begin_array(&w, "calls");
    for (int32_t i = 0; i < k->n_calls; i++) put_call(&w, &k->call[i]);
    ltd_json_end_array(&w);
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}

/* --- reading --- */

static int copy_text(ltd_json object, const char *key, char **ret, ltd_err *err)
{
    const char *text;
    int rc = ltd_json_get_string(object, key, &text, err);
    if (rc < 0) return rc;
    *ret = ltd_mem_strdup(text);
    return *ret ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "article: no memory");
}

static int copy_name(ltd_json object, const char *key, char *ret, size_t size, ltd_err *err)
{
    const char *text;
    int rc = ltd_json_get_string(object, key, &text, err);
    if (rc == LTD_OK) snprintf(ret, size, "%s", text);
    return rc;
}

/* What two runs are compared by must be what was written. */
static int check_tokens(ltd_json call, const ltd_wiki_call *c, ltd_err *err)
{
    char hash[65];
    const char *said;
    int64_t n;
    int rc = ltd_json_get_int(call, "new_tokens", 0, INT32_MAX, &n, err);
    if (rc == LTD_OK) rc = ltd_json_get_string(call, "sha256_tokens", &said, err);
    if (rc < 0) return rc;
    hash_tokens(hash, &c->tokens);
    if ((size_t)n == c->tokens.n && strcmp(said, hash) == 0) return LTD_OK;
    return ltd_fail(err, LTD_EFORMAT,
                    "%s: key 'tokens': %zu ids of SHA-256 %.8s..., expected %lld of %.8s...",
                    call.name, c->tokens.n, hash, (long long)n, said);
}

static int read_tokens(ltd_json call, ltd_wiki_call *c, ltd_err *err)
{
    ltd_json list;
    int rc = ltd_json_get_array(call, "tokens", &list, err);
    for (size_t i = 0; rc == LTD_OK && i < ltd_json_count(list); i++) {
        int64_t id = 0;
        rc = ltd_json_as_int(ltd_json_at(list, i), "key 'tokens'", 0, INT32_MAX, &id, err);
        if (rc == LTD_OK) rc = ltd_tokens_push(&c->tokens, (int32_t)id, err);
    }
    return rc == LTD_OK ? check_tokens(call, c, err) : rc;
}

/* Entries 2i and 2i + 1 of a list. */
static int read_pair(ltd_json list, size_t i, int64_t *tokens, double *cycles, ltd_err *err)
{
    int rc = ltd_json_as_int(ltd_json_at(list, 2 * i), "key 'classes'", 0, INT64_MAX, tokens, err);
    return rc == LTD_OK
               ? ltd_json_as_f64(ltd_json_at(list, 2 * i + 1), "key 'classes'", cycles, err)
               : rc;
}

static int read_classes(ltd_json call, ltd_accept_classes *c, ltd_err *err)
{
    ltd_json object, list;
    int rc = ltd_json_get_object(call, "classes", &object, err);
    for (int i = 0; rc == LTD_OK && i < LTD_TOKEN_CLASSES; i++) {
        rc = ltd_json_get_array(object, ltd_token_class_name((ltd_token_class)i), &list, err);
        if (rc == LTD_OK) rc = read_pair(list, 0, &c->tokens[i], &c->cycles[i], err);
    }
    if (rc == LTD_OK) rc = ltd_json_get_array(object, "quarters", &list, err);
    for (size_t i = 0; rc == LTD_OK && i < LTD_QUARTERS; i++)
        rc = read_pair(list, i, &c->quarter_tokens[i], &c->quarter_cycles[i], err);
    return rc;
}

static int read_effort(ltd_json call, ltd_wiki_effort *e, ltd_err *err)
{
    ltd_json list;
    int rc = ltd_json_get_int(call, "cycles", 0, INT64_MAX, &e->cycles, err);
    if (rc == LTD_OK) rc = ltd_json_get_int(call, "cycle_tokens", 0, INT64_MAX, &e->tokens, err);
    if (rc == LTD_OK) rc = ltd_json_get_array(call, "accepted_hist", &list, err);
    for (size_t i = 0; rc == LTD_OK && i < ltd_json_count(list) && i < LTD_WIKI_ACCEPT; i++) {
        int64_t n = 0;
        rc = ltd_json_as_int(ltd_json_at(list, i), "key 'accepted_hist'", 0, UINT32_MAX, &n, err);
        e->accepted[i] = (uint32_t)n;
    }
    if (rc == LTD_OK) rc = ltd_json_get_f64(call, "t_cycles_ms", &e->cycles_ms, err);
    if (rc == LTD_OK) rc = ltd_json_get_f64(call, "t_draft_ms", &e->draft_ms, err);
    if (rc == LTD_OK) rc = ltd_json_get_f64(call, "t_verify_ms", &e->verify_ms, err);
    if (rc == LTD_OK) rc = ltd_json_get_f64(call, "t_policy_ms", &e->policy_ms, err);
    if (rc == LTD_OK) rc = ltd_json_get_f64(call, "t_prefill_ms", &e->prefill_ms, err);
    return rc == LTD_OK ? read_classes(call, &e->classes, err) : rc;
}

static const char *stage_name(int i)
{
    return ltd_wiki_stage_name((ltd_wiki_stage)i);
}

static const char *stop_name(int i)
{
    return ltd_wiki_stop_name((ltd_wiki_stop)i);
}

static int read_call(ltd_json v, ltd_wiki_call *c, ltd_err *err)
{
    int stage = 0, stop = 0;
    int64_t n = 0;
    int rc = ltd_json_get_choice(v, "stage", stage_name, LTD_WIKI_STAGES, &stage, err);
    if (rc == LTD_OK && ltd_json_has(v, "section")) rc = copy_text(v, "section", &c->section, err);
    if (rc == LTD_OK)
        rc = copy_name(v, "sha256_prompt", c->prompt_hash, sizeof c->prompt_hash, err);
    if (rc == LTD_OK) rc = ltd_json_get_int(v, "prompt_tokens", 0, INT32_MAX, &n, err);
    if (rc == LTD_OK)
        rc = ltd_json_get_choice(v, "stop", stop_name, LTD_WIKI_STOP_LOOP + 1, &stop, err);
    if (rc == LTD_OK) rc = copy_text(v, "answer", &c->text, err);
    if (rc == LTD_OK) rc = read_tokens(v, c, err);
    if (rc == LTD_OK) rc = read_effort(v, &c->effort, err);
    c->stage = (ltd_wiki_stage)stage;
    c->stop = (ltd_wiki_stop)stop;
    c->prompt_tokens = (int32_t)n;
    return rc;
}

static int read_calls(ltd_json root, ltd_wiki_work *k, ltd_err *err)
{
    ltd_json list;
    int rc = ltd_json_get_array(root, "calls", &list, err);
    for (size_t i = 0; rc == LTD_OK && i < ltd_json_count(list); i++) {
        ltd_wiki_call c = {.tokens = LTD_TOKENS_INIT};
        rc = read_call(ltd_json_at(list, i), &c, err);
        if (rc == LTD_OK) rc = ltd_wiki_work_add_call(k, &c, err);
        ltd_wiki_call_fini(&c);
    }
    return rc;
}

/* Texts of a list, borrowed from the document. */
static int list_texts(ltd_json list, const char ***ret, ltd_err *err)
{
    size_t n = ltd_json_count(list);
    const char **text = ltd_mem_zeros(n, sizeof *text);
    int rc = text ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "article: no memory");
    for (size_t i = 0; rc == LTD_OK && i < n; i++)
        rc = ltd_json_as_string(ltd_json_at(list, i), "key 'retrieve'", &text[i], err);
    *ret = text;
    return rc;
}

static int read_piece(ltd_wiki_work *k, const char *title, const char *text, ltd_json retrieve,
                      ltd_json ids, ltd_err *err)
{
    int32_t n = (int32_t)ltd_json_count(ids);
    const char **chunk_text = NULL;
    int32_t *chunk = ltd_mem_zeros((size_t)n, sizeof *chunk);
    int rc = chunk ? list_texts(retrieve, &chunk_text, err)
                   : ltd_fail(err, LTD_ENOMEM, "article: no memory");
    if (rc == LTD_OK &&
        (ltd_json_type_of(ids) != LTD_JSON_ARRAY || ltd_json_type_of(retrieve) != LTD_JSON_ARRAY))
        rc = ltd_fail(err, LTD_EFORMAT, "%s: keys 'chunks', 'retrieve': expected a list a piece",
                      ids.name);
    if (rc == LTD_OK && ltd_json_count(retrieve) != (size_t)n)
        rc = ltd_fail(err, LTD_EFORMAT, "%s: key 'retrieve': %zu texts for %d chunks", ids.name,
                      ltd_json_count(retrieve), n);
    for (int32_t i = 0; rc == LTD_OK && i < n; i++) {
        int64_t id = 0;
        rc = ltd_json_as_int(ltd_json_at(ids, (size_t)i), "key 'chunks'", 0, INT32_MAX, &id, err);
        chunk[i] = (int32_t)id;
    }
    if (rc == LTD_OK) rc = ltd_wiki_work_add_piece(k, title, text, chunk, chunk_text, n, err);
    free(chunk_text);
    free(chunk);
    return rc;
}

static int read_pieces(ltd_json root, ltd_wiki_work *k, ltd_err *err)
{
    ltd_json text = ltd_json_member(root, "text"), retrieve, chunks, outline;
    int rc = ltd_json_get_array(root, "retrieve", &retrieve, err);
    if (rc == LTD_OK) rc = ltd_json_get_array(root, "chunks", &chunks, err);
    if (rc == LTD_OK) rc = ltd_json_get_array(root, "outline", &outline, err);
    if (rc < 0) return rc;
    if (ltd_json_type_of(text) == LTD_JSON_STRING && ltd_json_count(chunks) == 1 &&
        ltd_json_count(outline) == 0)
        return read_piece(k, NULL, ltd_json_text(text, NULL), retrieve, ltd_json_at(chunks, 0),
                          err);
    size_t n = ltd_json_count(text);
    if (ltd_json_type_of(text) != LTD_JSON_ARRAY || ltd_json_count(retrieve) != n ||
        ltd_json_count(chunks) != n || ltd_json_count(outline) != n)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: keys 'text', 'retrieve', 'chunks', 'outline': expected lists of one "
                        "length, or a text, a list of texts, a list of one list, an empty one",
                        root.name);
    for (size_t i = 0; rc == LTD_OK && i < n; i++) {
        const char *title = NULL, *piece = NULL;
        rc = ltd_json_as_string(ltd_json_at(outline, i), "key 'outline'", &title, err);
        if (rc == LTD_OK) rc = ltd_json_as_string(ltd_json_at(text, i), "key 'text'", &piece, err);
        if (rc == LTD_OK)
            rc = read_piece(k, title, piece, ltd_json_at(retrieve, i), ltd_json_at(chunks, i), err);
    }
    return rc;
}

int ltd_wiki_work_parse(ltd_wiki_work *ret, const char *name, const void *data, size_t size,
                        ltd_err *err)
{
    ltd_json_doc *doc;
    ltd_wiki_work k = {.id = 0};
    int rc = ltd_json_parse(&doc, name, data, size, err);
    if (rc < 0) return rc;
    ltd_json root = ltd_json_root(doc);
    int64_t version;
    rc = ltd_json_get_int(root, "version", 1, 1, &version, err);
    if (rc == LTD_OK) rc = ltd_json_get_int(root, "id", INT64_MIN, INT64_MAX, &k.id, err);
    if (rc == LTD_OK) rc = copy_text(root, "key", &k.key, err);
    if (rc == LTD_OK) rc = copy_name(root, "method", k.method, sizeof k.method, err);
    if (rc == LTD_OK) rc = copy_name(root, "decoder", k.decoder, sizeof k.decoder, err);
    if (rc == LTD_OK) rc = ltd_json_get_bool(root, "complete", &k.complete, err);
    if (rc == LTD_OK) rc = read_calls(root, &k, err);
    if (rc == LTD_OK) rc = read_pieces(root, &k, err);
    ltd_json_free(doc);
    if (rc == LTD_OK)
        *ret = k;
    else
        ltd_wiki_work_fini(&k);
    return rc;
}

int ltd_wiki_work_load(ltd_wiki_work *ret, const char *path, ltd_err *err)
{
    ltd_file f;
    int rc = ltd_file_map(&f, path, err);
    if (rc < 0) return rc;
    rc = ltd_wiki_work_parse(ret, path, f.data, f.size, err);
    ltd_file_unmap(&f);
    return rc;
}
