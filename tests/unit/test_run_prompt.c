/* What a prompt's run counts, over made-up records. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agents/fixed.h"
#include "env/cycle.h"
#include "tests/support/made_positions.h"
#include "tests/support/made_trace.h"
#include "trainer/bench/run_prompt.h"

enum { TEXTS = 40, MAX_NEW = 6, END = 3 };

static made_positions made;
static ltd_err err;

typedef struct rig {
    ltd_cycle *cycle;
    ltd_env *env;
    ltd_agent *agent;
    ltd_player player;
} rig;

static void open_rig(rig *r)
{
    ltd_cycle_options c = made_positions_cycle(&made);
    ltd_env_options o = {.prompts = made.prompts,
                         .cost = &made.cost,
                         .clock_table = true,
                         .max_forwards = 3,
                         .sizes = {0, 1, 2, 4, 8, 16},
                         .n_sizes = 6,
                         .max_new = MAX_NEW,
                         .reward = LTD_REWARD_RATIO,
                         .reward_scale = 1};
    if (ltd_cycle_new(&r->cycle, &c, &err) < 0) fail_msg("%s", err.msg);
    o.cycle = r->cycle;
    if (ltd_env_open(&r->env, &o, &err) < 0 || ltd_agent_random_new(&r->agent, 8, &err) < 0 ||
        ltd_player_init(&r->player, r->env, r->agent, &err) < 0)
        fail_msg("%s", err.msg);
}

static void close_rig(rig *r)
{
    ltd_player_fini(&r->player);
    ltd_agent_free(r->agent);
    ltd_env_close(r->env);
    ltd_cycle_free(r->cycle);
}

static int setup(void **state)
{
    (void)state;
    made_positions_open(&made, 3, TEXTS, 2);
    made.trace.end[0] = END;
    made.trace.n_ends = 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    made_positions_close(&made);
    return 0;
}

static void an_answer_ended_when_its_end_token_came_in_time(void **state)
{
    (void)state;
    rig r;
    open_rig(&r);
    int at_once = 0, ended = 0, cut = 0;
    for (int32_t p = 0; p < TEXTS; p++) {
        const int32_t *answer = made.trace.text[p].token + MADE_TRACE_PROMPT;
        int n = 0;
        while (n < MAX_NEW && answer[n] != END) n++;
        ltd_run run;
        if (ltd_run_prompt(&r.player, p, &run, NULL, &err) < 0) fail_msg("%s", err.msg);
        assert_int_equal(run.ended, n < MAX_NEW);
        assert_int_equal(run.tokens, n < MAX_NEW ? n : MAX_NEW - 1);
        at_once += n == 0;
        ended += n > 0 && n < MAX_NEW;
        cut += n == MAX_NEW;
    }
    assert_true(at_once > 0 && ended > 0 && cut > 0);
    close_rig(&r);
}

static void depths_are_those_of_the_trees_verified(void **state)
{
    (void)state;
    rig r;
    open_rig(&r);
    ltd_run sum = {0};
    for (int32_t p = 0; p < TEXTS; p++) {
        ltd_run run;
        if (ltd_run_prompt(&r.player, p, &run, NULL, &err) < 0) fail_msg("%s", err.msg);
        ltd_run_add(&sum, &run);
    }
    int64_t cycles = 0, depth = 0;
    for (int i = 0; i < LTD_RUN_ACCEPT; i++) cycles += sum.depth_hist[i];
    for (int i = 0; i < LTD_RUN_ACCEPT; i++) depth += i * (int64_t)sum.depth_hist[i];
    assert_int_equal(cycles, sum.cycles);
    assert_int_equal(sum.depth_hist[0], sum.size_hist[0]);
    assert_true(depth >= sum.accept_len - sum.cycles && depth <= sum.size);
    close_rig(&r);
}

typedef struct seen {
    int64_t cycles, tokens;
    double ms;
} seen;

static void add_cycle(void *ctx, const ltd_env *env, const ltd_info *info)
{
    seen *s = ctx;
    ltd_cost_work work = ltd_env_work(env, info);
    s->cycles++;
    s->tokens += info->tokens;
    s->ms += ltd_cost_cycle(&made.cost, &work);
}

static void a_witness_is_told_of_every_cycle(void **state)
{
    (void)state;
    rig r;
    seen s = {0};
    ltd_run sum = {0};
    open_rig(&r);
    r.player.witness = (ltd_witness){.ended = add_cycle, .ctx = &s};
    for (int32_t p = 0; p < TEXTS; p++) {
        ltd_run run;
        if (ltd_run_prompt(&r.player, p, &run, NULL, &err) < 0) fail_msg("%s", err.msg);
        ltd_run_add(&sum, &run);
    }
    assert_true(sum.cycles > 0 && s.cycles == sum.cycles && s.tokens == sum.tokens);
    assert_true(s.ms > 0 && fabs(s.ms - sum.table_ms) < 1e-9 * s.ms);
    close_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_ended_when_its_end_token_came_in_time),
        cmocka_unit_test(depths_are_those_of_the_trees_verified),
        cmocka_unit_test(a_witness_is_told_of_every_cycle),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
