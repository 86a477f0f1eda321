/* Settings for other engines: of what SGLang, vLLM and llama.cpp can be told about speculation, the
 * static setting that is fastest on this machine, beside what each does when it is told nothing.
 *
 *     ltd_serving v;
 *     ltd_serving_run(&s, &v, &err);              the records that `ltd record` made
 *     ltd_serving_table(&v, &text);
 *     ltd_serving_command(&v, LTD_ENGINE_VLLM, &text);
 *
 * Chosen on the records of the training prompts, compared on those of the bench prompts, by this
 * machine's cost table: what it would gain in ltd's engine, not a measurement of theirs.  How an
 * engine's words map onto ltd's, and where that was read, is in serving_engines.c and
 * docs/serving.md.  Thread rule: one thread. */
#ifndef LTD_TRAINER_SERVING_H
#define LTD_TRAINER_SERVING_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "env/cost.h"
#include "env/cycle.h"
#include "env/trace.h"
#include "trainer/bench/stats.h"
#include "trainer/config/setup.h"
#include "trainer/tune/tune.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_engine {
    LTD_ENGINE_SGLANG,    /* trees of the head */
    LTD_ENGINE_VLLM,      /* chains: of the head, or n-gram lookup */
    LTD_ENGINE_LLAMA_CPP, /* chains: n-gram lookup, and of the head where it finds nothing */
    LTD_ENGINE_COUNT
} ltd_engine;

/* "SGLang"; the version whose code was read. */
const char *ltd_engine_name(ltd_engine engine);
const char *ltd_engine_version(ltd_engine engine);

/* What a cycle of an engine does; all zero: plain decoding. */
typedef struct ltd_serving_setting {
    int32_t steps; /* forwards of the head, the resync included */
    int32_t top_k; /* its beam; 1: a chain */
    int32_t nodes; /* of its tree, verified; the root not counted */
    /* n-gram lookup, before the head: the last match_max tokens, or down to match_min of them, are
     * looked for in the text, and up to `draft` tokens are taken from there; 0: none. */
    int32_t match_min, match_max, draft;
} ltd_serving_setting;

typedef struct ltd_serving_row {
    char why[200]; /* the records can't play the engine's preset; nothing else is set then */
    ltd_serving_setting best;   /* plain decoding, where nothing beats it */
    ltd_serving_setting preset; /* what the engine does with the head and no other options */
    int32_t tried;              /* settings that were looked at */
    double tok_s, preset_tok_s;
    ltd_ratio speedup; /* of the best over plain decoding */
    ltd_ratio gain;    /* ... over the preset */
} ltd_serving_row;

typedef struct ltd_serving {
    ltd_serving_row row[LTD_ENGINE_COUNT];
    int32_t train, held; /* prompts that it was chosen on, and compared on */
    bool head;           /* the records have one */
    double plain_tok_s;
    int32_t top_k;   /* recorded beam; narrower ones are taken from it, see narrow.h */
    double in_doubt; /* share of positions where a chain's next token is not recorded */
    /* ltd_serving_run() adds: */
    char model[PATH_MAX], head_path[PATH_MAX];
    char machine[128];
    bool extends; /* the head drafted tokens that it has no rows for, see ltd_eagle3_extends() */
    bool has_tuned;
    ltd_setting tuned; /* `ltd tune`'s, played in the same way */
    double tuned_tok_s;
    ltd_ratio tuned_speedup;
} ltd_serving;

/* --- the choice, apart from files --- */

typedef struct ltd_serving_records {
    const ltd_trace *trace; /* borrowed, as all below */
    const ltd_cost *cost;
    ltd_cycle_options cycle;     /* over the trace; engines draft with the head's own scores, and
                                    look up in their own way */
    bool llama;                  /* the target is of Hugging Face's LlamaForCausalLM */
    int32_t max_new;             /* tokens of an answer */
    const int32_t *train, *held; /* [n_train], [n_held] texts of the trace */
    int32_t n_train, n_held;
    int32_t resamples; /* of the intervals */
    uint64_t seed;
} ltd_serving_records;

/* Fill the rows and what stands with them.  A setting that is no faster than plain decoding on the
 * held-out texts either is not recommended.  LTD_EINVAL: no texts; what ltd_cycle_new() returns;
 * LTD_ENOMEM. */
int ltd_serving_choose(const ltd_serving_records *records, ltd_serving *ret, ltd_err *err);

/* --- over the files of a setup --- */

/* The same for the model, head, records and cost table of a setup, whose cost is loaded.  Bench
 * prompts that are training prompts, too, don't count as held out.  LTD_EIO: no records; what
 * ltd_replay_open() says. */
int ltd_serving_run(const ltd_setup *s, ltd_serving *ret, ltd_err *err);

/* --- showing --- */

/* A setting in an engine's words: "5 steps, topk 4, 8 draft tokens", "off".  Returns ret. */
char *ltd_serving_words(ltd_engine engine, const ltd_serving_setting *setting, char *ret,
                        size_t size);
/* Append the line that starts the engine's server with its best setting; names in capitals stand
 * for files that the engine needs in another form than ltd has them. */
void ltd_serving_command(const ltd_serving *v, ltd_engine engine, ltd_str *out);
/* Append the table for people, with the lines to paste; the JSON object of docs/serving.md. */
void ltd_serving_table(const ltd_serving *v, ltd_str *out);
void ltd_serving_json(const ltd_serving *v, const char *command, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
