/* Each rule against its formula, on trees made by hand; never an illegal action; the same twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agents/rules/trained.h"
#include "base/rng.h"
#include "env/tree_new.h"

/* What rules ask an environment, without one behind. */
struct ltd_env {
    ltd_env_options options;
    ltd_obs_state state;
    ltd_info last;
};

const ltd_obs_state *ltd_env_state(const ltd_env *env)
{
    return &env->state;
}

const ltd_env_options *ltd_env_get_options(const ltd_env *env)
{
    return &env->options;
}

const ltd_info *ltd_env_last(const ltd_env *env)
{
    return &env->last;
}

int32_t ltd_env_forwards(const ltd_env *env)
{
    return ltd_tree_forwards(env->state.tree);
}

ltd_cost_work ltd_env_work(const ltd_env *env, const ltd_info *info)
{
    (void)env;
    return (ltd_cost_work){info->forwards, 2, info->size, info->context, info->waiting};
}

enum { K = 2, SIZES = 7, FORWARDS = 8 };
static const int32_t sizes[SIZES] = {0, 1, 2, 3, 4, 8, 12};
static ltd_env env;
static ltd_agent *agent;
static ltd_mlp *net; /* of the rule that is played, when it needs one */

static int setup(void **state)
{
    (void)state;
    memset(&env, 0, sizeof env);
    env.options.max_forwards = FORWARDS;
    env.options.n_sizes = SIZES;
    memcpy(env.options.sizes, sizes, sizeof sizes);
    env.state.sizes = env.options.sizes;
    env.state.n_sizes = SIZES;
    return ltd_tree_new(&env.state.tree, K, FORWARDS, 8, 12, NULL);
}

static int teardown(void **state)
{
    (void)state;
    ltd_agent_free(agent);
    ltd_mlp_free(net);
    ltd_tree_free(env.state.tree);
    agent = NULL;
    net = NULL;
    return 0;
}

/* --- what the test says and hears --- */

/* The defaults, and after them pairs of name and value up to a NULL. */
static void play(const char *name, ...)
{
    const ltd_rule *rule = ltd_rule_find(name);
    float param[LTD_RULE_PARAMS];
    va_list args;
    assert_non_null(rule);
    ltd_rule_defaults(rule, param);
    va_start(args, name);
    for (const char *key; (key = va_arg(args, const char *));) {
        double value = va_arg(args, double);
        int32_t i = 0;
        while (i < rule->n_params && strcmp(rule->param[i].name, key) != 0) i++;
        if (i == rule->n_params) fail_msg("%s has no parameter %s", name, key);
        param[i] = (float)value;
    }
    va_end(args);
    ltd_agent_free(agent);
    assert_int_equal(ltd_agent_trained_new(&agent, rule, param, net, NULL), 0);
}

/* A net for the rule, all zero. */
static void open_net(const ltd_rule *rule)
{
    const int32_t dims[3] = {rule->net.inputs, rule->net.hidden, rule->net.outputs};
    ltd_mlp_free(net);
    net = NULL;
    if (rule->net.inputs) assert_int_equal(ltd_mlp_new(&net, dims, 2, LTD_ACT_TANH, NULL), 0);
}

/* Output `output` becomes gain tanh(x[input]) + bias. */
static void set_net(int32_t output, int32_t input, float gain, float bias)
{
    static float w[LTD_RULE_INPUTS * LTD_RULE_INPUTS], b[LTD_RULE_INPUTS];
    assert_int_equal(ltd_mlp_get(net, 0, w, b, NULL), 0);
    w[output * ltd_mlp_dim(net, 0) + input] = 1; /* hidden unit `output` */
    assert_int_equal(ltd_mlp_set(net, 0, w, b, NULL), 0);
    assert_int_equal(ltd_mlp_get(net, 1, w, b, NULL), 0);
    w[output * ltd_mlp_dim(net, 1) + output] = gain;
    b[output] = bias;
    assert_int_equal(ltd_mlp_set(net, 1, w, b, NULL), 0);
}

static void random_net(const ltd_rule *rule, ltd_rng *rng)
{
    static float w[LTD_RULE_INPUTS * LTD_RULE_INPUTS], b[LTD_RULE_INPUTS];
    open_net(rule);
    for (int32_t l = 0; net && l < 2; l++) {
        for (size_t i = 0; i < sizeof w / sizeof w[0]; i++) w[i] = ltd_rng_normal(rng);
        for (int32_t i = 0; i < LTD_RULE_INPUTS; i++) b[i] = ltd_rng_normal(rng);
        assert_int_equal(ltd_mlp_set(net, l, w, b, NULL), 0);
    }
}

/* A cycle begins with a lookup match of `match` tokens, whose chain survives with p[n]. */
static void begin(int32_t match, const float *p, int32_t n)
{
    int32_t token[8];
    float score[8];
    for (int32_t i = 0; i < n; i++) {
        token[i] = 50 + i;
        score[i] = logf(p[i]);
    }
    ltd_tree_reset(env.state.tree);
    ltd_tree_add_chain(env.state.tree, 4, token, score, n);
    env.state.match = match;
    env.state.chain = n;
}

static bool goes(void)
{
    uint8_t mask[2] = {1, 1};
    ltd_step step = {.mask = mask, .turn = LTD_TURN_DEPTH, .n_actions = 2};
    return agent->decide(agent, &env, &step, NULL) == LTD_DEPTH_CONTINUE;
}

/* The size it takes of those the pool allows. */
static int32_t size(void)
{
    uint8_t mask[SIZES];
    int32_t pool = ltd_tree_count(env.state.tree);
    for (int32_t i = 0; i < SIZES; i++) mask[i] = sizes[i] <= pool || i == 0 || sizes[i - 1] < pool;
    ltd_step step = {.mask = mask, .turn = LTD_TURN_SIZE, .n_actions = SIZES};
    float logprob = 9;
    int32_t action = agent->decide(agent, &env, &step, &logprob);
    assert_true(logprob == 0 && mask[action]);
    return sizes[action];
}

/* One forward: every row says p for its first child, q for its second. */
static void draft(float p, float q)
{
    int32_t token[K * K] = {1, 2, 3, 4};
    float logp[K * K] = {logf(p), logf(q), logf(p), logf(q)};
    assert_int_equal(ltd_tree_grow(env.state.tree, token, logp), 0);
}

/* Forwards of a cycle without a match, whose rows say .6 and .1. */
static int32_t forwards(void)
{
    begin(0, NULL, 0);
    int32_t n = 0;
    for (; n < FORWARDS && goes(); n++) draft(0.6f, 0.1f);
    env.last.forwards = n;
    return n;
}

static void ended(int32_t accepted, uint64_t ns)
{
    env.last.accept_len = accepted + 1;
    env.last.cycle_ns = ns;
    env.last.size = 1;
}

/* --- rules --- */

static void table_is_sound(void **state)
{
    (void)state;
    char text[128];
    assert_null(ltd_rule_find("no such rule"));
    assert_null(ltd_rule_at(-1));
    assert_null(ltd_rule_at(ltd_rule_count()));
    for (int32_t i = 0; i < ltd_rule_count(); i++) {
        const ltd_rule *r = ltd_rule_at(i);
        float param[LTD_RULE_PARAMS];
        assert_ptr_equal(ltd_rule_find(r->name), r);
        assert_true(strlen(r->name) < 32 && r->formula[0] && r->source[0]);
        assert_in_range(r->n_params, 1, LTD_RULE_PARAMS);
        for (int32_t p = 0; p < r->n_params; p++) {
            assert_true(r->param[p].name[0] && r->param[p].meaning[0]);
            assert_in_range(r->param[p].n, 1, LTD_RULE_VALUES);
        }
        ltd_rule_defaults(r, param);
        assert_true(strlen(ltd_rule_text(r, param, text, sizeof text)) < sizeof text - 1);
        assert_in_range(r->net.inputs, 0, LTD_RULE_INPUTS);
        assert_in_range(r->net.outputs, 0, LTD_RULE_OUTPUTS);
        param[0] = NAN;
        assert_int_equal(ltd_agent_rule_new(&agent, r, param, NULL), LTD_EINVAL);
        assert_null(agent);
    }
    const ltd_rule *lookup = ltd_rule_find("lookup");
    assert_string_equal(ltd_rule_text(lookup, (float[]){2, 6}, text, sizeof text), "g 2, m 6");
    assert_string_equal(ltd_rule_text(lookup, (float[]){2, 6}, text, 5), "g 2,");
}

static void the_document_lists_every_rule(void **state)
{
    (void)state;
    static char text[1 << 16];
    char path[1024], row[64];
    const char *root = getenv("LTD_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/docs/opponents.md", root ? root : ".");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    for (int32_t i = 0; i < ltd_rule_count(); i++) {
        snprintf(row, sizeof row, "\n| `%s` | ", ltd_rule_at(i)->name);
        const char *line = strstr(text, row);
        if (!line) fail_msg("docs/opponents.md has no row of %s", ltd_rule_at(i)->name);
        for (int32_t p = 0; p < ltd_rule_at(i)->n_params; p++)
            assert_non_null(strstr(line, ltd_rule_at(i)->param[p].name));
    }
}

static void lookup_verifies_long_matches(void **state)
{
    (void)state;
    const float p[4] = {0.9f, 0.8f, 0.7f, 0.6f};
    play("lookup", "g", 3.0, "m", 2.0, NULL);
    begin(3, p, 4);
    assert_false(goes());
    assert_int_equal(size(), 2);
    begin(2, p, 4);
    assert_false(goes());
    assert_int_equal(size(), 0);
}

static void every_rule_has_the_second_source(void **state)
{
    (void)state;
    const float p[4] = {0.9f, 0.8f, 0.7f, 0.6f};
    play("conf", "g", 3.0, "m", 3.0, "V", 1.0, NULL);
    begin(3, p, 4);
    assert_false(goes());
    assert_int_equal(size(), 3);
    begin(2, p, 4);
    assert_true(goes());
    draft(0.3f, 0.1f);
    assert_false(goes());
    assert_int_equal(size(), 1);
    play("conf", "g", 0.0, NULL); /* never */
    begin(60, p, 4);
    assert_true(goes());
}

static void two_thresholds(void **state)
{
    (void)state;
    play("two-threshold", "a", 0.6, "b", 0.15, "most", 3.0, NULL);
    begin(0, NULL, 0);
    assert_true(goes());
    draft(0.7f, 0.2f);
    assert_true(goes()); /* .7 */
    draft(0.7f, 0.2f);
    assert_false(goes());        /* .49 */
    assert_int_equal(size(), 3); /* .7 .49 .2, not .14 .14 .04 */
    play("two-threshold", "a", 0.6, "b", 0.3, "most", 8.0, NULL);
    assert_int_equal(size(), 2);
}

static void switch_has_two_levels(void **state)
{
    (void)state;
    const float p[8] = {0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.4f, 0.3f, 0.2f};
    play("switch", "g", 3.0, "m", 2.0, "g2", 6.0, "m2", 8.0, "a", 0.5, "b", 0.3, NULL);
    begin(6, p, 8);
    assert_false(goes());
    assert_int_equal(size(), 8);
    begin(5, p, 8);
    assert_false(goes());
    assert_int_equal(size(), 2);
    begin(2, p, 1);
    assert_true(goes());
    draft(0.4f, 0.1f);
    assert_false(goes());
    assert_int_equal(size(), 2); /* .9 of the chain, .4 of the head */
}

static void ddd_asks_the_beam_now_and_then(void **state)
{
    (void)state;
    begin(0, NULL, 0);
    play("ddd", "theta", -0.3, "first", 1.0, "every", 1.0, NULL);
    assert_true(goes());
    draft(0.7f, 0.1f); /* ln .8 = -.223 */
    assert_true(goes());
    play("ddd", "theta", -0.2, "first", 1.0, "every", 1.0, NULL);
    assert_false(goes());
    play("ddd", "theta", -0.2, "first", 2.0, "every", 1.0, NULL);
    assert_true(goes());
    draft(0.7f, 0.1f);
    assert_false(goes());
    play("ddd", "theta", -0.2, "first", 1.0, "every", 2.0, NULL);
    assert_true(goes()); /* between two checks */
    play("ddd", "theta", -0.2, "first", 1.0, "every", 1.0, "last", 1.0, NULL);
    assert_true(goes()); /* behind the last one */
    play("ddd", "theta", -0.2, "first", 1.0, "every", 1.0, "last", 2.0, NULL);
    assert_false(goes());
}

static void entropy_rules(void **state)
{
    (void)state;
    begin(0, NULL, 0);
    draft(0.7f, 0.2f); /* H of .7 .2 .1 = .8018: sqrt(.15 H) = .3468, sqrt(.2 H) = .4005 */
    play("svip", "h", 0.35, NULL);
    assert_true(goes());
    play("svip", "h", 0.34, NULL);
    assert_false(goes());
    play("conf", "th", 0.69, NULL);
    assert_true(goes());
    play("conf", "th", 0.71, NULL);
    assert_false(goes());
}

static void adaedl_follows_the_acceptance_rate(void **state)
{
    (void)state;
    play("adaedl", "alpha", 0.9, "gamma", 0.2, "lambda", 0.599, NULL);
    begin(0, NULL, 0);
    assert_true(goes());
    draft(0.7f, 0.2f);
    assert_true(goes()); /* 1 - .4005 */
    ended(0, 1);
    env.last.forwards = 2;
    begin(0, NULL, 0);
    assert_true(goes());
    draft(0.7f, 0.2f);
    assert_false(goes()); /* too few were accepted: lambda .600 */
}

static void opt_tree_weighs_what_was_added(void **state)
{
    (void)state;
    for (int twice = 0; twice < 2; twice++) {
        play("opt-tree", "V", 2.0, "delta", twice ? 0.95 : 0.85, NULL);
        begin(0, NULL, 0);
        assert_true(goes());
        draft(0.7f, 0.2f); /* E 1 -> 1.9 */
        assert_int_equal(goes(), !twice);
    }
}

static void history_rules_follow_what_was_accepted(void **state)
{
    (void)state;
    play("ema", "start", 1.0, "per", 1.0, NULL);
    assert_int_equal(forwards(), 3);
    for (int i = 0; i < 20; i++) {
        ended(0, 1);
        forwards();
    }
    assert_int_equal(forwards(), 1);
    for (int i = 0; i < 40; i++) {
        ended(env.last.forwards, 1);
        forwards();
    }
    assert_int_equal(env.last.forwards, 7);
    play("hf2-1", "start", 2.0, NULL);
    assert_int_equal(forwards(), 2);
    ended(2, 1);
    assert_int_equal(forwards(), 4);
    ended(3, 1);
    assert_int_equal(forwards(), 3);
    for (int i = 0; i < 9; i++) {
        ended(0, 1);
        forwards();
    }
    assert_int_equal(env.last.forwards, 1);
    play("gammatune", "eta", 0.4, "room", 0.0, NULL);
    assert_int_equal(forwards(), 2);
    for (int i = 0; i < 20; i++) {
        ended(4, 1);
        env.last.forwards = FORWARDS;
        forwards();
    }
    assert_int_equal(env.last.forwards, 4);
}

/* The bounds and the start that LTD plays it with, of a default depth of 4. */
static void gammatune_keeps_within_its_bounds(void **state)
{
    (void)state;
    play("gammatune", "eta", 0.2, "start", 4.0, "least", 2.0, "most", 6.0, NULL);
    assert_int_equal(forwards(), 4);
    for (int i = 0; i < 40; i++) {
        ended(0, 1); /* nothing was right */
        forwards();
    }
    assert_int_equal(env.last.forwards, 2);
    for (int i = 0; i < 40; i++) {
        ended(env.last.forwards, 1); /* all of it */
        forwards();
    }
    assert_int_equal(env.last.forwards, 6);
    ended(1, 1);
    assert_int_equal(forwards(), 6); /* .8 x 7 + .2 x 1 = 5.8 */
}

/* A world where 3 forwards are fast; cycles by forwards in the last quarter. */
static void fast_at_three(int cycles, int *count)
{
    for (int i = 0; i < cycles; i++) {
        int32_t n = forwards();
        if (i >= cycles * 3 / 4) count[n]++;
        ended(1, n == 3 ? 1000 : 2000);
    }
}

static void bandits_find_what_is_fast(void **state)
{
    (void)state;
    int count[FORWARDS + 1] = {0};
    play("bandit", "c", 0.1, NULL);
    assert_int_equal(forwards(), 0); /* plain decoding is an arm, and the first */
    fast_at_three(1000, count);
    assert_true(count[3] > 200);
    memset(count, 0, sizeof count);
    play("eps", "eps", 0.05, NULL);
    fast_at_three(1000, count);
    assert_true(count[3] > 200);
}

static void tapout_tries_its_rules(void **state)
{
    (void)state;
    int count[FORWARDS + 1] = {0};
    play("tapout", "V", 2.0, NULL);
    for (int i = 0; i < 200; i++) {
        count[forwards()]++;
        ended(1, 1);
    }
    /* svip stops after 1 forward, ddd after 4: it has more rules than one, and each was tried. */
    assert_true(count[1] > 0 && count[4] > 0);
}

static void goodput_weighs_tokens_and_cost(void **state)
{
    (void)state; /* without a cost table a cycle costs 1 + .05 V + .15 n */
    const float p[3] = {0.99f, 0.98f, 0.97f};
    play("goodput", "beyond", 0.0, "eager", 0.0, NULL);
    begin(0, NULL, 0);
    assert_true(goes()); /* 1.6 / 1.2 > 1 */
    draft(0.7f, 0.05f);
    assert_int_equal(size(), 1); /* 1.7 / 1.2 = 1.417 > 1.75 / 1.25 = 1.4 */
    begin(0, NULL, 0);
    draft(0.7f, 0.2f);
    assert_int_equal(size(), 2); /* 1.9 / 1.25 = 1.52 */
    begin(0, NULL, 0);
    draft(0.04f, 0.03f);
    assert_false(goes());
    assert_int_equal(size(), 0); /* 1 / 1.15 = .870 > 1.04 / 1.2 = .867 */
    begin(9, p, 3);
    assert_false(goes());        /* nothing is left for the head */
    assert_int_equal(size(), 3); /* 3.94 / 1.15 */
}

/* --- trained rules --- */

static void a_trained_rule_needs_its_net(void **state)
{
    (void)state;
    float param[LTD_RULE_PARAMS];
    const ltd_rule *disco = ltd_rule_find("disco");
    ltd_rule_defaults(disco, param);
    assert_int_equal(ltd_agent_rule_new(&agent, disco, param, NULL), LTD_EINVAL);
    open_net(ltd_rule_find("c2t"));
    assert_int_equal(ltd_agent_trained_new(&agent, disco, param, net, NULL), LTD_EINVAL);
    assert_int_equal(ltd_agent_trained_new(&agent, ltd_rule_find("conf"), param, net, NULL),
                     LTD_EINVAL);
    assert_null(agent);
}

static void specdecpp_multiplies_what_its_head_says(void **state)
{
    (void)state;
    open_net(ltd_rule_find("specdec++"));
    set_net(0, 0, 0, logf(4)); /* each level is right with .8 */
    play("specdec++", "h", 0.4, "least", 1.0, "V", 3.0, NULL);
    assert_int_equal(forwards(), 3); /* 1 - .64 <= .4 < 1 - .512 */
    assert_int_equal(forwards(), 3); /* each cycle anew */
    assert_int_equal(size(), 3);
    play("specdec++", "h", 0.1, "least", 2.0, NULL);
    assert_int_equal(forwards(), 2);
    play("specdec++", "h", 0.95, NULL);
    assert_int_equal(forwards(), FORWARDS);
    set_net(0, 0, 40, -40 * tanhf(0.5f)); /* by ln p of the likeliest: above e^-4 */
    play("specdec++", "h", 0.5, "least", 1.0, NULL);
    begin(0, NULL, 0);
    assert_true(goes());
    draft(0.03f, 0.01f);
    assert_true(goes());
    draft(0.01f, 0.005f);
    assert_false(goes());
}

static void disco_looks_at_the_last_level(void **state)
{
    (void)state;
    open_net(ltd_rule_find("disco"));
    set_net(0, 0, 40, -40 * tanhf(0.5f)); /* p1 */
    play("disco", "th", 0.5, "V", 2.0, NULL);
    begin(0, NULL, 0);
    assert_true(goes());
    draft(0.55f, 0.1f);
    assert_true(goes());
    draft(0.45f, 0.1f);
    assert_false(goes());
    assert_int_equal(size(), 2);
    open_net(ltd_rule_find("disco"));
    set_net(0, 10, -40, 40 * tanhf(0.8f)); /* entropy */
    play("disco", "th", 0.5, NULL);
    begin(0, NULL, 0);
    draft(0.8f, 0.1f); /* .64 */
    assert_true(goes());
    draft(0.6f, 0.2f); /* .95 */
    assert_false(goes());
    open_net(ltd_rule_find("disco"));
    set_net(0, 11, -40, 40 * tanhf(2.5f / 8)); /* forwards */
    play("disco", "th", 0.5, NULL);
    assert_int_equal(forwards(), 3);
}

static void c2t_keeps_what_its_net_keeps(void **state)
{
    (void)state;
    open_net(ltd_rule_find("c2t"));
    set_net(0, 0, 60, -60 * tanhf(1 + logf(0.3f) / 8)); /* survival above .3 */
    play("c2t", "keep", 0.5, "V", 8.0, "depth", 8.0, NULL);
    begin(0, NULL, 0);
    assert_true(goes());
    draft(0.6f, 0.35f);
    assert_true(goes());
    draft(0.6f, 0.35f); /* .36 .21 .21 .12 */
    assert_true(goes());
    draft(0.6f, 0.35f); /* .22 */
    assert_false(goes());
    assert_int_equal(size(), 3); /* .6 .36 .35 */
    play("c2t", "keep", 0.5, "V", 2.0, NULL);
    assert_int_equal(size(), 2);
    play("c2t", "keep", 0.5, "depth", 1.0, NULL);
    assert_int_equal(forwards(), 1);
    play("c2t", "keep", 0.5, "V", 8.0, "depth", 5.0, "least", 5.0, NULL);
    begin(0, NULL, 0);
    for (int i = 0; i < 5; i++) {
        assert_true(goes());
        draft(0.6f, 0.35f);
    }
    assert_false(goes());
    assert_int_equal(size(), 3); /* what stays is the same */
}

/* Each node goes by the row it was drafted in, also when later forwards have been made. */
static void c2t_knows_the_entropy_of_every_row(void **state)
{
    (void)state;
    open_net(ltd_rule_find("c2t"));
    set_net(0, 1, -60, 60 * tanhf(0.8f));
    play("c2t", "keep", 0.5, "V", 12.0, NULL);
    begin(0, NULL, 0);
    assert_true(goes());
    draft(0.8f, 0.1f); /* H = .64 */
    assert_true(goes());
    draft(0.4f, 0.35f); /* 1.08 */
    assert_false(goes());
    assert_int_equal(size(), 2); /* of six, those of the first row */
    begin(0, NULL, 0);
    assert_true(goes());
    draft(0.4f, 0.35f);
    assert_false(goes());
    draft(0.8f, 0.1f);
    assert_int_equal(size(), 4); /* those of the second */
}

static void resps_keeps_its_choice(void **state)
{
    (void)state;
    open_net(ltd_rule_find("resps"));
    set_net(1 + 1 * 6 + 2, 5, 0, 1);  /* 2 forwards, 4 nodes */
    set_net(1 + 2 * 6 + 3, 0, 60, 0); /* 3 forwards, 6 nodes, once there were forwards */
    play("resps", "keep", 3.0, NULL);
    for (int cycle = 0; cycle < 3; cycle++) {
        assert_int_equal(forwards(), 2);
        assert_int_equal(size(), 4);
        ended(1, 0);
    }
    assert_int_equal(forwards(), 3);
    assert_int_equal(size(), 4); /* 6 is not in the table */
}

typedef struct heard {
    int32_t choices, next;
    double pay;
} heard;

static int32_t take_next(void *ctx, const float *x, const float *y)
{
    (void)x;
    (void)y;
    ((heard *)ctx)->choices++;
    return ((heard *)ctx)->next;
}

static void note_pay(void *ctx, double reward)
{
    ((heard *)ctx)->pay = reward;
}

static void a_tutor_chooses_and_hears_what_came_of_it(void **state)
{
    (void)state; /* without a cost table a cycle costs 1 + .05 V + .15 n */
    heard h = {0, 1 + 1 * 6 + 0, -1};
    ltd_rule_tutor tutor = {&h, take_next, note_pay};
    const float p[4] = {0.9f, 0.8f, 0.7f, 0.6f};
    open_net(ltd_rule_find("resps"));
    play("resps", "keep", 2.0, "g", 3.0, "m", 4.0, NULL);
    ltd_rule_set_tutor(agent, &tutor);
    assert_int_equal(forwards(), 2);
    assert_int_equal(size(), 2);
    ended(2, 0);
    begin(3, p, 4); /* a cycle of prompt lookup does not count */
    assert_false(goes());
    assert_int_equal(size(), 4);
    ended(4, 0);
    h.next = 0;
    assert_int_equal(forwards(), 2);
    assert_int_equal(size(), 2);
    ended(0, 0);
    assert_int_equal(h.choices, 1);
    assert_true(h.pay < 0);
    assert_int_equal(forwards(), 0);
    assert_int_equal(size(), 0);
    assert_int_equal(h.choices, 2);
    assert_true(fabs(h.pay - (3 + 1) / (2 * 1.35)) < 1e-6); /* ended() says 1 node */
}

/* --- all of them --- */

static void random_cycle(ltd_rng *rng)
{
    float p[8], at = 1;
    int32_t n = (int32_t)ltd_rng_below(rng, 9);
    for (int32_t i = 0; i < n; i++) p[i] = at *= ltd_rng_f32(rng);
    begin(n ? 1 + (int32_t)ltd_rng_below(rng, 40) : 0, p, n);
    env.last = (ltd_info){.accept_len = 1 + (int32_t)ltd_rng_below(rng, 6),
                          .forwards = (int32_t)ltd_rng_below(rng, 6),
                          .size = (int32_t)ltd_rng_below(rng, 6),
                          .cycle_ns = ltd_rng_below(rng, 1000)};
}

static void random_mask(ltd_rng *rng, uint8_t *mask, int32_t n)
{
    for (int32_t i = 0; i < n; i++) mask[i] = (uint8_t)ltd_rng_below(rng, 2);
    mask[ltd_rng_below(rng, (uint64_t)n)] = 1;
}

/* One decision of two agents that saw the same. */
static int32_t ask_both(ltd_agent *other, ltd_turn turn, int32_t n, ltd_rng *rng)
{
    uint8_t mask[SIZES];
    random_mask(rng, mask, n);
    ltd_step step = {.mask = mask, .turn = turn, .n_actions = n};
    int32_t action = agent->decide(agent, &env, &step, NULL);
    assert_in_range(action, 0, n - 1);
    assert_true(mask[action]);
    assert_int_equal(other->decide(other, &env, &step, NULL), action);
    return action;
}

static void always_legal_and_repeatable(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 11, LTD_STREAM_TEST);
    for (int round = 0; round < 20 * ltd_rule_count(); round++) {
        const ltd_rule *r = ltd_rule_at(round % ltd_rule_count());
        float param[LTD_RULE_PARAMS];
        ltd_agent *other;
        for (int32_t i = 0; i < r->n_params; i++)
            param[i] = r->param[i].value[ltd_rng_below(&rng, (uint64_t)r->param[i].n)];
        ltd_agent_free(agent);
        random_net(r, &rng);
        assert_int_equal(ltd_agent_trained_new(&agent, r, param, net, NULL), 0);
        assert_int_equal(ltd_agent_trained_new(&other, r, param, net, NULL), 0);
        for (int cycle = 0; cycle < 60; cycle++) {
            random_cycle(&rng);
            for (int32_t n = 0; n < FORWARDS; n++) {
                if (ask_both(other, LTD_TURN_DEPTH, 2, &rng) == LTD_DEPTH_STOP) break;
                draft(0.2f + 0.7f * ltd_rng_f32(&rng), 0.1f * ltd_rng_f32(&rng));
            }
            ask_both(other, LTD_TURN_SIZE, SIZES, &rng);
        }
        ltd_agent_free(other);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(table_is_sound),
        TEST(the_document_lists_every_rule),
        TEST(lookup_verifies_long_matches),
        TEST(every_rule_has_the_second_source),
        TEST(two_thresholds),
        TEST(switch_has_two_levels),
        TEST(ddd_asks_the_beam_now_and_then),
        TEST(entropy_rules),
        TEST(adaedl_follows_the_acceptance_rate),
        TEST(opt_tree_weighs_what_was_added),
        TEST(history_rules_follow_what_was_accepted),
        TEST(gammatune_keeps_within_its_bounds),
        TEST(bandits_find_what_is_fast),
        TEST(tapout_tries_its_rules),
        TEST(goodput_weighs_tokens_and_cost),
        TEST(a_trained_rule_needs_its_net),
        TEST(specdecpp_multiplies_what_its_head_says),
        TEST(disco_looks_at_the_last_level),
        TEST(c2t_keeps_what_its_net_keeps),
        TEST(c2t_knows_the_entropy_of_every_row),
        TEST(resps_keeps_its_choice),
        TEST(a_tutor_chooses_and_hears_what_came_of_it),
        TEST(always_legal_and_repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
