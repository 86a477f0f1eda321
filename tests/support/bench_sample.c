#include "tests/support/bench_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void cell(ltd_bench_cell *c, int prompt, double speed, int reps)
{
    int64_t tokens = 40 + 10 * prompt;
    memset(c, 0, sizeof *c);
    for (int r = 0; r < reps; r++) {
        double jitter = 1 + 0.01 * ((prompt * 3 + r) % 5 - 2) * (speed > 110);
        ltd_run run = {.prompts = 1,
                       .cycles = tokens / 2,
                       .tokens = tokens,
                       .accept_len = tokens,
                       .forwards = tokens,
                       .size = 2 * tokens,
                       .prefill_target_ms = 20};
        run.ns = (uint64_t)((double)tokens / speed * jitter * 1e9);
        run.phase_ns[LTD_PHASE_VERIFY] = run.ns * 3 / 4;
        run.phase_ns[LTD_PHASE_DRAFT] = run.ns - run.ns * 3 / 4;
        run.accept_hist[1] = (uint32_t)tokens / 4;
        run.accept_hist[3] = (uint32_t)tokens / 4;
        run.depth_hist[2] = (uint32_t)tokens / 2;
        run.ended = prompt % 3 == 0;
        ltd_run_add(&c->run, &run);
    }
    c->classes.tokens[LTD_TOKEN_COPIED] = tokens * reps / 2;
    c->classes.cycles[LTD_TOKEN_COPIED] = (double)(tokens * reps) / 6;
    c->classes.tokens[LTD_TOKEN_OTHER] = tokens * reps / 2;
    c->classes.cycles[LTD_TOKEN_OTHER] = (double)(tokens * reps) / 3;
    for (int q = 0; q < LTD_QUARTERS; q++) {
        c->classes.quarter_tokens[q] = tokens * reps / 4;
        c->classes.quarter_cycles[q] = (double)c->classes.quarter_tokens[q] / 2;
    }
    c->identical = true;
}

void bench_sample(ltd_bench *ret, double speed)
{
    static const char *const name[SAMPLE_ROWS] = {"ar", "static-tuned", "ltd"};
    const double speeds[SAMPLE_ROWS] = {100, 125, speed};
    ltd_bench_cell cells[SAMPLE_ROWS][2 * SAMPLE_PROMPTS];
    *ret = (ltd_bench){.command = "ltd bench --reps 3 <x> & \"y\"",
                       .commit = "abc",
                       .utc = "2025-01-01T00:00:00Z",
                       .seed = 5,
                       .cpu = "A <cpu>",
                       .isa = "avx2",
                       .threads = 2,
                       .model_path = "m.gguf",
                       .model_hash = "12",
                       .model_dtype = "Q4_1",
                       .head_path = "h",
                       .head_hash = "34",
                       .lookup = true,
                       .max_new = 64,
                       .reps = 3,
                       .tuned = {1, 2, true},
                       .n_tasks = 2};
    for (int r = 0; r < SAMPLE_ROWS; r++)
        for (int p = 0; p < 2 * SAMPLE_PROMPTS; p++) cell(&cells[r][p], p, speeds[r], 3);
    ltd_bench_cell *ended;
    int32_t kept;
    if (ltd_bench_only_ended(cells[0], SAMPLE_ROWS, 2 * SAMPLE_PROMPTS, 0, &ended, &kept, NULL) < 0)
        return;
    static const char *const task[] = {"chat", "math", "all", "ended"};
    ltd_bench_task *all[] = {&ret->tasks[0], &ret->tasks[1], &ret->all, &ret->ended};
    const int32_t prompts[] = {SAMPLE_PROMPTS, SAMPLE_PROMPTS, 2 * SAMPLE_PROMPTS, kept};
    const ltd_bench_cell *from[] = {cells[0], cells[0] + SAMPLE_PROMPTS, cells[0], ended};
    for (int t = 0; t < 4; t++) {
        snprintf(all[t]->task, sizeof all[t]->task, "%s", task[t]);
        all[t]->prompts = prompts[t];
        all[t]->n_rows = SAMPLE_ROWS;
        for (int r = 0; r < SAMPLE_ROWS; r++) {
            snprintf(all[t]->rows[r].policy, sizeof all[t]->rows[r].policy, "%s", name[r]);
            snprintf(all[t]->rows[r].detail, sizeof all[t]->rows[r].detail, "detail of %s",
                     name[r]);
        }
        ltd_bench_fold(all[t], from[t], (size_t)(t == 3 ? kept : 2 * SAMPLE_PROMPTS), 3, 0, 1, 400,
                       5, NULL);
    }
    free(ended);
    ret->cells = cells[0];
    ltd_versus_fold(ret, 400, 5, NULL);
    ret->cells = NULL;
}
