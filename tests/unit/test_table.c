/* Policies as tables: classes, what the agent does, what is fitted, CSV and checkpoint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agents/table.h"
#include "base/rng.h"
#include "tests/support/made_positions.h"
#include "trainer/bench/run_prompt.h"
#include "trainer/checkpoint/table_file.h"
#include "trainer/train/prior.h"
#include "trainer/train/table_fit.h"

static made_positions train, valid;
static ltd_table table;
static ltd_err err;

static void classes_hold_what_they_say(void **state)
{
    (void)state;
    ltd_table_init(&table, 3);
    assert_int_equal(ltd_table_confidence(&table, 0), 0);
    assert_int_equal(ltd_table_confidence(&table, 1), LTD_TABLE_CONFIDENCES - 1);
    assert_int_equal(ltd_table_match(&table, 0), 0);
    assert_int_equal(ltd_table_match(&table, 1000), LTD_TABLE_MATCHES - 1);
    for (int32_t i = 0; i < LTD_TABLE_CONFIDENCES - 1; i++) {
        assert_int_equal(ltd_table_confidence(&table, table.confidence[i]), i + 1);
        assert_int_equal(ltd_table_confidence(&table, table.confidence[i] - 1e-6f), i);
    }
    for (int32_t i = 0; i < LTD_TABLE_MATCHES - 1; i++) {
        assert_int_equal(ltd_table_match(&table, table.match[i]), i + 1);
        assert_int_equal(ltd_table_match(&table, table.match[i] - 1), i);
    }
    table.at[3][0][0].nodes = 7;
    assert_int_equal(ltd_table_at(&table, 9, 0, 0)->nodes, 7);
    assert_int_equal(ltd_table_at(&table, 2, 0, 0)->nodes, 0);
}

/* Go while the frontier is likely, more nodes where it is. */
static void make_table(ltd_table *t)
{
    ltd_table_init(t, 3);
    for (int32_t n = 0; n <= 3; n++)
        for (int32_t c = 0; c < LTD_TABLE_CONFIDENCES; c++)
            for (int32_t m = 0; m < LTD_TABLE_MATCHES; m++)
                t->at[n][c][m] = (ltd_table_class){n < 3 && c > 5, m > 2 ? 3 : 1 + c, n + c};
}

static ltd_run play(made_positions *m, const ltd_table *t)
{
    ltd_cycle *cycle;
    ltd_agent *agent;
    ltd_env *env = made_positions_env(m, &cycle);
    ltd_player player;
    ltd_run run, sum = {0};
    if (ltd_agent_table_new(&agent, "ltd-table", t, &err) < 0 ||
        ltd_player_init(&player, env, agent, &err) < 0)
        fail_msg("%s", err.msg);
    for (int32_t i = 0; i < (int32_t)ltd_prompts_count(m->prompts); i++) {
        if (ltd_run_prompt(&player, i, &run, NULL, &err) < 0) fail_msg("%s", err.msg);
        ltd_run_add(&sum, &run);
    }
    ltd_player_fini(&player);
    ltd_agent_free(agent);
    ltd_env_close(env);
    ltd_cycle_free(cycle);
    return sum;
}

static void over_positions_it_plays_as_in_an_environment(void **state)
{
    (void)state;
    ltd_visits v = {0};
    int64_t forwards = 0;
    make_table(&table);
    ltd_run run = play(&valid, &table);
    assert_int_equal(ltd_table_play(valid.positions, &table, &v, &err), 0);
    for (int64_t i = 0; i < v.n; i++) forwards += v.v[i].forwards;
    assert_int_equal(v.n, run.cycles);
    assert_int_equal(forwards, run.forwards);
    assert_true(fabs(v.time * ltd_positions_ar_ms(valid.positions, 0) - run.table_ms) <
                0.01 * run.table_ms);
    assert_true(run.forwards > run.cycles / 2 && run.forwards < 3 * run.cycles);
    ltd_visits_fini(&v);
}

static ltd_mlp *net(int32_t actions, const ltd_prior_path *path, int32_t n)
{
    ltd_actor_critic *ac;
    ltd_mlp *mlp = NULL;
    ltd_rng rng;
    float mean[LTD_OBS_LTD_DIM] = {0}, spread[LTD_OBS_LTD_DIM];
    ltd_rng_seed(&rng, 4, LTD_STREAM_INIT);
    for (int i = 0; i < LTD_OBS_LTD_DIM; i++) spread[i] = 0.5f;
    ltd_actor_critic_options o = {LTD_OBS_LTD_DIM, actions, {24, 24}, 2, {8}, 1, LTD_ACT_RELU};
    if (ltd_actor_critic_new(&ac, &o, &rng, &err) < 0 ||
        ltd_prior_set(ac, path, n, mean, spread, &err) < 0 ||
        ltd_actor_critic_sync(ac, &mlp, NULL, &err) < 0)
        fail_msg("%s", err.msg);
    ltd_actor_critic_free(ac);
    return mlp;
}

static double speed_of(made_positions *m, const ltd_table *t)
{
    ltd_visits v = {0};
    assert_int_equal(ltd_table_play(m->positions, t, &v, &err), 0);
    double speed = v.tokens / v.time;
    ltd_visits_fini(&v);
    return speed;
}

/* The fitted table is as fast as the best of all single settings, on texts it hasn't seen too. */
static void what_is_fitted_beats_every_constant(void **state)
{
    (void)state;
    static ltd_table constant;
    ltd_prior_path go = {LTD_OBS_AT_GO, LTD_DEPTH_CONTINUE, 4}, size[MADE_SIZES];
    for (int i = 0; i < MADE_SIZES; i++) size[i] = (ltd_prior_path){LTD_OBS_AT_WORTH + i, i, 4};
    ltd_mlp *depth = net(2, &go, 1), *sizes = net(MADE_SIZES, size, MADE_SIZES);
    double speed, best = 0, best_valid = 0;
    if (ltd_table_fit(&table, train.positions, depth, sizes, 16, &speed, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(fabs(speed_of(&train, &table) - speed) < 1e-9);
    for (int32_t f = 0; f <= 3; f++)
        for (int32_t s = 0; s < MADE_SIZES; s++) {
            ltd_table_init(&constant, 3);
            for (int32_t n = 0; n <= 3; n++)
                for (int32_t i = 0; i < LTD_TABLE_CONFIDENCES * LTD_TABLE_MATCHES; i++)
                    (&constant.at[n][0][0])[i] = (ltd_table_class){n < f, train.sizes[s], 1};
            best = fmax(best, speed_of(&train, &constant));
            best_valid = fmax(best_valid, speed_of(&valid, &constant));
        }
    if (!(speed > 1.01 * best)) fail_msg("%g, a constant %g", speed, best);
    if (!(speed_of(&valid, &table) > best_valid))
        fail_msg("%g on others, a constant %g", speed_of(&valid, &table), best_valid);
    /* Again: the same table.  Where speculation can't gain: plain decoding. */
    static ltd_table again;
    assert_int_equal(ltd_table_fit(&again, train.positions, depth, sizes, 16, &speed, &err), 0);
    assert_memory_equal(&again, &table, sizeof table);
    made_positions m = {0};
    made_positions_open(&m, 21, 8, 1);
    made_positions_linear(&m);
    assert_int_equal(ltd_table_fit(&again, m.positions, depth, sizes, 16, &speed, &err), 0);
    assert_true(speed >= 0.99 / 1.01);
    made_positions_close(&m);
    ltd_mlp_free(depth);
    ltd_mlp_free(sizes);
}

static void csv_has_a_line_for_each_entry(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    ltd_table_init(&table, 1);
    table.at[0][LTD_TABLE_CONFIDENCES - 1][0] = (ltd_table_class){true, 2, 40};
    table.at[1][0][LTD_TABLE_MATCHES - 1] = (ltd_table_class){false, 4, 7};
    ltd_table_csv(&table, &s);
    assert_int_equal(ltd_table_entries(&table), 2);
    assert_string_equal(ltd_str_text(&s), "forwards,confidence_from,confidence_to,match_from,"
                                          "match_to,action,nodes,cycles\n"
                                          "0,0.9,1,0,0,go,2,40\n"
                                          "1,0,0.02,20,,stop,4,7\n");
    ltd_str_fini(&s);
}

static void save(const char *path, const ltd_table *t)
{
    ltd_checkpoint_writer *w;
    if (ltd_checkpoint_create(&w, path, &err) < 0) fail_msg("%s", err.msg);
    ltd_checkpoint_put_text(w, "x", "y");
    if (t) ltd_table_put(t, w);
    if (ltd_checkpoint_finish(w, &err) < 0) fail_msg("%s", err.msg);
}

static int load(const char *path, ltd_table **ret)
{
    ltd_checkpoint *c;
    if (ltd_checkpoint_open(&c, path, &err) < 0) fail_msg("%s", err.msg);
    int rc = ltd_table_get(ret, c, &err);
    ltd_checkpoint_close(c);
    return rc;
}

static void a_checkpoint_gives_it_back(void **state)
{
    (void)state;
    char path[] = "/tmp/ltd-table-XXXXXX";
    int fd = mkstemp(path);
    ltd_table *back;
    assert_true(fd >= 0);
    close(fd);
    make_table(&table);
    save(path, &table);
    assert_int_equal(load(path, &back), 0);
    assert_memory_equal(back, &table, sizeof table);
    free(back);
    save(path, NULL);
    assert_int_equal(load(path, &back), 0);
    assert_null(back);
    table.at[3][0][0].go = true; /* nothing follows */
    save(path, &table);
    assert_int_equal(load(path, &back), LTD_EFORMAT);
    table.at[3][0][0].go = false;
    table.at[1][2][3].nodes = -1;
    save(path, &table);
    assert_int_equal(load(path, &back), LTD_EFORMAT);
    make_table(&table);
    table.confidence[3] = table.confidence[2];
    save(path, &table);
    assert_int_equal(load(path, &back), LTD_EFORMAT);
    assert_null(back);
    unlink(path);
}

static int setup(void **state)
{
    (void)state;
    made_positions_open(&train, 31, 40, 1.2f);
    made_positions_open(&valid, 32, 20, 1.2f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    made_positions_close(&train);
    made_positions_close(&valid);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_hold_what_they_say),
        cmocka_unit_test(over_positions_it_plays_as_in_an_environment),
        cmocka_unit_test(what_is_fitted_beats_every_constant),
        cmocka_unit_test(csv_has_a_line_for_each_entry),
        cmocka_unit_test(a_checkpoint_gives_it_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
