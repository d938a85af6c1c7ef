"""`huskies mcp`: the server for clients of the Model Context Protocol."""

from huskies_cli.command import own_command
from huskies_cli.output import Stream
from huskies_cli.session import Session
from huskies_core.errors import HuskiesError
from huskies_core.operations.operation import PROJECT, Command
from huskies_core.project import find_project
from huskies_core.runs.programs import mcp_problem


@own_command(Command("mcp", PROJECT))
def mcp(session: Session) -> Stream:
    """Serve the operations to an MCP client.

    The server speaks the Model Context Protocol on standard input and output until the client closes them. It has every
    operation of 'huskies tool list', and the board and each story as resources. Inside a run, the rules of the commands
    apply.
    """
    find_project(session.start)
    problem = mcp_problem()
    if problem:
        hint = "Install it: pip install 'huskies[mcp]'."
        raise HuskiesError(problem, hint=hint, code="missing_extra", subject="mcp")
    from huskies_cli.mcp.server import serve

    serve(session.start)
    # With --json, too, stdout has only the protocol.
    return Stream((), str)
