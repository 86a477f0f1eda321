/* The loops of the net per instruction set, for mlp.c and its test. */
#ifndef LTD_AGENTS_MLP_PRIV_H
#define LTD_AGENTS_MLP_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "agents/mlp.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_MLP_PANEL = 32,      /* outputs that are summed side by side */
    LTD_MLP_TANH_BLOCK = 16, /* ltd_mlp_isa.tanh wants a multiple of it */
};

typedef struct ltd_mlp_isa {
    const char *name;
    void (*panel)(float *y, const float *w, const float *bias, const float *x, const uint32_t *at,
                  size_t n);
    void (*tanh)(float *x, size_t n);
} ltd_mlp_isa;

/* Those this processor has, i = 0 the plainest, then ascending; NULL beyond the last. */
const ltd_mlp_isa *ltd_mlp_isa_at(int i);
/* Compute with that one from now on: the result is the same. */
void ltd_mlp_isa_set(ltd_mlp *mlp, const ltd_mlp_isa *isa);

#ifdef __cplusplus
}
#endif
#endif
