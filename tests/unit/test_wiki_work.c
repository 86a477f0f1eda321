#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/support/temp_dir.h"
#include "trainer/wiki/write/work.h"

/* --- made-up articles --- */

static void add_call(ltd_wiki_work *w, ltd_wiki_stage stage, const char *section, const char *text,
                     ltd_wiki_stop stop, int seed)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_call c = {.stage = stage,
                       .section = section ? ltd_mem_strdup(section) : NULL,
                       .prompt_tokens = 1000 + seed,
                       .tokens = LTD_TOKENS_INIT,
                       .text = ltd_mem_strdup(text),
                       .stop = stop};
    ltd_file_sha256(c.prompt_hash, text, strlen(text));
    for (int i = 0; i < seed; i++)
        assert_int_equal(ltd_tokens_push(&c.tokens, i * 31 + seed, &err), LTD_OK);
    ltd_wiki_effort *e = &c.effort;
    *e = (ltd_wiki_effort){.cycles = 3 * seed,
                           .tokens = 7 * seed,
                           .cycles_ms = 0.1 * seed,
                           .draft_ms = 1.0 / 3,
                           .verify_ms = 1e-7,
                           .policy_ms = 123456.789,
                           .prefill_ms = 2.5};
    e->accepted[1] = (uint32_t)seed;
    e->accepted[LTD_WIKI_ACCEPT - (seed & 1 ? 1 : 5)] = UINT32_MAX;
    for (int i = 0; i < LTD_TOKEN_CLASSES; i++) {
        e->classes.tokens[i] = seed + i;
        e->classes.cycles[i] = seed / (i + 3.0);
    }
    for (int i = 0; i < LTD_QUARTERS; i++) {
        e->classes.quarter_tokens[i] = INT64_C(1) << (40 + i);
        e->classes.quarter_cycles[i] = seed / (i + 7.0);
    }
    assert_int_equal(ltd_wiki_work_add_call(w, &c, &err), LTD_OK);
    ltd_wiki_call_fini(&c);
}

static ltd_wiki_work make(const char *method, bool complete)
{
    ltd_wiki_work w = {.id = 900000001, .complete = complete};
    w.key = ltd_mem_strdup("A \"key\", caf\xc3\xa9");
    snprintf(w.method, sizeof w.method, "%s", method);
    snprintf(w.decoder, sizeof w.decoder, "static-2-4-lookup");
    return w;
}

static const char *const texts[] = {"chunk one", "chunk two\nline", "\xe2\x82\xac three", ""};
static const int32_t ids[] = {4, 0, 2000000000, 1};

static void add_piece(ltd_wiki_work *w, const char *title, const char *text, int32_t from,
                      int32_t n)
{
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_wiki_work_add_piece(w, title, text, ids + from, texts + from, n, &err),
                     LTD_OK);
}

static ltd_wiki_work one_piece(void)
{
    ltd_wiki_work w = make("rr", true);
    add_call(&w, LTD_WIKI_STAGE_ARTICLE, NULL, "==A==\nIt was.[1]", LTD_WIKI_STOP_LENGTH, 3);
    add_piece(&w, NULL, "==A==\nIt was.[1]", 0, 3);
    return w;
}

static ltd_wiki_work several_pieces(void)
{
    ltd_wiki_work w = make("prr", true);
    add_call(&w, LTD_WIKI_STAGE_PLAN, NULL, "1. A\n2. B", LTD_WIKI_STOP_END, 2);
    add_call(&w, LTD_WIKI_STAGE_SECTION, "A", "", LTD_WIKI_STOP_LOOP, 0);
    add_call(&w, LTD_WIKI_STAGE_SECTION, "B", "Two.[2]", LTD_WIKI_STOP_END, 5);
    add_piece(&w, "A", "==A==\n", 0, 0);
    add_piece(&w, "B", "==B==\nTwo.[2]", 1, 3);
    return w;
}

/* A section alone is no whole article: its marks and heading are kept apart. */
static ltd_wiki_work one_section(void)
{
    ltd_wiki_work w = make("prr", true);
    add_call(&w, LTD_WIKI_STAGE_SECTION, "A", "One.", LTD_WIKI_STOP_END, 1);
    add_piece(&w, "A", "==A==\nOne.", 2, 1);
    return w;
}

static ltd_wiki_work begun(void)
{
    ltd_wiki_work w = make("prr", false);
    add_call(&w, LTD_WIKI_STAGE_REWRITE, NULL, "x", LTD_WIKI_STOP_END, 1);
    return w;
}

static ltd_wiki_work without_documents(void)
{
    ltd_wiki_work w = make("vanilla", true);
    add_call(&w, LTD_WIKI_STAGE_ARTICLE, NULL, "x", LTD_WIKI_STOP_END, 1);
    add_piece(&w, NULL, "x", 0, 0);
    return w;
}

static ltd_wiki_work (*const makers[])(void) = {one_piece, several_pieces, one_section, begun,
                                                without_documents};
enum { MAKERS = sizeof makers / sizeof makers[0] };

/* --- written and read back --- */

static const char *text_or(const char *s)
{
    return s ? s : "(none)";
}

static void same_call(const ltd_wiki_call *a, const ltd_wiki_call *b)
{
    assert_int_equal(a->stage, b->stage);
    assert_string_equal(text_or(a->section), text_or(b->section));
    assert_string_equal(a->prompt_hash, b->prompt_hash);
    assert_int_equal(a->prompt_tokens, b->prompt_tokens);
    assert_int_equal(a->tokens.n, b->tokens.n);
    for (size_t i = 0; i < a->tokens.n; i++) assert_int_equal(a->tokens.ids[i], b->tokens.ids[i]);
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->stop, b->stop);
    /* Figures, digit for digit; structs of numbers without room between them. */
    assert_int_equal(a->effort.cycles, b->effort.cycles);
    assert_int_equal(a->effort.tokens, b->effort.tokens);
    assert_memory_equal(&a->effort.cycles_ms, &b->effort.cycles_ms, 5 * sizeof(double));
    assert_memory_equal(a->effort.accepted, b->effort.accepted, sizeof a->effort.accepted);
    assert_memory_equal(&a->effort.classes, &b->effort.classes, sizeof a->effort.classes);
}

static void same_piece(const ltd_wiki_piece *a, const ltd_wiki_piece *b)
{
    assert_string_equal(text_or(a->title), text_or(b->title));
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->n_chunks, b->n_chunks);
    for (int32_t i = 0; i < a->n_chunks; i++) {
        assert_int_equal(a->chunk[i], b->chunk[i]);
        assert_string_equal(a->chunk_text[i], b->chunk_text[i]);
    }
}

static void same_work(const ltd_wiki_work *a, const ltd_wiki_work *b)
{
    assert_int_equal(a->id, b->id);
    assert_string_equal(a->key, b->key);
    assert_string_equal(a->method, b->method);
    assert_string_equal(a->decoder, b->decoder);
    assert_int_equal(a->complete, b->complete);
    assert_int_equal(a->n_calls, b->n_calls);
    for (int32_t i = 0; i < a->n_calls; i++) same_call(&a->call[i], &b->call[i]);
    assert_int_equal(a->n_pieces, b->n_pieces);
    for (int32_t i = 0; i < a->n_pieces; i++) same_piece(&a->piece[i], &b->piece[i]);
}

static void articles_are_read_back_field_by_field(void **state)
{
    (void)state;
    for (int m = 0; m < MAKERS; m++) {
        ltd_wiki_work w = makers[m](), r = {0};
        ltd_str text = LTD_STR_INIT, again = LTD_STR_INIT;
        ltd_err err = LTD_ERR_INIT;
        ltd_wiki_work_json(&w, &text);
        if (ltd_wiki_work_parse(&r, "made", text.data, text.len, &err) < 0)
            fail_msg("article %d: %s", m, err.msg);
        same_work(&w, &r);
        ltd_wiki_work_json(&r, &again);
        assert_string_equal(text.data, again.data);
        ltd_str_fini(&text);
        ltd_str_fini(&again);
        ltd_wiki_work_fini(&w);
        ltd_wiki_work_fini(&r);
    }
}

/* As the benchmark's own scorers read it: one text and one list, or lists of them. */
static void text_and_retrieve_have_the_benchmarks_form(void **state)
{
    (void)state;
    for (int several = 0; several < 2; several++) {
        ltd_wiki_work w = several ? several_pieces() : one_piece();
        ltd_str text = LTD_STR_INIT;
        ltd_json_doc *doc;
        ltd_err err = LTD_ERR_INIT;
        ltd_wiki_work_json(&w, &text);
        assert_int_equal(ltd_json_parse(&doc, "made", text.data, text.len, &err), LTD_OK);
        ltd_json root = ltd_json_root(doc), list = ltd_json_member(root, "retrieve");
        assert_int_equal(ltd_json_type_of(ltd_json_member(root, "text")),
                         several ? LTD_JSON_ARRAY : LTD_JSON_STRING);
        assert_int_equal(ltd_json_type_of(ltd_json_at(list, 0)),
                         several ? LTD_JSON_ARRAY : LTD_JSON_STRING);
        assert_int_equal(ltd_json_count(list), several ? 2 : 3);
        assert_int_equal(ltd_json_count(ltd_json_member(root, "outline")), several ? 2 : 0);
        ltd_json_free(doc);
        ltd_str_fini(&text);
        ltd_wiki_work_fini(&w);
    }
}

static void files_are_loaded(void **state)
{
    (void)state;
    char path[128];
    ltd_wiki_work w = several_pieces(), r = {0};
    ltd_str text = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    snprintf(path, sizeof path, "%s/1.json", dir);
    assert_int_equal(ltd_wiki_work_load(&r, path, &err), LTD_EIO);
    ltd_wiki_work_json(&w, &text);
    assert_int_equal(ltd_file_write(path, text.data, text.len, &err), LTD_OK);
    assert_int_equal(ltd_wiki_work_load(&r, path, &err), LTD_OK);
    same_work(&w, &r);
    ltd_wiki_work_fini(&r);
    assert_int_equal(ltd_file_write(path, text.data, text.len / 2, &err), LTD_OK);
    assert_int_equal(ltd_wiki_work_load(&r, path, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, path));
    assert_null(r.key);
    ltd_str_fini(&text);
    ltd_wiki_work_fini(&w);
}

/* --- damaged --- */

static void is_refused(const char *text, size_t len, const char *what)
{
    ltd_wiki_work r = {.id = 77};
    ltd_err err = LTD_ERR_INIT;
    int rc = ltd_wiki_work_parse(&r, "damaged", text, len, &err);
    if (rc != LTD_EFORMAT) fail_msg("%s: %d (%s), expected EFORMAT", what, rc, err.msg);
    assert_non_null(strstr(err.msg, "damaged"));
    assert_true(r.id == 77 && !r.key && !r.call && !r.piece);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (int m = 0; m < 2; m++) {
        ltd_wiki_work w = makers[m]();
        ltd_str text = LTD_STR_INIT;
        char what[32];
        ltd_wiki_work_json(&w, &text);
        for (size_t n = 0; n + 1 < text.len; n++) { /* the line break may be missing */
            snprintf(what, sizeof what, "%zu bytes", n);
            /* Exactly as long, so that a sanitizer sees what is read behind. */
            char *part = ltd_mem_zeros(n, 1);
            memcpy(part, text.data, n);
            is_refused(part, n, what);
            free(part);
        }
        ltd_str_fini(&text);
        ltd_wiki_work_fini(&w);
    }
}

/* A copy of a document in which member number `target`, counted from 0, is damaged. */
typedef struct damage {
    int target, at;
    enum { REMOVED, OTHER_TYPE, ENTRY_OTHER_TYPE } how;
    char key[64]; /* what was */
    ltd_json_writer w;
} damage;

static void put_other_type(damage *d, const char *key, ltd_json v)
{
    if (ltd_json_type_of(v) == LTD_JSON_STRING || ltd_json_type_of(v) == LTD_JSON_NULL)
        ltd_json_put_int(&d->w, key, 12);
    else
        ltd_json_put_string(&d->w, key, "12");
}

static void copy(damage *d, const char *key, ltd_json v, const char *name);

static void copy_member(damage *d, const char *key, ltd_json v)
{
    if (d->how != ENTRY_OTHER_TYPE && d->at++ == d->target) {
        snprintf(d->key, sizeof d->key, "%s", key);
        if (d->how == OTHER_TYPE) put_other_type(d, key, v);
        return;
    }
    copy(d, key, v, key);
}

static void copy_list(damage *d, const char *key, ltd_json v, const char *name)
{
    ltd_json_begin_array(&d->w, key);
    for (size_t i = 0; i < ltd_json_count(v); i++) {
        if (d->how == ENTRY_OTHER_TYPE && d->at++ == d->target) {
            snprintf(d->key, sizeof d->key, "an entry of %s", name);
            put_other_type(d, NULL, ltd_json_at(v, i));
        } else {
            copy(d, NULL, ltd_json_at(v, i), name);
        }
    }
    ltd_json_end_array(&d->w);
}

static void copy(damage *d, const char *key, ltd_json v, const char *name)
{
    double number = 0;
    bool flag = false;
    int64_t integer = 0;
    ltd_json pair = v;
    switch (ltd_json_type_of(v)) {
    case LTD_JSON_OBJECT:
        ltd_json_begin_object(&d->w, key);
        for (ltd_json_iter it = ltd_json_each(pair); ltd_json_next(&it);)
            copy_member(d, it.key, it.value);
        ltd_json_end_object(&d->w);
        break;
    case LTD_JSON_ARRAY: copy_list(d, key, v, name); break;
    case LTD_JSON_STRING: ltd_json_put_string(&d->w, key, ltd_json_text(v, NULL)); break;
    case LTD_JSON_NUMBER:
        if (ltd_json_as_int(v, "it", INT64_MIN, INT64_MAX, &integer, NULL) == LTD_OK) {
            ltd_json_put_int(&d->w, key, integer);
        } else {
            ltd_json_as_f64(v, "it", &number, NULL);
            ltd_json_put_f64(&d->w, key, number);
        }
        break;
    case LTD_JSON_BOOL:
        /* The only one of an article; true in those that are copied here. */
        flag = true;
        ltd_json_put_bool(&d->w, key, flag);
        break;
    default: ltd_json_put_null(&d->w, key);
    }
}

/* How many places there are: each was damaged. */
static int damage_all(const ltd_wiki_work *w, int how)
{
    ltd_str text = LTD_STR_INIT;
    ltd_json_doc *doc;
    ltd_err err = LTD_ERR_INIT;
    int places = 0;
    ltd_wiki_work_json(w, &text);
    assert_int_equal(ltd_json_parse(&doc, "made", text.data, text.len, &err), LTD_OK);
    for (bool more = true; more; places++) {
        ltd_str broken = LTD_STR_INIT;
        damage d = {.target = places, .how = how};
        char what[96];
        d.w = ltd_json_writing(&broken, 0);
        copy(&d, NULL, ltd_json_root(doc), "");
        more = d.key[0] != 0;
        snprintf(what, sizeof what, "%s %s", d.key, how == REMOVED ? "removed" : "of another type");
        if (!more) { /* a copy without damage: this test's own */
            ltd_wiki_work r = {0};
            assert_int_equal(ltd_wiki_work_parse(&r, "copy", broken.data, broken.len, &err),
                             LTD_OK);
            same_work(w, &r);
            ltd_wiki_work_fini(&r);
        } else if (how != REMOVED || strcmp(d.key, "section") != 0) { /* without one it is none */
            is_refused(broken.data, broken.len, what);
        }
        ltd_str_fini(&broken);
    }
    ltd_json_free(doc);
    ltd_str_fini(&text);
    return places - 1;
}

static void every_key_is_needed_and_of_its_type(void **state)
{
    (void)state;
    for (int m = 0; m < 3; m++) {
        ltd_wiki_work w = makers[m]();
        int keys = damage_all(&w, REMOVED);
        assert_int_equal(keys, 11 + 23 * w.n_calls); /* of the file; of a call, its classes too */
        assert_int_equal(damage_all(&w, OTHER_TYPE), keys);
        assert_true(damage_all(&w, ENTRY_OTHER_TYPE) > 10);
        ltd_wiki_work_fini(&w);
    }
}

static void text_is_refused(const char *from, const char *to, ltd_wiki_work w)
{
    ltd_str text = LTD_STR_INIT, broken = LTD_STR_INIT;
    ltd_wiki_work_json(&w, &text);
    const char *at = strstr(text.data, from);
    if (!at) fail_msg("'%s' is not in the file", from);
    ltd_str_push(&broken, text.data, (size_t)(at - text.data));
    ltd_str_puts(&broken, to);
    ltd_str_puts(&broken, at + strlen(from));
    is_refused(broken.data, broken.len, to);
    ltd_str_fini(&text);
    ltd_str_fini(&broken);
    ltd_wiki_work_fini(&w);
}

static void values_that_cannot_be_are_refused(void **state)
{
    (void)state;
    text_is_refused("\"version\": 1", "\"version\": 2", one_piece());
    text_is_refused("\"stage\": \"article\"", "\"stage\": \"chapter\"", one_piece());
    text_is_refused("\"stop\": \"len\"", "\"stop\": \"\"", one_piece());
    text_is_refused("\"new_tokens\": 3", "\"new_tokens\": 4", one_piece());
    text_is_refused("\"tokens\": [3, 34, 65]", "\"tokens\": [3, 34, 66]", one_piece());
    text_is_refused("\"tokens\": [3, 34, 65]", "\"tokens\": [3, 34, -65]", one_piece());
    text_is_refused("[4, 0, 2000000000]", "[4, 0, 3000000000]", one_piece());
    text_is_refused("[4, 0, 2000000000]", "[4, 0]", one_piece());
    text_is_refused("[4, 0, 2000000000]", "[4, 0, 1], []", one_piece());
    text_is_refused("\"outline\": []", "\"outline\": [\"A\"]", one_piece());
    text_is_refused("\"chunk one\",", "", one_piece());
    text_is_refused("\"prompt_tokens\": 1003", "\"prompt_tokens\": -1", one_piece());
    text_is_refused("[]", "7", without_documents()); /* retrieve */
    text_is_refused("[0, 2000000000, 1]", "[0]", several_pieces());
    is_refused("[]", 2, "a list");
    is_refused("12", 2, "a number");
    is_refused("null", 4, "null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(articles_are_read_back_field_by_field),
        cmocka_unit_test(text_and_retrieve_have_the_benchmarks_form),
        cmocka_unit_test(files_are_loaded),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_key_is_needed_and_of_its_type),
        cmocka_unit_test(values_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
