/* What a draft head is worth: acceptance and accepted lengths on a model's greedy answers to the
 * prompts of question.jsonl files.  No time is measured but that of the program. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/measure.h"
#include "trainer/distill/head_report.h"

static const char help[] =
    "usage: accepted_length [OPTION...] FILE...\n"
    "  FILE             question.jsonl; a task is the folder that it lies in\n"
    "  --model FILE     GGUF file or folder (models.cache/SmolLM2-135M-Instruct.Q4_1.gguf)\n"
    "  --head FOLDER    draft head (heads/smollm2-135m-eagle3)\n"
    "  --head-dtype T   f32, f16 or q8 (q8)\n"
    "  --vocabulary V   auto, static or context (auto)\n"
    "  --chat NAME      template of the prompts (the model's own)\n"
    "  --limit N        prompts of a file, 0: all (40)\n"
    "  --max-new N      tokens of an answer (256)\n"
    "  --texts N        answers written side by side (32)\n"
    "  --trees D/V,...  settings: forwards and nodes (3/8,8/60)\n"
    "  --top-k N        beam of the trees (10)\n"
    "  --chain N        forwards of the longest chain, at most 16 (10)\n"
    "  --threads N      0: all processors (0)\n"
    "  --activations N  bits: 8 or 16 (8)\n"
    "  --kv T           f16 or f32 (f16)\n"
    "  --json FILE      write the figures; - : to standard output, without the table\n";

typedef struct options {
    const char *model, *head, *chat, *json;
    ltd_load_dtype head_dtype;
    int32_t limit, threads, bits;
    ltd_answers_options answers;
    ltd_head_report_options report;
} options;

static ltd_load_dtype parse_dtype(const char *text)
{
    if (strcmp(text, "f32") == 0) return LTD_LOAD_F32;
    if (strcmp(text, "f16") == 0) return LTD_LOAD_F16;
    if (strcmp(text, "q8") == 0) return LTD_LOAD_Q8;
    measure_usage("--head-dtype %s: expected f32, f16 or q8", text);
}

static ltd_draft_vocabulary parse_vocabulary(const char *text)
{
    if (strcmp(text, "auto") == 0) return LTD_VOCABULARY_AUTO;
    if (strcmp(text, "static") == 0) return LTD_VOCABULARY_STATIC;
    if (strcmp(text, "context") == 0) return LTD_VOCABULARY_CONTEXT;
    measure_usage("--vocabulary %s: expected auto, static or context", text);
}

static bool parse_kv(const char *text)
{
    if (strcmp(text, "f16") != 0 && strcmp(text, "f32") != 0)
        measure_usage("--kv %s: expected f16 or f32", text);
    return strcmp(text, "f16") == 0;
}

static void parse_trees(const char *text, ltd_simulator_options *o)
{
    o->n_trees = 0;
    for (const char *at = text;; at++) {
        int n = 0, forwards, size;
        if (o->n_trees == LTD_SIMULATE_TREES || sscanf(at, "%d/%d%n", &forwards, &size, &n) != 2 ||
            (at[n] && at[n] != ','))
            measure_usage("--trees %s: expected 3/8,8/60 or the like, at most %d", text,
                          LTD_SIMULATE_TREES);
        o->tree[o->n_trees++] = (ltd_simulated_tree){forwards, size};
        at += n;
        if (!*at) return;
    }
}

static void parse(int argc, char **argv, options *o)
{
    enum {
        MODEL,
        HEAD,
        DTYPE,
        VOCABULARY,
        CHAT,
        LIMIT,
        NEW,
        TEXTS,
        TREES,
        K,
        CHAIN,
        THREADS,
        BITS,
        KV,
        JSON
    };
    static const struct option names[] = {{"model", 1, NULL, MODEL},
                                          {"head", 1, NULL, HEAD},
                                          {"head-dtype", 1, NULL, DTYPE},
                                          {"vocabulary", 1, NULL, VOCABULARY},
                                          {"chat", 1, NULL, CHAT},
                                          {"limit", 1, NULL, LIMIT},
                                          {"max-new", 1, NULL, NEW},
                                          {"texts", 1, NULL, TEXTS},
                                          {"trees", 1, NULL, TREES},
                                          {"top-k", 1, NULL, K},
                                          {"chain", 1, NULL, CHAIN},
                                          {"kv", 1, NULL, KV},
                                          {"threads", 1, NULL, THREADS},
                                          {"activations", 1, NULL, BITS},
                                          {"json", 1, NULL, JSON},
                                          {"help", 0, NULL, 'h'},
                                          {0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case MODEL: o->model = optarg; break;
        case HEAD: o->head = optarg; break;
        case DTYPE: o->head_dtype = parse_dtype(optarg); break;
        case VOCABULARY: o->report.simulate.vocabulary = parse_vocabulary(optarg); break;
        case CHAT: o->chat = optarg; break;
        case LIMIT: o->limit = measure_int("limit", optarg, 0, 1 << 30); break;
        case NEW: o->answers.max_new = measure_int("max-new", optarg, 1, 1 << 20); break;
        case TEXTS: o->answers.texts = measure_int("texts", optarg, 1, 960); break;
        case TREES: parse_trees(optarg, &o->report.simulate); break;
        case K: o->report.simulate.top_k = measure_int("top-k", optarg, 1, 32); break;
        case CHAIN: o->report.simulate.chain = measure_int("chain", optarg, 0, 16); break;
        case THREADS: o->threads = measure_int("threads", optarg, 0, 64); break;
        case BITS: o->bits = measure_int("activations", optarg, 8, 16); break;
        case KV: o->answers.kv_f16 = o->report.kv_f16 = parse_kv(optarg); break;
        case JSON: o->json = optarg; break;
        case 'h': fputs(help, stdout); exit(0);
        default: exit(2);
        }
    }
    if (optind == argc) measure_usage("no question.jsonl files");
}

static ltd_prompts *load_prompts(const options *o, const ltd_llama *model, char **paths, int n)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_prompts *prompts;
    const ltd_tokenizer *tok = ltd_llama_tokenizer(model);
    if (!tok) measure_usage("%s: %s", o->model, ltd_llama_tokenizer_error(model));
    const ltd_chat *chat = o->chat ? ltd_chat_find(o->chat) : ltd_chat_detect(tok);
    if (!chat) measure_usage("--chat %s: no such template", o->chat);
    if (ltd_prompts_load(&prompts, (const char *const *)paths, (size_t)n, chat, tok, o->limit, 0,
                         NULL, &err) < 0)
        measure_fail(&err);
    return prompts;
}

int main(int argc, char **argv)
{
    ltd_err err = LTD_ERR_INIT;
    options o = {.model = "models.cache/SmolLM2-135M-Instruct.Q4_1.gguf",
                 .head = "heads/smollm2-135m-eagle3",
                 .head_dtype = LTD_LOAD_Q8,
                 .limit = 40,
                 .bits = 8,
                 .answers = LTD_ANSWERS_DEFAULTS,
                 .report = LTD_HEAD_REPORT_DEFAULTS};
    parse(argc, argv, &o);
    ltd_llama *model;
    ltd_eagle3 *head;
    ltd_llama_options lo = LTD_LLAMA_DEFAULTS;
    lo.threads = o.threads;
    lo.activation_bits = o.bits;
    if (ltd_llama_open(&model, o.model, &lo, &err) < 0 ||
        ltd_eagle3_open(&head, o.head, model, o.head_dtype, &err) < 0)
        measure_fail(&err);
    ltd_prompts *prompts = load_prompts(&o, model, argv + optind, argc - optind);
    ltd_answers *answers;
    static ltd_head_report r;
    double t0 = measure_now();
    if (ltd_answers_new(&answers, model, ltd_llama_tokenizer(model), prompts, &o.answers, NULL,
                        &err) < 0)
        measure_fail(&err);
    double t1 = measure_now();
    if (ltd_head_report_make(&r, model, head, answers, &o.report, &err) < 0) measure_fail(&err);
    double t2 = measure_now();
    ltd_str text = LTD_STR_INIT;
    if (!o.json || o.json[0] != '-') {
        ltd_head_report_table(&r, &text);
        printf("%s\n%.1f s for the answers, %.1f s for the head\n", ltd_str_text(&text),
               (t1 - t0) / 1000, (t2 - t1) / 1000);
        ltd_str_clear(&text);
    }
    ltd_json_writer w = ltd_json_writing(&text, 2);
    ltd_head_report_json(&r, &w, NULL);
    if (o.json) measure_save(o.json, &text);
    ltd_str_fini(&text);
    ltd_answers_free(answers);
    ltd_prompts_free(prompts);
    ltd_eagle3_close(head);
    ltd_llama_close(model);
    return 0;
}
