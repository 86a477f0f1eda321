/* Choosing among logits, and among instruction sets: these against each other (bit for bit) and
 * against double precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/isa.h"

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

/* By (value descending, id ascending), one after the other. */
static void check_best(const float *x, const int32_t *id, int32_t n, int32_t k, const float *best,
                       const int32_t *best_id)
{
    bool taken[1024] = {false};
    for (int32_t j = 0; j < k; j++) {
        int32_t at = -1;
        for (int32_t i = 0; i < n; i++)
            if (!taken[i] && (at < 0 || x[i] > x[at] || (x[i] == x[at] && id[i] < id[at]))) at = i;
        taken[at] = true;
        assert_int_equal(best_id[j], id[at]);
        assert_true(best[j] == x[at]);
    }
}

static int32_t best_of_pieces(const ltd_kernels *kernels, const float *x, const int32_t *id,
                              int32_t n, int32_t piece, int32_t k, float *best, int32_t *best_id)
{
    int32_t have = 0, pieces = (n + piece - 1) / piece, from = below(pieces);
    for (int32_t i = 0; i < pieces; i++) { /* in a ring, from anywhere */
        int32_t at = (from + i) % pieces * piece, m = n - at < piece ? n - at : piece;
        have = kernels->keep_best(x + at, id + at, m, have, k, best, best_id);
    }
    return have;
}

/* Ids in no order, values that tie: one answer however a row is cut, on all instruction sets. */
static void the_best_go_by_value_then_id_however_a_row_is_cut(void **state)
{
    (void)state;
    for (int round = 0; round < 400; round++) {
        int32_t n = 8 * (1 + below(128)), k = 1 + below(32), a[32], b[32], id[1024];
        float *x = tied_logits(n), p[32], q[32];
        if (round % 4 == 0)
            for (int32_t i = 0; i < n; i++) x[i] = (float)below(3);
        for (int32_t i = 0; i < n; i++) id[i] = i;
        ltd_rng_shuffle(&rng, id, (size_t)n);
        int32_t want = n < k ? n : k;
        assert_int_equal(best_of_pieces(plain(), x, id, n, n, k, p, a), want);
        check_best(x, id, n, want, p, a);
        assert_int_equal(best_of_pieces(fast(), x, id, n, 8 * (1 + below(9)), k, q, b), want);
        assert_memory_equal(a, b, (size_t)want * sizeof *a);
        assert_memory_equal(p, q, (size_t)want * sizeof *p);
        free(x);
    }
}

static void exponentials_sum_alike_on_all_instruction_sets(void **state)
{
    (void)state;
    for (int round = 0; round < 400; round++) {
        int32_t n = 8 * (1 + below(128));
        float *x = tied_logits(n), a, b;
        /* What a head pads its last tile with: no probability. */
        for (int32_t i = n - below(8); i < n; i++) x[i] = -3.0e38f;
        float p = plain()->sum_exp(x, n, &a), q = fast()->sum_exp(x, n, &b);
        double want = 0, top = -INFINITY;
        for (int32_t i = 0; i < n; i++) top = fmax(top, (double)x[i]);
        for (int32_t i = 0; i < n; i++) want += exp((double)x[i] - top);
        assert_true((double)a == top && (double)b == top);
        assert_memory_equal(&p, &q, sizeof p);
        if (!(fabs((double)p - want) < 1e-6 * want))
            fail_msg("sum of %d: %.8f, expected %.8f", n, (double)p, want);
        free(x);
    }
}

static void the_environment_chooses_an_instruction_set(void **state)
{
    (void)state;
    const char *had = getenv("LTD_ISA");
    char keep[32];
    snprintf(keep, sizeof keep, "%s", had ? had : "");
    const ltd_kernels *chosen;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(setenv("LTD_ISA", "abacus", 1), 0);
    assert_int_equal(ltd_kernels_choose(&chosen, &err), LTD_EINVAL);
    assert_null(chosen);
    assert_non_null(strstr(err.msg, "'abacus'"));
    for (int i = 0; i < LTD_ISA_COUNT; i++) {
        const ltd_kernels *k = ltd_kernels_get((ltd_isa)i);
        assert_int_equal(setenv("LTD_ISA", ltd_isa_name((ltd_isa)i), 1), 0);
        assert_int_equal(ltd_kernels_choose(&chosen, &err), k ? LTD_OK : LTD_EUNSUPPORTED);
        assert_ptr_equal(chosen, k);
        if (k) assert_string_equal(k->name, ltd_isa_name((ltd_isa)i));
    }
    assert_int_equal(unsetenv("LTD_ISA"), 0);
    assert_int_equal(ltd_kernels_choose(&chosen, &err), LTD_OK);
    assert_ptr_equal(chosen, ltd_kernels_best());
    assert_null(ltd_kernels_get(LTD_ISA_COUNT));
    if (had) assert_int_equal(setenv("LTD_ISA", keep, 1), 0);
}

int main(void)
{
    ltd_rng_seed(&rng, 9, LTD_STREAM_TEST);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(argmax_takes_the_first_of_the_largest),
        cmocka_unit_test(the_best_go_by_value_then_id_however_a_row_is_cut),
        cmocka_unit_test(exponentials_sum_alike_on_all_instruction_sets),
        cmocka_unit_test(the_environment_chooses_an_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
