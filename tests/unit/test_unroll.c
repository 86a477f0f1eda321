/* The loss of a draft head and its gradient: against the engine's own drafts, against differences
 * of the loss in doubles, and against each other in other arithmetic. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "models/kernels/gemm.h"
#include "models/torch/ltd_torch.h"
#include "tests/support/engine.h"
#include "trainer/distill/features.h"
#include "trainer/distill/unroll.h"

enum { TEXTS = 3, LONGEST = 40, STEPS = 4 };

static ltd_llama *model;
static ltd_rng rng;
static ltd_err err;
static int32_t vocab, hidden, all[4096];
static int32_t tokens[TEXTS][LONGEST];
static ltd_conversation text[TEXTS];
static uint16_t *features[TEXTS];
static ltd_head_net net;
static ltd_batch_source source;
static ltd_batch batch;
static float *grad;

static void check(int rc)
{
    if (rc < 0) fail_msg("%s", err.msg);
}

static int setup(void **state)
{
    (void)state;
    static const int32_t length[TEXTS] = {40, 9, 23}, answer[TEXTS] = {6, 7, 4};
    const int32_t taps[4] = {2, 3, 4, 7};
    ltd_features *f;
    ltd_rng_seed(&rng, 5, LTD_STREAM_TEST);
    check(ltd_torch_set_threads(1, &err));
    model = engine_model("eagle3/target", LTD_LOAD_F32, 16, NULL);
    const ltd_llm_config *c = ltd_llama_config(model);
    vocab = c->vocab;
    hidden = c->hidden;
    int32_t used[4];
    memcpy(used, taps, sizeof taps);
    assert_int_equal(ltd_llama_taps(model, used), 3);
    used[3] = c->n_layers;
    check(ltd_features_new(&f, model, used, 4, LONGEST, true, &err));
    for (int t = 0; t < TEXTS; t++) {
        for (int i = 0; i < length[t]; i++)
            tokens[t][i] = (int32_t)ltd_rng_below(&rng, (uint64_t)vocab);
        text[t] = (ltd_conversation){.token = tokens[t], .n = length[t], .answer = answer[t]};
        features[t] = calloc((size_t)length[t] * 4 * (size_t)hidden, sizeof(uint16_t));
        check(ltd_features_compute(f, tokens[t], length[t] - 1, features[t], &err));
    }
    ltd_features_free(f);
    ltd_head_shape shape = ltd_head_shape_of(model, 0);
    check(ltd_head_net_init(&net, &shape, &err));
    net.scale[0] = 0.5f;
    net.scale[1] = 2;
    net.scale[2] = 0.75f;
    check(ltd_head_net_from_layer(&net, model, &rng, &err));
    for (int64_t i = 0; i < net.n; i++) /* nothing is one or zero by chance */
        net.data[i] += 0.05f * ltd_rng_normal(&rng);
    for (int32_t i = 0; i < vocab; i++) all[i] = i;
    check(ltd_batch_source_init(&source, model, net.scale, all, vocab, &err));
    check(ltd_batch_init(&batch, &source, &err));
    check(ltd_batch_fill(&batch, text, (const uint16_t *const *)features, TEXTS, &err));
    grad = calloc((size_t)net.n, sizeof *grad);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int t = 0; t < TEXTS; t++) free(features[t]);
    ltd_batch_fini(&batch);
    ltd_batch_source_fini(&source);
    ltd_head_net_fini(&net);
    ltd_llama_close(model);
    free(grad);
    return 0;
}

static ltd_unroll_options usual(void)
{
    return (ltd_unroll_options){.steps = STEPS,
                                .step_weight = 0.8,
                                .regression = 1.5,
                                .temperature = 0.7,
                                .anchors = batch.anchors};
}

/* --- the engine's own drafts --- */

/* ln of the softmax of x[n] / t. */
static void log_softmax(const float *x, int32_t n, double t, double *ret)
{
    double most = -INFINITY, sum = 0;
    for (int32_t i = 0; i < n; i++) most = fmax(most, (double)x[i] / t);
    for (int32_t i = 0; i < n; i++) sum += exp((double)x[i] / t - most);
    for (int32_t i = 0; i < n; i++) ret[i] = (double)x[i] / t - most - log(sum);
}

static void head_logits(const float *last, float *ret)
{
    float row[512];
    for (int32_t v = 0; v < vocab; v++) {
        double sum = 0;
        ltd_llama_head_row(model, v, row);
        for (int32_t k = 0; k < hidden; k++) sum += (double)row[k] * (double)last[k];
        ret[v] = (float)sum;
    }
}

static void add_row(ltd_unroll_stats *s, int32_t j, const float *logits, int32_t target)
{
    static double q[4096], p[4096];
    static float z[4096];
    double kl = 0;
    int32_t best = 0, wanted = 0;
    head_logits(batch.target + (size_t)target * (size_t)hidden, z);
    log_softmax(z, vocab, usual().temperature, p);
    log_softmax(logits, vocab, 1, q);
    for (int32_t v = 0; v < vocab; v++) {
        kl += exp(p[v]) * (p[v] - q[v]);
        if (q[v] > q[best]) best = v;
        if (p[v] > p[wanted]) wanted = v;
    }
    s->anchors[j]++;
    s->kl[j] += kl;
    s->hits[j] += best == wanted;
}

/* The same chains by ltd_draft: the pairs before an anchor, then the text's own tokens. */
static void draft_text(const ltd_eagle3 *head, int t, ltd_unroll_stats *s)
{
    ltd_draft *d;
    const ltd_batch_text *b = &batch.text[t];
    float *x = calloc((size_t)b->rows * 3 * (size_t)hidden, sizeof *x);
    const ltd_draft_options o = {.context = LONGEST,
                                 .max_rows = LONGEST,
                                 .top_k = 1,
                                 .max_expansions = STEPS,
                                 .logits = true};
    check(ltd_draft_new(&d, head, &o, &err));
    check(ltd_draft_begin(d, tokens[t][0], &err));
    for (int32_t p = 0; p < b->rows; p++)
        for (int32_t k = 0; k < 3 * hidden; k++)
            x[p * 3 * hidden + k] = ltd_f16_to_f32(features[t][p * 4 * hidden + k]);
    if (b->first) check(ltd_draft_extend(d, x, tokens[t] + 1, b->first, false, &err));
    for (int32_t i = 0; i < b->anchors; i++) {
        const int32_t a = b->first + i, zero = 0, seen[STEPS] = {0, 1, 2}, *ancestors = seen;
        check(ltd_draft_extend(d, x + a * 3 * hidden, tokens[t] + a + 1, 1, true, &err));
        add_row(s, 0, ltd_draft_logits(d), b->anchor + i);
        for (int32_t j = 1; j < STEPS && i + j < b->anchors; j++) {
            ltd_expansion e = {tokens[t] + a + 1 + j, &zero, &ancestors, j - 1};
            check(ltd_draft_expand(d, &e, &err));
            add_row(s, j, ltd_draft_logits(d), b->anchor + i + j);
        }
    }
    free(x);
    ltd_draft_free(d);
}

static void a_step_is_what_the_engine_drafts(void **state)
{
    (void)state;
    char folder[] = "/tmp/ltd-unroll-XXXXXX", command[64];
    int32_t taps[3];
    ltd_eagle3 *head;
    ltd_unroll_stats got, want = {0};
    ltd_unroll_options o = usual();
    o.f64 = true;
    assert_non_null(mkdtemp(folder));
    ltd_llama_taps(model, taps);
    ltd_head_files files = {.target = model, .draft = all, .n_draft = vocab, .taps = taps};
    /* Halves in the file: the net that is compared has them, too. */
    for (int64_t i = net.offset[LTD_HEAD_Q]; i < net.n; i++)
        net.data[i] = ltd_f16_to_f32(ltd_f32_to_f16(net.data[i]));
    for (int64_t i = 0; i < net.offset[LTD_HEAD_Q]; i++) {
        float scale = net.scale[i % (3 * hidden) / hidden];
        net.data[i] = ltd_f16_to_f32(ltd_f32_to_f16(net.data[i] * scale)) / scale;
    }
    check(ltd_head_net_export(&net, folder, &files, &err));
    check(ltd_eagle3_open(&head, folder, model, LTD_LOAD_F32, &err));
    check(ltd_unroll(&o, &net, &batch, NULL, &got, &err));
    for (int t = 0; t < TEXTS; t++) draft_text(head, t, &want);
    for (int j = 0; j < STEPS; j++) {
        assert_float_equal(got.anchors[j], want.anchors[j], 0);
        assert_true(got.anchors[j] > 20);
        assert_float_equal(got.kl[j] / got.anchors[j], want.kl[j] / want.anchors[j], 2e-3);
        assert_true(fabs(got.hits[j] - want.hits[j]) <= 1);
    }
    ltd_eagle3_close(head);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* --- gradients --- */

static double loss_at(const ltd_unroll_options *o)
{
    ltd_unroll_stats s;
    check(ltd_unroll(o, &net, &batch, NULL, &s, &err));
    return s.loss;
}

static void gradients_are_differences_of_the_loss(void **state)
{
    (void)state;
    ltd_unroll_options o = usual();
    ltd_unroll_stats s;
    o.f64 = true;
    memset(grad, 0, (size_t)net.n * sizeof *grad);
    check(ltd_unroll(&o, &net, &batch, grad, &s, &err));
    assert_float_equal(s.loss, loss_at(&o), 1e-12);
    double worst = 0;
    for (int i = 0; i < 200; i++) {
        /* Of every part alike. */
        int p = i % LTD_HEAD_PARTS;
        int64_t n = (p + 1 < LTD_HEAD_PARTS ? net.offset[p + 1] : net.n) - net.offset[p];
        int64_t at = net.offset[p] + (int64_t)ltd_rng_below(&rng, (uint64_t)n);
        float was = net.data[at], step = 1.0f / 2048;
        double loss[4], x[4];
        for (int k = 0; k < 4; k++) {
            net.data[at] = was + (float)(k < 2 ? k - 2 : k - 1) * step;
            x[k] = (double)net.data[at];
            loss[k] = loss_at(&o);
        }
        net.data[at] = was;
        /* Two differences, so that the error is of the step's fourth power. */
        double near = (loss[2] - loss[1]) / (x[2] - x[1]);
        double far = (loss[3] - loss[0]) / (x[3] - x[0]);
        double want = (4 * near - far) / 3, got = (double)grad[at];
        double off = fabs(got - want) / (fabs(want) + 1e-5);
        if (off > worst) worst = off;
        if (off > 1e-4)
            fail_msg("parameter %lld of %s: gradient %.9g, by differences %.9g", (long long)at,
                     ltd_head_part_name((ltd_head_part)p), got, want);
    }
    print_message("# 200 gradients, furthest off by %.2g of themselves\n", worst);
}

static double distance(const float *a, const float *b)
{
    double square = 0, size = 0;
    for (int64_t i = 0; i < net.n; i++) {
        square += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(square / size);
}

static void other_arithmetic_gives_nearly_the_same(void **state)
{
    (void)state;
    ltd_unroll_options o = usual();
    ltd_unroll_stats exact, s;
    float *want = calloc((size_t)net.n, sizeof *want);
    o.f64 = true;
    check(ltd_unroll(&o, &net, &batch, want, &exact, &err));
    o.f64 = false;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        o.bf16 = bf16;
        memset(grad, 0, (size_t)net.n * sizeof *grad);
        check(ltd_unroll(&o, &net, &batch, grad, &s, &err));
        assert_float_equal(s.loss, exact.loss, (bf16 ? 1e-2 : 1e-5) * exact.loss);
        assert_true(distance(grad, want) < (bf16 ? 3e-2 : 1e-5));
        assert_float_equal(s.flop, exact.flop, 0);
    }
    free(want);
}

/* A batch of texts is the sum of batches of one each. */
static void texts_do_not_see_each_other(void **state)
{
    (void)state;
    ltd_unroll_options o = usual();
    ltd_unroll_stats whole, part, sum = {0};
    float *want = calloc((size_t)net.n, sizeof *want);
    check(ltd_unroll(&o, &net, &batch, want, &whole, &err));
    memset(grad, 0, (size_t)net.n * sizeof *grad);
    for (int t = 0; t < TEXTS; t++) {
        const uint16_t *f = features[t];
        check(ltd_batch_fill(&batch, &text[t], &f, 1, &err));
        check(ltd_unroll(&o, &net, &batch, grad, &part, &err));
        ltd_unroll_stats_add(&sum, &part);
    }
    for (int j = 0; j < STEPS; j++) {
        assert_float_equal(sum.anchors[j], whole.anchors[j], 0);
        assert_float_equal(sum.kl[j], whole.kl[j], 1e-4 * whole.kl[j]);
        assert_float_equal(sum.hits[j], whole.hits[j], 0);
    }
    assert_true(distance(grad, want) < 1e-5);
    check(ltd_batch_fill(&batch, text, (const uint16_t *const *)features, TEXTS, &err));
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_what_the_engine_drafts),
        cmocka_unit_test(gradients_are_differences_of_the_loss),
        cmocka_unit_test(other_arithmetic_gives_nearly_the_same),
        cmocka_unit_test(texts_do_not_see_each_other),
    };
    return cmocka_run_group_tests_name("unroll", tests, setup, teardown);
}
