#include "agents/export/onnx_priv.h"

#include <stdio.h>

static ltd_onnx_node *add_node(ltd_onnx_nodes *nodes, const char *op, const char *in,
                               const char *out)
{
    ltd_onnx_node *n = &nodes->node[nodes->n];
    nodes->at[nodes->n++] = &n->proto;
    onnx__node_proto__init(&n->proto);
    snprintf(n->name, sizeof n->name, "%.40s_%zu", op, nodes->n);
    snprintf(n->in[0], sizeof n->in[0], "%s", in);
    snprintf(n->out, sizeof n->out, "%s", out);
    for (int i = 0; i < 3; i++) n->ins[i] = n->in[i];
    n->outs[0] = n->out;
    n->proto.name = n->name;
    n->proto.op_type = (char *)op;
    n->proto.n_input = 1;
    n->proto.input = n->ins;
    n->proto.n_output = 1;
    n->proto.output = n->outs;
    return n;
}

/* y = x W^T + b */
static void add_gemm(ltd_onnx_nodes *nodes, bool critic, int32_t layer, int32_t layers,
                     const char *in, const char *out)
{
    ltd_onnx_node *n = add_node(nodes, "Gemm", in, out);
    ltd_bundle_layer(n->in[1], critic, layer, layers, "weight");
    ltd_bundle_layer(n->in[2], critic, layer, layers, "bias");
    n->proto.n_input = 3;
    onnx__attribute_proto__init(&n->trans);
    n->trans.name = (char *)"transB";
    n->trans.has_type = 1;
    n->trans.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    n->trans.has_i = 1;
    n->trans.i = 1;
    n->attributes[0] = &n->trans;
    n->proto.n_attribute = 1;
    n->proto.attribute = n->attributes;
}

static void add_net(ltd_onnx_nodes *nodes, bool critic, const ltd_net_shape *s)
{
    const char *op = s->activation == LTD_ACT_TANH ? "Tanh" : "Relu", *last = "obs";
    char sum[LTD_BUNDLE_NAME];
    for (int32_t i = 0; i < s->n_layers; i++) {
        bool end = i + 1 == s->n_layers;
        snprintf(sum, sizeof sum, "%s_%d", critic ? "value_sum" : "policy_sum", i);
        add_gemm(nodes, critic, i, s->n_layers, last, !end ? sum : critic ? "value" : "logits");
        if (end) break;
        char act[LTD_BUNDLE_NAME];
        snprintf(act, sizeof act, "%s_%d", critic ? "value_act" : "policy_act", i);
        last = add_node(nodes, op, sum, act)->out;
    }
}

void ltd_onnx_graph(ltd_onnx_nodes *nodes, const ltd_net_shape shapes[2])
{
    nodes->n = 0;
    add_net(nodes, false, &shapes[0]);
    add_net(nodes, true, &shapes[1]);
}
