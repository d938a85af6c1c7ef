"""The configuration: checks of both files, single keys of project.toml, and the file for MCP clients."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from msgspec import Struct
from msgspec.structs import asdict

from huskies_core.argument import Argument
from huskies_core.config.document import ConfigError, Document, KeyFinding, KeyPath, Problem
from huskies_core.config.edit import get_value, set_value, show
from huskies_core.config.load import AGENTS_FILE, PROJECT_FILE, load_config, read_text
from huskies_core.config.records import Config
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.files import write_whole
from huskies_core.operations.machine_checks import agent_problems, gate_problems, notify_problems
from huskies_core.operations.mcp_file import McpFile, write_mcp_file
from huskies_core.operations.operation import Command, operation
from huskies_core.project import STATE_FOLDER

_KEY_HELP = "A key such as max_coders or watcher.done_retention_secs."
Key = Annotated[str, Argument(_KEY_HELP, metavar="KEY", positional=True, completion="keys")]


class Setting(Struct, frozen=True):
    """A key of project.toml with its value, or its default."""

    key: str
    value: object


@operation(
    command=Command("config check"), json=lambda problems: {"problems": [asdict(item) for item in problems]}
)
def check_config(context: Context) -> tuple[Problem, ...]:
    """Check both configuration files.

    Each problem is reported with its file and line. A missing base branch is a problem, and so is an agent with a
    program that is not on PATH. The exit code is 1 if there is a problem.
    """
    try:
        config = load_config(context.project, context.text_at_base)
    except ConfigError as error:
        return error.problems
    project, agents = (
        Document(f"{STATE_FOLDER}/{name}", read_text(context.project, name, context.text_at_base) or "")
        for name in (PROJECT_FILE, AGENTS_FILE)
    )
    base = config.project.base_branch or context.recorded_base
    if context.repository.branch_tip(base) is None:
        hint = "Create it, or set another one: huskies config set base_branch NAME."
        project.findings.append(KeyFinding(("base_branch",), f"there is no base branch {base!r}", hint))
    project.findings.extend(_in_table(("notify",), "notify", notify_problems(context, config.project.notify)))
    for number, gate in enumerate(config.project.gates):
        project.findings.extend(
            _in_table(("gate", number), f"gate {gate.name}", gate_problems(context, gate))
        )
    for number, agent in enumerate(config.agents):
        agents.findings.extend(
            _in_table(("agent", number), f"agent {agent.name}", agent_problems(context, agent))
        )
    return (*project.problems(), *agents.problems())


@operation(command=Command("config get"), json=asdict)
def get_key(context: Context, key: Key) -> Setting:
    """Print the value of a key.

    If project.toml does not set the key, its default is printed.
    """
    return Setting(key, get_value(read_text(context.project, PROJECT_FILE, context.text_at_base) or "", key))


@operation(command=Command("config set", takes_dashes=True), json=asdict, writes=True)
def set_key(
    context: Context,
    key: Key,
    value: Annotated[str, Argument("The new value.", metavar="VALUE", positional=True)],
) -> Setting:
    """Set a key of project.toml.

    Comments and layout are kept. An invalid value changes nothing.
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

    The keys are those that 'get' and 'set' accept. A key that project.toml does not set has its default. The agents of
    agents.toml follow the keys.
    """
    return context.config


@operation(
    command=Command("config mcp"),
    json=lambda file: {"path": str(file.path), "command": file.command, "changed": file.changed},
    writes=True,
)
def write_mcp(context: Context) -> McpFile:
    """Write .mcp.json for Claude Code.

    The file is in the root of the project. An existing entry of huskies is replaced; the entries of other servers are
    kept.
    """
    return write_mcp_file(context.project, context.environ)


def _in_table(table: KeyPath, name: str, findings: Iterable[KeyFinding]) -> Iterator[KeyFinding]:
    for item in findings:
        yield KeyFinding((*table, *item.path), f"{name}: {item.message}", item.hint)


def _refuse_unknown_base(context: Context, before: str, after: str) -> None:
    base = get_value(after, "base_branch")
    if base is None or base == get_value(before, "base_branch"):
        return
    if context.repository.branch_tip(str(base)) is None:
        fact, hint = f"there is no branch {base}", "Create it first; 'git branch' lists the branches."
        raise HuskiesError(fact, hint=hint, code="unknown_branch", subject="base_branch")
