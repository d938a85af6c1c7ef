"""What a run has printed, as it lies in its log or as it comes."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.runtimes.known import load_runtime
from huskies_core.sanitize import tail, without_controls
from huskies_core.store import runs, stories
from huskies_core.store.runs import Run
from huskies_core.supervisor.liveness import is_alive
from huskies_core.supervisor.run_directory import RunDirectory

CHUNK_BYTES = 256 * 1024
LONGEST_LINE = 1024 * 1024
LAST_BYTES = 64 * 1024
_LONGEST_CHARACTER = 4
"""Bytes of UTF-8."""


@dataclass(frozen=True)
class Log:
    """The log of one run."""

    run: Run
    directory: RunDirectory


def find_log(context: Context, story: int, run: int | None = None) -> Log:
    """The log of `run`, or of the story's live run, or of its last one.

    Raises HuskiesError `not_found` without such a story or run, `no_runs` before the first one, and `no_output` when
    the run's files are gone.
    """
    with context.store.reading() as db:
        stories.load(db, story)
        found = runs.of_story(db, story)
    chosen = _choose(found, story, run)
    directory = RunDirectory(context.project.run_dir(chosen.id))
    if not os.path.isdir(directory.path):
        hint = "They are kept for retention_days (huskies config get retention_days)."
        raise HuskiesError(
            f"the files of run {chosen.id} are gone", hint=hint, code="no_output", subject=str(chosen.id)
        )
    return Log(chosen, directory)


@dataclass(frozen=True)
class Latest:
    """The end of a log; `is_whole` when that is all there is."""

    text: str
    is_whole: bool


def latest(log: Log, limit: int) -> Latest:
    """The last lines that fit into `limit` characters, as a terminal may see them; `limit` 0 is all of them."""
    start = max(0, _size(log.directory.output) - limit * _LONGEST_CHARACTER) if limit else 0
    text = readable_text(read(log, start), log.run)
    if start:
        text = text.partition("\n")[2] or text  # the line that the start is in the middle of
    cut = tail(text, limit) if limit else text
    return Latest(cut, is_whole=not start and cut == text)


def last_line(directory: RunDirectory, run: Run) -> str:
    """What a run printed last that says anything, as a terminal may see it; empty where there is none. Only the end
    of the log is read."""
    start = max(0, _size(directory.output) - LAST_BYTES)
    lines = _read_at(directory.output, start).split(b"\n")[1 if start else 0 :]
    told = (readable(line, run).strip().rpartition("\n")[2] for line in reversed(lines))
    return next((line for line in told if line), "")


def size(log: Log) -> int:
    """Bytes that have been printed."""
    return _size(log.directory.output)


def read(log: Log, start: int = 0) -> Iterator[bytes]:
    """What has been printed so far, from the byte `start` on, in pieces."""
    position = start
    while piece := _read_at(log.directory.output, position):
        position += len(piece)
        yield piece


def follow(log: Log, pause: Callable[[], object]) -> Iterator[bytes]:
    """What has been printed and what comes, until the run is over; `pause` is called when there is nothing new.

    A log that was cut short is read from its beginning again.
    """
    position = 0
    while True:
        # Asked before reading: what is printed between the two is read, or the next round reads it.
        over = is_over(log.directory)
        if _size(log.directory.output) < position:
            position = 0
        piece = _read_at(log.directory.output, position)
        position += len(piece)
        if piece:
            yield piece
        elif over:
            return
        else:
            pause()


def is_over(directory: RunDirectory) -> bool:
    """Whether nothing will be printed any more: the supervisor has written the end, or is dead."""
    return os.path.exists(directory.exit) or not is_alive(directory)


def lines_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines without their ends; the last may be torn, and one that never ends is given in parts."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        if len(rest) > LONGEST_LINE:
            yield rest
            rest = b""
    if rest:
        yield rest


def readable_text(pieces: Iterable[bytes], run: Run) -> str:
    """All of it as a terminal may see it."""
    return "".join(f"{readable(line, run)}\n" for line in lines_of(pieces))


def readable(line: bytes, run: Run) -> str:
    """A line as a terminal may see it: as its runtime puts it in short, and of a progress bar what it left."""
    told = load_runtime(run.runtime).readable(line) if run.runtime else None
    text = line.decode(errors="replace").rstrip("\r").rpartition("\r")[2] if told is None else told
    return without_controls(text)


def _choose(found: tuple[Run, ...], story: int, run: int | None) -> Run:
    if run is not None:
        chosen = next((one for one in found if one.id == run), None)
        if chosen is None:
            hint = f"'huskies run list --story {story}' shows them."
            raise HuskiesError(
                f"story {story} has no run {run}", hint=hint, code="not_found", subject=str(run)
            )
        return chosen
    if not found:
        hint = f"'huskies explain {story}' says what it waits for."
        raise HuskiesError(f"story {story} has had no run yet", hint=hint, code="no_runs", subject=str(story))
    return next((one for one in found if one.is_live), found[-1])


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _read_at(path: str, position: int) -> bytes:
    try:
        with open(path, "rb") as log:
            log.seek(position)
            return log.read(CHUNK_BYTES)
    except FileNotFoundError:
        return b""
