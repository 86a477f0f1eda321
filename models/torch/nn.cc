/* What the nets are made of. */
#include "models/torch/torch_priv.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>

using ltd::make;
using ltd::use;

extern "C" {

int ltd_tensor_linear(ltd_tensor **ret, const ltd_tensor *x, const ltd_tensor *weight,
                      const ltd_tensor *bias, ltd_err *err)
{
    return make(ret, "linear", err, [&] {
        c10::optional<at::Tensor> b;
        if (bias) b = bias->t;
        return at::linear(use(x), use(weight), b);
    });
}

int ltd_tensor_tanh(ltd_tensor **ret, const ltd_tensor *x, ltd_err *err)
{
    return make(ret, "tanh", err, [&] { return at::tanh(use(x)); });
}

int ltd_tensor_relu(ltd_tensor **ret, const ltd_tensor *x, ltd_err *err)
{
    return make(ret, "relu", err, [&] { return at::relu(use(x)); });
}

int ltd_tensor_silu(ltd_tensor **ret, const ltd_tensor *x, ltd_err *err)
{
    return make(ret, "silu", err, [&] { return at::silu(use(x)); });
}

int ltd_tensor_matmul(ltd_tensor **ret, const ltd_tensor *a, const ltd_tensor *b, ltd_err *err)
{
    return make(ret, "matmul", err, [&] { return at::matmul(use(a), use(b)); });
}

int ltd_tensor_softmax(ltd_tensor **ret, const ltd_tensor *x, int dim, ltd_err *err)
{
    return make(ret, "softmax", err, [&] { return at::softmax(use(x), dim); });
}

int ltd_tensor_rms_norm(ltd_tensor **ret, const ltd_tensor *x, const ltd_tensor *weight, double eps,
                        ltd_err *err)
{
    return make(ret, "rms_norm", err, [&] {
        const at::Tensor &v = use(x);
        at::Tensor square = at::mean(v * v, at::IntArrayRef((int64_t)-1), true);
        return v * at::rsqrt(square + eps) * use(weight);
    });
}

int ltd_tensor_rope(ltd_tensor **ret, const ltd_tensor *x, const ltd_tensor *cos,
                    const ltd_tensor *sin, ltd_err *err)
{
    return make(ret, "rope", err, [&] {
        const at::Tensor &v = use(x);
        TORCH_CHECK(v.dim() == 3, "x has ", v.dim(), " dims, expected 3");
        int64_t half = v.size(2) / 2;
        at::Tensor a = v.narrow(2, 0, half), b = v.narrow(2, half, half);
        at::Tensor c = use(cos).unsqueeze(1), s = use(sin).unsqueeze(1);
        return at::cat({a * c - b * s, b * c + a * s}, 2);
    });
}

int ltd_tensor_log_softmax(ltd_tensor **ret, const ltd_tensor *x, int dim, ltd_err *err)
{
    return make(ret, "log_softmax", err, [&] { return at::log_softmax(use(x), dim); });
}

int ltd_tensor_gather(ltd_tensor **ret, const ltd_tensor *x, int dim, const ltd_tensor *index,
                      ltd_err *err)
{
    return make(ret, "gather", err, [&] { return at::gather(use(x), dim, use(index)); });
}

} // extern "C"
