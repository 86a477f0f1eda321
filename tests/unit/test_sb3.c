/* Zips of Stable-Baselines3: nets and activation come out as they went in; whatever else is in the
 * file is refused for what is wrong with it, quickly and without much memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>

#include "agents/sb3_nets.h"
#include "tests/support/sb3zip.h"
#include "tests/support/torchzip.h"

static const int32_t actor_dims[] = {6, 8, 5, 3}, critic_dims[] = {6, 4, 1};

static void make(sb3_tensors *t)
{
    sb3_tensors_make(t, actor_dims, 3, critic_dims, 2, 7);
}

/* Nets of bytes, or why not. */
static int read_bytes(const void *bytes, size_t size, const ltd_activation *told,
                      ltd_sb3_nets *nets, ltd_err *err)
{
    ltd_sb3 *file = (ltd_sb3 *)&file;
    *nets = (ltd_sb3_nets){0};
    int rc = ltd_sb3_parse(&file, bytes, size, "x.zip", err);
    if (rc < 0) {
        assert_null(file);
        return rc;
    }
    rc = ltd_sb3_nets_read(nets, file, told, err);
    ltd_sb3_close(file);
    return rc;
}

static int read_tensors(const sb3_tensors *t, const char *data, const ltd_activation *told,
                        ltd_sb3_nets *nets, ltd_err *err)
{
    size_t size;
    void *bytes = sb3zip(&size, t, data, 0);
    int rc = read_bytes(bytes, size, told, nets, err);
    free(bytes);
    return rc;
}

static void expect(int rc, const ltd_err *err, int code, const char *words)
{
    if (rc >= 0) fail_msg("read, expected '%s'", words);
    if (rc != code) fail_msg("%s, expected %s: %s", ltd_status_name(rc), words, err->msg);
    if (!strstr(err->msg, words) || strncmp(err->msg, "x.zip: ", 7) != 0)
        fail_msg("message is '%s', expected '%s' in it", err->msg, words);
}

static void refused_bytes(const void *bytes, size_t size, int code, const char *words)
{
    ltd_sb3_nets nets;
    ltd_err err = LTD_ERR_INIT;
    expect(read_bytes(bytes, size, NULL, &nets, &err), &err, code, words);
    assert_true(!nets.actor && !nets.critic);
}

static void refused(const sb3_tensors *t, int code, const char *words)
{
    size_t size;
    void *bytes = sb3zip(&size, t, SB3_DATA_TANH, 0);
    refused_bytes(bytes, size, code, words);
    free(bytes);
}

static void assert_layer(const ltd_mlp *net, int32_t layer, const float *weight, const float *bias)
{
    float w[64], b[8];
    size_t in = (size_t)ltd_mlp_dim(net, layer), out = (size_t)ltd_mlp_dim(net, layer + 1);
    assert_int_equal(ltd_mlp_get(net, layer, w, b, NULL), 0);
    assert_memory_equal(w, weight, in * out * sizeof *w);
    assert_memory_equal(b, bias, out * sizeof *b);
}

/* --- what is read --- */

static void nets_come_out_as_they_went_in(void **state)
{
    (void)state;
    for (int method = 0; method <= 8; method += 8) {
        sb3_tensors t;
        ltd_sb3_nets nets;
        ltd_err err = LTD_ERR_INIT;
        size_t size;
        make(&t);
        void *bytes = sb3zip(&size, &t, SB3_DATA_RELU, method);
        if (read_bytes(bytes, size, NULL, &nets, &err) < 0) fail_msg("%s", err.msg);
        assert_int_equal(ltd_mlp_layers(nets.actor), 3);
        assert_int_equal(ltd_mlp_layers(nets.critic), 2);
        assert_int_equal(ltd_mlp_activation(nets.actor), LTD_ACT_RELU);
        for (int32_t i = 0; i < 3; i++)
            assert_layer(nets.actor, i, t.data[2 * i], t.data[2 * i + 1]);
        for (int32_t i = 0; i < 2; i++)
            assert_layer(nets.critic, i, t.data[6 + 2 * i], t.data[7 + 2 * i]);
        ltd_sb3_nets_fini(&nets);
        free(bytes);
        sb3_tensors_free(&t);
    }
}

static void a_policy_without_critic_or_hidden_layers_is_read(void **state)
{
    (void)state;
    sb3_tensors t;
    ltd_sb3_nets nets;
    ltd_err err = LTD_ERR_INIT;
    sb3_tensors_make(&t, (const int32_t[]){5, 4}, 1, NULL, 0, 1);
    if (read_tensors(&t, SB3_DATA_TANH, NULL, &nets, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(ltd_mlp_layers(nets.actor), 1);
    assert_null(nets.critic);
    ltd_sb3_nets_fini(&nets);
    sb3_tensors_free(&t);
}

static void version_and_path_are_told(void **state)
{
    (void)state;
    sb3_tensors t;
    ltd_sb3 *file;
    size_t size;
    make(&t);
    void *bytes = sb3zip(&size, &t, SB3_DATA_TANH, 0);
    assert_int_equal(ltd_sb3_parse(&file, bytes, size, "x.zip", NULL), 0);
    assert_string_equal(ltd_sb3_version(file), "2.9.2");
    assert_string_equal(ltd_sb3_path(file), "x.zip");
    assert_int_equal(ltd_ptzip_tensor_count(ltd_sb3_weights(file)), 10);
    ltd_sb3_close(file);
    free(bytes);
    sb3_tensors_free(&t);
    assert_int_equal(ltd_sb3_open(&file, "/nowhere/x.zip", NULL), LTD_EIO);
    assert_null(file);
}

/* --- the activation --- */

#define KWARGS(members) "{\"verbose\": 0, \"policy_kwargs\": {" members "}}"
#define PICKLED(base64) KWARGS("\":type:\": \"<class 'dict'>\", \":serialized:\": \"" base64 "\"")
#define PRINTED(text) KWARGS("\"activation_fn\": \"" text "\"")

static void the_activation_is_found_where_it_stands(void **state)
{
    (void)state;
    static const struct {
        const char *data, *class, *source;
    } cases[] = {
        {KWARGS(""), "Tanh", "names none: the default"},
        {KWARGS("\"net_arch\": {\"pi\": [1024], \"vf\": [1024, 256]}"), "Tanh", "names none"},
        {SB3_DATA_RELU, "ReLU", "as its policy_kwargs say"},
        {PRINTED("<class 'torch.nn.modules.activation.Tanh'>"), "Tanh", "as its policy_kwargs say"},
        {PRINTED("<class 'torch.nn.modules.activation.GELU'>"), "GELU", "as its policy_kwargs say"},
        {PRINTED("<class '__main__.Swish'>"), "__main__.Swish", "as its policy_kwargs say"},
        /* Pickles: protocol 5, protocol 2, a class of the user's, without the key. */
        {PICKLED("gAWVTwAAAAAAAAB9lCiMCG5ldF9hcmNolF2UKEsgSxhljA1hY3RpdmF0aW9uX2ZulIwbdG9yY2gubm4u"
                 "bW9kdWxlcy5hY3RpdmF0aW9ulIwEUmVMVZSTlHUu"),
         "ReLU", "bytes of its pickled"},
        {PICKLED("gAJ9cQBYDQAAAGFjdGl2YXRpb25fZm5xAWN0b3JjaC5ubi5tb2R1bGVzLmFjdGl2YXRpb24KUmVMVQpx"
                 "AnMu"),
         "ReLU", "bytes of its pickled"},
        {PICKLED("gAWVTwAAAAAAAAB9lIwNYWN0aXZhdGlvbl9mbpSMCF9fbWFpbl9flIwFU3dpc2iUk5RzLg=="),
         "__main__.Swish", "bytes of its pickled"},
        {PICKLED("gAV9lIwJb3B0aW1pemVylEsBcy4="), "Tanh", "names none"},
        /* Open. */
        {PICKLED("gAWVTwAAAAAAAAB9lIwNYWN0aXZhdGlvbl9mbpRoBXMu"), "", "cannot be read off"},
        {PICKLED("gAWVTwAAAAAAAAB9lIwNYWN0aXZhdGlvbl9m"), "Tanh", "names none"},
        {PICKLED("gAWVTwAAAAAAAAB9lIwNYWN0aXZhdGlvbl9mbpSMG3Rv"), "", "cannot be read off"},
        {PRINTED("<function swish at 0x7f>"), "", "is no printed class"},
        {PRINTED("<class 'torch.nn.'>"), "", "is no printed class"},
        {PRINTED("<class 'a b'>"), "", "is no printed class"},
        {KWARGS("\"activation_fn\": 7"), "", "is no printed class"},
        {"{\"policy_kwargs\": null}", "", "has no policy_kwargs"},
        {"{}", "", "has no policy_kwargs"},
        {NULL, "", "no member `data`"},
    };
    sb3_tensors t;
    make(&t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ltd_sb3 *file;
        ltd_err err = LTD_ERR_INIT;
        size_t size;
        void *bytes = sb3zip(&size, &t, cases[i].data, 0);
        if (ltd_sb3_parse(&file, bytes, size, "x.zip", &err) < 0) fail_msg("%s", err.msg);
        if (strcmp(ltd_sb3_activation(file), cases[i].class) != 0 ||
            !strstr(ltd_sb3_activation_source(file), cases[i].source))
            fail_msg("%s: '%s' (%s), expected '%s' (%s)", cases[i].data, ltd_sb3_activation(file),
                     ltd_sb3_activation_source(file), cases[i].class, cases[i].source);
        ltd_sb3_close(file);
        free(bytes);
    }
    sb3_tensors_free(&t);
}

static void an_open_activation_must_be_told(void **state)
{
    (void)state;
    const ltd_activation tanh = LTD_ACT_TANH, relu = LTD_ACT_RELU;
    sb3_tensors t;
    ltd_sb3_nets nets;
    ltd_err err = LTD_ERR_INIT;
    make(&t);
    expect(read_tensors(&t, "{}", NULL, &nets, &err), &err, LTD_EINVAL,
           "--activation tanh or relu");
    assert_int_equal(read_tensors(&t, "{}", &relu, &nets, &err), 0);
    assert_int_equal(ltd_mlp_activation(nets.actor), LTD_ACT_RELU);
    assert_non_null(strstr(nets.why, "as --activation says"));
    ltd_sb3_nets_fini(&nets);
    assert_int_equal(read_tensors(&t, SB3_DATA_RELU, &relu, &nets, &err), 0);
    ltd_sb3_nets_fini(&nets);
    expect(read_tensors(&t, SB3_DATA_RELU, &tanh, &nets, &err), &err, LTD_EINVAL,
           "its activation is ReLU (as its policy_kwargs say), --activation says tanh");
    expect(
        read_tensors(&t, PRINTED("<class 'torch.nn.modules.activation.GELU'>"), &tanh, &nets, &err),
        &err, LTD_EUNSUPPORTED, "GELU");
    sb3_tensors_free(&t);
}

/* --- zips --- */

static void zips_that_are_no_policy_are_refused(void **state)
{
    (void)state;
    sb3_tensors t;
    size_t size, n;
    make(&t);
    void *weights = torchzip_tensors(&n, t.view, t.n);
    const torchzip_entry none[] = {{"data", "{}", 2, 0}, {"other.pth", weights, n, 0}};
    const torchzip_entry inside[] = {{"policy.pth", "PK nothing", 10, 0}};
    const torchzip_entry json[] = {{"policy.pth", weights, n, 0}, {"data", "{\"a\": ", 6, 0}};
    const torchzip_entry list[] = {{"policy.pth", weights, n, 0}, {"data", "[1]", 3, 0}};
    const struct {
        const torchzip_entry *entries;
        size_t n;
        const char *words;
    } cases[] = {{none, 2, "without policy.pth: not of Stable-Baselines3's model.save"},
                 {inside, 1, "policy.pth: no zip that can be read"},
                 {json, 2, "data:1"},
                 {list, 2, "data: is no JSON object"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *bytes = torchzip_entries(&size, cases[i].entries, cases[i].n);
        refused_bytes(bytes, size, LTD_EFORMAT, cases[i].words);
        free(bytes);
    }
    refused_bytes("", 0, LTD_EFORMAT, "without policy.pth"); /* an empty zip to libzip */
    refused_bytes("not a zip at all", 16, LTD_EFORMAT, "no zip");
    /* The inner zip alone, which is what someone may have taken out. */
    refused_bytes(weights, n, LTD_EFORMAT, "without policy.pth");
    free(weights);
    sb3_tensors_free(&t);
}

static void cut_and_damaged_zips_are_refused(void **state)
{
    (void)state;
    sb3_tensors t;
    ltd_sb3_nets nets;
    ltd_err err = LTD_ERR_INIT;
    size_t size;
    make(&t);
    uint8_t *bytes = sb3zip(&size, &t, SB3_DATA_TANH, 0);
    for (size_t n = 0; n < size; n += n < 64 ? 1 : 61) {
        int rc = read_bytes(bytes, n, NULL, &nets, &err);
        if (rc >= 0 || strncmp(err.msg, "x.zip: ", 7) != 0)
            fail_msg("%zu of %zu bytes: %d '%s'", n, size, rc, err.msg);
    }
    /* The weights of the first layer, wherever they lie. */
    size_t at = 0;
    while (at + 16 < size && memcmp(bytes + at, t.data[0], 16) != 0) at++;
    assert_true(at + 16 < size);
    bytes[at] ^= 0x55;
    refused_bytes(bytes, size, LTD_EFORMAT, "policy.pth: CRC");
    free(bytes);
    sb3_tensors_free(&t);
}

static void a_pickle_that_would_run_something_is_refused(void **state)
{
    (void)state;
    static const char evil[] = "\x80\x02"
                               "cos\nsystem\n(X\x04\0\0\0touctR.";
    const torchzip_entry entries[] = {{"archive/data.pkl", evil, sizeof evil - 1, 0},
                                      {"archive/byteorder", "little", 6, 0}};
    size_t size, n;
    void *inner = torchzip_entries(&n, entries, 2);
    const torchzip_entry outer[] = {{"policy.pth", inner, n, 0}, {"data", "{}", 2, 0}};
    void *bytes = torchzip_entries(&size, outer, 2);
    refused_bytes(bytes, size, LTD_EUNSUPPORTED, "os.system");
    free(bytes);
    free(inner);
}

static void bombs_are_refused_before_they_unfold(void **state)
{
    (void)state;
    enum { HUGE_BYTES = 64 << 20 };
    char *zeros = calloc(1, HUGE_BYTES);
    assert_non_null(zeros);
    sb3_tensors t;
    size_t size, n;
    make(&t);
    const torchzip_entry weights[] = {{"policy.pth", zeros, HUGE_BYTES, 8}};
    void *bytes = torchzip_entries(&size, weights, 1);
    assert_true(size < 1 << 20);
    refused_bytes(bytes, size, LTD_EUNSUPPORTED, "policy.pth takes 67108864 bytes: in all more");
    free(bytes);
    void *inner = torchzip_tensors(&n, t.view, t.n);
    memset(zeros, ' ', HUGE_BYTES);
    memcpy(zeros, "{}", 2);
    const torchzip_entry data[] = {{"policy.pth", inner, n, 0}, {"data", zeros, HUGE_BYTES, 8}};
    bytes = torchzip_entries(&size, data, 2);
    refused_bytes(bytes, size, LTD_EUNSUPPORTED, "data takes 67108864 bytes");
    free(bytes);
    const torchzip_entry stored[] = {{"policy.pth", inner, n, 0}, {"data", zeros, 5 << 20, 0}};
    bytes = torchzip_entries(&size, stored, 2);
    refused_bytes(bytes, size, LTD_EUNSUPPORTED, "data: takes 5242880 bytes, expected 4194304");
    free(bytes);
    free(inner);
    free(zeros);
    sb3_tensors_free(&t);
}

/* --- tensors --- */

static void tensors_of_other_policies_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"log_std", "lstm_actor.weight_ih_l0", "q_net.0.weight",
                                        "features_extractor.cnn.0.weight",
                                        "mlp_extractor.shared_net.0.weight"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        sb3_tensors t;
        char words[96];
        make(&t);
        sb3_tensors_add(&t, names[i], (const int64_t[]){3}, 1, NULL);
        snprintf(words, sizeof words, "tensor %s: not part of an MlpPolicy", names[i]);
        refused(&t, LTD_EUNSUPPORTED, words);
        sb3_tensors_free(&t);
    }
    sb3_tensors t;
    make(&t); /* hidden layers 0 and 2 are there, so 6 hangs in the air */
    sb3_tensors_add(&t, "mlp_extractor.policy_net.6.weight", (const int64_t[]){3, 5}, 2, NULL);
    refused(&t, LTD_EUNSUPPORTED, "holds 11 tensors, of which 10 form nets");
    sb3_tensors_free(&t);
    const int32_t deep[] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
    sb3_tensors_make(&t, deep, 9, NULL, 0, 1);
    refused(&t, LTD_EUNSUPPORTED, "has 9 layers, expected 1 to 8");
    sb3_tensors_free(&t);
}

static void tensors_of_other_shapes_are_refused(void **state)
{
    (void)state;
    enum { W0, B0, W1, B1, W2, B2 };
    static const struct {
        int tensor, dim;
        int64_t to;
        const char *words;
    } cases[] = {
        {W1, 1, 4, "policy_net.2.weight: shape is 5 x 4, expected inputs from 8 outputs"},
        {B1, 0, 4, "policy_net.2.bias: shape is 4, expected 5"},
        {W2, 1, 4, "action_net.weight: shape is 3 x 4, expected inputs from 5"},
        {W0, 0, 0, "policy_net.0.weight: shape is 0 x 6, expected a matrix"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sb3_tensors t;
        make(&t);
        ltd_tensor_view *v = &t.view[cases[i].tensor];
        v->dims[cases[i].dim] = cases[i].to;
        v->bytes = 4 * (size_t)ltd_tensor_view_count(v);
        refused(&t, LTD_EFORMAT, cases[i].words);
        sb3_tensors_free(&t);
    }
    sb3_tensors t;
    make(&t);
    t.view[W0].n_dims = 1, t.view[W0].dims[0] = 48, t.view[W0].dims[1] = 1;
    refused(&t, LTD_EFORMAT, "policy_net.0.weight: shape is 48, expected a matrix");
    sb3_tensors_free(&t);
    make(&t);
    snprintf(t.name[B2], sizeof t.name[B2], "action_net.other");
    refused(&t, LTD_EFORMAT, "tensor action_net.bias: missing");
    sb3_tensors_free(&t);
    sb3_tensors_make(&t, actor_dims, 3, (const int32_t[]){5, 4, 1}, 2, 7);
    refused(&t, LTD_EFORMAT, "its critic is 5 -> 1, expected 6 -> 1");
    sb3_tensors_free(&t);
    sb3_tensors_make(&t, actor_dims, 3, (const int32_t[]){6, 4, 2}, 2, 7);
    refused(&t, LTD_EFORMAT, "its critic is 6 -> 2, expected 6 -> 1");
    sb3_tensors_free(&t);
}

static void weights_that_are_no_numbers_are_refused(void **state)
{
    (void)state;
    sb3_tensors t;
    make(&t);
    t.data[0][5] = NAN;
    refused(&t, LTD_EFORMAT, "policy_net.0.weight: value 5 is nan, expected a finite number");
    t.data[0][5] = 0;
    t.data[9][0] = -INFINITY;
    refused(&t, LTD_EFORMAT, "value_net.bias: value 0 is -inf");
    t.data[9][0] = 0;
    t.view[2].dtype = LTD_DTYPE_F16, t.view[2].bytes /= 2;
    refused(&t, LTD_EUNSUPPORTED, "policy_net.2.weight: found F16, expected F32");
    sb3_tensors_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nets_come_out_as_they_went_in),
        cmocka_unit_test(a_policy_without_critic_or_hidden_layers_is_read),
        cmocka_unit_test(version_and_path_are_told),
        cmocka_unit_test(the_activation_is_found_where_it_stands),
        cmocka_unit_test(an_open_activation_must_be_told),
        cmocka_unit_test(zips_that_are_no_policy_are_refused),
        cmocka_unit_test(cut_and_damaged_zips_are_refused),
        cmocka_unit_test(a_pickle_that_would_run_something_is_refused),
        cmocka_unit_test(bombs_are_refused_before_they_unfold),
        cmocka_unit_test(tensors_of_other_policies_are_refused),
        cmocka_unit_test(tensors_of_other_shapes_are_refused),
        cmocka_unit_test(weights_that_are_no_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
