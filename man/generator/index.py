"""cli/huskies_cli/command_index.py: the name, panel and one-line help of each command, and where it is defined."""

import json
import pkgutil
from collections.abc import Iterator
from importlib import import_module

import huskies_cli.commands
import huskies_core.operations
from huskies_cli.command import OwnCommand
from huskies_cli.entry import Entry
from huskies_core.operations.operation import PROJECT, RUNS, Command, Operation

ORDER = (
    *("init", "demo", "config", "doctor"),
    *("add", "list", "show", "edit", "update", "export", "import"),
    *("status", "explain", "history", "cost", "audit"),
    *("start", "approve", "reject", "block", "unblock", "freeze", "unfreeze", "demote", "retry", "resolve"),
    *("merged", "close", "abandon", "supersede", "reopen"),
    *("pause", "resume", "agent", "run", "logs", "worktree", "rescue"),
    *("tool", "service", "completion", "help", "mcp", "timer", "trigger"),
    *(
        "watch",
        "tick",
        "reconcile",
        "auto-assign",
        "watchdog",
        "gc",
        "worktrees",
        "archive-done",
        "cost-rollup",
    ),
    *("merge-recovery", "merge-block", "audit-log", "fire-timers", "fire-triggers", "notify", "relay"),
    *("perform", "deliver", "advance"),
)
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

COMMANDS = (
'''


def script() -> str:
    """Return the text of the index."""
    return f"{_HEAD}{''.join(_row(entry) for entry in read_entries())})\n"


def read_entries() -> tuple[Entry, ...]:
    """Return the index as the definitions have it."""
    commands = dict(_definitions())
    groups = {
        name: Entry(
            name,
            text,
            panel=panel,
            children=tuple(commands.pop(f"{name} {child}")._replace(name=child) for child in order.split()),
        )
        for name, (text, panel, order) in GROUPS.items()
    }
    entries = {**commands, **groups}
    ordered = [*ORDER, *sorted(entries.keys() - set(ORDER))]
    return tuple(entries[name] for name in ordered)


def _definitions() -> Iterator[tuple[str, Entry]]:
    for package in (huskies_core.operations, huskies_cli.commands):
        for found in pkgutil.iter_modules(package.__path__):
            module = import_module(f"{package.__name__}.{found.name}")
            for name, item in vars(module).items():
                if not isinstance(item, Operation | OwnCommand) or item.command is None:
                    continue
                if item.function.__module__ == module.__name__:
                    yield item.command.name, _entry(item.command, item.help, module.__name__, name)


def _entry(command: Command, text: str, module: str, name: str) -> Entry:
    return Entry(command.name, text.splitlines()[0], module, name, command.panel or None, command.is_hidden)


def _row(entry: Entry, indent: str = "    ") -> str:
    """Return a row as the formatter writes it."""
    fields = [entry.name, entry.help]
    lines = [f"{json.dumps(text, ensure_ascii=False)},\n" for text in fields]
    lines += [f"{name}={json.dumps(value, ensure_ascii=False)},\n" for name, value in _named(entry)]
    lines += ["hidden=True,\n"] if entry.hidden else []
    text = "".join(f"{indent}    {line}" for line in lines)
    if entry.children:
        rows = "".join(_row(child, f"{indent}        ") for child in entry.children)
        text += f"{indent}    children=(\n{rows}{indent}    ),\n"
    return f"{indent}Entry(\n{text}{indent}),\n"


def _named(entry: Entry) -> list[tuple[str, str]]:
    named = {"module": entry.module, "name_there": entry.name_there, "panel": entry.panel or ""}
    return [(name, value) for name, value in named.items() if value]
