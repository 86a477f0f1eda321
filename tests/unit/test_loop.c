/* An answer that goes round in circles is found at the same token as by counting all its runs. */
#include "env/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

enum { MOST = 400 };

/* At token i: how often has the run that ends there come? */
static int32_t times_by_counting(const int32_t *token, int32_t i)
{
    int32_t times = 0;
    for (int32_t end = LTD_LOOP_RUN - 1; end <= i; end++)
        times += memcmp(token + end - LTD_LOOP_RUN + 1, token + i - LTD_LOOP_RUN + 1,
                        LTD_LOOP_RUN * sizeof *token) == 0;
    return times;
}

static void same_as_counting(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 3, LTD_STREAM_SAMPLE);
    int32_t token[MOST], found = 0;
    for (int32_t text = 0; text < 300; text++) {
        ltd_loop *loop;
        int32_t times = 2 + text % 4, period = 1 + text % 40;
        assert_int_equal(ltd_loop_new(&loop, MOST, times, NULL), LTD_OK);
        ltd_loop_begin(loop);
        for (int32_t i = 0; i < MOST; i++) {
            bool fresh = i < period || ltd_rng_f64(&rng) < 0.01;
            token[i] = fresh ? (int32_t)(ltd_rng_f64(&rng) * 4) : token[i - period];
            bool want = i >= LTD_LOOP_RUN - 1 && times_by_counting(token, i) >= times;
            assert_int_equal(ltd_loop_push(loop, token[i]), want);
            found += want;
        }
        ltd_loop_free(loop);
    }
    assert_in_range(found, 1000, 300 * MOST);
}

static void the_fourth_time(void **state)
{
    (void)state;
    ltd_loop *loop;
    assert_int_equal(ltd_loop_new(&loop, 100, 4, NULL), LTD_OK);
    for (int32_t again = 0; again < 2; again++) { /* a text begun anew remembers nothing */
        ltd_loop_begin(loop);
        for (int32_t i = 0; i < 4 * LTD_LOOP_RUN; i++)
            assert_int_equal(ltd_loop_push(loop, 7 + i % LTD_LOOP_RUN), i == 4 * LTD_LOOP_RUN - 1);
    }
    ltd_loop_free(loop);
}

static void tokens_beyond_are_not_looked_at(void **state)
{
    (void)state;
    ltd_loop *loop;
    assert_int_equal(ltd_loop_new(&loop, LTD_LOOP_RUN, 2, NULL), LTD_OK);
    ltd_loop_begin(loop);
    for (int32_t i = 0; i < 3 * LTD_LOOP_RUN; i++) assert_false(ltd_loop_push(loop, 1));
    ltd_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_counting),
        cmocka_unit_test(the_fourth_time),
        cmocka_unit_test(tokens_beyond_are_not_looked_at),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
