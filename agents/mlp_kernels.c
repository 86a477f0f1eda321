/* The same two loops compiled for each instruction set, chosen at run time.  Without -march the
 * compiler only knows SSE2; a 1268-1024-256-24 net then takes twice as long as it has to. */
#include "agents/mlp_priv.h"

#include <string.h>

#define PANEL LTD_MLP_PANEL

#define NAME(x) base_##x
#define TARGET
#define LANES 4
#define ISA_NAME "base"
#include "agents/mlp_kernels_impl.h"

#if defined(__x86_64__)
#define NAME(x) avx2_##x
#define TARGET __attribute__((target("avx2")))
#define LANES 8
#define ISA_NAME "avx2"
#include "agents/mlp_kernels_impl.h"

#define NAME(x) avx512_##x
#define TARGET __attribute__((target("avx512f")))
#define LANES 16
#define ISA_NAME "avx512"
#include "agents/mlp_kernels_impl.h"
#endif

const ltd_mlp_isa *ltd_mlp_isa_at(int i)
{
    const ltd_mlp_isa *list[3] = {&base_isa};
    int n = 1;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) list[n++] = &avx2_isa;
    if (__builtin_cpu_supports("avx512f")) list[n++] = &avx512_isa;
#endif
    return i >= 0 && i < n ? list[i] : NULL;
}
