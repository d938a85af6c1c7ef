"""`huskies init`: a project where a repository was."""

import os
from typing import Annotated

import typer

from huskies_cli import render
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_core.operations.init import Initialised, initialise

BaseBranch = Annotated[
    str | None,
    typer.Option(
        "--base-branch", metavar="B", help="The branch stories are merged into.", show_default=False
    ),
]
ADVICE = """\
Name your agents in .huskies/agents.toml, commit .huskies, then:
huskies add TITLE -c CRITERION --start
huskies watch"""
Mcp = Annotated[bool, typer.Option("--mcp", help="Write .mcp.json for Claude Code, too.")]


def init(ctx: typer.Context, base_branch: BaseBranch = None, mcp: Mcp = False) -> Result:
    """Make this repository a project.

    Writes .huskies with commented configuration files and the store, and takes the branch that is checked out as the
    base that stories branch off and are merged into. Run again, it makes what is missing and keeps the rest.
    """
    done = initialise(session_of(ctx).start, base_branch=base_branch, environ=os.environ, mcp=mcp)
    data = {"root": str(done.root), "base_branch": done.base_branch, "made": list(done.made)}
    return Result(data, text=lambda: _text(done))


def _text(done: Initialised) -> str:
    pairs = [("project", str(done.root)), ("base branch", done.base_branch), ("made", ", ".join(done.made))]
    return render.paragraphs(render.fields(pairs), ADVICE if done.made else "")
