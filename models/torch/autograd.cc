/* Gradients.  A leaf's .grad is a view of the caller's memory, set before the first backward:
 * autograd then adds in place, and optimizer and clipping never see a tensor. */
#include "models/torch/torch_priv.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <stdexcept>

using ltd::guard;
using ltd::use;

extern "C" {

int ltd_tensor_require_grad(ltd_tensor *leaf, float *grad, ltd_err *err)
{
    return guard("require_grad", err, [&] {
        use(leaf);
        if (!grad) throw std::invalid_argument("grad is NULL");
        TORCH_CHECK(leaf->t.is_leaf(), "only a leaf can be made trainable");
        TORCH_CHECK(leaf->t.is_contiguous(), "only a contiguous leaf can be made trainable");
        leaf->t.set_requires_grad(true);
        leaf->t.mutable_grad() = at::from_blob(grad, leaf->t.sizes(), leaf->t.options());
    });
}

int ltd_tensor_backward(const ltd_tensor *loss, ltd_err *err)
{
    return guard("backward", err, [&] { use(loss).backward(); });
}

bool ltd_torch_set_grad_mode(bool on)
{
    bool was = c10::GradMode::is_enabled();
    c10::GradMode::set_enabled(on);
    return was;
}

} // extern "C"
