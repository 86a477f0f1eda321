#include "agents/export/onnx.h"

#include <stdlib.h>
#include <string.h>

#include "agents/export/onnx_priv.h"
#include "agents/export/turns_priv.h"
#include "base/file.h"
#include "base/mem.h"

/* A vector of floats for each row of the batch, with all that it points to. */
typedef struct value {
    Onnx__ValueInfoProto info;
    Onnx__TypeProto type;
    Onnx__TypeProto__Tensor tensor;
    Onnx__TensorShapeProto shape;
    Onnx__TensorShapeProto__Dimension dims[2], *at[2];
} value;

static void set_value(value *v, const char *name, int32_t n)
{
    onnx__value_info_proto__init(&v->info);
    onnx__type_proto__init(&v->type);
    onnx__type_proto__tensor__init(&v->tensor);
    onnx__tensor_shape_proto__init(&v->shape);
    for (int i = 0; i < 2; i++) {
        onnx__tensor_shape_proto__dimension__init(&v->dims[i]);
        v->at[i] = &v->dims[i];
    }
    v->dims[0].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    v->dims[0].dim_param = (char *)"batch";
    v->dims[1].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    v->dims[1].dim_value = n;
    v->shape.n_dim = 2;
    v->shape.dim = v->at;
    v->tensor.has_elem_type = 1;
    v->tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    v->tensor.shape = &v->shape;
    v->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    v->type.tensor_type = &v->tensor;
    v->info.name = (char *)name;
    v->info.type = &v->type;
}

/* All parts of a model; it points into itself. */
typedef struct model {
    Onnx__ModelProto proto;
    Onnx__OperatorSetIdProto opset, *opsets[1];
    Onnx__StringStringEntryProto manifest, *metadata[1];
    Onnx__GraphProto graph;
    ltd_onnx_nodes nodes;
    Onnx__TensorProto tensor[LTD_ONNX_TENSORS], *tensors[LTD_ONNX_TENSORS];
    value obs, logits, critic;
    Onnx__ValueInfoProto *inputs[1], *outputs[2];
} model;

static void set_tensors(model *m, const ltd_bundle *b, const char *turn)
{
    size_t n = 0, skip = strlen(turn);
    for (size_t i = 0; i < b->n_tensors; i++) {
        ltd_tensor_view *t = &b->tensors[i];
        if (strncmp(t->name, turn, skip) != 0) continue;
        Onnx__TensorProto *p = m->tensors[n] = &m->tensor[n];
        onnx__tensor_proto__init(p);
        p->name = (char *)t->name + skip;
        p->n_dims = (size_t)t->n_dims;
        p->dims = t->dims;
        p->has_data_type = 1;
        p->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
        p->has_raw_data = 1;
        p->raw_data = (ProtobufCBinaryData){t->bytes, (uint8_t *)t->data};
        n++;
    }
    m->graph.n_initializer = n;
    m->graph.initializer = m->tensors;
}

static void set_graph(model *m, const ltd_bundle *b, const char *turn,
                      const ltd_net_shape shapes[2])
{
    const ltd_net_shape *actor = &shapes[0];
    onnx__graph_proto__init(&m->graph);
    m->graph.name = (char *)(strcmp(turn, "depth.") == 0 ? "depth" : "size");
    ltd_onnx_graph(&m->nodes, shapes);
    m->graph.n_node = m->nodes.n;
    m->graph.node = m->nodes.at;
    set_tensors(m, b, turn);
    set_value(&m->obs, "obs", actor->dims[0]);
    set_value(&m->logits, "logits", actor->dims[actor->n_layers]);
    set_value(&m->critic, "value", 1);
    m->inputs[0] = &m->obs.info;
    m->outputs[0] = &m->logits.info;
    m->outputs[1] = &m->critic.info;
    m->graph.n_input = 1;
    m->graph.input = m->inputs;
    m->graph.n_output = shapes[1].n_layers ? 2 : 1;
    m->graph.output = m->outputs;
}

static void set_model(model *m, const ltd_bundle *b)
{
    onnx__model_proto__init(&m->proto);
    m->proto.has_ir_version = 1;
    m->proto.ir_version = LTD_ONNX_IR;
    m->proto.producer_name = (char *)"ltd";
    m->proto.graph = &m->graph;
    onnx__operator_set_id_proto__init(&m->opset);
    m->opset.domain = (char *)"";
    m->opset.has_version = 1;
    m->opset.version = LTD_ONNX_OPSET;
    m->opsets[0] = &m->opset;
    m->proto.n_opset_import = 1;
    m->proto.opset_import = m->opsets;
    onnx__string_string_entry_proto__init(&m->manifest);
    m->manifest.key = (char *)LTD_MANIFEST_KEY;
    m->manifest.value = b->manifest;
    m->metadata[0] = &m->manifest;
    m->proto.n_metadata_props = 1;
    m->proto.metadata_props = m->metadata;
}

int ltd_export_onnx(const ltd_bundle *b, const char *turn, const char *path, ltd_err *err)
{
    ltd_net_shape shapes[2];
    int rc = ltd_turn_shapes(shapes, b->manifest, strlen(b->manifest), turn, path, err);
    if (rc < 0) return rc;
    uint8_t *bytes = NULL;
    model *m = ltd_mem_zeros(1, sizeof *m);
    if (m) {
        set_graph(m, b, turn, shapes);
        set_model(m, b);
        bytes = ltd_mem_zeros(onnx__model_proto__get_packed_size(&m->proto), 1);
    }
    rc = bytes ? ltd_file_write(path, bytes, onnx__model_proto__pack(&m->proto, bytes), err)
               : ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    free(bytes);
    free(m);
    return rc;
}
