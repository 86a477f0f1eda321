/* Gymnasium's check_env for our environment: plays random cycles on the real model and checks every
 * promise of env/ltd_env.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/fixed.h"
#include "base/mem.h"
#include "env/cycle.h"
#include "trainer/cli/cli.h"

enum { DEFAULT_CYCLES = 300, CANARY = 0x5a };

typedef struct checker {
    ltd_env *env;
    ltd_agent *agent;
    float *obs;
    uint8_t *mask;
    int32_t obs_room, mask_room;
    int64_t cycles, turns[LTD_TURN_COUNT], failures;
} checker;

static void expect(checker *c, bool ok, const char *what)
{
    if (ok) return;
    c->failures++;
    if (c->failures <= 20) printf("FAILED in cycle %lld: %s\n", (long long)c->cycles + 1, what);
}

static void check_turn(checker *c, const ltd_step *s)
{
    c->turns[s->turn]++;
    expect(c, s->turn == ltd_env_turn(c->env), "step.turn is ltd_env_turn()");
    expect(c, s->n_obs == ltd_env_obs_dim(c->env, s->turn), "n_obs is the space's size");
    expect(c, s->n_actions == ltd_env_actions(c->env, s->turn), "n_actions is the space's size");
    expect(c, s->reward == 0, "reward is 0 before the end");
    bool finite = true, legal = false;
    for (int32_t i = 0; i < s->n_obs; i++) finite = finite && isfinite(s->obs[i]);
    for (int32_t i = 0; i < s->n_actions; i++) legal = legal || s->mask[i];
    expect(c, finite, "observations are finite");
    expect(c, legal, "an action is legal");
    /* An illegal action must be refused and change nothing. */
    for (int32_t i = -1; i <= s->n_actions; i++) {
        if (i >= 0 && i < s->n_actions && s->mask[i]) continue;
        ltd_step copy = *s;
        expect(c, ltd_env_step(c->env, i, &copy, NULL) == LTD_EINVAL,
               "illegal actions are refused");
        expect(c, ltd_env_turn(c->env) == s->turn, "a refused action changes nothing");
    }
}

static void check_end(checker *c, const ltd_step *s)
{
    const ltd_info *i = &s->info;
    uint64_t sum = 0;
    for (int p = 0; p < LTD_PHASE_COUNT; p++) sum += i->phase_ns[p];
    bool live = !ltd_env_get_options(c->env)->clock_table;
    expect(c, s->turn == LTD_TURN_NONE, "no turn after the end");
    expect(c, isfinite(s->reward), "the reward is finite");
    expect(c, i->accept_len >= 1 && i->accept_len <= i->size + 1, "1 <= accept_len <= size + 1");
    expect(c, i->tokens >= 1 && i->tokens <= i->accept_len, "1 <= tokens <= accept_len");
    expect(c, i->size <= i->pool, "size <= pool");
    expect(c, !live || sum == i->cycle_ns, "the phases sum to the window");
    expect(c, ltd_cycle_context(ltd_env_cycle(c->env)) == i->context + i->accept_len,
           "the text grew by accept_len");
    ltd_step again = *s;
    expect(c, ltd_env_step(c->env, 0, &again, NULL) == LTD_EINVAL,
           "a step after the end is refused");
}

static bool canaries(const checker *c)
{
    const uint8_t *o = (const uint8_t *)(c->obs + c->obs_room);
    for (int i = 0; i < 16; i++)
        if (o[i] != CANARY || c->mask[c->mask_room + i] != CANARY) return false;
    return true;
}

static int play(checker *c, ltd_step *s, const ltd_reset *reset, ltd_err *err)
{
    int rc = ltd_env_reset(c->env, reset, s, err);
    expect(c, rc < 0 || s->turn == LTD_TURN_DEPTH, "an episode begins with a DEPTH turn");
    while (rc == LTD_OK && !s->terminated) {
        check_turn(c, s);
        rc = ltd_env_step(c->env, c->agent->decide(c->agent, c->env, s, NULL), s, err);
    }
    if (rc < 0) return rc;
    check_end(c, s);
    expect(c, canaries(c), "nothing is written behind the buffers");
    c->cycles++;
    return LTD_OK;
}

/* Same seed, same first observation. */
static int check_seed(checker *c, ltd_step *s, ltd_err *err)
{
    uint64_t seed = 7;
    ltd_reset reset = {.seed = &seed};
    int32_t n = ltd_env_obs_dim(c->env, LTD_TURN_DEPTH);
    float *first = ltd_mem_zeros((size_t)n, sizeof *first);
    if (!first) return ltd_fail(err, LTD_ENOMEM, "check-env: no memory");
    int rc = ltd_env_reset(c->env, &reset, s, err);
    int32_t prompt = s->info.prompt;
    if (rc == LTD_OK) memcpy(first, s->obs, (size_t)n * sizeof *first);
    if (rc == LTD_OK) rc = ltd_env_reset(c->env, &reset, s, err);
    if (rc == LTD_OK) {
        expect(c, s->info.prompt == prompt, "the same seed begins with the same prompt");
        expect(c, memcmp(first, s->obs, (size_t)n * sizeof *first) == 0,
               "the same seed gives the same first observation");
    }
    free(first);
    return rc;
}

static int check(ltd_cli *cli, checker *c, ltd_err *err)
{
    c->obs_room = ltd_env_obs_max(c->env);
    c->mask_room = ltd_env_actions_max(c->env);
    c->obs = ltd_mem_zeros((size_t)c->obs_room + 4, sizeof *c->obs);
    c->mask = ltd_mem_zeros((size_t)c->mask_room + 16, 1);
    if (!c->obs || !c->mask) return ltd_fail(err, LTD_ENOMEM, "check-env: no memory");
    memset(c->obs + c->obs_room, CANARY, 16);
    memset(c->mask + c->mask_room, CANARY, 16);
    ltd_step s = {.obs = c->obs, .mask = c->mask};
    expect(c, ltd_env_step(c->env, 0, &s, NULL) == LTD_EINVAL, "a step before reset is refused");
    int rc = check_seed(c, &s, err);
    int32_t cycles = cli->steps ? cli->steps : DEFAULT_CYCLES;
    for (int32_t i = 0; rc == LTD_OK && i < cycles; i++) rc = play(c, &s, NULL, err);
    return rc;
}

static int run(ltd_cli *cli)
{
    ltd_setup s;
    ltd_err err = LTD_ERR_INIT;
    ltd_prompts *prompts = NULL;
    ltd_cycle *cycle = NULL;
    checker c = {0};
    int code = ltd_cli_configure(cli, NULL);
    if (code == LTD_EXIT_OK) code = ltd_cli_setup(cli, &s);
    if (code) return code;
    int rc = ltd_setup_cost_if_any(&s, &err);
    if (!s.cost) s.config.env.reward = LTD_REWARD_RATIO;
    if (rc == LTD_OK)
        rc = ltd_setup_prompts(&s, &s.config.prompts.train, s.config.prompts.limit, &prompts, &err);
    if (rc == LTD_OK) rc = ltd_setup_cycle(&s, NULL, &cycle, &err);
    if (rc == LTD_OK) {
        ltd_env_options o = ltd_setup_env_options(&s, cycle, prompts);
        rc = ltd_env_open(&c.env, &o, &err);
    }
    if (rc == LTD_OK) rc = ltd_agent_random_new(&c.agent, s.config.run.seed, &err);
    if (rc == LTD_OK) rc = check(cli, &c, &err);
    if (rc == LTD_OK) {
        printf("check-env: %lld cycles, %lld depth and %lld size turns, %lld failures\n",
               (long long)c.cycles, (long long)c.turns[LTD_TURN_DEPTH],
               (long long)c.turns[LTD_TURN_SIZE], (long long)c.failures);
        code = c.failures ? LTD_EXIT_FAILED : LTD_EXIT_OK;
    } else {
        code = ltd_cli_fail(&err);
    }
    free(c.obs);
    free(c.mask);
    ltd_agent_free(c.agent);
    ltd_env_close(c.env);
    ltd_cycle_free(cycle);
    ltd_prompts_free(prompts);
    ltd_setup_close(&s);
    return code;
}

const ltd_verb ltd_verb_check_env = {
    .name = "check-env",
    .summary = "check every promise of the environment on real cycles",
    .args = "",
    .doc = "Play random cycles and check the environment's contract: spaces, masks, refused "
           "actions, rewards, phases that "
           "sum to the window, seeding, buffers.",
    .options = "steps model dtype head threads seed",
    .run = run,
};
