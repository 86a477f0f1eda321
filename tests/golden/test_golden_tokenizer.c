/* Token ids and texts exactly as the references give them, from every form that a vocabulary comes
 * in (tests/golden/tokenizer, a README in each folder). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <json.h>

#include "base/file.h"
#include "models/text/chat.h"
#include "models/text/tokenizer.h"
#include "tests/support/golden.h"

static ltd_tokenizer *open_gguf(const char *path, ltd_err *err)
{
    ltd_gguf *file;
    ltd_tokenizer *tok = NULL;
    if (ltd_gguf_open(&file, path, err) < 0) return NULL;
    (void)ltd_tokenizer_from_gguf(&tok, file, err);
    ltd_gguf_close(file);
    return tok;
}

static ltd_tokenizer *open_sentencepiece(const char *path, ltd_err *err)
{
    ltd_file file;
    ltd_tokenizer *tok = NULL;
    if (ltd_file_map(&file, path, err) < 0) return NULL;
    (void)ltd_tokenizer_from_sentencepiece(&tok, path, file.data, file.size, err);
    ltd_file_unmap(&file);
    return tok;
}

/* By the form: a GGUF file, a tokenizer.model, else a folder. */
static ltd_tokenizer *open_vocab(const char *name)
{
    char path[1024];
    if (!golden_path(path, sizeof path, name)) skip();
    const char *dot = strrchr(path, '.');
    ltd_err err = LTD_ERR_INIT;
    ltd_tokenizer *tok = NULL;
    if (dot && strcmp(dot, ".gguf") == 0)
        tok = open_gguf(path, &err);
    else if (dot && strcmp(dot, ".model") == 0)
        tok = open_sentencepiece(path, &err);
    else
        (void)ltd_tokenizer_from_folder(&tok, path, &err);
    if (!tok) fail_msg("%s", err.msg);
    return tok;
}

static json_object *read_json(const char *name)
{
    char path[1024];
    assert_true(golden_path(path, sizeof path, name));
    json_object *root = json_object_from_file(path);
    assert_non_null(root);
    return root;
}

static json_object *get(json_object *object, const char *key)
{
    json_object *value = NULL;
    json_object_object_get_ex(object, key, &value);
    return value;
}

static size_t unhex(char *ret, const char *hex)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        int byte = 0;
        for (size_t k = 0; k < 2; k++) {
            char c = hex[2 * i + k];
            byte = byte * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
        }
        ret[i] = (char)byte;
    }
    return n;
}

static void assert_ids(const ltd_tokenizer *tok, const char *text, size_t n, int flags,
                       json_object *expected, const char *what, size_t index)
{
    ltd_tokens ids = LTD_TOKENS_INIT;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_tokenizer_encode(tok, text, n, flags, &ids, &err) < 0) fail_msg("%s", err.msg);
    size_t m = json_object_array_length(expected);
    for (size_t i = 0; i < m && i < ids.n; i++) {
        int id = json_object_get_int(json_object_array_get_idx(expected, i));
        if (ids.ids[i] != id)
            fail_msg("%s of case %zu ('%.60s'): id %zu is %d, expected %d", what, index, text, i,
                     ids.ids[i], id);
    }
    if (ids.n != m)
        fail_msg("%s of case %zu ('%.60s'): %zu ids, expected %zu", what, index, text, ids.n, m);
    ltd_tokens_fini(&ids);
}

static void assert_decoded(const ltd_tokenizer *tok, json_object *list, const char *text, size_t n,
                           size_t index)
{
    ltd_str out = LTD_STR_INIT;
    ltd_tokens ids = LTD_TOKENS_INIT;
    for (size_t i = 0; i < json_object_array_length(list); i++)
        ltd_tokens_push(&ids, json_object_get_int(json_object_array_get_idx(list, i)), NULL);
    ltd_tokenizer_decode_text(tok, ids.ids, ids.n, true, &out);
    if (out.len != n || (n && memcmp(out.data, text, n) != 0))
        fail_msg("decode of case %zu: '%s', expected '%s'", index, ltd_str_text(&out), text);
    ltd_str_fini(&out);
    ltd_tokens_fini(&ids);
}

/* `ids` is what the first reference gives; `hf_ids` the Hugging Face library where it differs,
 * which SentencePiece does when a special token is written in the text. */
static void case_matches(const ltd_tokenizer *tok, json_object *c, size_t index)
{
    const char *hex = json_object_get_string(get(c, "utf8_hex"));
    char *text = test_calloc(strlen(hex) / 2 + 1, 1);
    size_t n = unhex(text, hex);
    json_object *ids = get(c, "ids"), *special = get(c, "hf_ids");
    json_object *plain = get(c, "ids_specials_as_text"), *decoded = get(c, "decoded");
    json_object *bos = get(c, "ids_with_bos");
    assert_ids(tok, text, n, LTD_ENCODE_SPECIAL, special ? special : ids, "ids", index);
    assert_ids(tok, text, n, LTD_ENCODE_PLAIN, plain ? plain : ids, "ids_specials_as_text", index);
    /* The library puts a second BOS before a text that writes one; we don't. */
    bool written = json_object_get_int(json_object_array_get_idx(ids, 0)) == ltd_tokenizer_bos(tok);
    if (bos)
        assert_ids(tok, text, n, LTD_ENCODE_PROMPT, written ? ids : bos, "ids_with_bos", index);
    if (decoded)
        assert_decoded(tok, ids, json_object_get_string(decoded),
                       (size_t)json_object_get_string_len(decoded), index);
    else
        assert_decoded(tok, ids, text, n, index);
    test_free(text);
}

static void cases_match(const char *vocab, const char *file, size_t at_least)
{
    ltd_tokenizer *tok = open_vocab(vocab);
    json_object *root = read_json(file);
    json_object *cases = get(root, "cases");
    size_t n_cases = json_object_array_length(cases);
    assert_true(n_cases >= at_least);
    for (size_t i = 0; i < n_cases; i++) case_matches(tok, json_object_array_get_idx(cases, i), i);
    json_object_put(root);
    ltd_tokenizer_free(tok);
}

static void smollm2_ids_are_the_reference_s(void **state)
{
    (void)state;
    cases_match("tokenizer/smollm2/vocab.gguf", "tokenizer/smollm2/cases.json", 400);
}

static void llama3_ids_are_the_reference_s(void **state)
{
    (void)state;
    cases_match("tokenizer/bpe_llama3/model.gguf", "tokenizer/bpe_llama3/cases.json", 110);
    cases_match("tokenizer/bpe_llama3", "tokenizer/bpe_llama3/cases.json", 110);
}

static void qwen_ids_are_the_reference_s(void **state)
{
    (void)state;
    cases_match("tokenizer/bpe_qwen/model.gguf", "tokenizer/bpe_qwen/cases.json", 108);
    cases_match("tokenizer/bpe_qwen", "tokenizer/bpe_qwen/cases.json", 108);
}

static void llama2_ids_are_the_reference_s(void **state)
{
    (void)state;
    cases_match("tokenizer/spm_llama2/model.gguf", "tokenizer/spm_llama2/cases.json", 110);
    cases_match("tokenizer/spm_llama2", "tokenizer/spm_llama2/cases.json", 110);
    cases_match("tokenizer/spm_llama2/tokenizer.model", "tokenizer/spm_llama2/cases.json", 110);
}

/* A tokenizer.json with some components replaced by those of a variant. */
static ltd_tokenizer *open_variant(json_object *variant)
{
    char name[256];
    const char *label = json_object_get_string(get(variant, "name"));
    snprintf(name, sizeof name, "tokenizer/%s/tokenizer.json",
             json_object_get_string(get(variant, "base")));
    json_object *root = read_json(name);
    json_object_object_foreach(get(variant, "replace"), key, value)
    {
        json_object_object_add(root, key, json_object_get(value));
    }
    json_object_object_foreach(get(variant, "replace_in_model"), model_key, model_value)
    {
        json_object_object_add(get(root, "model"), model_key, json_object_get(model_value));
    }
    const char *text = json_object_to_json_string(root);
    ltd_tokenizer *tok;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_tokenizer_from_json(&tok, label, text, strlen(text), &err) < 0) fail_msg("%s", err.msg);
    json_object_put(root);
    return tok;
}

static void components_do_what_the_reference_s_do(void **state)
{
    (void)state;
    char path[1024];
    if (!golden_path(path, sizeof path, "tokenizer/components/cases.json")) skip();
    json_object *root = read_json("tokenizer/components/cases.json");
    json_object *variants = get(root, "variants"), *texts = get(root, "texts");
    assert_true(json_object_array_length(variants) >= 30);
    for (size_t i = 0; i < json_object_array_length(variants); i++) {
        json_object *v = json_object_array_get_idx(variants, i);
        const char *label = json_object_get_string(get(v, "name"));
        ltd_tokenizer *tok = open_variant(v);
        for (size_t k = 0; k < json_object_array_length(texts); k++) {
            json_object *text = json_object_array_get_idx(texts, k);
            const char *s = json_object_get_string(text);
            size_t n = (size_t)json_object_get_string_len(text);
            assert_ids(tok, s, n, LTD_ENCODE_SPECIAL, json_object_array_get_idx(get(v, "ids"), k),
                       label, k);
            assert_ids(tok, s, n, LTD_ENCODE_PLAIN,
                       json_object_array_get_idx(get(v, "ids_specials_as_text"), k), label, k);
        }
        ltd_tokenizer_free(tok);
    }
    json_object_put(root);
}

static void assert_conversation(const ltd_tokenizer *tok, json_object *c, bool generate,
                                size_t index)
{
    json_object *list = get(c, "messages");
    ltd_message messages[32];
    size_t n = json_object_array_length(list);
    assert_true(n <= 32);
    for (size_t k = 0; k < n; k++) {
        json_object *m = json_object_array_get_idx(list, k);
        messages[k].role = json_object_get_string(get(m, "role"));
        messages[k].content = json_object_get_string(get(m, "content"));
    }
    ltd_str text = LTD_STR_INIT;
    const ltd_chat *chat = ltd_chat_detect(tok);
    assert_int_equal(ltd_chat_render(chat, messages, n, generate, &text, NULL), LTD_OK);
    assert_string_equal(ltd_str_text(&text),
                        json_object_get_string(get(c, generate ? "prompt" : "text")));
    assert_ids(tok, ltd_str_text(&text), text.len, LTD_ENCODE_SPECIAL,
               get(c, generate ? "prompt_ids" : "ids"), "chat", index);
    ltd_str_fini(&text);
}

static void conversations_are_rendered_exactly(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_vocab("tokenizer/smollm2/vocab.gguf");
    assert_string_equal(ltd_chat_name(ltd_chat_detect(tok)), "smollm2");
    json_object *root = read_json("tokenizer/smollm2/chat.json");
    json_object *list = get(root, "conversations");
    assert_true(json_object_array_length(list) >= 10);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        assert_conversation(tok, json_object_array_get_idx(list, i), false, i);
        assert_conversation(tok, json_object_array_get_idx(list, i), true, i);
    }
    json_object_put(root);
    ltd_tokenizer_free(tok);
}

static void smollm2_s_ends_are_known(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_vocab("tokenizer/smollm2/vocab.gguf");
    assert_int_equal(ltd_tokenizer_vocab(tok), 49152);
    assert_int_equal(ltd_tokenizer_bos(tok), 1);
    assert_int_equal(ltd_tokenizer_eos(tok), 2);
    for (int32_t id = 0; id < 17; id++)
        assert_int_equal(ltd_tokenizer_is_end(tok, id), id == 0 || id == 2);
    ltd_tokenizer_free(tok);
}

static void ids_that_begin_and_end_a_text(void **state)
{
    (void)state;
    static const struct {
        const char *vocab;
        int32_t bos, eos;
        bool add_bos;
    } cases[] = {
        {"tokenizer/spm_llama2", 1, 2, true},
        {"tokenizer/spm_llama2/model.gguf", 1, 2, true},
        {"tokenizer/spm_llama2/tokenizer.model", 1, 2, true},
        {"tokenizer/bpe_llama3", 702, 706, true},
        {"tokenizer/bpe_llama3/model.gguf", 702, 706, true},
        {"tokenizer/bpe_qwen", -1, 702, false},
        {"tokenizer/bpe_qwen/model.gguf", -1, 702, false},
        {"tokenizer/smollm2/vocab.gguf", 1, 2, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ltd_tokenizer *tok = open_vocab(cases[i].vocab);
        assert_int_equal(ltd_tokenizer_bos(tok), cases[i].bos);
        assert_int_equal(ltd_tokenizer_eos(tok), cases[i].eos);
        assert_int_equal(ltd_tokenizer_add_bos(tok), cases[i].add_bos);
        assert_true(ltd_tokenizer_is_end(tok, cases[i].eos));
        assert_false(ltd_tokenizer_is_end(tok, cases[i].bos) && cases[i].bos >= 0);
        ltd_tokenizer_free(tok);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smollm2_ids_are_the_reference_s),
        cmocka_unit_test(llama3_ids_are_the_reference_s),
        cmocka_unit_test(qwen_ids_are_the_reference_s),
        cmocka_unit_test(llama2_ids_are_the_reference_s),
        cmocka_unit_test(components_do_what_the_reference_s_do),
        cmocka_unit_test(ids_that_begin_and_end_a_text),
        cmocka_unit_test(conversations_are_rendered_exactly),
        cmocka_unit_test(smollm2_s_ends_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
