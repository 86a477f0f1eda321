/* What drafts propose besides the head's own tokens: those of the text, by the target's rows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/rng.h"
#include "models/llm/eagle3_priv.h"
#include "models/llm/llama_priv.h"
#include "tests/support/engine.h"
#include "tests/support/golden.h"
#include "tests/support/vectors.h"

enum { VOCAB = 320, OWN = 128, HIDDEN = 64, FEATURE = 192, CONTEXT = 40, K = 6, EXPANSIONS = 2 };

static char folder[] = "/tmp/ltd-vocabulary-XXXXXX";
static ltd_llama *model;
static float features[CONTEXT * FEATURE];
static int32_t tokens[CONTEXT];
static ltd_rng rng;
static ltd_err err;

/* --- heads --- */

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* head_a with these rows and tokens in place of its own. */
static ltd_eagle3 *head_with(const float *rows, const int32_t *ids, ltd_load_dtype dtype)
{
    static const char config[] =
        "{\"hidden_size\": 64, \"intermediate_size\": 112, \"num_attention_heads\": 4, "
        "\"num_key_value_heads\": 2, \"vocab_size\": 320, \"rms_norm_eps\": 1e-05, "
        "\"draft_vocab_size\": 128}";
    ltd_safetensors *golden = vec_open("eagle3/head_a/model.safetensors");
    ltd_tensor_view parts[24];
    int64_t offsets[OWN];
    size_t n = 0;
    for (int i = 0; i < OWN; i++) offsets[i] = ids[i] - i;
    for (size_t i = 0; i < ltd_safetensors_tensor_count(golden); i++) {
        ltd_tensor_view v = *ltd_safetensors_tensor_at(golden, i);
        if (strcmp(v.name, "t2d") == 0) continue;
        if (strcmp(v.name, "lm_head.weight") == 0) {
            v.dtype = LTD_DTYPE_F32;
            v.data = rows;
            v.bytes = OWN * HIDDEN * sizeof *rows;
        } else if (strcmp(v.name, "d2t") == 0) {
            v.dtype = LTD_DTYPE_I64;
            v.data = offsets;
            v.bytes = sizeof offsets;
        }
        parts[n++] = v;
    }
    if (ltd_safetensors_write(in_folder("model.safetensors"), parts, n, NULL, NULL, 0, &err) < 0 ||
        ltd_file_write(in_folder("config.json"), config, strlen(config), &err) < 0)
        fail_msg("%s", err.msg);
    ltd_safetensors_close(golden);
    return engine_head(folder, model, dtype);
}

/* The target's rows of every other token, as floats. */
static void targets_rows(float *rows, int32_t *ids)
{
    for (int32_t i = 0; i < OWN; i++) {
        ids[i] = 2 * i;
        ltd_pack_get_row(model->lm_head, ids[i], rows + i * HIDDEN);
    }
}

static ltd_eagle3 *sharing_head(ltd_load_dtype dtype)
{
    float rows[OWN * HIDDEN];
    int32_t ids[OWN];
    targets_rows(rows, ids);
    return head_with(rows, ids, dtype);
}

/* --- drafts --- */

static ltd_draft *open_draft(const ltd_eagle3 *head, ltd_draft_vocabulary vocabulary)
{
    ltd_draft *d;
    ltd_draft_options o = {CONTEXT, CONTEXT, K, EXPANSIONS, vocabulary, true};
    if (ltd_draft_new(&d, head, &o, &err) < 0) fail_msg("%s", err.msg);
    return d;
}

static void extend(ltd_draft *d, int32_t n)
{
    int32_t at = ltd_draft_length(d);
    if (ltd_draft_extend(d, features + at * FEATURE, tokens + at, n, true, &err) < 0)
        fail_msg("%s", err.msg);
}

static void expand(ltd_draft *d, int32_t e)
{
    static const int32_t columns[] = {0, K}, sources[K] = {0};
    static const int32_t *const ancestors[K] = {columns, columns, columns,
                                                columns, columns, columns};
    int32_t beam[K];
    memcpy(beam, ltd_draft_tokens(d), sizeof beam);
    ltd_expansion rows = {beam, sources, ancestors, e};
    if (ltd_draft_expand(d, &rows, &err) < 0) fail_msg("%s", err.msg);
}

static void same_output(const ltd_draft *a, const ltd_draft *b, size_t rows)
{
    assert_memory_equal(ltd_draft_tokens(a), ltd_draft_tokens(b), rows * K * sizeof(int32_t));
    engine_same_bits("ln p", ltd_draft_logp(a), ltd_draft_logp(b), rows * K);
}

/* The two drafts, whatever they did before, go on alike. */
static void go_on_alike(ltd_draft *a, ltd_draft *b)
{
    same_output(a, b, 1);
    for (int32_t e = 0; e < EXPANSIONS; e++) {
        expand(a, e);
        expand(b, e);
        same_output(a, b, K);
    }
}

/* --- what is proposed --- */

/* Row r against its own feature times all rows of the vocabulary, in double precision. */
static void check_row(const ltd_draft *d, const ltd_eagle3 *head, const bool *text, int32_t r)
{
    const float *x = ltd_draft_hidden(d) + r * HIDDEN;
    double logit[VOCAB], squares = 0, total = 0;
    float row[HIDDEN];
    bool has[VOCAB], taken[VOCAB] = {false};
    memcpy(has, text, sizeof has);
    for (int i = 0; i < OWN; i++) has[head->target_id[i]] = true;
    for (int i = 0; i < HIDDEN; i++) squares += (double)x[i] * (double)x[i];
    double scale = 1 / sqrt(squares / HIDDEN + (double)head->config.eps);
    for (int32_t t = 0; t < VOCAB; t++) {
        int32_t own = 0;
        while (own < OWN && head->target_id[own] != t) own++;
        if (own < OWN)
            ltd_pack_get_row(&head->lm_head, own, row);
        else
            ltd_pack_get_row(model->lm_head, t, row);
        logit[t] = 0;
        for (int i = 0; i < HIDDEN; i++)
            logit[t] += (double)row[i] * (double)x[i] * scale * (double)head->norm[i];
        if (has[t]) total += exp(logit[t]);
        if (own < OWN)
            assert_true(fabs(logit[t] - (double)ltd_draft_logits(d)[r * OWN + own]) < 1e-4);
    }
    for (int j = 0; j < K; j++) {
        int32_t best = -1;
        for (int32_t t = 0; t < VOCAB; t++)
            if (has[t] && !taken[t] && (best < 0 || logit[t] > logit[best])) best = t;
        taken[best] = true;
        assert_int_equal(ltd_draft_tokens(d)[r * K + j], best);
        double want = logit[best] - log(total), got = (double)ltd_draft_logp(d)[r * K + j];
        if (!(fabs(got - want) < 1e-4))
            fail_msg("row %d, place %d: ln p is %g, expected %g", r, j, got, want);
    }
}

/* Both kinds of vocabulary at the resync and in an expansion; the text's first token counts. */
static void drafts_are_what_the_formula_says(void **state)
{
    (void)state;
    ltd_eagle3 *head = sharing_head(LTD_LOAD_F32);
    for (int v = 0; v < LTD_VOCABULARY_COUNT; v++) {
        bool text[VOCAB] = {false};
        ltd_draft *d = open_draft(head, (ltd_draft_vocabulary)v);
        int32_t first = 77;
        assert_int_equal(ltd_draft_begin(d, first, &err), 0);
        extend(d, 30);
        text[first] = v != LTD_VOCABULARY_STATIC;
        for (int i = 0; i < 30; i++) text[tokens[i]] = v != LTD_VOCABULARY_STATIC;
        check_row(d, head, text, 0);
        expand(d, 0);
        for (int32_t r = 0; r < K; r++) check_row(d, head, text, r);
        ltd_draft_free(d);
    }
    ltd_eagle3_close(head);
}

static void kinds_of_weights_may_differ_from_the_targets(void **state)
{
    (void)state;
    static const ltd_load_dtype dtypes[] = {LTD_LOAD_FILE, LTD_LOAD_F16, LTD_LOAD_Q8};
    for (size_t i = 0; i < 3; i++) {
        ltd_eagle3 *head = sharing_head(dtypes[i]);
        ltd_draft *d = open_draft(head, LTD_VOCABULARY_AUTO);
        bool proposed = false;
        assert_true(ltd_eagle3_shares_rows(head));
        extend(d, 30);
        for (int32_t e = 0; e < EXPANSIONS; e++) {
            expand(d, e);
            for (int j = 0; j < K * K; j++) proposed |= ltd_draft_tokens(d)[j] % 2 == 1;
        }
        assert_true(proposed);
        ltd_draft_free(d);
        ltd_eagle3_close(head);
    }
}

/* --- what it depends on --- */

static void the_vocabulary_is_that_of_the_kept_pairs(void **state)
{
    (void)state;
    ltd_eagle3 *head = sharing_head(LTD_LOAD_Q8);
    ltd_draft *a = open_draft(head, LTD_VOCABULARY_CONTEXT), *b;
    for (int round = 0; round < 30; round++) {
        int32_t n = 1 + (int32_t)ltd_rng_below(&rng, CONTEXT), first = round;
        assert_int_equal(ltd_draft_begin(a, first, &err), 0);
        extend(a, n);
        int32_t keep = (int32_t)ltd_rng_below(&rng, (uint64_t)n);
        assert_int_equal(ltd_draft_truncate(a, keep, &err), 0);
        int32_t more = 1 + (int32_t)ltd_rng_below(&rng, (uint64_t)(CONTEXT - keep));
        extend(a, more);
        b = open_draft(head, LTD_VOCABULARY_CONTEXT);
        assert_int_equal(ltd_draft_begin(b, first, &err), 0);
        for (int32_t i = 0; i < keep + more; i++) extend(b, 1);
        go_on_alike(a, b);
        ltd_draft_free(b);
    }
    static const int32_t wrong[] = {VOCAB, -1};
    for (int i = 0; i < 2; i++) assert_int_equal(ltd_draft_begin(a, wrong[i], &err), LTD_EINVAL);
    ltd_draft_free(a);
    ltd_eagle3_close(head);
}

/* The resync and the expansions of a head and target opened with so many threads. */
typedef struct drafted {
    int32_t tokens[(1 + EXPANSIONS) * K * K];
    float logp[(1 + EXPANSIONS) * K * K];
} drafted;

static drafted draft_with(const char *target, const char *head_path, int32_t threads)
{
    drafted ret = {0};
    ltd_llama_options o = {LTD_LOAD_FILE, 16, threads, NULL};
    ltd_llama *t;
    if (ltd_llama_open(&t, target, &o, &err) < 0) fail_msg("%s", err.msg);
    ltd_eagle3 *head = engine_head(head_path, t, LTD_LOAD_Q8);
    ltd_draft *d = open_draft(head, LTD_VOCABULARY_CONTEXT);
    size_t width = 3 * (size_t)ltd_llama_config(t)->hidden;
    float *x = malloc(25 * width * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < 25 * width; i++) x[i] = features[i % (CONTEXT * FEATURE)];
    assert_int_equal(ltd_draft_extend(d, x, tokens, 25, true, &err), 0);
    for (int32_t e = 0; e <= EXPANSIONS; e++) {
        if (e) expand(d, e - 1);
        size_t n = e ? K * K : K, at = (size_t)(e * K * K);
        memcpy(ret.tokens + at, ltd_draft_tokens(d), n * sizeof(int32_t));
        memcpy(ret.logp + at, ltd_draft_logp(d), n * sizeof(float));
    }
    free(x);
    ltd_draft_free(d);
    ltd_eagle3_close(head);
    ltd_llama_close(t);
    return ret;
}

/* Two slices of a tiny head: threads without any; sixteen and one of the default one: a few each.
 */
static void threads_change_nothing(void **state)
{
    (void)state;
    static const int32_t threads[] = {1, 2, 3, 7};
    char target[1024], head[1024];
    assert_true(golden_path(target, sizeof target, "eagle3/target"));
    assert_true(golden_path(head, sizeof head, "eagle3/head_a"));
    for (int both = 0; both < 2; both++) {
        if (both &&
            (!default_model() || !source_path(head, sizeof head, "heads/smollm2-135m-eagle3")))
            return;
        if (both) snprintf(target, sizeof target, "%s", default_model());
        drafted first = draft_with(target, head, threads[0]);
        for (int i = 1; i < 4; i++) {
            drafted other = draft_with(target, head, threads[i]);
            assert_memory_equal(&other, &first, sizeof first);
        }
    }
}

/* All rows are that of token 1, which the head lacks and the text brings: the lowest tokens come
 * first, whatever the order of the rows. */
static void the_lower_of_equal_tokens_comes_first(void **state)
{
    (void)state;
    static const int32_t text[] = {1, 1}, want[2][K] = {{0, 2, 4, 6, 8, 10}, {0, 1, 2, 4, 6, 8}};
    float rows[OWN * HIDDEN];
    int32_t ids[OWN];
    ltd_llama *had = model;
    model = engine_model("eagle3/target", LTD_LOAD_F32, 16, NULL);
    for (int32_t i = 0; i < OWN; i++) {
        ids[i] = 2 * (i * 5 % OWN);
        ltd_pack_get_row(model->lm_head, 1, rows + i * HIDDEN);
    }
    ltd_eagle3 *head = head_with(rows, ids, LTD_LOAD_F32);
    for (int more = 0; more < 2; more++) {
        ltd_draft *d = open_draft(head, more ? LTD_VOCABULARY_CONTEXT : LTD_VOCABULARY_STATIC);
        assert_int_equal(ltd_draft_extend(d, features, text, 2, true, &err), 0);
        engine_same_ids("lowest", ltd_draft_tokens(d), want[more], K);
        for (int j = 0; j < K; j++)
            assert_true(fabs((double)ltd_draft_logp(d)[j] + log(OWN + more)) < 1e-5);
        ltd_draft_free(d);
    }
    ltd_eagle3_close(head);
    ltd_llama_close(model);
    model = had;
}

/* --- where it may be --- */

static void rows_are_compared_with_the_targets(void **state)
{
    (void)state;
    float rows[OWN * HIDDEN], noise[OWN * HIDDEN], changed[OWN * HIDDEN];
    int32_t ids[OWN];
    targets_rows(rows, ids);
    for (int i = 0; i < OWN * HIDDEN; i++) noise[i] = ltd_rng_normal(&rng);
    static const float parts[] = {0, 0.08f, 0.3f, 1.5f}; /* of the length of a row */
    for (size_t c = 0; c < 4; c++) {
        bool shares = parts[c] < 0.125f;
        for (int i = 0; i < OWN * HIDDEN; i++) changed[i] = rows[i] * (1 + parts[c] * noise[i]);
        ltd_eagle3 *head = head_with(changed, ids, LTD_LOAD_F16);
        assert_int_equal(ltd_eagle3_shares_rows(head), shares);
        assert_int_equal(ltd_eagle3_extends(head, LTD_VOCABULARY_AUTO), shares);
        assert_false(ltd_eagle3_extends(head, LTD_VOCABULARY_STATIC));
        assert_true(ltd_eagle3_extends(head, LTD_VOCABULARY_CONTEXT));
        ltd_draft *a = open_draft(head, LTD_VOCABULARY_AUTO);
        ltd_draft *b = open_draft(head, shares ? LTD_VOCABULARY_CONTEXT : LTD_VOCABULARY_STATIC);
        extend(a, 30);
        extend(b, 30);
        go_on_alike(a, b);
        ltd_draft_free(a);
        ltd_draft_free(b);
        ltd_eagle3_close(head);
    }
}

static void an_lm_head_of_its_own_is_told_apart(void **state)
{
    (void)state;
    ltd_eagle3 *head = engine_head("eagle3/head_a", model, LTD_LOAD_F32);
    assert_false(ltd_eagle3_shares_rows(head));
    ltd_eagle3_close(head);
    char path[1024];
    if (!default_model() || !source_path(path, sizeof path, "heads/smollm2-135m-eagle3")) return;
    static const ltd_load_dtype dtypes[] = {LTD_LOAD_FILE, LTD_LOAD_Q4};
    for (int i = 0; i < 2; i++) { /* the head that ships has the target's */
        ltd_llama *target = engine_model(default_model(), dtypes[i], 8, NULL);
        head = engine_head(path, target, LTD_LOAD_Q8);
        assert_true(ltd_eagle3_shares_rows(head));
        ltd_eagle3_close(head);
        ltd_llama_close(target);
    }
}

static int setup(void **state)
{
    (void)state;
    ltd_rng_seed(&rng, 33, LTD_STREAM_TEST);
    for (int i = 0; i < CONTEXT * FEATURE; i++) features[i] = ltd_rng_normal(&rng);
    for (int i = 0; i < CONTEXT; i++) tokens[i] = (int32_t)ltd_rng_below(&rng, VOCAB);
    tokens[7] = tokens[3]; /* tokens come again */
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    unlink(in_folder("model.safetensors"));
    unlink(in_folder("config.json"));
    ltd_llama_close(model);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drafts_are_what_the_formula_says),
        cmocka_unit_test(kinds_of_weights_may_differ_from_the_targets),
        cmocka_unit_test(the_vocabulary_is_that_of_the_kept_pairs),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(the_lower_of_equal_tokens_comes_first),
        cmocka_unit_test(rows_are_compared_with_the_targets),
        cmocka_unit_test(an_lm_head_of_its_own_is_told_apart),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
