#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>

#include "models/torch/ltd_torch.h"

/* The test of exhausted memory asks for more than ASan's allocator would even refuse politely. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Every test leaves as many handles as it found. */
static int64_t live_at_start;

static int setup(void **state)
{
    (void)state;
    live_at_start = ltd_torch_live();
    return ltd_torch_set_threads(1, NULL);
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(ltd_torch_live(), live_at_start);
    return 0;
}

static void a_scope_frees_what_was_made_in_it(void **state)
{
    (void)state;
    float data[6] = {-2, -1, 0, 1, 2, 3};
    ltd_err err = LTD_ERR_INIT;
    ltd_torch_scope outer, inner;
    ltd_tensor *a, *b, *c;
    ltd_torch_scope_init(&outer);
    assert_int_equal(ltd_tensor_view_f32(&a, data, (int64_t[]){2, 3}, 2, &err), LTD_OK);
    ltd_torch_scope_init(&inner);
    assert_int_equal(ltd_tensor_exp(&b, a, &err), LTD_OK);
    assert_int_equal(ltd_tensor_add(&c, a, b, &err), LTD_OK);
    assert_int_equal(ltd_torch_live(), live_at_start + 3);
    ltd_tensor_free(b);
    ltd_tensor_keep(c);
    ltd_torch_scope_fini(&inner);
    assert_int_equal(ltd_torch_live(), live_at_start + 2);
    float out[6];
    assert_int_equal(ltd_tensor_to_f32(c, out, 6, &err), LTD_OK);
    assert_float_equal(out[5], 3 + expf(3), 1e-5);
    assert_int_equal(ltd_tensor_n_dims(c), 2);
    assert_int_equal(ltd_tensor_dim(c, 1), 3);
    assert_int_equal(ltd_tensor_dim(c, 2), 1);
    assert_int_equal(ltd_tensor_count(c), 6);
    ltd_torch_scope_fini(&outer);
    ltd_tensor_free(c);
}

static void bad_shapes_give_an_error_and_no_handle(void **state)
{
    (void)state;
    float data[12] = {0};
    ltd_err err = LTD_ERR_INIT;
    ltd_torch_scope scope;
    ltd_torch_scope_init(&scope);
    ltd_tensor *a, *b, *bad = (ltd_tensor *)data;
    assert_int_equal(ltd_tensor_view_f32(&a, data, (int64_t[]){3, 4}, 2, &err), LTD_OK);
    assert_int_equal(ltd_tensor_view_f32(&b, data, (int64_t[]){2, 5}, 2, &err), LTD_OK);
    assert_int_equal(ltd_tensor_linear(&bad, a, b, NULL, &err), LTD_ETORCH);
    assert_null(bad);
    assert_non_null(strstr(err.msg, "torch linear"));
    assert_null(strchr(err.msg, '\n'));
    assert_int_equal(ltd_tensor_add(&bad, a, b, &err), LTD_ETORCH);
    assert_null(bad);
    assert_int_equal(ltd_tensor_to_f32(a, data, 11, &err), LTD_ETORCH);
    assert_non_null(strstr(err.msg, "12 elements, expected 11"));
    double x;
    assert_int_equal(ltd_tensor_item(a, &x, &err), LTD_ETORCH);
    assert_int_equal(ltd_tensor_backward(a, &err), LTD_ETORCH);
    assert_int_equal(ltd_torch_live(), live_at_start + 2);
    ltd_torch_scope_fini(&scope);
}

static void null_operands_are_refused(void **state)
{
    (void)state;
    float data[2] = {0};
    ltd_err err = LTD_ERR_INIT;
    ltd_tensor *t;
    assert_int_equal(ltd_tensor_tanh(&t, NULL, &err), LTD_EINVAL);
    assert_null(t);
    assert_int_equal(ltd_tensor_view_f32(&t, NULL, (int64_t[]){2}, 1, &err), LTD_EINVAL);
    assert_int_equal(ltd_tensor_view_f32(&t, data, (int64_t[]){-2}, 1, &err), LTD_EINVAL);
    assert_int_equal(ltd_tensor_from_f32(&t, data, (int64_t[]){2}, 9, &err), LTD_EINVAL);
    assert_null(t);
    assert_int_equal(ltd_torch_set_threads(0, &err), LTD_EINVAL);
    ltd_tensor_free(NULL);
    ltd_tensor_keep(NULL);
}

static void memory_that_runs_out_is_said_so(void **state)
{
    (void)state;
    static float many[1 << 24];
    int64_t n = 1 << 24;
    ltd_err err = LTD_ERR_INIT;
    ltd_torch_scope scope;
    ltd_torch_scope_init(&scope);
    ltd_tensor *row, *column, *big;
    /* A row plus a column of 2^24 needs 2^50 bytes. */
    assert_int_equal(ltd_tensor_view_f32(&row, many, (int64_t[]){1, n}, 2, &err), LTD_OK);
    assert_int_equal(ltd_tensor_view_f32(&column, many, (int64_t[]){n, 1}, 2, &err), LTD_OK);
    int rc = ltd_tensor_add(&big, row, column, &err);
    assert_int_equal(rc, LTD_ENOMEM);
    assert_null(big);
    ltd_torch_scope_fini(&scope);
}

static void copies_do_not_alias_and_views_do(void **state)
{
    (void)state;
    float data[2] = {1, 2}, out[2];
    ltd_torch_scope scope;
    ltd_torch_scope_init(&scope);
    ltd_tensor *copy, *view;
    assert_int_equal(ltd_tensor_from_f32(&copy, data, (int64_t[]){2}, 1, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_view_f32(&view, data, (int64_t[]){2}, 1, NULL), LTD_OK);
    data[0] = 7;
    assert_int_equal(ltd_tensor_to_f32(copy, out, 2, NULL), LTD_OK);
    assert_float_equal(out[0], 1, 0);
    assert_int_equal(ltd_tensor_to_f32(view, out, 2, NULL), LTD_OK);
    assert_float_equal(out[0], 7, 0);
    ltd_torch_scope_fini(&scope);
}

static void operations_do_what_they_say(void **state)
{
    (void)state;
    float x[6] = {-2, -1, 0, 1, 2, 3}, out[6];
    uint8_t legal[6] = {1, 0, 1, 1, 1, 0};
    int64_t pick[2] = {2, 0};
    int64_t dims[2] = {2, 3};
    double v;
    ltd_torch_scope scope;
    ltd_torch_scope_init(&scope);
    ltd_tensor *a, *mask, *index, *r;
    assert_int_equal(ltd_tensor_view_f32(&a, x, dims, 2, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_view_bool(&mask, legal, dims, 2, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_view_i64(&index, pick, (int64_t[]){2, 1}, 2, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_where(&r, mask, a, -9, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_to_f32(r, out, 6, NULL), LTD_OK);
    assert_float_equal(out[1], -9, 0);
    assert_float_equal(out[0], -2, 0);
    assert_int_equal(ltd_tensor_gather(&r, a, 1, index, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_to_f32(r, out, 2, NULL), LTD_OK);
    assert_float_equal(out[0], 0, 0);
    assert_float_equal(out[1], 1, 0);
    assert_int_equal(ltd_tensor_clamp(&r, a, -1, 2, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_sum(&r, r, 1, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_to_f32(r, out, 2, NULL), LTD_OK);
    assert_float_equal(out[0], -2, 0);
    assert_float_equal(out[1], 5, 0);
    assert_int_equal(ltd_tensor_mean(&r, a, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_item(r, &v, NULL), LTD_OK);
    assert_float_equal(v, 0.5, 0);
    assert_int_equal(ltd_tensor_relu(&r, a, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_minimum(&r, r, a, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_to_f32(r, out, 6, NULL), LTD_OK);
    assert_memory_equal(out, x, sizeof x);
    assert_int_equal(ltd_tensor_log_softmax(&r, a, -1, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_exp(&r, r, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_sum(&r, r, -1, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_to_f32(r, out, 2, NULL), LTD_OK);
    assert_float_equal(out[0], 1, 1e-6);
    ltd_torch_scope_fini(&scope);
}

static void gradients_arrive_in_the_callers_memory(void **state)
{
    (void)state;
    float w[3] = {1, 2, 3}, grad[3] = {0}, x[3] = {4, 5, 6};
    ltd_torch_scope scope;
    ltd_torch_scope_init(&scope);
    ltd_tensor *leaf, *in, *p, *loss;
    assert_int_equal(ltd_tensor_view_f32(&leaf, w, (int64_t[]){3}, 1, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_view_f32(&in, x, (int64_t[]){3}, 1, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_require_grad(leaf, grad, NULL), LTD_OK);
    for (int pass = 1; pass <= 2; pass++) {
        assert_int_equal(ltd_tensor_mul(&p, leaf, in, NULL), LTD_OK);
        assert_int_equal(ltd_tensor_sum(&loss, p, 0, NULL), LTD_OK);
        assert_int_equal(ltd_tensor_backward(loss, NULL), LTD_OK);
        for (int i = 0; i < 3; i++) assert_float_equal(grad[i], pass * x[i], 0);
    }
    assert_true(ltd_torch_set_grad_mode(false));
    assert_int_equal(ltd_tensor_mul(&p, leaf, in, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_sum(&loss, p, 0, NULL), LTD_OK);
    assert_int_equal(ltd_tensor_backward(loss, NULL), LTD_ETORCH);
    assert_false(ltd_torch_set_grad_mode(true));
    ltd_torch_scope_fini(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_scope_frees_what_was_made_in_it, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_shapes_give_an_error_and_no_handle, setup, teardown),
        cmocka_unit_test_setup_teardown(null_operands_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_that_runs_out_is_said_so, setup, teardown),
        cmocka_unit_test_setup_teardown(copies_do_not_alias_and_views_do, setup, teardown),
        cmocka_unit_test_setup_teardown(operations_do_what_they_say, setup, teardown),
        cmocka_unit_test_setup_teardown(gradients_arrive_in_the_callers_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
