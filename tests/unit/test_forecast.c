/* What a run would do, counted: against cycles that are played by chance, and by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/cost_file.h"
#include "trainer/train/forecast.h"

static ltd_config c;

static void set(const char *assignment)
{
    ltd_err err = LTD_ERR_INIT;
    if (ltd_config_set(&c, assignment, &err) < 0) fail_msg("%s", err.msg);
}

static int fresh(void **state)
{
    (void)state;
    ltd_config_init(&c);
    set("train.plan_passes=0");
    return 0;
}

static void paper(void)
{
    set("env.min_forwards=2");
    set("env.max_forwards=13");
    set("env.top_k=10");
    set("env.sizes=20,40,60,80,100,120,140,160,180,200,220,240");
}

/* --- a cycle --- */

/* By the rules of env.h, told again. */
static void play(ltd_forecast_pace *sum, ltd_rng *rng)
{
    int32_t n = c.env.min_forwards, most = c.env.max_forwards, k = c.env.top_k;
    sum->decisions[0]++; /* the first question is always asked */
    while (n < most && ltd_rng_below(rng, 2)) {
        for (int32_t i = 0; i < c.env.depth_every && n < most; i++) n++;
        if (n < most) sum->decisions[0]++;
    }
    int32_t pool = n ? k + (n - 1) * k * k : 0, legal[64], count = 0;
    for (int32_t i = 0; i < c.env.sizes.n; i++)
        if (i == 0 || c.env.sizes.v[i] <= pool || c.env.sizes.v[i - 1] < pool)
            legal[count++] = c.env.sizes.v[i];
    int32_t size = legal[ltd_rng_below(rng, (uint64_t)count)];
    sum->decisions[1] += pool > 0 && count > 1;
    sum->forwards += n;
    sum->nodes += size < pool ? size : pool;
}

static void paces_agree_with_play(void)
{
    enum { CYCLES = 200000 };
    ltd_forecast_pace sum = {0}, pace = ltd_forecast_pace_of(&c, NULL, true);
    ltd_rng rng;
    ltd_rng_seed(&rng, 5, LTD_STREAM_TEST);
    for (int i = 0; i < CYCLES; i++) play(&sum, &rng);
    const double played[] = {sum.decisions[0], sum.decisions[1], sum.forwards, sum.nodes};
    const double told[] = {pace.decisions[0], pace.decisions[1], pace.forwards, pace.nodes};
    for (int i = 0; i < 4; i++)
        if (fabs(told[i] - played[i] / CYCLES) > 0.015 * told[i] + 0.003)
            fail_msg("%d: %g, played %g", i, told[i], played[i] / CYCLES);
    assert_true(pace.ms == 0);
}

static void a_cycle_is_what_chance_plays(void **state)
{
    (void)state;
    paces_agree_with_play();
    paper();
    paces_agree_with_play();
    set("env.depth_every=3");
    set("env.min_forwards=4");
    paces_agree_with_play();
    set("env.max_forwards=6");
    set("env.min_forwards=6");
    paces_agree_with_play();
}

static void without_a_head_nothing_is_drafted(void **state)
{
    (void)state;
    ltd_forecast_pace pace = ltd_forecast_pace_of(&c, NULL, false);
    assert_true(pace.decisions[0] == 1 && pace.decisions[1] == 0);
    assert_true(pace.forwards == 0 && pace.nodes == 0);
}

static void times_are_the_tables(void **state)
{
    (void)state;
    static ltd_cost cost = {.t_ar_ms = 4,
                            .commit_ms = 0.5f,
                            .decide_ms = 0.25f,
                            .n_verify = 2,
                            .verify = {{1, 32, 4, 4}, {17, 32, 8, 8}},
                            .n_draft = 2,
                            .draft = {{1, 32, 1, 1}, {4, 32, 2, 2}}};
    assert_int_equal(ltd_cost_finish(&cost, NULL), 0);
    set("env.max_forwards=1");
    set("env.sizes=0,4");
    /* Stop at once: a plain step; or one forward, then 0 or 4 nodes. */
    double plain = 4 + 0.5 + 2 * 0.25, none = 4 + 1 + 0.5 + 3 * 0.25, four = none + 1;
    ltd_forecast_pace pace = ltd_forecast_pace_of(&c, &cost, true);
    assert_true(fabs(pace.ms - (plain / 2 + (none + four) / 4)) < 1e-6);
    assert_true(pace.decisions[1] == 0.5 && pace.forwards == 0.5 && pace.nodes == 1);
}

/* --- stages --- */

static void a_joint_run_begins_with_sizes_alone(void **state)
{
    (void)state;
    ltd_forecast_stage s[LTD_FORECAST_STAGES];
    ltd_forecast_pace pace = {.decisions = {2, 1}};
    set("train.total_cycles=10240");
    set("train.size_first=0.2");
    set("train.n_steps=2048");
    set("train.batch_size=256");
    set("train.n_epochs=20");
    assert_int_equal(ltd_forecast_stages(&c, &pace, s), 2);
    assert_int_equal(s[0].cycles, 2048);
    assert_int_equal(s[0].updates, 2); /* of 1,024 cycles, with 1,024 sizes */
    assert_int_equal(s[0].gradient_steps[LTD_FORECAST_DEPTH], 0);
    assert_int_equal(s[0].gradient_steps[LTD_FORECAST_SIZE], 2 * 20 * 4);
    assert_int_equal(s[1].cycles, 8192);
    assert_int_equal(s[1].updates, 8);
    assert_int_equal(s[1].gradient_steps[LTD_FORECAST_DEPTH], 8 * 20 * 8);
    assert_int_equal(s[1].gradient_steps[LTD_FORECAST_SIZE], 8 * 20 * 4);
    assert_true(s[1].decisions == 3 * 8192 && s[1].live);
}

static void stages_are_as_long_as_their_learners_decisions(void **state)
{
    (void)state;
    ltd_forecast_stage s[LTD_FORECAST_STAGES];
    ltd_forecast_pace pace = {.decisions = {2, 1}};
    set("train.mode=stages");
    set("train.stages=size-alone,depth-alone,size");
    set("train.stage_decisions=6000,8000,1000");
    assert_int_equal(ltd_forecast_stages(&c, &pace, s), 3);
    assert_string_equal(s[1].name, "depth-alone");
    assert_int_equal(s[0].cycles, 6000);
    assert_int_equal(s[1].cycles, 4000); /* of two depth decisions each */
    assert_int_equal(s[2].cycles, 1000);
    assert_int_equal(s[0].gradient_steps[LTD_FORECAST_DEPTH], 0);
    assert_true(s[0].gradient_steps[LTD_FORECAST_SIZE] > 0 && s[0].live);
    assert_int_equal(s[1].gradient_steps[LTD_FORECAST_SIZE], 0);
    /* Only what learns fills a rollout: 100,000 / 2,048 and 1,000,000 / 2,048. */
    set("train.n_steps=2048");
    set("train.batch_size=256");
    set("train.n_epochs=20");
    set("train.stage_decisions=100000,1000000,100000");
    ltd_forecast_stages(&c, &pace, s);
    assert_int_equal(s[0].updates, 49);
    assert_int_equal(s[1].updates, 489);
    assert_int_equal(s[0].gradient_steps[LTD_FORECAST_SIZE], 49 * 20 * 8);
    assert_int_equal(s[1].gradient_steps[LTD_FORECAST_DEPTH], 489 * 20 * 8);
    set("train.stages_on=records");
    ltd_forecast_stages(&c, &pace, s);
    assert_false(s[0].live);
}

static void what_goes_over_records_comes_first(void **state)
{
    (void)state;
    ltd_forecast_stage s[LTD_FORECAST_STAGES];
    ltd_forecast_pace pace = {.decisions = {2, 1}};
    set("train.plan_passes=90");
    set("train.record_cycles=16384");
    set("train.record_envs=8");
    set("train.total_cycles=0");
    assert_int_equal(ltd_forecast_stages(&c, &pace, s), 2);
    assert_int_equal(s[0].passes, 90);
    assert_int_equal(s[0].cycles, 0);
    assert_int_equal(s[1].cycles, 16384);
    assert_int_equal(s[1].updates, 2); /* of 8 x 1,024 cycles */
    assert_false(s[1].live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_cycle_is_what_chance_plays, fresh),
        cmocka_unit_test_setup(without_a_head_nothing_is_drafted, fresh),
        cmocka_unit_test_setup(times_are_the_tables, fresh),
        cmocka_unit_test_setup(a_joint_run_begins_with_sizes_alone, fresh),
        cmocka_unit_test_setup(stages_are_as_long_as_their_learners_decisions, fresh),
        cmocka_unit_test_setup(what_goes_over_records_comes_first, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
