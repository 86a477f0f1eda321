# shellcheck shell=bash
# Sourced by the scripts here and by .ci/run: where the project is, how they speak, how they wait
# for a network.  Bash, because Debian always has it; LC_ALL=C, so that sorting is the same
# everywhere.

set -euo pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
me=$(basename "$0")

say() { printf '%s: %s\n' "$me" "$*"; }
warn() { printf '%s: %s\n' "$me" "$*" >&2; }
die() {
    warn "$@"
    exit 1
}

# 75 -> 1:15
clock() { printf '%d:%02d' "$(($1 / 60))" "$(($1 % 60))"; }

# quietly LOG COMMAND...: run with the output in LOG; on failure show the end of it.
quietly() {
    local log=$1 code=0
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 || code=$?
    if [ "$code" -ne 0 ]; then
        warn "failed with exit code $code: $*"
        tail -n 12 "$log" | sed 's/^/    /' >&2
        warn "whole output: $log"
    fi
    return "$code"
}

# retry WHAT COMMAND...: three attempts, 5 and 20 seconds apart; for what a network can spoil.
retry() {
    local what=$1 attempt
    shift
    for attempt in 1 2 3; do
        if "$@"; then return 0; fi
        [ "$attempt" -eq 3 ] && break
        warn "$what: attempt $attempt of 3 failed, trying again in $((attempt * attempt * 5)) s"
        sleep $((attempt * attempt * 5))
    done
    warn "$what: three attempts failed"
    return 1
}

# build_in DIR TARGETS... -- SETUP OPTIONS...: configure DIR once, then build (all without targets).
# A folder that is already configured is configured again only when the options are others.
build_in() {
    local dir=$1 targets=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        targets+=("$1")
        shift
    done
    shift
    if [ -f "$root/$dir/build.ninja" ] && [ "$(cat "$root/$dir/options.txt" 2>/dev/null)" = "$*" ]; then
        :
    elif [ -f "$root/$dir/build.ninja" ]; then
        quietly "$root/$dir/meson-logs/configure.txt" meson configure "$root/$dir" "$@" ||
            die "$dir: could not be configured again; remove the folder and start over"
    else
        quietly "$root/$dir/setup.txt" meson setup "$root/$dir" "$root" "$@" ||
            die "$dir: meson setup failed; if a package is missing, run scripts/packages"
    fi
    printf '%s\n' "$*" >"$root/$dir/options.txt"
    ninja -C "$root/$dir" "${targets[@]}" || die "$dir: the build failed; the first error is above"
}

# run_stages WHAT RUN STAGE...: run stage_STAGE after stage_STAGE for the results in RUN, which is
# removed first where $fresh is true; one WHAT at a time: two would share the cores, and the clock would
# say so.
run_stages() {
    local what=$1 run=$2 stage began code n=0
    shift 2
    mkdir -p runs
    exec 9>"runs/.$what.lock"
    flock -n 9 || die "another $what is running in $run"
    if ${fresh:-false}; then rm -rf "$run"; fi
    mkdir -p "$run"
    trap 'warn "stopped after $(clock $SECONDS); the same command goes on from here"; exit 130' INT TERM
    for stage in "$@"; do
        n=$((n + 1))
        began=$SECONDS
        printf '\n=== [%d/%d] %s   (%s elapsed)\n' $n $# "$stage" "$(clock $SECONDS)"
        # Not in a condition: there bash would ignore -e, and a stage would go on past a failed line.
        set +e
        (set -e; "stage_$stage")
        code=$?
        set -e
        if [ $code -eq 130 ]; then
            warn "stopped in stage '$stage' after $(clock $SECONDS); the same command goes on from here"
            exit 130
        elif [ $code -ne 0 ]; then
            warn "stage '$stage' failed (exit code $code) after $(clock $((SECONDS - began)));" \
                "the reason is above. The same command goes on from here"
            exit $code
        fi
        printf '=== %s: %s\n' "$stage" "$(clock $((SECONDS - began)))"
    done
    printf '\n%s: done in %s. Results: %s/\n' "$me" "$(clock $SECONDS)" "$run"
}
