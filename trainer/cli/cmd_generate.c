/* Text from a prompt, streamed; guarded (agents/guard.h), so that no policy makes it slow. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/fixed.h"
#include "agents/guard.h"
#include "agents/policy.h"
#include "base/mem.h"
#include "env/render.h"
#include "trainer/checkpoint/policy_file.h"
#include "trainer/cli/cli.h"
#include "trainer/tune/tune.h"

typedef struct generation {
    ltd_cli *cli;
    ltd_setup *s;
    ltd_prompts *prompts;
    ltd_cycle *cycle;
    ltd_env *env;
    ltd_policy *policy;
    ltd_agent *agent;
    float *obs;
    uint8_t *mask;
    ltd_guard guard;
    ltd_str text; /* bytes that don't end a character yet */
    int64_t tokens, cycles;
    double ns;
} generation;

static char *read_stdin(void)
{
    ltd_str s = LTD_STR_INIT;
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, stdin)) > 0;) ltd_str_push(&s, buffer, n);
    return ltd_str_take(&s);
}

/* A policy, or a static setting, as --policy names it. */
typedef struct choice {
    const char *name;
    ltd_setting setting; /* of a static one */
    bool random;
    bool table; /* of the policy, instead of its nets */
} choice;

/* Where the cost table says that it never can, nobody needs to find out. */
static bool can_pay(const ltd_setup *s, const ltd_setting *setting)
{
    ltd_cycle_options o = ltd_setup_cycle_options(s);
    return ltd_tune_can_pay(&o, s->cost, setting);
}

static int choose_trained(generation *g, const char *path, choice *ret, ltd_err *err)
{
    ret->name = ret->table ? "ltd-table" : "ltd";
    int rc = ltd_policy_load(&g->policy, path, err);
    if (rc < 0) return rc;
    if (ret->table && !g->policy->table)
        return ltd_fail(err, LTD_EINVAL, "policy %s comes without a table: train over records",
                        path);
    if (strcmp(g->policy->machine, g->s->machine) != 0)
        ltd_log(&g->cli->log, LTD_LOG_WARN, "policy %s was trained on '%s', this is '%s'", path,
                g->policy->machine, g->s->machine);
    return LTD_OK;
}

static int choose(generation *g, choice *ret, ltd_err *err)
{
    const ltd_config *c = &g->cli->config;
    const char *named = g->cli->policy ? g->cli->policy : c->generate.policy;
    *ret = (choice){.name = "static",
                    .setting = {c->generate.forwards, c->generate.size, c->env.lookup, 0}};
    if (strcmp(named, "static") == 0) return LTD_OK;
    if (strcmp(named, "ar") == 0) {
        *ret = (choice){.name = "ar"};
        return LTD_OK;
    }
    if (strcmp(named, "random") == 0) {
        *ret = (choice){.name = "random", .setting = {0, 0, true, 0}, .random = true};
        return LTD_OK;
    }
    char path[PATH_MAX];
    ret->table = strcmp(named, "table") == 0;
    ltd_cli_find_policy(g->cli, g->s, path, sizeof path);
    if (path[0]) return choose_trained(g, path, ret, err);
    if (ret->table)
        return ltd_fail(err, LTD_EINVAL, "no trained policy for this model under %s", c->run.dir);
    ltd_tuned tuned;
    if (ltd_tuned_path(g->s, path, sizeof path, NULL) == 0 &&
        ltd_tuned_load(&tuned, path, NULL) == 0 && ltd_tuned_check(&tuned, g->s, NULL) == 0)
        *ret = (choice){.name = "static-tuned", .setting = tuned.best};
    bool plain = ret->setting.forwards == 0 && ret->setting.size == 0;
    if (plain || !can_pay(g->s, &ret->setting)) *ret = (choice){.name = "ar"};
    return LTD_OK;
}

/* The prompt as the model wants to see it. */
static int open_prompt(generation *g, const char *prompt, ltd_err *err)
{
    ltd_setup *s = g->s;
    const ltd_tokenizer *tok = ltd_llama_tokenizer(s->model);
    if (!s->config.generate.system[0])
        return ltd_prompts_from_text(&g->prompts, prompt, s->chat, tok, err);
    ltd_message m[2] = {{"system", s->config.generate.system}, {"user", prompt}};
    ltd_str text = LTD_STR_INIT;
    int rc = ltd_chat_render(s->chat, m, 2, true, &text, err);
    if (rc == LTD_OK) rc = ltd_prompts_from_text(&g->prompts, ltd_str_text(&text), NULL, tok, err);
    ltd_str_fini(&text);
    return rc;
}

static int open_env(generation *g, const choice *pick, ltd_err *err)
{
    ltd_setup *s = g->s;
    ltd_cycle_options co =
        g->policy ? ltd_setup_policy_cycle(s, g->policy) : ltd_setup_cycle_options(s);
    if (!g->policy && pick->setting.top_k) co.top_k = pick->setting.top_k;
    int rc = ltd_setup_cycle(s, &co, &g->cycle, err);
    if (rc < 0) return rc;
    if (!g->policy && !pick->random) ltd_cycle_set_lookup(g->cycle, pick->setting.lookup);
    ltd_env_options o = ltd_setup_env_options(s, g->cycle, g->prompts);
    if (g->policy) {
        ltd_policy_env_options(g->policy, &o);
    } else if (!pick->random) { /* what stops a setting is itself */
        o.min_forwards = 0;
        o.depth_every = 1;
    }
    o.max_new = s->config.generate.max_new;
    o.clock_table = false;
    if (!s->cost) o.reward = LTD_REWARD_RATIO;
    return ltd_env_open(&g->env, &o, err);
}

static int open_agent(generation *g, const choice *pick, ltd_err *err)
{
    if (pick->table) return ltd_agent_table_new(&g->agent, pick->name, g->policy->table, err);
    if (g->policy) {
        int rc = ltd_policy_check(g->policy, g->env, err);
        return rc < 0 ? rc : ltd_agent_policy_new(&g->agent, pick->name, g->policy, NULL, err);
    }
    if (pick->random) return ltd_agent_random_new(&g->agent, g->s->config.run.seed, err);
    return ltd_agent_fixed_new(&g->agent, pick->name, pick->setting.forwards, pick->setting.size,
                               err);
}

/* Around whoever plays, unless that is plain decoding already. */
static int open_guard(generation *g, ltd_err *err)
{
    ltd_agent *inner = g->agent;
    if (!g->s->config.generate.guard || strcmp(inner->name, "ar") == 0) return LTD_OK;
    char name[sizeof inner->name];
    memcpy(name, inner->name, sizeof name);
    ltd_guard_init(&g->guard, NULL);
    return ltd_agent_guard_new(&g->agent, name, inner, &g->guard, err);
}

static int open_generation(generation *g, const char *prompt, ltd_err *err)
{
    choice pick;
    /* A calibration feeds the policy; without one it sees a typical machine. */
    int rc = ltd_setup_cost_if_any(g->s, err);
    if (rc == LTD_OK) rc = choose(g, &pick, err);
    if (rc == LTD_OK) rc = open_prompt(g, prompt, err);
    if (rc == LTD_OK) rc = open_env(g, &pick, err);
    if (rc == LTD_OK) rc = open_agent(g, &pick, err);
    if (rc == LTD_OK) rc = open_guard(g, err);
    if (rc < 0) return rc;
    g->obs = ltd_mem_zeros((size_t)ltd_env_obs_max(g->env), sizeof *g->obs);
    g->mask = ltd_mem_zeros((size_t)ltd_env_actions_max(g->env), sizeof *g->mask);
    if (!g->obs || !g->mask) return ltd_fail(err, LTD_ENOMEM, "generate: no memory");
    return LTD_OK;
}

static void close_generation(generation *g)
{
    ltd_agent_free(g->agent);
    ltd_policy_free(g->policy);
    ltd_env_close(g->env);
    ltd_cycle_free(g->cycle);
    ltd_prompts_free(g->prompts);
    ltd_str_fini(&g->text);
    free(g->obs);
    free(g->mask);
}

/* Print what forms whole characters; keep the rest for the next token. */
static void emit(generation *g, const int32_t *tokens, int32_t n)
{
    const ltd_tokenizer *tok = ltd_llama_tokenizer(g->s->model);
    for (int32_t i = 0; i < n; i++) ltd_tokenizer_decode(tok, tokens[i], false, &g->text);
    if (!g->text.len || g->cli->show_tree) return;
    size_t whole = g->text.len;
    for (size_t back = 1; back <= 3 && back <= g->text.len; back++) {
        unsigned char c = (unsigned char)g->text.data[g->text.len - back];
        if ((c & 0xc0) == 0x80) continue; /* a continuation byte: look further back */
        size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
        if (need > back) whole = g->text.len - back;
        break;
    }
    fwrite(g->text.data, 1, whole, stdout);
    fflush(stdout);
    memmove(g->text.data, g->text.data + whole, g->text.len - whole + 1);
    g->text.len -= whole;
}

static void show_tree(generation *g, const ltd_info *info)
{
    ltd_str out = LTD_STR_INIT;
    ltd_render_cycle(g->env, info, ltd_llama_tokenizer(g->s->model), ltd_cli_color(STDOUT_FILENO),
                     &out);
    printf("cycle %lld: %s\n", (long long)g->cycles, ltd_str_text(&out));
    ltd_str_fini(&out);
}

static int play(generation *g, ltd_err *err)
{
    ltd_step step = {.obs = g->obs, .mask = g->mask};
    ltd_reset first = {.new_prompt = true, .prompt = 0};
    bool done = false;
    for (bool begun = false; !done; begun = true) {
        int rc = ltd_env_reset(g->env, begun ? NULL : &first, &step, err);
        if (rc < 0) return rc;
        int32_t root = ltd_cycle_root(g->cycle);
        if (!begun) {
            emit(g, &root, 1);
            g->tokens = 1;
        }
        if (rc == LTD_ENV_ENDED) return LTD_OK;
        while (!step.terminated) {
            rc = ltd_env_step(g->env, g->agent->decide(g->agent, g->env, &step, NULL), &step, err);
            if (rc < 0) return rc;
        }
        emit(g, step.info.token, step.info.tokens);
        g->tokens += step.info.tokens;
        g->ns += (double)step.info.cycle_ns;
        if (g->cli->show_tree) show_tree(g, &step.info);
        g->cycles++;
        done = step.info.prompt_done;
    }
    return LTD_OK;
}

static void summary(const generation *g)
{
    if (!g->cycles || g->cli->quiet) return;
    /* The first token came from the prefill, not from a cycle. */
    double made = (double)(g->tokens - 1), tok_s = made / (g->ns * 1e-9), target, head;
    ltd_cycle_prefill_ms(g->cycle, &target, &head);
    fprintf(stderr, "\n%lld tokens, %.0f tok/s, %.2f tokens a cycle, prefill %.0f ms (%s: %s)",
            (long long)g->tokens, tok_s, made / (double)g->cycles, target + head, g->agent->name,
            g->agent->detail);
    if (g->guard.plain_ns > 0)
        fprintf(stderr, "; x%.2f of plain decoding (%.0f tok/s)", tok_s * g->guard.plain_ns * 1e-9,
                1e9 / g->guard.plain_ns);
    if (g->guard.retirements)
        fprintf(stderr, "; set aside %d time%s for plain decoding", g->guard.retirements,
                g->guard.retirements == 1 ? "" : "s");
    fprintf(stderr, "\n");
}

static int run(ltd_cli *cli)
{
    ltd_setup s;
    ltd_err err = LTD_ERR_INIT;
    int code = ltd_cli_configure(cli, NULL);
    if (code) return code;
    char *prompt = cli->n_args ? ltd_mem_strdup(cli->args[0]) : read_stdin();
    if (!prompt || !prompt[0]) {
        fprintf(stderr, "ltd: generate: the prompt is empty; give it as an argument or on standard "
                        "input\n");
        free(prompt);
        return LTD_EXIT_USAGE;
    }
    code = ltd_cli_setup(cli, &s);
    if (code == LTD_EXIT_OK) {
        generation g = {.cli = cli, .s = &s, .text = LTD_STR_INIT};
        int rc = open_generation(&g, prompt, &err);
        if (rc == LTD_OK) rc = play(&g, &err);
        if (rc == LTD_OK) {
            if (!cli->show_tree) {
                fwrite(ltd_str_text(&g.text), 1, g.text.len, stdout);
                printf("\n");
            } else {
                printf("%s\n", ltd_str_text(&g.text));
            }
            fflush(stdout);
            summary(&g);
        } else {
            code = ltd_cli_fail(&err);
        }
        close_generation(&g);
        ltd_setup_close(&s);
    }
    free(prompt);
    return code;
}

const ltd_verb ltd_verb_generate = {
    .name = "generate",
    .summary = "write text, with the best policy at hand",
    .args = "[PROMPT]",
    .doc =
        "Stream the model's answer to a prompt (an argument, or standard input).  Policies: "
        "auto (the trained one "
        "for this model, else the tuned static setting), table (what is left of the trained one in "
        "a table), ar (plain decoding), static "
        "(--forwards, --size), random, or a "
        "checkpoint or run folder.  The text is the same under all of them, with a temperature "
        "the same for a seed.",
    .options = "policy show-tree model dtype head threads seed max-tokens temperature top-k top-p "
               "forwards size system",
    .run = run,
};
