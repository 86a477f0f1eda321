/* A folder for the files of a test program: made before its group, removed with all in it after.
 *
 *     return cmocka_run_group_tests(tests, make_dir, remove_dir);          then dir is there
 *
 * Static: a test is one file.  Behind <cmocka.h>. */
#ifndef LTD_TESTS_SUPPORT_TEMP_DIR_H
#define LTD_TESTS_SUPPORT_TEMP_DIR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[64];

static inline int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/ltd-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static inline int remove_dir(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

#endif
