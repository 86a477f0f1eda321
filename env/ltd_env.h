/* The environment: real draft-verify cycles of speculative decoding behind Gymnasium's interface.
 *
 * One environment, two kinds of turn.  A DEPTH turn asks "one more draft forward?" (1) "or stop?"
 * (0); a SIZE turn asks how many drafted nodes the target shall verify (an index into the size
 * table).
 *
 *     reset -> [DEPTH 1 -> draft forward]* -> DEPTH 0 -> SIZE -> verify, accept, commit
 *           -> reward, terminated
 *
 * Episode = one cycle.  The text goes on in the next reset; when a prompt ends (end token, max_new,
 * context, a loop) the next reset starts the next prompt.  Autoreset: none, the caller resets.
 *
 *     ltd_step step = {.obs = obs, .mask = mask};
 *     ltd_env_reset(env, NULL, &step, &err);
 *     while (!step.terminated)
 *         ltd_env_step(env, agent(step), &step, &err);
 *
 * The timed window opens in reset and closes before the last step returns: resync, drafting, the
 * caller's decisions, tree, verification, commit.  What the caller does between a terminated step
 * and the next reset is outside.
 *
 * A turn with a single legal action is not asked, except the first DEPTH turn of a cycle, so that
 * every episode has at least one decision.
 *
 * Gymnasium's names: seed and options in reset, obs, reward, terminated, truncated, info.
 * `truncated` is set when the prompt was cut by max_new, the context or loop_stop (the cycle itself
 * is whole). Thread rule: one environment, one thread; several environments may share an engine. No
 * allocation after ltd_env_open(), but for a reset with a seed.  Never includes an agent. */
#ifndef LTD_ENV_LTD_ENV_H
#define LTD_ENV_LTD_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "env/cost.h"
#include "env/obs.h"
#include "env/prompts.h"
#include "env/reward.h"
#include "env/timing.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ltd_cycle;
struct ltd_positions;

typedef struct ltd_env ltd_env;

typedef enum ltd_turn {
    LTD_TURN_NONE, /* terminated: reset next */
    LTD_TURN_DEPTH,
    LTD_TURN_SIZE,
    LTD_TURN_COUNT
} ltd_turn;

/* Condition of ltd_env_reset: the prompt asked for by number ends with its first token; no cycle
 * began. */
enum { LTD_ENV_ENDED = 1 };

enum { LTD_DEPTH_STOP = 0, LTD_DEPTH_CONTINUE = 1, LTD_MAX_SIZES = 64 };

/* Facts about the cycle that ended; only valid in a terminated step. */
typedef struct ltd_info {
    int32_t accept_len;   /* L_A: accepted nodes + the root, >= 1 */
    int32_t tokens;       /* of them, tokens that count: up to the end token and max_new */
    const int32_t *token; /* [accept_len] what the cycle added; borrowed until the next reset */
    int32_t forwards;     /* draft forwards, resync included */
    int32_t size;         /* draft nodes verified */
    int32_t pool;         /* nodes in the pool when the size was chosen */
    int32_t match;        /* lookup match length */
    int32_t waiting;      /* tokens the head had not seen when the cycle began */
    int32_t context;      /* committed tokens when the cycle began */
    int32_t prompt;       /* index of the prompt */
    int32_t new_tokens;   /* of this prompt so far */
    bool prompt_done;     /* the next reset begins another prompt */
    bool looped;          /* ... because this one went round in circles */
    bool slow;            /* the live clock disagrees with the cost table: don't learn from it */
    uint64_t cycle_ns;    /* the timed window, sum of the phases; clock_table: by the cost table */
    uint64_t phase_ns[LTD_PHASE_COUNT];
    uint64_t ar_ns; /* plain decode step at this context, from the cost table; 0 without one */
} ltd_info;

/* In: obs, mask (caller's storage).  Out: everything else. */
typedef struct ltd_step {
    float *obs;    /* room for ltd_env_obs_max() floats; NULL: nobody looks, none is encoded */
    uint8_t *mask; /* room for ltd_env_actions_max() bytes; 1 = legal */
    ltd_turn turn; /* whose decision comes next */
    int32_t n_obs; /* floats written */
    int32_t n_actions;
    float reward;    /* 0 until terminated; belongs to both turns' decisions of the cycle */
    bool terminated; /* the cycle is over */
    bool truncated;
    ltd_info info;
} ltd_step;

typedef struct ltd_env_options {
    struct ltd_cycle *cycle; /* borrowed: the engine side, see env/cycle.h */
    const struct ltd_positions
        *positions;             /* borrowed: compiled records instead of a cycle; prompts,
                                   cost, clock, max_forwards, sizes, max_new and rate are
                                   then theirs, and rules have no tree to read */
    const ltd_prompts *prompts; /* borrowed */
    const ltd_cost *cost;       /* borrowed; may be NULL with clock_table false and reward ratio */
    bool clock_table;     /* rewards from the cost table instead of the clock: deterministic */
    int32_t min_forwards; /* draft forwards before the first question: 0, or 2 as in the paper */
    int32_t max_forwards; /* [min_forwards, LTD_TREE_MAX_DEPTH] */
    int32_t depth_every;  /* forwards from one DEPTH question to the next, counted from
                             min_forwards on; 0 or 1: after each */
    int32_t sizes[LTD_MAX_SIZES]; /* ascending, may begin with 0 */
    int32_t n_sizes;
    int32_t max_new;   /* tokens a prompt */
    int32_t loop_stop; /* the answer is cut where 12 tokens come this often (loop.h); 0: nowhere */
    float rate;        /* of the ltd observations: tokens a T_ar that time is worth, see obs.h */
    ltd_contract depth_contract, size_contract;
    ltd_reward_kind reward;
    double reward_scale; /* ratio, time: [1/s] */
    double reward_keep;  /* average: decay of rho a cycle */
    double reward_floor; /* average: a cycle is worth no less, so that rare dreadful ones don't
                            drown the differences that matter */
    double slow_factor;  /* a live cycle slower than this x the table is flagged; 0 = never */
    uint64_t seed;       /* order of prompts */
} ltd_env_options;

/* Options of one reset; NULL goes on with the text or, when it ended, to the next prompt. */
typedef struct ltd_reset {
    bool new_prompt;      /* begin a prompt now */
    int32_t prompt;       /* which, -1 = the stream's next */
    const uint64_t *seed; /* restart the prompt stream, sampled tokens and rho, NULL = don't */
} ltd_reset;

/* LTD_EINVAL names the option that can't be; LTD_ENOMEM.  *ret owned. */
int ltd_env_open(ltd_env **ret, const ltd_env_options *options, ltd_err *err);
void ltd_env_close(ltd_env *env);

/* Begin a cycle.  Prefill of a new prompt happens here, outside the window.  An unfinished cycle is
 * abandoned: its text stays as it was.  LTD_ENV_ENDED: see there. */
int ltd_env_reset(ltd_env *env, const ltd_reset *options, ltd_step *io, ltd_err *err);
/* Go on to the next decision.  LTD_EINVAL: an illegal action, or no turn to take; nothing changes.
 * After any other failure, of a reset too, the text is given up: the next reset begins a prompt. */
int ltd_env_step(ltd_env *env, int32_t action, ltd_step *io, ltd_err *err);

ltd_turn ltd_env_turn(const ltd_env *env);
/* Spaces: floats of an observation and number of actions of a turn. */
int32_t ltd_env_obs_dim(const ltd_env *env, ltd_turn turn);
int32_t ltd_env_actions(const ltd_env *env, ltd_turn turn);
int32_t ltd_env_obs_max(const ltd_env *env);
int32_t ltd_env_actions_max(const ltd_env *env);
const ltd_env_options *ltd_env_get_options(const ltd_env *env);

/* What rules (not learned policies) read besides the observation; borrowed until the next call. */
const ltd_obs_state *ltd_env_state(const ltd_env *env);
/* Facts about the cycle that ended last, for rules that go by history: zeros before the first.  Of
 * any prompt, and of whoever decided in it; `token` is NULL. */
const ltd_info *ltd_env_last(const ltd_env *env);
/* The cycle behind; NULL over positions. */
struct ltd_cycle *ltd_env_cycle(const ltd_env *env);
/* The first token of the answer under way, until a cycle has ended. */
int32_t ltd_env_root(const ltd_env *env);
/* Does this token end an answer? */
bool ltd_env_is_end(const ltd_env *env, int32_t token);
/* Draft forwards of the cycle under way. */
int32_t ltd_env_forwards(const ltd_env *env);
/* What the cost table is asked for a cycle that ended. */
ltd_cost_work ltd_env_work(const ltd_env *env, const ltd_info *info);

/* State that a checkpoint keeps: prompt stream, reward sums.  The text itself is not kept: a
 * resumed run begins with the stream's next prompt.  save: LTD_EINVAL beyond 4,096
 * prompts. */
typedef struct ltd_env_state_save {
    int32_t next; /* position in the prompt order */
    ltd_rng rng;
    ltd_reward reward;
    int32_t order[4096]; /* prompt order, first n_prompts entries */
    int32_t n_prompts;
} ltd_env_state_save;
int ltd_env_save(const ltd_env *env, ltd_env_state_save *ret, ltd_err *err);
int ltd_env_load(ltd_env *env, const ltd_env_state_save *state, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
