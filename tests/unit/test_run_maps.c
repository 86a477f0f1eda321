/* What a run writes down of its cycles: histograms.csv, actions.csv. */
#include <unistd.h>

#include "agents/fixed.h"
#include "base/file.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_env.h"
#include "trainer/bench/evaluate.h"
#include "trainer/train/action_map.h"
#include "trainer/train/histograms.h"

static void holds(const char *expected)
{
    char path[128];
    ltd_file f;
    ltd_str s = LTD_STR_INIT;
    snprintf(path, sizeof path, "%s/histograms.csv", dir);
    assert_int_equal(ltd_file_map(&f, path, NULL), 0);
    ltd_str_push(&s, (const char *)f.data, f.size);
    ltd_file_unmap(&f);
    assert_string_equal(ltd_str_text(&s), expected);
    ltd_str_fini(&s);
}

static ltd_histograms *open_at(int64_t step)
{
    ltd_histograms *h;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_histograms_open(&h, dir, step, &err) < 0) fail_msg("%s", err.msg);
    return h;
}

#define HEADER "step,value,accept_len,forwards,size,valid_accept_len,valid_forwards,valid_size\n"

static void a_line_for_each_value_that_occurs(void **state)
{
    (void)state;
    static ltd_joint_stats rollout;
    static ltd_run valid;
    rollout.accept_hist[1] = 5;
    rollout.accept_hist[2] = 2;
    rollout.forwards_hist[0] = 7;
    rollout.size_hist[256] = 7;
    valid.accept_hist[2] = valid.forwards_hist[2] = valid.size_hist[2] = 1;
    ltd_histograms *h = open_at(-1);
    holds(HEADER);
    assert_int_equal(ltd_histograms_write(h, 10, &rollout, NULL, NULL), LTD_OK);
    assert_int_equal(ltd_histograms_write(h, 20, NULL, &valid, NULL), LTD_OK);
    ltd_histograms_close(h);
    holds(HEADER "10,0,0,7,0,,,\n10,1,5,0,0,,,\n10,2,2,0,0,,,\n10,256,0,0,7,,,\n20,2,,,,1,1,1\n");
    h = open_at(10);
    assert_int_equal(ltd_histograms_write(h, 12, NULL, &valid, NULL), LTD_OK);
    ltd_histograms_close(h);
    holds(HEADER "10,0,0,7,0,,,\n10,1,5,0,0,,,\n10,2,2,0,0,,,\n10,256,0,0,7,,,\n12,2,,,,1,1,1\n");
    ltd_histograms_close(open_at(-1));
    holds(HEADER);
    ltd_histograms_close(NULL);
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_histograms_open(&h, "/nonexistent", -1, &err), LTD_EIO);
    assert_null(h);
}

static void a_fixed_setting_does_the_same_everywhere(void **state)
{
    (void)state;
    enum { FORWARDS = 2 };
    tiny_env *t = tiny_open();
    ltd_agent *agent;
    ltd_evaluation e;
    static ltd_action_map map;
    ltd_witness witness = ltd_action_map_witness(&map);
    tiny_env_open(t, NULL, NULL);
    assert_int_equal(ltd_agent_fixed_new(&agent, "two", FORWARDS, 4, NULL), LTD_OK);
    if (ltd_evaluate(t->env, agent, 0, NULL, NULL, &witness, &e, &t->err) < 0)
        fail_msg("%s", t->err.msg);
    int64_t stopped = 0, nodes = 0;
    for (int n = 0; n <= TINY_FORWARDS; n++) {
        int64_t asked = 0, went_on = 0;
        for (int k = 0; k < LTD_ACTION_CLASSES; k++) {
            const ltd_action_cell *c = &map.cell[n][k];
            asked += c->asked;
            went_on += c->went_on;
            stopped += c->stopped;
            nodes += c->nodes;
            if (n == 0 && k < LTD_ACTION_CLASSES - 1) assert_int_equal(c->asked, 0);
            if (n != FORWARDS) assert_int_equal(c->stopped, 0);
        }
        assert_int_equal(asked, n <= FORWARDS ? e.run.cycles : 0);
        assert_int_equal(went_on, n < FORWARDS ? e.run.cycles : 0);
    }
    assert_int_equal(stopped, e.run.cycles);
    assert_int_equal(nodes, e.run.size);
    ltd_str csv = LTD_STR_INIT;
    ltd_action_map_csv(&map, &csv);
    char line[128];
    snprintf(line, sizeof line,
             "forwards,confidence_from,confidence_to,asked,went_on,stopped,nodes\n"
             "0,0.9,1,%lld,%lld,0,\n1,",
             (long long)e.run.cycles, (long long)e.run.cycles);
    assert_memory_equal(ltd_str_text(&csv), line, strlen(line));
    ltd_str_fini(&csv);
    ltd_agent_free(agent);
    tiny_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_for_each_value_that_occurs),
        cmocka_unit_test(a_fixed_setting_does_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
