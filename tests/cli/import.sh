#!/bin/bash
# Policies of Stable-Baselines3 through the programs: imported, described, played; and refused for
# what is wrong with them.  TAP on standard output.
#
#     tests/cli/import.sh build/ltd build/tests/make_sb3

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
make_sb3=$(realpath "$2")
golden=${LTD_GOLDEN:-$root/tests/golden}
need_model
export LC_ALL=C
cd "$tmp" || exit 1

run() { "$ltd" "$@" >out 2>err </dev/null; }
# refused NAME PATTERN ltd-arguments...: one line of standard error that matches.
refused() {
    local name=$1 pattern=$2 code=0
    shift 2
    run "$@" || code=$?
    check "$name: exit code 1 or 2" [ $((code == 1 || code == 2)) -eq 1 ]
    report "$name: in one line" "$([ "$(wc -l <err)" -eq 1 ] && grep -qE -- "$pattern" err; echo $?)" "$(cat err)"
}

"$make_sb3" depth.zip 128 32 2 tanh 1
"$make_sb3" size.zip 1268 32 24 relu 2
"$make_sb3" open.zip 128 32 2 open 3
"$make_sb3" other.zip 12 32 2 tanh 4
printf '{"question_id": 1, "category": "c", "turns": ["Count from one to five."]}\n' >one.jsonl
short=(--calibration.reps=1 --calibration.contexts=128 --bench.drift_check=false --prompts one.jsonl --max-new 12 --quiet)

# --- depth alone ---
run import sb3 depth.zip
report "a depth policy is imported" $? "$(cat err)"
check "its shape, contract and activation are told" \
    grep -q '^depth   depth.zip: 128 -> 32 -> 2, paper/depth/128, tanh (policy_kwargs names none' out
check "and what stands in for the other" grep -q '^size    no policy: 60 nodes in every cycle' out
check "and its space" grep -q '^space   beam of 10, 2 to 13 forwards, prompt lookup off, sizes 20 40' out
check "and its model" grep -q '^model   .*SmolLM2.*smollm2-135m-eagle3' out
check "and where it is" [ -r runs/depth/checkpoints/best.h5 ]
run info runs/depth
check "info tells where it comes from" grep -q 'imported policy (depth: depth.zip, Stable-Baselines3 2.9.2)' out
check "and what is fixed" grep -q '^no size policy: up to 60 nodes in every cycle' out
check "and its critic" grep -q 'policy/depth/value_net.weight' out
run eval --policy runs/depth "${short[@]}" --json eval.json
report "eval plays it" $? "$(cat err)"
cat >read.py <<'PY'
import json, sys
e = json.load(open("eval.json"))
sizes = {i for i, n in enumerate(e["size_hist"]) if n}
forwards = {i for i, n in enumerate(e["forwards_hist"]) if n}
assert sizes == {60} if sys.argv[1] == "size" else forwards == {int(sys.argv[1])}, (sizes, forwards)
PY
check "60 nodes in every cycle" python3 read.py size

# --- size alone, both ---
run import sb3 size.zip --forwards 4 --out size.h5
report "a size policy is imported" $? "$(cat err)"
check "with ReLU, as its zip says" grep -q 'relu (as its policy_kwargs say)' out
run eval --policy size.h5 "${short[@]}" --json eval.json
report "eval plays it, too" $? "$(cat err)"
check "4 forwards in every cycle" python3 read.py 4
run import sb3 depth.zip size.zip --out one.h5 && run import sb3 size.zip depth.zip --out two.h5
report "a pair is imported in any order" $? "$(cat err)"
check "the same file, byte for byte" cmp one.h5 two.h5
run bench --policy one.h5 "${short[@]}" --reps 1 --policies ar,ltd --json bench.json
report "bench plays it" $? "$(cat err)"
cat >read.py <<'PY'
import json
row = json.load(open("bench.json"))["all"]["rows"][1]
assert row["policy"] == "ltd" and row["identical"] == row["of"] == 1, row
assert row["detail"] == "policy, up to 13 forwards, 240 nodes", row["detail"]
PY
check "its text is plain decoding's" python3 read.py
run generate --policy ar --max-tokens 16 "Name a colour." && mv out plain
run generate --policy size.h5 --max-tokens 16 --generate.guard=false "Name a colour."
check "generate writes the same text with it" cmp plain out

run bench "${short[@]}" --reps 1 --policies ar,ltd
check "it is not played unless it is asked for" grep -q 'no trained policy for this model under runs' err
run bench "${short[@]}" --reps 1 --policies ar,ltd --run.name depth
check "by the name of its run, too" grep -q 'depth policy, up to 13 forwards, 60 nodes' out

# --- what is refused ---
refused "an open activation" 'open.zip: its activation is not known \(the zip has no member' import sb3 open.zip
run import sb3 open.zip --activation relu --out open.h5
report "unless it is told" $? "$(cat err)"
refused "an activation that is none" "'gelu'.*(tanh|relu)" import sb3 open.zip --activation gelu
refused "a shape that fits nothing" 'other.zip: its actor is 12 -> 2, expected 128 -> 2 \(paper' import sb3 other.zip
refused "two of a kind" 'both depth policies' import sb3 depth.zip open.zip --activation tanh --out x.h5
refused "a run that is there" 'runs/depth holds a run already.*--run.name' import sb3 depth.zip
refused "a file that is there" 'one.h5: is there already' import sb3 depth.zip --out one.h5
refused "another kind of file" '--out: expected FILE.h5' import sb3 depth.zip --out one.bin
refused "no zip" 'expected one or two zips' import sb3
refused "three zips" 'expected one or two zips' import sb3 depth.zip size.zip open.zip
refused "no format" 'expected sb3 and' import
refused "another format" 'the only format is sb3, found rllib' import rllib depth.zip
refused "no such zip" 'none.zip: No such file' import sb3 none.zip
refused "nodes for a size policy" '--size is for imports without a size policy' import sb3 size.zip --size 4 --out x.h5
refused "more forwards than there are" '--forwards: is 99, expected 2 to 13' import sb3 size.zip --forwards 99 --out x.h5
refused "a policy that needs a head" 'draft forwards at least, but no draft head' import sb3 depth.zip --head none --out x.h5
run generate --policy runs/depth --head none hello
check "playing it without the head" grep -q 'min_forwards is 2, but there is no draft head' err
refused "training from it" 'cannot go on from runs/depth/checkpoints/best.h5: it was imported' train --resume runs/depth
for zip in "$golden"/ppo/zips/*.zip; do
    [ -e "$zip" ] || continue
    refused "$(basename "$zip")" 'its actor is [0-9]+ -> [0-9]+, expected 128 -> 2' import sb3 "$zip" --out x.h5
done
refused "a torch zip" 'module_state.pt: a zip without policy.pth' import sb3 "$golden/torchzip/module_state.pt" --out x.h5
check "none of these has written anything" [ ! -e x.h5 ]
finish
