/* The graph that a turn's nets make, for the writer, and for the reader to compare with.  Private
 * to agents/export. */
#ifndef LTD_AGENTS_EXPORT_ONNX_PRIV_H
#define LTD_AGENTS_EXPORT_ONNX_PRIV_H

#include <onnx.pb-c.h>

#include "agents/export/bundle.h"
#include "agents/export/manifest.h"

enum {
    LTD_ONNX_OPSET = 17,
    LTD_ONNX_IR = 8, /* the version that came with it */
    LTD_ONNX_NODES = 2 * (2 * LTD_MLP_MAX_LAYERS - 1),
    LTD_ONNX_TENSORS = 4 * LTD_MLP_MAX_LAYERS,
};

/* A node and what it points to. */
typedef struct ltd_onnx_node {
    Onnx__NodeProto proto;
    char name[LTD_BUNDLE_NAME], in[3][LTD_BUNDLE_NAME], out[LTD_BUNDLE_NAME];
    char *ins[3], *outs[1];
    Onnx__AttributeProto trans, *attributes[1];
} ltd_onnx_node;

typedef struct ltd_onnx_nodes {
    ltd_onnx_node node[LTD_ONNX_NODES];
    Onnx__NodeProto *at[LTD_ONNX_NODES];
    size_t n;
} ltd_onnx_nodes;

/* Actor and critic (n_layers 0: none); `nodes` is filled in place and may not move. */
void ltd_onnx_graph(ltd_onnx_nodes *nodes, const ltd_net_shape shapes[2]);

#endif
