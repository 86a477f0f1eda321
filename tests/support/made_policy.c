#include "tests/support/made_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"

static ltd_mlp *made_net(const made_policy_kind *k, int32_t in, int32_t out, ltd_rng *rng)
{
    const int32_t deep[] = {in, k->hidden, k->hidden, out}, flat[] = {in, out};
    ltd_mlp *net;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_mlp_new(&net, k->hidden ? deep : flat, k->hidden ? 3 : 1, k->activation, &err) < 0)
        fail_msg("%s", err.msg);
    for (int32_t i = 0; i < ltd_mlp_layers(net); i++) {
        int32_t n = ltd_mlp_dim(net, i), m = ltd_mlp_dim(net, i + 1);
        float *w = calloc((size_t)n * (size_t)m, sizeof *w), *b = calloc((size_t)m, sizeof *b);
        assert_true(w && b);
        float scale = n > 64 ? 0.05f : 0.2f;
        for (int32_t j = 0; j < n * m; j++) w[j] = scale * ltd_rng_normal(rng);
        for (int32_t j = 0; j < m; j++) b[j] = 0.1f * ltd_rng_normal(rng);
        assert_int_equal(ltd_mlp_set(net, i, w, b, &err), 0);
        free(w);
        free(b);
    }
    return net;
}

static void add_curves(ltd_policy *p, const made_policy_kind *k, ltd_rng *rng)
{
    if (k->survival) {
        ltd_survival *s = p->survival = calloc(1, sizeof *s);
        assert_non_null(s);
        for (int i = 0; i < LTD_SURVIVAL_KNOTS; i++) s->head[i] = -0.1f * (float)i;
        for (int m = 0; m < LTD_SURVIVAL_MATCHES; m++) {
            for (int i = 0; i < LTD_SURVIVAL_CHAIN; i++)
                s->lookup[m][i] = -0.37f * (float)(i + 1) / (float)(m + 1);
            for (int i = 0; i < 3; i++) s->both[m][i] = ltd_rng_normal(rng);
        }
    }
    if (!k->table) return;
    ltd_table *t = p->table = calloc(1, sizeof *t);
    assert_non_null(t);
    ltd_table_init(t, 3);
    for (int32_t n = 0; n <= 3; n++)
        for (int32_t c = 0; c < LTD_TABLE_CONFIDENCES; c++)
            for (int32_t m = 0; m < LTD_TABLE_MATCHES; m++)
                t->at[n][c][m] = (ltd_table_class){n < 3 && c > 5, m + c, 1000 * n + c};
}

ltd_policy *made_policy(const made_policy_kind *k)
{
    static const int32_t sizes[] = {0, 1, 2, 4, 8, 16};
    ltd_rng rng;
    ltd_rng_seed(&rng, k->seed, LTD_STREAM_INIT);
    ltd_policy *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->depth_contract = k->paper ? LTD_CONTRACT_PAPER_DEPTH : LTD_CONTRACT_LTD_DEPTH;
    p->size_contract = k->paper ? LTD_CONTRACT_PAPER_SIZE : LTD_CONTRACT_LTD_SIZE;
    p->n_sizes = k->paper ? 24 : 6;
    for (int32_t i = 0; i < p->n_sizes; i++) p->sizes[i] = k->paper ? 10 * (i + 1) : sizes[i];
    p->top_k = 10;
    p->min_forwards = k->paper ? 2 : 0;
    p->max_forwards = k->paper ? 13 : 6;
    p->depth_every = 1;
    p->lookup = !k->paper;
    p->rate = 1.0 / 3;
    p->fixed_forwards = 5;
    p->fixed_size = 60;
    int32_t depth = ltd_contract_dim(p->depth_contract), size = ltd_contract_dim(p->size_contract);
    if (k->depth) p->depth = made_net(k, depth, 2, &rng);
    if (k->size) p->size = made_net(k, size, p->n_sizes, &rng);
    if (k->depth && k->critics) p->depth_critic = made_net(k, depth, 1, &rng);
    if (k->size && k->critics) p->size_critic = made_net(k, size, 1, &rng);
    add_curves(p, k, &rng);
    memset(p->model_hash, 'a', 64);
    if (!k->paper) memset(p->head_hash, 'b', 64);
    snprintf(p->machine, sizeof p->machine, "a \"machine\" / of \\ ours, 2 threads");
    return p;
}

static void same_net(const ltd_mlp *a, const ltd_mlp *b)
{
    assert_int_equal(!a, !b);
    if (!a) return;
    assert_int_equal(ltd_mlp_layers(a), ltd_mlp_layers(b));
    assert_int_equal(ltd_mlp_activation(a), ltd_mlp_activation(b));
    for (int32_t i = 0; i <= ltd_mlp_layers(a); i++)
        assert_int_equal(ltd_mlp_dim(a, i), ltd_mlp_dim(b, i));
    for (int32_t i = 0; i < ltd_mlp_layers(a); i++) {
        size_t n = (size_t)ltd_mlp_dim(a, i), m = (size_t)ltd_mlp_dim(a, i + 1);
        float *x = calloc(2 * (n * m + m), sizeof *x), *y = x + n * m + m;
        assert_non_null(x);
        assert_int_equal(ltd_mlp_get(a, i, x, x + n * m, NULL), 0);
        assert_int_equal(ltd_mlp_get(b, i, y, y + n * m, NULL), 0);
        assert_memory_equal(x, y, (n * m + m) * sizeof *x);
        free(x);
    }
}

static void same_curves(const ltd_policy *a, const ltd_policy *b)
{
    assert_int_equal(!a->survival, !b->survival);
    if (a->survival) {
        assert_memory_equal(a->survival->head, b->survival->head, sizeof a->survival->head);
        assert_memory_equal(a->survival->lookup, b->survival->lookup, sizeof a->survival->lookup);
        assert_memory_equal(a->survival->both, b->survival->both, sizeof a->survival->both);
    }
    assert_int_equal(!a->table, !b->table);
    if (!a->table) return;
    ltd_str x = LTD_STR_INIT, y = LTD_STR_INIT;
    ltd_table_csv(a->table, &x);
    ltd_table_csv(b->table, &y);
    assert_string_equal(ltd_str_text(&x), ltd_str_text(&y));
    assert_int_equal(a->table->max_forwards, b->table->max_forwards);
    assert_memory_equal(a->table->confidence, b->table->confidence, sizeof a->table->confidence);
    assert_memory_equal(a->table->match, b->table->match, sizeof a->table->match);
    ltd_str_fini(&x);
    ltd_str_fini(&y);
}

void made_policy_same(const ltd_policy *a, const ltd_policy *b)
{
    assert_int_equal(a->depth_contract, b->depth_contract);
    assert_int_equal(a->size_contract, b->size_contract);
    assert_int_equal(a->n_sizes, b->n_sizes);
    assert_memory_equal(a->sizes, b->sizes, sizeof a->sizes);
    const int32_t x[] = {a->top_k,       a->min_forwards,   a->max_forwards,
                         a->depth_every, a->fixed_forwards, a->fixed_size};
    const int32_t y[] = {b->top_k,       b->min_forwards,   b->max_forwards,
                         b->depth_every, b->fixed_forwards, b->fixed_size};
    assert_memory_equal(x, y, sizeof x);
    assert_int_equal(a->lookup, b->lookup);
    assert_memory_equal(&a->rate, &b->rate, sizeof a->rate);
    assert_string_equal(a->model_hash, b->model_hash);
    assert_string_equal(a->head_hash, b->head_hash);
    assert_string_equal(a->machine, b->machine);
    same_net(a->depth, b->depth);
    same_net(a->size, b->size);
    same_net(a->depth_critic, b->depth_critic);
    same_net(a->size_critic, b->size_critic);
    same_curves(a, b);
}

void made_policy_obs(float *ret, int32_t dim, uint64_t i)
{
    ltd_rng rng;
    ltd_rng_seed(&rng, i, LTD_STREAM_EXPLORE);
    for (int32_t k = 0; k < dim; k++) ret[k] = ltd_rng_normal(&rng);
}
