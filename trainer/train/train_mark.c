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

/* Both ways: into the mark, or from it. */
static void copy(void *mark, void *run, size_t bytes, bool back)
{
    memcpy(back ? run : mark, back ? mark : run, bytes);
}

static void copy_net(kept_net *k, ltd_learner *l, bool back)
{
    size_t bytes = (size_t)l->adam->n * sizeof(float);
    copy(k->data, ltd_actor_critic_data(l->ac), bytes, back);
    copy(k->m, l->adam->m, bytes, back);
    copy(k->v, l->adam->v, bytes, back);
    copy(&k->step, &l->adam->step, sizeof k->step, back);
}

/* All but the environments. */
static void copy_state(ltd_train_mark *m, ltd_trainer *t, bool back)
{
    copy_net(&m->depth, t->depth, back);
    copy_net(&m->size, t->size, back);
    copy(&m->norm, &t->joint.norm, sizeof m->norm, back);
    copy(&m->minibatch, &t->minibatch, sizeof m->minibatch, back);
    copy(&m->cycles, &t->cycles, sizeof m->cycles, back);
    copy(&m->decisions, &t->decisions, sizeof m->decisions, back);
    copy(&m->updates, &t->updates, sizeof m->updates, back);
    copy(&m->stage, &t->stage, sizeof m->stage, back);
    copy(&m->stage_decisions, &t->stage_decisions, sizeof m->stage_decisions, back);
    copy(&m->last_valid, &t->last_valid, sizeof m->last_valid, back);
    copy(&m->best_valid, &t->best_valid, sizeof m->best_valid, back);
    copy(&m->last_valid_value, &t->last_valid_value, sizeof m->last_valid_value, back);
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
    copy_state(m, t, false);
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
    copy_state(m, t, true);
    return true;
}
