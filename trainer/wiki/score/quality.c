#include "trainer/wiki/score/quality.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define FIGURE(group, name, decimals) {#name, offsetof(ltd_wiki_quality, name), LTD_WIKI_##group, decimals}
#define LEX(group, name, field) {#name, offsetof(ltd_wiki_quality, field##_##name), LTD_WIKI_##group, 4}
/* clang-format on */

static const ltd_wiki_figure list[] = {
    FIGURE(QUALITY, rouge1, 4),
    FIGURE(QUALITY, rouge1_precision, 4),
    FIGURE(QUALITY, rouge1_recall, 4),
    FIGURE(QUALITY, rouge2, 4),
    FIGURE(QUALITY, rouge2_precision, 4),
    FIGURE(QUALITY, rouge2_recall, 4),
    FIGURE(QUALITY, rougeL, 4),
    FIGURE(QUALITY, rougeL_precision, 4),
    FIGURE(QUALITY, rougeL_recall, 4),
    FIGURE(QUALITY, rougeL_coco, 4),
    FIGURE(QUALITY, bleu1, 4),
    FIGURE(QUALITY, bleu4, 4),
    FIGURE(QUALITY, meteor_exact, 4),
    FIGURE(QUALITY, words, 1),
    FIGURE(QUALITY, length_ratio, 3),
    FIGURE(QUALITY, sentences, 1),
    FIGURE(QUALITY, sections, 1),
    FIGURE(QUALITY, well_formed_headings, 1),
    FIGURE(QUALITY, duplicate_headings, 1),
    FIGURE(QUALITY, empty_sections, 1),
    FIGURE(QUALITY, words_per_section, 1),
    FIGURE(QUALITY, repeated_run, 1),
    FIGURE(QUALITY, distinct4, 4),
    FIGURE(QUALITY, outline_exact_recall, 4),
    FIGURE(QUALITY, outline_soft_recall, 4),
    FIGURE(QUALITY, outline_soft_precision, 4),
    FIGURE(QUALITY, infobox_coverage, 4),
    FIGURE(QUALITY, number_recall, 4),
    FIGURE(QUALITY, name_recall, 4),
    FIGURE(QUALITY, retrieval_coverage, 4),
    FIGURE(QUALITY, cited_fraction, 4),
    FIGURE(QUALITY, links, 1),
    FIGURE(QUALITY, bad_links, 1),
    FIGURE(QUALITY, chunks_cited, 1),
    FIGURE(QUALITY, chunks_given, 1),
    FIGURE(QUALITY, source_use, 4),
    FIGURE(QUALITY, marks_per_cited_sentence, 3),
    LEX(LEX, recall, lex),
    LEX(LEX, precision, lex),
    LEX(LEX, rate, lex),
    LEX(LEX_STRICT, recall, strict),
    LEX(LEX_STRICT, precision, strict),
    LEX(LEX_STRICT, rate, strict),
};
enum { FIGURES = sizeof list / sizeof *list };
_Static_assert(FIGURES == sizeof(ltd_wiki_quality) / sizeof(double), "every figure is listed");

const ltd_wiki_figure *ltd_wiki_figure_list(size_t *n)
{
    *n = FIGURES;
    return list;
}

double ltd_wiki_figure_get(const ltd_wiki_quality *q, const ltd_wiki_figure *figure)
{
    double v;
    memcpy(&v, (const char *)q + figure->offset, sizeof v);
    return v;
}

static void set(ltd_wiki_quality *q, const ltd_wiki_figure *figure, double v)
{
    memcpy((char *)q + figure->offset, &v, sizeof v);
}

const char *ltd_wiki_figures_name(ltd_wiki_figures group)
{
    static const char *const names[LTD_WIKI_FIGURES_COUNT] = {"quality", "citation_lex",
                                                              "citation_lex_strict"};
    return names[group];
}

void ltd_wiki_quality_mean(const ltd_wiki_quality *q, size_t n, ltd_wiki_quality *ret)
{
    ltd_wiki_quality mean;
    for (size_t k = 0; k < FIGURES; k++) {
        double sum = 0, have = 0;
        for (size_t i = 0; i < n; i++) {
            double v = ltd_wiki_figure_get(&q[i], &list[k]);
            if (isnan(v)) continue;
            sum += v;
            have++;
        }
        set(&mean, &list[k], have > 0 ? sum / have : NAN);
    }
    *ret = mean;
}

void ltd_wiki_quality_put_json(const ltd_wiki_quality *q, ltd_wiki_figures group,
                               ltd_json_writer *w)
{
    ltd_json_begin_object(w, ltd_wiki_figures_name(group));
    if (group != LTD_WIKI_QUALITY)
        ltd_json_put_f64(w, "tau", ltd_wiki_citations_tau(group == LTD_WIKI_LEX_STRICT));
    for (size_t k = 0; k < FIGURES; k++)
        if (list[k].group == group)
            ltd_json_put_f64(w, list[k].name, ltd_wiki_figure_get(q, &list[k]));
    ltd_json_end_object(w);
}

/* "recall, tau .7" needs its group told; figures of LTD_WIKI_QUALITY don't. */
static void put_label(const ltd_wiki_figure *f, ltd_str *out)
{
    char label[64];
    if (f->group == LTD_WIKI_QUALITY)
        snprintf(label, sizeof label, "%s", f->name);
    else
        snprintf(label, sizeof label, "citation_%s_lex, tau %g", f->name,
                 ltd_wiki_citations_tau(f->group == LTD_WIKI_LEX_STRICT));
    ltd_str_printf(out, "  %-32s", label);
}

void ltd_wiki_quality_put_table(const ltd_wiki_quality *q, const char *const *title, size_t n,
                                ltd_str *out)
{
    ltd_str_printf(out, "  %-32s", "");
    for (size_t i = 0; i < n; i++) ltd_str_printf(out, " %12.12s", title[i]);
    ltd_str_puts(out, "\n");
    for (size_t k = 0; k < FIGURES; k++) {
        put_label(&list[k], out);
        for (size_t i = 0; i < n; i++) {
            double v = ltd_wiki_figure_get(&q[i], &list[k]);
            if (isnan(v))
                ltd_str_printf(out, " %12s", "-");
            else
                ltd_str_printf(out, " %12.*f", list[k].decimals, v);
        }
        ltd_str_puts(out, "\n");
    }
}
