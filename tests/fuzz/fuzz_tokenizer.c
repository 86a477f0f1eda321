/* Any text: the first byte chooses the vocabulary's words and the flags, the rest is encoded and
 * must come back from decode, less the one byte that the vocabulary lacks. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/vocab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const rules[] = {"smollm", "gpt-2", "llama-bpe", "qwen2"};
    static ltd_tokenizer *toks[4];
    if (size == 0) return 0;
    const int choice = data[0] % 4, flags = data[0] / 4 % 2;
    vocab_spec spec = VOCAB_DEFAULT;
    spec.pre = rules[choice];
    if (!toks[choice] && vocab_open(&toks[choice], &spec, NULL) < 0) abort();

    const char *text = (const char *)data + 1;
    size_t n = size - 1;
    ltd_tokens ids = LTD_TOKENS_INIT;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_tokenizer_encode(toks[choice], text, n, flags, &ids, &err) < 0) abort();
    ltd_str back = LTD_STR_INIT;
    for (size_t i = 0; i < ids.n; i++) ltd_tokenizer_decode(toks[choice], ids.ids[i], true, &back);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == spec.drop[0]) continue;
        assert(at < back.len && back.data[at] == text[i]);
        at++;
    }
    assert(at == back.len);
    ltd_str_fini(&back);
    ltd_tokens_fini(&ids);
    return 0;
}
