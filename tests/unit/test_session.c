/* Sessions on tiny models: rows stand alone, trees are plain decoding, commits leave the cache of a
 * fresh prefill, and what is wrong is refused without a trace. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "tests/support/engine.h"
#include "tests/support/golden.h"

enum { CONTEXT = 96, MOST = 40, PROMPT = 50, VOCAB = 320, FEATURE = 192, KV_ROOM = 8192 };

static ltd_llama *model;
static ltd_rng rng;
static ltd_err err;

static int setup(void **state)
{
    (void)state;
    ltd_rng_seed(&rng, 3, LTD_STREAM_TEST);
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ltd_llama_close(model);
    return 0;
}

static ltd_session *open_session(bool kv_f16)
{
    int32_t n = ltd_llama_config(model)->n_layers, taps[3] = {1, n - 1, n};
    ltd_session *s = engine_session(model, &(ltd_session_options){CONTEXT, MOST, kv_f16, true, 1});
    ltd_llama_taps(model, taps); /* stay where it is too shallow for EAGLE-3's */
    assert_int_equal(ltd_session_set_taps(s, taps, 3, &err), 0);
    return s;
}

static int32_t below(int32_t n)
{
    return (int32_t)ltd_rng_below(&rng, (uint64_t)n);
}

static void random_tokens(int32_t *ret, int32_t n)
{
    for (int32_t i = 0; i < n; i++) ret[i] = below(VOCAB);
}

static void forward(ltd_session *s, int32_t n, const int32_t *token, const int32_t *parent)
{
    ltd_rows rows = {n, token, parent, n};
    if (ltd_session_forward(s, &rows, &err) < 0) fail_msg("%s", err.msg);
}

static void same_row(const ltd_session *a, int32_t row_a, const ltd_session *b, int32_t row_b)
{
    assert_int_equal(ltd_session_argmax(a, row_a), ltd_session_argmax(b, row_b));
    engine_same_bits("logits", ltd_session_logits(a, row_a), ltd_session_logits(b, row_b),
                     (size_t)ltd_llama_config(model)->vocab);
    engine_same_bits("features", ltd_session_features(a, row_a), ltd_session_features(b, row_b),
                     FEATURE);
}

/* The caches of all committed positions. */
static void same_cache(const ltd_session *a, const ltd_session *b)
{
    uint8_t x[KV_ROOM], y[KV_ROOM];
    assert_int_equal(ltd_session_length(a), ltd_session_length(b));
    for (int32_t i = 0; i < ltd_session_length(a); i++) {
        size_t n = ltd_session_kv_bytes(a, i, x);
        assert_true(n <= KV_ROOM);
        assert_int_equal(ltd_session_kv_bytes(b, i, y), n);
        assert_memory_equal(x, y, n);
    }
}

static void check_chains(int rounds)
{
    int32_t ids[MOST];
    for (int round = 0; round < rounds; round++) {
        int32_t n = round < 12 ? round + 1 : 1 + below(MOST);
        ltd_session *all = open_session(round & 1), *one = open_session(round & 1);
        random_tokens(ids, n);
        forward(all, n, ids, NULL);
        for (int32_t i = 0; i < n; i++) {
            engine_step(one, ids[i]);
            same_row(all, i, one, 0);
        }
        ltd_session_truncate(all, 0, &err);
        engine_feed(all, ids, n);
        same_cache(all, one);
        ltd_session_free(all);
        ltd_session_free(one);
    }
}

static void a_chain_at_once_equals_one_row_at_a_time(void **state)
{
    (void)state;
    check_chains(24);
}

static void the_number_of_threads_changes_no_bit(void **state)
{
    (void)state;
    int32_t ids[MOST];
    char path[1024];
    random_tokens(ids, MOST);
    ltd_session *want = open_session(false);
    forward(want, MOST, ids, NULL);
    assert_true(golden_path(path, sizeof path, "eagle3/target"));
    for (int32_t threads = 1; threads <= 4; threads++) {
        ltd_llama *m;
        ltd_llama_options o = {LTD_LOAD_FILE, 16, threads, NULL};
        assert_int_equal(ltd_llama_open(&m, path, &o, &err), 0);
        ltd_session *s =
            engine_feature_session(m, &(ltd_session_options){CONTEXT, MOST, false, true, 1});
        forward(s, MOST, ids, NULL);
        for (int32_t i = 0; i < MOST; i++) same_row(s, i, want, i);
        ltd_session_free(s);
        ltd_llama_close(m);
    }
    ltd_session_free(want);
}

static int32_t path_to(const int32_t *parent, int32_t leaf, int32_t *path)
{
    int32_t n = 0;
    for (int32_t i = leaf; i >= 0; i = parent[i]) n++;
    for (int32_t i = leaf, at = n; i >= 0; i = parent[i]) path[--at] = i;
    return n;
}

/* A random forest, half of it chains, behind a random prompt; every row against plain decoding of
 * its path. */
static void check_forest(bool kv_f16)
{
    int32_t prompt[PROMPT], token[MOST], parent[MOST], path[MOST];
    int32_t n_prompt = 1 + below(PROMPT), n = 1 + below(MOST);
    ltd_session *tree = open_session(kv_f16), *plain = open_session(kv_f16);
    random_tokens(prompt, n_prompt);
    random_tokens(token, n);
    for (int32_t i = 0; i < n; i++) parent[i] = below(2) ? i - 1 : below(i + 1) - 1;
    engine_feed(tree, prompt, n_prompt);
    engine_feed(plain, prompt, n_prompt);
    forward(tree, n, token, parent);
    for (int32_t leaf = 0; leaf < n; leaf++) {
        int32_t n_path = path_to(parent, leaf, path);
        for (int32_t i = 0; i < n_path; i++) engine_step(plain, token[path[i]]);
        same_row(tree, leaf, plain, 0);
        if (leaf + 1 < n) assert_int_equal(ltd_session_truncate(plain, n_prompt, &err), 0);
    }
    /* plain stands at the last leaf: commit its path and compare with it and a fresh prefill */
    int32_t n_path = path_to(parent, n - 1, path), ids[PROMPT + MOST];
    assert_int_equal(ltd_session_commit(tree, path, n_path, &err), 0);
    same_cache(tree, plain);
    memcpy(ids, prompt, sizeof prompt);
    for (int32_t i = 0; i < n_path; i++) ids[n_prompt + i] = token[path[i]];
    ltd_session *fresh = open_session(kv_f16);
    engine_feed(fresh, ids, n_prompt + n_path);
    same_cache(tree, fresh);
    int32_t next = below(VOCAB);
    assert_int_equal(engine_step(tree, next), engine_step(fresh, next));
    same_row(tree, 0, fresh, 0);
    ltd_session_free(tree);
    ltd_session_free(plain);
    ltd_session_free(fresh);
}

static void tree_rows_equal_plain_decoding_of_their_path(void **state)
{
    (void)state;
    for (int round = 0; round < 30; round++) check_forest(round & 1);
}

/* Biases, norms of heads, windows of 16 and 12 keys in texts of up to 90. */
static void the_same_holds_in_every_family(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int32_t bits;
    } models[] = {{"models/qwen2_bias", 16},
                  {"models/qwen3", 16},
                  {"models/gemma3_text", 16},
                  {"gguf/qwen2_bias.Q8_0.gguf", 8},
                  {"gguf/gemma3_7l.Q8_0.gguf", 8},
                  {"gguf/qwen3.Q8_0.gguf", 16},
                  {"gguf/llama31_rope_freqs.Q8_0.gguf", 8}};
    ltd_llama *keep = model;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        model = engine_model(models[i].name, LTD_LOAD_FILE, models[i].bits, NULL);
        check_chains(12);
        for (int round = 0; round < 10; round++) check_forest(round & 1);
        ltd_llama_close(model);
    }
    model = keep;
}

/* The window's edge to the token: what is before it changes no bit of a model whose layers all
 * slide, and the last key inside does. */
static void a_sliding_layer_sees_its_window_and_no_more(void **state)
{
    (void)state;
    enum { N = 30, WINDOW = 12 };
    int32_t ids[N], same = 0;
    ltd_llama *keep = model;
    model = engine_model("gguf/gemma3_7l.Q8_0.gguf", LTD_LOAD_FILE, 16, NULL);
    ltd_session *s = open_session(false), *other = open_session(false);
    const int32_t taps[3] = {1, 1, 1}; /* behind one sliding layer */
    assert_int_equal(ltd_session_set_taps(s, taps, 3, &err), 0);
    assert_int_equal(ltd_session_set_taps(other, taps, 3, &err), 0);
    random_tokens(ids, N);
    forward(s, N, ids, NULL);
    ids[5] = (ids[5] + 1) % VOCAB;
    forward(other, N, ids, NULL);
    for (int32_t i = 0; i < N; i++) {
        bool equal = memcmp(ltd_session_features(s, i), ltd_session_features(other, i),
                            FEATURE * sizeof(float)) == 0;
        assert_true(equal == (i < 5 || i >= 5 + WINDOW));
        same += equal;
    }
    assert_int_equal(same, N - WINDOW);
    ltd_session_free(s);
    ltd_session_free(other);
    ltd_llama_close(model);
    model = keep;
}

static void taps_can_be_set_and_bad_ones_are_refused(void **state)
{
    (void)state;
    int32_t ids[8], n = ltd_llama_config(model)->n_layers, own[3];
    ltd_session *s = open_session(false), *other = open_session(false);
    random_tokens(ids, 8);
    forward(s, 8, ids, NULL);
    assert_int_equal(ltd_llama_taps(model, own), 3);
    assert_int_equal(ltd_session_set_taps(other, (int32_t[3]){own[2], own[0], own[0]}, 3, &err), 0);
    assert_int_equal(ltd_session_set_taps(other, (int32_t[3]){0, 0, n + 1}, 3, &err), LTD_EINVAL);
    assert_int_equal(ltd_session_set_taps(other, (int32_t[3]){-1, 0, 0}, 3, &err), LTD_EINVAL);
    forward(other, 8, ids, NULL);
    const size_t bytes = FEATURE / 3 * sizeof(float);
    for (int32_t i = 0; i < 8; i++) {
        const float *a = ltd_session_features(s, i), *b = ltd_session_features(other, i);
        assert_memory_equal(b, a + FEATURE / 3 * 2, bytes);
        assert_memory_equal(b + FEATURE / 3, a, bytes);
        assert_memory_equal(b + FEATURE / 3 * 2, a, bytes);
    }
    ltd_session_free(s);
    ltd_session_free(other);
}

static void outputs_are_the_same_however_many_are_wanted(void **state)
{
    (void)state;
    int32_t ids[MOST];
    random_tokens(ids, MOST);
    ltd_session *all = open_session(false), *s = open_session(false);
    /* without logits the head runs over slices */
    ltd_session *bare =
        engine_session(model, &(ltd_session_options){CONTEXT, MOST, false, false, 1});
    forward(all, MOST, ids, NULL);
    for (int32_t n_out = 0; n_out <= MOST; n_out += 13) {
        ltd_rows rows = {MOST, ids, NULL, n_out};
        assert_int_equal(ltd_session_forward(s, &rows, &err), 0);
        assert_int_equal(ltd_session_forward(bare, &rows, &err), 0);
        for (int32_t i = MOST - n_out; i < MOST; i++) {
            same_row(s, i, all, i);
            assert_int_equal(ltd_session_argmax(bare, i), ltd_session_argmax(all, i));
        }
    }
    assert_null(ltd_session_logits(bare, 0));
    assert_null(ltd_session_features(bare, 0));
    ltd_session_free(all);
    ltd_session_free(s);
    ltd_session_free(bare);
}

static void refuse(ltd_session *s, ltd_rows rows)
{
    err = (ltd_err)LTD_ERR_INIT;
    assert_int_equal(ltd_session_forward(s, &rows, &err), LTD_EINVAL);
    assert_true(strlen(err.msg) > 10);
}

static void bad_rows_give_errors_and_change_nothing(void **state)
{
    (void)state;
    int32_t ids[MOST + 1], path[2] = {0, 1};
    random_tokens(ids, MOST + 1);
    ltd_session *s = open_session(false), *twin = open_session(false);
    engine_feed(s, ids, 5);
    engine_feed(twin, ids, 5);
    forward(s, 3, ids, NULL);
    forward(twin, 3, ids, NULL);
    refuse(s, (ltd_rows){0, ids, NULL, 0});
    refuse(s, (ltd_rows){-1, ids, NULL, 0});
    refuse(s, (ltd_rows){MOST + 1, ids, NULL, 1});
    refuse(s, (ltd_rows){2, ids, NULL, 3});
    refuse(s, (ltd_rows){2, ids, NULL, -1});
    refuse(s, (ltd_rows){2, (int32_t[]){1, VOCAB}, NULL, 2});
    refuse(s, (ltd_rows){2, (int32_t[]){-1, 1}, NULL, 2});
    refuse(s, (ltd_rows){2, ids, (int32_t[]){-1, 1}, 2});
    refuse(s, (ltd_rows){2, ids, (int32_t[]){0, 0}, 2});
    refuse(s, (ltd_rows){2, ids, (int32_t[]){-2, 0}, 2});
    for (int32_t i = 0; i < 3; i++) same_row(s, i, twin, i);
    assert_int_equal(ltd_session_commit(s, path, 2, &err), 0);
    assert_int_equal(ltd_session_commit(twin, path, 2, &err), 0);
    same_cache(s, twin);
    ltd_session_free(s);
    ltd_session_free(twin);
}

static void refuse_path(ltd_session *s, int32_t n, const int32_t *path)
{
    int32_t length = ltd_session_length(s);
    assert_int_equal(ltd_session_commit(s, path, n, &err), LTD_EINVAL);
    assert_int_equal(ltd_session_length(s), length);
}

static void only_paths_of_the_last_forward_can_be_committed(void **state)
{
    (void)state;
    /* 0 -> 1 -> 3, 0 -> 2, and 4 beside 0 */
    static const int32_t parent[] = {-1, 0, 0, 1, -1};
    int32_t ids[8];
    random_tokens(ids, 8);
    ltd_session *s = open_session(false);
    refuse_path(s, 1, (int32_t[]){0}); /* nothing was run */
    engine_feed(s, ids, 8);
    forward(s, 5, ids, parent);
    refuse_path(s, 1, (int32_t[]){1});
    refuse_path(s, 2, (int32_t[]){0, 3});
    refuse_path(s, 2, (int32_t[]){0, 0});
    refuse_path(s, 2, (int32_t[]){0, 4});
    refuse_path(s, 3, (int32_t[]){0, 2, 3});
    refuse_path(s, 2, (int32_t[]){0, 5});
    refuse_path(s, 1, (int32_t[]){-1});
    refuse_path(s, -1, (int32_t[]){0});
    assert_int_equal(ltd_session_commit(s, (int32_t[]){0, 1, 3}, 3, &err), 0);
    assert_int_equal(ltd_session_length(s), 11);
    refuse_path(s, 1, (int32_t[]){0}); /* it was committed already */
    forward(s, 5, ids, parent);
    assert_int_equal(ltd_session_commit(s, NULL, 0, &err), 0);
    assert_int_equal(ltd_session_length(s), 11);
    forward(s, 5, ids, parent);
    assert_int_equal(ltd_session_truncate(s, 4, &err), 0);
    refuse_path(s, 1, (int32_t[]){0}); /* the text it followed is gone */
    assert_int_equal(ltd_session_truncate(s, 5, &err), LTD_EINVAL);
    assert_int_equal(ltd_session_truncate(s, -1, &err), LTD_EINVAL);
    ltd_session_free(s);
}

static void the_context_may_be_filled_and_not_exceeded(void **state)
{
    (void)state;
    int32_t ids[CONTEXT];
    random_tokens(ids, CONTEXT);
    ltd_session *s = open_session(false);
    engine_feed(s, ids, CONTEXT - 3);
    refuse(s, (ltd_rows){4, ids, NULL, 1});
    forward(s, 3, ids, (int32_t[]){-1, -1, 0});
    forward(s, 3, ids, NULL);
    assert_int_equal(ltd_session_commit(s, (int32_t[]){0, 1, 2}, 3, &err), 0);
    assert_int_equal(ltd_session_length(s), CONTEXT);
    refuse(s, (ltd_rows){1, ids, NULL, 1});
    ltd_session_free(s);
}

static void a_truncated_text_goes_on_as_a_new_one(void **state)
{
    (void)state;
    int32_t ids[60];
    random_tokens(ids, 60);
    ltd_session *s = open_session(false), *fresh = open_session(false);
    engine_feed(s, ids, 50);
    assert_int_equal(ltd_session_truncate(s, 20, &err), 0);
    engine_feed(s, ids + 30, 30);
    engine_feed(fresh, ids, 20);
    engine_feed(fresh, ids + 30, 30);
    same_cache(s, fresh);
    ltd_session_free(s);
    ltd_session_free(fresh);
}

static void half_kv_is_near_to_float_kv(void **state)
{
    (void)state;
    int32_t ids[MOST];
    random_tokens(ids, MOST);
    ltd_session *a = open_session(false), *b = open_session(true);
    assert_int_equal(ltd_session_kv_bytes(a, 0, NULL), 2 * ltd_session_kv_bytes(b, 0, NULL));
    forward(a, MOST, ids, NULL);
    forward(b, MOST, ids, NULL);
    float worst = 0;
    for (int32_t i = 0; i < MOST; i++)
        for (int32_t t = 0; t < VOCAB; t++)
            worst = fmaxf(worst, fabsf(ltd_session_logits(a, i)[t] - ltd_session_logits(b, i)[t]));
    print_message("# f16 K/V: logits within %.3g\n", (double)worst);
    assert_true(worst > 0 && worst < 2.4e-2f); /* measured 1.1e-2 */
    ltd_session_free(a);
    ltd_session_free(b);
}

static void refuse_options(const ltd_llama *m, ltd_session_options o, int code)
{
    ltd_session *s = (ltd_session *)(void *)&o; /* something that must go */
    assert_int_equal(ltd_session_new(&s, m, &o, &err), code);
    assert_null(s);
}

static void sessions_that_cant_be_are_refused(void **state)
{
    (void)state;
    refuse_options(model, (ltd_session_options){513, 8, false, false, 1}, LTD_EINVAL);
    refuse_options(model, (ltd_session_options){8, 8, false, false, 1}, LTD_EINVAL);
    refuse_options(model, (ltd_session_options){96, 0, false, false, 1}, LTD_EINVAL);
    refuse_options(model, (ltd_session_options){512, 2000, false, false, 1}, LTD_EINVAL);
    ltd_session_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_at_once_equals_one_row_at_a_time),
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
        cmocka_unit_test(tree_rows_equal_plain_decoding_of_their_path),
        cmocka_unit_test(the_same_holds_in_every_family),
        cmocka_unit_test(a_sliding_layer_sees_its_window_and_no_more),
        cmocka_unit_test(taps_can_be_set_and_bad_ones_are_refused),
        cmocka_unit_test(outputs_are_the_same_however_many_are_wanted),
        cmocka_unit_test(bad_rows_give_errors_and_change_nothing),
        cmocka_unit_test(only_paths_of_the_last_forward_can_be_committed),
        cmocka_unit_test(the_context_may_be_filled_and_not_exceeded),
        cmocka_unit_test(a_truncated_text_goes_on_as_a_new_one),
        cmocka_unit_test(half_kv_is_near_to_float_kv),
        cmocka_unit_test(sessions_that_cant_be_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
