"""completions/huskies.bash. Written for bash 3.2, the one that macOS comes with."""

from collections.abc import Iterator, Sequence

from command_tree import Command, Kind, Option, every

_SCRIPT = """\
# bash completion for huskies(1). Written by man/generator: change that, not this.

_huskies() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command="" i
    # --stage=coding comes as three words.
    if [[ $prev == = && $COMP_CWORD -gt 2 ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $cur == = ]]; then
        cur=""
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --project) ((i++)); [[ ${COMP_WORDS[i]} == = ]] && ((i++)) ;;
            -*) ;;
            *)
                command="${command:+$command }${COMP_WORDS[i]}"
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
    return f"{pattern}) {_offer(option)} ;;"


def _offer(option: Option) -> str:
    match option.kind:
        case Kind.WORDS:
            words = " ".join(option.words)
            return f'_huskies_words "{words}"'
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
            after = "_huskies_paths -f" if command.arguments is Kind.FILE else ":"
            yield f'"{command.name}") {_either((*command.options, *common), after)} ;;'


def _either(options: Sequence[Option], otherwise: str) -> str:
    flags = " ".join(name for option in options for name in option.names)
    return f'if [[ $cur == -* ]]; then _huskies_words "{flags}"; else {otherwise}; fi'


def _names(commands: Sequence[Command]) -> str:
    names = " ".join(command.path[-1] for command in commands if not command.hidden)
    return f'_huskies_words "{names}"'
