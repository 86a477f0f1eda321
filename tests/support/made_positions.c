#include "tests/support/made_positions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "env/cost_file.h"
#include "tests/support/made_trace.h"

static void make_cost(ltd_cost *c)
{
    static const float ms[] = {1, 1.1f, 1.5f, 2.6f};
    static const int32_t rows[] = {1, 2, 4, 17};
    *c = (ltd_cost){.t_ar_ms = 1, .commit_ms = 0.05f, .decide_ms = 0.01f, .waiting_ms = 0.02f};
    for (int i = 0; i < 4; i++)
        c->verify[c->n_verify++] = (ltd_cost_point){rows[i], 10, ms[i], ms[i]};
    c->draft[c->n_draft++] = (ltd_cost_point){1, 10, 0.1f, 0.1f};
    c->draft[c->n_draft++] = (ltd_cost_point){MADE_TRACE_TOP_K, 10, 0.15f, 0.15f};
    assert_int_equal(ltd_cost_finish(c, NULL), 0);
}

ltd_cycle_options made_positions_cycle(made_positions *m)
{
    return (ltd_cycle_options){.trace = &m->trace,
                               .clock = ltd_clock_monotonic(),
                               .context = 200,
                               .top_k = MADE_TRACE_TOP_K,
                               .max_forwards = m->trace.max_forwards,
                               .max_size = 16,
                               .lookup = true,
                               .lookup_min_match = 1,
                               .lookup_max_chain = 6};
}

static void compile(made_positions *m, float rate)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_positions_options o = {.cycle = made_positions_cycle(m),
                               .cost = &m->cost,
                               .prompts = m->prompts,
                               .sizes = m->sizes,
                               .n_sizes = MADE_SIZES,
                               .max_forwards = 3,
                               .max_new = MADE_MAX_NEW,
                               .rate = rate};
    ltd_positions_free(m->positions);
    if (ltd_positions_new(&m->positions, &o, &err) < 0) fail_msg("%s", err.msg);
}

void made_positions_open(made_positions *m, uint64_t seed, int32_t texts, float rate)
{
    static const int32_t sizes[MADE_SIZES] = {0, 1, 2, 4, 8, 16};
    ltd_err err = LTD_ERR_INIT;
    made_positions_close(m);
    made_trace(&m->trace, seed, texts, MADE_MAX_NEW - 1, 3);
    make_cost(&m->cost);
    memcpy(m->sizes, sizes, sizeof sizes);
    ltd_prompt *list = calloc((size_t)texts, sizeof *list);
    for (int32_t i = 0; i < texts; i++) {
        const ltd_trace_text *t = &m->trace.text[i];
        list[i] = (ltd_prompt){.question_id = i,
                               .category = "",
                               .task = "made",
                               .text = "",
                               .ids = t->token,
                               .n = t->prompt};
    }
    int rc = ltd_prompts_copy(&m->prompts, list, (size_t)texts, &err);
    free(list);
    if (rc < 0) fail_msg("%s", err.msg);
    compile(m, rate);
}

void made_positions_linear(made_positions *m)
{
    ltd_cost *c = &m->cost;
    *c = (ltd_cost){.t_ar_ms = 1, .commit_ms = 0.01f, .waiting_ms = 0.02f};
    for (int32_t context = 10; context <= 60; context += 50)
        for (int32_t rows = 1; rows <= 17; rows += 16)
            c->verify[c->n_verify++] = (ltd_cost_point){rows, context, (float)rows, (float)rows};
    c->draft[c->n_draft++] = (ltd_cost_point){1, 10, 0.1f, 0.1f};
    c->draft[c->n_draft++] = (ltd_cost_point){MADE_TRACE_TOP_K, 10, 0.15f, 0.15f};
    assert_int_equal(ltd_cost_finish(c, NULL), 0);
    compile(m, ltd_positions_get_options(m->positions)->rate);
}

ltd_env *made_positions_env(made_positions *m, ltd_cycle **cycle)
{
    ltd_env *env;
    ltd_err err = LTD_ERR_INIT;
    ltd_cycle_options c = made_positions_cycle(m);
    if (ltd_cycle_new(cycle, &c, &err) < 0) fail_msg("%s", err.msg);
    ltd_env_options o = {.cycle = *cycle,
                         .prompts = m->prompts,
                         .cost = &m->cost,
                         .clock_table = true,
                         .max_forwards = m->trace.max_forwards,
                         .n_sizes = MADE_SIZES,
                         .max_new = MADE_MAX_NEW,
                         .rate = ltd_positions_get_options(m->positions)->rate,
                         .depth_contract = LTD_CONTRACT_LTD_DEPTH,
                         .size_contract = LTD_CONTRACT_LTD_SIZE,
                         .reward = LTD_REWARD_RATIO,
                         .reward_scale = 1};
    memcpy(o.sizes, m->sizes, sizeof m->sizes);
    if (ltd_env_open(&env, &o, &err) < 0) fail_msg("%s", err.msg);
    return env;
}

void made_positions_close(made_positions *m)
{
    ltd_positions_free(m->positions);
    ltd_prompts_free(m->prompts);
    ltd_trace_fini(&m->trace);
    m->positions = NULL;
    m->prompts = NULL;
}
