#include "trainer/wiki/judge/judge_chat.h"

#include "base/json.h"
#include "trainer/wiki/judge/judge_lines.h"
#include "trainer/wiki/judge/judge_prompts.h"

void ltd_wiki_chat_body(ltd_str *out, const ltd_wiki_request *r, const char *model,
                        int32_t max_tokens)
{
    ltd_str nli = LTD_STR_INIT;
    if (r->kind == LTD_WIKI_NLI) ltd_wiki_judge_user_nli(&nli, r->premise, r->hypothesis);
    ltd_json_writer w = ltd_json_writing(out, 0);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_string(&w, "model", model);
    ltd_json_put_int(&w, "temperature", 0);
    if (max_tokens > 0) ltd_json_put_int(&w, "max_tokens", max_tokens);
    ltd_json_begin_array(&w, "messages");
    if (r->kind == LTD_WIKI_NLI) {
        ltd_wiki_request_put_message(&w, "system", ltd_wiki_judge_system(LTD_WIKI_NLI));
        ltd_wiki_request_put_message(&w, "user", ltd_str_text(&nli));
    } else {
        ltd_wiki_request_put_message(&w, "system", r->system);
        ltd_wiki_request_put_message(&w, "user", r->user);
    }
    ltd_json_end_array(&w);
    ltd_json_end_object(&w);
    out->failed = out->failed || nli.failed;
    ltd_str_fini(&nli);
}

void ltd_wiki_chat_excerpt(char ret[128], const char *data, size_t size)
{
    size_t n = size < 127 ? size : 127;
    for (size_t i = 0; i < n; i++) {
        char c = data[i];
        ret[i] = c == '\n' || c == '\r' || c == '\t' ? ' ' : c < 0x20 || c > 0x7e ? '?' : c;
    }
    ret[n] = 0;
}

int ltd_wiki_chat_reply(ltd_str *reply, const char *name, const char *data, size_t size,
                        ltd_err *err)
{
    char excerpt[128];
    ltd_json_doc *doc;
    ltd_wiki_chat_excerpt(excerpt, data, size);
    int rc = ltd_json_parse(&doc, name, data, size, NULL);
    if (rc == LTD_ENOMEM) return ltd_fail(err, rc, "%.150s: no memory for the answer", name);
    if (rc < 0) return ltd_fail(err, rc, "%.150s: expected JSON, found '%s'", name, excerpt);
    ltd_json message =
        ltd_json_member(ltd_json_at(ltd_json_member(ltd_json_root(doc), "choices"), 0), "message");
    size_t len;
    const char *text = ltd_json_text(ltd_json_member(message, "content"), &len);
    if (ltd_json_type_of(message) != LTD_JSON_OBJECT)
        rc = ltd_fail(err, LTD_EFORMAT, "%.150s: no choices[0].message in '%s'", name, excerpt);
    else if (!len)
        rc = LTD_WIKI_CHAT_SILENT;
    for (size_t i = 0; rc == LTD_OK && i < len; i++)
        ltd_str_push(reply, text[i] ? &text[i] : " ", 1);
    if (reply->failed) rc = ltd_fail(err, LTD_ENOMEM, "%.150s: no memory for the answer", name);
    ltd_json_free(doc);
    return rc;
}
