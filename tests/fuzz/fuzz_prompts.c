/* question.jsonl from strangers: any bytes give prompts or an error that says where. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "env/prompts.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/vocab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ltd_tokenizer *tok;
    const vocab_spec spec = VOCAB_DEFAULT;
    if (!tok && vocab_open(&tok, &spec, NULL) < 0) abort();

    ltd_prompts *prompts;
    ltd_err err = LTD_ERR_INIT;
    int status = ltd_prompts_parse(&prompts, data, size, "fuzz/question.jsonl",
                                   ltd_chat_find("chatml"), tok, 0, 4096, NULL, &err);
    if (status < 0) {
        assert(!prompts && err.code == status && err.msg[0]);
        return 0;
    }
    assert(ltd_prompts_count(prompts) > 0);
    for (size_t i = 0; i < ltd_prompts_count(prompts); i++) {
        const ltd_prompt *p = ltd_prompts_at(prompts, i);
        assert(p->n > 0 && p->n <= 4096 && p->text[0] && strcmp(p->task, "fuzz") == 0);
    }
    ltd_prompts_free(prompts);
    return 0;
}
