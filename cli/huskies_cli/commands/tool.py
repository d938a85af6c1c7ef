"""`huskies tool` and `huskies mcp`: every operation by its name, with JSON in and out."""

import json
import sys
from typing import Annotated, Any

from huskies_cli import render
from huskies_cli.command import own_command
from huskies_cli.output import Result, Stream
from huskies_cli.session import Session
from huskies_core.argument import Argument
from huskies_core.errors import HuskiesError, UsageError
from huskies_core.operations import registry
from huskies_core.operations.operation import PROJECT, Command, Operation
from huskies_core.operations.schema import read_object, schema_of


@own_command(Command("tool list"))
def list_tools(_: Session) -> Result:
    """List the operations.

    Each operation is listed with its arguments; optional arguments are in parentheses. With --json, the list also
    contains JSON schemas.
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
        str, Argument("The arguments as a JSON object, or - for stdin.", metavar="[JSON]", positional=True)
    ] = "{}",
) -> Result:
    """Call an operation with JSON.

    The command prints the result as JSON; with --json, the result is the data of the usual envelope. Inside a run, the
    same rules apply as to the commands.
    """
    values = read_object(_read_stdin() if arguments == "-" else arguments, subject="JSON")
    make_call = registry.prepare_call(name, values)
    with session.open() as context:
        answer = make_call(context)
    return Result(answer, text=json.dumps(answer, indent=2, ensure_ascii=False))


@own_command(Command("mcp", PROJECT))
def mcp(session: Session) -> Stream:
    """Serve the operations to an MCP client.

    The server speaks the Model Context Protocol on standard input and output until the client closes them. It offers
    every operation of 'huskies tool list', and the board and each story as resources. Inside a run, the same rules
    apply as to the commands.
    """
    from huskies_core.project import find_project
    from huskies_core.runs.programs import mcp_problem

    find_project(session.start)
    problem = mcp_problem()
    if problem:
        hint = "Install it: pip install 'huskies[mcp]'."
        raise HuskiesError(problem, hint=hint, code="missing_extra", subject="mcp")
    from huskies_cli.mcp.server import serve

    serve(session.start)
    # With --json, too, stdout has only the protocol.
    return Stream((), str)


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
    head = render.line(render.Styled(tool.tool, "bold"), *names)
    return f"{head}\n{render.block(tool.description, indent=4)}"
