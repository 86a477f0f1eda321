#!/bin/bash
# The Python package as its users meet it: built as a wheel over the installed library, found by
# Gymnasium, checked by Gymnasium's and Stable-Baselines3's own checkers, learned with; a tiny model.
# TAP on standard output.
#
#     tests/cli/python.sh BUILD

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
build=$(realpath "$1")
/usr/bin/python3 -c 'import torch, pandas, cffi, mesonpy' 2>/dev/null ||
    skip_all "Debian's torch, pandas, cffi or mesonpy for Python is missing: scripts/packages --with-checks"
export LC_ALL=C PYTHONPATH
python=$("$root/tests/support/python_env" 2>"$tmp/err")
report "Python packages" $? "$(cat "$tmp/err")" || finish
PYTHONPATH=$("$root/tests/support/stage" "$build" "$tmp/stage" "$python" 2>"$tmp/err")
report "a wheel is built and installed" $? "$(cat "$tmp/err")" || finish
cd "$tmp" || exit 1
ltd=$build/ltd

for i in $(seq 12); do
    echo "{\"question_id\": $i, \"category\": \"c\", \"turns\": [\"hello $i hello world $i$i\"]}"
done >question.jsonl
cat >tiny.yaml <<YAML
model: {path: $root/tests/support/tiny_model, context: 256}
head: {path: $root/tests/golden/eagle3/session}
env: {max_forwards: 4, sizes: [0, 1, 2, 4, 8, 16], max_new: 40, max_prompt: 128, clock: table}
prompts: {train: [question.jsonl], valid: [question.jsonl], bench: [question.jsonl]}
calibration: {path: $tmp/cost.json, reps: 1, contexts: [64, 128]}
trace: {max_new: 40}
bench: {max_new: 40}
YAML
"$ltd" calibrate --config tiny.yaml >out 2>err
report "a tiny model is calibrated" $? "$(cat err)" || finish
"$ltd" record --config tiny.yaml --quiet >out 2>err
report "and recorded" $? "$(cat err)" || finish

# A line a check: ok or not ok, its name; what follows until the next line is detail.
"$python" "$root/tests/python/check_env.py" tiny.yaml >results 2>err
code=$?
while read -r verdict name; do
    report "$name" "$([ "$verdict" = ok ]; echo $?)" "$(grep -A30 "^# $name" err)"
done <results
report "all checks were made" $code "$(tail -n 20 err)"

"$python" "$root/examples/train_sb3.py" --ltd "$ltd" --config tiny.yaml --steps 512 --n-steps 32 \
    --run sb3 >out 2>err
report "the example trains PPO of Stable-Baselines3 and imports it" $? "$(tail -n 20 err)"
check "Stable-Baselines3 plays it in the environment" grep -qE '^Stable-Baselines3 +[0-9.]+ tok/s' out
check "ltd plays it, too" grep -qE '^  ltd +[0-9.]+ ' out
"$ltd" info sb3/policy.h5 >out 2>err
check "info knows where it comes from" grep -q 'Stable-Baselines3 2' out
finish
