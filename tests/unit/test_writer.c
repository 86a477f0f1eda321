/* The writer of conversations: each is what the model alone would have written, whatever stands
 * beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/engine.h"
#include "tests/support/vocab.h"
#include "trainer/distill/features.h"
#include "trainer/distill/writer.h"

enum { LIMIT = 24, ROOM = 256, MESSAGE = 9, ANSWER_TOKENS = 14 };

static ltd_llama *model;
static ltd_tokenizer *tok;
static ltd_err err;
static const char *const openers[] = {"hello", "aaaa"};

typedef struct kept {
    ltd_conversation c;
    int32_t token[ROOM];
} kept;

static int setup(void **state)
{
    (void)state;
    vocab_spec spec = VOCAB_DEFAULT;
    spec.drop = "";
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    return vocab_open(&tok, &spec, &err);
}

static int teardown(void **state)
{
    (void)state;
    ltd_tokenizer_free(tok);
    ltd_llama_close(model);
    return 0;
}

static ltd_writer_options usual(int32_t texts)
{
    return (ltd_writer_options){.texts = texts,
                                .message_tokens = MESSAGE,
                                .answer_tokens = ANSWER_TOKENS,
                                .message_temperature = 1,
                                .answer_temperature = 0.7,
                                .greedy_share = 0.5,
                                .openers = openers,
                                .n_openers = 2,
                                .opener_share = 0.5,
                                .seed = 11,
                                .limit = LIMIT};
}

/* All conversations by their numbers; returns how many there were.  n = 0: not written. */
static int32_t write_all(const ltd_writer_options *o, kept *ret)
{
    ltd_writer *w;
    ltd_conversation c;
    int32_t count = 0;
    memset(ret, 0, LIMIT * sizeof *ret);
    if (ltd_writer_new(&w, model, tok, ltd_chat_find("chatml"), o, &err) < 0)
        fail_msg("%s", err.msg);
    for (;; count++) {
        if (ltd_writer_next(w, &c, &err) < 0) fail_msg("%s", err.msg);
        if (!c.n) break;
        assert_true(c.number < LIMIT && c.n <= ROOM && !ret[c.number].c.n);
        ret[c.number].c = c;
        memcpy(ret[c.number].token, c.token, (size_t)c.n * sizeof *c.token);
    }
    assert_true(ltd_writer_rows(w) >= ltd_writer_forwards(w));
    ltd_writer_free(w);
    return count;
}

static void same(const kept *a, const kept *b)
{
    assert_int_equal(a->c.n, b->c.n);
    assert_int_equal(a->c.answer, b->c.answer);
    assert_int_equal(a->c.greedy, b->c.greedy);
    assert_int_equal(a->c.ended, b->c.ended);
    engine_same_ids("conversation", a->token, b->token, a->c.n);
}

static void what_stands_beside_changes_no_token(void **state)
{
    (void)state;
    static kept alone[LIMIT], beside[LIMIT];
    ltd_writer_options o = usual(1);
    assert_int_equal(write_all(&o, alone), LIMIT);
    for (int32_t texts = 2; texts <= 40; texts += 19) {
        o = usual(texts);
        assert_int_equal(write_all(&o, beside), LIMIT);
        for (int i = 0; i < LIMIT; i++) same(&beside[i], &alone[i]);
    }
    o.seed++;
    write_all(&o, beside);
    int different = 0;
    for (int i = 0; i < LIMIT; i++)
        different += beside[i].c.n != alone[i].c.n ||
                     memcmp(beside[i].token, alone[i].token,
                            (size_t)alone[i].c.n * sizeof *alone[i].token) != 0;
    assert_true(different > LIMIT / 2);
}

/* Greedy answers are the argmax of a plain session at every position. */
static void greedy_answers_are_plain_decoding(void **state)
{
    (void)state;
    static kept all[LIMIT];
    ltd_writer_options o = usual(7);
    o.greedy_share = 1;
    write_all(&o, all);
    ltd_session *s = engine_session(model, &(ltd_session_options){ROOM, 64, true, false, 1});
    for (int i = 0; i < LIMIT; i++) {
        const ltd_conversation *c = &all[i].c;
        assert_true(c->greedy && c->answer > 0 && c->n > c->answer);
        assert_int_equal(ltd_session_truncate(s, 0, &err), LTD_OK);
        int32_t next = engine_feed(s, all[i].token, c->answer);
        for (int32_t k = c->answer; k < c->n; k++) {
            assert_int_equal(all[i].token[k], next);
            next = engine_step(s, next);
        }
        bool end = ltd_tokenizer_is_end(tok, all[i].token[c->n - 1]);
        assert_int_equal(c->ended, end);
        if (!end) assert_int_equal(c->n - c->answer, ANSWER_TOKENS);
    }
    ltd_session_free(s);
}

/* Template, message, template: as encoding the parts gives them. */
static void the_template_stands_around_the_message(void **state)
{
    (void)state;
    static kept all[LIMIT];
    ltd_writer_options o = usual(5);
    o.opener_share = 1;
    write_all(&o, all);
    ltd_tokens before[2] = {LTD_TOKENS_INIT, LTD_TOKENS_INIT}, after = LTD_TOKENS_INIT;
    char text[64];
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "<|im_start|>user\n%s", openers[i]);
        assert_int_equal(
            ltd_tokenizer_encode(tok, text, strlen(text), LTD_ENCODE_PROMPT, &before[i], &err),
            LTD_OK);
    }
    const char *rest = "<|im_end|>\n<|im_start|>assistant\n";
    ltd_tokenizer_encode(tok, rest, strlen(rest), LTD_ENCODE_SPECIAL, &after, &err);
    int used[2] = {0};
    for (int i = 0; i < LIMIT; i++) {
        int which = memcmp(all[i].token, before[0].ids, before[0].n * sizeof(int32_t)) != 0;
        used[which]++;
        engine_same_ids("before", all[i].token, before[which].ids, (int32_t)before[which].n);
        int32_t message = all[i].c.answer - (int32_t)(after.n + before[which].n);
        assert_true(message >= 0 && message <= MESSAGE);
        engine_same_ids("after", all[i].token + all[i].c.answer - after.n, after.ids,
                        (int32_t)after.n);
    }
    assert_true(used[0] > 2 && used[1] > 2);
    ltd_tokens_fini(&before[0]);
    ltd_tokens_fini(&before[1]);
    ltd_tokens_fini(&after);
}

/* Kept while writing or computed from the tokens: the same halves. */
static void features_are_those_of_the_tokens(void **state)
{
    (void)state;
    ltd_writer_options o = usual(6);
    int32_t layers = ltd_llama_config(model)->n_layers, seen = 0;
    const int32_t taps[4] = {1, layers - 2, layers - 1, layers};
    size_t width = 4 * (size_t)ltd_llama_config(model)->hidden;
    memcpy(o.taps, taps, sizeof taps);
    o.n_taps = 4;
    ltd_writer *w;
    ltd_features *f;
    ltd_conversation c;
    if (ltd_writer_new(&w, model, tok, ltd_chat_find("chatml"), &o, &err) < 0 ||
        ltd_features_new(&f, model, taps, 4, ROOM, true, &err) < 0)
        fail_msg("%s", err.msg);
    uint16_t *want = malloc(ROOM * width * sizeof *want);
    for (; ltd_writer_next(w, &c, &err) == LTD_OK && c.n; seen++) {
        assert_int_equal(ltd_features_compute(f, c.token, c.n - 1, want, &err), LTD_OK);
        assert_memory_equal(c.features, want, ((size_t)c.n - 1) * width * sizeof *want);
    }
    assert_int_equal(seen, LIMIT);
    int32_t token = 0;
    assert_int_equal(ltd_features_compute(f, &token, ROOM + 1, want, &err), LTD_EINVAL);
    free(want);
    ltd_features_free(f);
    ltd_writer_free(w);
}

/* Messages that are given come first; numbers after them are those that would have been anyway. */
static void given_messages_are_answered(void **state)
{
    (void)state;
    static kept plain[LIMIT], all[LIMIT];
    static const char *const messages[] = {"hello hello hello", "a"};
    ltd_writer_options o = usual(5);
    write_all(&o, plain);
    o.messages = messages;
    o.n_messages = 2;
    assert_int_equal(write_all(&o, all), LIMIT);
    for (int i = 0; i < LIMIT; i++) {
        if (i >= 2) {
            same(&all[i], &plain[i]);
            continue;
        }
        char text[128];
        ltd_tokens want = LTD_TOKENS_INIT;
        snprintf(text, sizeof text, "<|im_start|>user\n%s", messages[i]);
        ltd_tokenizer_encode(tok, text, strlen(text), LTD_ENCODE_PROMPT, &want, &err);
        engine_same_ids("message", all[i].token, want.ids, (int32_t)want.n);
        assert_true(all[i].c.answer > (int32_t)want.n && all[i].c.n > all[i].c.answer);
        ltd_tokens_fini(&want);
    }
}

static bool odd(void *ctx, uint64_t number)
{
    (*(int *)ctx)++;
    return number % 2;
}

static void numbers_that_are_there_are_left_out(void **state)
{
    (void)state;
    static kept all[LIMIT], some[LIMIT];
    int asked = 0;
    ltd_writer_options o = usual(3);
    write_all(&o, all);
    o.skip = odd;
    o.skip_ctx = &asked;
    assert_int_equal(write_all(&o, some), LIMIT / 2);
    assert_int_equal(asked, LIMIT);
    for (int i = 0; i < LIMIT; i++)
        if (i % 2)
            assert_int_equal(some[i].c.n, 0);
        else
            same(&some[i], &all[i]);
}

static void options_that_cant_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        int32_t texts, answer_tokens;
        double greedy, opener, temperature;
    } bad[] = {{"texts side by side: 0, expected 1 to 960", 0, 1, 0, 0, 1},
               {"texts side by side: 961, expected 1 to 960", 961, 1, 0, 0, 1},
               {"messages of 9 tokens, answers of 0: expected 1 or more", 1, 0, 0, 0, 1},
               {"greedy share 1.5, expected 0 to 1", 1, 1, 1.5, 0, 1},
               {"opener share -1 of 2 openers, expected 0 to 1", 1, 1, 0, -1, 1},
               {NULL, 1, 1, 0, 0, 0}}; /* the sampler's own words */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ltd_writer_options o = usual(bad[i].texts);
        o.answer_tokens = bad[i].answer_tokens;
        o.greedy_share = bad[i].greedy;
        o.opener_share = bad[i].opener;
        o.message_temperature = bad[i].temperature;
        ltd_writer *w;
        assert_int_equal(ltd_writer_new(&w, model, tok, ltd_chat_find("chatml"), &o, &err),
                         LTD_EINVAL);
        assert_null(w);
        if (bad[i].message) assert_string_equal(err.msg, bad[i].message);
    }
}

static void a_template_without_turns_is_refused(void **state)
{
    (void)state;
    ltd_writer_options o = usual(1);
    ltd_writer *w;
    assert_int_equal(ltd_writer_new(&w, model, tok, ltd_chat_find("none"), &o, &err), LTD_EINVAL);
    assert_null(w);
    assert_string_equal(err.msg, "chat template none: opens no turn in which a model would write a "
                                 "message");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_beside_changes_no_token),
        cmocka_unit_test(greedy_answers_are_plain_decoding),
        cmocka_unit_test(the_template_stands_around_the_message),
        cmocka_unit_test(features_are_those_of_the_tokens),
        cmocka_unit_test(given_messages_are_answered),
        cmocka_unit_test(numbers_that_are_there_are_left_out),
        cmocka_unit_test(a_template_without_turns_is_refused),
        cmocka_unit_test(options_that_cant_be_are_refused),
    };
    return cmocka_run_group_tests_name("writer", tests, setup, teardown);
}
