/* models/text: what comes before byte-level merging and beside it: pieces merged by score, spaces
 * written as another character, composed characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/support/vocab.h"
#include "tests/support/vocab_spm.h"

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

static ltd_tokenizer *open_spm(bool prefix)
{
    ltd_tokenizer *tok;
    ltd_err err = LTD_ERR_INIT;
    if (vocab_spm_open(&tok, prefix, &err) < 0) fail_msg("%s", err.msg);
    return tok;
}

static void pieces_merge_by_score(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_spm(true);
    assert_text(tok, "wor", " wor");
    assert_text(tok, "hello wor", " ~hello~ wor");
    assert_text(tok, "aaaaa", " ~aaaa~a");
    assert_text(tok, "", "");
    assert_text(tok, "x", " ~x"); /* by its byte */
    assert_text(tok, "\xe2\x82\xac\xe2\x82\xad", " ~\xe2\x82\xac~\xe2~\x82~\xad");
    assert_text(tok, "a<s>b", " ~a~<s>~ ~b");
    assert_pieces(tok, "<s>", 3, LTD_ENCODE_PLAIN, " ~<~s~>");
    assert_true(ltd_tokenizer_add_bos(tok));
    assert_pieces(tok, "a", 1, LTD_ENCODE_PROMPT, "<s>~ ~a");
    ltd_tokenizer_free(tok);
    tok = open_spm(false);
    assert_text(tok, "wor aa", "w~or~ ~aa");
    ltd_tokenizer_free(tok);
}

static void a_text_comes_back_without_the_space_put_first(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_spm(true);
    ltd_tokens ids = LTD_TOKENS_INIT;
    ltd_str out = LTD_STR_INIT;
    assert_int_equal(ltd_tokenizer_encode(tok, " hello", 6, 0, &ids, NULL), LTD_OK);
    ltd_tokenizer_decode_text(tok, ids.ids, ids.n, false, &out);
    assert_string_equal(ltd_str_text(&out), " hello");
    ltd_str_fini(&out);
    ltd_tokens_fini(&ids);
    ltd_tokenizer_free(tok);
}

/* A megabyte of `unit`, n bytes of it each time, must not take hours. */
static void assert_fast(const ltd_tokenizer *tok, const char *unit, size_t n)
{
    size_t size = ((size_t)1 << 20) / n * n;
    char *text = ltd_mem_zeros(size, 1);
    for (size_t i = 0; i < size; i += n) memcpy(text + i, unit, n);
    ltd_tokens ids = LTD_TOKENS_INIT;
    assert_int_equal(ltd_tokenizer_encode(tok, text, size, LTD_ENCODE_SPECIAL, &ids, NULL), LTD_OK);
    assert_true(ids.n > 0);
    ltd_tokens_fini(&ids);
    free(text);
}

static void long_texts_are_not_quadratic_for_pieces_and_marks(void **state)
{
    (void)state;
    ltd_tokenizer *tok = open_spm(true);
    assert_fast(tok, "a", 1);
    assert_fast(tok, " ", 1);
    assert_fast(tok, "\xe2\x96\x81", 3);
    assert_fast(tok, "\xff", 1);
    assert_fast(tok, "hello wor ", 10);
    ltd_tokenizer_free(tok);
    vocab_spec spec = VOCAB_DEFAULT;
    spec.pre = "qwen2";
    assert_int_equal(vocab_open(&tok, &spec, NULL), LTD_OK);
    assert_fast(tok, "\xcc\x81\xcc\xa3", 4); /* marks that must change places, all in one run */
    assert_fast(tok, "\xe1\x84\x80\xe1\x85\xa1", 6);
    ltd_tokenizer_free(tok);
}

static void characters_are_composed_for_qwen(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"e\xcc\x81", "\xc3\xa9"},
        {"q\xcc\x87\xcc\xa3", "q\xcc\xa3\xcc\x87"},     /* in canonical order */
        {"\xe1\x84\x80\xe1\x85\xa1", "\xea\xb0\x80"},   /* Hangul */
        {"\xe2\x84\xa6", "\xce\xa9"},                   /* OHM SIGN */
        {"e\xff\xcc\x81", "e\xff\xcc\x81"},             /* not across what is no UTF-8 */
        {"e<|im_end|>\xcc\x81", "e<|im_end|>\xcc\x81"}, /* nor across special tokens */
        {"\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc"},   /* excluded from composition */
    };
    vocab_spec spec = VOCAB_DEFAULT;
    spec.pre = "qwen2";
    ltd_tokenizer *tok;
    assert_int_equal(vocab_open(&tok, &spec, NULL), LTD_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ltd_tokens ids = LTD_TOKENS_INIT;
        ltd_str out = LTD_STR_INIT;
        assert_int_equal(ltd_tokenizer_encode(tok, cases[i][0], strlen(cases[i][0]),
                                              LTD_ENCODE_SPECIAL, &ids, NULL),
                         LTD_OK);
        ltd_tokenizer_decode_text(tok, ids.ids, ids.n, true, &out);
        assert_string_equal(ltd_str_text(&out), cases[i][1]);
        ltd_tokens_fini(&ids);
        ltd_str_fini(&out);
    }
    ltd_tokenizer_free(tok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_merge_by_score),
        cmocka_unit_test(a_text_comes_back_without_the_space_put_first),
        cmocka_unit_test(long_texts_are_not_quadratic_for_pieces_and_marks),
        cmocka_unit_test(characters_are_composed_for_qwen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
