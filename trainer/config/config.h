/* The configuration: one table of keys <-> one plain struct.
 *
 *     ltd_config *config = malloc(sizeof *config);
 *     const char *const overrides[] = {"--train.lr=1e-4", "env.sizes=0,2,4,8"};
 *     if (ltd_config_load(config, "run.yaml", overrides, 2, &err) < 0) ...
 *     config->train.lr
 *
 * Layers: defaults, then a YAML file, then overrides.  An unknown key is an error that names the
 * nearest one; so is a value out of range.  Every key, with default, range, unit and meaning, is in
 * docs/training.md and configs/default.yaml; both are printed from the table.
 *
 * The struct is plain data (about 130 KiB): copy it, compare nothing by memcmp.  Knows no files but
 * its own; "" in a path means what the key's meaning says.
 * Thread rule: pure functions over the caller's struct. */
#ifndef LTD_TRAINER_CONFIG_H
#define LTD_TRAINER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agents/mlp.h"
#include "base/status.h"
#include "base/str.h"
#include "env/accept.h"
#include "env/obs.h"
#include "env/reward.h"
#include "models/llm/eagle3.h"
#include "trainer/ppo/schedule.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_CONFIG_TEXT = 512,  /* bytes of a text, NUL included */
    LTD_CONFIG_INTS = 64,   /* entries of an integer list */
    LTD_CONFIG_WIDTHS = 3,  /* entries of tune.top_k */
    LTD_CONFIG_STRINGS = 32 /* entries of a text list */
};

typedef struct ltd_ints {
    int32_t n;
    int32_t v[LTD_CONFIG_INTS];
} ltd_ints;

typedef struct ltd_strings {
    int32_t n;
    char v[LTD_CONFIG_STRINGS][LTD_CONFIG_TEXT];
} ltd_strings;

typedef enum ltd_model_dtype {
    LTD_MODEL_DTYPE_FILE,
    LTD_MODEL_DTYPE_F32,
    LTD_MODEL_DTYPE_F16,
    LTD_MODEL_DTYPE_Q8,
    LTD_MODEL_DTYPE_Q4
} ltd_model_dtype;
typedef enum ltd_kv_dtype { LTD_KV_F16, LTD_KV_F32 } ltd_kv_dtype;
typedef enum ltd_head_dtype { LTD_HEAD_Q8, LTD_HEAD_F16, LTD_HEAD_F32 } ltd_head_dtype;
typedef enum ltd_clock_kind { LTD_CLOCK_LIVE, LTD_CLOCK_TABLE } ltd_clock_kind;
typedef enum ltd_distill_features { LTD_DISTILL_KEEP, LTD_DISTILL_COMPUTE } ltd_distill_features;
typedef enum ltd_distill_init { LTD_DISTILL_LAYER, LTD_DISTILL_RANDOM } ltd_distill_init;
typedef enum ltd_distill_precision {
    LTD_DISTILL_AUTO,
    LTD_DISTILL_F32,
    LTD_DISTILL_BF16
} ltd_distill_precision;
typedef enum ltd_train_mode { LTD_TRAIN_JOINT, LTD_TRAIN_STAGES } ltd_train_mode;
/* An entry of train.stages. */
typedef struct ltd_stage_kind {
    const char *name;
    bool depth; /* who learns, else size */
    bool alone; /* whatever the other one has learned */
} ltd_stage_kind;
typedef enum ltd_train_ground { LTD_TRAIN_LIVE, LTD_TRAIN_RECORDS } ltd_train_ground;

/* Field x of section s is the key "s.x"; units and ranges are in the table. */
typedef struct ltd_config {
    struct {
        char path[LTD_CONFIG_TEXT];
        ltd_model_dtype dtype;
        int32_t activations; /* 8 or 16 */
        ltd_kv_dtype kv;
        int32_t threads;
        int32_t context;
    } model;
    struct {
        char path[LTD_CONFIG_TEXT];
        ltd_head_dtype dtype;
        ltd_draft_vocabulary vocabulary;
    } head;
    struct {
        int32_t top_k, min_forwards, max_forwards, depth_every;
        ltd_ints sizes;
        bool lookup;
        int32_t lookup_min_match, lookup_max_chain;
        char survival[LTD_CONFIG_TEXT];
        double temperature, top_p;
        int32_t sample_top_k;
        ltd_accept_rule accept;
        int32_t max_new, max_prompt, loop_stop;
        ltd_reward_kind reward;
        double reward_scale, reward_keep, reward_floor;
        ltd_clock_kind clock;
        double slow_factor, rate;
        ltd_contract depth_obs, size_obs;
    } env;
    struct {
        ltd_strings train, valid, bench;
        int32_t limit;
        char chat[LTD_CONFIG_TEXT];
    } prompts;
    struct {
        char path[LTD_CONFIG_TEXT];
        int32_t reps;
        ltd_ints contexts;
        ltd_strings tables;
    } calibration;
    struct {
        char dir[LTD_CONFIG_TEXT];
        int32_t max_new;
    } trace;
    struct {
        ltd_ints depth_hidden, size_hidden, critic_hidden;
        ltd_activation activation;
        int32_t fixed_forwards, fixed_size;
    } policy;
    struct {
        int32_t plan_passes, plan_batch_size, plan_window;
        double plan_lr, plan_ent_coef, plan_prior, plan_margin;
        int32_t record_cycles, record_envs;
        ltd_train_mode mode;
        ltd_strings stages;
        ltd_ints stage_decisions;
        ltd_train_ground stages_on;
        int32_t total_cycles;
        double time_limit_s;
        int32_t n_steps, batch_size, n_epochs;
        double lr, lr_end, lr_warmup;
        ltd_schedule_kind lr_schedule;
        double adam_eps;
        double gamma_depth, gamma_size, gae_lambda;
        double clip_coef, clip_vloss, ent_coef, ent_coef_end, vf_coef, max_grad_norm, target_kl;
        bool norm_adv, norm_reward;
        double size_first;
        int32_t checkpoint_every, keep_last, eval_every, eval_prompts;
    } train;
    struct {
        char data[LTD_CONFIG_TEXT], out[LTD_CONFIG_TEXT];
        int32_t tokens;
        ltd_strings prompts, exclude;
        int32_t texts, message_tokens, answer_tokens;
        double message_temperature, answer_temperature, greedy_share, opener_share;
        ltd_distill_features features;
        ltd_ints taps;
        int32_t vocabulary, ffn;
        ltd_distill_init init;
        double epochs;
        int32_t batch_size, micro_batch;
        ltd_ints unroll;
        double step_weight, regression, temperature;
        double lr, lr_end, lr_warmup, weight_decay, beta2, max_grad_norm;
        ltd_distill_precision precision;
        int32_t valid_texts, valid_every, checkpoint_every;
    } distill;
    struct {
        ltd_ints top_k;
        double budget_s;
        int32_t max_new;
    } tune;
    struct {
        ltd_strings policies;
        int32_t max_new, reps, prompts_per_task, bootstrap, seeds;
        bool drift_check;
    } bench;
    struct {
        char policy[LTD_CONFIG_TEXT];
        int32_t forwards, size;
        int32_t max_new;
        char system[LTD_CONFIG_TEXT];
        bool guard;
    } generate;
    struct {
        char root[LTD_CONFIG_TEXT], data[LTD_CONFIG_TEXT], out[LTD_CONFIG_TEXT];
        ltd_strings methods;
        int32_t plan, profile, ranking, sources, split; /* ltd_wiki_... of trainer/wiki */
        bool rewrite;
        char decoder[LTD_CONFIG_TEXT];
        int32_t events;
        char judge_url[LTD_CONFIG_TEXT], judge_model[LTD_CONFIG_TEXT];
        char judge_key_env[LTD_CONFIG_TEXT];
        double judge_timeout_s;
    } wiki;
    struct {
        char dir[LTD_CONFIG_TEXT], name[LTD_CONFIG_TEXT];
        uint64_t seed;
    } run;
} ltd_config;

/* --- the table --- */

typedef enum ltd_key_type {
    LTD_KEY_BOOL,
    LTD_KEY_INT, /* int32_t */
    LTD_KEY_U64,
    LTD_KEY_FLOAT, /* double */
    LTD_KEY_STRING,
    LTD_KEY_ENUM, /* an int; see choices */
    LTD_KEY_INTS,
    LTD_KEY_STRINGS,
    LTD_KEY_TYPE_COUNT
} ltd_key_type;

typedef struct ltd_key_choice {
    const char *name; /* NULL ends the list */
    int value;
} ltd_key_choice;

typedef struct ltd_key {
    const char *name; /* "train.lr" */
    ltd_key_type type;
    size_t offset;      /* of the field in ltd_config */
    const char *preset; /* the default, as it stands in a YAML file */
    double min, max;    /* of a number, and of each entry of an integer list */
    const ltd_key_choice *choices;
    const char *unit; /* "" when there is none */
    const char *meaning;
    const char *source; /* where the default comes from */
} ltd_key;

/* Keys in file order.  Static storage. */
size_t ltd_config_key_count(void);
const ltd_key *ltd_config_key(size_t i);
/* NULL when there is no such key. */
const ltd_key *ltd_config_key_find(const char *name);
/* The key with the name nearest to `name`; other libraries' names (learning_rate, clip_range,
 * total_timesteps...) count too.  Never NULL. */
const ltd_key *ltd_config_key_nearest(const char *name);

/* --- values --- */

/* All defaults. */
void ltd_config_init(ltd_config *ret);

/* Defaults <- `path` (NULL or "": none) <- overrides[n], then ltd_config_check().  LTD_EIO,
 * LTD_EFORMAT (broken YAML), LTD_EINVAL (names file:line:col or the override).  On failure *ret is
 * untouched. */
int ltd_config_load(ltd_config *ret, const char *path, const char *const *overrides, size_t n,
                    ltd_err *err);
/* Lay YAML text over `config`; `name` opens messages.  No check across keys.  On failure *config
 * is untouched. */
int ltd_config_parse(ltd_config *config, const char *name, const void *data, size_t size,
                     ltd_err *err);
/* One override, "train.lr=1e-4" or "--train.lr=1e-4".  Lists: "0,2,4" or "[0, 2, 4]"; a text is
 * taken as it stands. */
int ltd_config_set(ltd_config *config, const char *assignment, ltd_err *err);
/* Same, with key and value apart. */
int ltd_config_set_value(ltd_config *config, const char *key, const char *value, ltd_err *err);
/* By its name; static storage, NULL: there is none. */
const ltd_stage_kind *ltd_stage_kind_find(const char *name);
/* What one key alone can't tell: min_forwards <= max_forwards, batch_size <= n_steps, sizes ascend,
 * contracts and top_k agree.  LTD_EINVAL names both keys. */
int ltd_config_check(const ltd_config *config, ltd_err *err);

/* Append the value of a key as it stands in a YAML file. */
void ltd_config_value(const ltd_config *config, const ltd_key *key, ltd_str *out);
/* Whether the key has its default. */
bool ltd_config_is_default(const ltd_config *config, const ltd_key *key);
/* Append the whole configuration as YAML; parsing it gives the same configuration, bit for bit. */
void ltd_config_to_yaml(const ltd_config *config, ltd_str *out);
/* That, as dir/config.yaml.  LTD_EIO, LTD_ENOMEM. */
int ltd_config_save(const ltd_config *config, const char *dir, ltd_err *err);

/* --- documents --- */

typedef enum ltd_config_document {
    LTD_CONFIG_DOC_YAML,    /* configs/default.yaml: every key with its default and a comment */
    LTD_CONFIG_DOC_MARKDOWN /* the tables of docs/training.md */
} ltd_config_document;

/* Append a document made from the table. */
void ltd_config_document_write(ltd_config_document document, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
