"""`huskies mcp`: the server for clients of the Model Context Protocol."""

import typer

from huskies_cli.output import Stream
from huskies_cli.session import session_of
from huskies_core.errors import HuskiesError
from huskies_core.project import find_project
from huskies_core.runs.own_program import mcp_problem


def mcp(ctx: typer.Context) -> Stream:
    """Serve the tools to an MCP client.

    Speaks the Model Context Protocol on standard input and output until the client closes them: every tool of
    'huskies tool list', the board and each story as resources. From inside a run the same is refused as of the command
    that does it.
    """
    session = session_of(ctx)
    find_project(session.start)
    problem = mcp_problem()
    if problem:
        hint = "Install it: pip install 'huskies[mcp]'."
        raise HuskiesError(problem, hint=hint, code="missing_extra", subject="mcp")
    from huskies_cli.mcp.server import serve

    serve(session.start)
    # With --json, too, there is nothing but the protocol on stdout.
    return Stream((), str)
