/* The matrix for people, ASCII in 100 columns, and for programs. */
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "trainer/suites/transfer.h"
#include "trainer/version.h"

enum { MACHINES_A_LINE = 3 };

static double tokens_of(const ltd_transfer *t)
{
    double sum = 0;
    for (int32_t i = 0; i < t->prompts; i++) sum += t->plain[i].tokens;
    return sum;
}

/* --- for people --- */

static void put_cell(const ltd_ratio *r, ltd_str *out)
{
    char text[48];
    if (isfinite(r->ci.lo) && isfinite(r->ci.hi))
        snprintf(text, sizeof text, "%.3f [%.3f, %.3f]", r->value, r->ci.lo, r->ci.hi);
    else
        snprintf(text, sizeof text, "%.3f", r->value);
    ltd_str_printf(out, "  %-20s", text);
}

static void put_row(const ltd_transfer *t, const ltd_transfer_row *r, int32_t from, int32_t to,
                    ltd_str *out)
{
    ltd_str_printf(out, "  %-12.12s %-15.15s", r->policy,
                   r->home < 0 ? "" : t->machine[r->home].name);
    for (int32_t m = from; m < to; m++) put_cell(&r->cell[m], out);
    ltd_str_puts(out, "\n");
}

static void put_rows(const ltd_transfer *t, ltd_transfer_costs costs, int32_t from, int32_t to,
                     ltd_str *out)
{
    ltd_str_puts(out, costs == LTD_COSTS_HERE
                          ? "deciding by the costs of the machine they play on\n"
                          : "deciding as on the machine they come from\n");
    for (int32_t r = 0; r < t->n_rows; r++)
        if (t->row[r].costs == costs) put_row(t, &t->row[r], from, to, out);
}

/* Columns [from, to) of everything. */
static void put_block(const ltd_transfer *t, int32_t from, int32_t to, ltd_str *out)
{
    ltd_str_printf(out, "\n  %-12s %-15s", "policy", "made for");
    for (int32_t m = from; m < to; m++) ltd_str_printf(out, "  %-20.20s", t->machine[m].name);
    ltd_str_printf(out, "\n  %-28s", "native over plain decoding");
    for (int32_t m = from; m < to; m++) put_cell(&t->native[m], out);
    ltd_str_puts(out, "\n");
    for (int c = 0; c < LTD_COSTS_COUNT; c++) put_rows(t, (ltd_transfer_costs)c, from, to, out);
}

void ltd_transfer_table(const ltd_transfer *t, ltd_str *out)
{
    ltd_str_printf(out,
                   "%d prompts, %.0f tokens, played over records; times by the machines' tables\n"
                   "speed over that of the policy trained on the machine (a column) [95 %%]\n",
                   t->prompts, tokens_of(t));
    for (int32_t from = 0; from < t->n_machines; from += MACHINES_A_LINE) {
        int32_t to = from + MACHINES_A_LINE;
        put_block(t, from, to < t->n_machines ? to : t->n_machines, out);
    }
    ltd_str_puts(out, "\n");
    for (int32_t m = 0; m < t->n_machines; m++)
        ltd_str_printf(out, "  %-15.15s %s\n", t->machine[m].name, t->machine[m].cpu);
    for (int32_t r = 0; r < t->n_rows; r++)
        if (t->row[r].detail[0])
            ltd_str_printf(
                out, "  %s%s%s: %s\n", t->row[r].policy, t->row[r].home < 0 ? "" : " of ",
                t->row[r].home < 0 ? "" : t->machine[t->row[r].home].name, t->row[r].detail);
}

/* --- for programs --- */

static void put_ratio(ltd_json_writer *w, const char *value, const char *ci, const ltd_ratio *r)
{
    ltd_json_put_f64(w, value, r->value);
    if (isfinite(r->ci.lo) && isfinite(r->ci.hi)) {
        ltd_json_begin_inline_array(w, ci);
        ltd_json_put_f64(w, NULL, r->ci.lo);
        ltd_json_put_f64(w, NULL, r->ci.hi);
        ltd_json_end_array(w);
    } else {
        ltd_json_put_null(w, ci);
    }
}

static void put_machine(ltd_json_writer *w, const ltd_transfer *t, int32_t m)
{
    const ltd_transfer_machine *at = &t->machine[m];
    ltd_json_begin_object(w, NULL);
    ltd_json_put_string(w, "name", at->name);
    ltd_json_put_string(w, "cpu", at->cpu);
    ltd_json_put_f64(
        w, "plain_tok_s",
        ltd_stats_speed(t->plain + (size_t)m * (size_t)t->prompts, (size_t)t->prompts));
    put_ratio(w, "native", "native_ci", &t->native[m]);
    ltd_json_put_f64(w, "rate", at->rate);
    ltd_json_put_f64(w, "valid", at->valid);
    ltd_json_end_object(w);
}

static void put_json_row(ltd_json_writer *w, const ltd_transfer *t, const ltd_transfer_row *r)
{
    ltd_json_begin_object(w, NULL);
    ltd_json_put_string(w, "policy", r->policy);
    ltd_json_put_string(w, "detail", r->detail);
    ltd_json_put_string(w, "made_for", r->home < 0 ? NULL : t->machine[r->home].name);
    ltd_json_put_string(w, "costs", r->costs == LTD_COSTS_HERE ? "here" : "home");
    ltd_json_begin_array(w, "cells");
    for (int32_t m = 0; m < t->n_machines; m++) {
        ltd_json_begin_inline_object(w, NULL);
        ltd_json_put_string(w, "played_on", t->machine[m].name);
        put_ratio(w, "ratio", "ci", &r->cell[m]);
        ltd_json_end_object(w);
    }
    ltd_json_end_array(w);
    ltd_json_end_object(w);
}

void ltd_transfer_json(const ltd_transfer *t, const char *command, uint64_t seed, ltd_str *out)
{
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "command", command);
    ltd_json_put_string(&w, "commit", ltd_commit());
    ltd_json_put_u64(&w, "seed", seed);
    ltd_json_put_int(&w, "prompts", t->prompts);
    ltd_json_put_f64(&w, "tokens", tokens_of(t));
    ltd_json_begin_array(&w, "machines");
    for (int32_t m = 0; m < t->n_machines; m++) put_machine(&w, t, m);
    ltd_json_end_array(&w);
    ltd_json_begin_array(&w, "rows");
    for (int32_t r = 0; r < t->n_rows; r++) put_json_row(&w, t, &t->row[r]);
    ltd_json_end_array(&w);
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}
