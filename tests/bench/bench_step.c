/* How long a whole step of the engine takes: forward with norms, rope, attention, head and argmax,
 * by rows and context; a plain decode; a prompt; the draft head; and how near one row comes to what
 * the memory allows.
 *
 * Points are measured in rounds, each round all of them in a shuffled order within a context, so
 * that a slow moment of a shared machine touches all alike. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "tests/bench/step.h"

static const char help[] =
    "usage: bench_step [OPTION...]\n"
    "  --model FILE        GGUF file (models.cache/SmolLM2-135M-Instruct.Q4_1.gguf)\n"
    "  --head FOLDER       draft head (heads/smollm2-135m-eagle3); none: without\n"
    "  --threads N         0: all processors (0)\n"
    "  --activations N     bits: 8 or 16 (8)\n"
    "  --isa NAME          instruction set of the kernels (the best here)\n"
    "  --rows N,...        rows of a step (1,2,3,4,6,8,12,16,24,32,48,64)\n"
    "  --contexts N,...    tokens before them (128)\n"
    "  --phase-rows N,...  rows of which the phases are told (1,4,16)\n"
    "  --rounds N          (15)\n"
    "  --decode N          tokens of the plain decode (128)\n"
    "  --prompt N          tokens of the prompt (256)\n"
    "  --chunk N           rows of a forward over a prompt (64, as ltd does)\n"
    "  --json FILE         write the figures; - : to standard output, without the table\n"
    "  --serve             answer requests on standard input (tests/bench/step.h)\n";

typedef struct options {
    rig_options rig;
    measure_ints rows, contexts, phase_rows;
    int32_t rounds, decode, prompt;
    const char *json, *isa;
    bool serve;
} options;

static const ltd_kernels *kernels_named(const char *name)
{
    if (!name) return ltd_kernels_best();
    for (int i = 0; i < LTD_ISA_COUNT; i++) {
        if (strcmp(ltd_isa_name((ltd_isa)i), name) != 0) continue;
        const ltd_kernels *k = ltd_kernels_get((ltd_isa)i);
        if (k) return k;
        measure_usage("--isa %s: not on this machine", name);
    }
    measure_usage("--isa %s: no such instruction set", name);
}

static void parse(int argc, char **argv, options *o)
{
    enum {
        MODEL,
        HEAD,
        THREADS,
        BITS,
        ISA,
        ROWS,
        CONTEXTS,
        PHASE,
        ROUNDS,
        DECODE,
        PROMPT,
        CHUNK,
        JSON,
        SERVE,
        HELP
    };
    static const struct option names[] = {
        {"model", 1, NULL, MODEL},       {"head", 1, NULL, HEAD},
        {"threads", 1, NULL, THREADS},   {"activations", 1, NULL, BITS},
        {"isa", 1, NULL, ISA},           {"rows", 1, NULL, ROWS},
        {"contexts", 1, NULL, CONTEXTS}, {"phase-rows", 1, NULL, PHASE},
        {"rounds", 1, NULL, ROUNDS},     {"decode", 1, NULL, DECODE},
        {"prompt", 1, NULL, PROMPT},     {"chunk", 1, NULL, CHUNK},
        {"json", 1, NULL, JSON},         {"serve", 0, NULL, SERVE},
        {"help", 0, NULL, HELP},         {0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case MODEL: o->rig.model = optarg; break;
        case HEAD: o->rig.head = strcmp(optarg, "none") == 0 ? NULL : optarg; break;
        case THREADS: o->rig.threads = measure_int("threads", optarg, 0, 64); break;
        case BITS: o->rig.bits = measure_int("activations", optarg, 8, 16); break;
        case ISA: o->isa = optarg; break;
        case ROWS: o->rows = measure_list("rows", optarg, 1, 1024); break;
        case CONTEXTS: o->contexts = measure_list("contexts", optarg, 1, 1 << 20); break;
        case PHASE: o->phase_rows = measure_list("phase-rows", optarg, 1, 1024); break;
        case ROUNDS: o->rounds = measure_int("rounds", optarg, 1, 10000); break;
        case DECODE: o->decode = measure_int("decode", optarg, 1, 1 << 16); break;
        case PROMPT: o->prompt = measure_int("prompt", optarg, 1, 1 << 16); break;
        case CHUNK: o->rig.chunk = measure_int("chunk", optarg, 1, 1024); break;
        case JSON: o->json = optarg; break;
        case SERVE: o->serve = true; break;
        case HELP: fputs(help, stdout); exit(0);
        default: exit(2);
        }
    }
    if (optind < argc) measure_usage("'%s': not an option", argv[optind]);
}

/* Room for the longest text with what follows it. */
static void fit(options *o)
{
    int32_t rows = 1, context = 1;
    for (int32_t i = 0; i < o->rows.n; i++)
        if (o->rows.v[i] > rows) rows = o->rows.v[i];
    for (int32_t i = 0; i < o->phase_rows.n; i++)
        if (o->phase_rows.v[i] > rows) rows = o->phase_rows.v[i];
    for (int32_t i = 0; i < o->contexts.n; i++)
        if (o->contexts.v[i] > context) context = o->contexts.v[i];
    int32_t behind = rows > o->decode ? rows : o->decode;
    o->rig.max_rows = rows;
    o->rig.context = (context > o->prompt ? context : o->prompt) + behind + RIG_CHUNK;
    if (o->rig.context < o->rig.chunk + 64) o->rig.context = o->rig.chunk + 64;
    if (o->rows.n * o->contexts.n > STEP_MAX_POINTS ||
        o->phase_rows.n * o->contexts.n > STEP_MAX_POINTS)
        measure_usage("more than %d points to measure", STEP_MAX_POINTS);
}

static void list_points(const options *o, step_results *s)
{
    static const int32_t pairs[] = {1, 2, 4, 0};
    for (int32_t c = 0; c < o->contexts.n; c++) {
        int32_t context = o->contexts.v[c];
        for (int32_t r = 0; r < o->rows.n; r++)
            s->points[s->n_points++] = (step_point){.rows = o->rows.v[r], .context = context};
        for (int32_t r = 0; r < o->phase_rows.n; r++)
            s->shares[s->n_shares++] =
                (step_shares){.rows = o->phase_rows.v[r], .context = context};
        for (int32_t i = 0; o->rig.head && i < 4; i++)
            s->drafts[s->n_drafts++] = (step_draft){.pairs = pairs[i], .context = context};
    }
}

/* All points of a context in turn, so that the text grows once a round. */
static int run_context(rig *r, step_results *s, int32_t context, ltd_rng *rng, ltd_err *err)
{
    int32_t order[STEP_MAX_POINTS], n = 0;
    double ms[8];
    int rc = LTD_OK;
    for (int32_t i = 0; i < s->n_points; i++)
        if (s->points[i].context == context) order[n++] = i;
    ltd_rng_shuffle(rng, order, (size_t)n);
    for (int32_t i = 0; rc == LTD_OK && i < n; i++) rc = step_run(r, &s->points[order[i]], err);
    for (int32_t i = 0; rc == LTD_OK && i < s->n_shares; i++)
        if (s->shares[i].context == context) rc = step_watch(r, &s->shares[i], err);
    for (int32_t i = 0; rc == LTD_OK && i < s->n_drafts; i++) {
        if (s->drafts[i].context != context) continue;
        rc = rig_draft(r, s->drafts[i].pairs, context, 8, ms, err);
        for (int j = 3; rc == LTD_OK && j < 8; j++) measure_add(&s->drafts[i].ms, ms[j]);
    }
    return rc;
}

static int run_round(rig *r, const options *o, step_results *s, ltd_rng *rng, ltd_err *err)
{
    double ms;
    int rc = LTD_OK;
    for (int32_t c = 0; rc == LTD_OK && c < o->contexts.n; c++)
        rc = run_context(r, s, o->contexts.v[c], rng, err);
    if (rc == LTD_OK) rc = rig_decode(r, o->decode, o->contexts.v[0], &ms, NULL, err);
    if (rc == LTD_OK) measure_add(&s->decode, ms);
    if (rc == LTD_OK) rc = rig_prompt(r, o->prompt, &ms, err);
    if (rc == LTD_OK) measure_add(&s->prompt, ms);
    return rc;
}

static int measure_all(rig *r, const options *o, step_results *s, ltd_err *err)
{
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    measure_load load = measure_load_now();
    int rc = step_bytes(r, &s->roof.bytes, err);
    for (int32_t i = 0; rc == LTD_OK && i < o->rounds; i++) {
        if (isatty(2)) fprintf(stderr, "\rround %d of %d ", i + 1, o->rounds);
        rc = run_round(r, o, s, &rng, err);
    }
    if (isatty(2)) fprintf(stderr, "\n");
    if (rc == LTD_OK) rc = step_roof_run(r, o->contexts.v[0], o->rounds, &s->roof, err);
    s->others = measure_others(load);
    return rc;
}

static void free_results(step_results *s)
{
    for (int32_t i = 0; i < s->n_points; i++) {
        measure_free(&s->points[i].first);
        measure_free(&s->points[i].warm);
        measure_free(&s->points[i].steady);
    }
    for (int32_t i = 0; i < s->n_shares; i++) {
        measure_free(&s->shares[i].total);
        for (int p = 0; p < PHASE_COUNT; p++) measure_free(&s->shares[i].ms[p]);
    }
    for (int32_t i = 0; i < s->n_drafts; i++) measure_free(&s->drafts[i].ms);
    measure_free(&s->decode);
    measure_free(&s->prompt);
    step_roof_free(&s->roof);
}

int main(int argc, char **argv)
{
    static step_results s;
    options o = {.rig = {.model = "models.cache/SmolLM2-135M-Instruct.Q4_1.gguf",
                         .head = "heads/smollm2-135m-eagle3",
                         .bits = 8,
                         .chunk = RIG_CHUNK},
                 .rows = {{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64}, 12},
                 .contexts = {{128}, 1},
                 .phase_rows = {{1, 4, 16}, 3},
                 .rounds = 15,
                 .decode = 128,
                 .prompt = 256};
    ltd_err err = LTD_ERR_INIT;
    rig r;
    parse(argc, argv, &o);
    fit(&o);
    o.rig.kernels = phases_table(kernels_named(o.isa));
    if (rig_open(&r, &o.rig, &err) < 0) measure_fail(&err);
    phases_head(ltd_llama_config(r.model)->vocab);
    if (o.serve) {
        int code = step_serve(&r);
        rig_close(&r);
        return code;
    }
    s = (step_results){
        .rig = &r, .rounds = o.rounds, .decode_tokens = o.decode, .prompt_tokens = o.prompt};
    list_points(&o, &s);
    if (measure_all(&r, &o, &s, &err) < 0) measure_fail(&err);
    if (!o.json || strcmp(o.json, "-") != 0) step_print(&s);
    if (o.json) step_write(&s, o.json);
    free_results(&s);
    rig_close(&r);
    return 0;
}
