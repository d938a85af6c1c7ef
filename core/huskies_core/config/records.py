"""What the config files say, with the default of every key. A record is made of checked values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class QaMode(StrEnum):
    SERVER = "server"
    AGENT = "agent"
    HUMAN = "human"


class AgentStage(StrEnum):
    CODER = "coder"
    QA = "qa"
    MERGEMASTER = "mergemaster"
    OTHER = "other"


class AutoPromote(StrEnum):
    DEPENDENCIES = "dependencies"
    ALL = "all"


@dataclass(frozen=True)
class Watcher:
    done_retention_secs: int = 14400
    reconcile_interval_secs: int = 30
    watchdog_interval_secs: int = 30


@dataclass(frozen=True)
class Merge:
    block_after_failures: int = 3
    mergemaster_attempts: int = 3
    starvation_secs: int = 3600


@dataclass(frozen=True)
class Gate:
    """A command whose exit code judges work; `command` is an argument list, never a shell string."""

    name: str
    command: tuple[str, ...]
    timeout_secs: int = 1200


@dataclass(frozen=True)
class Component:
    """A part of the project that is set up by itself. `path` is relative to the root; an empty list runs nothing."""

    name: str
    path: str = "."
    setup: tuple[str, ...] = ()
    teardown: tuple[str, ...] = ()
    timeout_secs: int = 600


@dataclass(frozen=True)
class Budget:
    """None is no limit."""

    per_story_usd: float | None = None
    per_day_usd: float | None = None


@dataclass(frozen=True)
class Pricing:
    """USD per million tokens."""

    input: float = 0.0
    output: float = 0.0
    cached_input: float = 0.0
    cache_write: float = 0.0


class Topic(StrEnum):
    """What a notification can be about."""

    BLOCKED = "blocked"
    HELD = "held"
    MERGE_FAILED = "merge_failed"
    DONE = "done"
    BUDGET = "budget"
    RATE_LIMITED = "rate_limited"


@dataclass(frozen=True)
class Notify:
    """What people are told of, and how. `${NAME}` in an address stands for a value of `.huskies/env`."""

    events: tuple[Topic, ...] = tuple(topic for topic in Topic if topic is not Topic.DONE)
    desktop: bool = False
    command: tuple[str, ...] = ()
    webhook: str | None = None
    apprise: tuple[str, ...] = ()
    batch_secs: int = 60

    @property
    def is_on(self) -> bool:
        return bool(self.events and (self.desktop or self.command or self.webhook or self.apprise))


@dataclass(frozen=True)
class ProjectConfig:
    """`base_branch` None: the one that `init` recorded. `max_retries` 0: no limit."""

    default_qa: QaMode = QaMode.SERVER
    default_coder_model: str | None = None
    max_coders: int = 3
    max_gates: int = 2
    max_retries: int = 3
    base_branch: str | None = None
    timezone: str = "UTC"
    auto_promote: AutoPromote = AutoPromote.DEPENDENCIES
    retention_days: int = 30
    gateway_url: str | None = None
    gateway_project: str | None = None
    watcher: Watcher = Watcher()
    merge: Merge = Merge()
    gates: tuple[Gate, ...] = ()
    components: tuple[Component, ...] = ()
    budget: Budget = Budget()
    pricing: Mapping[str, Pricing] = field(default_factory=lambda: MappingProxyType({}))
    notify: Notify = Notify()


@dataclass(frozen=True)
class Agent:
    """A program that can work on stories. `command` is its argument list with runtime command; None is no limit."""

    name: str
    stage: AgentStage
    runtime: str
    model: str | None = None
    command: tuple[str, ...] = ()
    role: str = ""
    prompt: str | None = None
    prompt_file: str | None = None
    system_prompt: str | None = None
    max_turns: int | None = None
    max_tool_turns: int | None = None
    max_budget_usd: float | None = None
    inactivity_timeout_secs: int = 300
    max_wall_secs: int = 14400
    allowed_tools: tuple[str, ...] = ()
    disallowed_tools: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    env_allow: tuple[str, ...] = ()
    sandbox: str | None = None
    sandbox_read: tuple[str, ...] = ()
    sandbox_write: tuple[str, ...] = ()
    sandbox_network: bool = True


@dataclass(frozen=True)
class Config:
    project: ProjectConfig
    agents: tuple[Agent, ...]

    def agent(self, name: str) -> Agent | None:
        return next((agent for agent in self.agents if agent.name == name), None)
