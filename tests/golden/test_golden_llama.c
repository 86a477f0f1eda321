/* Tiny checkpoints of every family and form we read: logits and hidden states against fp32
 * arithmetic of the reference, and its greedy continuations. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "tests/support/engine.h"
#include "tests/support/golden.h"
#include "tests/support/vectors.h"

enum { ROOM = 256 };

/* Logits of a whole prompt at once against "<prompt>.logits"; returns the largest difference. */
static double prompt_diff(const ltd_llama *model, const ltd_safetensors *want, const char *prompt,
                          bool kv_f16)
{
    char name[64];
    int64_t dims[8];
    ltd_err err;
    double worst = 0;
    snprintf(name, sizeof name, "%s.input_ids", prompt);
    const int32_t *ids = vec_i32(want, name, dims);
    int32_t n = (int32_t)dims[0];
    snprintf(name, sizeof name, "%s.logits", prompt);
    const float *logits = vec_f32(want, name, dims);
    assert_int_equal(dims[0], n);
    assert_int_equal(dims[1], ltd_llama_config(model)->vocab);
    ltd_session *s = engine_session(model, &(ltd_session_options){128, 64, kv_f16, true, 1});
    ltd_rows rows = {n, ids, NULL, n};
    assert_int_equal(ltd_session_forward(s, &rows, &err), 0);
    for (int32_t i = 0; i < n; i++) {
        double d = vec_max_diff(ltd_session_logits(s, i), logits + i * dims[1], (size_t)dims[1]);
        if (d > worst) worst = d;
    }
    ltd_session_free(s);
    return worst;
}

/* The residual stream at one place of every row against the tensor `name`; largest |x - ref| /
 * (1 + |ref|). */
static double stream_diff(const ltd_session *s, int tap, const ltd_safetensors *want,
                          const char *name)
{
    int64_t dims[8];
    const float *ref = vec_f32(want, name, dims);
    double worst = 0;
    for (int64_t i = 0; i < dims[0]; i++) {
        const float *x = ltd_session_features(s, (int32_t)i) + tap * dims[1];
        for (int64_t k = 0; k < dims[1]; k++, ref++) {
            double d = fabs((double)x[k] - (double)*ref) / (1 + fabs((double)*ref));
            if (!(d <= worst)) worst = d;
        }
    }
    return worst;
}

/* Every place that the reference kept, three a forward; returns how many there were. */
static int check_streams(const ltd_llama *model, const ltd_safetensors *want, const char *prompt,
                         double tolerance)
{
    char name[64];
    int64_t dims[8];
    ltd_err err;
    int32_t n_layers = ltd_llama_config(model)->n_layers, seen = 0;
    snprintf(name, sizeof name, "%s.input_ids", prompt);
    const int32_t *ids = vec_i32(want, name, dims);
    ltd_rows rows = {(int32_t)dims[0], ids, NULL, 0};
    ltd_session *s = engine_session(model, &(ltd_session_options){128, 64, false, false, 1});
    for (int32_t place = 0; place <= n_layers; place++) {
        snprintf(name, sizeof name, "%s.embed", prompt);
        if (place) snprintf(name, sizeof name, "%s.hidden_after_layer_%d", prompt, place - 1);
        if (!vec_has(want, name)) continue;
        assert_int_equal(ltd_session_set_taps(s, (int32_t[3]){n_layers, place, 0}, 3, &err), 0);
        assert_int_equal(ltd_session_forward(s, &rows, &err), 0);
        double d = stream_diff(s, 1, want, name);
        if (!(d <= tolerance)) fail_msg("%s: relative error %g, allowed %g", name, d, tolerance);
        seen++;
    }
    ltd_session_free(s);
    return seen;
}

static void check_folder(const char *folder, double tolerance)
{
    char name[128];
    snprintf(name, sizeof name, "models/%s", folder);
    ltd_llama *model = engine_model(name, LTD_LOAD_F32, 16, NULL);
    snprintf(name, sizeof name, "models/%s/expected.safetensors", folder);
    ltd_safetensors *want = vec_open(name);
    for (int p = 0; p < 2; p++) {
        double d = prompt_diff(model, want, p ? "p1" : "p0", false);
        print_message("# %s p%d: logits within %.3g\n", folder, p, d);
        if (!(d <= tolerance)) fail_msg("%s p%d: %g, allowed %g", folder, p, d, tolerance);
        int seen = check_streams(model, want, p ? "p1" : "p0", tolerance);
        assert_true(seen >= 4);
    }
    ltd_safetensors_close(want);
    ltd_llama_close(model);
}

static void checkpoints_of_every_family_give_the_reference_logits_and_states(void **state)
{
    (void)state;
    check_folder("llama_gqa_tied", 4e-4);
    check_folder("vicuna_mha", 3e-4);
    check_folder("llama31_rope_scaled", 4e-4);
    check_folder("qwen2_bias", 3e-4);
    check_folder("qwen3", 3e-4);
    check_folder("gemma3_text", 2e-4);
}

/* --- GGUF files --- */

typedef struct gguf_case {
    const char *name;
    double bits16, bits8; /* bounds on logits when quantised types keep integers */
} gguf_case;

/* Bounds are three times what was measured. */
static const gguf_case ggufs[] = {
    {"llama_gqa_tied.F32", 2e-4, 2e-4},
    {"llama_gqa_tied.F16", 2e-4, 2e-4},
    {"llama_gqa_tied.BF16", 2e-4, 2e-4},
    {"llama_gqa_tied.Q8_0", 6.6e-3, 1.6},
    {"llama_gqa_tied.Q4_0", 6.5e-3, 1.7},
    {"llama_gqa_tied.Q4_1", 9.2e-3, 2.2},
    {"llama31_rope_freqs.Q8_0", 8.3e-3, 2.2},
    {"qwen2_bias.Q8_0", 7e-3, 1.7},
    {"qwen3.Q8_0", 3.7e-3, 1.2},
    {"gemma3_7l.Q8_0", 1.8e-3, 0.38},
};

static void check_gguf(const gguf_case *c, ltd_load_dtype dtype, int32_t bits, double tolerance)
{
    char name[128];
    snprintf(name, sizeof name, "gguf/%s.gguf", c->name);
    ltd_llama *model = engine_model(name, dtype, bits, NULL);
    snprintf(name, sizeof name, "gguf/%s.expected.safetensors", c->name);
    ltd_safetensors *want = vec_open(name);
    double d = prompt_diff(model, want, "p1", false);
    print_message("# %s as %s, %d-bit activations: logits within %.3g\n", c->name,
                  ltd_llama_dtype_name(model), bits, d);
    if (!(d <= tolerance)) fail_msg("%s: %g, allowed %g", c->name, d, tolerance);
    ltd_safetensors_close(want);
    ltd_llama_close(model);
}

static void gguf_files_widened_to_floats_give_the_reference_logits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ggufs / sizeof *ggufs; i++)
        check_gguf(&ggufs[i], LTD_LOAD_F32, 16, 2e-4);
}

static void gguf_files_in_their_own_types_stay_within_measured_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ggufs / sizeof *ggufs; i++) {
        check_gguf(&ggufs[i], LTD_LOAD_FILE, 16, ggufs[i].bits16);
        check_gguf(&ggufs[i], LTD_LOAD_FILE, 8, ggufs[i].bits8);
    }
}

/* --- rounding at load --- */

enum { LONGEST = 40 };

/* Two models, the same bits for every row of a prompt. */
static void same_models(const char *what, ltd_llama *a, ltd_llama *b)
{
    int32_t ids[LONGEST];
    int32_t vocab = ltd_llama_config(a)->vocab;
    ltd_err err;
    ltd_llama *models[2] = {a, b};
    ltd_session *s[2];
    for (int32_t i = 0; i < LONGEST; i++) ids[i] = (i * 37 + 11) % vocab;
    for (int i = 0; i < 2; i++) {
        s[i] = engine_session(models[i], &(ltd_session_options){64, LONGEST, false, true, 1});
        ltd_rows rows = {LONGEST, ids, NULL, LONGEST};
        assert_int_equal(ltd_session_forward(s[i], &rows, &err), 0);
    }
    for (int32_t i = 0; i < LONGEST; i++)
        engine_same_bits(what, ltd_session_logits(s[0], i), ltd_session_logits(s[1], i),
                         (size_t)vocab);
    for (int i = 0; i < 2; i++) {
        ltd_session_free(s[i]);
        ltd_llama_close(models[i]);
    }
}

static void rounding_at_load_gives_the_model_of_a_rounded_file(void **state)
{
    (void)state;
    static const struct {
        const char *from, *file, *name;
        ltd_load_dtype load;
    } cases[] = {
        {"gguf/llama_gqa_tied.F32.gguf", "gguf/llama_gqa_tied.Q8_0.gguf", "Q8_0", LTD_LOAD_Q8},
        {"gguf/llama_gqa_tied.F32.gguf", "gguf/llama_gqa_tied.F16.gguf", "F16", LTD_LOAD_F16},
        {"models/llama_gqa_tied", "gguf/llama_gqa_tied.Q8_0.gguf", "Q8_0", LTD_LOAD_Q8},
        {"models/llama31_rope_scaled", "gguf/llama31_rope_freqs.Q8_0.gguf", "Q8_0", LTD_LOAD_Q8},
        {"models/qwen2_bias", "gguf/qwen2_bias.Q8_0.gguf", "Q8_0", LTD_LOAD_Q8},
        {"models/qwen3", "gguf/qwen3.Q8_0.gguf", "Q8_0", LTD_LOAD_Q8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ltd_llama *a = engine_model(cases[i].from, cases[i].load, 16, NULL);
        ltd_llama *b = engine_model(cases[i].file, LTD_LOAD_FILE, 16, NULL);
        assert_string_equal(ltd_llama_dtype_name(a), cases[i].name);
        assert_int_equal(ltd_llama_bytes(a), ltd_llama_bytes(b));
        same_models(cases[i].from, a, b);
    }
}

static void four_bits_at_load_stay_near(void **state)
{
    (void)state;
    ltd_llama *model = engine_model("models/llama_gqa_tied", LTD_LOAD_Q4, 16, NULL);
    ltd_llama *q8 = engine_model("models/llama_gqa_tied", LTD_LOAD_Q8, 16, NULL);
    ltd_safetensors *want = vec_open("models/llama_gqa_tied/expected.safetensors");
    assert_string_equal(ltd_llama_dtype_name(model), "Q4_1");
    assert_true(ltd_llama_bytes(model) < ltd_llama_bytes(q8));
    double d = prompt_diff(model, want, "p1", false);
    print_message("# Q4_1 at load: logits within %.3g\n", d);
    assert_true(d < 9.4); /* of the reference's Q4_1 file, whose embedding has 4 bits too */
    ltd_safetensors_close(want);
    ltd_llama_close(q8);
    ltd_llama_close(model);
}

/* --- one layer in several types --- */

/* A golden folder of halves again, with q and gate widened to floats; their bytes live in `room`.
 */
static void put_mixed_folder(const char *path, const char *golden, float *room)
{
    char name[1024], target[1100];
    ltd_err err = LTD_ERR_INIT;
    ltd_tensor_view views[128];
    snprintf(name, sizeof name, "models/%s/model.safetensors", golden);
    ltd_safetensors *file = vec_open(name);
    size_t n = ltd_safetensors_tensor_count(file);
    assert_true(n <= 128);
    for (size_t i = 0; i < n; i++) {
        views[i] = *ltd_safetensors_tensor_at(file, i);
        if (!strstr(views[i].name, "q_proj") && !strstr(views[i].name, "gate_proj")) continue;
        int64_t count = ltd_tensor_view_count(&views[i]);
        assert_int_equal(ltd_dtype_to_f32(room, views[i].data, views[i].dtype, count, &err), 0);
        views[i].data = room;
        views[i].dtype = LTD_DTYPE_F32;
        views[i].bytes = (size_t)count * 4;
        room += count;
    }
    snprintf(target, sizeof target, "%s/model.safetensors", path);
    if (ltd_safetensors_write(target, views, n, NULL, NULL, 0, &err) < 0) fail_msg("%s", err.msg);
    ltd_safetensors_close(file);
    snprintf(name, sizeof name, "models/%s/config.json", golden);
    char from[1024];
    ltd_file map;
    assert_true(golden_path(from, sizeof from, name));
    assert_int_equal(ltd_file_map(&map, from, &err), 0);
    snprintf(target, sizeof target, "%s/config.json", path);
    assert_int_equal(ltd_file_write(target, map.data, map.size, &err), 0);
    ltd_file_unmap(&map);
}

/* Floats of the same values: the arithmetic is the same whatever the type.  Vicuna's 116 rows of
 * gate and up can't be split, its q/k/v can; Qwen's 120 and 104 can. */
static void types_may_differ_within_a_layer(void **state)
{
    (void)state;
    static const char *const names[] = {"vicuna_mha", "qwen2_bias", "qwen3"};
    float *room = malloc(4u << 20);
    assert_non_null(room);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[] = "/tmp/ltd-mixed-XXXXXX", name[1100];
        assert_non_null(mkdtemp(path));
        put_mixed_folder(path, names[i], room);
        ltd_llama *mixed = engine_model(path, LTD_LOAD_FILE, 16, NULL);
        snprintf(name, sizeof name, "models/%s", names[i]);
        same_models(names[i], mixed, engine_model(name, LTD_LOAD_FILE, 16, NULL));
        snprintf(name, sizeof name, "%s/model.safetensors", path);
        unlink(name);
        snprintf(name, sizeof name, "%s/config.json", path);
        unlink(name);
        rmdir(path);
    }
    free(room);
}

static void half_kv_stays_within_its_measured_bound(void **state)
{
    (void)state;
    ltd_llama *model = engine_model("models/llama_gqa_tied", LTD_LOAD_F32, 16, NULL);
    ltd_safetensors *want = vec_open("models/llama_gqa_tied/expected.safetensors");
    double d = prompt_diff(model, want, "p1", true);
    print_message("# f16 K/V: logits within %.3g\n", d);
    assert_true(d <= 4.5e-2); /* measured 1.45e-2 */
    ltd_safetensors_close(want);
    ltd_llama_close(model);
}

/* --- greedy text --- */

static void check_greedy(const ltd_llama *model, ltd_json c)
{
    int32_t prompt[ROOM], want[ROOM], got[ROOM];
    int32_t n = engine_ids(c, "prompt_ids", prompt, ROOM);
    int32_t n_new = engine_ids(c, "new_ids", want, ROOM);
    ltd_session *s = engine_session(model, &(ltd_session_options){ROOM, 32, false, false, 1});
    engine_plain(s, engine_feed(s, prompt, n), got, n_new);
    engine_same_ids("greedy", got, want, n_new);
    if (ltd_json_has(c, "eos_token_id")) { /* the end comes with the last id and not before */
        int32_t eos = engine_int(c, "eos_token_id"), at = 0;
        while (at < n_new && got[at] != eos) at++;
        assert_int_equal(at, n_new - 1);
    }
    ltd_session_free(s);
}

static void greedy_text_is_the_references(void **state)
{
    (void)state;
    ltd_llama *model = engine_model("models/llama_gqa_tied", LTD_LOAD_F32, 16, NULL);
    ltd_json_doc *doc = engine_json("lossless/lossless.json");
    ltd_json greedy = engine_get(ltd_json_root(doc), "greedy");
    ltd_json eos = engine_get(ltd_json_root(doc), "eos");
    assert_int_equal(ltd_json_count(greedy), 5);
    for (size_t i = 0; i < ltd_json_count(greedy); i++) check_greedy(model, ltd_json_at(greedy, i));
    for (size_t i = 0; i < ltd_json_count(eos); i++) check_greedy(model, ltd_json_at(eos, i));
    ltd_json_free(doc);
    ltd_llama_close(model);
}

/* --- what we can't run is refused with the reason --- */

static void a_tokenizer_that_cant_be_used_is_named_and_the_weights_serve(void **state)
{
    (void)state;
    ltd_llama *model = engine_model("gguf/llama_gqa_tied.F32.gguf", LTD_LOAD_FILE, 16, NULL);
    assert_null(ltd_llama_tokenizer(model));
    assert_non_null(strstr(ltd_llama_tokenizer_error(model), "merges"));
    ltd_llama_close(model);
    model = engine_model("models/llama_gqa_tied", LTD_LOAD_FILE, 16, NULL);
    assert_null(ltd_llama_tokenizer(model));
    assert_non_null(strstr(ltd_llama_tokenizer_error(model), "holds neither tokenizer.json nor"));
    ltd_llama_close(model);
}

/* A copy of a golden folder, with a tokenizer beside the weights. */
static void a_folder_brings_its_tokenizer(void **state)
{
    (void)state;
    static const char *const files[] = {"config.json", "model.safetensors"};
    static const char tokenizer[] = "{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"vocab\":"
                                    "{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}}";
    char folder[] = "/tmp/ltd-test-llama-XXXXXX", from[1024], to[1024], name[64];
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "models/llama_gqa_tied/%s", files[i]);
        if (!golden_path(from, sizeof from, name)) skip();
        snprintf(to, sizeof to, "%s/%s", folder, files[i]);
        ltd_file file;
        assert_int_equal(ltd_file_map(&file, from, NULL), LTD_OK);
        assert_int_equal(ltd_file_write(to, file.data, file.size, NULL), LTD_OK);
        ltd_file_unmap(&file);
    }
    snprintf(to, sizeof to, "%s/tokenizer.json", folder);
    ltd_llama *model = NULL;
    ltd_err err = LTD_ERR_INIT;
    ltd_llama_options o = LTD_LLAMA_DEFAULTS;
    assert_int_equal(ltd_file_write(to, tokenizer, sizeof tokenizer - 1, &err), LTD_OK);
    if (ltd_llama_open(&model, folder, &o, &err) < 0) fail_msg("%s", err.msg);
    assert_string_equal(ltd_llama_tokenizer_error(model), "");
    assert_int_equal(ltd_tokenizer_vocab(ltd_llama_tokenizer(model)), 3);
    ltd_llama_close(model);
    unlink(to);
    for (size_t i = 0; i < 2; i++) {
        snprintf(to, sizeof to, "%s/%s", folder, files[i]);
        unlink(to);
    }
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_of_every_family_give_the_reference_logits_and_states),
        cmocka_unit_test(gguf_files_widened_to_floats_give_the_reference_logits),
        cmocka_unit_test(gguf_files_in_their_own_types_stay_within_measured_bounds),
        cmocka_unit_test(rounding_at_load_gives_the_model_of_a_rounded_file),
        cmocka_unit_test(four_bits_at_load_stay_near),
        cmocka_unit_test(types_may_differ_within_a_layer),
        cmocka_unit_test(half_kv_stays_within_its_measured_bound),
        cmocka_unit_test(greedy_text_is_the_references),
        cmocka_unit_test(a_tokenizer_that_cant_be_used_is_named_and_the_weights_serve),
        cmocka_unit_test(a_folder_brings_its_tokenizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
