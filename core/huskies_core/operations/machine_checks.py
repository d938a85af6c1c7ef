"""Checks of the configuration on this machine: agents, gates and channels that cannot work.

The path of a finding begins below the table of the agent, of the gate or of `[notify]`.
"""

import shutil
from collections.abc import Iterable

from huskies_core.channels import addresses, programs
from huskies_core.config.document import KeyFinding
from huskies_core.config.records import Agent, Gate, Notify
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.runs.programs import program_problem
from huskies_core.runs.sandbox import sandbox_problems
from huskies_core.supervisor.environment import read_env_file


def agent_problems(context: Context, agent: Agent) -> Iterable[KeyFinding]:
    """Yield the problems of program and sandbox that prevent an agent from starting on this machine."""
    problem = program_problem(agent, context.environ)
    if problem is not None:
        yield KeyFinding(("runtime",), *problem)
    if agent.command and not _runs_in_worktrees(context, agent.command[0], agent.env.get("PATH")):
        yield _not_executable(agent.command[0])
    for fact in sandbox_problems(agent, context.project, context.environ):
        hint = "The agent does not start until this is fixed; huskies-agents.toml(5) describes the sandbox."
        yield KeyFinding(("sandbox",), f"no sandbox: {fact}", hint)


def gate_problems(context: Context, gate: Gate) -> Iterable[KeyFinding]:
    """Yield the problems that prevent a gate from starting on this machine. Each story would fail it."""
    if not _runs_in_worktrees(context, gate.command[0], None):
        yield _not_executable(gate.command[0])


def notify_problems(context: Context, notify: Notify) -> Iterable[KeyFinding]:
    """Yield the problems that prevent notifications from this machine. Send nothing; `notify --test` does that."""
    if not notify.is_on and notify != Notify():
        hint = "Set desktop, command, webhook or apprise, and leave events unset or name one."
        yield KeyFinding((), "no notification can be sent", hint)
    if notify.desktop and not _is_program(context, programs.DESKTOP):
        yield KeyFinding(("desktop",), f"{programs.DESKTOP} is not on PATH", programs.DESKTOP_INSTALL)
    if notify.command and not _is_program(context, notify.command[0]):
        yield _not_executable(notify.command[0])
    if notify.apprise and not addresses.has_apprise():
        yield KeyFinding(("apprise",), addresses.APPRISE_MISSING, addresses.APPRISE_INSTALL)
    yield from _of_variables(context, notify)


def _not_executable(program: str) -> KeyFinding:
    hint = "Give its path from the root of the repository, or put its folder on PATH."
    return KeyFinding(("command",), f"{program} is not an executable program", hint)


def _runs_in_worktrees(context: Context, program: str, path: str | None) -> bool:
    """Return whether a worktree has the program: a name must be on PATH; a path may be in the project or on the base
    branch, or a component may make it."""
    if "/" not in program:
        return shutil.which(program, path=path or context.environ.get("PATH")) is not None
    if program.startswith("/"):
        return _is_program(context, program)
    if context.config.project.components or _is_program(context, program):
        return True
    return context.text_at_base(program.removeprefix("./")) is not None


def _is_program(context: Context, program: str) -> bool:
    """Return whether PATH, or for a path the root of the project, has the program."""
    path = str(context.project.root / program) if "/" in program else program
    return shutil.which(path, path=context.environ.get("PATH")) is not None


def _of_variables(context: Context, notify: Notify) -> Iterable[KeyFinding]:
    """Yield the variables of addresses that are not set. The env file is read only if an address names one."""
    urls = [("webhook", notify.webhook or ""), *(("apprise", url) for url in notify.apprise)]
    named = [(key, name) for key, url in urls for name in addresses.names_in(url)]
    if not named:
        return
    try:
        values = read_env_file(context.project.env_file)
    except HuskiesError as error:
        yield KeyFinding((named[0][0],), error.message, error.hint)
        return
    yield from (KeyFinding((key,), *addresses.unset(name)) for key, name in named if not values.get(name))
