/* A machine where speculation can't gain: a verification of V rows takes V plain steps, and drafts
 * come on top.  Whoever decides here must come to plain decoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agents/fixed.h"
#include "agents/rules/rules.h"
#include "base/rng.h"
#include "tests/support/bench_sample.h"
#include "tests/support/made_positions.h"
#include "trainer/train/planner.h"
#include "trainer/train/prior.h"

static made_positions train, valid;
static ltd_err err;

static int setup(void **state)
{
    (void)state;
    made_positions_open(&train, 21, 16, 1);
    made_positions_linear(&train);
    made_positions_open(&valid, 22, 10, 1);
    made_positions_linear(&valid);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    made_positions_close(&train);
    made_positions_close(&valid);
    return 0;
}

static void tune_has_plain_decoding_alone_to_try(void **state)
{
    (void)state;
    static const ltd_ints sizes = {6, {0, 1, 2, 4, 8, 16}};
    static const ltd_ints widths = {2, {2, 12}};
    static ltd_candidate c[LTD_TUNE_MAX];
    ltd_cycle_options o = made_positions_cycle(&train);
    assert_true(ltd_tune_grid(&o, &sizes, &widths, 3, NULL, c) > 20);
    assert_int_equal(ltd_tune_grid(&o, &sizes, &widths, 3, &train.cost, c), 1);
    assert_int_equal(c[0].setting.forwards, 0);
    assert_int_equal(c[0].setting.size, 0);
    const ltd_setting some = {2, 4, true, 0};
    assert_false(ltd_tune_can_pay(&o, &train.cost, &some));
    assert_true(ltd_tune_can_pay(&o, NULL, &some));
}

static ltd_learner *open_net(const char *name, int32_t actions, ltd_rollout_kind kind, ltd_rng *rng)
{
    ltd_learner *l;
    ltd_actor_critic_options o = {LTD_OBS_LTD_DIM, actions, {24, 24}, 2, {8}, 1, LTD_ACT_RELU};
    if (ltd_learner_new(&l, name, &o, kind, 1, 8, 1e-5, rng, &err) < 0) fail_msg("%s", err.msg);
    return l;
}

/* Learn from nets that begin with so much of the rule (prior.h); the result plays the other texts.
 */
static ltd_visits learn(float weight, int32_t passes, double *before)
{
    float mean[LTD_OBS_LTD_DIM] = {0}, spread[LTD_OBS_LTD_DIM];
    ltd_rng rng;
    ltd_planner_result r;
    ltd_visits v = {0};
    ltd_rng_seed(&rng, 3, LTD_STREAM_TEST);
    for (int i = 0; i < LTD_OBS_LTD_DIM; i++) spread[i] = 0.5f;
    ltd_learner *d = open_net("depth", 2, LTD_ROLLOUT_EPISODES, &rng);
    ltd_learner *s = open_net("size", MADE_SIZES, LTD_ROLLOUT_BANDIT, &rng);
    if (ltd_prior_set_worth(d->ac, s->ac, weight, 0.1f, mean, spread, &err) < 0 ||
        ltd_actor_critic_sync(d->ac, &d->actor, NULL, &err) < 0 ||
        ltd_actor_critic_sync(s->ac, &s->actor, NULL, &err) < 0)
        fail_msg("%s", err.msg);
    ltd_planner_options o = LTD_PLANNER_DEFAULTS;
    o.passes = passes;
    o.batch_size = 128;
    o.valid_every = 4;
    o.lr = 0.01;
    o.rate = 1;
    if (ltd_planner_run(d, s, train.positions, valid.positions, &o, &rng, &r, &err) < 0 ||
        ltd_planner_play(valid.positions, d->actor, s->actor, &v, &err) < 0)
        fail_msg("%s", err.msg);
    *before = r.before;
    ltd_learner_free(d);
    ltd_learner_free(s);
    return v;
}

static void is_plain(const ltd_visits *v)
{
    const double alone = 1 / 1.01; /* a plain step and its commit */
    int64_t plain = 0;
    for (int64_t i = 0; i < v->n; i++) plain += v->v[i].forwards == 0 && v->v[i].size == 0;
    if (plain < v->n * 99 / 100 || !(v->tokens / v->time >= 0.99 * alone))
        fail_msg("plain in %d of %d cycles, x%g", (int)plain, (int)v->n, v->tokens / v->time);
}

static void what_is_learned_from_records_is_plain_decoding(void **state)
{
    (void)state;
    double before;
    ltd_visits v = learn(4, 12, &before); /* as a run begins */
    is_plain(&v);
    ltd_visits_fini(&v);
    v = learn(0, 300, &before); /* from nets that know nothing, and speculate */
    assert_true(before < 0.5);
    is_plain(&v);
    ltd_visits_fini(&v);
}

static ltd_run play(ltd_agent *agent)
{
    ltd_cycle *cycle;
    ltd_env *env = made_positions_env(&valid, &cycle);
    ltd_player player;
    ltd_run run, sum = {0};
    if (ltd_player_init(&player, env, agent, &err) < 0) fail_msg("%s", err.msg);
    for (int32_t i = 0; i < (int32_t)ltd_prompts_count(valid.prompts); i++) {
        if (ltd_run_prompt(&player, i, &run, NULL, &err) < 0) fail_msg("%s", err.msg);
        ltd_run_add(&sum, &run);
    }
    ltd_player_fini(&player);
    ltd_env_close(env);
    ltd_cycle_free(cycle);
    return sum;
}

static void goodput_decodes_plainly(void **state)
{
    (void)state;
    float param[LTD_RULE_PARAMS];
    ltd_agent *ar, *rule;
    const ltd_rule *goodput = ltd_rule_find("goodput");
    ltd_rule_defaults(goodput, param);
    assert_int_equal(ltd_agent_fixed_new(&ar, "ar", 0, 0, &err), 0);
    assert_int_equal(ltd_agent_rule_new(&rule, goodput, param, &err), 0);
    ltd_run plain = play(ar), run = play(rule);
    assert_true(run.size_hist[0] >= 0.99 * (double)run.cycles);
    assert_true(run.forwards_hist[0] >= 0.99 * (double)run.cycles);
    assert_true(run.table_ms <= 1.01 * plain.table_ms);
    assert_int_equal(run.tokens, plain.tokens);
    ltd_agent_free(ar);
    ltd_agent_free(rule);
}

static void the_verdict_is_plain_decoding(void **state)
{
    (void)state;
    static ltd_bench b;
    static const double speeds[] = {125, 124.5, 90};
    for (int i = 0; i < 3; i++) {
        ltd_str text = LTD_STR_INIT;
        bench_sample(&b, speeds[i]);
        b.tuned = (ltd_setting){0, 0, false, 0};
        ltd_bench_verdict(&b, &text);
        assert_non_null(strstr(ltd_str_text(&text), "no gain here: use plain decoding"));
        ltd_str_clear(&text);
        b.all.n_rows--; /* without a trained policy */
        ltd_bench_verdict(&b, &text);
        assert_non_null(strstr(ltd_str_text(&text), "best static setting: plain decoding"));
        ltd_str_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tune_has_plain_decoding_alone_to_try),
        cmocka_unit_test(what_is_learned_from_records_is_plain_decoding),
        cmocka_unit_test(goodput_decodes_plainly),
        cmocka_unit_test(the_verdict_is_plain_decoding),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
