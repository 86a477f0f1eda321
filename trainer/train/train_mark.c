/* Where a run stands between two iterations.  A process of a group that is told to end can't finish
 * what is under way, which takes all of them; so rank 0 keeps what it would have saved before it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/train/train_priv.h"

typedef struct kept_net {
    float *data, *m, *v; /* [n] owned */
    int64_t step;
} kept_net;

typedef struct ltd_train_mark {
    kept_net depth, size;
    ltd_train_env *saved; /* [n_saved] owned */
    int32_t n_saved, room, stage;
    ltd_reward_norm norm;
    ltd_rng minibatch;
    int64_t cycles, decisions, updates, stage_decisions, last_valid;
    double best_valid, last_valid_value;
} ltd_train_mark;

static int open_net(kept_net *k, const ltd_learner *l, ltd_err *err)
{
    size_t n = (size_t)l->adam->n;
    k->data = ltd_mem_zeros(n, sizeof *k->data);
    k->m = ltd_mem_zeros(n, sizeof *k->m);
    k->v = ltd_mem_zeros(n, sizeof *k->v);
    return k->data && k->m && k->v ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "train: no memory");
}

static int open_mark(ltd_trainer *t, ltd_err *err)
{
    ltd_train_mark *m = t->mark = ltd_mem_zeros(1, sizeof *m);
    if (!m) return ltd_fail(err, LTD_ENOMEM, "train: no memory");
    int rc = open_net(&m->depth, t->depth, err);
    return rc == LTD_OK ? open_net(&m->size, t->size, err) : rc;
}

static void free_net(kept_net *k)
{
    free(k->data);
    free(k->m);
    free(k->v);
}

void ltd_train_mark_free(ltd_train_mark *m)
{
    if (!m) return;
    free_net(&m->depth);
    free_net(&m->size);
    free(m->saved);
    free(m);
}

static void keep(kept_net *k, ltd_learner *l)
{
    size_t bytes = (size_t)l->adam->n * sizeof(float);
    memcpy(k->data, ltd_actor_critic_data(l->ac), bytes);
    memcpy(k->m, l->adam->m, bytes);
    memcpy(k->v, l->adam->v, bytes);
    k->step = l->adam->step;
}

static void put_back(const kept_net *k, ltd_learner *l)
{
    size_t bytes = (size_t)l->adam->n * sizeof(float);
    memcpy(ltd_actor_critic_data(l->ac), k->data, bytes);
    memcpy(l->adam->m, k->m, bytes);
    memcpy(l->adam->v, k->v, bytes);
    l->adam->step = k->step;
}

int ltd_train_set_mark(ltd_trainer *t, ltd_err *err)
{
    if (ltd_group_size(t->options->group) == 1 || !ltd_train_is_first(t)) return LTD_OK;
    int rc = t->mark ? LTD_OK : open_mark(t, err);
    if (rc < 0) return rc;
    ltd_train_mark *m = t->mark;
    if (m->room < t->n_saved) {
        free(m->saved);
        m->saved = ltd_mem_zeros((size_t)t->n_saved, sizeof *m->saved);
        m->room = m->saved ? t->n_saved : 0;
        m->n_saved = 0;
        if (!m->saved) return ltd_fail(err, LTD_ENOMEM, "train: no memory");
    }
    m->n_saved = t->n_saved;
    memcpy(m->saved, t->saved, (size_t)t->n_saved * sizeof *m->saved);
    keep(&m->depth, t->depth);
    keep(&m->size, t->size);
    m->norm = t->joint.norm;
    m->minibatch = t->minibatch;
    m->cycles = t->cycles;
    m->decisions = t->decisions;
    m->updates = t->updates;
    m->stage = t->stage;
    m->stage_decisions = t->stage_decisions;
    m->last_valid = t->last_valid;
    m->best_valid = t->best_valid;
    m->last_valid_value = t->last_valid_value;
    return LTD_OK;
}

bool ltd_train_go_back(ltd_trainer *t)
{
    ltd_train_mark *m = t->mark;
    if (!m || !m->saved) return false;
    free(t->saved);
    t->saved = m->saved;
    t->n_saved = m->n_saved;
    m->saved = NULL;
    m->room = 0;
    put_back(&m->depth, t->depth);
    put_back(&m->size, t->size);
    t->joint.norm = m->norm;
    t->minibatch = m->minibatch;
    t->cycles = m->cycles;
    t->decisions = m->decisions;
    t->updates = m->updates;
    t->stage = m->stage;
    t->stage_decisions = m->stage_decisions;
    t->last_valid = m->last_valid;
    t->best_valid = m->best_valid;
    t->last_valid_value = m->last_valid_value;
    return true;
}
