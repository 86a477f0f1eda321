/* 89 small files, most of them damaged: tests/golden/malformed/expected.json says for each whether
 * it must be refused, must load, or may do either without a crash. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <json-c/json_object.h>
#include <json-c/json_util.h>
#include <json-c/linkhash.h>

#include "base/file.h"
#include "models/files/gguf.h"
#include "models/files/model_files.h"
#include "models/files/safetensors.h"
#include "tests/support/golden.h"

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Open, touch every byte that a view offers, close. */
static int load(const char *path, ltd_err *err)
{
    int rc;
    unsigned sum = 0;
    if (ends_with(path, ".gguf")) {
        ltd_gguf *file;
        if ((rc = ltd_gguf_open(&file, path, err)) < 0) return rc;
        for (size_t i = 0; i < ltd_gguf_tensor_count(file); i++) {
            const ltd_tensor_view *view = ltd_gguf_tensor_at(file, i);
            for (size_t k = 0; k < view->bytes; k++) sum += ((const uint8_t *)view->data)[k];
            assert_ptr_equal(ltd_gguf_tensor(file, view->name), view);
        }
        ltd_gguf_close(file);
    } else {
        ltd_safetensors *file;
        if ((rc = ltd_safetensors_open(&file, path, err)) < 0) return rc;
        for (size_t i = 0; i < ltd_safetensors_tensor_count(file); i++) {
            const ltd_tensor_view *view = ltd_safetensors_tensor_at(file, i);
            for (size_t k = 0; k < view->bytes; k++) sum += ((const uint8_t *)view->data)[k];
            assert_ptr_equal(ltd_safetensors_tensor(file, view->name), view);
        }
        ltd_safetensors_close(file);
    }
    return sum == 0xffffffff ? LTD_EINVAL : LTD_OK;
}

static json_object *expected(char folder[900])
{
    char path[1000];
    if (!golden_path(folder, 900, "malformed")) fail_msg("no golden folder malformed");
    snprintf(path, sizeof path, "%s/expected.json", folder);
    json_object *root = json_object_from_file(path);
    if (!root) fail_msg("%s: %s", path, json_util_get_last_err());
    return root;
}

static void every_file_does_what_is_expected_of_it(void **state)
{
    (void)state;
    char folder[900], path[1200];
    json_object *root = expected(folder);
    int count = 0;
    json_object_object_foreach(root, name, entry)
    {
        const char *expect = json_object_get_string(json_object_object_get(entry, "expect"));
        const char *why = json_object_get_string(json_object_object_get(entry, "why"));
        ltd_err err = LTD_ERR_INIT;
        snprintf(path, sizeof path, "%s/%s", folder, name);
        int rc = load(path, &err);
        if (rc < 0) {
            if (strcmp(expect, "ok") == 0) fail_msg("%s must load (%s): %s", name, why, err.msg);
            /* A refusal names the file and says something. */
            if (rc != LTD_EFORMAT && rc != LTD_EUNSUPPORTED) fail_msg("%s: code %d", name, rc);
            if (!strstr(err.msg, name)) fail_msg("%s: message is '%s'", name, err.msg);
            assert_true(strlen(err.msg) > strlen(path) + 10);
            assert_int_equal(err.code, rc);
        } else if (strcmp(expect, "error") == 0) {
            fail_msg("%s must be refused: %s", name, why);
        }
        count++;
    }
    json_object_put(root);
    assert_int_equal(count, 89);
}

static void none_of_them_is_a_model(void **state)
{
    (void)state;
    char folder[900], path[1200];
    json_object *root = expected(folder);
    json_object_object_foreach(root, name, entry)
    {
        (void)entry;
        ltd_err err = LTD_ERR_INIT;
        ltd_model_files *files;
        snprintf(path, sizeof path, "%s/%s", folder, name);
        if (ltd_model_files_open(&files, path, &err) >= 0) fail_msg("%s opened as a model", name);
        assert_null(files);
        if (!strstr(err.msg, name)) fail_msg("%s: message is '%s'", name, err.msg);
    }
    json_object_put(root);
}

/* Cut each file at every length: no prefix may crash, and none of a GGUF with tensors may load. */
static void every_prefix_is_handled(void **state)
{
    (void)state;
    char folder[900], path[1200];
    const char *const names[] = {"ok_alignment_64.gguf", "ok_escaped_name.safetensors",
                                 "ok_metadata.safetensors", "tensors_overlap.gguf"};
    if (!golden_path(folder, sizeof folder, "malformed")) fail_msg("no golden folder malformed");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ltd_file map;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(ltd_file_map(&map, path, NULL), LTD_OK);
        for (size_t n = 0; n < map.size; n++) {
            /* A copy of just this length, so that the sanitizer sees a read behind it. */
            uint8_t *copy = malloc(n ? n : 1);
            assert_non_null(copy);
            memcpy(copy, map.data, n);
            ltd_gguf *gguf;
            ltd_safetensors *safetensors;
            int rc = ltd_gguf_parse(&gguf, copy, n, "prefix", NULL);
            ltd_gguf_close(gguf);
            if (rc == LTD_OK && n + 64 < map.size) fail_msg("%s: %zu bytes load", names[i], n);
            rc = ltd_safetensors_parse(&safetensors, copy, n, "prefix", NULL);
            if (rc == LTD_OK) fail_msg("%s: %zu bytes load", names[i], n);
            assert_null(safetensors);
            free(copy);
        }
        ltd_file_unmap(&map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_does_what_is_expected_of_it),
        cmocka_unit_test(none_of_them_is_a_model),
        cmocka_unit_test(every_prefix_is_handled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
