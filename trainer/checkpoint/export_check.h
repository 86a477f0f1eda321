/* Is an export what it was made of?  Compared on observations that the policy met.
 *
 *     ltd_export_check check;
 *     if (ltd_export_compare(policy, read_back, &met, &check, &err) < 0) ... remove the files
 *
 * Pure but for the nets' own scratch. */
#ifndef LTD_TRAINER_EXPORT_CHECK_H
#define LTD_TRAINER_EXPORT_CHECK_H

#include "agents/policy.h"
#include "base/status.h"
#include "trainer/checkpoint/observations.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most that a logit may differ. */
#define LTD_EXPORT_TOLERANCE 1e-5

typedef struct ltd_export_check {
    struct {
        int32_t observations, same; /* looked at; of them with the same best action */
        double difference;          /* the largest of any logit */
    } turn[2];                      /* depth, size; 0 observations without an actor */
} ltd_export_check;

/* LTD_EINVAL: an actor of which no observation is there; LTD_EFORMAT: another shape, a logit that
 * differs by more than LTD_EXPORT_TOLERANCE, another action.  *ret is filled as far as it went. */
int ltd_export_compare(const ltd_policy *made_of, const ltd_policy *read_back,
                       const ltd_observations *met, ltd_export_check *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
