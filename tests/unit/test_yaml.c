#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/yaml.h"

static ltd_yaml *parse(const char *text)
{
    ltd_yaml *yaml;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_yaml_parse(&yaml, "c.yaml", text, strlen(text), &err) < 0) fail_msg("%s", err.msg);
    return yaml;
}

static void refused(const char *text, const char *expected)
{
    ltd_yaml *yaml = (ltd_yaml *)1;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_yaml_parse(&yaml, "c.yaml", text, strlen(text), &err), LTD_EFORMAT);
    assert_null(yaml);
    if (!strstr(err.msg, expected)) fail_msg("'%s' lacks '%s'", err.msg, expected);
}

static void maps_become_dotted_keys(void **state)
{
    (void)state;
    ltd_yaml *y = parse("# comment\n"
                        "train:\n"
                        "  lr: 0.001   # why\n"
                        "  name: 'a: b'\n"
                        "  nothing:\n"
                        "  empty: \"\"\n"
                        "env: {sizes: [0, 8, 16], none: []}\n"
                        "list:\n"
                        "- x\n"
                        "- y z\n");
    assert_int_equal(ltd_yaml_count(y), 7);
    const ltd_yaml_item *i = ltd_yaml_at(y, 0);
    assert_string_equal(i->key, "train.lr");
    assert_string_equal(i->text, "0.001");
    assert_int_equal(i->line, 3);
    assert_int_equal(i->column, 7);
    assert_false(i->quoted);
    i = ltd_yaml_at(y, 1);
    assert_string_equal(i->text, "a: b");
    assert_true(i->quoted);
    i = ltd_yaml_at(y, 2);
    assert_string_equal(i->key, "train.nothing");
    assert_string_equal(i->text, "");
    assert_false(i->quoted);
    assert_true(ltd_yaml_at(y, 3)->quoted);
    i = ltd_yaml_at(y, 4);
    assert_string_equal(i->key, "env.sizes");
    assert_true(i->is_list);
    assert_int_equal(i->n, 3);
    assert_string_equal(i->list[2], "16");
    assert_true(ltd_yaml_at(y, 5)->is_list);
    assert_int_equal(ltd_yaml_at(y, 5)->n, 0);
    assert_string_equal(ltd_yaml_at(y, 6)->list[1], "y z");
    ltd_yaml_free(y);
}

static void an_empty_document_has_no_items(void **state)
{
    (void)state;
    ltd_yaml *y = parse("");
    assert_int_equal(ltd_yaml_count(y), 0);
    ltd_yaml_free(y);
    y = parse("# only a comment\n---\n");
    ltd_yaml_free(y);
    y = parse("a: {}\n");
    assert_int_equal(ltd_yaml_count(y), 0);
    ltd_yaml_free(y);
    y = parse("just text");
    assert_string_equal(ltd_yaml_at(y, 0)->key, "");
    ltd_yaml_free(y);
    ltd_yaml_free(NULL);
}

static void keys_given_twice_are_errors(void **state)
{
    (void)state;
    refused("a: 1\nb: 2\na: 3\n", "c.yaml:3:1: key 'a' is there twice");
    refused("t:\n  a: 1\nt:\n  b: 1\n", "c.yaml:3:1: key 't' is there twice");
    refused("t:\n  a: 1\nt.a: 2\n", "key 't.a' is there twice");
    refused("t: 1\nt: {a: 2}\n", "key 't' is there twice");
}

static void what_configurations_lack_is_refused(void **state)
{
    (void)state;
    refused("a: &x 1\n", "c.yaml:1:4: anchors");
    refused("a: *x\n", "aliases");
    refused("a: !!int 1\n", "tags");
    refused("a: [1, [2]]\n", "c.yaml:1:8: a list holds only plain values");
    refused("a: [{b: 1}]\n", "a list holds only plain values");
    refused("? [a]\n: 1\n", "a key must be plain text");
    refused("a: 1\n---\nb: 2\n", "a second document");
    refused("\"\": 1\n", "an empty key");
    refused("a: \"x\\0y\"\n", "NUL");
}

static void broken_text_is_refused_with_line_and_column(void **state)
{
    (void)state;
    refused("a: 1\n  b: 2\n", "c.yaml:2:");
    refused("a: [1, 2\n", "c.yaml:2:1: ");
    refused("a: 'x\n", "c.yaml:");
    refused("a: \xff\n", "c.yaml: byte 3: ");
    refused("\tb: 1\n", "c.yaml:1:");
}

static void depth_size_and_counts_are_bounded(void **state)
{
    (void)state;
    char deep[200] = "";
    for (int i = 0; i < 20; i++) strcat(deep, "{a: ");
    refused(deep, "nested too deeply");
    memset(deep, '[', 100);
    deep[100] = 0;
    refused(deep, "plain values");
    char key[300];
    memset(key, 'k', 200);
    strcpy(key + 200, ": 1\n");
    refused(key, "too long");
    size_t cap = LTD_YAML_MAX_BYTES + 2;
    char *big = calloc(cap, 1);
    memset(big, ' ', cap - 1);
    refused(big, "bytes, expected at most");
    big[0] = 0;
    char *p = big + sprintf(big, "a: [");
    for (int i = 0; i < 2000; i++) p += sprintf(p, "1, ");
    strcpy(p, "1]\n");
    refused(big, "too many list entries");
    p = big;
    for (int i = 0; i < 2000; i++) p += sprintf(p, "k%d: 1\n", i);
    refused(big, "too many keys");
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_become_dotted_keys),
        cmocka_unit_test(an_empty_document_has_no_items),
        cmocka_unit_test(keys_given_twice_are_errors),
        cmocka_unit_test(what_configurations_lack_is_refused),
        cmocka_unit_test(broken_text_is_refused_with_line_and_column),
        cmocka_unit_test(depth_size_and_counts_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
