/* Requests as lines of JSON, for a judge that is run elsewhere.
 *
 *     ltd_wiki_requests_write(&asked, "judge.jsonl", &err);
 *     ltd_wiki_requests_read(&asked, "judge.jsonl", &err);      appends
 *
 *     {"id":"7/rr/nli/1/2","event":"7","method":"rr","kind":"nli","premise":"...","hypothesis":"..."}
 *     {"id":"7/rr/focus/1","event":"7","method":"rr","kind":"focus","messages":[
 *      {"role":"system","content":"..."},{"role":"user","content":"..."}]}        on one line
 *
 * Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_JUDGE_LINES_H
#define LTD_TRAINER_WIKI_JUDGE_LINES_H

#include "base/json.h"
#include "trainer/wiki/judge/judge.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Append one line with its end. */
void ltd_wiki_request_put(ltd_str *out, const ltd_wiki_request *request);

/* {"role", "content"}, as chat models take it. */
void ltd_wiki_request_put_message(ltd_json_writer *w, const char *role, const char *content);

/* LTD_EIO, LTD_ENOMEM; the file is the old one or the whole new one.  Its folder must exist. */
int ltd_wiki_requests_write(const ltd_wiki_requests *requests, const char *path, ltd_err *err);

/* Append the requests of a file, or of bytes whose messages `name` opens.  Blank lines are none.
 * LTD_EIO, LTD_ENOMEM, LTD_EFORMAT "name:line: what"; the list is then as it was. */
int ltd_wiki_requests_read(ltd_wiki_requests *requests, const char *path, ltd_err *err);
int ltd_wiki_requests_parse(ltd_wiki_requests *requests, const char *name, const void *data,
                            size_t size, ltd_err *err);

/* Lines of a JSONL file one after the other, for other readers too:
 *     ltd_wiki_lines at = {data, size, "scores.jsonl", 0};
 *     ltd_json_doc *doc;
 *     while ((rc = ltd_wiki_lines_next(&at, &doc, &err)) > 0) { use(doc); ltd_json_free(doc); } */
typedef struct ltd_wiki_lines {
    const char *data; /* [size] what is left; borrowed */
    size_t size;
    const char *name;
    int64_t line; /* number of the line that was given last, from 1 */
} ltd_wiki_lines;
/* 1 and a document (owned, an object at its root); 0: no more; LTD_EFORMAT, LTD_ENOMEM. */
int ltd_wiki_lines_next(ltd_wiki_lines *lines, ltd_json_doc **ret, ltd_err *err);
/* A member that is a string without NUL inside, borrowed from its document; LTD_EFORMAT. */
int ltd_wiki_lines_text(ltd_json object, const char *key, char **ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
