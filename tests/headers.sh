#!/bin/bash
# Every header compiles alone, as C11 and as C++17, and may be included twice.  X_impl.h is not a
# header but a body that several .c files of its folder compile under different macros.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

export CC=${CC:-gcc} CXX=${CXX:-g++}
generated=$(mktemp -d) # what the build makes of others' descriptions
trap 'rm -rf "$generated"' EXIT
export generated
protoc-c --proto_path=/usr/include/onnx --c_out="$generated" onnx.proto
check() {
    local h=$1 bad=0 unit
    # The last line keeps a header of macros from being an empty unit, which C11 forbids.
    unit=$(printf '#include "%s"\n#include "%s"\nextern int ltd_header_alone;\n' "$h" "$h")
    "$CC" -x c -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Wstrict-prototypes \
        -Werror -fsyntax-only -I. -isystem "$generated" - <<<"$unit" || { echo "$h: not alone as C11"; bad=1; }
    "$CXX" -x c++ -std=c++17 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic \
        -Werror -fsyntax-only -I. -isystem "$generated" - <<<"$unit" || { echo "$h: not alone as C++17"; bad=1; }
    return $bad
}
export -f check

mapfile -t headers < <(find base models env agents trainer -name '*.h' ! -name '*_impl.h' | sort)
[ ${#headers[@]} -gt 0 ] || { echo "headers: found none in $PWD"; exit 1; }
if ! printf '%s\0' "${headers[@]}" | xargs -0 -P "$(nproc)" -I{} bash -c 'check "$1"' _ {}; then
    echo "headers: some of ${#headers[@]} do not compile alone"
    exit 1
fi
echo "headers: ${#headers[@]} compile alone as C11 and C++17"
