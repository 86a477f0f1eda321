#include "trainer/bench/accept_class.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

int ltd_accept_classes_count(ltd_accept_classes *sum, const uint8_t *kind, size_t n,
                             const int32_t *added, size_t n_added, ltd_err *err)
{
    size_t tokens = 1; /* the prefill's */
    for (size_t c = 0; c < n_added; c++) {
        if (added[c] < 1)
            return ltd_fail(err, LTD_EINVAL,
                            "accepted lengths: cycle %zu added %d tokens, expected 1 or more", c,
                            added[c]);
        tokens += (size_t)added[c];
    }
    if (n_added && tokens != n)
        return ltd_fail(err, LTD_EINVAL,
                        "accepted lengths: %zu tokens of %zu cycles, expected an answer of %zu",
                        tokens, n_added, n);
    for (size_t c = 0, i = 1; c < n_added; c++)
        for (int32_t k = 0; k < added[c]; k++, i++) {
            size_t quarter = LTD_QUARTERS * (i - 1) / (n - 1);
            sum->tokens[kind[i]]++;
            sum->cycles[kind[i]] += 1.0 / added[c];
            sum->quarter_tokens[quarter]++;
            sum->quarter_cycles[quarter] += 1.0 / added[c];
        }
    return LTD_OK;
}

int ltd_accept_classes_answer(ltd_accept_classes *sum, const ltd_tokenizer *tok,
                              const ltd_prompt *prompt, const ltd_tokens *text,
                              const int32_t *added, size_t n_added, ltd_err *err)
{
    if (!tok) return LTD_OK;
    uint8_t *kind = ltd_mem_zeros(text->n, 1);
    if (!kind)
        return ltd_fail(err, LTD_ENOMEM, "accepted lengths: no memory for %zu tokens", text->n);
    int rc = ltd_token_classes(tok, prompt->ids, (size_t)prompt->n, text->ids, text->n, kind, err);
    if (rc == LTD_OK) rc = ltd_accept_classes_count(sum, kind, text->n, added, n_added, err);
    free(kind);
    return rc;
}

void ltd_accept_classes_add(ltd_accept_classes *sum, const ltd_accept_classes *one)
{
    for (int i = 0; i < LTD_TOKEN_CLASSES; i++) {
        sum->tokens[i] += one->tokens[i];
        sum->cycles[i] += one->cycles[i];
    }
    for (int i = 0; i < LTD_QUARTERS; i++) {
        sum->quarter_tokens[i] += one->quarter_tokens[i];
        sum->quarter_cycles[i] += one->quarter_cycles[i];
    }
}

/* --- figures --- */

ltd_accept_by ltd_accept_by_of(const ltd_accept_classes *sum)
{
    ltd_accept_by by;
    int64_t all = 0;
    for (int i = 0; i < LTD_TOKEN_CLASSES; i++) all += sum->tokens[i];
    for (int i = 0; i < LTD_TOKEN_CLASSES; i++) {
        by.accept[i] = sum->tokens[i] ? (double)sum->tokens[i] / sum->cycles[i] : NAN;
        by.share[i] = all ? (double)sum->tokens[i] / (double)all : NAN;
    }
    for (int i = 0; i < LTD_QUARTERS; i++)
        by.quarter[i] =
            sum->quarter_tokens[i] ? (double)sum->quarter_tokens[i] / sum->quarter_cycles[i] : NAN;
    return by;
}

bool ltd_accept_by_known(const ltd_accept_by *by)
{
    for (int i = 0; i < LTD_TOKEN_CLASSES; i++)
        if (by->share[i] > 0) return true;
    return false;
}

void ltd_accept_by_json(ltd_json_writer *w, const char *key, const ltd_accept_by *by)
{
    if (!ltd_accept_by_known(by)) {
        ltd_json_put_null(w, key);
        return;
    }
    ltd_json_begin_object(w, key);
    for (int i = 0; i < LTD_TOKEN_CLASSES; i++)
        ltd_json_put_f64(w, ltd_token_class_name((ltd_token_class)i), by->accept[i]);
    ltd_json_begin_inline_array(w, "quarters");
    for (int i = 0; i < LTD_QUARTERS; i++) ltd_json_put_f64(w, NULL, by->quarter[i]);
    ltd_json_end_array(w);
    ltd_json_begin_inline_object(w, "share");
    for (int i = 0; i < LTD_TOKEN_CLASSES; i++)
        ltd_json_put_f64(w, ltd_token_class_name((ltd_token_class)i), by->share[i]);
    ltd_json_end_object(w);
    ltd_json_end_object(w);
}

/* "  accepted in   heading 4.12 (3.1 % of tokens)  other 1.80 (96.9 %)"; of quarters a line. */
void ltd_accept_by_text(const ltd_accept_by *by, ltd_str *out)
{
    bool first = true;
    if (!ltd_accept_by_known(by)) return;
    ltd_str_puts(out, "  accepted in ");
    for (int i = 0; i < LTD_TOKEN_CLASSES; i++) {
        if (!(by->share[i] > 0)) continue;
        ltd_str_printf(out, "  %s %.2f (%.1f %%%s)", ltd_token_class_name((ltd_token_class)i),
                       by->accept[i], 100 * by->share[i], first ? " of tokens" : "");
        first = false;
    }
    ltd_str_puts(out, "\n  by quarter  ");
    for (int i = 0; i < LTD_QUARTERS; i++)
        if (isfinite(by->quarter[i]))
            ltd_str_printf(out, "  %.2f", by->quarter[i]);
        else
            ltd_str_puts(out, "  -");
    ltd_str_puts(out, "\n");
}
