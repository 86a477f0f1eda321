/* The order in which prompts are visited.  All of its state is in the struct, so that a checkpoint
 * holds it by copying. */
#include "env/prompts.h"

#include <stdlib.h>

#include "base/mem.h"

int ltd_prompt_order_init(ltd_prompt_order *order, size_t n, uint64_t seed, ltd_err *err)
{
    *order = (ltd_prompt_order){0};
    if (n == 0 || n > INT32_MAX)
        return ltd_fail(err, LTD_EINVAL, "order over %zu prompts, expected 1 to 2^31 - 1", n);
    order->order = ltd_mem_zeros(n, sizeof *order->order);
    if (!order->order) return ltd_fail(err, LTD_ENOMEM, "order over %zu prompts", n);
    order->n = (int32_t)n;
    for (int32_t i = 0; i < order->n; i++) order->order[i] = i;
    ltd_rng_seed(&order->rng, seed, LTD_STREAM_PROMPTS);
    ltd_rng_shuffle(&order->rng, order->order, n);
    return LTD_OK;
}

void ltd_prompt_order_fini(ltd_prompt_order *order)
{
    free(order->order);
    *order = (ltd_prompt_order){0};
}

int32_t ltd_prompt_order_next(ltd_prompt_order *order)
{
    if (order->next == order->n) {
        ltd_rng_shuffle(&order->rng, order->order, (size_t)order->n);
        order->next = 0;
    }
    return order->order[order->next++];
}
