"""`huskies tool`: every operation by its name, with JSON in and out."""

import json
import sys
from typing import Annotated, Any

from huskies_cli import render
from huskies_cli.command import own_command
from huskies_cli.output import Result
from huskies_cli.session import Session
from huskies_core.argument import Argument
from huskies_core.errors import UsageError
from huskies_core.operations import registry
from huskies_core.operations.operation import Command, Operation
from huskies_core.operations.schema import read_object, schema_of


@own_command(Command("tool list"))
def list_tools(_: Session) -> Result:
    """List the operations.

    Each is listed with its arguments; those in parentheses are optional. With --json there are JSON schemas, too.
    """
    tools = registry.tools().values()
    return Result({"tools": [_json(tool) for tool in tools]}, text=lambda: "\n".join(map(_lines, tools)))


@own_command(Command("tool call"))
def call_tool(
    session: Session,
    name: Annotated[
        str, Argument("The operation's name.", metavar="NAME", positional=True, completion="tools")
    ],
    arguments: Annotated[
        str, Argument("Its arguments as a JSON object, or - for stdin.", metavar="[JSON]", positional=True)
    ] = "{}",
) -> Result:
    """Call an operation with JSON.

    Its result is printed as JSON; with --json it is the data of the usual envelope. Inside a run, the rules of the
    commands apply.
    """
    values = read_object(_read_stdin() if arguments == "-" else arguments, subject="JSON")
    with session.open() as context:
        answer = registry.call(context, name, values)
    return Result(answer, text=json.dumps(answer, indent=2, ensure_ascii=False))


def _read_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise UsageError("stdin is not text in UTF-8", subject="JSON") from error


def _json(tool: Operation[Any, Any]) -> dict[str, object]:
    return {
        "name": tool.tool,
        "help": tool.description,
        "writes": tool.writes,
        "long": tool.long,
        "arguments": schema_of(tool),
    }


def _lines(tool: Operation[Any, Any]) -> str:
    names = [item.name if item.is_required else f"({item.name})" for item in tool.parameters]
    head = render.line(render.styled(tool.tool, "bold"), *names)
    return f"{head}\n{render.block(tool.description, indent=4)}"
