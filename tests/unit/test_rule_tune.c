/* The search for parameters of rules on made-up records, its file; and that rules leave the text
 * alone. */
#include "tests/support/tiny_env.h"

#include <math.h>
#include <unistd.h>

#include "agents/fixed.h"
#include "tests/support/made_trace.h"
#include "trainer/rule_tune.h"

enum { TEXTS = 6 };

static ltd_err err;

/* --- over records --- */

typedef struct records {
    ltd_trace trace;
    ltd_prompts *prompts;
    ltd_cost cost;
    ltd_cycle *cycle;
    ltd_env *env;
} records;

static records *open_records(void)
{
    records *r = calloc(1, sizeof *r);
    ltd_prompt list[TEXTS];
    made_trace(&r->trace, 9, TEXTS, 120, 3);
    for (int i = 0; i < TEXTS; i++)
        list[i] = (ltd_prompt){.category = "",
                               .task = "made up",
                               .text = "",
                               .ids = r->trace.text[i].token,
                               .n = MADE_TRACE_PROMPT};
    r->cost = (ltd_cost){.t_ar_ms = 1,
                         .n_verify = 2,
                         .verify = {{1, 32, 1, 1}, {17, 32, 3, 3}},
                         .n_draft = 2,
                         .draft = {{1, 32, 0.1f, 0.1f}, {MADE_TRACE_TOP_K, 32, 0.15f, 0.15f}}};
    ltd_cycle_options c = {.trace = &r->trace,
                           .clock = ltd_clock_monotonic(),
                           .context = 256,
                           .top_k = MADE_TRACE_TOP_K,
                           .max_forwards = 3,
                           .max_size = 16,
                           .lookup = true,
                           .lookup_min_match = 1,
                           .lookup_max_chain = 6};
    ltd_env_options o = {.cost = &r->cost,
                         .clock_table = true,
                         .max_forwards = 3,
                         .sizes = {0, 1, 2, 4, 8, 16},
                         .n_sizes = 6,
                         .max_new = 100,
                         .reward = LTD_REWARD_RATIO,
                         .reward_scale = 1};
    if (ltd_prompts_copy(&r->prompts, list, TEXTS, &err) < 0 ||
        ltd_cost_finish(&r->cost, &err) < 0 || ltd_cycle_new(&r->cycle, &c, &err) < 0)
        fail_msg("%s", err.msg);
    o.cycle = r->cycle;
    o.prompts = r->prompts;
    if (ltd_env_open(&r->env, &o, &err) < 0) fail_msg("%s", err.msg);
    return r;
}

static void close_records(records *r)
{
    ltd_env_close(r->env);
    ltd_cycle_free(r->cycle);
    ltd_prompts_free(r->prompts);
    ltd_trace_fini(&r->trace);
    free(r);
}

static double pace(ltd_env *env, const ltd_rule *rule, const float *param)
{
    ltd_agent *agent;
    double ret = 0;
    if (ltd_agent_rule_new(&agent, rule, param, &err) < 0 ||
        ltd_rule_pace(env, agent, &ret, &err) < 0)
        fail_msg("%s", err.msg);
    ltd_agent_free(agent);
    return ret;
}

static void the_better_of_two_settings_is_found(void **state)
{
    (void)state;
    records *r = open_records();
    ltd_rule rule = *ltd_rule_find("conf");
    float param[LTD_RULE_PARAMS];
    for (int32_t i = 0; i < rule.n_params; i++) rule.param[i].n = 1;
    ltd_rule_param *v = &rule.param[2];
    assert_string_equal(v->name, "V");
    v->n = 2;
    double speed[2];
    for (int first = 0; first < 2; first++) {
        v->value[0] = first ? 16 : 2;
        v->value[1] = first ? 2 : 16;
        ltd_rule_defaults(&rule, param);
        speed[first] = 1 / pace(r->env, &rule, param);
    }
    assert_true(speed[0] != speed[1]);
    for (int first = 0; first < 2; first++) {
        ltd_rule_setting found;
        v->value[0] = first ? 16 : 2;
        v->value[1] = first ? 2 : 16;
        assert_int_equal(ltd_rule_search(r->env, &rule, &found, &err), 0);
        assert_true(found.param[2] == (speed[0] > speed[1] ? 2 : 16));
        assert_true(fabs(found.speedup - fmax(speed[0], speed[1])) < 1e-9);
        assert_true(fabs(found.before - speed[first]) < 1e-9);
        assert_true(found.tries > 1);
    }
    close_records(r);
}

static void the_search_repeats_itself_and_never_loses(void **state)
{
    (void)state;
    records *r = open_records();
    const char *const names[] = {"switch", "goodput", "bandit"};
    for (int i = 0; i < 3; i++) {
        ltd_rule_setting a, b;
        assert_int_equal(ltd_rule_search(r->env, ltd_rule_find(names[i]), &a, &err), 0);
        assert_int_equal(ltd_rule_search(r->env, ltd_rule_find(names[i]), &b, &err), 0);
        assert_true(a.speedup >= a.before);
        assert_memory_equal(a.param, b.param, sizeof a.param);
        assert_true(a.speedup == b.speedup && a.tries == b.tries);
    }
    close_records(r);
}

/* --- the file --- */

static void a_set_is_read_back_as_it_was(void **state)
{
    (void)state;
    char path[] = "/tmp/ltd-rules-XXXXXX";
    int fd = mkstemp(path);
    ltd_rule_set a = {.n = 0, .identity = "machine m", .tuned_on = "3 of 4"}, b;
    const char *const names[] = {"switch", "svip"};
    assert_true(fd >= 0);
    close(fd);
    for (int i = 0; i < 2; i++) {
        ltd_rule_setting *s = &a.rule[a.n++];
        s->rule = ltd_rule_find(names[i]);
        ltd_rule_defaults(s->rule, s->param);
        s->speedup = 1.75 + i;
        s->before = 1.5;
        s->tries = 12;
    }
    a.rule[1].param[3] = 0.35f;
    assert_int_equal(ltd_rules_save(&a, path, &err), 0);
    b = (ltd_rule_set){.identity = "machine m"};
    if (ltd_rules_load(&b, path, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(b.n, 2);
    assert_string_equal(b.tuned_on, "3 of 4");
    for (int i = 0; i < 2; i++) {
        const ltd_rule_setting *x = ltd_rules_find(&a, names[i]), *y = ltd_rules_find(&b, names[i]);
        assert_memory_equal(x->param, y->param, sizeof x->param);
        assert_true(x->speedup == y->speedup && x->before == y->before && x->tries == y->tries);
    }
    assert_null(ltd_rules_find(&b, "conf"));
    b = (ltd_rule_set){.identity = "machine n"};
    assert_int_equal(ltd_rules_load(&b, path, &err), LTD_EINVAL);
    assert_int_equal(b.n, 0);
    unlink(path);
    assert_int_equal(ltd_rules_load(&b, path, &err), LTD_EIO);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void what_is_not_known_is_passed_over(void **state)
{
    (void)state;
    char path[] = "/tmp/ltd-rules-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_text(path, "{\"version\": 1, \"identity\": \"x\", \"tuned_on\": \"y\", \"rules\": ["
                     "{\"rule\": \"unheard of\"},"
                     "{\"rule\": \"lookup\", \"speedup\": 1, \"before\": 1, \"tries\": 1, "
                     "\"param\": {\"g\": 2, \"other\": 3}}]}");
    ltd_rule_set set = {.identity = "x"};
    assert_int_equal(ltd_rules_load(&set, path, &err), 0);
    assert_int_equal(set.n, 0);
    write_text(path, "{\"version\": 1, \"identity\": \"x\", \"tuned_on\": \"y\", \"rules\": ["
                     "{\"rule\": \"lookup\", \"speedup\": \"fast\"}]}");
    assert_int_equal(ltd_rules_load(&set, path, &err), LTD_EFORMAT);
    unlink(path);
}

/* --- live --- */

static void rules_leave_the_text_alone(void **state)
{
    (void)state;
    tiny_env *t = tiny_open();
    ltd_env *env = tiny_env_open(t, NULL, NULL);
    for (int32_t i = -1; i < ltd_rule_count(); i++) {
        static ltd_tokens plain[5];
        float param[LTD_RULE_PARAMS];
        ltd_agent *agent;
        ltd_player player;
        ltd_run run;
        ltd_tokens text = LTD_TOKENS_INIT;
        if (i >= 0) ltd_rule_defaults(ltd_rule_at(i), param);
        int rc = i < 0 ? ltd_agent_fixed_new(&agent, "plain", 0, 0, &err)
                       : ltd_agent_rule_new(&agent, ltd_rule_at(i), param, &err);
        if (rc < 0 || ltd_player_init(&player, env, agent, &err) < 0) fail_msg("%s", err.msg);
        for (int32_t p = 0; p < 5; p++) {
            if (ltd_run_prompt(&player, p, &run, i < 0 ? &plain[p] : &text, &err) < 0)
                fail_msg("%s: %s", agent->name, err.msg);
            if (i < 0) continue;
            assert_int_equal(text.n, plain[p].n);
            assert_memory_equal(text.ids, plain[p].ids, text.n * sizeof *text.ids);
        }
        for (int32_t p = 0; i == ltd_rule_count() - 1 && p < 5; p++) ltd_tokens_fini(&plain[p]);
        ltd_tokens_fini(&text);
        ltd_player_fini(&player);
        ltd_agent_free(agent);
    }
    tiny_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_better_of_two_settings_is_found),
        cmocka_unit_test(the_search_repeats_itself_and_never_loses),
        cmocka_unit_test(a_set_is_read_back_as_it_was),
        cmocka_unit_test(what_is_not_known_is_passed_over),
        cmocka_unit_test(rules_leave_the_text_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
