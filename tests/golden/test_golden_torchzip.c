/* 37 files of torch.save, whole, damaged or hostile: tests/golden/torchzip/expected.json says which
 * must load (bit for bit what NAME.expected.safetensors holds), which must be refused, and where
 * either will do; there `ours` below says what we do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <json-c/json_object.h>
#include <json-c/json_util.h>
#include <json-c/linkhash.h>

#include "base/file.h"
#include "models/files/ptzip.h"
#include "models/files/safetensors.h"
#include "tests/support/golden.h"

static char folder[900];
static json_object *expected;

static int setup(void **state)
{
    (void)state;
    char path[1000];
    if (!golden_path(folder, sizeof folder, "torchzip")) return -1;
    snprintf(path, sizeof path, "%s/expected.json", folder);
    expected = json_object_from_file(path);
    return expected ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    json_object_put(expected);
    return 0;
}

/* What we do where the reference leaves it open; words of the message, NULL = it loads. */
static const struct {
    const char *name, *words;
} ours[] = {
    {"protocol4.pt", "pickle protocol 4, expected 2"},
    {"legacy_format.pt", "format before 1.6"},
    {"rezipped_deflated.pt", NULL},
    {"pickle_deep_nesting.pt", "no dict of tensors"},
    {"pickle_self_reference.pt", "no dict of tensors"},
    {"zip_cd_offset_bad.pt", NULL},
    {"zip_crc_bad.pt", "CRC"},
};

/* What the refusals must say, beside the file's name. */
static const struct {
    const char *name, *words;
    int code;
} refusals[] = {
    {"evil_system.pt", "os.system, which no dict of tensors needs; nothing was executed",
     LTD_EUNSUPPORTED},
    {"evil_builtin_eval.pt", "eval, which no dict of tensors needs", LTD_EUNSUPPORTED},
    {"unknown_global.pt", "asks for torch._utils._rebuild", LTD_EUNSUPPORTED},
    {"unknown_storage_type.pt", "asks for torch.", LTD_EUNSUPPORTED},
    {"storage_missing.pt", "lacks its data, archive/data/0", LTD_EFORMAT},
    {"storage_short.pt", "archive/data/0 has 20 bytes, expected 6 elements of F32", LTD_EFORMAT},
    {"no_data_pkl.pt", "without FOLDER/data.pkl", LTD_EFORMAT},
    {"pickle_truncated.pt", "pickle", LTD_EFORMAT},
    {"pickle_empty.pt", "no pickle", LTD_EFORMAT},
    {"pickle_stack_underflow.pt", "a call without a function", LTD_EFORMAT},
    {"pickle_bad_memo.pt", "memo slot that was never set", LTD_EFORMAT},
    {"pickle_unknown_opcode.pt", "opcode 0xff", LTD_EUNSUPPORTED},
    {"pickle_string_length_huge.pt", "ends inside a text", LTD_EFORMAT},
    {"pickle_mark_missing.pt", "without their mark", LTD_EFORMAT},
    {"offset_past_end.pt", "of a storage of 6", LTD_EFORMAT},
    {"size_too_big.pt", "of a storage of 6", LTD_EFORMAT},
    {"size_negative.pt", "whole numbers from 0", LTD_EFORMAT},
    {"size_overflow.pt", "", LTD_EFORMAT},
    {"zip_truncated.pt", "no zip that can be read", LTD_EFORMAT},
    {"zip_empty.pt", "without FOLDER/data.pkl", LTD_EFORMAT},
    {"not_a_zip.pt", "no zip that can be read", LTD_EFORMAT},
    {"zero_bytes.pt", "without FOLDER/data.pkl", LTD_EFORMAT},
    {"zip_entry_size_huge.pt", "takes 2147483647 bytes", LTD_EUNSUPPORTED},
    {"zip_local_offset_bad.pt", "", LTD_EFORMAT},
};

static void same_tensors(const char *name, const ltd_ptzip *got)
{
    char path[1000];
    ltd_safetensors *want;
    ltd_err err = LTD_ERR_INIT;
    snprintf(path, sizeof path, "%s/%s.expected.safetensors", folder, name);
    if (ltd_safetensors_open(&want, path, &err) < 0) fail_msg("%s", err.msg);
    size_t n = ltd_safetensors_tensor_count(want);
    if (ltd_ptzip_tensor_count(got) != n)
        fail_msg("%s: %zu tensors, expected %zu", name, ltd_ptzip_tensor_count(got), n);
    for (size_t i = 0; i < n; i++) {
        const ltd_tensor_view *w = ltd_safetensors_tensor_at(want, i);
        const ltd_tensor_view *g = ltd_ptzip_tensor(got, w->name);
        if (!g) fail_msg("%s: no tensor '%s'", name, w->name);
        bool same = g->dtype == w->dtype && g->n_dims == w->n_dims && g->bytes == w->bytes &&
                    memcmp(g->dims, w->dims, sizeof g->dims) == 0 &&
                    (!w->bytes || memcmp(g->data, w->data, w->bytes) == 0);
        if (!same) fail_msg("%s: tensor '%s' differs", name, w->name);
    }
    for (size_t i = 0; i < n; i++) {
        const ltd_tensor_view *g = ltd_ptzip_tensor_at(got, i);
        assert_ptr_equal(ltd_ptzip_tensor(got, g->name), g);
    }
    assert_null(ltd_ptzip_tensor_at(got, n));
    assert_null(ltd_ptzip_tensor(got, "no such tensor"));
    ltd_safetensors_close(want);
}

static void check(const char *name, const char *expect)
{
    char path[1000];
    ltd_ptzip *file = (ltd_ptzip *)path;
    ltd_err err = LTD_ERR_INIT;
    const char *words = NULL;
    int code = 0;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(name, ours[i].name) == 0) words = ours[i].words;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (strcmp(name, refusals[i].name) == 0) words = refusals[i].words, code = refusals[i].code;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int rc = ltd_ptzip_open(&file, path, &err);
    if (strcmp(expect, "ok") == 0 || !words) {
        if (strcmp(expect, "error") == 0) fail_msg("%s: no words for its refusal here", name);
        if (rc < 0) fail_msg("%s is refused: %s", name, err.msg);
        assert_string_equal(ltd_ptzip_path(file), path);
        same_tensors(name, file);
    } else {
        if (rc >= 0) fail_msg("%s loads", name);
        assert_null(file);
        if (code && rc != code) fail_msg("%s: %s, '%s'", name, ltd_status_name(rc), err.msg);
        if (!strstr(err.msg, words) || !strstr(err.msg, name))
            fail_msg("%s: message is '%s', expected '%s' in it", name, err.msg, words);
    }
    ltd_ptzip_close(file);
}

static void every_file_does_what_is_expected_of_it(void **state)
{
    (void)state;
    size_t n = 0;
    json_object_object_foreach(expected, name, entry)
    {
        check(name, json_object_get_string(json_object_object_get(entry, "expect")));
        n++;
    }
    assert_int_equal(n, 37);
}

/* The hostile pickles would write this file. */
static void nothing_is_executed(void **state)
{
    (void)state;
    static const char trace[] = "/tmp/pwned1";
    unlink(trace);
    check("evil_system.pt", "error");
    check("evil_builtin_eval.pt", "error");
    assert_int_equal(access(trace, F_OK), -1);
}

/* Cut at every length, and with every byte changed, whatever loads is whole. */
static void damage_is_handled(void **state)
{
    (void)state;
    char path[1000];
    ltd_file map;
    snprintf(path, sizeof path, "%s/views.pt", folder);
    assert_int_equal(ltd_file_map(&map, path, NULL), LTD_OK);
    for (size_t n = 0; n < 2 * map.size; n++) {
        size_t size = n < map.size ? n : map.size;
        uint8_t *copy = malloc(size ? size : 1);
        assert_non_null(copy);
        memcpy(copy, map.data, size);
        if (n >= map.size) copy[n - map.size] ^= 0x55;
        ltd_ptzip *file;
        unsigned sum = 0;
        if (ltd_ptzip_parse(&file, copy, size, "damaged", NULL) == LTD_OK)
            for (size_t i = 0; i < ltd_ptzip_tensor_count(file); i++) {
                const ltd_tensor_view *v = ltd_ptzip_tensor_at(file, i);
                for (size_t k = 0; k < v->bytes; k++) sum += ((const uint8_t *)v->data)[k];
            }
        assert_int_not_equal(sum, 0xffffffff);
        ltd_ptzip_close(file);
        free(copy);
    }
    ltd_file_unmap(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_does_what_is_expected_of_it),
        cmocka_unit_test(nothing_is_executed),
        cmocka_unit_test(damage_is_handled),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
