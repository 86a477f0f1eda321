/* What the weights of a model are called in its files, and the shapes they must have.
 * Private to models/files. */
#ifndef LTD_MODELS_FILES_WEIGHTS_PRIV_H
#define LTD_MODELS_FILES_WEIGHTS_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "models/files/model_files.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_WEIGHTS_PER_LAYER = LTD_WEIGHT_COUNT - LTD_WEIGHT_ATTN_NORM, LTD_WEIGHT_NAME = 96 };

/* Has a model of this config such a weight? */
bool ltd_weight_belongs(ltd_weight weight, const ltd_llm_config *config);

/* Name of a weight: the GGUF one, or Hugging Face's. */
void ltd_weight_file_name(char ret[LTD_WEIGHT_NAME], ltd_weight weight, int layer,
                          const ltd_llm_config *config, bool gguf);

/* The view has the shape that the config asks for and holds weights we can read.  LTD_EFORMAT,
 * LTD_EUNSUPPORTED; `where` begins messages. */
int ltd_weight_check(const ltd_tensor_view *view, ltd_weight weight, const ltd_llm_config *config,
                     const char *where, ltd_err *err);

/* A tensor that holds no weight, and may be there besides them. */
bool ltd_weight_is_spare(const char *name, const ltd_llm_config *config, bool gguf);

#ifdef __cplusplus
}
#endif
#endif
