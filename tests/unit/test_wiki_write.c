#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "tests/support/fake_author.h"
#include "tests/support/golden.h"
#include "trainer/wiki/write/extract.h"

enum { RACE = 900000001, FLOOD = 900000003 };

static const fake_answer answers[] = {
    {"List the names", "1. Introduction\n2. Race\n3. Reaction of the town\n4. References\n"},
    {"Write only the section \"Introduction\"", "The race was held in Port Ellery.[1]"},
    {"Write only the section \"Race\"", "Grey Heron won.[2][1] It was close.[3]"},
    {"Write only the section", "People came.[1]"},
    {"Write it once more", "==Introduction==\nAll is smooth.[1] And so on.[2]"},
    {"", "==Introduction==\nA race.[1]\n==Race==\nHeron won.[2]"},
};

static ltd_wiki_event *load(int64_t id)
{
    char root[512];
    ltd_wiki_event *e;
    ltd_err err = LTD_ERR_INIT;
    assert_true(source_path(root, sizeof root, "tests/golden/wikigen"));
    if (ltd_wiki_event_load(&e, root, id, &err) < 0) fail_msg("%s", err.msg);
    return e;
}

static ltd_wiki_task task_of(ltd_wiki_method method)
{
    return (ltd_wiki_task){.method = method, .profile = ltd_wiki_profile_find("2k")};
}

/* What a query finds, asked apart from the writer. */
typedef struct shelf {
    ltd_wiki_chunks *chunks;
    ltd_wiki_ranker *ranker;
    ltd_wiki_hit hit[16];
    int32_t n;
} shelf;

static void shelf_open(shelf *s, const ltd_wiki_event *e, const ltd_wiki_task *task)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_chunking how = ltd_wiki_task_chunking(task);
    assert_int_equal(ltd_wiki_chunks_new(&s->chunks, e, &how, &err), LTD_OK);
    assert_int_equal(ltd_wiki_ranker_new(&s->ranker, task->ranking, s->chunks, &err), LTD_OK);
}

static void shelf_close(shelf *s)
{
    ltd_wiki_ranker_free(s->ranker);
    ltd_wiki_chunks_free(s->chunks);
}

static void shelf_ask(shelf *s, const ltd_wiki_task *task, const char *query)
{
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_wiki_rank(s->ranker, query, task->profile->chunks, s->hit, &s->n, &err),
                     LTD_OK);
}

static void piece_shows_the_hits(const shelf *s, const ltd_wiki_piece *p)
{
    assert_int_equal(p->n_chunks, s->n);
    for (int32_t i = 0; i < s->n; i++) {
        assert_int_equal(p->chunk[i], s->hit[i].chunk);
        assert_string_equal(p->chunk_text[i], s->chunks->chunk[s->hit[i].chunk].text);
    }
}

/* In rank order, each whole unless the prompt was cut. */
static void prompt_shows_the_hits(const shelf *s, const char *prompt)
{
    const char *at = prompt;
    for (int32_t i = 0; i < s->n; i++) {
        ltd_str opening = LTD_STR_INIT;
        ltd_str_printf(&opening, "Document %d: %.60s", i + 1,
                       s->chunks->chunk[s->hit[i].chunk].text);
        at = strstr(at, opening.data);
        if (!at) fail_msg("'%s' is missing, or too early", opening.data);
        ltd_str_fini(&opening);
    }
    assert_null(strstr(at + 1, "\n\nDocument "));
}

static void call_is(const ltd_wiki_call *c, ltd_wiki_stage stage, const char *section,
                    const char *prompt)
{
    char hash[65];
    ltd_file_sha256(hash, prompt, strlen(prompt));
    assert_int_equal(c->stage, stage);
    assert_string_equal(c->prompt_hash, hash);
    assert_int_equal(c->prompt_tokens, (strlen(prompt) + 3) / 4);
    assert_string_equal(c->section ? c->section : "(none)", section ? section : "(none)");
    assert_true(c->tokens.n > 0);
    assert_int_equal(c->effort.cycles, c->tokens.n);
}

static void write_it(const ltd_wiki_task *task, const ltd_wiki_event *e, fake_author *a,
                     ltd_wiki_work *w)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_author author = fake_author_of(a);
    if (ltd_wiki_write(task, e, &author, w, &err) < 0) fail_msg("%s", err.msg);
    assert_true(w->complete);
    assert_int_equal(w->id, e->id);
    assert_string_equal(w->key, e->key);
    assert_string_equal(w->method, ltd_wiki_method_name(task->method));
}

/* --- whole articles --- */

static void vanilla_knows_the_title_alone(void **state)
{
    (void)state;
    fake_author a = {.table = answers, .cancel_at = -1};
    ltd_wiki_task task = task_of(LTD_WIKI_VANILLA);
    ltd_wiki_event *e = load(RACE);
    ltd_wiki_work w = {0};
    write_it(&task, e, &a, &w);
    assert_int_equal(a.asked, 1);
    assert_int_equal(a.most[0], task.profile->article_tokens);
    assert_non_null(strstr(a.prompt[0], e->key));
    assert_null(strstr(a.prompt[0], "Document"));
    assert_int_equal(w.n_calls, 1);
    call_is(&w.call[0], LTD_WIKI_STAGE_ARTICLE, NULL, a.prompt[0]);
    assert_int_equal(w.n_pieces, 1);
    assert_null(w.piece[0].title);
    assert_string_equal(w.piece[0].text, answers[5].text);
    assert_int_equal(w.piece[0].n_chunks, 0);
    ltd_wiki_work_fini(&w);
    fake_author_fini(&a);
    ltd_wiki_event_free(e);
}

static void rr_shows_the_best_chunks_for_the_title(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        fake_author a = {.table = answers, .cancel_at = -1};
        ltd_wiki_task task = task_of(LTD_WIKI_RR);
        shelf s;
        ltd_wiki_work w = {0};
        ltd_wiki_event *e = load(RACE);
        task.profile = ltd_wiki_profile_find(i & 1 ? "4k" : "2k");
        task.ranking = i & 2 ? LTD_WIKI_TFIDF : LTD_WIKI_BM25;
        shelf_open(&s, e, &task);
        shelf_ask(&s, &task, e->key);
        assert_in_range(s.n, 3, task.profile->chunks);
        write_it(&task, e, &a, &w);
        assert_int_equal(a.asked, 1);
        assert_int_equal(a.most[0], i & 1 ? 800 : 512);
        prompt_shows_the_hits(&s, a.prompt[0]);
        assert_true(strlen(a.prompt[0]) <= 4 * (size_t)task.profile->prompt_tokens);
        assert_int_equal(w.n_pieces, 1);
        piece_shows_the_hits(&s, &w.piece[0]);
        ltd_wiki_work_fini(&w);
        fake_author_fini(&a);
        shelf_close(&s);
        ltd_wiki_event_free(e);
    }
}

static void an_answer_is_as_long_as_it_may_be(void **state)
{
    (void)state;
    char text[4001];
    memset(text, 'a', 4000);
    text[4000] = 0;
    const fake_answer longer[] = {{"", text}};
    fake_author a = {.table = longer, .cancel_at = -1};
    ltd_wiki_task task = task_of(LTD_WIKI_RR);
    ltd_wiki_event *e = load(RACE);
    ltd_wiki_work w = {0};
    write_it(&task, e, &a, &w);
    assert_int_equal(w.call[0].tokens.n, 512);
    assert_int_equal(w.call[0].stop, LTD_WIKI_STOP_LENGTH);
    assert_int_equal(strlen(w.piece[0].text), 4 * 512);
    ltd_wiki_work_fini(&w);
    fake_author_fini(&a);
    ltd_wiki_event_free(e);
}

/* --- section by section --- */

static const char *const planned[] = {"Introduction", "Race", "Reaction of the town"};
static const char *const referred[] = {"Introduction", "Background", "Race", "Reaction"};

/* Calls and pieces of the sections, the first one being call number `before`. */
static void sections_are(const ltd_wiki_task *task, const ltd_wiki_event *e, const fake_author *a,
                         const ltd_wiki_work *w, int32_t before, const char *const *name, int32_t n)
{
    shelf s;
    char text[256];
    shelf_open(&s, e, task);
    for (int32_t i = 0; i < n; i++) {
        snprintf(text, sizeof text, "%s of %s?", name[i], e->key);
        shelf_ask(&s, task, text);
        assert_int_equal(a->most[before + i], task->profile->section_tokens);
        prompt_shows_the_hits(&s, a->prompt[before + i]);
        call_is(&w->call[before + i], LTD_WIKI_STAGE_SECTION, name[i], a->prompt[before + i]);
        if (task->rewrite) continue;
        piece_shows_the_hits(&s, &w->piece[i]);
        assert_string_equal(w->piece[i].title, name[i]);
        snprintf(text, sizeof text, "==%s==\n%s", name[i], w->call[before + i].text);
        assert_string_equal(w->piece[i].text, text);
    }
    shelf_close(&s);
}

static void prr_plans_from_documents(void **state)
{
    (void)state;
    fake_author a = {.table = answers, .cancel_at = -1};
    ltd_wiki_task task = task_of(LTD_WIKI_PRR);
    ltd_wiki_event *e = load(RACE);
    shelf s;
    ltd_wiki_work w = {0};
    shelf_open(&s, e, &task);
    shelf_ask(&s, &task, e->key);
    write_it(&task, e, &a, &w);
    assert_int_equal(a.asked, 4);
    assert_int_equal(a.most[0], task.profile->plan_tokens);
    prompt_shows_the_hits(&s, a.prompt[0]);
    call_is(&w.call[0], LTD_WIKI_STAGE_PLAN, NULL, a.prompt[0]);
    assert_int_equal(w.n_calls, 4);
    assert_int_equal(w.n_pieces, 3);
    sections_are(&task, e, &a, &w, 1, planned, 3);
    assert_string_equal(w.piece[1].text, "==Race==\nGrey Heron won.[2][1] It was close.[3]");
    shelf_close(&s);
    ltd_wiki_work_fini(&w);
    fake_author_fini(&a);
    ltd_wiki_event_free(e);
}

static void prr_plans_blind(void **state)
{
    (void)state;
    fake_author a = {.table = answers, .cancel_at = -1};
    ltd_wiki_task task = task_of(LTD_WIKI_PRR);
    ltd_wiki_event *e = load(RACE);
    ltd_wiki_work w = {0};
    task.plan = LTD_WIKI_PLAN_BLIND;
    write_it(&task, e, &a, &w);
    assert_int_equal(a.asked, 4);
    assert_null(strstr(a.prompt[0], "Document"));
    assert_non_null(strstr(a.prompt[0], e->key));
    sections_are(&task, e, &a, &w, 1, planned, 3);
    ltd_wiki_work_fini(&w);
    fake_author_fini(&a);
    ltd_wiki_event_free(e);
}

static void prr_takes_the_outline_of_the_reference(void **state)
{
    (void)state;
    fake_author a = {.table = answers, .cancel_at = -1};
    ltd_wiki_task task = task_of(LTD_WIKI_PRR);
    ltd_wiki_event *e = load(RACE);
    ltd_wiki_work w = {0};
    task.plan = LTD_WIKI_PLAN_REF;
    write_it(&task, e, &a, &w);
    assert_int_equal(a.asked, 4);
    assert_int_equal(w.n_pieces, 4);
    sections_are(&task, e, &a, &w, 0, referred, 4);
    ltd_wiki_work_fini(&w);
    fake_author_fini(&a);
    ltd_wiki_event_free(e);
}

static void a_rewrite_keeps_sections_and_their_chunks(void **state)
{
    (void)state;
    fake_author a = {.table = answers, .cancel_at = -1};
    ltd_wiki_task task = task_of(LTD_WIKI_PRR);
    ltd_wiki_event *e = load(RACE);
    shelf s;
    ltd_wiki_work w = {0};
    char text[256];
    task.rewrite = true;
    shelf_open(&s, e, &task);
    write_it(&task, e, &a, &w);
    assert_int_equal(a.asked, 7);
    sections_are(&task, e, &a, &w, 1, planned, 3);
    assert_int_equal(w.n_pieces, 3);
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(a.most[4 + i], task.profile->section_tokens);
        call_is(&w.call[4 + i], LTD_WIKI_STAGE_REWRITE, planned[i], a.prompt[4 + i]);
        /* What was written first is the draft, without its heading. */
        assert_non_null(strstr(a.prompt[4 + i], w.call[1 + i].text));
        snprintf(text, sizeof text, "==%s==\nThe race", planned[i]);
        assert_null(strstr(a.prompt[4 + i], text));
        snprintf(text, sizeof text, "==%s==\n%s", planned[i], answers[4].text);
        assert_string_equal(w.piece[i].text, text);
        snprintf(text, sizeof text, "%s of %s?", planned[i], e->key);
        shelf_ask(&s, &task, text);
        piece_shows_the_hits(&s, &w.piece[i]);
    }
    shelf_close(&s);
    ltd_wiki_work_fini(&w);
    fake_author_fini(&a);
    ltd_wiki_event_free(e);
}

/* --- without a model --- */

static void extracts_ask_nobody(void **state)
{
    (void)state;
    for (int m = LTD_WIKI_EXTRACT_RR; m <= LTD_WIKI_EXTRACT_PRR; m++) {
        fake_author a = {.table = answers, .cancel_at = 0};
        ltd_wiki_task task = task_of((ltd_wiki_method)m);
        ltd_wiki_event *e = load(FLOOD);
        shelf s;
        ltd_err err = LTD_ERR_INIT;
        ltd_wiki_extract x;
        ltd_wiki_work w = {0};
        const char *plan[LTD_WIKI_PLAN];
        int32_t n = ltd_wiki_reference_plan(e, plan, LTD_WIKI_PLAN);
        task.rewrite = true; /* nobody can */
        shelf_open(&s, e, &task);
        int rc = m == LTD_WIKI_EXTRACT_RR
                     ? ltd_wiki_extract_rr(&x, s.ranker, s.chunks, &err)
                     : ltd_wiki_extract_prr(&x, s.ranker, s.chunks, plan, n, &err);
        assert_int_equal(rc, LTD_OK);
        write_it(&task, e, &a, &w);
        assert_int_equal(w.n_calls, 0);
        assert_int_equal(w.n_pieces, 1);
        assert_string_equal(w.piece[0].text, x.text);
        assert_int_equal(w.piece[0].n_chunks, x.n_chunks);
        assert_memory_equal(w.piece[0].chunk, x.chunk, (size_t)x.n_chunks * sizeof *x.chunk);
        for (int32_t i = 0; i < x.n_chunks; i++)
            assert_string_equal(w.piece[0].chunk_text[i], s.chunks->chunk[x.chunk[i]].text);
        ltd_wiki_extract_fini(&x);
        shelf_close(&s);
        ltd_wiki_work_fini(&w);
        ltd_wiki_event_free(e);
    }
}

/* --- interrupted --- */

static bool same_call(const ltd_wiki_call *a, const ltd_wiki_call *b)
{
    return a->stage == b->stage && strcmp(a->prompt_hash, b->prompt_hash) == 0 &&
           strcmp(a->text, b->text) == 0 && a->tokens.n == b->tokens.n;
}

/* Stopped before call k, and gone on: nothing is asked twice, and the end is the same. */
static void an_article_goes_on_where_it_was(void **state)
{
    (void)state;
    ltd_wiki_task task = task_of(LTD_WIKI_PRR);
    ltd_wiki_event *e = load(RACE);
    ltd_wiki_work whole = {0};
    fake_author one = {.table = answers, .cancel_at = -1};
    task.rewrite = true;
    write_it(&task, e, &one, &whole);
    for (int32_t k = 0; k < 7; k++) {
        fake_author a = {.table = answers, .cancel_at = k}, b = {.table = answers, .cancel_at = -1};
        ltd_wiki_author author = fake_author_of(&a);
        ltd_err err = LTD_ERR_INIT;
        ltd_wiki_work w = {0};
        assert_int_equal(ltd_wiki_write(&task, e, &author, &w, &err), LTD_ECANCELED);
        assert_false(w.complete);
        assert_int_equal(w.n_calls, k);
        write_it(&task, e, &b, &w);
        assert_int_equal(b.asked, 7 - k);
        for (int32_t i = 0; i < b.asked; i++) assert_string_equal(b.prompt[i], one.prompt[k + i]);
        assert_int_equal(w.n_calls, 7);
        for (int32_t i = 0; i < 7; i++) assert_true(same_call(&w.call[i], &whole.call[i]));
        for (int32_t i = 0; i < 3; i++) assert_string_equal(w.piece[i].text, whole.piece[i].text);
        fake_author_fini(&a);
        fake_author_fini(&b);
        ltd_wiki_work_fini(&w);
    }
    fake_author_fini(&one);
    ltd_wiki_work_fini(&whole);
    ltd_wiki_event_free(e);
}

static void a_changed_prompt_is_asked_from_there_on(void **state)
{
    (void)state;
    ltd_wiki_task task = task_of(LTD_WIKI_PRR);
    ltd_wiki_event *e = load(RACE);
    fake_author a = {.table = answers, .cancel_at = -1};
    ltd_wiki_work w = {0};
    write_it(&task, e, &a, &w);
    fake_author_fini(&a);
    /* All as it was: nothing is asked. */
    write_it(&task, e, &a, &w);
    assert_int_equal(a.asked, 0);
    assert_int_equal(w.n_pieces, 3);
    w.call[2].prompt_hash[0] ^= 1;
    write_it(&task, e, &a, &w);
    assert_int_equal(a.asked, 2);
    assert_non_null(strstr(a.prompt[0], "Write only the section \"Race\""));
    assert_int_equal(w.n_calls, 4);
    assert_int_equal(w.n_pieces, 3);
    fake_author_fini(&a);
    /* Calls too many are forgotten. */
    task.rewrite = true;
    write_it(&task, e, &a, &w);
    assert_int_equal(a.asked, 3);
    assert_int_equal(w.n_calls, 7);
    fake_author_fini(&a);
    task.rewrite = false;
    write_it(&task, e, &a, &w);
    assert_int_equal(a.asked, 0);
    assert_int_equal(w.n_calls, 4);
    assert_int_equal(w.n_pieces, 3);
    task.method = LTD_WIKI_RR;
    write_it(&task, e, &a, &w);
    assert_int_equal(a.asked, 1);
    assert_int_equal(w.n_calls, 1);
    assert_string_equal(w.method, "rr");
    fake_author_fini(&a);
    ltd_wiki_work_fini(&w);
    ltd_wiki_event_free(e);
}

/* An author whose context has both. */
typedef struct keeper {
    fake_author a;
    int32_t kept, refuse_at;
} keeper;

static int keeper_answer(void *ctx, const char *prompt, int32_t most, ltd_wiki_call *c,
                         ltd_err *err)
{
    return fake_write(&((keeper *)ctx)->a, prompt, most, c, err);
}

static int keeper_kept(void *ctx, const ltd_wiki_work *w, ltd_err *err)
{
    keeper *k = ctx;
    assert_false(w->complete);
    assert_int_equal(w->n_calls, k->kept + 1);
    if (k->kept == k->refuse_at) return ltd_fail(err, LTD_EIO, "full");
    k->kept++;
    return LTD_OK;
}

static void each_new_call_is_kept(void **state)
{
    (void)state;
    ltd_wiki_task task = task_of(LTD_WIKI_PRR);
    ltd_wiki_event *e = load(RACE);
    keeper k = {.a = {.table = answers, .cancel_at = -1}, .refuse_at = 2};
    ltd_wiki_author author = {{fake_count, NULL}, keeper_answer, keeper_kept, &k};
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_work w = {0};
    assert_int_equal(ltd_wiki_write(&task, e, &author, &w, &err), LTD_EIO);
    assert_int_equal(k.kept, 2);
    assert_int_equal(w.n_calls, 3);
    k.kept = 3;
    k.refuse_at = -1;
    assert_int_equal(ltd_wiki_write(&task, e, &author, &w, &err), LTD_OK);
    assert_int_equal(k.kept, 4);
    assert_int_equal(k.a.asked, 4);
    fake_author_fini(&k.a);
    ltd_wiki_work_fini(&w);
    ltd_wiki_event_free(e);
}

/* --- nothing to write from --- */

static void an_event_without_usable_pages_gives_no_article(void **state)
{
    (void)state;
    static const char wiki[] =
        "{\"id\": 7, \"key\": \"Quiet day\", \"url\": \"\", \"text\": \"\", \"outlines\": [], "
        "\"info_kv\": {}, \"reference\": [[\"\", \"\", \"too short to count\"]]}";
    ltd_wiki_event *e;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_wiki_event_parse(&e, "made", wiki, strlen(wiki), NULL, 0, &err), LTD_OK);
    for (int m = 0; m < LTD_WIKI_METHODS; m++) {
        fake_author a = {.table = answers, .cancel_at = -1};
        ltd_wiki_author author = fake_author_of(&a);
        ltd_wiki_task task = task_of((ltd_wiki_method)m);
        ltd_wiki_work w = {0};
        int rc = ltd_wiki_write(&task, e, &author, &w, &err);
        assert_int_equal(rc, m == LTD_WIKI_VANILLA ? LTD_OK : LTD_WIKI_NO_PAGES);
        assert_int_equal(w.complete, rc == LTD_OK);
        fake_author_fini(&a);
        ltd_wiki_work_fini(&w);
    }
    ltd_wiki_event_free(e);
}

/* --- prompts that are known beforehand --- */

typedef struct taken {
    int32_t n;
    char *prompt[16];
    ltd_wiki_stage stage[16];
    int32_t refuse_at;
} taken;

static int take(void *ctx, ltd_wiki_stage stage, const char *section, const char *prompt,
                ltd_err *err)
{
    taken *t = ctx;
    assert_true((stage == LTD_WIKI_STAGE_SECTION) == (section != NULL));
    if (t->n == t->refuse_at) return ltd_fail(err, LTD_EIO, "full");
    t->stage[t->n] = stage;
    t->prompt[t->n] = ltd_mem_strdup(prompt);
    t->n++;
    return LTD_OK;
}

static void taken_fini(taken *t)
{
    while (t->n > 0) free(t->prompt[--t->n]);
}

/* They are those that the writer asks. */
static void known_prompts_are_those_that_are_asked(void **state)
{
    (void)state;
    ltd_wiki_event *e = load(RACE);
    for (int m = 0; m < LTD_WIKI_METHODS; m++) {
        for (int plan = 0; plan < (m == LTD_WIKI_PRR ? LTD_WIKI_PLANS : 1); plan++) {
            fake_author a = {.table = answers, .cancel_at = -1};
            ltd_wiki_task task = task_of((ltd_wiki_method)m);
            taken t = {.refuse_at = -1};
            ltd_wiki_work w = {0};
            ltd_err err = LTD_ERR_INIT;
            const ltd_wiki_counter counter = {fake_count, NULL};
            const ltd_wiki_taker taker = {take, &t};
            task.plan = (ltd_wiki_plan)plan;
            assert_int_equal(ltd_wiki_known_prompts(&task, e, &counter, &taker, &err), LTD_OK);
            write_it(&task, e, &a, &w);
            int32_t n = m == LTD_WIKI_PRR && plan == LTD_WIKI_PLAN_REF ? 4
                        : ltd_wiki_method_generates(task.method)       ? 1
                                                                       : 0;
            assert_int_equal(t.n, n);
            for (int32_t i = 0; i < n; i++) {
                assert_string_equal(t.prompt[i], a.prompt[i]);
                assert_int_equal(t.stage[i], w.call[i].stage);
            }
            taken_fini(&t);
            ltd_wiki_work_fini(&w);
            fake_author_fini(&a);
        }
    }
    ltd_wiki_event_free(e);
}

static void who_takes_them_may_refuse(void **state)
{
    (void)state;
    ltd_wiki_event *e = load(RACE);
    ltd_wiki_task task = task_of(LTD_WIKI_PRR);
    taken t = {.refuse_at = 2};
    ltd_err err = LTD_ERR_INIT;
    const ltd_wiki_counter counter = {fake_count, NULL};
    const ltd_wiki_taker taker = {take, &t};
    task.plan = LTD_WIKI_PLAN_REF;
    assert_int_equal(ltd_wiki_known_prompts(&task, e, &counter, &taker, &err), LTD_EIO);
    assert_int_equal(t.n, 2);
    taken_fini(&t);
    ltd_wiki_event_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vanilla_knows_the_title_alone),
        cmocka_unit_test(rr_shows_the_best_chunks_for_the_title),
        cmocka_unit_test(an_answer_is_as_long_as_it_may_be),
        cmocka_unit_test(prr_plans_from_documents),
        cmocka_unit_test(prr_plans_blind),
        cmocka_unit_test(prr_takes_the_outline_of_the_reference),
        cmocka_unit_test(a_rewrite_keeps_sections_and_their_chunks),
        cmocka_unit_test(extracts_ask_nobody),
        cmocka_unit_test(an_article_goes_on_where_it_was),
        cmocka_unit_test(a_changed_prompt_is_asked_from_there_on),
        cmocka_unit_test(each_new_call_is_kept),
        cmocka_unit_test(an_event_without_usable_pages_gives_no_article),
        cmocka_unit_test(known_prompts_are_those_that_are_asked),
        cmocka_unit_test(who_takes_them_may_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
