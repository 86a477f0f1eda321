/* Replies of a judge on disk, so that nothing is asked twice: one file a request, named by the
 * SHA-256 of the request's body.
 *
 *     ltd_str reply = LTD_STR_INIT;
 *     int rc = ltd_wiki_cache_get("out/judge-cache", body, &reply, &err);
 *     if (rc == LTD_WIKI_CACHE_NONE) ask(...), ltd_wiki_cache_put("out/judge-cache", body, ...);
 *
 * <folder>/<64 hex digits>.json holds {"sha256": that of the reply, "reply": "..."}.  An entry that
 * is cut, changed or no entry at all counts as none: it is asked for and written again.
 * Thread rule: any number of threads and processes; the last to write an entry wins. */
#ifndef LTD_TRAINER_WIKI_JUDGE_CACHE_H
#define LTD_TRAINER_WIKI_JUDGE_CACHE_H

#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_WIKI_CACHE_NONE = 1 };

/* Append the reply; LTD_WIKI_CACHE_NONE: there is none, or it is damaged.  LTD_ENOMEM; LTD_EINVAL:
 * the folder's path is too long; LTD_EIO: an entry that is there can't be read. */
int ltd_wiki_cache_get(const char *folder, const ltd_str *body, ltd_str *reply, ltd_err *err);
/* Keep a reply without NUL, making the folder where there is none; an entry is whole or not there.
 * LTD_EIO, LTD_ENOMEM, LTD_EINVAL. */
int ltd_wiki_cache_put(const char *folder, const ltd_str *body, const char *reply, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
