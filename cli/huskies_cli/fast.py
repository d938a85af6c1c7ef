"""`tick` and `advance` without Typer. Unusual arguments are left to Typer, which reports errors.

It imports little: pathlib, dataclasses, re and json each take as long as an idle tick."""

import os
import sys

from huskies_cli.session import Session, state_folder
from huskies_cli.streams import ReaderClosed, write_line

TYPE_CHECKING = False  # importing typing takes longer than the rest
if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING_DUE = (
    '{"huskies_json": 1, "command": "tick", "status": "ok", "exit_code": 0, '
    '"data": {"pass": "tick", "already_running": false, "actions": []}, "errors": []}'
)


def tick(arguments: list[str]) -> int | None:
    """Return the exit code of a tick if no pass is due, or None to leave the tick to Typer."""
    parsed = Session()
    if _parse(arguments, parsed) != ["tick"] or os.environ.get("HUSKIES_RUN_ID"):
        return None
    try:
        state = state_folder(parsed.project_path or ".")
    except (OSError, ValueError):  # the current directory no longer exists, for example
        return None
    if state is None or not os.path.isfile(os.path.join(state, "state.db")):
        return None
    from huskies_core.passes.due import is_due

    if is_due(state):
        return None
    if parsed.json:
        try:
            write_line(sys.stdout, NOTHING_DUE)
        except ReaderClosed:
            return 0
    return 0


def advance(arguments: list[str], session: Session) -> int | None:
    """Record the end of a run and return the exit code, or return None to leave all of it to Typer."""
    parsed = Session()
    words = _parse(arguments, parsed)
    if len(words) != 2 or words[0] != "advance" or not _is_number(words[1]):
        return None
    from huskies_cli.output import finish
    from huskies_cli.reports import advance_run
    from huskies_core.ids import RunId

    session.command = "advance"
    session.project, session.json, session.quiet = parsed.project, parsed.json, parsed.quiet
    return finish(advance_run(session, RunId(int(words[1]))), session)


def _parse(arguments: list[str], session: Session) -> list[str]:
    """Set the flags in `session` and return the other words; return no words if a flag is unknown here."""
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument and not argument.startswith("-"):
            words.append(argument)
        elif not _parse_flag(argument, rest, session, of_tick=words == ["tick"]):
            return []
    return words


def _parse_flag(argument: str, rest: "Iterator[str]", session: Session, *, of_tick: bool) -> bool:
    if argument == "--json":
        session.json = True
        return True
    if argument == "--quiet":
        session.quiet = True
        return True
    if argument == "--dry-run":
        return of_tick
    name, equals, value = argument.partition("=")
    word = value if equals else next(rest, None)
    if name == "--project" and word is not None:
        session.project = word
        return True
    return name == "--wait" and of_tick and word is not None and _is_number(word)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
