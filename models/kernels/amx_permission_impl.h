/* Leave to use AMX's tiles: a state that a process must ask the system for, before its threads use
 * them; to ask again does no harm.  Needs _DEFAULT_SOURCE, for syscall. */
#ifndef LTD_MODELS_KERNELS_AMX_PERMISSION_IMPL_H
#define LTD_MODELS_KERNELS_AMX_PERMISSION_IMPL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Bits of cpuid leaf 7, register d. */
enum { AMX_BF16 = 22, AMX_TILE = 24, AMX_INT8 = 25 };

/* Tiles with the products of `feature`. */
static bool amx_permitted(int feature)
{
    enum { REQ_XCOMP_PERM = 0x1023, XFEATURE_TILEDATA = 18 };
    uint32_t a, b, c, d;
    __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
    if (!(d >> AMX_TILE & 1) || !(d >> feature & 1)) return false;
    return syscall(SYS_arch_prctl, REQ_XCOMP_PERM, XFEATURE_TILEDATA) == 0;
}

#endif
