#include "trainer/wiki/judge/judge_reply.h"

#include <math.h>
#include <string.h>

/* ASCII alone, whatever the locale: dashes and brackets beyond it often stand before a grade. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Behind the thoughts; NULL: they don't end. */
static const char *behind_thoughts(const char *reply)
{
    static const char begin[] = "<think>", end[] = "</think>";
    const char *at = reply;
    for (const char *p; (p = strstr(at, end));) at = p + sizeof end - 1;
    return strstr(at, begin) ? NULL : at;
}

/* --- numbers --- */

typedef struct number {
    const char *begin, *end;
    double value; /* NAN: a fraction */
} number;

/* What stands before it makes it no number of its own: "gpt4", "v1.4", "gpt-4". */
static bool glued(const char *text, const char *at)
{
    if (at == text) return false;
    if (is_letter(at[-1])) return true;
    bool joint = at[-1] == '.' || at[-1] == '-';
    return joint && at - text > 1 && (is_letter(at[-2]) || is_digit(at[-2]));
}

/* The next number from *at on, which moves behind it; false: none. */
static bool next_number(const char *text, const char **at, number *ret)
{
    for (const char *p = *at; *p; p++) {
        if (!is_digit(*p)) continue;
        bool skip = glued(text, p);
        const char *begin = p;
        double value = 0;
        for (; is_digit(*p); p++) value = value < 1e9 ? 10 * value + (*p - '0') : value;
        if (*p == '.' && is_digit(p[1]))
            for (p++; is_digit(*p); p++)
                if (*p != '0') value = NAN;
        if (skip || is_letter(*p)) {
            while (is_letter(*p) || is_digit(*p)) p++;
            p--; /* the loop goes on behind it */
            continue;
        }
        if (begin > text && begin[-1] == '-') value = -value;
        *ret = (number){begin, p, value};
        *at = p;
        return true;
    }
    return false;
}

/* Behind "/5" or "out of 5", of which this number is what was reached. */
static const char *behind_of(const char *p)
{
    const char *begin = p;
    while (is_blank(*p) || *p == '*') p++;
    if (*p == '/')
        p++;
    else if (strncmp(p, "out of", 6) == 0)
        p += 6;
    else
        return begin;
    while (is_blank(*p) || *p == '*') p++;
    if (!is_digit(*p)) return begin;
    while (is_digit(*p)) p++;
    return p;
}

/* "1. Fluency" at the beginning of a line. */
static bool is_item(const char *text, const number *n)
{
    const char *before = n->begin, *p = n->end;
    while (before > text && (is_blank(before[-1]) || before[-1] == '*')) before--;
    if ((before > text && before[-1] != '\n') || (*p != '.' && *p != ')')) return false;
    for (p++; is_blank(*p) || *p == '*';) p++;
    return is_letter(*p);
}

static int32_t read_grades(const char *text, int32_t want, double *ret)
{
    int32_t got = 0;
    number n;
    for (const char *at = text; got < want && next_number(text, &at, &n);) {
        if (want > 1 && is_item(text, &n)) continue;
        ret[got++] = n.value;
        at = behind_of(at);
    }
    return got;
}

bool ltd_wiki_grades_valid(ltd_wiki_judge_kind kind, const double *grade, int32_t n)
{
    const ltd_wiki_judge_scale *scale = ltd_wiki_judge_scale_of(kind);
    if (n != scale->n) return false;
    for (int32_t i = 0; i < n; i++) {
        if (!(grade[i] >= scale->lowest && grade[i] <= scale->most)) return false;
        if (kind == LTD_WIKI_NLI && grade[i] != 0 && grade[i] != 1) return false;
    }
    return true;
}

/* --- yes and no --- */

static const struct {
    const char *word;
    double says;
} DECIDES[] = {
    {"yes", 1},         {"true", 1},          {"entailment", 1},  {"entailed", 1},
    {"entails", 1},     {"supported", 1},     {"supports", 1},    {"no", 0},
    {"not", 0},         {"false", 0},         {"non", 0},         {"neutral", 0},
    {"unsupported", 0}, {"contradiction", 0}, {"contradicts", 0}, {"contradicted", 0},
    {"doesn", 0},       {"isn", 0},
};

/* What a word of n letters says; -1: nothing. */
static double decides(const char *word, size_t n)
{
    for (size_t i = 0; i < sizeof DECIDES / sizeof *DECIDES; i++) {
        size_t k = 0;
        while (k < n && DECIDES[i].word[k] && small(word[k]) == DECIDES[i].word[k]) k++;
        if (k == n && !DECIDES[i].word[k]) return DECIDES[i].says;
    }
    return -1;
}

static bool is_word(char c)
{
    return is_letter(c) && c != '_';
}

static double read_verdict(const char *text)
{
    const char *at = text;
    number n;
    /* A bare number that opens the reply is the verdict; others may be years. */
    const char *p = text;
    while (*p && !is_word(*p) && !is_digit(*p)) p++;
    if (is_digit(*p)) return next_number(text, &at, &n) ? n.value : NAN;
    while (*p) {
        const char *begin = p;
        while (is_word(*p)) p++;
        double says = decides(begin, (size_t)(p - begin));
        if (says >= 0) return says;
        while (*p && !is_word(*p)) p++;
    }
    return next_number(text, &at, &n) ? n.value : NAN;
}

bool ltd_wiki_reply_grades(ltd_wiki_judge_kind kind, const char *reply,
                           double ret[LTD_WIKI_JUDGE_GRADES])
{
    double grade[LTD_WIKI_JUDGE_GRADES];
    int32_t n = 1;
    const char *text = behind_thoughts(reply);
    if (!text) return false;
    if (kind == LTD_WIKI_NLI)
        grade[0] = read_verdict(text);
    else
        n = read_grades(text, ltd_wiki_judge_scale_of(kind)->n, grade);
    if (!ltd_wiki_grades_valid(kind, grade, n)) return false;
    memcpy(ret, grade, (size_t)n * sizeof *ret);
    return true;
}
