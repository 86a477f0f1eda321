/* Runs are found by a rolling hash and told apart by their tokens.  A table of places, twice as
 * many as a text has runs, holds where each run stood first and how often it has come. */
#include "env/loop.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

typedef struct seen {
    int32_t end; /* tokens up to the end of its first place; 0: nothing here */
    int32_t times;
} seen;

struct ltd_loop {
    int32_t most, times;
    int32_t *token; /* [most] */
    int32_t n;
    seen *table; /* [mask + 1] */
    uint32_t mask;
};

int ltd_loop_new(ltd_loop **ret, int32_t most, int32_t times, ltd_err *err)
{
    ltd_loop *l = ltd_mem_zeros(1, sizeof *l);
    uint32_t places = 16;
    while (places < 2 * (uint32_t)most) places *= 2;
    if (l) {
        *l = (ltd_loop){.most = most, .times = times, .mask = places - 1};
        l->token = ltd_mem_zeros((size_t)most, sizeof *l->token);
        l->table = ltd_mem_zeros(places, sizeof *l->table);
    }
    if (!l || !l->token || !l->table) {
        ltd_loop_free(l);
        return ltd_fail(err, LTD_ENOMEM, "loop: no memory for a text of %d tokens", most);
    }
    *ret = l;
    return LTD_OK;
}

void ltd_loop_free(ltd_loop *l)
{
    if (!l) return;
    free(l->token);
    free(l->table);
    free(l);
}

void ltd_loop_begin(ltd_loop *l)
{
    l->n = 0;
    memset(l->table, 0, ((size_t)l->mask + 1) * sizeof *l->table);
}

static uint32_t hash(const int32_t *run)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a, token by token */
    for (int32_t i = 0; i < LTD_LOOP_RUN; i++) h = (h ^ (uint32_t)run[i]) * 0x100000001b3u;
    return (uint32_t)(h ^ (h >> 32));
}

bool ltd_loop_push(ltd_loop *l, int32_t token)
{
    if (l->n == l->most) return false;
    l->token[l->n++] = token;
    if (l->n < LTD_LOOP_RUN) return false;
    const int32_t *run = l->token + l->n - LTD_LOOP_RUN;
    uint32_t at = hash(run) & l->mask;
    while (l->table[at].end &&
           memcmp(l->token + l->table[at].end - LTD_LOOP_RUN, run, LTD_LOOP_RUN * sizeof *run) != 0)
        at = (at + 1) & l->mask;
    if (!l->table[at].end) l->table[at].end = l->n;
    return ++l->table[at].times >= l->times;
}
