/* A row of the bench with settings of its own: what a suite is made of.
 *
 *     ltd_preset rows[] = {
 *         {.name = "goodput"},                                     as bench.policies has it
 *         {.name = "eagle3", .kind = LTD_PRESET_FIXED, .setting = {9, 60, false, 10}},
 *     };
 *     ltd_bench_run(&s, &(ltd_bench_options){.presets = rows, .n_presets = 2}, &bench, &err);
 *
 * Plain data; nets and policies are borrowed as long as the bench runs. */
#ifndef LTD_TRAINER_PRESET_H
#define LTD_TRAINER_PRESET_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/policy.h"
#include "agents/rules/trained.h"
#include "trainer/tune/tune.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_preset_kind {
    LTD_PRESET_NAMED,  /* a row of bench.policies: nothing but the name is read */
    LTD_PRESET_FIXED,  /* `setting` */
    LTD_PRESET_RULE,   /* `rule` with `param` and `net`, within the limits below */
    LTD_PRESET_POLICY, /* `policy`, with the limits it was trained with */
} ltd_preset_kind;

typedef struct ltd_preset {
    char name[32]; /* of the row */
    ltd_preset_kind kind;
    /* The head as it was published: its own vocabulary, and scores as they come. */
    bool plain_head;
    ltd_setting setting;
    const ltd_rule *rule;
    float param[LTD_RULE_PARAMS];
    ltd_mlp *net; /* NULL: the rule has none */
    /* Of a rule: beam, draft forwards, sizes it may choose from (one: it isn't asked). */
    int32_t top_k, min_forwards, max_forwards;
    int32_t sizes[LTD_MAX_SIZES], n_sizes;
    bool lookup;
    const ltd_policy *policy;
} ltd_preset;

#ifdef __cplusplus
}
#endif
#endif
