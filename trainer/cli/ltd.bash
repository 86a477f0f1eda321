# Completion of ltd in bash.  The program itself tells verbs, options, keys and values, once for each
# verb and shell.
#
#     . trainer/cli/ltd.bash
#
# shellcheck shell=bash

declare -gA _ltd_told=()

# What the program at the head of the line tells.
_ltd_ask() {
    local program=${COMP_WORDS[0]/#\~/$HOME}
    "$program" "$@" 2>/dev/null
}

# _ltd_offer STEM WORD CANDIDATES: those that begin with WORD, STEM in front of each.
_ltd_offer() {
    local word
    COMPREPLY=()
    while read -r word; do
        [[ -n $word ]] && COMPREPLY+=("$1$word")
    done < <(compgen -W "$3" -- "$2")
    # More is to come behind --name= and --section.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == --*[=.] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

# _ltd_value STEM WORD KIND VALUES: what may stand behind an option, or as an argument.
_ltd_value() {
    local stem=$1 word=$2 file
    if [[ $3 == list && $word == *,* ]]; then
        stem+=${word%,*},
        word=${word##*,}
    fi
    _ltd_offer "$stem" "$word" "$4"
    [[ $3 == file ]] || return
    compopt -o filenames 2>/dev/null
    while IFS= read -r file; do COMPREPLY+=("$stem$file"); done < <(compgen -f -- "$word")
}

# _ltd_names WORD: options; sections of the configuration, and behind the dot their keys.
_ltd_names() {
    local name names=""
    while IFS='|' read -r name _; do
        [[ $name == *.* && $1 != *.* ]] && name=${name%%.*}.
        [[ -n $name ]] && names+=$name$'\n'
    done <<<"${_ltd_told[$verb]}"
    _ltd_offer "" "$1" "$(sort -u <<<"$names")"
}

_ltd() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local verb=${COMP_WORDS[1]} option="" stem="" name kind values
    COMPREPLY=()
    if ((COMP_CWORD == 1)) || [[ $COMP_CWORD -eq 2 && $verb == help ]]; then
        _ltd_offer "" "$word" "$(_ltd_ask --complete) help --help --version"
        return
    fi
    [[ -n ${_ltd_told[$verb]:-} ]] || _ltd_told[$verb]=$(_ltd_ask "$verb" --complete)
    # --name=VALUE is one word, or three where = parts words; or --name VALUE.
    if [[ $word == --*=* ]]; then
        option=${word%%=*}
        stem=$option=
        word=${word#*=}
    elif [[ $word == "=" ]]; then
        option=$before
        word=""
    elif [[ $before == "=" ]] && ((COMP_CWORD > 3)); then
        option=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $word != -* && $before == --* ]]; then
        option=$before
    fi
    if [[ -z $option && $word == -* ]]; then
        _ltd_names "$word"
        return
    fi
    while IFS='|' read -r name kind values; do
        # An option that takes no value is followed by an argument.
        [[ $name == "$option" ]] && option=""
        [[ -n $option && $name == "$option=" ]] && break
    done <<<"${_ltd_told[$verb]}"
    if [[ -z $option ]]; then
        IFS='|' read -r name kind values <<<"${_ltd_told[$verb]}"
        [[ -z $name ]] || return
    fi
    _ltd_value "$stem" "$word" "$kind" "$values"
}

complete -F _ltd ltd
