/* Tests over WikiGenBench's sample, which isn't ours to commit.  The last test of a list, when the
 * sample is absent, is left out by name: meson takes cmocka's skip() for a failure.
 *
 *     return run_with_sample(tests, setup, teardown);
 *
 * Behind <cmocka.h>. */
#ifndef LTD_TESTS_SUPPORT_SAMPLE_H
#define LTD_TESTS_SUPPORT_SAMPLE_H

#include <stdio.h>

#include "tests/support/golden.h"

#define run_with_sample(list, setup, teardown)                                                     \
    _cmocka_run_group_tests(#list, list,                                                           \
                            those_without_sample(list, sizeof(list) / sizeof((list)[0])), setup,   \
                            teardown)

static inline size_t those_without_sample(const struct CMUnitTest *list, size_t n)
{
    char root[1024];
    if (source_path(root, sizeof root, "../shared/wikigen/sample")) return n;
    printf("# left out: %s: ../shared/wikigen/sample is absent\n", list[n - 1].name);
    return n - 1;
}

#endif
