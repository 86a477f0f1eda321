#include "trainer/records/record_run.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "trainer/records/trace_dir.h"

enum { PART_SECONDS = 60 };

/* What a record follows from, apart from its prompts. */
static int identify(const ltd_setup *s, ltd_str *ret, ltd_err *err)
{
    ltd_cycle_options o = ltd_setup_cycle_options(s);
    ltd_str_printf(ret, "model %s (%s, %d bit, %s) head %s (%d x %d, %s) template %s answers %d",
                   ltd_llama_hash(s->model), ltd_llama_dtype_name(s->model),
                   ltd_llama_activation_bits(s->model), o.kv_f16 ? "f16" : "f32",
                   s->head ? ltd_eagle3_hash(s->head) : "none", o.max_forwards, o.top_k,
                   s->head && ltd_eagle3_extends(s->head, o.vocabulary) ? "context" : "static",
                   s->chat ? ltd_chat_name(s->chat) : "none", s->config.trace.max_new);
    if (s->config.env.loop_stop) ltd_str_printf(ret, " loops %d", s->config.env.loop_stop);
    return ret->failed ? ltd_fail(err, LTD_ENOMEM, "record: no memory") : LTD_OK;
}

int ltd_record_folder(const ltd_setup *s, char *ret, size_t size, ltd_err *err)
{
    ltd_str identity = LTD_STR_INIT;
    char hex[65];
    int rc = identify(s, &identity, err), n;
    if (s->config.trace.dir[0]) {
        n = snprintf(ret, size, "%s", s->config.trace.dir);
    } else {
        ltd_file_sha256(hex, ltd_str_text(&identity), identity.len);
        n = snprintf(ret, size, "%s/trace-%.12s", s->config.run.dir, hex);
    }
    ltd_str_fini(&identity);
    if (rc == LTD_OK && (n < 0 || (size_t)n >= size))
        rc = ltd_fail(err, LTD_EINVAL, "record: the path is too long");
    return rc;
}

static int load(const ltd_setup *s, const char *folder, ltd_trace *trace, int32_t *parts,
                ltd_err *err)
{
    ltd_str identity = LTD_STR_INIT;
    int rc = identify(s, &identity, err);
    if (rc == LTD_OK) rc = ltd_trace_dir_load(trace, folder, ltd_str_text(&identity), parts, err);
    ltd_str_fini(&identity);
    return rc;
}

int ltd_record_load(const ltd_setup *s, ltd_trace *trace, ltd_err *err)
{
    char folder[PATH_MAX];
    int32_t parts = 0;
    *trace = (ltd_trace){0};
    int rc = ltd_record_folder(s, folder, sizeof folder, err);
    if (rc == LTD_OK) rc = load(s, folder, trace, &parts, err);
    if (rc == LTD_OK && !trace->n)
        rc = ltd_fail(err, LTD_EIO, "no records in %s: run `ltd record`", folder);
    if (rc < 0) ltd_trace_fini(trace);
    return rc;
}

/* --- recording --- */

typedef struct job {
    const ltd_setup *s;
    const char *folder;
    ltd_cycle *cycle;
    ltd_trace *trace;
    int32_t parts, kept; /* parts on disk, texts in them */
    uint64_t saved_ns;
} job;

static int save(job *j, ltd_err *err)
{
    ltd_str identity = LTD_STR_INIT;
    if (j->kept == j->trace->n) return LTD_OK;
    int rc = identify(j->s, &identity, err);
    if (rc == LTD_OK)
        rc =
            ltd_trace_dir_add(j->trace, j->kept, j->folder, ltd_str_text(&identity), j->parts, err);
    ltd_str_fini(&identity);
    if (rc < 0) return rc;
    j->parts++;
    j->kept = j->trace->n;
    j->saved_ns = ltd_clock_now(&j->s->clock);
    return LTD_OK;
}

static int record_all(job *j, const ltd_prompts *prompts, const ltd_watch *watch, ltd_err *err)
{
    int rc = LTD_OK;
    size_t n = ltd_prompts_count(prompts);
    for (size_t i = 0; rc == LTD_OK && i < n; i++) {
        const ltd_prompt *p = ltd_prompts_at(prompts, i);
        rc = ltd_watch_tell(watch, (double)i / (double)n, p->task, err);
        if (rc < 0 || ltd_trace_find(j->trace, p->ids, p->n) >= 0) continue;
        rc = ltd_record_text(j->trace, j->cycle, p, j->s->config.trace.max_new,
                             j->s->config.env.loop_stop, err);
        uint64_t since = ltd_clock_now(&j->s->clock) - j->saved_ns;
        if (rc == LTD_OK && since > PART_SECONDS * UINT64_C(1000000000)) rc = save(j, err);
    }
    ltd_err later = LTD_ERR_INIT;
    int saved = save(j, &later);
    if (rc == LTD_OK && saved < 0) {
        if (err) *err = later;
        rc = saved;
    }
    return rc;
}

static void count(const job *j, ltd_recorded *r)
{
    char path[PATH_MAX + 32];
    struct stat st;
    r->texts = j->trace->n;
    r->positions = 0;
    for (int32_t i = 0; i < j->trace->n; i++) r->positions += j->trace->text[i].positions;
    r->bytes = 0;
    for (int32_t i = 0; i < j->parts; i++) {
        snprintf(path, sizeof path, "%s/part-%06d.h5", j->folder, i);
        if (stat(path, &st) == 0) r->bytes += (uint64_t)st.st_size;
    }
}

/* Greedy, whatever the configuration says of sampling. */
static int open_cycle(job *j, ltd_err *err)
{
    ltd_cycle_options o = ltd_setup_cycle_options(j->s);
    ltd_trace fresh;
    o.sampling.temperature = 0;
    o.lookup = false;
    int rc = ltd_setup_cycle(j->s, &o, &j->cycle, err);
    if (rc == LTD_OK && !j->trace->top_k) {
        rc = ltd_record_begin(&fresh, j->cycle, err);
        if (rc == LTD_OK) *j->trace = fresh;
    }
    return rc;
}

int ltd_record_run(const ltd_setup *s, const ltd_strings *files, const ltd_watch *watch,
                   ltd_trace *trace, ltd_recorded *ret, ltd_err *err)
{
    char folder[PATH_MAX];
    ltd_prompts *prompts = NULL;
    job j = {.s = s, .folder = folder, .trace = trace, .saved_ns = ltd_clock_now(&s->clock)};
    uint64_t began = j.saved_ns;
    *trace = (ltd_trace){0};
    *ret = (ltd_recorded){0};
    int rc = ltd_record_folder(s, folder, sizeof folder, err);
    if (rc == LTD_OK) rc = load(s, folder, trace, &j.parts, err);
    j.kept = trace->n;
    if (rc == LTD_OK) rc = ltd_setup_prompts(s, files, s->config.prompts.limit, &prompts, err);
    if (rc == LTD_OK) rc = open_cycle(&j, err);
    count(&j, ret);
    ret->fresh = ret->texts;
    ret->fresh_positions = ret->positions;
    if (rc == LTD_OK) rc = record_all(&j, prompts, watch, err);
    count(&j, ret);
    ret->fresh = ret->texts - ret->fresh;
    ret->fresh_positions = ret->positions - ret->fresh_positions;
    ret->seconds = 1e-9 * (double)(ltd_clock_now(&s->clock) - began);
    ltd_cycle_free(j.cycle);
    ltd_prompts_free(prompts);
    if (rc < 0 && rc != LTD_ECANCELED) ltd_trace_fini(trace);
    return rc;
}
