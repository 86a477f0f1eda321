#include "trainer/records/trace_dir.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "trainer/checkpoint/checkpoint.h"

/* Columns of a part: a value for each text. */
enum { QUESTION, PROMPT, LENGTH, POSITIONS, COLUMNS };
static const char *const column_names[COLUMNS] = {"question_id", "prompt", "length", "positions"};

static int part_path(const char *folder, int32_t part, char path[PATH_MAX], ltd_err *err)
{
    if (snprintf(path, PATH_MAX, "%s/part-%06d.h5", folder, part) < PATH_MAX) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "%.80s...: the path is too long", folder);
}

/* --- writing --- */

typedef struct joined {
    int64_t *column[COLUMNS];
    int32_t *token, *draft_token;
    float *draft_logp;
    ltd_str tasks;
    int64_t texts, tokens, positions;
} joined;

static void joined_fini(joined *j)
{
    for (int c = 0; c < COLUMNS; c++) free(j->column[c]);
    free(j->token);
    free(j->draft_token);
    free(j->draft_logp);
    ltd_str_fini(&j->tasks);
}

static int join(joined *j, const ltd_trace *trace, int32_t first, ltd_err *err)
{
    size_t rows = (size_t)ltd_trace_rows(trace);
    *j = (joined){.texts = trace->n - first, .tasks = LTD_STR_INIT};
    for (int32_t t = first; t < trace->n; t++) {
        j->tokens += trace->text[t].n;
        j->positions += trace->text[t].positions;
    }
    bool ok = true;
    for (int c = 0; c < COLUMNS; c++)
        ok = (j->column[c] = ltd_mem_zeros((size_t)j->texts, sizeof(int64_t))) && ok;
    j->token = ltd_mem_zeros((size_t)j->tokens, sizeof *j->token);
    j->draft_token = ltd_mem_zeros((size_t)j->positions * rows, sizeof *j->draft_token);
    j->draft_logp = ltd_mem_zeros((size_t)j->positions * rows, sizeof *j->draft_logp);
    if (!ok || !j->token || !j->draft_token || !j->draft_logp)
        return ltd_fail(err, LTD_ENOMEM, "record: no memory");
    size_t token = 0, row = 0;
    for (int32_t i = 0; i < j->texts; i++) {
        const ltd_trace_text *t = &trace->text[first + i];
        size_t n = (size_t)t->positions * rows;
        j->column[QUESTION][i] = t->question_id;
        j->column[PROMPT][i] = t->prompt;
        j->column[LENGTH][i] = t->n;
        j->column[POSITIONS][i] = t->positions;
        memcpy(j->token + token, t->token, (size_t)t->n * sizeof *t->token);
        memcpy(j->draft_token + row, t->draft_token, n * sizeof *t->draft_token);
        memcpy(j->draft_logp + row, t->draft_logp, n * sizeof *t->draft_logp);
        ltd_str_printf(&j->tasks, "%s\n", t->task);
        token += (size_t)t->n;
        row += n;
    }
    return j->tasks.failed ? ltd_fail(err, LTD_ENOMEM, "record: no memory") : LTD_OK;
}

static int write_part(const ltd_trace *trace, const joined *j, const char *path,
                      const char *identity, ltd_err *err)
{
    const int64_t head[2] = {trace->top_k, trace->max_forwards};
    const int64_t drafts[2] = {j->positions, ltd_trace_rows(trace)};
    int64_t ends[LTD_TRACE_ENDS];
    for (int32_t i = 0; i < trace->n_ends; i++) ends[i] = trace->end[i];
    ltd_checkpoint_writer *w;
    int rc = ltd_checkpoint_create(&w, path, err);
    if (rc < 0) return rc;
    ltd_checkpoint_compress(w);
    ltd_checkpoint_put_text(w, "identity", identity);
    ltd_checkpoint_put_text(w, "model", trace->model_hash);
    ltd_checkpoint_put_text(w, "head", trace->head_hash);
    ltd_checkpoint_put_i64(w, "shape", head, 2);
    ltd_checkpoint_put_i64(w, "ends", ends, (size_t)trace->n_ends);
    ltd_checkpoint_put_text(w, "task", ltd_str_text(&j->tasks));
    for (int c = 0; c < COLUMNS; c++)
        ltd_checkpoint_put_i64(w, column_names[c], j->column[c], (size_t)j->texts);
    ltd_checkpoint_put_i32(w, "token", j->token, &j->tokens, 1);
    ltd_checkpoint_put_i32(w, "draft/token", j->draft_token, drafts, 2);
    ltd_checkpoint_put_f32(w, "draft/logp", j->draft_logp, drafts, 2);
    return ltd_checkpoint_finish(w, err);
}

int ltd_trace_dir_add(const ltd_trace *trace, int32_t first, const char *folder,
                      const char *identity, int32_t part, ltd_err *err)
{
    char path[PATH_MAX];
    joined j;
    if (first >= trace->n) return LTD_OK;
    int rc = part_path(folder, part, path, err);
    if (rc == LTD_OK) rc = ltd_file_mkdirs_for(path, err);
    if (rc < 0) return rc;
    rc = join(&j, trace, first, err);
    if (rc == LTD_OK) rc = write_part(trace, &j, path, identity, err);
    joined_fini(&j);
    return rc;
}

/* --- reading --- */

static int damaged(const char *path, const char *what, ltd_err *err)
{
    return ltd_fail(err, LTD_EFORMAT, "%s: %s, expected a record of texts", path, what);
}

/* An array of this type and of n values in all; NULL where it is something else. */
static const void *array(const ltd_checkpoint *c, const char *name, ltd_checkpoint_type type,
                         int64_t n)
{
    const ltd_checkpoint_entry *e = ltd_checkpoint_find(c, name);
    if (!e || e->type != type) return NULL;
    int64_t count = 1;
    for (int i = 0; i < e->n_dims; i++) count *= e->dims[i];
    return count == n ? e->data : NULL;
}

static bool alike(const ltd_trace *a, const ltd_trace *b)
{
    return a->top_k == b->top_k && a->max_forwards == b->max_forwards && a->n_ends == b->n_ends &&
           memcmp(a->end, b->end, (size_t)a->n_ends * sizeof a->end[0]) == 0 &&
           strcmp(a->model_hash, b->model_hash) == 0 && strcmp(a->head_hash, b->head_hash) == 0;
}

/* The shape of all texts of the part; of an empty trace it becomes the trace's. */
static int read_shape(ltd_trace *trace, const ltd_checkpoint *c, const char *path,
                      const char *identity, ltd_err *err)
{
    const char *made, *model, *head;
    int64_t shape[2];
    int rc = ltd_checkpoint_get_text(c, "identity", &made, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_text(c, "model", &model, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_text(c, "head", &head, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_i64(c, "shape", shape, 2, err);
    if (rc < 0) return rc;
    if (identity && strcmp(made, identity) != 0)
        return ltd_fail(err, LTD_EINVAL, "%s: recorded with '%s', expected '%s'", path, made,
                        identity);
    const ltd_checkpoint_entry *e = ltd_checkpoint_find(c, "ends");
    if (!e || e->type != LTD_CHECKPOINT_I64 || e->n_dims != 1 || e->dims[0] > LTD_TRACE_ENDS)
        return damaged(path, "no end tokens", err);
    if (shape[0] < 1 || shape[0] > 32 || shape[1] < 0 || shape[1] > 64)
        return damaged(path, "a head of another shape", err);
    ltd_trace found = {.top_k = (int32_t)shape[0], .max_forwards = (int32_t)shape[1]};
    found.n_ends = (int32_t)e->dims[0];
    for (int32_t i = 0; i < found.n_ends; i++)
        found.end[i] = (int32_t)((const int64_t *)e->data)[i];
    snprintf(found.model_hash, sizeof found.model_hash, "%s", model);
    snprintf(found.head_hash, sizeof found.head_hash, "%s", head);
    if (!trace->top_k) *trace = found;
    if (alike(trace, &found)) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL,
                    "%s: recorded with another model or head than the texts before", path);
}

static int take_text(ltd_trace *trace, const ltd_trace_text *from, ltd_err *err)
{
    size_t rows = (size_t)from->positions * (size_t)ltd_trace_rows(trace);
    ltd_trace_text t = *from;
    t.token = ltd_mem_zeros((size_t)t.n, sizeof *t.token);
    t.draft_token = ltd_mem_zeros(rows, sizeof *t.draft_token);
    t.draft_logp = ltd_mem_zeros(rows, sizeof *t.draft_logp);
    if (!t.token || !t.draft_token || !t.draft_logp) {
        ltd_trace_text_fini(&t);
        return ltd_fail(err, LTD_ENOMEM, "record: no memory");
    }
    memcpy(t.token, from->token, (size_t)t.n * sizeof *t.token);
    memcpy(t.draft_token, from->draft_token, rows * sizeof *t.draft_token);
    memcpy(t.draft_logp, from->draft_logp, rows * sizeof *t.draft_logp);
    return ltd_trace_add(trace, &t, err);
}

static int read_texts(ltd_trace *trace, const ltd_checkpoint *c, const char *path, ltd_err *err)
{
    const ltd_checkpoint_entry *lengths = ltd_checkpoint_find(c, column_names[LENGTH]);
    const int64_t *column[COLUMNS];
    int64_t n = lengths && lengths->n_dims == 1 ? lengths->dims[0] : 0, tokens = 0, positions = 0;
    const char *task;
    for (int k = 0; k < COLUMNS; k++)
        if (!(column[k] = array(c, column_names[k], LTD_CHECKPOINT_I64, n)))
            return damaged(path, column_names[k], err);
    for (int64_t i = 0; i < n; i++) {
        int64_t prompt = column[PROMPT][i], length = column[LENGTH][i],
                roots = column[POSITIONS][i];
        if (prompt < 1 || length <= prompt || length > (1 << 28) || roots < 0 ||
            roots >= length - prompt)
            return damaged(path, "a text of impossible length", err);
        tokens += length;
        positions += roots;
    }
    int64_t rows = ltd_trace_rows(trace);
    const int32_t *token = array(c, "token", LTD_CHECKPOINT_I32, tokens);
    const int32_t *draft = array(c, "draft/token", LTD_CHECKPOINT_I32, positions * rows);
    const float *logp = array(c, "draft/logp", LTD_CHECKPOINT_F32, positions * rows);
    if (!token || !draft || !logp) return damaged(path, "its arrays don't fit its lengths", err);
    int rc = ltd_checkpoint_get_text(c, "task", &task, err);
    for (int64_t i = 0; rc == LTD_OK && i < n; i++) {
        ltd_trace_text t = {.question_id = column[QUESTION][i],
                            .prompt = (int32_t)column[PROMPT][i],
                            .n = (int32_t)column[LENGTH][i],
                            .positions = (int32_t)column[POSITIONS][i],
                            .token = (int32_t *)token,
                            .draft_token = (int32_t *)draft,
                            .draft_logp = (float *)logp};
        const char *line = strchr(task, '\n');
        if (!line) return damaged(path, "a text without a task", err);
        snprintf(t.task, sizeof t.task, "%.*s", (int)(line - task), task);
        task = line + 1;
        rc = take_text(trace, &t, err);
        token += t.n;
        draft += t.positions * rows;
        logp += t.positions * rows;
    }
    return rc;
}

int ltd_trace_dir_load(ltd_trace *trace, const char *folder, const char *identity, int32_t *parts,
                       ltd_err *err)
{
    char path[PATH_MAX];
    int rc = LTD_OK;
    for (*parts = 0; rc == LTD_OK; ++*parts) {
        ltd_checkpoint *c;
        rc = part_path(folder, *parts, path, err);
        if (rc < 0 || access(path, F_OK) != 0) return rc;
        rc = ltd_checkpoint_open(&c, path, err);
        if (rc < 0) return rc;
        rc = read_shape(trace, c, path, identity, err);
        if (rc == LTD_OK) rc = read_texts(trace, c, path, err);
        ltd_checkpoint_close(c);
    }
    return rc;
}
