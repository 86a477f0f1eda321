/* A head as a whole: eagle3_config.c reads its config.json, eagle3_load.c its weights. */
#include "models/llm/eagle3.h"

#include <stdlib.h>

#include "base/mem.h"
#include "models/llm/eagle3_priv.h"
#include "models/llm/llama_priv.h"

enum { COMPARED = 64 };

/* Within an eighth of the row's length: four-bit blocks lose a twelfth. */
static bool near(const float *got, const float *want, int32_t n)
{
    double apart = 0, length = 0;
    for (int32_t i = 0; i < n; i++) {
        double d = (double)got[i] - (double)want[i];
        apart += d * d;
        length += (double)want[i] * (double)want[i];
    }
    return apart <= length / 64;
}

/* Rows all over the lm_head, against the target's of the same tokens. */
static int compare_rows(ltd_eagle3 *head, ltd_err *err)
{
    const ltd_packed *own = &head->lm_head, *target = head->target->lm_head;
    if (own->in != target->in) return LTD_OK;
    float *row = ltd_mem_zeros((size_t)own->in, 2 * sizeof *row);
    if (!row) return ltd_fail(err, LTD_ENOMEM, "draft head %s: no memory", head->path);
    int32_t n = own->out < COMPARED ? own->out : COMPARED;
    head->shares_rows = true;
    for (int32_t i = 0; i < n && head->shares_rows; i++) {
        int32_t at = (int32_t)((int64_t)own->out * i / n);
        ltd_pack_get_row(own, at, row);
        ltd_pack_get_row(target, head->target_id[at], row + own->in);
        head->shares_rows = near(row, row + own->in, own->in);
    }
    free(row);
    return LTD_OK;
}

/* A head that was trained beside the target's own rows fits no other target, whatever its sizes;
 * the same model in another quantisation is none. */
static int check_rows(const ltd_eagle3 *head, ltd_err *err)
{
    if (!head->made_for[0] || head->shares_rows) return LTD_OK;
    return ltd_fail(err, LTD_EUNSUPPORTED,
                    "draft head %s: was trained for another model (sha256 %.12s) than %s (%.12s): "
                    "rows of its lm_head are not the model's",
                    head->path, head->made_for, ltd_llama_path(head->target),
                    ltd_llama_hash(head->target));
}

int ltd_eagle3_open(ltd_eagle3 **ret, const char *folder, const ltd_llama *target,
                    ltd_load_dtype dtype, ltd_err *err)
{
    *ret = NULL;
    ltd_eagle3 *head = ltd_mem_zeros(1, sizeof *head);
    if (!head || !(head->path = ltd_mem_strdup(folder))) {
        free(head);
        return ltd_fail(err, LTD_ENOMEM, "draft head %s: no memory", folder);
    }
    head->target = target;
    head->rope.factor = 1;
    int rc = ltd_arena_new(&head->arena, err);
    if (rc == LTD_OK) rc = ltd_eagle3_read_config(head, folder, err);
    if (rc == LTD_OK) rc = ltd_eagle3_load(head, folder, dtype, err);
    if (rc == LTD_OK) rc = compare_rows(head, err);
    if (rc == LTD_OK) rc = check_rows(head, err);
    if (rc < 0) {
        ltd_eagle3_close(head);
        return rc;
    }
    *ret = head;
    return LTD_OK;
}

void ltd_eagle3_close(ltd_eagle3 *head)
{
    if (!head) return;
    ltd_arena_free(head->arena);
    free(head->input_norm);
    free(head->hidden_norm);
    free(head->post_norm);
    free(head->norm);
    free(head->rope_div);
    free(head->target_id);
    free(head->path);
    free(head);
}

const ltd_eagle3_config *ltd_eagle3_get_config(const ltd_eagle3 *head)
{
    return &head->config;
}
const char *ltd_eagle3_path(const ltd_eagle3 *head)
{
    return head->path;
}
const char *ltd_eagle3_hash(const ltd_eagle3 *head)
{
    return head->hash;
}

size_t ltd_eagle3_bytes(const ltd_eagle3 *head)
{
    const ltd_packed *const all[] = {&head->embed,   &head->fc,   &head->qkv,    &head->out,
                                     &head->gate_up, &head->down, &head->lm_head};
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) n += ltd_pack_bytes(all[i]);
    return n;
}

const int32_t *ltd_eagle3_tokens(const ltd_eagle3 *head)
{
    return head->target_id;
}
bool ltd_eagle3_shares_rows(const ltd_eagle3 *head)
{
    return head->shares_rows;
}

bool ltd_eagle3_extends(const ltd_eagle3 *head, ltd_draft_vocabulary vocabulary)
{
    const ltd_eagle3_config *c = &head->config;
    if (c->draft_vocab == c->vocab || c->hidden != c->target_hidden) return false;
    return vocabulary == LTD_VOCABULARY_CONTEXT ||
           (vocabulary == LTD_VOCABULARY_AUTO && head->shares_rows);
}
