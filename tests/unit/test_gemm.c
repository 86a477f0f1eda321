/* Matrix products: every instruction set of this machine, and AMX with tiles of our own (support/
 * tiles.h), against sums in double precision of inputs rounded to bfloat16, on random shapes in
 * every orientation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "models/kernels/gemm.h"
#include "models/kernels/gemm_priv.h"

enum { SHAPES = 1500, FAR = 7, CANARY = 40 };

static ltd_rng rng;

/* AMX's code, compiled with tiles of our own; it packs with AVX-512. */
enum { MADE_UP = LTD_GEMM_ISA_COUNT, WORKS };
#if defined(__x86_64__)
const ltd_gemm_backend *made_up_amx(void);
#endif
static ltd_gemm_backend made_up;
static ltd_gemm_work works[WORKS]; /* no backend: not on this machine */

static const char *name_of(int isa)
{
    return isa == MADE_UP ? "made-up amx-bf16" : ltd_gemm_isa_name((ltd_gemm_isa)isa);
}

/* A job on memory of its own; `start` is c before it, with canaries around it and between rows. */
typedef struct product {
    ltd_gemm_job job;
    float *a, *b, *room, *start;
    size_t size; /* of room and start */
} product;

static int32_t between(int32_t low, int32_t high)
{
    return low + (int32_t)ltd_rng_below(&rng, (uint64_t)(high - low + 1));
}

static float *normals(size_t n)
{
    float *x = ltd_mem_aligned(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = ltd_rng_normal(&rng);
    return x;
}

static ltd_gemm_factor factor(float **owned, int32_t rows, int32_t columns, bool transposed)
{
    size_t ld = (size_t)(transposed ? rows : columns) + (size_t)between(0, FAR);
    *owned = normals((size_t)(transposed ? columns : rows) * ld + 1);
    return (ltd_gemm_factor){*owned, ld, transposed};
}

/* `how`: bits for a transposed, b transposed, add. */
static product make(int32_t m, int32_t n, int32_t k, int how)
{
    product p = {.job = {.m = m, .n = n, .k = k, .add = how & 4}};
    p.job.a = factor(&p.a, m, k, how & 1);
    p.job.b = factor(&p.b, k, n, how & 2);
    p.job.ldc = (size_t)n + (size_t)between(0, FAR);
    p.size = 2 * CANARY + (size_t)m * p.job.ldc;
    p.start = normals(p.size);
    p.room = normals(p.size);
    p.job.c = p.room + CANARY;
    return p;
}

static void drop(product *p)
{
    free(p->a);
    free(p->b);
    free(p->room);
    free(p->start);
}

static void run(product *p, int isa)
{
    memcpy(p->room, p->start, p->size * sizeof *p->room);
    ltd_gemm(&p->job, &works[isa]);
}

/* As bfloat16 holds it; written unlike the library's. */
static double rounded(float x)
{
    int e;
    double f = frexp((double)x, &e);
    return ldexp(nearbyint(ldexp(f, 8)), e - 8);
}

static double at(const ltd_gemm_factor *f, int32_t r, int32_t c)
{
    size_t row = (size_t)r, column = (size_t)c;
    return rounded(f->transposed ? f->x[column * f->ld + row] : f->x[row * f->ld + column]);
}

static void check_element(const product *p, ltd_gemm_isa isa, int32_t i, int32_t j)
{
    const ltd_gemm_job *job = &p->job;
    size_t place = (size_t)i * job->ldc + (size_t)j;
    double sum = job->add ? (double)p->start[CANARY + place] : 0, size = fabs(sum);
    for (int32_t k = 0; k < job->k; k++) {
        double one = at(&job->a, i, k) * at(&job->b, k, j);
        sum += one;
        size += fabs(one);
    }
    double got = (double)job->c[place];
    if (!(fabs(got - sum) <= 1e-6 * size))
        fail_msg("%s, %d x %d x %d, a%s b%s: (%d, %d) is %.9g, expected %.9g", name_of(isa), job->m,
                 job->n, job->k, job->a.transposed ? "'" : "", job->b.transposed ? "'" : "", i, j,
                 got, sum);
}

/* All elements of small products, some of large ones, borders among them. */
static void check(const product *p, int isa)
{
    const ltd_gemm_job *job = &p->job;
    bool all = (double)job->m * job->n * job->k < 3e5;
    for (int32_t i = 0; all && i < job->m; i++)
        for (int32_t j = 0; j < job->n; j++) check_element(p, isa, i, j);
    for (int s = 0; !all && s < 200; s++) {
        int32_t i = between(0, 3) ? between(0, job->m - 1) : job->m - 1;
        int32_t j = between(0, 3) ? between(0, job->n - 1) : job->n - 1;
        check_element(p, isa, i, j);
    }
}

static void check_canaries(const product *p)
{
    const ltd_gemm_job *job = &p->job;
    size_t n = (size_t)job->n, end = (size_t)job->m * job->ldc;
    assert_memory_equal(p->room, p->start, CANARY * sizeof(float));
    for (size_t i = 0; i < (size_t)job->m; i++)
        for (size_t j = n; j < job->ldc; j++)
            assert_memory_equal(job->c + i * job->ldc + j, p->start + CANARY + i * job->ldc + j,
                                sizeof(float));
    assert_memory_equal(job->c + end, p->start + CANARY + end, CANARY * sizeof(float));
}

static void check_all(int32_t m, int32_t n, int32_t k, int how)
{
    product p = make(m, n, k, how);
    for (int isa = 0; isa < WORKS; isa++) {
        if (!works[isa].backend) continue;
        run(&p, isa);
        check(&p, isa);
        check_canaries(&p);
    }
    drop(&p);
}

static void random_shapes_in_all_orientations(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        int32_t most = s % 10 ? 48 : 150;
        check_all(between(1, most), between(1, most), between(1, most), between(0, 7));
    }
}

static void every_tail_of_a_tile(void **state)
{
    (void)state;
    for (int how = 0; how < 8; how++) {
        for (int32_t m = 1; m <= 34; m++) check_all(m, 33, 9, how);
        for (int32_t n = 1; n <= 66; n++) check_all(15, n, 9, how);
        for (int32_t k = 1; k <= 66; k++) check_all(15, 17, k, how);
    }
}

/* More than is packed at a time in each direction, and whole parts of it. */
static void shapes_of_several_parts(void **state)
{
    (void)state;
    static const int32_t shapes[][3] = {{1600, 40, 33},  {33, 1100, 40},   {40, 33, 1100},
                                        {20, 513, 513},  {1543, 33, 20},   {14, 512, 512},
                                        {32, 1024, 512}, {100, 576, 1536}, {1, 3000, 1}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int how = 0; how < 8; how++) check_all(shapes[s][0], shapes[s][1], shapes[s][2], how);
}

/* Rows in one call and in several, and twice the same. */
static void rows_have_the_same_bits_whatever_is_beside_them(void **state)
{
    (void)state;
    for (int isa = 0; isa < WORKS; isa++) {
        if (!works[isa].backend) continue;
        for (int how = 0; how < 8; how++) {
            product p = make(between(20, 90), between(20, 90), between(500, 1200), how);
            run(&p, isa);
            float *want = normals(p.size);
            memcpy(want, p.room, p.size * sizeof *want);
            run(&p, isa);
            assert_memory_equal(want, p.room, p.size * sizeof *want);
            memcpy(p.room, p.start, p.size * sizeof *want);
            ltd_gemm_job job = p.job;
            for (int32_t i = 0; i < p.job.m; i += job.m) {
                job.m = between(1, p.job.m - i);
                job.c = p.job.c + (size_t)i * job.ldc;
                job.a.x = p.job.a.x + (size_t)i * (job.a.transposed ? 1 : job.a.ld);
                ltd_gemm(&job, &works[isa]);
            }
            assert_memory_equal(want, p.room, p.size * sizeof *want);
            free(want);
            drop(&p);
        }
    }
}

/* Integers of eight bits are exact, ties go to the even neighbour. */
static void inputs_are_rounded_to_the_nearest(void **state)
{
    (void)state;
    static const float in[] = {1, 255, 257, 259, -257, -259, 1.00390625f, 1.01171875f, 3.0e38f};
    static const float out[] = {1, 255, 256, 260, -256, -260, 1, 1.015625f, 0};
    float one = 1, got;
    for (int isa = 0; isa < WORKS; isa++) {
        if (!works[isa].backend) continue;
        for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
            ltd_gemm_job job = {1, 1, 1, {&in[i], 1, false}, {&one, 1, false}, &got, 1, false};
            float want = out[i] != 0 ? out[i] : (float)rounded(in[i]);
            got = NAN;
            ltd_gemm(&job, &works[isa]);
            assert_true(got == want);
            job.a.x = &one;
            job.b.x = &in[i];
            ltd_gemm(&job, &works[isa]);
            assert_true(got == want);
        }
    }
}

/* A not-a-number in a row of a and in a column of b stays in that row and column. */
static void padding_lets_nothing_through(void **state)
{
    (void)state;
    for (int isa = 0; isa < WORKS; isa++) {
        if (!works[isa].backend) continue;
        for (int how = 0; how < 4; how++) {
            product p = make(37, 41, 27, how);
            p.a[0] = NAN;
            p.b[0] = INFINITY;
            run(&p, isa);
            for (int32_t i = 0; i < 37; i++)
                for (int32_t j = 0; j < 41; j++)
                    assert_true((i == 0 || j == 0) ==
                                !isfinite(p.job.c[(size_t)i * p.job.ldc + (size_t)j]));
            drop(&p);
        }
    }
}

static void empty_products_are_zero_and_add_nothing(void **state)
{
    (void)state;
    for (int isa = 0; isa < WORKS; isa++) {
        if (!works[isa].backend) continue;
        float c[3] = {5, 6, 7}, x = 1;
        ltd_gemm_job job = {1, 2, 0, {&x, 1, false}, {&x, 2, false}, c, 2, true};
        ltd_gemm(&job, &works[isa]);
        assert_true(c[0] == 5 && c[1] == 6 && c[2] == 7);
        job.add = false;
        job.m = 0;
        ltd_gemm(&job, &works[isa]);
        assert_true(c[0] == 5 && c[1] == 6 && c[2] == 7);
        job.m = 1;
        ltd_gemm(&job, &works[isa]);
        assert_true(c[0] == 0 && c[1] == 0 && c[2] == 7);
    }
}

static void what_the_machine_lacks_is_refused(void **state)
{
    (void)state;
    assert_true(ltd_gemm_has(LTD_GEMM_PLAIN) && ltd_gemm_has(ltd_gemm_best()));
    assert_true(ltd_gemm_is_fast() == (ltd_gemm_best() > LTD_GEMM_PLAIN));
    for (int isa = 0; isa <= LTD_GEMM_ISA_COUNT; isa++) {
        ltd_gemm_work w;
        ltd_err err = LTD_ERR_INIT;
        int code = ltd_gemm_work_init(&w, (ltd_gemm_isa)isa, &err);
        assert_int_equal(code, ltd_gemm_has((ltd_gemm_isa)isa) ? LTD_OK : LTD_EUNSUPPORTED);
        ltd_gemm_work_fini(&w);
    }
    assert_string_equal(ltd_gemm_isa_name(LTD_GEMM_AMX), "amx-bf16");
    assert_string_equal(ltd_gemm_isa_name(LTD_GEMM_ISA_COUNT), "unknown");
}

/* Nothing to configure in tiles that are memory. */
static int make_up(void)
{
#if defined(__x86_64__)
    if (!ltd_gemm_has(LTD_GEMM_AVX512)) return 0;
    if (ltd_gemm_work_init(&works[MADE_UP], LTD_GEMM_AVX512, NULL) < 0) return -1;
    made_up = *made_up_amx();
    made_up.begin = made_up.end = NULL;
    works[MADE_UP].backend = &made_up;
#endif
    return 0;
}

static int setup(void **state)
{
    (void)state;
    ltd_rng_seed(&rng, 7, LTD_STREAM_TEST);
    for (int isa = 0; isa < LTD_GEMM_ISA_COUNT; isa++) {
        if (!ltd_gemm_has((ltd_gemm_isa)isa))
            print_message("# no %s here: skipped\n", name_of(isa));
        else if (ltd_gemm_work_init(&works[isa], (ltd_gemm_isa)isa, NULL) < 0)
            return -1;
    }
    return make_up();
}

static int teardown(void **state)
{
    (void)state;
    for (int isa = 0; isa < WORKS; isa++) ltd_gemm_work_fini(&works[isa]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_are_rounded_to_the_nearest),
        cmocka_unit_test(every_tail_of_a_tile),
        cmocka_unit_test(random_shapes_in_all_orientations),
        cmocka_unit_test(shapes_of_several_parts),
        cmocka_unit_test(rows_have_the_same_bits_whatever_is_beside_them),
        cmocka_unit_test(padding_lets_nothing_through),
        cmocka_unit_test(empty_products_are_zero_and_add_nothing),
        cmocka_unit_test(what_the_machine_lacks_is_refused),
    };
    return cmocka_run_group_tests_name("gemm", tests, setup, teardown);
}
