/* Creation, shape, copying out, and element-wise arithmetic. */
#include "models/torch/torch_priv.h"

#include <ATen/ops/add.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/log.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/where.h>

#include <cstring>
#include <stdexcept>

using ltd::guard;
using ltd::make;
using ltd::shape;
using ltd::use;

namespace
{

int view(ltd_tensor **ret, void *data, const int64_t *dims, int n_dims, at::ScalarType type,
         ltd_err *err)
{
    return make(ret, "view", err, [&] {
        if (!data) throw std::invalid_argument("data is NULL");
        at::IntArrayRef s = shape(dims, n_dims);
        for (int64_t d : s)
            if (d < 0) throw std::invalid_argument("an extent is negative");
        return at::from_blob(data, s, at::TensorOptions().dtype(type));
    });
}

int copy(ltd_tensor **ret, const void *data, const int64_t *dims, int n_dims, at::ScalarType type,
         ltd_err *err)
{
    ltd_tensor *borrowed;
    int rc = view(&borrowed, const_cast<void *>(data), dims, n_dims, type, err);
    *ret = nullptr;
    if (rc < 0) return rc;
    rc = make(ret, "copy", err, [&] { return borrowed->t.clone(); });
    ltd_tensor_free(borrowed);
    return rc;
}

} // namespace

extern "C" {

int ltd_tensor_from_f32(ltd_tensor **ret, const float *data, const int64_t *dims, int n_dims,
                        ltd_err *err)
{
    return copy(ret, data, dims, n_dims, at::kFloat, err);
}

int ltd_tensor_from_i64(ltd_tensor **ret, const int64_t *data, const int64_t *dims, int n_dims,
                        ltd_err *err)
{
    return copy(ret, data, dims, n_dims, at::kLong, err);
}

int ltd_tensor_view_f32(ltd_tensor **ret, float *data, const int64_t *dims, int n_dims,
                        ltd_err *err)
{
    return view(ret, data, dims, n_dims, at::kFloat, err);
}

int ltd_tensor_view_i64(ltd_tensor **ret, int64_t *data, const int64_t *dims, int n_dims,
                        ltd_err *err)
{
    return view(ret, data, dims, n_dims, at::kLong, err);
}

int ltd_tensor_view_bool(ltd_tensor **ret, uint8_t *data, const int64_t *dims, int n_dims,
                         ltd_err *err)
{
    return view(ret, data, dims, n_dims, at::kBool, err);
}

int ltd_tensor_to_f32(const ltd_tensor *t, float *ret, int64_t n, ltd_err *err)
{
    return guard("to_f32", err, [&] {
        const at::Tensor &x = use(t);
        TORCH_CHECK(x.numel() == n, "tensor has ", x.numel(), " elements, expected ", n);
        at::Tensor plain = x.detach().to(at::kFloat).contiguous();
        if (n > 0) memcpy(ret, plain.data_ptr<float>(), (size_t)n * sizeof *ret);
    });
}

int ltd_tensor_item(const ltd_tensor *t, double *ret, ltd_err *err)
{
    return guard("item", err, [&] { *ret = use(t).item().toDouble(); });
}

int ltd_tensor_n_dims(const ltd_tensor *t)
{
    return (int)t->t.dim();
}

int64_t ltd_tensor_dim(const ltd_tensor *t, int i)
{
    return i >= 0 && i < t->t.dim() ? t->t.sizes()[(size_t)i] : 1;
}

int64_t ltd_tensor_count(const ltd_tensor *t)
{
    return t->t.numel();
}

int ltd_tensor_reshape(ltd_tensor **ret, const ltd_tensor *t, const int64_t *dims, int n_dims,
                       ltd_err *err)
{
    return make(ret, "reshape", err, [&] { return use(t).reshape(shape(dims, n_dims)); });
}

int ltd_tensor_add(ltd_tensor **ret, const ltd_tensor *a, const ltd_tensor *b, ltd_err *err)
{
    return make(ret, "add", err, [&] { return at::add(use(a), use(b)); });
}

int ltd_tensor_sub(ltd_tensor **ret, const ltd_tensor *a, const ltd_tensor *b, ltd_err *err)
{
    return make(ret, "sub", err, [&] { return at::sub(use(a), use(b)); });
}

int ltd_tensor_mul(ltd_tensor **ret, const ltd_tensor *a, const ltd_tensor *b, ltd_err *err)
{
    return make(ret, "mul", err, [&] { return at::mul(use(a), use(b)); });
}

int ltd_tensor_minimum(ltd_tensor **ret, const ltd_tensor *a, const ltd_tensor *b, ltd_err *err)
{
    return make(ret, "minimum", err, [&] { return at::minimum(use(a), use(b)); });
}

int ltd_tensor_scale(ltd_tensor **ret, const ltd_tensor *a, double factor, ltd_err *err)
{
    return make(ret, "scale", err, [&] { return at::mul(use(a), factor); });
}

int ltd_tensor_exp(ltd_tensor **ret, const ltd_tensor *a, ltd_err *err)
{
    return make(ret, "exp", err, [&] { return at::exp(use(a)); });
}

int ltd_tensor_log(ltd_tensor **ret, const ltd_tensor *a, double least, ltd_err *err)
{
    return make(ret, "log", err, [&] { return at::log(at::clamp_min(use(a), least)); });
}

int ltd_tensor_clamp(ltd_tensor **ret, const ltd_tensor *a, double low, double high, ltd_err *err)
{
    return make(ret, "clamp", err,
                [&] { return at::clamp(use(a), at::Scalar(low), at::Scalar(high)); });
}

int ltd_tensor_where(ltd_tensor **ret, const ltd_tensor *mask, const ltd_tensor *a, double other,
                     ltd_err *err)
{
    return make(ret, "where", err, [&] {
        const at::Tensor &x = use(a);
        return at::where(use(mask), x, at::scalar_tensor(other, x.options()));
    });
}

int ltd_tensor_mean(ltd_tensor **ret, const ltd_tensor *a, ltd_err *err)
{
    return make(ret, "mean", err, [&] { return at::mean(use(a)); });
}

int ltd_tensor_sum(ltd_tensor **ret, const ltd_tensor *a, int dim, ltd_err *err)
{
    return make(ret, "sum", err, [&] { return at::sum(use(a), at::IntArrayRef((int64_t)dim)); });
}

} // extern "C"
