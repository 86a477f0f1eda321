/* The search for the best static setting with a made-up machine: who stays, who wins, what the
 * clock allows; the grid; the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "env/cost_file.h"
#include "tests/support/engine.h"
#include "trainer/records/survival_run.h"
#include "trainer/tune/tune.h"

/* A machine whose best setting is 2 forwards, 6 nodes, lookup; time passes as it plays. */
typedef struct machine {
    ltd_clock_script script;
    ltd_rng rng;
    double noise;
    int plays, last_prompt;
} machine;

static double true_speed(const ltd_setting *s)
{
    if (s->forwards == 0 && s->size == 0) return 100;
    double f = s->forwards - 2, v = s->size - 6;
    return 140 - 6 * f * f - 0.8 * v * v + (s->lookup ? 5 : 0);
}

static int play(void *ctx, const ltd_setting *s, int32_t prompt, double *tokens, double *seconds,
                ltd_err *err)
{
    (void)err;
    machine *m = ctx;
    double speed = true_speed(s) * (1 + m->noise * (double)ltd_rng_normal(&m->rng));
    if (speed < 5) speed = 5;
    *tokens = 48;
    *seconds = 48 / speed;
    m->script.ns += (uint64_t)(*seconds * 1e9);
    m->plays++;
    m->last_prompt = prompt;
    return 0;
}

static ltd_cycle_options cycle_options(void)
{
    return (ltd_cycle_options){
        .top_k = 4, .max_forwards = 8, .max_size = 32, .lookup = true, .lookup_max_chain = 8};
}

static const ltd_ints sizes = {5, {0, 2, 6, 20, 32}};

static int32_t grid(ltd_candidate *c)
{
    ltd_cycle_options o = cycle_options();
    return ltd_tune_grid(&o, &sizes, NULL, 8, NULL, c);
}

static void search(machine *m, ltd_candidate *c, int32_t n, double budget)
{
    ltd_clock clock = ltd_clock_scripted(&m->script);
    ltd_tune_meter meter = {play, m, &clock, 12};
    ltd_rng_seed(&m->rng, 1, LTD_STREAM_TEST);
    ltd_err err = LTD_ERR_INIT;
    if (ltd_tune_search(c, n, &meter, budget, NULL, &err) < 0) fail_msg("%s", err.msg);
}

static void the_grid_holds_plain_decoding_first_and_only_what_the_pool_can(void **state)
{
    (void)state;
    ltd_candidate c[LTD_TUNE_MAX];
    int32_t n = grid(c);
    bool seen20 = false;
    assert_true(n > 20);
    assert_int_equal(c[0].setting.forwards + c[0].setting.size, 0);
    for (int32_t i = 1; i < n; i++) {
        const ltd_setting *s = &c[i].setting;
        assert_in_range(s->size, 1, 32);
        if (s->forwards == 0) assert_true(s->lookup && s->size <= 8);
        if (s->forwards == 1) assert_true(s->size <= (s->lookup ? 12 : 4));
        if (s->forwards == 2) assert_true(s->size <= (s->lookup ? 28 : 20));
        seen20 = seen20 || s->size == 20; /* from the size table */
        for (int32_t k = 0; k < i; k++)
            assert_false(c[k].setting.forwards == s->forwards && c[k].setting.size == s->size &&
                         c[k].setting.lookup == s->lookup);
    }
    assert_true(seen20);
}

/* A cycle's beam of 4; its own width again, a narrower and a wider one. */
static const ltd_ints widths = {3, {2, 4, 6}};

static int32_t count(const ltd_candidate *c, int32_t n, ltd_setting s)
{
    int32_t times = 0;
    for (int32_t i = 0; i < n; i++) {
        const ltd_setting *x = &c[i].setting;
        times += x->forwards == s.forwards && x->size == s.size && x->lookup == s.lookup &&
                 x->top_k == s.top_k;
    }
    return times;
}

static void every_width_has_the_settings_that_its_pool_holds(void **state)
{
    (void)state;
    ltd_candidate c[LTD_TUNE_MAX], alone[LTD_TUNE_MAX];
    ltd_cycle_options o = cycle_options();
    int32_t n = ltd_tune_grid(&o, &sizes, &widths, 8, NULL, c), n_alone = grid(alone);
    assert_true(n > n_alone);
    for (int32_t i = 0; i < n; i++) assert_int_equal(count(c, n, c[i].setting), 1);
    for (int32_t i = 0; i < n_alone; i++) assert_int_equal(count(c, n, alone[i].setting), 1);
    for (int32_t i = 0; i < n; i++) assert_int_not_equal(c[i].setting.top_k, 4);
    assert_int_equal(count(c, n, (ltd_setting){2, 6, false, 2}), 1);
    assert_int_equal(count(c, n, (ltd_setting){2, 8, false, 2}), 0); /* 2 + 4 nodes */
    assert_int_equal(count(c, n, (ltd_setting){2, 32, false, 0}), 0);
    assert_int_equal(count(c, n, (ltd_setting){2, 32, false, 6}), 1);
    assert_int_equal(count(c, n, (ltd_setting){0, 2, true, 6}), 0); /* no beam at all */
    assert_int_equal(count(c, n, (ltd_setting){1, 2, true, 2}), 0); /* the same tree as without */
    assert_int_equal(count(c, n, (ltd_setting){1, 4, false, 6}), 0);
    assert_int_equal(count(c, n, (ltd_setting){3, 4, false, 6}), 0);
    assert_int_equal(count(c, n, (ltd_setting){1, 6, false, 6}), 1); /* not to be had with 4 */
    assert_int_equal(count(c, n, (ltd_setting){3, 6, false, 6}), 1);
    assert_int_equal(count(c, n, (ltd_setting){3, 2, false, 2}), 1); /* the same tree for less */
    assert_int_equal(ltd_tune_grid(&o, &sizes, &widths, 0, NULL, c),
                     ltd_tune_grid(&o, &sizes, NULL, 0, NULL, alone));
}

static void the_shortlist_is_the_best_of_each_kind(void **state)
{
    (void)state;
    ltd_candidate c[LTD_TUNE_MAX];
    ltd_cycle_options o = cycle_options();
    int32_t n = ltd_tune_grid(&o, &sizes, &widths, 8, NULL, c);
    for (int32_t i = 1; i < n; i++) /* beams hardly matter */
        c[i].predicted = true_speed(&c[i].setting) - 0.01 * c[i].setting.top_k;
    n = ltd_tune_shortlist(c, n);
    assert_int_equal(n, 1 + LTD_TUNE_SHORTLIST);
    assert_int_equal(c[0].setting.forwards + c[0].setting.size, 0);
    assert_int_equal(count(c, 2, (ltd_setting){2, 6, true, 0}), 1);
    assert_int_equal(count(c, n, (ltd_setting){2, 6, true, 2}), 1);
    assert_int_equal(count(c, n, (ltd_setting){2, 6, true, 6}), 0);
    for (int32_t i = 2; i < n; i++) assert_true(c[i].predicted <= c[i - 1].predicted);
    assert_int_equal(ltd_tune_shortlist(c, 1), 1);
}

static void a_draft_is_as_dear_as_its_beam(void **state)
{
    (void)state;
    ltd_cycle_options o = cycle_options();
    ltd_cost cost = {.t_ar_ms = 1, .n_verify = 1, .n_draft = 2};
    cost.verify[0] = (ltd_cost_point){1, 64, 1, 1};
    cost.draft[0] = (ltd_cost_point){1, 64, 0.1F, 0.1F};
    cost.draft[1] = (ltd_cost_point){6, 64, 5, 5};
    ltd_err err = LTD_ERR_INIT;
    if (ltd_cost_finish(&cost, &err) < 0) fail_msg("%s", err.msg);
    assert_true(ltd_tune_can_pay(&o, &cost, &(ltd_setting){2, 2, false, 2}));
    assert_false(ltd_tune_can_pay(&o, &cost, &(ltd_setting){2, 2, false, 0}));
    assert_false(ltd_tune_can_pay(&o, &cost, &(ltd_setting){2, 2, false, 6}));
}

static void what_can_never_pay_is_left_out(void **state)
{
    (void)state;
    ltd_candidate c[LTD_TUNE_MAX];
    ltd_cycle_options o = cycle_options();
    ltd_cost cost = {.t_ar_ms = 1, .n_verify = 2, .n_draft = 2};
    /* A verified row costs as much as a plain step: only accepting all of a chain breaks even. */
    cost.verify[0] = (ltd_cost_point){1, 64, 1, 1};
    cost.verify[1] = (ltd_cost_point){33, 64, 33, 33};
    cost.draft[0] = (ltd_cost_point){1, 64, 0.5F, 0.5F};
    cost.draft[1] = (ltd_cost_point){4, 64, 0.5F, 0.5F};
    ltd_err err = LTD_ERR_INIT;
    if (ltd_cost_finish(&cost, &err) < 0) fail_msg("%s", err.msg);
    int32_t n = ltd_tune_grid(&o, &sizes, NULL, 8, &cost, c);
    for (int32_t i = 1; i < n; i++) assert_int_equal(c[i].setting.forwards, 0);
}

static void no_head_leaves_lookup_alone(void **state)
{
    (void)state;
    ltd_candidate c[LTD_TUNE_MAX];
    ltd_cycle_options o = cycle_options();
    int32_t n = ltd_tune_grid(&o, &sizes, NULL, 0, NULL, c);
    assert_true(n > 1);
    for (int32_t i = 0; i < n; i++) assert_int_equal(c[i].setting.forwards, 0);
    o.lookup = false;
    assert_int_equal(ltd_tune_grid(&o, &sizes, NULL, 0, NULL, c), 1);
}

static void the_best_setting_wins(void **state)
{
    (void)state;
    ltd_candidate c[LTD_TUNE_MAX];
    machine m = {.noise = 0};
    search(&m, c, grid(c), 200);
    assert_int_equal(c[0].setting.forwards, 2);
    assert_int_equal(c[0].setting.size, 6);
    assert_true(c[0].setting.lookup);
    assert_true(c[0].prompts > c[20].prompts);
}

static void noise_costs_little_speed(void **state)
{
    (void)state;
    ltd_candidate c[LTD_TUNE_MAX];
    machine m = {.noise = 0.1};
    search(&m, c, grid(c), 200);
    assert_true(true_speed(&c[0].setting) > 0.93 * 145);
}

static void plain_decoding_is_measured_to_the_end(void **state)
{
    (void)state;
    ltd_candidate c[LTD_TUNE_MAX];
    machine m = {.noise = 0.02};
    search(&m, c, grid(c), 200);
    for (int32_t i = 0; i < 5; i++)
        if (c[i].setting.forwards == 0 && c[i].setting.size == 0) {
            assert_int_equal(c[i].prompts, c[0].prompts);
            return;
        }
    fail_msg("plain decoding is not among the last");
}

static void the_budget_holds_up_to_a_prompt_a_candidate(void **state)
{
    (void)state;
    ltd_candidate c[LTD_TUNE_MAX];
    machine m = {.noise = 0};
    int32_t n = grid(c);
    double first = 0;
    for (int32_t i = 0; i < n; i++) {
        double v = true_speed(&c[i].setting);
        first += 48 / (v < 5 ? 5 : v);
    }
    search(&m, c, n, 1);
    assert_true((double)m.script.ns * 1e-9 < first + 40);
    machine longer = {.noise = 0};
    n = grid(c);
    search(&longer, c, n, first + 100);
    assert_true((double)longer.script.ns * 1e-9 < first + 110);
    assert_true(longer.plays > m.plays);
}

static bool stop_at_five(void *ctx, double share, const char *what)
{
    assert_true(share >= 0 && share <= 1 && what[0]);
    return ++*(int *)ctx < 5;
}

static void a_watcher_can_stop_it(void **state)
{
    (void)state;
    ltd_candidate c[LTD_TUNE_MAX];
    machine m = {.noise = 0};
    int told = 0;
    ltd_clock clock = ltd_clock_scripted(&m.script);
    ltd_tune_meter meter = {play, &m, &clock, 12};
    ltd_watch watch = {stop_at_five, &told};
    int32_t n = grid(c);
    assert_int_equal(ltd_tune_search(c, n, &meter, 100, &watch, NULL), LTD_ECANCELED);
    assert_int_equal(m.plays, 4);
}

static void a_file_reads_back_equal(void **state)
{
    (void)state;
    ltd_tuned a = {.best = {2, 6, true, 4},
                   .tok_s = 140.5,
                   .n_finalists = 2,
                   .candidates = 90,
                   .scouted = 6,
                   .seconds = 44.25,
                   .machine = "cpu \"x\", avx2, 2 threads",
                   .model_hash = "ab",
                   .head_hash = "",
                   .survival = "none",
                   .top_k = 8,
                   .max_forwards = 8,
                   .sizes = {0, 2, 4},
                   .n_sizes = 3,
                   .widths = {4, 12},
                   .n_widths = 2,
                   .lookup = true};
    a.finalists[0] = (ltd_candidate){{2, 6, true, 4}, 480, 3.5, 10, 1.25};
    a.finalists[1] = (ltd_candidate){{0, 0, false, 0}, 480, 4.5, 10, 1};
    ltd_tuned b;
    ltd_err err = LTD_ERR_INIT;
    char path[] = "test_tune_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    if (ltd_tuned_save(&a, path, &err) < 0 || ltd_tuned_load(&b, path, &err) < 0)
        fail_msg("%s", err.msg);
    ltd_str x = LTD_STR_INIT, y = LTD_STR_INIT;
    ltd_tuned_json(&a, &x);
    ltd_tuned_json(&b, &y);
    assert_string_equal(ltd_str_text(&x), ltd_str_text(&y));
    assert_string_equal(b.machine, a.machine);
    assert_true(b.finalists[0].seconds == 3.5 && b.lookup && b.sizes[2] == 4);
    assert_int_equal(b.best.top_k, 4);
    assert_int_equal(b.n_widths, 2);
    assert_int_equal(b.widths[1], 12);
    assert_int_equal(b.finalists[0].setting.top_k, 4);
    ltd_str_fini(&x);
    ltd_str_fini(&y);
    /* Broken files say what is wrong, and touch nothing. */
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("{\"version\": 1, \"best\": {\"forwards\": 2, \"size\": -1}}", f);
    fclose(f);
    assert_int_equal(ltd_tuned_load(&b, path, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "size"));
    assert_int_equal(b.top_k, 8);
    unlink(path);
    assert_int_equal(ltd_tuned_load(&b, path, &err), LTD_EIO);
}

/* A setup as far as a tuned setting looks at it. */
static ltd_setup setup_of(ltd_llama *model)
{
    ltd_setup s = {.model = model, .machine = "cpu, avx2, 2 threads"};
    ltd_config_init(&s.config);
    snprintf(s.config.calibration.path, sizeof s.config.calibration.path, "somewhere/cost.json");
    return s;
}

/* As a search on `s` would have left it. */
static ltd_tuned tuned_for(const ltd_setup *s)
{
    ltd_tuned t = {.top_k = s->config.env.top_k,
                   .max_forwards = s->config.env.max_forwards,
                   .lookup = s->config.env.lookup,
                   .n_sizes = s->config.env.sizes.n};
    snprintf(t.machine, sizeof t.machine, "%s", s->machine);
    snprintf(t.model_hash, sizeof t.model_hash, "%s", ltd_llama_hash(s->model));
    ltd_survival_hash(s, t.survival);
    memcpy(t.sizes, s->config.env.sizes.v, (size_t)t.n_sizes * sizeof t.sizes[0]);
    t.n_widths = s->config.tune.top_k.n;
    memcpy(t.widths, s->config.tune.top_k.v, (size_t)t.n_widths * sizeof t.widths[0]);
    return t;
}

/* Another file, and not to be had for the other's. */
static void assert_apart(const ltd_setup *a, const ltd_setup *b, const char *why)
{
    char x[256], y[256];
    ltd_err err = LTD_ERR_INIT;
    ltd_tuned t = tuned_for(a);
    assert_int_equal(ltd_tuned_path(a, x, sizeof x, &err), LTD_OK);
    assert_int_equal(ltd_tuned_path(b, y, sizeof y, &err), LTD_OK);
    assert_string_not_equal(x, y);
    assert_int_equal(ltd_tuned_check(&t, a, &err), LTD_OK);
    assert_int_equal(ltd_tuned_check(&t, b, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, why));
}

static void a_kept_setting_holds_for_its_survival_curves(void **state)
{
    (void)state;
    static ltd_survival curves, others;
    ltd_llama *model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    ltd_setup none = setup_of(model), some = none, other = none;
    others.head[1] = -1;
    some.survival = &curves;
    other.survival = &others;
    assert_apart(&none, &some, "survival curves");
    assert_apart(&some, &other, "survival curves");
    ltd_llama_close(model);
}

static void a_kept_setting_holds_for_the_widths_that_were_searched(void **state)
{
    (void)state;
    ltd_llama *model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    ltd_setup some = setup_of(model), none = some, more = some;
    none.config.tune.top_k.n = 0;
    more.config.tune.top_k.v[more.config.tune.top_k.n++] = 16;
    assert_apart(&some, &none, "tune.top_k");
    assert_apart(&some, &more, "tune.top_k");
    assert_apart(&none, &some, "tune.top_k");
    ltd_llama_close(model);
}

static void settings_read_as_words(void **state)
{
    (void)state;
    char text[64];
    assert_string_equal(ltd_setting_text(&(ltd_setting){0, 0, false, 0}, text, sizeof text),
                        "plain decoding");
    assert_string_equal(ltd_setting_text(&(ltd_setting){1, 2, true, 0}, text, sizeof text),
                        "1 forward, 2 nodes, lookup");
    assert_string_equal(ltd_setting_text(&(ltd_setting){2, 4, true, 4}, text, sizeof text),
                        "2 forwards, 4 nodes, beam 4, lookup");
    assert_string_equal(ltd_setting_text(&(ltd_setting){2, 1, false, 12}, text, sizeof text),
                        "2 forwards, 1 node, beam 12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_grid_holds_plain_decoding_first_and_only_what_the_pool_can),
        cmocka_unit_test(every_width_has_the_settings_that_its_pool_holds),
        cmocka_unit_test(the_shortlist_is_the_best_of_each_kind),
        cmocka_unit_test(a_draft_is_as_dear_as_its_beam),
        cmocka_unit_test(what_can_never_pay_is_left_out),
        cmocka_unit_test(no_head_leaves_lookup_alone),
        cmocka_unit_test(the_best_setting_wins),
        cmocka_unit_test(noise_costs_little_speed),
        cmocka_unit_test(plain_decoding_is_measured_to_the_end),
        cmocka_unit_test(the_budget_holds_up_to_a_prompt_a_candidate),
        cmocka_unit_test(a_watcher_can_stop_it),
        cmocka_unit_test(a_file_reads_back_equal),
        cmocka_unit_test(a_kept_setting_holds_for_its_survival_curves),
        cmocka_unit_test(a_kept_setting_holds_for_the_widths_that_were_searched),
        cmocka_unit_test(settings_read_as_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
