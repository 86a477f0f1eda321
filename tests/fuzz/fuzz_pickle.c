/* The pickle alone: inside a zip its CRC would stop nearly every mutation. */
#include "models/files/pickle_priv.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ltd_pickle p;
    ltd_pickle_tensors tensors = {0};
    uint32_t root;
    if (ltd_pickle_run(&p, &root, data, size, "fuzz", NULL) == 0)
        ltd_pickle_list(&tensors, &p, root, NULL);
    ltd_pickle_tensors_fini(&tensors);
    ltd_pickle_fini(&p);
    return 0;
}
