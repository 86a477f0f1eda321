/* Attention: instruction sets against each other (bit for bit) and against double precision, and
 * that a row's result depends on nothing but the keys that it sees, in their order. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/isa.h"

enum { SLOTS = 240, ROWS = LTD_ATTN_ROWS, MOST_KEYS = SLOTS };

typedef struct problem {
    ltd_attn a;
    float *kf, *vf; /* the values that kernels see, [SLOTS, head_dim] */
    void *k, *v;    /* the same as they read them */
    float *q, *out, *scores, *work;
    size_t n_out;
    int32_t heads, tail[ROWS * SLOTS], start[ROWS + 1], first[ROWS];
} problem;

static void put(const problem *p, void *to, size_t at, float x)
{
    if (p->a.f16)
        ((uint16_t *)to)[at] = ltd_f32_to_f16(x);
    else
        ((float *)to)[at] = x;
}

/* kf and vf, in the layout of kernels. */
static void lay_out(problem *p)
{
    size_t hd = (size_t)p->a.head_dim, wide = (hd + 15) / 16 * 16;
    for (size_t slot = 0; slot < SLOTS; slot++)
        for (size_t d = 0; d < hd; d++) {
            float *k = p->kf + slot * hd + d, *v = p->vf + slot * hd + d;
            if (p->a.f16) {
                *k = ltd_f16_to_f32(ltd_f32_to_f16(*k));
                *v = ltd_f16_to_f32(ltd_f32_to_f16(*v));
            }
            put(p, p->k, (slot / 16 * hd + d) * 16 + slot % 16, *k);
            put(p, p->v, slot * wide + d, *v);
        }
}

static int32_t keys_of(const problem *p, int32_t r)
{
    return p->a.n_past + p->start[r + 1] - p->start[r];
}

static int32_t slot_of(const problem *p, int32_t r, int32_t j)
{
    return j < p->a.n_past ? j : p->tail[p->start[r] + j - p->a.n_past];
}

static int32_t first_of(const problem *p, int32_t r)
{
    return p->a.first ? p->a.first[r] : 0;
}

/* Tails of some kind: a chain behind the past, a path of a tree, or anything. */
static void make_tails(problem *p, int32_t rows)
{
    int32_t n_past = p->a.n_past, kind = below(3);
    for (int32_t r = 0; r < rows; r++) {
        int32_t n = 1 + below(below(3) ? 12 : SLOTS / 4 - 1), slot = n_past;
        p->start[r + 1] = p->start[r] + n;
        for (int32_t i = p->start[r]; i < p->start[r + 1]; i++) {
            p->tail[i] = kind == 2 ? n_past + below(SLOTS - n_past) : slot;
            slot += kind == 0 ? 1 : 1 + below(2);
        }
        p->first[r] = below(2) ? below(n_past + n) : below(8);
        if (p->first[r] >= n_past + n) p->first[r] = n_past + n - 1;
    }
}

/* What no row sees is no number, and must not matter. */
static void spoil_unseen(problem *p)
{
    bool seen[SLOTS] = {false};
    for (int32_t r = 0; r < p->a.rows; r++)
        for (int32_t j = first_of(p, r); j < keys_of(p, r); j++) seen[slot_of(p, r, j)] = true;
    for (int32_t i = 0; i < SLOTS * p->a.head_dim; i++)
        if (!seen[i / p->a.head_dim]) p->kf[i] = p->vf[i] = NAN;
}

/* For tests that let rows see more. */
static void mend_unseen(problem *p)
{
    for (int32_t i = 0; i < SLOTS * p->a.head_dim; i++)
        if (isnan(p->kf[i])) p->kf[i] = p->vf[i] = 0;
    lay_out(p);
}

/* A random problem: some past, some rows and heads, every other time windows. */
static void make_problem(problem *p, int32_t head_dim, bool f16, float spread)
{
    static const int32_t heads[] = {1, 2, 3, 3, 3, 4, 5, 7, 8, 16, 33, 64};
    *p = (problem){.heads = heads[below(12)]};
    int32_t most = LTD_ATTN_GROUP / p->heads, rows = 1 + below(most < ROWS ? most : ROWS);
    size_t hd = (size_t)head_dim, n = SLOTS * hd, room = SLOTS * ((hd + 15) / 16 * 16);
    size_t wide = (size_t)p->heads * hd + 8, queries = (size_t)(p->heads * rows);
    p->n_out = (size_t)rows * wide;
    p->kf = randoms(n, spread);
    p->vf = randoms(n, 1);
    p->k = ltd_mem_aligned(room, sizeof(float));
    p->v = ltd_mem_aligned(room, sizeof(float));
    p->q = randoms(p->n_out, spread);
    p->out = ltd_mem_aligned(p->n_out, sizeof(float));
    p->scores = randoms(queries * (size_t)MOST_KEYS, 1);
    p->work = randoms(queries * ((hd + 15) / 16 * 16), 1);
    assert_true(p->k && p->v && p->out);
    p->a = (ltd_attn){.k = p->k,
                      .v = p->v,
                      .f16 = f16,
                      .head_dim = head_dim,
                      .n_past = below(3) ? below(SLOTS / 2) : below(9),
                      .rows = rows,
                      .start = p->start,
                      .tail = p->tail,
                      .first = below(2) ? p->first : NULL,
                      .scale = 1 / sqrtf((float)head_dim),
                      .h0 = 0,
                      .h1 = p->heads,
                      .q = p->q,
                      .out = p->out,
                      .ldq = wide,
                      .ldo = wide,
                      .scores = p->scores,
                      .work = p->work};
    make_tails(p, rows);
    for (int32_t r = 0; r < rows; r++)
        if ((size_t)keys_of(p, r) > p->a.lds) p->a.lds = (size_t)((keys_of(p, r) + 15) & ~15);
    spoil_unseen(p);
    lay_out(p);
}

static void free_problem(problem *p)
{
    void *owned[] = {p->kf, p->vf, p->k, p->v, p->q, p->out, p->scores, p->work};
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

/* One head of one row in double precision. */
static void check_head(const problem *p, int32_t r, int32_t h, const float *got)
{
    int32_t n = keys_of(p, r), hd = p->a.head_dim, first = first_of(p, r);
    const float *q = p->q + (size_t)r * p->a.ldq + h * hd;
    double weight[MOST_KEYS], top = -INFINITY, total = 0;
    for (int32_t j = first; j < n; j++) {
        weight[j] = 0;
        for (int32_t d = 0; d < hd; d++)
            weight[j] += (double)q[d] * (double)p->kf[slot_of(p, r, j) * hd + d];
        weight[j] *= (double)p->a.scale;
        top = fmax(top, weight[j]);
    }
    for (int32_t j = first; j < n; j++) total += weight[j] = exp(weight[j] - top);
    for (int32_t d = 0; d < hd; d++) {
        double want = 0;
        for (int32_t j = first; j < n; j++)
            want += weight[j] / total * (double)p->vf[slot_of(p, r, j) * hd + d];
        if (!(fabs((double)got[d] - want) < 3e-5))
            fail_msg("head_dim %d, row %d, head %d, dim %d: %.8f, expected %.8f", hd, r, h, d,
                     (double)got[d], want);
    }
}

static void instruction_sets_agree_and_are_right(void **state)
{
    (void)state;
    static const int32_t dims[] = {8, 16, 24, 40, 64, 80, 128, 256, 512, 64};
    for (int round = 0; round < 400; round++) {
        problem p;
        make_problem(&p, dims[round % 10], round / 10 & 1, 1.5f);
        float *want = attend(&p, plain(), &p.a);
        for (int i = 0; i < LTD_ISA_COUNT; i++) {
            const ltd_kernels *k = ltd_kernels_get((ltd_isa)i);
            if (!k) continue;
            float *got = attend(&p, k, &p.a);
            assert_memory_equal(got, want, p.n_out * sizeof *got);
            free(got);
        }
        for (int32_t r = 0; r < p.a.rows; r++)
            for (int32_t h = 0; h < p.heads; h++)
                check_head(&p, r, h, want + (size_t)r * p.a.ldo + h * p.a.head_dim);
        free(want);
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
            for (int32_t h = 0; h < p.heads; h++) {
                ltd_attn one = p.a;
                one.rows = 1;
                one.start += r;
                if (one.first) one.first += r;
                one.q += (size_t)r * one.ldq;
                one.out += (size_t)r * one.ldo;
                one.h0 = h;
                one.h1 = h + 1;
                one.lds = (size_t)((keys_of(&p, r) + 15) & ~15);
                free(attend(&p, fast(), &one));
                size_t at = (size_t)r * one.ldo + (size_t)(h * hd);
                assert_memory_equal(want + at, p.out + at, (size_t)hd * sizeof *want);
            }
        }
        free(want);
        free_problem(&p);
    }
}

/* Slot s goes to to[s], the slots in any order. */
static void shuffle_slots(problem *p, int32_t *to)
{
    size_t hd = (size_t)p->a.head_dim, bytes = hd * sizeof(float);
    float *k = randoms(SLOTS * hd, 1), *v = randoms(SLOTS * hd, 1);
    for (int32_t s = 0; s < SLOTS; s++) to[s] = s;
    for (int32_t s = SLOTS - 1; s > 0; s--) {
        int32_t other = below(s + 1), keep = to[s];
        to[s] = to[other];
        to[other] = keep;
    }
    for (size_t s = 0; s < SLOTS; s++) {
        memcpy(k + (size_t)to[s] * hd, p->kf + s * hd, bytes);
        memcpy(v + (size_t)to[s] * hd, p->vf + s * hd, bytes);
    }
    memcpy(p->kf, k, SLOTS * bytes);
    memcpy(p->vf, v, SLOTS * bytes);
    free(k);
    free(v);
    lay_out(p);
}

/* The order of keys counts, not the place where they lie: past slots read through the tail, first
 * where they are and then from anywhere. */
static void keys_give_the_same_bits_wherever_they_lie(void **state)
{
    (void)state;
    for (int round = 0; round < 160; round++) {
        problem p;
        int32_t all[ROWS * SLOTS], start[ROWS + 1] = {0}, to[SLOTS];
        make_problem(&p, round & 4 ? 64 : 24, round & 1, 1.5f);
        float *want = attend(&p, fast(), &p.a);
        for (int32_t s = 0; s < SLOTS; s++) to[s] = s;
        ltd_attn moved = p.a;
        moved.n_past = below(p.a.n_past + 1);
        if (round & 2) {
            shuffle_slots(&p, to);
            moved.n_past = 0;
        }
        for (int32_t r = 0; r < p.a.rows; r++) {
            start[r + 1] = start[r];
            for (int32_t j = moved.n_past; j < keys_of(&p, r); j++)
                all[start[r + 1]++] = to[slot_of(&p, r, j)];
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

/* With a window of whole vectors: what is before it might as well not be there. */
static void a_window_gives_the_bits_of_a_text_that_begins_there(void **state)
{
    (void)state;
    for (int round = 0; round < 80; round++) {
        problem p;
        make_problem(&p, 64, round & 1, 1.5f);
        int32_t cut = below(p.a.n_past + 1) / 16 * 16;
        mend_unseen(&p);
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
        if (p.a.n_past) {
            int32_t bad = below(p.a.n_past);
            mend_unseen(&p);
            p.a.first = p.first;
            p.first[0] = 0;
            float *want = attend(&p, fast(), &p.a);
            for (int32_t d = 0; d < 64; d++) p.kf[bad * 64 + d] = p.vf[bad * 64 + d] = NAN;
            lay_out(&p);
            float *got = attend(&p, fast(), &p.a);
            for (int32_t r = 0; r < p.a.rows; r++) {
                size_t at = (size_t)r * p.a.ldo, n = (size_t)p.heads * 64;
                if (p.first[r] > bad)
                    assert_memory_equal(got + at, want + at, n * sizeof *got);
                else
                    assert_true(isnan(got[at]));
            }
            free(want);
            free(got);
        }
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
        for (int32_t i = 0; i < p.heads * 64; i++)
            assert_true(fabsf(want[(size_t)r * p.a.ldo + (size_t)i]) < 10);
    free(want);
    free(got);
    free_problem(&p);
}

int main(void)
{
    ltd_rng_seed(&rng, 9, LTD_STREAM_TEST);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instruction_sets_agree_and_are_right),
        cmocka_unit_test(a_row_and_a_head_alone_give_the_same_bits),
        cmocka_unit_test(keys_give_the_same_bits_wherever_they_lie),
        cmocka_unit_test(a_window_gives_the_bits_of_a_text_that_begins_there),
        cmocka_unit_test(what_a_row_does_not_see_never_reaches_it),
        cmocka_unit_test(far_apart_scores_neither_overflow_nor_vanish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
