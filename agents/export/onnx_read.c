/* protobuf-c unpacks by recursion, as deep as the bytes say: how deep they go is looked at first.
 */
#include "agents/export/onnx.h"

#include <stdlib.h>
#include <string.h>

#include "agents/export/onnx_priv.h"
#include "agents/export/turns_priv.h"
#include "base/mem.h"

/* Messages inside each other: model, graph, input, type, tensor, shape, dimension. */
enum { MOST_DEPTH = 10 };

/* --- how deep --- */

typedef struct bytes {
    const uint8_t *at, *end;
} bytes;

/* False at the end, or beyond 64 bits. */
static bool get_varint(bytes *b, uint64_t *ret)
{
    *ret = 0;
    for (int shift = 0; shift < 64 && b->at < b->end; shift += 7) {
        uint8_t c = *b->at++;
        *ret |= (uint64_t)(c & 127) << shift;
        if (c < 128) return true;
    }
    return false;
}

/* Do messages lie at most `room` deep in one of this kind?  Bytes that are no message end the
 * question: unpacking finds them, too. */
static bool is_shallow(const ProtobufCMessageDescriptor *kind, bytes b, int room)
{
    uint64_t tag, n;
    while (get_varint(&b, &tag)) {
        size_t skip = 0;
        const ProtobufCFieldDescriptor *field =
            tag >> 3 <= UINT32_MAX
                ? protobuf_c_message_descriptor_get_field(kind, (unsigned)(tag >> 3))
                : NULL;
        switch (tag & 7) {
        case 0: /* varint */
            if (!get_varint(&b, &n)) return true;
            break;
        case 1: skip = 8; break;
        case 5: skip = 4; break;
        case 2: /* of a length */
            if (!get_varint(&b, &n) || n > (uint64_t)(b.end - b.at)) return true;
            skip = (size_t)n;
            if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE) break;
            if (room == 0 || !is_shallow(field->descriptor, (bytes){b.at, b.at + n}, room - 1))
                return false;
            break;
        default: return true;
        }
        if (skip > (size_t)(b.end - b.at)) return true;
        b.at += skip;
    }
    return true;
}

/* --- tensors --- */

static int take_tensor(ltd_bundle *b, const char *turn, const Onnx__TensorProto *p,
                       const char *file, ltd_err *err)
{
    ltd_tensor_view t = {.dtype = LTD_DTYPE_F32, .dims = {1, 1, 1, 1, 1, 1, 1, 1}};
    t.name = p->name ? p->name : "";
    if (p->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT || p->n_external_data)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: initializer %.60s: is of type %d%s, expected floats (1) in the file",
                        file, t.name, p->data_type, p->n_external_data ? " elsewhere" : "");
    size_t count = 1;
    bool bad = p->n_dims < 1 || p->n_dims > 2;
    for (size_t i = 0; !bad && i < p->n_dims; i++) {
        bad = p->dims[i] < 1 || p->dims[i] > LTD_MLP_MAX_DIM;
        t.dims[i] = p->dims[i];
        if (!bad) count *= (size_t)p->dims[i]; /* at most 2^40 */
    }
    t.n_dims = (int)p->n_dims;
    if (bad)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: initializer %.60s: %zu dimensions, expected 1 or 2 of 1 to %d", file,
                        t.name, p->n_dims, LTD_MLP_MAX_DIM);
    t.bytes = count * sizeof(float);
    size_t found = p->has_raw_data ? p->raw_data.len : p->n_float_data * sizeof(float);
    t.data = p->has_raw_data ? (const void *)p->raw_data.data : p->float_data;
    if (found != t.bytes)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: initializer %.60s: has %zu bytes, its shape makes %zu", file, t.name,
                        found, t.bytes);
    int rc = ltd_bundle_add(b, turn, &t, err);
    return rc < 0 ? ltd_err_prefix(err, rc, "%s", file) : LTD_OK;
}

/* --- the graph --- */

static const char *text(const char *s)
{
    return s ? s : "";
}

static bool same_texts(char *const *a, size_t n_a, char *const *b, size_t n_b)
{
    bool same = n_a == n_b;
    for (size_t i = 0; same && i < n_a; i++) same = strcmp(a[i], b[i]) == 0;
    return same;
}

static bool same_attributes(const Onnx__NodeProto *a, const Onnx__NodeProto *b)
{
    bool same = a->n_attribute == b->n_attribute;
    for (size_t i = 0; same && i < a->n_attribute; i++)
        same = strcmp(text(a->attribute[i]->name), text(b->attribute[i]->name)) == 0 &&
               a->attribute[i]->type == b->attribute[i]->type &&
               a->attribute[i]->i == b->attribute[i]->i;
    return same;
}

/* Names of nodes are anyone's to choose. */
static bool same_node(const Onnx__NodeProto *a, const Onnx__NodeProto *b)
{
    return strcmp(text(a->op_type), text(b->op_type)) == 0 && !text(a->domain)[0] &&
           same_texts(a->input, a->n_input, b->input, b->n_input) &&
           same_texts(a->output, a->n_output, b->output, b->n_output) && same_attributes(a, b);
}

static int check_graph(const Onnx__GraphProto *g, const ltd_net_shape shapes[2], const char *file,
                       ltd_err *err)
{
    ltd_onnx_nodes *expected = ltd_mem_zeros(1, sizeof *expected);
    if (!expected) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", file);
    int rc = LTD_OK;
    ltd_onnx_graph(expected, shapes);
    if (g->n_node != expected->n)
        rc = ltd_fail(err, LTD_EFORMAT, "%s: its graph has %zu nodes, its manifest asks for %zu",
                      file, g->n_node, expected->n);
    for (size_t i = 0; rc == LTD_OK && i < g->n_node; i++)
        if (!same_node(g->node[i], expected->at[i]))
            rc =
                ltd_fail(err, LTD_EFORMAT,
                         "%s: node %zu of its graph is %.20s -> %.40s, its manifest asks for %s -> "
                         "%s",
                         file, i, text(g->node[i]->op_type),
                         g->node[i]->n_output ? g->node[i]->output[0] : "nothing",
                         expected->at[i]->op_type, expected->at[i]->output[0]);
    free(expected);
    return rc;
}

/* --- the model --- */

static int check_opset(const Onnx__ModelProto *m, const char *file, ltd_err *err)
{
    if (m->n_opset_import == 1 && m->opset_import[0]->version == LTD_ONNX_OPSET &&
        !text(m->opset_import[0]->domain)[0])
        return LTD_OK;
    return ltd_fail(err, LTD_EUNSUPPORTED,
                    "%s: %zu operator sets, the first %lld, expected %d alone", file,
                    m->n_opset_import,
                    m->n_opset_import ? (long long)m->opset_import[0]->version : 0, LTD_ONNX_OPSET);
}

static const char *find_manifest(const Onnx__ModelProto *m)
{
    for (size_t i = 0; i < m->n_metadata_props; i++)
        if (strcmp(text(m->metadata_props[i]->key), LTD_MANIFEST_KEY) == 0)
            return m->metadata_props[i]->value;
    return NULL;
}

static int take_model(ltd_bundle **io, const char *turn, const Onnx__ModelProto *m,
                      const char *file, ltd_err *err)
{
    ltd_net_shape shapes[2];
    const char *manifest = find_manifest(m);
    const Onnx__GraphProto *g = m->graph;
    if (!manifest || !g)
        return ltd_fail(err, LTD_EFORMAT, "%s: no exported policy: %s", file,
                        g ? "its metadata has no '" LTD_MANIFEST_KEY "'" : "there is no graph");
    int rc = check_opset(m, file, err);
    if (rc == LTD_OK) rc = ltd_turn_shapes(shapes, manifest, strlen(manifest), turn, file, err);
    if (rc == LTD_OK) rc = check_graph(g, shapes, file, err);
    if (rc == LTD_OK) rc = ltd_turn_begin(io, manifest, strlen(manifest), file, err);
    for (size_t i = 0; rc == LTD_OK && i < g->n_initializer; i++)
        rc = take_tensor(*io, turn, g->initializer[i], file, err);
    return rc;
}

int ltd_import_onnx(ltd_bundle **io, const char *turn, const void *data, size_t n, const char *name,
                    ltd_err *err)
{
    const bytes all = {data, (const uint8_t *)data + n};
    if (!n || !is_shallow(&onnx__model_proto__descriptor, all, MOST_DEPTH))
        return ltd_fail(err, LTD_EFORMAT, "%s: %s", name,
                        n ? "messages lie deeper in each other than in any of ours" : "is empty");
    Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, n, data);
    if (!m)
        return ltd_fail(err, LTD_EFORMAT, "%s: no ONNX model: the bytes are no message of its kind",
                        name);
    int rc = take_model(io, turn, m, name, err);
    onnx__model_proto__free_unpacked(m, NULL);
    return rc;
}
