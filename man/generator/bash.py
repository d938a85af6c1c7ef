"""completions/huskies.bash. Written for bash 3.2, the one that macOS comes with."""

from collections.abc import Iterator, Sequence

from command_tree import Command, Kind, Option, Value, every

_SCRIPT = """\
# bash completion for huskies(1). Written by man/generator: change that, not this.

_huskies() {
    local words=() cur prev command="" i last=-1 word
    # bash breaks a:b into three words: here it is one.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        ((i > 0)) && word=${words[last]}${COMP_WORDS[i]} || word=""
        if [[ $word == *:* && $COMP_LINE == *"$word"* ]]; then
            words[last]=$word
        else
            words[++last]=${COMP_WORDS[i]}
        fi
    done
    cur=${words[last]} prev=${words[last - 1]}
    # --stage=coding comes as three words.
    if [[ $prev == = && $last -gt 2 ]]; then
        prev=${words[last - 2]}
    elif [[ $cur == = ]]; then
        cur=""
    fi
    for ((i = 1; i < last; i++)); do
        case ${words[i]} in
            --project) ((i++)); [[ ${words[i]} == = ]] && ((i++)) ;;
            -*) ;;
            *)
                command="${command:+$command }${words[i]}"
                case $command in
                    @GROUPS@) ;;
                    *) break ;;
                esac
                ;;
        esac
    done
    COMPREPLY=()
    _huskies_value "$command" "$prev" || _huskies_word "$command"
}

_huskies_words() {
    local word
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$1" -- "$cur")
}

# Whether no argument has been typed behind the command: i is where that ends.
_huskies_is_first() {
    local word
    for word in "${words[@]:i + 1:last - i - 1}"; do [[ $word == -* ]] || return 1; done
}

# What the project has now: a value a line, and behind a tab what it is. Values are the same to a shell as they stand;
# the rest is shown where bash lists, and never where it inserts.
_huskies_offers() {
    local value about values=() shown=()
    type -P huskies >/dev/null || return
    while IFS=$'\t' read -r value about; do
        # bash inserts what comes after the last colon that there is already.
        values+=("${value#"${cur%"${cur##*:}"}"}")
        shown+=("$value${about:+  $about}")
    done < <(command huskies __complete "$1" "$cur" "${words[@]:1:last - 1}" 2>/dev/null)
    if [[ ${COMP_TYPE:-9} == 63 ]] && ((${#values[@]} > 1)); then
        COMPREPLY=("${shown[@]}")
    else
        COMPREPLY=("${values[@]}")
    fi
}

_huskies_paths() {
    local word
    compopt -o filenames 2>/dev/null
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen "$1" -- "$cur")
}

# What follows an option; fails where the word before is none that takes a value.
_huskies_value() {
    case "$1:$2" in
@VALUES@
        *) return 1 ;;
    esac
}

_huskies_word() {
    case "$1" in
@WORDS@
    esac
}

complete -F _huskies huskies
"""


def script(commands: Sequence[Command], program: Sequence[Option], common: Sequence[Option]) -> str:
    groups = "|".join(command.name for command in commands if command.children)
    values = "\n".join(f"        {line}" for line in _values(commands, common))
    words = "\n".join(f"        {line}" for line in _words(commands, program, common))
    text = _SCRIPT.replace("@GROUPS@", groups)
    return text.replace("@VALUES@", values).replace("@WORDS@", words)


def _values(commands: Sequence[Command], common: Sequence[Option]) -> Iterator[str]:
    for option in common:
        if option.takes_value:
            yield _value("*", option)
    for command in every(commands):
        for option in command.options:
            if option.takes_value and not command.hidden:
                yield _value(f'"{command.name}"', option)


def _value(place: str, option: Option) -> str:
    pattern = "|".join(f"{place}:{name}" for name in option.names)
    return f"{pattern}) {_offer(option.takes)} ;;"


def _offer(value: Value) -> str:
    match value.kind:
        case Kind.WORDS:
            first = "_huskies_is_first && " if value.first else ""
            return f'{first}_huskies_words "{" ".join(value.words)}"'
        case Kind.OFFERS:
            return f"_huskies_offers {value.offers}"
        case Kind.FILE:
            return "_huskies_paths -f"
        case Kind.FOLDER:
            return "_huskies_paths -d"
        case Kind.OTHER | Kind.NOTHING:
            return ":"


def _words(commands: Sequence[Command], program: Sequence[Option], common: Sequence[Option]) -> Iterator[str]:
    yield f'"") {_either(program, _names(commands))} ;;'
    for group in (command for command in commands if command.children):
        yield f'"{group.name}") {_either(common, _names(group.children))} ;;'
    for command in every(commands):
        if not command.hidden:
            flags = (*command.options, *common)
            yield f'"{command.name}") {_either(flags, _offer(command.arguments))} ;;'


def _either(options: Sequence[Option], otherwise: str) -> str:
    flags = " ".join(name for option in options for name in option.names)
    return f'if [[ $cur == -* ]]; then _huskies_words "{flags}"; else {otherwise}; fi'


def _names(commands: Sequence[Command]) -> str:
    names = " ".join(command.path[-1] for command in commands if not command.hidden)
    return f'_huskies_words "{names}"'
