/* Sampling against the reference: next-token distributions of transformers' warpers in both orders
 * of top-k and top-p (probabilities within 1e-4, the same tokens possible). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "models/llm/sample.h"
#include "tests/support/engine.h"
#include "tests/support/vectors.h"

enum { VOCAB = 320 };
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distributions_are_those_of_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
