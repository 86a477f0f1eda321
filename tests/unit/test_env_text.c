/* Texts of the environment: how they end, that nothing but the target writes them, and what a
 * checkpoint brings back. */
#include "tests/support/golden.h"
#include "tests/support/tiny_env.h"

enum { PROMPTS = 5, MAX_NEW = 40 };

static tiny_env *t;
static int32_t plain[PROMPTS][TINY_CONTEXT]; /* what the target says by itself */

static int setup(void **state)
{
    (void)state;
    t = tiny_open();
    for (size_t p = 0; p < PROMPTS; p++) {
        const ltd_prompt *prompt = ltd_prompts_at(t->prompts, p);
        ltd_session *s =
            engine_session(t->model, &(ltd_session_options){TINY_CONTEXT, 64, false, false, 1});
        engine_plain(s, engine_feed(s, prompt->ids, prompt->n), plain[p], MAX_NEW + 1);
        ltd_session_free(s);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tiny_close(t);
    return 0;
}

static const ltd_reset *number(int32_t p)
{
    static ltd_reset reset;
    reset = (ltd_reset){.new_prompt = true, .prompt = p};
    return &reset;
}

/* Play prompt p with random actions to its end; with `restless`, give cycles up half-way. */
static void play_text(int32_t p, bool restless)
{
    tiny_reset(t, number(p));
    assert_int_equal(ltd_cycle_root(t->cycle), plain[p][0]);
    for (int32_t n = 1;;) {
        int32_t context = ltd_cycle_context(t->cycle);
        for (int i = 0; restless && i < 3; i++) {
            for (int k = 0; k < i && t->step.turn == LTD_TURN_DEPTH; k++) tiny_step(t, t->mask[1]);
            if (t->step.terminated) break;
            tiny_reset(t, NULL); /* the cycle is given up */
            assert_int_equal(ltd_cycle_context(t->cycle), context);
            assert_int_equal(t->step.info.new_tokens, n);
        }
        tiny_play(t);
        const ltd_info *f = &t->step.info;
        assert_int_equal(f->prompt, p);
        engine_same_ids("text", f->token, plain[p] + n, f->tokens);
        n += f->tokens;
        assert_int_equal(f->new_tokens, n);
        if (f->prompt_done) {
            assert_int_equal(n, MAX_NEW);
            assert_true(t->step.truncated);
            return;
        }
        assert_int_equal(f->tokens, f->accept_len);
        assert_false(t->step.truncated);
        tiny_reset(t, NULL);
        assert_int_equal(t->step.info.prompt, p);
    }
}

static void any_actions_write_what_plain_decoding_writes(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, NULL);
    for (int32_t p = 0; p < PROMPTS; p++) play_text(p, false);
}

static void cycles_that_are_given_up_leave_the_text_alone(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, NULL);
    for (int32_t p = 0; p < PROMPTS; p++) play_text(p, true);
}

static void observing_nobody_changes_nothing(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, NULL);
    t->step.obs = NULL;
    play_text(1, false);
}

/* --- ends --- */

static void the_end_of_a_prompt_brings_the_next(void **state)
{
    (void)state;
    int seen[PROMPTS] = {0};
    tiny_env_open(t, NULL, NULL);
    for (int i = 0; i < 2 * PROMPTS; i++) {
        tiny_reset(t, NULL);
        int32_t p = t->step.info.prompt;
        assert_int_equal(t->step.info.new_tokens, 1);
        seen[p]++;
        for (;; tiny_reset(t, NULL)) {
            assert_int_equal(t->step.info.prompt, p);
            tiny_play(t);
            if (t->step.info.prompt_done) break;
        }
    }
    for (int p = 0; p < PROMPTS; p++) assert_int_equal(seen[p], 2); /* each once a pass */
}

static void hot(ltd_cycle_options *o)
{
    o->sampling = (ltd_sampling){1.2, 0, 0.95, false};
    o->seed = 5;
}

/* Prompt 2 to its end under random actions; returns the number of its tokens. */
static int32_t sampled_text(int32_t *ret)
{
    int32_t n = 0;
    for (tiny_reset(t, number(2));; tiny_reset(t, NULL)) {
        if (n == 0) ret[n++] = ltd_cycle_root(t->cycle);
        tiny_play(t);
        memcpy(ret + n, t->step.info.token, (size_t)t->step.info.tokens * sizeof *ret);
        n += t->step.info.tokens;
        if (t->step.info.prompt_done) return n;
    }
}

static void a_sampled_text_depends_on_the_seed_not_on_actions(void **state)
{
    (void)state;
    int32_t first[MAX_NEW + 1] = {0}, text[MAX_NEW + 1] = {0};
    tiny_env_open(t, hot, NULL);
    int32_t n = sampled_text(first);
    for (int i = 0; i < 3; i++) { /* other prompts are played between */
        assert_int_equal(sampled_text(text), n);
        engine_same_ids("text", text, first, n);
        tiny_reset(t, number(i));
        tiny_play(t);
    }
    uint64_t seed = 6;
    tiny_reset(t, &(ltd_reset){.seed = &seed});
    sampled_text(text);
    assert_memory_not_equal(text, first, sizeof text);
    seed = 5;
    tiny_reset(t, &(ltd_reset){.seed = &seed});
    sampled_text(text);
    engine_same_ids("text of the first seed again", text, first, n);
}

static void small_context(ltd_cycle_options *o)
{
    o->context = 72;
}

static void a_full_context_ends_the_text(void **state)
{
    (void)state;
    tiny_env_open(t, small_context, NULL);
    for (int32_t p = 0; p < PROMPTS; p++) {
        int32_t most = 72 - TINY_SIZE - 1 - ltd_prompts_at(t->prompts, (size_t)p)->n, n = 1;
        if (most > MAX_NEW) most = MAX_NEW;
        for (tiny_reset(t, number(p));; tiny_reset(t, NULL)) {
            tiny_play(t);
            n += t->step.info.tokens;
            assert_true(ltd_cycle_context(t->cycle) <= 72);
            if (t->step.info.prompt_done) break;
        }
        assert_true(t->step.truncated);
        assert_int_equal(n, most);
    }
}

static void one_token(ltd_env_options *o)
{
    o->max_new = 1;
}

static void a_text_of_one_token_is_over_at_once(void **state)
{
    (void)state;
    tiny_env_open(t, NULL, one_token);
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_env_reset(t->env, number(2), &t->step, &err), LTD_ENV_ENDED);
    assert_int_equal(ltd_env_turn(t->env), LTD_TURN_NONE);
    assert_int_equal(ltd_env_reset(t->env, NULL, &t->step, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "each of 5 prompts ends with its first token"));
    assert_int_equal(ltd_env_reset(t->env, number(PROMPTS), &t->step, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "prompt 5, expected 0 to 4"));
}

/* Only the default model has an end token here. */
static void the_end_token_ends_the_text(void **state)
{
    (void)state;
    if (!default_model()) {
        print_message("# the default model is not in models.cache: skipped\n");
        skip();
    }
    ltd_llama *model = engine_model(default_model(), LTD_LOAD_FILE, 16, NULL);
    const ltd_tokenizer *tok = ltd_llama_tokenizer(model);
    ltd_cycle_options co = tiny_cycle_options(t);
    ltd_env_options eo = tiny_options(t);
    ltd_prompts *prompts;
    co.model = model;
    co.head = NULL;
    co.max_forwards = 0;
    tiny_env_close(t);
    assert_int_equal(ltd_prompts_from_text(&prompts, "Say: yes. Only this word.",
                                           ltd_chat_detect(tok), tok, &t->err),
                     0);
    assert_int_equal(ltd_cycle_new(&t->cycle, &co, &t->err), 0);
    eo.cycle = t->cycle;
    eo.prompts = prompts;
    eo.max_forwards = 0;
    eo.max_new = 120;
    assert_int_equal(ltd_env_open(&t->env, &eo, &t->err), 0);
    t->step = (ltd_step){.obs = t->obs, .mask = t->mask};
    for (tiny_reset(t, number(0));; tiny_reset(t, NULL)) {
        tiny_play(t);
        const ltd_info *f = &t->step.info;
        bool end = ltd_tokenizer_is_end(tok, f->token[f->tokens - 1]);
        for (int32_t i = 0; i + 1 < f->tokens; i++)
            assert_false(ltd_tokenizer_is_end(tok, f->token[i]));
        assert_int_equal(end, f->prompt_done);
        if (f->prompt_done) break;
    }
    assert_false(t->step.truncated);
    tiny_env_close(t);
    ltd_prompts_free(prompts);
    ltd_llama_close(model);
}

/* Behind the environment's back the context is filled, so that its next cycle can't begin. */
static void a_cycle_that_fails_gives_the_text_up(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    const ltd_cycle_result *r;
    tiny_env_open(t, small_context, NULL);
    tiny_reset(t, number(0));
    while (ltd_cycle_room(t->cycle) > 0) {
        assert_int_equal(ltd_cycle_begin(t->cycle, &err), 0);
        assert_int_equal(ltd_cycle_verify(t->cycle, 0, &r, &err), 0);
    }
    assert_int_equal(ltd_env_reset(t->env, NULL, &t->step, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "no room"));
    assert_int_equal(ltd_env_turn(t->env), LTD_TURN_NONE);
    assert_int_equal(ltd_env_step(t->env, LTD_DEPTH_STOP, &t->step, &err), LTD_EINVAL);
    tiny_reset(t, NULL); /* another prompt */
    assert_int_equal(t->step.info.new_tokens, 1);
    tiny_play(t);
}

/* --- streams --- */

static void the_same_seed_gives_the_same_stream(void **state)
{
    (void)state;
    uint64_t seed = 9;
    ltd_reset reseed = {.seed = &seed, .prompt = -1}, next = {.new_prompt = true, .prompt = -1};
    int32_t order[2][8];
    tiny_env_open(t, NULL, NULL);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 8; i++) {
            tiny_reset(t, i ? &next : &reseed);
            order[round][i] = t->step.info.prompt;
        }
    assert_memory_equal(order[0], order[1], sizeof order[0]);
}

/* Prompts, lengths and rewards of the next cycles, each from a new prompt with a fixed play. */
static void trace(int32_t *ret, float *reward, int n)
{
    ltd_reset next = {.new_prompt = true, .prompt = -1};
    for (int i = 0; i < n; i++) {
        tiny_reset(t, &next);
        ret[i] = t->step.info.prompt;
        while (t->step.turn == LTD_TURN_DEPTH) tiny_step(t, t->mask[1]);
        if (!t->step.terminated) tiny_step(t, i % 2);
        reward[i] = t->step.reward;
    }
}

/* rho as well: an average that remembers other cycles would pay the first ones otherwise. */
static void the_same_seed_gives_the_same_rewards(void **state)
{
    (void)state;
    uint64_t seed = 9;
    int32_t prompt[2][6];
    float reward[2][6];
    tiny_env_open(t, NULL, NULL);
    for (int round = 0; round < 2; round++) {
        tiny_reset(t, &(ltd_reset){.seed = &seed, .prompt = -1});
        trace(prompt[round], reward[round], 6);
    }
    assert_memory_equal(prompt[0], prompt[1], sizeof prompt[0]);
    assert_memory_equal(reward[0], reward[1], sizeof reward[0]);
}

static void a_saved_stream_goes_on_where_it_was(void **state)
{
    (void)state;
    int32_t a[12], b[12];
    float ra[12], rb[12];
    ltd_env_state_save save;
    tiny_env_open(t, NULL, NULL);
    trace(a, ra, 7); /* into the second pass */
    assert_int_equal(ltd_env_save(t->env, &save, &t->err), 0);
    trace(a, ra, 12);
    tiny_env_open(t, NULL, NULL);
    tiny_reset(t, NULL);
    assert_int_equal(ltd_env_load(t->env, &save, &t->err), 0);
    assert_int_equal(ltd_env_turn(t->env), LTD_TURN_NONE);
    trace(b, rb, 12);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_equal(ra, rb, sizeof ra); /* the average goes on as well */
}

static void a_saved_stream_that_cannot_be_is_refused(void **state)
{
    (void)state;
    ltd_env_state_save save, bad;
    ltd_err err = LTD_ERR_INIT;
    tiny_env_open(t, NULL, NULL);
    assert_int_equal(ltd_env_save(t->env, &save, &err), 0);
    for (int i = 0; i < 5; i++) {
        bad = save;
        if (i == 0) bad.n_prompts = 4;
        if (i == 1) bad.next = -1;
        if (i == 2) bad.next = 6;
        if (i == 3) bad.order[4] = 5;
        if (i == 4) bad.order[0] = -1;
        assert_int_equal(ltd_env_load(t->env, &bad, &err), LTD_EFORMAT);
    }
    tiny_reset(t, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_actions_write_what_plain_decoding_writes),
        cmocka_unit_test(cycles_that_are_given_up_leave_the_text_alone),
        cmocka_unit_test(observing_nobody_changes_nothing),
        cmocka_unit_test(the_end_of_a_prompt_brings_the_next),
        cmocka_unit_test(a_sampled_text_depends_on_the_seed_not_on_actions),
        cmocka_unit_test(a_full_context_ends_the_text),
        cmocka_unit_test(a_text_of_one_token_is_over_at_once),
        cmocka_unit_test(the_end_token_ends_the_text),
        cmocka_unit_test(a_cycle_that_fails_gives_the_text_up),
        cmocka_unit_test(the_same_seed_gives_the_same_stream),
        cmocka_unit_test(the_same_seed_gives_the_same_rewards),
        cmocka_unit_test(a_saved_stream_goes_on_where_it_was),
        cmocka_unit_test(a_saved_stream_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
