#include "trainer/wiki/judge/judge_lines.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

/* --- writing --- */

void ltd_wiki_request_put_message(ltd_json_writer *w, const char *role, const char *content)
{
    ltd_json_begin_object(w, NULL);
    ltd_json_put_string(w, "role", role);
    ltd_json_put_string(w, "content", content);
    ltd_json_end_object(w);
}

void ltd_wiki_request_put(ltd_str *out, const ltd_wiki_request *r)
{
    ltd_json_writer w = ltd_json_writing(out, 0);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_string(&w, "id", r->id);
    ltd_json_put_string(&w, "event", r->event);
    ltd_json_put_string(&w, "method", r->method);
    ltd_json_put_string(&w, "kind", ltd_wiki_judge_scale_of(r->kind)->name);
    if (r->kind == LTD_WIKI_NLI) {
        ltd_json_put_string(&w, "premise", r->premise);
        ltd_json_put_string(&w, "hypothesis", r->hypothesis);
    } else {
        ltd_json_begin_array(&w, "messages");
        ltd_wiki_request_put_message(&w, "system", r->system);
        ltd_wiki_request_put_message(&w, "user", r->user);
        ltd_json_end_array(&w);
    }
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}

int ltd_wiki_requests_write(const ltd_wiki_requests *requests, const char *path, ltd_err *err)
{
    ltd_str out = LTD_STR_INIT;
    for (size_t i = 0; i < requests->n; i++) ltd_wiki_request_put(&out, &requests->list[i]);
    int rc = out.failed ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", path)
                        : ltd_file_write(path, ltd_str_text(&out), out.len, err);
    ltd_str_fini(&out);
    return rc;
}

/* --- reading --- */

static bool blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r') return false;
    return true;
}

int ltd_wiki_lines_next(ltd_wiki_lines *at, ltd_json_doc **ret, ltd_err *err)
{
    while (at->size) {
        const char *end = memchr(at->data, '\n', at->size);
        const char *line = at->data;
        size_t n = end ? (size_t)(end - line) : at->size;
        at->data += end ? n + 1 : n;
        at->size -= end ? n + 1 : n;
        at->line++;
        if (blank(line, n)) continue;
        char name[256]; /* what messages of the line begin with */
        ltd_json_doc *doc;
        snprintf(name, sizeof name, "%.220s:%lld", at->name, (long long)at->line);
        int rc = ltd_json_parse(&doc, name, line, n, err);
        if (rc < 0) return rc;
        if (ltd_json_type_of(ltd_json_root(doc)) != LTD_JSON_OBJECT) {
            ltd_json_free(doc);
            return ltd_fail(err, LTD_EFORMAT, "%s: found no object", name);
        }
        *ret = doc;
        return 1;
    }
    return 0;
}

int ltd_wiki_lines_text(ltd_json object, const char *key, char **ret, ltd_err *err)
{
    const char *s;
    size_t len;
    int rc = ltd_json_get_string(object, key, &s, err);
    if (rc < 0) return rc;
    ltd_json_text(ltd_json_member(object, key), &len);
    if (strlen(s) != len)
        return ltd_fail(err, LTD_EFORMAT, "%s: key '%s': a NUL character inside", object.name, key);
    *ret = (char *)s;
    return LTD_OK;
}

static int get_message(ltd_json messages, size_t i, const char *role, char **ret, ltd_err *err)
{
    char *found = NULL;
    ltd_json message = ltd_json_at(messages, i);
    int rc = ltd_wiki_lines_text(message, "role", &found, err);
    if (rc == LTD_OK && strcmp(found, role) != 0)
        rc = ltd_fail(err, LTD_EFORMAT, "%s: message %zu: role '%s', expected '%s'", messages.name,
                      i, found, role);
    return rc < 0 ? rc : ltd_wiki_lines_text(message, "content", ret, err);
}

static int read_request(ltd_wiki_requests *to, ltd_json line, ltd_err *err)
{
    ltd_wiki_request r = {0}; /* strings of the document */
    char *kind = NULL;
    ltd_json messages;
    int rc = ltd_wiki_lines_text(line, "id", &r.id, err);
    if (rc == LTD_OK) rc = ltd_wiki_lines_text(line, "event", &r.event, err);
    if (rc == LTD_OK) rc = ltd_wiki_lines_text(line, "method", &r.method, err);
    if (rc == LTD_OK) rc = ltd_wiki_lines_text(line, "kind", &kind, err);
    if (rc < 0) return rc;
    int which = ltd_wiki_judge_kind_of(kind);
    if (which < 0)
        return ltd_fail(err, LTD_EFORMAT, "%s: key 'kind': '%s' is none of ours", line.name, kind);
    r.kind = (ltd_wiki_judge_kind)which;
    if (r.kind == LTD_WIKI_NLI) {
        rc = ltd_wiki_lines_text(line, "premise", &r.premise, err);
        if (rc == LTD_OK) rc = ltd_wiki_lines_text(line, "hypothesis", &r.hypothesis, err);
    } else {
        rc = ltd_json_get_array(line, "messages", &messages, err);
        if (rc == LTD_OK) rc = get_message(messages, 0, "system", &r.system, err);
        if (rc == LTD_OK) rc = get_message(messages, 1, "user", &r.user, err);
    }
    return rc < 0 ? rc : ltd_wiki_requests_add(to, &r, err);
}

int ltd_wiki_requests_parse(ltd_wiki_requests *requests, const char *name, const void *data,
                            size_t size, ltd_err *err)
{
    size_t n = requests->n;
    ltd_wiki_lines at = {data, size, name, 0};
    ltd_json_doc *doc;
    int rc;
    while ((rc = ltd_wiki_lines_next(&at, &doc, err)) > 0) {
        rc = read_request(requests, ltd_json_root(doc), err);
        ltd_json_free(doc);
        if (rc < 0) break;
    }
    if (rc < 0) ltd_wiki_requests_cut(requests, n);
    return rc;
}

int ltd_wiki_requests_read(ltd_wiki_requests *requests, const char *path, ltd_err *err)
{
    ltd_file f;
    int rc = ltd_file_map(&f, path, err);
    if (rc < 0) return rc;
    rc = ltd_wiki_requests_parse(requests, path, f.data, f.size, err);
    ltd_file_unmap(&f);
    return rc;
}
