#include "trainer/wiki/score/paper_table.h"

#include <math.h>
#include <stdio.h>

enum {
    FLUENCY,
    ORGANIZATION,
    OUTLINE,
    METEOR,
    ROUGE_L,
    FOCUS,
    COVERAGE,
    INFO,
    RATE,
    RECALL,
    PRECISION,
    WORDS,
    COLUMNS
};

static const char *const title[COLUMNS] = {"fluen", "organ", "outl", "METEOR", "R-L",  "focus",
                                           "cover", "info",  "rate", "recall", "prec", "words"};

typedef struct row {
    const char *name;
    double v[COLUMNS]; /* grades 0 to 5, shares x 100; NAN: not in the table */
} row;

static const row rows[] = {
    {"human article", {4.45, 3.61, 2.64, NAN, NAN, 4.02, 4.10, 4.83, NAN, NAN, NAN, 1639.0}},
    {"RR GPT3.5-0613",
     {4.31, 4.05, 2.86, 10.73, 17.81, 4.26, 3.94, 3.49, 42.09, 38.78, 36.70, 579.1}},
    {"RR GPT3.5-16k",
     {4.29, 4.02, 2.84, 10.29, 17.42, 4.22, 3.89, 3.39, 38.38, 33.98, 32.68, 541.3}},
    {"RR Llama2-7b",
     {3.87, 3.64, 1.43, 10.21, 16.05, 3.77, 3.27, 2.94, 10.16, 15.85, 15.83, 625.7}},
    {"RR Llama2-13b", {3.97, 4.16, 2.39, 9.74, 15.89, 4.38, 3.91, 3.03, 7.91, 8.91, 8.91, 552.9}},
    {"RR Vicuna-7b", {4.06, 3.46, 1.61, 10.18, 17.34, 3.69, 3.39, 3.27, 6.40, 4.41, 4.38, 535.2}},
    {"RR Vicuna-13b",
     {4.18, 3.72, 2.27, 9.80, 17.33, 3.98, 3.63, 3.39, 16.88, 11.03, 10.70, 491.8}},
    {"PRR GPT3.5-0613",
     {4.02, 3.36, 2.76, 22.29, 22.26, 3.69, 3.51, 3.78, 50.96, 53.47, 52.43, 1991.2}},
    {"PRR GPT3.5-16k",
     {4.02, 3.38, 2.76, 22.24, 22.27, 3.70, 3.51, 3.76, 50.6, 53.57, 52.53, 1988.9}},
    {"PRR Llama2-7b",
     {2.83, 2.74, 2.52, 24.14, 21.16, 2.87, 2.69, 2.27, 13.08, 27.02, 26.89, 4210.4}},
    {"PRR Llama2-13b",
     {3.70, 3.41, 2.70, 24.18, 20.94, 3.68, 3.40, 3.29, 12.77, 14.30, 14.30, 3789.5}},
    {"PRR Vicuna-7b",
     {2.89, 2.40, 2.71, 23.43, 21.87, 2.61, 2.68, 2.61, 14.89, 22.40, 22.08, 5146.4}},
    {"PRR Vicuna-13b",
     {3.65, 3.06, 3.01, 24.50, 23.29, 3.20, 3.17, 3.37, 18.96, 24.93, 23.37, 4182.9}},
    {"Tuned Llama2-7b",
     {4.06, 3.78, 0.47, 12.03, 17.19, 3.91, 3.67, 3.34, 32.29, 24.67, 21.23, 740.9}},
    {"Tuned Llama2-13b",
     {4.22, 3.88, 0.17, 11.39, 17.19, 4.01, 3.69, 3.32, 38.08, 27.62, 24.85, 633.5}},
    {"Tuned Vicuna-7b",
     {3.93, 3.54, 0.66, 13.45, 17.08, 3.57, 3.03, 3.21, 24.74, 25.75, 22.62, 1109.6}},
    {"Tuned Vicuna-13b",
     {4.07, 3.68, 0.65, 12.80, 17.26, 3.91, 3.67, 3.40, 34.68, 29.58, 26.73, 944.6}},
    {"GPT4 (table 10)",
     {4.55, 4.40, 2.88, 10.74, 18.08, 4.57, 4.29, 3.84, 54.27, 46.65, 40.84, 569.0}},
};

static void put_row(const char *name, const double *v, ltd_str *out)
{
    ltd_str_printf(out, "  %-22.22s", name);
    for (int i = 0; i < COLUMNS; i++) {
        if (isnan(v[i]))
            ltd_str_printf(out, " %6s", "-");
        else
            ltd_str_printf(out, " %6.*f", i == WORDS ? 0 : 2, v[i]);
    }
    ltd_str_puts(out, "\n");
}

static void put_ours(const ltd_wiki_ours *o, ltd_str *out)
{
    double v[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) v[i] = NAN;
    v[ROUGE_L] = 100 * o->quality->rougeL_coco;
    v[WORDS] = o->quality->words;
    const ltd_wiki_judged *j = o->judged;
    if (j) {
        v[FLUENCY] = j->fluency;
        v[ORGANIZATION] = j->organization;
        v[OUTLINE] = j->outline;
        v[FOCUS] = j->focus;
        v[COVERAGE] = j->coverage;
        v[INFO] = j->info;
        v[RATE] = 100 * j->rate;
        v[RECALL] = 100 * j->recall;
        v[PRECISION] = 100 * j->precision;
    }
    put_row(o->name, v, out);
}

void ltd_wiki_paper_table(const ltd_wiki_ours *ours, size_t n, ltd_str *out)
{
    ltd_str_puts(out,
                 "table 2 of the paper: its 309 events, its models, its judges (grades 0 to 5, "
                 "the rest x 100)\n");
    ltd_str_printf(out, "  %-22s", "");
    for (int i = 0; i < COLUMNS; i++) ltd_str_printf(out, " %6s", title[i]);
    ltd_str_puts(out, "\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) put_row(rows[i].name, rows[i].v, out);
    for (size_t i = 0; i < n; i++) put_ours(&ours[i], out);
    ltd_str_puts(out,
                 "  -: needs a judge, or is another figure here (meteor_exact has no stems and "
                 "synonyms)\n");
}
