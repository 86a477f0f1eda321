#!/bin/bash
# Exported headers compile by themselves, twice in one program, without a word from the compiler:
#     tests/header_alone.sh FILE.h...
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

n=0
for compiler in "gcc -std=c99" "g++ -std=c++17" "clang -std=c99" "clang++ -std=c++17"; do
    command -v "${compiler%% *}" >/dev/null || continue
    kind=c
    case $compiler in *++*) kind=c++ ;; esac
    for header in "$@"; do
        header=$(realpath "$header")
        printf '#include "%s"\nint %s(void);\nint %s(void) { return 0; }\n' "$header" one one >"$folder/one.c"
        printf '#include "%s"\nint main(void) { return 0; }\n' "$header" >"$folder/two.c"
        # -O1: warnings that need the flow of data.
        # shellcheck disable=SC2086    # a compiler and its option
        $compiler -x $kind -O1 -Wall -Wextra -Wpedantic -Werror "$folder/one.c" "$folder/two.c" \
            -lm -o "$folder/program" || { echo "header_alone: $compiler refuses $header"; exit 1; }
        n=$((n + 1))
    done
done
[ $n -gt 0 ] || { echo "header_alone: no compiler, or no header"; exit 1; }
echo "header_alone: $n compilations without a warning"
