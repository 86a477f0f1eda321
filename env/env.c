/* The state machine of an episode:
 *
 *   IDLE --reset--> drafting (min_forwards forced) --> DEPTH turn
 *   DEPTH  continue -> depth_every forwards -> DEPTH turn; when nothing more may be drafted: size
 *          stop -> size
 *   size   an empty pool or one legal entry -> verify; several -> SIZE turn -> verify
 *   verify -> reward, IDLE: the next reset goes on with the text or, when it ended, begins a prompt
 *
 * The phase clock stands in DECIDE whenever the caller has the word. */
#include "env/ltd_env.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/ground_priv.h"
#include "env/loop.h"
#include "env/turns.h"

struct ltd_env {
    ltd_env_options options;
    ltd_ground *ground; /* owned */
    ltd_prompt_order order;
    ltd_reward reward;
    ltd_obs_state state;
    ltd_turn turn;
    uint8_t mask[LTD_MAX_SIZES];
    int32_t n_actions;
    int32_t prompt;     /* index of the current one */
    bool has_prompt;    /* a text is under way */
    int32_t new_tokens; /* of it, the first root included */
    int32_t most_new;   /* min(max_new, what the context holds) */
    ltd_loop *loop;     /* owned; NULL: nobody looks for loops */
    ltd_info last;
};

/* --- opening --- */

int ltd_env_open(ltd_env **ret, const ltd_env_options *options, ltd_err *err)
{
    *ret = NULL;
    ltd_env *e = ltd_mem_zeros(1, sizeof *e);
    if (!e) return ltd_fail(err, LTD_ENOMEM, "env: no memory");
    ltd_env_options *o = &e->options;
    *o = *options;
    int rc = ltd_env_check_options(o, err);
    if (rc == LTD_OK)
        rc = o->positions ? ltd_ground_positions(&e->ground, o, err)
                          : ltd_ground_cycle(&e->ground, o, err);
    if (rc == LTD_OK)
        rc = ltd_prompt_order_init(&e->order, ltd_prompts_count(o->prompts), o->seed, err);
    if (rc == LTD_OK && o->loop_stop) rc = ltd_loop_new(&e->loop, o->max_new, o->loop_stop, err);
    if (rc < 0) {
        ltd_env_close(e);
        return rc;
    }
    ltd_reward_init(&e->reward, o->reward, o->reward_scale, o->reward_keep);
    ltd_cycle *cycle = e->ground->cycle;
    e->state = (ltd_obs_state){.tree = cycle ? ltd_cycle_tree(cycle) : NULL,
                               .cost = o->cost,
                               .sizes = o->sizes,
                               .n_sizes = o->n_sizes,
                               .max_forwards = o->max_forwards,
                               .rate = o->rate};
    *ret = e;
    return LTD_OK;
}

void ltd_env_close(ltd_env *env)
{
    if (!env) return;
    if (env->ground) env->ground->free(env->ground);
    ltd_prompt_order_fini(&env->order);
    ltd_loop_free(env->loop);
    free(env);
}

/* --- spaces --- */

ltd_turn ltd_env_turn(const ltd_env *env)
{
    return env->turn;
}

int32_t ltd_env_obs_dim(const ltd_env *env, ltd_turn turn)
{
    if (turn == LTD_TURN_DEPTH) return ltd_contract_dim(env->options.depth_contract);
    if (turn == LTD_TURN_SIZE) return ltd_contract_dim(env->options.size_contract);
    return 0;
}

int32_t ltd_env_actions(const ltd_env *env, ltd_turn turn)
{
    if (turn == LTD_TURN_DEPTH) return 2;
    if (turn == LTD_TURN_SIZE) return env->options.n_sizes;
    return 0;
}

int32_t ltd_env_obs_max(const ltd_env *env)
{
    int32_t a = ltd_env_obs_dim(env, LTD_TURN_DEPTH), b = ltd_env_obs_dim(env, LTD_TURN_SIZE);
    return a > b ? a : b;
}

int32_t ltd_env_actions_max(const ltd_env *env)
{
    return env->options.n_sizes > 2 ? env->options.n_sizes : 2;
}

const ltd_env_options *ltd_env_get_options(const ltd_env *env)
{
    return &env->options;
}
const ltd_obs_state *ltd_env_state(const ltd_env *env)
{
    return &env->state;
}
const ltd_info *ltd_env_last(const ltd_env *env)
{
    return &env->last;
}
ltd_cycle *ltd_env_cycle(const ltd_env *env)
{
    return env->ground->cycle;
}
int32_t ltd_env_root(const ltd_env *env)
{
    return env->ground->root;
}
bool ltd_env_is_end(const ltd_env *env, int32_t token)
{
    return env->ground->is_end(env->ground, token);
}
int32_t ltd_env_forwards(const ltd_env *env)
{
    return env->ground->forwards;
}

ltd_cost_work ltd_env_work(const ltd_env *env, const ltd_info *info)
{
    return (ltd_cost_work){info->forwards, env->ground->top_k, info->size, info->context,
                           info->waiting};
}

/* --- turns --- */

static bool may_draft(const ltd_env *e)
{
    return e->ground->has_head && e->ground->forwards < e->options.max_forwards;
}

static void enter(const ltd_env *e, ltd_phase phase)
{
    if (e->ground->phases) ltd_phases_enter(e->ground->phases, phase);
}

/* Hand the word to the caller: mask, observation, clock in DECIDE. */
static void ask(ltd_env *e, ltd_turn turn, ltd_step *io)
{
    enter(e, LTD_PHASE_DECIDE);
    e->turn = turn;
    e->n_actions = ltd_env_actions(e, turn);
    io->turn = turn;
    io->n_obs = ltd_env_obs_dim(e, turn);
    io->n_actions = e->n_actions;
    memcpy(io->mask, e->mask, (size_t)e->n_actions);
    if (!io->obs) return;
    e->ground->observe(
        e->ground, turn == LTD_TURN_DEPTH ? e->options.depth_contract : e->options.size_contract,
        &e->state, io->obs);
}

static void ask_depth(ltd_env *e, ltd_step *io)
{
    e->mask[LTD_DEPTH_STOP] = 1;
    e->mask[LTD_DEPTH_CONTINUE] = may_draft(e);
    ask(e, LTD_TURN_DEPTH, io);
}

/* The result of a cycle in the caller's words. */
static void fill_info(ltd_env *e, const ltd_cycle_result *r, ltd_info *info)
{
    const ltd_env_options *o = &e->options;
    const ltd_ground *g = e->ground;
    *info = (ltd_info){.accept_len = r->accept_len,
                       .token = r->tokens,
                       .forwards = r->forwards,
                       .size = r->size,
                       .pool = r->pool,
                       .match = e->state.match,
                       .waiting = r->waiting,
                       .context = g->context,
                       .prompt = e->prompt,
                       .cycle_ns = r->window_ns};
    if (g->phases) memcpy(info->phase_ns, g->phases->ns, sizeof info->phase_ns);
    if (!o->cost) return;
    ltd_cost_work work = ltd_env_work(e, info);
    double ar, table;
    g->times(g, &work, &ar, &table);
    info->ar_ns = (uint64_t)(ar * 1e6);
    if (o->clock_table)
        info->cycle_ns = (uint64_t)(table * 1e6);
    else
        info->slow = o->slow_factor > 0 && (double)r->window_ns > o->slow_factor * (table * 1e6);
}

/* How many of the cycle's tokens count, and whether the prompt ends with them. */
static void count_tokens(ltd_env *e, const ltd_cycle_result *r, ltd_step *io)
{
    int32_t n = 0;
    bool end = false, loops = false;
    while (n < r->accept_len && !end && !loops && e->new_tokens < e->most_new) {
        end = e->ground->is_end(e->ground, r->tokens[n]);
        loops = e->loop && ltd_loop_push(e->loop, r->tokens[n]);
        n++;
        e->new_tokens++;
    }
    io->info.tokens = n;
    io->info.new_tokens = e->new_tokens;
    io->info.looped = loops && !end;
    io->truncated = io->info.looped || (!end && e->new_tokens >= e->most_new);
    io->info.prompt_done = end || io->truncated;
    if (io->info.prompt_done) e->has_prompt = false;
}

static int finish(ltd_env *e, int32_t size, ltd_step *io, ltd_err *err)
{
    const ltd_cycle_result *r;
    int rc = e->ground->verify(e->ground, size, &r, err);
    if (rc < 0) return rc;
    e->turn = LTD_TURN_NONE;
    io->turn = LTD_TURN_NONE;
    io->n_obs = io->n_actions = 0;
    io->terminated = true;
    fill_info(e, r, &io->info);
    count_tokens(e, r, io);
    e->last = io->info;
    e->last.token = NULL; /* the next cycle writes over them */
    memmove(e->state.recent + 1, e->state.recent, (LTD_OBS_RECENT - 1) * sizeof e->state.recent[0]);
    e->state.recent[0] = r->accept_len;
    /* A cycle that the clock misjudged must not move rho; its reward is never learned from. */
    ltd_reward copy = e->reward;
    io->reward = ltd_reward_cycle(io->info.slow ? &copy : &e->reward, r->accept_len,
                                  io->info.cycle_ns, io->info.ar_ns);
    if (e->options.reward == LTD_REWARD_AVERAGE && (double)io->reward < e->options.reward_floor)
        io->reward = (float)e->options.reward_floor;
    return LTD_OK;
}

/* Nothing more is drafted: ask for the size unless there is one only. */
static int choose_size(ltd_env *e, ltd_step *io, ltd_err *err)
{
    int32_t only = 0;
    if (e->ground->pool == 0) return finish(e, 0, io, err);
    const ltd_env_options *o = &e->options;
    if (ltd_turns_sizes(o->sizes, o->n_sizes, e->ground->pool, e->mask, &only) == 1)
        return finish(e, o->sizes[only], io, err);
    ask(e, LTD_TURN_SIZE, io);
    return LTD_OK;
}

/* A cycle that failed half-way leaves a text that nobody can go on with. */
static int give_up(ltd_env *e, int rc)
{
    e->turn = LTD_TURN_NONE;
    e->has_prompt = false;
    return rc;
}

static int take(ltd_env *e, int32_t action, ltd_step *io, ltd_err *err)
{
    if (e->turn == LTD_TURN_SIZE) return finish(e, e->options.sizes[action], io, err);
    if (action == LTD_DEPTH_STOP) return choose_size(e, io, err);
    do {
        int rc = e->ground->draft(e->ground, err);
        if (rc < 0) return rc;
    } while (may_draft(e) && !ltd_turns_asked(e->ground->forwards, e->options.min_forwards,
                                              e->options.depth_every));
    if (!may_draft(e)) return choose_size(e, io, err);
    ask_depth(e, io);
    return LTD_OK;
}

int ltd_env_step(ltd_env *env, int32_t action, ltd_step *io, ltd_err *err)
{
    if (env->turn == LTD_TURN_NONE)
        return ltd_fail(err, LTD_EINVAL, "env: step without a turn to take, expected a reset");
    if (action < 0 || action >= env->n_actions || !env->mask[action])
        return ltd_fail(err, LTD_EINVAL, "env: action %d of a %s turn with %d actions is not legal",
                        action, env->turn == LTD_TURN_DEPTH ? "depth" : "size", env->n_actions);
    enter(env, LTD_PHASE_OTHER);
    io->reward = 0;
    int rc = take(env, action, io, err);
    return rc < 0 ? give_up(env, rc) : rc;
}

/* --- reset --- */

static int begin_prompt(ltd_env *e, int32_t index, ltd_err *err)
{
    const ltd_prompt *p = ltd_prompts_at(e->options.prompts, (size_t)index);
    int rc = e->ground->prompt(e->ground, index, err);
    if (rc < 0)
        return ltd_err_prefix(err, rc, "prompt %lld of %s", (long long)p->question_id, p->task);
    int32_t room = e->ground->room;
    e->prompt = index;
    e->new_tokens = 1; /* the first root, which the prefill chose */
    e->most_new = e->options.max_new < room ? e->options.max_new : room;
    e->has_prompt = e->new_tokens < e->most_new && !e->ground->is_end(e->ground, e->ground->root);
    memset(e->state.recent, 0, sizeof e->state.recent);
    if (e->loop) {
        ltd_loop_begin(e->loop);
        ltd_loop_push(e->loop, e->ground->root);
    }
    return LTD_OK;
}

/* The next prompt that has anything to say. */
static int next_prompt(ltd_env *e, const ltd_reset *options, ltd_err *err)
{
    int32_t count = (int32_t)ltd_prompts_count(e->options.prompts);
    if (options && options->new_prompt && options->prompt >= 0) {
        if (options->prompt >= count)
            return ltd_fail(err, LTD_EINVAL, "env: prompt %d, expected 0 to %d", options->prompt,
                            count - 1);
        int rc = begin_prompt(e, options->prompt, err);
        if (rc < 0 || e->has_prompt) return rc;
        return LTD_ENV_ENDED;
    }
    for (int32_t tries = 0; tries < count; tries++) {
        int rc = begin_prompt(e, ltd_prompt_order_next(&e->order), err);
        if (rc < 0 || e->has_prompt) return rc;
    }
    return ltd_fail(err, LTD_EINVAL, "env: each of %d prompts ends with its first token", count);
}

int ltd_env_reset(ltd_env *env, const ltd_reset *options, ltd_step *io, ltd_err *err)
{
    env->turn = LTD_TURN_NONE;
    if (options && options->seed) {
        ltd_prompt_order order;
        int rc = ltd_prompt_order_init(&order, ltd_prompts_count(env->options.prompts),
                                       *options->seed, err);
        if (rc < 0) return rc;
        ltd_prompt_order_fini(&env->order);
        env->order = order;
        ltd_reward_init(&env->reward, env->options.reward, env->options.reward_scale,
                        env->options.reward_keep);
        env->last = (ltd_info){0};
        if (env->ground->cycle) ltd_cycle_set_seed(env->ground->cycle, *options->seed);
    }
    if (!env->has_prompt || (options && (options->new_prompt || options->seed))) {
        env->has_prompt = false;
        int rc = next_prompt(env, options, err);
        if (rc != LTD_OK) return rc;
    }
    io->reward = 0;
    io->terminated = io->truncated = false;
    io->info = (ltd_info){.prompt = env->prompt, .new_tokens = env->new_tokens};
    int rc = env->ground->begin(env->ground, &env->state, err);
    for (int32_t i = 0; rc == LTD_OK && i < env->options.min_forwards; i++)
        rc = env->ground->draft(env->ground, err);
    if (rc < 0) return give_up(env, rc);
    ask_depth(env, io);
    return LTD_OK;
}

/* --- checkpoints --- */

int ltd_env_save(const ltd_env *env, ltd_env_state_save *ret, ltd_err *err)
{
    if (env->order.n > (int32_t)(sizeof ret->order / sizeof ret->order[0]))
        return ltd_fail(err, LTD_EINVAL, "env: %d prompts, a checkpoint holds the order of %zu",
                        env->order.n, sizeof ret->order / sizeof ret->order[0]);
    *ret = (ltd_env_state_save){.next = env->order.next,
                                .rng = env->order.rng,
                                .reward = env->reward,
                                .n_prompts = env->order.n};
    memcpy(ret->order, env->order.order, (size_t)env->order.n * sizeof ret->order[0]);
    return LTD_OK;
}

int ltd_env_load(ltd_env *env, const ltd_env_state_save *state, ltd_err *err)
{
    if (state->n_prompts != env->order.n || state->next < 0 || state->next > state->n_prompts)
        return ltd_fail(err, LTD_EFORMAT, "env: saved stream of %d prompts, found %d",
                        state->n_prompts, env->order.n);
    for (int32_t i = 0; i < state->n_prompts; i++)
        if (state->order[i] < 0 || state->order[i] >= state->n_prompts)
            return ltd_fail(err, LTD_EFORMAT, "env: saved prompt order: entry %d is %d", i,
                            state->order[i]);
    env->order.next = state->next;
    env->order.rng = state->rng;
    memcpy(env->order.order, state->order, (size_t)env->order.n * sizeof state->order[0]);
    env->reward = state->reward;
    env->has_prompt = false;
    env->turn = LTD_TURN_NONE;
    return LTD_OK;
}
