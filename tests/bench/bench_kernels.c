/* Every kernel of every instruction set that this machine has, by weight type and rows, on one
 * thread: what a change of one of them is worth before the whole step is measured (bench_step).
 * Instruction sets, weight types and their names come from the library: new ones show up by
 * themselves. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/kernels.h"

static const char help[] =
    "usage: bench_kernels [OPTION...]\n"
    "  --isas NAME,...     (all of this machine but plain)\n"
    "  --kinds NAME,...    weight types as files name them (Q4_1,Q8_0); all\n"
    "  --rows N,...        rows of activations (1,2,3,4,6,8,12,16,24,32,48,64)\n"
    "  --contexts N,...    tokens that attention sees (128,512,2048)\n"
    "  --groups NAME,...   linear,attention,row (all)\n"
    "  --stream-mb N       weights that go by before one is read again (256)\n"
    "  --budget-ms N       time of a measurement (30)\n"
    "  --json FILE         write the figures; - : to standard output, without the table\n";

bool kernel_named(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = list; p && *p; p += *p == ',') {
        size_t len = strcspn(p, ",");
        if (len == n && strncmp(p, name, n) == 0) return true;
        p += len;
    }
    return list == NULL;
}

/* Plain C only when it is named: it defines the results, not the speed. */
const ltd_kernels *kernel_isa(const kernel_options *o, int i)
{
    for (int isa = 0; isa < LTD_ISA_COUNT; isa++) {
        const ltd_kernels *k = ltd_kernels_get((ltd_isa)isa);
        if (!k || !kernel_named(o->isas, k->name)) continue;
        if (!o->isas && k->isa == LTD_ISA_PLAIN && LTD_ISA_COUNT > 1 &&
            ltd_kernels_best()->isa != LTD_ISA_PLAIN)
            continue;
        if (i-- == 0) return k;
    }
    return NULL;
}

void kernel_time(const kernel_options *o, void (*fn)(void *ctx), void *ctx, kernel_result *ret)
{
    measure_series us = {0};
    fn(ctx);
    double t0 = measure_now();
    fn(ctx);
    double once = measure_now() - t0;
    int calls = once > 0 ? (int)(o->budget_ms / 10 / once) : 1 << 16;
    if (calls < 1) calls = 1;
    if (calls > 1 << 16) calls = 1 << 16;
    double begin = measure_now();
    do {
        t0 = measure_now();
        for (int i = 0; i < calls; i++) fn(ctx);
        measure_add(&us, 1000 * (measure_now() - t0) / calls);
    } while (measure_now() - begin < o->budget_ms);
    measure_summary sum = measure_of(&us);
    ret->us = sum.median;
    ret->us_min = sum.min;
    measure_free(&us);
}

void kernel_keep(kernel_results *s, const kernel_result *r, double macs, double bytes)
{
    if (s->n == KERNELS_MAX_RESULTS) measure_usage("more than %d results", KERNELS_MAX_RESULTS);
    kernel_result *k = &s->v[s->n++];
    *k = *r;
    k->gmac_s = macs / k->us * 1e-3;
    k->gb_s = bytes / k->us * 1e-3;
    if (s->tell) s->tell(k);
}

static void tell(const kernel_result *r)
{
    static const char *group = "";
    if (strcmp(group, r->group) != 0)
        printf("\n%-10s %-28s isa          where  bits rows context         us    fastest   GMAC/s"
               "    GB/s\n",
               r->group, "");
    group = r->group;
    printf("%-10s %-28s %-12s %-6s %4d %4d %7d %10.3f %10.3f", "", r->name, r->isa, r->where,
           r->bits, r->rows, r->context, r->us, r->us_min);
    if (r->gmac_s > 0) printf(" %8.1f %7.1f", r->gmac_s, r->gb_s);
    printf("\n");
}

static void write_json(const kernel_results *s, const kernel_options *o, const char *path,
                       double others)
{
    ltd_str text = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&text, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_string(&w, "cpu", measure_cpu());
    ltd_json_put_string(&w, "best_isa", ltd_kernels_best()->name);
    ltd_json_put_int(&w, "threads", 1);
    ltd_json_put_int(&w, "stream_mb", o->stream_mb);
    ltd_json_put_f64(&w, "other_cpu_share", others);
    ltd_json_begin_array(&w, "kernels");
    for (int32_t i = 0; i < s->n; i++) {
        const kernel_result *r = &s->v[i];
        ltd_json_begin_inline_object(&w, NULL);
        ltd_json_put_string(&w, "group", r->group);
        ltd_json_put_string(&w, "name", r->name);
        ltd_json_put_string(&w, "isa", r->isa);
        ltd_json_put_string(&w, "where", r->where);
        if (r->bits) ltd_json_put_int(&w, "bits", r->bits);
        ltd_json_put_int(&w, "rows", r->rows);
        if (r->context) ltd_json_put_int(&w, "context", r->context);
        ltd_json_put_f64(&w, "us", r->us);
        ltd_json_put_f64(&w, "us_min", r->us_min);
        if (r->gmac_s > 0) ltd_json_put_f64(&w, "gmac_s", r->gmac_s);
        if (r->gb_s > 0) ltd_json_put_f64(&w, "gb_s", r->gb_s);
        ltd_json_end_object(&w);
    }
    ltd_json_end_array(&w);
    ltd_json_end_object(&w);
    measure_save(path, &text);
    ltd_str_fini(&text);
}

int main(int argc, char **argv)
{
    enum { ISAS, KINDS, ROWS, CONTEXTS, GROUPS, STREAM, BUDGET, JSON, HELP };
    static const struct option names[] = {
        {"isas", 1, NULL, ISAS},        {"kinds", 1, NULL, KINDS},
        {"rows", 1, NULL, ROWS},        {"contexts", 1, NULL, CONTEXTS},
        {"groups", 1, NULL, GROUPS},    {"stream-mb", 1, NULL, STREAM},
        {"budget-ms", 1, NULL, BUDGET}, {"json", 1, NULL, JSON},
        {"help", 0, NULL, HELP},        {0}};
    static kernel_results s;
    kernel_options o = {.kinds = "Q4_1,Q8_0",
                        .rows = {{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64}, 12},
                        .contexts = {{128, 512, 2048}, 3},
                        .stream_mb = 256,
                        .budget_ms = 30};
    const char *json = NULL, *groups = NULL;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case ISAS: o.isas = optarg; break;
        case KINDS: o.kinds = strcmp(optarg, "all") == 0 ? NULL : optarg; break;
        case ROWS: o.rows = measure_list("rows", optarg, 1, 256); break;
        case CONTEXTS: o.contexts = measure_list("contexts", optarg, 1, 1 << 16); break;
        case GROUPS: groups = optarg; break;
        case STREAM: o.stream_mb = measure_int("stream-mb", optarg, 1, 8192); break;
        case BUDGET: o.budget_ms = measure_int("budget-ms", optarg, 1, 10000); break;
        case JSON: json = optarg; break;
        case HELP: fputs(help, stdout); return 0;
        default: return 2;
        }
    }
    if (optind < argc) measure_usage("'%s': not an option", argv[optind]);
    if (!kernel_isa(&o, 0)) measure_usage("--isas %s: none on this machine", o.isas);
    if (!json || strcmp(json, "-") != 0) {
        s.tell = tell;
        printf("%s, best: %s; one thread\n", measure_cpu(), ltd_kernels_best()->name);
    }
    measure_load load = measure_load_now();
    if (kernel_named(groups, "linear")) kernel_linear(&o, &s);
    if (kernel_named(groups, "attention")) kernel_attention(&o, &s);
    if (kernel_named(groups, "row")) kernel_rows(&o, &s);
    if (s.n == 0) measure_usage("nothing was asked for: see --kinds and --groups");
    double others = measure_others(load);
    if (s.tell) printf("\nothers used %.1f %% of the machine\n", 100 * others);
    if (json) write_json(&s, &o, json, others);
    return 0;
}
