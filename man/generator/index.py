"""cli/huskies_cli/command_index.py: the name, panel and one-line help of each command, and where it is defined."""

import json
import pkgutil
from collections.abc import Iterator
from importlib import import_module

import huskies_cli.commands
import huskies_core.operations
from huskies_cli.command import OwnCommand
from huskies_cli.entry import Entry
from huskies_core.operations import moves
from huskies_core.operations.operation import PROJECT, RUNS, Operation, operations_in

_FIRST = """
init demo config doctor
add list show edit update export import status explain history cost audit
"""
_MOVES = tuple(move.command.name for move in operations_in(moves) if move.command)
_LAST = """
pause resume agent run logs worktree rescue
tool service completion help mcp timer trigger
watch tick reconcile auto-assign watchdog gc worktrees archive-done cost-rollup
merge-recovery merge-block audit-log fire-timers fire-triggers notify relay
perform deliver advance
"""
ORDER = (*_FIRST.split(), *_MOVES, *_LAST.split())
"""The order in which help lists commands. Commands that are not in it follow by name."""
GROUPS = {
    "agent": ("List, start and stop agents, and print their prompts.", RUNS, "list start stop test prompt"),
    "run": ("List, show and end runs.", RUNS, "list show kill"),
    "worktree": ("Find the worktrees of stories.", RUNS, "list path"),
    "rescue": ("Find and restore rescued work.", RUNS, "list restore"),
    "timer": ("Run actions at a time.", RUNS, "add list cancel"),
    "trigger": ("Run actions when stories move.", RUNS, "add list cancel"),
    "config": ("Check, read and change the configuration.", PROJECT, "check get set show mcp"),
    "service": ("Run tick from systemd or cron.", PROJECT, "install uninstall show"),
    "tool": ("Call any operation by its name, with JSON.", PROJECT, "list call"),
}
"""The groups, each with its help, its panel and the order of its commands."""

_HEAD = '''\
"""The index of commands. Written by man/generator from the definitions: change those, not this."""

from huskies_cli.entry import Entry

# fmt: off
COMMANDS = (
'''


def script() -> str:
    """Return the text of the index, with a line for each command."""
    return f"{_HEAD}{''.join(map(_row, read_entries()))})\n"


def read_entries() -> tuple[Entry, ...]:
    """Return the index as the definitions have it."""
    commands = dict(_definitions())
    for name, (text, panel, order) in GROUPS.items():
        children = (commands.pop(f"{name} {child}")._replace(name=child) for child in order.split())
        commands[name] = Entry(name, text, panel=panel, children=tuple(children))
    return tuple(commands[name] for name in (*ORDER, *sorted(commands.keys() - set(ORDER))))


def _definitions() -> Iterator[tuple[str, Entry]]:
    for package in (huskies_core.operations, huskies_cli.commands):
        for found in pkgutil.iter_modules(package.__path__):
            module = import_module(f"{package.__name__}.{found.name}")
            for name, item in vars(module).items():
                if not isinstance(item, Operation | OwnCommand) or item.command is None:
                    continue
                if item.function.__module__ == module.__name__:
                    text, command = item.help.splitlines()[0], item.command
                    panel = command.panel or None
                    entry = Entry(command.name, text, module.__name__, name, panel, command.is_hidden)
                    yield command.name, entry


def _row(entry: Entry, indent: str = "    ") -> str:
    """Return the line of a command, or those of a group."""
    places = (entry.name, entry.help, entry.module, entry.name_there)
    values = [json.dumps(text, ensure_ascii=False) for text in places if text]
    values += [f"panel={json.dumps(entry.panel)}"] if entry.panel else []
    values += ["hidden=True"] if entry.hidden else []
    if entry.children:
        rows = "".join(_row(child, f"{indent}    ") for child in entry.children)
        values.append(f"children=(\n{rows}{indent})")
    return f"{indent}Entry({', '.join(values)}),\n"
