/* The comparison for programs.  Numbers that don't exist are null. */
#include <math.h>

#include "base/json.h"
#include "trainer/bench/accept_depth.h"
#include "trainer/bench/bench.h"
#include "trainer/bench/bench_parts.h"

static void put_interval(ltd_json_writer *w, const char *key, ltd_interval ci)
{
    if (!isfinite(ci.lo) || !isfinite(ci.hi)) {
        ltd_json_put_null(w, key);
        return;
    }
    ltd_json_begin_inline_array(w, key);
    ltd_json_put_f64(w, NULL, ci.lo);
    ltd_json_put_f64(w, NULL, ci.hi);
    ltd_json_end_array(w);
}

static void put_ratio(ltd_json_writer *w, const char *key, const char *key_ci, const ltd_ratio *r)
{
    ltd_json_put_f64(w, key, r->value);
    put_interval(w, key_ci, r->ci);
}

void ltd_bench_put_versus(ltd_json_writer *w, const ltd_bench *b)
{
    const ltd_versus_row *best = ltd_versus_best(&b->versus);
    ltd_json_put_string(w, "best_opponent", best ? best->policy : NULL);
    ltd_json_begin_array(w, "versus");
    for (int32_t i = 0; i < b->versus.n; i++) {
        const ltd_versus_row *r = &b->versus.row[i];
        ltd_json_begin_object(w, NULL);
        ltd_json_put_string(w, "policy", r->policy);
        put_ratio(w, "all", "all_ci", &r->all);
        put_ratio(w, "mean", "mean_ci", &r->mean);
        ltd_json_begin_array(w, "tasks");
        for (int32_t t = 0; t < b->n_tasks; t++) {
            ltd_json_begin_inline_object(w, NULL);
            ltd_json_put_string(w, "task", b->tasks[t].task);
            put_ratio(w, "ratio", "ci", &r->task[t]);
            ltd_json_end_object(w);
        }
        ltd_json_end_array(w);
        ltd_json_end_object(w);
    }
    ltd_json_end_array(w);
}

static void put_positions(ltd_json_writer *w, const ltd_bench_row *r)
{
    static const char *const key[] = {"verified", "accepted", "given"};
    int32_t n = ltd_accept_depths(r->accept_hist, r->depth_hist);
    ltd_json_begin_object(w, "accept_by_position");
    for (int k = 0; k < 3; k++) {
        ltd_json_begin_inline_array(w, key[k]);
        for (int32_t d = 1; d <= n; d++) {
            ltd_accept_depth at = ltd_accept_at(r->accept_hist, r->depth_hist, d);
            const double share[] = {at.verified, at.accepted, at.given};
            ltd_json_put_f64(w, NULL, share[k]);
        }
        ltd_json_end_array(w);
    }
    ltd_json_end_object(w);
}

static void put_stop(ltd_json_writer *w, const ltd_stop_quality *q)
{
    if (!q->n) {
        ltd_json_put_null(w, "stop");
        return;
    }
    ltd_json_begin_inline_object(w, "stop");
    ltd_json_put_f64(w, "tpr", q->tpr);
    ltd_json_put_f64(w, "tnr", q->tnr);
    ltd_json_put_f64(w, "auc", q->auc);
    ltd_json_put_int(w, "n", q->n);
    ltd_json_end_object(w);
}

static void put_row(ltd_json_writer *w, const ltd_bench_row *r)
{
    ltd_json_begin_object(w, NULL);
    ltd_json_put_string(w, "policy", r->policy);
    ltd_json_put_string(w, "detail", r->detail);
    ltd_json_put_int(w, "tokens", r->tokens);
    ltd_json_put_f64(w, "seconds", r->seconds);
    ltd_json_put_f64(w, "tok_s", r->tok_s);
    ltd_json_put_f64(w, "speedup", r->speedup);
    put_interval(w, "speedup_ci", r->speedup_ci);
    ltd_json_put_f64(w, "speedup_mean_of_prompts", r->speedup_mean_of_prompts);
    ltd_json_put_f64(w, "vs_tuned", r->vs_tuned);
    put_interval(w, "vs_tuned_ci", r->vs_tuned_ci);
    ltd_json_put_f64(w, "accept_len", r->accept_len);
    ltd_json_put_f64(w, "forwards_mean", r->forwards_mean);
    ltd_json_put_f64(w, "size_mean", r->size_mean);
    ltd_json_begin_inline_object(w, "phase");
    for (int p = 0; p < LTD_PHASE_COUNT; p++)
        ltd_json_put_f64(w, ltd_phase_name((ltd_phase)p), r->phase[p]);
    ltd_json_end_object(w);
    ltd_json_begin_inline_object(w, "prefill_ms");
    ltd_json_put_f64(w, "target", r->prefill_target_ms);
    ltd_json_put_f64(w, "head", r->prefill_head_ms);
    ltd_json_end_object(w);
    ltd_json_put_int(w, "identical", r->identical);
    ltd_json_put_int(w, "of", r->of);
    ltd_json_put_f64(w, "regret", r->regret);
    ltd_json_put_f64(w, "table_seconds", r->table_seconds);
    ltd_run_hist_json(w, "accept_hist", r->accept_hist, LTD_RUN_ACCEPT);
    ltd_run_hist_json(w, "depth_hist", r->depth_hist, LTD_RUN_ACCEPT);
    put_positions(w, r);
    ltd_accept_by_json(w, "accept_by", &r->accept_by);
    put_stop(w, &r->stop);
    ltd_json_end_object(w);
}

void ltd_bench_put_task(ltd_json_writer *w, const char *key, const ltd_bench *b,
                        const ltd_bench_task *t)
{
    ltd_json_begin_object(w, key);
    ltd_json_put_string(w, "task", t->task);
    ltd_json_put_int(w, "prompts", t->prompts);
    ltd_json_put_int(w, "max_new", b->max_new);
    ltd_json_put_f64(w, "temperature", b->sampling.temperature);
    if (b->sampling.temperature > 0) {
        ltd_json_put_f64(w, "top_p", b->sampling.top_p);
        ltd_json_put_int(w, "top_k", b->sampling.top_k);
        ltd_json_put_string(w, "accept", b->accept == LTD_ACCEPT_SAMPLED ? "eagle" : "drawn");
    }
    ltd_json_put_int(w, "reps", b->reps);
    ltd_json_begin_array(w, "rows");
    for (int32_t i = 0; i < t->n_rows; i++) put_row(w, &t->rows[i]);
    ltd_json_end_array(w);
    ltd_json_end_object(w);
}

void ltd_bench_put_scope(ltd_json_writer *w, const ltd_bench *b)
{
    ltd_json_put_int(w, "version", 1);
    ltd_json_put_string(w, "command", b->command);
    ltd_json_put_string(w, "commit", b->commit);
    ltd_json_put_string(w, "utc", b->utc);
    ltd_json_put_u64(w, "seed", b->seed);
    ltd_json_begin_inline_object(w, "machine");
    ltd_json_put_string(w, "cpu", b->cpu);
    ltd_json_put_string(w, "isa", b->isa);
    ltd_json_put_int(w, "threads", b->threads);
    ltd_json_end_object(w);
    ltd_json_begin_inline_object(w, "model");
    ltd_json_put_string(w, "path", b->model_path);
    ltd_json_put_string(w, "sha256", b->model_hash);
    ltd_json_put_string(w, "dtype", b->model_dtype);
    ltd_json_end_object(w);
    ltd_json_begin_inline_object(w, "drafter");
    ltd_json_put_string(w, "path", b->head_path[0] ? b->head_path : NULL);
    ltd_json_put_string(w, "sha256", b->head_hash[0] ? b->head_hash : NULL);
    ltd_json_put_bool(w, "lookup", b->lookup);
    ltd_json_end_object(w);
    ltd_json_put_bool(w, "replayed", b->replayed);
    if (b->tuned.forwards < 0) return;
    ltd_json_begin_inline_object(w, "tuned");
    ltd_json_put_int(w, "forwards", b->tuned.forwards);
    ltd_json_put_int(w, "size", b->tuned.size);
    ltd_json_put_bool(w, "lookup", b->tuned.lookup);
    ltd_json_put_int(w, "top_k", b->tuned.top_k);
    ltd_json_end_object(w);
}

void ltd_bench_put_drift(ltd_json_writer *w, const ltd_drift *d)
{
    if (!(d->speed > 0)) {
        ltd_json_put_null(w, "drift");
        return;
    }
    ltd_json_begin_inline_object(w, "drift");
    ltd_json_put_f64(w, "speed", d->speed);
    ltd_json_put_f64(w, "shape", d->shape);
    ltd_json_put_int(w, "rows", d->rows);
    ltd_json_end_object(w);
}

void ltd_bench_put_verdict(ltd_json_writer *w, const ltd_bench *b)
{
    ltd_str verdict = LTD_STR_INIT;
    ltd_bench_verdict(b, &verdict);
    ltd_json_put_text(w, "verdict", ltd_str_text(&verdict), verdict.len ? verdict.len - 1 : 0);
    w->out->failed = w->out->failed || verdict.failed;
    ltd_str_fini(&verdict);
}

void ltd_bench_json(const ltd_bench *b, ltd_str *out)
{
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_bench_put_scope(&w, b);
    ltd_bench_put_drift(&w, &b->drift);
    ltd_json_begin_array(&w, "tasks");
    for (int32_t i = 0; i < b->n_tasks; i++) ltd_bench_put_task(&w, NULL, b, &b->tasks[i]);
    ltd_json_end_array(&w);
    ltd_bench_put_task(&w, "all", b, &b->all);
    ltd_bench_put_task(&w, "ended", b, &b->ended);
    ltd_bench_put_versus(&w, b);
    ltd_bench_put_verdict(&w, b);
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}
