/* What the .cc files of the shim share: the handle's body and the wall that no exception passes.
 * C++ only; for this folder. */
#ifndef LTD_MODELS_TORCH_TORCH_PRIV_H
#define LTD_MODELS_TORCH_TORCH_PRIV_H

#include "models/torch/ltd_torch.h"

#ifdef __cplusplus

#ifndef AT_PER_OPERATOR_HEADERS
#define AT_PER_OPERATOR_HEADERS
#endif
#include <ATen/core/Tensor.h>

struct ltd_tensor {
    at::Tensor t;
    ltd_torch_scope *scope; /* NULL: the caller frees it */
    ltd_tensor *prev, *next;
};

namespace ltd
{

/* To be called in a catch block: turn the exception in flight into a status and a message. */
int translate(const char *op, ltd_err *err) noexcept;

/* A handle on `t` in the innermost scope; throws std::bad_alloc. */
ltd_tensor *wrap(at::Tensor t);

/* The tensor behind a handle; throws std::invalid_argument for NULL. */
const at::Tensor &use(const ltd_tensor *h);

/* dims as ATen wants them; throws std::invalid_argument for impossible ones. */
at::IntArrayRef shape(const int64_t *dims, int n_dims);

template <class F> int guard(const char *op, ltd_err *err, F &&f) noexcept
{
    try {
        f();
        return LTD_OK;
    } catch (...) {
        return translate(op, err);
    }
}

/* *ret = a handle on what f returns. */
template <class F> int make(ltd_tensor **ret, const char *op, ltd_err *err, F &&f) noexcept
{
    *ret = nullptr;
    return guard(op, err, [&] { *ret = wrap(f()); });
}

} // namespace ltd

#endif
#endif
