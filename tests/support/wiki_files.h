/* Files of a run for tests: read whole, compared, changed.  Static: a test is one file.  Behind
 * <cmocka.h>.
 *
 *     char *text = read_text(dir, "a/run.json");           owned; NULL: it isn't there */
#ifndef LTD_TESTS_SUPPORT_WIKI_FILES_H
#define LTD_TESTS_SUPPORT_WIKI_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static inline char *read_text(const char *folder, const char *name)
{
    char path[512];
    ltd_file f;
    ltd_err err = LTD_ERR_INIT;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (access(path, F_OK) != 0) return NULL;
    assert_int_equal(ltd_file_map(&f, path, &err), LTD_OK);
    char *text = ltd_mem_zeros(f.size + 1, 1);
    assert_non_null(text);
    memcpy(text, f.data, f.size);
    ltd_file_unmap(&f);
    return text;
}

static inline void write_text(const char *folder, const char *name, const char *text)
{
    char path[512];
    ltd_err err = LTD_ERR_INIT;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (ltd_file_mkdirs_for(path, &err) < 0 || ltd_file_write(path, text, strlen(text), &err) < 0)
        fail_msg("%s", err.msg);
}

/* The first `from` of a file becomes `to`. */
static inline void change_text(const char *folder, const char *name, const char *from,
                               const char *to)
{
    char *text = read_text(folder, name);
    assert_non_null(text);
    char *at = strstr(text, from);
    if (!at) fail_msg("'%s' is not in %s", from, name);
    char *changed = ltd_mem_zeros(strlen(text) + strlen(to) + 1, 1);
    assert_non_null(changed);
    memcpy(changed, text, (size_t)(at - text));
    strcat(changed, to);
    strcat(changed, at + strlen(from));
    write_text(folder, name, changed);
    free(changed);
    free(text);
}

static inline void copy_folder(const char *from, const char *to)
{
    char command[1200];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -r '%s' '%s'", to, from, to);
    assert_int_equal(system(command), 0);
}

static inline void remove_file(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(unlink(path), 0);
}

#endif
