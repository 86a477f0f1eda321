/* Training curves: which keys of metrics.csv go into which chart. */
#include <stdio.h>
#include <string.h>

#include "trainer/report/report_svg.h"

typedef struct chart {
    const char *heading; /* begins a section; NULL: goes on with the last one */
    const char *title, *unit;
    struct {
        const char *key, *name;
    } line[LTD_REPORT_SERIES];
} chart;

static const chart charts[] = {
    {"Speed and reward", "Reward of a cycle", "", {{"rollout/ep_rew_mean", "reward"}}},
    {NULL,
     "Speed-up over plain decoding",
     "x",
     {{"rollout/speedup", "while exploring"}, {"valid/speedup", "greedy, held out, by the table"}}},
    {NULL,
     "Speed",
     "tokens/s",
     {{"rollout/tok_s", "while exploring"}, {"valid/tok_s", "greedy, held out"}}},
    {NULL,
     "Accepted length",
     "tokens a cycle",
     {{"rollout/accept_len", "while exploring"}, {"valid/accept_len", "greedy, held out"}}},
    {NULL, "Draft forwards", "a cycle", {{"rollout/forwards", "while exploring"}}},
    {NULL, "Nodes verified", "a cycle", {{"rollout/size", "while exploring"}}},
    {NULL,
     "Phases",
     "share of the windows",
     {{"phase/draft", "draft"},
      {"phase/verify", "verify"},
      {"phase/decide", "decide"},
      {"phase/commit", "commit"},
      {"phase/other", "other"}}},
    {"Learning",
     "KL of an update",
     "nats",
     {{"train/depth/approx_kl", "depth"}, {"train/size/approx_kl", "size"}}},
    {NULL, "Entropy", "nats", {{"train/depth/entropy", "depth"}, {"train/size/entropy", "size"}}},
    {NULL,
     "Explained variance",
     "",
     {{"train/depth/explained_variance", "depth"}, {"train/size/explained_variance", "size"}}},
    {NULL,
     "Clipped",
     "share of decisions",
     {{"train/depth/clip_fraction", "depth"}, {"train/size/clip_fraction", "size"}}},
    {NULL,
     "Value loss",
     "",
     {{"train/depth/value_loss", "depth"}, {"train/size/value_loss", "size"}}},
    {NULL, "Learning rate", "", {{"train/learning_rate", "Adam"}}},
    /* of a draft head */
    {"Draft head",
     "Accepted length, held out",
     "tokens a cycle",
     {{"valid/tree_accept_len", "tree of 3 forwards, 8 nodes"},
      {"valid/chain_accept_len", "chain of 3 forwards"}}},
    {NULL,
     "Right tokens, held out",
     "share",
     {{"valid/depth1_accept", "first of a draft"},
      {"valid/depth2_accept", "second"},
      {"valid/depth3_accept", "third"}}},
    {NULL,
     "KL to the target",
     "nats",
     {{"train/kl_1", "step 1"},
      {"train/kl_2", "step 2"},
      {"train/kl_3", "step 3"},
      {"train/kl_4", "step 4"}}},
    {NULL,
     "Most probable token is the target's",
     "share",
     {{"train/hit_1", "step 1"},
      {"train/hit_2", "step 2"},
      {"train/hit_3", "step 3"},
      {"train/hit_4", "step 4"}}},
    /* of passes over records */
    {"Over records",
     "Speed-up over plain decoding",
     "x, by pass",
     {{"plan/train", "training prompts"}, {"plan/valid", "held out"}}},
};
enum { N_CHARTS = sizeof charts / sizeof charts[0] };
enum { COMPARED = 2 }; /* lines of a chart that are worth a chart each */

/* Sections open with their first chart, so that those without any don't show. */
typedef struct sections {
    const char *heading; /* to come before the next chart; NULL: it stands already */
    bool open;
    ltd_str *out;
} sections;

static void put(sections *s, const char *title, const char *unit, const ltd_report_line *line,
                int n)
{
    ltd_str drawn = LTD_STR_INIT;
    ltd_report_lines(title, unit, line, n, &drawn);
    if (drawn.len && s->heading) {
        if (s->open) ltd_str_puts(s->out, "</div>\n");
        ltd_str_printf(s->out, "<h2>%s</h2>\n<div class=\"panels\">\n", s->heading);
        s->heading = NULL;
        s->open = true;
    }
    ltd_str_push(s->out, ltd_str_text(&drawn), drawn.len);
    s->out->failed = s->out->failed || drawn.failed;
    ltd_str_fini(&drawn);
}

static void end(sections *s)
{
    if (s->open) ltd_str_puts(s->out, "</div>\n");
}

void ltd_report_curves(const ltd_report_csv *t, ltd_str *out)
{
    sections s = {.out = out};
    const double *x = ltd_report_csv_column(t, "step");
    for (int i = 0; x && i < N_CHARTS; i++) {
        ltd_report_line line[LTD_REPORT_SERIES];
        int n = 0;
        for (int k = 0; k < LTD_REPORT_SERIES && charts[i].line[k].key; k++) {
            const double *y = ltd_report_csv_column(t, charts[i].line[k].key);
            if (y) line[n++] = (ltd_report_line){charts[i].line[k].name, x, y, t->rows};
        }
        if (charts[i].heading) s.heading = charts[i].heading;
        put(&s, charts[i].title, charts[i].unit, line, n);
    }
    end(&s);
}

/* A chart for each key: "Entropy, depth". */
static void put_key(sections *s, const chart *c, int k, const ltd_report_csv *const *metrics,
                    const char *const *name, int n)
{
    ltd_report_line line[LTD_REPORT_SERIES];
    char title[128];
    int lines = 0;
    for (int r = 0; r < n; r++) {
        const double *x = ltd_report_csv_column(metrics[r], "step"),
                     *y = ltd_report_csv_column(metrics[r], c->line[k].key);
        static const double nowhere[1] = {0};
        if (x && y)
            line[lines++] = (ltd_report_line){name[r], x, y, metrics[r]->rows};
        else /* keeps the colours */
            line[lines++] = (ltd_report_line){name[r], nowhere, nowhere, 0};
    }
    if (c->line[1].key)
        snprintf(title, sizeof title, "%s, %s", c->title, c->line[k].name);
    else
        snprintf(title, sizeof title, "%s", c->title);
    put(s, title, c->unit, line, lines);
}

void ltd_report_curves_of(const ltd_report_csv *const *metrics, const ltd_report_csv *const *plan,
                          const char *const *name, int n, ltd_str *out)
{
    sections s = {.out = out};
    for (int i = 0; i < N_CHARTS; i++) {
        if (charts[i].heading) s.heading = charts[i].heading;
        for (int k = 0; k < COMPARED && charts[i].line[k].key; k++) {
            bool of_plan = strncmp(charts[i].line[k].key, "plan/", 5) == 0;
            put_key(&s, &charts[i], k, of_plan ? plan : metrics, name, n);
        }
    }
    end(&s);
}
