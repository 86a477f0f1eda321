/* Records of a narrower beam, taken from a wider one: what the head would have said, wherever that
 * is known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/cycle.h"
#include "tests/support/engine.h"
#include "tests/support/made_trace.h"
#include "trainer/records/narrow.h"
#include "trainer/records/outcomes.h"
#include "trainer/records/record.h"

enum { WIDE = 4, FORWARDS = 5, TEXTS = 3, PROMPT = 24, TEXT = 50 };

static ltd_llama *model;
static ltd_eagle3 *head;
static ltd_err err;

static void record(ltd_trace *trace, int32_t top_k)
{
    ltd_cycle *c;
    ltd_rng rng;
    int32_t ids[PROMPT];
    ltd_cycle_options o = {.model = model,
                           .head = head,
                           .clock = ltd_clock_monotonic(),
                           .context = 256,
                           .top_k = top_k,
                           .max_forwards = FORWARDS,
                           .max_size = 8,
                           .lookup_min_match = 1,
                           .lookup_max_chain = 8};
    ltd_rng_seed(&rng, 5, LTD_STREAM_TEST);
    if (ltd_cycle_new(&c, &o, &err) < 0) fail_msg("%s", err.msg);
    if (ltd_record_begin(trace, c, &err) < 0) fail_msg("%s", err.msg);
    for (int t = 0; t < TEXTS; t++) {
        for (int i = 0; i < PROMPT; i++) ids[i] = (int32_t)ltd_rng_below(&rng, 320);
        ltd_prompt p = {.question_id = t, .task = "random", .ids = ids, .n = PROMPT};
        if (ltd_record_text(trace, c, &p, TEXT, 0, &err) < 0) fail_msg("%s", err.msg);
    }
    ltd_cycle_free(c);
}

/* A position's rows are those of a record of that width, bit for bit, as long as they are known.
 * Returns the share that is. */
static double compare(const ltd_trace *narrow, const ltd_trace *own)
{
    int64_t known = 0, all = 0;
    size_t rows = (size_t)ltd_trace_rows(own);
    assert_int_equal(narrow->top_k, own->top_k);
    assert_int_equal(narrow->max_forwards, own->max_forwards);
    assert_int_equal(narrow->n, own->n);
    for (int32_t t = 0; t < own->n; t++) {
        const ltd_trace_text *a = &narrow->text[t], *b = &own->text[t];
        assert_int_equal(a->positions, b->positions);
        for (size_t at = 0; at < (size_t)a->positions * rows; at += rows, all += (int64_t)rows)
            for (size_t r = at; r < at + rows && a->draft_token[r] >= 0; r++, known++) {
                assert_int_equal(a->draft_token[r], b->draft_token[r]);
                assert_memory_equal(&a->draft_logp[r], &b->draft_logp[r], sizeof(float));
            }
    }
    return (double)known / (double)all;
}

static void narrow_records_are_what_the_head_would_have_said(void **state)
{
    (void)state;
    ltd_trace wide;
    record(&wide, WIDE);
    for (int32_t k = 1; k < WIDE; k++) {
        ltd_trace own, narrow;
        ltd_narrowed told;
        record(&own, k);
        assert_int_equal(ltd_trace_narrow(&narrow, &wide, k, &told, &err), 0);
        assert_true(compare(&narrow, &own) > 0.5);
        assert_int_equal(told.positions, (int64_t)own.text[0].positions + own.text[1].positions +
                                             own.text[2].positions);
        ltd_trace_fini(&narrow);
        ltd_trace_fini(&own);
    }
    ltd_trace_fini(&wide);
}

static void as_wide_a_beam_is_the_record_itself(void **state)
{
    (void)state;
    ltd_trace wide = {0}, same;
    ltd_narrowed told;
    made_trace(&wide, 3, 3, 40, 4);
    assert_int_equal(ltd_trace_narrow(&same, &wide, MADE_TRACE_TOP_K, &told, &err), 0);
    assert_true(compare(&same, &wide) == 1);
    assert_int_equal(told.positions, 120);
    assert_int_equal(told.in_doubt, 0);
    ltd_trace_fini(&same);
    ltd_trace_fini(&wide);
}

/* Where a chain leaves the wide beam with right tokens only, it is in doubt, and there alone. */
static void doubt_is_where_a_right_token_left_the_beam(void **state)
{
    (void)state;
    ltd_trace wide = {0}, chain;
    ltd_narrowed told;
    int64_t in_doubt = 0, unknown = 0;
    made_trace(&wide, 7, 8, 60, 4);
    assert_int_equal(ltd_trace_narrow(&chain, &wide, 1, &told, &err), 0);
    for (int32_t t = 0; t < chain.n; t++) {
        const ltd_trace_text *x = &chain.text[t];
        for (int32_t i = 0; i < x->positions; i++) {
            const int32_t *token = x->draft_token + (size_t)i * 4, *next = x->token + x->prompt + i;
            int32_t d = 0;
            while (d < 4 && token[d] == next[d + 1]) d++;
            in_doubt += d < 4 && token[d] < 0;
            for (d = 0; d < 4 && token[d] >= 0;) d++;
            unknown += d < 4;
        }
    }
    assert_int_equal(told.in_doubt, in_doubt);
    assert_true(in_doubt > 0 && unknown > in_doubt);
    ltd_trace_fini(&chain);
    ltd_trace_fini(&wide);
}

/* A cycle plays them as any record. */
static void cycles_play_them(void **state)
{
    (void)state;
    ltd_trace wide = {0}, chain;
    ltd_narrowed told;
    ltd_outcomes *o;
    made_trace(&wide, 9, 2, 40, 4);
    assert_int_equal(ltd_trace_narrow(&chain, &wide, 1, &told, &err), 0);
    ltd_cycle_options c = {.trace = &chain,
                           .clock = ltd_clock_monotonic(),
                           .context = 200,
                           .top_k = 1,
                           .max_forwards = 4,
                           .max_size = 8,
                           .lookup_min_match = 1,
                           .lookup_max_chain = 6};
    assert_int_equal(ltd_outcomes_new(&o, &c, &err), 0);
    for (int32_t i = 0; i < 40; i++) {
        const int32_t *token = chain.text[1].draft_token + (size_t)i * 4;
        const int32_t *next = chain.text[1].token + chain.text[1].prompt + i;
        int32_t d = 0;
        while (d < 4 && token[d] == next[d + 1]) d++;
        assert_int_equal(ltd_outcomes_len(o, 1, i, false, 4, 4), d + 1);
        assert_int_equal(ltd_outcomes_pool(o, 1, i, false, 4), 4);
    }
    ltd_outcomes_free(o);
    ltd_trace_fini(&chain);
    ltd_trace_fini(&wide);
}

static void wider_ones_are_refused(void **state)
{
    (void)state;
    ltd_trace wide = {0}, ret;
    ltd_narrowed told;
    made_trace(&wide, 1, 1, 10, 2);
    assert_int_equal(ltd_trace_narrow(&ret, &wide, 4, &told, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "a beam of 4, expected 1 to the recorded 3"));
    assert_int_equal(ltd_trace_narrow(&ret, &wide, 0, &told, &err), LTD_EINVAL);
    assert_null(ret.text);
    ltd_trace_fini(&wide);
}

static int setup(void **state)
{
    (void)state;
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    head = engine_head("eagle3/session", model, LTD_LOAD_Q8);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ltd_eagle3_close(head);
    ltd_llama_close(model);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(narrow_records_are_what_the_head_would_have_said),
        cmocka_unit_test(as_wide_a_beam_is_the_record_itself),
        cmocka_unit_test(doubt_is_where_a_right_token_left_the_beam),
        cmocka_unit_test(cycles_play_them),
        cmocka_unit_test(wider_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
