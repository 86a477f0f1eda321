#include "trainer/behaviour.h"

#include <math.h>
#include <string.h>

static const double constant_share = 0.99;

ltd_behaviour ltd_behaviour_of(const ltd_positions *p, const ltd_visits *visits)
{
    int64_t count[LTD_TREE_MAX_DEPTH + 1][LTD_POSITIONS_SIZES] = {{0}};
    const ltd_positions_options *o = ltd_positions_get_options(p);
    ltd_behaviour b = {.cycles = visits->n, .n_sizes = o->n_sizes};
    memcpy(b.table, o->sizes, (size_t)o->n_sizes * sizeof b.table[0]);
    for (int64_t i = 0; i < visits->n; i++) count[visits->v[i].forwards][visits->v[i].size]++;
    for (int32_t n = 0; visits->n > 0 && n <= o->max_forwards; n++)
        for (int32_t s = 0; s < o->n_sizes; s++) {
            double share = (double)count[n][s] / (double)visits->n;
            b.forwards[n] += share;
            b.sizes[s] += share;
            if (share > 0) b.entropy -= share * log2(share);
            if (share <= b.most) continue;
            b.most = share;
            b.most_forwards = n;
            b.most_size = o->sizes[s];
        }
    return b;
}

bool ltd_behaviour_is_constant(const ltd_behaviour *b)
{
    return b->most >= constant_share;
}

void ltd_behaviour_text(const ltd_behaviour *b, ltd_str *out)
{
    const char *before = "forwards ";
    for (int32_t n = 0; n <= LTD_TREE_MAX_DEPTH; n++) {
        if (b->forwards[n] < 0.005) continue;
        ltd_str_printf(out, "%s%d: %.0f %%", before, n, 100 * b->forwards[n]);
        before = ", ";
    }
    before = "; nodes ";
    for (int32_t s = 0; s < b->n_sizes; s++) {
        if (b->sizes[s] < 0.005) continue;
        ltd_str_printf(out, "%s%d: %.0f %%", before, b->table[s], 100 * b->sizes[s]);
        before = ", ";
    }
    ltd_str_printf(out, "; %.1f bits", b->entropy);
}
