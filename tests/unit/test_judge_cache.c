/* Replies on disk: found again, and asked for again when the file is damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "trainer/wiki/judge/judge_cache.h"

static ltd_err err;
static char root[64], folder[80], entry[160];
static ltd_str body = LTD_STR_INIT, reply = LTD_STR_INIT;

static int begin(void **state)
{
    char hex[65];
    (void)state;
    strcpy(root, "/tmp/ltd_test_cache_XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(folder, sizeof folder, "%s/a/b", root);
    ltd_str_puts(&body, "{\"model\":\"m\"}");
    ltd_file_sha256(hex, body.data, body.len);
    snprintf(entry, sizeof entry, "%s/%s.json", folder, hex);
    return 0;
}

static int end(void **state)
{
    char command[160];
    (void)state;
    ltd_str_fini(&body);
    ltd_str_fini(&reply);
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static int get(void)
{
    ltd_str_clear(&reply);
    int rc = ltd_wiki_cache_get(folder, &body, &reply, &err);
    if (rc < 0) fail_msg("%s", err.msg);
    return rc;
}

static void put(const char *text)
{
    if (ltd_wiki_cache_put(folder, &body, text, &err) < 0) fail_msg("%s", err.msg);
}

static void what_was_put_is_found(void **state)
{
    (void)state;
    static const char *const texts[] = {"4", "", "a \"b\"\n\xe2\x82\xac \x01", "yes"};
    assert_int_equal(get(), LTD_WIKI_CACHE_NONE);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put(texts[i]);
        assert_int_equal(get(), LTD_OK);
        assert_string_equal(ltd_str_text(&reply), texts[i]);
    }
    assert_int_equal(access(entry, F_OK), 0);
    ltd_str_puts(&body, " "); /* another request */
    assert_int_equal(get(), LTD_WIKI_CACHE_NONE);
}

/* Cut at every length, and every byte changed: never another reply. */
static void damage_is_no_reply(void **state)
{
    (void)state;
    put("4 3 5");
    ltd_file f;
    char bytes[512];
    if (ltd_file_map(&f, entry, &err) < 0) fail_msg("%s", err.msg);
    size_t n = f.size;
    assert_true(n < sizeof bytes);
    memcpy(bytes, f.data, n);
    ltd_file_unmap(&f);
    for (size_t i = 0; i < 2 * n; i++) {
        size_t at = i % n, size = i < n ? at : n;
        char kept = bytes[at];
        bytes[at] = (char)(kept ^ 1);
        if (ltd_file_write(entry, bytes, size, &err) < 0) fail_msg("%s", err.msg);
        int rc = get();
        /* Blanks between members may change; the reply may not. */
        if (rc == LTD_OK && strcmp(ltd_str_text(&reply), "4 3 5") != 0)
            fail_msg("byte %zu of %zu: '%s'", at, size, ltd_str_text(&reply));
        if (size < n - 2) assert_int_equal(rc, LTD_WIKI_CACHE_NONE);
        bytes[at] = kept;
    }
    assert_int_equal(ltd_file_write(entry, "", 0, &err), LTD_OK);
    assert_int_equal(get(), LTD_WIKI_CACHE_NONE);
    put("2");
    assert_int_equal(get(), LTD_OK);
    assert_string_equal(ltd_str_text(&reply), "2");
}

static void a_folder_that_cannot_be_is_told(void **state)
{
    (void)state;
    assert_int_equal(ltd_wiki_cache_put("/proc/nowhere", &body, "4", &err), LTD_EIO);
    assert_non_null(strstr(err.msg, "/proc/nowhere"));
    put("4");
    assert_int_equal(unlink(entry), 0);
    assert_int_equal(mkdir(entry, 0777), 0);
    assert_int_equal(ltd_wiki_cache_get(folder, &body, &reply, &err), LTD_EIO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_is_found),
        TEST(damage_is_no_reply),
        TEST(a_folder_that_cannot_be_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
