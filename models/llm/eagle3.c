/* A head as a whole: eagle3_config.c reads its config.json, eagle3_load.c its weights. */
#include "models/llm/eagle3.h"

#include <stdlib.h>

#include "base/mem.h"
#include "models/llm/eagle3_priv.h"

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

const int32_t *ltd_eagle3_tokens(const ltd_eagle3 *head)
{
    return head->target_id;
}
