/* The files that tokenizers come in.  The first byte chooses: a tokenizer.json, a tokenizer.model,
 * a pattern of a pre-tokeniser in an otherwise good tokenizer.json, or a GGUF file.  What opens
 * must encode a text, whatever it is, into ids of its vocabulary; decoding them must end. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "models/text/chat.h"
#include "models/text/tokenizer.h"
#include "tests/fuzz/fuzz.h"

static const char TEXT[] =
    "Hello  wor\xcc\x81ld 12\n\xe2\x96\x81 <s></s> \xff\xe1\x84\x80\xe1\x85\xa1";

static void use(ltd_tokenizer *tok)
{
    ltd_tokens ids = LTD_TOKENS_INIT;
    ltd_str text = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    for (int flags = 0; flags < 4; flags++)
        if (ltd_tokenizer_encode(tok, TEXT, sizeof TEXT - 1, flags, &ids, &err) < 0)
            assert(err.msg[0]); /* a pattern may need too many steps */
    for (size_t i = 0; i < ids.n; i++)
        assert(ids.ids[i] >= 0 && ids.ids[i] < ltd_tokenizer_vocab(tok));
    ltd_tokenizer_decode_text(tok, ids.ids, ids.n, true, &text);
    assert(ltd_tokenizer_bos(tok) < ltd_tokenizer_vocab(tok));
    assert(ltd_chat_detect(tok));
    ltd_tokens_fini(&ids);
    ltd_str_fini(&text);
    ltd_tokenizer_free(tok);
}

/* A tokenizer.json whose pre-tokeniser splits by this pattern. */
static int with_pattern(ltd_tokenizer **ret, const char *data, size_t size, ltd_err *err)
{
    static const char *const behaviors[] = {"Isolated", "Removed", "MergedWithPrevious",
                                            "MergedWithNext", "Contiguous"};
    ltd_str s = LTD_STR_INIT;
    uint8_t choice = size ? (uint8_t)data[0] : 0;
    ltd_str_puts(&s, "{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"vocab\":{\"l\":0,\"o\":1,"
                     "\"lo\":2,\" \":3},\"merges\":[\"l o\"]},\"pre_tokenizer\":");
    ltd_json_writer w = ltd_json_writing(&s, 0);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_string(&w, "type", "Split");
    ltd_json_put_string(&w, "behavior", behaviors[choice % 5]);
    ltd_json_put_bool(&w, "invert", choice & 64);
    ltd_json_begin_object(&w, "pattern");
    ltd_json_put_text(&w, choice & 128 ? "String" : "Regex", size ? data + 1 : "",
                      size ? size - 1 : 0);
    ltd_json_end_object(&w);
    ltd_json_end_object(&w);
    ltd_str_puts(&s, "}");
    int status =
        s.failed ? LTD_ENOMEM : ltd_tokenizer_from_json(ret, "fuzz.json", s.data, s.len, err);
    ltd_str_fini(&s);
    return status;
}

static int from_gguf(ltd_tokenizer **ret, const uint8_t *data, size_t size, ltd_err *err)
{
    ltd_gguf *file = NULL;
    *ret = NULL;
    int status = ltd_gguf_parse(&file, data, size, "fuzz.gguf", err);
    if (status == LTD_OK) status = ltd_tokenizer_from_gguf(ret, file, err);
    ltd_gguf_close(file);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    ltd_tokenizer *tok = (ltd_tokenizer *)1;
    ltd_err err = LTD_ERR_INIT;
    const char *rest = (const char *)data + 1;
    int status;
    switch (data[0]) {
    case 'M':
        status = ltd_tokenizer_from_sentencepiece(&tok, "fuzz.model", rest, size - 1, &err);
        break;
    case 'P':
        tok = NULL;
        status = with_pattern(&tok, rest, size - 1, &err);
        break;
    case 'G': status = from_gguf(&tok, data, size, &err); break;
    default: status = ltd_tokenizer_from_json(&tok, "fuzz.json", data, size, &err); break;
    }
    assert((status == LTD_OK) == (tok != NULL));
    if (!tok) {
        assert(err.msg[0]);
        return 0;
    }
    use(tok);
    return 0;
}
