#include "trainer/wiki/write/article.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/wiki/pages/sentence.h"

/* Everything that an article points to. */
typedef struct own {
    char *bytes;    /* titles and sentences, a NUL behind each */
    int32_t *cites; /* of all sentences, one after the other */
} own;

static const size_t most_bytes = 1000 * 1000 * 1000;

/* An article in the making.  Titles, sentences and marks are never longer together than the texts
 * they come from, so that their room is had once and pointers into it stay. */
typedef struct parser {
    ltd_wiki_article *a;
    own *o;
    size_t section_room, sentence_room;
    size_t at;       /* bytes written */
    int32_t n_cites; /* numbers written */
    int32_t part;
    bool failed; /* no memory */
} parser;

/* Part of a text. */
typedef struct span {
    const char *p, *end;
} span;

static bool is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static span trimmed(span s)
{
    while (s.p < s.end && is_white(*s.p)) s.p++;
    while (s.end > s.p && is_white(s.end[-1])) s.end--;
    return s;
}

/* The next line of a text, *rest moves on; false at the end. */
static bool next_line(span *rest, span *line)
{
    if (rest->p == rest->end) return false;
    const char *stop = memchr(rest->p, '\n', (size_t)(rest->end - rest->p));
    *line = (span){rest->p, stop ? stop : rest->end};
    rest->p = stop ? stop + 1 : rest->end;
    return true;
}

/* --- marks --- */

/* Length of a mark `[k]` at the front, 0 when there is none.  A number that int32 can't hold is
 * INT32_MAX: out of range either way. */
static size_t mark_at(span s, int32_t *number)
{
    const char *p = s.p;
    int64_t value = 0;
    if (p == s.end || *p++ != '[') return 0;
    for (; p < s.end && is_digit(*p); p++)
        if (value < INT32_MAX) value = 10 * value + (*p - '0');
    if (p == s.p + 1 || p == s.end || *p != ']') return 0;
    *number = value < INT32_MAX ? (int32_t)value : INT32_MAX;
    return (size_t)(p + 1 - s.p);
}

/* Behind the blanks and the mark that follow them; `s.p` when no mark does. */
static const char *after_mark(span s, int32_t *number)
{
    const char *p = s.p;
    while (p < s.end && is_white(*p)) p++;
    size_t n = mark_at((span){p, s.end}, number);
    return n ? p + n : s.p;
}

/* --- headings --- */

typedef struct heading {
    span title, rest; /* text behind the heading on the same line */
    bool well_formed;
} heading;

static const char *skip(span s, char c)
{
    while (s.p < s.end && *s.p == c) s.p++;
    return s.p;
}

static const char *skip_back(span s, char c)
{
    while (s.end > s.p && s.end[-1] == c) s.end--;
    return s.end;
}

/* "## X ##" of a trimmed line. */
static bool hash_heading(span line, heading *ret)
{
    const char *p = skip(line, '#');
    if (p == line.p || p - line.p > 6 || (p < line.end && !is_white(*p))) return false;
    span title = trimmed((span){p, line.end});
    title.end = skip_back(title, '#');
    *ret = (heading){trimmed(title), {line.end, line.end}, false};
    return true;
}

/* Is the line one?  Its title may be empty: a line of '=' alone, which is neither heading nor text.
 */
static bool heading_of(span line, heading *ret)
{
    line = trimmed(line);
    const char *p = skip(line, '='), *stop = p;
    if (p - line.p < 2) return hash_heading(line, ret);
    while (stop < line.end && !(stop[0] == '=' && stop + 1 < line.end && stop[1] == '=')) stop++;
    const char *behind = skip((span){stop, line.end}, '=');
    *ret = (heading){trimmed((span){p, stop}), trimmed((span){behind, line.end}), false};
    if (stop == line.end) ret->title.end = skip_back(ret->title, '=');
    ret->title = trimmed(ret->title);
    ret->well_formed = ret->title.p < ret->title.end && ret->rest.p == ret->rest.end &&
                       behind - stop == p - line.p;
    return true;
}

/* --- sentences --- */

/* The word that ends at `end`. */
static span word_before(const char *start, const char *end)
{
    const char *p = end;
    while (p > start && !is_white(p[-1])) p--;
    return (span){p, end};
}

static bool may_begin(char c)
{
    return (c >= 'A' && c <= 'Z') || is_digit(c) || c == '"' || c == '\'' || c == '(';
}

static bool is_abbreviation(span word)
{
    return ltd_wiki_is_abbreviation(word.p, (size_t)(word.end - word.p));
}

/* Where the sentence at the front of a line ends, its marks included. */
static const char *sentence_end(span line)
{
    int32_t number;
    for (const char *p = line.p; p < line.end; p++) {
        if (*p != '.' && *p != '!' && *p != '?') continue;
        const char *text = p + 1, *next;
        while (text < line.end && strchr("\"')]", *text) && *text) text++;
        if (after_mark((span){text, line.end}, &number) == text) text = p + 1;
        const char *stop = text;
        while ((next = after_mark((span){stop, line.end}, &number)) != stop) stop = next;
        const char *follows = stop;
        while (follows < line.end && is_white(*follows)) follows++;
        if (follows == line.end) return line.end;
        if (!may_begin(*follows) || (follows == stop && stop == text)) continue;
        if (*p == '.' && stop == text && is_abbreviation(word_before(line.p, p))) continue;
        return stop;
    }
    return line.end;
}

/* Copy without marks and the blanks before them, trimmed.  Numbers go to `cites` unless it is NULL.
 */
static const char *copy_text(parser *k, span s, int32_t *cites, int32_t *n_cites)
{
    char *first = k->o->bytes + k->at, *to = first;
    int32_t number;
    for (s = trimmed(s); s.p < s.end;) {
        size_t n = mark_at(s, &number);
        if (!n) {
            *to++ = *s.p++;
            continue;
        }
        if (cites) cites[(*n_cites)++] = number;
        s.p += n;
        while (to > first && is_white(to[-1])) to--;
        if (to == first) s = trimmed(s);
    }
    *to++ = 0;
    k->at += (size_t)(to - first);
    return first;
}

static void open_section(parser *k, span title, bool well_formed)
{
    ltd_wiki_article *a = k->a;
    if (!ltd_mem_reserve((void **)&a->section, &k->section_room, (size_t)a->n_sections + 1,
                         sizeof *a->section)) {
        k->failed = true;
        return;
    }
    a->section[a->n_sections++] =
        (ltd_wiki_section){copy_text(k, title, NULL, NULL), well_formed, a->n_sentences, 0};
}

/* Marks without text belong to the sentence before, where there is one in this section and text. */
static void put_sentence(parser *k, span s)
{
    ltd_wiki_article *a = k->a;
    int32_t *cites = k->o->cites + k->n_cites, n_cites = 0;
    const char *text = copy_text(k, s, cites, &n_cites);
    ltd_wiki_section *in = a->n_sections ? &a->section[a->n_sections - 1] : NULL;
    if (!*text) {
        ltd_wiki_sentence *last = in && in->n ? &a->sentence[a->n_sentences - 1] : NULL;
        if (!last || last->part != k->part) return;
        last->n_cites += n_cites;
        k->n_cites += n_cites;
        return;
    }
    if (!in) open_section(k, (span){s.p, s.p}, false);
    if (k->failed || !ltd_mem_reserve((void **)&a->sentence, &k->sentence_room,
                                      (size_t)a->n_sentences + 1, sizeof *a->sentence)) {
        k->failed = true;
        return;
    }
    a->sentence[a->n_sentences++] =
        (ltd_wiki_sentence){text, cites, n_cites, a->n_sections - 1, k->part};
    a->section[a->n_sections - 1].n++;
    k->n_cites += n_cites;
}

static void parse_text(parser *k, const char *text)
{
    span rest = {text, text + strlen(text)}, line;
    while (!k->failed && next_line(&rest, &line)) {
        heading h;
        if (heading_of(line, &h)) {
            if (h.title.p < h.title.end) open_section(k, h.title, h.well_formed);
            line = h.rest;
        }
        for (line = trimmed(line); line.p < line.end && !k->failed; line = trimmed(line)) {
            const char *stop = sentence_end(line);
            put_sentence(k, (span){line.p, stop});
            line.p = stop;
        }
    }
}

static int by_key(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Each number once a sentence, where it stood first.  key: room for n_cites. */
static void drop_repeated(ltd_wiki_sentence *s, int32_t *cites, uint64_t *key)
{
    int32_t n = 0;
    for (int32_t i = 0; i < s->n_cites; i++) key[i] = (uint64_t)cites[i] << 32 | (uint32_t)i;
    qsort(key, (size_t)s->n_cites, sizeof *key, by_key);
    for (int32_t i = 1; i < s->n_cites; i++)
        if (key[i] >> 32 == key[i - 1] >> 32) cites[(uint32_t)key[i]] = -1;
    for (int32_t i = 0; i < s->n_cites; i++)
        if (cites[i] >= 0) cites[n++] = cites[i];
    s->n_cites = n;
}

static bool drop_all_repeated(parser *k)
{
    uint64_t *key = ltd_mem_zeros((size_t)k->n_cites, sizeof *key);
    if (!key) return false;
    for (int32_t i = 0; i < k->a->n_sentences; i++) {
        ltd_wiki_sentence *s = &k->a->sentence[i];
        if (s->n_cites > 1) drop_repeated(s, k->o->cites + (s->cites - k->o->cites), key);
    }
    free(key);
    return true;
}

int ltd_wiki_article_parse(ltd_wiki_article **ret, const char *const *texts, int32_t n,
                           ltd_err *err)
{
    size_t bytes = 1;
    for (int32_t i = 0; i < n; i++) bytes += strlen(texts[i]) + 2;
    if (bytes > most_bytes)
        return ltd_fail(err, LTD_EFORMAT, "article: %zu bytes, expected at most %zu", bytes,
                        most_bytes);
    ltd_wiki_article *a = ltd_mem_zeros(1, sizeof *a);
    own *o = ltd_mem_zeros(1, sizeof *o);
    if (!a || !o) {
        free(a);
        free(o);
        return ltd_fail(err, LTD_ENOMEM, "article: no memory");
    }
    a->own_ = o;
    /* Every piece gives its own bytes or fewer and a NUL; the shortest pieces are "==X" and a
     * sentence of one letter with a line break.  A mark takes three bytes. */
    o->bytes = malloc(2 * bytes);
    o->cites = ltd_mem_zeros(bytes / 3 + 1, sizeof *o->cites);
    parser k = {.a = a, .o = o, .failed = !o->bytes || !o->cites};
    for (k.part = 0; k.part < n && !k.failed; k.part++) parse_text(&k, texts[k.part]);
    if (k.failed || !drop_all_repeated(&k)) {
        ltd_wiki_article_free(a);
        return ltd_fail(err, LTD_ENOMEM, "article: no memory for %zu bytes", bytes);
    }
    *ret = a;
    return LTD_OK;
}

void ltd_wiki_article_free(ltd_wiki_article *article)
{
    if (!article) return;
    own *o = article->own_;
    free(o->bytes);
    free(o->cites);
    free(o);
    free(article->section);
    free(article->sentence);
    free(article);
}

static void push_plain(span s, ltd_str *out)
{
    int32_t number;
    for (const char *p = s.p; p < s.end;) {
        size_t n = mark_at((span){p, s.end}, &number);
        if (!n) {
            p++;
            continue;
        }
        const char *text = p;
        while (text > s.p && is_white(text[-1])) text--;
        ltd_str_push(out, s.p, (size_t)(text - s.p));
        s.p = p += n;
    }
    ltd_str_push(out, s.p, (size_t)(s.end - s.p));
}

void ltd_wiki_article_plain(const char *text, ltd_str *out)
{
    span rest = {text, text + strlen(text)}, line;
    while (next_line(&rest, &line)) {
        heading h;
        if (heading_of(line, &h)) {
            push_plain(h.title, out);
            if (h.rest.p < h.rest.end) ltd_str_push(out, "\n", 1);
            line = h.rest;
        }
        push_plain(line, out);
        ltd_str_push(out, "\n", 1);
    }
}
