/* A record played back is the engine: the same trees, texts and accepted lengths for any decisions,
 * with prompt lookup and without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/cycle.h"
#include "tests/support/engine.h"
#include "trainer/records/record.h"

enum { CONTEXT = 256, FORWARDS = 4, SIZE = 20, TEXT = 60, TEXTS = 3, PROMPT = 24 };

static ltd_llama *model;
static ltd_eagle3 *head;
static ltd_trace trace;
static int32_t ids[TEXTS][PROMPT];
static ltd_err err;

static ltd_cycle_options options(bool live)
{
    ltd_cycle_options o = {.clock = ltd_clock_monotonic(),
                           .context = CONTEXT,
                           .top_k = 4,
                           .max_forwards = FORWARDS,
                           .max_size = SIZE,
                           .lookup = true,
                           .lookup_min_match = 1,
                           .lookup_max_chain = 8};
    if (live) {
        o.model = model;
        o.head = head;
    } else {
        o.trace = &trace;
    }
    return o;
}

static ltd_cycle *open_cycle(ltd_cycle_options o)
{
    ltd_cycle *c;
    if (ltd_cycle_new(&c, &o, &err) < 0) fail_msg("%s", err.msg);
    return c;
}

static int setup(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 5, LTD_STREAM_TEST);
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    head = engine_head("eagle3/session", model, LTD_LOAD_Q8);
    ltd_cycle *c = open_cycle(options(true));
    if (ltd_record_begin(&trace, c, &err) < 0) fail_msg("%s", err.msg);
    for (int t = 0; t < TEXTS; t++) {
        for (int i = 0; i < PROMPT; i++) ids[t][i] = (int32_t)ltd_rng_below(&rng, 320);
        ltd_prompt p = {.question_id = t, .task = "random", .ids = ids[t], .n = PROMPT - t};
        if (ltd_record_text(&trace, c, &p, TEXT, 0, &err) < 0) fail_msg("%s", err.msg);
    }
    ltd_cycle_free(c);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ltd_trace_fini(&trace);
    ltd_eagle3_close(head);
    ltd_llama_close(model);
    return 0;
}

static void same_pool(ltd_cycle *a, ltd_cycle *b)
{
    ltd_tree *x = ltd_cycle_tree(a), *y = ltd_cycle_tree(b);
    int32_t n = ltd_tree_count(x), k = ltd_tree_top_k(x);
    assert_int_equal(n, ltd_tree_count(y));
    assert_memory_equal(ltd_tree_nodes(x), ltd_tree_nodes(y), (size_t)n * sizeof(ltd_node));
    if (!ltd_tree_forwards(x)) return;
    assert_memory_equal(ltd_tree_beam_score(x), ltd_tree_beam_score(y), (size_t)k * sizeof(float));
}

static void play_both(ltd_cycle *live, ltd_cycle *record, int text, ltd_rng *rng, int *accepted)
{
    int32_t n = PROMPT - text;
    ltd_cycle *both[] = {live, record};
    for (int i = 0; i < 2; i++)
        if (ltd_cycle_prompt(both[i], ids[text], n, &err) < 0) fail_msg("%s", err.msg);
    for (int32_t done = 1; done < TEXT;) {
        if (ltd_cycle_is_end(live, ltd_cycle_root(live))) break;
        bool find = ltd_rng_below(rng, 3) > 0;
        int32_t forwards = (int32_t)ltd_rng_below(rng, FORWARDS + 1);
        int32_t size = (int32_t)ltd_rng_below(rng, SIZE + 1);
        const ltd_cycle_result *r[2];
        assert_int_equal(ltd_cycle_root(live), ltd_cycle_root(record));
        for (int i = 0; i < 2; i++) {
            ltd_cycle_set_lookup(both[i], find);
            if (ltd_cycle_begin(both[i], &err) < 0) fail_msg("%s", err.msg);
            for (int32_t f = 0; f < forwards; f++)
                if (ltd_cycle_draft(both[i], &err) < 0) fail_msg("%s", err.msg);
        }
        same_pool(live, record);
        for (int i = 0; i < 2; i++)
            if (ltd_cycle_verify(both[i], size, &r[i], &err) < 0) fail_msg("%s", err.msg);
        assert_int_equal(r[0]->accept_len, r[1]->accept_len);
        assert_int_equal(r[0]->size, r[1]->size);
        assert_int_equal(r[0]->match, r[1]->match);
        engine_same_ids("tokens", r[1]->tokens, r[0]->tokens, r[0]->accept_len);
        engine_same_ids("path", r[1]->path, r[0]->path, r[0]->accept_len);
        assert_int_equal(ltd_cycle_context(live), ltd_cycle_context(record));
        done += r[0]->accept_len;
        *accepted += r[0]->accept_len - 1;
    }
}

static void any_decisions_meet_what_the_engine_says(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 6, LTD_STREAM_TEST);
    ltd_cycle *live = open_cycle(options(true)), *record = open_cycle(options(false));
    int accepted = 0;
    for (int round = 0; round < 8; round++)
        for (int t = 0; t < TEXTS; t++) play_both(live, record, t, &rng, &accepted);
    assert_true(accepted > 100);
    ltd_cycle_free(live);
    ltd_cycle_free(record);
}

static void refused(ltd_cycle_options o, const char *words)
{
    ltd_cycle *c;
    assert_int_equal(ltd_cycle_new(&c, &o, &err), LTD_EINVAL);
    assert_null(c);
    assert_non_null(strstr(err.msg, words));
}

static void what_is_not_recorded_is_refused(void **state)
{
    (void)state;
    ltd_cycle_options o = options(false);
    o.top_k = 5;
    refused(o, "4 forwards of 5 rows, the record has 4 of 4");
    o = options(false);
    o.max_forwards = FORWARDS + 1;
    refused(o, "5 forwards of 4 rows, the record has 4 of 4");
    o = options(false);
    o.sampling.temperature = 1;
    refused(o, "records are greedy");
    ltd_cycle *c = open_cycle(options(false));
    const ltd_cycle_result *r;
    assert_int_equal(ltd_cycle_prompt(c, ids[0], PROMPT - 1, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "not recorded"));
    assert_int_equal(ltd_cycle_begin(c, &err), LTD_EINVAL);
    assert_int_equal(ltd_cycle_prompt(c, ids[0], PROMPT, &err), LTD_OK);
    const ltd_trace_text *t = &trace.text[0];
    for (int32_t i = 0; i < t->positions; i++) {
        assert_int_equal(ltd_cycle_begin(c, &err), LTD_OK);
        assert_int_equal(ltd_cycle_draft(c, &err), LTD_OK);
        assert_int_equal(ltd_cycle_verify(c, 0, &r, &err), LTD_OK);
    }
    assert_int_equal(ltd_cycle_begin(c, &err), LTD_OK);
    assert_int_equal(ltd_cycle_draft(c, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "an answer recorded for"));
    int rc = LTD_OK;
    for (int i = 0; rc == LTD_OK && i < CONTEXT; i++) {
        assert_int_equal(ltd_cycle_begin(c, &err), LTD_OK);
        rc = ltd_cycle_verify(c, 0, &r, &err);
    }
    assert_int_equal(rc, LTD_EINVAL);
    assert_non_null(strstr(err.msg, "the recorded text ends"));
    ltd_cycle_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_decisions_meet_what_the_engine_says),
        cmocka_unit_test(what_is_not_recorded_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
