/* Whole greedy speculative sessions of the official EAGLE-3 code, repeated by ltd_cycle: the text,
 * the accepted lengths, and every tree whose order hangs on no near-tie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "env/cycle.h"
#include "tests/support/engine.h"

enum { ROOM = 256 };

typedef struct session {
    ltd_cycle *cycle;
    int32_t forwards, size;
    int32_t ids[ROOM], n; /* output so far */
    int32_t trees;        /* compared */
    bool apart;           /* a near-tie led elsewhere: only the text is compared from here on */
} session;

/* Trees closer to a tie than this may be ordered otherwise by rounding. */
static bool clear_order(ltd_json want)
{
    return engine_f64(want, "ordering_gap") > 1e-4;
}

static void check_tree(session *s, ltd_json want, const ltd_cycle_result *r)
{
    int32_t ids[ROOM];
    if (!ltd_json_has(want, "tokens") || !clear_order(want)) return;
    assert_int_equal(r->selection->n, engine_ids(want, "tokens", ids, ROOM));
    engine_same_ids("tree tokens", r->selection->token, ids, r->selection->n);
    engine_ids(want, "parent", ids, ROOM);
    engine_same_ids("tree parents", r->selection->parent, ids, r->selection->n);
    assert_int_equal(r->accept_len, engine_ids(want, "accepted_nodes", ids, ROOM));
    engine_same_ids("accepted nodes", r->path, ids, r->accept_len);
    s->trees++;
}

static void run_cycle(session *s, ltd_json want)
{
    const ltd_cycle_result *r = NULL;
    ltd_err err;
    if (!s->apart) {
        assert_int_equal(ltd_cycle_context(s->cycle), engine_int(want, "context"));
        assert_int_equal(ltd_cycle_root(s->cycle), engine_int(want, "root"));
    }
    assert_int_equal(ltd_cycle_begin(s->cycle, &err), 0);
    for (int32_t i = 0; i < s->forwards; i++) {
        assert_true(ltd_cycle_can_draft(s->cycle));
        assert_int_equal(ltd_cycle_draft(s->cycle, &err), 0);
    }
    assert_false(ltd_cycle_can_draft(s->cycle));
    assert_int_equal(ltd_cycle_verify(s->cycle, s->size, &r, &err), 0);
    assert_int_equal(r->size, s->size);
    assert_int_equal(r->forwards, s->forwards);
    if (!s->apart && r->accept_len != engine_int(want, "L_A")) {
        assert_false(clear_order(want));
        s->apart = true;
    }
    if (!s->apart) check_tree(s, want, r);
    assert_true(s->n + r->accept_len <= ROOM);
    memcpy(s->ids + s->n, r->tokens, (size_t)r->accept_len * sizeof *s->ids);
    s->n += r->accept_len;
}

static void check_session(const ltd_llama *target, const ltd_eagle3 *head, ltd_json want)
{
    int32_t prompt[ROOM], ids[ROOM];
    ltd_err err;
    session s = {0};
    s.forwards = engine_int(want, "depth") + 1;
    s.size = engine_int(want, "total_tokens") - 1;
    ltd_cycle_options o = {.model = target,
                           .head = head,
                           .clock = ltd_clock_monotonic(),
                           .context = 512,
                           .top_k = engine_int(want, "top_k"),
                           .max_forwards = s.forwards,
                           .max_size = s.size};
    assert_int_equal(ltd_cycle_new(&s.cycle, &o, &err), 0);
    int32_t n = engine_ids(want, "prompt_ids", prompt, ROOM);
    assert_int_equal(ltd_cycle_prompt(s.cycle, prompt, n, &err), 0);
    s.ids[s.n++] = ltd_cycle_root(s.cycle);
    ltd_json cycles = engine_get(want, "cycles");
    for (size_t i = 0; i < ltd_json_count(cycles); i++) run_cycle(&s, ltd_json_at(cycles, i));
    int32_t n_ids = engine_ids(want, "output_ids", ids, ROOM);
    assert_true(s.apart || s.n >= n_ids);
    engine_same_ids("output", s.ids, ids, s.n < n_ids ? s.n : n_ids);
    print_message("# top_k %d, %d forwards, %d nodes: %zu cycles, %d trees compared%s\n", o.top_k,
                  s.forwards, s.size, ltd_json_count(cycles), s.trees,
                  s.apart ? ", parted at a near-tie" : "");
    ltd_cycle_free(s.cycle);
}

static void sessions_of_the_official_code_are_repeated_token_for_token(void **state)
{
    (void)state;
    ltd_llama *target = engine_model("eagle3/target", LTD_LOAD_F32, 16, NULL);
    ltd_eagle3 *head = engine_head("eagle3/session", target, LTD_LOAD_F32);
    ltd_json_doc *doc = engine_json("eagle3/session/session.json");
    ltd_json sessions = engine_get(ltd_json_root(doc), "sessions");
    assert_int_equal(ltd_json_count(sessions), 9);
    for (size_t i = 0; i < 9; i++) check_session(target, head, ltd_json_at(sessions, i));
    ltd_json_free(doc);
    ltd_eagle3_close(head);
    ltd_llama_close(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_of_the_official_code_are_repeated_token_for_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
