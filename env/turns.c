#include "env/turns.h"

bool ltd_turns_asked(int32_t forwards, int32_t min_forwards, int32_t every)
{
    return every < 2 || (forwards - min_forwards) % every == 0;
}

int32_t ltd_turns_sizes(const int32_t *sizes, int32_t n, int32_t pool, uint8_t *mask, int32_t *only)
{
    int32_t legal = 0;
    for (int32_t i = 0; i < n; i++) {
        mask[i] = sizes[i] <= pool || i == 0 || sizes[i - 1] < pool;
        if (!mask[i]) continue;
        legal++;
        *only = i;
    }
    return legal;
}

int32_t ltd_turns_nearest(const int32_t *sizes, int32_t n, const uint8_t *mask, int32_t size)
{
    int32_t best = -1;
    for (int32_t i = 0; i < n; i++) {
        if (!mask[i]) continue;
        if (best < 0 || sizes[i] <= size) best = i; /* ascending: the last that fits */
    }
    return best < 0 ? 0 : best;
}
