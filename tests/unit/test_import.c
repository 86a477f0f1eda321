/* Zips of Stable-Baselines3 become checkpoints: which policy they are, the space they play in, what
 * stands in for a missing one, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/file.h"
#include "tests/support/sb3zip.h"
#include "trainer/checkpoint/import.h"
#include "trainer/checkpoint/policy_file.h"

static char root[64];
static ltd_config config;

static int setup(void **state)
{
    (void)state;
    ltd_config_init(&config);
    snprintf(root, sizeof root, "/tmp/ltd-import-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command) == 0 ? 0 : -1;
}

static const char *in(const char *name)
{
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

/* A zip with an actor of inputs -> 8 -> outputs. */
static const char *zip(const char *name, int32_t inputs, int32_t outputs, const char *data)
{
    const char *path = in(name);
    ltd_err err = LTD_ERR_INIT;
    sb3_tensors t;
    size_t size;
    sb3_tensors_make(&t, (const int32_t[]){inputs, 8, outputs}, 2,
                     (const int32_t[]){inputs, 4, 3, 1}, 3, (uint64_t)(inputs + outputs));
    void *bytes = sb3zip(&size, &t, data, 0);
    if (ltd_file_write(path, bytes, size, &err) < 0) fail_msg("%s", err.msg);
    free(bytes);
    sb3_tensors_free(&t);
    return path;
}

static int try_import(ltd_import *ret, const char *a, const char *b, const int32_t *forwards,
                      const int32_t *size, ltd_err *err)
{
    const char *const paths[] = {a, b};
    ltd_import_options o = {.paths = paths, .n_paths = b ? 2 : 1};
    o.fixed_forwards = forwards;
    o.fixed_size = size;
    return ltd_import_sb3(ret, &config, &o, err);
}

static ltd_import import(const char *a, const char *b)
{
    ltd_import ret;
    ltd_err err = LTD_ERR_INIT;
    if (try_import(&ret, a, b, NULL, NULL, &err) < 0) fail_msg("%s", err.msg);
    return ret;
}

static void refused(const char *a, const char *b, const char *words)
{
    ltd_import ret;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(try_import(&ret, a, b, NULL, NULL, &err), LTD_EINVAL);
    if (!strstr(err.msg, words)) fail_msg("message is '%s', expected '%s' in it", err.msg, words);
    assert_null(ret.policy);
    assert_null(ret.report.data);
}

static void assert_paper_space(const ltd_policy *p, int32_t n_sizes)
{
    assert_int_equal(p->depth_contract, LTD_CONTRACT_PAPER_DEPTH);
    assert_int_equal(p->size_contract, LTD_CONTRACT_PAPER_SIZE);
    assert_int_equal(p->top_k, 10);
    assert_int_equal(p->min_forwards, 2);
    assert_int_equal(p->max_forwards, 13);
    assert_int_equal(p->depth_every, 1);
    assert_false(p->lookup);
    assert_null(p->survival);
    assert_int_equal(p->n_sizes, n_sizes);
    for (int32_t i = 0; i < n_sizes; i++) assert_int_equal(p->sizes[i], 240 / n_sizes * (i + 1));
}

static void policies_of_the_paper_are_told_by_their_shapes(void **state)
{
    (void)state;
    ltd_import depth = import(zip("d.zip", 128, 2, SB3_DATA_TANH), NULL);
    assert_paper_space(depth.policy, 12);
    assert_true(depth.policy->depth && !depth.policy->size);
    assert_true(depth.policy->depth_critic && !depth.policy->size_critic);
    assert_int_equal(depth.policy->fixed_size, 60);
    assert_int_equal(ltd_policy_most_nodes(depth.policy), 60);
    assert_non_null(strstr(ltd_str_text(&depth.report), "128 -> 8 -> 2, paper/depth/128, tanh"));
    assert_non_null(strstr(ltd_str_text(&depth.report), "no policy: 60 nodes in every cycle"));
    assert_non_null(strstr(ltd_str_text(&depth.from), "depth: d.zip, Stable-Baselines3 2.9.2"));
    ltd_import_fini(&depth);
    for (int32_t n = 12; n <= 24; n += 12) {
        ltd_import size = import(zip("s.zip", 1268, n, SB3_DATA_RELU), NULL);
        assert_paper_space(size.policy, n);
        assert_true(!size.policy->depth && size.policy->size);
        assert_int_equal(size.policy->fixed_forwards, 9);
        assert_int_equal(ltd_policy_most_forwards(size.policy), 9);
        assert_non_null(strstr(ltd_str_text(&size.report), "no policy: 9 forwards"));
        ltd_import_fini(&size);
    }
}

static void policies_over_our_contracts_play_in_the_configured_space(void **state)
{
    (void)state;
    const ltd_config *c = &config;
    const char *d = zip("ld.zip", 56, 2, SB3_DATA_TANH);
    const char *s = zip("ls.zip", 56, c->env.sizes.n, SB3_DATA_TANH);
    ltd_import both = import(s, d);
    assert_int_equal(both.policy->depth_contract, LTD_CONTRACT_LTD_DEPTH);
    assert_int_equal(both.policy->size_contract, LTD_CONTRACT_LTD_SIZE);
    assert_int_equal(both.policy->top_k, c->env.top_k);
    assert_int_equal(both.policy->max_forwards, c->env.max_forwards);
    assert_int_equal(both.policy->n_sizes, c->env.sizes.n);
    assert_true(both.policy->lookup == c->env.lookup && both.policy->rate == c->env.rate);
    ltd_import_fini(&both);
    /* EAGLE-3's 9 forwards are more than there are. */
    ltd_import size = import(s, NULL);
    assert_true(c->env.max_forwards < 9);
    assert_int_equal(size.policy->fixed_forwards, c->env.max_forwards);
    ltd_import_fini(&size);
}

static void depth_is_asked_as_configured(void **state)
{
    (void)state;
    const int32_t before = config.env.depth_every;
    config.env.depth_every = 3;
    ltd_import ours = import(in("ld.zip"), NULL), paper = import(in("d.zip"), NULL);
    config.env.depth_every = before;
    assert_int_equal(ours.policy->depth_every, 3);
    assert_int_equal(ours.policy->min_forwards, config.env.min_forwards);
    /* As the released code: behind the resync and 3 expansions, then every 3. */
    assert_int_equal(paper.policy->depth_every, 3);
    assert_int_equal(paper.policy->min_forwards, 4);
    ltd_import_fini(&ours);
    ltd_import_fini(&paper);
}

static void other_shapes_and_pairs_are_refused(void **state)
{
    (void)state;
    const char *d = zip("d.zip", 128, 2, SB3_DATA_TANH), *s = zip("s.zip", 1268, 12, SB3_DATA_TANH);
    const char *d2 = zip("d2.zip", 128, 2, SB3_DATA_TANH);
    const char *ld = zip("ld.zip", 56, 2, SB3_DATA_TANH);
    refused(zip("x.zip", 128, 3, SB3_DATA_TANH), NULL,
            "its actor is 128 -> 3, expected 128 -> 2 (");
    refused(zip("x.zip", 1268, 13, SB3_DATA_TANH), NULL, "1268 -> 13, expected");
    refused(zip("x.zip", 48, 2, SB3_DATA_TANH), NULL, "48 -> 2, expected");
    refused(d, d2, "d2.zip are both depth policies, expected one of each kind");
    refused(s, s, "are both size policies");
    refused(s, ld, "they don't play in the same space");
    refused(ld, s, "they don't play in the same space");
}

static void the_fixed_part_can_be_chosen(void **state)
{
    (void)state;
    const char *d = zip("d.zip", 128, 2, SB3_DATA_TANH), *s = zip("s.zip", 1268, 12, SB3_DATA_TANH);
    const int32_t five = 5, one = 1, fourteen = 14, nodes = 130, ten = 10, many = 241;
    ltd_import in;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(try_import(&in, s, NULL, &five, NULL, &err), 0);
    assert_int_equal(in.policy->fixed_forwards, 5);
    ltd_import_fini(&in);
    assert_int_equal(try_import(&in, d, NULL, NULL, &nodes, &err), 0);
    assert_int_equal(ltd_policy_most_nodes(in.policy), 120);
    ltd_import_fini(&in);
    const struct {
        const char *a, *b, *words;
        const int32_t *forwards, *size;
    } cases[] = {
        {s, NULL, "--forwards: is 1, expected 2 to 13", &one, NULL},
        {s, NULL, "--forwards: is 14, expected 2 to 13", &fourteen, NULL},
        {d, NULL, "--size: is 10, expected 20 to 240", NULL, &ten},
        {d, NULL, "--size: is 241, expected 20 to 240", NULL, &many},
        {d, NULL, "--forwards is for imports without a depth policy", &five, NULL},
        {d, s, "--size is for imports without a size policy", NULL, &nodes},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            try_import(&in, cases[i].a, cases[i].b, cases[i].forwards, cases[i].size, &err),
            LTD_EINVAL);
        if (!strstr(err.msg, cases[i].words)) fail_msg("%s", err.msg);
    }
}

/* --- checkpoints --- */

static char *saved(ltd_import *in_, const char *name)
{
    static char sha[65];
    ltd_err err = LTD_ERR_INIT;
    ltd_checkpoint *c;
    snprintf(in_->policy->model_hash, sizeof in_->policy->model_hash, "the model");
    snprintf(in_->policy->machine, sizeof in_->policy->machine, LTD_IMPORT_MACHINE);
    if (ltd_import_save(in_, in(name), &err) < 0) fail_msg("%s", err.msg);
    if (ltd_checkpoint_open(&c, in(name), &err) < 0) fail_msg("%s", err.msg);
    snprintf(sha, sizeof sha, "%s", ltd_checkpoint_sha256(c));
    ltd_checkpoint_close(c);
    return sha;
}

static void same_net(const ltd_mlp *a, const ltd_mlp *b)
{
    if (!a) {
        assert_null(b);
        return;
    }
    assert_non_null(b);
    assert_int_equal(ltd_mlp_activation(a), ltd_mlp_activation(b));
    assert_int_equal(ltd_mlp_layers(a), ltd_mlp_layers(b));
    static float wa[1268 * 24], wb[1268 * 24], ba[64], bb[64];
    for (int32_t i = 0; i < ltd_mlp_layers(a); i++) {
        assert_int_equal(ltd_mlp_dim(a, i), ltd_mlp_dim(b, i));
        assert_int_equal(ltd_mlp_get(a, i, wa, ba, NULL), 0);
        assert_int_equal(ltd_mlp_get(b, i, wb, bb, NULL), 0);
        size_t out = (size_t)ltd_mlp_dim(a, i + 1), n = out * (size_t)ltd_mlp_dim(a, i);
        assert_memory_equal(wa, wb, n * sizeof *wa);
        assert_memory_equal(ba, bb, out * sizeof *ba);
    }
}

/* Imported, saved and read back: the same policy. */
static void round_trip(const char *a, const char *b, const char *name)
{
    ltd_import x = import(a, b);
    ltd_err err = LTD_ERR_INIT;
    ltd_policy *p;
    saved(&x, name);
    if (ltd_policy_load(&p, in(name), &err) < 0) fail_msg("%s", err.msg);
    same_net(x.policy->depth, p->depth);
    same_net(x.policy->size, p->size);
    assert_int_equal(p->depth_contract, x.policy->depth_contract);
    assert_int_equal(p->size_contract, x.policy->size_contract);
    assert_int_equal(p->n_sizes, x.policy->n_sizes);
    assert_memory_equal(p->sizes, x.policy->sizes, sizeof p->sizes);
    assert_int_equal(p->max_forwards, x.policy->max_forwards);
    if (!p->depth) assert_int_equal(p->fixed_forwards, x.policy->fixed_forwards);
    if (!p->size) assert_int_equal(p->fixed_size, x.policy->fixed_size);
    assert_string_equal(p->model_hash, "the model");
    assert_string_equal(p->machine, LTD_IMPORT_MACHINE);
    ltd_policy_free(p);
    ltd_import_fini(&x);
}

static void a_checkpoint_gives_back_what_was_imported(void **state)
{
    (void)state;
    const char *d = zip("d.zip", 128, 2, SB3_DATA_TANH), *s = zip("s.zip", 1268, 24, SB3_DATA_RELU);
    round_trip(d, NULL, "d.h5");
    round_trip(s, NULL, "s.h5");
    round_trip(d, s, "ds.h5"); /* with two activations */
}

static void the_order_of_two_zips_means_nothing(void **state)
{
    (void)state;
    char first[65];
    const char *d = zip("d.zip", 128, 2, SB3_DATA_TANH), *s = zip("s.zip", 1268, 12, SB3_DATA_TANH);
    ltd_import a = import(d, s), b = import(s, d);
    snprintf(first, sizeof first, "%s", saved(&a, "one.h5"));
    assert_string_equal(first, saved(&b, "two.h5"));
    ltd_import_fini(&a);
    ltd_import_fini(&b);
}

static void critics_are_kept_and_nothing_is_written_over(void **state)
{
    (void)state;
    ltd_checkpoint *c;
    ltd_err err = LTD_ERR_INIT;
    ltd_import x = import(zip("d.zip", 128, 2, SB3_DATA_TANH), NULL);
    saved(&x, "below/a/folder/c.h5");
    assert_int_equal(ltd_checkpoint_open(&c, in("below/a/folder/c.h5"), &err), 0);
    assert_non_null(ltd_checkpoint_find(c, "policy/depth/mlp_extractor.value_net.2.weight"));
    assert_non_null(ltd_checkpoint_find(c, "policy/depth/value_net.bias"));
    assert_null(ltd_checkpoint_find(c, "policy/size/action_net.weight"));
    assert_non_null(ltd_checkpoint_find(c, LTD_IMPORT_ENTRY));
    ltd_checkpoint_close(c);
    assert_int_equal(ltd_import_save(&x, in("below/a/folder/c.h5"), &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "c.h5: is there already"));
    ltd_import_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_of_the_paper_are_told_by_their_shapes),
        cmocka_unit_test(policies_over_our_contracts_play_in_the_configured_space),
        cmocka_unit_test(depth_is_asked_as_configured),
        cmocka_unit_test(other_shapes_and_pairs_are_refused),
        cmocka_unit_test(the_fixed_part_can_be_chosen),
        cmocka_unit_test(a_checkpoint_gives_back_what_was_imported),
        cmocka_unit_test(the_order_of_two_zips_means_nothing),
        cmocka_unit_test(critics_are_kept_and_nothing_is_written_over),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
