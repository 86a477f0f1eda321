#include "tests/support/vectors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/golden.h"

ltd_safetensors *vec_open(const char *golden_name)
{
    char path[1024];
    ltd_err err = LTD_ERR_INIT;
    ltd_safetensors *file = NULL;
    if (!golden_path(path, sizeof path, golden_name)) fail_msg("no golden file %s", golden_name);
    if (ltd_safetensors_open(&file, path, &err) < 0) fail_msg("%s", err.msg);
    return file;
}

bool vec_has(const ltd_safetensors *file, const char *name)
{
    return ltd_safetensors_tensor(file, name) != NULL;
}

static const ltd_tensor_view *find(const ltd_safetensors *file, const char *name, int64_t dims[8])
{
    const ltd_tensor_view *view = ltd_safetensors_tensor(file, name);
    if (!view) fail_msg("%s: has no tensor %s", ltd_safetensors_path(file), name);
    if (dims) memcpy(dims, view->dims, sizeof view->dims);
    return view;
}

static const void *find_as(const ltd_safetensors *file, const char *name, int64_t dims[8],
                           ltd_dtype dtype)
{
    const ltd_tensor_view *view = find(file, name, dims);
    if (view->dtype != dtype)
        fail_msg("%s: %s is of type %s, expected %s", ltd_safetensors_path(file), name,
                 ltd_dtype_name(view->dtype), ltd_dtype_name(dtype));
    if ((uintptr_t)view->data % ltd_dtype_block_bytes(dtype))
        fail_msg("%s: %s is not aligned", ltd_safetensors_path(file), name);
    return view->data;
}

size_t vec_count(const ltd_safetensors *file, const char *name)
{
    return (size_t)ltd_tensor_view_count(find(file, name, NULL));
}

const float *vec_f32(const ltd_safetensors *file, const char *name, int64_t dims[8])
{
    return find_as(file, name, dims, LTD_DTYPE_F32);
}

const int32_t *vec_i32(const ltd_safetensors *file, const char *name, int64_t dims[8])
{
    return find_as(file, name, dims, LTD_DTYPE_I32);
}

const int64_t *vec_i64(const ltd_safetensors *file, const char *name, int64_t dims[8])
{
    return find_as(file, name, dims, LTD_DTYPE_I64);
}

float *vec_widen(const ltd_safetensors *file, const char *name, int64_t dims[8])
{
    ltd_err err = LTD_ERR_INIT;
    const ltd_tensor_view *view = find(file, name, dims);
    int64_t n = ltd_tensor_view_count(view);
    float *ret = calloc(n ? (size_t)n : 1, sizeof *ret);
    assert_non_null(ret);
    if (ltd_dtype_to_f32(ret, view->data, view->dtype, n, &err) < 0) fail_msg("%s", err.msg);
    return ret;
}

/* 0 for values that count as equal, infinity for a NaN or an infinity on one side only. */
static double distance(float a, float b)
{
    if (a == b || (isnan(a) && isnan(b))) return 0;
    double d = fabs((double)a - (double)b);
    return isfinite(d) ? d : (double)INFINITY;
}

double vec_max_diff(const float *got, const float *want, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) worst = fmax(worst, distance(got[i], want[i]));
    return worst;
}

static void first_values(char *ret, size_t size, const float *v, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n && i < 5; i++)
        at += (size_t)snprintf(ret + at, size - at, " %.9g", (double)v[i]);
}

static void check(const char *what, const float *got, const float *want, size_t n, double tol,
                  bool relative)
{
    size_t place = 0;
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double d = distance(got[i], want[i]);
        if (relative && d > 0) d /= fabs((double)want[i]);
        if (!(d > worst)) continue;
        worst = d;
        place = i;
    }
    if (worst <= tol) return;
    char a[128] = "", b[128] = "";
    first_values(a, sizeof a, got, n);
    first_values(b, sizeof b, want, n);
    fail_msg("%s: differs by %g%s at element %zu of %zu (%.9g, expected %.9g; allowed %g); "
             "begins%s, expected%s",
             what, worst, relative ? " relative" : "", place, n, (double)got[place],
             (double)want[place], tol, a, b);
}

void vec_assert_close(const char *what, const float *got, const float *want, size_t n, double tol)
{
    check(what, got, want, n, tol, false);
}

void vec_assert_close_rel(const char *what, const float *got, const float *want, size_t n,
                          double tol)
{
    check(what, got, want, n, tol, true);
}
