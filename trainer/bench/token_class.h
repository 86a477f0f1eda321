/* What a token of an answer is part of: a heading, a citation mark, something copied from the
 * prompt, or none of these.
 *
 *     uint8_t *kind = ltd_mem_zeros(text.n, 1);
 *     ltd_token_classes(tok, prompt->ids, prompt->n, text.ids, text.n, kind, &err);
 *     printf("%s\n", ltd_token_class_name(kind[0]));
 *
 * A token has the first class, in the order of ltd_token_class, that is true of it:
 *   heading   a byte of it lies in a line that is a heading: `==X==` (two '=' at least on each
 *             side), `# X` to `###### X`, or `**X**` with nothing else on its line; blanks around
 *             it, and the line break, belong to none
 *   citation  a byte of it lies in a mark `[12]`
 *   copied    it is inside a run of LTD_COPY_RUN tokens or more that stands in the prompt too;
 *             token ids are compared, those of a chat template are part of the prompt
 *   other     all that is left: among it tokens without bytes, as end tokens are, unless they are
 *             copied
 * Tokens may be pieces of a mark, a line or a UTF-8 character: they are laid out as bytes first.
 *
 * Thread rule: no state; concurrent calls are allowed. */
#ifndef LTD_TRAINER_TOKEN_CLASS_H
#define LTD_TRAINER_TOKEN_CLASS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "models/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_token_class {
    LTD_TOKEN_HEADING,
    LTD_TOKEN_CITATION,
    LTD_TOKEN_COPIED,
    LTD_TOKEN_OTHER,
    LTD_TOKEN_CLASSES
} ltd_token_class;

enum { LTD_COPY_RUN = 8 };

/* "heading", "citation", "copied", "other". */
const char *ltd_token_class_name(ltd_token_class kind);

/* The class of each token of an answer.
 *   prompt  [n_prompt] ids as the model read them
 *   answer  [n] ids
 *   kind    [n] out, of ltd_token_class
 * Ids that the vocabulary doesn't have are tokens without bytes.  Takes time in proportion to
 * n_prompt + n.  LTD_ENOMEM. */
int ltd_token_classes(const ltd_tokenizer *tok, const int32_t *prompt, size_t n_prompt,
                      const int32_t *answer, size_t n, uint8_t *kind, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
