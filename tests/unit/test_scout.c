/* The walk that predicts the speed of static settings, over a tiny model: beams beside one another
 * are judged as each would be alone, and what it counts is what play gets. */
#include "tests/support/tiny_env.h"

#include "trainer/tune/scout.h"

enum { ANSWER = 24, MOST = 64 };

static tiny_env *tiny;

static int setup(void **state)
{
    (void)state;
    tiny = tiny_open();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tiny_close(tiny);
    return 0;
}

static ltd_cycle *open_cycle(int32_t top_k)
{
    ltd_cycle *cycle;
    ltd_cycle_options o = tiny_cycle_options(tiny);
    o.top_k = top_k;
    if (ltd_cycle_new(&cycle, &o, &tiny->err) < 0) fail_msg("%s", tiny->err.msg);
    return cycle;
}

/* All settings of a beam; the cycle's own is not named. */
static int32_t list(ltd_candidate *c, int32_t top_k)
{
    static const int32_t sizes[] = {1, 3, 6, 10};
    int32_t n = 0;
    c[n++] = (ltd_candidate){.prompts = 0};
    for (int32_t forwards = 1; forwards <= 3; forwards++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (int lookup = 0; lookup < 2; lookup++)
                c[n++] = (ltd_candidate){.setting = {forwards, sizes[i], lookup == 1, top_k}};
    return n;
}

/* Over one prompt: after it the slow ones are out. */
static int scout(ltd_cycle *const *cycles, int32_t n_cycles, ltd_candidate *c, int32_t n)
{
    static const int32_t order[] = {0, 1, 2, 3, 4};
    int32_t seen;
    ltd_scout_options o = {.cycles = cycles,
                           .n_cycles = n_cycles,
                           .cost = &tiny->cost,
                           .prompts = tiny->prompts,
                           .order = order,
                           .budget_s = 1,
                           .max_new = ANSWER};
    ltd_prompts *one;
    if (ltd_prompts_copy(&one, ltd_prompts_at(tiny->prompts, 0), 1, &tiny->err) < 0)
        fail_msg("%s", tiny->err.msg);
    o.prompts = one;
    int rc = ltd_scout(&o, c, n, &seen, &tiny->err);
    ltd_prompts_free(one);
    if (rc == LTD_OK) assert_int_equal(seen, 1);
    return rc;
}

static void beams_side_by_side_are_judged_as_each_alone(void **state)
{
    (void)state;
    ltd_cycle *cycle[2] = {open_cycle(4), open_cycle(2)};
    ltd_candidate both[MOST], wide[MOST], narrow[MOST];
    int32_t n = list(both, 0), differ = 0;
    list(both + n, 2);
    list(wide, 0);
    list(narrow, 0);
    assert_int_equal(scout(cycle, 2, both, 2 * n), LTD_OK);
    assert_int_equal(scout(cycle, 1, wide, n), LTD_OK);
    assert_int_equal(scout(cycle + 1, 1, narrow, n), LTD_OK);
    for (int32_t i = 0; i < n; i++) {
        assert_true(both[i].predicted > 0);
        assert_true(both[i].predicted == wide[i].predicted);
        assert_true(both[n + i].predicted == narrow[i].predicted);
        differ += wide[i].predicted != narrow[i].predicted;
    }
    assert_true(differ > 0); /* rows of an expansion cost, or there is nothing to tell apart */
    ltd_cycle_free(cycle[0]);
    ltd_cycle_free(cycle[1]);
}

/* Why the grid leaves them out: the table has the same time for a beam of 8 as for one of 4. */
static void a_wider_beam_gets_no_more_for_few_nodes(void **state)
{
    (void)state;
    ltd_cycle *cycle[2] = {open_cycle(4), open_cycle(8)};
    ltd_candidate both[MOST];
    int32_t n = list(both, 0), differ = 0;
    list(both + n, 8);
    assert_int_equal(scout(cycle, 2, both, 2 * n), LTD_OK);
    for (int32_t i = 1; i < n; i++) {
        if (both[i].setting.size <= 4)
            assert_true(both[n + i].predicted == both[i].predicted);
        else
            differ += both[n + i].predicted != both[i].predicted;
    }
    assert_true(differ > 0);
    ltd_cycle_free(cycle[0]);
    ltd_cycle_free(cycle[1]);
}

static void a_beam_without_a_cycle_is_refused(void **state)
{
    (void)state;
    ltd_cycle *cycle = open_cycle(4);
    ltd_candidate c[MOST];
    int32_t n = list(c, 3);
    assert_int_equal(scout(&cycle, 1, c, n), LTD_EINVAL);
    assert_non_null(strstr(tiny->err.msg, "beam of 3"));
    ltd_cycle_free(cycle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beams_side_by_side_are_judged_as_each_alone),
        cmocka_unit_test(a_wider_beam_gets_no_more_for_few_nodes),
        cmocka_unit_test(a_beam_without_a_cycle_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
