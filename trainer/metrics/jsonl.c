/* metrics.jsonl: one object a line, "step" first.  NaN and infinities are null. */
#include "trainer/metrics/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "trainer/metrics/metrics_file.h"

typedef struct jsonl {
    ltd_metrics_sink sink;
    ltd_metrics_file file;
} jsonl;

static bool step_of(const char *line, int64_t *ret)
{
    ltd_json_doc *doc;
    if (ltd_json_parse(&doc, "metrics.jsonl", line, strlen(line), NULL) < 0) return false;
    int rc = ltd_json_get_int(ltd_json_root(doc), "step", INT64_MIN, INT64_MAX, ret, NULL);
    ltd_json_free(doc);
    return rc == LTD_OK;
}

static int write_row(ltd_metrics_sink *sink, const ltd_metrics_row *row, ltd_err *err)
{
    jsonl *j = (jsonl *)sink;
    ltd_str out = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&out, 1);
    ltd_json_begin_inline_object(&w, NULL);
    ltd_json_put_int(&w, "step", row->step);
    for (size_t i = 0; i < row->n; i++)
        if (row->set[i]) ltd_json_put_f64(&w, row->key[i], row->value[i]);
    ltd_json_end_object(&w);
    ltd_str_puts(&out, "\n");
    int rc = out.failed ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", j->file.path)
                        : ltd_metrics_file_append(&j->file, ltd_str_text(&out), out.len, err);
    ltd_str_fini(&out);
    return rc;
}

static void jsonl_free(ltd_metrics_sink *sink)
{
    ltd_metrics_file_close(&((jsonl *)sink)->file);
    free(sink);
}

int ltd_metrics_jsonl(ltd_metrics_sink **ret, const char *path, int64_t resume_step, ltd_err *err)
{
    *ret = NULL;
    jsonl *j = ltd_mem_zeros(1, sizeof *j);
    if (!j) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    j->sink = (ltd_metrics_sink){write_row, jsonl_free};
    ltd_str kept = LTD_STR_INIT;
    int rc = ltd_metrics_file_open(&j->file, path, resume_step, false, step_of, &kept, err);
    ltd_str_fini(&kept);
    if (rc < 0)
        jsonl_free(&j->sink);
    else
        *ret = &j->sink;
    return rc;
}
