/* A real environment over a tiny random model with a draft head, five prompts, a cost table and a
 * scripted clock.  Whatever fails ends the running test.
 *
 *     tiny_env *t = tiny_open();                         engine and prompts
 *     ltd_env *env = tiny_env_open(t, &change);          change(options) may be NULL
 *
 * Static functions: a test is one file.  meson: `env` and `engine` among the dependencies. */
#ifndef LTD_TESTS_SUPPORT_TINY_ENV_H
#define LTD_TESTS_SUPPORT_TINY_ENV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/cost_file.h"
#include "env/cycle.h"
#include "env/ltd_env.h"
#include "tests/support/engine.h"
#include "tests/support/vocab.h"

enum { TINY_CONTEXT = 256, TINY_FORWARDS = 4, TINY_SIZE = 16, TINY_TOP_K = 4, TINY_OBS = 2048 };

typedef struct tiny_env {
    ltd_llama *model;
    ltd_eagle3 *head;
    ltd_tokenizer *tok; /* of the prompts; the model itself has none */
    ltd_prompts *prompts;
    ltd_cost cost;
    ltd_clock_script now;
    ltd_cycle *cycle; /* of the environment opened last */
    ltd_env *env;
    ltd_rng rng;
    ltd_err err;
    float obs[TINY_OBS];
    uint8_t mask[LTD_MAX_SIZES];
    ltd_step step;
} tiny_env;

/* One line of five repeats itself, so that prompt lookup finds something. */
static const char tiny_lines[] =
    "{\"question_id\": 1, \"turns\": [\"hello world hello world hello\"]}\n"
    "{\"question_id\": 2, \"turns\": [\"the quick brown fox\"]}\n"
    "{\"question_id\": 3, \"turns\": [\"aaaaaaaa bbbb aaaaaaaa\"]}\n"
    "{\"question_id\": 4, \"turns\": [\"1 2 3 4 5 6 7 8\"]}\n"
    "{\"question_id\": 5, \"turns\": [\"what is it?\"]}\n";

static inline tiny_env *tiny_open(void)
{
    tiny_env *t = calloc(1, sizeof *t);
    vocab_spec spec = VOCAB_DEFAULT;
    spec.drop = "";
    assert_non_null(t);
    t->model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    t->head = engine_head("eagle3/session", t->model, LTD_LOAD_Q8);
    if (vocab_open(&t->tok, &spec, &t->err) < 0 ||
        ltd_prompts_parse(&t->prompts, tiny_lines, sizeof tiny_lines - 1, "tiny.jsonl", NULL,
                          t->tok, 0, 0, NULL, &t->err) < 0)
        fail_msg("%s", t->err.msg);
    t->cost = (ltd_cost){.t_ar_ms = 4,
                         .commit_ms = 0.1f,
                         .decide_ms = 0.05f,
                         .n_verify = 2,
                         .verify = {{1, 32, 4, 4}, {17, 32, 8, 8}},
                         .n_draft = 2,
                         .draft = {{1, 32, 0.5f, 0.5f}, {TINY_TOP_K, 32, 0.75f, 0.75f}}};
    if (ltd_cost_finish(&t->cost, &t->err) < 0) fail_msg("%s", t->err.msg);
    ltd_rng_seed(&t->rng, 77, LTD_STREAM_TEST);
    return t;
}

static inline void tiny_env_close(tiny_env *t)
{
    ltd_env_close(t->env);
    ltd_cycle_free(t->cycle);
    t->env = NULL;
    t->cycle = NULL;
}

static inline void tiny_close(tiny_env *t)
{
    tiny_env_close(t);
    ltd_prompts_free(t->prompts);
    ltd_tokenizer_free(t->tok);
    ltd_eagle3_close(t->head);
    ltd_llama_close(t->model);
    free(t);
}

static inline ltd_env_options tiny_options(tiny_env *t)
{
    return (ltd_env_options){.cycle = t->cycle,
                             .prompts = t->prompts,
                             .cost = &t->cost,
                             .clock_table = true,
                             .max_forwards = TINY_FORWARDS,
                             .sizes = {0, 1, 2, 4, 8, 16},
                             .n_sizes = 6,
                             .max_new = 40,
                             .depth_contract = LTD_CONTRACT_LTD_DEPTH,
                             .size_contract = LTD_CONTRACT_LTD_SIZE,
                             .reward = LTD_REWARD_AVERAGE,
                             .reward_scale = 100,
                             .reward_keep = 0.99,
                             .reward_floor = -0.75,
                             .slow_factor = 4,
                             .seed = 5};
}

static inline ltd_cycle_options tiny_cycle_options(tiny_env *t)
{
    return (ltd_cycle_options){.model = t->model,
                               .head = t->head,
                               .clock = ltd_clock_scripted(&t->now),
                               .context = TINY_CONTEXT,
                               .top_k = TINY_TOP_K,
                               .max_forwards = TINY_FORWARDS,
                               .max_size = TINY_SIZE,
                               .lookup = true,
                               .lookup_min_match = 1,
                               .lookup_max_chain = 6};
}

/* Replaces t->env and t->cycle; both changes may be NULL. */
static inline ltd_env *tiny_env_open(tiny_env *t, void (*cycle)(ltd_cycle_options *o),
                                     void (*env)(ltd_env_options *o))
{
    tiny_env_close(t);
    ltd_cycle_options co = tiny_cycle_options(t);
    if (cycle) cycle(&co);
    if (ltd_cycle_new(&t->cycle, &co, &t->err) < 0) fail_msg("%s", t->err.msg);
    ltd_env_options eo = tiny_options(t);
    if (env) env(&eo);
    if (ltd_env_open(&t->env, &eo, &t->err) < 0) fail_msg("%s", t->err.msg);
    t->step = (ltd_step){.obs = t->obs, .mask = t->mask};
    return t->env;
}

static inline void tiny_reset(tiny_env *t, const ltd_reset *options)
{
    if (ltd_env_reset(t->env, options, &t->step, &t->err) < 0) fail_msg("%s", t->err.msg);
}

static inline void tiny_step(tiny_env *t, int32_t action)
{
    if (ltd_env_step(t->env, action, &t->step, &t->err) < 0) fail_msg("%s", t->err.msg);
}

/* A legal action, each as likely. */
static inline int32_t tiny_random(tiny_env *t)
{
    int32_t a;
    do a = (int32_t)ltd_rng_below(&t->rng, (uint64_t)t->step.n_actions);
    while (!t->mask[a]);
    return a;
}

/* A random cycle to its end, after a reset. */
static inline void tiny_play(tiny_env *t)
{
    while (!t->step.terminated) tiny_step(t, tiny_random(t));
}

#endif
