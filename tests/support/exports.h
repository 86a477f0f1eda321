/* Exported policies in the folder of a test program (temp_dir.h), with a cost table for the formats
 * that take one.  What fails ends the running test.
 *
 * Static: a test is one file.  meson: `made_policy` among the dependencies. */
#ifndef LTD_TESTS_SUPPORT_EXPORTS_H
#define LTD_TESTS_SUPPORT_EXPORTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agents/export/export.h"
#include "tests/support/made_policy.h"
#include "tests/support/temp_dir.h"

static const ltd_cost cost = {.t_ar_ms = 4, .n_verify = 1, .verify = {{1, 32, 4, 4}}};
static const ltd_export_with with = {&cost, 8};

/* dir/folder/name; returns ret. */
static inline const char *in(char ret[256], const char *folder, const char *name)
{
    snprintf(ret, 256, "%s/%s/%s", dir, folder, name);
    return ret;
}

static inline void save(const ltd_export_format *f, const ltd_policy *p, const char *out)
{
    ltd_err err = LTD_ERR_INIT;
    if (ltd_export_save(f, p, &with, out, &err) < 0) fail_msg("%s: %s", f->name, err.msg);
}

/* With this code, and a message in which `words` stand. */
static inline void is_refused(const char *path, int code, const char *words)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_policy *p = (ltd_policy *)&err;
    int rc = ltd_export_load(&p, path, &err);
    if (rc != code || !strstr(err.msg, words))
        fail_msg("%s: %d '%s', expected %d '%s'", path, rc, err.msg, code, words);
    assert_null(p);
}

#endif
