/* A run that is stopped, or dies, and goes on writes what an uninterrupted one writes, byte for
 * byte: real cycles of the default model, the clock of a cost table. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "models/torch/ltd_torch.h"
#include "tests/support/golden.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/policy_file.h"
#include "trainer/train/train.h"
#include "env/cost_file.h"

enum { CYCLES = 120, MAX_ROWS = 64, PATH = 1024 };
static const char *const LAST = "checkpoints/step_0000000120.h5";

typedef struct fixture {
    char root[64]; /* folder of everything written here */
    ltd_setup setup;
    ltd_err err;
    /* of the run under way */
    volatile int stop;
    int iterations, stop_after; /* 0 = never */
    int64_t stop_at_cycle;      /* in the middle of a rollout; 0 = never */
} fixture;

static void check(const fixture *f, int rc)
{
    if (rc < 0) fail_msg("%s", f->err.msg);
}

/* --- set-up --- */

static void configure(ltd_config *c)
{
    static const char *const settings[] = {"env.sizes=0,1,2,3,4",
                                           "env.max_forwards=3",
                                           "env.max_new=20",
                                           "env.clock=table",
                                           "prompts.limit=5",
                                           "train.total_cycles=120",
                                           "train.stages=size-alone,depth-alone,size,depth",
                                           "train.stage_decisions=40,80,24,24",
                                           "train.n_steps=24",
                                           "train.batch_size=8",
                                           "train.n_epochs=2",
                                           "train.eval_prompts=1",
                                           "train.eval_every=60",
                                           "train.checkpoint_every=15",
                                           "train.keep_last=0",
                                           "policy.depth_hidden=16",
                                           "policy.size_hidden=16",
                                           "policy.critic_hidden=16",
                                           "model.context=512",
                                           "env.max_prompt=400",
                                           "run.seed=11"};
    ltd_err err = LTD_ERR_INIT;
    ltd_config_init(c);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (ltd_config_set(c, settings[i], &err) < 0) fail_msg("%s", err.msg);
    snprintf(c->model.path, sizeof c->model.path, "%s", default_model());
    assert_true(source_path(c->head.path, sizeof c->head.path, "heads/smollm2-135m-eagle3"));
    source_path(c->prompts.train.v[0], LTD_CONFIG_TEXT, "configs/prompts/train/question.jsonl");
    source_path(c->prompts.valid.v[0], LTD_CONFIG_TEXT, "configs/prompts/valid/question.jsonl");
    assert_int_equal(ltd_config_check(c, &err), LTD_OK);
}

/* A cost table of this machine that the test knows; by file, as training gets it. */
static void make_table(fixture *f)
{
    ltd_cost cost = {.t_ar_ms = 5,
                     .commit_ms = 0.05f,
                     .decide_ms = 0.02f,
                     .n_verify = 4,
                     .verify = {{1, 64, 5, 5}, {5, 64, 6, 6}, {1, 400, 5.5f, 5}, {5, 400, 7, 7}},
                     .n_draft = 2,
                     .draft = {{1, 64, 0.4f, 0.4f}, {8, 64, 0.7f, 0.7f}}};
    snprintf(cost.machine, sizeof cost.machine, "%s", f->setup.machine);
    snprintf(cost.model_hash, sizeof cost.model_hash, "%s", ltd_llama_hash(f->setup.model));
    char *path = f->setup.config.calibration.path;
    snprintf(path, LTD_CONFIG_TEXT, "%s/cost.json", f->root);
    check(f, ltd_cost_finish(&cost, &f->err));
    check(f, ltd_cost_save(&cost, path, &f->err));
    check(f, ltd_setup_cost(&f->setup, &f->err));
}

static int setup(void **state)
{
    *state = NULL;
    if (!default_model()) return 0;
    fixture *f = calloc(1, sizeof *f);
    ltd_config *c = malloc(sizeof *c);
    if (!f || !c) return -1;
    snprintf(f->root, sizeof f->root, "/tmp/ltd-resume-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    configure(c);
    check(f, ltd_setup_open(&f->setup, c, NULL, &f->err));
    free(c);
    make_table(f);
    *state = f;
    return 0;
}

static void remove_tree(const char *path)
{
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        char child[PATH];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        remove_tree(child);
    }
    if (d) closedir(d);
    remove(path);
}

static int teardown(void **state)
{
    fixture *f = *state;
    if (!f) return 0;
    ltd_setup_close(&f->setup);
    remove_tree(f->root);
    free(f);
    return ltd_torch_live() == 0 ? 0 : -1;
}

static fixture *need(void **state)
{
    if (!*state) {
        print_message("# the default model is not in models.cache: skipped\n");
        skip();
    }
    return *state;
}

/* --- runs --- */

static void tell(void *ctx, const ltd_train_progress *p)
{
    fixture *f = ctx;
    (void)p;
    if (++f->iterations == f->stop_after) f->stop = 1;
}

static void tick(void *ctx, int64_t cycles)
{
    fixture *f = ctx;
    if (f->stop_at_cycle > 0 && cycles >= f->stop_at_cycle) f->stop = 1;
}

static ltd_train_result train(fixture *f, const char *dir, const char *resume)
{
    ltd_train_options o = {
        .dir = dir, .resume = resume, .stop = &f->stop, .tell = tell, .tick = tick, .ctx = f};
    ltd_train_result r;
    f->stop = 0;
    f->iterations = 0;
    check(f, ltd_train(&f->setup, &o, &r, &f->err));
    return r;
}

static const char *in(char ret[PATH], const fixture *f, const char *run, const char *file)
{
    snprintf(ret, PATH, "%s/%s%s%s", f->root, run, file[0] ? "/" : "", file);
    return ret;
}

static void same_file(const fixture *f, const char *a, const char *b, const char *name)
{
    char path[2][PATH];
    ltd_file file[2];
    ltd_err err = LTD_ERR_INIT;
    for (int i = 0; i < 2; i++)
        if (ltd_file_map(&file[i], in(path[i], f, i ? b : a, name), &err) < 0)
            fail_msg("%s", err.msg);
    if (file[0].size != file[1].size || memcmp(file[0].data, file[1].data, file[0].size) != 0)
        fail_msg("%s and %s differ", path[0], path[1]);
    for (int i = 0; i < 2; i++) ltd_file_unmap(&file[i]);
}

/* First column of metrics.csv; their number. */
static int steps_of(const fixture *f, const char *run, long *ret)
{
    char path[PATH], line[4096];
    int n = 0;
    FILE *csv = fopen(in(path, f, run, "metrics.csv"), "r");
    assert_non_null(csv);
    assert_non_null(fgets(line, sizeof line, csv)); /* header */
    while (n < MAX_ROWS && fgets(line, sizeof line, csv)) ret[n++] = strtol(line, NULL, 10);
    fclose(csv);
    return n;
}

static void same_steps(const fixture *f, const char *a, const char *b)
{
    long x[MAX_ROWS], y[MAX_ROWS];
    int n = steps_of(f, a, x);
    assert_int_equal(n, steps_of(f, b, y));
    for (int i = 0; i < n; i++) assert_int_equal(x[i], y[i]);
}

/* Stop after each k-th iteration until the end is reached; *stops counts. */
static void run_in_pieces(fixture *f, const char *name, int k, int64_t cycles, int *stops)
{
    char dir[PATH], checkpoint[PATH];
    ltd_train_result r;
    *stops = 0;
    f->stop_after = k;
    in(dir, f, name, "");
    for (const char *resume = NULL;; resume = checkpoint) {
        r = train(f, dir, resume);
        if (!r.stopped) break;
        ++*stops;
        assert_true(*stops < 100);
        check(f, ltd_checkpoint_newest(dir, checkpoint, sizeof checkpoint, &f->err));
        assert_string_equal(checkpoint, r.checkpoint);
    }
    assert_int_equal(r.cycles, cycles);
    f->stop_after = 0;
}

static void stopped_runs_equal_whole_ones(fixture *f, ltd_train_mode mode, const char *whole)
{
    char dir[PATH], name[32], last[64];
    f->setup.config.train.mode = mode;
    ltd_train_result r = train(f, in(dir, f, whole, ""), NULL);
    if (mode == LTD_TRAIN_JOINT) assert_int_equal(r.cycles, CYCLES);
    assert_false(r.stopped);
    snprintf(last, sizeof last, "checkpoints/step_%010lld.h5", (long long)r.cycles);
    assert_true(f->iterations >= 4);
    for (int k = 1; k <= 2; k++) {
        int stops;
        snprintf(name, sizeof name, "%s-by-%d", whole, k);
        run_in_pieces(f, name, k, r.cycles, &stops);
        print_message("# %s: %d stops\n", name, stops);
        assert_true(stops >= 1);
        same_file(f, whole, name, last);
        same_file(f, whole, name, "checkpoints/best.h5");
        same_steps(f, whole, name);
    }
}

static void a_stopped_joint_run_goes_on_to_the_same_bytes(void **state)
{
    stopped_runs_equal_whole_ones(need(state), LTD_TRAIN_JOINT, "joint");
}

static void a_stopped_run_of_stages_goes_on_to_the_same_bytes(void **state)
{
    stopped_runs_equal_whole_ones(need(state), LTD_TRAIN_STAGES, "stages");
}

/* Of two policies the one that never had a stage is left out, and something fixed played. */
static void a_policy_of_one_stage_has_one_actor(void **state)
{
    static const char *const stage[] = {"train.stages=size", "train.stages=depth"};
    fixture *f = need(state);
    ltd_config kept = f->setup.config;
    f->setup.config.train.mode = LTD_TRAIN_STAGES;
    check(f, ltd_config_set(&f->setup.config, "train.stage_decisions=30", &f->err));
    for (int i = 0; i < 2; i++) {
        char dir[PATH], name[16];
        ltd_policy *p;
        snprintf(name, sizeof name, "one-%d", i);
        check(f, ltd_config_set(&f->setup.config, stage[i], &f->err));
        train(f, in(dir, f, name, ""), NULL);
        check(f, ltd_policy_load(&p, dir, &f->err));
        assert_int_equal(p->depth != NULL, i == 1);
        assert_int_equal(p->size != NULL, i == 0);
        assert_int_equal(p->fixed_forwards, kept.policy.fixed_forwards);
        assert_int_equal(p->fixed_size, kept.policy.fixed_size);
        ltd_policy_free(p);
    }
    /* What a stage leaves behind knows nothing of the next one. */
    check(f, ltd_config_set(&f->setup.config, "train.stages=size-alone,depth-alone", &f->err));
    check(f, ltd_config_set(&f->setup.config, "train.stage_decisions=30,30", &f->err));
    char dir[PATH], file[PATH];
    train(f, in(dir, f, "two", ""), NULL);
    for (int s = 1; s <= 2; s++) {
        char name[32];
        ltd_policy *p;
        snprintf(name, sizeof name, "checkpoints/stage_%d.h5", s);
        check(f, ltd_policy_load(&p, in(file, f, "two", name), &f->err));
        assert_non_null(p->size);
        assert_int_equal(p->depth != NULL, s == 2);
        ltd_policy_free(p);
    }
    f->setup.config = kept;
}

/* What a run that dies leaves behind is one of its checkpoints, and metrics beyond it. */
static void every_checkpoint_leads_to_the_same_end(void **state)
{
    fixture *f = need(state);
    char path[PATH], dir[PATH], from[PATH];
    int tried = 0;
    f->setup.config.train.mode = LTD_TRAIN_JOINT;
    train(f, in(dir, f, "all", ""), NULL);
    in(path, f, "all", "checkpoints");
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (!strstr(e->d_name, ".h5")) continue;
        char name[32], file[300];
        snprintf(name, sizeof name, "from-%d", tried++);
        snprintf(file, sizeof file, "checkpoints/%s", e->d_name);
        ltd_train_result r = train(f, in(dir, f, name, ""), in(from, f, "all", file));
        assert_int_equal(r.cycles, CYCLES);
        same_file(f, "all", name, LAST);
    }
    closedir(d);
    assert_true(tried >= 5);
}

/* A signal comes at any time: the rollout is cut, learned from and saved. */
static void a_stop_inside_a_rollout_is_saved_and_goes_on(void **state)
{
    fixture *f = need(state);
    char dir[PATH], checkpoint[PATH];
    f->setup.config.train.mode = LTD_TRAIN_JOINT;
    in(dir, f, "cut", "");
    const char *resume = NULL;
    static const int64_t at[] = {1, 2, 31, 90};
    for (int i = 0; i < 4; i++, resume = checkpoint) {
        f->stop_at_cycle = at[i];
        ltd_train_result r = train(f, dir, resume);
        assert_true(r.stopped);
        assert_int_equal(r.cycles, at[i]);
        check(f, ltd_checkpoint_newest(dir, checkpoint, sizeof checkpoint, &f->err));
        assert_string_equal(checkpoint, r.checkpoint);
    }
    f->stop_at_cycle = 0;
    assert_int_equal(train(f, dir, checkpoint).cycles, CYCLES);
    long steps[MAX_ROWS];
    int n = steps_of(f, "cut", steps);
    for (int i = 1; i < n; i++) assert_true(steps[i] > steps[i - 1]);
    assert_int_equal(steps[n - 1], CYCLES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_joint_run_goes_on_to_the_same_bytes),
        cmocka_unit_test(a_stopped_run_of_stages_goes_on_to_the_same_bytes),
        cmocka_unit_test(a_policy_of_one_stage_has_one_actor),
        cmocka_unit_test(every_checkpoint_leads_to_the_same_end),
        cmocka_unit_test(a_stop_inside_a_rollout_is_saved_and_goes_on),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
