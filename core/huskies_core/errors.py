"""The errors a person can act on. Everything else that is raised is a bug and stays one."""

from typing import ClassVar


class HuskiesError(Exception):
    """A fact (`message`) and what to do about it (`hint`); `code` is a stable word that scripts match on."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", code: str = "failed", subject: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.subject = subject

    def to_json(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "hint": self.hint, "subject": self.subject}


class Overtaken(HuskiesError):
    """Somebody else was faster: what was decided does not hold any more, and nothing was written."""


class UsageError(HuskiesError):
    """Arguments that make no sense together, or name nothing the command knows."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "", subject: str = "") -> None:
        super().__init__(message, hint=hint, code="usage", subject=subject)


class NoProject(HuskiesError):
    """There is no project where one was looked for."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, code="no_project")


class LockBusy(HuskiesError):
    """Somebody else held a lock for as long as the caller would wait."""

    exit_code = 75

    def __init__(self, message: str, *, hint: str = "Try again, or give --wait more seconds.") -> None:
        super().__init__(message, hint=hint, code="busy")
