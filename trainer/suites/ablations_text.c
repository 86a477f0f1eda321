/* Ablations for people and for programs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "trainer/suites/ablations.h"

static void range_of(const ltd_ablation_row *r, double *low, double *high)
{
    *low = *high = r->seed[0];
    for (int32_t i = 1; i < r->seeds; i++) {
        if (r->seed[i] < *low) *low = r->seed[i];
        if (r->seed[i] > *high) *high = r->seed[i];
    }
}

static void put_ratio(const ltd_ratio *r, ltd_str *out)
{
    char text[48];
    if (isnan(r->value))
        snprintf(text, sizeof text, "-");
    else
        snprintf(text, sizeof text, "%.3f [%.3f, %.3f]", r->value, r->ci.lo, r->ci.hi);
    ltd_str_printf(out, "  %-20s", text);
}

static void put_row(const ltd_ablation_row *r, bool live, const ltd_published *published,
                    ltd_str *out)
{
    double low, high;
    char seeds[32] = "-";
    range_of(r, &low, &high);
    if (r->seeds > 1) snprintf(seeds, sizeof seeds, "%.3f to %.3f", low, high);
    ltd_str_printf(out, "  %-19s", r->name);
    put_ratio(&r->speedup, out);
    ltd_str_printf(out, "  %-14s", seeds);
    put_ratio(&r->vs, out);
    if (live) put_ratio(&r->live, out);
    if (live) put_ratio(&r->live_vs, out);
    ltd_str_printf(out, "  %6.2f %5.2f %6.1f", r->accept_len, r->forwards, r->size);
    if (published && r->published) {
        ltd_published_cell c = ltd_published_find(published, r->published, r->published_model,
                                                  r->published_row, "mean");
        if (!isnan(c.speedup)) ltd_str_printf(out, "   %.2f", c.speedup);
        if (!isnan(c.tau)) ltd_str_printf(out, "/%.2f", c.tau);
        if (!isnan(c.speedup))
            ltd_str_printf(out, " (Table %d, %s)", r->published, r->published_model);
    }
    ltd_str_puts(out, "\n");
}

static bool goes_live(const ltd_ablations *a, const char *part)
{
    for (int32_t i = 0; i < a->n_rows; i++)
        if (strcmp(a->row[i].part, part) == 0 && !isnan(a->row[i].live.value)) return true;
    return false;
}

/* The paper's Table 9. */
static void put_overhead(const ltd_ablations *a, ltd_str *out)
{
    const ltd_ablation_row *both = ltd_ablations_find(a, "policies", "both, iterated");
    if (both && !isnan(both->decide))
        ltd_str_printf(out, "\nlive, deciding takes %.2f %% of the time of both policies\n",
                       100 * both->decide);
}

void ltd_ablations_table(const ltd_ablations *a, const ltd_published *published, ltd_str *out)
{
    bool live = false;
    ltd_str_printf(out, "%d prompts of %d tasks, over their records by the cost table of %s\n",
                   a->prompts, a->tasks, a->machine);
    for (int32_t i = 0; i < a->n_rows; i++) {
        const ltd_ablation_row *r = &a->row[i];
        if (i == 0 || strcmp(r->part, a->row[i - 1].part) != 0) {
            char against[48];
            live = goes_live(a, r->part);
            snprintf(against, sizeof against, "x %s", r->against);
            ltd_str_printf(out, "\n%s\n  %-19s  %-20s  %-14s  %-20s", r->part, "", "x plain [95 %]",
                           "seeds", against);
            if (live) ltd_str_printf(out, "  %-20s  %-20s", "live: x plain", against);
            ltd_str_printf(out, "  accept   fwd  nodes   %s\n",
                           published ? "published x plain/tau" : "");
        }
        put_row(r, live, published, out);
    }
    put_overhead(a, out);
    ltd_str_puts(out, "\nMeans of the tasks.  Intervals: prompts drawn anew, all seeds' sums; what "
                      "another seed gives is in the column beside.\n");
}

static void put_json_ratio(ltd_json_writer *w, const char *key, const ltd_ratio *r)
{
    char name[32];
    ltd_json_put_f64(w, key, r->value);
    snprintf(name, sizeof name, "%s_ci", key);
    ltd_json_begin_inline_array(w, name);
    ltd_json_put_f64(w, NULL, r->ci.lo);
    ltd_json_put_f64(w, NULL, r->ci.hi);
    ltd_json_end_array(w);
}

void ltd_ablations_json(const ltd_ablations *a, const char *command, uint64_t seed, ltd_str *out)
{
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "command", command);
    ltd_json_put_int(&w, "seed", (int64_t)seed);
    ltd_json_put_string(&w, "machine", a->machine);
    ltd_json_put_int(&w, "prompts", a->prompts);
    ltd_json_put_int(&w, "tasks", a->tasks);
    ltd_json_begin_array(&w, "rows");
    for (int32_t i = 0; i < a->n_rows; i++) {
        const ltd_ablation_row *r = &a->row[i];
        ltd_json_begin_object(&w, NULL);
        ltd_json_put_string(&w, "part", r->part);
        ltd_json_put_string(&w, "row", r->name);
        put_json_ratio(&w, "speedup", &r->speedup);
        ltd_json_begin_inline_array(&w, "seeds");
        for (int32_t k = 0; k < r->seeds; k++) ltd_json_put_f64(&w, NULL, r->seed[k]);
        ltd_json_end_array(&w);
        ltd_json_put_string(&w, "against", r->against);
        put_json_ratio(&w, "vs", &r->vs);
        put_json_ratio(&w, "live", &r->live);
        put_json_ratio(&w, "live_vs", &r->live_vs);
        ltd_json_put_f64(&w, "decide", r->decide);
        ltd_json_put_f64(&w, "accept_len", r->accept_len);
        ltd_json_put_f64(&w, "forwards_mean", r->forwards);
        ltd_json_put_f64(&w, "size_mean", r->size);
        ltd_json_end_object(&w);
    }
    ltd_json_end_array(&w);
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}
