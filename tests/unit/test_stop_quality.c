/* When to stop drafting: the truth against what really comes next, figures worked out by hand, and
 * agents whose figures are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agents/fixed.h"
#include "base/rng.h"
#include "env/cycle.h"
#include "tests/support/made_positions.h"
#include "tests/support/made_trace.h"
#include "trainer/bench/stop_quality.h"

enum { TEXTS = 12, FORWARDS = 3 };

static made_positions made;
static ltd_err err;

static int setup(void **state)
{
    (void)state;
    made_positions_open(&made, 11, TEXTS, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    made_positions_close(&made);
    return 0;
}

static int32_t true_depth(ltd_cycle *c, const int32_t *next, int32_t left)
{
    int32_t rank[2 * LTD_TREE_MAX_DEPTH];
    ltd_tree *tree = ltd_cycle_tree(c);
    return ltd_tree_true_ranks(tree, next, left, ltd_tree_count(tree), rank);
}

/* At every position, after every number of forwards: draft one more and look. */
static void it_pays_when_the_next_forward_brings_the_next_token(bool lookup)
{
    ltd_cycle_options o = made_positions_cycle(&made);
    ltd_cycle *c;
    int pays = 0, other = 0;
    o.lookup = lookup;
    if (ltd_cycle_new(&c, &o, &err) < 0) fail_msg("%s", err.msg);
    for (int32_t text = 0; text < TEXTS; text++) {
        const ltd_trace_text *t = &made.trace.text[text];
        assert_int_equal(ltd_cycle_prompt(c, t->token, t->prompt, &err), 0);
        for (int32_t i = 0; i < t->positions; i++) {
            const int32_t *next = t->token + t->prompt + i + 1;
            int32_t left = t->positions - i;
            const ltd_cycle_result *r;
            assert_int_equal(ltd_cycle_begin(c, &err), 0);
            for (int32_t n = 0; n < FORWARDS; n++) {
                bool says = ltd_stop_pays(ltd_cycle_tree(c), &made.trace, text, i, left);
                int32_t before = true_depth(c, next, left);
                assert_int_equal(ltd_cycle_draft(c, &err), 0);
                assert_int_equal(says, true_depth(c, next, left) > before);
                pays += says;
                other += !says;
            }
            assert_false(ltd_stop_pays(ltd_cycle_tree(c), &made.trace, text, i, left));
            assert_int_equal(ltd_cycle_verify(c, 0, &r, &err), 0);
        }
    }
    assert_true(pays > 200 && other > 200);
    ltd_cycle_free(c);
}

static void what_pays_is_what_comes_with_lookup(void **state)
{
    (void)state;
    it_pays_when_the_next_forward_brings_the_next_token(true);
}

static void what_pays_is_what_comes_without(void **state)
{
    (void)state;
    it_pays_when_the_next_forward_brings_the_next_token(false);
}

#define near(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static void figures_are_those_of_the_books(void **state)
{
    (void)state;
    const ltd_stop_answer a[] = {{.go = 0.9f, .went = true, .pays = true},
                                 {.go = 0.6f, .went = true, .pays = false},
                                 {.go = 0.6f, .went = true, .pays = true},
                                 {.go = 0.4f, .went = false, .pays = true},
                                 {.go = 0.2f, .went = false, .pays = false}};
    ltd_stop_quality q;
    assert_int_equal(ltd_stop_quality_of(a, 5, &q, &err), 0);
    assert_int_equal(q.n, 5);
    near(q.tpr, 2 / 3.0);
    near(q.tnr, 0.5);
    near(q.auc, (2 + 1.5 + 1) / 6.0); /* of six pairs; one ties, one is the wrong way round */
    assert_int_equal(ltd_stop_quality_of(a, 1, &q, &err), 0);
    near(q.tpr, 1);
    assert_true(isnan(q.tnr) && isnan(q.auc));
    assert_int_equal(ltd_stop_quality_of(a, 0, &q, &err), 0);
    assert_true(q.n == 0 && isnan(q.tpr));
}

static void tasks_are_stretches_of_prompts(void **state)
{
    (void)state;
    ltd_stop_answer a[] = {{.prompt = 0, .pays = true, .went = true},
                           {.prompt = 2, .pays = true, .went = false},
                           {.prompt = 2, .pays = false, .went = false},
                           {.prompt = 3, .pays = false, .went = true}};
    ltd_stop_log log = {.answer = a, .n = 4};
    ltd_stop_quality q;
    assert_int_equal(ltd_stop_log_quality(&log, 1, 3, &q, &err), 0);
    assert_true(q.n == 2 && q.tpr == 0 && q.tnr == 1);
    assert_int_equal(ltd_stop_log_quality(&log, 0, 4, &q, &err), 0);
    assert_true(q.n == 4 && q.tpr == 0.5 && q.tnr == 0.5);
}

/* All texts, by the agent, in an environment of up to FORWARDS. */
static ltd_stop_quality play(ltd_agent *agent)
{
    ltd_cycle_options c = made_positions_cycle(&made);
    ltd_cycle *cycle;
    ltd_env *env;
    ltd_player player;
    ltd_run run;
    ltd_stop_quality q;
    ltd_stop_log log = {.trace = &made.trace};
    if (ltd_cycle_new(&cycle, &c, &err) < 0) fail_msg("%s", err.msg);
    ltd_env_options o = {.cycle = cycle,
                         .prompts = made.prompts,
                         .cost = &made.cost,
                         .clock_table = true,
                         .max_forwards = FORWARDS,
                         .sizes = {0, 1, 2, 4, 8, 16},
                         .n_sizes = 6,
                         .max_new = MADE_MAX_NEW,
                         .reward = LTD_REWARD_RATIO,
                         .reward_scale = 1};
    if (ltd_env_open(&env, &o, &err) < 0 || ltd_player_init(&player, env, agent, &err) < 0)
        fail_msg("%s", err.msg);
    player.witness = (ltd_witness){.saw = ltd_stop_log_saw, .ctx = &log};
    for (int32_t p = 0; p < TEXTS; p++)
        if (ltd_run_prompt(&player, p, &run, NULL, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(ltd_stop_log_quality(&log, 0, TEXTS, &q, &err), 0);
    ltd_stop_log_fini(&log);
    ltd_player_fini(&player);
    ltd_env_close(env);
    ltd_cycle_free(cycle);
    return q;
}

static void agents_get_the_figures_they_must(void **state)
{
    (void)state;
    ltd_agent *deep, *plain, *random;
    if (ltd_agent_fixed_new(&deep, "deep", FORWARDS, 8, &err) < 0 ||
        ltd_agent_fixed_new(&plain, "plain", 0, 8, &err) < 0 ||
        ltd_agent_random_new(&random, 5, &err) < 0)
        fail_msg("%s", err.msg);
    ltd_stop_quality q = play(deep);
    assert_true(q.n > 0 && q.tpr == 1 && q.tnr == 0 && isnan(q.auc));
    q = play(plain);
    assert_true(q.n > 0 && q.tpr == 0 && q.tnr == 1 && isnan(q.auc));
    q = play(random); /* says 1/2 each time, and means it */
    assert_true(q.n > 500 && q.auc == 0.5);
    assert_true(fabs(q.tpr - 0.5) < 0.1 && fabs(q.tnr - 0.5) < 0.1);
    ltd_agent_free(deep);
    ltd_agent_free(plain);
    ltd_agent_free(random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_pays_is_what_comes_with_lookup),
        cmocka_unit_test(what_pays_is_what_comes_without),
        cmocka_unit_test(figures_are_those_of_the_books),
        cmocka_unit_test(tasks_are_stretches_of_prompts),
        cmocka_unit_test(agents_get_the_figures_they_must),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
