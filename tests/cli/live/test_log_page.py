"""The log page: the end of the log, new output, and the next run."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_cli import render
from huskies_cli.live.keys import Key
from huskies_cli.live.log_page import LogPage
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.dashboard import read_live
from huskies_core.pipeline.stages import Coding
from huskies_core.store.runs import RunKind
from huskies_core.supervisor.run_directory import RunDirectory, take_lock
from support.claims import claim_run, end_run
from support.contexts import Clock, opened
from support.stories import NOW, import_story

KEYS = "q back · ↑↓ PgUp PgDn Home End scroll · whole log: huskies logs 1"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with opened(tmp_path / "shop", Clock()) as context:
        import_story(context.store, Coding())
        yield context


def begin(context: Context, kind: RunKind = RunKind.CODER, runtime: str = "command") -> Path:
    """Claim a run without a supervisor and return the path of its output."""
    run = claim_run(context.store, 1, kind, runtime=runtime)
    directory = RunDirectory(context.project.run_dir(run))
    lock = take_lock(directory)
    assert lock is not None
    os.close(lock)
    Path(directory.output).touch()
    return Path(directory.output)


def screen(page: LogPage, lines: int = 7, width: int = 76) -> list[str]:
    page.read()
    return render.rows(page.rows(width, lines, NOW), width)


def test_the_page_shows_the_end_of_the_log_and_new_output(context: Context) -> None:
    log = begin(context)
    log.write_text("".join(f"line {number}\n" for number in range(1, 10)))
    page = LogPage(context, StoryId(1))
    head = "1 A story (coding) · coder run 1 by ann · live 0s"
    assert screen(page) == [head, "", *(f"line {number}" for number in (6, 7, 8, 9)), KEYS]
    with log.open("a") as more:
        more.write("\x1b[31mline 10\x1b[0m\nand a ha")
    assert screen(page)[2:6] == ["line 8", "line 9", "line 10", "and a ha"]
    with log.open("a") as more:
        more.write("lf\n")
    assert screen(page)[2:6] == ["line 8", "line 9", "line 10", "and a half"]


def test_a_scrolled_page_shows_how_many_lines_are_below(context: Context) -> None:
    begin(context).write_text("".join(f"line {number}\n" for number in range(1, 10)))
    page = LogPage(context, StoryId(1))
    screen(page)
    shown = []
    for press in (Key.UP, Key.PAGE_UP, Key.HOME, "j", Key.END, Key.DOWN):
        page.scroll(press)
        drawn = screen(page)
        shown.append((drawn[2], drawn[5], drawn[6].partition(" · ")[0]))
    assert shown == [
        ("line 5", "line 8", "1 more below"),
        ("line 2", "line 5", "4 more below"),
        ("line 1", "line 4", "5 more below"),
        ("line 2", "line 5", "4 more below"),
        ("line 6", "line 9", "q back"),
        ("line 6", "line 9", "q back"),
    ]


def test_the_output_of_a_known_agent_program_is_shown_as_text(context: Context) -> None:
    message = {"type": "text", "text": "I read it.\nNow the tests."}
    event = json.dumps({"type": "assistant", "message": {"content": [message]}})
    begin(context, runtime="claude-code").write_text(f"{event}\n{event}")
    page = LogPage(context, StoryId(1))
    assert screen(page)[2:6] == ["I read it.", "Now the tests."] * 2
    assert read_live(context).runs[0].last_line == "Now the tests."


def test_long_lines_are_folded_to_the_width(context: Context) -> None:
    begin(context).write_text("0123456789abcdef\n家家家\n")
    assert screen(LogPage(context, StoryId(1)), width=10)[2:6] == ["0123456789", "abcdef", "家家家", ""]


def test_the_next_run_of_the_story_follows(context: Context) -> None:
    begin(context).write_text("first\nunfinished")
    page = LogPage(context, StoryId(1))
    screen(page)
    end_run(context.store, 1)
    begin(context, RunKind.GATES).write_text("second\n")
    assert screen(page, lines=10)[2:8] == [
        "first",
        "unfinished",
        "",
        "── gates run 2 by ann ──",
        "",
        "second",
    ]


def test_only_the_end_of_a_huge_log_is_read(context: Context) -> None:
    begin(context).write_text("".join(f"line {number}\n" for number in range(200_000)))
    page = LogPage(context, StoryId(1))
    assert screen(page)[5] == "line 199999"
    page.scroll(Key.HOME)
    assert screen(page)[2] == "line 195000"


def test_new_output_does_not_move_the_lines_of_a_scrolled_page(context: Context) -> None:
    log = begin(context)
    log.write_text("".join(f"line {number}\n" for number in range(1, 10)) + "torn")
    page = LogPage(context, StoryId(1))
    screen(page)
    page.scroll(Key.UP)
    before = screen(page)[2:6]
    with log.open("a") as more:
        more.write(f" and whole\n{'long ' * 30}\nshort\nto")
    assert screen(page)[2:6] == before == ["line 6", "line 7", "line 8", "line 9"]
    assert screen(page)[6].startswith("5 more below")
    page.scroll(Key.END)
    assert screen(page)[5] == "to"


def test_the_page_shows_the_end_of_output_that_is_printed_too_fast(context: Context) -> None:
    log = begin(context)
    log.write_text("first\nto")
    page = LogPage(context, StoryId(1))
    screen(page)
    with log.open("a") as more:
        more.write("".join(f"line {number}\n" for number in range(200_000)))
    assert screen(page)[5] == "line 199999"
    with log.open("a") as more:
        more.write("rn\n" + "0123456789" * 200_000 + "\nlast\n")
    assert screen(page)[4:6] == ["…", "last"]


def test_a_truncated_log_is_read_from_its_beginning(context: Context) -> None:
    log = begin(context)
    log.write_text("one\ntwo\nthr")
    page = LogPage(context, StoryId(1))
    screen(page)
    log.write_text("four\n")
    assert screen(page)[2:6] == ["one", "two", "four", ""]


def test_spaces_in_the_output_are_kept(context: Context) -> None:
    begin(context).write_text("if  so:\n\treturn  1\u2028;\n")
    assert screen(LogPage(context, StoryId(1)))[2:4] == ["if  so:", "        return  1 ;"]


def test_the_page_of_a_story_without_a_run_names_the_command_that_explains(context: Context) -> None:
    page = LogPage(context, StoryId(1))
    assert screen(page)[2] == "story 1 has had no run yet. 'huskies explain 1' shows its blockers."
    begin(context).write_text("at last\n")
    assert screen(page)[2] == "at last"


def test_a_story_that_does_not_exist_has_no_page(context: Context) -> None:
    with pytest.raises(HuskiesError):
        LogPage(context, StoryId(9))
