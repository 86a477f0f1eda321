/* question.jsonl -> tokenised prompts.  A line is one JSON object; json-c reads it with a depth
 * limit, strictly and with UTF-8 checked; the fields are taken out and the object is freed, so that
 * no more than one line's tree is in memory. */
#include "env/prompts.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <json.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { JSON_DEPTH = 32, MAX_LINE = 16 << 20, MAX_PROMPTS = 1 << 24 };

struct ltd_prompts {
    ltd_prompt *list; /* strings and ids of each are owned */
    size_t n, cap;
};

/* What every prompt of a load shares. */
struct reader {
    ltd_prompts *prompts;
    const ltd_chat *chat;
    const ltd_tokenizer *tok;
    const char *name; /* of the file, for messages */
    char *task;
    int32_t limit, max_tokens;
    int32_t skipped;
};

/* --- one prompt --- */
static int tokenise(ltd_tokens *ids, const struct reader *r, const char *text, ltd_err *err)
{
    if (!r->chat)
        return ltd_tokenizer_encode(r->tok, text, strlen(text), LTD_ENCODE_PROMPT, ids, err);
    const ltd_message message = {.role = "user", .content = text};
    ltd_str rendered = LTD_STR_INIT;
    int status = ltd_chat_render(r->chat, &message, 1, true, &rendered, err);
    if (status == LTD_OK)
        status = ltd_tokenizer_encode(r->tok, ltd_str_text(&rendered), rendered.len,
                                      LTD_ENCODE_PROMPT, ids, err);
    ltd_str_fini(&rendered);
    return status;
}

static void prompt_fini(ltd_prompt *p)
{
    free((void *)p->category);
    free((void *)p->task);
    free((void *)p->text);
    free((void *)p->ids);
}

/* A copy of what *from points to. */
static int append(ltd_prompts *all, const ltd_prompt *from, ltd_err *err)
{
    int32_t *ids = ltd_mem_zeros((size_t)from->n, sizeof *ids);
    ltd_prompt p = {
        .question_id = from->question_id,
        .category = ltd_mem_strdup(from->category),
        .task = ltd_mem_strdup(from->task),
        .text = ltd_mem_strdup(from->text),
        .ids = ids,
        .n = from->n,
    };
    if (all->n == all->cap) {
        size_t cap = all->cap ? 2 * all->cap : 16;
        ltd_prompt *list = ltd_mem_resize(all->list, cap, sizeof *list);
        if (list) {
            all->list = list;
            all->cap = cap;
        }
    }
    if (!ids || !p.category || !p.task || !p.text || all->n == all->cap) {
        prompt_fini(&p);
        return ltd_fail(err, LTD_ENOMEM, "prompt %zu", all->n);
    }
    memcpy(ids, from->ids, (size_t)from->n * sizeof *ids);
    all->list[all->n++] = p;
    return LTD_OK;
}

static int add(struct reader *r, int64_t question_id, const char *category, const char *text,
               ltd_err *err)
{
    ltd_tokens ids = LTD_TOKENS_INIT;
    int status = tokenise(&ids, r, text, err);
    if (status == LTD_OK && ids.n == 0)
        status = ltd_fail(err, LTD_EFORMAT, "the prompt has no tokens");
    if (status < 0 || (r->max_tokens > 0 && ids.n > (size_t)r->max_tokens)) {
        if (status == LTD_OK) r->skipped++;
        ltd_tokens_fini(&ids);
        return status;
    }
    const ltd_prompt p = {question_id, category, r->task, text, ids.ids, (int32_t)ids.n};
    status = append(r->prompts, &p, err);
    ltd_tokens_fini(&ids);
    return status;
}

/* --- one line --- */
/* A string value without NUL inside; NULL and *err filled when it is something else. */
static const char *text_of(json_object *value, const char *what, ltd_err *err)
{
    if (!json_object_is_type(value, json_type_string)) {
        ltd_fail(err, LTD_EFORMAT, "%s is %s, expected a string", what,
                 value ? json_type_to_name(json_object_get_type(value)) : "null");
        return NULL;
    }
    const char *s = json_object_get_string(value);
    if (strlen(s) != (size_t)json_object_get_string_len(value)) {
        ltd_fail(err, LTD_EFORMAT, "%s has a NUL character inside", what);
        return NULL;
    }
    return s;
}

static int read_question(struct reader *r, json_object *object, ltd_err *err)
{
    json_object *id, *turns, *value;
    const char *category = "";
    if (!json_object_is_type(object, json_type_object))
        return ltd_fail(err, LTD_EFORMAT, "the line is %s, expected an object",
                        object ? json_type_to_name(json_object_get_type(object)) : "null");
    if (!json_object_object_get_ex(object, "question_id", &id))
        return ltd_fail(err, LTD_EFORMAT, "'question_id' is missing");
    if (!json_object_is_type(id, json_type_int))
        return ltd_fail(err, LTD_EFORMAT, "'question_id' is %s, expected an integer",
                        id ? json_type_to_name(json_object_get_type(id)) : "null");
    if (json_object_object_get_ex(object, "category", &value) && value) {
        category = text_of(value, "'category'", err);
        if (!category) return LTD_EFORMAT;
    }
    if (!json_object_object_get_ex(object, "turns", &turns))
        return ltd_fail(err, LTD_EFORMAT, "'turns' is missing");
    if (!json_object_is_type(turns, json_type_array) || json_object_array_length(turns) == 0)
        return ltd_fail(err, LTD_EFORMAT, "'turns' is no array with a string in it");
    const char *text = text_of(json_object_array_get_idx(turns, 0), "'turns'[0]", err);
    if (!text) return LTD_EFORMAT;
    if (!*text) return ltd_fail(err, LTD_EFORMAT, "'turns'[0] is empty");
    return add(r, json_object_get_int64(id), category, text, err);
}

static bool blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r", s[i]) || !s[i]) return false;
    return true;
}

static int read_line(struct reader *r, const char *line, size_t n, ltd_err *err)
{
    if (n > MAX_LINE)
        return ltd_fail(err, LTD_EFORMAT, "%zu bytes, expected at most %d", n, MAX_LINE);
    json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH);
    if (!tokener) return ltd_fail(err, LTD_ENOMEM, "JSON reader");
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    json_object *object = json_tokener_parse_ex(tokener, line, (int)n);
    enum json_tokener_error why = json_tokener_get_error(tokener);
    int status;
    size_t end = json_tokener_get_parse_end(tokener);
    if (why == json_tokener_continue)
        status = ltd_fail(err, LTD_EFORMAT, "not a whole JSON object");
    else if (why != json_tokener_success)
        status = ltd_fail(err, LTD_EFORMAT, "not JSON at byte %zu: %s", end,
                          json_tokener_error_desc(why));
    else if (!blank(line + end, n - end))
        status = ltd_fail(err, LTD_EFORMAT, "more than one JSON value, at byte %zu", end);
    else
        status = read_question(r, object, err);
    json_object_put(object);
    json_tokener_free(tokener);
    return status;
}

/* --- one file --- */
/* data/gsm8k/question.jsonl: "gsm8k"; prompts.jsonl: "prompts". */
static char *task_name(const char *path)
{
    const char *file = strrchr(path, '/');
    size_t n;
    if (file && file > path) {
        const char *begin = file;
        while (begin > path && begin[-1] != '/') begin--;
        n = (size_t)(file - begin);
        /* "./question.jsonl" and "../question.jsonl" have no folder name to tell. */
        bool dots = n <= 2 && strspn(begin, ".") >= n;
        if (n > 0 && !dots) {
            char *name = ltd_mem_zeros(n + 1, 1);
            if (name) memcpy(name, begin, n);
            return name;
        }
    }
    char *name = ltd_mem_strdup(file ? file + 1 : path);
    char *dot = name ? strrchr(name, '.') : NULL;
    if (dot && dot > name) *dot = 0;
    return name;
}

static int read_lines(struct reader *r, const char *data, size_t size, ltd_err *err)
{
    size_t first = r->prompts->n, at = 0;
    int32_t skipped = r->skipped;
    if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) at = 3; /* byte order mark */
    for (size_t line = 1; at < size; line++) {
        if (r->limit > 0 && r->prompts->n - first >= (size_t)r->limit) break;
        const char *newline = memchr(data + at, '\n', size - at);
        size_t n = newline ? (size_t)(newline - data) - at : size - at;
        if (!blank(data + at, n)) {
            int status = r->prompts->n < MAX_PROMPTS
                             ? read_line(r, data + at, n, err)
                             : ltd_fail(err, LTD_EFORMAT, "more than %d prompts", MAX_PROMPTS);
            if (status < 0) return ltd_err_prefix(err, status, "%s:%zu", r->name, line);
        }
        at += n + 1;
    }
    if (r->prompts->n > first) return LTD_OK;
    if (r->skipped > skipped)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: all %" PRId32 " prompts are longer than %" PRId32 " tokens", r->name,
                        r->skipped - skipped, r->max_tokens);
    return ltd_fail(err, LTD_EFORMAT, "%s: no prompt in it", r->name);
}

static int read_file(struct reader *r, const char *data, size_t size, const char *name,
                     ltd_err *err)
{
    r->name = name;
    r->task = task_name(name);
    int status = r->task ? read_lines(r, data, size, err) : ltd_fail(err, LTD_ENOMEM, "%s", name);
    free(r->task);
    r->task = NULL;
    return status;
}

/* Hand the result out, or free it. */
static int finish(ltd_prompts **ret, struct reader *r, int32_t *skipped, int status)
{
    if (status < 0) {
        ltd_prompts_free(r->prompts);
        return status;
    }
    *ret = r->prompts;
    if (skipped) *skipped = r->skipped;
    return LTD_OK;
}

int ltd_prompts_parse(ltd_prompts **ret, const void *data, size_t size, const char *name,
                      const ltd_chat *chat, const ltd_tokenizer *tok, int32_t limit,
                      int32_t max_tokens, int32_t *skipped, ltd_err *err)
{
    *ret = NULL;
    struct reader r = {.chat = chat, .tok = tok, .limit = limit, .max_tokens = max_tokens};
    r.prompts = ltd_mem_zeros(1, sizeof *r.prompts);
    if (!r.prompts) return ltd_fail(err, LTD_ENOMEM, "prompts");
    return finish(ret, &r, skipped, read_file(&r, data, size, name, err));
}

int ltd_prompts_load(ltd_prompts **ret, const char *const *paths, size_t n_paths,
                     const ltd_chat *chat, const ltd_tokenizer *tok, int32_t limit,
                     int32_t max_tokens, int32_t *skipped, ltd_err *err)
{
    *ret = NULL;
    struct reader r = {.chat = chat, .tok = tok, .limit = limit, .max_tokens = max_tokens};
    if (n_paths == 0) return ltd_fail(err, LTD_EINVAL, "no prompt file given");
    r.prompts = ltd_mem_zeros(1, sizeof *r.prompts);
    if (!r.prompts) return ltd_fail(err, LTD_ENOMEM, "prompts");
    int status = LTD_OK;
    for (size_t i = 0; i < n_paths && status == LTD_OK; i++) {
        ltd_file file;
        status = ltd_file_map(&file, paths[i], err);
        if (status == LTD_OK)
            status = read_file(&r, (const char *)file.data, file.size, paths[i], err);
        ltd_file_unmap(&file);
    }
    return finish(ret, &r, skipped, status);
}

int ltd_prompts_from_text(ltd_prompts **ret, const char *text, const ltd_chat *chat,
                          const ltd_tokenizer *tok, ltd_err *err)
{
    *ret = NULL;
    char task[] = "text";
    struct reader r = {.chat = chat, .tok = tok, .task = task};
    r.prompts = ltd_mem_zeros(1, sizeof *r.prompts);
    if (!r.prompts) return ltd_fail(err, LTD_ENOMEM, "prompts");
    int status = add(&r, 1, "", text, err);
    /* The message was written for a line of a file. */
    if (status == LTD_EFORMAT) status = ltd_fail(err, LTD_EINVAL, "the prompt has no tokens");
    return finish(ret, &r, NULL, status);
}

int ltd_prompts_copy(ltd_prompts **ret, const ltd_prompt *list, size_t n, ltd_err *err)
{
    *ret = NULL;
    ltd_prompts *p = ltd_mem_zeros(1, sizeof *p);
    int rc = p ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "prompts");
    for (size_t i = 0; rc == LTD_OK && i < n; i++) rc = append(p, &list[i], err);
    if (rc < 0) {
        ltd_prompts_free(p);
        return rc;
    }
    *ret = p;
    return LTD_OK;
}

void ltd_prompts_free(ltd_prompts *prompts)
{
    if (!prompts) return;
    for (size_t i = 0; i < prompts->n; i++) prompt_fini(&prompts->list[i]);
    free(prompts->list);
    free(prompts);
}

size_t ltd_prompts_count(const ltd_prompts *prompts)
{
    return prompts->n;
}

const ltd_prompt *ltd_prompts_at(const ltd_prompts *prompts, size_t i)
{
    return &prompts->list[i];
}
