/* The search for parameters of rules on made-up records, training of nets, their file; and that
 * rules leave the text alone. */
#include "tests/support/tiny_env.h"

#include <math.h>
#include <unistd.h>

#include "agents/fixed.h"
#include "env/cost_file.h"
#include "tests/support/made_trace.h"
#include "trainer/tune/rule_train.h"
#include "trainer/tune/rule_tune.h"

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

/* --- nets --- */

static const char *const trained[] = {"specdec++", "disco", "c2t", "resps"};
enum { TRAINED = 4 };

/* Samples of the first level are those of the record's positions, and say what the text says. */
static void samples_say_whether_the_draft_was_right(void **state)
{
    (void)state;
    records *r = open_records();
    ltd_rule_samples s;
    if (ltd_rule_samples_collect(&s, r->env, ltd_rule_find("disco"), &err) < 0)
        fail_msg("%s", err.msg);
    int first = 0, deeper = 0, right = 0;
    for (int64_t i = 0; i < s.n; i++) {
        const float *x = s.x + i * s.inputs;
        bool found = false;
        deeper += x[11] > 0.125f;
        if (x[11] != 0.125f) continue;
        first++;
        right += s.yes[i];
        for (int32_t t = 0; t < TEXTS && !found; t++)
            for (int32_t p = 0; p < r->trace.text[t].positions && !found; p++) {
                const ltd_trace_text *text = &r->trace.text[t];
                size_t at = (size_t)p * (size_t)ltd_trace_rows(&r->trace);
                found = expf(text->draft_logp[at]) == x[0];
                if (found)
                    assert_int_equal(s.yes[i],
                                     text->draft_token[at] == text->token[text->prompt + p + 1]);
            }
        assert_true(found);
    }
    assert_true(first > 50 && right > 10 && right < first);
    assert_true(deeper > 10 && deeper <= 2 * right); /* only where the level before was right */
    ltd_rule_samples_fini(&s);
    close_records(r);
}

static void nodes_on_the_text_are_right(void **state)
{
    (void)state;
    records *r = open_records();
    ltd_rule_samples s;
    if (ltd_rule_samples_collect(&s, r->env, ltd_rule_find("c2t"), &err) < 0)
        fail_msg("%s", err.msg);
    int right = 0;
    for (int64_t i = 0; i < s.n; i++) right += s.yes[i];
    assert_int_equal(s.inputs, 3);
    assert_true(right > s.n / 50 && right < s.n / 2);
    ltd_rule_samples_fini(&s);
    close_records(r);
}

static void read_net(const ltd_mlp *net, float *ret)
{
    for (int32_t l = 0; l < 2; l++) {
        int32_t in = ltd_mlp_dim(net, l), out = ltd_mlp_dim(net, l + 1);
        assert_int_equal(ltd_mlp_get(net, l, ret, ret + in * out, &err), 0);
        ret += (in + 1) * out;
    }
}

enum { FLOATS = 4096 };

static void a_seed_trains_the_same_net(void **state)
{
    (void)state;
    records *r = open_records();
    for (int i = 0; i < TRAINED; i++) {
        static float w[3][FLOATS];
        memset(w, 0, sizeof w);
        for (int k = 0; k < 3; k++) {
            ltd_mlp *net;
            if (ltd_rule_train(&net, r->env, ltd_rule_find(trained[i]), k < 2 ? 3 : 4, &err) < 0)
                fail_msg("%s", err.msg);
            assert_true(ltd_rule_net_fits(ltd_rule_find(trained[i]), net));
            read_net(net, w[k]);
            ltd_mlp_free(net);
        }
        assert_memory_equal(w[0], w[1], sizeof w[0]);
        assert_memory_not_equal(w[0], w[2], sizeof w[0]);
    }
    close_records(r);
}

static double pace_of(records *r, ltd_agent *agent)
{
    double ret;
    if (ltd_rule_pace(r->env, agent, &ret, &err) < 0) fail_msg("%s", err.msg);
    ltd_agent_free(agent);
    return ret;
}

/* The prompts it learns from are all it plays: it must come near the best fixed setting. */
static void ppo_finds_a_good_setting(void **state)
{
    (void)state;
    static const int32_t depths[] = {1, 2, 3}, sizes[] = {2, 4, 8};
    records *r = open_records();
    const ltd_rule *rule = ltd_rule_find("resps");
    float param[LTD_RULE_PARAMS];
    ltd_agent *agent;
    ltd_mlp *net;
    double plain, best = HUGE_VAL;
    assert_int_equal(ltd_agent_fixed_new(&agent, "plain", 0, 0, &err), 0);
    plain = pace_of(r, agent);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(ltd_agent_fixed_new(&agent, "x", depths[i / 3], sizes[i % 3], &err), 0);
        best = fmin(best, pace_of(r, agent));
    }
    assert_true(best < 0.9 * plain);
    if (ltd_rule_train(&net, r->env, rule, 1, &err) < 0) fail_msg("%s", err.msg);
    ltd_rule_train_params(rule, param);
    param[0] = 0; /* no lookup in front, as in the fixed ones */
    assert_int_equal(ltd_agent_trained_new(&agent, rule, param, net, &err), 0);
    double learned = pace_of(r, agent);
    if (learned > 1.01 * best) fail_msg("%g, plain %g, best %g", learned, plain, best);
    ltd_mlp_free(net);
    close_records(r);
}

static void the_search_trains_the_net_it_needs(void **state)
{
    (void)state;
    records *r = open_records();
    ltd_rule rule = *ltd_rule_find("disco");
    ltd_rule_setting found = {0};
    for (int32_t i = 0; i < rule.n_params; i++) rule.param[i].n = 1;
    if (ltd_rule_search(r->env, &rule, &found, &err) < 0) fail_msg("%s", err.msg);
    assert_true(ltd_rule_net_fits(&rule, found.net));
    assert_true(found.speedup > 0);
    ltd_mlp_free(found.net);
    close_records(r);
}

static void nets_are_not_trained_without_records(void **state)
{
    (void)state;
    tiny_env *t = tiny_open();
    ltd_mlp *net;
    ltd_env *env = tiny_env_open(t, NULL, NULL);
    assert_int_equal(ltd_rule_train(&net, env, ltd_rule_find("disco"), 1, &err), LTD_EINVAL);
    assert_null(net);
    assert_int_equal(ltd_rule_train(&net, env, ltd_rule_find("conf"), 1, &err), LTD_EINVAL);
    tiny_close(t);
}

/* --- the file --- */

static ltd_mlp *random_net(const ltd_rule *rule, uint64_t seed)
{
    static float w[FLOATS];
    ltd_mlp *net;
    ltd_rng rng;
    const int32_t dims[] = {rule->net.inputs, rule->net.hidden, rule->net.outputs};
    ltd_rng_seed(&rng, seed, LTD_STREAM_TEST);
    for (int i = 0; i < FLOATS; i++) w[i] = ltd_rng_normal(&rng);
    if (!rule->net.inputs) return NULL;
    assert_int_equal(ltd_mlp_new(&net, dims, 2, LTD_ACT_TANH, &err), 0);
    for (int32_t l = 0; l < 2; l++) assert_int_equal(ltd_mlp_set(net, l, w + l, w, &err), 0);
    return net;
}

static void a_net_is_read_back_to_the_bit(void **state)
{
    (void)state;
    char path[] = "/tmp/ltd-rules-XXXXXX";
    int fd = mkstemp(path);
    ltd_rule_set a = {.n = TRAINED, .identity = "machine m", .tuned_on = "3 of 4"};
    ltd_rule_set b = {.identity = "machine m"};
    static float w[2][FLOATS];
    assert_true(fd >= 0);
    close(fd);
    for (int i = 0; i < TRAINED; i++) {
        a.rule[i].rule = ltd_rule_find(trained[i]);
        ltd_rule_defaults(a.rule[i].rule, a.rule[i].param);
        a.rule[i].net = random_net(a.rule[i].rule, (uint64_t)i);
    }
    assert_int_equal(ltd_rules_save(&a, path, &err), 0);
    if (ltd_rules_load(&b, path, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(b.n, TRAINED);
    for (int i = 0; i < TRAINED; i++) {
        memset(w, 0, sizeof w);
        read_net(a.rule[i].net, w[0]);
        read_net(ltd_rules_find(&b, trained[i])->net, w[1]);
        assert_memory_equal(w[0], w[1], sizeof w[0]);
    }
    ltd_rules_fini(&a);
    ltd_rules_fini(&b);
    assert_int_equal(b.n, 0);
    unlink(path);
}

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
    const char *const nets[] = {"", ", \"net\": []",
                                ", \"net\": [{\"weight\": [1], \"bias\": [2]}, {}]"};
    for (int i = 0; i < 3; i++) { /* none, and two of another shape */
        char text[512];
        snprintf(text, sizeof text,
                 "{\"version\": 1, \"identity\": \"x\", \"tuned_on\": \"y\", \"rules\": ["
                 "{\"rule\": \"disco\", \"speedup\": 1, \"before\": 1, \"tries\": 1, "
                 "\"param\": {\"g\": 2, \"m\": 3, \"V\": 4, \"th\": 0.5}%s}]}",
                 nets[i]);
        write_text(path, text);
        assert_int_equal(ltd_rules_load(&set, path, &err), 0);
        assert_int_equal(set.n, 0);
    }
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
        ltd_mlp *net = i < 0 ? NULL : random_net(ltd_rule_at(i), 7);
        if (i >= 0) ltd_rule_defaults(ltd_rule_at(i), param);
        int rc = i < 0 ? ltd_agent_fixed_new(&agent, "plain", 0, 0, &err)
                       : ltd_agent_trained_new(&agent, ltd_rule_at(i), param, net, &err);
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
        ltd_mlp_free(net);
    }
    tiny_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_better_of_two_settings_is_found),
        cmocka_unit_test(the_search_repeats_itself_and_never_loses),
        cmocka_unit_test(samples_say_whether_the_draft_was_right),
        cmocka_unit_test(nodes_on_the_text_are_right),
        cmocka_unit_test(a_seed_trains_the_same_net),
        cmocka_unit_test(ppo_finds_a_good_setting),
        cmocka_unit_test(the_search_trains_the_net_it_needs),
        cmocka_unit_test(nets_are_not_trained_without_records),
        cmocka_unit_test(a_set_is_read_back_as_it_was),
        cmocka_unit_test(a_net_is_read_back_to_the_bit),
        cmocka_unit_test(what_is_not_known_is_passed_over),
        cmocka_unit_test(rules_leave_the_text_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
