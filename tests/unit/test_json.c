#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/rng.h"

static ltd_json_doc *parse(const char *text)
{
    ltd_json_doc *doc;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_json_parse(&doc, "t.json", text, strlen(text), &err) < 0) fail_msg("%s", err.msg);
    return doc;
}

static void refused(const char *text, size_t size, const char *expected)
{
    ltd_json_doc *doc = (ltd_json_doc *)1;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_json_parse(&doc, "t.json", text, size, &err), LTD_EFORMAT);
    assert_null(doc);
    if (!strstr(err.msg, expected)) fail_msg("'%s' lacks '%s'", err.msg, expected);
}

static void members_are_read_by_type(void **state)
{
    (void)state;
    ltd_json_doc *doc = parse("{\"a\": 3, \"b\": 2.5, \"c\": \"x\\u00e9\", \"d\": [1, 2.0, \"t\"], "
                              "\"e\": {\"f\": true}, \"g\": null, \"h\": 7.0}");
    ltd_json root = ltd_json_root(doc), v;
    ltd_err err = LTD_ERR_INIT;
    int64_t i = 0;
    double d = 0;
    bool b = false;
    const char *s = NULL;
    assert_int_equal(ltd_json_get_int(root, "a", 0, 9, &i, &err), 0);
    assert_int_equal(i, 3);
    assert_int_equal(ltd_json_get_int(root, "h", 0, 9, &i, &err), 0);
    assert_int_equal(i, 7);
    assert_int_equal(ltd_json_get_f64(root, "b", &d, &err), 0);
    assert_true(d == 2.5);
    assert_int_equal(ltd_json_get_string(root, "c", &s, &err), 0);
    assert_string_equal(s, "x\xc3\xa9");
    assert_int_equal(ltd_json_get_array(root, "d", &v, &err), 0);
    assert_int_equal(ltd_json_count(v), 3);
    assert_int_equal(ltd_json_as_int(ltd_json_at(v, 1), "d[1]", 0, 9, &i, &err), 0);
    assert_int_equal(i, 2);
    assert_null(ltd_json_at(v, 3).value);
    assert_int_equal(ltd_json_get_object(root, "e", &v, &err), 0);
    assert_int_equal(ltd_json_get_bool(v, "f", &b, &err), 0);
    assert_true(b);
    assert_false(ltd_json_has(root, "g"));
    assert_false(ltd_json_has(root, "z"));
    assert_true(ltd_json_has(root, "a"));
    ltd_json_free(doc);
}

static const char *shade(int i)
{
    return i == 0 ? "light" : "dark";
}

static void a_choice_is_one_of_the_names(void **state)
{
    (void)state;
    ltd_json_doc *doc = parse("{\"a\": \"dark\", \"b\": \"grey\", \"c\": 1}");
    ltd_json root = ltd_json_root(doc);
    ltd_err err = LTD_ERR_INIT;
    int which = 5;
    assert_int_equal(ltd_json_get_choice(root, "b", shade, 2, &which, &err), LTD_EFORMAT);
    assert_string_equal(err.msg, "t.json: key 'b': is 'grey', expected one of 2, such as 'light'");
    assert_int_equal(ltd_json_get_choice(root, "c", shade, 2, &which, &err), LTD_EFORMAT);
    assert_int_equal(which, 5);
    assert_int_equal(ltd_json_get_choice(root, "a", shade, 2, &which, &err), LTD_OK);
    assert_int_equal(which, 1);
    ltd_json_free(doc);
}

static void messages_say_what_was_found_and_expected(void **state)
{
    (void)state;
    ltd_json_doc *doc =
        parse("{\"x\": \"7\", \"y\": 12, \"z\": 1.5, \"w\": null, \"big\": 1e30, \"n\": NaN}");
    ltd_json root = ltd_json_root(doc);
    ltd_err err = LTD_ERR_INIT;
    double d = 4;
    int64_t i = 5;
    const char *s = NULL;
    assert_int_equal(ltd_json_get_f64(root, "x", &d, &err), LTD_EFORMAT);
    assert_string_equal(err.msg, "t.json: key 'x': found string, expected number");
    assert_true(d == 4);
    assert_int_equal(ltd_json_get_int(root, "y", 1, 4, &i, &err), LTD_EFORMAT);
    assert_string_equal(err.msg, "t.json: key 'y': is 12, expected 1 to 4");
    assert_int_equal(ltd_json_get_int(root, "z", 1, 4, &i, &err), LTD_EFORMAT);
    assert_string_equal(err.msg, "t.json: key 'z': is 1.5, expected an integer");
    assert_int_equal(ltd_json_get_int(root, "big", INT64_MIN, INT64_MAX, &i, &err), LTD_EFORMAT);
    assert_int_equal(i, 5);
    assert_int_equal(ltd_json_get_f64(root, "n", &d, &err), LTD_EFORMAT);
    assert_string_equal(err.msg, "t.json: key 'n': is nan, expected a finite number");
    assert_int_equal(ltd_json_get_string(root, "w", &s, &err), LTD_EFORMAT);
    assert_string_equal(err.msg, "t.json: key 'w': found null, expected string");
    assert_int_equal(ltd_json_get_string(root, "v", &s, &err), LTD_EFORMAT);
    assert_string_equal(err.msg, "t.json: key 'v': missing, expected string");
    assert_int_equal(ltd_json_get_string(ltd_json_member(root, "y"), "v", &s, &err), LTD_EFORMAT);
    assert_string_equal(err.msg, "t.json: found number, expected object with key 'v'");
    ltd_json_free(doc);
}

static void broken_text_is_refused_with_its_line(void **state)
{
    (void)state;
    refused("{\"a\": 1,\n \"b\" 2}", 17, "t.json:2: ");
    refused("", 0, "t.json:1: the text ends too early");
    refused("{\"a\": [1, 2", 11, "ends too early");
    refused("{} x", 4, "t.json:1: ");
    refused("{\"a\": \0 1}", 10, "NUL");
    refused("\"\xff\"", 3, "t.json:1: ");
    refused("{\"a\": 1,}", 9, "t.json:1: ");
    char deep[400];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    refused(deep, 400, "deeper than 64 levels");
}

static void a_lone_number_and_odd_strings_are_documents(void **state)
{
    (void)state;
    ltd_json_doc *doc = parse("42");
    int64_t i = 0;
    assert_int_equal(ltd_json_as_int(ltd_json_root(doc), "root", 0, 99, &i, NULL), 0);
    assert_int_equal(i, 42);
    ltd_json_free(doc);
    doc = parse("\"a\\u0000b\"");
    size_t n = 0;
    assert_memory_equal(ltd_json_text(ltd_json_root(doc), &n), "a\0b", 3);
    assert_int_equal(n, 3);
    ltd_json_free(doc);
    ltd_json_free(NULL);
}

static void members_come_in_file_order(void **state)
{
    (void)state;
    ltd_json_doc *doc = parse("{\"z\": 1, \"a\": null, \"m\": \"x\"}");
    const char *const keys[] = {"z", "a", "m"};
    size_t n = 0;
    for (ltd_json_iter it = ltd_json_each(ltd_json_root(doc)); ltd_json_next(&it); n++)
        assert_string_equal(it.key, keys[n]);
    assert_int_equal(n, 3);
    assert_int_equal(ltd_json_count(ltd_json_root(doc)), 3);
    ltd_json_free(doc);
}

static void put_sample(ltd_json_writer *w)
{
    ltd_json_begin_object(w, NULL);
    ltd_json_put_int(w, "version", 1);
    ltd_json_put_string(w, "q\"\\\n\x01", "a\tb\xff\xc3\xa9\xed\xa0\x80");
    ltd_json_begin_array(w, "rows");
    ltd_json_begin_inline_object(w, NULL);
    ltd_json_put_f64(w, "x", 0.1);
    ltd_json_put_f64(w, "nan", NAN);
    ltd_json_begin_array(w, "ci");
    ltd_json_put_f64(w, NULL, 1.5);
    ltd_json_put_u64(w, NULL, UINT64_MAX);
    ltd_json_end_array(w);
    ltd_json_end_object(w);
    ltd_json_end_array(w);
    ltd_json_begin_object(w, "empty");
    ltd_json_end_object(w);
    ltd_json_put_bool(w, "t", true);
    ltd_json_put_string(w, "none", NULL);
    ltd_json_end_object(w);
}

/* What a text is read back as from the JSON that it was put in. */
static void texts_can_be_made_what_json_gives_back(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "plain",
                                        "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
                                        "cut \xe2\x82",
                                        "\xff in \xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80",
                                        "\xe2\x82\xe2\x82\xac"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ltd_str clean = LTD_STR_INIT, json = LTD_STR_INIT;
        ltd_json_writer w = ltd_json_writing(&json, 0);
        ltd_json_put_string(&w, NULL, texts[i]);
        ltd_str_push_utf8(&clean, texts[i], strlen(texts[i]));
        ltd_json_doc *doc = parse(ltd_str_text(&json));
        assert_string_equal(ltd_str_text(&clean), ltd_json_text(ltd_json_root(doc), NULL));
        assert_true((i < 3) == (strcmp(ltd_str_text(&clean), texts[i]) == 0));
        ltd_json_free(doc);
        ltd_str_fini(&clean);
        ltd_str_fini(&json);
    }
    assert_int_equal(ltd_str_utf8("\xe2\x82\xac", 3), 3);
    assert_int_equal(ltd_str_utf8("\xe2\x82\xac", 2), 0);
    assert_int_equal(ltd_str_utf8("a", 1), 1);
}

static void the_writer_nests_indents_and_escapes(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&s, 2);
    put_sample(&w);
    assert_string_equal(ltd_str_text(&s),
                        "{\n"
                        "  \"version\": 1,\n"
                        "  \"q\\\"\\\\\\n\\u0001\": "
                        "\"a\\tb\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\n"
                        "  \"rows\": [\n"
                        "    {\"x\": 0.1, \"nan\": null, \"ci\": [1.5, 18446744073709551615]}\n"
                        "  ],\n"
                        "  \"empty\": {},\n"
                        "  \"t\": true,\n"
                        "  \"none\": null\n"
                        "}");
    ltd_json_doc *doc = parse(ltd_str_text(&s));
    assert_int_equal(ltd_json_count(ltd_json_root(doc)), 6);
    ltd_json_free(doc);
    ltd_str_clear(&s);
    w = ltd_json_writing(&s, 0);
    put_sample(&w);
    assert_null(strchr(ltd_str_text(&s), '\n'));
    doc = parse(ltd_str_text(&s));
    ltd_json_free(doc);
    ltd_str_fini(&s);
}

static void doubles_read_back_equal(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    char text[32];
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = ltd_rng_u64(&rng);
        double v, back;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v)) continue;
        ltd_json_format_f64(text, v);
        back = strtod(text, NULL);
        assert_memory_equal(&v, &back, sizeof v);
    }
    ltd_json_format_f64(text, 0.1);
    assert_string_equal(text, "0.1");
    ltd_json_format_f64(text, 1e-6);
    assert_string_equal(text, "1e-06");
    ltd_json_format_f64(text, 100.0);
    assert_string_equal(text, "100");
}

static void zeros_keep_their_sign_through_a_document(void **state)
{
    (void)state;
    const double values[] = {0.0, -0.0, -1.0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        ltd_str s = LTD_STR_INIT;
        ltd_json_doc *doc;
        double back;
        ltd_json_writer w = ltd_json_writing(&s, 0);
        ltd_json_begin_object(&w, NULL);
        ltd_json_put_f64(&w, "x", values[i]);
        ltd_json_end_object(&w);
        assert_int_equal(ltd_json_parse(&doc, "x", s.data, s.len, NULL), 0);
        assert_int_equal(ltd_json_get_f64(ltd_json_root(doc), "x", &back, NULL), 0);
        assert_memory_equal(&values[i], &back, sizeof back);
        ltd_json_free(doc);
        ltd_str_fini(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_read_by_type),
        cmocka_unit_test(a_choice_is_one_of_the_names),
        cmocka_unit_test(messages_say_what_was_found_and_expected),
        cmocka_unit_test(broken_text_is_refused_with_its_line),
        cmocka_unit_test(a_lone_number_and_odd_strings_are_documents),
        cmocka_unit_test(members_come_in_file_order),
        cmocka_unit_test(texts_can_be_made_what_json_gives_back),
        cmocka_unit_test(the_writer_nests_indents_and_escapes),
        cmocka_unit_test(doubles_read_back_equal),
        cmocka_unit_test(zeros_keep_their_sign_through_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
