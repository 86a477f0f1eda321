#include "trainer/wiki/write/prompt.h"

#include <string.h>

static const char *const stages[LTD_WIKI_STAGES] = {"plan", "section", "article", "rewrite"};

const char *ltd_wiki_stage_name(ltd_wiki_stage stage)
{
    return stages[stage];
}

/* --- the block that may be cut --- */

static void put_block(const ltd_wiki_ask *ask, ltd_str *out)
{
    if (ask->stage == LTD_WIKI_STAGE_REWRITE) {
        ltd_str_puts(out, ask->draft);
        return;
    }
    for (int32_t i = 0; i < ask->n_documents; i++)
        ltd_str_printf(out, "%sDocument %d: %s", i ? "\n\n" : "", i + 1, ask->document[i]);
}

/* Bytes of the first `words` words of a text. */
static size_t bytes_of_words(const char *text, int32_t words)
{
    size_t at = 0, end = 0;
    for (int32_t i = 0; i < words && text[at]; i++) {
        at += strspn(text + at, " \n");
        at += strcspn(text + at, " \n");
        end = at;
    }
    return end;
}

static int32_t count_words(const char *text)
{
    int32_t n = 0;
    for (size_t at = strspn(text, " \n"); text[at]; n++) {
        at += strcspn(text + at, " \n");
        at += strspn(text + at, " \n");
    }
    return n;
}

/* --- what is asked --- */

static void put_opening(const ltd_wiki_ask *ask, ltd_str *out)
{
    switch (ask->stage) {
    case LTD_WIKI_STAGE_PLAN:
        ltd_str_printf(out, "Plan an encyclopedia article about \"%s\".", ask->key);
        break;
    case LTD_WIKI_STAGE_SECTION:
        ltd_str_printf(out, "Write the section \"%s\" of an encyclopedia article about \"%s\".",
                       ask->section, ask->key);
        break;
    case LTD_WIKI_STAGE_ARTICLE:
        ltd_str_printf(out, "Write an encyclopedia article about \"%s\".", ask->key);
        break;
    default:
        if (ask->section)
            ltd_str_printf(out, "This is a draft of the section \"%s\" of an article about \"%s\".",
                           ask->section, ask->key);
        else
            ltd_str_printf(out, "This is a draft of an article about \"%s\".", ask->key);
    }
    if (ask->stage == LTD_WIKI_STAGE_REWRITE)
        ltd_str_puts(out, "\n\n");
    else if (ask->n_documents)
        ltd_str_puts(out, " These documents are all that is known about it.\n\n");
    else
        ltd_str_puts(out, " ");
}

#define MARKS                                                                                      \
    "End every sentence with the number of the document that it comes from, in square brackets, "  \
    "such as [2]. Say nothing that the documents do not say."

static void put_closing(const ltd_wiki_ask *ask, ltd_str *out)
{
    if (ask->n_documents || ask->stage == LTD_WIKI_STAGE_REWRITE) ltd_str_puts(out, "\n\n");
    switch (ask->stage) {
    case LTD_WIKI_STAGE_PLAN:
        ltd_str_puts(out,
                     "List the names of its sections, one a line, numbered, the first one being "
                     "\"1. Introduction\". Write the names alone: no details, no documents.");
        break;
    case LTD_WIKI_STAGE_SECTION:
        ltd_str_printf(out, "Write only the section \"%s\", without its heading.%s", ask->section,
                       ask->n_documents ? " " MARKS : "");
        break;
    case LTD_WIKI_STAGE_ARTICLE:
        ltd_str_printf(out,
                       "Write the whole article about \"%s\", in sections. Begin each section with "
                       "a line of this form: ==Name of the section==.%s",
                       ask->key, ask->n_documents ? " " MARKS : "");
        break;
    default:
        ltd_str_puts(out,
                     "Write it once more, so that it reads smoothly. Keep lines ==...== and the "
                     "numbers in square brackets where they are, keep what each sentence says, "
                     "and keep the length.");
    }
}

static void put_prompt(const ltd_wiki_ask *ask, const char *block, size_t bytes, ltd_str *out)
{
    ltd_str_clear(out);
    put_opening(ask, out);
    ltd_str_push(out, block, bytes);
    put_closing(ask, out);
}

/* The most words of the block that fit, by halving; tokens grow with words: the prompt is made of
 * as many as were found to fit. */
static int fit(const ltd_wiki_ask *ask, const char *block, int32_t most,
               const ltd_wiki_counter *counter, ltd_str *out, ltd_err *err)
{
    int32_t low = 0, high = count_words(block), tokens = 0;
    while (low < high) {
        int32_t middle = low + (high - low) / 2 + 1;
        put_prompt(ask, block, bytes_of_words(block, middle - 1), out);
        if (out->failed) break;
        int rc = counter->count(counter->ctx, out->data, &tokens, err);
        if (rc < 0) return rc;
        if (tokens <= most)
            low = middle;
        else
            high = middle - 1;
    }
    put_prompt(ask, block, low ? bytes_of_words(block, low - 1) : 0, out);
    if (out->failed) return ltd_fail(err, LTD_ENOMEM, "prompt: no memory");
    if (low) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL,
                    "prompt for '%.80s': without any document it is longer than the %d tokens it "
                    "may have",
                    ask->key, most);
}

int ltd_wiki_prompt(const ltd_wiki_ask *ask, int32_t most, const ltd_wiki_counter *counter,
                    ltd_str *out, ltd_err *err)
{
    ltd_str block = LTD_STR_INIT;
    int32_t tokens = 0;
    put_block(ask, &block);
    put_prompt(ask, ltd_str_text(&block), block.len, out);
    int rc = block.failed || out->failed ? ltd_fail(err, LTD_ENOMEM, "prompt: no memory")
                                         : counter->count(counter->ctx, out->data, &tokens, err);
    if (rc == LTD_OK && tokens > most) rc = fit(ask, ltd_str_text(&block), most, counter, out, err);
    ltd_str_fini(&block);
    return rc;
}
