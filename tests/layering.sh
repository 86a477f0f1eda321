#!/bin/bash
# Layers look down only.  Fails on every #include that points up, sideways or past a wall:
#
#     base < models < env < agents < trainer < trainer/cli
#     inside models: files < text, kernels < llm;  torch sees base and kernels
#
#     - models/torch is seen by agents and trainer only; libtorch by models/torch only
#     - HDF5 is seen by trainer only
#     - X_priv.h and X_impl.h stay in their folder; includes are written from the root
#
#     tests/layering.sh [FOLDER]        the project, or another tree of this shape
#     tests/layering.sh --self-test     each kind of bad include is found, good ones are not
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

check() { # FOLDER
    local folders=() d
    for d in base models env agents trainer; do [ -d "$1/$d" ] && folders+=("$d"); done
    [ ${#folders[@]} -gt 0 ] || { echo "layering: no layer folder in $1"; return 1; }
    (cd "$1" && find "${folders[@]}" -type f \
        \( -name '*.c' -o -name '*.h' -o -name '*.cc' -o -name '*.inc' -o -name '*.cu' \) -print0 |
        sort -z | xargs -0 -r awk '
    function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
    # The unit a path belongs to: a layer, or a part of one that has an order of its own.
    function unit(path) {
        if (match(path, /^models\/(files|text|kernels|llm|torch)\//)) return substr(path, 1, RLENGTH - 1)
        if (path ~ /^trainer\/cli\//) return "trainer/cli"
        if (match(path, /^(base|models|env|agents|trainer)\//)) return substr(path, 1, RLENGTH - 1)
        return ""
    }
    function bad(why) { printf "%s:%d: %s\n    %s\n", FILENAME, FNR, why, $0; n_bad++ }
    BEGIN {
        rank["base"] = 0
        rank["models/files"] = 10; rank["models/text"] = 11; rank["models/kernels"] = 11
        rank["models/llm"] = 12; rank["models/torch"] = 13; rank["models"] = 14
        rank["env"] = 20; rank["agents"] = 30; rank["trainer"] = 40; rank["trainer/cli"] = 50
    }
    FNR == 1 { n_files++; from = unit(FILENAME) }
    /^[ \t]*#[ \t]*include/ {
        n_includes++
        line = $0
        if (match(line, /<[^>]+>/)) {
            name = substr(line, RSTART + 1, RLENGTH - 2)
            if (name ~ /^(torch|ATen|c10|caffe2)\// && from != "models/torch") bad("libtorch outside models/torch")
            if (name ~ /^(hdf5|H5)/ && from !~ /^trainer/) bad("HDF5 outside trainer")
            if (unit(name) != "") bad("a header of ours in angle brackets")
            next
        }
        if (!match(line, /"[^"]+"/)) { bad("an include that cannot be read"); next }
        name = substr(line, RSTART + 1, RLENGTH - 2)
        to = unit(name)
        if (to == "") { bad("not written from the root of the project"); next }
        if (name ~ /_(priv|impl)\.h$/ && folder(name) != folder(FILENAME)) bad("a private header of another folder")
        if (to == from) next
        if (rank[to] > rank[from]) bad(from " includes " to ": upward")
        else if (rank[to] == rank[from]) bad(from " includes " to ": sideways")
        else if (from == "models/torch" && to != "base" && to != "models/kernels") bad("models/torch includes " to ", may see base and models/kernels alone")
        else if (to == "models/torch" && from !~ /^(agents|trainer)/) bad(from " includes models/torch, only agents and trainer may")
    }
    END {
        if (n_bad) printf "layering: %d of %d includes break it\n", n_bad, n_includes
        else printf "layering: %d includes in %d files look down only\n", n_includes, n_files
        exit n_bad > 0
    }')
}

self_test() {
    local tree failed=0 n=0 path text want got
    tree=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$tree'" EXIT
    mkdir -p "$tree"/{base,env,agents,trainer/cli} "$tree"/models/{files,text,kernels,llm,torch}
    while IFS='|' read -r want path text; do
        n=$((n + 1))
        printf '%s\n' "$text" >"$tree/$path"
        if (check "$tree") >"$tree/out" 2>&1; then got=good; else got=bad; fi
        # A finding must name the file and the line.
        if [ "$got" = bad ] && ! grep -q "^$path:1: " "$tree/out"; then got="bad, but unnamed"; fi
        if [ "$got" != "$want" ]; then
            failed=$((failed + 1))
            echo "self-test: $path with '$text' is $got, expected $want"
        fi
        rm "$tree/$path"
    done <<'CASES'
bad|base/a.c|#include "models/files/gguf.h"
bad|base/a.c|#include "env/tree.h"
bad|models/files/a.c|#include "models/text/chat.h"
bad|models/text/a.c|#include "models/kernels/pool.h"
bad|models/kernels/a.h|#include "models/text/chat.h"
bad|models/kernels/a.c|#include "models/llm/model.h"
bad|models/llm/a.c|#include "env/tree.h"
bad|models/llm/a.c|#include "models/torch/ltd_torch.h"
bad|models/torch/a.cc|#include "models/files/dtype.h"
bad|models/torch/a.cc|#include "env/tree.h"
bad|env/a.c|#include "agents/agent.h"
bad|env/a.h|  #  include "trainer/ppo/ppo.h"
bad|env/a.c|#include "models/torch/ltd_torch.h"
bad|agents/a.c|#include "trainer/ppo/ppo.h"
bad|trainer/a.c|#include "trainer/cli/opts.h"
bad|env/a.c|#include "tree.h"
bad|env/a.c|#include "../agents/agent.h"
bad|env/a.c|#include <agents/agent.h>
bad|env/a.c|#include "tests/support/golden.h"
bad|env/a.c|#include <torch/torch.h>
bad|agents/a.c|#include <hdf5.h>
bad|env/a.c|#include "models/kernels/simd_priv.h"
bad|models/llm/a.c|#include "models/kernels/ops_impl.h"
good|base/a.c|#include "base/status.h"
good|models/llm/a.c|#include "models/kernels/simd.h"
good|models/text/a.c|#include "models/files/gguf.h"
good|models/torch/a.cc|#include <ATen/ATen.h>
good|models/torch/a.cc|#include "models/kernels/gemm.h"
good|models/torch/a.cc|#include "base/status.h"
good|models/kernels/a.c|#include "models/kernels/simd_priv.h"
good|env/a.c|#include "models/llm/model.h"
good|agents/a.c|#include "models/torch/ltd_torch.h"
good|trainer/a.c|#include <hdf5.h>
good|trainer/cli/a.c|#include "trainer/ppo/ppo.h"
good|env/a.c|/* see agents/agent.h */
CASES
    if [ $failed -gt 0 ]; then
        echo "layering: $failed of $n self-test cases are wrong"
        return 1
    fi
    echo "layering: $n self-test cases as expected"
}

case "${1:-}" in
    --self-test) self_test ;;
    *) check "${1:-$here}" ;;
esac
