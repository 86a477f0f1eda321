/* An answer that goes round in circles is cut at the same token whatever was drafted; and the wrong
 * acceptance is told from the right one by its text. */
#include "env/loop.h"
#include "tests/support/tiny_env.h"

enum { PROMPTS = 5, MOST = 120, TIMES = 3 };

static tiny_env *t;

typedef struct answer {
    int32_t token[MOST], n;
    bool looped, truncated;
} answer;

static int setup(void **state)
{
    (void)state;
    t = tiny_open();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tiny_close(t);
    return 0;
}

static void long_answers(ltd_env_options *o)
{
    o->max_new = MOST;
}

static void no_loops(ltd_env_options *o)
{
    o->max_new = MOST;
    o->loop_stop = TIMES;
}

static void take_all(ltd_cycle_options *o)
{
    o->accept = LTD_ACCEPT_ALWAYS;
}

/* The whole answer to a prompt: plainly, or with random actions. */
static answer play(int32_t prompt, bool plain)
{
    answer a = {.n = 0};
    ltd_reset begin = {.new_prompt = true, .prompt = prompt};
    tiny_reset(t, &begin);
    a.token[a.n++] = ltd_env_root(t->env);
    for (bool done = false; !done; done = t->step.info.prompt_done) {
        if (a.n > 1) tiny_reset(t, NULL);
        while (!t->step.terminated) tiny_step(t, plain ? 0 : tiny_random(t));
        for (int32_t i = 0; i < t->step.info.tokens; i++) a.token[a.n++] = t->step.info.token[i];
    }
    a.looped = t->step.info.looped;
    a.truncated = t->step.truncated;
    assert_int_equal(a.n, t->step.info.new_tokens);
    return a;
}

/* Tokens up to the end of the first run that has come TIMES times; all of them when none has. */
static int32_t cut_of(const answer *a)
{
    for (int32_t end = LTD_LOOP_RUN; end <= a->n; end++) {
        int32_t times = 0;
        for (int32_t e = LTD_LOOP_RUN; e <= end; e++)
            times += memcmp(a->token + e - LTD_LOOP_RUN, a->token + end - LTD_LOOP_RUN,
                            LTD_LOOP_RUN * sizeof a->token[0]) == 0;
        if (times >= TIMES) return end;
    }
    return a->n;
}

static void loops_are_cut_at_the_same_token_whatever_is_drafted(void **state)
{
    (void)state;
    answer whole[PROMPTS];
    int32_t cut = 0;
    tiny_env_open(t, NULL, long_answers);
    for (int32_t p = 0; p < PROMPTS; p++) whole[p] = play(p, true);
    tiny_env_open(t, NULL, no_loops);
    for (int32_t p = 0; p < PROMPTS; p++) {
        int32_t want = cut_of(&whole[p]);
        for (int again = 0; again < 6; again++) {
            answer a = play(p, again == 0);
            assert_int_equal(a.n, want);
            assert_memory_equal(a.token, whole[p].token, (size_t)want * sizeof a.token[0]);
            assert_int_equal(a.looped, want < whole[p].n);
            if (a.looped) assert_true(a.truncated);
        }
        cut += want < whole[p].n;
    }
    assert_in_range(cut, 1, PROMPTS);
}

static void taking_all_that_was_drafted_changes_the_text(void **state)
{
    (void)state;
    answer right[PROMPTS];
    int32_t changed = 0;
    tiny_env_open(t, NULL, long_answers);
    for (int32_t p = 0; p < PROMPTS; p++) right[p] = play(p, true);
    tiny_env_open(t, take_all, long_answers);
    for (int32_t p = 0; p < PROMPTS; p++) {
        answer plain = play(p, true), wrong = play(p, false);
        assert_int_equal(plain.n, right[p].n); /* nothing was drafted */
        assert_memory_equal(plain.token, right[p].token, (size_t)plain.n * sizeof plain.token[0]);
        changed += wrong.n != right[p].n ||
                   memcmp(wrong.token, right[p].token, (size_t)wrong.n * sizeof wrong.token[0]);
    }
    assert_int_equal(changed, PROMPTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loops_are_cut_at_the_same_token_whatever_is_drafted),
        cmocka_unit_test(taking_all_that_was_drafted_changes_the_text),
    };
    return cmocka_run_group_tests_name("env_loop", tests, setup, teardown);
}
