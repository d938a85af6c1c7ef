"""Read the output of a run once, or follow it."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated

from msgspec import Struct

from huskies_core.argument import Argument
from huskies_core.context import Context
from huskies_core.errors import HuskiesError, StoryError
from huskies_core.ids import RunId, StoryId
from huskies_core.operations.common_arguments import StoryArgument
from huskies_core.operations.operation import operation
from huskies_core.operations.record_json import run_json
from huskies_core.runtimes.registry import load_runtime
from huskies_core.sanitize import tail, without_controls
from huskies_core.store import runs, stories
from huskies_core.store.runs import Run
from huskies_core.supervisor.run_directory import RunDirectory, is_alive

CHUNK_BYTES = 256 * 1024
LONGEST_LINE = 1024 * 1024
LAST_BYTES = 64 * 1024
MOST_OUTPUT = 20_000
_LONGEST_CHARACTER = 4
"""Bytes of UTF-8."""


class Log(Struct, frozen=True):
    """The log of one run."""

    run: Run
    directory: RunDirectory


def find_log(context: Context, story: StoryId, run: RunId | None = None) -> Log:
    """Return the log of `run`, or of the story's live run, or of its last one.

    Raise HuskiesError `not_found` for a story or run that does not exist, `no_runs` before the first run, and
    `no_output` if the run's files were removed.
    """
    with context.store.reading() as db:
        stories.load(db, story)
        history = runs.of_story(db, story)
    if run is not None:
        history = tuple(item for item in history if item.id == run)
        if not history:
            fact, hint = f"story {story} has no run {run}", f"'huskies run list --story {story}' shows them."
            raise HuskiesError(fact, hint=hint, code="not_found", subject=str(run))
    if not history:
        hint = f"'huskies explain {story}' shows its blockers."
        raise StoryError(story, "has had no run yet", hint=hint, code="no_runs")
    chosen = next((item for item in history if item.is_live), history[-1])
    directory = RunDirectory(context.project.run_dir(chosen.id))
    if not os.path.isdir(directory.path):
        fact = f"the files of run {chosen.id} were removed"
        hint = "They are kept for retention_days (huskies config get retention_days)."
        raise HuskiesError(fact, hint=hint, code="no_output", subject=str(chosen.id))
    return Log(chosen, directory)


class Output(Struct, frozen=True):
    """The end of the output of a run; `is_whole` if it is the whole output."""

    run: Run
    text: str
    is_whole: bool


@operation(
    "get_output",
    json=lambda output: {"run": run_json(output.run), "output": output.text, "whole": output.is_whole},
)
def get_output(
    context: Context,
    story: StoryArgument,
    run: Annotated[
        RunId | None, Argument("The run's number; by default the story's live run, or its last one.", least=1)
    ] = None,
    limit: Annotated[
        int, Argument("The number of last characters to show; 0 shows all.", least=0)
    ] = MOST_OUTPUT,
) -> Output:
    """Return the end of a run's output, without control characters."""
    return latest(find_log(context, story, run), limit)


def latest(log: Log, limit: int) -> Output:
    """Return the last lines that fit into `limit` characters, safe for a terminal; `limit` 0 is all of them."""
    start = max(0, size(log.directory) - limit * _LONGEST_CHARACTER) if limit else 0
    text = readable_text(read(log, start), log.run)
    if start:
        text = text.partition("\n")[2] or text  # drop the partial first line
    cut = tail(text, limit) if limit else text
    return Output(log.run, cut, is_whole=not start and cut == text)


def last_line(directory: RunDirectory, run: Run) -> str:
    """Return the last line that is not blank, safe for a terminal, or "". Only the end of the log is read."""
    start = max(0, size(directory) - LAST_BYTES)
    lines = _read_at(directory, start).split(b"\n")[1 if start else 0 :]
    texts = (readable(line, run).strip().rpartition("\n")[2] for line in reversed(lines))
    return next((text for text in texts if text), "")


def size(directory: RunDirectory) -> int:
    """Return the size of the output in bytes."""
    try:
        return os.stat(directory.output).st_size
    except FileNotFoundError:
        return 0


def read(log: Log, start: int = 0) -> Iterator[bytes]:
    """Yield the output so far from the byte `start` on, in pieces."""
    position = start
    while piece := _read_at(log.directory, position):
        position += len(piece)
        yield piece


def follow(log: Log, pause: Callable[[], object]) -> Iterator[bytes]:
    """Yield the output until the supervisor has written the end of the run or is dead.

    Call `pause` while there is nothing new. A log that was truncated is read from its beginning again.
    """
    position = 0
    while True:
        # Checked before reading: output that is written in between is read now or in the next round.
        ended = os.path.exists(log.directory.exit) or not is_alive(log.directory)
        if size(log.directory) < position:
            position = 0
        piece = _read_at(log.directory, position)
        position += len(piece)
        if piece:
            yield piece
        elif ended:
            return
        else:
            pause()


def lines_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield whole lines without their ends; the last may be incomplete, and a very long one comes in parts."""
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
    """Return the whole output, safe for a terminal."""
    return "".join(f"{readable(line, run)}\n" for line in lines_of(pieces))


def readable(line: bytes, run: Run) -> str:
    """Return a line, safe for a terminal: shortened by its runtime, or the last state of a progress bar."""
    short = load_runtime(run.runtime).readable(line) if run.runtime else None
    text = line.decode(errors="replace").rstrip("\r").rpartition("\r")[2] if short is None else short
    return without_controls(text)


def _read_at(directory: RunDirectory, position: int) -> bytes:
    try:
        with open(directory.output, "rb") as log:
            log.seek(position)
            return log.read(CHUNK_BYTES)
    except FileNotFoundError:
        return b""
