#!/bin/bash
# `ltd distill` from end to end on a tiny random model: it learns, and a run that is stopped or
# killed, anywhere, ends in the bytes of one that was left alone.  TAP on standard output.
#
#     tests/cli/distill.sh build/ltd-train

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
train=$(realpath "$1")
RANDOM=4712 # the moments
smoke=(distill --config "$root/configs/distill_smoke.yaml"
    --model "$root/tests/support/tiny_model" --run.dir=runs --run.name=r)

# start FOLDER OPTIONS...: distill there in the background, from where it was when it had begun.
start() {
    local folder=$tmp/$1 go=()
    shift
    mkdir -p "$folder"
    if [ -r "$folder/runs/r/config.yaml" ]; then go=(--resume runs/r); fi
    (cd "$folder" && exec "$train" "${smoke[@]}" "${go[@]}" "$@") >"$tmp/out" 2>"$tmp/err" &
    pid=$!
}

same() { # FOLDER
    local file
    for file in head/model.safetensors checkpoints/step_0000000396.h5; do
        check "$1: $file is the undisturbed run's, byte for byte" \
            cmp "$tmp/whole/runs/r/$file" "$tmp/$1/runs/r/$file"
    done
}

# --- a run that nothing disturbs ------------------------------------------------------------------
start whole
code=0
wait $pid || code=$?
report "an undisturbed run ends well" $code "$(cat "$tmp/err")" || finish
cat >"$tmp/read.py" <<'PY'
import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1] + "/metrics.csv")))
column = lambda name: [float(r[name]) for r in rows if r[name]]
kl, hit, length = column("train/kl_1"), column("train/hit_1"), column("valid/tree_accept_len")
assert sum(kl[-5:]) < 0.7 * sum(kl[:5]), kl
assert sum(hit[-5:]) > sum(hit[:5]), hit
assert max(length) > length[0] + 0.3, length
config = json.load(open(sys.argv[1] + "/head/config.json"))
assert config["draft_vocab_size"] == 128 and config["vocab_size"] == 320, config
assert config["eagle_aux_hidden_state_layer_ids"] == [2, 4, 5], config
PY
check "loss falls, the accepted length rises above the untrained head's" \
    python3 "$tmp/read.py" "$tmp/whole/runs/r"
check "it says what was reached" grep -q "^accepted  *[0-9.]* tokens a cycle" "$tmp/out"

# The other threads, and features that are computed again, change no bit.
start other --threads 1 --distill.features=compute
wait $pid
check "threads and kept features change no bit of the head" \
    cmp "$tmp/whole/runs/r/head/model.safetensors" "$tmp/other/runs/r/head/model.safetensors"

# --- stopped and killed ---------------------------------------------------------------------------
start stopped
sleep 0.5
while [ ! -d "$tmp/stopped/runs/r/checkpoints" ] && kill -0 $pid 2>/dev/null; do sleep 0.1; done
kill -INT $pid
code=0
wait $pid || code=$?
report "Ctrl-C ends with 130" "$([ $code -eq 130 ]; echo $?)" "code $code" "$(cat "$tmp/err")"
check "and tells how to go on" grep -q -- "--resume runs/r" "$tmp/out"
(cd "$tmp/stopped" && "$train" "${smoke[@]}") >"$tmp/out" 2>"$tmp/err"
check "a run that is there is not begun anew" grep -q "holds a run already" "$tmp/err"
start stopped
wait $pid
same stopped

start early --distill.tokens=1000000
until grep -q "^write" "$tmp/err" || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
kill -INT $pid
wait $pid || true
check "what was written halfway is not shown as all" sh -c '! grep -q 100% "$0"' "$tmp/err"

bad=0
for _ in 1 2 3 4 5 6; do
    start killed
    sleep "$((RANDOM % 3)).$((RANDOM % 900 + 100))"
    kill -KILL $pid 2>/dev/null
    code=0
    wait $pid 2>/dev/null || code=$?
    [ $code -eq 0 ] || [ $code -eq 137 ] || { bad=$((bad + 1)); sed 's/^/# /' "$tmp/err"; }
done
report "killed six times, it never fails by itself" $bad
start killed
wait $pid
same killed

# --- what can't be --------------------------------------------------------------------------------
start whole --distill.batch_size=4
wait $pid
check "a run goes on with its own settings only" grep -q "begun with other data or settings" "$tmp/err"
(cd "$tmp" && "$train" "${smoke[@]}" --prompts.chat=none) >"$tmp/out" 2>"$tmp/err"
check "a model without a chat template is refused" grep -q "opens no turn" "$tmp/err"

finish
