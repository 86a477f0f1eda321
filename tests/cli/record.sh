#!/bin/bash
# `ltd record` and `ltd replay`: a recording that is stopped or killed goes on to the same records;
# played back they give what the engine gives.  TAP on standard output.
#
#     tests/cli/record.sh build/ltd

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
need_model
cd "$tmp" || exit 1
options=(--run.dir=runs --env.max_forwards=3 --env.top_k=4 --env.sizes=0,1,2,4,8 --model.context=512
    --env.max_prompt=400 --trace.max_new=24 --bench.max_new=24 --prompts.limit=3
    --bench.prompts_per_task=2 --calibration.path="$tmp/cost.json" --calibration.reps=1
    --calibration.contexts=64,256 --bench.reps=1)

record() { # FOLDER: in the background
    mkdir -p "$1"
    (cd "$1" && exec "$ltd" record "${options[@]}" --json result.json) >"$tmp/out" 2>"$tmp/err" &
    pid=$!
}

record whole
code=0
wait $pid || code=$?
report "a recording ends well" $code "$(cat err)" || finish
part=$(ls whole/runs/trace-*/part-000000.h5)
"$ltd" info "$part" >out 2>err
check "ltd info tells what a part is" grep -q "records of answers" out
check "and what it holds" grep -q "draft/token *i32 .*36" out
"$ltd" record "${options[@]}" --json again.json >out 2>err
check "another folder records anew" grep -q '"new_answers": [1-9]' again.json
(cd whole && "$ltd" record "${options[@]}" --json again.json) >out 2>err
check "what is there is not recorded again" grep -q '"new_answers": 0' whole/again.json

many=$(for i in $(seq 32); do echo -n "$i.jsonl,"; done)
"$ltd" record "${options[@]}" --prompts "${many%,}" >out 2>err
check "files that would be left out are refused" grep -q "more than 32 files of prompts" err

# --- stopped and killed ---------------------------------------------------------------------------
record stopped
sleep 0.8
kill -INT $pid 2>/dev/null
code=0
wait $pid || code=$?
report "Ctrl-C ends with 130, or it had ended" "$([ $code -eq 130 ] || [ $code -eq 0 ]; echo $?)" "code $code"
record stopped
sleep 0.5
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
record stopped
code=0
wait $pid || code=$?
report "a recording that was stopped and killed goes on" $code "$(cat err)"
positions() { sed -n 's/.*"positions": \([0-9]*\).*/\1/p' "$1/result.json"; }
check "to as many positions" [ "$(positions whole)" = "$(positions stopped)" ]

# --- played back ----------------------------------------------------------------------------------
rows=ar,static-2-4,static-2-4-lookup,static-0-8-lookup,switch,two-threshold
(cd whole && "$ltd" replay "${options[@]}" --policies $rows --json replay.json) >out 2>err
report "replay exits 0" $? "$(cat err)"
check "rules are tuned and kept beside the calibration" [ "$(ls rules-*.json | wc -l)" -eq 1 ]
"$ltd" bench "${options[@]}" --policies $rows --json bench.json >out 2>err
report "so does the bench, live" $? "$(cat err)"
(cd whole && "$ltd" tune --rules "${options[@]}" --json rules.json) >out 2>err
report "tune --rules exits 0" $? "$(cat err)"
check "and tells the parameters of every rule" [ "$(grep -c '"param"' whole/rules.json)" -ge 15 ]
cat >compare.py <<'PY'
import json
replay, bench = json.load(open("whole/replay.json")), json.load(open("bench.json"))
assert replay["replayed"] and not bench["replayed"]
for a, b in zip(replay["tasks"], bench["tasks"]):
    assert a["task"] == b["task"] and a["prompts"] == b["prompts"]
    live = {r["policy"]: r for r in b["rows"]}
    oracle = next(r for r in a["rows"] if r["policy"] == "oracle")
    assert oracle["accept_by"] is None
    assert len(a["rows"]) == len(live) + 2
    for r in a["rows"]:
        assert r["tok_s"] <= oracle["tok_s"] * 1.000001, r
        assert abs(r["regret"] - (1 - r["tok_s"] / oracle["tok_s"])) < 1e-6, r
        if r["policy"] not in live:
            continue
        for key in ("tokens", "accept_len", "forwards_mean", "size_mean"):
            assert abs(r[key] - live[r["policy"]][key]) < 1e-9, (r, live[r["policy"]])
        assert r["accept_by_position"] == live[r["policy"]]["accept_by_position"], r
        by, same = r["accept_by"], live[r["policy"]]["accept_by"]
        assert by["share"] == same["share"], (by, same)
        for x, y in zip(by["quarters"] + [by["copied"], by["other"]],
                        same["quarters"] + [same["copied"], same["other"]]):
            assert x == y or abs(x - y) < 1e-9, (by, same)
        asked = r["policy"] not in ("ar", "static-0-8-lookup")
        assert (r["stop"] is not None) == asked and live[r["policy"]]["stop"] is None, r
        if r["policy"].startswith("static-2"):
            assert r["stop"]["tpr"] == 1 and r["stop"]["auc"] is None, r
        assert r["identical"] == r["of"] == a["prompts"], r
assert replay["ended"]["prompts"] == bench["ended"]["prompts"]
assert replay["drift"] is None and bench["drift"]["speed"] > 0
PY
check "it has the live bench's tokens, lengths, forwards and nodes, and no row beats the oracle" \
    python3 compare.py

# --- learned from ---------------------------------------------------------------------------------
for n in 1 2; do
    (cd whole && "$ltd" train "${options[@]}" --run.name=learned --train.total_cycles=0 \
        --env.clock=table --train.plan_passes=4 --train.plan_batch_size=32) >out 2>err
    report "training over records exits 0 ($n)" $? "$(cat err)"
    mv whole/runs/learned whole/runs/learned$n
done
check "it says what it learned and does" grep -q "over records: x.*held-out" err
check "how sure it is, and where it goes on" grep -q "entropy of a decision: depth .* nats" err
check "and whether a table does as well" grep -q "a table of [0-9]* entries does" err
check "which it leaves as a file" grep -q "^0,0.9,1,0,0,[a-z]*,[0-9]*,[0-9]*$" whole/runs/learned2/table.csv
check "the same each time" cmp whole/runs/learned1/table.csv whole/runs/learned2/table.csv
check "equal seeds and records give equal nets, byte for byte" \
    cmp whole/runs/learned1/checkpoints/best.h5 whole/runs/learned2/checkpoints/best.h5
# With a learning rate of 0 nothing can be better than what the records gave: best.h5 stays theirs, in
# a run that is left alone and in one that goes on from its middle.
live=(--run.name=goes_on --env.clock=table --train.plan_passes=4 --train.plan_batch_size=32
    --train.lr=0 --train.total_cycles=90 --train.n_steps=24 --train.batch_size=8
    --train.checkpoint_every=15 --train.keep_last=0 --train.eval_every=0 --train.eval_prompts=1)
(cd whole && "$ltd" train "${options[@]}" "${live[@]}") >out 2>err
report "a run that goes on live exits 0" $? "$(cat err)"
cp -r whole/runs/goes_on left_alone
first=$(find whole/runs/goes_on/checkpoints -name 'step_*.h5' | sort | head -1)
find whole/runs/goes_on/checkpoints -name 'step_*.h5' ! -samefile "$first" -delete
(cd whole && "$ltd" train --resume "${first#whole/}" --quiet) >out 2>err
report "so does its resumption from a checkpoint" $? "$(cat err)"
check "the best of the records stays the best" \
    cmp left_alone/checkpoints/best.h5 whole/runs/goes_on/checkpoints/best.h5
check "and the run ends in the same bytes" \
    cmp left_alone/checkpoints/step_0000000090.h5 whole/runs/goes_on/checkpoints/step_0000000090.h5

# PPO over the records, in three environments, then live: one run, from whatever checkpoint it goes on.
ppo=(--run.name=ppo --env.clock=table --train.plan_passes=0 --train.record_cycles=120
    --train.record_envs=3 --train.total_cycles=60 --train.n_steps=24 --train.batch_size=8
    --train.n_epochs=2 --train.checkpoint_every=30 --train.keep_last=0 --train.eval_every=40
    --train.eval_prompts=1)
(cd whole && "$ltd" train "${options[@]}" "${ppo[@]}") >out 2>err
report "PPO over records, then live, exits 0" $? "$(cat err)"
rm -rf left_alone
cp -r whole/runs/ppo left_alone
for from in $(cd left_alone/checkpoints && echo step_*.h5); do
    [ "$from" = step_0000000180.h5 ] && continue
    rm -rf whole/runs/ppo
    cp -r left_alone whole/runs/ppo
    rm whole/runs/ppo/checkpoints/step_0000000180.h5
    (cd whole && "$ltd" train --resume "runs/ppo/checkpoints/$from" --quiet) >out 2>err
    check "from $from it ends in the same bytes" \
        cmp left_alone/checkpoints/step_0000000180.h5 whole/runs/ppo/checkpoints/step_0000000180.h5
done
(cd whole && "$ltd" train "${options[@]}" "${ppo[@]}" --run.name=none --trace.dir=nowhere) >out 2>err
check "without records that is refused" grep -q "train.record_cycles is 120, but" err

# The paper's way: its observations, of cycles over records; one policy at a time.
paper=("${options[@]}" --env.top_k=10 --env.max_forwards=9 --env.min_forwards=2 --env.sizes=4,8,20
    --env.lookup=false --env.survival=none --env.depth_obs=paper/depth/128
    --env.size_obs=paper/size/1268 --env.reward=ratio --calibration.path="$tmp/cost10.json")
stages=(--env.clock=table --train.mode=stages --train.stages_on=records --train.stages=size-alone,depth,size
    --train.stage_decisions=64,96,32 --train.record_envs=2 --train.plan_passes=0 --train.n_steps=24
    --train.batch_size=8 --train.n_epochs=2 --train.checkpoint_every=30 --train.keep_last=0
    --train.eval_every=40 --train.eval_prompts=1 --policy.critic_hidden=16)
(cd whole && "$ltd" train "${paper[@]}" "${stages[@]}" --run.name=paper) >out 2>err
check "stages over records need records of their width" grep -q "train.stages_on is records, but" err
curves=$(sha256sum whole/runs/survival-*.json)
(cd whole && "$ltd" record "${paper[@]}" --prompts.limit=2 --quiet) >out 2>err
report "a wider beam is recorded beside" $? "$(cat err)"
check "with env.survival none the curves stay as they are" \
    [ "$curves" = "$(sha256sum whole/runs/survival-*.json)" ]
(cd whole && "$ltd" train "${paper[@]}" "${stages[@]}" --run.name=paper) >out 2>err
report "the paper's observations learn over records, in stages" $? "$(cat err)"
last=$(cd whole/runs/paper/checkpoints && find . -name 'step_*.h5' | sort | tail -1)
rm -rf left_alone
cp -r whole/runs/paper left_alone
for from in $(cd left_alone/checkpoints && echo step_*.h5); do
    [ "./$from" = "$last" ] && continue
    rm -rf whole/runs/paper
    cp -r left_alone whole/runs/paper
    rm "whole/runs/paper/checkpoints/$last"
    (cd whole && "$ltd" train --resume "runs/paper/checkpoints/$from" --quiet) >out 2>err
    check "from $from it ends in the same bytes" \
        cmp "left_alone/checkpoints/$last" "whole/runs/paper/checkpoints/$last"
done
(cd whole && "$ltd" eval "${paper[@]}" --policy runs/paper --quiet) >out 2>err
report "and plays live" $? "$(cat err)"
check "telling what is accepted in which part of the answer" grep -q "^  by quarter  *[0-9.]* " out

# The paper's ablations: trained once, played as often as asked.
ablations() { # JSON [OPTIONS]
    (cd whole && "$ltd" bench "${paper[@]}" "${stages[@]}" --suite ablations \
        --train.stages=size-alone,depth-alone,size,depth,size \
        --train.stage_decisions=32,32,32,32,32 --train.checkpoint_every=0 --train.eval_every=0 \
        --policy.depth_hidden=8 --policy.size_hidden=8,4 --seeds 2 --json "$@") >out 2>err
}
ablations ablations.json
report "ablations are trained and played" $? "$(cat err)"
check "with the paper's figures beside" grep -q "3.59/6.89 (Table 2, vicuna-13b)" out
check "each run is kept" [ "$(ls whole/runs/ablations | wc -l)" -eq 16 ]
cat >ablations.py <<'PY'
import json
rows = json.load(open("whole/ablations.json"))["rows"]
assert len(rows) == 20, len(rows)
by = {(r["part"], r["row"]): r for r in rows}
for r in rows:
    assert len(r["seeds"]) == (1 if r["row"] in ("eagle3", "static-tuned") else 2), r
    same = r["row"] == r["against"]
    assert (r["vs"] is None) == same, r
    if not same:  # both are means of the tasks, not quite a quotient
        q = r["speedup"] / by[r["part"], r["against"]]["speedup"]
        assert abs(r["vs"] / q - 1) < 0.1, r
ratio, size = by["reward of the size policy", "ratio"], by["policies", "size only"]
assert ratio["speedup"] == size["speedup"], (ratio, size)
assert by["policies", "eagle3"]["forwards_mean"] == 9, by["policies", "eagle3"]
PY
check "and adds up" python3 ablations.py
stamp=$(stat -c %Y whole/runs/ablations/*/checkpoints/*)
ablations again.json --live --bench.max_new=8
report "they are played live, too" $? "$(cat err)"
check "and nothing is trained again" [ "$stamp" = "$(stat -c %Y whole/runs/ablations/*/checkpoints/*)" ]
check "what decisions cost is told" grep -q "deciding takes .* % of the time" out
(cd whole && "$ltd" bench "${options[@]}" --suite ablations) >out 2>err
check "ablations need the paper's observations" grep -q "expected the paper's" err
"$ltd" bench "${options[@]}" --live >out 2>err
check "--live is for ablations only" grep -q "belong to --suite ablations" err

(cd whole && "$ltd" replay "${options[@]}" --policy runs/learned1 --policies ar,ltd,ltd-table --json ltd.json) \
    >out 2>err
report "the learned policy plays over the records" $? "$(cat err)"
cat >against.py <<'PY'
import json
replay = json.load(open("whole/ltd.json"))
assert [v["policy"] for v in replay["versus"]] == ["ar", "ltd-table", "oracle-greedy", "oracle"]
assert replay["best_opponent"] == "ar" and "over ar, the fastest other row" in replay["verdict"]
rows = {r["policy"]: r for r in replay["all"]["rows"]}
for v in replay["versus"]:
    assert abs(v["all"] - rows["ltd"]["tok_s"] / rows[v["policy"]]["tok_s"]) < 1e-6, v
    assert abs(v["mean"] - sum(t["ratio"] for t in v["tasks"]) / len(v["tasks"])) < 1e-9, v
assert rows["ltd"]["stop"]["n"] > 0, rows["ltd"]["stop"]
PY
check "and is held against every other row" python3 against.py
check "and so does its table" grep -q '"policy": "ltd-table"' whole/ltd.json
(cd whole && "$ltd" generate "${options[@]}" --run.name=learned1 --policy table --max-tokens=8 \
    "Name a colour.") >out 2>err
check "generate plays the table, too" grep -q "(ltd-table: table of [0-9]* entries, guarded)" err
# --- where speculation can't gain -----------------------------------------------------------------
# A verification of V rows takes as long as V plain steps, drafts come on top.
mkdir linear
cat >linear.py <<'PY'
import json
cost = json.load(open("cost.json"))
for point in cost["verify"]:
    point["ms"] = point["ms_min"] = point["rows"] * cost["t_ar_ms"]
cost["commit_ms"] = cost["decide_ms"] = cost["t_ar_ms"] * 0.001
json.dump(cost, open("linear/cost.json", "w"))
PY
python3 linear.py
linear=(--calibration.path="$tmp/linear/cost.json")
(cd whole && "$ltd" train "${options[@]}" "${linear[@]}" --run.name=linear --train.total_cycles=0 \
    --env.clock=table --train.plan_passes=4 --train.plan_batch_size=32) >out 2>err
report "training there exits 0" $? "$(cat err)"
check "it says that the policy is plain decoding" \
    grep -q "hardly ever chooses anything but 0 forwards and 0 nodes" err
(cd whole && "$ltd" replay "${options[@]}" "${linear[@]}" --policy runs/linear \
    --policies ar,static-tuned,goodput,ltd,ltd-guard,static-2-8-lookup --json linear.json) >out 2>err
report "so does replay" $? "$(cat err)"
cat >read.py <<'PY'
import json
replay = json.load(open("whole/linear.json"))
rows = {r["policy"]: r for r in replay["all"]["rows"]}
assert replay["tuned"] == {"forwards": 0, "size": 0, "lookup": False, "top_k": 0}, replay["tuned"]
for name in ("static-tuned", "goodput", "ltd", "ltd-guard"):
    assert rows[name]["speedup"] > 0.99, rows[name]
assert rows["static-2-8-lookup"]["speedup"] < 0.7, rows["static-2-8-lookup"]
assert "no gain here: use plain decoding" in replay["verdict"], replay["verdict"]
PY
check "policy, rule and tuned setting lose 1 % at most there, and the verdict is plain decoding" \
    python3 read.py
"$ltd" bench "${options[@]}" "${linear[@]}" --run.dir=empty --bench.drift_check=false --policies ar,static-tuned >out 2>err
report "the bench, live, with such a calibration exits 0" $? "$(cat err)"
check "its verdict is plain decoding" grep -q "best static setting: plain decoding" out
"$ltd" generate "${options[@]}" "${linear[@]}" --run.dir=empty --max-tokens=8 "Name a colour." >out 2>err
check "generate decodes plainly by itself" grep -q "(ar: " err
"$ltd" generate "${options[@]}" --policy static --size 0 --max-tokens=8 "Name a colour." >out 2>err
check "a policy that is asked for is guarded" grep -q "guarded)" err

# --- another machine -------------------------------------------------------------------------------
# Tables of two machines that aren't this one: rows as measured here, and each a plain step.
cat >elsewhere.py <<'PY'
import json
for name, path in (("flat", "cost.json"), ("steep", "linear/cost.json")):
    cost = json.load(open(path))
    cost["machine"] = {"cpu": "a machine called " + name, "isa": "none", "threads": 1}
    json.dump(cost, open(name + ".json", "w"))
cost["model"]["sha256"] = "0" * 64
json.dump(cost, open("stranger.json", "w"))
PY
python3 elsewhere.py
transfer=(transfer "${options[@]}" --train.plan_passes=4 --train.plan_batch_size=32
    --bench.bootstrap=200)
for n in 1 2; do
    (cd whole && "$ltd" "${transfer[@]}" --tables ../flat.json,../steep.json --json -) \
        >transfer$n.json 2>err
    report "transfer exits 0 ($n)" $? "$(cat err)"
done
check "the same each time, byte for byte" cmp transfer1.json transfer2.json
cat >matrix.py <<'PY'
import json
t = json.load(open("transfer1.json"))
assert [m["cpu"] for m in t["machines"]] == ["a machine called flat", "a machine called steep"]
names = [m["name"] for m in t["machines"]]
assert names == ["flat", "steep"] and t["prompts"] > 0 and t["tokens"] > 0
rows = {(r["policy"], r["made_for"], r["costs"]): {c["played_on"]: c["ratio"] for c in r["cells"]}
        for r in t["rows"]}
assert len(rows) == len(t["rows"]) == 2 + 1 + 2 + 2 + 2, rows.keys()
for name in names:
    assert rows["ltd", name, "here"][name] == rows["ltd", name, "home"][name] == 1, rows
    free = rows["goodput-free", None, "here"][name]
    assert free == rows["goodput-free", name, "home"][name], rows
# Plain decoding is the best there is where rows are dear; a setting carried there loses.
steep = next(m for m in t["machines"] if m["name"] == "steep")
assert 0.98 < steep["native"] < 1, steep
assert 0.98 < rows["static-tuned", "steep", "home"]["steep"] < 1.01, rows
assert 0.98 < rows["goodput-free", None, "here"]["steep"] < 1.01, rows
for r in t["rows"]:
    assert r["cells"][1]["ratio"] < 1.01, r
PY
check "its diagonal is 1, and where rows are dear nothing beats plain decoding" python3 matrix.py
(cd whole && "$ltd" "${transfer[@]}" --tables ../flat.json,../steep.json -q) >out 2>err
check "the table names both" grep -q "^  policy       made for         flat .* steep" out
(cd whole && "$ltd" "${transfer[@]}" -q) >out 2>err
report "the tables that ship are of the default beam, model and head" $? "$(cat err)"
check "all of them are played" grep -qE "^  zen4-avx512 +AMD EPYC" out
(cd whole && "$ltd" "${transfer[@]}" --tables ../flat.json) >out 2>err
check "one table is not enough" grep -q "1 tables, expected 2 to" err
(cd whole && "$ltd" "${transfer[@]}" --tables ../flat.json,../stranger.json) >out 2>err
check "a table of another model is refused by name" \
    grep -q "stranger.json: measured with another model" err
(cd whole && "$ltd" replay "${options[@]}" --calibration.path=../flat.json) >out 2>err
check "other verbs still refuse another machine's" grep -q "flat.json: measured on ''" err

(cd whole && "$ltd" replay "${options[@]}" --trace.max_new=30) >out 2>err
check "records of other answers are not taken for these" grep -q "run .ltd record." err
printf 'x' | dd of="$part" bs=1 seek=4000 conv=notrunc 2>/dev/null
(cd whole && "$ltd" replay "${options[@]}") >out 2>err
check "a damaged record is refused by name" grep -q "part-000000.h5" err

finish
