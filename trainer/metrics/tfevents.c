/* TensorBoard's event files.  A file is a sequence of records; a record holds one Event:
 *
 *     u64 length, u32 masked crc of it, bytes, u32 masked crc of them      little-endian
 *     Event    1 wall_time: double, 2 step: int64,
 *              3 file_version: text | 5 summary: Summary | 7 session_log: SessionLog
 *     Summary  1 value, repeated: { 1 tag: text, 2 simple_value: float }
 *     SessionLog 1 status: START = 1
 *
 * Each run of the program writes a file of its own; whoever reads a folder reads its files in the
 * order of their names.  A START at a step takes back what was written of that step and of later
 * ones: so a resumed run cuts, without touching the file before it.
 * Source: the field numbers of event.proto and summary.proto; CRC-32C as in RFC 3720, B.4. */
#define _DEFAULT_SOURCE /* gethostname */
#include "trainer/metrics/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "trainer/metrics/metrics_file.h"

enum { DOUBLE = 1, BYTES = 2, FLOAT = 5, VARINT = 0 }; /* wire types */
enum { WALL_TIME = 1, STEP = 2, FILE_VERSION = 3, SUMMARY = 5, SESSION_LOG = 7 };
enum { START = 1 };
static const char prefix[] = "events.out.tfevents.";

typedef struct tfevents {
    ltd_metrics_sink sink;
    ltd_metrics_file file;
} tfevents;

/* --- bytes --- */

static void put_le(ltd_str *out, uint64_t v, int n)
{
    for (int i = 0; i < n; i++) ltd_str_push(out, (char[]){(char)(v >> 8 * i)}, 1);
}

static void put_varint(ltd_str *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) ltd_str_push(out, (char[]){(char)(v | 0x80)}, 1);
    ltd_str_push(out, (char[]){(char)v}, 1);
}

static void put_key(ltd_str *out, int field, int wire)
{
    put_varint(out, (uint64_t)(field << 3 | wire));
}

static void put_bytes(ltd_str *out, int field, const char *data, size_t n)
{
    put_key(out, field, BYTES);
    put_varint(out, n);
    ltd_str_push(out, data, n);
}

static uint32_t crc32c(const char *data, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint8_t)data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

/* So that the checksum of data that holds checksums is none of theirs. */
static uint32_t masked_crc(const char *data, size_t n)
{
    uint32_t crc = crc32c(data, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

static void put_record(ltd_str *out, const ltd_str *event)
{
    size_t at = out->len;
    put_le(out, event->len, 8);
    if (out->failed) return;
    put_le(out, masked_crc(out->data + at, 8), 4);
    ltd_str_push(out, ltd_str_text(event), event->len);
    put_le(out, masked_crc(ltd_str_text(event), event->len), 4);
    out->failed = out->failed || event->failed;
}

/* --- events --- */

static ltd_str begin_event(int64_t step)
{
    ltd_str e = LTD_STR_INIT;
    struct timespec now;
    uint64_t bits;
    clock_gettime(CLOCK_REALTIME, &now);
    double seconds = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    memcpy(&bits, &seconds, sizeof bits);
    put_key(&e, WALL_TIME, DOUBLE);
    put_le(&e, bits, 8);
    put_key(&e, STEP, VARINT);
    put_varint(&e, (uint64_t)step);
    return e;
}

static void put_value(ltd_str *summary, const char *key, double v)
{
    ltd_str value = LTD_STR_INIT;
    float simple = (float)v;
    uint32_t bits;
    memcpy(&bits, &simple, sizeof bits);
    put_bytes(&value, 1, key, strlen(key));
    put_key(&value, 2, FLOAT);
    put_le(&value, bits, 4);
    put_bytes(summary, 1, ltd_str_text(&value), value.len);
    summary->failed = summary->failed || value.failed;
    ltd_str_fini(&value);
}

static int append(tfevents *t, ltd_str *records, ltd_err *err)
{
    int rc = records->failed
                 ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", t->file.path)
                 : ltd_metrics_file_append(&t->file, ltd_str_text(records), records->len, err);
    ltd_str_fini(records);
    return rc;
}

static int write_row(ltd_metrics_sink *sink, const ltd_metrics_row *row, ltd_err *err)
{
    ltd_str summary = LTD_STR_INIT, records = LTD_STR_INIT;
    ltd_str event = begin_event(row->step);
    for (size_t i = 0; i < row->n; i++)
        if (row->set[i]) put_value(&summary, row->key[i], row->value[i]);
    put_bytes(&event, SUMMARY, ltd_str_text(&summary), summary.len);
    event.failed = event.failed || summary.failed;
    put_record(&records, &event);
    ltd_str_fini(&summary);
    ltd_str_fini(&event);
    return append((tfevents *)sink, &records, err);
}

static int write_head(tfevents *t, int64_t resume_step, ltd_err *err)
{
    ltd_str records = LTD_STR_INIT;
    ltd_str version = begin_event(0);
    put_bytes(&version, FILE_VERSION, "brain.Event:2", 13);
    put_record(&records, &version);
    ltd_str start = begin_event(resume_step < 0 ? 0 : resume_step + 1);
    put_bytes(&start, SESSION_LOG, (const char[]){1 << 3 | VARINT, START}, 2);
    put_record(&records, &start);
    ltd_str_fini(&version);
    ltd_str_fini(&start);
    return append(t, &records, err);
}

/* --- the file --- */

/* Seconds of the name: now, but behind those of any file that is there. */
static long long next_time(const char *dir)
{
    long long next = (long long)time(NULL);
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strncmp(e->d_name, prefix, sizeof prefix - 1) != 0) continue;
        long long other = atoll(e->d_name + sizeof prefix - 1);
        if (other >= next) next = other + 1;
    }
    if (d) closedir(d);
    return next;
}

static void tfevents_free(ltd_metrics_sink *sink)
{
    ltd_metrics_file_close(&((tfevents *)sink)->file);
    free(sink);
}

int ltd_metrics_tfevents(ltd_metrics_sink **ret, const char *dir, int64_t resume_step, ltd_err *err)
{
    char host[65] = "", path[4096];
    ltd_str kept = LTD_STR_INIT;
    *ret = NULL;
    if (gethostname(host, sizeof host - 1) < 0 || !host[0]) strcpy(host, "localhost");
    int n = snprintf(path, sizeof path, "%s/%s%010lld.%s.%ld.0", dir, prefix, next_time(dir), host,
                     (long)getpid());
    if (n < 0 || (size_t)n >= sizeof path)
        return ltd_fail(err, LTD_EINVAL, "%.80s...: the path is too long", dir);
    tfevents *t = ltd_mem_zeros(1, sizeof *t);
    if (!t) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    t->sink = (ltd_metrics_sink){write_row, tfevents_free};
    int rc = ltd_metrics_file_open(&t->file, path, -1, false, NULL, &kept, err);
    if (rc == LTD_OK) rc = write_head(t, resume_step, err);
    ltd_str_fini(&kept);
    if (rc < 0)
        tfevents_free(&t->sink);
    else
        *ret = &t->sink;
    return rc;
}
