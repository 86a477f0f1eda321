#include "trainer/distill/store.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "models/files/safetensors.h"
#include "trainer/checkpoint/checkpoint.h"

enum { GREEDY = 1, ENDED = 2 };

static const size_t NONE = (size_t)-1;

typedef struct record {
    uint64_t number, flags;
    size_t at;    /* of its tokens */
    size_t row;   /* of its features in those of its part; NONE */
    int32_t part; /* that has them */
    int32_t n, answer;
} record;

struct ltd_store {
    char *folder, *identity, *taps;
    int32_t width;              /* of a row of features */
    ltd_safetensors **features; /* [parts] NULL where there are none */
    size_t features_room;
    uint16_t *fresh; /* [n_fresh, width] features that are in no part yet */
    size_t n_fresh, fresh_room;
    record *records;
    size_t n, room, saved; /* records; of them in parts */
    size_t *order;         /* [n] records by number */
    size_t order_room;
    int32_t *tokens;
    size_t n_tokens, tokens_room;
    uint8_t *there; /* [there_room] of a number */
    size_t there_room;
    uint64_t answer_tokens;
    int parts;
};

static int part_path(const ltd_store *s, int part, const char *what, char path[PATH_MAX],
                     ltd_err *err)
{
    if (snprintf(path, PATH_MAX, "%s/part-%06d.%s", s->folder, part, what) >= PATH_MAX)
        return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", s->folder);
    return LTD_OK;
}

/* --- in memory --- */

static int reserve(void **p, size_t *room, size_t n, size_t size, ltd_err *err)
{
    if (ltd_mem_reserve(p, room, n, size)) return LTD_OK;
    return ltd_fail(err, LTD_ENOMEM, "conversations: no memory");
}

bool ltd_store_has(const ltd_store *s, uint64_t number)
{
    return number < s->there_room && s->there[number];
}

static int add(ltd_store *s, const ltd_conversation *c, ltd_err *err)
{
    if (ltd_store_has(s, c->number))
        return ltd_fail(err, LTD_EINVAL, "conversation %" PRIu64 " is there already", c->number);
    if (c->number >= UINT32_MAX || c->answer < 0 || c->answer > c->n)
        return ltd_fail(err, LTD_EINVAL, "conversation %" PRIu64 ": the answer begins at %d of %d",
                        c->number, c->answer, c->n);
    int rc = reserve((void **)&s->records, &s->room, s->n + 1, sizeof *s->records, err);
    if (rc == LTD_OK)
        rc = reserve((void **)&s->tokens, &s->tokens_room, s->n_tokens + (size_t)c->n,
                     sizeof *s->tokens, err);
    if (rc == LTD_OK)
        rc = reserve((void **)&s->there, &s->there_room, (size_t)c->number + 1, 1, err);
    if (rc == LTD_OK)
        rc = reserve((void **)&s->order, &s->order_room, s->n + 1, sizeof *s->order, err);
    size_t rows = s->width && c->features && c->n > 1 ? (size_t)c->n - 1 : 0;
    size_t width = (size_t)s->width, row = rows ? s->n_fresh : NONE;
    if (rc == LTD_OK && rows)
        rc = reserve((void **)&s->fresh, &s->fresh_room, (s->n_fresh + rows) * width,
                     sizeof *s->fresh, err);
    if (rc < 0) return rc;
    if (rows) memcpy(s->fresh + s->n_fresh * width, c->features, rows * width * sizeof *s->fresh);
    s->n_fresh += rows;
    size_t place = s->n; /* numbers come almost in order */
    for (; place && s->records[s->order[place - 1]].number > c->number; place--)
        s->order[place] = s->order[place - 1];
    s->order[place] = s->n;
    s->records[s->n++] = (record){.number = c->number,
                                  .flags = (c->greedy ? GREEDY : 0) | (c->ended ? ENDED : 0),
                                  .at = s->n_tokens,
                                  .row = row,
                                  .part = s->parts,
                                  .n = c->n,
                                  .answer = c->answer};
    memcpy(s->tokens + s->n_tokens, c->token, (size_t)c->n * sizeof *s->tokens);
    s->n_tokens += (size_t)c->n;
    s->answer_tokens += (uint64_t)(c->n - c->answer);
    s->there[c->number] = 1;
    return LTD_OK;
}

int ltd_store_add(ltd_store *s, const ltd_conversation *c, ltd_err *err)
{
    if (!s->width == !c->features || c->n < 2) return add(s, c, err);
    return ltd_fail(err, LTD_EINVAL, "conversation %" PRIu64 " has %s features", c->number,
                    c->features ? "needless" : "no");
}

size_t ltd_store_count(const ltd_store *s)
{
    return s->n;
}

static const uint16_t *features_of(const ltd_store *s, const record *r)
{
    if (r->row == NONE) return NULL;
    const uint16_t *rows = s->fresh;
    if (r->part < s->parts) rows = ltd_safetensors_tensor_at(s->features[r->part], 0)->data;
    return rows + r->row * (size_t)s->width;
}

ltd_conversation ltd_store_at(const ltd_store *s, size_t i)
{
    const record *r = &s->records[s->order[i]];
    return (ltd_conversation){.number = r->number,
                              .token = s->tokens + r->at,
                              .n = r->n,
                              .answer = r->answer,
                              .greedy = r->flags & GREEDY,
                              .ended = r->flags & ENDED,
                              .features = features_of(s, r)};
}

uint64_t ltd_store_answer_tokens(const ltd_store *s)
{
    return s->answer_tokens;
}

/* --- parts --- */

/* A part's columns, a value for each conversation; then all tokens. */
typedef struct columns {
    uint64_t *number, *flags;
    int64_t *n, *answer, *token;
    size_t count, tokens;
} columns;

static int columns_init(columns *ret, size_t count, size_t tokens, ltd_err *err)
{
    *ret = (columns){.count = count, .tokens = tokens};
    ret->number = ltd_mem_zeros(count, sizeof *ret->number);
    ret->flags = ltd_mem_zeros(count, sizeof *ret->flags);
    ret->n = ltd_mem_zeros(count, sizeof *ret->n);
    ret->answer = ltd_mem_zeros(count, sizeof *ret->answer);
    ret->token = ltd_mem_zeros(tokens, sizeof *ret->token);
    if (ret->number && ret->flags && ret->n && ret->answer && ret->token) return LTD_OK;
    return ltd_fail(err, LTD_ENOMEM, "conversations: no memory");
}

static void columns_fini(columns *c)
{
    free(c->number);
    free(c->flags);
    free(c->n);
    free(c->answer);
    free(c->token);
}

static int write_part(const ltd_store *s, const columns *c, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_checkpoint_writer *w;
    int rc = part_path(s, s->parts, "h5", path, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_create(&w, path, err);
    if (rc < 0) return rc;
    ltd_checkpoint_put_text(w, "identity", s->identity);
    ltd_checkpoint_put_u64(w, "number", c->number, c->count);
    ltd_checkpoint_put_u64(w, "flags", c->flags, c->count);
    ltd_checkpoint_put_i64(w, "length", c->n, c->count);
    ltd_checkpoint_put_i64(w, "answer", c->answer, c->count);
    ltd_checkpoint_put_i64(w, "token", c->token, c->tokens);
    return ltd_checkpoint_finish(w, err);
}

/* Before the part itself: what the part tells of is there. */
static int write_features(const ltd_store *s, ltd_err *err)
{
    char path[PATH_MAX];
    int rc = part_path(s, s->parts, "features.safetensors", path, err);
    if (rc < 0) return rc;
    if (!s->n_fresh) return LTD_OK;
    size_t bytes = s->n_fresh * (size_t)s->width * sizeof *s->fresh;
    const ltd_tensor_view view = {.name = "features",
                                  .dtype = LTD_DTYPE_F16,
                                  .n_dims = 2,
                                  .dims = {(int64_t)s->n_fresh, s->width},
                                  .data = s->fresh,
                                  .bytes = bytes};
    const char *key = "taps", *value = s->taps;
    return ltd_safetensors_write(path, &view, 1, &key, &value, 1, err);
}

/* Those of part s->parts, when there are some of our taps. */
static int open_features(ltd_store *s, ltd_err *err)
{
    char path[PATH_MAX];
    int rc = reserve((void **)&s->features, &s->features_room, (size_t)s->parts + 1,
                     sizeof(ltd_safetensors *), err);
    if (rc == LTD_OK) rc = part_path(s, s->parts, "features.safetensors", path, err);
    if (rc < 0 || !s->width || access(path, F_OK) < 0) return rc;
    ltd_safetensors *f;
    if ((rc = ltd_safetensors_open(&f, path, err)) < 0) return rc;
    const char *taps = ltd_safetensors_metadata(f, "taps");
    const ltd_tensor_view *v = ltd_safetensors_tensor(f, "features");
    if (taps && strcmp(taps, s->taps) == 0 && v && v->dtype == LTD_DTYPE_F16 && v->n_dims == 2 &&
        v->dims[1] == s->width && ltd_safetensors_tensor_count(f) == 1)
        s->features[s->parts] = f;
    else
        ltd_safetensors_close(f);
    return LTD_OK;
}

int ltd_store_save(ltd_store *s, ltd_err *err)
{
    if (s->saved == s->n) return LTD_OK;
    size_t tokens = 0, at = 0;
    for (size_t i = s->saved; i < s->n; i++) tokens += (size_t)s->records[i].n;
    columns c;
    int rc = columns_init(&c, s->n - s->saved, tokens, err);
    for (size_t i = 0; rc == LTD_OK && i < c.count; i++) {
        const record *r = &s->records[s->saved + i];
        c.number[i] = r->number;
        c.flags[i] = r->flags;
        c.n[i] = r->n;
        c.answer[i] = r->answer;
        for (int32_t k = 0; k < r->n; k++) c.token[at++] = s->tokens[r->at + (size_t)k];
    }
    if (rc == LTD_OK) rc = write_features(s, err);
    if (rc == LTD_OK) rc = open_features(s, err);
    if (rc == LTD_OK) rc = write_part(s, &c, err);
    columns_fini(&c);
    if (rc < 0) return rc;
    s->saved = s->n;
    s->n_fresh = 0;
    s->parts++;
    return LTD_OK;
}

static int read_columns(const ltd_checkpoint *f, columns *c, ltd_err *err)
{
    int rc = ltd_checkpoint_get_u64(f, "number", c->number, c->count, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_u64(f, "flags", c->flags, c->count, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_i64(f, "length", c->n, c->count, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_i64(f, "answer", c->answer, c->count, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_i64(f, "token", c->token, c->tokens, err);
    return rc;
}

/* Rows of features lie in the order of the part's conversations. */
static int place_features(ltd_store *s, size_t first, const char *path, ltd_err *err)
{
    const ltd_safetensors *f = s->features[s->parts];
    if (!f) return LTD_OK;
    size_t row = 0, rows = (size_t)ltd_safetensors_tensor_at(f, 0)->dims[0];
    for (size_t i = first; i < s->n; i++) {
        record *r = &s->records[i];
        if (r->n < 2) continue;
        r->row = row;
        row += (size_t)r->n - 1;
    }
    if (row == rows) return LTD_OK;
    return ltd_fail(err, LTD_EFORMAT, "%s: features of %zu tokens, expected %zu", path, rows, row);
}

static int add_columns(ltd_store *s, const columns *c, const char *path, ltd_err *err)
{
    int32_t *ids = ltd_mem_zeros(c->tokens, sizeof *ids);
    if (!ids) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    int rc = open_features(s, err);
    size_t at = 0, first = s->n;
    for (size_t i = 0; rc == LTD_OK && i < c->count; i++) {
        int64_t n = c->n[i];
        if (n < 0 || n > (int64_t)(c->tokens - at) || c->answer[i] < 0 || c->answer[i] > n) {
            rc = ltd_fail(err, LTD_EFORMAT, "%s: conversation %zu: %lld tokens, %zu are left", path,
                          i, (long long)n, c->tokens - at);
            break;
        }
        for (int64_t k = 0; k < n; k++) ids[k] = (int32_t)c->token[at + (size_t)k];
        ltd_conversation v = {.number = c->number[i],
                              .token = ids,
                              .n = (int32_t)n,
                              .answer = (int32_t)c->answer[i],
                              .greedy = c->flags[i] & GREEDY,
                              .ended = c->flags[i] & ENDED};
        rc = add(s, &v, err);
        if (rc < 0) ltd_err_prefix(err, rc, "%s", path);
        at += (size_t)n;
    }
    free(ids);
    return rc < 0 ? rc : place_features(s, first, path, err);
}

static int read_part(ltd_store *s, const char *path, ltd_err *err)
{
    ltd_checkpoint *f;
    const char *identity;
    int rc = ltd_checkpoint_open(&f, path, err);
    if (rc < 0) return rc;
    rc = ltd_checkpoint_get_text(f, "identity", &identity, err);
    if (rc == LTD_OK && strcmp(identity, s->identity) != 0)
        rc = ltd_fail(err, LTD_EINVAL, "%s: made with other settings: found %s, expected %s", path,
                      identity, s->identity);
    const ltd_checkpoint_entry *number = ltd_checkpoint_find(f, "number");
    const ltd_checkpoint_entry *token = ltd_checkpoint_find(f, "token");
    if (rc == LTD_OK && (!number || !token))
        rc = ltd_fail(err, LTD_EFORMAT, "%s: holds no conversations", path);
    if (rc == LTD_OK) {
        columns c;
        rc = columns_init(&c, (size_t)number->dims[0], (size_t)token->dims[0], err);
        if (rc == LTD_OK) rc = read_columns(f, &c, err);
        if (rc == LTD_OK) rc = add_columns(s, &c, path, err);
        columns_fini(&c);
    }
    ltd_checkpoint_close(f);
    return rc;
}

static int read_parts(ltd_store *s, ltd_err *err)
{
    char path[PATH_MAX];
    for (int rc;; s->parts++) {
        if ((rc = part_path(s, s->parts, "h5", path, err)) < 0) return rc;
        if (access(path, F_OK) < 0) break;
        if ((rc = read_part(s, path, err)) < 0) return rc;
    }
    s->saved = s->n;
    return LTD_OK;
}

int ltd_store_open(ltd_store **ret, const char *folder, const char *identity, const char *taps,
                   int32_t width, ltd_err *err)
{
    *ret = NULL;
    ltd_store *s = ltd_mem_zeros(1, sizeof *s);
    if (!s) return ltd_fail(err, LTD_ENOMEM, "conversations: no memory");
    s->folder = ltd_mem_strdup(folder);
    s->identity = ltd_mem_strdup(identity);
    s->taps = ltd_mem_strdup(taps);
    s->width = width;
    int rc = LTD_OK;
    if (!s->folder || !s->identity || !s->taps)
        rc = ltd_fail(err, LTD_ENOMEM, "conversations: no memory");
    if (rc == LTD_OK) rc = ltd_file_mkdirs(folder, err);
    if (rc == LTD_OK) rc = read_parts(s, err);
    if (rc < 0) {
        ltd_store_free(s);
        return rc;
    }
    *ret = s;
    return LTD_OK;
}

void ltd_store_free(ltd_store *s)
{
    if (!s) return;
    free(s->folder);
    free(s->identity);
    free(s->taps);
    for (int i = 0; s->features && i < (int)s->features_room; i++)
        ltd_safetensors_close(s->features[i]);
    free(s->features);
    free(s->fresh);
    free(s->records);
    free(s->order);
    free(s->tokens);
    free(s->there);
    free(s);
}
