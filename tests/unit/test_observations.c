/* Observations that training keeps: the latest, as they were, through a checkpoint; and what a
 * comparison on them finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/support/made_policy.h"
#include "trainer/checkpoint/export_check.h"
#include "trainer/checkpoint/policy_file.h"

static char path[64];

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/ltd-observations-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static void push(ltd_observations *o, int n)
{
    for (int i = 0; i < n; i++) {
        const float depth[2] = {(float)i, 1}, size[3] = {(float)i, 2, 3};
        ltd_observations_push(o, LTD_TURN_DEPTH, depth);
        if (i % 2) ltd_observations_push(o, LTD_TURN_SIZE, size);
    }
}

static void put(const ltd_observations *o)
{
    ltd_checkpoint_writer *w;
    assert_int_equal(ltd_checkpoint_create(&w, path, NULL), 0);
    ltd_observations_put(o, w);
    assert_int_equal(ltd_checkpoint_finish(w, NULL), 0);
}

static void the_latest_go_through_a_checkpoint_and_on(void **state)
{
    (void)state;
    const int counts[] = {0, 7, LTD_OBSERVATIONS, 2345};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        ltd_observations a, b;
        ltd_checkpoint *c;
        assert_int_equal(ltd_observations_init(&a, 2, 3, NULL), 0);
        assert_int_equal(ltd_observations_init(&b, 2, 3, NULL), 0);
        push(&a, counts[k]);
        push(&b, 3); /* forgotten */
        put(&a);
        assert_int_equal(ltd_checkpoint_open(&c, path, NULL), 0);
        assert_int_equal(ltd_observations_get(&b, c, NULL), 0);
        ltd_checkpoint_close(c);
        push(&a, 11);
        push(&b, 11);
        for (int i = 0; i < 2; i++) {
            int32_t n = a.turn[i].n;
            assert_int_equal(b.turn[i].n, n);
            assert_int_equal(b.turn[i].next, a.turn[i].next);
            assert_memory_equal(a.turn[i].rows, b.turn[i].rows,
                                (size_t)n * (size_t)a.turn[i].dim * sizeof(float));
        }
        const struct ltd_observed *t = ltd_observations_of(&a, LTD_TURN_DEPTH);
        assert_int_equal(t->n,
                         counts[k] + 11 < LTD_OBSERVATIONS ? counts[k] + 11 : LTD_OBSERVATIONS);
        int32_t newest = (t->next + LTD_OBSERVATIONS - 1) % LTD_OBSERVATIONS;
        assert_true(t->rows[2 * newest] == 10);
        ltd_observations_fini(&a);
        ltd_observations_fini(&b);
    }
}

static void a_place_that_can_not_be_is_refused(void **state)
{
    (void)state;
    ltd_observations a;
    ltd_checkpoint *c;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_observations_init(&a, 2, 3, NULL), 0);
    push(&a, 7);
    a.turn[0].next = 3;
    put(&a);
    assert_int_equal(ltd_checkpoint_open(&c, path, NULL), 0);
    assert_int_equal(ltd_observations_get(&a, c, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "sample/depth: 7 observations, the next one at 3"));
    ltd_checkpoint_close(c);
    ltd_observations_fini(&a);
}

static void a_comparison_finds_what_differs(void **state)
{
    (void)state;
    const made_policy_kind kind = {.depth = true, .size = true, .hidden = 8, .seed = 1};
    ltd_policy *a = made_policy(&kind), *b = made_policy(&kind);
    ltd_observations met;
    ltd_export_check check;
    ltd_err err = LTD_ERR_INIT;
    float obs[56], w[2 * 8], bias[2];
    assert_int_equal(ltd_observations_init(&met, 56, 56, NULL), 0);
    assert_int_equal(ltd_export_compare(a, b, &met, &check, &err), LTD_EINVAL);
    for (uint64_t i = 0; i < 100; i++) {
        made_policy_obs(obs, 56, i);
        ltd_observations_push(&met, LTD_TURN_DEPTH, obs);
        ltd_observations_push(&met, LTD_TURN_SIZE, obs);
    }
    assert_int_equal(ltd_export_compare(a, b, &met, &check, &err), 0);
    assert_int_equal(check.turn[0].observations, 100);
    assert_int_equal(check.turn[1].same, 100);
    assert_true(check.turn[0].difference == 0);
    assert_int_equal(ltd_mlp_get(b->depth, 2, w, bias, NULL), 0);
    bias[1] += 1e-4f;
    assert_int_equal(ltd_mlp_set(b->depth, 2, w, bias, NULL), 0);
    assert_int_equal(ltd_export_compare(a, b, &met, &check, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "its depth net differs by"));
    assert_true(check.turn[0].difference > 5e-5 && check.turn[0].difference < 2e-4);
    ltd_mlp_free(b->depth);
    b->depth = NULL;
    assert_int_equal(ltd_export_compare(a, b, &met, &check, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "depth net has another shape"));
    ltd_policy_free(a);
    ltd_policy_free(b);
    ltd_observations_fini(&met);
}

/* A policy with critics through a checkpoint, as an import writes it. */
static void critics_go_through_a_checkpoint(void **state)
{
    (void)state;
    const made_policy_kind kind = {
        .depth = true, .size = true, .critics = true, .survival = true, .hidden = 8, .seed = 2};
    ltd_policy *p = made_policy(&kind), *again;
    ltd_checkpoint_writer *w;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_checkpoint_create(&w, path, NULL), 0);
    assert_int_equal(ltd_policy_put(w, p, NULL), 0);
    assert_int_equal(ltd_checkpoint_finish(w, NULL), 0);
    if (ltd_policy_load(&again, path, &err) < 0) fail_msg("%s", err.msg);
    again->fixed_forwards = p->fixed_forwards; /* not kept where both actors are */
    made_policy_same(p, again);
    ltd_policy_free(p);
    ltd_policy_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_go_through_a_checkpoint_and_on),
        cmocka_unit_test(a_place_that_can_not_be_is_refused),
        cmocka_unit_test(a_comparison_finds_what_differs),
        cmocka_unit_test(critics_go_through_a_checkpoint),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
