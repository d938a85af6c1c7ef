"""Looking a project over: what keeps it from working on this machine, and what helps."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from huskies_core.config.problems import ConfigError
from huskies_core.config.records import Agent
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.git.host import require_git
from huskies_core.store.integrity import damage
from huskies_core.tools.configuring import agent_faults

_RESTORE = "Keep .huskies/state.db as it is and restore a copy; branches and worktrees are untouched."


@dataclass(frozen=True)
class Check:
    """Something that was looked at. `problem` is empty when it is well, `fix` is what helps when it is not."""

    name: str
    problem: str = ""
    fix: str = ""


def examine(context: Context) -> tuple[Check, ...]:
    """Every check, well or not. Changes nothing; runs the `--version` of agents' programs, and bubblewrap once for each
    agent that wants it."""
    return (
        _checked("git", require_git),
        *_of_store(context),
        *_of_config(context),
    )


def _checked(name: str, look: Callable[[], object]) -> Check:
    try:
        look()
    except HuskiesError as error:
        return Check(name, error.message, error.hint)
    return Check(name)


def _of_store(context: Context) -> Iterable[Check]:
    try:
        with context.store.reading() as db:
            found = damage(db)
    except HuskiesError as error:
        yield Check("store", error.message, error.hint)
        return
    yield Check("store", "; ".join(found), _RESTORE if found else "")


def _of_config(context: Context) -> Iterable[Check]:
    try:
        config = context.config
    except ConfigError as error:
        yield from (Check("config", str(problem), problem.hint) for problem in error.problems)
        return
    yield Check("config")
    yield _base_branch(context)
    for agent in config.agents:
        yield _of_agent(context, agent)


def _base_branch(context: Context) -> Check:
    base = context.base_branch
    if context.repository.branch_tip(base) is None:
        hint = "Make it, or name another: huskies config set base_branch NAME."
        return Check("base branch", f"there is no branch {base}", hint)
    return Check("base branch")


def _of_agent(context: Context, agent: Agent) -> Check:
    """The first fault; 'huskies config check' has them all."""
    fault = next(iter(agent_faults(context, agent)), None)
    name = f"agent {agent.name}"
    return Check(name) if fault is None else Check(name, fault.problem, fault.hint)
