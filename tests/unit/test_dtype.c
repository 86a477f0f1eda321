#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "models/files/dtype.h"

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* Value of a half by the definition, in double. */
static double half_value(uint16_t h)
{
    int exponent = h >> 10 & 31, mantissa = h & 0x3ff;
    double v = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return h & 0x8000 ? -v : v;
}

static void every_half_widens_exactly_and_comes_back(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        float f = ltd_f16_to_f32((uint16_t)h);
        if ((h >> 10 & 31) == 31) {
            assert_int_equal(isnan(f) != 0, (h & 0x3ff) != 0);
            assert_int_equal(signbit(f) != 0, h >> 15);
            uint16_t back = ltd_f32_to_f16(f);
            if (isnan(f))
                assert_true((back & 0x7c00) == 0x7c00 && (back & 0x3ff));
            else
                assert_int_equal(back, h);
            continue;
        }
        assert_true((double)f == half_value((uint16_t)h));
        assert_int_equal(ltd_f32_to_f16(f), h); /* -0 included */
    }
}

static void halves_round_to_nearest_even(void **state)
{
    (void)state;
    /* Between each two neighbours: the middle goes to the even one, anything else to the nearer. */
    for (uint32_t h = 0; h < 0x7bff; h++) {
        float low = ltd_f16_to_f32((uint16_t)h), high = ltd_f16_to_f32((uint16_t)(h + 1));
        float middle = (low + high) / 2; /* exact in f32 */
        uint16_t even = (uint16_t)(h & 1 ? h + 1 : h);
        assert_int_equal(ltd_f32_to_f16(middle), even);
        assert_int_equal(ltd_f32_to_f16(-middle), even | 0x8000);
        assert_int_equal(ltd_f32_to_f16(nextafterf(middle, 0)), h);
        assert_int_equal(ltd_f32_to_f16(nextafterf(middle, INFINITY)), h + 1);
    }
}

static void halves_overflow_to_infinity_and_underflow_to_zero(void **state)
{
    (void)state;
    assert_int_equal(ltd_f32_to_f16(65504.0f), 0x7bff);
    assert_int_equal(ltd_f32_to_f16(nextafterf(65520.0f, 0)), 0x7bff);
    assert_int_equal(ltd_f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(ltd_f32_to_f16(-3e38f), 0xfc00);
    assert_int_equal(ltd_f32_to_f16(INFINITY), 0x7c00);
    assert_int_equal(ltd_f32_to_f16(0x1p-25f), 0); /* the middle: 0 is even */
    assert_int_equal(ltd_f32_to_f16(0x1.8p-25f), 1);
    assert_int_equal(ltd_f32_to_f16(float_of(1)), 0);
    assert_int_equal(ltd_f32_to_f16(-float_of(1)), 0x8000);
    uint16_t nan = ltd_f32_to_f16(float_of(0x7f800001));
    assert_true((nan & 0x7c00) == 0x7c00 && (nan & 0x3ff));
}

static void types_have_names_and_blocks(void **state)
{
    (void)state;
    for (int t = 0; t < LTD_DTYPE_COUNT; t++) {
        assert_non_null(ltd_dtype_name((ltd_dtype)t));
        assert_true(ltd_dtype_block((ltd_dtype)t) >= 1);
        assert_true(ltd_dtype_block_bytes((ltd_dtype)t) >= 1);
    }
    assert_string_equal(ltd_dtype_name(LTD_DTYPE_Q4_1), "Q4_1");
    assert_string_equal(ltd_dtype_name(LTD_DTYPE_COUNT), "unknown");
    assert_int_equal(ltd_dtype_block(LTD_DTYPE_Q4_1), 32);
    assert_int_equal(ltd_dtype_block_bytes(LTD_DTYPE_Q4_1), 20);
    assert_int_equal(ltd_dtype_block_bytes(LTD_DTYPE_Q6_K), 210);
}

static void a_view_counts_its_elements(void **state)
{
    (void)state;
    ltd_tensor_view scalar = {.n_dims = 0}, matrix = {.n_dims = 2, .dims = {3, 5}};
    assert_int_equal(ltd_tensor_view_count(&scalar), 1);
    assert_int_equal(ltd_tensor_view_count(&matrix), 15);
}

static void bfloat_is_the_upper_half_of_a_float(void **state)
{
    (void)state;
    /* One byte off, as files may place it. */
    const uint8_t bytes[] = {0xff, 0x80, 0x3f, 0x80, 0xff, 0x01, 0x00};
    float f[3];
    assert_int_equal(ltd_dtype_to_f32(f, bytes + 1, LTD_DTYPE_BF16, 3, NULL), LTD_OK);
    assert_true(f[0] == 1.0f && f[1] == -INFINITY);
    assert_int_equal(bits_of(f[2]), 0x00010000);
}

static void plain_types_are_read_unaligned(void **state)
{
    (void)state;
    uint8_t bytes[17] = {0};
    const float a[] = {1.5f, -0.0f};
    const double b[] = {0.1, 1e300};
    float f[2];
    memcpy(bytes + 1, a, sizeof a);
    assert_int_equal(ltd_dtype_to_f32(f, bytes + 1, LTD_DTYPE_F32, 2, NULL), LTD_OK);
    assert_memory_equal(f, a, sizeof a);
    memcpy(bytes + 1, b, sizeof b);
    assert_int_equal(ltd_dtype_to_f32(f, bytes + 1, LTD_DTYPE_F64, 2, NULL), LTD_OK);
    assert_true(f[0] == 0.1f && isinf(f[1]));
    assert_int_equal(ltd_dtype_to_f32(NULL, NULL, LTD_DTYPE_F32, 0, NULL), LTD_OK);
}

static void a_q4_1_block_is_scale_times_nibble_plus_minimum(void **state)
{
    (void)state;
    uint8_t block[20] = {0x00, 0x38, 0x00, 0xc0}; /* d = 0.5, m = -2 */
    for (int i = 0; i < 16; i++) block[4 + i] = (uint8_t)(i | (15 - i) << 4);
    float w[32];
    assert_int_equal(ltd_dtype_to_f32(w, block, LTD_DTYPE_Q4_1, 32, NULL), LTD_OK);
    for (int i = 0; i < 16; i++) {
        assert_true(w[i] == 0.5f * (float)i - 2);
        assert_true(w[16 + i] == 0.5f * (float)(15 - i) - 2);
    }
}

static void integers_and_part_blocks_are_refused_by_name(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    float w[64];
    const uint8_t zeros[64] = {0};
    assert_int_equal(ltd_dtype_to_f32(w, zeros, LTD_DTYPE_I32, 4, &err), LTD_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, "I32"));
    assert_int_equal(ltd_dtype_to_f32(w, zeros, LTD_DTYPE_Q8_0, 33, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "multiple of 32"));
    assert_int_equal(ltd_dtype_to_f32(w, zeros, LTD_DTYPE_F16, -1, &err), LTD_EINVAL);
    assert_int_equal(ltd_dtype_to_f32(w, zeros, (ltd_dtype)99, 1, &err), LTD_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_widens_exactly_and_comes_back),
        cmocka_unit_test(halves_round_to_nearest_even),
        cmocka_unit_test(halves_overflow_to_infinity_and_underflow_to_zero),
        cmocka_unit_test(types_have_names_and_blocks),
        cmocka_unit_test(a_view_counts_its_elements),
        cmocka_unit_test(bfloat_is_the_upper_half_of_a_float),
        cmocka_unit_test(plain_types_are_read_unaligned),
        cmocka_unit_test(a_q4_1_block_is_scale_times_nibble_plus_minimum),
        cmocka_unit_test(integers_and_part_blocks_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
