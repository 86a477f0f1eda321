#include "trainer/wiki/pages/chunks.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/mem.h"
#include "base/str.h"
#include "trainer/wiki/pages/words.h"

enum { FEWEST_WORDS = 50 };
static const double most_rubbish = 0.02;

/* Chunks in the making. */
typedef struct builder {
    ltd_wiki_chunks *c;
    const ltd_wiki_chunking *o;
    ltd_str bytes; /* texts, a NUL behind each */
    size_t *start; /* [c->n] where in `bytes`, which moves */
    size_t chunk_room, start_room;
    int32_t open; /* words of the chunk that is open, 0: none is */
    bool failed;  /* no memory */
} builder;

/* Control characters and U+FFFD among the characters. */
static double rubbish_share(const char *text, size_t len)
{
    size_t bad = 0, n = 0;
    for (size_t i = 0; i < len; n++) {
        utf8proc_int32_t c = 0xfffd; /* what is no UTF-8 is rubbish, too */
        utf8proc_ssize_t bytes =
            utf8proc_iterate((const uint8_t *)text + i, (utf8proc_ssize_t)(len - i), &c);
        if (bytes <= 0) {
            c = 0xfffd;
            bytes = 1;
        }
        bad += c == 0xfffd || (c < 0x20 && c != '\t' && c != '\n' && c != '\r');
        i += (size_t)bytes;
    }
    return n ? (double)bad / (double)n : 0;
}

/* The bytes of a character at the front of a text; 1 when it is no UTF-8. */
static size_t character_at(const char *text, size_t len)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t n = utf8proc_iterate((const uint8_t *)text, (utf8proc_ssize_t)len, &c);
    return n > 0 ? (size_t)n : 1;
}

static void open_chunk(builder *b, int32_t doc)
{
    ltd_wiki_chunks *c = b->c;
    size_t n = (size_t)c->n + 1;
    if (!ltd_mem_reserve((void **)&c->chunk, &b->chunk_room, n, sizeof *c->chunk) ||
        !ltd_mem_reserve((void **)&b->start, &b->start_room, n, sizeof *b->start)) {
        b->failed = true;
        return;
    }
    b->start[c->n] = b->bytes.len;
    c->chunk[c->n] = (ltd_wiki_chunk){.id = c->n, .doc = doc};
    c->n++;
}

static void close_chunk(builder *b)
{
    if (!b->open || b->failed) return;
    b->c->chunk[b->c->n - 1].words = b->open;
    ltd_str_push(&b->bytes, "", 1);
    b->open = 0;
}

static void put_piece(builder *b, int32_t doc, const char *word, size_t len)
{
    if (b->open == b->o->words) close_chunk(b);
    if (b->open && b->o->bytes) {
        size_t used = b->bytes.len - b->start[b->c->n - 1];
        if (used + 1 + len > (size_t)b->o->bytes) close_chunk(b);
    }
    if (!b->open) open_chunk(b, doc);
    if (b->failed) return;
    if (b->open) ltd_str_push(&b->bytes, " ", 1);
    b->open++;
    ltd_str_push(&b->bytes, word, len);
}

/* A word longer than a chunk goes into several. */
static void put_word(builder *b, int32_t doc, const char *word, size_t len)
{
    size_t most = b->o->bytes ? (size_t)b->o->bytes : len;
    while (len > most && !b->failed) {
        size_t n = 0, next;
        while ((next = n + character_at(word + n, len - n)) <= most) n = next;
        if (!n) n = character_at(word, len); /* fewer bytes a chunk than a character has */
        put_piece(b, doc, word, n);
        word += n;
        len -= n;
    }
    if (len) put_piece(b, doc, word, len);
}

/* A word as its chunk has it: a chunk is a C string, so no NUL; ASCII alone when that is wanted. */
static void clean(ltd_str *out, const char *word, int32_t len, bool ascii)
{
    ltd_str_clear(out);
    for (int32_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)word[i];
        if (ascii && (c < 0x20 || c > 0x7e)) continue;
        if (c)
            ltd_str_push(out, word + i, 1);
        else
            ltd_str_puts(out, "\xef\xbf\xbd");
    }
}

static int cut_page(builder *b, int32_t doc, ltd_err *err)
{
    const ltd_wiki_page *page = &b->c->event->pages[doc];
    ltd_words w = {0};
    int rc = ltd_words_split(&w, LTD_WORDS_WS, page->text, page->len, err);
    if (rc < 0) return rc;
    if (w.n >= FEWEST_WORDS && rubbish_share(page->text, page->len) <= most_rubbish) {
        ltd_str word = LTD_STR_INIT;
        b->c->usable++;
        for (int32_t i = 0; i < w.n && !b->failed; i++) {
            clean(&word, ltd_words_at(&w, i), w.len[i], b->o->ascii);
            put_word(b, doc, ltd_str_text(&word), word.len);
        }
        close_chunk(b);
        b->failed |= word.failed;
        ltd_str_fini(&word);
    }
    ltd_words_fini(&w);
    return LTD_OK;
}

static bool is_wanted(const ltd_wiki_page *page, ltd_wiki_sources sources)
{
    return sources == LTD_WIKI_MIXED || page->human == (sources == LTD_WIKI_HUMAN);
}

int ltd_wiki_chunks_new(ltd_wiki_chunks **ret, const ltd_wiki_event *event,
                        const ltd_wiki_chunking *options, ltd_err *err)
{
    if (options->words <= 0 || options->bytes < 0)
        return ltd_fail(err, LTD_EINVAL, "chunks: %d words, %d bytes, expected 1 and 0 or more",
                        (int)options->words, (int)options->bytes);
    ltd_wiki_chunks *c = ltd_mem_zeros(1, sizeof *c);
    if (!c) return ltd_fail(err, LTD_ENOMEM, "chunks: no memory");
    c->event = event;
    builder b = {.c = c, .o = options, .bytes = LTD_STR_INIT};
    int rc = LTD_OK;
    for (int32_t i = 0; i < event->n_pages && rc == LTD_OK && !b.failed; i++)
        if (is_wanted(&event->pages[i], options->sources)) rc = cut_page(&b, i, err);
    if (rc == LTD_OK && (b.failed || b.bytes.failed))
        rc = ltd_fail(err, LTD_ENOMEM, "chunks: no memory for the %d-th", (int)c->n);
    c->bytes_ = ltd_str_take(&b.bytes);
    for (int32_t i = 0; i < c->n && rc == LTD_OK; i++) c->chunk[i].text = c->bytes_ + b.start[i];
    free(b.start);
    if (rc < 0) {
        ltd_wiki_chunks_free(c);
        return rc;
    }
    *ret = c;
    return LTD_OK;
}

void ltd_wiki_chunks_free(ltd_wiki_chunks *chunks)
{
    if (!chunks) return;
    free(chunks->bytes_);
    free(chunks->chunk);
    free(chunks);
}
