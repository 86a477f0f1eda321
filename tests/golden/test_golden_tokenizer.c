/* Token ids and chat texts of SmolLM2, exactly as the reference gives them
 * (tests/golden/tokenizer/smollm2/README.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <json.h>

#include "models/text/chat.h"
#include "models/text/tokenizer.h"
#include "tests/support/golden.h"

static ltd_tokenizer *open_vocab(const char *name)
{
    char path[1024];
    if (!golden_path(path, sizeof path, name)) skip();
    ltd_gguf *file;
    ltd_tokenizer *tok;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_gguf_open(&file, path, &err) < 0) fail_msg("%s", err.msg);
    int status = ltd_tokenizer_from_gguf(&tok, file, &err);
    ltd_gguf_close(file);
    if (status < 0) fail_msg("%s", err.msg);
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

static void assert_decoded(const ltd_tokenizer *tok, json_object *ids, const char *text, size_t n,
                           size_t index)
{
    ltd_str out = LTD_STR_INIT;
    for (size_t i = 0; i < json_object_array_length(ids); i++)
        ltd_tokenizer_decode(tok, json_object_get_int(json_object_array_get_idx(ids, i)), true,
                             &out);
    if (out.len != n || (n && memcmp(out.data, text, n) != 0))
        fail_msg("decode of case %zu: '%s', expected '%s'", index, ltd_str_text(&out), text);
    ltd_str_fini(&out);
}

static void cases_match(const char *vocab, const char *file, size_t at_least)
{
    ltd_tokenizer *tok = open_vocab(vocab);
    json_object *root = read_json(file);
    json_object *cases = get(root, "cases");
    size_t n_cases = json_object_array_length(cases);
    assert_true(n_cases >= at_least);
    for (size_t i = 0; i < n_cases; i++) {
        json_object *c = json_object_array_get_idx(cases, i);
        const char *hex = json_object_get_string(get(c, "utf8_hex"));
        char *text = test_calloc(strlen(hex) / 2 + 1, 1);
        size_t n = unhex(text, hex);
        json_object *ids = get(c, "ids"), *plain = get(c, "ids_specials_as_text");
        json_object *decoded = get(c, "decoded"), *composed = get(c, "llama_cpp_ids");
        if (composed) {
            ids = composed;
            plain = get(c, "llama_cpp_ids_specials_as_text");
            decoded = NULL;
        }
        assert_ids(tok, text, n, LTD_ENCODE_SPECIAL, ids, "ids", i);
        assert_ids(tok, text, n, LTD_ENCODE_PLAIN, plain ? plain : ids, "ids_specials_as_text", i);
        if (decoded)
            assert_decoded(tok, ids, json_object_get_string(decoded),
                           (size_t)json_object_get_string_len(decoded), i);
        else
            assert_decoded(tok, ids, text, n, i);
        test_free(text);
    }
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
}

/* Where the reference composes characters first, llama.cpp's ids are the expected ones. */
static void qwen_ids_are_the_reference_s(void **state)
{
    (void)state;
    cases_match("tokenizer/bpe_qwen/model.gguf", "tokenizer/bpe_qwen/cases.json", 108);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smollm2_ids_are_the_reference_s),
        cmocka_unit_test(llama3_ids_are_the_reference_s),
        cmocka_unit_test(qwen_ids_are_the_reference_s),
        cmocka_unit_test(conversations_are_rendered_exactly),
        cmocka_unit_test(smollm2_s_ends_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
