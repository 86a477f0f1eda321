/* Never slower than plain decoding, but for a little: a policy that loses is set aside.
 *
 * A loop asks before each cycle whether to decode plainly, and tells what the cycle took:
 *
 *     ltd_guard g;
 *     ltd_guard_init(&g, NULL);
 *     for (;;) {
 *         bool plain = ltd_guard_plain(&g);
 *         ... a cycle: without drafts when `plain`, else as the policy says ...
 *         ltd_guard_tell(&g, ns, tokens);
 *     }
 *
 * It measures a few plain steps first.  From then on it keeps what the policy has cost beyond plain
 * decoding, in plain steps, forgiven as soon as the policy is ahead.  At `patience` steps plain
 * decoding is measured anew, and if the debt stands the policy is retired for a spell.  Then it may
 * try again, with less patience and for a longer spell each time; one that holds out has it all
 * back.  So whatever the policy, it costs at most about `patience` steps, and `retry` more a trial.
 *
 * With the defaults, noise of 20 % on every time and 2,000 cycles (10,000 simulated runs each): a
 * policy of half the speed is retired within 36 cycles of its own and costs 2 % in the mean,
 * more than 3 % in one run of 1,000, 3.8 % at worst; one that is a fifth faster is retired, for a
 * while, in at most two runs of 10,000, one that is a tenth faster in three of 100, one that is a
 * twentieth faster in 22.
 *
 * Reads no clock: times are the caller's.  As an agent it takes them from the environment.
 * Source: ours; the forgiven sum is Page's (1954). */
#ifndef LTD_AGENTS_GUARD_H
#define LTD_AGENTS_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/agent.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_guard_options {
    int32_t warm;    /* plain steps at first; the slowest of them, which met cold caches, is left
                        out */
    int32_t check;   /* plain steps before a verdict */
    int32_t refresh; /* cycles of the policy between two plain steps that keep the measure fresh */
    double patience; /* plain steps that the policy may cost */
    double retry;    /* ... that a trial after a spell may cost */
    int32_t trial;   /* cycles after which a trial is passed */
    int32_t spell;   /* cycles of plain decoding, the first time */
    int32_t longest; /* ... at most */
    int32_t growth;  /* each spell is so many times the one before */
} ltd_guard_options;

/* clang-format off */
#define LTD_GUARD_DEFAULTS {4, 24, 128, 28, 3, 32, 64, 4096, 8}
/* clang-format on */

/* Plain data; read what you like, write nothing. */
typedef struct ltd_guard {
    ltd_guard_options options;
    double plain_ns;            /* a plain step, 0 = not known yet */
    int32_t plain_seen;         /* steps behind it */
    double warm_ns, slowest_ns; /* sum and slowest of the first ones */
    int32_t plain_left;         /* plain steps to come */
    bool checking;              /* a verdict is due when they are over */
    bool retired;               /* they are a spell */
    bool trying;                /* the policy is back on trial */
    double ns, tokens;          /* of the policy, since it was last ahead */
    int32_t cycles;             /* of the policy, since a spell or the beginning */
    int32_t spell;              /* the next one */
    int32_t retirements;
} ltd_guard;

/* options NULL: the defaults. */
void ltd_guard_init(ltd_guard *guard, const ltd_guard_options *options);
/* Shall the next cycle be a plain step? */
bool ltd_guard_plain(const ltd_guard *guard);
/* That cycle took so long and gave so many tokens (ns > 0, tokens >= 1; else it is not counted). */
void ltd_guard_tell(ltd_guard *guard, double ns, int32_t tokens);
/* Plain steps by which the policy is behind since it was last ahead; 0 or less: it is ahead. */
double ltd_guard_debt(const ltd_guard *guard);

/* An agent that plays as `inner` does, or plainly when `guard` says so, and tells it the time of
 * each cycle.  Plainly: as few forwards and nodes as the environment lets.
 *   inner  taken, even on failure
 *   guard  borrowed, initialised
 * LTD_EINVAL: an empty name; LTD_ENOMEM.  *ret owned: ltd_agent_free(). */
int ltd_agent_guard_new(ltd_agent **ret, const char *name, ltd_agent *inner, ltd_guard *guard,
                        ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
