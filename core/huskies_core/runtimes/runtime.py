"""Types of a runtime, for the modules that start agents and for the supervisor that reads their output."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

LONGEST_LIMIT_SECS = 8 * 86_400.0
"""Rate limits last a week at most. A longer one is an error, for example milliseconds instead of seconds."""


@dataclass(frozen=True)
class RateLimit:
    """A rate limit of the agent's account, as its program reported it. A soft one only slows the agent down.

    `resets_at` is unix seconds, None if the program named no time.
    """

    is_hard: bool
    resets_at: float | None = None
    detail: str = ""


def plausible_end(until: float | None, now: float) -> float | None:
    """Return the end of a reported wait, also a past one. Return None if it is later than any rate limit lasts."""
    return until if until is not None and until <= now + LONGEST_LIMIT_SECS else None


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens."""

    input: float = 0.0
    output: float = 0.0
    cached_input: float = 0.0
    cache_write: float = 0.0


class FailureKind(StrEnum):
    LIMIT = "limit"
    ERROR = "error"


@dataclass(frozen=True)
class Failure:
    """Reason why a program reported failure: a limit of its own, or an error that counts as an attempt."""

    kind: FailureKind
    detail: str


class Reader(Protocol):
    """Counts from an agent's output. `feed` takes one line and never raises.

    `usage` is by model, with the fields of supervisor.records.Usage as keys. Until `waiting_until`, in unix seconds, a
    silent agent is not inactive. `rate_limit` is the last one, until the model answers after a hard one. `denied` is
    the number of refusals by tool.
    """

    turns: int
    tool_turns: int
    usage: dict[str, dict[str, float]]
    cost_usd: float
    session_id: str | None
    waiting_until: float | None
    last_words: str
    rate_limit: RateLimit | None
    failure: Failure | None
    denied: dict[str, int]

    def feed(self, line: bytes) -> None: ...


@dataclass(frozen=True)
class Assignment:
    """Parameters of one start of a program, which reads its prompt from standard input.

    `session` is the one to resume. `mcp_server` is the argument list of the run's own MCP server, `mcp_config` the file
    that names it. `writable` are the folders outside the worktree that the agent must write to: git's and the store's.
    `is_confined`: Huskies runs the program in its own sandbox.
    """

    command: tuple[str, ...] = ()
    model: str | None = None
    system_prompt: str | None = None
    max_budget_usd: float | None = None
    allowed_tools: tuple[str, ...] = ()
    disallowed_tools: tuple[str, ...] = ()
    session: str | None = None
    mcp_config: str | None = None
    mcp_server: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    is_confined: bool = False


@dataclass(frozen=True)
class Runtime:
    """One kind of program. `program` must be on PATH; None means the agent's own `command`.

    `argv` returns the whole argument list, never for a shell. `readable` shortens a line of output for a person, and
    returns None for a line to print unchanged. `resumes`: the program can resume a session. `help_argv` prints the help
    that names every flag of `argv`; `least_version`, compared with `program --version`, is the oldest tested version.
    """

    name: str
    program: str | None
    argv: Callable[[Assignment], tuple[str, ...]]
    make_reader: Callable[[], Reader]
    readable: Callable[[bytes], str | None]
    resumes: bool = False
    help_argv: tuple[str, ...] = ()
    least_version: tuple[int, ...] = ()
