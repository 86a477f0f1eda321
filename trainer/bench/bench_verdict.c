/* The last lines of a bench. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "trainer/bench/bench.h"

/* "--forwards 2 --size 8 --env.top_k=4", "plain decoding". */
static void advice(const ltd_setting *s, char *ret, size_t size)
{
    char beam[32] = "";
    if (s->top_k) snprintf(beam, sizeof beam, " --env.top_k=%d", s->top_k);
    if (s->forwards == 0 && s->size == 0)
        snprintf(ret, size, "plain decoding");
    else
        snprintf(ret, size, "--forwards %d --size %d%s%s", s->forwards, s->size, beam,
                 s->lookup ? "" : " --env.lookup=false");
}

static int differing(const ltd_bench_task *t)
{
    int n = 0;
    for (int32_t i = 0; i < t->n_rows; i++) n += t->rows[i].of - t->rows[i].identical;
    return n;
}

/* "+20.0 % [+18.2, +21.9]"; without interval when there is none. */
static void put_gain(double ratio, ltd_interval ci, ltd_str *out)
{
    ltd_str_printf(out, "%+.1f %%", 100 * (ratio - 1));
    if (isfinite(ci.lo) && isfinite(ci.hi))
        ltd_str_printf(out, " [%+.1f, %+.1f]", 100 * (ci.lo - 1), 100 * (ci.hi - 1));
}

static void put_against_tuned(const ltd_bench *b, const ltd_bench_row *ltd, ltd_str *out)
{
    char use[96], setting[64];
    advice(&b->tuned, use, sizeof use);
    ltd_setting_text(&b->tuned, setting, sizeof setting);
    bool known = isfinite(ltd->vs_tuned_ci.lo), gains = known && ltd->vs_tuned_ci.lo > 1;
    if (!known) ltd_str_puts(out, "too few prompts to tell: ");
    if (known && !gains) ltd_str_printf(out, "no gain here: use %s (ltd ", use);
    put_gain(ltd->vs_tuned, ltd->vs_tuned_ci, out);
    if (!known)
        ltd_str_printf(out, " over %s", setting);
    else if (gains)
        ltd_str_printf(out, " over the best static setting of this machine (%s)", setting);
    else
        ltd_str_puts(out, ")");
}

/* The fastest other row, unless it is the one that was told of; over several tasks their mean too.
 */
static void put_against_best(const ltd_bench *b, bool told_tuned, ltd_str *out)
{
    const ltd_versus_row *best = ltd_versus_best(&b->versus);
    if (!best) return;
    bool same = told_tuned && strcmp(best->policy, "static-tuned") == 0;
    if (same && b->n_tasks < 2) return;
    if (told_tuned) ltd_str_puts(out, "; ");
    if (!same) {
        put_gain(best->all.value, best->all.ci, out);
        ltd_str_printf(out, " over %s, the fastest other row", best->policy);
    }
    if (b->n_tasks < 2) return;
    ltd_str_puts(out, same ? "mean of the tasks " : ", mean of the tasks ");
    put_gain(best->mean.value, best->mean.ci, out);
}

/* Who can do with a table needs no nets. */
static void put_table(const ltd_bench *b, const ltd_bench_row *ltd, ltd_str *out)
{
    const ltd_bench_row *table = ltd_bench_find(&b->all, "ltd-table");
    if (!table || !ltd_table_does(table->tok_s, ltd->tok_s)) return;
    ltd_str_printf(out, "the policy's table does as well (%+.1f %%): use --policy table\n",
                   100 * (table->tok_s / ltd->tok_s - 1));
}

void ltd_bench_verdict(const ltd_bench *b, ltd_str *out)
{
    const ltd_bench_row *ltd = ltd_bench_find(&b->all, "ltd");
    bool tuned = b->tuned.forwards >= 0;
    if (differing(&b->all))
        ltd_str_printf(out, "ERROR: %d answers differ from plain decoding\n", differing(&b->all));
    if (!ltd && tuned) {
        char use[96];
        advice(&b->tuned, use, sizeof use);
        ltd_str_printf(out, "no trained policy here; best static setting: %s\n", use);
    }
    if (!ltd) return;
    put_table(b, ltd, out);
    tuned = tuned && isfinite(ltd->vs_tuned);
    if (!tuned && !ltd_versus_best(&b->versus)) return;
    if (tuned) put_against_tuned(b, ltd, out);
    put_against_best(b, tuned, out);
    ltd_str_puts(out, "\n");
}
