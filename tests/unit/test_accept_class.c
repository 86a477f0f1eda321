/* Accepted length by class and quarter: by hand, and over made-up records. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agents/fixed.h"
#include "base/rng.h"
#include "env/cycle.h"
#include "tests/support/made_positions.h"
#include "tests/support/vocab.h"
#include "trainer/bench/accept_class.h"
#include "trainer/bench/run_prompt.h"

enum { H = LTD_TOKEN_HEADING, C = LTD_TOKEN_CITATION, P = LTD_TOKEN_COPIED, O = LTD_TOKEN_OTHER };

static made_positions made;
static ltd_tokenizer *tok;
static ltd_err err;

static int setup(void **state)
{
    (void)state;
    vocab_spec spec = VOCAB_DEFAULT;
    made_positions_open(&made, 3, 12, 2);
    return vocab_open(&tok, &spec, NULL);
}

static int teardown(void **state)
{
    (void)state;
    ltd_tokenizer_free(tok);
    made_positions_close(&made);
    return 0;
}

static void near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * fabs(b))) fail_msg("%.17g, expected %.17g", a, b);
}

static void a_cycle_is_shared_among_its_tokens(void **state)
{
    (void)state;
    const uint8_t kind[] = {O, H, H, C, O};
    const int32_t added[] = {1, 3};
    ltd_accept_classes sum = {0};
    assert_int_equal(ltd_accept_classes_count(&sum, kind, 5, added, 2, &err), LTD_OK);
    ltd_accept_by by = ltd_accept_by_of(&sum);
    near(by.accept[H], 2 / (1 + 1.0 / 3));
    near(by.accept[C], 3);
    near(by.accept[O], 3); /* the first token is none of a cycle's */
    assert_true(isnan(by.accept[P]) && by.share[P] == 0);
    assert_true(by.share[H] == 0.5 && by.share[C] == 0.25 && by.share[O] == 0.25);
    near(by.quarter[0], 1);
    for (int q = 1; q < LTD_QUARTERS; q++) near(by.quarter[q], 3);
}

static void an_answer_shorter_than_four_leaves_quarters_out(void **state)
{
    (void)state;
    const uint8_t kind[] = {O, P, O};
    const int32_t added[] = {2};
    ltd_accept_classes sum = {0};
    assert_int_equal(ltd_accept_classes_count(&sum, kind, 1, NULL, 0, &err), LTD_OK);
    ltd_accept_by by = ltd_accept_by_of(&sum);
    assert_false(ltd_accept_by_known(&by));
    assert_int_equal(ltd_accept_classes_count(&sum, kind, 3, added, 1, &err), LTD_OK);
    by = ltd_accept_by_of(&sum);
    assert_true(ltd_accept_by_known(&by));
    assert_true(by.quarter[0] == 2 && by.quarter[2] == 2);
    assert_true(isnan(by.quarter[1]) && isnan(by.quarter[3]));
}

static void sums_are_those_of_the_whole(void **state)
{
    (void)state;
    ltd_accept_classes sum = {0}, one = {0};
    ltd_rng rng;
    int64_t tokens = 0, cycles = 0;
    ltd_rng_seed(&rng, 1, LTD_STREAM_EXPLORE);
    for (int answer = 0; answer < 50; answer++) {
        uint8_t kind[1024];
        int32_t added[100];
        size_t n = 1, n_added = 1 + ltd_rng_below(&rng, 100);
        for (size_t c = 0; c < n_added; c++) {
            added[c] = 1 + (int32_t)ltd_rng_below(&rng, 10);
            n += (size_t)added[c];
        }
        for (size_t i = 0; i < n; i++) kind[i] = (uint8_t)ltd_rng_below(&rng, LTD_TOKEN_CLASSES);
        one = (ltd_accept_classes){0};
        assert_int_equal(ltd_accept_classes_count(&one, kind, n, added, n_added, &err), LTD_OK);
        ltd_accept_classes_add(&sum, &one);
        tokens += (int64_t)n - 1;
        cycles += (int64_t)n_added;
    }
    ltd_accept_by by = ltd_accept_by_of(&sum);
    double share = 0, whole = 0, quarters = 0;
    int64_t in_quarters = 0;
    for (int i = 0; i < LTD_TOKEN_CLASSES; i++) {
        share += by.share[i];
        whole += by.share[i] / by.accept[i];
        quarters += sum.quarter_cycles[i];
        in_quarters += sum.quarter_tokens[i];
    }
    near(share, 1);
    near(whole, (double)cycles / (double)tokens);
    near(quarters, (double)cycles);
    assert_int_equal(in_quarters, tokens);
}

static void counts_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    const uint8_t kind[] = {O, O, O};
    const int32_t many[] = {1, 2}, none[] = {2, 0};
    ltd_accept_classes sum = {0}, zero = {0};
    assert_int_equal(ltd_accept_classes_count(&sum, kind, 3, many, 2, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "4 tokens of 2 cycles, expected an answer of 3"));
    assert_int_equal(ltd_accept_classes_count(&sum, kind, 3, many, 1, &err), LTD_EINVAL);
    assert_int_equal(ltd_accept_classes_count(&sum, kind, 3, none, 2, &err), LTD_EINVAL);
    assert_memory_equal(&sum, &zero, sizeof sum);
}

static ltd_accept_classes play(ltd_env *env, ltd_run *ret)
{
    ltd_agent *agent;
    ltd_player player;
    ltd_tokens text = LTD_TOKENS_INIT;
    ltd_accept_classes sum = {0}, nothing = {0}, unknown = {0};
    *ret = (ltd_run){0};
    if (ltd_agent_fixed_new(&agent, "fixed", 3, 8, &err) < 0 ||
        ltd_player_init(&player, env, agent, &err) < 0)
        fail_msg("%s", err.msg);
    for (int32_t p = 0; p < (int32_t)ltd_prompts_count(made.prompts); p++) {
        const ltd_prompt *prompt = ltd_prompts_at(made.prompts, (size_t)p);
        ltd_run run;
        if (ltd_run_prompt(&player, p, &run, &text, &err) < 0 ||
            ltd_accept_classes_answer(&sum, tok, prompt, &text, player.added, player.n_added,
                                      &err) < 0 ||
            ltd_accept_classes_answer(&unknown, NULL, prompt, &text, player.added, player.n_added,
                                      &err) < 0)
            fail_msg("%s", err.msg);
        assert_int_equal(player.n_added, run.cycles);
        assert_int_equal(text.n, run.tokens + 1);
        ltd_run_add(ret, &run);
    }
    assert_memory_equal(&unknown, &nothing, sizeof unknown);
    ltd_tokens_fini(&text);
    ltd_player_fini(&player);
    ltd_agent_free(agent);
    return sum;
}

static void players_tell_what_answers_came_in(void **state)
{
    (void)state;
    ltd_cycle *cycle;
    ltd_env *env = made_positions_env(&made, &cycle), *compiled;
    ltd_run run, same;
    ltd_accept_classes a = play(env, &run);
    double cycles = 0;
    int64_t tokens = 0;
    for (int i = 0; i < LTD_TOKEN_CLASSES; i++) {
        cycles += a.cycles[i];
        tokens += a.tokens[i];
    }
    near(cycles, (double)run.cycles);
    assert_int_equal(tokens, run.tokens);
    assert_true(run.tokens > run.cycles);
    /* Over positions there is no engine at all. */
    ltd_env_options o = *ltd_env_get_options(env);
    o.cycle = NULL;
    o.positions = made.positions;
    if (ltd_env_open(&compiled, &o, &err) < 0) fail_msg("%s", err.msg);
    ltd_accept_classes b = play(compiled, &same);
    assert_int_equal(same.cycles, run.cycles);
    assert_memory_equal(&a, &b, sizeof a);
    ltd_env_close(compiled);
    ltd_env_close(env);
    ltd_cycle_free(cycle);
}

static void they_are_told_in_json_and_words(void **state)
{
    (void)state;
    ltd_accept_classes sum = {.tokens = {0, 1, 0, 3},
                              .cycles = {0, 0.5, 0, 2},
                              .quarter_tokens = {1, 1, 1, 1},
                              .quarter_cycles = {1, 0.5, 0.5, 0.5}};
    const ltd_accept_classes none = {0};
    ltd_accept_by by = ltd_accept_by_of(&sum), unknown = ltd_accept_by_of(&none);
    ltd_str s = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&s, 0);
    ltd_json_begin_object(&w, NULL);
    ltd_accept_by_json(&w, "a", &by);
    ltd_accept_by_json(&w, "b", &unknown);
    ltd_json_end_object(&w);
    assert_string_equal(ltd_str_text(&s),
                        "{\"a\":{\"heading\":null,\"citation\":2,\"copied\":null,\"other\":1.5,"
                        "\"quarters\":[1,2,2,2],\"share\":{\"heading\":0,\"citation\":0.25,"
                        "\"copied\":0,\"other\":0.75}},\"b\":null}");
    ltd_str_clear(&s);
    ltd_accept_by_text(&unknown, &s);
    assert_string_equal(ltd_str_text(&s), "");
    ltd_accept_by_text(&by, &s);
    assert_string_equal(ltd_str_text(&s),
                        "  accepted in   citation 2.00 (25.0 % of tokens)  other 1.50 (75.0 %)\n"
                        "  by quarter    1.00  2.00  2.00  2.00\n");
    ltd_str_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cycle_is_shared_among_its_tokens),
        cmocka_unit_test(an_answer_shorter_than_four_leaves_quarters_out),
        cmocka_unit_test(sums_are_those_of_the_whole),
        cmocka_unit_test(counts_that_do_not_fit_are_refused),
        cmocka_unit_test(players_tell_what_answers_came_in),
        cmocka_unit_test(they_are_told_in_json_and_words),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
