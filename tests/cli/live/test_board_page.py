"""Whole screens of a project at one moment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from huskies_cli import render
from huskies_cli.live.board_page import Screen, board_rows
from huskies_cli.live.columns import columns_of, step
from huskies_cli.live.keys import Key, Press
from huskies_core.context import Context
from huskies_core.ids import StoryId
from huskies_core.operations.dashboard import MOST, read_live, with_figures
from huskies_core.operations.pause import pause_starting
from huskies_core.operations.registry import find
from huskies_core.operations.timers import schedule_timer
from huskies_core.pipeline.stages import Backlog, Blocked, Coding, Done, Merge, Qa, ReviewHold, Stage
from huskies_core.store import runs, stories
from huskies_core.supervisor.run_directory import RunDirectory, take_lock
from support.claims import claim_run
from support.contexts import Clock, agent_toml, opened
from support.stories import DRAFT, NOW

MIX: tuple[Stage, ...] = (
    Backlog(),
    Coding(),
    Coding(),
    Qa(),
    Merge("feature/story-5", 1),
    Blocked("the gates failed four times", Coding()),
    ReviewHold("a spike"),
    Done("2026-01-01T00:00:00.000Z", "c0ffee"),
    Backlog(),
    Backlog(),
)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with opened(tmp_path / "shop", Clock(), agents_toml=agent_toml()) as context:
        yield context


def fill(context: Context, count: int) -> None:
    """Import stories of all kinds of stages; the second is in coding."""
    with context.store.exclusive() as db:
        for number in range(count):
            draft = replace(DRAFT, title=f"Greet the world of {number + 1}")
            stage = MIX[number % len(MIX)]
            stories.add(db, draft, stage, actor="user:ada", now=NOW, event="imported")


@contextmanager
def live_run(context: Context, story: int, printed: str) -> Iterator[None]:
    """Keep a run live, with an output of 71 seconds after its start."""
    run = claim_run(context.store, story)
    with context.store.exclusive() as db:
        runs.mark_live(db, run)
    directory = RunDirectory(context.project.run_dir(run))
    lock = take_lock(directory)
    assert lock is not None
    Path(directory.output).write_text(printed)
    os.utime(directory.output, (NOW.timestamp(), NOW.timestamp() + 71))
    try:
        yield
    finally:
        os.close(lock)


def screen(context: Context, width: int, lines: int, *, selected: StoryId | None = None) -> list[str]:
    live = read_live(context)
    now = context.now() + timedelta(seconds=75)
    return render.rows(board_rows(live, Screen(width, lines, selected), "shop", now), width)


def test_three_stories_on_a_small_screen(context: Context) -> None:
    fill(context, 3)
    schedule_timer(context, after="2h", label="deps", prompt="Look for old dependencies", find=find)
    with live_run(context, 2, "compiling\nsrc/main.c:12: warning: unused\n\n"):
        drawn = screen(context, 80, 24, selected=StoryId(2))
    assert drawn == [
        "huskies shop                                        ● 1 running   $0.00 today",
        "",
        "Backlog 1            Coding 2             QA        Merge     On hold   Done",
        "○ 1 Greet the worl…  ● 2›Greet the worl…",
        "                     ○ 3 Greet the worl…",
        "",
        "Runs    agent           age silent  turns     cost  last output",
        "● 2     ann              1m     4s      0        -  src/main.c:12: warning: unu…",
        "",
        "Next    in 1h    deps  Look for old dependencies",
        "",
        "Events",
        "12:00:00 1     → backlog imported: Greet the world of 1",
        "12:00:00 2     → coding imported: Greet the world of 2",
        "12:00:00 3     → coding imported: Greet the world of 3",
        "12:00:00       timer created",
        "12:00:00 2     run started: run 1, coder, by ann",
        *[""] * 5,
        "2 Greet the world of 2: coder run 1 is live",
        "q quit · p pause · ? keys · ←↑↓→ select · Enter its log · or a number and Enter",
    ]


def test_many_stories_fit_a_small_screen_and_a_large_one(context: Context) -> None:
    fill(context, 300)
    small, large = screen(context, 80, 24), screen(context, 200, 50)
    assert (len(small), len(large)) == (24, 50)
    assert max(map(len, small)) <= 80
    assert small[2:9] == [
        "Backlog 90    Coding 60     QA 30         Merge 30      On hold 60   Done 30",
        "○  1 Greet …  ○  2 Greet …  ○  4 Greet …  ○  5 Greet …  ✗  7 Greet…  ✓ 298 Gree…",
        "○  9 Greet …  ○  3 Greet …  ○ 14 Greet …  ○ 15 Greet …  ✗ 17 Greet…  ✓ 288 Gree…",
        "○ 10 Greet …  ○ 12 Greet …  ○ 24 Greet …  ○ 25 Greet …  ✗ 27 Greet…  ✓ 278 Gree…",
        "○ 11 Greet …  ○ 13 Greet …  ○ 34 Greet …  ○ 35 Greet …  ✗ 37 Greet…  ✓ 268 Gree…",
        "  +86 more      +56 more      +26 more      +26 more      +56 more     +26 more",
        "",
    ]
    assert [line[:101].rstrip() for line in large if line.startswith(("Needs", "✗ 6 "))] == [
        "Needs you",
        "✗ 6     blocked: the gates failed four times                                    huskies unblock 6",
    ]
    assert any("Events" in line[101:] for line in large)
    assert sum(line.startswith("✗") for line in large) > 10


@pytest.mark.parametrize("size", [(80, 3), (20, 24), (40, 1), (60, 10), (500, 200)])
def test_the_board_fills_a_screen_of_any_size(context: Context, size: tuple[int, int]) -> None:
    fill(context, 30)
    width, lines = size
    assert len(screen(context, width, lines)) == max(lines, 2)


def test_an_empty_project_has_a_board(context: Context) -> None:
    assert screen(context, 40, 6)[0] == "huskies shop              $0.00 today"


def test_the_board_shows_a_pause_and_a_broken_config(context: Context) -> None:
    fill(context, 2)
    pause_starting(context, "the night")
    drawn = screen(context, 80, 24)
    assert drawn[0].endswith("$0.00 today   paused")
    assert "q quit · p resume" in drawn[-1]
    context.project.project_toml.write_text("nonsense = 1\n")
    context.forget_config()
    assert any("nonsense" in line for line in screen(context, 80, 24))


@pytest.mark.parametrize(
    ("selected", "press", "then"),
    [
        (None, Key.DOWN, 9),
        (1, Key.DOWN, 9),
        (10, Key.DOWN, 10),
        (1, Key.UP, 1),
        (1, Key.RIGHT, 2),
        (9, Key.RIGHT, 3),
        (10, Key.RIGHT, 3),
        (3, "l", 4),
        (8, "l", 8),
        (5, "h", 4),
        (999, "x", 1),
    ],
)
def test_arrows_select_stories(context: Context, selected: StoryId | None, press: Press, then: int) -> None:
    fill(context, 10)
    assert step(columns_of(read_live(context)), selected, press) == then


def test_an_arrow_key_without_a_story_selects_nothing(context: Context) -> None:
    assert step(columns_of(read_live(context)), None, Key.DOWN) is None


def test_a_long_column_shows_the_part_around_the_selected_story(context: Context) -> None:
    fill(context, 300)
    drawn = screen(context, 80, 24, selected=StoryId(151))
    assert any(line.startswith("○ 151›Greet") for line in drawn)
    assert drawn[-2] == "151 Greet the world of 151: waits to be started"


@pytest.mark.parametrize("width", [1, 2, 5, 12, 40, 79, 149, 150])
def test_no_screen_is_too_small(context: Context, width: int) -> None:
    fill(context, 30)
    for lines in range(1, 26):
        drawn = screen(context, width, lines, selected=StoryId(3))
        assert (len(drawn), max(map(cell_len, drawn)) <= width) == (max(lines, 2), True)


def test_an_event_of_another_day_shows_the_day(context: Context) -> None:
    fill(context, 1)
    live = read_live(context)
    drawn = render.rows(board_rows(live, Screen(80, 24), "shop", NOW + timedelta(days=1)), 80)
    day = NOW.astimezone().strftime("%b %d")
    assert any(row.startswith(f"{day}   1     → backlog imported") for row in drawn)


def test_only_as_many_runs_as_fit_a_screen_have_their_last_line_read(context: Context) -> None:
    fill(context, MOST + 2)
    for story in range(1, MOST + 3):
        run = claim_run(context.store, story, agent=f"ann-{story}")
        directory = RunDirectory(context.project.run_dir(run))
        os.makedirs(directory.path, exist_ok=True)
        Path(directory.output).write_text("compiling\n")
    live = read_live(context)
    for board in (live, with_figures(context, live)):
        assert [run.last_line for run in board.runs] == ["compiling"] * MOST + ["", ""]
