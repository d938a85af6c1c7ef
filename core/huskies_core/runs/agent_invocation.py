"""What a start asks of an agent's program, and the MCP server that it finds the run's tools by."""

import json

from huskies_core.atomic_file import replace_file
from huskies_core.config.records import Agent
from huskies_core.git.worktrees import checkout_of
from huskies_core.project import Project
from huskies_core.runs.mcp_package import mcp_fault
from huskies_core.runs.own_program import own_program_dir
from huskies_core.runtimes.interface import Assignment
from huskies_core.supervisor.run_directory import RunDirectory


def assignment_of(
    project: Project,
    agent: Agent,
    story: int,
    session: str | None,
    budget: float | None,
    directory: RunDirectory,
) -> Assignment:
    """`budget` is the most that it may spend, in US dollars. Leaves mcp.json in the run directory, where the package
    that serves it is installed: nothing of ours appears in a worktree."""
    server = mcp_server(project)
    if server:
        document = {"mcpServers": {"huskies": {"command": server[0], "args": list(server[1:])}}}
        replace_file(directory.mcp_config, json.dumps(document).encode())
    return Assignment(
        command=agent.command,
        model=agent.model,
        system_prompt=agent.system_prompt,
        max_budget_usd=budget,
        allowed_tools=agent.allowed_tools,
        disallowed_tools=agent.disallowed_tools,
        session=session,
        mcp_config=directory.mcp_config if server else None,
        mcp_server=server,
        writable=_writable(project, story),
        is_confined=agent.sandbox is not None,
    )


def mcp_server(project: Project) -> tuple[str, ...]:
    """The argument list of the server; none where the package mcp is missing or too old."""
    if mcp_fault():
        return ()
    return (str(own_program_dir(project) / "huskies"), "mcp")


def _writable(project: Project, story: int) -> tuple[str, ...]:
    """Where git writes when the story's work is committed, and where the store is. That of the worktree comes first:
    a program that guards git's folders wants it named."""
    checkout = checkout_of(project, story)
    own = () if checkout is None else (str(checkout.git_dir),)
    return (*own, str(project.git_dir), str(project.state_dir))
