#include "tests/support/made_trace.h"

#include "base/mem.h"
#include "base/rng.h"

enum { VOCAB = 7, K = MADE_TRACE_TOP_K, PROMPT = MADE_TRACE_PROMPT, MORE = 10 };

/* Distinct tokens, falling ln p; the true one among them more often than not. */
static void random_row(ltd_rng *rng, int32_t truth, int32_t *token, float *logp)
{
    int32_t ids[VOCAB];
    for (int32_t i = 0; i < VOCAB; i++) ids[i] = i;
    ltd_rng_shuffle(rng, ids, VOCAB);
    if (truth >= 0 && ltd_rng_below(rng, 3)) {
        int32_t at = (int32_t)ltd_rng_below(rng, 2), was = 0;
        while (ids[was] != truth) was++;
        ids[was] = ids[at];
        ids[at] = truth;
    }
    float p = 0;
    for (int32_t i = 0; i < K; i++) {
        p -= 0.1f + ltd_rng_f32(rng);
        token[i] = ids[i];
        logp[i] = p;
    }
}

static void make_text(ltd_rng *rng, const ltd_trace *trace, ltd_trace_text *t, int32_t positions)
{
    size_t rows = (size_t)positions * (size_t)ltd_trace_rows(trace);
    *t = (ltd_trace_text){.task = "made up", .prompt = PROMPT, .positions = positions};
    t->n = PROMPT + positions + 1 + MORE;
    t->token = ltd_mem_zeros((size_t)t->n, sizeof *t->token);
    t->draft_token = ltd_mem_zeros(rows, sizeof *t->draft_token);
    t->draft_logp = ltd_mem_zeros(rows, sizeof *t->draft_logp);
    for (int32_t i = 0; i < t->n; i++) t->token[i] = (int32_t)ltd_rng_below(rng, VOCAB);
    for (int32_t i = 0; i < positions; i++)
        for (int32_t r = 0, f = 0; r < ltd_trace_rows(trace); r += K) {
            while (f < trace->max_forwards && ltd_trace_row(trace, f + 1) <= r) f++;
            size_t at = (size_t)i * (size_t)ltd_trace_rows(trace) + (size_t)r;
            random_row(rng, t->token[PROMPT + i + 1 + f], t->draft_token + at, t->draft_logp + at);
        }
}

void made_trace(ltd_trace *trace, uint64_t seed, int32_t texts, int32_t positions, int32_t forwards)
{
    ltd_rng rng;
    ltd_rng_seed(&rng, seed, LTD_STREAM_TEST);
    ltd_trace_fini(trace);
    *trace = (ltd_trace){.top_k = K, .max_forwards = forwards};
    trace->text = ltd_mem_zeros((size_t)texts, sizeof *trace->text);
    for (; trace->n < texts; trace->n++) make_text(&rng, trace, &trace->text[trace->n], positions);
}
