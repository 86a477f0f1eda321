#include "trainer/distill/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { LONGEST_PIECE = 64 }; /* of a loop */

/* 64-bit hashes of grams; 0 is no member. */
typedef struct hash_set {
    uint64_t *v;
    size_t n, room; /* a power of two */
} hash_set;

struct ltd_filter {
    ltd_filter_options options;
    hash_set seen, excluded;
};

/* --- sets of grams --- */

static uint64_t gram_hash(const int32_t *ids, int32_t n)
{
    uint64_t h = 0x243f6a8885a308d3;
    for (int32_t i = 0; i < n; i++) {
        h = (h ^ (uint64_t)(uint32_t)ids[i]) * 0x9e3779b97f4a7c15;
        h ^= h >> 29;
    }
    return h ? h : 1;
}

/* Where h is, or would go. */
static size_t place(const hash_set *s, uint64_t h)
{
    size_t i = (size_t)(h >> 7) & (s->room - 1);
    while (s->v[i] && s->v[i] != h) i = (i + 1) & (s->room - 1);
    return i;
}

static bool has(const hash_set *s, uint64_t h)
{
    return s->room && s->v[place(s, h)] == h;
}

static int grow(hash_set *s, ltd_err *err)
{
    hash_set more = {.n = s->n, .room = s->room ? 2 * s->room : 1024};
    more.v = ltd_mem_zeros(more.room, sizeof *more.v);
    if (!more.v) return ltd_fail(err, LTD_ENOMEM, "filter of %zu grams: no memory", more.room);
    for (size_t i = 0; i < s->room; i++)
        if (s->v[i]) more.v[place(&more, s->v[i])] = s->v[i];
    free(s->v);
    *s = more;
    return LTD_OK;
}

static int add(hash_set *s, uint64_t h, ltd_err *err)
{
    int rc = 2 * (s->n + 1) > s->room ? grow(s, err) : LTD_OK;
    if (rc < 0) return rc;
    size_t i = place(s, h);
    s->n += s->v[i] == 0;
    s->v[i] = h;
    return LTD_OK;
}

static int add_grams(hash_set *s, const int32_t *ids, int32_t n, int32_t gram, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i + gram <= n; i++)
        rc = add(s, gram_hash(ids + i, gram), err);
    return rc;
}

/* How many of the grams are in the set. */
static int32_t count_grams(const hash_set *s, const int32_t *ids, int32_t n, int32_t gram)
{
    int32_t count = 0;
    for (int32_t i = 0; i + gram <= n; i++) count += has(s, gram_hash(ids + i, gram));
    return count;
}

/* --- */

int ltd_filter_new(ltd_filter **ret, const ltd_filter_options *o, ltd_err *err)
{
    *ret = NULL;
    if (o->least < 1 || o->repeats < 2 || o->loop < 1 || o->gram < 1)
        return ltd_fail(err, LTD_EINVAL,
                        "filter: answers of %d tokens, loops of %d copies and %d tokens, grams of "
                        "%d: expected 1 or more, and 2 or more copies",
                        o->least, o->repeats, o->loop, o->gram);
    if (!(o->most_seen >= 0 && o->most_seen <= 1))
        return ltd_fail(err, LTD_EINVAL, "filter: share of grams seen %g, expected 0 to 1",
                        o->most_seen);
    ltd_filter *f = ltd_mem_zeros(1, sizeof *f);
    if (!f) return ltd_fail(err, LTD_ENOMEM, "filter: no memory");
    f->options = *o;
    *ret = f;
    return LTD_OK;
}

void ltd_filter_free(ltd_filter *f)
{
    if (!f) return;
    free(f->seen.v);
    free(f->excluded.v);
    free(f);
}

int ltd_filter_exclude(ltd_filter *f, const int32_t *ids, int32_t n, ltd_err *err)
{
    return add_grams(&f->excluded, ids, n, f->options.gram, err);
}

int32_t ltd_filter_loop(const ltd_filter_options *o, const int32_t *ids, int32_t n)
{
    int32_t stay = n;
    for (int32_t piece = 1; piece <= LONGEST_PIECE; piece++) {
        int32_t same = 0; /* tokens up to here that are those a piece before */
        int32_t enough = (o->repeats - 1) * piece > o->loop ? (o->repeats - 1) * piece : o->loop;
        for (int32_t i = piece; i < stay; i++) {
            same = ids[i] == ids[i - piece] ? same + 1 : 0;
            if (same < enough) continue;
            int32_t end = i + 1 - same + piece; /* of the second copy */
            if (end < stay) stay = end;
            break;
        }
    }
    return stay;
}

int ltd_filter_judge(ltd_filter *f, ltd_conversation *c, ltd_err *err)
{
    const ltd_filter_options *o = &f->options;
    if (count_grams(&f->excluded, c->token, c->n, o->gram)) return LTD_VERDICT_EXCLUDED;
    const int32_t *answer = c->token + c->answer;
    int32_t n = ltd_filter_loop(o, answer, c->n - c->answer);
    if (n < c->n - c->answer) {
        c->n = c->answer + n;
        c->ended = false;
    }
    if (n < o->least) return LTD_VERDICT_SHORT;
    int32_t grams = n - o->gram + 1;
    if (grams > 0 && count_grams(&f->seen, answer, n, o->gram) > o->most_seen * grams)
        return LTD_VERDICT_SEEN;
    int rc = add_grams(&f->seen, answer, n, o->gram, err);
    return rc < 0 ? rc : LTD_VERDICT_KEPT;
}

const char *ltd_verdict_name(ltd_verdict v)
{
    static const char *const names[LTD_VERDICT_COUNT] = {"kept", "short", "seen", "excluded"};
    return v >= 0 && v < LTD_VERDICT_COUNT ? names[v] : "unknown";
}
