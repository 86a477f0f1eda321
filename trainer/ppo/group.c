/* Everything goes through rank 0: it gathers, adds in the order of ranks, and hands out the result.
 * So there is one order of additions, and one place where bits are made.
 *
 * A process that is gone can't be asked.  But its launcher notices, and sends the others SIGTERM
 * before it kills them; hence no wait here is a blocking call: each looks at the flag that a signal
 * sets, and for the notes of those that leave.  Data under way lies in buffers of the group, so
 * that a call can be given up at any time. */
#include "trainer/ppo/group.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "trainer/ppo/group_priv.h"

enum { SPINS = 200, ANSWER_MS = 500, SAVED_MS = 1000 };

int ltd_group_init(ltd_group *ret, const ltd_group_wire *wire, int32_t rank, int32_t size,
                   ltd_err *err)
{
    ret->wire = wire;
    ret->rank = rank;
    ret->size = size;
    ret->teller = -1;
    ret->heard = ltd_mem_zeros((size_t)size, sizeof *ret->heard);
    return ret->heard ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "group: no memory");
}

void ltd_group_fini(ltd_group *g)
{
    free(g->heard);
    free(g->mine);
    free(g->all);
}

int32_t ltd_group_launched(const char **name)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        *name = names[i];
        if (value && atoi(value) > 1) return atoi(value);
    }
    return 1;
}

void ltd_group_close(ltd_group *g, bool together)
{
    if (g) g->wire->close(g, together && !g->why.code);
}

void ltd_group_heed(ltd_group *g, const volatile int *stop)
{
    if (g) g->stop = stop;
}

int32_t ltd_group_rank(const ltd_group *g)
{
    return g ? g->rank : 0;
}

int32_t ltd_group_size(const ltd_group *g)
{
    return g ? g->size : 1;
}

/* --- is there still a group? --- */

/* The one way in which it ends. */
static int end(ltd_group *g, ltd_err *err)
{
    if (err) *err = g->why;
    return g->why.code;
}

static void hear(ltd_group *g)
{
    ltd_group_note note;
    while (g->wire->receive(g, &note))
        if (note.rank >= 0 && note.rank < g->size) g->heard[note.rank] = note;
}

/* What a note means to those that get it. */
static int explain(const ltd_group_note *note, ltd_err *err)
{
    if (note->code == LTD_ECANCELED) return ltd_fail(err, LTD_ECANCELED, "stopped");
    return ltd_fail(err, LTD_EIO, "process %d: %.300s", note->rank, note->msg);
}

int ltd_group_poll(ltd_group *g, ltd_err *err)
{
    if (!g) return LTD_OK;
    if (g->why.code) return end(g, err);
    hear(g);
    for (int32_t r = 0; r < g->size; r++) {
        if (!g->heard[r].code) continue;
        g->teller = r;
        explain(&g->heard[r], &g->why);
        return end(g, err);
    }
    if (!g->stop || !*g->stop) return LTD_OK;
    ltd_fail(&g->why, LTD_ECANCELED, "stopped");
    return end(g, err);
}

static void rest(long ns)
{
    nanosleep(&(struct timespec){0, ns}, NULL);
}

/* Until what is under way is over.  A short wait is a wait for this moment's minibatch: only then
 * is the processor kept. */
static int wait(ltd_group *g, ltd_err *err)
{
    for (int64_t tries = 0;; tries++) {
        bool done = false;
        int rc = g->wire->test(g, &done, &g->why);
        if (rc < 0) return end(g, err);
        if (done) return LTD_OK;
        rc = ltd_group_poll(g, err);
        if (rc < 0) return rc;
        if (tries < SPINS)
            sched_yield();
        else
            rest(100000);
    }
}

/* --- bytes --- */

static int reserve(ltd_group *g, size_t bytes, ltd_err *err)
{
    if (g->why.code) return end(g, err);
    size_t all;
    if (__builtin_mul_overflow(bytes, (size_t)g->size, &all) || all > INT32_MAX)
        return ltd_fail(err, LTD_EINVAL, "group: %zu bytes of each of %d processes", bytes,
                        g->size);
    if (ltd_mem_reserve(&g->mine, &g->mine_room, bytes, 1) &&
        ltd_mem_reserve(&g->all, &g->all_room, all, 1))
        return LTD_OK;
    return ltd_fail(err, LTD_ENOMEM, "group: no memory");
}

/* mine[bytes] of everybody to all[] of rank 0. */
static int gather(ltd_group *g, size_t bytes, ltd_err *err)
{
    if (g->wire->gather(g, g->mine, g->all, bytes, &g->why) < 0) return end(g, err);
    return wait(g, err);
}

/* all[bytes] of rank 0 to everybody's. */
static int share(ltd_group *g, size_t bytes, ltd_err *err)
{
    if (g->wire->share(g, g->all, bytes, &g->why) < 0) return end(g, err);
    return wait(g, err);
}

int ltd_group_share(ltd_group *g, void *v, size_t bytes, ltd_err *err)
{
    if (!g || bytes == 0) return LTD_OK;
    int rc = reserve(g, bytes, err);
    if (rc < 0) return rc;
    memcpy(g->all, v, bytes);
    rc = share(g, bytes, err);
    if (rc == LTD_OK) memcpy(v, g->all, bytes);
    return rc;
}

int ltd_group_gather(ltd_group *g, const void *mine, size_t bytes, void *all, ltd_err *err)
{
    if (bytes == 0) return LTD_OK;
    if (!g) {
        memcpy(all, mine, bytes);
        return LTD_OK;
    }
    int rc = reserve(g, bytes, err);
    if (rc < 0) return rc;
    memcpy(g->mine, mine, bytes);
    rc = gather(g, bytes, err);
    if (rc == LTD_OK) rc = share(g, bytes * (size_t)g->size, err);
    if (rc == LTD_OK) memcpy(all, g->all, bytes * (size_t)g->size);
    return rc;
}

int ltd_group_barrier(ltd_group *g, ltd_err *err)
{
    if (!g) return LTD_OK;
    int rc = reserve(g, 1, err);
    if (rc == LTD_OK) rc = gather(g, 1, err);
    return rc == LTD_OK ? share(g, 1, err) : rc;
}

/* --- sums --- */

/* Of rank 0: all[] holds w[m], then v[n], of each process; the sums come to its beginning. */
static void add_up(ltd_group *g, size_t n, size_t m)
{
    size_t bytes = m * sizeof(double) + n * sizeof(float);
    double *w = g->all;
    float *v = (float *)(w + m);
    for (size_t i = 0; i < m + n; i++) {
        double sum = 0;
        for (int32_t r = 0; r < g->size; r++) {
            const char *from = (const char *)g->all + (size_t)r * bytes;
            double d;
            float f;
            if (i < m) {
                memcpy(&d, from + i * sizeof d, sizeof d);
            } else {
                memcpy(&f, from + m * sizeof d + (i - m) * sizeof f, sizeof f);
                d = (double)f;
            }
            sum += d;
        }
        if (i < m)
            w[i] = sum;
        else
            v[i - m] = (float)sum;
    }
}

int ltd_group_sum(ltd_group *g, float *v, size_t n, double *w, size_t m, ltd_err *err)
{
    if (!g || n + m == 0) return LTD_OK;
    size_t doubles = m * sizeof *w, floats = n * sizeof *v;
    int rc = reserve(g, doubles + floats, err);
    if (rc < 0) return rc;
    if (m) memcpy(g->mine, w, doubles);
    if (n) memcpy((char *)g->mine + doubles, v, floats);
    rc = gather(g, doubles + floats, err);
    if (rc == LTD_OK && g->rank == 0) add_up(g, n, m);
    if (rc == LTD_OK) rc = share(g, doubles + floats, err);
    if (rc < 0) return rc;
    if (m) memcpy(w, g->all, doubles);
    if (n) memcpy(v, (char *)g->all + doubles, floats);
    return LTD_OK;
}

/* --- machines --- */

int ltd_group_turn(ltd_group *g, int32_t *mine, int32_t *most, ltd_err *err)
{
    enum { NAME = 256 };
    char name[NAME] = "";
    *mine = 0;
    *most = 1;
    if (!g) return LTD_OK;
    char *all = ltd_mem_zeros((size_t)g->size, NAME);
    if (!all) return ltd_fail(err, LTD_ENOMEM, "group: no memory");
    gethostname(name, NAME - 1);
    int rc = ltd_group_gather(g, name, NAME, all, err);
    for (int32_t r = 0; rc == LTD_OK && r < g->size; r++) {
        int32_t before = 0;
        for (int32_t k = 0; k < r; k++)
            before += strcmp(all + (size_t)k * NAME, all + (size_t)r * NAME) == 0;
        if (r == g->rank) *mine = before;
        if (before + 1 > *most) *most = before + 1;
    }
    free(all);
    return rc;
}

/* --- leaving --- */

static void tell(ltd_group *g, int32_t to, const ltd_err *why)
{
    ltd_group_note note = {.rank = g->rank, .code = why->code < 0 ? why->code : LTD_EIO};
    snprintf(note.msg, sizeof note.msg, "%s", why->msg);
    g->wire->send(g, to, &note);
}

/* The first that has not been heard of; -1: all have. */
static int32_t silent(const ltd_group *g)
{
    for (int32_t r = 1; r < g->size; r++)
        if (!g->heard[r].code) return r;
    return -1;
}

static int part_first(ltd_group *g, ltd_err *err)
{
    for (int32_t r = 1; r < g->size; r++) tell(g, r, err);
    for (int ms = 0; ms < ANSWER_MS && silent(g) >= 0; ms++) {
        rest(1000000);
        hear(g);
    }
    /* A signal says less than what a process says of itself. */
    for (int32_t r = 1; r < g->size && err->code == LTD_ECANCELED; r++)
        if (g->heard[r].code) explain(&g->heard[r], err);
    if (err->code == LTD_ECANCELED && silent(g) >= 0)
        ltd_fail(err, LTD_EIO, "process %d of %d does not answer: it died, or hangs", silent(g),
                 g->size);
    return err->code;
}

int ltd_group_part(ltd_group *g, ltd_err *err)
{
    if (!g) return err->code;
    if (!g->why.code) g->why = *err;
    if (g->rank == 0) return part_first(g, err);
    tell(g, 0, err);
    bool told = g->teller >= 0;
    for (int ms = 0; ms < SAVED_MS && !g->heard[0].code; ms++) {
        rest(1000000);
        hear(g);
    }
    if (told || err->code == LTD_ECANCELED) err->msg[0] = 0;
    if (err->code == LTD_ECANCELED && g->heard[0].code) err->code = g->heard[0].code;
    return err->code;
}
