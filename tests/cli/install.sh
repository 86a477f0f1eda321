#!/bin/bash
# What `meson install` leaves: a library that exports what its headers declare and nothing else, a
# pkg-config file with which the example builds, programs that find their data.  TAP on standard
# output.
#
#     tests/cli/install.sh BUILD

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
prefix=$("$root/tests/support/stage" "$1" "$tmp/stage") || { check "meson install" false; finish; }
export LC_ALL=C PKG_CONFIG_PATH LD_LIBRARY_PATH
library=$(find "$prefix" -name libltd.so)
LD_LIBRARY_PATH=$(dirname "$library")
PKG_CONFIG_PATH=$LD_LIBRARY_PATH/pkgconfig
cd "$tmp" || exit 1
tiny=(--model "$root/tests/support/tiny_model" --head "$root/tests/golden/eagle3/session")

check "a shared library with a soversion" [ -e "$library.0" ]
report "pkg-config knows it" "$(pkg-config --modversion ltd >out 2>err; echo $?)" "$(cat err)"
headers=$(cd "$prefix/include/ltd" && find . -name '*.h' | sed 's,^\./,,' | sort)
check "no header of ours that is private is installed" \
    [ -z "$(grep -E '_(priv|impl)\.h$|^trainer/cli|^models/torch' <<<"$headers")" ]

# --- symbols ----------------------------------------------------------------------------------------
nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >exported
# shellcheck disable=SC2086 # a word each
(cd "$prefix/include/ltd" && cat $headers) | sed '/^#/d' | tr '\n' ' ' |
    sed 's,/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/, ,g' | tr ';{}' '\n' | grep -v 'typedef\|static' |
    grep -oE '\bltd_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u >declared
report "what headers declare is exported, and nothing else" "$(comm -3 exported declared | wc -l)" \
    "$(comm -3 exported declared)"
for f in ltd_env_step ltd_world_open ltd_config_load ltd_policy_load ltd_solo_step ltd_err_set; do
    check "it exports $f" grep -qx $f exported
done
check "libtorch is not among what it needs" \
    [ -z "$(readelf -d "$library" | grep NEEDED | grep -E 'torch|c10')" ]

# --- headers and the example ------------------------------------------------------------------------
for h in $headers; do echo "#include \"$h\""; done >all.c
echo 'extern int ltd_headers;' >>all.c
read -ra cflags <<<"$(pkg-config --cflags ltd)"
read -ra libs <<<"$(pkg-config --libs ltd)"
report "all headers as C11" \
    "$(cc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only "${cflags[@]}" all.c >out 2>&1; echo $?)" "$(cat out)"
report "all headers as C++17" \
    "$(c++ -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only "${cflags[@]}" all.c >out 2>&1; echo $?)" "$(cat out)"
cc -std=c11 -Wall -Wextra -Wpedantic -Werror "${cflags[@]}" "$root/examples/embed.c" -o embed "${libs[@]}" >out 2>&1
report "the example builds with pkg-config alone" $? "$(cat out)" || finish

settings=("model.path=$root/tests/support/tiny_model" "head.path=$root/tests/golden/eagle3/session"
    env.max_new=24 model.context=256 env.max_prompt=64)
./embed static-2-4 "what is it?" "${settings[@]}" >drafted 2>err
report "it answers a prompt" $? "$(cat err)"
./embed ar "what is it?" "${settings[@]}" >plain 2>err
report "plainly, too" $? "$(cat err)"
check "in words that can be told apart" grep -q xqqqq plain
check "in the same words" [ "$(sed '$d' drafted)" = "$(sed '$d' plain)" ]
check "and tells what it took" grep -qE '^24 tokens, [0-9.]+ a cycle, [0-9]+ tok/s$' drafted
"$prefix/bin/ltd" generate "${tiny[@]}" --model.context=256 --env.max_prompt=64 --policy ar \
    --max-tokens 24 "what is it?" >generated 2>err
report "the installed ltd generates" $? "$(cat err)"
check "what the example does" [ "$(cat generated)" = "$(sed '$d' plain | sed '$d')" ]
code=0
./embed ar hello model.path=/none >out 2>err || code=$?
check "the example tells what is wrong" [ "$code $(cat err)" = "1 embed: model: /none: No such file or directory" ]
code=0
./embed runs/none hello "${settings[@]}" >out 2>err || code=$?
report "a policy that isn't there" "$([ $code -eq 1 ] && grep -q '^embed: .*runs/none' err; echo $?)" "$(cat err)"

# --- data -------------------------------------------------------------------------------------------
"$prefix/bin/ltd" check-env "${tiny[@]}" --model.context=512 --env.max_prompt=400 \
    --steps 3 >out 2>err
report "programs find prompts in share/ltd" $? "$(cat out err)"
"$prefix/bin/ltd" train --dry-run "${tiny[@]}" --model.context=512 --env.max_prompt=400 >out 2>err
report "ltd hands training to the installed ltd-train" $? "$(cat err)"
finish
