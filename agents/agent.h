/* Who decides: one interface for learned policies, fixed settings, rules and random play.
 *
 *     int32_t action = agent->decide(agent, env, &step, &logprob);
 *
 * An agent answers both kinds of turn.  Its time is inside the timed window.
 * Thread rule: an agent belongs to one thread. */
#ifndef LTD_AGENTS_AGENT_H
#define LTD_AGENTS_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "env/ltd_env.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_agent ltd_agent;

struct ltd_agent {
    char name[32];    /* row label: "ltd", "eagle3", ... */
    char detail[128]; /* setting in words: "2 forwards, 8 nodes" */
    bool blind;       /* reads no observation: whoever plays may leave step->obs NULL */
    /* A legal action for step->turn.  *logprob (may be NULL) receives ln pi(action). */
    int32_t (*decide)(ltd_agent *agent, const ltd_env *env, const ltd_step *step, float *logprob);
    void (*free)(ltd_agent *agent);
};

/* NULL is fine. */
static inline void ltd_agent_free(ltd_agent *agent)
{
    if (agent) agent->free(agent);
}

#ifdef __cplusplus
}
#endif
#endif
