"""Types of a runtime, for the modules that start agents and for the supervisor that reads their output."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

LONGEST_LIMIT_SECS = 8 * 86_400.0
"""Rate limits last a week at most. A longer one is an error, for example milliseconds instead of seconds."""
LAST_WORDS = 400
"""Characters to keep of an agent's last message."""
TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_SESSION = re.compile(r"[A-Za-z0-9][\w.:-]{0,199}", re.ASCII)


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


@dataclass
class Reader:
    """Counts from an agent's output, all at zero before the first line. Each runtime derives its own reader.

    `usage` is by model, with the fields of supervisor.records.Usage as keys. Until `waiting_until`, in unix seconds, a
    silent agent is not inactive. `rate_limit` is the last one, until the model answers after a hard one. `denied` is
    the number of refusals by tool.
    """

    turns: int = 0
    tool_turns: int = 0
    usage: dict[str, dict[str, float]] = field(default_factory=dict)
    cost_usd: float = 0.0
    session_id: str | None = None
    waiting_until: float | None = None
    last_words: str = ""
    rate_limit: RateLimit | None = None
    failure: Failure | None = None
    denied: dict[str, int] = field(default_factory=dict)

    def feed(self, line: bytes) -> None:
        """Take one line of the output. Never raise."""
        raise NotImplementedError

    def set_rate_limit(self, limit: RateLimit) -> None:
        """Record a rate limit. The program may wait for the end of a hard one in silence."""
        self.rate_limit = limit
        self.waiting_until = limit.resets_at if limit.is_hard else None

    def clear_hard_limit(self) -> None:
        """Clear a hard rate limit, because the model has answered. Keep a soft one."""
        if self.rate_limit is not None and self.rate_limit.is_hard:
            self.rate_limit = None
        self.waiting_until = None

    def set_last_words(self, text: str) -> None:
        self.last_words = text.strip()[-LAST_WORDS:] or self.last_words

    def set_session(self, session: object) -> None:
        """Record a session id if it is safe as an argument of a command line."""
        if isinstance(session, str) and _SESSION.fullmatch(session):
            self.session_id = session

    def count_denied(self, tool: str) -> None:
        self.denied[tool] = self.denied.get(tool, 0) + 1

    def tokens_of(self, model: str) -> dict[str, float]:
        """Return the mutable token counts of a model."""
        return self.usage.setdefault(model, dict.fromkeys(TOKENS, 0))


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
    returns None for a line to print unchanged. `resumes`: the program can resume a session. `least_version`, compared
    with `program --version`, is the oldest tested version.
    """

    name: str
    program: str | None
    argv: Callable[[Assignment], tuple[str, ...]]
    make_reader: Callable[[], Reader]
    readable: Callable[[bytes], str | None]
    resumes: bool = False
    least_version: tuple[int, ...] = ()
