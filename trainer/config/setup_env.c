/* Prompts, cycles and environments as the configuration has them. */
#include <limits.h>
#include <string.h>

#include "env/trace.h"
#include "trainer/config/setup.h"

static int32_t max_size(const ltd_config *c)
{
    return c->env.sizes.v[c->env.sizes.n - 1];
}

/* Hours into a run is no time to learn that a prompt doesn't fit. */
static int check_room(const ltd_setup *s, const ltd_prompts *prompts, ltd_err *err)
{
    const ltd_config *c = &s->config;
    int32_t most = c->model.context - max_size(c) - 2;
    for (size_t i = 0; i < ltd_prompts_count(prompts); i++) {
        const ltd_prompt *p = ltd_prompts_at(prompts, i);
        if (p->n <= most) continue;
        return ltd_fail(err, LTD_EINVAL,
                        "model.context: is %d; less %d nodes to verify, prompt %lld of %s with its "
                        "%d tokens doesn't fit: raise it, or lower env.max_prompt or env.sizes",
                        c->model.context, max_size(c), (long long)p->question_id, p->task, p->n);
    }
    return LTD_OK;
}

int ltd_setup_prompts(const ltd_setup *s, const ltd_strings *paths, int32_t limit,
                      ltd_prompts **ret, ltd_err *err)
{
    char found[LTD_CONFIG_STRINGS][PATH_MAX];
    const char *list[LTD_CONFIG_STRINGS];
    *ret = NULL;
    if (paths->n < 1) return ltd_fail(err, LTD_EINVAL, "prompts: no file is named");
    for (int32_t i = 0; i < paths->n; i++)
        list[i] = ltd_setup_find(found[i], sizeof found[i], paths->v[i]);
    int32_t skipped = 0;
    int rc = ltd_prompts_load(ret, list, (size_t)paths->n, s->chat, ltd_llama_tokenizer(s->model),
                              limit, s->config.env.max_prompt, &skipped, err);
    if (rc < 0) return ltd_err_prefix(err, rc, "prompts");
    if (skipped)
        ltd_log(s->log, LTD_LOG_WARN, "%d prompts are longer than env.max_prompt = %d and left out",
                skipped, s->config.env.max_prompt);
    rc = check_room(s, *ret, err);
    if (rc < 0) {
        ltd_prompts_free(*ret);
        *ret = NULL;
    }
    return rc;
}

int ltd_setup_check_prompts(const ltd_setup *s, const ltd_strings *paths, int32_t limit,
                            ltd_err *err)
{
    ltd_setup quiet = *s; /* what is left out is told once, when the prompts are used */
    ltd_prompts *prompts;
    quiet.log = NULL;
    int rc = ltd_setup_prompts(&quiet, paths, limit, &prompts, err);
    ltd_prompts_free(prompts);
    return rc;
}

ltd_cycle_options ltd_setup_cycle_options(const ltd_setup *s)
{
    const ltd_config *c = &s->config;
    return (ltd_cycle_options){
        .model = s->model,
        .head = s->head,
        .clock = s->clock,
        .context = c->model.context,
        .top_k = c->env.top_k,
        .max_forwards = s->head ? c->env.max_forwards : 0,
        .max_size = max_size(c),
        .vocabulary = c->head.vocabulary,
        .lookup = c->env.lookup,
        .lookup_min_match = c->env.lookup_min_match,
        .survival = s->survival,
        .lookup_max_chain = c->env.lookup_max_chain,
        .kv_f16 = c->model.kv == LTD_KV_F16,
        .sampling = {c->env.temperature, c->env.sample_top_k, c->env.top_p,
                     c->env.accept == LTD_ACCEPT_SAMPLED},
        .accept = c->env.accept,
        .seed = c->run.seed,
    };
}

ltd_cycle_options ltd_setup_record_cycle(const ltd_setup *s, const ltd_trace *trace)
{
    ltd_cycle_options o = ltd_setup_cycle_options(s);
    o.model = NULL;
    o.head = NULL;
    o.trace = trace;
    o.sampling.temperature = 0;
    if (o.max_forwards > trace->max_forwards) o.max_forwards = trace->max_forwards;
    return o;
}

ltd_cycle_options ltd_setup_policy_cycle(const ltd_setup *s, const ltd_policy *policy)
{
    ltd_cycle_options o = ltd_setup_cycle_options(s);
    o.top_k = policy->top_k;
    o.max_forwards = s->head ? policy->max_forwards : 0;
    o.max_size = policy->sizes[policy->n_sizes - 1];
    o.lookup = policy->lookup;
    o.survival = policy->survival;
    return o;
}

int ltd_setup_cycle(const ltd_setup *s, const ltd_cycle_options *change, ltd_cycle **ret,
                    ltd_err *err)
{
    ltd_cycle_options o = change ? *change : ltd_setup_cycle_options(s);
    o.model = s->model;
    o.head = s->head;
    o.clock = s->clock;
    return ltd_cycle_new(ret, &o, err);
}

ltd_env_options ltd_setup_env_options(const ltd_setup *s, ltd_cycle *cycle,
                                      const ltd_prompts *prompts)
{
    const ltd_config *c = &s->config;
    ltd_env_options o = {
        .cycle = cycle,
        .prompts = prompts,
        .cost = s->cost,
        .clock_table = c->env.clock == LTD_CLOCK_TABLE,
        .min_forwards = s->head ? c->env.min_forwards : 0,
        .max_forwards = s->head ? c->env.max_forwards : 0,
        .depth_every = c->env.depth_every,
        .n_sizes = c->env.sizes.n,
        .max_new = c->env.max_new,
        .loop_stop = c->env.loop_stop,
        .depth_contract = c->env.depth_obs,
        .size_contract = c->env.size_obs,
        .reward = c->env.reward,
        .reward_scale = c->env.reward_scale,
        .reward_keep = c->env.reward_keep,
        .reward_floor = c->env.reward_floor,
        .slow_factor = c->env.slow_factor,
        .rate = (float)c->env.rate,
        .seed = c->run.seed,
    };
    memcpy(o.sizes, c->env.sizes.v, (size_t)c->env.sizes.n * sizeof o.sizes[0]);
    return o;
}

ltd_env_options ltd_setup_record_env_options(const ltd_setup *s, ltd_cycle *cycle,
                                             const ltd_prompts *prompts)
{
    ltd_env_options o = ltd_setup_env_options(s, cycle, prompts);
    int32_t most = ltd_cycle_get_options(cycle)->max_forwards, recorded = s->config.trace.max_new;
    o.max_forwards = o.max_forwards < most ? o.max_forwards : most;
    o.max_new = o.max_new < recorded ? o.max_new : recorded;
    o.clock_table = true;
    return o;
}

bool ltd_setup_can_compile(const ltd_config *c)
{
    return c->env.depth_obs == LTD_CONTRACT_LTD_DEPTH && c->env.size_obs == LTD_CONTRACT_LTD_SIZE;
}

ltd_positions_options ltd_setup_positions_options(const ltd_setup *s, const ltd_trace *trace,
                                                  const ltd_prompts *prompts)
{
    return (ltd_positions_options){.cycle = ltd_setup_record_cycle(s, trace),
                                   .cost = s->cost,
                                   .prompts = prompts,
                                   .sizes = s->config.env.sizes.v,
                                   .n_sizes = s->config.env.sizes.n,
                                   .max_forwards = s->head ? s->config.env.max_forwards : 0,
                                   .max_new = s->config.env.max_new,
                                   .rate = (float)s->config.env.rate};
}
