#!/bin/bash
# The paper's five models by their configurations: small random models in their shapes are told of,
# generated with, checked, trained on and evaluated.  TAP on standard output.
#
#     tests/cli/paper.sh build/ltd

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
export LC_ALL=C
cd "$tmp" || exit 1
paper=$root/configs/paper.yaml

for i in 1 2 3; do
    echo "{\"question_id\": $i, \"category\": \"c\", \"turns\": [\"Say $i.\"]}"
done >question.jsonl
# Nets and a run that take a moment; all that the model decides stays the paper's.
small=(--prompts.train=question.jsonl --prompts.valid=question.jsonl --prompts.bench=question.jsonl
    --run.dir=runs --policy.depth_hidden=16 --policy.size_hidden=16,8 --policy.critic_hidden=16
    --model.context=1024 --env.max_prompt=700 --calibration.reps=1 --calibration.contexts=128
    --bench.max_new=16 --env.max_new=24 --train.n_steps=8 --train.batch_size=8 --train.n_epochs=2
    --train.stage_decisions=8,8,8,8,8 --train.eval_prompts=1 --quiet)

for name in llama-3.1-8b vicuna-13b deepseek-r1-distill-llama-8b qwen3-14b qwen3-32b; do
    config=$root/configs/paper/$name.yaml
    "$root/scripts/random-model" --model $name $name >out 2>err
    report "$name: a random model of its shape is made" $? "$(cat err)"
    "$root/scripts/random-model" --model $name again >out 2>err
    check "$name: a seed gives the same bytes" diff -r $name again
    rm -r again
    options=(--config "$paper" --config "$config" --model $name/model --head $name/head "${small[@]}"
        --run.name=$name)

    "$ltd" train --dry-run "${options[@]}" --json dry.json >dry 2>err
    report "$name: --dry-run exits 0" $? "$(cat err)"
    check "$name: it tells that nothing is calibrated" grep -q "there is no" dry
    "$ltd" train --dry-run --config "$paper" --config "$config" --model $name/model \
        --head $name/head --json - >paper.json 2>err
    report "$name: so it does with the paper's nets, as JSON" $? "$(cat err)"
    check "$name: nothing is written" [ ! -e runs ]
    for policy in ar static; do
        "$ltd" generate "${options[@]}" --policy $policy --forwards 3 --size 20 --max-tokens 24 \
            --generate.guard=false "Name a colour." >text.$policy 2>err
        report "$name: generate --policy $policy exits 0" $? "$(cat err)"
    done
    check "$name: both write the same text" cmp text.ar text.static
    check "$name: there is some" [ -s text.ar ]
    "$ltd" check-env --steps 30 "${options[@]}" >out 2>err
    report "$name: check-env finds nothing" $? "$(cat out err)"
    "$ltd" train "${options[@]}" --json - >train.json 2>err
    report "$name: train exits 0" $? "$(cat err)"
    "$ltd" train --dry-run "${options[@]}" --json dry.json >dry 2>err
    report "$name: --dry-run knows the calibration then" "$(grep -q "by the cost table" dry; echo $?)" \
        "$(cat dry err)"
    "$ltd" eval "${options[@]}" --json eval.json >out 2>err
    report "$name: eval exits 0" $? "$(cat err)"
    cat >read.py <<'PY'
import json, sys
train = json.load(open("train.json"))
# A rollout a stage: of 8 sizes or one more, a cycle each, in three; of 8 depths or some more in two.
assert 3 * 8 + 2 <= train["cycles"] <= 5 * 9 and not train["stopped"], train
assert train["run"] in train["checkpoint"], train
dry, paper, ev = (json.load(open(f)) for f in ("dry.json", "paper.json", "eval.json"))
assert dry["calibrated"] and not paper["calibrated"], (dry["calibrated"], paper["calibrated"])
# method: 134,146 and 394,753 parameters of depth; of size 1,564,940 with 12 sizes, and 1,562,113.
nets = paper["nets"]
assert nets["depth"]["actor_parameters"] == 128 * 1024 + 1024 + 1024 * 2 + 2 == 134146, nets
assert nets["depth"]["critic_parameters"] == 394753, nets
assert nets["size"]["actor_parameters"] == 1561856 + 256 * 12 + 12, nets
assert nets["size"]["critic_parameters"] == 1562113, nets
assert paper["config"]["prompts.chat"] == sys.argv[1] and paper["config"]["env.top_k"] == "10"
assert 2 <= paper["random_cycle"]["forwards"] <= 4 and paper["random_cycle"]["ms"] is None
stages = dry["stages"]
assert [s["name"] for s in stages] == ["size-alone", "depth-alone", "size", "depth", "size"], stages
assert all(s["updates"] == 1 and s["live"] for s in stages), stages
for s in stages:
    learns, waits = ("depth", "size") if "depth" in s["name"] else ("size", "depth")
    assert s["gradient_steps"][learns] == 2 and s["gradient_steps"][waits] == 0, s
    assert s["cycles"] == 8 if learns == "size" else 2 <= s["cycles"] <= 8, s
full = [(s["name"], s["updates"]) for s in paper["stages"]]
assert full == [("size-alone", 49), ("depth-alone", 489), ("size", 49), ("depth", 489), ("size", 49)], full
assert all(s["cycles_s"] > 0 and s["updates_s"] > 0 for s in stages), stages
assert all(n["decision_ms"] > 0 and n["gradient_step_ms"] > 0 for n in dry["nets"].values())
assert all(dry["bytes"][k] > 0 for k in ("weights", "head", "kv", "nets", "optimizer", "rollouts"))
assert ev["accept_len"] >= 1 and ev["forwards_mean"] >= 2, ev
by = ev["accept_by"]
parts = [(share, by[name]) for name, share in by["share"].items() if share]
assert abs(sum(s for s, _ in parts) - 1) < 1e-9 and len(by["quarters"]) == 4, by
assert abs(sum(s / a for s, a in parts) - ev["cycles"] / ev["tokens"]) < 1e-9, (by, ev)
PY
    chat=$(sed -n 's/^  chat: //p' "$config")
    check "$name: what they tell is right" python3 read.py "$chat"
    rm -r runs
done

# --- layers and the released code's differences -----------------------------------------------------
printf 'train: {lr: 0.5, n_steps: 999}\n' >first.yaml
printf 'train: {lr: 0.25}\n' >second.yaml
model=(--model qwen3-32b/model --head none)
resolved() { # KEY ARGUMENTS...: its value
    local key=$1
    shift
    "$ltd" train --dry-run "${model[@]}" "$@" --json - 2>err |
        sed -n "s/^ *\"$key\": \"\(.*\)\",*$/\1/p"
}
check "a later file lies over an earlier one" \
    [ "$(resolved train.lr -c first.yaml -c second.yaml)" = 0.25 ]
check "what it leaves alone stays" \
    [ "$(resolved train.n_steps -c first.yaml -c second.yaml)" = 999 ]
check "the other way round" [ "$(resolved train.lr -c second.yaml -c first.yaml)" = 0.5 ]
check "--compat lies over the files" \
    [ "$(resolved train.lr -c first.yaml --compat lr-3e-4)" = 0.0003 ]
check "the command line over both" \
    [ "$(resolved train.lr --compat official --train.lr=0.1)" = 0.1 ]
check "official is the file" [ "$(resolved env.depth_every --compat official)" = \
    "$(resolved env.depth_every -c "$root/configs/compat/official.yaml")" ]
"$ltd" train --compat list >out 2>err
report "--compat list exits 0" $? "$(cat err)"
check "it names what is offered and what is not" grep -q "^not offered:" out
check "its lines are short" [ "$(wc -L <out)" -lt 100 ]
"$ltd" train --compat context-0.01 "${model[@]}" >out 2>err
check "what is not offered says why" grep -q "compat context-0.01: is not offered" err
finish
