/* What some of the messages begin with that the model is to write itself: openers of questions,
 * instructions, stories, sums and programs, so that no kind of prompt is missing. */
#ifndef LTD_TRAINER_DISTILL_OPENERS_H
#define LTD_TRAINER_DISTILL_OPENERS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

extern const char *const ltd_openers[];
extern const size_t ltd_openers_count;

#ifdef __cplusplus
}
#endif
#endif
