/* Tile registers of AMX made of memory, for machines without: gemm_amx.c compiled with this before
 * it computes what it would with the real ones.  All tiles are 16 rows of 64 bytes. */
#ifndef LTD_TESTS_SUPPORT_TILES_H
#define LTD_TESTS_SUPPORT_TILES_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t tile_register[16][64];
static tile_register tile_registers[8];

static inline void tile_load(int to, const void *from, size_t stride)
{
    for (size_t r = 0; r < 16; r++)
        memcpy(tile_registers[to][r], (const uint8_t *)from + r * stride, 64);
}

static inline void tile_store(int from, void *to, size_t stride)
{
    for (size_t r = 0; r < 16; r++) memcpy((uint8_t *)to + r * stride, tile_registers[from][r], 64);
}

static inline float tile_bf16(const uint8_t *at)
{
    uint32_t u = (uint32_t)(at[0] | at[1] << 8) << 16;
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* Intel's definition: row m of a and row k of b are pairs; c[m][n] += a[m][k] * b[k][n], the even
 * ones first. */
static inline void tile_dpbf16ps(int to, int a, int b)
{
    for (int m = 0; m < 16; m++)
        for (int n = 0; n < 16; n++) {
            float c;
            memcpy(&c, tile_registers[to][m] + 4 * n, sizeof c);
            for (int k = 0; k < 16; k++)
                for (int i = 0; i < 4; i += 2)
                    c += tile_bf16(tile_registers[a][m] + 4 * k + i) *
                         tile_bf16(tile_registers[b][k] + 4 * n + i);
            memcpy(tile_registers[to][m] + 4 * n, &c, sizeof c);
        }
}

#undef _tile_loadd
#undef _tile_stored
#undef _tile_zero
#undef _tile_dpbf16ps
#define _tile_loadd(to, from, stride) tile_load(to, from, stride)
#define _tile_stored(from, to, stride) tile_store(from, to, stride)
#define _tile_zero(to) memset(tile_registers[to], 0, sizeof(tile_register))
#define _tile_dpbf16ps(to, a, b) tile_dpbf16ps(to, a, b)

#endif
