#include "tests/bench/rig.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "tests/bench/measure.h"

static int make_up(rig *r, ltd_err *err)
{
    const ltd_llm_config *c = ltd_llama_config(r->model);
    size_t context = (size_t)r->options.context;
    size_t features = (size_t)r->options.chunk * 3 * (size_t)c->hidden;
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    r->text = ltd_mem_zeros(context, sizeof(int32_t));
    r->identity = ltd_mem_zeros(context, sizeof(int32_t));
    r->features = ltd_mem_zeros(features, sizeof(float));
    if (!r->text || !r->identity || !r->features)
        return ltd_fail(err, LTD_ENOMEM, "text of %d tokens: no memory", r->options.context);
    for (size_t i = 0; i < context; i++) {
        /* Another token for every eight, about as often as a text brings a rare one. */
        r->text[i] = i % 8 ? r->text[i - 1] : (int32_t)ltd_rng_below(&rng, (uint64_t)c->vocab);
        r->identity[i] = (int32_t)i;
    }
    for (size_t i = 0; i < features; i++) r->features[i] = ltd_rng_normal(&rng);
    return LTD_OK;
}

static int open_parts(rig *r, ltd_err *err)
{
    const rig_options *o = &r->options;
    ltd_llama_options lo = LTD_LLAMA_DEFAULTS;
    lo.activation_bits = o->bits;
    lo.threads = o->threads;
    lo.kernels = o->kernels;
    int rc = ltd_llama_open(&r->model, o->model, &lo, err);
    int32_t rows = o->max_rows > o->chunk ? o->max_rows : o->chunk;
    ltd_session_options so = {o->context, rows, true, false, 1};
    if (rc == LTD_OK) rc = ltd_session_new(&r->session, r->model, &so, err);
    if (rc == LTD_OK && o->head)
        rc = ltd_eagle3_open(&r->head, o->head, r->model, LTD_LOAD_Q8, err);
    if (rc == LTD_OK && o->head)
        rc = ltd_session_set_taps(r->session, ltd_eagle3_get_config(r->head)->taps, 3, err);
    ltd_draft_options draft = {o->context, o->chunk, RIG_TOP_K, 1, LTD_VOCABULARY_AUTO, false};
    if (rc == LTD_OK && o->head) rc = ltd_draft_new(&r->draft, r->head, &draft, err);
    return rc == LTD_OK ? make_up(r, err) : rc;
}

int rig_open(rig *ret, const rig_options *options, ltd_err *err)
{
    *ret = (rig){.options = *options};
    int rc = open_parts(ret, err);
    if (rc < 0) rig_close(ret);
    return rc;
}

void rig_close(rig *r)
{
    ltd_draft_free(r->draft);
    ltd_session_free(r->session);
    ltd_eagle3_close(r->head);
    ltd_llama_close(r->model);
    free(r->text);
    free(r->identity);
    free(r->features);
    *r = (rig){0};
}

int rig_text(rig *r, const int32_t *ids, int32_t n, ltd_err *err)
{
    int32_t vocab = ltd_llama_config(r->model)->vocab;
    for (int32_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= vocab)
            return ltd_fail(err, LTD_EINVAL, "text: token %d is %d, expected 0 to %d", i, ids[i],
                            vocab - 1);
    for (int32_t i = 0; n > 0 && i < r->options.context; i++) r->text[i] = ids[i % n];
    r->at = 0;
    return ltd_session_truncate(r->session, 0, err);
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int room(const rig *r, int32_t context, int32_t rows, ltd_err *err)
{
    if (context < 0 || rows < 1 || context > r->options.context - rows)
        return ltd_fail(err, LTD_EINVAL, "%d tokens and %d rows: room for %d together", context,
                        rows, r->options.context);
    return LTD_OK;
}

/* The text is `context` tokens long. */
static int go_to(rig *r, int32_t context, ltd_err *err)
{
    int rc = LTD_OK;
    if (context < r->at) {
        rc = ltd_session_truncate(r->session, context, err);
        if (rc == LTD_OK && r->draft) rc = ltd_draft_truncate(r->draft, context, err);
        r->at = context;
    }
    while (rc == LTD_OK && r->at < context) {
        int32_t n = least(context - r->at, r->options.chunk);
        ltd_rows rows = {n, r->text + r->at, NULL, 0};
        rc = ltd_session_forward(r->session, &rows, err);
        if (rc == LTD_OK) rc = ltd_session_commit(r->session, r->identity, n, err);
        if (rc == LTD_OK && r->draft)
            rc = ltd_draft_extend(r->draft, r->features, r->text + r->at, n, false, err);
        r->at += n;
    }
    return rc;
}

int rig_step(rig *r, int32_t rows, int32_t context, int32_t n, double *ms, ltd_err *err)
{
    int rc = room(r, context, rows, err);
    if (rc == LTD_OK) rc = go_to(r, context, err);
    for (int32_t i = 0; rc == LTD_OK && i < n; i++) {
        ltd_rows step = {rows, r->text + context, NULL, rows};
        double t0 = measure_now();
        rc = ltd_session_forward(r->session, &step, err);
        ms[i] = measure_now() - t0;
    }
    return rc;
}

int rig_decode(rig *r, int32_t n, int32_t context, double *ms, int32_t *ids, ltd_err *err)
{
    int rc = room(r, context, n, err);
    if (rc == LTD_OK) rc = go_to(r, context, err);
    int32_t token = r->text[rc == LTD_OK ? context : 0];
    double t0 = measure_now();
    for (int32_t i = 0; rc == LTD_OK && i < n; i++) {
        ltd_rows step = {1, &token, NULL, 1};
        rc = ltd_session_forward(r->session, &step, err);
        if (rc == LTD_OK) rc = ltd_session_commit(r->session, r->identity, 1, err);
        if (rc == LTD_OK) token = ltd_session_argmax(r->session, 0);
        if (ids) ids[i] = token;
    }
    *ms = measure_now() - t0;
    /* What was decoded goes again; the draft never saw it. */
    if (rc == LTD_OK) rc = ltd_session_truncate(r->session, context, err);
    return rc;
}

int rig_prompt(rig *r, int32_t n, double *ms, ltd_err *err)
{
    int rc = room(r, 0, n, err);
    if (rc == LTD_OK) rc = go_to(r, 0, err);
    double t0 = measure_now();
    for (int32_t i = 0; rc == LTD_OK && i < n;) {
        int32_t m = least(n - i, r->options.chunk);
        ltd_rows rows = {m, r->text + i, NULL, i + m == n};
        rc = ltd_session_forward(r->session, &rows, err);
        if (rc == LTD_OK) rc = ltd_session_commit(r->session, r->identity, m, err);
        i += m;
    }
    *ms = measure_now() - t0;
    if (rc == LTD_OK) rc = ltd_session_truncate(r->session, 0, err);
    return rc;
}

static int resync(rig *r, int32_t pairs, int32_t context, double *ms, ltd_err *err)
{
    int rc = ltd_draft_truncate(r->draft, context, err);
    double t0 = measure_now();
    if (rc == LTD_OK)
        rc = ltd_draft_extend(r->draft, r->features, r->text + context, pairs, true, err);
    *ms = measure_now() - t0;
    return rc;
}

/* All rows continue the resync's one row. */
static int expand(rig *r, double *ms, ltd_err *err)
{
    const int32_t *none[RIG_TOP_K];
    int32_t sources[RIG_TOP_K] = {0};
    for (int i = 0; i < RIG_TOP_K; i++) none[i] = r->identity;
    ltd_expansion e = {ltd_draft_tokens(r->draft), sources, none, 0};
    double t0 = measure_now();
    int rc = ltd_draft_expand(r->draft, &e, err);
    *ms = measure_now() - t0;
    return rc;
}

int rig_draft(rig *r, int32_t pairs, int32_t context, int32_t n, double *ms, ltd_err *err)
{
    if (!r->draft) return ltd_fail(err, LTD_EINVAL, "no draft head was opened");
    int rc = room(r, context, pairs ? pairs : 1, err);
    if (rc == LTD_OK) rc = go_to(r, context, err);
    for (int32_t i = 0; rc == LTD_OK && i < n; i++) {
        double first;
        rc = resync(r, pairs ? pairs : 1, context, pairs ? &ms[i] : &first, err);
        if (rc == LTD_OK && !pairs) rc = expand(r, &ms[i], err);
    }
    return rc == LTD_OK ? ltd_draft_truncate(r->draft, context, err) : rc;
}
