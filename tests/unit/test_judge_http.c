/* A judge over HTTP, against a stand-in on this machine (tests/support/judge_server.py).  Skipped
 * where there is no python3, or the program was built without libcurl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "tests/support/made_article.h"
#include "trainer/wiki/judge/judge_ask.h"
#include "trainer/wiki/judge/judge_scores.h"

static pid_t server = -1;
static int server_in = -1, port;
static ltd_err err;
static char dir[64];
static volatile int stop;
static ltd_wiki_requests asked = LTD_WIKI_REQUESTS_INIT;
static ltd_wiki_answers *answers;
static ltd_wiki_http *http;
static ltd_wiki_asked did;

/* --- the stand-in --- */

static void become_server(int in, int out)
{
    char path[512];
    const char *root = getenv("LTD_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/support/judge_server.py", root ? root : ".");
    dup2(in, 0);
    dup2(out, 1);
    execlp("python3", "python3", path, (char *)NULL);
    _exit(127);
}

static int start(void **state)
{
    int in[2], out[2];
    (void)state;
    if (pipe(in) < 0 || pipe(out) < 0) return -1;
    server = fork();
    if (server == 0) {
        close(in[1]);
        close(out[0]);
        become_server(in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    server_in = in[1];
    FILE *f = fdopen(out[0], "r");
    if (!f) return -1;
    if (fscanf(f, "%d", &port) != 1) port = 0; /* no python3 */
    fclose(f);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    close(server_in);
    if (server > 0) {
        kill(server, SIGTERM);
        waitpid(server, NULL, 0);
    }
    return 0;
}

static int begin(void **state)
{
    (void)state;
    stop = 0;
    strcpy(dir, "/tmp/ltd_test_http_XXXXXX");
    if (!mkdtemp(dir) || ltd_wiki_answers_new(&answers, &err) < 0) return -1;
    return ltd_wiki_judge_ask(&asked, &made_judging, &err);
}

static int end(void **state)
{
    char command[128];
    (void)state;
    ltd_wiki_http_close(http);
    http = NULL;
    ltd_wiki_requests_fini(&asked);
    ltd_wiki_answers_free(answers);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

/* Is there libcurl, and python3?  Skips by name otherwise. */
#define NEED_SERVER()                                                                              \
    do {                                                                                           \
        ltd_wiki_http *probe = NULL;                                                               \
        const ltd_wiki_http_options any = {.url = "http://127.0.0.1:1"};                           \
        if (ltd_wiki_http_open(&probe, &any, &err) == LTD_EUNSUPPORTED || !port) skip();           \
        ltd_wiki_http_close(probe);                                                                \
    } while (0)

static void open_at(const char *mode, ltd_wiki_http_options o)
{
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/%s/", port, mode);
    o.url = url;
    o.stop = &stop;
    if (!o.pause_ms) o.pause_ms = 1;
    ltd_wiki_http_close(http);
    http = NULL;
    if (ltd_wiki_http_open(&http, &o, &err) < 0) fail_msg("%s", err.msg);
}

static int ask_all(const char *cache)
{
    ltd_wiki_asking how = {.http = http, .model = "stand-in", .cache = cache, .max_tokens = 64};
    err.msg[0] = 0;
    return ltd_wiki_judge_answer(answers, &asked, &how, &did, &err);
}

/* Asking in this mode fails so, with these words in the message. */
static void fails(const char *mode, ltd_wiki_http_options o, int code, const char *words,
                  const char *more)
{
    open_at(mode, o);
    int rc = ask_all(dir);
    if (rc != code) fail_msg("%s: %d '%s'", mode, rc, err.msg);
    if (!strstr(err.msg, words) || !strstr(err.msg, more)) fail_msg("%s: %s", mode, err.msg);
    assert_non_null(strstr(err.msg, mode)); /* the URL */
}

static ltd_wiki_judged fold(void)
{
    ltd_wiki_judged j;
    if (ltd_wiki_judge_fold(&j, &made_judging, answers, &err) < 0) fail_msg("%s", err.msg);
    return j;
}

static void right(void)
{
    ltd_wiki_judged j = fold();
    assert_true(j.fluency == 4 && j.info == 3 && j.outline == 2 && j.organization == 4);
    assert_true(j.focus == 5 && j.coverage == 1);
    assert_true(fabs(j.recall - 0.4) < 1e-12 && fabs(j.precision - 0.2) < 1e-12);
    assert_true(fabs(j.rate - 7.0 / 17) < 1e-12);
}

static double seconds_since(uint64_t t0)
{
    ltd_clock clock = ltd_clock_monotonic();
    return (double)(ltd_clock_now(&clock) - t0) * 1e-9;
}

/* --- tests --- */

static void a_good_server_fills_every_figure(void **state)
{
    (void)state;
    NEED_SERVER();
    open_at("good", (ltd_wiki_http_options){0});
    if (ask_all(NULL) < 0) fail_msg("%s", err.msg);
    assert_int_equal(did.replied, MADE_REQUESTS);
    assert_int_equal(did.cached + did.refused, 0);
    right();
}

static void nothing_is_asked_twice(void **state)
{
    (void)state;
    NEED_SERVER();
    open_at("once", (ltd_wiki_http_options){.tries = 1});
    /* Part of it first, as if it had been stopped. */
    ltd_wiki_requests some = {asked.list, 4, 4};
    ltd_wiki_asking how = {.http = http, .model = "stand-in", .cache = dir};
    assert_int_equal(ltd_wiki_judge_answer(answers, &some, &how, &did, &err), LTD_OK);
    assert_int_equal(did.replied, 4);
    for (int i = 0; i < 2; i++) {
        if (ltd_wiki_judge_answer(answers, &asked, &how, &did, &err) < 0) fail_msg("%s", err.msg);
        assert_int_equal(did.replied, i ? 0 : MADE_REQUESTS - 4);
        assert_int_equal(did.cached, i ? MADE_REQUESTS : 4);
        right();
    }
    /* The stand-in tells if it is. */
    assert_int_equal(ask_all(NULL), LTD_OK); /* with max_tokens: other requests */
    assert_int_equal(ask_all(NULL), LTD_EIO);
    assert_non_null(strstr(err.msg, "HTTP status 418: 'asked twice'"));
}

static void a_busy_server_is_asked_again(void **state)
{
    (void)state;
    NEED_SERVER();
    ltd_clock clock = ltd_clock_monotonic();
    open_at("twice", (ltd_wiki_http_options){.tries = 3});
    if (ask_all(NULL) < 0) fail_msg("%s", err.msg);
    right();
    open_at("drop", (ltd_wiki_http_options){.tries = 2});
    if (ask_all(NULL) < 0) fail_msg("%s", err.msg);
    uint64_t t0 = ltd_clock_now(&clock);
    open_at("wait", (ltd_wiki_http_options){.tries = 2});
    if (ask_all(NULL) < 0) fail_msg("%s", err.msg);
    assert_true(seconds_since(t0) >= 0.95); /* Retry-After */
    fails("busy", (ltd_wiki_http_options){.tries = 3}, LTD_EIO,
          "HTTP status 429 after 3 tries: 'slow down'", "/chat/completions");
    assert_int_equal(did.replied, 0);
}

static void answers_that_are_none_are_told(void **state)
{
    (void)state;
    NEED_SERVER();
    fails("broken", (ltd_wiki_http_options){0}, LTD_EFORMAT, "expected JSON",
          "'{\"choices\": [{\"message\": '");
    fails("page", (ltd_wiki_http_options){0}, LTD_EFORMAT, "expected JSON",
          "'<html>a page</html>'");
    fails("moved", (ltd_wiki_http_options){0}, LTD_EIO, "HTTP status 307", "");
    fails("good/nowhere", (ltd_wiki_http_options){0}, LTD_EIO, "HTTP status 404", "no such path");
    fails("huge", (ltd_wiki_http_options){.most_bytes = 100000}, LTD_EFORMAT,
          "an answer of more than 100000 bytes", "");
    fails("huge", (ltd_wiki_http_options){0}, LTD_EFORMAT, "of more than 4194304 bytes", "");
    assert_int_equal(ltd_wiki_answers_count(answers), 0);
    /* None of them went into the cache. */
    open_at("good", (ltd_wiki_http_options){0});
    assert_int_equal(ask_all(dir), LTD_OK);
    assert_int_equal(did.cached, 0);
    right();
}

static void replies_out_of_range_are_counted(void **state)
{
    (void)state;
    NEED_SERVER();
    open_at("range", (ltd_wiki_http_options){0});
    if (ask_all(NULL) < 0) fail_msg("%s", err.msg);
    ltd_wiki_judged j = fold();
    for (int k = 0; k < LTD_WIKI_JUDGE_KINDS; k++) {
        assert_int_equal(j.count[k].answered, 0);
        assert_int_equal(j.count[k].invalid, j.count[k].asked);
    }
    assert_true(isnan(j.focus) && isnan(j.recall) && isnan(j.fluency));
}

static void what_a_server_refuses_does_not_stop_the_rest(void **state)
{
    (void)state;
    NEED_SERVER();
    open_at("long", (ltd_wiki_http_options){0});
    if (ask_all(dir) < 0) fail_msg("%s", err.msg);
    assert_int_equal(did.refused, 4); /* those that show the article */
    assert_int_equal(did.replied, MADE_REQUESTS - 4);
    assert_non_null(strstr(did.why, "HTTP status 413: '{\"error\": \"too many tokens\"}'"));
    ltd_wiki_judged j = fold();
    assert_true(isnan(j.focus) && j.outline == 2 && fabs(j.recall - 0.4) < 1e-12);
    open_at("silent", (ltd_wiki_http_options){0});
    assert_int_equal(ask_all(NULL), LTD_OK);
    assert_int_equal(did.refused, MADE_REQUESTS);
    assert_non_null(strstr(did.why, "no text in the reply to 7/rr/"));
}

static void a_hanging_server_is_left(void **state)
{
    (void)state;
    NEED_SERVER();
    ltd_clock clock = ltd_clock_monotonic();
    uint64_t t0 = ltd_clock_now(&clock);
    fails("hang", (ltd_wiki_http_options){.timeout_ms = 300}, LTD_EIO, "timed out", "");
    assert_true(seconds_since(t0) < 20);
}

static void *stop_soon(void *unused)
{
    nanosleep(&(struct timespec){0, 200000000}, NULL);
    stop = 1;
    return unused;
}

static void waiting_can_be_stopped(void **state)
{
    (void)state;
    NEED_SERVER();
    static const char *const modes[] = {"hang", "busy"};
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        ltd_clock clock = ltd_clock_monotonic();
        uint64_t t0 = ltd_clock_now(&clock);
        stop = 0;
        open_at(modes[i], (ltd_wiki_http_options){.pause_ms = 50000});
        assert_int_equal(pthread_create(&thread, NULL, stop_soon, NULL), 0);
        assert_int_equal(ask_all(NULL), LTD_ECANCELED);
        pthread_join(thread, NULL);
        assert_true(seconds_since(t0) < 20);
    }
}

static void nobody_there_is_told(void **state)
{
    (void)state;
    NEED_SERVER();
    ltd_wiki_http_options o = {.url = "http://127.0.0.1:1/v1", .tries = 2, .pause_ms = 1};
    assert_int_equal(ltd_wiki_http_open(&http, &o, &err), LTD_OK);
    assert_string_equal(ltd_wiki_http_url(http), "http://127.0.0.1:1/v1/chat/completions");
    assert_int_equal(ask_all(NULL), LTD_EIO);
    assert_non_null(strstr(err.msg, "http://127.0.0.1:1/v1/chat/completions: Failed to connect"));
    assert_non_null(strstr(err.msg, "after 2 tries"));
}

static void a_proxy_is_not_asked_for_this_machine(void **state)
{
    (void)state;
    NEED_SERVER();
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    open_at("good", (ltd_wiki_http_options){.tries = 1});
    int rc = ask_all(NULL);
    unsetenv("http_proxy");
    if (rc < 0) fail_msg("%s", err.msg);
}

static bool folder_says(const char *word)
{
    char command[256];
    snprintf(command, sizeof command, "grep -rq '%s' '%s'", word, dir);
    return system(command) == 0;
}

static void the_key_goes_nowhere_but_to_the_server(void **state)
{
    (void)state;
    NEED_SERVER();
    setenv("LTD_TEST_KEY", "wrong-key", 1);
    fails("key", (ltd_wiki_http_options){.key_env = "LTD_TEST_KEY"}, LTD_EIO, "HTTP status 401",
          "'wrong key: Bearer *********'");
    setenv("LTD_TEST_KEY", "sesame", 1);
    open_at("key", (ltd_wiki_http_options){.key_env = "LTD_TEST_KEY"});
    if (ask_all(dir) < 0) fail_msg("%s", err.msg);
    assert_true(folder_says("5, and Bearer ......"));
    assert_false(folder_says("sesame"));
    assert_true(fold().focus == 5);
    /* Not in clear text to elsewhere; without one nobody is asked at all. */
    ltd_wiki_http *no = NULL;
    ltd_wiki_http_options o = {.url = "http://judge.example/v1", .key_env = "LTD_TEST_KEY"};
    assert_int_equal(ltd_wiki_http_open(&no, &o, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "is not encrypted"));
    assert_null(strstr(err.msg, "sesame"));
    setenv("LTD_TEST_KEY", "a\r\nb", 1);
    o.url = "https://judge.example/v1";
    assert_int_equal(ltd_wiki_http_open(&no, &o, &err), LTD_EINVAL);
    unsetenv("LTD_TEST_KEY");
    assert_int_equal(ltd_wiki_http_open(&no, &o, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "the environment has no LTD_TEST_KEY"));
}

static void urls_that_are_none_are_refused(void **state)
{
    (void)state;
    NEED_SERVER();
    static const char *const urls[] = {
        "",        "127.0.0.1:80/v1",         "ftp://127.0.0.1/v1",    "file:///etc/passwd",
        "http://", "http://a:b@127.0.0.1/v1", "http://127.0.0.1/v1?a", "http://127.0.0.1/#a",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        ltd_wiki_http *no = NULL;
        ltd_wiki_http_options o = {.url = urls[i]};
        int rc = ltd_wiki_http_open(&no, &o, &err);
        if (rc != LTD_EINVAL) fail_msg("'%s': %d", urls[i], rc);
        assert_null(no);
        assert_non_null(strstr(err.msg, "judge: URL '"));
        assert_null(strstr(err.msg, "a:b")); /* a password */
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_good_server_fills_every_figure),
        TEST(nothing_is_asked_twice),
        TEST(a_busy_server_is_asked_again),
        TEST(answers_that_are_none_are_told),
        TEST(replies_out_of_range_are_counted),
        TEST(what_a_server_refuses_does_not_stop_the_rest),
        TEST(a_hanging_server_is_left),
        TEST(waiting_can_be_stopped),
        TEST(nobody_there_is_told),
        TEST(a_proxy_is_not_asked_for_this_machine),
        TEST(the_key_goes_nowhere_but_to_the_server),
        TEST(urls_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
