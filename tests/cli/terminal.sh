#!/bin/bash
# `ltd train` on a terminal, through a pipe and when stopped.  TAP on standard output.
#
#     tests/cli/terminal.sh build/ltd

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
need_model
command -v script >/dev/null || skip_all "script (package bsdutils) is not installed"
cd "$tmp" || exit 1
export LC_ALL=C.UTF-8 TERM=xterm-256color
unset NO_COLOR
ESC=$'\033'

# shellcheck disable=SC2054 # the commas belong to the lists
quick=(--calibration.reps=1 --calibration.contexts=64 --env.sizes=0,2,4 --env.max_forwards=2
    --env.max_new=16 --prompts.limit=3 --train.n_steps=16 --train.batch_size=8 --train.n_epochs=1
    --train.eval_prompts=1 --threads=1)
code=0
"$ltd" calibrate --quiet --calibration.reps=1 --calibration.contexts=64 --env.sizes=0,2,4 \
    --env.max_forwards=2 --threads=1 >out 2>&1 || code=$?
report "a calibration" $code "$(cat out)" || finish

# on_terminal COLUMNS ROWS FILE OPTIONS...: what a terminal of that size was sent; the exit code of
# ltd.
on_terminal() {
    local columns=$1 rows=$2 file=$3
    shift 3
    script -qefc "stty cols $columns rows $rows; echo \$\$ >pid; exec $ltd train ${quick[*]} $*" "$file" \
        </dev/null >/dev/null 2>&1
}
# has/lacks FILE TEXT
# shellcheck disable=SC2317
has() { grep -qF -- "$2" "$1"; }
# shellcheck disable=SC2317
lacks() { ! grep -qF -- "$2" "$1"; }

check "a run on a terminal" on_terminal 80 24 block --run.name=block --train.total_cycles=40
check "draws a block in its place" has block "${ESC}[J"
check "with what is learned" has block "both policies, live"
check "where" has block "runs/block"
check "decisions a second" has block "decisions/s"
check "a curve" has block "▁"
check "the phases" has block "verify"
check "in colour" has block "${ESC}[1m"
check "and ends with the last state" has block "100%  40/40  took"
# What stays on the screen: behind the last time that the cursor went up.
tail -c +$(($(grep -obP '\x1b\[\d+A' block | tail -n 1 | cut -d: -f1) + 1)) block >last
check "below it, the result on lines of its own" grep -qP '^(\x1b\[J)?40 cycles in ' last

NO_COLOR=1 check "a run with NO_COLOR" on_terminal 80 24 pale --run.name=pale --train.total_cycles=20
check "draws its block" has pale "${ESC}[J"
check "without a colour" [ "$(grep -cP '\x1b\[[0-9;]*m' pale)" -eq 0 ]

LC_ALL=C check "a run in ASCII" on_terminal 80 24 ascii --run.name=ascii --train.total_cycles=20
check "sends nothing but ASCII" [ "$(LC_ALL=C grep -cP '[\x80-\xff]' ascii)" -eq 0 ]

check "a run on a narrow terminal" on_terminal 30 24 narrow --run.name=narrow --train.total_cycles=20
check "has one line" lacks narrow "${ESC}[J"
check "that is redrawn" has narrow "${ESC}[K"

TERM=dumb check "a run on a dumb terminal" on_terminal 80 24 dumb --run.name=dumb --train.total_cycles=20
check "has plain lines" lacks dumb "$ESC"
check "of progress" has dumb "train  "

check "a quiet run" on_terminal 80 24 quiet --run.name=quiet --train.total_cycles=20 --quiet
check "draws nothing" lacks quiet "$ESC"
check "and tells its result" has quiet "20 cycles in "

"$ltd" train "${quick[@]}" --run.name=pipe --train.total_cycles=20 >out 2>err </dev/null
check "a file gets plain lines" lacks err "$ESC"
check "of progress, too" grep -q '^train  100%  20/20 ' err

# Ctrl-C: the state as it was, the cursor on a line of its own, and how to go on.
on_terminal 80 24 stopped --run.name=stopped --train.total_cycles=1000000 &
for _ in $(seq 600); do
    grep -q 'decisions/s' stopped 2>/dev/null && break
    sleep 0.1
done
kill -INT "$(cat pid)"
code=0
wait $! || code=$?
check "Ctrl-C: exit code 130" [ $code -eq 130 ]
tail -c +$(($(grep -obP '\x1b\[\d+A' stopped | tail -n 1 | cut -d: -f1) + 1)) stopped >last
check "the last state stays" has last "decisions/s"
check "nothing is drawn behind it" [ "$(grep -cP '^(\x1b\[J)?\d+ cycles in ' last)" -eq 1 ]
check "it says how to go on" has last "ltd train --resume runs/stopped"
finish
