"""What a run tells: how far it is, and how it ended as the shim saw it. Times are unix seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from huskies_core.runtimes.runtime import Failure, FailureKind, RateLimit
from huskies_core.supervisor.spec import Role


@dataclass(frozen=True)
class Usage:
    """Tokens of one model in one run. `cost_usd` None: the runtime reported none."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float | None = None

    def __add__(self, other: "Usage") -> "Usage":
        money = [used.cost_usd for used in (self, other) if used.cost_usd is not None]
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            sum(money) if money else None,
        )


@dataclass(frozen=True)
class Progress:
    """`step` is the one that runs, or ran last; `waiting_until` a rate limit that the agent waits out.

    The rest is as a runtime's reader has it.
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
    def from_raw(cls, raw: Mapping[str, Any]) -> "Progress":
        limit, failure = raw["rate_limit"], raw["failure"]
        return cls(
            **{
                **raw,
                "usage": {model: Usage(**usage) for model, usage in raw["usage"].items()},
                "rate_limit": None if limit is None else RateLimit(**limit),
                "failure": None
                if failure is None
                else Failure(FailureKind(failure["kind"]), failure["detail"]),
            }
        )


@dataclass(frozen=True)
class StepEnd:
    """How one step ended; its output lies at `offset`, `length` bytes long, in the log.

    A step that could not be started has the exit code a shell would give (126, 127), and `detail` says why.
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

    @classmethod
    def from_raw(cls, raw: Mapping[str, Any]) -> "StepEnd":
        return cls(**{**raw, "role": Role(raw["role"])})


@dataclass(frozen=True)
class LimitHit:
    """`limit` is a field's name of Limits, `detail` the measured fact."""

    limit: str
    detail: str


@dataclass(frozen=True)
class Exit:
    """`steps` are those that were started. `stopped`: the shim was asked to end; kill.json says what for.

    `survivors` ("pid name") would not die, `lost_output_bytes` did not fit on the disk.
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
    def from_raw(cls, raw: Mapping[str, Any]) -> "Exit":
        limit = raw["limit"]
        return cls(
            **{
                **raw,
                "steps": tuple(StepEnd.from_raw(step) for step in raw["steps"]),
                "limit": None if limit is None else LimitHit(**limit),
                "progress": Progress.from_raw(raw["progress"]),
                "survivors": tuple(raw["survivors"]),
            }
        )


@dataclass(frozen=True)
class ShimRecord:
    """Who supervises: `started` tells its pid from a later process of the same number; `detached` is how it
    outlives its starter, "session" or "scope".
    """

    pid: int
    started: float
    detached: str
