/* A tokenizer from a model's folder.  The vocabulary is in tokenizer.json or tokenizer.model; which
 * tokens begin and end a text, and the chat template, are spread over files that may be missing. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "models/text/json_parts_priv.h"

enum { ABSENT = 1 };

/* The tokens that files name, and whether one has: the first to speak is believed, even if it says
 * that there is none. */
enum { BOS, EOS, PAD, N_ROLES };

struct folder {
    const char *path;
    ltd_tokenizer *tok;
    bool said[N_ROLES];
};

static int32_t *role_id(struct folder *f, int role)
{
    return role == BOS ? &f->tok->bos : role == EOS ? &f->tok->eos : &f->tok->pad;
}

/* Map folder/file.  ABSENT when there is none. */
static int map(const struct folder *f, const char *file, char path[PATH_MAX], ltd_file *ret,
               ltd_err *err)
{
    int n = snprintf(path, PATH_MAX, "%s/%s", f->path, file);
    if (n < 0 || n >= PATH_MAX) return ltd_fail(err, LTD_EINVAL, "%s: a path too long", f->path);
    return access(path, F_OK) == 0 ? ltd_file_map(ret, path, err) : ABSENT;
}

static int parse(const struct folder *f, const char *file, ltd_json_doc **ret, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_file data;
    int status = map(f, file, path, &data, err);
    if (status != LTD_OK) return status;
    status = ltd_json_parse(ret, path, data.data, data.size, err);
    ltd_file_unmap(&data);
    return status;
}

static int read_vocab(struct folder *f, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_file data;
    int status = map(f, "tokenizer.json", path, &data, err);
    if (status < 0) return status;
    if (status == LTD_OK) {
        status = ltd_tokenizer_from_json(&f->tok, path, data.data, data.size, err);
        ltd_file_unmap(&data);
        return status;
    }
    status = map(f, "tokenizer.model", path, &data, err);
    if (status == ABSENT)
        return ltd_fail(err, LTD_EFORMAT, "%s: holds neither tokenizer.json nor tokenizer.model",
                        f->path);
    if (status < 0) return status;
    status = ltd_tokenizer_from_sentencepiece(&f->tok, path, data.data, data.size, err);
    ltd_file_unmap(&data);
    return status;
}

/* --- tokens by name --- */
static int read_names(struct folder *f, ltd_json root, ltd_err *err)
{
    static const char *const keys[] = {"bos_token", "eos_token", "pad_token"};
    for (int role = 0; role < N_ROLES; role++) {
        ltd_json v = ltd_json_member(root, keys[role]);
        ltd_json_type type = ltd_json_type_of(v);
        if (type == LTD_JSON_OBJECT) v = ltd_json_member(v, "content");
        bool listed = false;
        for (ltd_json_iter it = ltd_json_each(root); !listed && ltd_json_next(&it);)
            listed = strcmp(it.key, keys[role]) == 0;
        if (f->said[role] || !listed) continue;
        f->said[role] = true;
        if (type == LTD_JSON_NULL) continue;
        const char *text;
        int status = ltd_json_as_string(v, keys[role], &text, err);
        if (status < 0) return status;
        int32_t id = ltd_tokenizer_find(f->tok, text);
        if (id < 0 && role != PAD) /* a pad token may be one that only training adds */
            return ltd_fail(err, LTD_EFORMAT, "%s: %s '%.60s' is no token", root.name, keys[role],
                            text);
        *role_id(f, role) = id;
    }
    return LTD_OK;
}

/* --- tokens by id --- */

/* A number, or a list of them for eos: every one ends an answer. */
static int read_id(struct folder *f, ltd_json v, const char *key, int role, ltd_err *err)
{
    int64_t id;
    if (ltd_json_type_of(v) == LTD_JSON_NULL) return LTD_OK;
    if (ltd_json_type_of(v) == LTD_JSON_ARRAY) {
        int status = LTD_OK;
        for (size_t i = 0; i < ltd_json_count(v) && status == LTD_OK; i++)
            status = read_id(f, ltd_json_at(v, i), key, role, err);
        return status;
    }
    int status = ltd_json_as_int(v, key, INT32_MIN, INT32_MAX, &id, err);
    if (status < 0) return status;
    /* The model may have rows beyond the vocabulary; what is no token can't be met. */
    if (id < 0 || id >= f->tok->n) return LTD_OK;
    if (!f->said[role]) *role_id(f, role) = (int32_t)id;
    f->said[role] = true;
    if (role == EOS) ltd_vocab_add_end(f->tok, (int32_t)id);
    return LTD_OK;
}

/* The folder's own name, and what config.json says the model was saved as. */
static void read_label(struct folder *f, ltd_json root)
{
    size_t end = strlen(f->path);
    while (end > 0 && f->path[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && f->path[begin - 1] != '/') begin--;
    snprintf(f->tok->label, sizeof f->tok->label, "%.*s %.40s",
             end - begin < 40 ? (int)(end - begin) : 40, f->path + begin,
             ltd_json_text(ltd_json_member(root, "_name_or_path"), NULL));
}

static int read_ids(struct folder *f, ltd_json root, ltd_err *err)
{
    static const char *const keys[] = {"bos_token_id", "eos_token_id", "pad_token_id"};
    int status = LTD_OK;
    for (int role = 0; role < N_ROLES && status == LTD_OK; role++)
        status = read_id(f, ltd_json_member(root, keys[role]), keys[role], role, err);
    return status;
}

static int read_config(struct folder *f, ltd_json root, ltd_err *err)
{
    read_label(f, root);
    return read_ids(f, root, err);
}

/* --- the chat template --- */
static int keep_template(struct folder *f, const char *text, size_t n, ltd_err *err)
{
    char *copy = ltd_mem_zeros(n + 1, 1);
    if (!copy) return ltd_fail(err, LTD_ENOMEM, "%s: chat template", f->path);
    if (n) memcpy(copy, text, n);
    free(f->tok->chat_template);
    f->tok->chat_template = copy;
    return LTD_OK;
}

/* One text, or several by name: the one called "default", else the first. */
static int read_template(struct folder *f, ltd_json root, ltd_err *err)
{
    ltd_json v = ltd_json_member(root, "chat_template");
    if (ltd_json_type_of(v) == LTD_JSON_ARRAY) {
        size_t pick = 0, len;
        for (size_t i = ltd_json_count(v); i-- > 0;)
            if (strcmp(ltd_json_text(ltd_json_member(ltd_json_at(v, i), "name"), &len),
                       "default") == 0)
                pick = i;
        v = ltd_json_member(ltd_json_at(v, pick), "template");
    }
    if (ltd_json_type_of(v) == LTD_JSON_NULL) return LTD_OK;
    const char *text;
    int status = ltd_json_as_string(v, "key 'chat_template'", &text, err);
    if (status < 0) return status;
    size_t len;
    text = ltd_json_text(v, &len);
    return keep_template(f, text, len, err);
}

static int read_tokenizer_config(struct folder *f, ltd_json root, ltd_err *err)
{
    bool add_eos;
    int status = read_names(f, root, err);
    if (status == LTD_OK)
        status = ltd_json_read_flag(root, "add_bos_token", f->tok->add_bos, &f->tok->add_bos, err);
    if (status == LTD_OK) status = ltd_json_read_flag(root, "add_eos_token", false, &add_eos, err);
    if (status < 0) return status;
    if (add_eos)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: add_eos_token is not supported", root.name);
    return read_template(f, root, err);
}

/* --- all files --- */
static int read_configs(struct folder *f, ltd_err *err)
{
    static const struct {
        const char *file;
        int (*read)(struct folder *f, ltd_json root, ltd_err *err);
    } files[] = {{"tokenizer_config.json", read_tokenizer_config},
                 {"special_tokens_map.json", read_names},
                 {"generation_config.json", read_ids},
                 {"config.json", read_config}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        ltd_json_doc *doc;
        int status = parse(f, files[i].file, &doc, err);
        if (status == ABSENT) continue;
        if (status < 0) return status;
        status = files[i].read(f, ltd_json_root(doc), err);
        ltd_json_free(doc);
        if (status < 0) return status;
    }
    ltd_vocab_add_end(f->tok, f->tok->eos);
    return LTD_OK;
}

static int read_template_file(struct folder *f, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_file data;
    int status = map(f, "chat_template.jinja", path, &data, err);
    if (status != LTD_OK) return status < 0 ? status : LTD_OK;
    status = keep_template(f, (const char *)data.data, data.size, err);
    ltd_file_unmap(&data);
    return status;
}

int ltd_tokenizer_from_folder(ltd_tokenizer **ret, const char *folder, ltd_err *err)
{
    *ret = NULL;
    struct folder f = {.path = folder};
    int status = read_vocab(&f, err);
    if (status == LTD_OK) status = read_configs(&f, err);
    if (status == LTD_OK) status = read_template_file(&f, err);
    if (status < 0) {
        ltd_tokenizer_free(f.tok);
        return status;
    }
    *ret = f.tok;
    return LTD_OK;
}
