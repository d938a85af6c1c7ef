"""The records of the config files: one class per table, with the type, the default and the rules of each key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Annotated

from huskies_core.config import checks
from huskies_core.config.table import Table, read_record
from huskies_core.qa_mode import QaMode
from huskies_core.runtimes.runtime import Price

Arguments = Annotated[tuple[str, ...], Table.arguments]
"""The argument list of a command, never a shell string. An empty list runs nothing."""

NonNegative = Annotated[int, partial(Table.integer, least=0)]


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


@dataclass(frozen=True)
class Watcher:
    done_retention_secs: NonNegative = 14400
    reconcile_interval_secs: int = 30
    watchdog_interval_secs: int = 30


@dataclass(frozen=True)
class MergeSettings:
    block_after_failures: int = 3
    mergemaster_attempts: int = 3
    starvation_secs: int = 3600


@dataclass(frozen=True)
class Gate:
    """A command that accepts or rejects work by its exit code."""

    name: str
    command: Arguments
    timeout_secs: int = 1200


@dataclass(frozen=True)
class Component:
    """A part of the project with a setup of its own. `path` is relative to the project's root."""

    name: str
    path: Annotated[str, checks.path_in_project] = "."
    setup: Arguments = ()
    teardown: Arguments = ()
    timeout_secs: int = 600


@dataclass(frozen=True)
class Budget:
    """The most that runs may cost. None is no limit."""

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


@dataclass(frozen=True)
class Notify:
    """The topics of notifications and their channels. `${NAME}` in an address is replaced from `.huskies/env`."""

    events: Annotated[tuple[Topic, ...], partial(Table.choices, kind=Topic)] = tuple(
        topic for topic in Topic if topic is not Topic.DONE
    )
    desktop: bool = False
    command: Arguments = ()
    webhook: Annotated[str | None, checks.webhook] = None
    apprise: Annotated[tuple[str, ...], checks.apprise_urls] = ()
    batch_secs: Annotated[int, partial(Table.integer, least=0, most=86_400)] = 60

    @property
    def is_on(self) -> bool:
        return bool(self.events and (self.desktop or self.command or self.webhook or self.apprise))


def _prices(table: Table, key: str) -> Mapping[str, Price]:
    models = table.table(key)
    return MappingProxyType({name: read_record(Price, models.table(name)) for name in models.data})


@dataclass(frozen=True)
class ProjectConfig:
    """project.toml. `base_branch` None is the branch that `init` recorded; `max_retries` 0 is no limit."""

    default_qa: QaMode = QaMode.SERVER
    default_coder_model: str | None = None
    max_coders: int = 3
    max_gates: int = 2
    max_retries: NonNegative = 3
    base_branch: Annotated[str | None, checks.branch] = None
    timezone: Annotated[str, checks.timezone] = "UTC"
    auto_promote: AutoPromote = AutoPromote.DEPENDENCIES
    retention_days: Annotated[int, partial(Table.integer, least=0, most=36_500)] = 30
    gateway_url: Annotated[str | None, checks.gateway_url] = None
    gateway_project: str | None = None
    watcher: Watcher = Watcher()
    merge: MergeSettings = MergeSettings()
    gates: tuple[Gate, ...] = ()
    components: tuple[Component, ...] = ()
    budget: Budget = Budget()
    pricing: Annotated[Mapping[str, Price], _prices] = field(default_factory=lambda: MappingProxyType({}))
    notify: Notify = Notify()


@dataclass(frozen=True)
class Agent:
    """An agent of agents.toml. `command` belongs to runtime command. None is no limit."""

    name: str
    stage: AgentStage
    runtime: Annotated[str, checks.runtime]
    model: str | None = None
    command: Annotated[tuple[str, ...], checks.agent_command] = ()
    role: Annotated[str, Table.text] = ""
    prompt: Annotated[str | None, checks.prompt] = None
    prompt_file: Annotated[str | None, checks.prompt_file] = None
    system_prompt: Annotated[str | None, Table.text] = None
    max_turns: int | None = None
    max_tool_turns: int | None = None
    max_budget_usd: float | None = None
    inactivity_timeout_secs: int = 300
    max_wall_secs: int = 14400
    allowed_tools: tuple[str, ...] = ()
    disallowed_tools: tuple[str, ...] = ()
    env: Annotated[Mapping[str, str], checks.environment] = field(
        default_factory=lambda: MappingProxyType({})
    )
    env_allow: Annotated[tuple[str, ...], checks.variable_names] = ()
    sandbox: Annotated[str | None, checks.sandbox] = None
    sandbox_read: Annotated[tuple[str, ...], checks.sandbox_paths] = ()
    sandbox_write: Annotated[tuple[str, ...], checks.sandbox_paths] = ()
    sandbox_network: bool = True


@dataclass(frozen=True)
class Config:
    project: ProjectConfig
    agents: tuple[Agent, ...]

    def agent(self, name: str) -> Agent | None:
        return next((agent for agent in self.agents if agent.name == name), None)
