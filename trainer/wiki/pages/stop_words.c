#include <string.h>

#include "trainer/wiki/pages/words.h"

/* Ascending. */
static const char *const STOP[] = {
    "a",    "about",  "after", "also",  "an",    "and",   "are",   "as",   "at",    "be",
    "been", "before", "being", "but",   "by",    "can",   "could", "did",  "do",    "does",
    "down", "for",    "from",  "had",   "has",   "have",  "he",    "her",  "him",   "his",
    "i",    "if",     "in",    "into",  "is",    "it",    "its",   "may",  "me",    "might",
    "my",   "no",     "not",   "of",    "on",    "or",    "our",   "out",  "over",  "she",
    "so",   "such",   "than",  "that",  "the",   "their", "them",  "then", "there", "these",
    "they", "this",   "those", "to",    "under", "up",    "us",    "was",  "we",    "were",
    "what", "when",   "where", "which", "while", "who",   "whom",  "will", "with",  "would",
    "you",  "your"};

/* As memcmp(), the shorter first when one begins the other; a word may hold NUL. */
static int compare(const char *stop, const char *word, size_t len)
{
    size_t n = strlen(stop);
    int order = memcmp(stop, word, n < len ? n : len);
    return order ? order : (n > len) - (n < len);
}

bool ltd_word_is_stop(const char *word, int32_t len)
{
    size_t low = 0, high = sizeof STOP / sizeof *STOP;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = compare(STOP[mid], word, (size_t)len);
        if (!order) return true;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}
