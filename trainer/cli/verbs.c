/* Verbs of ltd, in the order of first use. */
#include "trainer/cli/cli.h"

/* They run in ltd-train: see hand_over(). */
static const ltd_verb distill_elsewhere = {
    .name = "distill",
    .summary = "train a draft head from the model's own text",
    .args = "",
    .doc = "",
    .options = "",
};
static const ltd_verb train_elsewhere = {
    .name = "train",
    .summary = "train the depth and the size policy on real cycles",
    .args = "",
    .doc = "",
    .options = "",
};
static const ltd_verb transfer_elsewhere = {
    .name = "transfer",
    .summary = "play a policy of one machine on another, by their cost tables",
    .args = "",
    .doc = "",
    .options = "",
};

const ltd_verb *const ltd_verbs[] = {&ltd_verb_generate,
                                     &ltd_verb_calibrate,
                                     &ltd_verb_record,
                                     &ltd_verb_replay,
                                     &ltd_verb_tune,
                                     &train_elsewhere,
                                     &ltd_verb_eval,
                                     &ltd_verb_bench,
                                     &transfer_elsewhere,
                                     &distill_elsewhere,
                                     &ltd_verb_report,
                                     &ltd_verb_import,
                                     &ltd_verb_export,
                                     &ltd_verb_info,
                                     &ltd_verb_check_env,
                                     &ltd_verb_wiki,
                                     NULL};
