/* The engines' options, as they were read in their code in October 2026.  They change: a newer
 * version needs another look at this file and nowhere else.
 *
 *   SGLang   sgl-project/sglang 004c82e07d87
 *     python/sglang/srt/arg_groups/speculative_hook.py, _auto_choose_speculative_params(): steps,
 *       topk and draft tokens when none is given: (5, 4, 8) for LlamaForCausalLM, (3, 1, 4) for
 *       most others, Qwen and Gemma among them; topk 1 forces draft tokens = steps + 1
 *     .../speculative/eagle_utils.py, organize_draft_results(): the best num_draft_tokens - 1 of
 *       the pool by cumulative probability; the root is added: nodes = draft tokens - 1
 *     .../speculative/eagle_worker_v2.py, draft_forward(): num_steps levels, of which the first
 *       comes out of the draft extend, ltd's resync: forwards = steps; topk nodes get topk children
 *     EAGLE3 and NGRAM exclude each other.  NGRAM keeps a trie over all that it has served, which
 *       records of single texts can't play: it is not looked at.
 *   vLLM     vllm-project/vllm 002e77c1f0ef
 *     vllm/config/speculative.py: method eagle3 with num_speculative_tokens, which has no default
 *       (the head's config may hold one as n_predict): without it nothing is speculated.  No trees:
 *       a chain of N tokens, N forwards.  method ngram: prompt_lookup_min and _max, 5 and 5 when
 *       neither is given; the methods exclude each other
 *     vllm/v1/spec_decode/ngram_proposer.py: see serving_ngram.c
 *   llama.cpp ggml-org/llama.cpp 001d906a6d86
 *     common/common.h: n_max 3, n_min 0, p_min 0 of drafts; common/arg.cpp, tools/server/README.md:
 *       --spec-type draft-eagle3, --spec-draft-n-max ...; the older --draft-max is gone
 *     common/speculative.cpp: draft-eagle3 drafts a chain of n_max tokens in n_max forwards, the
 *       first of them behind what was verified.  Types may be combined: n-gram types are asked
 *       first, the head where they find nothing.  p_min stops a draft below a probability among the
 *       ten best tokens, which records don't hold: it stays 0, and n_min has nothing to do then
 *     common/ngram-map.cpp, ngram-simple: see serving_ngram.c.  The other n-gram types keep
 *       statistics from text to text: they are not looked at. */
#include "trainer/tune/serving_priv.h"

#include "env/tree.h"

static const struct {
    const char *name, *version;
} engines[LTD_ENGINE_COUNT] = {
    [LTD_ENGINE_SGLANG] = {"SGLang", "sgl-project/sglang 004c82e07d87"},
    [LTD_ENGINE_VLLM] = {"vLLM", "vllm-project/vllm 002e77c1f0ef"},
    [LTD_ENGINE_LLAMA_CPP] = {"llama.cpp", "ggml-org/llama.cpp 001d906a6d86"},
};

const char *ltd_engine_name(ltd_engine engine)
{
    return engines[engine].name;
}

const char *ltd_engine_version(ltd_engine engine)
{
    return engines[engine].version;
}

static ltd_serving_setting chain(int32_t steps)
{
    return (ltd_serving_setting){.steps = steps, .top_k = steps > 0, .nodes = steps};
}

ltd_serving_setting ltd_serving_preset(ltd_engine engine, bool head, bool llama)
{
    if (!head || engine == LTD_ENGINE_VLLM) return (ltd_serving_setting){0};
    if (engine == LTD_ENGINE_LLAMA_CPP || !llama) return chain(3);
    return (ltd_serving_setting){.steps = 5, .top_k = 4, .nodes = 7};
}

/* --- what is worth a look --- */

typedef struct grid {
    ltd_serving_setting *list;
    int32_t n, forwards;
} grid;

static void add(grid *g, ltd_serving_setting s)
{
    g->list[g->n++] = s;
}

/* Every tree up to 16 nodes, then some. */
static void add_trees(grid *g, int32_t top_k)
{
    for (int32_t steps = 1; steps <= g->forwards; steps++)
        for (int32_t k = 2; k <= top_k; k++)
            for (int32_t nodes = 1; nodes < LTD_SERVING_NODES; nodes += nodes < 16 ? 1 : 4)
                if (nodes <= ltd_tree_pool(steps, k))
                    add(g, (ltd_serving_setting){.steps = steps, .top_k = k, .nodes = nodes});
}

static const int32_t drafts[] = {1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 48};
enum { N_DRAFTS = sizeof drafts / sizeof *drafts };

/* vLLM's: any span of lengths. */
static void add_spans(grid *g)
{
    for (int32_t low = 1; low <= 8; low++)
        for (int32_t high = low; high <= 8; high++)
            for (int32_t d = 0; d < N_DRAFTS; d++)
                add(g,
                    (ltd_serving_setting){.match_min = low, .match_max = high, .draft = drafts[d]});
}

/* llama.cpp's: one length, no longer than the draft, with the head's chains behind it. */
static void add_lengths(grid *g)
{
    for (int32_t gram = 1; gram <= LTD_SERVING_GRAM; gram++)
        for (int32_t d = 0; d < N_DRAFTS; d++)
            for (int32_t steps = 0; drafts[d] >= gram && steps <= g->forwards; steps++) {
                ltd_serving_setting s = chain(steps);
                s.match_min = s.match_max = gram;
                s.draft = drafts[d];
                add(g, s);
            }
}

int32_t ltd_serving_grid(ltd_engine engine, int32_t forwards, int32_t top_k,
                         ltd_serving_setting *ret)
{
    grid g = {.list = ret};
    g.forwards = forwards < LTD_SERVING_STEPS ? forwards : LTD_SERVING_STEPS;
    for (int32_t steps = 0; steps <= g.forwards; steps++) add(&g, chain(steps));
    if (engine == LTD_ENGINE_SGLANG) add_trees(&g, top_k);
    if (engine == LTD_ENGINE_VLLM) add_spans(&g);
    if (engine == LTD_ENGINE_LLAMA_CPP) add_lengths(&g);
    return g.n;
}
