#!/bin/bash
# Completion in bash: what stands in COMPREPLY for a command line.  TAP on standard output.
#
#     tests/cli/complete.sh build/ltd

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
export LC_ALL=C
cd "$tmp" || exit 1
# shellcheck source=trainer/cli/ltd.bash
. "$root/trainer/cli/ltd.bash"
mkdir runs
: >run.yaml
: >"two words.jsonl"

# complete_at WORD...: candidates for the last word, sorted, each with a blank behind it: $got.
complete_at() {
    COMP_WORDS=("$ltd" "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _ltd
    got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ')
}
# gives NAME EXPECTED WORD...
gives() {
    local name=$1 expected=$2
    shift 2
    complete_at "$@"
    report "$name" "$([ "$got" = "$expected " ]; echo $?)" \
        "ltd $*" "got: $got" "expected: $expected"
}
# offers NAME PATTERN WORD...: a candidate matches all of PATTERN.
offers() {
    local name=$1 pattern=$2
    shift 2
    complete_at "$@"
    report "$name" "$(tr ' ' '\n' <<<"$got" | grep -qxE -- "$pattern"; echo $?)" \
        "ltd $*" "got: $got" "expected: $pattern"
}

verbs=$("$ltd" --help | sed -n 's/^  \([a-z-]*\)  .*/\1/p')
# shellcheck disable=SC2086
gives "verbs" "$(printf '%s\n' $verbs help --help --version | sort | xargs)" ""
gives "a verb that was begun" "generate" gen
# shellcheck disable=SC2086
gives "help takes verbs" "train transfer" help tra
gives "no such verb: nothing" "" frob --
# shellcheck disable=SC2086
for verb in $verbs; do
    missing=""
    for option in $("$ltd" "$verb" --help | grep -oE '^ +(-[a-z?], )?--[a-z-]+=?' | grep -oE -- '--[a-z-]+=?'); do
        [ "$option" = --usage ] && continue
        complete_at "$verb" "${option%=}"
        [[ " $got" == *" $option "* ]] || missing+=" $option"
    done
    report "$verb: every option of its help" "$([ -z "$missing" ]; echo $?)" "missing:$missing"
    offers "$verb: sections of the configuration" "--train\\." "$verb" --tr
    offers "$verb: their keys" "--train\\.lr=" "$verb" --train.l
    offers "$verb: values of a key" "table" "$verb" --env.clock = ta
    offers "$verb: a file of --config" "run.yaml" "$verb" --config ru
done

gives "options of a verb, not of others" "--rules --run." tune --ru
gives "keys only behind their section" "--env --env." info --env
gives "a section" "--calibration.contexts= --calibration.path= --calibration.reps= --calibration.tables=" \
    train --calibration.
gives "values of an option that names a key" "f16 f32 file q4 q8" generate --dtype = ""
gives "behind a blank" "f16 f32 file" generate --dtype f
gives "in one word" "--dtype=q4 --dtype=q8" generate --dtype=q
gives "a key in one word" "--env.lookup=false --env.lookup=true" train --env.lookup=
gives "choices of an option" "ablations paper" bench --suite = ""
gives "choices of an option, by blank" "relu tanh" import --activation ""
gives "an entry of a list" "list" train --compat = lis
gives "a further entry" "ar,static-tuned" bench --policies = ar,static-
gives "a number has none" "" train --train.lr = ""
gives "a file" "run.yaml runs" info run
gives "a file with a blank" "two words.jsonl" bench --prompts two
gives "a format of import" "sb3" import s
gives "what takes no argument gets none" "" train ru
gives "behind an option without a value comes an argument" "run.yaml runs" info --env ru

# In a shell of its own, as readline calls it.
check "it is registered" bash -c ". '$root/trainer/cli/ltd.bash'; complete -p ltd | grep -q -- '-F _ltd ltd'"
finish
