#include "trainer/train/histograms.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "trainer/metrics/metrics_file.h"

static const char header[] =
    "step,value,accept_len,forwards,size,valid_accept_len,valid_forwards,valid_size\n";

struct ltd_histograms {
    ltd_metrics_file file;
};

/* Cycles by accept_len, forwards, nodes; NULL: not known. */
typedef struct counts {
    const uint32_t *of[3];
} counts;

static const int lengths[3] = {LTD_RUN_ACCEPT, LTD_RUN_FORWARDS, LTD_RUN_SIZES};

static uint32_t at(const counts *c, int what, int value)
{
    return c->of[what] && value < lengths[what] ? c->of[what][value] : 0;
}

static void put(const counts *c, int value, ltd_str *out)
{
    for (int k = 0; k < 3; k++)
        if (c->of[k])
            ltd_str_printf(out, ",%" PRIu32, at(c, k, value));
        else
            ltd_str_puts(out, ",");
}

static void put_lines(int64_t step, const counts *rollout, const counts *valid, ltd_str *out)
{
    for (int value = 0; value < LTD_RUN_SIZES; value++) {
        uint32_t any = 0;
        for (int k = 0; k < 3; k++) any |= at(rollout, k, value) | at(valid, k, value);
        if (!any) continue;
        ltd_str_printf(out, "%" PRId64 ",%d", step, value);
        put(rollout, value, out);
        put(valid, value, out);
        ltd_str_puts(out, "\n");
    }
}

static bool step_of(const char *line, int64_t *ret)
{
    char *end;
    *ret = strtoll(line, &end, 10);
    return end != line && *end == ',';
}

static int append(ltd_histograms *h, ltd_str *text, ltd_err *err)
{
    int rc = text->failed ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", h->file.path)
                          : ltd_metrics_file_append(&h->file, ltd_str_text(text), text->len, err);
    ltd_str_fini(text);
    return rc;
}

int ltd_histograms_open(ltd_histograms **ret, const char *dir, int64_t resume_step, ltd_err *err)
{
    char path[4096];
    ltd_str kept = LTD_STR_INIT, head = LTD_STR_INIT;
    *ret = NULL;
    int n = snprintf(path, sizeof path, "%s/histograms.csv", dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return ltd_fail(err, LTD_EINVAL, "%.80s...: the path is too long", dir);
    ltd_histograms *h = ltd_mem_zeros(1, sizeof *h);
    if (!h) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    int rc = ltd_metrics_file_open(&h->file, path, resume_step, true, step_of, &kept, err);
    if (rc == LTD_OK && !kept.len) {
        ltd_str_puts(&head, header);
        rc = append(h, &head, err);
    }
    ltd_str_fini(&kept);
    if (rc < 0)
        ltd_histograms_close(h);
    else
        *ret = h;
    return rc;
}

void ltd_histograms_close(ltd_histograms *h)
{
    if (!h) return;
    ltd_metrics_file_close(&h->file);
    free(h);
}

int ltd_histograms_write(ltd_histograms *h, int64_t step, const ltd_joint_stats *rollout,
                         const ltd_run *valid, ltd_err *err)
{
    counts a = {{NULL}}, b = {{NULL}};
    ltd_str text = LTD_STR_INIT;
    if (rollout) a = (counts){{rollout->accept_hist, rollout->forwards_hist, rollout->size_hist}};
    if (valid) b = (counts){{valid->accept_hist, valid->forwards_hist, valid->size_hist}};
    put_lines(step, &a, &b, &text);
    return append(h, &text, err);
}
