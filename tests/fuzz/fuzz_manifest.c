/* Exported policies in safetensors, and the manifest alone. */
#include "agents/export/manifest.h"
#include "agents/export/safetensors.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ltd_bundle *b = NULL;
    ltd_policy *p = NULL;
    ltd_manifest_nets nets;
    if (size && data[0] == '{') {
        ltd_manifest_read(&p, &nets, (const char *)data, size, "fuzz", NULL);
    } else if (ltd_import_safetensors(&b, data, size, "fuzz", NULL) == 0) {
        ltd_bundle_to_policy(&p, b, "fuzz", NULL);
    }
    ltd_policy_free(p);
    ltd_bundle_free(b);
    return 0;
}
