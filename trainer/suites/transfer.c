#include "trainer/suites/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* --- rows --- */

static int set_names(ltd_transfer *t, const char *const *machines, ltd_err *err)
{
    for (int32_t i = 0; i < t->n_machines; i++) {
        snprintf(t->machine[i].name, sizeof t->machine[i].name, "%s", machines[i]);
        for (int32_t j = 0; j < i; j++)
            if (strcmp(t->machine[i].name, t->machine[j].name) == 0)
                return ltd_fail(err, LTD_EINVAL, "transfer: two machines are called '%s'",
                                t->machine[i].name);
    }
    return LTD_OK;
}

int ltd_transfer_new(ltd_transfer **ret, const char *const *machines, int32_t n, int32_t prompts,
                     ltd_err *err)
{
    *ret = NULL;
    if (n < 2 || n > LTD_TRANSFER_MACHINES || prompts < 1)
        return ltd_fail(err, LTD_EINVAL,
                        "transfer: %d machines and %d prompts, expected 2 to %d "
                        "machines and a prompt",
                        n, prompts, LTD_TRANSFER_MACHINES);
    ltd_transfer *t = ltd_mem_zeros(1, sizeof *t);
    if (t) t->plain = ltd_mem_zeros((size_t)n * (size_t)prompts, sizeof *t->plain);
    if (!t || !t->plain) {
        free(t);
        return ltd_fail(err, LTD_ENOMEM, "transfer: no memory");
    }
    t->n_machines = n;
    t->prompts = prompts;
    int rc = set_names(t, machines, err);
    if (rc < 0) {
        ltd_transfer_free(t);
        return rc;
    }
    *ret = t;
    return LTD_OK;
}

void ltd_transfer_free(ltd_transfer *t)
{
    if (!t) return;
    for (int32_t i = 0; i < t->n_rows; i++) free(t->row[i].rate);
    free(t->plain);
    free(t);
}

int ltd_transfer_add(ltd_transfer *t, const char *policy, int32_t home, ltd_transfer_costs costs,
                     int32_t *row, ltd_err *err)
{
    if (t->n_rows == LTD_TRANSFER_ROWS || home < -1 || home >= t->n_machines)
        return ltd_fail(err, LTD_EINVAL,
                        "transfer: row %d of machine %d, expected %d rows at most "
                        "of %d machines",
                        t->n_rows + 1, home, LTD_TRANSFER_ROWS, t->n_machines);
    ltd_transfer_row *r = &t->row[t->n_rows];
    *r = (ltd_transfer_row){.home = home, .costs = costs};
    snprintf(r->policy, sizeof r->policy, "%s", policy);
    r->rate = ltd_mem_zeros((size_t)t->n_machines * (size_t)t->prompts, sizeof *r->rate);
    if (!r->rate) return ltd_fail(err, LTD_ENOMEM, "transfer: no memory");
    *row = t->n_rows++;
    return LTD_OK;
}

ltd_rate *ltd_transfer_at(const ltd_transfer *t, int32_t row, int32_t machine)
{
    return t->row[row].rate + (size_t)machine * (size_t)t->prompts;
}

/* --- times --- */

static double seconds_of(const ltd_positions *clock, const ltd_visit *v)
{
    int32_t nodes = ltd_positions_get_options(clock)->sizes[v->size];
    int32_t pool = ltd_positions_at(clock, v->index, v->forwards).pool;
    return 1e-3 *
           ltd_positions_ms(clock, v->index, &v->past, v->forwards, nodes < pool ? nodes : pool);
}

int ltd_transfer_rates(const ltd_positions *clock, const ltd_visits *visits, ltd_rate *ret,
                       ltd_err *err)
{
    const ltd_positions_options *o = ltd_positions_get_options(clock);
    int64_t at = 0;
    for (int32_t t = 0; t < ltd_positions_texts(clock); t++) {
        int32_t count = ltd_positions_count(clock, t);
        int64_t next = ltd_positions_index(clock, t, 0), end = next + count;
        ret[t] = (ltd_rate){count, 0};
        for (; next < end; at++) {
            const ltd_visit *v = at < visits->n ? &visits->v[at] : NULL;
            if (!v || v->index != next || v->forwards > o->max_forwards || v->size >= o->n_sizes)
                return ltd_fail(err, LTD_EINVAL,
                                "transfer: cycle %lld of a play is not one of these texts",
                                (long long)at);
            ret[t].seconds += seconds_of(clock, v);
            next += ltd_positions_at(clock, v->index, v->forwards).got[v->size];
        }
    }
    if (at == visits->n) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "transfer: %lld cycles more than these texts have",
                    (long long)(visits->n - at));
}

void ltd_transfer_plain(const ltd_positions *clock, ltd_rate *ret)
{
    for (int32_t t = 0; t < ltd_positions_texts(clock); t++) {
        int32_t count = ltd_positions_count(clock, t);
        ret[t] = (ltd_rate){count, 0};
        for (int32_t i = 0; i < count; i++)
            ret[t].seconds += 1e-3 * ltd_positions_ar_ms(clock, ltd_positions_index(clock, t, i));
    }
}

/* --- ratios --- */

static int ratio(const ltd_transfer *t, const ltd_rate *a, const ltd_rate *b, int32_t resamples,
                 uint64_t seed, ltd_ratio *ret, ltd_err *err)
{
    size_t n = (size_t)t->prompts;
    ret->value = ltd_stats_ratio(a, b, n);
    return ltd_stats_bootstrap(a, b, n, resamples, seed, &ret->ci, err);
}

/* Row ltd of the machine itself; -1: none. */
static int32_t native_row(const ltd_transfer *t, int32_t machine)
{
    for (int32_t r = 0; r < t->n_rows; r++)
        if (t->row[r].home == machine && strcmp(t->row[r].policy, "ltd") == 0) return r;
    return -1;
}

int ltd_transfer_fold(ltd_transfer *t, int32_t resamples, uint64_t seed, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t m = 0; rc == LTD_OK && m < t->n_machines; m++) {
        int32_t native = native_row(t, m);
        if (native < 0)
            return ltd_fail(err, LTD_EINVAL, "transfer: no policy was trained for '%s'",
                            t->machine[m].name);
        const ltd_rate *own = ltd_transfer_at(t, native, m);
        rc = ratio(t, own, t->plain + (size_t)m * (size_t)t->prompts, resamples, seed,
                   &t->native[m], err);
        for (int32_t r = 0; rc == LTD_OK && r < t->n_rows; r++)
            rc = ratio(t, ltd_transfer_at(t, r, m), own, resamples, seed, &t->row[r].cell[m], err);
    }
    return rc;
}
