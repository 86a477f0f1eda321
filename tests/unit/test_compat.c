/* Differences of the released code: each changes what configs/paper.yaml says, the file of all of
 * them says the same as their names, and what is not offered says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "trainer/config/compat.h"

static ltd_config paper, a, b;

static void source_path(char ret[1024], const char *path)
{
    const char *root = getenv("LTD_SOURCE_ROOT");
    snprintf(ret, 1024, "%s/%s", root ? root : ".", path);
}

static int load_paper(void **state)
{
    (void)state;
    char path[1024];
    ltd_err err = LTD_ERR_INIT;
    source_path(path, "configs/paper.yaml");
    if (ltd_config_load(&paper, path, NULL, 0, &err) < 0) {
        print_error("%s\n", err.msg);
        return -1;
    }
    return 0;
}

static void each_offered_one_changes_the_papers_setting(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    const ltd_compat *c;
    size_t offered = 0, i = 0;
    for (; (c = ltd_compat_at(i)); i++) {
        if (c->why_not) continue;
        assert_int_equal(offered++, i); /* they come first */
        for (int k = 0; k < LTD_COMPAT_KEYS && c->keys[k]; k++) {
            memcpy(&a, &paper, sizeof a);
            if (ltd_config_set(&a, c->keys[k], &err) < 0) fail_msg("%s: %s", c->name, err.msg);
            if (memcmp(&a, &paper, sizeof a) == 0)
                fail_msg("%s: %s is the paper's setting, too", c->name, c->keys[k]);
        }
        memcpy(&a, &paper, sizeof a);
        if (ltd_compat_apply(&a, c->name, &err) < 0) fail_msg("%s", err.msg);
        assert_int_equal(ltd_config_check(&a, &err), 0);
    }
    assert_true(offered > 5 && offered < i);
}

static void official_is_all_of_them(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    const ltd_compat *c;
    memcpy(&a, &paper, sizeof a);
    memcpy(&b, &paper, sizeof b);
    assert_int_equal(ltd_compat_apply(&a, "official", &err), 0);
    for (size_t i = 0; (c = ltd_compat_at(i)) && !c->why_not; i++)
        assert_int_equal(ltd_compat_apply(&b, c->name, &err), 0);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(a.env.sizes.n, 24);
    assert_int_equal(a.env.depth_every, 3);
    memcpy(&b, &paper, sizeof b);
    assert_int_equal(ltd_compat_apply(&b, "tanh,lr-3e-4", &err), 0);
    assert_int_equal(b.policy.activation, LTD_ACT_TANH);
    assert_true(b.train.lr == 0.0003 && b.train.n_epochs == paper.train.n_epochs);
}

static void the_file_says_the_same(void **state)
{
    (void)state;
    char path[1024];
    ltd_err err = LTD_ERR_INIT;
    ltd_str text = LTD_STR_INIT;
    ltd_compat_yaml(&text);
    source_path(path, "configs/compat/official.yaml");
    if (getenv("LTD_REGENERATE") && ltd_file_write(path, text.data, text.len, &err) < 0)
        fail_msg("%s", err.msg);
    ltd_file file;
    if (ltd_file_map(&file, path, &err) < 0) fail_msg("%s", err.msg);
    if (file.size != text.len || memcmp(file.data, text.data, text.len) != 0)
        fail_msg("%s differs from the table: LTD_REGENERATE=1", path);
    ltd_file_unmap(&file);
    memcpy(&a, &paper, sizeof a);
    memcpy(&b, &paper, sizeof b);
    assert_int_equal(ltd_compat_apply(&a, "official", &err), 0);
    if (ltd_config_parse(&b, path, text.data, text.len, &err) < 0) fail_msg("%s", err.msg);
    assert_memory_equal(&a, &b, sizeof a);
    ltd_str_fini(&text);
}

static void refused(const char *names, const char *why)
{
    ltd_err err = LTD_ERR_INIT;
    memcpy(&a, &paper, sizeof a);
    assert_int_equal(ltd_compat_apply(&a, names, &err), LTD_EINVAL);
    if (!strstr(err.msg, why)) fail_msg("'%s' lacks '%s'", err.msg, why);
    assert_memory_equal(&a, &paper, sizeof a);
}

static void what_is_not_offered_says_why(void **state)
{
    (void)state;
    const ltd_compat *c;
    ltd_str text = LTD_STR_INIT;
    ltd_compat_list(&text);
    for (size_t i = 0; (c = ltd_compat_at(i)); i++) {
        if (!strstr(ltd_str_text(&text), c->name)) fail_msg("the list lacks %s", c->name);
        if (c->why_not) refused(c->name, c->why_not);
    }
    ltd_str_fini(&text);
    refused("tanhh", "no difference called 'tanhh'");
    refused("", "no difference called ''");
    refused("tanh,", "no difference called ''");
    refused("tanh,context-0.01", "is not offered");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_offered_one_changes_the_papers_setting),
        cmocka_unit_test(official_is_all_of_them),
        cmocka_unit_test(the_file_says_the_same),
        cmocka_unit_test(what_is_not_offered_says_why),
    };
    return cmocka_run_group_tests(tests, load_paper, NULL);
}
