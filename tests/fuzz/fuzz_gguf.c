#include "models/files/config_priv.h"
#include "models/files/gguf.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ltd_gguf *file;
    static ltd_llm_config config;
    ltd_gguf_parse(&file, data, size, "fuzz", NULL);
    for (size_t i = 0; file && i < ltd_gguf_value_count(file); i++)
        ltd_gguf_number(ltd_gguf_value_at(file, i), 0);
    if (file && ltd_config_from_gguf(&config, file, NULL) == LTD_OK)
        ltd_llm_config_check(&config, "fuzz", NULL);
    ltd_gguf_close(file);
    return 0;
}
