/* One decoder layer over some rows, and the scratch it needs: shared by the target (30 layers) and
 * the draft head (one), which differ only in what enters the q/k/v projection.  Families of models
 * differ in the optional weights of a layer: a pointer that is NULL is a step left out.  Private to
 * models/llm. */
#ifndef LTD_MODELS_LLM_DECODER_H
#define LTD_MODELS_LLM_DECODER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "models/kernels/kernels.h"
#include "models/kernels/pool.h"
#include "models/llm/kv.h"
#include "models/llm/rope.h"

typedef struct ltd_decoder_shape {
    int32_t hidden, ffn, heads, kv_heads, head_dim;
    int32_t max_in; /* widest input of a linear layer besides ffn */
    int32_t max_rows;
    float eps;
    float scale; /* of attention's scores; 0 = 1 / sqrt(head_dim) */
    bool gelu;   /* the MLP's gate; else SiLU */
} ltd_decoder_shape;

/* Which slots each row sees: 0 .. n_past-1, then tail[start[r] .. start[r+1]), its own slot last;
 * in sliding layers only those from number first[r] on. */
typedef struct ltd_visible {
    int32_t n_past;
    int32_t *tail;
    int32_t *start;    /* [max_rows + 1] */
    int32_t *position; /* [max_rows] rotary position */
    int32_t *slot;     /* [max_rows] where the row's K/V go */
    int32_t *first;    /* [max_rows], read by sliding layers alone */
    /* Each row ends a text of its own, which begins at slot - position, and where slots are counted
     * from; n_past is then the row's position. */
    bool texts;
} ltd_visible;

/* Columns of a matrix that a thread keeps in its cache. */
enum { LTD_DECODER_COLUMNS = 128 };

/* Scratch for max_rows rows; every array is 64-byte aligned. */
typedef struct ltd_decoder {
    ltd_decoder_shape shape;
    const ltd_kernels *kernels;
    ltd_pool *pool;
    float *x;                     /* [rows, hidden] residual stream */
    float *h;                     /* [rows, max_in] input of the next linear layer */
    float *qkv;                   /* [rows, (heads + 2 kv_heads) head_dim] */
    float *attn;                  /* [rows, heads * head_dim] */
    float *proj;                  /* [rows, hidden] what is normalised before it is added to x */
    float *gate_up;               /* [rows, 2 ffn] where ffn is no multiple of 32 */
    float *act;                   /* [rows, ffn] where the next layer reads floats */
    ltd_acts acts;                /* [rows, widest] input of the next linear layer */
    ltd_acts gated;               /* [rows, ffn] act as integers */
    float *columns;               /* [threads, rows, 2 LTD_DECODER_COLUMNS] */
    float *scores;                /* [threads, rows * heads of a task, score_len] */
    float *attn_work;             /* [threads, attn_size] */
    size_t score_room, attn_size; /* floats a thread */
    int32_t score_len;
    ltd_visible visible;
} ltd_decoder;

/* `slots` is the longest a row can see.  LTD_ENOMEM. */
int ltd_decoder_init(ltd_decoder *ret, const ltd_decoder_shape *shape, const ltd_kernels *kernels,
                     ltd_pool *pool, int32_t bits, int32_t slots, int32_t tail_len, ltd_err *err);
void ltd_decoder_fini(ltd_decoder *d);

/* Call fn(ctx, row, thread) for m rows, over the pool where that pays. */
void ltd_decoder_rows(ltd_decoder *d, ltd_pool_fn *fn, void *ctx, int32_t m);
/* Make x [m, n] what `acts` stands for; returns `acts` when one of the matrices w[parts] reads
 * integers, which are then to be quantised row by row, else NULL. */
ltd_acts *ltd_decoder_input(ltd_acts *acts, const float *x, int32_t n, const ltd_packed *w,
                            int32_t parts);
/* d->h and d->acts = rmsnorm(x) for m rows of x [m, hidden], as the matrices next[parts] read them.
 */
void ltd_decoder_norm(ltd_decoder *d, const float *x, const float *w, int32_t m,
                      const ltd_packed *next, int32_t parts);
/* Integers of the m rows that acts stands for. */
void ltd_decoder_quantize(ltd_decoder *d, ltd_acts *acts, int32_t m);
/* Tasks for so many units of a matrix. */
int32_t ltd_decoder_tasks(const ltd_decoder *d, int32_t units);
/* y [m, w->width] = w x; x [m, w->in] floats. */
void ltd_decoder_linear(ltd_decoder *d, const ltd_packed *w, const float *x, int32_t m, float *y);
/* y [m, all widths] = the matrices w[n], one below the other, times acts. */
void ltd_decoder_multiply(ltd_decoder *d, const ltd_packed *w, int32_t n, const ltd_acts *acts,
                          int32_t m, float *y);
/* sum [m, w->width] += w acts. */
void ltd_decoder_multiply_add(ltd_decoder *d, const ltd_packed *w, const ltd_acts *acts, int32_t m,
                              float *sum);

typedef struct ltd_decoder_weights {
    const ltd_packed *qkv, *out, *gate_up, *down;
    /* Matrices of different kinds, one below the other, at qkv and gate_up; 0 = one.  Where there
     * are several each has a multiple of 8 rows. */
    int32_t qkv_parts, gate_up_parts;
    const float *ffn_norm;
    /* NULL where the family has none. */
    const float *qkv_bias;                       /* [(heads + 2 kv_heads) * head_dim] */
    const float *q_norm, *k_norm;                /* [head_dim], of every head; both or none */
    const float *attn_post_norm, *ffn_post_norm; /* [hidden] */
    bool slides;                                 /* rows see keys from visible.first on */
} ltd_decoder_weights;

/* d->qkv = heads of d->acts, with bias, norm and rotation; k and v go to visible.slot. */
void ltd_decoder_heads(ltd_decoder *d, const ltd_decoder_weights *w, const ltd_kv *kv,
                       int32_t layer, const ltd_rope *rope, int32_t m);
/* d->attn and d->acts = attention of the heads in d->qkv. */
void ltd_decoder_attend(ltd_decoder *d, const ltd_decoder_weights *w, const ltd_kv *kv,
                        int32_t layer, int32_t m);
/* d->act and d->gated = the MLP's inner activations, of d->acts. */
void ltd_decoder_gate(ltd_decoder *d, const ltd_decoder_weights *w, int32_t m);

/* x += attention(acts), then x += mlp(norm(x)), for m rows; acts holds the input of the q/k/v
 * projection.
 * With post norms what is added is normalised first.  K/V of the rows are written to visible.slot
 * first. */
void ltd_decoder_layer(ltd_decoder *d, const ltd_decoder_weights *w, const ltd_kv *kv,
                       int32_t layer, const ltd_rope *rope, int32_t m);

#endif
