/* What comes back from judges: files of scores, answers of servers, replies of models, requests.
 * Any bytes give grades in their range, or are told to be wrong. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "trainer/wiki/judge/judge_answers.h"
#include "trainer/wiki/judge/judge_chat.h"
#include "trainer/wiki/judge/judge_lines.h"
#include "trainer/wiki/judge/judge_reply.h"

static void in_range(ltd_wiki_judge_kind kind, const double *grade)
{
    const ltd_wiki_judge_scale *scale = ltd_wiki_judge_scale_of(kind);
    for (int32_t i = 0; i < scale->n; i++)
        assert(grade[i] >= scale->lowest && grade[i] <= scale->most);
}

static void reply(const char *text)
{
    for (int k = 0; k < LTD_WIKI_JUDGE_KINDS; k++) {
        double grade[LTD_WIKI_JUDGE_GRADES] = {-1, -1, -1};
        if (ltd_wiki_reply_grades((ltd_wiki_judge_kind)k, text, grade))
            in_range((ltd_wiki_judge_kind)k, grade);
        else
            assert(grade[0] == -1 && grade[1] == -1 && grade[2] == -1);
    }
}

static void answer(const char *data, size_t size)
{
    ltd_str text = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    int rc = ltd_wiki_chat_reply(&text, "fuzz", data, size, &err);
    if (rc < 0)
        assert(err.code == rc && err.msg[0] && !text.len);
    else
        assert((rc == LTD_OK) == (text.len > 0) && strlen(ltd_str_text(&text)) == text.len);
    reply(ltd_str_text(&text));
    ltd_str_fini(&text);
}

static void scores(const char *data, size_t size)
{
    ltd_wiki_answers *a;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_wiki_answers_new(&a, NULL) < 0) abort();
    int rc = ltd_wiki_answers_parse(a, "fuzz", data, size, &err);
    assert(rc == LTD_OK || (rc < 0 && err.code == rc && err.msg[0]));
    int32_t n = ltd_wiki_answers_count(a), given = 0;
    static const char *const ids[] = {"", "a", "b", "7/rr/focus/1", "7/rr/nli/2/1"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        for (int k = 0; k < LTD_WIKI_JUDGE_KINDS; k++) {
            double grade[LTD_WIKI_JUDGE_GRADES];
            ltd_wiki_answered how = ltd_wiki_answers_get(a, (ltd_wiki_judge_kind)k, ids[i], grade);
            given += k == 0 && how != LTD_WIKI_SILENT;
            if (how == LTD_WIKI_ANSWERED) in_range((ltd_wiki_judge_kind)k, grade);
        }
    assert(given <= n);
    ltd_wiki_answers_free(a);
}

/* What is read is written and read again, the same. */
static void requests(const char *data, size_t size)
{
    ltd_wiki_requests list = LTD_WIKI_REQUESTS_INIT, again = LTD_WIKI_REQUESTS_INIT;
    ltd_str lines = LTD_STR_INIT;
    if (ltd_wiki_requests_parse(&list, "fuzz", data, size, NULL) < 0) assert(list.n == 0);
    for (size_t i = 0; i < list.n; i++) ltd_wiki_request_put(&lines, &list.list[i]);
    if (ltd_wiki_requests_parse(&again, "again", ltd_str_text(&lines), lines.len, NULL) < 0)
        abort();
    assert(again.n == list.n);
    for (size_t i = 0; i < list.n; i++) {
        assert(strcmp(list.list[i].id, again.list[i].id) == 0);
        assert(list.list[i].kind == again.list[i].kind);
    }
    ltd_str_fini(&lines);
    ltd_wiki_requests_fini(&list);
    ltd_wiki_requests_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text) abort();
    if (size) memcpy(text, data, size);
    text[size] = 0;
    reply(text);
    free(text);
    answer((const char *)data, size);
    scores((const char *)data, size);
    requests((const char *)data, size);
    return 0;
}
