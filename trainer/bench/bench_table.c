/* The comparison for people: ASCII, aligned, 100 columns. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "trainer/bench/accept_depth.h"
#include "trainer/bench/bench.h"
#include "trainer/bench/bench_parts.h"

static const char *paint(bool color, const char *code)
{
    return color ? code : "";
}
static const char bold[] = "\033[1m", green[] = "\033[32m", red[] = "\033[31m", dim[] = "\033[2m",
                  off[] = "\033[0m";

/* "1.83 [1.79, 1.87]", "1.83", "-". */
static void ratio_text(char *ret, size_t size, double v, ltd_interval ci)
{
    if (!isfinite(v))
        snprintf(ret, size, "-");
    else if (isfinite(ci.lo) && isfinite(ci.hi))
        snprintf(ret, size, "%.3f [%.3f, %.3f]", v, ci.lo, ci.hi);
    else
        snprintf(ret, size, "%.3f", v);
}

static void put_row(const ltd_bench_row *r, bool color, ltd_str *out)
{
    char speedup[48], tuned[48], same[32] = "n/a";
    ratio_text(speedup, sizeof speedup, r->speedup, r->speedup_ci);
    ratio_text(tuned, sizeof tuned, r->vs_tuned, r->vs_tuned_ci);
    if (r->of) snprintf(same, sizeof same, "%d/%d", r->identical, r->of);
    const char *mark = "";
    if (r->speedup_ci.lo > 1) mark = paint(color, green);
    if (r->speedup_ci.hi < 1) mark = paint(color, red);
    ltd_str_printf(out, "  %-18.18s %8.1f  %s%-21s%s  %-21s %6.2f %5.2f %6.1f  %s%s%s\n", r->policy,
                   r->tok_s, mark, speedup, *mark ? off : "", tuned, r->accept_len,
                   r->forwards_mean, r->size_mean, r->identical < r->of ? paint(color, red) : "",
                   same, r->identical < r->of ? paint(color, off) : "");
}

void ltd_bench_table_task(const ltd_bench *b, const ltd_bench_task *t, const char *title,
                          bool color, ltd_str *out)
{
    ltd_str_printf(out, "%s%s%s: %d prompts, up to %d tokens, %d repetition%s", paint(color, bold),
                   title, paint(color, off), t->prompts, b->max_new, b->reps,
                   b->reps == 1 ? "" : "s");
    if (b->sampling.temperature > 0)
        ltd_str_printf(out, ", temperature %g", b->sampling.temperature);
    ltd_str_puts(out, "\n");
    ltd_str_printf(out, "%s  %-18s %8s  %-21s  %-21s %6s %5s %6s  %s%s\n", paint(color, dim),
                   "policy", "tok/s", "x ar [95 %]", "x tuned [95 %]", "accept", "fwd", "nodes",
                   "same text", paint(color, off));
    for (int32_t i = 0; i < t->n_rows; i++) put_row(&t->rows[i], color, out);
    ltd_str_puts(out, "\n");
}

static const char ended_title[] = "answers that ended by themselves";

/* None or all of them are told in words. */
static void put_ended(const ltd_bench *b, bool color, ltd_str *out)
{
    int32_t n = b->ended.prompts, of = b->all.prompts;
    if (!b->ended.n_rows) return; /* a file of before it was known */
    if (n > 0 && n < of)
        ltd_bench_table_task(b, &b->ended, ended_title, color, out);
    else
        ltd_str_printf(out, "%s%s%s: %s of %d\n\n", paint(color, bold), ended_title,
                       paint(color, off), n ? "all" : "none", of);
}

enum { DEPTHS_SHOWN = 12 };

/* Of row ltd, in percent. */
static void put_positions(const ltd_bench_task *t, bool color, ltd_str *out)
{
    static const char *const what[] = {"verified", "accepted", "accepted, if d-1 is"};
    const ltd_bench_row *r = ltd_bench_find(t, "ltd");
    int32_t n = r ? ltd_accept_depths(r->accept_hist, r->depth_hist) : 0;
    if (n > DEPTHS_SHOWN) n = DEPTHS_SHOWN;
    if (!n) return;
    ltd_str_printf(out, "%s%-22s", paint(color, dim), "ltd, % by depth d");
    for (int32_t d = 1; d <= n; d++) ltd_str_printf(out, " %6d", d);
    ltd_str_printf(out, "%s\n", paint(color, off));
    for (int k = 0; k < 3; k++) {
        ltd_str_printf(out, "  %-20s", what[k]);
        for (int32_t d = 1; d <= n; d++) {
            ltd_accept_depth at = ltd_accept_at(r->accept_hist, r->depth_hist, d);
            const double share[] = {at.verified, at.accepted, at.given};
            if (isfinite(share[k]))
                ltd_str_printf(out, " %6.1f", 100 * share[k]);
            else
                ltd_str_printf(out, " %6s", "-");
        }
        ltd_str_puts(out, "\n");
    }
    ltd_str_puts(out, "\n");
}

static void put_share(double share, ltd_str *out)
{
    if (isfinite(share))
        ltd_str_printf(out, "  %22.1f", 100 * share);
    else
        ltd_str_printf(out, "  %22s", "-");
}

/* Rows that were asked whether to go on, over records. */
static void put_stops(const ltd_bench_task *t, bool color, ltd_str *out)
{
    bool any = false;
    for (int32_t i = 0; i < t->n_rows; i++) any = any || t->rows[i].stop.n;
    if (!any) return;
    ltd_str_printf(out, "%s%-20s  %9s  %22s  %22s  %6s%s\n", paint(color, dim), "when to stop",
                   "questions", "went on, of paying %", "stopped, of others %", "AUC",
                   paint(color, off));
    for (int32_t i = 0; i < t->n_rows; i++) {
        const ltd_stop_quality *q = &t->rows[i].stop;
        if (!q->n) continue;
        ltd_str_printf(out, "  %-18.18s  %9lld", t->rows[i].policy, (long long)q->n);
        put_share(q->tpr, out);
        put_share(q->tnr, out);
        if (isfinite(q->auc))
            ltd_str_printf(out, "  %6.3f\n", q->auc);
        else
            ltd_str_printf(out, "  %6s\n", "-");
    }
    ltd_str_puts(out, "\n");
}

static void put_phases(const ltd_bench_task *t, bool color, ltd_str *out)
{
    ltd_str_printf(out, "%s  %-18s", paint(color, dim), "time in %");
    for (int p = 0; p < LTD_PHASE_COUNT; p++)
        ltd_str_printf(out, " %8s", ltd_phase_name((ltd_phase)p));
    ltd_str_printf(out, "  %s%s\n", "prefill ms/prompt: target, head", paint(color, off));
    for (int32_t i = 0; i < t->n_rows; i++) {
        const ltd_bench_row *r = &t->rows[i];
        ltd_str_printf(out, "  %-18.18s", r->policy);
        for (int p = 0; p < LTD_PHASE_COUNT; p++) ltd_str_printf(out, " %8.2f", 100 * r->phase[p]);
        ltd_str_printf(out, "  %.1f, %.1f\n", r->prefill_target_ms, r->prefill_head_ms);
    }
    ltd_str_puts(out, "\n");
}

static void put_figure(int width, int digits, double v, ltd_str *out)
{
    if (isfinite(v))
        ltd_str_printf(out, " %*.*f", width, digits, v);
    else
        ltd_str_printf(out, " %*s", width, "-");
}

/* Tokens a cycle by what they are part of, each with its share of the tokens in percent, and by
 * quarter of the answer.  Oracles have none. */
static void put_classes(const ltd_bench_task *t, bool color, ltd_str *out)
{
    bool any = false;
    for (int32_t i = 0; i < t->n_rows; i++) any = any || ltd_accept_by_known(&t->rows[i].accept_by);
    if (!any) return;
    ltd_str_printf(out, "%s  %-18s", paint(color, dim), "accept by class, %");
    for (int k = 0; k < LTD_TOKEN_CLASSES; k++)
        ltd_str_printf(out, " %8s %4s", ltd_token_class_name((ltd_token_class)k), "%");
    for (int k = 0; k < LTD_QUARTERS; k++) ltd_str_printf(out, "   %d/%d", k + 1, LTD_QUARTERS);
    ltd_str_printf(out, "%s\n", paint(color, off));
    for (int32_t i = 0; i < t->n_rows; i++) {
        const ltd_accept_by *by = &t->rows[i].accept_by;
        if (!ltd_accept_by_known(by)) continue;
        ltd_str_printf(out, "  %-18.18s", t->rows[i].policy);
        for (int k = 0; k < LTD_TOKEN_CLASSES; k++) {
            put_figure(8, 2, by->accept[k], out);
            put_figure(4, 0, 100 * by->share[k], out);
        }
        for (int k = 0; k < LTD_QUARTERS; k++) put_figure(5, 2, by->quarter[k], out);
        ltd_str_puts(out, "\n");
    }
    ltd_str_puts(out, "\n");
}

/* --- ltd against the others --- */

enum { TASKS_A_LINE = 5 };

/* "1.031 [1.012, 1.049]"; "*" behind what ltd loses. */
static void put_ratio(const ltd_ratio *r, bool interval, bool color, ltd_str *out)
{
    char text[48];
    const ltd_interval unknown = {NAN, NAN};
    bool loses = ltd_versus_loses(r);
    ratio_text(text, sizeof text, r->value, interval ? r->ci : unknown);
    if (loses) strcat(text, "*");
    const char *mark = loses ? paint(color, red) : r->ci.lo > 1 ? paint(color, green) : "";
    ltd_str_printf(out, "  %s%-*s%s", mark, interval ? 22 : 8, text, *mark ? off : "");
}

/* Columns: on the first line of blocks all and mean, then tasks[from, to). */
static void put_versus_head(const ltd_bench *b, int32_t from, int32_t to, bool color, ltd_str *out)
{
    ltd_str_printf(out, "%s%-20s%s%s", paint(color, bold), from ? "" : "ltd against",
                   paint(color, off), paint(color, dim));
    if (from == 0) ltd_str_printf(out, "  %-22s", "all prompts [95 %]");
    if (from == 0 && to) ltd_str_printf(out, "  %-22s", "mean of tasks [95 %]");
    for (int32_t t = from; t < to; t++) ltd_str_printf(out, "  %-8.8s", b->tasks[t].task);
    ltd_str_printf(out, "%s\n", paint(color, off));
}

static void put_versus_line(const ltd_versus_row *r, int32_t from, int32_t to, bool color,
                            ltd_str *out)
{
    ltd_str_printf(out, "  %-18.18s", r->policy);
    if (from == 0) put_ratio(&r->all, true, color, out);
    if (from == 0 && to) put_ratio(&r->mean, true, color, out);
    for (int32_t t = from; t < to; t++) put_ratio(&r->task[t], false, color, out);
    ltd_str_puts(out, "\n");
}

static bool loses_anywhere(const ltd_versus_row *r, int32_t n_tasks)
{
    bool loses = ltd_versus_loses(&r->all) || ltd_versus_loses(&r->mean);
    for (int32_t t = 0; t < n_tasks; t++) loses = loses || ltd_versus_loses(&r->task[t]);
    return loses;
}

/* As many lines as the tasks need; a single one is all there is. */
static void put_versus(const ltd_bench *b, bool color, ltd_str *out)
{
    const ltd_versus *v = &b->versus;
    int32_t n = b->n_tasks > 1 ? b->n_tasks : 0, from = 0;
    bool loses = false;
    if (!v->n) return;
    do {
        int32_t to = from + TASKS_A_LINE < n ? from + TASKS_A_LINE : n;
        put_versus_head(b, from, to, color, out);
        for (int32_t i = 0; i < v->n; i++) put_versus_line(&v->row[i], from, to, color, out);
        from = to;
    } while (from < n);
    for (int32_t i = 0; i < v->n; i++) loses = loses || loses_anywhere(&v->row[i], n);
    ltd_str_puts(out, loses ? "  * slower, with 95 % confidence\n\n" : "\n");
}

static void put_drift(const ltd_drift *d, bool color, ltd_str *out)
{
    char text[128];
    if (!(d->speed > 0)) return;
    const char *mark = ltd_drift_large(d) ? paint(color, red) : "";
    ltd_str_printf(out, "drift    %s%s%s\n", mark, ltd_drift_text(d, text, sizeof text),
                   *mark ? off : "");
}

void ltd_bench_table_scope(const ltd_bench *b, bool color, ltd_str *out)
{
    ltd_str_printf(out, "machine  %s, %s, %d threads\n", b->cpu, b->isa, b->threads);
    ltd_str_printf(out, "model    %s (%s), draft head %s%s\n", b->model_path, b->model_dtype,
                   b->head_path[0] ? b->head_path : "none", b->lookup ? ", prompt lookup" : "");
    put_drift(&b->drift, color, out);
    ltd_str_puts(out, "\n");
}

void ltd_bench_table_details(const ltd_bench *b, ltd_str *out)
{
    for (int32_t i = 0; i < b->all.n_rows; i++)
        ltd_str_printf(out, "  %-18.18s %s\n", b->all.rows[i].policy, b->all.rows[i].detail);
}

void ltd_bench_table(const ltd_bench *b, bool color, ltd_str *out)
{
    ltd_bench_table_scope(b, color, out);
    if (b->replayed) ltd_str_puts(out, "played over records, times by the cost table\n\n");
    for (int32_t i = 0; i < b->n_tasks; i++)
        ltd_bench_table_task(b, &b->tasks[i], b->tasks[i].task, color, out);
    if (b->n_tasks != 1) ltd_bench_table_task(b, &b->all, "all", color, out);
    put_ended(b, color, out);
    put_versus(b, color, out);
    put_positions(&b->all, color, out);
    put_stops(&b->all, color, out);
    if (!b->replayed) put_phases(&b->all, color, out);
    put_classes(&b->all, color, out);
    ltd_bench_table_details(b, out);
}
