#include "trainer/wiki/judge/judge_cache.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

static int path_of(char ret[PATH_MAX], const char *folder, const ltd_str *body, ltd_err *err)
{
    char hex[65];
    ltd_file_sha256(hex, ltd_str_text(body), body->len);
    if (snprintf(ret, PATH_MAX, "%s/%s.json", folder, hex) >= PATH_MAX)
        return ltd_fail(err, LTD_EINVAL, "%.200s: the path is too long", folder);
    return LTD_OK;
}

/* The reply of an entry; NULL: it is damaged. */
static const char *reply_of(ltd_json entry)
{
    const char *sum, *reply;
    size_t len;
    char hex[65];
    if (ltd_json_get_string(entry, "sha256", &sum, NULL) < 0 ||
        ltd_json_get_string(entry, "reply", &reply, NULL) < 0)
        return NULL;
    ltd_json_text(ltd_json_member(entry, "reply"), &len);
    ltd_file_sha256(hex, reply, len);
    return strlen(reply) == len && strcmp(hex, sum) == 0 ? reply : NULL;
}

int ltd_wiki_cache_get(const char *folder, const ltd_str *body, ltd_str *reply, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_file f;
    ltd_json_doc *doc;
    int rc = path_of(path, folder, body, err);
    if (rc < 0) return rc;
    if (access(path, F_OK) < 0) return LTD_WIKI_CACHE_NONE;
    rc = ltd_file_map(&f, path, err);
    if (rc < 0) return rc;
    rc = ltd_json_parse(&doc, path, f.data, f.size, NULL);
    if (rc == LTD_ENOMEM) ltd_fail(err, rc, "%s: no memory", path);
    if (rc == LTD_OK) {
        const char *text = reply_of(ltd_json_root(doc));
        rc = text ? LTD_OK : LTD_WIKI_CACHE_NONE;
        if (text) ltd_str_puts(reply, text);
        if (reply->failed) rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
        ltd_json_free(doc);
    }
    ltd_file_unmap(&f);
    return rc == LTD_EFORMAT ? LTD_WIKI_CACHE_NONE : rc;
}

int ltd_wiki_cache_put(const char *folder, const ltd_str *body, const char *reply, ltd_err *err)
{
    char path[PATH_MAX], hex[65];
    int rc = path_of(path, folder, body, err);
    if (rc == LTD_OK) rc = ltd_file_mkdirs(folder, err);
    if (rc < 0) return rc;
    ltd_str entry = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&entry, 1);
    ltd_file_sha256(hex, reply, strlen(reply));
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_string(&w, "sha256", hex);
    ltd_json_put_string(&w, "reply", reply);
    ltd_json_end_object(&w);
    ltd_str_puts(&entry, "\n");
    rc = entry.failed ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", path)
                      : ltd_file_write(path, ltd_str_text(&entry), entry.len, err);
    ltd_str_fini(&entry);
    return rc;
}
