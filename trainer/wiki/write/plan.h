/* The outline in a model's answer.
 *
 *     ltd_wiki_headings o;
 *     ltd_wiki_headings_parse(&o, "1. Introduction\n2. Race\n", &err);
 *     o.name[1]                                            "Race"
 *     ltd_wiki_headings_fini(&o);
 *
 * Thread rule: plain data. */
#ifndef LTD_TRAINER_WIKI_PLAN_H
#define LTD_TRAINER_WIKI_PLAN_H

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_WIKI_OUTLINE = 10, LTD_WIKI_NAME = 120 }; /* sections; bytes of a name */

typedef struct ltd_wiki_headings {
    char *name[LTD_WIKI_OUTLINE]; /* [n] owned */
    int32_t n;
} ltd_wiki_headings;

/* Names of lines "1. Name", "2) Name" and "==Name==", without the signs of emphasis and what stands
 * behind a colon, none twice (any case), no back matter, none longer than LTD_WIKI_NAME, the first
 * ten.  When nothing is left: Introduction alone.  LTD_ENOMEM. */
int ltd_wiki_headings_parse(ltd_wiki_headings *ret, const char *text, ltd_err *err);
/* Copies of names, as they are; the first ten of n. */
int ltd_wiki_headings_of(ltd_wiki_headings *ret, const char *const *names, int32_t n, ltd_err *err);
void ltd_wiki_headings_fini(ltd_wiki_headings *outline);

#ifdef __cplusplus
}
#endif
#endif
