"""The commands without subcommands, by name: `agent list`."""

from huskies_cli.command_index import COMMANDS
from huskies_cli.entry import Entry


def leaves(entries: tuple[Entry, ...] = COMMANDS, before: str = "") -> list[tuple[str, Entry]]:
    """Return the rows without rows below them, hidden ones too."""
    named = [(f"{before}{entry.name}", entry) for entry in entries]
    return [
        row
        for name, entry in named
        for row in ([(name, entry)] if not entry.children else leaves(entry.children, f"{name} "))
    ]
