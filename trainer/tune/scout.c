/* Two passes over an answer.  The first decodes it plainly: text[0 .. n).  The second stands at
 * each position p in turn, drafts level by level, and after n forwards looks at the pool in rank
 * order: the nodes that lie on the true continuation are met parents first, so one pass gives the
 * accepted length for every number of nodes at once.  Then one plain step leads to p + 1.
 *
 * Lookup changes the pool, so candidates without it need a second look at the same position: the
 * cycle is abandoned and begun again. */
#include "trainer/tune/scout.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/loop.h"

/* The candidates of one width that are left: how deep and how wide they reach. */
typedef struct beam {
    ltd_cycle *cycle;
    int32_t top_k, max_forwards, max_size;
    bool lookup[2]; /* whether any of them has it off, on */
} beam;

typedef struct scout {
    const ltd_scout_options *o;
    beam beams[LTD_TUNE_WIDTHS];
    ltd_candidate *c;
    int32_t n, cap;
    int32_t *text;          /* [cap] the answer; text[0] = first root */
    ltd_loop *loop;         /* NULL: loops are no end */
    int32_t length;         /* tokens of it */
    int32_t first;          /* context before text[0] */
    int32_t *of;            /* [n] which beam */
    uint8_t *got;           /* [max_new, n] accept_len of candidate i at position p */
    uint16_t *size;         /* [max_new, n] nodes it would verify */
    double *tokens_ms, *ms; /* [n] sum of L x T_ar, sum of T */
    bool *out;              /* [n] too slow to be looked at any longer */
} scout;

/* Decode plainly, a little further than the answer: the last positions need their continuation. */
static int read_answer(scout *s, const ltd_prompt *p, ltd_err *err)
{
    ltd_cycle *cycle = s->beams[0].cycle;
    int rc = ltd_cycle_prompt(cycle, p->ids, p->n, err);
    s->first = p->n;
    s->length = 0;
    if (s->loop) ltd_loop_begin(s->loop);
    while (rc == LTD_OK && s->length < s->cap && ltd_cycle_room(cycle) > 0) {
        const ltd_cycle_result *r;
        s->text[s->length] = ltd_cycle_root(cycle);
        int32_t last = s->text[s->length++];
        if (ltd_cycle_is_end(cycle, last) || (s->loop && ltd_loop_push(s->loop, last))) break;
        rc = ltd_cycle_begin(cycle, err);
        if (rc == LTD_OK) rc = ltd_cycle_verify(cycle, 0, &r, err);
    }
    return rc;
}

/* What a beam's candidates of this lookup and this many forwards get at position p. */
static void look(scout *s, int32_t at, int32_t p, int32_t forwards, bool lookup)
{
    ltd_tree *tree = ltd_cycle_tree(s->beams[at].cycle);
    int32_t pool = ltd_tree_count(tree), left = s->length - p - 1;
    int32_t rank[2 * LTD_TREE_MAX_DEPTH];
    if (left > 2 * LTD_TREE_MAX_DEPTH) left = 2 * LTD_TREE_MAX_DEPTH;
    int32_t depth = ltd_tree_true_ranks(tree, s->text + p + 1, left, s->beams[at].max_size, rank);
    for (int32_t i = 0; i < s->n; i++) {
        const ltd_setting *c = &s->c[i].setting;
        if (s->out[i] || s->of[i] != at || c->forwards != forwards || c->lookup != lookup) continue;
        int32_t d = depth;
        while (d > 0 && rank[d - 1] > c->size) d--;
        s->got[p * s->n + i] = (uint8_t)(d + 1);
        s->size[p * s->n + i] = (uint16_t)(c->size < pool ? c->size : pool);
    }
}

static int look_all(scout *s, int32_t at, int32_t p, bool lookup, ltd_err *err)
{
    const beam *b = &s->beams[at];
    ltd_cycle_set_lookup(b->cycle, lookup);
    int rc = ltd_cycle_begin(b->cycle, err);
    if (rc == LTD_OK) look(s, at, p, 0, lookup);
    for (int32_t n = 1; rc == LTD_OK && n <= b->max_forwards; n++) {
        rc = ltd_cycle_draft(b->cycle, err);
        if (rc == LTD_OK) look(s, at, p, n, lookup);
    }
    return rc;
}

static int walk(scout *s, int32_t at, const ltd_prompt *prompt, int32_t positions, ltd_err *err)
{
    const beam *b = &s->beams[at];
    if (!b->lookup[0] && !b->lookup[1]) return LTD_OK; /* nobody is left */
    int rc = ltd_cycle_prompt(b->cycle, prompt->ids, prompt->n, err);
    for (int32_t p = 0; rc == LTD_OK && p < positions; p++) {
        const ltd_cycle_result *r;
        for (int on = 0; rc == LTD_OK && on < 2; on++)
            if (b->lookup[on]) rc = look_all(s, at, p, on == 1, err);
        if (rc == LTD_OK) rc = ltd_cycle_begin(b->cycle, err);
        if (rc == LTD_OK) rc = ltd_cycle_verify(b->cycle, 0, &r, err);
    }
    ltd_cycle_set_lookup(b->cycle, true);
    return rc;
}

/* The cycles that each candidate would have run over the answer. */
static void charge(scout *s, int32_t positions)
{
    const ltd_cost *cost = s->o->cost;
    for (int32_t i = 0; i < s->n; i++) {
        ltd_cost_work work = {
            .forwards = s->c[i].setting.forwards, .top_k = s->beams[s->of[i]].top_k, .waiting = 1};
        for (int32_t p = 0; p < positions && !s->out[i];) {
            int32_t got = s->got[p * s->n + i];
            work.size = s->size[p * s->n + i];
            work.context = s->first + p;
            s->tokens_ms[i] += got * ltd_cost_ar(cost, work.context);
            s->ms[i] += ltd_cost_cycle(cost, &work);
            work.waiting = got;
            p += got;
        }
    }
}

/* Who is left of each beam. */
static void measure_reach(scout *s)
{
    for (int32_t k = 0; k < s->o->n_cycles; k++) {
        beam *b = &s->beams[k];
        b->max_forwards = b->max_size = 0;
        b->lookup[0] = b->lookup[1] = false;
    }
    for (int32_t i = 0; i < s->n; i++) {
        const ltd_setting *c = &s->c[i].setting;
        beam *b = &s->beams[s->of[i]];
        if (s->out[i]) continue;
        b->lookup[c->lookup] = true;
        if (c->forwards > b->max_forwards) b->max_forwards = c->forwards;
        if (c->size > b->max_size) b->max_size = c->size;
    }
}

/* Predictions so far.  Who is far behind is out, so that the walk need not draft that deep. */
static void judge(scout *s)
{
    const double behind = 0.8;
    double best = 0;
    for (int32_t i = 0; i < s->n; i++) {
        s->c[i].predicted = s->ms[i] > 0 ? s->tokens_ms[i] / s->ms[i] : 0;
        if (!s->out[i] && s->c[i].predicted > best) best = s->c[i].predicted;
    }
    for (int32_t i = 0; i < s->n; i++)
        if (s->ms[i] > 0 && s->c[i].predicted < behind * best) s->out[i] = true;
    measure_reach(s);
}

static int find_beams(scout *s, ltd_err *err)
{
    for (int32_t k = 0; k < s->o->n_cycles; k++)
        s->beams[k] = (beam){.cycle = s->o->cycles[k],
                             .top_k = ltd_cycle_get_options(s->o->cycles[k])->top_k};
    for (int32_t i = 0; i < s->n; i++) {
        int32_t k = 0, top_k = s->c[i].setting.top_k;
        while (top_k && k < s->o->n_cycles && s->beams[k].top_k != top_k) k++;
        if (k == s->o->n_cycles)
            return ltd_fail(err, LTD_EINVAL, "scout: no cycle with a beam of %d", top_k);
        s->of[i] = k;
    }
    measure_reach(s);
    return LTD_OK;
}

static int open_scout(scout *s, ltd_err *err)
{
    const ltd_cycle_options *cycle = ltd_cycle_get_options(s->o->cycles[0]);
    size_t n = (size_t)s->n, cells = (size_t)s->o->max_new * n;
    s->cap = s->o->max_new + cycle->max_forwards + cycle->lookup_max_chain + 1;
    s->text = ltd_mem_zeros((size_t)s->cap, sizeof *s->text);
    s->of = ltd_mem_zeros(n, sizeof *s->of);
    s->got = ltd_mem_zeros(cells, sizeof *s->got);
    s->size = ltd_mem_zeros(cells, sizeof *s->size);
    s->tokens_ms = ltd_mem_zeros(n, sizeof *s->tokens_ms);
    s->ms = ltd_mem_zeros(n, sizeof *s->ms);
    s->out = ltd_mem_zeros(n, sizeof *s->out);
    if (s->o->loop_stop && ltd_loop_new(&s->loop, s->cap, s->o->loop_stop, err) < 0)
        return LTD_ENOMEM;
    if (s->text && s->of && s->got && s->size && s->tokens_ms && s->ms && s->out)
        return find_beams(s, err);
    return ltd_fail(err, LTD_ENOMEM, "scout: no memory for %d settings", s->n);
}

static void close_scout(scout *s)
{
    free(s->text);
    free(s->of);
    free(s->got);
    free(s->size);
    free(s->tokens_ms);
    free(s->ms);
    free(s->out);
    ltd_loop_free(s->loop);
}

static int scout_prompt(scout *s, const ltd_prompt *prompt, ltd_err *err)
{
    int rc = read_answer(s, prompt, err);
    if (rc < 0 || s->length < 2) return rc;
    /* A position is worth a visit when its next token is known. */
    int32_t positions = s->length - 1 < s->o->max_new ? s->length - 1 : s->o->max_new;
    for (int32_t k = 0; rc == LTD_OK && k < s->o->n_cycles; k++)
        rc = walk(s, k, prompt, positions, err);
    if (rc < 0) return rc;
    charge(s, positions);
    judge(s);
    return LTD_OK;
}

int ltd_scout(const ltd_scout_options *o, ltd_candidate *c, int32_t n, int32_t *seen, ltd_err *err)
{
    scout s = {.o = o, .c = c, .n = n};
    const ltd_clock *clock = &ltd_cycle_get_options(o->cycles[0])->clock;
    uint64_t t0 = ltd_clock_now(clock);
    int rc = open_scout(&s, err);
    int32_t count = (int32_t)ltd_prompts_count(o->prompts), i = 0;
    for (; rc == LTD_OK && i < count; i++) {
        double share = (double)(ltd_clock_now(clock) - t0) * 1e-9 / o->budget_s;
        if (i && share >= 1) break;
        rc = ltd_watch_tell(&o->watch, share < 1 ? share : 1, "scouting settings", err);
        if (rc == LTD_OK)
            rc = scout_prompt(&s, ltd_prompts_at(o->prompts, (size_t)o->order[i]), err);
    }
    *seen = i;
    close_scout(&s);
    return rc;
}
