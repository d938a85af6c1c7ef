"""What every reader keeps count of, and the one way to take a line of output for a JSON object."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from huskies_core.runtimes.runtime import Failure, RateLimit

LAST_WORDS = 400
"""Characters that are kept of what an agent said last."""
_SESSION = re.compile(r"[A-Za-z0-9][\w.:-]{0,199}", re.ASCII)
TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


@dataclass
class Counts:
    """The fields of interface.Reader, with nothing counted yet."""

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

    def meet_limit(self, limit: RateLimit) -> None:
        """A hard limit that says when it is over may be waited out: silence is no sign until then."""
        self.rate_limit = limit
        self.waiting_until = limit.resets_at if limit.is_hard else None

    def leave_limit(self) -> None:
        """The model has answered: a hard limit is over, a soft one stands."""
        if self.rate_limit is not None and self.rate_limit.is_hard:
            self.rate_limit = None
        self.waiting_until = None

    def say(self, text: str) -> None:
        self.last_words = text.strip()[-LAST_WORDS:] or self.last_words

    def belong_to(self, session: object) -> None:
        """Keeps a session's id. What could not be given back on a command line is none."""
        if isinstance(session, str) and _SESSION.fullmatch(session):
            self.session_id = session

    def used(self, model: str) -> dict[str, float]:
        """The tokens of a model, to be added to."""
        return self.usage.setdefault(model, dict.fromkeys(TOKENS, 0))


def parse_object(line: bytes) -> dict[str, Any] | None:
    """The JSON object that a line is; None for all else, however it is broken.

    Half a character, which a program leaves where it cuts a text, is a question mark: no file or store takes it.
    """
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        parsed = json.loads(line)
        if b"\\ud" in line.lower():
            parsed = json.loads(json.dumps(parsed, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def object_at(record: dict[str, Any], name: str) -> dict[str, Any]:
    """The object under a key, an empty one where there is none."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list, none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def amount(value: object) -> float:
    """A number that can be added up for years; 0 for what is none: true, NaN, infinity, what is negative or absurd."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        return 0
    return value
