"""Checks of git's settings, the config, agents, gates, notifications, and the files that git must ignore."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from huskies_core.config.problems import ConfigError
from huskies_core.config.records import Notify
from huskies_core.context import Context
from huskies_core.doctor.check import DoctorCheck
from huskies_core.doctor.state import is_current
from huskies_core.errors import HuskiesError
from huskies_core.git.host import require_git
from huskies_core.git.settings import harmful_settings, is_ignored, is_shallow, notable_settings
from huskies_core.operations.machine_checks import (
    MachineProblem,
    agent_problems,
    gate_problems,
    notify_problems,
)
from huskies_core.supervisor.environment import read_env_file


def check_git(context: Context) -> Iterator[DoctorCheck]:
    yield DoctorCheck("git", detail=require_git())
    # A missing identity is not a problem: then Huskies and the agents use their own.
    unknown = "user.name and user.email are not set: merges are committed by huskies <huskies@localhost>"
    yield DoctorCheck("git identity", detail=unknown if context.repository.identity else "")
    yield from (
        DoctorCheck(f"git {hurt.key}", f"{hurt.key} is set so that {hurt.why}", f"Run '{hurt.command}'.")
        for hurt in harmful_settings(context.repository)
    )
    yield DoctorCheck("git settings", detail="; ".join(notable_settings(context.repository)))
    if is_shallow(context.repository):
        fact = "the clone is shallow: the commit where a branch began may be missing"
        yield DoctorCheck("git history", fact, "Run 'git fetch --unshallow'.")
    else:
        yield DoctorCheck("git history")


def check_config(context: Context) -> Iterator[DoctorCheck]:
    yield _env_file(context)
    try:
        _ = context.config
    except ConfigError as error:
        yield from (DoctorCheck("config", str(problem), problem.hint) for problem in error.problems)
    else:
        yield DoctorCheck("config")
        if context.config.project.base_branch or is_current(context):
            yield _base_branch(context)
    yield _ignored(context)


def check_agents(context: Context) -> Iterator[DoctorCheck]:
    if not loads(context):
        return
    for agent in context.config.agents:
        yield _first_of(f"agent {agent.name}", agent_problems(context, agent))
    for gate in context.config.project.gates:
        yield _first_of(f"gate {gate.name}", gate_problems(context, gate))


def check_notify(context: Context) -> Iterator[DoctorCheck]:
    if not loads(context):
        return
    notify = context.config.project.notify
    if notify == Notify():
        yield DoctorCheck("notify", detail="none configured", applies=False)
    else:
        yield _first_of("notify", notify_problems(context, notify))


def loads(context: Context) -> bool:
    """Return whether the config is valid. The check `config` reports its problems."""
    try:
        return bool(context.config)
    except ConfigError:
        return False


def _base_branch(context: Context) -> DoctorCheck:
    base = context.base_branch
    if context.repository.branch_tip(base) is None:
        fix = "Create it, or choose another: huskies config set base_branch NAME."
        return DoctorCheck("base branch", f"the branch {base} does not exist", fix)
    return DoctorCheck("base branch", detail=f"base branch {base}")


def _first_of(name: str, problems: Iterable[MachineProblem]) -> DoctorCheck:
    """Return a check with the first problem. 'huskies config check' lists all of them."""
    first = next(iter(problems), None)
    return DoctorCheck(name) if first is None else DoctorCheck(name, first.problem, first.hint)


def _env_file(context: Context) -> DoctorCheck:
    """Check the file that agents need to start. A mode that is too open is repaired, but not through a link: the file
    behind it may be shared on purpose."""
    path = context.project.env_file
    try:
        read_env_file(path)
    except HuskiesError as error:
        is_open = path.stat().st_mode & 0o077 and not path.is_symlink()
        repair = partial(_make_private, path) if is_open else None
        return DoctorCheck("env file", error.message, error.hint, repair=repair)
    return DoctorCheck("env file")


def _make_private(path: Path) -> str:
    path.chmod(0o600)
    return f"only the owner can read {path.name} now"


def _ignored(context: Context) -> DoctorCheck:
    """Check that 'git add .' cannot commit the store and the keys."""
    paths = (context.project.database, context.project.env_file)
    names = [path.name for path in paths if not is_ignored(context.repository, path)]
    if not names:
        return DoctorCheck("ignored files")
    fix = "If .huskies/.gitignore is missing, run 'huskies init'. Otherwise let it ignore all but the config."
    return DoctorCheck("ignored files", f"git does not ignore .huskies/{' and .huskies/'.join(names)}", fix)
