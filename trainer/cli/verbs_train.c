/* Verbs of ltd-train. */
#include "trainer/cli/cli.h"

const ltd_verb *const ltd_verbs[] = {&ltd_verb_distill, &ltd_verb_train, &ltd_verb_transfer,
                                     &ltd_verb_ablations, NULL};
