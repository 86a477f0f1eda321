#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/rng.h"
#include "base/yaml.h"
#include "trainer/config/config.h"

static ltd_config a, b; /* 40 KiB each: not on the stack */

static char *source_path(const char *name)
{
    const char *root = getenv("LTD_SOURCE_ROOT");
    ltd_str s = LTD_STR_INIT;
    ltd_str_printf(&s, "%s/%s", root ? root : ".", name);
    return ltd_str_take(&s);
}

static char *read_text(const char *path)
{
    ltd_file f;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_file_map(&f, path, &err) < 0) fail_msg("%s", err.msg);
    ltd_str s = LTD_STR_INIT;
    ltd_str_push(&s, (const char *)f.data, f.size);
    ltd_file_unmap(&f);
    return ltd_str_take(&s);
}

static void parse(ltd_config *config, const char *text)
{
    ltd_err err = LTD_ERR_INIT;
    if (ltd_config_parse(config, "c.yaml", text, strlen(text), &err) < 0) fail_msg("%s", err.msg);
}

static void file_refused(const char *text, int code, const char *expected)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_config_init(&a);
    memcpy(&b, &a, sizeof a);
    assert_int_equal(ltd_config_parse(&a, "c.yaml", text, strlen(text), &err), code);
    if (strcmp(err.msg, expected) != 0) fail_msg("'%s', expected '%s'", err.msg, expected);
    assert_memory_equal(&a, &b, sizeof a);
}

static void set_refused(const char *assignment, const char *expected)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_config_init(&a);
    memcpy(&b, &a, sizeof a);
    assert_int_equal(ltd_config_set(&a, assignment, &err), LTD_EINVAL);
    if (strcmp(err.msg, expected) != 0) fail_msg("'%s', expected '%s'", err.msg, expected);
    assert_memory_equal(&a, &b, sizeof a);
}

static void defaults_are_the_tables_and_pass_the_check(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_config_init(&a);
    if (ltd_config_check(&a, &err) < 0) fail_msg("%s", err.msg);
    for (size_t i = 0; i < ltd_config_key_count(); i++) {
        const ltd_key *key = ltd_config_key(i);
        if (!ltd_config_is_default(&a, key)) {
            ltd_str s = LTD_STR_INIT;
            ltd_config_value(&a, key, &s);
            fail_msg("%s prints %s, the table says %s", key->name, ltd_str_text(&s), key->preset);
        }
        assert_ptr_equal(ltd_config_key_find(key->name), key);
        assert_ptr_equal(ltd_config_key_nearest(key->name), key);
    }
    assert_int_equal(a.env.top_k, 4);
    assert_int_equal(a.env.sizes.n, 13);
    assert_int_equal(a.env.sizes.v[12], 60);
    assert_int_equal(a.env.reward, LTD_REWARD_AVERAGE);
    assert_int_equal(a.env.depth_obs, LTD_CONTRACT_LTD_DEPTH);
    assert_int_equal(a.model.activations, 8);
    assert_string_equal(a.model.path, "");
    assert_int_equal(a.prompts.bench.n, 4);
    assert_true(a.train.lr == 1e-3);
    assert_null(ltd_config_key(ltd_config_key_count()));
}

static void layers_lie_over_each_other(void **state)
{
    (void)state;
    char *path = source_path("configs/quickstart.yaml");
    const char *const overrides[] = {"--train.n_steps=4e3", "env.sizes=0, 2,4", "run.seed=7",
                                     "--model.path=/m/a=b: #c.gguf", "prompts.bench=[\"x,y\", z]"};
    ltd_err err = LTD_ERR_INIT;
    if (ltd_config_load(&a, path, overrides, 5, &err) < 0) fail_msg("%s", err.msg);
    assert_string_equal(a.run.name, "quickstart");
    assert_int_equal(a.train.n_steps, 4000);
    assert_int_equal(a.env.sizes.n, 3);
    assert_int_equal(a.env.sizes.v[2], 4);
    assert_true(a.run.seed == 7);
    assert_string_equal(a.model.path, "/m/a=b: #c.gguf");
    assert_int_equal(a.prompts.bench.n, 2);
    assert_string_equal(a.prompts.bench.v[0], "x,y");
    assert_int_equal(a.train.n_epochs, 10);
    assert_string_equal(a.prompts.bench.v[1], "z");
    memcpy(&b, &a, sizeof a);
    assert_int_equal(ltd_config_load(&a, "/nonexistent.yaml", NULL, 0, &err), LTD_EIO);
    assert_memory_equal(&a, &b, sizeof a);
    free(path);
}

static void unknown_keys_name_the_nearest(void **state)
{
    (void)state;
    set_refused("--train.larning_rate=1e-4", "train.larning_rate: no such key; nearest: train.lr");
    set_refused("lr=1", "lr: no such key; nearest: train.lr");
    set_refused("env.topk=4", "env.topk: no such key; nearest: env.top_k");
    set_refused("train.clip_range=4", "train.clip_range: no such key; nearest: train.clip_coef");
    set_refused("bench.max_nwe=4", "bench.max_nwe: no such key; nearest: bench.max_new");
    set_refused("seed=4", "seed: no such key; nearest: run.seed");
    set_refused("train.lr", "train.lr: found no value, expected section.key=value");
    file_refused("train:\n  lr: 0.1\n  n_step: 4\n", LTD_EINVAL,
                 "c.yaml:3:11: train.n_step: no such key; nearest: train.n_steps");
    file_refused("tain: {lr: 1}\n", LTD_EINVAL,
                 "c.yaml:1:12: tain.lr: no such key; nearest: train.lr");
}

static void values_of_the_wrong_kind_or_range_are_refused(void **state)
{
    (void)state;
    set_refused("train.lr=7", "train.lr: is 7, expected 0 to 1");
    set_refused("train.lr=nan", "train.lr: found 'nan', expected a number");
    set_refused("train.lr=0x1", "train.lr: found '0x1', expected a number");
    set_refused("train.lr=", "train.lr: found '', expected a number");
    set_refused("train.lr=1e999", "train.lr: found '1e999', expected a number");
    set_refused("env.top_k=2.5", "env.top_k: found '2.5', expected an integer");
    set_refused("env.top_k=0", "env.top_k: is 0, expected 1 to 32 nodes");
    set_refused("env.top_k=99999999999", "env.top_k: is 99999999999, expected 1 to 32 nodes");
    set_refused("env.lookup=yes", "env.lookup: found 'yes', expected true or false");
    set_refused("env.reward=mean",
                "env.reward: found 'mean', expected one of average, ratio, length, time");
    set_refused("env.sizes=1,2,x", "env.sizes: found 'x', expected an integer");
    set_refused("env.sizes=1,,2", "env.sizes: an empty entry in the list");
    set_refused("env.sizes=1,5000", "env.sizes: is 5000, expected 0 to 1024 nodes");
    set_refused("run.seed=-1", "run.seed: found '-1', expected an integer of 0 or more");
    set_refused("run.seed=18446744073709551616",
                "run.seed: is 18446744073709551616, expected 0 to 18446744073709551615");
    set_refused("model.path=\xff", "model.path: the text is no UTF-8");
    file_refused("train:\n  lr: [1]\n", LTD_EINVAL,
                 "c.yaml:2:7: train.lr: found a list, expected one value");
    file_refused("train:\n  lr: 0.1\n  lr: 0.2\n", LTD_EFORMAT,
                 "c.yaml:3:3: key 'train.lr' is there twice");
    file_refused("- 1\n", LTD_EINVAL, "c.yaml:1:1: found a lone value, expected sections of keys");
    char big[700] = "model.path=";
    memset(big + 11, 'x', 600);
    set_refused(big, "model.path: 600 bytes, expected at most 511");
    strcpy(big, "env.sizes=");
    for (int i = 0; i < 65; i++) sprintf(big + strlen(big), "%d,", i);
    set_refused(big, "env.sizes: more than 64 entries");
}

static void keys_that_disagree_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *set, *message;
    } cases[] = {
        {"env.min_forwards=9", "env.min_forwards: is 9, expected at most env.max_forwards = 8"},
        {"train.batch_size=4096",
         "train.batch_size: is 4096, expected at most train.n_steps = 2048"},
        {"env.sizes=0,4,4", "env.sizes: 4 follows 4, expected ascending numbers"},
        {"tune.top_k=4,2", "tune.top_k: 2 follows 4, expected ascending numbers"},
        {"tune.top_k=2,4,6,12", "tune.top_k: 4 widths, expected at most 3"},
        {"env.sizes=[]", "env.sizes: is empty, expected a number"},
        {"distill.unroll=[]", "distill.unroll: is empty, expected a number"},
        {"distill.taps=2,15", "distill.taps: 2 layers, expected 3 or none"},
        {"env.depth_obs=paper/depth/128",
         "env.top_k: is 4, expected 10 with env.depth_obs = paper/..."},
        {"policy.size_hidden=1,1,1,1,1,1,1,1", "policy.size_hidden: 8 layers, expected at most 7"},
        {"model.context=1024",
         "env.max_prompt: is 1024, expected at most model.context - 1 = 1023"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ltd_err err = LTD_ERR_INIT;
        assert_int_equal(ltd_config_load(&a, NULL, &cases[i].set, 1, &err), LTD_EINVAL);
        assert_string_equal(err.msg, cases[i].message);
    }
}

static void empty_sections_and_null_values_are_defaults(void **state)
{
    (void)state;
    ltd_config_init(&b);
    ltd_config_init(&a);
    parse(&a, "");
    parse(&a, "train:\n#  lr: 1\nenv: {}\n");
    parse(&a, "train:\n  lr:\n  n_steps: ~\nmodel: {path: null}\n");
    assert_memory_equal(&a, &b, sizeof a);
    parse(&a, "train.lr: 0.5\nmodel:\n  path: 'null'\nenv:\n  sizes:\n  - 1\n  - 3\n");
    assert_true(a.train.lr == 0.5);
    assert_string_equal(a.model.path, "null");
    assert_int_equal(a.env.sizes.n, 2);
    parse(&a, "train:\n  lr:\n");
    assert_true(a.train.lr == 1e-3);
}

/* A random value for every key, written and read again. */
static void a_configuration_round_trips_through_yaml(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "plain/path.gguf",
                                        "true",
                                        "No",
                                        "~",
                                        " a ",
                                        "a: b # c",
                                        "q\"\\\n\t",
                                        "-x",
                                        "1e3",
                                        "a\x7f\xc2\x85\xe2\x80\xa8z",
                                        "\xef\xbb\xbfz",
                                        "[a, b]",
                                        "'",
                                        "\xf0\x9f\x90\xa2 \xc3\xa9",
                                        "x,y",
                                        "\x01"};
    ltd_rng rng;
    ltd_rng_seed(&rng, 3, LTD_STREAM_TEST);
    for (int round = 0; round < 200; round++) {
        ltd_config_init(&a);
        a.train.lr = ltd_rng_f64(&rng);
        a.env.slow_factor = ltd_rng_f64(&rng) * 1e5;
        a.train.adam_eps = 1e-8 * (1 + ltd_rng_f64(&rng));
        a.run.seed = ltd_rng_u64(&rng);
        a.env.lookup = ltd_rng_below(&rng, 2);
        a.env.reward = (ltd_reward_kind)ltd_rng_below(&rng, LTD_REWARD_COUNT);
        a.env.sizes.n = (int32_t)ltd_rng_below(&rng, 65);
        for (int i = 0; i < 64; i++)
            a.env.sizes.v[i] = i < a.env.sizes.n ? (int32_t)ltd_rng_below(&rng, 1025) : 0;
        strcpy(a.model.path, texts[ltd_rng_below(&rng, 17)]);
        memset(&a.prompts.train, 0, sizeof a.prompts.train);
        a.prompts.train.n = (int32_t)ltd_rng_below(&rng, 17);
        for (int i = 0; i < a.prompts.train.n; i++)
            strcpy(a.prompts.train.v[i], texts[ltd_rng_below(&rng, 17)]);
        ltd_str yaml = LTD_STR_INIT;
        ltd_config_to_yaml(&a, &yaml);
        ltd_config_init(&b);
        parse(&b, ltd_str_text(&yaml));
        assert_memory_equal(&a, &b, sizeof a);
        ltd_str_fini(&yaml);
    }
}

/* LTD_REGENERATE=1 writes the documents instead of comparing them. */
static void compare_or_write(const char *path, const char *text)
{
    ltd_err err = LTD_ERR_INIT;
    if (getenv("LTD_REGENERATE")) {
        if (ltd_file_write(path, text, strlen(text), &err) < 0) fail_msg("%s", err.msg);
        return;
    }
    char *found = read_text(path);
    if (strcmp(found, text) != 0) fail_msg("%s differs from the table: LTD_REGENERATE=1", path);
    free(found);
}

static void default_yaml_holds_every_key_with_its_default(void **state)
{
    (void)state;
    ltd_str text = LTD_STR_INIT;
    ltd_config_document_write(LTD_CONFIG_DOC_YAML, &text);
    char *path = source_path("configs/default.yaml");
    compare_or_write(path, ltd_str_text(&text));
    ltd_yaml *yaml;
    assert_int_equal(ltd_yaml_parse(&yaml, "default", text.data, text.len, NULL), 0);
    assert_int_equal(ltd_yaml_count(yaml), ltd_config_key_count());
    ltd_yaml_free(yaml);
    ltd_config_init(&a);
    assert_int_equal(ltd_config_load(&b, path, NULL, 0, NULL), 0);
    assert_memory_equal(&a, &b, sizeof a);
    ltd_str_fini(&text);
    free(path);
}

static void training_md_has_a_row_for_every_key(void **state)
{
    (void)state;
    char *path = source_path("docs/training.md");
    char *text = read_text(path);
    const char *begin = strstr(text, "<!-- keys"), *end = strstr(text, "<!-- end of keys -->");
    assert_non_null(begin);
    assert_non_null(end);
    begin = strchr(begin, '\n') + 1;
    ltd_str wanted = LTD_STR_INIT;
    ltd_str_push(&wanted, text, (size_t)(begin - text));
    ltd_str_puts(&wanted, "\n");
    ltd_config_document_write(LTD_CONFIG_DOC_MARKDOWN, &wanted);
    ltd_str_puts(&wanted, "\n");
    ltd_str_puts(&wanted, end);
    compare_or_write(path, ltd_str_text(&wanted));
    for (size_t i = 0; i < ltd_config_key_count(); i++) {
        char row[160];
        snprintf(row, sizeof row, "\n| `%s` | `%s` |", ltd_config_key(i)->name,
                 ltd_config_key(i)->preset);
        if (!strstr(ltd_str_text(&wanted), row)) fail_msg("no row %s", row);
    }
    ltd_str_fini(&wanted);
    free(text);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_tables_and_pass_the_check),
        cmocka_unit_test(layers_lie_over_each_other),
        cmocka_unit_test(unknown_keys_name_the_nearest),
        cmocka_unit_test(values_of_the_wrong_kind_or_range_are_refused),
        cmocka_unit_test(keys_that_disagree_are_refused),
        cmocka_unit_test(empty_sections_and_null_values_are_defaults),
        cmocka_unit_test(a_configuration_round_trips_through_yaml),
        cmocka_unit_test(default_yaml_holds_every_key_with_its_default),
        cmocka_unit_test(training_md_has_a_row_for_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
