#!/bin/bash
# A manual page for ltd, for every verb that it lists and for the configuration, as `meson install`
# makes them; each says what --help says.  TAP on standard output.
#
#     tests/cli/man.sh build/ltd

# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
ltd=$(realpath "$1")
export LC_ALL=C.UTF-8
cd "$tmp" || exit 1

code=0
DESTDIR=$tmp/installed meson install -C "$(dirname "$ltd")" --no-rebuild --tags man,completion >said 2>&1 || code=$?
report "meson installs pages and completion" $code "$(cat said)" || finish
check "completion is where bash looks for it" \
    cmp "$(find installed -path '*/bash-completion/completions/ltd')" "$root/trainer/cli/ltd.bash"
mv "$(find installed -type d -path '*/man')" man
"$ltd" --help >help
verbs=$(sed -n 's/^  \([a-z-]*\)  .*/\1/p' help)
check "one for each verb, and one for ltd" \
    [ "$(ls man/man1)" = "$( (echo ltd.1; sed 's/.*/ltd-&.1/' <<<"$verbs") | sort)" ]
check "and one for the configuration" [ "$(ls man/man5)" = ltd-config.5 ]

# plain PAGE: its text, one line, roff's escapes undone.
plain() { sed 's/\\f[BIR]//g; s/\\-/-/g; s/\\&//g' "$1" | tr -s '\n ' ' '; }

# well_formed PAGE: neither groff nor mandoc finds anything in it, where they are here.
well_formed() {
    local page=$1 name
    name=$(basename "$page")
    if command -v groff >/dev/null; then
        groff -man -Tutf8 -ww -z "$page" >said 2>&1
        report "$name: groff has no warning" "$([ ! -s said ]; echo $?)" "$(cat said)"
    else
        skip "$name: groff has no warning" "groff is not installed"
    fi
    if command -v mandoc >/dev/null; then
        # The date is left out: it would be that of the build.
        mandoc -Tlint -W warning "$page" 2>&1 | grep -v 'missing date' >said
        report "$name: mandoc has no warning" "$([ ! -s said ]; echo $?)" "$(cat said)"
    else
        skip "$name: mandoc has no warning" "mandoc is not installed"
    fi
}

# sections PAGE NAME...: it has them, in that order.
sections() {
    local page=$1
    shift
    check "$(basename "$page"): its sections" [ "$(sed -n 's/^\.SH //p' "$page")" = "$(printf '%s\n' "$@")" ]
}

well_formed man/man1/ltd.1
sections man/man1/ltd.1 NAME SYNOPSIS DESCRIPTION VERBS "EXIT STATUS" ENVIRONMENT FILES "SEE ALSO"
for verb in $verbs; do
    page=man/man1/ltd-$verb.1
    well_formed "$page"
    sections "$page" NAME SYNOPSIS DESCRIPTION OPTIONS "EXIT STATUS" ENVIRONMENT FILES "SEE ALSO"
    # The one of ltd-train and its line in ltd's help agree, too.
    summary=$(sed -n "s/^  $verb  *//p" help)
    plain "$page" >text
    check "$verb: NAME is its line in ltd --help" grep -qF "NAME ltd-$verb - $summary .SH" text
    check "$verb: is in ltd(1)" grep -qxF ".BR ltd\\-${verb//-/\\-} (1)," man/man1/ltd.1
    "$ltd" "$verb" --help >one
    missing=""
    while read -r option; do
        [ "$option" = --usage ] || grep -qF -- " $option" text || missing+=" $option"
    done < <(grep -oE '^ +(-[a-z?], )?--[a-z-]+' one | grep -oE -- '--[a-z-]+')
    report "$verb: every option of --help" "$([ -z "$missing" ]; echo $?)" "missing:$missing"
done

well_formed man/man5/ltd-config.5
plain man/man5/ltd-config.5 >text
missing=""
while read -r key; do
    grep -qF " $key = " text || missing+=" $key"
done < <("$ltd" info --complete | sed -n 's/^--\([a-z0-9_]*\.[a-z0-9_]*\)=.*/\1/p')
report "ltd-config.5: every key" "$([ -z "$missing" ]; echo $?)" "missing:$missing"

code=0
MESON_INSTALL_DESTDIR_PREFIX=$tmp/other "$root/trainer/cli/install_man.sh" /bin/false man || code=$?
check "a program that fails ends the installation" [ $code -ne 0 ]
finish
