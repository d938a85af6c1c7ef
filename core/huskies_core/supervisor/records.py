"""Records of a run that other processes read: its specification, its progress, and how it ended.

Times are unix seconds.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

from huskies_core.ids import RunId
from huskies_core.runtimes.runtime import TOKENS, Failure, Price, RateLimit
from huskies_core.supervisor.record_parsing import parse_record


class Role(StrEnum):
    SETUP = "setup"
    GATE = "gate"
    AGENT = "agent"
    MERGE = "merge"
    TEARDOWN = "teardown"


@dataclass(frozen=True)
class Step:
    """One program of a run. `stdin` is a file; None means /dev/null."""

    name: str
    role: Role
    argv: tuple[str, ...]
    cwd: str
    timeout_secs: float | None = None
    stdin: str | None = None


@dataclass(frozen=True)
class Limits:
    """None means no limit. All but max_wall_secs, which applies to the whole run, apply to agent steps only."""

    max_turns: int | None = None
    max_tool_turns: int | None = None
    max_budget_usd: float | None = None
    inactivity_timeout_secs: float | None = None
    max_wall_secs: float | None = None


@dataclass(frozen=True)
class RunSpec:
    """The steps run in order, up to the first that does not exit with 0. `env` is their whole environment.

    `reader` is the module that reads an agent's output, `advance` the program that the supervisor becomes at the end.
    `model` counts if the output names none; `prices` are by model. `held_database` is a database; its write-ahead log
    must exist until the end of the run, even when another process closes the store.
    """

    run_id: RunId
    project: str
    steps: tuple[Step, ...]
    env: Mapping[str, str]
    limits: Limits
    reader: str
    advance: tuple[str, ...]
    held_database: str | None = None
    model: str = ""
    prices: Mapping[str, Price] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the text of spec.json, which stays on disk for weeks: only the names of variables, no secrets."""
        return json.dumps({**asdict(self), "env": sorted(self.env)}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes, env: Mapping[str, str]) -> "RunSpec":
        """Parse what `to_json` wrote. Raise ValueError or TypeError for other content."""
        return replace(parse_record(cls, {**dict(json.loads(text)), "env": {}}), env=env)


@dataclass(frozen=True)
class Usage:
    """Tokens of one model in one run. `cost_usd` is None when neither the runtime nor a price gives it."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float | None = None

    def __add__(self, other: "Usage") -> "Usage":
        tokens = {name: getattr(self, name) + getattr(other, name) for name in TOKENS}
        costs = [usage.cost_usd for usage in (self, other) if usage.cost_usd is not None]
        return Usage(**tokens, cost_usd=sum(costs) if costs else None)


@dataclass(frozen=True)
class Progress:
    """Counts of a runtime's reader, with the same names and meanings. `step` is the current or last step."""

    step: str = ""
    turns: int = 0
    tool_turns: int = 0
    usage: Mapping[str, Usage] = field(default_factory=dict)
    cost_usd: float = 0.0
    session_id: str | None = None
    waiting_until: float | None = None
    last_words: str = ""
    rate_limit: RateLimit | None = None
    failure: Failure | None = None
    denied: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StepEnd:
    """How one step ended. Its output is the `length` bytes at `offset` in the log.

    A step that could not start has the exit code that a shell would return (126, 127), and `detail` has the reason.
    """

    name: str
    role: Role
    exit_code: int | None
    signal: int | None
    timed_out: bool
    detail: str
    started_at: float
    seconds: float
    offset: int
    length: int

    @property
    def passed(self) -> bool:
        return self.exit_code == 0 and not self.timed_out

    @property
    def summary(self) -> str:
        """Return how the step ended, in words. A program that could not be killed has neither exit code nor signal."""
        if self.detail or self.signal is not None:
            return self.detail or f"signal {self.signal}"
        return "still alive" if self.exit_code is None else f"exit {self.exit_code}"


@dataclass(frozen=True)
class LimitHit:
    """`limit` is the name of a field of Limits, `detail` the measured value."""

    limit: str
    detail: str


@dataclass(frozen=True)
class Exit:
    """How a run ended. `steps` are the started ones. `stopped`: the supervisor received SIGTERM; see kill.json.

    `survivors` are processes ("pid name") that could not be killed; `lost_output_bytes` did not fit on the disk.
    """

    steps: tuple[StepEnd, ...]
    limit: LimitHit | None
    stopped: bool
    progress: Progress
    lost_output_bytes: int
    survivors: tuple[str, ...]
    started_at: float
    at: float


@dataclass(frozen=True)
class ShimRecord:
    """The process of the supervisor: `started` distinguishes its pid from a later process with the same number.

    `detached` is the way in which it outlives its launcher: "session" or "scope".
    """

    pid: int
    started: float
    detached: str
