/* The processes of a run: alone, and, started by mpirun, as one of several.  There rank 0 reports.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "trainer/ppo/group.h"

static ltd_group *group;
static ltd_err err;

static void check(int rc)
{
    if (rc < 0) fail_msg("%s", err.msg);
}

/* --- alone --- */

static void alone_there_is_nobody_to_wait_for(void **state)
{
    (void)state;
    float v[2] = {1.5f, -2};
    double w[1] = {0.25};
    int32_t number = 7, all = 0, mine, most;
    assert_int_equal(ltd_group_rank(NULL), 0);
    assert_int_equal(ltd_group_size(NULL), 1);
    check(ltd_group_sum(NULL, v, 2, w, 1, &err));
    assert_true(v[0] == 1.5f && v[1] == -2 && w[0] == 0.25);
    check(ltd_group_gather(NULL, &number, sizeof number, &all, &err));
    assert_int_equal(all, 7);
    check(ltd_group_share(NULL, &number, sizeof number, &err));
    assert_int_equal(number, 7);
    check(ltd_group_turn(NULL, &mine, &most, &err));
    assert_true(mine == 0 && most == 1);
    check(ltd_group_barrier(NULL, &err));
    check(ltd_group_poll(NULL, &err));
    ltd_group_heed(NULL, NULL);
    ltd_group_close(NULL, true);
}

static void leaving_alone_keeps_the_reason(void **state)
{
    (void)state;
    ltd_err why = LTD_ERR_INIT;
    ltd_fail(&why, LTD_EFORMAT, "a reason");
    assert_int_equal(ltd_group_part(NULL, &why), LTD_EFORMAT);
    assert_string_equal(why.msg, "a reason");
}

/* --- several --- */

/* In double 1e16 + 1 is 1e16: only this order gives 0, whatever the number of processes. */
static void sums_are_added_in_the_order_of_ranks(void **state)
{
    (void)state;
    int32_t rank = ltd_group_rank(group), size = ltd_group_size(group);
    double w[2] = {1, (double)rank};
    float v[3] = {(float)rank, 0.1f, -1};
    if (rank == 0) w[0] = 1e16;
    if (rank == size - 1) w[0] = -1e16;
    check(ltd_group_sum(group, v, 3, w, 2, &err));
    assert_true(w[0] == 0);
    assert_true(w[1] == size * (size - 1) / 2);
    double tenths = 0;
    for (int32_t r = 0; r < size; r++) tenths += (double)0.1f;
    assert_true(v[0] == (float)w[1] && v[1] == (float)tenths && v[2] == (float)-size);
    float alone = 2;
    check(ltd_group_sum(group, &alone, 1, NULL, 0, &err));
    assert_true(alone == (float)(2 * size));
}

static void everybody_gets_what_all_have_in_their_order(void **state)
{
    (void)state;
    enum { N = 5000 };
    int32_t rank = ltd_group_rank(group), size = ltd_group_size(group);
    int32_t mine[N], *all = calloc((size_t)size * N, sizeof *all);
    assert_non_null(all);
    for (int32_t i = 0; i < N; i++) mine[i] = rank * N + i;
    check(ltd_group_gather(group, mine, sizeof mine, all, &err));
    for (int32_t i = 0; i < size * N; i++) assert_int_equal(all[i], i);
    free(all);
}

static void what_rank_0_has_is_shared(void **state)
{
    (void)state;
    char text[16] = "mine";
    if (ltd_group_rank(group) == 0) strcpy(text, "that of rank 0");
    check(ltd_group_share(group, text, sizeof text, &err));
    assert_string_equal(text, "that of rank 0");
    check(ltd_group_barrier(group, &err));
    check(ltd_group_poll(group, &err));
}

/* All of these processes are on one machine. */
static void processes_of_a_machine_take_turns(void **state)
{
    (void)state;
    int32_t mine, most;
    check(ltd_group_turn(group, &mine, &most, &err));
    assert_int_equal(mine, ltd_group_rank(group));
    assert_int_equal(most, ltd_group_size(group));
}

static void too_much_for_a_message_is_refused(void **state)
{
    (void)state;
    ltd_err why = LTD_ERR_INIT;
    char none;
    assert_int_equal(ltd_group_share(group, &none, (size_t)INT32_MAX, &why), LTD_EINVAL);
    assert_non_null(strstr(why.msg, "2147483647 bytes"));
    check(ltd_group_barrier(group, &err));
}

int main(void)
{
    const struct CMUnitTest alone[] = {
        cmocka_unit_test(alone_there_is_nobody_to_wait_for),
        cmocka_unit_test(leaving_alone_keeps_the_reason),
    };
    const struct CMUnitTest several[] = {
        cmocka_unit_test(sums_are_added_in_the_order_of_ranks),
        cmocka_unit_test(everybody_gets_what_all_have_in_their_order),
        cmocka_unit_test(what_rank_0_has_is_shared),
        cmocka_unit_test(processes_of_a_machine_take_turns),
        cmocka_unit_test(too_much_for_a_message_is_refused),
    };
    if (ltd_group_open(&group, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    if (!group) return cmocka_run_group_tests(alone, NULL, NULL);
    if (ltd_group_rank(group) > 0 && !freopen("/dev/null", "w", stdout)) return 1;
    int failed = cmocka_run_group_tests(several, NULL, NULL);
    ltd_group_close(group, failed == 0);
    return failed;
}
