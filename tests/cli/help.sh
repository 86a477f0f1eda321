#!/bin/bash
# Every verb that `ltd --help` lists explains itself, and refuses what is wrong in one line.  TAP on
# standard output.
#
#     tests/cli/help.sh build/ltd

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
export LC_ALL=C
cd "$tmp" || exit 1

# shellcheck disable=SC2317 # called by check
narrow() { [ "$(wc -L <"$1")" -le 80 ]; }
# shellcheck disable=SC2317
to() { # FILE COMMAND...: both streams to the file
    local file=$1
    shift
    "$@" >"$file" 2>&1 </dev/null
}
# refused NAME CODES PATTERN ltd-arguments...: one line on standard error that matches PATTERN,
# nothing on standard output, one of the exit codes.
refused() {
    local name=$1 codes=$2 pattern=$3 code=0 why=""
    shift 3
    timeout 120 "$ltd" "$@" >out 2>err </dev/null || code=$?
    [[ " $codes " == *" $code "* ]] || why="exit code $code, expected $codes"
    [ ! -s out ] || why+="; something on standard output"
    [ "$(wc -l <err)" -eq 1 ] || why+="; $(wc -l <err) lines"
    grep -q '^ltd: ' err || why+="; no 'ltd: ' in front"
    grep -qE -- "$pattern" err || why+="; no /$pattern/"
    report "$name" "$([ -z "$why" ]; echo $?)" "$why" "ltd $*" "$(cat out err)"
}

check "ltd --help" to help "$ltd" --help
check "its lines are short" narrow help
check "ltd -h is the same" to other "$ltd" -h
check "ltd help is, too" to other2 "$ltd" help
check "word for word" cmp help other
check "word for word, too" cmp help other2
check "ltd --version" to version "$ltd" --version
check "it tells version and commit" grep -qE '^ltd [0-9]+\.[0-9]+\.[0-9]+ \(.+\)$' version

code=0
"$ltd" >way 2>err </dev/null || code=$?
check "without arguments: exit code 2" [ $code -eq 2 ]
check "and the way to a first result" grep -q '^  ltd bench ' way
check "in a screenful" [ "$(wc -l <way)" -le 16 ]
check "of short lines" narrow way
check "and nothing on standard error" [ ! -s err ]

verbs=$(sed -n 's/^  \([a-z-]*\)  .*/\1/p' help)
check "verbs are listed" [ "$(wc -w <<<"$verbs")" -ge 8 ]
# Each step of the way is a verb.
while read -r verb; do
    check "the way goes by $verb, which is a verb" grep -qx "$verb" <<<"$verbs"
done < <(sed -n 's/^  ltd \([a-z-]*\) .*/\1/p' way)

refused "a verb that is none" 2 "no verb 'frobnicate'; .ltd --help. lists them" frobnicate
refused "its help neither" 2 "no verb 'frobnicate'" help frobnicate
refused "an option for a verb" 2 "no verb '--quiet'" --quiet
for verb in $verbs; do
    # The first two letters exchanged; the beginning of it.
    refused "$verb, mistyped" 2 "nearest: $verb;" "${verb:1:1}${verb:0:1}${verb:2}"
    refused "$verb, half typed" 2 "nearest: " "${verb::-2}"

    check "ltd $verb --help" to one "$ltd" "$verb" --help
    check "$verb: its lines are short" narrow one
    check "$verb: begins with its usage" grep -q "^Usage: ltd $verb" one
    check "$verb: has options" grep -q -- "--config=FILE" one
    check "$verb: tells of configuration keys" grep -q -- "--section.key=value" one
    check "$verb: ltd $verb -h is the same" to two "$ltd" "$verb" -h
    check "$verb: word for word" cmp one two
    check "$verb: ltd help $verb is, too" to two "$ltd" help "$verb"
    check "$verb: word for word, too" cmp one two

    refused "$verb: an option that is none" 2 "$verb: no option '--frobnicate'; .ltd $verb --help" \
        "$verb" --frobnicate
    refused "$verb: with a value" 2 "$verb: no option '--frobnicate'" "$verb" --frobnicate=1
    refused "$verb: an option, mistyped" 2 "$verb: no option '--verbsoe'; nearest: --verbose;" "$verb" --verbsoe
    refused "$verb: a key without its section" 2 "'--clip_coef'; nearest: --train.clip_coef" \
        "$verb" --clip_coef=0.1
    refused "$verb: the version of a verb" 2 "no option '--version'" "$verb" --version
    refused "$verb: a letter that is none" 2 "$verb: no option '-X'" "$verb" -X
    refused "$verb: an option without its value" 2 "$verb: --config needs a value: FILE" "$verb" --config
    refused "$verb: a value for an option that takes none" 2 "$verb: --quiet takes no value" "$verb" --quiet=1
    refused "$verb: a key that is none" 2 "train.larning_rate: no such key; nearest: train.lr" \
        "$verb" --train.larning_rate=1
    refused "$verb: a key without its value" 2 "--train.lr: expected --train.lr=VALUE" "$verb" --train.lr
    refused "$verb: a value that is no number" 2 "run.seed.*found 'many'" "$verb" --run.seed=many
    refused "$verb: a value out of range" 2 "train.lr: is 3, expected 0 to 1" "$verb" --train.lr=3
    refused "$verb: a choice that is none" 2 "env.clock.*expected one of live, table" "$verb" --env.clock=sundial
    if grep -qx "Usage: ltd $verb \[OPTION...\]" one; then
        refused "$verb: an argument" 2 "$verb: unexpected argument 'extra'" "$verb" extra
    fi
    if grep -q -- "--model=PATH" one; then
        refused "$verb: a model that is not there" "1 2" "." "$verb" --model none.gguf
    fi
done
check "none of this has left anything" [ "$(printf '%s\n' *)" = "$(printf '%s\n' err help one other other2 out two version way)" ]
finish
