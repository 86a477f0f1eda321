/* Parts of tensors, and tensors of parts. */
#include "models/torch/torch_priv.h"

#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/narrow.h>
#include <ATen/ops/permute.h>

#include <cstring>
#include <stdexcept>
#include <vector>

using ltd::guard;
using ltd::make;
using ltd::use;

extern "C" {

int ltd_tensor_narrow(ltd_tensor **ret, const ltd_tensor *t, int dim, int64_t start, int64_t length,
                      ltd_err *err)
{
    return make(ret, "narrow", err, [&] { return use(t).narrow(dim, start, length); });
}

int ltd_tensor_permute(ltd_tensor **ret, const ltd_tensor *t, const int64_t *order, int n_dims,
                       ltd_err *err)
{
    return make(ret, "permute", err, [&] { return use(t).permute(ltd::shape(order, n_dims)); });
}

int ltd_tensor_concat(ltd_tensor **ret, const ltd_tensor *const *parts, int n, int dim,
                      ltd_err *err)
{
    return make(ret, "concat", err, [&] {
        std::vector<at::Tensor> list;
        for (int i = 0; i < n; i++) list.push_back(use(parts[i]));
        return at::cat(list, dim);
    });
}

int ltd_tensor_rows(ltd_tensor **ret, const ltd_tensor *t, const ltd_tensor *index, ltd_err *err)
{
    return make(ret, "rows", err, [&] { return at::index_select(use(t), 0, use(index)); });
}

int ltd_tensor_to_f64(ltd_tensor **ret, const ltd_tensor *t, ltd_err *err)
{
    return make(ret, "to_f64", err, [&] { return use(t).to(at::kDouble); });
}

int ltd_tensor_argmax(ltd_tensor **ret, const ltd_tensor *t, int dim, ltd_err *err)
{
    return make(ret, "argmax", err, [&] { return at::argmax(use(t), dim); });
}

int ltd_tensor_to_i64(const ltd_tensor *t, int64_t *ret, int64_t n, ltd_err *err)
{
    return guard("to_i64", err, [&] {
        const at::Tensor &x = use(t);
        TORCH_CHECK(x.numel() == n, "tensor has ", x.numel(), " elements, expected ", n);
        at::Tensor plain = x.detach().to(at::kLong).contiguous();
        if (n > 0) memcpy(ret, plain.data_ptr<int64_t>(), (size_t)n * sizeof *ret);
    });
}

} // extern "C"
