#!/bin/bash
# What a run leaves in its folder, read by the programs that others have: TensorBoard's reader,
# pandas, h5py; and its page, and that of two runs.  TAP on standard output.
#
#     tests/cli/run_files.sh build/ltd

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
need_model
cd "$tmp" || exit 1

# shellcheck disable=SC2054 # the commas belong to the lists
options=(--run.dir=runs --run.seed=3 --calibration.path="$tmp/cost.json" --calibration.reps=1
    --calibration.contexts=64,256 --model.context=512 --env.max_prompt=400 --env.clock=table
    --env.sizes=0,1,2,3,4 --env.top_k=4 --env.max_forwards=3 --env.max_new=24 --trace.max_new=24
    --prompts.limit=3 --prompts.bench="$tmp/question.jsonl" --train.plan_passes=6
    --train.total_cycles=120 --train.n_steps=24 --train.batch_size=8 --train.n_epochs=2
    --train.eval_every=60 --train.eval_prompts=1 --train.checkpoint_every=15 --train.keep_last=0
    --bench.reps=1 --bench.max_new=12)
for i in 1 2 3; do
    printf '{"question_id": %d, "turns": ["Count from %d to nine."]}\n' $i $i
done >question.jsonl

"$ltd" record "${options[@]}" --quiet >out 2>err
report "a recording" $? "$(cat err)" || finish
"$ltd" train "${options[@]}" --run.name=a --quiet >out 2>err
report "a run over records, then live" $? "$(cat err)" || finish
check "it tells where its page is" grep -q "^report      runs/a/report.html" out
# Back to the middle: what was done beyond it is done again.
middle=$(find runs/a/checkpoints -name 'step_*' | sort | sed -n 4p)
"$ltd" train "${options[@]}" --resume "$middle" --quiet >out 2>err
report "it goes on from a checkpoint in its middle" $? "$(cat err)"
check "which gives a second event file" [ "$(find runs/a -maxdepth 1 -name 'events.out.tfevents.*' | wc -l)" -eq 2 ]
"$ltd" train "${options[@]}" --run.name=b --train.lr=0.002 --train.plan_passes=0 --quiet >out 2>err
report "another run" $? "$(cat err)"

# --- readers of others ----------------------------------------------------------------------------
cat >readers.py <<'PY'
import glob, json, math, sys
import h5py, numpy, pandas
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

scalars = 0
for run in sys.argv[1:]:
    csv = pandas.read_csv(run + "/metrics.csv", float_precision="round_trip")
    assert len(csv) >= 3 and csv["step"].is_monotonic_increasing, csv
    rows = [json.loads(line) for line in open(run + "/metrics.jsonl")]
    events = EventAccumulator(run, size_guidance={"scalars": 0})
    events.Reload()
    keys = [c for c in csv.columns if c != "step"]
    assert sorted(events.Tags()["scalars"]) == sorted(keys), (events.Tags(), keys)
    for key in keys:
        table = csv[["step", key]].dropna()
        told = [e for e in events.Scalars(key) if not math.isnan(e.value)]
        assert [e.step for e in told] == table["step"].tolist(), (run, key)
        values = numpy.array([e.value for e in told])
        assert numpy.array_equal(values, table[key].to_numpy().astype("f4").astype("f8")), (run, key)
        lines = [(r["step"], r[key]) for r in rows if r.get(key) is not None]
        assert lines == list(zip(table["step"].tolist(), table[key].tolist())), (run, key)
        scalars += len(told)
print("%d scalars" % scalars)

csv = pandas.read_csv("runs/a/metrics.csv")
for key in ("rollout/ep_rew_mean", "rollout/ep_len_mean", "time/fps", "time/iterations",
            "time/total_timesteps", "train/learning_rate", "train/depth/approx_kl"):
    assert csv[key].notna().any(), key
assert csv["step"].iloc[0] == 0 and csv["valid/speedup"].iloc[0] > 0  # what the records taught
for step, cycles in pandas.read_csv("runs/a/histograms.csv").groupby("step"):
    for key in ("accept_len", "forwards", "size"):
        assert cycles[key].sum() == csv["step"][csv["step"] == step].sum() - csv["step"][csv["step"] < step].max() \
            or cycles[key].isna().all(), (step, key)
actions = pandas.read_csv("runs/a/actions.csv")
assert (actions["went_on"] <= actions["asked"]).all() and actions["asked"].sum() > 0
assert pandas.read_csv("runs/a/table.csv")["cycles"].sum() > 0
facts = json.load(open("runs/a/run.json"))
assert facts["version"] == 1 and len(facts["model"]["sha256"]) == 64 and facts["machine"], facts
assert json.load(open("runs/a/calibration.json")) == json.load(open("cost.json"))

for path in sorted(glob.glob("runs/*/checkpoints/*.h5")):
    with h5py.File(path) as f:
        assert f.attrs["kind"].decode() == "ltd checkpoint", dict(f.attrs)
        seen = []
        f.visititems(lambda name, o: seen.append((name, o[()])) if isinstance(o, h5py.Dataset) else None)
        values = dict(seen)
        assert len(seen) > 30 and "train:" in values["run/config"].decode()
        weight = values["policy/depth/action_net.weight"]
        assert weight.dtype == numpy.float32 and weight.shape[0] == 2 and numpy.isfinite(weight).all()
PY
if python=$("$root/tests/support/python_env" 2>err); then
    "$python" readers.py runs/a runs/a/plan runs/b >out 2>err
    report "TensorBoard, pandas and h5py read what was written" $? "$(tail -n 5 err)"
else
    echo "ok $((n_checks += 1)) - TensorBoard, pandas and h5py # SKIP $(tail -n 1 err)"
fi

# --- pages ----------------------------------------------------------------------------------------
cat >page.py <<'PY'
import html.parser, os, re, sys

class Page(html.parser.HTMLParser):
    VOID = {"meta", "link", "br"}
    def __init__(self):
        super().__init__()
        self.open, self.sections, self.tags = [], [], set()
    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in self.VOID: self.open.append(tag)
        for name, value in attrs:
            assert name not in ("src", "srcset", "onload", "onclick"), (tag, attrs)
            assert name != "href" or value.startswith("data:"), (tag, attrs)
    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID: self.open.pop()
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())
    def handle_data(self, data):
        if self.open and self.open[-1] == "h2": self.sections.append(data)

path, wanted = sys.argv[1], sys.argv[2:]
text = open(path, encoding="utf-8").read()
assert os.path.getsize(path) < 2 * 1024 * 1024, os.path.getsize(path)
page = Page()
page.feed(text)
page.close()
assert not page.open, page.open
assert "script" not in page.tags and "img" not in page.tags and "svg" in page.tags, page.tags
assert not re.search(r"https?://|url\(|@import", text)
assert "prefers-color-scheme:dark" in text and "width=device-width" in text
missing = [w for w in wanted if w not in page.sections]
assert not missing, (missing, page.sections)
PY
sections=("Figures at the end" "Speed and reward" "Learning" "What cycles are like"
    "What the policy does" "Over records" "What verifying costs here" "Configuration")
python3 page.py runs/a/report.html "${sections[@]}" 2>err
report "the page of the run is whole and stands alone" $? "$(tail -n 2 err)"

"$ltd" bench "${options[@]}" --policy runs/a --policies ar,static-2-3,ltd --json bench.json >out 2>err
report "a bench of its policy" $? "$(cat err)"
check "is kept with the run" cmp bench.json runs/a/bench.json
rm runs/a/report.html
"$ltd" report runs/a --json report.json >out 2>err
report "ltd report exits 0" $? "$(cat err)"
check "it tells its path" grep -q "^report: runs/a/report.html" out
check "and the last figures" grep -q "^cycles of training *120$" out
python3 page.py runs/a/report.html "${sections[@]}" "Speed-up over plain decoding" \
    "Accepted length of the bench" "Where the time of the bench goes" 2>err
report "the page has the bench, too" $? "$(tail -n 2 err)"
cat >read.py <<'PY'
import json
r, bench = json.load(open("report.json")), json.load(open("bench.json"))
assert r["version"] == 1 and r["report"] == "runs/a/report.html" and len(r["runs"]) == 1
f = r["runs"][0]["figures"]
assert f["cycles"] == 120 and f["best_valid"] > 0 and f["bench_vs_tuned"] is None, f
assert f["bench_tok_s"] == [x for x in bench["all"]["rows"] if x["policy"] == "ltd"][0]["tok_s"]
PY
python3 read.py 2>err
report "its JSON is the documented object" $? "$(tail -n 2 err)"

"$ltd" report runs/a runs/b/ --json both.json >out 2>err
report "two runs are compared" $? "$(cat err)"
check "the keys that differ are told" grep -Eq "^train.lr .* 0.002$" out
python3 page.py runs/compare.html "Figures at the end" "Differences of the configurations" \
    "Speed and reward" "Learning" "Over records" a b 2>err
report "their page is whole and stands alone" $? "$(tail -n 2 err)"
check "and tells the same to programs" grep -q '{"key": "train.lr", "values": \["[0-9.e-]*", "0.002"\]}' both.json
"$ltd" report runs/a --out other/page.html >out 2>err
check "--out says where" cmp runs/a/report.html other/page.html

refused() { # NAME CODE PATTERN ARGUMENTS...
    local name=$1 want=$2 pattern=$3 code=0
    shift 3
    "$ltd" report "$@" >out 2>err || code=$?
    report "$name" "$([ $code -eq "$want" ] && [ "$(wc -l <err)" -eq 1 ] && grep -q -- "$pattern" err; echo $?)" \
        "code $code" "$(cat err)"
}
refused "no run is a wrong use" 2 "0 run folders, expected 1 to 6"
refused "so are seven" 2 "7 run folders" 1 2 3 4 5 6 7
refused "what is no run is refused" 1 "runs/no: no run folder" runs/no
echo '{"version": 1,' >runs/b/bench.json
refused "a damaged bench is named" 1 "runs/b/bench.json" runs/b
finish
