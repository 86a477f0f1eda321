/* Several texts in one session: one reading of the weights serves a row of each. */
#include "models/llm/session_priv.h"

static void take_back(ltd_session *s, const int32_t *text, int32_t n)
{
    for (int32_t i = 0; i < n; i++) s->length[text[i]]--;
}

/* Every row becomes the last token of its text. */
static int place(ltd_session *s, const ltd_rows *rows, const int32_t *text, ltd_err *err)
{
    ltd_visible *v = &s->d.visible;
    int32_t window = s->model->config.window;
    v->texts = true;
    for (int32_t i = 0; i < rows->n; i++) {
        bool known = text[i] >= 0 && text[i] < s->options.texts;
        if (!known || s->length[text[i]] >= s->options.context) {
            take_back(s, text, i);
            if (known)
                return ltd_fail(err, LTD_EINVAL, "row %d: text %d is full, room for %d tokens", i,
                                text[i], s->options.context);
            return ltd_fail(err, LTD_EINVAL, "row %d: text %d, expected 0 to %d", i, text[i],
                            s->options.texts - 1);
        }
        int32_t position = s->length[text[i]]++;
        v->position[i] = v->tail[i] = position;
        v->slot[i] = text[i] * s->stride + position;
        v->first[i] = position < window ? 0 : position - window + 1;
        v->start[i] = i;
    }
    v->start[rows->n] = rows->n;
    return LTD_OK;
}

int ltd_session_append(ltd_session *s, const ltd_rows *rows, const int32_t *text, ltd_err *err)
{
    if (rows->parent)
        return ltd_fail(err, LTD_EINVAL, "rows of several texts: a tree, expected none");
    int rc = ltd_session_check_rows(s, rows, err);
    if (rc == LTD_OK) rc = place(s, rows, text, err);
    if (rc < 0) return rc;
    ltd_session_run(s, rows);
    s->rows = 0; /* nothing waits to be committed */
    return LTD_OK;
}

int ltd_session_share(ltd_session *s, int32_t to, int32_t from, int32_t n, ltd_err *err)
{
    int32_t texts = s->options.texts;
    if (to < 0 || to >= texts || from < 0 || from >= texts || to == from)
        return ltd_fail(err, LTD_EINVAL, "text %d from text %d, expected two of 0 to %d", to, from,
                        texts - 1);
    if (s->length[to] || n < 0 || n > s->length[from])
        return ltd_fail(err, LTD_EINVAL, "text %d of %d tokens begins with %d of the %d of text %d",
                        to, s->length[to], n, s->length[from], from);
    ltd_kv_copy(&s->kv, to * s->stride, from * s->stride, n);
    s->length[to] = n;
    s->rows = 0;
    return LTD_OK;
}

int ltd_session_forget(ltd_session *s, int32_t text, int32_t n, ltd_err *err)
{
    if (text < 0 || text >= s->options.texts)
        return ltd_fail(err, LTD_EINVAL, "text %d, expected 0 to %d", text, s->options.texts - 1);
    if (n < 0 || n > s->length[text])
        return ltd_fail(err, LTD_EINVAL, "forget from %d on: text %d has %d tokens", n, text,
                        s->length[text]);
    s->length[text] = n;
    s->rows = 0; /* rows behind what is forgotten can't be committed */
    return LTD_OK;
}

int32_t ltd_session_text_length(const ltd_session *s, int32_t text)
{
    return s->length[text];
}
