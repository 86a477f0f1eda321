/* What a decoder layer is made of, each as one operation: libtorch would make five to ten of it,
 * and read and write memory for each.  Forward and backward over rows, one after the other. */
#include "models/torch/torch_priv.h"

#include <torch/csrc/autograd/custom_function.h>

#include <ATen/ops/empty_like.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <stdexcept>

using ltd::make;
using ltd::use;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace
{

/* Sums of this many floats stand side by side, so that they fit vector registers. */
constexpr int64_t LANES = 16;

template <class T> T dot(const T *a, const T *b, int64_t n)
{
    T part[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int64_t k = 0; k < LANES; k++) part[k] += a[i + k] * b[i + k];
    for (; i < n; i++) sum += a[i] * b[i];
    for (int64_t k = 0; k < LANES; k++) sum += part[k];
    return sum;
}

/* f(T *) for the type of the elements. */
template <class F> void by_type(const at::Tensor &t, F &&f)
{
    if (t.scalar_type() == at::kDouble)
        f((double *)nullptr);
    else
        f((float *)nullptr);
}

/* --- x / sqrt(mean x^2 + eps) * weight --- */

struct RmsNorm : torch::autograd::Function<RmsNorm> {
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &weight,
                              double eps)
    {
        at::Tensor y = at::empty_like(x);
        int64_t n = x.size(-1), rows = n ? x.numel() / n : 0;
        at::Tensor scale = at::zeros({rows}, x.options());
        by_type(x, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            const T *a = x.data_ptr<T>(), *w = weight.data_ptr<T>();
            T *b = y.data_ptr<T>(), *s = scale.data_ptr<T>();
            for (int64_t r = 0; r < rows; r++, a += n, b += n) {
                T by = s[r] = 1 / std::sqrt(dot(a, a, n) / (T)n + (T)eps);
                for (int64_t i = 0; i < n; i++) b[i] = a[i] * by * w[i];
            }
        });
        ctx->save_for_backward({x, weight, scale});
        return y;
    }
    static variable_list backward(AutogradContext *ctx, variable_list grad)
    {
        const variable_list saved = ctx->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1], &scale = saved[2];
        at::Tensor dy = grad[0].contiguous(), dx = at::empty_like(x);
        at::Tensor dw = at::zeros(weight.sizes(), weight.options());
        int64_t n = x.size(-1), rows = n ? x.numel() / n : 0;
        by_type(x, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            const T *a = x.data_ptr<T>(), *w = weight.data_ptr<T>(), *g = dy.data_ptr<T>();
            const T *s = scale.data_ptr<T>();
            T *b = dx.data_ptr<T>(), *v = dw.data_ptr<T>();
            for (int64_t r = 0; r < rows; r++, a += n, b += n, g += n) {
                for (int64_t i = 0; i < n; i++) {
                    v[i] += g[i] * a[i] * s[r];
                    b[i] = g[i] * w[i];
                }
                T along = dot(b, a, n) * s[r] * s[r] / (T)n;
                for (int64_t i = 0; i < n; i++) b[i] = s[r] * (b[i] - a[i] * along);
            }
        });
        return {dx, dw, at::Tensor()};
    }
};

/* --- silu(gate) * up, of [rows, gate and up] --- */

struct SiluMul : torch::autograd::Function<SiluMul> {
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x)
    {
        int64_t rows = x.size(0), n = x.size(1) / 2;
        at::Tensor gate = x.narrow(1, 0, n), s = at::sigmoid(gate);
        at::Tensor y = at::empty_like(s);
        by_type(x, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            const T *a = x.data_ptr<T>(), *g = s.data_ptr<T>();
            T *b = y.data_ptr<T>();
            for (int64_t r = 0; r < rows; r++, a += 2 * n, b += n, g += n)
                for (int64_t i = 0; i < n; i++) b[i] = a[i] * g[i] * a[n + i];
        });
        ctx->save_for_backward({x, s});
        return y;
    }
    static variable_list backward(AutogradContext *ctx, variable_list grad)
    {
        const variable_list saved = ctx->get_saved_variables();
        at::Tensor dy = grad[0].contiguous(), dx = at::empty_like(saved[0]);
        int64_t rows = dx.size(0), n = dx.size(1) / 2;
        by_type(dx, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            const T *a = saved[0].data_ptr<T>(), *s = saved[1].data_ptr<T>();
            const T *g = dy.data_ptr<T>();
            T *b = dx.data_ptr<T>();
            for (int64_t r = 0; r < rows; r++, a += 2 * n, b += 2 * n, g += n, s += n)
                for (int64_t i = 0; i < n; i++) {
                    T silu = a[i] * s[i];
                    b[i] = g[i] * a[n + i] * (s[i] + silu * (1 - s[i]));
                    b[n + i] = g[i] * silu;
                }
        });
        return {dx};
    }
};

/* --- rotary embedding of [rows, heads, d] --- */

/* By the angles, or, sign -1, by their opposites. */
template <class T>
void turn(const T *x, T *y, const T *cos, const T *sin, int64_t heads, int64_t half, T sign)
{
    for (int64_t h = 0; h < heads; h++, x += 2 * half, y += 2 * half)
        for (int64_t i = 0; i < half; i++) {
            T a = x[i], b = x[half + i], s = sign * sin[i];
            y[i] = a * cos[i] - b * s;
            y[half + i] = b * cos[i] + a * s;
        }
}

at::Tensor turn_all(const at::Tensor &x, const at::Tensor &cos, const at::Tensor &sin, int sign)
{
    at::Tensor y = at::empty_like(x);
    int64_t rows = x.size(0), heads = x.size(1), half = x.size(2) / 2;
    by_type(x, [&](auto *type) {
        using T = std::remove_pointer_t<decltype(type)>;
        int64_t n = heads * 2 * half;
        for (int64_t r = 0; r < rows; r++)
            turn(x.data_ptr<T>() + r * n, y.data_ptr<T>() + r * n, cos.data_ptr<T>() + r * half,
                 sin.data_ptr<T>() + r * half, heads, half, (T)sign);
    });
    return y;
}

struct Rope : torch::autograd::Function<Rope> {
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &cos,
                              const at::Tensor &sin)
    {
        ctx->save_for_backward({cos, sin});
        return turn_all(x, cos, sin, 1);
    }
    static variable_list backward(AutogradContext *ctx, variable_list grad)
    {
        const variable_list saved = ctx->get_saved_variables();
        return {turn_all(grad[0].contiguous(), saved[0], saved[1], -1), at::Tensor(), at::Tensor()};
    }
};

/* --- cross entropy to the rows of p that are named --- */

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &z, const at::Tensor &p,
                              const at::Tensor &index)
    {
        at::Tensor lnq = at::log_softmax(z, 1), sum = at::zeros({}, z.options());
        int64_t rows = z.size(0), n = z.size(1);
        const int64_t *at = index.data_ptr<int64_t>();
        by_type(z, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            double all = 0;
            for (int64_t r = 0; r < rows; r++)
                all -= (double)dot(lnq.data_ptr<T>() + r * n, p.data_ptr<T>() + at[r] * n, n);
            *sum.data_ptr<T>() = (T)all;
        });
        ctx->save_for_backward({lnq, p, index});
        return sum;
    }
    static variable_list backward(AutogradContext *ctx, variable_list grad)
    {
        const variable_list saved = ctx->get_saved_variables();
        at::Tensor dz = at::exp(saved[0]);
        int64_t rows = dz.size(0), n = dz.size(1);
        const int64_t *at = saved[2].data_ptr<int64_t>();
        by_type(dz, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            T by = *grad[0].data_ptr<T>();
            for (int64_t r = 0; r < rows; r++) {
                T *d = dz.data_ptr<T>() + r * n;
                const T *q = saved[1].data_ptr<T>() + at[r] * n;
                for (int64_t i = 0; i < n; i++) d[i] = (d[i] - q[i]) * by;
            }
        });
        return {dz, at::Tensor(), at::Tensor()};
    }
};

} // namespace

extern "C" {

int ltd_tensor_rms_norm(ltd_tensor **ret, const ltd_tensor *x, const ltd_tensor *weight, double eps,
                        ltd_err *err)
{
    return make(ret, "rms_norm", err, [&] {
        at::Tensor a = use(x).contiguous(), w = use(weight).contiguous();
        TORCH_CHECK(w.dim() == 1 && a.dim() > 0 && a.size(-1) == w.size(0) &&
                        a.scalar_type() == w.scalar_type(),
                    "weight has ", w.numel(), " elements, a row of x ", a.size(-1));
        return RmsNorm::apply(a, w, eps);
    });
}

int ltd_tensor_silu_mul(ltd_tensor **ret, const ltd_tensor *x, ltd_err *err)
{
    return make(ret, "silu_mul", err, [&] {
        at::Tensor a = use(x).contiguous();
        TORCH_CHECK(a.dim() == 2 && a.size(1) % 2 == 0, "x is no matrix of gates and ups");
        return SiluMul::apply(a);
    });
}

int ltd_tensor_rope(ltd_tensor **ret, const ltd_tensor *x, const ltd_tensor *cos,
                    const ltd_tensor *sin, ltd_err *err)
{
    return make(ret, "rope", err, [&] {
        at::Tensor a = use(x).contiguous(), c = use(cos).contiguous(), s = use(sin).contiguous();
        TORCH_CHECK(a.dim() == 3, "x has ", a.dim(), " dims, expected 3");
        TORCH_CHECK(c.sizes() == s.sizes() && c.dim() == 2 && c.size(0) == a.size(0) &&
                        2 * c.size(1) == a.size(2) && c.scalar_type() == a.scalar_type(),
                    "cos and sin don't fit x");
        return Rope::apply(a, c, s);
    });
}

int ltd_tensor_cross_entropy(ltd_tensor **ret, const ltd_tensor *z, const ltd_tensor *p,
                             const ltd_tensor *index, ltd_err *err)
{
    return make(ret, "cross_entropy", err, [&] {
        at::Tensor a = use(z).contiguous(), q = use(p).contiguous(), at = use(index).contiguous();
        TORCH_CHECK(a.dim() == 2 && q.dim() == 2 && a.size(1) == q.size(1) && at.dim() == 1 &&
                        at.size(0) == a.size(0) && at.scalar_type() == at::kLong,
                    "z, p and index don't fit each other");
        for (int64_t i = 0; i < at.size(0); i++)
            if (at.data_ptr<int64_t>()[i] < 0 || at.data_ptr<int64_t>()[i] >= q.size(0))
                throw std::invalid_argument("index is out of range");
        return CrossEntropy::apply(a, q, at);
    });
}

} // extern "C"
