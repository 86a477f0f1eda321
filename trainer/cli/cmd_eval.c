#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "agents/fixed.h"
#include "agents/policy.h"
#include "trainer/bench/evaluate.h"
#include "trainer/checkpoint/policy_file.h"
#include "trainer/cli/cli.h"

/* Prompts, cycle, environment, agent, evaluation, text: one after the other. */
static int evaluate(ltd_cli *cli, ltd_setup *s, const ltd_policy *policy, ltd_rng *rng,
                    ltd_err *err)
{
    ltd_prompts *prompts = NULL;
    ltd_cycle *cycle = NULL;
    ltd_env *env = NULL;
    ltd_agent *agent = NULL;
    ltd_evaluation e;
    ltd_progress bar;
    ltd_progress_init(&bar, stderr, &s->clock, "eval", 1000);
    bar.quiet = cli->quiet;
    ltd_watch watch = ltd_cli_watch(&bar, false);
    int rc = ltd_setup_prompts(s, &s->config.prompts.bench, s->config.bench.prompts_per_task,
                               &prompts, err);
    ltd_cycle_options co = ltd_setup_policy_cycle(s, policy);
    if (rc == LTD_OK) rc = ltd_setup_cycle(s, &co, &cycle, err);
    if (rc == LTD_OK) {
        ltd_env_options o = ltd_setup_env_options(s, cycle, prompts);
        ltd_policy_env_options(policy, &o);
        o.max_new = s->config.bench.max_new;
        rc = ltd_env_open(&env, &o, err);
    }
    if (rc == LTD_OK) rc = ltd_policy_check(policy, env, err);
    if (rc == LTD_OK) rc = ltd_agent_policy_new(&agent, "ltd", policy, rng, err);
    if (rc == LTD_OK)
        rc = ltd_evaluate(env, agent, 0, ltd_llama_tokenizer(s->model), &watch, NULL, &e, err);
    int code = LTD_EXIT_OK;
    if (rc == LTD_OK) {
        ltd_progress_finish(&bar, 1000, NULL);
        ltd_str text = LTD_STR_INIT;
        if (cli->json) {
            ltd_evaluation_json(&e, &text);
            code = ltd_cli_write(cli->json, ltd_str_text(&text));
            ltd_str_clear(&text);
        }
        ltd_evaluation_text(&e, &text);
        if (!(cli->json && strcmp(cli->json, "-") == 0)) fputs(ltd_str_text(&text), stdout);
        ltd_str_fini(&text);
    }
    ltd_agent_free(agent);
    ltd_env_close(env);
    ltd_cycle_free(cycle);
    ltd_prompts_free(prompts);
    return rc < 0 ? rc : code;
}

static int run(ltd_cli *cli)
{
    ltd_setup s;
    ltd_err err = LTD_ERR_INIT;
    ltd_policy *policy = NULL;
    char path[PATH_MAX];
    int code = ltd_cli_configure(cli, NULL);
    if (code == LTD_EXIT_OK) code = ltd_cli_setup(cli, &s);
    if (code) return code;
    ltd_cli_find_policy(cli, &s, path, sizeof path);
    if (!path[0]) {
        fprintf(stderr,
                "ltd: no trained policy for this model under %s: run `ltd train`, or name one "
                "with --policy\n",
                cli->config.run.dir);
        ltd_setup_close(&s);
        return LTD_EXIT_FAILED;
    }
    ltd_rng rng;
    ltd_rng_seed(&rng, cli->config.run.seed, LTD_STREAM_EXPLORE);
    int rc = ltd_policy_load(&policy, path, &err);
    if (rc == LTD_OK)
        rc = ltd_setup_check_prompts(&s, &cli->config.prompts.bench,
                                     cli->config.bench.prompts_per_task, &err);
    if (rc == LTD_OK) rc = ltd_setup_cost_or_measure(&s, &err);
    if (rc == LTD_OK) {
        ltd_log(&cli->log, LTD_LOG_DEBUG, "policy %s", path);
        rc = evaluate(cli, &s, policy, cli->stochastic ? &rng : NULL, &err);
    }
    ltd_policy_free(policy);
    ltd_setup_close(&s);
    return rc < 0 ? ltd_cli_fail(&err) : rc;
}

const ltd_verb ltd_verb_eval = {
    .name = "eval",
    .summary = "play a trained policy on held-out prompts",
    .args = "[PROMPTS...]",
    .doc = "Play a policy on prompts and tell its speed, accepted lengths and what it chose.  `ltd "
           "bench` compares it "
           "with others.",
    .options = "task policy prompts json stochastic model dtype head threads seed max-new "
               "temperature top-k "
               "top-p",
    .run = run,
};
