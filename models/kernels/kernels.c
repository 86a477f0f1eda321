#include "models/kernels/kernels.h"

#include <stdlib.h>
#include <string.h>

#include "models/kernels/tables.h"

const char *ltd_isa_name(ltd_isa isa)
{
    static const char *const names[LTD_ISA_COUNT] = {"plain", "avx2"};
    return isa >= 0 && isa < LTD_ISA_COUNT ? names[isa] : "unknown";
}

const ltd_kernels *ltd_kernels_get(ltd_isa isa)
{
    if (isa == LTD_ISA_PLAIN) return ltd_kernels_plain();
#if defined(__x86_64__)
    if (isa == LTD_ISA_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("f16c"))
        return ltd_kernels_avx2();
#endif
    return NULL;
}

const ltd_kernels *ltd_kernels_best(void)
{
    const char *want = getenv("LTD_ISA");
    for (int i = LTD_ISA_COUNT - 1; i >= 0; i--) {
        const ltd_kernels *k = ltd_kernels_get((ltd_isa)i);
        if (k && (!want || strcmp(want, k->name) == 0)) return k;
    }
    return ltd_kernels_plain();
}
