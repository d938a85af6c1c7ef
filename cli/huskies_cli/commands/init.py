"""`huskies init`: a project from a repository."""

import os
from typing import Annotated

from huskies_cli import render
from huskies_cli.command import own_command
from huskies_cli.output import Result
from huskies_cli.session import Session
from huskies_core.argument import Argument
from huskies_core.operations.init import Initialised, initialise
from huskies_core.operations.operation import PROJECT, Command

ADVICE = """\
Name your agents in .huskies/agents.toml, commit .huskies, then:
huskies add TITLE -c CRITERION --start
huskies watch"""


@own_command(Command("init", PROJECT))
def init(
    session: Session,
    base_branch: Annotated[
        str | None, Argument("The branch that stories are merged into.", metavar="BRANCH")
    ] = None,
    *,
    mcp: Annotated[bool, Argument("Write .mcp.json for Claude Code, too.")] = False,
) -> Result:
    """Make this repository a project.

    The command creates .huskies with the store and two configuration files, in which every key is commented out.
    Stories start from the base branch and land on it; by default, the base branch is the branch that is checked out. A
    second run creates missing files and keeps the others.
    """
    done = initialise(session.start, base_branch=base_branch, environ=os.environ, mcp=mcp)
    data = {"root": str(done.root), "base_branch": done.base_branch, "made": list(done.made)}
    return Result(data, text=lambda: _text(done))


def _text(done: Initialised) -> str:
    pairs = [("project", str(done.root)), ("base branch", done.base_branch), ("made", ", ".join(done.made))]
    return render.paragraphs(render.fields(pairs), ADVICE if done.made else "")
