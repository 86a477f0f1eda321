#!/bin/bash
# Results that programs read, and text that people read.  TAP on standard output.
#
#     tests/cli/results.sh build/ltd

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
need_model
cd "$tmp" || exit 1

question() { printf '{"question_id": %d, "category": "c", "turns": ["%s"]}\n' "$1" "$2"; }
mkdir one two
question 1 "Name a colour." >one/question.jsonl
question 2 "Count from one to five." >two/question.jsonl
short=(--calibration.reps=1 --calibration.contexts=128 --bench.reps=1 --max-new=12 --quiet)

# The list a shell makes of */question.jsonl, and --json without a file.
"$ltd" bench --prompts ./*/question.jsonl "${short[@]}" --policies ar,static-2-3,static-2-20-k3,static-0-4-lookup \
    --json >bench.json 2>err
check "bench exits 0" [ $? -eq 0 ]
cat >read.py <<'PY'
import json
bench = json.load(open("bench.json"))
assert bench["version"] == 1 and bench["command"].startswith("ltd bench"), bench["command"]
assert [t["task"] for t in bench["tasks"]] == ["one", "two"], [t["task"] for t in bench["tasks"]]
for task in bench["tasks"]:
    assert task["prompts"] == 1 and task["max_new"] == 12 and task["temperature"] == 0
    assert [r["policy"] for r in task["rows"]] == ["ar", "static-2-3", "static-2-20-k3", "static-0-4-lookup"]
    for row in task["rows"]:
        assert row["identical"] == row["of"] == 1, row
        assert row["tokens"] > 0 and row["seconds"] > 0 and row["tok_s"] > 0
        assert abs(sum(row["phase"].values()) - 1) < 1e-3, row["phase"]
        at = row["accept_by_position"]
        assert len(at["verified"]) == len(at["accepted"]) == len(at["given"])
        assert all(v >= a for v, a in zip(at["verified"], at["accepted"])), at
        assert at["accepted"] == sorted(at["accepted"], reverse=True), at
        by = row["accept_by"]
        shares = {k: s for k, s in by["share"].items() if s}
        assert set(by["share"]) == {"heading", "citation", "copied", "other"} and len(by["quarters"]) == 4
        assert abs(sum(shares.values()) - 1) < 1e-9 and all(by[k] >= 1 for k in shares), by
        whole = 1 / sum(s / by[k] for k, s in shares.items())
        assert whole <= row["accept_len"] + 1e-9, (whole, row["accept_len"])
        assert row["stop"] is None
    assert task["rows"][2]["detail"] == "2 forwards, 20 nodes, beam 3", task["rows"][2]["detail"]
    assert 0 < task["rows"][2]["size_mean"] <= 12  # 3 + 3 x 3 nodes are all there are
    assert task["rows"][0]["speedup"] == 1 and task["rows"][0]["accept_by_position"]["verified"] == []
assert bench["versus"] == [] and bench["best_opponent"] is None
assert 0 <= bench["ended"]["prompts"] <= 2 and len(bench["ended"]["rows"]) == 4
assert set(bench["drift"]) == {"speed", "shape", "rows"} and bench["drift"]["speed"] > 0
PY
check "its JSON is the documented object, answers are plain decoding's" python3 read.py

for name in static-2-3-k0 static-2-3-k33 static-2-3-k static-2-3-kx static-2-3-k4-look; do
    "$ltd" bench "${short[@]}" --prompts one/question.jsonl --policies $name >out 2>err
    check "$name is no row" grep -q "no row called '$name'" err
done

# The search looks at beams, too; what it keeps is played with its own: 4 forwards of
# one node each, of the 6 that are asked for.
cat one/question.jsonl two/question.jsonl >train.jsonl
"$ltd" tune --prompts.train=train.jsonl --quiet --tune.top_k=1 --json tuned.json >out 2>err
check "tune exits 0" [ $? -eq 0 ]
cat >read.py <<'PY'
import glob, json
tuned, (kept,) = json.load(open("tuned.json")), glob.glob("runs/tuned-*.json")
assert json.load(open(kept)) == tuned and tuned["widths"] == [1] and tuned["top_k"] == 4, tuned
assert {f["top_k"] for f in tuned["finalists"]} <= {0, 1} and tuned["scouted"] == 2, tuned
tuned["best"] = {"forwards": 4, "size": 6, "lookup": False, "top_k": 1}
json.dump(tuned, open(kept, "w"))
PY
check "its JSON is the kept one, and tells the beams" python3 read.py
"$ltd" bench --prompts one/question.jsonl --prompts.train=train.jsonl "${short[@]}" --tune.top_k=1 \
    --policies ar,static-tuned --json >bench.json 2>err
cat >read.py <<'PY'
import json
bench = json.load(open("bench.json"))
row = bench["all"]["rows"][1]
assert bench["tuned"] == {"forwards": 4, "size": 6, "lookup": False, "top_k": 1}, bench["tuned"]
assert row["detail"] == "4 forwards, 6 nodes, beam 1" and 0 < row["size_mean"] <= 4, row
assert "--forwards 4 --size 6 --env.top_k=1" in bench["verdict"], bench["verdict"]
PY
check "row static-tuned is played with its own beam" python3 read.py
"$ltd" generate --tune.top_k=1 --max-tokens=8 --generate.guard=false --show-tree "Name a colour." \
    >tree 2>err
check "and so is generate's choice" grep -q "4 forwards, 4 of 4 nodes" tree

# Text is the same under every policy, and goes to standard output alone.
prompt="List three fruits."
"$ltd" generate --policy ar --max-tokens=40 "$prompt" >plain 2>err
check "generate exits 0" [ $? -eq 0 ]
check "and writes text" [ -s plain ]
for policy in static random; do
    "$ltd" generate --policy $policy --max-tokens=40 --generate.guard=false "$prompt" >text 2>err
    check "policy $policy writes the same text" cmp plain text
done
echo "$prompt" | tr -d '\n' | "$ltd" generate --policy ar --max-tokens=40 --quiet >text 2>err
check "a prompt on standard input is the same" cmp plain text
check "--quiet says nothing beside it" [ ! -s err ]

# At a temperature the seed decides, and neither policy nor threads do.
hot=(--temperature 0.9 --top-p 0.95 --top-k 100 --max-tokens=40 --generate.guard=false --quiet)
"$ltd" generate --policy ar --seed 5 "${hot[@]}" "$prompt" >drawn 2>err
check "generate --temperature exits 0" [ $? -eq 0 ]
check "its text is another than the greedy one" [ "$(cmp -s drawn plain; echo $?)" -eq 1 ]
for policy in static random; do
    "$ltd" generate --policy $policy --seed 5 "${hot[@]}" "$prompt" >text 2>err
    check "policy $policy draws the same text" cmp drawn text
done
"$ltd" generate --policy static --seed 5 --threads 1 "${hot[@]}" "$prompt" >text 2>err
check "one thread draws the same text" cmp drawn text
"$ltd" generate --policy ar --seed 6 "${hot[@]}" "$prompt" >text 2>err
check "another seed draws another" [ "$(cmp -s drawn text; echo $?)" -eq 1 ]
"$ltd" generate --policy ar --temperature 2 --top-k 1 --max-tokens=40 "$prompt" >text 2>err
check "one token to choose from is greedy decoding" cmp plain text
for accept in drawn eagle; do
    "$ltd" bench --prompts one/question.jsonl "${short[@]}" --policies ar,static-2-3 --temperature 0.8 \
        --seed 3 --env.accept $accept --json $accept.json >table 2>err
    check "bench at a temperature exits 0 ($accept)" [ $? -eq 0 ]
done
check "texts that differ by rule are n/a" grep -q 'n/a$' table
cat >read.py <<'PY'
import json
for accept, n in (("drawn", 1), ("eagle", 0)):
    task = json.load(open(accept + ".json"))["all"]
    assert task["temperature"] == 0.8 and task["accept"] == accept and task["top_p"] == 1, task
    assert all(r["identical"] == r["of"] == n for r in task["rows"])
PY
check "drawn texts are plain sampling's, JSON tells the temperature" python3 read.py

"$ltd" generate --policy static --forwards 2 --size 4 --max-tokens=12 --show-tree "$prompt" >tree 2>err
check "--show-tree draws accepted nodes" grep -q '^\*.*root' tree
finish
