#!/bin/bash
# Every verb explains itself.  TAP on standard output.
#
#     tests/cli/help.sh build/ltd

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
export LC_ALL=C
cd "$tmp" || exit 1

# shellcheck disable=SC2317 # called by check
narrow() { [ "$(wc -L <"$1")" -lt 100 ]; }
# shellcheck disable=SC2317
to() { # FILE COMMAND...: both streams to the file
    local file=$1
    shift
    "$@" >"$file" 2>&1 </dev/null
}

check "ltd --help" to help "$ltd" --help
check "its lines are short" narrow help
check "ltd help" to other "$ltd" help
check "ltd --version" to version "$ltd" --version
check "it tells version and commit" grep -qE '^ltd [0-9]+\.[0-9]+\.[0-9]+ \(.+\)$' version
verbs=$(sed -n 's/^  \([a-z-]*\)  .*/\1/p' help)
check "verbs are listed" [ "$(wc -w <<<"$verbs")" -ge 8 ]
for verb in $verbs; do
    check "ltd $verb --help" to one "$ltd" "$verb" --help
    check "$verb: its lines are short" narrow one
    check "$verb: begins with its usage" grep -q "^Usage: ltd $verb" one
    check "$verb: has options" grep -q -- "--config=FILE" one
    check "$verb: tells of configuration keys" grep -q -- "--section.key=value" one
    check "$verb: ltd $verb -h is the same" to two "$ltd" "$verb" -h
    check "$verb: word for word" cmp one two
done
check "without arguments that is what is shown" [ "$("$ltd" >two; echo $?)" -eq 2 ]
check "word for word" cmp help two
finish
