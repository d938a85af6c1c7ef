"""Checks of the configuration on this machine: agents, gates and channels that cannot work."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from huskies_core.channels import addresses, programs
from huskies_core.config.records import Agent, Gate, Notify
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.runs.programs import program_problem
from huskies_core.runs.sandbox import sandbox_problems
from huskies_core.supervisor.environment import read_env_file


@dataclass(frozen=True)
class MachineProblem:
    """A problem with a key of an agent, a gate or `[notify]`."""

    key: str
    problem: str
    hint: str


def agent_problems(context: Context, agent: Agent) -> Iterable[MachineProblem]:
    """Yield the problems of program and sandbox that prevent an agent from starting on this machine."""
    problem = program_problem(agent, context.environ)
    if problem is not None:
        yield MachineProblem("runtime", *problem)
    if agent.command and not _runs_in_worktrees(context, agent.command[0], agent.env.get("PATH")):
        yield MachineProblem("command", *_no_program(agent.command[0]))
    for fact in sandbox_problems(agent, context.project, context.environ):
        hint = "It does not start until this is fixed; huskies-agents.toml(5) describes the sandbox."
        yield MachineProblem("sandbox", f"no sandbox: {fact}", hint)


def gate_problems(context: Context, gate: Gate) -> Iterable[MachineProblem]:
    """Yield the problems that prevent a gate from starting on this machine. Each story would fail it."""
    if not _runs_in_worktrees(context, gate.command[0], None):
        yield MachineProblem("command", *_no_program(gate.command[0]))


def notify_problems(context: Context, notify: Notify) -> Iterable[MachineProblem]:
    """Yield the problems that prevent notifications from this machine. Send nothing; `notify --test` does that."""
    if not notify.is_on and notify != Notify():
        hint = "Set desktop, command, webhook or apprise, and leave events unset or name one."
        yield MachineProblem("", "no notification can be sent", hint)
    if notify.desktop and not _is_program(context, programs.DESKTOP):
        yield MachineProblem("desktop", f"{programs.DESKTOP} is not on PATH", programs.DESKTOP_INSTALL)
    if notify.command and not _is_program(context, notify.command[0]):
        hint = "Give its path from the root of the project, or put its folder on PATH."
        yield MachineProblem("command", f"{notify.command[0]} is not an executable program", hint)
    if notify.apprise and not addresses.has_apprise():
        yield MachineProblem("apprise", addresses.APPRISE_MISSING, addresses.APPRISE_INSTALL)
    yield from _of_variables(context, notify)


def _no_program(program: str) -> tuple[str, str]:
    hint = "Give its path from the root of the repository, or put its folder on PATH."
    return f"{program} is not an executable program", hint


def _runs_in_worktrees(context: Context, program: str, path: str | None) -> bool:
    """Return whether a worktree has the program: a name must be on PATH; a path may be in the project or on the base
    branch, or a component may make it."""
    if "/" not in program:
        return shutil.which(program, path=path or context.environ.get("PATH")) is not None
    may_be_made = bool(context.config.project.components) and not program.startswith("/")
    return may_be_made or _is_program(context, program) or _is_at_base(context, program)


def _is_at_base(context: Context, program: str) -> bool:
    return not program.startswith("/") and context.text_at_base(program.removeprefix("./")) is not None


def _is_program(context: Context, program: str) -> bool:
    """Return whether PATH, or for a path the root of the project, has the program."""
    path = str(context.project.root / program) if "/" in program else program
    return shutil.which(path, path=context.environ.get("PATH")) is not None


def _of_variables(context: Context, notify: Notify) -> Iterable[MachineProblem]:
    """Yield the variables of addresses that are not set. The env file is read only if an address names one."""
    urls = [("webhook", notify.webhook or ""), *(("apprise", url) for url in notify.apprise)]
    named = [(key, name) for key, url in urls for name in addresses.names_in(url)]
    if not named:
        return
    try:
        values = read_env_file(context.project.env_file)
    except HuskiesError as error:
        yield MachineProblem(named[0][0], error.message, error.hint)
        return
    yield from (MachineProblem(key, *addresses.unset(name)) for key, name in named if not values.get(name))
