/* Two up, one down: the number of forwards N grows when every draft was right, else shrinks.
 *
 *     N <- N + 2 if m >= N, else max(1, N - 1)
 *
 * Source: Hugging Face Transformers, heuristic schedule of assisted generation; llama.cpp#3006. */
#include "agents/rules/rule_priv.h"

enum { START = RULE_PER + 1 };

typedef struct hf {
    rule_agent base; /* first */
    int32_t n;
} hf;

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    hf *h = (hf *)a;
    if (!last) h->n = rule_int(a, START);
    if (!last || a->chain >= 0 || last->forwards == 0) return;
    h->n += last->accept_len > last->forwards ? 2 : -1;
    int32_t most = ltd_env_get_options(env)->max_forwards;
    if (h->n > most) h->n = most;
    if (h->n < 1) h->n = 1;
}

static bool go(rule_agent *a, const ltd_env *env)
{
    return rule_forwards(env) < ((hf *)a)->n;
}

static const ltd_rule_ops ops = {
    .bytes = sizeof(hf), .begin = begin, .go = go, .size = ltd_rule_per_forward};

const ltd_rule ltd_rule_hf = {
    .name = "hf2-1",
    .formula = "forwards + 2 after a cycle whose drafts were all right, else - 1",
    .source = "Hugging Face Transformers; llama.cpp#3006",
    .n_params = 4,
    .param = {RULE_SOURCES, RULE_NODES, {"start", "forwards of the first cycle", 4, {5, 1, 2, 3}}},
    .ops = &ops,
};
