/* Two instruction sets to compare, and numbers to give them.  Included once by a test program. */
#ifndef LTD_TESTS_SUPPORT_ISA_H
#define LTD_TESTS_SUPPORT_ISA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "models/kernels/kernels.h"

static ltd_rng rng;

static inline const ltd_kernels *plain(void)
{
    return ltd_kernels_get(LTD_ISA_PLAIN);
}

/* The fastest instruction set; plain C again where this machine has no other. */
static inline const ltd_kernels *fast(void)
{
    const ltd_kernels *k = NULL;
    for (int i = LTD_ISA_COUNT - 1; !k; i--) k = ltd_kernels_get((ltd_isa)i);
    if (k->isa == LTD_ISA_PLAIN)
        print_message("# plain C alone here: nothing to compare it with\n");
    return k;
}

/* Normal ones, owned. */
static inline float *randoms(size_t n, float spread)
{
    float *x = ltd_mem_aligned(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = spread * ltd_rng_normal(&rng);
    return x;
}

static inline int32_t below(int32_t n)
{
    return (int32_t)ltd_rng_below(&rng, (uint64_t)n);
}

#endif
