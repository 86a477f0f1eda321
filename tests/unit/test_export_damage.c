/* Files of exported policies that are damaged, cut, or made to do harm. */
#include "tests/support/exports.h"

#include "agents/export/onnx.h"
#include "base/file.h"
#include "base/rng.h"
#include "models/files/ptzip.h"
#include "models/files/safetensors.h"

/* Reads a file's bytes as the format does; the policy of a single-turn export, or NULL. */
static ltd_policy *read_bytes(const ltd_export_format *f, const uint8_t *bytes, size_t n)
{
    ltd_bundle *b = NULL;
    ltd_policy *p = NULL;
    ltd_err err = LTD_ERR_INIT;
    uint8_t *copy = malloc(n ? n : 1); /* of the exact size: what reads behind it shows */
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    int rc = f->read(&b, f->files[1] ? "depth." : "", copy, n, "f", &err);
    if (rc == LTD_OK) rc = ltd_bundle_to_policy(&p, b, "f", &err);
    assert_int_equal(rc == LTD_OK, p != NULL);
    if (rc < 0 && !err.msg[0]) fail_msg("no message");
    ltd_bundle_free(b);
    free(copy);
    return p;
}

/* What a flip in the manifest makes of a number is a manifest like any other; weights have a
 * digest. */
static void same_weights(const ltd_policy *p, const ltd_policy *q)
{
    float obs[56], x[2], y[2];
    made_policy_obs(obs, 56, 1);
    ltd_mlp_forward(p->depth, obs, x);
    ltd_mlp_forward(q->depth, obs, y);
    assert_memory_equal(x, y, sizeof x);
}

static void damage_is_an_error_or_changes_no_weight(void **state)
{
    (void)state;
    const made_policy_kind kind = {.depth = true, .critics = true, .hidden = 4, .seed = 11};
    ltd_policy *p = made_policy(&kind);
    const ltd_export_format *f;
    for (int i = 0; (f = ltd_export_format_at(i)); i++) {
        char path[256];
        ltd_file map;
        ltd_rng rng;
        ltd_rng_seed(&rng, 5, LTD_STREAM_EXPLORE);
        save(f, p, in(path, "damage", ""));
        assert_int_equal(ltd_file_map(&map, in(path, "damage", f->files[0]), NULL), 0);
        uint8_t *bytes = malloc(map.size);
        assert_non_null(bytes);
        memcpy(bytes, map.data, map.size);
        for (size_t n = 0; n < map.size; n += n < 400 ? 1 : 37)
            if (read_bytes(f, bytes, n)) fail_msg("%s: %zu of %zu bytes do", f->name, n, map.size);
        for (int k = 0; k < 2000; k++) {
            size_t at = (size_t)ltd_rng_below(&rng, (uint32_t)map.size);
            uint8_t was = bytes[at];
            bytes[at] ^= (uint8_t)(1 << ltd_rng_below(&rng, 8));
            ltd_policy *q = read_bytes(f, bytes, map.size);
            if (q) same_weights(p, q);
            ltd_policy_free(q);
            bytes[at] = was;
        }
        free(bytes);
        ltd_file_unmap(&map);
    }
    ltd_policy_free(p);
}

/* Bytes of depth.onnx in which every `from` became `to`, of the same length. */
static int read_altered(const char *from, const char *to, ltd_err *err)
{
    char path[256];
    ltd_file map;
    ltd_bundle *b = NULL;
    size_t n = strlen(from), found = 0;
    assert_int_equal(ltd_file_map(&map, in(path, "graph", "depth.onnx"), NULL), 0);
    uint8_t *bytes = malloc(map.size);
    assert_non_null(bytes);
    memcpy(bytes, map.data, map.size);
    for (size_t i = 0; i + n <= map.size; i++)
        if (memcmp(bytes + i, from, n) == 0) {
            memcpy(bytes + i, to, n);
            found++;
        }
    assert_true(found > 0);
    int rc = ltd_import_onnx(&b, "depth.", bytes, map.size, "f", err);
    ltd_bundle_free(b);
    free(bytes);
    ltd_file_unmap(&map);
    return rc;
}

static void another_graph_is_refused(void **state)
{
    (void)state;
    char path[256];
    ltd_err err = LTD_ERR_INIT;
    const made_policy_kind kind = {
        .depth = true, .critics = true, .hidden = 4, .activation = LTD_ACT_RELU, .seed = 3};
    ltd_policy *p = made_policy(&kind);
    save(ltd_export_find("onnx"), p, in(path, "graph", ""));
    assert_int_equal(read_altered("Relu", "Tanh", &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "node 1 of its graph is Tanh -> policy_act_0, its manifest "
                                    "asks for Relu -> policy_act_0"));
    assert_int_equal(read_altered("policy_sum_1", "policy_sum_0", &err), LTD_EFORMAT);
    assert_int_equal(read_altered("transB", "transA", &err), LTD_EFORMAT);
    assert_int_equal(read_altered("action_net.bias", "action_net.bits", &err), LTD_EFORMAT);
    assert_int_equal(read_altered("ltd.policy", "ltd.policx", &err), LTD_EFORMAT);
    ltd_policy_free(p);
}

/* model.graph.node.attribute.g.node...: each level is 2 to 5 bytes. */
static void messages_in_messages_do_not_take_the_stack(void **state)
{
    (void)state;
    enum { LEVELS = 200000, MOST = 16 * LEVELS };
    static const uint8_t tags[] = {0x0a, 0x2a, 0x32}; /* node, attribute, g */
    uint8_t *bytes = malloc(MOST);
    assert_non_null(bytes);
    size_t at = MOST;
    for (int i = 0; i <= LEVELS; i++) {
        uint8_t length[5], k = 0;
        for (size_t n = MOST - at; k == 0 || n > 0; n >>= 7)
            length[k++] = (uint8_t)((n & 127) | (n > 127 ? 128 : 0));
        at -= k;
        memcpy(bytes + at, length, k);
        bytes[--at] = i == LEVELS ? 0x3a : tags[(LEVELS - 1 - i) % 3]; /* the outermost: graph */
    }
    ltd_bundle *b = NULL;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_import_onnx(&b, "depth.", bytes + at, MOST - at, "f", &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "deeper in each other"));
    assert_null(b);
    free(bytes);
}

static void files_that_are_no_exports_are_refused(void **state)
{
    (void)state;
    char path[256];
    const float x[4] = {0};
    const ltd_tensor_view t = {"w", LTD_DTYPE_F32, 1, {4, 1, 1, 1, 1, 1, 1, 1}, x, sizeof x};
    assert_int_equal(ltd_file_mkdirs_for(in(path, "no/depth", "x"), NULL), 0);
    assert_int_equal(
        ltd_safetensors_write(in(path, "no", "a.safetensors"), &t, 1, NULL, NULL, 0, NULL), 0);
    is_refused(path, LTD_EFORMAT, "its __metadata__ has no 'ltd.policy'");
    assert_int_equal(
        ltd_ptzip_write(in(path, "no", "depth/policy.pth"), &t, 1, NULL, NULL, 0, NULL), 0);
    is_refused(path, LTD_EFORMAT, "holds no policy/ltd.policy.json");
    assert_int_equal(ltd_file_write(in(path, "no", "depth.onnx"), "", 0, NULL), 0);
    is_refused(path, LTD_EFORMAT, "is empty");
    assert_int_equal(ltd_file_write(in(path, "no", "depth.onnx"), "hello", 5, NULL), 0);
    is_refused(path, LTD_EFORMAT, "no ONNX model");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_an_error_or_changes_no_weight),
        cmocka_unit_test(another_graph_is_refused),
        cmocka_unit_test(messages_in_messages_do_not_take_the_stack),
        cmocka_unit_test(files_that_are_no_exports_are_refused),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
