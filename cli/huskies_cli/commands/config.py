"""`huskies config`: both configuration files, checked, read and changed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from huskies_cli.output import ErrorItem, Result, Status
from huskies_cli.session import session_of
from huskies_core.config.edit import get_value, show
from huskies_core.config.load import load_config, read_text
from huskies_core.config.problems import ConfigError, Problem
from huskies_core.context import Context, open_context
from huskies_core.tools import configuring

Key = Annotated[
    str,
    typer.Argument(
        metavar="KEY", help="Such as max_coders or watcher.done_retention_secs.", show_default=False
    ),
]
Value = Annotated[str, typer.Argument(metavar="VALUE", help="The new value.", show_default=False)]


def check_config(ctx: typer.Context) -> Result:
    """Check both configuration files.

    Every problem is named with file and line; the exit code is 1 when there is one.
    """
    with open_context(session_of(ctx).start) as context:
        try:
            load_config(context.project, context.text_at_base)
        except ConfigError as error:
            return _problems(error.problems)
    return Result({"problems": []}, text="No problems.")


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
        configuring.set_key(context, key, value)
        now = _value(context, key)
    return Result({"key": key, "value": now}, text=f"{key} = {_written(now)}")


def show_config(ctx: typer.Context) -> Result:
    """Show every key with its value.

    What is in force: what the files say, and the defaults.
    """
    with open_context(session_of(ctx).start) as context:
        shown = show(context.config)
    return Result(shown, text="\n".join(_lines(shown)))


def _problems(problems: Sequence[Problem]) -> Result:
    errors = tuple(ErrorItem("config_error", str(item), item.hint, item.path) for item in problems)
    return Result({"problems": [asdict(item) for item in problems]}, status=Status.ERROR, errors=errors)


def _value(context: Context, key: str) -> object:
    return get_value(read_text(context.project, "project.toml", context.text_at_base) or "", key)


def _lines(shown: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    """`key = value`, with dots where tables are nested."""
    for key, value in shown.items():
        if isinstance(value, Mapping) and value:
            yield from _lines(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key} = {_written(value)}"


def _written(value: object) -> str:
    """A text as it is; all else as JSON, which for numbers, switches and lists is TOML too."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
