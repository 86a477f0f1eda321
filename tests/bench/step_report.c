#include <stdio.h>

#include "tests/bench/step.h"

/* The steady plain step at this context, as others are divided by it; 0 when it was not measured.
 */
static double plain_ms(step_results *s, int32_t context)
{
    for (int32_t i = 0; i < s->n_points; i++)
        if (s->points[i].rows == 1 && s->points[i].context == context)
            return measure_of(&s->points[i].steady).median;
    return 0;
}

static void print_points(step_results *s)
{
    int32_t context = -1;
    for (int32_t i = 0; i < s->n_points; i++) {
        step_point *p = &s->points[i];
        if (p->context != context)
            printf("\ncontext %d   [ms]\n  rows    step  [ 25 %%,  75 %%]  fastest  steady   first"
                   "   x 1 row  rows/s\n",
                   p->context);
        context = p->context;
        measure_summary warm = measure_of(&p->warm), steady = measure_of(&p->steady);
        double plain = plain_ms(s, context);
        printf("  %4d %7.2f [%6.2f, %6.2f] %8.2f %7.2f %7.2f", p->rows, warm.median, warm.p25,
               warm.p75, warm.min, steady.median, measure_of(&p->first).median);
        if (plain > 0)
            printf(" %9.2f", steady.median / plain);
        else
            printf(" %9s", "-");
        printf(" %7.0f\n", 1000 * p->rows / steady.median);
    }
}

static void print_shares(step_results *s)
{
    if (s->n_shares == 0) return;
    printf("\nphases of a steady step, %% of it (median of each)\n  rows context     ms");
    for (int i = 0; i < PHASE_COUNT; i++) printf(" %9s", phase_name((phase)i));
    printf("   attention+norm+rope+sample\n");
    for (int32_t i = 0; i < s->n_shares; i++) {
        step_shares *p = &s->shares[i];
        double total = measure_of(&p->total).median, small = 0;
        printf("  %4d %7d %6.2f", p->rows, p->context, total);
        for (int j = 0; j < PHASE_COUNT; j++) {
            double ms = measure_of(&p->ms[j]).median;
            if (j == PHASE_ATTENTION || j == PHASE_NORM || j == PHASE_ROPE || j == PHASE_SAMPLE)
                small += ms;
            printf(" %9.1f", 100 * ms / total);
        }
        printf("   %.1f\n", 100 * small / total);
    }
}

static void print_drafts(step_results *s)
{
    if (s->n_drafts == 0) return;
    printf("\ndraft head   context       ms  fastest   x 1 row of the target\n");
    for (int32_t i = 0; i < s->n_drafts; i++) {
        step_draft *p = &s->drafts[i];
        measure_summary ms = measure_of(&p->ms);
        double plain = plain_ms(s, p->context);
        if (p->pairs)
            printf("  resync %-4d", p->pairs);
        else
            printf("  expand %-4d", RIG_TOP_K);
        printf(" %8d %8.3f %8.3f", p->context, ms.median, ms.min);
        printf(plain > 0 ? "   %.3f\n" : "\n", ms.median / plain);
    }
}

void step_print(step_results *s)
{
    const rig *r = s->rig;
    measure_summary decode = measure_of(&s->decode), prompt = measure_of(&s->prompt);
    step_roof *f = &s->roof;
    printf("machine  %s, %s, %d threads, others used %.1f %% of it\n", measure_cpu(),
           ltd_llama_kernels(r->model)->name, ltd_pool_threads(ltd_llama_pool(r->model)),
           100 * s->others);
    printf("model    %s (%s), %d-bit activations, %d rounds\n", ltd_llama_path(r->model),
           ltd_llama_dtype_name(r->model), ltd_llama_activation_bits(r->model), s->rounds);
    print_points(s);
    print_shares(s);
    print_drafts(s);
    printf("\nplain decode of %d tokens   %.1f ms, %.1f tok/s (best %.1f)\n", s->decode_tokens,
           decode.median, 1000 * s->decode_tokens / decode.median,
           1000 * s->decode_tokens / decode.min);
    printf("prompt of %d tokens         %.1f ms (best %.1f), %.0f tok/s\n", s->prompt_tokens,
           prompt.median, prompt.min, 1000 * s->prompt_tokens / prompt.median);
    printf("\none row reads %.1f MB of weights; the memory gives them in %.2f ms (%.1f GB/s, %s)\n",
           (double)f->bytes * 1e-6, f->reading.ms, f->reading.gb_s, f->reading.way);
    printf("share of the memory roof at one row   layers and head %.2f (%.2f ms), whole step %.2f "
           "(%.2f ms)\n",
           step_roof_linear_share(f), measure_of(&f->linear).median, step_roof_step_share(f),
           measure_of(&f->step).median);
}

void step_put_origin(ltd_json_writer *w, const rig *r)
{
    ltd_json_begin_object(w, "machine");
    ltd_json_put_string(w, "cpu", measure_cpu());
    ltd_json_put_string(w, "isa", ltd_llama_kernels(r->model)->name);
    ltd_json_put_int(w, "threads", ltd_pool_threads(ltd_llama_pool(r->model)));
    ltd_json_end_object(w);
    ltd_json_begin_object(w, "model");
    ltd_json_put_string(w, "path", ltd_llama_path(r->model));
    ltd_json_put_string(w, "sha256", ltd_llama_hash(r->model));
    ltd_json_put_string(w, "type", ltd_llama_dtype_name(r->model));
    ltd_json_put_int(w, "activation_bits", ltd_llama_activation_bits(r->model));
    ltd_json_put_u64(w, "weight_bytes", ltd_llama_bytes(r->model));
    ltd_json_end_object(w);
}

void step_put_roof(ltd_json_writer *w, step_roof *f)
{
    ltd_json_begin_object(w, "roof");
    ltd_json_put_u64(w, "weight_bytes_read", f->bytes);
    ltd_json_put_f64(w, "read_gb_s", f->reading.gb_s);
    ltd_json_put_string(w, "read_way", f->reading.way);
    ltd_json_put_f64(w, "floor_ms", f->reading.ms);
    measure_put(w, "linear_and_head_ms", measure_of(&f->linear));
    measure_put(w, "step_ms", measure_of(&f->step));
    ltd_json_put_f64(w, "roof_share_linear_and_head", step_roof_linear_share(f));
    ltd_json_put_f64(w, "roof_share_step", step_roof_step_share(f));
    ltd_json_end_object(w);
}

static void put_points(ltd_json_writer *w, step_results *s)
{
    ltd_json_begin_array(w, "steps");
    for (int32_t i = 0; i < s->n_points; i++) {
        step_point *p = &s->points[i];
        ltd_json_begin_object(w, NULL);
        ltd_json_put_int(w, "rows", p->rows);
        ltd_json_put_int(w, "context", p->context);
        measure_put(w, "ms", measure_of(&p->warm));
        measure_put(w, "steady_ms", measure_of(&p->steady));
        measure_put(w, "first_ms", measure_of(&p->first));
        ltd_json_end_object(w);
    }
    ltd_json_end_array(w);
}

static void put_shares(ltd_json_writer *w, step_results *s)
{
    ltd_json_begin_array(w, "phases");
    for (int32_t i = 0; i < s->n_shares; i++) {
        step_shares *p = &s->shares[i];
        ltd_json_begin_object(w, NULL);
        ltd_json_put_int(w, "rows", p->rows);
        ltd_json_put_int(w, "context", p->context);
        measure_put(w, "ms", measure_of(&p->total));
        ltd_json_begin_inline_object(w, "phase_ms");
        for (int j = 0; j < PHASE_COUNT; j++)
            ltd_json_put_f64(w, phase_name((phase)j), measure_of(&p->ms[j]).median);
        ltd_json_end_object(w);
        ltd_json_end_object(w);
    }
    ltd_json_end_array(w);
}

static void put_drafts(ltd_json_writer *w, step_results *s)
{
    ltd_json_begin_array(w, "draft");
    for (int32_t i = 0; i < s->n_drafts; i++) {
        step_draft *p = &s->drafts[i];
        ltd_json_begin_object(w, NULL);
        ltd_json_put_string(w, "what", p->pairs ? "resync" : "expand");
        ltd_json_put_int(w, "rows", p->pairs ? p->pairs : RIG_TOP_K);
        ltd_json_put_int(w, "context", p->context);
        measure_put(w, "ms", measure_of(&p->ms));
        ltd_json_end_object(w);
    }
    ltd_json_end_array(w);
}

void step_write(step_results *s, const char *path)
{
    ltd_str text = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&text, 2);
    ltd_json_begin_object(&w, NULL);
    step_put_origin(&w, s->rig);
    ltd_json_put_int(&w, "rounds", s->rounds);
    ltd_json_put_f64(&w, "other_cpu_share", s->others);
    put_points(&w, s);
    put_shares(&w, s);
    put_drafts(&w, s);
    ltd_json_begin_object(&w, "decode");
    ltd_json_put_int(&w, "tokens", s->decode_tokens);
    measure_put(&w, "ms", measure_of(&s->decode));
    ltd_json_put_f64(&w, "tok_s", 1000 * s->decode_tokens / measure_of(&s->decode).median);
    ltd_json_end_object(&w);
    ltd_json_begin_object(&w, "prompt");
    ltd_json_put_int(&w, "tokens", s->prompt_tokens);
    ltd_json_put_int(&w, "rows_a_forward", s->rig->options.chunk);
    measure_put(&w, "ms", measure_of(&s->prompt));
    ltd_json_end_object(&w);
    step_put_roof(&w, &s->roof);
    ltd_json_end_object(&w);
    measure_save(path, &text);
    ltd_str_fini(&text);
}
