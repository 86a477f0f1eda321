/* A forward: embed rows -> layers (taps on the way) -> norm -> head -> argmax.  K/V of the rows go
 * to slots behind the committed text; commit moves the accepted ones forward. */
#include "models/llm/session_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { HEAD_TILES = 32, HEAD_ROWS = HEAD_TILES * LTD_TILE }; /* of the head a task */

static int check_options(const ltd_llama *model, const ltd_session_options *o, ltd_err *err)
{
    const ltd_llm_config *c = &model->config;
    if (o->max_rows < 1 || o->max_rows > 1024)
        return ltd_fail(err, LTD_EINVAL, "rows of a forward: %d, expected 1 to 1024", o->max_rows);
    if (o->context < 1 || (o->texts < 2 && o->context <= o->max_rows))
        return ltd_fail(err, LTD_EINVAL, "context %d: leaves no room beside %d rows of a forward",
                        o->context, o->max_rows);
    if (c->max_context > 0 && o->context > c->max_context)
        return ltd_fail(err, LTD_EINVAL, "context %d: model %s was made for at most %d", o->context,
                        model->path, c->max_context);
    if (o->texts < 0 || (o->texts > 1 && o->context > (INT32_MAX - LTD_ATTN_BLOCK) / o->texts))
        return ltd_fail(err, LTD_EINVAL, "%d texts of %d tokens: too many", o->texts, o->context);
    return LTD_OK;
}

static int allocate(ltd_session *s, ltd_err *err)
{
    const ltd_session_options *o = &s->options;
    size_t m = (size_t)o->max_rows, threads = (size_t)ltd_pool_threads(s->model->pool);
    size_t width = (size_t)s->model->lm_head->width;
    s->slices = (s->model->lm_head->tiles + HEAD_TILES - 1) / HEAD_TILES;
    s->length = ltd_mem_zeros((size_t)o->texts, sizeof(int32_t));
    s->parent = ltd_mem_zeros(m, sizeof(int32_t));
    s->depth = ltd_mem_zeros(m, sizeof(int32_t));
    s->argmax = ltd_mem_zeros(m, sizeof(int32_t));
    s->slice_best = ltd_mem_zeros(m * (size_t)s->slices, sizeof(float));
    s->slice_token = ltd_mem_zeros(m * (size_t)s->slices, sizeof(int32_t));
    bool ok = s->length && s->parent && s->depth && s->argmax && s->slice_best && s->slice_token;
    if (o->logits)
        ok = (s->logits = ltd_mem_aligned(m * width, sizeof(float))) && ok;
    else
        ok = (s->slice_y = ltd_mem_aligned(threads * m * HEAD_ROWS, sizeof(float))) && ok;
    return ok ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "session of %d rows: no memory", o->max_rows);
}

int ltd_session_new(ltd_session **ret, const ltd_llama *model, const ltd_session_options *options,
                    ltd_err *err)
{
    *ret = NULL;
    int rc = check_options(model, options, err);
    if (rc < 0) return rc;
    ltd_session *s = ltd_mem_zeros(1, sizeof *s);
    if (!s) return ltd_fail(err, LTD_ENOMEM, "session: no memory");
    const ltd_llm_config *c = &model->config;
    s->model = model;
    s->options = *options;
    if (s->options.texts < 1) s->options.texts = 1;
    /* Texts begin on whole blocks of keys. */
    s->stride = (options->context + LTD_ATTN_BLOCK - 1) / LTD_ATTN_BLOCK * LTD_ATTN_BLOCK;
    ltd_decoder_shape shape = {.hidden = c->hidden,
                               .ffn = c->ffn,
                               .heads = c->n_heads,
                               .kv_heads = c->n_kv_heads,
                               .head_dim = c->head_dim,
                               .max_in = c->hidden,
                               .max_rows = options->max_rows,
                               .eps = c->rms_eps,
                               .scale = c->attn_scale,
                               .gelu = c->gelu};
    int32_t m = options->max_rows;
    rc = ltd_decoder_init(&s->d, &shape, model->kernels, model->pool, model->activation_bits,
                          options->context, m * (m + 1) / 2, err);
    if (rc == LTD_OK)
        rc = ltd_kv_init(&s->kv, c->n_layers, c->n_kv_heads, c->head_dim,
                         s->stride * (s->options.texts - 1) + options->context, options->kv_f16,
                         err);
    if (rc == LTD_OK)
        rc = ltd_rope_init(&s->rope, options->context, c->head_dim, (double)c->rope_theta,
                           c->rope_div, err);
    if (rc == LTD_OK && c->window)
        rc = ltd_rope_init(&s->local, options->context, c->head_dim, (double)c->rope_local_theta,
                           NULL, err);
    if (rc == LTD_OK) rc = allocate(s, err);
    if (rc < 0) {
        ltd_session_free(s);
        return rc;
    }
    *ret = s;
    return LTD_OK;
}

void ltd_session_free(ltd_session *s)
{
    if (!s) return;
    ltd_decoder_fini(&s->d);
    ltd_kv_fini(&s->kv);
    ltd_rope_fini(&s->rope);
    ltd_rope_fini(&s->local);
    free(s->length);
    free(s->parent);
    free(s->depth);
    free(s->argmax);
    free(s->features);
    free(s->logits);
    free(s->slice_y);
    free(s->slice_best);
    free(s->slice_token);
    free(s);
}

int ltd_session_check_rows(const ltd_session *s, const ltd_rows *rows, ltd_err *err)
{
    if (rows->n < 1 || rows->n > s->options.max_rows || rows->n_out < 0 || rows->n_out > rows->n)
        return ltd_fail(err, LTD_EINVAL, "forward of %d rows (%d with output): expected 1 to %d",
                        rows->n, rows->n_out, s->options.max_rows);
    for (int32_t i = 0; i < rows->n; i++) {
        if (rows->token[i] < 0 || rows->token[i] >= s->model->config.vocab)
            return ltd_fail(err, LTD_EINVAL, "row %d: token %d, expected 0 to %d", i,
                            rows->token[i], s->model->config.vocab - 1);
        if (rows->parent && (rows->parent[i] < -1 || rows->parent[i] >= i))
            return ltd_fail(err, LTD_EINVAL, "row %d: parent %d, expected -1 to %d", i,
                            rows->parent[i], i - 1);
    }
    return LTD_OK;
}

/* Positions, slots, ancestor lists and windows of the rows.  A key's number is its position. */
static void place_rows(ltd_session *s, const ltd_rows *rows)
{
    ltd_visible *v = &s->d.visible;
    int32_t window = s->model->config.window;
    v->texts = false;
    v->n_past = s->length[0];
    int32_t at = 0;
    for (int32_t i = 0; i < rows->n; i++) {
        int32_t p = rows->parent ? rows->parent[i] : i - 1;
        int32_t depth = p < 0 ? 0 : s->depth[p] + 1;
        s->parent[i] = p;
        s->depth[i] = depth;
        v->start[i] = at;
        v->position[i] = s->length[0] + depth;
        v->slot[i] = s->length[0] + i;
        v->first[i] = v->position[i] < window ? 0 : v->position[i] - window + 1;
        if (p >= 0) memcpy(v->tail + at, v->tail + v->start[p], (size_t)depth * sizeof *v->tail);
        v->tail[at + depth] = v->slot[i];
        at += depth + 1;
    }
    v->start[rows->n] = at;
}

static void keep_tap(ltd_session *s, int32_t layer, int32_t m)
{
    size_t hidden = (size_t)s->model->config.hidden;
    for (int32_t t = 0; t < s->n_taps; t++) {
        if (s->taps[t] != layer) continue;
        for (int32_t i = 0; i < m; i++)
            memcpy(s->features + ((size_t)i * (size_t)s->n_taps + (size_t)t) * hidden,
                   s->d.x + (size_t)i * hidden, hidden * sizeof(float));
    }
}

/* The input of the first layer: rows of the embedding, scaled. */
static void embed_rows(ltd_session *s, const ltd_rows *rows)
{
    const ltd_llama *model = s->model;
    int32_t hidden = model->config.hidden;
    float *x = s->d.x, scale = model->embed_scale;
    for (int32_t i = 0; i < rows->n; i++, x += hidden) {
        ltd_pack_get_row(&model->embed, rows->token[i], x);
        for (int32_t k = 0; scale != 1 && k < hidden; k++) x[k] *= scale;
    }
}

static void run_layers(ltd_session *s, const ltd_rows *rows)
{
    const ltd_llama *model = s->model;
    const ltd_llm_config *c = &model->config;
    ltd_decoder *d = &s->d;
    int32_t m = rows->n;
    embed_rows(s, rows);
    for (int32_t l = 0; l < c->n_layers; l++) {
        const ltd_llama_layer *w = &model->layers[l];
        keep_tap(s, l, m);
        ltd_decoder_norm(d, d->x, w->attn_norm, m, w->qkv.part, w->qkv.parts);
        ltd_decoder_weights weights = {.qkv = w->qkv.part,
                                       .qkv_parts = w->qkv.parts,
                                       .out = &w->out,
                                       .gate_up = w->gate_up.part,
                                       .gate_up_parts = w->gate_up.parts,
                                       .down = &w->down,
                                       .ffn_norm = w->ffn_norm,
                                       .qkv_bias = w->qkv_bias,
                                       .q_norm = w->q_norm,
                                       .k_norm = w->k_norm,
                                       .attn_post_norm = w->attn_post_norm,
                                       .ffn_post_norm = w->ffn_post_norm,
                                       .slides = c->slides[l]};
        ltd_decoder_layer(d, &weights, &s->kv, l, c->slides[l] ? &s->local : &s->rope, m);
    }
    keep_tap(s, c->n_layers, m);
}

/* --- the head --- */

typedef struct head_job {
    ltd_session *s;
    int32_t m; /* rows with output */
} head_job;

static void head_slice(void *ctx, int32_t task, int32_t thread)
{
    const head_job *j = ctx;
    ltd_session *s = j->s;
    const ltd_packed *w = s->model->lm_head;
    const ltd_kernels *k = s->model->kernels;
    int32_t t0 = task * HEAD_TILES;
    int32_t t1 = t0 + HEAD_TILES < w->tiles ? t0 + HEAD_TILES : w->tiles;
    size_t ld = s->logits ? (size_t)w->width : HEAD_ROWS;
    float *y = s->logits ? s->logits + (size_t)s->first_out * ld + LTD_TILE * (size_t)t0
                         : s->slice_y + (size_t)thread * (size_t)s->options.max_rows * ld;
    k->linear(w, &s->d.acts, j->m, t0, t1, y, ld);
    int32_t from = LTD_TILE * t0, n = (LTD_TILE * t1 < w->width ? LTD_TILE * t1 : w->width) - from;
    for (int32_t i = 0; i < j->m; i++) {
        float *row = y + (size_t)i * ld;
        /* Lanes past the vocabulary must not win. */
        for (int32_t p = w->out - from; p < n; p++) row[p] = -3.0e38f;
        size_t at = (size_t)task * (size_t)s->options.max_rows + (size_t)i;
        s->slice_token[at] = from + k->argmax(row, n, &s->slice_best[at]);
    }
}

static void run_head(ltd_session *s, int32_t m, int32_t n_out)
{
    const ltd_llama *model = s->model;
    ltd_decoder *d = &s->d;
    int32_t hidden = model->config.hidden;
    s->first_out = m - n_out;
    const float *x = d->x + (size_t)s->first_out * (size_t)hidden;
    ltd_decoder_norm(d, x, model->output_norm, n_out, model->lm_head, 1);
    head_job job = {s, n_out};
    ltd_pool_run(model->pool, head_slice, &job, s->slices);
    for (int32_t i = 0; i < n_out; i++) {
        size_t best = (size_t)i;
        for (int32_t t = 1; t < s->slices; t++) {
            size_t at = (size_t)t * (size_t)s->options.max_rows + (size_t)i;
            if (s->slice_best[at] > s->slice_best[best]) best = at;
        }
        s->argmax[s->first_out + i] = s->slice_token[best];
    }
}

void ltd_session_run(ltd_session *s, const ltd_rows *rows)
{
    run_layers(s, rows);
    s->rows = rows->n;
    s->first_out = rows->n;
    if (rows->n_out) run_head(s, rows->n, rows->n_out);
}

int ltd_session_forward(ltd_session *s, const ltd_rows *rows, ltd_err *err)
{
    int rc = ltd_session_check_rows(s, rows, err);
    if (rc < 0) return rc;
    if (s->length[0] + rows->n > s->options.context)
        return ltd_fail(err, LTD_EINVAL, "context: %d tokens and %d rows, room for %d",
                        s->length[0], rows->n, s->options.context);
    place_rows(s, rows);
    ltd_session_run(s, rows);
    return LTD_OK;
}

int32_t ltd_session_argmax(const ltd_session *s, int32_t row)
{
    return s->argmax[row];
}

const int32_t *ltd_session_argmaxes(const ltd_session *s)
{
    return s->argmax;
}

const float *ltd_session_logits(const ltd_session *s, int32_t row)
{
    return s->logits ? s->logits + (size_t)row * (size_t)s->model->lm_head->width : NULL;
}

const float *ltd_session_features(const ltd_session *s, int32_t row)
{
    size_t width = (size_t)s->n_taps * (size_t)s->model->config.hidden;
    return s->features ? s->features + (size_t)row * width : NULL;
}

int ltd_session_commit(ltd_session *s, const int32_t *path, int32_t n, ltd_err *err)
{
    if (n < 0) return ltd_fail(err, LTD_EINVAL, "commit of %d rows: expected 0 or more", n);
    for (int32_t i = 0; i < n; i++)
        if (path[i] < 0 || path[i] >= s->rows || s->parent[path[i]] != (i ? path[i - 1] : -1))
            return ltd_fail(err, LTD_EINVAL,
                            "commit: entry %d of the path is row %d of %d, which "
                            "does not follow the one before",
                            i, path[i], s->rows);
    ltd_kv_keep(&s->kv, s->length[0], path, n);
    s->length[0] += n;
    s->rows = 0;
    return LTD_OK;
}

int ltd_session_truncate(ltd_session *s, int32_t n, ltd_err *err)
{
    if (n < 0 || n > s->length[0])
        return ltd_fail(err, LTD_EINVAL, "truncate to %d: the text has %d tokens", n, s->length[0]);
    s->length[0] = n;
    s->rows = 0;
    return LTD_OK;
}

int ltd_session_set_taps(ltd_session *s, const int32_t *layers, int32_t n, ltd_err *err)
{
    const ltd_llm_config *c = &s->model->config;
    if (n < 1 || n > LTD_SESSION_MAX_TAPS)
        return ltd_fail(err, LTD_EINVAL, "features of %d layers, expected 1 to %d", n,
                        LTD_SESSION_MAX_TAPS);
    for (int32_t t = 0; t < n; t++)
        if (layers[t] < 0 || layers[t] > c->n_layers)
            return ltd_fail(err, LTD_EINVAL, "features: layer %d, expected 0 to %d", layers[t],
                            c->n_layers);
    if (n != s->n_taps) {
        size_t size = (size_t)s->options.max_rows * (size_t)n * (size_t)c->hidden;
        float *features = ltd_mem_aligned(size, sizeof *features);
        if (!features)
            return ltd_fail(err, LTD_ENOMEM, "features of %d rows: no memory", s->options.max_rows);
        free(s->features);
        s->features = features;
        s->n_taps = n;
    }
    memcpy(s->taps, layers, (size_t)n * sizeof *layers);
    return LTD_OK;
}

int32_t ltd_session_length(const ltd_session *s)
{
    return s->length[0];
}
int32_t ltd_session_max_rows(const ltd_session *s)
{
    return s->options.max_rows;
}

size_t ltd_session_kv_bytes(const ltd_session *s, int32_t position, void *ret)
{
    return ltd_kv_slot(&s->kv, position, ret);
}
