"""What of the config does not work on this machine: agents that cannot be started, people who cannot be told."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from huskies_core.channels import desktop, services
from huskies_core.channels.variables import names_in, unset
from huskies_core.config.records import Agent, Gate, Notify
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.runs.agent_programs import program_problem
from huskies_core.runs.sandbox_policy import sandbox_problems
from huskies_core.supervisor.environment import read_env_file


@dataclass(frozen=True)
class Fault:
    """What is wrong, and the key of the agent, or of the table, that it is about."""

    key: str
    problem: str
    hint: str


def agent_faults(context: Context, agent: Agent) -> Iterable[Fault]:
    """What keeps an agent from being started on this machine: its program, its sandbox."""
    wrong = program_problem(agent, context.environ)
    if wrong is not None:
        yield Fault("runtime", *wrong)
    if agent.command and not _runs_in_worktrees(context, agent.command[0], agent.env.get("PATH")):
        yield Fault("command", *_no_program(agent.command[0]))
    for trouble in sandbox_problems(agent, context.project, context.environ):
        hint = "It is not started until that is mended; huskies-agents.toml(5) tells what a sandbox shows."
        yield Fault("sandbox", f"no sandbox: {trouble}", hint)


def gate_faults(context: Context, gate: Gate) -> Iterable[Fault]:
    """What keeps a gate from judging anything on this machine: coders would be sent back for what none of them did."""
    if not _runs_in_worktrees(context, gate.command[0], None):
        yield Fault("command", *_no_program(gate.command[0]))


def notify_faults(context: Context, notify: Notify) -> Iterable[Fault]:
    """What keeps people from being told from this machine. Nothing is sent; `notify --test` does that."""
    if not notify.is_on and notify != Notify():
        hint = "Set one of desktop, command, webhook and apprise, and leave events as they are or name one."
        yield Fault("", "nobody is told of anything", hint)
    if notify.desktop and not _is_there(context, desktop.PROGRAM):
        yield Fault("desktop", f"{desktop.PROGRAM} is not on PATH", desktop.INSTALL)
    if notify.command and not _is_there(context, notify.command[0]):
        hint = "Give its path from the root of the project, or put its folder on PATH."
        yield Fault("command", f"{notify.command[0]} is no program that can be run", hint)
    if notify.apprise and not services.is_installed():
        yield Fault("apprise", services.MISSING, services.INSTALL)
    yield from _of_variables(context, notify)


def _no_program(program: str) -> tuple[str, str]:
    hint = "Give its path from the root of the repository, or put its folder on PATH."
    return f"{program} is no program that can be run", hint


def _runs_in_worktrees(context: Context, program: str, path: str | None) -> bool:
    """A name is looked for on PATH. A path is taken for one that is there where a component may make it, and where the
    base branch has it."""
    if "/" not in program:
        return shutil.which(program, path=path or context.environ.get("PATH")) is not None
    may_be_made = bool(context.config.project.components) and not program.startswith("/")
    return may_be_made or _is_there(context, program) or _is_at_base(context, program)


def _is_at_base(context: Context, program: str) -> bool:
    return not program.startswith("/") and context.text_at_base(program.removeprefix("./")) is not None


def _is_there(context: Context, program: str) -> bool:
    """A name is looked for on PATH, a path from the root of the project."""
    place = str(context.project.root / program) if "/" in program else program
    return shutil.which(place, path=context.environ.get("PATH")) is not None


def _of_variables(context: Context, notify: Notify) -> Iterable[Fault]:
    """The file is looked at only where an address names something in it."""
    urls = [("webhook", notify.webhook or ""), *(("apprise", url) for url in notify.apprise)]
    named = [(key, name) for key, url in urls for name in names_in(url)]
    if not named:
        return
    try:
        values = read_env_file(context.project.env_file)
    except HuskiesError as error:
        yield Fault(named[0][0], error.message, error.hint)
        return
    yield from (Fault(key, *unset(name)) for key, name in named if not values.get(name))
