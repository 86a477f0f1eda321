/* Any text: the first byte chooses the vocabulary and the flags, the rest is encoded and must come
 * back from decode, as far as the vocabulary keeps it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/vocab.h"
#include "tests/support/vocab_spm.h"

enum { SMOLLM, GPT2, LLAMA3, QWEN2, DEEPSEEK, DEFAULT, SPM, SPM_BARE, N_VOCABS };

static ltd_tokenizer *open_vocab(int choice)
{
    static const char *const rules[] = {"smollm", "gpt-2",        "llama-bpe",
                                        "qwen2",  "deepseek-llm", "default"};
    ltd_tokenizer *tok;
    vocab_spec spec = VOCAB_DEFAULT;
    if (choice < SPM) spec.pre = rules[choice];
    int status =
        choice < SPM ? vocab_open(&tok, &spec, NULL) : vocab_spm_open(&tok, choice == SPM, NULL);
    if (status < 0) abort();
    return tok;
}

/* What decoding gives for a text. */
static ltd_str round_trip(const ltd_tokenizer *tok, const char *text, size_t n, int flags)
{
    ltd_tokens ids = LTD_TOKENS_INIT;
    ltd_str back = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_tokenizer_encode(tok, text, n, flags, &ids, &err) < 0) {
        /* A run of spaces that ends in something else needs a step for each of its ends. */
        assert(err.code == LTD_EUNSUPPORTED);
        back.failed = true;
    }
    ltd_tokenizer_decode_text(tok, ids.ids, ids.n, true, &back);
    ltd_tokens_fini(&ids);
    return back;
}

static void assert_equal(const ltd_str *back, const ltd_str *expected)
{
    assert(back->len == expected->len);
    assert(back->len == 0 || memcmp(back->data, expected->data, back->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ltd_tokenizer *toks[N_VOCABS];
    if (size == 0) return 0;
    const int choice = data[0] % 8, flags = data[0] / 8 % 2;
    if (!toks[choice]) toks[choice] = open_vocab(choice);

    const char *text = (const char *)data + 1;
    size_t n = size - 1, mark = 3;
    ltd_str back = round_trip(toks[choice], text, n, flags), expected = LTD_STR_INIT;
    bool drops = memchr(text, 1, n) != NULL;
    if (choice == QWEN2 && !drops) { /* composed once, it stays as it is */
        expected = round_trip(toks[choice], ltd_str_text(&back), back.len, flags);
    } else if (choice >= SPM && flags == 0) { /* the mark of a space is one */
        for (size_t i = 0; i < n; i++) {
            bool is = n - i >= mark && memcmp(text + i, "\xe2\x96\x81", mark) == 0;
            ltd_str_push(&expected, is ? " " : text + i, 1);
            if (is) i += mark - 1;
        }
    } else if (choice < SPM && choice != QWEN2) { /* less the byte without a token */
        for (size_t i = 0; i < n; i++)
            if (text[i] != 1) ltd_str_push(&expected, text + i, 1);
    } else {
        ltd_str_push(&expected, ltd_str_text(&back), back.len);
    }
    if (!back.failed) assert_equal(&back, &expected);
    ltd_str_fini(&back);
    ltd_str_fini(&expected);
    return 0;
}
