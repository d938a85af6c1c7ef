"""Checking the configuration, and setting single keys of project.toml."""

from collections.abc import Iterable, Sequence

from huskies_core.config.edit import get_value, set_value
from huskies_core.config.load import AGENTS_FILE, PROJECT_FILE, load_config, read_text
from huskies_core.config.positions import KeyPath, key_lines, line_of
from huskies_core.config.problems import ConfigError, Problem
from huskies_core.config.records import Agent, ProjectConfig
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.files import write_whole
from huskies_core.operations.machine_checks import agent_faults, gate_faults, notify_faults
from huskies_core.operations.mcp_file import McpFile, write_mcp_file
from huskies_core.project import STATE_FOLDER
from huskies_core.runs.authorization import refuse_inside_run


def check(context: Context) -> tuple[Problem, ...]:
    """Every problem of both files; once they load, also what only this repository and this machine can tell."""
    try:
        config = load_config(context.project, context.text_at_base)
    except ConfigError as error:
        return error.problems
    return (
        *_of_base(context, config.project),
        *_of_notify(context, config.project),
        *_of_gates(context, config.project),
        *_of_agents(context, config.agents),
    )


def set_key(context: Context, key: str, value: str) -> None:
    """Writes one key into project.toml; comments and layout stay. On an error the file is untouched.

    Raises ConfigError, and HuskiesError `unknown_branch` for a base branch that there is not.

    Two that set keys at once take turns: each changes what the other wrote.
    """
    refuse_inside_run(context)
    path = context.project.project_toml
    with context.store.exclusive():
        if not path.is_file():
            hint = "Check out a branch that has it, or run 'huskies init'."
            raise HuskiesError(f"{path} is missing", hint=hint, code="not_found", subject=str(path))
        before = path.read_text(encoding="utf-8")
        after = set_value(before, key, value)
        _refuse_unknown_base(context, before, after)
        write_whole(path, after)
    context.forget_config()


def write_mcp(context: Context) -> McpFile:
    """See `write_mcp_file`."""
    refuse_inside_run(context)
    return write_mcp_file(context.project, context.environ)


def _of_base(context: Context, settings: ProjectConfig) -> Iterable[Problem]:
    base = settings.base_branch or context.recorded_base
    if context.repository.branch_tip(base) is None:
        hint = "Make it, or name another: huskies config set base_branch NAME."
        yield _problem(context, PROJECT_FILE, ("base_branch",), f"there is no base branch {base!r}", hint)


def _of_notify(context: Context, settings: ProjectConfig) -> Iterable[Problem]:
    for fault in notify_faults(context, settings.notify):
        yield _problem(context, PROJECT_FILE, ("notify", fault.key), f"notify: {fault.problem}", fault.hint)


def _of_gates(context: Context, settings: ProjectConfig) -> Iterable[Problem]:
    for number, gate in enumerate(settings.gates):
        for fault in gate_faults(context, gate):
            fact = f"gate {gate.name}: {fault.problem}"
            yield _problem(context, PROJECT_FILE, ("gate", number, fault.key), fact, fault.hint)


def _of_agents(context: Context, agents: Sequence[Agent]) -> Iterable[Problem]:
    for number, agent in enumerate(agents):
        for fault in agent_faults(context, agent):
            fact = f"agent {agent.name}: {fault.problem}"
            yield _problem(context, AGENTS_FILE, ("agent", number, fault.key), fact, fault.hint)


def _problem(context: Context, name: str, place: KeyPath, fact: str, hint: str) -> Problem:
    text = read_text(context.project, name, context.text_at_base) or ""
    return Problem(f"{STATE_FOLDER}/{name}", line_of(key_lines(text), place), fact, hint)


def _refuse_unknown_base(context: Context, before: str, after: str) -> None:
    wanted = get_value(after, "base_branch")
    if wanted is None or wanted == get_value(before, "base_branch"):
        return
    if context.repository.branch_tip(str(wanted)) is None:
        hint = "Make it first: 'git branch' lists those that there are."
        raise HuskiesError(
            f"there is no branch {wanted}", hint=hint, code="unknown_branch", subject="base_branch"
        )
