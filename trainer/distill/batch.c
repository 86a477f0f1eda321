#include "trainer/distill/batch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/files/dtype.h"

/* --- what all have in common --- */

int ltd_batch_source_init(ltd_batch_source *ret, const ltd_llama *model, const float scale[3],
                          const int32_t *draft, int32_t n_draft, ltd_err *err)
{
    size_t hidden = (size_t)ltd_llama_config(model)->hidden;
    *ret = (ltd_batch_source){.model = model, .draft = draft, .n_draft = n_draft};
    memcpy(ret->scale, scale, sizeof ret->scale);
    if (!(ret->draft_rows = ltd_mem_zeros((size_t)n_draft * hidden, sizeof(float))))
        return ltd_fail(err, LTD_ENOMEM, "draft vocabulary: no memory");
    for (int32_t i = 0; i < n_draft; i++)
        ltd_llama_head_row(model, draft[i], ret->draft_rows + (size_t)i * hidden);
    return LTD_OK;
}

void ltd_batch_source_fini(ltd_batch_source *s)
{
    free(s->draft_rows);
    *s = (ltd_batch_source){0};
}

/* --- a batch --- */

int ltd_batch_init(ltd_batch *ret, const ltd_batch_source *source, ltd_err *err)
{
    *ret = (ltd_batch){.source = source};
    size_t vocab = (size_t)ltd_llama_config(source->model)->vocab;
    if (!(ret->place = ltd_mem_zeros(vocab, sizeof *ret->place)))
        return ltd_fail(err, LTD_ENOMEM, "batch: no memory");
    return LTD_OK;
}

void ltd_batch_fini(ltd_batch *b)
{
    free(b->text);
    free(b->feature);
    free(b->embed);
    free(b->target);
    free(b->weight);
    free(b->lm_head);
    free(b->token);
    free(b->place);
    *b = (ltd_batch){0};
}

int32_t ltd_batch_anchors(const ltd_conversation *c)
{
    int32_t n = c->n - 1 - c->answer;
    return n > 0 && c->answer > 0 ? n : 0;
}

/* Rows and anchors of the texts, and room for them. */
static int lay_out(ltd_batch *b, const ltd_conversation *text, int32_t n, ltd_err *err)
{
    size_t hidden = (size_t)ltd_llama_config(b->source->model)->hidden;
    size_t most = (size_t)b->source->n_draft;
    b->texts = b->rows = b->anchors = 0;
    bool ok = ltd_mem_reserve((void **)&b->text, &b->room[0], (size_t)n, sizeof *b->text);
    for (int32_t i = 0; ok && i < n; i++) {
        int32_t anchors = ltd_batch_anchors(&text[i]), rows = text[i].n - 1;
        if (!anchors) continue;
        b->text[b->texts++] =
            (ltd_batch_text){b->rows, rows, b->anchors, anchors, text[i].answer - 1};
        b->rows += rows;
        b->anchors += anchors;
        most += (size_t)rows + 1;
    }
    size_t rows = (size_t)b->rows, anchors = (size_t)b->anchors;
    ok = ok &&
         ltd_mem_reserve((void **)&b->feature, &b->room[1], rows * 3 * hidden, sizeof(float)) &&
         ltd_mem_reserve((void **)&b->embed, &b->room[2], rows * hidden, sizeof(float)) &&
         ltd_mem_reserve((void **)&b->target, &b->room[3], anchors * hidden, sizeof(float)) &&
         ltd_mem_reserve((void **)&b->lm_head, &b->room[4], most * hidden, sizeof(float)) &&
         ltd_mem_reserve((void **)&b->token, &b->room[5], most, sizeof *b->token) &&
         ltd_mem_reserve((void **)&b->weight, &b->room[6], anchors, sizeof *b->weight);
    return ok ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "batch of %d rows: no memory", b->rows);
}

static void add_token(ltd_batch *b, int32_t token)
{
    if (b->place[token]) return;
    b->token[b->vocab++] = token;
    b->place[token] = b->vocab;
}

/* Halves hold no more; the engine's own features do. */
static float widen(uint16_t half)
{
    const float most = 65504;
    float x = ltd_f16_to_f32(half);
    return x > most ? most : x < -most ? -most : x;
}

static void fill_rows(ltd_batch *b, const ltd_batch_text *t, const ltd_conversation *c,
                      const uint16_t *features)
{
    const ltd_llama *model = b->source->model;
    size_t h = (size_t)ltd_llama_config(model)->hidden;
    float *to = b->feature + (size_t)t->row * 3 * h, *embed = b->embed + (size_t)t->row * h;
    for (int32_t p = 0; p < t->rows; p++, features += 4 * h, embed += h) {
        for (int tap = 0; tap < 3; tap++)
            for (size_t k = 0; k < h; k++)
                *to++ = b->source->scale[tap] * widen(features[(size_t)tap * h + k]);
        ltd_llama_embed(model, c->token[p + 1], embed);
    }
}

/* The final norm of the last tap at the rows after the anchors. */
static void fill_targets(ltd_batch *b, const ltd_batch_text *t, const uint16_t *features)
{
    const ltd_llama *model = b->source->model;
    const ltd_llm_config *config = ltd_llama_config(model);
    const float *norm = ltd_llama_output_norm(model);
    size_t h = (size_t)config->hidden;
    for (int32_t i = 0; i < t->anchors; i++) {
        int32_t row = t->first + 1 + i;
        const uint16_t *from = features + (size_t)row * 4 * h + 3 * h;
        float *to = b->target + (size_t)(t->anchor + i) * h;
        double square = 0;
        for (size_t k = 0; k < h; k++) {
            to[k] = widen(from[k]);
            square += (double)to[k] * (double)to[k];
        }
        float by = (float)(1 / sqrt(square / (double)h + (double)config->rms_eps));
        double length = 1e-30;
        for (size_t k = 0; k < h; k++) {
            to[k] *= by * norm[k];
            length += (double)to[k] * (double)to[k];
        }
        b->weight[t->anchor + i] = (float)(1 / length);
    }
}

int ltd_batch_fill(ltd_batch *b, const ltd_conversation *text, const uint16_t *const *features,
                   int32_t n, ltd_err *err)
{
    const ltd_batch_source *s = b->source;
    size_t h = (size_t)ltd_llama_config(s->model)->hidden;
    int rc = lay_out(b, text, n, err);
    if (rc < 0) return rc;
    b->vocab = 0;
    for (int32_t i = 0; i < s->n_draft; i++) add_token(b, s->draft[i]);
    memcpy(b->lm_head, s->draft_rows, (size_t)s->n_draft * h * sizeof(float));
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; ltd_batch_anchors(&text[i]) && k < text[i].n; k++)
            add_token(b, text[i].token[k]);
    for (int32_t i = s->n_draft; i < b->vocab; i++)
        ltd_llama_head_row(s->model, b->token[i], b->lm_head + (size_t)i * h);
    for (int32_t i = 0, k = 0; i < n; i++) {
        if (!ltd_batch_anchors(&text[i])) continue;
        fill_rows(b, &b->text[k], &text[i], features[i]);
        fill_targets(b, &b->text[k], features[i]);
        k++;
    }
    for (int32_t i = 0; i < b->vocab; i++) b->place[b->token[i]] = 0;
    return LTD_OK;
}
