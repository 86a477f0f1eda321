/* What tokens are part of: lines and marks in pieces, copies of the prompt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/support/vocab.h"
#include "trainer/bench/token_class.h"

static ltd_tokenizer *tok;
static ltd_err err;

/* Bytes are tokens, but for these. */
static const char *const merges[] = {"= =", "] .", ". [", "\xc4\x8a \xc4\x8a", NULL};

static int setup(void **state)
{
    (void)state;
    vocab_spec spec = VOCAB_DEFAULT;
    spec.merges = merges;
    return vocab_open(&tok, &spec, NULL);
}

static int teardown(void **state)
{
    (void)state;
    ltd_tokenizer_free(tok);
    return 0;
}

/* A letter a token: heading, citation, p for copied, o for other. */
static char *letters(const ltd_tokens *prompt, const ltd_tokens *answer)
{
    static const char letter[LTD_TOKEN_CLASSES] = "hcpo";
    char *ret = ltd_mem_zeros(answer->n + 1, 1);
    assert_non_null(ret);
    if (ltd_token_classes(tok, prompt->ids, prompt->n, answer->ids, answer->n, (uint8_t *)ret,
                          &err) < 0)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < answer->n; i++) {
        assert_in_range(ret[i], 0, LTD_TOKEN_CLASSES - 1);
        ret[i] = letter[(int)ret[i]];
    }
    return ret;
}

static ltd_tokens encode(const char *text)
{
    ltd_tokens ids = LTD_TOKENS_INIT;
    if (ltd_tokenizer_encode(tok, text, strlen(text), LTD_ENCODE_SPECIAL, &ids, &err) < 0)
        fail_msg("%s", err.msg);
    return ids;
}

static void gives(const char *prompt, const char *answer, const char *expected)
{
    ltd_tokens p = encode(prompt), a = encode(answer);
    char *found = letters(&p, &a);
    assert_string_equal(found, expected);
    free(found);
    ltd_tokens_fini(&p);
    ltd_tokens_fini(&a);
}

static void headings_may_be_in_pieces(void **state)
{
    (void)state;
    gives("", "x\n==Big==\ny", "oohhhhhoo"); /* "==" is one token */
    gives("", "==A==", "hhh");
    gives("", "===A b=== \nx", "hhhhhhhooo");
    gives("", "# A", "hhh");
    gives("", "###### A\n", "hhhhhhhho");
    gives("", " ## A b", "ohhhhhh");
    gives("", "**A b**\n\nx", "hhhhhhhooo");
    gives("", "# \xc3\xa9", "hhhh"); /* two tokens of half a character each */
}

static void other_lines_are_none(void **state)
{
    (void)state;
    gives("", "#A", "oo");
    gives("", "#", "o");
    gives("", "####### A", "ooooooooo");
    gives("", "=A=", "ooo");
    gives("", "==A", "oo");
    gives("", "====", "oo");
    gives("", "==A== b", "ooooo");
    gives("", "a **b**", "ooooooo");
    gives("", "**a** **b**", "ooooooooooo");
    gives("", "****", "oooo");
    gives("", "*a*", "ooo");
    gives("", "", "");
    gives("", "\n\n", "o");
}

static void marks_may_be_in_pieces(void **state)
{
    (void)state;
    gives("", "a[12]b", "occcco");
    gives("", "[1][2]", "cccccc");
    gives("", "a.[1].", "occc"); /* ".[" and "]." are tokens, half a mark each */
    gives("", "\xc3\xa9[1]\xc3\xa9", "oocccoo");
    gives("", "[a] [] [1 [1", "oooooooooooo");
    gives("", "[[1]]", "occco");
    gives("", "# A [1]\n[1]", "hhhhhhhoccc");
}

static void a_copy_has_eight_tokens(void **state)
{
    (void)state;
    const char prompt[] = "xabcdefgxijklmnopqrst";
    gives(prompt, "ijklmno", "ooooooo");                     /* 7 */
    gives(prompt, "ijklmnop", "pppppppp");                   /* 8 */
    gives(prompt, "zijklmnoz", "ooooooooo");                 /* 7 */
    gives(prompt, "zijklmnopz", "oppppppppo");               /* 8 */
    gives(prompt, "zijklmnozijklmnoz", "ooooooooooooooooo"); /* 7 twice */
}

static void runs_may_end_where_texts_end(void **state)
{
    (void)state;
    const char prompt[] = "xabcdefgxijklmnopqrst";
    gives(prompt, "zzmnopqrst", "oopppppppp");       /* both end */
    gives(prompt, "xabcdefgz", "ppppppppo");         /* both begin */
    gives(prompt, "zbcdefgxijklz", "opppppppppppo"); /* 11 */
    gives(prompt, "mnopqrstijklmnop", "pppppppppppppppp");
    gives(prompt, "nopqrstabcdefg", "oooooooooooooo"); /* 7 and 6 */
    gives("abcdefg", "abcdefg", "ooooooo");
    gives(prompt, "mno", "ooo");
}

static void headings_and_marks_come_first(void **state)
{
    (void)state;
    gives("x ==A b c== y", "==A b c==\n", "hhhhhhho");
    gives("text here[12] end", "text here[12]x", "pppppppppcccco");
}

static void end_tokens_have_no_bytes(void **state)
{
    (void)state;
    gives("", "# A<|im_end|>", "hhho");
    gives("abcdefg<|im_end|>", "abcdefg<|im_end|>", "pppppppp");
    int32_t ids[] = {-1, 1 << 30};
    ltd_tokens none = LTD_TOKENS_INIT, strange = {.ids = ids, .n = 2};
    char *found = letters(&none, &strange);
    assert_string_equal(found, "oo");
    free(found);
}

/* Each stretch of it is the same one. */
static void a_monotonous_prompt_takes_no_longer(void **state)
{
    (void)state;
    enum { LONG = 400000 };
    ltd_tokens p = {.ids = ltd_mem_zeros(LONG, sizeof *p.ids), .n = LONG};
    assert_non_null(p.ids);
    char *found = letters(&p, &p);
    for (int i = 0; i < LONG; i++) assert_int_equal(found[i], 'p');
    free(found);
    free(p.ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headings_may_be_in_pieces),
        cmocka_unit_test(other_lines_are_none),
        cmocka_unit_test(marks_may_be_in_pieces),
        cmocka_unit_test(a_copy_has_eight_tokens),
        cmocka_unit_test(runs_may_end_where_texts_end),
        cmocka_unit_test(headings_and_marks_come_first),
        cmocka_unit_test(end_tokens_have_no_bytes),
        cmocka_unit_test(a_monotonous_prompt_takes_no_longer),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
