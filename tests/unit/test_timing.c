#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "env/timing.h"

static void phases_sum_to_the_window(void **state)
{
    (void)state;
    ltd_clock_script script = {1000};
    ltd_clock clock = ltd_clock_scripted(&script);
    ltd_phases p;
    ltd_phases_start(&p, &clock);
    script.ns += 3;
    ltd_phases_enter(&p, LTD_PHASE_DRAFT);
    script.ns += 50;
    ltd_phases_enter(&p, LTD_PHASE_DECIDE);
    script.ns += 7;
    ltd_phases_enter(&p, LTD_PHASE_DRAFT);
    script.ns += 50;
    ltd_phases_enter(&p, LTD_PHASE_VERIFY);
    script.ns += 400;
    ltd_phases_enter(&p, LTD_PHASE_COMMIT);
    script.ns += 20;
    assert_int_equal(ltd_phases_stop(&p), 530);
    assert_int_equal(p.ns[LTD_PHASE_DRAFT], 100);
    assert_int_equal(p.ns[LTD_PHASE_DECIDE], 7);
    assert_int_equal(p.ns[LTD_PHASE_VERIFY], 400);
    assert_int_equal(p.ns[LTD_PHASE_COMMIT], 20);
    assert_int_equal(p.ns[LTD_PHASE_OTHER], 3);
}

static void a_new_window_starts_from_zero(void **state)
{
    (void)state;
    ltd_clock_script script = {0};
    ltd_clock clock = ltd_clock_scripted(&script);
    ltd_phases p;
    ltd_phases_start(&p, &clock);
    script.ns = 9;
    ltd_phases_stop(&p);
    ltd_phases_start(&p, &clock);
    assert_int_equal(ltd_phases_stop(&p), 0);
    assert_string_equal(ltd_phase_name(LTD_PHASE_DRAFT), "draft");
    assert_string_equal(ltd_phase_name(LTD_PHASE_OTHER), "other");
    assert_string_equal(ltd_phase_name(LTD_PHASE_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_sum_to_the_window),
        cmocka_unit_test(a_new_window_starts_from_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
