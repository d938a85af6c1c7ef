"""What 'huskies help' can be asked for."""

from huskies_cli.commands import COMMANDS, Entry

PAGES = {"pipeline": 7, "project.toml": 5, "agents.toml": 5}
"""The pages that are of no command, with their sections."""
_ABOUT = {
    "pipeline": "What stages and events there are.",
    "project.toml": "The settings of a project.",
    "agents.toml": "The agents of a project.",
}


def pages_after(words: list[str]) -> list[tuple[str, str]]:
    """What can come after these words, each with what it is: commands and pages, then the commands of a group."""
    entries: tuple[Entry, ...] = COMMANDS
    for word in words:
        entries = children_of(entries, word)
    more = [] if words else list(_ABOUT.items())
    return [*((entry.name, entry.help) for entry in entries if not entry.hidden), *more]


def children_of(entries: tuple[Entry, ...], name: str) -> tuple[Entry, ...]:
    """The commands of that group; none where it is no group."""
    return next((entry.children for entry in entries if entry.name == name), ())
