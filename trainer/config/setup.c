#define _GNU_SOURCE /* readlink of the program's own path */
#include "trainer/config/setup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "env/cost_file.h"
#include "trainer/calibrate/calibrate.h"
#include "trainer/records/survival_run.h"

#define DEFAULT_MODEL "models.cache/SmolLM2-135M-Instruct.Q4_1.gguf"
#define DEFAULT_MODEL_HASH "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
#define DEFAULT_HEAD "heads/smollm2-135m-eagle3"

/* The folder above the program's: "" when that isn't known. */
static void above_program(char *ret, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", ret, size - 1);
    ret[n > 0 ? n : 0] = 0;
    for (int up = 0; up < 2; up++) { /* the program, then its folder */
        char *slash = strrchr(ret, '/');
        if (slash) *slash = 0;
    }
}

char *ltd_setup_find(char *ret, size_t size, const char *path)
{
    snprintf(ret, size, "%s", path);
    if (path[0] == '/' || access(path, R_OK) == 0) return ret;
    char above[PATH_MAX], other[PATH_MAX];
    above_program(above, sizeof above);
    const char *const places[][2] = {{above, ""}, {above, "/share/ltd"}, {LTD_DATA_DIR, ""}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int n = snprintf(other, sizeof other, "%s%s/%s", places[i][0], places[i][1], path);
        if (n < 0 || (size_t)n >= sizeof other || access(other, R_OK) != 0) continue;
        snprintf(ret, size, "%s", other);
        return ret;
    }
    return ret;
}

/* "model name" of /proc/cpuinfo. */
static void cpu_name(char *ret, size_t size)
{
    snprintf(ret, size, "unknown cpu");
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[256];
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "model name", 10) != 0 || !strchr(line, ':')) continue;
        char *name = strchr(line, ':') + 2;
        name[strcspn(name, "\n")] = 0;
        snprintf(ret, size, "%.80s", name);
        break;
    }
    if (f) fclose(f);
}

static ltd_load_dtype head_dtype(ltd_head_dtype dtype)
{
    if (dtype == LTD_HEAD_F16) return LTD_LOAD_F16;
    return dtype == LTD_HEAD_F32 ? LTD_LOAD_F32 : LTD_LOAD_Q8;
}

static ltd_load_dtype model_dtype(ltd_model_dtype dtype)
{
    static const ltd_load_dtype loads[] = {
        [LTD_MODEL_DTYPE_FILE] = LTD_LOAD_FILE, [LTD_MODEL_DTYPE_F32] = LTD_LOAD_F32,
        [LTD_MODEL_DTYPE_F16] = LTD_LOAD_F16,   [LTD_MODEL_DTYPE_Q8] = LTD_LOAD_Q8,
        [LTD_MODEL_DTYPE_Q4] = LTD_LOAD_Q4,
    };
    return loads[dtype];
}

/* "/x: no such file" -> "model: /x: no such file", where that isn't said yet. */
static int named(ltd_err *err, int rc, const char *what)
{
    if (err && strncmp(err->msg, what, strlen(what)) == 0) return rc;
    return ltd_err_prefix(err, rc, "%s", what);
}

/* The default context is cut to the model's; one that was asked for has to fit. */
static int check_context(ltd_setup *s, const char *path, ltd_err *err)
{
    int32_t *context = &s->config.model.context, most = ltd_llama_config(s->model)->max_context;
    if (most <= 0 || *context <= most) return LTD_OK;
    if (*context != atoi(ltd_config_key_find("model.context")->preset))
        return ltd_fail(err, LTD_EINVAL, "model.context: is %d, but model %s ends at %d tokens",
                        *context, path, most);
    *context = most;
    return LTD_OK;
}

static int open_model(ltd_setup *s, ltd_err *err)
{
    const ltd_config *c = &s->config;
    char path[PATH_MAX];
    ltd_setup_find(path, sizeof path, c->model.path[0] ? c->model.path : DEFAULT_MODEL);
    if (!c->model.path[0] && access(path, R_OK) != 0)
        return ltd_fail(
            err, LTD_EIO,
            "the default model %s is not here: scripts/model brings it, or name another "
            "with --model.path=FILE",
            DEFAULT_MODEL);
    ltd_llama_options o = LTD_LLAMA_DEFAULTS;
    o.dtype = model_dtype(c->model.dtype);
    o.activation_bits = c->model.activations;
    o.threads = c->model.threads;
    int rc = ltd_llama_open(&s->model, path, &o, err);
    if (rc < 0) return named(err, rc, "model");
    if (!ltd_llama_tokenizer(s->model))
        return ltd_fail(err, LTD_EUNSUPPORTED, "model carries no tokenizer that we can use: %s",
                        ltd_llama_tokenizer_error(s->model));
    return check_context(s, path, err);
}

static int open_head(ltd_setup *s, ltd_err *err)
{
    const ltd_config *c = &s->config;
    if (strcmp(c->head.path, "none") == 0) return LTD_OK;
    char path[PATH_MAX];
    const char *want = c->head.path;
    if (!want[0]) {
        if (strcmp(ltd_llama_hash(s->model), DEFAULT_MODEL_HASH) != 0) {
            ltd_log(s->log, LTD_LOG_INFO, "no draft head for this model: prompt lookup only");
            return LTD_OK;
        }
        want = DEFAULT_HEAD;
    }
    ltd_setup_find(path, sizeof path, want);
    int rc = ltd_eagle3_open(&s->head, path, s->model, head_dtype(c->head.dtype), err);
    return rc < 0 ? named(err, rc, "draft head") : LTD_OK;
}

static int open_chat(ltd_setup *s, ltd_err *err)
{
    const char *name = s->config.prompts.chat;
    s->chat = strcmp(name, "auto") == 0 ? ltd_chat_detect(ltd_llama_tokenizer(s->model))
                                        : ltd_chat_find(name);
    if (s->chat) return LTD_OK;
    ltd_str names = LTD_STR_INIT;
    const char *known;
    for (size_t i = 0; (known = ltd_chat_name_at(i)); i++) ltd_str_printf(&names, ", %s", known);
    int rc = ltd_fail(err, LTD_EINVAL, "prompts.chat: no template called '%s', expected auto%s",
                      name, ltd_str_text(&names));
    ltd_str_fini(&names);
    return rc;
}

int ltd_setup_open(ltd_setup *ret, const ltd_config *config, const ltd_logger *log, ltd_err *err)
{
    memset(ret, 0, sizeof *ret);
    ret->config = *config;
    ret->log = log;
    ret->clock = ltd_clock_monotonic();
    int rc = open_model(ret, err);
    if (rc == LTD_OK) rc = open_head(ret, err);
    if (rc == LTD_OK) rc = open_chat(ret, err);
    if (rc == LTD_OK) rc = ltd_survival_find(ret, err);
    if (rc < 0) {
        ltd_setup_close(ret);
        return rc;
    }
    char cpu[96];
    cpu_name(cpu, sizeof cpu);
    snprintf(ret->machine, sizeof ret->machine, "%.80s, %s, %d threads", cpu,
             ltd_llama_kernels(ret->model)->name, ltd_pool_threads(ltd_llama_pool(ret->model)));
    return LTD_OK;
}

void ltd_setup_close(ltd_setup *s)
{
    ltd_eagle3_close(s->head);
    ltd_llama_close(s->model);
    free(s->cost);
    free(s->survival);
    s->head = NULL;
    s->model = NULL;
    s->cost = NULL;
    s->survival = NULL;
}

/* --- calibration --- */

int ltd_setup_cost_path(const ltd_setup *s, char *ret, size_t size, ltd_err *err)
{
    const ltd_config *c = &s->config;
    int n;
    if (c->calibration.path[0]) {
        n = snprintf(ret, size, "%s", c->calibration.path);
    } else {
        char key[512], hex[65];
        snprintf(key, sizeof key, "%s|%s|%s|%d", s->machine, ltd_llama_hash(s->model),
                 s->head ? ltd_eagle3_hash(s->head) : "", c->env.top_k);
        size_t n_key = strlen(key); /* weights that were rounded take another time */
        if (c->model.dtype != LTD_MODEL_DTYPE_FILE)
            snprintf(key + n_key, sizeof key - n_key, "|%s", ltd_llama_dtype_name(s->model));
        n_key = strlen(key); /* so do drafts of more tokens */
        if (s->head && ltd_eagle3_extends(s->head, c->head.vocabulary))
            snprintf(key + n_key, sizeof key - n_key, "|context");
        ltd_file_sha256(hex, key, strlen(key));
        n = snprintf(ret, size, "%s/calibration-%.12s.json", c->run.dir, hex);
    }
    if (n < 0 || (size_t)n >= size)
        return ltd_fail(err, LTD_EINVAL, "calibration: the path is too long");
    return LTD_OK;
}

int ltd_setup_beside_cost(const ltd_setup *s, const char *kind, const char *identity, char *ret,
                          size_t size, ltd_err *err)
{
    char cost[4096], hex[65];
    int rc = ltd_setup_cost_path(s, cost, sizeof cost, err);
    if (rc < 0) return rc;
    char *slash = strrchr(cost, '/');
    if (slash)
        *slash = 0;
    else
        snprintf(cost, sizeof cost, ".");
    ltd_file_sha256(hex, identity, strlen(identity));
    int n = snprintf(ret, size, "%s/%s-%.12s.json", cost, kind, hex);
    if (n >= 0 && (size_t)n < size) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "%s/%s: the path is too long", cost, kind);
}

int ltd_setup_check_table(const ltd_setup *s, const ltd_cost *cost, const char *path, ltd_err *err)
{
    if (strcmp(cost->model_hash, ltd_llama_hash(s->model)) != 0)
        return ltd_fail(err, LTD_EINVAL,
                        "%s: measured with another model (sha256 %.12s, expected %.12s): run `ltd "
                        "calibrate`",
                        path, cost->model_hash, ltd_llama_hash(s->model));
    if (s->head && cost->n_draft == 0)
        return ltd_fail(err, LTD_EINVAL,
                        "%s: measured without a draft head: run `ltd calibrate` with it", path);
    if (s->head && cost->head_hash[0] && strcmp(cost->head_hash, ltd_eagle3_hash(s->head)) != 0)
        return ltd_fail(
            err, LTD_EINVAL,
            "%s: measured with another draft head (sha256 %.12s, expected %.12s): run `ltd "
            "calibrate`",
            path, cost->head_hash, ltd_eagle3_hash(s->head));
    if (s->head && cost->top_k && cost->top_k != s->config.env.top_k)
        return ltd_fail(err, LTD_EINVAL,
                        "%s: measured with env.top_k = %d, expected %d: run `ltd calibrate`", path,
                        cost->top_k, s->config.env.top_k);
    return LTD_OK;
}

/* Does a table belong to what runs here? */
static int check_cost(const ltd_setup *s, const ltd_cost *cost, const char *path, ltd_err *err)
{
    if (strcmp(cost->machine, s->machine) != 0)
        return ltd_fail(err, LTD_EINVAL,
                        "%s: measured on '%s', but this is '%s': run `ltd calibrate` here", path,
                        cost->machine, s->machine);
    return ltd_setup_check_table(s, cost, path, err);
}

int ltd_setup_cost(ltd_setup *s, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_cost *cost = NULL;
    int rc = ltd_setup_cost_path(s, path, sizeof path, err);
    if (rc < 0) return rc;
    if (access(path, F_OK) != 0)
        return ltd_fail(err, LTD_EIO,
                        "%s: no calibration of this machine and model: run `ltd "
                        "calibrate` first",
                        path);
    rc = ltd_cost_load(&cost, path, err);
    if (rc == LTD_OK) rc = check_cost(s, cost, path, err);
    if (rc < 0) {
        free(cost);
        return rc;
    }
    free(s->cost);
    s->cost = cost;
    return LTD_OK;
}

/* Is there no table where it would lie?  Then there is nothing to be wrong or to write over. */
static bool none_yet(const ltd_setup *s)
{
    char path[PATH_MAX];
    return ltd_setup_cost_path(s, path, sizeof path, NULL) == LTD_OK && access(path, F_OK) != 0;
}

int ltd_setup_cost_if_any(ltd_setup *s, ltd_err *err)
{
    if (!s->config.calibration.path[0] && none_yet(s)) return LTD_OK;
    return ltd_setup_cost(s, err);
}

int ltd_setup_cost_or_measure(ltd_setup *s, ltd_err *err)
{
    if (!none_yet(s)) return ltd_setup_cost(s, err);
    ltd_cost *cost;
    char path[PATH_MAX];
    int rc = ltd_setup_cost_path(s, path, sizeof path, err);
    /* First: minutes of measuring must not end in a missing folder. */
    if (rc == LTD_OK) rc = ltd_file_mkdirs_for(path, err);
    if (rc < 0) return rc;
    ltd_log(s->log, LTD_LOG_INFO, "calibrating this machine, kept in %s", path);
    rc = ltd_calibrate(s, NULL, NULL, &cost, err);
    if (rc < 0) return rc;
    rc = ltd_cost_save(cost, path, err);
    if (rc < 0) {
        free(cost);
        return rc;
    }
    s->cost = cost;
    return LTD_OK;
}
