"""The pages that 'huskies help' opens."""

from huskies_cli.command_index import COMMANDS
from huskies_cli.entry import Entry

PAGES = {"pipeline": 7, "project.toml": 5, "agents.toml": 5}
"""The pages that describe no command, with their sections."""
_ABOUT = {
    "pipeline": "The stages and events.",
    "project.toml": "The settings of a project.",
    "agents.toml": "The agents of a project.",
}


def pages_after(words: list[str]) -> list[tuple[str, str]]:
    """Return the commands and pages that can follow these words, each with its description."""
    entries: tuple[Entry, ...] = COMMANDS
    for word in words:
        entries = children_of(entries, word)
    more = [] if words else list(_ABOUT.items())
    return [*((entry.name, entry.help) for entry in entries if not entry.hidden), *more]


def children_of(entries: tuple[Entry, ...], name: str) -> tuple[Entry, ...]:
    """Return the commands of a group; an empty tuple for a command."""
    return next((entry.children for entry in entries if entry.name == name), ())
