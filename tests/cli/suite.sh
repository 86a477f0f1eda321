#!/bin/bash
# `ltd bench --suite paper`: the paper's rows on the default model, at both temperatures, and answer
# files from which EAGLE's formula gives our figures.  TAP on standard output.
#
#     tests/cli/suite.sh build/ltd

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
need_model
cd "$tmp" || exit 1
mkdir one two
question() { printf '{"question_id": %d, "category": "x", "turns": ["%s", "And then?"]}\n' "$1" "$2"; }
question 1 "Name a colour." >one/question.jsonl
question 2 "Count from one to five." >>one/question.jsonl
question 3 "List three fruits." >two/question.jsonl
question 9 "Say hello." >train.jsonl
short=(--prompts one/question.jsonl,two/question.jsonl --prompts.train=train.jsonl --max-new 16 --reps 1
    --calibration.reps=1 --calibration.contexts=128 --bench.drift_check=false --quiet)

# --- what can't be ---
for bad in "--suite=none" "--suite=paper --policies=switch" "--suite=paper --temperatures=hot" \
    "--suite=paper --published=qwen3" "--suite=paper --report=x.html" "--suite=paper --seeds=2" \
    "--seeds=2" "--temperatures=0" "--published=none" "--paper-policy=auto"; do
    # shellcheck disable=SC2086 # two words
    "$ltd" bench $bad "${short[@]}" >out 2>err
    check "$bad is refused" [ $? -eq 2 ]
    check "in one line" [ "$(wc -l <err)" -eq 1 ]
done

# --- both temperatures ---
rows=ar,eagle3,ddd,svip,gammatune,c2t,ltd-paper,goodput
"$ltd" bench --suite paper --policies $rows "${short[@]}" --answers answers --json suite.json >table 2>err
report "the suite exits 0" $? "$(cat err)"
check "a row without its net says how to get it" grep -q "row c2t is left out.*ltd record" err
check "a row without its policy does, too" grep -q "row ltd-paper is left out.*--paper-policy" err
check "the published table is under it" grep -q "published: llama-3.1-8b, A100, arXiv 2603.01639, table 5" table
cat >read.py <<'PY'
import json
suite = json.load(open("suite.json"))
rows = ["ar", "eagle3", "ddd", "svip", "gammatune", "goodput"]
assert suite["version"] == 1 and suite["suite"] == "paper" and suite["turns_played"] == "first"
assert [(t["task"], t["temperature"]) for t in suite["tasks"]] == [("one", 0), ("two", 0), ("one", 1), ("two", 1)]
for t in suite["tasks"]:
    assert [r["policy"] for r in t["rows"]] == rows, [r["policy"] for r in t["rows"]]
    for r in t["rows"]:
        assert r["identical"] == r["of"] == t["prompts"], r
        assert r["speedup"] > 0 and r["speedup_mean_of_prompts"] > 0 and r["accept_len"] >= 1
    by = {r["policy"]: r for r in t["rows"]}
    assert by["eagle3"]["forwards_mean"] == 9 and by["eagle3"]["size_mean"] == 60
    assert by["eagle3"]["detail"] == "9 forwards, 60 nodes, beam 10"
    assert by["ddd"]["size_mean"] == 60 and 6 <= by["ddd"]["forwards_mean"] <= 13, by["ddd"]
    assert 2 <= by["svip"]["forwards_mean"] <= 13 and 5 <= by["gammatune"]["forwards_mean"] <= 13
    assert by["svip"]["detail"].startswith("beam 10, up to 13 forwards, 60 nodes: g 0"), by["svip"]
for i, t in enumerate(suite["temperatures"]):
    assert t["temperature"] == i and t["all"]["prompts"] == 3 and len(t["mean"]) == len(rows)
    for m in t["mean"]:
        tasks = [r for x in suite["tasks"] for r in x["rows"] if x["temperature"] == i and r["policy"] == m["policy"]]
        for key in ("speedup", "speedup_mean_of_prompts", "accept_len"):
            assert abs(sum(r[key] for r in tasks) / 2 - m[key]) < 1e-9, (m, key)
published = {(r["temperature"], r["policy"], r["task"]): r for r in suite["published"]["rows"]}
assert published[0, "svip", "mean"]["speedup"] == 3.57 and published[1, "eagle3", "qa"]["tau"] == 3.06
assert not any(p == "goodput" for _, p, _ in published)
PY
check "its JSON is the documented object" python3 read.py

# What speed.py of EAGLE and of LTD computes, but for the baseline's tokens: they tokenise its text
# again and take one off, here the count is at hand.
cat >speed.py <<'PY'
import json
def read(task, row, t):
    name = "answers/%s/%s-temperature-%s.jsonl" % (task, row, t)
    return [json.loads(line)["choices"][0] for line in open(name)]
def mean_speed(choices):
    speeds = [sum(c["new_tokens"]) / sum(c["wall_time"]) for c in choices]
    return sum(speeds) / len(speeds)
suite = json.load(open("suite.json"))
for task in suite["tasks"]:
    t = float(task["temperature"])
    base = read(task["task"], "ar", t)
    assert len(base) == task["prompts"] and all(len(c["turns"]) == 1 for c in base)
    for row in task["rows"]:
        choices = read(task["task"], row["policy"], t)
        assert [c["turns"] for c in choices] == [c["turns"] for c in base]
        ratio = mean_speed(choices) / mean_speed(base)
        assert abs(ratio - row["speedup_mean_of_prompts"]) < 1e-9, (row["policy"], ratio)
        lengths = [n for c in choices for n in c["pre_num"]]
        assert abs(sum(lengths) / len(lengths) - row["accept_len"]) < 1e-9
        assert [len(c["pre_num"]) for c in choices] == [c["idxs"][0] + 1 for c in choices]
PY
check "EAGLE's formula on the answer files gives our figures" python3 speed.py

# --- EAGLE's rule of acceptance; an own temperature ---
"$ltd" bench --suite paper --policies ar,eagle3 "${short[@]}" --temperatures 1 --env.accept=eagle \
    --published vicuna --json eagle.json >table 2>err
report "the suite with EAGLE's rule exits 0" $? "$(cat err)"
cat >read.py <<'PY'
import json
suite = json.load(open("eagle.json"))
assert [t["accept"] for t in suite["tasks"]] == ["eagle", "eagle"]
assert all(r["of"] == 0 for t in suite["tasks"] for r in t["rows"])
assert suite["published"]["model"] == "vicuna-13b"
PY
check "texts that differ by rule are not compared" python3 read.py

# --- records of the paper's widths: nets and the grid come from them ---
wide=(--env.top_k=10 --env.max_forwards=13 --head.vocabulary=static)
"$ltd" record "${wide[@]}" --env.survival=curves.json --trace.max_new=16 --prompts train.jsonl \
    --prompts.train=train.jsonl --prompts.valid=train.jsonl --quiet >out 2>err
report "records of the paper's widths" $? "$(cat err)"
"$ltd" bench --suite paper --policies c2t,disco,specdec++,gridsearch "${short[@]}" --trace.max_new=16 \
    --temperatures 0 --published none --json wide.json >table 2>err
report "the suite over them exits 0" $? "$(cat err)"
cat >read.py <<'PY'
import json
suite = json.load(open("wide.json"))
assert suite["published"] is None and len(suite["tasks"]) == 2
for task in suite["tasks"]:
    by = {r["policy"]: r for r in task["rows"]}
    assert list(by) == ["ar", "c2t", "disco", "specdec++", "gridsearch"], list(by)
    assert all(r["identical"] == r["of"] for r in by.values())
    assert by["c2t"]["forwards_mean"] == 9 and by["c2t"]["size_mean"] <= 60
    assert by["disco"]["size_mean"] == 60 and 2 <= by["specdec++"]["forwards_mean"] <= 13
    assert 5 <= by["gridsearch"]["forwards_mean"] <= 13 and 40 <= by["gridsearch"]["size_mean"] <= 240
PY
check "trained rows and the grid search are there" python3 read.py

# --- a policy of the paper's contracts ---
"$ltd" train --run.name=wide "${wide[@]}" --env.min_forwards=2 --env.sizes=20,40,60 --env.lookup=false \
    --env.survival=none --env.reward=ratio --env.depth_obs=paper/depth/128 --env.size_obs=paper/size/1268 \
    --policy.depth_hidden=8 --policy.size_hidden=8 --policy.critic_hidden=8 --train.plan_passes=0 \
    --train.total_cycles=20 --train.n_steps=16 --train.batch_size=16 --train.n_epochs=1 --env.max_new=16 \
    --prompts.train=train.jsonl --prompts.valid=train.jsonl --calibration.reps=1 --calibration.contexts=128 \
    --quiet >out 2>err
report "a policy of the paper's contracts is trained" $? "$(cat err)"
"$ltd" bench --suite paper --policies ltd-paper,ltd "${short[@]}" --temperatures 1 --json policy.json >table 2>err
report "the suite finds it" $? "$(cat err)"
check "and takes it for no policy of ours" grep -q "row ltd is left out" err
cat >read.py <<'PY'
import json
suite = json.load(open("policy.json"))
for task in suite["tasks"]:
    row = task["rows"][1]
    assert [r["policy"] for r in task["rows"]] == ["ar", "ltd-paper"]
    assert row["identical"] == row["of"] and 20 <= row["size_mean"] <= 60, row
    assert 2 <= row["forwards_mean"] <= 13
assert {(r["policy"], r["method"]) for r in suite["published"]["rows"]} == {("ltd-paper", "ltd")}
PY
check "it is played at its widths, beside LTD's figures" python3 read.py

# --- bench.policies of the paper's configurations are rows of the plain bench ---
paper=(--config "$root/configs/paper.yaml" --config "$root/configs/paper/vicuna-13b.yaml"
    --model "$model" --head "$root/heads/smollm2-135m-eagle3" --prompts.chat=auto)
"$ltd" bench --suite paper "${paper[@]}" --policies eagle3,svip,gammatune "${short[@]}" --temperatures 0 \
    --json config.json >table 2>err
report "the suite with the paper's configurations exits 0" $? "$(cat err)"
cat >read.py <<'PY'
import json
suite = json.load(open("config.json"))
for task in suite["tasks"]:
    assert [r["policy"] for r in task["rows"]] == ["ar", "eagle3", "svip", "gammatune"], task["rows"]
PY
check "its rows are those of --policies" python3 read.py
"$ltd" bench --suite paper "${paper[@]}" "${short[@]}" --temperatures 0 --json all.json \
    >table 2>err
report "it does without --policies" $? "$(cat err)"
cat >read.py <<'PY'
import json
rows = [r["policy"] for r in json.load(open("all.json"))["tasks"][0]["rows"]]
assert set(rows) >= {"ar", "eagle3", "ddd", "svip", "gammatune", "gridsearch", "static-tuned", "goodput"}, rows
PY
check "and all rows are played then" python3 read.py

# --- answers of a plain bench ---
"$ltd" bench --policies ar,static-1-2 "${short[@]}" --answers plain >table 2>err
check "bench --answers writes a file for each task and row" \
    [ "$(echo plain/*/*-temperature-0.0.jsonl | wc -w)" -eq 4 ]
finish
