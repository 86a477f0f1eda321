/* What the nets are made of. */
#include "models/torch/torch_priv.h"

#include <ATen/ops/gather.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/relu.h>
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

int ltd_tensor_matmul(ltd_tensor **ret, const ltd_tensor *a, const ltd_tensor *b, ltd_err *err)
{
    return make(ret, "matmul", err, [&] { return at::matmul(use(a), use(b)); });
}

int ltd_tensor_softmax(ltd_tensor **ret, const ltd_tensor *x, int dim, ltd_err *err)
{
    return make(ret, "softmax", err, [&] { return at::softmax(use(x), dim); });
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
