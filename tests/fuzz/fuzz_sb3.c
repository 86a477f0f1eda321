#include "agents/sb3_nets.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const ltd_activation told = LTD_ACT_TANH;
    ltd_sb3 *file;
    ltd_sb3_nets nets;
    if (ltd_sb3_parse(&file, data, size, "fuzz", NULL) < 0) return 0;
    if (ltd_sb3_nets_read(&nets, file, NULL, NULL) == 0) ltd_sb3_nets_fini(&nets);
    if (ltd_sb3_nets_read(&nets, file, &told, NULL) == 0) ltd_sb3_nets_fini(&nets);
    ltd_sb3_close(file);
    return 0;
}
