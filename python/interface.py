"""What Python sees of libltd: writes the C source of the module _ltd.

Only what is named here is used; sizes and offsets are the compiler's ("...").  The headers say what
everything means.
"""
import sys

from cffi import FFI

HEADERS = """
#include "agents/solo.h"
#include "env/render.h"
#include "trainer/version.h"
#include "trainer/world/world.h"
"""

INTERFACE = """
#define LTD_ENV_ENDED ...

typedef struct { int code; char msg[...]; ...; } ltd_err;
typedef struct { char *data; size_t len; ...; } ltd_str;
const char *ltd_str_text(const ltd_str *s);
void ltd_str_fini(ltd_str *s);
const char *ltd_version(void);

enum ltd_log_level { LTD_LOG_DEBUG, LTD_LOG_INFO, LTD_LOG_WARN, ... };
typedef struct {
    void (*write)(void *ctx, int level, const char *line);
    void *ctx;
    int min_level;
    ...;
} ltd_logger;
extern "Python" void ltd_python_log(void *ctx, int level, const char *line);

typedef struct { ...; } ltd_config;
void ltd_config_init(ltd_config *ret);
int ltd_config_parse(ltd_config *config, const char *name, const void *data, size_t size,
                     ltd_err *err);
int ltd_config_set(ltd_config *config, const char *assignment, ltd_err *err);
int ltd_config_check(const ltd_config *config, ltd_err *err);

typedef enum { LTD_CONTRACT_PAPER_DEPTH, ... } ltd_contract;
const char *ltd_contract_name(ltd_contract contract);

typedef enum { LTD_TURN_NONE, LTD_TURN_DEPTH, LTD_TURN_SIZE, ... } ltd_turn;
typedef struct {
    int32_t accept_len, tokens;
    const int32_t *token;
    int32_t forwards, size, pool, match, waiting, context, prompt, new_tokens;
    bool prompt_done, slow;
    uint64_t cycle_ns, ar_ns;
    ...;
} ltd_info;
typedef struct {
    float *obs;
    uint8_t *mask;
    ltd_turn turn;
    int32_t n_obs, n_actions;
    float reward;
    bool terminated, truncated;
    ltd_info info;
    ...;
} ltd_step;
typedef struct { bool new_prompt; int32_t prompt; const uint64_t *seed; ...; } ltd_reset;
typedef struct {
    int32_t min_forwards, max_forwards;
    int32_t sizes[...];
    int32_t n_sizes;
    ltd_contract depth_contract, size_contract;
    ...;
} ltd_env_options;
typedef struct ltd_env ltd_env;
const ltd_env_options *ltd_env_get_options(const ltd_env *env);
int32_t ltd_env_obs_dim(const ltd_env *env, ltd_turn turn);
int32_t ltd_env_actions(const ltd_env *env, ltd_turn turn);
int32_t ltd_env_obs_max(const ltd_env *env);
int32_t ltd_env_actions_max(const ltd_env *env);

typedef struct ltd_llama ltd_llama;
typedef struct ltd_tokenizer ltd_tokenizer;
const ltd_tokenizer *ltd_llama_tokenizer(const ltd_llama *model);
void ltd_render_cycle(const ltd_env *env, const ltd_info *info, const ltd_tokenizer *tok,
                      bool colour, ltd_str *out);

typedef struct { ltd_llama *model; ...; } ltd_setup;
typedef struct ltd_world ltd_world;
typedef enum { LTD_WORLD_LIVE, LTD_WORLD_RECORDS, ... } ltd_world_source;
typedef enum { LTD_WORLD_TRAIN, LTD_WORLD_VALID, LTD_WORLD_BENCH, ... } ltd_world_split;
typedef struct {
    const ltd_config *config;
    ltd_world_source source;
    ltd_world_split split;
    const char *policy;
    const ltd_logger *log;
    ...;
} ltd_world_options;
typedef struct ltd_agent ltd_agent;
int ltd_world_open(ltd_world **ret, const ltd_world_options *options, ltd_err *err);
void ltd_world_close(ltd_world *w);
const ltd_setup *ltd_world_setup(const ltd_world *w);
int ltd_world_env(const ltd_world *w, uint64_t seed, ltd_env **ret, ltd_err *err);
void ltd_world_env_close(ltd_env *env);
int ltd_world_agent(const ltd_world *w, const ltd_env *env, const char *name, uint64_t seed,
                    ltd_agent **ret, ltd_err *err);
void ltd_agent_free(ltd_agent *agent);

typedef struct ltd_solo ltd_solo;
int ltd_solo_new(ltd_solo **ret, ltd_env *env, ltd_turn turn, ltd_agent *partner, ltd_err *err);
void ltd_solo_free(ltd_solo *solo);
int ltd_solo_reset(ltd_solo *solo, const ltd_reset *options, ltd_step *io, ltd_err *err);
int ltd_solo_step(ltd_solo *solo, int32_t action, ltd_step *io, ltd_err *err);
"""

if __name__ == "__main__":
    ffi = FFI()
    ffi.set_source("ltd._ltd", HEADERS)
    ffi.cdef(INTERFACE)
    ffi.emit_c_code(sys.argv[1])
