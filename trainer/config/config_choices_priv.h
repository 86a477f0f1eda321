/* Values of keys that take one of a few words: for config_keys.c. */
#ifndef LTD_TRAINER_CONFIG_CHOICES_PRIV_H
#define LTD_TRAINER_CONFIG_CHOICES_PRIV_H

#include <assert.h>

#include "env/ltd_env.h"
#include "trainer/config/config.h"
#include "trainer/wiki/pages/split.h"
#include "trainer/wiki/write/task.h"

static_assert(sizeof(ltd_activation) == sizeof(int), "enum fields are written as int");
static_assert(sizeof(ltd_contract) == sizeof(int), "enum fields are written as int");
static_assert(sizeof(ltd_accept_rule) == sizeof(int), "enum fields are written as int");
static_assert(sizeof(ltd_draft_vocabulary) == sizeof(int), "enum fields are written as int");

#define CHOICES(name) static const ltd_key_choice name[]
CHOICES(model_dtypes) = {{"file", LTD_MODEL_DTYPE_FILE}, {"f32", LTD_MODEL_DTYPE_F32},
                         {"f16", LTD_MODEL_DTYPE_F16},   {"q8", LTD_MODEL_DTYPE_Q8},
                         {"q4", LTD_MODEL_DTYPE_Q4},     {NULL, 0}};
CHOICES(act_bits) = {{"16", 16}, {"8", 8}, {NULL, 0}};
CHOICES(kv_dtypes) = {{"f16", LTD_KV_F16}, {"f32", LTD_KV_F32}, {NULL, 0}};
CHOICES(head_dtypes) = {
    {"q8", LTD_HEAD_Q8}, {"f16", LTD_HEAD_F16}, {"f32", LTD_HEAD_F32}, {NULL, 0}};
CHOICES(vocabularies) = {{"auto", LTD_VOCABULARY_AUTO},
                         {"static", LTD_VOCABULARY_STATIC},
                         {"context", LTD_VOCABULARY_CONTEXT},
                         {NULL, 0}};
CHOICES(accept_rules) = {{"drawn", LTD_ACCEPT_DRAWN},
                         {"eagle", LTD_ACCEPT_SAMPLED},
                         {"always", LTD_ACCEPT_ALWAYS},
                         {NULL, 0}};
CHOICES(rewards) = {{"average", LTD_REWARD_AVERAGE},
                    {"ratio", LTD_REWARD_RATIO},
                    {"length", LTD_REWARD_LENGTH},
                    {"time", LTD_REWARD_TIME},
                    {NULL, 0}};
CHOICES(clocks) = {{"live", LTD_CLOCK_LIVE}, {"table", LTD_CLOCK_TABLE}, {NULL, 0}};
CHOICES(depth_contracts) = {{"ltd/depth/v2", LTD_CONTRACT_LTD_DEPTH},
                            {"paper/depth/128", LTD_CONTRACT_PAPER_DEPTH},
                            {NULL, 0}};
CHOICES(size_contracts) = {{"ltd/size/v2", LTD_CONTRACT_LTD_SIZE},
                           {"paper/size/1268", LTD_CONTRACT_PAPER_SIZE},
                           {"paper/size/1268-no-depth", LTD_CONTRACT_PAPER_SIZE_NO_DEPTH},
                           {"paper/size/1268-no-context", LTD_CONTRACT_PAPER_SIZE_NO_CONTEXT},
                           {NULL, 0}};
CHOICES(activations) = {{"tanh", LTD_ACT_TANH}, {"relu", LTD_ACT_RELU}, {NULL, 0}};
CHOICES(modes) = {{"joint", LTD_TRAIN_JOINT}, {"stages", LTD_TRAIN_STAGES}, {NULL, 0}};
CHOICES(grounds) = {{"live", LTD_TRAIN_LIVE}, {"records", LTD_TRAIN_RECORDS}, {NULL, 0}};
CHOICES(schedules) = {
    {"linear", LTD_SCHEDULE_LINEAR}, {"constant", LTD_SCHEDULE_CONSTANT}, {NULL, 0}};
CHOICES(features) = {{"keep", LTD_DISTILL_KEEP}, {"compute", LTD_DISTILL_COMPUTE}, {NULL, 0}};
CHOICES(inits) = {{"layer", LTD_DISTILL_LAYER}, {"random", LTD_DISTILL_RANDOM}, {NULL, 0}};
CHOICES(precisions) = {
    {"auto", LTD_DISTILL_AUTO}, {"f32", LTD_DISTILL_F32}, {"bf16", LTD_DISTILL_BF16}, {NULL, 0}};

CHOICES(plans) = {{"documents", LTD_WIKI_PLAN_DOCUMENTS},
                  {"blind", LTD_WIKI_PLAN_BLIND},
                  {"ref", LTD_WIKI_PLAN_REF},
                  {NULL, 0}};
CHOICES(profiles) = {{"2k", 0}, {"4k", 1}, {"8k", 2}, {NULL, 0}};
CHOICES(rankings) = {{"bm25", LTD_WIKI_BM25}, {"tfidf", LTD_WIKI_TFIDF}, {NULL, 0}};
CHOICES(sources) = {
    {"mixed", LTD_WIKI_MIXED}, {"human", LTD_WIKI_HUMAN}, {"search", LTD_WIKI_SEARCH}, {NULL, 0}};
CHOICES(splits) = {{"all", LTD_WIKI_SPLITS}, {"train", LTD_WIKI_TRAIN}, {"valid", LTD_WIKI_VALID},
                   {"eval", LTD_WIKI_EVAL},  {"final", LTD_WIKI_FINAL}, {NULL, 0}};

#undef CHOICES

#endif
