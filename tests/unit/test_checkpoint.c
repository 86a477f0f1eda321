#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <hdf5.h>

#include "base/file.h"
#include "base/rng.h"
#include "base/str.h"
#include "trainer/checkpoint/checkpoint_priv.h"

static char dir[64];
static char path[128];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/ltd-checkpoint-XXXXXX");
    if (!mkdtemp(dir)) return -1;
    snprintf(path, sizeof path, "%s/run.h5", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static const int64_t DIMS[2] = {3, 5};

static void fill(float v[15], int shift)
{
    for (int i = 0; i < 15; i++) v[i] = (float)(i + shift) * 0.37f;
}

static ltd_checkpoint_writer *begin_sample(const char *to, int shift, uint64_t step)
{
    static const char *const names[] = {"policy/depth/actor/0.weight", "adam/depth/m",
                                        "adam/depth/v"};
    ltd_checkpoint_writer *w;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_checkpoint_create(&w, to, &err) < 0) fail_msg("%s", err.msg);
    float v[15];
    fill(v, shift);
    for (int i = 0; i < 3; i++) ltd_checkpoint_put_f32(w, names[i], v, DIMS, 2);
    uint64_t rng[4] = {1, 2, UINT64_MAX, step};
    int64_t counts[2] = {-7, INT64_MIN};
    double sums[2] = {0.1, -1e300};
    ltd_checkpoint_put_u64(w, "rng/explore", rng, 4);
    ltd_checkpoint_put_i64(w, "counters/episodes", counts, 2);
    ltd_checkpoint_put_u64(w, LTD_CHECKPOINT_STEP, &step, 1);
    ltd_checkpoint_put_f64(w, "reward/sums", sums, 2);
    ltd_checkpoint_put_text(w, "config", "train:\n  lr: 0.001\n\xc3\xa9");
    ltd_checkpoint_put_text(w, "empty", "");
    ltd_checkpoint_put_f64(w, "none", NULL, 0);
    return w;
}

static void write_sample(const char *to, int shift, uint64_t step)
{
    ltd_err err = LTD_ERR_INIT;
    if (ltd_checkpoint_finish(begin_sample(to, shift, step), &err) < 0) fail_msg("%s", err.msg);
}

static ltd_checkpoint *open_good(const char *from)
{
    ltd_checkpoint *c;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_checkpoint_open(&c, from, &err) < 0) fail_msg("%s", err.msg);
    return c;
}

static bool holds_sample(const ltd_checkpoint *c, int shift, uint64_t step)
{
    float v[15], w[15];
    uint64_t rng[4];
    int64_t counts[2];
    double sums[2];
    const char *text = NULL;
    fill(w, shift);
    return ltd_checkpoint_get_f32(c, "adam/depth/v", v, DIMS, 2, NULL) == 0 &&
           memcmp(v, w, sizeof v) == 0 &&
           ltd_checkpoint_get_f32(c, "policy/depth/actor/0.weight", v, DIMS, 2, NULL) == 0 &&
           memcmp(v, w, sizeof v) == 0 &&
           ltd_checkpoint_get_u64(c, "rng/explore", rng, 4, NULL) == 0 && rng[2] == UINT64_MAX &&
           rng[3] == step && ltd_checkpoint_get_i64(c, "counters/episodes", counts, 2, NULL) == 0 &&
           counts[0] == -7 && counts[1] == INT64_MIN &&
           ltd_checkpoint_get_f64(c, "reward/sums", sums, 2, NULL) == 0 && sums[0] == 0.1 &&
           sums[1] == -1e300 && ltd_checkpoint_get_f64(c, "none", sums, 0, NULL) == 0 &&
           ltd_checkpoint_get_text(c, "config", &text, NULL) == 0 &&
           strcmp(text, "train:\n  lr: 0.001\n\xc3\xa9") == 0 &&
           ltd_checkpoint_get_text(c, "empty", &text, NULL) == 0 && text[0] == 0 &&
           ltd_checkpoint_step(c) == step;
}

static void what_was_put_is_read(void **state)
{
    (void)state;
    write_sample(path, 0, 12);
    ltd_checkpoint *c = open_good(path);
    assert_true(holds_sample(c, 0, 12));
    assert_int_equal(ltd_checkpoint_count(c), 10);
    assert_string_equal(ltd_checkpoint_at(c, 0)->name, "adam/depth/m");
    assert_int_equal(ltd_checkpoint_at(c, 0)->dims[1], 5);
    assert_int_equal(ltd_checkpoint_at(c, 0)->bytes, 60);
    assert_null(ltd_checkpoint_at(c, 10));
    assert_non_null(ltd_checkpoint_find(c, "empty"));
    assert_null(ltd_checkpoint_find(c, "adam"));
    assert_int_equal(strlen(ltd_checkpoint_sha256(c)), 64);
    for (size_t i = 1; i < ltd_checkpoint_count(c); i++)
        assert_true(strcmp(ltd_checkpoint_at(c, i - 1)->name, ltd_checkpoint_at(c, i)->name) < 0);
    ltd_checkpoint_close(c);
    ltd_checkpoint_close(NULL);
}

static void mismatches_are_named(void **state)
{
    (void)state;
    write_sample(path, 0, 12);
    ltd_checkpoint *c = open_good(path);
    ltd_err err = LTD_ERR_INIT;
    float v[15] = {42};
    char wanted[256];
    const int64_t other[2] = {3, 6};
    assert_int_equal(ltd_checkpoint_get_f32(c, "adam/depth/m", v, other, 2, &err), LTD_EFORMAT);
    snprintf(wanted, sizeof wanted, "checkpoint %s: adam/depth/m: shape 3x5, expected 3x6", path);
    assert_string_equal(err.msg, wanted);
    assert_int_equal(ltd_checkpoint_get_f32(c, "adam/depth/x", v, DIMS, 2, &err), LTD_EFORMAT);
    snprintf(wanted, sizeof wanted, "checkpoint %s: adam/depth/x: missing", path);
    assert_string_equal(err.msg, wanted);
    assert_int_equal(ltd_checkpoint_get_f32(c, "rng/explore", v, DIMS, 2, &err), LTD_EFORMAT);
    snprintf(wanted, sizeof wanted, "checkpoint %s: rng/explore: found u64, expected f32", path);
    assert_string_equal(err.msg, wanted);
    assert_int_equal(ltd_checkpoint_get_f32(c, "adam/depth/m", v, DIMS, 1, &err), LTD_EFORMAT);
    assert_true(v[0] == 42);
    ltd_checkpoint_close(c);
}

static void entries_that_cannot_be_are_reported_by_finish(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "/a", "a/", "a//b", "../a", "a/.b", "a b", "rng/explore"};
    write_sample(path, 0, 12);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ltd_checkpoint_writer *w = begin_sample(path, 1, 13);
        uint64_t v = 1;
        ltd_checkpoint_put_u64(w, bad[i], &v, 1);
        ltd_checkpoint_put_text(w, "later", "ignored");
        ltd_err err = LTD_ERR_INIT;
        assert_int_equal(ltd_checkpoint_finish(w, &err), LTD_EINVAL);
        assert_memory_equal(err.msg, "checkpoint ", 11);
    }
    /* A name that is a group already, and the other way round. */
    ltd_checkpoint_writer *w = begin_sample(path, 1, 13);
    ltd_checkpoint_put_text(w, "adam", "x");
    assert_int_equal(ltd_checkpoint_finish(w, NULL), LTD_EHDF5);
    w = begin_sample(path, 1, 13);
    ltd_checkpoint_put_text(w, "config/x", "x");
    assert_int_equal(ltd_checkpoint_finish(w, NULL), LTD_EHDF5);
    const int64_t negative[1] = {-1}, huge[2] = {INT64_MAX, INT64_MAX};
    w = begin_sample(path, 1, 13);
    ltd_checkpoint_put_f32(w, "x", NULL, negative, 1);
    assert_int_equal(ltd_checkpoint_finish(w, NULL), LTD_EINVAL);
    w = begin_sample(path, 1, 13);
    ltd_checkpoint_put_f32(w, "x", NULL, huge, 2);
    assert_int_equal(ltd_checkpoint_finish(w, NULL), LTD_EINVAL);
    ltd_checkpoint *c = open_good(path);
    assert_true(holds_sample(c, 0, 12));
    ltd_checkpoint_close(c);
    char tmp[140];
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    assert_int_not_equal(access(tmp, F_OK), 0);
}

static void equal_content_gives_equal_bytes(void **state)
{
    (void)state;
    char other[140];
    snprintf(other, sizeof other, "%s/other.h5", dir);
    write_sample(path, 0, 12);
    struct timespec pause = {1, 100000000};
    nanosleep(&pause, NULL); /* HDF5's times count in seconds */
    write_sample(other, 0, 12);
    ltd_file a, b;
    assert_int_equal(ltd_file_map(&a, path, NULL), 0);
    assert_int_equal(ltd_file_map(&b, other, NULL), 0);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    ltd_file_unmap(&a);
    ltd_file_unmap(&b);
    ltd_checkpoint *c = open_good(path);
    char sha[65];
    strcpy(sha, ltd_checkpoint_sha256(c));
    ltd_checkpoint_close(c);
    write_sample(other, 0, 13);
    c = open_good(other);
    assert_string_not_equal(sha, ltd_checkpoint_sha256(c));
    ltd_checkpoint_close(c);
    unlink(other);
}

static void write_bytes(const char *to, const uint8_t *data, size_t n)
{
    FILE *f = fopen(to, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

static void flipped_bits_and_cut_files_are_refused(void **state)
{
    (void)state;
    write_sample(path, 0, 12);
    ltd_file f;
    assert_int_equal(ltd_file_map(&f, path, NULL), 0);
    size_t n = f.size;
    uint8_t *data = malloc(n);
    memcpy(data, f.data, n);
    ltd_file_unmap(&f);
    char other[140];
    snprintf(other, sizeof other, "%s/flip.h5", dir);
    ltd_rng rng;
    ltd_rng_seed(&rng, 5, LTD_STREAM_TEST);
    /* every bit of our header's text, then a sample of all */
    for (int i = 0; i < 1000 + 800; i++) {
        size_t bit = i < 1000 ? (size_t)i : ltd_rng_below(&rng, n * 8);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        write_bytes(other, data, n);
        ltd_checkpoint *c = (ltd_checkpoint *)1;
        ltd_err err = LTD_ERR_INIT;
        int rc = ltd_checkpoint_open(&c, other, &err);
        if (rc != LTD_EFORMAT && rc != LTD_EUNSUPPORTED) fail_msg("bit %zu: %d", bit, rc);
        assert_null(c);
        assert_non_null(strstr(err.msg, "flip.h5: "));
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = 0; cut < n; cut += cut < 600 ? 7 : 501) {
        write_bytes(other, data, cut);
        ltd_checkpoint *c;
        assert_int_equal(ltd_checkpoint_open(&c, other, NULL), LTD_EFORMAT);
    }
    write_bytes(other, data, n);
    ltd_checkpoint *c = open_good(other);
    assert_true(holds_sample(c, 0, 12));
    ltd_checkpoint_close(c);
    unlink(other);
    free(data);
}

/* A header that fits what the file now holds. */
static void sign(const char *file)
{
    ltd_file f;
    assert_int_equal(ltd_file_map(&f, file, NULL), 0);
    size_t n = f.size;
    uint8_t *data = malloc(n);
    memcpy(data, f.data, n);
    ltd_file_unmap(&f);
    ltd_checkpoint_header((char *)data, data + LTD_CHECKPOINT_HEADER, n);
    write_bytes(file, data, n);
    free(data);
}

static void links_are_refused(void **state)
{
    (void)state;
    for (int external = 0; external < 2; external++) {
        write_sample(path, 0, 12);
        hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
        assert_true(file >= 0);
        if (external)
            H5Lcreate_external("other.h5", "/config", file, "alias", H5P_DEFAULT, H5P_DEFAULT);
        else
            H5Lcreate_soft("/config", file, "alias", H5P_DEFAULT, H5P_DEFAULT);
        H5Fclose(file);
        sign(path);
        ltd_checkpoint *c;
        ltd_err err = LTD_ERR_INIT;
        assert_int_equal(ltd_checkpoint_open(&c, path, &err), LTD_EFORMAT);
        assert_non_null(strstr(err.msg, "alias: is a link"));
    }
}

static void other_files_get_one_clear_error(void **state)
{
    (void)state;
    char other[140], wanted[256];
    ltd_checkpoint *c;
    ltd_err err = LTD_ERR_INIT;
    snprintf(other, sizeof other, "%s/x.h5", dir);
    assert_int_equal(ltd_checkpoint_open(&c, other, &err), LTD_EIO);
    write_bytes(other, (const uint8_t *)"hello, this is text", 19);
    assert_int_equal(ltd_checkpoint_open(&c, other, &err), LTD_EFORMAT);
    snprintf(wanted, sizeof wanted, "checkpoint %s: is no checkpoint of ltd", other);
    assert_string_equal(err.msg, wanted);
    write_bytes(other, (const uint8_t *)"\x89HDF\r\n\x1a\n and so on", 18);
    assert_int_equal(ltd_checkpoint_open(&c, other, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "an HDF5 file, but no checkpoint of ltd"));
    char newer[1024] = "ltd checkpoint 2\nsha256 ";
    write_bytes(other, (const uint8_t *)newer, sizeof newer);
    assert_int_equal(ltd_checkpoint_open(&c, other, &err), LTD_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, "version 2, expected 1"));
    assert_int_equal(ltd_checkpoint_open(&c, dir, &err), LTD_EIO);
    ltd_checkpoint_writer *w;
    snprintf(other, sizeof other, "%s/nowhere/x.h5", dir);
    assert_int_equal(ltd_checkpoint_create(&w, other, &err), LTD_EIO);
    assert_int_equal(err.code, LTD_EIO);
    assert_null(w);
}

/* h5py and h5dump read the file as it is: the user block is theirs to skip. */
static void plain_hdf5_reads_a_checkpoint(void **state)
{
    (void)state;
    write_sample(path, 0, 12);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    hid_t set = H5Dopen2(file, "policy/depth/actor/0.weight", H5P_DEFAULT);
    float v[15], w[15];
    assert_true(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
    fill(w, 0);
    assert_memory_equal(v, w, sizeof v);
    H5Dclose(set);
    H5Fclose(file);
}

static void a_killed_writer_leaves_the_old_file(void **state)
{
    (void)state;
    write_sample(path, 0, 12);
    for (int moment = 0; moment < 2; moment++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            ltd_checkpoint_writer *w = begin_sample(path, 1, 13);
            (void)w;
            if (moment) {
                char big[140];
                snprintf(big, sizeof big, "%s.tmp", path);
                write_bytes(big, (const uint8_t *)"half", 4);
            }
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        ltd_checkpoint *c = open_good(path);
        assert_true(holds_sample(c, 0, 12));
        ltd_checkpoint_close(c);
    }
    write_sample(path, 1, 13); /* over what the dead left */
    ltd_checkpoint *c = open_good(path);
    assert_true(holds_sample(c, 1, 13));
    ltd_checkpoint_close(c);
    ltd_checkpoint_abort(begin_sample(path, 2, 14));
    ltd_checkpoint_abort(NULL);
    c = open_good(path);
    assert_true(holds_sample(c, 1, 13));
    ltd_checkpoint_close(c);
}

static void the_newest_loadable_file_is_found(void **state)
{
    (void)state;
    char run[100], file[200], found[200];
    ltd_err err = LTD_ERR_INIT;
    snprintf(run, sizeof run, "%s/run/checkpoints", dir);
    assert_int_equal(ltd_file_mkdirs(run, NULL), 0);
    snprintf(run, sizeof run, "%s/run", dir);
    assert_int_equal(ltd_checkpoint_newest(run, found, sizeof found, &err), LTD_EIO);
    snprintf(run, sizeof run, "%s/run/checkpoints", dir);
    for (uint64_t step = 1000; step <= 4000; step += 1000) {
        assert_int_equal(ltd_checkpoint_step_path(file, sizeof file, run, step, &err), 0);
        write_sample(file, 0, step);
    }
    assert_non_null(strstr(file, "/step_0000004000.h5"));
    char best[200];
    snprintf(best, sizeof best, "%s/run/best.h5", dir);
    write_sample(best, 0, 2500);
    snprintf(run, sizeof run, "%s/run", dir);
    assert_int_equal(ltd_checkpoint_newest(run, found, sizeof found, &err), 0);
    assert_string_equal(found, file);
    assert_int_equal(truncate(file, 3000), 0);
    assert_int_equal(ltd_checkpoint_newest(run, found, sizeof found, &err), 0);
    assert_non_null(strstr(found, "step_0000003000.h5"));
    snprintf(run, sizeof run, "%s/run/checkpoints", dir);
    /* Killed between best.h5 and the step: the run goes on from the former, and never writes the
     * latter again. */
    char half[2][200];
    snprintf(half[0], sizeof half[0], "%s/step_0000002500.h5.tmp", run);
    snprintf(half[1], sizeof half[1], "%s/notes.h5.tmp", run);
    for (int i = 0; i < 2; i++) assert_int_equal(ltd_file_write(half[i], "x", 1, NULL), 0);
    assert_int_equal(ltd_checkpoint_prune(run, 0, &err), 0);
    assert_int_equal(access(half[0], F_OK), -1);
    assert_int_equal(access(half[1], F_OK), 0);
    assert_int_equal(ltd_checkpoint_prune(run, 2, &err), 0);
    static const bool left[] = {false, false, true, true};
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(ltd_checkpoint_step_path(file, sizeof file, run, 1000 * (i + 1), &err), 0);
        assert_int_equal(access(file, F_OK) == 0, left[i]);
    }
    /* only damaged ones left */
    unlink(best);
    assert_int_equal(ltd_checkpoint_prune(run, 1, &err), 0);
    snprintf(run, sizeof run, "%s/run", dir);
    assert_int_equal(ltd_checkpoint_newest(run, found, sizeof found, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "truncated: 3000 bytes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_read),
        cmocka_unit_test(mismatches_are_named),
        cmocka_unit_test(entries_that_cannot_be_are_reported_by_finish),
        cmocka_unit_test(equal_content_gives_equal_bytes),
        cmocka_unit_test(flipped_bits_and_cut_files_are_refused),
        cmocka_unit_test(links_are_refused),
        cmocka_unit_test(other_files_get_one_clear_error),
        cmocka_unit_test(plain_hdf5_reads_a_checkpoint),
        cmocka_unit_test(a_killed_writer_leaves_the_old_file),
        cmocka_unit_test(the_newest_loadable_file_is_found),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
