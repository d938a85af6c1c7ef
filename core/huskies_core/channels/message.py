"""A notification message of one or more notices, and a channel that sends it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from huskies_core.errors import HuskiesError

LONGEST_REASON = 300
STEP_SECS = 30.0
"""The time limit of one step of a channel: a connection, an answer, a program."""


@dataclass(frozen=True)
class Notice:
    """An event to report. `what` is a sentence without a full stop, `title` the title of the story, and `command` the
    command that helps. Each text is one line."""

    topic: str
    at: str
    what: str
    command: str
    story: int | None = None
    title: str = ""
    reason: str = ""

    @property
    def about(self) -> str:
        """Return the story's title and the reason, as in `Fix the login (why)`."""
        reason = f"({self.reason})" if self.reason else ""
        return " ".join(filter(None, (self.title, reason)))

    @property
    def text(self) -> str:
        """Return `Story 12 is blocked: Fix the login (why)`, and the command on the next line."""
        return f"{': '.join(filter(None, (self.what, self.about)))}\n  {self.command}"


@dataclass(frozen=True)
class Message:
    """The newest notices of a project, oldest first. `more` is the number of earlier notices that are left out."""

    project: str
    notices: tuple[Notice, ...]
    more: int = 0

    @property
    def title(self) -> str:
        count = len(self.notices) + self.more
        return f"{self.project}: {self.notices[0].what if count == 1 else f'{count} notices'}"

    @property
    def text(self) -> str:
        """Return the text below the title. For a single notice, do not repeat the title."""
        if len(self.notices) == 1 and not self.more:
            (notice,) = self.notices
            return "\n".join(filter(None, (notice.about, notice.command)))
        omitted = [f"and {self.more} more: huskies history --all"] if self.more else []
        return "\n".join([*(notice.text for notice in self.notices), *omitted])

    def to_json(self) -> dict[str, Any]:
        """Return the JSON for programs and webhooks. `text` is the whole message as text."""
        texts = {"title": self.title, "text": f"{self.title}\n{self.text}"}
        return {"project": self.project, **texts, "notices": [*map(asdict, self.notices)], "more": self.more}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Message":
        return cls(data["project"], tuple(Notice(**notice) for notice in data["notices"]), data["more"])


@dataclass(frozen=True)
class Channel:
    """A channel with a unique `name`.

    `send` returns when the message was delivered or accepted. It raises HuskiesError without secrets in its texts.
    """

    name: str
    send: Callable[[Message], None] = field(repr=False)


def channel_error(fact: str, hint: str = "") -> HuskiesError:
    return HuskiesError(fact, hint=hint, code="channel")
