#!/bin/bash
# Every C and C++ file is what clang-format makes of it (.clang-format).  To repair:
#     clang-format -i FILE...
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

command -v clang-format >/dev/null || { echo "format: clang-format is missing: run scripts/packages"; exit 1; }
if git ls-files >/dev/null 2>&1; then
    list() { git ls-files -z '*.c' '*.h' '*.cc'; }
else
    list() { find . -path './build*' -prune -o \( -name '*.c' -o -name '*.h' -o -name '*.cc' \) -print0; }
fi
mapfile -d '' -t files < <(list)
here=()
for f in "${files[@]}"; do [ -f "$f" ] && here+=("$f"); done
[ ${#here[@]} -gt 0 ] || { echo "format: found no source file in $PWD"; exit 1; }

# In parallel; the names of the files that would change, each once.
code=0
out=$(printf '%s\0' "${here[@]}" |
    xargs -0 -P "$(nproc)" -n 20 clang-format --dry-run -Werror 2>&1) || code=$?
bad=$(printf '%s\n' "$out" | sed -n 's/^\([^ :]*\):[0-9]*:[0-9]*: error: .*/\1/p' | sort -u)
if [ $code -ne 0 ] && [ -z "$bad" ]; then
    printf '%s\n' "$out"
    echo "format: clang-format failed"
    exit 1
fi
if [ -n "$bad" ]; then
    printf '%s\n' "$bad"
    echo "format: $(printf '%s\n' "$bad" | wc -l) of ${#here[@]} files differ; clang-format -i repairs them"
    exit 1
fi
echo "format: ${#here[@]} files as clang-format makes them"
