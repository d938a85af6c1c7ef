"""agents.toml, checked key by key."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

from huskies_core.config.document import Document
from huskies_core.config.prompt_variables import explain_unknown, find_unknown_variables
from huskies_core.config.records import Agent, AgentStage
from huskies_core.config.table import Table, note_duplicates
from huskies_core.runtimes.known import runtime_names

_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = "HUSKIES_"
_COMMAND = "command"
_SANDBOX = "bwrap"


def read_agents(document: Document, data: Mapping[str, object]) -> tuple[Agent, ...]:
    """The agents as the file has them. Whether they may be used, `document.problems()` says afterwards."""
    top = Table(document, data)
    tables = top.tables("agent")
    agents = tuple(_agent(table) for table in tables)
    note_duplicates(tables, (agent.name for agent in agents))
    top.finish()
    return agents


def _agent(table: Table) -> Agent:
    for key in ("stage", "runtime"):
        table.require(key)
    runtime = table.word("runtime", _COMMAND, runtime_names())
    agent = Agent(
        name=table.required_line("name"),
        stage=table.choice("stage", AgentStage.OTHER),
        runtime=runtime,
        model=table.line("model"),
        command=_command(table, runtime),
        role=table.text("role") or "",
        prompt=_prompt(table),
        prompt_file=_prompt_file(table),
        system_prompt=table.text("system_prompt"),
        max_turns=table.optional_integer("max_turns"),
        max_tool_turns=table.optional_integer("max_tool_turns"),
        max_budget_usd=table.amount("max_budget_usd", positive=True),
        inactivity_timeout_secs=table.integer("inactivity_timeout_secs", Agent.inactivity_timeout_secs),
        max_wall_secs=table.integer("max_wall_secs", Agent.max_wall_secs),
        allowed_tools=table.strings("allowed_tools"),
        disallowed_tools=table.strings("disallowed_tools"),
        env=_env(table.table("env")),
        env_allow=_env_allow(table),
        sandbox=_sandbox(table),
        sandbox_read=_paths(table, "sandbox_read"),
        sandbox_write=_paths(table, "sandbox_write"),
        sandbox_network=table.flag("sandbox_network", default=Agent.sandbox_network),
    )
    table.finish()
    return agent


def _command(table: Table, runtime: str) -> tuple[str, ...]:
    if runtime == _COMMAND and table.has("runtime"):
        table.require("command")
    elif runtime != _COMMAND and table.has("command"):
        table.problem("command", f"command is for runtime command, not for {runtime}")
    return table.arguments("command")


def _prompt(table: Table) -> str | None:
    prompt = table.text("prompt")
    if prompt is not None and not prompt.strip():
        table.problem("prompt", "prompt is empty", "Leave it out to use the one that comes with huskies.")
    for name in find_unknown_variables(prompt or ""):
        table.problem("prompt", *explain_unknown(name))
    return prompt


def _prompt_file(table: Table) -> str | None:
    name = table.line("prompt_file")
    if name is None:
        return None
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        hint = "Write it relative to .huskies, such as prompts/coder.md."
        table.problem("prompt_file", f"prompt_file {name!r} leads out of .huskies", hint)
        return None
    if table.has("prompt"):
        table.problem("prompt_file", "prompt and prompt_file exclude each other", "Keep one of the two.")
    return str(path)


def _env(table: Table) -> Mapping[str, str]:
    for name in table.keys:
        _check_name(table, name, name)
    return MappingProxyType({name: table.text(name) or "" for name in table.keys})


def _env_allow(table: Table) -> tuple[str, ...]:
    names = table.strings("env_allow")
    for name in names:
        _check_name(table, "env_allow", name)
    return names


def _sandbox(table: Table) -> str | None:
    sandbox = table.text("sandbox")
    if sandbox is not None and sandbox != _SANDBOX:
        table.problem("sandbox", f"sandbox must be {_SANDBOX}, not {sandbox!r}", "Leave it out to have none.")
    for key in ("sandbox_read", "sandbox_write", "sandbox_network"):
        if sandbox is None and table.has(key):
            table.problem(key, f"{key} is for agents with a sandbox", f'Add sandbox = "{_SANDBOX}".')
    return sandbox


def _paths(table: Table, key: str) -> tuple[str, ...]:
    """Whether they are there, only the machine that starts the agent can tell."""
    paths = table.strings(key)
    for path in paths:
        plain = PurePosixPath(path)
        if ".." in plain.parts or not (plain.is_absolute() or path.startswith("~/")):
            table.problem(key, f"{path!r} is no path from / or ~/", "Write it whole, such as ~/.claude.")
    return paths


def _check_name(table: Table, key: str, name: str) -> None:
    if not _VARIABLE_NAME.fullmatch(name):
        table.problem(key, f"{name!r} is no name of an environment variable")
    elif name.startswith(_RESERVED):
        table.problem(
            key, f"{name} is set by huskies itself", "Choose a name that does not begin with HUSKIES_."
        )
