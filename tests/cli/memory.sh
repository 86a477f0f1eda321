#!/bin/bash
# Peak memory of the programs on the default model.  TAP on standard output.
#
#     tests/cli/memory.sh build/ltd

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
need_model
cd "$tmp" || exit 1

# peak ltd-arguments...: sets peak_kb, its largest resident set; prints why when it fails.
peak() {
    peak_kb=$(python3 - "$ltd" "$@" <<'PY'
import resource, subprocess, sys
run = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=open("out", "w"), stderr=open("err", "w"))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if run.returncode == 0 else 0)
PY
    )
    [ "$peak_kb" -gt 0 ] || sed 's/^/# /' err
}

below() { # NAME LIMIT_KB
    echo "# $1: $peak_kb kB, at most $2 kB"
    check "$1" test "$((peak_kb > 0 && peak_kb <= $2))" -eq 1
}

# 1.5 times the model file and 150 MB
limit=$((($(stat -Lc %s "$model") * 3 / 2 + 150000000) / 1024))
items=$(for i in $(seq 110); do printf 'Item %d is a small red house with %d windows. ' "$i" $((i * 7 % 13)); done)
peak generate --policy static --generate.guard=false --model.context=2048 --max-tokens=250 "$items"
check "the prompt fills most of the context" grep -qE '^[0-9]+ tokens' err
below "generate at context 2048" $limit

peak train --quiet --run.dir=runs --calibration.reps=1 --calibration.contexts=128,1024 \
    --train.total_cycles=250 --train.n_steps=256 --train.eval_prompts=2
below "train" $((1500000000 / 1024))

peak check-env --steps=300
before=$peak_kb
peak check-env --steps=1500
below "five times the cycles take no more" $((before + 2048))
finish
