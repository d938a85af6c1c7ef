"""The problems of config files, each with its file and line."""

from collections.abc import Sequence
from dataclasses import dataclass

from huskies_core.errors import HuskiesError


@dataclass(frozen=True)
class Problem:
    """A problem at a line, counted from 1. `path` is relative to the project's root."""

    path: str
    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class ConfigError(HuskiesError):
    """The config is invalid. `problems` lists all problems in the order of the files; the message is the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        hint = first.hint or "Correct it; 'huskies config check' lists every problem."
        super().__init__(f"{first}{more}", hint=hint, code="config_error", subject=first.path)
        self.problems = tuple(problems)
