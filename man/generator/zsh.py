"""completions/_huskies, for zsh: a function for each command."""

from collections.abc import Iterator, Sequence

from command_tree import Command, Kind, Option, Value

_HEAD = """\
#compdef huskies
# zsh completion for huskies(1). Written by man/generator: change that, not this.

# What the project has now: a value a line, and behind a tab what it is.
_huskies_offers() {
    local -a values shown
    local offer
    (( $+commands[huskies] )) || return 1
    while IFS= read -r offer; do
        values+=("${offer%%$'\t'*}")
        shown+=("${(j:  -- :)${(ps:\t:)offer}}")
    done < <(command huskies __complete "$1" "$PREFIX" "${huskies_typed[@]}" 2>/dev/null)
    compadd -V offers -l -d shown -a values
}
"""
_GROUP = """
{function}() {{
    local -a names
    local context state state_descr line
    typeset -A opt_args{typed}
    names=(
{rows}
    )
    _arguments -C -A "-*" \\
{options} \\
        '1:command:->command' \\
        '*::argument:->arguments'
    case $state in
        command) _describe -t commands command names ;;
        arguments)
            case $line[1] in
{cases}
            esac
            ;;
    esac
}}
"""
_COMMAND = """
{function}() {{
    _arguments -S \\
{options}
}}
"""


def script(commands: Sequence[Command], program: Sequence[Option], common: Sequence[Option]) -> str:
    shown = [command for command in commands if not command.hidden]
    functions = (text for command in shown for text in _functions(command, common))
    return "".join((_HEAD, _group((), shown, program), *functions, '\n_huskies "$@"\n'))


def _functions(command: Command, common: Sequence[Option]) -> Iterator[str]:
    if command.children:
        yield _group(command.path, command.children, common)
    for child in command.children or (command,):
        options = "".join(f"{line} \\\n" for line in _specs((*child.options, *common)))
        yield _COMMAND.format(function=_function(child.path), options=f"{options}        {_argument(child)}")


def _group(path: tuple[str, ...], children: Sequence[Command], options: Sequence[Option]) -> str:
    described = (_quoted(f"{child.path[-1]}:{child.help}") for child in children)
    rows = "\n".join(f"        {row}" for row in described)
    cases = "\n".join(f"                {child.path[-1]}) {_function(child.path)} ;;" for child in children)
    lines = " \\\n".join(_specs(options))
    typed = "" if path else '\n    local -a huskies_typed=("${(@Q)words[2,CURRENT-1]}")'
    return _GROUP.format(function=_function(path), rows=rows, cases=cases, options=lines, typed=typed)


def _function(path: tuple[str, ...]) -> str:
    return "_".join(("_huskies", *(part.replace("-", "_") for part in path)))


def _specs(options: Sequence[Option]) -> Iterator[str]:
    for option in options:
        for name in option.names:
            equals = "=" if option.takes_value and name.startswith("--") else ""
            spec = _quoted(f"*{name}{equals}[{_plain(option.help)}]{_after(option.metavar, option.takes)}")
            yield f"        {spec}"


def _after(metavar: str, value: Value) -> str:
    match value.kind:
        case Kind.NOTHING:
            return ""
        case Kind.WORDS:
            return f":{metavar}:({' '.join(value.words)})"
        case Kind.OFFERS:
            return f":{metavar}: _huskies_offers {value.offers}"
        case Kind.FILE:
            return f":{metavar}:_files"
        case Kind.FOLDER:
            return f":{metavar}:_files -/"
        case Kind.OTHER:
            return f":{metavar}: "


def _argument(command: Command) -> str:
    name = "path" if command.arguments.kind is Kind.FILE else "argument"
    if command.arguments.first:
        return f"{_quoted(f'1{_after(name, command.arguments)}')} \\\n        '*:{name}: '"
    return _quoted(f"*{_after(name, command.arguments)}")


def _plain(text: str) -> str:
    return text.replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
