/* The format `onnx`: a graph for each turn, opset 17.
 *
 *     obs [batch, inputs] -> (Gemm -> Tanh or Relu)* -> Gemm -> logits [batch, actions]
 *                                      and, with a critic, -> value [batch, 1]
 *
 * Initializers have the bundle's names without their turn; the manifest is the model's metadata
 * property `ltd.policy`.
 *
 *     ltd_export_onnx(bundle, "depth.", "depth.onnx", &err);
 *     ltd_bundle *again = NULL;
 *     ltd_import_onnx(&again, "depth.", data, size, "depth.onnx", &err);
 *
 * A model whose graph is not the one that its manifest asks for is refused: it would not be what is
 * played.  Thread rule: one thread. */
#ifndef LTD_AGENTS_EXPORT_ONNX_H
#define LTD_AGENTS_EXPORT_ONNX_H

#include "agents/export/bundle.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The nets of one turn, "depth." or "size.", written atomically.  LTD_EINVAL: it has none there;
 * LTD_EIO, LTD_ENOMEM. */
int ltd_export_onnx(const ltd_bundle *bundle, const char *turn, const char *path, ltd_err *err);
/* Add what a file holds to *io; NULL there: a new bundle, owned.  LTD_EFORMAT: damaged, without a
 * manifest or with another than *io has, another graph; LTD_EUNSUPPORTED: another opset, weights of
 * another type; LTD_ENOMEM.  On failure *io is as it was or has some of the tensors. */
int ltd_import_onnx(ltd_bundle **io, const char *turn, const void *data, size_t n, const char *name,
                    ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
