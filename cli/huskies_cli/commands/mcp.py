"""`huskies mcp`: the server for clients of the Model Context Protocol."""

import typer

from huskies_cli.output import Stream
from huskies_cli.session import session_of
from huskies_core.errors import HuskiesError
from huskies_core.project import find_project
from huskies_core.runs.mcp_package import mcp_fault


def mcp(ctx: typer.Context) -> Stream:
    """Serve the tools to an MCP client.

    Speaks the Model Context Protocol on standard input and output until the client closes them: every tool of
    'huskies tool list', the board and each story as resources. From inside a run the same is refused as of the command
    that does it.
    """
    session = session_of(ctx)
    find_project(session.start)
    fault = mcp_fault()
    if fault:
        hint = "Install it: pip install 'huskies[mcp]'."
        raise HuskiesError(fault, hint=hint, code="missing_extra", subject="mcp")
    from huskies_cli.mcp.server import serve

    serve(session.start)
    # With --json, too, there is nothing but the protocol on stdout.
    return Stream((), str)
