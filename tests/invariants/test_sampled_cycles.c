/* Whole cycles at a temperature: under any actions a seed gives the text of plain decoding, token
 * for token, and over many seeds the tokens have the target's distribution (20,000 rounds, the
 * first three tokens jointly, false-alarm rate 1e-6; seeds are fixed).
 *
 * LTD_TEST_ROUNDS sets the number of rounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/cycle.h"
#include "tests/support/chi_square.h"
#include "tests/support/engine.h"

enum { VOCAB = 320, PROMPT = 6, CONTEXT = 512, TEXT = 120, MAX_ROUNDS = 1000000 };

static const double false_alarms = 1e-6;
static const int32_t prompt[PROMPT] = {17, 230, 5, 99, 181, 42};

static ltd_llama *model;
static ltd_eagle3 *head;
static ltd_err err;

static int setup(void **state)
{
    (void)state;
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    head = engine_head("eagle3/session", model, LTD_LOAD_Q8);
    return ltd_llama_config(model)->vocab == VOCAB ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    ltd_eagle3_close(head);
    ltd_llama_close(model);
    return 0;
}

static int64_t rounds(void)
{
    const char *set = getenv("LTD_TEST_ROUNDS");
    return set && atoi(set) > 0 && atoi(set) <= MAX_ROUNDS ? atoi(set) : 20000;
}

static ltd_sampler *open_sampler(const ltd_sampling *rule)
{
    ltd_sampler *s;
    if (ltd_sampler_new(&s, VOCAB, rule, &err) < 0) fail_msg("%s", err.msg);
    return s;
}

static const ltd_sampling rules[] = {
    {1, 0, 1, false}, {0.7, 0, 0.9, false}, {1.5, 20, 1, false}, {1.2, 30, 0.8, true}};
enum { N_RULES = sizeof rules / sizeof *rules };

static ltd_cycle *open_cycle(const ltd_sampling *rule, ltd_accept_rule accept, bool lookup)
{
    ltd_cycle *c;
    ltd_cycle_options o = {.model = model,
                           .head = head,
                           .clock = ltd_clock_monotonic(),
                           .context = CONTEXT,
                           .top_k = 4,
                           .max_forwards = 4,
                           .max_size = 16,
                           .lookup = lookup,
                           .lookup_min_match = 1,
                           .lookup_max_chain = 6,
                           .sampling = *rule,
                           .accept = accept};
    if (ltd_cycle_new(&c, &o, &err) < 0) fail_msg("%s", err.msg);
    return c;
}

/* One cycle; returns its result. */
static const ltd_cycle_result *play(ltd_cycle *c, int32_t forwards, int32_t size)
{
    const ltd_cycle_result *r = NULL;
    int rc = ltd_cycle_begin(c, &err);
    for (int32_t i = 0; rc == 0 && i < forwards && ltd_cycle_can_draft(c); i++)
        rc = ltd_cycle_draft(c, &err);
    if (rc == 0) rc = ltd_cycle_verify(c, size, &r, &err);
    if (rc < 0) fail_msg("%s", err.msg);
    return r;
}

/* A text under random actions, or in plain steps. */
static int64_t text_of(ltd_cycle *c, uint64_t seed, ltd_rng *rng, int32_t *ret)
{
    int64_t cycles = 0;
    ltd_cycle_set_seed(c, seed);
    if (ltd_cycle_prompt(c, prompt, PROMPT, &err) < 0) fail_msg("%s", err.msg);
    ret[0] = ltd_cycle_root(c);
    for (int32_t n = 1; n < TEXT; cycles++) {
        int32_t forwards = rng ? (int32_t)ltd_rng_below(rng, 5) : 0;
        if (rng && ltd_rng_below(rng, 10) == 0 && ltd_cycle_begin(c, &err) < 0) /* abandoned */
            fail_msg("%s", err.msg);
        const ltd_cycle_result *r = play(c, forwards, rng ? (int32_t)ltd_rng_below(rng, 17) : 0);
        int32_t more = r->accept_len < TEXT - n ? r->accept_len : TEXT - n;
        memcpy(ret + n, r->tokens, (size_t)more * sizeof *ret);
        n += more;
    }
    return cycles;
}

static void a_seed_gives_plain_decodings_text_under_any_actions(void **state)
{
    (void)state;
    static int32_t want[TEXT], got[TEXT], other[TEXT];
    ltd_rng rng;
    ltd_rng_seed(&rng, 31, LTD_STREAM_TEST);
    int64_t cycles = 0, texts = 0;
    for (int32_t k = 0; k < N_RULES; k++) {
        ltd_sampling cold = rules[k];
        cold.temperature /= 4; /* more is accepted */
        for (int lookup = 0; lookup < 2; lookup++) {
            ltd_cycle *c = open_cycle(lookup ? &rules[k] : &cold, LTD_ACCEPT_DRAWN, lookup);
            for (uint64_t seed = 0; seed < 6; seed++, texts++) {
                ltd_cycle_set_lookup(c, false);
                text_of(c, seed, NULL, want);
                ltd_cycle_set_lookup(c, true);
                cycles += text_of(c, seed, &rng, got);
                engine_same_ids("text", got, want, TEXT);
                if (seed && lookup) assert_memory_not_equal(want, other, sizeof want);
                memcpy(other, want, sizeof other);
            }
            ltd_cycle_free(c);
        }
    }
    print_message("# %lld texts of %d tokens in %lld cycles\n", (long long)texts, TEXT,
                  (long long)cycles);
    assert_true(cycles < texts * (TEXT - 1) * 95 / 100); /* something was accepted */
}

/* --- distribution --- */

/* Probabilities of the first three tokens, the most probable `WIDTH` of each: all others are cut.
 */
enum { WIDTH = 5, TRIPLES = WIDTH * WIDTH * WIDTH };

typedef struct triples {
    int32_t token[1 + WIDTH + WIDTH * WIDTH][WIDTH]; /* choices behind 0, 1 and 2 tokens */
    double p[TRIPLES];
} triples;

static void choices(ltd_sampler *s, const float *logits, int32_t *token, double *p)
{
    int32_t n = 0;
    assert_int_equal(ltd_sampler_set(s, logits, &err), 0);
    for (int32_t t = 0; t < VOCAB; t++)
        if (ltd_sampler_p(s, t) > 0) token[n] = t, p[n++] = ltd_sampler_p(s, t);
    assert_int_equal(n, WIDTH);
}

static const float *logits_after(ltd_session *s, const int32_t *more, int32_t n)
{
    assert_int_equal(ltd_session_truncate(s, 0, &err), 0);
    engine_feed(s, prompt, PROMPT);
    for (int32_t i = 0; i < n; i++) engine_step(s, more[i]);
    return ltd_session_logits(s, n ? 0 : PROMPT - 1);
}

static void expect_triples(const ltd_sampling *rule, triples *ret)
{
    double p0[WIDTH], p1[WIDTH], p2[WIDTH];
    ltd_session *s = engine_session(model, &(ltd_session_options){64, 32, false, true, 1});
    ltd_sampler *sampler = open_sampler(rule);
    choices(sampler, logits_after(s, NULL, 0), ret->token[0], p0);
    for (int32_t a = 0; a < WIDTH; a++) {
        int32_t text[2] = {ret->token[0][a], 0};
        choices(sampler, logits_after(s, text, 1), ret->token[1 + a], p1);
        for (int32_t b = 0; b < WIDTH; b++) {
            int32_t row = 1 + WIDTH + a * WIDTH + b;
            text[1] = ret->token[1 + a][b];
            choices(sampler, logits_after(s, text, 2), ret->token[row], p2);
            for (int32_t c = 0; c < WIDTH; c++)
                ret->p[(a * WIDTH + b) * WIDTH + c] = p0[a] * p1[b] * p2[c];
        }
    }
    ltd_sampler_free(sampler);
    ltd_session_free(s);
}

static int32_t choice_of(const int32_t *choices, int32_t token)
{
    for (int32_t i = 0; i < WIDTH; i++)
        if (choices[i] == token) return i;
    fail_msg("token %d was cut off and came", token);
    return -1;
}

static void whole_cycles_give_the_targets_distribution(void **state)
{
    (void)state;
    static triples want;
    const ltd_sampling rule = {1.5, WIDTH, 1, false};
    expect_triples(&rule, &want);
    for (int accept = 0; accept < 2; accept++) {
        ltd_cycle *c = open_cycle(&rule, (ltd_accept_rule)accept, true);
        int64_t count[TRIPLES] = {0}, accepted = 0;
        for (int64_t i = 0; i < rounds(); i++) {
            int32_t text[24], n = 0;
            ltd_cycle_set_seed(c, (uint64_t)i);
            if (ltd_cycle_prompt(c, prompt, PROMPT, &err) < 0) fail_msg("%s", err.msg);
            text[n++] = ltd_cycle_root(c);
            while (n < 3) {
                const ltd_cycle_result *r = play(c, (int32_t)(i % 3), 6);
                accepted += r->accept_len - 1;
                memcpy(text + n, r->tokens, (size_t)r->accept_len * sizeof *text);
                n += r->accept_len;
            }
            int32_t a = choice_of(want.token[0], text[0]);
            int32_t b = choice_of(want.token[1 + a], text[1]);
            int32_t d = choice_of(want.token[1 + WIDTH + a * WIDTH + b], text[2]);
            count[(a * WIDTH + b) * WIDTH + d]++;
        }
        double p = chi_square(count, want.p, TRIPLES, rounds());
        print_message("# %s: p = %.3g, %lld drafted tokens accepted\n",
                      accept ? "sampled" : "drawn", p, (long long)accepted);
        if (p < false_alarms) fail_msg("three tokens of whole cycles: p = %g", p);
        ltd_cycle_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_plain_decodings_text_under_any_actions),
        cmocka_unit_test(whole_cycles_give_the_targets_distribution),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
