/* How many steps a second one environment takes over compiled records: random legal actions, no
 * policy.  A step is a call of ltd_env_step(); resets count as time, not as steps. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "env/ltd_env.h"
#include "tests/bench/measure.h"
#include "tests/support/made_positions.h"

static const char help[] =
    "usage: bench_env [OPTION...]\n"
    "  --texts N         made-up texts; 54 kB each (500)\n"
    "  --envs N          environments, stepped in turn (8)\n"
    "  --rounds N        of a tenth of a second or so (11)\n"
    "  --json FILE       write the figures; - : to standard output, without the table\n";

enum { STEPS = 200000, MOST_ENVS = 1024 };

typedef struct options {
    const char *json;
    int32_t texts, envs, rounds;
} options;

typedef struct place {
    ltd_env *env;
    ltd_step step;
    float obs[LTD_OBS_LTD_DIM];
    uint8_t mask[LTD_MAX_SIZES];
} place;

static void parse(int argc, char **argv, options *o)
{
    enum { TEXTS, ENVS, ROUNDS, JSON, HELP };
    static const struct option names[] = {{"texts", 1, NULL, TEXTS},   {"envs", 1, NULL, ENVS},
                                          {"rounds", 1, NULL, ROUNDS}, {"json", 1, NULL, JSON},
                                          {"help", 0, NULL, HELP},     {0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case TEXTS: o->texts = measure_int("texts", optarg, 1, 100000); break;
        case ENVS: o->envs = measure_int("envs", optarg, 1, MOST_ENVS); break;
        case ROUNDS: o->rounds = measure_int("rounds", optarg, 1, 10000); break;
        case JSON: o->json = optarg; break;
        case HELP: fputs(help, stdout); exit(0);
        default: exit(2);
        }
    }
    if (optind < argc) measure_usage("'%s': not an option", argv[optind]);
}

static void must(int rc, const ltd_err *err)
{
    if (rc == LTD_OK) return;
    fprintf(stderr, "bench_env: %s\n", err->msg);
    exit(1);
}

static void open_all(place *s, int32_t n, const ltd_positions *p)
{
    ltd_err err = LTD_ERR_INIT;
    for (int32_t i = 0; i < n; i++) {
        ltd_env_options o = {.positions = p,
                             .depth_contract = LTD_CONTRACT_LTD_DEPTH,
                             .size_contract = LTD_CONTRACT_LTD_SIZE,
                             .reward = LTD_REWARD_AVERAGE,
                             .reward_keep = 0.999,
                             .reward_floor = -4,
                             .seed = (uint64_t)i};
        must(ltd_env_open(&s[i].env, &o, &err), &err);
        s[i].step = (ltd_step){.obs = s[i].obs, .mask = s[i].mask};
        must(ltd_env_reset(s[i].env, NULL, &s[i].step, &err), &err);
    }
}

/* A legal action without a draw for each: the bits of one number, which is shared by all. */
static int32_t choose(const ltd_step *step, uint64_t bits)
{
    int32_t a = (int32_t)(bits % (uint64_t)step->n_actions);
    while (!step->mask[a]) a = a ? a - 1 : step->n_actions - 1;
    return a;
}

static double steps_per_second(place *s, int32_t n, ltd_rng *rng)
{
    ltd_err err = LTD_ERR_INIT;
    double t0 = measure_now();
    for (int32_t k = 0; k < STEPS; k += n) {
        uint64_t bits = ltd_rng_u64(rng);
        for (int32_t i = 0; i < n; i++) {
            ltd_step *step = &s[i].step;
            must(ltd_env_step(s[i].env, choose(step, bits >> (i & 31)), step, &err), &err);
            if (step->terminated) must(ltd_env_reset(s[i].env, NULL, step, &err), &err);
        }
    }
    return STEPS / (1e-3 * (measure_now() - t0));
}

int main(int argc, char **argv)
{
    static place places[MOST_ENVS];
    static made_positions made;
    options o = {.texts = 500, .envs = 8, .rounds = 11};
    parse(argc, argv, &o);
    made_positions_open(&made, 1, o.texts, 1.5f);
    open_all(places, o.envs, made.positions);
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    measure_series rate = {0};
    measure_load load = measure_load_now();
    steps_per_second(places, o.envs, &rng);
    for (int32_t i = 0; i < o.rounds; i++)
        measure_add(&rate, 1e-6 * steps_per_second(places, o.envs, &rng));
    measure_summary s = measure_of(&rate);
    ltd_str text = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&text, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_string(&w, "cpu", measure_cpu());
    ltd_json_put_int(&w, "texts", o.texts);
    ltd_json_put_int(&w, "envs", o.envs);
    ltd_json_put_f64(&w, "others", measure_others(load));
    measure_put(&w, "million_steps_s", s);
    ltd_json_end_object(&w);
    if (o.json) measure_save(o.json, &text);
    if (!o.json || *o.json != '-')
        printf("%s: %.2f million steps a second on one core (%.2f to %.2f), %d environments, %d "
               "texts\n",
               measure_cpu(), s.median, s.p25, s.p75, o.envs, o.texts);
    ltd_str_fini(&text);
    measure_free(&rate);
    for (int32_t i = 0; i < o.envs; i++) ltd_env_close(places[i].env);
    made_positions_close(&made);
    return 0;
}
