/* What the policy does: maps of its decisions by draft forwards so far and confidence. */
#include <math.h>
#include <stdio.h>

#include "trainer/report/report_svg.h"
#include "trainer/train/action_map.h"

enum { CLASSES = LTD_ACTION_CLASSES, FORWARDS = LTD_TREE_MAX_DEPTH + 1 };

typedef struct cell {
    double asked, went_on, stopped, nodes;
} cell;

typedef struct map {
    cell at[FORWARDS][CLASSES];
    int rows;
    double asked, most_nodes;
} map;

/* false: columns are missing, or nothing was asked. */
static bool read_map(map *m, const ltd_report_csv *t)
{
    static const char *const name[] = {"forwards", "confidence_from", "asked",
                                       "went_on",  "stopped",         "nodes"};
    const double *v[6];
    for (int k = 0; k < 6; k++)
        if (!(v[k] = ltd_report_csv_column(t, name[k]))) return false;
    for (size_t i = 0; i < t->rows; i++) {
        if (!(v[0][i] >= 0 && v[0][i] < FORWARDS && v[1][i] >= 0 && v[1][i] < 1)) continue;
        int n = (int)v[0][i], c = (int)(v[1][i] * CLASSES + 0.5);
        cell *to = &m->at[n][c < CLASSES ? c : CLASSES - 1];
        *to = (cell){v[2][i], v[3][i], v[4][i], v[5][i]};
        if (n >= m->rows) m->rows = n + 1;
        if (isfinite(to->asked)) m->asked += to->asked;
        if (to->nodes > m->most_nodes) m->most_nodes = to->nodes;
    }
    return m->rows > 0;
}

static void put_cell(double share, const char *text, double n, const char *of, ltd_str *out)
{
    ltd_str_printf(out, "<td style=\"--a:%.2f\" title=\"%.0f %s\">%s</td>", 0.04 + 0.5 * share, n,
                   of, text);
}

static void put_row(const map *m, int n, bool go, ltd_str *out)
{
    ltd_str_printf(out, "<tr><th>%d</th>", n);
    for (int c = 0; c < CLASSES; c++) {
        const cell *a = &m->at[n][c];
        char text[16];
        if (go && a->asked > 0) {
            double share = a->went_on / a->asked;
            snprintf(text, sizeof text, "%.0f", 100 * share);
            put_cell(share, text, a->asked, "questions", out);
        } else if (!go && a->stopped > 0 && isfinite(a->nodes)) {
            snprintf(text, sizeof text, "%.1f", a->nodes);
            put_cell(m->most_nodes > 0 ? a->nodes / m->most_nodes : 0, text, a->stopped, "cycles",
                     out);
        } else {
            ltd_str_puts(out, "<td></td>");
        }
    }
    ltd_str_puts(out, "</tr>\n");
}

static void put_map(const map *m, bool go, ltd_str *out)
{
    ltd_str_printf(out, "<table class=\"heat\"><caption><b>%s</b></caption>\n<tr><th>n</th>",
                   go ? "Goes on, % of questions" : "Nodes verified where it stops, mean");
    for (int c = 0; c < CLASSES; c++) ltd_str_printf(out, "<th>.%d</th>", c);
    ltd_str_puts(out, "</tr>\n");
    for (int n = 0; n < m->rows; n++) put_row(m, n, go, out);
    ltd_str_puts(out, "</table>\n");
}

void ltd_report_actions(const ltd_report_csv *t, ltd_str *out)
{
    map m = {.rows = 0};
    if (!read_map(&m, t)) return;
    ltd_str_puts(out, "<h2>What the policy does</h2>\n<div class=\"panels\">\n");
    put_map(&m, true, out);
    put_map(&m, false, out);
    ltd_str_printf(out,
                   "</div>\n<p class=\"note\">Down: draft forwards n so far.  Across: confidence, "
                   "how likely the text is to pass through the best node that the next forward "
                   "would expand; .3 stands for 0.3 up to 0.4.  Greedy, on held-out prompts, "
                   "%.0f questions in the last validation.</p>\n",
                   m.asked);
}
