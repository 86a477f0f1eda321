/* Zips as Stable-Baselines3's model.save writes them, for tests; what fails ends the running test.
 *
 *     sb3_tensors t;
 *     sb3_tensors_make(&t, (const int32_t[]){128, 64, 2}, 2, (const int32_t[]){128, 16, 1}, 2, 1);
 *     void *bytes = sb3zip(&size, &t, SB3_DATA_TANH, 0);           owned: free()
 *     sb3_tensors_free(&t);
 *
 * meson: name `sb3zip` among the dependencies. */
#ifndef LTD_TESTS_SUPPORT_SB3ZIP_H
#define LTD_TESTS_SUPPORT_SB3ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "models/files/dtype.h"

enum { SB3_TENSORS = 32 };

/* `data` of a policy without an activation of its own, and of one with ReLU. */
#define SB3_DATA_TANH "{\"policy_kwargs\": {\"net_arch\": [64]}}"
#define SB3_DATA_RELU                                                                              \
    "{\"policy_kwargs\": {\":type:\": \"<class 'dict'>\", \":serialized:\": \"\", "                \
    "\"activation_fn\": \"<class 'torch.nn.modules.activation.ReLU'>\"}}"

/* A state dict; change what a test needs changed. */
typedef struct sb3_tensors {
    ltd_tensor_view view[SB3_TENSORS];
    size_t n;
    char name[SB3_TENSORS][64];
    float *data[SB3_TENSORS]; /* owned */
} sb3_tensors;

/* u(seed, i) in [-1, 1): the formula of tests/golden/ppo. */
float sb3_formula(uint64_t seed, uint64_t i);

/* Nets of these layers (dims[n + 1]; n_critic 0: no critic), their weights from the seed, each
 * layer scaled to keep its input's size. */
void sb3_tensors_make(sb3_tensors *ret, const int32_t *actor, int32_t n_actor,
                      const int32_t *critic, int32_t n_critic, uint64_t seed);
/* One tensor more, f32; `data` (may be NULL: zeros) is copied. */
float *sb3_tensors_add(sb3_tensors *t, const char *name, const int64_t *dims, int n_dims,
                       const float *data);
void sb3_tensors_free(sb3_tensors *t);

/* The zip: policy.pth, data (NULL: none), version.  method: 0 stored, 8 deflated.  Owned. */
void *sb3zip(size_t *size, const sb3_tensors *t, const char *data, int method);

#endif
