/* A small SentencePiece vocabulary (merged by scores) as a GGUF file, beside vocab.h's byte-level
 * one: unknown, begin, end, the 256 bytes, and pieces whose scores fall in the order of the list.
 */
#ifndef LTD_TESTS_SUPPORT_VOCAB_SPM_H
#define LTD_TESTS_SUPPORT_VOCAB_SPM_H

#include <stdio.h>

#include "tests/support/vocab.h"

enum { VOCAB_F32 = 6, VOCAB_BOOL = 7 };

/* Longer pieces first, so that they win; then single characters. */
static const char *const vocab_spm_pieces[] = {"aa",
                                               "aaaa",
                                               "ll",
                                               "he",
                                               "llo",
                                               "hello",
                                               "or",
                                               "\xe2\x96\x81w",
                                               "\xe2\x96\x81wor",
                                               "12",
                                               "\xe2\x96\x81",
                                               "a",
                                               "b",
                                               "h",
                                               "e",
                                               "l",
                                               "o",
                                               "w",
                                               "r",
                                               "\xe2\x82\xac",
                                               "1",
                                               "2",
                                               NULL};

/* The tokenizer; `prefix` is tokenizer.ggml.add_space_prefix. */
static inline int vocab_spm_open(ltd_tokenizer **ret, bool prefix, ltd_err *err)
{
    static const char *const control[] = {"<unk>", "<s>", "</s>"};
    vocab_lists l = {0};
    ltd_str scores = LTD_STR_INIT, body = LTD_STR_INIT, file = LTD_STR_INIT;
    for (int i = 0; i < 3; i++) vocab_token(&l, control[i], strlen(control[i]), i == 0 ? 2 : 3);
    for (int b = 0; b < 256; b++) {
        char text[8];
        snprintf(text, sizeof text, "<0x%02X>", (unsigned)b);
        vocab_token(&l, text, 6, 6);
    }
    for (size_t i = 0; vocab_spm_pieces[i]; i++)
        vocab_token(&l, vocab_spm_pieces[i], strlen(vocab_spm_pieces[i]), 1);
    for (size_t i = 0; i < l.n; i++) {
        float score = -(float)i;
        uint32_t bits;
        memcpy(&bits, &score, sizeof bits);
        vocab_u32(&scores, bits);
    }
    int n = 0;
    vocab_key(&body, &n, "tokenizer.ggml.model", VOCAB_STRING);
    vocab_text(&body, "llama", 5);
    vocab_array(&body, &n, "tokenizer.ggml.tokens", VOCAB_STRING, l.n, &l.tokens);
    vocab_array(&body, &n, "tokenizer.ggml.token_type", VOCAB_I32, l.n, &l.types);
    vocab_array(&body, &n, "tokenizer.ggml.scores", VOCAB_F32, l.n, &scores);
    vocab_key(&body, &n, "tokenizer.ggml.bos_token_id", VOCAB_U32);
    vocab_u32(&body, 1);
    vocab_key(&body, &n, "tokenizer.ggml.add_space_prefix", VOCAB_BOOL);
    ltd_str_push(&body, prefix ? "\x01" : "\0", 1);
    ltd_str_push(&file, "GGUF\x03\0\0\0\0\0\0\0\0\0\0\0", 16);
    vocab_u64(&file, (uint64_t)n);
    ltd_str_push(&file, body.data, body.len);

    ltd_gguf *gguf = NULL;
    *ret = NULL;
    int status = ltd_gguf_parse(&gguf, file.data, file.len, "tiny_spm.gguf", err);
    if (status == LTD_OK) status = ltd_tokenizer_from_gguf(ret, gguf, err);
    ltd_gguf_close(gguf);
    ltd_str_fini(&l.tokens);
    ltd_str_fini(&l.types);
    ltd_str_fini(&l.merges);
    ltd_str_fini(&scores);
    ltd_str_fini(&body);
    ltd_str_fini(&file);
    return status;
}

#endif
