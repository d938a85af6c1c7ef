"""Records of a run as the shim writes them: its progress, and how it ended. Times are unix seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from huskies_core.runtimes.runtime import Failure, FailureKind, RateLimit
from huskies_core.supervisor.spec import Role


@dataclass(frozen=True)
class Usage:
    """Tokens of one model in one run. `cost_usd` is None when neither the runtime nor a price gives it."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float | None = None

    def __add__(self, other: "Usage") -> "Usage":
        costs = [usage.cost_usd for usage in (self, other) if usage.cost_usd is not None]
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            sum(costs) if costs else None,
        )


@dataclass(frozen=True)
class Progress:
    """Counts of a runtime's reader. `step` is the current or last step.

    `waiting_until` is the end of a rate limit that the agent waits for.
    """

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

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Progress":
        limit, failure = document["rate_limit"], document["failure"]
        parsed = {
            "usage": {model: Usage(**usage) for model, usage in document["usage"].items()},
            "rate_limit": limit and RateLimit(**limit),
            "failure": failure and Failure(FailureKind(failure["kind"]), failure["detail"]),
        }
        return cls(**{**document, **parsed})


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

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "StepEnd":
        return cls(**{**document, "role": Role(document["role"])})


@dataclass(frozen=True)
class LimitHit:
    """`limit` is the name of a field of Limits, `detail` the measured value."""

    limit: str
    detail: str


@dataclass(frozen=True)
class Exit:
    """How a run ended. `steps` are the started ones. `stopped`: the shim received SIGTERM; see kill.json.

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

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Exit":
        limit = document["limit"]
        parsed = {
            "steps": tuple(StepEnd.from_json(step) for step in document["steps"]),
            "limit": None if limit is None else LimitHit(**limit),
            "progress": Progress.from_json(document["progress"]),
            "survivors": tuple(document["survivors"]),
        }
        return cls(**{**document, **parsed})


@dataclass(frozen=True)
class ShimRecord:
    """The shim process: `started` distinguishes its pid from a later process with the same number.

    `detached` is the way in which it outlives its starter: "session" or "scope".
    """

    pid: int
    started: float
    detached: str
