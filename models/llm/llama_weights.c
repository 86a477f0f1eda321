/* Weights of a model as floats again, from where the kernels read them. */
#include <string.h>

#include "models/llm/llama_priv.h"

void ltd_llama_head_row(const ltd_llama *model, int32_t token, float *ret)
{
    ltd_pack_get_row(model->lm_head, token, ret);
}

const float *ltd_llama_output_norm(const ltd_llama *model)
{
    return model->output_norm;
}

static void get_matrices(const ltd_packed *part, int32_t parts, float *ret)
{
    for (int32_t p = 0; p < parts; p++)
        for (int32_t row = 0; row < part[p].out; row++, ret += part[p].in)
            ltd_pack_get_row(&part[p], row, ret);
}

void ltd_llama_layer_part(const ltd_llama *model, int32_t layer, ltd_layer_part part, float *ret)
{
    const ltd_llama_layer *l = &model->layers[layer];
    size_t norm = (size_t)model->config.hidden * sizeof *ret;
    switch (part) {
    case LTD_LAYER_QKV: get_matrices(l->qkv.part, l->qkv.parts, ret); break;
    case LTD_LAYER_OUT: get_matrices(&l->out, 1, ret); break;
    case LTD_LAYER_GATE_UP: get_matrices(l->gate_up.part, l->gate_up.parts, ret); break;
    case LTD_LAYER_DOWN: get_matrices(&l->down, 1, ret); break;
    case LTD_LAYER_ATTN_NORM: memcpy(ret, l->attn_norm, norm); break;
    case LTD_LAYER_FFN_NORM: memcpy(ret, l->ffn_norm, norm); break;
    }
}
