# For tests of the programs, sourced: TAP on standard output, a folder of one's own.
#
#     . "$(dirname "$0")/tap.sh"
#     check "what must hold" [ 1 -eq 1 ]
#     finish
#
# shellcheck shell=bash

set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n_checks=0
n_failed=0

# report NAME CODE [DETAIL...]: one line of TAP, details as comments when it failed.
report() {
    local name=$1 code=$2
    shift 2
    n_checks=$((n_checks + 1))
    if [ "$code" -eq 0 ]; then
        echo "ok $n_checks - $name"
        return 0
    fi
    echo "not ok $n_checks - $name"
    n_failed=$((n_failed + 1))
    printf '%s\n' "$@" | head -n 20 | sed 's/^/# /'
    return 1
}

# check NAME COMMAND...
check() {
    local name=$1 code=0
    shift
    "$@" || code=$?
    report "$name" $code "failed ($code): $*"
}

# skip NAME REASON: a check that cannot be made here.
skip() {
    n_checks=$((n_checks + 1))
    echo "ok $n_checks - $1 # SKIP $2"
}

finish() {
    echo "1..$n_checks"
    [ $n_failed -eq 0 ]
    exit
}

skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

# The model the programs use when none is named.
need_model() {
    model=$root/models.cache/SmolLM2-135M-Instruct.Q4_1.gguf
    [ -r "$model" ] || skip_all "the default model is not in models.cache"
}
