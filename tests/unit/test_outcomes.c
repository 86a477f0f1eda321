/* Outcomes against cycles over the record, the oracle against exhaustive search: on made-up
 * records, whose heads know the true continuation now and then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/cost_file.h"
#include "tests/support/made_trace.h"
#include "trainer/records/oracle.h"

enum { K = MADE_TRACE_TOP_K, PROMPT = MADE_TRACE_PROMPT, MAX_SIZE = 16 };

static ltd_trace trace;
static ltd_cost cost;
static ltd_err err;

static ltd_cycle_options options(void)
{
    return (ltd_cycle_options){.trace = &trace,
                               .clock = ltd_clock_monotonic(),
                               .context = 200,
                               .top_k = K,
                               .max_forwards = trace.max_forwards,
                               .max_size = MAX_SIZE,
                               .lookup = true,
                               .lookup_min_match = 1,
                               .lookup_max_chain = 6};
}

static ltd_outcomes *open_outcomes(void)
{
    ltd_outcomes *o;
    ltd_cycle_options c = options();
    if (ltd_outcomes_new(&o, &c, &err) < 0) fail_msg("%s", err.msg);
    return o;
}

static int setup(void **state)
{
    (void)state;
    static const float ms[] = {1, 1.1f, 1.5f, 2.6f};
    static const int32_t rows[] = {1, 2, 4, 17};
    cost = (ltd_cost){.t_ar_ms = 1, .commit_ms = 0.05f, .decide_ms = 0.01f, .waiting_ms = 0.2f};
    for (int i = 0; i < 4; i++)
        cost.verify[cost.n_verify++] = (ltd_cost_point){rows[i], 10, ms[i], ms[i]};
    cost.draft[cost.n_draft++] = (ltd_cost_point){1, 10, 0.1f, 0.1f};
    cost.draft[cost.n_draft++] = (ltd_cost_point){K, 10, 0.15f, 0.15f};
    return ltd_cost_finish(&cost, &err);
}

static int teardown(void **state)
{
    (void)state;
    ltd_trace_fini(&trace);
    return 0;
}

static void outcomes_are_what_cycles_do(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 3, LTD_STREAM_TEST);
    made_trace(&trace, 1, 4, 40, 3);
    ltd_outcomes *o = open_outcomes();
    ltd_cycle *c;
    ltd_cycle_options co = options();
    assert_int_equal(ltd_cycle_new(&c, &co, &err), 0);
    int accepted = 0;
    for (int round = 0; round < 100; round++) {
        int32_t t = round % 4;
        const ltd_trace_text *text = &trace.text[t];
        assert_int_equal(ltd_cycle_prompt(c, text->token, PROMPT, &err), 0);
        for (int32_t i = 0; i < text->positions;) {
            bool lookup = ltd_rng_below(&rng, 2);
            int32_t n = (int32_t)ltd_rng_below(&rng, 4), v = (int32_t)ltd_rng_below(&rng, 17);
            const ltd_cycle_result *r;
            ltd_cycle_set_lookup(c, lookup);
            assert_int_equal(ltd_cycle_begin(c, &err), 0);
            for (int32_t f = 0; f < n; f++) assert_int_equal(ltd_cycle_draft(c, &err), 0);
            assert_int_equal(ltd_cycle_verify(c, v, &r, &err), 0);
            assert_int_equal(ltd_outcomes_pool(o, t, i, lookup, n), r->pool);
            assert_int_equal(ltd_outcomes_len(o, t, i, lookup, n, v), r->accept_len);
            accepted += r->accept_len - 1;
            i += r->accept_len;
        }
    }
    assert_true(accepted > 1000);
    ltd_cycle_free(c);
    ltd_outcomes_free(o);
}

/* Every sequence of decisions. */
static double search(const ltd_outcomes *o, const ltd_oracle_options *q, int32_t i, int32_t waiting)
{
    if (i >= trace.text[0].positions) return 0;
    double best = 1e300;
    for (int on = 0; on <= q->lookup; on++)
        for (int32_t n = 0; n <= q->max_forwards; n++)
            for (int32_t v = 0; v <= q->max_size && v <= ltd_outcomes_pool(o, 0, i, on, n); v++) {
                ltd_cost_work work = {n, K, v, PROMPT + i, waiting};
                int32_t got = ltd_outcomes_len(o, 0, i, on, n, v);
                double ms =
                    ltd_cost_cycle(q->cost, &work) + search(o, q, i + got, n ? got : waiting + got);
                if (ms < best) best = ms;
            }
    return best;
}

static void the_oracle_is_the_best_of_all_schedules(void **state)
{
    (void)state;
    double gained = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        bool wide = seed % 2;
        ltd_oracle_options q = {&cost, wide ? 4 : 1, wide ? 2 : 1, wide, 0};
        ltd_plan best, greedy;
        made_trace(&trace, seed, 1, wide ? 6 : 12, 2);
        ltd_outcomes *o = open_outcomes();
        assert_int_equal(ltd_oracle_best(o, &q, 0, &best, &err), 0);
        greedy = ltd_oracle_greedy(o, &q, 0);
        double all = search(o, &q, 0, 1), ms = best.ms;
        assert_true(best.accepted >= trace.text[0].positions && best.cycles > 0);
        assert_true(all > 0);
        assert_float_equal(ms, all, 1e-9 * all);
        assert_true(greedy.ms >= ms * (1 - 1e-12));
        gained += greedy.ms / ms - 1;
        for (int32_t n = 0; n <= q.max_forwards; n++)
            for (int32_t v = 0; v <= q.max_size; v++)
                assert_true(ltd_oracle_static(o, &q, 0, false, n, v).ms >= ms * (1 - 1e-12));
        q.max_new = 4;
        assert_int_equal(ltd_oracle_positions(o, &q, 0), 3);
        assert_int_equal(ltd_oracle_best(o, &q, 0, &best, &err), 0);
        assert_true(best.ms < ms && best.accepted >= 3);
        ltd_outcomes_free(o);
    }
    assert_true(gained > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_are_what_cycles_do),
        cmocka_unit_test(the_oracle_is_the_best_of_all_schedules),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
