/* The two ways to an ltd_llm_config.  Private to models/files. */
#ifndef LTD_MODELS_FILES_CONFIG_PRIV_H
#define LTD_MODELS_FILES_CONFIG_PRIV_H

#include "models/files/model_files.h"

#ifdef __cplusplus
extern "C" {
#endif

/* From config.json at `path`: the keys of transformers 4 and 5.  LTD_EIO, LTD_EFORMAT,
 * LTD_EUNSUPPORTED. */
int ltd_config_from_hf(ltd_llm_config *ret, const char *path, ltd_err *err);

/* The same over n bytes; `where` begins messages. */
int ltd_config_parse_hf(ltd_llm_config *ret, const char *text, size_t n, const char *where,
                        ltd_err *err);

/* From the metadata of a GGUF file, and its rope_freqs.weight.  `vocab` and `tied` are taken from
 * the tensors. */
int ltd_config_from_gguf(ltd_llm_config *ret, const ltd_gguf *file, ltd_err *err);

/* Every extent in its range, heads that divide; `where` begins messages. */
int ltd_llm_config_check(const ltd_llm_config *config, const char *where, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
