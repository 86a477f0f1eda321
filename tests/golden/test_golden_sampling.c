/* Sampling against the reference: next-token distributions of transformers' warpers in both orders
 * of top-k and top-p (probabilities within 1e-4, the same tokens possible), and EAGLE's acceptance
 * of verified trees from the numbers that its code drew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "env/accept.h"
#include "models/llm/sample.h"
#include "tests/support/engine.h"
#include "tests/support/vectors.h"

enum { VOCAB = 320, MAX_VERIFY = 64 };
static const double tolerance = 1e-4;

static ltd_err err;

static ltd_sampler *open_sampler(ltd_json one, bool top_p_first)
{
    ltd_sampler *s;
    double top_p = engine_f64(one, "top_p");
    ltd_sampling rule = {engine_f64(one, "temperature"), engine_int(one, "top_k"),
                         top_p > 0 ? top_p : 1, top_p_first};
    if (ltd_sampler_new(&s, VOCAB, &rule, &err) < 0) fail_msg("%s", err.msg);
    return s;
}

/* As floats: below their range a probability is 0 for the reference. */
static void check_distribution(const ltd_sampler *s, const ltd_safetensors *want, const char *name)
{
    const float *p = vec_f32(want, name, NULL);
    assert_int_equal(vec_count(want, name), VOCAB);
    for (int32_t i = 0; i < VOCAB; i++) {
        float got = (float)ltd_sampler_p(s, i);
        if (!(fabs((double)got - (double)p[i]) <= tolerance) || (got > 0) != (p[i] > 0))
            fail_msg("%s: token %d has %g, expected %g", name, i, (double)got, (double)p[i]);
    }
}

static void distributions_are_those_of_the_reference(void **state)
{
    (void)state;
    int32_t checked[2] = {0, 0};
    ltd_safetensors *want = vec_open("lossless/sampling.safetensors");
    ltd_json_doc *doc = engine_json("lossless/lossless.json");
    ltd_json prompts = engine_get(ltd_json_root(doc), "sampling");
    for (size_t p = 0; p < ltd_json_count(prompts); p++) {
        char logits[32];
        snprintf(logits, sizeof logits, "s%zu.logits", p);
        ltd_json cases = engine_get(ltd_json_at(prompts, p), "cases");
        for (size_t c = 0; c < ltd_json_count(cases); c++) {
            ltd_json one = ltd_json_at(cases, c);
            const char *name = NULL, *order = NULL;
            ltd_json_get_string(one, "tensor", &name, &err);
            ltd_json_get_string(one, "order", &order, &err);
            assert_non_null(name && order ? name : NULL);
            bool top_p_first = strncmp(order, "temperature, top-p, top-k", 25) == 0;
            ltd_sampler *s = open_sampler(one, top_p_first);
            if (ltd_sampler_set(s, vec_f32(want, logits, NULL), &err) < 0) fail_msg("%s", err.msg);
            check_distribution(s, want, name);
            ltd_sampler_free(s);
            checked[top_p_first]++;
        }
    }
    assert_true(checked[0] == 27 && checked[1] == 27);
    ltd_json_free(doc);
    ltd_safetensors_close(want);
}

/* --- acceptance --- */

typedef struct recorded {
    const float *logits;
    double uniform[MAX_VERIFY];
    int32_t n, used;
} recorded;

static const float *logits_at(const void *rows, int32_t entry)
{
    return ((const recorded *)rows)->logits + (size_t)entry * VOCAB;
}

/* The reference drew the token itself with another generator: any number serves. */
static double next_uniform(void *numbers)
{
    recorded *r = numbers;
    int32_t at = r->used++;
    return at < r->n ? r->uniform[at] : 0.5;
}

static void check_acceptance(const ltd_selection *sel, recorded *r, ltd_json one,
                             const ltd_safetensors *want, size_t number)
{
    char tensor[64];
    const char *name = NULL;
    int32_t path[MAX_VERIFY], accepted[MAX_VERIFY], next = -1;
    ltd_json_get_string(one, "name", &name, &err);
    snprintf(tensor, sizeof tensor, "v%zu.%s.final_p", number, name);
    ltd_json uniforms = engine_get(one, "uniforms");
    r->used = 0;
    r->n = (int32_t)ltd_json_count(uniforms);
    for (int32_t i = 0; i < r->n; i++) r->uniform[i] = engine_number(uniforms, (size_t)i);
    ltd_sampler *s = open_sampler(one, true);
    ltd_chance chance = {s, logits_at, r, next_uniform, r};
    int32_t got = ltd_accept_sampled(sel, &chance, path, &next, &err);
    if (got < 0) fail_msg("%s: %s", tensor, err.msg);
    assert_int_equal(got, engine_int(one, "accept_length") + 1);
    assert_int_equal(got, engine_ids(one, "accepted_nodes", accepted, MAX_VERIFY));
    engine_same_ids(tensor, path, accepted, got);
    assert_int_equal(r->used, r->n + 1);
    check_distribution(s, want, tensor);
    assert_true(ltd_sampler_p(s, next) > 0);
    ltd_sampler_free(s);
}

static void acceptance_from_recorded_numbers_is_the_official_one(void **state)
{
    (void)state;
    int32_t checked = 0;
    ltd_safetensors *want = vec_open("eagle3/verify/verify.safetensors");
    ltd_json_doc *doc = engine_json("eagle3/verify/verify.json");
    ltd_json cases = engine_get(ltd_json_root(doc), "cases");
    for (size_t c = 0; c < ltd_json_count(cases); c++) {
        int32_t token[MAX_VERIFY], parent[MAX_VERIFY], depth[MAX_VERIFY], node[MAX_VERIFY] = {0};
        char name[48];
        ltd_json one = ltd_json_at(cases, c), sampled = engine_get(one, "sampled");
        ltd_selection sel = {engine_ids(one, "tokens", token, MAX_VERIFY), token, parent, depth,
                             node};
        engine_ids(one, "parent", parent, MAX_VERIFY);
        engine_ids(one, "position_offsets", depth, MAX_VERIFY);
        snprintf(name, sizeof name, "v%zu.node_logits", c);
        recorded r = {.logits = vec_f32(want, name, NULL)};
        for (size_t i = 0; i < ltd_json_count(sampled); i++, checked++)
            check_acceptance(&sel, &r, ltd_json_at(sampled, i), want, c);
    }
    assert_int_equal(checked, 90);
    ltd_json_free(doc);
    ltd_safetensors_close(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distributions_are_those_of_the_reference),
        cmocka_unit_test(acceptance_from_recorded_numbers_is_the_official_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
