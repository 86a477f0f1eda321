/* The conversations of a draft head's training: the same ones, wherever writing was stopped and
 * however many were written at a time; and what is made of them. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/engine.h"
#include "tests/support/vocab.h"
#include "trainer/distill/corpus.h"

enum { TOKENS = 1500, STOPS = 4 };

static char dir[] = "/tmp/ltd-data-XXXXXX";
static int folders, told;
static volatile int stop;
static ltd_llama *model;
static ltd_tokenizer *tok;
static ltd_err err;
static const char *const openers[] = {"hello", "aaaa"};

static void check(int rc)
{
    if (rc < 0) fail_msg("%s", err.msg);
}

static int setup(void **state)
{
    (void)state;
    vocab_spec spec = VOCAB_DEFAULT;
    spec.drop = "";
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    return mkdtemp(dir) ? vocab_open(&tok, &spec, &err) : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    ltd_tokenizer_free(tok);
    ltd_llama_close(model);
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static ltd_data_options usual(int32_t texts)
{
    ltd_data_options o = {.writer = {.texts = texts,
                                     .message_tokens = 9,
                                     .answer_tokens = 30,
                                     .message_temperature = 1,
                                     .answer_temperature = 0.7,
                                     .greedy_share = 0.5,
                                     .openers = openers,
                                     .n_openers = 2,
                                     .opener_share = 0.5,
                                     .seed = 11,
                                     .n_taps = 4},
                          .filter = LTD_FILTER_DEFAULTS,
                          .answer_tokens = TOKENS,
                          .keep_features = true,
                          .model_hash = "a model's",
                          .chat_name = "chatml"};
    ltd_llama_taps(model, o.writer.taps);
    o.writer.taps[3] = ltd_llama_config(model)->n_layers;
    return o;
}

static uint64_t brought, last; /* answer tokens before this run, and by now */

/* Stops after a while. */
static void tell(void *ctx, const ltd_data_progress *p)
{
    int after = *(const int *)ctx;
    assert_true(p->wanted >= TOKENS);
    assert_int_equal(p->before, brought);
    last = p->answer_tokens;
    if (after && ++told == after) stop = 1;
}

static ltd_data *open_data(const ltd_data_options *o, const char *folder)
{
    ltd_data *d;
    check(ltd_data_open(&d, folder, o, ltd_llama_config(model)->hidden, &err));
    return d;
}

/* Written in one go, or stopped after every `after` conversations. */
static ltd_data *write_all(const ltd_data_options *o, int after)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/%d", dir, folders++);
    ltd_data_watch watch = {tell, &after, &stop, ltd_clock_monotonic()};
    brought = last = 0;
    for (int stops = 0;;) {
        ltd_data *d = open_data(o, folder);
        stop = told = 0;
        int rc = ltd_data_write(d, model, tok, ltd_chat_find("chatml"), &watch, &err);
        if (rc == LTD_OK) {
            assert_true(!after || stops >= STOPS);
            return d;
        }
        assert_int_equal(rc, LTD_ECANCELED);
        stops++;
        brought = last;
        ltd_data_free(d);
    }
}

static void same(const ltd_data *a, const ltd_data *b)
{
    size_t width = 4 * (size_t)ltd_llama_config(model)->hidden;
    assert_int_equal(ltd_data_count(a), ltd_data_count(b));
    assert_int_equal(ltd_data_answer_tokens(a), ltd_data_answer_tokens(b));
    for (size_t i = 0; i < ltd_data_count(a); i++) {
        ltd_conversation x = ltd_data_at(a, i), y = ltd_data_at(b, i);
        assert_int_equal(x.number, y.number);
        assert_int_equal(x.n, y.n);
        assert_int_equal(x.answer, y.answer);
        assert_int_equal(x.ended, y.ended);
        engine_same_ids("conversation", x.token, y.token, x.n);
        assert_memory_equal(x.features, y.features, ((size_t)x.n - 1) * width * sizeof *x.features);
    }
}

static void conversations_follow_from_the_options_alone(void **state)
{
    (void)state;
    ltd_data_options few = usual(3), many = usual(17);
    ltd_data *whole = write_all(&few, 0), *beside = write_all(&many, 0);
    ltd_data *stopped = write_all(&many, 9);
    assert_true(ltd_data_answer_tokens(whole) >= TOKENS);
    assert_true(ltd_data_count(whole) > 50);
    uint64_t judged = 0;
    for (int v = 0; v < LTD_VERDICT_COUNT; v++) judged += ltd_data_judged(whole, (ltd_verdict)v);
    assert_true(judged > ltd_data_count(whole)); /* the filter has something to do */
    same(whole, beside);
    same(whole, stopped);
    ltd_data_free(stopped);
    ltd_data_free(beside);
    ltd_data_free(whole);
}

/* Without features on disk the corpus computes them, to the same bits. */
static void features_are_kept_or_computed(void **state)
{
    (void)state;
    static ltd_config config;
    ltd_config_init(&config);
    config.distill.valid_texts = 7;
    config.distill.vocabulary = 64;
    ltd_data_options o = usual(17);
    ltd_data *kept = write_all(&o, 0);
    o.keep_features = false;
    ltd_data *bare = write_all(&o, 0);
    ltd_corpus a, b;
    check(ltd_corpus_init(&a, kept, model, &config, o.writer.taps, &err));
    check(ltd_corpus_init(&b, bare, model, &config, o.writer.taps, &err));
    assert_null(a.maker);
    assert_non_null(b.maker);
    assert_memory_equal(a.scale, b.scale, sizeof a.scale);
    assert_int_equal(a.n_valid, 7);
    assert_int_equal(a.n_train + a.n_valid, ltd_data_count(kept));
    assert_int_equal(a.n_draft, 64);
    for (int32_t i = 1; i < a.n_draft; i++) assert_true(a.draft[i] > a.draft[i - 1]);
    uint16_t *room = malloc((size_t)b.longest * b.width * sizeof *room);
    for (int32_t i = 0; i < a.n_train; i++) {
        ltd_conversation x = ltd_data_at(kept, (size_t)a.train[i]);
        ltd_conversation y = ltd_data_at(bare, (size_t)b.train[i]);
        const uint16_t *f, *g;
        assert_null(y.features);
        check(ltd_corpus_features(&a, &x, NULL, &f, &err));
        check(ltd_corpus_features(&b, &y, room, &g, &err));
        assert_memory_equal(f, g, ((size_t)x.n - 1) * a.width * sizeof *f);
    }
    free(room);
    ltd_corpus_fini(&a);
    ltd_corpus_fini(&b);
    ltd_data_free(kept);
    ltd_data_free(bare);
}

/* Each pass has every conversation once, in an order of its own that comes back. */
static void a_pass_has_each_conversation_once(void **state)
{
    (void)state;
    static ltd_config config;
    ltd_config_init(&config);
    config.distill.valid_texts = 5;
    ltd_data_options o = usual(17);
    ltd_data *d = write_all(&o, 0);
    ltd_corpus c;
    check(ltd_corpus_init(&c, d, model, &config, o.writer.taps, &err));
    size_t bytes = (size_t)c.n_train * sizeof *c.order;
    int32_t *first = malloc(bytes);
    ltd_corpus_shuffle(&c, 0);
    memcpy(first, c.order, bytes);
    ltd_corpus_shuffle(&c, 1);
    assert_true(memcmp(first, c.order, bytes) != 0);
    ltd_corpus_shuffle(&c, 0);
    assert_memory_equal(first, c.order, bytes);
    char *seen = calloc(ltd_data_count(d), 1);
    for (int32_t i = 0; i < c.n_train; i++) seen[c.order[i]]++;
    for (int32_t i = 0; i < c.n_valid; i++) {
        assert_true(ltd_data_at(d, (size_t)c.valid[i]).greedy);
        seen[c.valid[i]]++;
    }
    for (size_t i = 0; i < ltd_data_count(d); i++) assert_int_equal(seen[i], 1);
    config.distill.valid_texts = 100000;
    ltd_corpus none;
    assert_int_equal(ltd_corpus_init(&none, d, model, &config, o.writer.taps, &err), LTD_EINVAL);
    ltd_corpus_fini(&none);
    free(seen);
    free(first);
    ltd_corpus_fini(&c);
    ltd_data_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations_follow_from_the_options_alone),
        cmocka_unit_test(features_are_kept_or_computed),
        cmocka_unit_test(a_pass_has_each_conversation_once),
    };
    return cmocka_run_group_tests_name("data", tests, setup, teardown);
}
