#include "trainer/wiki/write/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "trainer/wiki/pages/event.h"
#include "trainer/wiki/write/decoder.h"
#include "trainer/wiki/write/settings.h"
#include "trainer/wiki/write/write.h"

typedef struct job {
    const ltd_setup *s;
    char root[LTD_CONFIG_TEXT], data[LTD_CONFIG_TEXT];
    ltd_wiki_task task[LTD_CONFIG_STRINGS];
    ltd_wiki_prepared *sum;
    /* what is under way */
    ltd_wiki_part_of split;
    const ltd_wiki_event *event;
    const ltd_wiki_task *now;
    ltd_str lines;
} job;

static int no_memory(ltd_err *err)
{
    return ltd_fail(err, LTD_ENOMEM, "prompts: no memory");
}

/* --- what they are made with --- */

static void describe(const job *j, const ltd_wiki_split *split, ltd_str *out)
{
    const ltd_config *c = &j->s->config;
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "root", j->root);
    ltd_json_put_int(&w, "events", c->wiki.events);
    for (int p = 0; p < LTD_WIKI_SPLITS; p++) {
        ltd_json_begin_inline_array(&w, ltd_wiki_split_name((ltd_wiki_part_of)p));
        for (int32_t i = 0; i < split->part[p].n; i++)
            ltd_json_put_int(&w, NULL, split->part[p].id[i]);
        ltd_json_end_array(&w);
    }
    ltd_json_begin_array(&w, "tasks");
    for (int32_t i = 0; i < c->wiki.methods.n; i++) {
        ltd_str text = LTD_STR_INIT;
        ltd_wiki_task_text(&j->task[i], &text);
        ltd_json_put_string(&w, NULL, ltd_str_text(&text));
        ltd_str_fini(&text);
    }
    ltd_json_end_array(&w);
    /* Lengths are counted in the model's tokens, with its template. */
    ltd_json_put_string(&w, "model", ltd_llama_hash(j->s->model));
    ltd_json_put_string(&w, "template", j->s->chat ? ltd_chat_name(j->s->chat) : NULL);
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}

static bool same_file(const char *path, const ltd_str *text)
{
    ltd_file f;
    if (access(path, F_OK) != 0 || ltd_file_map(&f, path, NULL) < 0) return false;
    bool same = f.size == text->len && memcmp(f.data, text->data, f.size) == 0;
    ltd_file_unmap(&f);
    return same;
}

/* --- files --- */

void ltd_wiki_questions(const ltd_config *c, ltd_wiki_part_of split, char *ret, size_t size)
{
    char data[LTD_CONFIG_TEXT];
    ltd_wiki_data(c, data, sizeof data);
    snprintf(ret, size, "%s/%s/wiki/question.jsonl", data, ltd_wiki_split_name(split));
}

static int put_file(const char *path, const ltd_str *text, ltd_err *err)
{
    if (text->failed) return no_memory(err);
    int rc = ltd_file_mkdirs_for(path, err);
    return rc == LTD_OK ? ltd_file_write(path, ltd_str_text(text), text->len, err) : rc;
}

static int put_chunks(const job *j, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_wiki_chunks *chunks;
    ltd_wiki_chunking cut = ltd_wiki_task_chunking(&j->task[0]);
    ltd_str lines = LTD_STR_INIT;
    int rc = ltd_wiki_chunks_new(&chunks, j->event, &cut, err);
    if (rc < 0) return rc;
    for (int32_t i = 0; i < chunks->n; i++) {
        const ltd_wiki_chunk *k = &chunks->chunk[i];
        const ltd_wiki_page *page = &j->event->pages[k->doc];
        ltd_json_writer w = ltd_json_writing(&lines, 0);
        ltd_json_begin_object(&w, NULL);
        ltd_json_put_int(&w, "chunk_id", k->id);
        ltd_json_put_int(&w, "doc_id", k->doc);
        ltd_json_put_string(&w, "src", page->human ? "human" : "search");
        ltd_json_put_string(&w, "title", page->title);
        ltd_json_put_string(&w, "url", page->url);
        ltd_json_put_string(&w, "content", k->text);
        ltd_json_end_object(&w);
        ltd_str_puts(&lines, "\n");
    }
    snprintf(path, sizeof path, "%s/chunks/%" PRId64 ".jsonl", j->data, j->event->id);
    rc = put_file(path, &lines, err);
    ltd_str_fini(&lines);
    ltd_wiki_chunks_free(chunks);
    return rc;
}

/* --- prompts --- */

static int take(void *ctx, ltd_wiki_stage stage, const char *section, const char *prompt,
                ltd_err *err)
{
    job *j = ctx;
    ltd_json_writer w = ltd_json_writing(&j->lines, 0);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "question_id", ++j->sum->prompts[j->split]);
    ltd_json_put_string(&w, "category", "wiki");
    ltd_json_begin_array(&w, "turns");
    ltd_json_put_string(&w, NULL, prompt);
    ltd_json_end_array(&w);
    ltd_json_begin_array(&w, "reference");
    ltd_json_put_text(&w, NULL, j->event->text, j->event->text_len);
    ltd_json_end_array(&w);
    ltd_json_put_int(&w, "event", j->event->id);
    ltd_json_put_string(&w, "method", ltd_wiki_method_name(j->now->method));
    ltd_json_put_string(&w, "stage", ltd_wiki_stage_name(stage));
    ltd_json_put_string(&w, "section", section);
    ltd_json_end_object(&w);
    ltd_str_puts(&j->lines, "\n");
    return j->lines.failed ? no_memory(err) : LTD_OK;
}

static int add_event(job *j, int64_t id, ltd_err *err)
{
    ltd_wiki_event *event;
    ltd_wiki_taker taker = {take, j};
    ltd_wiki_counter counter = ltd_wiki_setup_counter(j->s);
    int32_t before = j->sum->prompts[j->split];
    int rc = ltd_wiki_event_load(&event, j->root, id, err);
    if (rc < 0) return rc;
    j->event = event;
    rc = put_chunks(j, err);
    for (int32_t i = 0; rc == LTD_OK && i < j->s->config.wiki.methods.n; i++) {
        j->now = &j->task[i];
        rc = ltd_wiki_known_prompts(j->now, event, &counter, &taker, err);
        if (rc == LTD_WIKI_NO_PAGES) rc = LTD_OK; /* the benchmark has such events */
    }
    bool some = j->sum->prompts[j->split] > before;
    if (rc == LTD_OK && !some)
        ltd_log(j->s->log, LTD_LOG_WARN, "event %" PRId64 " is left out: no usable page", id);
    j->sum->left_out += !some;
    j->sum->events[j->split] += some;
    ltd_wiki_event_free(event);
    return rc;
}

static int add_split(job *j, const ltd_wiki_ids *ids, const ltd_watch *watch, ltd_err *err)
{
    char path[PATH_MAX];
    int32_t most = j->s->config.wiki.events;
    int32_t n = most && most < ids->n ? most : ids->n;
    int rc = LTD_OK;
    ltd_str_clear(&j->lines);
    for (int32_t i = 0; rc == LTD_OK && i < n; i++) {
        rc = ltd_watch_tell(watch, (double)i / n, ltd_wiki_split_name(j->split), err);
        if (rc == LTD_OK) rc = add_event(j, ids->id[i], err);
    }
    ltd_wiki_questions(&j->s->config, j->split, path, sizeof path);
    if (rc == LTD_OK && n) rc = put_file(path, &j->lines, err);
    return rc;
}

static int add_all(job *j, const ltd_wiki_split *split, const ltd_watch *watch, ltd_err *err)
{
    char path[PATH_MAX];
    int rc = LTD_OK;
    for (int p = 0; rc == LTD_OK && p < LTD_WIKI_SPLITS; p++) {
        j->split = (ltd_wiki_part_of)p;
        ltd_wiki_questions(&j->s->config, j->split, path, sizeof path);
        unlink(path); /* of a split that has no events any more, too */
        rc = add_split(j, &split->part[p], watch, err);
    }
    return rc;
}

/* Two processes, as ranks of a training run are, prepare one after the other: the second finds what
 * the first has made.  Closing gives the lock back. */
static int lock(const job *j, int *fd, ltd_err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/prepared.lock", j->data);
    int rc = ltd_file_mkdirs(j->data, err);
    if (rc < 0) return rc;
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*fd >= 0 && flock(*fd, LOCK_EX) == 0) return LTD_OK;
    return ltd_fail(err, LTD_EIO, "%s: %s", path, strerror(errno));
}

static int prepare(job *j, const ltd_wiki_split *split, const ltd_watch *watch, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_str made = LTD_STR_INIT;
    int rc = LTD_OK;
    describe(j, split, &made);
    snprintf(path, sizeof path, "%s/prepared.json", j->data);
    if (!made.failed && same_file(path, &made)) {
        j->sum->fresh = false;
    } else {
        /* Written last: without it a folder that was begun is made anew. */
        unlink(path);
        rc = add_all(j, split, watch, err);
        if (rc == LTD_OK) rc = put_file(path, &made, err);
    }
    ltd_str_fini(&made);
    return rc;
}

static int open_job(job *j, ltd_err *err)
{
    const ltd_config *c = &j->s->config;
    int rc = LTD_OK;
    if (c->wiki.methods.n < 1) rc = ltd_fail(err, LTD_EINVAL, "wiki.methods: names none");
    for (int32_t i = 0; rc == LTD_OK && i < c->wiki.methods.n; i++)
        rc = ltd_wiki_settings_task(c, c->wiki.methods.v[i], &j->task[i], err);
    ltd_wiki_root(c, j->root, sizeof j->root);
    ltd_wiki_data(c, j->data, sizeof j->data);
    return rc;
}

int ltd_wiki_prepare(const ltd_setup *s, const ltd_watch *watch, ltd_wiki_prepared *ret,
                     ltd_err *err)
{
    job j = {.s = s, .sum = ret, .lines = LTD_STR_INIT};
    ltd_wiki_split split = {0};
    int fd = -1;
    *ret = (ltd_wiki_prepared){.fresh = true};
    int rc = open_job(&j, err);
    if (rc == LTD_OK) rc = ltd_wiki_split_of(&split, j.root, err);
    if (rc == LTD_OK) rc = lock(&j, &fd, err);
    if (rc == LTD_OK) rc = prepare(&j, &split, watch, err);
    if (fd >= 0) close(fd);
    ltd_wiki_split_fini(&split);
    ltd_str_fini(&j.lines);
    return rc;
}
