/* The forecast for people, and as JSON. */
#include <math.h>

#include "base/json.h"
#include "trainer/metrics/progress.h"
#include "trainer/train/forecast.h"

static const char *const policies[LTD_FORECAST_POLICIES] = {"depth", "size"};

static const char *bytes(char ret[16], size_t n)
{
    double v = (double)n;
    if (v >= 1e9)
        snprintf(ret, 16, "%.2f GB", v * 1e-9);
    else if (v >= 1e6)
        snprintf(ret, 16, "%.1f MB", v * 1e-6);
    else
        snprintf(ret, 16, "%.0f kB", v * 1e-3);
    return ret;
}

static const char *duration(char ret[16], double seconds)
{
    ltd_progress_duration(ret, seconds);
    return ret;
}

/* "1024-256" */
static const char *widths(char ret[64], const ltd_ints *hidden)
{
    int at = 0;
    snprintf(ret, 64, "none");
    for (int32_t i = 0; i < hidden->n && at < 56; i++)
        at += snprintf(ret + at, 64 - (size_t)at, "%s%d", i ? "-" : "", hidden->v[i]);
    return ret;
}

/* --- for people --- */

static void put_settings(const ltd_config *c, ltd_str *out)
{
    ltd_str_puts(out, "settings that are not the defaults\n");
    for (size_t i = 0; i < ltd_config_key_count(); i++) {
        const ltd_key *key = ltd_config_key(i);
        if (ltd_config_is_default(c, key)) continue;
        ltd_str_printf(out, "  %-22s ", key->name);
        ltd_config_value(c, key, out);
        ltd_str_puts(out, "\n");
    }
}

static void put_stages(const ltd_forecast *f, ltd_str *out)
{
    char a[16], b[16];
    ltd_str_puts(out,
                 "\nstages                             cycles  decisions  updates  gradient steps"
                 "   time: cycles  updates\n");
    for (int32_t i = 0; i < f->n_stages; i++) {
        const ltd_forecast_stage *s = &f->stage[i];
        if (s->passes) {
            ltd_str_printf(out, "  %-29s %8lld passes\n", s->name, (long long)s->passes);
            continue;
        }
        ltd_str_printf(out, "  %-29s %9lld %10.0f %8lld %15lld %15s %8s\n", s->name,
                       (long long)s->cycles, s->decisions, (long long)s->updates,
                       (long long)(s->gradient_steps[0] + s->gradient_steps[1]),
                       duration(a, ltd_forecast_cycles_s(f, s)),
                       duration(b, ltd_forecast_updates_s(f, s)));
    }
    if (f->n_stages == 0) ltd_str_puts(out, "  none: train.total_cycles is 0\n");
    ltd_str_printf(out,
                   "  counted with policies that choose at random: a cycle then has %.1f depth and "
                   "%.1f size\n  decisions, %.1f draft forwards and %.0f nodes",
                   f->pace.decisions[LTD_FORECAST_DEPTH], f->pace.decisions[LTD_FORECAST_SIZE],
                   f->pace.forwards, f->pace.nodes);
    if (f->setup->cost)
        ltd_str_printf(out, ", and takes %.2f ms by the cost table\n  (a plain step: %.2f ms)\n",
                       f->pace.ms, ltd_cost_ar(f->setup->cost, f->setup->cost->middle_context));
    else
        ltd_str_puts(out, "; its time is not known: there is no\n  calibration of this machine and "
                          "model, and `ltd calibrate` or the run itself makes one\n");
}

static void put_net(const ltd_forecast_net *n, const char *name, ltd_str *out)
{
    char w[64];
    ltd_str_printf(out, "  %-6s actor  %6d  %-14s %6d %10lld %8.1f us %10.1f ms\n", name, n->inputs,
                   widths(w, n->hidden), n->outputs, (long long)n->actor, 1e3 * n->decision_ms,
                   n->minibatch_ms);
    ltd_str_printf(out, "         critic %6d  %-14s %6d %10lld\n", n->inputs,
                   widths(w, n->critic_hidden), 1, (long long)n->critic);
}

static void put_nets(const ltd_forecast *f, ltd_str *out)
{
    ltd_str_puts(out,
                 "\nnets            inputs  hidden        outputs parameters    decision  gradient "
                 "step\n");
    for (int p = 0; p < LTD_FORECAST_POLICIES; p++) put_net(&f->net[p], policies[p], out);
    ltd_str_printf(out, "  %s, measured here; a gradient step of %d samples\n",
                   ltd_activation_name(f->setup->config.policy.activation),
                   f->setup->config.train.batch_size);
}

static void put_time(const ltd_forecast *f, ltd_str *out)
{
    const ltd_config *c = &f->setup->config;
    double cycles = 0, updates = 0;
    char a[16], b[16], all[16];
    for (int32_t i = 0; i < f->n_stages; i++) {
        cycles += ltd_forecast_cycles_s(f, &f->stage[i]);
        updates += ltd_forecast_updates_s(f, &f->stage[i]);
    }
    if (isnan(cycles))
        ltd_str_printf(out, "\ntime      updates %s; cycles: not known", duration(b, updates));
    else
        ltd_str_printf(out, "\ntime      %s: cycles %s, updates %s",
                       duration(all, cycles + updates), duration(a, cycles), duration(b, updates));
    ltd_str_puts(out, "; prefill and validation come on top");
    if (c->train.time_limit_s > 0)
        ltd_str_printf(out, "; ends after %s", duration(a, c->train.time_limit_s));
    ltd_str_puts(out, "\n");
}

static void put_memory(const ltd_forecast *f, ltd_str *out)
{
    char m[16], h[16], kv[16], t[16], n[16], o[16], r[16];
    ltd_str_printf(out,
                   "memory    weights %s, draft head %s, K/V %s, features %s,\n"
                   "          nets %s, optimizer %s, rollouts %s, libtorch about 160 MB\n",
                   bytes(m, f->model), bytes(h, f->head), bytes(kv, f->kv), bytes(t, f->features),
                   bytes(n, f->nets), bytes(o, f->optimizer), bytes(r, f->rollouts));
}

static void put_files(const ltd_forecast *f, ltd_str *out)
{
    char each[16];
    int32_t keep = f->setup->config.train.keep_last;
    ltd_str_printf(out, "files     %s: config.yaml, metrics, checkpoints of %s (best.h5", f->dir,
                   bytes(each, f->checkpoint));
    if (keep > 0)
        ltd_str_printf(out, ", the last %d)\n", keep);
    else
        ltd_str_puts(out, ", all steps)\n");
    ltd_str_printf(out, "          %s: calibration, %s\n", f->calibration,
                   f->setup->cost ? "there" : "to be measured");
}

void ltd_forecast_text(const ltd_forecast *f, ltd_str *out)
{
    const ltd_setup *s = f->setup;
    ltd_str_printf(out, "model     %s (%s)\nhead      %s\nmachine   %s\n", ltd_llama_path(s->model),
                   ltd_llama_dtype_name(s->model),
                   s->head ? ltd_eagle3_path(s->head) : "none: prompt lookup alone", s->machine);
    put_settings(&s->config, out);
    put_stages(f, out);
    put_nets(f, out);
    put_time(f, out);
    put_memory(f, out);
    put_files(f, out);
}

/* --- JSON --- */

static void json_stage(const ltd_forecast *f, const ltd_forecast_stage *s, ltd_json_writer *w)
{
    ltd_json_begin_object(w, NULL);
    ltd_json_put_string(w, "name", s->name);
    ltd_json_put_bool(w, "live", s->live);
    ltd_json_put_int(w, "passes", s->passes);
    ltd_json_put_int(w, "cycles", s->cycles);
    ltd_json_put_f64(w, "decisions", s->decisions);
    ltd_json_put_int(w, "updates", s->updates);
    ltd_json_begin_inline_object(w, "gradient_steps");
    for (int p = 0; p < LTD_FORECAST_POLICIES; p++)
        ltd_json_put_int(w, policies[p], s->gradient_steps[p]);
    ltd_json_end_object(w);
    ltd_json_put_f64(w, "cycles_s", ltd_forecast_cycles_s(f, s));
    ltd_json_put_f64(w, "updates_s", ltd_forecast_updates_s(f, s));
    ltd_json_end_object(w);
}

static void json_hidden(const char *key, const ltd_ints *hidden, ltd_json_writer *w)
{
    ltd_json_begin_inline_array(w, key);
    for (int32_t i = 0; i < hidden->n; i++) ltd_json_put_int(w, NULL, hidden->v[i]);
    ltd_json_end_array(w);
}

static void json_net(const ltd_forecast_net *n, const char *name, ltd_json_writer *w)
{
    ltd_json_begin_object(w, name);
    ltd_json_put_int(w, "inputs", n->inputs);
    json_hidden("actor_hidden", n->hidden, w);
    json_hidden("critic_hidden", n->critic_hidden, w);
    ltd_json_put_int(w, "outputs", n->outputs);
    ltd_json_put_int(w, "actor_parameters", n->actor);
    ltd_json_put_int(w, "critic_parameters", n->critic);
    ltd_json_put_f64(w, "decision_ms", n->decision_ms);
    ltd_json_put_f64(w, "gradient_step_ms", n->minibatch_ms);
    ltd_json_end_object(w);
}

static void json_pace(const ltd_forecast *f, ltd_json_writer *w)
{
    const ltd_forecast_pace *p = &f->pace;
    ltd_json_begin_object(w, "random_cycle");
    for (int i = 0; i < LTD_FORECAST_POLICIES; i++) {
        char key[32];
        snprintf(key, sizeof key, "%s_decisions", policies[i]);
        ltd_json_put_f64(w, key, p->decisions[i]);
    }
    ltd_json_put_f64(w, "forwards", p->forwards);
    ltd_json_put_f64(w, "nodes", p->nodes);
    ltd_json_put_f64(w, "ms", f->setup->cost ? p->ms : NAN);
    ltd_json_end_object(w);
}

static void json_memory(const ltd_forecast *f, ltd_json_writer *w)
{
    const struct {
        const char *key;
        size_t bytes;
    } rows[] = {{"weights", f->model},
                {"head", f->head},
                {"kv", f->kv},
                {"features", f->features},
                {"nets", f->nets},
                {"optimizer", f->optimizer},
                {"rollouts", f->rollouts},
                {"checkpoint", f->checkpoint}};
    ltd_json_begin_object(w, "bytes");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ltd_json_put_u64(w, rows[i].key, rows[i].bytes);
    ltd_json_end_object(w);
}

static void json_config(const ltd_config *c, ltd_json_writer *w)
{
    ltd_str value = LTD_STR_INIT;
    ltd_json_begin_object(w, "config");
    for (size_t i = 0; i < ltd_config_key_count(); i++) {
        ltd_str_clear(&value);
        ltd_config_value(c, ltd_config_key(i), &value);
        ltd_json_put_string(w, ltd_config_key(i)->name, ltd_str_text(&value));
    }
    ltd_json_end_object(w);
    ltd_str_fini(&value);
}

void ltd_forecast_json(const ltd_forecast *f, const char *command, ltd_str *out)
{
    const ltd_setup *s = f->setup;
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "command", command);
    ltd_json_put_string(&w, "model", ltd_llama_path(s->model));
    ltd_json_put_string(&w, "head", s->head ? ltd_eagle3_path(s->head) : NULL);
    ltd_json_put_string(&w, "machine", s->machine);
    ltd_json_put_string(&w, "run", f->dir);
    ltd_json_put_string(&w, "calibration", f->calibration);
    ltd_json_put_bool(&w, "calibrated", s->cost != NULL);
    ltd_json_begin_array(&w, "stages");
    for (int32_t i = 0; i < f->n_stages; i++) json_stage(f, &f->stage[i], &w);
    ltd_json_end_array(&w);
    json_pace(f, &w);
    ltd_json_begin_object(&w, "nets");
    for (int p = 0; p < LTD_FORECAST_POLICIES; p++) json_net(&f->net[p], policies[p], &w);
    ltd_json_end_object(&w);
    json_memory(f, &w);
    json_config(&s->config, &w);
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}
