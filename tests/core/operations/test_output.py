import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import RunId, StoryId
from huskies_core.operations.output import Log, Output, find_log, follow, latest, lines_of, read, readable
from huskies_core.pipeline.stages import Coding
from huskies_core.store import runs, stories
from huskies_core.store.runs import Outcome, Report, Run, RunClaim, RunKind
from huskies_core.supervisor.run_directory import RunDirectory, take_lock
from support.contexts import Clock, opened
from support.stories import NOW, import_story


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with opened(tmp_path / "repo", Clock()) as context:
        import_story(context.store, Coding())
        yield context


def begin(context: Context, story: int = 1) -> Run:
    """Record a live run with a directory."""
    with context.store.exclusive() as db:
        visit = stories.load(db, StoryId(story)).visit
        claim = RunClaim(StoryId(story), RunKind.CODER, visit, f"coder-{story}", "command")
        run = runs.claim(db, claim, actor="test", now=NOW)
    os.makedirs(context.project.run_dir(run.id))
    return run


def end(context: Context, run: Run) -> None:
    with context.store.exclusive() as db:
        runs.end(db, run.id, Report(Outcome.COMPLETED), actor="test", now=NOW)


@pytest.fixture
def log(context: Context) -> Iterator[Log]:
    """Return the log of a run with its lock in another process."""
    run = begin(context)
    directory = RunDirectory(context.project.run_dir(run.id))
    lock = take_lock(directory)
    assert lock is not None
    yield Log(run, directory)
    os.close(lock)


def in_turn(*steps: Callable[[], object]) -> Callable[[], object]:
    """Return a pause that causes the next event each time."""
    ahead = iter(steps)

    def pause() -> None:
        next(ahead)()

    return pause


def write(log: Log, content: bytes, *, anew: bool = False) -> Callable[[], object]:
    def act() -> None:
        with open(log.directory.output, "wb" if anew else "ab") as file:
            file.write(content)

    return act


def finish(log: Log, content: bytes = b"") -> Callable[[], object]:
    def act() -> None:
        write(log, content)()
        Path(log.directory.exit).write_text("{}")

    return act


def refused(context: Context, story: int, run: RunId | None = None) -> str:
    with pytest.raises(HuskiesError) as raised:
        find_log(context, StoryId(story), run)
    return raised.value.code


def test_the_live_run_is_shown_else_the_last_one(context: Context) -> None:
    first = begin(context)
    end(context, first)
    second = begin(context)
    live = find_log(context, StoryId(1)).run.id
    end(context, second)
    assert (live, find_log(context, StoryId(1)).run.id, find_log(context, StoryId(1), first.id).run.id) == (
        2,
        2,
        1,
    )


def test_missing_runs_and_missing_output_have_different_codes(context: Context) -> None:
    import_story(context.store, Coding())
    before = refused(context, 1)
    run = begin(context)
    os.rmdir(context.project.run_dir(run.id))
    codes = [refused(context, 1), refused(context, 2, run.id), refused(context, 9)]
    assert (before, codes) == ("no_runs", ["no_output", "not_found", "not_found"])


def test_a_run_that_printed_nothing_yet_has_an_empty_log(log: Log) -> None:
    assert b"".join(read(log)) == b""


def test_new_output_is_followed_to_the_end_of_the_run(log: Log) -> None:
    write(log, b"one\n")()
    pause = in_turn(write(log, b"two\n"), lambda: None, finish(log, b"three\n"))
    assert list(follow(log, pause)) == [b"one\n", b"two\n", b"three\n"]


def test_following_waits_for_a_missing_log(log: Log) -> None:
    assert list(follow(log, in_turn(lambda: None, finish(log, b"late\n")))) == [b"late\n"]


def test_a_truncated_log_is_read_from_its_beginning(log: Log) -> None:
    write(log, b"a long first line\n")()
    pause = in_turn(write(log, b"new\n", anew=True), finish(log))
    assert list(follow(log, pause)) == [b"a long first line\n", b"new\n"]


def test_following_ends_when_the_supervisor_is_dead(context: Context) -> None:
    run = begin(context)
    directory = RunDirectory(context.project.run_dir(run.id))
    Path(directory.output).write_bytes(b"last words\n")
    assert list(follow(Log(run, directory), pytest.fail)) == [b"last words\n"]


def test_lines_are_whole_wherever_the_pieces_end() -> None:
    assert list(lines_of([b"on", b"e\ntwo\n", b"", b"\ntorn"])) == [b"one", b"two", b"", b"torn"]


def test_a_line_without_an_end_is_yielded_in_parts() -> None:
    pieces = [b"x" * 700_000, b"x" * 700_000, b"\nnext"]
    assert [len(line) for line in lines_of(pieces)] == [1_400_000, 0, 4]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"\x1b[31mred\x1b[0m \x07bell", "red bell"),
        (b"10%\r20%\r100%\r", "100%"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (
            b'{"usage": {"model": "m", "input_tokens": 5, "output_tokens": 2}}',
            "[usage m: 5 in, 2 out, 1 turns]",
        ),
        (b'{"usage": {"cost_usd": 0.25, "turns": 3}}', "[usage: 0 in, 0 out, 3 turns, 0.2500 USD]"),
        (b'{"usage": "none"}', '{"usage": "none"}'),
        (b'{"usage": {"model": "\\u001b[2J"}}', "[usage : 0 in, 0 out, 1 turns]"),
    ],
)
def test_a_line_is_made_safe_for_a_terminal(log: Log, line: bytes, shown: str) -> None:
    assert readable(line, log.run) == shown


@pytest.mark.parametrize(
    ("limit", "text", "whole"),
    [
        (0, "eins\nzwei\n[usage m: 3 in, 0 out, 1 turns]\nfünf\n", True),
        (100, "eins\nzwei\n[usage m: 3 in, 0 out, 1 turns]\nfünf\n", True),
        (10, "fünf\n", False),
        (2, "f\n", False),
    ],
)
def test_the_last_lines_are_complete(log: Log, limit: int, text: str, *, whole: bool) -> None:
    usage = '{"usage": {"model": "m", "input_tokens": 3}}'
    Path(log.directory.output).write_text(f"\x1b[1meins\x1b[0m\nzwei\n{usage}\nfünf\n")
    assert latest(log, limit) == Output(log.run, text, is_whole=whole)
