/* A program that was built without libcurl: nobody can be asked over the network. */
#include "trainer/wiki/judge/judge_http.h"

static int refuse(ltd_err *err)
{
    return ltd_fail(err, LTD_EUNSUPPORTED,
                    "a judge can't be asked: built without libcurl.  Install libcurl4-openssl-dev "
                    "and build again, or export the requests and import the scores");
}

int ltd_wiki_http_open(ltd_wiki_http **ret, const ltd_wiki_http_options *options, ltd_err *err)
{
    (void)options;
    *ret = NULL;
    return refuse(err);
}

void ltd_wiki_http_close(ltd_wiki_http *http)
{
    (void)http;
}

const char *ltd_wiki_http_url(const ltd_wiki_http *http)
{
    (void)http;
    return "";
}

int ltd_wiki_http_post(ltd_wiki_http *http, const ltd_str *body, ltd_str *answer, ltd_err *err)
{
    (void)http;
    (void)body;
    (void)answer;
    return refuse(err);
}
