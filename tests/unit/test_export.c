/* Exported policies: what comes back is what went out, whatever the format; what is damaged, mixed
 * or made for something else is refused by name. */
#include "tests/support/exports.h"

#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "models/files/ptzip.h"

static const made_policy_kind both = {.depth = true,
                                      .size = true,
                                      .critics = true,
                                      .survival = true,
                                      .table = true,
                                      .activation = LTD_ACT_RELU,
                                      .hidden = 12,
                                      .seed = 1};

static void comes_back(const char *path, const ltd_policy *p)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_policy *again, kept = *p;
    if (ltd_export_load(&again, path, &err) < 0) fail_msg("%s: %s", path, err.msg);
    if (strcmp(ltd_export_is_at(path)->name, "c") == 0) kept.depth_critic = kept.size_critic = NULL;
    made_policy_same(&kept, again);
    ltd_policy_free(again);
}

/* --- what comes back --- */

static void every_format_gives_back_every_kind(void **state)
{
    (void)state;
    const made_policy_kind kinds[] = {
        both,
        {.depth = true, .size = true, .activation = LTD_ACT_TANH, .hidden = 8, .seed = 2},
        {.depth = true, .critics = true, .activation = LTD_ACT_TANH, .hidden = 8, .seed = 3},
        {.size = true, .survival = true, .activation = LTD_ACT_RELU, .hidden = 8, .seed = 4},
        {.size = true, .depth = true, .critics = true, .hidden = 0, .seed = 5},
        {.paper = true, .depth = true, .size = true, .critics = true, .hidden = 40, .seed = 6},
        {.paper = true, .size = true, .activation = LTD_ACT_RELU, .hidden = 16, .seed = 7}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        ltd_policy *p = made_policy(&kinds[k]);
        const ltd_export_format *f;
        for (int i = 0; (f = ltd_export_format_at(i)); i++) {
            char folder[128], paths[LTD_EXPORT_FILES][LTD_EXPORT_PATH];
            snprintf(folder, sizeof folder, "%s/%zu-%s", dir, k, f->name);
            save(f, p, folder);
            comes_back(folder, p);
            assert_ptr_equal(ltd_export_is_at(folder), f);
            assert_int_equal(ltd_export_paths(paths, f, p, folder, NULL), 0);
            for (int n = 0; n < LTD_EXPORT_FILES; n++) {
                if (!paths[n][0]) continue;
                comes_back(paths[n], p);
                assert_ptr_equal(ltd_export_is_at(paths[n]), f);
            }
        }
        ltd_policy_free(p);
    }
}

static void equal_policies_make_equal_files(void **state)
{
    (void)state;
    ltd_policy *p = made_policy(&both);
    const ltd_export_format *f;
    for (int i = 0; (f = ltd_export_format_at(i)); i++) {
        char one[256], two[256];
        save(f, p, in(one, "one", ""));
        save(f, p, in(two, "two", ""));
        for (int n = 0; n < LTD_EXPORT_FILES && f->files[n]; n++) {
            ltd_file a, b;
            assert_int_equal(ltd_file_map(&a, in(one, "one", f->files[n]), NULL), 0);
            assert_int_equal(ltd_file_map(&b, in(two, "two", f->files[n]), NULL), 0);
            assert_int_equal(a.size, b.size);
            assert_memory_equal(a.data, b.data, a.size);
            ltd_file_unmap(&a);
            ltd_file_unmap(&b);
        }
    }
    ltd_policy_free(p);
}

static void a_single_file_may_have_any_name(void **state)
{
    (void)state;
    char path[256];
    ltd_policy *p = made_policy(&both);
    save(ltd_export_find("safetensors"), p, in(path, "named", "mine.safetensors"));
    comes_back(path, p);
    assert_int_equal(access(in(path, "named", "mine.safetensors"), R_OK), 0);
    ltd_policy_free(p);
}

static void an_old_file_of_the_other_turn_does_not_stay(void **state)
{
    (void)state;
    char path[256];
    made_policy_kind kind = both;
    const ltd_export_format *f = ltd_export_find("onnx");
    ltd_policy *two = made_policy(&kind);
    kind.size = false;
    ltd_policy *one = made_policy(&kind);
    save(f, two, in(path, "old", ""));
    assert_int_equal(access(in(path, "old", "size.onnx"), R_OK), 0);
    save(f, one, in(path, "old", ""));
    assert_int_equal(access(in(path, "old", "size.onnx"), F_OK), -1);
    comes_back(in(path, "old", ""), one);
    ltd_policy_free(one);
    ltd_policy_free(two);
}

static void without_a_critic_torch_gets_one_of_zeros(void **state)
{
    (void)state;
    char path[256];
    const made_policy_kind kind = {.depth = true, .hidden = 8, .seed = 9};
    ltd_policy *p = made_policy(&kind);
    ltd_ptzip *file;
    save(ltd_export_find("torch"), p, in(path, "zeros", ""));
    assert_int_equal(ltd_ptzip_open(&file, in(path, "zeros", "depth/policy.pth"), NULL), 0);
    const ltd_tensor_view *w = ltd_ptzip_tensor(file, "value_net.weight");
    assert_true(w && w->dims[0] == 1 && w->dims[1] == 56);
    for (int i = 0; i < 56; i++) assert_true(((const float *)w->data)[i] == 0);
    assert_non_null(ltd_ptzip_tensor(file, "value_net.bias"));
    assert_int_equal(ltd_ptzip_tensor_count(file), 8);
    ltd_ptzip_close(file);
    ltd_policy_free(p);
}

/* --- what is refused --- */

static void a_missing_or_foreign_half_is_refused(void **state)
{
    (void)state;
    char path[256], other[256];
    made_policy_kind kind = both;
    ltd_policy *p = made_policy(&kind);
    kind.seed = 77;
    ltd_policy *q = made_policy(&kind);
    const char *const names[] = {"onnx", "torch"};
    for (int i = 0; i < 2; i++) {
        const ltd_export_format *f = ltd_export_find(names[i]);
        save(f, p, in(path, "half", ""));
        save(f, q, in(other, "other", ""));
        assert_int_equal(rename(in(other, "other", f->files[1]), in(path, "half", f->files[1])), 0);
        is_refused(in(path, "half", f->files[0]), LTD_EFORMAT, "they are of two exports");
        assert_int_equal(unlink(in(path, "half", f->files[1])), 0);
        is_refused(in(path, "half", ""), LTD_EFORMAT, "is not there: ");
        is_refused(in(path, "half", f->files[0]), LTD_EFORMAT, "tensor size.");
        assert_int_equal(unlink(in(path, "half", f->files[0])), 0);
    }
    is_refused(in(path, "half", ""), LTD_EINVAL, "no exported policy");
    is_refused(in(path, "half", "none.safetensors"), LTD_EINVAL, "no exported policy");
    ltd_policy_free(p);
    ltd_policy_free(q);
}

/* A manifest in which `from` became `to`. */
static ltd_bundle *with_manifest(const char *from, const char *to)
{
    ltd_bundle *b;
    ltd_policy *p = made_policy(&both);
    assert_int_equal(ltd_bundle_from_policy(&b, p, NULL), 0);
    ltd_policy_free(p);
    char *at = strstr(b->manifest, from);
    if (!at) fail_msg("no '%s' in %s", from, b->manifest);
    ltd_str s = LTD_STR_INIT;
    ltd_str_push(&s, b->manifest, (size_t)(at - b->manifest));
    ltd_str_puts(&s, to);
    ltd_str_puts(&s, at + strlen(from));
    free(b->manifest);
    b->manifest = ltd_str_take(&s);
    return b;
}

/* What would make scores that are no numbers is not taken in. */
static void survival_curves_that_rise_are_refused(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    for (int what = 0; what < 3; what++) {
        ltd_policy *p = made_policy(&both), *again;
        ltd_bundle *b;
        if (what == 0) p->survival->head[4] = 0;
        if (what == 1) p->survival->lookup[2][0] = 0.5f;
        if (what == 2) p->survival->both[5][1] = 3e38f;
        assert_int_equal(ltd_bundle_from_policy(&b, p, &err), 0);
        assert_int_equal(ltd_bundle_to_policy(&again, b, "f", &err), LTD_EFORMAT);
        assert_non_null(strstr(err.msg, "survival: a curve rises or is out of range"));
        assert_null(again);
        ltd_bundle_free(b);
        ltd_policy_free(p);
    }
}

static void a_manifest_for_something_else_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        int code;
        const char *words;
    } cases[] = {
        {"\"ltd.policy\"", "\"other\"", LTD_EFORMAT, "key 'format': is 'other'"},
        {"\"version\": 1", "\"version\": 2", LTD_EUNSUPPORTED, "version 2"},
        {"ltd/depth/v2", "ltd/depth/v3", LTD_EUNSUPPORTED,
         "depth turn: f: key 'obs': contract 'ltd/depth/v3' is not known"},
        {"ltd/depth/v2", "paper/depth/128", LTD_EFORMAT, "is 56 -> 2, expected 128 -> 2"},
        {"ltd/size/v2", "paper/size/1268", LTD_EFORMAT, "is 56 -> 6, expected 1268 -> 6"},
        {"8, 16]", "8, 16, 32]", LTD_EFORMAT, "is 56 -> 6, expected 56 -> 7"},
        {"8, 16]", "16, 8]", LTD_EFORMAT, "size turn: f: key 'actions', ascending sizes"},
        {"\"stop\", \"continue\"", "\"continue\", \"stop\"", LTD_EFORMAT,
         "entry 0 is 'continue', expected 'stop'"},
        {"\"stop\", ", "", LTD_EFORMAT, "has 1 entries, expected 2"},
        {"[56, 12, 12, 2]", "[56, 12, 2]", LTD_EFORMAT,
         "tensor depth.mlp_extractor.policy_net.2.weight: is in no net"},
        {"[56, 12, 12, 2]", "[56, 12, 12, 12, 2]", LTD_EFORMAT,
         "tensor depth.mlp_extractor.policy_net.4.weight: missing"},
        {"[56, 12, 12, 2]", "[56, 1048577, 12, 2]", LTD_EFORMAT, "1048577"},
        {"[56, 12, 12, 2]", "[56, 1048576, 12, 2]", LTD_EFORMAT, "shape is 12 x 56, expected 1048"},
        {"[56, 12, 12, 2]", "null", LTD_EFORMAT, "there is one, but no actor"},
        {"[56, 12, 12, 1]", "null", LTD_EFORMAT,
         "tensor depth.mlp_extractor.value_net.0.weight: is in no net"},
        {"\"relu\"", "\"gelu\"", LTD_EINVAL, "gelu"},
        {"\"top_k\": 10", "\"top_k\": 1000", LTD_EFORMAT, "key 'top_k'"},
        {"\"max_forwards\": 6", "\"max_forwards\": -1", LTD_EFORMAT, "key 'max_forwards'"},
        {"\"lookup\": true", "\"lookup\": 1", LTD_EFORMAT, "key 'lookup'"},
        {"\"fixed_size\": 60,", "", LTD_EFORMAT, "key 'fixed_size': missing"},
        {"\"head\": [", "\"head\": [0, ", LTD_EFORMAT, "survival, head: has 66 entries"},
        {"\"head\": [", "\"head\": [1e300, ", LTD_EFORMAT, "survival, head"},
        {"\"match\": [1, 2,", "\"match\": [2, 1,", LTD_EFORMAT, "table: match 1 is 1"},
        {"\"classes\": [", "\"classes\": [[], ", LTD_EFORMAT, "has 49 rows, expected 12"},
        {"\"model_sha256\": \"", "\"model_sha256\": \"0123", LTD_EFORMAT, "has 68 bytes"},
        {"\"weights_sha256\": \"", "\"weights_sha256\": \"0\", \"x\": \"", LTD_EFORMAT,
         "they were altered"},
        {"}", "", LTD_EFORMAT, "f:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ltd_bundle *b = with_manifest(cases[i].from, cases[i].to);
        ltd_err err = LTD_ERR_INIT;
        ltd_policy *p = (ltd_policy *)&err;
        int rc = ltd_bundle_to_policy(&p, b, "f", &err);
        if (rc != cases[i].code || !strstr(err.msg, cases[i].words))
            fail_msg("'%s' for '%s': %d '%s', expected %d '%s'", cases[i].to, cases[i].from, rc,
                     err.msg, cases[i].code, cases[i].words);
        assert_null(p);
        ltd_bundle_free(b);
    }
}

static void unknown_members_are_passed_over(void **state)
{
    (void)state;
    ltd_policy *p = made_policy(&both), *again;
    ltd_bundle *b = with_manifest("\"top_k\"", "\"later\": {\"a\": [1]}, \"top_k\"");
    assert_int_equal(ltd_bundle_to_policy(&again, b, "f", NULL), 0);
    made_policy_same(p, again);
    ltd_policy_free(p);
    ltd_policy_free(again);
    ltd_bundle_free(b);
}

static void tensors_that_are_not_right_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const words[] = {
        "f: tensor size.action_net.bias: missing",
        "f: tensor size.action_net.bias: shape is 3, expected 6",
        "f: tensor depth.action_net.weight: value 5 is inf, expected a finite number",
        "they were altered, or are of another export"};
    for (int what = 0; what < 4; what++) {
        ltd_policy *p = made_policy(&both), *again;
        ltd_bundle *b;
        ltd_err err = LTD_ERR_INIT;
        assert_int_equal(ltd_bundle_from_policy(&b, p, NULL), 0);
        ltd_tensor_view *bias = (ltd_tensor_view *)ltd_bundle_find(b, "size.action_net.bias");
        float *weight = (float *)ltd_bundle_find(b, "depth.action_net.weight")->data;
        if (what == 0) ((char *)bias->name)[0] = 'x';
        if (what == 1) bias->dims[0] = 3;
        if (what == 2) weight[5] = INFINITY;
        if (what == 3) weight[5] += 1;
        assert_int_equal(ltd_bundle_to_policy(&again, b, "f", &err), LTD_EFORMAT);
        if (!strstr(err.msg, words[what])) fail_msg("'%s', expected '%s'", err.msg, words[what]);
        ltd_bundle_free(b);
        ltd_policy_free(p);
    }
}

static void a_bundle_takes_f32_tensors_once(void **state)
{
    (void)state;
    ltd_bundle *b;
    ltd_err err = LTD_ERR_INIT;
    const float x[4] = {0};
    ltd_tensor_view t = {"w", LTD_DTYPE_F32, 1, {4}, x, sizeof x};
    assert_int_equal(ltd_bundle_new(&b, "{}", 2, &err), 0);
    assert_int_equal(ltd_bundle_add(b, "a.", &t, &err), 0);
    assert_int_equal(ltd_bundle_add(b, "a.", &t, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "tensor a.w: is there twice"));
    t.dtype = LTD_DTYPE_F16;
    assert_int_equal(ltd_bundle_add(b, "b.", &t, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "found F16"));
    t.dtype = LTD_DTYPE_F32;
    for (int i = 1; i < LTD_BUNDLE_MAX; i++) {
        char prefix[16];
        snprintf(prefix, sizeof prefix, "%d.", i);
        assert_int_equal(ltd_bundle_add(b, prefix, &t, &err), 0);
    }
    assert_int_equal(ltd_bundle_add(b, "c.", &t, &err), LTD_EFORMAT);
    ltd_bundle_free(b);
}

static void a_policy_that_can_not_be_exported_is_refused(void **state)
{
    (void)state;
    ltd_bundle *b;
    ltd_err err = LTD_ERR_INIT;
    ltd_policy *p = made_policy(&(made_policy_kind){.hidden = 4});
    assert_int_equal(ltd_bundle_from_policy(&b, p, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "neither a depth nor a size net"));
    ltd_policy_free(p);
    p = made_policy(&both);
    ltd_mlp_free(p->depth);
    p->depth = NULL;
    assert_int_equal(ltd_bundle_from_policy(&b, p, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "a depth critic, but no actor"));
    ltd_policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_gives_back_every_kind),
        cmocka_unit_test(equal_policies_make_equal_files),
        cmocka_unit_test(a_single_file_may_have_any_name),
        cmocka_unit_test(an_old_file_of_the_other_turn_does_not_stay),
        cmocka_unit_test(without_a_critic_torch_gets_one_of_zeros),
        cmocka_unit_test(a_missing_or_foreign_half_is_refused),
        cmocka_unit_test(survival_curves_that_rise_are_refused),
        cmocka_unit_test(a_manifest_for_something_else_is_refused_by_name),
        cmocka_unit_test(unknown_members_are_passed_over),
        cmocka_unit_test(tensors_that_are_not_right_are_refused_by_name),
        cmocka_unit_test(a_bundle_takes_f32_tensors_once),
        cmocka_unit_test(a_policy_that_can_not_be_exported_is_refused),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
