/* env/render: a small tree as exact text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "env/render.h"
#include "env/tree_new.h"
#include "tests/support/made_positions.h"
#include "tests/support/vocab.h"

/* root "hello": a lookup chain " w", "\n"; the head adds "a" beside it and a byte below. */
static ltd_tree *small_tree(const ltd_tokenizer *tok, const ltd_selection **selection)
{
    ltd_tree *tree;
    int32_t space_w = ltd_tokenizer_find(tok, "\xc4\xa0w"), a = ltd_tokenizer_find(tok, "a");
    int32_t newline = ltd_tokenizer_find(tok, "\xc4\x8a"), quote = ltd_tokenizer_find(tok, "\"");
    int32_t byte = ltd_tokenizer_find(tok, "\xc3\x83"); /* 0xC3, half a character */
    assert_int_equal(ltd_tree_new(&tree, 2, 3, 4, 8, NULL), LTD_OK);
    ltd_tree_reset(tree);
    const int32_t chain[] = {space_w, newline};
    const float scores[] = {logf(0.8f), logf(0.4f)};
    ltd_tree_add_chain(tree, 4, chain, scores, 2);
    const int32_t first[] = {a, quote};
    const float p_first[] = {logf(0.5f), logf(0.25f)};
    assert_int_equal(ltd_tree_grow(tree, first, p_first), LTD_OK);
    const int32_t second[] = {byte, a, quote, a};
    const float p_second[] = {logf(0.9f), logf(0.05f), logf(0.01f), logf(0.01f)};
    assert_int_equal(ltd_tree_grow(tree, second, p_second), LTD_OK);
    *selection = ltd_tree_select(tree, ltd_tokenizer_find(tok, "hello"), 5);
    return tree;
}

static void assert_render(bool colour, const char *expected)
{
    vocab_spec spec = VOCAB_DEFAULT;
    ltd_tokenizer *tok;
    const ltd_selection *s;
    assert_int_equal(vocab_open(&tok, &spec, NULL), LTD_OK);
    ltd_tree *tree = small_tree(tok, &s);
    const int32_t path[] = {0, 1};
    ltd_str out = LTD_STR_INIT;
    ltd_render_tree(tree, s, path, 2, tok, colour, &out);
    assert_string_equal(ltd_str_text(&out), expected);
    ltd_str_fini(&out);
    ltd_tree_free(tree);
    ltd_tokenizer_free(tok);
}

static void a_tree_is_drawn_depth_first(void **state)
{
    (void)state;
    assert_render(false, "*               root      \"hello\"\n"
                         "*   0.80  0.80  lookup    \u251c\u2500 \" w\"\n"
                         "    0.50  0.40  lookup    \u2502  \u2514\u2500 \"\\n\"\n"
                         "    0.50  0.50  head 1    \u251c\u2500 \"a\"\n"
                         "    0.90  0.45  head 2    \u2502  \u2514\u2500 \"\\xc3\"\n"
                         "    0.25  0.25  head 1    \u2514\u2500 \"\\\"\"\n");
}

static void the_accepted_path_is_green(void **state)
{
    (void)state;
    assert_render(true, "\033[32m              root      \"hello\"\033[0m\n"
                        "\033[32m  0.80  0.80  lookup    \u251c\u2500 \" w\"\033[0m\n"
                        "  0.50  0.40  lookup    \u2502  \u2514\u2500 \"\\n\"\n"
                        "  0.50  0.50  head 1    \u251c\u2500 \"a\"\n"
                        "  0.90  0.45  head 2    \u2502  \u2514\u2500 \"\\xc3\"\n"
                        "  0.25  0.25  head 1    \u2514\u2500 \"\\\"\"\n");
}

/* Compiled records have no tree; their tokens are known. */
static void a_compiled_cycle_is_a_line_and_its_tokens(void **state)
{
    (void)state;
    vocab_spec spec = VOCAB_DEFAULT;
    ltd_tokenizer *tok;
    made_positions m = {0};
    float obs[LTD_OBS_LTD_DIM];
    uint8_t mask[LTD_MAX_SIZES];
    ltd_step step = {.obs = obs, .mask = mask};
    ltd_env *env;
    ltd_str out = LTD_STR_INIT;
    char line[128];
    assert_int_equal(vocab_open(&tok, &spec, NULL), LTD_OK);
    made_positions_open(&m, 3, 1, 1);
    ltd_env_options o = {.positions = m.positions,
                         .depth_contract = LTD_CONTRACT_LTD_DEPTH,
                         .size_contract = LTD_CONTRACT_LTD_SIZE,
                         .reward_scale = 1};
    assert_int_equal(ltd_env_open(&env, &o, NULL), LTD_OK);
    assert_int_equal(ltd_env_reset(env, NULL, &step, NULL), LTD_OK);
    while (!step.terminated) assert_int_equal(ltd_env_step(env, mask[1], &step, NULL), LTD_OK);
    ltd_render_cycle(env, &step.info, tok, false, &out);
    snprintf(line, sizeof line, "%d forwards, %d of %d nodes verified, %d accepted + 1, %.2f ms\n",
             step.info.forwards, step.info.size, step.info.pool, step.info.accept_len - 1,
             (double)step.info.cycle_ns * 1e-6);
    assert_memory_equal(ltd_str_text(&out), line, strlen(line));
    int32_t spaces = 0;
    for (const char *c = ltd_str_text(&out) + strlen(line); *c; c++) spaces += *c == ' ';
    assert_int_equal(spaces, step.info.accept_len - 1);
    ltd_str_fini(&out);
    ltd_env_close(env);
    made_positions_close(&m);
    ltd_tokenizer_free(tok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_is_drawn_depth_first),
        cmocka_unit_test(the_accepted_path_is_green),
        cmocka_unit_test(a_compiled_cycle_is_a_line_and_its_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
