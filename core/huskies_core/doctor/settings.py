"""The config, the agents, and what of `.huskies` must stay out of git and out of sight."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from huskies_core.config.problems import ConfigError
from huskies_core.config.records import Notify
from huskies_core.context import Context
from huskies_core.doctor.check import Check
from huskies_core.doctor.state import is_current
from huskies_core.errors import HuskiesError
from huskies_core.git.settings import is_ignored
from huskies_core.operations.machine_checks import Fault, agent_faults, gate_faults, notify_faults
from huskies_core.supervisor.environment import read_env_file


def look_at_config(context: Context) -> Iterator[Check]:
    yield _env_file(context)
    try:
        _ = context.config
    except ConfigError as error:
        yield from (Check("config", str(problem), problem.hint) for problem in error.problems)
    else:
        yield Check("config")
        if context.config.project.base_branch or is_current(context):
            yield _base_branch(context)
    yield _ignored(context)


def look_at_agents(context: Context) -> Iterator[Check]:
    try:
        agents = context.config.agents
    except ConfigError:
        return
    yield from (_first_of(f"agent {agent.name}", agent_faults(context, agent)) for agent in agents)
    gates = context.config.project.gates
    yield from (_first_of(f"gate {gate.name}", gate_faults(context, gate)) for gate in gates)


def look_at_notify(context: Context) -> Iterator[Check]:
    try:
        notify = context.config.project.notify
    except ConfigError:
        return
    if notify == Notify():
        yield Check("notify", detail="nobody is told of anything")
    else:
        yield _first_of("notify", notify_faults(context, notify))


def loads(context: Context) -> bool:
    """Whether the config does: what passes would do follows from it, and another check tells why it does not."""
    try:
        return bool(context.config)
    except ConfigError:
        return False


def _base_branch(context: Context) -> Check:
    base = context.base_branch
    if context.repository.branch_tip(base) is None:
        hint = "Make it, or name another: huskies config set base_branch NAME."
        return Check("base branch", f"there is no branch {base}", hint)
    return Check("base branch", detail=f"base branch {base}")


def _first_of(name: str, faults: Iterable[Fault]) -> Check:
    """'huskies config check' has them all."""
    fault = next(iter(faults), None)
    return Check(name) if fault is None else Check(name, fault.problem, fault.hint)


def _env_file(context: Context) -> Check:
    """Agents are not started while others may read it, or a line of it is none.

    Where it is a link a person decides: somebody else may need to read what it leads to.
    """
    path = context.project.env_file
    try:
        read_env_file(path)
    except HuskiesError as error:
        is_open = path.stat().st_mode & 0o077 and not path.is_symlink()
        return Check("env file", error.message, error.hint, mend=partial(_close, path) if is_open else None)
    return Check("env file")


def _close(path: Path) -> str:
    path.chmod(0o600)
    return f"{path.name} is for its owner alone"


def _ignored(context: Context) -> Check:
    """Else the next 'git add .' puts the store, and the keys, into a commit."""
    paths = (context.project.database, context.project.env_file)
    seen = [path.name for path in paths if not is_ignored(context.repository, path)]
    if not seen:
        return Check("ignored files")
    fix = "Run 'huskies init' where .huskies/.gitignore is gone; else let it ignore all but the config."
    return Check("ignored files", f"git does not ignore .huskies/{' and .huskies/'.join(seen)}", fix)
