#include "trainer/wiki/score/metrics_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "trainer/wiki/score/paper_table.h"

double ltd_wiki_tok_s(const ltd_wiki_effort *e)
{
    return e->cycles_ms > 0 ? (double)e->tokens / (1e-3 * e->cycles_ms) : NAN;
}

double ltd_wiki_accept_len(const ltd_wiki_effort *e)
{
    return e->cycles > 0 ? (double)e->tokens / (double)e->cycles : NAN;
}

/* Over the same articles by plain decoding; NaN when the other run is none. */
static double speedup(const ltd_wiki_metrics *m)
{
    const ltd_wiki_scores *a = m->scores, *b = m->plain;
    if (!b || strcmp(b->made.decoder, "ar") != 0 || a->n != b->n) return NAN;
    for (int32_t i = 0; i < a->n; i++)
        if (a->event[i].id != b->event[i].id) return NAN;
    return ltd_wiki_tok_s(&a->sum.effort) / ltd_wiki_tok_s(&b->sum.effort);
}

static void put_speed(const ltd_wiki_metrics *m, ltd_json_writer *w)
{
    const ltd_wiki_run_sum *sum = &m->scores->sum;
    const ltd_wiki_effort *e = &sum->effort;
    ltd_accept_by by = ltd_accept_by_of(&e->classes);
    ltd_json_begin_object(w, "speed");
    ltd_json_put_int(w, "calls", sum->calls);
    ltd_json_begin_inline_object(w, "stops");
    for (int i = 0; i <= LTD_WIKI_STOP_LOOP; i++)
        ltd_json_put_int(w, ltd_wiki_stop_name((ltd_wiki_stop)i), sum->stops[i]);
    ltd_json_end_object(w);
    ltd_json_put_int(w, "tokens", e->tokens);
    ltd_json_put_int(w, "cycles", e->cycles);
    ltd_json_put_f64(w, "wall_s", 1e-3 * e->cycles_ms);
    ltd_json_put_f64(w, "prefill_s", 1e-3 * e->prefill_ms);
    ltd_json_put_f64(w, "tok_s", ltd_wiki_tok_s(e));
    ltd_json_put_f64(w, "accept_len", ltd_wiki_accept_len(e));
    ltd_json_put_f64(w, "speedup_vs_ar", speedup(m));
    ltd_json_begin_inline_object(w, "phase");
    ltd_json_put_f64(w, "draft", e->draft_ms / e->cycles_ms);
    ltd_json_put_f64(w, "decide", e->policy_ms / e->cycles_ms);
    ltd_json_put_f64(w, "verify", e->verify_ms / e->cycles_ms);
    ltd_json_end_object(w);
    ltd_accept_by_json(w, "accept_by", &by);
    ltd_json_end_object(w);
}

static void put_lossless(const ltd_wiki_metrics *m, ltd_json_writer *w)
{
    if (!m->verdict) {
        ltd_json_put_null(w, "lossless");
        return;
    }
    ltd_json_begin_inline_object(w, "lossless");
    ltd_json_put_int(w, "articles", m->verdict->events);
    ltd_json_put_int(w, "calls", m->verdict->calls);
    ltd_json_put_int(w, "tokens", m->verdict->tokens);
    ltd_json_put_int(w, "differences", m->verdict->differences);
    ltd_json_put_bool(w, "same_quality", m->same_quality);
    ltd_json_end_object(w);
}

void ltd_wiki_metrics_json(const ltd_wiki_metrics *m, ltd_str *out)
{
    const ltd_wiki_made *made = &m->scores->made;
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "task", "wiki");
    ltd_json_put_int(&w, "events", m->scores->n);
    ltd_json_put_string(&w, "method", ltd_wiki_method_name(made->task.method));
    ltd_json_put_string(&w, "decoder", made->decoder);
    ltd_json_put_string(&w, "profile", made->task.profile->name);
    ltd_wiki_scores_put_quality(m->scores, &w);
    ltd_wiki_judged_put(&w, "judge", m->judged, m->judge);
    put_speed(m, &w);
    put_lossless(m, &w);
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}

void ltd_wiki_metrics_text(const ltd_wiki_metrics *m, ltd_str *out)
{
    const ltd_wiki_effort *e = &m->scores->sum.effort;
    const ltd_wiki_made *made = &m->scores->made;
    const char *method = ltd_wiki_method_name(made->task.method);
    char name[64];
    snprintf(name, sizeof name, "%s, %.40s", method, made->decoder);
    ltd_str_printf(out, "%s by %s, profile %s: %d articles (%d scored now, %d not complete)\n",
                   method, made->decoder, made->task.profile->name, m->scores->n, m->scores->fresh,
                   m->scores->incomplete);
    ltd_wiki_quality_put_table(&m->scores->mean, &method, 1, out);
    if (e->cycles)
        ltd_str_printf(out, "speed: %" PRId64 " tokens, %.1f tok/s, %.2f a cycle; prefill %.1f s\n",
                       e->tokens, ltd_wiki_tok_s(e), ltd_wiki_accept_len(e), 1e-3 * e->prefill_ms);
    if (!isnan(speedup(m))) ltd_str_printf(out, "x %.2f of plain decoding\n", speedup(m));
    if (m->verdict) ltd_wiki_verdict_text(m->verdict, m->same_quality, out);
    ltd_wiki_paper_table(&(ltd_wiki_ours){name, &m->scores->mean, m->judged}, 1, out);
}
