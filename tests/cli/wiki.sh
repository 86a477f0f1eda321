#!/bin/bash
# `ltd wiki` from end to end on three made-up events and a tiny random model: articles are written,
# stopped, gone on with, checked, scored and judged; `--task wiki` is a row of the bench.  TAP on
# standard output.
#
#     tests/cli/wiki.sh build/ltd

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
export LC_ALL=C
cd "$tmp" || exit 1
events="900000001 900000002 900000003"

# Room for long prompts, which a random model has as well as any.
cp -rL "$root/tests/support/tiny_model" model && chmod -R u+w model
sed -i 's/"max_position_embeddings": 512/"max_position_embeddings": 4096/' model/config.json
# Small models go round in circles; here they shall, or nothing would be left.
data=(--root "$root/tests/golden/wikigen" --env.loop_stop=0 --run.dir=runs)
engine=(--model model --head "$root/tests/golden/eagle3/head_a" --threads 1)

run() { "$ltd" "$@" >out 2>err </dev/null; }
wiki() { run wiki "$@" "${data[@]}"; }
write() { wiki run "${engine[@]}" --quiet "$@"; }
# refused NAME CODE PATTERN ltd-arguments...: one line of standard error that matches.
refused() {
    local name=$1 want=$2 pattern=$3 code=0
    shift 3
    run "$@" || code=$?
    report "$name: exit code $want" "$([ $code -eq "$want" ]; echo $?)" "code $code"
    report "$name: in one line" "$([ "$(wc -l <err)" -eq 1 ] && grep -qE -- "$pattern" err; echo $?)" "$(cat err)"
}
py() { # NAME, the program on standard input
    cat >read.py
    report "$1" "$(python3 read.py >why 2>&1; echo $?)" "$(tail -n 5 why)"
}

# --- the data -------------------------------------------------------------------------------------
wiki stats --json stats.json
report "stats" $? "$(cat err)"
check "three events" grep -q '^3 events, 2 with search pages; 8 editors. pages' out
check "stats as JSON" python3 -c 'import json; json.load(open("stats.json"))'
wiki prepare "${engine[@]}" --method rr,prr --quiet
report "prepare" $? "$(cat err)"
check "says where" grep -qx runs/wiki out
py "prompts of each split, with their reference" <<'PY'
import json
n = {}
for split in ("train", "valid", "eval"):
    rows = [json.loads(line) for line in open("runs/wiki/%s/wiki/question.jsonl" % split)]
    assert all(r["category"] == "wiki" and len(r["turns"]) == len(r["reference"]) == 1 for r in rows), rows
    assert [r["question_id"] for r in rows] == list(range(1, len(rows) + 1))
    assert [(r["method"], r["stage"]) for r in rows] == [("rr", "article"), ("prr", "plan")] * (len(rows) // 2)
    n[split] = {r["event"] for r in rows}
assert all(len(events) == 1 for events in n.values()) and len(set.union(*n.values())) == 3, n
for event in set.union(*n.values()):
    chunks = [json.loads(line) for line in open("runs/wiki/chunks/%d.jsonl" % event)]
    assert [c["chunk_id"] for c in chunks] == list(range(len(chunks))) and chunks[0]["content"], event
PY
stamp=$(stat -c %Y.%i runs/wiki/train/wiki/question.jsonl)
wiki prepare "${engine[@]}" --method rr,prr --quiet
check "what is prepared stays" [ "$stamp" = "$(stat -c %Y.%i runs/wiki/train/wiki/question.jsonl)" ]

# --- articles by each decoder are the same --------------------------------------------------------
write --decoder ar --method rr
report "rr by plain decoding" $? "$(cat err)"
ar=runs/wiki-rr-ar
for id in $events; do
    check "event $id: for programs" [ -s "$ar/articles/$id.json" ]
    check "event $id: for readers" grep -q '^# ' "$ar/articles/$id.md"
    check "event $id: for wikis" [ -e "$ar/articles/$id.wiki" ]
done
write --decoder ar --method rr
check "nothing is written twice" grep -q '^3 articles (3 were there), 3 calls (0 made now)' out
for decoder in static-2-4-lookup static-2-4; do
    write --decoder $decoder --method rr --json run.json
    report "rr by $decoder" $? "$(cat err)"
    wiki verify $ar runs/wiki-rr-$decoder
    report "$decoder: verify ends with 0" $? "$(cat out err)"
    check "$decoder: without a difference" grep -qE '^3 articles, 3 calls, [0-9]{3,} tokens, 0 differences$' out
    check "$decoder: nor one of quality" grep -q 'figures of quality: the same, byte for byte' out
done
wiki verify $ar runs/wiki-rr-static-2-4-lookup --json verdict.json
py "lookup took fewer cycles, and the verdict is JSON" <<'PY'
import json
v = json.load(open("verdict.json"))
assert v["differences"] == 0 and v["same_quality"] and v["articles"] == v["calls"] == 3, v
def cycles(d): return sum(c["cycles"] for c in json.load(open(d + "/articles/900000003.json"))["calls"])
assert cycles("runs/wiki-rr-static-2-4-lookup") < cycles("runs/wiki-rr-ar")
PY

# --- and a wrong one is found ---------------------------------------------------------------------
write --decoder static-2-4-lookup --method rr --env.accept=always --out wrong
report "a decoder that accepts always" $? "$(cat err)"
code=0
wiki verify $ar wrong || code=$?
report "verify ends with 1" "$([ $code -eq 1 ]; echo $?)" "code $code" "$(cat out err)"
check "and names the first difference" grep -q '^first: event 900000001, call 0 (article), token [0-9]*: ' out
check "which figures of quality show too" grep -q 'figures of quality: they differ' out
code=0
wiki score wrong --against $ar || code=$?
check "score --against ends with 1" [ $code -eq 1 ]

# --- section by section, stopped in the middle ----------------------------------------------------
prr=(--method prr --plan ref --wiki.rewrite=true)
write "${prr[@]}" --decoder ar --out whole
report "prr" $? "$(cat err)"
check "a plan of the reference: four sections, each written twice" grep -q ', 24 calls (24 made now)' out
code=0
for try in 1 2 3 4 5; do # a run may be over before it is stopped
    rm -rf stopped
    "$ltd" wiki run "${engine[@]}" "${data[@]}" "${prr[@]}" --decoder static-2-4-lookup --out stopped \
        >out 2>err </dev/null &
    pid=$!
    until [ -e stopped/articles/900000001.json ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
    kill -INT $pid 2>/dev/null
    code=0
    wait $pid || code=$?
    [ $code -eq 130 ] && break
done
report "Ctrl-C ends with 130" "$([ $code -eq 130 ]; echo $?)" "try $try, code $code" "$(cat err)"
made=$(grep -h -c '"stage"' stopped/articles/*.json | awk '{n += $1} END {print n}')
check "calls so far are kept" [ "$made" -ge 1 ]
write "${prr[@]}" --decoder static-2-4-lookup --out stopped
report "it goes on" $? "$(cat err)"
check "with what was missing" grep -q ", 24 calls ($((24 - made)) made now)" out
wiki verify whole stopped
report "to the same articles" $? "$(cat out err)"
write --method prr --decoder ar
report "prr that plans itself" $? "$(cat err)"
wiki run --method extract-rr --quiet
report "an extract needs no model" $? "$(cat err)"
floor=runs/wiki-extract-rr

# --- figures --------------------------------------------------------------------------------------
wiki score $floor
report "score" $? "$(cat err)"
check "of its articles" grep -q '^extract-rr by none, profile 2k: 3 articles (3 scored now, 0 not complete)' out
check "beside the paper's" grep -q 'human article .* 1639' out
check "open where a judge is needed" grep -qE '^  extract-rr, none( +-){4} +[0-9.]+( +-){6} +[0-9]+$' out
wiki score runs/wiki-rr-static-2-4 --against $ar --json -
report "score --against" $? "$(cat err)"
cp out score.json
py "quality, speed and losslessness apart" <<'PY'
import json
m, floor = json.load(open("score.json")), json.load(open("runs/wiki-rr-ar/articles/900000001.json"))
assert m["task"] == "wiki" and m["method"] == "rr" and m["decoder"] == "static-2-4" and m["events"] == 3
assert m["lossless"]["differences"] == 0 and m["lossless"]["same_quality"] is True, m["lossless"]
assert m["speed"]["tokens"] > 100 and m["speed"]["speedup_vs_ar"] > 0 and m["judge"] is None
assert len(m["per_event"]) == 3 and m["quality"]["chunks_given"] == 3, m["quality"]
PY

# --- a judge --------------------------------------------------------------------------------------
wiki export $floor --judge asked.jsonl
report "export" $? "$(cat err)"
check "says how many" [ "$(grep -o '[0-9]* requests' out)" = "$(wc -l <asked.jsonl) requests" ]
python3 - <<'PY'
import json
with open("scores.jsonl", "w") as out:
    for line in open("asked.jsonl"):
        r = json.loads(line)
        score = 1 if r["kind"] == "nli" else [4, 3, 5] if r["kind"] == "fluency_info" else 2
        print(json.dumps({"id": r["id"], "score": score}), file=out)
PY
wiki import $floor --judge scores.jsonl --json imported.json
report "import" $? "$(cat err)"
py "grades are in the figures" <<'PY'
import json
j = json.load(open("imported.json"))["judge"]
assert j["fluency"] == 4 and j["focus"] == 2, j
PY
coproc judge { exec python3 "$root/tests/support/judge_server.py"; }
read -r port <&"${judge[0]}"
url=http://127.0.0.1:$port
code=0
wiki score $floor --judge-url "$url/once" --judge-model stand-in || code=$?
if grep -q 'without libcurl' err; then
    skip "an endpoint is asked" "built without libcurl"
else
    report "an endpoint is asked" $code "$(cat err)"
    check "whatever it has not answered before" grep -qE "judge: [0-9]+ requests, [0-9]+ answered before, [1-9][0-9]* now" err
    wiki score $floor --judge-url "$url/once" --judge-model stand-in
    check "the second time: nothing" grep -qE "judge: [0-9]+ requests, [1-9][0-9]* answered before, 0 now" err
fi
eval "exec ${judge[1]}>&-"

# --- a row of the bench ---------------------------------------------------------------------------
run bench --task wiki "${engine[@]}" --wiki.root="$root/tests/golden/wikigen" --wiki.methods=rr,prr \
    --run.dir=runs --max-new 32 --policies ar,static-2-4-lookup --bench.reps=1 --quiet --json bench.json \
    --calibration.path="$tmp/cost.json" --calibration.reps=1 --calibration.contexts=64
report "bench --task wiki" $? "$(cat err)"
py "has a task, the same text, and lengths by class" <<'PY'
import json
task, = json.load(open("bench.json"))["tasks"]
assert task["task"] == "wiki" and task["prompts"] == 2 and task["max_new"] == 32, task
for row, name in zip(task["rows"], ("ar", "static-2-4-lookup")):
    assert row["policy"] == name and row["identical"] == row["of"] == 2, row
    by = row["accept_by"]
    assert abs(sum(by["share"].values()) - 1) < 1e-9 and len(by["quarters"]) == 4, by
assert task["rows"][0]["accept_len"] == 1
PY

# --- a model that can write -----------------------------------------------------------------------
model=$root/models.cache/SmolLM2-135M-Instruct.Q4_1.gguf
if [ -r "$model" ]; then
    for decoder in ar static-2-4-lookup; do
        run wiki run --model "$model" --root "$root/tests/golden/wikigen" --events 2 --method rr \
            --decoder $decoder --out by-$decoder --quiet
        report "the default model by $decoder" $? "$(cat err)"
        tail -n 1 out >quarters
    done
    check "copies from its documents" grep -q '^  accepted in .*copied [0-9.]* ([0-9.]* % of tokens)' out
    check "in each quarter" grep -qE '^  by quarter( +[0-9.]+){4}$' quarters
    wiki verify by-ar by-static-2-4-lookup --json verdict.json
    report "the default model: verify ends with 0" $? "$(cat out err)"
    py "loops end at the same token, too" <<'PY'
import json
v = json.load(open("verdict.json"))
assert v["articles"] == v["calls"] == 2 and v["differences"] == 0 and v["tokens"] > 50, v
def stops(d): return [c["stop"] for i in (1, 2) for c in json.load(open(d + "/articles/90000000%d.json" % i))["calls"]]
assert stops("by-ar") == stops("by-static-2-4-lookup"), stops("by-ar")
PY
else
    skip "the default model by each decoder" "it is not in models.cache"
fi

# --- what is refused ------------------------------------------------------------------------------
root_of=(--root "$root/tests/golden/wikigen")
refused "no part" 2 'wiki: expected prepare, stats, run' wiki
refused "an unknown part" 2 "unknown part 'wrote': expected prepare" wiki wrote
refused "a folder too many" 2 "unexpected argument 'b'" wiki score a b
refused "an unknown method" 2 "is 'nope', expected vanilla, rr, prr" wiki run --method nope "${root_of[@]}"
refused "two methods" 2 'names 2, expected one' wiki run --method rr,prr "${root_of[@]}"
refused "an unknown profile" 2 "wiki.profile: .*'?3k'?.*expected" wiki run --profile 3k "${root_of[@]}"
refused "an unknown decoder, before anything is measured" 1 "no row called 'nobody'" \
    wiki run --decoder nobody "${engine[@]}" "${root_of[@]}"
refused "no data" 1 'nowhere/data/wiki: No such file' wiki run --root nowhere
refused "no data for stats" 1 'nowhere/data/wiki: No such file' wiki stats --root nowhere
refused "a part without events" 1 'final has no events' wiki run --split final "${root_of[@]}"
refused "verify of one folder" 2 'expected two folders' wiki verify $ar
refused "verify of no run" 1 'no articles in nowhere/articles' wiki verify $ar nowhere
refused "score of no run" 1 'nowhere/run.json: no articles: run .ltd wiki run' wiki score nowhere
refused "export without a file" 2 'name the file of requests with --judge' wiki export $ar
refused "import without a file" 2 'name the file of scores with --judge' wiki import $ar
refused "another task" 2 "is 'other', expected wiki" bench --task other
code=0
write --method prr --out $ar || code=$?
check "another run in the folder ends with 1" [ $code -eq 1 ]
check "another run in the folder: says so" grep -q 'run.json: holds another run' err
finish
