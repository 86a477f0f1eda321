#!/bin/bash
# Training that is killed at random moments, and goes on, ends in the bytes of a run that was left
# alone; Ctrl-C saves.  TAP on standard output.
#
#     tests/cli/kill.sh build/ltd-train [KILLS]

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
train=$(realpath "$1")
kills=${2:-20}
RANDOM=4711 # the moments
need_model
cd "$tmp" || exit 1

# shellcheck disable=SC2054 # the commas belong to the lists
options=(--run.dir=runs --run.name=r --run.seed=3 --calibration.path="$tmp/cost.json"
    --calibration.reps=1 --calibration.contexts=64,256 --model.context=512 --env.max_prompt=400
    --env.clock=table --env.sizes=0,1,2,3,4 --env.max_forwards=3 --env.max_new=24
    --prompts.limit=6 --train.total_cycles=400 --train.n_steps=24 --train.batch_size=8
    --train.n_epochs=2 --train.eval_every=100 --train.eval_prompts=1 --train.checkpoint_every=15
    --train.keep_last=3)
last=runs/r/checkpoints/step_0000000400.h5

# start FOLDER: train there in the background, from the newest checkpoint when there is one.
start() {
    local resume=()
    mkdir -p "$1"
    if compgen -G "$1/runs/r/checkpoints/*.h5" >/dev/null; then resume=(--resume runs/r); fi
    (cd "$1" && exec "$train" train --quiet "${options[@]}" "${resume[@]}") >"$tmp/out" 2>"$tmp/err" &
    pid=$!
}

steps() { tail -n +2 "$1/runs/r/metrics.csv" | cut -d, -f1; }
# shellcheck disable=SC2317 # called by check
ascending() { steps "$1" | sort -n -u -c 2>/dev/null; }

# --- a run that nothing disturbs ------------------------------------------------------------------
start whole
code=0
wait $pid || code=$?
report "an undisturbed run ends well" $code "$(cat err)" || finish

# --- killed at random moments ---------------------------------------------------------------------
compare() { # FOLDER
    report "$1: the last checkpoint is the undisturbed run's, byte for byte" \
        "$(cmp -s "whole/$last" "$1/$last"; echo $?)" "$(ls -l "$1/runs/r/checkpoints")"
    check "$1: and the best one" cmp "whole/runs/r/checkpoints/best.h5" "$1/runs/r/checkpoints/best.h5"
    report "$1: metrics have the same steps, each once" \
        "$(cmp -s <(steps whole) <(steps "$1"); echo $?)" "$(diff <(steps whole) <(steps "$1"))"
}

killed=0
round=1
bad=0
while [ $killed -lt "$kills" ]; do
    start "killed$round"
    sleep "$((RANDOM % 2)).$((RANDOM % 900 + 100))"
    if kill -KILL $pid 2>/dev/null; then killed=$((killed + 1)); fi
    code=0
    wait $pid 2>/dev/null || code=$?
    if [ $code -eq 0 ]; then
        compare "killed$round"
        round=$((round + 1))
    elif [ $code -ne 137 ]; then
        bad=$((bad + 1))
        sed 's/^/# /' err
        break
    fi
done
report "after each of $killed kills the newest checkpoint loads" $bad
if [ -d "killed$round" ]; then
    start "killed$round"
    code=0
    wait $pid || code=$?
    report "what is left of the run ends well" $code "$(cat err)"
    compare "killed$round"
fi
check "nothing half-written is left" [ -z "$(find killed* -name '*.tmp')" ]

# --- Ctrl-C ---------------------------------------------------------------------------------------
start stopped
for _ in $(seq 600); do
    [ -s stopped/runs/r/metrics.csv ] && [ "$(wc -l <stopped/runs/r/metrics.csv)" -gt 3 ] && break
    sleep 0.1
done
kill -INT $pid
code=0
wait $pid || code=$?
check "Ctrl-C ends with 130" [ $code -eq 130 ]
check "it says how to go on" grep -q -- "--resume runs/r" out
check "it has saved" test -n "$(compgen -G "stopped/runs/r/checkpoints/step_*.h5")"
before=$(steps stopped | tail -n 1)
start stopped
code=0
wait $pid || code=$?
report "the run goes on to its end" $code "$(cat err)"
check "from where it was" ascending stopped
check "row $before is still there" grep -q "^$before," stopped/runs/r/metrics.csv
check "the last checkpoint is there" [ -s "stopped/$last" ]
finish
