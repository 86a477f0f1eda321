/* Articles from files and from models: any bytes give what was written, or an error that says what
 * is wrong; any text has sections, sentences, an outline, and a plain form. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/fuzz/fuzz.h"
#include "trainer/wiki/write/article.h"
#include "trainer/wiki/write/plan.h"
#include "trainer/wiki/write/work.h"

static void check_article(const ltd_wiki_article *a, int32_t n_parts)
{
    int32_t next = 0;
    for (int32_t i = 0; i < a->n_sections; i++) {
        const ltd_wiki_section *s = &a->section[i];
        assert(s->title && s->first == next && s->n >= 0);
        for (int32_t k = s->first; k < s->first + s->n; k++) assert(a->sentence[k].section == i);
        next += s->n;
    }
    assert(next == a->n_sentences);
    for (int32_t i = 0; i < a->n_sentences; i++) {
        const ltd_wiki_sentence *s = &a->sentence[i];
        assert(s->text && s->n_cites >= 0 && s->part >= 0 && s->part < n_parts);
        for (int32_t k = 0; k < s->n_cites; k++)
            for (int32_t j = 0; j < k; j++) assert(s->cites[j] != s->cites[k]);
    }
}

static void use_text(const char *text)
{
    const char *const twice[] = {text, text};
    ltd_wiki_article *a = NULL;
    ltd_wiki_headings o;
    ltd_str plain = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_wiki_article_parse(&a, twice, 2, &err) < 0) __builtin_trap();
    check_article(a, 2);
    ltd_wiki_article_free(a);
    /* The last line gets an end. */
    ltd_wiki_article_plain(text, &plain);
    assert(plain.len <= strlen(text) + 1 && strlen(ltd_str_text(&plain)) == plain.len);
    ltd_str_fini(&plain);
    if (ltd_wiki_headings_parse(&o, text, &err) < 0) __builtin_trap();
    assert(o.n >= 1 && o.n <= LTD_WIKI_OUTLINE);
    for (int32_t i = 0; i < o.n; i++)
        assert(o.name[i][0] && strlen(o.name[i]) <= LTD_WIKI_NAME && !strchr(o.name[i], '\n'));
    ltd_wiki_headings_fini(&o);
}

/* Written again it is the same, from then on. */
static void use_work(const ltd_wiki_work *w)
{
    ltd_str text = LTD_STR_INIT, again = LTD_STR_INIT;
    ltd_wiki_work r;
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_work_json(w, &text);
    if (ltd_wiki_work_parse(&r, "again", text.data, text.len, &err) < 0) __builtin_trap();
    ltd_wiki_work_json(&r, &again);
    assert(text.len == again.len && memcmp(text.data, again.data, text.len) == 0);
    ltd_str_fini(&text);
    ltd_str_fini(&again);
    ltd_wiki_work_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ltd_wiki_work w = {.id = 7};
    ltd_err err = LTD_ERR_INIT;
    int rc = ltd_wiki_work_parse(&w, "fuzz", data, size, &err);
    if (rc < 0) {
        assert(err.code == rc && err.msg[0] && w.id == 7 && !w.key && !w.call && !w.piece);
    } else {
        use_work(&w);
        ltd_wiki_work_fini(&w);
    }
    char *text = ltd_mem_zeros(size + 1, 1);
    if (!text) return 0;
    if (size) memcpy(text, data, size);
    use_text(text);
    free(text);
    return 0;
}
