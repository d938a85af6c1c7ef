"""Text of a config file to plain TOML data, and what is found wrong in it to lines of that file."""

import re
import tomllib
from dataclasses import dataclass, field

from huskies_core.config.positions import KeyPath, key_lines, line_of
from huskies_core.config.problems import Problem

_PLACE = re.compile(
    r"^(?P<fact>.*?)\s*\((?:at line (?P<line>\d+), column \d+|at end of document)\)$", re.DOTALL
)
_NO_CONTENT_HINT = (
    "A full disk leaves such files: restore it ('git checkout -- FILE'), or write a comment into it."
)


@dataclass(frozen=True)
class Finding:
    """Something wrong at a key, before anyone asked for its line."""

    path: KeyPath
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Document:
    """One config file: where it lies, its text, and what is found wrong while its data is read."""

    path: str
    text: str
    findings: list[Finding] = field(default_factory=list)

    def problems(self) -> tuple[Problem, ...]:
        """What was found, in the order of the file."""
        if not self.findings:
            return ()
        lines = key_lines(self.text)
        found = [
            Problem(self.path, line_of(lines, item.path), item.message, item.hint) for item in self.findings
        ]
        return tuple(sorted(found, key=lambda problem: problem.line))


def parse(document: Document) -> dict[str, object] | Problem:
    """The data of the document, or why it is not TOML."""
    if not document.text:
        return Problem(document.path, 1, "the file is empty", _NO_CONTENT_HINT)
    try:
        return tomllib.loads(document.text)
    except tomllib.TOMLDecodeError as error:
        return _syntax_problem(document, str(error))
    except RecursionError:
        return Problem(document.path, 1, "arrays or tables are nested too deeply")


def _syntax_problem(document: Document, told: str) -> Problem:
    place = _PLACE.match(told)
    last = document.text.rstrip("\n").count("\n") + 1
    line = int(place["line"]) if place and place["line"] else last
    fact = place["fact"] if place else told
    return Problem(document.path, line, f"not valid TOML: {fact[:1].lower()}{fact[1:]}")
