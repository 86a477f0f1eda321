/* Several texts in a session: each gets the bits that it gets alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "tests/support/engine.h"

enum { TEXTS = 5, TEXT_CONTEXT = 40, MOST = 40, VOCAB = 320 };

static ltd_llama *model;
static ltd_rng rng;
static ltd_err err;

static int32_t below(int32_t n)
{
    return (int32_t)ltd_rng_below(&rng, (uint64_t)n);
}

static ltd_session *open_texts(bool kv_f16, int32_t texts)
{
    int32_t n = ltd_llama_config(model)->n_layers;
    ltd_session_options o = {TEXT_CONTEXT, texts > 1 ? MOST : 8, kv_f16, true, texts};
    ltd_session *s = engine_session(model, &o);
    assert_int_equal(ltd_session_set_taps(s, (int32_t[3]){1, n - 1, n}, 3, &err), 0);
    return s;
}

static void same_row(const ltd_session *all, int32_t row, const ltd_session *one)
{
    const ltd_llm_config *c = ltd_llama_config(model);
    assert_int_equal(ltd_session_argmax(all, row), ltd_session_argmax(one, 0));
    engine_same_bits("logits", ltd_session_logits(all, row), ltd_session_logits(one, 0),
                     (size_t)c->vocab);
    engine_same_bits("features", ltd_session_features(all, row), ltd_session_features(one, 0),
                     3 * (size_t)c->hidden);
}

/* Texts begin, go on by one or more tokens, end and begin again, each at a time of its own. */
static void check_texts(bool kv_f16, int rounds)
{
    ltd_session *all = open_texts(kv_f16, TEXTS), *alone[TEXTS];
    int32_t token[MOST], text[MOST];
    for (int t = 0; t < TEXTS; t++) alone[t] = open_texts(kv_f16, 1);
    for (int round = 0; round < rounds; round++) {
        int32_t n = 0;
        for (int32_t t = 0; t < TEXTS; t++) {
            int32_t length = ltd_session_text_length(all, t), more = below(4) ? 1 : below(8);
            if (length + more > TEXT_CONTEXT || below(16) == 0) {
                length = below(length < TEXT_CONTEXT / 2 ? length + 1 : TEXT_CONTEXT / 2);
                assert_int_equal(ltd_session_forget(all, t, length, &err), 0);
                assert_int_equal(ltd_session_truncate(alone[t], length, &err), 0);
            }
            for (int32_t i = 0; i < more; i++, n++) text[n] = t;
        }
        if (n == 0) continue;
        for (int32_t i = n - 1; i > 0; i--) { /* in any order */
            int32_t j = below(i + 1), swap = text[i];
            text[i] = text[j];
            text[j] = swap;
        }
        for (int32_t i = 0; i < n; i++) token[i] = below(VOCAB);
        ltd_rows rows = {n, token, NULL, n};
        if (ltd_session_append(all, &rows, text, &err) < 0) fail_msg("%s", err.msg);
        for (int32_t i = 0; i < n; i++) {
            engine_step(alone[text[i]], token[i]);
            same_row(all, i, alone[text[i]]);
        }
        for (int t = 0; t < TEXTS; t++)
            assert_int_equal(ltd_session_text_length(all, t), ltd_session_length(alone[t]));
    }
    for (int t = 0; t < TEXTS; t++) ltd_session_free(alone[t]);
    ltd_session_free(all);
}

static void texts_side_by_side_are_as_each_alone(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int32_t bits;
    } models[] = {{"eagle3/target", 16},
                  {"models/qwen3", 16},
                  {"gguf/gemma3_7l.Q8_0.gguf", 8}, /* some of its layers slide */
                  {"gguf/llama31_rope_freqs.Q8_0.gguf", 8}};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        model = engine_model(models[i].name, LTD_LOAD_FILE, models[i].bits, NULL);
        check_texts(false, 40);
        check_texts(true, 40);
        ltd_llama_close(model);
    }
}

/* A text that begins with another's tokens goes on as if it had computed them. */
static void a_shared_beginning_is_a_computed_one(void **state)
{
    (void)state;
    model = engine_model("gguf/llama31_rope_freqs.Q8_0.gguf", LTD_LOAD_FILE, 8, NULL);
    for (int kv_f16 = 0; kv_f16 < 2; kv_f16++) {
        ltd_session *all = open_texts(kv_f16, TEXTS), *one = open_texts(kv_f16, 1);
        int32_t token[TEXT_CONTEXT], text[TEXT_CONTEXT];
        for (int i = 0; i < TEXT_CONTEXT; i++) token[i] = below(VOCAB);
        for (int i = 0; i < 21; i++) text[i] = 4;
        ltd_rows rows = {21, token, NULL, 0};
        assert_int_equal(ltd_session_append(all, &rows, text, &err), LTD_OK);
        for (int32_t to = 0; to < 3; to++) { /* all, a part and nothing of it */
            int32_t n = 21 - 9 * to > 0 ? 21 - 9 * to : 0;
            assert_int_equal(ltd_session_share(all, to, 4, n, &err), LTD_OK);
            assert_int_equal(ltd_session_text_length(all, to), n);
            assert_int_equal(ltd_session_truncate(one, 0, &err), LTD_OK);
            for (int32_t i = 0; i < n; i++) engine_step(one, token[i]);
            for (int32_t i = n; i < n + 12; i++) {
                int32_t next = token[TEXT_CONTEXT - 1 - i % 7];
                ltd_rows row = {1, &next, NULL, 1};
                assert_int_equal(ltd_session_append(all, &row, &to, &err), LTD_OK);
                engine_step(one, next);
                same_row(all, 0, one);
            }
        }
        assert_int_equal(ltd_session_share(all, 0, 4, 3, &err), LTD_EINVAL);
        assert_string_equal(err.msg, "text 0 of 33 tokens begins with 3 of the 21 of text 4");
        assert_int_equal(ltd_session_share(all, 3, 4, 22, &err), LTD_EINVAL);
        assert_int_equal(ltd_session_share(all, 4, 4, 0, &err), LTD_EINVAL);
        assert_string_equal(err.msg, "text 4 from text 4, expected two of 0 to 4");
        ltd_session_free(all);
        ltd_session_free(one);
    }
    ltd_llama_close(model);
}

static void what_texts_cant_do_changes_nothing(void **state)
{
    (void)state;
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    ltd_session *s = open_texts(false, TEXTS);
    int32_t token[TEXT_CONTEXT + 1] = {0}, text[TEXT_CONTEXT + 1] = {0}, parent[2] = {-1, 0};
    text[1] = TEXTS;
    ltd_rows two = {2, token, NULL, 2}, tree = {2, token, parent, 2};
    assert_int_equal(ltd_session_append(s, &two, text, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "row 1: text 5, expected 0 to 4");
    text[1] = 1;
    assert_int_equal(ltd_session_append(s, &tree, text, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "rows of several texts: a tree, expected none");
    text[1] = 0;
    ltd_rows most = {TEXT_CONTEXT, token, NULL, 1};
    assert_int_equal(ltd_session_append(s, &most, text, &err), LTD_OK);
    text[0] = 1;
    assert_int_equal(ltd_session_append(s, &two, text, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "row 1: text 0 is full, room for 40 tokens");
    assert_int_equal(ltd_session_text_length(s, 1), 0);
    assert_int_equal(ltd_session_forget(s, TEXTS, 0, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "text 5, expected 0 to 4");
    assert_int_equal(ltd_session_forget(s, 0, TEXT_CONTEXT + 1, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "forget from 41 on: text 0 has 40 tokens");
    /* Rows that wait to be committed don't outlive what they continue. */
    ltd_rows one = {1, token, NULL, 1};
    assert_int_equal(ltd_session_forget(s, 0, 4, &err), LTD_OK);
    assert_int_equal(ltd_session_forward(s, &one, &err), LTD_OK);
    assert_int_equal(ltd_session_forget(s, 0, 2, &err), LTD_OK);
    assert_int_equal(ltd_session_commit(s, (int32_t[]){0}, 1, &err), LTD_EINVAL);
    assert_int_equal(ltd_session_text_length(s, 0), 2);
    ltd_session_free(s);
    ltd_llama_close(model);
}

int main(void)
{
    ltd_rng_seed(&rng, 5, LTD_STREAM_TEST);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_side_by_side_are_as_each_alone),
        cmocka_unit_test(a_shared_beginning_is_a_computed_one),
        cmocka_unit_test(what_texts_cant_do_changes_nothing),
    };
    return cmocka_run_group_tests_name("texts", tests, NULL, NULL);
}
