/* Handles, scopes and errors.  A scope is an intrusive list, so that dropping one handle early is
 * O(1) and leaving a scope needs no memory.  The count of live handles is what tests hold us to. */
#include "models/torch/torch_priv.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include <atomic>
#include <cstring>
#include <dlfcn.h>
#include <new>
#include <stdexcept>

namespace
{

std::atomic<int64_t> live{0};
thread_local ltd_torch_scope *current = nullptr;

void unlink(ltd_tensor *h)
{
    if (!h->scope) return;
    if (h->prev)
        h->prev->next = h->next;
    else
        h->scope->first = h->next;
    if (h->next) h->next->prev = h->prev;
    h->scope = nullptr;
    h->prev = h->next = nullptr;
}

/* libtorch's messages have several lines; the first one says it. */
int fail_line(ltd_err *err, int code, const char *op, const char *what)
{
    return ltd_fail(err, code, "torch %s: %.*s", op, (int)strcspn(what, "\n"), what);
}

} // namespace

namespace ltd
{

int translate(const char *op, ltd_err *err) noexcept
{
    try {
        throw;
    } catch (const c10::Error &e) {
        const char *what = e.what_without_backtrace();
        /* The CPU allocator says so in a plain Error, not in bad_alloc. */
        int code = strstr(what, "can't allocate memory") ? LTD_ENOMEM : LTD_ETORCH;
        return fail_line(err, code, op, what);
    } catch (const std::bad_alloc &) {
        return fail_line(err, LTD_ENOMEM, op, "out of memory");
    } catch (const std::invalid_argument &e) {
        return fail_line(err, LTD_EINVAL, op, e.what());
    } catch (const std::exception &e) {
        return fail_line(err, LTD_ETORCH, op, e.what());
    } catch (...) {
        return fail_line(err, LTD_ETORCH, op, "unknown exception");
    }
}

ltd_tensor *wrap(at::Tensor t)
{
    ltd_tensor *h = new ltd_tensor{std::move(t), current, nullptr, nullptr};
    if (current) {
        h->next = current->first;
        if (h->next) h->next->prev = h;
        current->first = h;
    }
    live.fetch_add(1, std::memory_order_relaxed);
    return h;
}

const at::Tensor &use(const ltd_tensor *h)
{
    if (!h) throw std::invalid_argument("an operand is NULL");
    return h->t;
}

at::IntArrayRef shape(const int64_t *dims, int n_dims)
{
    if (n_dims < 0 || n_dims > LTD_TENSOR_MAX_DIMS || (n_dims > 0 && !dims))
        throw std::invalid_argument("number of dims is not in [0, 8]");
    return at::IntArrayRef(dims, (size_t)n_dims);
}

} // namespace ltd

extern "C" {

void ltd_torch_scope_init(ltd_torch_scope *scope)
{
    scope->parent = current;
    scope->first = nullptr;
    current = scope;
}

void ltd_torch_scope_fini(ltd_torch_scope *scope)
{
    while (scope->first) ltd_tensor_free(scope->first);
    current = scope->parent;
}

void ltd_tensor_keep(ltd_tensor *t)
{
    if (t) unlink(t);
}

void ltd_tensor_free(ltd_tensor *t)
{
    if (!t) return;
    unlink(t);
    delete t;
    live.fetch_sub(1, std::memory_order_relaxed);
}

int64_t ltd_torch_live(void)
{
    return live.load(std::memory_order_relaxed);
}

int ltd_torch_set_threads(int n, ltd_err *err)
{
    if (n < 1) return ltd_fail(err, LTD_EINVAL, "threads: found %d, expected 1 or more", n);
    return ltd::guard("set_num_threads", err, [&] {
        if (at::get_num_threads() != n) at::set_num_threads(n);
        /* OpenBLAS keeps its own pool, which libtorch does not know of. */
        typedef void (*set_fn)(int);
        set_fn set = (set_fn)dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
        if (set) set(n);
    });
}

} // extern "C"
