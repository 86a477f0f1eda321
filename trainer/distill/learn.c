#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/kernels/gemm.h"
#include "trainer/distill/learn_priv.h"
#include "trainer/distill/valid.h"
#include "trainer/ppo/schedule.h"

enum { TELL_EVERY = 10, AHEAD = 8 }; /* updates */

/* Of the updates since something was told last. */
typedef struct span {
    ltd_unroll_stats stats;
    uint64_t began;
    double lr, norm;
} span;

static bool uses_bf16(const ltd_config *c)
{
    if (c->distill.precision == LTD_DISTILL_AUTO) return ltd_gemm_is_fast();
    return c->distill.precision == LTD_DISTILL_BF16;
}

/* --- a run's state --- */

static int begin_net(ltd_learner_state *s, ltd_err *err)
{
    const ltd_learn_options *o = s->o;
    ltd_head_shape shape = ltd_head_shape_of(o->model, o->config->distill.ffn);
    ltd_rng rng;
    ltd_rng_seed(&rng, o->config->run.seed, LTD_STREAM_INIT);
    int rc = ltd_head_net_init(&s->net, &shape, err);
    if (rc < 0) return rc;
    memcpy(s->net.scale, o->corpus->scale, sizeof s->net.scale);
    if (o->config->distill.init == LTD_DISTILL_RANDOM) {
        ltd_head_net_random(&s->net, &rng);
        return LTD_OK;
    }
    return ltd_head_net_from_layer(&s->net, o->model, &rng, err);
}

static int open_state(ltd_learner_state *s, const ltd_learn_options *o, ltd_err *err)
{
    const ltd_config *c = o->config;
    *s = (ltd_learner_state){.o = o, .shuffled = -1, .best_update = -1, .validated = -1};
    s->valid = s->best = NAN;
    s->per_epoch = o->corpus->n_train / c->distill.batch_size;
    s->updates = (int64_t)(c->distill.epochs * (double)s->per_epoch);
    int rc = begin_net(s, err);
    if (rc == LTD_OK) rc = ltd_updater_new(&s->updater, &s->net, o->model, o->corpus, c, err);
    if (rc == LTD_OK && o->resume) rc = ltd_learner_state_load(s, o->resume, err);
    s->before = s->update;
    if (rc == LTD_OK) rc = ltd_metrics_open(&s->metrics, o->dir, o->resume ? s->update : -1, err);
    return rc;
}

static void close_state(ltd_learner_state *s)
{
    ltd_metrics_close(s->metrics);
    ltd_updater_free(s->updater);
    ltd_head_net_fini(&s->net);
}

/* --- validation --- */

static int validate(ltd_learner_state *s, ltd_err *err)
{
    char folder[PATH_MAX];
    ltd_simulated sum;
    if (s->validated == s->update) return LTD_OK;
    if (snprintf(folder, sizeof folder, "%s/candidate", s->o->dir) >= (int)sizeof folder)
        return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", s->o->dir);
    int rc = ltd_learner_state_export(s, folder, err);
    if (rc == LTD_OK) rc = ltd_valid_head(s->o->corpus, s->o->model, folder, &sum, err);
    if (rc < 0) return ltd_err_prefix(err, rc, "validation");
    s->validated = s->update;
    s->valid = ltd_simulated_tree_len(&sum, 0);
    ltd_metrics_set(s->metrics, "valid/tree_accept_len", s->valid);
    ltd_metrics_set(s->metrics, "valid/chain_accept_len", ltd_simulated_chain_len(&sum, 3));
    ltd_metrics_set(s->metrics, "valid/depth1_accept", ltd_simulated_right(&sum, 1));
    ltd_metrics_set(s->metrics, "valid/depth2_accept", ltd_simulated_right(&sum, 2));
    ltd_metrics_set(s->metrics, "valid/depth3_accept", ltd_simulated_right(&sum, 3));
    if (!(s->valid > s->best) && s->best_update >= 0) return LTD_OK;
    s->best = s->valid;
    s->best_update = s->update;
    return ltd_learner_state_export(s, s->o->out, err);
}

/* --- updates --- */

static int32_t steps_now(const ltd_learner_state *s)
{
    const ltd_ints *unroll = &s->o->config->distill.unroll;
    int64_t i = s->updates ? s->update * unroll->n / s->updates : 0;
    return unroll->v[i < unroll->n ? i : unroll->n - 1];
}

static int learn(ltd_learner_state *s, span *sp, ltd_err *err)
{
    const ltd_config *c = s->o->config;
    ltd_corpus *corpus = s->o->corpus;
    int64_t epoch = s->update / s->per_epoch, at = s->update % s->per_epoch;
    if (epoch != s->shuffled) ltd_corpus_shuffle(corpus, (uint64_t)epoch);
    s->shuffled = epoch;
    const ltd_schedule lr = {LTD_SCHEDULE_COSINE, c->distill.lr, c->distill.lr * c->distill.lr_end,
                             c->distill.lr_warmup};
    const ltd_unroll_options o = {.steps = steps_now(s),
                                  .step_weight = c->distill.step_weight,
                                  .regression = c->distill.regression,
                                  .temperature = c->distill.temperature,
                                  .bf16 = uses_bf16(c)};
    ltd_unroll_stats stats;
    sp->lr = ltd_schedule_at(&lr, (double)(s->update + 1) / (double)s->updates);
    if (at + AHEAD < s->per_epoch)
        ltd_corpus_expect(corpus, corpus->order + (at + AHEAD) * c->distill.batch_size,
                          c->distill.batch_size);
    int rc = ltd_updater_step(s->updater, corpus->order + at * c->distill.batch_size,
                              c->distill.batch_size, &o, sp->lr, &stats, &sp->norm, err);
    if (rc < 0) return rc;
    if (!isfinite(stats.loss) || !isfinite(sp->norm))
        return ltd_fail(err, LTD_EINVAL,
                        "update %lld: loss %g, gradient %g: diverged; a lower distill.lr may help",
                        (long long)s->update, stats.loss, sp->norm);
    ltd_unroll_stats_add(&sp->stats, &stats);
    s->update++;
    return LTD_OK;
}

static void tell(ltd_learner_state *s, span *sp, double peak, ltd_learn_result *r)
{
    const ltd_learn_options *o = s->o;
    uint64_t now = ltd_clock_now(&o->clock);
    double seconds = 1e-9 * (double)(now - sp->began) + 1e-12;
    ltd_learn_progress p = {.update = s->update,
                            .updates = s->updates,
                            .before = s->before,
                            .lr = sp->lr,
                            .grad_norm = sp->norm,
                            .stats = sp->stats,
                            .anchors_s = sp->stats.anchors[0] / seconds,
                            .flop_s = sp->stats.flop / seconds,
                            .valid = s->valid,
                            .best = s->best};
    p.flop_share = p.flop_s / peak;
    char key[LTD_METRICS_MAX_KEY];
    for (int j = 0; j < LTD_UNROLL_MAX && sp->stats.anchors[j] > 0; j++) {
        snprintf(key, sizeof key, "train/kl_%d", j + 1);
        ltd_metrics_set(s->metrics, key, sp->stats.kl[j] / sp->stats.anchors[j]);
        snprintf(key, sizeof key, "train/hit_%d", j + 1);
        ltd_metrics_set(s->metrics, key, sp->stats.hits[j] / sp->stats.anchors[j]);
    }
    ltd_metrics_set(s->metrics, "train/regression", sp->stats.regression[0] / sp->stats.anchors[0]);
    ltd_metrics_set(s->metrics, "train/learning_rate", sp->lr);
    ltd_metrics_set(s->metrics, "train/grad_norm", sp->norm);
    ltd_metrics_set(s->metrics, "time/anchors_s", p.anchors_s);
    ltd_metrics_set(s->metrics, "time/gemm_share", p.flop_share);
    r->flop_s = p.flop_s;
    r->flop_share = p.flop_share;
    if (o->tell) o->tell(o->ctx, &p);
    *sp = (span){.began = now};
}

static bool every(int64_t update, int32_t n)
{
    return n > 0 && update % n == 0;
}

/* What products reach here, the best of a few looks: other work on the machine makes one look poor.
 */
static int look_at_peak(const ltd_learner_state *s, double *peak, ltd_err *err)
{
    double now;
    int rc = ltd_updater_peak(s->updater, uses_bf16(s->o->config), &s->o->clock, &now, err);
    if (rc == LTD_OK && now > *peak) *peak = now;
    return rc;
}

static int run(ltd_learner_state *s, double *peak, ltd_learn_result *r, ltd_err *err)
{
    const ltd_learn_options *o = s->o;
    const ltd_config *c = o->config;
    int rc = LTD_OK;
    span sp = {.began = ltd_clock_now(&o->clock)};
    while (rc == LTD_OK && s->update < s->updates && !(o->stop && *o->stop)) {
        rc = learn(s, &sp, err);
        if (rc < 0) return rc;
        bool valid = every(s->update, c->distill.valid_every);
        if (valid || every(s->update, TELL_EVERY)) {
            tell(s, &sp, *peak, r);
            if (valid) rc = validate(s, err);
            if (valid && rc == LTD_OK) rc = look_at_peak(s, peak, err);
            if (rc == LTD_OK) rc = ltd_metrics_write(s->metrics, s->update, err);
            sp.began = ltd_clock_now(&o->clock);
        }
        if (rc == LTD_OK && every(s->update, c->distill.checkpoint_every)) {
            rc = ltd_learner_state_save(s, err);
            s->saved = s->update;
        }
    }
    if (rc == LTD_OK && s->update == s->updates && s->validated != s->update) {
        rc = validate(s, err);
        if (rc == LTD_OK) rc = ltd_metrics_write(s->metrics, s->update, err);
    }
    if (rc == LTD_OK && s->saved != s->update) rc = ltd_learner_state_save(s, err);
    return rc;
}

int ltd_learn(const ltd_learn_options *options, ltd_learn_result *ret, ltd_err *err)
{
    ltd_learner_state s;
    uint64_t began = ltd_clock_now(&options->clock);
    *ret = (ltd_learn_result){.first = NAN};
    int rc = open_state(&s, options, err);
    double peak = 1;
    if (rc == LTD_OK) rc = look_at_peak(&s, &peak, err);
    if (rc == LTD_OK && !options->resume) {
        rc = validate(&s, err);
        ret->first = s.valid;
        if (rc == LTD_OK) rc = ltd_metrics_write(s.metrics, 0, err);
    }
    if (rc == LTD_OK) rc = run(&s, &peak, ret, err);
    ret->update = s.update;
    ret->updates = s.updates;
    ret->best = s.best;
    ret->best_update = s.best_update;
    ret->peak = peak;
    ret->seconds = 1e-9 * (double)(ltd_clock_now(&options->clock) - began);
    close_state(&s);
    return rc;
}
