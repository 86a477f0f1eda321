/* Simulated cycles are the cycles that env/cycle.h runs on the same text, one by one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/cycle.h"
#include "tests/support/engine.h"
#include "trainer/distill/simulate.h"

enum { CONTEXT = 160, TEXT = 100, FEATURE = 192, K = 4, CHAIN = 6, TREES = 5, SAMPLES = 5 };

/* Settings of all samples. */
static const ltd_simulated_tree trees[TREES] = {{1, 2}, {3, 8}, {3, 1}, {6, 40}, {6, 0}};

static ltd_llama *model;
static ltd_eagle3 *head;
static ltd_err err;

/* A greedy text behind a prompt that the head was trained for, and its features. */
typedef struct sample {
    int32_t token[CONTEXT], answer;
    float features[CONTEXT * FEATURE];
} sample;
static sample samples[SAMPLES];

/* Accepted length at a root, by setting: chains first. */
static int32_t told[CHAIN + TREES][CONTEXT];

/* x->token begins with the prompt's n tokens; the text goes on to some tokens behind TEXT. */
static void write_text(const ltd_llama *target, sample *x, int32_t n)
{
    ltd_session *s =
        engine_feature_session(target, &(ltd_session_options){CONTEXT, 64, true, false, 1});
    int32_t next = engine_feed(s, x->token, n), all = CONTEXT - 1;
    engine_plain(s, next, x->token + n, all - n);
    assert_int_equal(ltd_session_truncate(s, 0, &err), LTD_OK);
    for (int32_t i = 0; i < all; i++) {
        engine_step(s, x->token[i]);
        memcpy(x->features + (size_t)i * FEATURE, ltd_session_features(s, 0),
               FEATURE * sizeof(float));
    }
    ltd_session_free(s);
}

/* Three prompts; a prompt of one token; an answer that begins behind a chunk of rows. */
static int setup(void **state)
{
    (void)state;
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    head = engine_head("eagle3/session", model, LTD_LOAD_Q8);
    ltd_json_doc *doc = engine_json("eagle3/session/session.json");
    ltd_json sessions = engine_get(ltd_json_root(doc), "sessions");
    for (int i = 0; i < SAMPLES; i++) {
        sample *x = &samples[i];
        ltd_json session = ltd_json_at(sessions, i < 3 ? 3 * (size_t)i : 0);
        int32_t n = engine_ids(session, "prompt_ids", x->token, CONTEXT);
        if (i == 3) n = 1;
        x->answer = i == 4 ? 70 : n;
        write_text(model, x, n);
    }
    ltd_json_free(doc);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ltd_eagle3_close(head);
    ltd_llama_close(model);
    return 0;
}

/* --- the simulator --- */

static void tell(void *ctx, const ltd_simulated_cycle *c)
{
    (void)ctx;
    int32_t *at = &told[c->chain ? c->chain - 1 : CHAIN + c->tree][c->root];
    assert_int_equal(*at, 0);
    *at = c->accept_len;
}

static ltd_simulator_options usual(void)
{
    ltd_simulator_options o = {
        .context = CONTEXT, .chain = CHAIN, .top_k = K, .n_trees = TREES, .tell = tell};
    memcpy(o.tree, trees, sizeof trees);
    return o;
}

static ltd_simulator *open_simulator(ltd_simulator_options o)
{
    ltd_simulator *s;
    if (ltd_simulator_new(&s, head, &o, &err) < 0) fail_msg("%s", err.msg);
    return s;
}

static void simulate(ltd_simulator *s, const sample *x, int32_t n, ltd_simulated *sum)
{
    memset(told, 0, sizeof told);
    if (ltd_simulator_text(s, x->token, n, x->answer, x->features, sum, &err) < 0)
        fail_msg("%s", err.msg);
}

/* --- what it has to be --- */

static ltd_cycle *open_cycle(int32_t setting, ltd_draft_vocabulary vocabulary)
{
    bool chain = setting < CHAIN;
    const ltd_simulated_tree *t = &trees[chain ? 0 : setting - CHAIN];
    ltd_cycle_options o = {.model = model,
                           .head = head,
                           .clock = ltd_clock_monotonic(),
                           .context = CONTEXT,
                           .top_k = chain ? 1 : K,
                           .max_forwards = chain ? setting + 1 : t->forwards,
                           .max_size = chain ? setting + 1 : t->size,
                           .vocabulary = vocabulary,
                           .kv_f16 = true};
    ltd_cycle *c;
    if (ltd_cycle_new(&c, &o, &err) < 0) fail_msg("%s", err.msg);
    return c;
}

static int32_t live(ltd_cycle *c)
{
    const ltd_cycle_options *o = ltd_cycle_get_options(c);
    const ltd_cycle_result *r = NULL;
    int rc = ltd_cycle_begin(c, &err);
    for (int32_t i = 0; rc == LTD_OK && i < o->max_forwards; i++) rc = ltd_cycle_draft(c, &err);
    if (rc == LTD_OK) rc = ltd_cycle_verify(c, o->max_size, &r, &err);
    if (rc < 0) fail_msg("%s", err.msg);
    return r->accept_len;
}

/* Nothing behind the last of n tokens is accepted. */
static int32_t cut(int32_t accept_len, int32_t root, int32_t n)
{
    return accept_len < n - root ? accept_len : n - root;
}

static int64_t cycles_of(const ltd_simulated *sum, int32_t setting)
{
    return setting < CHAIN ? sum->chain_cycles[setting] : sum->tree_cycles[setting - CHAIN];
}

/* Returns cycles that accept two drafts or more. */
static int32_t check_cycles(ltd_simulator *s, const sample *x, ltd_draft_vocabulary vocabulary)
{
    int32_t many = 0;
    ltd_simulated sum = {0};
    simulate(s, x, TEXT, &sum);
    assert_int_equal(sum.texts, 1);
    assert_int_equal(sum.positions, TEXT - 1 - x->answer);
    for (int32_t k = 0; k < CHAIN + TREES; k++) {
        ltd_cycle *c = open_cycle(k, vocabulary);
        if (ltd_cycle_prompt(c, x->token, x->answer, &err) < 0) fail_msg("%s", err.msg);
        int32_t root = x->answer, cycles = 0;
        for (; root < TEXT - 1; cycles++) {
            assert_int_equal(ltd_cycle_root(c), x->token[root]);
            int32_t n = live(c);
            assert_int_equal(told[k][root], cut(n, root, TEXT));
            told[k][root] = 0;
            root += n;
            many += n > 2;
        }
        assert_int_equal(cycles_of(&sum, k), cycles);
        for (root = 0; root < CONTEXT; root++) assert_int_equal(told[k][root], 0);
        ltd_cycle_free(c);
    }
    return many;
}

static void simulated_cycles_are_the_live_ones(void **state)
{
    (void)state;
    static const ltd_draft_vocabulary vocabularies[] = {LTD_VOCABULARY_STATIC,
                                                        LTD_VOCABULARY_CONTEXT};
    for (int v = 0; v < 2; v++) {
        ltd_simulator_options o = usual();
        o.vocabulary = vocabularies[v];
        ltd_simulator *s = open_simulator(o);
        int32_t many = 0;
        for (int i = 0; i < SAMPLES; i++) many += check_cycles(s, &samples[i], o.vocabulary);
        assert_true(many > 200); /* there was something to be wrong about */
        ltd_simulator_free(s);
    }
}

/* Each root as the first one behind a prompt that ends there. */
static void chains_are_counted_at_every_position(void **state)
{
    (void)state;
    ltd_simulator *s = open_simulator(usual());
    ltd_simulated sum = {0}, want = {0};
    ltd_cycle *c = open_cycle(CHAIN - 1, LTD_VOCABULARY_AUTO);
    for (int i = 0; i < SAMPLES; i++) {
        const sample *x = &samples[i];
        simulate(s, x, TEXT, &sum);
        for (int32_t root = x->answer; root < TEXT - 1; root++) {
            if (ltd_cycle_prompt(c, x->token, root, &err) < 0) fail_msg("%s", err.msg);
            int32_t right = live(c) - 1;
            for (int32_t d = 0; d < CHAIN && d <= right && root + 1 + d < TEXT; d++) {
                want.tried[d]++;
                want.right[d] += d < right;
            }
        }
    }
    assert_int_equal(sum.positions, sum.tried[0]);
    assert_true(sum.tried[CHAIN - 1] > 0);
    for (int32_t d = 0; d < CHAIN; d++) {
        assert_int_equal(sum.tried[d], want.tried[d]);
        assert_int_equal(sum.right[d], want.right[d]);
        assert_true(ltd_simulated_right(&sum, d + 1) == (double)want.right[d] / want.tried[d]);
    }
    ltd_cycle_free(c);
    ltd_simulator_free(s);
}

/* --- what the official code had --- */

static void check_session(const ltd_llama *target, const ltd_eagle3 *official, ltd_json session)
{
    static sample x;
    ltd_json lens = engine_get(session, "accept_lengths");
    ltd_simulator_options o = {.context = CONTEXT, .n_trees = 1, .tell = tell};
    o.top_k = engine_int(session, "top_k");
    o.tree[0].forwards = engine_int(session, "depth") + 1;
    o.tree[0].size = engine_int(session, "total_tokens") - 1;
    x.answer = engine_ids(session, "prompt_ids", x.token, CONTEXT);
    int32_t n = x.answer + engine_ids(session, "output_ids", x.token + x.answer, CONTEXT - 70);
    write_text(target, &x, n);
    ltd_simulator *s;
    ltd_simulated sum = {0};
    if (ltd_simulator_new(&s, official, &o, &err) < 0) fail_msg("%s", err.msg);
    simulate(s, &x, n, &sum);
    assert_int_equal(sum.tree_cycles[0], ltd_json_count(lens));
    int32_t root = x.answer;
    for (size_t i = 0; i < ltd_json_count(lens); i++) {
        int32_t want = (int32_t)engine_number(lens, i);
        assert_int_equal(told[CHAIN][root], cut(want, root, n));
        root += want;
    }
    ltd_simulator_free(s);
}

static void official_sessions_are_simulated_cycle_by_cycle(void **state)
{
    (void)state;
    ltd_llama *target = engine_eagle3_target();
    ltd_eagle3 *official = engine_head("eagle3/session", target, LTD_LOAD_F32);
    ltd_json_doc *doc = engine_json("eagle3/session/session.json");
    ltd_json sessions = engine_get(ltd_json_root(doc), "sessions");
    for (size_t i = 0; i < ltd_json_count(sessions); i++)
        check_session(target, official, ltd_json_at(sessions, i));
    ltd_json_free(doc);
    ltd_eagle3_close(official);
    ltd_llama_close(target);
}

/* --- a text that the head wrote --- */

/* Whatever the features: the head's own chains, CHAIN tokens each, and a token between them that it
 * didn't draft. */
static void write_own(sample *x, int32_t n, int32_t answer)
{
    ltd_draft *d;
    ltd_rng rng;
    ltd_rng_seed(&rng, 31, LTD_STREAM_TEST);
    x->answer = answer;
    for (int i = 0; i < CONTEXT * FEATURE; i++) x->features[i] = ltd_rng_normal(&rng);
    for (int32_t i = 0; i < answer; i++) x->token[i] = (int32_t)ltd_rng_below(&rng, 320);
    const ltd_draft_options o = {
        .context = CONTEXT, .max_rows = CONTEXT, .top_k = 1, .max_expansions = CHAIN};
    if (ltd_draft_new(&d, head, &o, &err) < 0) fail_msg("%s", err.msg);
    for (int32_t root = answer; root < n; root += CHAIN + 1) {
        int32_t columns[CHAIN + 1], zero = 0, *drafted = x->token + root + 1;
        const int32_t *ancestors = columns;
        x->token[root] = root == answer ? 7 : (drafted[-2] + 1) % 320;
        ltd_draft_begin(d, x->token[0], &err);
        int rc = ltd_draft_extend(d, x->features, x->token + 1, root, true, &err);
        for (int32_t i = 0; rc == LTD_OK && i <= CHAIN; i++) {
            int32_t token = *ltd_draft_tokens(d);
            if (i == CHAIN) { /* what would have been next is avoided */
                if (root + CHAIN + 1 < n && (drafted[CHAIN - 1] + 1) % 320 == token)
                    fail_msg("another seed");
                break;
            }
            drafted[i] = token;
            columns[i] = i;
            rc = ltd_draft_expand(d, &(ltd_expansion){&drafted[i], &zero, &ancestors, i}, &err);
        }
        if (rc < 0) fail_msg("%s", err.msg);
    }
    ltd_draft_free(d);
}

static void a_text_of_the_heads_own_is_accepted_whole(void **state)
{
    (void)state;
    static sample own;
    ltd_simulator_options o = usual();
    o.tell = NULL;
    o.n_trees = 0;
    ltd_simulator *s = open_simulator(o);
    write_own(&own, TEXT + 2 * CHAIN, 9);
    /* An answer's first token, whole cycles, and one of which `more` tokens are left. */
    for (int32_t more = 0; more <= CHAIN; more++) {
        ltd_simulated sum = {0};
        int32_t cycles = 8, added = cycles * (CHAIN + 1) + more;
        simulate(s, &own, own.answer + 1 + added, &sum);
        assert_int_equal(sum.positions, added);
        assert_int_equal(sum.chain_cycles[CHAIN - 1], cycles + (more > 0));
        assert_true(ltd_simulated_chain_len(&sum, CHAIN) == (double)added / (cycles + (more > 0)));
        assert_true(isnan(ltd_simulated_tree_len(&sum, 0)));
    }
    ltd_simulator_free(s);
}

/* --- vocabulary --- */

static void next_tokens_are_looked_for_in_head_and_text(void **state)
{
    (void)state;
    int32_t other = 0, n_known = ltd_eagle3_get_config(head)->draft_vocab;
    const int32_t *known = ltd_eagle3_tokens(head);
    for (int32_t i = 0; i < n_known; i++)
        if (known[i] == other) i = -1, other++;
    assert_true(other < 320);
    ltd_simulator_options o = usual();
    o.n_trees = o.chain = 0;
    ltd_simulator *s = open_simulator(o);
    ltd_simulated sum = {0};
    /* Unknown and new; known; unknown, but in the text; the same as the root. */
    int32_t a = known[3], token[] = {a, a, other, a, other, other};
    for (int twice = 1; twice <= 2; twice++) { /* texts know nothing of each other */
        if (ltd_simulator_text(s, token, 6, 1, NULL, &sum, &err) < 0) fail_msg("%s", err.msg);
        assert_int_equal(sum.positions, twice * 4);
        assert_int_equal(sum.covered, twice * 1);
        assert_int_equal(sum.covered_seen, twice * 3);
        assert_int_equal(sum.texts, twice);
    }
    ltd_simulator_free(s);
}

/* --- what can't be --- */

static void answers_of_one_token_have_no_positions(void **state)
{
    (void)state;
    ltd_simulator *s = open_simulator(usual());
    ltd_simulated sum = {0};
    simulate(s, &samples[2], samples[2].answer + 1, &sum);
    simulate(s, &samples[2], samples[2].answer, &sum);
    assert_int_equal(sum.texts, 2);
    assert_int_equal(sum.positions, 0);
    assert_true(isnan(ltd_simulated_right(&sum, 1)) && isnan(ltd_simulated_chain_len(&sum, 1)));
    ltd_simulator_free(s);
}

static void bad_texts_are_refused_and_change_nothing(void **state)
{
    (void)state;
    ltd_simulator *s = open_simulator(usual());
    ltd_simulated sum = {0}, zero = {0}, good = {0};
    static sample x;
    x = samples[2];
    const float *f = x.features;
    assert_int_equal(ltd_simulator_text(s, x.token, TEXT, 0, f, &sum, &err), LTD_EINVAL);
    assert_int_equal(ltd_simulator_text(s, x.token, 9, 10, f, &sum, &err), LTD_EINVAL);
    assert_int_equal(ltd_simulator_text(s, x.token, CONTEXT + 1, 9, f, &sum, &err), LTD_EINVAL);
    x.token[TEXT - 1] = 320;
    assert_int_equal(ltd_simulator_text(s, x.token, TEXT, 20, f, &sum, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "simulator: token 320 at 99, expected 0 to 319");
    assert_memory_equal(&sum, &zero, sizeof sum);
    simulate(s, &samples[2], TEXT, &sum);
    ltd_simulator *fresh = open_simulator(usual());
    simulate(fresh, &samples[2], TEXT, &good);
    assert_memory_equal(&sum, &good, sizeof sum);
    ltd_simulator_free(fresh);
    ltd_simulator_free(s);
}

static void options_that_cant_be_are_refused(void **state)
{
    (void)state;
    ltd_simulator_options o[9];
    for (int i = 0; i < 9; i++) o[i] = usual();
    o[0].context = 0;
    o[1].chain = -1;
    o[2].chain = LTD_SIMULATE_CHAIN + 1;
    o[3].n_trees = LTD_SIMULATE_TREES + 1;
    o[4].tree[1].forwards = 0;
    o[5].tree[1].size = -1;
    o[6].tree[1].size = 1001;
    o[7].top_k = 0;
    o[8].top_k = 33;
    for (int i = 0; i < 9; i++) {
        ltd_simulator *s = (ltd_simulator *)(void *)&o[i]; /* something that must go */
        assert_int_equal(ltd_simulator_new(&s, head, &o[i], &err), LTD_EINVAL);
        assert_null(s);
    }
    ltd_simulator_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simulated_cycles_are_the_live_ones),
        cmocka_unit_test(chains_are_counted_at_every_position),
        cmocka_unit_test(official_sessions_are_simulated_cycle_by_cycle),
        cmocka_unit_test(a_text_of_the_heads_own_is_accepted_whole),
        cmocka_unit_test(next_tokens_are_looked_for_in_head_and_text),
        cmocka_unit_test(answers_of_one_token_have_no_positions),
        cmocka_unit_test(bad_texts_are_refused_and_change_nothing),
        cmocka_unit_test(options_that_cant_be_are_refused),
    };
    return cmocka_run_group_tests_name("simulate", tests, setup, teardown);
}
