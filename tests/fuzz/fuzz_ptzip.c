#include "models/files/ptzip.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ltd_ptzip *file;
    if (ltd_ptzip_parse(&file, data, size, "fuzz", NULL) == 0) ltd_ptzip_tensor(file, "fc.weight");
    ltd_ptzip_close(file);
    return 0;
}
