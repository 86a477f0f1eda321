/* Products in bfloat16: our kernels as an operation that libtorch differentiates. */
#include "models/kernels/gemm.h"
#include "models/torch/torch_priv.h"

#include <torch/csrc/autograd/custom_function.h>

#include <ATen/ops/empty.h>

#include <stdexcept>

using ltd::make;
using ltd::use;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace
{

/* Room of this thread for packed factors. */
struct Work {
    ltd_gemm_work work;
    Work()
    {
        ltd_err err = LTD_ERR_INIT;
        if (ltd_gemm_work_init(&work, ltd_gemm_best(), &err) < 0) throw std::bad_alloc();
    }
    ~Work() { ltd_gemm_work_fini(&work); }
};

ltd_gemm_work *work()
{
    static thread_local Work w;
    return &w.work;
}

/* [rows, columns] in memory, read as it lies or transposed. */
ltd_gemm_factor factor(const at::Tensor &t, bool transposed)
{
    return {t.data_ptr<float>(), (size_t)t.size(1), transposed};
}

at::Tensor multiply(const at::Tensor &a, bool turn_a, const at::Tensor &b, bool turn_b)
{
    ltd_gemm_job job = {};
    job.m = (int32_t)a.size(turn_a);
    job.k = (int32_t)a.size(!turn_a);
    job.n = (int32_t)b.size(!turn_b);
    at::Tensor c = at::empty({job.m, job.n}, a.options());
    job.a = factor(a, turn_a);
    job.b = factor(b, turn_b);
    job.c = c.data_ptr<float>();
    job.ldc = (size_t)job.n;
    ltd_gemm(&job, work());
    return c;
}

struct Linear : torch::autograd::Function<Linear> {
    static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &weight)
    {
        ctx->save_for_backward({x, weight});
        return multiply(x, false, weight, true);
    }
    static variable_list backward(AutogradContext *ctx, variable_list grad)
    {
        const variable_list saved = ctx->get_saved_variables();
        at::Tensor dy = grad[0].contiguous(), dx, dw;
        if (ctx->needs_input_grad(0)) dx = multiply(dy, false, saved[1], false);
        if (ctx->needs_input_grad(1)) dw = multiply(dy, true, saved[0], false);
        return {dx, dw};
    }
};

at::Tensor plain(const ltd_tensor *h, const char *what)
{
    const at::Tensor &t = use(h);
    TORCH_CHECK(t.dim() == 2 && t.scalar_type() == at::kFloat, what, " is no f32 matrix");
    return t.contiguous();
}

} // namespace

extern "C" {

int ltd_tensor_linear_bf16(ltd_tensor **ret, const ltd_tensor *x, const ltd_tensor *weight,
                           ltd_err *err)
{
    return make(ret, "linear_bf16", err, [&] {
        at::Tensor a = plain(x, "x"), w = plain(weight, "weight");
        TORCH_CHECK(a.size(1) == w.size(1), "x has ", a.size(1), " columns, weight ", w.size(1));
        return Linear::apply(a, w);
    });
}

} // extern "C"
