/* The live side of the search: one cycle and one environment for all candidates of a beam width; a
 * blind agent plays the candidate whose turn it is. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/fixed.h"
#include "base/file.h"
#include "trainer/records/survival_run.h"
#include "trainer/tune/scout.h"
#include "trainer/tune/tune.h"

static const double scout_share = 0.5; /* of the budget */

typedef struct bed {
    int32_t n;                      /* widths */
    int32_t top_k[LTD_TUNE_WIDTHS]; /* as settings name them: the first is 0 */
    ltd_cycle *cycle[LTD_TUNE_WIDTHS];
    ltd_env *env[LTD_TUNE_WIDTHS];
    ltd_prompt_order order; /* shuffled: files are sorted by category */
    int32_t first;          /* prompts before it were used up by the scout */
} bed;

static int play(void *ctx, const ltd_setting *setting, int32_t prompt, double *tokens,
                double *seconds, ltd_err *err)
{
    bed *b = ctx;
    ltd_agent *agent;
    ltd_player player;
    ltd_run run;
    int32_t k = 0;
    while (k < b->n - 1 && b->top_k[k] != setting->top_k) k++;
    int rc = ltd_agent_fixed_new(&agent, "tune", setting->forwards, setting->size, err);
    if (rc < 0) return rc;
    ltd_cycle_set_lookup(b->cycle[k], setting->lookup);
    rc = ltd_player_init(&player, b->env[k], agent, err);
    if (rc == LTD_OK)
        rc = ltd_run_prompt(&player, b->order.order[(b->first + prompt) % b->order.n], &run, NULL,
                            err);
    ltd_player_fini(&player);
    ltd_agent_free(agent);
    if (rc < 0) return rc;
    *tokens = (double)run.tokens;
    *seconds = (double)run.ns * 1e-9;
    return LTD_OK;
}

static void close_bed(bed *b)
{
    for (int32_t k = 0; k < LTD_TUNE_WIDTHS; k++) {
        ltd_env_close(b->env[k]);
        ltd_cycle_free(b->cycle[k]);
    }
    ltd_prompt_order_fini(&b->order);
}

/* The cycle and environment of the candidates that name this width. */
static int add_width(bed *b, const ltd_setup *s, const ltd_prompts *prompts, int32_t max_new,
                     const ltd_candidate *c, int32_t n, int32_t top_k, ltd_err *err)
{
    int32_t k = b->n++;
    ltd_cycle_options cycle = ltd_setup_cycle_options(s);
    if (top_k) cycle.top_k = top_k;
    b->top_k[k] = top_k;
    int rc = ltd_setup_cycle(s, &cycle, &b->cycle[k], err);
    if (rc < 0) return rc;
    ltd_env_options o = ltd_setup_env_options(s, b->cycle[k], prompts);
    bool wanted[1024 + 1] = {true};
    for (int32_t i = 0; i < n; i++)
        if (c[i].setting.top_k == top_k) wanted[c[i].setting.size] = true;
    o.n_sizes = 0;
    for (int32_t v = 0; v <= 1024 && o.n_sizes < LTD_MAX_SIZES; v++)
        if (wanted[v]) o.sizes[o.n_sizes++] = v;
    o.clock_table = false;
    o.min_forwards = 0;
    o.depth_every = 1;
    o.max_new = max_new;
    o.reward = LTD_REWARD_RATIO; /* nobody reads it, and it needs no calibration */
    o.reward_scale = 1;
    return ltd_env_open(&b->env[k], &o, err);
}

static bool is_named(const ltd_candidate *c, int32_t n, int32_t top_k)
{
    for (int32_t i = 0; i < n; i++)
        if (c[i].setting.top_k == top_k) return true;
    return false;
}

/* *b is zero; close_bed is legal afterwards whatever happens. */
static int open_bed(bed *b, const ltd_setup *s, const ltd_prompts *prompts, int32_t max_new,
                    const ltd_candidate *c, int32_t n, ltd_err *err)
{
    const ltd_ints *widths = &s->config.tune.top_k;
    int rc = ltd_prompt_order_init(&b->order, ltd_prompts_count(prompts), s->config.run.seed, err);
    if (rc < 0) return rc;
    ltd_prompt_order_next(&b->order); /* shuffles */
    rc = add_width(b, s, prompts, max_new, c, n, 0, err);
    for (int32_t i = 0; rc == LTD_OK && i < widths->n; i++)
        if (is_named(c, n, widths->v[i]))
            rc = add_width(b, s, prompts, max_new, c, n, widths->v[i], err);
    return rc;
}

/* One step of the whole job as a part of its progress. */
typedef struct part {
    const ltd_watch *watch;
    double begin, share;
} part;

static bool tell_part(void *ctx, double share, const char *what)
{
    const part *p = ctx;
    return !p->watch->tell || p->watch->tell(p->watch->ctx, p->begin + share * p->share, what);
}

/* Let the scout choose who goes on; c[0], plain decoding, always does. */
static int scout(bed *b, const ltd_setup *s, const ltd_prompts *prompts,
                 const ltd_tune_options *options, ltd_candidate *c, int32_t *n, ltd_err *err)
{
    part p = {&options->watch, 0, scout_share};
    ltd_scout_options o = {.cycles = b->cycle,
                           .n_cycles = b->n,
                           .cost = s->cost,
                           .prompts = prompts,
                           .order = b->order.order,
                           .budget_s = scout_share * options->budget_s,
                           .max_new = options->max_new,
                           .loop_stop = s->config.env.loop_stop,
                           .watch = {tell_part, &p}};
    int rc = ltd_scout(&o, c, *n, &b->first, err);
    if (rc == LTD_OK) *n = ltd_tune_shortlist(c, *n);
    return rc;
}

/* What runs first would pay for cold memory: the last candidate of each width, unmeasured. */
static int warm_up(bed *b, const ltd_candidate *c, int32_t n, ltd_err *err)
{
    double tokens, seconds;
    int rc = LTD_OK;
    for (int32_t k = 0; rc == LTD_OK && k < b->n; k++) {
        int32_t i = n - 1;
        while (i > 0 && c[i].setting.top_k != b->top_k[k]) i--;
        rc = play(b, &c[i].setting, 0, &tokens, &seconds, err);
    }
    return rc;
}

static void describe(const ltd_setup *s, ltd_tuned *t)
{
    memcpy(t->machine, s->machine, sizeof t->machine);
    strncpy(t->model_hash, ltd_llama_hash(s->model), sizeof t->model_hash - 1);
    if (s->head) strncpy(t->head_hash, ltd_eagle3_hash(s->head), sizeof t->head_hash - 1);
    ltd_survival_hash(s, t->survival);
    t->top_k = s->config.env.top_k;
    t->max_forwards = s->head ? s->config.env.max_forwards : 0;
    t->lookup = s->config.env.lookup;
    t->n_sizes = s->config.env.sizes.n;
    memcpy(t->sizes, s->config.env.sizes.v, (size_t)t->n_sizes * sizeof t->sizes[0]);
    t->n_widths = s->config.tune.top_k.n;
    memcpy(t->widths, s->config.tune.top_k.v, (size_t)t->n_widths * sizeof t->widths[0]);
}

/* The best few; plain decoding takes the last place when it isn't one of them. */
static void keep_finalists(ltd_tuned *t, const ltd_candidate *c, int32_t n)
{
    t->n_finalists = n < LTD_TUNE_FINALISTS ? n : LTD_TUNE_FINALISTS;
    memcpy(t->finalists, c, (size_t)t->n_finalists * sizeof *c);
    for (int32_t i = t->n_finalists; i < n; i++)
        if (c[i].setting.forwards == 0 && c[i].setting.size == 0)
            t->finalists[t->n_finalists - 1] = c[i];
    t->best = c[0].setting;
    t->tok_s = c[0].seconds > 0 ? c[0].tokens / c[0].seconds : 0;
}

static int search(bed *b, const ltd_setup *s, const ltd_prompts *prompts,
                  const ltd_tune_options *options, ltd_candidate *c, int32_t n, ltd_tuned *t,
                  ltd_err *err)
{
    uint64_t t0 = ltd_clock_now(&s->clock);
    t->candidates = n;
    int rc = s->cost ? scout(b, s, prompts, options, c, &n, err) : warm_up(b, c, n, err);
    t->scouted = b->first;
    double done = (double)(ltd_clock_now(&s->clock) - t0) * 1e-9;
    part p = {&options->watch, s->cost ? scout_share : 0, s->cost ? 1 - scout_share : 1};
    ltd_watch watch = {tell_part, &p};
    ltd_tune_meter meter = {play, b, &s->clock, (int32_t)ltd_prompts_count(prompts)};
    double left = options->budget_s - done;
    if (rc == LTD_OK) rc = ltd_tune_search(c, n, &meter, left > 1 ? left : 1, &watch, err);
    if (rc < 0) return rc;
    keep_finalists(t, c, n);
    t->seconds = (double)(ltd_clock_now(&s->clock) - t0) * 1e-9;
    return LTD_OK;
}

int ltd_tune(const ltd_setup *s, const ltd_prompts *prompts, const ltd_tune_options *options,
             ltd_tuned *ret, ltd_err *err)
{
    if (!(options->budget_s > 0) || options->max_new < 2)
        return ltd_fail(err, LTD_EINVAL, "tune: %g s and %d tokens, expected more",
                        options->budget_s, options->max_new);
    ltd_candidate *c = malloc(LTD_TUNE_MAX * sizeof *c);
    if (!c) return ltd_fail(err, LTD_ENOMEM, "tune: no memory");
    ltd_cycle_options o = ltd_setup_cycle_options(s);
    int32_t n = options->n_among;
    if (options->among)
        memcpy(c, options->among, (size_t)n * sizeof *c);
    else
        n = ltd_tune_grid(&o, &s->config.env.sizes, &s->config.tune.top_k, o.max_forwards, s->cost,
                          c);
    bed b = {0};
    ltd_tuned tuned = {.n_finalists = 0};
    describe(s, &tuned);
    int rc = open_bed(&b, s, prompts, options->max_new, c, n, err);
    if (rc == LTD_OK) rc = search(&b, s, prompts, options, c, n, &tuned, err);
    close_bed(&b);
    free(c);
    if (rc == LTD_OK) *ret = tuned;
    return rc;
}

int ltd_tune_or_load(const ltd_setup *s, const ltd_prompts *prompts,
                     const ltd_tune_options *options, ltd_tuned *ret, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_err why = LTD_ERR_INIT;
    int rc = ltd_tuned_path(s, path, sizeof path, err);
    if (rc < 0) return rc;
    rc = ltd_tuned_load(ret, path, &why);
    if (rc == LTD_OK) rc = ltd_tuned_check(ret, s, &why);
    if (rc == LTD_OK) return LTD_OK;
    ltd_log(s->log, LTD_LOG_INFO, "searching the best static setting (%s)", why.msg);
    rc = ltd_tune(s, prompts, options, ret, err);
    if (rc < 0) return rc;
    rc = ltd_file_mkdirs_for(path, err);
    return rc == LTD_OK ? ltd_tuned_save(ret, path, err) : rc;
}
