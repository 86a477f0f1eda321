/* A chat template around a user's message, as tokens: what opens the user's turn, and what stands
 * between the message and its answer. */
#ifndef LTD_TRAINER_DISTILL_FRAME_H
#define LTD_TRAINER_DISTILL_FRAME_H

#include "base/status.h"
#include "base/str.h"
#include "models/text/chat.h"
#include "models/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_frame {
    const ltd_tokenizer *tok; /* borrowed */
    ltd_str before;           /* text: a message's first words join its tokens */
    ltd_tokens after;
} ltd_frame;

/* LTD_EINVAL: the template puts nothing around the user's message.  *ret is to be freed in any
 * case. */
int ltd_frame_init(ltd_frame *ret, const ltd_tokenizer *tok, const ltd_chat *chat, ltd_err *err);
void ltd_frame_fini(ltd_frame *f);

/* Append the template up to the message, and the message's first words if there are any (NULL). */
int ltd_frame_open(const ltd_frame *f, const char *words, ltd_tokens *out, ltd_err *err);
/* Does this token end a message? */
bool ltd_frame_ends(const ltd_frame *f, int32_t token);

#ifdef __cplusplus
}
#endif
#endif
