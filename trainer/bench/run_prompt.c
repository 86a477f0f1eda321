#include "trainer/bench/run_prompt.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/cycle.h"

int ltd_watch_tell(const ltd_watch *watch, double share, const char *what, ltd_err *err)
{
    if (!watch || !watch->tell || watch->tell(watch->ctx, share, what)) return LTD_OK;
    return ltd_fail(err, LTD_ECANCELED, "stopped at %.0f %% (%s)", 100 * share, what);
}

int ltd_player_init(ltd_player *ret, ltd_env *env, ltd_agent *agent, ltd_err *err)
{
    *ret = (ltd_player){.env = env, .agent = agent};
    ret->mask = ltd_mem_zeros((size_t)ltd_env_actions_max(env), 1);
    if (!agent->blind) ret->obs = ltd_mem_aligned((size_t)ltd_env_obs_max(env), sizeof *ret->obs);
    if (ret->mask && (ret->obs || agent->blind)) return LTD_OK;
    ltd_player_fini(ret);
    return ltd_fail(err, LTD_ENOMEM, "player '%s': no memory", agent->name);
}

void ltd_player_fini(ltd_player *player)
{
    free(player->obs);
    free(player->mask);
    free(player->added);
    *player = (ltd_player){0};
}

static void count(uint32_t *hist, int32_t n, int32_t value)
{
    hist[value < n ? value : n - 1]++;
}

static int32_t deepest(const ltd_selection *s)
{
    int32_t most = 0;
    for (int32_t i = 0; i < s->n; i++)
        if (s->depth[i] > most) most = s->depth[i];
    return most;
}

/* Add a finished cycle to the sums. */
static void add_cycle(ltd_run *run, const ltd_env *env, const ltd_info *info)
{
    const ltd_cost *cost = ltd_env_get_options(env)->cost;
    run->cycles++;
    run->tokens += info->tokens;
    run->accept_len += info->accept_len;
    run->forwards += info->forwards;
    run->size += info->size;
    run->slow += info->slow;
    run->ns += info->cycle_ns;
    for (int p = 0; p < LTD_PHASE_COUNT; p++) run->phase_ns[p] += info->phase_ns[p];
    count(run->accept_hist, LTD_RUN_ACCEPT, info->accept_len);
    const ltd_cycle *cycle = ltd_env_cycle(env);
    if (cycle) count(run->depth_hist, LTD_RUN_ACCEPT, deepest(ltd_cycle_last(cycle)->selection));
    count(run->forwards_hist, LTD_RUN_FORWARDS, info->forwards);
    count(run->size_hist, LTD_RUN_SIZES, info->size);
    if (!cost) return;
    ltd_cost_work work = ltd_env_work(env, info);
    run->table_ms += ltd_cost_cycle(cost, &work);
    run->plain_ms += info->accept_len * ltd_cost_ar(cost, info->context);
}

static int keep_tokens(ltd_tokens *text, const int32_t *token, int32_t n, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t i = 0; text && rc == LTD_OK && i < n; i++)
        rc = ltd_tokens_push(text, token[i], err);
    return rc;
}

static int keep_count(ltd_player *player, int32_t tokens, ltd_err *err)
{
    size_t n = player->n_added + 1;
    if (!ltd_mem_reserve((void **)&player->added, &player->added_room, n, sizeof *player->added))
        return ltd_fail(err, LTD_ENOMEM, "player '%s': no memory for %zu cycles",
                        player->agent->name, n);
    player->added[player->n_added++] = tokens;
    return LTD_OK;
}

/* To the end of the cycle. */
static int play_cycle(ltd_player *player, ltd_step *step, ltd_err *err)
{
    const ltd_witness *w = &player->witness;
    int rc = LTD_OK;
    while (rc == LTD_OK && !step->terminated) {
        float logprob = 0;
        int32_t action =
            player->agent->decide(player->agent, player->env, step, w->saw ? &logprob : NULL);
        if (w->saw) rc = w->saw(w->ctx, player->env, step, action, logprob, err);
        if (rc == LTD_OK) rc = ltd_env_step(player->env, action, step, err);
    }
    if (rc == LTD_OK && w->ended) w->ended(w->ctx, player->env, &step->info);
    return rc;
}

int ltd_run_prompt(ltd_player *player, int32_t prompt, ltd_run *ret, ltd_tokens *text, ltd_err *err)
{
    ltd_env *env = player->env;
    ltd_step step = {.obs = player->obs, .mask = player->mask};
    ltd_reset options = {.new_prompt = true, .prompt = prompt};
    *ret = (ltd_run){.prompts = 1};
    if (text) text->n = 0;
    player->n_added = 0;
    int rc = ltd_env_reset(env, &options, &step, err);
    if (rc < 0) return rc;
    bool done = rc == LTD_ENV_ENDED;
    int32_t root = ltd_env_root(env);
    if (ltd_env_cycle(env))
        ltd_cycle_prefill_ms(ltd_env_cycle(env), &ret->prefill_target_ms, &ret->prefill_head_ms);
    ret->ended = done && ltd_env_is_end(env, root);
    rc = keep_tokens(text, &root, 1, err);
    while (rc == LTD_OK && !done) {
        rc = play_cycle(player, &step, err);
        if (rc < 0) return rc;
        add_cycle(ret, env, &step.info);
        rc = keep_tokens(text, step.info.token, step.info.tokens, err);
        if (rc == LTD_OK) rc = keep_count(player, step.info.tokens, err);
        done = step.info.prompt_done;
        ret->ended = done && !step.truncated;
        if (rc == LTD_OK && !done) rc = ltd_env_reset(env, NULL, &step, err);
    }
    return rc;
}

void ltd_run_add(ltd_run *sum, const ltd_run *one)
{
    sum->prompts += one->prompts;
    sum->ended += one->ended;
    sum->cycles += one->cycles;
    sum->tokens += one->tokens;
    sum->accept_len += one->accept_len;
    sum->forwards += one->forwards;
    sum->size += one->size;
    sum->slow += one->slow;
    sum->ns += one->ns;
    for (int p = 0; p < LTD_PHASE_COUNT; p++) sum->phase_ns[p] += one->phase_ns[p];
    sum->table_ms += one->table_ms;
    sum->plain_ms += one->plain_ms;
    sum->prefill_target_ms += one->prefill_target_ms;
    sum->prefill_head_ms += one->prefill_head_ms;
    for (int i = 0; i < LTD_RUN_ACCEPT; i++) sum->accept_hist[i] += one->accept_hist[i];
    for (int i = 0; i < LTD_RUN_ACCEPT; i++) sum->depth_hist[i] += one->depth_hist[i];
    for (int i = 0; i < LTD_RUN_FORWARDS; i++) sum->forwards_hist[i] += one->forwards_hist[i];
    for (int i = 0; i < LTD_RUN_SIZES; i++) sum->size_hist[i] += one->size_hist[i];
}

double ltd_run_speed(const ltd_run *run)
{
    return run->ns ? (double)run->tokens / ((double)run->ns * 1e-9) : 0;
}

double ltd_run_mean(const ltd_run *run, int64_t sum)
{
    return run->cycles ? (double)sum / (double)run->cycles : 0;
}

void ltd_run_hist_json(ltd_json_writer *w, const char *key, const uint32_t *hist, int n)
{
    while (n > 0 && hist[n - 1] == 0) n--;
    ltd_json_begin_inline_array(w, key);
    for (int i = 0; i < n; i++) ltd_json_put_int(w, NULL, hist[i]);
    ltd_json_end_array(w);
}
