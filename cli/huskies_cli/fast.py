"""`tick` and `advance` without Typer. What is not plain is handed over: Typer alone refuses and explains.

It imports next to nothing: pathlib, dataclasses, re and json each take as long as the whole answer."""

import os
import sys

from huskies_cli.session import Session
from huskies_cli.streams import ReaderGone, write_line

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING_DUE = (
    '{"huskies_json": 1, "command": "tick", "status": "ok", "exit_code": 0, '
    '"data": {"pass": "tick", "already_running": false, "actions": []}, "errors": []}'
)


def tick(arguments: list[str]) -> int | None:
    """The exit code of a tick with nothing due, or None: hand over."""
    heard = Session()
    if _hear(arguments, heard) != ["tick"] or os.environ.get("HUSKIES_RUN_ID"):
        return None
    try:
        state = _state_folder(heard.place or ".")
    except OSError:  # the current directory is gone
        return None
    if state is None or _is_due(state):
        return None
    if heard.json:
        _say_nothing_due()
    return 0


def advance(arguments: list[str], session: Session) -> int | None:
    """Records the end of a run and gives the exit code; or None: hand over, nothing has been done."""
    heard = Session()
    words = _hear(arguments, heard)
    if len(words) != 2 or words[0] != "advance" or not _is_number(words[1]):
        return None
    from huskies_cli.output import finish
    from huskies_cli.run_end import advance_run

    session.command = "advance"
    session.project, session.json, session.quiet = heard.project, heard.json, heard.quiet
    return finish(advance_run(session, int(words[1])), session)


def _hear(arguments: list[str], session: Session) -> list[str]:
    """The words that are no flags; none at all when a flag is not understood here."""
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument and not argument.startswith("-"):
            words.append(argument)
        elif not _hear_flag(argument, rest, session, of_tick=words == ["tick"]):
            return []
    return words


def _hear_flag(argument: str, rest: "Iterator[str]", session: Session, *, of_tick: bool) -> bool:
    if argument == "--json":
        session.json = True
        return True
    if argument == "--quiet":
        session.quiet = True
        return True
    if argument == "--dry-run":
        return of_tick
    name, equals, value = argument.partition("=")
    given = value if equals else next(rest, None)
    if name == "--project" and given is not None:
        session.project = given
        return True
    return name == "--wait" and of_tick and given is not None and _is_number(given)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _say_nothing_due() -> None:
    try:
        write_line(sys.stdout, NOTHING_DUE)
    except ReaderGone:
        return


def _is_due(state: str) -> bool:
    from huskies_core.passes.due import is_due

    return is_due(state)


def _state_folder(place: str) -> str | None:
    """The `.huskies` of the project whose main checkout `place` lies in; None for any other kind of place."""
    folder = os.path.realpath(place)
    if not os.path.isdir(folder):
        return None
    while not _is_repository(folder):
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return None
    state = os.path.join(folder, ".huskies")
    plain = os.path.isdir(os.path.join(folder, ".git")) and os.path.isfile(os.path.join(state, "state.db"))
    return state if plain else None


def _is_repository(folder: str) -> bool:
    git = os.path.join(folder, ".git")
    return (
        os.path.exists(os.path.join(git, "HEAD"))
        or os.path.isfile(git)
        or (os.path.isfile(os.path.join(folder, "HEAD")) and os.path.isdir(os.path.join(folder, "objects")))
    )
