/* libyaml's events -> a flat list.  The recursion follows the nesting, which is bounded by
 * LTD_YAML_MAX_DEPTH; a path buffer holds the dotted key of where we are.  Every key, sections
 * included, is remembered once: YAML forbids duplicates, and a silent "last one wins" would hide
 * half of a configuration. */
#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/mem.h"

struct ltd_yaml {
    ltd_yaml_item *items;
    size_t n, cap;
    char **sections; /* dotted keys of maps */
    size_t n_sections;
};

typedef struct reader {
    yaml_parser_t parser;
    const char *name;
    ltd_yaml *yaml;
    char path[LTD_YAML_MAX_KEY];
    ltd_err *err;
} reader;

static int fail_at(const reader *r, yaml_mark_t mark, const char *what)
{
    return ltd_fail(r->err, LTD_EFORMAT, "%s:%zu:%zu: %s", r->name, mark.line + 1, mark.column + 1,
                    what);
}

static int no_memory(const reader *r)
{
    return ltd_fail(r->err, LTD_ENOMEM, "%s: no memory", r->name);
}

/* The next event; the caller deletes it. */
static int next(reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event)) return LTD_OK;
    if (r->parser.error == YAML_MEMORY_ERROR) return no_memory(r);
    const char *what = r->parser.problem ? r->parser.problem : "broken YAML";
    if (r->parser.error == YAML_READER_ERROR)
        return ltd_fail(r->err, LTD_EFORMAT, "%s: byte %zu: %s", r->name, r->parser.problem_offset,
                        what);
    return fail_at(r, r->parser.problem_mark, what);
}

/* What no configuration of ours has: anchors, aliases, tags, texts with a NUL. */
static int plain(const reader *r, const yaml_event_t *e)
{
    const void *anchor = NULL, *tag = NULL;
    if (e->type == YAML_SCALAR_EVENT) {
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
        if (memchr(e->data.scalar.value, 0, e->data.scalar.length))
            return fail_at(r, e->start_mark, "a NUL byte in a text");
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
    } else if (e->type == YAML_MAPPING_START_EVENT) {
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
    } else if (e->type == YAML_ALIAS_EVENT) {
        return fail_at(r, e->start_mark, "aliases are not supported");
    }
    if (anchor) return fail_at(r, e->start_mark, "anchors are not supported");
    if (tag) return fail_at(r, e->start_mark, "tags are not supported");
    return LTD_OK;
}

static char *copy_text(const yaml_event_t *e)
{
    char *p = ltd_mem_zeros(e->data.scalar.length + 1, 1);
    if (p) memcpy(p, e->data.scalar.value, e->data.scalar.length);
    return p;
}

/* A new leaf at the present path; NULL after a failed allocation. */
static ltd_yaml_item *add_item(reader *r, const yaml_event_t *e)
{
    ltd_yaml *y = r->yaml;
    if (y->n == y->cap) {
        size_t cap = y->cap ? 2 * y->cap : 32;
        ltd_yaml_item *p = ltd_mem_resize(y->items, cap, sizeof *p);
        if (!p) return NULL;
        y->items = p;
        y->cap = cap;
    }
    char *key = ltd_mem_strdup(r->path);
    if (!key) return NULL;
    ltd_yaml_item *item = &y->items[y->n++];
    *item = (ltd_yaml_item){.key = key,
                            .text = "",
                            .line = (int)e->start_mark.line + 1,
                            .column = (int)e->start_mark.column + 1};
    return item;
}

static int add_scalar(reader *r, const yaml_event_t *e)
{
    ltd_yaml_item *item = add_item(r, e);
    if (!item) return no_memory(r);
    item->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (e->data.scalar.length && !(item->text = copy_text(e))) {
        item->text = "";
        return no_memory(r);
    }
    return LTD_OK;
}

static int add_entry(reader *r, ltd_yaml_item *item, const yaml_event_t *e)
{
    if (e->type != YAML_SCALAR_EVENT)
        return fail_at(r, e->start_mark, "a list holds only plain values");
    if (item->n == LTD_YAML_MAX_ITEMS) return fail_at(r, e->start_mark, "too many list entries");
    const char **list = ltd_mem_resize((void *)item->list, item->n + 1, sizeof *list);
    if (!list) return no_memory(r);
    item->list = list;
    if (!(list[item->n] = copy_text(e))) return no_memory(r);
    item->n++;
    return LTD_OK;
}

static int read_list(reader *r, const yaml_event_t *start)
{
    ltd_yaml_item *item = add_item(r, start);
    if (!item) return no_memory(r);
    item->is_list = true;
    for (;;) {
        yaml_event_t e;
        int rc = next(r, &e);
        if (rc < 0) return rc;
        bool end = e.type == YAML_SEQUENCE_END_EVENT;
        if (!end) rc = plain(r, &e);
        if (!end && rc == LTD_OK) rc = add_entry(r, item, &e);
        yaml_event_delete(&e);
        if (rc < 0 || end) return rc;
    }
}

/* Append ".key" to the path, refusing keys that were there before. */
static int enter_key(reader *r, const yaml_event_t *e)
{
    if (e->type != YAML_SCALAR_EVENT) return fail_at(r, e->start_mark, "a key must be plain text");
    const char *key = (const char *)e->data.scalar.value;
    size_t n = e->data.scalar.length, len = strlen(r->path), dot = len > 0;
    if (n == 0) return fail_at(r, e->start_mark, "an empty key");
    if (len + dot + n >= sizeof r->path) return fail_at(r, e->start_mark, "the key is too long");
    if (dot) r->path[len] = '.';
    memcpy(r->path + len + dot, key, n + 1);
    bool twice = false;
    for (size_t i = 0; i < r->yaml->n && !twice; i++)
        twice = strcmp(r->yaml->items[i].key, r->path) == 0;
    for (size_t i = 0; i < r->yaml->n_sections && !twice; i++)
        twice = strcmp(r->yaml->sections[i], r->path) == 0;
    if (twice)
        return ltd_fail(r->err, LTD_EFORMAT, "%s:%zu:%zu: key '%s' is there twice", r->name,
                        e->start_mark.line + 1, e->start_mark.column + 1, r->path);
    if (r->yaml->n + r->yaml->n_sections >= LTD_YAML_MAX_ITEMS)
        return fail_at(r, e->start_mark, "too many keys");
    return LTD_OK;
}

static int add_section(reader *r)
{
    ltd_yaml *y = r->yaml;
    char **p = ltd_mem_resize(y->sections, y->n_sections + 1, sizeof *p);
    if (!p) return no_memory(r);
    y->sections = p;
    if (!(p[y->n_sections] = ltd_mem_strdup(r->path))) return no_memory(r);
    y->n_sections++;
    return LTD_OK;
}

static int read_value(reader *r, const yaml_event_t *e, int depth);

static int read_map(reader *r, const yaml_event_t *start, int depth)
{
    if (depth > LTD_YAML_MAX_DEPTH) return fail_at(r, start->start_mark, "nested too deeply");
    int rc = r->path[0] ? add_section(r) : LTD_OK;
    size_t len = strlen(r->path);
    bool end = false;
    while (rc == LTD_OK && !end) {
        yaml_event_t e;
        if ((rc = next(r, &e)) < 0) return rc;
        end = e.type == YAML_MAPPING_END_EVENT;
        if (!end) rc = plain(r, &e);
        if (!end && rc == LTD_OK) rc = enter_key(r, &e);
        yaml_event_delete(&e);
        if (end || rc < 0) break;
        if ((rc = next(r, &e)) < 0) return rc;
        rc = read_value(r, &e, depth);
        yaml_event_delete(&e);
        r->path[len] = 0;
    }
    return rc;
}

static int read_value(reader *r, const yaml_event_t *e, int depth)
{
    int rc = plain(r, e);
    if (rc < 0) return rc;
    if (e->type == YAML_SCALAR_EVENT) return add_scalar(r, e);
    if (e->type == YAML_SEQUENCE_START_EVENT) return read_list(r, e);
    return read_map(r, e, depth + 1);
}

/* STREAM-START [DOCUMENT-START value DOCUMENT-END] STREAM-END */
static int read_stream(reader *r)
{
    int documents = 0;
    for (;;) {
        yaml_event_t e;
        int rc = next(r, &e);
        if (rc < 0) return rc;
        yaml_event_type_t type = e.type;
        if (type == YAML_DOCUMENT_START_EVENT && documents++ > 0)
            rc = fail_at(r, e.start_mark, "a second document");
        else if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
                 type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT)
            rc = read_value(r, &e, 0);
        yaml_event_delete(&e);
        if (rc < 0 || type == YAML_STREAM_END_EVENT) return rc;
    }
}

int ltd_yaml_parse(ltd_yaml **ret, const char *name, const void *data, size_t size, ltd_err *err)
{
    *ret = NULL;
    if (size > LTD_YAML_MAX_BYTES)
        return ltd_fail(err, LTD_EFORMAT, "%s: %zu bytes, expected at most %d", name, size,
                        LTD_YAML_MAX_BYTES);
    reader r = {.name = name, .err = err};
    if (!(r.yaml = ltd_mem_zeros(1, sizeof *r.yaml))) return no_memory(&r);
    if (!yaml_parser_initialize(&r.parser)) {
        ltd_yaml_free(r.yaml);
        return no_memory(&r);
    }
    yaml_parser_set_input_string(&r.parser, size ? data : (const void *)"", size);
    int rc = read_stream(&r);
    yaml_parser_delete(&r.parser);
    if (rc < 0) {
        ltd_yaml_free(r.yaml);
        return rc;
    }
    *ret = r.yaml;
    return LTD_OK;
}

void ltd_yaml_free(ltd_yaml *yaml)
{
    if (!yaml) return;
    for (size_t i = 0; i < yaml->n; i++) {
        ltd_yaml_item *item = &yaml->items[i];
        for (size_t j = 0; j < item->n; j++) free((void *)item->list[j]);
        free((void *)item->list);
        if (item->text[0]) free((void *)item->text);
        free((void *)item->key);
    }
    for (size_t i = 0; i < yaml->n_sections; i++) free(yaml->sections[i]);
    free(yaml->sections);
    free(yaml->items);
    free(yaml);
}

size_t ltd_yaml_count(const ltd_yaml *yaml)
{
    return yaml->n;
}

const ltd_yaml_item *ltd_yaml_at(const ltd_yaml *yaml, size_t i)
{
    return &yaml->items[i];
}
