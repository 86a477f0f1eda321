#include "models/kernels/kernels.h"

#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "models/kernels/tables.h"

const char *ltd_isa_name(ltd_isa isa)
{
    static const char *const names[LTD_ISA_COUNT] = {"plain", "avx2", "avx512-vnni", "amx-int8"};
    return isa >= 0 && isa < LTD_ISA_COUNT ? names[isa] : "unknown";
}

#if defined(__x86_64__)
/* clang's __builtin_cpu_supports doesn't know the name. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

static bool has_vnni(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}
#endif

const ltd_kernels *ltd_kernels_get(ltd_isa isa)
{
    switch (isa) {
    case LTD_ISA_PLAIN: return ltd_kernels_plain();
#if defined(__x86_64__)
    case LTD_ISA_AVX2: return has_avx2() ? ltd_kernels_avx2() : NULL;
    case LTD_ISA_VNNI: return has_vnni() ? ltd_kernels_vnni() : NULL;
    case LTD_ISA_AMX: return has_vnni() ? ltd_kernels_amx() : NULL;
#endif
    default: return NULL;
    }
}

const ltd_kernels *ltd_kernels_best(void)
{
    for (int i = LTD_ISA_COUNT - 1; i > 0; i--)
        if (ltd_kernels_get((ltd_isa)i)) return ltd_kernels_get((ltd_isa)i);
    return ltd_kernels_plain();
}

int ltd_kernels_choose(const ltd_kernels **ret, ltd_err *err)
{
    const char *want = getenv("LTD_ISA");
    *ret = NULL;
    if (!want) *ret = ltd_kernels_best();
    for (int i = 0; want && i < LTD_ISA_COUNT; i++) {
        if (strcmp(want, ltd_isa_name((ltd_isa)i)) != 0) continue;
        *ret = ltd_kernels_get((ltd_isa)i);
        if (!*ret)
            return ltd_fail(err, LTD_EUNSUPPORTED, "LTD_ISA=%s: this machine has at most %s", want,
                            ltd_kernels_best()->name);
    }
    if (!*ret)
        return ltd_fail(err, LTD_EINVAL,
                        "LTD_ISA='%s': expected plain, avx2, avx512-vnni or amx-int8", want);
    return LTD_OK;
}
