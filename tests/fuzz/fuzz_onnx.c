/* ONNX files as exported policies: what is taken makes a policy that decides, or is refused. */
#include "agents/export/onnx.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const turns[] = {"depth.", "size."};
    for (int i = 0; i < 2; i++) {
        ltd_bundle *b = NULL;
        ltd_policy *p = NULL;
        if (ltd_import_onnx(&b, turns[i], data, size, "fuzz", NULL) == 0)
            ltd_bundle_to_policy(&p, b, "fuzz", NULL);
        ltd_policy_free(p);
        ltd_bundle_free(b);
    }
    return 0;
}
