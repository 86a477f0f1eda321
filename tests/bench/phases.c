#include "tests/bench/phases.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "tests/bench/measure.h"

static ltd_kernels real;  /* what the watching functions call */
static ltd_kernels table; /* what the model calls */
static int32_t head_out;
static _Atomic size_t bytes;

/* Of the watching thread. */
static _Thread_local bool watching;
static phase current;
static double since, spent[PHASE_COUNT];

const char *phase_name(phase p)
{
    static const char *const names[PHASE_COUNT] = {
        "other", "norm", "quantize", "linear", "rope", "attention", "silu", "head", "sample"};
    return names[p];
}

static void enter(phase next)
{
    if (!watching) return;
    double now = measure_now();
    spent[current] += now - since;
    since = now;
    current = next;
}

static void watch_quantize(const float *x, int32_t row, int32_t begin, int32_t end, ltd_acts *a)
{
    enter(PHASE_QUANTIZE);
    real.quantize(x, row, begin, end, a);
}

static void watch_linear(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                         int32_t tile1, float *y, size_t ldy)
{
    enter(w->out == head_out ? PHASE_HEAD : PHASE_LINEAR);
    real.linear(w, x, m, tile0, tile1, y, ldy);
}

static void count_linear(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                         int32_t tile1, float *y, size_t ldy)
{
    atomic_fetch_add(&bytes, (size_t)(tile1 - tile0) * w->tile_bytes);
    real.linear(w, x, m, tile0, tile1, y, ldy);
}

static void watch_rmsnorm(const float *x, const float *w, float eps, int32_t n, float *ret)
{
    enter(PHASE_NORM);
    real.rmsnorm(x, w, eps, n, ret);
}

static void watch_rope(float *x, int32_t n_heads, int32_t head_dim, const float *cos,
                       const float *sin)
{
    enter(PHASE_ROPE);
    real.rope(x, n_heads, head_dim, cos, sin);
}

static void watch_store_f16(const float *x, int32_t n, uint16_t *ret)
{
    enter(PHASE_ROPE);
    real.store_f16(x, n, ret);
}

static void watch_silu_mul(const float *gate, const float *up, int32_t n, float *ret)
{
    enter(PHASE_SILU);
    real.silu_mul(gate, up, n, ret);
}

static void watch_gelu_mul(const float *gate, const float *up, int32_t n, float *ret)
{
    enter(PHASE_SILU);
    real.gelu_mul(gate, up, n, ret);
}

static void watch_add(float *x, const float *y, int32_t n)
{
    enter(PHASE_SILU);
    real.add(x, y, n);
}

static void watch_attention(const ltd_attn *a)
{
    enter(PHASE_ATTENTION);
    real.attention(a);
}

static int32_t watch_argmax(const float *x, int32_t n, float *value)
{
    enter(PHASE_SAMPLE);
    return real.argmax(x, n, value);
}

static int32_t watch_keep_best(const float *x, const int32_t *id, int32_t n, int32_t have,
                               int32_t k, float *best, int32_t *best_id)
{
    enter(PHASE_SAMPLE);
    return real.keep_best(x, id, n, have, k, best, best_id);
}

static float watch_sum_exp(const float *x, int32_t n, float *largest)
{
    enter(PHASE_SAMPLE);
    return real.sum_exp(x, n, largest);
}

const ltd_kernels *phases_table(const ltd_kernels *k)
{
    real = table = *k;
    return &table;
}

void phases_head(int32_t out)
{
    head_out = out;
}

void phases_watch(void)
{
    table.quantize = watch_quantize;
    table.linear = watch_linear;
    table.rmsnorm = watch_rmsnorm;
    table.rope = watch_rope;
    table.store_f16 = watch_store_f16;
    table.silu_mul = watch_silu_mul;
    table.gelu_mul = watch_gelu_mul;
    table.add = watch_add;
    table.attention = watch_attention;
    table.argmax = watch_argmax;
    table.keep_best = watch_keep_best;
    table.sum_exp = watch_sum_exp;
    memset(spent, 0, sizeof spent);
    current = PHASE_OTHER;
    since = measure_now();
    watching = true;
}

void phases_stop(phases *ret)
{
    enter(PHASE_OTHER);
    watching = false;
    table = real;
    memcpy(ret->ms, spent, sizeof spent);
}

void phases_count(void)
{
    atomic_store(&bytes, 0);
    table.linear = count_linear;
}

size_t phases_counted(void)
{
    table = real;
    return atomic_load(&bytes);
}
