#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "agents/actor_critic.h"
#include "agents/categorical.h"
#include "agents/orthogonal.h"
#include "base/mem.h"
#include "models/torch/ltd_torch.h"

static ltd_actor_critic *make(const ltd_actor_critic_options *opt, uint64_t seed)
{
    ltd_rng rng;
    ltd_actor_critic *ac;
    ltd_rng_seed(&rng, seed, LTD_STREAM_INIT);
    assert_int_equal(ltd_actor_critic_new(&ac, opt, &rng, NULL), LTD_OK);
    return ac;
}

static int setup(void **state)
{
    (void)state;
    return ltd_torch_set_threads(1, NULL);
}

static int teardown(void **state)
{
    (void)state;
    return ltd_torch_live() == 0 ? 0 : -1;
}

static void parameters_have_sb3s_names_shapes_and_order(void **state)
{
    (void)state;
    static const char *const names[] = {
        "mlp_extractor.policy_net.0.weight",
        "mlp_extractor.policy_net.0.bias",
        "mlp_extractor.value_net.0.weight",
        "mlp_extractor.value_net.0.bias",
        "mlp_extractor.value_net.2.weight",
        "mlp_extractor.value_net.2.bias",
        "action_net.weight",
        "action_net.bias",
        "value_net.weight",
        "value_net.bias",
    };
    ltd_actor_critic_options opt = {128, 2, {1024}, 1, {1024, 256}, 2, LTD_ACT_TANH};
    ltd_actor_critic *ac;
    assert_int_equal(ltd_actor_critic_new(&ac, &opt, NULL, NULL), LTD_OK);
    assert_int_equal(ltd_actor_critic_param_count(ac), 10);
    int64_t sum = 0;
    for (int32_t i = 0; i < 10; i++) {
        const ltd_param *p = ltd_actor_critic_param(ac, i);
        assert_string_equal(p->name, names[i]);
        assert_ptr_equal(ltd_actor_critic_param_named(ac, names[i]), p);
        assert_int_equal(p->offset, sum);
        assert_ptr_equal(p->data, ltd_actor_critic_data(ac) + sum);
        sum += p->count;
    }
    /* The paper's counts: actor 134 146, critic 394 753. */
    assert_int_equal(sum, 134146 + 394753);
    assert_int_equal(ltd_actor_critic_size(ac), sum);
    const ltd_param *w = ltd_actor_critic_param_named(ac, "mlp_extractor.value_net.2.weight");
    assert_true(w->n_dims == 2 && w->dims[0] == 256 && w->dims[1] == 1024);
    assert_null(ltd_actor_critic_param(ac, 10));
    assert_null(ltd_actor_critic_param_named(ac, "value_net"));
    ltd_actor_critic_free(ac);
}

/* a [n, m]: are its rows (or columns) orthonormal up to `gain`? */
static void assert_orthogonal(const float *a, int64_t rows, int64_t cols, double gain)
{
    bool by_row = rows <= cols;
    int64_t count = by_row ? rows : cols, n = by_row ? cols : rows;
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j <= i; j++) {
            double dot = 0;
            for (int64_t k = 0; k < n; k++)
                dot += (double)(by_row ? a[i * cols + k] : a[k * cols + i]) *
                       (double)(by_row ? a[j * cols + k] : a[k * cols + j]);
            assert_true(fabs(dot - (i == j ? gain * gain : 0)) < 1e-6 * gain * gain);
        }
}

static void weights_start_orthogonal_and_biases_zero(void **state)
{
    (void)state;
    ltd_actor_critic_options opt = {40, 13, {64, 32}, 2, {96}, 1, LTD_ACT_TANH};
    ltd_actor_critic *ac = make(&opt, 5);
    for (int32_t i = 0; i < ltd_actor_critic_param_count(ac); i++) {
        const ltd_param *p = ltd_actor_critic_param(ac, i);
        double gain = sqrt(2);
        if (strncmp(p->name, "action_net", 10) == 0) gain = 0.01;
        if (strncmp(p->name, "value_net", 9) == 0) gain = 1;
        if (p->n_dims == 2) assert_orthogonal(p->data, p->dims[0], p->dims[1], gain);
        for (int64_t k = 0; p->n_dims == 1 && k < p->count; k++) assert_true(p->data[k] == 0);
    }
    ltd_actor_critic *again = make(&opt, 5), *other = make(&opt, 6);
    size_t bytes = (size_t)ltd_actor_critic_size(ac) * sizeof(float);
    assert_memory_equal(ltd_actor_critic_data(ac), ltd_actor_critic_data(again), bytes);
    assert_memory_not_equal(ltd_actor_critic_data(ac), ltd_actor_critic_data(other), bytes);
    ltd_actor_critic_free(ac);
    ltd_actor_critic_free(again);
    ltd_actor_critic_free(other);
}

static void randomize(ltd_actor_critic *ac, ltd_rng *rng)
{
    float *data = ltd_actor_critic_data(ac);
    for (int64_t i = 0; i < ltd_actor_critic_size(ac); i++) data[i] += 0.05f * ltd_rng_normal(rng);
}

/* The plain-C nets and the shim's agree at 1e-5, mask included. */
static void twins_agree(const ltd_actor_critic_options *opt)
{
    enum { N = 16 };
    ltd_rng rng;
    ltd_rng_seed(&rng, 9, LTD_STREAM_TEST);
    ltd_actor_critic *ac = make(opt, 9);
    randomize(ac, &rng);
    ltd_mlp *actor = NULL, *critic = NULL;
    assert_int_equal(ltd_actor_critic_sync(ac, &actor, &critic, NULL), LTD_OK);
    int32_t d = opt->obs_dim, k = opt->n_actions;
    float *obs = ltd_mem_zeros(N * (size_t)d, sizeof *obs);
    float *logp = ltd_mem_zeros(N * (size_t)k, sizeof *logp);
    uint8_t *mask = ltd_mem_zeros(N * (size_t)k, 1);
    float value[N], logits[64], v;
    for (int i = 0; i < N * d; i++) obs[i] = ltd_rng_normal(&rng);
    for (int i = 0; i < N * k; i++) mask[i] = i % k == 0 || ltd_rng_below(&rng, 3) > 0;
    ltd_torch_scope scope;
    ltd_torch_scope_init(&scope);
    ltd_tensor *x, *m, *lp, *val;
    assert_int_equal(ltd_tensor_view_f32(&x, obs, (int64_t[]){N, d}, 2, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_view_bool(&m, mask, (int64_t[]){N, k}, 2, NULL), LTD_OK);
    assert_int_equal(ltd_actor_critic_forward(ac, x, m, &lp, &val, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_to_f32(lp, logp, N * k, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_to_f32(val, value, N, NULL), LTD_OK);
    for (int i = 0; i < N; i++) {
        ltd_mlp_forward(actor, obs + i * d, logits);
        ltd_mlp_forward(critic, obs + i * d, &v);
        assert_true(fabsf(v - value[i]) <= 1e-5f * (1 + fabsf(v)));
        for (int32_t a = 0; a < k; a++) {
            float want = ltd_categorical_logprob(logits, mask + i * k, k, a), got = logp[i * k + a];
            if (mask[i * k + a])
                assert_true(fabsf(want - got) <= 1e-5f * (1 + fabsf(want)));
            else
                assert_true(expf(got) == 0.0f && isinf(want));
        }
    }
    ltd_torch_scope_fini(&scope);
    ltd_mlp_free(actor);
    ltd_mlp_free(critic);
    free(obs);
    free(logp);
    free(mask);
    ltd_actor_critic_free(ac);
}

static void plain_c_nets_agree_with_the_shim(void **state)
{
    (void)state;
    twins_agree(&(ltd_actor_critic_options){48, 13, {64, 64}, 2, {64, 64}, 2, LTD_ACT_TANH});
    twins_agree(&(ltd_actor_critic_options){128, 2, {1024}, 1, {1024, 256}, 2, LTD_ACT_TANH});
    twins_agree(&(ltd_actor_critic_options){60, 24, {40, 30}, 2, {33}, 1, LTD_ACT_RELU});
    twins_agree(&(ltd_actor_critic_options){7, 3, {0}, 0, {0}, 0, LTD_ACT_TANH});
}

static void imported_nets_come_back(void **state)
{
    (void)state;
    ltd_actor_critic_options opt = {10, 4, {16}, 1, {8, 8}, 2, LTD_ACT_RELU};
    ltd_actor_critic *a = make(&opt, 1), *b;
    assert_int_equal(ltd_actor_critic_new(&b, &opt, NULL, NULL), LTD_OK);
    ltd_mlp *actor = NULL, *critic = NULL;
    assert_int_equal(ltd_actor_critic_sync(a, &actor, &critic, NULL), LTD_OK);
    assert_int_equal(ltd_actor_critic_load_mlp(b, actor, critic, NULL), LTD_OK);
    assert_memory_equal(ltd_actor_critic_data(a), ltd_actor_critic_data(b),
                        (size_t)ltd_actor_critic_size(a) * sizeof(float));
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_actor_critic_load_mlp(b, critic, NULL, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "actor: the other net has a different shape or activation");
    ltd_mlp_free(actor);
    ltd_mlp_free(critic);
    ltd_actor_critic_free(a);
    ltd_actor_critic_free(b);
}

static void a_square_matrix_is_orthogonal_too(void **state)
{
    (void)state;
    enum { N = 128 };
    static float w[N * N];
    ltd_rng rng;
    for (uint64_t seed = 0; seed < 4; seed++) {
        ltd_rng_seed(&rng, seed, LTD_STREAM_TEST);
        assert_int_equal(ltd_orthogonal_fill(w, N, N, 2, &rng, NULL), LTD_OK);
        assert_orthogonal(w, N, N, 2);
    }
}

static void wrong_sizes_give_an_error(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_actor_critic_options opt = LTD_ACTOR_CRITIC_DEFAULTS;
    ltd_actor_critic *ac = (ltd_actor_critic *)&err;
    assert_int_equal(ltd_actor_critic_new(&ac, &opt, NULL, &err), LTD_EINVAL);
    assert_null(ac);
    opt.obs_dim = 3, opt.n_actions = 2, opt.n_pi = 8;
    assert_int_equal(ltd_actor_critic_new(&ac, &opt, NULL, &err), LTD_EINVAL);
    opt.n_pi = 1, opt.pi[0] = -1;
    assert_int_equal(ltd_actor_critic_new(&ac, &opt, NULL, &err), LTD_EINVAL);
    opt.pi[0] = 5;
    assert_int_equal(ltd_actor_critic_new(&ac, &opt, NULL, &err), LTD_OK);
    float obs[8] = {0};
    ltd_torch_scope scope;
    ltd_torch_scope_init(&scope);
    ltd_tensor *x, *lp, *v;
    assert_int_equal(ltd_tensor_view_f32(&x, obs, (int64_t[]){2, 4}, 2, NULL), LTD_OK);
    assert_int_equal(ltd_actor_critic_forward(ac, x, NULL, &lp, &v, &err), LTD_ETORCH);
    assert_true(!lp && !v);
    ltd_torch_scope_fini(&scope);
    ltd_actor_critic_free(ac);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_have_sb3s_names_shapes_and_order),
        cmocka_unit_test(weights_start_orthogonal_and_biases_zero),
        cmocka_unit_test(plain_c_nets_agree_with_the_shim),
        cmocka_unit_test(imported_nets_come_back),
        cmocka_unit_test(a_square_matrix_is_orthogonal_too),
        cmocka_unit_test(wrong_sizes_give_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
