"""The live board of `watch` among 1,000 stories: its cost without changes, and the delay of a change."""

import statistics
from collections.abc import Iterator
from pathlib import Path

import psutil
from msgspec.structs import replace

from bench.rows import Row, Scale, seconds
from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.pipeline.stages import Backlog, Blocked, Stage
from huskies_core.runs.programs import installed_program
from huskies_core.store import stories
from support.contexts import Clock, opened
from support.screen import Screen
from support.stories import DRAFT

MOST_OF_A_CORE = 0.01
SOON_SECS = 0.2
RESOLUTION_SECS = 0.01
"""The unit of the kernel's counter: smaller values are measured as zero."""
STAGES: tuple[Stage, ...] = (Backlog(), Blocked("the gates failed", Backlog()))


def board(folder: Path, scale: Scale) -> Iterator[Row]:
    """Measure the installed program on a terminal of 80 columns, with a tick each second, while stories are added."""
    with opened(folder / "repo", Clock(utc_now())) as context:
        fill(context, min(scale.stories, 1000))
        with Screen([installed_program(), "watch"], context.project.root, {}) as screen:
            screen.resize(24, 80)
            screen.wait_for_text("startup reconcile complete", 60)
            screen.settled()
            process = psutil.Process(screen.pid)
            cost = core_share(process, screen, 1 + scale.rounds // 20)
            delays = [delay(context, screen, number) for number in range(max(scale.rounds // 20, 1))]
    yield Row("the board with nothing happening, of a core", "share", cost, MOST_OF_A_CORE, at_most=1)
    yield Row("from a commit to the board (median)", "s", statistics.median(delays), SOON_SECS, at_most=1)


ROWS = (board,)


def fill(context: Context, count: int) -> None:
    with context.store.exclusive() as db:
        for number in range(count):
            stage = STAGES[number % len(STAGES)]
            stories.add(db, DRAFT, stage, actor="user:bench", now=context.now(), event="imported")


def core_share(process: psutil.Process, screen: Screen, secs: int) -> float:
    """Return the processor seconds per second of an idle board."""

    def used() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    before = used()
    passed = seconds(lambda: screen.listen(secs))
    return max(used() - before, RESOLUTION_SECS) / passed


def delay(context: Context, screen: Screen, number: int) -> float:
    """Return the time from the transaction that adds a story until its title is on the screen."""
    title = f"measured {number}"
    with context.store.exclusive() as db:
        stories.add(
            db, replace(DRAFT, title=title), Backlog(), actor="user:bench", now=utc_now(), event="imported"
        )
    return seconds(lambda: screen.wait_for_text(title))
