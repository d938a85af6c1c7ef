"""A config file: its text, its TOML data, and the problems of its keys with their lines."""

import re
import tomllib
from dataclasses import dataclass, field

from huskies_core.config.positions import KeyPath, key_lines, line_of
from huskies_core.config.problems import Problem

_POSITION = re.compile(
    r"^(?P<fact>.*?)\s*\((?:at line (?P<line>\d+), column \d+|at end of document)\)$", re.DOTALL
)


@dataclass(frozen=True)
class KeyFinding:
    """A problem at a key. `Document.problems` looks up the line."""

    path: KeyPath
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Document:
    """A config file. `findings` collects the problems while its data is read."""

    path: str
    text: str
    findings: list[KeyFinding] = field(default_factory=list)

    def problems(self) -> tuple[Problem, ...]:
        """Return the findings as problems, in the order of the file."""
        if not self.findings:
            return ()
        lines = key_lines(self.text)
        problems = [
            Problem(self.path, line_of(lines, item.path), item.message, item.hint) for item in self.findings
        ]
        return tuple(sorted(problems, key=lambda problem: problem.line))


def parse(document: Document) -> dict[str, object] | Problem:
    """Return the data of the document, or a problem if it is not TOML."""
    if not document.text:
        hint = "A full disk can cause this. Restore it ('git checkout -- FILE'), or write a comment into it."
        return Problem(document.path, 1, "the file is empty", hint)
    try:
        return tomllib.loads(document.text)
    except tomllib.TOMLDecodeError as error:
        return _syntax_problem(document, str(error))
    except RecursionError:
        return Problem(document.path, 1, "arrays or tables are nested too deeply")


def _syntax_problem(document: Document, message: str) -> Problem:
    position = _POSITION.match(message)
    last = document.text.rstrip("\n").count("\n") + 1
    line = int(position["line"]) if position and position["line"] else last
    fact = position["fact"] if position else message
    return Problem(document.path, line, f"not valid TOML: {fact[:1].lower()}{fact[1:]}")
