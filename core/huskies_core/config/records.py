"""The records of the config files: one class per table, with the type, the default and the rules of each key."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

from msgspec import Struct, field

from huskies_core.config import key_rules
from huskies_core.config.table import COMMAND, TEXT, TomlTable, one_of, some_of, whole_number
from huskies_core.qa_mode import QaMode
from huskies_core.runtimes.registry import runtime_names
from huskies_core.runtimes.runtime import Price

Arguments = Annotated[tuple[str, ...], COMMAND]
"""The argument list of a command, never a shell string. An empty list runs nothing."""

NonNegative = Annotated[int, whole_number(0)]
COMMAND_RUNTIME = "command"


class AgentStage(StrEnum):
    """The stages that agents.toml accepts: the kinds of runs with an agent.

    `RunKind` of the store has the same values and, for runs without an agent, two that agents.toml must refuse.
    """

    CODER = "coder"
    QA = "qa"
    MERGEMASTER = "mergemaster"
    OTHER = "other"


class AutoPromote(StrEnum):
    DEPENDENCIES = "dependencies"
    ALL = "all"


class Watcher(Struct, frozen=True):
    done_retention_secs: NonNegative = 14400
    reconcile_interval_secs: int = 30
    watchdog_interval_secs: int = 30


class MergeSettings(Struct, frozen=True):
    block_after_failures: int = 3
    mergemaster_attempts: int = 3
    starvation_secs: int = 3600


class Gate(Struct, frozen=True):
    """A command that accepts or rejects work by its exit code."""

    name: str
    command: Arguments
    timeout_secs: int = 1200


class Component(Struct, frozen=True):
    """A part of the project with a setup of its own. `path` is relative to the project's root."""

    name: str
    path: Annotated[str, key_rules.PATH_IN_PROJECT] = "."
    setup: Arguments = ()
    teardown: Arguments = ()
    timeout_secs: int = 600


class Budget(Struct, frozen=True):
    """The maximum cost of runs. None means no limit."""

    per_story_usd: float | None = None
    per_day_usd: float | None = None


class Topic(StrEnum):
    """The subject of a notification."""

    BLOCKED = "blocked"
    HELD = "held"
    MERGE_FAILED = "merge_failed"
    DONE = "done"
    BUDGET = "budget"
    RATE_LIMITED = "rate_limited"


class Notify(Struct, frozen=True):
    """The topics of notifications and their channels. `${NAME}` in an address is replaced from `.huskies/env`."""

    events: Annotated[tuple[Topic, ...], some_of(Topic)] = tuple(
        topic for topic in Topic if topic is not Topic.DONE
    )
    desktop: bool = False
    command: Arguments = ()
    webhook: Annotated[str | None, key_rules.WEBHOOK] = None
    apprise: Annotated[tuple[str, ...], key_rules.APPRISE_URLS] = ()
    batch_secs: Annotated[int, whole_number(0, 86_400)] = 60

    @property
    def is_on(self) -> bool:
        return bool(self.events and (self.desktop or self.command or self.webhook or self.apprise))


class ProjectConfig(Struct, frozen=True):
    """project.toml. `base_branch` None is the branch that `init` recorded; `max_retries` 0 is no limit."""

    default_qa: QaMode = QaMode.SERVER
    default_coder_model: str | None = None
    max_coders: int = 3
    max_gates: int = 2
    max_retries: NonNegative = 3
    base_branch: Annotated[str | None, key_rules.BRANCH] = None
    timezone: Annotated[str, key_rules.TIMEZONE] = "UTC"
    auto_promote: AutoPromote = AutoPromote.DEPENDENCIES
    retention_days: Annotated[int, whole_number(0, 36_500)] = 30
    gateway_url: Annotated[str | None, key_rules.GATEWAY_URL] = None
    gateway_project: str | None = None
    watcher: Watcher = Watcher()
    merge: MergeSettings = MergeSettings()
    gates: tuple[Gate, ...] = field(name="gate", default=())
    components: tuple[Component, ...] = field(name="component", default=())
    budget: Budget = Budget()
    pricing: Mapping[str, Price] = field(default_factory=lambda: MappingProxyType({}))
    notify: Notify = Notify()


class Agent(Struct, frozen=True):
    """An agent of agents.toml. `command` belongs to runtime command. None is no limit."""

    name: str
    stage: AgentStage
    runtime: Annotated[str, one_of(runtime_names())]
    model: str | None = None
    command: Arguments = ()
    role: Annotated[str, TEXT] = ""
    prompt: Annotated[str | None, key_rules.PROMPT] = None
    prompt_file: Annotated[str | None, key_rules.PROMPT_FILE] = None
    system_prompt: Annotated[str | None, TEXT] = None
    max_turns: int | None = None
    max_tool_turns: int | None = None
    max_budget_usd: float | None = None
    inactivity_timeout_secs: int = 300
    max_wall_secs: int = 14400
    allowed_tools: tuple[str, ...] = ()
    disallowed_tools: tuple[str, ...] = ()
    env: Mapping[str, Annotated[str, TEXT]] = field(default_factory=lambda: MappingProxyType({}))
    env_allow: Annotated[tuple[str, ...], key_rules.VARIABLE_NAMES] = ()
    sandbox: Annotated[str | None, key_rules.SANDBOX] = None
    sandbox_read: Annotated[tuple[str, ...], key_rules.SANDBOX_PATHS] = ()
    sandbox_write: Annotated[tuple[str, ...], key_rules.SANDBOX_PATHS] = ()
    sandbox_network: bool = True

    @staticmethod
    def check_keys(table: TomlTable) -> None:
        """Record the problems of keys that depend on each other, and of names inside a text or a table."""
        keys, runtime = table.data, table.data.get("runtime")
        if runtime != COMMAND_RUNTIME and runtime in runtime_names():
            if "command" in keys:
                table.problem("command", f"command is for runtime {COMMAND_RUNTIME}, not for {runtime}")
        elif runtime is not None:
            table.require("command")
        if "prompt" in keys and "prompt_file" in keys:
            table.problem("prompt_file", "prompt and prompt_file exclude each other", "Keep one of the two.")
        for key in ("sandbox_read", "sandbox_write", "sandbox_network"):
            if key in keys and "sandbox" not in keys:
                hint = f'Add sandbox = "{key_rules.SANDBOX_PROGRAM}".'
                table.problem(key, f"{key} is for agents with a sandbox", hint)
        key_rules.check_names(table)


class Config(Struct, frozen=True):
    project: ProjectConfig
    agents: tuple[Agent, ...]

    def agent(self, name: str) -> Agent | None:
        return next((agent for agent in self.agents if agent.name == name), None)
