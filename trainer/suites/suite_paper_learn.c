/* What rows of the suite `paper` learn before they play: nets of classifiers, the best setting of
 * the paper's grid. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "trainer/config/paper_space.h"
#include "trainer/records/record_run.h"
#include "trainer/suites/suite_paper.h"

/* The grid search begins at 4 expansions and 40 nodes. */
enum { LEAST_FORWARDS = 5, LEAST_SIZE = 40 };

static const char *const nets[] = {"c2t", "disco", "specdec++"};
enum { NETS = sizeof nets / sizeof nets[0] };

void ltd_paper_setup(const ltd_setup *s, ltd_setup *ret)
{
    *ret = *s;
    ltd_config *c = &ret->config;
    bool same = c->env.top_k == LTD_PAPER_TOP_K && c->env.max_forwards == LTD_PAPER_MAX_FORWARDS &&
                c->head.vocabulary == LTD_VOCABULARY_STATIC;
    ret->cost = NULL;
    ret->survival = NULL;
    c->env.top_k = LTD_PAPER_TOP_K;
    c->env.min_forwards = LTD_PAPER_MIN_FORWARDS;
    c->env.max_forwards = LTD_PAPER_MAX_FORWARDS;
    c->env.lookup = false;
    c->env.temperature = 0;
    c->head.vocabulary = LTD_VOCABULARY_STATIC;
    c->tune.top_k.n = 0;
    c->env.sizes.n = 0;
    for (int32_t v = LTD_PAPER_SIZE_STEP; v <= LTD_PAPER_MOST_NODES; v += LTD_PAPER_SIZE_STEP)
        c->env.sizes.v[c->env.sizes.n++] = v;
    if (same) return; /* files that the configuration names are those of these widths */
    c->trace.dir[0] = 0;
    c->calibration.path[0] = 0;
}

int32_t ltd_paper_grid(int32_t step, ltd_candidate *ret)
{
    int32_t n = 1;
    ret[0] = (ltd_candidate){.prompts = 0};
    for (int32_t f = LEAST_FORWARDS; f <= LTD_PAPER_MAX_FORWARDS; f += step)
        for (int32_t v = LEAST_SIZE; v <= LTD_PAPER_MOST_NODES; v += step * LTD_PAPER_SIZE_STEP)
            ret[n++] = (ltd_candidate){.setting = {f, v, false, 0}};
    return n;
}

/* --- over records --- */

static bool are_recorded(const ltd_setup *p)
{
    char folder[PATH_MAX];
    return ltd_record_folder(p, folder, sizeof folder, NULL) == LTD_OK && access(folder, F_OK) == 0;
}

/* Tokens by table seconds on the training prompts. */
static double speed_of(const ltd_replay *r, const ltd_prompts *prompts, const ltd_setting *s)
{
    double ms = 0, tokens = 0;
    for (size_t i = 0; i < ltd_prompts_count(prompts); i++) {
        int32_t n;
        ms += ltd_replay_static_ms(r, ltd_prompts_at(prompts, i), s, &n);
        tokens += n;
    }
    return ms > 0 ? tokens / ms : 0;
}

static int search_records(const ltd_replay *r, ltd_candidate *c, ltd_setting *ret, ltd_err *err)
{
    ltd_prompts *prompts;
    double best = 0;
    int32_t n = ltd_paper_grid(1, c);
    int rc = ltd_replay_train_prompts(r, &prompts, err);
    if (rc < 0) return rc;
    for (int32_t i = 1; i < n; i++) { /* plain decoding is not in the paper's grid */
        double speed = speed_of(r, prompts, &c[i].setting);
        if (speed <= best) continue;
        best = speed;
        *ret = c[i].setting;
    }
    ltd_prompts_free(prompts);
    return LTD_OK;
}

static int learn_from_records(ltd_setup *p, const ltd_strings *wanted, const ltd_watch *watch,
                              ltd_candidate *c, ltd_paper_learnt *ret, ltd_err *err)
{
    const char *name[NETS];
    int32_t n = 0;
    ltd_replay replay = {.setup = p};
    for (int i = 0; i < NETS; i++)
        if (ltd_paper_wants(wanted, nets[i])) name[n++] = nets[i];
    int rc = ltd_setup_cost_or_measure(p, err);
    if (rc == LTD_OK) rc = ltd_replay_open(&replay, p, err);
    if (rc == LTD_OK && n) rc = ltd_rules_train(&ret->nets, &replay, name, n, watch, err);
    if (rc == LTD_OK && ltd_paper_wants(wanted, "gridsearch"))
        rc = search_records(&replay, c, &ret->grid, err);
    ltd_replay_close(&replay);
    return rc;
}

/* --- live --- */

static int32_t answer_length(const ltd_config *c)
{
    const ltd_tune_options o = LTD_TUNE_DEFAULTS;
    return c->bench.max_new < o.max_new ? c->bench.max_new : o.max_new;
}

/* By all that the search depends on. */
static int kept_path(const ltd_setup *p, char *ret, size_t size, ltd_err *err)
{
    const ltd_config *c = &p->config;
    ltd_str key = LTD_STR_INIT;
    ltd_str_printf(&key, "%s|%s|%s|paper|%d|%d", p->machine, ltd_llama_hash(p->model),
                   ltd_eagle3_hash(p->head), c->prompts.limit, answer_length(c));
    for (int32_t i = 0; i < c->prompts.train.n; i++)
        ltd_str_printf(&key, "|%s", c->prompts.train.v[i]);
    int rc = key.failed
                 ? ltd_fail(err, LTD_ENOMEM, "suite: no memory")
                 : ltd_setup_beside_cost(p, "gridsearch", ltd_str_text(&key), ret, size, err);
    ltd_str_fini(&key);
    return rc;
}

/* Every second setting, and short answers: one of these takes a second where it doesn't pay. */
static int search_live(ltd_setup *p, const ltd_watch *watch, ltd_candidate *c, ltd_tuned *ret,
                       ltd_err *err)
{
    ltd_prompts *prompts;
    ltd_tune_options o = LTD_TUNE_DEFAULTS;
    o.among = c;
    o.n_among = ltd_paper_grid(2, c);
    o.max_new = answer_length(&p->config);
    o.watch = *watch;
    int rc = ltd_setup_prompts(p, &p->config.prompts.train, p->config.prompts.limit, &prompts, err);
    if (rc < 0) return rc;
    rc = ltd_tune(p, prompts, &o, ret, err);
    ltd_prompts_free(prompts);
    return rc;
}

/* The kept result, or search and keep. */
static int grid_live(ltd_setup *p, const ltd_watch *watch, ltd_candidate *c, ltd_setting *ret,
                     ltd_err *err)
{
    char path[PATH_MAX];
    ltd_err why = LTD_ERR_INIT;
    ltd_tuned tuned;
    int rc = kept_path(p, path, sizeof path, err);
    if (rc < 0) return rc;
    bool kept =
        ltd_tuned_load(&tuned, path, &why) == LTD_OK && ltd_tuned_check(&tuned, p, &why) == LTD_OK;
    if (!kept) {
        ltd_log(p->log, LTD_LOG_INFO, "searching the paper's grid live (%s)", why.msg);
        rc = search_live(p, watch, c, &tuned, err);
        if (rc == LTD_OK) rc = ltd_file_mkdirs_for(path, err);
        if (rc == LTD_OK) rc = ltd_tuned_save(&tuned, path, err);
    }
    for (int32_t i = 0; rc == LTD_OK && i < tuned.n_finalists && !ret->forwards; i++)
        *ret = tuned.finalists[i].setting; /* plain decoding has no forwards */
    return rc;
}

/* --- both --- */

static int learn(ltd_setup *p, const ltd_strings *wanted, const ltd_watch *watch, ltd_candidate *c,
                 ltd_paper_learnt *ret, ltd_err *err)
{
    ltd_err why = LTD_ERR_INIT;
    if (are_recorded(p)) {
        int rc = learn_from_records(p, wanted, watch, c, ret, &why);
        if (rc == LTD_ECANCELED) return ltd_fail(err, rc, "%s", why.msg);
        if (rc == LTD_OK) return rc;
        ltd_log(p->log, LTD_LOG_WARN, "records of the paper's widths are of no use: %s", why.msg);
    }
    if (!ltd_paper_wants(wanted, "gridsearch")) return LTD_OK;
    return grid_live(p, watch, c, &ret->grid, err);
}

static bool wants_any(const ltd_strings *wanted)
{
    bool any = ltd_paper_wants(wanted, "gridsearch");
    for (int i = 0; i < NETS; i++) any = any || ltd_paper_wants(wanted, nets[i]);
    return any;
}

int ltd_paper_learn(const ltd_setup *s, const ltd_strings *wanted, const ltd_watch *watch,
                    ltd_paper_learnt *ret, ltd_err *err)
{
    *ret = (ltd_paper_learnt){.grid = {0, 0, false, 0}};
    if (!s->head || !wants_any(wanted)) return LTD_OK;
    ltd_setup *p = ltd_mem_zeros(1, sizeof *p);
    ltd_candidate *c = ltd_mem_zeros(LTD_TUNE_MAX, sizeof *c);
    int rc = LTD_OK;
    if (p && c) {
        ltd_paper_setup(s, p);
        rc = learn(p, wanted, watch, c, ret, err);
        free(p->cost);
    } else {
        rc = ltd_fail(err, LTD_ENOMEM, "suite: no memory");
    }
    free(p);
    free(c);
    return rc;
}

void ltd_paper_learnt_fini(ltd_paper_learnt *learnt)
{
    ltd_rules_fini(&learnt->nets);
}
