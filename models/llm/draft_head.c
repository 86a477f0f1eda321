#include "models/llm/draft_head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/llm/llama_priv.h"

/* Of a task: few rows still make work for several threads, and what a product does once for all its
 * tiles doesn't count.  Sums of exponentials depend on it, so it must not depend on the threads. */
enum { SLICE_TILES = 16, SLICE = SLICE_TILES * LTD_TILE };
/* A lane without a token. */
static const float nothing = -3.0e38f;

static int32_t slices_of(int32_t rows)
{
    return (rows + SLICE - 1) / SLICE;
}

/* Rounded up to a cache line of numbers: threads don't write to each other's. */
static size_t lines(int32_t n)
{
    return ((size_t)n + 15) / 16 * 16;
}

/* Where the list of a thread and row is. */
static size_t list_at(const ltd_draft_head *h, int32_t thread, int32_t row)
{
    return (size_t)thread * lines(h->top_k * h->list) + (size_t)(row * h->list);
}

/* Where its length is. */
static size_t have_at(const ltd_draft_head *h, int32_t thread, int32_t row)
{
    return (size_t)thread * lines(h->top_k) + (size_t)row;
}

/* --- vocabulary --- */

static int make_room(ltd_draft_head *h, const ltd_draft_options *o, ltd_err *err)
{
    const ltd_eagle3_config *c = &h->head->config;
    const ltd_packed *rows = h->head->target->lm_head;
    int32_t most = c->vocab - c->draft_vocab;
    if (o->vocabulary == LTD_VOCABULARY_CONTEXT && most && rows->in != c->hidden)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "draft vocabulary: the text's tokens need rows of the target, which have "
                        "%d columns; this head's have %d",
                        rows->in, c->hidden);
    if (!ltd_eagle3_extends(h->head, o->vocabulary)) return LTD_OK;
    if (o->context < most) most = o->context + 1;
    return ltd_pack_init(&h->room, most, rows->in, rows->kind, NULL, err);
}

static int make_vocabulary(ltd_draft_head *h, const ltd_draft_options *o, ltd_err *err)
{
    const ltd_eagle3_config *c = &h->head->config;
    int rc = make_room(h, o, err);
    if (rc < 0) return rc;
    h->part[0] = h->head->lm_head;
    h->part[0].owned = false;
    size_t width = (size_t)h->part[0].width, own = (size_t)c->draft_vocab;
    h->id = ltd_mem_zeros(width + (size_t)h->room.width, sizeof(int32_t));
    if (!h->id) return ltd_fail(err, LTD_ENOMEM, "draft: no memory");
    memcpy(h->id, h->head->target_id, own * sizeof(int32_t));
    if (!h->room.data) return LTD_OK;
    h->since = ltd_mem_zeros((size_t)h->room.out, sizeof(int32_t));
    h->known = ltd_mem_zeros((size_t)c->vocab, 1);
    if (!h->since || !h->known) return ltd_fail(err, LTD_ENOMEM, "draft: no memory");
    for (size_t i = 0; i < own; i++) h->known[h->id[i]] = 1;
    return LTD_OK;
}

static void show(ltd_draft_head *h, int32_t added)
{
    h->added = added;
    h->part[1] = added ? ltd_pack_first(&h->room, added) : (ltd_packed){0};
}

void ltd_draft_head_add(ltd_draft_head *h, int32_t token, int32_t pair)
{
    if (!h->room.data || h->known[token]) return;
    int32_t row = h->added;
    ltd_pack_copy_row(&h->room, row, h->head->target->lm_head, token);
    h->known[token] = 1;
    h->id[h->part[0].width + row] = token;
    h->since[row] = pair;
    show(h, row + 1);
}

void ltd_draft_head_forget(ltd_draft_head *h, int32_t n)
{
    int32_t added = h->added;
    while (added > 0 && h->since[added - 1] >= n) h->known[h->id[h->part[0].width + --added]] = 0;
    if (added < h->added) show(h, added);
}

/* --- lifecycle --- */

static int allocate(ltd_draft_head *h, bool logits, ltd_err *err)
{
    size_t k = (size_t)h->top_k, threads = (size_t)h->threads;
    size_t slices = (size_t)(slices_of(h->part[0].width) + slices_of(h->room.width));
    size_t lists = list_at(h, h->threads, 0);
    bool ok = (h->largest = ltd_mem_aligned(slices * k, sizeof(float)));
    ok = (h->sum = ltd_mem_aligned(slices * k, sizeof(float))) && ok;
    ok = (h->have = ltd_mem_aligned(have_at(h, h->threads, 0), sizeof(int32_t))) && ok;
    ok = (h->best = ltd_mem_aligned(lists, sizeof(float))) && ok;
    ok = (h->best_id = ltd_mem_aligned(lists, sizeof(int32_t))) && ok;
    ok = (h->tokens = ltd_mem_aligned(k * k, sizeof(int32_t))) && ok;
    ok = (h->logp = ltd_mem_aligned(k * k, sizeof(float))) && ok;
    ok = (h->y = ltd_mem_aligned(threads * k * SLICE, sizeof(float))) && ok;
    if (logits)
        ok = (h->logits = ltd_mem_aligned(k * (size_t)h->part[0].width, sizeof(float))) && ok;
    return ok ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "draft: no memory");
}

int ltd_draft_head_init(ltd_draft_head *ret, const ltd_eagle3 *head, const ltd_draft_options *o,
                        ltd_err *err)
{
    *ret = (ltd_draft_head){.head = head, .top_k = o->top_k, .list = (o->top_k + 7) / 8 * 8};
    ret->threads = ltd_pool_threads(ltd_llama_pool(head->target));
    int rc = make_vocabulary(ret, o, err);
    return rc < 0 ? rc : allocate(ret, o->logits, err);
}

void ltd_draft_head_fini(ltd_draft_head *h)
{
    ltd_pack_fini(&h->room);
    free(h->id);
    free(h->since);
    free(h->known);
    free(h->y);
    free(h->largest);
    free(h->sum);
    free(h->have);
    free(h->best);
    free(h->best_id);
    free(h->logits);
    free(h->tokens);
    free(h->logp);
}

/* --- slices --- */

typedef struct head_job {
    ltd_draft_head *h;
    const ltd_decoder *d;
    int32_t m, slices, own; /* rows; slices, and those of them that are the head's own */
} head_job;

static void head_slice(void *ctx, int32_t task, int32_t thread)
{
    const head_job *j = ctx;
    ltd_draft_head *h = j->h;
    const ltd_kernels *k = j->d->kernels;
    bool text = task >= j->own;
    const ltd_packed *w = &h->part[text];
    int32_t t0 = SLICE_TILES * (text ? task - j->own : task), from = LTD_TILE * t0;
    int32_t t1 = t0 + SLICE_TILES < w->tiles ? t0 + SLICE_TILES : w->tiles;
    int32_t n = (LTD_TILE * t1 < w->width ? LTD_TILE * t1 : w->width) - from;
    const int32_t *id = h->id + (text ? h->part[0].width : 0) + from;
    bool keep = h->logits && !text;
    size_t ld = keep ? (size_t)w->width : SLICE;
    float *y = keep ? h->logits + from : h->y + (size_t)thread * (size_t)h->top_k * SLICE;
    k->linear(w, &j->d->acts, j->m, t0, t1, y, ld);
    for (int32_t i = 0; i < j->m; i++, y += ld) {
        size_t at = (size_t)task * (size_t)h->top_k + (size_t)i, list = list_at(h, thread, i);
        int32_t *have = &h->have[have_at(h, thread, i)];
        for (int32_t p = w->out - from; p < n; p++) y[p] = nothing;
        h->sum[at] = k->sum_exp(y, n, &h->largest[at]);
        *have = k->keep_best(y, id, n, *have, h->top_k, h->best + list, h->best_id + list);
    }
}

/* ln of the sum of a row's exponentials. */
static float log_sum(const head_job *j, int32_t row)
{
    const float *largest = j->h->largest + row, *sum = j->h->sum + row;
    size_t k = (size_t)j->h->top_k, n = (size_t)j->slices * k;
    float top = largest[0], total = 0;
    for (size_t i = k; i < n; i += k)
        if (largest[i] > top) top = largest[i];
    for (size_t i = 0; i < n; i += k) total += sum[i] * expf(largest[i] - top);
    return top + logf(total);
}

/* The best of all threads' lists. */
static void join_row(void *ctx, int32_t row, int32_t thread)
{
    (void)thread;
    const head_job *j = ctx;
    ltd_draft_head *h = j->h;
    size_t at = (size_t)row * (size_t)h->top_k;
    float *logp = h->logp + at, total = log_sum(j, row);
    int32_t found = 0;
    for (int32_t t = 0; t < h->threads; t++) {
        size_t list = list_at(h, t, row);
        int32_t have = h->have[have_at(h, t, row)];
        if (have == 0) continue;
        for (int32_t i = have; i < h->list; i++) {
            h->best[list + (size_t)i] = nothing;
            h->best_id[list + (size_t)i] = 0;
        }
        found = j->d->kernels->keep_best(h->best + list, h->best_id + list, h->list, found,
                                         h->top_k, logp, h->tokens + at);
    }
    for (int32_t i = 0; i < h->top_k; i++) logp[i] -= total;
}

void ltd_draft_head_run(ltd_draft_head *h, ltd_decoder *d, const float *x, int32_t m)
{
    head_job job = {.h = h, .d = d, .m = m, .own = slices_of(h->part[0].width)};
    job.slices = job.own + slices_of(h->part[1].width);
    ltd_decoder_norm(d, x, h->head->norm, m, h->part, h->added ? 2 : 1);
    memset(h->have, 0, have_at(h, h->threads, 0) * sizeof *h->have);
    ltd_pool_run(d->pool, head_slice, &job, job.slices);
    ltd_decoder_rows(d, join_row, &job, m);
}
