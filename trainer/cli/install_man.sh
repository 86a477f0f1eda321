#!/bin/sh
# The manual pages, as the programs print them: one of ltd, one of each verb, one of the configuration.
#
#     trainer/cli/install_man.sh build/ltd MANDIR       MANDIR below the prefix of the installation
set -eu
ltd=$1
case $2 in
    /*) dir=${DESTDIR:-}$2 ;;
    *) dir=${MESON_INSTALL_DESTDIR_PREFIX:?run by meson install}/$2 ;;
esac

mkdir -p "$dir/man1" "$dir/man5"
"$ltd" --man >"$dir/man1/ltd.1"
"$ltd" --man=config >"$dir/man5/ltd-config.5"
for verb in $("$ltd" --complete); do
    "$ltd" "$verb" --man >"$dir/man1/ltd-$verb.1"
done
