"""The configuration: checks of both files, single keys of project.toml, and the file for MCP clients."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

from huskies_core.argument import Argument
from huskies_core.config.document import ConfigError, KeyPath, Problem, key_lines, line_of
from huskies_core.config.edit import get_value, set_value, show
from huskies_core.config.load import AGENTS_FILE, PROJECT_FILE, load_config, read_text
from huskies_core.config.records import Agent, Config, ProjectConfig
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.files import write_whole
from huskies_core.operations.machine_checks import (
    MachineProblem,
    agent_problems,
    gate_problems,
    notify_problems,
)
from huskies_core.operations.mcp_file import McpFile, write_mcp_file
from huskies_core.operations.operation import Command, operation
from huskies_core.project import STATE_FOLDER

Key = Annotated[
    str,
    Argument(
        "A key such as max_coders or watcher.done_retention_secs.",
        metavar="KEY",
        positional=True,
        completion="keys",
    ),
]


@dataclass(frozen=True)
class Setting:
    """A key of project.toml with its value, or its default."""

    key: str
    value: object


@operation(
    command=Command("config check"), json=lambda problems: {"problems": [asdict(item) for item in problems]}
)
def check_config(context: Context) -> tuple[Problem, ...]:
    """Check both configuration files.

    Each problem has its file and line; the exit code is 1 if there are any. A missing base branch is a problem, and so
    is an agent with a program that is not on PATH.
    """
    try:
        config = load_config(context.project, context.text_at_base)
    except ConfigError as error:
        return error.problems
    project = config.project
    return (
        *_of_base(context, project),
        *_located(context, PROJECT_FILE, ("notify",), "notify", notify_problems(context, project.notify)),
        *(
            problem
            for number, gate in enumerate(project.gates)
            for problem in _located(
                context, PROJECT_FILE, ("gate", number), f"gate {gate.name}", gate_problems(context, gate)
            )
        ),
        *_of_agents(context, config.agents),
    )


@operation(command=Command("config get"), json=vars)
def get_key(context: Context, key: Key) -> Setting:
    """Print the value of a key.

    If project.toml does not set it, the default is printed.
    """
    return Setting(key, get_value(read_text(context.project, PROJECT_FILE, context.text_at_base) or "", key))


@operation(command=Command("config set", takes_dashes=True), json=vars, writes=True)
def set_key(
    context: Context,
    key: Key,
    value: Annotated[str, Argument("The new value.", metavar="VALUE", positional=True)],
) -> Setting:
    """Set a key of project.toml.

    Comments and layout stay. An invalid value changes nothing.
    """
    path = context.project.project_toml
    # The lock keeps two commands from losing each other's change.
    with context.store.exclusive():
        if not path.is_file():
            hint = "Check out a branch that has it, or run 'huskies init'."
            raise HuskiesError(f"{path} is missing", hint=hint, code="not_found", subject=str(path))
        before = path.read_text(encoding="utf-8")
        after = set_value(before, key, value)
        _refuse_unknown_base(context, before, after)
        write_whole(path, after)
    context.forget_config()
    return get_key(context, key)


@operation(command=Command("config show"), json=show)
def show_config(context: Context) -> Config:
    """Show every key with its value.

    The values are those in force: of the files, or the defaults. The keys are those of 'get' and 'set'; the agents of
    agents.toml follow.
    """
    return context.config


@operation(
    command=Command("config mcp"),
    json=lambda file: {"path": str(file.path), "command": file.command, "changed": file.changed},
    writes=True,
)
def write_mcp(context: Context) -> McpFile:
    """Write .mcp.json for Claude Code.

    The file is at the root of the project. Its other servers stay; an existing entry of huskies is replaced.
    """
    return write_mcp_file(context.project, context.environ)


def _of_base(context: Context, settings: ProjectConfig) -> Iterable[Problem]:
    base = settings.base_branch or context.recorded_base
    if context.repository.branch_tip(base) is None:
        hint = "Create it, or set another one: huskies config set base_branch NAME."
        yield _problem(context, PROJECT_FILE, ("base_branch",), f"there is no base branch {base!r}", hint)


def _of_agents(context: Context, agents: Sequence[Agent]) -> Iterable[Problem]:
    for number, agent in enumerate(agents):
        problems = agent_problems(context, agent)
        yield from _located(context, AGENTS_FILE, ("agent", number), f"agent {agent.name}", problems)


def _located(
    context: Context, file: str, table: KeyPath, name: str, problems: Iterable[MachineProblem]
) -> Iterable[Problem]:
    """Yield the problems of a table of a file, with their lines."""
    for item in problems:
        yield _problem(context, file, (*table, item.key), f"{name}: {item.problem}", item.hint)


def _problem(context: Context, file: str, key: KeyPath, fact: str, hint: str) -> Problem:
    text = read_text(context.project, file, context.text_at_base) or ""
    return Problem(f"{STATE_FOLDER}/{file}", line_of(key_lines(text), key), fact, hint)


def _refuse_unknown_base(context: Context, before: str, after: str) -> None:
    base = get_value(after, "base_branch")
    if base is None or base == get_value(before, "base_branch"):
        return
    if context.repository.branch_tip(str(base)) is None:
        hint = "Create it first; 'git branch' lists the branches."
        raise HuskiesError(
            f"there is no branch {base}", hint=hint, code="unknown_branch", subject="base_branch"
        )
