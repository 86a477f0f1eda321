/* A walk over the roots of an answer.  Chains are drafted at every one of them, because acceptance
 * is counted there; with a beam of one they cost a row a forward, and stop at the first token that
 * is wrong.  A tree is drafted only where a cycle of its setting begins.  Settings that begin at
 * the same root share its tree: each is judged when as many forwards are done as it has. */
#include "trainer/distill/simulate.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "env/accept.h"
#include "env/tree.h"
#include "env/tree_new.h"

enum { ROWS = 64, MAX_SIZE = 1000 };

/* A draft that follows the text, and what it drafts from the root that it has come to. */
typedef struct drafter {
    ltd_draft *draft;
    ltd_tree *tree;
} drafter;

typedef struct text {
    const int32_t *token;
    int32_t n, answer;
    const float *features;
} text;

struct ltd_simulator {
    ltd_simulator_options options;
    const ltd_eagle3 *head;
    drafter chain, tree;                                                   /* zero: not asked for */
    int32_t chain_next[LTD_SIMULATE_CHAIN], tree_next[LTD_SIMULATE_TREES]; /* next roots */
    int32_t *expected, *path;                                              /* [largest tree + 1] */
    uint8_t *drafted; /* [vocab] the head has this token */
    uint32_t *seen;   /* [vocab] number of the last text that had it; 0: none */
    uint32_t number;  /* of this text */
};

/* --- making one --- */

static int check(const ltd_simulator_options *o, ltd_err *err)
{
    if (o->context < 1)
        return ltd_fail(err, LTD_EINVAL, "simulator: texts of %d tokens", o->context);
    if (o->chain < 0 || o->chain > LTD_SIMULATE_CHAIN)
        return ltd_fail(err, LTD_EINVAL, "simulator: chains of %d forwards, expected 0 to %d",
                        o->chain, LTD_SIMULATE_CHAIN);
    if (o->n_trees < 0 || o->n_trees > LTD_SIMULATE_TREES)
        return ltd_fail(err, LTD_EINVAL, "simulator: %d trees, expected 0 to %d", o->n_trees,
                        LTD_SIMULATE_TREES);
    for (int32_t i = 0; i < o->n_trees; i++) {
        const ltd_simulated_tree *t = &o->tree[i];
        if (t->forwards < 1 || t->forwards > LTD_TREE_MAX_DEPTH || t->size < 0 ||
            t->size > MAX_SIZE)
            return ltd_fail(err, LTD_EINVAL,
                            "simulator: %d forwards and %d nodes, expected 1 to %d and 0 to %d",
                            t->forwards, t->size, LTD_TREE_MAX_DEPTH, MAX_SIZE);
    }
    return LTD_OK;
}

static int make_drafter(const ltd_simulator *s, drafter *ret, int32_t top_k, int32_t forwards,
                        int32_t size, ltd_err *err)
{
    if (!forwards) return LTD_OK;
    const ltd_draft_options o = {.context = s->options.context,
                                 .max_rows = ROWS,
                                 .top_k = top_k,
                                 .max_expansions = forwards - 1,
                                 .vocabulary = s->options.vocabulary};
    int rc = ltd_draft_new(&ret->draft, s->head, &o, err);
    return rc < 0 ? rc : ltd_tree_new(&ret->tree, top_k, forwards, 0, size, err);
}

static void free_drafter(drafter *d)
{
    ltd_draft_free(d->draft);
    ltd_tree_free(d->tree);
}

static int make_parts(ltd_simulator *s, ltd_err *err)
{
    const ltd_simulator_options *o = &s->options;
    const ltd_eagle3_config *c = ltd_eagle3_get_config(s->head);
    int32_t forwards = 0, size = 0;
    for (int32_t i = 0; i < o->n_trees; i++) {
        if (o->tree[i].forwards > forwards) forwards = o->tree[i].forwards;
        if (o->tree[i].size > size) size = o->tree[i].size;
    }
    s->expected = ltd_mem_zeros((size_t)size + 1, sizeof *s->expected);
    s->path = ltd_mem_zeros((size_t)size + 1, sizeof *s->path);
    s->drafted = ltd_mem_zeros((size_t)c->vocab, sizeof *s->drafted);
    s->seen = ltd_mem_zeros((size_t)c->vocab, sizeof *s->seen);
    if (!s->expected || !s->path || !s->drafted || !s->seen)
        return ltd_fail(err, LTD_ENOMEM, "simulator: no memory");
    const int32_t *tokens = ltd_eagle3_tokens(s->head);
    for (int32_t i = 0; i < c->draft_vocab; i++) s->drafted[tokens[i]] = 1;
    int rc = make_drafter(s, &s->chain, 1, o->chain, 0, err);
    return rc < 0 ? rc : make_drafter(s, &s->tree, o->top_k, forwards, size, err);
}

int ltd_simulator_new(ltd_simulator **ret, const ltd_eagle3 *head,
                      const ltd_simulator_options *options, ltd_err *err)
{
    *ret = NULL;
    int rc = check(options, err);
    if (rc < 0) return rc;
    ltd_simulator *s = ltd_mem_zeros(1, sizeof *s);
    if (!s) return ltd_fail(err, LTD_ENOMEM, "simulator: no memory");
    s->options = *options;
    s->head = head;
    rc = make_parts(s, err);
    if (rc < 0) {
        ltd_simulator_free(s);
        return rc;
    }
    *ret = s;
    return LTD_OK;
}

void ltd_simulator_free(ltd_simulator *s)
{
    if (!s) return;
    free_drafter(&s->chain);
    free_drafter(&s->tree);
    free(s->expected);
    free(s->path);
    free(s->drafted);
    free(s->seen);
    free(s);
}

/* --- drafting: as env/cycle.c does it --- */

static int grow(drafter *d, ltd_err *err)
{
    if (ltd_tree_grow(d->tree, ltd_draft_tokens(d->draft), ltd_draft_logp(d->draft)) == 0)
        return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "draft: the tree holds no more forwards");
}

/* The resync: all pairs up to the root, which is the last pair's token. */
static int begin(const ltd_simulator *s, drafter *d, const text *t, int32_t root, ltd_err *err)
{
    size_t feature = 3 * (size_t)ltd_eagle3_get_config(s->head)->target_hidden;
    int rc = LTD_OK;
    ltd_tree_reset(d->tree);
    while (rc == LTD_OK && ltd_draft_length(d->draft) < root) {
        int32_t at = ltd_draft_length(d->draft), n = root - at < ROWS ? root - at : ROWS;
        rc = ltd_draft_extend(d->draft, t->features + (size_t)at * feature, t->token + at + 1, n,
                              at + n == root, err);
    }
    return rc < 0 ? rc : grow(d, err);
}

static int expand(drafter *d, ltd_err *err)
{
    const int32_t *ancestors[LTD_TREE_MAX_TOP_K];
    int32_t n = 0;
    for (int32_t j = 0; j < ltd_tree_top_k(d->tree); j++)
        n = ltd_tree_beam_ancestors(d->tree, j, &ancestors[j]);
    ltd_expansion rows = {ltd_tree_beam_token(d->tree), ltd_tree_beam_source(d->tree), ancestors,
                          n};
    int rc = ltd_draft_expand(d->draft, &rows, err);
    return rc < 0 ? rc : grow(d, err);
}

/* --- chains --- */

/* Drafted tokens that are right, one after the other. */
static int run_chain(ltd_simulator *s, const text *t, int32_t root, ltd_simulated *sum,
                     int32_t *right, ltd_err *err)
{
    int rc = begin(s, &s->chain, t, root, err);
    *right = 0;
    while (rc == LTD_OK) {
        int32_t i = *right;
        sum->tried[i]++;
        /* A beam of one adds a node a forward. */
        if (ltd_tree_nodes(s->chain.tree)[i].token != t->token[root + 1 + i]) break;
        sum->right[i]++;
        *right = i + 1;
        if (*right == s->options.chain || root + 1 + *right == t->n) break;
        rc = expand(&s->chain, err);
    }
    return rc;
}

static int chains_at(ltd_simulator *s, const text *t, int32_t root, ltd_simulated *sum,
                     ltd_err *err)
{
    if (!s->chain.draft) return LTD_OK;
    int32_t right;
    int rc = run_chain(s, t, root, sum, &right, err);
    if (rc < 0) return rc;
    for (int32_t i = 0; i < s->options.chain; i++) {
        if (s->chain_next[i] != root) continue;
        int32_t n = 1 + (right < i + 1 ? right : i + 1);
        s->chain_next[i] += n;
        sum->chain_cycles[i]++;
        ltd_simulated_cycle told = {.chain = i + 1, .root = root, .accept_len = n};
        if (s->options.tell) s->options.tell(s->options.ctx, &told);
    }
    return LTD_OK;
}

/* --- trees --- */

/* What the target accepts of a tree.  It is asked on the right path alone, where its choice is the
 * text's next token; entries beside that path get one that nobody reads. */
static int32_t accept(ltd_simulator *s, const text *t, int32_t root, int32_t size)
{
    const ltd_selection *sel = ltd_tree_select(s->tree.tree, t->token[root], size);
    int32_t next;
    for (int32_t e = 0; e < sel->n; e++) {
        int32_t at = root + 1 + sel->depth[e];
        s->expected[e] = at < t->n ? t->token[at] : -1;
    }
    return ltd_accept_greedy(sel, s->expected, s->path, &next);
}

/* Whether the next token is in the pool after the resync. */
static bool found(const drafter *d, int32_t token)
{
    for (int32_t i = 0; i < ltd_tree_count(d->tree); i++)
        if (ltd_tree_nodes(d->tree)[i].token == token) return true;
    return false;
}

static int trees_at(ltd_simulator *s, const text *t, int32_t root, ltd_simulated *sum, ltd_err *err)
{
    const ltd_simulator_options *o = &s->options;
    int32_t deepest = 0, accepted[LTD_SIMULATE_TREES];
    for (int32_t i = 0; i < o->n_trees; i++) {
        accepted[i] = 1;
        if (s->tree_next[i] == root && o->tree[i].forwards > deepest) deepest = o->tree[i].forwards;
    }
    if (!deepest) return LTD_OK;
    int rc = begin(s, &s->tree, t, root, err);
    /* Without the next token nothing that is drafted can be right. */
    if (rc == LTD_OK && !found(&s->tree, t->token[root + 1])) deepest = 0;
    for (int32_t f = 1; rc == LTD_OK && f <= deepest; f++) {
        for (int32_t i = 0; i < o->n_trees; i++)
            if (s->tree_next[i] == root && o->tree[i].forwards == f)
                accepted[i] = accept(s, t, root, o->tree[i].size);
        if (f < deepest) rc = expand(&s->tree, err);
    }
    for (int32_t i = 0; rc == LTD_OK && i < o->n_trees; i++) {
        if (s->tree_next[i] != root) continue;
        s->tree_next[i] += accepted[i];
        sum->tree_cycles[i]++;
        ltd_simulated_cycle told = {.tree = i, .root = root, .accept_len = accepted[i]};
        if (o->tell) o->tell(o->ctx, &told);
    }
    return rc;
}

/* --- a text --- */

static int check_text(const ltd_simulator *s, const text *t, ltd_err *err)
{
    int32_t vocab = ltd_eagle3_get_config(s->head)->vocab;
    if (t->n > s->options.context || t->answer < 1 || t->answer > t->n)
        return ltd_fail(err, LTD_EINVAL,
                        "simulator: text of %d tokens, the answer at %d; room for %d", t->n,
                        t->answer, s->options.context);
    for (int32_t i = 0; i < t->n; i++)
        if (t->token[i] < 0 || t->token[i] >= vocab)
            return ltd_fail(err, LTD_EINVAL, "simulator: token %d at %d, expected 0 to %d",
                            t->token[i], i, vocab - 1);
    return LTD_OK;
}

static int start(ltd_simulator *s, const text *t, ltd_err *err)
{
    int rc = check_text(s, t, err);
    if (rc == LTD_OK && s->chain.draft) rc = ltd_draft_begin(s->chain.draft, t->token[0], err);
    if (rc == LTD_OK && s->tree.draft) rc = ltd_draft_begin(s->tree.draft, t->token[0], err);
    for (int i = 0; i < LTD_SIMULATE_CHAIN; i++) s->chain_next[i] = t->answer;
    for (int i = 0; i < LTD_SIMULATE_TREES; i++) s->tree_next[i] = t->answer;
    s->number++;
    return rc;
}

int ltd_simulator_text(ltd_simulator *s, const int32_t *token, int32_t n, int32_t answer,
                       const float *features, ltd_simulated *sum, ltd_err *err)
{
    text t = {token, n, answer, features};
    ltd_simulated one = {.texts = 1};
    int rc = start(s, &t, err);
    if (rc < 0) return rc;
    for (int32_t i = 0; i < answer; i++) s->seen[token[i]] = s->number;
    for (int32_t root = answer; rc == LTD_OK && root + 1 < n; root++) {
        int32_t next = token[root + 1];
        s->seen[token[root]] = s->number;
        one.positions++;
        one.covered += s->drafted[next];
        one.covered_seen += s->drafted[next] || s->seen[next] == s->number;
        rc = chains_at(s, &t, root, &one, err);
        if (rc == LTD_OK) rc = trees_at(s, &t, root, &one, err);
    }
    if (rc == LTD_OK) ltd_simulated_add(sum, &one);
    return rc;
}

/* --- sums --- */

void ltd_simulated_add(ltd_simulated *sum, const ltd_simulated *one)
{
    sum->texts += one->texts;
    sum->positions += one->positions;
    for (int i = 0; i < LTD_SIMULATE_CHAIN; i++) {
        sum->tried[i] += one->tried[i];
        sum->right[i] += one->right[i];
        sum->chain_cycles[i] += one->chain_cycles[i];
    }
    for (int i = 0; i < LTD_SIMULATE_TREES; i++) sum->tree_cycles[i] += one->tree_cycles[i];
    sum->covered += one->covered;
    sum->covered_seen += one->covered_seen;
}

static double ratio(int64_t a, int64_t b)
{
    return b ? (double)a / (double)b : NAN;
}

double ltd_simulated_right(const ltd_simulated *r, int32_t depth)
{
    return ratio(r->right[depth - 1], r->tried[depth - 1]);
}

double ltd_simulated_covered(const ltd_simulated *r, int32_t seen)
{
    return ratio(seen ? r->covered_seen : r->covered, r->positions);
}

double ltd_simulated_chain_len(const ltd_simulated *r, int32_t depth)
{
    return ratio(r->positions, r->chain_cycles[depth - 1]);
}

double ltd_simulated_tree_len(const ltd_simulated *r, int32_t i)
{
    return ratio(r->positions, r->tree_cycles[i]);
}
