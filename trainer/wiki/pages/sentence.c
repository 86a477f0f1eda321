#include "trainer/wiki/pages/sentence.h"

#include <string.h>
#include <strings.h>

static bool is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool may_begin(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '"' || c == '\'' || c == '(';
}

bool ltd_wiki_is_abbreviation(const char *word, size_t len)
{
    static const char *const KNOWN[] = {
        "apr", "aug", "co",   "col", "dec", "dr",  "e.g", "etc", "feb", "gen", "gov", "hon", "i.e",
        "inc", "jan", "jr",   "jul", "jun", "lt",  "ltd", "mar", "may", "mr",  "mrs", "ms",  "no",
        "nov", "oct", "prof", "rep", "rev", "sen", "sep", "sgt", "sr",  "st",  "u.k", "u.s", "vs"};
    while (len && *word && strchr("(\"'", *word)) {
        word++;
        len--;
    }
    if (len == 1 && is_letter(*word)) return true;
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
        if (strlen(KNOWN[i]) == len && !strncasecmp(KNOWN[i], word, len)) return true;
    return false;
}

/* Does the point text[at] belong to the word before it? */
static bool is_of_word(const char *text, size_t from, size_t at)
{
    while (at > from && text[at - 1] == '.') at--;
    size_t start = at;
    while (start > from && !is_white(text[start - 1])) start--;
    return ltd_wiki_is_abbreviation(text + start, at - start);
}

size_t ltd_wiki_sentence_next(const char *text, size_t from, size_t len, size_t *end)
{
    for (size_t i = from; i + 1 < len; i++) {
        if ((text[i] != '.' && text[i] != '!' && text[i] != '?') || !is_white(text[i + 1]))
            continue;
        size_t next = i + 1;
        while (next < len && is_white(text[next])) next++;
        if (next == len || !may_begin(text[next])) continue;
        if (text[i] == '.' && is_of_word(text, from, i)) continue;
        *end = i + 1;
        return next;
    }
    *end = len;
    while (*end > from && is_white(text[*end - 1])) --*end;
    return len;
}
