/* Settings for engines on made-up records whose best one is known in closed form; how engines look
 * n-grams up, on their own examples; the lines to paste. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "env/cost_file.h"
#include "trainer/tune/serving_priv.h"

enum { TEXTS = 6, PROMPT = 12, POSITIONS = 30, MORE = 12, PERIOD = 4, MAX_NEW = POSITIONS + 1 };

static ltd_trace trace;
static ltd_cost cost;
static ltd_err err;
static const int32_t even[] = {0, 2, 4}, odd[] = {1, 3, 5};

/* --- records --- */

/* In each row of the head the true token is candidate `rank`, down to depth `deep`; all else that
 * it proposes is wrong.  Candidate 0 keeps the beam's first place. */
typedef struct truth {
    int32_t rank, deep;
    bool loop; /* the text repeats itself, else no token comes twice */
} truth;

static void make_drafts(const ltd_trace_text *t, truth what)
{
    int32_t k = trace.top_k, rows = ltd_trace_rows(&trace), depth = 0;
    for (int32_t i = 0; i < t->positions; i++)
        for (int32_t r = 0; r < rows; r++) {
            depth = r == 0 ? 1 : depth;
            while (depth < trace.max_forwards && ltd_trace_row(&trace, depth) <= r) depth++;
            bool first = r - ltd_trace_row(&trace, depth - 1) < k, right = r % k == what.rank;
            t->draft_token[i * rows + r] =
                first && right && depth <= what.deep ? t->token[t->prompt + i + depth] : 100000 + r;
            t->draft_logp[i * rows + r] = r % k ? -3 - (float)(r % k) : -0.1f;
        }
}

static void make_text(int32_t number, truth what)
{
    size_t rows = (size_t)POSITIONS * (size_t)ltd_trace_rows(&trace);
    ltd_trace_text t = {
        .task = "made", .prompt = PROMPT, .positions = POSITIONS, .n = PROMPT + POSITIONS + MORE};
    t.token = ltd_mem_zeros((size_t)t.n, sizeof *t.token);
    t.draft_token = ltd_mem_zeros(rows, sizeof *t.draft_token);
    t.draft_logp = ltd_mem_zeros(rows, sizeof *t.draft_logp);
    for (int32_t i = 0; i < t.n; i++) t.token[i] = 1000 * number + (what.loop ? i % PERIOD : i);
    make_drafts(&t, what);
    assert_int_equal(ltd_trace_add(&trace, &t, &err), 0);
}

static void make_records(int32_t top_k, int32_t forwards, truth train, truth held)
{
    ltd_trace_fini(&trace);
    trace = (ltd_trace){.top_k = top_k, .max_forwards = forwards};
    for (int32_t t = 0; t < TEXTS; t++) make_text(t, t % 2 ? held : train);
}

/* A forward takes 0.2 ms, a row more of verification 0.1 ms up to `flat` rows, then 100 ms. */
static void make_cost(float row_ms, int32_t flat)
{
    cost = (ltd_cost){.t_ar_ms = 1};
    cost.verify[cost.n_verify++] = (ltd_cost_point){1, 10, 1, 1};
    float ms = 1 + row_ms * (float)(flat - 1);
    cost.verify[cost.n_verify++] = (ltd_cost_point){flat, 10, ms, ms};
    cost.verify[cost.n_verify++] = (ltd_cost_point){flat + 1, 10, ms + 100, ms + 100};
    cost.draft[cost.n_draft++] = (ltd_cost_point){1, 10, 0.2f, 0.2f};
    cost.draft[cost.n_draft++] = (ltd_cost_point){4, 10, 0.2f, 0.2f};
    assert_int_equal(ltd_cost_finish(&cost, &err), 0);
}

static ltd_serving_records records(bool llama)
{
    return (ltd_serving_records){.trace = &trace,
                                 .cost = &cost,
                                 .cycle = {.clock = ltd_clock_monotonic(),
                                           .context = 200,
                                           .lookup_min_match = 1,
                                           .lookup_max_chain = 6},
                                 .llama = llama,
                                 .max_new = MAX_NEW,
                                 .train = even,
                                 .n_train = 3,
                                 .held = odd,
                                 .n_held = 3,
                                 .resamples = 100,
                                 .seed = 1};
}

static ltd_serving choose(bool llama)
{
    ltd_serving v;
    ltd_serving_records r = records(llama);
    if (ltd_serving_choose(&r, &v, &err) < 0) fail_msg("%s", err.msg);
    return v;
}

static void assert_ratio(const ltd_ratio *r, double value)
{
    assert_float_equal(r->value, value, 1e-6 * value);
    /* Equal texts: nothing to be unsure of. */
    assert_float_equal(r->ci.lo, value, 1e-6 * value);
    assert_float_equal(r->ci.hi, value, 1e-6 * value);
}

static void assert_words(const ltd_serving *v, ltd_engine e, const char *best, const char *preset)
{
    char words[128];
    assert_string_equal(ltd_serving_words(e, &v->row[e].best, words, sizeof words), best);
    assert_string_equal(ltd_serving_words(e, &v->row[e].preset, words, sizeof words), preset);
}

static void assert_line(const ltd_serving *v, ltd_engine e, const char *line)
{
    ltd_str text = LTD_STR_INIT;
    ltd_serving_command(v, e, &text);
    assert_string_equal(ltd_str_text(&text), line);
    ltd_str_fini(&text);
}

/* --- the choice --- */

/* Two tokens of a chain are right: a cycle of n steps takes 1 + 0.3 n ms and gives 3 tokens from
 * n = 2 on, so that 2 are best: 1.6 ms for 3 tokens. */
static void the_best_chain_is_found(void **state)
{
    (void)state;
    make_cost(0.1f, 80);
    make_records(4, 5, (truth){0, 2, false}, (truth){0, 2, false});
    ltd_serving v = choose(true);
    assert_float_equal(v.plain_tok_s, 1000, 1e-3);
    assert_words(&v, LTD_ENGINE_SGLANG, "2 steps, topk 1, 3 tokens", "5 steps, topk 4, 8 tokens");
    assert_words(&v, LTD_ENGINE_VLLM, "eagle3 2", "off");
    assert_words(&v, LTD_ENGINE_LLAMA_CPP, "eagle3 2", "eagle3 3");
    for (int e = 0; e < LTD_ENGINE_COUNT; e++) assert_ratio(&v.row[e].speedup, 3 / 1.6);
    /* Five forwards and seven nodes take 2.7 ms. */
    assert_ratio(&v.row[LTD_ENGINE_SGLANG].gain, 2.7 / 1.6);
    assert_ratio(&v.row[LTD_ENGINE_VLLM].gain, 3 / 1.6);
    assert_ratio(&v.row[LTD_ENGINE_LLAMA_CPP].gain, 1.9 / 1.6);
    assert_float_equal(v.row[LTD_ENGINE_SGLANG].preset_tok_s, 3 / 2.7 * 1000, 1e-2);
    assert_true(v.in_doubt == 0 && v.head && v.top_k == 4 && v.train == 3 && v.held == 3);
    /* Other families have another default there. */
    v = choose(false);
    assert_words(&v, LTD_ENGINE_SGLANG, "2 steps, topk 1, 3 tokens", "3 steps, topk 1, 4 tokens");
    assert_ratio(&v.row[LTD_ENGINE_SGLANG].gain, 1.9 / 1.6);
}

/* The second candidate is right: a tree of two nodes finds it, 1.4 ms for 2 tokens; a chain never
 * does. */
static void only_trees_are_told_of_second_candidates(void **state)
{
    (void)state;
    make_cost(0.1f, 80);
    make_records(4, 5, (truth){1, 1, false}, (truth){1, 1, false});
    ltd_serving v = choose(false);
    assert_words(&v, LTD_ENGINE_SGLANG, "1 steps, topk 2, 3 tokens", "3 steps, topk 1, 4 tokens");
    assert_ratio(&v.row[LTD_ENGINE_SGLANG].speedup, 2 / 1.4);
    assert_ratio(&v.row[LTD_ENGINE_SGLANG].gain, 2 * 1.9 / 1.4);
    assert_words(&v, LTD_ENGINE_VLLM, "off", "off");
    assert_words(&v, LTD_ENGINE_LLAMA_CPP, "off", "eagle3 3");
    assert_ratio(&v.row[LTD_ENGINE_VLLM].gain, 1);
    assert_ratio(&v.row[LTD_ENGINE_LLAMA_CPP].speedup, 1);
    assert_ratio(&v.row[LTD_ENGINE_LLAMA_CPP].gain, 1.9);
}

/* A loop of four tokens, five rows for the price of one: vLLM, which goes on from the first
 * occurrence, drafts four tokens; llama.cpp, which goes on from the last, finds three there. */
static void lookup_serves_without_a_head(void **state)
{
    (void)state;
    make_cost(0, 5);
    make_records(4, 0, (truth){.loop = true}, (truth){.loop = true});
    ltd_serving v = choose(true);
    assert_false(v.head);
    assert_words(&v, LTD_ENGINE_SGLANG, "off", "off");
    assert_words(&v, LTD_ENGINE_VLLM, "ngram 1, 4 tokens", "off");
    assert_words(&v, LTD_ENGINE_LLAMA_CPP, "ngram 1, 3 tokens", "off");
    assert_ratio(&v.row[LTD_ENGINE_VLLM].speedup, 30.0 / 6);
    assert_ratio(&v.row[LTD_ENGINE_LLAMA_CPP].speedup, 30.0 / 8);
}

/* In the loop lookup is best, elsewhere the head is, and llama.cpp can be told of both. */
static void the_head_drafts_where_lookup_finds_nothing(void **state)
{
    (void)state;
    make_cost(0.1f, 80);
    make_records(4, 5, (truth){0, 2, true}, (truth){0, 2, true});
    ltd_trace_text *t = &trace.text[4]; /* of the training texts this one loops no more */
    for (int32_t i = 0; i < t->n; i++) t->token[i] = 4000 + i;
    make_drafts(t, (truth){0, 2, false});
    ltd_serving v = choose(false);
    assert_words(&v, LTD_ENGINE_LLAMA_CPP, "ngram 1, 3 tokens; eagle3 2", "eagle3 3");
    assert_ratio(&v.row[LTD_ENGINE_LLAMA_CPP].speedup, 30 / (8 * 1.3));
    assert_line(&v, LTD_ENGINE_LLAMA_CPP,
                "llama-server -m '' --spec-type ngram-simple,draft-eagle3 --spec-draft-model "
                "HEAD.gguf --spec-draft-n-max 2 --spec-draft-n-min 0 --spec-draft-p-min 0 "
                "--spec-ngram-simple-size-n 1 --spec-ngram-simple-size-m 3");
}

static void what_fails_on_held_out_texts_is_not_recommended(void **state)
{
    (void)state;
    make_cost(0.1f, 80);
    make_records(4, 5, (truth){0, 2, false}, (truth){0, 0, false});
    ltd_serving v = choose(true);
    for (int e = 0; e < LTD_ENGINE_COUNT; e++) {
        char words[128];
        ltd_engine engine = (ltd_engine)e;
        assert_string_equal(ltd_serving_words(engine, &v.row[e].best, words, sizeof words), "off");
        assert_ratio(&v.row[e].speedup, 1);
    }
    assert_ratio(&v.row[LTD_ENGINE_SGLANG].gain, 2.7);
}

static void records_that_hold_no_default_say_what_makes_them(void **state)
{
    (void)state;
    make_cost(0.1f, 80);
    make_records(3, 4, (truth){0, 2, false}, (truth){0, 2, false});
    ltd_serving v = choose(true);
    ltd_str text = LTD_STR_INIT;
    ltd_serving_table(&v, &text);
    assert_non_null(strstr(ltd_str_text(&text), "SGLang     not played"));
    assert_non_null(strstr(ltd_str_text(&text),
                           "# SGLang, not played: its default drafts 5 steps with a beam of 4, the "
                           "records have 4 of 3: run `ltd record --env.max_forwards=5 "
                           "--env.top_k=4`, and this with the same"));
    assert_null(strstr(ltd_str_text(&text), "sglang.launch_server"));
    assert_words(&v, LTD_ENGINE_VLLM, "eagle3 2", "off");
    assert_words(&v, LTD_ENGINE_LLAMA_CPP, "eagle3 2", "eagle3 3");
    ltd_str_fini(&text);
    ltd_serving_records r = records(true);
    r.n_held = 0;
    assert_int_equal(ltd_serving_choose(&r, &v, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "3 texts to choose on and 0 held out"));
}

/* --- n-grams --- */

static ltd_ngram_hit find(ltd_engine e, const int32_t *text, int32_t n, int32_t gram,
                          const int32_t *next, int32_t n_next)
{
    return ltd_ngram_find(e, text, n, gram, next, n_next);
}

/* The example of its proposer: [1,2,3,4,2,3] has no other [4,2,3], [2,3] is followed by [4,2,3]. */
static void vllm_takes_the_longest_and_of_equals_the_first(void **state)
{
    (void)state;
    static const int32_t text[] = {1, 2, 3, 4, 2, 3}, next[] = {4, 2, 9};
    static const int32_t twice[] = {5, 7, 1, 5, 8, 1, 5}, loop[] = {6, 6, 6};
    ltd_ngram_hit hit = find(LTD_ENGINE_VLLM, text, 6, 3, next, 3);
    assert_int_equal(hit.length, 2);
    assert_int_equal(hit.there, 3);
    assert_int_equal(hit.right, 2);
    ltd_serving_setting s = {.match_min = 2, .match_max = 3, .draft = 4};
    assert_int_equal(ltd_ngram_draft(LTD_ENGINE_VLLM, &s, &hit, 6), 3);
    s.draft = 2;
    assert_int_equal(ltd_ngram_draft(LTD_ENGINE_VLLM, &s, &hit, 6), 2);
    s.match_min = 3;
    assert_int_equal(ltd_ngram_draft(LTD_ENGINE_VLLM, &s, &hit, 6), 0);
    /* [5] alone occurs first at 0, [1,5] at 2. */
    hit = find(LTD_ENGINE_VLLM, twice, 7, 1, next, 0);
    assert_int_equal(hit.there, 6);
    hit = find(LTD_ENGINE_VLLM, twice, 7, 5, next, 0);
    assert_int_equal(hit.length, 2);
    assert_int_equal(hit.there, 3);
    /* An occurrence may overlap the end. */
    hit = find(LTD_ENGINE_VLLM, loop, 3, 2, loop, 3);
    assert_int_equal(hit.length, 2);
    assert_int_equal(hit.there, 1);
    hit = find(LTD_ENGINE_VLLM, text, 4, 3, next, 3);
    assert_int_equal(hit.length, 0);
    assert_int_equal(ltd_ngram_draft(LTD_ENGINE_VLLM, &s, &hit, 4), 0);
}

/* The example of its tests: 2-grams, 2 tokens; [1, 2] is followed by [7, 8, 3, 4, 1]. */
static void llama_cpp_takes_the_last_of_one_length(void **state)
{
    (void)state;
    static const int32_t text[] = {99, 1, 2, 7, 8, 3, 4, 1, 2}, next[] = {7, 8, 3, 4, 1, 2};
    static const int32_t opens[] = {1, 2, 7, 8, 3, 4, 1, 2}, none[] = {99, 1, 2, 7, 8, 3, 4, 1, 9};
    ltd_serving_setting s = {.match_min = 2, .match_max = 2, .draft = 2};
    ltd_ngram_hit hit = find(LTD_ENGINE_LLAMA_CPP, text, 9, 2, next, 6);
    assert_int_equal(hit.length, 2);
    assert_int_equal(hit.there, 5); /* the root isn't read */
    assert_int_equal(hit.right, 5);
    assert_int_equal(ltd_ngram_draft(LTD_ENGINE_LLAMA_CPP, &s, &hit, 9), 2);
    /* Eight tokens of history are too few for a draft of five. */
    s.draft = 4;
    assert_int_equal(ltd_ngram_draft(LTD_ENGINE_LLAMA_CPP, &s, &hit, 9), 4);
    s.draft = 5;
    assert_int_equal(ltd_ngram_draft(LTD_ENGINE_LLAMA_CPP, &s, &hit, 9), 0);
    /* Fewer tokens behind it than it is long are not drafted. */
    s.draft = 2;
    hit.there = 1;
    assert_int_equal(ltd_ngram_draft(LTD_ENGINE_LLAMA_CPP, &s, &hit, 9), 0);
    assert_int_equal(find(LTD_ENGINE_LLAMA_CPP, none, 9, 2, next, 6).length, 0);
    assert_int_equal(find(LTD_ENGINE_LLAMA_CPP, opens, 8, 2, next, 6).length, 0);
}

/* --- showing --- */

static ltd_serving shown(void)
{
    ltd_serving v = {.train = 12, .held = 8, .head = true, .plain_tok_s = 200, .top_k = 4};
    strcpy(v.machine, "a cpu, avx2, 2 threads");
    strcpy(v.model, "/no/such/it's a model.gguf");
    strcpy(v.head_path, "/no/such/head");
    v.row[LTD_ENGINE_SGLANG].best = (ltd_serving_setting){.steps = 3, .top_k = 2, .nodes = 5};
    v.row[LTD_ENGINE_VLLM].best = (ltd_serving_setting){.match_min = 2, .match_max = 4, .draft = 8};
    for (int e = 0; e < LTD_ENGINE_COUNT; e++) {
        v.row[e].preset = ltd_serving_preset((ltd_engine)e, true, true);
        v.row[e].tok_s = 300;
        v.row[e].preset_tok_s = 250;
        v.row[e].speedup = (ltd_ratio){1.5, {1.4, 1.6}};
        v.row[e].gain = (ltd_ratio){1.2, {1.1, 1.3}};
    }
    return v;
}

static void lines_are_ready_to_paste(void **state)
{
    (void)state;
    ltd_serving v = shown();
    assert_line(&v, LTD_ENGINE_SGLANG,
                "python3 -m sglang.launch_server --model-path MODEL --speculative-algorithm EAGLE3 "
                "--speculative-draft-model-path HEAD --speculative-num-steps 3 "
                "--speculative-eagle-topk 2 --speculative-num-draft-tokens 6");
    assert_line(&v, LTD_ENGINE_VLLM,
                "vllm serve MODEL --speculative-config '{\"method\":\"ngram\","
                "\"num_speculative_tokens\":8,\"prompt_lookup_min\":2,"
                "\"prompt_lookup_max\":4}'");
    assert_line(&v, LTD_ENGINE_LLAMA_CPP,
                "llama-server -m '/no/such/it'\\''s a model.gguf' --spec-type none");
    v.row[LTD_ENGINE_VLLM].best = (ltd_serving_setting){.steps = 4, .top_k = 1, .nodes = 4};
    v.row[LTD_ENGINE_LLAMA_CPP].best = v.row[LTD_ENGINE_VLLM].best;
    strcpy(v.model, "/");
    strcpy(v.head_path, "/");
    assert_line(&v, LTD_ENGINE_VLLM,
                "vllm serve / --speculative-config '{\"method\":\"eagle3\",\"model\":\"/\","
                "\"num_speculative_tokens\":4}'");
    assert_line(&v, LTD_ENGINE_LLAMA_CPP,
                "llama-server -m MODEL.gguf --spec-type draft-eagle3 --spec-draft-model HEAD.gguf "
                "--spec-draft-n-max 4 --spec-draft-n-min 0 --spec-draft-p-min 0");
    v.row[LTD_ENGINE_SGLANG].best = (ltd_serving_setting){0};
    assert_line(&v, LTD_ENGINE_SGLANG, "python3 -m sglang.launch_server --model-path /");
}

static void the_table_says_what_it_is(void **state)
{
    (void)state;
    ltd_serving v = shown();
    ltd_str text = LTD_STR_INIT;
    v.in_doubt = 0.0125;
    ltd_serving_table(&v, &text);
    const char *t = ltd_str_text(&text);
    assert_non_null(strstr(t, "chosen on 12 training prompts, compared on 8 others"));
    assert_non_null(strstr(t, "3 steps, topk 2, 6 tokens         300.0  1.500 [1.400, 1.600]"));
    assert_non_null(strstr(t, "    default  5 steps, topk 4, 8 tokens         250.0"));
    assert_non_null(strstr(t, "+20.0 % [+10.0, +30.0]"));
    assert_non_null(strstr(t, "# llama.cpp, off: --spec-type none (options of ggml-org/llama.cpp"));
    assert_non_null(strstr(t, "in ltd's engine"));
    assert_non_null(strstr(t, "not measured in theirs"));
    assert_non_null(strstr(t, "at 1.25 % of positions"));
    assert_null(strstr(t, "doesn't pay"));
    for (const char *line = t; *line; line += strcspn(line, "\n") + 1)
        if (line[0] == ' ') assert_true(strcspn(line, "\n") <= 100);
    for (int e = 0; e < LTD_ENGINE_COUNT; e++) v.row[e].best = (ltd_serving_setting){0};
    ltd_str_clear(&text);
    ltd_serving_table(&v, &text);
    t = ltd_str_text(&text);
    assert_non_null(strstr(t, "Speculation doesn't pay on this machine: leave it off."));
    assert_non_null(strstr(t, "off: give no --speculative-algorithm"));
    assert_non_null(strstr(t, "off: give no --speculative-config"));
    ltd_str_fini(&text);
}

static void the_object_holds_what_the_table_says(void **state)
{
    (void)state;
    ltd_serving v = shown();
    ltd_str text = LTD_STR_INIT;
    ltd_json_doc *doc;
    ltd_json engines, best;
    const char *word;
    int64_t n;
    double f;
    ltd_serving_json(&v, "ltd export --format flags", &text);
    if (ltd_json_parse(&doc, "made", text.data, text.len, &err) < 0) fail_msg("%s", err.msg);
    ltd_json root = ltd_json_root(doc);
    assert_int_equal(ltd_json_get_string(root, "measured", &word, &err), 0);
    assert_string_equal(word, "replay");
    assert_int_equal(ltd_json_get_array(root, "engines", &engines, &err), 0);
    assert_int_equal(ltd_json_count(engines), LTD_ENGINE_COUNT);
    ltd_json sglang = ltd_json_at(engines, 0);
    assert_int_equal(ltd_json_get_string(sglang, "engine", &word, &err), 0);
    assert_string_equal(word, "SGLang");
    assert_int_equal(ltd_json_get_object(sglang, "best", &best, &err), 0);
    assert_int_equal(ltd_json_get_int(best, "nodes", 0, 100, &n, &err), 0);
    assert_int_equal(n, 5);
    assert_int_equal(ltd_json_get_f64(sglang, "gain", &f, &err), 0);
    assert_float_equal(f, 1.2, 1e-12);
    assert_int_equal(ltd_json_get_string(ltd_json_at(engines, 2), "line", &word, &err), 0);
    assert_non_null(strstr(word, "--spec-type none"));
    ltd_json_free(doc);
    ltd_str_fini(&text);
}

/* A grid is no longer than its room, for the deepest and widest records there can be. */
static void grids_fit(void **state)
{
    (void)state;
    ltd_serving_setting *grid = calloc(LTD_SERVING_MAX, sizeof *grid);
    assert_non_null(grid);
    for (int e = 0; e < LTD_ENGINE_COUNT; e++) {
        int32_t n = ltd_serving_grid((ltd_engine)e, 64, LTD_SERVING_BEAMS, grid);
        assert_in_range(n, 13, LTD_SERVING_MAX);
        for (int32_t i = 0; i < n; i++) {
            assert_true(grid[i].steps <= LTD_SERVING_STEPS && grid[i].top_k <= LTD_SERVING_BEAMS);
            assert_true(grid[i].nodes <= ltd_tree_pool(grid[i].steps, grid[i].top_k));
            assert_true(grid[i].match_max <= LTD_SERVING_GRAM);
        }
    }
    free(grid);
}

static int teardown(void **state)
{
    (void)state;
    ltd_trace_fini(&trace);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_chain_is_found),
        cmocka_unit_test(only_trees_are_told_of_second_candidates),
        cmocka_unit_test(lookup_serves_without_a_head),
        cmocka_unit_test(the_head_drafts_where_lookup_finds_nothing),
        cmocka_unit_test(what_fails_on_held_out_texts_is_not_recommended),
        cmocka_unit_test(records_that_hold_no_default_say_what_makes_them),
        cmocka_unit_test(vllm_takes_the_longest_and_of_equals_the_first),
        cmocka_unit_test(llama_cpp_takes_the_last_of_one_length),
        cmocka_unit_test(lines_are_ready_to_paste),
        cmocka_unit_test(the_table_says_what_it_is),
        cmocka_unit_test(the_object_holds_what_the_table_says),
        cmocka_unit_test(grids_fit),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
