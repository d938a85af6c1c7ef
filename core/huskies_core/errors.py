"""Errors that a person can act on. Every other exception is a bug."""

from typing import ClassVar


class HuskiesError(Exception):
    """A fact (`message`) and advice (`hint`). `code` is a stable word for scripts. Each class has a default."""

    exit_code: ClassVar[int] = 1
    default_code: ClassVar[str] = "failed"

    def __init__(self, message: str, *, hint: str = "", code: str = "", subject: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code
        self.subject = subject

    def to_json(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "hint": self.hint, "subject": self.subject}


class StoryError(HuskiesError):
    """An error about a story. The message begins with the story's id, which is the subject as well."""

    def __init__(self, story: int, fact: str, *, code: str, hint: str = "") -> None:
        super().__init__(f"story {story} {fact}", hint=hint, code=code, subject=str(story))


class Overtaken(HuskiesError):
    """Another process changed the state after a decision. Nothing was written."""


class UsageError(HuskiesError):
    """Arguments that contradict each other, or a name that the command does not know."""

    exit_code = 2
    default_code = "usage"


class NoProject(HuskiesError):
    """The search for a project found none."""

    exit_code = 4
    default_code = "no_project"


class LockBusy(HuskiesError):
    """Another process had a lock for as long as the caller waited."""

    exit_code = 75

    def __init__(self, message: str, *, hint: str = "Try again, or give --wait more seconds.") -> None:
        super().__init__(message, hint=hint, code="busy")
