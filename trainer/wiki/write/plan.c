#include "trainer/wiki/write/plan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "trainer/wiki/pages/event.h"

static bool is_space(char c)
{
    return isspace((unsigned char)c);
}

/* Add name[0..len), trimmed, unless it is none. */
static int add(ltd_wiki_headings *o, const char *name, size_t len, ltd_err *err)
{
    static const char signs[] = "*_#=`\"";
    char text[LTD_WIKI_NAME + 1];
    while (len && (is_space(name[0]) || strchr(signs, name[0]))) name++, len--;
    while (len && (is_space(name[len - 1]) || strchr(signs, name[len - 1]))) len--;
    if (len == 0 || len > LTD_WIKI_NAME || o->n == LTD_WIKI_OUTLINE) return LTD_OK;
    memcpy(text, name, len);
    text[len] = 0;
    if (ltd_wiki_is_back_matter(text)) return LTD_OK;
    for (int32_t i = 0; i < o->n; i++)
        if (strcasecmp(o->name[i], text) == 0) return LTD_OK;
    o->name[o->n] = ltd_mem_strdup(text);
    if (!o->name[o->n]) return ltd_fail(err, LTD_ENOMEM, "outline: no memory");
    o->n++;
    return LTD_OK;
}

/* Where the name begins in a line of a plan; NULL: it is none. */
static const char *name_in(const char *line, const char *end)
{
    while (line < end && (is_space(*line) || *line == '*')) line++;
    if (end - line > 4 && line[0] == '=' && line[1] == '=') return line;
    const char *digits = line;
    while (line < end && isdigit((unsigned char)*line)) line++;
    if (line == digits || line == end || (*line != '.' && *line != ')')) return NULL;
    return line + 1;
}

static int finish(ltd_wiki_headings *ret, ltd_wiki_headings *o, int rc, ltd_err *err)
{
    static const char first[] = "Introduction";
    if (rc == LTD_OK && o->n == 0) rc = add(o, first, sizeof first - 1, err);
    if (rc == LTD_OK)
        *ret = *o;
    else
        ltd_wiki_headings_fini(o);
    return rc;
}

int ltd_wiki_headings_parse(ltd_wiki_headings *ret, const char *text, ltd_err *err)
{
    ltd_wiki_headings o = {.n = 0};
    int rc = LTD_OK;
    while (rc == LTD_OK && *text) {
        const char *end = text + strcspn(text, "\n");
        const char *name = name_in(text, end);
        if (name) rc = add(&o, name, strcspn(name, ":\n"), err);
        text = *end ? end + 1 : end;
    }
    return finish(ret, &o, rc, err);
}

int ltd_wiki_headings_of(ltd_wiki_headings *ret, const char *const *names, int32_t n, ltd_err *err)
{
    ltd_wiki_headings o = {.n = 0};
    while (o.n < n && o.n < LTD_WIKI_OUTLINE) {
        o.name[o.n] = ltd_mem_strdup(names[o.n]);
        if (!o.name[o.n]) {
            ltd_wiki_headings_fini(&o);
            return ltd_fail(err, LTD_ENOMEM, "outline: no memory");
        }
        o.n++;
    }
    *ret = o;
    return LTD_OK;
}

void ltd_wiki_headings_fini(ltd_wiki_headings *o)
{
    for (int32_t i = 0; i < o->n; i++) free(o->name[i]);
    *o = (ltd_wiki_headings){.n = 0};
}
