#include "trainer/wiki/pages/event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

/* The texts are the documents' own: nothing of some megabytes is copied. */
typedef struct loaded {
    ltd_wiki_event event; /* first: an event is its loaded */
    ltd_json_doc *wiki, *google;
    char *headings;       /* texts of the outline */
    const char **outline; /* [n_outline] */
    ltd_wiki_fact *facts; /* [n_facts] */
    ltd_wiki_page *pages; /* [n_pages] */
} loaded;

static void text_of(ltd_json v, const char **text, size_t *len)
{
    *text = ltd_json_text(v, len);
}

static int get_text(ltd_json object, const char *key, const char **text, size_t *len, ltd_err *err)
{
    const char *first;
    int rc = ltd_json_get_string(object, key, &first, err);
    if (rc < 0) return rc;
    text_of(ltd_json_member(object, key), text, len);
    return LTD_OK;
}

/* A page id: a number, or a string of digits. */
static int read_id(ltd_json root, int64_t *id, ltd_err *err)
{
    ltd_json v = ltd_json_member(root, "id");
    if (ltd_json_type_of(v) != LTD_JSON_STRING)
        return ltd_json_get_int(root, "id", 0, INT64_MAX - 1, id, err);
    const char *text = ltd_json_text(v, NULL);
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno)
        return ltd_fail(err, LTD_EFORMAT, "%s: key 'id': is '%.40s', expected a number", v.name,
                        text);
    *id = n;
    return LTD_OK;
}

static int read_outline(loaded *l, ltd_json root, ltd_err *err)
{
    ltd_json list;
    int rc = ltd_json_get_array(root, "outlines", &list, err);
    if (rc < 0) return rc;
    size_t n = ltd_json_count(list), bytes = 1;
    char what[64];
    const char *s;
    for (size_t i = 0; i < n; i++) {
        snprintf(what, sizeof what, "key 'outlines', entry %zu", i);
        if ((rc = ltd_json_as_string(ltd_json_at(list, i), what, &s, err)) < 0) return rc;
        bytes += strlen(s) + 1;
    }
    l->headings = ltd_mem_zeros(bytes, 1);
    l->outline = ltd_mem_zeros(n, sizeof *l->outline);
    if (!l->headings || !l->outline) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", root.name);
    char *at = l->headings;
    for (size_t i = 0; i < n; i++) {
        l->outline[i] = at;
        for (s = ltd_json_text(ltd_json_at(list, i), NULL); *s; s++) *at++ = *s == '_' ? ' ' : *s;
        at++;
    }
    l->event.outline = l->outline;
    l->event.n_outline = (int32_t)n;
    return LTD_OK;
}

static int read_facts(loaded *l, ltd_json root, ltd_err *err)
{
    ltd_json object;
    int rc = ltd_json_get_object(root, "info_kv", &object, err);
    if (rc < 0) return rc;
    l->facts = ltd_mem_zeros(ltd_json_count(object), sizeof *l->facts);
    if (!l->facts) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", root.name);
    for (ltd_json_iter it = ltd_json_each(object); ltd_json_next(&it);) {
        char what[160];
        snprintf(what, sizeof what, "key 'info_kv', '%.120s'", it.key);
        ltd_wiki_fact *f = &l->facts[l->event.n_facts];
        if ((rc = ltd_json_as_string(it.value, what, &f->value, err)) < 0) return rc;
        f->name = it.key;
        l->event.n_facts++;
    }
    l->event.facts = l->facts;
    return LTD_OK;
}

static int read_human(loaded *l, ltd_json entry, size_t i, ltd_err *err)
{
    bool three = ltd_json_count(entry) == 3 && ltd_json_type_of(entry) == LTD_JSON_ARRAY;
    for (size_t k = 0; k < 3 && three; k++)
        three = ltd_json_type_of(ltd_json_at(entry, k)) == LTD_JSON_STRING;
    if (!three)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: key 'reference', entry %zu: expected [title, url, text]", entry.name,
                        i);
    ltd_wiki_page *p = &l->pages[l->event.n_pages++];
    p->human = true;
    p->title = ltd_json_text(ltd_json_at(entry, 0), NULL);
    p->url = ltd_json_text(ltd_json_at(entry, 1), NULL);
    text_of(ltd_json_at(entry, 2), &p->text, &p->len);
    return LTD_OK;
}

static int read_searched(loaded *l, ltd_json entry, size_t i, ltd_err *err)
{
    ltd_wiki_page p = {0};
    int rc = ltd_json_get_string(entry, "title", &p.title, err);
    if (rc == LTD_OK) rc = ltd_json_get_string(entry, "link", &p.url, err);
    if (rc == LTD_OK) rc = get_text(entry, "text", &p.text, &p.len, err);
    if (rc < 0) return ltd_err_prefix(err, rc, "page %zu", i);
    l->pages[l->event.n_pages++] = p;
    return LTD_OK;
}

static int read_pages(loaded *l, ltd_json root, ltd_err *err)
{
    ltd_json human, found = {NULL, NULL};
    int rc = ltd_json_get_array(root, "reference", &human, err);
    if (rc < 0) return rc;
    if (l->google) {
        found = ltd_json_root(l->google);
        if (ltd_json_type_of(found) != LTD_JSON_ARRAY)
            return ltd_fail(err, LTD_EFORMAT, "%s: expected an array of pages", found.name);
    }
    size_t n_human = ltd_json_count(human), n_found = ltd_json_count(found);
    l->pages = ltd_mem_zeros(n_human + n_found, sizeof *l->pages);
    if (!l->pages) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", root.name);
    for (size_t i = 0; i < n_human && rc == LTD_OK; i++)
        rc = read_human(l, ltd_json_at(human, i), i, err);
    for (size_t i = 0; i < n_found && rc == LTD_OK; i++)
        rc = read_searched(l, ltd_json_at(found, i), i, err);
    l->event.pages = l->pages;
    l->event.n_human = (int32_t)n_human;
    l->event.searched = l->google != NULL;
    return rc;
}

static int read_event(loaded *l, ltd_err *err)
{
    ltd_json root = ltd_json_root(l->wiki);
    ltd_wiki_event *e = &l->event;
    int rc = read_id(root, &e->id, err);
    if (rc == LTD_OK) rc = ltd_json_get_string(root, "key", &e->key, err);
    if (rc == LTD_OK && !*e->key)
        rc = ltd_fail(err, LTD_EFORMAT, "%s: key 'key': is empty, expected the title", root.name);
    if (rc == LTD_OK) rc = ltd_json_get_string(root, "url", &e->url, err);
    if (rc == LTD_OK) rc = get_text(root, "text", &e->text, &e->text_len, err);
    if (rc == LTD_OK) rc = read_outline(l, root, err);
    if (rc == LTD_OK) rc = read_facts(l, root, err);
    if (rc == LTD_OK) rc = read_pages(l, root, err);
    return rc;
}

/* google_name NULL: there is no such half. */
static int parse_halves(ltd_wiki_event **ret, const char *wiki_name, const void *wiki,
                        size_t wiki_size, const char *google_name, const void *google,
                        size_t google_size, ltd_err *err)
{
    loaded *l = ltd_mem_zeros(1, sizeof *l);
    if (!l) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", wiki_name);
    int rc = ltd_json_parse(&l->wiki, wiki_name, wiki, wiki_size, err);
    if (rc == LTD_OK && google_name)
        rc = ltd_json_parse(&l->google, google_name, google, google_size, err);
    l->event.wiki_size = wiki_size;
    l->event.google_size = google_size;
    if (rc == LTD_OK) rc = read_event(l, err);
    if (rc < 0) {
        ltd_wiki_event_free(&l->event);
        return rc;
    }
    *ret = &l->event;
    return LTD_OK;
}

int ltd_wiki_event_parse(ltd_wiki_event **ret, const char *name, const void *wiki, size_t wiki_size,
                         const void *google, size_t google_size, ltd_err *err)
{
    char second[256];
    snprintf(second, sizeof second, "%.200s (google)", name);
    return parse_halves(ret, name, wiki, wiki_size, google ? second : NULL, google, google_size,
                        err);
}

void ltd_wiki_event_free(ltd_wiki_event *event)
{
    if (!event) return;
    loaded *l = (loaded *)event;
    ltd_json_free(l->wiki);
    ltd_json_free(l->google);
    free(l->headings);
    free(l->outline);
    free(l->facts);
    free(l->pages);
    free(l);
}

int ltd_wiki_event_load(ltd_wiki_event **ret, const char *root, int64_t id, ltd_err *err)
{
    ltd_str wiki_path = LTD_STR_INIT, google_path = LTD_STR_INIT;
    ltd_str_printf(&wiki_path, "%s/data/wiki/%lld.json", root, (long long)id);
    ltd_str_printf(&google_path, "%s/data/google/%lld.json", root, (long long)id);
    ltd_file wiki = {0}, google = {0};
    ltd_wiki_event *event = NULL;
    const char *second = NULL;
    int rc = LTD_OK;
    if (wiki_path.failed || google_path.failed)
        rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory", root);
    if (rc == LTD_OK) rc = ltd_file_map(&wiki, wiki_path.data, err);
    if (rc == LTD_OK && (!access(google_path.data, F_OK) || errno != ENOENT)) {
        second = google_path.data;
        rc = ltd_file_map(&google, second, err);
    }
    if (rc == LTD_OK)
        rc = parse_halves(&event, wiki_path.data, wiki.data, wiki.size, second, google.data,
                          google.size, err);
    if (rc == LTD_OK && event->id != id) {
        rc = ltd_fail(err, LTD_EFORMAT, "%s: key 'id': is %lld, expected %lld", wiki_path.data,
                      (long long)event->id, (long long)id);
        ltd_wiki_event_free(event);
    }
    ltd_file_unmap(&wiki);
    ltd_file_unmap(&google);
    ltd_str_fini(&wiki_path);
    ltd_str_fini(&google_path);
    if (rc == LTD_OK) *ret = event;
    return rc;
}

bool ltd_wiki_is_back_matter(const char *heading)
{
    static const char *const NAMES[] = {"references",      "citations", "see also",
                                        "external links",  "notes",     "bibliography",
                                        "further reading", "sources",   "gallery"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (!strcasecmp(heading, NAMES[i])) return true;
    return false;
}
