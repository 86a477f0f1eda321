/* Policies of Stable-Baselines3 through our reader and our plain-C nets: the golden zips' numbers,
 * the released LTD policies' full sizes down to a checkpoint, and 1,000 greedy decisions each
 * beside libtorch's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agents/actor_critic.h"
#include "agents/categorical.h"
#include "agents/sb3_nets.h"
#include "base/file.h"
#include "models/torch/ltd_torch.h"
#include "tests/support/golden.h"
#include "tests/support/sb3zip.h"
#include "tests/support/vectors.h"
#include "trainer/checkpoint/import.h"
#include "trainer/checkpoint/policy_file.h"

enum { OBSERVATIONS = 1000, MAX_ACTIONS = 32 };

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

static void say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("# ");
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
}

static void read_nets(ltd_sb3_nets *ret, const ltd_sb3 *file)
{
    ltd_err err = LTD_ERR_INIT;
    if (ltd_sb3_nets_read(ret, file, NULL, &err) < 0) fail_msg("%s", err.msg);
}

/* --- greedy decisions beside libtorch --- */

/* The training twin with the zip's own tensors, by name: our reader of layers has no part in it. */
static ltd_actor_critic *twin(const ltd_sb3 *file, const ltd_sb3_nets *nets)
{
    ltd_actor_critic_options o = LTD_ACTOR_CRITIC_DEFAULTS;
    ltd_actor_critic *ac;
    ltd_err err = LTD_ERR_INIT;
    o.n_pi = ltd_mlp_layers(nets->actor) - 1;
    o.n_vf = ltd_mlp_layers(nets->critic) - 1;
    o.obs_dim = ltd_mlp_dim(nets->actor, 0);
    o.n_actions = ltd_mlp_dim(nets->actor, o.n_pi + 1);
    for (int32_t i = 0; i < o.n_pi; i++) o.pi[i] = ltd_mlp_dim(nets->actor, i + 1);
    for (int32_t i = 0; i < o.n_vf; i++) o.vf[i] = ltd_mlp_dim(nets->critic, i + 1);
    o.activation = strcmp(ltd_sb3_activation(file), "ReLU") == 0 ? LTD_ACT_RELU : LTD_ACT_TANH;
    if (ltd_actor_critic_new(&ac, &o, NULL, &err) < 0) fail_msg("%s", err.msg);
    const ltd_ptzip *weights = ltd_sb3_weights(file);
    assert_int_equal(ltd_actor_critic_param_count(ac), ltd_ptzip_tensor_count(weights));
    for (int32_t i = 0; i < ltd_actor_critic_param_count(ac); i++) {
        const ltd_param *p = ltd_actor_critic_param(ac, i);
        const ltd_tensor_view *t = ltd_ptzip_tensor(weights, p->name);
        assert_non_null(t);
        assert_int_equal(t->bytes, (size_t)p->count * sizeof *p->data);
        memcpy(p->data, t->data, t->bytes);
    }
    return ac;
}

/* Logits within `close`, equal actions wherever libtorch's best two are more than twice that apart.
 */
static void same_decisions(const char *name, const ltd_sb3 *file, double close)
{
    const double tie = 2 * close;
    ltd_sb3_nets nets;
    ltd_err err = LTD_ERR_INIT;
    read_nets(&nets, file);
    ltd_actor_critic *ac = twin(file, &nets);
    const int64_t n_obs = ltd_mlp_dim(nets.actor, 0);
    const int32_t n = ltd_mlp_dim(nets.actor, ltd_mlp_layers(nets.actor));
    assert_in_range(n, 1, MAX_ACTIONS);
    float *obs = malloc((size_t)(OBSERVATIONS * n_obs) * sizeof *obs), logits[MAX_ACTIONS];
    float *theirs = malloc((size_t)(OBSERVATIONS * n) * sizeof *theirs);
    assert_true(obs && theirs);
    for (int64_t i = 0; i < OBSERVATIONS * n_obs; i++) obs[i] = 2 * sb3_formula(4242, (uint64_t)i);
    ltd_torch_scope scope;
    ltd_tensor *x, *y;
    const int64_t dims[2] = {OBSERVATIONS, n_obs};
    ltd_torch_scope_init(&scope);
    if (ltd_tensor_from_f32(&x, obs, dims, 2, &err) < 0 ||
        ltd_actor_critic_logits(ac, x, &y, &err) < 0 ||
        ltd_tensor_to_f32(y, theirs, (int64_t)OBSERVATIONS * n, &err) < 0)
        fail_msg("%s", err.msg);
    ltd_torch_scope_fini(&scope);
    int ties = 0, kinds = 0, taken[MAX_ACTIONS] = {0};
    for (int i = 0; i < OBSERVATIONS; i++) {
        const float *want = theirs + (ptrdiff_t)i * n;
        int32_t best = ltd_categorical_argmax(want, NULL, n);
        float second = -INFINITY;
        for (int32_t k = 0; k < n; k++)
            if (k != best && want[k] > second) second = want[k];
        ltd_mlp_forward(nets.actor, obs + (ptrdiff_t)i * n_obs, logits);
        vec_assert_close(name, logits, want, (size_t)n, close);
        if ((double)(want[best] - second) <= tie) {
            ties++;
            continue;
        }
        taken[best]++;
        assert_int_equal(ltd_categorical_argmax(logits, NULL, n), best);
    }
    for (int32_t k = 0; k < n; k++) kinds += taken[k] > 0;
    say("%s: %d equal decisions, %d of %d actions taken, %d ties within %g left out", name,
        OBSERVATIONS - ties, kinds, n, ties, tie);
    assert_true(ties < OBSERVATIONS / 20);
    assert_true(kinds > 1);
    free(obs);
    free(theirs);
    ltd_actor_critic_free(ac);
    ltd_sb3_nets_fini(&nets);
}

/* --- the zips --- */

static ltd_sb3 *open_zip(const char *name)
{
    char path[512];
    ltd_sb3 *file;
    ltd_err err = LTD_ERR_INIT;
    if (!golden_path(path, sizeof path, name)) skip();
    if (ltd_sb3_open(&file, path, &err) < 0) fail_msg("%s", err.msg);
    return file;
}

static void check_row(const char *name, const ltd_sb3_nets *nets, const ltd_safetensors *want,
                      int64_t row, int32_t n)
{
    const int64_t n_obs = ltd_mlp_dim(nets->actor, 0);
    const float *obs = vec_f32(want, "obs", NULL) + row * n_obs;
    const float *values = vec_f32(want, "values", NULL);
    bool masked = vec_has(want, "action_masks");
    float logits[MAX_ACTIONS], probs[MAX_ACTIONS], value;
    uint8_t mask[MAX_ACTIONS];
    if (masked) {
        const ltd_tensor_view *m = ltd_safetensors_tensor(want, "action_masks");
        memcpy(mask, (const uint8_t *)m->data + row * n, (size_t)n);
    }
    ltd_mlp_forward(nets->actor, obs, logits);
    ltd_mlp_forward(nets->critic, obs, &value);
    ltd_categorical_probs(probs, logits, masked ? mask : NULL, n);
    vec_assert_close(name, probs, vec_f32(want, "probs", NULL) + row * n, (size_t)n, 1e-5);
    vec_assert_close(name, &value, values + row, 1, 1e-5 * (1 + fabs((double)values[row])));
    assert_int_equal(ltd_categorical_argmax(logits, masked ? mask : NULL, n),
                     vec_i64(want, "actions", NULL)[row]);
    if (!masked) return;
    ltd_categorical_probs(probs, logits, NULL, n);
    vec_assert_close(name, probs, vec_f32(want, "probs_unmasked", NULL) + row * n, (size_t)n, 1e-5);
}

static void saved_models_give_their_numbers(void **state)
{
    (void)state;
    static const char *const names[] = {"ppo_dict_arch", "ppo_list_arch_relu", "ppo_default_arch",
                                        "ppo_linear", "maskable_ppo"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        int64_t dims[8];
        ltd_sb3_nets nets;
        snprintf(name, sizeof name, "ppo/zips/%s.zip", names[i]);
        ltd_sb3 *file = open_zip(name);
        snprintf(name, sizeof name, "ppo/zips/%s.expected.safetensors", names[i]);
        ltd_safetensors *want = vec_open(name);
        read_nets(&nets, file);
        assert_string_equal(ltd_sb3_version(file), "2.9.2");
        assert_string_equal(ltd_sb3_activation(file), strstr(names[i], "relu") ? "ReLU" : "Tanh");
        int32_t n = ltd_mlp_dim(nets.actor, ltd_mlp_layers(nets.actor));
        vec_f32(want, "probs", dims);
        assert_int_equal(dims[1], n);
        for (int64_t row = 0; row < dims[0]; row++) check_row(names[i], &nets, want, row, n);
        ltd_sb3_nets_fini(&nets);
        same_decisions(names[i], file, 1e-5);
        ltd_safetensors_close(want);
        ltd_sb3_close(file);
    }
}

/* --- full size, from the formula, down to a checkpoint --- */

static json_object *field(json_object *o, const char *name)
{
    json_object *v;
    if (!json_object_object_get_ex(o, name, &v)) fail_msg("case.json has no %s", name);
    return v;
}

static int64_t integer(json_object *o, const char *name)
{
    return json_object_get_int64(field(o, name));
}

static void make_tensors(sb3_tensors *t, json_object *json)
{
    json_object *order = field(json, "parameter_order");
    t->n = 0;
    for (size_t i = 0; i < json_object_array_length(order); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(order, i));
        json_object *spec = field(field(json, "init"), name), *shape = field(spec, "shape");
        int64_t dims[2] = {0}, count = 1;
        int n_dims = (int)json_object_array_length(shape);
        for (int d = 0; d < n_dims; d++)
            count *= dims[d] = json_object_get_int64(json_object_array_get_idx(shape, (size_t)d));
        float *data = sb3_tensors_add(t, name, dims, n_dims, NULL);
        float scale = (float)json_object_get_double(field(spec, "scale"));
        for (int64_t k = 0; k < count; k++)
            data[k] = scale * sb3_formula((uint64_t)integer(spec, "seed"), (uint64_t)k);
    }
}

/* A zip of the case's policy in `path`, imported, kept and read back. */
static ltd_policy *through_a_checkpoint(const char *zip, const char *h5)
{
    static ltd_config config;
    const char *paths[] = {zip};
    ltd_import_options o = {.paths = paths, .n_paths = 1};
    ltd_import in;
    ltd_err err = LTD_ERR_INIT;
    ltd_policy *p;
    ltd_config_init(&config);
    if (ltd_import_sb3(&in, &config, &o, &err) < 0) fail_msg("%s", err.msg);
    unlink(h5);
    if (ltd_import_save(&in, h5, &err) < 0) fail_msg("%s", err.msg);
    ltd_import_fini(&in);
    if (ltd_policy_load(&p, h5, &err) < 0) fail_msg("%s", err.msg);
    return p;
}

/* ln pi of the stored actions, as Stable-Baselines3 evaluated them. */
static void check_logprobs(const char *name, const ltd_policy *p, ltd_turn turn, json_object *json)
{
    char file[64];
    int64_t dims[8];
    snprintf(file, sizeof file, "ppo/%s/rollout.safetensors", name);
    ltd_safetensors *data = vec_open(file);
    const int64_t *actions = vec_i64(data, "actions", dims);
    const float *want = vec_f32(data, "eval.log_probs", NULL);
    const int64_t n = dims[0] * dims[1], n_obs = integer(json, "obs_dim");
    const uint64_t seed = (uint64_t)integer(field(json, "observations"), "seed");
    ltd_mlp *net = turn == LTD_TURN_DEPTH ? p->depth : p->size;
    int32_t n_actions = ltd_mlp_dim(net, ltd_mlp_layers(net));
    float *obs = malloc((size_t)n_obs * sizeof *obs), logits[MAX_ACTIONS];
    assert_non_null(obs);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < n_obs; k++)
            obs[k] = (sb3_formula(seed, (uint64_t)(i * n_obs + k)) - 1.0f) * 4.0f;
        ltd_mlp_forward(net, obs, logits);
        float got = ltd_categorical_logprob(logits, NULL, n_actions, (int32_t)actions[i]);
        vec_assert_close(name, &got, want + i, 1, 1e-5 * (1 + fabs((double)want[i])));
    }
    say("%s: %lld log-probabilities", name, (long long)n);
    free(obs);
    ltd_safetensors_close(data);
}

static void check_full_size(const char *name, ltd_turn turn, const char *root)
{
    char path[512], file[64], zip[128], h5[128];
    ltd_err err = LTD_ERR_INIT;
    sb3_tensors t;
    ltd_sb3 *sb3;
    size_t size;
    snprintf(file, sizeof file, "ppo/%s/case.json", name);
    if (!golden_path(path, sizeof path, file)) skip();
    json_object *json = json_object_from_file(path);
    assert_non_null(json);
    make_tensors(&t, json);
    void *bytes = sb3zip(&size, &t, SB3_DATA_TANH, 0);
    snprintf(zip, sizeof zip, "%s/%s.zip", root, name);
    snprintf(h5, sizeof h5, "%s/%s.h5", root, name);
    if (ltd_file_write(zip, bytes, size, &err) < 0) fail_msg("%s", err.msg);
    ltd_policy *p = through_a_checkpoint(zip, h5);
    assert_true((turn == LTD_TURN_DEPTH) == (p->depth != NULL) && !p->depth == !!p->size);
    check_logprobs(name, p, turn, json);
    ltd_policy_free(p);
    if (ltd_sb3_open(&sb3, zip, &err) < 0) fail_msg("%s", err.msg);
    same_decisions(name, sb3, 1e-5);
    ltd_sb3_close(sb3);
    free(bytes);
    sb3_tensors_free(&t);
    json_object_put(json);
    unlink(zip);
    unlink(h5);
}

static void policies_of_full_size_go_through_a_checkpoint(void **state)
{
    (void)state;
    char root[] = "/tmp/ltd-sb3-XXXXXX";
    assert_non_null(mkdtemp(root));
    check_full_size("ltd_depth", LTD_TURN_DEPTH, root);
    check_full_size("ltd_size", LTD_TURN_SIZE, root);
    rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_models_give_their_numbers),
        cmocka_unit_test(policies_of_full_size_go_through_a_checkpoint),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
