#!/bin/bash
# Policies that leave: trained on a tiny model, exported in each format, read by the programs they
# are for, and played from there.  TAP on standard output.
#
#     tests/cli/export.sh build/ltd build/tests/logits build/tests/make_sb3

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
logits=$(realpath "$2")
make_sb3=$(realpath "$3")
export LC_ALL=C
cd "$tmp" || exit 1
formats="safetensors onnx c torch"

run() { "$ltd" "$@" >out 2>err </dev/null; }
# refused NAME CODE PATTERN ltd-arguments...: one line of standard error that matches.
refused() {
    local name=$1 want=$2 pattern=$3 code=0
    shift 3
    run "$@" || code=$?
    check "$name: exit code $want" [ $code -eq "$want" ]
    report "$name: in one line" "$([ "$(wc -l <err)" -eq 1 ] && grep -qE -- "$pattern" err; echo $?)" "$(cat err)"
}

printf '{"question_id": 1, "category": "c", "turns": ["Count from one to five."]}\n' >one.jsonl
printf '{"question_id": 2, "category": "c", "turns": ["Name a colour, then another."]}\n' >>one.jsonl
model=(--model "$root/tests/support/tiny_model" --head "$root/tests/golden/eagle3/head_a")
# shellcheck disable=SC2054 # the commas belong to the lists
common=("${model[@]}" --run.dir=runs --calibration.path="$tmp/cost.json" --calibration.reps=1
    --calibration.contexts=64 --model.context=256 --env.max_prompt=160 --env.max_new=24
    --trace.max_new=24 --bench.max_new=24 --prompts.train=one.jsonl --prompts.valid=one.jsonl
    --prompts.bench=one.jsonl --prompts.chat=none)
train=("${common[@]}" --env.clock=table --env.sizes=0,1,2,3,4,8 --env.max_forwards=3
    --train.total_cycles=2200 --train.n_steps=256 --train.batch_size=64 --train.n_epochs=2
    --train.eval_every=100000 --train.eval_prompts=1 --train.checkpoint_every=1100 --quiet)

run train "${train[@]}" --run.name=r --run.seed=3
report "a tiny policy is trained" $? "$(cat err)" || finish
best=runs/r/checkpoints/best.h5

# --- written, read back, compared -----------------------------------------------------------------
for format in $formats; do
    run export runs/r --format $format --json $format.json
    report "$format: is exported" $? "$(cat err)"
    check "$format: says what was compared" grep -q 'read back: largest difference of a logit 0, the same action' out
    run info runs/r/export/"$(case $format in safetensors) echo policy.safetensors ;; onnx) echo size.onnx ;; c) echo ltd_policy.h ;; torch) echo depth/policy.pth ;; esac)"
    report "$format: info describes it" "$(grep -q "exported policy ($format)" out; echo $?)" "$(cat out err)"
    critic=", with its critic"
    [ $format = c ] && critic=
    check "$format: with its contract" grep -q "depth  ltd/depth/v2: 56 -> 32 -> 32 -> 2, relu$critic" out
done
run export runs/r
check "safetensors is the default" grep -q 'wrote   runs/r/export/policy.safetensors' out
run export $best -o mine/p.safetensors --json -
report "to a file, from a checkpoint" $? "$(cat err)"
cat >read.py <<'PY'
import json
for format, files in (("safetensors", 1), ("onnx", 2), ("c", 1), ("torch", 2)):
    e = json.load(open(format + ".json"))
    assert e["version"] == 1 and e["format"] == format and len(e["files"]) == files, e
    assert [n["turn"] for n in e["nets"]] == ["depth", "size"]
    for n in e["nets"]:
        assert n["observations"] == n["same_action"] == 1000 and n["max_difference"] == 0, n
assert json.load(open("out"))["files"] == ["mine/p.safetensors"]
PY
report "--json has 1,000 observations of each net" "$(python3 read.py >why 2>&1; echo $?)" "$(cat why)"
check "the same bytes as in the run" cmp mine/p.safetensors runs/r/export/policy.safetensors

# --- read by the programs they are for ------------------------------------------------------------
mkdir ours
"$logits" $best ours >shapes
run export runs/r --format c -o mine/policy.h
report "a header of any name" $? "$(cat err)"
code=0
cc -std=c99 -Wall -Wextra -Wpedantic -Werror -ffp-contract=off -DHEADER='"mine/policy.h"' -I. \
    "$root/tests/support/read_header.c" -lm -o read_header >read 2>&1 && ./read_header ours >read 2>&1 || code=$?
report "a compiled program plays the header, to 1e-5" $code "$(cat read)"
sed 's/^/# /' read
if python=$("$root/tests/support/python_env" 2>why); then
    code=0
    "$python" "$root/tests/support/read_exports.py" ours shapes runs/r/export >read 2>&1 || code=$?
    report "onnxruntime, torch, Stable-Baselines3 and safetensors read them, to 1e-5" $code "$(cat read)"
    sed 's/^/# /' read
else
    skip "onnxruntime, torch, Stable-Baselines3 and safetensors read them" "$(tail -n 1 why)"
fi

# --- played from there ----------------------------------------------------------------------------
play=("${common[@]}" --max-tokens 24 --generate.guard=false "Name a colour.")
run generate --policy ar "${play[@]}" && mv out plain
report "plain decoding" $? "$(cat err)"
run generate --policy runs/r "${play[@]}"
report "the run is played" $? "$(cat err)"
check "with the text of plain decoding" cmp out plain
cp -r runs/r/export all
for format in $formats; do
    case $format in
        safetensors) path=runs/r/export/policy.safetensors ;;
        onnx) path=runs/r/export/depth.onnx ;;
        c) path=runs/r/export/ltd_policy.h ;;
        torch) path=runs/r/export/size/policy.pth ;;
    esac
    run generate --policy $path "${play[@]}"
    report "$format: generate plays it" $? "$(cat err)"
    check "$format: with the same text" cmp out plain
    run eval --policy $path "${common[@]}" --env.clock=table --json $format.eval
    report "$format: eval plays it" $? "$(cat err)"
done
run eval --policy runs/r "${common[@]}" --env.clock=table --json run.eval
cat >read.py <<'PY'
import json
a = json.load(open("run.eval"))
for f in ("safetensors", "onnx", "c", "torch"):
    b = json.load(open(f + ".eval"))
    assert a["size_hist"] == b["size_hist"] and a["forwards_hist"] == b["forwards_hist"], f
PY
report "what it decides is the run's" "$(python3 read.py >why 2>&1; echo $?)" "$(cat why)"
rm -r all/policy.safetensors all/depth
run eval --policy all "${common[@]}" --env.clock=table
report "a folder is enough" $? "$(cat err)"

# --- settings for other engines --------------------------------------------------------------------
for text in "hello world hello world" "the quick brown fox" "1 2 3 4 5 6"; do
    printf '{"question_id": %d, "category": "c", "turns": ["%s"]}\n' ${#text} "$text"
done >other.jsonl
flags=("${common[@]}" --prompts.bench=other.jsonl)
run export --format flags "${flags[@]}"
check "flags without records: says what makes them" grep -q 'ltd record' err
run record "${flags[@]}" --quiet
report "records for the settings" $? "$(cat err)"
run export --format flags "${flags[@]}" --json flags.json
report "flags are printed" $? "$(cat err)"
check "for each engine" grep -q 'SGLang' out
cat >read.py <<'PY'
import json
f = json.load(open("flags.json"))
assert f["version"] == 1 and len(f["engines"]) == 3, f
assert {e["engine"].lower() for e in f["engines"]} == {"sglang", "vllm", "llama.cpp"}, f
PY
report "and in JSON" "$(python3 read.py >why 2>&1; echo $?)" "$(cat why)"
refused "flags into a file" 2 'takes no -o: found x' export --format flags -o x

# --- what is refused ------------------------------------------------------------------------------
refused "no such format" 2 '--format: found tflite, expected one of safetensors, onnx, c, torch, flags' export runs/r --format tflite
refused "nothing to export" 2 'expected a run folder or a checkpoint' export
refused "no such run" 1 'runs/none' export runs/none
rm all/size.onnx
refused "half an export" 1 'all/size.onnx is not there.*tensor size' eval --policy all "${common[@]}"
head -c 2000 runs/r/export/depth.onnx >all/depth.onnx
refused "a cut file" 1 'all/depth.onnx: no ONNX model' eval --policy all "${common[@]}"
refused "info of a cut file" 1 'all/depth.onnx: no ONNX model' info all/depth.onnx
mkdir blocked && : >blocked/depth
refused "a place that can't be written" 1 'blocked/depth' export runs/r --format torch -o blocked
check "leaves nothing" [ ! -e blocked/size ]

# --- a policy without observations ----------------------------------------------------------------
"$make_sb3" depth.zip 128 32 2 tanh 1
"$make_sb3" size.zip 1268 32 24 relu 2
run import sb3 depth.zip size.zip --out paper.h5 "${model[@]}"
report "a pair of the paper is imported" $? "$(cat err)"
paper=("${common[@]}" --calibration.path= --model.context=512 --env.top_k=10 --env.max_forwards=13)
refused "without records it can't be compared" 1 'paper.h5 keeps no observations.*ltd record' \
    export paper.h5 --trace.dir=none "${paper[@]}" --format onnx
check "and nothing is written" [ ! -e export ]
run record "${paper[@]}" --quiet
report "with records" $? "$(cat err)"
refused "without a cost table it can't" 1 'no cost table to play by: run .ltd calibrate' \
    export paper.h5 "${paper[@]}" --format onnx
run calibrate "${paper[@]}" --quiet
report "with a cost table" $? "$(cat err)"
run export paper.h5 "${paper[@]}" --format onnx
report "it can" $? "$(cat err)"
check "on what it meets there" grep -qE 'paper/size/1268, 1268 -> 32 -> 24' out
finish
