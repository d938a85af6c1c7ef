"""The results of commands, and their output as text or JSON."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Self

from msgspec import Struct, field
from msgspec.structs import asdict

from huskies_cli.session import Session
from huskies_cli.streams import ReaderClosed, print_message, write_line
from huskies_core.errors import HuskiesError
from huskies_core.sanitize import one_line, without_controls

JSON_VERSION = 1


class ErrorItem(Struct, frozen=True):
    """An error: `code` is a stable word, `subject` an id or a path."""

    code: str
    message: str
    hint: str = ""
    subject: str = ""

    @classmethod
    def of(cls, error: HuskiesError) -> Self:
        return cls(error.code, error.message, error.hint, error.subject)


class Result(Struct, frozen=True):
    """The result of a command. Control characters are removed from `text`; a callable returns text of `render`.

    `messages` are printed on stderr, unless --quiet is given. `done` is the number of items that succeeded.
    """

    data: Mapping[str, object] = field(default_factory=dict)
    text: str | Callable[[], str] = ""
    errors: tuple[ErrorItem, ...] = ()
    messages: tuple[str, ...] = ()
    done: int = 0
    exit_code: int | None = None

    @property
    def status(self) -> str:
        return "ok" if not self.errors else "partial" if self.done else "error"

    @property
    def code(self) -> int:
        return (1 if self.errors else 0) if self.exit_code is None else self.exit_code


class Stream(Struct, frozen=True):
    """Objects that are printed as they are yielded: as a line of JSON with --json, else by `line`."""

    objects: Iterable[Mapping[str, object]]
    line: Callable[[Mapping[str, object]], str]


def finish(outcome: Result | Stream, session: Session) -> int:
    """Print a result and return the exit code, also if stdout has no reader any more."""
    if isinstance(outcome, Stream):
        return _follow(outcome, session)
    try:
        _print_json(envelope(outcome, session.command)) if session.json else _print_text(outcome, session)
    except ReaderClosed:
        pass
    except OSError:
        session.streaming = True  # stdout takes no second envelope: the error is printed on stderr
        raise
    return outcome.code


def fail(error: HuskiesError, session: Session) -> int:
    """Print an error and return its exit code."""
    result = Result(errors=(ErrorItem.of(error),), exit_code=error.exit_code)
    if session.json and not session.streaming:
        with suppress(OSError):
            return finish(result, session)
    _print_errors(result.errors)
    return result.code


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Return whether --json is given before a `--`, for arguments that could not be parsed."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


def envelope(result: Result, command: str) -> dict[str, object]:
    return {
        "huskies_json": JSON_VERSION,
        "command": command,
        "status": result.status,
        "exit_code": result.code,
        "data": dict(result.data),
        "errors": [asdict(item) for item in result.errors],
    }


def _follow(stream: Stream, session: Session) -> int:
    with suppress(ReaderClosed):
        for item in stream.objects:
            session.streaming = True
            _print_json(item) if session.json else write_line(sys.stdout, stream.line(item))
    return 0


def _print_json(document: Mapping[str, object]) -> None:
    write_line(sys.stdout, json.dumps(document))


def _print_text(result: Result, session: Session) -> None:
    text = without_controls(result.text) if isinstance(result.text, str) else result.text()
    try:
        if text:
            write_line(sys.stdout, text.removesuffix("\n"))
    finally:
        _print_errors(result.errors)
        for line in result.messages:
            session.say(line)


def _print_errors(errors: Iterable[ErrorItem]) -> None:
    for item in errors:
        lines = (f"huskies: {one_line(item.message)}", f"  {one_line(item.hint)}" if item.hint else "")
        print_message("\n".join(filter(None, lines)))
