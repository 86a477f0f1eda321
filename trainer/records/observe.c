#include "trainer/records/observe.h"

#include <stdlib.h>

#include "base/mem.h"
#include "trainer/records/record_run.h"
#include "trainer/records/replay.h"

/* The policy's space over the records. */
static int open_env(const ltd_setup *s, const ltd_policy *policy, const ltd_trace *trace,
                    const ltd_prompts *prompts, ltd_cycle **cycle, ltd_env **env, ltd_err *err)
{
    ltd_cycle_options co = ltd_setup_policy_cycle(s, policy);
    co.model = NULL;
    co.head = NULL;
    co.trace = trace;
    co.sampling.temperature = 0;
    if (co.max_forwards > trace->max_forwards) co.max_forwards = trace->max_forwards;
    int rc = ltd_cycle_new(cycle, &co, err);
    if (rc < 0) return rc;
    ltd_env_options o = ltd_setup_env_options(s, *cycle, prompts);
    ltd_policy_env_options(policy, &o);
    if (o.max_new > s->config.trace.max_new) o.max_new = s->config.trace.max_new;
    o.clock_table = true;
    return ltd_env_open(env, &o, err);
}

static bool has_all(const ltd_policy *p, const ltd_observations *met)
{
    return (!p->depth || ltd_observations_of(met, LTD_TURN_DEPTH)->n == LTD_OBSERVATIONS) &&
           (!p->size || ltd_observations_of(met, LTD_TURN_SIZE)->n == LTD_OBSERVATIONS);
}

static int play(ltd_env *env, ltd_agent *agent, const ltd_policy *policy, size_t prompts,
                ltd_observations *met, ltd_err *err)
{
    ltd_step step = {.obs = ltd_mem_zeros((size_t)ltd_env_obs_max(env), sizeof *step.obs),
                     .mask = ltd_mem_zeros((size_t)ltd_env_actions_max(env), 1)};
    int rc = step.obs && step.mask ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "observe: no memory");
    for (size_t done = 0; rc == LTD_OK && done < prompts && !has_all(policy, met);) {
        rc = ltd_env_reset(env, NULL, &step, err);
        while (rc == LTD_OK && !step.terminated) {
            ltd_observations_push(met, step.turn, step.obs);
            rc = ltd_env_step(env, agent->decide(agent, env, &step, NULL), &step, err);
        }
        done += rc == LTD_OK && step.info.prompt_done;
    }
    free(step.obs);
    free(step.mask);
    return rc;
}

int ltd_observe(const ltd_setup *s, const ltd_policy *policy, ltd_observations *met, ltd_err *err)
{
    ltd_replay over = {.setup = s};
    ltd_prompts *prompts = NULL;
    ltd_cycle *cycle = NULL;
    ltd_env *env = NULL;
    ltd_agent *agent = NULL;
    int rc = ltd_record_load(s, &over.trace, err);
    if (rc == LTD_OK && !s->cost)
        rc = ltd_fail(err, LTD_EINVAL, "there is no cost table to play by: run `ltd calibrate`");
    if (rc == LTD_OK) rc = ltd_replay_train_prompts(&over, &prompts, err);
    if (rc == LTD_OK) rc = open_env(s, policy, &over.trace, prompts, &cycle, &env, err);
    if (rc == LTD_OK) rc = ltd_policy_check(policy, env, err);
    if (rc == LTD_OK) rc = ltd_agent_policy_new(&agent, "export", policy, NULL, err);
    if (rc == LTD_OK) rc = play(env, agent, policy, ltd_prompts_count(prompts), met, err);
    ltd_agent_free(agent);
    ltd_env_close(env);
    ltd_cycle_free(cycle);
    ltd_prompts_free(prompts);
    ltd_trace_fini(&over.trace);
    return rc;
}
