/* Torch zips that torch.save never writes: each must be refused for what is wrong with it, quickly
 * and without much memory.  Whole files are the golden test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "models/files/ptzip.h"
#include "tests/support/torchzip.h"

static const float six[6] = {1, 2, 3, 4, 5, 6};

/* The zip of a pickle (n bytes) and the storage 0, six floats. */
static int load(ltd_ptzip **ret, const char *pickle, size_t n, int method, ltd_err *err)
{
    const torchzip_entry entries[] = {{"a/data.pkl", pickle, n, method},
                                      {"a/byteorder", "little", 6, 0},
                                      {"a/data/0", six, 24, method}};
    size_t size;
    void *bytes = torchzip_entries(&size, entries, 3);
    int rc = ltd_ptzip_parse(ret, bytes, size, "x.pt", err);
    free(bytes);
    return rc;
}

static void refused_bytes(const char *pickle, size_t n, int code, const char *words)
{
    ltd_ptzip *file = (ltd_ptzip *)&file;
    ltd_err err = LTD_ERR_INIT;
    int rc = load(&file, pickle, n, 0, &err);
    if (rc >= 0) fail_msg("loads, expected '%s'", words);
    assert_null(file);
    if (!strstr(err.msg, words) || strncmp(err.msg, "x.pt: ", 6) != 0)
        fail_msg("message is '%s', expected '%s' in it", err.msg, words);
    if (rc != code) fail_msg("%s: %s", words, ltd_status_name(rc));
}

/* Pieces of pickles.  A text is "X", its length in four bytes, the text. */
#define HEAD "\x80\x02"
#define TEXT1(c) "X\1\0\0\0" c
#define STORAGE                                                                                    \
    "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"                                             \
    "0X\3\0\0\0cpuK\6tQ"
#define TENSOR_OF(storage, offset, sizes, strides)                                                 \
    "ctorch._utils\n_rebuild_tensor_v2\n(" storage offset sizes strides "\x89)tR"
#define TENSOR TENSOR_OF(STORAGE, "K\0", "K\2K\3\x86", "K\3K\1\x86")
#define DICT(items) HEAD "}(" items "u."
/* With the length that strlen would not see. */
#define REFUSED(pickle, code, words) refused_bytes(pickle, sizeof(pickle) - 1, code, words)

static ltd_ptzip *loaded_bytes(const char *pickle, size_t n)
{
    ltd_ptzip *file;
    ltd_err err = LTD_ERR_INIT;
    if (load(&file, pickle, n, 8, &err) < 0) fail_msg("%s", err.msg);
    return file;
}
#define LOADED(pickle) loaded_bytes(pickle, sizeof(pickle) - 1)

static void names_are_the_way_to_a_tensor(void **state)
{
    (void)state;
    ltd_ptzip *file = LOADED(DICT(TEXT1("a") "}" TEXT1("b") "](" TENSOR TENSOR "es" TEXT1("c")
                                      TENSOR "K\7)" TEXT1("d") "(" TENSOR "NK\1t" TEXT1("e") "N"));
    static const char *const names[] = {"a.b.0", "a.b.1", "c", "d.0"};
    assert_int_equal(ltd_ptzip_tensor_count(file), 4);
    for (size_t i = 0; i < 4; i++) {
        const ltd_tensor_view *t = ltd_ptzip_tensor_at(file, i);
        assert_string_equal(t->name, names[i]);
        assert_true(t->dtype == LTD_DTYPE_F32 && t->n_dims == 2 && t->bytes == 24);
        assert_memory_equal(t->data, six, 24);
    }
    ltd_ptzip_close(file);
}

static void state_dict_is_where_names_begin(void **state)
{
    (void)state;
    ltd_ptzip *file = LOADED(DICT(TEXT1("a") TENSOR "X\12\0\0\0state_dict"
                                                    "}" TEXT1("w") TENSOR "s"));
    assert_int_equal(ltd_ptzip_tensor_count(file), 1);
    assert_non_null(ltd_ptzip_tensor(file, "w"));
    ltd_ptzip_close(file);
    /* No dict, so no beginning. */
    file = LOADED(DICT("X\12\0\0\0state_dict" TENSOR));
    assert_non_null(ltd_ptzip_tensor(file, "state_dict"));
    ltd_ptzip_close(file);
}

static void views_become_row_major(void **state)
{
    (void)state;
    static const float transposed[] = {1, 4, 2, 5, 3, 6}, column[] = {2, 2, 2};
    ltd_ptzip *file = LOADED(
        DICT(TEXT1("t") TENSOR_OF(STORAGE, "K\0", "K\3K\2\x86", "K\1K\3\x86") TEXT1("c")
                 TENSOR_OF(STORAGE, "K\1", "K\3\x85", "K\0\x85")
             /* Strides of one element and of none are never walked. */
             TEXT1("o") TENSOR_OF(STORAGE, "K\4", "K\1K\2\x86",
                                  "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\1\x86") TEXT1("n")
                 TENSOR_OF(STORAGE, "K\6", "K\0K\2\x86", "J\xff\xff\xff\x7fK\1\x86")));
    assert_memory_equal(ltd_ptzip_tensor(file, "t")->data, transposed, sizeof transposed);
    assert_memory_equal(ltd_ptzip_tensor(file, "c")->data, column, sizeof column);
    assert_memory_equal(ltd_ptzip_tensor(file, "o")->data, six + 4, 8);
    assert_int_equal(ltd_ptzip_tensor(file, "n")->bytes, 0);
    ltd_ptzip_close(file);
}

static void programs_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const int bad = LTD_EFORMAT, not_ours = LTD_EUNSUPPORTED;
    REFUSED("", bad, "no pickle");
    REFUSED("\x80\x03N.", not_ours, "protocol 3");
    REFUSED(HEAD "N", bad, "without a stop");
    REFUSED(HEAD ".", bad, "other than one value");
    REFUSED(HEAD "NN.", bad, "other than one value");
    REFUSED(HEAD "(.", bad, "other than one value");
    REFUSED(HEAD "N.", not_ours, "no dict of tensors");
    REFUSED(HEAD TENSOR ".", not_ours, "no dict of tensors");
    REFUSED(HEAD "N0.", not_ours, "opcode 0x30");
    REFUSED(HEAD "I1\n.", not_ours, "opcode 0x49");
    REFUSED(HEAD "K", bad, "inside an opcode");
    REFUSED(HEAD "\x8a\xff"
                 "abc",
            bad, "inside a number");
    REFUSED(HEAD "X\xff\xff\xff\xff"
                 "abc.",
            bad, "inside a text");
    REFUSED(HEAD "cos\nsystem", bad, "inside a name");
    REFUSED(HEAD "cos\nsystem\nX\2\0\0\0idR.", not_ours, "os.system");
    REFUSED(HEAD "cos\x1b[2J\nx\n.", not_ours, "os?[2J.x");
    REFUSED(HEAD "ccollections\nOrderedDict\nN\x85R.", not_ours, "a call with 1 arguments");
    REFUSED(HEAD "ccollections\nOrderedDict\nNR.", bad, "a call without");
    REFUSED(HEAD "N)R.", bad, "a call without");
    REFUSED(HEAD ")R.", bad, "a call without");
    REFUSED(HEAD "ctorch\nFloatStorage\n)R.", not_ours, "a call with 0 arguments");
    REFUSED(HEAD "ctorch._utils\n_rebuild_parameter\nNNN\x87R.", bad,
            "parameter that is no tensor");
    REFUSED(HEAD "NQ.", bad, "a storage that is no tuple");
    REFUSED(HEAD "NNb.", bad, "attributes");
    REFUSED(HEAD "}b.", bad, "attributes");
    REFUSED(HEAD "](b.", bad, "attributes");
    REFUSED(HEAD "(t\x85t.", bad, "without its mark");
    REFUSED(HEAD "(\x85.", bad, "more than there is");
    REFUSED(HEAD "N\x87.", bad, "more than there is");
    REFUSED(HEAD "](a.", bad, "without its container");
    REFUSED(HEAD "N)a.", bad, "no container");
    REFUSED(HEAD "}Na.", bad, "no container");
    REFUSED(HEAD "]NNs.", bad, "no container");
    REFUSED(HEAD "}Ns.", bad, "without its container");
    REFUSED(HEAD "}(NNNu.", bad, "without its value");
    REFUSED(HEAD "(u.", bad, "without their mark");
    REFUSED(HEAD "((e.", bad, "no container");
    REFUSED(HEAD "q\0.", bad, "nothing to remember");
    REFUSED(HEAD "(q\0.", bad, "nothing to remember");
    REFUSED(HEAD "Nr\xff\xff\xff\xff.", bad, "memo slot beyond");
    REFUSED(HEAD "Nq\0h\1.", bad, "never set");
    REFUSED(HEAD "j\xff\xff\xff\xff.", bad, "never set");
}

static void tensors_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const int bad = LTD_EFORMAT, not_ours = LTD_EUNSUPPORTED;
#define WITH(tensor) DICT(TEXT1("w") tensor)
#define SHAPE                                                                                      \
    "K\2K\3\x86"                                                                                   \
    "K\3K\1\x86"
    REFUSED(WITH(TENSOR_OF("N", "K\0", SHAPE, "")), bad, "no reference to a storage");
    REFUSED(WITH(TENSOR_OF(")Q", "K\0", SHAPE, "")), bad, "no reference to a storage");
    REFUSED(WITH(TENSOR_OF("(NNNNNtQ", "K\0", SHAPE, "")), bad, "not described as torch.save");
    REFUSED(WITH(TENSOR_OF("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0/X\3\0\0\0cpuK\6tQ",
                           "K\0", SHAPE, "")),
            bad, "no usable key");
    REFUSED(WITH(TENSOR_OF("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                           "1X\3\0\0\0cpuK\6tQ",
                           "K\0", SHAPE, "")),
            bad, "lacks its data, a/data/1");
    REFUSED(WITH(TENSOR_OF("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                           "0X\3\0\0\0cpuNtQ",
                           "K\0", SHAPE, "")),
            bad, "no number of elements");
    REFUSED(WITH(TENSOR_OF("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                           "0X\3\0\0\0cpuK\7tQ",
                           "K\0", SHAPE, "")),
            bad, "a/data/0 has 24 bytes, expected 7 elements of F32");
    REFUSED(WITH(TENSOR_OF("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                           "0X\3\0\0\0cpu"
                           "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7ftQ",
                           "K\0", SHAPE, "")),
            bad, "expected 9223372036854775807 elements");
    REFUSED(WITH(TENSOR_OF(STORAGE, "N", SHAPE, "")), bad, "not described");
    REFUSED(WITH(TENSOR_OF(STORAGE, "J\xff\xff\xff\xff", SHAPE, "")), bad, "whole numbers from 0");
    REFUSED(WITH(TENSOR_OF(STORAGE, "K\0", "K\2K\3\x86", "K\1\x85")), bad, "whole numbers from 0");
    REFUSED(WITH(TENSOR_OF(STORAGE, "K\0", "K\2K\3\x86", "J\xff\xff\xff\xffK\1\x86")), bad,
            "whole numbers from 0");
    REFUSED(WITH(TENSOR_OF(STORAGE, "K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", ")")), bad,
            "up to 8 dimensions");
    REFUSED(WITH(TENSOR_OF(STORAGE, "K\1", SHAPE, "")), bad, "reaches element 6 of a storage of 6");
    REFUSED(
        WITH(TENSOR_OF(STORAGE, "K\0", "K\2\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85")),
        bad, "reaches element 9223372036854775807");
    REFUSED(
        WITH(TENSOR_OF(STORAGE, "K\1", "K\2\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85")),
        bad, "exceeds 2^63");
    REFUSED(
        WITH(TENSOR_OF(STORAGE, "K\0", "J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x87",
                       "K\0K\0K\0\x87")),
        bad, "exceeds 2^63");
    REFUSED(DICT(TEXT1("w") TENSOR TEXT1("w") TENSOR), bad, "tensor w is there twice");
    REFUSED(DICT("X\0\0\0\0" TENSOR), bad, "empty or no printable text");
    REFUSED(DICT(TEXT1("\x1b") TENSOR), bad, "empty or no printable text");
    REFUSED(DICT(TEXT1("\xff") TENSOR), bad, "empty or no printable text");
    REFUSED(DICT("X\2\0\0\0\xc0\x80" TENSOR), bad, "empty or no printable text");
    REFUSED(DICT("X\3\0\0\0\xed\xa0\x80" TENSOR), bad, "empty or no printable text");
    REFUSED(DICT("N" TENSOR), not_ours, "neither text nor a whole number");
}

/* --- little files that ask for much --- */

static void one_element_is_not_spread_over_memory(void **state)
{
    (void)state;
    REFUSED(DICT(TEXT1("w") TENSOR_OF(STORAGE, "K\0", "J\0\0\0\2J\0\0\0\2\x86", "K\0K\0\x86")),
            LTD_EUNSUPPORTED, "16 times the file");
    /* Each is small, all together are not. */
    ltd_str s = LTD_STR_INIT;
    static const char tensor[] = TENSOR_OF(STORAGE, "K\0", "J\0\0\20\0\x85", "K\0\x85");
    ltd_str_push(&s, HEAD "}(", 4);
    for (int i = 0; i < 100; i++) {
        char key[16] = "K";
        key[1] = (char)i;
        ltd_str_push(&s, key, 2);
        ltd_str_push(&s, tensor, sizeof tensor - 1);
    }
    ltd_str_puts(&s, "u.");
    refused_bytes(s.data, s.len, LTD_EUNSUPPORTED, "16 times the file");
    ltd_str_fini(&s);
}

static void a_bomb_is_not_inflated(void **state)
{
    (void)state;
    size_t n = (size_t)100 << 20, size;
    char *zeros = calloc(n, 1);
    assert_non_null(zeros);
    const torchzip_entry entries[] = {{"a/data.pkl", zeros, n, 8}};
    void *bytes = torchzip_entries(&size, entries, 1);
    free(zeros);
    ltd_ptzip *file;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_ptzip_parse(&file, bytes, size, "x.pt", &err), LTD_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, "16 times the file"));
    free(bytes);
}

static void a_pickle_of_more_than_8_mib_is_refused(void **state)
{
    (void)state;
    size_t n = (8 << 20) + 1;
    char *pickle = malloc(n);
    assert_non_null(pickle);
    memset(pickle, 'N', n);
    refused_bytes(pickle, n, LTD_EUNSUPPORTED, "8388609 bytes, expected at most 8388608");
    free(pickle);
}

/* Each of 30 lists holds the one before it twice: 2^29 ways to what the first holds. */
static void doubled_lists(const char *first, size_t n, const char *words)
{
    ltd_str s = LTD_STR_INIT;
    ltd_str_puts(&s, HEAD "}K");
    ltd_str_push(&s, "\0]q\0", 4);
    ltd_str_push(&s, first, n);
    ltd_str_puts(&s, "s");
    for (char i = 1; i < 30; i++) {
        const char twice[] = {'K',           i,   ']',           'q', i,  '(', 'h',
                              (char)(i - 1), 'h', (char)(i - 1), 'e', 's'};
        ltd_str_push(&s, twice, sizeof twice);
    }
    ltd_str_puts(&s, ".");
    refused_bytes(s.data, s.len, LTD_EUNSUPPORTED, words);
    ltd_str_fini(&s);
}

static void ways_are_not_all_walked(void **state)
{
    (void)state;
    static const char tensor[] = TENSOR "a";
    doubled_lists(tensor, sizeof tensor - 1, "more than the 65536");
    doubled_lists("Na", 2, "refer to each other too often");
}

static void a_container_may_not_hold_itself(void **state)
{
    (void)state;
    REFUSED(HEAD "}q\0" TEXT1("a") "h\0s.", LTD_EUNSUPPORTED, "in itself");
    REFUSED(HEAD "}" TEXT1("a") "]q\0(h\0h\0h\0h\0" TENSOR "es.", LTD_EUNSUPPORTED, "in itself");
}

/* --- the zip --- */

static void parse_refused(const torchzip_entry *entries, size_t n, int code, const char *words)
{
    size_t size;
    void *bytes = torchzip_entries(&size, entries, n);
    ltd_ptzip *file;
    ltd_err err = LTD_ERR_INIT;
    int rc = ltd_ptzip_parse(&file, bytes, size, "x.pt", &err);
    free(bytes);
    assert_null(file);
    if (rc != code || !strstr(err.msg, words))
        fail_msg("%s '%s', expected '%s'", ltd_status_name(rc), err.msg, words);
}

static void zips_of_others_are_refused(void **state)
{
    (void)state;
    static const char empty[] = HEAD "}.";
    const torchzip_entry twice[] = {{"a/data.pkl", empty, 4, 0}, {"b/data.pkl", empty, 4, 0}};
    const torchzip_entry deeper[] = {{"a/b/data.pkl", empty, 4, 0}, {"data.pkl", empty, 4, 0}};
    const torchzip_entry big[] = {{"a/data.pkl", empty, 4, 0}, {"a/byteorder", "big", 3, 0}};
    const torchzip_entry packed[] = {{"a/data.pkl", empty, 4, 12}};
    parse_refused(twice, 2, LTD_EFORMAT, "data.pkl twice");
    parse_refused(deeper, 2, LTD_EFORMAT, "without FOLDER/data.pkl");
    parse_refused(big, 2, LTD_EUNSUPPORTED, "is 'big', expected 'little'");
    parse_refused(packed, 1, LTD_EUNSUPPORTED, "compression method 12");
    ltd_ptzip *file;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_ptzip_open(&file, "/nowhere/x.bin", &err), LTD_EIO);
    assert_null(file);
    ltd_ptzip_close(NULL);
}

static void what_the_tests_write_is_read(void **state)
{
    (void)state;
    static const int64_t map[3] = {0, 5, -1};
    const ltd_tensor_view tensors[] = {
        {"fc.weight", LTD_DTYPE_F32, 2, {2, 3}, six, 24},
        {"d2t", LTD_DTYPE_I64, 1, {3}, map, 24},
        {"none", LTD_DTYPE_BF16, 2, {0, 3}, NULL, 0},
        {"scalar", LTD_DTYPE_F32, 0, {0}, six, 4},
    };
    size_t size;
    void *bytes = torchzip_tensors(&size, tensors, 4);
    ltd_ptzip *file;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_ptzip_parse(&file, bytes, size, "x.pt", &err) < 0) fail_msg("%s", err.msg);
    free(bytes); /* not needed afterwards */
    assert_int_equal(ltd_ptzip_tensor_count(file), 4);
    for (size_t i = 0; i < 4; i++) {
        const ltd_tensor_view *t = ltd_ptzip_tensor_at(file, i);
        assert_string_equal(t->name, tensors[i].name);
        assert_int_equal(t->dtype, tensors[i].dtype);
        assert_int_equal(t->n_dims, tensors[i].n_dims);
        assert_int_equal(t->bytes, tensors[i].bytes);
        if (t->bytes) assert_memory_equal(t->data, tensors[i].data, t->bytes);
    }
    ltd_ptzip_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_the_way_to_a_tensor),
        cmocka_unit_test(state_dict_is_where_names_begin),
        cmocka_unit_test(views_become_row_major),
        cmocka_unit_test(programs_that_cannot_be_are_refused),
        cmocka_unit_test(tensors_that_cannot_be_are_refused),
        cmocka_unit_test(one_element_is_not_spread_over_memory),
        cmocka_unit_test(a_bomb_is_not_inflated),
        cmocka_unit_test(a_pickle_of_more_than_8_mib_is_refused),
        cmocka_unit_test(ways_are_not_all_walked),
        cmocka_unit_test(a_container_may_not_hold_itself),
        cmocka_unit_test(zips_of_others_are_refused),
        cmocka_unit_test(what_the_tests_write_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
