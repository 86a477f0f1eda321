/* Settings in the engines' words: a table, lines to paste, an object. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "trainer/tune/serving.h"
#include "trainer/version.h"

/* --- settings --- */

static bool is_plain(const ltd_serving_setting *s)
{
    return !s->steps && !s->draft;
}

static void name_lookup(ltd_engine engine, const ltd_serving_setting *s, char *ret, size_t size)
{
    if (engine == LTD_ENGINE_VLLM && s->match_min < s->match_max)
        snprintf(ret, size, "ngram %d-%d, %d tokens", s->match_min, s->match_max, s->draft);
    else
        snprintf(ret, size, "ngram %d, %d tokens", s->match_max, s->draft);
}

char *ltd_serving_words(ltd_engine engine, const ltd_serving_setting *s, char *ret, size_t size)
{
    char lookup[64] = "", head[64] = "";
    if (s->draft) name_lookup(engine, s, lookup, sizeof lookup);
    if (s->steps && engine == LTD_ENGINE_SGLANG)
        snprintf(head, sizeof head, "%d steps, topk %d, %d tokens", s->steps, s->top_k,
                 s->nodes + 1);
    else if (s->steps)
        snprintf(head, sizeof head, "eagle3 %d", s->steps);
    snprintf(ret, size, "%s%s%s", is_plain(s) ? "off" : lookup, *lookup && *head ? "; " : "", head);
    return ret;
}

/* --- lines to paste --- */

/* A word of a shell's line. */
static void put_word(const char *word, ltd_str *out)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                               "/._-+=:,@%";
    if (*word && strspn(word, safe) == strlen(word)) {
        ltd_str_puts(out, word);
        return;
    }
    ltd_str_puts(out, "'");
    for (; *word; word++) *word == '\'' ? ltd_str_puts(out, "'\\''") : ltd_str_push(out, word, 1);
    ltd_str_puts(out, "'");
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* SGLang and vLLM take folders in the form of Hugging Face, llama.cpp takes GGUF files. */
static const char *model_word(const ltd_serving *v, ltd_engine engine)
{
    bool folder = is_folder(v->model);
    if (engine == LTD_ENGINE_LLAMA_CPP) return folder ? "MODEL.gguf" : v->model;
    return folder ? v->model : "MODEL";
}

static const char *head_word(const ltd_serving *v, ltd_engine engine)
{
    if (engine == LTD_ENGINE_LLAMA_CPP) return "HEAD.gguf";
    return is_folder(v->head_path) ? v->head_path : "HEAD";
}

static void put_sglang(const ltd_serving *v, const ltd_serving_setting *s, ltd_str *out)
{
    ltd_str_puts(out, "python3 -m sglang.launch_server --model-path ");
    put_word(model_word(v, LTD_ENGINE_SGLANG), out);
    if (is_plain(s)) return;
    ltd_str_puts(out, " --speculative-algorithm EAGLE3 --speculative-draft-model-path ");
    put_word(head_word(v, LTD_ENGINE_SGLANG), out);
    ltd_str_printf(out,
                   " --speculative-num-steps %d --speculative-eagle-topk %d "
                   "--speculative-num-draft-tokens %d",
                   s->steps, s->top_k, s->nodes + 1);
}

static void put_vllm(const ltd_serving *v, const ltd_serving_setting *s, ltd_str *out)
{
    ltd_str json = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&json, 0);
    ltd_str_puts(out, "vllm serve ");
    put_word(model_word(v, LTD_ENGINE_VLLM), out);
    if (is_plain(s)) return;
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_string(&w, "method", s->draft ? "ngram" : "eagle3");
    if (!s->draft) ltd_json_put_string(&w, "model", head_word(v, LTD_ENGINE_VLLM));
    ltd_json_put_int(&w, "num_speculative_tokens", s->draft ? s->draft : s->steps);
    if (s->draft) {
        ltd_json_put_int(&w, "prompt_lookup_min", s->match_min);
        ltd_json_put_int(&w, "prompt_lookup_max", s->match_max);
    }
    ltd_json_end_object(&w);
    ltd_str_puts(out, " --speculative-config ");
    put_word(ltd_str_text(&json), out);
    ltd_str_fini(&json);
}

static void put_llama_cpp(const ltd_serving *v, const ltd_serving_setting *s, ltd_str *out)
{
    ltd_str_puts(out, "llama-server -m ");
    put_word(model_word(v, LTD_ENGINE_LLAMA_CPP), out);
    ltd_str_printf(out, " --spec-type %s%s%s", is_plain(s) ? "none" : "",
                   s->draft ? "ngram-simple" : "",
                   !s->steps  ? ""
                   : s->draft ? ",draft-eagle3"
                              : "draft-eagle3");
    if (s->steps) {
        ltd_str_puts(out, " --spec-draft-model ");
        put_word(head_word(v, LTD_ENGINE_LLAMA_CPP), out);
        ltd_str_printf(out, " --spec-draft-n-max %d --spec-draft-n-min 0 --spec-draft-p-min 0",
                       s->steps);
    }
    if (s->draft)
        ltd_str_printf(out, " --spec-ngram-simple-size-n %d --spec-ngram-simple-size-m %d",
                       s->match_max, s->draft);
}

void ltd_serving_command(const ltd_serving *v, ltd_engine engine, ltd_str *out)
{
    static void (*const put[LTD_ENGINE_COUNT])(const ltd_serving *, const ltd_serving_setting *,
                                               ltd_str *) = {put_sglang, put_vllm, put_llama_cpp};
    put[engine](v, &v->row[engine].best, out);
}

/* --- for people --- */

static char *ratio_text(const ltd_ratio *r, char *ret, size_t size)
{
    if (isfinite(r->ci.lo) && isfinite(r->ci.hi))
        snprintf(ret, size, "%.3f [%.3f, %.3f]", r->value, r->ci.lo, r->ci.hi);
    else
        snprintf(ret, size, "%.3f", r->value);
    return ret;
}

static char *gain_text(const ltd_ratio *r, char *ret, size_t size)
{
    double lo = 100 * (r->ci.lo - 1), hi = 100 * (r->ci.hi - 1);
    if (isfinite(lo) && isfinite(hi))
        snprintf(ret, size, "%+.1f %% [%+.1f, %+.1f]", 100 * (r->value - 1), lo, hi);
    else
        snprintf(ret, size, "%+.1f %%", 100 * (r->value - 1));
    return ret;
}

static void put_row(const ltd_serving_row *r, ltd_engine e, ltd_str *out)
{
    char words[128], speedup[48], gain[64];
    if (r->why[0]) {
        ltd_str_printf(out, "  %-9s  not played: see below\n", ltd_engine_name(e));
        return;
    }
    ltd_str_printf(out, "  %-9s  %-30s %8.1f  %-20s  %s\n", ltd_engine_name(e),
                   ltd_serving_words(e, &r->best, words, sizeof words), r->tok_s,
                   ratio_text(&r->speedup, speedup, sizeof speedup),
                   gain_text(&r->gain, gain, sizeof gain));
    ltd_str_printf(out, "  %9s  %-30s %8.1f\n", "default",
                   ltd_serving_words(e, &r->preset, words, sizeof words), r->preset_tok_s);
}

static void put_rows(const ltd_serving *v, ltd_str *out)
{
    ltd_str_printf(out, "  %-9s  %-30s %8s  %-20s  %s\n", "engine", "best setting", "tok/s",
                   "x plain [95 %]", "over its default [95 %]");
    for (int e = 0; e < LTD_ENGINE_COUNT; e++) put_row(&v->row[e], (ltd_engine)e, out);
    if (!v->has_tuned) return;
    char words[64], speedup[48];
    ltd_str_printf(out, "  %-9s  %-30s %8.1f  %-20s  as `ltd tune` found it\n", "ltd",
                   ltd_setting_text(&v->tuned, words, sizeof words), v->tuned_tok_s,
                   ratio_text(&v->tuned_speedup, speedup, sizeof speedup));
}

/* What switches speculation off, where nothing pays. */
static const char *const off[LTD_ENGINE_COUNT] = {
    [LTD_ENGINE_SGLANG] = "off: give no --speculative-algorithm",
    [LTD_ENGINE_VLLM] = "off: give no --speculative-config",
    [LTD_ENGINE_LLAMA_CPP] = "off: --spec-type none",
};

static void put_commands(const ltd_serving *v, ltd_str *out)
{
    for (int i = 0; i < LTD_ENGINE_COUNT; i++) {
        ltd_engine e = (ltd_engine)i;
        const ltd_serving_row *r = &v->row[e];
        bool plain = is_plain(&r->best);
        if (r->why[0]) {
            ltd_str_printf(out, "\n# %s, not played: %s\n", ltd_engine_name(e), r->why);
            continue;
        }
        ltd_str_printf(out, "\n# %s%s%s (options of %s)\n", ltd_engine_name(e), plain ? ", " : "",
                       plain ? off[e] : "", ltd_engine_version(e));
        ltd_serving_command(v, e, out);
        ltd_str_puts(out, "\n");
    }
}

static void put_notes(const ltd_serving *v, ltd_str *out)
{
    bool any = false;
    for (int e = 0; e < LTD_ENGINE_COUNT; e++)
        any = any || v->row[e].why[0] || !is_plain(&v->row[e].best);
    ltd_str_puts(out, "\n");
    if (!any) ltd_str_puts(out, "Speculation doesn't pay on this machine: leave it off.\n");
    ltd_str_puts(out,
                 "Played over records by this machine's cost table: gains in ltd's engine, one "
                 "text at a\ntime, greedy; not measured in theirs.\n");
    if (v->row[LTD_ENGINE_VLLM].preset.steps == 0 && v->head)
        ltd_str_puts(out, "vLLM has no default for num_speculative_tokens: its default is plain "
                          "decoding.\n");
    if (v->in_doubt > 0)
        ltd_str_printf(
            out,
            "Chains are taken from records of beams of %d: at %.2f %% of positions a right "
            "token's\nnext one isn't recorded and counts as wrong (docs/serving.md).\n",
            v->top_k, 100 * v->in_doubt);
    if (v->extends)
        ltd_str_puts(out,
                     "ltd's head also drafts tokens of the text that it has no rows for, which "
                     "theirs can't\n(docs/serving.md).\n");
}

void ltd_serving_table(const ltd_serving *v, ltd_str *out)
{
    ltd_str_printf(out,
                   "Serving settings for %s\nchosen on %d training prompts, compared on %d others; "
                   "plain decoding: %.1f tok/s\n\n",
                   v->machine, v->train, v->held, v->plain_tok_s);
    put_rows(v, out);
    put_commands(v, out);
    put_notes(v, out);
}

/* --- for programs --- */

static void json_setting(ltd_json_writer *w, const char *key, ltd_engine engine,
                         const ltd_serving_setting *s, double tok_s)
{
    char words[128];
    ltd_json_begin_inline_object(w, key);
    ltd_json_put_string(w, "words", ltd_serving_words(engine, s, words, sizeof words));
    ltd_json_put_int(w, "steps", s->steps);
    ltd_json_put_int(w, "top_k", s->top_k);
    ltd_json_put_int(w, "nodes", s->nodes);
    ltd_json_put_int(w, "match_min", s->match_min);
    ltd_json_put_int(w, "match_max", s->match_max);
    ltd_json_put_int(w, "draft", s->draft);
    ltd_json_put_f64(w, "tok_s", tok_s);
    ltd_json_end_object(w);
}

static void json_ratio(ltd_json_writer *w, const char *key, const ltd_ratio *r)
{
    char ci[32];
    ltd_json_put_f64(w, key, r->value);
    snprintf(ci, sizeof ci, "%s_ci", key);
    ltd_json_begin_inline_array(w, ci);
    ltd_json_put_f64(w, NULL, r->ci.lo);
    ltd_json_put_f64(w, NULL, r->ci.hi);
    ltd_json_end_array(w);
}

static void json_row(ltd_json_writer *w, const ltd_serving *v, ltd_engine e)
{
    const ltd_serving_row *r = &v->row[e];
    ltd_str line = LTD_STR_INIT;
    ltd_json_begin_object(w, NULL);
    ltd_json_put_string(w, "engine", ltd_engine_name(e));
    ltd_json_put_string(w, "options_of", ltd_engine_version(e));
    ltd_json_put_string(w, "not_played", r->why[0] ? r->why : NULL);
    if (!r->why[0]) {
        ltd_serving_command(v, e, &line);
        ltd_json_put_bool(w, "speculation", !is_plain(&r->best));
        json_setting(w, "best", e, &r->best, r->tok_s);
        json_setting(w, "default", e, &r->preset, r->preset_tok_s);
        json_ratio(w, "speedup", &r->speedup);
        json_ratio(w, "gain", &r->gain);
        ltd_json_put_int(w, "tried", r->tried);
        ltd_json_put_string(w, "line", ltd_str_text(&line));
    }
    ltd_json_end_object(w);
    ltd_str_fini(&line);
}

void ltd_serving_json(const ltd_serving *v, const char *command, ltd_str *out)
{
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "command", command);
    ltd_json_put_string(&w, "commit", ltd_commit());
    ltd_json_put_string(&w, "measured", "replay");
    ltd_json_put_string(&w, "machine", v->machine);
    ltd_json_put_string(&w, "model", v->model);
    ltd_json_put_string(&w, "drafter", v->head ? v->head_path : NULL);
    ltd_json_put_int(&w, "train_prompts", v->train);
    ltd_json_put_int(&w, "prompts", v->held);
    ltd_json_put_f64(&w, "plain_tok_s", v->plain_tok_s);
    ltd_json_put_int(&w, "recorded_top_k", v->top_k);
    ltd_json_put_f64(&w, "in_doubt", v->in_doubt);
    ltd_json_put_bool(&w, "extended_vocabulary", v->extends);
    ltd_json_begin_array(&w, "engines");
    for (int e = 0; e < LTD_ENGINE_COUNT; e++) json_row(&w, v, (ltd_engine)e);
    ltd_json_end_array(&w);
    if (v->has_tuned) {
        char words[128];
        ltd_json_begin_object(&w, "tuned");
        ltd_json_put_string(&w, "words", ltd_setting_text(&v->tuned, words, sizeof words));
        ltd_json_put_f64(&w, "tok_s", v->tuned_tok_s);
        json_ratio(&w, "speedup", &v->tuned_speedup);
        ltd_json_end_object(&w);
    }
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}
