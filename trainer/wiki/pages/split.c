#include "trainer/wiki/pages/split.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nettle/sha1.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "trainer/wiki/pages/event.h"

const char *ltd_wiki_split_name(ltd_wiki_part_of part)
{
    static const char *const names[LTD_WIKI_SPLITS] = {"train", "valid", "eval", "final"};
    return names[part];
}

void ltd_wiki_split_fini(ltd_wiki_split *s)
{
    for (int i = 0; i < LTD_WIKI_SPLITS; i++) free(s->part[i].id);
    memset(s, 0, sizeof *s);
}

static int add(ltd_wiki_ids *ids, int64_t id, ltd_err *err)
{
    int64_t *grown = ltd_mem_resize(ids->id, (size_t)ids->n + 1, sizeof *grown);
    if (!grown) return ltd_fail(err, LTD_ENOMEM, "split: no memory");
    ids->id = grown;
    ids->id[ids->n++] = id;
    return LTD_OK;
}

/* --- by hash --- */

typedef struct hashed {
    uint8_t digest[SHA1_DIGEST_SIZE];
    int64_t id;
} hashed;

static int by_digest(const void *a, const void *b)
{
    return memcmp(((const hashed *)a)->digest, ((const hashed *)b)->digest, SHA1_DIGEST_SIZE);
}

static void hash_id(hashed *h, int64_t id)
{
    struct sha1_ctx ctx;
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, id);
    h->id = id;
    sha1_init(&ctx);
    sha1_update(&ctx, (size_t)n, (const uint8_t *)text);
    sha1_digest(&ctx, SHA1_DIGEST_SIZE, h->digest);
}

static int split_by_hash(ltd_wiki_split *s, const int64_t *ids, int32_t n, ltd_err *err)
{
    hashed *list = ltd_mem_zeros((size_t)n, sizeof *list);
    if (!list) return ltd_fail(err, LTD_ENOMEM, "split: no memory");
    for (int32_t i = 0; i < n; i++) hash_id(&list[i], ids[i]);
    qsort(list, (size_t)n, sizeof *list, by_digest);
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < n; i++)
        rc = add(&s->part[4 * (i + 1) <= 3 * n ? LTD_WIKI_TRAIN : LTD_WIKI_EVAL], list[i].id, err);
    free(list);
    return rc;
}

/* --- by file --- */

static int check_known(const char *name, const ltd_wiki_split *s, const int64_t *ids, int32_t n,
                       int64_t id, ltd_err *err)
{
    bool known = false;
    for (int32_t i = 0; i < n; i++) known = known || ids[i] == id;
    if (!known)
        return ltd_fail(err, LTD_EFORMAT, "%s: event %" PRId64 " is not in data/wiki", name, id);
    for (int p = 0; p < LTD_WIKI_SPLITS; p++)
        for (int32_t i = 0; i < s->part[p].n; i++)
            if (s->part[p].id[i] == id)
                return ltd_fail(err, LTD_EFORMAT, "%s: event %" PRId64 " stands there twice", name,
                                id);
    return LTD_OK;
}

static int read_list(const char *name, ltd_json root, ltd_wiki_part_of part, const int64_t *ids,
                     int32_t n, ltd_wiki_split *s, ltd_err *err)
{
    ltd_json list;
    const char *key = ltd_wiki_split_name(part);
    if (!ltd_json_has(root, key)) return LTD_OK;
    int rc = ltd_json_get_array(root, key, &list, err);
    for (size_t i = 0; rc == LTD_OK && i < ltd_json_count(list); i++) {
        int64_t id;
        rc = ltd_json_as_int(ltd_json_at(list, i), key, INT64_MIN, INT64_MAX, &id, err);
        if (rc == LTD_OK) rc = check_known(name, s, ids, n, id, err);
        if (rc == LTD_OK) rc = add(&s->part[part], id, err);
    }
    return rc;
}

static int split_by_file(ltd_wiki_split *s, const char *path, const int64_t *ids, int32_t n,
                         ltd_err *err)
{
    ltd_file f;
    ltd_json_doc *doc = NULL;
    int rc = ltd_file_map(&f, path, err);
    if (rc < 0) return rc;
    rc = ltd_json_parse(&doc, path, f.data, f.size, err);
    if (rc == LTD_OK && ltd_json_type_of(ltd_json_root(doc)) != LTD_JSON_OBJECT)
        rc = ltd_fail(err, LTD_EFORMAT, "%s: expected an object of lists", path);
    for (int p = 0; rc == LTD_OK && p < LTD_WIKI_SPLITS; p++)
        rc = read_list(path, ltd_json_root(doc), (ltd_wiki_part_of)p, ids, n, s, err);
    ltd_json_free(doc);
    ltd_file_unmap(&f);
    return rc;
}

/* --- */

static int take_valid(ltd_wiki_split *s, ltd_err *err)
{
    ltd_wiki_ids *train = &s->part[LTD_WIKI_TRAIN];
    int rc = LTD_OK;
    int32_t take = train->n >= 5 ? train->n / 5 : train->n > 1;
    int32_t keep = train->n - take;
    for (int32_t i = keep; rc == LTD_OK && i < train->n; i++)
        rc = add(&s->part[LTD_WIKI_VALID], train->id[i], err);
    train->n = keep;
    return rc;
}

int ltd_wiki_split_of(ltd_wiki_split *ret, const char *root, ltd_err *err)
{
    char path[PATH_MAX];
    int64_t *ids = NULL;
    int32_t n = 0;
    ltd_wiki_split s = {0};
    int rc = ltd_wiki_event_ids(&ids, &n, root, err);
    if (rc < 0) return rc;
    if (snprintf(path, sizeof path, "%s/split.json", root) >= (int)sizeof path)
        rc = ltd_fail(err, LTD_EINVAL, "%s: the path is too long", root);
    else if (access(path, F_OK) == 0)
        rc = split_by_file(&s, path, ids, n, err);
    else
        rc = split_by_hash(&s, ids, n, err);
    if (rc == LTD_OK && s.part[LTD_WIKI_VALID].n == 0) rc = take_valid(&s, err);
    free(ids);
    if (rc == LTD_OK)
        *ret = s;
    else
        ltd_wiki_split_fini(&s);
    return rc;
}
