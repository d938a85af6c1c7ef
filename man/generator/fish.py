"""completions/huskies.fish: a line for each thing that can be typed."""

from collections.abc import Iterator, Sequence

from command_tree import Command, Kind, Option, Value, every

_HEAD = """\
# fish completion for huskies(1). Written by man/generator: change that, not this.

# Whether the command typed so far is this one; without one: whether none has been typed.
function __huskies_at
    set -l path
    set -l tokens (commandline -opc)
    set -e tokens[1]
    while set -q tokens[1]
        switch $tokens[1]
            case --project
                set -e tokens[1]
            case '-*'
            case '*'
                set -a path $tokens[1]
                contains -- "$path" @GROUPS@; or break
        end
        set -e tokens[1]
    end
    test "$path" = "$argv"
end

# Whether nothing but options has been typed behind a command of that many words.
function __huskies_is_first
    set -l words
    set -l tokens (commandline -opc)
    set -e tokens[1]
    while set -q tokens[1]
        switch $tokens[1]
            case --project
                set -e tokens[1]
            case '-*'
            case '*'
                set -a words $tokens[1]
        end
        set -e tokens[1]
    end
    test (count $words) = $argv
end

# What the project has now: a value a line, and behind a tab what it is.
function __huskies_offers
    set -l typed (commandline -opc)
    command -q huskies; and command huskies __complete $argv (commandline -ct) $typed[2..-1] 2>/dev/null
end

complete -c huskies -f
"""


def script(commands: Sequence[Command], program: Sequence[Option], common: Sequence[Option]) -> str:
    groups = [command for command in commands if command.children]
    lines = [line for option in program for line in _option("", option, common)]
    lines += _names("", commands)
    for group in groups:
        lines += _names(group.name, group.children)
    for command in every(commands):
        if not command.hidden:
            lines += _of_command(command)
    head = _HEAD.replace("@GROUPS@", " ".join(group.name for group in groups))
    return head + "".join(f"{line}\n" for line in lines)


def _names(place: str, commands: Sequence[Command]) -> list[str]:
    return [
        f"complete -c huskies -n {_at(place)} -a {command.path[-1]} -d {_quoted(command.help)}"
        for command in commands
        if not command.hidden
    ]


def _of_command(command: Command) -> Iterator[str]:
    match command.arguments.kind:
        case Kind.FILE:
            yield f"complete -c huskies -n {_at(command.name)} -F"
        case Kind.WORDS | Kind.OFFERS:
            place = _at(command.name)
            if command.arguments.first:
                place = _quoted(f"__huskies_at {command.name}; and __huskies_is_first {len(command.path)}")
            yield f"complete -c huskies -n {place} -k -a {_offered(command.arguments)}"
        case Kind.NOTHING | Kind.FOLDER | Kind.OTHER:
            pass
    for option in command.options:
        yield from _option(command.name, option, ())


def _option(place: str, option: Option, common: Sequence[Option]) -> Iterator[str]:
    """An option of every command has no condition."""
    where = "" if option in common else f" -n {_at(place)}"
    names = " ".join(
        f"-l {name.removeprefix('--')}" if name.startswith("--") else f"-s {name.removeprefix('-')}"
        for name in option.names
    )
    yield f"complete -c huskies{where} {names}{_after(option.takes)} -d {_quoted(option.help)}"


def _after(value: Value) -> str:
    match value.kind:
        case Kind.NOTHING:
            return ""
        case Kind.WORDS | Kind.OFFERS:
            return f" -x -k -a {_offered(value)}"
        case Kind.FILE:
            return " -r -F"
        case Kind.FOLDER:
            return " -x -a '(__fish_complete_directories)'"
        case Kind.OTHER:
            return " -x"


def _offered(value: Value) -> str:
    return _quoted(f"(__huskies_offers {value.offers})" if value.offers else " ".join(value.words))


def _at(place: str) -> str:
    return _quoted(f"__huskies_at {place}".strip())


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
