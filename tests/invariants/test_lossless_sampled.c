/* Acceptance at a temperature: under both rules the tokens have the target's distribution.
 * Chi-square tests over 20,000 rounds at a false-alarm rate of 1e-6 each, of the first token and of
 * the first two jointly, over shapes of trees and settings of sampling; wrong rules must fail the
 * same test.  Seeds are fixed: a test that passes passes always. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/accept.h"
#include "tests/support/chi_square.h"
#include "tests/support/engine.h"

enum { VOCAB = 320, PROMPT = 6, CONTEXT = 512, MAX_NODES = 32, ROUNDS = 20000 };

static const double false_alarms = 1e-6;
static const int32_t prompt[PROMPT] = {17, 230, 5, 99, 181, 42};

static ltd_llama *model;
static ltd_err err;

static int setup(void **state)
{
    (void)state;
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    return ltd_llama_config(model)->vocab == VOCAB ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    ltd_llama_close(model);
    return 0;
}

static ltd_sampler *open_sampler(const ltd_sampling *rule)
{
    ltd_sampler *s;
    if (ltd_sampler_new(&s, VOCAB, rule, &err) < 0) fail_msg("%s", err.msg);
    return s;
}

static const ltd_sampling rules[] = {
    {1, 0, 1, false}, {0.7, 0, 0.9, false}, {1.5, 20, 1, false}, {1.2, 30, 0.8, true}};
enum { N_RULES = sizeof rules / sizeof *rules };

/* --- acceptance alone, on verified trees of many shapes --- */

/* Logits after the prompt and a root, and after each token behind it: all that two tokens need. */
typedef struct table {
    int32_t root;
    float first[VOCAB], second[VOCAB][VOCAB];
} table;

static table *open_table(ltd_session *s)
{
    static table t;
    int32_t token[VOCAB + 1], parent[VOCAB + 1];
    t.root = engine_feed(s, prompt, PROMPT);
    token[0] = t.root;
    parent[0] = -1;
    for (int32_t i = 0; i < VOCAB; i++) token[i + 1] = i, parent[i + 1] = 0;
    ltd_rows rows = {VOCAB + 1, token, parent, VOCAB + 1};
    if (ltd_session_forward(s, &rows, &err) < 0) fail_msg("%s", err.msg);
    memcpy(t.first, ltd_session_logits(s, 0), sizeof t.first);
    for (int32_t i = 0; i < VOCAB; i++)
        memcpy(t.second[i], ltd_session_logits(s, i + 1), sizeof t.second[i]);
    return &t;
}

/* The token of that rank. */
static int32_t ranked(const float *logits, int32_t rank)
{
    for (int32_t t = 0; t < VOCAB; t++) {
        int32_t better = 0;
        for (int32_t o = 0; o < VOCAB; o++)
            better += logits[o] > logits[t] || (logits[o] == logits[t] && o < t);
        if (better == rank) return t;
    }
    return -1;
}

/* A tree by parents and the ranks of its tokens after them; entry 0 is the root. */
typedef struct shape {
    const char *name;
    int32_t n, parent[MAX_NODES], rank[MAX_NODES];
} shape;

static const shape shapes[] = {
    {"chain", 4, {-1, 0, 1, 2}, {0, 0, 0, 0}},
    {"wide", 13, {-1}, {0, 3, 0, 17, 1, 40, 2, 7, 300, 4, 5, 11, 6}},
    {"tree",
     14,
     {-1, 0, 0, 0, 0, 1, 1, 2, 2, 2, 3, 5, 5, 8},
     {0, 1, 0, 5, 2, 0, 1, 2, 0, 1, 0, 0, 1, 0}},
    {"root", 1, {-1}, {0}},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

/* A verified tree and where acceptance reads from. */
typedef struct round_state {
    const table *t;
    ltd_selection sel, after; /* after: the cycle behind a lone token, on a small tree of its own */
    int32_t token[MAX_NODES], parent[MAX_NODES], depth[MAX_NODES];
    int32_t after_token[5], after_parent[5], after_depth[5];
    float logits[MAX_NODES][VOCAB];
    ltd_rng rng;
} round_state;

static const float *verified(const void *rows, int32_t entry)
{
    return ((const round_state *)rows)->logits[entry];
}

/* Of the second cycle only its first token is looked at: deeper logits may be any. */
static const float *verified_after(const void *rows, int32_t entry)
{
    const round_state *r = rows;
    (void)entry;
    return r->t->second[r->after_token[0]];
}

static double number(void *numbers)
{
    return ltd_rng_f64(numbers);
}

static void open_round(round_state *r, const table *t, const shape *form, ltd_session *s)
{
    *r = (round_state){.t = t};
    r->sel = (ltd_selection){form->n, r->token, r->parent, r->depth, r->parent};
    r->after = (ltd_selection){5, r->after_token, r->after_parent, r->after_depth, r->after_parent};
    r->after_parent[0] = -1;
    memcpy(r->parent, form->parent, sizeof r->parent);
    r->token[0] = t->root;
    for (int32_t i = 1; i < form->n; i++) {
        int32_t p = r->parent[i];
        r->depth[i] = r->depth[p] + 1;
        r->token[i] = ranked(p ? t->second[r->token[p]] : t->first, form->rank[i]);
    }
    ltd_rows rows = {form->n, r->token, r->parent, form->n};
    if (ltd_session_forward(s, &rows, &err) < 0) fail_msg("%s", err.msg);
    for (int32_t i = 0; i < form->n; i++) {
        memcpy(r->logits[i], ltd_session_logits(s, i), sizeof r->logits[i]);
        if (r->depth[i] == 1)
            engine_same_bits("verified logits", r->logits[i], t->second[r->token[i]], VOCAB);
    }
}

typedef int32_t (*accept_rule)(const ltd_selection *, const ltd_chance *, int32_t *, int32_t *,
                               ltd_err *);

/* Two tokens behind the root, from one cycle or two. */
static void emit_two(round_state *r, accept_rule accept, ltd_sampler *sampler, int32_t ret[2])
{
    int32_t path[MAX_NODES], next;
    ltd_chance chance = {sampler, verified, r, number, &r->rng};
    int32_t n = accept(&r->sel, &chance, path, &next, &err);
    assert_true(n >= 1);
    ret[0] = n > 1 ? r->token[path[1]] : next;
    ret[1] = n > 2 ? r->token[path[2]] : next;
    if (n > 1) return;
    const int32_t guess[] = {0, 7, 1, 2};
    static int32_t best[VOCAB][4]; /* of all tokens, ranked once */
    int32_t *children = best[next];
    for (int i = 0; i < 4 && children[0] == children[1]; i++)
        for (int j = 0; j < 4; j++) children[j] = ranked(r->t->second[next], guess[j]);
    r->after_token[0] = next;
    memcpy(r->after_token + 1, children, 4 * sizeof *children);
    chance.logits = verified_after;
    n = accept(&r->after, &chance, path, &next, &err);
    ret[1] = n > 1 ? r->after_token[path[1]] : next;
}

/* Probability of each pair of tokens. */
static void expect_pairs(const table *t, ltd_sampler *s, double *ret)
{
    static double first[VOCAB];
    assert_int_equal(ltd_sampler_set(s, t->first, &err), 0);
    for (int32_t i = 0; i < VOCAB; i++) first[i] = ltd_sampler_p(s, i);
    for (int32_t i = 0; i < VOCAB; i++) {
        assert_int_equal(ltd_sampler_set(s, t->second[i], &err), 0);
        for (int32_t j = 0; j < VOCAB; j++) ret[i * VOCAB + j] = first[i] * ltd_sampler_p(s, j);
    }
}

/* The smaller of the p-values of the first token and of both. */
static double test_rule(round_state *r, accept_rule accept, const ltd_sampling *target,
                        const ltd_sampling *sampled, uint64_t seed)
{
    static int64_t pair[VOCAB * VOCAB], one[VOCAB];
    static double want_pair[VOCAB * VOCAB], want_one[VOCAB];
    ltd_sampler *s = open_sampler(target);
    memset(pair, 0, sizeof pair);
    memset(one, 0, sizeof one);
    memset(want_one, 0, sizeof want_one);
    expect_pairs(r->t, s, want_pair);
    ltd_sampler_free(s);
    for (int32_t i = 0; i < VOCAB * VOCAB; i++) want_one[i / VOCAB] += want_pair[i];
    s = open_sampler(sampled);
    ltd_rng_seed(&r->rng, seed, LTD_STREAM_TEST);
    for (int64_t i = 0; i < ROUNDS; i++) {
        int32_t token[2];
        emit_two(r, accept, s, token);
        one[token[0]]++;
        pair[token[0] * VOCAB + token[1]]++;
    }
    ltd_sampler_free(s);
    double a = chi_square(one, want_one, VOCAB, ROUNDS);
    double b = chi_square(pair, want_pair, (size_t)VOCAB * VOCAB, ROUNDS);
    return a < b ? a : b;
}

static void both_rules_give_the_targets_distribution(void **state)
{
    (void)state;
    static round_state r;
    ltd_session *s = engine_session(model, &(ltd_session_options){CONTEXT, 400, false, true, 1});
    const table *t = open_table(s);
    double least = 1;
    for (int32_t i = 0; i < N_SHAPES; i++) {
        open_round(&r, t, &shapes[i], s);
        for (int32_t k = 0; k < N_RULES; k++)
            for (int32_t a = 0; a < 2; a++) {
                double p = test_rule(&r, a ? ltd_accept_sampled : ltd_accept_drawn, &rules[k],
                                     &rules[k], (uint64_t)(100 * i + 10 * k + a));
                if (p < least) least = p;
                if (p < false_alarms)
                    fail_msg("%s, T %g, %s: p = %g", shapes[i].name, rules[k].temperature,
                             a ? "sampled" : "drawn", p);
            }
    }
    print_message("# %d tests of %d rounds, smallest p %.3g\n", N_SHAPES * N_RULES * 2, ROUNDS,
                  least);
    ltd_session_free(s);
}

/* --- wrong rules --- */

/* The walk of ltd_accept_sampled with one thing wrong. */
static int32_t walk(const ltd_selection *sel, const ltd_chance *c, int32_t *path, int32_t *next,
                    bool remove, bool reset, bool one_number)
{
    int32_t at = 0, n = 0;
    path[n++] = 0;
    ltd_sampler_set(c->sampler, c->logits(c->rows, 0), NULL);
    double u = c->uniform(c->numbers);
    for (int32_t i = 1; i < sel->n; i++) {
        if (sel->parent[i] != at) continue;
        if (!one_number) u = c->uniform(c->numbers);
        if (u < ltd_sampler_p(c->sampler, sel->token[i])) {
            path[n++] = at = i;
            ltd_sampler_set(c->sampler, c->logits(c->rows, at), NULL);
            u = c->uniform(c->numbers);
        } else if (remove) {
            ltd_sampler_remove(c->sampler, sel->token[i]);
        }
    }
    if (reset) ltd_sampler_set(c->sampler, c->logits(c->rows, at), NULL);
    *next = ltd_sampler_draw(c->sampler, c->uniform(c->numbers));
    return n;
}

/* Refused siblings keep their mass, for the next sibling and for the token drawn. */
static int32_t keeps_refused(const ltd_selection *sel, const ltd_chance *c, int32_t *path,
                             int32_t *next, ltd_err *e)
{
    (void)e;
    return walk(sel, c, path, next, false, false, false);
}

/* The token behind refused children comes from the whole distribution. */
static int32_t draws_from_all(const ltd_selection *sel, const ltd_chance *c, int32_t *path,
                              int32_t *next, ltd_err *e)
{
    (void)e;
    return walk(sel, c, path, next, true, true, false);
}

/* One number decides on all siblings. */
static int32_t asks_with_one_number(const ltd_selection *sel, const ltd_chance *c, int32_t *path,
                                    int32_t *next, ltd_err *e)
{
    (void)e;
    return walk(sel, c, path, next, true, false, true);
}

/* Siblings are asked with the probabilities from before the refusals; the token drawn is right. */
static int32_t never_renormalises(const ltd_selection *sel, const ltd_chance *c, int32_t *path,
                                  int32_t *next, ltd_err *e)
{
    (void)e;
    int32_t at = 0, n = 0;
    path[n++] = 0;
    double left = 1;
    ltd_sampler_set(c->sampler, c->logits(c->rows, 0), NULL);
    for (int32_t i = 1; i < sel->n; i++) {
        if (sel->parent[i] != at) continue;
        double p = ltd_sampler_p(c->sampler, sel->token[i]);
        if (c->uniform(c->numbers) < p * left) {
            path[n++] = at = i;
            left = 1;
            ltd_sampler_set(c->sampler, c->logits(c->rows, at), NULL);
        } else {
            ltd_sampler_remove(c->sampler, sel->token[i]);
            left *= 1 - p;
        }
    }
    *next = ltd_sampler_draw(c->sampler, c->uniform(c->numbers));
    return n;
}

/* Greedy acceptance, then a draw: what a decoder does that forgets the temperature half-way. */
static int32_t accepts_the_best(const ltd_selection *sel, const ltd_chance *c, int32_t *path,
                                int32_t *next, ltd_err *e)
{
    int32_t best[MAX_NODES], n;
    (void)e;
    for (int32_t i = 0; i < sel->n; i++) {
        const float *x = c->logits(c->rows, i);
        best[i] = 0;
        for (int32_t t = 1; t < VOCAB; t++)
            if (x[t] > x[best[i]]) best[i] = t;
    }
    n = ltd_accept_greedy(sel, best, path, next);
    ltd_sampler_set(c->sampler, c->logits(c->rows, path[n - 1]), NULL);
    *next = ltd_sampler_draw(c->sampler, c->uniform(c->numbers));
    return n;
}

static void wrong_rules_are_found(void **state)
{
    (void)state;
    static round_state r;
    static const struct {
        const char *name;
        accept_rule accept;
    } wrong[] = {{"keeps refused siblings", keeps_refused},
                 {"draws from all", draws_from_all},
                 {"asks with one number", asks_with_one_number},
                 {"never renormalises", never_renormalises},
                 {"accepts the best", accepts_the_best}};
    ltd_session *s = engine_session(model, &(ltd_session_options){CONTEXT, 400, false, true, 1});
    const table *t = open_table(s);
    for (int32_t i = 1; i < 3; i++) { /* shapes with siblings */
        open_round(&r, t, &shapes[i], s);
        for (size_t w = 0; w < sizeof wrong / sizeof *wrong; w++)
            for (int32_t k = 0; k < N_RULES; k++) {
                double p = test_rule(&r, wrong[w].accept, &rules[k], &rules[k], 5);
                if (p >= false_alarms)
                    fail_msg("%s, T %g: a rule that %s passes with p = %g", shapes[i].name,
                             rules[k].temperature, wrong[w].name, p);
            }
        /* And settings that are a little off. */
        ltd_sampling off[3] = {rules[0], rules[2], rules[1]};
        off[0].temperature = 1.08;
        off[1].top_k = 21;
        off[2].top_p = 0.92;
        const ltd_sampling *target[3] = {&rules[0], &rules[2], &rules[1]};
        for (int k = 0; k < 3; k++)
            for (int a = 0; a < 2; a++)
                if (test_rule(&r, a ? ltd_accept_sampled : ltd_accept_drawn, target[k], &off[k],
                              6) >= false_alarms)
                    fail_msg("setting %d, a little off, passes", k);
    }
    ltd_session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_rules_give_the_targets_distribution),
        cmocka_unit_test(wrong_rules_are_found),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
