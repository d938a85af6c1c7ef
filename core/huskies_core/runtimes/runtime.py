"""What a runtime is, for those who start agents and for the supervisor that reads them: the standard library only."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

LONGEST_LIMIT_SECS = 8 * 86_400.0
"""Limits are for a week at most. A longer one is a mistake: milliseconds, say."""


@dataclass(frozen=True)
class RateLimit:
    """A limit of the agent's account, as its program told it. A soft one lets it go on, slower.

    `resets_at` is unix seconds; None: it did not say.
    """

    is_hard: bool
    resets_at: float | None = None
    detail: str = ""


def plausible_end(until: float | None, now: float) -> float | None:
    """The end of a wait that a program tells of, past ones too; None where it is none, or too far to be true."""
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
    """Why a program says it did not end well: at a limit of its own, or for an error that a try is spent on."""

    kind: FailureKind
    detail: str


class Reader(Protocol):
    """Counts what an agent's output tells of itself; `feed` takes a line and never raises.

    `usage` is by model, its keys the fields of runs.records.Usage. Until `waiting_until`, unix seconds, silence is no
    sign. `rate_limit` is the last one, gone again once the model answers after a hard one. `denied` says how often each
    tool was refused.
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
    """What one start asks of a program. `session` is the one to go on with; `mcp_server` is the argument list of the
    MCP server of the run's own, `mcp_config` the file that names it.

    `writable` are the folders outside of the worktree that the agent has to write to: those of git, and the store's.
    `is_confined`: a sandbox is around it already. The prompt comes on standard input, always.
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
    """`program` is what has to be on PATH; None: the agent's own `command`. `resumes`: it can go on with a session.

    `argv` is the whole argument list, never for a shell. `help_argv` prints the help that knows every flag of it, and
    `least_version` is the oldest that was tried; `program --version` tells its own.
    `readable` puts a line of its output in short, for a person; None: the line says it itself.
    """

    name: str
    program: str | None
    argv: Callable[[Assignment], tuple[str, ...]]
    make_reader: Callable[[], Reader]
    readable: Callable[[bytes], str | None]
    resumes: bool = False
    help_argv: tuple[str, ...] = ()
    least_version: tuple[int, ...] = ()
