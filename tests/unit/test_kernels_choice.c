/* Attention, and choosing among logits: instruction sets against each other (bit for bit) and
 * against double precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "models/kernels/kernels.h"

static ltd_rng rng;

static const ltd_kernels *plain(void)
{
    return ltd_kernels_get(LTD_ISA_PLAIN);
}

/* The fastest instruction set; plain C again where this machine has no other. */
static const ltd_kernels *fast(void)
{
    const ltd_kernels *k = NULL;
    for (int i = LTD_ISA_COUNT - 1; !k; i--) k = ltd_kernels_get((ltd_isa)i);
    return k;
}

static float *randoms(size_t n, float spread)
{
    float *x = ltd_mem_aligned(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = spread * ltd_rng_normal(&rng);
    return x;
}

static int32_t below(int32_t n)
{
    return (int32_t)ltd_rng_below(&rng, (uint64_t)n);
}

/* --- attention ----------------------------------------------------------------------------------
 */

enum { SLOTS = 96, HEADS = 3 };

typedef struct problem {
    ltd_attn a;
    float *kf, *vf; /* the values that kernels see, [SLOTS, head_dim] */
    uint16_t *kh, *vh;
    float *q, *out, *scores;
    int32_t tail[SLOTS];
} problem;

static void round_to_halves(float *x, uint16_t *h, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        h[i] = ltd_f32_to_f16(x[i]);
        x[i] = ltd_f16_to_f32(h[i]);
    }
}

static void make_problem(problem *p, int32_t head_dim, bool f16, float spread)
{
    size_t n = (size_t)SLOTS * (size_t)head_dim, heads = (size_t)HEADS * (size_t)head_dim;
    *p = (problem){.kf = randoms(n, spread),
                   .vf = randoms(n, 1),
                   .kh = ltd_mem_aligned(n, 2),
                   .vh = ltd_mem_aligned(n, 2),
                   .q = randoms(heads, spread),
                   .out = randoms(heads, 1),
                   .scores = randoms(SLOTS + 16, 1)};
    if (f16) {
        round_to_halves(p->kf, p->kh, n);
        round_to_halves(p->vf, p->vh, n);
    }
    int32_t n_past = below(SLOTS / 2), n_tail = 1 + below(SLOTS / 2 - 1);
    for (int32_t i = 0; i < n_tail; i++) p->tail[i] = n_past + below(SLOTS - n_past);
    p->a = (ltd_attn){.k = f16 ? (void *)p->kh : (void *)p->kf,
                      .v = f16 ? (void *)p->vh : (void *)p->vf,
                      .f16 = f16,
                      .head_dim = head_dim,
                      .n_past = n_past,
                      .tail = p->tail,
                      .n_tail = n_tail,
                      .scale = 1 / sqrtf((float)head_dim),
                      .h0 = 0,
                      .h1 = HEADS,
                      .q = p->q,
                      .out = p->out,
                      .scores = p->scores};
}

static void free_problem(problem *p)
{
    void *owned[] = {p->kf, p->vf, p->kh, p->vh, p->q, p->out, p->scores};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
}

static int32_t slot_of(const problem *p, int32_t j)
{
    return j < p->a.n_past ? j : p->tail[j - p->a.n_past];
}

static void check_attention(const problem *p)
{
    int32_t n = p->a.n_past + p->a.n_tail, hd = p->a.head_dim;
    double weight[SLOTS], out;
    for (int32_t h = 0; h < HEADS; h++) {
        double top = -INFINITY, total = 0;
        for (int32_t j = 0; j < n; j++) {
            weight[j] = 0;
            for (int32_t d = 0; d < hd; d++)
                weight[j] += (double)p->q[h * hd + d] * (double)p->kf[slot_of(p, j) * hd + d];
            weight[j] *= (double)p->a.scale;
            top = fmax(top, weight[j]);
        }
        for (int32_t j = 0; j < n; j++) total += weight[j] = exp(weight[j] - top);
        for (int32_t d = 0; d < hd; d++) {
            out = 0;
            for (int32_t j = 0; j < n; j++)
                out += weight[j] / total * (double)p->vf[slot_of(p, j) * hd + d];
            if (!(fabs((double)p->out[h * hd + d] - out) < 3e-5))
                fail_msg("head_dim %d, head %d, dim %d: %.8f, expected %.8f", hd, h, d,
                         (double)p->out[h * hd + d], out);
        }
    }
}

static void attention_agrees_and_is_right(void **state)
{
    (void)state;
    static const int32_t dims[] = {8, 16, 40, 64, 80, 128, 256, 512};
    for (int round = 0; round < 160; round++) {
        problem p;
        int32_t hd = dims[round % 8];
        make_problem(&p, hd, round & 8, 1.5f);
        size_t bytes = (size_t)(HEADS * hd) * sizeof(float);
        plain()->attention(&p.a);
        check_attention(&p);
        float *first = ltd_mem_aligned((size_t)(HEADS * hd), sizeof *first);
        memcpy(first, p.out, bytes);
        memset(p.out, 0xff, bytes);
        fast()->attention(&p.a);
        assert_memory_equal(first, p.out, bytes);
        memset(p.out, 0xff, bytes); /* head by head */
        for (int32_t h = 0; h < HEADS; h++) {
            ltd_attn one = p.a;
            one.h0 = h;
            one.h1 = h + 1;
            fast()->attention(&one);
        }
        assert_memory_equal(first, p.out, bytes);
        free(first);
        free_problem(&p);
    }
}

/* The order of keys counts, not the place where they lie: past slots read through the tail. */
static void keys_give_the_same_bits_wherever_they_lie(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        problem p;
        float want[HEADS * 64];
        make_problem(&p, 64, round & 1, 1.5f);
        fast()->attention(&p.a);
        memcpy(want, p.out, sizeof want);
        int32_t all[2 * SLOTS], n = p.a.n_past + p.a.n_tail;
        for (int32_t j = 0; j < n; j++) all[j] = slot_of(&p, j);
        p.a.n_past = below(p.a.n_past + 1);
        p.a.tail = all + p.a.n_past;
        p.a.n_tail = n - p.a.n_past;
        fast()->attention(&p.a);
        assert_memory_equal(want, p.out, sizeof want);
        free_problem(&p);
    }
}

static void far_apart_scores_neither_overflow_nor_vanish(void **state)
{
    (void)state;
    problem p;
    float want[HEADS * 64];
    make_problem(&p, 64, false, 60);
    plain()->attention(&p.a);
    memcpy(want, p.out, sizeof want);
    fast()->attention(&p.a);
    assert_memory_equal(want, p.out, sizeof want);
    for (int i = 0; i < HEADS * 64; i++) assert_true(fabsf(want[i]) < 10);
    free_problem(&p);
}

/* --- argmax and top_k
 * ----------------------------------------------------------------------------- */

static float *tied_logits(int32_t n)
{
    float *x = randoms((size_t)n, 3);
    for (int32_t i = 0; i < n; i++)
        if (below(3)) x[i] = (float)(below(9) - 4);
    return x;
}

static void argmax_takes_the_first_of_the_largest(void **state)
{
    (void)state;
    for (int round = 0; round < 400; round++) {
        int32_t n = 8 * (1 + below(80));
        float *x = tied_logits(n), a, b;
        int32_t best = 0;
        for (int32_t i = 1; i < n; i++)
            if (x[i] > x[best]) best = i;
        assert_int_equal(plain()->argmax(x, n, &a), best);
        assert_int_equal(fast()->argmax(x, n, &b), best);
        assert_true(a == x[best] && b == x[best]);
        free(x);
    }
}

static void check_top(const float *x, int32_t n, int32_t k, const int32_t *index, const float *logp)
{
    double total = 0, top = -INFINITY;
    bool taken[1024] = {false};
    for (int32_t i = 0; i < n; i++) top = fmax(top, (double)x[i]);
    for (int32_t i = 0; i < n; i++) total += exp((double)x[i] - top);
    for (int32_t j = 0; j < k; j++) {
        int32_t best = -1;
        for (int32_t i = 0; i < n; i++)
            if (!taken[i] && (best < 0 || x[i] > x[best])) best = i;
        taken[best] = true;
        assert_int_equal(index[j], best);
        double want = (double)x[best] - top - log(total);
        if (!(fabs((double)logp[j] - want) < 4e-6 * (1 + fabs(want))))
            fail_msg("ln p of place %d: %.8f, expected %.8f", j, (double)logp[j], want);
    }
}

static void top_k_orders_by_value_then_index_and_gives_ln_p(void **state)
{
    (void)state;
    for (int round = 0; round < 400; round++) {
        int32_t n = 8 * (1 + below(128)), k = 1 + below(n < 32 ? n : 32);
        if (round % 10 == 0) k = n < 32 ? n : 32;
        int32_t a[32], b[32];
        float *x = tied_logits(n), p[32], q[32];
        plain()->top_k(x, n, k, a, p);
        fast()->top_k(x, n, k, b, q);
        assert_memory_equal(a, b, (size_t)k * sizeof *a);
        assert_memory_equal(p, q, (size_t)k * sizeof *p);
        check_top(x, n, k, a, p);
        free(x);
    }
}

/* What a head pads its last tile with. */
static void lanes_past_the_vocabulary_have_no_probability(void **state)
{
    (void)state;
    int32_t index[8];
    float x[16], logp[8], wide[8];
    for (int i = 0; i < 16; i++) x[i] = i < 9 ? ltd_rng_normal(&rng) : -3.0e38f;
    fast()->top_k(x, 16, 8, index, logp);
    double total = 0;
    for (int i = 0; i < 9; i++) total += exp((double)x[i]);
    for (int i = 0; i < 8; i++) {
        assert_in_range(index[i], 0, 8);
        wide[i] = (float)((double)x[index[i]] - log(total));
        assert_true(fabsf(wide[i] - logp[i]) < 1e-6f * (1 + fabsf(wide[i])));
    }
}

static void the_environment_chooses_an_instruction_set(void **state)
{
    (void)state;
    const char *had = getenv("LTD_ISA");
    char keep[32];
    snprintf(keep, sizeof keep, "%s", had ? had : "");
    assert_int_equal(setenv("LTD_ISA", "plain", 1), 0);
    assert_string_equal(ltd_kernels_best()->name, "plain");
    assert_int_equal(setenv("LTD_ISA", "abacus", 1), 0);
    assert_string_equal(ltd_kernels_best()->name, "plain");
    assert_int_equal(unsetenv("LTD_ISA"), 0);
    for (int i = 0; i < LTD_ISA_COUNT; i++) {
        const ltd_kernels *k = ltd_kernels_get((ltd_isa)i);
        if (k) assert_string_equal(k->name, ltd_isa_name((ltd_isa)i));
    }
    assert_null(ltd_kernels_get(LTD_ISA_COUNT));
    if (had) assert_int_equal(setenv("LTD_ISA", keep, 1), 0);
}

int main(void)
{
    ltd_rng_seed(&rng, 9, LTD_STREAM_TEST);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_agrees_and_is_right),
        cmocka_unit_test(keys_give_the_same_bits_wherever_they_lie),
        cmocka_unit_test(far_apart_scores_neither_overflow_nor_vanish),
        cmocka_unit_test(argmax_takes_the_first_of_the_largest),
        cmocka_unit_test(top_k_orders_by_value_then_index_and_gives_ln_p),
        cmocka_unit_test(lanes_past_the_vocabulary_have_no_probability),
        cmocka_unit_test(the_environment_chooses_an_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
