#!/bin/bash
# Bad input through the programs: each gives exit code 1 or 2 and one line that names what is wrong,
# and nothing is written over.  TAP on standard output.
#
#     tests/cli/bad_input.sh build/ltd

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
golden=${LTD_GOLDEN:-$root/tests/golden}
need_model
export LC_ALL=C
mkdir "$tmp/work"
cd "$tmp/work" || exit 1

# refused NAME PATTERN ltd-arguments...: the one line of standard error matches PATTERN.
refused() {
    local name=$1 pattern=$2 code=0 why=""
    shift 2
    timeout 120 "$ltd" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
    [ $code -eq 1 ] || [ $code -eq 2 ] || why="exit code $code"
    [ "$(wc -l <"$tmp/err")" -eq 1 ] || why+="; $(wc -l <"$tmp/err") lines"
    [ "$(wc -L <"$tmp/err")" -le 360 ] || why+="; a long line"
    grep -q '^ltd: ' "$tmp/err" || why+="; no 'ltd: ' in front"
    grep -qE -- "$pattern" "$tmp/err" || why+="; no /$pattern/"
    grep -qiE 'sanitizer|runtime error' "$tmp/err" && why+="; a sanitizer's report"
    report "$name" "$([ -z "$why" ]; echo $?)" "$why" "ltd $*" "$(cat "$tmp/err")"
}

# damage FILE OFFSET: one byte of it becomes another.
damage() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf '%b' "\\x$(printf %02x $((byte ^ 0x55)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# --- usage ---
refused "an unknown verb" "no verb 'trian'" trian
refused "an unknown option" "no option '--foo'" train --foo
refused "an unknown letter" "no option '-x'" generate -x hello
refused "an option without its value" "--seed needs a value" train --seed
refused "a value for an option without one" "--quiet takes no value" train --quiet=1
refused "an argument too many" "unexpected argument 'extra'" train extra
refused "a number that is none" "--steps=x" check-env --steps=x
refused "an empty prompt" "prompt is empty" generate
refused "an unknown key names the nearest" "train.larning_rate.*nearest: train.lr" train --train.larning_rate=1
refused "a key without a value" "train.lr" train --train.lr
refused "a value of the wrong kind" "train.lr.*found 'fast', expected a number" train --train.lr=fast
refused "a value out of range" "train.lr: is 3, expected 0 to 1" train --train.lr=3
refused "a choice that is none" "env.clock.*expected one of live, table" train --env.clock=sundial
refused "a temperature below zero" "env.temperature: is -1, expected 0 to 1000" generate --temperature=-1 hello
refused "a top-p of nothing" "env.top_p: is 0, expected" generate --temperature 1 --top-p 0 hello
refused "sizes that don't ascend" "env.sizes" train --env.sizes=4,2
refused "min above max" "env.min_forwards" train --env.min_forwards=4 --env.max_forwards=2

# --- configuration files ---
printf 'train:\n  lr: 0.1\n lr: [\n' >broken.yaml
printf 'train:\n  n_stps: 4\n' >unknown.yaml
printf 'train:\n  lr: 99\n' >range.yaml
printf '\x00\x01\x02binary' >binary.yaml
refused "no configuration file" "configuration: none.yaml: No such file" train --config none.yaml
refused "broken YAML" "broken.yaml:[0-9]" train --config broken.yaml
refused "a file with an unknown key" "unknown.yaml:2:.*nearest: train.n_steps" train --config unknown.yaml
refused "a file with a value out of range" "range.yaml:2:.*train.lr" train --config range.yaml
refused "a file that is no text" "binary.yaml" train --config binary.yaml
refused "a folder for a file" "configuration: .*no regular file" train --config .

# --- models ---
head -c 5000000 "$model" >short.gguf
head -c 100 "$model" >stub.gguf
: >empty.gguf
head -c 2000000 "$model" >bad.gguf && damage bad.gguf 0
cp "$golden/torchzip/protocol4.pt" protocol4.zip
refused "no model" "model: none.gguf: No such file" generate --model none.gguf hello
refused "a truncated model" "short.gguf" generate --model short.gguf hello
refused "a model of 100 bytes" "stub.gguf" generate --model stub.gguf hello
refused "an empty model" "empty.gguf" generate --model empty.gguf hello
refused "a model with another magic" "bad.gguf" generate --model bad.gguf hello
refused "a script for a model" "kill.sh" generate --model "$root/tests/cli/kill.sh" hello
refused "a model without a tokenizer" "carries no tokenizer" \
    generate --model "$golden/eagle3/target" hello
refused "a folder that is no model" "model: " generate --model . hello
for f in "$golden"/malformed/*; do
    case $(basename "$f") in ok_* | *.json | *.md) continue ;; esac
    refused "malformed/$(basename "$f") as a model" "$(basename "$f")" generate --model "$f" hello
    # Well-formed for a list of what is inside.
    case $f in */arch_missing.gguf | */bool_invalid.gguf | */tensor_name_too_long.gguf) continue ;; esac
    refused "malformed/$(basename "$f") in ltd info" "$(basename "$f")" info "$f"
done
for f in "$golden"/torchzip/*.pt; do
    name=$(basename "$f" .pt)
    case $name in
        legacy_format | protocol4 | pickle_deep_nesting | pickle_self_reference | zip_crc_bad) ;;
        *) [ -e "$f.expected.safetensors" ] && continue ;;
    esac
    refused "torchzip/$name in ltd info" "$name.pt: " info "$f"
done
check "no pickle has run anything" [ ! -e /tmp/pwned1 ]
refused "a zip of others" "protocol4.zip: .*expected 2" info protocol4.zip
head -c 20000 "$golden/ppo/zips/ppo_dict_arch.zip" >short.zip
refused "a policy of another shape" "ppo_dict_arch.zip: its actor is 12 -> 2, expected 128 -> 2" \
    import sb3 "$golden/ppo/zips/ppo_dict_arch.zip"
refused "a truncated policy" "short.zip: no zip that can be read" import sb3 short.zip
refused "weights for a policy" "protocol4.zip: a zip without policy.pth" import sb3 protocol4.zip
refused "a model for a policy" "$(basename "$model"): no zip" import sb3 "$model"
refused "no policy" "none.zip: No such file" import sb3 none.zip
refused "a policy of another library" "only format is sb3, found rllib" import rllib none.zip
refused "an activation that is none" "found 'gelu', expected tanh" import sb3 none.zip --activation gelu
refused "a checkpoint without its ending" "expected FILE.h5" import sb3 none.zip --out checkpoint
refused "a context above the model's" "model.context: is 100000, .* 8192" \
    generate --model.context=100000 hello
refused "a context below the prompt" "prompt of [0-9]+ tokens.*context 128" \
    generate --model.context=128 --env.max_prompt=100 "$(printf 'word %.0s' {1..200})"
refused "a chat template that is none" "prompts.chat.*'klingon'" generate --prompts.chat=klingon hello

# --- draft heads ---
mkdir short_head bad_head
cp "$root"/heads/smollm2-135m-eagle3/* short_head
cp "$root"/heads/smollm2-135m-eagle3/* bad_head
truncate -s 1000000 short_head/model.safetensors
echo '{"hidden_size": "many"}' >bad_head/config.json
refused "no draft head" "draft head: absent/config.json" generate --head absent hello
refused "a draft head of another model" "hidden 64 .*has 576" generate --head "$golden/eagle3/head_a" hello
refused "a truncated draft head" "short_head/model.safetensors" generate --head short_head hello
refused "a draft head with a bad config" "bad_head/config.json.*hidden_size" generate --head bad_head hello
mkdir bin_head evil_head foreign_head
cp "$root"/heads/smollm2-135m-eagle3/config.json bin_head
cp bin_head/config.json evil_head
cp bin_head/config.json foreign_head
cp "$golden/torchzip/evil_system.pt" evil_head/pytorch_model.bin
cp "$golden/eagle3/head_a/pytorch_model.bin" foreign_head
refused "a draft head without weights" "neither model.safetensors nor pytorch_model.bin" \
    generate --head bin_head hello
refused "a draft head that would run a command" "evil_head/pytorch_model.bin: .*os.system" \
    generate --head evil_head hello
refused "another head's weights" "foreign_head/pytorch_model.bin: tensor .*q_proj.weight" \
    generate --head foreign_head hello
refused "a model for a draft head" "draft head: " generate --head "$model" hello

# --- prompts ---
printf '{"question_id": 1, "turns": ["hello"]}\nnot json\n' >text.jsonl
printf '{"question_id": 1}\n' >turnless.jsonl
printf '{"question_id": 1, "turns": []}\n' >no_turns.jsonl
printf '{"question_id": 1, "turns": [7]}\n' >number.jsonl
: >empty.jsonl
for verb in train bench tune; do
    key=train
    [ $verb = bench ] && key=bench
    refused "$verb: no prompts" "prompts: none.jsonl: No such file" $verb --prompts.$key=none.jsonl
    refused "$verb: prompts that are no JSON" "text.jsonl:2: not JSON" $verb --prompts.$key=text.jsonl
    refused "$verb: prompts without turns" "turnless.jsonl:1: 'turns'" $verb --prompts.$key=turnless.jsonl
    refused "$verb: prompts with empty turns" "no_turns.jsonl:1: 'turns'" $verb --prompts.$key=no_turns.jsonl
    refused "$verb: prompts with a number" "number.jsonl:1: 'turns'" $verb --prompts.$key=number.jsonl
    refused "$verb: no prompt in the file" "empty.jsonl: no prompt" $verb --prompts.$key=empty.jsonl
    refused "$verb: a context too small" "model.context: is 100; .*doesn't fit" $verb \
        --model.context=100 --env.max_prompt=99
done
check "none of this has written anything" [ ! -e runs ]

# --- calibrations, runs and checkpoints ---
# shellcheck disable=SC2054 # the commas belong to the lists
quick=(--quiet --run.name=r --calibration.reps=1 --calibration.contexts=64 --env.sizes=0,2,4
    --env.max_forwards=2 --env.max_new=16 --prompts.limit=3 --train.n_steps=16 --train.batch_size=8
    --train.n_epochs=1 --train.eval_prompts=1)
code=0
"$ltd" train "${quick[@]}" --train.total_cycles=12 >"$tmp/out" 2>"$tmp/err" || code=$?
report "a short run" $code "$(cat "$tmp/err")" || finish
last=runs/r/checkpoints/step_0000000012.h5
table=$(echo runs/calibration-*.json)
snapshot() { find . -type f -exec sha256sum {} + | sort; }

sed 's/"fingerprint": ".*"/"fingerprint": "another machine"/' "$table" >elsewhere.json
sed 's/"sha256": ".*"/"sha256": "abc"/' "$table" >other_model.json
sed '/"drafter"/,/}/s/"sha256": ".*"/"sha256": "abc"/' "$table" >other_head.json
head -c 200 "$table" >cut.json
echo '{"version": 99}' >future.json
head -c 3000 $last >cut.h5
cp $last flip.h5 && damage flip.h5 20000
mkdir -p damaged/checkpoints && cp flip.h5 damaged/checkpoints/step_0000000012.h5
mkdir nothing
snapshot >"$tmp/before"

for verb in train bench tune; do
    refused "$verb: another machine's table" "elsewhere.json: measured on 'another machine'" \
        $verb --calibration.path=elsewhere.json
    refused "$verb: another model's table" "other_model.json: measured with another model" \
        $verb --calibration.path=other_model.json
    refused "$verb: a truncated table" "cut.json" $verb --calibration.path=cut.json
    refused "$verb: a table of a later version" "future.json" $verb --calibration.path=future.json
done
refused "generate: another machine's table" "elsewhere.json" generate --calibration.path=elsewhere.json hello
refused "generate: no such table" "none.json: no calibration" generate --calibration.path=none.json hello

refused "a run that is there already" "runs/r holds a run already.*--resume" train "${quick[@]}"
refused "a run whose checkpoint is damaged" "holds a run already" \
    train --run.dir=. --run.name=damaged --calibration.path="$table"
refused "resume from nothing" "none: No such file" train --resume none
refused "resume from a folder without checkpoints" "nothing: no checkpoint" train --resume nothing
refused "resume from a truncated checkpoint" "cut.h5" train --resume cut.h5
refused "resume from a damaged checkpoint" "flip.h5.*(damaged|sha256|digest)" train --resume flip.h5
refused "resume from a damaged run" "damaged/checkpoints/step_0000000012.h5" train --resume damaged
refused "resume from a table" "elsewhere.json" train --resume elsewhere.json
refused "resume with other sizes" "policy|prompt_order|sizes" train --resume runs/r --env.sizes=0,1,2,3
refused "resume with other prompts" "env/prompt_order" train --resume runs/r --prompts.limit=2
refused "resume without the head" "another draft head" train --resume runs/r --head none
for verb in eval bench; do
    refused "$verb: no such policy" "none: No such file" $verb --policy none
    refused "$verb: a truncated policy" "cut.h5" $verb --policy cut.h5
    refused "$verb: a damaged policy" "flip.h5" $verb --policy flip.h5
    refused "$verb: a table as a policy" "elsewhere.json" $verb --policy elsewhere.json
done
refused "eval: another draft head's table" "other_head.json: measured with another draft head" \
    eval --policy $last --calibration.path=other_head.json
refused "eval: no prompts" "prompts: none.jsonl" eval --policy $last --prompts none.jsonl
refused "generate: no such policy" "none: No such file" generate --policy none hello
refused "generate: a damaged policy" "flip.h5" generate --policy flip.h5 hello
refused "info: a damaged checkpoint" "flip.h5" info flip.h5
refused "info: no such file" "none: No such file" info none
snapshot >"$tmp/after"
report "nothing was written over, nothing added" "$(cmp -s "$tmp/before" "$tmp/after"; echo $?)" \
    "$(diff "$tmp/before" "$tmp/after")"

# --- places that can't be written ---
: >file
refused "a run folder below a file" "file" train "${quick[@]}" --run.dir=file/runs
refused "a result below a file" "file/x.json" eval --policy $last "${quick[@]}" --bench.prompts_per_task=1 \
    --bench.max_new=4 --json file/x.json
refused "a calibration below a file" "file" calibrate --calibration.path=file/x.json
refused "a run folder where nobody may write" "/proc/nobody" train "${quick[@]}" --run.dir=/proc/nobody
LTD_ISA=abacus refused "an instruction set that is none" "LTD_ISA=.abacus.: expected plain, avx2" info
finish
