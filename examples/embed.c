/* A program that embeds libltd: answers a prompt, with a policy that decides in every cycle how far
 * to draft and how much to verify, and tells what that took.
 *
 *     cc -std=c11 embed.c $(pkg-config --cflags --libs ltd) -o embed
 *     ./embed static-3-8 "Why is the sky blue?" env.max_new=64
 *     ./embed runs/mine "Why is the sky blue?"          a policy that `ltd train` left
 *
 * Settings are configuration keys; the default model is looked for in models.cache. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/bench/run_prompt.h"
#include "trainer/world/world.h"

int main(int argc, char **argv)
{
    static ltd_config config;
    ltd_err err = LTD_ERR_INIT;
    ltd_world *world = NULL;
    ltd_env *env = NULL;
    ltd_agent *agent = NULL;
    ltd_player player = {0};
    ltd_tokens tokens = LTD_TOKENS_INIT;
    ltd_str text = LTD_STR_INIT;
    ltd_run run;
    if (argc < 3) return fprintf(stderr, "usage: embed POLICY PROMPT [section.key=value...]\n"), 2;
    int trained = strncmp(argv[1], "static-", 7) != 0 && strcmp(argv[1], "ar") != 0;
    ltd_world_options options = {
        .config = &config, .text = argv[2], .policy = trained ? argv[1] : NULL};
    const char *const *settings = (const char *const *)argv + 3;
    int rc = ltd_config_load(&config, NULL, settings, (size_t)argc - 3, &err);
    config.env.reward = LTD_REWARD_RATIO; /* nobody learns here: no calibration is needed */
    if (rc == LTD_OK) rc = ltd_world_open(&world, &options, &err);
    if (rc == LTD_OK) rc = ltd_world_env(world, 0, &env, &err);
    if (rc == LTD_OK)
        rc = ltd_world_agent(world, env, trained ? "policy" : argv[1], 0, &agent, &err);
    if (rc == LTD_OK) rc = ltd_player_init(&player, env, agent, &err);
    if (rc == LTD_OK) rc = ltd_run_prompt(&player, 0, &run, &tokens, &err);
    for (size_t i = 0; rc == LTD_OK && i < tokens.n; i++)
        ltd_tokenizer_decode(ltd_llama_tokenizer(ltd_world_setup(world)->model), tokens.ids[i],
                             false, &text);
    if (rc == LTD_OK)
        printf("%s\n\n%d tokens, %.2f a cycle, %.0f tok/s\n", ltd_str_text(&text), (int)tokens.n,
               ltd_run_mean(&run, run.accept_len), ltd_run_speed(&run));
    else
        fprintf(stderr, "embed: %s\n", err.msg);
    ltd_str_fini(&text);
    ltd_tokens_fini(&tokens);
    ltd_player_fini(&player);
    ltd_agent_free(agent);
    ltd_world_env_close(env);
    ltd_world_close(world);
    return rc == LTD_OK ? 0 : 1;
}
