#include "trainer/wiki/write/run_file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"

static void describe(const ltd_wiki_made *m, ltd_str *out)
{
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "method", ltd_wiki_method_name(m->task.method));
    ltd_json_put_string(&w, "plan", ltd_wiki_plan_name(m->task.plan));
    ltd_json_put_bool(&w, "rewrite", m->task.rewrite);
    ltd_json_put_string(&w, "profile", m->task.profile->name);
    ltd_json_put_string(&w, "ranking", ltd_wiki_ranking_name(m->task.ranking));
    ltd_json_put_string(&w, "sources", ltd_wiki_sources_name(m->task.sources));
    ltd_json_put_string(&w, "root", m->root);
    ltd_json_put_string(&w, "decoder", m->decoder);
    ltd_json_put_string(&w, "identity", m->identity);
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}

int ltd_wiki_made_claim(const ltd_wiki_made *made, const char *out, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_str text = LTD_STR_INIT;
    ltd_file f;
    describe(made, &text);
    snprintf(path, sizeof path, "%s/articles", out);
    int rc = ltd_file_mkdirs(path, err);
    snprintf(path, sizeof path, "%s/run.json", out);
    if (rc == LTD_OK && text.failed) rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    if (rc == LTD_OK && access(path, F_OK) != 0) {
        rc = ltd_file_write(path, text.data, text.len, err);
    } else if (rc == LTD_OK && (rc = ltd_file_map(&f, path, err)) == LTD_OK) {
        if (f.size != text.len || memcmp(f.data, text.data, text.len) != 0)
            rc = ltd_fail(err, LTD_EINVAL,
                          "%s: holds another run (data, method, profile, model, decoder or its "
                          "policy differ): name "
                          "another folder with --out",
                          path);
        ltd_file_unmap(&f);
    }
    ltd_str_fini(&text);
    return rc;
}

/* --- reading --- */

static const char *method_name(int i)
{
    return ltd_wiki_method_name((ltd_wiki_method)i);
}
static const char *plan_name(int i)
{
    return ltd_wiki_plan_name((ltd_wiki_plan)i);
}
static const char *ranking_name(int i)
{
    return ltd_wiki_ranking_name((ltd_wiki_ranking)i);
}
static const char *sources_name(int i)
{
    return ltd_wiki_sources_name((ltd_wiki_sources)i);
}

static int read_task(ltd_json root, ltd_wiki_task *t, ltd_err *err)
{
    const char *profile;
    int method = 0, plan = 0, ranking = 0, sources = 0;
    int rc = ltd_json_get_choice(root, "method", method_name, LTD_WIKI_METHODS, &method, err);
    if (rc == LTD_OK) rc = ltd_json_get_choice(root, "plan", plan_name, LTD_WIKI_PLANS, &plan, err);
    if (rc == LTD_OK)
        rc = ltd_json_get_choice(root, "ranking", ranking_name, LTD_WIKI_TFIDF + 1, &ranking, err);
    if (rc == LTD_OK)
        rc = ltd_json_get_choice(root, "sources", sources_name, LTD_WIKI_SEARCH + 1, &sources, err);
    if (rc == LTD_OK) rc = ltd_json_get_bool(root, "rewrite", &t->rewrite, err);
    if (rc == LTD_OK) rc = ltd_json_get_string(root, "profile", &profile, err);
    if (rc < 0) return rc;
    t->method = (ltd_wiki_method)method;
    t->plan = (ltd_wiki_plan)plan;
    t->ranking = (ltd_wiki_ranking)ranking;
    t->sources = (ltd_wiki_sources)sources;
    t->profile = ltd_wiki_profile_find(profile);
    if (t->profile) return LTD_OK;
    return ltd_fail(err, LTD_EFORMAT, "%s: key 'profile': is '%.40s', expected 2k, 4k or 8k",
                    root.name, profile);
}

static int read_made(ltd_json root, ltd_wiki_made *m, ltd_err *err)
{
    const char *decoder, *identity, *data;
    int64_t version;
    int rc = ltd_json_get_int(root, "version", 1, 1, &version, err);
    if (rc == LTD_OK) rc = read_task(root, &m->task, err);
    if (rc == LTD_OK) rc = ltd_json_get_string(root, "root", &data, err);
    if (rc == LTD_OK) rc = ltd_json_get_string(root, "decoder", &decoder, err);
    if (rc == LTD_OK) rc = ltd_json_get_string(root, "identity", &identity, err);
    if (rc < 0) return rc;
    snprintf(m->root, sizeof m->root, "%s", data);
    snprintf(m->decoder, sizeof m->decoder, "%s", decoder);
    snprintf(m->identity, sizeof m->identity, "%s", identity);
    return LTD_OK;
}

int ltd_wiki_made_load(ltd_wiki_made *ret, const char *out, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_file f;
    ltd_json_doc *doc;
    ltd_wiki_made m = {.decoder = ""};
    snprintf(path, sizeof path, "%s/run.json", out);
    if (access(path, F_OK) != 0)
        return ltd_fail(err, LTD_EIO, "%s: no articles: run `ltd wiki run`, or name its folder",
                        path);
    int rc = ltd_file_map(&f, path, err);
    if (rc < 0) return rc;
    rc = ltd_json_parse(&doc, path, f.data, f.size, err);
    if (rc == LTD_OK) {
        rc = read_made(ltd_json_root(doc), &m, err);
        ltd_json_free(doc);
    }
    ltd_file_unmap(&f);
    if (rc == LTD_OK) *ret = m;
    return rc;
}
