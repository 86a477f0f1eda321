#include "trainer/bench/evaluate.h"

#include <stdio.h>

#include "base/json.h"
#include "env/prompts.h"

static void fold(ltd_evaluation *e)
{
    const ltd_run *run = &e->run;
    e->tok_s = ltd_run_speed(run);
    e->predicted = run->table_ms > 0 ? run->plain_ms / run->table_ms : 0;
    e->accept_len = ltd_run_mean(run, run->accept_len);
    e->forwards_mean = ltd_run_mean(run, run->forwards);
    e->size_mean = ltd_run_mean(run, run->size);
    uint64_t ns = 0; /* not run->ns: the table clock has no phases */
    for (int p = 0; p < LTD_PHASE_COUNT; p++) ns += run->phase_ns[p];
    for (int p = 0; p < LTD_PHASE_COUNT; p++)
        e->share[p] = ns ? (double)run->phase_ns[p] / (double)ns : 0;
}

int ltd_evaluate(ltd_env *env, ltd_agent *agent, int32_t prompts, const ltd_tokenizer *tok,
                 const ltd_watch *watch, const ltd_witness *witness, ltd_evaluation *ret,
                 ltd_err *err)
{
    const ltd_prompts *list = ltd_env_get_options(env)->prompts;
    int32_t count = (int32_t)ltd_prompts_count(list);
    ltd_tokens text = LTD_TOKENS_INIT;
    ltd_accept_classes classes = {0};
    if (prompts <= 0 || prompts > count) prompts = count;
    ltd_player player;
    ltd_evaluation e = {.tok_s = 0};
    int rc = ltd_player_init(&player, env, agent, err);
    if (rc == LTD_OK && witness) player.witness = *witness;
    for (int32_t i = 0; rc == LTD_OK && i < prompts; i++) {
        ltd_run run;
        rc = ltd_watch_tell(watch, (double)i / prompts, agent->name, err);
        if (rc == LTD_OK) rc = ltd_run_prompt(&player, i, &run, tok ? &text : NULL, err);
        if (rc == LTD_OK) ltd_run_add(&e.run, &run);
        if (rc == LTD_OK)
            rc = ltd_accept_classes_answer(&classes, tok, ltd_prompts_at(list, (size_t)i), &text,
                                           player.added, player.n_added, err);
    }
    ltd_player_fini(&player);
    ltd_tokens_fini(&text);
    if (rc < 0) return rc;
    fold(&e);
    e.accept_by = ltd_accept_by_of(&classes);
    *ret = e;
    return LTD_OK;
}

/* "name   0: 12 %  1: 30 %": values that are taken in at least 0.5 % of cycles. */
static void histogram_text(const char *name, const uint32_t *hist, int n, int64_t cycles,
                           ltd_str *out)
{
    ltd_str_printf(out, "  %-12s", name);
    for (int i = 0; i < n; i++) {
        double share = cycles ? 100.0 * hist[i] / (double)cycles : 0;
        if (share >= 0.5)
            ltd_str_printf(out, "  %d%s: %.0f %%", i, i + 1 == LTD_RUN_SIZES ? "+" : "", share);
    }
    ltd_str_puts(out, "\n");
}

void ltd_evaluation_text(const ltd_evaluation *e, ltd_str *out)
{
    const ltd_run *r = &e->run;
    ltd_str_printf(out, "%.1f tok/s: %lld tokens of %d prompts in %.2f s, %lld cycles\n", e->tok_s,
                   (long long)r->tokens, r->prompts, (double)r->ns * 1e-9, (long long)r->cycles);
    if (e->predicted > 0)
        ltd_str_printf(out, "%.3f x plain decoding by the cost table\n", e->predicted);
    ltd_str_printf(out, "accepted %.2f, forwards %.2f, nodes %.1f a cycle; phases", e->accept_len,
                   e->forwards_mean, e->size_mean);
    for (int p = 0; p < LTD_PHASE_COUNT; p++)
        ltd_str_printf(out, "%s %s %.1f %%", p ? "," : "", ltd_phase_name((ltd_phase)p),
                       100 * e->share[p]);
    ltd_str_puts(out, "\n");
    histogram_text("accepted", r->accept_hist, LTD_RUN_ACCEPT, r->cycles, out);
    histogram_text("forwards", r->forwards_hist, LTD_RUN_FORWARDS, r->cycles, out);
    histogram_text("nodes", r->size_hist, LTD_RUN_SIZES, r->cycles, out);
    ltd_accept_by_text(&e->accept_by, out);
}

void ltd_evaluation_json(const ltd_evaluation *e, ltd_str *out)
{
    const ltd_run *r = &e->run;
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "prompts", r->prompts);
    ltd_json_put_int(&w, "cycles", r->cycles);
    ltd_json_put_int(&w, "tokens", r->tokens);
    ltd_json_put_f64(&w, "seconds", (double)r->ns * 1e-9);
    ltd_json_put_f64(&w, "tok_s", e->tok_s);
    ltd_json_put_f64(&w, "predicted", e->predicted);
    ltd_json_put_f64(&w, "accept_len", e->accept_len);
    ltd_json_put_f64(&w, "forwards_mean", e->forwards_mean);
    ltd_json_put_f64(&w, "size_mean", e->size_mean);
    ltd_json_begin_inline_object(&w, "phase");
    for (int p = 0; p < LTD_PHASE_COUNT; p++)
        ltd_json_put_f64(&w, ltd_phase_name((ltd_phase)p), e->share[p]);
    ltd_json_end_object(&w);
    ltd_json_put_f64(&w, "prefill_target_ms", r->prefill_target_ms);
    ltd_json_put_f64(&w, "prefill_head_ms", r->prefill_head_ms);
    ltd_json_put_int(&w, "slow", r->slow);
    ltd_run_hist_json(&w, "accept_hist", r->accept_hist, LTD_RUN_ACCEPT);
    ltd_run_hist_json(&w, "forwards_hist", r->forwards_hist, LTD_RUN_FORWARDS);
    ltd_run_hist_json(&w, "size_hist", r->size_hist, LTD_RUN_SIZES);
    ltd_accept_by_json(&w, "accept_by", &e->accept_by);
    ltd_json_end_object(&w);
}
