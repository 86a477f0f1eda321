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

/* --- attention --- */

enum { SLOTS = 240, HEADS = 3, ROWS = LTD_ATTN_ROWS, MOST_KEYS = SLOTS };

typedef struct problem {
    ltd_attn a;
    float *kf, *vf; /* the values that kernels see, [SLOTS, head_dim] */
    uint16_t *kh, *vh;
    float *q, *out, *scores, *block;
    size_t n_out;
    int32_t tail[ROWS * SLOTS], start[ROWS + 1], first[ROWS];
} problem;

static void round_to_halves(float *x, uint16_t *h, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        h[i] = ltd_f32_to_f16(x[i]);
        x[i] = ltd_f16_to_f32(h[i]);
    }
}

/* Room for every problem of this head_dim. */
static void make_room(problem *p, int32_t head_dim, bool f16, float spread)
{
    size_t hd = (size_t)head_dim, n = SLOTS * hd;
    *p = (problem){.kf = randoms(n, spread),
                   .vf = randoms(n, 1),
                   .kh = ltd_mem_aligned(n, sizeof(uint16_t)),
                   .vh = ltd_mem_aligned(n, sizeof(uint16_t)),
                   .n_out = ROWS * (HEADS * hd + 8)};
    p->q = randoms(p->n_out, spread);
    p->out = ltd_mem_aligned(p->n_out, sizeof(float));
    p->scores = randoms(ROWS * HEADS * (size_t)MOST_KEYS, 1);
    p->block = randoms((LTD_ATTN_BLOCK + ROWS * HEADS) * hd, 1);
    if (!f16) return;
    round_to_halves(p->kf, p->kh, n);
    round_to_halves(p->vf, p->vh, n);
}

/* A random problem: some past, one to four rows with tails of their own, every other time windows.
 */
static void make_problem(problem *p, int32_t head_dim, bool f16, float spread)
{
    make_room(p, head_dim, f16, spread);
    int32_t rows = 1 + below(ROWS), n_past = below(3) ? below(SLOTS / 2) : below(9), longest = 0;
    for (int32_t r = 0; r < rows; r++) {
        int32_t n = 1 + below(below(3) ? 12 : SLOTS / 2 - 1);
        p->start[r + 1] = p->start[r] + n;
        for (int32_t i = p->start[r]; i < p->start[r + 1]; i++)
            p->tail[i] = n_past + below(SLOTS - n_past);
        if (n > longest) longest = n;
        p->first[r] = below(2) ? below(n_past + n) : below(8);
        if (p->first[r] >= n_past + n) p->first[r] = n_past + n - 1;
    }
    size_t wide = (size_t)(HEADS * head_dim) + 8;
    p->a = (ltd_attn){.k = f16 ? (void *)p->kh : (void *)p->kf,
                      .v = f16 ? (void *)p->vh : (void *)p->vf,
                      .f16 = f16,
                      .head_dim = head_dim,
                      .n_past = n_past,
                      .rows = rows,
                      .start = p->start,
                      .tail = p->tail,
                      .first = below(2) ? p->first : NULL,
                      .scale = 1 / sqrtf((float)head_dim),
                      .h0 = 0,
                      .h1 = HEADS,
                      .q = p->q,
                      .out = p->out,
                      .ldq = wide,
                      .ldo = wide,
                      .scores = p->scores,
                      .lds = (size_t)((n_past + longest + 7) & ~7),
                      .block = p->block};
}

static void free_problem(problem *p)
{
    void *owned[] = {p->kf, p->vf, p->kh, p->vh, p->q, p->out, p->scores, p->block};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
}

/* Runs it over an output of noise; the result, owned. */
static float *attend(const problem *p, const ltd_kernels *k, const ltd_attn *a)
{
    float *ret = ltd_mem_aligned(p->n_out, sizeof *ret);
    assert_non_null(ret);
    memset(p->out, 0x7f, p->n_out * sizeof *p->out);
    k->attention(a);
    memcpy(ret, p->out, p->n_out * sizeof *ret);
    return ret;
}

static int32_t keys_of(const problem *p, int32_t r)
{
    return p->a.n_past + p->start[r + 1] - p->start[r];
}

static const float *key_at(const problem *p, const float *base, int32_t r, int32_t j)
{
    int32_t slot = j < p->a.n_past ? j : p->tail[p->start[r] + j - p->a.n_past];
    return base + (size_t)slot * (size_t)p->a.head_dim;
}

/* One head of one row in double precision. */
static void check_head(const problem *p, int32_t r, int32_t h, const float *got)
{
    int32_t n = keys_of(p, r), hd = p->a.head_dim;
    const float *q = p->q + (size_t)r * p->a.ldq + h * hd;
    int32_t first = p->a.first ? p->first[r] : 0;
    double weight[MOST_KEYS], top = -INFINITY, total = 0;
    for (int32_t j = first; j < n; j++) {
        weight[j] = 0;
        for (int32_t d = 0; d < hd; d++)
            weight[j] += (double)q[d] * (double)key_at(p, p->kf, r, j)[d];
        weight[j] *= (double)p->a.scale;
        top = fmax(top, weight[j]);
    }
    for (int32_t j = first; j < n; j++) total += weight[j] = exp(weight[j] - top);
    for (int32_t d = 0; d < hd; d++) {
        double want = 0;
        for (int32_t j = first; j < n; j++)
            want += weight[j] / total * (double)key_at(p, p->vf, r, j)[d];
        if (!(fabs((double)got[d] - want) < 3e-5))
            fail_msg("head_dim %d, row %d, head %d, dim %d: %.8f, expected %.8f", hd, r, h, d,
                     (double)got[d], want);
    }
}

static void attention_agrees_and_is_right(void **state)
{
    (void)state;
    static const int32_t dims[] = {8, 16, 40, 64, 80, 128, 256, 512};
    for (int round = 0; round < 240; round++) {
        problem p;
        make_problem(&p, dims[round % 8], round & 8, 1.5f);
        float *want = attend(&p, plain(), &p.a), *got = attend(&p, fast(), &p.a);
        assert_memory_equal(got, want, p.n_out * sizeof *got);
        for (int32_t r = 0; r < p.a.rows; r++)
            for (int32_t h = 0; h < HEADS; h++)
                check_head(&p, r, h, want + (size_t)r * p.a.ldo + h * p.a.head_dim);
        free(want);
        free(got);
        free_problem(&p);
    }
}

static void a_row_and_a_head_alone_give_the_same_bits(void **state)
{
    (void)state;
    for (int round = 0; round < 80; round++) {
        problem p;
        int32_t hd = round & 2 ? 64 : 80;
        make_problem(&p, hd, round & 1, 1.5f);
        float *want = attend(&p, fast(), &p.a);
        for (int32_t r = 0; r < p.a.rows; r++) {
            for (int32_t h = 0; h < HEADS; h++) {
                ltd_attn one = p.a;
                one.rows = 1;
                one.start += r;
                if (one.first) one.first += r;
                one.q += (size_t)r * one.ldq;
                one.out += (size_t)r * one.ldo;
                one.h0 = h;
                one.h1 = h + 1;
                one.lds = (size_t)((keys_of(&p, r) + 7) & ~7);
                free(attend(&p, fast(), &one));
                size_t at = (size_t)r * one.ldo + (size_t)(h * hd);
                assert_memory_equal(want + at, p.out + at, (size_t)hd * sizeof *want);
            }
        }
        free(want);
        free_problem(&p);
    }
}

/* The order of keys counts, not the place where they lie: past slots read through the tail. */
static void keys_give_the_same_bits_wherever_they_lie(void **state)
{
    (void)state;
    for (int round = 0; round < 80; round++) {
        problem p;
        int32_t all[ROWS * SLOTS], start[ROWS + 1] = {0};
        make_problem(&p, 64, round & 1, 1.5f);
        float *want = attend(&p, fast(), &p.a);
        ltd_attn moved = p.a;
        moved.n_past = below(p.a.n_past + 1);
        for (int32_t r = 0; r < p.a.rows; r++) {
            start[r + 1] = start[r];
            for (int32_t j = moved.n_past; j < keys_of(&p, r); j++)
                all[start[r + 1]++] = (int32_t)((key_at(&p, p.kf, r, j) - p.kf) / 64);
        }
        moved.tail = all;
        moved.start = start;
        float *got = attend(&p, fast(), &moved);
        assert_memory_equal(got, want, p.n_out * sizeof *got);
        free(want);
        free(got);
        free_problem(&p);
    }
}

/* With a window of whole groups of eight: what is before it might as well not be there. */
static void a_window_gives_the_bits_of_a_text_that_begins_there(void **state)
{
    (void)state;
    for (int round = 0; round < 80; round++) {
        problem p;
        make_problem(&p, 64, round & 1, 1.5f);
        int32_t cut = below(p.a.n_past + 1) / 8 * 8;
        for (int32_t r = 0; r < p.a.rows; r++) p.first[r] = cut;
        p.a.first = p.first;
        float *want = attend(&p, fast(), &p.a);
        ltd_attn rest = p.a;
        size_t skip = (size_t)cut * 64 * (p.a.f16 ? 2 : 4);
        rest.k = (const char *)rest.k + skip;
        rest.v = (const char *)rest.v + skip;
        rest.n_past -= cut;
        rest.first = NULL;
        for (int32_t i = 0; i < p.start[p.a.rows]; i++) p.tail[i] -= cut;
        float *got = attend(&p, fast(), &rest);
        assert_memory_equal(got, want, p.n_out * sizeof *got);
        free(want);
        free(got);
        free_problem(&p);
    }
}

/* A key that is no number spoils the rows that see it and no others. */
static void what_a_row_does_not_see_never_reaches_it(void **state)
{
    (void)state;
    for (int round = 0; round < 80; round++) {
        problem p;
        make_problem(&p, 64, false, 1.5f);
        int32_t bad = p.a.n_past ? below(p.a.n_past) : -1;
        p.a.first = p.first;
        p.first[0] = 0;
        float *want = attend(&p, fast(), &p.a);
        for (int32_t d = 0; bad >= 0 && d < 64; d++) p.kf[bad * 64 + d] = p.vf[bad * 64 + d] = NAN;
        float *got = attend(&p, fast(), &p.a);
        for (int32_t r = 0; r < p.a.rows; r++) {
            size_t at = (size_t)r * p.a.ldo;
            if (p.first[r] > bad)
                assert_memory_equal(got + at, want + at, HEADS * 64 * sizeof *got);
            else
                assert_true(isnan(got[at]));
        }
        free(want);
        free(got);
        free_problem(&p);
    }
}

static void far_apart_scores_neither_overflow_nor_vanish(void **state)
{
    (void)state;
    problem p;
    make_problem(&p, 64, false, 60);
    float *want = attend(&p, plain(), &p.a), *got = attend(&p, fast(), &p.a);
    assert_memory_equal(got, want, p.n_out * sizeof *got);
    for (int32_t r = 0; r < p.a.rows; r++)
        for (int32_t i = 0; i < HEADS * 64; i++)
            assert_true(fabsf(want[(size_t)r * p.a.ldo + (size_t)i]) < 10);
    free(want);
    free(got);
    free_problem(&p);
}

/* --- argmax and top_k --- */

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
        cmocka_unit_test(a_row_and_a_head_alone_give_the_same_bits),
        cmocka_unit_test(keys_give_the_same_bits_wherever_they_lie),
        cmocka_unit_test(a_window_gives_the_bits_of_a_text_that_begins_there),
        cmocka_unit_test(what_a_row_does_not_see_never_reaches_it),
        cmocka_unit_test(far_apart_scores_neither_overflow_nor_vanish),
        cmocka_unit_test(argmax_takes_the_first_of_the_largest),
        cmocka_unit_test(top_k_orders_by_value_then_index_and_gives_ln_p),
        cmocka_unit_test(lanes_past_the_vocabulary_have_no_probability),
        cmocka_unit_test(the_environment_chooses_an_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
