"""`huskies tool`: every operation by its name, with JSON in and out."""

import json
import sys
from typing import Annotated

import typer

from huskies_cli import render
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_core.context import open_context
from huskies_core.errors import UsageError
from huskies_core.operations import registry
from huskies_core.operations.arguments import arguments_of, object_of
from huskies_core.operations.registry import Tool

Name = Annotated[str, typer.Argument(metavar="NAME", help="The tool's name.", show_default=False)]
Arguments = Annotated[
    str,
    typer.Argument(
        metavar="[JSON]", help="Its arguments as a JSON object, or - for stdin.", show_default=False
    ),
]


def list_tools() -> Result:
    """List the tools.

    Each with its arguments; those in parentheses may be left out. With --json their JSON schemas, too.
    """
    found = registry.tools().values()
    return Result({"tools": [_document(tool) for tool in found]}, text=lambda: "\n".join(map(_lines, found)))


def call_tool(ctx: typer.Context, name: Name, arguments: Arguments = "{}") -> Result:
    """Call a tool with JSON.

    What it answers is printed as JSON; with --json it is the data of the usual envelope. From inside a run the same is
    refused as of the command that does it.
    """
    given = object_of(_read_stdin() if arguments == "-" else arguments, subject="JSON")
    with open_context(session_of(ctx).start) as context:
        answer = registry.call(context, name, given)
    return Result(answer, text=json.dumps(answer, indent=2, ensure_ascii=False))


def _read_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise UsageError("stdin is not text in UTF-8", subject="JSON") from error


def _document(tool: Tool) -> dict[str, object]:
    return {
        "name": tool.name,
        "help": tool.help,
        "writes": tool.writes,
        "long": tool.long,
        "arguments": registry.schema(tool),
    }


def _lines(tool: Tool) -> str:
    names = [item.name if item.is_required else f"({item.name})" for item in arguments_of(tool.arguments)]
    head = render.line(render.styled(tool.name, "bold"), *names)
    return f"{head}\n{render.block(tool.help, indent=4)}"
