#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <glob.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/rng.h"
#include "env/cost.h"
#include "env/cost_file.h"

static char dir[] = "/tmp/ltd_test_cost_XXXXXX";
static char path[64];

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir)) return -1;
    snprintf(path, sizeof path, "%s/cost.json", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

/* ms = rows + context / 100 on a grid, given out of order. */
static ltd_cost example(void)
{
    ltd_cost c = {
        .t_ar_ms = 4, .commit_ms = 0.1f, .decide_ms = 0.01f, .waiting_ms = 0.02f, .threads = 2};
    const int32_t contexts[] = {400, 100, 1000}, rows[] = {16, 1, 4};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            float ms = (float)rows[j] + (float)contexts[i] / 100;
            c.verify[c.n_verify++] = (ltd_cost_point){rows[j], contexts[i], ms, ms / 2};
        }
    c.draft[c.n_draft++] = (ltd_cost_point){4, 100, 1.5f, 1};
    c.draft[c.n_draft++] = (ltd_cost_point){1, 100, 0.5f, 0.25f};
    strcpy(c.machine, "a cpu, avx2, 2 threads");
    strcpy(c.cpu, "a \"cpu\"");
    strcpy(c.isa, "avx2");
    memset(c.model_hash, 'a', 64);
    return c;
}

static void near(double a, double b)
{
    if (fabs(a - b) > 1e-5) fail_msg("%.9g, expected %.9g", a, b);
}

static void lookups_are_bilinear_and_constant_outside(void **state)
{
    (void)state;
    ltd_cost c = example();
    assert_int_equal(ltd_cost_finish(&c, NULL), 0);
    assert_int_equal(c.middle_context, 400);
    near(ltd_cost_verify(&c, 1, 100), 2);
    near(ltd_cost_verify(&c, 10, 700), 17);
    near(ltd_cost_verify(&c, 2, 250), 4.5);
    near(ltd_cost_verify(&c, 0, 0), 2);
    near(ltd_cost_verify(&c, 99, 5000), 26);
    near(ltd_cost_draft(&c, 1, 777), 0.5);
    near(ltd_cost_draft(&c, 2, 1), 0.5 + 1.0 / 3);
    near(ltd_cost_ar(&c, 400), 4);
    near(ltd_cost_ar(&c, 1000), 4 * 11.0 / 5);
    ltd_cost_work plain = {0, 4, 0, 100, 9}, work = {3, 4, 7, 100, 0};
    near(ltd_cost_cycle(&c, &plain), 2 + 0.1 + 0.02);
    near(ltd_cost_cycle(&c, &work), 0.5 + 3 + 9 + 0.1 + 0.05);
    work.waiting = 1;
    near(ltd_cost_cycle(&c, &work), 0.5 + 3 + 9 + 0.1 + 0.05);
    work.waiting = 5;
    near(ltd_cost_cycle(&c, &work), 0.5 + 4 * 0.02 + 3 + 9 + 0.1 + 0.05);
}

/* Bilinear by its definition, on a full grid. */
static void random_grids_equal_the_definition(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    for (int round = 0; round < 200; round++) {
        static ltd_cost c;
        memset(&c, 0, sizeof c);
        int32_t nr = 1 + (int32_t)ltd_rng_below(&rng, 16), nc = 1 + (int32_t)ltd_rng_below(&rng, 8);
        int32_t rows[16], contexts[8];
        float ms[8][16];
        for (int32_t i = 0; i < nr; i++) rows[i] = 1 + i * 3 + (int32_t)ltd_rng_below(&rng, 3);
        for (int32_t i = 0; i < nc; i++) contexts[i] = i * 90 + (int32_t)ltd_rng_below(&rng, 90);
        c.t_ar_ms = 1;
        for (int32_t i = 0; i < nc; i++)
            for (int32_t j = 0; j < nr; j++) {
                ms[i][j] = 1 + ltd_rng_f32(&rng);
                c.verify[c.n_verify++] = (ltd_cost_point){rows[j], contexts[i], ms[i][j], 1};
            }
        assert_int_equal(ltd_cost_finish(&c, NULL), 0);
        for (int q = 0; q < 50; q++) {
            int32_t r = (int32_t)ltd_rng_below(&rng, 60), x = (int32_t)ltd_rng_below(&rng, 900);
            int32_t i = 0, j = 0;
            while (i + 2 < nc && contexts[i + 1] <= x) i++;
            while (j + 2 < nr && rows[j + 1] <= r) j++;
            int32_t i1 = i + 1 < nc ? i + 1 : i, j1 = j + 1 < nr ? j + 1 : j;
            double u = i1 > i ? (double)(x - contexts[i]) / (contexts[i1] - contexts[i]) : 0;
            double v = j1 > j ? (double)(r - rows[j]) / (rows[j1] - rows[j]) : 0;
            u = fmin(fmax(u, 0), 1), v = fmin(fmax(v, 0), 1);
            double expected = (1 - u) * ((1 - v) * ms[i][j] + v * ms[i][j1]) +
                              u * ((1 - v) * ms[i1][j] + v * ms[i1][j1]);
            near(ltd_cost_verify(&c, r, x), expected);
        }
    }
}

static void a_saved_table_reads_back_equal(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_cost c = example(), *got;
    assert_int_equal(ltd_cost_save(&c, path, &err), 0);
    assert_int_equal(ltd_cost_load(&got, path, &err), 0);
    assert_int_equal(ltd_cost_finish(&c, NULL), 0);
    assert_memory_equal(got->verify, c.verify, sizeof c.verify);
    assert_memory_equal(got->draft, c.draft, sizeof c.draft);
    assert_true(got->t_ar_ms == c.t_ar_ms && got->commit_ms == c.commit_ms);
    assert_true(got->decide_ms == c.decide_ms && got->waiting_ms == c.waiting_ms);
    assert_string_equal(got->machine, c.machine);
    assert_string_equal(got->cpu, c.cpu);
    assert_string_equal(got->isa, c.isa);
    assert_int_equal(got->threads, 2);
    assert_string_equal(got->model_hash, c.model_hash);
    assert_int_equal(got->middle_context, 400);
    free(got);
}

static void bad_tables_are_refused_with_the_reason(void **state)
{
    (void)state;
    const struct {
        const char *text, *says;
    } bad[] = {
        {"{", "cost.json"},
        {"[]", "t_ar_ms"},
        {"{\"t_ar_ms\": 1}", "verify"},
        {"{\"t_ar_ms\": 1, \"verify\": []}", "no verify points"},
        {"{\"t_ar_ms\": 0, \"verify\": [{\"rows\":1,\"context\":1,\"ms\":1}]}", "t_ar_ms is 0"},
        {"{\"t_ar_ms\": 1, \"verify\": [7]}", "key 'verify', entry 0, 'rows'"},
        {"{\"t_ar_ms\": 1, \"verify\": [{\"rows\":1.5,\"context\":1,\"ms\":1}]}", "'rows'"},
        {"{\"t_ar_ms\": 1, \"verify\": [{\"rows\":0,\"context\":1,\"ms\":1}]}", "0 rows"},
        {"{\"t_ar_ms\": 1, \"verify\": [{\"rows\":1,\"context\":-1,\"ms\":1}]}", "'context'"},
        {"{\"t_ar_ms\": 1, \"verify\": [{\"rows\":1,\"context\":1,\"ms\":-1}]}", "takes -1 ms"},
        {"{\"t_ar_ms\": 1, \"verify\": [{\"rows\":1,\"context\":1,\"ms\":1e300}]}", "inf ms"},
        {"{\"t_ar_ms\": 1, \"verify\": [{\"rows\":1,\"context\":1,\"ms\":1},"
         "{\"rows\":1,\"context\":1,\"ms\":2}]}",
         "twice"},
        {"{\"t_ar_ms\": 1, \"verify\": [{\"rows\":1,\"context\":1,\"ms\":1}], \"draft\": 3}",
         "draft"},
        {"{\"t_ar_ms\": 1, \"verify\": [{\"rows\":1,\"context\":1,\"ms\":1}],"
         "\"machine\": {\"cpu\": 3}}",
         "cpu"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ltd_err err = LTD_ERR_INIT;
        ltd_cost *cost = (ltd_cost *)&err;
        assert_int_equal(ltd_file_write(path, bad[i].text, strlen(bad[i].text), NULL), 0);
        assert_int_equal(ltd_cost_load(&cost, path, &err), LTD_EFORMAT);
        assert_int_equal(err.code, LTD_EFORMAT);
        assert_null(cost);
        if (strstr(err.msg, bad[i].says) == NULL || strncmp(err.msg, path, strlen(path)) != 0)
            fail_msg("'%s' doesn't say '%s'", err.msg, bad[i].says);
    }
    ltd_cost *cost;
    assert_int_equal(ltd_cost_load(&cost, "/nonexistent.json", NULL), LTD_EIO);
}

static void unknown_fields_are_passed_over(void **state)
{
    (void)state;
    const char *text = "{\"t_ar_ms\": 2, \"who\": [1, {}], \"verify\": [{\"rows\": 1, "
                       "\"context\": 9, \"ms\": 2, \"sd\": 1}], \"model\": {\"path\": \"x\"}}";
    ltd_cost *cost;
    assert_int_equal(ltd_file_write(path, text, strlen(text), NULL), 0);
    assert_int_equal(ltd_cost_load(&cost, path, NULL), 0);
    near(ltd_cost_verify(cost, 5, 5), 2);
    near(ltd_cost_draft(cost, 5, 5), 0);
    assert_true(cost->verify[0].ms_min == 2);
    free(cost);
}

/* Those in configs/machines: each says whose it is and what a draft takes. */
static void shipped_tables_are_read(void **state)
{
    (void)state;
    const char *root = getenv("LTD_SOURCE_ROOT");
    char pattern[512];
    glob_t found;
    int known = 0;
    if (!root) skip();
    snprintf(pattern, sizeof pattern, "%s/configs/machines/*.json", root);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        ltd_err err = LTD_ERR_INIT;
        ltd_cost *cost;
        const char *file = found.gl_pathv[i];
        if (ltd_cost_load(&cost, file, &err) < 0) fail_msg("%s", err.msg);
        if (!cost->cpu[0] || !cost->isa[0] || strlen(cost->model_hash) != 64 || cost->n_draft < 1)
            fail_msg("%s: machine, model or drafts are missing", file);
        int32_t context = cost->middle_context;
        assert_true(fabs(ltd_cost_ar(cost, context) / (double)cost->t_ar_ms - 1) < 1e-6);
        double rise = ltd_cost_verify(cost, 16, context) / ltd_cost_verify(cost, 1, context);
        bool amx = strstr(file, "/amx-xeon.json"), avx2 = strstr(file, "/avx2-epyc.json");
        if (amx || avx2) assert_true(fabs(rise - (amx ? 3.1 : 4.5)) < 1e-5);
        known += amx || avx2;
        free(cost);
    }
    assert_int_equal(known, 2);
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookups_are_bilinear_and_constant_outside),
        cmocka_unit_test(random_grids_equal_the_definition),
        cmocka_unit_test(a_saved_table_reads_back_equal),
        cmocka_unit_test(bad_tables_are_refused_with_the_reason),
        cmocka_unit_test(unknown_fields_are_passed_over),
        cmocka_unit_test(shipped_tables_are_read),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
