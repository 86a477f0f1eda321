/* How many tokens a second several texts give side by side, greedy, one token each a step: the peak
 * of generating in batches.  After each step the texts are cut to their length before it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "models/llm/session.h"
#include "tests/bench/measure.h"

static const char help[] =
    "usage: bench_texts [OPTION...]\n"
    "  --model FILE      GGUF file (models.cache/SmolLM2-135M-Instruct.Q4_1.gguf)\n"
    "  --threads N       0: all processors (0)\n"
    "  --texts N,...     side by side (1,8,16,32,64,96,128,192,256)\n"
    "  --context N       tokens of each before the step (128)\n"
    "  --rounds N        (7)\n"
    "  --json FILE       write the figures; - : to standard output, without the table\n";

enum { CHUNK = 64, STEPS = 3 /* of a round, the first not counted */ };

typedef struct options {
    const char *model, *json;
    int32_t threads, context, rounds;
    measure_ints texts;
} options;

typedef struct bench {
    ltd_session *session;
    int32_t *token, *text; /* [most texts or CHUNK] */
    int32_t context, vocab;
} bench;

static void parse(int argc, char **argv, options *o)
{
    enum { MODEL, THREADS, TEXTS, CONTEXT, ROUNDS, JSON, HELP };
    static const struct option names[] = {
        {"model", 1, NULL, MODEL},   {"threads", 1, NULL, THREADS},
        {"texts", 1, NULL, TEXTS},   {"context", 1, NULL, CONTEXT},
        {"rounds", 1, NULL, ROUNDS}, {"json", 1, NULL, JSON},
        {"help", 0, NULL, HELP},     {0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case MODEL: o->model = optarg; break;
        case THREADS: o->threads = measure_int("threads", optarg, 0, 64); break;
        case TEXTS: o->texts = measure_list("texts", optarg, 1, 1024); break;
        case CONTEXT: o->context = measure_int("context", optarg, 1, 1 << 16); break;
        case ROUNDS: o->rounds = measure_int("rounds", optarg, 1, 10000); break;
        case JSON: o->json = optarg; break;
        case HELP: fputs(help, stdout); exit(0);
        default: exit(2);
        }
    }
    if (optind < argc) measure_usage("'%s': not an option", argv[optind]);
}

/* Each text gets its own random tokens. */
static void begin(bench *b, int32_t texts)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    for (int32_t t = 0; t < texts; t++)
        for (int32_t at = 0, n; at < b->context; at += n) {
            n = b->context - at < CHUNK ? b->context - at : CHUNK;
            for (int32_t i = 0; i < n; i++) {
                b->token[i] = (int32_t)ltd_rng_below(&rng, (uint64_t)b->vocab);
                b->text[i] = t;
            }
            ltd_rows rows = {n, b->token, NULL, 0};
            if (ltd_session_append(b->session, &rows, b->text, &err) < 0) measure_fail(&err);
        }
}

static void run(bench *b, int32_t texts, measure_series *ms)
{
    ltd_err err = LTD_ERR_INIT;
    for (int32_t i = 0; i < texts; i++) {
        b->text[i] = i;
        b->token[i] = i % b->vocab;
    }
    ltd_rows rows = {texts, b->token, NULL, texts};
    for (int step = 0; step < STEPS; step++) {
        double t0 = measure_now();
        if (ltd_session_append(b->session, &rows, b->text, &err) < 0) measure_fail(&err);
        if (step) measure_add(ms, measure_now() - t0);
        for (int32_t i = 0; i < texts; i++)
            if (ltd_session_forget(b->session, i, b->context, &err) < 0) measure_fail(&err);
    }
}

static void print(const options *o, measure_series *ms)
{
    double one = measure_of(&ms[0]).median / o->texts.v[0];
    printf("texts      step [  25 %%,   75 %%]   tok/s   best   x %d\n", o->texts.v[0]);
    for (int32_t i = 0; i < o->texts.n; i++) {
        measure_summary m = measure_of(&ms[i]);
        double n = o->texts.v[i];
        printf("%5.0f %7.2f ms [%6.2f, %6.2f] %7.0f %6.0f %5.2f\n", n, m.median, m.p25, m.p75,
               1000 * n / m.median, 1000 * n / m.min, one * n / m.median);
    }
}

static void save(const options *o, const ltd_llama *model, measure_series *ms)
{
    ltd_str text = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&text, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_string(&w, "cpu", measure_cpu());
    ltd_json_put_string(&w, "isa", ltd_llama_kernels(model)->name);
    ltd_json_put_int(&w, "threads", ltd_pool_threads(ltd_llama_pool(model)));
    ltd_json_put_string(&w, "sha256", ltd_llama_hash(model));
    ltd_json_put_int(&w, "context", o->context);
    ltd_json_begin_array(&w, "steps");
    for (int32_t i = 0; i < o->texts.n; i++) {
        ltd_json_begin_object(&w, NULL);
        ltd_json_put_int(&w, "texts", o->texts.v[i]);
        measure_put(&w, "ms", measure_of(&ms[i]));
        ltd_json_end_object(&w);
    }
    ltd_json_end_array(&w);
    ltd_json_end_object(&w);
    measure_save(o->json, &text);
    ltd_str_fini(&text);
}

int main(int argc, char **argv)
{
    options o = {.model = "models.cache/SmolLM2-135M-Instruct.Q4_1.gguf",
                 .context = 128,
                 .rounds = 7,
                 .texts = {{1, 8, 16, 32, 64, 96, 128, 192, 256}, 9}};
    parse(argc, argv, &o);
    int32_t most = 1;
    for (int32_t i = 0; i < o.texts.n; i++) most = o.texts.v[i] > most ? o.texts.v[i] : most;
    ltd_err err = LTD_ERR_INIT;
    ltd_llama *model;
    ltd_llama_options lo = LTD_LLAMA_DEFAULTS;
    lo.threads = o.threads;
    lo.activation_bits = 8;
    if (ltd_llama_open(&model, o.model, &lo, &err) < 0) measure_fail(&err);
    int32_t rows = most > CHUNK ? most : CHUNK;
    ltd_session_options so = {o.context + 1, rows, true, false, most};
    bench b = {.context = o.context, .vocab = ltd_llama_config(model)->vocab};
    b.token = ltd_mem_zeros((size_t)rows, sizeof *b.token);
    b.text = ltd_mem_zeros((size_t)rows, sizeof *b.text);
    if (!b.token || !b.text || ltd_session_new(&b.session, model, &so, &err) < 0)
        measure_fail(&err);
    begin(&b, most);
    measure_series ms[MEASURE_MAX_LIST] = {{0}};
    for (int32_t r = 0; r < o.rounds; r++)
        for (int32_t i = 0; i < o.texts.n; i++) run(&b, o.texts.v[i], &ms[i]);
    if (!o.json || o.json[0] != '-') print(&o, ms);
    if (o.json) save(&o, model, ms);
    for (int32_t i = 0; i < o.texts.n; i++) measure_free(&ms[i]);
    ltd_session_free(b.session);
    ltd_llama_close(model);
    free(b.token);
    free(b.text);
    return 0;
}
