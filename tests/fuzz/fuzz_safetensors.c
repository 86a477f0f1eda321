#include "models/files/safetensors.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ltd_safetensors *file;
    if (ltd_safetensors_parse(&file, data, size, "fuzz", NULL) == 0)
        ltd_safetensors_metadata(file, "format");
    ltd_safetensors_close(file);
    return 0;
}
