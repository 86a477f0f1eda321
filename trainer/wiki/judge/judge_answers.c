/* Replies are kept as they came and read when asked for: only the request knows what kind it is. */
#include "trainer/wiki/judge/judge_answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "trainer/wiki/judge/judge_lines.h"
#include "trainer/wiki/judge/judge_reply.h"
#include "trainer/wiki/pages/words.h"

typedef struct answer {
    char *reply; /* owned; NULL: numbers */
    double grade[LTD_WIKI_JUDGE_GRADES];
    int32_t n; /* numbers given; 0: none */
} answer;

struct ltd_wiki_answers {
    ltd_word_ids *ids; /* id -> number in the list */
    answer *list;      /* [ids] */
    size_t room;
    int32_t given; /* those with an answer */
};

int ltd_wiki_answers_new(ltd_wiki_answers **ret, ltd_err *err)
{
    ltd_wiki_answers *a = ltd_mem_zeros(1, sizeof *a);
    if (!a) return ltd_fail(err, LTD_ENOMEM, "judge: no memory");
    int rc = ltd_word_ids_new(&a->ids, err);
    if (rc < 0) {
        free(a);
        return rc;
    }
    *ret = a;
    return LTD_OK;
}

void ltd_wiki_answers_free(ltd_wiki_answers *a)
{
    if (!a) return;
    for (int32_t i = 0; i < ltd_word_ids_count(a->ids); i++)
        if ((size_t)i < a->room) free(a->list[i].reply);
    free(a->list);
    ltd_word_ids_free(a->ids);
    free(a);
}

static bool is_given(const answer *a)
{
    return a->reply || a->n;
}

/* Takes the reply of *from. */
static int put(ltd_wiki_answers *a, const char *id, const answer *from, ltd_err *err)
{
    size_t len = strlen(id);
    int rc = len > INT32_MAX ? ltd_fail(err, LTD_EFORMAT, "judge: an id of %zu bytes", len)
                             : ltd_word_ids_put(a->ids, id, (int32_t)len, err);
    if (rc >= 0) {
        void *list = a->list;
        bool fits = ltd_mem_reserve(&list, &a->room, (size_t)rc + 1, sizeof *a->list);
        a->list = list;
        if (!fits) rc = ltd_fail(err, LTD_ENOMEM, "judge: no memory for answer '%.100s'", id);
    }
    if (rc < 0) {
        free(from->reply);
        return rc;
    }
    answer *at = &a->list[rc];
    a->given += (int32_t)is_given(from) - (int32_t)is_given(at);
    free(at->reply);
    *at = *from;
    return LTD_OK;
}

int ltd_wiki_answers_put(ltd_wiki_answers *a, const char *id, const char *reply, ltd_err *err)
{
    answer new = {.reply = ltd_mem_strdup(reply)};
    if (!new.reply) return ltd_fail(err, LTD_ENOMEM, "judge: no memory for a reply");
    return put(a, id, &new, err);
}

/* --- reading --- */

static int read_number(answer *to, ltd_json v, ltd_err *err)
{
    double d;
    int rc = ltd_json_as_f64(v, "key 'score'", &d, err);
    if (rc < 0) return rc;
    to->grade[to->n++] = d;
    return LTD_OK;
}

static int read_score(answer *to, ltd_json line, ltd_err *err)
{
    ltd_json v = ltd_json_member(line, "score");
    bool truth = false;
    int rc = LTD_OK;
    char *text;
    switch (ltd_json_type_of(v)) {
    case LTD_JSON_NULL: break;
    case LTD_JSON_NUMBER: return read_number(to, v, err);
    case LTD_JSON_BOOL:
        rc = ltd_json_get_bool(line, "score", &truth, err);
        to->grade[0] = truth;
        to->n = 1;
        break;
    case LTD_JSON_STRING:
        rc = ltd_wiki_lines_text(line, "score", &text, err);
        if (rc == LTD_OK && !(to->reply = ltd_mem_strdup(text)))
            rc = ltd_fail(err, LTD_ENOMEM, "judge: no memory for a reply");
        break;
    case LTD_JSON_ARRAY:
        if (!ltd_json_count(v) || ltd_json_count(v) > LTD_WIKI_JUDGE_GRADES)
            return ltd_fail(err, LTD_EFORMAT,
                            "%s: key 'score': a list of %zu, expected 1 to %d numbers", line.name,
                            ltd_json_count(v), LTD_WIKI_JUDGE_GRADES);
        for (size_t i = 0; rc == LTD_OK && i < ltd_json_count(v); i++)
            rc = read_number(to, ltd_json_at(v, i), err);
        break;
    case LTD_JSON_OBJECT:
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: key 'score': found object, expected number, list, string or null",
                        line.name);
    }
    return rc;
}

static int read_line(ltd_wiki_answers *a, ltd_json line, ltd_err *err)
{
    char *id;
    answer new = {0};
    int rc = ltd_wiki_lines_text(line, "id", &id, err);
    if (rc < 0) return rc;
    /* A judge that could not answer says so; a line without the key is some other file's. */
    if (!ltd_json_has_key(line, "score"))
        return ltd_fail(err, LTD_EFORMAT, "%s: key 'score': missing", line.name);
    rc = read_score(&new, line, err);
    return rc < 0 ? rc : put(a, id, &new, err);
}

int ltd_wiki_answers_parse(ltd_wiki_answers *a, const char *name, const void *data, size_t size,
                           ltd_err *err)
{
    ltd_wiki_lines at = {data, size, name, 0};
    ltd_json_doc *doc;
    int rc;
    while ((rc = ltd_wiki_lines_next(&at, &doc, err)) > 0) {
        rc = read_line(a, ltd_json_root(doc), err);
        ltd_json_free(doc);
        if (rc < 0) break;
    }
    return rc;
}

int ltd_wiki_answers_read(ltd_wiki_answers *a, const char *path, ltd_err *err)
{
    ltd_file f;
    int rc = ltd_file_map(&f, path, err);
    if (rc < 0) return rc;
    rc = ltd_wiki_answers_parse(a, path, f.data, f.size, err);
    ltd_file_unmap(&f);
    return rc;
}

/* --- asking --- */

int32_t ltd_wiki_answers_count(const ltd_wiki_answers *a)
{
    return a->given;
}

ltd_wiki_answered ltd_wiki_answers_get(const ltd_wiki_answers *a, ltd_wiki_judge_kind kind,
                                       const char *id, double ret[LTD_WIKI_JUDGE_GRADES])
{
    int32_t at = ltd_word_ids_find(a->ids, id, (int32_t)strlen(id));
    if (at < 0 || (size_t)at >= a->room || !is_given(&a->list[at])) return LTD_WIKI_SILENT;
    const answer *found = &a->list[at];
    if (found->reply)
        return ltd_wiki_reply_grades(kind, found->reply, ret) ? LTD_WIKI_ANSWERED
                                                              : LTD_WIKI_INVALID;
    if (!ltd_wiki_grades_valid(kind, found->grade, found->n)) return LTD_WIKI_INVALID;
    memcpy(ret, found->grade, (size_t)found->n * sizeof *ret);
    return LTD_WIKI_ANSWERED;
}
