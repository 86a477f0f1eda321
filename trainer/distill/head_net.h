/* A draft head in training: the parameters of one EAGLE-3 layer in one flat array, so that the
 * optimizer, the clip and the checkpoint see an array and nothing else.
 *
 *     ltd_head_net_init(&net, &shape, &err);
 *     ltd_head_net_from_layer(&net, model, &rng);            the target's last layer
 *     ltd_head_net_export(&net, "runs/a/head", &notes, &err);
 *
 * Features are divided by their root mean square, a number for each of the three taps, before `fc`
 * sees them; an exported head has that number in its fc instead.  The rows of its lm_head are the
 * target's own and never change.
 * Thread rule: plain data; who writes is alone. */
#ifndef LTD_TRAINER_DISTILL_HEAD_NET_H
#define LTD_TRAINER_DISTILL_HEAD_NET_H

#include <stdint.h>

#include "base/rng.h"
#include "base/status.h"
#include "models/llm/llama.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_head_shape {
    int32_t hidden, ffn, heads, kv_heads, head_dim; /* hidden: the target's, too */
    float eps, rope_theta;
} ltd_head_shape;

typedef enum ltd_head_part {
    LTD_HEAD_FC,         /* [hidden, 3 hidden] */
    LTD_HEAD_Q,          /* [heads * head_dim, 2 hidden]: the embedding's columns first */
    LTD_HEAD_KV,         /* [2 * kv_heads * head_dim, 2 hidden]: rows of k, v */
    LTD_HEAD_OUT,        /* [hidden, heads * head_dim] */
    LTD_HEAD_GATE_UP,    /* [2 ffn, hidden]: rows of gate, up */
    LTD_HEAD_DOWN,       /* [hidden, ffn] */
    LTD_HEAD_INPUT_NORM, /* [hidden], and the others */
    LTD_HEAD_HIDDEN_NORM,
    LTD_HEAD_POST_NORM,
    LTD_HEAD_NORM,
    LTD_HEAD_PARTS
} ltd_head_part;

typedef struct ltd_head_net {
    ltd_head_shape shape;
    int64_t n;                                          /* parameters */
    int64_t offset[LTD_HEAD_PARTS];                     /* of a part in data */
    int64_t rows[LTD_HEAD_PARTS], cols[LTD_HEAD_PARTS]; /* vectors: cols 0 */
    float *data;                                        /* [n], owned, 64-byte aligned */
    float scale[3]; /* of the taps' features: 1 / root mean square */
} ltd_head_net;

/* Zeros and scale 1.  LTD_EINVAL (an extent), LTD_ENOMEM.  *ret is to be freed in any case. */
int ltd_head_net_init(ltd_head_net *ret, const ltd_head_shape *shape, ltd_err *err);
void ltd_head_net_fini(ltd_head_net *net);
const char *ltd_head_part_name(ltd_head_part part); /* "fc", "q"... */

/* The shape that goes with a target: its own layer's, with `ffn` units (0: as many as it has). */
ltd_head_shape ltd_head_shape_of(const ltd_llama *model, int32_t ffn);

/* Normal numbers of standard deviation 0.02, norms 1. */
void ltd_head_net_random(ltd_head_net *net, ltd_rng *rng);
/* The target's last layer where the feature enters, small numbers where the embedding does, and an
 * fc that lets the last tap through; scale is set before.  LTD_ENOMEM. */
int ltd_head_net_from_layer(ltd_head_net *net, const ltd_llama *model, ltd_rng *rng, ltd_err *err);

/* What goes into a head's folder beside the layer. */
typedef struct ltd_head_files {
    const ltd_llama *target;
    const int32_t *draft; /* [n_draft] ascending target ids of the draft vocabulary */
    int32_t n_draft;
    const int32_t *taps;       /* [3] */
    const char *const *keys;   /* [n_notes] of the safetensors file's metadata */
    const char *const *values; /* [n_notes] */
    size_t n_notes;
} ltd_head_files;

/* Write config.json and model.safetensors in the layout of EAGLE-3's own heads, in halves: fc,
 * midlayer.*, norm, lm_head, d2t, t2d.  The weights file is whole or absent.  LTD_EIO, LTD_ENOMEM.
 */
int ltd_head_net_export(const ltd_head_net *net, const char *folder, const ltd_head_files *files,
                        ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
