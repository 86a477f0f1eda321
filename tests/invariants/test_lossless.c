/* The promise of the engine on the default model and on tiny ones of every family: whatever is
 * drafted, chosen and verified, the text is that of plain decoding, and verified logits are plain
 * decoding's bit for bit.
 *
 * LTD_TEST_CYCLES sets the number of random cycles (2,200). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/cycle.h"
#include "tests/support/engine.h"
#include "tests/support/golden.h"

enum { PROMPTS = 7, TEXT = 180, CONTEXT = 512, MAX_SIZE = 60, MAX_FORWARDS = 8 };

typedef struct texts {
    int32_t prompt[PROMPTS][128], n[PROMPTS];
    int32_t plain[2][PROMPTS][TEXT]; /* by kv_f16; [0] is the first new token */
    bool have[2][PROMPTS];
} texts;

typedef struct fixture {
    ltd_llama *model;
    ltd_eagle3 *head;
    int32_t context;
    texts texts;
    ltd_rng rng;
    ltd_err err;
} fixture;

static const char *const HEAD = "heads/smollm2-135m-eagle3";

static int setup(void **state)
{
    char path[1024];
    *state = NULL;
    if (!default_model() || !source_path(path, sizeof path, HEAD)) return 0;
    fixture *f = calloc(1, sizeof *f);
    if (!f) return -1;
    f->model = engine_model(default_model(), LTD_LOAD_FILE, 8, NULL);
    f->head = engine_head(path, f->model, LTD_LOAD_Q8);
    f->context = CONTEXT;
    ltd_rng_seed(&f->rng, 20260301, LTD_STREAM_TEST);
    ltd_json_doc *doc = engine_json("smollm2_real/smollm2.json");
    ltd_json cases = engine_get(ltd_json_root(doc), "cases");
    assert_int_equal(ltd_json_count(cases), PROMPTS);
    for (size_t i = 0; i < PROMPTS; i++)
        f->texts.n[i] = engine_ids(ltd_json_at(cases, i), "prompt_ids", f->texts.prompt[i], 128);
    ltd_json_free(doc);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    if (!f) return 0;
    ltd_eagle3_close(f->head);
    ltd_llama_close(f->model);
    free(f);
    return 0;
}

static fixture *need(void **state)
{
    if (!*state) {
        print_message("# the default model is not in models.cache: skipped\n");
        skip();
    }
    return *state;
}

static int32_t below(ltd_rng *rng, int32_t n)
{
    return (int32_t)ltd_rng_below(rng, (uint64_t)n);
}

/* Mostly small, sometimes all of it. */
static int32_t skewed(ltd_rng *rng, int32_t max)
{
    int32_t n = below(rng, 1 + (1 << below(rng, 7)));
    return n < max ? n : max;
}

/* --- random actions --- */

/* Plain decoding of prompt p, one row a step; computed once. */
static const int32_t *plain_text(fixture *f, int32_t p, bool kv_f16)
{
    int32_t *text = f->texts.plain[kv_f16][p];
    if (f->texts.have[kv_f16][p]) return text;
    ltd_session *s =
        engine_session(f->model, &(ltd_session_options){f->context, 64, kv_f16, false, 1});
    engine_plain(s, engine_feed(s, f->texts.prompt[p], f->texts.n[p]), text, TEXT);
    ltd_session_free(s);
    f->texts.have[kv_f16][p] = true;
    return text;
}

typedef struct setting {
    int32_t top_k, max_forwards;
    bool head, lookup, kv_f16;
} setting;

typedef struct tally {
    int32_t cycles, tokens, drafted, matched, abandoned, accepted_most;
} tally;

static void random_cycle(fixture *f, ltd_cycle *c, tally *t, const ltd_cycle_result **r)
{
    int32_t forwards = skewed(&f->rng, MAX_FORWARDS);
    bool again = below(&f->rng, 20) == 0;
    for (int32_t round = again ? 0 : 1; round < 2; round++) {
        assert_int_equal(ltd_cycle_begin(c, &f->err), 0);
        for (int32_t i = 0; i < forwards && ltd_cycle_can_draft(c); i++)
            if (ltd_cycle_draft(c, &f->err) < 0) fail_msg("%s", f->err.msg);
    }
    if (ltd_cycle_verify(c, skewed(&f->rng, MAX_SIZE), r, &f->err) < 0) fail_msg("%s", f->err.msg);
    t->cycles++;
    t->abandoned += again;
    t->tokens += (*r)->accept_len;
    t->drafted += (*r)->forwards > 0;
    t->matched += (*r)->match > 0;
    if ((*r)->accept_len > t->accepted_most) t->accepted_most = (*r)->accept_len;
}

static void random_text(fixture *f, ltd_cycle *c, int32_t p, bool kv_f16, tally *t)
{
    const int32_t *want = plain_text(f, p, kv_f16);
    assert_int_equal(ltd_cycle_prompt(c, f->texts.prompt[p], f->texts.n[p], &f->err), 0);
    assert_int_equal(ltd_cycle_root(c), want[0]);
    for (int32_t n = 1; n < TEXT;) {
        const ltd_cycle_result *r = NULL;
        random_cycle(f, c, t, &r);
        int32_t more = r->accept_len < TEXT - n ? r->accept_len : TEXT - n;
        engine_same_ids("text", r->tokens, want + n, more);
        n += r->accept_len;
    }
}

static void random_texts(fixture *f, const setting *g, tally *t)
{
    ltd_cycle *c;
    ltd_cycle_options o = {.model = f->model,
                           .head = g->head ? f->head : NULL,
                           .clock = ltd_clock_monotonic(),
                           .context = f->context,
                           .top_k = g->top_k,
                           .max_forwards = g->head ? g->max_forwards : 0,
                           .max_size = MAX_SIZE,
                           .lookup = g->lookup,
                           .lookup_min_match = 1,
                           .lookup_max_chain = 10,
                           .kv_f16 = g->kv_f16};
    if (ltd_cycle_new(&c, &o, &f->err) < 0) fail_msg("%s", f->err.msg);
    random_text(f, c, below(&f->rng, PROMPTS), g->kv_f16, t);
    random_text(f, c, below(&f->rng, PROMPTS), g->kv_f16, t);
    ltd_cycle_free(c);
}

static void any_actions_give_the_text_of_plain_decoding(void **state)
{
    static const bool sources[][2] = {{true, true}, {true, false}, {true, true}, {false, true}};
    fixture *f = need(state);
    const char *set = getenv("LTD_TEST_CYCLES");
    int32_t cycles = set && atoi(set) > 0 ? atoi(set) : 2200;
    tally t = {0};
    for (int i = 0; t.cycles < cycles; i++) {
        setting g = {1 + below(&f->rng, 10), 1 + below(&f->rng, MAX_FORWARDS), sources[i % 4][0],
                     sources[i % 4][1], i % 8 >= 4};
        random_texts(f, &g, &t);
    }
    print_message(
        "# %d cycles, %d tokens; %d drafted, %d with a lookup match, %d begun twice, up to "
        "%d tokens a cycle\n",
        t.cycles, t.tokens, t.drafted, t.matched, t.abandoned, t.accepted_most);
    assert_true(t.drafted > cycles / 4 && t.matched > cycles / 10 && t.accepted_most > 5);
}

/* Biases, norms of heads, and windows (16 and 12 keys in texts of 190): the deepest model also with
 * a head, whose guesses are noise. */
static void the_same_holds_in_every_family(void **state)
{
    (void)state;
    static const char *const names[] = {"models/qwen2_bias", "models/qwen3", "models/gemma3_text",
                                        "gguf/gemma3_7l.Q8_0.gguf",
                                        "gguf/llama31_rope_freqs.Q8_0.gguf"};
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    ltd_rng_seed(&f->rng, 20260302, LTD_STREAM_TEST);
    f->context = 256; /* the models' own limit */
    for (size_t m = 0; m < sizeof names / sizeof *names; m++) {
        tally t = {0};
        memset(&f->texts, 0, sizeof f->texts);
        f->model = engine_model(names[m], LTD_LOAD_FILE, 8, NULL);
        f->head =
            strstr(names[m], "7l") ? engine_head("eagle3/session", f->model, LTD_LOAD_Q8) : NULL;
        int32_t vocab = ltd_llama_config(f->model)->vocab;
        for (int32_t p = 0; p < PROMPTS; p++) {
            f->texts.n[p] = 2 + below(&f->rng, 10);
            for (int32_t i = 0; i < f->texts.n[p]; i++)
                f->texts.prompt[p][i] = below(&f->rng, vocab);
        }
        for (int i = 0; i < 8; i++) {
            setting g = {1 + below(&f->rng, 8), 1 + below(&f->rng, MAX_FORWARDS),
                         f->head && i % 3 < 2, i % 3 != 1 || !f->head, i % 2};
            random_texts(f, &g, &t);
        }
        print_message("# %s: %d cycles, %d tokens, %d drafted, %d with a lookup match\n", names[m],
                      t.cycles, t.tokens, t.drafted, t.matched);
        assert_true(t.matched > 0 && t.tokens > t.cycles && (t.drafted > 0) == (f->head != NULL));
        ltd_eagle3_close(f->head);
        ltd_llama_close(f->model);
    }
    free(f);
}

/* --- logits --- */

enum { TREE_ROWS = 14 };

/* A random tree below `root`: half of the tokens are what the model would say, half are noise. */
static ltd_rows random_tree(fixture *f, ltd_session *s, int32_t root, int32_t *token,
                            int32_t *parent)
{
    int32_t n = 1 + below(&f->rng, TREE_ROWS);
    token[0] = root;
    parent[0] = -1;
    for (int32_t i = 1; i < n; i++) {
        parent[i] = below(&f->rng, 3) ? i - 1 : below(&f->rng, i);
        token[i] = below(&f->rng, ltd_llama_config(f->model)->vocab);
        if (below(&f->rng, 2) == 0) token[i] = token[parent[i]];
    }
    ltd_rows rows = {n, token, parent, n};
    if (ltd_session_forward(s, &rows, &f->err) < 0) fail_msg("%s", f->err.msg);
    for (int32_t i = 1; i < n; i++)
        if (below(&f->rng, 2)) token[i] = ltd_session_argmax(s, parent[i]);
    return rows;
}

/* Rows from the root to row `leaf`, ascending; their count. */
static int32_t path_to(const int32_t *parent, int32_t leaf, int32_t *path)
{
    int32_t n = 0;
    for (int32_t i = leaf; i >= 0; i = parent[i]) n++;
    for (int32_t i = leaf, at = n; i >= 0; i = parent[i]) path[--at] = i;
    return n;
}

static void same_kv(const ltd_session *a, const ltd_session *b, int32_t position)
{
    static uint8_t x[1 << 18], y[1 << 18];
    size_t n = ltd_session_kv_bytes(a, position, NULL);
    assert_true(n <= sizeof x);
    ltd_session_kv_bytes(a, position, x);
    ltd_session_kv_bytes(b, position, y);
    assert_memory_equal(x, y, n);
}

/* One verification on `tree`, and the path to a random row decoded on `plain`; both commit it. */
static int32_t compare_tree(fixture *f, ltd_session *tree, ltd_session *plain, int32_t root,
                            int32_t *rows)
{
    int32_t token[TREE_ROWS], parent[TREE_ROWS], path[TREE_ROWS];
    size_t vocab = (size_t)ltd_llama_config(f->model)->vocab;
    ltd_rows r = random_tree(f, tree, root, token, parent);
    if (ltd_session_forward(tree, &r, &f->err) < 0) fail_msg("%s", f->err.msg);
    int32_t n = path_to(parent, below(&f->rng, r.n), path);
    for (int32_t i = 0; i < n; i++) {
        int32_t best = engine_step(plain, token[path[i]]);
        assert_int_equal(best, ltd_session_argmax(tree, path[i]));
        engine_same_bits("logits", ltd_session_logits(tree, path[i]), ltd_session_logits(plain, 0),
                         vocab);
    }
    *rows += n;
    int32_t next = ltd_session_argmax(tree, path[n - 1]), at = ltd_session_length(tree);
    if (ltd_session_commit(tree, path, n, &f->err) < 0) fail_msg("%s", f->err.msg);
    assert_int_equal(ltd_session_length(tree), ltd_session_length(plain));
    for (int32_t i = 0; i < n; i++) same_kv(tree, plain, at + i);
    return next;
}

static void compare_trees(fixture *f, const ltd_llama *model, bool kv_f16, int32_t trees)
{
    ltd_session_options o = {CONTEXT, 64, kv_f16, true, 1};
    ltd_session *tree = engine_session(model, &o), *plain = engine_session(model, &o);
    int32_t root = -1, rows = 0;
    for (int32_t i = 0; i < trees; i++) {
        if (i % 25 == 0) {
            int32_t p = below(&f->rng, PROMPTS);
            assert_int_equal(ltd_session_truncate(tree, 0, &f->err), 0);
            assert_int_equal(ltd_session_truncate(plain, 0, &f->err), 0);
            root = engine_feed(tree, f->texts.prompt[p], f->texts.n[p]);
            assert_int_equal(root, engine_feed(plain, f->texts.prompt[p], f->texts.n[p]));
        }
        root = compare_tree(f, tree, plain, root, &rows);
    }
    print_message("# %d trees, %s K/V: %d rows equal to plain decoding in every bit\n", trees,
                  kv_f16 ? "f16" : "f32", rows);
    ltd_session_free(tree);
    ltd_session_free(plain);
}

static void verified_logits_are_plain_decodings_bit_for_bit(void **state)
{
    fixture *f = need(state);
    compare_trees(f, f->model, false, 150);
    compare_trees(f, f->model, true, 75);
    ltd_llama *precise = engine_model(default_model(), LTD_LOAD_FILE, 16, NULL);
    compare_trees(f, precise, false, 50);
    ltd_llama_close(precise);
}

/* --- instruction sets --- */

/* Two random cycles on both engines with the same actions. */
static void same_cycles(fixture *f, const ltd_llama *model, const ltd_eagle3 *head)
{
    ltd_cycle *c[2];
    ltd_cycle_options o = {.clock = ltd_clock_monotonic(),
                           .context = 128,
                           .top_k = 3,
                           .max_forwards = 3,
                           .max_size = 8};
    for (int e = 0; e < 2; e++) {
        o.model = e ? model : f->model;
        o.head = e ? head : f->head;
        if (ltd_cycle_new(&c[e], &o, &f->err) < 0) fail_msg("%s", f->err.msg);
        assert_int_equal(ltd_cycle_prompt(c[e], f->texts.prompt[0] + 20, 8, &f->err), 0);
    }
    for (int i = 0; i < 2; i++) {
        const ltd_cycle_result *r[2];
        for (int e = 0; e < 2; e++) {
            assert_int_equal(ltd_cycle_begin(c[e], &f->err), 0);
            while (ltd_cycle_can_draft(c[e])) assert_int_equal(ltd_cycle_draft(c[e], &f->err), 0);
            assert_int_equal(ltd_cycle_verify(c[e], 5, &r[e], &f->err), 0);
        }
        const ltd_node *a = ltd_tree_nodes(ltd_cycle_tree(c[0])),
                       *b = ltd_tree_nodes(ltd_cycle_tree(c[1]));
        assert_int_equal(r[0]->pool, r[1]->pool);
        assert_memory_equal(a, b, (size_t)r[0]->pool * sizeof *a); /* scores in every bit */
        assert_int_equal(r[0]->accept_len, r[1]->accept_len);
        engine_same_ids("tokens", r[0]->tokens, r[1]->tokens, r[0]->accept_len);
    }
    for (int e = 0; e < 2; e++) ltd_cycle_free(c[e]);
}

static void plain_c_gives_the_same_bits_on_the_default_model(void **state)
{
    fixture *f = need(state);
    if (ltd_llama_kernels(f->model)->isa == LTD_ISA_PLAIN) {
        print_message("# this machine has no other instruction set: skipped\n");
        skip();
    }
    char path[1024];
    assert_true(source_path(path, sizeof path, HEAD));
    ltd_llama *slow =
        engine_model(default_model(), LTD_LOAD_FILE, 8, ltd_kernels_get(LTD_ISA_PLAIN));
    ltd_eagle3 *head = engine_head(path, slow, LTD_LOAD_Q8);
    static const int32_t parent[] = {-1, 0, 1, 2, 3, 4, 4, 6, 5, 0, 9, 1};
    const int32_t n = 12;
    ltd_session_options o = {128, 64, false, true, 1};
    ltd_session *s[2] = {engine_session(f->model, &o), engine_session(slow, &o)};
    ltd_rows rows = {n, f->texts.prompt[3] + 10, parent, n};
    for (int e = 0; e < 2; e++) assert_int_equal(ltd_session_forward(s[e], &rows, &f->err), 0);
    for (int32_t i = 0; i < n; i++) {
        assert_int_equal(ltd_session_argmax(s[0], i), ltd_session_argmax(s[1], i));
        engine_same_bits("logits", ltd_session_logits(s[0], i), ltd_session_logits(s[1], i),
                         (size_t)ltd_llama_config(slow)->vocab);
    }
    for (int e = 0; e < 2; e++) ltd_session_free(s[e]);
    same_cycles(f, slow, head);
    ltd_eagle3_close(head);
    ltd_llama_close(slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_actions_give_the_text_of_plain_decoding),
        cmocka_unit_test(the_same_holds_in_every_family),
        cmocka_unit_test(verified_logits_are_plain_decodings_bit_for_bit),
        cmocka_unit_test(plain_c_gives_the_same_bits_on_the_default_model),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
