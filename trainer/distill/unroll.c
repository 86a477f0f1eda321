#include "trainer/distill/unroll.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/distill/unroll_ops_impl.h"

/* --- before the steps --- */

static void load_parts(graph *g, float *grad)
{
    const ltd_head_net *net = g->net;
    for (int p = 0; p < LTD_HEAD_PARTS; p++) {
        g->part[p] = view_f32(g, net->data + net->offset[p], net->rows[p], net->cols[p]);
        if (g->rc == LTD_OK && grad)
            g->rc = ltd_tensor_require_grad(g->part[p], grad + net->offset[p], g->err);
        if (g->o->f64) g->part[p] = widen(g, g->part[p]);
    }
}

/* Row positions [n] into tables of cos and sin. */
static void turn_to(graph *g, const int64_t *position, int32_t n, ltd_tensor **cos,
                    ltd_tensor **sin)
{
    size_t half = (size_t)g->rope.half;
    for (int32_t i = 0; i < n; i++) {
        memcpy(g->cos + (size_t)i * half, g->rope.cos + (size_t)position[i] * half,
               half * sizeof(float));
        memcpy(g->sin + (size_t)i * half, g->rope.sin + (size_t)position[i] * half,
               half * sizeof(float));
    }
    *cos = constant_copy(g, g->cos, n, (int64_t)half);
    *sin = constant_copy(g, g->sin, n, (int64_t)half);
}

static ltd_tensor *input(graph *g, ltd_tensor *embed, ltd_tensor *h)
{
    ltd_tensor *both[2] = {embed, norm(g, h, LTD_HEAD_HIDDEN_NORM)};
    return concat(g, both, 2, 1);
}

/* Keys and values of x [n, 2 hidden]. */
static void keys_values(graph *g, ltd_tensor *x, int32_t n, ltd_tensor *cos, ltd_tensor *sin,
                        ltd_tensor **k, ltd_tensor **v)
{
    const ltd_head_shape *s = &g->net->shape;
    int64_t width = (int64_t)s->kv_heads * s->head_dim;
    ltd_tensor *kv = linear(g, x, LTD_HEAD_KV);
    *k = rope(g, narrow(g, kv, 1, 0, width), n, s->kv_heads, cos, sin);
    *v = shape(g, narrow(g, kv, 1, width, width), n, s->kv_heads, s->head_dim);
}

/* What the target predicts, and where its own token stands. */
static void read_targets(graph *g)
{
    const ltd_batch *b = g->b;
    int64_t h = g->net->shape.hidden;
    g->lm_head = constant(g, b->lm_head, b->vocab, h);
    g->target = constant(g, b->target, b->anchors, h);
    g->weight = constant(g, b->weight, b->anchors, 0);
    bool was = ltd_torch_set_grad_mode(false);
    ltd_tensor *z = product(g, g->target, g->lm_head);
    count_flop(g, z, h, 0);
    g->p = softmax(g, scale(g, z, 1 / g->o->temperature), 1);
    ltd_tensor *minus = sum(g, mul(g, g->p, logarithm(g, g->p)), 1);
    if (g->rc == LTD_OK) g->rc = ltd_tensor_to_f32(minus, g->minus_entropy, b->anchors, g->err);
    if (g->rc == LTD_OK) g->rc = ltd_tensor_to_i64(argmax(g, z), g->best, b->anchors, g->err);
    ltd_torch_set_grad_mode(was);
}

/* Everything of step 0 that later steps look at; returns x of all rows, *h the features. */
static ltd_tensor *read_rows(graph *g, ltd_tensor **h)
{
    const ltd_batch *b = g->b;
    int64_t hidden = g->net->shape.hidden;
    for (int32_t t = 0; t < b->texts; t++)
        for (int32_t p = 0; p < b->text[t].rows; p++) g->row[b->text[t].row + p] = p;
    ltd_tensor *cos, *sin;
    turn_to(g, g->row, b->rows, &cos, &sin);
    *h = linear(g, constant(g, b->feature, b->rows, 3 * hidden), LTD_HEAD_FC);
    g->embed = norm(g, constant(g, b->embed, b->rows, hidden), LTD_HEAD_INPUT_NORM);
    ltd_tensor *x = input(g, g->embed, *h);
    keys_values(g, x, b->rows, cos, sin, &g->k0, &g->v0);
    return x;
}

/* --- a step --- */

/* Anchors of text t that have a target at step j. */
static int32_t left(const ltd_batch_text *t, int32_t j)
{
    return t->anchors > j ? t->anchors - j : 0;
}

/* The anchors that go on: their rows, their places among those of the step before, and the places
 * of their targets. */
static void choose_anchors(graph *g, int32_t j)
{
    const ltd_batch *b = g->b;
    int32_t n = 0, before = 0;
    for (int32_t t = 0; t < b->texts; t++) {
        const ltd_batch_text *text = &b->text[t];
        for (int32_t i = 0; i < left(text, j); i++, n++) {
            g->row[n] = text->row + text->first + i;
            g->keep[n] = before + i;
            g->at[n] = text->anchor + i + j;
        }
        before += j ? left(text, j - 1) : 0;
    }
    g->anchors = n;
}

/* [kv_heads, group, n, d] of q, k or v [.., heads, d], the rows from `from` on. */
static ltd_tensor *by_head(graph *g, ltd_tensor *x, int64_t from, int64_t n, int32_t heads)
{
    const ltd_head_shape *s = &g->net->shape;
    ltd_tensor *t =
        shape4(g, narrow(g, x, 0, from, n), n, s->kv_heads, heads / s->kv_heads, s->head_dim);
    return turn4(g, t, 1, 2, 0, 3);
}

static ltd_tensor *mask_of(graph *g, const ltd_batch_text *t, int32_t n, int32_t seen)
{
    for (int32_t i = 0; i < n; i++)
        for (int32_t p = 0; p < seen; p++)
            g->mask[(size_t)i * (size_t)seen + (size_t)p] = p <= t->first + i ? 0.0f : -1e30f;
    return constant_copy(g, g->mask, n, seen);
}

/* Attention of n anchors of a text at step j; `from` is the first one's place: [n, heads * d]. */
static ltd_tensor *attend_text(graph *g, ltd_tensor *queries, const ltd_batch_text *t, int32_t j,
                               int32_t from, int32_t n)
{
    const ltd_head_shape *s = &g->net->shape;
    int64_t kv = s->kv_heads, group = s->heads / s->kv_heads, d = s->head_dim;
    int64_t seen = t->first + n, m = group * n;
    ltd_tensor *q = by_head(g, queries, from, n, s->heads);
    ltd_tensor *k = turn(g, narrow(g, g->k0, 0, t->row, seen), 1, 2, 0);
    ltd_tensor *v = turn(g, narrow(g, g->v0, 0, t->row, seen), 1, 0, 2);
    ltd_tensor *score = matmul(g, shape(g, q, kv, m, d), k), *parts[LTD_UNROLL_MAX];
    count_flop(g, score, d, 2);
    parts[0] = add(g, shape(g, score, s->heads, n, seen), mask_of(g, t, n, (int32_t)seen));
    for (int32_t i = 1; i <= j; i++) {
        ltd_tensor *own = by_head(g, g->k[i], from, n, s->kv_heads);
        parts[i] = shape(g, sum(g, mul(g, q, own), -1), s->heads, n, 1);
    }
    ltd_tensor *w = softmax(g, j ? concat(g, parts, j + 1, 2) : parts[0], 2);
    ltd_tensor *y = matmul(g, shape(g, narrow(g, w, 2, 0, seen), kv, m, seen), v);
    count_flop(g, y, seen, 2);
    y = shape4(g, y, kv, group, n, d);
    for (int32_t i = 1; i <= j; i++) {
        ltd_tensor *own = by_head(g, g->v[i], from, n, s->kv_heads);
        y = add(g, y, mul(g, shape4(g, narrow(g, w, 2, seen + i - 1, 1), kv, group, n, 1), own));
    }
    return shape2(g, turn4(g, y, 2, 0, 1, 3), n, s->heads * d);
}

static ltd_tensor *attend(graph *g, ltd_tensor *x, int32_t j, ltd_tensor *cos, ltd_tensor *sin)
{
    const ltd_head_shape *s = &g->net->shape;
    const ltd_batch *b = g->b;
    ltd_tensor *q = rope(g, linear(g, x, LTD_HEAD_Q), g->anchors, s->heads, cos, sin);
    q = scale(g, q, 1 / sqrt((double)s->head_dim));
    ltd_tensor **y = ltd_mem_zeros((size_t)b->texts, sizeof(ltd_tensor *));
    if (!y && g->rc == LTD_OK) g->rc = ltd_fail(g->err, LTD_ENOMEM, "attention: no memory");
    int32_t parts = 0, from = 0;
    for (int32_t t = 0; y && g->rc == LTD_OK && t < b->texts; t++) {
        int32_t n = left(&b->text[t], j);
        if (!n) continue;
        y[parts++] = attend_text(g, q, &b->text[t], j, from, n);
        from += n;
    }
    ltd_tensor *all = concat(g, y, parts, 0);
    free(y);
    return linear(g, all, LTD_HEAD_OUT);
}

static ltd_tensor *feed_forward(graph *g, ltd_tensor *h)
{
    ltd_tensor *both = linear(g, norm(g, h, LTD_HEAD_POST_NORM), LTD_HEAD_GATE_UP);
    return linear(g, silu_mul(g, both), LTD_HEAD_DOWN);
}

static double item(graph *g, ltd_tensor *t)
{
    double x = 0;
    if (g->rc == LTD_OK) g->rc = ltd_tensor_item(t, &x, g->err);
    return x;
}

/* How the step did, beside its loss. */
static void count_step(graph *g, ltd_tensor *z, ltd_tensor *cross, ltd_tensor *far, int32_t j)
{
    ltd_unroll_stats *s = g->stats;
    int64_t *chosen = g->keep; /* free until the next step */
    bool was = ltd_torch_set_grad_mode(false);
    if (g->rc == LTD_OK) g->rc = ltd_tensor_to_i64(argmax(g, z), chosen, g->anchors, g->err);
    s->anchors[j] += g->anchors;
    s->kl[j] += item(g, cross);
    s->regression[j] += item(g, far);
    for (int32_t i = 0; g->rc == LTD_OK && i < g->anchors; i++) {
        s->hits[j] += chosen[i] == g->best[g->at[i]];
        s->kl[j] += (double)g->minus_entropy[g->at[i]];
    }
    ltd_torch_set_grad_mode(was);
}

/* Loss of the features h of step j. */
static void judge(graph *g, ltd_tensor *h, ltd_tensor *at, int32_t j)
{
    int64_t hidden = g->net->shape.hidden;
    ltd_tensor *last = norm(g, h, LTD_HEAD_NORM), *want = rows(g, g->target, at);
    ltd_tensor *z = product(g, last, g->lm_head);
    count_flop(g, z, hidden, 1);
    ltd_tensor *cross = cross_entropy(g, z, g->p, at);
    ltd_tensor *off = sub(g, last, want);
    ltd_tensor *square = sum(g, mul(g, off, off), 1);
    ltd_tensor *far = sum(g, mul(g, square, rows(g, g->weight, at)), 0);
    ltd_tensor *both = add(g, cross, scale(g, far, g->o->regression));
    both = scale(g, both, pow(g->o->step_weight, j) / g->o->anchors);
    g->loss = g->loss ? add(g, g->loss, both) : both;
    count_step(g, z, cross, far, j);
}

static ltd_tensor *step(graph *g, ltd_tensor *x0, ltd_tensor *h, int32_t j)
{
    const ltd_batch *b = g->b;
    choose_anchors(g, j);
    if (!g->anchors || g->rc < 0) return NULL;
    ltd_tensor *row = copy_i64(g, g->row, g->anchors), *at = copy_i64(g, g->at, g->anchors);
    ltd_tensor *x, *cos, *sin;
    if (j == 0) {
        h = rows(g, h, row);
        x = rows(g, x0, row);
    } else {
        ltd_tensor *keep = copy_i64(g, g->keep, g->anchors);
        h = rows(g, h, keep);
        for (int32_t i = 1; i < j; i++) {
            g->k[i] = rows(g, g->k[i], keep);
            g->v[i] = rows(g, g->v[i], keep);
        }
        for (int32_t i = 0; i < g->anchors; i++) g->keep[i] = g->row[i] + j;
        x = input(g, rows(g, g->embed, copy_i64(g, g->keep, g->anchors)), h);
    }
    for (int32_t t = 0, n = 0; t < b->texts; t++)
        for (int32_t i = 0; i < left(&b->text[t], j); i++) g->keep[n++] = b->text[t].first + i + j;
    turn_to(g, g->keep, g->anchors, &cos, &sin);
    if (j) keys_values(g, x, g->anchors, cos, sin, &g->k[j], &g->v[j]);
    h = add(g, h, attend(g, x, j, cos, sin));
    h = add(g, h, feed_forward(g, h));
    judge(g, h, at, j);
    return h;
}

/* --- */

static int allocate(graph *g)
{
    const ltd_batch *b = g->b;
    const ltd_head_shape *s = &g->net->shape;
    size_t rows = (size_t)b->rows, half = (size_t)s->head_dim / 2, mask = 0;
    int32_t longest = 0;
    for (int32_t t = 0; t < b->texts; t++) {
        size_t n = (size_t)b->text[t].anchors * (size_t)b->text[t].rows;
        if (n > mask) mask = n;
        if (b->text[t].rows > longest) longest = b->text[t].rows;
    }
    g->row = ltd_mem_zeros(rows, sizeof *g->row);
    g->keep = ltd_mem_zeros(rows, sizeof *g->keep);
    g->at = ltd_mem_zeros(rows, sizeof *g->at);
    g->best = ltd_mem_zeros(rows, sizeof *g->best);
    g->minus_entropy = ltd_mem_zeros(rows, sizeof *g->minus_entropy);
    g->cos = ltd_mem_zeros(rows * half, sizeof *g->cos);
    g->sin = ltd_mem_zeros(rows * half, sizeof *g->sin);
    g->mask = ltd_mem_zeros(mask, sizeof *g->mask);
    if (!g->row || !g->keep || !g->at || !g->best || !g->minus_entropy || !g->cos || !g->sin ||
        !g->mask)
        return ltd_fail(g->err, LTD_ENOMEM, "batch of %d rows: no memory", b->rows);
    return ltd_rope_init(&g->rope, longest + LTD_UNROLL_MAX, s->head_dim, (double)s->rope_theta,
                         NULL, g->err);
}

static void release(graph *g)
{
    free(g->row);
    free(g->keep);
    free(g->at);
    free(g->best);
    free(g->minus_entropy);
    free(g->cos);
    free(g->sin);
    free(g->mask);
    ltd_rope_fini(&g->rope);
}

int ltd_unroll(const ltd_unroll_options *options, const ltd_head_net *net, const ltd_batch *batch,
               float *grad, ltd_unroll_stats *stats, ltd_err *err)
{
    graph g = {
        .o = options, .net = net, .b = batch, .stats = stats, .err = err, .train = grad != NULL};
    ltd_torch_scope scope;
    memset(stats, 0, sizeof *stats);
    if (!batch->anchors) return LTD_OK;
    ltd_torch_scope_init(&scope);
    bool was = ltd_torch_set_grad_mode(g.train);
    g.rc = allocate(&g);
    load_parts(&g, grad);
    read_targets(&g);
    ltd_tensor *h = NULL, *x = read_rows(&g, &h);
    for (int32_t j = 0; j < options->steps && g.rc == LTD_OK && (h || j == 0); j++)
        h = step(&g, x, h, j);
    if (g.rc == LTD_OK) stats->loss = item(&g, g.loss);
    if (g.rc == LTD_OK && g.train) g.rc = ltd_tensor_backward(g.loss, err);
    ltd_torch_set_grad_mode(was);
    ltd_torch_scope_fini(&scope);
    release(&g);
    return g.rc;
}

void ltd_unroll_stats_add(ltd_unroll_stats *to, const ltd_unroll_stats *from)
{
    for (int j = 0; j < LTD_UNROLL_MAX; j++) {
        to->anchors[j] += from->anchors[j];
        to->kl[j] += from->kl[j];
        to->hits[j] += from->hits[j];
        to->regression[j] += from->regression[j];
    }
    to->loss += from->loss;
    to->flop += from->flop;
}
