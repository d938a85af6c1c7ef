"""What a person is told: one message of one notice or of several, as text and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

LONGEST_REASON = 300


@dataclass(frozen=True)
class Notice:
    """One thing that happened. `what` is a sentence without its full stop, `title` that of the story it is about, and
    `command` what helps; every text is one line."""

    topic: str
    at: str
    what: str
    command: str
    story: int | None = None
    title: str = ""
    reason: str = ""

    @property
    def about(self) -> str:
        """`Fix the login (why)`."""
        why = f"({self.reason})" if self.reason else ""
        return " ".join(filter(None, (self.title, why)))

    @property
    def text(self) -> str:
        """`Story 12 is blocked: Fix the login (why)`, and the command on a line of its own."""
        return f"{': '.join(filter(None, (self.what, self.about)))}\n  {self.command}"


@dataclass(frozen=True)
class Message:
    """The newest notices of a project, oldest first; `more` is how many came before them."""

    project: str
    notices: tuple[Notice, ...]
    more: int = 0

    @property
    def title(self) -> str:
        count = len(self.notices) + self.more
        return f"{self.project}: {self.notices[0].what if count == 1 else f'{count} notices'}"

    @property
    def text(self) -> str:
        """What comes below the title; of a single notice what that does not say."""
        if len(self.notices) == 1 and not self.more:
            (one,) = self.notices
            return "\n".join(filter(None, (one.about, one.command)))
        before = [f"and {self.more} more: huskies history --all"] if self.more else []
        return "\n".join([*(notice.text for notice in self.notices), *before])

    def document(self) -> dict[str, Any]:
        """What a program or a webhook gets; `text` is the whole of it for who wants no more."""
        notices = [asdict(notice) for notice in self.notices]
        told = {"title": self.title, "text": f"{self.title}\n{self.text}"}
        return {"project": self.project, **told, "notices": notices, "more": self.more}


def message_of(document: Mapping[str, Any]) -> Message:
    """The message that was made into that document."""
    notices: Sequence[Mapping[str, Any]] = document["notices"]
    return Message(document["project"], tuple(Notice(**notice) for notice in notices), document["more"])
