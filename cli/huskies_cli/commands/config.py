"""`huskies config`: both configuration files, checked, read and changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from huskies_cli import render
from huskies_cli.journal_lines import shortened
from huskies_cli.output import ErrorItem, Result, Status
from huskies_cli.session import session_of
from huskies_core.config.edit import get_value, keys_in_force, show
from huskies_core.config.load import read_text
from huskies_core.config.problems import Problem
from huskies_core.config.records import Agent, Config
from huskies_core.context import Context, open_context
from huskies_core.operations import configuration
from huskies_core.sanitize import without_controls

Key = Annotated[
    str,
    typer.Argument(
        metavar="KEY", help="Such as max_coders or watcher.done_retention_secs.", show_default=False
    ),
]
Value = Annotated[str, typer.Argument(metavar="VALUE", help="The new value.", show_default=False)]


def check_config(ctx: typer.Context) -> Result:
    """Check both configuration files.

    Every problem is named with file and line; the exit code is 1 when there is one. A base branch that is missing is a
    problem, and so is an agent whose program is not on PATH.
    """
    with open_context(session_of(ctx).start) as context:
        found = configuration.check(context)
    return _problems(found) if found else Result({"problems": []}, text="No problems.")


def get_key(ctx: typer.Context, key: Key) -> Result:
    """Print the value of a key.

    Of project.toml; where it is not set, its default.
    """
    with open_context(session_of(ctx).start) as context:
        value = _value(context, key)
    return Result({"key": key, "value": value}, text=_written(value))


def set_key(ctx: typer.Context, key: Key, value: Value) -> Result:
    """Set a key; comments and layout stay.

    Of project.toml. A value that the key cannot have changes nothing.
    """
    with open_context(session_of(ctx).start) as context:
        configuration.set_key(context, key, value)
        now = _value(context, key)
    return Result({"key": key, "value": now}, text=f"{key} = {_written(now)}")


def show_config(ctx: typer.Context) -> Result:
    """Show every key with its value.

    What is in force: what the files say, and the defaults. The keys are those that 'get' and 'set' take; the agents of
    agents.toml stand below them.
    """
    with open_context(session_of(ctx).start) as context:
        config = context.config
    return Result(show(config), text=lambda: _shown(config))


def write_mcp(ctx: typer.Context) -> Result:
    """Write the .mcp.json that Claude Code reads.

    At the project's root; other servers in it stay. Written again, it names this installation.
    """
    with open_context(session_of(ctx).start) as context:
        written = configuration.write_mcp(context)
    told = f"{written.path}: {written.command} mcp{'' if written.changed else ' (as it was)'}"
    data = {"path": str(written.path), "command": written.command, "changed": written.changed}
    return Result(data, text=told)


def _problems(problems: Sequence[Problem]) -> Result:
    errors = tuple(ErrorItem("config_error", str(item), item.hint, item.path) for item in problems)
    return Result({"problems": [asdict(item) for item in problems]}, status=Status.ERROR, errors=errors)


def _value(context: Context, key: str) -> object:
    return get_value(read_text(context.project, "project.toml", context.text_at_base) or "", key)


def _shown(config: Config) -> str:
    keys = keys_in_force(config.project)
    lines = [f"{key} = {_written(value)}".rstrip() for key, value in keys.items()]
    return render.paragraphs(without_controls("\n".join(lines)), *map(_agent, config.agents))


def _agent(agent: Agent) -> str:
    """What is set of it, and what has a default."""
    told = [(name, value) for name, value in vars(agent).items() if name != "name" and value is not None]
    pairs = [(name, shortened(_written(value))) for name, value in told if value not in ("", (), {})]
    return f"{render.heading(f'agent {agent.name}')}\n{render.block(render.fields(pairs))}"


def _written(value: object) -> str:
    """A text as it is; all else as JSON, which for numbers, switches and lists is TOML too."""
    plain = dict(value) if isinstance(value, Mapping) else value
    return plain if isinstance(plain, str) else "" if plain is None else json.dumps(plain, ensure_ascii=False)
