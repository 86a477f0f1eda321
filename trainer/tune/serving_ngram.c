/* How engines look n-grams up.  Both search the text, root included, for an earlier occurrence of
 * its own end, and neither reads past the text's end, as ltd's lookup does.
 *
 *   vLLM       the longest that occurs, up to a length; of equals the first in the text; what
 *              follows it, as much as there is
 *   llama.cpp  ngram-simple: one length; the last occurrence, which neither opens the text nor
 *              reaches its last token; what follows it, the root not included.  Nothing in a text
 *              of no more than length + draft + 1 tokens, or when fewer follow than it is long */
#include "trainer/tune/serving_priv.h"

/* Tokens that agree when text[0 .. end] and text[0 .. n) are read backwards, up to `most`. */
static int32_t agree(const int32_t *text, int32_t n, int32_t end, int32_t most)
{
    int32_t length = 0;
    while (length < most && length <= end && text[end - length] == text[n - 1 - length]) length++;
    return length;
}

/* Of `there` tokens that begin at `from`. */
static ltd_ngram_hit hit_at(const int32_t *text, int32_t length, int32_t from, int32_t there,
                            const int32_t *next, int32_t n_next)
{
    ltd_ngram_hit hit = {.length = length, .there = there};
    while (hit.right < there && hit.right < n_next && text[from + hit.right] == next[hit.right])
        hit.right++;
    return hit;
}

static ltd_ngram_hit find_longest(const int32_t *text, int32_t n, int32_t gram, const int32_t *next,
                                  int32_t n_next)
{
    int32_t best = 0, at = 0;
    for (int32_t end = 0; end < n - 1 && best < gram; end++) {
        int32_t length = agree(text, n, end, gram);
        if (length <= best) continue;
        best = length;
        at = end;
    }
    if (best == 0) return (ltd_ngram_hit){0};
    return hit_at(text, best, at + 1, n - at - 1, next, n_next);
}

static ltd_ngram_hit find_last(const int32_t *text, int32_t n, int32_t gram, const int32_t *next,
                               int32_t n_next)
{
    int32_t history = n - 1; /* without the root */
    for (int32_t first = history - gram - 1; first > 0; first--)
        if (agree(text, n, first + gram - 1, gram) == gram)
            return hit_at(text, gram, first + gram, history - first - gram, next, n_next);
    return (ltd_ngram_hit){0};
}

ltd_ngram_hit ltd_ngram_find(ltd_engine engine, const int32_t *text, int32_t n, int32_t gram,
                             const int32_t *next, int32_t n_next)
{
    return engine == LTD_ENGINE_VLLM ? find_longest(text, n, gram, next, n_next)
                                     : find_last(text, n, gram, next, n_next);
}

int32_t ltd_ngram_draft(ltd_engine engine, const ltd_serving_setting *s, const ltd_ngram_hit *hit,
                        int32_t n)
{
    int32_t drafted = hit->there < s->draft ? hit->there : s->draft;
    if (hit->length == 0 || hit->length < s->match_min) return 0;
    if (engine == LTD_ENGINE_VLLM) return drafted;
    return n - 1 > s->match_max + s->draft + 1 && drafted >= s->match_max ? drafted : 0;
}
