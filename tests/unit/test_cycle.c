/* Cycles on a tiny model: what can't be is refused, texts run to the end of their room, and the
 * draft head is never confused by cycles that did without it or were given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/rng.h"
#include "env/cycle.h"
#include "tests/support/engine.h"
#include "tests/support/golden.h"

enum { CONTEXT = 256, FORWARDS = 4, SIZE = 20, TEXT = 200, PROMPT = 20 };

static ltd_llama *model;
static ltd_eagle3 *head;
static int32_t prompt[CONTEXT], plain[TEXT];
static ltd_err err;

static int setup(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 12, LTD_STREAM_TEST);
    for (int i = 0; i < CONTEXT; i++) prompt[i] = (int32_t)ltd_rng_below(&rng, 320);
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    head = engine_head("eagle3/session", model, LTD_LOAD_Q8);
    ltd_session *s = engine_session(model, &(ltd_session_options){CONTEXT, 32, false, false, 1});
    engine_plain(s, engine_feed(s, prompt, PROMPT), plain, TEXT);
    ltd_session_free(s);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ltd_eagle3_close(head);
    ltd_llama_close(model);
    return 0;
}

static ltd_cycle_options defaults(void)
{
    return (ltd_cycle_options){.model = model,
                               .head = head,
                               .clock = ltd_clock_monotonic(),
                               .context = CONTEXT,
                               .top_k = 4,
                               .max_forwards = FORWARDS,
                               .max_size = SIZE,
                               .lookup_min_match = 1,
                               .lookup_max_chain = 8};
}

static ltd_cycle *open_cycle(ltd_cycle_options o, int32_t n_prompt)
{
    ltd_cycle *c;
    if (ltd_cycle_new(&c, &o, &err) < 0) fail_msg("%s", err.msg);
    if (n_prompt && ltd_cycle_prompt(c, prompt, n_prompt, &err) < 0) fail_msg("%s", err.msg);
    return c;
}

static const ltd_cycle_result *run(ltd_cycle *c, int32_t forwards, int32_t size)
{
    const ltd_cycle_result *r = NULL;
    if (ltd_cycle_begin(c, &err) < 0) fail_msg("%s", err.msg);
    for (int32_t i = 0; i < forwards; i++)
        if (ltd_cycle_draft(c, &err) < 0) fail_msg("%s", err.msg);
    if (ltd_cycle_verify(c, size, &r, &err) < 0) fail_msg("%s", err.msg);
    return r;
}

/* The pools of both after `forwards` drafts of a new cycle, in every bit. */
static void same_drafts(ltd_cycle *a, ltd_cycle *b, int32_t forwards)
{
    ltd_cycle *both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ltd_cycle_begin(both[i], &err), 0);
        for (int32_t f = 0; f < forwards; f++) assert_int_equal(ltd_cycle_draft(both[i], &err), 0);
    }
    int32_t n = ltd_tree_count(ltd_cycle_tree(a));
    assert_int_equal(ltd_cycle_root(a), ltd_cycle_root(b));
    assert_int_equal(n, ltd_tree_count(ltd_cycle_tree(b)));
    assert_memory_equal(ltd_tree_nodes(ltd_cycle_tree(a)), ltd_tree_nodes(ltd_cycle_tree(b)),
                        (size_t)n * sizeof(ltd_node));
}

static void without_drafts_a_cycle_is_a_plain_decode_step(void **state)
{
    (void)state;
    ltd_cycle *c = open_cycle(defaults(), PROMPT);
    assert_int_equal(ltd_cycle_root(c), plain[0]);
    for (int i = 1; i < 60; i++) {
        const ltd_cycle_result *r = run(c, i % 3 ? 0 : 2, i % 3 ? SIZE : 0);
        assert_int_equal(r->accept_len, 1);
        assert_int_equal(r->size, 0);
        assert_int_equal(r->tokens[0], plain[i]);
        assert_int_equal(r->path[0], 0);
        assert_int_equal(ltd_cycle_root(c), plain[i]);
        assert_int_equal(ltd_cycle_context(c), PROMPT + i);
    }
    ltd_cycle_free(c);
}

static void a_head_that_waited_catches_up(void **state)
{
    (void)state;
    ltd_cycle *late = open_cycle(defaults(), PROMPT), *always = open_cycle(defaults(), PROMPT);
    static const int32_t waits[] = {1, 2, 63, 64, 65};
    for (int w = 0; w < 5; w++) {
        for (int32_t i = 0; i < waits[w]; i++) {
            if (ltd_cycle_room(late) < 2) break;
            run(late, 0, 0);
            run(always, 1, 0);
        }
        same_drafts(late, always, FORWARDS);
        const ltd_cycle_result *r;
        assert_int_equal(ltd_cycle_verify(late, 0, &r, &err), 0);
        assert_int_equal(ltd_cycle_verify(always, 0, &r, &err), 0);
    }
    ltd_cycle_free(late);
    ltd_cycle_free(always);
}

/* A file of the head's folder into another folder, `before` in front of its bytes from `from` on.
 */
static void copy_part(const char *folder, const char *name, const char *before, size_t from)
{
    char source[4096], path[4096], inner[64];
    ltd_file file;
    snprintf(inner, sizeof inner, "eagle3/session/%s", name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_true(golden_path(source, sizeof source, inner));
    if (ltd_file_map(&file, source, &err) < 0) fail_msg("%s", err.msg);
    size_t n = strlen(before);
    char *text = malloc(n + file.size);
    assert_non_null(text);
    memcpy(text, before, n);
    memcpy(text + n, file.data + from, file.size - from);
    if (ltd_file_write(path, text, n + file.size - from, &err) < 0) fail_msg("%s", err.msg);
    ltd_file_unmap(&file);
    free(text);
}

/* `head` with other layers named in its config.json. */
static ltd_eagle3 *open_with_taps(const int32_t taps[3])
{
    char folder[] = "/tmp/ltd-cycle-XXXXXX", path[64], key[128];
    assert_non_null(mkdtemp(folder));
    snprintf(key, sizeof key, "{\"eagle_aux_hidden_state_layer_ids\": [%d, %d, %d], ", taps[0],
             taps[1], taps[2]);
    copy_part(folder, "config.json", key, 1);
    copy_part(folder, "model.safetensors", "", 0);
    ltd_eagle3 *h = engine_head(folder, model, LTD_LOAD_Q8);
    static const char *const names[] = {"config.json", "model.safetensors"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    return h;
}

/* The first level of the cycle's tree is what a draft says of those layers' features. */
static void a_head_gets_the_layers_that_it_names(void **state)
{
    (void)state;
    static const int32_t taps[][3] = {{2, 4, 5}, {0, 8, 3}, {1, 1, 7}};
    float first[3] = {0};
    for (int t = 0; t < 3; t++) {
        ltd_cycle_options o = defaults();
        o.head = open_with_taps(taps[t]);
        ltd_cycle *c = open_cycle(o, PROMPT);
        assert_int_equal(ltd_cycle_begin(c, &err), 0);
        assert_int_equal(ltd_cycle_draft(c, &err), 0);
        ltd_session *s =
            engine_session(model, &(ltd_session_options){CONTEXT, 32, false, false, 1});
        assert_int_equal(ltd_session_set_taps(s, taps[t], 3, &err), 0);
        ltd_rows rows = {PROMPT, prompt, NULL, 1};
        assert_int_equal(ltd_session_forward(s, &rows, &err), 0);
        ltd_draft *d;
        assert_int_equal(
            ltd_draft_new(&d, o.head, &(ltd_draft_options){CONTEXT, 32, 4, 1, 0, false}, &err), 0);
        int32_t next[PROMPT];
        memcpy(next, prompt + 1, (PROMPT - 1) * sizeof *next);
        next[PROMPT - 1] = plain[0];
        assert_int_equal(ltd_draft_begin(d, prompt[0], &err), 0);
        if (ltd_draft_extend(d, ltd_session_features(s, 0), next, PROMPT, true, &err) < 0)
            fail_msg("%s", err.msg);
        const ltd_node *node = ltd_tree_nodes(ltd_cycle_tree(c));
        for (int i = 0; i < 4; i++) assert_int_equal(node[i].token, ltd_draft_tokens(d)[i]);
        first[t] = node[0].score;
        assert_true(first[t] == ltd_draft_logp(d)[0]);
        ltd_draft_free(d);
        ltd_session_free(s);
        ltd_cycle_free(c);
        ltd_eagle3_close((ltd_eagle3 *)o.head);
    }
    assert_true(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
}

static void a_cycle_that_was_given_up_leaves_no_trace(void **state)
{
    (void)state;
    ltd_cycle *a = open_cycle(defaults(), PROMPT), *b = open_cycle(defaults(), PROMPT);
    for (int round = 0; round < 24; round++) {
        for (int32_t again = 0; again < round % 3; again++) {
            assert_int_equal(ltd_cycle_begin(a, &err), 0);
            for (int32_t f = 0; f < (round + again) % (FORWARDS + 1); f++)
                assert_int_equal(ltd_cycle_draft(a, &err), 0);
        }
        same_drafts(a, b, round % (FORWARDS + 1));
        const ltd_cycle_result *ra, *rb;
        assert_int_equal(ltd_cycle_verify(a, SIZE, &ra, &err), 0);
        assert_int_equal(ltd_cycle_verify(b, SIZE, &rb, &err), 0);
        assert_int_equal(ra->accept_len, rb->accept_len);
        engine_same_ids("tokens", ra->tokens, rb->tokens, ra->accept_len);
    }
    ltd_cycle_free(a);
    ltd_cycle_free(b);
}

static void a_new_prompt_starts_afresh(void **state)
{
    (void)state;
    ltd_cycle_options o = defaults();
    o.lookup = true;
    ltd_cycle *used = open_cycle(o, 70);
    for (int i = 0; i < 10; i++) run(used, i % 4, 9);
    assert_int_equal(ltd_cycle_begin(used, &err), 0); /* and give this one up */
    assert_int_equal(ltd_cycle_draft(used, &err), 0);
    assert_int_equal(ltd_cycle_prompt(used, prompt, PROMPT, &err), 0);
    ltd_cycle *fresh = open_cycle(o, PROMPT);
    for (int i = 0; i < 10; i++) {
        const ltd_cycle_result *r;
        same_drafts(used, fresh, i % (FORWARDS + 1));
        assert_int_equal(ltd_cycle_verify(used, i, &r, &err), 0);
        assert_int_equal(ltd_cycle_verify(fresh, i, &r, &err), 0);
    }
    ltd_cycle_free(used);
    ltd_cycle_free(fresh);
}

/* The text goes on behind a prompt that is the text so far, or a part of it, or the beginning of
 * something else: as if nothing had been there. */
static void a_prompt_keeps_what_it_shares_and_nothing_else(void **state)
{
    (void)state;
    for (int head_or_none = 0; head_or_none < 2; head_or_none++) {
        ltd_cycle_options o = defaults();
        o.lookup = true;
        if (head_or_none) o.head = NULL;
        int32_t most = head_or_none ? 0 : FORWARDS;
        ltd_cycle *used = open_cycle(o, PROMPT);
        ltd_rng rng;
        ltd_rng_seed(&rng, 5, LTD_STREAM_TEST);
        for (int round = 0; round < 60; round++) {
            int32_t ids[CONTEXT], n = ltd_cycle_context(used), cycles = (int32_t)round % 9;
            assert_true(n < CONTEXT - SIZE - 20);
            /* The text: prompt, then plain decoding. */
            for (int32_t i = 0; i < n + 3; i++) ids[i] = i < PROMPT ? prompt[i] : plain[i - PROMPT];
            int32_t same = (int32_t)ltd_rng_below(&rng, (uint64_t)n + 1), add = round % 3;
            n = same + add > 0 ? same + add : 1;
            for (int32_t i = same; i < n; i++) ids[i] = (ids[i] + 1 + i) % 320;
            ltd_cycle *fresh = open_cycle(o, 0);
            assert_int_equal(ltd_cycle_prompt(used, ids, n, &err), 0);
            assert_int_equal(ltd_cycle_prompt(fresh, ids, n, &err), 0);
            for (int32_t i = 0; i < 3; i++) {
                const ltd_cycle_result *r;
                assert_int_equal(ltd_cycle_root(used), ltd_cycle_root(fresh));
                same_drafts(used, fresh, most ? (i + round) % (most + 1) : 0);
                assert_int_equal(ltd_cycle_verify(used, 3 * i, &r, &err), 0);
                assert_int_equal(ltd_cycle_verify(fresh, 3 * i, &r, &err), 0);
                assert_int_equal(ltd_cycle_context(used), ltd_cycle_context(fresh));
            }
            ltd_cycle_free(fresh);
            /* Back to the text, some cycles into it, every other time with one given up. */
            assert_int_equal(ltd_cycle_prompt(used, prompt, PROMPT, &err), 0);
            for (int32_t i = 0; i < cycles; i++) run(used, round % 4 ? i % (most + 1) : 0, 7);
            if (most && round % 2) {
                assert_int_equal(ltd_cycle_begin(used, &err), 0);
                assert_int_equal(ltd_cycle_draft(used, &err), 0);
            }
        }
        ltd_cycle_free(used);
    }
}

static void a_text_runs_to_the_end_of_its_room_and_stays_plain(void **state)
{
    (void)state;
    for (int lookup = 0; lookup < 2; lookup++) {
        ltd_cycle_options o = defaults();
        o.lookup = lookup;
        o.context = PROMPT + SIZE + 100;
        ltd_cycle *c = open_cycle(o, PROMPT);
        int32_t n = 1, cycles = 0;
        while (ltd_cycle_room(c) >= 1) {
            const ltd_cycle_result *r = run(c, cycles++ % (FORWARDS + 1), SIZE);
            assert_true(n + r->accept_len <= TEXT);
            engine_same_ids("text", r->tokens, plain + n, r->accept_len);
            n += r->accept_len;
            assert_true(ltd_cycle_context(c) <= o.context);
        }
        assert_int_equal(ltd_cycle_begin(c, &err), LTD_EINVAL);
        assert_true(n > 90);
        ltd_cycle_free(c);
    }
}

static void prompts_that_dont_fit_are_refused(void **state)
{
    (void)state;
    ltd_cycle *c = open_cycle(defaults(), 0);
    int32_t most = CONTEXT - SIZE - 2;
    assert_int_equal(ltd_cycle_begin(c, &err), LTD_EINVAL);
    assert_int_equal(ltd_cycle_prompt(c, prompt, 0, &err), LTD_EINVAL);
    assert_int_equal(ltd_cycle_prompt(c, prompt, most + 1, &err), LTD_EINVAL);
    assert_int_equal(ltd_cycle_begin(c, &err), LTD_EINVAL);
    assert_int_equal(ltd_cycle_prompt(c, (int32_t[]){3, 320}, 2, &err), LTD_EINVAL);
    assert_int_equal(ltd_cycle_begin(c, &err), LTD_EINVAL);
    int32_t ids[100];
    memcpy(ids, prompt, sizeof ids);
    ids[90] = -5; /* behind a chunk that was good */
    assert_int_equal(ltd_cycle_prompt(c, ids, 100, &err), LTD_EINVAL);
    assert_int_equal(ltd_cycle_context(c), 0);
    assert_int_equal(ltd_cycle_begin(c, &err), LTD_EINVAL);
    assert_int_equal(ltd_cycle_prompt(c, prompt, most, &err), 0);
    assert_int_equal(ltd_cycle_room(c), 1);
    run(c, FORWARDS, SIZE);
    assert_int_equal(ltd_cycle_prompt(c, prompt, 1, &err), 0);
    run(c, FORWARDS, SIZE);
    ltd_cycle_free(c);
}

static void actions_that_cant_be_are_refused_and_change_nothing(void **state)
{
    (void)state;
    const ltd_cycle_result *r = NULL;
    ltd_cycle *a = open_cycle(defaults(), PROMPT), *b = open_cycle(defaults(), PROMPT);
    same_drafts(a, b, FORWARDS);
    assert_false(ltd_cycle_can_draft(a));
    assert_int_equal(ltd_cycle_draft(a, &err), LTD_EINVAL);
    assert_int_equal(ltd_cycle_verify(a, -1, &r, &err), LTD_EINVAL);
    assert_int_equal(ltd_cycle_verify(a, SIZE + 1, &r, &err), LTD_EINVAL);
    assert_null(r);
    assert_int_equal(ltd_cycle_verify(a, SIZE, &r, &err), 0);
    assert_int_equal(ltd_cycle_verify(b, SIZE, &r, &err), 0);
    same_drafts(a, b, FORWARDS);
    ltd_cycle_free(a);
    ltd_cycle_free(b);
}

static void refuse(ltd_cycle_options o)
{
    ltd_cycle *c = (ltd_cycle *)(void *)&o; /* something that must go */
    assert_int_equal(ltd_cycle_new(&c, &o, &err), LTD_EINVAL);
    assert_null(c);
}

static void options_that_cant_be_are_refused(void **state)
{
    (void)state;
    ltd_cycle_options o[11];
    for (int i = 0; i < 11; i++) o[i] = defaults();
    o[0].max_size = -1;
    o[1].max_size = 1001;
    o[2].max_forwards = LTD_TREE_MAX_DEPTH + 1;
    o[3].lookup = true;
    o[3].lookup_max_chain = 0;
    o[4].context = 600; /* the model's is 512 */
    o[5].context = 40;  /* no room beside a prefill's rows */
    o[6].top_k = 0;
    o[7].top_k = 33;
    o[8].sampling = (ltd_sampling){-1, 0, 1, false};
    o[9].sampling = (ltd_sampling){1, 0, 0, false};
    o[10].sampling = (ltd_sampling){1, -1, 1, false};
    for (int i = 0; i < 11; i++) refuse(o[i]);
    ltd_cycle_free(NULL);
}

/* The first k of one is the argmax, whatever the temperature and whoever accepts. */
static void sampling_one_token_alone_is_greedy_decoding(void **state)
{
    (void)state;
    for (int accept = 0; accept < 2; accept++) {
        ltd_cycle_options o = defaults();
        o.sampling = (ltd_sampling){2, 1, 1, accept == 1};
        o.accept = (ltd_accept_rule)accept;
        o.seed = 9;
        ltd_cycle *c = open_cycle(o, PROMPT);
        assert_int_equal(ltd_cycle_root(c), plain[0]);
        for (int32_t n = 1; n < TEXT - 10;) {
            const ltd_cycle_result *r = run(c, n % (FORWARDS + 1), SIZE);
            engine_same_ids("text", r->tokens, plain + n, r->accept_len);
            n += r->accept_len;
        }
        ltd_cycle_free(c);
    }
}

static void without_a_head_there_is_lookup_alone(void **state)
{
    (void)state;
    ltd_cycle_options o = defaults();
    o.head = NULL;
    o.max_forwards = 0;
    o.lookup = true;
    ltd_cycle *c = open_cycle(o, PROMPT);
    assert_false(ltd_cycle_can_draft(c));
    int32_t n = 1, matched = 0, cycles = 0;
    for (; n < TEXT - 10; cycles++) {
        const ltd_cycle_result *r = run(c, 0, SIZE);
        engine_same_ids("text", r->tokens, plain + n, r->accept_len);
        matched += r->match > 0;
        n += r->accept_len;
    }
    assert_int_equal(ltd_cycle_begin(c, &err), 0);
    assert_int_equal(ltd_cycle_draft(c, &err), LTD_EINVAL);
    assert_true(matched > 0 && cycles < n);
    ltd_cycle_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_drafts_a_cycle_is_a_plain_decode_step),
        cmocka_unit_test(a_head_that_waited_catches_up),
        cmocka_unit_test(a_head_gets_the_layers_that_it_names),
        cmocka_unit_test(a_cycle_that_was_given_up_leaves_no_trace),
        cmocka_unit_test(a_new_prompt_starts_afresh),
        cmocka_unit_test(a_prompt_keeps_what_it_shares_and_nothing_else),
        cmocka_unit_test(a_text_runs_to_the_end_of_its_room_and_stays_plain),
        cmocka_unit_test(prompts_that_dont_fit_are_refused),
        cmocka_unit_test(actions_that_cant_be_are_refused_and_change_nothing),
        cmocka_unit_test(options_that_cant_be_are_refused),
        cmocka_unit_test(sampling_one_token_alone_is_greedy_decoding),
        cmocka_unit_test(without_a_head_there_is_lookup_alone),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
