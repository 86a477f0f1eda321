/* models/text: encode, decode and damaged vocabularies, over a small vocabulary made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "models/text/map_priv.h"
#include "tests/support/vocab.h"

static ltd_tokenizer *open_default(void)
{
    vocab_spec spec = VOCAB_DEFAULT;
    ltd_tokenizer *tok;
    ltd_err err = LTD_ERR_INIT;
    if (vocab_open(&tok, &spec, &err) < 0) fail_msg("%s", err.msg);
    return tok;
}

/* Encode, then show the tokens with a bar between them. */
static void assert_pieces(const ltd_tokenizer *tok, const char *text, size_t n, int flags,
                          const char *expected)
{
    ltd_tokens ids = LTD_TOKENS_INIT;
    ltd_err err = LTD_ERR_INIT;
    ltd_str shown = LTD_STR_INIT;
    assert_int_equal(ltd_tokenizer_encode(tok, text, n, flags, &ids, &err), LTD_OK);
    for (size_t i = 0; i < ids.n; i++) {
        if (i) ltd_str_puts(&shown, "~");
        ltd_tokenizer_decode(tok, ids.ids[i], true, &shown);
    }
    assert_string_equal(ltd_str_text(&shown), expected);
    ltd_str_fini(&shown);
    ltd_tokens_fini(&ids);
}

static void assert_text(const ltd_tokenizer *tok, const char *text, const char *expected)
{
    assert_pieces(tok, text, strlen(text), LTD_ENCODE_SPECIAL, expected);
}

static void merges_go_best_first_and_leftmost(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_default();
    assert_text(tok, "hello wor", "hello~ wor");
    assert_text(tok, "aaa", "aa~a");
    assert_text(tok, "aaaaaaa", "aaaa~aa~a");
    assert_text(tok, "aaaaaaaaa", "aaaaaaaa~a");
    assert_text(tok, "", "");
    ltd_tokenizer_free(tok);
}

static void digits_are_words_and_end_a_run_of_spaces(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_default();
    assert_text(tok, "12 3", "1~2~ ~3");
    assert_text(tok, "  w", " ~ w");  /* the last space goes with the letters ... */
    assert_text(tok, "  1", " ~ ~1"); /* ... not with a digit */
    ltd_tokenizer_free(tok);
}

static void special_tokens_are_found_longest_first(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_default();
    assert_text(tok, "<|im_start|>aa<|im_end|>", "<|im_start|>~aa~<|im_end|>");
    assert_text(tok, "<|im_end|>x<|im_end|>y", "<|im_end|>x~<|im_end|>~y");
    assert_text(tok, "<<think>", "<~<think>");
    assert_text(tok, "<|im_", "<~|~i~m~_");
    ltd_tokenizer_free(tok);
}

static void special_tokens_are_text_when_not_asked_for(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_default();
    const char *text = "<think><|im_end|>";
    assert_pieces(tok, text, strlen(text), LTD_ENCODE_PLAIN,
                  "<think>~<~|~i~m~_~e~n~d~|~>"); /* user-defined ones stay tokens */
    ltd_tokenizer_free(tok);
}

static void bytes_without_a_token_are_dropped(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_default();
    assert_text(tok, "\x01", "");
    assert_text(tok, "x\x01y", "x~y");
    ltd_tokenizer_free(tok);
}

static void control_tokens_decode_only_when_asked(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_default();
    ltd_str out = LTD_STR_INIT;
    ltd_tokenizer_decode(tok, 0, false, &out);
    assert_int_equal(out.len, 0);
    ltd_tokenizer_decode(tok, 0, true, &out);
    ltd_tokenizer_decode(tok, ltd_tokenizer_find(tok, "<think>"), false, &out);
    ltd_tokenizer_decode(tok, -1, true, &out);
    ltd_tokenizer_decode(tok, ltd_tokenizer_vocab(tok), true, &out);
    assert_string_equal(ltd_str_text(&out), "<|im_start|><think>");
    ltd_str_fini(&out);
    ltd_tokenizer_free(tok);
}

static void facts_of_the_vocabulary_are_told(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_default();
    assert_int_equal(ltd_tokenizer_vocab(tok), 3 + 1 + 255 + 10);
    assert_int_equal(ltd_tokenizer_bos(tok), 0);
    assert_int_equal(ltd_tokenizer_eos(tok), 1);
    assert_true(ltd_tokenizer_is_end(tok, 1));
    assert_false(ltd_tokenizer_is_end(tok, 0));
    assert_false(ltd_tokenizer_is_end(tok, -1));
    assert_int_equal(ltd_tokenizer_find(tok, "no such token"), -1);
    assert_string_equal(ltd_tokenizer_chat_template(tok), "");
    ltd_tokenizer_free(tok);
}

/* Any bytes: no crash, and what comes back is what went in less the dropped byte. */
static void random_bytes_survive_the_round_trip(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_default();
    ltd_rng rng;
    ltd_rng_seed(&rng, 7, LTD_STREAM_TEST);
    static const char *const parts[] = {" ",       "\t\n", "a",        "hello",        "7",
                                        "\xff",    "\xc3", "\xe2\x82", "\xe2\x82\xac", "'s",
                                        "<think>", "!?"};
    for (int round = 0; round < 2000; round++) {
        ltd_str text = LTD_STR_INIT, back = LTD_STR_INIT;
        ltd_tokens ids = LTD_TOKENS_INIT;
        uint64_t n = ltd_rng_below(&rng, 30);
        for (uint64_t i = 0; i < n; i++) {
            char any = (char)(2 + ltd_rng_below(&rng, 254));
            if (ltd_rng_below(&rng, 3) == 0)
                ltd_str_push(&text, &any, 1);
            else
                ltd_str_puts(&text, parts[ltd_rng_below(&rng, 12)]);
        }
        int flags = (int)ltd_rng_below(&rng, 2);
        assert_int_equal(
            ltd_tokenizer_encode(tok, ltd_str_text(&text), text.len, flags, &ids, NULL), LTD_OK);
        for (size_t i = 0; i < ids.n; i++) ltd_tokenizer_decode(tok, ids.ids[i], true, &back);
        assert_int_equal(back.len, text.len);
        if (text.len) assert_memory_equal(back.data, text.data, text.len);
        ltd_str_fini(&text);
        ltd_str_fini(&back);
        ltd_tokens_fini(&ids);
    }
    ltd_tokenizer_free(tok);
}

/* A quadratic step would take hours here, so that the test's time limit finds it. */
static void a_megabyte_of_one_word_is_not_quadratic(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_default();
    const char fill[] = {'a', ' ', '\xff', '<', '9'};
    size_t n = (size_t)1 << 20;
    char *text = ltd_mem_zeros(n, 1);
    for (size_t k = 0; k < sizeof fill; k++) {
        ltd_tokens ids = LTD_TOKENS_INIT;
        memset(text, fill[k], n);
        assert_int_equal(ltd_tokenizer_encode(tok, text, n, LTD_ENCODE_SPECIAL, &ids, NULL),
                         LTD_OK);
        assert_int_equal(ids.n, fill[k] == 'a' ? n / 8 : n);
        ltd_tokens_fini(&ids);
    }
    free(text);
    ltd_tokenizer_free(tok);
}

static void assert_refused(const vocab_spec *spec, int code, const char *found)
{
    ltd_tokenizer *tok = (ltd_tokenizer *)1;
    ltd_err err = LTD_ERR_INIT;
    int status = vocab_open(&tok, spec, &err);
    assert_null(tok);
    assert_int_equal(status, code);
    assert_int_equal(err.code, code);
    if (!strstr(err.msg, found)) fail_msg("'%s' does not say '%s'", err.msg, found);
}

static void damaged_vocabularies_are_refused_with_the_reason(void **state)
{
    (void)state;
    const vocab_spec good = VOCAB_DEFAULT;
    vocab_spec spec = good;
    spec.model = NULL;
    assert_refused(&spec, LTD_EFORMAT, "tokenizer.ggml.model is missing");
    spec = good, spec.model = "bert";
    assert_refused(&spec, LTD_EUNSUPPORTED, "'bert'");
    spec = good, spec.model = "llama";
    assert_refused(&spec, LTD_EFORMAT, "scores is missing");
    spec = good, spec.pre = "no-such-thing";
    assert_refused(&spec, LTD_EUNSUPPORTED, "'no-such-thing'");
    spec = good, spec.no_tokens = true;
    assert_refused(&spec, LTD_EFORMAT, "tokenizer.ggml.tokens is missing");
    spec = good, spec.no_types = true;
    assert_refused(&spec, LTD_EFORMAT, "token_type is missing");
    spec = good, spec.no_merges = true;
    assert_refused(&spec, LTD_EFORMAT, "merges is missing");
    spec = good, spec.types_less = 2;
    assert_refused(&spec, LTD_EFORMAT, "267 elements, expected 269");
    spec = good, spec.type_value = 9;
    assert_refused(&spec, LTD_EFORMAT, "token_type[0] is 9");
    spec = good, spec.eos = 269;
    assert_refused(&spec, LTD_EFORMAT, "eos_token_id is 269, expected below 269");
    spec = good, spec.bos = 0xffffffff;
    assert_refused(&spec, LTD_EFORMAT, "bos_token_id");
}

static void damaged_merges_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *merge, *says;
    } cases[] = {
        {"nospace", "expected two tokens"}, {"", "expected two tokens"},
        {"a ", "expected two tokens"},      {" a", "expected two tokens"},
        {"zz a", "left part is no token"},  {"a zz", "right part is no token"},
        {"a b", "result is no token"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vocab_spec spec = VOCAB_DEFAULT;
        spec.extra_merge = cases[i].merge;
        assert_refused(&spec, LTD_EFORMAT, cases[i].says);
    }
}

/* Whatever the file says: a tokenizer that works, or an error and no handle. */
static void flipped_bytes_give_a_tokenizer_or_an_error(void **state)
{
    (void)state;
    vocab_spec spec = VOCAB_DEFAULT;
    spec.chat_template = "<|im_start|>";
    ltd_str bytes = vocab_bytes(&spec);
    char *copy = ltd_mem_zeros(bytes.len, 1);
    ltd_rng rng;
    ltd_rng_seed(&rng, 11, LTD_STREAM_TEST);
    for (int round = 0; round < 3000; round++) {
        memcpy(copy, bytes.data, bytes.len);
        for (uint64_t k = 1 + ltd_rng_below(&rng, 3); k > 0; k--)
            copy[ltd_rng_below(&rng, bytes.len)] = (char)ltd_rng_u64(&rng);
        ltd_err err = LTD_ERR_INIT;
        ltd_gguf *file = NULL;
        ltd_tokenizer *tok = NULL;
        ltd_tokens ids = LTD_TOKENS_INIT;
        int status = ltd_gguf_parse(&file, copy, bytes.len, "flipped.gguf", &err);
        if (status == LTD_OK) status = ltd_tokenizer_from_gguf(&tok, file, &err);
        assert_true((status == LTD_OK) == (tok != NULL));
        assert_true((status == LTD_OK) == (err.msg[0] == 0));
        const char *text = "hello wor <|im_end|> aaaa 12";
        if (tok)
            assert_int_equal(ltd_tokenizer_encode(tok, text, strlen(text), 1, &ids, &err), LTD_OK);
        ltd_tokens_fini(&ids);
        ltd_tokenizer_free(tok);
        ltd_gguf_close(file);
    }
    free(copy);
    ltd_str_fini(&bytes);
}

static void a_failed_encode_leaves_the_ids(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_default();
    ltd_tokens ids = LTD_TOKENS_INIT;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_tokens_push(&ids, 42, &err), LTD_OK);
    assert_int_equal(ltd_tokenizer_encode(tok, "a", SIZE_MAX, 0, &ids, &err), LTD_EINVAL);
    assert_int_equal(ids.n, 1);
    ltd_tokens_fini(&ids);
    ltd_tokenizer_free(tok);
}

static void the_map_keeps_every_pair(void **state)
{
    (void)state;
    enum { N = 5000 };
    ltd_map map;
    size_t slot;
    assert_int_equal(ltd_map_init(&map, N, NULL), LTD_OK);
    for (int32_t i = 0; i < N; i++) ltd_map_put(&map, (uint64_t)(i % 1000) << 32, i);
    for (int32_t i = 0; i < 1000; i++) {
        int count = 0;
        for (int32_t v = ltd_map_first(&map, (uint64_t)i << 32, &slot); v >= 0;
             v = ltd_map_next(&map, (uint64_t)i << 32, &slot))
            assert_int_equal(v, i + 1000 * count++);
        assert_int_equal(count, 5);
    }
    assert_int_equal(ltd_map_first(&map, 1, &slot), -1);
    ltd_map_fini(&map);
    assert_int_equal(ltd_map_first(&map, 1, &slot), -1);
    assert_int_equal(ltd_map_init(&map, SIZE_MAX, NULL), LTD_ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_go_best_first_and_leftmost),
        cmocka_unit_test(digits_are_words_and_end_a_run_of_spaces),
        cmocka_unit_test(special_tokens_are_found_longest_first),
        cmocka_unit_test(special_tokens_are_text_when_not_asked_for),
        cmocka_unit_test(bytes_without_a_token_are_dropped),
        cmocka_unit_test(control_tokens_decode_only_when_asked),
        cmocka_unit_test(facts_of_the_vocabulary_are_told),
        cmocka_unit_test(random_bytes_survive_the_round_trip),
        cmocka_unit_test(a_megabyte_of_one_word_is_not_quadratic),
        cmocka_unit_test(damaged_vocabularies_are_refused_with_the_reason),
        cmocka_unit_test(damaged_merges_are_refused_with_the_reason),
        cmocka_unit_test(flipped_bytes_give_a_tokenizer_or_an_error),
        cmocka_unit_test(a_failed_encode_leaves_the_ids),
        cmocka_unit_test(the_map_keeps_every_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
