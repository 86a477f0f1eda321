/* Exported headers, compiled into this program, against the environment and the agent: along real
 * cycles of the tiny model both see the same floats, decide the same and verify the same nodes. */
#include "tests/support/tiny_env.h"

#include <math.h>

#include "agents/export/cheader.h"
#include "base/file.h"
#include "header_both.h"
#include "header_depth.h"
#include "header_paper.h"
#include "header_size.h"
#include "tests/support/tiny_policy.h"

enum { CYCLES = 300 };

static const ltd_policy *as; /* what environments are opened for */

static void cycle_for_policy(ltd_cycle_options *o)
{
    o->lookup = as->lookup;
    o->survival = as->survival;
}

static void env_for_policy(ltd_env_options *o)
{
    o->depth_contract = as->depth_contract;
    o->size_contract = as->size_contract;
    o->n_sizes = as->n_sizes;
    memcpy(o->sizes, as->sizes, sizeof o->sizes);
    o->min_forwards = as->min_forwards;
    o->depth_every = as->depth_every;
    o->rate = (float)as->rate;
}

/* A policy of a header, whichever it is. */
typedef struct header_policy {
    void *state;
    void (*begin_text)(void *p);
    void (*begin)(void *p, int32_t context, int32_t waiting, const int32_t *chain, int32_t n,
                  int32_t match, int32_t distance);
    bool (*more)(void *p);
    void (*grow)(void *p, const int32_t *token, const float *logp);
    int32_t (*choose)(void *p, int32_t *node); /* pool indices; returns their number */
    void (*end)(void *p, int32_t accept_len);
    const float *(*obs)(void *p);
} header_policy;

#define HEADER(NAME)                                                                               \
    static NAME NAME##_state;                                                                      \
    static void NAME##_do_begin_text(void *p)                                                      \
    {                                                                                              \
        NAME##_begin_text(p);                                                                      \
    }                                                                                              \
    static void NAME##_do_begin(void *p, int32_t context, int32_t waiting, const int32_t *chain,   \
                                int32_t n, int32_t match, int32_t distance)                        \
    {                                                                                              \
        NAME##_begin(p, context, waiting, chain, n, match, distance);                              \
    }                                                                                              \
    static bool NAME##_do_more(void *p)                                                            \
    {                                                                                              \
        return NAME##_more(p);                                                                     \
    }                                                                                              \
    static void NAME##_do_grow(void *p, const int32_t *token, const float *logp)                   \
    {                                                                                              \
        NAME##_grow(p, token, logp);                                                               \
    }                                                                                              \
    static int32_t NAME##_do_choose(void *p, int32_t *node)                                        \
    {                                                                                              \
        const NAME##_selection *s = NAME##_choose(p, 1);                                           \
        memcpy(node, s->node, (size_t)s->n * sizeof *node);                                        \
        return s->n;                                                                               \
    }                                                                                              \
    static void NAME##_do_end(void *p, int32_t accept_len)                                         \
    {                                                                                              \
        NAME##_end(p, accept_len);                                                                 \
    }                                                                                              \
    static const float *NAME##_do_obs(void *p)                                                     \
    {                                                                                              \
        return ((NAME *)p)->obs;                                                                   \
    }                                                                                              \
    static const header_policy NAME##_calls = {                                                    \
        &NAME##_state,  NAME##_do_begin_text, NAME##_do_begin, NAME##_do_more,                     \
        NAME##_do_grow, NAME##_do_choose,     NAME##_do_end,   NAME##_do_obs};
HEADER(made_both)
HEADER(made_depth)
HEADER(made_paper)
HEADER(made_size)

/* --- side by side --- */

typedef struct counts {
    int32_t stops, goes, sizes, chains;
} counts;

/* A second environment along the same texts that is asked after each forward: an environment that
 * does several at once keeps the last one's words only. */
typedef struct shadow {
    ltd_cycle *cycle;
    ltd_env *env;
    float obs[TINY_OBS];
    uint8_t mask[LTD_MAX_SIZES];
    ltd_step step;
} shadow;

static shadow *shadow_open(tiny_env *t)
{
    shadow *s = calloc(1, sizeof *s);
    assert_non_null(s);
    ltd_cycle_options co = tiny_cycle_options(t);
    cycle_for_policy(&co);
    assert_int_equal(ltd_cycle_new(&s->cycle, &co, &t->err), 0);
    ltd_env_options eo = tiny_options(t);
    env_for_policy(&eo);
    eo.cycle = s->cycle;
    eo.min_forwards = 0;
    eo.depth_every = 1;
    assert_int_equal(ltd_env_open(&s->env, &eo, &t->err), 0);
    s->step = (ltd_step){.obs = s->obs, .mask = s->mask};
    return s;
}

static void shadow_close(shadow *s)
{
    ltd_env_close(s->env);
    ltd_cycle_free(s->cycle);
    free(s);
}

/* The header hears of every forward until it has heard of as many as were done. */
static void catch_up(shadow *s, const header_policy *h, int32_t done)
{
    while (ltd_tree_forwards(ltd_env_state(s->env)->tree) < done) {
        const int32_t *token;
        const float *logp;
        assert_true(h->more(h->state));
        assert_int_equal(ltd_env_step(s->env, LTD_DEPTH_CONTINUE, &s->step, NULL), 0);
        ltd_cycle_drafted(s->cycle, &token, &logp);
        h->grow(h->state, token, logp);
    }
}

/* The shadow verifies as many nodes as the other one did. */
static void follow(shadow *s, const ltd_info *info)
{
    if (s->step.turn == LTD_TURN_DEPTH)
        assert_int_equal(ltd_env_step(s->env, LTD_DEPTH_STOP, &s->step, NULL), 0);
    if (s->step.turn == LTD_TURN_SIZE) {
        int32_t i = 0;
        while (i + 1 < as->n_sizes && as->sizes[i] < info->size) i++;
        assert_int_equal(ltd_env_step(s->env, i, &s->step, NULL), 0);
    }
    assert_true(s->step.terminated);
    assert_int_equal(s->step.info.accept_len, info->accept_len);
}

static void begin_cycle(const tiny_env *t, const header_policy *h)
{
    const ltd_obs_state *s = ltd_env_state(t->env);
    const ltd_node *nodes = ltd_tree_nodes(s->tree);
    int32_t chain[LTD_TREE_MAX_DEPTH];
    for (int32_t i = 0; i < s->chain; i++) chain[i] = nodes[i].token;
    if (t->step.info.new_tokens == 1) h->begin_text(h->state);
    h->begin(h->state, s->context, s->waiting, chain, s->chain, s->match, s->distance);
}

static void same_floats(const tiny_env *t, const header_policy *h)
{
    for (int32_t i = 0; i < t->step.n_obs; i++)
        if (memcmp(&t->obs[i], &h->obs(h->state)[i], sizeof(float)) != 0)
            fail_msg("observation entry %d is %.9g, in the header %.9g", i, (double)t->obs[i],
                     (double)h->obs(h->state)[i]);
}

static void play(tiny_env *t, shadow *s, ltd_agent *agent, const header_policy *h, counts *c)
{
    int32_t node[TINY_SIZE + 1], n;
    begin_cycle(t, h);
    c->chains += ltd_env_state(t->env)->chain > 0;
    while (!t->step.terminated) {
        catch_up(s, h, ltd_env_forwards(t->env));
        int32_t action = agent->decide(agent, t->env, &t->step, NULL);
        if (t->step.turn == LTD_TURN_DEPTH && t->step.mask[LTD_DEPTH_CONTINUE]) {
            assert_int_equal(h->more(h->state), action);
            if (as->depth) same_floats(t, h);
            c->stops += action == LTD_DEPTH_STOP;
            c->goes += action == LTD_DEPTH_CONTINUE;
        }
        if (t->step.turn == LTD_TURN_SIZE) {
            h->choose(h->state, node);
            if (as->size) same_floats(t, h);
            c->sizes++;
        }
        tiny_step(t, action);
    }
    catch_up(s, h, t->step.info.forwards);
    n = h->choose(h->state, node);
    const ltd_selection *sel = ltd_cycle_last(t->cycle)->selection;
    assert_int_equal(n, sel->n);
    assert_memory_equal(node, sel->node, (size_t)n * sizeof *node);
    follow(s, &t->step.info);
    h->end(h->state, t->step.info.accept_len);
}

static counts side_by_side(const char *kind, const header_policy *h)
{
    tiny_env *t = tiny_open();
    ltd_policy *policy = tiny_policy(kind);
    ltd_cost *cost = tiny_policy_cost();
    ltd_agent *agent;
    counts c = {0};
    assert_non_null(policy);
    as = policy;
    t->cost = *cost;
    tiny_env_open(t, cycle_for_policy, env_for_policy);
    shadow *s = shadow_open(t);
    assert_int_equal(ltd_agent_policy_new(&agent, kind, policy, NULL, &t->err), 0);
    for (int i = 0; i < CYCLES; i++) {
        tiny_reset(t, NULL);
        assert_int_equal(ltd_env_reset(s->env, NULL, &s->step, &t->err), 0);
        play(t, s, agent, h, &c);
    }
    ltd_agent_free(agent);
    shadow_close(s);
    free(cost);
    ltd_policy_free(policy);
    tiny_close(t);
    return c;
}

static void both_turns_with_lookup_and_survival(void **state)
{
    (void)state;
    made_both_init(&made_both_state, NULL);
    counts c = side_by_side("both", &made_both_calls);
    assert_true(c.stops > 20 && c.goes > 20 && c.sizes > 20 && c.chains > 20);
}

static void the_papers_observations(void **state)
{
    (void)state;
    made_paper_init(&made_paper_state, NULL);
    counts c = side_by_side("paper", &made_paper_calls);
    assert_true(c.stops > 20 && c.goes > 20 && c.sizes > 20 && c.chains == 0);
}

static void a_depth_net_alone(void **state)
{
    (void)state;
    made_depth_init(&made_depth_state, NULL);
    counts c = side_by_side("depth", &made_depth_calls);
    assert_true(c.stops > 20 && c.goes > 20);
}

static void a_size_net_alone_asked_about_two_forwards(void **state)
{
    (void)state;
    ltd_cost *cost = tiny_policy_cost();
    made_size_cost own;
    memcpy(&own, cost, sizeof own); /* the same struct under another name */
    free(cost);
    made_size_init(&made_size_state, &own);
    counts c = side_by_side("size", &made_size_calls);
    assert_true(c.goes > 20 && c.sizes > 20);
}

static void logits_are_the_nets_to_the_bit(void **state)
{
    (void)state;
    static float obs[1268];
    float want[64], got[64];
    made_paper_scratch scratch;
    ltd_policy *policy = tiny_policy("paper");
    ltd_rng rng;
    ltd_rng_seed(&rng, 9, LTD_STREAM_TEST);
    for (int round = 0; round < 200; round++) {
        for (int32_t i = 0; i < 1268; i++)
            obs[i] = ltd_rng_f64(&rng) < 0.3 ? 0 : ltd_rng_normal(&rng);
        ltd_mlp_forward(policy->size, obs, want);
        made_paper_size_logits(obs, got, &scratch);
        assert_memory_equal(want, got, sizeof *want * 4);
        ltd_mlp_forward(policy->depth, obs, want);
        made_paper_depth_logits(obs, got, &scratch);
        assert_memory_equal(want, got, sizeof *want * 2);
    }
    ltd_policy_free(policy);
    float x = -12;
    for (int i = 0; i < 24000; i++, x += 0.001f) {
        float one = x;
        ltd_mlp_tanh(&one, 1);
        float scalar = made_both_mlp_scalar_tanh(x);
        assert_memory_equal(&one, &scalar, sizeof one);
    }
}

/* --- the file --- */

static void same_net(const ltd_mlp *a, const ltd_mlp *b)
{
    static float x[1268], ya[64], yb[64];
    ltd_rng rng;
    assert_int_equal(a != NULL, b != NULL);
    if (!a) return;
    ltd_rng_seed(&rng, 3, LTD_STREAM_TEST);
    for (int round = 0; round < 100; round++) {
        for (int32_t i = 0; i < ltd_mlp_dim(a, 0); i++) x[i] = ltd_rng_normal(&rng);
        ltd_mlp_forward((ltd_mlp *)a, x, ya);
        ltd_mlp_forward((ltd_mlp *)b, x, yb);
        assert_memory_equal(ya, yb, (size_t)ltd_mlp_dim(a, ltd_mlp_layers(a)) * sizeof *ya);
    }
}

static ltd_cheader_options options(ltd_cost **cost)
{
    *cost = tiny_policy_cost();
    return (ltd_cheader_options){.name = "a", .cost = *cost, .max_chain = 6};
}

static void a_header_reads_back_as_the_policy(void **state)
{
    (void)state;
    static const char *const kinds[] = {"both", "paper", "depth", "size"};
    ltd_err err = LTD_ERR_INIT;
    for (int k = 0; k < 4; k++) {
        ltd_cost *cost;
        ltd_cheader_options o = options(&cost);
        ltd_str text = LTD_STR_INIT;
        ltd_policy *policy = tiny_policy(kinds[k]), *again;
        ltd_bundle *bundle;
        assert_int_equal(ltd_export_cheader(policy, &o, &text, &err), 0);
        if (ltd_import_cheader(&bundle, text.data, text.len, &err) < 0 ||
            ltd_bundle_to_policy(&again, bundle, "a.h", &err) < 0)
            fail_msg("%s: %s", kinds[k], err.msg);
        same_net(policy->depth, again->depth);
        same_net(policy->size, again->size);
        assert_string_equal(policy->machine, again->machine);
        assert_int_equal(policy->depth_every, again->depth_every);
        ltd_policy_free(policy);
        ltd_policy_free(again);
        ltd_bundle_free(bundle);
        ltd_str_fini(&text);
        free(cost);
    }
}

static void is_refused(const char *text, size_t n, const char *words)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_bundle *bundle = (ltd_bundle *)&err;
    assert_int_equal(ltd_import_cheader(&bundle, text, n, &err), LTD_EFORMAT);
    if (!strstr(err.msg, words)) fail_msg("'%s', expected '%s'", err.msg, words);
    assert_null(bundle);
}

/* The digest of what follows the first line, put in its place. */
static void sign(ltd_str *text)
{
    char sha256[65];
    char *line = strchr(text->data, '\n') + 1, *hex = strstr(text->data, ": ") + 2;
    ltd_file_sha256(sha256, line, strlen(line));
    memcpy(hex, sha256, 64);
}

static void a_damaged_header_is_refused(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_cost *cost;
    ltd_cheader_options o = options(&cost);
    ltd_str text = LTD_STR_INIT;
    ltd_policy *policy = tiny_policy("depth");
    assert_int_equal(ltd_export_cheader(policy, &o, &text, &err), 0);
    is_refused(text.data, 20, "gives no digest");
    is_refused(text.data, text.len - 1, "SHA-256 is ");
    text.data[text.len / 2] ^= 1;
    is_refused(text.data, text.len, "SHA-256 is ");
    text.data[text.len / 2] ^= 1;
    strchr(strstr(text.data, "_depth_weight_1["), '{')[6] = 'x';
    sign(&text);
    is_refused(text.data, text.len, "layer 1 of depth: weights: number 1 of 960");
    memcpy(strstr(text.data, "_depth_bias_1["), "_depth_bias_8[", 14);
    sign(&text);
    is_refused(text.data, text.len, "layer 1 of depth: weights or bias missing");
    memcpy(strstr(text.data, "Manifest:"), "manifesto", 9);
    sign(&text);
    is_refused(text.data, text.len, "found no manifest");
    ltd_str_fini(&text);
    ltd_policy_free(policy);
    free(cost);
}

static void what_can_not_be_written_is_refused(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_cost *cost;
    ltd_cheader_options o = options(&cost);
    ltd_str text = LTD_STR_INIT;
    ltd_policy *policy = tiny_policy("both");
    o.name = "1a";
    assert_int_equal(ltd_export_cheader(policy, &o, &text, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "name '1a'"));
    o.name = "a";
    o.max_chain = 65;
    assert_int_equal(ltd_export_cheader(policy, &o, &text, &err), LTD_EINVAL);
    o.max_chain = 6;
    policy->survival->head[3] = NAN;
    assert_int_equal(ltd_export_cheader(policy, &o, &text, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "not finite"));
    ltd_str_fini(&text);
    ltd_policy_free(policy);
    free(cost);
}

static void names_follow_from_paths(void **state)
{
    (void)state;
    char name[64];
    ltd_cheader_name(name, "runs/x/My-Policy.v2.h");
    assert_string_equal(name, "my_policy");
    ltd_cheader_name(name, "/a/2fast.h");
    assert_string_equal(name, "fast");
    ltd_cheader_name(name, "_.h");
    assert_string_equal(name, "ltd_policy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_turns_with_lookup_and_survival),
        cmocka_unit_test(the_papers_observations),
        cmocka_unit_test(a_depth_net_alone),
        cmocka_unit_test(a_size_net_alone_asked_about_two_forwards),
        cmocka_unit_test(logits_are_the_nets_to_the_bit),
        cmocka_unit_test(a_header_reads_back_as_the_policy),
        cmocka_unit_test(a_damaged_header_is_refused),
        cmocka_unit_test(what_can_not_be_written_is_refused),
        cmocka_unit_test(names_follow_from_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
