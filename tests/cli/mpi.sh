#!/bin/bash
# `mpirun -n 2 ltd train`: two processes learn what one learns with twice the environments; a run goes
# on to the same bytes; a process that is killed, and Ctrl-C, leave a whole checkpoint.  TAP on
# standard output.
#
#     tests/cli/mpi.sh build/ltd build/tests/same_policy PROCESSES        (0: built without MPI)

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
same=$(realpath "$2")
processes=$3
mpirun=$root/tests/support/mpirun.sh
[ "$processes" -gt 0 ] || skip_all "built without MPI"
need_model
cd "$tmp" || exit 1

options=(--run.dir=runs --run.seed=3 --env.max_forwards=3 --env.top_k=4 --env.sizes=0,1,2,4,8
    --model.context=512 --model.threads=1 --env.max_prompt=400 --trace.max_new=24 --prompts.limit=4
    --calibration.path="$tmp/cost.json" --calibration.reps=1 --calibration.contexts=64,256)
train=(train "${options[@]}" --env.clock=table --train.plan_passes=0 --train.total_cycles=0
    --train.n_steps=24 --train.batch_size=16 --train.n_epochs=2 --train.checkpoint_every=60
    --train.keep_last=0 --train.eval_every=200 --train.eval_prompts=1 --train.norm_reward=true
    --policy.depth_hidden=32,16 --policy.size_hidden=32,16 --policy.critic_hidden=16)
# together ARGUMENTS...: ltd in all processes.
together() { "$mpirun" "$processes" "$ltd" "$@"; }
steps() { tail -n +2 "runs/$1/metrics.csv" | cut -d, -f1; }
newest() { find "runs/$1/checkpoints" -name 'step_*.h5' | sort | tail -n 1; }

"$ltd" record "${options[@]}" >out 2>err
report "records are made" $? "$(cat err)" || finish

# --- the same learning curve ----------------------------------------------------------------------
"$ltd" "${train[@]}" --run.name=one --train.record_cycles=400 \
    --train.record_envs=$((2 * processes)) >out 2>err
report "one process trains" $? "$(cat err)" || finish
together "${train[@]}" --run.name=two --train.record_cycles=400 --train.record_envs=2 >out 2>err
report "$processes processes train" $? "$(cat err)" || finish
check "only the first one talks" [ "$(grep -c "^400 cycles in" out)" -eq 1 ]
cat >curves.py <<'PY'
import json, sys
one, two = ([json.loads(line) for line in open("runs/%s/metrics.jsonl" % name)] for name in ("one", "two"))
assert len(one) == len(two) > 3, (len(one), len(two))
for a, b in zip(one, two):
    assert a.keys() == b.keys(), (a.keys(), b.keys())
    for key in a:
        if key.startswith("time/"):
            continue
        assert abs(a[key] - b[key]) <= 1e-5 * max(1, abs(a[key])), (a["step"], key, a[key], b[key])
PY
check "with the same learning curve, to 1e-5" python3 curves.py
"$same" "$(newest one)" "$(newest two)" 1e-5 >out
report "to the same policies, to 1e-5" $? "$(cat out)"

# --- a run goes on --------------------------------------------------------------------------------
cp -r runs/two left_alone
from=$(find runs/two/checkpoints -name 'step_*.h5' | sort | sed -n 3p)
last=$(newest two)
rm "$last"
together train --resume "$from" --quiet >out 2>err
report "it goes on from $(basename "$from")" $? "$(cat err)"
check "to the same bytes" cmp "left_alone/checkpoints/$(basename "$last")" "$last"

# Planning is the first process's alone; live cycles are everybody's.
for n in 1 2; do
    rm -rf runs/live
    together "${train[@]}" --run.name=live --train.plan_passes=3 --train.plan_batch_size=32 \
        --train.total_cycles=40 >out 2>err
    report "planning, then live cycles ($n)" $? "$(cat err)"
    cp "$(newest live)" live$n.h5
done
check "equal runs write equal bytes" cmp live1.h5 live2.h5

# --- the end of a process -------------------------------------------------------------------------
# endless NAME [OPTIONS]: in the background, until it has learned something.
endless() {
    local name=$1
    shift
    (exec "$mpirun" "$processes" "$ltd" "${train[@]}" --run.name="$name" --train.record_envs=2 \
        --train.record_cycles=100000000 --train.eval_every=0 --train.checkpoint_every=1000000 "$@") \
        >out 2>err &
    pid=$!
    for _ in $(seq 300); do
        [ -s "runs/$name/metrics.csv" ] && [ "$(steps "$name" | wc -l)" -gt 5 ] && return
        sleep 0.1
    done
}
# process RANK: the pid of that process.
process() {
    local p environment
    for p in /proc/[0-9]*; do
        [ "$(cat "$p/comm" 2>/dev/null)" = ltd-train ] || continue
        environment=$({ tr '\0' '\n' <"$p/environ"; } 2>/dev/null)
        grep -qx "PWD=$tmp" <<<"$environment" || continue
        grep -qx "OMPI_COMM_WORLD_RANK=$1" <<<"$environment" && echo "${p#/proc/}"
    done
}
# saved NAME: the checkpoint is that of the last row of the metrics.
saved() {
    [ "$(basename "$(newest "$1")")" = "$(printf 'step_%010d.h5' "$(steps "$1" | tail -n 1)")" ]
}
goes_on() { # NAME PROCESSES
    local done
    done=$(steps "$1" | tail -n 1)
    "$mpirun" "$2" "$ltd" train --resume "runs/$1" --quiet --train.record_cycles=$((done + 40)) \
        >out 2>err
}

endless killed
kill -KILL "$(process 1)"
code=0
wait $pid || code=$?
report "killing one ends the run" "$([ $code -ne 0 ]; echo $?)" "code $code"
check "the first one says which is gone" grep -q "process 1 of $processes does not answer" err
check "and that it has saved" grep -q "cycles are saved; go on with: ltd train --resume runs/killed" err
check "what the last iteration left" saved killed
"$ltd" info "$(newest killed)" >out 2>err
report "the checkpoint is whole" $? "$(cat err)"
check "nothing half-written is left" [ -z "$(find runs/killed -name '*.tmp')" ]
cp -r runs/killed runs/halved
goes_on killed "$processes"
report "as many processes go on" $? "$(cat err)"
goes_on halved 1
report "and so does one" $? "$(cat err)"

endless headless --train.checkpoint_every=60
kill -KILL "$(process 0)"
code=0
wait $pid || code=$?
report "killing the first one ends the run" "$([ $code -ne 0 ]; echo $?)" "code $code"
goes_on headless "$processes"
report "it goes on from the newest checkpoint" $? "$(cat err)"

endless stopped
kill -INT $pid
code=0
wait $pid || code=$?
report "Ctrl-C ends the run" "$([ $code -ne 0 ]; echo $?)" "code $code"
check "it has saved what the last iteration left" saved stopped
check "and says how to go on" grep -q "go on with: ltd train --resume runs/stopped" err

endless told
first=$(process 0)
kill -INT "$first"
code=0
wait $pid || code=$?
report "a signal to the first process ends all with 130" "$([ $code -eq 130 ]; echo $?)" "code $code" "$(cat err)"
check "saved once" [ "$(grep -c "cycles are saved" err)" -eq 1 ]
check "in one checkpoint" saved told

# --- refused --------------------------------------------------------------------------------------
cat >rank.sh <<'SH'
#!/bin/bash
if [ "$OMPI_COMM_WORLD_RANK" -eq 1 ]; then exec "$@" "$second"; fi
exec "$@"
SH
chmod +x rank.sh
# other OPTION: which the second process has in addition.
other() {
    second=$1 "$mpirun" "$processes" ./rank.sh "$ltd" "${train[@]}" --run.name=refused \
        --train.record_cycles=60 >out 2>err
}
other --run.seed=4
check "processes that differ are refused" \
    grep -q "processes 0 and 1 differ in configuration, model, head or prompts" err
other --prompts.train=nowhere.jsonl
check "what is wrong with one is told by the first" grep -q "^ltd: process 1: .*nowhere.jsonl" err
finish
