/* The attention half of a layer: heads come out of their projection ready, then attend. */
#include "models/llm/decoder.h"

#include <stddef.h>

/* --- heads of q, k and v --- */

typedef struct head_job {
    ltd_decoder *d;
    const ltd_decoder_weights *w;
    const ltd_kv *kv;
    int32_t layer;
    const ltd_rope *rope;
    int32_t m, tasks;
} head_job;

static int32_t all_heads(const ltd_decoder *d)
{
    return d->shape.heads + 2 * d->shape.kv_heads;
}

/* Head h, of q's, then k's, then v's, in a row of qkv: bias, norm, rotation, and into the cache. */
static void place_head(const head_job *j, int32_t row, int32_t h)
{
    ltd_decoder *d = j->d;
    const ltd_decoder_shape *s = &d->shape;
    const ltd_kernels *k = d->kernels;
    int32_t n = s->head_dim, of_keys = h - s->heads, of_values = of_keys - s->kv_heads;
    float *x = d->qkv + ((size_t)row * (size_t)all_heads(d) + (size_t)h) * (size_t)n;
    if (j->w->qkv_bias) k->add(x, j->w->qkv_bias + (size_t)h * (size_t)n, n);
    if (of_values < 0) {
        const float *norm = of_keys < 0 ? j->w->q_norm : j->w->k_norm;
        size_t at = (size_t)d->visible.position[row] * (size_t)j->rope->half;
        if (norm) k->rmsnorm(x, norm, s->eps, n, x);
        k->rope(x, 1, n, j->rope->cos + at, j->rope->sin + at);
    }
    if (of_keys < 0) return;
    bool value = of_values >= 0;
    ltd_kv_store(j->kv, k, j->layer, value, value ? of_values : of_keys, d->visible.slot[row], x);
}

/* Columns of head h, for all rows. */
static void project_head(const head_job *j, int32_t h)
{
    ltd_decoder *d = j->d;
    const ltd_decoder_shape *s = &d->shape;
    size_t n = (size_t)s->head_dim, ldy = (size_t)all_heads(d) * n;
    int32_t part = 0, first = 0;
    if (j->w->qkv_parts > 1 && h >= s->heads) {
        part = h < s->heads + s->kv_heads ? 1 : 2;
        first = part == 1 ? s->heads : s->heads + s->kv_heads;
    }
    int32_t tiles = s->head_dim / LTD_TILE, t = (h - first) * tiles;
    d->kernels->linear(&j->w->qkv[part], &d->acts, j->m, t, t + tiles, d->qkv + (size_t)h * n, ldy);
}

static void heads_slice(void *ctx, int32_t task, int32_t thread)
{
    (void)thread;
    const head_job *j = ctx;
    int32_t all = all_heads(j->d);
    for (int32_t h = all * task / j->tasks; h < all * (task + 1) / j->tasks; h++) {
        project_head(j, h);
        for (int32_t i = 0; i < j->m; i++) place_head(j, i, h);
    }
}

static void place_row(void *ctx, int32_t row, int32_t thread)
{
    (void)thread;
    const head_job *j = ctx;
    for (int32_t h = 0; h < all_heads(j->d); h++) place_head(j, row, h);
}

void ltd_decoder_heads(ltd_decoder *d, const ltd_decoder_weights *w, const ltd_kv *kv,
                       int32_t layer, const ltd_rope *rope, int32_t m)
{
    head_job job = {.d = d, .w = w, .kv = kv, .layer = layer, .rope = rope, .m = m};
    if (d->shape.head_dim % LTD_TILE == 0) {
        job.tasks = ltd_decoder_tasks(d, all_heads(d));
        ltd_pool_run(d->pool, heads_slice, &job, job.tasks);
        return;
    }
    /* Heads share tiles. */
    ltd_decoder_multiply(d, w->qkv, w->qkv_parts > 1 ? w->qkv_parts : 1, &d->acts, m, d->qkv);
    ltd_decoder_rows(d, place_row, &job, m);
}

/* --- attention --- */

typedef struct attn_job {
    ltd_decoder *d;
    const ltd_kv *kv;
    int32_t layer;
    bool slides;
    int32_t m, rows, groups; /* all rows, rows a task, tasks of a head */
    ltd_acts *acts;          /* of the projection behind it; NULL: not from here */
} attn_job;

static void attend(void *ctx, int32_t task, int32_t thread)
{
    const attn_job *j = ctx;
    ltd_decoder *d = j->d;
    const ltd_decoder_shape *s = &d->shape;
    int32_t row = task % j->groups * j->rows, kv_head = task / j->groups;
    int32_t group = s->heads / s->kv_heads;
    size_t ldq = (size_t)(s->heads + 2 * s->kv_heads) * (size_t)s->head_dim;
    size_t ldo = (size_t)s->heads * (size_t)s->head_dim;
    const ltd_visible *v = &d->visible;
    int32_t from = v->texts ? v->slot[row] - v->position[row] : 0;
    ltd_attn a = {
        .k = ltd_kv_from(j->kv, j->layer, false, kv_head, from),
        .v = ltd_kv_from(j->kv, j->layer, true, kv_head, from),
        .f16 = j->kv->f16,
        .head_dim = s->head_dim,
        .n_past = v->texts ? v->position[row] : v->n_past,
        .rows = j->m - row < j->rows ? j->m - row : j->rows,
        .start = v->start + row,
        .tail = v->tail,
        .first = j->slides ? v->first + row : NULL,
        .scale = s->scale,
        .h0 = kv_head * group,
        .h1 = kv_head * group + group,
        .q = d->qkv + (size_t)row * ldq,
        .out = d->attn + (size_t)row * ldo,
        .ldq = ldq,
        .ldo = ldo,
        .scores = d->scores + (size_t)thread * d->score_room,
        .lds = (size_t)d->score_len,
        .work = d->attn_work + (size_t)thread * d->attn_size,
    };
    d->kernels->attention(&a);
    if (j->acts)
        for (int32_t r = 0; r < a.rows; r++)
            d->kernels->quantize(a.out + (size_t)r * ldo + (size_t)(a.h0 * s->head_dim), row + r,
                                 a.h0 * s->head_dim, a.h1 * s->head_dim, j->acts);
}

/* Rows a task: as many as share their reading of K/V well, but enough tasks for the threads to even
 * out.  Those of a head are neighbours: a thread that has several finds its K/V in its cache. */
void ltd_decoder_attend(ltd_decoder *d, const ltd_decoder_weights *w, const ltd_kv *kv,
                        int32_t layer, int32_t m)
{
    const ltd_decoder_shape *s = &d->shape;
    int32_t n = s->heads * s->head_dim;
    ltd_acts *acts = ltd_decoder_input(&d->acts, d->attn, n, w->out, 1);
    /* A task's columns are whole groups, mostly. */
    bool own = n / s->kv_heads % 32 == 0;
    int32_t most = LTD_ATTN_SHARE / (s->heads / s->kv_heads);
    if (most < 1) most = 1;
    int32_t rows = m * s->kv_heads / (3 * ltd_pool_threads(d->pool));
    rows = rows < 1 || d->visible.texts ? 1 : rows > most ? most : rows;
    int32_t groups = (m + rows - 1) / rows;
    attn_job job = {.d = d,
                    .kv = kv,
                    .layer = layer,
                    .slides = w->slides,
                    .m = m,
                    .rows = (m + groups - 1) / groups,
                    .groups = groups,
                    .acts = own ? acts : NULL};
    ltd_pool_run(d->pool, attend, &job, groups * s->kv_heads);
    if (acts && !own) ltd_decoder_quantize(d, acts, m);
}
