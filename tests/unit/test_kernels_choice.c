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
        cmocka_unit_test(top_k_orders_by_value_then_index_and_gives_ln_p),
        cmocka_unit_test(lanes_past_the_vocabulary_have_no_probability),
        cmocka_unit_test(the_environment_chooses_an_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
