/* Running a head.  A row's input is [norm(embedding); norm(feature)]; its residual is the feature
 * itself, or the normed one where the head was trained so. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/llm/decoder.h"
#include "models/llm/draft_head.h"

struct ltd_draft {
    const ltd_eagle3 *head;
    ltd_decoder d;
    ltd_draft_head last;
    ltd_kv kv; /* context pairs, then max_expansions * top_k tree columns */
    ltd_rope rope;
    int32_t context, max_rows, top_k, max_expansions;
    int32_t length;     /* pairs kept */
    int32_t expansions; /* since the last extend; -1: no level 1 yet */
    int32_t rows;       /* of the last call with output */
    float *embed;       /* [rows, hidden] */
    float *prev;        /* [top_k, hidden] features of the last call */
};

static int allocate(ltd_draft *d, const ltd_draft_options *o, ltd_err *err)
{
    const ltd_eagle3_config *c = &d->head->config;
    size_t rows = (size_t)(d->max_rows > d->top_k ? d->max_rows : d->top_k);
    size_t k = (size_t)d->top_k, hidden = (size_t)c->hidden;
    d->embed = ltd_mem_aligned(rows * hidden, sizeof(float));
    d->prev = ltd_mem_aligned(k * hidden, sizeof(float));
    if (!d->embed || !d->prev) return ltd_fail(err, LTD_ENOMEM, "draft: no memory");
    int32_t columns = d->max_expansions * d->top_k, m = (int32_t)rows;
    int32_t tail = m * (m + 1) / 2, tree = d->top_k * (d->max_expansions + 1);
    int32_t max_in = 3 * c->target_hidden > 2 * c->hidden ? 3 * c->target_hidden : 2 * c->hidden;
    ltd_decoder_shape shape = {.hidden = c->hidden,
                               .ffn = c->ffn,
                               .heads = c->heads,
                               .kv_heads = c->kv_heads,
                               .head_dim = c->head_dim,
                               .max_in = max_in,
                               .max_rows = m,
                               .eps = c->eps};
    const ltd_llama *t = d->head->target;
    int rc = ltd_decoder_init(&d->d, &shape, ltd_llama_kernels(t), ltd_llama_pool(t),
                              ltd_llama_activation_bits(t), d->context + columns,
                              tail > tree ? tail : tree, err);
    if (rc == LTD_OK) rc = ltd_draft_head_init(&d->last, d->head, o, err);
    if (rc == LTD_OK)
        rc = ltd_kv_init(&d->kv, 1, c->kv_heads, c->head_dim, d->context + columns, false, err);
    if (rc == LTD_OK)
        rc = ltd_rope_init(&d->rope, d->context + d->max_expansions, c->head_dim,
                           (double)c->rope_theta, d->head->rope_div, err);
    return rc;
}

static int check_options(const ltd_eagle3 *head, const ltd_draft_options *o, ltd_err *err)
{
    if (o->context < 1 || o->max_rows < 1 || o->max_rows > 1024 || o->top_k < 1 || o->top_k > 32 ||
        o->max_expansions < 0 || o->max_expansions > 64 || o->top_k > head->config.draft_vocab ||
        o->vocabulary >= LTD_VOCABULARY_COUNT)
        return ltd_fail(
            err, LTD_EINVAL,
            "draft: context %d, rows %d, top_k %d, %d expansions, vocabulary %d: out of range",
            o->context, o->max_rows, o->top_k, o->max_expansions, (int)o->vocabulary);
    return LTD_OK;
}

int ltd_draft_new(ltd_draft **ret, const ltd_eagle3 *head, const ltd_draft_options *options,
                  ltd_err *err)
{
    *ret = NULL;
    int rc = check_options(head, options, err);
    if (rc < 0) return rc;
    ltd_draft *d = ltd_mem_zeros(1, sizeof *d);
    if (!d) return ltd_fail(err, LTD_ENOMEM, "draft: no memory");
    d->head = head;
    d->context = options->context;
    d->max_rows = options->max_rows;
    d->top_k = options->top_k;
    d->max_expansions = options->max_expansions;
    d->expansions = -1;
    rc = allocate(d, options, err);
    if (rc < 0) {
        ltd_draft_free(d);
        return rc;
    }
    *ret = d;
    return LTD_OK;
}

void ltd_draft_free(ltd_draft *d)
{
    if (!d) return;
    ltd_decoder_fini(&d->d);
    ltd_draft_head_fini(&d->last);
    ltd_kv_fini(&d->kv);
    ltd_rope_fini(&d->rope);
    free(d->embed);
    free(d->prev);
    free(d);
}

typedef struct enter_job {
    ltd_draft *d;
    const int32_t *tokens;
    ltd_acts *acts; /* NULL: floats alone */
} enter_job;

/* The input of q, k and v: [norm(embedding); norm(feature)]. */
static void enter_row(void *ctx, int32_t row, int32_t thread)
{
    (void)thread;
    const enter_job *j = ctx;
    const ltd_eagle3 *head = j->d->head;
    ltd_decoder *dec = &j->d->d;
    int32_t hidden = head->config.hidden;
    size_t n = (size_t)hidden, r = (size_t)row;
    float *embed = j->d->embed + r * n, *x = dec->x + r * n, *h = dec->h + 2 * r * n;
    if (head->embed.data)
        ltd_pack_get_row(&head->embed, j->tokens[row], embed);
    else
        ltd_llama_embed(head->target, j->tokens[row], embed);
    dec->kernels->rmsnorm(embed, head->input_norm, dec->shape.eps, hidden, h);
    dec->kernels->rmsnorm(x, head->hidden_norm, dec->shape.eps, hidden, h + n);
    if (head->config.norm_before_residual) memcpy(x, h + n, n * sizeof *x);
    if (j->acts) dec->kernels->quantize(h, row, 0, 2 * hidden, j->acts);
}

/* The layer over m rows whose features stand in d->d.x; visible is set.  Outputs of the last n_out
 * rows. */
static void run(ltd_draft *d, const int32_t *tokens, int32_t m, int32_t n_out)
{
    const ltd_eagle3 *head = d->head;
    ltd_decoder *dec = &d->d;
    int32_t hidden = head->config.hidden;
    size_t h = (size_t)hidden;
    enter_job enter = {.d = d, .tokens = tokens};
    enter.acts = ltd_decoder_input(&dec->acts, dec->h, 2 * hidden, &head->qkv, 1);
    ltd_decoder_rows(dec, enter_row, &enter, m);
    ltd_decoder_weights w = {.qkv = &head->qkv,
                             .out = &head->out,
                             .gate_up = &head->gate_up,
                             .down = &head->down,
                             .ffn_norm = head->post_norm};
    ltd_decoder_layer(dec, &w, &d->kv, 0, &d->rope, m);
    d->rows = n_out;
    if (!n_out) return;
    const float *x = dec->x + (size_t)(m - n_out) * h;
    memcpy(d->prev, x, (size_t)n_out * h * sizeof(float));
    ltd_draft_head_run(&d->last, dec, x, n_out);
}

static int check_tokens(const ltd_draft *d, const int32_t *tokens, int32_t n, ltd_err *err)
{
    for (int32_t i = 0; i < n; i++)
        if (tokens[i] < 0 || tokens[i] >= d->head->config.vocab)
            return ltd_fail(err, LTD_EINVAL, "draft row %d: token %d, expected 0 to %d", i,
                            tokens[i], d->head->config.vocab - 1);
    return LTD_OK;
}

int ltd_draft_begin(ltd_draft *d, int32_t first, ltd_err *err)
{
    int rc = check_tokens(d, &first, 1, err);
    if (rc < 0) return rc;
    ltd_draft_head_forget(&d->last, -1);
    ltd_draft_head_add(&d->last, first, -1);
    d->length = 0;
    d->expansions = -1;
    return LTD_OK;
}

int ltd_draft_extend(ltd_draft *d, const float *features, const int32_t *tokens, int32_t n,
                     bool top, ltd_err *err)
{
    if (n < 1 || n > d->max_rows || d->length + n > d->context)
        return ltd_fail(err, LTD_EINVAL, "draft: %d pairs after %d, expected 1 to %d within %d", n,
                        d->length, d->max_rows, d->context);
    int rc = check_tokens(d, tokens, n, err);
    if (rc < 0) return rc;
    for (int32_t i = 0; i < n; i++) ltd_draft_head_add(&d->last, tokens[i], d->length + i);
    ltd_visible *v = &d->d.visible;
    v->n_past = d->length;
    v->start[0] = 0;
    for (int32_t i = 0; i < n; i++) {
        v->position[i] = v->slot[i] = d->length + i;
        for (int32_t j = 0; j <= i; j++) v->tail[v->start[i] + j] = d->length + j;
        v->start[i + 1] = v->start[i] + i + 1;
    }
    ltd_decoder_linear(&d->d, &d->head->fc, features, n, d->d.x);
    run(d, tokens, n, top ? 1 : 0);
    d->length += n;
    d->expansions = top ? 0 : -1;
    return LTD_OK;
}

int ltd_draft_expand(ltd_draft *d, const ltd_expansion *rows, ltd_err *err)
{
    int32_t k = d->top_k;
    if (d->expansions < 0 || d->expansions >= d->max_expansions ||
        rows->n_ancestors != d->expansions)
        return ltd_fail(err, LTD_EINVAL,
                        "draft: expansion %d with %d ancestors, at most %d allowed",
                        d->expansions + 1, rows->n_ancestors, d->max_expansions);
    int rc = check_tokens(d, rows->tokens, k, err);
    if (rc < 0) return rc;
    ltd_visible *v = &d->d.visible;
    size_t h = (size_t)d->head->config.hidden;
    v->n_past = d->length;
    v->start[0] = 0;
    for (int32_t j = 0; j < k; j++) {
        if (rows->sources[j] < 0 || rows->sources[j] >= d->rows)
            return ltd_fail(err, LTD_EINVAL, "draft row %d: source %d, expected 0 to %d", j,
                            rows->sources[j], d->rows - 1);
        int32_t *tail = v->tail + v->start[j];
        v->position[j] = d->length + d->expansions;
        v->slot[j] = d->context + d->expansions * k + j;
        for (int32_t i = 0; i < rows->n_ancestors; i++)
            tail[i] = d->context + rows->ancestors[j][i];
        tail[rows->n_ancestors] = v->slot[j];
        v->start[j + 1] = v->start[j] + rows->n_ancestors + 1;
        memcpy(d->d.x + (size_t)j * h, d->prev + (size_t)rows->sources[j] * h, h * sizeof(float));
    }
    run(d, rows->tokens, k, k);
    d->expansions++;
    return LTD_OK;
}

const int32_t *ltd_draft_tokens(const ltd_draft *d)
{
    return d->last.tokens;
}
const float *ltd_draft_logp(const ltd_draft *d)
{
    return d->last.logp;
}
const float *ltd_draft_hidden(const ltd_draft *d)
{
    return d->prev;
}
const float *ltd_draft_logits(const ltd_draft *d)
{
    return d->last.logits;
}

int ltd_draft_truncate(ltd_draft *d, int32_t n, ltd_err *err)
{
    if (n < 0 || n > d->length)
        return ltd_fail(err, LTD_EINVAL, "truncate draft to %d: it has %d pairs", n, d->length);
    ltd_draft_head_forget(&d->last, n);
    d->length = n;
    d->expansions = -1;
    return LTD_OK;
}

int32_t ltd_draft_length(const ltd_draft *d)
{
    return d->length;
}
