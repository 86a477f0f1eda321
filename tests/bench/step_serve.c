/* bench_step as a coprocess: a request a line in, a JSON object a line out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/step.h"

enum { MAX_LINE = 1 << 16, MAX_STEPS = 256 };

/* Idle threads of the pool spin for a moment before they sleep: not in somebody else's time. */
static void let_sleep(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/* Numbers of a line, up to `room`; their count, or -1. */
static int32_t numbers(const char *p, int32_t *ret, int32_t room)
{
    int32_t n = 0;
    for (char *end;; p = end) {
        long v = strtol(p, &end, 10);
        if (end == p) return p[strspn(p, " \n")] == 0 ? n : -1;
        if (n == room || v < INT32_MIN || v > INT32_MAX) return -1;
        ret[n++] = (int32_t)v;
    }
}

static int serve_step(rig *r, const int32_t *v, ltd_json_writer *w, ltd_err *err)
{
    double ms[MAX_STEPS];
    if (v[2] < 1 || v[2] > MAX_STEPS)
        return ltd_fail(err, LTD_EINVAL, "step: %d times, expected 1 to %d", v[2], MAX_STEPS);
    int rc = rig_step(r, v[0], v[1], v[2], ms, err);
    if (rc < 0) return rc;
    ltd_json_begin_array(w, "ms");
    for (int32_t i = 0; i < v[2]; i++) ltd_json_put_f64(w, NULL, ms[i]);
    ltd_json_end_array(w);
    return LTD_OK;
}

static int serve_decode(rig *r, const int32_t *v, ltd_json_writer *w, ltd_err *err)
{
    double ms;
    if (v[0] < 1 || v[0] > r->options.context)
        return ltd_fail(err, LTD_EINVAL, "decode: %d tokens, expected 1 to %d", v[0],
                        r->options.context);
    int32_t *ids = calloc((size_t)v[0], sizeof *ids);
    if (!ids) return ltd_fail(err, LTD_ENOMEM, "decode: no memory");
    int rc = rig_decode(r, v[0], v[1], &ms, ids, err);
    if (rc == LTD_OK) {
        ltd_json_put_f64(w, "ms", ms);
        ltd_json_begin_array(w, "ids");
        for (int32_t i = 0; i < v[0]; i++) ltd_json_put_int(w, NULL, ids[i]);
        ltd_json_end_array(w);
    }
    free(ids);
    return rc;
}

static int serve_roof(rig *r, const int32_t *v, ltd_json_writer *w, ltd_err *err)
{
    step_roof roof = {0};
    int rc = step_bytes(r, &roof.bytes, err);
    if (rc == LTD_OK) rc = step_roof_run(r, v[0], v[1], &roof, err);
    if (rc == LTD_OK) step_put_roof(w, &roof);
    step_roof_free(&roof);
    return rc;
}

static int answer(rig *r, const char *line, ltd_json_writer *w, ltd_err *err)
{
    static int32_t v[MAX_LINE / 2];
    char verb[16] = "";
    int at = 0;
    if (sscanf(line, "%15s%n", verb, &at) != 1)
        return ltd_fail(err, LTD_EINVAL, "an empty request");
    int32_t n = numbers(line + at, v, MAX_LINE / 2);
    double ms;
    int rc = LTD_OK;
    if (strcmp(verb, "text") == 0 && n > 0) {
        rc = rig_text(r, v, n, err);
        if (rc == LTD_OK) ltd_json_put_int(w, "tokens", n);
    } else if (strcmp(verb, "step") == 0 && n == 3) {
        rc = serve_step(r, v, w, err);
    } else if (strcmp(verb, "decode") == 0 && n == 2) {
        rc = serve_decode(r, v, w, err);
    } else if (strcmp(verb, "prompt") == 0 && n == 1) {
        rc = rig_prompt(r, v[0], &ms, err);
        if (rc == LTD_OK) ltd_json_put_f64(w, "ms", ms);
    } else if (strcmp(verb, "roof") == 0 && n == 2) {
        rc = serve_roof(r, v, w, err);
    } else if (strcmp(verb, "info") == 0 && n == 0) {
        step_put_origin(w, r);
    } else {
        rc = ltd_fail(err, LTD_EINVAL, "request '%.40s': see tests/bench/step.h", line);
    }
    return rc;
}

int step_serve(rig *r)
{
    static char line[MAX_LINE];
    ltd_str text = LTD_STR_INIT;
    while (fgets(line, sizeof line, stdin)) {
        ltd_err err = LTD_ERR_INIT;
        line[strcspn(line, "\n")] = 0;
        ltd_str_clear(&text);
        ltd_json_writer w = ltd_json_writing(&text, 0);
        ltd_json_begin_object(&w, NULL);
        if (answer(r, line, &w, &err) < 0) {
            ltd_str_clear(&text);
            w = ltd_json_writing(&text, 0);
            ltd_json_begin_object(&w, NULL);
            ltd_json_put_string(&w, "error", err.msg);
        }
        ltd_json_end_object(&w);
        let_sleep();
        if (text.failed || puts(ltd_str_text(&text)) == EOF || fflush(stdout) != 0) break;
    }
    ltd_str_fini(&text);
    return feof(stdin) ? 0 : 1;
}
