/* One prompt from its first token to its last, with an agent in an environment; what it took.
 *
 *     ltd_player player;
 *     if (ltd_player_init(&player, env, agent, &err) < 0) ...
 *     ltd_run run;
 *     ltd_tokens text = LTD_TOKENS_INIT;
 *     ltd_run_prompt(&player, 7, &run, &text, &err);
 *     printf("%.1f tok/s\n", ltd_run_speed(&run));
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_RUN_PROMPT_H
#define LTD_TRAINER_RUN_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/agent.h"
#include "base/json.h"
#include "base/status.h"
#include "env/ltd_env.h"
#include "models/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_RUN_ACCEPT = 66,   /* entries of the histograms of accept_len ([0] stays 0) and of depth */
    LTD_RUN_FORWARDS = 66, /* ... of draft forwards */
    LTD_RUN_SIZES = 257    /* ... of nodes verified; the last holds all that are larger */
};

/* Sums over the cycles of a prompt, or of many (ltd_run_add). */
typedef struct ltd_run {
    int32_t prompts;
    int32_t
        ended; /* of them, answers that came to their end token: not cut by max_new or context */
    int64_t cycles;
    int64_t tokens;     /* that count, made inside the windows: the first one, which the prefill
                           chose, is not among them */
    int64_t accept_len; /* sum of L: also what lies behind the end token or max_new */
    int64_t forwards, size;
    int64_t slow; /* cycles flagged slow; they count like all others */
    uint64_t ns;  /* timed windows */
    uint64_t phase_ns[LTD_PHASE_COUNT];
    double table_ms; /* what the cost table says of the same cycles; 0 without one */
    double plain_ms; /* sum of L x plain decode step, by the cost table */
    double prefill_target_ms, prefill_head_ms; /* outside the windows */
    uint32_t accept_hist[LTD_RUN_ACCEPT];
    uint32_t depth_hist[LTD_RUN_ACCEPT]; /* of the deepest node verified; [0] counts plain steps */
    uint32_t forwards_hist[LTD_RUN_FORWARDS];
    uint32_t size_hist[LTD_RUN_SIZES];
} ltd_run;

/* Who is told of every decision, before it is carried out: `step` is the turn, `logprob` ln
 * pi(action); and of every cycle that ended.  Inside the timed window, so for records, whose time
 * is the cost table's.  An error ends the run.  Both may be NULL. */
typedef struct ltd_witness {
    int (*saw)(void *ctx, const ltd_env *env, const ltd_step *step, int32_t action, float logprob,
               ltd_err *err);
    void *ctx;
    void (*ended)(void *ctx, const ltd_env *env, const ltd_info *info);
} ltd_witness;

/* An environment, who decides in it, the room for observations, and what the answer played last
 * came in. */
typedef struct ltd_player {
    ltd_env *env;     /* borrowed */
    ltd_agent *agent; /* borrowed */
    float *obs;       /* NULL for blind agents: nothing is encoded */
    uint8_t *mask;
    ltd_witness witness; /* none, unless it is set after init */
    int32_t *added;      /* [n_added] tokens that count of each cycle, so 1 or more: the answer but
                            its first token */
    size_t n_added, added_room;
} ltd_player;

/* Long jobs tell how far they are: share [0, 1], what is under way.  Returning false stops the job
 * with LTD_ECANCELED.  `tell` may be NULL. */
typedef struct ltd_watch {
    bool (*tell)(void *ctx, double share, const char *what);
    void *ctx;
} ltd_watch;

/* LTD_ECANCELED when the watcher (may be NULL) wants no more. */
int ltd_watch_tell(const ltd_watch *watch, double share, const char *what, ltd_err *err);

/* LTD_ENOMEM; *ret is then zero, and fini is legal. */
int ltd_player_init(ltd_player *ret, ltd_env *env, ltd_agent *agent, ltd_err *err);
void ltd_player_fini(ltd_player *player);

/* Play prompt number `prompt` of the environment to its end.
 *   *ret   its sums; a prompt that ends with its first token has no cycles
 *   text   emptied, then the whole answer, the first token included; may be NULL
 * player->added is that of this prompt then.  Both grow between cycles, outside the timed windows.
 * Forwards errors of the environment; LTD_ENOMEM. */
int ltd_run_prompt(ltd_player *player, int32_t prompt, ltd_run *ret, ltd_tokens *text,
                   ltd_err *err);

void ltd_run_add(ltd_run *sum, const ltd_run *one);
/* Tokens per second of the windows; 0 without cycles. */
double ltd_run_speed(const ltd_run *run);
/* sum of x / cycles; 0 without cycles. */
double ltd_run_mean(const ltd_run *run, int64_t sum);
/* A histogram as an array: counts by value, up to the last that occurs. */
void ltd_run_hist_json(ltd_json_writer *w, const char *key, const uint32_t *hist, int n);

#ifdef __cplusplus
}
#endif
#endif
