/* The comparison for people: ASCII, aligned, 100 columns. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "trainer/bench.h"

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

static void put_task(const ltd_bench *b, const ltd_bench_task *t, bool color, ltd_str *out)
{
    ltd_str_printf(out, "%s%s%s: %d prompts, up to %d tokens, %d repetition%s", paint(color, bold),
                   t->task, paint(color, off), t->prompts, b->max_new, b->reps,
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

void ltd_bench_table(const ltd_bench *b, bool color, ltd_str *out)
{
    ltd_str_printf(out, "machine  %s, %s, %d threads\n", b->cpu, b->isa, b->threads);
    ltd_str_printf(out, "model    %s (%s), draft head %s%s\n\n", b->model_path, b->model_dtype,
                   b->head_path[0] ? b->head_path : "none", b->lookup ? ", prompt lookup" : "");
    if (b->replayed) ltd_str_puts(out, "played over records, times by the cost table\n\n");
    for (int32_t i = 0; i < b->n_tasks; i++) put_task(b, &b->tasks[i], color, out);
    if (b->n_tasks != 1) put_task(b, &b->all, color, out);
    if (!b->replayed) put_phases(&b->all, color, out);
    for (int32_t i = 0; i < b->all.n_rows; i++)
        ltd_str_printf(out, "  %-18.18s %s\n", b->all.rows[i].policy, b->all.rows[i].detail);
}

/* --- verdict --- */

/* "--forwards 2 --size 8", "plain decoding". */
static void advice(const ltd_setting *s, char *ret, size_t size)
{
    if (s->forwards == 0 && s->size == 0)
        snprintf(ret, size, "plain decoding");
    else
        snprintf(ret, size, "--forwards %d --size %d%s", s->forwards, s->size,
                 s->lookup ? "" : " --env.lookup=false");
}

static int differing(const ltd_bench_task *t)
{
    int n = 0;
    for (int32_t i = 0; i < t->n_rows; i++) n += t->rows[i].of - t->rows[i].identical;
    return n;
}

/* Who can do with a table needs no nets. */
static void put_table(const ltd_bench *b, ltd_str *out)
{
    const double as_well = 0.995;
    const ltd_bench_row *ltd = ltd_bench_find(&b->all, "ltd");
    const ltd_bench_row *table = ltd_bench_find(&b->all, "ltd-table");
    if (!ltd || !table || !(table->tok_s >= as_well * ltd->tok_s)) return;
    ltd_str_printf(out, "the policy's table does as well (%+.1f %%): use --policy table\n",
                   100 * (table->tok_s / ltd->tok_s - 1));
}

static void put_gain(const ltd_bench *b, ltd_str *out)
{
    const ltd_bench_row *ltd = ltd_bench_find(&b->all, "ltd");
    char use[64] = "", setting[64] = "";
    if (b->tuned.forwards >= 0) {
        advice(&b->tuned, use, sizeof use);
        ltd_setting_text(&b->tuned, setting, sizeof setting);
    }
    if (differing(&b->all))
        ltd_str_printf(out, "ERROR: %d answers differ from plain decoding\n", differing(&b->all));
    if (!ltd && use[0])
        ltd_str_printf(out, "no trained policy here; best static setting: %s\n", use);
    if (!ltd || !use[0] || !isfinite(ltd->vs_tuned)) return;
    double gain = 100 * (ltd->vs_tuned - 1);
    ltd_interval ci = {100 * (ltd->vs_tuned_ci.lo - 1), 100 * (ltd->vs_tuned_ci.hi - 1)};
    if (ci.lo > 0)
        ltd_str_printf(out,
                       "%+.1f %% [%+.1f, %+.1f] over the best static setting of this machine "
                       "(%s)\n",
                       gain, ci.lo, ci.hi, setting);
    else if (isfinite(ci.lo))
        ltd_str_printf(out, "no gain here: use %s (ltd %+.1f %% [%+.1f, %+.1f])\n", use, gain,
                       ci.lo, ci.hi);
    else
        ltd_str_printf(out, "too few prompts to tell: %+.1f %% over %s\n", gain, setting);
}

void ltd_bench_verdict(const ltd_bench *b, ltd_str *out)
{
    put_table(b, out);
    put_gain(b, out);
}
