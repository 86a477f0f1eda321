/* Observations of a policy that came without any (imported, of an earlier version): it plays over
 * the records of the training prompts.
 *
 *     ltd_observe(&s, policy, &met, &err);
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_OBSERVE_H
#define LTD_TRAINER_OBSERVE_H

#include "agents/policy.h"
#include "trainer/checkpoint/observations.h"
#include "trainer/config/setup.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Until both of its turns have LTD_OBSERVATIONS of them, or all prompts are through.  LTD_EIO:
 * nothing is recorded; LTD_EINVAL: none of the prompts is, the setup has no cost table; what the
 * environment returns. */
int ltd_observe(const ltd_setup *s, const ltd_policy *policy, ltd_observations *met, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
