#include "trainer/wiki/judge/judge_http.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "base/mem.h"
#include "trainer/wiki/judge/judge_chat.h"

enum {
    TIMEOUT_MS = 120000,
    TRIES = 5,
    PAUSE_MS = 500,
    MOST_BYTES = 4 << 20,
    LONGEST_PAUSE_MS = 60000,
    SLICE_MS = 20, /* how often a pause looks at the stop flag */
};

struct ltd_wiki_http {
    CURL *easy;
    struct curl_slist *headers;
    ltd_wiki_http_options o; /* without zeros; its strings are not used */
    char *url;               /* with /chat/completions */
    char *key;               /* owned, NULL: none */
    char why[CURL_ERROR_SIZE];
    ltd_str *answer; /* of the post under way */
    bool too_long;
};

static bool stopped(const ltd_wiki_http *h)
{
    return h->o.stop && *h->o.stop;
}

/* --- open --- */

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0) return true;
    return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

/* What is wrong with a URL, in words; NULL: nothing.  *loopback: it is on this machine; *plain: not
 * encrypted. */
static const char *check_url(CURLU *u, const char *url, bool *loopback, bool *plain)
{
    char *scheme = NULL, *host = NULL, *extra = NULL;
    const char *bad = NULL;
    if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        bad = "expected http://HOST:PORT/v1";
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        bad = "expected http or https";
    /* Messages show the URL, so it must hold no secret. */
    else if (curl_url_get(u, CURLUPART_USER, &extra, 0) == CURLUE_OK ||
             curl_url_get(u, CURLUPART_QUERY, &extra, 0) == CURLUE_OK ||
             curl_url_get(u, CURLUPART_FRAGMENT, &extra, 0) == CURLUE_OK)
        bad = "expected no user, '?' or '#' in it";
    *loopback = host && is_loopback(host);
    *plain = !scheme || strcmp(scheme, "https") != 0;
    curl_free(scheme);
    curl_free(host);
    curl_free(extra);
    return bad;
}

static int read_url(ltd_wiki_http *h, const char *url, bool *loopback, bool *plain, ltd_err *err)
{
    CURLU *u = curl_url();
    ltd_str full = LTD_STR_INIT;
    if (!u) return ltd_fail(err, LTD_ENOMEM, "judge: no memory");
    const char *bad = check_url(u, url, loopback, plain);
    curl_url_cleanup(u);
    /* A URL with a password is not repeated. */
    if (bad)
        return ltd_fail(err, LTD_EINVAL, "judge: URL '%.100s': %s",
                        strchr(url, '@') ? "...@..." : url, bad);
    size_t n = strlen(url);
    while (n && url[n - 1] == '/') n--;
    ltd_str_push(&full, url, n);
    ltd_str_puts(&full, "/chat/completions");
    h->url = ltd_str_take(&full);
    return h->url ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "judge: no memory");
}

static int read_key(ltd_wiki_http *h, const char *name, bool open_line, ltd_err *err)
{
    if (!name) return LTD_OK;
    const char *key = getenv(name);
    if (!key || !*key)
        return ltd_fail(err, LTD_EINVAL, "judge: the environment has no %.100s with the key", name);
    for (const char *c = key; *c; c++)
        if (*c <= 0x20 || *c > 0x7e)
            return ltd_fail(err, LTD_EINVAL,
                            "judge: the key in %.100s has a character that no key has", name);
    if (open_line)
        return ltd_fail(err, LTD_EINVAL,
                        "judge: %.120s is not encrypted: the key in %.100s would be read by others "
                        "on the way.  Use https, or a proxy on this machine",
                        h->url, name);
    h->key = ltd_mem_strdup(key);
    return h->key ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "judge: no memory");
}

static bool add_header(ltd_wiki_http *h, const char *line)
{
    struct curl_slist *more = curl_slist_append(h->headers, line);
    if (more) h->headers = more;
    return more;
}

static bool add_headers(ltd_wiki_http *h)
{
    ltd_str key = LTD_STR_INIT;
    bool ok = add_header(h, "Content-Type: application/json") && add_header(h, "Expect:");
    if (ok && h->key) {
        ltd_str_printf(&key, "Authorization: Bearer %s", h->key);
        ok = !key.failed && add_header(h, ltd_str_text(&key));
    }
    ltd_str_fini(&key);
    return ok;
}

/* --- callbacks of libcurl --- */

static size_t receive(char *data, size_t size, size_t n, void *ctx)
{
    ltd_wiki_http *h = ctx;
    (void)size; /* 1 */
    if (h->answer->len + n > (size_t)h->o.most_bytes) {
        h->too_long = true;
        return 0; /* ends the transfer */
    }
    ltd_str_push(h->answer, data, n);
    return h->answer->failed ? 0 : n;
}

static int look_at_stop(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return stopped(ctx);
}

static bool set_up(ltd_wiki_http *h, bool loopback)
{
    CURL *e = h->easy;
    bool ok = curl_easy_setopt(e, CURLOPT_URL, h->url) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_POST, 1L) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)h->o.timeout_ms) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->why) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_WRITEDATA, h) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, look_at_stop) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_XFERINFODATA, h) == CURLE_OK;
    return ok && (!loopback || curl_easy_setopt(e, CURLOPT_NOPROXY, "*") == CURLE_OK);
}

static ltd_wiki_http_options defaults(const ltd_wiki_http_options *o)
{
    ltd_wiki_http_options ret = {.timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS,
                                 .tries = o->tries > 0 ? o->tries : TRIES,
                                 .pause_ms = o->pause_ms > 0 ? o->pause_ms : PAUSE_MS,
                                 .most_bytes = o->most_bytes > 0 ? o->most_bytes : MOST_BYTES,
                                 .stop = o->stop};
    return ret;
}

int ltd_wiki_http_open(ltd_wiki_http **ret, const ltd_wiki_http_options *options, ltd_err *err)
{
    bool loopback = false, plain = true;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ltd_fail(err, LTD_ENOMEM, "judge: libcurl can't start");
    ltd_wiki_http *h = ltd_mem_zeros(1, sizeof *h);
    if (!h) {
        curl_global_cleanup();
        return ltd_fail(err, LTD_ENOMEM, "judge: no memory");
    }
    h->o = defaults(options);
    int rc = read_url(h, options->url, &loopback, &plain, err);
    if (rc == LTD_OK) rc = read_key(h, options->key_env, plain && !loopback, err);
    if (rc == LTD_OK && (!(h->easy = curl_easy_init()) || !add_headers(h) || !set_up(h, loopback)))
        rc = ltd_fail(err, LTD_ENOMEM, "judge: libcurl can't start");
    if (rc < 0) {
        ltd_wiki_http_close(h);
        return rc;
    }
    *ret = h;
    return LTD_OK;
}

void ltd_wiki_http_close(ltd_wiki_http *h)
{
    if (!h) return;
    curl_easy_cleanup(h->easy);
    curl_slist_free_all(h->headers);
    free(h->url);
    if (h->key) memset(h->key, 0, strlen(h->key));
    free(h->key);
    free(h);
    curl_global_cleanup();
}

const char *ltd_wiki_http_url(const ltd_wiki_http *h)
{
    return h->url;
}

/* --- post --- */

/* Servers repeat a wrong key in what they say about it. */
static void hide_key(const ltd_wiki_http *h)
{
    size_t n = h->key ? strlen(h->key) : 0;
    if (!n || !h->answer->len) return;
    for (char *at = h->answer->data, *end = at + h->answer->len; (size_t)(end - at) >= n; at++)
        if (memcmp(at, h->key, n) == 0) memset(at, '*', n);
}

/* False: stopped meanwhile. */
static bool pause_for(const ltd_wiki_http *h, int64_t ms)
{
    for (; ms > 0 && !stopped(h); ms -= SLICE_MS) {
        long now = (long)(ms < SLICE_MS ? ms : SLICE_MS);
        nanosleep(&(struct timespec){0, now * 1000000}, NULL);
    }
    return !stopped(h);
}

typedef struct outcome {
    CURLcode code;
    long status;     /* 0: no answer */
    int64_t wait_ms; /* that the server asks for */
} outcome;

static outcome try_once(ltd_wiki_http *h)
{
    outcome o = {0};
    curl_off_t after = 0;
    ltd_str_clear(h->answer);
    h->too_long = false;
    h->why[0] = 0;
    o.code = curl_easy_perform(h->easy);
    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &o.status);
    if (curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
        o.wait_ms = after < LONGEST_PAUSE_MS / 1000 ? 1000 * (int64_t)after : LONGEST_PAUSE_MS;
    hide_key(h);
    return o;
}

/* A server that is busy, starting or restarting. */
static bool may_pass(const ltd_wiki_http *h, const outcome *o)
{
    switch (o->code) {
    case CURLE_OK: return o->status == 429 || o->status >= 500;
    case CURLE_COULDNT_CONNECT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE: return true;
    case CURLE_RECV_ERROR: return !h->too_long;
    default: return false;
    }
}

static int judge_outcome(const ltd_wiki_http *h, const outcome *o, int32_t tries, ltd_err *err)
{
    char excerpt[128], many[32] = "";
    if (o->code == CURLE_OK && o->status >= 200 && o->status < 300) return LTD_OK;
    if (stopped(h)) return ltd_fail(err, LTD_ECANCELED, "judge: stopped");
    if (tries > 1) snprintf(many, sizeof many, " after %d tries", tries);
    if (h->answer->failed) return ltd_fail(err, LTD_ENOMEM, "judge: no memory for an answer");
    if (h->too_long)
        return ltd_fail(err, LTD_EFORMAT, "judge: %.150s: an answer of more than %d bytes", h->url,
                        h->o.most_bytes);
    if (o->code != CURLE_OK)
        return ltd_fail(err, LTD_EIO, "judge: %.150s: %.100s%s", h->url,
                        h->why[0] ? h->why : curl_easy_strerror(o->code), many);
    ltd_wiki_chat_excerpt(excerpt, ltd_str_text(h->answer), h->answer->len);
    ltd_fail(err, LTD_EIO, "judge: %.150s: HTTP status %ld%s: '%s'", h->url, o->status, many,
             excerpt);
    bool refused = o->status == 400 || o->status == 413 || o->status == 422;
    return refused ? LTD_WIKI_HTTP_REFUSED : LTD_EIO;
}

int ltd_wiki_http_post(ltd_wiki_http *h, const ltd_str *body, ltd_str *answer, ltd_err *err)
{
    outcome o = {0};
    int32_t tries = 0;
    int64_t pause = h->o.pause_ms;
    h->answer = answer;
    curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, ltd_str_text(body));
    curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
    do {
        o = try_once(h);
        tries++;
        if (!may_pass(h, &o) || tries >= h->o.tries) break;
        if (!pause_for(h, o.wait_ms > pause ? o.wait_ms : pause)) break;
        pause = 2 * pause < LONGEST_PAUSE_MS ? 2 * pause : LONGEST_PAUSE_MS;
    } while (!stopped(h));
    int rc = judge_outcome(h, &o, tries, err);
    h->answer = NULL;
    return rc;
}
