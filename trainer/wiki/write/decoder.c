#include "trainer/wiki/write/decoder.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/bench/bench_rows.h"

struct ltd_wiki_decoder {
    const ltd_setup *s;
    ltd_contestants rows; /* one, opened with the first message */
    bool open;
    const volatile int *stop;
};

/* --- opening --- */

int ltd_wiki_decoder_new(ltd_wiki_decoder **ret, const ltd_setup *s, const char *name,
                         const ltd_bench_options *rows, ltd_err *err)
{
    ltd_wiki_decoder *d = ltd_mem_zeros(1, sizeof *d);
    if (!d) return ltd_fail(err, LTD_ENOMEM, "decoder: no memory");
    ltd_preset preset = {.kind = LTD_PRESET_NAMED};
    snprintf(preset.name, sizeof preset.name, "%s", name);
    ltd_bench_options options = *rows;
    options.presets = &preset;
    options.n_presets = 1;
    options.replay = NULL;
    d->s = s;
    int rc = ltd_contestants_list(&d->rows, s, &options, err);
    int32_t i = 0;
    while (rc == LTD_OK && i < d->rows.n && strcmp(d->rows.row[i].name, name) != 0) i++;
    if (rc == LTD_OK && i == d->rows.n)
        rc = ltd_fail(err, LTD_EINVAL, "decoder '%s': what it needs isn't there", name);
    if (rc < 0) {
        free(d);
        return rc;
    }
    d->rows.row[0] = d->rows.row[i];
    d->rows.n = 1;
    *ret = d;
    return LTD_OK;
}

void ltd_wiki_decoder_free(ltd_wiki_decoder *d)
{
    if (!d) return;
    if (d->open) ltd_contestants_close(&d->rows);
    free(d);
}

/* --- one answer --- */

/* A row that verifies many nodes keeps room for them: an answer that ended there would be another
 * one than plain decoding's. */
static int check_room(const ltd_wiki_decoder *d, int32_t prompt, int32_t most, ltd_err *err)
{
    const ltd_cycle_options *o = ltd_cycle_get_options(d->rows.row[0].cycle);
    int32_t need = prompt + most + o->max_size + 1;
    if (need <= o->context) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL,
                    "model.context: is %d; a prompt of %d tokens, an answer of %d and %d nodes to "
                    "verify need %d",
                    o->context, prompt, most, o->max_size, need);
}

/* An environment over this message alone; cycle and agent stay. */
static int face(ltd_wiki_decoder *d, const ltd_prompts *prompts, int32_t most, ltd_err *err)
{
    ltd_contestant *row = &d->rows.row[0];
    if (!d->open) {
        d->open = true; /* what was opened is closed, whatever happens */
        int opened = ltd_contestants_open(&d->rows, d->s, prompts, NULL, err);
        if (opened < 0) return opened;
    }
    if (!row->agent)
        return ltd_fail(err, LTD_EINVAL, "decoder '%s' could not be opened", row->name);
    int rc = check_room(d, ltd_prompts_at(prompts, 0)->n, most, err);
    if (rc < 0) return rc;
    ltd_env_options o = *ltd_env_get_options(row->env);
    ltd_env *env;
    ltd_player player;
    o.prompts = prompts;
    o.max_new = most;
    rc = ltd_env_open(&env, &o, err);
    if (rc < 0) return rc;
    rc = ltd_player_init(&player, env, row->agent, err);
    if (rc < 0) {
        ltd_env_close(env);
        return rc;
    }
    ltd_player_fini(&row->player);
    ltd_env_close(row->env);
    row->env = env;
    row->player = player;
    return LTD_OK;
}

static ltd_wiki_effort effort_of(const ltd_run *run)
{
    ltd_wiki_effort e = {.cycles = run->cycles,
                         .tokens = run->tokens,
                         .cycles_ms = 1e-6 * (double)run->ns,
                         .draft_ms = 1e-6 * (double)run->phase_ns[LTD_PHASE_DRAFT],
                         .verify_ms = 1e-6 * (double)run->phase_ns[LTD_PHASE_VERIFY],
                         .policy_ms = 1e-6 * (double)run->phase_ns[LTD_PHASE_DECIDE],
                         .prefill_ms = run->prefill_target_ms + run->prefill_head_ms};
    static_assert((int)LTD_WIKI_ACCEPT == (int)LTD_RUN_ACCEPT, "one histogram");
    memcpy(e.accepted, run->accept_hist, sizeof e.accepted);
    return e;
}

/* Without the end token and the white space around. */
static char *text_of(const ltd_tokenizer *tok, const ltd_tokens *tokens)
{
    ltd_str s = LTD_STR_INIT;
    ltd_tokenizer_decode_text(tok, tokens->ids, tokens->n, false, &s);
    const char *text = ltd_str_text(&s);
    size_t begin = strspn(text, " \t\r\n"), end = strlen(text);
    while (end > begin && isspace((unsigned char)text[end - 1])) end--;
    ltd_str kept = LTD_STR_INIT;
    ltd_str_push(&kept, text + begin, end - begin);
    kept.failed = kept.failed || s.failed;
    ltd_str_fini(&s);
    return ltd_str_take(&kept);
}

static int play(ltd_wiki_decoder *d, const ltd_prompt *prompt, ltd_wiki_call *c, ltd_err *err)
{
    ltd_contestant *row = &d->rows.row[0];
    ltd_run run;
    int rc = ltd_run_prompt(&row->player, 0, &run, &c->tokens, err);
    if (rc < 0) return rc;
    c->effort = effort_of(&run);
    rc = ltd_accept_classes_answer(&c->effort.classes, ltd_llama_tokenizer(d->s->model), prompt,
                                   &c->tokens, row->player.added, row->player.n_added, err);
    if (rc < 0) return rc;
    c->stop = run.ended                        ? LTD_WIKI_STOP_END
              : ltd_env_last(row->env)->looped ? LTD_WIKI_STOP_LOOP
                                               : LTD_WIKI_STOP_LENGTH;
    c->text = text_of(ltd_llama_tokenizer(d->s->model), &c->tokens);
    return c->text ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "answer: no memory");
}

static int answer(void *ctx, const char *prompt, int32_t most, ltd_wiki_call *call, ltd_err *err)
{
    ltd_wiki_decoder *d = ctx;
    ltd_prompts *prompts;
    if (d->stop && *d->stop) return ltd_fail(err, LTD_ECANCELED, "stopped");
    int rc =
        ltd_prompts_from_text(&prompts, prompt, d->s->chat, ltd_llama_tokenizer(d->s->model), err);
    if (rc < 0) return rc;
    call->prompt_tokens = ltd_prompts_at(prompts, 0)->n;
    rc = face(d, prompts, most, err);
    if (rc == LTD_OK) rc = play(d, ltd_prompts_at(prompts, 0), call, err);
    /* The environment keeps a pointer to them until the next message comes; it is not used. */
    ltd_prompts_free(prompts);
    return rc;
}

static int count(void *ctx, const char *prompt, int32_t *ret, ltd_err *err)
{
    const ltd_setup *s = ctx;
    ltd_prompts *prompts;
    int rc = ltd_prompts_from_text(&prompts, prompt, s->chat, ltd_llama_tokenizer(s->model), err);
    if (rc < 0) return rc;
    *ret = ltd_prompts_at(prompts, 0)->n;
    ltd_prompts_free(prompts);
    return LTD_OK;
}

ltd_wiki_counter ltd_wiki_setup_counter(const ltd_setup *s)
{
    return (ltd_wiki_counter){count, (void *)(uintptr_t)s};
}

ltd_wiki_author ltd_wiki_decoder_author(ltd_wiki_decoder *d)
{
    return (ltd_wiki_author){.counter = ltd_wiki_setup_counter(d->s), .answer = answer, .ctx = d};
}

void ltd_wiki_decoder_watch(ltd_wiki_decoder *d, const volatile int *stop)
{
    d->stop = stop;
}
