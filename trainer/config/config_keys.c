/* The table of keys, in file order: the only place that knows a key's name, default, range, unit,
 * meaning and origin.  configs/default.yaml and docs/training.md are printed from it, and a test
 * compares them; after a change run that test with LTD_REGENERATE=1. */
#include "trainer/config/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/edits.h"
#include "env/lookup.h"
#include "env/ltd_env.h"
#include "env/tree.h"
#include "trainer/config/config_choices_priv.h"

/* clang-format off */
#define BIG 2147483647.0
#define HEAD(section, field, kind) \
    .name = #section "." #field, .type = LTD_KEY_##kind, \
    .offset = offsetof(ltd_config, section.field)
#define TEXTS(kind, s, f, preset_, meaning_, source_) \
    {HEAD(s, f, kind), .preset = preset_, .unit = "", .meaning = meaning_, .source = source_}
#define BOOL(...) TEXTS(BOOL, __VA_ARGS__)
#define STRING(...) TEXTS(STRING, __VA_ARGS__)
#define STRINGS(...) TEXTS(STRINGS, __VA_ARGS__)
#define ENUM(s, f, preset_, choices_, unit_, meaning_, source_) \
    {HEAD(s, f, ENUM), .preset = preset_, .choices = choices_, .unit = unit_, \
     .meaning = meaning_, .source = source_}
#define NUMBER(kind, s, f, preset_, min_, max_, unit_, meaning_, source_) \
    {HEAD(s, f, kind), .preset = preset_, .min = min_, .max = max_, .unit = unit_, \
     .meaning = meaning_, .source = source_}
#define INT(...) NUMBER(INT, __VA_ARGS__)
#define FLOAT(...) NUMBER(FLOAT, __VA_ARGS__)
#define INTS(...) NUMBER(INTS, __VA_ARGS__)

static const ltd_key KEYS[] = {
    STRING(model, path, "\"\"",
        "GGUF file or Hugging Face folder of the target model; empty: the default model, "
        "SmolLM2-135M-Instruct", "ours"),
    ENUM(model, dtype, "file", model_dtypes, "",
        "weights as the file has them; widened to f32 (reference, slow); or rounded while they are "
        "loaded: f16, q8 (Q8_0), q4 (Q4_1, embedding and head Q8_0)", "ours"),
    ENUM(model, activations, "8", act_bits, "bit",
        "integer width of activations in quantised matrix products: 8 as llama.cpp, faster; 16 "
        "within 5e-3 of f32 logits",
        "ours"),
    ENUM(model, kv, "f16", kv_dtypes, "", "element type of the K/V cache", "llama.cpp"),
    INT(model, threads, "0", 0, 1024, "threads", "threads of the target model and the draft head; "
        "0: all cores this process may use", "ours"),
    INT(model, context, "2048", 64, 1048576, "tokens",
        "K/V cache: prompt and answer together", "EAGLE"),

    STRING(head, path, "\"\"",
        "folder of the EAGLE-3 draft head; empty: heads/smollm2-135m-eagle3 when the model is the "
        "default one, else none; none: prompt lookup only", "ours"),
    ENUM(head, dtype, "q8", head_dtypes, "", "weights of the draft head in memory", "ours"),
    ENUM(head, vocabulary, "auto", vocabularies, "",
        "tokens that the draft head may propose: static: those of its lm_head; context: also every "
        "token of the text so far, by the target's own row for it; auto: context where the rows of "
        "the lm_head are the target's", "ours; the paper: static"),

    INT(env, top_k, "4", 1, LTD_TREE_MAX_TOP_K, "nodes",
        "beam width k of the draft tree; fixed within a run", "ours; EAGLE-3 and the paper: 10"),
    INT(env, min_forwards, "0", 0, LTD_TREE_MAX_DEPTH, "forwards",
        "draft forwards of a cycle before the first question", "ours; the paper: 2"),
    INT(env, max_forwards, "8", 0, LTD_TREE_MAX_DEPTH, "forwards",
        "most draft forwards of a cycle; 0: never draft with the head", "ours; the paper: 13"),
    INT(env, depth_every, "1", 1, LTD_TREE_MAX_DEPTH, "forwards",
        "from one depth question to the next, counted from env.min_forwards on; up to the next one "
        "the head drafts without asking", "the paper: 1; LTD's code in use: 3"),
    INTS(env, sizes, "[0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 60]", 0, 1024, "nodes",
        "draft nodes that a size decision may verify, ascending; what is useful follows from the "
        "machine's cost curve", "ours; the paper: 20 to 240 by 20, or 10 to 240 by 10"),
    BOOL(env, lookup, "true",
        "put what prompt lookup finds into the pool before the first decision",
        "ours; the paper: false"),
    INT(env, lookup_min_match, "2", 1, LTD_LOOKUP_GRAM, "tokens",
        "shortest suffix whose earlier occurrence counts", "ours"),
    INT(env, lookup_max_chain, "24", 1, LTD_TREE_MAX_DEPTH, "tokens",
        "longest continuation taken from there", "ours"),
    STRING(env, survival, "\"\"",
        "file of survival curves: what scores of drafted nodes mean; empty: the one that `ltd "
        "record` keeps in run.dir for this model and head, else the head's own; none: scores as "
        "they come", "ours"),
    FLOAT(env, temperature, "0", 0, 1000, "",
        "of the target's text; 0: greedy decoding", "ours; the paper: 0 and 1"),
    FLOAT(env, top_p, "1", 1e-6, 1, "",
        "temperature > 0: draw among the most probable tokens that together reach this; 1: all",
        "ours"),
    INT(env, sample_top_k, "0", 0, BIG, "tokens",
        "temperature > 0: draw among this many most probable tokens; 0: all", "ours"),
    ENUM(env, accept, "drawn", accept_rules, "",
        "temperature > 0: drawn: follow the target's own draws through the tree, so that a seed "
        "gives one text under every policy; eagle: ask child after child, and top-p comes before "
        "top-k; at any temperature: always: take what was drafted, which is wrong: the negative "
        "control of checks that text is unchanged", "ours; the paper: eagle"),
    INT(env, max_new, "256", 1, 1048576, "tokens",
        "answer length after which the next prompt begins", "LTD rl_depth.py"),
    INT(env, loop_stop, "0", 0, 1000, "times",
        "an answer is cut where the same 12 tokens come for so many times, 2 or more: small models "
        "go round in circles; 0: nowhere", "ours; wiki: 4"),
    INT(env, max_prompt, "1024", 1, 1048576, "tokens",
        "longer prompts are left out and counted", "ours; the paper: 1748"),
    ENUM(env, reward, "average", rewards, "",
        "average: L - rho T / T_ar, whose optimum is the best throughput; ratio: L / (scale T); "
        "length: L; time: -scale T",
        "ours; the paper: ratio"),
    FLOAT(env, reward_scale, "100", 1e-6, 1e9, "1/s", "divisor of the ratio reward, factor of the time reward",
        "LTD rl_depth.py"),
    FLOAT(env, reward_keep, "0.8", 0, 1, "per cycle",
        "decay of the running sums behind rho (average reward): the price of a token hereabouts; "
        "0.999: in the whole run",
        "ours"),
    FLOAT(env, reward_floor, "-1", -1e9, -1e-6, "",
        "average reward: a cycle is worth no less, so that the rare dreadful one (60 nodes where "
        "one row costs a third of a step) doesn't drown the differences that matter", "ours"),
    ENUM(env, clock, "live", clocks, "",
        "rewards from the clock, or from the calibrated cost table (deterministic)",
        "the paper: live"),
    FLOAT(env, rate, "2", 0, 1000, "tokens",
        "what a plain decode step's time is worth in the ltd observations; training sets it where "
        "it learns from records", "ours"),
    FLOAT(env, slow_factor, "4", 0, 1e6, "x",
        "a live cycle slower than this multiple of its table entry is flagged and not learned "
        "from; 0: never", "ours"),
    ENUM(env, depth_obs, "ltd/depth/v2", depth_contracts, "",
        "observation contract of the depth policy", "ours; the paper: paper/depth/128"),
    ENUM(env, size_obs, "ltd/size/v2", size_contracts, "",
        "observation contract of the size policy", "ours; the paper: paper/size/1268"),

    STRINGS(prompts, train, "[configs/prompts/train/question.jsonl]",
        "question.jsonl files to train on", "ours; the paper: humaneval"),
    STRINGS(prompts, valid, "[configs/prompts/valid/question.jsonl]",
        "held-out files that choose the best checkpoint", "ours"),
    STRINGS(prompts, bench, "[configs/prompts/chat/question.jsonl, "
        "configs/prompts/math/question.jsonl, configs/prompts/code/question.jsonl, "
        "configs/prompts/rewrite/question.jsonl]", "files of the bench, a task each", "ours"),
    INT(prompts, limit, "0", 0, BIG, "prompts", "first prompts of each file; 0: all", "ours"),
    STRING(prompts, chat, "auto",
        "chat template by name (smollm2, chatml, none...); auto: the tokenizer's", "ours"),

    STRING(calibration, path, "\"\"",
        "cost table to read and write; empty: the one kept in run.dir for this machine and model",
        "ours"),
    INT(calibration, reps, "8", 1, 10000, "repetitions", "measurements of each point", "ours"),
    INTS(calibration, contexts, "[128, 512, 1024]", 1, 1048576, "tokens",
        "committed tokens at which costs are measured, ascending; those beyond model.context are "
        "left out", "ours"),
    STRINGS(calibration, tables, "[]",
        "cost tables of the machines that ltd transfer plays on; empty: all of configs/machines",
        "ours"),

    STRING(trace, dir, "\"\"",
        "folder of records; empty: the one kept in run.dir for this model, head and widths", "ours"),
    INT(trace, max_new, "256", 2, 1048576, "tokens", "most of an answer that is recorded", "ours"),

    INTS(policy, depth_hidden, "[32, 32]", 1, 8192, "units",
        "hidden layers of the depth actor", "ours; SB3: [64, 64]; the paper: [1024]"),
    INTS(policy, size_hidden, "[32, 32]", 1, 8192, "units",
        "hidden layers of the size actor", "ours; SB3: [64, 64]; the paper: [1024, 256]"),
    INTS(policy, critic_hidden, "[64, 64]", 1, 8192, "units",
        "hidden layers of both critics", "SB3; the paper: [1024, 256]"),
    ENUM(policy, activation, "relu", activations, "",
        "between hidden layers; planning (train.plan_passes) needs relu", "ours; SB3: tanh"),
    INT(policy, fixed_forwards, "9", 0, LTD_TREE_MAX_DEPTH, "forwards",
        "draft forwards that a policy plays whose depth was never trained (train.stages)",
        "EAGLE-3: the resync and 8 expansions"),
    INT(policy, fixed_size, "60", 0, 1024, "nodes",
        "nodes that are verified while, and where, no size was trained: the entry of env.sizes that "
        "comes nearest from below", "EAGLE-3"),

    ENUM(train, mode, "joint", modes, "",
        "joint: both policies learn from every cycle, over records and then live; stages: one at a "
        "time, the other one frozen", "ours; the paper: stages"),
    STRINGS(train, stages, "[size-alone, depth-alone, size, depth, size]",
        "mode stages: who learns next.  size-alone: under random depths; depth-alone: with "
        "policy.fixed_size nodes; size, depth: while the other one, where it has learned before, "
        "plays its most probable action.  The end of each leaves stage_N.h5", "the paper"),
    INTS(train, stage_decisions, "[100000, 1000000, 100000, 1000000, 100000]", 1, BIG, "decisions",
        "mode stages: decisions of the learner after which a stage ends, of each stage; each has a "
        "learning rate schedule of its own", "the paper"),
    ENUM(train, stages_on, "live", grounds, "",
        "mode stages: played on the engine, or over records", "the paper: live"),
    INT(train, plan_passes, "90", 0, 100000, "passes",
        "over the records of the training prompts, before the live cycles; 0: none", "ours"),
    INT(train, plan_batch_size, "1024", 1, BIG, "cycles", "minibatch of a pass", "ours"),
    INT(train, plan_window, "16", 1, BIG, "tokens",
        "stretch of text over which the worth of a token is measured", "ours"),
    FLOAT(train, plan_lr, "0.002", 0, 1, "", "Adam's learning rate there, falling to 0", "ours"),
    FLOAT(train, plan_ent_coef, "0.02", 0, 10, "",
        "weight of the entropy bonus there, falling to 0", "ours"),
    FLOAT(train, plan_prior, "4", 0, 1000, "",
        "weight of the expected worth in the logits that the nets begin with", "ours"),
    FLOAT(train, plan_margin, "0.1", -100, 100, "tokens",
        "of expected worth, below which the nets begin by stopping", "ours"),
    INT(train, record_cycles, "0", 0, BIG, "cycles",
        "mode joint: PPO over the records, after the passes and before the live cycles", "ours"),
    INT(train, record_envs, "8", 1, 1024, "",
        "environments side by side there, n_steps of each", "ours"),
    INT(train, total_cycles, "60000", 0, BIG, "cycles", "mode joint: length of the live run",
        "ours"),
    FLOAT(train, time_limit_s, "0", 0, 1e9, "s",
        "stop (saved, resumable) after this wall time; 0: no limit", "ours"),
    INT(train, n_steps, "2048", 1, 1048576, "decisions", "rollout of a policy before an update",
        "SB3"),
    INT(train, batch_size, "256", 1, 1048576, "decisions", "minibatch", "the paper"),
    INT(train, n_epochs, "10", 1, 1000, "passes", "passes over a rollout",
        "SB3; the paper: 20"),
    FLOAT(train, lr, "0.001", 0, 1, "", "Adam's learning rate, the schedule's start", "the paper"),
    FLOAT(train, lr_end, "0", 0, 1, "", "learning rate at the end of a linear schedule",
        "the paper"),
    FLOAT(train, lr_warmup, "0.01", 0, 0.99, "of the run",
        "share of the run in which the rate rises from 0", "the paper"),
    ENUM(train, lr_schedule, "linear", schedules, "", "after the warm-up", "the paper"),
    FLOAT(train, adam_eps, "1e-05", 1e-16, 1, "", "Adam's epsilon", "SB3"),
    FLOAT(train, gamma_depth, "1", 0, 1, "",
        "discount between a cycle's depth decisions; below 1 favours few forwards",
        "ours; the paper: 0.999"),
    FLOAT(train, gamma_size, "1", 0, 1, "",
        "discount of the size policy; its episodes have one step, so it does nothing",
        "ours; the paper: 0.9"),
    FLOAT(train, gae_lambda, "0.95", 0, 1, "", "generalised advantage estimation", "SB3"),
    FLOAT(train, clip_coef, "0.2", 0, 10, "", "clip of the probability ratio", "SB3"),
    FLOAT(train, clip_vloss, "0", 0, 1e6, "",
        "a new value stays within this of the old one; 0: no value clipping", "SB3"),
    FLOAT(train, ent_coef, "0.01", 0, 10, "", "weight of the entropy bonus at the start",
        "the paper"),
    FLOAT(train, ent_coef_end, "0", 0, 10, "",
        "weight at the end, with a straight line between; the same: a constant", "ours"),
    FLOAT(train, vf_coef, "0.5", 0, 100, "", "weight of the value loss", "SB3"),
    FLOAT(train, max_grad_norm, "0.5", 0, 1e6, "", "gradients are scaled down to this norm; "
        "0: never", "SB3"),
    FLOAT(train, target_kl, "0", 0, 100, "nats",
        "an update stops when the policy moved further than 1.5 times this; 0: never", "SB3"),
    BOOL(train, norm_adv, "true", "normalise advantages within a minibatch", "SB3"),
    BOOL(train, norm_reward, "false", "rewards in units of their running standard deviation",
        "SB3's VecNormalize"),
    FLOAT(train, size_first, "0.2", 0, 1, "of the run",
        "mode joint: share of the run in which only the size policy learns, under the depth "
        "policy's first, nearly random depths; else depth learns to stop before sizes are any good",
        "the paper's stage 0"),
    INT(train, checkpoint_every, "10000", 0, BIG, "cycles",
        "a step_N.h5; 0: only at the end or when stopped.  best.h5 comes with validations",
        "the paper"),
    INT(train, keep_last, "3", 0, BIG, "files", "newest step_N.h5 to keep; 0: all", "ours"),
    INT(train, eval_every, "10000", 0, BIG, "cycles",
        "validation, which writes best.h5; 0: only at the end", "the paper"),
    INT(train, eval_prompts, "8", 1, BIG, "prompts", "held-out prompts of a validation", "ours"),

    STRING(distill, data, "\"\"",
        "folder of the conversations; empty: data in the run's folder", "ours"),
    STRING(distill, out, "\"\"",
        "folder of the finished head; empty: head in the run's folder", "ours"),
    INT(distill, tokens, "3000000", 1, BIG, "tokens",
        "of answers that the model writes and the filter keeps", "ours"),
    STRINGS(distill, prompts, "[]",
        "question.jsonl files whose first turns are answered before the model writes messages of "
        "its own", "ours"),
    STRINGS(distill, exclude, "[configs/prompts/chat/question.jsonl, "
        "configs/prompts/math/question.jsonl, configs/prompts/code/question.jsonl, "
        "configs/prompts/rewrite/question.jsonl, configs/prompts/valid/question.jsonl]",
        "question.jsonl files of evaluation: what shares ten tokens in a row with a turn of theirs "
        "is left out", "ours"),
    INT(distill, texts, "64", 1, 960, "texts", "written side by side", "ours"),
    INT(distill, message_tokens, "110", 1, 1048576, "tokens", "most of a message", "ours"),
    INT(distill, answer_tokens, "256", 1, 1048576, "tokens", "most of an answer", "ours"),
    FLOAT(distill, message_temperature, "1", 0.01, 100, "", "of messages", "Magpie"),
    FLOAT(distill, answer_temperature, "0.7", 0.01, 100, "", "of answers that are drawn", "ours"),
    FLOAT(distill, greedy_share, "0.75", 0, 1, "of conversations",
        "whose answers are greedy, as they will be drafted", "ours"),
    FLOAT(distill, opener_share, "0.5", 0, 1, "of conversations",
        "whose messages begin with one of the built-in openers", "ours"),
    ENUM(distill, features, "keep", features, "",
        "keep: on disk, while the model writes (2 bytes x 4 taps x hidden a token); compute: again "
        "for every batch", "ours"),
    INTS(distill, taps, "[]", 0, 1024, "layers",
        "three layers whose inputs are the features; empty: 2, n/2, n-3", "EAGLE-3"),
    INT(distill, vocabulary, "2048", 32, BIG, "tokens",
        "most frequent tokens of the answers, which can always be drafted", "ours; EAGLE-3: 32000"),
    INT(distill, ffn, "0", 0, 1048576, "units",
        "width of the layer's feed-forward part; 0: the target's", "EAGLE-3"),
    ENUM(distill, init, "layer", inits, "",
        "begin with the target's last layer, or with random weights", "ours"),
    FLOAT(distill, epochs, "4", 0, 1000, "passes", "over the conversations", "ours"),
    INT(distill, batch_size, "4", 1, 65536, "conversations", "of an update", "ours"),
    INT(distill, micro_batch, "2", 1, 65536, "conversations",
        "whose gradient a thread computes at a time; the sum over an update's is in their order",
        "ours"),
    INTS(distill, unroll, "[1, 1, 1, 2, 3]", 1, 8, "steps",
        "of the training-time test: the head's own features go back in; several values divide the "
        "run among them", "ours; EAGLE-3: 7"),
    FLOAT(distill, step_weight, "0.8", 0, 1, "a step", "weight of a later step's loss", "EAGLE-3"),
    FLOAT(distill, regression, "2", 0, 1e6, "",
        "weight of the squared distance to the target's own last features", "ours; EAGLE-3: 0"),
    FLOAT(distill, temperature, "0.5", 0.01, 100, "", "of the target's distributions", "ours; EAGLE-3: 1"),
    FLOAT(distill, lr, "0.005", 0, 1, "", "AdamW's learning rate, after the warm-up", "ours"),
    FLOAT(distill, lr_end, "0.03", 0, 1, "of lr", "learning rate at the end of the cosine", "ours"),
    FLOAT(distill, lr_warmup, "0.01", 0, 0.99, "of the run",
        "share of the run in which the rate rises from 0", "ours"),
    FLOAT(distill, weight_decay, "0.05", 0, 1, "", "AdamW's", "ours"),
    FLOAT(distill, beta2, "0.95", 0, 0.9999999, "", "AdamW's", "EAGLE-3"),
    FLOAT(distill, max_grad_norm, "1", 0, 1e6, "",
        "gradients are scaled down to this norm; 0: never", "ours; EAGLE-3: 0.5"),
    ENUM(distill, precision, "auto", precisions, "",
        "of the large matrix products: f32; bf16 inputs with float sums; auto: bf16 where the "
        "processor has instructions for it", "ours"),
    INT(distill, valid_texts, "24", 1, BIG, "conversations",
        "greedy ones that are held out; they choose the best head by accepted length", "ours"),
    INT(distill, valid_every, "1000", 0, BIG, "updates", "0: only at the end", "ours"),
    INT(distill, checkpoint_every, "500", 0, BIG, "updates",
        "0: only at the end or when stopped", "ours"),

    INTS(tune, top_k, "[8]", 1, LTD_TREE_MAX_TOP_K, "nodes",
        "beam widths that the search of the best static setting looks at besides env.top_k, "
        "ascending, at most 3; empty: none; a draft's time is between those that were calibrated", "ours"),
    FLOAT(tune, budget_s, "60", 1, 1e6, "s",
        "of the search of the best static setting, prefill included; long prompts need more", "ours"),
    INT(tune, max_new, "48", 2, 1048576, "tokens", "answer length of that search", "ours"),

    STRINGS(bench, policies, "[]",
        "rows of the comparison, also rules of docs/opponents.md; empty: ar, eagle3, static-tuned, "
        "switch, goodput, ltd", "ours"),
    INT(bench, max_new, "128", 1, 1048576, "tokens", "answer length", "ours"),
    INT(bench, reps, "3", 1, 1000, "repetitions",
        "runs of every prompt under every policy, interleaved", "ours"),
    INT(bench, prompts_per_task, "40", 0, BIG, "prompts", "first prompts of each task; 0: all",
        "ours"),
    INT(bench, seeds, "3", 1, 8, "", "suite ablations: runs of training of each row", "ours"),
    INT(bench, bootstrap, "2000", 0, 1000000, "resamples",
        "paired bootstrap behind the 95 % intervals; 0: no intervals", "ours"),
    BOOL(bench, drift_check, "true",
        "before the first prompt, measure a plain step and a few sizes, and warn when the "
        "calibration in use is off by more than 15 %, or its shape by more than 10 %", "ours"),

    STRING(generate, policy, "auto",
        "auto: the newest trained policy for this model, else the tuned static setting, else as "
        "static where that can pay by the cost table; table: what is left of the trained one in a "
        "table; ar: plain decoding; static: generate.forwards and generate.size; random; or a "
        "checkpoint or run folder", "ours"),
    INT(generate, forwards, "3", 0, LTD_TREE_MAX_DEPTH, "forwards",
        "policy static: draft forwards", "ours"),
    INT(generate, size, "12", 0, 1024, "nodes", "policy static: draft nodes to verify", "ours"),
    INT(generate, max_new, "256", 1, 1048576, "tokens", "answer length", "ours"),
    STRING(generate, system, "\"\"", "system message; empty: the chat template's own", "ours"),
    BOOL(generate, guard, "true",
        "fall back to plain decoding while speculation measures slower", "ours"),

    STRING(wiki, root, "\"\"",
        "folder of WikiGenBench: data/wiki, data/google, split.json; empty: the three made-up events "
        "of configs/wiki", "WikiGenBench"),
    STRING(wiki, data, "\"\"",
        "folder that prompts are prepared in; empty: wiki in run.dir", "ours"),
    STRING(wiki, out, "\"\"",
        "folder of the articles; empty: wiki-METHOD-DECODER in run.dir", "ours"),
    STRINGS(wiki, methods, "[rr]",
        "vanilla: from the title alone; rr: from the best chunks for the title; prr: an outline, then "
        "each section from the best chunks for it; extract-rr, extract-prr: without a model; several "
        "for prompts, one for articles", "WikiGenBench"),
    ENUM(wiki, plan, "documents", plans, "",
        "prr: the outline is written from the best chunks, or blind, from the title alone; ref: the "
        "reference's own headings", "WikiGenBench"),
    BOOL(wiki, rewrite, "false", "calls that smooth the text of each section, or of the article that has none", "WikiGenBench"),
    ENUM(wiki, profile, "2k", profiles, "",
        "lengths: 2k: 3 chunks of 160 words, prompts of 1200 tokens, articles of 512, sections of "
        "256; 4k: 5, 256, 2048, 800, 400; 8k: 10, 256, 5000, 1500, 600", "ours; the paper: 4k"),
    ENUM(wiki, ranking, "bm25", rankings, "", "who chooses the chunks", "WikiGenBench"),
    ENUM(wiki, sources, "mixed", sources, "",
        "pages: those that the article cites (human), those of a search engine, or both",
        "WikiGenBench"),
    ENUM(wiki, split, "all", splits, "",
        "events that articles are written of: split.json's lists, or train: 3/4 of them, the last "
        "fifth of which is valid, and eval", "ours"),
    INT(wiki, events, "0", 0, BIG, "events", "first ones of the split; 0: all", "ours"),
    STRING(wiki, decoder, "ar",
        "a row of bench.policies that writes the articles", "ours"),
    STRING(wiki, judge_url, "\"\"",
        "OpenAI-compatible endpoint that grades articles (http://127.0.0.1:8000/v1); empty: none",
        "ours"),
    STRING(wiki, judge_model, "\"\"", "model that the endpoint is asked for", "ours"),
    STRING(wiki, judge_key_env, "\"\"",
        "environment variable that holds the endpoint's key; empty: no key", "ours"),
    FLOAT(wiki, judge_timeout_s, "120", 1, 86400, "s", "of one answer of the endpoint", "ours"),

    STRING(run, dir, "runs", "folder of runs and calibrations", "ours"),
    STRING(run, name, "\"\"", "name of the run; empty: made from the model and the time", "ours"),
    NUMBER(U64, run, seed, "0", 0, 18446744073709551615.0, "",
        "of initial weights, exploration, prompt order, minibatches and bootstrap", "ours"),
};

/* Names that users of other libraries type. */
static const char *const ALIASES[][2] = {
    {"learning_rate", "train.lr"},          {"total_timesteps", "train.total_cycles"},
    {"num_steps", "train.n_steps"},         {"minibatch_size", "train.batch_size"},
    {"update_epochs", "train.n_epochs"},    {"clip_range", "train.clip_coef"},
    {"clip_range_vf", "train.clip_vloss"},  {"normalize_advantage", "train.norm_adv"},
    {"gamma", "train.gamma_depth"},         {"anneal_lr", "train.lr_schedule"},
    {"save_freq", "train.checkpoint_every"}, {"eval_freq", "train.eval_every"},
    {"net_arch", "policy.depth_hidden"},    {"eagle_topk", "env.top_k"},
    {"num_draft_tokens", "env.sizes"},      {"total_token", "env.sizes"},
    {"depth", "env.max_forwards"},          {"max_depth", "env.max_forwards"},
    {"speculative_num_steps", "env.max_forwards"}, {"n_ctx", "model.context"},
    {"temp", "env.temperature"},            {"do_sample", "env.temperature"},
    {"max_new_tokens", "generate.max_new"}, {"max_tokens", "generate.max_new"},
    {"draft_model", "head.path"},           {"dataset", "prompts.train"},
};
/* clang-format on */

enum { N_KEYS = sizeof KEYS / sizeof *KEYS };

size_t ltd_config_key_count(void)
{
    return N_KEYS;
}

const ltd_key *ltd_config_key(size_t i)
{
    return i < N_KEYS ? &KEYS[i] : NULL;
}

const ltd_key *ltd_config_key_find(const char *name)
{
    for (size_t i = 0; i < N_KEYS; i++)
        if (strcmp(KEYS[i].name, name) == 0) return &KEYS[i];
    return NULL;
}

static const char *leaf(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

const ltd_key *ltd_config_key_nearest(const char *name)
{
    /* Twice the edits, so that a section that differs can cost half an edit: "lr" and
     * "tain.lr" are nearest to "train.lr". */
    const ltd_key *best = &KEYS[0];
    int least = 1 << 30;
    for (size_t i = 0; i < N_KEYS; i++) {
        int whole = 2 * ltd_edits(name, KEYS[i].name);
        int part = 2 * ltd_edits(leaf(name), leaf(KEYS[i].name)) + 1;
        int d = whole < part ? whole : part;
        if (d < least) {
            least = d;
            best = &KEYS[i];
        }
    }
    for (size_t i = 0; i < sizeof ALIASES / sizeof *ALIASES; i++) {
        int d = 2 * ltd_edits(leaf(name), ALIASES[i][0]) + 1;
        if (d < least) {
            least = d;
            best = ltd_config_key_find(ALIASES[i][1]);
        }
    }
    return best;
}
