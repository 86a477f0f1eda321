/* Matrix products with AMX-bf16: a tile of c is two by two tile registers, 32 rows and columns.
 * Whole ones are loaded from c and stored to it; others pass through memory of our own. */
#include <string.h>

#include "models/kernels/amx_permission_impl.h"
#include "models/kernels/gemm_pack_impl.h"

enum { ROWS = 32 };

/* Tile registers; the intrinsics want plain numbers. */
#define C00 0
#define C01 1
#define C10 2
#define C11 3
#define A0 4
#define A1 5
#define B0 6
#define B1 7

/* All tiles are 16 rows of 64 bytes.  By hand: gcc 12's intrinsic says that it reads 8 bytes. */
static void begin(void)
{
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } config;
    memset(&config, 0, sizeof config);
    config.palette = 1;
    for (int t = 0; t < 8; t++) {
        config.bytes[t] = 64;
        config.rows[t] = 16;
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(config));
}

static void end(void)
{
    _tile_release();
}

static void pack_a(const ltd_gemm_block *m, uint32_t *ret)
{
    pack(m, 16, 2, true, ret);
}

static void pack_b(const ltd_gemm_block *m, uint32_t *ret)
{
    pack(m, 16, 2, false, ret);
}

/* c [32 rows at stride ldc, 32 columns] = or += a b.  Tile loads and stores don't tell the compiler
 * what they touch: hence the barriers. */
static void multiply(const ltd_gemm_tile *t, float *c, size_t ldc, bool add)
{
    const size_t stride = ldc * sizeof *c;
    const uint32_t *a = t->a, *b = t->b;
    __asm__ volatile("" ::: "memory");
    if (add) {
        _tile_loadd(C00, c, stride);
        _tile_loadd(C01, c + 16, stride);
        _tile_loadd(C10, c + 16 * ldc, stride);
        _tile_loadd(C11, c + 16 * ldc + 16, stride);
    } else {
        _tile_zero(C00);
        _tile_zero(C01);
        _tile_zero(C10);
        _tile_zero(C11);
    }
    for (int32_t k = 0; k < t->k; k += LTD_GEMM_CHUNK) {
        _tile_loadd(A0, a, 64);
        _tile_loadd(B0, b, 128);
        _tile_loadd(B1, b + 16, 128);
        _tile_dpbf16ps(C00, A0, B0);
        _tile_loadd(A1, a + 16 * LTD_GEMM_PAIRS, 64);
        _tile_dpbf16ps(C01, A0, B1);
        _tile_dpbf16ps(C10, A1, B0);
        _tile_dpbf16ps(C11, A1, B1);
        a += ROWS * LTD_GEMM_PAIRS;
        b += LTD_GEMM_PAIRS * LTD_GEMM_COLUMNS;
    }
    _tile_stored(C00, c, stride);
    _tile_stored(C01, c + 16, stride);
    _tile_stored(C10, c + 16 * ldc, stride);
    _tile_stored(C11, c + 16 * ldc + 16, stride);
    __asm__ volatile("" ::: "memory");
}

static void tile(const ltd_gemm_tile *t)
{
    if (t->rows == ROWS && t->columns == LTD_GEMM_COLUMNS) {
        multiply(t, t->c, t->ldc, t->add);
        return;
    }
    _Alignas(64) float c[ROWS][LTD_GEMM_COLUMNS];
    const size_t bytes = (size_t)t->columns * sizeof(float);
    memset(c, 0, sizeof c);
    for (int32_t r = 0; t->add && r < t->rows; r++) memcpy(c[r], t->c + (size_t)r * t->ldc, bytes);
    multiply(t, c[0], LTD_GEMM_COLUMNS, t->add);
    for (int32_t r = 0; r < t->rows; r++) memcpy(t->c + (size_t)r * t->ldc, c[r], bytes);
}

const ltd_gemm_backend *ltd_gemm_amx(void)
{
    static const ltd_gemm_backend amx = {
        .rows = ROWS, .begin = begin, .end = end, .pack_a = pack_a, .pack_b = pack_b, .tile = tile};
    return &amx;
}

bool ltd_gemm_amx_permitted(void)
{
    return amx_permitted(AMX_BF16);
}
