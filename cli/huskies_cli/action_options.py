"""What a timer or a trigger does when it fires, as options; and the name of one."""

from typing import Annotated

import typer

from huskies_core.operations.actions import deed_of
from huskies_core.operations.arguments import object_of
from huskies_core.sanitize import one_line
from huskies_core.store.actions import Action, Continue, Prompt, ToolCall

Tool = Annotated[
    str | None,
    typer.Option(
        "--tool", metavar="NAME", help="The tool to call; see 'huskies tool list'.", show_default=False
    ),
]
Args = Annotated[
    str | None,
    typer.Option("--args", metavar="JSON", help="What to call the tool with, an object.", show_default=False),
]
PromptText = Annotated[
    str | None,
    typer.Option(
        "--prompt", metavar="TEXT", help="What an agent is to do: a task is made of it.", show_default=False
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Those that are over, too.")]
SHORT = 50


def wanted_deed(
    tool: str | None, args: str | None, prompt: str | None, *, of_trigger: bool = False
) -> Action:
    """Raises UsageError that names the option."""
    given = None if args is None else object_of(args, subject="args")
    return deed_of(tool=tool, args=given, prompt=prompt, of_trigger=of_trigger)


def left_out(count: int, command: str, *, everything: bool) -> str:
    """How many more there are than are drawn, and the command that has them."""
    if count <= 0:
        return ""
    return f"and {count} more: huskies {command}{' --all' if everything else ''} --json"


def told(deed: Action) -> str:
    """On one line, short enough for a column."""
    text = _whole(deed)
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"


def _whole(deed: Action) -> str:
    match deed:
        case Prompt():
            return one_line(deed.text)
        case Continue():
            return f"story {deed.story} goes on"
        case ToolCall():
            return f"{deed.tool} {deed.arguments}"
