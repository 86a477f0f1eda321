#include "trainer/train/behaviour.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agents/categorical.h"
#include "env/ltd_env.h"

enum { COLUMNS = LTD_BEHAVIOUR_COLUMNS };

static const double constant_share = 0.99;
static const float below[COLUMNS] = {0.1f, 0.3f, 0.5f, 0.7f, 0.9f, INFINITY};

static void add_cells(ltd_behaviour *b, const ltd_positions *p, const ltd_visit *v)
{
    for (int32_t n = 0; n <= v->forwards; n++) {
        int32_t c = 0;
        while (ltd_positions_at(p, v->index, n).obs[LTD_OBS_AT_BEAM] >= below[c]) c++;
        b->cell[n][c].asked++;
        b->cell[n][c].went_on += n < v->forwards;
        if (n == v->forwards) b->cell[n][c].nodes += b->table[v->size];
    }
}

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
    for (int64_t i = 0; i < visits->n; i++) add_cells(&b, p, &visits->v[i]);
    return b;
}

void ltd_behaviour_measure(ltd_behaviour *b, const ltd_positions *p, const ltd_visits *visits,
                           ltd_mlp *depth, ltd_mlp *size)
{
    const ltd_positions_options *o = ltd_positions_get_options(p);
    float obs[LTD_OBS_LTD_DIM], logits[LTD_POSITIONS_SIZES];
    uint8_t legal[LTD_POSITIONS_SIZES];
    int64_t decisions = 0;
    b->depth_entropy = b->size_entropy = 0;
    for (int64_t i = 0; i < visits->n; i++) {
        const ltd_visit *v = &visits->v[i];
        for (int32_t n = 0; n <= v->forwards && n < o->max_forwards; n++, decisions++) {
            ltd_positions_obs(p, v->index, &v->past, n, obs);
            ltd_mlp_forward(depth, obs, logits);
            b->depth_entropy += (double)ltd_categorical_entropy(logits, (uint8_t[]){1, 1}, 2);
        }
        ltd_positions_obs(p, v->index, &v->past, v->forwards, obs);
        ltd_positions_legal(p, v->index, v->forwards, legal);
        ltd_mlp_forward(size, obs, logits);
        b->size_entropy += (double)ltd_categorical_entropy(logits, legal, o->n_sizes);
    }
    if (decisions) b->depth_entropy /= (double)decisions;
    if (visits->n) b->size_entropy /= (double)visits->n;
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

static void put_cell(const ltd_behaviour_cell *c, ltd_str *out)
{
    char text[32] = ".";
    int64_t stopped = c->asked - c->went_on;
    double share = c->asked ? 100 * (double)c->went_on / (double)c->asked : 0;
    if (stopped)
        snprintf(text, sizeof text, "%.0f %% %5.1f", share, c->nodes / (double)stopped);
    else if (c->asked)
        snprintf(text, sizeof text, "%.0f %%     -", share);
    ltd_str_printf(out, " %12s", text);
}

void ltd_behaviour_table(const ltd_behaviour *b, ltd_str *out)
{
    ltd_str_puts(out, "after   goes on, else nodes; by confidence\nforwards");
    for (int32_t c = 0; c < COLUMNS; c++) {
        if (isfinite(below[c]))
            ltd_str_printf(out, "      < %5.1f", (double)below[c]);
        else
            ltd_str_puts(out, "         more");
    }
    ltd_str_puts(out, "\n");
    for (int32_t n = 0; n <= LTD_TREE_MAX_DEPTH; n++) {
        int64_t asked = 0;
        for (int32_t c = 0; c < COLUMNS; c++) asked += b->cell[n][c].asked;
        if (!asked) break;
        ltd_str_printf(out, "%8d", n);
        for (int32_t c = 0; c < COLUMNS; c++) put_cell(&b->cell[n][c], out);
        ltd_str_puts(out, "\n");
    }
}
